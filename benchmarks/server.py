"""How much of a bare echo's throughput is left when every message is judged, and whether memory stays flat.

One run starts two processes of the same stack (uvicorn, Starlette): an endpoint that reads a JSON body and returns it, and
`kefulint serve`. The same client drives them in turn with the same bodies: chat messages of agents with the turns before
them. The machine's mood falls on both, so the ratio holds where the figures do not; where other work shares the machine,
the ratio of processor time a request says more than that of the rates.

    python benchmarks/server.py [--rounds 5] [--seconds 5] [--connections 64] [--client wrk|python]
    python benchmarks/server.py --soak 200000
"""

from __future__ import annotations

import argparse
import asyncio
import json
import os
import re
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path

ROOT = Path(__file__).parent.parent
DATA = Path(os.environ.get("KEFULINT_DATA") or ROOT.parent / "shared")
_MOST = 20_000  # bodies
_WRK = """
local requests, at = {}, 0
init = function()
  wrk.headers["Content-Type"] = "application/json"
  for line in io.lines(os.getenv("BODIES")) do requests[#requests + 1] = wrk.format("POST", nil, wrk.headers, line) end
end
request = function() at = at % #requests + 1; return requests[at] end
"""


@dataclass(frozen=True, slots=True)
class Run:
    """What one round measured."""

    rate: float  # requests a second
    p50: float  # milliseconds
    p99: float
    failed: int
    cpu: float = 0.0  # microseconds of the server's processor time a request


def bodies() -> list[bytes]:
    """Return request bodies: agents' messages and up to four turns before them."""
    path = DATA / "data" / "ecd_taobao" / "turns.jsonl"
    path = path if path.is_file() else ROOT / "examples" / "chat.jsonl"
    found: list[bytes] = []
    before: list[dict[str, str]] = []
    session = None
    with path.open(encoding="utf-8") as lines:
        for turn in map(json.loads, lines):
            if turn["session"] != session:
                session, before = turn["session"], []
            said = {"role": turn["role"], "text": turn["text"]}
            if turn["role"] == "agent":
                ask = {"text": turn["text"], "platforms": ["tmall"], "context": before[-4:]}
                found.append(json.dumps(ask, ensure_ascii=False).encode())
            before.append(said)
            if len(found) == _MOST:
                break
    print(f"{len(found):,} bodies, {sum(map(len, found)) / len(found):.0f} bytes each, from {path.name}")
    return found


@contextmanager
def started(*command: str) -> Iterator[tuple[str, int]]:
    """Run a server; give its address and process id."""
    process = subprocess.Popen([sys.executable, *command], stdout=subprocess.PIPE, text=True, cwd=ROOT)
    try:
        assert process.stdout
        line = process.stdout.readline()
        address = re.search(r"http://\S+?:\d+", line)
        if not address:
            raise SystemExit(f"no server: {line!r}")
        yield address.group(), process.pid
    finally:
        process.terminate()
        process.wait(30)


def echo() -> None:
    """Serve the echo: this stack's least, one JSON body in, the same out."""
    import socket

    import uvicorn
    from starlette.applications import Starlette
    from starlette.requests import Request
    from starlette.responses import JSONResponse
    from starlette.routing import Route

    async def answer(request: Request) -> JSONResponse:
        return JSONResponse(await request.json())

    listening = socket.create_server(("127.0.0.1", 0), backlog=1024)
    print(f"echo serves http://127.0.0.1:{listening.getsockname()[1]}/", flush=True)
    app = Starlette(routes=[Route("/v1/check", answer, methods=["POST"])])
    config = uvicorn.Config(
        app, log_config=None, access_log=False, proxy_headers=False, server_header=False, lifespan="off"
    )
    uvicorn.Server(config).run(sockets=[listening])


# --- clients ---------------------------------------------------------------------------------------------------------


def with_wrk(address: str, posts: Path, seconds: int, connections: int) -> Run:
    """Drive an address with wrk."""
    with tempfile.NamedTemporaryFile("w", suffix=".lua") as script:
        script.write(_WRK)
        script.flush()
        command = [
            "wrk",
            "-t1",
            f"-c{connections}",
            f"-d{seconds}s",
            "--latency",
            "-s",
            script.name,
            f"{address}/v1/check",
        ]
        said = subprocess.run(
            command, env=os.environ | {"BODIES": str(posts)}, capture_output=True, text=True, check=True
        ).stdout
    rate = re.search(r"Requests/sec:\s+([\d.]+)", said)
    bad = re.search(r"Non-2xx or 3xx responses: (\d+)", said)
    assert rate, said
    return Run(float(rate.group(1)), _milliseconds(said, 50), _milliseconds(said, 99), int(bad.group(1)) if bad else 0)


def _milliseconds(said: str, percent: int) -> float:
    found = re.search(rf"{percent}%\s+([\d.]+)(us|ms|s)", said)
    assert found, said
    return float(found.group(1)) * {"us": 0.001, "ms": 1.0, "s": 1000.0}[found.group(2)]


def with_python(address: str, posts: Path, seconds: float, connections: int, most: int = 0) -> Run:
    """Drive an address with a client of our own, for some seconds or some requests."""
    return asyncio.run(_driven(address, posts.read_bytes().splitlines(), seconds, connections, most))


async def _driven(address: str, listed: list[bytes], seconds: float, connections: int, most: int) -> Run:
    host, _, port = address.removeprefix("http://").partition(":")
    waits: list[float] = []
    failed = 0
    numbers = iter(range(most or sys.maxsize))
    started = time.perf_counter()
    stop = started + (seconds or 1e9)

    async def connection() -> None:
        nonlocal failed
        reader, writer = await asyncio.open_connection(host, int(port))
        for number in numbers:
            if time.perf_counter() > stop:
                break
            body = listed[number % len(listed)]
            sent = time.perf_counter()
            writer.write(
                b"POST /v1/check HTTP/1.1\r\nHost: %b\r\nContent-Length: %d\r\n\r\n%b"
                % (host.encode(), len(body), body)
            )
            head = await reader.readuntil(b"\r\n\r\n")
            length = re.search(rb"content-length: (\d+)", head)
            await reader.readexactly(int(length.group(1)) if length else 0)
            waits.append(time.perf_counter() - sent)
            failed += b" 200 " not in head[:16]
        writer.close()

    await asyncio.gather(*(connection() for _ in range(connections)))
    taken = time.perf_counter() - started
    waits.sort()
    return Run(len(waits) / taken, waits[len(waits) // 2] * 1e3, waits[len(waits) * 99 // 100] * 1e3, failed)


# --- runs ------------------------------------------------------------------------------------------------------------


def engine(address: str) -> tuple[float, float]:
    """Return how many messages the server judged so far, and in how many seconds."""
    text = urllib.request.urlopen(f"{address}/metrics").read().decode()
    answers = sum(
        float(line.rpartition(" ")[2]) for line in text.splitlines() if line.startswith("kefulint_answers_total")
    )
    seconds = re.search(r"^kefulint_engine_seconds_total (\S+)", text, re.MULTILINE)
    return answers, float(seconds.group(1)) if seconds else 0.0


def compare(arguments: argparse.Namespace, posts: Path, database: str) -> None:
    """Drive echo and check in turn; print every round and the medians."""
    rows: list[tuple[Run, Run]] = []
    with started(__file__, "--echo") as bare, started(*_SERVE, "--database", database) as check:
        for server in (bare, check):
            _measured(server, posts, arguments, 2)
        print(
            "         ---------- echo ----------  --------- check ----------  ---- check / echo ----  ---- engine ----"
        )
        print(
            "            req/s  p50    p99 cpu µs     req/s  p50    p99 cpu µs    by rate      by cpu   share     each µs"
        )
        for number in range(arguments.rounds):
            least = _measured(bare, posts, arguments, arguments.seconds)
            before = engine(check[0])
            judged = _measured(check, posts, arguments, arguments.seconds)
            after = engine(check[0])
            rows.append((least, judged))
            each = (after[1] - before[1]) / (after[0] - before[0])
            shown = "".join(f"{run.rate:>10,.0f}{run.p50:>5.1f}{run.p99:>7.1f}{run.cpu:>7.0f}" for run in rows[-1])
            by_rate, by_cpu = judged.rate / least.rate, least.cpu / judged.cpu
            print(
                f"{number + 1:>7}{shown}{by_rate:>11.2f}{by_cpu:>12.2f}{each * judged.rate:>8.0%}{each * 1e6:>12.0f}",
                flush=True,
            )
    by_rate = statistics.median(judged.rate / least.rate for least, judged in rows)
    by_cpu = statistics.median(least.cpu / judged.cpu for least, judged in rows)
    failed = sum(run.failed for row in rows for run in row)
    print(
        f"median of {len(rows)}: {by_rate:.2f} of the echo by rate, {by_cpu:.2f} by processor time; {failed} requests failed"
    )


def _measured(server: tuple[str, int], posts: Path, arguments: argparse.Namespace, seconds: int) -> Run:
    drive = with_wrk if arguments.client == "wrk" else with_python
    before = _processor(server[1])
    run = drive(server[0], posts, seconds, arguments.connections)
    return replace(run, cpu=(_processor(server[1]) - before) / (run.rate * seconds) * 1e6)


def _processor(process: int) -> float:
    """Return the seconds of processor time a process has used."""
    fields = Path(f"/proc/{process}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def soak(arguments: argparse.Namespace, posts: Path, database: str) -> None:
    """Send many requests and print the server's memory on the way."""
    step = max(1, arguments.soak // 10)
    with started(*_SERVE, "--database", database) as (address, process):
        print(f"{'requests':>10}{'RSS MB':>9}{'req/s':>9}{'p99 ms':>9}{'failed':>8}")
        print(f"{0:>10,}{_memory(process):>9.1f}")
        for done in range(step, arguments.soak + 1, step):
            run = with_python(address, posts, 0, arguments.connections, step)
            print(f"{done:>10,}{_memory(process):>9.1f}{run.rate:>9,.0f}{run.p99:>9.1f}{run.failed:>8}", flush=True)


def _memory(process: int) -> float:
    found = re.search(r"VmRSS:\s+(\d+)", Path(f"/proc/{process}/status").read_text())
    return int(found.group(1)) / 1024 if found else 0.0


_SERVE = ("-u", "-m", "linter", "serve", "--port", "0")


def main() -> None:
    """Read the arguments and run."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--seconds", type=int, default=5)
    parser.add_argument("--connections", type=int, default=64)
    parser.add_argument("--client", choices=("wrk", "python"), default="wrk" if shutil.which("wrk") else "python")
    parser.add_argument("--soak", type=int, default=0, metavar="REQUESTS")
    parser.add_argument("--echo", action="store_true", help=argparse.SUPPRESS)
    arguments = parser.parse_args()
    if arguments.echo:
        echo()
        return
    with tempfile.TemporaryDirectory() as folder:
        posts = Path(folder) / "bodies"
        posts.write_bytes(b"\n".join(bodies()))
        (soak if arguments.soak else compare)(arguments, posts, f"sqlite:///{folder}/decisions.sqlite")


if __name__ == "__main__":
    main()
