"""Findings of one message in, the answer that every edge gives out: send, confirm or block, and the argument.

The server, the guard for bots, the MCP tools and the editor say the same thing in the same words because all of them
call `answer`. Nothing here reads a rule: the verdict alone decides.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from linter.engine import Linter
from linter.fixes import rewrite, trials_of, with_fixes
from linter.model import Finding, Message, graver
from linter.reports import finding_data

SCHEMA = 1
DECISIONS = {"none": "send", "info": "send", "warning": "confirm", "error": "block"}


def considered(linter: Linter, message: Message) -> tuple[list[Finding], str | None]:
    """Return the findings of a message with their fixes, and the whole of it in a safe wording where there is one."""
    return mended(linter, message, linter.check_message(message))


def mended(
    linter: Linter, message: Message, findings: list[Finding], stopped: Callable[[], bool] = bool
) -> tuple[list[Finding], str | None]:
    """Return what `considered` does, once the message was judged; CancelledError is raised when `stopped` says so."""
    if not findings:
        return findings, None
    trials = trials_of(linter, message, stopped)
    findings = with_fixes(linter, message, findings, trials=trials)
    return findings, rewrite(message, findings, linter, trials=trials)


def answer(findings: Sequence[Finding], text: str, version: str, *, rewritten: str | None = None, shown: bool = True) -> dict[str, Any]:  # fmt: skip
    """Return the answer about one message as plain data.

    `decision` is "send", "confirm" (ask the agent) or "block"; `rewritten` is the whole message in a wording that is safe
    to send, or None where no rule offers one; spans are half-open code points of `text`. `version` names the lexicons.
    `shown` leaves contacts in: the caller sent them and needs its own words back.
    """
    verdict = "none"
    for finding in findings:
        verdict = graver(verdict, finding.verdict)
    return {
        "schema": SCHEMA,
        "decision": DECISIONS[verdict],
        "verdict": verdict,
        "findings": [finding_data(finding, text, shown=shown) for finding in findings],
        "rewritten": rewritten,
        "lexicon": version,
    }
