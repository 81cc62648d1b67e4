"""What is known of an input before it is read: its format by its name, how to read it, and what it may hold.

The values that every reader shares stand here, apart from the readers: a check of one text file imports none of those.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from linter.columns import COLUMNS
from linter.model import Origin

LOG_FORMATS = ("jsonl", "csv", "tsv", "xlsx", "parquet", "arrow", "transcript")
FORMATS = ("text", "markdown", "json", "yaml", *LOG_FORMATS)
LOG_SUFFIXES = {
    ".csv": "csv", ".tsv": "tsv", ".xlsx": "xlsx", ".jsonl": "jsonl", ".ndjson": "jsonl", ".parquet": "parquet",
    ".pq": "parquet", ".arrow": "arrow", ".feather": "arrow", ".ipc": "arrow",
}  # fmt: skip
SUFFIXES = LOG_SUFFIXES | {
    ".txt": "text", ".md": "markdown", ".markdown": "markdown", ".json": "json", ".yaml": "yaml", ".yml": "yaml",
}  # fmt: skip
NOT_TEXT = frozenset(
    name for kind, names in COLUMNS.items() if kind not in ("text", "question", "context") for name in names
) | {"url", "link", "image", "type", "lang", "tags", "title", "key", "name", "category", "分类", "标签", "快捷短语编码"}  # fmt: skip
MARKS = re.compile(r"[ \t]*(?:(?:>|[-*+]|\d{1,3}[.)]|#{1,6})[ \t]+){0,4}")  # what stands before a line's prose


@dataclass(frozen=True, slots=True)
class Listing:
    """A listing record (title, detail, freight …) and where it stood."""

    record: Mapping[str, Any]
    origin: Origin


@dataclass(frozen=True)
class Options:
    """How to read. `columns` maps our field names to a file's column names; unset ones are detected."""

    format: str | None = None
    encoding: str | None = None
    channel: str = "chat"
    platform: str | None = None
    columns: Mapping[str, str] = field(default_factory=dict)
    need_text: bool = False  # a table without a text column is an error (logs) and not read cell by cell
    fields: tuple[str, ...] = ()  # path expressions that say which texts of a document are replies (`formats`)
    placeholders: bool = True  # {{name}}, {name}, %s … of a document are not judged
    profile: str | None = None
    roles: Mapping[str, str] = field(default_factory=dict)  # what a sender's or a role's name stands for


def worth(text: str) -> bool:
    """Is a cell or scalar more than a number or a code?"""
    return any(not char.isascii() and char.isalpha() for char in text) or " " in text.strip()
