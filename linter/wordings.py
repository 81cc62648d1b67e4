"""The `fix:` of a rule file in, wordings out: what to say instead, and of how much of the message it takes the place.

Whether a wording is *safe* is decided by the author and reviewed: it keeps what the message says and promises nothing new.
Whether it *works* is decided by the linter, which judges every changed message again (`fixes`).
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TypeVar

from linter.entries import Before, Fixing, Wording
from linter.model import CHANNELS
from linter.nodes import Node, Problems

__all__ = ["Before", "Fixing", "Wording", "read_fix"]

REACHES = ("words", "clause", "sentence", "message")
FIX_KEYS = ("safe", "unsafe", "examples")
WORDING_KEYS = ("say", "over", "replace", "channels")
_Read = TypeVar("_Read")


def read_fix(node: Node, problems: Problems, read_example: Callable[[Node], _Read]) -> Fixing[_Read]:
    """Read a `fix:`. An example is `before -> after`, or a mapping with `text`, `after` and what a rule's example has."""
    keys = node.keys(problems, "fix", FIX_KEYS, ("examples",))
    wordings = [
        _wording(child, problems, name == "safe")
        for name in ("safe", "unsafe")
        if name in keys
        for child in keys[name].items(problems, name)
    ]
    if not wordings:
        problems.add(node, "fix has neither 'safe' nor 'unsafe', expected wordings")
    entries = keys["examples"].items(problems, "examples") if "examples" in keys else []
    if len(entries) < 2:
        problems.add(node, f"fix has {len(entries)} examples, expected at least 2")
    return Fixing(tuple(wordings), tuple(_before(child, problems, read_example) for child in entries))


def _wording(node: Node, problems: Problems, safe: bool) -> Wording:
    keys = node.keys(problems, "a wording", WORDING_KEYS, ("say",))
    over = keys["over"].choice(problems, "over", REACHES) if "over" in keys else "words"
    replace = tuple(keys["replace"].texts(problems, "replace")) if "replace" in keys else ()
    if replace and "over" in keys:
        problems.add(node, "a wording has both 'over' and 'replace', expected one of them")
    say = keys["say"].text(problems, "say").strip() if "say" in keys else ""
    if "\n" in say:
        problems.add(node, "say has a line break, expected one line: not every format can hold two")
    channels = keys["channels"].items(problems, "channels") if "channels" in keys else []
    only = tuple(child.choice(problems, "channels", CHANNELS) for child in channels)
    return Wording(say, over, replace, safe, f"{node.path}:{node.line}", only)


def _before(node: Node, problems: Problems, read_example: Callable[[Node], _Read]) -> Before[_Read]:
    if isinstance(node.value, str):
        text, arrow, after = node.value.partition(" -> ")
        if not arrow:
            problems.add(node, f"'{node.value}' shows no change, expected 'before -> after'")
        return Before(read_example(Node(text.strip(), node.path, node.line)), after.strip())
    body = dict(node.value) if isinstance(node.value, dict) else {}
    after_node = body.pop("after", None)
    if after_node is None:
        problems.add(node, "an example of a fix has no 'after', expected one")
    after = after_node.text(problems, "after") if after_node else ""
    return Before(read_example(Node(body, node.path, node.line)), after)
