"""The ledger against hand-worked years, and what must hold whatever comes in."""

from __future__ import annotations

from decimal import Decimal
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from linter.ledger import Ledger, Offence, at_stake, charged, next_node, priced, read_decisions, read_offences, step_of
from linter.lexicon import load_lexicon
from linter.model import SourceError
from linter.rulebook import Account, Threshold
from linter.statement import as_text, picture

BOOKS = load_lexicon().rulebooks
D = Decimal


def _offences(rule: str, platform: str, days: list[str], shop: str = "甲") -> list[Offence]:
    return [Offence(f"{rule}{i}", rule, platform, "chat", day, shop, "", f"s{i}") for i, day in enumerate(days)]


def _points(ledger: Ledger) -> dict[str, Decimal]:
    return {balance.scale: balance.points for balance in ledger.balances}


YEARS = [  # what happened, and the balances worked out by hand
    ("two invoices reach the node", "invoice-refused", "tmall", 2, {"A": D(12)}, [12]),
    ("jd reviews 2, 4, 8, 8", "paid-positive-review", "jd", 4, {"A": D(22)}, []),
    ("jd reviews cross 25 with the fifth", "paid-positive-review", "jd", 5, {"A": D(30)}, [25]),
    ("tmall brushing 2, 2, 12, then B 48", "fake-order", "tmall", 4, {"A": D(16), "B": D(48)}, [12, 12, 24, 36, 48]),
    ("douyin insult A4, then B4, B4", "insult", "douyin", 3, {"A": D(4), "B": D(8)}, [4, 8]),
    ("jd off-platform payment: at once the node", "off-platform-payment", "jd", 1, {"B": D(25)}, [25]),
    ("pinduoduo has no points", "insult", "pinduoduo", 2, {"": D(0)}, []),
    ("taobao contact 2 each", "off-platform-contact", "taobao", 3, {"A": D(6)}, []),
]


@pytest.mark.parametrize(
    ("rule", "platform", "times", "points", "nodes"), [r[1:] for r in YEARS], ids=[r[0] for r in YEARS]
)
def test_hand_worked_years(rule: str, platform: str, times: int, points: dict[str, Decimal], nodes: list[int]) -> None:
    days = [f"2026-{month:02d}-10" for month in range(1, times + 1)]
    ledger = at_stake(_offences(rule, platform, days), BOOKS)
    assert _points(ledger) == points
    assert sorted(node.at for charge in ledger.charges for node in charge.crossed) == nodes


def test_amounts_are_exact_and_unknown_ones_counted() -> None:
    ledger = at_stake(_offences("insult", "taobao", ["2026-01-01", "2026-02-01"]), BOOKS)
    assert ledger.balances[0].amount == D(600)
    ledger = at_stake(_offences("paid-positive-review", "tmall", ["2026-01-01"]), BOOKS)
    assert (ledger.balances[0].unknown, ledger.balances[0].points) == (1, D(0))


def test_what_nobody_states_is_not_shown_as_nought() -> None:
    """快手 states neither for an insult, 天猫 states points for a refused invoice and no amount."""
    offences = [
        *_offences("insult", "kuaishou", ["2026-01-01"]),
        *_offences("invoice-refused", "tmall", ["2026-01-02"]),
    ]
    ledger = at_stake(offences, BOOKS)
    assert [(b.platform, b.points_unknown, b.amount_unknown) for b in ledger.balances] == [
        ("kuaishou", 1, 1),
        ("tmall", 0, 1),
    ]
    lines = [line.split() for line in as_text(ledger).splitlines() if line.startswith("甲 ")]
    assert [line[2:] for line in lines] == [
        ["2026", "未分级", "1", "未知", "未知", "1", "—"],
        ["2026", "A", "一般", "1", "6", "未知", "0", *lines[1][9:]],
    ]


def test_the_year_starts_at_nought() -> None:
    ledger = at_stake(_offences("invoice-refused", "tmall", ["2025-12-31", "2026-01-01"]), BOOKS)
    assert [(b.year, b.points) for b in ledger.balances] == [("2025", D(6)), ("2026", D(6))]
    assert not [charge for charge in ledger.charges if charge.crossed]


def test_taobao_severe_points_stay_from_forty_eight_on() -> None:
    days = [f"2025-{m:02d}-01" for m in range(1, 13)] * 3
    offences = [
        Offence(f"{i}", "buyer-data-disclosed", "taobao", "chat", day, "甲", "", f"s{i}") for i, day in enumerate(days)
    ]
    priced_first = priced("buyer-data-disclosed", "taobao", "chat", BOOKS, None)
    assert priced_first and priced_first.points == D(6)
    more = [*offences[:9], Offence("next", "buyer-data-disclosed", "taobao", "chat", "2026-01-05", "甲", "", "n")]
    ledger = at_stake(more, BOOKS)
    assert [(b.year, b.brought, b.points) for b in ledger.balances] == [("2025", D(0), D(54)), ("2026", D(54), D(60))]


def test_findings_of_one_conversation_are_one_complaint() -> None:
    same = [Offence(f"{i}", "invoice-refused", "tmall", "chat", f"2026-01-0{i}", "甲", "", "s") for i in (1, 2)]
    ledger = at_stake(same, BOOKS)
    assert [charge.repeated for charge in ledger.charges] == [False, True]
    assert _points(ledger) == {"A": D(6)}


def test_next_offence_and_next_node() -> None:
    ledger = at_stake(_offences("paid-positive-review", "jd", ["2026-01-01"]), BOOKS)
    assert (ledger.nexts[0].step.points, ledger.nexts[0].times) == (D(4), 1)
    assert (ledger.balances[0].next_at, ledger.balances[0].missing) == (D(25), D(23))


NODES = [(0, 12), (6, 12), (12, 24), (13, 24), (24, 36)]


@pytest.mark.parametrize(("points", "at"), NODES)
def test_a_node_of_every_twelve_comes_again(points: int, at: int) -> None:
    account = Account("A", "一般", (Threshold(D(12), every=True),))
    assert next_node(account, D(points)) == (account.nodes[0], D(at))


def test_decisions_split_the_ledger(tmp_path: Path) -> None:
    offences = _offences("invoice-refused", "tmall", ["2026-01-01", "2026-02-01", "2026-03-01"])
    path = tmp_path / "d.csv"
    path.write_text("id,decision\ninvoice-refused0,confirmed\ninvoice-refused1,rejected\n", encoding="utf-8")
    decisions = read_decisions(path)
    assert _points(charged(offences, BOOKS, decisions)) == {"A": D(6)}
    assert _points(at_stake(offences, BOOKS, decisions)) == {"A": D(12)}
    path.write_text("id,decision\na,maybe\n", encoding="utf-8")
    with pytest.raises(SourceError, match=r"d\.csv:2: .*expected id and one of"):
        read_decisions(path)


def test_as_of_prices_by_the_figures_of_that_day() -> None:
    offences = _offences("insult", "tmall", ["2019-03-01"])
    assert _points(at_stake(offences, BOOKS)) == {"A": D(12)}
    assert _points(at_stake(offences, BOOKS, as_of="2026-01-01")) == {"A": D(2)}


def test_a_line_that_is_no_finding_is_named(tmp_path: Path) -> None:
    path = tmp_path / "f.jsonl"
    path.write_text('{"rule": 1}\n', encoding="utf-8")
    with pytest.raises(SourceError, match=r"f\.jsonl:1: not a finding"):
        list(read_offences(path))


SCHEDULES = sorted(name for name, listed in BOOKS.listed.items() if listed.figures[0].clause.steps)


@pytest.mark.parametrize("name", SCHEDULES)
def test_schedules_begin_with_the_first_and_never_fall(name: str) -> None:
    clause = BOOKS.clause(name)
    assert clause is not None and clause.steps[0].nth == 1
    rank = ["A", "B", None]
    costs = [(rank.index(step_of(clause, n).scale), step_of(clause, n).points or D(0)) for n in range(1, 6)]
    assert costs == sorted(costs)


OFFENCES = st.lists(
    st.builds(
        Offence,
        st.uuids().map(str),
        st.sampled_from(["invoice-refused", "insult", "fake-order", "paid-positive-review", "off-platform-contact"]),
        st.sampled_from(["tmall", "taobao", "jd", "douyin", "pinduoduo"]),
        st.just("chat"),
        st.dates(
            min_value=__import__("datetime").date(2025, 1, 1), max_value=__import__("datetime").date(2025, 12, 31)
        ).map(str),
        st.sampled_from(["甲", "乙"]),
        st.just(""),
        st.sampled_from(["", "s1", "s2", "s3"]),
    ),
    max_size=25,
)


@settings(max_examples=60, deadline=None)
@given(OFFENCES, st.randoms())
def test_the_order_of_rows_does_not_matter(offences: list[Offence], random: object) -> None:
    shuffled = list(offences)
    random.shuffle(shuffled)  # type: ignore[attr-defined]
    assert at_stake(offences, BOOKS) == at_stake(shuffled, BOOKS)


@settings(max_examples=60, deadline=None)
@given(OFFENCES)
def test_adding_a_finding_never_lowers_a_balance(offences: list[Offence]) -> None:
    for cut in range(len(offences)):
        fewer = {(b.shop, b.platform, b.scale): b.points for b in at_stake(offences[:cut], BOOKS).balances}
        more = {(b.shop, b.platform, b.scale): b.points for b in at_stake(offences[: cut + 1], BOOKS).balances}
        assert all(more[key] >= points for key, points in fewer.items())


@settings(max_examples=60, deadline=None)
@given(OFFENCES)
def test_splitting_by_shop_gives_the_same_sums(offences: list[Offence]) -> None:
    whole = at_stake(offences, BOOKS).balances
    parts = [at_stake([o for o in offences if o.shop == shop], BOOKS).balances for shop in ("甲", "乙")]
    assert sorted(whole, key=repr) == sorted([b for part in parts for b in part], key=repr)


def test_the_worked_year_of_the_docs() -> None:
    root = Path(__file__).parent.parent
    ledger = at_stake(read_offences(root / "examples" / "year.jsonl"), BOOKS)
    assert [int(c.balance) for c in ledger.charges] == [6, 6, 12, 14, 16, 18, 30, 48]
    assert [[int(n.at) for n in c.crossed] for c in ledger.charges if c.crossed] == [[12], [24], [12, 24, 36, 48]]
    assert picture(ledger, BOOKS) + "\n" == (root / "docs" / "ledger.svg").read_text(encoding="utf-8")
