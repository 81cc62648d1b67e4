"""A concept's spellings in, all its disguises out, as terms for the scanner.

Disguises are generated, never listed: the sound of a word (homophones, near-homophones and pinyin in one term), its
characters' initials mixed with the rest (发p, 支f宝, zfb), characters taken apart (亻言 for 信) and look-alike characters.
What could be an ordinary word keeps the mark `weak` and is judged by its neighbours later.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import lru_cache
from itertools import product

from linter.terms import Term
from linter.text import Sounds, is_common, near, readings


@dataclass(frozen=True, slots=True)
class Disguises:
    """The tables disguises are made from."""

    sounds: Sounds
    components: Mapping[str, tuple[str, ...]]  # 信 -> (亻言,)
    lookalikes: Mapping[str, str]  # 微 -> 徽嶶: characters that resemble it

    def of(self, concept: str, spelling: str) -> Iterator[Term]:
        """Yield the disguised terms of one folded strong spelling."""
        if spelling.isascii() and spelling.isalpha() and len(spelling) >= 6:
            yield from _typos(concept, spelling)
        if not all(_is_chinese(c) for c in spelling):
            yield from self._mixed(concept, spelling)
            return
        if len(spelling) == 1:
            yield from self._single(concept, spelling)
            return
        yield from self._sound(concept, spelling)
        yield from self._initials(concept, spelling)
        yield from self._glyphs(concept, spelling)

    def spelled_out(self, concept: str, spelling: str) -> Iterator[Term]:
        """Yield the sound of a word whose other disguises are not wanted: 收款ma and 没you are never an accident."""
        if len(spelling) > 1 and all(_is_chinese(c) and readings().get(c) for c in spelling):
            text = "".join(self.sounds.code(readings()[c][0]) for c in spelling)
            yield Term(text, concept, spelling, "mixed", False, "pinyin")

    def rare(self, concept: str, char: str) -> Iterator[Term]:
        """Yield the characters nobody uses that sound like a weak one-character spelling (叩, 筘 for 扣)."""
        if len(char) != 1 or not _is_chinese(char) or char not in readings():
            return
        spoken = self.sounds.code(readings()[char][0])
        for other in _rare_by_sound(self.sounds).get(spoken, ()):
            if other != char:
                yield Term(other, concept, char, weak=True, how="homophone", word=True)

    def _single(self, concept: str, char: str) -> Iterator[Term]:
        for syllable in readings().get(char, ())[:1]:
            if len(syllable) > 2:
                yield Term(syllable, concept, char, weak=True, how="pinyin")
        for parts in self.components.get(char, ()):
            yield Term(parts, concept, char, weak=True, how="split")

    def _sound(self, concept: str, spelling: str) -> Iterator[Term]:
        spoken = [readings().get(c, ())[:3] for c in spelling]
        if not all(spoken):
            return
        first = "".join(self.sounds.code(all_[0]) for all_ in spoken)
        yield Term(first, concept, spelling, "sound", True, "homophone", True)
        for index, all_ in enumerate(spoken):  # one character at a time in a less usual reading: 差 chai
            for other in all_[1:]:
                text = first[:index] + self.sounds.code(other) + first[index + 1 :]
                if text != first:
                    yield Term(text, concept, spelling, "sound", True, "homophone", True)

    def _mixed(self, concept: str, spelling: str) -> Iterator[Term]:
        """Yield the sound of Latin letters followed by Chinese characters: v芯 for v信."""
        letters = spelling.rstrip("".join(c for c in spelling if _is_chinese(c)))
        rest = spelling[len(letters) :]
        if letters and rest and letters.isascii() and letters.isalpha() and all(c in readings() for c in rest):
            text = letters + "".join(self.sounds.code(readings()[c][0]) for c in rest)
            yield Term(text, concept, spelling, "sound", True, "homophone", True)

    def _initials(self, concept: str, spelling: str) -> Iterator[Term]:
        letters = [readings()[c][0][0] if c in readings() else "" for c in spelling]
        if not all(letters):
            return
        for index in range(len(spelling)):
            yield Term(
                spelling[:index] + letters[index] + spelling[index + 1 :], concept, spelling, "plain", True, "initials"
            )
        if len(spelling) >= 3:
            yield Term("".join(letters), concept, spelling, "plain", True, "initials")

    def _glyphs(self, concept: str, spelling: str) -> Iterator[Term]:
        choices = [[(c, ""), *self._other_forms(c)] for c in spelling]
        for combination in product(*choices) if len(spelling) <= 3 else _one_at_a_time(choices):
            hows = {how for _, how in combination if how}
            if hows:
                text = "".join(form for form, _ in combination)
                yield Term(text, concept, spelling, "plain", False, "split" if "split" in hows else "glyph", True)

    def _other_forms(self, char: str) -> list[tuple[str, str]]:
        split = [(parts, "split") for parts in self.components.get(char, ())]
        return split + [(other, "glyph") for other in self.lookalikes.get(char, "")]


@lru_cache(maxsize=2)
def _rare_by_sound(sounds: Sounds) -> dict[str, list[str]]:
    found: dict[str, list[str]] = {}
    for char, spoken in readings().items():
        if spoken and near(spoken[0]) in sounds.codes and not is_common(char):
            found.setdefault(sounds.code(spoken[0]), []).append(char)
    return found


def _typos(concept: str, spelling: str) -> Iterator[Term]:
    """Yield a long Latin spelling with one letter doubled, left out or swapped with the next."""
    forms = {spelling[:i] + spelling[i] + spelling[i:] for i in range(len(spelling))}
    forms |= {spelling[:i] + spelling[i + 1 :] for i in range(1, len(spelling))}
    forms |= {spelling[:i] + spelling[i + 1] + spelling[i] + spelling[i + 2 :] for i in range(len(spelling) - 1)}
    for form in sorted(forms - {spelling}):
        yield Term(form, concept, spelling, "plain", how="typo")


def _one_at_a_time(choices: list[list[tuple[str, str]]]) -> Iterator[tuple[tuple[str, str], ...]]:
    plain = [forms[0] for forms in choices]
    for index, forms in enumerate(choices):
        for form in forms[1:]:
            yield (*plain[:index], form, *plain[index + 1 :])


def _is_chinese(char: str) -> bool:
    return "\u3400" <= char <= "\u9fff"
