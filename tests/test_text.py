"""Folding: what a text reads as, and that every span finds its way back."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from linter.lexicon import load_lexicon
from linter.text import COMMA, FILLER, NONE, SPACE, STOP, Folding, Sounds, near

FOLDING = Folding(load_lexicon().reads)
SOUNDS = Sounds()

READS = [
    ("plain", "加微信", "加微信"),
    ("width", "ＶＸ：ｌｕｎａ８８", "vxluna88"),
    ("case", "WeChat", "wechat"),
    ("traditional", "轉賬給我發票", "转账给我发票"),
    ("zero-width", "微\u200b信\ufeff", "微信"),
    ("soft hyphen and invisible times", "微\u00ad\u2062信", "微信"),
    ("spaces", "加 我　微\u00a0信", "加我微信"),
    ("symbols", "支*付-宝", "支付宝"),
    ("emoji dropped", "薇😊️信", "薇信"),
    ("emoji with meaning", "➕V 发🧧", "+v发红包"),
    ("keycaps", "1️⃣3️⃣9️⃣", "139"),
    ("circled", "①③⑧❽", "1388"),
    ("formal numerals", "壹叁玖", "一三九"),
    ("compatibility ideographs", "⽀付", "支付"),
    ("mathematical letters", "𝐯𝕩 𝓆𝖖", "vxqq"),
    ("Cyrillic and Greek", "ѵх", "vx"),
    ("digits of other scripts", "a8٣८９", "a8389"),
    ("kept signs", "+6% @x ¥8", "+6%@x¥8"),
    ("lone surrogate", "加\ud800微", "加微"),
]


@pytest.mark.parametrize(("text", "plain"), [row[1:] for row in READS], ids=[row[0] for row in READS])
def test_reads(text: str, plain: str) -> None:
    assert FOLDING.fold(text).plain == plain


BREAKS = [
    ("nothing", "微信", NONE),
    ("zero-width", "微\u200b信", FILLER),
    ("symbol", "微-信", FILLER),
    ("space", "微 信", SPACE),
    ("comma", "微，信", COMMA),
    ("full stop", "微。信", STOP),
    ("line", "您要的微型款\n信封也有的", STOP),
    ("line of a few characters", "微\n信", SPACE),
]


@pytest.mark.parametrize("row", BREAKS, ids=[row[0] for row in BREAKS])
def test_breaks(row: tuple[str, str, int]) -> None:
    _, text, level = row
    assert max(FOLDING.fold(text).gaps) == level


STEPS = [
    ("Ｖx", ["width"]),
    ("VX", ["case"]),
    ("轉賬", ["traditional"]),
    ("微 信", ["space"]),
    ("微\u200b信", ["zero-width"]),
    ("微*信", ["symbol"]),
    ("٣", ["digits"]),
]


@pytest.mark.parametrize(("text", "names"), STEPS, ids=[names[0] for _, names in STEPS])
def test_steps_are_named(text: str, names: list[str]) -> None:
    folded = FOLDING.fold(text)
    assert FOLDING.steps(folded, 0, len(folded.plain)) == names


TEXTS = st.text(st.characters(exclude_categories=[]), max_size=60) | st.text(
    "加我微信vV❤️\\/ \u200b\n，。①ａ轉➕🧧", max_size=40
)


@given(TEXTS)
def test_alignment_is_monotone_and_every_character_is_read_from_its_place(text: str) -> None:
    folded = FOLDING.fold(text)
    assert len(folded.plain) == len(folded.at) == len(folded.gaps)
    assert list(folded.at) == sorted(folded.at)
    for index, char in enumerate(folded.plain):
        place = folded.at[index]
        assert char in FOLDING.read(text[place]) or (char == "v" and text[place] in "\\＼")


@given(TEXTS, st.data())
def test_spans_map_back_into_the_text(text: str, data: st.DataObject) -> None:
    folded = FOLDING.fold(text)
    start = data.draw(st.integers(0, len(folded.plain)))
    end = data.draw(st.integers(start, len(folded.plain)))
    first, last = folded.original_span(start, end)
    assert 0 <= first <= last <= len(text)
    assert FOLDING.fold(text[first:last]).plain.find(folded.plain[start:end]) >= 0


@given(TEXTS)
def test_folding_twice_changes_nothing(text: str) -> None:
    once = FOLDING.fold(text).plain
    assert FOLDING.fold(once).plain == once


SOUND_ALIKE = [
    ("homophone", "微信", "威信"),
    ("near-homophone", "微信", "卫星"),
    ("pinyin", "好评", "hao评"),
    ("pinyin both", "微信", "weixin"),
    ("rare characters", "好评返现", "恏評返哯"),
    ("flat and curled tongue", "手续", "sou续"),
]


@pytest.mark.parametrize(("one", "other"), [r[1:] for r in SOUND_ALIKE], ids=[r[0] for r in SOUND_ALIKE])
def test_sounds_alike(one: str, other: str) -> None:
    assert SOUNDS.view(FOLDING.fold(one))[0] == SOUNDS.view(FOLDING.fold(other))[0]


def test_sound_spans_cover_the_letters_of_a_syllable() -> None:
    view, spans = SOUNDS.view(FOLDING.fold("加wei信x1"))
    assert spans == [(0, 1), (1, 4), (4, 5), (5, 6), (6, 7)]
    assert len(view) == 5


@pytest.mark.parametrize(("syllable", "made"), [("zhang", "zan"), ("shi", "si"), ("xing", "xin"), ("ma", "ma")])
def test_near(syllable: str, made: str) -> None:
    assert near(syllable) == made
