"""YAML in, plain nodes out: every scalar stays the text it was written as, and every node knows its line.

`yaml.safe_load` turns `no`, `12:30` and dates into other things and keeps the last of two equal keys. Here nothing is
converted; two equal keys, aliases of unknown anchors and broken syntax are problems. Problems are gathered, not raised,
so that an author sees all of them at once.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from decimal import Decimal

    import yaml


@dataclass
class Problems:
    """The problems of one load, as lines `path:line: what, expected what`."""

    lines: list[str] = field(default_factory=list)

    def add(self, node: Node, what: str) -> None:
        self.lines.append(f"{node.path}:{node.line}: {what}")


@dataclass(frozen=True, slots=True)
class Node:
    """A place in a YAML file. `value` is str, list of Node, or dict of str to Node; null is the empty text."""

    value: str | list[Node] | dict[str, Node]
    path: str
    line: int
    null: bool = False

    def text(self, problems: Problems, what: str) -> str:
        """Return the scalar's text; a list or mapping is a problem and reads as ''."""
        if isinstance(self.value, str):
            return self.value
        problems.add(self, f"{what} is a {self.kind}, expected text")
        return ""

    def items(self, problems: Problems, what: str) -> list[Node]:
        """Return the list's nodes; anything else is a problem and reads as []."""
        if isinstance(self.value, list):
            return self.value
        problems.add(self, f"{what} is a {self.kind}, expected a list")
        return []

    def texts(self, problems: Problems, what: str) -> list[str]:
        """Return a list of texts."""
        return [item.text(problems, f"an entry of {what}") for item in self.items(problems, what)]

    def keys(
        self, problems: Problems, what: str, known: tuple[str, ...], required: tuple[str, ...] = ()
    ) -> dict[str, Node]:
        """Return the mapping after checking its keys against those known and required."""
        if not isinstance(self.value, dict):
            problems.add(self, f"{what} is a {self.kind}, expected a mapping with {', '.join(required or known)}")
            return {}
        for key, child in self.value.items():
            if key not in known:
                problems.add(child, f"unknown key '{key}' in {what}, expected one of {', '.join(known)}")
        for key in required:
            if key not in self.value:
                problems.add(self, f"{what} has no '{key}', expected one")
        return {key: child for key, child in self.value.items() if key in known}

    def choice(self, problems: Problems, what: str, known: tuple[str, ...]) -> str:
        """Return the text if it is one of those known; otherwise a problem, and the first known."""
        text = self.text(problems, what)
        if text in known:
            return text
        problems.add(self, f"{what} is '{text}', expected one of {', '.join(known)}")
        return known[0]

    def number(self, problems: Problems, what: str) -> Decimal | None:
        """Return an exact number, or None for null."""
        from decimal import Decimal, InvalidOperation

        if self.null:
            return None
        text = self.text(problems, what)
        try:
            return Decimal(text)
        except InvalidOperation:
            problems.add(self, f"{what} is '{text}', expected a number or null")
            return None

    @property
    def kind(self) -> str:
        return "list" if isinstance(self.value, list) else "mapping" if isinstance(self.value, dict) else "text"


def load_yaml(path: Path, problems: Problems, shown: str | None = None) -> Node | None:
    """Read one YAML file into nodes; None where it cannot be read at all (the problem says why)."""
    name = shown or str(path)
    try:
        text = path.read_text(encoding="utf-8-sig")
    except (OSError, UnicodeDecodeError) as error:
        problems.lines.append(f"{name}:1: cannot be read ({error}), expected a UTF-8 file")
        return None
    return parse_yaml(text, name, problems)


def _loader() -> Any:
    import yaml

    # CSafeLoader is missing where PyYAML was built without libyaml: slower, same nodes
    return getattr(yaml, "CSafeLoader", yaml.SafeLoader)


def documents(text: str) -> Iterator[yaml.Node]:
    """Yield PyYAML's own nodes of every document of a file, with their marks. Raises what PyYAML raises."""
    import yaml

    yield from yaml.compose_all(text, Loader=_loader())


def parse_yaml(text: str, name: str, problems: Problems) -> Node | None:
    """Turn YAML text into nodes; `name` is the path that problems show."""
    import yaml

    try:
        root = yaml.compose(text, Loader=_loader())
    except yaml.MarkedYAMLError as error:
        line = error.problem_mark.line + 1 if error.problem_mark else 1
        problems.lines.append(f"{name}:{line}: {error.problem or 'broken YAML'}, expected valid YAML")
        return None
    except yaml.YAMLError as error:
        problems.lines.append(f"{name}:1: {error}, expected valid YAML")
        return None
    if root is None:
        problems.lines.append(f"{name}:1: the file is empty, expected a mapping")
        return None
    return _Converter(name, problems).node(root)


class _Converter:
    """PyYAML's nodes to ours. An aliased node is converted once; one that holds itself is a problem, not a loop."""

    def __init__(self, path: str, problems: Problems) -> None:
        self.path = path
        self.problems = problems
        self.made: dict[int, Node | None] = {}

    def node(self, node: yaml.Node) -> Node:
        if id(node) not in self.made:
            self.made[id(node)] = None
            self.made[id(node)] = self._converted(node)
        made = self.made[id(node)]
        if made is None:
            made = Node("", self.path, node.start_mark.line + 1)
            self.problems.add(made, "an alias holds itself, expected a tree")
        return made

    def _converted(self, node: yaml.Node) -> Node:
        import yaml

        line = node.start_mark.line + 1
        if isinstance(node, yaml.SequenceNode):
            return Node([self.node(child) for child in node.value], self.path, line)
        if isinstance(node, yaml.MappingNode):
            return Node(self._mapping(node), self.path, line)
        null = getattr(node, "style", None) is None and node.value in ("", "~", "null")
        return Node("" if null else node.value, self.path, line, null)

    def _mapping(self, node: yaml.MappingNode) -> dict[str, Node]:
        import yaml

        mapping: dict[str, Node] = {}
        for key, value in node.value:
            child = self.node(value)
            name = key.value if isinstance(key, yaml.ScalarNode) else "?"
            if name in mapping:
                where = Node("", self.path, key.start_mark.line + 1)
                first = mapping[name].line
                self.problems.add(where, f"key '{name}' stands twice, expected once (first on line {first})")
                continue
            mapping[name] = child
        return mapping
