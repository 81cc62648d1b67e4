"""Findings that are known already in, out of the reports; a small file that merges, moves and shrinks with the replies.

A finding's identity is its rule and its sentence: no path, no line number, no time, so that it survives moves and edits
around it. The file holds no text: each identity is hashed with a salt that was drawn when the file was made, a thousand
rounds, so that looking up a phone number costs more than it is worth. The decision to question: one line a finding, sorted,
in plain columns, so that two branches' files merge line by line.
"""

from __future__ import annotations

import hashlib
import os
import re
import secrets
import tempfile
import unicodedata
from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field, replace
from pathlib import Path

from linter.config import shown
from linter.model import Finding, KefulintError
from linter.reports import redact

FILE = ".kefulint-baseline"
LABELS = ("true", "false")  # a real breach, or a false alarm
_HEAD = re.compile(r"# kefulint baseline 1 salt ([0-9a-f]{32})")
_ENTRY = re.compile(r"([a-z0-9-]+) ([0-9a-f]{32}) ([1-9]\d*) (true|false|-)")
_ROUNDS = 1000
_ENDS = "。！？!?\n"

Key = tuple[str, str]  # rule, hash


@dataclass(frozen=True, slots=True)
class Entry:
    """How often a finding is known, and what the audit said of it ("" where it was not asked yet)."""

    count: int
    label: str = ""


@dataclass
class Baseline:
    """The known findings of a project and, while a check runs, which of them were seen again."""

    path: Path
    salt: str
    entries: dict[Key, Entry] = field(default_factory=dict)
    seen: Counter[Key] = field(default_factory=Counter)

    @property
    def size(self) -> int:
        """How many findings are known."""
        return sum(entry.count for entry in self.entries.values())

    def key(self, finding: Finding, text: str) -> Key:
        """Return the identity of a finding under this file's salt."""
        identity = "\0".join((finding.rule, *_content(finding, text)))
        digest = hashlib.pbkdf2_hmac(
            "sha256", identity.encode("utf-8", "replace"), bytes.fromhex(self.salt), _ROUNDS, 16
        )
        return finding.rule, digest.hex()

    def knows(self, finding: Finding, text: str) -> bool:
        """Note a finding as seen; is it one more than are known?"""
        key = self.key(finding, text)
        self.seen[key] += 1
        return key in self.entries and self.seen[key] <= self.entries[key].count

    def vanished(self) -> int:
        """Return how many known findings were not seen again."""
        return sum(max(0, entry.count - self.seen[key]) for key, entry in self.entries.items())

    def shrunk(self) -> Baseline:
        """Return the baseline without what vanished."""
        kept = {
            key: replace(entry, count=min(entry.count, self.seen[key]))
            for key, entry in self.entries.items()
            if self.seen[key]
        }
        return replace(self, entries=kept)

    def grown(self, *, whole: bool = True) -> Baseline:
        """Return the baseline of what was seen; labels stay. Where not the `whole` was looked at, so does the rest."""
        none = Entry(0)
        seen = {k: replace(self.entries.get(k, none), count=n) for k, n in self.seen.items()}
        kept = {} if whole else {k: e for k, e in self.entries.items() if e.count > self.seen[k]}
        return replace(self, entries={**seen, **kept})

    def labelled(self, key: Key, label: str) -> Baseline:
        """Return the baseline with a finding labelled."""
        return replace(self, entries={**self.entries, key: replace(self.entries[key], label=label)})

    def write(self) -> None:
        """Write the file: sorted, one finding a line; whole or not at all."""
        lines = [f"# kefulint baseline 1 salt {self.salt}"]
        lines += [f"{rule} {digest} {e.count} {e.label or '-'}" for (rule, digest), e in sorted(self.entries.items())]
        _replace(self.path, "\n".join(lines) + "\n")

    def counts(self) -> list[tuple[str, int, int, int]]:
        """Return (rule, findings, labelled true, labelled false) a rule."""
        rows: dict[str, Counter[str]] = {}
        for (rule, _), entry in sorted(self.entries.items()):
            rows.setdefault(rule, Counter()).update({"all": entry.count, entry.label: entry.count})
        return [(rule, count["all"], count["true"], count["false"]) for rule, count in rows.items()]


def new(path: Path) -> Baseline:
    """Return an empty baseline with a salt of its own."""
    return Baseline(path, secrets.token_hex(16))


def load(path: Path) -> Baseline:
    """Read a baseline; raise KefulintError with every line that is wrong. Lines that a merge left twice are one."""
    try:
        lines = path.read_text(encoding="utf-8").splitlines()
    except (OSError, UnicodeDecodeError) as error:
        why = error.strerror if isinstance(error, OSError) else "not UTF-8"
        expected = "expected a baseline: `kefulint baseline create` writes one"
        raise KefulintError(f"{shown(path)}:1: cannot be read ({why}), {expected}") from error
    problems: list[str] = []
    salts = {found[1]: number for number, line in enumerate(lines, 1) if (found := _HEAD.fullmatch(line))}
    if len(salts) != 1:
        line = max(salts.values(), default=1)
        problems.append(
            f"{shown(path)}:{line}: {len(salts)} salts, expected one (two baselines do not mix: create it anew)"
        )
    entries: dict[Key, Entry] = {}
    for key, entry in _entries(lines, shown(path), problems):
        known = entries.get(key, Entry(0))
        entries[key] = Entry(max(known.count, entry.count), max(known.label, entry.label))
    if problems:
        raise KefulintError(problems)
    return Baseline(path, next(iter(salts)), entries)


def _entries(lines: Iterable[str], path: str, problems: list[str]) -> Iterator[tuple[Key, Entry]]:
    for number, line in enumerate(lines, 1):
        found = _ENTRY.fullmatch(line)
        if found:
            rule, digest, count, label = found.groups()
            yield (rule, digest), Entry(int(count), label.strip("-"))
        elif line.strip() and not line.startswith("#"):
            problems.append(f"{path}:{number}: '{line[:40]}' is no entry, expected RULE HASH COUNT true|false|-")


def fingerprint(finding: Finding, text: str) -> str:
    """Return the identity of a finding for reports and side files: the same everywhere, with contacts masked first."""
    sentence, words = _content(finding, redact(text))
    return hashlib.sha256("\0".join((finding.rule, sentence, words)).encode("utf-8", "replace")).hexdigest()[:32]


def _content(finding: Finding, text: str) -> tuple[str, str]:
    """Return the sentence around a finding and its words, without what an editor changes in passing."""
    start = max(text.rfind(end, 0, finding.start) for end in _ENDS) + 1
    ends = [at for end in _ENDS if (at := text.find(end, finding.end)) >= 0]
    sentence = text[start : min(ends, default=len(text))]
    return _plain(sentence), _plain(text[finding.start : finding.end])


def _plain(text: str) -> str:
    return "".join(unicodedata.normalize("NFKC", text).casefold().split())


def _replace(path: Path, text: str) -> None:
    """Write a file beside the old one and put it in its place."""
    handle, name = tempfile.mkstemp(dir=path.parent, prefix=path.name, suffix=".new")
    with os.fdopen(handle, "w", encoding="utf-8", newline="\n") as stream:
        stream.write(text)
    if path.exists():
        Path(name).chmod(path.stat().st_mode)
    else:
        Path(name).chmod(0o644)
    Path(name).replace(path)
