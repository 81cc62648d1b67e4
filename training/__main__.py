"""`python -m training`: cases in, weights out. `make weights` runs it.

compact    trains the compact reader: every writer held out once, thresholds set on what was held out, then on all cases
"""

from __future__ import annotations

import argparse
import json
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

from linter import __version__
from linter.cases import Case
from linter.engine import Linter
from linter.lexicon import load_lexicon
from linter.model import PLATFORMS, Message
from linter.reading import reader as reading
from linter.reading.evidence import Heard, gate_numbers, numbers
from training import compact, data, thresholds

SEEN = {"dev", "house", "mixed"}  # the rules' own cues were tuned on these: what they find there tells nothing


def heard(cases: Sequence[Case], concepts: Sequence[str]) -> list[Heard]:
    """Read every case as the program would, up to where the reader is asked."""
    linters = {platform: Linter(platform) for platform in PLATFORMS}
    turns: dict[str, Any] = {}
    found = []
    for case in cases:
        linter = linters[case.platform]

        def read(text: str, linter: Linter = linter) -> Any:
            if text not in turns:
                turns[text] = reading.said(linter._compiled.read(text), concepts)
            return turns[text]

        message = Message(case.text, case.channel, case.context)
        scene, matches = linter._matched(message)
        told = [(m.rule.id, dict(m.verdicts).get(case.platform, "none")) for m in matches]
        told = [(rule, verdict) for rule, verdict in told if verdict in ("error", "warning")]
        found.append(reading.hear(message, scene.reading, read, concepts, case.platform, told))
    return found


def train_compact(out: Path, folds: int, paths: Sequence[Path]) -> None:
    lexicon = load_lexicon()
    cases = data.load(lexicon, paths)
    concepts = sorted(name for name in Linter("taobao")._compiled.scanner.terms.names if not name.startswith("="))
    began = time.monotonic()
    seen = heard(cases, concepts)
    evidence = [np.array(sorted(numbers(one)), np.int64) for one in seen]
    glance = [
        np.array(sorted(gate_numbers(one.own.plain, [t.plain for t in one.asked], one.channel)), np.int64)
        for one in seen
    ]
    print(f"{len(cases)} cases read in {time.monotonic() - began:.0f} s", flush=True)
    rules = data.rules_of(cases)
    heads = [*rules, *data.mild_heads(cases, rules)]
    more = data.joined(cases)
    extra = [np.array(sorted(numbers(one)), np.int64) for one in heard(more, concepts)]
    target, weight = data.targets(cases, rules, heads)
    more_target, more_weight = data.targets(more, rules, heads)
    meant = target[:, : len(rules)].max(1, keepdims=True)
    every = np.ones_like(meant)
    held, gated = np.zeros_like(target), np.zeros_like(meant)

    def learned(writers: set[str]) -> compact.Weights:
        kept = [n for n, case in enumerate(cases) if case.writer in writers]
        also = [n for n, case in enumerate(more) if case.writer in writers]
        return compact.train(
            [*(evidence[n] for n in kept), *(extra[n] for n in also)], np.concatenate([target[kept], more_target[also]]),
            np.concatenate([weight[kept], more_weight[also]]), compact.Settings(),
        )  # fmt: skip

    writers = {case.writer for case in cases}
    groups = data.groups(cases, folds)
    for group in groups:
        rest = np.array([case.writer in group for case in cases])
        kept = np.flatnonzero(~rest)
        held[rest] = learned(writers - set(group)).scores([evidence[n] for n in np.flatnonzero(rest)])
        gate = compact.train([glance[n] for n in kept], meant[kept], every[kept], compact.GATE)
        gated[rest] = gate.scores([glance[n] for n in np.flatnonzero(rest)])
        print(f"held out {', '.join(group)}: {time.monotonic() - began:.0f} s", flush=True)
    answers = thresholds.Answers(cases, rules, [{rule for rule, _ in one.found} for one in seen])
    unseen = ~np.isin(answers.by, list(SEEN))
    scored = held[:, : len(rules)]
    told = answers.fit(scored, unseen)
    opening = answers.opening(scored, gated[:, 0], told)
    card = {
        "version": f"{__version__}+{data.digest(cases)}", "cases": len(cases), "digest": data.digest(cases), "concepts": concepts,
        "thresholds": told, "gate": opening.score, "gate_share": round(opening.share, 4), "lexicon": lexicon.version,
        "by_writer": answers.by_writer(scored, groups), "by_rule": answers.by_rule(scored, groups),
    }  # fmt: skip
    gate = compact.train(glance, meant, every, compact.GATE)
    out.parent.mkdir(parents=True, exist_ok=True)
    out.write_bytes(compact.packed(learned(writers), gate, heads, card))
    shown = {key: value for key, value in card.items() if key not in ("concepts", "thresholds")}
    out.with_suffix(".card.json").write_text(json.dumps(shown, ensure_ascii=False, indent=1) + "\n", encoding="utf-8")
    for name in ("by_writer", "by_rule"):
        for key, row in card[name].items():
            print(f"{key:<30}{row['breaches']:>6}{row['precision']:>8.3f}{row['recall']:>8.3f}")
    print(f"gate lets {opening.share:.3f} of the harmless cases on; {out} {out.stat().st_size} bytes")


def main() -> None:
    parser = argparse.ArgumentParser(prog="training", description=__doc__)
    parser.add_argument("what", choices=("compact",))
    parser.add_argument("--out", type=Path, default=Path("out/compact.weights"))
    parser.add_argument("--folds", type=int, default=6)
    parser.add_argument("paths", nargs="*", type=Path)
    given = parser.parse_args()
    train_compact(given.out, given.folds, given.paths)


main()
