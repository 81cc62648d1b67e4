"""The lexicons in, checked values out: concepts, rules and the fold tables, with every problem as `path:line: …`.

Files are data and the only place where words and platforms are named. A folder given later adds to the shipped ones: a
concept or rule of the same id replaces it whole (a shop's own wording wins), anything else stands beside it.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from itertools import permutations
from pathlib import Path

from linter.entries import Concept, Example, Find, Fixing, Lexicon, Rule, files, shipped_folder
from linter.model import CHANNELS, PLATFORMS, VERDICTS, LexiconError, Turn
from linter.nodes import Node, Problems, load_yaml
from linter.packed import Later
from linter.pattern import Pattern, PatternError, of_items, parse
from linter.rulebook import load_rulebooks
from linter.shapes import SHAPES
from linter.wordings import read_fix

__all__ = [
    "Concept",
    "Example",
    "Find",
    "Lexicon",
    "Rule",
    "files",
    "load_lexicon",
    "shipped_folder",
    "unmark",
    "version",
]

CLEARS = ("denied", "forbidden", "quoted", "warned", "asked-back")
NEEDS = ("line", "conversation", "record", "set", "times")
STATUSES = ("draft", "stable", "retired")
WITHIN = 6

CONCEPT_KEYS = ("title", "says", "strong", "weak", "except", "disguise", "word")
RULE_KEYS = (
    "title", "verdict", "status", "since", "needs", "measure", "settings", "channels", "clear", "over", "why", "message",
    "suggestion", "fix", "words", "find", "unless", "except", "violates", "passes",
)  # fmt: skip
FIND_KEYS = (
    "say", "within", "any-order", "across", "verdict", "channels", "platforms", "clear", "asked", "unless-asked",
    "earlier", "unless-earlier", "said", "unless-said", "category", "unless-category", "unless", "unless-anywhere",
    "longest", "shortest", "weak", "other-brand",
)  # fmt: skip
EXAMPLE_KEYS = ("text", "platform", "channel", "buyer", "context", "verdict")


def load_lexicon(extra: Sequence[str | Path] = ()) -> Lexicon:
    """Load the shipped lexicons and the folders named; raise LexiconError with every problem found."""
    problems = Problems()
    folders = [shipped_folder(), *(Path(folder) for folder in extra)]
    for folder in folders:
        if not folder.is_dir():
            problems.lines.append(f"{folder}:1: no such folder, expected concepts/, rules/ or rulebooks/ in it")
    loader = _Loader(problems)
    for number, folder in enumerate(folders):
        loader.read_folder(folder, number > 0)
    loader.check_names()
    rulebooks = load_rulebooks([f / "rulebooks" for f in folders], loader.rules.keys(), problems)
    if problems.lines:
        raise LexiconError(problems.lines)
    return Lexicon(
        Later(loader.concepts), loader.rules, Later(rulebooks), loader.reads, loader.components, loader.lookalikes,
        loader.domains, version(folders),
    )  # fmt: skip


def version(folders: Sequence[Path]) -> str:
    """Return 12 hex digits that change with any byte of the lexicons."""
    import hashlib

    digest = hashlib.sha256()
    for path in files(folders):
        digest.update(path.name.encode() + b"\0" + path.read_bytes() + b"\0")
    return digest.hexdigest()[:12]


class _Loader:
    """Gathers what the folders hold; problems go to `problems`, never up."""

    def __init__(self, problems: Problems) -> None:
        self.problems = problems
        self.concepts: dict[str, Concept] = {}
        self.rules: dict[str, Rule] = {}
        self.reads: dict[str, str] = {}
        self.components: dict[str, tuple[str, ...]] = {}
        self.lookalikes: dict[str, str] = {}
        self.domains: dict[str, tuple[str, ...]] = {}
        self._own = False  # is the folder that is read a shop's?
        self.mentioned: dict[str, Node] = {}  # concepts that patterns name, and where first

    def read_folder(self, folder: Path, shops_own: bool) -> None:
        self._own = shops_own
        for path in sorted((folder / "concepts").glob("*.yaml")):
            node = self._node(path, folder)
            if node:
                self._concept(path.stem, node)
        for path in sorted((folder / "rules").rglob("*.yaml")):
            node = self._node(path, folder)
            if node:
                self._rule(path, node)
        if (folder / "folding.yaml").is_file():
            self._folding(self._node(folder / "folding.yaml", folder))
        if (folder / "platforms.yaml").is_file():
            self._platforms(self._node(folder / "platforms.yaml", folder))

    def _node(self, path: Path, folder: Path) -> Node | None:
        return load_yaml(path, self.problems, f"{folder.name}/{path.relative_to(folder).as_posix()}")

    # --- concepts and tables

    def _concept(self, name: str, node: Node) -> None:
        keys = node.keys(self.problems, "a concept", CONCEPT_KEYS, ("title", "strong"))
        self._check_id(name, node)
        self.concepts[name] = Concept(
            name,
            self._text(keys, "title"),
            self._spellings(keys, "strong"),
            self._spellings(keys, "weak"),
            self._spellings(keys, "except"),
            self._flag(keys, "disguise", True),
            self._flag(keys, "word", False),
            f"{node.path}:{node.line}",
        )

    def _spellings(self, keys: dict[str, Node], key: str) -> tuple[str, ...]:
        if key not in keys:
            return ()
        seen: dict[str, Node] = {}
        for item in keys[key].items(self.problems, key):
            text = item.text(self.problems, f"an entry of {key}")
            if text in seen:
                self.problems.add(
                    item, f"'{text}' stands twice in {key}, expected once (first on line {seen[text].line})"
                )
            elif not text.strip():
                self.problems.add(item, f"an entry of {key} is empty, expected a spelling")
            else:
                seen[text] = item
        return tuple(seen)

    def _folding(self, node: Node | None) -> None:
        if node is None:
            return
        keys = node.keys(self.problems, "the fold tables", ("reads", "components", "lookalikes"))
        for name, child in self._mapping(keys, "reads"):
            for char in name:
                self.reads[char] = child.text(self.problems, name)
        for name, child in self._mapping(keys, "components"):
            self.components[name] = tuple(child.text(self.problems, name).split())
        for name, child in self._mapping(keys, "lookalikes"):
            self.lookalikes[name] = child.text(self.problems, name)

    def _platforms(self, node: Node | None) -> None:
        if node is None:
            return
        keys = node.keys(self.problems, "the platforms", ("domains",), ("domains",))
        for name, child in self._mapping(keys, "domains"):
            if name not in PLATFORMS:
                self.problems.add(child, f"unknown platform '{name}', expected one of {', '.join(PLATFORMS)}")
            self.domains[name] = tuple(child.texts(self.problems, name))

    def _mapping(self, keys: dict[str, Node], key: str) -> Iterator[tuple[str, Node]]:
        node = keys.get(key)
        if node is None:
            return
        if not isinstance(node.value, dict):
            self.problems.add(node, f"{key} is a {node.kind}, expected a mapping")
            return
        yield from node.value.items()

    # --- rules

    def _rule(self, path: Path, node: Node) -> None:
        keys = node.keys(self.problems, "a rule", RULE_KEYS, ("title", "verdict", "status", "why", "message"))
        self._check_id(path.stem, node)
        for name, words in self._mapping(keys, "words"):
            self._own_words(path.stem, name, words)
        clear = self._clear(keys) if "clear" in keys else CLEARS
        channels = self._choices(keys, "channels", CHANNELS) or ("chat",)
        finds = tuple(self._find(path.stem, child) for child in self._list(keys, "find"))
        rule = Rule(
            id=path.stem,
            group=path.parent.name,
            title=self._text(keys, "title"),
            verdict=keys["verdict"].choice(self.problems, "verdict", VERDICTS) if "verdict" in keys else "error",
            status=keys["status"].choice(self.problems, "status", STATUSES) if "status" in keys else "draft",
            since=self._text(keys, "since"),
            needs=keys["needs"].choice(self.problems, "needs", NEEDS) if "needs" in keys else "line",
            channels=channels,
            clear=clear,
            over=tuple(keys["over"].texts(self.problems, "over")) if "over" in keys else (),
            why=self._text(keys, "why").strip(),
            message=self._text(keys, "message").strip(),
            suggestion=self._text(keys, "suggestion").strip(),
            finds=finds,
            unless=self._patterns(path.stem, keys, "unless", WITHIN),
            examples=Later((self._examples(keys, "violates", channels), self._examples(keys, "passes", channels))),
            place=f"{node.path}:{node.line}",
            measure=self._text(keys, "measure"),
            settings=tuple((k, n.text(self.problems, k)) for k, n in self._mapping(keys, "settings")),
            fix=self._fix(keys, channels),
            own=self._own,
        )
        self._check_rule(rule, node)
        self.rules[rule.id] = rule

    def _check_rule(self, rule: Rule, node: Node) -> None:
        if rule.status == "retired":
            return
        if not rule.finds and not rule.measure:
            self.problems.add(node, "the rule has neither 'find' nor 'measure', expected one")
        short = min(len(rule.violates), len(rule.passes))
        if rule.status == "stable" and short < 4 and not rule.measure:
            self.problems.add(
                node, f"a stable rule has {short} examples of a kind, expected at least 4 violates and 4 passes"
            )

    def _own_words(self, rule: str, name: str, node: Node) -> None:
        """A rule's own words are a concept that only this rule sees."""
        concept = f"{rule}.{name}"
        if isinstance(node.value, dict):
            keys = node.keys(self.problems, "own words", CONCEPT_KEYS, ("strong",))
        else:
            keys = {"strong": node}
        if name in self.concepts:
            self.problems.add(node, f"'{name}' is a shared concept already, expected another name")
        self.concepts[concept] = Concept(
            concept, name, self._spellings(keys, "strong"), self._spellings(keys, "weak"), self._spellings(keys, "except"),
            self._flag(keys, "disguise", True), self._flag(keys, "word", False), f"{node.path}:{node.line}",
        )  # fmt: skip

    def _find(self, rule: str, node: Node) -> Find:
        place = f"{node.path}:{node.line}"
        if isinstance(node.value, str):
            return Find(self._parse_all(rule, [node], WITHIN, False, False), place)
        keys = node.keys(self.problems, "an entry of find", FIND_KEYS, ("say",))
        within = self._count(keys, "within", WITHIN)
        across, any_order = self._flag(keys, "across", False), self._flag(keys, "any-order", False)
        says = [keys["say"]] if "say" in keys and isinstance(keys["say"].value, str) else self._list(keys, "say")
        return Find(
            patterns=self._parse_all(rule, says, within, across, any_order),
            place=place,
            verdict=keys["verdict"].choice(self.problems, "verdict", VERDICTS) if "verdict" in keys else None,
            channels=self._choices(keys, "channels", CHANNELS),
            platforms=self._choices(keys, "platforms", PLATFORMS),
            clear=self._clear(keys) if "clear" in keys else None,
            asked=self._patterns(rule, keys, "asked", 8),
            unless_asked=self._patterns(rule, keys, "unless-asked", 8),
            earlier=self._patterns(rule, keys, "earlier", 8),
            unless_earlier=self._patterns(rule, keys, "unless-earlier", 8),
            said=self._patterns(rule, keys, "said", 8),
            unless_said=self._patterns(rule, keys, "unless-said", 8),
            category=self._patterns(rule, keys, "category", 8),
            unless_category=self._patterns(rule, keys, "unless-category", 8),
            unless=self._patterns(rule, keys, "unless", WITHIN),
            unless_anywhere=self._patterns(rule, keys, "unless-anywhere", WITHIN),
            longest=self._count(keys, "longest", 0),
            shortest=self._count(keys, "shortest", 0),
            weak=self._flag(keys, "weak", False),
            other_brand=self._flag(keys, "other-brand", False),
        )

    def _patterns(self, rule: str, keys: dict[str, Node], key: str, within: int) -> tuple[Pattern, ...]:
        if key not in keys:
            return ()
        nodes = [keys[key]] if isinstance(keys[key].value, str) else keys[key].items(self.problems, key)
        return self._parse_all(rule, nodes, within, True, False)

    def _parse_all(
        self, rule: str, nodes: Sequence[Node], within: int, across: bool, any_order: bool
    ) -> tuple[Pattern, ...]:
        parsed: list[Pattern] = []
        for node in nodes:
            source = node.text(self.problems, "a pattern")
            for order in _orders(source) if any_order else [source]:
                try:
                    pattern = parse(order, within, across)
                except (PatternError, ValueError) as error:
                    self.problems.add(node, str(error))
                    continue
                parsed.append(self._resolve(rule, pattern, node))
        return tuple(parsed)

    def _resolve(self, rule: str, pattern: Pattern, node: Node) -> Pattern:
        """Point own words at their concept, and literals at an anonymous one; remember names for `check_names`."""
        items = []
        for item in pattern.items:
            names = tuple(f"{rule}.{n}" if f"{rule}.{n}" in self.concepts else n for n in item.names)
            for name in names:
                self.mentioned.setdefault(name, node)
                if name.startswith("="):
                    self.concepts.setdefault(name, Concept(name, name[1:], (name[1:],), disguise=False))
            own = {n: f"{rule}.{n}" for n in item.names if f"{rule}.{n}" in self.concepts}
            strong = frozenset(own.get(n, n) for n in item.strong)
            items.append(item._replace(names=names, strong=strong))
        return of_items(pattern, items)

    def check_names(self) -> None:
        """Every concept a pattern names must exist."""
        for name, node in self.mentioned.items():
            if name not in self.concepts and name not in SHAPES and name != "@outside-link":
                known = (
                    ", ".join(sorted(SHAPES)) if name.startswith("@") else "a file in concepts/ or the rule's own words"
                )
                self.problems.add(node, f"unknown concept '{name}', expected {known}")

    def _fix(self, keys: dict[str, Node], channels: tuple[str, ...]) -> Fixing[Example] | None:
        if "fix" not in keys:
            return None
        return read_fix(keys["fix"], self.problems, lambda node: self._example(node, False, channels))

    # --- examples

    def _examples(self, keys: dict[str, Node], key: str, channels: tuple[str, ...]) -> tuple[Example, ...]:
        return tuple(self._example(node, key == "violates", channels) for node in self._list(keys, key))

    def _example(self, node: Node, marked: bool, channels: tuple[str, ...]) -> Example:
        keys = {"text": node} if isinstance(node.value, str) else node.keys(
            self.problems, "an example", EXAMPLE_KEYS, ("text",)
        )  # fmt: skip
        text, spans = unmark(self._text(keys, "text"))
        if marked and not spans:
            self.problems.add(node, f"the example '{text}' marks no words, expected [[…]] around those that breach")
        context = [Turn("buyer", self._text(keys, "buyer"))] if "buyer" in keys else []
        for child in self._list(keys, "context"):
            role, _, said = child.text(self.problems, "a turn").partition(":")
            if role not in ("buyer", "agent"):
                self.problems.add(child, f"a turn begins with '{role}', expected 'buyer: …' or 'agent: …'")
            context.append(Turn(role, said.strip()))
        verdict = keys["verdict"].choice(self.problems, "verdict", VERDICTS) if "verdict" in keys else None
        platform = keys["platform"].choice(self.problems, "platform", PLATFORMS) if "platform" in keys else "taobao"
        channel = keys["channel"].choice(self.problems, "channel", CHANNELS) if "channel" in keys else channels[0]
        return Example(text, spans, platform, channel, tuple(context), verdict, f"{node.path}:{node.line}")

    # --- small readers

    def _check_id(self, name: str, node: Node) -> None:
        if not re.fullmatch(r"[a-z][a-z0-9]*(-[a-z0-9]+)*", name):
            self.problems.add(node, f"the file is named '{name}', expected lower-case words joined by hyphens")

    def _text(self, keys: dict[str, Node], key: str) -> str:
        return keys[key].text(self.problems, key) if key in keys else ""

    def _list(self, keys: dict[str, Node], key: str) -> list[Node]:
        return keys[key].items(self.problems, key) if key in keys else []

    def _count(self, keys: dict[str, Node], key: str, default: int) -> int:
        text = self._text(keys, key)
        if key in keys and not text.isdecimal():
            self.problems.add(keys[key], f"{key} is '{text}', expected a whole number")
        return int(text) if text.isdecimal() else default

    def _flag(self, keys: dict[str, Node], key: str, default: bool) -> bool:
        return keys[key].choice(self.problems, key, ("yes", "no")) == "yes" if key in keys else default

    def _choices(self, keys: dict[str, Node], key: str, known: tuple[str, ...]) -> tuple[str, ...]:
        return tuple(child.choice(self.problems, key, known) for child in self._list(keys, key))

    def _clear(self, keys: dict[str, Node]) -> tuple[str, ...]:
        return self._choices(keys, "clear", CLEARS)


def _orders(source: str) -> list[str]:
    """Return a pattern of two or three items in every order (gap signs keep their places)."""
    tokens = source.split()
    return [" ".join(order) for order in permutations(tokens)] if len(tokens) <= 3 else [source]


def unmark(text: str) -> tuple[str, tuple[tuple[int, int], ...]]:
    """Take the [[…]] marks out of an example; return the text and the spans they stood around."""
    plain: list[str] = []
    spans: list[tuple[int, int]] = []
    position = 0
    for index, part in enumerate(re.split(r"\[\[(.*?)\]\]", text, flags=re.DOTALL)):
        if index % 2:
            spans.append((position, position + len(part)))
        plain.append(part)
        position += len(part)
    return "".join(plain), tuple(spans)
