"""The small language of `say:` lines: concepts in order, near each other.

    add wechat            concept `add`, then `wechat` at most `within` characters after it
    好评|五星 ... refund   literal words and concepts alike; `...` allows a far gap, `..12` one of twelve, `+` none
    ^ demo? refuse $      from the start of the message (fillers such as 亲 apart), an optional item, to its end
    wechat!|qq!           only strong spellings count
    @phone @link @money   things told by their shape: see `shapes.SHAPES`

Matching works on hits, not on text: a hit is a place where a concept was spelled. The search is depth first over few
hits and stops after a fixed number of attempts, so hostile text costs bounded time.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from typing import NamedTuple, Protocol

from linter.text import COMMA, STOP, Folded, strongest

FAR = 20
MOST_ATTEMPTS = 400


class Hit:
    """A place in `plain` where a concept is spelled. `how` names the disguise; `word` asks for a tokenizer's opinion."""

    __slots__ = ("concept", "end", "how", "spelling", "start", "weak", "word")

    def __init__(
        self, start: int, end: int, concept: str, spelling: str, weak: bool = False, how: str = "", word: bool = False
    ) -> None:
        self.start = start
        self.end = end
        self.concept = concept
        self.spelling = spelling
        self.weak = weak
        self.how = how
        self.word = word

    def __repr__(self) -> str:
        return f"Hit({self.start}, {self.end}, {self.concept!r}, {self.spelling!r}, {self.weak}, {self.how!r}, {self.word})"


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


def matches(pattern: Pattern, hits: Hits, folded: Folded, start: int, end: int) -> list[tuple[Hit, ...]]:
    """Return the ways a pattern matches. `start` and `end` bound what lies between the fillers of the message."""
    options: list[list[Hit]] = []
    for item in pattern.items:
        found = _options(item, hits)
        if not found and not item.optional:
            return []
        options.append(found)
    search = _Search(pattern, options, folded.gaps, start, end)
    search.go(0, ())
    return search.found


def _options(item: Item, hits: Hits) -> list[Hit]:
    """Return the hits that would do for an item, in order of place; of those that begin together the longest first."""
    found: list[Hit] = []
    for name in item.names:
        known = hits.get(name) or ()
        found += [hit for hit in known if not hit.weak] if name in item.strong else known
    if len(found) > 1:
        found.sort(key=_by_place)
    return found


def _by_place(hit: Hit) -> tuple[int, int, bool]:
    return hit.start, -hit.end, hit.weak


class _Search:
    """A search for the ways the items of a pattern follow each other."""

    __slots__ = ("end", "found", "gaps", "items", "left", "limit", "options", "pattern", "start")

    def __init__(self, pattern: Pattern, options: list[list[Hit]], gaps: bytes, start: int, end: int) -> None:
        self.pattern = pattern
        self.items = pattern.items
        self.options = options
        self.gaps = gaps
        self.start = start
        self.end = end
        self.limit = STOP if pattern.across else COMMA
        self.left = MOST_ATTEMPTS
        self.found: list[tuple[Hit, ...]] = []

    def go(self, index: int, before: tuple[Hit, ...]) -> None:
        """Go on from the items before one."""
        if index == len(self.items):
            self._keep(before)
            return
        item = self.items[index]
        gap = item.gap
        last = -1
        if before:
            previous = before[len(before) - 1]
            last = previous.end
        for hit in self.options[index]:
            if last >= 0:
                distance = hit.start - last
                if distance < 0 or distance > gap or strongest(self.gaps, last, hit.start + 1) > self.limit:
                    continue
            self.left -= 1
            if self.left < 0:
                return
            self.go(index + 1, (*before, hit))
        if item.optional:
            self.go(index + 1, before)

    def _keep(self, match: tuple[Hit, ...]) -> None:
        if not match:
            return
        first, last = match[0], match[len(match) - 1]
        if self.pattern.from_start and first.start > self.start:
            return
        if not self.pattern.to_end or last.end >= self.end:
            self.found.append(match)
