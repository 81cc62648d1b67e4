"""A file of replies as a value: its texts, its comments, its troubles, the place of every character, and the way back.

`read_document` reads any format; a `Document` answers where a finding stands and gives the bytes of the file with some of
its texts changed. The decision to question: an edited file is read again before it is handed out. Quoting rules are many,
and what counts is that every text reads as it should and no other has changed.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

from linter import placeholders
from linter.formats.fields import Fields
from linter.formats.source import Source, decode
from linter.formats.value import Value
from linter.inputs import PACKED, Listing, Options, Trouble, clean
from linter.markup import mask_html
from linter.model import LISTING_FIELDS, Finding, Fix, KefulintError, Message, Origin, Place, SourceError
from linter.taken import Seen, Taken

if TYPE_CHECKING:
    from linter.logs import Rows, Shape

Key = tuple[Any, ...]
Item = Message | Listing
Edit = tuple[Message, Fix] | tuple[Item, Fix, str | None]  # of a listing with the field
Change = tuple[Place, str]  # what an edit replaces in the file, and by what, as the file spells it


class Comment(NamedTuple):
    """A comment of the file. `alone`: nothing to judge stands on its line, so it speaks of the next reply."""

    line: int
    column: int
    text: str  # without the signs of the format
    alone: bool = True


@dataclass(frozen=True)
class Document:
    """What a file holds, in the order of the file."""

    path: str
    format: str
    source: Source
    options: Options
    replies: tuple[Message, ...]
    records: tuple[Listing, ...]
    troubles: tuple[Trouble, ...]
    doubts: tuple[Trouble, ...]  # what was judged and may have been read wrongly
    taken: tuple[Taken, ...]
    comments: tuple[Comment, ...]
    matched: frozenset[str]  # those of the field expressions that found something
    values: Mapping[Key, Value]
    reread: Callable[[bytes], Document]

    def text_of(self, item: Item, field: str | None = None) -> str:
        """Return a reply's text (or a listing's field) as written, placeholders and all."""
        value = self.values.get(_key(item, field))
        if value is not None:
            return clean(value.text)
        return item.text if isinstance(item, Message) else str(item.record.get(field or "title") or "")

    def located(self, finding: Finding, item: Item) -> Finding:
        """Return a finding of one of the items with its place in the file and its words as written."""
        text = self.text_of(item, finding.field)
        place = self.place(item, finding.start, finding.end, finding.field)
        words = text[finding.start : finding.end]
        if finding.ids or not words or words == finding.text:
            return replace(finding, place=place, origin=item.origin)
        message = finding.message.replace(finding.text, words)
        return replace(finding, place=place, origin=item.origin, text=words, message=message)

    def place(self, item: Item, start: int, end: int, field: str | None = None) -> Place | None:
        """Return where text[start:end] of an item stands; of a workbook, its row and column."""
        value, origin = self.values.get(_key(item, field)), item.origin
        if value is None or origin.sheet is not None:
            line, column = origin.line or origin.row, origin.column or 1
            return Place(line, column, line, column + 1) if line else None
        first, last = value.span(start, end)
        return Place(*self.source.position(first), *self.source.position(last))

    def covered(self, comment: Comment) -> tuple[Item, ...]:
        """Return the replies (or listings) a comment speaks of: those on whose lines it stands, or else the next one."""
        items: list[Item] = sorted([*self.replies, *self.records], key=lambda item: item.origin.line or 0)
        if not comment.alone:
            return tuple(item for item in items if self._touches(item, comment.line))
        following = next((item for item in items if (item.origin.line or 0) > comment.line), None)
        return (following,) if following else ()

    def _touches(self, item: Item, line: int) -> bool:
        """Does the text of an item, with the signs around it, stand on a line?"""
        fields = (None,) if isinstance(item, Message) else LISTING_FIELDS
        values = [value for field in fields if (value := self.values.get(_key(item, field))) is not None]
        at = self.source.position
        return any(at(value.start)[0] <= line <= at(max(value.start, value.end - 1))[0] for value in values)

    def edited(self, edits: Iterable[Edit]) -> bytes:
        """Return the file with parts of its replies (or of a field of its listings) replaced, every other byte as it was.

        Raises KefulintError where the format cannot be edited in place or cannot hold the words.
        """
        chosen = self._grouped(edits)
        if not chosen:
            return self.source.data
        if not self.edits_allowed:
            raise KefulintError(f"{self.path}:1: a workbook is not fixed in place, expected a text format such as CSV")
        data = self._written(chosen, frozenset())
        if self._holds(data, chosen):
            return data
        awkward = frozenset(
            k for k in chosen if not self._holds(self._written({k: chosen[k]}, frozenset()), {k: chosen[k]})
        )
        data = self._written(chosen, awkward or frozenset(chosen))
        if self._holds(data, chosen):
            return data
        line = self.source.position(self.values[next(iter(awkward or chosen))].start)[0]
        raise KefulintError(f"{self.path}:{line}: the new wording cannot be written there, expected an edit by hand")

    def changes(self, edits: Sequence[Edit]) -> list[Change | None]:
        """Return what each edit alone changes in the file; None for one that cannot be written.

        Edits of different texts are tried together: to read the file again for each of them would take its square.
        """
        found: list[Change | None] = [None] * len(edits)
        turns: list[dict[Key, int]] = []  # the first edit of every text, then the second of those that have one, …
        for number, edit in enumerate(edits if self.edits_allowed else ()):
            key = _key(edit[0], edit[2] if len(edit) == 3 else None)
            turn = next((turn for turn in turns if key not in turn), None)
            if turn is None:
                turns.append(turn := {})
            turn[key] = number
        for turn in turns:
            tried = self._tried({key: edits[number][1] for key, number in turn.items()})
            for key, (start, end, words) in tried.items():
                found[turn[key]] = Place(*self.source.position(start), *self.source.position(end)), words
        return found

    def _tried(self, chosen: Mapping[Key, Fix]) -> dict[Key, tuple[int, int, str]]:
        """Return the splices of those fixes that can be written; what fails together is tried in halves."""
        fixes = {key: [fix] for key, fix in chosen.items()}
        if self._holds(self._written(fixes, frozenset()), fixes):
            values = {key: self.values[key] for key in chosen}
            return {
                key: (*values[key].span(fix.start, fix.end), values[key].inline(fix.replacement))
                for key, fix in chosen.items()
            }
        keys = list(chosen)
        if len(keys) > 1:
            half = len(keys) // 2
            parts = (keys[:half], keys[half:])
            return {k: splice for part in parts for k, splice in self._tried({k: chosen[k] for k in part}).items()}
        value = self.values[keys[0]]
        if value.whole is None or not self._holds(self._written(fixes, frozenset(keys)), fixes):
            return {}
        return {keys[0]: (value.start, value.end, value.whole(applied(value.text, fixes[keys[0]])))}

    def _grouped(self, edits: Iterable[Edit]) -> dict[Key, list[Fix]]:
        chosen: dict[Key, list[Fix]] = {}
        for edit in edits:
            field = edit[2] if len(edit) == 3 else None
            chosen.setdefault(_key(edit[0], field), []).append(edit[1])
        for fixes in chosen.values():
            fixes.sort(key=lambda fix: (fix.start, fix.end))
        return chosen

    def _written(self, chosen: Mapping[Key, Sequence[Fix]], anew: frozenset[Key]) -> bytes:
        """Splice the fixes in; the literals of `anew` are written anew as a whole."""
        changes: list[tuple[int, int, str]] = []
        for key, fixes in chosen.items():
            value = self.values[key]
            if key in anew and value.whole:
                changes.append((value.start, value.end, value.whole(applied(value.text, fixes))))
            else:
                changes += [(*value.span(fix.start, fix.end), value.inline(fix.replacement)) for fix in fixes]
        return self.source.spliced(changes)

    def _holds(self, data: bytes, chosen: Mapping[Key, Sequence[Fix]]) -> bool:
        """Do the bytes read as this document with the fixes, and nothing else changed?"""
        wanted = [applied(value.text, chosen.get(key, ())) for key, value in self.values.items()]
        again = self.reread(data)
        got = [value.text for value in again.values.values()]
        return got == [text for text in wanted if text.strip()] and len(again.troubles) == len(self.troubles)

    @property
    def edits_allowed(self) -> bool:
        """Can replies be changed in place?"""
        return self.format != "xlsx"


def applied(text: str, fixes: Iterable[Fix]) -> str:
    """Return the text with the fixes made; they must not overlap."""
    parts, done = [], 0
    for fix in fixes:
        if fix.start < done:
            raise ValueError(f"fixes overlap at {fix.start}")
        parts += [text[done : fix.start], fix.replacement]
        done = fix.end
    return "".join([*parts, text[done:]])


def _key(item: Item, field: str | None = None) -> Key:
    origin = item.origin
    if isinstance(item, Listing):
        return origin.sheet, origin.row, field or "title"
    return origin.sheet, origin.line, origin.column


@dataclass(frozen=True, slots=True)
class Columns:
    """What the columns of a table are: which field each of ours is, and which of them hold replies."""

    found: Mapping[str, str]
    texts: Sequence[str]
    is_listing: bool

    @property
    def is_log(self) -> bool:
        """Are the rows turns of conversations, with one text each?"""
        return bool(self.found.keys() & {"role", "session", "sender"})

    def finds(self) -> list[dict[str, str]]:
        """Return the fields once for every text a row has."""
        return [{**self.found, "text": name} for name in self.texts] or [dict(self.found)]


@dataclass
class Gathered:
    """What a reader has found so far."""

    source: Source
    options: Options
    kind: str = "text"
    replies: list[Message] = field(default_factory=list)
    records: list[Listing] = field(default_factory=list)
    troubles: list[Trouble] = field(default_factory=list)
    comments: list[Comment] = field(default_factory=list)
    values: dict[Key, Value] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self.fields = Fields(self.options.fields)
        self.taken: list[Taken] = []
        self.seen = Seen(self.source.path)
        self.told = False  # does the file tell who speaks?
        self.troubles.extend(self.source.troubles)

    def reply(
        self, value: Value, *, row: int | None = None, masked: str | None = None, cell: tuple[str, int] | None = None
    ) -> None:
        """Add a text. `masked` is what to judge of it; `cell` is its sheet and row."""
        if not value.text.strip():
            return
        sheet, line, column = (*cell, value.start) if cell else (None, *self.source.position(value.first))
        origin = Origin(self.source.path, line, column, row, platform=self.options.platform, sheet=sheet)
        words = masked if masked is not None else self.masked(value.text)
        self._add(Message(clean(words), self.options.channel, origin=origin), value)

    def row(self, record: Mapping[str, Any], cells: Mapping[str, Value], found: Mapping[str, str], place: tuple[int, int], sheet: str | None = None) -> None:  # fmt: skip
        """Add a record of a table: a message in its session, or a listing. `place`: its line and number."""
        for item in self._rows.item(record, found, *place):
            if isinstance(item, Trouble):
                self.troubles.append(item)
            elif isinstance(item, Listing):
                self._listing(item, record, cells, sheet)
            elif item.text.strip():
                self._cell(item, cells[found["text"]], sheet)

    @cached_property
    def _rows(self) -> Rows:
        from linter.logs import Rows

        # in a file that tells who speaks, a row that does not is the agent's, and counted
        roles = {"*": "agent", **self.options.roles} if self.told else self.options.roles
        return Rows(self.source.path, replace(self.options, roles=roles), self.seen)

    def _listing(self, item: Listing, record: Mapping[str, Any], cells: Mapping[str, Value], sheet: str | None) -> None:
        from linter.columns import listing_columns

        names = listing_columns(record, self.options.columns)
        listing = replace(item, origin=replace(item.origin, sheet=sheet))
        self.records.append(listing)
        for name in LISTING_FIELDS:
            if name in names and names[name] in cells:
                self.values[_key(listing, name)] = cells[names[name]]

    def _cell(self, item: Message, value: Value, sheet: str | None) -> None:
        line, column = (item.origin.line, value.start) if sheet is not None else self.source.position(value.first)
        origin = replace(item.origin, line=line, column=column, sheet=sheet)
        self._add(replace_text(item, clean(self.masked(value.text)), origin), value)

    def _add(self, message: Message, value: Value) -> None:
        self.replies.append(message)
        self.values[_key(message)] = value

    def masked(self, text: str) -> str:
        """Return the text with what is not judged made neutral, at the same length."""
        words = placeholders.mask(text) if self.options.placeholders else text
        return mask_html(words)

    def columns(
        self,
        names: Sequence[str],
        sample: Sequence[Mapping[str, Any]] = (),
        sheet: str | None = None,
        line: int | None = 1,
    ) -> Columns:
        """Tell which column is which, and note it; `line` is that of the header, None where it is not to be noted.

        A log has one text a row; a table of canned replies may have several: all columns that are called like one.
        """
        from linter.columns import COLUMNS, listing_columns, plain
        from linter.logs import Shape

        path = f"{self.source.path}[{sheet}]" if sheet else self.source.path
        shape = Shape(path, names, self.options, sample)
        columns = Columns(shape.found, (), False)
        self.told |= shape.told
        if self.fields.named:
            texts = [name for name in names if self.fields.named_here([name])]
        else:
            more = not self.options.columns and not columns.is_log
            called = {plain(name) for name in COLUMNS["text"]}
            known = {shape.found.get("text"), *(name for name in names if more and plain(name) in called)}
            texts = [name for name in names if name in known and not self.fields.excluded([name])]
        is_listing = not texts and bool(listing_columns(names, self.options.columns))
        if (texts or is_listing) and line is not None:
            self._take(shape, texts, line if sheet is None else 1)
        return replace(columns, texts=texts, is_listing=is_listing)

    def _take(self, shape: Shape, texts: Sequence[str], line: int) -> None:
        shape.left = [name for name in shape.left if name not in texts and not self.fields.excluded([name])]
        shape.found = {**shape.found, "text": "、".join(texts)} if texts else shape.found
        taken = shape.taken(self.kind, self.source.encoding)
        if line > 1:
            taken.guess(f"the header was found in line {line}", "it in the first line", line)
        if not any(one.columns == taken.columns and one.path == taken.path for one in self.taken):
            self.taken.append(taken)

    def trouble(self, line: int, what: str, expected: str, *, judged: bool = False, sheet: str | None = None) -> None:
        path = f"{self.source.path}[{sheet}]" if sheet else self.source.path
        self.troubles.append(Trouble(path, line, what, expected, judged))

    def comment(self, start: int, text: str, alone: bool = True) -> None:
        self.comments.append(Comment(*self.source.position(start), text.strip(), alone))


def replace_text(message: Message, text: str, origin: Origin) -> Message:
    """Return the message with another text and origin."""
    return Message(text, message.channel, message.context, message.role, origin)


def finished(gathered: Gathered, kind: str, reread: Callable[[bytes], Document]) -> Document:
    """Close what was gathered into a document, its replies in the order of the file."""
    values, replies = gathered.values, gathered.replies
    if gathered.source.text:
        values = dict(sorted(values.items(), key=lambda entry: entry[1].start))
        replies.sort(key=lambda reply: values[_key(reply)].start)
    troubles = dict.fromkeys(gathered.troubles)
    doubts = [*(trouble for trouble in troubles if trouble.judged), *gathered.seen.doubts()]
    taken = gathered.taken or ([_as_prose(gathered)] if replies or not troubles else [])
    return Document(
        gathered.source.path, kind, gathered.source, gathered.options, tuple(replies), tuple(gathered.records),
        tuple(trouble for trouble in troubles if not trouble.judged), tuple(doubts), tuple(taken),
        tuple(gathered.comments), frozenset(gathered.fields.matched), values, reread,
    )  # fmt: skip


_PIECES = {
    "yaml": "每段文字", "json": "每段文字", "jsonc": "每段文字", "jsonl": "每段文字", "po": "每条译文", "csv": "没有认出表头，每格", "tsv": "没有认出表头，每格",
    "xlsx": "没有认出表头，每格",
}  # fmt: skip


def _as_prose(gathered: Gathered) -> Taken:
    """Say how a file was read that is no table."""
    fields = gathered.options.fields
    every = _PIECES.get(gathered.kind, "每行")
    said = [f"按 {'、'.join(fields)} 取文字" if fields else f"{every}算一条", "全部算店铺说的"]
    made = Taken(gathered.source.path, gathered.kind, gathered.source.encoding, said=said)
    made.doubt_encoding(gathered.options.encoding)
    if every == _PIECES["csv"] and not fields:
        made.guess(
            "no header names a column of replies, every cell with words was read", "a header, or --column text=NAME"
        )
    return made


def load(path: str | Path, data: bytes | str | None, encoding: str | None, binary: bool) -> Source:
    """Read a file (`-`: standard input) or take what is given; raise SourceError where it cannot be opened.

    A `binary` file has no text of its own.
    """
    name = str(path)
    if data is None:
        try:
            data, troubles = _bytes(name)
        except OSError as error:
            raise SourceError(f"{name}:1: cannot be opened ({error.strerror}), expected a readable file") from error
    else:
        troubles = []
    source = Source(name, data, "", ()) if binary and isinstance(data, bytes) else decode(data, name, encoding)
    return replace(source, troubles=(*source.troubles, *troubles)) if troubles else source


def _bytes(name: str) -> tuple[bytes, list[Trouble]]:
    """Return all of a file, unpacked, and where it broke off."""
    if name != "-" and Path(name).suffix.lower() not in PACKED:
        return Path(name).read_bytes(), []
    from linter.lines import Lines, opened

    stream, raw = opened(name)
    with raw:
        lines = Lines(stream, name, "utf-8")
        return lines.bytes(), lines.drained()
