"""Long audits: killed anywhere and gone on with, they end with the bytes of an audit that was never stopped."""

from __future__ import annotations

import json
import os
import random
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import psutil
import pytest

from linter.audit import Audit, Run
from linter.model import KefulintError
from linter.resume import Journal

ASKED = ("在吗", "这个还有货吗", "今天能发出吗", "可以开票吗")
SAID = ("在的亲，请稍等", "有货的，拍下就发", "默认发圆通，三天左右到", "加我微信聊，便宜十块", "特价款开不了的哦")
FORMATS = ("csv", "parquet", "xlsx")
OUTPUTS = sorted([*(f"findings.{kind}" for kind in (*FORMATS, "jsonl")), "report.html", "summary.json", "summary.txt"])


def _rows(count: int) -> Iterator[dict[str, object]]:
    """Sessions take turns, so that every cut of the log goes through some."""
    for at in range(count):
        session, turn = at % 50 + at // 400 * 50, at // 50 % 8
        time_ = f"2026-03-{1 + at // 2000 % 28:02d} 09:{at // 60 % 60:02d}:{at % 60:02d}"
        row = {"session": f"s{session}", "turn": turn, "time": time_, "shop": f"小店{session % 3}"}
        if turn % 2 == 0:
            yield row | {"role": "buyer", "text": ASKED[at % 4]}
            continue
        words = SAID[3 + at % 2] if at % 37 == 0 else SAID[at % 3]
        yield row | {"role": "agent", "agent": f"客服{session % 5}", "text": f"{words}，{at % 91}"}


@pytest.fixture(scope="module")
def logs(tmp_path_factory: pytest.TempPathFactory) -> list[str]:
    """Two logs: one as JSON lines with a broken line, one as CSV; several chunks each."""
    import csv

    folder = tmp_path_factory.mktemp("logs")
    lines = [json.dumps(row, ensure_ascii=False) for row in _rows(12_000)]
    lines[777] = '{"text": "broken'
    (folder / "a.jsonl").write_text("\n".join(lines), encoding="utf-8")
    with (folder / "b.csv").open("w", encoding="gb18030", newline="") as stream:
        rows = csv.DictWriter(stream, ("session", "turn", "time", "shop", "role", "agent", "text"))
        rows.writeheader()
        rows.writerows(_rows(17_000))
    return [str(folder / "a.jsonl"), str(folder / "b.csv")]


@pytest.fixture(scope="module")
def whole(logs: list[str], tmp_path_factory: pytest.TempPathFactory) -> dict[str, bytes]:
    """What an audit writes that nobody stops."""
    folder = tmp_path_factory.mktemp("whole")
    Run(Audit(tuple(logs)), folder, FORMATS).start()
    assert sorted(path.name for path in folder.iterdir()) == OUTPUTS
    return _bytes(folder)


def _bytes(folder: Path) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in sorted(folder.iterdir())}


def _started(logs: list[str], folder: Path, *more: str, start_new_session: bool = False) -> subprocess.Popen[bytes]:
    command = [
        sys.executable,
        "-m",
        "linter",
        "audit",
        *logs,
        "--out",
        str(folder),
        "-f",
        "csv",
        "-f",
        "parquet",
        "-f",
        "xlsx",
    ]
    command += ["--checkpoint", "0", "--fail-on", "never", "--allow-broken", *more]
    return subprocess.Popen(
        command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, cwd=Path(__file__).parent.parent,
        start_new_session=start_new_session,
    )  # fmt: skip


def _marked(folder: Path, child: subprocess.Popen[bytes], before: float) -> float:
    """Wait until a checkpoint newer than `before` is written or the audit has ended; return its time."""
    path = folder / "unfinished" / "checkpoint.json"
    while child.poll() is None:
        try:
            if path.stat().st_mtime_ns > before:
                return path.stat().st_mtime_ns
        except FileNotFoundError:
            pass
        time.sleep(0.005)
    return before


@pytest.mark.skipif(os.name != "posix", reason="needs SIGKILL")
@pytest.mark.parametrize("jobs", ["1", "2"])
def test_killed_again_and_again_it_ends_with_the_same_bytes(
    jobs: str, logs: list[str], whole: dict[str, bytes], tmp_path: Path
) -> None:
    chance, kills, mark = random.Random(int(jobs)), 0, 0.0
    most = 3 if jobs == "1" else 2
    for _ in range(20):
        child = _started(logs, tmp_path, "--resume", "-j", jobs)
        mark = _marked(tmp_path, child, mark)
        if kills < most:
            time.sleep(chance.random() * 0.3)
            if child.poll() is None:
                child.kill()
                kills += 1
        output, errors = child.communicate()
        if child.returncode == 0:
            break
        assert child.returncode == -signal.SIGKILL, errors.decode()
        assert not set(OUTPUTS) & {path.name for path in tmp_path.iterdir()}, "results before everything was judged"
    assert kills >= 2 and "客服消息" in output.decode()
    assert _bytes(tmp_path) == whole


@pytest.mark.skipif(os.name != "posix", reason="needs signals")
def test_interrupted_it_keeps_what_it_has_and_says_how_to_go_on(
    logs: list[str], whole: dict[str, bytes], tmp_path: Path
) -> None:
    child = _started(logs, tmp_path, "--checkpoint", "3600", "-j", "1")
    while not (tmp_path / "unfinished" / "findings.jsonl").exists():
        time.sleep(0.01)
    time.sleep(0.3)
    child.send_signal(signal.SIGINT)
    _, errors = child.communicate()
    assert child.returncode == 130 and b"--resume goes on" in errors, errors.decode()
    state = json.loads((tmp_path / "unfinished" / "checkpoint.json").read_bytes())
    assert state["position"] != [0, 0]
    assert (tmp_path / "unfinished").stat().st_mode & 0o077 == 0, "the state holds what buyers said"
    child = _started(logs, tmp_path, "--resume")
    assert child.communicate()[0] and child.returncode == 0
    assert _bytes(tmp_path) == whole


class _Stopped(Exception):
    pass


def _unfinished(logs: list[str], folder: Path) -> None:
    """Leave an audit behind that was stopped after its second chunk."""
    run = Run(Audit(tuple(logs)), folder, pause=0)

    def stop(run: Run, chunk: object) -> None:
        if run.summary.messages > 5000:
            raise _Stopped

    run.advance = stop
    with pytest.raises(_Stopped):
        run.start()


def test_changed_inputs_and_options_are_told(logs: list[str], tmp_path: Path) -> None:
    mine = tmp_path / "a.jsonl"
    mine.write_bytes(Path(logs[0]).read_bytes())
    out = tmp_path / "out"
    _unfinished([str(mine)], out)
    with pytest.raises(
        KefulintError, match=r"platform is jd, expected taobao as when the audit began; without --resume"
    ):
        Run(Audit((str(mine),), platform="jd"), out).start(resuming=True)
    with pytest.raises(KefulintError, match=r"the inputs are .*b.csv, expected .*a.jsonl"):
        Run(Audit((logs[1],)), out).start(resuming=True)
    with mine.open("a", encoding="utf-8") as stream:
        stream.write('\n{"text": "您好"}')
    with pytest.raises(KefulintError, match=r"a.jsonl has changed, expected it as it was"):
        Run(Audit((str(mine),)), out).start(resuming=True)
    Run(Audit((str(mine),)), out).start()
    assert not (out / "unfinished").exists()


def test_standard_input_cannot_be_resumed(tmp_path: Path) -> None:
    with pytest.raises(KefulintError, match="cannot be read again"):
        Run(Audit(("-",)), tmp_path).start(resuming=True)


def test_stopped_while_results_are_moved_it_only_moves_the_rest(
    logs: list[str], whole: dict[str, bytes], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    moved = Path.replace

    def replace(self: Path, target: Path) -> Path:
        if self.name == "findings.parquet":
            raise _Stopped
        return moved(self, target)

    monkeypatch.setattr(Path, "replace", replace)
    with pytest.raises(_Stopped):
        Run(Audit(tuple(logs)), tmp_path, FORMATS).start()
    monkeypatch.undo()
    assert (tmp_path / "unfinished").exists() and (tmp_path / "summary.json").exists()
    Run(Audit(tuple(logs)), tmp_path, FORMATS).start(resuming=True)
    assert _bytes(tmp_path) == whole


def test_a_checkpoint_cuts_off_what_came_after(tmp_path: Path) -> None:
    journal = Journal(tmp_path, {"inputs": []})
    assert journal.begin(resume=True) is None
    journal.write(b"one\n")
    journal.checkpoint({"at": 1})
    journal.write(b"two\n")
    journal.close()
    again = Journal(tmp_path, {"inputs": []})
    assert again.begin(resume=True) == {"length": 4, "at": 1}
    again.write(b"three\n")
    again.close()
    assert again.findings.read_bytes() == b"one\nthree\n"


@pytest.mark.skipif(os.name != "posix", reason="needs groups of processes")
def test_a_signal_to_the_whole_group_is_a_stop_and_no_lack_of_memory(
    logs: list[str], whole: dict[str, bytes], tmp_path: Path
) -> None:
    child = _started(logs, tmp_path, "-j", "2", start_new_session=True)
    _marked(tmp_path, child, 0.0)
    os.killpg(child.pid, signal.SIGTERM)
    _, errors = child.communicate()
    assert child.returncode == 130 and b"--resume goes on" in errors and b"memory" not in errors, errors.decode()
    child = _started(logs, tmp_path, "--resume")
    assert child.communicate()[0] and child.returncode == 0
    assert _bytes(tmp_path) == whole


@pytest.mark.skipif(os.name != "posix", reason="needs signals")
def test_workers_that_were_stopped_too_are_no_lack_of_memory(logs: list[str], tmp_path: Path) -> None:
    """As a supervisor of services does it: every process gets the signal by itself."""
    child = _started(logs, tmp_path, "-j", "2")
    _marked(tmp_path, child, 0.0)
    for process in [*psutil.Process(child.pid).children(), psutil.Process(child.pid)]:
        process.terminate()
    _, errors = child.communicate()
    assert child.returncode == 130 and b"--resume goes on" in errors and b"memory" not in errors, errors.decode()
