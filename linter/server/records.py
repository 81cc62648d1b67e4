"""The operations on the record: decisions in, a queue for reviewers, their reviews, and what the reviews teach.

The server judges a decision's message itself: what stands on record is what the rules say, not what a page says they said.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from typing import Any, TypeVar

import msgspec
from sqlalchemy.exc import SQLAlchemyError

from linter.server.api import Call, Operation, Reply, Surroundings, said
from linter.server.bodies import (
    DecisionBody,
    DecisionPage,
    Precision,
    Proposals,
    Queue,
    RecordedBody,
    ReviewBody,
    ReviewedBody,
    Stats,
    StatsQuery,
)
from linter.server.desk import message_of, size_of
from linter.server.errors import Refused, log_place, overloaded
from linter.store import Decision, Full, Review, Store, Wanted, queries

T = TypeVar("T")
_ERRORS = (413, 422, 429, 503)


def operations(around: Surroundings, store: Store) -> list[Operation]:
    """Return the operations that need the database."""
    record = _Records(around, store)
    read: dict[str, Any] = {"role": "supervisor", "tag": "reviews", "errors": (422, 429, 503)}
    return [
        Operation("POST", "/v1/decisions", "Put on record what was done with a message", record.decide,
                  body=DecisionBody, gives=RecordedBody, statuses=(200, 201), tag="decisions", errors=(*_ERRORS, 409)),
        Operation("GET", "/v1/decisions", "Read decisions, the newest first", record.queue,
                  query=Queue, gives=DecisionPage, **read),
        Operation("POST", "/v1/findings/{id}/reviews", "Confirm, reject or appeal against a finding", record.review,
                  body=ReviewBody, gives=ReviewedBody, statuses=(201,), tag="reviews", errors=(404, *_ERRORS)),
        Operation("GET", "/v1/reviews/precision", "How often reviewers confirmed each rule", record.precision,
                  gives=Precision, **read),
        Operation("GET", "/v1/reviews/cases.jsonl", "Reviewed messages as cases for kefulint eval", record.cases,
                  gives="application/jsonl", **read),
        Operation("GET", "/v1/reviews/proposals", "Rejected wordings as examples that should pass", record.proposals,
                  gives=Proposals, **read),
        Operation("GET", "/v1/stats", "Count decisions and findings", record.stats, query=StatsQuery, gives=Stats, **read),
    ]  # fmt: skip


class _Records:
    def __init__(self, around: Surroundings, store: Store) -> None:
        self.desk = around.desk
        self.store = store
        self.readers = ThreadPoolExecutor(4, thread_name_prefix="reader")

    async def decide(self, call: Call) -> Any:
        body: DecisionBody = call.body
        if body.decision == "sent" and not (body.reason or "").strip():
            raise Refused(422, "reason", "reason: expected why the message was sent all the same")
        now, message = self.desk.bench, message_of(body)
        linter = now.linter(body.platforms)
        found = await self.desk.apart(size_of(body), lambda: linter.check_message(message))
        decision = Decision(
            body.decision, body.text, found, linter.platforms, now.version, body.channel, message.context, body.reason or "",
            body.agent or "", body.shop or "", body.session or "", body.sent_text, body.client_id, call.caller.name,
        )  # fmt: skip
        recorded = await self._written(lambda: self.store.record(decision))
        if not recorded.same:
            raise Refused(409, "client-id", "client_id: it stands for another decision, expected a new one for each")
        if recorded.created:
            self.desk.metrics.recorded.labels(body.decision).inc()
        return said({"id": recorded.id, "findings": recorded.findings}, 201 if recorded.created else 200)

    async def review(self, call: Call) -> Any:
        body: ReviewBody = call.body
        if body.review != "appealed" and not call.caller.may("supervisor"):
            raise Refused(403, "forbidden", f"the token's role is {call.caller.role}, expected supervisor")
        number = call.path["id"]
        known = number.isascii() and number.isdecimal() and int(number) < 2**63
        review = Review(body.review, body.note or "", body.reviewer or call.caller.name, call.caller.name)
        if not known or not await self._written(lambda: self.store.review(int(number), review)):
            raise Refused(404, "unknown-finding", "no such finding, expected an id of one on record")
        return said({"finding": int(number), "status": body.review}, 201)

    async def queue(self, call: Call) -> Any:
        asked: Queue = call.query
        before = int(asked.cursor) if asked.cursor else None
        return await self._read(lambda: self.store.read(queries.queue, _wanted(asked), asked.limit, before))

    async def precision(self, call: Call) -> Any:
        return {"rules": await self._read(lambda: self.store.read(queries.precision))}

    async def proposals(self, call: Call) -> Any:
        return {"proposals": await self._read(lambda: self.store.read(queries.proposals))}

    async def stats(self, call: Call) -> Any:
        asked: StatsQuery = call.query
        rows = await self._read(lambda: self.store.read(queries.stats, asked.by, _wanted(asked)))
        return {"by": asked.by, "rows": rows}

    async def cases(self, call: Call) -> Any:
        lines = (msgspec.json.encode(case) + b"\n" for case in self.store.cases())
        parts = _together(lines)
        first = await self._read(lambda: next(parts, b""))
        return Reply(first, kind=b"application/jsonl", rest=lambda: self._read(lambda: next(parts, b"")))

    async def _written(self, submit: Callable[[], Future[T]]) -> T:
        """Wait for the commit; a database that is away or behind is a reason to come back, not an error of the request."""
        try:
            return await asyncio.wrap_future(submit())
        except Full:
            self.desk.metrics.refused.labels("database").inc()
            raise overloaded("the database is behind") from None
        except SQLAlchemyError as error:
            raise self._away(error) from None

    async def _read(self, query: Callable[[], T]) -> T:
        try:
            return await asyncio.get_running_loop().run_in_executor(self.readers, query)
        except SQLAlchemyError as error:
            raise self._away(error) from None

    def _away(self, error: SQLAlchemyError) -> Refused:
        log_place(error)
        self.desk.metrics.refused.labels("database").inc()
        return overloaded("the database does not answer", 5)


def _together(lines: Iterator[bytes]) -> Iterator[bytes]:
    """Join lines to parts worth sending."""
    part = b""
    for line in lines:
        part += line
        if len(part) > 65_536:
            yield part
            part = b""
    if part:
        yield part


def _wanted(asked: Queue | StatsQuery) -> Wanted:
    status = getattr(asked, "status", None) or ""
    return Wanted(status, asked.rule or "", asked.agent or "", asked.shop or "", asked.since or "", asked.until or "")
