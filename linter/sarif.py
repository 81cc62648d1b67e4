"""A report in, a SARIF 2.1.0 log out, with everything the format has a word for: rules' help, fixes, suppressions, identity.

Paths are relative to SRCROOT, which the reader of the log knows and we do not name: the log holds no folder of the machine
that made it. The decision to question: a rule carries its whole page as help, and no `helpUri`, because that must be an
absolute address and the pages travel with the project (`properties.page` names the file).
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any
from urllib.parse import quote

from linter import __version__, bench, reports
from linter.model import PLATFORMS, Clause, Place

if TYPE_CHECKING:
    from linter.lexicon import Lexicon, Rule
    from linter.results import Report, Result, View

SCHEMA = "https://docs.oasis-open.org/sarif/sarif/v2.1.0/errata01/os/schemas/sarif-schema-2.1.0.json"
LEVELS = {"error": "error", "warning": "warning", "info": "note", "none": "none"}
_ROOT = {"SRCROOT": {"description": {"text": "The folder the check was started in, the root of the repository."}}}


def log(report: Report, view: View) -> dict[str, Any]:
    """Return the log as plain data."""
    ids = sorted({result.finding.rule for result in report.results})
    paths = list(dict.fromkeys([*report.files, *(result.path for result in report.results)]))
    run = {
        "tool": {"driver": _driver(ids, report)},
        "invocations": [_invocation(report)],
        "originalUriBaseIds": _ROOT,
        "artifacts": [{"location": _location(path)} for path in paths],
        "columnKind": "unicodeCodePoints",
        "results": [_result(result, ids, paths, view) for result in report.results],
    }
    return {"$schema": SCHEMA, "version": "2.1.0", "runs": [run]}


def _driver(ids: list[str], report: Report) -> dict[str, Any]:
    lexicons = report.lexicons
    return {
        "name": "kefulint",
        "version": __version__,
        "rules": [
            _rule(lexicons[rule].rules[rule], lexicons[rule]) if rule in lexicons else {"id": rule} for rule in ids
        ],
        "properties": {"lexicons": sorted({lexicon.version for lexicon in lexicons.values()})},
    }


def _rule(rule: Rule, lexicon: Lexicon) -> dict[str, Any]:
    advice = f"{rule.why}\n建议：{rule.suggestion}" if rule.suggestion else rule.why or rule.title
    clauses = [c for p in PLATFORMS for c in lexicon.rulebooks.clauses(rule.id, p, rule.channels[0], None)]
    return {
        "id": rule.id,
        "name": "".join(word.capitalize() for word in rule.id.split("-")),
        "shortDescription": {"text": rule.title},
        "fullDescription": {"text": rule.why or rule.title},
        "help": {"text": advice, "markdown": bench.doc(rule, lexicon)},
        "defaultConfiguration": {"level": LEVELS[rule.verdict]},
        "properties": {
            "tags": [rule.group, *dict.fromkeys(clause.platform for clause in clauses)],
            "page": f"docs/rules/{rule.id}.md",
            "clauses": [_clause(clause) for clause in {clause.id: clause for clause in clauses}.values()],
        },
    }


def _clause(clause: Clause) -> dict[str, Any]:
    whole = reports.clause_data(clause)
    return {name: whole[name] for name in ("id", "platform", "title", "points", "points_max", "scale", "confidence")}


def _invocation(report: Report) -> dict[str, Any]:
    notes = [
        *(("error", line) for line in report.troubles),
        *(("warning", line) for line in (*report.doubts, *report.notes)),
    ]
    return {
        "executionSuccessful": not report.troubles,
        "toolExecutionNotifications": [{"level": level, "message": {"text": line}} for level, line in notes],
    }


def _result(result: Result, ids: list[str], paths: list[str], view: View) -> dict[str, Any]:
    finding = result.finding
    advice = f"。{finding.suggestion}" if finding.suggestion else ""
    sheet = finding.origin.sheet
    physical: dict[str, Any] = {"artifactLocation": {**_location(result.path), "index": paths.index(result.path)}}
    if result.place is not None:
        physical["region"] = _region(result.place)
    found: dict[str, Any] = {
        "ruleId": finding.rule,
        "ruleIndex": ids.index(finding.rule),
        "level": LEVELS[finding.verdict],
        "message": {"text": (f"［{sheet}］" if sheet else "") + view.masked(finding.message) + advice},
        "locations": [{"physicalLocation": physical} | ({"logicalLocations": [{"name": sheet}]} if sheet else {})],
        "partialFingerprints": {"kefulint/v1": result.fingerprint},
        "baselineState": "unchanged" if result.known else "new",
        "suppressions": _suppressions(result),
        "properties": {
            "clauses": [clause.id for clause in finding.clauses],
            "verdicts": dict(finding.verdicts),
            **({"judged": result.judged} if result.judged not in ("", finding.verdict) else {}),
        },
    }
    return found | ({"fixes": [_fix(result)]} if result.change else {})


def _suppressions(result: Result) -> list[dict[str, Any]]:
    if result.finding.suppressed is not None:
        kind = "inSource" if result.in_source else "external"
        return [{"kind": kind, "status": "accepted", "justification": result.finding.suppressed}]
    return [{"kind": "external", "status": "accepted", "justification": "基线里已有"}] if result.known else []


def _fix(result: Result) -> dict[str, Any]:
    assert result.change is not None and result.finding.fix is not None
    place, words = result.change
    replacement = {"deletedRegion": _region(place), "insertedContent": {"text": words}}
    changes = [{"artifactLocation": _location(result.path), "replacements": [replacement]}]
    says = "改成稳妥的说法" if result.finding.fix.safe else "改写，请先看一遍"
    return {"description": {"text": says}, "artifactChanges": changes}


def _region(place: Place) -> dict[str, int]:
    return {
        "startLine": place.line, "startColumn": place.column, "endLine": place.end_line, "endColumn": place.end_column,
    }  # fmt: skip


def _location(path: str) -> Mapping[str, Any]:
    """Return a path as SARIF wants it: percent-encoded, relative to SRCROOT unless it is absolute."""
    uri = quote(path.replace("\\", "/"), safe="/._-~")
    return {"uri": f"file://{uri}"} if path.startswith("/") else {"uri": uri, "uriBaseId": "SRCROOT"}
