"""Files in, messages out: canned replies and chat logs alike.

Nothing a file holds is lost silently: a row that cannot be judged becomes a Trouble with its place and what was expected,
and the rows after it are still read. Logs are streamed (`logs`); a session's earlier turns become the context of the next.
What has places to edit is read whole, as a check reads it (`formats`).
"""

from __future__ import annotations

import glob
from collections.abc import Iterable, Iterator
from dataclasses import replace
from pathlib import Path

from linter import formats, logs
from linter.columns import COLUMNS, LISTING_COLUMNS, columns_of, listing_columns, parse_columns
from linter.inputs import FORMATS, LOG_FORMATS, SUFFIXES, Listing, Options
from linter.lines import PACKED, Lines, Trouble, clean, encoding_of
from linter.model import Message, SourceError

__all__ = [
    "COLUMNS", "FORMATS", "LISTING_COLUMNS", "SUFFIXES", "Item", "Lines", "Listing", "Options", "Trouble", "clean",
    "columns_of", "encoding_of", "expanded", "format_of", "listing_columns", "parse_columns", "read", "with_platform",
]  # fmt: skip

Item = Message | Listing | Trouble


def read(path: str | Path, options: Options | None = None) -> Iterator[Item]:
    """Yield the messages, listings and troubles of a file (`-`: standard input), in order.

    Raises SourceError where the file cannot be opened or its format is unknown.
    """
    options = options or Options()
    kind = format_of(path, options)
    if kind in LOG_FORMATS:
        sessions = logs.Sessions()
        for table in logs.tables(path, replace(options, format=kind)):
            yield from table.troubles
            yield from table.listings
            yield from logs.messages(table, sessions)
        return
    document = formats.read_document(path, options)
    yield from (*document.troubles, *document.doubts)
    yield from document.records
    yield from document.replies


def format_of(path: str | Path, options: Options) -> str:
    """Return the format to read a file in: the one asked for, that of its suffix (packed or not), else text."""
    name = Path(path)
    suffix = (Path(name.stem) if name.suffix.lower() in PACKED else name).suffix.lower()
    kind = options.format or SUFFIXES.get(suffix, "text")
    if kind not in FORMATS:
        raise SourceError(f"{path}:1: unknown format '{kind}', expected one of {', '.join(FORMATS)}")
    return kind


def expanded(paths: Iterable[str], without: Path | None = None) -> list[str]:
    """Return the files that paths, folders and globs (`**` too) stand for: sorted within each, every file once.

    A path that exists is taken as it is, and so is an address; a glob that matches nothing is an error. Files inside the
    folder `without` are left out unless they are named themselves: results are no logs.
    """
    out = without.resolve() if without else None
    found: dict[str, str] = {}
    for path in paths:
        for name in _named(path):
            if out and name != path and out in Path(name).resolve().parents:
                continue
            found.setdefault(name if name == "-" else str(Path(name).resolve()), name)
    return list(found.values())


def _named(path: str) -> list[str]:
    if path == "-" or "://" in path or Path(path).is_file():
        return [path]
    if Path(path).is_dir():
        inside = [p for p in Path(path).rglob("*") if p.is_file() and _is_readable(p)]
        return sorted(str(p) for p in inside if not any(part.startswith(".") for part in p.relative_to(path).parts))
    if not glob.has_magic(path):
        return [path]
    names = sorted(name for name in glob.glob(path, recursive=True) if Path(name).is_file())  # noqa: PTH207 -- Path.glob takes no whole pattern
    if not names:
        raise SourceError(f"{path}:1: matches no file, expected a pattern that does")
    return names


def _is_readable(path: Path) -> bool:
    return (Path(path.stem) if path.suffix.lower() in PACKED else path).suffix.lower() in SUFFIXES


def with_platform(message: Message, platform: str) -> Message:
    """Return the message as of a platform."""
    return replace(message, origin=replace(message.origin, platform=platform))
