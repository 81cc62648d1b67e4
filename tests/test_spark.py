"""The audit on a real local Spark finds what the audit on one machine finds."""

from __future__ import annotations

import json
import random
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

pytest.importorskip("pyspark", reason="Spark is not installed: pip install 'kefulint[spark]'")

from linter import spark
from linter.audit import Linters, judged
from linter.engine import Linter
from linter.ledger import identity
from linter.reports import finding_data
from linter.sources import Options
from linter.summary import Summary

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
    started = spark.session("local[2]", {"spark.sql.shuffle.partitions": "3", "spark.ui.enabled": "false"})
    started.sparkContext.setLogLevel("OFF")
    yield started
    started.stop()


def _chat(messages: int, seed: int = 7) -> list[dict[str, Any]]:
    """Conversations interleaved with each other, rows without a session, several shops, platforms and ways of a time."""
    dice = random.Random(seed)
    turns: Counter[str] = Counter()
    rows: list[dict[str, Any]] = []
    for number in range(messages):
        name = f"会话{dice.randrange(messages // 9 + 1)}"
        role = dice.choice(("agent", "agent", "buyer", "客服", "买家", "system"))
        row = {
            "session": name, "turn": turns[name], "role": role, "text": dice.choice(BUYER if role in ("buyer", "买家") else AGENT),
            "time": f"2026-03-{1 + number * 20 // messages:02d} 09:{number % 60:02d}:00", "agent": f"客服{dice.randrange(5)}",
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


def _local(path: Path, **options: Any) -> list[dict[str, Any]]:
    """Return the rows of the local engine for a log."""
    linters = Linters(lambda name: Linter(name), "taobao")
    found = judged([path], Options(need_text=True, **options), linters, Summary())
    return [{"id": identity(f)} | finding_data(f, message.text) for f, message in found]


def _key(row: dict[str, Any]) -> tuple[Any, ...]:
    origin = row.get("origin", row)
    return (row["id"], row["rule"], row["verdict"], row["start"], row["end"], row["text"], origin.get("session"))


def _same(found: Any, expected: list[dict[str, Any]]) -> None:
    assert Counter(_key(row.asDict()) for row in found.collect()) == Counter(_key(row) for row in expected)


# --- DataFrames --------------------------------------------------------------------------------------------------------


def test_a_frame_gives_the_findings_of_the_local_engine(session: Any, tmp_path: Path) -> None:
    path = _written(_chat(600), tmp_path / "chat.jsonl")
    expected = _local(path)
    df = session.read.json(str(path)).repartition(5)  # as if it lay scattered: turns alone say the order
    together = df.where("session is not null")
    of_sessions = [row for row in expected if "session" in row["origin"]]
    assert len(of_sessions) > 50
    _same(spark.findings(together), of_sessions)


def test_rows_without_a_session_are_told_apart_by_their_number(session: Any, tmp_path: Path) -> None:
    rows = [row | {"row": number} for number, row in enumerate(_chat(300), 1)]
    path = _written(rows, tmp_path / "chat.jsonl")
    found = spark.findings(session.read.json(str(path)), columns={"row": "row"})
    _same(found, _local(path))
