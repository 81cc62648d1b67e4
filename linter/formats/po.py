"""PO files: the translations are judged, the texts they were made from are not.

Fuzzy and obsolete entries are drafts and remains: gettext does not show them, so they are not read. The scanner is our own
because polib does not say where a translation stands; a test holds it to what polib reads.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field

from linter.formats.document import Gathered
from linter.formats.value import Piece, Value

_LINE = re.compile(r'[ \t]*(?:(msgctxt|msgid_plural|msgid|msgstr(?:\[\d+\])?)[ \t]*)?"((?:[^"\\]|\\.)*)"[ \t]*')
_ESCAPE = re.compile(r"\\(?:[0-7]{1,3}|x[0-9a-fA-F]{1,2}|.)")
_READS = {"n": "\n", "t": "\t", "r": "\r", "a": "\a", "b": "\b", "f": "\f", "v": "\v"}
_WRITES = {"\\": "\\\\", '"': '\\"', "\n": "\\n", "\t": "\\t", "\r": "\\r"}


@dataclass
class _Entry:
    """The entry that is being read."""

    texts: dict[str, list[tuple[int, int]]] = field(default_factory=dict)  # literals of each keyword
    last: str = ""
    fuzzy: bool = False


def read_po(gathered: Gathered) -> None:
    """Read every translation; a line that is none of a PO file's is named."""
    source = gathered.source
    entry = _Entry()
    for number, (start, end) in enumerate(source.spans(), 1):
        line = source.text[start:end]
        if line.lstrip().startswith("#") or not line.strip():
            if entry.texts:
                _close(gathered, entry)
                entry = _Entry()
            entry.fuzzy |= line.startswith("#,") and "fuzzy" in line
            if re.match(r"[ \t]*#(?:[ \t]|$)", line):
                gathered.comment(start + line.index("#"), line.strip()[1:])
            continue
        literal = _LINE.fullmatch(source.text, start, end)
        if literal is None or not (literal[1] or entry.last):
            gathered.trouble(number, f"'{line.strip()[:20]}'", 'msgid "…", msgstr "…" or a comment')
            continue
        if literal[1] in ("msgctxt", "msgid") and "msgstr" in entry.last:  # the next entry, without a blank line
            _close(gathered, entry)
            entry = _Entry()
        entry.last = literal[1] or entry.last
        entry.texts.setdefault(entry.last, []).append(literal.span(2))
    _close(gathered, entry)


def _close(gathered: Gathered, entry: _Entry) -> None:
    """Add the translations of an entry, unless it is the header."""
    text = gathered.source.text
    is_header = not any(text[start:end] for start, end in entry.texts.get("msgid", ()))
    if entry.fuzzy or (is_header and "msgctxt" not in entry.texts):
        return
    for keyword, literals in entry.texts.items():
        if not keyword.startswith("msgstr"):
            continue
        value = _value(text, literals)
        if not gathered.fields.named or gathered.fields.named_here([keyword.partition("[")[0]]):
            gathered.reply(value)


def _value(text: str, literals: list[tuple[int, int]]) -> Value:
    pieces: list[Piece] = []
    for start, end in literals:
        done = start
        for escape in _ESCAPE.finditer(text, start, end):
            pieces.append(Piece(text[done : escape.start()], done, escape.start()))
            pieces.append(Piece(_read(escape[0][1:]), *escape.span()))
            done = escape.end()
        pieces.append(Piece(text[done:end], done, end))
    return Value(pieces, literals[0][0] - 1, literals[-1][1] + 1, _escaped, lambda words: f'"{_escaped(words)}"')


def _read(escape: str) -> str:
    if escape[0] == "x" and len(escape) > 1:
        return chr(int(escape[1:], 16))
    if escape[0] in "01234567":
        return chr(int(escape, 8))
    return _READS.get(escape, escape)


def _escaped(words: str) -> str:
    return "".join(_WRITES.get(char, char) for char in words)
