"""A text in, the text as it is meant to be read out, and where each of its characters came from.

Width, case, Traditional writing and look-alikes are folded and zero-width characters dropped, as in `Folded.plain`; but
punctuation stays, since it is what a sentence is understood by, and single characters that were spaced out (加 我 微 信,
微-信) are put together again. Nothing is joined over the end of a sentence or a quotation mark.
"""

from __future__ import annotations

import re
import unicodedata
from typing import NamedTuple

from linter.text import FILLER, Folding

_HAN = "\u3400-\u9fff"
_SPLIT = re.compile(rf"(?<=[{_HAN}])[*_~^=#&`·•\-|\\]{{1,3}}(?=[{_HAN}])")
_BETWEEN = r"[\s*_~^=#&`·•\-|\\/.,+]"
_SPACED = re.compile(rf"(?<!\w)(?:[{_HAN}a-z]{_BETWEEN}){{2,}}[{_HAN}a-z](?!\w)")
_JOINT = re.compile(_BETWEEN)
_SAME = {
    **dict.fromkeys("“”「」『』‘’", '"'), "。": ".", "…": ".", "、": ",", "～": "~", "—": "-", "【": "[", "】": "]",
}  # fmt: skip


class Canonical(NamedTuple):
    """A text as it is meant; `at[i]` is where its character i stands in the original, and `at[-1]` its end."""

    text: str
    at: tuple[int, ...]


def canonical(original: str, folding: Folding) -> Canonical:
    """Return the text as it is meant to be read."""
    shown: list[str] = []
    at: list[int] = []
    for index, char in enumerate(original):
        read = folding.read(char) or _mark(char, folding)
        if not read or (not read.isalnum() and shown and shown[-1] == read):
            continue  # nothing to see, or the same mark once more
        for letter in read:
            shown.append(letter)
            at.append(index)
    text = "".join(shown)
    dropped = {place for match in _SPLIT.finditer(text) for place in range(*match.span())}
    for match in _SPACED.finditer(text):
        dropped |= {match.start() + joint.start() for joint in _JOINT.finditer(match[0])}
    if dropped:
        kept = [place for place in range(len(text)) if place not in dropped]
        text, at = "".join(text[place] for place in kept), [at[place] for place in kept]
    return Canonical(text, (*at, len(original)))


def _mark(char: str, folding: Folding) -> str:
    """Return what a character that is no letter stands as: '' for what nobody sees, one form for all of a kind."""
    if char in "\n\r\t\u3000 ":
        return " "
    category = unicodedata.category(char)
    if category[0] == "C" or category[0] == "M" or (category == "Lo" and folding.break_level(char) == FILLER):
        return ""
    plain = unicodedata.normalize("NFKC", char)
    return _SAME.get(plain, plain if len(plain) == 1 else plain[:1])
