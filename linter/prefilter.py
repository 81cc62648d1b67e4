"""A text in, the finds that could match it out: what is left out here could not have matched.

This is the fast way to "nothing": most of what agents write holds no pattern, and is never folded, scanned or judged in
Python. The work is done by the compiled part (`_native`); where that was not built, every message is read instead
and the answers are the same.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, replace
from functools import lru_cache, reduce
from operator import or_
from typing import Any

from linter.characters import SIGNS
from linter.compiled import OUTSIDE, Compiled, Probe, Tried
from linter.entries import Find, Rule
from linter.model import Turn
from linter.pattern import Pattern
from linter.scan import Scanner, native
from linter.shapes import GATES
from linter.text import COMMA, STOP

_NO_LIMIT = 1 << 30
_DAYS = "@days"  # the one shape whose places are known
_SPANS = frozenset({_DAYS, "@over-two-days"})
_SHORT = 12  # characters of a text that may be of fillers alone
_SEEN_AS = {"@over-two-days": _DAYS, OUTSIDE: "@link"}


@dataclass(frozen=True, slots=True)
class Need:
    """One item of a pattern: any of these concepts; of those in `strong` only a strong spelling counts."""

    names: tuple[str, ...]
    strong: frozenset[str]
    before: int  # how far it may begin behind the start of the message
    after: int  # how far it may end before the message does
    reach: int  # how far it may begin behind the end of the one before
    adjacent: bool  # nothing may stand unseen between


@dataclass(frozen=True, slots=True)
class Needs:
    """What one pattern needs: items in order, names of which one each must be there, and so many words at most."""

    pattern: Pattern
    items: tuple[Need, ...]
    groups: tuple[tuple[str, ...], ...]
    most: int
    spans: tuple[tuple[str, ...], ...]  # of time: how long they are must be read
    talking: bool  # only after other turns


def needs_of(pattern: Pattern, scanner: Scanner, *, weak: bool, most: int = _NO_LIMIT, talking: bool = False) -> Needs:
    """`weak`: weak spellings do by themselves; `most`: words of the message at most."""
    alone = len(pattern.items) == 1 and not weak
    items: list[Need] = []
    groups: list[tuple[str, ...]] = []
    unseen = 0
    for item in pattern.items:
        names = tuple(_SEEN_AS.get(name, name) for name in item.names)
        shaped = any(name in SIGNS for name in names)
        if item.optional or shaped:
            unseen += item.gap + scanner.most(item)
            groups += [] if item.optional else [names]
            continue
        before = unseen if pattern.from_start and not items else _NO_LIMIT
        strong = frozenset(names) if alone else item.strong
        items.append(Need(names, strong, before, _NO_LIMIT, item.gap + unseen, not unseen))
        unseen = 0
    if items and pattern.to_end:
        items[-1] = replace(items[-1], after=unseen)
    spans = tuple(item.names for item in pattern.items if not item.optional and _SPANS.issuperset(item.names))
    return Needs(pattern, tuple(items), tuple(groups), most, spans, talking)


def _rarity(scanner: Scanner, name: str) -> float:
    """Return how often a concept may be met, as a rough figure: short spellings are common."""
    return sum(30.0 ** -scanner.terms.length(entry) for entry in scanner.terms.entries_of(name))


def _patterns(compiled: Compiled, needs: Sequence[Needs]) -> Any:
    """Return some patterns as the compiled part's tables."""
    scanner = compiled.scanner
    number = {name: n for n, name in enumerate([*scanner.terms.names, _DAYS])}
    patterns = [(*_told(one, number), STOP if one.pattern.across else COMMA, one.most, one.talking) for one in needs]
    return native.Patterns(compiled.wake(), scanner.wake(), patterns, [_rarity(scanner, name) for name in number])


def _told(needs: Needs, number: dict[str, int]) -> tuple[list[Any], list[Any]]:
    """Return the items and the groups of a pattern in the compiled part's terms."""
    items = [
        (_numbers(i.names, number), _numbers(i.strong, number), i.before, i.after, i.reach, i.adjacent)
        for i in needs.items
    ]
    groups = [(reduce(or_, (SIGNS.get(name, 0) for name in names)), _numbers(names, number)) for names in needs.groups]
    return items, groups


def _numbers(names: Iterable[str], number: dict[str, int]) -> list[int]:
    return [number[name] for name in names if name in number]


class Prefilter:
    """Tells which of the finds of a channel could match a message."""

    def __init__(self, compiled: Compiled, probes: Iterable[Probe]) -> None:
        self._compiled = compiled
        self._finds: list[tuple[Rule, Find]] = []
        self._conditions: list[list[tuple[str, frozenset[int]]]] = []  # of a find: who said one of which patterns
        self._needs: list[Needs] = []
        self._find_of: list[int] = []  # by pattern
        self._said: list[Needs] = []  # what is asked of other turns
        by_find: dict[int, list[Probe]] = {}
        for probe in probes:
            by_find.setdefault(id(probe.find), []).append(probe)
        for group in sorted(by_find.values(), key=lambda group: (group[0].rule.id, group[0].find.place)):
            if not group[0].find.category and group[0].rule.needs in ("line", "conversation"):
                self._add(group)
        self.numbers: Callable[..., Sequence[int] | None] = _patterns(compiled, self._needs).could
        self._numbers_said: Callable[..., Sequence[int] | None] = _patterns(compiled, self._said).could
        self._heard = lru_cache(maxsize=8192)(self._hear)

    def _add(self, group: Sequence[Probe]) -> None:
        """Add the patterns of a find."""
        rule, find, scanner = group[0].rule, group[0].find, self._compiled.scanner
        for probe in group:
            most = min(probe.most or _NO_LIMIT, find.longest or _NO_LIMIT)
            self._needs.append(needs_of(probe.pattern, scanner, weak=find.weak, most=most, talking=probe.in_talk))
            self._find_of.append(len(self._finds))
        conditions = []
        for who, patterns in (("buyer", find.asked), ("both", find.earlier), ("agent", find.said)):
            if patterns:
                first = len(self._said)
                self._said += [needs_of(pattern, scanner, weak=True) for pattern in patterns]
                conditions.append((who, frozenset(range(first, len(self._said)))))
        self._finds.append((rule, find))
        self._conditions.append(conditions)

    def could(self, text: str, before: Sequence[str] = (), context: Sequence[Turn] = ()) -> Sequence[Tried] | None:
        """Return the finds that could match a message, with those of their patterns that could; None: any could.

        `before` are fragments that stand in front of it.
        """
        whole = " ".join([*before, text]) if before else text
        offset = len(whole) - len(text)
        numbers = self.numbers(whole, offset, bool(context))
        if not numbers:
            return None if numbers is None else ()
        return self.finds(numbers, whole, offset, context)

    def finds(
        self, numbers: Sequence[int], text: str, offset: int = 0, context: Sequence[Turn] = ()
    ) -> Sequence[Tried]:
        """Return the finds of some patterns whose conditions could hold, with those patterns.

        What the compiled part knows only roughly is asked here for the few texts that come so far.
        """
        found: dict[int, list[Pattern]] = {}
        asked = _Asked(self._compiled, text)
        for number in numbers:
            place, needs = self._find_of[number], self._needs[number]
            if place not in found:
                if not self._hold(self._conditions[place], context):
                    continue
                found[place] = []
            if needs.spans and not asked.spans_stand(needs.spans):
                continue
            if needs.most < _NO_LIMIT and not offset and len(text) <= _SHORT and asked.length() > needs.most:
                continue
            found[place].append(needs.pattern)
        return [(*self._finds[place], patterns) for place, patterns in found.items() if patterns]

    def _hold(self, conditions: Sequence[tuple[str, frozenset[int]]], context: Sequence[Turn]) -> bool:
        for who, wanted in conditions:
            if not self._holds(who, wanted, context):
                return False
        return True

    def _holds(self, who: str, wanted: frozenset[int], context: Sequence[Turn]) -> bool:
        """Could one of some patterns have been said by the agent, by anybody, or in the buyer's last two turns?"""
        texts = [turn.text for turn in context if who in ("both", turn.role)]
        for text in texts[-2:] if who == "buyer" else texts:
            heard = self._heard(text)
            if heard is None or not wanted.isdisjoint(heard):
                return True
        return False

    def _hear(self, text: str) -> frozenset[int] | None:
        """Return which of the patterns that conditions ask for could match a turn; None: any."""
        numbers = self._numbers_said(text)
        return None if numbers is None else frozenset(numbers)


class _Asked:
    """What a text must be read for, once it is asked."""

    def __init__(self, compiled: Compiled, text: str) -> None:
        self._compiled = compiled
        self._text = text
        self._plain: str | None = None
        self._long: dict[str, bool] = {}

    def _read(self) -> str:
        if self._plain is None:
            self._plain = self._compiled.folding.fold(self._text).plain
        return self._plain

    def length(self) -> int:
        """Return the characters between the fillers: a text of fillers alone has them all."""
        start, end = self._compiled.core(self._read())
        return end - start

    def spans_stand(self, spans: Sequence[tuple[str, ...]]) -> bool:
        """Are there spans of time, long enough, one of each?"""
        for names in spans:
            if not any(map(self._is_long, names)):
                return False
        return True

    def _is_long(self, name: str) -> bool:
        if name not in self._long:
            self._long[name] = GATES[name](self._read())
        return self._long[name]
