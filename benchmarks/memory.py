"""Peak memory of a real audit at 1, 5 and 20 million messages: `python benchmarks/memory.py [MILLIONS …] [--format jsonl]`.

Writes made-up logs (Parquet, or JSON lines) into a folder of its own, runs `kefulint audit` on each in a process of its
own and prints rows, seconds, rows a second and the most memory that process held. The wording is ours and the same every
time: 60 shops, sessions of a dozen turns of which 2,000 are open at once, a breach in about one reply of a hundred.
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from datetime import datetime, timedelta
from pathlib import Path

import pyarrow as pa
from pyarrow import parquet

ASKED = (
    "在吗",
    "这个还有货吗",
    "今天能发出吗",
    "大概几天到",
    "有没有大一点的尺码",
    "我想退货怎么弄",
    "可以开票吗",
    "颜色会不会掉",
)
SAID = (
    "在的亲，请稍等，我帮您看一下", "有货的，拍下四十八小时内发出", "默认发圆通，一般三天左右能到", "这款尺码标准，按平时穿的选就好",
    "您在订单里点申请退货，审核很快的", "好的，已经帮您备注了", "感谢您的光临，祝您生活愉快", "洗的时候翻过来，用冷水就好",
)  # fmt: skip
BREACHES = ("加我微信聊，给您便宜十块", "特价款开不了发票的哦", "给个五星好评返现三元", "我们是全网第一的牌子")
OPEN, TURNS, SHOPS, GROUP = 2_000, 12, 60, 100_000
NAMES = ("session", "turn", "time", "role", "agent", "shop", "platform", "text")


def rows(count: int) -> Iterator[tuple[str, int, str, str, str | None, str, str, str]]:
    """Yield the rows of a made-up log, sessions taking turns."""
    start = datetime(2026, 1, 1)
    for at in range(count):
        batch, place = divmod(at, OPEN * TURNS)
        turn, slot = divmod(place, OPEN)
        session = batch * OPEN + slot
        shop = session % SHOPS
        time_ = (start + timedelta(seconds=at // 40)).isoformat(" ")
        mixed = (at * 2654435761) >> 7
        if turn % 2 == 0:
            yield (
                f"s{session:08d}",
                turn,
                time_,
                "buyer",
                None,
                f"小店{shop}",
                "taobao",
                f"{ASKED[mixed % 8]}，{at % 997}号",
            )
            continue
        said = BREACHES[mixed % 4] if mixed % 100 == 0 else f"{SAID[mixed % 8]}，{at % 997}号"
        yield f"s{session:08d}", turn, time_, "agent", f"客服{session % 240}", f"小店{shop}", "taobao", said


def write(path: Path, count: int) -> None:
    """Write a log of so many rows, as its suffix says."""
    found = rows(count)
    if path.suffix == ".jsonl":
        with path.open("w", encoding="utf-8") as stream:
            for row in found:
                stream.write(json.dumps(dict(zip(NAMES, row, strict=True)), ensure_ascii=False) + "\n")
        return
    types = (pa.string(), pa.int32(), *[pa.string()] * 6)
    schema = pa.schema(list(zip(NAMES, types, strict=True)))
    with parquet.ParquetWriter(path, schema, compression="zstd") as writer:
        for first in range(0, count, GROUP):
            group = [next(found) for _ in range(min(GROUP, count - first))]
            columns = [pa.array(values, kind) for values, kind in zip(zip(*group, strict=True), types, strict=True)]
            writer.write_table(pa.Table.from_arrays(columns, schema=schema))


def audited(log: Path, folder: Path, jobs: int) -> tuple[float, float]:
    """Audit a log with the real command; return seconds and the peak memory in MB."""
    command = [
        sys.executable,
        "-m",
        "linter",
        "audit",
        str(log),
        "--out",
        str(folder),
        "-j",
        str(jobs),
        "--fail-on",
        "never",
    ]
    started = time.monotonic()
    child = subprocess.Popen(command, stdout=subprocess.DEVNULL)
    _, status, used = os.wait4(child.pid, 0)
    child.returncode = os.waitstatus_to_exitcode(status)
    assert child.returncode == 0, f"the audit ended with {child.returncode}"
    return time.monotonic() - started, used.ru_maxrss / 1024


def main() -> None:
    """Measure and print a table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("millions", nargs="*", type=float, default=[1, 5, 20])
    parser.add_argument("--format", choices=("parquet", "jsonl"), default="parquet")
    parser.add_argument("--jobs", type=int, default=1)
    given = parser.parse_args()
    print(f"{'rows':>12}  {'seconds':>8}  {'rows/s':>9}  {'peak MB':>8}   ({given.format}, --jobs {given.jobs})")
    for millions in given.millions:
        count = round(millions * 1_000_000)
        with tempfile.TemporaryDirectory() as name:
            log = Path(name) / f"log.{given.format}"
            write(log, count)
            seconds, peak = audited(log, Path(name) / "out", given.jobs)
            summary = json.loads((Path(name) / "out" / "summary.json").read_text(encoding="utf-8"))
            assert summary["messages"] + summary["buyer_messages"] == count
        print(f"{count:>12,}  {seconds:>8.1f}  {count / seconds:>9,.0f}  {peak:>8.0f}", flush=True)


if __name__ == "__main__":
    main()
