"""The WebSocket for checks as somebody types: texts come in with a number, answers go out with the same number.

A connection has one place to wait: a newer text takes the place of an older one that was not judged yet, so a fast typist
on a slow day gets the answer to what is on the screen now, and nothing queues up.
"""

from __future__ import annotations

import asyncio
import contextlib
from typing import Any

import msgspec
from starlette.websockets import WebSocket, WebSocketDisconnect

from linter.server.access import Caller
from linter.server.api import Expiry, Surroundings
from linter.server.bodies import Hello, Live, read
from linter.server.errors import Refused, log_place, overloaded

_STRANGERS = 256  # sockets that have not said a token yet
_HELLO = 10.0  # seconds for the first message where a token is needed
_REFUSED, _TRY_LATER = 4401, 1013  # close codes


class LiveChecks:
    """The route /v1/live."""

    def __init__(self, around: Surroundings) -> None:
        self.around = around
        self.open = 0
        self.strangers: dict[asyncio.Future[bytes], None] = {}  # the oldest first

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        socket = WebSocket(scope, receive, send)
        try:
            caller = self.around.door.caller(scope)
        except Refused:
            await socket.close()  # before it was accepted: the browser sees status 403
            return
        await socket.accept()
        metrics = self.around.desk.metrics
        caller = caller or await self._met(socket)
        if caller is None:
            with contextlib.suppress(RuntimeError):  # it is gone
                await socket.close(_REFUSED)
            return
        if self.open >= self.around.desk.settings.live:
            metrics.refused.labels("connections").inc()
            await socket.close(_TRY_LATER)
            return
        self.open += 1
        metrics.live.set(self.open)
        try:
            await _Connection(socket, caller, self.around).run()
        except (WebSocketDisconnect, RuntimeError):
            pass  # it is gone
        finally:
            self.open -= 1
            metrics.live.set(self.open)

    async def _met(self, socket: WebSocket) -> Caller | None:
        """Return who says a token first of all. Sockets that have not said one yet are bounded: the oldest has to go."""
        hello = asyncio.ensure_future(_next(socket))
        self.strangers[hello] = None
        if len(self.strangers) > _STRANGERS:
            next(iter(self.strangers)).cancel()
        try:
            await asyncio.wait({hello}, timeout=_HELLO)
            if hello.done() and not hello.cancelled():
                return self.around.door.known(read(Hello, hello.result()).token)
        except (Refused, WebSocketDisconnect):
            return None
        finally:
            del self.strangers[hello]
            hello.cancel()
        return None


class _Connection:
    """One connection: a reader that keeps the newest request, and a judge that takes it."""

    def __init__(self, socket: WebSocket, caller: Caller, around: Surroundings) -> None:
        self.socket = socket
        self.caller = caller
        self.around = around
        self.newest: bytes | None = None
        self.came = asyncio.Event()

    async def run(self) -> None:
        judge = asyncio.create_task(self._judge())
        try:
            while True:
                self.newest = await _next(self.socket)
                self.came.set()
                if judge.done():
                    return
        finally:
            judge.cancel()
            await asyncio.gather(judge, return_exceptions=True)

    async def _judge(self) -> None:
        while True:
            await self.came.wait()
            self.came.clear()
            raw, self.newest = self.newest, None
            if raw is not None:
                await self.socket.send_text((await self._said(raw)).decode())

    async def _said(self, raw: bytes) -> bytes:
        """Return the answer, or what is wrong, with the request's number."""
        try:
            ask = read(Live, raw)
        except Refused as refused:
            return msgspec.json.encode({"seq": _number(raw)} | refused.body)
        try:
            self.around.rates.check(self.caller, self.socket.scope)
            answer = await self._answer(ask)
            return msgspec.json.encode({"seq": ask.seq} | answer)
        except Refused as refused:
            return msgspec.json.encode({"seq": ask.seq} | refused.body)
        except TimeoutError:
            return msgspec.json.encode({"seq": ask.seq} | overloaded("it took too long").body)
        except Exception as error:
            log_place(error)
            return msgspec.json.encode(
                {"seq": ask.seq, "error": {"code": "internal", "message": "an error of the server"}}
            )

    async def _answer(self, ask: Live) -> dict[str, Any]:
        desk = self.around.desk
        desk.enter()
        try:
            with Expiry(desk.settings.timeout):
                return await desk.answered(ask)
        finally:
            desk.leave()


def _number(raw: bytes) -> int | None:
    """Return the number of a request that cannot be read otherwise."""
    try:
        seq = msgspec.json.decode(raw)["seq"]
    except (ValueError, KeyError, TypeError, RecursionError):
        return None
    return seq if isinstance(seq, int) else None


async def _next(socket: WebSocket) -> bytes:
    message = await socket.receive()
    if message["type"] == "websocket.disconnect":
        raise WebSocketDisconnect(message.get("code", 1006))
    text = message.get("text")
    return text.encode("utf-8", "surrogatepass") if text is not None else message.get("bytes") or b""
