"""Writes in, futures out: one thread commits what has gathered while the last commit was on its way to the disk.

A future is done only after the commit, so an acknowledgement is a promise. The queue is bounded: a database that is too
slow is noticed by those who ask, not by the memory.
"""

from __future__ import annotations

import queue
import threading
from collections.abc import Callable
from concurrent.futures import Future
from typing import Any, NamedTuple

import sqlalchemy as sa
from sqlalchemy.exc import DBAPIError, InterfaceError, OperationalError

from linter.store.database import WRITES

_TOGETHER = 64  # writes a commit


class Full(Exception):
    """Too many writes wait."""


class _Job(NamedTuple):
    work: Callable[[sa.Connection], Any]
    future: Future[Any]


class Writer:
    """The one thread that writes."""

    def __init__(self, engine: sa.Engine, most: int = 1024) -> None:
        self._engine = engine.execution_options(**WRITES)
        self._queue: queue.Queue[_Job | None] = queue.Queue(most)
        self._closed = False
        self._thread = threading.Thread(target=self._run, name="writer", daemon=True)
        self._thread.start()

    def submit(self, work: Callable[[sa.Connection], Any]) -> Future[Any]:
        """Have something written; raise Full where too much waits already."""
        job = _Job(work, Future())
        try:
            if self._closed:
                raise queue.Full
            self._queue.put_nowait(job)
        except queue.Full:
            raise Full from None
        return job.future

    def close(self) -> None:
        """Write what was accepted, then stop."""
        self._closed = True
        self._queue.put(None)
        self._thread.join()

    def _run(self) -> None:
        while True:
            jobs, last = self._gathered()
            if jobs:
                self._commit(jobs)
            if last:
                return

    def _gathered(self) -> tuple[list[_Job], bool]:
        """Wait for a job and take those that came with it; tell whether they are the last."""
        jobs: list[_Job] = []
        job = self._queue.get()
        while job is not None:
            if job.future.set_running_or_notify_cancel():
                jobs.append(job)
            if len(jobs) == _TOGETHER:
                return jobs, False
            try:
                job = self._queue.get_nowait()
            except queue.Empty:
                return jobs, False
        return jobs, True

    def _commit(self, jobs: list[_Job]) -> None:
        try:
            with self._engine.begin() as connection:
                results = [job.work(connection) for job in jobs]
        except Exception as error:
            if len(jobs) > 1 and not _is_lost(error):
                for job in jobs:  # nothing was committed: one bad write must not take the others with it
                    self._commit([job])
                return
            for job in jobs:
                job.future.set_exception(error)
            return
        for job, result in zip(jobs, results, strict=True):
            job.future.set_result(result)


def _is_lost(error: Exception) -> bool:
    """Is the database away? Then nobody knows whether the last commit arrived, and writing again could double it."""
    return isinstance(error, (OperationalError, InterfaceError)) or (
        isinstance(error, DBAPIError) and error.connection_invalidated
    )
