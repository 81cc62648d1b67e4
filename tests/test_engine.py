"""The engine on small lexicons made for the test: what is found, what is let go and why, and the public contract."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from linter.engine import Linter
from linter.lexicon import load_lexicon
from linter.markup import mask_html
from linter.model import KefulintError, Message, Turn

LINTER = Linter("taobao")

CONCEPTS = {
    "tea": "title: 茶\nstrong: [龙井茶]\nweak: [井]\nexcept: [龙井茶具]\n",
    "drink": "title: 喝\nstrong: [喝, 品尝]\ndisguise: no\nword: yes\n",
}
RULE = """\
title: 试茶
verdict: warning
status: stable
since: 0.1.0
why: 试验用的规则
message: 「{text}」是请人喝茶
suggestion: 亲，欢迎看看详情页。
find:
  - drink tea
  - say: ^ 有 $
    asked: tea
unless: [tea 免谈]
violates: ["[[喝龙井茶]]", "[[品尝龙井茶]]", "[[喝一杯龙井茶]]", "来[[喝龙井茶]]"]
passes: [龙井茶, 喝水, 龙井茶具, 不喝龙井茶]
"""


@pytest.fixture(scope="module")
def tea(tmp_path_factory: pytest.TempPathFactory) -> Linter:
    """Return a linter with a lexicon of its own beside the shipped one, restricted to its rule."""
    folder = tmp_path_factory.mktemp("lexicon")
    for name, body in CONCEPTS.items():
        (folder / "concepts").mkdir(exist_ok=True)
        (folder / "concepts" / f"{name}.yaml").write_text(body, encoding="utf-8")
    (folder / "rules" / "trial").mkdir(parents=True)
    (folder / "rules" / "trial" / "tea-offered.yaml").write_text(RULE, encoding="utf-8")
    return Linter("taobao", lexicon=load_lexicon([folder]), rules=["tea-offered"])


FOUND = [
    ("plain", "请您喝龙井茶", "喝龙井茶", ()),
    ("traditional", "請您品嘗龍井茶", "品嘗龍井茶", ("traditional",)),
    ("spaces", "喝 龙 井 茶", "喝 龙 井 茶", ("space",)),
    ("zero-width", "喝龙\u200b井茶", "喝龙\u200b井茶", ("zero-width",)),
    ("symbols", "喝龙*井*茶", "喝龙*井*茶", ("symbol",)),
    ("pinyin", "喝龙jing茶", "喝龙jing茶", ("pinyin",)),
    ("initial", "喝龙j茶", "喝龙j茶", ("initials",)),
    ("rare homophone", "喝泷井茶", "喝泷井茶", ("homophone",)),
    ("far enough", "喝一二三四五六龙井茶", "喝一二三四五六龙井茶", ()),
]


@pytest.mark.parametrize(("text", "words", "spelled"), [r[1:] for r in FOUND], ids=[r[0] for r in FOUND])
def test_found(tea: Linter, text: str, words: str, spelled: tuple[str, ...]) -> None:
    (finding,) = tea.check(text)
    assert (finding.text, finding.spelled) == (words, spelled)
    assert text[finding.start : finding.end] == finding.text


LET_GO = [
    ("denied", "请不要喝龙井茶", "denied"),
    ("forbidden", "喝龙井茶是不可以的", "forbidden"),
    ("warned", "谨防有人叫您喝龙井茶", "warned"),
    ("quoted", "卡片上写着'喝龙井茶'吗", "quoted"),
    ("asked back", "您是问能不能喝龙井茶吗", "asked-back"),
    ("unless", "喝龙井茶免谈", "unless: tea 免谈"),
]


@pytest.mark.parametrize(("text", "reason"), [r[1:] for r in LET_GO], ids=[r[0] for r in LET_GO])
def test_let_go_with_the_reason(tea: Linter, text: str, reason: str) -> None:
    explanation = tea.explain(Message(text))
    assert explanation.findings == []
    assert reason in {rejection.reason for rejection in explanation.rejections}


SILENT = [
    ("except shields", "喝完了看看龙井茶具"),
    ("sentence end between", "喝。龙井茶"),
    ("too far", "喝一二三四五六七龙井茶"),
    ("empty", ""),
    ("only separators", " \u200b\n"),
]


@pytest.mark.parametrize("text", [r[1] for r in SILENT], ids=[r[0] for r in SILENT])
def test_silent(tea: Linter, text: str) -> None:
    assert tea.check(text) == []


def test_context_of_the_buyer(tea: Linter) -> None:
    asked = [Turn("buyer", "有龙井茶吗")]
    assert [f.text for f in tea.check("有的亲", context=asked)] == ["有"]
    assert tea.check("有的亲") == []
    assert tea.check("有的亲", context=[Turn("agent", "有龙井茶吗")]) == []
    assert tea.check("有的亲 给您找找看", context=asked) == []


def test_a_word_split_over_messages_sent_in_a_row(tea: Linter) -> None:
    split = [Turn("buyer", "在吗"), Turn("agent", "喝"), Turn("agent", "龙井")]
    (finding,) = tea.check("茶 来一杯", context=split)
    assert (finding.start, finding.end, finding.text) == (0, 1, "茶")


def test_the_buyer_is_never_judged(tea: Linter) -> None:
    assert tea.check("喝龙井茶", role="buyer") == []


def test_platforms_side_by_side(tea: Linter) -> None:
    both = Linter(("taobao", "jd"), lexicon=tea.lexicon)
    (finding,) = [f for f in both.check("喝龙井茶") if f.rule == "tea-offered"]
    assert finding.verdicts == (("taobao", "warning"), ("jd", "warning"))


@pytest.mark.parametrize(
    "make",
    [
        lambda: Linter("amazon"),
        lambda: Linter(()),
        lambda: Linter("jd", rules=["no-such-rule"]),
        lambda: Linter("jd", rules=["duplicate-listing"]).check("文字"),
        lambda: Linter("jd", rules=["insult"]).check_listings([]),
    ],
    ids=["platform", "no platform", "rule", "a set rule on a line", "a line rule on a set"],
)
def test_what_cannot_be_done_is_an_error(make: object) -> None:
    with pytest.raises(KefulintError):
        make()  # type: ignore[operator]


TEXTS = st.text(max_size=80) | st.text("加我微信支付宝转账好评返现发票不开v+ \u200b\n，。❤➕🧧123", max_size=60)


@given(TEXTS)
def test_spans_are_those_of_the_text(text: str) -> None:
    for finding in LINTER.check(text):
        assert 0 <= finding.start < finding.end <= len(text)
        assert text[finding.start : finding.end] == finding.text


@settings(deadline=None)
@given(st.lists(TEXTS, max_size=8))
def test_many_answers_like_one(texts: list[str]) -> None:
    assert list(LINTER.check_many(texts)) == [LINTER.check(text) for text in texts]


@given(TEXTS)
def test_judging_twice_gives_the_same(text: str) -> None:
    assert LINTER.check(text) == LINTER.check(text)


# --- listings --------------------------------------------------------------------------------------------------------


@given(st.text("<>&;/p brdiv微信amp#x41!-", max_size=60))
def test_masked_html_keeps_its_length(source: str) -> None:
    assert len(mask_html(source)) == len(source)


def test_html_detail_spans_lie_in_the_source() -> None:
    detail = "<p>定制请<b>加微</b>信&nbsp;lemon_8821</p>"
    findings = [f for f in LINTER.check_listing({"title": "木桌", "detail": detail}) if f.rule == "listing-contact"]
    assert findings and all(detail[f.start : f.end] == f.text and f.field == "detail" for f in findings)


FREIGHT = [
    ("charged", {"title": "包邮 棉袜", "freight": 8.0}, True),
    ("free", {"title": "包邮 棉袜", "freight": 0}, False),
    ("excepted", {"title": "包邮 棉袜", "freight": "0.10"}, False),
    ("not said", {"title": "包邮 棉袜"}, False),
    ("written out", {"title": "包邮 棉袜", "freight": "8元"}, True),
    ("part of the country", {"title": "江浙沪包邮 棉袜", "freight": 8}, False),
]


@pytest.mark.parametrize(("record", "found"), [r[1:] for r in FREIGHT], ids=[r[0] for r in FREIGHT])
def test_freight(record: dict[str, object], found: bool) -> None:
    assert any(f.rule == "free-shipping-mismatch" for f in LINTER.check_listing(record)) == found


def test_listings_of_one_shop_are_compared() -> None:
    records = [
        {"id": "1", "shop": "甲", "title": "手工竹篮 收纳", "price": 30},
        {"id": "2", "shop": "甲", "title": "收纳手工竹篮 送挂钩", "price": 28},
        {"id": "3", "shop": "乙", "title": "手工竹篮 收纳", "price": 30},
        {"id": "4", "shop": "甲", "title": "手工藤篮 收纳", "price": 30},
    ]
    (finding,) = LINTER.check_listings(records)
    assert finding.ids == ("1", "2") and "价格" in finding.message


LONG = [("start", 0), ("a window's edge", 595), ("middle", 50_000), ("end", 99_985)]


@pytest.mark.parametrize("place", [row[1] for row in LONG], ids=[row[0] for row in LONG])
def test_a_very_long_message_is_judged_whole(place: int) -> None:
    words = "加我微信abc12345便宜"
    filler = "亲这款今天可以安排出库哦，" * 8000
    text = filler[:place] + words + filler[place : 100_000 - len(words)]
    found = [f for f in Linter("tmall").check(text) if f.rule == "off-platform-contact"]
    assert [text[f.start : f.end] for f in found] == [f.text for f in found]
    assert len(found) == 1 and place <= found[0].start < place + len(words)


def test_a_late_answer_is_found_where_turns_have_times() -> None:
    linter = Linter("pinduoduo")
    turns = [
        Turn("buyer", "在吗", "2026-03-02 09:00:00"),
        Turn("agent", "[自动回复] 您好", "2026-03-02 09:00:01"),
        Turn("agent", "在的", "2026-03-02 09:06:00"),
        Turn("buyer", "今天能发吗", "2026-03-02 09:07:00"),
        Turn("agent", "今天下午发出", "2026-03-02 09:08:00"),
    ]
    found = linter.check_conversation(turns)
    assert [[f.rule for f in per_turn] for per_turn in found] == [[], [], ["slow-first-reply"], [], []]
    assert "等了 360 秒，时限 300 秒" in found[2][0].message
    with pytest.raises(KefulintError, match="needs a conversation with times"):
        Linter("jd", rules=["slow-first-reply"]).check("在的")


BROKEN_PROMISES = [
    ("free shipping", ["给您包邮的"], "要补8块运费才发", "free-shipping-denied"),
    ("refund", ["可以退的，您寄回来"], "这个不给退了", "refund-refused"),
    ("kept", ["给您包邮的"], "已经发出了", None),
    ("another matter", ["给您包邮的"], "新疆要补运费的", None),
]


@pytest.mark.parametrize(
    ("said", "text", "rule"), [r[1:] for r in BROKEN_PROMISES], ids=[r[0] for r in BROKEN_PROMISES]
)
def test_a_promise_denied_later(said: list[str], text: str, rule: str | None) -> None:
    turns = [*(Turn("agent", words) for words in said), Turn("buyer", "好的"), Turn("agent", text)]
    assert [f.rule for f in Linter("taobao").check_conversation(turns)[-1]] == ([rule] if rule else [])


BRANDS = [
    ("another brand", {"title": "智能手环 小米同款心率监测", "brand": "云岫"}, True),
    ("its own brand", {"title": "小米智能手环 心率监测", "brand": "小米（MI）"}, False),
    ("an accessory", {"title": "表带 适用小米手环", "brand": "云岫"}, False),
    ("no brand given", {"title": "智能手环 小米同款心率监测"}, False),
]


@pytest.mark.parametrize(("record", "found"), [row[1:] for row in BRANDS], ids=[row[0] for row in BRANDS])
def test_a_rival_brand_in_a_title(record: dict[str, str], found: bool) -> None:
    rules = [finding.rule for finding in Linter("tmall").check_listing(record)]
    assert ("keyword-stuffing" in rules) == found


TIMES = [("within the hour", ["09:00", "09:10", "09:20"], True), ("without times", [None] * 3, True)]


@pytest.mark.parametrize(("times", "found"), [r[1:] for r in TIMES], ids=[r[0] for r in TIMES])
def test_repeating_within_a_day(times: list[str | None], found: bool) -> None:
    turns = [Turn("agent", "新品上架啦，进店看看哦", f"2026-03-02 {t}:00" if t else None) for t in times]
    rules = [finding.rule for finding in Linter("tmall").check_conversation(turns)[-1]]
    assert ("repeated-message" in rules) == found


def test_repeating_days_apart_is_no_harassment() -> None:
    turns = [Turn("agent", "新品上架啦，进店看看哦", f"2026-03-{day:02d} 09:00:00") for day in (2, 5, 9)]
    assert Linter("tmall").check_conversation(turns)[-1] == []
