"""Cases in, what one wants to know of them out: how many of what kind, and which lines say nearly the same.

Two lines are near-duplicates when their texts share most of their runs of three characters. The same text after another
question is none: that an answer is a breach after one question and harmless after another is what such pairs teach. Where
question, platform and channel are the same too, the line stands there twice (`repeated`).
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any, NamedTuple

from linter.cases import Case
from linter.model import PLATFORMS

ALIKE = 0.7  # shared runs of three characters, of all runs of both texts
_RUN = 3
_SHORT = 8  # characters; shorter texts have too few runs to compare, and people do say 好的亲 every day
LONG = range(60, 301)


class Alike(NamedTuple):
    """Two lines that say nearly the same."""

    one: Case
    other: Case
    share: float


def alike(cases: Sequence[Case], least: float = ALIKE) -> Iterator[Alike]:
    """Yield the pairs of near-duplicates, each once, in the order of their later line."""
    shingles = [_runs(case.text) for case in cases]
    common = Counter(run for runs in shingles for run in runs)
    seen: dict[str, list[int]] = defaultdict(list)  # rare run -> lines that have it
    for number, runs in enumerate(shingles):
        rare = sorted(runs, key=lambda run: (common[run], run))
        telling = rare[: len(rare) - int(least * len(rare)) + 1]  # two alike share at least one of these
        for earlier in sorted({n for run in telling for n in seen[run]}):
            share = _share(runs, shingles[earlier])
            if share >= least and cases[earlier].text != cases[number].text:
                yield Alike(cases[earlier], cases[number], share)
        for run in telling:
            seen[run].append(number)


def _runs(text: str) -> frozenset[str]:
    plain = "".join(c for c in text if c.isalnum())
    if len(plain) < _SHORT:
        return frozenset()
    return frozenset(plain[i : i + _RUN] for i in range(len(plain) - _RUN + 1))


def _share(one: frozenset[str], other: frozenset[str]) -> float:
    both = len(one & other)
    return both / (len(one) + len(other) - both)


def repeated(cases: Iterable[Case]) -> Iterator[Alike]:
    """Yield the lines that stand there twice: same platform, channel, context and text."""
    seen: dict[tuple[Any, ...], Case] = {}
    for case in cases:
        key = (case.platform, case.channel, case.context, case.text)
        first = seen.setdefault(key, case)
        if first is not case:
            yield Alike(first, case, 1.0)


# --- counts ----------------------------------------------------------------------------------------------------------


@dataclass
class Stats:
    """How many cases of what kind."""

    cases: int = 0
    breaching: int = 0
    with_context: int = 0
    listings: int = 0
    long: int = 0
    everyday: int = 0  # harmless lines of talk that carry no tag: nothing in them is hard
    pairs: int = 0  # texts that breach after one question and are harmless after another
    writers: Counter[str] = field(default_factory=Counter)
    platforms: Counter[str] = field(default_factory=Counter)
    breaches: Counter[str] = field(default_factory=Counter)  # by rule
    near_misses: Counter[str] = field(default_factory=Counter)
    tags: Counter[str] = field(default_factory=Counter)
    lengths: Counter[int] = field(default_factory=Counter)  # tens of characters

    def as_dict(self) -> dict[str, Any]:
        """Return the counts as plain data, for JSON."""
        single = ("cases", "breaching", "with_context", "listings", "long", "everyday", "pairs")
        several = ("writers", "platforms", "breaches", "near_misses", "tags", "lengths")
        return {name: getattr(self, name) for name in single} | {name: dict(getattr(self, name)) for name in several}


def stats(cases: Sequence[Case]) -> Stats:
    """Count cases. Near misses are those marked `near=`, and of files without such marks what `near_rules` tells."""
    found = Stats(cases=len(cases))
    near = near_rules(cases)
    answers: dict[str, Counter[bool]] = defaultdict(Counter)
    for case in cases:
        found.breaching += case.breaches
        found.with_context += bool(case.context)
        found.listings += case.channel != "chat"
        found.long += len(case.text) in LONG
        found.everyday += (
            case.channel == "chat" and not case.expect and not (set(case.tags) - {"context"} or case.allow or case.near)
        )
        found.writers[case.writer] += 1
        found.platforms[case.platform] += 1
        found.breaches.update({e.rule for e in case.expect})
        found.tags.update(case.tags)
        found.lengths[len(case.text) // 10 * 10] += 1
        found.near_misses.update(case.near or near.get(case.id, ()))
        answers[case.text][case.breaches] += bool(case.context)
    found.pairs = sum(min(told[True], told[False]) for told in answers.values())
    return found


def near_rules(cases: Sequence[Case], least: float = 2.0) -> dict[str, list[str]]:
    """Return, by the harmless cases' ids, the rules whose breaches they share words with.

    A harmless line comes near to a rule when it shares pairs of characters with the rule's breaches that are at least
    `least` times as frequent there as in all cases: so one can count near misses without anybody's marking them.
    """
    words = _telling_words(cases, least)
    marked = {case.writer for case in cases if case.near}
    found: dict[str, list[str]] = {}
    for case in cases:
        if case.breaches or case.writer in marked:
            continue
        said = _pairs(case)
        scores = {rule: sum(words[rule].get(pair, 0.0) for pair in said) for rule in words}
        near = sorted((rule for rule, score in scores.items() if score >= 1.0), key=lambda rule: -scores[rule])[:2]
        if near:
            found[case.id] = near
    return found


def _telling_words(cases: Sequence[Case], least: float) -> dict[str, dict[str, float]]:
    """Return, for every rule, the share of its breaches that have a pair of characters which tells it."""
    everywhere: Counter[str] = Counter()
    by_rule: dict[str, Counter[str]] = defaultdict(Counter)
    for case in cases:
        pairs = _pairs(case)
        everywhere.update(pairs)
        for rule in {e.rule for e in case.expect}:
            by_rule[rule].update(pairs)
            by_rule[rule][""] += 1
    total = len(cases)
    telling: dict[str, dict[str, float]] = {}
    for rule, counts in by_rule.items():
        size = counts.pop("")
        telling[rule] = {
            pair: min(1.0, 8 * n / size)
            for pair, n in counts.items()
            if n >= 3 and n / size > 8 * least * everywhere[pair] / total
        }
    return telling


def _pairs(case: Case) -> set[str]:
    asked = [turn.text for turn in case.context if turn.role == "buyer"][-1:]
    return {text[i : i + 2] for text in (case.text, *asked) for i in range(len(text) - 1) if text[i : i + 2].isalnum()}


def render(found: Stats) -> str:
    """Return the counts as tables."""
    total = max(found.cases, 1)
    lines = [f"{'':<28}{'cases':>8}{'share':>8}"]
    for name in ("cases", "breaching", "with_context", "listings", "long", "everyday", "pairs"):
        count = getattr(found, name)
        lines.append(f"{name.replace('_', ' '):<28}{count:>8}{count / total:>8.3f}")
    lines += ["", f"{'rule':<28}{'breaches':>10}{'near misses':>13}"]
    for rule in sorted(found.breaches):
        lines.append(f"{rule:<28}{found.breaches[rule]:>10}{found.near_misses[rule]:>13}")
    platforms = Counter({name: found.platforms[name] for name in PLATFORMS})
    for title, counts in (("platform", platforms), ("tag", found.tags), ("writer", found.writers)):
        lines += ["", f"{title:<28}{'cases':>8}", *(f"{name:<28}{count:>8}" for name, count in counts.most_common())]
    lines += ["", f"{'characters':<28}{'cases':>8}"]
    lines += [f"{f'{low} to {low + 9}':<28}{found.lengths[low]:>8}" for low in sorted(found.lengths)]
    return "\n".join(lines)
