"""Commands in, the CPU time of a whole run out: what starting kefulint costs, beside what any such tool pays.

    python benchmarks/startup.py [--runs 15] [--sources]

User and system time of the process, not the clock: another busy program on the machine changes the clock at once and
these only a little. The least of the runs is compared, the median is shown beside it. The base is what no command that
reads YAML with an automaton could do without. Every command runs once before it is measured, so that caches are filled:
the lexicons' compiled form, and Python's own of the modules, which an installed package has from the start. `--sources`
shows the same where Python may write none (PYTHONDONTWRITEBYTECODE in a checkout): every run compiles the modules anew.
"""

from __future__ import annotations

import argparse
import os
import resource
import statistics
import subprocess
import sys
import tempfile
from pathlib import Path

_BASE = "import click, yaml, ahocorasick"
_CLEAN = "您好，今天下午发货\n"
_FINDING = "亲，加我V信abc12345\n"


def main() -> None:
    """Print one line a command: least and median milliseconds, and the ratio to the base."""
    parser = argparse.ArgumentParser(description="What starting kefulint costs.")
    parser.add_argument("--runs", type=int, default=15)
    parser.add_argument("--sources", action="store_true", help="let Python keep no compiled modules")
    given = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        times = _times(_commands(Path(folder)), given.runs, _surroundings(folder, given.sources))
    base = min(times["base"])
    for name, measured in times.items():
        least = min(measured)
        print(f"{name:24} {least:7.1f} ms  median {statistics.median(measured):7.1f} ms  {least / base:5.2f} x base")


def _commands(folder: Path) -> dict[str, tuple[list[str], int]]:
    """Return each command and the exit status it must end with."""
    command = [sys.executable, "-c", "from linter.cli import run; run()"]
    clean, finding = folder / "clean.txt", folder / "finding.txt"
    clean.write_text(_CLEAN, encoding="utf-8")
    finding.write_text(_FINDING, encoding="utf-8")
    return {
        "base": ([sys.executable, "-c", _BASE], 0),
        "--help": ([*command, "--help"], 0),
        "check, clean file": ([*command, "check", str(clean)], 0),
        "check, one finding": ([*command, "check", str(finding)], 1),
    }


def _surroundings(folder: str, sources: bool) -> dict[str, str]:
    """Return the environment: a cache of our own, and compiled modules kept or not."""
    unwanted = ("PYTHONDONTWRITEBYTECODE", "PYTHONPYCACHEPREFIX", "KEFULINT_NO_CACHE")
    kept = {name: value for name, value in os.environ.items() if name not in unwanted}
    how = {"PYTHONDONTWRITEBYTECODE": "1"} if sources else {"PYTHONPYCACHEPREFIX": f"{folder}/modules"}
    return kept | how | {"KEFULINT_CACHE": folder}


def _times(
    commands: dict[str, tuple[list[str], int]], runs: int, surroundings: dict[str, str]
) -> dict[str, list[float]]:
    """Return the milliseconds of every run; the commands take turns, so that a slow minute hits them all."""
    times: dict[str, list[float]] = {name: [] for name in commands}
    for turn in range(runs + 1):
        for name, (command, status) in commands.items():
            spent = _spent(command, status, surroundings)
            if turn:
                times[name].append(spent * 1000)
    return times


def _spent(command: list[str], status: int, surroundings: dict[str, str]) -> float:
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    done = subprocess.run(command, capture_output=True, check=False, env=surroundings)
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    if done.returncode != status:
        raise SystemExit(f"{command} ended with {done.returncode}, expected {status}: {done.stderr.decode()}")
    return after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime


if __name__ == "__main__":
    main()
