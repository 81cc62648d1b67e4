"""Rows of findings.jsonl in, a workbook for QA staff out: one row a finding, the words marked, columns to judge in.

`decisions` reads the judged sheet back. A row is what `reports.finding_data` gives, its `id`, and the `evidence`: the
message and what was said before, of long ones what stands near: otherwise a message in which everything is wrong would be
written as often as something is found in it. The workbook is written row by row and never held. A text that a spreadsheet would run is
defused, although the cells are typed as texts: people save sheets as CSV.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import datetime
from decimal import Decimal
from functools import lru_cache
from pathlib import Path
from typing import Any

from linter import decisions, reports
from linter.ledger import identity
from linter.lexicon import Lexicon
from linter.measures import parse_time
from linter.model import Finding, KefulintError, Turn
from linter.summary import Summary, figure, owner_name

MOST_ROWS = 1_048_575  # what a spreadsheet takes, less the header
_MOST_CELL = 32_767
_AROUND = 1_500  # characters kept before and after the words of a long message, and of a long turn before it
_INK = {"error": "#A61B1B", "warning": "#8A5A00", "info": "#1B5E8A"}
_FILL = {"error": "#FBE3E1", "warning": "#FFF2D6", "info": "#E3F0FA"}

# name, width, what `row` calls it
_COLUMNS = (
    (decisions.DECISION, 9, ""), (decisions.NOTE, 22, ""), ("判定", 7, "verdict"), ("规则名称", 17, "title"),
    ("消息", 62, "text"), ("上文", 40, "before"), ("怎么说", 44, "suggestion"), ("条款", 30, "clause"), ("扣分", 8, "points"),
    ("金额（元）", 12, "amount"), ("客服", 13, "agent"), ("店铺", 16, "shop"), ("平台", 8, "platform"), ("时间", 18, "time"),
    ("会话", 14, "session"), ("规则", 24, "rule"), ("违规词", 20, "words"), ("编号", 19, "id"), (decisions.CASE, 12, "case"),
)  # fmt: skip
_WRAPPED = ("text", "before", "suggestion", "clause")


def evidence(text: str, span: tuple[int, int], context: Sequence[Turn], *, shown: bool = False) -> dict[str, Any]:
    """Return what a row of findings.jsonl needs besides the finding to be judged by people. Without `shown` it is masked.

    `said_at` is where in the message `said` begins, for one too long to be written whole.
    """
    mask = str if shown else reports.redact
    said, at = _near(mask(text), *span)
    turns = [
        {"role": t.role, "text": _near(mask(t.text), len(t.text), len(t.text))[0]} | ({"time": t.time} if t.time else {})
        for t in context
    ]  # fmt: skip
    return {"said": said} | ({"said_at": at} if at else {}) | {"context": turns}


def _near(text: str, start: int, end: int) -> tuple[str, int]:
    """Return what stands near a span of a long text, and where in the text that begins; what is left out is marked."""
    if len(text) <= 3 * _AROUND:
        return text, 0
    before, words, after = _pieces(text, start, end)
    return before + words + after, start - len(before)


def row_of(finding: Finding, text: str, context: Sequence[Turn] = (), *, shown: bool = False) -> dict[str, Any]:
    """Return a row of findings.jsonl: the finding, the `id` that names it, and what it takes to judge it."""
    known = {"id": identity(finding)} | reports.finding_data(finding, text, shown=shown)
    return known | evidence(text, (finding.start, finding.end), context, shown=shown)


_CLAUSES = ', "clauses": '


class RowWriter:
    """Writes rows of findings.jsonl; one for every lexicon and day.

    Clauses are most of a row and the same for all findings of a rule: they stand at its end, and are written once.
    """

    def __init__(self) -> None:
        self._known: dict[tuple[str, ...], str] = {}

    def line(self, row: dict[str, Any]) -> str:
        """Return a row as a line of JSON without a line break, and take its clauses out."""
        clauses = row.pop("clauses")
        key = tuple([name for clause in clauses for name in (clause["id"], clause["platform"])])
        written = self._known.get(key)
        if written is None:
            written = self._known[key] = reports.dump(clauses)
        return f"{reports.dump(row)[:-1]}{_CLAUSES}{written}}}"


def read(lines: Iterable[str]) -> Iterator[dict[str, Any]]:
    """Yield the rows of findings.jsonl. Rows with the same clauses share them."""
    clauses = lru_cache(maxsize=1024)(json.loads)
    for line in lines:
        row, _, written = line.rpartition(_CLAUSES)
        yield json.loads(row + "}") | {"clauses": clauses(written.rstrip()[:-1])}


def case_of(row: Mapping[str, Any]) -> dict[str, Any]:
    """Return what a row is about, as `decisions` reads it back and `evaluate` takes it."""
    origin = row.get("origin", {})
    return {
        "id": row["id"], "platform": origin.get("platform") or next(iter(row["verdicts"])),
        "channel": f"listing.{row['field']}" if row.get("field") else "chat", "text": row.get("said") or row["text"],
        "context": row.get("context", []), "rule": row["rule"], "verdict": row["verdict"], "words": row["text"],
    }  # fmt: skip


def write(path: Path, rows: Iterable[Mapping[str, Any]], summary: Summary, lexicon: Lexicon) -> int:
    """Write the workbook; return how many rows did not fit. Raises KefulintError where the library is missing."""
    try:
        import xlsxwriter
        from xlsxwriter.exceptions import FileCreateError
    except ImportError as error:
        raise KefulintError("xlsx needs a library, expected: pip install 'kefulint[xlsx]'") from error
    options = {
        "strings_to_formulas": False,
        "strings_to_urls": False,
        "strings_to_numbers": False,
        "constant_memory": True,
    }
    try:
        with xlsxwriter.Workbook(str(path), options) as book:
            return _written(book, rows, summary, lexicon)
    except FileCreateError as error:  # a full disk
        raise error.args[0] from None


def _written(book: Any, rows: Iterable[Mapping[str, Any]], summary: Summary, lexicon: Lexicon) -> int:
    """Write the sheets; return how many rows did not fit."""
    book.set_properties({"created": datetime(2020, 1, 1)})  # the same findings give the same bytes
    cut = 0
    findings = _Findings(book, lexicon)
    for one in rows:
        if findings.written < MOST_ROWS:
            findings.write(one)
        else:
            cut += 1
    findings.close()
    _Totals(book, findings.written, cut).write(summary, lexicon)
    _write_guide(book, shown=summary.shown)
    return cut


class _Findings:
    """The sheet of findings while it is written."""

    def __init__(self, book: Any, lexicon: Lexicon) -> None:
        self.lexicon = lexicon
        self.written = 0
        self.sheet = book.add_worksheet(decisions.SHEET)
        wrapped = {"text_wrap": True, "valign": "top"}
        self.wrap, self.top = book.add_format(wrapped), book.add_format({"valign": "top"})
        self.time = book.add_format({"valign": "top", "num_format": "yyyy-mm-dd hh:mm"})
        self.empty = book.add_format(wrapped | {"bg_color": "#FFFBE6", "border": 1, "border_color": "#E4D9A8"})
        self.verdict = {
            verdict: book.add_format({"bold": True, "valign": "top", "font_color": ink, "bg_color": _FILL[verdict]})
            for verdict, ink in _INK.items()
        }
        self.words = {v: book.add_format({"bold": True, "font_color": ink}) for v, ink in _INK.items()}
        self._head(book)

    def _head(self, book: Any) -> None:
        head = book.add_format({"bold": True, "bg_color": "#1F3A4D", "font_color": "#FFFFFF", "valign": "vcenter"})
        self.sheet.freeze_panes(1, 1)
        self.sheet.set_row(0, 24)
        for column, (name, width, key) in enumerate(_COLUMNS):
            self.sheet.set_column(column, column, width, None, {"hidden": key == "case"})
            self.sheet.write_string(0, column, name, head)

    def write(self, row: Mapping[str, Any]) -> None:
        self.written += 1
        verdict = row["verdict"]
        at = row.get("said_at", 0)
        start, end = (row["start"] - at, row["end"] - at) if row.get("said") else (0, len(row["text"]))
        cells = self._cells(row, start)
        for column, (_, _, key) in enumerate(_COLUMNS):
            place = (self.written, column)
            if not key:
                self.sheet.write_blank(*place, None, self.empty)
            elif key == "text":
                self._write_marked(place, _pieces(cells["text"], start, end), self.words[verdict])
            elif key == "time" and isinstance(cells["time"], datetime):
                self.sheet.write_datetime(*place, cells["time"], self.time)
            else:
                style = self.verdict[verdict] if key == "verdict" else self.wrap if key in _WRAPPED else self.top
                self.sheet.write_string(*place, _cell(cells[key]), style)

    def _cells(self, row: Mapping[str, Any], start: int) -> dict[str, Any]:
        case = case_of(row)
        origin = row.get("origin", {})
        rule = self.lexicon.rules.get(case["rule"])
        clause: dict[str, Any] = row["clauses"][0] if row["clauses"] else {}
        said = [f"{_ROLES.get(turn['role'], turn['role'])}：{turn['text']}" for turn in case["context"]]
        return case | {
            "verdict": reports.VERDICT_NAMES[case["verdict"]], "title": rule.title if rule else case["rule"],
            "before": "\n".join(said), "platform": reports.PLATFORM_NAMES.get(case["platform"], case["platform"]),
            "time": parse_time(origin.get("time")) or origin.get("time"), "suggestion": row["suggestion"],
            "clause": clause.get("title"), "points": _span(clause, "points"), "amount": _span(clause, "amount"),
            "case": _fitting(case, start), **{name: origin.get(name) for name in ("agent", "shop", "session")},
        }  # fmt: skip

    def _write_marked(self, place: tuple[int, int], pieces: tuple[str, str, str], marked: Any) -> None:
        """Write the message with its words in colour; a rich cell needs at least two pieces that are not empty."""
        before, words, after = map(_clean, pieces)
        if not words or not (before or after):
            self.sheet.write_string(*place, _cell(before + words + after), self.wrap)
            return
        whole = _defused(before + words)
        before = whole[: len(whole) - len(words)]
        parts = [*([before] if before else []), marked, words, *([after] if after else [])]
        self.sheet.write_rich_string(*place, *parts, self.wrap)

    def close(self) -> None:
        last = max(self.written, 1)
        self.sheet.autofilter(0, 0, last, len(_COLUMNS) - 1)
        self.sheet.data_validation(1, 0, last, 0, {
            "validate": "list", "source": list(decisions.NAMES), "error_title": "请选一项",
            "error_message": "确认、驳回、申诉，或者留空", "input_title": "判断", "input_message": "确认 / 驳回 / 申诉",
        })  # fmt: skip
        self.sheet.data_validation(1, 1, last, 1, {
            "validate": "length", "criteria": "<=", "value": 500, "error_title": "太长", "error_message": "备注最多 500 字",
        })  # fmt: skip


_ROLES = {"agent": "客服", "buyer": "买家", "system": "系统"}


def _span(clause: Mapping[str, Any], name: str) -> str | None:
    """Return the points or the amount of a clause as findings.jsonl writes it, a range as a range."""
    least, most = (None if (text := clause.get(key)) is None else Decimal(text) for key in (name, f"{name}_max"))
    return reports.span(least, most) if clause else None


def _pieces(text: str, start: int, end: int) -> tuple[str, str, str]:
    """Cut a message at its words, and shorten what is long."""
    before, words, after = text[:start], text[start:end], text[end:]
    if len(text) > 3 * _AROUND:
        before = "…" + before[-_AROUND:] if len(before) > _AROUND else before
        words = words[:_AROUND]
        after = after[:_AROUND] + "…" if len(after) > _AROUND else after
    return before, words, after


def _fitting(case: Mapping[str, Any], start: int) -> str:
    """Return a case as JSON that fits into a cell: earlier turns go first, then what is far from the words."""
    context = list(case["context"])
    text = "".join(_pieces(case["text"], start, start + len(case["words"])))
    while True:
        written = json.dumps({**case, "context": context, "text": text}, ensure_ascii=False, separators=(",", ":"))
        if _length(written) <= _MOST_CELL or not context:
            return written
        del context[0]


def _cell(value: Any) -> str:
    text = _defused(value)
    while _length(text) > _MOST_CELL:
        text = text[: len(text) - (_length(text) - _MOST_CELL)]
    return text


def _defused(value: Any) -> str:
    """Return a cell that no spreadsheet runs, once what it cannot carry is dropped."""
    return reports.defused(_clean("" if value is None else str(value)))


def _length(text: str) -> int:
    """Return the length as a spreadsheet counts it."""
    if len(text) * 2 <= _MOST_CELL:
        return len(text)
    return len(text.encode("utf-16-le", "replace")) // 2


_BROKEN = re.compile("[\x00-\x08\x0b-\x1f\ud800-\udfff\ufffe\uffff]")


def _clean(text: str) -> str:
    """Drop what a workbook cannot carry."""
    return _BROKEN.sub("", text)


# --- totals and guide ------------------------------------------------------------------------------------------------


class _Totals:
    """The sheet of totals, from top to bottom. What people decide is counted by formulas, as they go."""

    def __init__(self, book: Any, rows: int, cut: int) -> None:
        self.sheet = book.add_worksheet("汇总")
        self.line = 0
        self.rows, self.cut = rows, cut
        self.bold = book.add_format({"bold": True, "font_size": 13})
        self.head = book.add_format({"bold": True, "bottom": 1, "bg_color": "#EEF2F5"})
        self.count = book.add_format({"num_format": "#,##0"})
        self.note = book.add_format({"font_color": "#666666"})
        for column, width in enumerate((28, 26, 12, 12, 12, 12, 12, 12)):
            self.sheet.set_column(column, column, width)

    def write(self, summary: Summary, lexicon: Lexicon) -> None:
        data = summary.as_dict(lexicon)
        self._table("总数", ("", ""), [
            ("客服消息", summary.messages), ("有错误或警告的消息", summary.dirty), ("错误", summary.verdicts["error"]),
            ("警告", summary.verdicts["warning"]), ("提示", summary.verdicts["info"]), ("没能判的行", summary.troubles),
            ("本表列出", self.rows), ("放不下、只在 findings.jsonl 里的", self.cut), ("规则版本", lexicon.version),
        ])  # fmt: skip
        self._table("判断进度", ("", ""), [(name, f'=COUNTIF({self._column(0)},"{name}")') for name in decisions.NAMES])
        ids = self._column([key for _, _, key in _COLUMNS].index("rule"))
        self._table("按规则", ("名称", "规则", "判定", "平台", "次数", "涉及扣分", "涉及金额（元）"), [
            (lexicon.rules[one["rule"]].title, one["rule"], reports.VERDICT_NAMES[one["verdict"]],
             reports.PLATFORM_NAMES[one["platform"]], one["findings"], figure(one, "points"), figure(one, "amount"))
            for one in data["rules"]
        ])  # fmt: skip
        self._table("判断按规则", ("名称", "规则", *decisions.NAMES), [
            (lexicon.rules[rule].title, rule, *(f'=COUNTIFS({ids},"{rule}",{self._column(0)},"{n}")' for n in decisions.NAMES))
            for rule in sorted({one["rule"] for one in data["rules"]})
        ])  # fmt: skip
        for kind, title in (("agent", "客服"), ("shop", "店铺"), ("platform", "平台")):
            self._table(f"按{title}", (title, "最多的问题", "消息", "错误", "警告"), [
                (owner_name(one), lexicon.rules[one["rule"]].title if one["rule"] else "", one["messages"], one["errors"],
                 one["warnings"]) for one in data["by"][kind][:_MOST_OWNERS]
            ])  # fmt: skip

    def _column(self, column: int) -> str:
        letter = chr(ord("A") + column)
        return f"'{decisions.SHEET}'!${letter}$2:${letter}${max(self.rows, 1) + 1}"

    def _table(self, title: str, head: Sequence[str], rows: Sequence[Sequence[Any]]) -> None:
        if not rows:
            return
        self.sheet.write_string(self.line, 0, title, self.bold)
        self.line += 1
        if any(head):
            for column, name in enumerate(head):
                self.sheet.write_string(self.line, column, name, self.head)
            self.line += 1
        for cells in rows:
            for column, cell in enumerate(cells):
                self._write(column, cell)
            self.line += 1
        self.line += 1

    def _write(self, column: int, cell: Any) -> None:
        if isinstance(cell, int):
            self.sheet.write_number(self.line, column, cell, self.count)
        elif cell.startswith(("=COUNTIF(", "=COUNTIFS(")):  # ours: names are written by `_cell` below
            self.sheet.write_formula(self.line, column, cell, self.count, 0)
        else:
            self.sheet.write_string(self.line, column, _cell(cell))


_MOST_OWNERS = 500
_GUIDE = (
    ("怎么用", True),
    (
        "1. 在「违规明细」里逐行看：红色是错误（发出去就违规），黄色是警告（有风险，先确认），蓝色是提示（语气）。",
        False,
    ),
    ("2. 在「判断」列选：确认（确实违规）、驳回（判错了）、申诉（还在争议，先不算）。没看的留空。", False),
    ("3. 可以排序、筛选、加列；请不要改列名，也不要动隐藏的「原始数据」列。", False),
    ("4. 填好后保存，交给：", False),
    ("    kefulint ledger findings.jsonl --decisions findings.xlsx    确认的记入已扣，驳回的不再算", False),
    ("    kefulint eval findings.xlsx    用你们的判断给规则打分：确认的应当判出，驳回的不该判", False),
    ("", False),
    ("说明", True),
    ("扣分与金额是条款里写的首次处罚，是风险不是已经发生的处罚；「未知」是没有任何资料写明，不是零。", False),
    ("「上文」是这句话之前最多六句对话；「怎么说」是规则给的替代说法。", False),
)
_MASKED = "联系方式已打码，所以 kefulint eval 读回的句子和原话不完全一样；要一字不差，请用 --show-contacts 重新生成，并妥善保管。"
_SHOWN = "本表没有打码，含买家的联系方式，请按个人信息保管。"


def _write_guide(book: Any, *, shown: bool) -> None:
    sheet = book.add_worksheet("说明")
    sheet.set_column(0, 0, 110)
    bold = book.add_format({"bold": True, "font_size": 13})
    wrap = book.add_format({"text_wrap": True, "valign": "top"})
    for line, (text, heading) in enumerate((*_GUIDE, (_SHOWN if shown else _MASKED, False))):
        sheet.write_string(line, 0, text, bold if heading else wrap)
