"""Chat logs in, findings and sums out, however long the logs are and on as many cores as there are.

One reader turns logs into chunks of some thousand rows and follows the sessions; a chunk knows what was said before in
the sessions it goes on with, so that it can be judged anywhere, in any process. What is found comes back in the order of
the log. Only agents are judged; a row that cannot be judged is counted and shown, and the rest goes on.
"""

from __future__ import annotations

import gc
import time
from collections import deque
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from concurrent.futures import Future, ProcessPoolExecutor
from contextlib import contextmanager
from dataclasses import asdict, dataclass, field, replace
from itertools import accumulate, islice
from pathlib import Path
from typing import Any

from linter import __version__, logs, outcome, reports, resume, service, sheet, sources
from linter.engine import Linter
from linter.inputs import LOG_FORMATS, Listing, Options
from linter.logs import Sessions, Table
from linter.model import Finding, KefulintError, Message, SourceError, Turn
from linter.sources import Trouble
from linter.summary import Summary

_AHEAD = 2  # chunks a worker, that are read before their turn


class Linters:
    """One linter for each platform that a log names, over one lexicon."""

    def __init__(self, make: Callable[[str], Linter], platform: str) -> None:
        self._make = make
        self._made: dict[str, Linter] = {}
        self.platform = platform

    def of(self, platform: str | None) -> Linter:
        name = platform or self.platform
        if name not in self._made:
            self._made[name] = self._make(name)
        return self._made[name]


@dataclass(frozen=True)
class Audit:
    """What to judge and how. Everything that decides the answers is here, and nothing else is."""

    paths: tuple[str, ...] = ()
    options: Options = field(default_factory=Options)
    platform: str = "taobao"  # of rows that name none
    lexicons: tuple[str, ...] = ()
    rules: tuple[str, ...] = ()
    as_of: str | None = None
    drafts: bool = False
    shown: bool = False  # leave contacts in
    measures: bool = True
    database: str | None = None
    query: str | None = None

    def summary(self) -> Summary:
        """Return a summary in which nothing is counted yet."""
        return Summary(shown=self.shown, as_of=self.as_of)

    def known(self, lexicon: str) -> dict[str, Any]:
        """Return what must be the same for an audit to be gone on with."""
        own = asdict(self)
        inputs = (
            [[self.database, self.query]] if self.query else [resume.known_input(path) for path in own.pop("paths")]
        )
        return {"kefulint": __version__, "lexicon": lexicon, **own, "inputs": inputs}


# --- reading ---------------------------------------------------------------------------------------------------------


@dataclass(slots=True)
class Chunk:
    """Some rows of a log, with what was said before in their sessions or made to messages already."""

    table: Table
    file: int = 0
    messages: list[Message] | None = None
    before: dict[str, Any] | None = None
    mark: dict[str, Any] | None = None  # how to go on behind this chunk, where a checkpoint is due


class Reader:
    """Follows logs row by row and cuts them into chunks. `state` tells how to go on where it stands."""

    def __init__(self, audit: Audit, clocks: service.Clocks, state: Mapping[str, Any] | None = None) -> None:
        self.audit = audit
        self.clocks = clocks
        self.sessions = Sessions.of_state(state["sessions"]) if state else Sessions()
        self.file: int = state["position"][0] if state else 0
        self.tables: int = state["position"][1] if state else 0  # of that file, that were given out

    def state(self) -> dict[str, Any]:
        return {
            "position": [self.file, self.tables],
            "sessions": self.sessions.state(),
            "clocks": self.clocks.state(),
        }

    def chunks(self, *, handed: bool) -> Iterator[Chunk]:
        """Yield the chunks from where the reader stands; `handed` ones are to be judged by another process."""
        inputs = self.audit.paths or (self.audit.database or "",)
        while self.file < len(inputs):
            for table, messages in _tables(self.audit, self.file, self.tables):
                self.tables += 1
                yield self._chunk(table, messages, handed)
            self.file, self.tables, self.sessions = self.file + 1, 0, Sessions()

    def _chunk(self, table: Table, messages: list[Message] | None, handed: bool) -> Chunk:
        if messages is not None:
            for message in messages:
                self.clocks.see(message, self.audit.platform)
            return Chunk(table, self.file, messages)
        self.clocks.see_table(table, self.audit.platform)
        if not handed:
            return Chunk(table, self.file, logs.messages(table, self.sessions, agents_only=True))
        before = self.sessions.state(table.sessions or ())
        self.sessions.advance(table)
        return Chunk(table, self.file, None, before)


def _tables(audit: Audit, file: int, skip: int) -> Iterator[tuple[Table, list[Message] | None]]:
    """Yield the tables of a file from the nth on; those of a file that is no log bring their messages."""
    if audit.query:
        for _, table in logs.query(audit.database or "", audit.query, audit.options, skip):
            yield table, None
        return
    path = audit.paths[file]
    kind = sources.format_of(path, audit.options)
    if kind in LOG_FORMATS:
        for table in logs.tables(path, replace(audit.options, format=kind), skip):
            yield table, None
        return
    items = iter(sources.read(path, audit.options))
    number = 0
    while part := list(islice(items, logs.ROWS)):
        if number >= skip:
            yield _of_items(path, part)
        number += 1


def _of_items(path: str, items: Sequence[sources.Item]) -> tuple[Table, list[Message]]:
    messages = [item for item in items if isinstance(item, Message)]
    table = Table(path, [message.text for message in messages], [message.role for message in messages])
    table.troubles = [item for item in items if isinstance(item, Trouble)]
    table.listings = [item for item in items if isinstance(item, Listing)]
    return table, messages


# --- judging ---------------------------------------------------------------------------------------------------------


@dataclass(slots=True)
class Part:
    """What a chunk came to: its findings as JSON lines, and its counts."""

    lines: bytes
    summary: Summary


class Judge:
    """Judges chunks; one in every process."""

    def __init__(self, audit: Audit) -> None:
        self.audit = audit
        self.linters = Linters(self._linter, audit.platform)
        self.lexicon = self.linters.of(None).lexicon

    def _linter(self, platform: str) -> Linter:
        audit = self.audit
        return Linter(platform, audit.lexicons, rules=audit.rules, as_of=audit.as_of, drafts=audit.drafts)

    def judge(self, chunk: Chunk) -> Part:
        """Return the findings and counts of a chunk."""
        table, messages, summary = chunk.table, chunk.messages, self.audit.summary()
        if messages is None:
            messages = logs.messages(table, Sessions.of_state(chunk.before or {}), agents_only=True)
        for trouble in table.troubles:
            summary.trouble(trouble)
        summary.buyers = table.roles.count("buyer")
        lines: list[str] = []
        for listing in table.listings:
            lines += self._listing(listing, summary)
        agents = [message for message in messages if message.role == "agent"]
        for message, linter, findings in self._judged(agents):
            summary.count(message, linter.platforms[0], findings)
            if findings:
                lines += [self._line(finding, message.text, message.context) for finding in findings]
        return Part("".join(lines).encode(), summary)

    def _judged(self, messages: list[Message]) -> Iterable[tuple[Message, Linter, list[Finding]]]:
        """Judge messages, those of one platform together, and give them back in their order."""
        places: dict[str | None, list[int]] = {}
        for at, message in enumerate(messages):
            places.setdefault(message.origin.platform, []).append(at)
        found: list[tuple[Message, Linter, list[Finding]]] = [None] * len(messages)  # type: ignore[list-item]
        for platform, ats in places.items():
            linter = self.linters.of(platform)
            for at, findings in zip(ats, linter.check_many([messages[at] for at in ats]), strict=True):
                found[at] = (messages[at], linter, findings)
        return found

    def _listing(self, listing: Listing, summary: Summary) -> Iterator[str]:
        linter = self.linters.of(listing.origin.platform)
        findings = [replace(f, origin=listing.origin) for f in linter.check_listing(listing.record)]
        summary.count(Message("", "listing.title", origin=listing.origin), linter.platforms[0], findings)
        for finding in findings:
            yield self._line(finding, str(listing.record.get(finding.field or "title", "")))

    def _line(self, finding: Finding, text: str, context: Sequence[Turn] = ()) -> str:
        return reports.dump(sheet.row_of(finding, text, context, shown=self.audit.shown)) + "\n"


@contextmanager
def _collecting_seldom() -> Iterator[None]:
    """Let Python look for garbage seldom: millions of messages are made and none of them forms a cycle.

    Looking at the lexicons again and again took a fifth of the reading time.
    """
    before = gc.get_threshold()
    gc.collect()
    gc.freeze()
    gc.set_threshold(200_000, 20, 100)
    try:
        yield
    finally:
        gc.set_threshold(*before)
        gc.unfreeze()


_judge: Judge | None = None  # of a worker process


def _start_worker(audit: Audit) -> None:
    """Make a worker ready: it leaves Ctrl-C to the reader, and ends when the reader has ended, however that came."""
    import signal
    import threading
    from multiprocessing import parent_process

    global _judge
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    parent = parent_process()
    if parent is not None:
        threading.Thread(target=_end_with, args=(parent.sentinel,), daemon=True).start()
    _judge = Judge(audit)
    _collecting_seldom().__enter__()


def _end_with(sentinel: int) -> None:
    import os
    from multiprocessing import connection

    connection.wait([sentinel])
    os._exit(1)


def _judged_in_worker(chunk: Chunk) -> Part:
    assert _judge is not None
    return _judge.judge(chunk)


def _parts(chunks: Iterator[Chunk], judge: Judge, jobs: int) -> Iterator[tuple[Chunk, Part]]:
    """Yield chunks with their findings in order: judged here, or by several processes while the next are read."""
    if jobs <= 1:
        for chunk in chunks:
            yield chunk, judge.judge(chunk)
        return
    from concurrent.futures.process import BrokenProcessPool
    from multiprocessing import get_context

    waiting: deque[tuple[Chunk, Future[Part]]] = deque()
    with ProcessPoolExecutor(jobs, get_context("spawn"), _start_worker, (judge.audit,)) as pool:
        try:
            for chunk in chunks:
                waiting.append((chunk, pool.submit(_judged_in_worker, replace(chunk, mark=None))))
                while len(waiting) > _AHEAD * jobs:
                    first, part = waiting.popleft()
                    yield first, part.result()
            while waiting:
                first, part = waiting.popleft()
                yield first, part.result()
        except BrokenProcessPool as error:
            raise KefulintError("a worker process ended unexpectedly, expected enough memory for --jobs; --resume goes on") from error  # fmt: skip
        finally:
            pool.shutdown(wait=False, cancel_futures=True)


# --- the whole run ---------------------------------------------------------------------------------------------------


class Interrupted(Exception):
    """The audit was asked to stop and has kept what it had."""


@dataclass
class Run:
    """One run of an audit: `start` it, and look at `summary` and `read` meanwhile. `stop` makes it end at the next chunk."""

    audit: Audit
    folder: Path
    formats: Sequence[str] = ("csv",)
    jobs: int = 1
    pause: float = 10.0  # seconds between checkpoints
    earlier: Mapping[str, Any] | None = None  # the summary of an earlier audit to compare with
    advance: Callable[[Run, Chunk], None] = lambda run, chunk: None
    stop: bool = False
    summary: Summary = field(default_factory=Summary)
    read: int = 0  # bytes of the inputs
    seconds: float = 0.0

    def __post_init__(self) -> None:
        self.summary = self.audit.summary()
        sizes = [Path(path).stat().st_size if Path(path).is_file() else 0 for path in self.audit.paths or ("",)]
        self._before = [0, *accumulate(sizes)]

    @property
    def size(self) -> int:
        """The bytes of all inputs; 0 where they are not known."""
        return self._before[-1]

    def written(self) -> list[Path]:
        """Return the results that are there."""
        return [path for name in sorted(outcome.NAMES) if (path := self.folder / name).is_file()]

    def start(self, *, resuming: bool = False) -> outcome.Outcome:
        """Judge everything and write the results; raise Interrupted where it was stopped."""
        pipes = [path for path in self.audit.paths if resume.is_pipe(path)]
        if resuming and pipes:
            raise SourceError(f"{pipes[0]}:1: cannot be read again, expected a file with --resume")
        started = time.monotonic()
        judge = Judge(self.audit)
        journal = resume.Journal(self.folder, self.audit.known(judge.lexicon.version))
        known = judge.lexicon.rulebooks.measures.values() if self.audit.measures else ()
        state = journal.begin(resume=resuming)
        clocks = service.Clocks.of_state(state["clocks"], known) if state else service.Clocks(known)
        reader = Reader(self.audit, clocks, state)
        if state:
            self.summary = Summary.of_state(state["summary"])
        try:
            if not state or "names" not in state:
                with _collecting_seldom():
                    self._judge_all(reader, judge, journal)
            end = state if state and "names" in state else reader.state() | {"summary": self.summary.state()}
            found = outcome.Outcome(
                journal.findings, self.summary, list(service.measure(clocks.finish(), known)), judge.lexicon
            )
            self._publish(journal, end, found)
        finally:
            journal.close()
        self.seconds = time.monotonic() - started
        return replace(found, findings=self.folder / journal.findings.name)

    def _publish(self, journal: resume.Journal, end: dict[str, Any], found: outcome.Outcome) -> None:
        """Write the results beside each other, note that they are whole, and move them to their place."""
        if "names" not in end:
            journal.checkpoint(end)
            end["names"] = outcome.finish(journal.folder, found, self.formats, self.earlier)
            journal.checkpoint(end)
        journal.publish(end["names"], outcome.NAMES)

    def _judge_all(self, reader: Reader, judge: Judge, journal: resume.Journal) -> None:
        for chunk, part in _parts(self._marked(reader), judge, self.jobs):
            journal.write(part.lines)
            self.summary.add(part.summary)
            self.read = self._before[chunk.file] + chunk.table.read
            if chunk.mark is not None:
                journal.checkpoint(chunk.mark | {"summary": self.summary.state()})
            self.advance(self, chunk)
            if self.stop and chunk.mark is not None:
                raise Interrupted

    def _marked(self, reader: Reader) -> Iterator[Chunk]:
        """Yield chunks; now and then one takes along how to go on behind it. The last chunk before a stop always does."""
        last = time.monotonic()
        for chunk in reader.chunks(handed=self.jobs > 1):
            if self.stop or time.monotonic() - last >= self.pause:
                chunk.mark = reader.state()
                last = time.monotonic()
            yield chunk
            if self.stop and chunk.mark is not None:
                return
