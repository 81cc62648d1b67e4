"""Folded text in, hits out: one Aho-Corasick automaton over every spelling of every concept.

The automaton holds UTF-8 bytes read as Latin-1: a node then has at most 256 children, while Chinese characters as
they are give the root thousands, and pyahocorasick walks them one by one (measured: 8 -> 14 M characters/s). The plain
and the sound view are scanned in one pass, joined by a NUL.

Where the compiled part (`_native`) was built it takes the automaton's place once a thousand texts were asked about: it
finds the same strings. KEFULINT_PURE=1 in the environment does without it, to tell whose fault something is.

Things that are told by their shape and not by a word list (numbers, links, ids) are found here too, but only for
messages that hold a digit or a Latin letter.
"""

from __future__ import annotations

import os
import re
from collections.abc import Callable, Iterable, Sequence
from contextlib import suppress
from importlib import import_module
from itertools import pairwise
from typing import Any, Protocol

import ahocorasick

from linter.pattern import Hit, Item, Pattern
from linter.shapes import FIRST_MARK, GATES, MARKS, SHAPES
from linter.terms import Term, Terms
from linter.text import FILLER, NONE, PICTURE, SPACE, Folded, Sounds, is_common

native: Any = None  # the compiled part; where it was not built, or is not wanted, everything is done in Python
if not os.environ.get("KEFULINT_PURE"):
    with suppress(ImportError):
        native = import_module("linter._native")

_JOINT = "\x00"
_SYLLABLE = 6  # letters of the longest
_SHAPE = 1000  # characters that a thing told by its shape takes at most


Place = tuple[Term, int, int]  # a term, and where it stands in its view


class Places(Protocol):
    """Places by concept."""

    def get(self, name: str, default: Sequence[Place], /) -> Sequence[Place]: ...
    def __contains__(self, name: object, /) -> bool: ...


class Hits:
    """What was found in a text, by concept. Hits are made when first asked for: most messages never ask."""

    __slots__ = ("_extra", "_folded", "_made", "_places", "_raw", "_scanner", "_sound", "_spans")

    def __init__(self, scanner: Scanner, folded: Folded, sound: str, spans: list[tuple[int, int]] | None) -> None:
        """`sound` and `spans` are the text's view of sounds, as `Sounds.view` gives it."""
        self._scanner = scanner
        self._folded = folded
        self._made: dict[str, list[Hit]] = {}
        self._places: Places | None = None
        self._raw: list[tuple[int, int]] | None = None
        self._sound = sound
        self._spans = spans
        self._extra = scanner.around_pictures(folded) if PICTURE.search(folded.original) else []

    @property
    def raw(self) -> list[tuple[int, int]]:
        """The automaton's matches: the last byte of each, and the number of its entry."""
        if self._raw is None:
            self._raw = self._scanner.raw(self._bytes())
        return self._raw

    def _bytes(self) -> bytes:
        return f"{self._folded.plain}{_JOINT}{self._sound}".encode("utf-8", "surrogatepass")

    @property
    def places(self) -> Places:
        """Where concepts may be spelled, by name; a few of these places are none when looked at."""
        if self._places is None:
            native = self._scanner.native
            if native is None:
                self._places = self._placed(len(self._folded.plain))
            else:
                self._places = native.places(self._folded.plain, self._sound, self._spans is not None)
        return self._places

    def _placed(self, split: int) -> dict[str, list[Place]]:
        """Sort the automaton's matches by concept; those past the joint are of the view of sounds."""
        found: dict[str, list[Place]] = {}
        raw, terms = self._bytes(), self._scanner.terms
        end = position = 0
        for last, entry in self.raw:
            if last >= position:
                end += len(raw[position : last + 1].decode("utf-8", "surrogatepass"))
                position = last + 1
            heard = end > split
            stop = end - split - 1 if heard else end
            for term in terms[entry]:
                if term.view == ("sound" if heard else "plain"):
                    found.setdefault(term.concept, []).append((term, stop - len(term.text), stop))
        for place in self._half_heard():
            found.setdefault(place[0].concept, []).append(place)
        return found

    def _half_heard(self) -> list[Place]:
        return self._scanner.half_heard(self._sound) if self._spans is not None else []

    def get(self, name: str) -> list[Hit]:
        """Return the hits of a concept, or of a thing told by its shape, in order of place."""
        found = self._made.get(name)
        if found is None:
            found = self._made[name] = self._shaped(name) if name[:1] == "@" else self._spelled(name)
        return found

    def __contains__(self, name: str) -> bool:
        return bool(self.get(name))

    def could(self, pattern: Pattern) -> bool:
        """Could the pattern match, by the concepts that may be present?"""
        places = self.places
        for names in pattern.needs:  # a loop: this is asked all the time
            for name in names:
                if name in places or (self._extra and name in self.beside):
                    break
            else:
                return False
        return True

    @property
    def beside(self) -> set[str]:
        """The concepts that the automaton alone does not find: around pictures, and partly in Latin letters."""
        found = {hit.concept for hit, _ in self._extra}
        return found | {term.concept for term, _, _ in self._half_heard()}

    def _shaped(self, name: str) -> list[Hit]:
        plain = self._folded.plain
        if name not in SHAPES or not GATES[name](plain):
            return []
        return [Hit(a, b, name, plain[a:b]) for a, b in sorted(set(SHAPES[name](self._folded))) if a < b]

    def _spelled(self, name: str) -> list[Hit]:
        found: dict[tuple[int, int], Hit] = {}
        shields: list[Hit] = []
        for term, start, end in self.places.get(name, ()):
            hit = _hit(term, start, end, self._folded, self._spans)
            if hit is not None:
                _keep(hit, term, found, shields)
        for hit, term in self._extra:
            if hit.concept == name:
                _keep(hit, term, found, shields)
        kept = list(found.values())
        if shields:
            kept = [hit for hit in kept if not _is_shielded(hit, shields)]
        if len(kept) > 1:
            kept.sort(key=_by_place)
        return kept


def _is_shielded(hit: Hit, shields: list[Hit]) -> bool:
    for shield in shields:
        if shield.start <= hit.start and hit.end <= shield.end:
            return True
    return False


def _by_place(hit: Hit) -> tuple[int, int]:
    return hit.start, hit.end


def _keep(hit: Hit, term: Term, found: dict[tuple[int, int], Hit], shields: list[Hit]) -> None:
    if term.excepts:
        shields.append(hit)
        return
    place = (hit.start, hit.end)
    known = found.get(place)
    if known is None or (known.weak and not hit.weak):
        found[place] = hit


class Scanner:
    """The compiled automaton. State that never changes after it was made; safe to share between threads."""

    def __init__(self, terms: Iterable[Term], sounds: Sounds) -> None:
        """Compile terms; equal strings keep all their meanings."""
        grouped: dict[str, dict[tuple[str, str], Term]] = {}
        for term in terms:
            kept = grouped.setdefault(term.text, {})
            key = (term.concept, "except" if term.excepts else term.view)
            if key not in kept or (kept[key].weak and not term.weak) or (kept[key].how and not term.how):
                kept[key] = term
        self.sounds = sounds
        self.terms = Terms([tuple(kept.values()) for kept in grouped.values()])
        self.automaton = _automaton(self.terms, lambda term: term.view != "mixed")
        # words partly written in Latin letters: asked only where there are some
        self.mixed = _automaton(self.terms, lambda term: term.view == "mixed")
        self._longest: dict[str, int] = {}
        for kept in grouped.values():
            for term in kept.values():
                length = len(term.text) * (1 if term.view == "plain" else _SYLLABLE)
                self._longest[term.concept] = max(length, self._longest.get(term.concept, 0))
        self._forget()

    def _forget(self) -> None:
        self.native: Any = None

    def __getstate__(self) -> tuple[Any, ...]:
        return self.sounds, self.terms, self.automaton, self.mixed, self._longest

    def __setstate__(self, state: tuple[Any, ...]) -> None:
        self.sounds, self.terms, self.automaton, self.mixed, self._longest = state
        self._forget()

    def wake(self) -> Any:
        """Make and return the compiled part's table of the terms; None where it was not built.

        It takes longer to make than a thousand texts take to read without it.
        """
        if self.native is None and native:
            self.native = native.Spellings(self.terms, _marking())
        return self.native

    def most(self, item: Item) -> int:
        """Return the most plain characters an item takes."""
        return max(_SHAPE if name[0] == "@" else self.longest(name) for name in item.names)

    def longest(self, name: str) -> int:
        """Return the most plain characters a spelling of a concept takes, pinyin included."""
        return self._longest.get(name, 0)

    def raw(self, text: bytes) -> list[tuple[int, int]]:
        """Return the automaton's matches in a text of UTF-8: the last byte of each and the number of its entry."""
        return list(self.automaton.iter(text.decode("latin-1"))) if len(self.terms) else []

    def around_pictures(self, folded: Folded) -> list[tuple[Hit, Term]]:
        """Return the spellings that a picture breaks up: a heart reads 心 in 微❤, and nothing in 支❤付❤宝."""
        pictures = _pictures(folded)
        if not pictures:
            return []
        found: list[tuple[Hit, Term]] = []
        kept = [i for i in range(len(folded.plain)) if i not in pictures]
        raw = "".join([folded.plain[i] for i in kept]).encode("utf-8", "surrogatepass")
        starts = _char_index(raw)
        for stop, entry in self.automaton.iter(raw.decode("latin-1")):
            end = starts(stop + 1)
            for term in self.terms[entry]:
                if term.view != "plain" or term.excepts:
                    continue
                first, last = kept[end - len(term.text)], kept[end - 1] + 1
                if last - first > len(term.text) and folded.break_within(first, last) <= FILLER:
                    found.append((Hit(first, last, term.concept, term.spelling, term.weak, "emoji"), term))
        return found

    def half_heard(self, sound: str) -> list[Place]:
        """Return where words stand of which a syllable, but not all, may be written in Latin letters."""
        found: list[Place] = []
        if len(self.mixed):
            raw = sound.encode("utf-8", "surrogatepass")
            starts = _char_index(raw)
            for last, entry in self.mixed.iter(raw.decode("latin-1")):
                end = starts(last + 1)
                found += [(t, end - len(t.text), end) for t in self.terms[entry] if t.view == "mixed"]
        return found


def _marking() -> list[tuple[str, int]]:
    return [(word, FIRST_MARK << place) for place, words in enumerate(MARKS.values()) for word in words]


def _automaton(terms: Terms, asked: Callable[[Term], bool]) -> ahocorasick.Automaton:
    """Return the automaton of the entries with a term that is asked for; a match gives the entry's number."""
    automaton = ahocorasick.Automaton(ahocorasick.STORE_INTS)
    for number in range(len(terms)):
        if any(map(asked, terms[number])):
            automaton.add_word(_bytes(terms.text(number)), number)
    automaton.make_automaton()
    return automaton


def _bytes(text: str) -> str:
    return text.encode("utf-8", "surrogatepass").decode("latin-1")


def _char_index(raw: bytes) -> Callable[[int], int]:
    """Return a function from byte offset to character index, as cheap as the text is short."""
    if len(raw) < 400:
        return lambda offset: len(raw[:offset].decode("utf-8", "surrogatepass"))
    table = [0]
    for byte in raw:
        table.append(table[-1] + ((byte & 0xC0) != 0x80))
    return table.__getitem__


def _hit(term: Term, start: int, end: int, folded: Folded, spans: list[tuple[int, int]] | None) -> Hit | None:
    """Turn a raw match into a hit, or None where its edges or inner breaks cannot be those of a word."""
    heard = term.view != "plain"
    if heard and spans is not None:
        start, end = spans[start][0], spans[end - 1][1]
    text = folded.plain[start:end]
    if heard and (text == term.spelling or (term.view == "mixed" and not _is_half_latin(text))):
        return None  # the plain view has it already
    if (text[0] < "\x80" or text[len(text) - 1] < "\x80") and not _latin_edges(text, start, end, folded):
        return None
    strongest = folded.break_within(start, end) if end - start > 1 else NONE
    if strongest > FILLER and not _inner_breaks(term, start, end, folded, strongest):
        return None
    weak, how = term.weak, term.how
    if heard:
        weak, how = _heard(text, term.spelling)
        weak = weak and not _drawn(folded, start, end)
    return Hit(start, end, term.concept, term.spelling, weak, how, term.word or how != "" or strongest > FILLER)


def _is_half_latin(text: str) -> bool:
    return 1 < _latin_letters(text) < len(text)


def _latin_letters(text: str) -> int:
    count = 0
    for char in text:
        count += char < "\x80"
    return count


def _heard(text: str, spelling: str) -> tuple[bool, str]:
    """Judge a match by sound: letters among characters, or a character nobody uses, cannot be an accident."""
    latin = _latin_letters(text)
    if latin == len(text):
        return len(text) < 7 and len(spelling) < 3, "pinyin"
    if latin:
        return False, "pinyin"
    odd = any(a != b and not is_common(a) for a, b in zip(text, spelling, strict=False))
    return not odd, "homophone"


def _pictures(folded: Folded) -> frozenset[int]:
    """Return the places in `plain` where a picture was read as a Chinese character."""
    if not PICTURE.search(folded.original):
        return frozenset()
    return frozenset(i for i in range(len(folded.plain)) if _drawn(folded, i, i + 1))


def _drawn(folded: Folded, start: int, end: int) -> bool:
    """Was a Chinese character of the place read from a picture? Nobody draws by accident."""
    return any(folded.plain[i] >= "\u3400" and PICTURE.match(folded.original[folded.at[i]]) for i in range(start, end))


def _latin_edges(text: str, start: int, end: int, folded: Folded) -> bool:
    """A spelling that begins or ends in a Latin letter must not be cut from a longer Latin word."""
    plain, gaps = folded.plain, folded.gaps
    if _digit(text[0]) and start and _digit(plain[start - 1]) and not gaps[start]:
        return False  # 800 in 13800…
    if _digit(text[-1]) and end < len(plain) and _digit(plain[end]) and not gaps[end]:
        return False
    if _latin(text[0]) and start and not gaps[start]:
        before = plain[start - 1]
        if _latin(before) or (before.isdecimal() and len(text) < 3 and before.isascii()):
            return False  # 5V, 2TB
    if len(text) == 1 and _latin(text) and re.match(r"\d{1,4}(?!\d)", plain[end : end + 5]):
        return False  # V2, Q345: a model; five digits and more may be an id
    return not (_latin(text[-1]) and end < len(plain) and _latin(plain[end]) and not gaps[end])


def _inner_breaks(term: Term, start: int, end: int, folded: Folded, strongest: int) -> bool:
    """Breaks inside a word: single characters may stand apart, longer pieces only at a filler or a space."""
    cuts = [start, *(i for i in range(start + 1, end) if folded.gaps[i] >= SPACE), end]
    pieces = [b - a for a, b in pairwise(cuts)]
    if all(piece == 1 for piece in pieces):
        return True
    if term.excepts or folded.plain[start:end].isascii():
        return True
    return strongest <= SPACE and (min(pieces) > 1 or (pieces.count(1) == 1 and len(pieces) == 2))


def _digit(char: str) -> bool:
    return "0" <= char <= "9"


def _latin(char: str) -> bool:
    return "a" <= char <= "z"
