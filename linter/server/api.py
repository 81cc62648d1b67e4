"""One operation as an ASGI application: who asks, what they ask, the answer, and nothing that could leave a trace of it.

An operation is a value: path, role, models, and the function that answers. The router, the checks and the description of
the API are all made from the same values, so that none of them can promise what another does not hold.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable, Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import parse_qsl

import anyio
import orjson
from pydantic import BaseModel

from linter.server.access import Caller, Door
from linter.server.bodies import Body, read
from linter.server.desk import Desk
from linter.server.errors import Refused, log_place
from linter.server.rates import Rates

Scope = Mapping[str, Any]
Receive = Callable[[], Awaitable[Any]]
Send = Callable[[Any], Awaitable[None]]
_JSON = (b"content-type", b"application/json; charset=utf-8")
_NO_STORE = (b"cache-control", b"no-store")


@dataclass(frozen=True, slots=True)
class Call:
    """One request, checked."""

    caller: Caller
    body: Any  # the operation's model, or None
    path: Mapping[str, str]
    query: Any  # the operation's model of the query, or None


@dataclass(frozen=True, slots=True)
class Reply:
    """An answer that is not plain JSON with status 200."""

    content: Any
    status: int = 200
    kind: str = "application/json; charset=utf-8"


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
    gives: type[BaseModel] | str = "application/json"
    status: int = 200
    tag: str = "check"
    errors: tuple[int, ...] = ()
    gated: bool = True  # takes one of the places for requests


@dataclass(frozen=True)
class Surroundings:
    """What all operations share."""

    desk: Desk
    door: Door
    rates: Rates = field(default_factory=lambda: Rates(0))


class Endpoint:
    """Answers the requests of one path."""

    def __init__(self, path: str, operations: Iterable[Operation], around: Surroundings) -> None:
        self.path = path
        self.operations = {operation.method: operation for operation in operations}
        self.around = around
        metrics = around.desk.metrics
        self._seconds = metrics.seconds.labels(path)
        self._requests = metrics.requests
        self._ok = metrics.requests.labels(path, "200")

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        started = time.perf_counter()
        status, content, headers = await self._reply(scope, receive)
        if status:
            await _send(send, status, content, headers)
        self._seconds.observe(time.perf_counter() - started)
        (self._ok if status == 200 else self._requests.labels(self.path, str(status or 499))).inc()

    async def _reply(self, scope: Scope, receive: Receive) -> tuple[int, bytes, list[tuple[bytes, bytes]]]:
        try:
            with anyio.fail_after(self.around.desk.settings.timeout):
                reply = await self._answer(scope, receive)
        except Refused as refused:
            return refused.status, orjson.dumps(refused.body), _refusal_headers(refused)
        except TimeoutError:
            refused = Refused(503, "timeout", "it took too long, try again later", retry_after=1)
            return 503, orjson.dumps(refused.body), _refusal_headers(refused)
        except _Gone:
            return 0, b"", []
        except Exception as error:
            log_place(error)
            return (
                500,
                b'{"error":{"code":"internal","message":"an error of the server, which has logged it"}}',
                [_JSON],
            )
        if not isinstance(reply, Reply):
            return 200, orjson.dumps(reply), [_JSON, _NO_STORE]
        content = reply.content if isinstance(reply.content, bytes) else orjson.dumps(reply.content)
        return reply.status, content, [(b"content-type", reply.kind.encode()), _NO_STORE]

    async def _answer(self, scope: Scope, receive: Receive) -> Any:
        operation = self._operation(scope["method"])
        caller = self.around.door.caller(scope) if operation.role else None
        if operation.role and caller is None:
            raise Refused(401, "unauthorized", "no token, expected the header Authorization: Bearer TOKEN")
        if operation.role and caller and not caller.may(operation.role):
            raise Refused(403, "forbidden", f"the token's role is {caller.role}, expected {operation.role}")
        caller = caller or Caller("", "agent")
        if not operation.gated:
            return await operation.run(await self._call(operation, caller, scope, receive))
        self.around.rates.check(caller, scope)
        with self.around.desk.place():
            call = await self._call(operation, caller, scope, receive)
            await asyncio.sleep(0)  # whoever has come meanwhile is counted, or refused, before anybody is judged
            return await operation.run(call)

    def _operation(self, method: str) -> Operation:
        operation = self.operations.get(method) or (self.operations.get("GET") if method == "HEAD" else None)
        if operation is None:
            raise Refused(405, "method", f"expected {' or '.join(sorted(self.operations))}")
        return operation

    async def _call(self, operation: Operation, caller: Caller, scope: Scope, receive: Receive) -> Call:
        body = None
        if operation.body:
            body = read(operation.body, await _body(scope, receive, self.around.desk.settings.body))
        query = _query(operation.query, scope) if operation.query else None
        return Call(caller, body, scope.get("path_params") or {}, query)


class _Gone(Exception):
    """The client went away."""


async def _body(scope: Scope, receive: Receive, most: int) -> bytes:
    """Read a body of bounded size, whatever its head says about it."""
    for name, value in scope["headers"]:
        if name == b"content-length" and int(value) > most:
            raise _too_large(most)
    parts: list[bytes] = []
    size = 0
    while True:
        message = await receive()
        if message["type"] == "http.disconnect":
            raise _Gone
        part = message.get("body", b"")
        size += len(part)
        if size > most:
            raise _too_large(most)
        parts.append(part)
        if not message.get("more_body"):
            return parts[0] if len(parts) == 1 else b"".join(parts)


def _too_large(most: int) -> Refused:
    return Refused(413, "too-large", f"the body is too large, expected at most {most} bytes")


def _query(model: type[Body], scope: Scope) -> Any:
    given = dict(parse_qsl(scope.get("query_string", b"").decode("latin-1"), errors="replace"))
    return read(model, orjson.dumps(given))


def _refusal_headers(refused: Refused) -> list[tuple[bytes, bytes]]:
    headers = [_JSON, _NO_STORE]
    if refused.retry_after:
        headers.append((b"retry-after", str(refused.retry_after).encode()))
    if refused.status == 401:
        headers.append((b"www-authenticate", b"Bearer"))
    if refused.status == 413:
        headers.append((b"connection", b"close"))
    return headers


async def _send(send: Send, status: int, content: bytes, headers: list[tuple[bytes, bytes]]) -> None:
    headers.append((b"content-length", str(len(content)).encode()))
    await send({"type": "http.response.start", "status": status, "headers": headers})
    await send({"type": "http.response.body", "body": content})
