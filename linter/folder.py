"""The one place on disk that the engine writes to by itself: a cache folder that only its user can read or write.

The folder and its files must belong to the user and be closed to others, and what they hold is read by an unpickler that
knows our own values only (`packed`). The checksum at a file's head is for broken disks, not for enemies: who can write the
file could write any digest too.
"""

from __future__ import annotations

import os
import pickle
import stat
import zlib
from collections.abc import Callable
from pathlib import Path
from typing import BinaryIO, TypeVar

from linter.model import KefulintError
from linter.packed import pack, unpack

_KEPT = 8  # files of a kind in the folder; the oldest are removed
_CHECKSUM = 4  # bytes
_PART = 1 << 16
T = TypeVar("T")


def private_folder() -> Path:
    """Return a cache folder that only this user can read or write; raise KefulintError where there is none to be had.

    Where the usual one cannot be written it is one of the temporary folder, the same at every run.
    """
    folder = _made(_usual, Path.stat) or _made(_temporary, Path.lstat)  # in the shared one anybody could put a link
    if folder is None:
        raise KefulintError(f"{_temporary()}:1: belongs to somebody else or cannot be written, expected a cache folder")
    return folder


def _made(where: Callable[[], Path], look: Callable[[Path], os.stat_result]) -> Path | None:
    """Make a folder and close it to others; return None where that cannot be done, or where it is somebody else's."""
    try:
        folder = where()
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        if not _is_own(look(folder)):
            return None
        folder.chmod(0o700)
    except (OSError, RuntimeError):  # RuntimeError: there is no home
        return None
    return folder


def _usual() -> Path:
    base = os.environ.get("KEFULINT_CACHE") or os.environ.get("XDG_CACHE_HOME")
    return Path(base) / "kefulint" if base else Path.home() / ".cache" / "kefulint"


def _temporary() -> Path:
    import tempfile

    return Path(tempfile.gettempdir(), f"kefulint-{os.getuid() if hasattr(os, 'getuid') else 'cache'}")


def _is_own(status: os.stat_result) -> bool:
    return stat.S_ISDIR(status.st_mode) and (not hasattr(os, "getuid") or status.st_uid == os.getuid())


def kept(path: Path, kind: type[T]) -> T | None:
    """Return what a file of the folder holds, or None where it is missing, broken, or could be somebody else's."""
    try:
        handle = os.open(path, os.O_RDONLY | getattr(os, "O_NOFOLLOW", 0))
    except OSError:
        return None
    if not _is_private(os.fstat(handle)):
        os.close(handle)
        return None
    with os.fdopen(handle, "rb") as stream:
        if not _is_whole(stream):
            return None
        try:
            found = unpack(stream)
        except (pickle.UnpicklingError, AttributeError, EOFError, ImportError, IndexError, TypeError, ValueError):
            return None
    return found if isinstance(found, kind) else None


def _is_whole(stream: BinaryIO) -> bool:
    """Is the content what was written? The stream is left where it begins."""
    wanted, found = stream.read(_CHECKSUM), 0
    part = bytearray(_PART)
    while size := stream.readinto(part):  # type: ignore[attr-defined]
        found = zlib.crc32(memoryview(part)[:size], found)
    stream.seek(_CHECKSUM)
    return wanted == _checksum(found)


def _checksum(sum_: int) -> bytes:
    return sum_.to_bytes(_CHECKSUM, "big")


def _is_private(status: os.stat_result) -> bool:
    """Is it a file of this user that nobody else can write?"""
    if not stat.S_ISREG(status.st_mode) or status.st_mode & 0o022:
        return False
    return not hasattr(os, "getuid") or status.st_uid == os.getuid()


def keep(made: object, path: Path) -> None:
    """Write the file in one step; a full disk or a read-only folder only costs the next run its time."""
    import tempfile

    data = pack(made)
    try:
        handle, name = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}")
        with os.fdopen(handle, "wb") as stream:
            stream.write(_checksum(zlib.crc32(data)) + data)
        Path(name).replace(path)
        _prune(path.parent, path.name.partition("-")[0])
    except OSError:
        return


def _prune(folder: Path, kind: str) -> None:
    known = sorted(folder.glob(f"{kind}-*.bin"), key=lambda path: path.stat().st_mtime, reverse=True)
    for path in known[_KEPT:]:
        path.unlink(missing_ok=True)
