"""A match in, "yes" or the reason for "no" out. Every question is a small function named after it.

The dictionary is asked only about hits that could be part of a longer word, and read only then: most messages never need
it.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import lru_cache
from itertools import pairwise
from typing import TYPE_CHECKING

from linter.pattern import Hit, Hits
from linter.text import COMMA, SPACE, STOP, Folded

if TYPE_CHECKING:
    from linter.words import Words

DENIAL, AFTER, WARNING, ECHO = "clear-denial", "clear-after", "clear-warning", "clear-echo"
_NO_ACCIDENT = 5  # so many characters in a row that all sound like something else are meant
_REACH = 7  # plain characters between a denial and what it denies
_QUOTES = {"“": "”", "‘": "’", "「": "」", "『": "』", '"': '"', "'": "'", "《": "》"}
_MARKS = frozenset(_QUOTES)


def is_too_weak(match: Sequence[Hit]) -> bool:
    """Do weak spellings stand without a second cue? A strong one carries one weak one, two listed ones touch (➕V)."""
    weak = [hit for hit in match if hit.weak]
    if len(weak) <= len(match) - len(weak):
        return False
    touching = len(weak) > 1 and all(a.end == b.start for a, b in pairwise(weak))
    listed = all(not hit.how for hit in weak)
    return not (touching and (listed or weak[-1].end - weak[0].start >= _NO_ACCIDENT))


def is_swallowed(hit: Hit, folded: Folded) -> bool:
    """Is the hit part of a longer dictionary word, or, being a disguise of common characters, a word itself?"""
    if not hit.word:
        return False
    for start, end, token in tokens_around(folded, hit.start, hit.end):
        if len(token) < 2 or not is_word(token):
            continue
        if start < hit.start < end or start < hit.end < end:
            return True
        if hit.weak and hit.how == "homophone" and start == hit.start and end == hit.end:
            return True
    return False


def is_denied(match: Sequence[Hit], hits: Hits, folded: Folded) -> bool:
    """Is the match denied by a word just before it or between its parts (不, 没有, 请勿)?"""
    start, end = match[0].start, match[-1].end
    starts = {part.start for part in match}
    for denial in hits.get(DENIAL) or ():
        if any(part.start < denial.end and denial.start < part.end for part in match):
            continue
        reach = 0 if denial.weak else _REACH
        if 0 <= start - denial.end <= reach and _gap(folded, denial.end, start) < SPACE:
            return True
        inside = start < denial.start < end and _gap(folded, start, denial.start) <= SPACE
        if inside and (not denial.weak or denial.end in starts):
            return True
    return False


def is_forbidden(match: Sequence[Hit], hits: Hits, folded: Folded) -> bool:
    """Is the match turned down by what follows (…是不可以的, …平台不保障)?"""
    end = match[-1].end
    return any(
        0 <= after.start - end <= _REACH and _gap(folded, end, after.start) <= COMMA for after in hits.get(AFTER) or ()
    )


def is_warned(match: Sequence[Hit], hits: Hits, folded: Folded) -> bool:
    """Does the message warn the buyer of this (骗子, 谨防, 请勿相信)? A weak warning must stand in the same sentence."""
    start, end = match[0].start, match[-1].end
    for warning in hits.get(WARNING) or ():
        low, high = min(end, warning.end), max(start, warning.start)
        if not warning.weak or _gap(folded, low, high) < STOP:
            return True
    return False


def is_asked_back(match: Sequence[Hit], hits: Hits, folded: Folded) -> bool:
    """Does the agent repeat the buyer's question (您是问…吗)?"""
    start = match[0].start
    return any(0 <= start - echo.end <= 20 and _gap(folded, echo.end, start) < STOP for echo in hits.get(ECHO) or ())


def is_quoted(start: int, end: int, original: str) -> bool:
    """Do the words stand inside quotation marks, and all of them? Offsets are those of the original."""
    if _MARKS.isdisjoint(original):
        return False
    return any(first < start and end <= last for first, last in quotations(original))


@lru_cache(maxsize=64)
def quotations(original: str) -> tuple[tuple[int, int], ...]:
    """Return the spans of quotations of up to 60 characters, marks excluded at the end, included at the start."""
    found: list[tuple[int, int]] = []
    open_at: dict[str, int] = {}
    for index, char in enumerate(original):
        opener = next((o for o in open_at if _QUOTES[o] == char), None)
        if opener is not None:
            first = open_at.pop(opener)
            if index - first <= 60:
                found.append((first, index))
        elif char in _QUOTES:
            open_at[char] = index
    return tuple(found)


CLEARING = {"denied": is_denied, "forbidden": is_forbidden, "warned": is_warned, "asked-back": is_asked_back}


def _gap(folded: Folded, start: int, end: int) -> int:
    """Return the strongest break from plain[start - 1] up to plain[end]."""
    return max(folded.gaps[start : end + 1], default=0)


# --- words ---------------------------------------------------------------------------------------------------------------


def tokens_around(folded: Folded, start: int, end: int) -> list[tuple[int, int, str]]:
    """Tokenize the unbroken runs of text that a span touches; offsets are those of `plain`."""
    first, last = start, end
    while first > 0 and not folded.gaps[first] and start - first < 12:
        first -= 1
    while last < len(folded.plain) and not folded.gaps[last] and last - end < 12:
        last += 1
    cuts = [first, *(i for i in range(first + 1, last) if folded.gaps[i]), last]
    found: list[tuple[int, int, str]] = []
    for low, high in pairwise(cuts):
        for token in _cut(folded.plain[low:high]):
            found.append((low, low + len(token), token))
            low += len(token)
    return found


@lru_cache(maxsize=4096)
def _cut(text: str) -> tuple[str, ...]:
    return tuple(_words().cut(text))


def is_word(token: str) -> bool:
    """Is it a word of the tokenizer's dictionary (and not only the beginning of one)?"""
    return _words().count(token) > 0


@lru_cache(maxsize=1)
def _words() -> Words:
    from linter.words import words

    return words()
