"""How the cost of an audit on Spark grows: the same chat at 1, 2, 4 and 8 times the size, on this machine.

    python -m benchmarks.spark_scaling [--messages 250000] [--master 'local[2]']

Chat of our own wording is written to Parquet files, judged from there and written back as Parquet, as a cluster would. One
session serves all sizes, warmed up before. What is counted is processor time of Spark and its Python workers, which other
work on the machine does not change much, beside wall time; tasks and bytes shuffled come from Spark's event log. A line
through the sizes (least squares) gives the cost of a message, and that what a billion messages a day would take.
"""

from __future__ import annotations

import argparse
import json
import os
import random
import tempfile
import time
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from typing import Any

FACTORS = (1, 2, 4, 8)
AGENT = (
    "在的亲，请问有什么可以帮您", "今天下午四点前拍下的当天发货", "亲，这款面料是纯棉的，机洗不变形", "您稍等我帮您查一下物流",
    "一般三到五天就能收到了", "尺码按平时穿的拍就可以", "好的呢，已经给您备注了", "库里还有最后几件", "收到有问题随时联系我们",
    "支持七天无理由退换，运费险已经送您", "亲，优惠券在店铺首页领取", "这个颜色拍下后两天内发出",
)  # fmt: skip
BAD = ("特价款不给开票的", "加我薇❤给您便宜十块", "五星带图返您三元红包", "只能微信转账过来哦", "爱买不买随您")
BUYER = (
    "在吗",
    "这个什么时候发货",
    "能开发票吗",
    "尺码怎么选",
    "可以便宜点吗",
    "好的谢谢",
    "颜色会不会有色差",
    "我想退货",
)
BILLION = 1_000_000_000
CORES = 16  # of a machine of the projection


@dataclass(frozen=True, slots=True)
class Cost:
    """What one run took."""

    messages: int
    findings: int
    wall: float
    cpu: float
    tasks: int = 0
    shuffled: int = 0


def write_chat(folder: Path, messages: int) -> list[str]:
    """Write as many files as the largest size needs, `messages` rows each, conversations interleaved."""
    import pyarrow as pa
    from pyarrow import parquet

    paths = []
    for part in range(max(FACTORS)):
        paths.append(str(folder / f"chat-{part}.parquet"))
        parquet.write_table(pa.Table.from_pylist(list(_chat(part, messages))), paths[-1], row_group_size=50_000)
    return paths


def _chat(part: int, messages: int) -> Iterator[dict[str, Any]]:
    dice = random.Random(part)
    turns: dict[str, int] = {}
    open_ = [f"{part}-{n}" for n in range(500)]
    for number in range(messages):
        place = dice.randrange(len(open_))
        name = open_[place]
        turn = turns[name] = turns.get(name, -1) + 1
        ours = turn % 2 == 1
        text = dice.choice(BUYER) if not ours else dice.choice(BAD) if dice.random() < 0.02 else dice.choice(AGENT)
        yield {
            "session": name, "turn": turn, "role": "agent" if ours else "buyer", "text": f"{text}{dice.randrange(100_000)}",
            "time": f"2026-{1 + part:02d}-{1 + number * 27 // messages:02d} {9 + turn % 12:02d}:{dice.randrange(60):02d}:00",
            "agent": f"客服{dice.randrange(40)}", "shop": f"店{part % 4}", "platform": "taobao",
        }  # fmt: skip
        if turn > 15:
            del turns[name]
            open_[place] = f"{part}-{number + 500}"


def measured(session: Any, paths: list[str], factor: int, messages: int, out: str) -> Cost:
    """Judge some of the files and write what came of it."""
    from linter import spark

    session.sparkContext.setJobGroup(str(factor), f"{factor} x")
    started, before = time.monotonic(), _cpu()
    spark.judged(session.read.parquet(*paths[:factor])).rows.write.mode("overwrite").parquet(out)
    wall, cpu = time.monotonic() - started, _cpu() - before
    session.sparkContext.setJobGroup("", "")
    rows = session.read.parquet(out)
    judged = rows.where("kind = 'count' and rule is null").groupBy().sum("messages").first()[0]
    assert judged == messages * factor, f"{judged} messages counted, expected {messages * factor}"
    return Cost(judged, rows.where("kind = 'finding'").count(), wall, cpu)


def _cpu() -> float:
    """Return the processor time of this process and all that Spark started, dead ones included."""
    import psutil

    total = 0.0
    for one in [psutil.Process(), *psutil.Process().children(recursive=True)]:
        times = one.cpu_times()
        total += times.user + times.system + times.children_user + times.children_system
    return total


def logged(folder: Path) -> dict[str, tuple[int, int]]:
    """Return tasks and bytes shuffled for each job group, from Spark's event log."""
    groups: dict[int, str] = {}
    found: dict[str, tuple[int, int]] = {}
    for line in next(folder.iterdir()).read_text(encoding="utf-8").splitlines():
        event = json.loads(line)
        if event["Event"] == "SparkListenerJobStart":
            group = event.get("Properties", {}).get("spark.jobGroup.id", "")
            groups.update((stage, group) for stage in event["Stage IDs"])
        if event["Event"] == "SparkListenerTaskEnd":
            group = groups[event["Stage ID"]]
            tasks, shuffled = found.get(group, (0, 0))
            written = event.get("Task Metrics", {}).get("Shuffle Write Metrics", {}).get("Shuffle Bytes Written", 0)
            found[group] = (tasks + 1, shuffled + written)
    return found


def line_through(points: list[tuple[float, float]]) -> tuple[float, float]:
    """Return the fixed cost and the cost of one more, by least squares."""
    mean_x, mean_y = (sum(values) / len(points) for values in zip(*points, strict=True))
    slope = sum((x - mean_x) * (y - mean_y) for x, y in points) / sum((x - mean_x) ** 2 for x, _ in points)
    return mean_y - slope * mean_x, slope


def run(messages: int, master: str) -> list[Cost]:
    from linter import spark

    with tempfile.TemporaryDirectory(prefix="kefulint-spark-") as own:
        folder = Path(own)
        (folder / "events").mkdir()
        paths = write_chat(folder, messages)
        events = {"spark.eventLog.enabled": "true", "spark.eventLog.dir": (folder / "events").as_uri()}
        session = spark.session(master, {"spark.sql.shuffle.partitions": "16", **events})
        session.sparkContext.setLogLevel("ERROR")
        measured(session, paths, 1, messages, str(folder / "warm"))
        costs = [measured(session, paths, factor, messages, str(folder / f"out-{factor}")) for factor in FACTORS]
        session.stop()
        of_group = logged(folder / "events")
    warm = of_group[str(FACTORS[0])]  # the first size ran twice: once to warm up
    halves = {**of_group, str(FACTORS[0]): (warm[0] // 2, warm[1] // 2)}
    return [
        Cost(c.messages, c.findings, c.wall, c.cpu, *halves[str(factor)])
        for factor, c in zip(FACTORS, costs, strict=True)
    ]


def report(costs: list[Cost], master: str) -> str:
    """Return the tables of the measurement and of the projection, as Markdown."""
    lines = [
        f"{date.today().isoformat()}, {master}, {os.cpu_count()} cores, load {os.getloadavg()[1]:.1f}", "",
        "| size | messages | findings | wall s | CPU s | CPU µs/message | tasks | shuffled MB | bytes/message |",
        "|---:|---:|---:|---:|---:|---:|---:|---:|---:|",
    ]  # fmt: skip
    for factor, c in zip(FACTORS, costs, strict=True):
        lines.append(
            f"| {factor} x | {c.messages:,} | {c.findings:,} | {c.wall:.1f} | {c.cpu:.1f} | {c.cpu / c.messages * 1e6:.0f} | "
            f"{c.tasks} | {c.shuffled / 1e6:.1f} | {c.shuffled / c.messages:.0f} |"
        )
    fixed, each = line_through([(c.messages, c.cpu) for c in costs])
    _, shuffled = line_through([(c.messages, c.shuffled) for c in costs])
    off = max(abs(fixed + each * c.messages - c.cpu) / c.cpu for c in costs)
    lines += ["", f"CPU = {fixed:.1f} s + {each * 1e6:.1f} µs x messages (at most {off:.0%} off); {shuffled:.0f} bytes shuffled a message"]  # fmt: skip
    hours = each * BILLION / 3600
    lines += ["", f"A billion messages: {hours:.0f} core hours, {shuffled * BILLION / 1e9:.0f} GB shuffled", ""]
    lines += [f"| machines of {CORES} cores | hours at 70 % use | shuffled GB a machine |", "|---:|---:|---:|"]
    for machines in (1, 2, 4, 8, 16):
        lines.append(
            f"| {machines} | {hours / machines / CORES / 0.7:.1f} | {shuffled * BILLION / 1e9 / machines:.0f} |"
        )
    return "\n".join(lines)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("--messages", type=int, default=250_000, help="rows of the smallest size")
    parser.add_argument("--master", default="local[2]")
    given = parser.parse_args()
    print(report(run(given.messages, given.master), given.master))


if __name__ == "__main__":
    main()
