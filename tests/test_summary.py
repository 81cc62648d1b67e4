"""The summary of an audit: parts of a log add up to the whole whatever the cuts, and its size is bounded."""

from __future__ import annotations

import json
from collections.abc import Iterable
from itertools import pairwise
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from linter import reports, summary
from linter.bounded import Capped, Gravest
from linter.engine import Linter
from linter.lexicon import load_lexicon
from linter.logs import Table
from linter.model import Finding, Message, Origin, Turn
from linter.sources import Trouble, read
from linter.summary import Summary, as_text

ROOT = Path(__file__).parent.parent
LEXICON = load_lexicon()
LINTERS = {name: Linter(name, lexicon=LEXICON) for name in ("tmall", "jd", "pinduoduo", "douyin")}
TEXTS = [
    "您好，在的", "今天下午发货", "特价不开票的哦", "开票另加6个点", "加我微信abc12345便宜10块", "加我微信13800001234便宜10块",
    "五星好评返2元", "你有病吧", "百分百不掉色", "亲特价不开票的哦，加我微信abc12345，五星好评返2元",
]  # fmt: skip
FOUND = {(text, name): LINTERS[name].check(text) for text in TEXTS for name in LINTERS}

Event = tuple[Message, str] | Trouble | None


def _message(text: str, agent: str | None, shop: str, time: str | None, session: str) -> Message:
    context = (Turn("buyer", "能开发票吗", time),)
    return Message(text, context=context, origin=Origin(agent=agent, shop=shop, time=time, session=session))


TIMES = [
    "2026-03-02 09:00:00", "2026-03-02 23:59:59", "2026-03-08T10:00:00Z", "2026/3/9 9:03", "1772413200", "昨天", "", None
]  # fmt: skip
MESSAGES = st.builds(
    _message, st.sampled_from(TEXTS), st.sampled_from(["小芸", "阿岩", "木木", "", None]),
    st.sampled_from(["甲店", "乙店"]), st.sampled_from(TIMES), st.sampled_from(["s1", "s2"]),
)  # fmt: skip
EVENTS = st.lists(
    st.one_of(
        st.tuples(MESSAGES, st.sampled_from(sorted(LINTERS))),
        st.just(None),
        st.builds(Trouble, st.just("log.csv"), st.integers(1, 9), st.just("2 cells"), st.just("3")),
    ),
    max_size=40,
)


def _counted(events: Iterable[Event], into: Summary | None = None) -> Summary:
    made = into or Summary()
    for event in events:
        if event is None:
            made.buyers += 1
        elif isinstance(event, Trouble):
            made.trouble(event)
        else:
            message, platform = event
            made.count(message, platform, FOUND[message.text, platform])
    return made


def _again(part: Summary) -> Summary:
    """Return the summary as it comes back from a disk or another machine."""
    return Summary.of_state(json.loads(json.dumps(part.state())))


@settings(max_examples=60, deadline=None)
@given(EVENTS, st.lists(st.integers(0, 40), max_size=4), st.booleans())
def test_parts_add_up_to_the_whole(events: list[Event], cuts: list[int], kept: bool) -> None:
    whole = _counted(events)
    bounds = [0, *sorted(min(cut, len(events)) for cut in cuts), len(events)]
    total = Summary()
    for start, stop in pairwise(bounds):
        part = _counted(events[start:stop])
        total.add(_again(part) if kept else part)
    assert total.as_dict(LEXICON) == whole.as_dict(LEXICON)
    assert json.dumps(total.state()) == json.dumps(whole.state())


@settings(max_examples=60, deadline=None)
@given(st.lists(st.tuples(MESSAGES, st.sampled_from([*sorted(LINTERS), None])), max_size=40), st.integers(1, 9))
def test_a_table_is_counted_like_its_messages(said: list[tuple[Message, str | None]], size: int) -> None:
    whole, total = Summary(), Summary()
    for message, platform in said:
        own = platform or "jd"
        whole.count(message, own, FOUND[message.text, own])
    for start in range(0, len(said), size):
        part = said[start : start + size]
        origins = [message.origin for message, _ in part]
        table = Table(
            "", roles=["agent"] * len(part), agents=[o.agent for o in origins], shops=[o.shop for o in origins]
        )
        table.times, table.platforms = [o.time for o in origins], [platform for _, platform in part]
        total.count_agents(table, "jd")
        for n, (message, platform) in enumerate(part, start + 1):
            total.count_findings(message, platform or "jd", FOUND[message.text, platform or "jd"], n)
    assert json.dumps(total.state()) == json.dumps(whole.state())


@settings(max_examples=30, deadline=None)
@given(EVENTS, st.integers(0, 40))
def test_counting_goes_on_from_a_state(events: list[Event], cut: int) -> None:
    resumed = _counted(events[cut:], _again(_counted(events[:cut])))
    assert json.dumps(resumed.state()) == json.dumps(_counted(events).state())


@settings(max_examples=30, deadline=None)
@given(EVENTS)
def test_small_bounds_give_the_same_answer_for_every_cut(events: list[Event]) -> None:
    """A part that stays within its bound adds up exactly to a whole that does not."""
    with pytest.MonkeyPatch.context() as patch:
        for name, value in (("_MOST_WORDINGS", 2), ("_MOST_ROWS", 2), ("_MOST_WORST", 1), ("_PENDING", 3)):
            patch.setattr(summary, name, value)
        patch.setattr(summary, "_MOST", dict.fromkeys(summary.KINDS, 2))
        whole = _counted(events)
        total = Summary()
        for event in events:
            total.add(_counted([event]))
        assert total.as_dict(LEXICON) == whole.as_dict(LEXICON)
        assert all(len(kept.entries) <= 2 for kept in whole.rows.values())
        for kind in summary.KINDS:
            assert sum(row["messages"] for row in whole.as_dict(LEXICON)["by"][kind]) <= whole.messages


def _example() -> Summary:
    made = Summary()
    for item in read(ROOT / "examples" / "chat.jsonl"):
        assert isinstance(item, Message)
        if item.role == "buyer":
            made.buyers += 1
            continue
        platform = item.origin.platform or "taobao"
        made.count(item, platform, LINTERS[platform].check_message(item))
    return made


def test_the_example_log_as_text() -> None:
    """The whole screen of the example log, so that a change of it is seen in review."""
    expected = (ROOT / "tests" / "snapshots" / "summary.txt").read_text(encoding="utf-8")
    assert as_text(_example(), LEXICON) + "\n" == expected


def test_the_sums_of_the_example_log_agree() -> None:
    data = _example().as_dict(LEXICON)
    for kind in summary.KINDS:
        rows = data["by"][kind]
        assert sum(row["messages"] for row in rows) == data["messages"], kind
        assert sum(row["errors"] for row in rows) == data["verdicts"]["error"], kind
    assert sum(row["findings"] for row in data["rules"]) == sum(data["verdicts"].values())
    assert [(s["platform"], s["scale"], s["points"], s["findings"]) for s in data["stakes"] if s["verdict"] == "error"] == [
        ("douyin", None, "0", 2), ("jd", None, "0", 1), ("jd", "A", "6", 1), ("pinduoduo", None, "0", 5),
        ("tmall", None, "0", 2), ("tmall", "A", "18", 3),
    ]  # fmt: skip


HOURS = [
    ("2026-03-02 09:00:00", "2026-03-02", "1 09"),
    ("2026-03-02T23:59:59", "2026-03-02", "1 23"),
    ("2026-03-08T23:00:00Z", "2026-03-09", "1 07"),
    ("2026-03-02T09:00+09", "2026-03-02", "1 08"),
    ("2026/3/8 9:03", "2026-03-08", "7 09"),
    ("1772413200", "2026-03-02", "1 09"),
    ("2026-03-02 09:00:00.250", "2026-03-02", "1 09"),
]


@pytest.mark.parametrize(("time", "day", "hour"), HOURS, ids=[row[0] for row in HOURS])
def test_days_and_hours_are_those_of_the_platforms_clock(time: str, day: str, hour: str) -> None:
    made = Summary()
    made.count(Message("在的", origin=Origin(time=time)), "tmall", [])
    by = made.as_dict(LEXICON)["by"]
    assert ([row["name"] for row in by["day"]], [row["name"] for row in by["hour"]]) == ([day], [hour])


@pytest.mark.parametrize("time", ["昨天", "", None, "2026-13-45 99:00:00"])
def test_a_time_that_is_none_is_counted_without_a_day(time: str | None) -> None:
    made = Summary()
    made.count(Message("在的", origin=Origin(time=time)), "tmall", [])
    assert (made.as_dict(LEXICON)["by"]["day"], made.messages) == ([], 1)


def test_contacts_do_not_get_into_the_state_unless_asked_for() -> None:
    message = _message("加我微信13800001234便宜10块", "小芸", "甲店", None, "s1")
    for shown in (False, True):
        made = Summary(shown=shown)
        made.count(message, "tmall", FOUND[message.text, "tmall"])
        assert ("13800001234" in reports.dump(made.state())) is shown


def test_a_listing_is_quoted_by_its_words() -> None:
    finding = LINTERS["tmall"].check_listing({"title": "全网最低价 包邮"})[0]
    made = Summary()
    made.count(Message("", "listing.title", origin=Origin(shop="甲店")), "tmall", [finding])
    (_, entry) = made.rows[finding.rule].entries[0]
    assert (entry["text"], entry["spans"]) == (finding.text, [[0, len(finding.text), finding.rule, finding.verdict]])


def test_long_messages_are_cut_around_the_words() -> None:
    text = "您" * 5000 + "特价不开票的哦" + "好" * 5000
    findings = LINTERS["tmall"].check(text)
    made = Summary()
    made.count(Message(text), "tmall", findings)
    (_, entry) = made.rows["invoice-refused"].entries[0]
    start, end, *_ = entry["spans"][0]
    assert (entry["text"][start:end], len(entry["text"]) < 300) == (findings[0].text, True)


def test_the_gravest_are_kept_and_of_equals_the_first() -> None:
    kept = Gravest(2)
    for n, score in enumerate([1, 3, 3, 2, 3]):
        kept.offer((score,), None, {"n": n})
    assert [entry["n"] for _, entry in kept.entries] == [1, 2]


def test_what_is_beyond_the_bound_is_still_counted() -> None:
    capped = Capped(2)
    for name in "abcab":
        capped.count(name)
    assert (capped.top(), capped.rest) == ([("a", 2), ("b", 2)], 1)


def test_many_names_stay_small() -> None:
    """Memory is bounded by names, not by messages: many agents, days and wordings at once."""
    finding = FOUND["特价不开票的哦", "tmall"][0]
    made = Summary()
    for n in range(60_000):
        origin = Origin(agent=f"客服{n}", shop=f"店{n}", time=f"2026-03-{1 + n % 28:02d} 09:00:00", session=str(n))
        words = Finding(finding.rule, "error", 0, 7, f"{n}不开票", finding.message, clauses=finding.clauses)
        made.count(Message(f"{n}不开票", origin=origin), "tmall", [words])
    data = made.as_dict(LEXICON)
    agents = data["by"]["agent"]
    assert (len(agents), agents[-1]["messages"], agents[-1]["rest"]) == (20_001, 40_000, True)
    assert sum(row["errors"] for row in agents) == 60_000
    assert data["wordings"]["invoice-refused"]["beyond"] == 50_000
    assert len(made.rows["invoice-refused"].entries) == 100
