"""Chat logs in, findings and sums out, however long the logs are and on as many cores as there are.

One reader turns logs into chunks of some thousand rows and follows the sessions; a chunk knows what was said before in
the sessions it goes on with, so that it can be judged anywhere, in any process. What is found comes back in the order of
the log. Only agents are judged; a row that cannot be judged is counted and shown, and the rest goes on.
"""

from __future__ import annotations

import gc
import time
from collections import deque
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import Future, ProcessPoolExecutor
from contextlib import contextmanager
from dataclasses import asdict, astuple, dataclass, field, replace
from itertools import accumulate
from pathlib import Path
from typing import Any

from linter import __version__, formats, logs, outcome, resume, service, sheet, sources
from linter.engine import Linter, as_written, replace_text
from linter.inputs import LOG_FORMATS, Listing, Options, Trouble
from linter.logs import Sessions, Table
from linter.model import Finding, KefulintError, Message, SourceError, Turn, Utterance
from linter.summary import Summary
from linter.taken import Seen

_SIGNAL = 0.3  # seconds in which a signal that ended a worker has come to its reader too
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
    """Some rows of a log, with what was said before in their sessions, or with what agents say taken out already."""

    table: Table
    file: int = 0
    talk: Sequence[Utterance] | None = None
    written: Sequence[str] | None = None  # the texts of the talk as they stand, where something in them is not judged
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
        self.seen = Seen.of_state(state["seen"]) if state else Seen("")
        self.doubts = [Trouble(*doubt) for doubt in state["doubts"]] if state else []

    def state(self) -> dict[str, Any]:
        return {
            "position": [self.file, self.tables],
            "sessions": self.sessions.state(),
            "clocks": self.clocks.state(),
            "seen": self.seen.state(),
            "doubts": [astuple(doubt) for doubt in self.doubts],
        }

    def chunks(self, *, handed: bool) -> Iterator[Chunk]:
        """Yield the chunks from where the reader stands; `handed` ones are to be judged by another process."""
        inputs = self.audit.paths or (self.audit.database or "",)
        while self.file < len(inputs):
            self.seen.path = inputs[self.file]
            for chunk in _chunks(self.audit, self.file, self.tables):
                self.tables += 1
                yield self._followed(chunk, handed)
            self.doubts += self.seen.doubts()
            self.file, self.tables, self.sessions, self.seen = self.file + 1, 0, Sessions(), Seen("")

    def _followed(self, chunk: Chunk, handed: bool) -> Chunk:
        table = chunk.table
        self.clocks.see_table(table, self.audit.platform)
        self.doubts += [trouble for trouble in table.troubles if trouble.judged]
        table.troubles = [trouble for trouble in table.troubles if not trouble.judged]
        if chunk.talk is not None:
            return chunk
        logs.see(table, self.seen)
        if not handed:
            return replace(chunk, talk=logs.agents_rows(table, self.sessions))
        before = self.sessions.state(table.sessions or ())
        self.sessions.advance(table, every=False)
        return replace(chunk, before=before)


def _chunks(audit: Audit, file: int, skip: int) -> Iterator[Chunk]:
    """Yield what a file holds from the nth table on; of one that is no log, what agents say in it is taken out already."""
    if audit.query:
        for _, table in logs.query(audit.database or "", audit.query, audit.options, skip):
            yield Chunk(table, file)
        return
    path = audit.paths[file]
    kind = sources.format_of(path, audit.options)
    if kind in LOG_FORMATS:
        for table in logs.tables(path, replace(audit.options, format=kind), skip):
            yield Chunk(table, file)
        return
    document = formats.read_document(path, audit.options)
    starts = range(0, max(len(document.replies), 1), logs.ROWS)
    for number, start in enumerate(starts):
        if number >= skip:
            yield _of_document(document, start, file)


def _of_document(document: formats.Document, start: int, file: int) -> Chunk:
    """Return some replies of a document; with the first come its listings, and what it says of itself."""
    messages = document.replies[start : start + logs.ROWS]
    origins = [message.origin for message in messages]
    table = Table(document.path, [message.text for message in messages], [message.role for message in messages])
    table.sessions, table.times = [origin.session for origin in origins], [origin.time for origin in origins]
    table.agents, table.shops = [origin.agent for origin in origins], [origin.shop for origin in origins]
    table.platforms = [origin.platform for origin in origins]
    if not start:
        table.troubles, table.listings = [*document.troubles, *document.doubts], list(document.records)
        table.taken = document.taken[0] if document.taken else None
    talk = [message for message in messages if message.role == "agent"]
    return Chunk(table, file, talk, [document.text_of(message) for message in talk])


# --- judging ---------------------------------------------------------------------------------------------------------


class Judge:
    """Judges chunks; one in every process."""

    def __init__(self, audit: Audit) -> None:
        self.audit = audit
        self.linters = Linters(self._linter, audit.platform)
        self.lexicon = self.linters.of(None).lexicon
        self._writer = sheet.RowWriter()

    def _linter(self, platform: str) -> Linter:
        audit = self.audit
        return Linter(platform, audit.lexicons, rules=audit.rules, as_of=audit.as_of, drafts=audit.drafts)

    def judge(self, chunk: Chunk, summary: Summary) -> bytes:
        """Return the findings of a chunk as JSON lines, and count it."""
        table = chunk.table
        for trouble in table.troubles:
            summary.trouble(trouble)
        summary.buyers += table.roles.count("buyer")
        lines: list[str] = []
        for listing in table.listings:
            lines += self._listing(listing, summary)
        talk = chunk.talk
        if talk is None:
            talk = logs.agents_rows(table, Sessions.of_state(chunk.before or {}))
        before = summary.messages
        summary.count_agents(table, self.audit.platform)
        for at, findings in enumerate(self._judged(talk, table)):
            if findings:
                said = talk[at]
                if chunk.written is not None and said.text != chunk.written[at]:
                    said = replace_text(said, chunk.written[at])
                    findings = [as_written(finding, said.text) for finding in findings]
                summary.count_findings(said, said.origin.platform or self.audit.platform, findings, before + at + 1)
                lines += [self._line(finding, said.text, said.context) for finding in findings]
        return "".join(lines).encode()

    def _judged(self, talk: Sequence[Utterance], table: Table) -> list[list[Finding]]:
        """Judge what agents say in a table, what is of one platform together; return the findings in its order."""
        platforms = [name for name, role in zip(table.platforms or (), table.roles, strict=False) if role == "agent"]
        names = dict.fromkeys(platforms or [None])
        if len(names) == 1:
            return list(self.linters.of(platforms[0] if platforms else None).check_many(talk))
        found: list[list[Finding]] = [[]] * len(talk)
        for name in names:
            places = [at for at, platform in enumerate(platforms) if platform == name]
            for at, findings in zip(places, self.linters.of(name).check_many([talk[at] for at in places]), strict=True):
                found[at] = findings
        return found

    def _listing(self, listing: Listing, summary: Summary) -> Iterator[str]:
        linter = self.linters.of(listing.origin.platform)
        findings = [replace(f, origin=listing.origin) for f in linter.check_listing(listing.record)]
        summary.count(Message("", "listing.title", origin=listing.origin), linter.platforms[0], findings)
        for finding in findings:
            yield self._line(finding, str(listing.record.get(finding.field or "title", "")))

    def _line(self, finding: Finding, text: str, context: Sequence[Turn] = ()) -> str:
        return self._writer.line(sheet.row_of(finding, text, context, shown=self.audit.shown)) + "\n"


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


class WorkerLost(KefulintError):
    """A worker process has ended by itself, or was ended."""


_judge: Judge | None = None  # of a worker process


def _start_worker(audit: Audit) -> None:
    """Make a worker ready: signals are the reader's, and it ends when the reader has ended, however that came."""
    import os
    import signal
    import threading
    from multiprocessing import parent_process

    global _judge
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    if hasattr(os, "setpgid"):  # `kill -TERM -GROUP` and `timeout` mean all of us, and the reader ends us in order
        os.setpgid(0, 0)
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


def _judged_in_worker(chunk: Chunk) -> tuple[bytes, Summary]:
    assert _judge is not None
    summary = _judge.audit.summary()
    return _judge.judge(chunk, summary), summary


def _judged(chunks: Iterator[Chunk], judge: Judge, jobs: int, summary: Summary) -> Iterator[tuple[Chunk, bytes]]:
    """Yield chunks with their findings in order, and count them: judged here, or by several processes while the next are read."""
    if jobs <= 1:
        for chunk in chunks:
            yield chunk, judge.judge(chunk, summary)
        return
    from concurrent.futures.process import BrokenProcessPool
    from multiprocessing import get_context

    waiting: deque[tuple[Chunk, Future[tuple[bytes, Summary]]]] = deque()

    def next_judged() -> tuple[Chunk, bytes]:
        chunk, judged = waiting.popleft()
        lines, part = judged.result()
        summary.add(part)
        return chunk, lines

    with ProcessPoolExecutor(jobs, get_context("spawn"), _start_worker, (judge.audit,)) as pool:
        try:
            for chunk in chunks:
                waiting.append((chunk, pool.submit(_judged_in_worker, replace(chunk, mark=None))))
                while len(waiting) > _AHEAD * jobs:
                    yield next_judged()
            while waiting:
                yield next_judged()
        except BrokenProcessPool as error:
            raise WorkerLost("a worker process ended unexpectedly, expected enough memory for --jobs; --resume goes on") from error  # fmt: skip
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
    doubts: list[Trouble] = field(default_factory=list)  # what was judged and may have been read wrongly
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
        with resume.writing(self.folder):
            found = self._whole(resuming)
        self.seconds = time.monotonic() - started
        return found

    def _whole(self, resuming: bool) -> outcome.Outcome:
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
            self.doubts = reader.doubts
            measured = list(service.measure(clocks.finish(), known))
            end = state if state and "names" in state else reader.state() | {"summary": self.summary.state()}
            found = outcome.Outcome(journal.findings, self.summary, measured, judge.lexicon)
            self._publish(journal, end, found)
        finally:
            journal.close()
        return replace(found, findings=self.folder / journal.findings.name)

    def _publish(self, journal: resume.Journal, end: dict[str, Any], found: outcome.Outcome) -> None:
        """Write the results beside each other, note that they are whole, and move them to their place."""
        if "names" not in end:
            journal.checkpoint(end)
            end["names"] = outcome.finish(journal.folder, found, self.formats, self.earlier)
            journal.checkpoint(end)
        journal.publish(end["names"], outcome.NAMES)

    def _judge_all(self, reader: Reader, judge: Judge, journal: resume.Journal) -> None:
        try:
            self._judge_chunks(reader, judge, journal)
        except WorkerLost:
            time.sleep(_SIGNAL)
            if self.stop:  # whoever stopped us has stopped the workers too
                raise Interrupted from None
            raise

    def _judge_chunks(self, reader: Reader, judge: Judge, journal: resume.Journal) -> None:
        for chunk, lines in _judged(self._marked(reader), judge, self.jobs, self.summary):
            journal.write(lines)
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
