"""What a check found in, its reports out: for a screen, for programs, for code hosts.

Everything that was found is in every report. What somebody allowed is there with the reason, at the mildest level the
format has; what the baseline knows is counted, and listed only where it is asked for or where the format has a word for it
(SARIF). The decision to question: paths are written as they were given, so a report made in the root of a repository fits
the code host, and no report names a folder of the machine that made it.
"""

from __future__ import annotations

import hashlib
import io
import re
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import replace
from typing import Any

from linter import reports
from linter.reports import VERDICT_NAMES
from linter.results import Report, Result, View

_PLACE = re.compile(r"(?P<path>.+?)(?:\[[^\]/]*\])?:(?P<row>\d+): ")  # of a trouble
_VERDICTS = ("error", "warning", "info")


def render(report: Report, kind: str, view: View | None = None) -> str:
    """Return a report in one of FORMATS, without a line break at its end."""
    return _RENDERERS[kind](report, view or View())


# --- for a screen ----------------------------------------------------------------------------------------------------


def _text(report: Report, view: View) -> str:
    return "\n\n".join(block(result, view) for result in report.results if result.open or view.every)


def block(result: Result, view: View) -> str:
    """Return a result for a screen: the finding, and what became of it."""
    block = reports.as_text(result.finding, result.text, colour=view.colour, shown=view.shown)
    more = []
    if result.judged not in ("", result.finding.verdict):
        more.append(f"  判定  本店改为{VERDICT_NAMES[result.finding.verdict]}（原为{VERDICT_NAMES[result.judged]}）")
    fix = result.finding.fix
    if fix is not None and fix.safe and result.open:
        words = view.masked(result.text)[fix.start : fix.end]
        more.append(
            f"  改法  {f'「{words}」改成「{fix.replacement}」' if fix.replacement else f'删去「{words}」'}（--fix）"
        )
    if result.finding.suppressed is not None:
        more.append(f"  允许  {result.finding.suppressed}（{result.allowed_at}）")
    if result.known:
        more.append("  基线  早就有的")
    return "\n".join([block, *more])


def _grouped(report: Report, view: View) -> str:
    by_path: dict[str, list[Result]] = {}
    for result in report.results:
        if result.open or view.every:
            by_path.setdefault(result.file, []).append(result)
    return "\n\n".join(_group(path, results, view) for path, results in by_path.items())


def _group(path: str, results: Sequence[Result], view: View) -> str:
    rows = [(_position(r), VERDICT_NAMES[r.finding.verdict], r.finding.rule, _said(r, view)) for r in results]
    lines = reports.table(("", "", "", ""), rows, right=(0,)).splitlines()[1:]
    if view.colour:
        lines = [
            line.replace(name, reports.painted(name, result.finding.verdict), 1)
            for line, result, (_, name, _, _) in zip(lines, results, rows, strict=True)
        ]
    title = f"\x1b[1m{path}\x1b[0m" if view.colour else path
    return "\n".join([title, *(f"  {line}" for line in lines)])


def _position(result: Result) -> str:
    return f"{result.place.line}:{result.place.column}" if result.place else "-"


def _said(result: Result, view: View) -> str:
    """Return the message in one line, with what became of the finding."""
    message = reports.visible(view.masked(result.finding.message))
    if result.finding.suppressed is not None:
        return f"{message}［已允许：{result.finding.suppressed}］"
    return f"{message}［基线］" if result.known else message


def statistics(report: Report) -> list[dict[str, Any]]:
    """Return how often each rule was found, the most frequent first."""
    rows: dict[str, Counter[str]] = {}
    for result in report.results:
        state = result.finding.verdict if result.open else "known" if result.known else "allowed"
        rows.setdefault(result.finding.rule, Counter()).update(
            [state, "fixable" if result.open and result.finding.fix else ""]
        )
    lexicons = report.lexicons
    found = [
        {"rule": rule, "title": lexicons[rule].rules[rule].title if rule in lexicons else ""}
        | {name: counts[name] for name in (*_VERDICTS, "allowed", "known", "fixable")}
        for rule, counts in rows.items()
    ]
    return sorted(found, key=lambda row: (-sum(row[verdict] for verdict in _VERDICTS), row["rule"]))


def statistics_text(report: Report) -> str:
    """Return the statistics as a table."""
    head = ("规则", "名称", "错误", "警告", "提示", "已允许", "基线", "可修")
    rows = [tuple(str(cell) for cell in row.values()) for row in statistics(report)]
    return reports.table(head, rows, right=range(2, 8)) if rows else ""


# --- for programs ----------------------------------------------------------------------------------------------------


def data(result: Result, view: View) -> dict[str, Any]:
    """Return a result as plain data: the finding as every edge gives it out, and what became of it."""
    found = reports.finding_data(result.finding, result.text, shown=view.shown)
    found["fingerprint"] = result.fingerprint
    if result.judged not in ("", result.finding.verdict):
        found["judged"] = result.judged
    if result.finding.suppressed is not None:
        found["suppressed_at"] = result.allowed_at
    if result.known:
        found["known"] = True
    return found


def _json(report: Report, view: View) -> str:
    whole = {
        "schema": 1,
        "findings": [data(result, view) for result in report.listed(view.every)],
        "files": len(report.files),
        "messages": report.messages,
        "excluded": report.excluded,
        "known": sum(result.known for result in report.results),
        "troubles": list(report.troubles),
        "doubts": list(report.doubts),
        "notes": list(report.notes),
    }
    return reports.dump(whole, indent=2)


def _jsonl(report: Report, view: View) -> str:
    return "\n".join(reports.dump(data(result, view)) for result in report.listed(view.every))


_MORE = ("column", "suppressed", "known", "fingerprint")


def _csv(report: Report, view: View) -> str:
    stream = io.StringIO()
    rows = (_csv_row(result, view) for result in report.listed(view.every))
    reports.write_csv(stream, (*reports.CSV_HEAD, *_MORE), rows)
    return stream.getvalue().rstrip("\n")


def _csv_row(result: Result, view: View) -> list[Any]:
    place, finding = result.place, result.finding
    if place is not None:
        finding = replace(finding, origin=replace(finding.origin, line=place.line))
    known = "yes" if result.known else ""
    more = (place.column if place else "", finding.suppressed, known, result.fingerprint)
    return [*reports.csv_row(finding, result.text, shown=view.shown), *more]


def _junit(report: Report, view: View) -> str:
    from xml.etree import ElementTree

    root = ElementTree.Element("testsuites")
    by_path: dict[str, list[Result]] = {path: [] for path in report.files}
    for result in report.listed(view.every):
        by_path.setdefault(result.path, []).append(result)
    for path, results in by_path.items():
        failures = sum(result.open for result in results)
        counts = {"tests": len(results) or 1, "failures": failures, "skipped": len(results) - failures, "errors": 0}
        suite = ElementTree.SubElement(root, "testsuite", {"name": _xml(path)} | {k: str(n) for k, n in counts.items()})
        if not results:
            ElementTree.SubElement(suite, "testcase", classname="kefulint", name=_xml(path))
        for result in results:
            name = _xml(f"{result.file}:{_position(result)}")
            case = ElementTree.SubElement(suite, "testcase", classname=result.finding.rule, name=name)
            _junit_outcome(case, result, view, ElementTree.SubElement)
    for path, line in map(_place_of, report.troubles):
        attributes = {"name": _xml(path), "tests": "1", "failures": "0", "skipped": "0", "errors": "1"}
        case = ElementTree.SubElement(
            ElementTree.SubElement(root, "testsuite", attributes), "testcase", classname="kefulint", name=_xml(path)
        )
        ElementTree.SubElement(case, "error", message=_xml(line))
    ElementTree.indent(root)
    return ElementTree.tostring(root, encoding="unicode", xml_declaration=True)


def _place_of(trouble: str) -> tuple[str, str]:
    """Return the file that a trouble is about, and all that it says."""
    found = _PLACE.match(trouble)
    return (found["path"] if found else "<input>"), trouble


def _junit_outcome(case: Any, result: Result, view: View, add: Callable[..., Any]) -> None:
    finding = result.finding
    if not result.open:
        add(case, "skipped", message=_xml(f"已允许：{finding.suppressed}" if finding.suppressed else "基线里已有"))
        return
    failure = add(case, "failure", type=finding.verdict, message=_xml(view.masked(finding.message)))
    failure.text = _xml("\n".join([*(reports.clause_line(c) for c in finding.clauses), finding.suggestion]))


def _xml(text: str) -> str:
    """Drop what XML 1.0 cannot carry."""
    return "".join(char for char in text if char in "\t\n\r" or (char >= " " and char not in "\ufffe\uffff"))


# --- for code hosts --------------------------------------------------------------------------------------------------


def _github(report: Report, view: View) -> str:
    level = "warning" if report.allow_broken else "error"
    broken = [f"::{level} {_where(line)},title=kefulint::{_data(line)}" for line in report.troubles]
    return "\n".join([*(_annotation(result, view) for result in report.listed(view.every)), *broken])


def _where(trouble: str) -> str:
    found = _PLACE.match(trouble)
    return f"file={_property(found['path'])},line={found['row']}" if found else "file=."


def _annotation(result: Result, view: View) -> str:
    """Return a GitHub workflow command; `%`, line breaks, `:` and `,` are escaped as they ask."""
    level = (
        {"error": "error", "warning": "warning", "info": "notice"}[result.finding.verdict] if result.open else "notice"
    )
    at = result.place
    where = {"file": result.path} if at is None else {
        "file": result.path, "line": at.line, "col": at.column, "endLine": at.end_line, "endColumn": at.end_column,
    }  # fmt: skip
    if at is not None and at.end_line != at.line:  # a host takes columns within one line only
        del where["col"], where["endColumn"]
    parts = ",".join(
        f"{name}={_property(str(value))}" for name, value in {**where, "title": result.finding.rule}.items()
    )
    return f"::{level} {parts}::{_data(_advice(result, view))}"


def _advice(result: Result, view: View) -> str:
    """Return the message with what became of the finding, or what to say instead; in a workbook with its sheet."""
    finding = result.finding
    sheet = f"［{finding.origin.sheet}］" if finding.origin.sheet else ""
    if not result.open:
        return sheet + _said(result, view)
    return sheet + view.masked(finding.message) + (f"。{finding.suggestion}" if finding.suggestion else "")


def _data(text: str) -> str:
    return text.replace("%", "%25").replace("\r", "%0D").replace("\n", "%0A")


def _property(text: str) -> str:
    return _data(text).replace(":", "%3A").replace(",", "%2C")


def _gitlab(report: Report, view: View) -> str:
    severity = {"error": "major", "warning": "minor", "info": "info"}
    listed = report.listed(view.every)
    issues: list[dict[str, Any]] = [
        {
            "description": f"{result.finding.rule}: {_advice(result, view)}",
            "check_name": result.finding.rule,
            "fingerprint": fingerprint,
            "severity": severity[result.finding.verdict] if result.open else "info",
            "location": {"path": result.path, "lines": {"begin": result.place.line if result.place else 1}},
        }
        for result, fingerprint in zip(listed, _distinct(listed), strict=True)
    ]
    return reports.dump([*issues, *map(_broken_issue, report.troubles)], indent=2)


def _broken_issue(trouble: str) -> dict[str, Any]:
    found = _PLACE.match(trouble)
    path, row = (found["path"], int(found["row"])) if found else (".", 1)
    return {
        "description": trouble, "check_name": "kefulint", "fingerprint": _hash(trouble), "severity": "blocker",
        "location": {"path": path, "lines": {"begin": row}},
    }  # fmt: skip


def _distinct(results: Iterable[Result]) -> Iterator[str]:
    """Yield fingerprints that differ by file and sheet, for GitLab takes equal ones for one issue; of equal ones in a file
    the second and later are numbered."""
    seen: Counter[str] = Counter()
    for result in results:
        whole = _hash(f"{result.file}\n{result.fingerprint}")
        seen[whole] += 1
        yield whole if seen[whole] == 1 else f"{whole}-{seen[whole]}"


def _hash(text: str) -> str:
    return hashlib.md5(text.encode("utf-8", "replace"), usedforsecurity=False).hexdigest()


def _sarif(report: Report, view: View) -> str:
    from linter import sarif

    return reports.dump(sarif.log(report, view), indent=2)


_RENDERERS: dict[str, Callable[[Report, View], str]] = {
    "text": _text,
    "grouped": _grouped,
    "json": _json,
    "jsonl": _jsonl,
    "sarif": _sarif,
    "junit": _junit,
    "github": _github,
    "gitlab": _gitlab,
    "csv": _csv,
}
FORMATS = tuple(_RENDERERS)
