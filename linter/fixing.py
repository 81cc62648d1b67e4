"""Checked files in, fixed files out: fixes are made round by round, the whole pipeline judging again in between.

So what is suppressed or in the baseline is left alone, fixes that overlap are made one after the other, and a fix that
leads to a new finding is seen. Files are replaced in one step: whoever reads one meanwhile sees the old or the new.
"""

from __future__ import annotations

import difflib
import os
import re
import shutil
import tempfile
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from linter.checking import Checker, File
from linter.formats import Document, Listing, decode
from linter.model import Fix, KefulintError, Message, Origin
from linter.results import Result

_LINE = re.compile(r"[^\n]*\n|[^\n]+")
_ROUNDS = 12  # a message has at most so many fixes; wordings that call for each other end here
Edit = tuple[Message | Listing, Fix, str | None]


@dataclass(frozen=True, slots=True)
class FixedFile:
    """A file before and after. `made` counts the fixes; `left` are the findings that still ask for somebody."""

    path: str
    before: bytes
    after: bytes
    encoding: str | None
    made: int
    left: tuple[Result, ...]
    declined: tuple[str, ...] = ()  # what could not be written, as `path:line: what, expected what`

    @property
    def changed(self) -> bool:
        return self.before != self.after


def fixed_files(checker: Checker, *, unsafe: bool = False) -> Iterator[FixedFile]:
    """Fix the files that a checker has checked; nothing is written."""
    for file in checker.files:
        results = [result for result in checker.results if result.finding.origin.path == file.path]
        yield fixed_file(checker, file, results, unsafe=unsafe)


def fixed_file(checker: Checker, file: File, results: Sequence[Result], *, unsafe: bool = False) -> FixedFile:
    """Fix one file until no fix is left."""
    before = file.document.source.data
    made, declined = 0, tuple[str, ...]()
    for _ in range(_ROUNDS):
        edits = _chosen(file.document, results, unsafe)
        data, count, problems = _edited(file.document, edits)
        declined = problems
        if not count:
            break
        made += count
        fresh = checker.again()
        results = fresh.check(file.path, data)
        file = fresh.files[0]
    left = tuple(result for result in results if result.open and result.finding.verdict != "none")
    return FixedFile(file.path, before, file.document.source.data, file.settings.get("encoding"), made, left, declined)


def _chosen(document: Document, results: Iterable[Result], unsafe: bool) -> list[Edit]:
    """Return one fix a text: the first of those that may be made."""
    all_: list[Message | Listing] = [*document.replies, *document.records]
    items = {item.origin: item for item in all_}
    chosen: dict[tuple[Origin, str | None], Edit] = {}
    for result in results:
        finding = result.finding
        if result.open and finding.origin in items and finding.fix and (finding.fix.safe or unsafe):
            edit = (items[finding.origin], finding.fix, finding.field)
            chosen.setdefault((finding.origin, finding.field), edit)
    return list(chosen.values())


def _edited(document: Document, edits: list[Edit]) -> tuple[bytes, int, tuple[str, ...]]:
    """Return the file with the edits, or with those of them that can be written, and what is said of the others."""
    if not edits:
        return document.source.data, 0, ()
    try:
        return document.edited(edits), len(edits), ()
    except KefulintError as error:
        if len(edits) == 1 or not document.edits_allowed:
            return document.source.data, 0, tuple(error.problems)
    alone = [(edit, _problems(document, edit)) for edit in edits]
    kept = [edit for edit, problems in alone if not problems]
    return document.edited(kept), len(kept), tuple(line for _, problems in alone for line in problems)


def _problems(document: Document, edit: Edit) -> list[str]:
    """Return why an edit cannot be written, or []."""
    try:
        document.edited([edit])
    except KefulintError as error:
        return error.problems
    return []


def diff(fixed: FixedFile) -> str:
    """Return a unified diff of a file, or ''."""
    before, after = (
        _LINE.findall(text)
        for text in (decode(data, fixed.path, fixed.encoding).text for data in (fixed.before, fixed.after))
    )
    lines = difflib.unified_diff(before, after, f"a/{fixed.path}", f"b/{fixed.path}")
    return "".join(line if line.endswith("\n") else line + "\n\\ No newline at end of file\n" for line in lines)


def write(fixed: FixedFile) -> None:
    """Put the fixed file in the place of the old one, in one step and with its mode."""
    if not fixed.changed:
        return
    path = Path(os.path.realpath(fixed.path))  # a link stays a link
    handle, name = tempfile.mkstemp(prefix=f".{path.name}.", dir=path.parent)
    new = Path(name)
    try:
        with os.fdopen(handle, "wb") as file:
            file.write(fixed.after)
            file.flush()
            os.fsync(file.fileno())
        shutil.copymode(path, new)
        new.replace(path)
    except BaseException:
        new.unlink(missing_ok=True)
        raise


def summary(fixed: Sequence[FixedFile], *, written: bool = True) -> str:
    """Return what was done in one line, for the shop's staff."""
    made, left = sum(file.made for file in fixed), sum(len(file.left) for file in fixed)
    return f"{'改好' if written else '可改'} {made} 处，还有 {left} 处要人看"
