"""Terms by the entry of the automaton they belong to, kept in columns.

There are some thirty thousand, and a run touches a few hundred: columns are loaded as they lie in the file, strings as one
long one, and a Term is made when somebody asks for it.
"""

from __future__ import annotations

from array import array
from collections.abc import Sequence
from itertools import pairwise
from typing import Any

_VIEWS = ("plain", "sound", "mixed")
_MIXED = 2
_WEAK, _WORD, _EXCEPTS = 4, 8, 16
_COLUMNS = (
    "_string_cuts", "_cuts", "_concepts", "_texts", "_spellings", "_hows", "_owned", "_owned_cuts",
)  # fmt: skip


class Term:
    """One string to look for. `view` is plain, sound or mixed; `how` names the disguise, '' for the spelling itself.

    `word` asks the tokenizer whether a longer word swallows it; `excepts` marks an innocent phrase that shields the
    spellings inside it.
    """

    __slots__ = ("concept", "excepts", "how", "spelling", "text", "view", "weak", "word")

    def __init__(
        self, text: str, concept: str, spelling: str, view: str = "plain", weak: bool = False, how: str = "", word: bool = False,
        excepts: bool = False,
    ) -> None:  # fmt: skip
        self.text = text
        self.concept = concept
        self.spelling = spelling
        self.view = view
        self.weak = weak
        self.how = how
        self.word = word
        self.excepts = excepts


class Terms:
    """The terms of every entry. Immutable but for what was made already."""

    def __init__(self, entries: Sequence[Sequence[Term]]) -> None:
        flat = [term for entry in entries for term in entry]
        self.names = tuple(sorted({term.concept for term in flat}))
        strings = sorted({s for term in flat for s in (term.text, term.spelling, term.how)})
        number = {name: n for n, name in enumerate(self.names)}
        string = {text: n for n, text in enumerate(strings)}
        self._strings, self._string_cuts = "".join(strings), _sums(map(len, strings))
        self._cuts = _sums(len(entry) for entry in entries)
        self._concepts = array("I", (number[term.concept] for term in flat))
        self._texts = array("I", (string[term.text] for term in flat))
        self._spellings = array("I", (string[term.spelling] for term in flat))
        self._hows = array("I", (string[term.how] for term in flat))
        self._flags = bytes(_VIEWS.index(t.view) | t.weak * _WEAK | t.word * _WORD | t.excepts * _EXCEPTS for t in flat)
        owned: list[list[int]] = [[] for _ in self.names]
        for place, (low, high) in enumerate(pairwise(self._cuts)):
            for concept in {self._concepts[n] for n in range(low, high)}:
                owned[concept].append(place)
        self._owned = array("I", (place for places in owned for place in places))
        self._owned_cuts = _sums(len(places) for places in owned)
        self._forget()

    def _forget(self) -> None:
        self._made: dict[int, tuple[Term, ...]] = {}
        self._entries_of: dict[str, frozenset[int]] = {}
        self._numbers = {name: number for number, name in enumerate(self.names)}

    def __len__(self) -> int:
        return len(self._cuts) - 1

    def __getitem__(self, entry: int) -> tuple[Term, ...]:
        found = self._made.get(entry)
        if found is None:
            found = self._made[entry] = tuple(self.term(n) for n in range(self._cuts[entry], self._cuts[entry + 1]))
        return found

    def term(self, number: int) -> Term:
        """Return a term by its place among those of all entries."""
        flags, string = self._flags[number], self._string
        return Term(
            string(self._texts[number]), self.names[self._concepts[number]], string(self._spellings[number]),
            _VIEWS[flags & 3], bool(flags & _WEAK), string(self._hows[number]), bool(flags & _WORD), bool(flags & _EXCEPTS),
        )  # fmt: skip

    def _string(self, number: int) -> str:
        return self._strings[self._string_cuts[number] : self._string_cuts[number + 1]]

    def columns(self) -> tuple[Any, Any, Any]:
        """Return the terms of all entries: where each entry's begin, their concepts, their flags."""
        return memoryview(self._cuts), memoryview(self._concepts), memoryview(self._flags)

    def text(self, entry: int) -> str:
        """Return the string of an entry."""
        return self._string(self._texts[self._cuts[entry]])

    def length(self, entry: int) -> int:
        """Return the characters of an entry."""
        number = self._texts[self._cuts[entry]]
        return self._string_cuts[number + 1] - self._string_cuts[number]

    def concepts(self, entry: int) -> set[str]:
        """Return the concepts that an entry spells."""
        names, flags = self.names, self._flags
        return {
            names[self._concepts[n]]
            for n in range(self._cuts[entry], self._cuts[entry + 1])
            if not flags[n] & _EXCEPTS and flags[n] & 3 != _MIXED
        }

    def entries_of(self, name: str) -> frozenset[int]:
        """Return the entries that spell a concept, or shield one of its words."""
        found = self._entries_of.get(name)
        if found is None:
            number = self._numbers.get(name)
            cuts = self._owned_cuts
            found = frozenset() if number is None else frozenset(self._owned[cuts[number] : cuts[number + 1]])
            self._entries_of[name] = found
        return found

    def __reduce__(self) -> tuple[Any, ...]:
        arrays = [getattr(self, name).tobytes() for name in _COLUMNS]
        return _terms, (self.names, self._strings.encode("utf-8", "surrogatepass"), self._flags, arrays)


def _terms(names: tuple[str, ...], strings: bytes, flags: bytes, columns: Sequence[bytes]) -> Terms:
    made = Terms.__new__(Terms)
    made.names, made._strings, made._flags = names, strings.decode("utf-8", "surrogatepass"), flags
    for name, column in zip(_COLUMNS, columns, strict=True):
        setattr(made, name, memoryview(column).cast("I"))  # as it lies in the file, without a copy
    made._forget()
    return made


def _sums(lengths: Any) -> array[int]:
    cuts = array("I", [0])
    for length in lengths:
        cuts.append(cuts[-1] + length)
    return cuts
