"""JSON and JSON lines: the standard library says what a file means, a walk over its tokens says where.

The walk comes after `json.loads` has accepted the text, so it need not check anything, and it is a loop and not a
recursion, so depth costs nothing.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping
from typing import Any

from linter.formats.document import Gathered
from linter.formats.value import Piece, Value

Path = tuple[str | int, ...]
_TOKEN = re.compile(r'[ \t\r\n]*(?:("[^"\\]*(?:\\.[^"\\]*)*")|([{}\[\]:,])|([^\s{}\[\]:,"]+))')
_ESCAPE = re.compile(r"\\u[dD][89aAbB][0-9a-fA-F]{2}\\u[dD][c-fC-F][0-9a-fA-F]{2}|\\u[0-9a-fA-F]{4}|\\.")


def read_json(gathered: Gathered) -> None:
    """Read a list of records like a table, and anything else text by text."""
    source = gathered.source
    if not source.text.strip():
        return
    try:
        value = json.loads(source.text)
    except (ValueError, RecursionError) as error:
        gathered.trouble(getattr(error, "lineno", 1), f"broken JSON ({getattr(error, 'msg', error)})", "valid JSON")
        return
    texts = dict(strings(source.text, 0, len(source.text)))
    if isinstance(value, list) and value and all(isinstance(item, dict) for item in value):
        _records(gathered, value, texts)
        return
    _tree(gathered, texts)


def _records(gathered: Gathered, records: list[dict[str, Any]], texts: Mapping[Path, Value]) -> None:
    by_record: dict[Any, dict[Path, Value]] = {}
    for path, value in texts.items():
        by_record.setdefault(path[0], {})[path] = value
    found, names, listing = gathered.columns(_names(records))
    for number, record in enumerate(records):
        own = by_record.get(number, {})
        if names or listing:
            _record(gathered, record, own, (found, names), number + 1)
        else:
            _tree(gathered, own)


def _names(records: list[dict[str, Any]]) -> list[str]:
    return list(dict.fromkeys(name for record in records for name in record))


def _record(gathered: Gathered, record: dict[str, Any], own: Mapping[Path, Value], columns: tuple[dict[str, str], list[str]], number: int) -> None:  # fmt: skip
    """Add one record, its texts first and then what hangs below it."""
    found, names = columns
    cells = {str(path[-1]): value for path, value in own.items() if len(path) <= 2}
    first = min((value.start for value in own.values()), default=0)
    place = gathered.source.position(first)[0], number
    shown = [name for name in names if isinstance(record.get(name), str)]
    for name in shown or names[:1]:
        gathered.row(record, cells, found | {"text": name}, place)
    if not names:
        gathered.row(record, cells, found, place)
    elif not found.keys() & {"role", "session"}:
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
    found, names, listing = gathered.columns(list(record))
    if names or listing or not gathered.fields.named:
        _record(gathered, record, texts, (found, names), number)
    else:
        _tree(gathered, texts)


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
        pieces.append(Piece(json.loads(f'"{escape[0]}"'), *escape.span()))
        done = escape.end()
    pieces.append(Piece(text[done : end - 1], done, end - 1))
    write = _plain if not text.isascii() else _escaped
    return Value(pieces, start, end, lambda words: write(words)[1:-1], write)


def _plain(words: str) -> str:
    return json.dumps(words, ensure_ascii=False)


def _escaped(words: str) -> str:
    """Write words where the file itself writes no character outside ASCII."""
    return json.dumps(words)
