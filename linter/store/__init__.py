"""Decisions on record: what agents did with what was found, and what reviewers say of it.

A `Store` is a database behind one writer. What it acknowledges is on the disk. Reading takes its own connections, so
a long export holds up nobody.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from concurrent.futures import Future
from typing import Any, TypeVar

from linter.store import queries, records
from linter.store.database import opened, shown, state
from linter.store.queries import Wanted
from linter.store.records import Decision, Recorded, Review
from linter.store.writer import Full, Writer

T = TypeVar("T")


class Store:
    """One open database. Raises KefulintError where it cannot be opened or upgraded."""

    def __init__(self, url: str = "", *, keep_text: bool = False, upgrade: bool = True) -> None:
        self.engine = opened(url, upgrade=upgrade)
        self.keep_text = keep_text
        self._writer = Writer(self.engine)

    def record(self, decision: Decision) -> Future[Recorded]:
        """Write a decision; the future is done when it is on the disk. Raises Full where too many writes wait."""
        return self._writer.submit(lambda connection: records.record(connection, decision, keep_text=self.keep_text))

    def review(self, finding: int, said: Review) -> Future[bool]:
        """Write a review; the future is False where there is no such finding."""
        return self._writer.submit(lambda connection: records.review(connection, finding, said))

    def read(self, query: Callable[..., T], *given: Any) -> T:
        """Run one of `queries` on a connection of its own."""
        with self.engine.connect() as connection:
            return query(connection, *given)

    def cases(self) -> Iterator[dict[str, Any]]:
        """Yield the cases one after the other, however many there are."""
        with self.engine.connect() as connection:
            yield from queries.cases(connection)

    def close(self) -> None:
        """Write what was accepted and let go of the database."""
        self._writer.close()
        self.engine.dispose()


__all__ = ["Decision", "Full", "Recorded", "Review", "Store", "Wanted", "queries", "shown", "state"]
