"""What an audit costs beside `check_many` on the same messages: whole runs of the command, one process, CPU time.

The chat of the measuring data (else made-up chat) is repeated under other session names until it is large, written as Parquet
and as JSON lines, and audited; a run of a tenth of it is taken off, and with it what every run costs. Findings are counted and must agree.
That chat has no times; `--timed` gives it some, as exports have them: then days and hours are counted and reply times measured.

    python benchmarks/audit.py [--rows 200000] [--rounds 3] [--timed]
"""

from __future__ import annotations

import argparse
import gc
import json
import resource
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
from made import conversations, rows

from linter import Linter


def repeated(count: int, *, timed: bool = False) -> Iterator[dict[str, Any]]:
    """Yield so many rows of chat, at least; sessions stay together."""
    base = rows()
    moment = datetime(2026, 3, 2, 8)
    for round_ in range(count // len(base) + 1):
        for row in base:
            own = {"session": f"{row['session']}-{round_}", "agent": f"客服{round_ % 7}", "shop": "示例店"}
            moment += timedelta(seconds=17)
            yield row | own | ({"time": moment.isoformat(" ")} if timed else {})


def audited(path: Path, out: Path) -> tuple[float, int]:
    """Return the CPU seconds of an audit and its findings."""
    command = [sys.executable, "-m", "linter", "audit", str(path), "--out", str(out), "-j", "1", "--fail-on", "never"]
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    subprocess.run(command, check=True, capture_output=True)
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    seconds = after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
    return seconds, sum(1 for _ in (out / "findings.jsonl").open(encoding="utf-8"))


def main() -> None:
    asked = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    asked.add_argument("--rows", type=int, default=200_000)
    asked.add_argument("--rounds", type=int, default=3)
    asked.add_argument("--timed", action="store_true")
    options = asked.parse_args()
    given = list(repeated(options.rows, timed=options.timed))
    part = given[: len(given) // 10]
    talk = list(conversations(given))
    few = sum(row["role"] == "agent" for row in part)
    linter = Linter("taobao")
    expected = sum(map(len, linter.check_many(talk)))
    gc.collect()
    gc.freeze()
    spent: dict[str, list[float]] = {}
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        write(given, folder / "large")
        write(part, folder / "small")
        for _ in range(options.rounds):
            began = time.process_time()
            assert sum(map(len, linter.check_many(talk))) == expected
            spent.setdefault("check_many", []).append(time.process_time() - began)
            for kind in ("parquet", "jsonl"):
                for size, count in (("small", None), ("large", expected)):
                    seconds, found = audited(folder / f"{size}.{kind}", folder / "out")
                    assert count in (None, found), f"{kind}: {found} findings, expected {expected}"
                    spent.setdefault(f"{size} {kind}", []).append(seconds)
    least = {name: min(times) for name, times in spent.items()}
    print(
        f"{len(given):,} rows, {len(talk):,} agents' messages, {expected:,} findings, the best of {options.rounds} rounds"
    )
    many = least["check_many"] / len(talk)
    print(f"{'check_many':<12}{many * 1e6:>8.1f} µs a message{1 / many:>12,.0f} messages/s")
    for kind, target in (("parquet", 0.6), ("jsonl", 0.35)):
        each = (least[f"large {kind}"] - least[f"small {kind}"]) / (len(talk) - few)
        print(
            f"{kind:<12}{each * 1e6:>8.1f} µs a message{1 / each:>12,.0f} messages/s"
            f"{many / each:>8.2f} of check_many (aim {target})"
        )


def write(given: list[dict[str, Any]], path: Path) -> None:
    pq.write_table(pa.Table.from_pylist(given), path.with_suffix(".parquet"))
    with path.with_suffix(".jsonl").open("w", encoding="utf-8") as lines:
        lines.writelines(json.dumps(row, ensure_ascii=False) + "\n" for row in given)


if __name__ == "__main__":
    main()
