"""A message in, the pieces that the encoder sees out: platform and channel, what was said before, and the text itself.

Training and reading both lay messages out here, so that what is read is what was learned.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import NamedTuple

from linter.model import Turn
from linter.reading.canonical import Canonical, canonical
from linter.reading.pieces import Piece, Vocabulary
from linter.text import Folding

MOST = 96  # pieces of one input
_CONTEXT = 32  # of them for what was said before
_TURNS = 4
_TURN = 60  # characters of an earlier turn, its last ones
_OWN = 56  # pieces of the message in one input; a longer one is read part by part
_OVERLAP = 12
_PLATFORMS = {
    "tmall": "天猫", "taobao": "淘宝", "pinduoduo": "拼多多", "douyin": "抖音", "kuaishou": "快手", "jd": "京东",
}  # fmt: skip
_CHANNELS = {"chat": "", "listing.title": "商品标题", "listing.detail": "商品详情"}
_SPEAKERS = {"buyer": "买家:", "agent": "客服:"}


class Laid(NamedTuple):
    """One input of the encoder: the numbers of its pieces, and which of them are the message's own."""

    numbers: tuple[int, ...]
    first: int  # the first own piece
    own: tuple[Piece, ...]  # places in the canonical text


class Layout:
    """Lays messages out for one vocabulary."""

    def __init__(self, vocabulary: Vocabulary, folding: Folding) -> None:
        self.vocabulary = vocabulary
        self.folding = folding

    def lay(self, text: str, channel: str, context: Sequence[Turn], platform: str) -> tuple[Canonical, list[Laid]]:
        """Return the text as it is meant to be read, and the inputs that show it: several for a long one."""
        words = self.vocabulary
        read = canonical(text, self.folding)
        own = words.cut(read.text)
        head = [words.start, *self._numbers(_PLATFORMS[platform] + _CHANNELS[channel]), words.end]
        said: list[int] = []
        for turn in context[-_TURNS:]:
            said += self._numbers(_SPEAKERS[turn.role] + canonical(turn.text[-_TURN:], self.folding).text)
        head += [*said[-_CONTEXT:], words.end]
        return read, [
            Laid((*head, *(piece.number for piece in part), words.end), len(head), tuple(part)) for part in _parts(own)
        ]

    def _numbers(self, text: str) -> list[int]:
        return [piece.number for piece in self.vocabulary.cut(text)]


def _parts(own: Sequence[Piece]) -> Iterator[Sequence[Piece]]:
    start = 0
    while True:
        yield own[start : start + _OWN]
        if start + _OWN >= len(own):
            return
        start += _OWN - _OVERLAP
