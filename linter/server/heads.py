"""Bytes of a connection in, requests whose heads are bounded out: in size, and in the time they take to come.

uvicorn's fast parser holds the head of a request, however long it is, until it is whole, and waits for it for ever. Whoever
sends one has not said a token yet.
"""

from __future__ import annotations

import asyncio
from typing import Any

from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

MOST = 65_536  # bytes of a head
SECONDS = 10.0  # that it may take


class BoundedHeads(HttpToolsProtocol):
    """uvicorn's protocol that ends a connection whose head is too long or too slow."""

    _size = 0  # bytes of the head that is coming
    _coming = False
    _timer: asyncio.TimerHandle | None = None

    def connection_made(self, transport: Any) -> None:
        super().connection_made(transport)
        self._wait()

    def connection_lost(self, exc: Exception | None) -> None:
        self._whole()
        super().connection_lost(exc)

    def on_message_begin(self) -> None:
        self._coming, self._size = True, 0
        super().on_message_begin()

    def on_headers_complete(self) -> None:
        self._whole()
        super().on_headers_complete()

    def data_received(self, data: bytes) -> None:
        super().data_received(data)
        if not self._coming or self.transport.is_closing():
            return
        self._size += len(data)
        if self._size > MOST:
            self.send_400_response("The head of the request is too large.")
        elif self._timer is None:
            self._wait()

    def _wait(self) -> None:
        self._timer = self.loop.call_later(SECONDS, self._close)

    def _whole(self) -> None:
        self._coming = False
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None

    def _close(self) -> None:
        if not self.transport.is_closing():
            self.transport.close()
