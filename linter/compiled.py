"""A lexicon in, everything made from it once out: fold tables, automaton, and an index from concepts to rules."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterator
from dataclasses import dataclass
from functools import lru_cache
from typing import NamedTuple

from linter.lexicon import Concept, Find, Lexicon, Rule
from linter.pattern import Pattern
from linter.scan import Hits, Scanner
from linter.spellings import Disguises, Term
from linter.text import Folded, Folding, Sounds

OUTSIDE = "@outside-link"


class Reading(NamedTuple):
    """A text made ready to judge: folded, scanned, and the plain bounds of what stands between the fillers."""

    folded: Folded
    hits: Hits
    start: int
    end: int


@dataclass(frozen=True, slots=True)
class Compiled:
    """What is made once from a lexicon and shared by all linters of it."""

    folding: Folding
    scanner: Scanner
    index: dict[str, list[tuple[Rule, Find, Pattern]]]
    shapes: tuple[str, ...]  # the names in `index` that are told by shape
    measured: tuple[Rule, ...]  # rules that measure instead of matching
    fillers: tuple[re.Pattern[str], re.Pattern[str]]

    def read(self, text: str) -> Reading:
        """Fold and scan a text."""
        folded = self.folding.fold(text)
        return Reading(folded, self.scanner.hits(folded), *self._core(folded.plain))

    def candidates(self, hits: Hits) -> list[tuple[Rule, Find, list[Pattern]]]:
        """Return the finds, by rule, with those of their patterns that could match the concepts found."""
        wanted: dict[int, tuple[Rule, Find, list[Pattern]]] = {}
        present = hits.present
        for name in present & self.index.keys():
            for rule, find, pattern in self.index[name]:
                if pattern.is_possible(present):
                    _want(wanted, rule, find, pattern)
        for name in self.shapes:
            for rule, find, pattern in self.index[name]:
                if pattern.is_possible(present) and hits.get(name):
                    _want(wanted, rule, find, pattern)
        return sorted(wanted.values(), key=lambda entry: (entry[0].id, entry[1].place))

    def _core(self, plain: str) -> tuple[int, int]:
        first, last = self.fillers
        head = first.match(plain)
        start = head.end() if head else 0
        tail = last.match(plain[::-1])
        end = len(plain) - (tail.end() if tail else 0)
        return min(start, end), max(start, end)


@lru_cache(maxsize=8)
def compiled(lexicon: Lexicon) -> Compiled:
    """Compile a lexicon, once for all linters that share it."""
    folding = Folding(lexicon.reads, symbols_spelled(lexicon))
    sounds = Sounds()
    disguises = Disguises(sounds, lexicon.components, lexicon.lookalikes)
    scanner = Scanner.of(_terms(lexicon, folding, disguises), sounds)
    index = _index(lexicon)
    shapes = tuple(name for name in index if name[0] == "@")
    measured = tuple(rule for rule in lexicon.rules.values() if rule.measure)
    return Compiled(folding, scanner, index, shapes, measured, _fillers(lexicon, folding))


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


def _want(wanted: dict[int, tuple[Rule, Find, list[Pattern]]], rule: Rule, find: Find, pattern: Pattern) -> None:
    patterns = wanted.setdefault(id(find), (rule, find, []))[2]
    if pattern not in patterns:
        patterns.append(pattern)


def _index(lexicon: Lexicon) -> dict[str, list[tuple[Rule, Find, Pattern]]]:
    """Index the patterns by the rarest thing they need."""
    common = {concept.id: _commonness(concept) for concept in lexicon.concepts.values()}
    index: dict[str, list[tuple[Rule, Find, Pattern]]] = {}
    for rule in lexicon.rules.values():
        for find in rule.finds:
            for pattern in find.patterns:
                needed = [item for item in pattern.items if not item.optional]
                spelled = [item for item in needed if not any(name[0] == "@" for name in item.names)]
                rarest = min(spelled or needed, key=lambda item: sum(common.get(name, 1.0) for name in item.names))
                for name in rarest.names:
                    index.setdefault("@link" if name == OUTSIDE else name, []).append((rule, find, pattern))
    return index


def _commonness(concept: Concept) -> float:
    """Guess how often a concept is met: words of one character are everywhere, long ones are rare."""
    return sum(16.0 / len(spelling) ** 3 for spelling in (*concept.strong, *concept.weak))


def _fillers(lexicon: Lexicon, folding: Folding) -> tuple[re.Pattern[str], re.Pattern[str]]:
    filler = lexicon.concepts.get("filler")
    words = sorted({folding.normal(s) for s in filler.strong} if filler else set(), key=len, reverse=True)
    forward = "|".join(map(re.escape, words))
    backward = "|".join(re.escape(word[::-1]) for word in words)
    return re.compile(f"(?:{forward})*"), re.compile(f"(?:{backward})*")
