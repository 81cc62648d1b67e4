"""JSON and JSON lines: the standard library says what a file means, a walk over its tokens says where.

The walk comes after `json.loads` has accepted the text, so it need not check anything, and it is a loop and not a
recursion, so depth costs nothing.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping
from typing import Any

from linter import conversations
from linter.columns import columns_of
from linter.formats.document import Columns, Gathered
from linter.formats.value import Piece, Value
from linter.logs import SAMPLE

Path = tuple[str | int, ...]
_DEEPEST = 4  # keys above a list of records
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
    texts = _placed(gathered, text, 0, len(text))
    read_lists(gathered, value, texts, alone=True)
    _tree(gathered, texts)


def _placed(gathered: Gathered, text: str, start: int, end: int, before: Path = ()) -> dict[Path, Value]:
    """Return the texts of valid JSON by their paths. Of a key that stands twice both texts are judged, and it is named."""
    twice: list[tuple[str, int, int]] = []
    found: dict[Path, Value] = {}
    for path, value in strings(text, start, end, twice):
        whole = (*before, *path)
        if whole in found:
            _tree(gathered, {whole: found[whole]})
        found[whole] = value
    for key, first, again in twice:
        line, earlier = (gathered.source.position(at)[0] for at in (again, first))
        gathered.trouble(line, f"key '{key}' stands twice", f"it once (first on line {earlier})", judged=True)
    return found


def read_lists(
    gathered: Gathered, value: Any, texts: dict[Path, Value], path: Path = (), *, alone: bool = False
) -> None:
    """Read the lists of records in a tree that are tables or conversations; what they hold is taken out of `texts`.

    `alone`: a list of records of any kind is read as a table, for nothing else is in the file.
    """
    if isinstance(value, dict) and conversations.list_in(value):
        _records(gathered, [value], texts, path, single=True)
    elif isinstance(value, list) and value and all(isinstance(item, dict) for item in value):
        if alone or _is_log(gathered, value):
            _records(gathered, value, texts, path)
    elif isinstance(value, dict) and len(path) < _DEEPEST:
        for name, child in value.items():
            read_lists(gathered, child, texts, (*path, name))


def _is_log(gathered: Gathered, records: list[dict[str, Any]]) -> bool:
    if any(map(conversations.list_in, records)):
        return True
    found = columns_of(dict.fromkeys(name for record in records for name in record), gathered.options.columns)
    return "text" in found and bool(found.keys() & {"role", "sender"})


def _records(
    gathered: Gathered, records: list[dict[str, Any]], texts: dict[Path, Value], before: Path, *, single: bool = False
) -> None:
    """Read records as a table, and take them out of the texts. `single`: the record stands in no list."""
    by_record: dict[Any, dict[Path, Value]] = {}
    depth = len(before)
    for path in [path for path in texts if path[:depth] == before]:
        key = 0 if single else path[depth]
        by_record.setdefault(key, {})[path if not single else (*before, 0, *path[depth:])] = texts.pop(path)
    said = [said for number, record in enumerate(records) for said in _said(record, number + 1)]
    shown = [one.record for one in said] or [{}]
    columns = gathered.columns(list(dict.fromkeys(name for record in shown for name in record)), shown[:SAMPLE])
    for number, record in enumerate(records):
        _record(gathered, record, by_record.get(number, {}), columns, number + 1, depth + 1)


def _said(record: dict[str, Any], number: int) -> list[conversations.Said]:
    """Return the turns of a record, or the record itself, whose text may stand under any key."""
    name = conversations.list_in(record)
    return list(conversations.turns(record, name, number)) if name else [conversations.Said(record, ())]


def _record(
    gathered: Gathered, record: dict[str, Any], own: Mapping[Path, Value], columns: Columns, number: int, depth: int = 1
) -> None:
    """Add one record: its texts, and then what hangs below it. `depth` is that of its paths."""
    first = min((value.start for value in own.values()), default=0)
    line = gathered.source.position(first)[0]
    said = _said(record, number)
    if said and said[0].path:
        own_by_path = {path[depth:]: value for path, value in own.items()}
        for turn in said:
            value = own_by_path.get(turn.path)
            place = gathered.source.position(value.start)[0] if value else line
            gathered.row(
                turn.record, {"text": value} if value else {}, {**columns.found, "text": "text"}, (place, number)
            )
        return
    if not columns.texts and not columns.is_listing:
        _tree(gathered, own)
        return
    cells = {str(path[-1]): value for path, value in own.items() if len(path) == depth + 1}
    finds = columns.finds()
    for found in [f for f in finds if isinstance(record.get(f.get("text", "")), str)] or finds[:1]:
        gathered.row(record, cells, found, (line, number))
    if columns.texts and not columns.is_log:
        _tree(
            gathered, {path: value for path, value in own.items() if len(path) > depth + 1 and path[depth] != "context"}
        )


def _tree(gathered: Gathered, texts: Mapping[Path, Value]) -> None:
    for path, value in texts.items():
        if gathered.fields.takes(path, value.text):
            gathered.reply(value)


def read_jsonl(gathered: Gathered) -> None:
    """Read a record or a text a line; a broken line is named and the others are read."""
    source = gathered.source
    start = 0
    records: list[tuple[int, dict[str, Any], dict[Path, Value]]] = []
    for number, line in enumerate(source.text.split("\n"), 1):
        record = _parsed(gathered, line, number) if line.strip() else None
        if record is not None:
            texts = _placed(gathered, source.text, start, start + len(line), (number - 1,))
            if isinstance(record, str):
                gathered.reply(*texts.values(), row=number)
            else:
                records.append((number, record, texts))
        start += len(line) + 1
    _lines(gathered, records)


def _parsed(gathered: Gathered, line: str, number: int) -> str | dict[str, Any] | None:
    try:
        record = json.loads(line)
    except (ValueError, RecursionError) as error:
        gathered.trouble(number, f"broken JSON ({getattr(error, 'msg', error)})", "one JSON object a line")
        return None
    if not isinstance(record, str | dict):
        gathered.trouble(number, f"a {type(record).__name__}", "a JSON object with a text")
        return None
    return record


def _lines(gathered: Gathered, records: list[tuple[int, dict[str, Any], dict[Path, Value]]]) -> None:
    """Read the records of lines, which need not have the same keys."""
    sample = [said.record for number, record, _ in records[:SAMPLE] for said in _said(record, number)]
    gathered.columns(list(dict.fromkeys(name for record in sample for name in record)), sample)
    known: dict[tuple[str, ...], Columns] = {}
    for number, record, texts in records:
        said = _said(record, number)
        names = tuple(dict.fromkeys(name for one in said for name in one.record))
        columns = known.get(names) or known.setdefault(names, gathered.columns(names, sample, line=None))
        if columns.texts or columns.is_listing or gathered.fields.named:
            _record(gathered, record, texts, columns, number)
        else:
            gathered.row(record, {}, columns.found, (number, number))


def strings(
    text: str, start: int, end: int, twice: list[tuple[str, int, int]] | None = None
) -> Iterator[tuple[Path, Value]]:
    """Yield the texts of valid JSON with their paths, in the order of the file.

    A key that stands twice in an object is added to `twice`, with where it stood first and where again.
    """
    path: list[str | int] = []
    in_object: list[bool] = []
    keys: list[dict[str, int]] = []  # of the open objects and lists
    key = False  # is the next string a key?
    for token in _TOKEN.finditer(text, start, end):
        literal, sign = token[1], token[2]
        if literal and key:
            path[-1], key = json.loads(literal), False
            earlier = keys[-1].setdefault(str(path[-1]), token.start(1))
            if earlier != token.start(1) and twice is not None:
                twice.append((str(path[-1]), earlier, token.start(1)))
        elif literal:
            yield tuple(path), _value(text, *token.span(1))
        elif sign in ("{", "["):
            in_object.append(sign == "{")
            keys.append({})
            path.append("" if sign == "{" else 0)
            key = sign == "{"
        elif sign in ("}", "]"):
            in_object.pop()
            keys.pop()
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
