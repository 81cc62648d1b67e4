"""A file in, its lines out: opened, unpacked and decoded, in blocks of whole lines.

A block is decoded at once where every byte is right, and line by line where not: then the line that is wrong is named and
the rest is read. What a compressed file holds before it breaks off is read too.
"""

from __future__ import annotations

import codecs
import sys
import zlib
from collections.abc import Iterator
from dataclasses import dataclass
from io import BufferedIOBase
from lzma import LZMAError
from pathlib import Path
from typing import Any

from linter.inputs import PACKED as PACKED
from linter.inputs import Trouble as Trouble
from linter.inputs import clean as clean
from linter.inputs import encoding_of as encoding_of
from linter.inputs import no_text
from linter.model import SourceError

_BLOCK = 1 << 20
_LONGEST = 16 << 20  # bytes of a line; a packed one could hold any number


@dataclass(frozen=True, slots=True)
class Block:
    """The nth block of a file, from 0, and the number of its first line."""

    number: int
    first: int
    lines: list[str]


def opened(path: str) -> tuple[BufferedIOBase, BufferedIOBase]:
    """Open a file (`-`: standard input); return its unpacked stream and the raw one. Raises SourceError."""
    if path == "-" and sys.stdin is None:
        raise SourceError("-:1: standard input is closed, expected one that can be read")
    if path == "-":
        standard: Any = sys.stdin.buffer
        return standard, standard
    try:
        raw: BufferedIOBase = Path(path).open("rb")  # noqa: SIM115
    except OSError as error:
        raise SourceError(f"{path}:1: cannot be opened ({error.strerror}), expected a readable file") from error
    return _unpacked(raw, path), raw


def _unpacked(raw: BufferedIOBase, path: str) -> BufferedIOBase:
    kind = Path(path).suffix.lower()
    stream: Any = raw
    if kind == ".gz":
        import gzip

        stream = gzip.GzipFile(fileobj=raw)
    elif kind == ".bz2":
        import bz2

        stream = bz2.BZ2File(raw)
    elif kind == ".xz":
        import lzma

        stream = lzma.LZMAFile(raw)  # type: ignore[arg-type]  # noqa: SIM115
    elif kind == ".zst":
        stream = _zstandard(path).ZstdDecompressor().stream_reader(raw, read_across_frames=True)
    return stream  # type: ignore[no-any-return]


def _zstandard(path: str) -> Any:
    try:
        import zstandard
    except ImportError as error:
        raise SourceError(f"{path}:1: .zst needs a library, expected: pip install 'kefulint[audit]'") from error
    return zstandard


class Lines:
    """The lines of a stream as text. UTF-8 with or without BOM, UTF-16 with BOM and GB18030 are told apart."""

    def __init__(self, stream: BufferedIOBase, path: str, encoding: str | None, before: int = 0) -> None:
        self.path = path
        self.troubles: list[Trouble] = []
        self._stream = stream
        self._number = before  # lines given out so far, and those of the file before the stream
        self._broken = ""  # why the stream gives no more, where it should
        self._head = self._read(1 << 16)
        self.encoding = encoding or encoding_of(self._head)
        self.other = "" if encoding else no_text(self._head)  # what it is where it is no text

    def __iter__(self) -> Iterator[str]:
        """Yield every line with its line break, which is always a single `\\n`."""
        for block in self.blocks():
            for line in block.lines[:-1]:
                yield line + "\n"
            if block.lines[-1]:
                yield block.lines[-1]

    def blocks(self, skip: int = 0) -> Iterator[Block]:
        """Yield blocks of whole lines without line breaks; the last element is '' but at the end of the file.

        Of the first `skip` blocks only the very first is given, which tells how to read the others.
        """
        whole = self.encoding.startswith("utf-16")
        blocks: Iterator[bytes | str] = self._decoded_whole() if whole else self._byte_blocks()
        for number, block in enumerate(blocks):
            first = self._number + 1
            if number == 0 or number >= skip:
                yield Block(number, first, self._lines(block))
            else:
                self._number += block.count(b"\n") if isinstance(block, bytes) else block.count("\n")
        self._ended()

    def _ended(self) -> None:
        """Name a stream that broke off, at the line that was the last to come."""
        if self._broken:
            what = f"the file breaks off ({self._broken})"
            self.troubles.append(Trouble(self.path, self._number + 1, what, "a whole file"))

    def _counted(self, text: str) -> list[str]:
        lines = text.replace("\r\n", "\n").split("\n")
        self._number += len(lines) - 1
        return lines

    def _bounded(self, rest: bytes) -> bytes:
        """Return what waits for the end of its line; of a line without measure nothing is kept but that it was there."""
        start = rest.rfind(b"\n") + 1
        if len(rest) - start <= _LONGEST:
            return rest
        line = self._number + rest.count(b"\n", 0, start) + 1
        what = f"a line of more than {_LONGEST >> 20} MB"
        self.troubles.append(Trouble(self.path, line, what, "one message or record a line"))
        while block := self._read(_BLOCK):
            cut = block.find(b"\n") + 1
            if cut:
                return rest[:start] + b"\n" + block[cut:]
        return rest[:start]

    def _byte_blocks(self) -> Iterator[bytes]:
        rest = self._head.removeprefix(codecs.BOM_UTF8)
        while True:
            block = self._read(_BLOCK)
            if not block:
                break
            cut = block.rfind(b"\n") + 1
            if not cut:
                rest = self._bounded(rest + block)
                continue
            yield rest + block[:cut]
            rest = block[cut:]
        if rest:
            yield rest

    def _read(self, size: int) -> bytes:
        """Read on; a packed stream that is broken gives what it holds, ends there and is named."""
        parts: list[bytes] = []
        try:
            while size > 0 and not self._broken and (part := self._stream.read1(size)):
                parts.append(part)
                size -= len(part)
        except Exception as error:
            if (
                not isinstance(error, EOFError | OSError | zlib.error | LZMAError)
                and type(error).__name__ != "ZstdError"
            ):
                raise
            self._broken = str(error) or type(error).__name__
        return b"".join(parts)

    def _lines(self, block: bytes | str) -> list[str]:
        if isinstance(block, str):
            return self._counted(block)
        try:
            return self._counted(block.decode(self.encoding))
        except UnicodeDecodeError:
            return self._one_by_one(block)

    def _one_by_one(self, block: bytes) -> list[str]:
        lines: list[str] = []
        for line in block.split(b"\n"):
            lines.append(self._decoded(line.removesuffix(b"\r"), self._number + len(lines) + 1))
        self._number += len(lines) - 1
        return lines

    def _decoded(self, line: bytes, number: int) -> str:
        try:
            return line.decode(self.encoding)
        except UnicodeDecodeError as error:
            judged = True
            try:
                text = line.decode("gb18030" if self.encoding == "utf-8" else "utf-8")
            except UnicodeDecodeError:
                text, judged = line.decode(self.encoding, "replace"), False
            what = f"bytes at {error.start} are not {self.encoding}"
            self.troubles.append(Trouble(self.path, number, what, f"{self.encoding} text", judged))
            return text

    def _decoded_whole(self) -> Iterator[str]:
        """Decode UTF-16, where a line break is not one byte."""
        decoder = codecs.getincrementaldecoder(self.encoding)("replace")
        rest, block = "", self._head
        while block:
            rest += decoder.decode(block)
            cut = rest.rfind("\n") + 1
            if cut:
                yield rest[:cut]
                rest = rest[cut:]
            block = self._read(_BLOCK)
        rest += decoder.decode(b"", True)
        if rest:
            yield rest

    def drained(self) -> list[Trouble]:
        """Return the troubles since the last call."""
        found, self.troubles = self.troubles, []
        return found

    def whole(self) -> str:
        return "".join(self)

    def bytes(self) -> bytes:
        """Return everything as it is, for formats that are not text."""
        parts = [self._head]
        while block := self._read(_BLOCK):
            parts.append(block)
        self._ended()
        return b"".join(parts)
