"""The sheet for QA staff: what a spreadsheet sees in it, and what comes back when people have judged."""

from __future__ import annotations

import json
import zipfile
from pathlib import Path
from typing import Any

import openpyxl
import pytest
from click.testing import CliRunner
from openpyxl.cell.rich_text import CellRichText

from linter import decisions, evaluate, ledger, sheet
from linter.cli import main
from linter.engine import Linter
from linter.ledger import identity
from linter.lexicon import load_lexicon
from linter.model import Message, Origin, SourceError, Turn
from linter.summary import Summary

LEXICON = load_lexicon()
LINTER = Linter("tmall", lexicon=LEXICON)
ASKED = (Turn("buyer", "能开发票吗", "2026-03-02 09:00:00"),)


def _message(text: str, n: int = 1, context: tuple[Turn, ...] = ()) -> Message:
    origin = Origin(session=f"s{n}", turn=n, agent="小芸", shop="山野茶铺", time=f"2026-03-02 09:0{n}:00")
    return Message(text, context=context, origin=origin)


MESSAGES = [
    _message("亲特价不开票的哦", 1, ASKED),
    _message("加我微信abc12345，五星好评返2元", 2),
    _message("=HYPERLINK(1)加我微信13800001234便宜10块", 3),
    _message("百分百不掉色", 4),
    _message("开不了的呢亲", 5, ASKED),
]


def _rows(message: Message, *, shown: bool = False) -> list[dict[str, Any]]:
    """Return the rows of findings.jsonl of a message, as they come back from the file."""
    writer = sheet.RowWriter()
    findings = LINTER.check_message(message)
    return list(sheet.read(writer.line(sheet.row_of(f, message.text, message.context, shown=shown)) for f in findings))


def test_a_line_is_json_whatever_the_message_says() -> None:
    """The clauses are written once for many rows and cut off to be read: a message that spells their key is no hindrance."""
    messages = [
        *MESSAGES,
        _message('加我微信, "clauses": [{"id": 1}]}', 6),
        _message('特价不开票的哦\n, "clauses": ', 7),
    ]
    writer = sheet.RowWriter()
    rows = [sheet.row_of(f, m.text, m.context) for m in messages for f in LINTER.check_message(m)]
    written = [writer.line(dict(row)) for row in rows]
    assert len(rows) > 6 and all("\n" not in line for line in written)
    assert [json.loads(line) for line in written] == rows == list(sheet.read(f"{line}\n" for line in written))


def _write(path: Path, messages: list[Message], *, shown: bool = False) -> list[dict[str, Any]]:
    summary = Summary(shown=shown)
    rows = []
    for message in messages:
        findings = LINTER.check_message(message)
        summary.count(message, "tmall", findings)
        rows += _rows(message, shown=shown)
    assert sheet.write(path, iter(rows), summary, LEXICON) == 0
    return rows


def _fill(path: Path, words: list[str | None]) -> None:
    """Judge the rows as people do: open the workbook, choose, save."""
    book = openpyxl.load_workbook(path)
    for number, word in enumerate(words, 2):
        book[decisions.SHEET].cell(number, 1).value = word
    book.save(path)


def test_the_sheet_as_a_spreadsheet_sees_it(tmp_path: Path) -> None:
    path = tmp_path / "f.xlsx"
    rows = _write(path, MESSAGES)
    book = openpyxl.load_workbook(path, rich_text=True)
    assert book.sheetnames == ["违规明细", "汇总", "说明"]
    found = book["违规明细"]
    head = [cell.value for cell in found[1]]
    assert head[:5] == ["判断", "备注", "判定", "规则名称", "消息"]
    assert (found.freeze_panes, found.max_row) == ("B2", len(rows) + 1)
    assert found.auto_filter.ref == f"A1:S{len(rows) + 1}"
    assert found.column_dimensions["S"].hidden
    [choice, length] = found.data_validations.dataValidation
    assert (choice.formula1, str(choice.sqref)) == ('"确认,驳回,申诉"', f"A2:A{len(rows) + 1}")
    assert length.type == "textLength"


def test_the_words_are_marked_inside_the_message(tmp_path: Path) -> None:
    path = tmp_path / "f.xlsx"
    rows = _write(path, MESSAGES)
    found = openpyxl.load_workbook(path, rich_text=True)["违规明细"]
    for number, row in enumerate(rows, 2):
        text = found.cell(number, 5).value
        if row["text"] == row["said"]:
            assert text == row["said"]
            continue
        assert isinstance(text, CellRichText)
        [marked] = [piece for piece in text if not isinstance(piece, str) and piece.font.b]
        assert str(marked) == row["text"]
        assert str(text).lstrip("'") == row["said"]


def test_no_cell_is_a_formula_but_the_counts(tmp_path: Path) -> None:
    path = tmp_path / "f.xlsx"
    _write(path, MESSAGES)
    book = openpyxl.load_workbook(path)
    formulas = [cell.value for page in book for line in page for cell in line if cell.data_type == "f"]
    assert formulas and all(str(value).startswith(("=COUNTIF(", "=COUNTIFS(")) for value in formulas)
    texts = [str(cell.value) for page in book for line in page for cell in line if cell.data_type == "s"]
    assert not [text for text in texts if text.startswith(("=", "+", "-", "@"))]
    assert any(text.startswith("'=HYPERLINK") for text in texts)


@pytest.mark.parametrize("shown", [False, True])
def test_contacts_are_masked_everywhere_unless_asked_for(tmp_path: Path, shown: bool) -> None:
    path = tmp_path / "f.xlsx"
    _write(path, MESSAGES, shown=shown)
    with zipfile.ZipFile(path) as parts:
        whole = b"".join(parts.read(name) for name in parts.namelist())
    assert (b"13800001234" in whole) is shown


FILLED: list[tuple[str, str | None]] = [("确认", "confirmed"), ("驳回", "rejected"), ("申诉", None), (" confirmed ", "confirmed"), ("", None)]  # fmt: skip


@pytest.mark.parametrize(("word", "decision"), FILLED)
def test_decisions_come_back(tmp_path: Path, word: str, decision: str | None) -> None:
    path = tmp_path / "f.xlsx"
    message = MESSAGES[0]
    _write(path, [message])
    _fill(path, [word])
    finding = LINTER.check_message(message)[0]
    assert ledger.read_decisions(path).get(identity(finding)) == decision


def test_sorting_and_widening_the_sheet_changes_nothing(tmp_path: Path) -> None:
    path = tmp_path / "f.xlsx"
    rows = _write(path, MESSAGES)
    _fill(path, ["确认"] * len(rows))
    before = ledger.read_decisions(path)
    book = openpyxl.load_workbook(path)
    found = book["违规明细"]
    found.insert_cols(1)
    found.cell(1, 1).value = "组别"
    found.move_range(f"A2:T{found.max_row}", rows=3)
    book.save(path)
    assert ledger.read_decisions(path) == before


def test_judged_rows_become_cases(tmp_path: Path) -> None:
    path = tmp_path / "f.xlsx"
    rows = _write(path, MESSAGES, shown=True)
    assert [row["rule"] for row in rows] == [
        "invoice-refused", "off-platform-contact", "paid-positive-review", "off-platform-contact", "overpromise",
        "invoice-refused",
    ]  # fmt: skip
    _fill(path, ["确认", "驳回", None, "申诉", "驳回", "确认"])
    cases = {case["text"]: case for case in evaluate.read_cases(path)}
    assert list(cases) == [MESSAGES[0].text, MESSAGES[1].text, MESSAGES[3].text, MESSAGES[4].text]
    first, mixed, clean, asked = cases.values()
    assert (first["platform"], first["channel"], first["context"][0]["text"]) == ("tmall", "chat", "能开发票吗")
    assert [entry["rule"] for entry in first["expect"]] == ["invoice-refused"]
    assert (mixed["expect"], mixed["allow"], clean["expect"]) == ([], ["paid-positive-review"], [])
    score = evaluate.evaluate([first, mixed, clean, asked], LEXICON)
    assert (score.all.right, score.all.wrong, score.all.missed) == (2, 2, 0)


def test_the_commands_read_the_sheet(tmp_path: Path) -> None:
    path = tmp_path / "findings.xlsx"
    message = MESSAGES[0]
    _write(path, [message])
    _fill(path, ["确认"])
    [finding] = LINTER.check_message(message)
    line = {"id": identity(finding), "rule": finding.rule, "verdict": "error", "verdicts": {"tmall": "error"},
            "origin": {"shop": "山野茶铺", "platform": "tmall", "time": "2026-03-02 09:01:00"}}  # fmt: skip
    (tmp_path / "findings.jsonl").write_text(json.dumps(line) + "\n", encoding="utf-8")
    run = CliRunner().invoke
    result = run(main, ["ledger", str(tmp_path / "findings.jsonl"), "--decisions", str(path), "-f", "json"])
    assert json.loads(result.output)["charged"]["charges"][0]["id"] == identity(finding)
    result = run(main, ["eval", str(path), "-f", "json"])
    assert json.loads(result.output)["all"] == {
        "right": 1, "wrong": 0, "found": 1, "missed": 0, "precision": 1.0, "recall": 1.0
    }  # fmt: skip


BROKEN = [
    ("an unknown word", lambda found: found.cell(2, 1, "也许"), r"f\.xlsx:2: 判断 is '也许', expected one of 确认"),
    ("the case was retyped", lambda found: found.cell(2, 19, "x"), r"f\.xlsx:2: 原始数据 is not what was written"),
    ("a column was renamed", lambda found: found.cell(1, 1, "结论"), r"f\.xlsx:1: no column 判断, expected"),
]


@pytest.mark.parametrize(("change", "error"), [row[1:] for row in BROKEN], ids=[row[0] for row in BROKEN])
def test_a_broken_sheet_is_named(tmp_path: Path, change: Any, error: str) -> None:
    path = tmp_path / "f.xlsx"
    _write(path, MESSAGES[:1])
    book = openpyxl.load_workbook(path)
    change(book["违规明细"])
    book.save(path)
    with pytest.raises(SourceError, match=error):
        ledger.read_decisions(path)


def test_what_is_no_workbook_is_named(tmp_path: Path) -> None:
    path = tmp_path / "f.xlsx"
    path.write_text("id,decision\n")
    with pytest.raises(SourceError, match=r"f\.xlsx:1: cannot be read .* expected an XLSX workbook"):
        ledger.read_decisions(path)
    openpyxl.Workbook().save(path)
    with pytest.raises(SourceError, match=r"f\.xlsx:1: no sheet 违规明细"):
        ledger.read_decisions(path)


LONG = [
    ("long text", "您" * 40_000 + "特价不开票的哦" + "好" * 40_000, ()),
    ("long context", "特价不开票的哦", (Turn("buyer", "长" * 20_000), Turn("buyer", "能开发票吗" * 5_000))),
    ("controls", "\x00\x0b\ud800" * 9_000 + "特价不开票的哦", ()),
    ("emoji", "😀" * 20_000 + "特价不开票的哦", ()),
]


@pytest.mark.parametrize(("text", "context"), [row[1:] for row in LONG], ids=[row[0] for row in LONG])
def test_what_does_not_fit_into_a_cell_is_cut_and_still_comes_back(
    tmp_path: Path, text: str, context: tuple[Turn, ...]
) -> None:
    path = tmp_path / "f.xlsx"
    rows = _write(path, [_message(text, 1, context)], shown=True)
    _fill(path, ["确认"])
    [case] = evaluate.read_cases(path)
    assert rows[0]["text"] in case["text"]


def test_rows_beyond_the_limit_are_counted(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sheet, "MOST_ROWS", 2)
    rows = [row for message in MESSAGES for row in _rows(message)]
    assert sheet.write(tmp_path / "f.xlsx", rows, Summary(), LEXICON) == len(rows) - 2
    totals = openpyxl.load_workbook(tmp_path / "f.xlsx")["汇总"]
    cells = {line[0].value: line[1].value for line in totals.iter_rows()}
    assert (cells["本表列出"], cells["放不下、只在 findings.jsonl 里的"]) == (2, len(rows) - 2)
