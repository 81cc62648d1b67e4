"""Suppressions: what was allowed, by whom it is seen, and which allowances are of no use any more."""

from __future__ import annotations

import json
from datetime import date
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner, Result

from linter.cli import main
from linter.suppress import of_comment

BAD = "加我微信便宜10块"
ALLOW = "kefulint: allow off-platform-contact -- 门店专用"
RULES = frozenset({"off-platform-contact", "insult", "cold-reply"})


def run(*args: str) -> Result:
    return CliRunner().invoke(main, list(args))


@pytest.fixture
def repo(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    return tmp_path


def write(path: Path, text: str) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text, encoding="utf-8")
    return path


def states(*args: str) -> list[tuple[int, str | None]]:
    """Return line and reason of every finding."""
    found = json.loads(run("check", *args, "-f", "json").stdout)["findings"]
    return [(finding["place"]["line"], finding.get("suppressed")) for finding in found]


PARSED: list[tuple[str, str, Any]] = [
    ("one", "kefulint: allow insult -- 旧", [("insult", "旧", None, False)]),
    ("two", "kefulint: allow insult, cold-reply -- 旧", [("insult", "旧", None, False), ("cold-reply", "旧", None, False)]),
    ("spaces", "  kefulint:allow insult   cold-reply--旧  的 ", [("insult", "旧 的", None, False), ("cold-reply", "旧 的", None, False)]),
    ("until", "kefulint: allow insult until 2030-01-31 -- 旧", [("insult", "旧", date(2030, 1, 31), False)]),
    ("file", "kefulint: allow-file insult -- 旧", [("insult", "旧", None, True)]),
    ("reason with dashes", "kefulint: allow insult -- a -- b", [("insult", "a -- b", None, False)]),
    ("no directive", "see kefulint: allow insult -- 旧", []),
    ("no reason", "kefulint: allow insult", "a.md:3: the suppression gives no reason, expected kefulint: allow RULE -- reason"),
    ("empty reason", "kefulint: allow insult --  ", "a.md:3: the suppression gives no reason"),
    ("no rule", "kefulint: allow -- 旧", "a.md:3: the suppression names no rule"),
    ("unknown rule", "kefulint: allow insolt -- 旧", "a.md:3: unknown rule 'insolt', expected a rule such as insult"),
    ("unknown verb", "kefulint: disable insult -- 旧", "a.md:3: unknown word 'disable' after 'kefulint:', expected allow or allow-file"),
    ("bad date", "kefulint: allow insult until soon -- 旧", "a.md:3: until is 'soon', expected a date such as 2026-12-31"),
]  # fmt: skip


@pytest.mark.parametrize(("text", "expected"), [row[1:] for row in PARSED], ids=[row[0] for row in PARSED])
def test_the_comment(text: str, expected: Any) -> None:
    problems: list[str] = []
    found = of_comment(text, "a.md", 3, RULES, problems)
    if isinstance(expected, str):
        assert found == [] and len(problems) == 1 and problems[0].startswith(expected)
    else:
        assert [(s.rule, s.reason, s.until, s.whole) for s in found] == expected and problems == []


FORMATS: list[tuple[str, str, list[int]]] = [  # a file, its text, the lines on which a finding stays open
    ("a.txt", f"# {ALLOW}\n{BAD}\n{BAD}\n", [3]),
    ("a.md", f"<!-- {ALLOW} -->\n\n- {BAD}\n- {BAD}\n", [4]),
    ("b.md", f"- {BAD} <!-- {ALLOW} -->\n- {BAD}\n", [2]),
    ("a.yaml", f"# {ALLOW}\na: {BAD}\nb: {BAD}\n", [3]),
    ("b.yaml", f"a: {BAD}  # {ALLOW}\nb: {BAD}\n", [2]),
    ("c.yaml", f"# {ALLOW}\na: >\n  您好\n  {BAD}\nb: {BAD}\n", [5]),
    ("a.po", f'# {ALLOW}\nmsgid "a"\nmsgstr "{BAD}"\n\nmsgid "b"\nmsgstr "{BAD}"\n', [6]),
    ("a.j2", f"{{# {ALLOW} #}}\n{BAD}\n{BAD}{{# {ALLOW} #}}\n{BAD}\n", [4]),
    ("a.jsonc", f'{{\n  // {ALLOW}\n  "a": "{BAD}",\n  "b": "{BAD}"\n}}\n', [4]),
    ("d.txt", f"{BAD}\n# {ALLOW.replace('allow', 'allow-file', 1)}\n{BAD}\n", []),
    ("d.yaml", f"# {ALLOW.replace('allow', 'allow-file', 1)}\na: {BAD}\nb:\n  - {BAD}\n", []),
]


@pytest.mark.parametrize(("name", "text", "left"), FORMATS, ids=[row[0] for row in FORMATS])
def test_every_format_has_its_comments(name: str, text: str, left: list[int], repo: Path) -> None:
    write(repo / name, text)
    found = states(name)
    assert [line for line, reason in found if reason is None] == left
    assert {reason for _, reason in found} - {None} == {"门店专用"}
    assert "warning" not in run("check", name).stderr


def test_only_the_rule_named_is_allowed(repo: Path) -> None:
    write(repo / "a.txt", f"# kefulint: allow insult, off-platform-contact -- 门店专用\n{BAD}，特价不开票\n")
    result = run("check", "a.txt")
    assert result.exit_code == 1 and "invoice-refused" in result.stdout and "off-platform" not in result.stdout
    assert "a.txt:1: the suppression of insult allows nothing, expected it to be taken out" in result.stderr


def test_errors_do_not_hide_the_findings(repo: Path) -> None:
    write(repo / "a.txt", f"# kefulint: allow off-platform-contact\n{BAD}\n# kefulint: allow nope -- x\n您好\n")
    result = run("check", "a.txt")
    assert result.exit_code == 2 and "off-platform-contact" in result.stdout
    assert "kefulint: a.txt:1: the suppression gives no reason" in result.stderr
    assert "kefulint: a.txt:3: unknown rule 'nope'" in result.stderr


def test_expired_and_idle_ones_are_reported(repo: Path) -> None:
    write(
        repo / "a.txt",
        f"# kefulint: allow off-platform-contact until 2020-02-29 -- 活动\n{BAD}\n"
        f"# kefulint: allow off-platform-contact until 2999-01-01 -- 活动\n{BAD}\n# {ALLOW}\n您好\n",
    )
    result = run("check", "a.txt")
    assert result.stdout.startswith("a.txt:2:1") and "a.txt:4" not in result.stdout
    warnings = [line for line in result.stderr.splitlines() if "warning" in line]
    assert len(warnings) == 2
    assert warnings[0].startswith(
        "kefulint: warning: a.txt:1: the suppression of off-platform-contact ended on 2020-02-29"
    )
    assert warnings[1].startswith("kefulint: warning: a.txt:5: the suppression of off-platform-contact allows nothing")


def test_idle_ones_fail_only_when_asked_to(repo: Path) -> None:
    write(repo / "a.txt", f"# {ALLOW}\n您好\n")
    assert run("check", "a.txt").exit_code == 0
    assert run("check", "a.txt", "--strict-suppressions").exit_code == 1
    assert run("check", "a.txt", "--strict-suppressions", "--fail-on", "never").exit_code == 1
    write(repo / "kefulint.toml", "strict-suppressions = true\n")
    assert run("check", "a.txt").exit_code == 1


def test_a_check_of_other_rules_says_nothing_of_idle_ones(repo: Path) -> None:
    write(repo / "a.txt", f"# {ALLOW}\n{BAD}\n")
    for narrowed in (["-r", "insult"], ["-p", "jd"], ["--as-of", "2020-01-01"]):
        assert "warning" not in run("check", "a.txt", *narrowed).stderr


SIDE = """\
- path: data/*.csv
  rule: off-platform-contact
  reason: 门店专用
- path: "*.json"
  rule: invoice-refused
  words: 特价不开票
  reason: 反例教材
  until: 2999-12-31
"""


def test_the_side_file_serves_formats_without_comments(repo: Path) -> None:
    write(repo / ".kefulint-allow.yaml", SIDE)
    write(repo / "data/a.csv", f"话术\n{BAD}\n")
    write(repo / "b.csv", f"话术\n{BAD}\n")
    write(repo / "c.json", '["特价不开票", "发票开不了"]')
    result = run("check", ".", "--show-suppressed")
    assert states("data/a.csv") == [(2, "门店专用")] and states("b.csv") == [(2, None)]
    assert states("c.json") == [(1, "反例教材"), (1, None)]
    assert "允许  门店专用（.kefulint-allow.yaml:1）" in result.stdout and "warning" not in result.stderr


def test_the_side_file_by_fingerprint(repo: Path) -> None:
    write(repo / "a.csv", f"话术\n{BAD}\n{BAD}呀\n")
    mark = json.loads(run("check", "a.csv", "-f", "json").stdout)["findings"][0]["fingerprint"]
    write(
        repo / ".kefulint-allow.yaml",
        f"- {{path: a.csv, rule: off-platform-contact, fingerprint: {mark}, reason: 旧}}\n",
    )
    assert states("a.csv") == [(2, "旧"), (3, None)]


def test_idle_entries_of_the_side_file_show_when_all_was_checked(repo: Path) -> None:
    write(repo / "allow.yaml", SIDE)
    write(repo / "kefulint.toml", 'suppressions = "allow.yaml"\nexclude = ["allow.yaml"]\n')
    write(repo / "data/a.csv", f"话术\n{BAD}\n")
    assert "warning" not in run("check", "data/a.csv").stderr
    assert "allow.yaml:4: the suppression of invoice-refused allows nothing" in run("check", ".").stderr


WRONG_SIDE = [
    ("no list", "path: a\n", "1: the side file is a mapping, expected a list"),
    ("no reason", "- path: a\n  rule: insult\n", "1: a suppression has no 'reason', expected one"),
    ("empty reason", "- path: a\n  rule: insult\n  reason: ''\n", "3: reason is empty, expected a text"),
    ("unknown rule", "- path: a\n  rule: insolt\n  reason: x\n", "2: unknown rule 'insolt', expected a rule such as insult"),
    ("unknown key", "- path: a\n  rule: insult\n  reason: x\n  word: y\n", "4: unknown key 'word' in a suppression, expected one of path"),
    ("bad date", "- path: a\n  rule: insult\n  reason: x\n  until: 明年\n", "4: until is '明年', expected a date"),
    ("broken", "- path: [\n", "expected valid YAML"),
]  # fmt: skip


@pytest.mark.parametrize(("text", "problem"), [row[1:] for row in WRONG_SIDE], ids=[row[0] for row in WRONG_SIDE])
def test_what_is_wrong_in_the_side_file(text: str, problem: str, repo: Path) -> None:
    write(repo / ".kefulint-allow.yaml", text)
    write(repo / "a.txt", "您好\n")
    result = run("check", "a.txt")
    assert (
        result.exit_code == 2
        and result.stderr.startswith("kefulint: .kefulint-allow.yaml:")
        and problem in result.stderr
    )


def test_allowed_findings_are_in_every_output(repo: Path) -> None:
    write(repo / "a.txt", f"# {ALLOW}\n{BAD}\n")
    said = {
        "text": "允许  门店专用（a.txt:1）", "grouped": "［已允许：门店专用］", "json": '"suppressed": "门店专用"',
        "jsonl": '"suppressed": "门店专用"', "sarif": '"justification": "门店专用"', "junit": 'skipped message="已允许：门店专用"',
        "github": "::notice file=a.txt,line=2", "gitlab": "［已允许：门店专用］", "csv": ",门店专用,",
    }  # fmt: skip
    for kind, words in said.items():
        result = run("check", "a.txt", "-f", kind, *(["--show-suppressed"] if kind in ("text", "grouped") else []))
        assert result.exit_code == 0 and words in result.stdout, kind
        assert "已允许 1 处" in result.stderr
