"""What was found in, what an editor shows out: diagnostics, and Markdown with the argument behind one.

Findings speak Chinese, for the writers of replies read them; the lines about configuration are those of the command.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

from lsprotocol.types import (
    Diagnostic,
    DiagnosticSeverity,
    DiagnosticTag,
    Hover,
    MarkupContent,
    MarkupKind,
    Position,
    Range,
)

from linter import reports
from linter.lsp.checked import Checked, units
from linter.model import Clause
from linter.results import Result

SOURCE = "kefulint"
_SEVERITIES = {
    "error": DiagnosticSeverity.Error, "warning": DiagnosticSeverity.Warning, "info": DiagnosticSeverity.Information,
}  # fmt: skip
_LINE = re.compile(r"(?P<path>.*?):(?P<line>\d+): (?P<what>.*)", re.DOTALL)
_MARKUP = re.compile(r"([\\`*_{}\[\]<>()#|~!])")


def diagnostics(checked: Checked) -> list[Diagnostic]:
    """Return everything an editor marks in a text."""
    found = [
        diagnostic(checked, result)
        for result in checked.results
        if result.open and result.finding.verdict in _SEVERITIES
    ]
    found += [_line(checked, line, DiagnosticSeverity.Error) for line in checked.problems]
    found += [_line(checked, line, DiagnosticSeverity.Hint) for line in checked.notes]
    return found


def diagnostic(checked: Checked, result: Result) -> Diagnostic:
    """Return the mark of a finding."""
    finding = result.finding
    cost = next(
        (f"（{reports.PLATFORM_NAMES[c.platform]}{reports.cost(c)}）" for c in finding.clauses if _priced(c)), ""
    )
    return Diagnostic(
        checked.range(result.place), finding.message + cost, _SEVERITIES[finding.verdict], finding.rule, source=SOURCE
    )


def _priced(clause: Clause) -> bool:
    return clause.points is not None or clause.amount is not None


def _line(checked: Checked, line: str, severity: DiagnosticSeverity) -> Diagnostic:
    """Return the mark of a problem: on its line where it is in this text, or else on the first with its place."""
    found = _LINE.fullmatch(line)
    here = found is not None and Path(found["path"]).absolute() == Path(checked.path).absolute()
    number = min(int(found["line"]), len(checked.source.lines)) if found and here else 1
    spans = list(checked.source.spans())
    start, end = spans[number - 1] if number <= len(spans) else (0, 0)
    marked = Range(
        Position(number - 1, 0), Position(number - 1, units(checked.source.text[start:end], checked.encoding))
    )
    idle = [DiagnosticTag.Unnecessary] if severity == DiagnosticSeverity.Hint else None
    return Diagnostic(marked, found["what"] if found and here else line, severity, source=SOURCE, tags=idle)


def hover(checked: Checked, position: Position, markdown: bool) -> Hover | None:
    """Return the argument behind what stands at a position."""
    results = checked.at(Range(position, position))
    if not results:
        return None
    if markdown:
        content = MarkupContent(MarkupKind.Markdown, "\n\n---\n\n".join(map(_explained, results)))
    else:
        content = MarkupContent(
            MarkupKind.PlainText,
            "\n\n".join(reports.as_text(r.finding, r.text, shown=True, full=True) for r in results),
        )
    return Hover(content, checked.range(results[0].place))


def _explained(result: Result) -> str:
    finding = result.finding
    lines = [f"**{reports.VERDICT_NAMES[finding.verdict]}** `{finding.rule}`  \n{_plain(finding.message)}"]
    lines.append("\n".join(line for clause in finding.clauses for line in _clause(clause)))
    if len(finding.verdicts) > 1:
        lines.append(
            "平台：" + "，".join(f"{reports.PLATFORM_NAMES[p]} {reports.VERDICT_NAMES[v]}" for p, v in finding.verdicts)
        )
    if result.judged != finding.verdict:
        lines.append(f"判定按店铺的设置改过，原来是{reports.VERDICT_NAMES[result.judged]}")
    if finding.spelled:
        lines.append("写法：" + _plain("、".join(finding.spelled)))
    if finding.suggestion:
        lines.append("**可以这样说**\n\n> " + _plain(finding.suggestion).replace("\n", "\n> "))
    return "\n\n".join(filter(None, lines))


def _clause(clause: Clause) -> Iterator[str]:
    yield f"- {_plain(reports.clause_line(clause))}"
    if clause.says:
        yield f"  {_plain(clause.says)}"
    if clause.contradiction:
        yield f"  说法不一：{_plain(clause.contradiction)}"


def _plain(text: str) -> str:
    """Return a text that Markdown shows as it is."""
    return _MARKUP.sub(r"\\\1", " ".join(text.split()))
