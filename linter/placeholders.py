"""A template's text in, the same length out, with what a program will fill in made neutral.

A placeholder becomes one character that no word holds, and filler behind it: so spans stay those of the source, a word cut
in two by a placeholder does not close up into a false hit, and words that belong together are still near each other. One
that stands for a number (返{{amount}}元) becomes a digit, because what it will say is plain.
"""

from __future__ import annotations

import re
from functools import lru_cache

MASK = "\ua015"  # a Yi syllable: a letter to the fold, in no Chinese word, read as no sound
_FILLER = "\u200b"
_NAMES = (
    "昵称", "买家昵称", "客户昵称", "顾客昵称", "会员昵称", "用户昵称", "客服昵称", "旺旺", "旺旺名", "买家旺旺", "客户名", "客户姓名", "顾客姓名",
    "用户名", "姓名", "收件人", "收货人", "收货地址", "订单号", "订单编号", "商品名", "商品名称", "商品标题", "商品链接", "快递单号", "运单号",
    "物流单号", "快递公司", "物流公司", "店铺名", "店铺名称", "客服名", "金额", "价格", "日期", "时间", "发货时间", "称呼",
)  # fmt: skip
_NAME = "|".join(sorted(_NAMES, key=len, reverse=True))
_PLACEHOLDER = (
    r"\{%.{0,400}?%\}|\{#.{0,1000}?#\}|\{\{.{0,200}?\}\}"  # Jinja, Mustache, Handlebars; bounded, so that time is
    r"|[$#]\{[^{}\n]{1,60}\}|\{[A-Za-z_\u4e00-\u9fff][\w.:\[\]\-]{0,40}\}|\{\d{0,2}\}"  # ${name}, {name}, {0}, {}
    r"|%\([A-Za-z_]\w{0,40}\)[sdif]|%(?:\d\$)?[sdf](?![A-Za-z])"  # %(name)s, %s
    rf"|[【\[<#](?:{_NAME})[】\]>#]"
)
_COUNTED = re.compile(r"\s?(?:元|块|%|％|折|天|小时|个工作日|分钟|件|张|积分)")


def mask(text: str) -> str:
    """Return the text with its placeholders neutral, at the same length."""
    if not any(sign in text for sign in "{%【[<#"):
        return text
    return _placeholders().sub(lambda found: _neutral(found, text), text)


@lru_cache(maxsize=1)
def _placeholders() -> re.Pattern[str]:
    return re.compile(_PLACEHOLDER, re.DOTALL)  # large: compiled where a text may hold one


def _neutral(found: re.Match[str], text: str) -> str:
    if found[0].startswith(("{%", "{#")):
        return _FILLER * len(found[0])
    stands_for = "1" if _COUNTED.match(text, found.end()) else MASK
    return stands_for.ljust(len(found[0]), _FILLER)
