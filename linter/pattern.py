"""The small language of `say:` lines: concepts in order, near each other.

    add wechat            concept `add`, then `wechat` at most `within` characters after it
    好评|五星 ... refund   literal words and concepts alike; `...` allows a far gap, `..12` one of twelve, `+` none
    ^ demo? refuse $      from the start of the message (fillers such as 亲 apart), an optional item, to its end
    wechat!|qq!           only strong spellings count
    @phone @link @money   things told by their shape: see `scan.SHAPES`

Matching works on hits, not on text: a hit is a place where a concept was spelled. The search is depth first over few
hits and stops after a fixed number of attempts, so hostile text costs bounded time.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Sequence
from typing import NamedTuple, Protocol

from linter.text import COMMA, STOP, Folded

FAR = 20
MOST_ATTEMPTS = 400


class Hit(NamedTuple):
    """A place in `plain` where a concept is spelled. `how` names the disguise; `word` asks for a tokenizer's opinion."""

    start: int
    end: int
    concept: str
    spelling: str
    weak: bool = False
    how: str = ""
    word: bool = False


class Item(NamedTuple):
    """One position of a pattern: any of `names`, at most `gap` characters after the one before."""

    names: tuple[str, ...]
    gap: int
    optional: bool = False
    strong: frozenset[str] = frozenset()  # of these only a strong spelling counts


class Pattern(NamedTuple):
    """A parsed `say:` line."""

    source: str
    items: tuple[Item, ...]
    from_start: bool = False
    to_end: bool = False
    across: bool = False  # gaps may jump the end of a sentence
    needs: tuple[tuple[str, ...], ...] = ()  # one of each must have been found; what is told by shape is left out
    names: tuple[str, ...] = ()  # of all items


class PatternError(ValueError):
    """A `say:` line that cannot be read."""


def literal(text: str) -> str:
    """Name the anonymous concept of a literal word."""
    return f"={text}"


def parse(source: str, within: int, across: bool = False) -> Pattern:
    """Parse a `say:` line; raise PatternError saying what is wrong with it."""
    tokens = source.split()
    from_start, to_end = tokens[:1] == ["^"], tokens[-1:] == ["$"]
    items: list[Item] = []
    gap = within
    for token in tokens[from_start : len(tokens) - to_end]:
        wider = _gap(token)
        if wider is not None:
            gap = wider
            continue
        items.append(_item(token, gap))
        gap = within
    if not any(not item.optional for item in items):
        raise PatternError(f"'{source}' asks for nothing, expected at least one item that is not optional")
    return of_items(Pattern(source, (), from_start, to_end, across), items)


def of_items(pattern: Pattern, items: Iterable[Item]) -> Pattern:
    """Return a pattern with these items."""
    items = tuple(items)
    names = tuple(dict.fromkeys(name for item in items for name in item.names))
    return pattern._replace(items=items, needs=needed(items), names=names)


def needed(items: Iterable[Item]) -> tuple[tuple[str, ...], ...]:
    """Return the names of which one each must have been found; what is told by shape is left out."""
    return tuple(item.names for item in items if not item.optional and not any(name[0] == "@" for name in item.names))


def _gap(token: str) -> int | None:
    if token == "+":
        return 0
    if token == "...":
        return FAR
    return int(token[2:]) if re.fullmatch(r"\.\.\d+", token) else None


def _item(token: str, gap: int) -> Item:
    parts = token.rstrip("?").split("|")
    names = tuple(_name(part.rstrip("!")) for part in parts)
    strong = frozenset(name for name, part in zip(names, parts, strict=True) if part.endswith("!"))
    return Item(names, gap, token.endswith("?"), strong)


def _name(part: str) -> str:
    if not part:
        raise PatternError("an alternative is empty, expected a concept or a word on both sides of '|'")
    if re.fullmatch(r"@?[a-z][a-z0-9-]*", part):
        return part
    if part.isascii() and not part.isdecimal() and not part.startswith("'"):
        raise PatternError(f"'{part}' is neither a concept's name (a-z, 0-9, -) nor a Chinese word nor 'quoted'")
    return literal(part.strip("'"))


# --- matching --------------------------------------------------------------------------------------------------------


class Hits(Protocol):
    """Hits by concept."""

    def get(self, name: str, /) -> Sequence[Hit] | None: ...


def matches(pattern: Pattern, hits: Hits, folded: Folded, start: int, end: int) -> Iterator[tuple[Hit, ...]]:
    """Yield the ways a pattern matches. `start` and `end` bound what lies between the fillers of the message."""
    for item in pattern.items:
        if not item.optional and not any(hits.get(name) for name in item.names):
            return
    attempts = [MOST_ATTEMPTS]
    limit = STOP if pattern.across else COMMA
    for match in _search(pattern.items, 0, (), hits, folded, limit, attempts):
        if pattern.from_start and match[0].start > start:
            continue
        if pattern.to_end and match[-1].end < end:
            continue
        yield match


def _search(
    items: tuple[Item, ...],
    index: int,
    before: tuple[Hit, ...],
    hits: Hits,
    folded: Folded,
    limit: int,
    attempts: list[int],
) -> Iterator[tuple[Hit, ...]]:
    if index == len(items):
        if before:
            yield before
        return
    item = items[index]
    for hit in _candidates(item, before, hits, folded, limit):
        attempts[0] -= 1
        if attempts[0] < 0:
            return
        yield from _search(items, index + 1, (*before, hit), hits, folded, limit, attempts)
    if item.optional:
        yield from _search(items, index + 1, before, hits, folded, limit, attempts)


def _candidates(item: Item, before: tuple[Hit, ...], hits: Hits, folded: Folded, limit: int) -> list[Hit]:
    found = [hit for name in item.names for hit in hits.get(name) or () if not (hit.weak and name in item.strong)]
    if before:
        last = before[-1].end
        found = [
            hit
            for hit in found
            if 0 <= hit.start - last <= item.gap and max(folded.gaps[last : hit.start + 1], default=0) <= limit
        ]
    return sorted(found, key=lambda hit: (hit.start, -hit.end, hit.weak))
