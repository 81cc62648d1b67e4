"""Cases in, what training learns from out: labels by rule, groups of writers, and which pieces carry a breach."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Sequence
from pathlib import Path

import numpy as np
import numpy.typing as npt

from linter.cases import Case, read
from linter.entries import Lexicon, shipped_folder
from linter.reading.canonical import Canonical
from linter.reading.layout import Laid

LEAST = 8  # breaches that a rule must have to be learned
DECLARED = {  # told by arithmetic, by times or by their exact form: no reader learns them
    "duplicate-listing", "free-shipping-mismatch", "low-reply-rate", "repeated-message", "slow-first-reply",
}  # fmt: skip


def folder() -> Path:
    return shipped_folder() / "cases"


def load(lexicon: Lexicon, paths: Sequence[Path] = ()) -> list[Case]:
    """Return the cases to learn from, in a fixed order."""
    return read(list(paths) or [folder()], lexicon)


def digest(cases: Iterable[Case]) -> str:
    """Return 12 hex digits of the cases: weights say which cases they come from."""
    found = hashlib.sha256()
    for case in cases:
        found.update(repr(case).encode("utf-8", "surrogatepass"))
    return found.hexdigest()[:12]


def broken(case: Case) -> set[str]:
    """Return the rules that a case breaks at error or warning."""
    return {e.rule for e in case.expect if e.verdict in ("error", "warning")}


def rules_of(cases: Iterable[Case]) -> list[str]:
    """Return the rules that can be learned, sorted."""
    counts: dict[str, int] = {}
    for case in cases:
        for rule in broken(case):
            counts[rule] = counts.get(rule, 0) + 1
    return sorted(rule for rule, count in counts.items() if count >= LEAST and rule not in DECLARED)


def labels(case: Case, rules: Sequence[str]) -> tuple[npt.NDArray[np.float32], npt.NDArray[np.float32]]:
    """Return by rule: is it broken, and does the answer count? Of rules that are neither right nor wrong it does not."""
    found = broken(case)
    target = np.array([rule in found for rule in rules], np.float32)
    weight = np.array([rule in found or rule not in case.allow for rule in rules], np.float32)
    return target, weight


def carried(case: Case, read: Canonical, laid: Laid, rules: Sequence[str]) -> npt.NDArray[np.float32]:
    """Return by own piece and rule: does the piece carry the breach?"""
    places = {rule: number for number, rule in enumerate(rules)}
    found = np.zeros((len(laid.own), len(rules)), np.float32)
    for entry in case.expect:
        if entry.rule in places and entry.verdict in ("error", "warning"):
            for number, piece in enumerate(laid.own):
                start, end = read.at[piece.start], read.at[max(piece.end - 1, piece.start)] + 1
                if start < entry.end and entry.start < end and piece.start < piece.end:
                    found[number, places[entry.rule]] = 1
    return found


def groups(cases: Sequence[Case], count: int) -> list[list[str]]:
    """Part the writers into groups of about the same number of cases, for holding each out once."""
    sizes: dict[str, int] = {}
    for case in cases:
        sizes[case.writer] = sizes.get(case.writer, 0) + 1
    made: list[list[str]] = [[] for _ in range(min(count, len(sizes)))]
    for writer in sorted(sizes, key=lambda name: (-sizes[name], name)):
        min(made, key=lambda group: sum(sizes[name] for name in group)).append(writer)
    return made
