"""CSV, TSV and workbooks: cells with their places.

The reader is our own because the standard one does not say where a cell stands; it reads what that one reads (RFC 4180 and
its forgiving ways), which a test holds it to.
"""

from __future__ import annotations

import io
import re
from collections.abc import Iterator, Sequence

from linter.columns import COLUMNS
from linter.formats.document import Columns, Gathered
from linter.formats.value import Piece, Value
from linter.inputs import worth
from linter.logs import cell_text
from linter.model import SourceError

Row = list[Value]


def read_csv(gathered: Gathered) -> None:
    """Read comma-separated values."""
    _read(gathered, ",")


def read_tsv(gathered: Gathered) -> None:
    """Read tab-separated values."""
    _read(gathered, "\t")


def _read(gathered: Gathered, delimiter: str) -> None:
    rows = cells(gathered.source.text, delimiter)
    header = next(rows, None)
    if header is None:
        return
    _table(gathered, [header, *rows])


def _table(gathered: Gathered, rows: Sequence[Row], sheet: str | None = None) -> None:
    """Read a table by its header, or cell by cell where no column is called like one of replies."""
    names = [cell.text for cell in rows[0]]
    columns = gathered.columns(names)
    if columns.texts or columns.is_listing:
        for number, row in enumerate(rows[1:], 2):
            if any(cell.text for cell in row):
                _row(gathered, names, row, columns, (number, sheet))
    elif not gathered.fields.named:
        _without_header(gathered, rows, sheet)


def _row(gathered: Gathered, names: Sequence[str], row: Row, columns: Columns, place: tuple[int, str | None]) -> None:
    number, sheet = place
    line = gathered.source.position(row[0].start)[0] if sheet is None else number
    if len(row) < len(names):
        gathered.trouble(line, f"{len(row)} cells", f"{len(names)} as in the header")
    by_name = dict(zip(names, row, strict=False))
    record = {name: cell.text.replace("\0", " ") for name, cell in by_name.items()}
    for found in columns.finds():
        if found.get("text", names[0]) in by_name:
            gathered.row(record, by_name, found, (line, number), sheet)


def _without_header(gathered: Gathered, rows: Sequence[Row], sheet: str | None) -> None:
    if gathered.options.need_text:
        shown = ", ".join(cell.text for cell in rows[0]) or "nothing"
        gathered.trouble(1, f"no text column among {shown}", f"one named {', '.join(COLUMNS['text'][:4])} … or --column text=NAME")  # fmt: skip
        return
    for number, row in enumerate(rows, 1):
        for cell in row:
            if worth(cell.text):
                gathered.reply(cell, cell=None if sheet is None else (sheet, number))


def read_xlsx(gathered: Gathered) -> None:
    """Read every sheet like a CSV; raises SourceError where the extra `xlsx` is not installed."""
    path = gathered.source.path
    try:
        from python_calamine import CalamineWorkbook
    except ImportError as error:
        raise SourceError(f"{path}:1: xlsx needs a library, expected: pip install 'kefulint[xlsx]'") from error
    try:
        book = CalamineWorkbook.from_filelike(io.BytesIO(gathered.source.data))
        sheets = {name: book.get_sheet_by_name(name).to_python(skip_empty_area=False) for name in book.sheet_names}
    except Exception as error:  # the library raises its own kinds for every way a file can be broken
        gathered.trouble(1, f"not a workbook ({error})", "an XLSX file")
        return
    for name, table in sheets.items():
        if table:
            _table(gathered, [_sheet_row(row) for row in table], name)


def _sheet_row(cells: Sequence[object]) -> Row:
    return [Value([Piece(cell_text(cell), number, number)], number, number) for number, cell in enumerate(cells, 1)]


def cells(text: str, delimiter: str) -> Iterator[Row]:
    """Yield the rows of a table; an empty line is a row without cells."""
    sign = re.escape(delimiter)
    field = re.compile(rf'"([^"]*(?:""[^"]*)*)(?:"([^{sign}\r\n]*)|\Z)|([^{sign}\r\n]*)')
    position = 0
    row: Row = []
    while position < len(text):
        found = field.match(text, position)
        assert found  # the last branch matches anything
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
