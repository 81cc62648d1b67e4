"""Folded text in, hits out: one Aho-Corasick automaton over every spelling of every concept.

The automaton holds UTF-8 bytes read as Latin-1: a node then has at most 256 children, while Chinese characters as
they are give the root thousands, and pyahocorasick walks them one by one (measured: 8 -> 14 M characters/s). The plain
and the sound view are scanned in one pass, joined by a NUL.

Things that are told by their shape and not by a word list (numbers, links, ids) are found here too, but only for
messages that hold a digit or a Latin letter.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator
from itertools import pairwise
from typing import Any

import ahocorasick

from linter.pattern import Hit, Pattern
from linter.shapes import GATES, SHAPES
from linter.terms import Term, Terms
from linter.text import FILLER, NONE, SPACE, Folded, Sounds, is_common

_JOINT = "\x00"
_SYLLABLE = 6  # letters of the longest
_SHAPE = 1000  # characters that a thing told by its shape takes at most


class Hits:
    """What was found in a text, by concept. Hits are made when first asked for: most messages never ask.

    `raw` holds the automaton's matches as they came; `mask` has the bit of every concept that may be present.
    """

    __slots__ = (
        "_bytes",
        "_extra",
        "_folded",
        "_index",
        "_made",
        "_mask",
        "_met",
        "_scanner",
        "_spans",
        "_split",
        "raw",
    )

    def __init__(self, scanner: Scanner, folded: Folded) -> None:
        self._scanner = scanner
        self._folded = folded
        self._made: dict[str, list[Hit]] = {}
        self._met: dict[str, list[tuple[int, int]]] = {}
        self._index: dict[int, list[int]] | None = None
        self._mask: int | None = None
        sound, self._spans = scanner.sounds.view(folded)
        self._split = len(folded.plain)
        self._bytes = f"{folded.plain}{_JOINT}{sound}".encode("utf-8", "surrogatepass")
        self.raw = scanner.raw(self._bytes)
        self._extra: list[tuple[Hit, Term]] = []
        if self._spans is not None:
            self._extra += scanner.partly_latin(folded, sound, self._spans)
        if PICTURE.search(folded.original):
            self._extra += scanner.around_pictures(folded)

    @property
    def mask(self) -> int:
        """The bits of the concepts that may be present."""
        if self._mask is None:
            mask, mask_of = 0, self._scanner.mask
            for _, entry in self.raw:
                mask |= mask_of(entry)
            for hit, _ in self._extra:
                mask |= 1 << self._scanner.bits[hit.concept]
            self._mask = mask
        return self._mask

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
        mask = self.mask
        for bits in self._scanner.needs(pattern):  # a loop: this is asked all the time
            if not mask & bits:
                return False
        return True

    def may_follow(self, pattern: Pattern, first: int, last: int) -> bool:
        """May the items of a pattern stand in order and near enough, and at the edges `first` and `last` if it asks so?

        Told by the automaton's places, before any hit is made.
        """
        if self._spans is not None or self._extra:
            return True  # some places are not those of the automaton
        ends: list[int] = []
        names: tuple[str, ...] = ()
        for number, (names, reach) in enumerate(self._scanner.steps(pattern)):
            places = [place for name in names for place in self._places(name)]
            if number:
                places = [(a, b) for a, b in places if any(0 <= a - end <= reach for end in ends)]
            elif pattern.from_start and not pattern.items[0].optional and pattern.items[0].names == names:
                places = [(a, b) for a, b in places if a <= first]
            if not places:
                return False
            ends = [end for _, end in places]
        at_end = pattern.to_end and not pattern.items[-1].optional and pattern.items[-1].names == names
        return not at_end or max(ends) >= last

    def _places(self, name: str) -> list[tuple[int, int]]:
        """Return where the automaton met a concept, in either view: their characters are one for one."""
        found = self._met.get(name)
        if found is None:
            found = self._met[name] = []
            if self._index is None:
                self._index = self._indexed()
            mine, past = self._scanner.terms.entries_of(name), self._split + 1
            for entry, ends in self._index.items():
                if entry in mine:
                    length = self._scanner.terms.length(entry)
                    found += [(end - length - past, end - past) if end > past else (end - length, end) for end in ends]
        return found

    @property
    def extra(self) -> list[Hit]:
        """The hits that the automaton alone does not find: around pictures, and partly in Latin letters."""
        return [hit for hit, _ in self._extra]

    def with_(self, name: str, hits: list[Hit]) -> Hits:
        """Return a copy with one more concept."""
        copy = Hits.__new__(Hits)
        for slot in self.__slots__:
            setattr(copy, slot, getattr(self, slot))
        copy._made = {**self._made, name: hits}
        return copy

    def _shaped(self, name: str) -> list[Hit]:
        plain = self._folded.plain
        if name not in SHAPES or not GATES[name](plain):
            return []
        return sorted({Hit(a, b, name, plain[a:b]) for a, b in SHAPES[name](self._folded) if a < b})

    def _spelled(self, name: str) -> list[Hit]:
        if self._index is None:
            self._index = self._indexed()
        found: dict[tuple[int, int], Hit] = {}
        shields: list[Hit] = []
        mine = self._scanner.terms.entries_of(name)
        for entry, ends in self._index.items():
            if entry in mine:
                for term in self._scanner.terms[entry]:
                    if term.concept == name:
                        self._make(term, ends, found, shields)
        for hit, term in self._extra:
            if hit.concept == name:
                _keep(hit, term, found, shields)
        if shields:
            return sorted(h for h in found.values() if not any(s.start <= h.start and h.end <= s.end for s in shields))
        return sorted(found.values()) if len(found) > 1 else list(found.values())

    def _make(self, term: Term, ends: list[int], found: dict[tuple[int, int], Hit], shields: list[Hit]) -> None:
        """Make the hits of a term that ends at some places; those past the joint are of the view of sounds."""
        heard, split, length = term.view == "sound", self._split, len(term.text)
        for end in ends:
            if (end > split) != heard:
                continue
            stop = end - split - 1 if heard else end
            hit = _hit(term, stop - length, stop, self._folded, self._spans)
            if hit is not None:
                _keep(hit, term, found, shields)

    def _indexed(self) -> dict[int, list[int]]:
        """Return the automaton's matches by entry: the characters they end before."""
        index: dict[int, list[int]] = {}
        raw = self._bytes
        end = position = 0
        for last, entry in self.raw:
            if last >= position:
                end += len(raw[position : last + 1].decode("utf-8", "surrogatepass"))
                position = last + 1
            index.setdefault(entry, []).append(end)
        return index


def _keep(hit: Hit, term: Term, found: dict[tuple[int, int], Hit], shields: list[Hit]) -> None:
    if term.excepts:
        shields.append(hit)
        return
    place = (hit.start, hit.end)
    if place not in found or (found[place].weak and not hit.weak):
        found[place] = hit


class Scanner:
    """The compiled automaton. State that never changes after it was made; safe to share between threads."""

    def __init__(self, terms: Iterable[Term], sounds: Sounds) -> None:
        """Compile terms; equal strings keep all their meanings."""
        plain: dict[str, dict[tuple[str, str], Term]] = {}
        mixed: dict[str, dict[tuple[str, str], Term]] = {}
        for term in terms:
            grouped = mixed if term.view == "mixed" else plain
            kept = grouped.setdefault(term.text, {})
            key = (term.concept, "except" if term.excepts else term.view)
            if key not in kept or (kept[key].weak and not term.weak) or (kept[key].how and not term.how):
                kept[key] = term
        self.sounds = sounds
        self.terms = Terms([tuple(kept.values()) for kept in plain.values()])
        self.mixed_terms = Terms([tuple(kept.values()) for kept in mixed.values()])
        self.automaton = _automaton(plain)
        self.mixed = _automaton(mixed)  # words partly written in Latin letters: asked only where there are some
        self._longest: dict[str, int] = {}
        for kept in (*plain.values(), *mixed.values()):
            for term in kept.values():
                length = len(term.text) * (1 if term.view == "plain" else _SYLLABLE)
                self._longest[term.concept] = max(length, self._longest.get(term.concept, 0))
        self._forget()

    def _forget(self) -> None:
        names = sorted({*self.terms.names, *self.mixed_terms.names})
        self.bits = {name: bit for bit, name in enumerate(names)}
        self._masks: dict[int, int] = {}
        self._needs: dict[int, tuple[int, ...]] = {}
        self._steps: dict[int, tuple[tuple[tuple[str, ...], int], ...]] = {}

    def __getstate__(self) -> tuple[Any, ...]:
        return self.sounds, self.terms, self.mixed_terms, self.automaton, self.mixed, self._longest

    def __setstate__(self, state: tuple[Any, ...]) -> None:
        self.sounds, self.terms, self.mixed_terms, self.automaton, self.mixed, self._longest = state
        self._forget()

    def mask(self, entry: int) -> int:
        """Return the bits of the concepts that an entry spells."""
        found = self._masks.get(entry)
        if found is None:
            found = self._masks[entry] = self._mask(self.terms.concepts(entry))
        return found

    def needs(self, pattern: Pattern) -> tuple[int, ...]:
        """Return, for each thing a pattern needs, the bits of the concepts that would do."""
        found = self._needs.get(id(pattern))
        if found is None:
            found = self._needs[id(pattern)] = tuple(self._mask(names) for names in pattern.needs)
        return found

    def steps(self, pattern: Pattern) -> tuple[tuple[tuple[str, ...], int], ...]:
        """Return the items of a pattern that are spelled and needed, and how far each may begin behind the one before.

        What stands between them unseen (optional items, things told by shape) is counted in at its longest.
        """
        found = self._steps.get(id(pattern))
        if found is None:
            found = self._steps[id(pattern)] = tuple(self._each_step(pattern))
        return found

    def _each_step(self, pattern: Pattern) -> Iterator[tuple[tuple[str, ...], int]]:
        unseen = 0
        for item in pattern.items:
            shaped = any(name[0] == "@" for name in item.names)
            if shaped or item.optional:
                unseen += item.gap + max(_SHAPE if name[0] == "@" else self.longest(name) for name in item.names)
                continue
            yield item.names, item.gap + unseen
            unseen = 0

    def longest(self, name: str) -> int:
        """Return the most plain characters a spelling of a concept takes, pinyin included."""
        return self._longest.get(name, 0)

    def _mask(self, names: Iterable[str]) -> int:
        mask = 0
        for name in names:
            if name in self.bits:
                mask |= 1 << self.bits[name]
        return mask

    def raw(self, text: bytes) -> list[tuple[int, int]]:
        """Return the automaton's matches in a text of UTF-8: the last byte of each and the number of its entry."""
        return list(self.automaton.iter(text.decode("latin-1"))) if len(self.terms) else []

    def around_pictures(self, folded: Folded) -> Iterator[tuple[Hit, Term]]:
        """Yield the spellings that a picture breaks up: a heart reads 心 in 微❤, and nothing in 支❤付❤宝."""
        pictures = _pictures(folded)
        if not pictures:
            return
        kept = [i for i in range(len(folded.plain)) if i not in pictures]
        raw = "".join(folded.plain[i] for i in kept).encode("utf-8", "surrogatepass")
        starts = _char_index(raw)
        for stop, entry in self.automaton.iter(raw.decode("latin-1")):
            end = starts(stop + 1)
            for term in self.terms[entry]:
                if term.view == "sound" or term.excepts:
                    continue
                first, last = kept[end - len(term.text)], kept[end - 1] + 1
                if last - first > len(term.text) and folded.break_within(first, last) <= FILLER:
                    yield Hit(first, last, term.concept, term.spelling, term.weak, "emoji"), term

    def partly_latin(
        self, folded: Folded, sound: str, spans: list[tuple[int, int]] | None
    ) -> Iterator[tuple[Hit, Term]]:
        """Yield the words of which a syllable, but not all, is written in Latin letters."""
        if spans is None or not len(self.mixed):
            return
        raw = sound.encode("utf-8", "surrogatepass")
        starts = _char_index(raw)
        for last, entry in self.mixed.iter(raw.decode("latin-1")):
            end = starts(last + 1)
            for term in self.mixed_terms[entry]:
                start = end - len(term.text)
                text = folded.plain[spans[start][0] : spans[end - 1][1]]
                letters = sum(c.isascii() for c in text)
                if not 1 < letters < len(text):
                    continue
                hit = _hit(term._replace(view="sound"), start, end, folded, spans)
                if hit is not None:
                    yield hit, term


def _automaton(grouped: dict[str, dict[tuple[str, str], Term]]) -> ahocorasick.Automaton:
    """Return the automaton of some texts; a match gives the text's number."""
    automaton = ahocorasick.Automaton(ahocorasick.STORE_INTS)
    for number, text in enumerate(grouped):
        automaton.add_word(_bytes(text), number)
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
    if term.view == "sound" and spans is not None:
        start, end = spans[start][0], spans[end - 1][1]
    text = folded.plain[start:end]
    if term.view == "sound" and text == term.spelling:
        return None  # the plain view has it already
    if (text[0] < "\x80" or text[-1] < "\x80") and not _latin_edges(text, start, end, folded):
        return None
    strongest = folded.break_within(start, end) if end - start > 1 else NONE
    if strongest > FILLER and not _inner_breaks(term, start, end, folded, strongest):
        return None
    weak, how = term.weak, term.how
    if term.view == "sound":
        weak, how = _heard(text, term.spelling)
        weak = weak and not _drawn(folded, start, end)
    word = term.word or (how != "") or strongest > FILLER
    return Hit(start, end, term.concept, term.spelling, weak, how, word)


def _heard(text: str, spelling: str) -> tuple[bool, str]:
    """Judge a match by sound: letters among characters, or a character nobody uses, cannot be an accident."""
    latin = sum(c.isascii() for c in text)
    if latin == len(text):
        return len(text) < 7 and len(spelling) < 3, "pinyin"
    if latin:
        return False, "pinyin"
    odd = any(a != b and not is_common(a) for a, b in zip(text, spelling, strict=False))
    return not odd, "homophone"


PICTURE = re.compile("[\u2190-\u2bff\u3200-\u33ff\U0001f000-\U0001faff]")


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
