"""Reading: every format, every encoding, every kind of broken row: the good rows are read, the bad ones named."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from linter.engine import Linter
from linter.model import KefulintError, Message, SourceError
from linter.sources import Item, Listing, Options, Trouble, columns_of, parse_columns, read

READS = [
    ("text", "a.txt", "你好\n\n特价不开票\n", [("你好", 1), ("特价不开票", 3)]),
    ("markdown", "a.md", "---\nx: 1\n---\n# 话术\n- 在的亲\n> 您好\n```\ncode 代码\n```\n<!-- 注 -->\n", [("话术", 4), ("在的亲", 5), ("您好", 6)]),
    ("csv", "a.csv", "编号,内容\n1,在的亲\n2,\"两行\n文字\"\n", [("在的亲", 2), ("两行\n文字", 3)]),
    ("csv without header", "b.csv", "欢迎语,您好呀\n发票,可以开的\n", [("欢迎语", 1), ("您好呀", 1), ("发票", 2), ("可以开的", 2)]),
    ("tsv", "a.tsv", "text\trole\n您好\tagent\n", [("您好", 2)]),
    ("json list", "a.json", '["您好",\n "再见呀"]', [("您好", 1), ("再见呀", 2)]),
    ("json tree", "b.json", '{"欢迎": [\n {"id": "a-1", "reply": "您好\\n亲"},\n {"reply": "\\u518d\\u89c1"}]}', [("您好\n亲", 2), ("再见", 3)]),
    ("jsonl", "a.jsonl", '{"text": "您好"}\n\n"再见呀"\n', [("您好", 1), ("再见呀", 3)]),
    ("yaml", "a.yaml", "欢迎:\n  - 您好\n  - |\n    第一行\n    第二行\n数字: 12\n", [("您好", 2), ("第一行\n第二行", 4)]),
    ("empty", "e.txt", "", []),
    ("empty yaml", "e.yaml", "", []),
    ("empty csv", "e.csv", "", []),
]  # fmt: skip


@pytest.mark.parametrize(("name", "body", "expected"), [row[1:] for row in READS], ids=[row[0] for row in READS])
def test_reads(name: str, body: str, expected: list[tuple[str, int]], tmp_path: Path) -> None:
    items = _items(tmp_path / name, body.encode())
    assert [(item.text, item.origin.line) for item in items if isinstance(item, Message)] == expected
    assert not [item for item in items if isinstance(item, Trouble)]


ENCODINGS = [("utf-8", b""), ("utf-8-sig", b""), ("gb18030", b""), ("utf-16", b"")]


@pytest.mark.parametrize("encoding", [row[0] for row in ENCODINGS])
def test_encodings_are_told_apart(encoding: str, tmp_path: Path) -> None:
    items = _items(tmp_path / "a.txt", "加我微信\n您好，在的亲\n".encode(encoding))
    assert [item.text for item in items if isinstance(item, Message)] == ["加我微信", "您好，在的亲"]


BROKEN = [
    ("broken JSON", "a.jsonl", b'{"text": "x\n{"text": "ok"}\n', 1, "broken JSON"),
    ("not an object", "a.jsonl", b'[1]\n{"text": "ok"}\n', 1, "a list"),
    ("no text", "a.jsonl", b'{"words": 1}\n{"text": "ok"}\n', 1, "no text"),
    ("text is a number", "a.jsonl", b'{"text": 5}\n{"text": "ok"}\n', 1, "the text is a int"),
    ("unknown role", "a.jsonl", '{"text": "x", "role": "神仙"}\n{"text": "ok"}\n'.encode(), 1, "unknown role '神仙'"),
    ("short row", "a.csv", b"id,text\n1\n2,ok\n", 2, "1 cells"),
    ("wrong bytes", "a.txt", b"ok\n\xff\xff\xfe\n", 2, "are not utf-8"),
    ("deep JSON", "a.jsonl", b"[" * 100_000 + b'\n{"text": "ok"}\n', 1, "broken JSON"),
]


@pytest.mark.parametrize(("name", "body", "row", "what"), [r[1:] for r in BROKEN], ids=[r[0] for r in BROKEN])
def test_a_bad_row_never_loses_the_good_ones(name: str, body: bytes, row: int, what: str, tmp_path: Path) -> None:
    items = _items(tmp_path / name, body)
    troubles = [item for item in items if isinstance(item, Trouble)]
    assert [(t.row, what in t.what) for t in troubles] == [(row, True)]
    assert str(troubles[0]).startswith(f"{tmp_path / name}:{row}: ") and ", expected " in str(troubles[0])
    assert "ok" in [item.text for item in items if isinstance(item, Message)]


def test_a_log_without_a_text_column_says_what_was_expected(tmp_path: Path) -> None:
    items = _items(tmp_path / "a.csv", b"who,when\na,b\n", Options(need_text=True))
    assert "no text column among who, when" in str(items[0]) and len(items) == 1


def test_lone_surrogates_and_nuls_are_read(tmp_path: Path) -> None:
    items = _items(tmp_path / "a.jsonl", b'{"text": "a\\ud800b\\u0000"}\n')
    assert [item.text for item in items if isinstance(item, Message)] == ["a\ufffdb\x00"]
    items = _items(tmp_path / "b.csv", b"text\na\x00b\n")
    assert [item.text for item in items if isinstance(item, Message)] == ["a b"]


def test_nested_aliases_do_not_blow_up(tmp_path: Path) -> None:
    levels = "\n".join(f"l{i}: &l{i} [{', '.join([f'*l{i - 1}'] * 9)}]" for i in range(1, 25))
    items = _items(tmp_path / "a.yaml", f"l0: &l0 [您好呀]\n{levels}\n".encode())
    assert [item.text for item in items if isinstance(item, Message)] == ["您好呀"]


def test_sessions_give_context_and_fields_are_found(tmp_path: Path) -> None:
    rows = [
        {"会话": "s1", "角色": "买家", "内容": "能开发票吗", "时间": "2026-01-01 09:00"},
        {"会话": "s2", "角色": "买家", "内容": "别的", "时间": "2026-01-01 09:00"},
        {"会话": "s1", "角色": "客服", "内容": "开不了", "客服": "小芸", "平台": "天猫"},
    ]
    items = _items(tmp_path / "a.jsonl", "\n".join(json.dumps(r, ensure_ascii=False) for r in rows).encode())
    last = items[-1]
    assert isinstance(last, Message)
    assert [turn.text for turn in last.context] == ["能开发票吗"]
    assert (last.role, last.origin.agent, last.origin.platform) == ("agent", "小芸", "tmall")


def test_listings_are_records(tmp_path: Path) -> None:
    items = _items(tmp_path / "a.json", '[{"id": 1, "title": "茶", "price": 3}]'.encode())
    assert isinstance(items[0], Listing) and items[0].record["title"] == "茶"


def test_columns_can_be_named() -> None:
    given_names = parse_columns(["text=正文", "role=谁"])
    assert columns_of(["谁", "正文", "内容"], given_names) == {"text": "正文", "role": "谁"}
    with pytest.raises(KefulintError, match="expected FIELD=NAME"):
        parse_columns(["正文"])


def test_a_missing_file_is_an_error_with_its_path(tmp_path: Path) -> None:
    with pytest.raises(SourceError, match="expected a readable file"):
        list(read(tmp_path / "none.txt"))


@given(st.binary(max_size=200), st.sampled_from(["a.txt", "a.csv", "a.jsonl", "a.json", "a.yaml", "a.md"]))
def test_any_bytes_are_read_or_named(tmp_path_factory: pytest.TempPathFactory, body: bytes, name: str) -> None:
    path = tmp_path_factory.mktemp("bytes") / name
    for item in _items(path, body):
        assert isinstance(item, Message | Trouble | Listing)


def _items(path: Path, body: bytes, options: Options | None = None) -> list[Item]:
    path.write_bytes(body)
    return list(read(path, options))


LISTING_TABLES = [
    (
        "Chinese CSV",
        "宝贝标题,商品详情,运费,类目\n手工竹篮 包邮,<p>竹编</p>,8,家居\n",
        {"title", "detail", "freight", "category"},
    ),
    ("English CSV", "title,price,free_shipping\n竹篮 包邮,9,no\n", {"title", "price", "free_shipping"}),
]


@pytest.mark.parametrize(("body", "fields"), [r[1:] for r in LISTING_TABLES], ids=[r[0] for r in LISTING_TABLES])
def test_listing_tables_are_found_by_their_columns(body: str, fields: set[str], tmp_path: Path) -> None:
    (item,) = _items(tmp_path / "a.csv", body.encode())
    assert isinstance(item, Listing) and set(item.record) == fields
    rules = {finding.rule for finding in Linter("tmall").check_listing(item.record)}
    assert "free-shipping-mismatch" in rules


def test_workbooks_are_read(tmp_path: Path) -> None:
    xlsxwriter = pytest.importorskip("xlsxwriter")
    with xlsxwriter.Workbook(str(tmp_path / "a.xlsx")) as book:
        sheet = book.add_worksheet()
        sheet.write_row(0, 0, ["编号", "标题", "价格", "运费"])
        sheet.write_row(1, 0, [1, "竹篮 包邮", 9, 8])
    (item,) = read(tmp_path / "a.xlsx")
    assert isinstance(item, Listing) and item.record == {"title": "竹篮 包邮", "price": "9", "freight": "8", "id": "1"}
    (tmp_path / "b.xlsx").write_bytes(b"no workbook")
    (trouble,) = read(tmp_path / "b.xlsx")
    assert "not a workbook" in str(trouble)
