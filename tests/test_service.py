"""Reply-time measures against hand-worked conversations."""

from __future__ import annotations

import json
from datetime import datetime
from decimal import Decimal
from itertools import pairwise

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from linter.lexicon import load_lexicon
from linter.logs import Table
from linter.rulebook import Measure
from linter.service import Clocks, as_text, measure, parse_time

MEASURES = load_lexicon().rulebooks.measures
FIVE = MEASURES["pdd.metric.five_min"]


def _run(rows: list[tuple[str, str, str]], platform: str = "pinduoduo", text: str = "在的") -> Clocks:
    """Rows are (session, role, HH:MM or a whole time); a role `auto` is an agent's automatic reply."""
    clocks = Clocks(MEASURES.values())
    for session, role, time in rows:
        moment = time if " " in time else f"2026-03-02 {time}:00"
        words = "[自动回复] 您好" if role == "auto" else text
        clocks.see_table(_row(session, "buyer" if role == "buyer" else "agent", words, moment), platform)
    return clocks


def _row(session: str | None, role: str, text: str, time: str | None, agent: str | None = None) -> Table:
    return Table("", [text], [role], sessions=[session], times=[time], agents=[agent], shops=["甲"])


CASES = [
    ("in time", [("a", "buyer", "09:00"), ("a", "agent", "09:04")], 1, "1.0000"),
    ("late", [("a", "buyer", "09:00"), ("a", "agent", "09:06")], 1, "0.0000"),
    ("never", [("a", "buyer", "09:00")], 1, "0.0000"),
    ("several questions are one", [("a", "buyer", "09:00"), ("a", "buyer", "09:03"), ("a", "agent", "09:04")], 1, "1.0000"),
    ("each turn is asked anew", [("a", "buyer", "09:00"), ("a", "agent", "09:01"), ("a", "buyer", "09:10"), ("a", "agent", "09:20")], 2, "0.5000"),
    ("an automatic reply answers nothing", [("a", "buyer", "09:00"), ("a", "auto", "09:00"), ("a", "agent", "09:09")], 1, "0.0000"),
    ("asked before eight is not reckoned", [("a", "buyer", "07:59"), ("a", "agent", "09:00"), ("b", "buyer", "08:00"), ("b", "agent", "08:01")], 1, "1.0000"),
    ("asked at eleven at night is not reckoned", [("a", "buyer", "23:00"), ("b", "buyer", "22:59"), ("b", "agent", "2026-03-02 23:01:00")], 1, "1.0000"),
    ("answered after midnight is late", [("a", "buyer", "22:58"), ("a", "agent", "2026-03-03 00:01:00")], 1, "0.0000"),
    ("an agent who speaks first owes nothing", [("a", "agent", "09:00"), ("a", "buyer", "09:01"), ("a", "agent", "09:02")], 1, "1.0000"),
]  # fmt: skip


@pytest.mark.parametrize(("rows", "asked", "value"), [row[1:] for row in CASES], ids=[row[0] for row in CASES])
def test_five_minute_rate(rows: list[tuple[str, str, str]], asked: int, value: str) -> None:
    (result,) = measure(_run(rows).finish(), [FIVE])
    assert (result.asked, result.value, result.short) == (asked, Decimal(value), Decimal(value) < Decimal("0.8"))


SAID = st.tuples(
    st.sampled_from(["a", "b", None]), st.sampled_from(["buyer", "agent", "system"]), st.integers(0, 2_000),
    st.sampled_from(["在的", "[自动回复] 您好"]), st.sampled_from(["小芸", "店小蜜机器人", None]),
)  # fmt: skip


@settings(max_examples=60, deadline=None)
@given(st.lists(SAID, max_size=40), st.lists(st.integers(0, 40), max_size=3))
def test_tables_are_counted_like_their_rows(said: list[tuple[str | None, str, int, str, str | None]], cuts: list[int]) -> None:  # fmt: skip
    """Wherever a log is cut, and whether the state was kept between."""
    times = [None if minute > 1_900 else f"2026-03-{2 + minute // 600:02d} 1{minute % 10}:{minute // 10 % 60:02d}:00" for _, _, minute, _, _ in said]  # fmt: skip
    one, other = Clocks(MEASURES.values()), Clocks(MEASURES.values())
    for (session, role, _, text, agent), time in zip(said, times, strict=True):
        one.see_table(_row(session, role, text, time, agent), "jd")
    bounds = [0, *sorted(min(cut, len(said)) for cut in cuts), len(said)]
    for start, stop in pairwise(bounds):
        table = Table("", [row[3] for row in said[start:stop]], [row[1] for row in said[start:stop]])
        table.sessions, table.agents = [row[0] for row in said[start:stop]], [row[4] for row in said[start:stop]]
        table.times, table.shops = times[start:stop], ["甲"] * (stop - start)
        other.see_table(table, "jd")
        other = Clocks.of_state(json.loads(json.dumps(other.state())), MEASURES.values())
    assert other.state() == one.state()
    one.finish(), other.finish()
    assert other.state() == one.state()


def test_rows_out_of_order_are_noted_and_left_out() -> None:
    clocks = _run([("a", "buyer", "09:00"), ("a", "agent", "09:10"), ("a", "agent", "09:01")])
    assert clocks.disordered == 1
    assert next(measure(clocks.finish(), [FIVE])).value == 0


def test_times_with_and_without_a_zone_are_one_clock() -> None:
    """However long they are: a time with its zone may be nineteen characters too, which Python 3.10 does not read."""
    rows = [
        ("a", "buyer", "2026-03-02 09:00+08"),
        ("a", "buyer", "2026-03-02 09:01:00"),
        ("a", "agent", "2026-03-02 09:04:00"),
    ]
    clocks = _run(rows)
    assert clocks.disordered == 0 and clocks.untimed == 0
    (result,) = measure(clocks.finish(), [FIVE])
    assert (result.asked, result.value) == (1, 1)


def test_rows_without_time_are_counted() -> None:
    clocks = Clocks(MEASURES.values())
    clocks.see_table(_row("a", "buyer", "x", "gestern"), "jd")
    assert clocks.untimed == 1 and not clocks.finish()


def test_too_few_buyers_are_not_judged() -> None:
    (result,) = measure(_run([("a", "buyer", "09:00")]).finish(), [MEASURES["pdd.metric.effective_reply_rate"]])
    assert (result.short, result.exempt) == (False, True)


def test_means_leave_unanswered_out_and_shares_count_them() -> None:
    rows = [("a", "buyer", "10:00"), ("a", "agent", "10:01"), ("b", "buyer", "10:00")]
    results = {r.measure.id: r for r in measure(_run(rows, "jd").finish(), MEASURES.values())}
    assert results["jd.metric.dongdong"].value == Decimal("60.0") and results["jd.metric.dongdong"].short
    assert results["jd.metric.dongdong#unanswered"].value == Decimal("0.5000")


TIMES = [
    ("iso", "2026-01-05T09:03:00", datetime(2026, 1, 5, 9, 3)),
    ("slashes and one digit", "2026/1/5 9:03", datetime(2026, 1, 5, 9, 3)),
    ("zone", "2026-01-05T01:03:00Z", datetime(2026, 1, 5, 9, 3)),
    ("summer time of elsewhere", "2026-07-05T03:03:00+02:00", datetime(2026, 7, 5, 9, 3)),
    ("seconds", "1767574980", datetime(2026, 1, 5, 9, 3)),
    ("milliseconds", "1767574980000", datetime(2026, 1, 5, 9, 3)),
    ("nothing", "", None),
    ("words", "昨天", None),
    ("a small number", "12", None),
]


@pytest.mark.parametrize(("text", "moment"), [row[1:] for row in TIMES], ids=[row[0] for row in TIMES])
def test_times(text: str, moment: datetime | None) -> None:
    assert parse_time(text) == moment


def test_the_table_speaks_of_the_worst_day() -> None:
    rows = [("a", "buyer", "09:00"), ("a", "agent", "09:01"), ("b", "buyer", "2026-03-03 09:00:00")]
    text = as_text(measure(_run(rows).finish(), [FIVE]))
    assert "2026-03-03" in text and "店铺二级限制" in text


def test_measures_name_known_kinds() -> None:
    assert all(isinstance(one, Measure) and one.sources for one in MEASURES.values())
