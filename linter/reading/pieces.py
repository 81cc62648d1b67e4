"""A canonical text in, the encoder's pieces out: a Unigram vocabulary, cut so that the pieces are the likeliest together.

Forty lines instead of a library: the vocabulary lies beside the weights, the answers must be the same wherever the
program runs, and every piece must be traced back to the characters it stands for.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import NamedTuple

LONGEST = 8  # characters of a piece
START = "\u2581"  # stands in front of a text, as in the vocabulary that the weights come from
_UNKNOWN_COST = 10.0  # below the least likely piece


class Piece(NamedTuple):
    """A piece by its number, and the characters of the canonical text that it stands for."""

    number: int
    start: int
    end: int


class Vocabulary:
    """The encoder's pieces with their log-likelihoods; numbers count from 0 in the order given."""

    def __init__(self, pieces: Sequence[tuple[str, float]], special: Mapping[str, int]) -> None:
        """`special` names the numbers of start, end, pad and unknown."""
        self.numbers = {piece: number for number, (piece, _) in enumerate(pieces)}
        self._scores = [score for _, score in pieces]
        self.start, self.end, self.pad, self.unknown = (special[name] for name in ("start", "end", "pad", "unknown"))
        for number in (self.start, self.end, self.pad, self.unknown):
            self.numbers.pop(pieces[number][0], None)
        self._worst = min(self._scores) - _UNKNOWN_COST

    def cut(self, text: str) -> list[Piece]:
        """Cut a text into pieces; what no piece spells is unknown, character by character."""
        padded = START + text.replace(" ", START)
        size = len(padded)
        best, piece, since = [0.0] + [-1e30] * size, [0] * (size + 1), [0] * (size + 1)
        numbers, scores = self.numbers, self._scores
        for start in range(size):
            score = best[start]
            for end in range(start + 1, min(size, start + LONGEST) + 1):
                number = numbers.get(padded[start:end])
                if number is not None and score + scores[number] > best[end]:
                    best[end], piece[end], since[end] = score + scores[number], number, start
            if score + self._worst > best[start + 1]:
                best[start + 1], piece[start + 1], since[start + 1] = score + self._worst, self.unknown, start
        found: list[Piece] = []
        end = size
        while end > 0:
            found.append(Piece(piece[end], max(since[end] - 1, 0), end - 1))
            end = since[end]
        return found[::-1]
