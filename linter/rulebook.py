"""Rulebook files in, clauses and accounts out: what a rule means on a platform, what it costs, and who says so.

A rulebook is one platform's (or the law's). Every entry of the norms we know of stands in one, in one of four places:
`clauses` (rules find it), `measures` (timestamps find it), `accounts` (a node that points lead to) and `silent` (text
cannot show it, with the reason). So that no norm is dropped without a word, `coverage` lists them all.

A figure nobody states is None, never nought. Of figures that changed, the one of the day asked for is given.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from decimal import Decimal
from pathlib import Path
from typing import Any

from linter.model import CHANNELS, PLATFORMS, VERDICTS, Clause, Source, Step
from linter.nodes import Node, Problems, load_yaml

CONFIDENCES = ("secondary", "quoted", "official")  # from weak to strong
BOOKS = (*PLATFORMS, "any", "law")  # "any": advice and house rules that name no platform
KINDS = {"clauses": "条款", "measures": "服务指标", "accounts": "账户节点", "silent": "文本判不出"}
PER = ("offence", "complaint")

BOOK_KEYS = ("platform", "title", "sources", "verdicts", "accounts", "clauses", "measures", "silent")
SOURCE_KEYS = ("name", "url", "date", "confidence")
FIGURE_KEYS = (
    "points", "points-max", "scale", "amount", "amount-max", "amount-what", "also", "per", "steps", "as-of", "from", "to",
    "sources",
)  # fmt: skip
CLAUSE_KEYS = ("title", "says", "rules", "channels", "also-on", "contradiction", "history", *FIGURE_KEYS)
STEP_KEYS = ("nth", "points", "points-max", "scale", "amount", "also")
ACCOUNT_KEYS = ("title", "covers", "reset", "cap", "nodes", "sources", "note")
NODE_KEYS = ("at", "every", "amount", "amount-what", "also")
MEASURE_KEYS = (
    "title", "rule", "kind", "within", "window", "days", "at-least", "at-most", "from-buyers", "amount", "points", "scale",
    "also", "sources", "as-of", "contradiction", "from", "to",
)  # fmt: skip
SILENT_KEYS = ("title", "why", "sources")
MEASURE_KINDS = ("reply-rate", "first-reply", "mean-reply", "unanswered")


@dataclass(frozen=True, slots=True)
class Threshold:
    """A node of an account: what follows when its points reach `at` (and, with `every`, each further `at`)."""

    at: Decimal
    every: bool = False
    amount: Decimal | None = None
    amount_what: str | None = None
    also: str | None = None


@dataclass(frozen=True, slots=True)
class Account:
    """A scale of points. `reset` is "year" (falls to 0 on 1 January) or "never"; no reset from `cap` points on."""

    scale: str
    title: str
    nodes: tuple[Threshold, ...] = ()
    reset: str = "year"
    cap: Decimal | None = None
    note: str | None = None


@dataclass(frozen=True, slots=True)
class Measure:
    """A reply-time measure: `within` seconds, in a daily `window` of minutes, against `at_least`/`at_most`."""

    id: str
    platform: str
    title: str
    rule: str
    kind: str
    within: int | None = None
    window: tuple[int, int] = (0, 1440)
    days: int = 1
    at_least: Decimal | None = None
    at_most: Decimal | None = None
    from_buyers: int = 0
    amount: Decimal | None = None
    points: Decimal | None = None
    scale: str | None = None
    also: str | None = None
    as_of: str | None = None
    sources: tuple[Source, ...] = ()
    contradiction: str | None = None


@dataclass(frozen=True, slots=True)
class Entry:
    """One norm and what covers it: rules, a measure, an account, or the reason why text cannot show it."""

    id: str
    platform: str
    kind: str
    title: str
    covered_by: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class _Dated:
    """A clause's figures with the days they hold: [since, until)."""

    clause: Clause
    since: str = ""
    until: str = "9999"


@dataclass(frozen=True, slots=True, eq=False)
class _Listed:
    rules: tuple[str, ...]
    platforms: tuple[str, ...]
    channels: tuple[str, ...]
    figures: tuple[_Dated, ...]


@dataclass(frozen=True, eq=False)
class Rulebooks:
    """All rulebooks together. Immutable after loading."""

    listed: Mapping[str, _Listed] = field(default_factory=dict)
    accounts: Mapping[tuple[str, str], Account] = field(default_factory=dict)
    measures: Mapping[str, Measure] = field(default_factory=dict)
    entries: Mapping[str, Entry] = field(default_factory=dict)
    _verdicts: Mapping[tuple[str, str, str], str] = field(default_factory=dict)
    _by_rule: Mapping[tuple[str, str], tuple[str, ...]] = field(default_factory=dict)

    def clauses(self, rule: str, platform: str, channel: str = "chat", day: str | None = None) -> tuple[Clause, ...]:
        """Return a rule's clauses on a platform: its own first, then advice for any, then the law.

        `day` (ISO date) asks for the figures of that day; None for those of today.
        """
        found = []
        for name in self._by_rule.get((rule, platform), ()):
            listed = self.listed[name]
            if channel in listed.channels:
                clause = _of_day(listed.figures, day)
                found.append(clause if clause.platform in ("any", "law") else replace(clause, platform=platform))
        return tuple(found)

    def clause(self, name: str, day: str | None = None) -> Clause | None:
        """Return a clause by its id with the figures of a day, or None."""
        listed = self.listed.get(name)
        return _of_day(listed.figures, day) if listed else None

    def verdict(self, rule: str, platform: str, channel: str = "chat") -> str | None:
        """Return the verdict a platform gives a rule where it differs from the rule's own; else None."""
        return self._verdicts.get((rule, platform, channel))

    def coverage(self) -> list[Entry]:
        """Return every norm, by platform and id."""
        return sorted(self.entries.values(), key=lambda entry: (BOOKS.index(entry.platform), entry.kind, entry.id))


def _of_day(figures: tuple[_Dated, ...], day: str | None) -> Clause:
    """Return the figures of a day; before the first known ones, figures unknown."""
    if day is None:
        return figures[0].clause
    for dated in figures:
        if dated.since <= day < dated.until:
            return dated.clause
    newest = figures[0].clause
    return Clause(
        newest.id, newest.platform, newest.title, newest.says, also=f"{day} 的数字未见资料", sources=newest.sources
    )


def load_rulebooks(folders: Sequence[Path], rules: Collection[str], problems: Problems) -> Rulebooks:
    """Read the rulebooks of the folders in order; clauses, verdicts and accounts given later replace earlier ones."""
    loader = _Loader(problems, rules)
    for number, folder in enumerate(folders):
        for path in sorted(folder.glob("*.yaml")):
            node = load_yaml(path, problems, f"{folder.parent.name}/{folder.name}/{path.name}")
            if node:
                loader.book(node, shops_own=number > 0)
    return loader.made()


class _Loader:
    def __init__(self, problems: Problems, rules: Collection[str]) -> None:
        self.problems = problems
        self.rules = rules
        self.sources: dict[str, Source] = {}
        self.listed: dict[str, _Listed] = {}
        self.accounts: dict[tuple[str, str], Account] = {}
        self.measures: dict[str, Measure] = {}
        self.entries: dict[str, Entry] = {}
        self.verdicts: dict[tuple[str, str, str], str] = {}

    def made(self) -> Rulebooks:
        by_rule: dict[tuple[str, str], list[str]] = {}
        order = sorted(self.listed, key=lambda name: BOOKS.index(self.listed[name].figures[0].clause.platform))
        for name in order:
            for rule in self.listed[name].rules:
                for platform in self.listed[name].platforms:
                    by_rule.setdefault((rule, platform), []).append(name)
        return Rulebooks(
            self.listed, self.accounts, self.measures, self.entries, self.verdicts,
            {key: tuple(names) for key, names in by_rule.items()},
        )  # fmt: skip

    def book(self, node: Node, shops_own: bool) -> None:
        keys = node.keys(self.problems, "a rulebook", BOOK_KEYS, ("platform",))
        if "platform" not in keys:
            return
        platform = keys["platform"].choice(self.problems, "platform", BOOKS)
        for name, child in self._mapping(keys, "sources"):
            self.sources[name] = self._source(child)
        for name, child in self._mapping(keys, "verdicts"):
            self._verdict(name, child, platform)
        for name, child in self._mapping(keys, "accounts"):
            self._account(name, child, platform)
        for name, child in self._mapping(keys, "clauses"):
            self._clause(name, child, platform, shops_own)
        for name, child in self._mapping(keys, "measures"):
            self._measure(name, child, platform)
        for name, child in self._mapping(keys, "silent"):
            given = child.keys(self.problems, "a silent entry", SILENT_KEYS, ("title", "why"))
            self._entry(name, platform, "silent", self._text(given, "title"), (self._text(given, "why"),))

    def _entry(self, name: str, platform: str, kind: str, title: str, covered_by: tuple[str, ...]) -> None:
        self.entries[name] = Entry(name, platform, kind, title, covered_by)

    def _source(self, node: Node) -> Source:
        keys = node.keys(self.problems, "a source", SOURCE_KEYS, ("name", "confidence"))
        confidence = "secondary"
        if "confidence" in keys:
            confidence = keys["confidence"].choice(self.problems, "confidence", CONFIDENCES)
        return Source(self._text(keys, "name"), self._text(keys, "url") or None, self._date(keys, "date"), confidence)

    def _verdict(self, rule: str, node: Node, platform: str) -> None:
        self._known_rule(rule, node)
        if isinstance(node.value, str):
            for channel in CHANNELS:
                self.verdicts[rule, platform, channel] = node.choice(self.problems, "verdict", VERDICTS)
            return
        for channel, child in node.keys(self.problems, "verdicts by channel", CHANNELS).items():
            self.verdicts[rule, platform, channel] = child.choice(self.problems, "verdict", VERDICTS)

    def _account(self, scale: str, node: Node, platform: str) -> None:
        keys = node.keys(self.problems, "an account", ACCOUNT_KEYS, ("title",))
        nodes = []
        for child in keys["nodes"].items(self.problems, "nodes") if "nodes" in keys else []:
            given = child.keys(self.problems, "a node", NODE_KEYS, ("at",))
            nodes.append(
                Threshold(
                    self._number(given, "at") or Decimal(0), self._text(given, "every") == "yes",
                    self._number(given, "amount"), self._text(given, "amount-what") or None,
                    self._text(given, "also") or None,
                )
            )  # fmt: skip
        title = self._text(keys, "title")
        self.accounts[platform, scale] = Account(
            scale, title, tuple(sorted(nodes, key=lambda node: node.at)), self._text(keys, "reset") or "year",
            self._number(keys, "cap"), self._text(keys, "note") or None,
        )  # fmt: skip
        for name in keys["covers"].texts(self.problems, "covers") if "covers" in keys else []:
            self._entry(name, platform, "accounts", title, (f"账户 {scale}",))

    def _clause(self, name: str, node: Node, platform: str, shops_own: bool) -> None:
        before = self.listed.get(name)
        required = () if before and shops_own else ("title", "says", "rules")
        keys = node.keys(self.problems, "a clause", CLAUSE_KEYS, required)
        rules = (
            tuple(keys["rules"].texts(self.problems, "rules")) if "rules" in keys else before.rules if before else ()
        )
        for rule in rules:
            self._known_rule(rule, keys.get("rules", node))
        old = before.figures[0].clause if before else Clause(name, platform, "", "")
        base = replace(
            old,
            title=self._text(keys, "title") or old.title,
            says=self._text(keys, "says") or old.says,
            contradiction=self._text(keys, "contradiction") or old.contradiction,
            overridden=shops_own,
        )
        figures = [self._figures(base, keys, node)]
        for child in keys["history"].items(self.problems, "history") if "history" in keys else []:
            given = child.keys(self.problems, "older figures", FIGURE_KEYS, ("to",))
            figures.append(self._figures(Clause(name, platform, base.title, base.says), given, child))
        platforms = PLATFORMS if platform in ("any", "law") else (platform, *self._chosen(keys, "also-on", PLATFORMS))
        channels = self._chosen(keys, "channels", CHANNELS) or (before.channels if before else CHANNELS)
        if before and "also-on" not in keys:
            platforms = before.platforms
        self.listed[name] = _Listed(rules, platforms, channels, tuple(figures))
        self._entry(name, old.platform, "clauses", base.title, rules)

    def _figures(self, base: Clause, keys: dict[str, Node], node: Node) -> _Dated:
        sources = self._sources(keys) or base.sources
        if not sources and not base.overridden:
            self.problems.add(node, f"'{base.id}' names no source, expected at least one of those above")
        given: dict[str, Decimal | None] = {
            name.replace("-", "_"): self._number(keys, name)
            for name in ("points", "points-max", "amount", "amount-max")
            if name in keys
        }
        steps = keys["steps"].items(self.problems, "steps") if "steps" in keys else []
        clause = replace(
            base,
            **given,  # type: ignore[arg-type]
            scale=self._text(keys, "scale") or base.scale,
            amount_what=self._text(keys, "amount-what") or base.amount_what,
            also=self._text(keys, "also") or base.also,
            per=keys["per"].choice(self.problems, "per", PER) if "per" in keys else base.per,
            steps=tuple(sorted((self._step(child) for child in steps), key=lambda step: step.nth)) or base.steps,
            as_of=self._date(keys, "as-of") or max((s.date for s in sources if s.date), default=None),
            confidence=max((s.confidence for s in sources), key=CONFIDENCES.index, default="secondary"),
            sources=sources,
        )
        return _Dated(clause, self._date(keys, "from") or "", self._date(keys, "to") or "9999")

    def _step(self, node: Node) -> Step:
        keys = node.keys(self.problems, "a step", STEP_KEYS, ("nth",))
        return Step(
            int(self._number(keys, "nth") or 1), self._number(keys, "points"), self._number(keys, "points-max"),
            self._text(keys, "scale") or None, self._number(keys, "amount"), self._text(keys, "also") or None,
        )  # fmt: skip

    def _measure(self, name: str, node: Node, platform: str) -> None:
        keys = node.keys(self.problems, "a measure", MEASURE_KEYS, ("title", "rule", "kind", "sources"))
        self.measures[name] = Measure(
            name, platform, self._text(keys, "title"), self._text(keys, "rule"),
            keys["kind"].choice(self.problems, "kind", MEASURE_KINDS) if "kind" in keys else MEASURE_KINDS[0],
            self._whole(keys, "within"), self._window(keys), self._whole(keys, "days") or 1,
            self._number(keys, "at-least"), self._number(keys, "at-most"), self._whole(keys, "from-buyers") or 0,
            self._number(keys, "amount"), self._number(keys, "points"), self._text(keys, "scale") or None,
            self._text(keys, "also") or None, self._date(keys, "as-of"), self._sources(keys),
            self._text(keys, "contradiction") or None,
        )  # fmt: skip
        one = self.measures[name]
        self._known_rule(one.rule, node)
        clause = Clause(
            name, platform, one.title, f"考核{one.title}。", one.points, None, one.scale, one.amount, None,
            "罚款或违约金" if one.amount is not None else None, one.also, "offence", (), one.as_of,
            max((s.confidence for s in one.sources), key=CONFIDENCES.index, default="secondary"), one.sources,
            one.contradiction,
        )  # fmt: skip
        self.listed[name] = _Listed((one.rule,), (platform,), ("chat",), (_Dated(clause),))
        entry = name.partition("#")[0]  # several measures may stand for one norm: `id#part`
        self._entry(entry, platform, "measures", self._text(keys, "title"), (self._text(keys, "rule"),))

    def _window(self, keys: dict[str, Node]) -> tuple[int, int]:
        """Read `HH:MM-HH:MM` as minutes of the day."""
        if "window" not in keys:
            return (0, 1440)
        text = self._text(keys, "window")
        try:
            first, last = (int(t[:2]) * 60 + int(t[3:]) for t in text.split("-"))
        except ValueError:
            self.problems.add(keys["window"], f"window is '{text}', expected HH:MM-HH:MM")
            return (0, 1440)
        return (first, last)

    # --- small readers

    def _mapping(self, keys: dict[str, Node], key: str) -> Iterator[tuple[str, Node]]:
        if key not in keys or keys[key].null:
            return
        value = keys[key].value
        if isinstance(value, dict):
            yield from value.items()
        else:
            self.problems.add(keys[key], f"{key} is a {keys[key].kind}, expected a mapping")

    def _known_rule(self, rule: str, node: Node) -> None:
        if rule not in self.rules:
            self.problems.add(node, f"unknown rule '{rule}', expected the id of a rule file")

    def _sources(self, keys: dict[str, Node]) -> tuple[Source, ...]:
        found = []
        for item in keys["sources"].items(self.problems, "sources") if "sources" in keys else []:
            name = item.text(self.problems, "a source")
            if name in self.sources:
                found.append(self.sources[name])
            else:
                self.problems.add(item, f"unknown source '{name}', expected one named under 'sources'")
        return tuple(found)

    def _chosen(self, keys: dict[str, Node], key: str, known: tuple[str, ...]) -> tuple[str, ...]:
        if key not in keys:
            return ()
        return tuple(item.choice(self.problems, key, known) for item in keys[key].items(self.problems, key))

    def _text(self, keys: dict[str, Node], key: str) -> str:
        return keys[key].text(self.problems, key).strip() if key in keys else ""

    def _number(self, keys: dict[str, Node], key: str) -> Decimal | None:
        return keys[key].number(self.problems, key) if key in keys else None

    def _whole(self, keys: dict[str, Node], key: str) -> int | None:
        number = self._number(keys, key)
        return None if number is None else int(number)

    def _date(self, keys: dict[str, Node], key: str) -> str | None:
        """Read an ISO date, to the day, the month or the year."""
        if key not in keys or keys[key].null:
            return None
        text = self._text(keys, key)
        if not (len(text) in (4, 7, 10) and text.replace("-", "").isdigit()):
            self.problems.add(keys[key], f"{key} is '{text}', expected a date such as 2023-01-31, 2023-01 or 2023")
        return text


def schema() -> dict[str, Any]:
    """Return the JSON Schema of a rulebook file, for editors."""
    text: dict[str, object] = {"type": "string"}
    number: dict[str, object] = {"type": ["number", "string", "null"]}
    texts: dict[str, object] = {"type": "array", "items": text}
    numbers = {
        "points",
        "points-max",
        "amount",
        "amount-max",
        "nth",
        "at",
        "cap",
        "within",
        "days",
        "at-least",
        "at-most",
    }
    lists = {"rules", "channels", "also-on", "sources", "covers"}

    def named(keys: Sequence[str], required: Sequence[str] = (), **special: object) -> dict[str, object]:
        properties = {
            key: special.get(key) or (number if key in numbers else texts if key in lists else text) for key in keys
        }
        return {"type": "object", "properties": properties, "required": list(required), "additionalProperties": False}

    def mapping(of: dict[str, object]) -> dict[str, object]:
        return {"type": "object", "additionalProperties": of}

    steps = {"type": "array", "items": named(STEP_KEYS, ("nth",))}
    history = {"type": "array", "items": named(FIGURE_KEYS, ("to",), steps=steps)}
    nodes = {"type": "array", "items": named(NODE_KEYS, ("at",))}
    verdict = {"enum": list(VERDICTS)}
    book = named(
        BOOK_KEYS,
        ("platform",),
        platform={"enum": list(BOOKS)},
        sources=mapping(named(SOURCE_KEYS, ("name", "confidence"), confidence={"enum": list(CONFIDENCES)})),
        verdicts=mapping({"anyOf": [verdict, named(CHANNELS)]}),
        accounts=mapping(named(ACCOUNT_KEYS, ("title",), nodes=nodes)),
        clauses=mapping(named(CLAUSE_KEYS, (), steps=steps, history=history)),
        measures=mapping(
            named(
                MEASURE_KEYS, ("title", "rule", "kind"), kind={"enum": list(MEASURE_KINDS)},
                **{"from-buyers": number, "from": text},
            )
        ),
        silent=mapping(named(SILENT_KEYS, ("title", "why"))),
    )  # fmt: skip
    return {"$schema": "https://json-schema.org/draft/2020-12/schema", "title": "A kefulint rulebook"} | book
