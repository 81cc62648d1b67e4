"""Streams of any length in, sums and best-of lists of bounded size out, in a form whose parts add up.

The decision to question: `Capped` keeps the first names of a stream and not the most frequent ones. Every number it shows
is exact, and parts counted apart and added in order give what one pass gives, as long as no part alone went over the
bound. A counter that forgets the rare names shows guesses, and other guesses for every way to cut the stream.
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

Score = tuple[int, ...]


@dataclass
class Capped:
    """How often each name was seen: the first `most` names one by one, all further ones as `rest`."""

    most: int
    times: dict[str, int] = field(default_factory=dict)
    rest: int = 0

    def count(self, name: str, times: int = 1) -> None:
        if name in self.times:
            self.times[name] += times
        elif len(self.times) < self.most:
            self.times[name] = times
        else:
            self.rest += times

    def add(self, later: Capped) -> None:
        """Add what was seen after this."""
        for name, times in later.times.items():
            self.count(name, times)
        self.rest += later.rest

    def top(self, most: int | None = None) -> list[tuple[str, int]]:
        """Return the most frequent names, equals by name."""
        return sorted(self.times.items(), key=lambda item: (-item[1], item[0]))[:most]

    def state(self) -> dict[str, Any]:
        return {"times": dict(self.times), "rest": self.rest}

    @classmethod
    def of_state(cls, most: int, data: Mapping[str, Any]) -> Capped:
        return cls(most, dict(data["times"]), data["rest"])


@dataclass
class Gravest:
    """The `most` entries with the highest scores, of equals the first; at most one for each key that is not None."""

    most: int
    scores: list[Score] = field(default_factory=list)  # negated, ascending
    entries: list[tuple[int | None, dict[str, Any]]] = field(default_factory=list)

    def wants(self, score: Score, key: int | None = None) -> bool:
        """Would an entry with this score come in? Asked before the entry is built."""
        worth = _negated(score)
        if len(self.scores) == self.most and worth >= self.scores[-1]:
            return False
        return key is None or not any(
            k == key and s <= worth for s, (k, _) in zip(self.scores, self.entries, strict=True)
        )

    def offer(self, score: Score, key: int | None, entry: dict[str, Any]) -> None:
        """Take an entry in where it is wanted."""
        if not self.wants(score, key):
            return
        worth = _negated(score)
        same = next((i for i, (other, _) in enumerate(self.entries) if key is not None and other == key), None)
        if same is not None:
            del self.scores[same], self.entries[same]
        place = bisect_right(self.scores, worth)
        self.scores.insert(place, worth)
        self.entries.insert(place, (key, entry))
        del self.scores[self.most :], self.entries[self.most :]

    def add(self, later: Gravest, moved: int) -> None:
        """Add another part; `moved` is how many messages came before it. The last figure of a score is its message's `n`."""
        for worth, (key, entry) in zip(later.scores, later.entries, strict=True):
            *score, last = _negated(worth)
            self.offer((*score, last - moved), key, entry | {"n": entry["n"] + moved})

    def state(self) -> list[Any]:
        return [[list(score), key, entry] for score, (key, entry) in zip(self.scores, self.entries, strict=True)]

    @classmethod
    def of_state(cls, most: int, data: Iterable[Any]) -> Gravest:
        rows = list(data)
        return cls(most, [tuple(score) for score, _, _ in rows], [(key, entry) for _, key, entry in rows])


def _negated(score: Score) -> Score:
    return tuple(-part for part in score)
