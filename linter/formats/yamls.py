"""YAML: PyYAML says what a scalar means, its marks say where it stands, and the two are aligned character by character.

An aliased text is read once, at its anchor. What the alignment cannot follow is one piece: its place is then the whole
scalar, coarse but never wrong.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterator
from typing import Any

import yaml

from linter.formats.document import Gathered
from linter.formats.value import Piece, Value
from linter.lines import clean
from linter.nodes import documents

Placed = tuple[tuple[str | int, ...] | None, Any]  # a node with its path; keys have none
_BREAKS = r"(?:\r\n|[\r\n\x85\u2028\u2029])"
_FOLD = rf"[ \t]*{_BREAKS}[ \t]*(?:{_BREAKS}[ \t]*)*"
_SPECIAL = {
    None: re.compile(_FOLD),
    "'": re.compile(f"''|{_FOLD}"),
    '"': re.compile(rf"\\(?:x[0-9a-fA-F]{{2}}|u[0-9a-fA-F]{{4}}|U[0-9a-fA-F]{{8}}|{_BREAKS}[ \t]*(?:{_BREAKS}[ \t]*)*|.)|{_FOLD}"),
}  # fmt: skip
_ESCAPES = {
    "0": "\0", "a": "\a", "b": "\b", "t": "\t", "\t": "\t", "n": "\n", "v": "\v", "f": "\f", "r": "\r", "e": "\x1b", " ": " ",
    '"': '"', "/": "/", "\\": "\\", "N": "\x85", "_": "\xa0", "L": "\u2028", "P": "\u2029",
}  # fmt: skip
_PROPERTIES = re.compile(rf"(?:[&!]\S*(?:[ \t]+(?:#[^\r\n]*)?|{_BREAKS})+[ \t]*)*")
_RUN = re.compile(r"[ \t\r\n\x85\u2028\u2029]+|[^ \t\r\n\x85\u2028\u2029]+")
_HEADER = re.compile(rf"[|>][^\r\n]*{_BREAKS}?")
_COMMENT = re.compile(r"(?:^|(?<=[ \t]))#[^\r\n]*", re.MULTILINE)


def read_yaml(gathered: Gathered) -> None:
    """Read every document of a file text by text; one that is broken is named, and those before it are kept."""
    text = clean(gathered.source.text)  # YAML knows no lone surrogates
    spans: list[tuple[int, int]] = []
    try:
        for root in documents(text):
            for path, node in _scalars(root, gathered):
                spans.append((_words_from(text, node), node.end_mark.index))
                if path is not None and gathered.fields.takes(path, node.value):
                    gathered.reply(scalar(text, node))
    except yaml.MarkedYAMLError as error:
        line = error.problem_mark.line + 1 if error.problem_mark else 1
        gathered.trouble(line, error.problem or "broken YAML", "valid YAML")
    except (yaml.YAMLError, RecursionError) as error:
        gathered.trouble(1, str(error).splitlines()[0], "valid YAML")
    _comments(gathered, spans)


def _scalars(root: Any, gathered: Gathered) -> Iterator[Placed]:
    """Yield the scalars below a node in the order of the file: keys without a path, texts with theirs."""
    seen: set[int] = set()
    waiting: list[Placed] = [((), root)]
    while waiting:
        path, node = waiting.pop()
        if isinstance(node, yaml.ScalarNode):
            if id(node) not in seen:
                yield path, node
        elif id(node) not in seen and path is not None:
            waiting.extend(reversed(list(_children(path, node, gathered))))
        seen.add(id(node))


def _children(path: tuple[str | int, ...], node: Any, gathered: Gathered) -> Iterator[Placed]:
    if isinstance(node, yaml.SequenceNode):
        yield from (((*path, number), child) for number, child in enumerate(node.value))
        return
    lines: dict[str, int] = {}
    for key, child in node.value:
        name = key.value if isinstance(key, yaml.ScalarNode) else "?"
        line = key.start_mark.line + 1
        if name in lines and name != "<<":
            gathered.trouble(line, f"key '{name}' stands twice", f"it once (first on line {lines[name]})", judged=True)
        lines.setdefault(name, line)
        yield None, key
        yield (*path, name), child


def _words_from(text: str, node: Any) -> int:
    """Return where a scalar hides what looks like a comment: a block scalar does behind its first line."""
    start: int = node.start_mark.index
    if node.style not in ("|", ">"):
        return start
    header = _HEADER.match(text, _PROPERTIES.match(text, start).end())  # type: ignore[union-attr]
    return header.end() if header else start


def scalar(text: str, node: Any) -> Value:
    """Return a scalar's text without the line breaks at its end, aligned with the source."""
    start, end = node.start_mark.index, node.end_mark.index
    begin = _PROPERTIES.match(text, start, end)
    start = begin.end() if begin else start
    kept = node.value.rstrip("\n")
    tail = node.value[len(kept) :]
    if node.style in ("|", ">"):
        pieces = _block(text, start, end, node.value)
        close = "\r\n" if text[start:end].endswith("\r\n") else "\n" if text[start:end].endswith("\n") else ""
        return Value(pieces, start, end, str, lambda words: _quoted(words + tail) + close).cut(len(kept))
    style = node.style if node.style in ("'", '"') else None
    pieces = _flow(text, start, end, style)
    if "".join(piece.text for piece in pieces) != node.value:
        pieces = [Piece(node.value, start, end)]
    return Value(pieces, start, end, _INLINE[style], lambda words: _quoted(words + tail)).cut(len(kept))


def _flow(text: str, start: int, end: int, style: str | None) -> list[Piece]:
    """Align a plain or quoted scalar: escapes, doubled quotes and folded line breaks are pieces of their own."""
    first, last = (start + 1, end - 1) if style else (start, end)
    pieces: list[Piece] = []
    for special in _SPECIAL[style].finditer(text, first, last):
        pieces.append(Piece(text[first : special.start()], first, special.start()))
        pieces.append(Piece(_read(special[0]), *special.span()))
        first = special.end()
    return [*pieces, Piece(text[first:last], first, last)]


def _read(raw: str) -> str:
    """Return what a special part of a flow scalar reads as."""
    if raw == "''":
        return "'"
    if raw[0] != "\\":
        breaks = len(re.findall(_BREAKS, raw))
        return " " if breaks == 1 else "\n" * (breaks - 1)
    if raw[1] in "xuU":
        return chr(int(raw[2:], 16))
    if re.match(_BREAKS, raw[1:]):
        return "\n" * (len(re.findall(_BREAKS, raw)) - 1)
    return _ESCAPES.get(raw[1], raw)


def _block(text: str, start: int, end: int, value: str) -> list[Piece]:
    """Align a block scalar: its words stand as they are, only the white space between them was folded and cut."""
    header = _HEADER.match(text, start, end)
    pieces: list[Piece] = []
    position = 0
    for run in _RUN.finditer(text, header.end() if header else start, end):
        if run[0].isspace() and run[0][0] in " \t\r\n\x85\u2028\u2029":
            space = _RUN.match(value, position)
            words = space[0] if space and space[0][0] in " \t\r\n\x85\u2028\u2029" else ""
        elif value.startswith(run[0], position):
            words = run[0]
        else:
            return [Piece(value, start, end)]
        pieces.append(Piece(words, *run.span()))
        position += len(words)
    return pieces if position == len(value) else [Piece(value, start, end)]


def _quoted(words: str) -> str:
    """Write a text in quotes, single ones where they can hold it."""
    if words.isprintable():
        return "'" + words.replace("'", "''") + "'"
    return json.dumps(words, ensure_ascii=False)


_INLINE: dict[str | None, Callable[[str], str]] = {
    None: str,
    "'": lambda words: words.replace("'", "''"),
    '"': lambda words: json.dumps(words, ensure_ascii=False)[1:-1],
}


def _comments(gathered: Gathered, spans: list[tuple[int, int]]) -> None:
    """Find the comments: what follows a # outside every scalar."""
    text = gathered.source.text
    shown = list(text)
    for start, end in spans:
        shown[start:end] = "\n".join("x" * len(line) for line in text[start:end].split("\n"))
    masked = "".join(shown)
    for comment in _COMMENT.finditer(masked):
        line = masked.rfind("\n", 0, comment.start()) + 1
        words = text[comment.start() + 1 : comment.end()]
        gathered.comment(comment.start(), words, not masked[line : comment.start()].strip(" \t\r"))
