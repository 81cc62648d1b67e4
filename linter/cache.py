"""Folders of lexicons in, the compiled form out: from a private file where the same bytes were compiled before.

The file's name is a digest of everything the compiled form depends on: the bytes of the lexicons, of the modules that make
it, and the versions of Python and of the libraries whose tables go into it. Any change is another name, so nothing is ever
out of date. Where the file lies, and how it is read, is `folder`'s.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Sequence
from functools import lru_cache
from importlib.util import find_spec
from pathlib import Path

from linter.compiled import Compiled, compiled
from linter.entries import files, shipped_folder
from linter.folder import keep, kept, private_folder
from linter.model import KefulintError

MADE_BY = (  # this package's modules that the compiled form depends on
    "characters.py", "compiled.py", "entries.py", "folder.py", "lexicon.py", "model.py", "nodes.py", "packed.py", "pattern.py", "rulebook.py", "scan.py",
    "shapes.py", "spellings.py", "terms.py", "text.py", "wordings.py",
)  # fmt: skip
_LIBRARIES = ("ahocorasick", "opencc", "pypinyin")


def ready(folders: Sequence[str] = ()) -> Compiled:
    """Return the compiled lexicons of the shipped folder and of those named; raise LexiconError where they do not load.

    What was compiled in this process already is given again as long as no byte of it has changed.
    """
    return _ready(key_of(folders), tuple(folders))


def forget() -> None:
    """Let go of what this process compiled."""
    _ready.cache_clear()


def key_of(folders: Sequence[str]) -> str:
    """Return the digest of all that the compiled form of some folders depends on, or '' where one cannot be read."""
    try:
        return _key([shipped_folder(), *map(Path, folders)])
    except OSError:  # loading will say why
        return ""


@lru_cache(maxsize=8)
def _ready(key: str, folders: tuple[str, ...]) -> Compiled:
    path = _path(key)
    found = kept(path, Compiled) if path else None
    if found is None:
        from linter.lexicon import load_lexicon

        found = compiled(load_lexicon(folders))
        if path:
            keep(found, path)
    return found


def _path(key: str) -> Path | None:
    """Return where the compiled form would be, or None where there is no place for it."""
    if not key or os.environ.get("KEFULINT_NO_CACHE"):
        return None
    try:
        return private_folder() / f"lexicon-{key}.bin"
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
