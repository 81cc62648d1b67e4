"""An application in, a process that serves it out: the socket, the signals, and a stop that finishes what was accepted."""

from __future__ import annotations

import asyncio
import logging
import signal
import socket
from types import FrameType
from typing import Any

import click
import uvicorn

from linter.model import KefulintError
from linter.server.access import is_loopback
from linter.server.app import App
from linter.server.settings import Settings

log = logging.getLogger("kefulint.server")


class _Server(uvicorn.Server):
    """Says where it listens, and on a first signal is "not ready" for a moment before it stops."""

    def __init__(self, config: uvicorn.Config, app: App, address: str) -> None:
        super().__init__(config)
        self.app = app
        self.address = address

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        loop = asyncio.get_running_loop()
        loop.add_signal_handler(signal.SIGHUP, lambda: loop.create_task(self._reload()))
        await super().startup(sockets)
        click.echo(f"kefulint serves {self.address} (lexicons {self.app.desk.bench.version})")

    async def _reload(self) -> None:
        try:
            await self.app.desk.reload()
        except KefulintError:
            pass  # logged, and told by /readyz

    def handle_exit(self, sig: int, frame: FrameType | None) -> None:
        if self.app.desk.stopping:
            super().handle_exit(sig, frame)
            return
        self.app.desk.stopping = True
        loop = asyncio.get_running_loop()
        loop.call_soon_threadsafe(loop.call_later, self.app.settings.drain, self._stop)

    def _stop(self) -> None:
        self.should_exit = True


def serve(settings: Settings) -> None:
    """Serve until a signal says stop; raise KefulintError where that cannot start."""
    if not settings.tokens and not is_loopback(settings.host):
        raise KefulintError(
            f"--host {settings.host} is not this machine's own, expected --tokens FILE or a loopback address"
        )
    logging.basicConfig(format="%(asctime)s %(levelname)s %(name)s: %(message)s", level=logging.INFO)
    app = App(settings)
    listening = _bound(settings.host, settings.port)
    port = listening.getsockname()[1]
    config = uvicorn.Config(
        app, log_config=None, access_log=False, proxy_headers=False, server_header=False, lifespan="off",
        ws_max_size=settings.body, ws_max_queue=4, timeout_keep_alive=30, timeout_graceful_shutdown=settings.grace,
    )  # fmt: skip
    logging.getLogger("uvicorn").setLevel(logging.WARNING)
    shown = f"[{settings.host}]" if ":" in settings.host else settings.host
    _Server(config, app, f"http://{shown}:{port}/").run(sockets=[listening])


def _bound(host: str, port: int) -> socket.socket:
    try:
        return socket.create_server(
            (host, port), family=socket.AF_INET6 if ":" in host else socket.AF_INET, backlog=1024
        )
    except (OSError, OverflowError) as error:
        raise KefulintError(f"cannot listen on {host}:{port} ({error}), expected a free port of this machine") from None


__all__: list[Any] = ["serve"]
