"""Inputs that were once misread, or not read, without a word: each is written here, run, and must come out right."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import zipfile
from collections.abc import Callable
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from linter.cli import main
from linter.formats import read_document
from linter.inputs import Options
from linter.logs import tables
from linter.markup import mask_html
from linter.model import Message
from linter.sources import read
from linter.times import moment, written

BAD = "亲，加我微信便宜10块"
RULE = "off-platform-contact"


@pytest.fixture(autouse=True)
def _here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)


def write(name: str, text: str | bytes) -> None:
    path = Path(name)
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(text if isinstance(text, bytes) else text.encode())


def run(*arguments: str) -> Result:
    return CliRunner().invoke(main, list(arguments))


def found(*arguments: str) -> list[tuple[str, int | None, str]]:
    """Check, and return the file, line and rule of what is open."""
    result = run("check", "--format", "json", "--show-suppressed", *arguments)
    assert result.exception is None or isinstance(result.exception, SystemExit), result.exception
    listed = json.loads(result.stdout)["findings"]
    return [
        (f["origin"].get("path", ""), f.get("place", {}).get("line"), f["rule"])
        for f in listed
        if not f.get("suppressed")
    ]


def audited(*arguments: str) -> tuple[Result, dict[str, int]]:
    result = run("audit", "--out", "out", "--no-progress", *arguments)
    return result, json.loads(Path("out/summary.json").read_text(encoding="utf-8"))


# --- suppressions ----------------------------------------------------------------------------------------------------

ALLOW = f"kefulint: allow {RULE} -- 反例"
COMMENTS = [  # file, text, lines of what is still found, is the comment told to be idle?
    ("beside a key", "a.yaml", f"售前:\n  - {BAD}\n售后:  # {ALLOW}\n  - 加微信退款\n", [2, 4], True),
    ("beside an id", "a.yaml", f"- id: a1  # {ALLOW}\n  text: {BAD}\n- id: a2\n  text: {BAD}\n", [2, 4], True),
    ("at the end", "a.txt", f"{BAD}\n在的亲\n# {ALLOW}\n", [1], True),
    ("in a code block's line", "a.jsonc", f'{{"a": 1, // {ALLOW}\n "b": "{BAD}"}}', [2], True),
    ("on the header of a block", "a.yaml", f"bad: |  # {ALLOW}\n  {BAD}\n  在的\n", [], False),
    ("on the header of a folded block", "a.yaml", f"bad: >-  # {ALLOW}\n  {BAD}\n  在的\ngood: {BAD}\n", [4], False),
    ("inside a block it is text", "a.yaml", f"bad: |\n  {BAD}\n  # {ALLOW}\n", [2], False),
]  # fmt: skip


@pytest.mark.parametrize(("name", "text", "lines", "idle"), [r[1:] for r in COMMENTS], ids=[r[0] for r in COMMENTS])
def test_a_comment_allows_what_it_stands_beside(name: str, text: str, lines: list[int], idle: bool) -> None:
    write(name, text)
    assert [line for _, line, rule in found(name) if rule == RULE] == lines
    assert ("allows nothing" in run("check", name).stderr) == idle


def test_a_comment_beside_a_listing_allows_it() -> None:
    line = '{"title": "全网最低价保温杯", "price": 3}'
    write("a.jsonc", f"[\n{line}, // kefulint: allow absolute-claim -- 反例\n{line}\n]")
    assert [line for _, line, rule in found("a.jsonc") if rule == "absolute-claim"] == [3]


# --- what is judged --------------------------------------------------------------------------------------------------

JUDGED = [  # file, text, how often
    ("tags", "a.csv", "内容\n加<b>我微</b>信便宜\n", 1),
    ("entities", "a.csv", "内容\n亲&nbsp;加&nbsp;我&nbsp;微信\n&#21152;&#25105;&#24494;&#20449;便宜\n", 2),
    ("tags in text", "a.txt", "加<b>我微</b>信便宜\n", 1),
    ("tags in YAML", "a.yaml", "a: 加<b>我</b>微&nbsp;信\n", 1),
    ("tags in JSON lines", "a.jsonl", '{"text": "加<b>我微</b>信便宜"}\n', 1),
    ("a comment is none of the text", "a.md", "<!-- 加我微信 -->\n在的\n", 0),
    ("what only looks like a tag is text", "a.txt", "身高<b 加我微信 c>的\n", 1),
    ("all in quotation marks", "a.txt", f"“{BAD}”\n", 1),
    ("all but a label", "a.txt", f"1. 参考话术：“{BAD}”\n", 1),
    ("several quotations", "a.txt", f"“您好”“{BAD}”\n", 1),
    ("in a cell", "a.csv", f"编号,话术\n1,“{BAD}”\n", 1),
    ("in Markdown", "a.md", f"> “{BAD}”\n", 1),
    ("somebody is quoted", "a.txt", "他说：“加我微信”\n", 0),
    ("a quotation in a sentence", "a.txt", "骗子会说“加我微信”，您别信\n", 0),
    ("a key twice, first", "a.json", f'{{"bye": "{BAD}",\n "bye": "欢迎下次再来"}}', 1),
    ("a key twice, deeper", "a.json", f'[{{"text": "{BAD}",\n "text": "欢迎"}}]', 1),
    ("a conversation in a row", "a.jsonl", '{"messages": [{"role": "user", "content": "加我微信吗"}, {"role": "assistant", "content": "加我微信便宜"}]}\n', 1),
    ("from and value", "a.jsonl", '{"conversations": [{"from": "human", "value": "加我微信"}, {"from": "gpt", "value": "加我微信便宜"}]}\n', 1),
    ("in parts", "a.jsonl", '{"messages": [{"role": "assistant", "content": [{"type": "text", "text": "加我微信便宜"}, {"type": "image"}]}]}\n', 1),
    ("one conversation in a file", "a.json", '{"id": 1, "messages": [{"role": "user", "content": "加我微信吗"}, {"role": "assistant", "content": "加我微信便宜"}]}', 1),
    ("wrapped in an answer", "a.json", '{"data": {"rows": [{"role": "user", "content": "加我微信吗"}, {"role": "agent", "content": "加我微信便宜"}]}}', 1),
    ("roles alone", "a.txt", "买家：加我微信便宜点行吗\n客服：加我微信便宜\n", 1),
    ("time in brackets", "a.txt", "[2026-03-08 10:00:00] 爱喝茶的猫: 加我微信\n[2026-03-08 10:00:20] 茶铺客服: 加我微信便宜\n", 1),
    ("Chinese days", "a.txt", "2026年3月8日 10:00:00 猫：加我微信\n2026年3月8日 下午 1:00 客服小芸：加我微信便宜\n", 1),
    ("no speaker but a label", "a.txt", "客服微信：加我微信便宜\n用户须知：好\n", 1),
]  # fmt: skip


@pytest.mark.parametrize(("name", "text", "count"), [r[1:] for r in JUDGED], ids=[r[0] for r in JUDGED])
def test_check_and_audit_judge_the_same(name: str, text: str, count: int) -> None:
    write(name, text)
    assert [rule for _, _, rule in found(name)].count(RULE) == count
    _, summary = audited(name)
    assert summary["verdicts"]["error"] == count  # type: ignore[index]


LINKS = [
    ("quoted", '<a href="https://weidian.com/x">看</a>', True),
    ("bare", "<a href=weidian.com/x>看</a>", True),
    ("a form", "<form action='https://weidian.com/x'>看</form>", True),
    ("data", '<div data-url="https://weidian.com/x">看</div>', True),
    ("an autolink", "<https://weidian.com/x>", True),
    ("nowhere", '<a href="#">看</a> <a href="javascript:void(0)">看</a>', False),
    ("a picture", '<img src="https://weidian.com/x.png">', False),
]


@pytest.mark.parametrize(("text", "hit"), [r[1:] for r in LINKS], ids=[r[0] for r in LINKS])
@pytest.mark.parametrize("name", ["a.csv", "a.md", "a.yaml", "a.json", "a.txt", "a.jsonl"])
def test_an_address_in_a_tag_is_judged(name: str, text: str, hit: bool) -> None:
    said = json.dumps(f"亲点{text}下单", ensure_ascii=False)
    cell = '"' + f"亲点{text}下单".replace('"', '""') + '"'
    body = {
        "a.csv": f"内容\n{cell}\n",
        "a.json": f"[{said}]",
        "a.jsonl": f'{{"text": {said}}}\n',
        "a.yaml": f"a: {said}\n",
    }
    write(name, body.get(name, f"亲点{text}下单\n"))
    assert ("off-platform-link" in [rule for _, _, rule in found(name)]) == hit
    assert len(mask_html(text)) == len(text)


# --- what could not be judged ----------------------------------------------------------------------------------------

BROKEN = [
    ("a comment in JSON", "a.json", '{\n // 售后\n "a": "好"}'),
    ("a document of YAML", "a.yaml", "a: 好\n---\nb: [亲\n---\nc: 好\n"),
    ("a line", "a.jsonl", '{"text": "好"}\n{"text": "x\n'),
    ("an unknown role", "a.csv", "角色,内容\n客服,好\n0,好\n"),
    ("a short row", "a.csv", "角色,会话,内容\n客服,1,好\n客服\n"),
    ("bytes", "a.txt", "好的亲\n".encode() + b"\xff\xff\xfe\n"),
    ("a PDF", "a.txt", b"%PDF-1.4\n"),
    ("a picture", "a.md", b"\x89PNG\r\n\x1a\n\x00\x00"),
    ("an office file", "a.csv", b"PK\x03\x04\x00\x00\x00"),
    ("no workbook", "a.xls", "<table></table>"),
    ("a quote", "a.csv", '编号,内容\n1,"亲，您好\n2,好的\n'),
]  # fmt: skip


@pytest.mark.parametrize(("name", "text"), [r[1:] for r in BROKEN], ids=[r[0] for r in BROKEN])
def test_what_could_not_be_judged_makes_the_status_2(name: str, text: str | bytes) -> None:
    write(name, text)
    write("good.txt", "亲，在的\n")
    result = run("check", "good.txt", name)
    assert result.exit_code == 2 and "没能判" in result.stderr
    assert len([line for line in result.stderr.splitlines() if ", expected " in line]) == 1
    assert run("check", "good.txt", name, "--allow-broken").exit_code == 0
    result, _ = audited("good.txt", name)
    assert result.exit_code == 2
    assert audited("good.txt", name, "--allow-broken")[0].exit_code == 0


@pytest.mark.parametrize(
    ("kind", "sign"),
    [
        ("junit", "<error "), ("github", "::error file=a.json,line=2"), ("gitlab", '"severity": "blocker"'),
        ("sarif", '"executionSuccessful": false'), ("json", "broken JSON"),
    ],
)  # fmt: skip
def test_every_report_names_what_could_not_be_judged(kind: str, sign: str) -> None:
    write("a.json", '{\n // 售后\n "a": "好"}')
    result = run("check", "a.json", "-f", kind)
    assert sign in result.stdout and result.exit_code == 2


@pytest.mark.parametrize("command", [("check",), ("audit", "--out", "out")])
def test_a_folder_without_anything_to_judge_is_an_error(command: tuple[str, ...]) -> None:
    Path("empty").mkdir()
    result = run(*command, "empty")
    assert result.exit_code == 2 and "empty:1: no file" in result.stderr


def test_files_of_kinds_that_are_not_read_are_counted() -> None:
    write("a.txt", "亲，在的\n")
    write("faq.docx", b"PK\x03\x04")
    assert "没有读的文件：.docx 1 个" in run("check", ".").stderr


# --- tables ----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", ["check", "audit"])
def test_a_quote_that_is_never_closed_swallows_no_rows(name: str) -> None:
    write("a.csv", f'编号,内容\n1,"亲，您好\n2,{BAD}\n3,好的\n')
    result = run(name, "a.csv", *(["--out", "out"] if name == "audit" else []))
    assert "3 条" in result.output and "错误 1" in result.output
    assert "没有合上" in result.output or "a quote that is not closed" in result.output


UNCLOSED = [
    ("at the end", '内容,n\n"a,1\nb,2\n', ["a", "b"]),
    ("up to another", '内容,n\n"a,1\nb,2\nc,"3"\nd,4\n', ["a", "b", "c", "d"]),
    ("a cell of several lines is whole", '内容,n\n"a\nb",1\nc,2\n', ["a\nb", "c"]),
    ("doubled quotes", '内容,n\n"a ""b""\nc",1\n', ['a "b"\nc']),
]


@pytest.mark.parametrize(("text", "texts"), [r[1:] for r in UNCLOSED], ids=[r[0] for r in UNCLOSED])
def test_both_readers_of_csv_take_the_same_cells(text: str, texts: list[str]) -> None:
    write("a.csv", text)
    assert [reply.text for reply in read_document("a.csv").replies] == texts
    assert [text for table in tables("a.csv") for text in table.texts] == texts


@pytest.mark.parametrize("first", ["杯子", "夏季薄款速干男女通用户外登山徒步帽子遮阳"])
@pytest.mark.parametrize("kind", ["csv", "json"])
def test_listings_without_ids_are_named_by_their_rows(first: str, kind: str) -> None:
    rows = [(first, "39"), ("男女学生大容量便携水杯礼盒装", "42"), ("男女学生大容量便携水杯礼盒装", "43")]
    if kind == "csv":
        write("a.csv", "标题,价格\n" + "".join(f"{a},{b}\n" for a, b in rows))
    else:
        write("a.json", json.dumps([{"title": a, "price": b} for a, b in rows], ensure_ascii=False, indent=0))
    result = run("check", f"a.{kind}", "-f", "json")
    (finding,) = [f for f in json.loads(result.stdout)["findings"] if f["rule"] == "duplicate-listing"]
    assert finding["origin"]["row"] == (3 if kind == "csv" else 2) and "行、a." in finding["message"]


@pytest.mark.parametrize("head", ["副标题", "卖点", "brief", "sub_title", "促销语"])
def test_every_text_of_a_listing_is_judged(head: str) -> None:
    write("a.csv", f"id,标题,{head},价格,图片说明文字\n1,保温杯,全网最低价 国家级品质,39,这里写的是图片的说明\n")
    result = run("check", "a.csv", "-p", "tmall")
    assert "absolute-claim" in result.stdout and "没有判的列：图片说明文字" in result.stderr
    assert audited("a.csv")[1]["rules"]


def _workbook(name: str) -> None:
    xlsxwriter = pytest.importorskip("xlsxwriter")
    with xlsxwriter.Workbook(name) as book:
        for sheet in ("售前", "售后"):
            page = book.add_worksheet(sheet)
            page.write_row(0, 0, ["话术"])
            page.write_row(1, 0, [BAD])


@pytest.mark.parametrize("kind", ["text", "grouped", "csv", "junit", "github", "gitlab", "sarif", "json"])
def test_every_report_names_the_sheet(kind: str) -> None:
    _workbook("话术.xlsx")
    said = run("check", "话术.xlsx", "-f", kind).stdout
    assert "售前" in said and "售后" in said


def test_an_audit_names_the_sheet() -> None:
    _workbook("话术.xlsx")
    audited("话术.xlsx")
    rows = [json.loads(line) for line in Path("out/findings.jsonl").read_text(encoding="utf-8").splitlines()]
    assert [(row["origin"]["path"], row["origin"]["sheet"]) for row in rows] == [
        ("话术.xlsx", "售前"),
        ("话术.xlsx", "售后"),
    ]


def _far_cell(name: str) -> None:
    """Move one cell of a small workbook to the last corner."""
    _workbook("near.xlsx")
    with zipfile.ZipFile("near.xlsx") as near, zipfile.ZipFile(name, "w") as far:
        for entry in near.namelist():
            far.writestr(entry, near.read(entry).replace(b'r="A2"', b'r="XFD1048576"'))


def test_a_workbook_with_a_far_cell_costs_no_other_file() -> None:
    _far_cell("far.xlsx")
    write("a.txt", BAD)
    result, summary = audited("far.xlsx", "a.txt")
    assert result.exit_code == 2 and summary["verdicts"]["error"] == 1  # type: ignore[index]
    assert "far.xlsx:1: a sheet with cells as far away" in run("check", "far.xlsx").stderr


def test_a_workbook_of_another_suffix_is_read() -> None:
    _workbook("book.xlsx")
    Path("book.xlsx").rename("book.xls")
    assert [rule for _, _, rule in found("book.xls")] == [RULE, RULE]
    assert len([item for item in read("book.xls") if isinstance(item, Message)]) == 2


# --- times -----------------------------------------------------------------------------------------------------------

TIMES = [
    ("2026-03-08 15:05:00", "2026-03-08 15:05:00"),
    ("2026/3/8 15:05", "2026-03-08 15:05:00"),
    ("2026.03.08 15:05:00", "2026-03-08 15:05:00"),
    ("2026年3月8日 15:05", "2026-03-08 15:05:00"),
    ("2026年3月8日 下午3点05分", "2026-03-08 15:05:00"),
    ("2026/3/8 下午 3:05:00", "2026-03-08 15:05:00"),
    ("2026/3/8 3:05:00 PM", "2026-03-08 15:05:00"),
    ("2026-03-08 上午12:05", "2026-03-08 00:05:00"),
    ("26-03-08 15:05:00", "2026-03-08 15:05:00"),
    ("20260308150500", "2026-03-08 15:05:00"),
    ("202603081505", "2026-03-08 15:05:00"),
    ("20260308 150500", "2026-03-08 15:05:00"),
    ("1772953500", "2026-03-08 15:05:00"),
    ("1772953500000", "2026-03-08 15:05:00"),
    ("1772953500000000", "2026-03-08 15:05:00"),
    ("2026-03-08T07:05:00Z", "2026-03-08 15:05:00"),
    ("2026-03-08T16:05:00+09:00", "2026-03-08 15:05:00"),
    ("2026-03-08 星期日 15:05", "2026-03-08 15:05:00"),
    ("2026-03-08", "2026-03-08"),
    ("2026年3月8日", "2026-03-08"),
    *((text, None) for text in (
        "03-08 15:05:00", "03月01日 12:07", "12:07", "03/08/26 10:00", "03/08/2026 10:00", "2026-02-30 10:00", "2026-03-08 晚上12:00",
        "9999-12-31T23:59:59+00:00", "0001-01-01T00:00:00+14:00", "99999999999999999999", "²²²²²²²²²²", "46089.5", "nan", "", "昨天",
    )),
]  # fmt: skip


@pytest.mark.parametrize(("text", "expected"), TIMES, ids=[row[0] or "nothing" for row in TIMES])
def test_times_are_read_or_not_but_never_guessed(text: str, expected: str | None) -> None:
    assert written(text) == expected and (moment(text) is None) == (expected is None)


def _log(times: list[str], head: str = "会话ID,时间,角色,内容", parts: int = 1) -> str:
    rows = [f"{at // 2},{time},{'买家' if at % 2 == 0 else '客服'},在的呢{at}" for at, time in enumerate(times)]
    return "\n".join([head, *rows]) + "\n"


def test_times_that_are_not_understood_are_named_with_their_count() -> None:
    write("a.csv", _log(["03-08 15:05:00", "03-08 15:05:40", "2026-03-08 15:05:00", "03-09 15:05:40"]))
    result, _ = audited("a.csv")
    assert "a.csv:2: time '03-08 15:05:00' is not understood, 3 rows like it (also rows 3、5)" in result.stderr
    assert result.exit_code == 0 and audited("a.csv", "-p", "tmall", "--strict-input")[0].exit_code == 2


@pytest.mark.parametrize("day", ["2026-03-08", "2026/3/8", "2026年3月8日"])
def test_a_day_and_a_time_in_two_columns_are_one_moment(day: str) -> None:
    write("a.csv", f"会话,日期,时间,角色,内容\n1,{day},15:05:00,买家,在吗\n1,{day},15:05:40,客服,在的\n")
    (table,) = tables("a.csv")
    assert table.times == ["2026-03-08 15:05:00", "2026-03-08 15:05:40"] and not table.untimed


@pytest.mark.parametrize(
    "value", ['"time": "9999-12-31T23:59:59+00:00"', '"time": "0001-01-01T00:00:00+14:00"', '"time": "²²²²²²²²²²"', '"turn": 1e400', '"time": "99999999999999999999"']
)  # fmt: skip
def test_one_bad_value_ends_no_audit(value: str) -> None:
    good = '{"text": "加我微信", "session": "s", "role": "agent"}\n'
    write("a.jsonl", good * 3 + f'{{"text": "在的", "session": "s", "role": "agent", {value}}}\n')
    result, summary = audited("a.jsonl")
    assert result.exit_code == 1 and summary["messages"] == 4


# --- who speaks ------------------------------------------------------------------------------------------------------

ROLES = [
    ("a call centre", "会话ID,角色,内容", ("访客", "坐席")),
    ("another", "会话ID,角色,内容", ("客户", "座席")),
    ("traders", "会话ID,角色,内容", ("买方", "卖方")),
    ("a direction", "conversation,direction,content", ("incoming", "outgoing")),
    ("a name beside it", "conversation,direction,content,sender_name", ("received", "sent")),
    ("a bot", "session,role,content", ("user", "assistant")),
    ("yes and no", "会话,是否客服发送,内容", ("否", "是")),
    ("one and nought", "会话,is_agent,内容", ("0", "1")),
    ("true and false", "会话,fromMe,内容", ("False", "True")),
    ("the buyer's yes", "会话,是否买家,内容", ("是", "否")),
    ("by its values", "会话,谁,内容", ("买家", "客服")),
    ("names with signs", "Session ID,senderRole,内容", ("customer", "staff")),
]


@pytest.mark.parametrize(("head", "words"), [r[1:] for r in ROLES], ids=[r[0] for r in ROLES])
def test_the_words_of_common_tools_tell_who_speaks(head: str, words: tuple[str, str]) -> None:
    more = ",小兰" * (head.count(",") - 2)
    write("a.csv", f"{head}\n1,{words[0]},能加微信吗{more}\n1,{words[1]},{BAD}{more}\n")
    result, summary = audited("a.csv")
    assert (summary["messages"], summary["buyer_messages"], result.exit_code) == (1, 1, 1)
    assert found("a.csv") == [("a.csv", 3, RULE)]


@pytest.mark.parametrize("head", ["会话,谁说的,内容", "买家昵称,备注,内容", "session_id,消息流向,text"])
@pytest.mark.parametrize("command", ["check", "audit"])
def test_a_log_that_does_not_say_who_speaks_asks(head: str, command: str) -> None:
    write("a.csv", f"{head}\n1,甲,能加微信吗\n1,乙,好\n")
    out = ["--out", "out"] if command == "audit" else []
    result = run(command, "a.csv", *out)
    said = "no column is known to say who speaks" if command == "check" else "看不出哪一列说的是谁在说话"
    assert result.exit_code == 2 and said in result.output
    name = head.split(",")[1]
    mapped = run(command, "a.csv", "--column", f"role={name}", "--role", "甲=buyer", "--role", "乙=agent", *out)
    assert mapped.exit_code == 0
    assert run(command, "a.csv", "--role", "*=agent", *out).exit_code in (0, 1)


ODD = [
    ("buyers only", "角色,内容\n买家,好\n买家,在吗\n", "none is an agent's"),
    ("agents only", "角色,内容\n客服,好\n客服,在的\n", "none is a buyer's"),
    ("agents only ask", "会话,角色,内容\n" + "".join(f"{n},客服,这款有货吗？\n{n},买家,有的\n" for n in range(6)), "ask questions"),
    ("some say nothing", "角色,内容\n买家,好\n客服,好\n,好\n", "1 rows without a role"),
]  # fmt: skip


@pytest.mark.parametrize(("text", "said"), [r[1:] for r in ODD], ids=[r[0] for r in ODD])
@pytest.mark.parametrize("command", ["check", "audit"])
def test_an_odd_log_is_pointed_out(text: str, said: str, command: str) -> None:
    write("a.csv", text)
    result = run(command, "a.csv", *(["--out", "out"] if command == "audit" else []))
    assert said in result.stderr


SAID = [
    ("a table", "a.csv", "会话,昵称,发送时间,内容,备注\n1,小兰,2026-03-08 10:00,在吗,老客户要仔细招呼\n1,客服小芸,2026-03-08 10:01,在的,\n".encode("gb18030"),
     "读入 a.csv：CSV（gb18030）；列：内容=内容、发送者=昵称、会话=会话、时间=发送时间；是谁说的按「昵称」列的名字猜；平台：淘宝（没有说，用默认的）；没有判的列：备注",
     {"the encoding was guessed", "who speaks is guessed", "no platform is named", "columns with text are not judged"}),
    ("plain text", "a.txt", "亲，在的\n".encode(), "读入 a.txt：文本（utf-8）；每行算一条；全部算店铺说的", set()),
    ("a known export", "a.csv", "客服账号,买家昵称,消息内容,发送方\na,b,好,商家\na,b,好,买家\n".encode(),
     "按拼多多商家后台的导出格式读（pinduoduo）；没有时间列；平台：拼多多（拼多多商家后台）",
     {"read as an export of pinduoduo"}),
    ("a title above", "a.csv", "三月导出\n角色,内容\n客服,好\n买家,好\n".encode(), "「角色」列说是谁说的", {"the header was found in line 2", "no platform is named"}),
]  # fmt: skip


@pytest.mark.parametrize(("name", "text", "line", "guesses"), [r[1:] for r in SAID], ids=[r[0] for r in SAID])
@pytest.mark.parametrize("command", ["check", "audit"])
def test_how_a_file_was_read_is_said_and_what_was_guessed_can_be_an_error(
    name: str, text: bytes, line: str, guesses: set[str], command: str
) -> None:
    write(name, text)
    out = ["--out", "out"] if command == "audit" else []
    result = run(command, name, *out)
    assert line in result.stderr and result.exit_code == 0
    strict = run(command, name, "--strict-input", *out)
    assert (strict.exit_code == 2) == bool(guesses) and all(guess in strict.stderr for guess in guesses)


def test_many_files_that_are_read_alike_share_a_line() -> None:
    for number in range(9):
        write(f"{number}.txt", "亲，在的\n")
    assert "读入 0.txt 等 9 个文件：文本" in run("check", ".").stderr


# --- paths, pipes, streams -------------------------------------------------------------------------------------------


@pytest.mark.parametrize("spelt", ["../旧/a.txt ../反例/c.txt", "..", "{here}/../旧/a.txt", "../新/../旧"])
def test_patterns_hold_however_a_path_is_spelt(spelt: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    write("kefulint.toml", 'exclude = ["话术/旧"]\n')
    write(".kefulint-allow.yaml", f"- path: 话术/反例/*.txt\n  rule: {RULE}\n  reason: 反例\n")
    for name, text in (("旧/a.txt", BAD), ("新/b.txt", "亲，在的"), ("反例/c.txt", BAD)):
        write(f"话术/{name}", text + "\n")
    monkeypatch.chdir(tmp_path / "话术" / "新")
    assert found(*spelt.format(here=Path.cwd()).split()) == []


def test_what_git_ignores_is_not_searched() -> None:
    write(".gitignore", "node_modules/\n/dist\n*.log.txt\n!keep.log.txt\n")
    for name in ("node_modules/x/README.md", "dist/b.txt", "a.log.txt", "keep.log.txt", "replies/dist/a.txt"):
        write(name, BAD + "\n")
    assert len(found(".")) == 5, "outside a working tree nothing is ignored"
    Path(".git").mkdir()
    assert sorted(path for path, _, _ in found(".")) == ["keep.log.txt", "replies/dist/a.txt"]
    said = run("check", ".").stderr
    assert "按 .gitignore 跳过 3 处" in said, said[-80:]
    assert [path for path, _, _ in found("dist")] == ["dist/b.txt"], "what is named is checked"
    write("kefulint.toml", "gitignore = false\n")
    assert len(found(".")) == 5


def test_fingerprints_differ_by_place() -> None:
    write("faq/a.txt", BAD + "\n")
    write("bot/b.txt", f"{BAD}\n{BAD}\n")
    issues = json.loads(run("check", ".", "-f", "gitlab").stdout)
    assert len({issue["fingerprint"] for issue in issues}) == len(issues) == 3


def _started(arguments: list[str], **streams: object) -> subprocess.Popen[bytes]:
    return subprocess.Popen([sys.executable, "-m", "linter", *arguments], **streams)  # type: ignore[call-overload, no-any-return]


@pytest.mark.skipif(os.name != "posix", reason="needs POSIX pipes")
def test_a_reader_that_has_gone_ends_an_audit_without_a_word() -> None:
    write("a.txt", "亲，在的\n")
    gone, ours = os.pipe()
    os.close(gone)
    child = _started(["audit", "a.txt", "--out", "out"], stdout=ours, stderr=subprocess.PIPE)
    os.close(ours)
    errors = child.communicate()[1].decode()
    assert child.returncode == 141 and [line for line in errors.splitlines() if "读入" not in line] == []


def _closing(number: int) -> Callable[[], None]:
    return lambda: os.close(number)


@pytest.mark.skipif(os.name != "posix", reason="needs POSIX streams")
@pytest.mark.parametrize(
    ("number", "arguments", "status"),
    [
        (0, ["check", "a.txt"], 1),
        (0, ["check", "-"], 2),
        (1, ["check", "a.txt"], 1),
        (2, ["check", "a.txt"], 1),
        (1, ["audit", "a.txt"], 1),
    ],
)
def test_closed_standard_streams_are_no_trouble(number: int, arguments: list[str], status: int) -> None:
    write("a.txt", BAD + "\n")
    child = _started(
        arguments, stdout=subprocess.PIPE, stderr=subprocess.PIPE, stdin=subprocess.DEVNULL, preexec_fn=_closing(number)
    )
    _, errors = child.communicate()
    assert child.returncode == status and b"Traceback" not in errors


# --- documents -------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", ["a.json", "a.yaml"])
def test_a_key_that_stands_twice_is_named(name: str) -> None:
    write(name, '{"a": "好的亲",\n "a": "在的亲"}' if name == "a.json" else "a: 好的亲\na: 在的亲\n")
    document = read_document(name)
    assert [str(doubt) for doubt in document.doubts] == [
        f"{name}:2: key 'a' stands twice, expected it once (first on line 1)"
    ]
    assert [reply.text for reply in document.replies] == ["好的亲", "在的亲"]


def test_a_conversation_has_its_context_and_places() -> None:
    line = '{"id": "7", "messages": [{"role": "user", "content": "能开发票吗"}, {"role": "assistant", "content": "开不了的亲"}]}'
    write("a.jsonl", line + "\n")
    asked, said = read_document("a.jsonl").replies
    assert (asked.role, said.role, said.origin.session, said.origin.turn) == ("buyer", "agent", "7", 1)
    assert [turn.text for turn in said.context] == ["能开发票吗"] and said.origin.column == line.index("开不了") + 1
    (table,) = tables("a.jsonl", Options())
    assert (table.roles, table.sessions, table.turns) == (["buyer", "agent"], ["7", "7"], [0, 1])


def test_lines_that_look_like_turns_but_cannot_be_read_are_pointed_out() -> None:
    write("a.txt", "03-08 10:00 猫：在吗\n03-08 10:01 客服：在的\n")
    (doubt,) = read_document("a.txt").doubts
    assert "lines begin like turns of a conversation" in str(doubt)
