"""Real things for the browser tests: a Chromium, a `kefulint serve`, a slow road to it, and a web tool on another origin."""

from __future__ import annotations

import contextlib
import os
import re
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest

CHROMIUM = "/usr/bin/chromium"
FLAGS = [
    "--no-sandbox", "--disable-gpu", "--disable-background-networking", "--disable-component-update", "--disable-sync",
    "--no-first-run",
]  # fmt: skip
LOOKS = Path(__file__).parent / "looks"


def look(name: str) -> str:
    """Return a function of the folder `looks`, to be run in a page."""
    return (LOOKS / f"{name}.js").read_text(encoding="utf-8").partition("\n")[2]


@contextlib.contextmanager
def chromium() -> Iterator[Any]:
    """Start the system's browser, or skip."""
    playwright = pytest.importorskip("playwright.sync_api", reason="no playwright (pip install playwright)")
    if not Path(CHROMIUM).exists():
        pytest.skip(f"no {CHROMIUM} (apt-get install chromium)")
    with playwright.sync_playwright() as started:
        browser = started.chromium.launch(executable_path=CHROMIUM, args=FLAGS)
        yield browser
        browser.close()


class Served:
    """A running `kefulint serve`; `stop` kills it by its own number, `start` brings it back to the same address."""

    def __init__(self, folder: Path, *options: str) -> None:
        self.folder, self.options, self.port = folder, options, 0
        self.start()

    def start(self) -> None:
        command = [sys.executable, "-m", "linter", "serve", "--port", str(self.port), *self.options]
        command += ["--database", f"sqlite:///{self.folder / 'decisions.db'}"]
        self.process = subprocess.Popen(
            command, stdout=subprocess.PIPE, text=True, env=dict(os.environ, PYTHONUNBUFFERED="1")
        )
        assert self.process.stdout
        said = self.process.stdout.readline()
        found = re.search(r"http://[\d.]+:(\d+)/", said)
        assert found, said
        self.url, self.port = found.group(), int(found.group(1))

    def stop(self) -> None:
        self.process.kill()
        self.process.wait()
        if self.process.stdout:
            self.process.stdout.close()


class _Quiet(SimpleHTTPRequestHandler):
    def log_message(self, *_: Any) -> None:
        """Say nothing."""


@contextlib.contextmanager
def folder_served(folder: Path) -> Iterator[str]:
    """Serve a folder, as an agent's tool would be, and yield its origin."""
    server = ThreadingHTTPServer(("127.0.0.1", 0), partial(_Quiet, directory=str(folder)))
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    yield f"http://127.0.0.1:{server.server_port}"
    server.shutdown()
    server.server_close()
    thread.join()


class SlowRoad:
    """A TCP proxy to a server that lets every answer wait `delay` seconds."""

    def __init__(self, port: int, delay: float) -> None:
        self.to, self.delay = port, delay
        self.listening = socket.create_server(("127.0.0.1", 0))
        self.url = f"http://127.0.0.1:{self.listening.getsockname()[1]}/"
        threading.Thread(target=self._accept, daemon=True).start()

    def _accept(self) -> None:
        while True:
            try:
                client, _ = self.listening.accept()
            except OSError:
                return
            server = socket.create_connection(("127.0.0.1", self.to))
            threading.Thread(target=self._carry, args=(client, server, 0.0), daemon=True).start()
            threading.Thread(target=self._carry, args=(server, client, self.delay), daemon=True).start()

    def _carry(self, come: socket.socket, go: socket.socket, delay: float) -> None:
        with contextlib.suppress(OSError), come, go:
            while data := come.recv(65536):
                time.sleep(delay if self.delay else 0)
                go.sendall(data)

    def close(self) -> None:
        self.listening.close()
