"""Files in, messages out: text, Markdown, CSV, JSON, JSON lines and YAML, canned replies and chat logs alike.

Nothing a file holds is lost silently: a row that cannot be judged becomes a Trouble with its place and what was expected,
and the rows after it are still read. Logs are streamed; a session's earlier turns become the context of the next.
The one decision to question: a JSON or YAML file of unknown shape is read string by string, because canned-reply files
have no common shape and a reply overlooked is worse than a label judged.
"""

from __future__ import annotations

import glob
import json
from collections.abc import Callable, Iterable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

from linter import logs
from linter.columns import COLUMNS, LISTING_COLUMNS, NOT_TEXT, columns_of, listing_columns, parse_columns
from linter.inputs import FORMATS, LOG_FORMATS, MARKS, SUFFIXES, Listing, Options, worth
from linter.lines import PACKED, Lines, Trouble, clean, encoding_of, opened
from linter.model import Message, Origin, SourceError
from linter.nodes import Node, Problems, parse_yaml

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
    stream, raw = opened(str(path))
    with raw:
        lines = Lines(stream, str(path), options.encoding)
        yield from _READERS[kind](lines, options)
        yield from lines.drained()


def format_of(path: str | Path, options: Options) -> str:
    """Return the format to read a file in: the one asked for, that of its suffix (packed or not), else text."""
    name = Path(path)
    suffix = (Path(name.stem) if name.suffix.lower() in PACKED else name).suffix.lower()
    kind = options.format or SUFFIXES.get(suffix, "text")
    if kind not in FORMATS:
        raise SourceError(f"{path}:1: unknown format '{kind}', expected one of {', '.join(FORMATS)}")
    if kind == "text" and options.need_text and options.format is None and str(path) != "-" and _is_transcript(name):
        return "transcript"
    return kind


def _is_transcript(path: Path) -> bool:
    """Is a text file that is read as a log the export of a conversation?"""
    stream, raw = opened(str(path))
    with raw:
        return logs.is_transcript(Lines(stream, str(path), None))


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


# --- text and Markdown -----------------------------------------------------------------------------------------------


def _read_text(lines: Lines, options: Options) -> Iterator[Item]:
    for number, line in enumerate(lines, 1):
        yield from lines.drained()
        text = line.rstrip("\n")
        if text.strip():
            yield Message(
                clean(text), options.channel, origin=Origin(lines.path, number, 1, number, platform=options.platform)
            )


def _read_markdown(lines: Lines, options: Options) -> Iterator[Item]:
    """Prose lines without their list, quote and heading marks; code fences, comments and front matter are not prose."""
    fence = ""
    for number, line in enumerate(lines, 1):
        yield from lines.drained()
        text = line.rstrip("\n")
        stripped = text.strip()
        if fence:
            fence = "" if stripped.startswith(fence) else fence
            continue
        opened = _fence(stripped, number)
        if opened:
            fence = opened
            continue
        start = len(MARKS.match(text).group())  # type: ignore[union-attr]
        if text[start:].strip():
            origin = Origin(lines.path, number, start + 1, number, platform=options.platform)
            yield Message(clean(text[start:]), options.channel, origin=origin)


def _fence(line: str, number: int) -> str:
    if line.startswith(("```", "~~~")):
        return line[:3]
    if line.startswith("<!--") and "-->" not in line:
        return "-->"
    return "---" if line == "---" and number == 1 else ""


# --- JSON and YAML: canned replies of any shape ----------------------------------------------------------------------


def _read_json(lines: Lines, options: Options) -> Iterator[Item]:
    text = lines.whole()
    yield from lines.drained()
    if not text.strip():
        return
    try:
        value = json.loads(text)
    except (ValueError, RecursionError) as error:
        row = getattr(error, "lineno", 1)
        yield Trouble(lines.path, row, f"broken JSON ({getattr(error, 'msg', error)})", "valid JSON")
        return
    place = _Places(text)
    if isinstance(value, list) and value and all(isinstance(item, dict) for item in value):
        found, listing = columns_of(value[0], options.columns), listing_columns(value[0], options.columns)
        if listing or "text" in found:
            at = found.get("text") or listing["title"]
            numbers = [place.line(str(record.get(at, ""))) for record in value]
            table = logs.Records(lines.path, options).table(value, numbers, range(1, len(value) + 1))
            yield from table.troubles
            yield from table.listings
            yield from logs.messages(table, logs.Sessions())
            return
    for words in _strings(value, ""):
        yield Message(clean(words), options.channel, origin=Origin(lines.path, place.line(words), None, None))


class _Places:
    """Finds the lines of a JSON file's strings, which come in the order of the file."""

    def __init__(self, text: str) -> None:
        self.text = text
        self.position = 0
        self.number = 1

    def line(self, words: str) -> int:
        for ascii_only in (False, True):
            at = self.text.find(json.dumps(words, ensure_ascii=ascii_only)[1:-1], self.position)
            if at >= 0:
                self.number += self.text.count("\n", self.position, at)
                self.position = at
                break
        return self.number


def _strings(value: Any, key: str) -> Iterator[str]:
    if isinstance(value, str):
        if key.lower() not in NOT_TEXT and worth(value):
            yield value
    elif isinstance(value, dict):
        for name, child in value.items():
            yield from _strings(child, str(name))
    elif isinstance(value, list):
        for child in value:
            yield from _strings(child, key)


def _read_yaml(lines: Lines, options: Options) -> Iterator[Item]:
    problems = Problems()
    text = lines.whole()
    yield from lines.drained()
    node = parse_yaml(text, lines.path, problems) if text.strip() else None
    for problem in problems.lines:
        if "is empty" in problem:
            continue
        place, _, what = problem.partition(": ")
        yield Trouble(lines.path, int(place.rpartition(":")[2] or 1), *_halves(what))
    if node:
        yield from _scalars(node, "", lines.path, options)


def _halves(what: str) -> tuple[str, str]:
    found, _, expected = what.rpartition(", expected ")
    return (found or what, expected or "valid YAML")


def _scalars(node: Node, key: str, path: str, options: Options, seen: set[int] | None = None) -> Iterator[Message]:
    """Yield the texts of a tree; an aliased part once, so that nested aliases cannot blow up."""
    seen = set() if seen is None else seen
    if id(node) in seen:
        return
    seen.add(id(node))
    if isinstance(node.value, str):
        if key.lower() not in NOT_TEXT and worth(node.value):
            origin = Origin(path, node.line, None, None, platform=options.platform)
            yield Message(clean(node.value.rstrip("\n")), options.channel, origin=origin)
    elif isinstance(node.value, list):
        for child in node.value:
            yield from _scalars(child, key, path, options, seen)
    else:
        for name, child in node.value.items():
            yield from _scalars(child, name, path, options, seen)


_READERS: dict[str, Callable[[Lines, Options], Iterator[Item]]] = {
    "text": _read_text, "markdown": _read_markdown, "json": _read_json, "yaml": _read_yaml,
}  # fmt: skip


def with_platform(message: Message, platform: str) -> Message:
    """Return the message as of a platform."""
    return replace(message, origin=replace(message.origin, platform=platform))
