"""Text in, two folded views out, each aligned with the original.

`plain` is what the eye reads: width, case, Traditional forms, look-alike letters and digits are folded, and everything
that only separates (zero-width characters, symbols, spaces, punctuation) is dropped; `gaps` remembers how strong a
break stood before each character, so that later stages can ask what was jumped over. `sound` is what the ear hears: a
private-use character for every syllable, for Chinese characters and for Latin runs that read as pinyin, with
near-homophones (zh/z, ang/an …) made equal.

A reader may ask why spaces are dropped before matching: "加 我 微 信" must be found, and whether a jump over a
break was innocent is a question with an answer (`confirm`), while a word that was never matched has none.
"""

from __future__ import annotations

import re
import unicodedata
from bisect import bisect_left, bisect_right
from collections.abc import Callable, Iterable, Mapping
from functools import lru_cache
from itertools import pairwise
from typing import Any, NamedTuple

# Breaks between two characters, from none to the end of a sentence.
NONE, FILLER, SPACE, COMMA, STOP = range(5)

_KEPT = "+%@¥"
_COMMAS = set(",，、;；:")
_STOPS = set("。！？!?\n\r\u2028\u2029…")
_SHORT_LINE = 4
PICTURE = re.compile("[\u2190-\u2bff\u3200-\u33ff\U0001f000-\U0001faff]")
_STROKE = re.compile("[\\\\\uff3c]")
STROKES = {"\\": "/\uff0f\u2215", "\uff3c": "/\uff0f\u2215"}
_SYLLABLE_BASE = 0xE000  # private use area: no text of ours uses it


def strongest(gaps: bytes, low: int, high: int) -> int:
    """Return the strongest of the breaks before plain[low:high]."""
    found = NONE
    for place in range(low, min(high, len(gaps))):  # a slice would cost more than the few places there are
        if gaps[place] > found:
            found = gaps[place]
    return found


class Alignment(NamedTuple):
    """Where the characters of `plain` come from, and the breaks before them."""

    plain: str
    at: tuple[int, ...]
    gaps: bytes


class Folded:
    """A text and its views. Offsets named `plain` count characters of `plain`, others those of `original`.

    Where each character was read from is only worked out when somebody asks: most messages hold nothing to point at.
    """

    __slots__ = ("_align", "_at", "_gaps", "original", "plain")

    def __init__(
        self,
        original: str,
        plain: str,
        align: Callable[[str], Alignment],
        at: tuple[int, ...] | None = None,
        gaps: bytes = b"",
    ) -> None:
        self.original = original
        self.plain = plain
        self._align = align
        self._at = at
        self._gaps = gaps

    @property
    def at(self) -> tuple[int, ...]:
        """plain[i] was read from original[at[i]]."""
        return self._at if self._at is not None else self._aligned().at

    @property
    def gaps(self) -> bytes:
        """gaps[i] is the strongest break between plain[i - 1] and plain[i]."""
        return self._gaps if self._at is not None else self._aligned().gaps

    def _aligned(self) -> Alignment:
        found = self._align(self.original)
        self._gaps, self._at = found.gaps, found.at
        return found

    def original_span(self, start: int, end: int) -> tuple[int, int]:
        """Map a span of `plain` to the original text, trailing joiners and variation selectors included."""
        at, original = self.at, self.original
        if start >= end:
            return (at[start] if start < len(at) else len(original),) * 2
        stop = at[end - 1] + 1
        if stop < len(original) and original[stop] in STROKES.get(original[stop - 1], ""):
            stop += 1
        while stop < len(original) and original[stop] in "\ufe0f\u20e3\u200d":
            stop += 1
        return at[start], stop

    def plain_span(self, start: int, end: int) -> tuple[int, int]:
        """Map a span of the original to `plain`; characters that were dropped shrink it."""
        return bisect_left(self.at, start), bisect_left(self.at, end)

    def break_within(self, start: int, end: int) -> int:
        """Return the strongest break strictly inside plain[start:end]."""
        return strongest(self.gaps, start + 1, end)

    def plain_index(self, original: int) -> int:
        """Return the index of the plain character read at or before an original offset."""
        return max(bisect_right(self.at, original) - 1, 0)


class Learned(dict[int, str]):
    """A table for `str.translate` that works out a character when it first meets it."""

    def __init__(self, learn: Callable[[int], str]) -> None:
        super().__init__()
        self._learn = learn

    def __missing__(self, code: int) -> str:
        read = self[code] = self._learn(code)
        return read


class Folding:
    """The fold tables, made once from the characters' own properties and the lexicons' `folding.yaml`."""

    def __init__(
        self,
        reads: Mapping[str, str] | None = None,
        kept: Iterable[str] = (),
        simplified: Mapping[str, str] | None = None,
    ) -> None:
        self.reads = dict(reads or {})
        self.kept = set(_KEPT) | set(kept)
        self.simplified = _simplified() if simplified is None else simplified
        self._breaks: dict[int, int] = {}
        self._table = Learned(self._learn)

    def __reduce__(self) -> tuple[Any, ...]:
        return Folding, (self.reads, sorted(self.kept), self.simplified)

    def fold(self, text: str) -> Folded:
        """Fold a text, keeping for every plain character the place it came from."""
        plain = self.align(text).plain if _STROKE.search(text) else text.translate(self._table)
        return Folded(text, plain, self.align)

    def align(self, text: str) -> Alignment:
        """Read a text character by character."""
        if not _STROKE.search(text):
            table = self._table
            plain_text = text.translate(table)
            kept = [index for index, char in enumerate(text) if table[ord(char)]]
            if len(kept) == len(plain_text):  # no character reads as several: the usual case
                return Alignment(plain_text, tuple(kept), self._gaps(text, kept))
        return self._align_slowly(text)

    def _gaps(self, text: str, kept: list[int]) -> bytes:
        """Return the strongest break before each character that was kept."""
        gaps = bytearray(len(kept))
        expected = 0
        apart = joints(text)
        for number, index in enumerate(kept):
            if index != expected:
                gaps[number] = max(SPACE if i in apart else self._breaks[ord(text[i])] for i in range(expected, index))
            expected = index + 1
        return bytes(gaps)

    def _align_slowly(self, text: str) -> Alignment:
        plain: list[str] = []
        at: list[int] = []
        gaps = bytearray()
        pending = NONE
        apart = joints(text)
        for index, char in enumerate(text):
            read = self.read(char)
            if char in STROKES and text[index + 1 : index + 2] in STROKES[char]:
                read = "v"  # drawn with two strokes
            if not read:
                pending = max(pending, SPACE if index in apart else self._breaks[ord(char)])
                continue
            for letter in read:
                plain.append(letter)
                at.append(index)
                gaps.append(pending)
                pending = NONE
        return Alignment("".join(plain), tuple(at), bytes(gaps))

    def read(self, char: str) -> str:
        """Return what a character reads as: '' for one that only separates."""
        return self._table[ord(char)]

    def break_level(self, char: str) -> int:
        """Return how strong a break a character is that reads as nothing."""
        self.read(char)
        return self._breaks[ord(char)]

    def _learn(self, code: int) -> str:
        char = chr(code)
        read = self._read(char)
        if not read:
            self._breaks[code] = _break_level(char)
        return read

    def _read(self, char: str) -> str:
        if char in self.reads:
            return self.reads[char]
        if char in self.kept:
            return char
        wide = _bare("".join(map(western, unicodedata.normalize("NFKC", char).lower())))
        letters = (self.reads.get(c, self.simplified.get(c, c)) for c in wide)
        return "".join(c for c in "".join(letters) if c in self.kept or unicodedata.category(c)[0] in "LN")

    def normal(self, text: str) -> str:
        """Fold a spelling the same way as a text."""
        return "".join(self.read(char) for char in text)

    def table(self) -> dict[int, str]:
        """Return the reading of every character of the Basic Multilingual Plane that is not read as itself."""
        return {code: self.read(chr(code)) for code in range(0x10000) if self.read(chr(code)) != chr(code)}

    def steps(self, folded: Folded, start: int, end: int) -> list[str]:
        """Name the folding steps that were needed to read plain[start:end]."""
        names: list[str] = []
        for index in range(start, end):
            char, read = folded.original[folded.at[index]], folded.plain[index]
            if char != read:
                names.append(self._step(char, read))
            if index > start and folded.gaps[index]:
                between = folded.original[folded.at[index - 1] + 1 : folded.at[index]]
                names.append(_separator_step(between))
        return list(dict.fromkeys(names))

    def _step(self, char: str, read: str) -> str:
        if char.lower() == read:
            return "case"
        if char in self.reads:
            return "symbol"
        if self.simplified.get(char) == read:
            return "traditional"
        return "digits" if read.isdecimal() and not "\uff10" <= char <= "\uff19" else "width"


def western(char: str) -> str:
    """Read a digit of any script (٣, ३) as the one everybody types: that is all a foreign one is written for."""
    return char if char.isascii() or not char.isdecimal() else str(unicodedata.decimal(char))


def _bare(text: str) -> str:
    """Take the accents off Latin letters (shǎ), which pinyin is often written with."""
    return "".join(base if (base := unicodedata.normalize("NFD", c)[0]).isascii() else c for c in text)


def _break_level(char: str) -> int:
    category = unicodedata.category(char)
    if char in _STOPS:
        return STOP
    if unicodedata.normalize("NFKC", char) in _COMMAS:
        return COMMA
    if category in ("Cf", "Mn", "Me", "Cc", "Cs", "Co") and char != "\t":
        return FILLER
    return SPACE if category[0] == "Z" or char == "\t" or category == "So" else FILLER


def joints(text: str) -> set[int]:
    """Return the line breaks beside a line of a few characters: words are split over such lines, sentences are not."""
    if "\n" not in text:
        return set()
    found: set[int] = set()
    position = -1
    lines = [line.strip() for line in text.split("\n")]
    for before, after in pairwise(lines):
        position = text.index("\n", position + 1)
        if 0 < min(len(before), len(after)) <= _SHORT_LINE:
            found.add(position)
    return found


def _separator_step(between: str) -> str:
    if any(unicodedata.category(c) in ("Cf", "Mn") for c in between):
        return "zero-width"
    if between.isspace():
        return "line" if "\n" in between else "space"
    return "emoji" if any(unicodedata.category(c) == "So" for c in between) else "symbol"


@lru_cache(maxsize=1)
def _simplified() -> dict[str, str]:
    """Return Traditional -> Simplified, character by character (phrase conversion would change lengths)."""
    from opencc import OpenCC

    chars = "".join(map(chr, range(0x3400, 0xA000)))
    table = {a: b for a, b in zip(chars, OpenCC("t2s").convert(chars), strict=True) if a != b and len(b) == 1}
    return {a: b for a, b in table.items() if ord(b) < 0x10000}


# --- sound -----------------------------------------------------------------------------------------------------------

_TONES = str.maketrans("āáǎàēéěèīíǐìōóǒòūúǔùǖǘǚǜüńňǹḿ", "aaaaeeeeiiiioooouuuuvvvvvnnnm")
_LATIN = re.compile("[a-z]+")
_SPOKEN = range(0x3400, 0xA000)  # the characters that have a sound here


def near(syllable: str) -> str:
    """Make near-homophones equal: zh/z, ch/c, sh/s and ng/n at the end."""
    if syllable[:2] in ("zh", "ch", "sh"):
        syllable = syllable[0] + syllable[2:]
    return syllable[:-1] if syllable.endswith("ng") else syllable


@lru_cache(maxsize=1)
def readings() -> dict[str, tuple[str, ...]]:
    """Return the toneless syllables of every Chinese character, the most usual first."""
    from pypinyin.constants import PINYIN_DICT

    return {
        chr(code): tuple(dict.fromkeys(s.translate(_TONES) for s in spoken.split(",")))
        for code, spoken in PINYIN_DICT.items()
        if code in _SPOKEN
    }


class Sounds:
    """Syllables as private-use characters; two characters that sound alike get the same one."""

    def __init__(self) -> None:
        spoken = sorted({s for all_ in readings().values() for s in all_ if s.isascii() and s.isalpha()})
        self.codes: dict[str, str] = {}
        for syllable in spoken:
            key = near(syllable)
            self.codes.setdefault(key, chr(_SYLLABLE_BASE + len(self.codes)))
        self.syllables = frozenset(spoken)
        first = {c: all_[0] for c, all_ in readings().items() if near(all_[0]) in self.codes}
        self._heard = "".join(self.code(first[c]) if c in first else c for c in map(chr, _SPOKEN))
        self._forget()

    def _forget(self) -> None:
        self.table = Learned(self._learn)
        self.parse = lru_cache(maxsize=4096)(self._parse_run)

    def _learn(self, code: int) -> str:
        return self._heard[code - _SPOKEN.start] if code in _SPOKEN else chr(code)

    def __getstate__(self) -> tuple[dict[str, str], frozenset[str], bytes]:
        return (
            self.codes,
            self.syllables,
            self._heard.encode("utf-16-le"),
        )  # a string is read as UTF-8, which takes longer

    def __setstate__(self, state: tuple[dict[str, str], frozenset[str], bytes]) -> None:
        self.codes, self.syllables = state[:2]
        self._heard = state[2].decode("utf-16-le")
        self._forget()

    def code(self, syllable: str) -> str:
        return self.codes[near(syllable)]

    def view(self, folded: Folded) -> tuple[str, list[tuple[int, int]] | None]:
        """Return the sound view and, where its units are not one character each, their plain spans."""
        plain = folded.plain.translate(self.table)
        if not _LATIN.search(plain):
            return plain, None
        units: list[str] = []
        spans: list[tuple[int, int]] = []
        position = 0
        for start, end in _latin_runs(folded):
            _append_singles(plain, position, start, units, spans)
            syllables = self.parse(folded.plain[start:end])
            for syllable in syllables:
                units.append(self.code(syllable))
                spans.append((start, start + len(syllable)))
                start += len(syllable)
            _append_singles(plain, start, end, units, spans)
            position = end
        _append_singles(plain, position, len(plain), units, spans)
        return "".join(units), spans

    def _parse_run(self, run: str) -> tuple[str, ...]:
        """Split a Latin run into the fewest syllables, or () where it does not read as pinyin as a whole."""
        if len(run) > 24:
            return ()
        best: list[tuple[str, ...] | None] = [()] + [None] * len(run)
        for end in range(1, len(run) + 1):
            for start in range(max(0, end - 6), end):
                before = best[start]
                if before is not None and run[start:end] in self.syllables:
                    known = best[end]
                    if known is None or len(before) + 1 < len(known):
                        best[end] = (*before, run[start:end])
        return best[-1] or ()


def _append_singles(plain: str, start: int, end: int, units: list[str], spans: list[tuple[int, int]]) -> None:
    units.extend(plain[start:end])
    spans.extend((i, i + 1) for i in range(start, end))


def _latin_runs(folded: Folded) -> list[tuple[int, int]]:
    """Return the Latin runs of `plain`, cut at breaks unless the letters were spaced out one by one."""
    runs: list[tuple[int, int]] = []
    for match in _LATIN.finditer(folded.plain):
        start, end = match.span()
        cuts = [i for i in range(start + 1, end) if folded.gaps[i]]
        if len(cuts) == end - start - 1:
            cuts = []
        edges = [start, *cuts, end]
        runs.extend(pairwise(edges))
    return runs


def is_common(char: str) -> bool:
    """Is it one of the 3,755 characters of everyday writing (GB 2312 level 1)?"""
    try:
        raw = char.encode("gb2312")
    except UnicodeEncodeError:
        return False
    return len(raw) == 2 and 0xB0 <= raw[0] <= 0xD7
