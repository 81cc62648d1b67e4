"""One text as it was read out of a file, every character of it aligned with the source, and the way to write it back.

A text is made of pieces. Most are verbatim; an escape, a doubled quote or a folded line break is a piece of its own, which
a span takes as a whole. Offsets are code points of the source's text.
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Callable, Iterable
from itertools import accumulate
from typing import NamedTuple


class Piece(NamedTuple):
    """`text` was read from source[start:end], character by character where the lengths agree."""

    text: str
    start: int
    end: int


class Value:
    """A text of a file. source[start:end] is all of its literal, quotes included.

    `inline` writes words into the literal as it stands; `whole` writes the literal anew, for what its style cannot hold.
    """

    __slots__ = ("_starts", "end", "inline", "pieces", "start", "text", "whole")

    def __init__(
        self,
        pieces: Iterable[Piece],
        start: int,
        end: int,
        inline: Callable[[str], str] = str,
        whole: Callable[[str], str] | None = None,
    ) -> None:
        self.pieces = tuple(piece for piece in pieces if piece.text)
        self.text = "".join(piece.text for piece in self.pieces)
        self.start = start
        self.end = end
        self.inline = inline
        self.whole = whole
        self._starts = list(accumulate((len(piece.text) for piece in self.pieces), initial=0))

    @classmethod
    def verbatim(cls, source: str, start: int, end: int, inline: Callable[[str], str] = str) -> Value:
        """Make a value of a span that stands as it is."""
        return cls([Piece(source[start:end], start, end)], start, end, inline)

    @property
    def first(self) -> int:
        """Where the text itself begins, behind the quote."""
        return self.pieces[0].start if self.pieces else self.start

    def span(self, start: int, end: int) -> tuple[int, int]:
        """Return where text[start:end] stands in the source."""
        if not self.pieces:
            return self.start, self.end
        first = self._left(start)
        return first, max(first, self._right(end)) if end > start else first

    def _left(self, index: int) -> int:
        if index >= len(self.text):
            return self.pieces[-1].end
        number = bisect_right(self._starts, index) - 1
        piece = self.pieces[number]
        return piece.start + (index - self._starts[number] if _is_verbatim(piece) else 0)

    def _right(self, index: int) -> int:
        number = bisect_right(self._starts, index - 1) - 1
        piece = self.pieces[number]
        return piece.start + index - self._starts[number] if _is_verbatim(piece) else piece.end

    def cut(self, length: int) -> Value:
        """Return the value without what stands behind text[:length]."""
        kept = []
        for piece, begins in zip(self.pieces, self._starts, strict=False):
            room = length - begins
            if room >= len(piece.text):
                kept.append(piece)
            elif room > 0:
                end = piece.start + room if _is_verbatim(piece) else piece.end
                kept.append(Piece(piece.text[:room], piece.start, end))
        return Value(kept, self.start, self.end, self.inline, self.whole)


def _is_verbatim(piece: Piece) -> bool:
    return len(piece.text) == piece.end - piece.start
