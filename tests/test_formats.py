"""Documents: what is a reply in every format, where every character of it stands, and edits that touch nothing else."""

from __future__ import annotations

import csv
import io
import json
import re
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import polib
import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from linter.engine import Linter
from linter.formats import FORMATS, Comment, Document, Options, read_document
from linter.formats.fields import Fields
from linter.formats.tables import cells
from linter.model import Fix, KefulintError, Message, SourceError
from linter.placeholders import MASK, mask

PO = r"""msgid ""
msgstr "头: 部\n"

# 注
msgid "a"
msgstr ""
"您好\"亲\"\n"
"再见"
#, fuzzy
msgid "b"
msgstr "稿"

msgid "c"
msgid_plural "d"
msgstr[0] "一"
msgstr[1] "二"
#~ msgid "e"
#~ msgstr "旧"
"""
# name, file, (text, line, column) of every reply
READS: list[tuple[str, str, str, list[tuple[str, int, int]]]] = [
    ("text", "a.txt", "您好\r\n\r\n  在的\t亲😀呀\n", [("您好", 1, 1), ("  在的\t亲😀呀", 3, 1)]),
    ("markdown", "a.md", "---\nx: 1\n---\n# 话术\n- 在的亲\n> 您好\n```\n代码\n```\n<!-- 注\n释 -->\n完",
     [("话术", 4, 3), ("在的亲", 5, 3), ("您好", 6, 3), ("完", 12, 1)]),
    ("markdown table", "b.md", "| 问 | 答 |\n|---|:-:|\n| 发票 | 可以的 |\n",
     [("问", 1, 3), ("答", 1, 7), ("发票", 3, 3), ("可以的", 3, 8)]),
    ("markdown, fence left open", "c.md", "您好\n~~~\n代码\n", [("您好", 1, 1)]),
    ("csv", "a.csv", "\ufeff编号,内容\r\n1,在的亲\r\n2,\"两行\r\n\"\"文字\"\r\n", [("在的亲", 2, 3), ("两行\n\"文字", 3, 4)]),
    ("csv, several texts", "b.csv", "快捷语,回复,话术\nfp,可以的,有的\n", [("可以的", 2, 4), ("有的", 2, 8)]),
    ("csv without header", "c.csv", "欢迎语,您好呀\n发票,ok\n", [("欢迎语", 1, 1), ("您好呀", 1, 5), ("发票", 2, 1)]),
    ("tsv", "a.tsv", "id\ttext\n1\t😀您好\n", [("😀您好", 2, 3)]),
    ("json", "a.json", '{"欢迎": [\n {"id": "a-1", "reply": "您好\\n亲"},\n\t{"reply": "\\u518d\\u89c1\\ud83d\\ude00"}]}',
     [("您好\n亲", 2, 26), ("再见😀", 3, 13)]),
    ("json records", "b.json", '[{"问题": "发票", "答案": "可以的", "按钮": [{"文案": "去看看"}]},\n {"答案": "有的"}]',
     [("可以的", 1, 22), ("去看看", 1, 43), ("有的", 2, 10)]),
    ("json with comments", "a.jsonc", '{ // 注\n "a": ["您好 // 亲",],\n}', [("您好 // 亲", 2, 9)]),
    ("jsonl", "a.jsonl", '{"text": "您好"}\n\n"再见呀"\n', [("您好", 1, 11), ("再见呀", 3, 2)]),
    ("yaml", "a.yaml", "欢迎: # 注\n  - &x 您好😀呀\n  - *x\n  - 'it''s 好'\n  - \"甲\\u4e59\\\n    丙\"\n",
     [("您好😀呀", 2, 8), ("it's 好", 4, 6), ("甲乙丙", 5, 6)]),
    ("yaml blocks", "b.yaml", "a: |-  # 注\n   行一\n     行二\nb: >\n  一\n  二\n\n  三\nc: [甲, 乙\n  丙]\n",
     [("行一\n  行二", 2, 4), ("一 二\n三", 5, 3), ("甲", 9, 5), ("乙 丙", 9, 8)]),
    ("yaml documents", "c.yaml", "- 一\n---\n- 二\n", [("一", 1, 3), ("二", 3, 3)]),
    ("po", "a.po", PO, [('您好"亲"\n再见', 7, 2), ("一", 15, 12), ("二", 16, 12)]),
    ("jinja", "a.txt.j2", "{# 注\n释 #}\n您好{{ name }}{% if x %}开{% endif %}\n",
     [("您好{{ name }}{% if x %}开{% endif %}", 3, 1)]),
    ("empty", "e.yaml", "", []),
    ("empty json", "e.json", "", []),
    ("empty csv", "e.csv", "", []),
]  # fmt: skip


@pytest.mark.parametrize(("name", "body", "expected"), [row[1:] for row in READS], ids=[row[0] for row in READS])
def test_reads(name: str, body: str, expected: list[tuple[str, int, int]]) -> None:
    document = read_document(name, data=body.encode())
    assert [(document.text_of(r), r.origin.line, r.origin.column) for r in document.replies] == expected
    assert not document.troubles
    assert document.edited([]) == body.encode()


ENCODINGS = ["utf-8", "utf-8-sig", "gb18030", "utf-16"]


@pytest.mark.parametrize("encoding", ENCODINGS)
@pytest.mark.parametrize(
    ("name", "body"), [row[1:3] for row in READS if row[3]], ids=[row[0] for row in READS if row[3]]
)
def test_edits_keep_every_other_byte(name: str, body: str, encoding: str) -> None:
    """In every encoding: changing the first word of each reply changes exactly that."""
    data = body.removeprefix("\ufeff").encode(encoding)
    document = read_document(name, data=data)
    words = "「好」" if encoding != "gb18030" else "「改」"
    edited = document.edited([(reply, Fix(0, 1, words)) for reply in document.replies])
    again = read_document(name, data=edited)
    assert [again.text_of(r) for r in again.replies] == [words + document.text_of(r)[1:] for r in document.replies]
    restored = again.edited(
        [(new, Fix(0, 3, document.text_of(old)[0])) for old, new in zip(document.replies, again.replies, strict=True)]
    )
    assert restored == data or name.endswith((".json", ".yaml"))  # an escape that was replaced is written plainly
    assert read_document(name, data=restored).replies == document.replies


# name, file, before, the change, after
EDITS: list[tuple[str, str, str, Fix, str]] = [
    ("JSON escapes", "a.json", '["您好\\t亲"]', Fix(0, 2, '"在"\\'), '["\\"在\\"\\\\\\t亲"]'),
    ("JSON in ASCII stays so", "a.json", '["\\u60a8\\u597d"]', Fix(0, 1, "😀"), '["\\ud83d\\ude00\\u597d"]'),
    ("CSV cell that needs quotes", "a.csv", "text,n\r\n您好,1\r\n", Fix(0, 1, "你,"), 'text,n\r\n"你,好",1\r\n'),
    ("CSV cell in quotes", "a.csv", 'text\n"您""好"\n', Fix(0, 2, '"'), 'text\n"""好"\n'),
    ("YAML plain stays plain", "a.yaml", "a: 您好 # 注\n", Fix(0, 1, "你"), "a: 你好 # 注\n"),
    ("YAML plain that needs quotes", "a.yaml", "a: 您好 # 注\nb: 您好\n", Fix(0, 2, "甲: 'x' # y"), "a: '甲: ''x'' # y' # 注\nb: 您好\n"),
    ("YAML flow that needs quotes", "a.yaml", "a: [您好, 乙]\n", Fix(1, 2, "好]"), "a: ['您好]', 乙]\n"),
    ("YAML single", "a.yaml", "a: '您''好'\n", Fix(2, 3, "'"), "a: '您'''''\n"),
    ("YAML double", "a.yaml", 'a: "您\\u597d"\n', Fix(0, 1, '"\\'), 'a: "\\"\\\\\\u597d"\n'),
    ("YAML literal", "a.yaml", "a: |\n  您好\n  再见\nb: 1\n", Fix(3, 5, "在"), "a: |\n  您好\n  在\nb: 1\n"),
    ("YAML literal that would lose its indent", "a.yaml", "a: |\n  您好\n  再见\nb: 1\n", Fix(0, 1, " "), 'a: "\u0020好\\n再见\\n"\nb: 1\n'),
    ("PO", "a.po", 'msgid "a"\nmsgstr "您"\n"好"\n', Fix(0, 1, '"\n'), 'msgid "a"\nmsgstr "\\"\\n"\n"好"\n'),
    ("text", "a.txt", "您好\r\n再见\r\n", Fix(0, 2, "在的"), "在的\r\n再见\r\n"),
    ("a whole line", "a.txt", "您好\r\n再见\r\n", Fix(0, 2, ""), "\r\n再见\r\n"),
]  # fmt: skip


@pytest.mark.parametrize(("name", "before", "fix", "after"), [row[1:] for row in EDITS], ids=[row[0] for row in EDITS])
def test_edits_are_written_as_the_format_wants(name: str, before: str, fix: Fix, after: str) -> None:
    document = read_document(name, data=before.encode())
    assert document.edited([(document.replies[0], fix)]).decode() == after


DECLINED = [
    ("a line break in text", "a.txt", "您好\n", "甲\n乙", "cannot be written there"),
    ("a bar in a table", "a.md", "| 您好 |\n", "甲|乙", "cannot be written there"),
]


@pytest.mark.parametrize(("name", "body", "words", "says"), [r[1:] for r in DECLINED], ids=[r[0] for r in DECLINED])
def test_what_a_format_cannot_hold_is_declined(name: str, body: str, words: str, says: str) -> None:
    document = read_document(name, data=body.encode())
    with pytest.raises(KefulintError, match=says):
        document.edited([(document.replies[0], Fix(0, 1, words))])


# --- places ----------------------------------------------------------------------------------------------------------

BREACH = "特价不开票"
PLACES = [
    ("text", "a.txt", "您好\r\n😀\t亲特价不开票的", (2, 4, 2, 9)),
    ("markdown", "a.md", "- **亲** <b>特价</b>不开票的\n", (1, 12, 1, 21)),
    ("csv", "a.csv", 'text\n"第""一""行\n亲，特价不开票"\n', (3, 3, 3, 8)),
    ("json", "a.json", '["\\u4eb2\\ud83d\\ude00\\n特价\\u4e0d开票"]', (1, 23, 1, 33)),
    ("yaml folded", "a.yaml", "a: >-\n  亲，特价\n  不开票\n", (2, 5, 3, 6)),
    ("yaml double", "a.yaml", 'a: "亲，特\\u4ef7\\\n  不开票"\n', (1, 7, 2, 6)),
    ("po", "a.po", 'msgid "x"\nmsgstr "亲，特价"\n"不开票"\n', (2, 11, 3, 5)),
]


@pytest.mark.parametrize(("name", "body", "place"), [row[1:] for row in PLACES], ids=[row[0] for row in PLACES])
@pytest.mark.parametrize("encoding", ENCODINGS)
def test_findings_are_placed_to_the_character(
    name: str, body: str, place: tuple[int, int, int, int], encoding: str
) -> None:
    document = read_document(name, data=body.encode(encoding))
    (finding,) = [
        document.located(f, r) for r in document.replies for f in LINTER.check_message(r) if f.rule == "invoice-refused"
    ]
    assert finding.place is not None and finding.origin.path == name
    got = finding.place
    assert (got.line, got.column, got.end_line, got.end_column) == place


LINTER = Linter("tmall")


def test_a_listing_is_placed_by_field() -> None:
    document = read_document("a.csv", data="标题,价格,详情\n竹篮,3,<p>正品</p>，加微信优惠\n")
    (record,) = document.records
    (finding,) = [f for f in LINTER.check_listing(record.record) if f.rule == "listing-contact"]
    located = document.located(finding, record)
    assert located.place is not None and (located.place.line, located.place.column) == (2, 16)


def test_a_workbook_is_placed_by_sheet_and_cell(tmp_path: Path) -> None:
    openpyxl = pytest.importorskip("openpyxl")
    book = openpyxl.Workbook()
    book.active.title = "售前"
    for row in (["编号", "话术"], [1, "您好"], [2, "亲，特价不开票"]):
        book.active.append(row)
    book.create_sheet("售后")["B2"] = "再见呀"
    book.save(tmp_path / "话术 库.xlsx")
    document = read_document(tmp_path / "话术 库.xlsx")
    assert [(r.text, r.origin.sheet, r.origin.line, r.origin.column) for r in document.replies] == [
        ("您好", "售前", 2, 2), ("亲，特价不开票", "售前", 3, 2), ("再见呀", "售后", 2, 2),
    ]  # fmt: skip
    (finding,) = LINTER.check_message(document.replies[1])
    place = document.located(finding, document.replies[1]).place
    assert place is not None and (place.line, place.column) == (3, 2)
    assert document.edited([]) == (tmp_path / "话术 库.xlsx").read_bytes()
    with pytest.raises(KefulintError, match="a workbook is not fixed in place"):
        document.edited([(document.replies[1], Fix(0, 1, "x"))])


# --- placeholders ----------------------------------------------------------------------------------------------------

MASKS = [
    ("{{ name }}", True), ("{name}", True), ("{昵称}", True), ("${order.id}", True), ("%s", True), ("%(name)s", True),
    ("%1$s", True), ("{}", True), ("{0}", True), ("【昵称】", True), ("#订单号#", True), ("[买家昵称]", True), ("{% if x %}", True),
    ("100%的", False), ("【店长推荐】", False), ("50% off", False), ("{加我微信，有优惠}", False), ("[微笑]", False),
]  # fmt: skip


@pytest.mark.parametrize(("text", "is_masked"), MASKS, ids=[row[0] for row in MASKS])
def test_placeholders_are_told_from_words(text: str, is_masked: bool) -> None:
    masked = mask(f"亲{text}好")
    assert len(masked) == len(text) + 2 and masked[0] == "亲" and masked[-1] == "好"
    assert (masked != f"亲{text}好") == is_masked


JUDGED = [
    ("a word cut by a placeholder", "可以不{{x}}开{{y}}票吗", []),
    ("what a placeholder is called", "亲，{{wechat_id}} 会联系您", []),
    ("words around a placeholder", "加{{客服名}}微信领券", ["off-platform-contact"]),
    ("a sum to come", "五星好评返{{amount}}元", ["paid-positive-review"]),
    ("a sum in printf", "五星好评返%d元", ["paid-positive-review"]),
]


@pytest.mark.parametrize(("body", "rules"), [row[1:] for row in JUDGED], ids=[row[0] for row in JUDGED])
def test_placeholders_are_not_judged(body: str, rules: list[str]) -> None:
    document = read_document("a.txt", data=body)
    (reply,) = document.replies
    found = [document.located(f, reply) for f in LINTER.check_message(reply)]
    assert [f.rule for f in found] == rules
    assert all(MASK not in f.text + f.message and f.text == body[f.start : f.end] for f in found)


def test_placeholders_can_be_judged_too() -> None:
    document = read_document("a.txt", Options(placeholders=False), data="加{微信}")
    assert document.replies[0].text == "加{微信}"


# --- fields ----------------------------------------------------------------------------------------------------------

FIELDS = [
    ("replies.*.text", ["replies", 0, "text"], True),
    ("replies.text", ["replies", 0, "text"], True),
    ("replies[*].text", ["replies", 12, "text"], True),
    ("replies[1].text", ["replies", 0, "text"], False),
    ("replies.1.text", ["replies", 1, "text"], True),
    ("replies.*.text", ["replies", 0, "note"], False),
    ("**.answer", ["a", "b", 3, "answer"], True),
    ("**.answer", ["answer"], True),
    ("**.answer", ["a", "answer", 0], True),
    ("answer", ["a", "answer"], False),
    ("*.answer", ["a", "answer"], True),
    ("a.**", ["a", "b", "c"], True),
    ("话术", ["话术"], True),
    (r"v1\.2.text", ["v1.2", "text"], True),
    ("Text", [" text "], True),
]


@pytest.mark.parametrize(("expression", "path", "taken"), FIELDS, ids=[f"{r[0]} {r[1]}" for r in FIELDS])
def test_path_expressions(expression: str, path: list[str | int], taken: bool) -> None:
    fields = Fields([expression])
    assert fields.takes(path, "您好") == taken
    assert fields.matched == ({expression} if taken else set())


CHOSEN = [
    ("a.json", '{"faq": [{"q": "有吗 亲", "a": "ok"}], "note": "内部 备注"}', ("faq.a",), ["ok"]),
    ("a.yaml", "faq:\n- {q: 有吗, a: 有的}\nnote: 内部\n", ("!note", "!**.q"), ["有的"]),
    ("a.csv", "编号,文案,内容\n1,甲文,乙文\n", ("文案",), ["甲文"]),
    ("a.csv", "编号,话术,内容\n1,甲文,乙文\n", ("!话术",), ["乙文"]),
    ("a.jsonl", '{"data": {"say": "甲"}, "x": "乙 丙"}\n', ("data.say",), ["甲"]),
    ("a.json", '[{"text": "甲", "say": "乙"}]', ("say",), ["乙"]),
]


@pytest.mark.parametrize(("name", "body", "fields", "expected"), CHOSEN, ids=[f"{r[0]} {r[2]}" for r in CHOSEN])
def test_fields_choose_the_replies(name: str, body: str, fields: tuple[str, ...], expected: list[str]) -> None:
    document = read_document(name, Options(fields=fields), data=body)
    assert [reply.text for reply in document.replies] == expected
    assert document.matched == set(fields)
    missing = read_document(name, Options(fields=("nowhere",)), data=body)
    assert not missing.replies and not missing.matched


# --- comments --------------------------------------------------------------------------------------------------------

COMMENTS = [
    ("text", "a.txt", "甲\n# kefulint: allow x -- 因\n乙\n#不是\n", [Comment(2, 1, "kefulint: allow x -- 因")], [["乙"]]),
    ("markdown", "a.md", "甲 <!-- 行内 -->\n\n<!-- 独行 -->\n乙\n", [Comment(1, 3, "行内", False), Comment(3, 1, "独行")], [["甲 <!-- 行内 -->"], ["乙"]]),
    ("yaml", "a.yaml", "# 独行\na: 甲#x # 行内\nb: '乙 # 不是'\nc: |\n  # 不是\n", [Comment(1, 1, "独行"), Comment(2, 8, "行内", False)], [["甲#x"], ["甲#x"]]),
    ("po", "a.po", '# 独行\n#. 不是\n#: x.py:1\nmsgid "a"\nmsgstr "甲"\n', [Comment(1, 1, "独行")], [["甲"]]),
    ("jinja", "a.j2", "{# 独行 #}\n甲{#- 行内 -#}\n", [Comment(1, 1, "独行"), Comment(2, 2, "行内", False)], [["甲{#- 行内 -#}"], ["甲{#- 行内 -#}"]]),
    ("jsonc", "a.jsonc", '[\n // 独行\n "甲 乙", /* 行内 */ "丙 // 丁"]', [Comment(2, 2, "独行"), Comment(3, 9, "行内", False)], [["甲 乙"], ["甲 乙", "丙 // 丁"]]),
]  # fmt: skip


@pytest.mark.parametrize(
    ("name", "body", "comments", "covered"), [r[1:] for r in COMMENTS], ids=[r[0] for r in COMMENTS]
)
def test_comments(name: str, body: str, comments: list[Comment], covered: list[list[str]]) -> None:
    document = read_document(name, data=body)
    assert list(document.comments) == comments
    assert [[document.text_of(r) for r in document.covered(c)] for c in document.comments] == covered


# --- troubles --------------------------------------------------------------------------------------------------------

TROUBLES = [
    ("json", "a.json", b'{"a": "x\n', 1, "broken JSON", 0),
    ("jsonl", "a.jsonl", '{"text": "好"}\n{"x\n[1]\n{"text": 5}\n'.encode(), 2, "broken JSON", 1),
    ("yaml document", "a.yaml", "- 好\n---\n[x\n".encode(), 4, "did not find", 1),
    ("yaml key", "a.yaml", "a: 好\na: 坏\n".encode(), 2, "key 'a' stands twice", 2),
    ("csv", "a.csv", "text,n\n好\n行,2\n".encode(), 2, "1 cells", 2),
    ("bytes", "a.txt", "好\n".encode() + b"\xff\xff\xfe\n" + "行\n".encode(), 2, "are not utf-8", 3),
    ("po", "a.po", 'msgid "a"\nmsgstr "好"\nnonsense\n'.encode(), 3, "'nonsense'", 1),
    ("workbook", "a.xlsx", b"PK nothing", 1, "not a workbook", 0),
]  # fmt: skip


@pytest.mark.parametrize(
    ("name", "body", "row", "what", "good"), [r[1:] for r in TROUBLES], ids=[r[0] for r in TROUBLES]
)
def test_a_bad_place_never_loses_the_good_ones(name: str, body: bytes, row: int, what: str, good: int) -> None:
    document = read_document(name, data=body)
    (trouble, *_) = (*document.troubles, *document.doubts)
    assert trouble.row == row and what in trouble.what
    assert len(document.replies) == good
    assert document.edited([]) == body


def test_a_line_in_another_encoding_is_edited_in_it() -> None:
    data = "您好\n".encode() + "再见\n".encode("gb18030") + b"\xff\xfe\xff\n" + "在的\n".encode()
    document = read_document("a.txt", data=data)
    edited = document.edited([(document.replies[1], Fix(0, 2, "回见")), (document.replies[3], Fix(0, 1, "亲"))])
    assert edited == "您好\n".encode() + "回见\n".encode("gb18030") + b"\xff\xfe\xff\n" + "亲的\n".encode()


def test_sessions_and_roles_are_kept() -> None:
    rows = [{"会话": "s", "角色": "买家", "内容": "能开发票吗"}, {"会话": "s", "内容": "开不了", "平台": "天猫"}]
    document = read_document("a.jsonl", data="\n".join(json.dumps(r, ensure_ascii=False) for r in rows))
    last = document.replies[1]
    assert ([t.text for t in last.context], last.origin.platform, last.origin.column) == (["能开发票吗"], "tmall", 20)


def test_unreadable_files_say_so(tmp_path: Path) -> None:
    with pytest.raises(SourceError, match="expected a readable file"):
        read_document(tmp_path / "none.txt")
    with pytest.raises(SourceError, match=r"unknown format 'doc', expected one of text"):
        read_document("a.txt", Options(format="doc"), data="x")


# --- against the libraries -------------------------------------------------------------------------------------------

WORDS = st.text(st.sampled_from("您好亲价😀a\"'\\{}[]:,#|>- \t\n&*!%@`?1éß\u3000"), min_size=1, max_size=12)
TREES = st.recursive(
    WORDS, lambda inner: st.lists(inner, max_size=3) | st.dictionaries(WORDS, inner, max_size=3), max_leaves=8
)
ALL = Options(fields=("**",), placeholders=False)


def _leaves(value: Any) -> Iterator[str]:
    if isinstance(value, str):
        yield value
    elif isinstance(value, dict | list):
        for child in value.values() if isinstance(value, dict) else value:
            yield from _leaves(child)


def _holds(document: Document, expected: list[str]) -> None:
    """The texts are those of the library, every character is where it is said to be, edits read back."""
    texts = [document.text_of(reply) for reply in document.replies]
    assert texts == [text for text in expected if text.strip()]
    source = document.source.text
    for key, value in document.values.items():
        spans = [value.span(i, i + 1) for i in range(len(value.text))]
        assert all(first <= last and (i == 0 or first >= spans[i - 1][0]) for i, (first, last) in enumerate(spans)), key
        for char, (first, last) in zip(value.text, spans, strict=True):
            raw = source[first:last]
            assert raw == char or raw[0] in "\\\"'" or char.isspace() or len(value.pieces) == 1
    assert document.edited([]) == document.source.data
    edited = document.edited([(reply, Fix(0, 1, "改：'\"#")) for reply in document.replies])
    again = read_document(document.path, document.options, data=edited)
    assert [again.text_of(reply) for reply in again.replies] == ["改：'\"#" + text[1:] for text in texts]


@given(TREES, st.booleans(), st.sampled_from([None, 2]))
def test_json_reads_as_the_library_does(tree: Any, ascii_only: bool, indent: int | None) -> None:
    body = json.dumps(tree, ensure_ascii=ascii_only, indent=indent)
    _holds(read_document("a.json", ALL, data=body), list(_leaves(tree)))


@given(
    TREES,
    st.sampled_from([None, "'", '"', "|", ">"]),
    st.booleans(),
    st.sampled_from([20, 200]),
    st.booleans(),
    st.sampled_from(["\n", "\r\n"]),
)
def test_yaml_reads_as_the_library_does(
    tree: Any, style: str | None, flow: bool, width: int, plain: bool, end: str
) -> None:
    body = yaml.dump(
        tree, allow_unicode=plain, default_style=style, default_flow_style=flow, width=width, line_break=end
    )
    texts = [text.rstrip("\n") for text in _leaves(yaml.safe_load(body))]
    document = read_document("a.yaml", ALL, data=body)
    assert not document.troubles
    _holds(document, texts)


@given(st.text(st.sampled_from("\"'a,\r\n好 \t"), max_size=30), st.sampled_from(",\t"))
def test_csv_reads_as_the_library_does(body: str, delimiter: str) -> None:
    expected = [
        [cell.replace("\r\n", "\n") for cell in row]
        for row in csv.reader(io.StringIO(body, newline=""), delimiter=delimiter)
    ]
    broken: list[int] = []
    found = [[cell.text for cell in row] for row in cells(body, delimiter, broken)]
    assert broken or found == expected


@given(st.lists(st.tuples(WORDS, WORDS), max_size=4))
def test_csv_cells_are_placed(rows: list[tuple[str, str]]) -> None:
    file = io.StringIO(newline="")
    csv.writer(file).writerows([("id", "text"), *rows])
    body = file.getvalue()
    _holds(read_document("a.csv", Options(placeholders=False), data=body), [words for _, words in rows])


@given(st.dictionaries(WORDS, WORDS, max_size=4), st.sampled_from([10, 78]))
def test_po_reads_as_the_library_does(entries: dict[str, str], width: int) -> None:
    book = polib.POFile(wrapwidth=width)
    book.metadata = {"Content-Type": "text/plain; charset=utf-8"}
    for name, words in entries.items():
        book.append(polib.POEntry(msgid=name, msgstr=words))
    document = read_document("a.po", Options(placeholders=False), data=str(book))
    assert not document.troubles
    _holds(document, list(entries.values()))


PROSE = st.text(st.sampled_from('您好 \t\r\n#->|`*<b!-[](){}%"1😀'), max_size=60)


@given(PROSE, st.sampled_from(["a.txt", "a.md", "a.j2"]), st.sampled_from(["utf-8", "gb18030", "utf-16"]))
def test_prose_stands_where_it_is_said_to(body: str, name: str, encoding: str) -> None:
    document = read_document(name, data=body.encode(encoding))
    lines = re.split(r"\r\n|\r|\n", document.source.text)
    for reply in document.replies:
        text, origin = document.text_of(reply), reply.origin
        assert origin.line and origin.column and lines[origin.line - 1].startswith(text, origin.column - 1)
        assert len(reply.text) == len(text)
    assert document.edited([]) == document.source.data


HOSTILE = [
    ("a.md", "<!--"), ("a.md", "<style>"), ("a.md", "```\n"), ("a.md", "`a``b"), ("a.md", "|"), ("a.md", "![]("), ("a.j2", "{#"),
    ("a.txt", "{{"), ("a.txt", "{%"), ("a.txt", "【昵"), ("a.csv", '"'), ("a.csv", '"",'), ("a.json", "["), ("a.jsonc", "/*"),
    ("a.yaml", "["), ("a.yaml", "- "), ("a.yaml", "#"), ("a.po", '"'), ("a.po", 'msgstr "\\'),
]  # fmt: skip


@pytest.mark.parametrize(("name", "piece"), HOSTILE, ids=[f"{name} {piece!r}" for name, piece in HOSTILE])
def test_hostile_files_take_bounded_time(name: str, piece: str) -> None:
    started = time.process_time()
    read_document(name, data=piece * 20_000)
    assert time.process_time() - started < 2


@given(
    st.binary(max_size=200), st.sampled_from(["a.txt", "a.csv", "a.jsonl", "a.json", "a.yaml", "a.md", "a.po", "a.j2"])
)
def test_any_bytes_are_read_or_named(body: bytes, name: str) -> None:
    document = read_document(name, data=body)
    assert all(isinstance(reply, Message) for reply in document.replies)
    assert document.edited([]) == body


def test_every_format_has_a_reader() -> None:
    assert set(FORMATS) == {read_document("x", Options(format=kind), data=b"").format for kind in FORMATS}


def test_a_picture_under_a_texts_name_is_named() -> None:
    document = read_document("图.txt", data=b"\x89PNG\r\n\x1a\n\x00\x00\x00" + "在的亲".encode())
    expected = "图.txt:1: a picture, expected a text file, or a workbook (.xlsx, .xls, .xlsb, .ods)"
    assert [str(trouble) for trouble in document.troubles] == [expected] and not document.replies
