"""What the server was told at its start. Everything is a value; nothing is read from the environment."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

BODY = 1_048_576  # bytes of a request's body


@dataclass(frozen=True, slots=True)
class Settings:
    """Addresses, limits and files of one server."""

    host: str = "127.0.0.1"
    port: int = 8717
    platforms: tuple[str, ...] = ("taobao",)
    lexicons: tuple[str, ...] = ()
    tokens: Path | None = None
    origins: tuple[str, ...] = ()  # other origins whose pages may ask (CORS)
    database: str = ""  # a URL; empty: SQLite in the private folder
    keep_text: bool = False  # contacts stay readable in the database
    watch: bool = False  # reload when a lexicon's file changes
    body: int = BODY
    timeout: float = 10.0  # seconds a request may take
    running: int = 256  # requests that are being answered at a time
    waiting: int = 16  # long texts that wait for a thread
    threads: int = 2  # that judge long texts
    live: int = 1000  # WebSockets
    rate: int = 0  # requests a second of one caller; 0: no limit
    drain: float = 0.5  # seconds between "not ready" and the stop
    grace: int = 20  # seconds that accepted requests have to finish
