"""What runs in Spark's Python workers after the shuffle: PARSED rows in their order in, JUDGED rows out.

Nothing here imports Spark. The rows of a conversation come one after the other, so that its last six turns are all a
worker remembers: memory grows neither with a partition nor with a session. Findings, troubles and counts leave through
one stream of rows, told apart by `kind`. The decision to question: counts are rows and not accumulators. Spark may run a
task twice, and accumulators then count twice; the rows of a task that failed are thrown away with it.
"""

from __future__ import annotations

import gc
import json
import tempfile
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

from linter import logs, reports, service, sheet
from linter.audit import Linters
from linter.engine import Linter
from linter.lexicon import load_lexicon
from linter.measures import parse_time
from linter.model import Finding, KefulintError, Message, Turn
from linter.spark.rows import FINDING, JUDGED, WHERE, as_batch, tables
from linter.summary import Summary

if TYPE_CHECKING:
    import pyarrow as pa

_COUNTS = 50_000  # different counts held before they are handed on; they are sums, so parts of them do no harm
_ROWS = 1000  # of a batch that is handed on
_FILE = 40  # bits of a message's place that count the lines of its file


@dataclass(frozen=True, slots=True)
class Settings:
    """How to judge, as it travels to the workers. A shop's own lexicons travel with their content."""

    platforms: tuple[str, ...]
    version: str  # of the lexicons on the driver: a worker that has others must not judge
    folders: tuple[tuple[tuple[str, bytes], ...], ...] = ()  # each a folder: (path inside it, content)
    rules: tuple[str, ...] = ()
    as_of: str | None = None
    drafts: bool = False
    shown: bool = False
    reports: bool = False  # also hand on what a report needs: summaries and waiting times


def packed(folder: Path) -> tuple[tuple[str, bytes], ...]:
    """Return the YAML files of a lexicon folder with their content."""
    return tuple((str(path.relative_to(folder)), path.read_bytes()) for path in sorted(folder.rglob("*.yaml")))


@lru_cache(maxsize=4)
def linters(settings: Settings) -> Linters:
    """Return this worker's linters: compiled once in the life of its process, whatever number of tasks it runs."""
    with tempfile.TemporaryDirectory(prefix="kefulint-") as own:
        lexicon = load_lexicon([_unpacked(Path(own) / str(n), files) for n, files in enumerate(settings.folders)])
    if lexicon.version != settings.version:
        raise KefulintError(
            f"<executor>:1: lexicons {lexicon.version}, expected {settings.version} as on the driver: "
            "install the same kefulint on every machine"
        )

    def make(name: str) -> Linter:
        wanted = settings.platforms if name == settings.platforms[0] else (name,)
        return Linter(wanted, lexicon=lexicon, rules=settings.rules, as_of=settings.as_of, drafts=settings.drafts)

    made = Linters(make, settings.platforms[0])
    made.of(None)
    gc.freeze()  # the lexicons are no garbage: not to look at them again saves a fifth of the time
    return made


def _unpacked(folder: Path, files: Iterable[tuple[str, bytes]]) -> Path:
    folder.mkdir()
    for name, content in files:
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content)
    return folder


def judge(settings: Settings) -> Callable[[Iterable[pa.RecordBatch]], Iterable[pa.RecordBatch]]:
    """Return the function for `mapInArrow`: batches of PARSED, a conversation's rows together, to batches of JUDGED."""

    def run(batches: Iterable[pa.RecordBatch]) -> Iterator[pa.RecordBatch]:
        part = Part(settings)
        for batch in batches:
            yield from _batches(part.take(tables(batch)))
        yield from _batches(part.finish())

    return run


def add_parts(settings: Settings) -> Callable[[Iterable[pa.RecordBatch]], Iterable[pa.RecordBatch]]:
    """Return the function that adds up what partitions handed on for a report: many rows of `data` to one."""

    def run(batches: Iterable[pa.RecordBatch]) -> Iterator[pa.RecordBatch]:
        measures = linters(settings).of(None).lexicon.rulebooks.measures.values()
        summary, clocks = Summary(shown=settings.shown, as_of=settings.as_of), service.Clocks(measures)
        for batch in batches:
            for data in batch.column("data").to_pylist():
                add_part(summary, clocks, data)
        yield as_batch([{"data": _part(summary, clocks)}], (("data", "string"),))

    return run


def add_part(summary: Summary, clocks: service.Clocks, data: str) -> None:
    """Add what a partition handed on."""
    found = json.loads(data)
    summary.add(Summary.of_state(found["summary"]), apart=True)
    clocks.add(service.Clocks.of_state(found["clocks"], ()))


def _part(summary: Summary, clocks: service.Clocks) -> str:
    clocks.finish()
    return reports.dump({"summary": summary.state(), "clocks": clocks.state()})


def _batches(rows: Iterable[dict[str, Any]]) -> Iterator[pa.RecordBatch]:
    found: list[dict[str, Any]] = []
    for row in rows:
        found.append(row)
        if len(found) == _ROWS:
            yield as_batch(found, JUDGED)
            found = []
    if found:
        yield as_batch(found, JUDGED)


class Part:
    """One partition on its way through a worker."""

    def __init__(self, settings: Settings) -> None:
        self.settings = settings
        self.linters = linters(settings)
        self.counts: Counter[tuple[str | None, ...]] = Counter()
        self._writer = sheet.RowWriter()
        self.summary = Summary(shown=settings.shown, as_of=settings.as_of)
        measures = self.linters.of(None).lexicon.rulebooks.measures
        self.clocks = service.Clocks(measures.values() if settings.reports else ())
        self._turns = logs.Sessions()
        self._file: int | None = None

    def take(self, tables: Iterable[tuple[int, logs.Table]]) -> Iterator[dict[str, Any]]:
        """Judge the rows of some tables together and yield what is worth a row."""
        files: list[int] = []
        messages: list[Message] = []
        for file, table in tables:
            yield from self._others(file, table)
            found = self._messages(file, table)
            messages += found
            files += [file] * len(found)
        for file, message, findings in zip(files, messages, self._found(messages), strict=True):
            self._count(file, message, findings)
            for nth, finding in enumerate(findings):
                yield self._row(file, nth, finding, message.text, message.context)
        if len(self.counts) > _COUNTS:
            yield from self._counted()

    def finish(self) -> Iterator[dict[str, Any]]:
        """Yield what is known only at the end: the last counts, and what a report needs of this partition."""
        yield from self._counted()
        if self.settings.reports:
            yield {"kind": "part", "data": _part(self.summary, self.clocks)}

    def _messages(self, file: int, table: logs.Table) -> list[Message]:
        """Return the messages of a table with what was said before. Contexts do not go over from file to file."""
        if file != self._file:
            self._file, self._turns = file, logs.Sessions()
        if self.settings.reports:
            self.clocks.see_table(table, self.linters.platform)
        messages = logs.messages(table, self._turns)
        last = table.sessions[-1] if table.sessions else None
        self._turns.open = {name: turns for name, turns in self._turns.open.items() if name == last}
        return messages

    def _others(self, file: int, table: logs.Table) -> Iterator[dict[str, Any]]:
        """Yield the rows that could not be read, and the findings of listings."""
        for trouble in table.troubles:
            self.summary.troubles += 1
            where = {"file": file, "path": trouble.path, "line": trouble.row}
            yield {"kind": "trouble", **where, "what": trouble.what, "expected": trouble.expected}
        for listing in table.listings:
            linter = self.linters.of(listing.origin.platform)
            found = [replace(f, origin=listing.origin) for f in linter.check_listing(listing.record)]
            self._count(file, Message("", "listing.title", origin=listing.origin), found)
            for nth, finding in enumerate(found):
                yield self._row(file, nth, finding, str(listing.record.get(finding.field or "title", "")))

    def _found(self, messages: Sequence[Message]) -> list[Sequence[Finding]]:
        """Judge the agents' messages among some, those of a platform together."""
        asked: dict[str | None, list[int]] = {}
        for at, message in enumerate(messages):
            if message.role == "agent":
                asked.setdefault(message.origin.platform, []).append(at)
        found: list[Sequence[Finding]] = [()] * len(messages)
        for platform, places in asked.items():
            answers = self.linters.of(platform).check_many([messages[at] for at in places])
            for at, answer in zip(places, answers, strict=True):
                found[at] = answer
        return found

    def _row(
        self, file: int, nth: int, finding: Finding, text: str, context: Sequence[Turn] = ()
    ) -> dict[str, Any]:  # fmt: skip
        data = sheet.row_of(finding, text, context, shown=self.settings.shown)
        typed = {name: data[name] for name, _ in FINDING if name in data}
        origin = finding.origin
        where = {name: getattr(origin, name, None) for name, _ in WHERE} | {"message_id": origin.id}
        return {"kind": "finding", **typed, "data": self._writer.line(data), "file": file, **where, "nth": nth}

    # --- counts

    def _count(self, file: int, message: Message, found: Sequence[Finding]) -> None:
        origin = message.origin
        platform = origin.platform or self.linters.platform
        owner = (platform, origin.shop, origin.agent, _day(origin.time) if origin.time else None, message.role)
        for key in [(*owner, None, None), *((*owner, finding.rule, finding.verdict) for finding in found)]:
            self.counts[key] += 1
        if not self.settings.reports:
            return
        if message.role == "agent":
            platform = self.linters.of(origin.platform).platforms[0]
            self.summary.count(message, platform, found, (file << _FILE) + (origin.line or 0))
        else:
            self.summary.buyers += message.role == "buyer"

    def _counted(self) -> Iterator[dict[str, Any]]:
        """Yield the counts so far and begin anew. A row without a rule counts messages."""
        names = ("platform", "shop", "agent", "day", "role", "rule", "verdict")
        for key, times in self.counts.items():
            yield {"kind": "count", **dict(zip(names, key, strict=True)), "findings" if key[-1] else "messages": times}
        self.counts.clear()


def _day(time: str) -> str | None:
    """Return the day of a time as logs write it."""
    if len(time) >= 10 and time[4] == time[7] == "-":
        return time[:10]
    moment = parse_time(time)
    return None if moment is None else moment.date().isoformat()
