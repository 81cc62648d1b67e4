"""The one place on disk that the engine writes to by itself: a cache folder that only its user can read or write."""

from __future__ import annotations

import os
from pathlib import Path

from linter.model import KefulintError


def private_folder() -> Path:
    """Return a cache folder that only this user can read or write; raise KefulintError where there is none to be had."""
    base = os.environ.get("KEFULINT_CACHE") or os.environ.get("XDG_CACHE_HOME")
    folder = Path(base) / "kefulint" if base else Path.home() / ".cache" / "kefulint"
    try:
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        folder.chmod(0o700)
    except OSError:
        import tempfile

        folder = Path(tempfile.mkdtemp(prefix="kefulint-"))
    if hasattr(os, "getuid") and folder.stat().st_uid != os.getuid():
        raise KefulintError(f"{folder}:1: the cache folder belongs to somebody else, expected one of your own")
    return folder
