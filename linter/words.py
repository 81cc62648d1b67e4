"""Text in, words out: the choice of words that jieba makes without its hidden Markov model, from its own dictionary.

Of all ways to cut a text into words of the dictionary the most likely one is taken. The decision to question: why not ask
jieba itself? It takes half a second to read the dictionary before it cuts a word. Here the words lie in a private file by
their first character, and a group of them is read when a text has that character. The answers are the same, and a test
compares them.
"""

from __future__ import annotations

import os
import re
from array import array
from bisect import bisect_left
from collections.abc import Mapping
from functools import lru_cache
from importlib.util import find_spec
from itertools import accumulate
from math import log
from pathlib import Path
from typing import Any

from linter.folder import keep, kept, private_folder
from linter.model import KefulintError

_RUN = re.compile(r"[\u4e00-\u9fd5a-zA-Z0-9+#&._%-]+")  # what is cut; all else stands alone
_ALONE = re.compile(r"\r\n|.", re.DOTALL)


class Words:
    """A dictionary: how often each word was counted. Groups of words are read when first asked for."""

    def __init__(self, firsts: str, cuts: bytes, packed: bytes, total: int) -> None:
        """`firsts` are the first characters in order; `cuts` say where the words of each begin in `packed`."""
        self._state = firsts, cuts, packed, total
        self._firsts, self._packed = firsts, packed
        self._cuts = memoryview(cuts).cast("I")
        self._log_total = log(total)
        self._groups: dict[str, tuple[dict[str, float], int]] = {}

    def __reduce__(self) -> tuple[Any, ...]:
        return Words, self._state

    def knows(self, word: str) -> bool:
        """Is it a word of the dictionary?"""
        return word[1:] in self._group(word[0])[0]

    def cut(self, text: str) -> tuple[str, ...]:
        """Return the words of a text, and all that is between them."""
        found: list[str] = []
        done = 0
        for run in _RUN.finditer(text):
            if done < run.start():
                found += _ALONE.findall(text, done, run.start())
            self._cut(run[0], found)
            done = run.end()
        if done < len(text):
            found += _ALONE.findall(text, done)
        return tuple(found)

    def _cut(self, run: str, found: list[str]) -> None:
        """Add the words of a run; letters and digits that are words alone stay together."""
        ends = self._ends(run)
        start = letters = 0
        while start < len(run):
            end = ends[start]
            if end > start + 1 or not ("\0" < run[start] < "\x80" and run[start].isalnum()):
                if letters < start:
                    found.append(run[letters:start])
                found.append(run[start:end])
                letters = end
            start = end
        if letters < start:
            found.append(run[letters:start])

    def _ends(self, run: str) -> list[int]:
        """Return where the word that begins at each place ends, in the most likely way to go on from there."""
        length = len(run)
        ends = list(range(1, length + 1))
        scores = [0.0] * (length + 1)
        for start in range(length - 1, -1, -1):
            weights, longest = self._group(run[start])
            found = False
            best, end = scores[start + 1] - self._log_total, start + 1  # no word: the character
            for stop in range(start + 1, min(length, start + longest) + 1):
                weight = weights.get(run[start + 1 : stop])
                if weight is not None:
                    score = weight + scores[stop]
                    if not found or score >= best:
                        found, best, end = True, score, stop
            scores[start], ends[start] = best, end
        return ends

    def _group(self, first: str) -> tuple[dict[str, float], int]:
        """Return the words of a first character, without it, by their likelihood (a logarithm), and the length of the longest."""
        found = self._groups.get(first)
        if found is None:
            at = bisect_left(self._firsts, first)
            weights: dict[str, float] = {}
            if self._firsts[at : at + 1] == first:
                lines = self._packed[self._cuts[at] : self._cuts[at + 1]].decode().split("\n")
                counted = (line.partition("\t") for line in lines)
                weights = {rest: log(int(count)) - self._log_total for rest, _, count in counted}
            found = self._groups[first] = weights, 1 + max(map(len, weights), default=0)
        return found


@lru_cache(maxsize=1)
def words() -> Words:
    """Return jieba's dictionary."""
    path = _path()
    found = kept(path, Words) if path else None
    if found is None:
        found = _of_jieba()
        if path:
            keep(found, path)
    return found


def _path() -> Path | None:
    """Return where the words would be, by the size and date of the dictionary, or None where there is no place."""
    spec = find_spec("jieba")
    if os.environ.get("KEFULINT_NO_CACHE") or spec is None or spec.origin is None:
        return None
    try:
        of = Path(spec.origin).with_name("dict.txt").stat()
        own = Path(__file__).stat()
        return private_folder() / f"words-{of.st_size:x}-{of.st_mtime_ns:x}-{own.st_size:x}-{own.st_mtime_ns:x}.bin"
    except (KefulintError, OSError):
        return None


def _of_jieba() -> Words:
    import jieba

    jieba.setLogLevel(60)
    tokenizer: Any = jieba.Tokenizer()
    return _packed(*tokenizer.gen_pfdict(tokenizer.get_dict_file()))


def _packed(counts: Mapping[str, int], total: int) -> Words:
    groups: dict[str, list[str]] = {}
    for word, count in counts.items():
        if count:
            groups.setdefault(word[0], []).append(f"{word[1:]}\t{count}")
    parts = {first: "\n".join(groups[first]).encode() for first in sorted(groups)}
    cuts = array("I", accumulate(map(len, parts.values()), initial=0))
    return Words("".join(parts), cuts.tobytes(), b"".join(parts.values()), total)
