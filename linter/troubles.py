"""Rows that could not be judged in, a line about each for the shop's staff out.

A trouble is said in English where programs and the command line say it (`path:row: what, expected what`); reports are read
by people who want to know which row of their export to look at, and why.
"""

from __future__ import annotations

import re
from collections.abc import Callable

_PLACE = re.compile(r"(?P<path>.+?):(?P<row>\d+): (?P<what>.*)", re.DOTALL)
_KINDS = {
    "int": "数字", "float": "数字", "bool": "是或否", "list": "列表", "dict": "对象", "NoneType": "空值", "str": "文字",
}  # fmt: skip

# what a trouble says -> what it means; \1 and \2 stand for what was found
_SAID = [
    (re.compile(pattern), said)
    for pattern, said in (
        (r"(\d+) cells, expected (\d+) as in the header", r"这一行有 \1 格，表头有 \2 格"),
        (r"no text, expected .*", r"没有消息内容"),
        (r"the text is an? (\w+), expected .*", r"消息内容不是文字，是\1"),
        (r"unknown role '(.*)', expected .*", r"看不出「\1」是客服还是买家"),
        (r"a (\w+), expected a JSON object with a text", r"这一行是\1，不是带消息内容的 JSON 对象"),
        (r"broken JSON \((.*)\), expected .*", r"JSON 写坏了（\1）"),
        (r"(.*), expected valid YAML", r"YAML 写坏了（\1）"),
        (r"key '(.*)' stands twice.*", r"键「\1」写了两次"),
        (r"(.*), expected a CSV row", r"CSV 这一行读不了（\1）"),
        (r"bytes at (\d+) are not (\S+), expected .*", r"第 \1 个字节起不是 \2 编码，读出来可能有乱码"),
        (r"a NUL byte at (\d+), expected .*", r"第 \1 个字节是空字符，不像文本文件"),
        (r"the file breaks off \((.*)\), expected .*", r"文件到这里断了，后面没有读到（\1）"),
        (r"a line of more than (\d+) MB, expected .*", r"这一行超过 \1 MB，没有判"),
        (r"cannot be read \((.*)\), expected .*", r"文件读不了（\1）"),
        (r"not a workbook \((.*)\), expected .*", r"不是能读的 Excel 文件（\1）"),
        (r"no text column among (.*), expected .*", r"表头里没有消息内容这一列（只有：\1），请用 --column text=列名 指明"),
        (r"no column is known to say who speaks, among (.*), expected .*", r"看不出哪一列说的是谁在说话（\1），请用 --column role=列名 或 --column sender=列名 指明"),
        (r"a quote that is not closed, expected .*", r"引号没有合上，从这里起一行一行地读"),
        (r"(.*), expected a text file, or a workbook .*", r"不是文本文件，也不是工作簿（\1）"),
        (r"a sheet with cells as far away as (.*), expected .*", r"工作表里有太远的格子（\1），读不了"),
        (r"time '(.*)' is not understood, (.*), expected .*", r"看不懂时间「\1」（\2）"),
        (r"words before the first time and name, expected .*", r"第一个时间和昵称之前的文字，不知道是谁说的"),
    )
]  # fmt: skip


def in_chinese(line: str, mask: Callable[[str], str] = str) -> str:
    """Return a trouble's line in Chinese; what it says is left as it is where nobody put it in Chinese yet.

    `mask` hides contacts in what was found; the name of the file stays, it is what one looks for.
    """
    place = _PLACE.fullmatch(line)
    if place is None:
        return mask(line)
    return f"{place['path']} 第 {place['row']} 行：{_meant(mask(place['what']))}"


def _meant(what: str) -> str:
    for pattern, said in _SAID:
        found = pattern.fullmatch(what)
        if found:
            named = [_KINDS.get(part, part) for part in found.groups()]
            return said.replace(r"\1", named[0] if named else "").replace(r"\2", named[-1] if named else "")
    return what.replace(", expected ", "，应为 ")
