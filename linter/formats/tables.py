"""CSV, TSV and workbooks: cells with their places.

The reader is our own because the standard one does not say where a cell stands; it reads what that one reads (RFC 4180 and
its forgiving ways), which a test holds it to.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence

from linter import workbooks
from linter.columns import COLUMNS
from linter.formats.document import Columns, Gathered
from linter.formats.value import Piece, Value
from linter.inputs import MOST_LINES, UNCLOSED, worth
from linter.logs import HEADER_ROWS, SAMPLE, is_header

Row = list[Value]


def read_csv(gathered: Gathered) -> None:
    """Read comma-separated values."""
    _read(gathered, ",")


def read_tsv(gathered: Gathered) -> None:
    """Read tab-separated values."""
    _read(gathered, "\t")


def _read(gathered: Gathered, delimiter: str) -> None:
    text = gathered.source.text
    broken: list[int] = []
    rows = list(cells(text, delimiter, broken))
    for at in broken:
        gathered.trouble(gathered.source.position(at)[0], *UNCLOSED)
    if rows:
        _table(gathered, rows)


def _table(gathered: Gathered, rows: Sequence[Row], sheet: str | None = None) -> None:
    """Read a table by its header, or cell by cell where no column is called like one of replies."""
    at = next((at for at, row in enumerate(rows[:HEADER_ROWS]) if _is_header(gathered, row)), 0)
    names = [cell.text for cell in rows[at]]
    sample = [dict(zip(names, (cell.text for cell in row), strict=False)) for row in rows[at + 1 : at + 1 + SAMPLE]]
    columns = gathered.columns(names, sample, sheet, at + 1)
    if columns.texts or columns.is_listing:
        for number, row in enumerate(rows[at + 1 :], at + 2):
            if any(cell.text for cell in row):
                _row(gathered, names, row, columns, (number, sheet))
    elif not gathered.fields.named:
        _without_header(gathered, rows, sheet)


def _is_header(gathered: Gathered, row: Row) -> bool:
    names = [cell.text for cell in row]
    named = gathered.fields.named and any(gathered.fields.named_here([name]) for name in names)
    return named or is_header(names, gathered.options)


def _row(gathered: Gathered, names: Sequence[str], row: Row, columns: Columns, place: tuple[int, str | None]) -> None:
    number, sheet = place
    line = gathered.source.position(row[0].start)[0] if sheet is None else number
    by_name = dict(zip(names, row, strict=False))
    if len(row) < len(names):
        whole = any(name in by_name for name in columns.texts) or columns.is_listing
        gathered.trouble(line, f"{len(row)} cells", f"{len(names)} as in the header", judged=whole, sheet=sheet)
    record = {name: cell.text.replace("\0", " ") for name, cell in by_name.items()}
    for found in columns.finds():
        if found.get("text", names[0]) in by_name:
            gathered.row(record, by_name, found, (line, number), sheet)


def _without_header(gathered: Gathered, rows: Sequence[Row], sheet: str | None) -> None:
    if gathered.options.need_text:
        shown = ", ".join(cell.text for cell in rows[0]) or "nothing"
        gathered.trouble(1, f"no text column among {shown}", f"one named {', '.join(COLUMNS['text'][:4])} … or --column text=NAME", sheet=sheet)  # fmt: skip
        return
    for number, row in enumerate(rows, 1):
        for cell in row:
            if worth(cell.text):
                gathered.reply(cell, cell=None if sheet is None else (sheet, number))


def read_xlsx(gathered: Gathered) -> None:
    """Read every sheet like a CSV; raises SourceError where the extra `xlsx` is not installed."""
    try:
        for name, rows in workbooks.sheets(gathered.source.data, gathered.source.path):
            table = [_sheet_row(row) for row in rows]
            if table:
                _table(gathered, table, name)
    except workbooks.NotAWorkbook as error:
        gathered.trouble(1, str(error), workbooks.EXPECTED)


def _sheet_row(cells: Sequence[object]) -> Row:
    return [
        Value([Piece(workbooks.cell_text(cell), number, number)], number, number)
        for number, cell in enumerate(cells, 1)
    ]


def cells(text: str, delimiter: str, broken: list[int] | None = None) -> Iterator[Row]:
    """Yield the rows of a table; an empty line is a row without cells.

    A quote that is not closed is a sign like others; where it stands is added to `broken`.
    """
    sign = re.escape(delimiter)
    field = re.compile(rf'"([^"]*(?:""[^"]*)*)(?:"([^{sign}\r\n]*)|\Z)|([^{sign}\r\n]*)')
    plain = re.compile(rf"((?!))?((?!))?([^{sign}\r\n]*)")
    position = 0
    row: Row = []
    while position < len(text):
        found = field.match(text, position)
        assert found  # the last branch matches anything
        if found[1] is not None and _is_unclosed(found):
            if broken is not None:
                broken.append(position)
            found = plain.match(text, position + 1)
            assert found
        position = found.end()
        row.append(_cell(text, found, delimiter))
        if text.startswith(delimiter, position):
            position += 1
            if position < len(text):
                continue
            row.append(Value((), position, position, str, _quoted))
        else:
            position += 2 if text.startswith("\r\n", position) else 1
        yield [] if len(row) == 1 and row[0].start == row[0].end else row
        row = []


def _is_unclosed(found: re.Match[str]) -> bool:
    """Does a quote run to the end of the file, or over line ends up to one that words follow, or further than any cell does?"""
    lines = found[1].count("\n") or found[1].count("\r")
    return found[2] is None or (lines > 0 and bool(found[2].strip())) or lines >= MOST_LINES


def _cell(text: str, found: re.Match[str], delimiter: str) -> Value:
    start, end = found.span()
    if found[1] is None:
        return Value([Piece(text[start:end], start, end)], start, end, str, _quoted)
    pieces = []
    done = start + 1
    for special in re.compile('""|\r\n').finditer(text, *found.span(1)):
        pieces.append(Piece(text[done : special.start()], done, special.start()))
        pieces.append(Piece('"' if special[0] == '""' else "\n", *special.span()))
        done = special.end()
    pieces.append(Piece(text[done : found.end(1)], done, found.end(1)))
    if found[2]:
        pieces.append(Piece(found[2], *found.span(2)))
    return Value(pieces, start, end, lambda words: words.replace('"', '""'), _quoted)


def _quoted(words: str) -> str:
    return '"' + words.replace('"', '""') + '"'
