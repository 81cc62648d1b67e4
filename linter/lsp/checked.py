"""A path and a text in, everything an editor shows out: the results, what is wrong with the set-up, and the places of both.

Configuration, suppressions and the baseline are read anew for every check; they are small, and so no change of theirs is
ever missed. Lexicons are compiled once and again when a file of theirs was touched.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace
from datetime import date
from pathlib import Path

from lsprotocol.types import Position, PositionEncodingKind, Range

from linter import suppress
from linter.cache import forget
from linter.checking import Checker, File, Given
from linter.config import Finder, Value
from linter.formats import SUFFIXES, Document
from linter.formats.source import Source, decode
from linter.model import KefulintError, Message, Place
from linter.results import Result

Stamp = frozenset[tuple[str, int]]


@dataclass(frozen=True, slots=True)
class Checked:
    """One version of a text and what was found in it. `file` is None where it is not checked or cannot be."""

    path: str
    source: Source
    version: int | None
    encoding: str  # of positions: what a column counts
    file: File | None = None
    checker: Checker | None = None
    results: tuple[Result, ...] = ()
    problems: tuple[str, ...] = ()  # `path:line: what, expected what`
    notes: tuple[str, ...] = ()  # suppressions of no use, likewise

    @property
    def document(self) -> Document | None:
        return self.file.document if self.file else None

    def position(self, line: int, column: int) -> Position:
        """Return the editor's position of a 1-based line and column in code points."""
        if line > len(self.source.lines):
            return Position(line - 1, 0)
        start = self.source.lines[line - 1]
        return Position(line - 1, units(self.source.text[start : start + column - 1], self.encoding))

    def range(self, place: Place | None) -> Range:
        """Return the editor's range of a place; of none, the start of the text."""
        if place is None:
            return Range(Position(0, 0), Position(0, 0))
        return Range(self.position(place.line, place.column), self.position(place.end_line, place.end_column))

    def at(self, asked: Range) -> list[Result]:
        """Return the open results that touch a range."""
        first, last = _key(asked.start), _key(asked.end)
        ranges = ((result, self.range(result.place)) for result in self.results if result.open)
        return [result for result, found in ranges if _key(found.start) <= last and first <= _key(found.end)]

    def reply(self, result: Result) -> Message | None:
        """Return the reply a result was found in."""
        replies = self.document.replies if self.document else ()
        return next((reply for reply in replies if reply.origin is result.finding.origin), None)


def units(text: str, encoding: str) -> int:
    """Return the length of a text as an editor counts it."""
    if encoding == PositionEncodingKind.Utf32:
        return len(text)
    if encoding == PositionEncodingKind.Utf8:
        return len(text.encode("utf-8", "surrogatepass"))
    return len(text.encode("utf-16-le", "surrogatepass")) // 2


def _key(position: Position) -> tuple[int, int]:
    return position.line, position.character


class Desk:
    """Checks texts one after the other; `config` and `given` are what the command line said."""

    def __init__(self, config: str | None = None, given: Given | None = None) -> None:
        given = given or Given()
        utf8 = Value("utf-8", "the editor")  # what is on disk may differ, what an editor sends does not
        self._config = config
        self._given = replace(given, settings={**given.settings, "encoding": utf8})
        self._last: Checker | None = None
        self._folders: set[str] = set()
        self._stamp: Stamp = frozenset()

    def check(self, path: str, text: str, version: int | None, encoding: str) -> Checked:
        """Check a text that stands, or will stand, at a path."""
        empty = Checked(path, decode(text, path), version, encoding)
        if Path(path).suffix.lower() not in SUFFIXES:
            return empty
        try:
            checker = self._checker()
            results = checker.check(path, text)
        except KefulintError as error:
            return replace(empty, problems=tuple(error.problems))
        if not checker.files:
            return empty  # the configuration leaves it out
        file = checker.files[0]
        self._last = checker
        self._folders.update(file.settings.get("lexicons", ()))
        self._stamp = _stamp(self._folders)
        notes = suppress.leftovers(
            file.comments, frozenset(file.allowances.used), file.linter.rules, checker.given.today
        )
        problems = (*checker.troubles, *checker.problems)
        return replace(empty, file=file, checker=checker, results=tuple(results), problems=problems, notes=tuple(notes))

    def _checker(self) -> Checker:
        finder, given = Finder(self._config), replace(self._given, today=date.today())
        if self._last is not None and _stamp(self._folders) == self._stamp:
            return self._last.again(given, finder)
        forget()
        return Checker(finder, given)


def _stamp(folders: Iterable[str]) -> Stamp:
    """Return when each file of some lexicons was changed."""
    files = (file for folder in folders for file in Path(folder).rglob("*.yaml"))
    return frozenset((str(file), file.stat().st_mtime_ns) for file in files)
