"""What was heard in, scores by rule out: the compact reader and, where it is at hand, the encoder, added.

The thresholds stand in the weights' card: they were set on writers that no training saw.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from functools import lru_cache
from pathlib import Path
from typing import NamedTuple

from linter.compiled import Reading
from linter.model import KefulintError, Utterance
from linter.reading.compact import Compact, load
from linter.reading.evidence import Heard, Said, gate_numbers, numbers
from linter.reading.grams import run
from linter.shapes import SHAPES

_TURNS = 2
MILD = "!warning"  # a head that says of a breach that it is one to ask about, not to block


class Thresholds(NamedTuple):
    """What a rule's score is held against, as log-odds."""

    error: float  # from here on it blocks
    warning: float  # from here on it asks
    kept: float  # from here on what the rule's own cues found stands


class Scored(NamedTuple):
    """A rule's score. `verdict` is the gravest that the score allows; `kept` what it leaves of the rule's own findings."""

    rule: str
    score: float
    verdict: str
    kept: bool


class Reader:
    """Scores messages. `names` are the concepts that it knows."""

    def __init__(self, compact: Compact) -> None:
        self.compact = compact
        self.rules = tuple(head for head in compact.heads if not head.endswith(MILD))  # they stand first
        self.names: frozenset[str] = frozenset(compact.card["concepts"])
        self._thresholds = {name: Thresholds(*limits) for name, limits in compact.card["thresholds"].items()}
        self._gate: float = compact.card["gate"]
        self._mild = {head.removesuffix(MILD): n for n, head in enumerate(compact.heads) if head.endswith(MILD)}

    @property
    def version(self) -> str:
        return str(self.compact.card["version"])

    def may_mean(self, plain: str, asked: Sequence[str], channel: str) -> bool:
        """Could the message mean anything? Most do not, and are told by their characters alone."""
        return self.compact.gate(gate_numbers(plain, asked, channel)) >= self._gate

    def scores(self, heard: Heard) -> list[Scored]:
        """Return every rule's score."""
        found = self.compact.scores(numbers(heard))
        kind = "chat" if heard.channel == "chat" else "listing"
        scored: list[Scored] = []
        for number, rule in enumerate(self.rules):
            limits = self._thresholds[f"{rule}/{kind}"]
            score, verdict = found[number], "none"
            if score >= limits.warning:
                mild = rule in self._mild and found[self._mild[rule]] > 0
                verdict = "error" if score >= limits.error and not mild else "warning"
            scored.append(Scored(rule, score, verdict, score >= limits.kept))
        return scored

    def place(self, plain: str, rule: str) -> tuple[int, int]:
        """Return the run of characters that weighs most for a rule, as a span of the plain text."""
        head = self.compact.heads.index(rule)
        return heaviest(weights_of(plain, lambda number: self.compact.weight(number, head)))


def weights_of(plain: str, weight: Callable[[int], float]) -> list[float]:
    """Return by character what the runs through it weigh, each run shared out among its characters."""
    found = [0.0] * len(plain)
    for length in range(1, 5):
        for start in range(len(plain) - length + 1):
            share = weight(run(plain[start : start + length], "c")) / length
            for place in range(start, start + length):
                found[place] += share
    return found


def heaviest(weights: Sequence[float]) -> tuple[int, int]:
    """Return the run with the greatest sum of weights above their mean; the first of several."""
    if not weights:
        return 0, 0
    mean = max(sum(weights) / len(weights), 0.0)
    best, span, total, start = float("-inf"), (0, len(weights)), 0.0, 0
    for end, value in enumerate(weights, 1):
        if total <= 0:
            total, start = 0.0, end - 1
        total += value - mean
        if total > best:
            best, span = total, (start, end)
    return span


def said(reading: Reading, names: Iterable[str]) -> Said:
    """Return a text as the reader sees it."""
    hits = reading.hits
    places, beside = hits.places, hits.beside
    present = [name for name in names if (name in places or name in beside) and hits.get(name)]
    return Said(reading.folded.plain, (*present, *(name for name in SHAPES if hits.get(name))))


def hear(
    message: Utterance, reading: Reading, read: Callable[[str], Said], names: Iterable[str], platform: str,
    found: Iterable[tuple[str, str]],
) -> Heard:  # fmt: skip
    """Gather what the reader sees of a message; `read` makes a turn of its context ready."""
    asked = [turn.text for turn in message.context if turn.role == "buyer"][-_TURNS:]
    answers = [turn.text for turn in message.context if turn.role == "agent"][-_TURNS:]
    return Heard(
        said(reading, names), tuple(read(text) for text in reversed(asked)), tuple(read(text) for text in answers),
        message.channel, platform, tuple(found),
    )  # fmt: skip


@lru_cache(maxsize=4)
def reader_of(path: Path) -> Reader:
    """Return the reader with the weights of a file; raise KefulintError where it holds none."""
    try:
        return Reader(load(path))
    except (OSError, ValueError, KeyError) as error:
        raise KefulintError(
            f"{path}:1: not weights of a reader ({error}), expected a file that `make weights` wrote"
        ) from error
