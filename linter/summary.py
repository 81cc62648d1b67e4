"""Judged messages in, counts out: who said what how often, what it may cost, and the same on a screen.

Everything is a sum, so that the parts of a log can be counted apart and added up. Every finding is priced as a first
offence: repeats and nodes are the ledger's matter.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from linter import reports, service
from linter.ledger import stakes
from linter.lexicon import Lexicon
from linter.model import Finding, Message
from linter.sources import Trouble

_MOST_TROUBLES = 20  # shown; all are counted


@dataclass
class Summary:
    """The counts of an audit. Everything is a sum, so that parts of a log can be added up."""

    messages: int = 0  # agents' messages that were judged
    buyers: int = 0
    troubles: int = 0
    shown_troubles: list[str] = field(default_factory=list)
    verdicts: Counter[str] = field(default_factory=Counter)
    rules: Counter[tuple[str, str, str]] = field(default_factory=Counter)  # rule, verdict, platform
    by: dict[str, dict[str, Counter[tuple[str, str]]]] = field(
        default_factory=lambda: {name: defaultdict(Counter) for name in ("agent", "shop", "platform")}
    )
    judged: dict[str, Counter[str]] = field(
        default_factory=lambda: {name: Counter() for name in ("agent", "shop", "platform")}
    )
    dirty: int = 0  # messages with an error or a warning
    seconds: float = 0.0

    def count(self, message: Message, platform: str, findings: Sequence[Finding]) -> None:
        """Count one judged message."""
        self.messages += 1
        owners = {"agent": message.origin.agent, "shop": message.origin.shop, "platform": platform}
        for name, owner in owners.items():
            if owner:
                self.judged[name][owner] += 1
        self.dirty += any(finding.verdict != "info" for finding in findings)
        for finding in findings:
            self.verdicts[finding.verdict] += 1
            self.rules[finding.rule, finding.verdict, platform] += 1
            if finding.verdict == "info":
                continue
            for name, owner in owners.items():
                if owner:
                    self.by[name][owner][finding.rule, finding.verdict] += 1

    def trouble(self, trouble: Trouble) -> None:
        self.troubles += 1
        if len(self.shown_troubles) < _MOST_TROUBLES:
            self.shown_troubles.append(str(trouble))

    def add(self, later: Summary) -> None:
        """Add the counts of what came after this part of the log."""
        self.messages += later.messages
        self.buyers += later.buyers
        self.troubles += later.troubles
        self.dirty += later.dirty
        self.seconds += later.seconds
        self.shown_troubles = (self.shown_troubles + later.shown_troubles)[:_MOST_TROUBLES]
        self.verdicts.update(later.verdicts)
        self.rules.update(later.rules)
        for name in self.by:
            self.judged[name].update(later.judged[name])
            for owner, counts in later.by[name].items():
                self.by[name][owner].update(counts)

    def state(self) -> dict[str, Any]:
        """Return everything as plain data that JSON can carry."""
        plain = ("messages", "buyers", "troubles", "shown_troubles", "dirty", "seconds")
        return {name: getattr(self, name) for name in plain} | {
            "verdicts": dict(self.verdicts),
            "rules": [[*key, times] for key, times in self.rules.items()],
            "judged": {name: dict(counts) for name, counts in self.judged.items()},
            "by": {
                name: [[owner, *key, times] for owner, counts in owners.items() for key, times in counts.items()]
                for name, owners in self.by.items()
            },
        }

    @classmethod
    def of_state(cls, data: Mapping[str, Any]) -> Summary:
        """Return the summary that a state was taken of."""
        plain = ("messages", "buyers", "troubles", "shown_troubles", "dirty", "seconds")
        made = cls(**{name: data[name] for name in plain})
        made.verdicts = Counter(data["verdicts"])
        made.rules = Counter({(rule, verdict, platform): times for rule, verdict, platform, times in data["rules"]})
        made.judged = {name: Counter(counts) for name, counts in data["judged"].items()}
        for name, rows in data["by"].items():
            for owner, rule, verdict, times in rows:
                made.by[name][owner][rule, verdict] = times
        return made

    def as_dict(self, lexicon: Lexicon) -> dict[str, Any]:
        """Return the summary as plain data."""
        return {
            "schema": 1, "lexicon": lexicon.version, "messages": self.messages, "buyer_messages": self.buyers,
            "with_findings": self.dirty, "troubles": self.troubles, "seconds": round(self.seconds, 2),
            "verdicts": dict(self.verdicts),
            "rules": [
                {"rule": rule, "verdict": verdict, "platform": platform, "findings": times,
                 **_plain(stakes({(rule, platform): times}, lexicon.rulebooks))}
                for (rule, verdict, platform), times in self.rules.most_common()
            ],
            "by": {
                name: [{"name": owner, "messages": self.judged[name][owner],
                        "errors": _times(self.by[name][owner], "error"),
                        "warnings": _times(self.by[name][owner], "warning")} for owner in self.judged[name]]
                for name in self.by
            },
        }  # fmt: skip


def _plain(sums: dict[str, Any]) -> dict[str, Any]:
    return {
        "points": reports.number(sums["points"]), "amount": reports.number(sums["amount"]), "unknown": sums["unknown"]
    }  # fmt: skip


def _times(counts: Counter[tuple[str, str]], verdict: str) -> int:
    return sum(times for (_, found), times in counts.items() if found == verdict)


# --- the summary on a screen -----------------------------------------------------------------------------------------


def as_text(summary: Summary, lexicon: Lexicon, measured: Sequence[service.Result] = ()) -> str:
    """Return the summary for a screen, in Chinese."""
    speed = f"，{summary.messages / summary.seconds:,.0f} 条/秒" if summary.seconds else ""
    parts = [
        f"客服消息 {summary.messages:,} 条（另有买家消息 {summary.buyers:,} 条作为上下文），"
        f"有问题的 {summary.dirty:,} 条{speed}",
        f"错误 {summary.verdicts['error']:,}，警告 {summary.verdicts['warning']:,}，提示 {summary.verdicts['info']:,}",
    ]
    if summary.rules:
        parts.append(_rule_table(summary, lexicon))
    parts += [_owner_table(summary, name, title) for name, title in _OWNERS if len(summary.judged[name]) > 0]
    if measured:
        parts.append(service.as_text(measured))
    if summary.troubles:
        shown = "\n".join(f"  {line}" for line in summary.shown_troubles)
        more = summary.troubles - len(summary.shown_troubles)
        parts.append(f"没能判的行 {summary.troubles:,}：\n{shown}" + (f"\n  …… 另有 {more:,} 行" if more else ""))
    return "\n\n".join(parts)


_OWNERS = (("agent", "客服"), ("shop", "店铺"), ("platform", "平台"))


def _rule_table(summary: Summary, lexicon: Lexicon) -> str:
    rows = []
    for (rule, verdict, platform), times in sorted(summary.rules.items(), key=_by_weight):
        at_stake = stakes({(rule, platform): times}, lexicon.rulebooks)
        known = at_stake["unknown"] < times
        rows.append(
            (
                reports.VERDICT_NAMES[verdict], rule, lexicon.rules[rule].title, reports.PLATFORM_NAMES[platform],
                f"{times:,}", reports.money(at_stake["points"]) if known else "未知",
                reports.money(at_stake["amount"]) if known else "未知",
            )
        )  # fmt: skip
    head = ("判定", "规则", "名称", "平台", "次数", "涉及扣分", "涉及金额")
    return (
        reports.table(head, rows, right=(4, 5, 6))
        + "\n（扣分与金额按每次都成立、都算首次累加，是风险不是处罚；未知的不计）"
    )


def _by_weight(item: tuple[tuple[str, str, str], int]) -> tuple[int, int, str]:
    (rule, verdict, _), times = item
    return (("error", "warning", "info").index(verdict), -times, rule)


def _owner_table(summary: Summary, name: str, title: str) -> str:
    rows = []
    for owner, messages in summary.judged[name].items():
        counts = summary.by[name][owner]
        errors, warnings = _times(counts, "error"), _times(counts, "warning")
        worst = max(counts.items(), key=lambda item: (item[0][1] == "error", item[1]), default=None)
        shown = reports.PLATFORM_NAMES.get(owner, owner)
        rows.append((shown, messages, errors, warnings, worst[0][0] if worst else "—"))
    rows.sort(key=lambda row: (-row[2], -row[3], str(row[0])))
    cells = [(str(n), f"{m:,}", f"{e:,}", f"{w:,}", str(worst)) for n, m, e, w, worst in rows[:15]]
    more = f"\n…… 另有 {len(rows) - 15} 个" if len(rows) > 15 else ""
    return reports.table((title, "消息", "错误", "警告", "最多的问题"), cells, right=(1, 2, 3)) + more
