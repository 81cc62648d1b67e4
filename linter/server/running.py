"""An application in, a process that serves it out: the socket, the signals, and a stop that finishes what was accepted."""

from __future__ import annotations

import asyncio
import contextlib
import logging
import signal
import socket
from pathlib import Path
from types import FrameType
from typing import Any

import click
import uvicorn

from linter.lexicon import shipped_folder
from linter.model import KefulintError
from linter.server.access import is_loopback
from linter.server.app import App
from linter.server.heads import BoundedHeads
from linter.server.settings import Settings

log = logging.getLogger("kefulint.server")


class _Server(uvicorn.Server):
    """Says where it listens, and on a first signal is "not ready" for a moment before it stops."""

    def __init__(self, config: uvicorn.Config, app: App, address: str) -> None:
        super().__init__(config)
        self.app = app
        self.address = address
        self.loop: asyncio.AbstractEventLoop | None = None
        self.tasks: set[asyncio.Task[None]] = set()

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        loop = self.loop = asyncio.get_running_loop()
        if hasattr(signal, "SIGHUP"):
            loop.add_signal_handler(signal.SIGHUP, self._ask_to_reload)
        if self.app.settings.watch:
            self.tasks.add(loop.create_task(self._watch()))
        await super().startup(sockets)
        click.echo(f"kefulint serves {self.address} (lexicons {self.app.desk.bench.version})")

    def _ask_to_reload(self) -> None:
        task = asyncio.get_running_loop().create_task(self._reload())
        self.tasks.add(task)
        task.add_done_callback(self.tasks.discard)

    async def _reload(self) -> None:
        with contextlib.suppress(KefulintError):  # logged, and told by /readyz
            await self.app.reload()

    async def _watch(self) -> None:
        """Reload when a file of the lexicons has changed and nothing more has for a moment."""
        from watchfiles import awatch

        folders: list[str | Path] = [shipped_folder(), *self.app.settings.lexicons]
        async for _ in awatch(*folders, watch_filter=lambda _, path: path.endswith(".yaml"), debounce=800, step=200):
            await self._reload()

    def handle_exit(self, sig: int, frame: FrameType | None) -> None:
        if self.app.desk.stopping or self.loop is None:
            super().handle_exit(sig, frame)
            return
        self.app.desk.stopping = True
        self.loop.call_soon_threadsafe(self.loop.call_later, self.app.settings.drain, self._stop)

    def _stop(self) -> None:
        self.should_exit = True

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        for task in self.tasks:
            task.cancel()
        await super().shutdown(sockets)


def serve(settings: Settings) -> None:
    """Serve until a signal says stop; raise KefulintError where that cannot start."""
    if not settings.tokens and not is_loopback(settings.host):
        raise KefulintError(
            f"--host {settings.host} is not this machine's own, expected --tokens FILE or a loopback address"
        )
    logging.basicConfig(format="%(asctime)s %(levelname)s %(name)s: %(message)s", level=logging.WARNING)
    log.setLevel(logging.INFO)
    if hasattr(signal, "SIGHUP"):
        signal.signal(signal.SIGHUP, signal.SIG_IGN)  # until there is something to reload
    app = App(settings)
    listening = _bound(settings.host, settings.port)
    port = listening.getsockname()[1]
    config = uvicorn.Config(
        app, http=BoundedHeads, log_config=None, access_log=False, proxy_headers=False, server_header=False, lifespan="off",
        ws_max_size=settings.body, ws_max_queue=4, timeout_keep_alive=30, timeout_graceful_shutdown=settings.grace,
    )  # fmt: skip
    shown = f"[{settings.host}]" if ":" in settings.host else settings.host
    try:
        _Server(config, app, f"http://{shown}:{port}/").run(sockets=[listening])
    finally:
        app.close()


def _bound(host: str, port: int) -> socket.socket:
    try:
        return socket.create_server(
            (host, port), family=socket.AF_INET6 if ":" in host else socket.AF_INET, backlog=1024
        )
    except (OSError, OverflowError) as error:
        raise KefulintError(f"cannot listen on {host}:{port} ({error}), expected a free port of this machine") from None


__all__: list[Any] = ["serve"]
