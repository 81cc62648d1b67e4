"""The nouns of a check: a result (a finding and what became of it), the report of them all, and how it is to be shown."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from linter.model import VERDICT_NAMES, Finding, Place

if TYPE_CHECKING:
    from linter.lexicon import Lexicon


@dataclass(frozen=True, slots=True)
class Result:
    """A finding and what became of it. `judged` is the verdict before the shop's own; `text` the message as written."""

    finding: Finding
    text: str
    fingerprint: str = ""
    judged: str = ""
    known: bool = False  # the baseline has it
    allowed_at: str = ""  # the place of the suppression
    in_source: bool = False  # it stands in the file itself
    fails: bool = False  # it makes the exit status 1
    change: tuple[Place, str] | None = None  # the fix as the file's own text: what to replace by what

    @property
    def open(self) -> bool:
        """Is it to be dealt with?"""
        return not self.known and self.finding.suppressed is None

    @property
    def path(self) -> str:
        return self.finding.origin.path or "<text>"

    @property
    def file(self) -> str:
        """The path, with the sheet of a workbook."""
        return self.finding.origin.file or "<text>"

    @property
    def place(self) -> Place | None:
        """Where it stands, as far as anybody knows."""
        if self.finding.place is not None:
            return self.finding.place
        origin = self.finding.origin
        if origin.line is None:
            return None
        column = (origin.column or 1) + self.finding.start
        return Place(origin.line, column, origin.line, column + len(self.finding.text))


@dataclass(frozen=True, slots=True)
class Report:
    """Everything one check has to say. `lexicons` holds, for each rule that was found, the lexicon that has it."""

    results: tuple[Result, ...] = ()
    files: tuple[str, ...] = ()
    messages: int = 0
    excluded: int = 0
    troubles: tuple[str, ...] = ()  # what could not be judged
    doubts: tuple[str, ...] = ()  # what was judged and may have been read wrongly
    allow_broken: bool = False
    notes: tuple[str, ...] = ()  # suppressions that are of no use any more
    ignored: int = 0  # files and folders that git ignores
    unread: Mapping[str, int] = field(default_factory=dict)  # files of kinds that are not read, by their suffix
    vanished: int = 0  # findings of the baseline that are gone
    lexicons: Mapping[str, Lexicon] = field(default_factory=dict)

    @property
    def failed(self) -> bool:
        return any(result.fails for result in self.results)

    @property
    def broken(self) -> bool:
        """Is there anything that could not be judged, and was not allowed to be?"""
        return bool(self.troubles) and not self.allow_broken

    def listed(self, every: bool) -> list[Result]:
        """Return the results a report lists: the allowed ones too, and those of the baseline where all are asked for."""
        return [result for result in self.results if every or not result.known]


@dataclass(frozen=True, slots=True)
class View:
    """How to show: `shown` leaves contacts in, `every` lists what the baseline knows, and what was allowed on a screen."""

    colour: bool = False
    shown: bool = False
    every: bool = False

    def masked(self, text: str) -> str:
        from linter.reports import redact

        return text if self.shown else redact(text)


def summary(report: Report) -> str:
    """Return the count at the end of a check, in one line."""
    found = Counter(result.finding.verdict for result in report.results if result.open)
    counts = "，".join(f"{VERDICT_NAMES[verdict]} {found[verdict]}" for verdict in ("error", "warning", "info"))
    allowed = sum(result.finding.suppressed is not None for result in report.results)
    known = sum(result.known for result in report.results)
    fixes = [result.finding.fix for result in report.results if result.open and result.finding.fix]
    safe = sum(fix.safe for fix in fixes)
    more = [
        (safe, f"{safe} 处可以用 --fix 改好"),
        (len(fixes) - safe, f"{len(fixes) - safe} 处可以用 --unsafe-fixes 改"),
        (allowed, f"已允许 {allowed} 处"),
        (known, f"基线里已有 {known} 处"),
        (len(report.troubles), f"{len(report.troubles)} 处没能判"),
        (report.excluded, f"按配置跳过 {report.excluded} 个文件"),
        (report.ignored, f"按 .gitignore 跳过 {report.ignored} 处"),
        (
            len(report.unread),
            f"没有读的文件：{'、'.join(f'{kind} {count} 个' for kind, count in report.unread.items())}",
        ),
    ]
    return f"检查了 {report.messages} 条：{counts}" + "".join(f"；{said}" for number, said in more if number)
