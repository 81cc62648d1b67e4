"""Judged messages in, everything a report tells out: totals, rates, wordings, worst messages, what it may cost.

Its size is bounded however long the log is, and the parts of a log can be counted apart and added in order (`bounded`
says how). Every finding is priced as a first offence: repeats and nodes are the ledger's matter. Contacts are masked on
the way in unless `shown` is set, so that a state kept on disk holds none.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from decimal import Decimal
from functools import lru_cache
from typing import Any
from zlib import crc32

from linter import reports, service
from linter.bounded import Capped, Gravest
from linter.ledger import priced
from linter.lexicon import Lexicon
from linter.logs import Table
from linter.measures import parse_time
from linter.model import VERDICTS, Clause, Finding, Utterance
from linter.sources import Trouble
from linter.troubles import in_chinese

KINDS = ("agent", "shop", "platform", "day", "hour")  # an hour is one of the week: "1 09" is Monday's
REST = ""  # the name that stands for all names beyond the bound
_MOST = {"agent": 20_000, "shop": 20_000, "platform": 100, "day": 5_000, "hour": 7 * 24}
_MOST_WORDINGS = 10_000  # of a rule
_MOST_ROWS = 100  # of a rule: the gravest findings
_MOST_WORST = 8  # of a rule: the worst messages, with what was said before
_MOST_TROUBLES = 20  # shown; all are counted
_PENDING = 20_000  # different keys counted before they are folded into their sums
_AROUND = 120  # characters of a message kept before and after the words
_LONGEST = 400  # characters kept of a text
_ZERO = Decimal(0)

_PLAIN = ("messages", "buyers", "troubles", "dirty", "seconds", "shown", "as_of")

_Where = tuple[str | None, str | None, str, str]  # agent, shop, platform, hour as the log writes it


@dataclass
class Summary:
    """The counts of an audit. `add` takes what came after; `state` and `of_state` keep a part for later."""

    messages: int = 0  # agents' messages that were judged
    buyers: int = 0
    troubles: int = 0
    shown_troubles: list[str] = field(default_factory=list)
    verdicts: Counter[str] = field(default_factory=Counter)
    rules: Counter[tuple[str, str, str]] = field(default_factory=Counter)  # rule, verdict, platform
    judged: dict[str, Capped] = field(default_factory=lambda: {kind: Capped(_MOST[kind]) for kind in KINDS})
    found: dict[str, Counter[tuple[str, str, str]]] = field(  # kind -> name, rule, verdict
        default_factory=lambda: {kind: Counter() for kind in KINDS}
    )
    wordings: dict[str, Capped] = field(default_factory=dict)  # rule -> its words
    rows: dict[str, Gravest] = field(default_factory=dict)  # rule -> its gravest findings
    worst: dict[str, Gravest] = field(default_factory=dict)  # rule -> its worst messages in context
    dirty: int = 0  # messages with an error or a warning
    seconds: float = 0.0
    shown: bool = False
    as_of: str | None = None
    _n: int = 0  # of the message that is counted
    _pending: Counter[_Where] = field(default_factory=Counter)
    _pending_found: Counter[tuple[_Where, str, str]] = field(default_factory=Counter)
    _pending_words: Counter[tuple[str, str]] = field(default_factory=Counter)
    _figures: dict[tuple[str, str, str], tuple[int, int]] = field(default_factory=dict)

    # --- counting

    def count(self, message: Utterance, platform: str, findings: Sequence[Finding], n: int | None = None) -> None:
        """Count one judged message.

        `n` is its place in the whole log, where messages do not come in their order: of equals the first is kept.
        """
        self.messages += 1
        self._pending[_where(message, platform)] += 1
        self._fold_if_many()
        self.count_findings(message, platform, findings, self.messages if n is None else n)

    def count_agents(self, table: Table, platform: str) -> None:
        """Count what agents say in a table, whatever is found in it. One loop without calls: it runs for every row."""
        agents, shops, platforms, times = table.agents, table.shops, table.platforms, table.times
        last: _Where | None = None
        run = 0  # rows so far that are counted under the same key as the last: most are
        for at, role in enumerate(table.roles):
            if role != "agent":
                continue
            self.messages += 1
            own = (platforms[at] if platforms else None) or platform
            hour = _hour(times[at]) if times else ""
            where = (agents[at] if agents else None, shops[at] if shops else None, own, hour)
            if where == last:
                run += 1
                continue
            if last is not None:
                self._pending[last] += run
            last, run = where, 1
        if last is not None:
            self._pending[last] += run
        self._fold_if_many()

    def count_findings(self, message: Utterance, platform: str, findings: Sequence[Finding], n: int) -> None:
        """Count what was found in a message that is counted already, the nth of the log."""
        if not findings:
            return
        self._n = n
        where = _where(message, platform)
        self.dirty += any(finding.verdict != "info" for finding in findings)
        for finding in findings:
            self.verdicts[finding.verdict] += 1
            self.rules[finding.rule, finding.verdict, platform] += 1
            self._pending_words[finding.rule, finding.text] += 1
            if finding.verdict != "info":
                self._pending_found[where, finding.rule, finding.verdict] += 1
            self._keep_row(message, platform, finding)
        self._keep_worst(message, platform, [finding for finding in findings if finding.verdict != "info"])
        self._fold_if_many()

    def _keep_row(self, message: Utterance, platform: str, finding: Finding) -> None:
        score = (VERDICTS.index(finding.verdict), *self._price(finding, platform), -self._n)
        kept = self.rows.get(finding.rule)
        if kept is None:
            kept = self.rows[finding.rule] = Gravest(_MOST_ROWS)
        if kept.wants(score):
            kept.offer(score, None, self._place(message, platform) | self._quote(message, [finding]))

    def _keep_worst(self, message: Utterance, platform: str, findings: Sequence[Finding]) -> None:
        if not findings:
            return
        prices = [self._price(finding, platform) for finding in findings]
        errors = sum(finding.verdict == "error" for finding in findings)
        score = (
            errors,
            sum(points for points, _ in prices),
            sum(amount for _, amount in prices),
            len(findings),
            -self._n,
        )
        ranks = [(VERDICTS.index(f.verdict), price) for f, price in zip(findings, prices, strict=True)]
        rule = findings[ranks.index(max(ranks))].rule
        kept = self.worst.get(rule)
        if kept is None:
            kept = self.worst[rule] = Gravest(_MOST_WORST)
        key = crc32(message.text.encode("utf-8", "replace"))  # the text itself may hold a contact
        if kept.wants(score, key):
            turns = [[turn.role, self._masked(turn.text)[:_LONGEST], turn.time] for turn in message.context]
            entry = self._place(message, platform) | self._quote(message, findings) | {"turns": turns}
            kept.offer(score, key, entry)

    def _price(self, finding: Finding, platform: str) -> tuple[int, int]:
        """Return points and amount in hundredths; nought where unknown. Only an order is made of it."""
        key = (finding.rule, platform, finding.field or "")
        figures = self._figures.get(key)
        if figures is None:
            own = [clause for clause in finding.clauses if clause.platform == platform]
            clause = next((c for c in own if c.points is not None or c.amount is not None), None)
            points, amount = (clause.points, clause.amount) if clause else (None, None)
            figures = self._figures[key] = (int((points or _ZERO) * 100), int((amount or _ZERO) * 100))
        return figures

    def _place(self, message: Utterance, platform: str) -> dict[str, Any]:
        origin = message.origin
        known = {
            "shop": origin.shop, "agent": origin.agent, "session": origin.session, "time": origin.time,
            "path": origin.file, "row": origin.line or origin.row,
        }  # fmt: skip
        place = {name: value for name, value in known.items() if value is not None}
        return {"n": self._n, "platform": platform} | place

    def _quote(self, message: Utterance, findings: Sequence[Finding]) -> dict[str, Any]:
        """Return the words in their message, cut to what stands around them."""
        text = message.text
        spans = [(f.start, f.end, f.rule, f.verdict) for f in findings]
        if not text:  # a listing is counted without its fields
            text, spans = findings[0].text, [(0, len(findings[0].text), findings[0].rule, findings[0].verdict)]
        first = max(0, min(span[0] for span in spans) - _AROUND)
        last = min(len(text), max(span[1] for span in spans) + _AROUND, first + _LONGEST)
        lead = "…" if first else ""
        moved = first - len(lead)
        kept = [[start - moved, min(end, last) - moved, rule, verdict] for start, end, rule, verdict in spans if start < last]  # fmt: skip
        return {"text": lead + self._masked(text)[first:last] + ("…" if last < len(text) else ""), "spans": kept}

    def _masked(self, text: str) -> str:
        return text if self.shown else reports.redact(text)

    def trouble(self, trouble: Trouble) -> None:
        self.troubles += 1
        if len(self.shown_troubles) < _MOST_TROUBLES:
            self.shown_troubles.append(str(trouble))

    def _fold_if_many(self) -> None:
        """Fold where many keys have piled up."""
        if len(self._pending) > _PENDING or len(self._pending_words) > _PENDING:
            self._fold()

    def _fold(self) -> None:
        """Take the pending keys apart. Messages go first: they decide which names are kept."""
        for where, times in self._pending.items():
            for kind, name in _names(where):
                self.judged[kind].count(name, times)
        for (where, rule, verdict), times in self._pending_found.items():
            for kind, name in _names(where):
                kept = name if name in self.judged[kind].times else REST
                self.found[kind][kept, rule, verdict] += times
        for (rule, words), times in self._pending_words.items():
            if rule not in self.wordings:
                self.wordings[rule] = Capped(_MOST_WORDINGS)
            self.wordings[rule].count(self._masked(words), times)
        self._pending.clear()
        self._pending_found.clear()
        self._pending_words.clear()

    # --- parts

    def add(self, later: Summary, *, apart: bool = False) -> None:
        """Add the counts of what came after this part of the log; with `apart`, of any part counted by places in the log."""
        moved = 0 if apart else self.messages
        self._fold()
        later._fold()
        for rule, words in later.wordings.items():
            self.wordings.setdefault(rule, Capped(_MOST_WORDINGS)).add(words)
        for kind in KINDS:
            self.judged[kind].add(later.judged[kind])
            for (name, rule, verdict), times in later.found[kind].items():
                kept = name if name in self.judged[kind].times else REST
                self.found[kind][kept, rule, verdict] += times
        for rule, entries in later.rows.items():
            self.rows.setdefault(rule, Gravest(_MOST_ROWS)).add(entries, moved)
        for rule, entries in later.worst.items():
            self.worst.setdefault(rule, Gravest(_MOST_WORST)).add(entries, moved)
        self.verdicts.update(later.verdicts)
        self.rules.update(later.rules)
        self.messages += later.messages
        self.buyers += later.buyers
        self.dirty += later.dirty
        self.seconds += later.seconds
        self.troubles += later.troubles
        self.shown_troubles = (self.shown_troubles + later.shown_troubles)[:_MOST_TROUBLES]

    def state(self) -> dict[str, Any]:
        """Return everything as plain data that JSON can carry."""
        self._fold()
        return {name: getattr(self, name) for name in _PLAIN} | {
            "shown_troubles": list(self.shown_troubles),
            "verdicts": dict(self.verdicts),
            "rules": [[*key, times] for key, times in self.rules.items()],
            "judged": {kind: self.judged[kind].state() for kind in KINDS},
            "found": {kind: [[*key, times] for key, times in self.found[kind].items()] for kind in KINDS},
            "wordings": {rule: words.state() for rule, words in self.wordings.items()},
            "rows": {rule: entries.state() for rule, entries in self.rows.items()},
            "worst": {rule: entries.state() for rule, entries in self.worst.items()},
        }

    @classmethod
    def of_state(cls, data: Mapping[str, Any]) -> Summary:
        """Return the summary that a state was taken of."""
        made = cls(**{name: data[name] for name in _PLAIN}, shown_troubles=list(data["shown_troubles"]))
        made.verdicts = Counter(data["verdicts"])
        made.rules = Counter({(rule, verdict, platform): times for rule, verdict, platform, times in data["rules"]})
        made.judged = {kind: Capped.of_state(_MOST[kind], data["judged"][kind]) for kind in KINDS}
        made.found = {kind: Counter({(n, r, v): times for n, r, v, times in data["found"][kind]}) for kind in KINDS}
        made.wordings = {rule: Capped.of_state(_MOST_WORDINGS, words) for rule, words in data["wordings"].items()}
        made.rows = {rule: Gravest.of_state(_MOST_ROWS, rows) for rule, rows in data["rows"].items()}
        made.worst = {rule: Gravest.of_state(_MOST_WORST, rows) for rule, rows in data["worst"].items()}
        return made

    # --- what it says

    def as_dict(self, lexicon: Lexicon) -> dict[str, Any]:
        """Return the summary as plain data, in an order that depends on the counts alone."""
        self._fold()
        rules = [self._rule(key, times, lexicon) for key, times in sorted(self.rules.items(), key=_by_weight)]
        return {
            "schema": 1, "lexicon": lexicon.version, "messages": self.messages, "buyer_messages": self.buyers,
            "with_findings": self.dirty, "troubles": self.troubles, "seconds": round(self.seconds, 2),
            "verdicts": {verdict: self.verdicts[verdict] for verdict in ("error", "warning", "info")},
            "rules": rules, "stakes": _stakes(rules),
            "by": {kind: list(self._owners(kind)) for kind in KINDS},
            "wordings": {
                rule: {"top": self.wordings[rule].top(_SHOWN_WORDINGS), "different": len(self.wordings[rule].times),
                       "beyond": self.wordings[rule].rest} for rule in sorted(self.wordings)
            },
        }  # fmt: skip

    def _rule(self, key: tuple[str, str, str], times: int, lexicon: Lexicon) -> dict[str, Any]:
        rule, verdict, platform = key
        clause = priced(rule, platform, "chat", lexicon.rulebooks, self.as_of)
        points, amount = (clause.points, clause.amount) if clause else (None, None)
        return {
            "rule": rule, "verdict": verdict, "platform": platform, "findings": times,
            "points": reports.number((points or _ZERO) * times), "amount": reports.number((amount or _ZERO) * times),
            "unknown": times if points is None and amount is None else 0, "scale": _scale(clause),
            "points_unknown": times if points is None else 0, "amount_unknown": times if amount is None else 0,
            "contradicted": times if clause and clause.contradiction else 0,
        }  # fmt: skip

    def _owners(self, kind: str) -> Iterator[dict[str, Any]]:
        """Yield the rows of one kind: days and hours in their order, owners from the worst on, the rest last."""
        counts: dict[str, Counter[str]] = {name: Counter() for name in self.judged[kind].times}
        for (name, rule, verdict), times in sorted(self.found[kind].items()):
            counts.setdefault(name, Counter()).update({verdict: times, f"{verdict}/{rule}": times})
        names = sorted(name for name in counts if name != REST)
        if kind in ("agent", "shop", "platform"):
            names.sort(key=lambda name: (-counts[name]["error"], -counts[name]["warning"], name))
        for name in names:
            yield _owner(name, self.judged[kind].times[name], counts[name])
        if self.judged[kind].rest:
            yield _owner(REST, self.judged[kind].rest, counts.get(REST, Counter())) | {"rest": True}


_SHOWN_WORDINGS = 10
_COUNTED = ("findings", "points_unknown", "amount_unknown", "contradicted")


def _owner(name: str, messages: int, counts: Counter[str]) -> dict[str, Any]:
    """Return one row: `rule` is the rule it broke most, errors before warnings."""
    most = max((key for key in counts if "/" in key), key=lambda key: (key[0] == "e", counts[key]), default=None)
    return {
        "name": name, "messages": messages, "errors": counts["error"], "warnings": counts["warning"],
        "rule": most.partition("/")[2] if most else None,
    }  # fmt: skip


def _scale(clause: Clause | None) -> str | None:
    return clause.scale if clause and clause.points is not None else None


def _stakes(rules: Sequence[Mapping[str, Any]]) -> list[dict[str, Any]]:
    """Sum what is at stake by verdict, platform and account of points. Infos cost nothing and are left out."""
    sums: dict[tuple[str, str, str], dict[str, Any]] = {}
    for row in rules:
        if row["verdict"] == "info":
            continue
        key = (row["verdict"], row["platform"], row["scale"] or "")
        kept = sums.setdefault(key, {**dict.fromkeys(_COUNTED, 0), "points": _ZERO, "amount": _ZERO})
        for name in _COUNTED:
            kept[name] += row[name]
        kept["points"] += Decimal(row["points"])
        kept["amount"] += Decimal(row["amount"])
    return [
        {"verdict": verdict, "platform": platform, "scale": scale or None, **kept,
         "points": reports.number(kept["points"]), "amount": reports.number(kept["amount"])}
        for (verdict, platform, scale), kept in sorted(sums.items())
    ]  # fmt: skip


def _where(message: Utterance, platform: str) -> _Where:
    origin = message.origin
    return (origin.agent, origin.shop, platform, _hour(origin.time))


def _hour(time: str | None) -> str:
    """Return the hour of a time in any way logs write one, '' where it is none."""
    if time is None:
        return ""
    if len(time) == 19 and time[13] == time[16] == ":":  # 2026-03-02 09:00:00: the hour is a slice
        return time[:13]
    moment = parse_time(time)
    return moment.isoformat(" ")[:13] if moment else ""


@lru_cache(maxsize=100_000)
def _slot(hour: str) -> tuple[str, str] | None:
    """Return the day and the hour of the week of an hour: 2026-03-02 09 is ("2026-03-02", "1 09")."""
    moment = parse_time(hour + ":00") if hour else None
    return None if moment is None else (moment.date().isoformat(), f"{moment.isoweekday()} {moment.hour:02d}")


def _names(where: _Where) -> Iterator[tuple[str, str]]:
    """Yield (kind, name) of everything a key belongs to."""
    agent, shop, platform, hour = where
    if agent:
        yield "agent", agent
    if shop:
        yield "shop", shop
    yield "platform", platform
    slot = _slot(hour)
    if slot:
        yield "day", slot[0]
        yield "hour", slot[1]


def _by_weight(item: tuple[tuple[str, str, str], int]) -> tuple[int, int, str, str]:
    (rule, verdict, platform), times = item
    return (-VERDICTS.index(verdict), -times, rule, platform)


# --- the summary on a screen -----------------------------------------------------------------------------------------

_OWNERS = (("agent", "客服"), ("shop", "店铺"), ("platform", "平台"))
_MOST_OWNERS = 15


def as_text(summary: Summary, lexicon: Lexicon, measured: Sequence[service.Result] = ()) -> str:
    """Return the summary for a screen, in Chinese."""
    data = summary.as_dict(lexicon)
    speed = f"，{summary.messages / summary.seconds:,.0f} 条/秒" if summary.seconds else ""
    parts = [
        f"客服消息 {summary.messages:,} 条（另有买家消息 {summary.buyers:,} 条作为上下文），"
        f"有错误或警告的 {summary.dirty:,} 条{speed}",
        f"错误 {summary.verdicts['error']:,}，警告 {summary.verdicts['warning']:,}，提示 {summary.verdicts['info']:,}",
    ]
    if data["rules"]:
        parts.append(_rule_table(data["rules"], lexicon))
    parts += [_owner_table(data["by"][kind], title, lexicon) for kind, title in _OWNERS if data["by"][kind]]
    if measured:
        parts.append(service.as_text(measured))
    if summary.troubles:
        mask = str if summary.shown else reports.redact
        shown = "\n".join(f"  {in_chinese(line, mask)}" for line in summary.shown_troubles)
        more = summary.troubles - len(summary.shown_troubles)
        parts.append(f"没能判的行 {summary.troubles:,}：\n{shown}" + (f"\n  …… 另有 {more:,} 行" if more else ""))
    return "\n\n".join(parts)


def _rule_table(rules: Sequence[Mapping[str, Any]], lexicon: Lexicon) -> str:
    rows = [
        (
            reports.VERDICT_NAMES[row["verdict"]], row["rule"], lexicon.rules[row["rule"]].title,
            reports.PLATFORM_NAMES[row["platform"]], f"{row['findings']:,}",
            figure(row, "points"), figure(row, "amount"),
        )
        for row in rules
    ]  # fmt: skip
    head = ("判定", "规则", "名称", "平台", "次数", "涉及扣分", "涉及金额（元）")
    return (
        reports.table(head, rows, right=(4, 5, 6))
        + "\n（扣分与金额按每次都成立、都算首次累加，是风险不是处罚；未知的不计）"
    )


def figure(row: Mapping[str, Any], name: str) -> str:
    """Return the points or the amount of a row, or that nobody states them."""
    return "未知" if row[f"{name}_unknown"] == row["findings"] else reports.money(Decimal(row[name]))


def owner_name(row: Mapping[str, Any]) -> str:
    return "其他" if row.get("rest") else reports.PLATFORM_NAMES.get(row["name"], row["name"])


def _owner_table(rows: Sequence[Mapping[str, Any]], title: str, lexicon: Lexicon) -> str:
    cells = [
        (
            owner_name(row), f"{row['messages']:,}", f"{row['errors']:,}", f"{row['warnings']:,}",
            lexicon.rules[row["rule"]].title if row["rule"] else "—",
        )
        for row in rows[:_MOST_OWNERS]
    ]  # fmt: skip
    more = f"\n…… 另有 {len(rows) - _MOST_OWNERS:,} 个" if len(rows) > _MOST_OWNERS else ""
    return reports.table((title, "消息", "错误", "警告", "最多的问题"), cells, right=(1, 2, 3)) + more
