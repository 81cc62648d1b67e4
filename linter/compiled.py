"""A lexicon in, everything made from it once out: fold tables, automaton, and an index from concepts to rules."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import TYPE_CHECKING, Any, NamedTuple, TypeVar

from linter.characters import known
from linter.entries import Find, Lexicon, Rule
from linter.pattern import Item, Pattern
from linter.scan import Hits, Scanner
from linter.shapes import GATES
from linter.terms import Term
from linter.text import Folded, Folding, Sounds

if TYPE_CHECKING:
    from linter.spellings import Disguises

OUTSIDE = "@outside-link"
Tried = tuple[Rule, Find, list[Pattern]]  # a find, and those of its patterns that could match
K = TypeVar("K")
_RANKS = 3  # items of a pattern that are asked for by bits; a fourth would cost more than it saves


class Reading:
    """A text made ready to judge: folded, scanned, and the plain bounds of what stands between the fillers."""

    __slots__ = ("_bounds", "_core", "folded", "hits")

    def __init__(self, folded: Folded, hits: Hits, core: Callable[[str], tuple[int, int]]) -> None:
        self.folded = folded
        self.hits = hits
        self._core = core
        self._bounds: tuple[int, int] | None = None

    @property
    def bounds(self) -> tuple[int, int]:
        """Where the first word that is no filler begins, and where the last one ends."""
        if self._bounds is None:
            self._bounds = self._core(self.folded.plain)
        return self._bounds

    @property
    def start(self) -> int:
        return self.bounds[0]

    @property
    def end(self) -> int:
        return self.bounds[1]

    def bounded(self, start: int, end: int) -> Reading:
        """Return the same reading with other bounds."""
        return Reading(self.folded, self.hits, lambda _: (start, end))


class Probe(NamedTuple):
    """One pattern of a rule's find, and what must be there before it is worth trying."""

    rule: Rule
    find: Find
    pattern: Pattern
    shapes: tuple[tuple[str, ...], ...]  # one of each must be present
    place: int  # order in the find
    in_talk: bool  # only after other turns
    most: int  # plain characters it can reach over at most, where the whole message must be matched; 0: no such limit


class _Names(dict[str, int]):
    """The bits of the items that a concept would do for, worked out when it is first met."""

    def __init__(self, places: dict[str, list[int]]) -> None:
        super().__init__()
        self._places = places

    def __missing__(self, name: str) -> int:
        found = self[name] = _number(self._places.get(name, ()))
        return found


def _number(places: Sequence[int]) -> int:
    """Return the number that has these bits; one after the other they would be copied each time."""
    bits = bytearray(max(places, default=-1) // 8 + 1)
    for place in places:
        bits[place >> 3] |= 1 << (place & 7)
    return int.from_bytes(bits, "little")


class _Entries(dict[int, int]):
    """What an entry would do for, worked out when it is first met."""

    def __init__(self, by_name: _Names, scanner: Scanner) -> None:
        super().__init__()
        self._by_name = by_name
        self._concepts = scanner.terms.concepts

    def __missing__(self, entry: int) -> int:
        together = 0
        for name in self._concepts(entry):
            together |= self._by_name[name]
        self[entry] = together
        return together


def _bits(pairs: Iterable[tuple[K, int]]) -> list[tuple[K, int]]:
    """Return each key with the bits of its numbers."""
    found: dict[K, int] = {}
    for key, number in pairs:
        found[key] = found.get(key, 0) | 1 << number
    return list(found.items())


def _telling(needs: Sequence[tuple[str, ...]], scanner: Scanner) -> Sequence[tuple[str, ...]]:
    """Return the needs that are worth a rank: the longest words, which are met least."""
    if len(needs) <= _RANKS:
        return needs
    return sorted(needs, key=lambda names: -min(map(scanner.longest, names)))[:_RANKS]


class Probes:
    """The probes of one channel, told from what the automaton met by a few operations on large numbers.

    Every probe has a bit, in as many ranks as a pattern has items: a spelling sets the bits of the items it would do
    for, rank by rank, and a probe is possible where its bit is set in all ranks.
    """

    def __init__(self, probes: Iterable[Probe], scanner: Scanner) -> None:
        self._probes = sorted(probes, key=lambda probe: (probe.rule.id, probe.find.place, probe.place))
        self._width = len(self._probes)
        self._every = (1 << self._width) - 1
        needs = [_telling(probe.pattern.needs, scanner) for probe in self._probes]
        self._ranks = max(map(len, needs), default=0)
        given: list[int] = []
        by_name: dict[str, list[int]] = {}
        for number, needed in enumerate(needs):
            places = range(number, self._ranks * self._width, self._width)
            given += places[len(needed) :]
            for place, names in zip(places, needed, strict=False):
                for name in names:
                    by_name.setdefault(name, []).append(place)
        self._given = _number(given)  # what needs no spelling
        self._alone = _number([n for n, probe in enumerate(self._probes) if not probe.in_talk])  # without other turns
        self._by_name = _Names(by_name)
        self._by_entry = _Entries(self._by_name, scanner)
        self._by_shape = _bits((names, n) for n, probe in enumerate(self._probes) for names in probe.shapes)
        self._by_most = _bits((probe.most, n) for n, probe in enumerate(self._probes) if probe.most)

    def wanted(self, reading: Reading, in_talk: bool) -> list[Tried]:
        """Return the finds, by rule, with those of their patterns that could match."""
        by_entry, met = self._by_entry, self._given
        hits = reading.hits
        for _, entry in hits.raw:
            met |= by_entry[entry]
        for name in hits.beside:
            met |= self._by_name[name]
        possible = self._every if in_talk else self._alone
        for _ in range(self._ranks):
            possible &= met
            met >>= self._width
        possible = self._shaped(possible, reading) if possible else 0
        found: dict[int, tuple[Rule, Find, list[Pattern]]] = {}
        while possible:
            lowest = possible & -possible
            possible ^= lowest
            probe = self._probes[lowest.bit_length() - 1]
            found.setdefault(id(probe.find), (probe.rule, probe.find, []))[2].append(probe.pattern)
        return list(found.values())

    def _shaped(self, possible: int, reading: Reading) -> int:
        """Take out the probes whose shapes are not there, and those that cannot reach over the whole message."""
        plain = reading.folded.plain
        for most, bits in self._by_most:
            if possible & bits and len(plain) > most and reading.end - reading.start > most:
                possible &= ~bits
        gates: dict[str, bool] = {}
        for names, bits in self._by_shape:
            if not possible & bits:
                continue
            for name in names:
                if name not in gates:
                    gates[name] = GATES[name](plain)
                if gates[name]:
                    break
            else:
                possible &= ~bits
        return possible


@dataclass(eq=False)
class Compiled:
    """What is made once from a lexicon and shared by all linters of it."""

    lexicon: Lexicon
    folding: Folding
    scanner: Scanner
    filler_words: tuple[str, ...]
    chars: Any = None  # the compiled part's table of characters, once it is awake

    @property
    def measured(self) -> list[Rule]:
        """The rules that measure instead of matching."""
        return [rule for rule in self.lexicon.rules.values() if rule.measure]

    def __getstate__(self) -> dict[str, Any]:
        return {**self.__dict__, "chars": None}

    def wake(self) -> Any:
        """Make and return the compiled part's table of characters; None where that part was not built."""
        spellings = self.scanner.wake()
        if self.chars is None and spellings:
            fillers = "".join(self.filler_words)
            self.chars = known(spellings, self.folding, self.scanner.sounds, fillers)
        return self.chars

    def read(self, text: str) -> Reading:
        """Fold and scan a text."""
        views = self.chars.views(text) if self.chars else None
        if views:
            plain, at, gaps, sound, spans = views
            folded = Folded(text, plain, self.folding.align, at, gaps)
        else:
            folded = self.folding.fold(text)
            sound, spans = self.scanner.sounds.view(folded)
        return Reading(folded, Hits(self.scanner, folded, sound, spans), self.core)

    def probes(self, channel: str, rules: frozenset[str], platforms: Sequence[str]) -> Probes:
        """Return what some rules look for in a channel, on some platforms."""
        return Probes(self.each_probe(channel, rules, platforms), self.scanner)

    def each_probe(self, channel: str, rules: frozenset[str], platforms: Sequence[str]) -> Iterator[Probe]:
        for rule in self.lexicon.rules.values():
            for find in rule.finds if rule.id in rules else ():
                if channel not in (find.channels or rule.channels):
                    continue
                if find.platforms and not any(p in find.platforms for p in platforms):
                    continue
                for place, pattern in enumerate(find.patterns):
                    yield self._probe(rule, find, pattern, place)

    def _probe(self, rule: Rule, find: Find, pattern: Pattern, place: int) -> Probe:
        shapes = tuple(
            [
                tuple(["@link" if name == OUTSIDE else name for name in item.names])
                for item in pattern.items
                if not item.optional and item.names[0][0] == "@" and all(name[0] == "@" for name in item.names)
            ]
        )
        in_talk = bool(find.asked or find.earlier or find.said)
        return Probe(rule, find, pattern, shapes, place, in_talk, self._most(pattern))

    def _most(self, pattern: Pattern) -> int:
        """Return how many characters a pattern that must span the whole message can span."""
        if not (pattern.from_start and pattern.to_end) or any(_is_shape(item) for item in pattern.items):
            return 0
        return sum(item.gap + max(map(self.scanner.longest, item.names)) for item in pattern.items)

    def core(self, plain: str) -> tuple[int, int]:
        """Return where the first word of a plain text that is no filler begins, and where the last one ends."""
        first, last = _fillers(self.filler_words)
        head = first.match(plain)
        start = head.end() if head else 0
        tail = last.match(plain[::-1])
        end = len(plain) - (tail.end() if tail else 0)
        return min(start, end), max(start, end)


@lru_cache(maxsize=8)
def compiled(lexicon: Lexicon) -> Compiled:
    """Compile a lexicon, once for all linters that share it."""
    from linter.spellings import Disguises

    folding = Folding(lexicon.reads, symbols_spelled(lexicon))
    sounds = Sounds()
    disguises = Disguises(sounds, lexicon.components, lexicon.lookalikes)
    scanner = Scanner(_terms(lexicon, folding, disguises), sounds)
    return Compiled(lexicon, folding, scanner, tuple(_filler_words(lexicon, folding)))


def symbols_spelled(lexicon: Lexicon) -> set[str]:
    """Return the emoji and other pictures that would be dropped as separators but that some spelling needs."""
    bare = Folding(lexicon.reads)
    written = {c for concept in lexicon.concepts.values() for s in (*concept.strong, *concept.weak) for c in s}
    return {c for c in written if not bare.read(c) and unicodedata.category(c) == "So"}


def _terms(lexicon: Lexicon, folding: Folding, disguises: Disguises) -> Iterator[Term]:
    said = {n for rule in lexicon.rules.values() for find in rule.finds for p in find.patterns for n in p.names}
    for concept in lexicon.concepts.values():
        for spelling in concept.excepts:
            yield Term(folding.normal(spelling), concept.id, spelling, excepts=True)
        for weak, spellings in ((False, concept.strong), (True, concept.weak)):
            for spelling in spellings:
                text = folding.normal(spelling)
                yield Term(text, concept.id, text, weak=weak, word=concept.word)
                if not concept.disguise and not weak and concept.id in said:
                    yield from disguises.spelled_out(concept.id, text)
                if concept.disguise:
                    yield from disguises.rare(concept.id, text) if weak else disguises.of(concept.id, text)


def _is_shape(item: Item) -> bool:
    return any(name[0] == "@" for name in item.names)


def _filler_words(lexicon: Lexicon, folding: Folding) -> list[str]:
    filler = lexicon.concepts.get("filler")
    return sorted({folding.normal(s) for s in filler.strong} if filler else set(), key=len, reverse=True)


@lru_cache(maxsize=8)
def _fillers(words: tuple[str, ...]) -> tuple[re.Pattern[str], re.Pattern[str]]:
    forward = "|".join(map(re.escape, words))
    backward = "|".join(re.escape(word[::-1]) for word in words)
    return re.compile(f"(?:{forward})*"), re.compile(f"(?:{backward})*")
