"""The record read back: the queue for reviewers, precision of the rules, cases for `kefulint eval`, proposals, counts."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import sqlalchemy as sa

from linter.store.records import DECISIONS, STATUSES
from linter.store.tables import decisions, findings, reviews

MOST = 200  # decisions a page
BY = {"day": decisions.c.day, "rule": findings.c.rule, "agent": decisions.c.agent, "shop": decisions.c.shop}
_Z = 1.96  # 95 %


@dataclass(frozen=True, slots=True)
class Wanted:
    """Which decisions to show. Days are inclusive; an empty field asks for nothing."""

    status: str = ""  # of one of its findings
    rule: str = ""
    agent: str = ""
    shop: str = ""
    since: str = ""
    until: str = ""


def queue(connection: sa.Connection, wanted: Wanted, limit: int, before: int | None) -> dict[str, Any]:
    """Return a page of decisions with their findings and reviews, the newest first, and where the next page begins."""
    query = sa.select(decisions).where(*_conditions(wanted)).order_by(decisions.c.id.desc()).limit(limit + 1)
    if before is not None:
        query = query.where(decisions.c.id < before)
    rows = [_plain(row) for row in connection.execute(query).mappings()]
    shown = rows[:limit]
    attached = _findings(connection, [row["id"] for row in shown])
    for row in shown:
        del row["client_id"]
        row["findings"] = attached[row["id"]]
    return {"decisions": shown, "next": str(shown[-1]["id"]) if len(rows) > limit else None}


def _plain(row: sa.RowMapping) -> dict[str, Any]:
    """Return a row under plain names: quoted ones are of a type of their own, which not every JSON writer takes."""
    return {name[:]: value for name, value in row.items()}


def _conditions(wanted: Wanted) -> Iterator[sa.ColumnElement[bool]]:
    if wanted.agent:
        yield decisions.c.agent == wanted.agent
    if wanted.shop:
        yield decisions.c.shop == wanted.shop
    if wanted.since:
        yield decisions.c.day >= wanted.since
    if wanted.until:
        yield decisions.c.day <= wanted.until
    of_one = [findings.c.decision_id == decisions.c.id]
    of_one += [findings.c.status == wanted.status] if wanted.status else []
    of_one += [findings.c.rule == wanted.rule] if wanted.rule else []
    if len(of_one) > 1:
        yield sa.exists().where(*of_one)


def _findings(connection: sa.Connection, ids: list[int]) -> Mapping[int, list[dict[str, Any]]]:
    said: dict[int, list[dict[str, Any]]] = defaultdict(list)
    within = sa.select(findings.c.id).where(findings.c.decision_id.in_(ids))
    for row in connection.execute(
        sa.select(reviews).where(reviews.c.finding_id.in_(within)).order_by(reviews.c.id)
    ).mappings():
        said[row["finding_id"]].append({name: row[name] for name in ("review", "note", "reviewer", "time")})
    found: dict[int, list[dict[str, Any]]] = defaultdict(list)
    query = sa.select(findings).where(findings.c.decision_id.in_(ids)).order_by(findings.c.id)
    for row in connection.execute(query).mappings():
        data = _plain(row)
        found[data.pop("decision_id")].append(data | {"reviews": said[row["id"]]})
    return found


# --- precision -------------------------------------------------------------------------------------------------------


def precision(connection: sa.Connection) -> list[dict[str, Any]]:
    """Return how often reviewers confirmed each rule's findings, with Wilson's interval; the most reviewed first."""
    counts: dict[str, Counter[str]] = defaultdict(Counter)
    grouped = sa.select(findings.c.rule, findings.c.status, sa.func.count()).group_by(
        findings.c.rule, findings.c.status
    )
    for rule, status, times in connection.execute(grouped):
        counts[rule][status] = times
    rows = [_precision(rule, of) for rule, of in counts.items()]
    return sorted(rows, key=lambda row: (-(row["confirmed"] + row["rejected"]), row["rule"]))


def _precision(rule: str, of: Mapping[str, int]) -> dict[str, Any]:
    right, wrong = of.get("confirmed", 0), of.get("rejected", 0)
    low, high = interval(right, right + wrong)
    share = round(right / (right + wrong), 4) if right + wrong else None
    counts = {status: of.get(status, 0) for status in STATUSES}
    return {"rule": rule, **counts, "precision": share, "low": low, "high": high}


def interval(right: int, total: int) -> tuple[float | None, float | None]:
    """Return Wilson's 95 % interval of a share: honest where there are few reviews."""
    if not total:
        return None, None
    share = right / total
    middle = share + _Z * _Z / (2 * total)
    spread = _Z * (share * (1 - share) / total + _Z * _Z / (4 * total * total)) ** 0.5
    whole = 1 + _Z * _Z / total
    return round(max(0.0, (middle - spread) / whole), 4), round(min(1.0, (middle + spread) / whole), 4)


# --- cases and proposals ---------------------------------------------------------------------------------------------


def cases(connection: sa.Connection) -> Iterator[dict[str, Any]]:
    """Yield a case for `kefulint eval` of every reviewed decision and platform.

    Confirmed findings are expected, rejected ones are not, and those nobody ruled on are allowed: neither right nor wrong.
    """
    reviewed = sa.select(findings.c.decision_id).where(findings.c.status.in_(("confirmed", "rejected")))
    query = sa.select(decisions).where(decisions.c.id.in_(reviewed)).order_by(decisions.c.id)
    rows = connection.execution_options(yield_per=500).execute(query)
    for part in rows.mappings().partitions(500):
        attached = _findings(connection, [row["id"] for row in part])
        for row in part:
            yield from (_case(dict(row), platform, attached[row["id"]]) for platform in row["platforms"])


def _case(row: Mapping[str, Any], platform: str, found: list[dict[str, Any]]) -> dict[str, Any]:
    confirmed = [
        one for one in found if one["status"] == "confirmed" and one["verdicts"].get(platform, "none") != "none"
    ]
    allowed = sorted({one["rule"] for one in found if one["status"] in ("open", "appealed")})
    case: dict[str, Any] = {
        "id": f"decision-{row['id']}-{platform}", "platform": platform, "channel": row["channel"], "context": row["context"],
        "text": row["text"],
        "expect": [{"rule": o["rule"], "verdict": o["verdicts"][platform], "text": o["words"]} for o in confirmed],
        "tags": ["reviewed"], "redacted": row["redacted"],
    }  # fmt: skip
    return case | ({"allow": allowed} if allowed else {})


def proposals(connection: sa.Connection) -> list[dict[str, Any]]:
    """Return the wordings reviewers rejected, by rule, the most frequent first, with a snippet for the rule's `passes`.

    Where the same words were confirmed elsewhere the proposal says so: the context decides, and somebody has to look.
    """
    query = (
        sa.select(findings.c.rule, findings.c.words, findings.c.status, findings.c.verdicts, decisions)
        .join(decisions, decisions.c.id == findings.c.decision_id)
        .where(findings.c.status.in_(("confirmed", "rejected")))
        .order_by(decisions.c.id)
    )
    rejected: dict[tuple[str, str], list[dict[str, Any]]] = defaultdict(list)
    confirmed: Counter[tuple[str, str]] = Counter()
    for row in connection.execute(query).mappings():
        key = row["rule"], row["words"]
        if row["status"] == "confirmed":
            confirmed[key] += 1
        else:
            rejected[key].append(_example(dict(row)))
    found = [_proposal(key, examples, confirmed[key]) for key, examples in rejected.items()]
    return sorted(found, key=lambda one: (-one["rejected"], one["rule"], one["words"]))


def _example(row: Mapping[str, Any]) -> dict[str, Any]:
    """Return a message as an example of a rule file."""
    platform = next((p for p, verdict in row["verdicts"].items() if verdict != "none"), row["platforms"][0])
    example = {"text": row["text"], "platform": platform}
    if row["channel"] != "chat":
        example["channel"] = row["channel"]
    turns = [f"{turn['role']}: {turn['text']}" for turn in row["context"]]
    return example | ({"context": turns} if turns else {})


def _proposal(key: tuple[str, str], examples: list[dict[str, Any]], confirmed: int) -> dict[str, Any]:
    import yaml

    distinct = list({one["text"]: one for one in examples}.values())[:5]
    snippet = yaml.safe_dump({"passes": distinct}, allow_unicode=True, sort_keys=False, width=10_000)
    return {
        "rule": key[0], "words": key[1], "rejected": len(examples), "confirmed": confirmed,
        "texts": [one["text"] for one in distinct], "passes": snippet,
    }  # fmt: skip


# --- counts ----------------------------------------------------------------------------------------------------------


def stats(connection: sa.Connection, by: str, wanted: Wanted) -> list[dict[str, Any]]:
    """Return decisions and findings counted by day, rule, agent or shop."""
    key, conditions = BY[by], list(_conditions(wanted))
    joined = decisions.join(findings, findings.c.decision_id == decisions.c.id)
    source = joined if by == "rule" else decisions
    rows: dict[str, Counter[str]] = defaultdict(Counter)
    made = sa.select(key, decisions.c.decision, sa.func.count(decisions.c.id.distinct())).select_from(source)
    for name, decision, times in connection.execute(made.where(*conditions).group_by(key, decisions.c.decision)):
        rows[name][decision] += times
    found = sa.select(key, findings.c.status, sa.func.count()).select_from(joined)
    for name, status, times in connection.execute(found.where(*conditions).group_by(key, findings.c.status)):
        rows[name][status] += times
    return [_stats(name, of) for name, of in sorted(rows.items())]


def _stats(name: str, of: Mapping[str, int]) -> dict[str, Any]:
    made = {decision: of.get(decision, 0) for decision in DECISIONS}
    found = {status: of.get(status, 0) for status in STATUSES}
    return {"key": name, "decisions": sum(made.values()), **made, "findings": sum(found.values()), **found}
