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
from dataclasses import dataclass, replace
from itertools import pairwise
from typing import Any

import ahocorasick

from linter.pattern import Hit
from linter.shapes import SHAPES
from linter.spellings import Term, is_common
from linter.text import FILLER, NONE, SPACE, Folded, Sounds

_JOINT = "\x00"


class Hits(dict[str, list[Hit]]):
    """Hits by concept. Shapes (`@phone` …) are looked for when first asked for: most messages never ask."""

    def __init__(self, found: dict[str, list[Hit]], folded: Folded) -> None:
        super().__init__(found)
        self.present = frozenset(found)  # without shapes
        self._folded = folded

    def get(self, name: str, default: Any = ()) -> Any:
        if name[0] == "@" and not super().__contains__(name) and name in SHAPES:
            self[name] = sorted(
                {Hit(a, b, name, self._folded.plain[a:b]) for a, b in SHAPES[name](self._folded) if a < b}
            )
        return super().get(name, default)

    def __contains__(self, name: object) -> bool:
        return bool(self.get(name)) if isinstance(name, str) else False

    def with_(self, name: str, hits: list[Hit]) -> Hits:
        """Return a copy with one more concept."""
        copy = Hits(self, self._folded)
        copy[name] = hits
        return copy


@dataclass
class Scanner:
    """The compiled automaton. State that never changes after it was made; safe to share between threads."""

    automaton: ahocorasick.Automaton
    mixed: ahocorasick.Automaton  # words partly written in Latin letters: asked only where there are some
    sounds: Sounds

    @classmethod
    def of(cls, terms: Iterable[Term], sounds: Sounds) -> Scanner:
        """Compile terms; equal strings keep all their meanings."""
        plain: dict[str, dict[tuple[str, str], Term]] = {}
        mixed: dict[str, dict[tuple[str, str], Term]] = {}
        for term in terms:
            grouped = mixed if term.view == "mixed" else plain
            kept = grouped.setdefault(term.text, {})
            key = (term.concept, "except" if term.excepts else term.view)
            if key not in kept or (kept[key].weak and not term.weak) or (kept[key].how and not term.how):
                kept[key] = term
        return cls(_automaton(plain), _automaton(mixed), sounds)

    def hits(self, folded: Folded) -> Hits:
        """Return the hits of a text by concept, in order of place."""
        sound, spans = self.sounds.view(folded)
        found: dict[tuple[str, int, int], Hit] = {}
        shields: list[Hit] = []
        raw = [
            *((_hit(term, start, end, folded, spans), term) for start, end, term in self._raw(folded.plain, sound)),
            *self._around_pictures(folded),
            *self._partly_latin(folded, sound, spans),
        ]
        for hit, term in raw:
            if hit is None:
                continue
            if term.excepts:
                shields.append(hit)
                continue
            key = (hit.concept, hit.start, hit.end)
            if key not in found or (found[key].weak and not hit.weak):
                found[key] = hit
        return Hits(_by_concept(found.values(), shields), folded)

    def _around_pictures(self, folded: Folded) -> Iterator[tuple[Hit, Term]]:
        """Yield the spellings that a picture breaks up: a heart reads 心 in 微❤, and nothing in 支❤付❤宝."""
        pictures = _pictures(folded)
        if not pictures:
            return
        kept = [i for i in range(len(folded.plain)) if i not in pictures]
        for start, end, term in self._raw("".join(folded.plain[i] for i in kept), ""):
            first, last = kept[start], kept[end - 1] + 1
            if last - first > end - start and not term.excepts and folded.break_within(first, last) <= FILLER:
                yield Hit(first, last, term.concept, term.spelling, term.weak, "emoji"), term

    def _partly_latin(
        self, folded: Folded, sound: str, spans: list[tuple[int, int]] | None
    ) -> Iterator[tuple[Hit | None, Term]]:
        """Yield the words of which a syllable, but not all, is written in Latin letters."""
        if spans is None or not len(self.mixed):
            return
        raw = sound.encode("utf-8", "surrogatepass")
        starts = _char_index(raw)
        for last, terms in self.mixed.iter(raw.decode("latin-1")):
            end = starts(last + 1)
            for term in terms:
                start = end - len(term.text)
                text = folded.plain[spans[start][0] : spans[end - 1][1]]
                letters = sum(c.isascii() for c in text)
                if 1 < letters < len(text):
                    yield _hit(replace(term, view="sound"), start, end, folded, spans), term

    def _raw(self, plain: str, sound: str) -> Iterator[tuple[int, int, Term]]:
        if not len(self.automaton):
            return
        joined = plain + _JOINT + sound
        raw = joined.encode("utf-8", "surrogatepass")
        starts = _char_index(raw)
        offset = len(plain) + 1
        for last, terms in self.automaton.iter(raw.decode("latin-1")):
            end = starts(last + 1)
            for term in terms:
                start = end - len(term.text)
                if term.view == "sound":
                    if start >= offset:
                        yield start - offset, end - offset, term
                elif end < offset:
                    yield start, end, term


def _automaton(grouped: dict[str, dict[tuple[str, str], Term]]) -> ahocorasick.Automaton:
    automaton = ahocorasick.Automaton(ahocorasick.STORE_ANY)
    for text, kept in grouped.items():
        automaton.add_word(_bytes(text), tuple(kept.values()))
    if grouped:
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


_PICTURE = re.compile("[\u2190-\u2bff\u3200-\u33ff\U0001f000-\U0001faff]")


def _pictures(folded: Folded) -> frozenset[int]:
    """Return the places in `plain` where a picture was read as a Chinese character."""
    if not _PICTURE.search(folded.original):
        return frozenset()
    return frozenset(i for i in range(len(folded.plain)) if _drawn(folded, i, i + 1))


def _drawn(folded: Folded, start: int, end: int) -> bool:
    """Was a Chinese character of the place read from a picture? Nobody draws by accident."""
    return any(folded.plain[i] >= "\u3400" and _PICTURE.match(folded.original[folded.at[i]]) for i in range(start, end))


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


def _by_concept(hits: Iterable[Hit], shields: list[Hit]) -> dict[str, list[Hit]]:
    grouped: dict[str, list[Hit]] = {}
    for hit in sorted(hits):
        if any(s.concept == hit.concept and s.start <= hit.start and hit.end <= s.end for s in shields):
            continue
        grouped.setdefault(hit.concept, []).append(hit)
    return grouped
