"""What the compiled part knows of every character, and the bits that say so.

A table is filled when a character is first met: what it reads as, how it sounds, and what shapes it could belong to.
"""

from __future__ import annotations

from functools import lru_cache
from typing import Any

from linter.scan import native
from linter.shapes import DIGITS, FIRST_MARK, MARKS
from linter.text import PICTURE, STROKES, Folding, Sounds, is_common, joints

_LETTER, _DIGIT, _UNIT, _COUNT, _FILLER, _ODD, _DECIMAL = (1 << bit for bit in range(7))
_FIVE, _TEN, _ELEVEN = 1 << 8, 1 << 9, 1 << 10  # so many digits in a row
_WORD = 1 << 15  # five letters and digits in a row
_JOINS = 16  # of a character that reads as nothing: letters go on behind it
_KINDS = {
    _LETTER: "abcdefghijklmnopqrstuvwxyz", _DIGIT: "".join(DIGITS), _UNIT: "天日周星礼个月小",
    _COUNT: "0123456789一二两三四五六七八九十半几个",
}  # fmt: skip
SIGNS = {  # shape -> bits of which one at least must be among a text's; finer questions are those of GATES
    "@mobile": _ELEVEN, "@landline": _TEN, "@number": _FIVE, "@account": _WORD | _FIVE, "@id": _WORD | _FIVE,
} | {name: FIRST_MARK << place for place, name in enumerate(MARKS)}  # fmt: skip


def known(spellings: Any, folding: Folding, sounds: Sounds, fillers: str) -> Any:
    """Return the compiled part's table of characters; `fillers` are those of the words that say nothing."""
    kinds: dict[str, int] = {}
    for bit, chars in ({_FILLER: fillers} | _KINDS).items():
        for char in chars:
            kinds[char] = kinds.get(char, 0) | bit

    def learn(char: str) -> tuple[str | None, int, str, int]:
        read = folding.read(char)
        if len(read) > 1 or char in STROKES or (read >= "\u3400" and PICTURE.match(char)):
            return None, 0, "", 0  # it reads as several, or may
        if not read:
            return "", folding.break_level(char) | (_JOINS if char in "_-＿－" else 0), "", 0
        bits = kinds.get(read, 0) | (_DECIMAL if read.isdecimal() else 0) | (0 if is_common(read) else _ODD)
        return read, 0, sounds.table[ord(read)], bits

    @lru_cache(maxsize=4096)
    def spell(letters: str) -> tuple[tuple[str, int], ...]:
        return tuple((sounds.code(syllable), len(syllable)) for syllable in sounds.parse(letters))

    return native.Chars(spellings, learn, spell, joints)
