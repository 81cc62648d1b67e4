"""Text exports of conversations, line by line: who begins to speak in a line, when, and where the words begin.

A line begins a turn by a time and a name in any order, in brackets or not, or by a role alone (买家：, 客服A：). The decision to
question: a role counts only where nothing but a number or a name in brackets follows it, for 客服微信： is no speaker.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from itertools import islice

from linter.columns import ROLES
from linter.times import TIME

_NAME = r"(?P<nick>\S.{0,60}?)"
_SPEAKERS = "|".join(sorted(map(re.escape, ROLES), key=len, reverse=True))
_TIMED = tuple(
    re.compile(pattern)
    for pattern in (
        rf"\s*[\[【(（](?P<time>{TIME})[\]】)）]\s*{_NAME}\s*(?:：|:(?:\s|$)|$)\s*(?P<text>.*)",  # [time] name: text
        rf"\s*(?P<time>{TIME})\s+{_NAME}\s*(?:：|:\s|:?\s*$)(?P<text>.*)",  # time name：text
        rf"\s*{_NAME}\s*[(（\[【]\s*(?P<time>{TIME})\s*[)）\]】]\s*[:：]?(?P<text>.*)",  # name (time)：text
        rf"\s*{_NAME}\s+(?P<time>{TIME})\s*[:：]?\s*(?P<text>)",  # name time, the text below
    )
)
_ROLE = re.compile(
    rf"\s*[\[【]?(?P<nick>(?:{_SPEAKERS})(?:\s?[A-Za-z0-9]{{1,6}}|[（(][^（）()]{{1,16}}[)）])?)[\]】]?\s*[:：]\s*(?P<text>.*)",
    re.IGNORECASE,
)
_NEARLY = re.compile(r"\W{0,2}\d{1,4}[-/.:：月年]\d{1,2}[\d\s:：日号点分/.-]*\W?\s*[^\s\d:：]{1,20}\s*[:：]")
_LOOKED_AT = 20  # lines that tell whether a text is a conversation


def begins(line: str) -> re.Match[str] | None:
    """Return what a line says of the turn that it begins: `nick`, `text` and perhaps `time`; None where it goes on with one."""
    if any(map(str.isdigit, line)):
        found = next((match for pattern in _TIMED if (match := pattern.fullmatch(line))), None)
        if found:
            return found
    return _ROLE.fullmatch(line)


def is_transcript(head: Iterable[str]) -> bool:
    """Do the first lines of a text look like a conversation? Times and names do, or roles in at least every other line."""
    lines = [line for line in islice((line.rstrip("\r\n") for line in head), _LOOKED_AT * 3) if line.strip()][
        :_LOOKED_AT
    ]
    found = [match for line in lines if (match := begins(line))]
    timed = sum("time" in match.groupdict() for match in found)
    names = {match["nick"].strip().lower() for match in found}
    return timed > 1 or (timed == 1 and len(lines) <= 2) or (len(found) * 2 >= len(lines) and len(names) > 1)


def nearly(lines: Iterable[str]) -> str:
    """Return the beginning of a text's first line that looks like a turn whose time is not understood, where several do."""
    found = [match[0] for line in islice(lines, _LOOKED_AT) if (match := _NEARLY.match(line))]
    return found[0].strip() if len(found) > 1 else ""
