"""Bytes in, text out, and the way back: every character of the text knows its line, its column and its bytes.

The decision to question: an edit is spliced into the *bytes*, not into the text that is then encoded again. So the mark at
the start, the line ends, and even a line in another encoding stay as they are, because nobody writes them.
"""

from __future__ import annotations

import codecs
import re
from bisect import bisect_right
from collections.abc import Iterable
from dataclasses import dataclass
from functools import cached_property
from typing import NamedTuple

from linter.inputs import NO_TEXT, Trouble, encoding_of, no_text
from linter.model import KefulintError

_BREAK = re.compile(r"\r\n|\r|\n")
_MARKS = (  # byte order marks, the longer before those that begin alike
    (codecs.BOM_UTF8, "utf-8"),
    (codecs.BOM_UTF16_LE, "utf-16-le"),
    (codecs.BOM_UTF16_BE, "utf-16-be"),
)


class Segment(NamedTuple):
    """A part of a source in one encoding: where it begins in the text and in the bytes."""

    start: int
    byte: int
    encoding: str
    errors: str


@dataclass(frozen=True)
class Source:
    """The text of a file and where it came from. Offsets are code points of `text`, which has no byte order mark."""

    path: str
    data: bytes
    text: str
    segments: tuple[Segment, ...]
    troubles: tuple[Trouble, ...] = ()

    @property
    def encoding(self) -> str:
        """The encoding, or those of a file that has several."""
        names = dict.fromkeys(
            segment.encoding.lower().removesuffix("-le").removesuffix("-be") for segment in self.segments
        )
        return "、".join(names)

    @cached_property
    def lines(self) -> list[int]:
        """Where the lines begin; \\r\\n, \\n and \\r end one."""
        return [0, *(match.end() for match in _BREAK.finditer(self.text))]

    def spans(self) -> Iterable[tuple[int, int]]:
        """Yield the lines' spans without their ends."""
        start = 0
        for match in _BREAK.finditer(self.text):
            yield start, match.start()
            start = match.end()
        if start < len(self.text):
            yield start, len(self.text)

    def position(self, offset: int) -> tuple[int, int]:
        """Return the 1-based line and column of an offset."""
        line = bisect_right(self.lines, offset)
        return line, offset - self.lines[line - 1] + 1

    def spliced(self, changes: Iterable[tuple[int, int, str]]) -> bytes:
        """Return the bytes with some spans of the text replaced."""
        self._check_exact()
        parts: list[bytes] = []
        done = 0
        for start, end, words in sorted(changes):
            first, last = self._byte(start), self._byte(end)
            if first < done:
                raise ValueError(f"{self.path}: edits overlap at {start}")
            segment = self._segment(start)
            parts += [self.data[done:first], words.encode(segment.encoding, "replace")]
            done = last
        return b"".join([*parts, self.data[done:]])

    def _segment(self, offset: int) -> Segment:
        return self.segments[bisect_right(self.segments, offset, key=lambda segment: segment.start) - 1]

    def _byte(self, offset: int) -> int:
        segment = self._segment(offset)
        return segment.byte + len(self.text[segment.start : offset].encode(segment.encoding, segment.errors))

    def _check_exact(self) -> None:
        """Raise KefulintError where the text does not encode to the bytes it was read from."""
        ends = [segment.start for segment in self.segments[1:]] + [len(self.text)]
        for segment, end in zip(self.segments, ends, strict=True):
            written = self.text[segment.start : end].encode(segment.encoding, segment.errors)
            if not self.data.startswith(written, segment.byte):
                raise KefulintError(
                    f"{self.path}:1: {segment.encoding} cannot be written back byte by byte, expected UTF-8"
                )


def decode(data: bytes | str, path: str, encoding: str | None = None) -> Source:
    """Decode a file: UTF-8 and UTF-16 by their marks, UTF-8 and GB18030 told apart, a line in the other one forgiven."""
    if isinstance(data, str):
        return Source(path, data.encode("utf-8", "surrogatepass"), data, (Segment(0, 0, "utf-8", "surrogatepass"),))
    mark, marked = next(((m, name) for m, name in _MARKS if data.startswith(m)), (b"", ""))
    if marked.startswith("utf-16") and (encoding is None or encoding.lower().startswith("utf-16")):
        return _utf16(data, path, marked, len(mark))
    other = "" if encoding else no_text(data[: 1 << 16])
    if other:
        return Source(path, data, "", (), (Trouble(path, 1, other, NO_TEXT),))
    skip = len(mark) if marked == "utf-8" else 0
    name = encoding or encoding_of(data[skip : skip + (1 << 16)])
    try:
        text = data[skip:].decode(name)
    except UnicodeDecodeError:
        return _by_line(data, path, name, skip)
    return Source(path, data, text, (Segment(0, skip, name, "strict"),), _binary(data, path))


def _binary(data: bytes, path: str) -> tuple[Trouble, ...]:
    """Name a byte that no text has: a picture under a text's name is read all the same, but not without a word."""
    at = data.find(b"\0", 0, 1 << 16)
    if at < 0:
        return ()
    return (Trouble(path, data.count(b"\n", 0, at) + 1, f"a NUL byte at {at}", "a text file", judged=True),)


def _utf16(data: bytes, path: str, name: str, skip: int) -> Source:
    text = data[skip : skip + (len(data) - skip) // 2 * 2].decode(name, "surrogatepass")
    return Source(path, data, text, (Segment(0, skip, name, "surrogatepass"),))


def _by_line(data: bytes, path: str, name: str, skip: int) -> Source:
    """Decode line by line; bytes that are no text at all stay in it as lone surrogates and are named."""
    text: list[str] = []
    segments: list[Segment] = []
    troubles: list[Trouble] = []
    start, byte = 0, skip
    for number, line in enumerate(data[skip:].split(b"\n"), 1):
        words, used, errors, bad = _line(line, name)
        if bad is not None:
            judged = errors == "strict"
            troubles.append(Trouble(path, number, f"bytes at {bad} are not {name}", f"{name} text", judged=judged))
        last = segments[-1] if segments else None
        if last is None or (last.encoding, last.errors) != (used, errors):
            segments.append(Segment(start, byte, used, errors))
        text.append(words)
        start += len(words) + 1
        byte += len(line) + 1
    return Source(path, data, "\n".join(text), tuple(segments), (*_binary(data, path), *troubles))


def _line(line: bytes, name: str) -> tuple[str, str, str, int | None]:
    """Return a line's text, the encoding and error handling it was read with, and where it was not what it should be."""
    try:
        return line.decode(name), name, "strict", None
    except UnicodeDecodeError as error:
        other = "gb18030" if name.replace("-", "").lower() == "utf8" else "utf-8"
        try:
            return line.decode(other), other, "strict", error.start
        except UnicodeDecodeError:
            return line.decode(name, "surrogateescape"), name, "surrogateescape", error.start
