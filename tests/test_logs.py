"""Logs of every format become the same tables: who said what to whom, in which session, and what was said before."""

from __future__ import annotations

import bz2
import gzip
import json
import lzma
import sqlite3
import subprocess
import sys
from collections.abc import Callable
from datetime import datetime, timezone
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from linter import logs
from linter.audit import Audit, Reader
from linter.columns import PROFILES, parse_roles, profile_of, role_of_sender
from linter.formats import read_document
from linter.logs import AgentRow, Options, Sessions, Table, agents_rows, messages, tables
from linter.model import KefulintError, Message, Origin, SourceError, Turn, Utterance
from linter.service import Clocks
from linter.sources import expanded, read

EXPORTS = Path(__file__).parent.parent / "examples" / "exports"
HEAD = ("session", "role", "text", "time", "agent", "shop", "platform")
ROWS: list[tuple[str | None, ...]] = [
    ("s1", "buyer", "能开发票吗", "2026-03-02 09:00:00", None, "茶铺", "tmall"),
    ("s2", "buyer", "在吗", "2026-03-02 09:00:05", None, "茶铺", "tmall"),
    ("s1", "agent", "特价款，开不了", "2026-03-02 09:00:09", "小芸", "茶铺", "tmall"),
    ("s2", "system", "会话转接", "2026-03-02 09:00:10", None, "茶铺", "tmall"),
    ("s2", "agent", "在的亲", "2026-03-02 09:00:12", "阿梨", "茶铺", "tmall"),
]


def _jsonl(path: Path) -> None:
    path.write_bytes(_lines())


def _lines() -> bytes:
    rows = [{k: v for k, v in zip(HEAD, row, strict=True) if v is not None} for row in ROWS]
    return "\n".join(json.dumps(row, ensure_ascii=False) for row in rows).encode()


def _cells(mark: str = ",") -> str:
    return "\n".join(mark.join(cell or "" for cell in row) for row in (HEAD, *ROWS))


def _workbook(path: Path) -> None:
    xlsxwriter = pytest.importorskip("xlsxwriter")
    with xlsxwriter.Workbook(str(path)) as book:
        sheet = book.add_worksheet()
        for number, row in enumerate((HEAD, *ROWS)):
            sheet.write_row(number, 0, [cell or "" for cell in row])


def _arrow(change: Callable[[Any, Any], Any] = lambda pa, table: table) -> Any:
    pa = pytest.importorskip("pyarrow")
    columns = {name: [row[at] for row in ROWS] for at, name in enumerate(HEAD)}
    return change(pa, pa.table({"unused": list(range(len(ROWS))), **columns}))


def _parquet(path: Path) -> None:
    pytest.importorskip("pyarrow.parquet").write_table(_arrow(), path, row_group_size=2)


def _dictionaries(pa: Any, table: Any) -> Any:
    for name in ("role", "agent", "shop"):
        at = table.schema.get_field_index(name)
        table = table.set_column(at, name, table.column(name).dictionary_encode())
    return table


def _moments(pa: Any, table: Any) -> Any:
    """The times as moments with a zone: nine o'clock at the platforms is one o'clock in UTC."""
    zone = timezone.utc
    times = [datetime.fromisoformat(str(row[3])).replace(hour=1, tzinfo=zone) for row in ROWS]
    at = table.schema.get_field_index("time")
    return table.set_column(at, "time", pa.array(times, pa.timestamp("us", "UTC")))


def _ipc(path: Path, table: Any, open_: str) -> None:
    ipc = pytest.importorskip("pyarrow.ipc")
    with getattr(ipc, open_)(path, table.schema) as writer:
        writer.write_table(table, max_chunksize=2)


def _packed_zst(path: Path) -> None:
    path.write_bytes(pytest.importorskip("zstandard").ZstdCompressor().compress(_lines()))


FORMATS: list[tuple[str, Callable[[Path], Any]]] = [
    ("a.jsonl", _jsonl),
    ("a.csv", lambda path: path.write_text(_cells(), encoding="utf-8-sig")),
    ("gb18030.csv", lambda path: path.write_text(_cells(), encoding="gb18030")),
    ("a.tsv", lambda path: path.write_text(_cells("\t"), encoding="utf-8")),
    ("utf16.csv", lambda path: path.write_text(_cells(), encoding="utf-16")),
    ("a.xlsx", _workbook),
    ("a.parquet", _parquet),
    ("file.arrow", lambda path: _ipc(path, _arrow(), "new_file")),
    ("stream.arrow", lambda path: _ipc(path, _arrow(_dictionaries), "new_stream")),
    ("moments.feather", lambda path: _ipc(path, _arrow(_moments), "new_file")),
    ("a.jsonl.gz", lambda path: path.write_bytes(gzip.compress(_lines()))),
    ("a.csv.bz2", lambda path: path.write_bytes(bz2.compress(_cells().encode()))),
    ("a.ndjson.xz", lambda path: path.write_bytes(lzma.compress(_lines()))),
    ("a.jsonl.zst", _packed_zst),
]


@pytest.mark.parametrize(("name", "write"), FORMATS, ids=[row[0] for row in FORMATS])
def test_every_format_says_the_same(name: str, write: Callable[[Path], Any], tmp_path: Path) -> None:
    write(tmp_path / name)
    _same_as_rows(list(read(tmp_path / name)))


def _same_as_rows(items: list[Any]) -> None:
    found = [
        (m.origin.session, m.role, m.text, m.origin.time, m.origin.agent, m.origin.shop, m.origin.platform)
        for m in items
    ]
    assert found == ROWS
    assert [[turn.text for turn in m.context] for m in items] == [[], [], ["能开发票吗"], ["在吗"], ["在吗"]]
    assert {m.origin.path.count("/") > 0 for m in items} == {True}


def test_a_database_is_asked(tmp_path: Path) -> None:
    pytest.importorskip("sqlalchemy")
    with sqlite3.connect(tmp_path / "log.db") as base:
        base.execute(f"create table log ({', '.join(HEAD)})")
        base.executemany(f"insert into log values ({', '.join('?' * len(HEAD))})", ROWS)
    base.close()
    url = f"sqlite:///{tmp_path}/log.db"
    found = [table for _, table in logs.query(url, "select * from log order by time", Options())]
    _same_as_rows([message for table in found for message in messages(table, Sessions())])
    (_, table), *_ = logs.query(url, "select text from log where text like '%开%' and time < ':x'", Options())
    assert table.texts == ["能开发票吗", "特价款，开不了"]
    with pytest.raises(SourceError, match="no such table"):
        list(logs.query(url, "select * from elsewhere", Options()))
    with pytest.raises(SourceError, match="expected a URL of SQLAlchemy"):
        list(logs.query("nonsense", "select 1", Options()))
    (_, table), *_ = logs.query(url, "select session from log", Options())
    assert "no text column among session" in str(table.troubles[0])


# --- tables are the same however they are asked for ------------------------------------------------------------------


def _long(folder: Path, name: str) -> Path:
    """Write a log of several tables."""
    rows = [{"session": f"s{at % 7}", "role": "agent", "text": f"第{at}句" + "话" * 30} for at in range(20_000)]
    path = folder / name
    if name.endswith(".jsonl"):
        path.write_text("\n".join(json.dumps(row, ensure_ascii=False) for row in rows), encoding="utf-8")
    elif name.endswith(".parquet"):
        pa = pytest.importorskip("pyarrow")
        pytest.importorskip("pyarrow.parquet").write_table(pa.Table.from_pylist(rows), path)
    else:
        path.write_text("session,role,text\n" + "\n".join(",".join(row.values()) for row in rows), encoding="utf-8")
    return path


@pytest.mark.parametrize("name", ["a.jsonl", "a.csv", "a.parquet", "a.csv.gz"])
def test_the_nth_table_is_always_the_same(name: str, tmp_path: Path) -> None:
    path = _long(tmp_path, name.removesuffix(".gz"))
    if name.endswith(".gz"):
        (tmp_path / name).write_bytes(gzip.compress(path.read_bytes()))
        path = tmp_path / name
    whole = list(tables(path))
    assert len(whole) > 2 and sum(len(table.texts) for table in whole) == 20_000
    for skip in range(1, len(whole)):
        rest = list(tables(path, skip=skip))
        assert [(t.texts, list(t.lines), t.sessions) for t in rest] == [
            (t.texts, list(t.lines), t.sessions) for t in whole[skip:]
        ]


@pytest.mark.parametrize("kind", ["string", "large_string", "dictionary<int8>", "dictionary<uint32>", "null"])
def test_arrow_columns_are_lists_whatever_holds_them(kind: str) -> None:
    pa = pytest.importorskip("pyarrow")
    values = [None] * 12 if kind == "null" else ["客服", None, "买家", "客服", "", None, "店小蜜"] * 3
    texts = {"string": pa.string(), "large_string": pa.large_string(), "null": pa.null()}
    number = {"dictionary<int8>": pa.int8(), "dictionary<uint32>": pa.uint32()}.get(kind)
    column = pa.array(values, pa.null() if kind == "null" else pa.string())
    column = column.cast(pa.dictionary(number, pa.string()) if number else texts[kind])
    for part in (slice(0, None), slice(3, 11), slice(0, 0)):
        for few in (True, False):
            assert logs.of_arrow(column[part.start : part.stop], few=few) == values[part]


def test_contexts_are_the_same_handed_over_or_not(tmp_path: Path) -> None:
    """A chunk that is judged elsewhere knows what was said before, as if it had been judged here."""
    audit = Audit((str(_long(tmp_path, "a.csv")),))
    here = [row for chunk in Reader(audit, Clocks(())).chunks(handed=False) for row in chunk.talk or ()]
    there: list[AgentRow] = []
    for chunk in Reader(audit, Clocks(())).chunks(handed=True):
        there += agents_rows(chunk.table, Sessions.of_state(json.loads(json.dumps(chunk.before))))
    assert len(here) == 20_000 and list(map(_seen, here)) == list(map(_seen, there))
    assert here[-1].context[-1].text == here[-8].text and len(here[-1].context) == logs.CONTEXT


def _seen(said: Utterance) -> Message:
    return Message(said.text, said.channel, said.context, said.role, said.origin)


SAID = st.tuples(
    st.sampled_from(["a", "b", "c", None]), st.sampled_from(["agent", "agent", "buyer", "system"]),
    st.sampled_from(["您好", "在吗", "不开票"]), st.sampled_from([None, "2026-03-02 09:00:00"]),
)  # fmt: skip


@settings(max_examples=100, deadline=None)
@given(st.lists(SAID, max_size=60), st.lists(st.integers(0, 60), max_size=3))
def test_the_context_of_a_row_is_what_was_said_before_in_its_session(said: list[Any], cuts: list[int]) -> None:
    """Wherever a log is cut, and whether a row becomes a message or is judged as it is."""
    expected = []
    for at, (session, role, text, time) in enumerate(said):
        before = [Turn(*turn) for name, *turn in said[:at] if name == session is not None and turn[0] != "system"]
        origin = Origin("x", at, row=at, session=session, agent="小芸", time=time)
        expected.append(Message(text, "chat", before[-logs.CONTEXT :], role, origin))
    bounds = [0, *sorted(min(cut, len(said)) for cut in cuts), len(said)]
    for every in (True, False):
        sessions, found = Sessions(), []
        for start, stop in pairwise(bounds):
            table = Table("x", lines=range(start, stop), rows=range(start, stop), agents=["小芸"] * (stop - start))
            table.sessions, table.roles, table.texts, table.times = (
                [row[at] for row in said[start:stop]] for at in range(4)
            )
            found += messages(table, sessions) if every else map(_seen, agents_rows(table, sessions))
        assert found == [message for message in expected if every or message.role == "agent"]


def test_sessions_beyond_the_bound_are_forgotten_the_quiet_ones_first(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(logs, "SESSIONS", 2)
    sessions = Sessions()
    for name in ("a", "b", "a", "c"):
        sessions.advance(Table("x", ["您好"], ["buyer"], sessions=[name]))
    assert list(sessions.open) == ["a", "c"]


# --- who speaks ------------------------------------------------------------------------------------------------------


TAKEN = [
    ("qianniu.csv", "qianniu", ["buyer", "agent", "buyer", "agent", "agent"], "taobao", "爱喝茶的猫"),
    ("qianniu-peer.csv", "qianniu-peer", ["buyer", "agent"], "taobao", "c1"),
    ("pinduoduo.csv", "pinduoduo", ["buyer", "agent", "agent", "buyer", "system", "agent"], "pinduoduo", "p1"),
    ("feige.csv", "feige", ["buyer", "agent", "agent"], "douyin", "f1"),
    ("kuaishou.csv", "kuaishou", ["buyer", "agent"], "kuaishou", "k1"),
    ("dongdong.jsonl", "dongdong", ["buyer", "agent", "agent"], "jd", "d1"),
    ("bot.csv", "bot", ["agent", "agent"], None, "b1"),
]


@pytest.mark.parametrize(("name", "profile", "roles", "platform", "session"), TAKEN, ids=[row[1] for row in TAKEN])
def test_exports_of_workbenches_are_known(
    name: str, profile: str, roles: list[str], platform: str | None, session: str
) -> None:
    (table,) = tables(EXPORTS / name)
    found = messages(table, Sessions())
    assert table.taken and f"（{profile}）" in table.taken.how and not table.troubles
    assert [message.role for message in found] == roles
    assert (found[0].origin.platform, found[0].origin.session) == (platform, session)
    assert str(found[0].origin.time).startswith("2026-03-0") and all(m.origin.agent for m in found if m.role == "agent" and profile != "bot")  # fmt: skip


def test_a_bot_answers_what_was_asked_in_the_same_row() -> None:
    (table,) = tables(EXPORTS / "bot.csv")
    first, second = messages(table, Sessions())
    assert [turn.text for turn in first.context] == ["能开发票吗"]
    assert [(turn.role, turn.text) for turn in second.context] == [("buyer", "怎么联系你们")]


def test_every_profile_is_told_apart_by_its_own_columns() -> None:
    for profile in PROFILES:
        assert profile_of([*profile.needs, *(names[0] for names in profile.columns.values())]) is profile


SENDERS = [
    ("sub-account", "茶铺:小芸", {}, "agent"),
    ("the row's agent", "小芸", {"agent": "小芸"}, "agent"),
    ("the row's buyer, whatever it is called", "客服杀手", {"buyer": "客服杀手"}, "buyer"),
    ("the shop's name", "茶铺官方", {"shop": "茶铺"}, "agent"),
    ("a flagship store", "山野旗舰店", {}, "agent"),
    ("a robot", "机器人", {}, "agent"),
    ("a notice", "系统消息", {}, "system"),
    ("a nickname", "爱喝茶的猫", {}, "buyer"),
    ("nobody", "", {}, "buyer"),
]


@pytest.mark.parametrize(("sender", "row", "role"), [r[1:] for r in SENDERS], ids=[r[0] for r in SENDERS])
def test_senders_tell_their_role(sender: str, row: dict[str, str], role: str) -> None:
    assert role_of_sender(sender, row.get("agent", ""), row.get("buyer", ""), row.get("shop", "")) == role


def test_names_can_be_given_a_role(tmp_path: Path) -> None:
    (tmp_path / "a.csv").write_text("sender,text\n小芸,在的\n茶客,好\n", encoding="utf-8")
    (table,) = tables(tmp_path / "a.csv", Options(roles=parse_roles(["小芸=agent"])))
    assert (table.roles, table.agents) == (["agent", "buyer"], ["小芸", None])
    assert table.taken and "列：内容=text、发送者=sender；是谁说的按「sender」列的名字猜" in table.taken.how
    with pytest.raises(KefulintError, match="expected NAME=ROLE"):
        parse_roles(["小芸=掌柜"])


TRANSCRIPTS = [
    ("time and name, words behind", "2026-03-08 10:00:00 猫：在吗\n2026/3/8 10:01 茶铺:小芸: 在的\n"),
    ("name and time in brackets", "猫 (2026-03-08 10:00:00): 在吗\n茶铺:小芸（2026/3/8 10:01）：在的\n"),
    ("name and time, words below", "猫 2026-03-08 10:00:00\n在吗\n\n茶铺:小芸 2026/3/8 10:01\n在的\n"),
    ("time and name, words below", "2026-03-08 10:00:00 猫\n在吗\n2026/3/8 10:01 茶铺:小芸：\n在的\n"),
]


@pytest.mark.parametrize("body", [row[1] for row in TRANSCRIPTS], ids=[row[0] for row in TRANSCRIPTS])
def test_text_exports_are_conversations(body: str, tmp_path: Path) -> None:
    path = tmp_path / "买家" / "猫.txt"
    path.parent.mkdir()
    path.write_text(body, encoding="utf-8")
    one, two = read(path, Options(need_text=True))
    assert isinstance(one, Message) and isinstance(two, Message)
    assert (one.text, one.role, one.origin.time, one.origin.session) == (
        "在吗",
        "buyer",
        "2026-03-08 10:00:00",
        "买家/猫",
    )
    assert (two.text, two.role, two.origin.agent, two.origin.shop) == ("在的", "agent", "茶铺:小芸", "茶铺")
    assert [turn.text for turn in two.context] == ["在吗"]


def test_words_go_on_below_and_words_before_are_named() -> None:
    first, second = (read_document(path) for path in sorted((EXPORTS / "transcripts").iterdir()))
    found = {document.replies[-1].text: document for document in (first, second)}
    assert "words before the first time and name" in str(found["亲，您好\n特价款开不了的呢"].doubts[0])
    assert not found["放阴凉干燥的地方就好"].doubts


# --- what is wrong ---------------------------------------------------------------------------------------------------


def test_a_line_without_measure_is_named_and_takes_no_memory(tmp_path: Path) -> None:
    """A few hundred kilobytes of a packed file may hold hundreds of megabytes in one line."""
    good = json.dumps({"text": "加我微信", "role": "agent"}).encode()
    path = tmp_path / "a.jsonl.gz"
    with gzip.open(path, "wb", compresslevel=1) as file:
        file.write(good + b"\n" + b'{"text": "')
        for _ in range(120):
            file.write(b"a" * (1 << 20))
        file.write(b'"}\n' + good + b"\n")
    code = (
        "import resource, sys; from linter.cli import run\n"
        "resource.setrlimit(resource.RLIMIT_AS, (1 << 30, 1 << 30)); run()"
    )
    command = [sys.executable, "-c", code, "audit", str(path), "--out", str(tmp_path / "out"), "--no-progress"]
    done = subprocess.run(command, capture_output=True, text=True, check=False, cwd=Path(__file__).parent.parent)
    assert done.returncode == 2 and "客服消息 2 条" in done.stdout, done
    assert (
        f"{path}:2: a line of more than 16 MB, expected one message or record a line" in done.stderr
        or "这一行超过 16 MB" in done.stdout
    )
    assert (tmp_path / "out" / "findings.jsonl").read_text("utf-8").count("\n") == 2


def test_a_packed_file_that_breaks_off_is_read_as_far_as_it_goes(tmp_path: Path) -> None:
    whole = gzip.compress(b"".join(b'{"text": "%d ok"}\n' % at for at in range(60_000)))
    (tmp_path / "a.jsonl.gz").write_bytes(whole[: len(whole) // 2])
    found = list(tables(tmp_path / "a.jsonl.gz"))
    read = sum(len(table.texts) for table in found)
    (row,) = [t.row for table in found for t in table.troubles if "the file breaks off" in t.what]
    assert read > 10_000 and row == read + 1


@pytest.mark.parametrize("name", ["a.parquet", "a.arrow", "a.xlsx"])
def test_a_file_that_is_not_what_its_name_says_is_named(name: str, tmp_path: Path) -> None:
    pytest.importorskip("pyarrow")
    (tmp_path / name).write_bytes(b"nothing of the kind")
    (table,) = tables(tmp_path / name)
    assert str(table.troubles[0]).startswith(f"{tmp_path / name}:1: ") and not table.texts


def test_a_parquet_file_without_a_text_says_what_was_expected(tmp_path: Path) -> None:
    pa = pytest.importorskip("pyarrow")
    pytest.importorskip("pyarrow.parquet").write_table(pa.table({"who": ["a"]}), tmp_path / "a.parquet")
    (table,) = tables(tmp_path / "a.parquet")
    assert "no text column among who, expected one named text" in str(table.troubles[0])


def test_empty_cells_and_numbers_in_parquet_are_named(tmp_path: Path) -> None:
    pa = pytest.importorskip("pyarrow")
    rows = pa.table({"text": ["您好", None, "在的"], "session": [1, 1, 1], "role": ["agent", "agent", "神仙"]})
    pytest.importorskip("pyarrow.parquet").write_table(rows, tmp_path / "a.parquet")
    (table,) = tables(tmp_path / "a.parquet")
    assert (table.texts, table.sessions, list(table.rows)) == (["您好"], ["1"], [1])
    assert [(t.row, t.what) for t in table.troubles] == [(2, "no text"), (3, "unknown role '神仙'")]


def test_sheets_of_a_workbook_are_all_read(tmp_path: Path) -> None:
    xlsxwriter = pytest.importorskip("xlsxwriter")
    with xlsxwriter.Workbook(str(tmp_path / "a.xlsx")) as book:
        for name in ("一月", "二月", "说明"):
            sheet = book.add_worksheet(name)
            sheet.write_row(0, 0, ["本表由店铺导出"] if name != "说明" else ["仅供参考"])
            if name != "说明":
                sheet.write_row(1, 0, ["内容", "角色"])
                sheet.write_row(2, 0, [f"{name}的话", "客服"])
    found = list(tables(tmp_path / "a.xlsx", Options(need_text=True)))
    assert [text for table in found for text in table.texts] == ["一月的话", "二月的话"]
    assert "a.xlsx[说明]:1: no text column among 仅供参考" in str(found[-1].troubles[0])


# --- what paths stand for --------------------------------------------------------------------------------------------


def test_folders_and_globs(tmp_path: Path) -> None:
    for name in ("a.jsonl", "sub/b.csv.gz", "sub/deep/c.parquet", "sub/readme.rst", ".hidden/d.csv", "e[1].csv"):
        path = tmp_path / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(b"")
    root = str(tmp_path)

    def named(*paths: str) -> list[str]:
        return [str(Path(path).relative_to(root)) for path in expanded(paths)]

    assert named(root) == ["a.jsonl", "e[1].csv", "sub/b.csv.gz", "sub/deep/c.parquet"]
    assert named(f"{root}/**/*.csv*") == ["e[1].csv", "sub/b.csv.gz"]
    assert named(f"{root}/sub/../a.jsonl", f"{root}/*.jsonl", root)[:2] == ["sub/../a.jsonl", "e[1].csv"]
    assert named(f"{root}/e[1].csv") == ["e[1].csv"]
    assert [Path(path).name for path in expanded([root], tmp_path / "sub")] == ["a.jsonl", "e[1].csv"]
    assert expanded([f"{root}/sub/b.csv.gz"], tmp_path / "sub") == [f"{root}/sub/b.csv.gz"]
    with pytest.raises(SourceError, match=r"\*\.pdf:1: matches no file, expected a pattern that does"):
        expanded([f"{root}/*.pdf"])
