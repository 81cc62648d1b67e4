"""The work of a long audit in, safe on disk: what was found so far, and where to go on.

Findings are appended to one file; now and then a checkpoint notes how long that file is and everything that must be known
to go on behind it. Whatever was written after the last checkpoint is cut off and done again, so that an audit that was
stopped anywhere ends with the same bytes as one that was not. Results stand in the folder only when all of them are whole.
"""

from __future__ import annotations

import hashlib
import json
import os
import shutil
import sys
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import IO, Any

from linter.model import KefulintError

if sys.platform != "win32":
    import fcntl

_HEAD = 1 << 16  # bytes of an input that are compared, with its size and its time
_FINDINGS = "findings.jsonl"


@contextmanager
def writing(folder: Path) -> Iterator[None]:
    """Keep a results' folder for one audit; raise KefulintError where another has it, or where it cannot be written."""
    handle = None
    try:
        folder.mkdir(parents=True, exist_ok=True)
        if sys.platform != "win32":
            handle = os.open(folder, os.O_RDONLY)  # closed, and with it unlocked, however this process ends
            fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
        yield
    except BlockingIOError:
        raise KefulintError(
            f"{folder}:1: another audit is writing here, expected it to have ended, or another --out"
        ) from None
    except OSError as error:
        what = error.strerror or str(error)
        raise KefulintError(f"{error.filename or folder}:1: {what}, expected a folder with room for results") from error
    finally:
        if handle is not None:
            os.close(handle)


class Journal:
    """The folder `unfinished` inside the results' folder, while an audit runs. Only its user can read it."""

    def __init__(self, folder: Path, known: Mapping[str, Any]) -> None:
        self.folder = folder / "unfinished"
        self.results = folder
        self._known = json.loads(json.dumps(known))
        self._checkpoint = self.folder / "checkpoint.json"
        self._findings: IO[bytes] | None = None

    def begin(self, *, resume: bool) -> dict[str, Any] | None:
        """Make ready to write; return the state of the last checkpoint, or None where there is none to go on from.

        Raises KefulintError where inputs or options are not what they were.
        """
        state = self._state() if resume else None
        if state is None:
            shutil.rmtree(self.folder, ignore_errors=True)
        self.folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        self._findings = self._opened(state)
        return state

    def _opened(self, state: Mapping[str, Any] | None) -> IO[bytes] | None:
        """Open the findings and cut off what came after the checkpoint; when all was whole they may be moved already."""
        if state and "names" in state:
            return None
        stream = self.findings.open("ab")
        stream.truncate(state["length"] if state else 0)
        stream.seek(0, os.SEEK_END)
        return stream

    def is_unfinished(self) -> bool:
        return self._checkpoint.is_file()

    def _state(self) -> dict[str, Any] | None:
        if not self._checkpoint.is_file():
            return None
        state: dict[str, Any] = json.loads(self._checkpoint.read_bytes())
        changed = list(_changes(state.pop("known"), self._known))
        if changed:
            raise KefulintError(f"{self._checkpoint}:1: {what}; without --resume it begins anew" for what in changed)
        return state

    def write(self, lines: bytes) -> None:
        assert self._findings is not None
        self._findings.write(lines)

    def checkpoint(self, state: Mapping[str, Any]) -> None:
        """Note that everything written so far is done, and how to go on."""
        assert self._findings is not None
        self._findings.flush()
        os.fsync(self._findings.fileno())
        data = {"known": self._known, "length": self._findings.tell(), **state}
        _write_safely(self._checkpoint, json.dumps(data, ensure_ascii=False).encode())

    def close(self) -> None:
        if self._findings is not None:
            self._findings.close()

    @property
    def findings(self) -> Path:
        return self.folder / _FINDINGS

    def publish(self, names: Iterable[str], all_names: Iterable[str]) -> None:
        """Move whole results to where they are looked for; those of an earlier audit and our own folder go."""
        self.close()
        kept = set(names)
        for name in all_names:
            if name not in kept:
                (self.results / name).unlink(missing_ok=True)
            elif (self.folder / name).exists():  # else it was moved before we were stopped
                _flush(self.folder / name)
                (self.folder / name).replace(self.results / name)
        shutil.rmtree(self.folder)


def _flush(path: Path) -> None:
    with path.open("r+b") as stream:
        os.fsync(stream.fileno())


def _write_safely(path: Path, data: bytes) -> None:
    """Replace a file so that it is the old one or the new one, whatever happens."""
    new = path.with_suffix(".new")
    with new.open("wb") as stream:
        stream.write(data)
        stream.flush()
        os.fsync(stream.fileno())
    new.replace(path)
    if os.name == "posix":
        folder = os.open(path.parent, os.O_RDONLY)
        os.fsync(folder)
        os.close(folder)


def _changes(before: Mapping[str, Any], now: Mapping[str, Any]) -> Iterable[str]:
    for name, value in before.items():
        if name == "inputs":
            yield from _changed_inputs({one[0]: one for one in value}, {one[0]: one for one in now["inputs"]})
        elif value != now.get(name):
            yield f"{name} is {now.get(name)}, expected {value} as when the audit began"


def _changed_inputs(before: Mapping[str, Any], now: Mapping[str, Any]) -> Iterable[str]:
    if list(before) != list(now):
        yield f"the inputs are {', '.join(now)}, expected {', '.join(before)} as when the audit began"
        return
    for path, one in before.items():
        if one != now[path]:
            yield f"{path} has changed, expected it as it was when the audit began"


def known_input(path: str) -> list[Any]:
    """Return what an input is known by: its path, size, time and the hash of its head; of a pipe only its name."""
    file = Path(path)
    if is_pipe(path):
        return [path]
    try:
        with file.open("rb") as stream:
            head = hashlib.sha256(stream.read(_HEAD)).hexdigest()
        found = file.stat()
    except OSError as error:
        raise KefulintError(f"{path}:1: cannot be opened ({error.strerror}), expected a readable file") from error
    return [path, found.st_size, found.st_mtime_ns, head]


def is_pipe(path: str) -> bool:
    """Is it an input that can be read only once?"""
    return path == "-" or (Path(path).exists() and not Path(path).is_file())
