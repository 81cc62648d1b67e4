"""Evidence and labels in, the compact reader's weights out: logistic regressions for all rules at once, by plain descent.

Why plain descent, and not a better optimizer? With half a million features a message the small, even steps are what keeps
rare ones from being learned by heart (Adam: 0.31 recall where this has 0.47; liblinear the same in ten times the time).
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from linter.reading.compact import MAGIC, norm
from linter.reading.grams import BITS

Floats = npt.NDArray[np.float32]
Evidence = Sequence[npt.NDArray[np.int64]]


@dataclass(frozen=True)
class Settings:
    """How long and how fast it is learned."""

    epochs: int = 14
    rate: float = 0.1
    dropped: float = 0.2  # of the evidence at every step
    breach_weight: float = 3.0
    seed: int = 0


GATE = Settings(breach_weight=6.0)  # it looks at a message first, and what it lets go is not looked at again


@dataclass
class Weights:
    """One weight a feature and head."""

    table: Floats
    bias: Floats

    def scores(self, evidence: Evidence) -> Floats:
        """Return the log-odds by case and head."""
        found = np.empty((len(evidence), len(self.bias)), np.float32)
        for place, numbers in enumerate(evidence):
            found[place] = self.table[numbers].sum(0) * norm(len(numbers)) + self.bias
        return found


def train(evidence: Evidence, target: Floats, weight: Floats, settings: Settings) -> Weights:
    """Learn all heads; `weight` is 0 where an answer does not count."""
    rng = np.random.default_rng(settings.seed)
    table = np.zeros((1 << BITS, target.shape[1]), np.float32)
    bias = np.full(target.shape[1], -4.0, np.float32)
    pull = weight * (1 + (settings.breach_weight - 1) * target)
    steps, step = settings.epochs * len(evidence), 0
    for _ in range(settings.epochs):
        for place in rng.permutation(len(evidence)):
            pace = settings.rate * (1 - step / steps)
            step += 1
            numbers = evidence[place]
            seen = numbers[rng.random(len(numbers)) >= settings.dropped]
            part = norm(len(seen))
            score = table[seen].sum(0) * part + bias
            wrong = (1 / (1 + np.exp(-score)) - target[place]) * pull[place]
            table[seen] -= (pace * part) * wrong
            bias -= (pace * 0.1) * wrong
    return Weights(table, bias)


def packed(weights: Weights, gate: Weights, heads: Sequence[str], card: dict[str, Any], least: float = 0.02) -> bytes:
    """Return the weights as the file that `linter.reading.compact` reads; rows without a weight of note are left out."""
    top = np.abs(weights.table).max(1)
    kept = np.flatnonzero(top > least * np.quantile(top[top > 0], 0.999))
    scale = float(np.quantile(np.abs(weights.table[kept]).max(1), 0.9995)) / 127
    rows = (np.clip(np.rint(weights.table[kept] / scale), -127, 127) + 128).astype(np.uint8)
    places = np.zeros(1 << BITS, np.uint32)
    places[kept] = np.arange(1, len(kept) + 1)
    gate_scale = float(np.quantile(np.abs(gate.table[gate.table != 0]), 0.9995)) / 127
    gated = np.clip(np.rint(gate.table[:, 0] / gate_scale), -127, 127).astype(np.int8)
    told = card | {
        "heads": list(heads), "bias": [round(float(b), 4) for b in weights.bias], "scale": scale,
        "gate_scale": gate_scale, "gate_bias": float(gate.bias[0]), "rows": len(kept),
    }  # fmt: skip
    header = json.dumps(told, ensure_ascii=False, sort_keys=True).encode()
    header += b" " * (-(len(MAGIC) + 4 + len(header)) % 8)  # what follows is looked into as it lies there
    return MAGIC + len(header).to_bytes(4, "little") + header + gated.tobytes() + places.tobytes() + rows.tobytes()
