"""What a request is refused with, and how an unforeseen error is logged: its kind and place, never a word of a message."""

from __future__ import annotations

import logging
import traceback
from pathlib import Path
from typing import Any

log = logging.getLogger("kefulint.server")


class Refused(Exception):
    """The request is not answered: an HTTP status, a code for programs, a message for people."""

    def __init__(self, status: int, code: str, message: str, *, retry_after: int = 0, **more: Any) -> None:
        super().__init__(code)
        self.status = status
        self.retry_after = retry_after
        self.body = {"error": {"code": code, "message": message, **more}}


def overloaded(what: str, retry_after: int = 1) -> Refused:
    """Return the refusal of a server that has enough to do: at once, and with a time to come back."""
    return Refused(503, "overloaded", f"{what}, try again later", retry_after=retry_after)


def log_place(error: BaseException) -> None:
    """Log an error nobody foresaw. Its own text may quote a message, so only its type and place are written."""
    frames = traceback.extract_tb(error.__traceback__)[-4:]
    places = " < ".join(f"{Path(frame.filename).name}:{frame.lineno} {frame.name}" for frame in reversed(frames))
    log.error("%s at %s", type(error).__name__, places)
