"""Cases in, what training learns from out: labels by rule, groups of writers, and which pieces carry a breach."""

from __future__ import annotations

import hashlib
import random
from collections.abc import Iterable, Sequence
from pathlib import Path

import numpy as np
import numpy.typing as npt

from linter.cases import Case, read
from linter.entries import Lexicon, shipped_folder
from linter.reading.canonical import Canonical
from linter.reading.layout import Laid
from linter.reading.reader import MILD

Floats = npt.NDArray[np.float32]
BY_PLATFORM = {  # error on one platform and warning on another: the rulebook tells, and not the words
    "absolute-claim", "card-fee-surcharge", "cod-refused", "credit-card-refused", "pickup-address", "rival-platform-named",
    "shipping-delay-agreed",
}  # fmt: skip
_CALM = range(6, 61)  # characters
_ENDS = "，。！ "
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


def joined(cases: Sequence[Case], share: float = 0.5, seed: int = 0) -> list[Case]:
    """Return a share of the chat cases once more, with harmless everyday sentences around them, their labels unchanged.

    People write several sentences into one message; most written cases have one.
    """
    rng = random.Random(seed)
    calm = [
        c.text for c in cases if c.channel == "chat" and not (c.expect or c.allow or c.near) and len(c.text) in _CALM
    ]
    found = []
    for case in cases:
        if case.channel != "chat" or len(case.text) > _CALM.stop or not calm or rng.random() >= share:
            continue
        around = [rng.choice(calm) for _ in range(rng.choice((1, 1, 2)))]
        before = rng.randint(0, len(around))
        front = "".join(said + rng.choice(_ENDS) for said in around[:before])
        back = "".join(rng.choice(_ENDS) + said for said in around[before:])
        moved = tuple(e._replace(start=e.start + len(front), end=e.end + len(front)) for e in case.expect)
        found.append(case._replace(text=front + case.text + back, expect=moved))
    return found


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


def mild_heads(cases: Iterable[Case], rules: Sequence[str]) -> list[str]:
    """Return the heads that tell an error from a warning, for rules of which the cases know enough of both."""
    counts: dict[tuple[str, str], int] = {}
    for case in cases:
        for entry in case.expect:
            key = (entry.rule, entry.verdict)
            counts[key] = counts.get(key, 0) + 1
    enough = (rule for rule in rules if min(counts.get((rule, v), 0) for v in ("error", "warning")) >= 4 * LEAST)
    return [rule + MILD for rule in enough if rule not in BY_PLATFORM]


def targets(cases: Sequence[Case], rules: Sequence[str], heads: Sequence[str]) -> tuple[Floats, Floats]:
    """Return what every head should answer for every case, and whether the answer counts.

    A head that tells a warning from an error is asked where the rule is broken alone.
    """
    target = np.zeros((len(cases), len(heads)), np.float32)
    weight = np.ones_like(target)
    places = {head: place for place, head in enumerate(heads)}
    for number, case in enumerate(cases):
        target[number, : len(rules)], weight[number, : len(rules)] = labels(case, rules)
        weight[number, len(rules) :] = 0
        for entry in case.expect:
            place = places.get(entry.rule + MILD)
            if place is not None:
                target[number, place], weight[number, place] = entry.verdict == "warning", 1
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
