"""What two readers said of the same lines in, how far they agree out.

A file of second readings (`second/WRITER.tsv`) has one line a case: its digest, what the writer had marked when the second
reader read it blind, what the second reader said, and, where the two differ, what both settled on. It holds no text.
"""

from __future__ import annotations

import random
from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

from linter.cases import Case, digest
from linter.cases import Reader as CaseReader
from linter.model import SourceError

if TYPE_CHECKING:
    from linter.entries import Lexicon

NONE = "-"
SHARE = 0.15


class Reading(NamedTuple):
    """One line read twice. Labels are `rule!verdict`, sorted; `settled` is None where nothing had to be settled."""

    digest: str
    first: frozenset[str]
    second: frozenset[str]
    settled: frozenset[str] | None


def labels(case: Case) -> frozenset[str]:
    """Return what a case is said to break, at error and warning."""
    return frozenset(f"{e.rule}!{e.verdict}" for e in case.expect if e.verdict in ("error", "warning"))


def read(path: Path) -> list[Reading]:
    """Return the second readings of a file; raise SourceError with every broken line."""
    found: list[Reading] = []
    problems: list[str] = []
    for number, line in enumerate(path.read_text(encoding="utf-8").splitlines(), 1):
        cells = line.split("\t")
        if len(cells) not in (3, 4):
            problems.append(f"{path}:{number}: {len(cells)} columns, expected digest, first, second and settled")
            continue
        sets = [_labels(cell) for cell in cells[1:]]
        found.append(Reading(cells[0], sets[0], sets[1], sets[2] if len(sets) == 3 else None))
    if problems:
        raise SourceError(problems)
    return found


def _labels(cell: str) -> frozenset[str]:
    return frozenset(part.strip() for part in cell.split(",") if part.strip() not in ("", NONE))


def line_of(reading: Reading) -> str:
    """Return a reading as a line of its file."""
    sets = [reading.first, reading.second, *([] if reading.settled is None else [reading.settled])]
    return "\t".join([reading.digest, *(",".join(sorted(said)) or NONE for said in sets)])


def drawn(cases: Sequence[Case], share: float = SHARE, seed: int = 0) -> list[Case]:
    """Draw a share of a writer's cases, in an order that tells nothing; the same seed draws the same ones."""
    number = max(1, round(len(cases) * share))
    return random.Random(seed).sample(list(cases), number)


# --- counting --------------------------------------------------------------------------------------------------------


@dataclass
class Agreement:
    """How far the two readers agree: on all lines, and by rule on the lines on which either named the rule."""

    read: int = 0
    at_first: int = 0
    settled: int = 0  # lines on which the labels of now are what both readers hold
    rules: dict[str, Counter[str]] = field(default_factory=lambda: defaultdict(Counter))
    open: list[str] = field(default_factory=list)  # ids of cases that are not settled

    @property
    def first_share(self) -> float:
        return self.at_first / self.read if self.read else 0.0

    @property
    def share(self) -> float:
        return self.settled / self.read if self.read else 0.0


def agreement(cases: Iterable[Case], readings: Sequence[Reading]) -> Agreement:
    """Count the agreement on one writer's cases. Rules of `allow` are neither right nor wrong here either."""
    by_digest = {digest(case): case for case in cases}
    found = Agreement()
    for reading in readings:
        case = by_digest.get(reading.digest)
        if case is None:
            continue  # the line was rewritten since
        found.read += 1
        allowed = frozenset(case.allow)
        found.at_first += _same(reading.first, reading.second, allowed)
        held = _same(labels(case), reading.second if reading.settled is None else reading.settled, allowed)
        found.settled += held
        if not held:
            found.open.append(case.id)
        _count_rules(found, reading)
    return found


def _same(one: frozenset[str], other: frozenset[str], allowed: frozenset[str]) -> bool:
    return all(label.partition("!")[0] in allowed for label in one ^ other)


def _count_rules(found: Agreement, reading: Reading) -> None:
    first, second = _rules(reading.first), _rules(reading.second)
    for rule in first.keys() | second.keys():
        found.rules[rule]["named"] += 1
        found.rules[rule]["agreed"] += first.get(rule) == second.get(rule)


def _rules(said: frozenset[str]) -> dict[str, str]:
    return dict(label.split("!", 1) for label in said)


def render(found: Mapping[str, Agreement]) -> str:
    """Return the agreement per writer and per rule as tables."""
    lines = [f"{'writer':<16}{'read':>7}{'at first':>10}{'settled':>9}{'open':>6}"]
    rules: dict[str, Counter[str]] = defaultdict(Counter)
    for writer, one in found.items():
        lines.append(f"{writer:<16}{one.read:>7}{one.first_share:>10.3f}{one.share:>9.3f}{len(one.open):>6}")
        for rule, counts in one.rules.items():
            rules[rule].update(counts)
    read_, first, settled = (
        sum(getattr(one, name) for one in found.values()) for name in ("read", "at_first", "settled")
    )
    lines.append(f"{'all':<16}{read_:>7}{first / max(read_, 1):>10.3f}{settled / max(read_, 1):>9.3f}")
    lines += ["", f"{'rule':<30}{'named':>7}{'agreed':>8}{'share':>8}"]
    for rule, counts in sorted(rules.items()):
        share = counts["agreed"] / counts["named"]
        lines.append(f"{rule:<30}{counts['named']:>7}{counts['agreed']:>8}{share:>8.3f}")
    return "\n".join(lines)


def as_dict(found: Mapping[str, Agreement]) -> dict[str, object]:
    """Return the agreement as plain data, for JSON."""
    return {
        writer: {
            "read": one.read, "at_first": round(one.first_share, 4), "settled": round(one.share, 4), "open": one.open,
            "rules": {rule: dict(counts) for rule, counts in sorted(one.rules.items())},
        }
        for writer, one in found.items()
    }  # fmt: skip


def of_sheet(path: Path, cases: Mapping[str, Case], lexicon: Lexicon) -> tuple[list[Reading], list[str]]:
    """Return the second readings of a filled-in sheet, and what is wrong in it as `path:line: …`."""
    verdict = CaseReader(lexicon).verdict
    found: list[Reading] = []
    problems: list[str] = []
    for number, line in enumerate(path.read_text(encoding="utf-8").splitlines(), 1):
        cells = line.split("\t")
        case = cases.get(cells[0])
        said = cells[5].strip() if len(cells) > 5 else ""
        if case is None or not said:
            what = "no label" if case else "a line that is not in the writer's file"
            problems.append(f"{path}:{number}: {what}, expected a rule's id or -")
            continue
        named: set[str] = set()
        for label in _labels(said):
            rule, _, given = label.partition("!")
            if rule not in lexicon.rules:
                problems.append(f"{path}:{number}: unknown rule '{rule}', expected a rule's id or -")
            elif (given or verdict(rule, case.platform, case.channel)) in ("error", "warning"):
                named.add(f"{rule}!{given or verdict(rule, case.platform, case.channel)}")
        found.append(Reading(cells[0], labels(case), frozenset(named), None))
    return found, problems
