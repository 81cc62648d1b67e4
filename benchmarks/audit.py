"""What an audit costs beside `check_many` on the same messages: whole runs of the command, one process, CPU time.

The chat of the measuring data (else made-up chat) is repeated under other session names until it is large, written as Parquet
and as JSON lines, and audited; a run of a tenth of it is taken off, and with it what every run costs. Findings are counted and must agree.

    python benchmarks/audit.py [--rows 200000]
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
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
from made import conversations, rows

from linter import Linter


def repeated(count: int) -> Iterator[dict[str, Any]]:
    """Yield so many rows of chat, at least; sessions stay together."""
    base = rows()
    for round_ in range(count // len(base) + 1):
        for row in base:
            yield row | {"session": f"{row['session']}-{round_}", "agent": f"客服{round_ % 7}", "shop": "示例店"}


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
    given = list(repeated(asked.parse_args().rows))
    talk = list(conversations(given))
    linter = Linter("taobao")
    sum(map(len, linter.check_many(talk[:20_000])))
    gc.collect()
    gc.freeze()
    began = time.process_time()
    expected = sum(map(len, linter.check_many(talk)))
    many = time.process_time() - began
    print(f"{len(given):,} rows, {len(talk):,} agents' messages, {expected:,} findings")
    print(f"{'check_many':<12}{many / len(talk) * 1e6:>8.1f} µs a message{len(talk) / many:>12,.0f} messages/s")
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        write(given, folder / "large")
        part = given[: len(given) // 10]
        write(part, folder / "small")
        rest = len(talk) - sum(row["role"] == "agent" for row in part)
        for suffix, target in ((".parquet", 0.6), (".jsonl", 0.35)):
            start, _ = min(audited(folder / f"small{suffix}", folder / "a") for _ in range(2))
            whole, found = audited(folder / f"large{suffix}", folder / "b")
            assert found == expected, f"{suffix}: {found} findings, expected {expected}"
            spent = whole - start
            print(
                f"{suffix[1:]:<12}{spent / rest * 1e6:>8.1f} µs a message{rest / spent:>12,.0f} messages/s"
                f"{many / len(talk) * rest / spent:>8.2f} of check_many (aim {target})"
            )


def write(given: list[dict[str, Any]], path: Path) -> None:
    pq.write_table(pa.Table.from_pylist(given), path.with_suffix(".parquet"))
    with path.with_suffix(".jsonl").open("w", encoding="utf-8") as lines:
        lines.writelines(json.dumps(row, ensure_ascii=False) + "\n" for row in given)


if __name__ == "__main__":
    main()
