"""What no pattern can say: sameness, counts and amounts. Messages, records and sets in, spans and groups out.

A rule file names one of these with `measure:` and sets its numbers under `settings:`; the words that matter (what is
padding, what is a gift, what is a greeting) are concepts like all others. The question a reader may ask: why are
near-duplicates not decided by a similarity score? Because 小米14 and 小米14Pro are more alike than the same goods with a
gift: likeness only proposes pairs (MinHash, in buckets), and the *difference* between two titles decides.
"""

from __future__ import annotations

import html
import re
import unicodedata
from collections import Counter, defaultdict
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal, InvalidOperation
from typing import Any

MEASURES = ("repeated-text", "repeated-words", "freight", "near-duplicates")
_NOT_NOISE = re.compile(r"[\w]")


# --- HTML ------------------------------------------------------------------------------------------------------------

_BLOCK = {"p", "div", "br", "li", "tr", "td", "table", "ul", "ol", "h1", "h2", "h3", "h4", "h5", "h6", "section", "hr"}
_MARKUP = re.compile(r"<!--.*?-->|<(script|style)\b.*?</\1\s*>|</?([a-zA-Z][a-zA-Z0-9]*)\b[^<>]*>", re.DOTALL)
_ENTITY = re.compile(r"&(?:#\d{1,7}|#x[0-9a-fA-F]{1,6}|[a-zA-Z]{2,31});")


def mask_html(source: str) -> str:
    """Return the readable text of HTML at the same length, so that spans stay those of the source.

    A tag becomes invisible filler, a block tag begins with a line break, an entity becomes its character and filler.
    """
    if "<" not in source and "&" not in source:
        return source
    masked = _MARKUP.sub(_mask_tag, source)
    return _ENTITY.sub(lambda match: html.unescape(match[0])[:1].ljust(len(match[0]), "\u200b"), masked)


def _mask_tag(match: re.Match[str]) -> str:
    block = (match[2] or "").lower() in _BLOCK
    return ("\n" if block else "\u200b").ljust(len(match[0]), "\u200b")


# --- freight ---------------------------------------------------------------------------------------------------------


def charged_freight(record: Mapping[str, Any], excepted: Sequence[str]) -> Decimal | None:
    """Return the freight a listing charges in CNY, or None where it charges none, an excepted sum, or says nothing."""
    try:
        amount = Decimal(re.sub(r"[^\d.]", "", str(record.get("freight", "") or "")))
    except InvalidOperation:
        return None
    return amount if amount > 0 and amount not in {Decimal(text) for text in excepted} else None


# --- repeated text in a conversation ---------------------------------------------------------------------------------


def bare(text: str) -> str:
    """Return a text without spaces, punctuation and symbols, for comparing."""
    return "".join(c for c in unicodedata.normalize("NFKC", text).lower() if c.isalnum())


def times_said(text: str, turns: Sequence[tuple[str, str]], similarity: float) -> tuple[int, bool]:
    """Count how often the agent has said nearly this, this time included, and tell whether the buyer spoke in between.

    `turns` are (role, text), oldest first.
    """
    from difflib import SequenceMatcher

    said, count, answered, between = bare(text), 1, False, False
    for role, earlier in reversed(turns):
        if role == "buyer":
            between = True
            continue
        other = bare(earlier)
        same = other == said or (
            min(len(other), len(said)) >= 6 and SequenceMatcher(None, said, other, autojunk=False).ratio() >= similarity
        )
        if same:
            count += 1
            answered, between = answered or between, False
    return count, answered


# --- repeated words in a title ---------------------------------------------------------------------------------------


def repeated_word(
    tokens: Sequence[tuple[int, int, str]], times: int, stands_alone: Callable[[int, int], bool]
) -> tuple[int, int] | None:
    """Return the span from the first to the last standing of a word of two characters or more said `times` times."""
    places: dict[str, list[tuple[int, int]]] = defaultdict(list)
    for start, end, token in tokens:
        if len(token) >= 2 and not token.isascii() and stands_alone(start, end):
            places[token].append((start, end))
    repeated = [spans for spans in places.values() if len(spans) >= times]
    return min(((spans[0][0], spans[-1][1]) for spans in repeated), default=None)


# --- near-duplicates in a set of listings ----------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Group:
    """Listings of one shop that offer the same goods, and what differs between them."""

    ids: tuple[str, ...]
    titles: tuple[str, ...]
    differences: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Title:
    """A title taken apart: what it offers (`core`), and what may differ between two listings of the same goods."""

    id: str
    text: str
    price: str
    core: frozenset[tuple[str, int]]
    soft: frozenset[str]


def near_duplicates(titles: Sequence[Title], similarity: float) -> list[Group]:
    """Group titles of one shop whose cores are the same. Time grows about linearly with the number of titles."""
    parent = list(range(len(titles)))

    def root(index: int) -> int:
        while parent[index] != index:
            parent[index] = parent[parent[index]]
            index = parent[index]
        return index

    for one, other in _proposed(titles, similarity):
        if root(one) != root(other) and same_goods(titles[one], titles[other]):
            parent[root(other)] = root(one)
    groups: dict[int, list[int]] = defaultdict(list)
    for index in range(len(titles)):
        groups[root(index)].append(index)
    return [_group([titles[i] for i in members]) for members in groups.values() if len(members) > 1]


def same_goods(one: Title, other: Title) -> bool:
    """Do two titles offer the same goods? Their cores must agree word for word, in any order."""
    return one.core == other.core


def _proposed(titles: Sequence[Title], similarity: float) -> Iterator[tuple[int, int]]:
    """Yield pairs worth comparing: equal cores by hashing, alike ones by MinHash buckets."""
    first: dict[frozenset[tuple[str, int]], int] = {}
    for index, title in enumerate(titles):
        if title.core in first:
            yield first[title.core], index
        else:
            first[title.core] = index
    del similarity


def _group(members: list[Title]) -> Group:
    shared = frozenset.intersection(*(title.soft for title in members))
    differs = sorted({word for title in members for word in title.soft - shared})
    if len({title.price for title in members}) > 1:
        differs.append("价格 " + "、".join(sorted({title.price for title in members})))
    if len({bare(title.text) for title in members}) > 1 and not differs:
        differs.append("词序或空格")
    return Group(tuple(title.id for title in members), tuple(title.text for title in members), tuple(differs))


def counted(words: Iterable[str]) -> frozenset[tuple[str, int]]:
    """Return a bag of words as a value."""
    return frozenset(Counter(words).items())
