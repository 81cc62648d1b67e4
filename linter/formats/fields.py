"""Path expressions in, a question out: is the text at this place of a file a reply?

`replies.*.text` names keys from the root, `*` any one, `**` any number of them, `!` before an expression takes places out.
The numbers of a list may be left out: `faq.answer` is also the answer of every entry of a list `faq`. The decision to
question: without expressions every text is a reply whose key does not say otherwise and that is more than a code.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence

from linter.inputs import worth

Path = Sequence[str | int]
_INDEXES = r"(?:#\d+/)*"
_PART = re.compile(r"(?:\\.|[^.\\])+")


class Fields:
    """The expressions of one reading; `matched` gathers those that found something."""

    def __init__(self, expressions: Iterable[str] = ()) -> None:
        self.matched: set[str] = set()
        compiled = [(source, _compiled(source.lstrip("!"))) for source in expressions]
        self._out = [pair for pair in compiled if pair[0].startswith("!")]
        self._in = [pair for pair in compiled if not pair[0].startswith("!")]

    @property
    def named(self) -> bool:
        """Do expressions say what is a reply, rather than the defaults?"""
        return bool(self._in)

    def takes(self, path: Path, text: str) -> bool:
        """Is the text at the path a reply?"""
        if not text.strip():
            return False
        if not self._in:
            return _default(path, text) and not self._hit(self._out, path)
        return self._hit(self._in, path) and not self._hit(self._out, path)

    def named_here(self, path: Path) -> bool:
        """Do the expressions take a place, whatever text stands there?"""
        return self._hit(self._in, path) and not self._hit(self._out, path)

    def excluded(self, path: Path) -> bool:
        """Do the expressions take a place out?"""
        return self._hit(self._out, path)

    def _hit(self, pairs: list[tuple[str, re.Pattern[str]]], path: Path) -> bool:
        if not pairs:
            return False
        written = "".join(f"#{part}/" if isinstance(part, int) else _written(part) for part in path)
        hits = [source for source, pattern in pairs if pattern.fullmatch(written)]
        self.matched.update(hits)
        return bool(hits)


def _default(path: Path, text: str) -> bool:
    from linter.columns import NOT_TEXT

    key = next((part for part in reversed(path) if isinstance(part, str)), "")
    return key.strip().lower() not in NOT_TEXT and worth(text)


def _written(key: str) -> str:
    return key.strip().lower().replace("/", "\x00").lstrip("#") + "/"


def _compiled(source: str) -> re.Pattern[str]:
    dotted = re.sub(r"\[(\*|\d+)\]", r".\1", source).strip(".")
    return re.compile("".join(_part(part) for part in _PART.findall(dotted)) + _INDEXES)


def _part(part: str) -> str:
    if part == "**":
        return "(?:[^/]*/)*"
    if part == "*":
        return _INDEXES + "[^/]*/"
    name = re.sub(r"\\(.)", r"\1", part)
    exact = re.escape(_written(name))
    return f"(?:#{name}/|{_INDEXES}{exact})" if name.isdecimal() else _INDEXES + exact
