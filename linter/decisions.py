"""A filled-in sheet in, decisions and labelled cases out: what `sheet` wrote and people judged comes back here.

Rows are found by their columns' names, so that a sheet may be sorted, filtered and widened. What a row is about comes from
one hidden cell of JSON and not from the cells people see: those are cut, defused and may be retyped.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from linter.model import KefulintError, SourceError

SHEET = "违规明细"
DECISION, NOTE, CASE = "判断", "备注", "原始数据"  # columns that are read back
NAMES = {"确认": "confirmed", "驳回": "rejected", "申诉": "appealed"}
DECISIONS = (*NAMES.values(),)
_CASE_KEYS = {"id", "platform", "channel", "text", "context", "rule", "verdict", "words"}


@dataclass(frozen=True, slots=True)
class Decided:
    """One row that somebody judged. `case` is what `sheet.case_of` wrote of the finding."""

    row: int
    decision: str  # confirmed, rejected or appealed; "" where nobody said yet
    case: dict[str, Any]


def decision_of(text: str) -> str | None:
    """Return the decision a word stands for, "" for no word, None for one that is none."""
    word = text.strip().lower()
    if word in ("", *DECISIONS):
        return word
    return NAMES.get(word)


def read_sheet(path: Path) -> list[Decided]:
    """Read a filled-in sheet; raise SourceError with every row that cannot be used."""
    problems: list[str] = []
    rows: list[Decided] = []
    for number, cells in _rows(path):
        decision = decision_of(cells[DECISION])
        if decision is None:
            problems.append(f"{path}:{number}: {DECISION} is '{cells[DECISION]}', expected one of {', '.join(NAMES)}")
        case = _case(cells[CASE])
        if case is None:
            problems.append(f"{path}:{number}: {CASE} is not what was written there, expected the sheet's own cell")
        if decision is not None and case is not None:
            rows.append(Decided(number, decision, case))
    if problems:
        raise SourceError(problems)
    return rows


def _rows(path: Path) -> Iterator[tuple[int, dict[str, str]]]:
    """Yield the rows of the sheet of findings with their numbers, the two columns that are read back by name."""
    table = iter(_table(path))
    head = [str(cell) for cell in next(table, [])]
    missing = [name for name in (DECISION, CASE) if name not in head]
    if missing:
        raise SourceError(f"{path}:1: no column {'、'.join(missing)}, expected a sheet that kefulint audit wrote")
    for number, cells in enumerate(table, 2):
        named = {name: str(cell) for name, cell in zip(head, cells, strict=False)}
        if any(value.strip() for value in named.values()):
            yield number, {name: named.get(name, "") for name in (DECISION, CASE)}


def _table(path: Path) -> list[list[Any]]:
    try:
        import python_calamine
    except ImportError as error:
        raise KefulintError("xlsx needs a library, expected: pip install 'kefulint[xlsx]'") from error
    try:
        book = python_calamine.CalamineWorkbook.from_path(str(path))
        if SHEET not in book.sheet_names:
            raise SourceError(f"{path}:1: no sheet {SHEET}, expected a workbook that kefulint audit wrote")
        table: list[list[Any]] = book.get_sheet_by_name(SHEET).to_python(skip_empty_area=False)
        return table
    except (python_calamine.CalamineError, OSError) as error:
        raise SourceError(f"{path}:1: cannot be read ({error}), expected an XLSX workbook") from error


def _case(text: str) -> dict[str, Any] | None:
    try:
        case = json.loads(text)
    except ValueError:
        return None
    return case if isinstance(case, dict) and case.keys() >= _CASE_KEYS else None


def read_cases(path: Path) -> Iterator[dict[str, Any]]:
    """Yield the judged messages of a sheet as cases: what was confirmed is expected, what was rejected is not.

    A message counts when somebody decided on one of its findings; findings of it that nobody decided on, or that are
    appealed, are allowed: neither right nor wrong.
    """
    messages: dict[str, list[Decided]] = {}
    for row in read_sheet(path):
        key = json.dumps([row.case[name] for name in ("platform", "channel", "text", "context")], ensure_ascii=False)
        messages.setdefault(key, []).append(row)
    for rows in messages.values():
        if any(row.decision in ("confirmed", "rejected") for row in rows):
            yield _message_case(rows)


def _message_case(rows: list[Decided]) -> dict[str, Any]:
    first = rows[0].case
    confirmed = [row.case for row in rows if row.decision == "confirmed"]
    return {
        "id": first["id"], "platform": first["platform"], "channel": first["channel"], "text": first["text"],
        "context": first["context"],
        "expect": [{"rule": case["rule"], "verdict": case["verdict"], "text": case["words"]} for case in confirmed],
        "allow": sorted({row.case["rule"] for row in rows if row.decision in ("", "appealed")}),
    }  # fmt: skip
