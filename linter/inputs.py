"""What is known of an input before it is read: its format by its name, how to read it, and what it may hold.

The values that every reader shares stand here, apart from the readers: a check of one text file imports none of those.
"""

from __future__ import annotations

import codecs
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from linter.model import Origin

LOG_FORMATS = ("jsonl", "csv", "tsv", "xlsx", "parquet", "arrow")  # read piece by piece, however long they are
FORMATS = ("text", "markdown", "json", "jsonc", "yaml", "po", "jinja", "transcript", *LOG_FORMATS)
LOG_SUFFIXES = {
    ".csv": "csv", ".tsv": "tsv", ".xlsx": "xlsx", ".xlsm": "xlsx", ".xls": "xlsx", ".xlsb": "xlsx", ".ods": "xlsx", ".et": "xlsx",
    ".jsonl": "jsonl", ".ndjson": "jsonl", ".parquet": "parquet",
    ".pq": "parquet", ".arrow": "arrow", ".feather": "arrow", ".ipc": "arrow",
}  # fmt: skip
SUFFIXES = LOG_SUFFIXES | {
    ".txt": "text", ".md": "markdown", ".markdown": "markdown", ".json": "json", ".yaml": "yaml", ".yml": "yaml",
    ".jsonc": "jsonc", ".po": "po", ".pot": "po", ".j2": "jinja", ".jinja": "jinja", ".jinja2": "jinja",
}  # fmt: skip
PACKED = (".gz", ".bz2", ".xz", ".zst")
MARKS = re.compile(r"[ \t]*(?:(?:>|[-*+]|\d{1,3}[.)]|#{1,6})[ \t]+){0,4}")  # what stands before a line's prose
_SURROGATES = re.compile("[\ud800-\udfff]")


@dataclass(frozen=True, slots=True)
class Trouble:
    """Something that could not be judged. `row` is the line or record number, `expected` what would have been right.

    `judged`: nothing went unjudged by it, and it is told because something may have been read wrongly.
    """

    path: str
    row: int
    what: str
    expected: str
    judged: bool = False

    def __str__(self) -> str:
        return f"{self.path}:{self.row}: {self.what}, expected {self.expected}"


@dataclass(frozen=True, slots=True)
class Listing:
    """A listing record (title, detail, freight …) and where it stood."""

    record: Mapping[str, Any]
    origin: Origin


@dataclass(frozen=True)
class Options:
    """How to read. `columns` maps our field names to a file's column names; unset ones are detected."""

    format: str | None = None
    encoding: str | None = None
    channel: str = "chat"
    platform: str | None = None
    columns: Mapping[str, str] = field(default_factory=dict)
    need_text: bool = False  # a table without a text column is an error (logs) and not read cell by cell
    fields: tuple[str, ...] = ()  # path expressions that say which texts of a document are replies (`formats`)
    placeholders: bool = True  # {{name}}, {name}, %s … of a document are not judged
    profile: str | None = None
    roles: Mapping[str, str] = field(
        default_factory=dict
    )  # what a sender's or a role's name stands for; `*`: every row
    default_platform: str = "taobao"  # of rows that name none, where nothing else says it


def worth(text: str) -> bool:
    """Is a cell or scalar more than a number or a code?"""
    return any(not char.isascii() and char.isalpha() for char in text) or " " in text.strip()


MOST_LINES = 2000  # of one CSV row: a cell that is longer has a quote that was never closed
UNCLOSED = ("a quote that is not closed", "a second one that closes it")


def is_swallowed(row: str, delimiter: str) -> bool:
    """Does a cell of a CSV row run over line ends up to a quote that closes nothing, for words follow it?"""
    sign = re.escape(delimiter)
    return re.search(rf'(?:^|{sign})"[^"\n]*\n(?:[^"]|"")*"(?!{sign}|"|\s*$|\s*\n)', row) is not None


_OTHERS = (  # how files begin that are no text
    (b"PK\x03\x04", "an office file or a ZIP archive"), (b"\xd0\xcf\x11\xe0", "an old office file"), (b"%PDF", "a PDF"),
    (b"\x89PNG", "a picture"), (b"GIF8", "a picture"), (b"\xff\xd8\xff", "a picture"), (b"SQLite format 3", "a database"),
    (b"Rar!", "an archive"), (b"7z\xbc\xaf", "an archive"), (b"\x1f\x8b", "a packed file"), (b"PAR1", "a Parquet file"),
    (b"ARROW1", "an Arrow file"),
)  # fmt: skip
NO_TEXT = "a text file, or a workbook (.xlsx, .xls, .xlsb, .ods)"


def no_text(head: bytes) -> str:
    """Return what the first bytes of a file are the beginning of, where they are no text; else ''."""
    known = next((name for mark, name in _OTHERS if head.startswith(mark)), "")
    if known or head.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)):
        return known
    return "a file of bytes that are no text" if head.count(0) > len(head) // 20 + 1 else ""


def encoding_of(head: bytes) -> str:
    """Tell the encoding by the first bytes of a file."""
    if head.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)):
        return "utf-16"
    cut = head[: head.rfind(b"\n") + 1] or head
    try:
        cut.decode("utf-8")
    except UnicodeDecodeError as error:
        if error.start >= len(cut) - 3 and cut is head:
            return "utf-8"  # only cut in the middle of a character
        try:
            cut.decode("gb18030")
        except UnicodeDecodeError:
            return "utf-8"
        return "gb18030"
    return "utf-8"


def clean(text: str) -> str:
    """Replace lone surrogates, which no output can carry; the length stays the same."""
    return _SURROGATES.sub("\ufffd", text)
