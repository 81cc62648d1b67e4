"""Files of canned replies in, documents out: every reply with its exact place, whatever the format.

    document = read_document("replies.yaml")
    for reply in document.replies:
        for finding in linter.check_message(reply):
            print(document.located(finding, reply).place)

`data` stands for the bytes (or the text) of the file where an editor or a hook has them already; the path then only tells
the format. What `sources.read` streams for logs is read whole here, because places and edits need all of it.
"""

from __future__ import annotations

import importlib
from itertools import islice
from pathlib import Path

from linter import inputs
from linter.formats.document import Comment, Document, Gathered, applied, finished, load
from linter.formats.source import Source, decode
from linter.inputs import PACKED, Listing, Options, Trouble
from linter.model import SourceError

SUFFIXES = {suffix: kind for suffix, kind in inputs.SUFFIXES.items() if kind not in ("parquet", "arrow")}
_READERS = {  # format -> module.function; a format's module is imported when a file of it is read
    "text": "lines.read_text", "markdown": "markdown.read_markdown", "jinja": "markdown.read_jinja", "csv": "tables.read_csv",
    "tsv": "tables.read_tsv", "xlsx": "tables.read_xlsx", "json": "jsons.read_json", "jsonc": "jsons.read_jsonc",
    "jsonl": "jsons.read_jsonl", "yaml": "yamls.read_yaml", "po": "po.read_po", "transcript": "lines.read_transcript",
}  # fmt: skip
FORMATS = tuple(_READERS)


def format_of(path: str | Path, options: Options | None = None) -> str:
    """Return the format a file is read as: the one asked for, or the one its suffix tells (anything else is text)."""
    if options and options.format:
        return options.format
    name = Path(path)
    return SUFFIXES.get((Path(name.stem) if name.suffix.lower() in PACKED else name).suffix.lower(), "text")


def read_document(path: str | Path, options: Options | None = None, *, data: bytes | str | None = None) -> Document:
    """Read a file of replies, chat-log rows and listings. Raises SourceError where it cannot be opened or read at all."""
    options = options or Options()
    kind = format_of(path, options)
    if kind not in _READERS:
        raise SourceError(f"{path}:1: unknown format '{kind}', expected one of {', '.join(FORMATS)}")
    source = load(path, data, options.encoding, kind == "xlsx")
    if kind == "text" and options.format is None and _is_transcript(source):
        kind = "transcript"
    gathered = Gathered(source, options, kind)
    module, _, function = _READERS[kind].partition(".")
    getattr(importlib.import_module(f"linter.formats.{module}"), function)(gathered)
    return finished(gathered, kind, lambda changed: read_document(path, options, data=changed))


def _is_transcript(source: Source) -> bool:
    """Is a text a conversation? Only what has times or colons can be one, and is looked at closely."""
    head = [source.text[start:end] for start, end in islice(source.spans(), 100)]
    if not any(":" in line or "：" in line for line in head):
        return False
    from linter.transcripts import is_transcript

    return is_transcript(head)


__all__ = [
    "FORMATS",
    "SUFFIXES",
    "Comment",
    "Document",
    "Listing",
    "Options",
    "Trouble",
    "applied",
    "decode",
    "format_of",
    "read_document",
]
