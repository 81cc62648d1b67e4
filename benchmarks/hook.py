"""What the hook costs on one changed file, beside `ruff check` and `codespell` on the same file.

Whole processes as a hook starts them, each command in turn so that a busy moment meets them all; medians of the wall clock
and of processor time, and ratios to kefulint. The file is a bot's replies as a Python module, so that all three have
something to read; kefulint reads it as text. The caches of kefulint and ruff are warm, as on every commit but the first.
Run: python benchmarks/hook.py [RUNS [REPLIES]]
"""

from __future__ import annotations

import os
import resource
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

REPLIES = (
    "您好，请问有什么可以帮您？", "在的亲，您看中哪一款了？", "今天下午四点前拍下，今天发货。", "可以开发票的，抬头和税号发我就行。",
    "支持七天无理由退货，您在订单里申请就可以。", "这款是纯棉的，建议冷水手洗。", "收到有问题随时联系我，马上给您处理。",
)  # fmt: skip
FOLDER = Path(sys.executable).parent


def commands(path: str) -> dict[str, list[str]]:
    """Return what is run, by name; tools that are not installed are left out with a word."""
    wanted = {
        "kefulint check": [str(FOLDER / "kefulint"), "check", "--quiet", "--read-as", "text", path],
        "ruff check": [str(FOLDER / "ruff"), "check", "--quiet", path],
        "codespell": [str(FOLDER / "codespell"), path],
    }
    missing = [name for name, command in wanted.items() if not shutil.which(command[0])]
    if missing:
        print(f"not installed here and left out: {', '.join(missing)}", file=sys.stderr)
    return {name: command for name, command in wanted.items() if name not in missing}


def timed(command: list[str]) -> tuple[float, float]:
    """Return the seconds of a run by the clock and by the processor."""
    before, started = resource.getrusage(resource.RUSAGE_CHILDREN), time.perf_counter()
    done = subprocess.run(command, capture_output=True, text=True)
    wall, after = time.perf_counter() - started, resource.getrusage(resource.RUSAGE_CHILDREN)
    if done.returncode:
        raise SystemExit(f"{' '.join(command)} exits {done.returncode}: {done.stdout}{done.stderr}")
    return wall, after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime


def main() -> None:
    runs, replies = (int(sys.argv[1]) if len(sys.argv) > 1 else 11), (int(sys.argv[2]) if len(sys.argv) > 2 else 100)
    lines = (f"    {REPLIES[number % len(REPLIES)]!r}," for number in range(replies))
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder, "replies.py")
        path.write_text("\n".join(["REPLIES = [", *lines, "]"]) + "\n", encoding="utf-8")
        os.chdir(folder)
        chosen = commands(path.name)
        for command in chosen.values():
            timed(command)  # warms the caches
        times: dict[str, list[tuple[float, float]]] = {name: [] for name in chosen}
        for _ in range(runs):
            for name, command in chosen.items():
                times[name].append(timed(command))
    print(f"one file of {replies} replies, {runs} runs in turn, medians")
    print(f"{'':16}{'clock':>10}{'ratio':>8}{'processor':>12}{'ratio':>8}")
    ours = [statistics.median(column) for column in zip(*times["kefulint check"], strict=True)]
    for name, found in times.items():
        wall, spent = (statistics.median(column) for column in zip(*found, strict=True))
        ratios = f"{ours[0] / wall:7.2f}x", f"{ours[1] / spent:7.2f}x"
        print(f"{name:16}{wall * 1000:7.0f} ms{ratios[0]}{spent * 1000:9.0f} ms{ratios[1]}")


if __name__ == "__main__":
    main()
