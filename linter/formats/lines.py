"""Plain text: a reply a line, or the conversation that its lines say they are."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

from linter import placeholders
from linter.formats.document import Gathered
from linter.formats.value import Piece, Value
from linter.markup import mask_html

_PREAMBLE = 5  # lines at the top of an export that may say whose it is
_DIRECTIVE = re.compile(r"[ \t]*(#)[ \t]*(kefulint:.*)")


def read_text(gathered: Gathered) -> None:
    """Read a message a line; `# kefulint: …` lines are comments."""
    source = gathered.source
    for number, (start, end) in enumerate(source.spans(), 1):
        directive = _DIRECTIVE.fullmatch(source.text, start, end)
        if directive:
            gathered.comment(directive.start(1), directive[2])
            continue
        words = source.text[start:end]
        masked = placeholders.mask(words) if gathered.options.placeholders else words
        gathered.reply(Value.verbatim(source.text, start, end), row=number, masked=mask_html(masked))
    if gathered.options.format != "text" and (":" in source.text or "：" in source.text):
        _doubt(gathered)


def _doubt(gathered: Gathered) -> None:
    """Name lines that are the turns of a conversation, it seems, but are read as replies."""
    from linter.transcripts import nearly

    source = gathered.source
    turn = nearly(source.text[start:end] for start, end in source.spans())
    if turn:
        expected = "times with a year, or --read-as text if they are replies"
        what = f"lines begin like turns of a conversation ('{turn[:30]}') and were read as the shop's own"
        gathered.trouble(1, what, expected, judged=True)


def read_transcript(gathered: Gathered) -> None:
    """Read one conversation: lines that begin a turn, and those that go on with one. The file's name is the session."""
    from linter.transcripts import begins

    source = gathered.source
    path = Path(source.path)
    session = f"{path.parent.name}/{path.stem}" if path.parent.name else path.stem
    turns: list[tuple[int, dict[str, Any], list[Piece]]] = []
    for number, (start, end) in enumerate(source.spans(), 1):
        line = source.text[start:end]
        directive = _DIRECTIVE.fullmatch(line)
        found = begins(line)
        if directive:
            gathered.comment(start + directive.start(1), directive[2])
        elif found:
            record = {"session": session, "sender": found["nick"].strip(), "time": found.groupdict().get("time")}
            turns.append(
                (number, record, _stripped(source.text, start + found.start("text"), start + found.end("text")))
            )
        elif line.strip() and not turns:
            expected = "a time and a name first"
            gathered.trouble(number, "words before the first time and name", expected, judged=number <= _PREAMBLE)
        elif line.strip():
            pieces = turns[-1][2]
            if pieces:
                pieces.append(Piece("\n", pieces[-1].end, start))
            pieces += _stripped(source.text, start, end)
    _add(gathered, turns)


def _add(gathered: Gathered, turns: list[tuple[int, dict[str, Any], list[Piece]]]) -> None:
    names = ["text", "sender", "session", *(["time"] if any(record["time"] for _, record, _ in turns) else [])]
    found = gathered.columns(names).found if turns else {}
    for number, record, pieces in turns:
        if pieces:
            value = Value(pieces, pieces[0].start, pieces[-1].end)
            kept = {name: record[name] for name in names if name != "text"}
            gathered.row({**kept, "text": value.text}, {"text": value}, found, (number, number))


def _stripped(text: str, start: int, end: int) -> list[Piece]:
    words = text[start:end]
    start += len(words) - len(words.lstrip())
    end = start + len(words.strip())
    return [Piece(text[start:end], start, end)] if end > start else []
