"""Rulebooks: every norm is accounted for, figures are those of the day asked for, a shop's own figures win and show."""

from __future__ import annotations

from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
import yaml
from jsonschema import Draft202012Validator

from linter.bench import coverage, coverage_counts, schema
from linter.engine import Linter
from linter.lexicon import load_lexicon, shipped_folder
from linter.model import PLATFORMS, LexiconError
from linter.rulebook import KINDS

LEXICON = load_lexicon()
BOOKS = LEXICON.rulebooks
FILES = sorted((shipped_folder() / "rulebooks").glob("*.yaml"))


def test_every_norm_is_covered_by_something() -> None:
    entries = BOOKS.coverage()
    assert len(entries) == 222
    assert {entry.kind for entry in entries} == set(KINDS)
    assert all(entry.covered_by and all(entry.covered_by) for entry in entries)
    assert coverage_counts(LEXICON).endswith("没有着落的 0")


def test_coverage_in_the_docs_is_the_generated_one() -> None:
    page = Path(__file__).parent.parent / "docs" / "rules" / "coverage.md"
    assert page.read_text(encoding="utf-8") == coverage(LEXICON), "run: kefulint rules doc docs/rules"


def test_no_norm_of_the_research_is_left_out(measuring_data: Path) -> None:
    researched = yaml.safe_load((measuring_data / "rules" / "platform_rules.yaml").read_text(encoding="utf-8"))["rules"]
    assert {entry["id"] for entry in researched} == {entry.id for entry in BOOKS.coverage()}
    for entry in researched:
        clause = BOOKS.clause(entry["id"])
        points = entry["penalty"]["points"]
        if clause and points is not None and clause.points:
            assert clause.points == Decimal(str(points)), entry["id"]


@pytest.mark.parametrize("rule", sorted(LEXICON.rules))
def test_every_rule_has_a_clause_somewhere(rule: str) -> None:
    channel = LEXICON.rules[rule].channels[0]
    found = [clause for p in PLATFORMS for clause in BOOKS.clauses(rule, p, channel)]
    assert found and all(clause.sources and clause.says and clause.title for clause in found)


DAYS = [  # day, least points of the first clause of a Tmall insult, amount
    ("before 2020", "2019-06-01", Decimal(12), None),
    ("2020 to 2022", "2021-06-01", Decimal(0), Decimal(1000)),
    ("since 2022", "2023-06-01", Decimal(2), Decimal(1000)),
    ("today", None, Decimal(2), Decimal(1000)),
]


@pytest.mark.parametrize(("day", "points", "amount"), [row[1:] for row in DAYS], ids=[row[0] for row in DAYS])
def test_figures_are_those_of_the_day(day: str | None, points: Decimal, amount: Decimal | None) -> None:
    clause = BOOKS.clauses("insult", "tmall", "chat", day)[0]
    assert (clause.points, clause.amount) == (points, amount)


def test_before_the_first_known_figures_they_are_unknown() -> None:
    clause = next(c for c in BOOKS.clauses("paid-positive-review", "tmall", "chat", "2020-01-01") if "online" in c.id)
    assert clause.points is None and "未见资料" in (clause.also or "")


VERDICTS = [
    ("cod-refused", "tmall", "chat", "error"),
    ("cod-refused", "jd", "chat", None),
    ("shipping-delay-agreed", "pinduoduo", "chat", "error"),
    ("rival-platform-named", "douyin", "listing.title", "warning"),
    ("rival-platform-named", "douyin", "chat", "none"),
]


@pytest.mark.parametrize(("rule", "platform", "channel", "verdict"), VERDICTS)
def test_platforms_raise_and_lower_verdicts(rule: str, platform: str, channel: str, verdict: str | None) -> None:
    assert BOOKS.verdict(rule, platform, channel) == verdict


def test_own_clauses_come_before_the_law() -> None:
    clauses = Linter(("jd", "tmall"), lexicon=LEXICON).check("五星好评返2元哦")[0].clauses
    kinds = [clause.platform in ("any", "law") for clause in clauses]
    assert kinds == sorted(kinds)
    assert len({clause.id for clause in clauses}) == len(clauses)


def test_a_shops_own_figures_win_and_are_marked(tmp_path: Path) -> None:
    _book(tmp_path, "platform: tmall\nclauses:\n  tmall.invoice.refusal: {points: 4, scale: A}\n")
    clause = Linter("tmall", [tmp_path]).check("特价不开票的哦")[0].clauses[0]
    assert (clause.points, clause.overridden, clause.title) == (Decimal(4), True, "违背承诺·拒开发票")
    assert clause.sources  # whose figures they were stays visible


BROKEN = [
    ("no platform", "title: 天猫\n", "a rulebook has no 'platform'"),
    ("unknown platform", "platform: ebay\n", "platform is 'ebay', expected one of tmall"),
    ("unknown rule", "platform: tmall\nclauses:\n  x: {title: t, says: s, rules: [nope]}\n", "unknown rule 'nope'"),
    ("no number", "platform: tmall\nclauses:\n  x: {title: t, says: s, rules: [insult], points: six}\n", "points is 'six'"),
    ("no source", "platform: tmall\nclauses:\n  x: {title: t, says: s, rules: [insult], sources: [who]}\n", "unknown source 'who'"),
    ("no date", "platform: tmall\nclauses:\n  x: {title: t, says: s, rules: [insult], as-of: 昨天}\n", "expected a date"),
    ("window", "platform: jd\nmeasures:\n  m: {title: t, rule: insult, kind: reply-rate, window: all, sources: []}\n", "HH:MM-HH:MM"),
    ("twice", "platform: tmall\nplatform: jd\n", "stands twice"),
]  # fmt: skip


@pytest.mark.parametrize(("body", "problem"), [row[1:] for row in BROKEN], ids=[row[0] for row in BROKEN])
def test_errors_name_file_and_line(body: str, problem: str, tmp_path: Path) -> None:
    _book(tmp_path, body)
    with pytest.raises(LexiconError) as error:
        load_lexicon([tmp_path])
    assert any(problem in line and "rulebooks/own.yaml:" in line for line in error.value.problems)


@pytest.mark.parametrize("path", FILES, ids=[path.stem for path in FILES])
def test_shipped_rulebooks_fit_the_schema(path: Path) -> None:
    validator = Draft202012Validator(schema("rulebook"))
    data: Any = yaml.load(path.read_text(encoding="utf-8"), yaml.BaseLoader)
    assert [error.message for error in validator.iter_errors(data)] == []


def _book(folder: Path, body: str) -> None:
    (folder / "rulebooks").mkdir()
    (folder / "rulebooks" / "own.yaml").write_text(body, encoding="utf-8")
