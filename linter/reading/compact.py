"""Evidence in, a score by rule out: the compact reader, one weight a feature and rule.

The file is read as it lies there: a table from feature to row, and rows of one byte a rule. Rows are added as whole
numbers of many lanes, two at a time for odd and even bytes: this needs nothing but Python and takes 1 µs a feature.
"""

from __future__ import annotations

import math
import mmap
from array import array
from collections.abc import Collection, Sequence
from pathlib import Path
from typing import Any

from linter.reading.grams import BITS

MAGIC = b"kfl-reader-1\n"
_MIDDLE = 128  # a byte of this is no weight at all
_AT_ONCE = 250  # rows whose sum still fits a lane of 16 bits


class Compact:
    """The weights, and what belongs to them: `heads` by name, and the card."""

    def __init__(self, data: bytes | mmap.mmap) -> None:
        import json  # 4 ms that a run without a reader need not pay

        if data[: len(MAGIC)] != MAGIC:
            raise ValueError("no weights of this reader")
        size = int.from_bytes(data[len(MAGIC) : len(MAGIC) + 4], "little")
        start = len(MAGIC) + 4
        self.card: dict[str, Any] = json.loads(data[start : start + size].decode())
        self.heads: tuple[str, ...] = tuple(self.card["heads"])
        self.bias: Sequence[float] = self.card["bias"]
        view = memoryview(data)
        start += size
        self._gate = view[start : start + (1 << BITS)].cast("b")
        start += 1 << BITS
        self._places = view[start : start + (4 << BITS)].cast("I")
        self._rows = view[start + (4 << BITS) :]
        self._width = len(self.heads)
        lanes = (self._width + 1) // 2
        self._even = int.from_bytes(b"\xff\x00" * lanes, "little")
        self._lanes = lanes

    def gate(self, numbers: Collection[int]) -> float:
        """Return how likely anything is meant, as a log-odds; `numbers` are those of `gate_numbers`."""
        weights = self._gate
        total = 0
        for number in numbers:
            total += weights[number]
        scale: float = self.card["gate_scale"]
        bias: float = self.card["gate_bias"]
        return total * scale * norm(len(numbers)) + bias

    def scores(self, numbers: Collection[int]) -> list[float]:
        """Return the log-odds by head that a message with this evidence breaks a rule."""
        even, odd, count = self._sum(numbers)
        sums = [0] * (2 * self._lanes)
        sums[::2], sums[1::2] = even, odd
        factor = self.card["scale"] * norm(len(numbers))
        return [(total - _MIDDLE * count) * factor + bias for total, bias in zip(sums, self.bias, strict=False)]

    def _sum(self, numbers: Collection[int]) -> tuple[list[int], list[int], int]:
        places, rows, width, mask = self._places, self._rows, self._width, self._even
        lanes = self._lanes
        even, odd = [0] * lanes, [0] * lanes
        one = other = count = waiting = 0
        for number in numbers:
            place = places[number]
            if place:
                row = int.from_bytes(rows[(place - 1) * width : place * width], "little")
                one += row & mask
                other += (row >> 8) & mask
                waiting += 1
                if waiting == _AT_ONCE:
                    even, odd = _added(even, one, lanes), _added(odd, other, lanes)
                    count, one, other, waiting = count + waiting, 0, 0, 0
        return _added(even, one, lanes), _added(odd, other, lanes), count + waiting

    def weight(self, number: int, head: int) -> float:
        """Return what one feature adds to a head, before the length of the message is counted in."""
        place = self._places[number]
        if not place:
            return 0.0
        byte: int = self._rows[(place - 1) * self._width + head]
        return (byte - _MIDDLE) * float(self.card["scale"])


def _added(sums: list[int], lanes: int, count: int) -> list[int]:
    if not lanes:
        return sums
    more = array("H", lanes.to_bytes(2 * count, "little"))
    return [a + b for a, b in zip(sums, more, strict=True)]


def norm(count: int) -> float:
    """Return what every feature of a message counts: a long message has many, but its breach is no smaller."""
    return 1.8 / math.sqrt(math.sqrt(max(count, 1)))


def load(path: Path) -> Compact:
    """Read a file of weights; it is looked into and not copied."""
    with path.open("rb") as file:
        return Compact(mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ))
