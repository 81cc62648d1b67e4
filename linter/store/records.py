"""What is put on record: a decision with the findings it was made on, and what a reviewer says of one of them.

Contacts are masked before anything reaches a table, unless the server was told to keep texts; masking keeps the length,
so spans still hold.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timezone
from typing import Any

import sqlalchemy as sa
from sqlalchemy.dialects import postgresql, sqlite

from linter.model import Finding, Turn, graver
from linter.reports import redact
from linter.store.tables import decisions, findings, reviews

DECISIONS = ("withheld", "sent", "replaced")
REVIEWS = ("confirmed", "rejected", "appealed")
STATUSES = ("open", *REVIEWS)
_UNFIT = re.compile("[\0\ud800-\udfff]")


@dataclass(frozen=True, slots=True)
class Decision:
    """What an agent did with a message that was judged."""

    decision: str
    text: str
    findings: Sequence[Finding]
    platforms: Sequence[str]
    lexicon: str
    channel: str = "chat"
    context: Sequence[Turn] = ()
    reason: str = ""
    agent: str = ""
    shop: str = ""
    session: str = ""
    sent_text: str | None = None
    client_id: str | None = None
    recorded_by: str = ""


@dataclass(frozen=True, slots=True)
class Recorded:
    """Where a decision stands: its id, those of its findings, and whether this call wrote it or an earlier one did."""

    id: int
    findings: tuple[int, ...]
    created: bool
    same: bool = True  # False: the client's id stands for another decision


@dataclass(frozen=True, slots=True)
class Review:
    """What somebody says of a finding."""

    review: str
    note: str = ""
    reviewer: str = ""
    recorded_by: str = ""


def record(connection: sa.Connection, decision: Decision, *, keep_text: bool = False) -> Recorded:
    """Write a decision and its findings, once for each client's id."""
    row = _row(decision, keep_text)
    dialect: Any = postgresql if connection.dialect.name == "postgresql" else sqlite
    insert = dialect.insert(decisions).values(row).on_conflict_do_nothing().returning(decisions.c.id)
    number = connection.execute(insert).scalar()
    if number is None:
        return _earlier(connection, row)
    rows = [_finding_row(finding, number, row["text"]) for finding in decision.findings]
    if not rows:
        return Recorded(number, (), True)
    inserted = connection.execute(sa.insert(findings).returning(findings.c.id, sort_by_parameter_order=True), rows)
    return Recorded(number, tuple(inserted.scalars()), True)


def _earlier(connection: sa.Connection, row: Mapping[str, Any]) -> Recorded:
    """Return the decision that the client's id stands for already."""
    known = decisions.c.recorded_by == row["recorded_by"], decisions.c.client_id == row["client_id"]
    found = connection.execute(sa.select(decisions).where(*known)).mappings().one()
    ids = connection.execute(
        sa.select(findings.c.id).where(findings.c.decision_id == found["id"]).order_by(findings.c.id)
    )
    same = all(found[name] == row[name] for name in ("decision", "text", "reason", "sent_text"))
    return Recorded(found["id"], tuple(ids.scalars()), False, same)


def review(connection: sa.Connection, finding: int, said: Review) -> bool:
    """Write a review; the latest one counts. Return False where there is no such finding."""
    changed = connection.execute(sa.update(findings).where(findings.c.id == finding).values(status=said.review))
    if not changed.rowcount:
        return False
    connection.execute(
        sa.insert(reviews).values(
            finding_id=finding, time=now()[0], review=said.review, note=clean(redact(said.note)),
            reviewer=clean(said.reviewer), recorded_by=said.recorded_by,
        )
    )  # fmt: skip
    return True


def now() -> tuple[str, str]:
    """Return the time in UTC, and the day in this machine's zone."""
    moment = datetime.now(timezone.utc)
    return moment.strftime("%Y-%m-%dT%H:%M:%S.%f")[:-3] + "Z", moment.astimezone().date().isoformat()


def clean(text: str) -> str:
    """Return what every database can hold: no NUL, no half of a surrogate pair; the length stays."""
    return _UNFIT.sub("\ufffd", text)


def _row(decision: Decision, keep_text: bool) -> dict[str, Any]:
    mask = clean if keep_text else _masked
    time, day = now()
    verdict = "none"
    for finding in decision.findings:
        verdict = graver(verdict, finding.verdict)
    return {
        "recorded_by": decision.recorded_by, "client_id": decision.client_id, "time": time, "day": day,
        "decision": decision.decision, "reason": mask(decision.reason), "agent": clean(decision.agent),
        "shop": clean(decision.shop), "session": clean(decision.session), "channel": decision.channel,
        "platforms": list(decision.platforms), "verdict": verdict, "text": mask(decision.text),
        "context": [_turn(turn, mask) for turn in decision.context],
        "sent_text": None if decision.sent_text is None else mask(decision.sent_text), "redacted": not keep_text,
        "lexicon": decision.lexicon,
    }  # fmt: skip


def _masked(text: str) -> str:
    return clean(redact(text))


def _turn(turn: Turn, mask: Any) -> dict[str, str]:
    said = {"role": turn.role, "text": mask(turn.text)}
    return said | ({"time": clean(turn.time)} if turn.time else {})


def _finding_row(finding: Finding, decision: int, text: str) -> dict[str, Any]:
    """Return a finding's row; its words are cut from the text as it is stored, masked or not."""
    words = text[finding.start : finding.end]
    return {
        "decision_id": decision, "rule": finding.rule, "verdict": finding.verdict, "start": finding.start,
        "end": finding.end, "words": words, "message": clean(finding.message.replace(finding.text, words)),
        "suggestion": finding.suggestion, "verdicts": dict(finding.verdicts),
        "clauses": [clause.id for clause in finding.clauses], "status": "open",
    }  # fmt: skip
