"""The command as its users run it: exit status, what is printed where, files written."""

from __future__ import annotations

import contextlib
import csv
import json
import os
import signal
import subprocess
import sys
from pathlib import Path
from xml.etree import ElementTree

import pytest
from click.testing import CliRunner, Result

from linter.cli import main

ROOT = Path(__file__).parent.parent
CHAT = ROOT / "examples" / "chat.jsonl"


def run(*args: str, text: str | None = None) -> Result:
    return CliRunner().invoke(main, list(args), input=text)


STATUS = [
    ("clean", ["check", "-t", "您好，在的"], 0),
    ("error", ["check", "-t", "加我微信便宜10块"], 1),
    ("warning below the bar", ["check", "-t", "百分百不掉色"], 0),
    ("warning at the bar", ["check", "-t", "百分百不掉色", "--fail-on", "warning"], 1),
    ("never", ["check", "-t", "加我微信便宜10块", "--fail-on", "never"], 0),
    ("missing file", ["check", "none.txt"], 2),
    ("unknown platform", ["check", "-p", "ebay", "-t", "x"], 2),
    ("unknown rule", ["check", "-r", "nope", "-t", "x"], 2),
    ("bad date", ["check", "--as-of", "gestern", "-t", "x"], 2),
    ("bad column", ["check", "--column", "x", "-t", "x"], 2),
    ("bad encoding", ["check", "--encoding", "klingon", "-t", "x"], 2),
    ("explain nothing", ["explain"], 2),
    ("explain unknown", ["explain", "nope"], 2),
]


@pytest.mark.parametrize(("args", "status"), [row[1:] for row in STATUS], ids=[row[0] for row in STATUS])
def test_exit_status(args: list[str], status: int) -> None:
    result = run(*args)
    assert result.exit_code == status, result.output
    assert "Traceback" not in result.output


def test_a_finding_is_underlined_with_clause_and_suggestion() -> None:
    result = run("check", "-p", "tmall", "-t", "亲😊特价不开票的哦")
    assert result.stdout == (
        "<text>: 错误 invoice-refused  「特价不开票」是在拒绝开发票\n"
        "    亲😊特价不开票的哦\n"
        "        ^^^^^^^^^^\n"
        "  条款  天猫｜违背承诺·拒开发票｜扣分 6（A 类）（萌萌客专题“客服惩罚规则”，2023-01-02，转述条文，各处说法不一）\n"
        "  条款  天猫｜违背承诺·特价不开票｜扣分 6（A 类）（萌萌客专题“客服惩罚规则”，日期未知，二手资料，各处说法不一）\n"
        "  条款  天猫｜违背承诺·金额小不开票｜扣分 6（A 类）（萌萌客专题“客服惩罚规则”，日期未知，二手资料，各处说法不一）\n"
        "        另有 4 条（kefulint explain invoice-refused）\n"
        "  建议  亲，可以开发票的，请您把抬头和税号发我，确认收货后就给您开具，开票和邮寄都不另收费。\n"
    )
    assert "检查了 1 条：错误 1，警告 0，提示 0" in result.stderr


def test_standard_input_and_context() -> None:
    assert run("check", "-", text="您好\n加我薇❤ab12345\n").stdout.startswith("-:2:1: 错误 off-platform-contact")
    assert run("check", "-t", "开不了的呢").exit_code == 0
    assert run("check", "--buyer", "能开发票吗", "-t", "开不了的呢").exit_code == 1


def test_contacts_are_masked_unless_asked_for(tmp_path: Path) -> None:
    (tmp_path / "a.txt").write_text("加我微信 abcd12345\n", encoding="utf-8")
    assert "abcd12345" not in run("check", str(tmp_path / "a.txt")).output
    assert "abcd12345" in run("check", str(tmp_path / "a.txt"), "--show-contacts").output


@pytest.mark.parametrize("group", [(), ("rules",), ("cases",), ("config",), ("baseline",), ("serve",), ("reviews",)])
def test_lists_of_commands_are_not_cut(group: tuple[str, ...]) -> None:
    assert "..." not in run(*group, "--help").stdout.partition("Commands:")[2]


@pytest.mark.skipif(os.name != "posix", reason="needs signals and pipes with a name")
def test_stopped_is_not_the_status_of_findings(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "a.txt")
    command = [sys.executable, "-m", "linter", "check", str(tmp_path / "a.txt")]
    child = subprocess.Popen(command, stderr=subprocess.PIPE, cwd=Path(__file__).parent.parent)
    with (tmp_path / "a.txt").open("w"):  # opens when the command does, which then waits for words
        for _ in range(20):  # one that comes while Python takes something apart is lost: a person presses again
            child.send_signal(signal.SIGINT)
            with contextlib.suppress(subprocess.TimeoutExpired):
                child.wait(2)
                break
    assert child.communicate(timeout=20)[1].decode().strip() == "kefulint: stopped"
    assert child.returncode == 130


def test_a_file_that_cannot_be_opened_does_not_stop_the_others(tmp_path: Path) -> None:
    (tmp_path / "a.txt").symlink_to("nowhere")
    (tmp_path / "b.txt").write_text("加我微信便宜10块\n", encoding="utf-8")
    result = run("check", str(tmp_path))
    assert result.exit_code == 2 and "b.txt:1:1: 错误 off-platform-contact" in result.stdout
    assert "a.txt:1: cannot be opened (No such file or directory), expected a readable file" in result.stderr


def test_machine_formats(tmp_path: Path) -> None:
    (tmp_path / "a.txt").write_text("您好\n=加我微信便宜10块\n", encoding="utf-8")
    path = str(tmp_path / "a.txt")
    data = json.loads(run("check", path, "-f", "json").stdout)
    assert data["schema"] == 1 and data["findings"][0]["origin"]["line"] == 2
    assert json.loads(run("check", path, "-f", "jsonl").stdout)["rule"] == "off-platform-contact"
    rows = list(csv.reader(run("check", path, "-f", "csv").stdout.lstrip("\ufeff").splitlines()))
    assert rows[1][rows[0].index("rule")] == "off-platform-contact"
    github = run("check", path, "-f", "github").stdout
    assert github.startswith("::error file=") and "line=2,col=2" in github
    suites = ElementTree.fromstring(run("check", path, "-f", "junit").stdout)
    assert suites[0].get("failures") == "1"
    sarif = json.loads(run("check", path, "-f", "sarif").stdout)
    region = sarif["runs"][0]["results"][0]["locations"][0]["physicalLocation"]["region"]
    assert (sarif["version"], region["startLine"], region["startColumn"]) == ("2.1.0", 2, 2)


def test_rows_are_judged_on_their_own_platform(tmp_path: Path) -> None:
    (tmp_path / "a.jsonl").write_text('{"text": "某宝也有卖", "platform": "拼多多"}\n', encoding="utf-8")
    assert "rival-platform-named" in run("check", str(tmp_path / "a.jsonl")).output
    assert "rival-platform-named" not in run("check", "-p", "tmall", str(tmp_path / "a.jsonl")).output


def test_bad_rows_are_shown_and_the_rest_is_judged(tmp_path: Path) -> None:
    (tmp_path / "a.jsonl").write_text('oops\n{"text": "加我微信便宜10块"}\n', encoding="utf-8")
    result = run("check", str(tmp_path / "a.jsonl"))
    assert result.exit_code == 2 and "a.jsonl:1: broken JSON" in result.stderr and "1 处没能判" in result.stderr
    assert run("check", "--allow-broken", str(tmp_path / "a.jsonl")).exit_code == 1
    (tmp_path / "a.jsonl").write_text("oops\n", encoding="utf-8")
    assert run("check", str(tmp_path / "a.jsonl")).exit_code == 2


def test_audit_writes_what_it_says(tmp_path: Path) -> None:
    result = run("audit", str(CHAT), "--out", str(tmp_path / "out"))
    assert result.exit_code == 1
    summary = json.loads((tmp_path / "out" / "summary.json").read_text(encoding="utf-8"))
    findings = [json.loads(line) for line in (tmp_path / "out" / "findings.jsonl").read_text("utf-8").splitlines()]
    assert (summary["messages"], summary["buyer_messages"], summary["troubles"]) == (27, 28, 0)
    assert len(findings) == sum(summary["verdicts"].values())
    assert sum(row["errors"] for row in summary["by"]["shop"]) == summary["verdicts"]["error"]
    assert {"invoice-refused", "off-platform-contact", "cod-refused"} <= {f["rule"] for f in findings}
    assert "山野茶铺" in result.output and "五分钟响应率" in result.output
    rows = list(csv.DictReader((tmp_path / "out" / "findings.csv").read_text("utf-8-sig").splitlines()))
    assert len(rows) == len(findings) and rows[0]["shop"] == "山野茶铺"
    assert "13700002222" not in "".join(p.read_text("utf-8") for p in (tmp_path / "out").iterdir())


def test_audit_of_nothing_is_an_error(tmp_path: Path) -> None:
    (tmp_path / "a.csv").write_text("who,when\na,b\n", encoding="utf-8")
    result = run("audit", str(tmp_path / "a.csv"), "--out", str(tmp_path / "out"))
    assert result.exit_code == 2 and "nothing could be judged" in result.output


def test_ledger_of_an_audit(tmp_path: Path) -> None:
    run("audit", str(CHAT), "--out", str(tmp_path / "out"))
    findings = str(tmp_path / "out" / "findings.jsonl")
    text = run("ledger", findings).output
    assert "违约金 10000 元" in text and "再犯一次" in text
    data = json.loads(run("ledger", findings, "-f", "json").output)
    tmall = next(b for b in data["at_stake"]["balances"] if b["platform"] == "tmall" and b["scale"] == "A")
    assert (tmall["points"], tmall["missing"]) == ("18", "6")
    assert run("ledger", findings, "-f", "csv").output.startswith("\ufeffid,time")
    assert run("ledger", findings, "-f", "svg").output.startswith("<svg ")
    assert run("ledger", findings, "-f", "xlsx").exit_code == 2
    assert run("ledger", findings, "-f", "xlsx", "-o", str(tmp_path / "l.xlsx")).exit_code == 0
    assert (tmp_path / "l.xlsx").read_bytes()[:2] == b"PK"
    first = data["at_stake"]["charges"][0]["id"]
    (tmp_path / "d.jsonl").write_text(json.dumps({"id": first, "decision": "confirmed"}), encoding="utf-8")
    assert "二、已经扣的" in run("ledger", findings, "--decisions", str(tmp_path / "d.jsonl")).output


def test_listings_are_checked_alone_and_together() -> None:
    result = run("check", str(ROOT / "examples" / "listings.json"))
    for rule in ("absolute-claim", "free-shipping-mismatch", "medical-claim", "listing-contact", "duplicate-listing"):
        assert rule in result.stdout


def test_explain_side_by_side() -> None:
    text = run("explain", "-t", "某宝也有卖，支持支付宝").output
    assert "平台  天猫 不判" in text and "拼多多 错误" in text
    assert "被否定" in run("explain", "-t", "我们没有好评返现的").output
    assert "三代数字并存" in run("explain", "insult").output
    data = json.loads(run("explain", "cod-refused", "-f", "json").output)
    assert data["verdicts"]["tmall"] == "error" and data["verdicts"]["jd"] == "warning"


def test_rules_commands(tmp_path: Path) -> None:
    assert "off-platform-contact" in run("rules", "list").output
    assert json.loads(run("rules", "list", "-f", "json").output)[0]["rule"]
    assert "## 违规示例" in run("rules", "show", "insult").output
    assert run("rules", "check", "insult").output.endswith("0 problems\n")
    assert "没有着落的 0" in run("rules", "coverage").output
    assert len(json.loads(run("rules", "coverage", "-f", "json").output)) == 222
    assert json.loads(run("rules", "schema", "rule").output)["title"] == "A kefulint rule"
    assert run("rules", "doc", str(tmp_path)).exit_code == 0 and (tmp_path / "insult.md").is_file()
    assert "messages hit" in run("rules", "try", "invoice-refused", str(CHAT)).output


def test_eval_scores_our_own_cases() -> None:
    path = str(ROOT / "lexicons" / "cases" / "house.tsv")
    assert json.loads(run("eval", path, "-r", "threat", "-f", "json").output)["block"]["recall"] == 1.0


def test_the_module_runs_as_a_command() -> None:
    done = subprocess.run([sys.executable, "-m", "linter", "--version"], capture_output=True, text=True, check=True)
    assert "kefulint" in done.stdout


STREAMS = [  # what the shell does with the standard streams, exit status, what is said of it
    ("reader gone", "| true", 141, ""), ("full disk", "> /dev/full", 2, "No space left"),
    ("no output wanted", ">&-", 0, ""), ("nothing said", "2>&-", 0, ""), ("neither", ">&- 2>&-", 0, ""), ("no input needed", "<&-", 0, ""),
]  # fmt: skip


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="needs a device that is full")
@pytest.mark.parametrize(("how", "status", "said"), [row[1:] for row in STREAMS], ids=[row[0] for row in STREAMS])
@pytest.mark.parametrize("command", ["rules list", "check -t 加我微信 --fail-on never", "rules show insult"])
def test_streams_that_are_closed_or_full(command: str, how: str, status: int, said: str) -> None:
    script = f"set -o pipefail; {sys.executable} -m linter {command} {how}"
    done = subprocess.run(["bash", "-c", script], capture_output=True, text=True, check=False, cwd=ROOT)
    assert "Traceback" not in done.stderr and said in done.stderr
    assert done.returncode == status and done.stderr.count("kefulint: ") == bool(said)


def test_a_closed_input_is_not_an_empty_one() -> None:
    script = f"{sys.executable} -m linter check - <&-"
    done = subprocess.run(["bash", "-c", script], capture_output=True, text=True, check=False, cwd=ROOT)
    assert done.returncode == 2 and "kefulint: -:1: " in done.stderr


def test_what_spark_cannot_tell_is_not_promised(tmp_path: Path) -> None:
    result = run("audit", str(CHAT), "--engine", "spark", "--strict-input", "--out", str(tmp_path / "out"))
    assert result.exit_code == 2 and "--strict-input needs --engine local" in result.output
