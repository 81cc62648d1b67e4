"""JSON and JSON lines: the standard library says what a file means, a walk over its tokens says where.

The walk comes after `json.loads` has accepted the text, so it need not check anything, and it is a loop and not a
recursion, so depth costs nothing.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping
from typing import Any

from linter.formats.document import Columns, Gathered
from linter.formats.value import Piece, Value

Path = tuple[str | int, ...]
_TOKEN = re.compile(r'[ \t\r\n]*(?:("[^"\\]*(?:\\.[^"\\]*)*")|([{}\[\]:,])|([^\s{}\[\]:,"]+))')
_STRING = r'"[^"\\]*(?:\\.[^"\\]*)*"'
_COMMENT = re.compile(rf"{_STRING}|(//[^\r\n]*|/\*.*?\*/)", re.DOTALL)
_LAST_COMMA = re.compile(rf"{_STRING}|,(?=\s*[}}\]])")
_ESCAPES = {'"': '"', "\\": "\\", "/": "/", "b": "\b", "f": "\f", "n": "\n", "r": "\r", "t": "\t"}
_ESCAPE = re.compile(r"\\u[dD][89aAbB][0-9a-fA-F]{2}\\u[dD][c-fC-F][0-9a-fA-F]{2}|\\u[0-9a-fA-F]{4}|\\.")


def read_json(gathered: Gathered) -> None:
    """Read a list of records like a table, and anything else text by text."""
    _read(gathered, gathered.source.text)


def read_jsonc(gathered: Gathered) -> None:
    """Read JSON with comments and commas before closing brackets, as editors' and bots' settings have them."""
    text = gathered.source.text
    for found in _COMMENT.finditer(text):
        if found[1]:
            line = text.rfind("\n", 0, found.start()) + 1
            gathered.comment(found.start(), found[1].strip("/*"), not text[line : found.start()].strip())
    _read(gathered, _LAST_COMMA.sub(_kept, _COMMENT.sub(_kept, text)))


def _kept(found: re.Match[str]) -> str:
    """Return a string as it is, and blanks for what is not JSON."""
    return found[0] if found[0].startswith('"') else re.sub(r"[^\r\n]", " ", found[0])


def _read(gathered: Gathered, text: str) -> None:
    if not text.strip():
        return
    try:
        value = json.loads(text)
    except (ValueError, RecursionError) as error:
        gathered.trouble(getattr(error, "lineno", 1), f"broken JSON ({getattr(error, 'msg', error)})", "valid JSON")
        return
    texts = dict(strings(text, 0, len(text)))
    if isinstance(value, list) and value and all(isinstance(item, dict) for item in value):
        _records(gathered, value, texts)
        return
    _tree(gathered, texts)


def _records(gathered: Gathered, records: list[dict[str, Any]], texts: Mapping[Path, Value]) -> None:
    by_record: dict[Any, dict[Path, Value]] = {}
    for path, value in texts.items():
        by_record.setdefault(path[0], {})[path] = value
    columns = gathered.columns(list(dict.fromkeys(name for record in records for name in record)))
    for number, record in enumerate(records):
        _record(gathered, record, by_record.get(number, {}), columns, number + 1)


def _record(
    gathered: Gathered, record: dict[str, Any], own: Mapping[Path, Value], columns: Columns, number: int
) -> None:
    """Add one record: its texts, and then what hangs below it."""
    if not columns.texts and not columns.is_listing:
        _tree(gathered, own)
        return
    cells = {str(path[-1]): value for path, value in own.items() if len(path) == 2}
    first = min((value.start for value in own.values()), default=0)
    finds = columns.finds()
    for found in [f for f in finds if isinstance(record.get(f.get("text", "")), str)] or finds[:1]:
        gathered.row(record, cells, found, (gathered.source.position(first)[0], number))
    if columns.texts and not columns.is_log:
        _tree(gathered, {path: value for path, value in own.items() if len(path) > 2 and path[1] != "context"})


def _tree(gathered: Gathered, texts: Mapping[Path, Value]) -> None:
    for path, value in texts.items():
        if gathered.fields.takes(path, value.text):
            gathered.reply(value)


def read_jsonl(gathered: Gathered) -> None:
    """Read a record or a text a line; a broken line is named and the others are read."""
    source = gathered.source
    start = 0
    for number, line in enumerate(source.text.split("\n"), 1):
        if line.strip():
            _line(gathered, start, line, number)
        start += len(line) + 1


def _line(gathered: Gathered, start: int, line: str, number: int) -> None:
    try:
        record = json.loads(line)
    except (ValueError, RecursionError) as error:
        gathered.trouble(number, f"broken JSON ({getattr(error, 'msg', error)})", "one JSON object a line")
        return
    texts = {(number - 1, *path): value for path, value in strings(gathered.source.text, start, start + len(line))}
    if isinstance(record, str):
        gathered.reply(*texts.values(), row=number)
        return
    if not isinstance(record, dict):
        gathered.trouble(number, f"a {type(record).__name__}", "a JSON object with a text")
        return
    columns = gathered.columns(list(record))
    if columns.texts or columns.is_listing or gathered.fields.named:
        _record(gathered, record, texts, columns, number)
    else:
        gathered.row(record, {}, columns.found, (number, number))


def strings(text: str, start: int, end: int) -> Iterator[tuple[Path, Value]]:
    """Yield the texts of valid JSON with their paths, in the order of the file."""
    path: list[str | int] = []
    in_object: list[bool] = []
    key = False  # is the next string a key?
    for token in _TOKEN.finditer(text, start, end):
        literal, sign = token[1], token[2]
        if literal and key:
            path[-1], key = json.loads(literal), False
        elif literal:
            yield tuple(path), _value(text, *token.span(1))
        elif sign in ("{", "["):
            in_object.append(sign == "{")
            path.append("" if sign == "{" else 0)
            key = sign == "{"
        elif sign in ("}", "]"):
            in_object.pop()
            path.pop()
            key = False
        elif sign == ",":
            key = in_object[-1]
            if not key:
                path[-1] = int(path[-1]) + 1


def _value(text: str, start: int, end: int) -> Value:
    pieces = []
    done = start + 1
    for escape in _ESCAPE.finditer(text, start + 1, end - 1):
        pieces.append(Piece(text[done : escape.start()], done, escape.start()))
        pieces.append(Piece(_read_escape(escape[0]), *escape.span()))
        done = escape.end()
    pieces.append(Piece(text[done : end - 1], done, end - 1))
    write = _plain if not text.isascii() else _escaped
    return Value(pieces, start, end, lambda words: write(words)[1:-1], write)


def _read_escape(raw: str) -> str:
    if raw[1] != "u":
        return _ESCAPES[raw[1]]
    code = int(raw[2:6], 16)
    return chr(code) if len(raw) == 6 else chr(0x10000 + (code - 0xD800 << 10) + int(raw[8:], 16) - 0xDC00)


def _plain(words: str) -> str:
    return json.dumps(words, ensure_ascii=False)


def _escaped(words: str) -> str:
    """Write words where the file itself writes no character outside ASCII."""
    return json.dumps(words)
