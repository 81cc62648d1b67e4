"""Scores of cases that no training saw in, thresholds out: by rule and channel, for precision first and then recall.

Few cases tell little about one rule: its own precision at a score is mixed with that of all rules at the same score, as if
`_WEIGHT` findings of all rules were its own.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

from linter.cases import Case
from training.data import broken

Floats = npt.NDArray[np.float32]
ERROR, WARNING = 0.97, 0.93  # precision wanted of what the reader alone finds: to block, and to ask
KEPT = 0.93  # and of what a rule's own cues found
_WEIGHT = 10.0
_NEVER = 99.0
_LET_ON = 0.995  # of what would be found must pass the gate


class _Told(NamedTuple):
    """Scores in falling order, and whether each is right."""

    scores: Floats
    right: npt.NDArray[np.bool_]


def _told(scores: Floats, right: npt.NDArray[np.bool_], asked: npt.NDArray[np.bool_]) -> _Told:
    scores, right = scores[asked], right[asked]
    order = np.argsort(-scores, kind="stable")
    return _Told(scores[order], right[order])


class Answers:
    """What is to be known of cases and rules: is it broken, does it count, and did the rule's own cues find it?"""

    def __init__(self, cases: Sequence[Case], rules: Sequence[str], found: Sequence[set[str]]) -> None:
        self.cases, self.rules = cases, rules
        self.right = np.array([[rule in broken(case) for rule in rules] for case in cases])
        allowed = np.array([[rule in case.allow for rule in rules] for case in cases])
        self.counts = self.right | ~allowed
        self.cued = np.array([[rule in one for rule in rules] for one in found])
        self.talk = np.array([case.channel == "chat" for case in cases])
        self.by = np.array([case.writer for case in cases])

    def fit(self, held: Floats, rows: npt.NDArray[np.bool_]) -> dict[str, tuple[float, float, float]]:
        """Return the thresholds by `rule/chat` and `rule/listing`, told by some of the cases.

        What the cues found is judged apart from the rest: there the reader's word is against another.
        """
        asked = self.counts & rows[:, None]
        free, cued = asked & ~self.cued, asked & self.cued
        general = (
            _told(held.ravel(), self.right.ravel(), free.ravel()),
            _told(held.ravel(), self.right.ravel(), cued.ravel()),
        )
        told: dict[str, tuple[float, float, float]] = {}
        for place, rule in enumerate(self.rules):
            for name, kind in (("chat", self.talk), ("listing", ~self.talk)):
                own, kept = (
                    _told(held[:, place], self.right[:, place], some[:, place] & kind) for some in (free, cued)
                )
                error, warning = (_lowest(own, general[0], wanted) for wanted in (ERROR, WARNING))
                floor = _lowest(kept, general[1], KEPT) if len(kept.scores) else _lowest(general[1], general[1], KEPT)
                told[f"{rule}/{name}"] = (round(max(error, warning), 3), round(warning, 3), round(floor, 3))
        return told

    def decided(self, held: Floats, told: Mapping[str, tuple[float, float, float]]) -> npt.NDArray[np.bool_]:
        """Return what the thresholds find, by case and rule."""
        limits = {kind: np.array([told[f"{rule}/{kind}"] for rule in self.rules]) for kind in ("chat", "listing")}
        chosen = np.where(self.talk[:, None, None], limits["chat"], limits["listing"])
        return np.where(self.cued, held >= chosen[..., 2], held >= chosen[..., 1])

    def by_writer(self, held: Floats, groups: Sequence[Sequence[str]]) -> dict[str, Any]:
        """Return precision and recall of errors and warnings together, by writer.

        Neither the weights nor the thresholds a writer is scored with have seen his lines.
        """
        found = np.zeros_like(self.right)
        for group in groups:
            out = np.isin(self.by, group)
            found[out] = self.decided(held, self.fit(held, ~out))[out]
        rows = {writer: self._score(found, self.by == writer) for writer in dict.fromkeys(self.by.tolist())}
        return rows | {"all": self._score(found, np.ones(len(self.by), bool))}

    def by_rule(self, held: Floats, groups: Sequence[Sequence[str]]) -> dict[str, Any]:
        """Return the same by rule."""
        found = np.zeros_like(self.right)
        for group in groups:
            out = np.isin(self.by, group)
            found[out] = self.decided(held, self.fit(held, ~out))[out]
        return {rule: self._score(found, np.ones(len(self.by), bool), place) for place, rule in enumerate(self.rules)}

    def _score(
        self, found: npt.NDArray[np.bool_], rows: npt.NDArray[np.bool_], place: int | None = None
    ) -> dict[str, float]:
        columns = slice(None) if place is None else slice(place, place + 1)
        got, right, counts = (one[rows][:, columns] for one in (found, self.right, self.counts))
        hits, wrong, missed = (got & right).sum(), (got & counts & ~right).sum(), (right & ~got).sum()
        return {
            "precision": round(float(hits / max(hits + wrong, 1)), 3), "recall": round(float(hits / max(hits + missed, 1)), 3),
            "breaches": int(right.sum()),
        }  # fmt: skip

    def opening(self, held: Floats, gated: Floats, told: Mapping[str, tuple[float, float, float]]) -> Opening:
        """Return the gate's threshold: nearly all that the reader alone would find and is right passes it."""
        found = gated[(self.decided(held, told) & self.right & ~self.cued).any(1)]
        score = float(np.quantile(found, 1 - _LET_ON)) if len(found) else 0.0
        harmless = ~self.right.any(1)
        return Opening(round(score, 3), float((gated[harmless] >= score).mean()))


def _lowest(told: _Told, general: _Told, wanted: float) -> float:
    """Return the lowest score above which the precision is as wanted; without any, one that is never reached."""
    if not len(told.scores):
        return _NEVER
    above = np.searchsorted(-general.scores, -told.scores, side="right")
    sums = np.concatenate([[0], np.cumsum(general.right)])
    usual = sums[above] / np.maximum(above, 1)
    precision = (np.cumsum(told.right) + _WEIGHT * usual) / (np.arange(1, len(told.right) + 1) + _WEIGHT)
    fine = np.flatnonzero(precision >= wanted)
    if not len(fine):
        return _NEVER
    return -_NEVER if fine[-1] == len(told.scores) - 1 else float(told.scores[fine[-1]]) - 1e-3


class Opening(NamedTuple):
    """Where the gate opens, and the share of harmless cases that it lets on."""

    score: float
    share: float
