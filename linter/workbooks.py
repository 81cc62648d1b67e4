"""The bytes of a workbook in (.xlsx, .xls, .xlsb, .ods), its sheets row by row out.

The decision to question: the sheets of an XLSX are looked through for their farthest cell before the library opens them. It
lays out a sheet as a whole, and one cell in the last corner would take half a terabyte and end the process.
"""

from __future__ import annotations

import io
import re
import zipfile
from collections.abc import Iterator, Sequence
from datetime import datetime
from typing import Any

from linter.model import KefulintError, SourceError

EXPECTED = "an Excel or OpenDocument workbook"
_MOST_CELLS = 64_000_000  # laid out in one sheet, empty ones too
_CELL = re.compile(rb'<(?:\w+:)?c\b[^>]*?\br="([A-Z]{1,3})(\d{1,7})"')
_PART = 1 << 20
_OLD = b"\xd0\xcf\x11\xe0"  # the container of .xls, and of .doc and .et
_ZIP = b"PK\x03\x04"


class NotAWorkbook(KefulintError):
    """The bytes are no workbook that can be read."""


def sheets(data: bytes, path: str) -> Iterator[tuple[str, Iterator[Sequence[Any]]]]:
    """Yield the names and rows of the sheets that hold anything.

    Raises SourceError where the extra `xlsx` is not installed, and NotAWorkbook for what cannot be read.
    """
    try:
        from python_calamine import CalamineWorkbook
    except ImportError as error:
        raise SourceError(f"{path}:1: xlsx needs a library, expected: pip install 'kefulint[xlsx]'") from error
    if not data.startswith((_OLD, _ZIP)):
        raise NotAWorkbook("not a workbook (its bytes are those of something else)")
    _look_for_far_cells(data)
    try:
        book = CalamineWorkbook.from_filelike(io.BytesIO(data))
        for name in book.sheet_names:
            yield name, iter(book.get_sheet_by_name(name).to_python(skip_empty_area=False))
    except NotAWorkbook:
        raise
    except Exception as error:  # the library raises its own kinds for every way a file can be broken
        raise NotAWorkbook(f"not a workbook ({error})") from error


def _look_for_far_cells(data: bytes) -> None:
    if not data.startswith(_ZIP):
        return
    try:
        with zipfile.ZipFile(io.BytesIO(data)) as packed:
            for name in packed.namelist():
                if re.search(r"worksheets/[^/]*\.xml$", name):
                    with packed.open(name) as stream:
                        _look_through(stream)
                elif re.search(r"worksheets/[^/]*\.bin$", name):
                    with packed.open(name) as stream:
                        _look_through_binary(stream.read())
    except (zipfile.BadZipFile, OSError, EOFError, ValueError, NotImplementedError, RuntimeError, IndexError) as error:
        raise NotAWorkbook(f"not a workbook ({error})") from error


def _look_through(stream: Any) -> None:
    rows, columns, rest = 0, 0, b""
    while part := stream.read(_PART):
        text = rest + part
        for found in _CELL.finditer(text):
            rows, columns = max(rows, int(found[2])), max(columns, _column(found[1]))
        rest = text[-400:]
        _refuse(rows, columns)


def _look_through_binary(data: bytes) -> None:
    """Of .xlsb: records of a kind and a length, both of seven bits a byte; rows are records 0, cells 1 to 11."""
    rows = columns = at = 0
    while at < len(data):
        kind, at = _packed_number(data, at, 2)
        length, at = _packed_number(data, at, 4)
        if kind == 0 and length >= 4:
            rows = max(rows, int.from_bytes(data[at : at + 4], "little") + 1)
        elif 1 <= kind <= 11 and length >= 4:
            columns = max(columns, int.from_bytes(data[at : at + 4], "little") + 1)
        at += length
    _refuse(rows, columns)


def _packed_number(data: bytes, at: int, most: int) -> tuple[int, int]:
    number = 0
    for place in range(most):
        byte = data[at + place]
        number |= (byte & 0x7F) << (7 * place)
        if byte < 0x80 or place == most - 1:
            return (number if most == 4 or place == 0 else byte << 8 | data[at]), at + place + 1
    return number, at + most


def _column(letters: bytes) -> int:
    number = 0
    for letter in letters:
        number = number * 26 + letter - 64
    return number


def _refuse(rows: int, columns: int) -> None:
    if rows * columns > _MOST_CELLS:
        raise NotAWorkbook(f"a sheet with cells as far away as row {rows} and column {columns}")


def cell_text(value: Any) -> str:
    """Return a cell as a text: moments to the second, whole numbers without a point."""
    if isinstance(value, datetime):
        return value.isoformat(" ", "seconds")
    return str(int(value)) if isinstance(value, float) and value.is_integer() else str(value)
