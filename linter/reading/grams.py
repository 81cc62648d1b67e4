"""Characters in, numbers of features out: every run of one to four characters, told by a checksum.

The numbers are CRC-32 of UTF-8, which every machine has, reduced to the table's size; the compiled part has the same.
"""

from __future__ import annotations

from collections.abc import Iterable
from zlib import crc32

BITS = 19
_MASK = (1 << BITS) - 1


def number(name: str) -> int:
    """Return the number of a feature by its name."""
    code = crc32(name.encode("utf-8", "surrogatepass"))
    return (code ^ code >> BITS) & _MASK


def grams(text: str, longest: int, kind: str) -> set[int]:
    """Return the features of all runs of 1 to `longest` characters; `kind` is one letter that keeps places apart."""
    found: set[int] = set()
    begun = crc32(kind.encode())
    chars = [char.encode("utf-8", "surrogatepass") for char in text]
    for start in range(len(chars)):
        code = begun
        for char in chars[start : start + longest]:
            code = crc32(char, code)
            found.add((code ^ code >> BITS) & _MASK)
    return found


def run(text: str, kind: str) -> int:
    """Return the feature of one run of characters."""
    return number(kind + text)


def named(names: Iterable[str]) -> set[int]:
    """Return the features of several names."""
    return {number(name) for name in names}
