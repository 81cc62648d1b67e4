"""A lexicon in, everything made from it once out: fold tables, automaton, and an index from concepts to rules."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterator
from dataclasses import dataclass
from functools import lru_cache
from typing import NamedTuple

from linter.lexicon import Find, Lexicon, Rule
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
    index: dict[str, list[tuple[Rule, Find]]]
    shapes: tuple[str, ...]  # the names in `index` that are told by shape
    measured: tuple[Rule, ...]  # rules that measure instead of matching
    fillers: tuple[re.Pattern[str], re.Pattern[str]]

    def read(self, text: str) -> Reading:
        """Fold and scan a text."""
        folded = self.folding.fold(text)
        return Reading(folded, self.scanner.hits(folded), *self._core(folded.plain))

    def candidates(self, hits: Hits) -> Iterator[tuple[Rule, list[Find]]]:
        """Yield the rules (with their finds) that could match, judged by the concepts present, by id."""
        wanted: dict[str, tuple[Rule, list[Find]]] = {}
        present = [name for name in hits if name in self.index]
        present += [name for name in self.shapes if name not in present and name in hits]
        for name in present:
            for rule, find in self.index[name]:
                finds = wanted.setdefault(rule.id, (rule, []))[1]
                if find not in finds:
                    finds.append(find)
        for key in sorted(wanted):
            yield wanted[key]

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
    for concept in lexicon.concepts.values():
        for spelling in concept.excepts:
            yield Term(folding.normal(spelling), concept.id, spelling, excepts=True)
        for weak, spellings in ((False, concept.strong), (True, concept.weak)):
            for spelling in spellings:
                text = folding.normal(spelling)
                yield Term(text, concept.id, text, weak=weak, word=concept.word)
                if concept.disguise:
                    yield from disguises.rare(concept.id, text) if weak else disguises.of(concept.id, text)


def _index(lexicon: Lexicon) -> dict[str, list[tuple[Rule, Find]]]:
    """Index the finds by the rarest thing they need: the item with the fewest names of each pattern."""
    index: dict[str, list[tuple[Rule, Find]]] = {}
    for rule in lexicon.rules.values():
        for find in rule.finds:
            for pattern in find.patterns:
                needed = [item for item in pattern.items if not item.optional]
                spelled = [item for item in needed if not any(name[0] == "@" for name in item.names)]
                for name in min(spelled or needed, key=lambda item: len(item.names)).names:
                    entry = index.setdefault("@link" if name == OUTSIDE else name, [])
                    if (rule, find) not in entry:
                        entry.append((rule, find))
    return index


def _fillers(lexicon: Lexicon, folding: Folding) -> tuple[re.Pattern[str], re.Pattern[str]]:
    filler = lexicon.concepts.get("filler")
    words = sorted({folding.normal(s) for s in filler.strong} if filler else set(), key=len, reverse=True)
    forward = "|".join(map(re.escape, words))
    backward = "|".join(re.escape(word[::-1]) for word in words)
    return re.compile(f"(?:{forward})*"), re.compile(f"(?:{backward})*")
