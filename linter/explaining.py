"""Rules and texts in, explanations out: which clause on which platform, what was found, what was let go and why."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from linter import reports
from linter.model import Message

if TYPE_CHECKING:
    from linter.bench import Trial
    from linter.engine import Linter

_REASONS = {
    "denied": "被否定", "forbidden": "是在禁止", "warned": "是在提醒买家", "quoted": "是在引用", "asked-back": "是在反问确认",
    "swallowed-by-a-word": "是别的词的一部分", "too-weak": "只有弱写法，没有第二个线索",
    "own-brand": "是商品自己的品牌，或者商品没有写品牌",
}  # fmt: skip


def rule(linter: Linter, name: str, kind: str) -> str:
    """Return a rule's clauses on every platform, with sources and contradictions, as text or JSON."""
    if kind == "json":
        return reports.dump(rule_data(linter, name), indent=2)
    found = linter.lexicon.rules[name]
    clauses = linter.clauses(name, found.channels[0])
    verdicts = _verdicts(linter, name)
    lines = [f"{name}  {found.title}", "", found.why.strip(), ""]
    lines.append(
        "判定  " + "  ".join(f"{reports.PLATFORM_NAMES[p]} {reports.VERDICT_NAMES[v]}" for p, v in verdicts.items())
    )
    for clause in clauses:
        lines += ["", reports.clause_line(clause), f"    {clause.says}"]
        if clause.also:
            lines.append(f"    还会：{clause.also}")
        for step in clause.steps:
            scale = f"（{step.scale} 类）" if step.scale else ""
            amount = f"，{reports.money(step.amount)} 元" if step.amount is not None else ""
            also = f"，{step.also}" if step.also else ""
            lines.append(
                f"    一年内第 {step.nth} 次起：扣分 {reports.span(step.points, step.points_max)}{scale}{amount}{also}"
            )
        if clause.contradiction:
            lines.append(f"    说法不一：{clause.contradiction}")
        for source in clause.sources:
            url = f" {source.url}" if source.url else ""
            lines.append(
                f"    来源：{source.name}（{source.date or '日期未知'}，{reports.CONFIDENCE_NAMES[source.confidence]}）{url}"
            )
    if found.suggestion:
        lines += ["", f"可以这样说：{found.suggestion}"]
    return "\n".join(lines)


def rule_data(linter: Linter, name: str) -> dict[str, Any]:
    """Return a rule and its clauses on every platform as plain data, the same for every edge."""
    found = linter.lexicon.rules[name]
    clauses = linter.clauses(name, found.channels[0])
    return {
        "rule": name, "title": found.title, "why": found.why.strip(), "suggestion": found.suggestion,
        "verdicts": _verdicts(linter, name), "clauses": [reports.clause_data(clause) for clause in clauses],
    }  # fmt: skip


def _verdicts(linter: Linter, name: str) -> dict[str, str]:
    found, books = linter.lexicon.rules[name], linter.lexicon.rulebooks
    return {p: books.verdict(name, p, found.channels[0]) or found.verdict for p in linter.platforms}


def text(linter: Linter, message: Message, kind: str) -> str:
    """Return what is found in a message on every platform, and what was let go and why."""
    explanation = linter.explain(message)
    if kind == "json":
        data: dict[str, Any] = {
            "findings": [reports.finding_data(f, message.text, shown=True) for f in explanation.findings],
            "let_go": [
                {"rule": r.rule, "start": r.start, "end": r.end, "text": r.text, "reason": r.reason}
                for r in explanation.rejections
            ],
        }
        return reports.dump(data, indent=2)
    parts = [reports.as_text(f, message.text, shown=True, full=True) for f in explanation.findings]
    if not parts:
        parts.append("没有发现问题")
    if explanation.rejections:
        lines = [f"  {r.rule} 「{r.text}」 {_reason(r.reason)}" for r in explanation.rejections]
        parts.append("看过又放行的：\n" + "\n".join(lines))
    return "\n\n".join(parts)


def trial(found: Trial) -> str:
    """Return one message of a trial run: where it stood, what was hit, what was let go."""
    origin = found.message.origin
    where = f"{origin.path}:{origin.line}" if origin.path else "<text>"
    lines = [f"{where}: {reports.redact(found.message.text)}"]
    lines += [f"  + {reports.VERDICT_NAMES[f.verdict]}「{reports.redact(f.text)}」" for f in found.findings]
    lines += [f"  - 「{reports.redact(r.text)}」 {_reason(r.reason)}" for r in found.rejections]
    return "\n".join(lines)


def _reason(reason: str) -> str:
    head, _, rest = reason.partition(":")
    return _REASONS.get(head, head) + (f"：{rest.strip()}" if rest else "")
