"""The language of `say:` lines."""

from __future__ import annotations

import pytest

from linter.pattern import Hit, PatternError, matches, parse
from linter.text import Folding

FOLDING = Folding()


def places(source: str, text: str, words: dict[str, list[str]], within: int = 6) -> list[str]:
    """Return the words a pattern matches, hits being every place of the given words."""
    folded = FOLDING.fold(text)
    hits: dict[str, list[Hit]] = {}
    for concept, spellings in words.items():
        for spelling in spellings:
            start = folded.plain.find(spelling)
            while start >= 0:
                hits.setdefault(concept, []).append(Hit(start, start + len(spelling), concept, spelling))
                start = folded.plain.find(spelling, start + 1)
    found = matches(parse(source, within), hits, folded, 0, len(folded.plain))
    return [text[slice(*folded.original_span(m[0].start, m[-1].end))] for m in found]


WORDS = {"add": ["加", "添加"], "wechat": ["微信", "vx"], "=吧": ["吧"]}
TABLE = [
    ("in order", "add wechat", "请添加我的微信", ["添加我的微信", "加我的微信"]),
    ("not in order", "add wechat", "微信加一下", []),
    ("too far", "add wechat", "加一二三四五六七微信", []),
    ("far gap", "add ... wechat", "加一二三四五六七微信", ["加一二三四五六七微信"]),
    ("counted gap", "add ..7 wechat", "加一二三四五六七微信", ["加一二三四五六七微信"]),
    ("adjacent", "add + wechat", "加我微信", []),
    ("spaces do not count", "add + wechat", "加   微信", ["加   微信"]),
    ("comma may stand in a gap", "add wechat", "加，微信", ["加，微信"]),
    ("a sentence's end may not", "add wechat", "加。微信", []),
    ("alternatives", "add|吧 wechat", "吧vx", ["吧vx"]),
    ("optional there", "add wechat 吧?", "加微信吧", ["加微信吧", "加微信"]),
    ("optional missing", "add wechat 吧?", "加微信", ["加微信"]),
    ("from the start", "^ add wechat", "不加微信", []),
    ("to the end", "add wechat $", "加微信吧", []),
]


@pytest.mark.parametrize(("source", "text", "found"), [row[1:] for row in TABLE], ids=[row[0] for row in TABLE])
def test_matches(source: str, text: str, found: list[str]) -> None:
    assert places(source, text, WORDS) == found


@pytest.mark.parametrize("source", ["", "add?", "add|", "ADD wechat", "a_b"])
def test_broken_patterns_say_what_is_wrong(source: str) -> None:
    with pytest.raises(PatternError):
        parse(source, 6)


def test_hostile_text_costs_bounded_time() -> None:
    text = "加微信" * 20_000
    folded = FOLDING.fold(text)
    hits = {"add": [Hit(i, i + 1, "add", "加") for i in range(0, len(text), 3)], "never": [Hit(0, 1, "never", "加")]}
    pattern = parse("add ... add ... add ... add ... never", 6)
    assert list(matches(pattern, hits, folded, 0, len(text))) == []
