"""The audit on a real local Spark finds what the audit on one machine finds."""

from __future__ import annotations

import csv
import json
import random
from collections import Counter
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner

pytest.importorskip("pyspark", reason="Spark is not installed: pip install 'kefulint[spark]'")

from linter import logs, spark
from linter.audit import Audit, Run
from linter.cli import main
from linter.logs import Options
from linter.model import KefulintError
from linter.spark import frames, worker
from linter.spark.rows import of_table, tables

# Spark 3.5 leaves the sockets its rows came through to the garbage collector.
pytestmark = [
    pytest.mark.filterwarnings("ignore:unclosed <socket:ResourceWarning"),
    pytest.mark.filterwarnings("ignore:distutils Version classes are deprecated:DeprecationWarning"),
]

AGENT = (
    "在的亲，请问有什么可以帮您", "今天下午发货，明后天就到了", "这款特价不开票的哦", "加我薇❤便宜十块", "好评返您三元红包",
    "亲您稍等我看一下", "库里还有货的", "五星好评截图给我返现", "不能退的哦", "拍下备注一下就好", "这边只能微信转账哦",
    "给个", "五星", "好评吧",
)  # fmt: skip
BUYER = ("能开发票吗", "在吗", "这个还有货吗", "什么时候发货", "能不能便宜点", "我要退货", "好的谢谢", "加你微信吗")


@pytest.fixture(scope="module")
def session() -> Iterator[Any]:
    """A real Spark on the JVM that comes with the extra, with splits so small that little files have several."""
    with pytest.MonkeyPatch.context() as patch:
        patch.delenv("JAVA_HOME", raising=False)
        small = {"spark.sql.files.maxPartitionBytes": "30000", "spark.sql.files.openCostInBytes": "1000"}
        started = spark.session("local[2]", {"spark.sql.shuffle.partitions": "3", **small})
        started.sparkContext.setLogLevel("OFF")
        yield started
        started.stop()


def _chat(messages: int, seed: int = 7) -> list[dict[str, Any]]:
    """Conversations interleaved with each other, rows without a session, several shops and platforms."""
    dice = random.Random(seed)
    turns: Counter[str] = Counter()
    rows: list[dict[str, Any]] = []
    for number in range(messages):
        name = f"会话{dice.randrange(messages // 9 + 1)}"
        role = dice.choice(("agent", "agent", "buyer", "客服", "买家", "system"))
        row = {
            "session": name, "turn": turns[name], "role": role, "text": dice.choice(BUYER if role in ("buyer", "买家") else AGENT),
            "time": f"2026-03-{1 + number * 20 // messages:02d} 09:{number * 7 % 60:02d}:00", "agent": f"客服{dice.randrange(5)}",
            "shop": dice.choice(("甲店", "乙店", None)), "platform": dice.choice(("taobao", "天猫", "jd", None)),
        }  # fmt: skip
        turns[name] += 1
        if dice.random() < 0.1:
            row |= {"session": None, "turn": None}
        rows.append(row)
    return rows


def _written(rows: list[dict[str, Any]], path: Path) -> Path:
    path.write_text("".join(json.dumps(row, ensure_ascii=False) + "\n" for row in rows), encoding="utf-8")
    return path


def _local(path: Path, folder: Path) -> list[dict[str, Any]]:
    """Return the rows of the local engine for a log."""
    return list(Run(Audit((str(path),), Options(need_text=True)), folder).start().rows())


def _key(row: dict[str, Any]) -> tuple[Any, ...]:
    return tuple(row[name] for name in ("id", "rule", "verdict", "start", "end", "text", "message", "verdicts"))


def _same(found: Any, expected: list[dict[str, Any]]) -> None:
    assert len(expected) > 20
    assert Counter(map(repr, map(_key, (row.asDict() for row in found.collect())))) == Counter(
        map(repr, map(_key, expected))
    )


# --- DataFrames ------------------------------------------------------------------------------------------------------


def test_turns_say_the_order_of_scattered_rows(session: Any, tmp_path: Path) -> None:
    path = _written([row for row in _chat(600) if row["session"]], tmp_path / "chat.jsonl")
    scattered = session.read.json(str(path)).repartition(5)
    _same(spark.findings(scattered), _local(path, tmp_path))


@pytest.mark.parametrize(
    "left", [("role", "text", "session", "time"), ("role", "text", "session")], ids=["by-time", "as-they-came"]
)
def test_without_turns_the_time_says_it_and_then_the_input(session: Any, tmp_path: Path, left: tuple[str, ...]) -> None:
    rows = [
        {name: row[name] for name in left} | {"time": f"2026-3-{1 + n // 50} 9:{n % 50:02d}:00"} if "time" in left
        else {name: row[name] for name in left}
        for n, row in enumerate(row for row in _chat(300) if row["session"])
    ]  # fmt: skip
    path = _written(rows, tmp_path / "chat.jsonl")
    df = session.read.json(str(path)).coalesce(1)
    _same(spark.findings(df.orderBy("text") if "time" in left else df), _local(path, tmp_path))


def test_rows_without_a_session_are_told_apart_by_their_number(session: Any, tmp_path: Path) -> None:
    path = _written([row | {"row": number} for number, row in enumerate(_chat(300), 1)], tmp_path / "chat.jsonl")
    found = spark.findings(session.read.json(str(path)), columns={"row": "row"})
    _same(found, _local(path, tmp_path))


def test_one_pass_gives_findings_counts_and_troubles(session: Any) -> None:
    rows = [{**row, "time": row["time"].replace("-", "/")} for row in _chat(200)]
    df = session.createDataFrame([{**rows[0], "role": "路人"}, {**rows[1], "text": None}, *rows[2:]], _SCHEMA)
    judged = spark.judged(df, platform=["pinduoduo", "taobao"]).persist()
    counts = [row.asDict() for row in judged.summary.collect()]
    agents = [row for row in rows[2:] if row["role"] in ("agent", "客服")]
    messages = [row for row in counts if row["role"] == "agent" and row["rule"] is None]
    assert sum(row["messages"] for row in messages) == len(agents)
    by_day = Counter({row["day"]: 0 for row in messages})
    for row in messages:
        by_day[row["day"]] += row["messages"]
    assert by_day == Counter(row["time"][:10].replace("/", "-") for row in agents)
    assert sum(row["findings"] for row in counts) == judged.findings.count() > 20
    assert {row.what for row in judged.troubles.collect()} == {"unknown role '路人'", "no text"}
    first = judged.findings.where("platform is null and size(clauses) > 0").first()
    assert list(first.verdicts) == ["pinduoduo", "taobao"]
    assert first.clauses[0].platform in ("pinduoduo", "taobao", "any", "law")
    judged.rows.unpersist()


_SCHEMA = "session string, turn long, role string, text string, time string, agent string, shop string, platform string"


def test_a_shops_own_lexicon_travels_to_the_workers(session: Any, tmp_path: Path) -> None:
    rules = tmp_path / "rules"
    rules.mkdir()
    (rules / "parrot.yaml").write_text(_RULE, encoding="utf-8")
    df = session.createDataFrame([("您要的鹦鹉到了",), ("在的亲",)], "text string")
    found = spark.findings(df, lexicons=[tmp_path], rules=["parrot"], drafts=True).collect()
    assert [(row.rule, row.text) for row in found] == [("parrot", "鹦鹉")]


_RULE = """\
title: 说到鹦鹉
verdict: warning
status: draft
since: 0.1.0
why: 本店不卖活物。
message: 「{text}」说到了鹦鹉
suggestion: 亲，本店没有这个商品。
words:
  bird: [鹦鹉]
find:
  - bird!
violates:
  - "您要的[[鹦鹉]]到了"
passes:
  - 您要的衣服到了
"""


def test_a_worker_with_other_lexicons_does_not_judge() -> None:
    settings = replace(frames.settings("taobao"), version="another")
    with pytest.raises(KefulintError, match="expected another as on the driver"):
        worker.linters(settings)


def test_an_unknown_column_is_named(session: Any) -> None:
    df = session.createDataFrame([("在的亲", 1)], "words string, n int")
    with pytest.raises(KefulintError, match="no column of texts among words, n"):
        spark.findings(df)
    with pytest.raises(KefulintError, match="no column 正文 among words, n"):
        spark.findings(df, columns={"text": "正文"})


def test_a_worker_remembers_six_turns_of_the_longest_session() -> None:
    part = worker.Part(frames.settings("taobao"))
    for start in range(0, 3000, 1000):
        lines = range(start, start + 1000)
        table = logs.Table("x", [f"第{n}句" for n in lines], ["buyer"] * 1000, lines, lines, sessions=["s"] * 1000)
        assert list(part.take(tables(of_table(table, 0)))) == []
    assert [turn.text for turn in part._turns.open["s"]] == [f"第{n}句" for n in range(2994, 3000)]
    assert len(part.counts) == 1


# --- files -----------------------------------------------------------------------------------------------------------


def _as_csv(rows: list[dict[str, Any]], path: Path, encoding: str) -> Path:
    with path.open("w", encoding=encoding, newline="") as stream:
        cells = csv.DictWriter(stream, [*rows[0], "备注"])
        cells.writeheader()
        cells.writerows(row | {"备注": "两行\n的备注"} for row in rows)
    return path


def _as_parquet(rows: list[dict[str, Any]], path: Path) -> Path:
    import pyarrow as pa
    from pyarrow import parquet

    parquet.write_table(pa.Table.from_pylist(rows), path, row_group_size=50)
    return path


def _audited(paths: list[str], folder: Path, **how: Any) -> None:
    """Audit on Spark and on one machine, and compare every file written."""
    audit = Audit(tuple(paths), Options(need_text=True), **how)
    formats = ("csv", "parquet", "xlsx")
    spark.SparkRun(audit, folder / "spark", formats).start()
    Run(audit, folder / "local", formats).start()
    written = {path.name: path.read_bytes() for path in (folder / "local").iterdir()}
    assert {"findings.jsonl", "findings.csv", "findings.parquet", "summary.json", "report.html"} <= written.keys()
    assert {path.name: path.read_bytes() for path in (folder / "spark").iterdir()} == written
    assert written["findings.jsonl"].count(b"\n") > 20


def test_files_of_every_kind_give_the_same_outputs(session: Any, tmp_path: Path) -> None:
    (tmp_path / "导出 [3月]").mkdir()
    broken = [
        '{"text": "加我微信", "role"',
        "",
        '{"role": "agent"}',
        '{"text": "好评返现", "role": "路人"}',
        '"好评返您三元"',
    ]
    lines = [json.dumps(row, ensure_ascii=False) for row in _chat(900)]
    for at, line in enumerate(broken):
        lines.insert(100 + at * 150, line)
    log = tmp_path / "导出 [3月]" / "会话 100%.jsonl"
    log.write_bytes("\r\n".join(lines).encode() + b"\n")
    listings = _written([{"title": "全网最低价 加微信", "price": 3, "shop": "甲店", "id": n} for n in range(3)], tmp_path / "货.jsonl")  # fmt: skip
    paths = [
        log,
        _as_csv(_chat(200, 1), tmp_path / "b.csv", "gb18030"),
        _as_parquet(_chat(200, 2), tmp_path / "c.parquet"),
        listings,
    ]
    _audited([str(path) for path in paths], tmp_path)


def test_real_chat_gives_the_same_outputs(session: Any, measuring_data: Path, tmp_path: Path) -> None:
    paths = []
    for name in ("ecd_taobao", "jddc_jd"):
        with (measuring_data / "data" / name / "turns.jsonl").open(encoding="utf-8") as stream:
            paths.append(tmp_path / f"{name}.jsonl")
            paths[-1].write_text("".join(line for _, line in zip(range(1500), stream, strict=False)), encoding="utf-8")
    _audited([str(path) for path in paths], tmp_path, platform="taobao")


@pytest.mark.parametrize(
    ("name", "content", "message"),
    [
        ("a.xlsx", b"PK", "not read by Spark, expected .jsonl, .csv or .tsv"),
        ("a.jsonl.zst", b"", "not read by Spark"),
        ("a.jsonl", "{}".encode("utf-16"), "UTF-16 is not read by Spark"),
        ("none.jsonl", None, "cannot be opened, expected a readable file"),
    ],
)
def test_what_spark_does_not_read_is_named(
    session: Any, tmp_path: Path, name: str, content: bytes | None, message: str
) -> None:
    if content is not None:
        (tmp_path / name).write_bytes(content)
    with pytest.raises(KefulintError, match=message):
        spark.SparkRun(Audit((str(tmp_path / name),)), tmp_path / "out").start()
    assert not (tmp_path / "out").exists()


def test_the_command_runs_on_spark(session: Any, tmp_path: Path) -> None:
    path = _written([{"text": "加我微信", "role": "agent"}, {"text": "在的", "role": "agent"}], tmp_path / "a.jsonl")
    given = ["audit", "--engine", "spark", str(path), "--out", str(tmp_path / "out")]
    result = CliRunner().invoke(main, given)
    assert (result.exit_code, "客服消息 2 条" in result.output) == (1, True), result.output
    assert CliRunner().invoke(main, [*given, "--resume"]).exit_code == 2
