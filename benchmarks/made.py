"""Chat for the benchmarks: made up from our own sentences with slots, the same every time, a few per cent of them bad.

Where the measuring data is there (KEFULINT_DATA), its chat is used instead: wording decides what judging costs.
"""

from __future__ import annotations

import json
import os
import random
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any

from linter import Message, Origin, Turn

DATA = Path(os.environ.get("KEFULINT_DATA") or Path(__file__).parent.parent.parent / "shared")

OPENINGS = ["亲，", "您好，", "亲亲", "", "", "好的，", "嗯嗯", "小店这边", "稍等哈，", "不好意思，"]
THINGS = [
    "床单",
    "台灯",
    "帆布包",
    "猫砂",
    "保温杯",
    "围巾",
    "拼图",
    "雨衣",
    "茶杯",
    "地垫",
    "书架",
    "跳绳",
    "颜料",
    "手账本",
]
COLOURS = ["米白", "墨绿", "雾蓝", "奶茶色", "深灰", "橘粉", "卡其"]
PLACES = ["江苏", "云南", "成都", "长沙", "内蒙", "浙江", "厦门", "西安"]
CLEAN = [
    "{thing}还有{colour}的，您看中哪个颜色", "已经替您备注{colour}了", "{place}一般{n}天左右能收到", "这款{thing}是可以机洗的",
    "尺码按照平时穿的选就行", "仓库下午打包，晚上出物流信息", "{thing}的说明书在包装盒里面", "优惠券在首页领，满{n}9减{n}",
    "麻烦您拍张{thing}的照片给我看一下", "发票随时可以开，把抬头发我就好", "订单地址改好了，您核对一下", "这个{colour}比图片稍微深一点",
    "收到了有问题直接找我处理", "{thing}两件一起拍运费不变", "晚点给您查一下快递到{place}了没有", "在的，请讲", "好的", "嗯", "明白了", "是纯棉的",
    "赠品和{thing}放在一个箱子里", "退货地址在订单页面能看到", "您先用着，有疑问再联系", "{n}个装的和单个的是同一款", "预计今晚发出，请留意短信",
]  # fmt: skip
BAD = [
    "加我薇❤{n}{n}a_shop{n}，便宜{n}块", "特价{thing}不开票的哦", "五星好评截图返{n}元", "这款{thing}百分百不掉色", "{thing}拆了就不退不换",
    "直接转支付宝给我，省{n}块手续费", "现在拍要下个月才能发{thing}", "你自己没看清还来问", "全网最低价的{thing}",
]  # fmt: skip


def texts(count: int, bad: float = 0.02, seed: int = 7) -> Iterator[str]:
    """Yield so many messages; a share of `bad` breaks a rule."""
    made = random.Random(seed)
    for _ in range(count):
        sentence = made.choice(BAD if made.random() < bad else CLEAN)
        filled = sentence.format(
            thing=made.choice(THINGS), colour=made.choice(COLOURS), place=made.choice(PLACES), n=made.randint(2, 9)
        )
        yield made.choice(OPENINGS) + filled + made.choice(["", "", "哦", "呢", "哈", f"（{made.randint(1, 999)}）"])


def rows() -> list[dict[str, Any]]:
    """Return the rows of real chat, else of made-up chat, sessions together."""
    found = [
        json.loads(line) for path in sorted(DATA.glob("data/*/turns.jsonl")) for line in path.open(encoding="utf-8")
    ]
    if found:
        return found
    return [
        {"session": f"m{n // 6}", "turn": n % 6, "role": "agent" if n % 2 else "buyer", "text": text}
        for n, text in enumerate(texts(40_000))
    ]


def conversations(given: Iterable[Mapping[str, Any]]) -> Iterator[Message]:
    """Yield the agents' messages of rows with the turns before them."""
    session, turns = "", list[Turn]()
    for row in given:
        if row["session"] != session:
            session, turns = row["session"], []
        if row["role"] == "agent":
            yield Message(row["text"], context=turns[-6:], origin=Origin(time=row.get("time")))
        turns.append(Turn(row["role"], row["text"], row.get("time")))
