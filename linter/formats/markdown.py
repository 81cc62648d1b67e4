"""Markdown and Jinja templates: a reply a line, or a cell of a table.

What is no prose (code, comments, front matter, tags) is blanked in a copy of the whole source at the same length, and
the lines are then cut from the copy, so that a place in the one is a place in the other.
"""

from __future__ import annotations

import re
from collections.abc import Iterator

from linter import placeholders
from linter.formats.document import Gathered
from linter.formats.value import Value
from linter.inputs import MARKS
from linter.markup import mask_html

_JINJA_COMMENT = re.compile(r"\{#-?(.*?)-?#\}", re.DOTALL)
_HTML_COMMENT = re.compile(r"<!--(.*?)-->", re.DOTALL)
_FRONT_MATTER = re.compile(r"---[ \t]*\r?\n.*?^(?:---|\.\.\.)[ \t]*$", re.DOTALL | re.MULTILINE)
_FENCED = re.compile(r"^[ \t>]*(`{3,}|~{3,})[^\n]*\n(?:.*?^[ \t>]*\1[`~]*[ \t]*\r?$|.*\Z)", re.DOTALL | re.MULTILINE)
_INLINE_CODE = re.compile(r"(?<!`)(`{1,2})(?!`)[^\n]+?(?<!`)\1(?!`)")
_IMAGE = re.compile(r"(?<=\])\([^()\s]*\)")
_CELL = re.compile(r"(?:[^|\\]|\\.)+")


def read_jinja(gathered: Gathered) -> None:
    """Read a template like Markdown; what the template engine runs is not judged, its comments are comments."""
    text = gathered.source.text
    shown = _without_comments(gathered, _JINJA_COMMENT, text, "#}")
    read_markdown(gathered, placeholders.mask(shown))


def read_markdown(gathered: Gathered, shown: str | None = None) -> None:
    """Read prose line by line, tables cell by cell; code, comments and front matter are not prose."""
    text = gathered.source.text
    shown = text if shown is None else shown
    for pattern in (_FRONT_MATTER, _FENCED):
        shown = _blanked(pattern, shown, first=pattern is _FRONT_MATTER)
    shown = _without_comments(gathered, _HTML_COMMENT, shown, "-->")
    shown = _INLINE_CODE.sub(_neutral, shown)
    shown = re.sub(r"!\[[^\]\n]*\]\([^()\s]*\)", lambda found: _IMAGE.sub(_neutral, found[0]), shown)
    if gathered.options.placeholders:
        shown = placeholders.mask(shown)
    _prose(gathered, mask_html(shown))


def _prose(gathered: Gathered, shown: str) -> None:
    source = gathered.source
    for number, (start, end) in enumerate(source.spans(), 1):
        marks = MARKS.match(shown, start, end)
        start = marks.end() if marks else start
        for first, last in _cells(shown, start, end):
            words = shown[first:last].replace("\n", "\u200b").replace("\r", "\u200b")
            if words.strip(" \t\u200b|:-"):
                gathered.reply(Value.verbatim(source.text, first, last), row=number, masked=words)


def _cells(text: str, start: int, end: int) -> Iterator[tuple[int, int]]:
    """Yield a line's one span, or those of the cells where it is a row of a table."""
    if not text.startswith("|", start):
        yield start, end
        return
    for cell in _CELL.finditer(text, start, end):
        words = cell[0]
        yield cell.start() + len(words) - len(words.lstrip()), cell.end() - len(words) + len(words.rstrip())


def _without_comments(gathered: Gathered, pattern: re.Pattern[str], shown: str, close: str) -> str:
    """Note the comments and blank them; behind the last sign that closes one there is none, so time stays linear."""
    text, end = gathered.source.text, shown.rfind(close) + len(close)
    for comment in pattern.finditer(shown, 0, end):
        gathered.comment(comment.start(), comment[1], _is_alone(text, comment.start(), comment.end()))
    return pattern.sub(_filler, shown[:end]) + shown[end:]


def _filler(found: re.Match[str]) -> str:
    return re.sub(r"[^\r\n]", "\u200b", found[0])


def _blanked(pattern: re.Pattern[str], text: str, first: bool) -> str:
    if not first:
        return pattern.sub(_blank, text)
    found = pattern.match(text)
    return _blank(found) + text[found.end() :] if found else text


def _blank(found: re.Match[str]) -> str:
    return re.sub(r"[^\r\n]", " ", found[0])


def _neutral(found: re.Match[str]) -> str:
    return placeholders.MASK.ljust(len(found[0]), "\u200b")


def _is_alone(text: str, start: int, end: int) -> bool:
    line = text.rfind("\n", 0, start) + 1
    stop = text.find("\n", end)
    return not (text[line:start] + text[end : stop if stop >= 0 else len(text)]).strip()
