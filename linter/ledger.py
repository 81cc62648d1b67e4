"""Findings in, balances out: what the offences of a year cost an account, and how far the next node is.

A finding is a risk: points fall only when a complaint or a check stands. So there are two ledgers: `at_stake` counts
everything that nobody rejected, `charged` only what was confirmed. Numbers are Decimal; an unknown figure adds nothing
and is counted as unknown, so that a sum never looks more certain than it is.
"""

from __future__ import annotations

import hashlib
import json
from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from decimal import Decimal
from pathlib import Path
from typing import Any

from linter.decisions import DECISIONS, decision_of, read_sheet
from linter.model import LISTING_FIELDS, Clause, Finding, SourceError, Step
from linter.rulebook import Account, Rulebooks, Threshold

_ZERO = Decimal(0)


@dataclass(frozen=True, slots=True)
class Offence:
    """One finding as the ledger sees it. `time` is ISO text, '' where the log had none."""

    id: str
    rule: str
    platform: str
    channel: str = "chat"
    time: str = ""
    shop: str = ""
    agent: str = ""
    session: str = ""

    @property
    def day(self) -> str:
        return self.time[:10]

    @property
    def year(self) -> str:
        return self.time[:4]


@dataclass(frozen=True, slots=True)
class Charge:
    """One offence priced: the nth of its clause in the year, what it costs, the balance after it, nodes it crosses."""

    offence: Offence
    clause: Clause | None
    nth: int
    scale: str
    points: Decimal | None
    points_max: Decimal | None
    amount: Decimal | None
    balance: Decimal
    crossed: tuple[Threshold, ...] = ()
    also: str | None = None
    repeated: bool = False  # a further finding of a complaint that is counted already: costs nothing more


@dataclass(frozen=True, slots=True)
class Balance:
    """An account at the end of a year."""

    shop: str
    platform: str
    scale: str
    year: str
    points: Decimal
    amount: Decimal
    offences: int
    unknown: int  # offences of which neither points nor an amount is stated
    points_unknown: int = 0  # offences whose points nobody states
    amount_unknown: int = 0  # offences whose amount nobody states
    brought: Decimal = _ZERO
    next_node: Threshold | None = None
    next_at: Decimal | None = None
    past_last: bool = False  # the account has nodes, and the balance is beyond the last

    @property
    def missing(self) -> Decimal | None:
        """Points that are still missing to the next node."""
        return None if self.next_at is None else self.next_at - self.points


@dataclass(frozen=True, slots=True)
class Next:
    """What one more offence of a clause would cost."""

    clause: Clause
    times: int
    step: Step


@dataclass(frozen=True, slots=True)
class Ledger:
    """The charges in order of time and the balances they lead to."""

    charges: tuple[Charge, ...]
    balances: tuple[Balance, ...]
    nexts: tuple[Next, ...]


def identity(finding: Finding) -> str:
    """Return 16 hex digits that name a finding wherever its file moves: no path, no line, no time of the run."""
    origin = finding.origin
    parts = (
        finding.rule, finding.text, origin.session, origin.turn, origin.id, origin.time, origin.shop,
        origin.row if origin.session is None and origin.id is None else None, finding.start, finding.field,
    )  # fmt: skip
    return hashlib.sha256("\0".join("" if part is None else str(part) for part in parts).encode()).hexdigest()[:16]


def offence(finding: Finding, platform: str) -> Offence:
    """Return the offence a finding stands for on a platform."""
    origin = finding.origin
    return Offence(
        identity(finding), finding.rule, origin.platform or platform,
        LISTING_FIELDS.get(finding.field or "", "chat"),
        _iso(origin.time), origin.shop or "", origin.agent or "", origin.session or "",
    )  # fmt: skip


def read_offences(path: Path, verdicts: Sequence[str] = ("error",)) -> Iterator[Offence]:
    """Yield the offences of a findings file (JSON lines as `audit` writes them); raise SourceError for what is not one."""
    with path.open(encoding="utf-8") as stream:
        for number, line in enumerate(stream, 1):
            if not line.strip():
                continue
            try:
                data = json.loads(line)
                if data["verdict"] not in verdicts:
                    continue
                origin = data.get("origin", {})
                platform = origin.get("platform") or next(iter(data["verdicts"]))
                yield Offence(
                    data["id"], data["rule"], platform, "listing." + data["field"] if data.get("field") else "chat",
                    _iso(origin.get("time")), origin.get("shop", ""), origin.get("agent", ""), origin.get("session", ""),
                )  # fmt: skip
            except (ValueError, KeyError, StopIteration, TypeError, AttributeError) as error:
                raise SourceError(
                    f"{path}:{number}: not a finding ({error!r}), expected a line of findings.jsonl"
                ) from error


def read_decisions(path: Path) -> dict[str, str]:
    """Read what the shop or the platform decided: a filled-in sheet, or JSON lines or CSV with `id` and `decision`.

    What is appealed is not decided yet and left out; blank cells of a sheet are rows nobody looked at.
    """
    if path.suffix.lower() == ".xlsx":
        decided = {row.case["id"]: row.decision for row in read_sheet(path)}
    else:
        decided = dict(_listed_decisions(path))
    return {id_: decision for id_, decision in decided.items() if decision in ("confirmed", "rejected")}


def _listed_decisions(path: Path) -> Iterator[tuple[str, str]]:
    import csv

    text = path.read_text(encoding="utf-8-sig")
    rows: Iterable[Mapping[str, Any]]
    if path.suffix == ".csv":
        rows = csv.DictReader(text.splitlines())
    else:
        try:
            rows = [json.loads(line) for line in text.splitlines() if line.strip()]
        except ValueError as error:
            raise SourceError(f"{path}:1: {error}, expected JSON lines with id and decision") from error
    for number, row in enumerate(rows, 2 if path.suffix == ".csv" else 1):
        decision = decision_of(str(row.get("decision") or ""))
        if not row.get("id") or not decision:
            known = ", ".join(DECISIONS)
            raise SourceError(f"{path}:{number}: no id or decision, expected id and one of {known}")
        yield str(row["id"]), decision


def _iso(time: str | None) -> str:
    """Return a time as text that sorts; 2026/3/5 becomes 2026-03-05."""
    text = (time or "").strip().replace("/", "-").replace("T", " ")
    day, _, clock = text.partition(" ")
    parts = day.split("-")
    if len(parts) != 3 or not all(part.isdigit() for part in parts) or len(parts[0]) != 4:
        return ""
    return f"{parts[0]}-{int(parts[1]):02d}-{int(parts[2]):02d}" + (f" {clock}" if clock else "")


def at_stake(
    offences: Iterable[Offence], books: Rulebooks, decisions: Mapping[str, str] | None = None, as_of: str | None = None
) -> Ledger:
    """Return the ledger of everything that was not rejected."""
    decided = decisions or {}
    return _ledger((o for o in offences if decided.get(o.id) != "rejected"), books, as_of)


def charged(
    offences: Iterable[Offence], books: Rulebooks, decisions: Mapping[str, str], as_of: str | None = None
) -> Ledger:
    """Return the ledger of what was confirmed."""
    return _ledger((o for o in offences if decisions.get(o.id) == "confirmed"), books, as_of)


def priced(rule: str, platform: str, channel: str, books: Rulebooks, day: str | None) -> Clause | None:
    """Return the clause that prices a rule on a platform: its first with a figure, else its first."""
    own = [c for c in books.clauses(rule, platform, channel, day) if c.platform == platform]
    return next((c for c in own if c.points is not None or c.amount is not None), own[0] if own else None)


def step_of(clause: Clause, nth: int) -> Step:
    """Return what the nth offence of a year costs."""
    found = Step(1, clause.points, clause.points_max, clause.scale, clause.amount, clause.also)
    for step in clause.steps:
        if step.nth <= nth:
            found = Step(nth, step.points, step.points_max, step.scale or clause.scale, step.amount, step.also)
    return found


def _ledger(offences: Iterable[Offence], books: Rulebooks, as_of: str | None) -> Ledger:
    ordered = sorted({o.id: o for o in offences}.values(), key=lambda o: (o.time, o.id))
    book = _Book(books, as_of)
    charges = tuple(book.charge(offence) for offence in ordered)
    return Ledger(charges, tuple(book.balances()), tuple(book.nexts()))


class _Book:
    """The state of one run through the offences in order of time."""

    def __init__(self, books: Rulebooks, as_of: str | None) -> None:
        self.books = books
        self.as_of = as_of
        self.times: Counter[tuple[str, str, str, str]] = Counter()  # shop, platform, clause, year
        self.complaints: set[tuple[str, str, str, str]] = set()
        self.points: dict[tuple[str, str, str, str], Decimal] = defaultdict(Decimal)  # shop, platform, scale, year
        self.amounts: dict[tuple[str, str, str, str], Decimal] = defaultdict(Decimal)
        self.counts: Counter[tuple[str, str, str, str]] = Counter()
        self.unknown: Counter[tuple[str, str, str, str]] = Counter()
        self.points_unknown: Counter[tuple[str, str, str, str]] = Counter()
        self.amount_unknown: Counter[tuple[str, str, str, str]] = Counter()
        self.brought: dict[tuple[str, str, str, str], Decimal] = {}
        self.clauses: dict[str, Clause] = {}

    def charge(self, offence: Offence) -> Charge:
        clause = priced(offence.rule, offence.platform, offence.channel, self.books, self.as_of or offence.day or None)
        account = (offence.shop, offence.platform)
        if clause is None:
            key = (*account, "", offence.year)
            self._count(key, None, None)
            return Charge(offence, None, 1, "", None, None, None, _ZERO)
        self.clauses[clause.id] = clause
        counted = (*account, clause.id, offence.year)
        if self._same_complaint(clause, offence):
            key = (*account, clause.scale or "", offence.year)
            return Charge(
                offence, clause, self.times[counted], clause.scale or "", _ZERO, None, _ZERO, self._balance(key),
                repeated=True,
            )  # fmt: skip
        self.times[counted] += 1
        step = step_of(clause, self.times[counted])
        key = (*account, step.scale or "", offence.year)
        before = self._balance(key)
        self._count(key, step.points, step.amount)
        self.points[key] = before + (step.points or _ZERO)
        self.amounts[key] += step.amount or _ZERO
        crossed = tuple(replace(node, at=at) for node, at in _crossed(self._account(key), before, self.points[key]))
        return Charge(
            offence, clause, self.times[counted], step.scale or "", step.points, step.points_max, step.amount,
            self.points[key], crossed, step.also,
        )  # fmt: skip

    def _count(self, key: tuple[str, str, str, str], points: Decimal | None, amount: Decimal | None) -> None:
        self.counts[key] += 1
        self.points_unknown[key] += points is None
        self.amount_unknown[key] += amount is None
        self.unknown[key] += points is None and amount is None

    def _same_complaint(self, clause: Clause, offence: Offence) -> bool:
        """Findings of one clause in one conversation are one complaint."""
        if clause.per != "complaint" or not offence.session:
            return False
        key = (offence.shop, offence.platform, clause.id, offence.session)
        known = key in self.complaints
        self.complaints.add(key)
        return known

    def _account(self, key: tuple[str, str, str, str]) -> Account | None:
        return self.books.accounts.get((key[1], key[2]))

    def _balance(self, key: tuple[str, str, str, str]) -> Decimal:
        """Return the balance, bringing over last year's where the account does not fall back to nought."""
        if key not in self.points:
            self.brought[key] = self._brought(key)
            self.points[key] = self.brought[key]
        return self.points[key]

    def _brought(self, key: tuple[str, str, str, str]) -> Decimal:
        account = self._account(key)
        earlier = max((k for k in self.points if k[:3] == key[:3] and k[3] < key[3]), default=None)
        if earlier is None or account is None:
            return _ZERO
        kept = account.reset == "never" or (account.cap is not None and self.points[earlier] >= account.cap)
        return self.points[earlier] if kept else _ZERO

    def balances(self) -> Iterator[Balance]:
        for key in sorted(self.counts):
            points = self.points.get(key, _ZERO)
            account = self._account(key)
            upcoming = next_node(account, points)
            node, at = upcoming or (None, None)
            shop, platform, scale, year = key
            yield Balance(
                shop, platform, scale, year, points, self.amounts.get(key, _ZERO), self.counts[key], self.unknown[key],
                self.points_unknown[key], self.amount_unknown[key], self.brought.get(key, _ZERO), node, at, bool(account and account.nodes and not upcoming),
            )  # fmt: skip

    def nexts(self) -> Iterator[Next]:
        """Yield what one more offence costs, for every clause offended in the last year seen."""
        last = max((key[3] for key in self.times), default="")
        totals: Counter[str] = Counter()
        for (_, _, name, year), times in self.times.items():
            if year == last:
                totals[name] = max(totals[name], times)
        for name, times in sorted(totals.items(), key=lambda item: (-item[1], item[0])):
            yield Next(self.clauses[name], times, step_of(self.clauses[name], times + 1))


def _crossed(account: Account | None, before: Decimal, after: Decimal) -> list[tuple[Threshold, Decimal]]:
    """Return the nodes between two balances, with the points at which each was crossed."""
    found = []
    for node in account.nodes if account else ():
        at = node.at
        while at <= after:
            if at > before:
                found.append((node, at))
            if not node.every:
                break
            at += node.at
    return sorted(found, key=lambda item: item[1])


def next_node(account: Account | None, points: Decimal) -> tuple[Threshold, Decimal] | None:
    """Return the next node above a balance and the points it stands at, or None where none is known."""
    upcoming = []
    for node in account.nodes if account else ():
        at = node.at if not node.every else (points // node.at + 1) * node.at
        if at > points:
            upcoming.append((node, at))
    return min(upcoming, key=lambda item: item[1], default=None)
