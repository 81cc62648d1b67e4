"""Folders of lexicons in, the compiled form out: from a private file where the same bytes were compiled before.

The file's name is a digest of everything the compiled form depends on: the bytes of the lexicons, of the modules that make
it, and the versions of Python and of the libraries whose tables go into it. Any change is another name, so nothing is ever
out of date. The folder and the file must belong to the user and be closed to others, and the content is read by an
unpickler that knows our own values only (`packed`). The checksum at its head is for broken disks, not for enemies: who can
write the file could write any digest too.
"""

from __future__ import annotations

import os
import pickle
import stat
import sys
import zlib
from collections.abc import Sequence
from functools import lru_cache
from importlib.util import find_spec
from pathlib import Path
from typing import BinaryIO

from linter.compiled import Compiled, compiled
from linter.entries import files, shipped_folder
from linter.folder import private_folder
from linter.model import KefulintError
from linter.packed import pack, unpack

MADE_BY = (  # this package's modules that the compiled form depends on
    "compiled.py", "entries.py", "lexicon.py", "model.py", "nodes.py", "packed.py", "pattern.py", "rulebook.py", "scan.py",
    "shapes.py", "spellings.py", "terms.py", "text.py", "wordings.py",
)  # fmt: skip
_LIBRARIES = ("ahocorasick", "opencc", "pypinyin")
_KEPT = 8  # compiled forms in the folder; the oldest are removed
_CHECKSUM = 4  # bytes
_PART = 1 << 16


@lru_cache(maxsize=8)
def ready(folders: tuple[str, ...] = ()) -> Compiled:
    """Return the compiled lexicons of the shipped folder and of those named; raise LexiconError where they do not load."""
    path = _path(folders)
    found = _load(path) if path else None
    if found is None:
        from linter.lexicon import load_lexicon

        found = compiled(load_lexicon(folders))
        if path:
            _save(found, path)
    return found


def _path(folders: Sequence[str]) -> Path | None:
    """Return where the compiled form would be, or None where there is no place or a folder is missing."""
    if os.environ.get("KEFULINT_NO_CACHE"):
        return None
    try:
        return private_folder() / f"lexicon-{_key([shipped_folder(), *map(Path, folders)])}.bin"
    except (KefulintError, OSError):
        return None


def _key(folders: Sequence[Path]) -> str:
    import hashlib

    digest = hashlib.sha256(sys.version.encode())
    for name in _LIBRARIES:
        spec = find_spec(name)
        place = Path(spec.origin) if spec and spec.origin else None
        digest.update(f"{name} {place} {place.stat().st_mtime_ns if place else 0}\0".encode())
    own = Path(__file__).parent
    for number, folder in enumerate([own, *folders]):
        for path in files([folder]) if number else (own / name for name in MADE_BY):
            data = path.read_bytes()
            digest.update(f"{number} {path.relative_to(folder).as_posix()} {len(data)}\0".encode() + data)
    return digest.hexdigest()[:40]


def _load(path: Path) -> Compiled | None:
    """Return what the file holds, or None where it is missing, broken, or could be somebody else's."""
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
    return found if isinstance(found, Compiled) else None


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


def _save(made: Compiled, path: Path) -> None:
    """Write the file in one step; a full disk or a read-only folder only costs the next run its time."""
    import tempfile

    data = pack(made)
    try:
        handle, name = tempfile.mkstemp(dir=path.parent, prefix=".lexicon-")
        with os.fdopen(handle, "wb") as stream:
            stream.write(_checksum(zlib.crc32(data)) + data)
        Path(name).replace(path)
        _prune(path.parent)
    except OSError:
        return


def _prune(folder: Path) -> None:
    known = sorted(folder.glob("lexicon-*.bin"), key=lambda path: path.stat().st_mtime, reverse=True)
    for path in known[_KEPT:]:
        path.unlink(missing_ok=True)
