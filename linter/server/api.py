"""One operation as an ASGI application: who asks, what they ask, the answer, and nothing that could leave a trace of it.

An operation is a value: path, role, models, and the function that answers. The router, the checks and the description of
the API are all made from the same values, so that none of them can promise what another does not hold.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import Any, NamedTuple
from urllib.parse import parse_qsl

import msgspec

from linter.server.access import Caller, Door
from linter.server.bodies import Body, read, read_query
from linter.server.desk import Bench, Desk
from linter.server.errors import Refused, log_place, overloaded
from linter.server.rates import Rates

Scope = Mapping[str, Any]
Receive = Callable[[], Awaitable[Any]]
Send = Callable[[Any], Awaitable[None]]
_NOBODY = Caller("", "agent")
_PATIENCE = 64 << 20  # bytes of a body that is refused all the same
_encode = msgspec.json.Encoder().encode


class Call(NamedTuple):
    """One request, checked."""

    caller: Caller
    body: Any  # the operation's model, or None
    path: Mapping[str, str]
    query: Any  # the operation's model of the query, or None


class Reply(NamedTuple):
    """What goes back. Operations return plain data where it is JSON with status 200."""

    content: bytes
    status: int = 200
    kind: bytes = b"application/json; charset=utf-8"
    headers: tuple[tuple[bytes, bytes], ...] = ()
    rest: Callable[[], Awaitable[bytes]] | None = None  # gives further parts of a long content, at last an empty one


_NOSNIFF = (b"x-content-type-options", b"nosniff")
_GONE = Reply(b"", 499)  # the client went away


def said(data: Any, status: int) -> Reply:
    """Return JSON with another status than 200."""
    return Reply(_encode(data), status)


@dataclass(frozen=True, slots=True)
class Operation:
    """One thing that can be asked."""

    method: str
    path: str
    summary: str
    run: Callable[[Call], Awaitable[Any]]
    role: str | None = "agent"  # None: open to everybody who reaches the server
    body: type[Body] | None = None
    query: type[Body] | None = None
    gives: type[msgspec.Struct] | str = "application/json"
    statuses: tuple[int, ...] = (200,)  # where it was answered
    tag: str = "check"
    errors: tuple[int, ...] = ()
    gated: bool = True  # takes one of the places for requests


@dataclass(frozen=True)
class Surroundings:
    """What all operations share."""

    desk: Desk
    door: Door
    rates: Rates
    reload: Callable[[], Awaitable[Bench]]


class Expiry:
    """Ends what runs inside with a TimeoutError after some seconds; a timer, and nothing more on the way of the fast."""

    __slots__ = ("_expired", "_seconds", "_task", "_timer")

    def __init__(self, seconds: float) -> None:
        self._seconds = seconds
        self._expired = False

    def __enter__(self) -> None:
        self._task = asyncio.current_task()
        self._timer = asyncio.get_running_loop().call_later(self._seconds, self._expire)

    def _expire(self) -> None:
        self._expired = True
        if self._task:
            self._task.cancel()

    def __exit__(self, kind: type[BaseException] | None, *_: object) -> None:
        self._timer.cancel()
        if self._expired and kind is asyncio.CancelledError:
            if self._task and hasattr(self._task, "uncancel"):
                self._task.uncancel()
            raise TimeoutError


class Endpoint:
    """Answers the requests of one path."""

    def __init__(self, path: str, operations: Iterable[Operation], around: Surroundings) -> None:
        self.path = path
        self.operations = {operation.method: operation for operation in operations}
        self.around = around
        self._metrics = around.desk.metrics.requests(path)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        started = time.perf_counter()
        reply = await self._reply(scope, receive)
        if reply is not _GONE:
            await _send(send, reply, last=self.around.desk.stopping)
        self._metrics.count(reply.status, time.perf_counter() - started)

    async def _reply(self, scope: Scope, receive: Receive) -> Reply:
        try:
            with Expiry(self.around.desk.settings.timeout):
                data = await self._answer(scope, receive)
            return data if isinstance(data, Reply) else Reply(_encode(data))
        except Refused as refused:
            return _failure(refused)
        except TimeoutError:
            return _failure(overloaded("it took too long"))
        except _Gone:
            return _GONE
        except Exception as error:
            log_place(error)
            return _failure(Refused(500, "internal", "an error of the server, which has logged it"))

    async def _answer(self, scope: Scope, receive: Receive) -> Any:
        operation = self._operation(scope["method"])
        caller = self._caller(operation, scope)
        if not operation.gated:
            return await operation.run(await self._call(operation, caller, scope, receive))
        self.around.rates.check(caller, scope)
        call = await self._call(operation, caller, scope, receive)  # before a place is taken: a slow body holds none
        desk = self.around.desk
        desk.enter()
        try:
            await asyncio.sleep(0)  # whoever has come meanwhile is counted, or refused, before anybody is judged
            return await operation.run(call)
        finally:
            desk.leave()

    def _operation(self, method: str) -> Operation:
        operation = self.operations.get(method) or (self.operations.get("GET") if method == "HEAD" else None)
        if operation is None:
            raise Refused(405, "method", f"expected {' or '.join(sorted(self.operations))}")
        return operation

    def _caller(self, operation: Operation, scope: Scope) -> Caller:
        if operation.role is None:
            return _NOBODY
        caller = self.around.door.caller(scope)
        if caller is None:
            raise Refused(401, "unauthorized", "no token, expected the header Authorization: Bearer TOKEN")
        if not caller.may(operation.role):
            raise Refused(403, "forbidden", f"the token's role is {caller.role}, expected {operation.role}")
        return caller

    async def _call(self, operation: Operation, caller: Caller, scope: Scope, receive: Receive) -> Call:
        body = query = None
        if operation.body:
            body = read(operation.body, await self._body(scope, receive))
        if operation.query:
            given = dict(parse_qsl(scope.get("query_string", b"").decode("latin-1"), errors="replace"))
            query = read_query(operation.query, given)
        return Call(caller, body, scope.get("path_params") or {}, query)

    async def _body(self, scope: Scope, receive: Receive) -> bytes:
        """Read a body of bounded size, whatever its head says about it; all that are being read have a bound too."""
        most, desk = self.around.desk.settings.body, self.around.desk
        if any(name == b"content-length" and int(value) > most for name, value in scope["headers"]):
            raise await _too_large(most, receive)
        parts: list[bytes] = []
        size = 0
        try:
            while True:
                part, more = await _part(receive)
                desk.hold(len(part))
                parts.append(part)
                size += len(part)
                if size > most:
                    raise await _too_large(most, receive, more=more)
                if not more:
                    return parts[0] if len(parts) == 1 else b"".join(parts)
        finally:
            desk.hold(-size)


class _Gone(Exception):
    """The client went away."""


async def _part(receive: Receive) -> tuple[bytes, bool]:
    """Return the next part of a body, and whether more of it comes."""
    message = await receive()
    if message["type"] == "http.disconnect":
        raise _Gone
    return message.get("body", b""), message.get("more_body", False)


async def _too_large(most: int, receive: Receive, *, more: bool = True) -> Refused:
    """Return the refusal once the rest has come: a client that is still sending would not see it."""
    size = 0
    while more and size < _PATIENCE:
        part, more = await _part(receive)
        size += len(part)
    return Refused(413, "too-large", f"the body is too large, expected at most {most} bytes")


def _failure(refused: Refused) -> Reply:
    headers: list[tuple[bytes, bytes]] = []
    if refused.retry_after:
        headers.append((b"retry-after", str(refused.retry_after).encode()))
    if refused.status == 401:
        headers.append((b"www-authenticate", b"Bearer"))
    if refused.status == 413:
        headers.append((b"connection", b"close"))  # the rest of the body is not worth reading
    return Reply(_encode(refused.body), refused.status, headers=tuple(headers))


async def _send(send: Send, reply: Reply, *, last: bool) -> None:
    """Send a reply; the last one on a connection says so, that its client goes elsewhere."""
    headers = [(b"content-type", reply.kind), (b"cache-control", b"no-store"), _NOSNIFF, *reply.headers]
    if last:
        headers.append((b"connection", b"close"))
    if reply.rest is None:
        headers.append((b"content-length", str(len(reply.content)).encode()))
    await send({"type": "http.response.start", "status": reply.status, "headers": headers})
    part = reply.content
    while reply.rest is not None and part:
        await send({"type": "http.response.body", "body": part, "more_body": True})
        part = await reply.rest()
    await send({"type": "http.response.body", "body": part})
