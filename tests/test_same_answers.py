"""A finding never hangs on what was judged before: texts made of the lexicons' own words, read quickly and slowly.

Every text says what a find of some rule asks for, in spellings and disguises of the lexicons, with edges that a word must
not be cut from (letters, digits of any script, joiners), breaks between, and turns before it. `KEFULINT_FUZZ=100000` in the
environment tries so many.
"""

from __future__ import annotations

import os
from collections.abc import Sequence
from functools import lru_cache
from random import Random

import pytest

from linter import Linter, Message, Turn
from linter.lexicon import load_lexicon
from linter.pattern import Pattern
from linter.text import readings

pytest.importorskip("linter._native", reason="the compiled part was not built here")

MANY = int(os.environ.get("KEFULINT_FUZZ", "4000"))
SHAPED = {
    "@mobile": ("13800001111", "一三八零零零零一一一一"), "@landline": ("02112345678",), "@number": ("8811223", "八八一一二二三"),
    "@account": ("abc_12", "a8899x", "xiaomei", "12345a", "a838"), "@id": ("ab_c1", "wx8899", "12ab_", "1234ab"), "@email": ("a1@b.com",),
    "@link": ("http://t.cn/x", "w.cc", "a点com"), "@money": ("3元", "五块", "¥10"), "@percent": ("5%", "百分之五"),
    "@days": ("30天", "两个月", "5-7天"), "@over-two-days": ("3天", "三天"), "@outside-link": ("http://t.cn/x",),
}  # fmt: skip
DIGITS = (
    "0123456789",
    "٠١٢٣٤٥٦٧٨٩",
    "०१२३४५६७८९",
    "０１２３４５６７８９",
    "𝟎𝟏𝟐𝟑𝟒𝟓𝟔𝟕𝟖𝟗",
    "𞥐𞥑𞥒𞥓𞥔𞥕𞥖𞥗𞥘𞥙",
    "①②③④⑤⑥⑦⑧⑨⓪",
    "零一二三四五六七八九",
)
BREAKS = ("", "", "", " ", "，", "。", "\n", "-", "_", "－", "*", "\u200b", "\ufe0f", "/", "…", "·", "❤", "⭐", "\\/")
EDGES = (
    "", "", "", "", "n", "m", "ng", "hm", "hng", "a", "e", "v", "x", "-", "_", "＿", "1", "٣", "²", "亲", "哦", "的", "嗯", "这", "kg", "V2", "Q",
    "\ud800", "\u0301", "。", "这款LKHQ-️", "a8٣8999", "叼", "㊙", "gn", "ü",
)  # fmt: skip


def _digits(text: str, random: Random) -> str:
    forms = random.choice(DIGITS)
    return "".join(forms[ord(c) - 48] if "0" <= c <= "9" and random.random() < 0.6 else c for c in text)


def _spoken(text: str, random: Random) -> str:
    """Write characters as pinyin, or as the letter it begins with."""
    some = [readings().get(c, ("",))[0] if random.random() < 0.5 else "" for c in text]
    return "".join((s[0] if random.random() < 0.3 else s) if s else c for s, c in zip(some, text, strict=True))


@lru_cache(maxsize=1)
def _homophones() -> dict[str, list[str]]:
    found: dict[str, list[str]] = {}
    for char, spoken in readings().items():
        found.setdefault(spoken[0], []).append(char)
    return found


def _heard(text: str, random: Random) -> str:
    alike = [_homophones()[readings()[c][0]] if c in readings() and random.random() < 0.5 else [c] for c in text]
    return "".join(random.choice(chars) for chars in alike)


def _spaced(text: str, random: Random) -> str:
    between = random.choice(BREAKS)
    return between.join(text)


def _wide(text: str, random: Random) -> str:
    return "".join(chr(ord(c) + 0xFEE0) if "!" <= c <= "~" and random.random() < 0.5 else c for c in text)


DISGUISES = (lambda text, _: text, lambda text, _: text.upper(), _digits, _spoken, _heard, _spaced, _wide)


class Writer:
    """Says what rules ask for."""

    def __init__(self, linter: Linter, seed: int) -> None:
        made = linter._compiled
        self.random = Random(seed)
        self.terms = made.scanner.terms
        self.probes = [
            p for channel in ("chat", "listing.title") for p in made.each_probe(channel, linter.rules, linter.platforms)
        ]

    def word(self, name: str) -> str:
        random = self.random
        if name in SHAPED:
            said = random.choice(SHAPED[name])
        else:
            term = random.choice(self.terms[random.choice(self._entries(name))])
            said = term.text if term.view == "plain" else term.spelling
        for disguise in random.choices(DISGUISES, k=2):
            said = disguise(said, random)
        return said + random.choice(("", "", "", "-", "_", "\ufe0f", "\u200d", "－－"))

    def _entries(self, name: str) -> Sequence[int]:
        return sorted(self.terms.entries_of(name)) or sorted(self.terms.entries_of("wechat"))

    def says(self, pattern: Pattern) -> str:
        random = self.random
        words = [
            self.word(random.choice(item.names)) for item in pattern.items if not item.optional or random.random() < 0.3
        ]
        inner = words[0] + "".join(random.choice(BREAKS) + random.choice(EDGES) + word for word in words[1:])
        return random.choice(EDGES) + random.choice(EDGES) + inner + random.choice(EDGES) + random.choice(BREAKS)

    def message(self) -> Message:
        random = self.random
        probe = random.choice(self.probes)
        find, text = probe.find, self.says(probe.pattern)
        asked = (("buyer", find.asked), ("agent", find.said), ("agent", find.earlier))
        turns = [Turn(who, self.says(random.choice(said))) for who, said in asked if said]
        if not turns and random.random() < 0.3:
            turns.append(Turn(random.choice(("buyer", "agent")), self.says(self.random.choice(self.probes).pattern)))
        if len(text) > 2 and random.random() < 0.2:
            cut = random.randint(1, 3)
            turns.append(Turn("agent", text[:cut]))
            text = text[cut:]
        return Message(text, random.choice(probe.rule.channels), turns)


def _quick(platform: str) -> Linter:
    linter = Linter(platform)
    list(linter.check_many(["在的"] * 1100))  # from so many on the compiled part is asked
    return linter


def _slow(platform: str) -> Linter:
    linter = Linter(platform, lexicon=load_lexicon())  # of its own: others share what they made
    linter._asked = -(10**9)
    return linter


QUICK, SLOW = _quick("tmall"), _slow("tmall")
ONCE_APART = [
    ("n is a syllable", Message("n嗯可以", context=[Turn("buyer", "私下这可以")])),
    ("a trailing joiner", Message("发q*哦LKHQ-️这-")), ("of the account itself", Message("微信abcd-")), ("a low one", Message("微信ab12_")),
    ("a wide one", Message("微信abcd＿")), ("foreign digits", Message("微信号a8٣8999")), ("only foreign digits", Message("微信٨٣٨٩٩٩١")),
]  # fmt: skip


@pytest.mark.parametrize("message", [m for _, m in ONCE_APART], ids=[name for name, _ in ONCE_APART])
def test_texts_that_were_read_in_two_ways(message: Message) -> None:
    assert QUICK.check_message(message) == SLOW.check_message(message) != []


@pytest.mark.parametrize("platform", ["tmall", "pinduoduo"])
def test_texts_of_the_lexicons_own_words(platform: str) -> None:
    quick, slow = _quick(platform), _slow(platform)
    writer, found = Writer(slow, seed=20), 0
    messages = [writer.message() for _ in range(MANY // 2)]
    different = []
    for message, many in zip(messages, quick.check_many(messages), strict=True):
        wanted = slow.check_message(message)
        if not wanted == many == quick.check_message(message):
            different.append(message)
        found += len(wanted)
    assert not different
    assert found > len(messages) // 4
