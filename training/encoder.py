"""Cases in, the encoder's weights out: the lower layers of a small sentence encoder, fine-tuned to tell what breaks a rule.

Two heads: one says for the whole message how likely it breaks each rule, one for every piece whether it carries the
breach. Why so few layers? A message has some twenty characters and 3 ms; what two layers more would find is in
training/README.md.
"""

from __future__ import annotations

import math
import random
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import torch
import torch.nn.functional as F
from torch import Tensor, nn

from linter.cases import Case
from linter.reading.layout import MOST, Laid, Layout
from linter.reading.pieces import Vocabulary
from training import data
from training.base import Base

DROPPED = 0.1
_WARMING = 0.06
_SMOOTH = 0.98


@dataclass(frozen=True)
class Settings:
    """How long and how fast it is learned."""

    layers: int = 4
    epochs: int = 4
    rate: float = 2e-4
    batch: int = 32
    breach_weight: float = 2.0
    piece_weight: float = 0.5
    seed: int = 0
    threads: int = 2


@dataclass(frozen=True)
class Sample:
    """One input of the encoder with what it should answer."""

    laid: Laid
    target: npt.NDArray[np.float32]
    weight: npt.NDArray[np.float32]
    carried: npt.NDArray[np.float32]


def samples(cases: Sequence[Case], layout: Layout, rules: Sequence[str]) -> list[list[Sample]]:
    """Lay every case out; a long one has several inputs, and a breach is asked of those alone that show it."""
    found = []
    for case in cases:
        target, weight = data.labels(case, rules)
        read, inputs = layout.lay(case.text, case.channel, case.context, case.platform)
        rows = []
        for laid in inputs:
            carried = data.carried(case, read, laid, rules)
            shown = target if len(inputs) == 1 else target * carried.max(0, initial=0)
            rows.append(Sample(laid, shown, weight, carried))
        found.append(rows)
    return found


class Layer(nn.Module):
    """One layer of the encoder, begun with the weights it was pre-trained to."""

    def __init__(self, base: Base, number: int) -> None:
        super().__init__()
        width, inner, self.heads, self.epsilon = base.width, base.inner, base.heads, base.epsilon

        def floats(name: str) -> nn.Parameter:
            return nn.Parameter(torch.tensor(base.floats(f"l{number}.{name}")))

        def packed(name: str, columns: int) -> Any:
            return base.packed(f"l{number}.{name}", columns)

        self.mix = nn.Parameter(torch.tensor(np.concatenate([packed(f"{part}.w", width) for part in "qkv"])))
        self.mix_bias = nn.Parameter(torch.cat([floats(f"{part}.b").data for part in "qkv"]))
        self.out, self.out_bias = nn.Parameter(torch.tensor(packed("ao.w", width))), floats("ao.b")
        self.widen, self.widen_bias = nn.Parameter(torch.tensor(packed("fi.w", width))), floats("fi.b")
        self.narrow, self.narrow_bias = nn.Parameter(torch.tensor(packed("fo.w", inner))), floats("fo.b")
        self.norm, self.norm_bias = floats("aln.w"), floats("aln.b")
        self.last, self.last_bias = floats("oln.w"), floats("oln.b")

    def forward(self, x: Tensor, mask: Tensor | None) -> Tensor:
        count, length, width = x.shape
        size = width // self.heads
        mixed = F.linear(x, self.mix, self.mix_bias).view(count, length, 3, self.heads, size).permute(2, 0, 3, 1, 4)
        asked = mixed[0] @ mixed[1].transpose(-1, -2) / math.sqrt(size)
        heard = torch.softmax(asked if mask is None else asked + mask, -1) @ mixed[2]
        heard = F.linear(heard.transpose(1, 2).reshape(count, length, width), self.out, self.out_bias)
        x = F.layer_norm(
            x + F.dropout(heard, DROPPED, self.training), (width,), self.norm, self.norm_bias, self.epsilon
        )
        told = F.linear(F.gelu(F.linear(x, self.widen, self.widen_bias)), self.narrow, self.narrow_bias)
        return F.layer_norm(
            x + F.dropout(told, DROPPED, self.training), (width,), self.last, self.last_bias, self.epsilon
        )


class Encoder(nn.Module):
    """Pieces in, a score by rule for the message and for every piece out."""

    def __init__(self, base: Base, kept: Sequence[int], rules: int, layers: int) -> None:
        super().__init__()
        self.pieces = nn.Parameter(torch.tensor(base.packed("emb.word", base.width)[list(kept)]))
        places = base.floats("emb.pos").reshape(-1, base.width)[:MOST] + base.floats("emb.type")[: base.width]
        self.places = nn.Parameter(torch.tensor(places))
        self.norm = nn.Parameter(torch.tensor(base.floats("emb.ln.w")))
        self.norm_bias = nn.Parameter(torch.tensor(base.floats("emb.ln.b")))
        self.layers = nn.ModuleList([Layer(base, number) for number in range(layers)])
        self.whole, self.piece = nn.Linear(2 * base.width, rules), nn.Linear(base.width, rules)
        for head in (self.whole, self.piece):
            nn.init.normal_(head.weight, 0, 0.02)
            nn.init.constant_(head.bias, -4.0)
        self.width, self.epsilon = base.width, base.epsilon

    def forward(self, numbers: Tensor, own: Tensor, mask: Tensor | None = None) -> tuple[Tensor, Tensor]:
        x = self.pieces[numbers] + self.places[: numbers.shape[1]]
        x = F.dropout(F.layer_norm(x, (self.width,), self.norm, self.norm_bias, self.epsilon), DROPPED, self.training)
        for layer in self.layers:
            x = layer(x, mask)
        mine = own[..., None]
        mean = (x * mine).sum(1) / mine.sum(1).clamp(min=1)
        most = (x * mine - (1 - mine) * 1e4).max(1).values
        shown = F.dropout(torch.cat([mean, most], -1), DROPPED, self.training)
        return self.whole(shown), self.piece(x)


def batch(rows: Sequence[Sample], pad: int) -> dict[str, Tensor]:
    """Put samples side by side, filled up to the longest."""
    length = max(len(row.laid.numbers) for row in rows)
    numbers = np.full((len(rows), length), pad, np.int64)
    own, mask = np.zeros((len(rows), length), np.float32), np.full((len(rows), 1, 1, length), -1e9, np.float32)
    carried = np.zeros((len(rows), length, rows[0].target.shape[0]), np.float32)
    for place, row in enumerate(rows):
        size, first, mine = len(row.laid.numbers), row.laid.first, len(row.laid.own)
        numbers[place, :size], mask[place, ..., :size] = row.laid.numbers, 0
        own[place, first : first + mine] = 1
        carried[place, first : first + mine] = row.carried
    made = {"numbers": numbers, "own": own, "mask": mask, "carried": carried}
    made |= {"target": np.stack([row.target for row in rows]), "weight": np.stack([row.weight for row in rows])}
    return {name: torch.from_numpy(value) for name, value in made.items()}


def _loss(net: Encoder, given: dict[str, Tensor], settings: Settings) -> Tensor:
    whole, piece = net(given["numbers"], given["own"], given["mask"])
    target, weight = given["target"], given["weight"]
    loss = F.binary_cross_entropy_with_logits(whole, target, reduction="none")
    loss = (loss * weight * (1 + (settings.breach_weight - 1) * target)).sum(1).mean()
    told = F.binary_cross_entropy_with_logits(piece, given["carried"], reduction="none") * weight[:, None]
    told = (told.sum(-1) * given["own"]).sum(1) / given["own"].sum(1).clamp(min=1)
    return loss + settings.piece_weight * told.mean()


def _batches(rows: Sequence[Sample], size: int, rng: random.Random) -> Iterator[list[Sample]]:
    """Yield all samples in random order, those of about one length together."""
    order = list(range(len(rows)))
    rng.shuffle(order)
    made: list[list[int]] = []
    for start in range(0, len(order), size * 32):
        part = sorted(order[start : start + size * 32], key=lambda n: len(rows[n].laid.numbers))
        made += [part[n : n + size] for n in range(0, len(part), size)]
    rng.shuffle(made)
    for part in made:
        yield [rows[n] for n in part]


def _optimizer(net: Encoder, rate: float) -> torch.optim.AdamW:
    heads = [p for name, p in net.named_parameters() if name.startswith(("whole", "piece."))]
    body = [p for name, p in net.named_parameters() if not name.startswith(("whole", "piece."))]
    return torch.optim.AdamW([{"params": heads, "lr": rate * 10}, {"params": body, "lr": rate}], betas=(0.9, 0.98))


def train(
    rows: Sequence[Sample], base: Base, kept: Sequence[int], pad: int, settings: Settings, after: Any = None
) -> Encoder:
    """Fine-tune the encoder; `after(net, epoch)` is called after every epoch."""
    torch.manual_seed(settings.seed)
    torch.set_num_threads(settings.threads)
    rng = random.Random(settings.seed)
    net = Encoder(base, kept, rows[0].target.shape[0], settings.layers)
    optimizer = _optimizer(net, settings.rate)
    rates = [group["lr"] for group in optimizer.param_groups]
    steps, step, shown, began = settings.epochs * math.ceil(len(rows) / settings.batch) + 32, 0, 0.0, time.monotonic()
    for epoch in range(settings.epochs):
        net.train()
        for part in _batches(rows, settings.batch, rng):
            step += 1
            pace = max(0.01, min(step / (_WARMING * steps), (steps - step) / ((1 - _WARMING) * steps)))
            for group, rate in zip(optimizer.param_groups, rates, strict=True):
                group["lr"] = rate * pace
            loss = _loss(net, batch(part, pad), settings)
            optimizer.zero_grad()
            loss.backward()
            nn.utils.clip_grad_norm_(net.parameters(), 1.0)
            optimizer.step()
            shown = _SMOOTH * shown + (1 - _SMOOTH) * float(loss.detach())
            if step % 100 == 0:
                print(
                    f"epoch {epoch} step {step}/{steps} loss {shown:.3f} {(time.monotonic() - began) / step:.2f} s",
                    flush=True,
                )
        if after:
            after(net, epoch)
    return net


def scores(net: Encoder, rows: Sequence[Sequence[Sample]], pad: int) -> npt.NDArray[np.float32]:
    """Return by case and rule the score of its highest part."""
    flat = [(number, row) for number, parts in enumerate(rows) for row in parts]
    flat.sort(key=lambda one: len(one[1].laid.numbers))
    found = np.full((len(rows), net.whole.out_features), -1e9, np.float32)
    net.eval()
    with torch.no_grad():
        for start in range(0, len(flat), 64):
            part = flat[start : start + 64]
            given = batch([row for _, row in part], pad)
            whole, _ = net(given["numbers"], given["own"], given["mask"])
            for (number, _), row in zip(part, whole.numpy(), strict=True):
                found[number] = np.maximum(found[number], row)
    net.train()
    return found


def vocabulary(
    base: Base, cases: Sequence[Case], folding: Any
) -> tuple[Vocabulary, list[int], list[tuple[str, float]]]:
    """Cut the base's vocabulary to what shop talk needs: what the cases spell, every usual character, Latin and digits.

    Return the vocabulary, the base's numbers of its pieces, and the pieces themselves.
    """
    whole = Vocabulary(base.pieces, base.special)
    layout = Layout(whole, folding)
    wanted = set(base.special.values())
    for case in cases:
        for laid in layout.lay(case.text, case.channel, case.context, case.platform)[1]:
            wanted.update(laid.numbers)
    for number, (piece, _) in enumerate(base.pieces):
        bare = piece.lstrip("\u2581")
        usual = len(bare) == 1 and (
            ("\u4e00" <= bare <= "\u9fff" and _is_usual(bare)) or (bare.isascii() and bare.isprintable())
        )
        if usual and bare == bare.lower():
            wanted.add(number)
    kept = sorted(wanted)
    pieces = [base.pieces[number] for number in kept]
    special = {name: kept.index(number) for name, number in base.special.items()}
    return Vocabulary(pieces, special), kept, pieces


def _is_usual(char: str) -> bool:
    try:
        return len(char.encode("gb2312")) == 2
    except UnicodeEncodeError:
        return False


def export(net: Encoder, path: Path) -> None:
    """Write the encoder as an ONNX file with weights of eight bits; what it reads is one message at a time."""
    from onnxruntime.quantization import QuantType, quantize_dynamic

    net.eval()
    numbers, own = torch.ones((1, 12), dtype=torch.int64), torch.ones((1, 12))
    plain = path.with_suffix(".plain.onnx")
    torch.onnx.export(
        net, (numbers, own), str(plain), input_names=["numbers", "own"], output_names=["whole", "piece"],
        dynamic_axes={"numbers": {1: "n"}, "own": {1: "n"}, "piece": {1: "n"}}, opset_version=17, dynamo=False,
    )  # fmt: skip
    quantize_dynamic(str(plain), str(path), weight_type=QuantType.QInt8)
    plain.unlink()
