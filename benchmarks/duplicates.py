"""How duplicate-listing copes with a whole catalogue: recall, precision, time and memory on made-up titles.

Every title is made here from parts, so which ones are duplicates is known: a share of the goods is listed again with
another price, quantity, gift, word order, padding or character of the same sound. Run: python benchmarks/duplicates.py [N …]
"""

from __future__ import annotations

import random
import resource
import sys
import time
from collections.abc import Iterator
from itertools import combinations

from linter import Linter

BRANDS = [
    "青禾",
    "木白",
    "云岫",
    "小满屋",
    "山与茶",
    "北巷",
    "知棉",
    "暖冬记",
    "一隅",
    "拾光",
    "南栀",
    "望川",
    "竹里",
    "海盐",
    "半夏",
    "雨前",
]
THINGS = [
    "毛巾",
    "保温杯",
    "收纳箱",
    "台灯",
    "笔记本",
    "雨伞",
    "茶壶",
    "拖鞋",
    "围裙",
    "抱枕",
    "砧板",
    "花瓶",
    "衣架",
    "水杯",
    "餐垫",
    "挂钟",
]
STUFF = [
    "纯棉",
    "不锈钢",
    "陶瓷",
    "竹制",
    "亚麻",
    "玻璃",
    "硅胶",
    "原木",
    "皮质",
    "羊毛",
    "藤编",
    "铸铁",
    "珐琅",
    "树脂",
    "帆布",
    "棉麻",
]
USES = [
    "卧室",
    "厨房",
    "办公室",
    "书房",
    "浴室",
    "宿舍",
    "客厅",
    "户外",
    "车载",
    "旅行",
    "阳台",
    "玄关",
    "茶室",
    "教室",
    "露营",
    "早餐",
]
LOOKS = [
    "简约",
    "复古",
    "北欧",
    "日式",
    "中式",
    "格子",
    "条纹",
    "素色",
    "刺绣",
    "浮雕",
    "磨砂",
    "渐变",
    "双层",
    "折叠",
    "便携",
    "静音",
]
SIZES = ["350毫升", "500毫升", "大号", "小号", "中号", "20厘米", "30厘米", "40厘米", "A5", "A4", "1.2米", "1.5米"]
QUANTITIES = ["2件装", "3个装", "5条装", "10只装", "一盒", "两包"]
GIFTS = ["送挂绳", "送收纳袋", "赠清洁布", "送刷子"]


def goods(number: int, random_: random.Random) -> list[list[str]]:
    """Return the word lists of so many different goods."""
    made: set[tuple[str, ...]] = set()
    while len(made) < number:
        parts = (BRANDS, STUFF, LOOKS, USES, SIZES, THINGS)
        model = f"{random_.choice('ABCDEFGHJK')}{random_.randint(10, 9999)}"
        made.add((*(random_.choice(part) for part in parts), model))
    return [list(words) for words in sorted(made)]


def catalogue(number: int, share: float = 0.2, seed: int = 7) -> tuple[list[dict[str, str]], set[frozenset[str]]]:
    """Return listings of one shop and the pairs of ids that are duplicates."""
    random_ = random.Random(seed)
    originals = goods(int(number * (1 - share)), random_)
    records: list[dict[str, str]] = []
    groups: dict[int, list[str]] = {}
    for index in [*range(len(originals)), *random_.choices(range(len(originals)), k=number - len(originals))]:
        again = index in groups
        words = changed(originals[index], random_) if again else originals[index]
        name = str(len(records))
        groups.setdefault(index, []).append(name)
        records.append({"id": name, "title": " ".join(words), "price": str(random_.randint(9, 299)), "shop": "甲"})
    return records, {frozenset(pair) for ids in groups.values() for pair in combinations(ids, 2)}


def changed(words: list[str], random_: random.Random) -> list[str]:
    """List the same goods again: reordered, with a quantity, a gift or padding."""
    again = list(words)
    kind = random_.choice(["order", "quantity", "gift", "padding", "price"])
    if kind == "order":
        random_.shuffle(again)
    elif kind == "quantity":
        again.append(random_.choice(QUANTITIES))
    elif kind == "gift":
        again.append(random_.choice(GIFTS))
    elif kind == "padding":
        again.insert(random_.randrange(len(again)), random_.choice(["包邮", "新款", "特价"]))
    return again


def pairs(found: list[tuple[str, ...]]) -> Iterator[frozenset[str]]:
    for ids in found:
        yield from (frozenset(pair) for pair in combinations(ids, 2))


def main() -> None:
    linter = Linter("tmall", rules=("duplicate-listing",))
    print("| titles | pairs | recall | precision | seconds | peak MB |\n|---|---|---|---|---|---|")
    for number in [int(arg) for arg in sys.argv[1:]] or [50_000, 100_000, 200_000]:
        records, expected = catalogue(number)
        started = time.perf_counter()
        found = set(pairs([finding.ids for finding in linter.check_listings(records)]))
        seconds = time.perf_counter() - started
        recall, precision = len(found & expected) / len(expected), len(found & expected) / max(1, len(found))
        assert recall >= 0.98 and precision >= 0.98, (recall, precision)
        peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
        print(
            f"| {number:,} | {len(expected):,} | {recall:.4f} | {precision:.4f} | {seconds:.1f} | {peak:.0f} |",
            flush=True,
        )


if __name__ == "__main__":
    main()
