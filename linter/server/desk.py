"""Requests in, answers out: the desk holds the lexicons that judge now, and a bounded number of judgements.

The question a reader may ask: why are short messages judged on the event loop? Because it takes less than the hop to a
thread and back, and Python judges one message at a time either way. Long texts and batches go to a few threads, and only
so many of them may wait: whoever comes later hears so at once instead of joining a queue that grows. A better wording costs
many judgements, so it is never looked for on the event loop; threads end their work when nobody waits for it any more.
"""

from __future__ import annotations

import asyncio
import contextlib
import gc
import itertools
import logging
import threading
import time
from collections.abc import Callable
from concurrent.futures import CancelledError, ThreadPoolExecutor
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, TypeVar, cast

from linter import cache
from linter.answer import DECISIONS, answer, mended
from linter.compiled import compiled
from linter.engine import Linter
from linter.lexicon import Lexicon
from linter.model import PLATFORMS, Finding, KefulintError, Message, graver
from linter.server.bodies import Check
from linter.server.errors import overloaded
from linter.server.metrics import Metrics
from linter.server.settings import Settings

if TYPE_CHECKING:
    from linter.model import Turn

SHORT = 400  # characters, context included, that are judged on the event loop
_HELD = 256 << 20  # bytes of bodies that are being read at a time
_WARMING = ("您好，今天下午发货", "加我微信，特价不开票的哦，五星好评返2元")

log = logging.getLogger("kefulint.server")
T = TypeVar("T")
Work = Callable[[Callable[[], bool]], T]  # is told by what to ask whether it should end


@dataclass(frozen=True, slots=True)
class Bench:
    """One set of lexicons, ready to judge on any choice of platforms. Immutable: a reload makes another."""

    lexicon: Lexicon
    linters: dict[tuple[str, ...], Linter]
    platforms: tuple[str, ...]  # where a request names none

    @property
    def version(self) -> str:
        return self.lexicon.version

    def linter(self, platforms: list[Any]) -> Linter:
        if not platforms:
            return self.linters[self.platforms]
        return self.linters[tuple(sorted(set(platforms), key=PLATFORMS.index))]


def bench(settings: Settings) -> Bench:
    """Load the lexicons and judge a little, so that the first request is as fast as the next.

    All choices of platforms share one compiled set. They are made now, between two clearings of what the process remembers
    of sets: the first makes sure that the files are read again, the last lets a set go that was replaced.
    """
    _forget()
    choices = (c for size in range(1, len(PLATFORMS) + 1) for c in itertools.combinations(PLATFORMS, size))
    linters = {platforms: Linter(platforms, settings.lexicons) for platforms in choices}
    _forget()
    own = tuple(sorted(set(settings.platforms), key=PLATFORMS.index))
    for platforms in (own, PLATFORMS):
        for text in _WARMING:
            linters[platforms].check(text)
    return Bench(linters[own].lexicon, linters, own)


def _forget() -> None:
    cache.forget()
    compiled.cache_clear()


class Desk:
    """Judges requests with the lexicons of the moment."""

    def __init__(self, settings: Settings, metrics: Metrics) -> None:
        self.settings = settings
        self.metrics = metrics
        self.bench = bench(settings)
        self.problems: tuple[str, ...] = ()  # why the last reload was refused
        self.stopping = False
        self._running = 0
        self._long = 0
        self._held = 0  # bytes of bodies that are being read
        self._pool = ThreadPoolExecutor(settings.threads, thread_name_prefix="judge")
        self._menders = ThreadPoolExecutor(settings.threads, thread_name_prefix="mend")
        self._reloading = asyncio.Lock()
        metrics.lexicon(self.bench.version)
        _settle()

    # --- judging

    def enter(self) -> None:
        """Take one of the places for requests; raise Refused at once where none is free."""
        if self._running >= self.settings.running:
            self.metrics.refused.labels("overloaded").inc()
            raise overloaded(f"{self._running} requests are being answered")
        self._running += 1

    def leave(self) -> None:
        """Give the place back."""
        self._running -= 1

    def hold(self, size: int) -> None:
        """Count bytes of a body that is being read; raise Refused where all together are too many."""
        if size > 0 and self._held + size > _HELD:
            self.metrics.refused.labels("overloaded").inc()
            raise overloaded("too many bodies are being read")
        self._held += size

    async def answered(self, ask: Check) -> dict[str, Any]:
        """Return the answer about one message."""
        now = self.bench
        if size_of(ask) > SHORT:
            return await self._queued(lambda stopped: judged(now, ask, self.metrics, stopped))
        findings, rewritten = found_in(now, ask, self.metrics), None
        if findings:
            linter, found = now.linter(ask.platforms), findings
            findings, rewritten = await _in_thread(
                self._menders, lambda stopped: mended(linter, message_of(ask), found, stopped)
            )
        return said(now, ask, findings, rewritten)

    async def all_answered(self, asks: list[Check]) -> list[dict[str, Any]]:
        """Return the answers about several messages, all by the same lexicons."""
        now = self.bench
        return await self._queued(lambda stopped: [judged(now, ask, self.metrics, stopped) for ask in asks])

    async def apart(self, size: int, work: Callable[[], T]) -> T:
        """Do short work here and now, long work in a thread."""
        return work() if size <= SHORT else await self._queued(lambda _: work())

    async def _queued(self, work: Work[T]) -> T:
        """Do long work in a thread, and refuse what would have to wait too long."""
        if self._long >= self.settings.threads + self.settings.waiting:
            self.metrics.refused.labels("overloaded").inc()
            raise overloaded(f"{self._long} long texts are waiting")
        self._long += 1
        loop = asyncio.get_running_loop()
        return await _in_thread(self._pool, work, lambda: self._left(loop))

    def _left(self, loop: asyncio.AbstractEventLoop) -> None:
        with contextlib.suppress(RuntimeError):  # the server has stopped meanwhile
            loop.call_soon_threadsafe(self._fewer)

    def _fewer(self) -> None:
        self._long -= 1

    @property
    def load(self) -> tuple[int, int]:
        """How many requests are being answered, and how many long texts are judged or wait."""
        return self._running, self._long

    # --- reloading

    async def reload(self) -> Bench:
        """Replace the lexicons by what is on disk now; raise KefulintError and keep the old ones where they are broken."""
        async with self._reloading:
            try:
                fresh = await asyncio.to_thread(bench, self.settings)
            except KefulintError as error:
                self.refuse(error)
                raise
            log.info("lexicons reloaded: %s -> %s", self.bench.version, fresh.version)
            self.bench, self.problems = fresh, ()
            self.metrics.reloads.labels("done").inc()
            self.metrics.lexicon(fresh.version)
            _settle()
            return fresh

    def refuse(self, error: KefulintError) -> None:
        """Remember and log why a reload was refused."""
        self.problems = tuple(error.problems)
        self.metrics.reloads.labels("refused").inc()
        log.error("not reloaded, lexicons %s stay:\n%s", self.bench.version, error)

    def close(self) -> None:
        """Wait for the threads."""
        for pool in (self._pool, self._menders):
            pool.shutdown(wait=True, cancel_futures=True)


async def _in_thread(pool: ThreadPoolExecutor, work: Work[T], done: Callable[[], None] | None = None) -> T:
    """Do work in a thread; where nobody waits for it any more it is told so, and ends."""
    gone = threading.Event()
    future = pool.submit(work, gone.is_set)
    if done:
        future.add_done_callback(lambda _: done())
    try:
        return await asyncio.wrap_future(future)
    finally:
        gone.set()


def _settle() -> None:
    """Take what the lexicons hold out of the rounds of the garbage collector: hundreds of thousands of lasting objects."""
    gc.unfreeze()
    gc.collect()
    gc.freeze()


def size_of(ask: Check) -> int:
    """Return how many characters have to be looked at."""
    size = len(ask.text)
    for turn in ask.context:
        size += len(turn.text)
    return size


def message_of(ask: Check) -> Message:
    """Return the message a request is about. The turns stay what they were read as: they have a Turn's fields."""
    return Message(ask.text, ask.channel, cast("list[Turn]", ask.context))


def judged(now: Bench, ask: Check, metrics: Metrics, stopped: Callable[[], bool]) -> dict[str, Any]:
    """Judge one message and look for a better wording; CancelledError is raised where nobody waits for it."""
    if stopped():
        raise CancelledError
    findings = found_in(now, ask, metrics)
    return said(now, ask, *mended(now.linter(ask.platforms), message_of(ask), findings, stopped))


def found_in(now: Bench, ask: Check, metrics: Metrics) -> list[Finding]:
    """Return the findings of one message."""
    started = time.perf_counter()
    findings = now.linter(ask.platforms).check_message(message_of(ask))
    metrics.judged(time.perf_counter() - started, findings)
    return findings


def said(now: Bench, ask: Check, findings: list[Finding], rewritten: str | None) -> dict[str, Any]:
    """Return the answer of every edge, and what it comes to on each platform."""
    data = answer(findings, ask.text, now.version, rewritten=rewritten)
    data["platforms"] = side_by_side(now.linter(ask.platforms).platforms, findings)
    return data


def side_by_side(platforms: tuple[str, ...], findings: list[Finding]) -> dict[str, dict[str, str]]:
    """Return the decision and the verdict on each platform."""
    worst = dict.fromkeys(platforms, "none")
    for finding in findings:
        for platform, verdict in finding.verdicts:
            worst[platform] = graver(worst[platform], verdict)
    return {platform: {"decision": DECISIONS[verdict], "verdict": verdict} for platform, verdict in worst.items()}
