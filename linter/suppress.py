"""Comments and side files in, suppressions out: which rule somebody allowed where, why, and until when.

`kefulint: allow RULE[, RULE] [until DATE] -- reason` stands in a comment of the format and holds for the reply on its line,
or else for the next one; `allow-file` holds for the whole file. Formats without comments are served by a side file. The
decision to question: a suppression without a reason is an error and allows nothing, for nobody can review it later.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date
from pathlib import Path
from typing import TYPE_CHECKING

from linter.config import Pattern, full_path, shown, unknown_rule
from linter.model import Finding, KefulintError

if TYPE_CHECKING:
    from linter.nodes import Node, Problems

SIDE_FILE = ".kefulint-allow.yaml"
SIDE_KEYS = ("path", "rule", "words", "fingerprint", "reason", "until")
_DIRECTIVE = re.compile(r"kefulint\s*:\s*(?P<body>.*)", re.DOTALL)
_EXAMPLE = "kefulint: allow RULE -- reason"


@dataclass(frozen=True, slots=True, eq=False)
class Suppression:
    """One allowance of one rule. `words` and `fingerprint` narrow it to findings of the same words or identity."""

    rule: str
    reason: str
    path: str
    line: int
    until: date | None = None
    whole: bool = False  # the whole file
    pattern: Pattern | None = None  # of a side file
    words: str = ""
    fingerprint: str = ""

    @property
    def place(self) -> str:
        return f"{self.path}:{self.line}"

    def expired(self, today: date) -> bool:
        """Is its last day over?"""
        return self.until is not None and self.until < today

    def covers(self, finding: Finding, fingerprint: str) -> bool:
        """Does it speak of a finding of a reply that it stands for?"""
        return (
            self.rule == finding.rule
            and self.words in ("", finding.text)
            and self.fingerprint in ("", fingerprint)
        )  # fmt: skip


@dataclass
class Allowances:
    """The suppressions of one file and which of them were of use. `of` is what a reply has by its own comments."""

    everywhere: Sequence[Suppression]
    of: Mapping[int, Sequence[Suppression]]  # by the reply's number in the file
    today: date
    used: set[Suppression] = field(default_factory=set)

    def allowing(self, finding: Finding, index: int | None, fingerprint: str) -> Suppression | None:
        """Return what allows a finding of a reply, if anything does; an expired one does not."""
        own = self.of.get(index, ()) if index is not None else ()
        for entry in (*own, *self.everywhere):
            if entry.covers(finding, fingerprint):
                self.used.add(entry)
                if not entry.expired(self.today):
                    return entry
        return None


# --- comments --------------------------------------------------------------------------------------------------------


def of_comment(text: str, path: str, line: int, known: frozenset[str], problems: list[str]) -> list[Suppression]:
    """Return the suppressions in a comment, its signs taken off; what is wrong is added to the problems."""
    directive = _DIRECTIVE.match(text.strip())
    if not directive:
        return []
    try:
        return _parsed(directive["body"], path, line, known)
    except ValueError as error:
        problems.append(f"{path}:{line}: {error}")
        return []


def _parsed(body: str, path: str, line: int, known: frozenset[str]) -> list[Suppression]:
    """Parse what stands after `kefulint:`; raise ValueError with what is wrong."""
    verb, _, rest = body.strip().partition(" ")
    if verb not in ("allow", "allow-file"):
        raise ValueError(f"unknown word '{verb}' after 'kefulint:', expected allow or allow-file")
    head, sign, reason = rest.partition("--")
    reason = " ".join(reason.split())
    if not sign or not reason:
        raise ValueError(f"the suppression gives no reason, expected {_EXAMPLE}")
    names, _, until = re.sub(r"\s+", " ", f" {head} ").partition(" until ")
    rules = [name for name in re.split(r"[,，、\s]+", names.strip()) if name]
    if not rules:
        raise ValueError(f"the suppression names no rule, expected {_EXAMPLE}")
    unknown = [f"unknown rule '{name}', expected {unknown_rule(name, known)}" for name in rules if name not in known]
    if unknown:
        raise ValueError("; ".join(unknown))
    day = day_of(until.strip()) if until else None
    return [Suppression(rule, reason, path, line, day, verb == "allow-file") for rule in dict.fromkeys(rules)]


def day_of(text: str) -> date:
    """Read a date; raise ValueError in our words."""
    try:
        return date.fromisoformat(text)
    except ValueError:
        raise ValueError(f"until is '{text}', expected a date such as 2026-12-31") from None


# --- the side file ---------------------------------------------------------------------------------------------------


def side_file(path: Path, known: frozenset[str]) -> list[Suppression]:
    """Return the suppressions of a side file; raise KefulintError with everything that is wrong in it."""
    from linter.nodes import Problems, load_yaml

    problems = Problems()
    node = load_yaml(path, problems, shown(path))
    entries = node.items(problems, "the side file") if node else []
    found = [_entry(entry, path, known, problems) for entry in entries]
    if problems.lines:
        raise KefulintError(problems.lines)
    return found


def _entry(node: Node, path: Path, known: frozenset[str], problems: Problems) -> Suppression:
    keys = node.keys(problems, "a suppression", SIDE_KEYS, ("path", "rule", "reason"))
    texts = {name: child.text(problems, name).strip() for name, child in keys.items()}
    for name, child in keys.items():
        if not texts[name] and isinstance(child.value, str):
            problems.add(child, f"{name} is empty, expected a text")
    rule = texts.get("rule", "")
    if rule and rule not in known:
        problems.add(keys["rule"], f"unknown rule '{rule}', expected {unknown_rule(rule, known)}")
    until = None
    if texts.get("until"):
        try:
            until = day_of(texts["until"])
        except ValueError as error:
            problems.add(keys["until"], str(error))
    pattern = Pattern(texts.get("path", ""), full_path(path).parent, f"{node.path}:{node.line}")
    return Suppression(
        rule, texts.get("reason", ""), node.path, node.line, until, False, pattern,
        texts.get("words", ""), texts.get("fingerprint", ""),
    )  # fmt: skip


# --- what became of them ---------------------------------------------------------------------------------------------


def leftovers(
    entries: Iterable[Suppression], used: frozenset[Suppression], ran: frozenset[str], today: date
) -> list[str]:
    """Return a line for every suppression that is expired or allowed nothing, among those of rules that ran."""
    lines = []
    for entry in entries:
        if entry.expired(today):
            lines.append(
                f"{entry.place}: the suppression of {entry.rule} ended on {entry.until}, expected a new reply or a new date"
            )
        elif entry.rule in ran and entry not in used:
            lines.append(f"{entry.place}: the suppression of {entry.rule} allows nothing, expected it to be taken out")
    return lines  # fmt: skip
