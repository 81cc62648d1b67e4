"""A match in, "yes" or the reason for "no" out. Every question is a small function named after it.

The dictionary is asked only about hits that could be part of a longer word, and read only then: most messages never need
it.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from functools import lru_cache
from typing import TYPE_CHECKING

from linter.pattern import Hit, Hits
from linter.text import COMMA, SPACE, STOP, Folded, strongest

if TYPE_CHECKING:
    from linter.words import Words

DENIAL, AFTER, WARNING, ECHO = "clear-denial", "clear-after", "clear-warning", "clear-echo"
_NO_ACCIDENT = 5  # so many characters in a row that all sound like something else are meant
_REACH = 7  # plain characters between a denial and what it denies
_QUOTES = {"“": "”", "‘": "’", "「": "」", "『": "』", '"': '"', "'": "'", "《": "》"}
_MARKS = re.compile(f"[{''.join(_QUOTES)}]")


def is_too_weak(match: Sequence[Hit]) -> bool:
    """Do weak spellings stand without a second cue? A strong one carries one weak one, two listed ones touch (➕V)."""
    weak = [hit for hit in match if hit.weak]
    if len(weak) <= len(match) - len(weak):
        return False
    return not (len(weak) > 1 and _touch(weak))


def _touch(weak: Sequence[Hit]) -> bool:
    """Do weak hits touch each other, all of them listed spellings, or so many that it is no accident?"""
    listed = True
    end = weak[0].start
    for hit in weak:
        if hit.start != end:
            return False
        end = hit.end
        if hit.how:
            listed = False
    return listed or end - weak[0].start >= _NO_ACCIDENT


def is_swallowed(hit: Hit, folded: Folded) -> bool:
    """Is the hit part of a longer dictionary word, or, being a disguise of common characters, a word itself?"""
    return hit.word and _is_swallowed(hit, folded)


def _is_swallowed(hit: Hit, folded: Folded) -> bool:
    for start, end, token in tokens_around(folded, hit.start, hit.end):
        longer = start < hit.start < end or start < hit.end < end
        same = hit.weak and start == hit.start and end == hit.end and hit.how == "homophone"
        if (longer or same) and end - start > 1 and is_word(token):
            return True
    return False


def is_denied(match: Sequence[Hit], hits: Hits, folded: Folded) -> bool:
    """Is the match denied by a word just before it or between its parts (不, 没有, 请勿)?"""
    for denial in hits.get(DENIAL) or ():
        if not _is_part(denial, match) and _denies(denial, match, folded):
            return True
    return False


def _is_part(denial: Hit, match: Sequence[Hit]) -> bool:
    for part in match:
        if part.start < denial.end and denial.start < part.end:
            return True
    return False


def _denies(denial: Hit, match: Sequence[Hit], folded: Folded) -> bool:
    first, last = match[0], match[len(match) - 1]
    start, end = first.start, last.end
    distance = start - denial.end
    if 0 <= distance <= (0 if denial.weak else _REACH) and _gap(folded, denial.end, start) < SPACE:
        return True
    if not start < denial.start < end or _gap(folded, start, denial.start) > SPACE:
        return False
    if not denial.weak:
        return True
    for part in match:
        if part.start == denial.end:
            return True
    return False


def is_forbidden(match: Sequence[Hit], hits: Hits, folded: Folded) -> bool:
    """Is the match turned down by what follows (…是不可以的, …平台不保障)?"""
    last = match[len(match) - 1]
    end = last.end
    for after in hits.get(AFTER) or ():
        if 0 <= after.start - end <= _REACH and _gap(folded, end, after.start) <= COMMA:
            return True
    return False


def is_warned(match: Sequence[Hit], hits: Hits, folded: Folded) -> bool:
    """Does the message warn the buyer of this (骗子, 谨防, 请勿相信)? A weak warning must stand in the same sentence."""
    first, last = match[0], match[len(match) - 1]
    start, end = first.start, last.end
    for warning in hits.get(WARNING) or ():
        low, high = min(end, warning.end), max(start, warning.start)
        if not warning.weak or _gap(folded, low, high) < STOP:
            return True
    return False


def is_asked_back(match: Sequence[Hit], hits: Hits, folded: Folded) -> bool:
    """Does the agent repeat the buyer's question (您是问…吗)?"""
    first = match[0]
    start = first.start
    for echo in hits.get(ECHO) or ():
        if 0 <= start - echo.end <= 20 and _gap(folded, echo.end, start) < STOP:
            return True
    return False


# 话术：, 2. 参考话术：, but not 您说： and the like, which quote somebody
_LABEL = re.compile(
    r"[^\w]*(?:\d+[.、)）])?[^\w]*(?:(?![^:：]*[您你他她它说问讲喊叫写别勿禁])\w{1,10}\s*[:：])?\s*(?=\W*$)"
)


def is_quoted(start: int, end: int, original: str) -> bool:
    """Do the words stand inside quotation marks, and all of them? Offsets are those of the original."""
    if not _MARKS.search(original):
        return False
    for first, last in quotations(original):
        if first < start and end <= last:
            return True
    return False


@lru_cache(maxsize=64)
def quotations(original: str) -> tuple[tuple[int, int], ...]:
    """Return the spans of quotations of up to 60 characters, marks excluded at the end, included at the start.

    Marks around all of a reply, or all but a label, quote nobody: what they hold is what will be sent.
    """
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
    outer = [span for span in found if not any(a < span[0] and span[1] < b for a, b in found)]
    return tuple(span for span in found if span not in outer) if _are_all(outer, original) else tuple(found)


def _are_all(spans: Sequence[tuple[int, int]], original: str) -> bool:
    """Is there nothing beside the quotations but a label, a number and signs?"""
    done, rest = 0, []
    for start, end in sorted(spans):
        rest.append(original[done:start])
        done = end + 1
    around = [*rest, original[done:]]
    return bool(spans) and not any(map(str.isalpha, _LABEL.sub("", around[0], count=1) + "".join(around[1:])))


CLEARING = (("denied", is_denied), ("forbidden", is_forbidden), ("warned", is_warned), ("asked-back", is_asked_back))


def _gap(folded: Folded, start: int, end: int) -> int:
    """Return the strongest break from plain[start - 1] up to plain[end]."""
    return strongest(folded.gaps, start, end + 1)


# --- words ---------------------------------------------------------------------------------------------------------------


def tokens_around(folded: Folded, start: int, end: int) -> list[tuple[int, int, str]]:
    """Tokenize the unbroken runs of text that a span touches; offsets are those of `plain`."""
    plain, gaps = folded.plain, folded.gaps
    first, last = start, end
    while first > 0 and not gaps[first] and start - first < 12:
        first -= 1
    while last < len(plain) and not gaps[last] and last - end < 12:
        last += 1
    found: list[tuple[int, int, str]] = []
    low = first
    for high in range(first + 1, last + 1):
        if high == last or gaps[high]:
            for token in _cut(plain[low:high]):
                found.append((low, low + len(token), token))
                low += len(token)
    return found


@lru_cache(maxsize=4096)
def _cut(text: str) -> tuple[str, ...]:
    return _words().cut(text)


def is_word(token: str) -> bool:
    """Is it a word of the tokenizer's dictionary (and not only the beginning of one)?"""
    return _words().knows(token)


@lru_cache(maxsize=1)
def _words() -> Words:
    from linter.words import words

    return words()
