"""The command `audit` on real files: several processes, databases, outputs, what it says and how it ends."""

from __future__ import annotations

import csv
import json
import sqlite3
import subprocess
import sys
from decimal import Decimal
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from linter.audit import Audit, Run
from linter.cli import main
from linter.resume import writing

ROOT = Path(__file__).parent.parent
CHAT = ROOT / "examples" / "chat.jsonl"
EXPORTS = ROOT / "examples" / "exports"


def run(*arguments: str) -> Result:
    return CliRunner().invoke(main, ["audit", *arguments])


def _findings(folder: Path) -> list[dict[str, object]]:
    return [json.loads(line) for line in (folder / "findings.jsonl").read_text("utf-8").splitlines()]


def _bytes(folder: Path) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in sorted(folder.iterdir())}


def test_several_processes_say_what_one_says(tmp_path: Path) -> None:
    """Logs of all kinds, several chunks, sessions that go on from chunk to chunk, listings, text that is no log."""
    (tmp_path / "in").mkdir()
    rows = [json.loads(line) | {"note": "-" * 1000} for line in CHAT.read_text("utf-8").splitlines()]
    lines = [json.dumps(row, ensure_ascii=False) for row in rows] * 24  # a table takes a million bytes
    (tmp_path / "in" / "long.jsonl").write_text("\n".join(lines), encoding="utf-8")
    (tmp_path / "in" / "plain.txt").write_text("您好\n加我微信便宜10块\n", encoding="utf-8")
    inputs = (*sorted(str(p) for p in (tmp_path / "in").iterdir()), str(ROOT / "examples" / "listings.json"))
    audit = Audit((*inputs, str(EXPORTS / "pinduoduo.csv")))
    for jobs in (1, 2):
        Run(audit, tmp_path / str(jobs), ("csv", "parquet", "xlsx"), jobs).start()
    assert _bytes(tmp_path / "1") == _bytes(tmp_path / "2")
    assert {"rival-platform-named", "free-shipping-mismatch", "invoice-refused"} <= {str(f["rule"]) for f in _findings(tmp_path / "1")}  # fmt: skip


def test_exports_are_audited_and_their_profiles_told(tmp_path: Path) -> None:
    result = run(str(EXPORTS), "--out", str(tmp_path))
    assert result.exit_code == 1, result.output
    for name in ("qianniu", "qianniu-peer", "pinduoduo", "feige", "kuaishou", "dongdong", "bot"):
        assert f"的导出格式读（{name}）" in result.stderr
    found = {(Path(str(f["origin"]["path"])).name, f["rule"]) for f in _findings(tmp_path)}  # type: ignore[index]
    assert {
        ("qianniu.csv", "invoice-refused"), ("qianniu-peer.csv", "off-platform-contact"),
        ("pinduoduo.csv", "rival-platform-named"), ("feige.csv", "paid-positive-review"), ("kuaishou.csv", "insult"),
        ("dongdong.jsonl", "absolute-claim"), ("bot.csv", "invoice-refused"), ("爱喝茶的猫.txt", "invoice-refused"),
    } <= found  # fmt: skip


def test_outputs_tell_the_same(tmp_path: Path) -> None:
    parquet = pytest.importorskip("pyarrow.parquet")
    assert run(str(CHAT), "--out", str(tmp_path), "-f", "csv", "-f", "parquet").exit_code == 1
    lines = _findings(tmp_path)
    cells = list(csv.DictReader((tmp_path / "findings.csv").read_text("utf-8-sig").splitlines()))
    rows = parquet.read_table(tmp_path / "findings.parquet").to_pylist()
    assert [(f["rule"], str(f["start"]), f["text"]) for f in lines] == [
        (c["rule"], c["start"], c["text"]) for c in cells
    ]
    assert [(f["id"], f["rule"], f["message"]) for f in lines] == [(r["id"], r["rule"], r["message"]) for r in rows]
    points = [Decimal(c["points"]) if c["points"] else None for c in cells]
    assert points == [row["points"] for row in rows] and any(points)
    assert "seconds" not in json.loads((tmp_path / "summary.json").read_text("utf-8"))


def test_results_of_an_earlier_audit_are_replaced_as_a_whole(tmp_path: Path) -> None:
    (tmp_path / "findings.parquet").write_bytes(b"of an earlier audit")
    run(str(EXPORTS / "kuaishou.csv"), "--out", str(tmp_path), "-f", "csv")
    assert {path.name for path in tmp_path.iterdir()} == {
        "findings.csv",
        "findings.jsonl",
        "report.html",
        "summary.json",
        "summary.txt",
    }


def test_a_database_is_audited_like_a_file(tmp_path: Path) -> None:
    pytest.importorskip("sqlalchemy")
    rows = [json.loads(line) for line in CHAT.read_text("utf-8").splitlines()]
    names = list(dict.fromkeys(name for row in rows for name in row))
    base = sqlite3.connect(tmp_path / "log.db")
    base.execute(f"create table log ({', '.join(names)})")
    base.executemany(
        f"insert into log values ({', '.join('?' * len(names))})", [[r.get(n) for n in names] for r in rows]
    )
    base.commit()
    base.close()
    url = f"sqlite:///{tmp_path}/log.db"
    result = run(
        "--database", url, "--query", "select * from log", "--out", str(tmp_path / "base"), "-r", "invoice-refused"
    )
    assert result.exit_code == 1 and "山野茶铺" in result.output
    run(str(CHAT), "--out", str(tmp_path / "file"), "-r", "invoice-refused")
    assert [f["id"] for f in _findings(tmp_path / "base")] == [f["id"] for f in _findings(tmp_path / "file")]


WRONG = [
    ("nothing", [], "nothing to read"),
    ("a query without its database", ["--query", "select 1"], "belong together"),
    ("files and a query", ["a.csv", "--query", "select 1", "--database", "sqlite://"], "expected one of them"),
    ("a glob that matches nothing", ["*.nothing"], "matches no file"),
    ("no such file", ["none.csv"], "cannot be opened"),
    ("a profile nobody knows", [str(CHAT), "--profile", "wangwang"], "unknown profile 'wangwang', expected one of"),
    ("a role that is none", [str(CHAT), "--role", "小芸=掌柜"], "expected NAME=ROLE"),
    ("standard input twice", ["-", "--resume"], "cannot be read again"),
]


@pytest.mark.parametrize(("arguments", "what"), [r[1:] for r in WRONG], ids=[r[0] for r in WRONG])
def test_wrong_usage_is_named(arguments: list[str], what: str, tmp_path: Path) -> None:
    result = run(*arguments, "--out", str(tmp_path / "out"))
    assert result.exit_code == 2 and what in result.output
    assert not (tmp_path / "out" / "summary.json").exists()


def test_a_log_without_agents_says_how_to_name_one(tmp_path: Path) -> None:
    (tmp_path / "a.csv").write_text("sender,text\n小芸,加我微信便宜10块\n茶客,好\n", encoding="utf-8")
    result = run(str(tmp_path / "a.csv"), "--out", str(tmp_path / "out"))
    assert result.exit_code == 2 and "every row was taken for a buyer's" in result.stderr
    result = run(str(tmp_path / "a.csv"), "--role", "小芸=agent", "--out", str(tmp_path / "out"))
    assert result.exit_code == 1 and _findings(tmp_path / "out")[0]["rule"] == "off-platform-contact"


def test_standard_input_is_read(tmp_path: Path) -> None:
    command = [
        sys.executable,
        "-m",
        "linter",
        "audit",
        "-",
        "--read-as",
        "jsonl",
        "--out",
        str(tmp_path),
        "--no-progress",
    ]
    done = subprocess.run(command, input=CHAT.read_bytes(), capture_output=True, check=False, cwd=ROOT)
    assert done.returncode == 1 and len(_findings(tmp_path)) > 10


def test_a_bar_is_shown_when_asked_for(tmp_path: Path) -> None:
    pytest.importorskip("tqdm")
    command = [sys.executable, "-m", "linter", "audit", str(CHAT), "--out", str(tmp_path), "--fail-on", "never"]
    shown = subprocess.run([*command, "--progress"], capture_output=True, check=True, cwd=ROOT).stderr.decode()
    assert "100%|" in shown and "| 55 条 " in shown and "还要 00:00" in shown
    said = subprocess.run(command, capture_output=True, check=True, cwd=ROOT).stderr.decode()
    assert [line[:13] for line in said.splitlines()] == ["kefulint: 读入 "], "no bar where nobody looks"


def test_what_was_said_is_kept_for_those_who_judge_and_its_contacts_are_not(tmp_path: Path) -> None:
    pytest.importorskip("openpyxl")
    log = tmp_path / "log.jsonl"
    rows = [("buyer", "能开发票吗，电话13900001111."), ("agent", "亲，特价不开票的哦")]
    log.write_text("".join(json.dumps({"session": "s", "role": r, "text": t}) + "\n" for r, t in rows), "utf-8")
    out = tmp_path / "out"
    assert run(str(log), "--out", str(out), "-f", "csv", "-f", "parquet", "-f", "xlsx").exit_code == 1
    (found,) = _findings(out)
    assert found["said"] == rows[1][1]
    assert found["context"] == [{"role": "buyer", "text": "能开发票吗，电话13*******11."}]
    assert all(b"13900001111" not in data for data in _bytes(out).values())


def test_several_processes_leave_nothing_to_complain_about(tmp_path: Path) -> None:
    """As the installed command: it ends without Python's usual tidying up, unless something is shared."""
    start = "from linter.cli import run; run()"
    command = [sys.executable, "-c", start, "audit", str(CHAT), "--out", str(tmp_path), "-j", "2", "--fail-on", "never"]
    done = subprocess.run(command, capture_output=True, check=True, cwd=ROOT)
    assert done.stdout and len(done.stderr.splitlines()) == 1


def test_a_rare_text_in_a_small_last_part_is_found_by_any_number_of_processes(tmp_path: Path) -> None:
    """A process that has judged few texts reads them in Python, another asks the compiled part first."""
    rows = [f"加我微信便宜{n}" for n in range(8_192)] + [f"在的亲{n}" for n in range(300)]
    rows[-100] = "微信号a8٣8999"
    (tmp_path / "a.csv").write_text("\n".join(["text", *rows]), encoding="utf-8")
    for jobs in ("1", "2"):
        assert run(str(tmp_path / "a.csv"), "--out", str(tmp_path / jobs), "-j", jobs).exit_code == 1
    assert _bytes(tmp_path / "1") == _bytes(tmp_path / "2")
    assert _findings(tmp_path / "1")[-1]["said"] == rows[-100].replace("a8٣8999", "a*****9")


# --- size, room, and two at once ---------------------------------------------------------------------------------------

DENSE = "加我微信便宜10元，五星好评返2元，特价不开票的哦。"


def test_what_is_written_grows_with_what_is_found(tmp_path: Path) -> None:
    """A long message is not written whole with everything that is found in it, nor is a long turn before it."""
    text, asked = DENSE * 800, "在吗" * 20_000
    rows = [{"role": "buyer", "text": asked, "session": "s"}, {"role": "agent", "text": text, "session": "s"}]
    (tmp_path / "a.jsonl").write_text("\n".join(json.dumps(row) for row in rows), encoding="utf-8")
    assert run(str(tmp_path / "a.jsonl"), "--out", str(tmp_path / "out"), "-f", "xlsx").exit_code == 1
    found = _findings(tmp_path / "out")
    assert len(found) > 2_000
    for row in found:
        start, end, at = int(row["start"]), int(row["end"]), int(row.get("said_at", 0))  # type: ignore[call-overload]
        said = str(row["said"])
        assert said[start - at : end - at] == text[start:end] and len(said) < 3_100
        assert said.strip("…") == text[at + said.startswith("…") : at + len(said) - said.endswith("…")]
        assert [len(turn["text"]) for turn in row["context"]] == [1_501]  # type: ignore[index, attr-defined]
    assert (tmp_path / "out" / "findings.jsonl").stat().st_size < len(found) * 30_000


def test_two_audits_do_not_write_into_one_folder(tmp_path: Path) -> None:
    with writing(tmp_path / "out"):
        result = run(str(CHAT), "--out", str(tmp_path / "out"))
    assert (result.exit_code, result.stderr.splitlines()[-1]) == (
        2, f"kefulint: {tmp_path}/out:1: another audit is writing here, expected it to have ended, or another --out",
    )  # fmt: skip
    assert list((tmp_path / "out").iterdir()) == []
    assert run(str(CHAT), "--out", str(tmp_path / "out"), "--fail-on", "never").exit_code == 0


def _small(most: int) -> None:
    """Let the process write no file larger than this: the disk is full."""
    import resource

    resource.setrlimit(resource.RLIMIT_FSIZE, (most, most))


@pytest.mark.skipif(sys.platform == "win32", reason="needs limits")
@pytest.mark.parametrize("most", [0, 5_000, 40_000])
@pytest.mark.parametrize("kind", ["csv", "parquet", "xlsx"])
def test_a_full_disk_is_named_and_costs_nothing(most: int, kind: str, tmp_path: Path) -> None:
    rows = [json.dumps({"text": f"加我微信，{n}", "role": "agent"}) for n in range(40)]
    (tmp_path / "a.jsonl").write_text("\n".join(rows), encoding="utf-8")
    earlier = {"summary.txt": b"earlier", "findings.jsonl": b""}
    (tmp_path / "out").mkdir()
    for name, data in earlier.items():
        (tmp_path / "out" / name).write_bytes(data)
    command = ["audit", str(tmp_path / "a.jsonl"), "--out", str(tmp_path / "out"), "-f", kind, "--no-progress"]
    ended = subprocess.run(
        [sys.executable, "-c", "from linter.cli import run; run()", *command],
        cwd=ROOT, capture_output=True, text=True, check=False, preexec_fn=lambda: _small(most),
    )  # fmt: skip
    assert ended.returncode == 2, ended
    (line,) = ended.stderr.splitlines()
    assert line.startswith("kefulint: ") and "File too large, expected a folder with room" in line
    assert {name: data for name, data in _bytes_of_files(tmp_path / "out").items() if name in earlier} == earlier


def _bytes_of_files(folder: Path) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in folder.iterdir() if path.is_file()}


def test_a_folder_that_cannot_be_made_is_named(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    result = run(str(CHAT), "--out", str(tmp_path / "file" / "out"))
    assert result.exit_code == 2
    assert result.stderr.splitlines()[-1].endswith("Not a directory, expected a folder with room for results")
