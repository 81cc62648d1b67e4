"""The first thing that runs in Spark's Python workers: columns of a DataFrame or lines of files in, PARSED rows out.

It is the reading of the local engine, on Arrow batches: names of columns, profiles, roles, times and troubles come out the
same. A split of a file knows how many lines stand before it, so that its rows have their numbers.
"""

from __future__ import annotations

import io
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from itertools import groupby
from typing import TYPE_CHECKING
from urllib.parse import unquote, urlsplit

from linter import logs
from linter.lines import Lines
from linter.spark.rows import of_table

if TYPE_CHECKING:
    import pyarrow as pa

Batches = Iterable["pa.RecordBatch"]
FRAME = "<DataFrame>"  # the path of rows that come from no file
PATH, ROW = "__path", "__row"  # columns that say where the rows of a DataFrame come from


@dataclass(frozen=True, slots=True)
class File:
    """A file to read: its place among the files given, its name in reports, how to read it."""

    number: int
    name: str
    kind: str
    encoding: str | None = None
    size: int = 0  # bytes


def key_of(uri: str) -> str:
    """Return a form of a file's address that is the same however Spark writes it."""
    parts = urlsplit(uri)
    return f"{parts.scheme or 'file'}://{parts.netloc}{unquote(parts.path)}"


def frame_parser(names: list[str], options: logs.Options, files: Mapping[str, File]) -> Callable[[Batches], Batches]:
    """Return the function that parses batches of a DataFrame with these columns; `files` by `key_of`."""

    def run(batches: Batches) -> Iterator[pa.RecordBatch]:
        shapes: dict[str, logs.Shape] = {}
        for batch in batches:
            paths = batch.column(PATH).to_pylist()
            start = 0
            for path, same in groupby(paths):
                count = sum(1 for _ in same)
                file = files.get(key_of(path)) if path else None
                name = file.name if file else path or FRAME
                shape = shapes.setdefault(name, logs.Shape(name, names, options))
                yield of_table(_parsed(batch.slice(start, count), shape), file.number if file else 0)
                start += count

    return run


def _parsed(batch: pa.RecordBatch, shape: logs.Shape) -> logs.Table:
    columns = {
        kind: logs.of_arrow(batch.column(name), few=kind in logs.FEW_VALUES) for kind, name in shape.found.items()
    }
    numbers = batch.column(ROW).to_pylist()
    return shape.table(columns, numbers, numbers)


def line_parser(
    options: logs.Options, files: Mapping[str, File], before: Mapping[tuple[str, int], int]
) -> Callable[[Batches], Batches]:
    """Return the function that parses batches of (address, place of the split, line as bytes).

    `before` tells how many lines of a file stand before a split.
    """

    def run(batches: Batches) -> Iterator[pa.RecordBatch]:
        for (uri, start), lines in groupby(_rows(batches), key=lambda row: row[:2]):
            file = files[key_of(uri)]
            stream = _Stream(line for _, _, line in lines)
            found = Lines(stream, file.name, file.encoding, before.get((uri, start), 0))
            for _, table in logs.tables_of(found, file.kind, options):
                yield of_table(table, file.number)

    return run


def _rows(batches: Batches) -> Iterator[tuple[str, int, bytes]]:
    for batch in batches:
        yield from zip(*(column.to_pylist() for column in batch.columns), strict=True)


class _Stream(io.BufferedIOBase):
    """The bytes that lines were cut from: a line reader wants a file."""

    def __init__(self, lines: Iterable[bytes]) -> None:
        self._lines = iter(lines)

    def read(self, size: int | None = -1) -> bytes:
        found: list[bytes] = []
        length = 0
        for line in self._lines:
            found.append(line)
            length += len(line) + 1
            if size is not None and 0 <= size <= length:
                break
        return b"".join(line + b"\n" for line in found)

    read1 = read
