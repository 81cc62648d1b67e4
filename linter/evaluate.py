"""Labelled cases in, scores out: precision and recall as the labelling guide defines them.

A finding is right when an expected one has its rule and overlaps its span. `block` counts errors against expected
errors; `all` counts errors and warnings together, whichever of the two was expected. Rules a case allows are neither
right nor wrong; an `info` is not counted.
"""

from __future__ import annotations

import json
import re
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from linter import decisions
from linter.cases import read as read_written
from linter.cases import to_json
from linter.engine import Linter
from linter.lexicon import Example, Lexicon, Rule
from linter.model import Finding, KefulintError, Message, SourceError, Turn


@dataclass
class Tally:
    """Counts of one row of the table."""

    right: int = 0  # findings that an expected one confirms
    wrong: int = 0  # findings that none does
    found: int = 0  # expected findings that were found
    missed: int = 0  # expected findings that were not

    @property
    def precision(self) -> float | None:
        return self.right / (self.right + self.wrong) if self.right + self.wrong else None

    @property
    def recall(self) -> float | None:
        return self.found / (self.found + self.missed) if self.found + self.missed else None

    def as_dict(self) -> dict[str, Any]:
        return {
            "right": self.right, "wrong": self.wrong, "found": self.found, "missed": self.missed,
            "precision": _rounded(self.precision), "recall": _rounded(self.recall),
        }  # fmt: skip


@dataclass(frozen=True, slots=True)
class Miss:
    """One disagreement: a finding nobody expected, or an expected one that was not found."""

    case: str
    kind: str  # "wrong" or "missed"
    rule: str
    verdict: str
    words: str
    text: str
    tags: tuple[str, ...]


@dataclass
class Score:
    """The whole evaluation."""

    cases: int = 0
    skipped: int = 0
    block: Tally = field(default_factory=Tally)
    all: Tally = field(default_factory=Tally)
    rules: dict[str, Tally] = field(default_factory=lambda: defaultdict(Tally))
    tags: dict[str, Tally] = field(default_factory=lambda: defaultdict(Tally))
    clean_tags: dict[str, list[int]] = field(default_factory=lambda: defaultdict(lambda: [0, 0]))
    misses: list[Miss] = field(default_factory=list)

    def as_dict(self) -> dict[str, Any]:
        """Return the scores as plain data, for JSON."""
        return {
            "schema": 1,
            "cases": self.cases,
            "skipped": self.skipped,
            "block": self.block.as_dict(),
            "all": self.all.as_dict(),
            "rules": {name: tally.as_dict() for name, tally in sorted(self.rules.items())},
            "tags": {name: tally.as_dict() for name, tally in sorted(self.tags.items())},
            "silent": {
                name: {"cases": total, "clean": clean} for name, (clean, total) in sorted(self.clean_tags.items())
            },
        }


def _rounded(value: float | None) -> float | None:
    return None if value is None else round(value, 4)


# --- reading cases ---------------------------------------------------------------------------------------------------


def read_cases(path: Path) -> Iterator[dict[str, Any]]:
    """Yield the cases of a JSON-lines file, or of a filled-in sheet; raise SourceError with every broken line."""
    if path.suffix.lower() == ".xlsx":
        yield from decisions.read_cases(path)
        return
    problems: list[str] = []
    try:
        lines = path.read_text(encoding="utf-8-sig").split("\n")
    except (OSError, UnicodeDecodeError) as error:
        raise SourceError(f"{path}:1: cannot be read ({error}), expected a UTF-8 file of JSON lines") from error
    for number, line in enumerate(lines, 1):
        if not line.strip():
            continue
        try:
            case = json.loads(line)
        except ValueError as error:
            problems.append(f"{path}:{number}: {error}, expected a JSON object")
            continue
        if not isinstance(case, dict) or not {"platform", "channel", "text", "expect"} <= case.keys():
            problems.append(f"{path}:{number}: not a case, expected platform, channel, text and expect")
            continue
        yield case
    if problems:
        raise SourceError(problems)


def all_cases(paths: Sequence[Path], lexicon: Lexicon) -> Iterator[dict[str, Any]]:
    """Yield the cases of files and folders: writers' files (`.tsv`), JSON lines, filled-in sheets."""
    for path in paths:
        if path.is_dir() or path.suffix.lower() == ".tsv":
            yield from map(to_json, read_written([path], lexicon))
        else:
            yield from read_cases(path)


def by_writer(
    cases: Iterable[Mapping[str, Any]], lexicon: Lexicon, rules: Sequence[str] = (), reader: str | None = None
) -> dict[str, Score]:
    """Score every writer's cases by themselves; a case that names no writer is told by its id up to the last mark."""
    groups: dict[str, list[Mapping[str, Any]]] = defaultdict(list)
    for case in cases:
        groups[str(case.get("writer") or re.split(r"[-:]", str(case.get("id", "?")))[0])].append(case)
    return {writer: evaluate(group, lexicon, rules, reader) for writer, group in groups.items()}


def evaluate(
    cases: Iterable[Mapping[str, Any]], lexicon: Lexicon, rules: Sequence[str] = (), reader: str | None = None
) -> Score:
    """Judge every case on its platform and score the answers. `rules` restricts the score to some rules."""
    score = Score()
    linters: dict[str, Linter] = {}
    for case in cases:
        platform = case["platform"]
        if platform not in linters:
            linters[platform] = Linter(platform, lexicon=lexicon, reader=reader)
        score.cases += 1
        findings = [f for f in judge_case(case, linters[platform]) if not rules or f.rule in rules]
        _count(case, findings, rules, score)
    return score


def judge_case(case: Mapping[str, Any], linter: Linter) -> list[Finding]:
    """Return the findings of one case, whatever its channel."""
    if case["channel"] == "listing":
        return linter.check_listing(case["fields"])
    if case["channel"] == "listing.set":
        return linter.check_listings(case["listings"])
    context = [Turn(turn["role"], turn["text"], turn.get("time")) for turn in case.get("context", ())]
    return linter.check_message(Message(case["text"], case["channel"], context))


# --- counting --------------------------------------------------------------------------------------------------------


def _count(case: Mapping[str, Any], findings: list[Finding], rules: Sequence[str], score: Score) -> None:
    expected = [e for e in case["expect"] if e["verdict"] != "info" and (not rules or e["rule"] in rules)]
    allowed = set(case.get("allow", ()))
    counted = [f for f in findings if f.verdict in ("error", "warning")]
    silent = True
    for finding in counted:
        hits = [e for e in expected if agrees(finding, e, case)]
        if not hits and finding.rule in allowed:
            continue
        silent = False
        _count_finding(case, finding, hits, score)
    for entry in expected:
        _count_expected(case, entry, [f for f in counted if agrees(f, entry, case)], score)
    if not case["expect"]:
        for tag in case.get("tags", ()):
            score.clean_tags[tag][0] += silent
            score.clean_tags[tag][1] += 1


def _count_finding(case: Mapping[str, Any], finding: Finding, hits: list[Any], score: Score) -> None:
    tallies = [score.all, score.rules[finding.rule], *(score.tags[tag] for tag in case.get("tags", ()))]
    for tally in tallies:
        tally.right += bool(hits)
        tally.wrong += not hits
    if finding.verdict == "error":
        blocked = any(e["verdict"] == "error" for e in hits)
        score.block.right += blocked
        score.block.wrong += not blocked
    if not hits or (finding.verdict == "error" and not any(e["verdict"] == "error" for e in hits)):
        score.misses.append(_miss(case, "wrong", finding.rule, finding.verdict, finding.text))


def _count_expected(case: Mapping[str, Any], entry: Mapping[str, Any], found: list[Finding], score: Score) -> None:
    tallies = [score.all, score.rules[entry["rule"]], *(score.tags[tag] for tag in case.get("tags", ()))]
    for tally in tallies:
        tally.found += bool(found)
        tally.missed += not found
    if entry["verdict"] == "error":
        blocked = any(f.verdict == "error" for f in found)
        score.block.found += blocked
        score.block.missed += not blocked
    if not found or (entry["verdict"] == "error" and not any(f.verdict == "error" for f in found)):
        score.misses.append(_miss(case, "missed", entry["rule"], entry["verdict"], entry.get("text", "")))


def _miss(case: Mapping[str, Any], kind: str, rule: str, verdict: str, words: str) -> Miss:
    turns = [f"{t['role'][0].upper()}:{t['text']}" for t in case.get("context", ())]
    text = " | ".join(
        [*turns, case["text"] or json.dumps(case.get("fields") or case.get("listings"), ensure_ascii=False)]
    )
    return Miss(str(case.get("id", "?")), kind, rule, verdict, words, text, tuple(case.get("tags", ())))


def agrees(finding: Finding, entry: Mapping[str, Any], case: Mapping[str, Any]) -> bool:
    """Does a finding have the rule of an expected one and overlap its words (or, in a set, its ids)?"""
    if finding.rule != entry["rule"]:
        return False
    if entry.get("ids"):
        return bool(set(finding.ids) & set(map(str, entry["ids"])))
    words = entry.get("text", "")
    source = case["text"]
    if case["channel"] == "listing":
        source = str(case["fields"].get(finding.field or "title", ""))
    position = source.find(words)
    while words and position >= 0:
        if finding.start < position + len(words) and position < finding.end:
            return True
        position = source.find(words, position + 1)
    return not words


# --- the rules' own examples -----------------------------------------------------------------------------------------


def check_examples(lexicon: Lexicon, only: Sequence[str] = ()) -> list[str]:
    """Run every rule's examples; return the failures as `path:line: what, expected what`."""
    linters: dict[str, Linter] = {}
    failures: list[str] = []
    for rule in lexicon.rules.values():
        if rule.status == "retired" or rule.measure or (only and rule.id not in only):
            continue
        for example in (*rule.violates, *rule.passes):
            linter = linters.get(example.platform)
            if linter is None:
                linter = linters[example.platform] = Linter(example.platform, lexicon=lexicon, drafts=True)
            failure = _example_failure(rule, example, linter)
            if failure:
                failures.append(f"{example.place}: {failure}")
    return failures


def _example_failure(rule: Rule, example: Example, linter: Linter) -> str:
    explanation = linter.explain(Message(example.text, example.channel, example.context))
    mine = [f for f in explanation.findings if f.rule == rule.id]
    if not example.spans:
        return f"'{example.text}' is found at '{mine[0].text}', expected to pass" if mine else ""
    reasons = "; ".join(f"{r.text}: {r.reason}" for r in explanation.rejections if r.rule == rule.id)
    for start, end in example.spans:
        found = [f for f in mine if f.start < end and start < f.end]
        if not found:
            why = f" (let go: {reasons})" if reasons else ""
            return f"'{example.text}' passes, expected to be found at '{example.text[start:end]}'{why}"
        if example.verdict and found[0].verdict != example.verdict:
            return f"'{example.text}' is {found[0].verdict}, expected {example.verdict}"
    return ""


# --- showing ---------------------------------------------------------------------------------------------------------


def render(score: Score, show: str = "") -> str:
    """Return the score as a table; `show` adds the disagreements: wrong, missed or all."""
    rows = [("block", score.block), ("all", score.all)]
    lines = [f"{score.cases} cases", _header(), *(_row(name, tally) for name, tally in rows), "", _header("rule")]
    lines += [_row(name, tally) for name, tally in sorted(score.rules.items())]
    if score.tags:
        lines += ["", _header("tag"), *(_row(name, tally) for name, tally in sorted(score.tags.items()))]
    if score.clean_tags:
        lines += ["", f"{'cases that must stay silent':<32}{'clean':>7}{'of':>7}{'share':>9}"]
    for name, (clean, total) in sorted(score.clean_tags.items()):
        lines.append(f"{name:<32}{clean:>7}{total:>7}{clean / total:>9.3f}")
    for miss in score.misses:
        if show in ("all", miss.kind):
            lines.append(f"{miss.kind:<7}{miss.rule}/{miss.verdict} «{miss.words}» in {miss.case}: {miss.text}")
    return "\n".join(lines)


def render_writers(scores: Mapping[str, Score]) -> str:
    """Return one row a writer, and one of all."""
    lines = [f"{'writer':<24}{'cases':>7}{'block P':>9}{'block R':>9}{'all P':>9}{'all R':>9}"]
    total = Score()
    for score in scores.values():
        total.cases += score.cases
        for sums, tally in ((total.block, score.block), (total.all, score.all)):
            for name in ("right", "wrong", "found", "missed"):
                setattr(sums, name, getattr(sums, name) + getattr(tally, name))
    for writer, score in [*scores.items(), ("all", total)]:
        numbers = (score.block.precision, score.block.recall, score.all.precision, score.all.recall)
        shown = "".join(f"{'-' if number is None else f'{number:.3f}':>9}" for number in numbers)
        lines.append(f"{writer:<24}{score.cases:>7}{shown}")
    return "\n".join(lines)


def _header(first: str = "") -> str:
    return f"{first:<32}{'right':>7}{'wrong':>7}{'found':>7}{'missed':>7}{'precision':>11}{'recall':>8}"


def _row(name: str, tally: Tally) -> str:
    shown = [f"{value:.3f}" if value is not None else "-" for value in (tally.precision, tally.recall)]
    return f"{name:<32}{tally.right:>7}{tally.wrong:>7}{tally.found:>7}{tally.missed:>7}{shown[0]:>11}{shown[1]:>8}"


__all__ = ["KefulintError", "Score", "check_examples", "evaluate", "read_cases", "render"]
