"""Many messages in, the few that could break a rule out: everything else is never looked at one by one.

The texts are joined and folded in one pass over an array; every spelling is looked up by its first two characters and
then by a hash of the rest; what was met becomes one bit a text in a column for every item of every pattern. A pattern
can only match where all its items were met, so columns are joined with AND, and what is left is judged as if it had
come alone. Whatever is left out here could not have matched: the answers are those of `check`, never others.

The one decision to question: why no automaton? It gives its matches to Python one by one, thirteen a message, and that
costs more than the whole of this.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from linter.compiled import OUTSIDE, Compiled, Probe
from linter.entries import Find, Rule
from linter.model import Message
from linter.pattern import Item, Pattern
from linter.scan import PICTURE, Scanner
from linter.shapes import DIGITLIKE, GATES
from linter.text import STROKES, is_common

Array = npt.NDArray[Any]
Tried = tuple[Rule, Find, list[Pattern]]  # a find, and those of its patterns that could match
_CODES = 0x110000
_UNKNOWN, _SPECIAL = 0xFFFFFFFF, 0xFFFFFFFE  # a character not met before; one that reads as several, or may
_PERHAPS, _ALWAYS = 1, 2  # how surely a row must be read one by one
_SEPARATOR = 0xF8FF  # stands between two texts; private use, and no spelling's
_HASH = np.uint64(0x9E3779B97F4A7C15)


@dataclass(frozen=True, slots=True)
class Row:
    """A text to look at: a message with the fragments before it (`offset` characters), or a turn of a context."""

    text: str
    offset: int = 0


# --- spellings looked up in an array ---------------------------------------------------------------------------------


class Spellings:
    """Finds every one of many strings in an array of code points."""

    def __init__(self, texts: Sequence[tuple[str, int]]) -> None:
        """`texts` are the strings with the number that a match shall give."""
        chars = sorted({char for text, _ in texts for char in text})
        self._ids = np.zeros(_CODES, np.uint16)
        for number, char in enumerate(chars, 1):
            self._ids[ord(char)] = number
        self._width = len(chars) + 1
        self._single = np.full(self._width, -1, np.int32)
        random = np.random.default_rng(20260101)
        self._factors = random.integers(
            1, 2**63, size=max((len(text) for text, _ in texts), default=2) + 1, dtype=np.uint64
        )
        self._factors |= np.uint64(1)
        longer: dict[int, list[tuple[int, int]]] = defaultdict(list)
        pairs: dict[int, list[int]] = {}  # key -> [number of the two-character string or -1, longest string]
        for text, number in texts:
            ids = [int(self._ids[ord(char)]) for char in text]
            if len(ids) == 1:
                self._single[ids[0]] = number
                continue
            pair = pairs.setdefault(ids[0] * self._width + ids[1], [-1, 2])
            pair[1] = max(pair[1], len(ids))
            if len(ids) == 2:
                pair[0] = number
            else:
                longer[len(ids)].append((self._hash_of(ids), number))
        self._pairs(pairs)
        self._longer = {length: _sorted_pairs(found) for length, found in sorted(longer.items())}

    def _hash_of(self, ids: Sequence[int]) -> int:
        total = sum(i * int(factor) for i, factor in zip(ids, self._factors, strict=False))
        return int(total & (2**64 - 1))

    def _pairs(self, pairs: dict[int, list[int]]) -> None:
        self._keys = np.array(sorted(pairs), np.uint32)
        self._pair_number = np.array([pairs[int(key)][0] for key in self._keys], np.int32)
        self._pair_most = np.array([pairs[int(key)][1] for key in self._keys], np.uint8)
        bits = min(max(int(len(pairs) * 16).bit_length(), 12), 24)
        self._shift = np.uint32(32 - bits)
        self._known = np.zeros(1 << bits, bool)
        self._known[self._slot(self._keys)] = True

    def _slot(self, keys: Array) -> Array:
        slots: Array = (keys * np.uint32(2654435761)) >> self._shift
        return slots

    def find(self, codes: Array) -> tuple[Array, Array, Array]:
        """Return starts, ends and numbers of all matches in an array of code points, in no order."""
        ids = self._ids[codes]
        single = self._single[ids]
        at = np.flatnonzero(single >= 0)
        starts, ends, numbers = [at], [at + 1], [single[at]]
        if len(codes) < 2 or not len(self._keys):
            return starts[0], ends[0], numbers[0]
        wide = ids.astype(np.uint32)
        keys = wide[:-1] * np.uint32(self._width) + wide[1:]
        at = np.flatnonzero(self._known[self._slot(keys)])
        place = np.minimum(np.searchsorted(self._keys, keys[at]), len(self._keys) - 1)
        exact = self._keys[place] == keys[at]
        at, place = at[exact], place[exact]
        number = self._pair_number[place]
        whole = number >= 0
        starts.append(at[whole])
        ends.append(at[whole] + 2)
        numbers.append(number[whole])
        most = self._pair_most[place]
        hashed = ids[at].astype(np.uint64) * self._factors[0] + ids[at + 1].astype(np.uint64) * self._factors[1]
        for length in range(3, max(self._longer, default=2) + 1):
            kept = (most >= length) & (at + length <= len(ids))
            at, most, hashed = at[kept], most[kept], hashed[kept]
            if not len(at):
                break
            hashed = hashed + ids[at + (length - 1)].astype(np.uint64) * self._factors[length - 1]
            if length not in self._longer:
                continue
            known, values = self._longer[length]
            place = np.minimum(np.searchsorted(known, hashed), len(known) - 1)
            exact = known[place] == hashed
            starts.append(at[exact])
            ends.append(at[exact] + length)
            numbers.append(values[place[exact]])
        return np.concatenate(starts), np.concatenate(ends), np.concatenate(numbers)


def _sorted_pairs(found: list[tuple[int, int]]) -> tuple[Array, Array]:
    found.sort()
    return np.array([key for key, _ in found], np.uint64), np.array([number for _, number in found], np.int32)


# --- what shapes need, by character ----------------------------------------------------------------------------------

_LETTER, _VOWEL, _DIGIT, _AT, _UNIT, _COUNT, _MONEY, _PERCENT = (1 << bit for bit in range(8))
_KINDS = {
    _LETTER: "abcdefghijklmnopqrstuvwxyz", _VOWEL: "aeiouv", _DIGIT: DIGITLIKE, _AT: "@箱", _UNIT: "天日周星礼个月小",
    _COUNT: "0123456789一二两三四五六七八九十半几个", _MONEY: "¥￥$块元圆毛米yr", _PERCENT: "%百",
}  # fmt: skip
_NUMBER = _DIGIT
COARSE = {  # shape -> bits of which one at least must be among a row's marks; finer questions are those of GATES
    "@mobile": _NUMBER, "@landline": _NUMBER, "@number": _NUMBER, "@account": _LETTER | _DIGIT, "@id": _LETTER | _DIGIT,
    "@email": _AT, "@link": _LETTER, "@money": _MONEY, "@percent": _PERCENT, "@days": _UNIT, "@over-two-days": _UNIT,
}  # fmt: skip


# --- texts joined and folded -----------------------------------------------------------------------------------------


class Folder:
    """Folds joined texts by a table that learns a character when it first meets it."""

    def __init__(self, compiled: Compiled) -> None:
        self._read = compiled.folding.read
        self._table = np.full(_CODES, _UNKNOWN, np.uint32)
        self._sounds = compiled.scanner.sounds.table
        self._sound = np.full(_CODES, _UNKNOWN, np.uint32)
        self._filler = np.zeros(_CODES, bool)
        self._odd = np.zeros(_CODES, bool)
        self._kinds = np.zeros(_CODES, np.uint8)
        for bit, chars in _KINDS.items():
            for char in chars:
                self._kinds[ord(char)] |= bit
        for char in "".join(compiled.filler_words):
            self._filler[ord(char)] = True

    def fold(self, rows: Sequence[Row]) -> Page:
        """Return the texts folded, one after the other."""
        lengths = np.fromiter((len(row.text) for row in rows), np.int64, len(rows))
        joined = "\n".join([row.text for row in rows]) + "\n"
        codes = np.frombuffer(joined.encode("utf-32-le", "surrogatepass"), np.uint32)
        read = self._table[codes]
        if (read >= _SPECIAL).any():
            self._learn(np.unique(codes[read == _UNKNOWN]))
            read = self._table[codes]
        breaks = np.cumsum(lengths + 1) - 1  # where each text ends
        read[breaks] = _SEPARATOR
        special = np.zeros(len(rows), np.uint8)
        special[np.searchsorted(breaks, np.flatnonzero(read == _SPECIAL))] = _ALWAYS
        kept = read != 0
        count = np.cumsum(kept)
        ends = count[breaks] - 1
        starts = np.concatenate(([0], ends[:-1] + 1))
        own = starts.copy()
        for number, row in enumerate(rows):
            if row.offset:
                at = breaks[number] - len(row.text) + row.offset
                own[number] = count[at - 1] if at else 0
        plain = read[kept]
        plain[plain == _SPECIAL] = 0
        return self._page(plain, starts, ends, own, special)

    def _learn(self, codes: Array) -> None:
        for code in codes.tolist():
            char = chr(code)
            read = self._read(char)
            several = len(read) > 1 or char in STROKES or (read >= "\u3400" and PICTURE.match(char))
            self._table[code] = _SPECIAL if several else ord(read) if read else 0
            if len(read) == 1:
                self._sound[ord(read)] = ord(self._sounds[ord(read)])
                self._odd[ord(read)] = not is_common(read)
        self._sound[_SEPARATOR] = _SEPARATOR
        self._sound[0] = 0

    def _page(self, plain: Array, starts: Array, ends: Array, own: Array, special: Array) -> Page:
        word = np.flatnonzero(~self._filler[plain])  # the separators are among them
        first = word[np.searchsorted(word, own)]
        before = np.searchsorted(word, ends) - 1
        last = np.where(before >= 0, word[np.maximum(before, 0)], -1)
        words = before + 1 - np.searchsorted(word, own)
        words = np.where(words > 0, words, ends - own)
        kinds = self._kinds[plain]
        spoken = np.searchsorted(ends, np.flatnonzero(kinds & _VOWEL))
        special[spoken] = np.maximum(special[spoken], _PERHAPS)
        marks = np.bitwise_or.reduceat(kinds, starts) & ~np.uint8(_UNIT)
        timed = np.flatnonzero((kinds[1:] & _UNIT).astype(bool) & (kinds[:-1] & _COUNT).astype(bool))
        marks[np.searchsorted(ends, timed)] |= _UNIT
        odd, sound = self._odd[plain], self._sound[plain]
        row = np.repeat(np.arange(len(ends), dtype=np.int32), ends + 1 - starts)
        return Page(plain, sound, odd, row, starts, ends, own, first, last + 1, words, special, marks)


@dataclass(frozen=True, slots=True)
class Page:
    """Folded texts in one array, each followed by a separator."""

    plain: Array
    sound: Array
    odd: Array  # characters that nobody writes without a reason
    row: Array  # of every character
    starts: Array
    ends: Array  # of each text: the place of its separator
    own: Array  # where the message itself begins, after its fragments
    first: Array  # its first character that is in no filler
    last: Array  # one after its last such character
    words: Array  # how many such characters it has; where it has none, all it has
    special: Array  # rows that must be read one by one: pinyin, pictures, characters that read as several
    marks: Array  # bits of COARSE: what shapes could be there

    def only(self, rows: Array) -> Page:
        """Return some of the rows."""
        lengths = self.ends[rows] + 1 - self.starts[rows]
        stops = np.cumsum(lengths)
        shift = np.repeat(self.starts[rows] - (stops - lengths), lengths)
        place = shift + np.arange(len(shift))
        moved = (stops - lengths) - self.starts[rows]
        return Page(
            self.plain[place], self.sound[place], self.odd[place],
            np.repeat(np.arange(len(rows), dtype=np.int32), lengths), stops - lengths, stops - 1, self.own[rows] + moved,
            self.first[rows] + moved, self.last[rows] + moved, self.words[rows], self.special[rows], self.marks[rows],
        )  # fmt: skip

    def text(self, row: int) -> str:
        """Return a row's plain text."""
        piece = self.plain[self.starts[row] : self.ends[row]]
        return piece.astype("<u4").tobytes().decode("utf-32-le", "surrogatepass")


# --- patterns as items that must all be met -------------------------------------------------------------------------

_ANY, _START, _END = 0, 1, 2
_START_BIT, _END_BIT, _STRONG_BIT = np.uint8(1), np.uint8(2), np.uint8(4)
_EDGES = np.uint8(3)
_NO_LIMIT = 1 << 30
_NOTHING = np.zeros(0, np.int64)


@dataclass(frozen=True, slots=True)
class Need:
    """One item of a pattern: any of these concepts; of those in `strong` only a strong spelling counts."""

    names: tuple[str, ...]
    strong: frozenset[str]
    edge: int = _ANY


@dataclass(frozen=True, slots=True)
class Needs:
    """What one pattern needs: items in order, shapes of which one each must be there, and so many words at most.

    `reach[i]` is how far the i-th item may begin behind the end of the one before.
    """

    pattern: Pattern
    items: tuple[Need, ...]
    reach: tuple[int, ...]
    shapes: tuple[tuple[str, ...], ...]
    most: int
    marks: tuple[int, ...]  # bits of COARSE, for each of `shapes`


def needs_of(pattern: Pattern, scanner: Scanner, *, weak: bool, most: int = 0) -> Needs:
    """`weak`: weak spellings do by themselves; `most`: words of a pattern that spans the message, 0: any number."""
    alone = len(pattern.items) == 1 and not weak
    needed = [(index, item) for index, item in enumerate(pattern.items) if not item.optional]
    items = tuple(_need(pattern, index, item, alone) for index, item in needed if not _has_shape(item))
    reach = tuple(reach for _, reach in scanner.steps(pattern))
    shapes = tuple(
        tuple("@link" if name == OUTSIDE else name for name in item.names)
        for _, item in needed
        if all(name[0] == "@" for name in item.names)
    )
    marks = tuple(sum({bit for name in names for bit in _bits(COARSE[name])}) for names in shapes)
    return Needs(pattern, items, reach, shapes, most or _NO_LIMIT, marks)


def _has_shape(item: Item) -> bool:
    return any(name[0] == "@" for name in item.names)


def _bits(value: int) -> Iterator[int]:
    return (1 << place for place in range(8) if value >> place & 1)


def _need(pattern: Pattern, index: int, item: Item, alone: bool) -> Need:
    edge = _ANY
    if pattern.from_start and index == 0:
        edge = _START
    elif pattern.to_end and index == len(pattern.items) - 1:
        edge = _END
    return Need(item.names, frozenset(item.names) if alone else item.strong, edge)


@dataclass(frozen=True, slots=True)
class Wanted:
    """One find of a rule: its patterns, the words it may have at most, and its conditions by who said them."""

    rule: Rule
    find: Find
    patterns: tuple[Needs, ...]
    longest: int
    conditions: tuple[tuple[str, tuple[Needs, ...]], ...]  # ("buyer" | "agent" | "both", any of these)


def wanted_of(probes: Iterable[Probe], scanner: Scanner) -> Iterator[Wanted]:
    """Group probes by find. Finds that ask for a listing's record are left out: a message has none."""
    by_find: dict[int, list[Probe]] = defaultdict(list)
    for probe in probes:
        by_find[id(probe.find)].append(probe)
    for group in by_find.values():
        find = group[0].find
        if find.category or group[0].rule.needs not in ("line", "conversation"):
            continue
        said = (("buyer", find.asked), ("both", find.earlier), ("agent", find.said))
        yield Wanted(
            group[0].rule,
            find,
            tuple(needs_of(probe.pattern, scanner, weak=find.weak, most=probe.most) for probe in group),
            find.longest or _NO_LIMIT,
            tuple(
                (who, tuple(needs_of(p, scanner, weak=True) for p in patterns)) for who, patterns in said if patterns
            ),
        )


# --- what was met, by concept ----------------------------------------------------------------------------------------


class Names:
    """Looks for the spellings of some concepts, and says which concepts were met in which rows."""

    def __init__(self, compiled: Compiled, names: Iterable[str]) -> None:
        self.numbers = {name: number for number, name in enumerate(sorted(set(names)))}
        plain: list[list[int]] = []
        sound: list[list[int]] = []
        texts: tuple[list[tuple[str, int]], list[tuple[str, int]]] = ([], [])
        for number in range(len(compiled.scanner.terms)):
            entry = compiled.scanner.terms[number]
            terms = [term for term in entry if term.concept in self.numbers and not term.excepts]
            plain.append(self._codes((t.concept, not t.weak) for t in terms if t.view != "sound"))
            sound.append(self._codes((t.concept, True) for t in terms if t.view == "sound"))
            for codes, found in zip((plain[-1], sound[-1]), texts, strict=True):
                if codes:
                    found.append((entry[0].text, number))
        self._views = tuple(
            (Spellings(found), Spread.of(codes)) for found, codes in zip(texts, (plain, sound), strict=True)
        )

    def _codes(self, met: Iterable[tuple[str, bool]]) -> list[int]:
        """Return twice a concept's number, and one more where the spelling is strong."""
        strong: dict[str, bool] = {}
        for name, is_strong in met:
            strong[name] = strong.get(name, False) or is_strong
        return [2 * self.numbers[name] + is_strong for name, is_strong in strong.items()]

    def met(self, page: Page) -> Met:
        """Return what was met in a page. What is heard is strong only where a character is odd."""
        parts = []
        heard = np.concatenate(([0], np.cumsum(page.odd)))
        for view, (spellings, spread) in zip((page.plain, page.sound), self._views, strict=True):
            starts, ends, entries = spellings.find(view)
            row = page.row[starts]
            bits = (starts <= page.first[row]) * _START_BIT + (ends >= page.last[row]) * _END_BIT
            strong = heard[ends] > heard[starts] if view is page.sound else np.True_
            bits += strong * _STRONG_BIT
            hit, codes = spread.over(entries)
            parts.append(
                (
                    codes >> 1,
                    row[hit],
                    bits[hit] & (codes & 1) * _STRONG_BIT | bits[hit] & _EDGES,
                    starts[hit],
                    ends[hit],
                )
            )
        return Met(self.numbers, page, *(np.concatenate(found) for found in zip(*parts, strict=True)))


@dataclass(frozen=True, slots=True)
class Spread:
    """Codes by entry, as one array cut by offsets."""

    offsets: Array
    codes: Array

    @classmethod
    def of(cls, lists: Sequence[Sequence[int]]) -> Spread:
        offsets = np.zeros(len(lists) + 1, np.int64)
        offsets[1:] = np.cumsum([len(codes) for codes in lists])
        return cls(offsets, np.array([code for codes in lists for code in codes], np.uint16))

    def over(self, entries: Array) -> tuple[Array, Array]:
        """Return for hits of entries which hit has which code."""
        counts = self.offsets[entries + 1] - self.offsets[entries]
        hit = np.repeat(np.arange(len(entries)), counts)
        begin = np.repeat(self.offsets[entries] - (np.cumsum(counts) - counts), counts)
        return hit, self.codes[begin + np.arange(len(hit))]


@dataclass(frozen=True, slots=True)
class Places:
    """Where a need was met: rows, starts and ends in order of place, and the rows as a column."""

    rows: Array
    starts: Array
    ends: Array
    column: Array


class Met:
    """What was met where: sorted by concept, each place with bits for start (1), end (2) and strong (4)."""

    def __init__(
        self, numbers: dict[str, int], page: Page, concepts: Array, rows: Array, bits: Array, starts: Array, ends: Array
    ) -> None:
        order = np.argsort(concepts, kind="stable")
        self.page = page
        self._numbers = numbers
        self._rows, self._bits, self._starts, self._ends = rows[order], bits[order], starts[order], ends[order]
        self._cuts = np.concatenate(([0], np.cumsum(np.bincount(concepts, minlength=len(numbers))))).tolist()
        self.width = len(page.ends)
        self._made: dict[Need, Places | None] = {}

    def places(self, need: Need) -> Places | None:
        """Return where a need was met, or None where nowhere."""
        if need not in self._made:
            self._made[need] = self._places(need)
        return self._made[need]

    def _places(self, need: Need) -> Places | None:
        parts = [part for name in need.names if len(part := self._of(name, need))]
        if not parts:
            return None
        at = np.concatenate(parts) if len(parts) > 1 else parts[0]
        starts = self._starts[at]
        order = np.argsort(starts, kind="stable")
        at, starts = at[order], starts[order]
        column = np.zeros(self.width, bool)
        column[self._rows[at]] = True
        return Places(self._rows[at], starts, self._ends[at], column)

    def _of(self, name: str, need: Need) -> Array:
        number = self._numbers.get(name)
        if number is None or self._cuts[number] == self._cuts[number + 1]:
            return _NOTHING
        low, high = self._cuts[number], self._cuts[number + 1]
        asked = need.edge | (4 if name in need.strong else 0)
        if asked:
            met: Array = low + np.flatnonzero(self._bits[low:high] & asked == asked)
            return met
        return np.arange(low, high)

    def has(self, need: Need) -> bool:
        """Was a need met at all, edges and strength apart?"""
        cuts, numbers = self._cuts, self._numbers
        for name in need.names:
            number = numbers.get(name)
            if number is not None and cuts[number] < cuts[number + 1]:
                return True
        return False

    def count(self, need: Need) -> int:
        """Return how often a need was met, edges apart."""
        numbers = [self._numbers[name] for name in need.names if name in self._numbers]
        return int(sum(self._cuts[n + 1] - self._cuts[n] for n in numbers))


# --- the sieve -------------------------------------------------------------------------------------------------------


class Sieve:
    """Lets through the messages of a channel that some rules could find something in.

    Of every pattern one item, its anchor, is looked for first: the one met least often in the first page seen. Only
    rows with an anchor are looked at in full. Which item is the anchor changes the time and nothing else.
    """

    def __init__(self, compiled: Compiled, probes: Iterable[Probe]) -> None:
        self._compiled = compiled
        self._folder = Folder(compiled)
        self._wanted = sorted(wanted_of(probes, compiled.scanner), key=lambda one: (one.rule.id, one.find.place))
        self._lines = [one for one in self._wanted if not one.conditions]
        patterns = [p for w in self._wanted for p in (*w.patterns, *(c for _, cs in w.conditions for c in cs))]
        self._all = Names(compiled, (name for p in patterns for item in p.items for name in item.names))
        self._anchors: tuple[Names, Anchors] | None = None

    def through(self, rows: Sequence[Row], own: Array, turns: Turns) -> list[list[Tried] | None]:
        """Return for every message the finds that could match it; None: any could. `own` are the messages' rows."""
        page = self._folder.fold(rows)
        special = self._unreadable(page, rows)
        if self._anchors is None:
            self._anchors = self._chosen(self._all.met(page))
        names, anchors = self._anchors
        line, condition = anchors.rows(names.met(page))
        talking = len(turns.both) > 0 and bool((turns.both < len(rows)).any())
        condition = (condition | special) & turns.said(len(rows)) if talking else np.zeros(len(rows), bool)
        needed = condition.copy()
        needed[own] |= line[own]
        if talking:
            needed[own[turns.any("both", condition)]] = True
        few = np.flatnonzero(needed)
        sheet = Sheet(self._all.met(page.only(few)))
        back = np.full(len(rows) + 1, len(few), np.int64)
        back[few] = np.arange(len(few))
        found: list[list[Tried] | None] = [None if any_ else [] for any_ in special[own].tolist()]
        local = Turns(*(back[part] for part in (turns.buyer, turns.both, turns.agent)))
        unread = turns.any("both", special)
        for wanted in self._wanted if talking else self._lines:
            for number in np.flatnonzero(self._could(wanted, sheet, back[own], local, unread)).tolist():
                one = found[number]
                if one is not None:
                    one.append((wanted.rule, wanted.find, sheet.matching(wanted.patterns, int(back[own[number]]))))
        return found

    def _unreadable(self, page: Page, rows: Sequence[Row]) -> Array:
        """Return the rows whose sounds cannot be told from the array: words in pinyin, pictures read as words."""
        found = np.zeros(len(rows), bool)
        for row in np.flatnonzero(page.special).tolist():
            folded = self._compiled.folding.fold(rows[row].text)
            found[row] = page.special[row] == _ALWAYS or self._compiled.scanner.sounds.has_pinyin(folded)
        return found

    def _could(self, wanted: Wanted, sheet: Sheet, own: Array, turns: Turns, unread: Array) -> Array:
        """Return the messages that one find could match: first by what was said before, which is rarest."""
        found = np.ones(len(own), bool)
        for who, patterns in wanted.conditions:
            said = sheet.any_of(patterns)
            found &= unread if said is None else unread | turns.any(who, said)
            if not found.any():
                return found
        bits = sheet.any_of(wanted.patterns)
        if bits is None:
            return np.zeros(len(own), bool)
        found &= np.append(bits & (sheet.page.words <= wanted.longest), False)[own]
        return found

    def _chosen(self, met: Met) -> tuple[Names, Anchors]:
        anchors = Anchors.of(self._wanted, met)
        return Names(self._compiled, anchors.names()), anchors


@dataclass(frozen=True, slots=True)
class Anchor:
    """What to look for first of a pattern: an item, bits of shapes of which one each must be marked, a length."""

    need: Need | None
    marks: tuple[int, ...]
    most: int

    def rows(self, met: Met) -> Array | None:
        """Return the rows that have it as a column, or None where none has."""
        places = met.places(self.need) if self.need else None
        if self.need and places is None:
            return None
        found = places.column if places else np.ones(met.width, bool)
        for bits in self.marks:
            found = found & (met.page.marks & bits).astype(bool)
        return found if self.most == _NO_LIMIT else found & (met.page.words <= self.most)


@dataclass(frozen=True, slots=True)
class Anchors:
    """An anchor for every pattern of the finds, and for every condition on what was said before."""

    lines: tuple[Anchor, ...]
    conditions: tuple[Anchor, ...]

    @classmethod
    def of(cls, wanted: Iterable[Wanted], met: Met) -> Anchors:
        lines: dict[Anchor, None] = {}
        conditions: dict[Anchor, None] = {}
        for find in wanted:
            if not find.conditions:
                lines |= {_anchor(needs, min(needs.most, find.longest), met): None for needs in find.patterns}
            for _, group in find.conditions:
                conditions |= {_anchor(needs, needs.most, met): None for needs in group}
        return cls(tuple(lines), tuple(conditions))

    def names(self) -> set[str]:
        return {name for one in (*self.lines, *self.conditions) if one.need for name in one.need.names}

    def rows(self, met: Met) -> tuple[Array, Array]:
        """Return the rows with an anchor of a pattern, and those with one of a condition."""
        columns = np.zeros(met.width, bool), np.zeros(met.width, bool)
        for anchors, column in zip((self.lines, self.conditions), columns, strict=True):
            for anchor in anchors:
                rows = anchor.rows(met)
                if rows is not None:
                    column |= rows
        return columns


def _anchor(needs: Needs, most: int, met: Met) -> Anchor:
    need = min(needs.items, key=lambda need: (met.count(need), need.names), default=None)
    return Anchor(need, needs.marks, most)


class Sheet:
    """All that was met in a page, asked for pattern by pattern."""

    def __init__(self, met: Met) -> None:
        self.page = met.page
        self._met = met
        self._shaped: dict[str, Array] = {}
        self._found: dict[int, Array | frozenset[int]] = {}

    def any_of(self, patterns: Sequence[Needs]) -> Array | None:
        """Return the rows in which one of the patterns could match, or None where there are none."""
        found: Array | None = None
        for needs in patterns:
            rows = self._found[id(needs)] = self._all_of(needs)
            if len(rows):
                found = np.zeros(self._met.width, bool) if found is None else found
                found[rows] = True
        return found

    def matching(self, patterns: Sequence[Needs], row: int) -> list[Pattern]:
        """Return those of the patterns asked for that could match in a row."""
        found = []
        for needs in patterns:
            rows = self._found[id(needs)]
            if isinstance(rows, np.ndarray):
                rows = self._found[id(needs)] = frozenset(rows.tolist())
            if row in rows:
                found.append(needs.pattern)
        return found

    def _all_of(self, needs: Needs) -> Array:
        """Return the rows in which the items of a pattern stand in order, near enough, and its shapes may be."""
        if not all(map(self._met.has, needs.items)):
            return _NOTHING  # most patterns end here
        met = []
        for item in needs.items:
            places = self._met.places(item)
            if places is None:
                return _NOTHING
            met.append(places)
        rows = self._in_order(met, needs.reach) if met else np.arange(self._met.width)
        if needs.most != _NO_LIMIT:
            rows = rows[self.page.words[rows] <= needs.most]
        for bits in needs.marks:
            rows = rows[(self.page.marks[rows] & bits).astype(bool)]
        for names in needs.shapes:
            rows = np.array([row for row in rows.tolist() if any(self._has(name, row) for name in names)], np.int64)
        return rows

    def _in_order(self, met: Sequence[Places], reach: Sequence[int]) -> Array:
        """Return the rows in which places follow each other: each begins within reach of the end of one before."""
        if len(met) == 1:
            return np.flatnonzero(met[0].column)
        rarest = min(met, key=lambda places: len(places.rows))
        rows = rarest.rows
        for places in met:
            if places is not rarest:
                rows = rows[places.column[rows]]
        if not len(rows):
            return _NOTHING
        column = np.zeros(self._met.width, bool)
        column[rows] = True
        kept = column[met[0].rows]
        rows, ends = met[0].rows[kept], np.sort(met[0].ends[kept])
        for places, most in zip(met[1:], reach[1:], strict=True):
            kept = column[places.rows]
            rows, starts, stops = places.rows[kept], places.starts[kept], places.ends[kept]
            before = np.searchsorted(ends, starts, "right") - 1
            last = ends[np.maximum(before, 0)]
            kept = (before >= 0) & (starts - last <= most) & (last >= self.page.starts[rows])
            rows, ends = rows[kept], np.sort(stops[kept])
            if not len(rows):
                return _NOTHING
        return np.unique(rows)

    def _has(self, name: str, row: int) -> bool:
        """May a shape stand in a row? Asked for few rows only, and once."""
        known = self._shaped.setdefault(name, np.zeros(self._met.width, np.int8))
        if not known[row]:
            known[row] = 1 if GATES[name](self.page.text(row)) else -1
        return bool(known[row] > 0)


# --- messages and their turns ----------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Turns:
    """The rows of every message's earlier turns; a row's number one past the last stands for none."""

    buyer: Array
    both: Array
    agent: Array

    def said(self, width: int) -> Array:
        """Return which of so many rows are turns."""
        column = np.zeros(width + 1, bool)
        column[self.both] = True
        return column[:-1]

    def any(self, who: str, said: Array) -> Array:
        """Return for every message whether one of its turns is among the rows."""
        found: Array = np.append(said, False)[getattr(self, who)].any(axis=1)
        return found


class Rows:
    """Gathers the texts of a batch, each once."""

    def __init__(self) -> None:
        self.rows: list[Row] = []
        self._numbers: dict[str | tuple[str, int], int] = {}

    def of(self, text: str, offset: int = 0) -> int:
        key = (text, offset) if offset else text
        number = self._numbers.get(key)
        if number is None:
            number = self._numbers[key] = len(self.rows)
            self.rows.append(Row(text, offset))
        return number


def sift(
    messages: Sequence[str | Message], sieve: Sieve, before: Callable[[Message], list[str]]
) -> list[list[Tried] | None]:
    """Return for every message of a channel the finds that could match it (None: any could).

    `before` gives the fragments in front of a message.
    """
    rows = Rows()
    own: list[int] = []
    buyer: list[Sequence[int]] = []
    both: list[Sequence[int]] = []
    agent: list[Sequence[int]] = []
    for message in messages:
        context = () if isinstance(message, str) else message.context
        if isinstance(message, str) or not context:
            own.append(rows.of(message if isinstance(message, str) else message.text))
            buyer.append(())
            both.append(())
            agent.append(())
            continue
        pieces = before(message)
        whole = " ".join([*pieces, message.text]) if pieces else message.text
        own.append(rows.of(whole, len(whole) - len(message.text)))
        said = [(turn.role, rows.of(turn.text)) for turn in context]
        both.append([row for _, row in said])
        buyer.append([row for role, row in said if role == "buyer"][-2:])
        agent.append([row for role, row in said if role == "agent"])
    none = len(rows.rows)
    turns = Turns(*(_square(found, none) for found in (buyer, both, agent)))
    return sieve.through(rows.rows, np.array(own), turns)


def _square(lists: Sequence[Sequence[int]], none: int) -> Array:
    width = max(map(len, lists), default=0) or 1
    square = np.full((len(lists), width), none, np.int64)
    for number, found in enumerate(lists):
        if found:
            square[number, : len(found)] = found
    return square
