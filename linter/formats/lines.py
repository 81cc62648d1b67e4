"""Plain text: a reply a line."""

from __future__ import annotations

import re

from linter import placeholders
from linter.formats.document import Gathered
from linter.formats.value import Value

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
        gathered.reply(Value.verbatim(source.text, start, end), row=number, masked=masked)
