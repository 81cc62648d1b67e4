"""The baseline: it survives moves, gives no text away, shrinks by itself, never grows unasked, and merges."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from linter import baseline as baselines
from linter.baseline import Entry
from linter.cli import main
from linter.model import Finding, KefulintError

BAD, WORSE, RUDE = "加我微信便宜10块", "特价不开票", "你脑子有病"
FILE = ".kefulint-baseline"


def run(*args: str, ci: bool = False) -> Result:
    return CliRunner().invoke(main, list(args), env={"CI": "1" if ci else ""})


@pytest.fixture
def repo(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Return a folder with three findings and a baseline of them."""
    monkeypatch.chdir(tmp_path)
    (tmp_path / "kefulint.toml").write_text(f'baseline = "{FILE}"\n', encoding="utf-8")
    say(tmp_path, BAD, WORSE, RUDE)
    assert run("baseline", "create").exit_code == 0
    return tmp_path


def say(folder: Path, *lines: str, name: str = "a.txt") -> None:
    (folder / name).write_text("".join(f"{line}\n" for line in lines), encoding="utf-8")


def lines(folder: Path) -> list[str]:
    return (folder / FILE).read_text(encoding="utf-8").splitlines()


def finding(text: str, words: str, rule: str = "insult") -> Finding:
    start = text.index(words)
    return Finding(rule, "error", start, start + len(words), words, "")


def test_identity_is_rule_sentence_and_words() -> None:
    known = baselines.new(Path("b"))
    one = known.key(finding("您好。加我微信吧！", "微信"), "您好。加我微信吧！")
    assert one == known.key(finding("再见！加我微信吧", "微信"), "再见！加我微信吧")
    assert one == known.key(finding("加 我微信　吧", "微信"), "加 我微信　吧")
    assert one != known.key(finding("加我微信呀", "微信"), "加我微信呀")
    assert one != known.key(finding("加我微信吧", "我微信"), "加我微信吧")
    assert one != known.key(finding("加我微信吧", "微信", "threat"), "加我微信吧")
    assert one != baselines.new(Path("b")).key(finding("加我微信吧", "微信"), "加我微信吧")  # the salt


def test_a_fingerprint_does_not_depend_on_contacts() -> None:
    one, other = "打 13800001111 联系", "打 13811111111 联系"
    assert baselines.fingerprint(finding(one, "联系"), one) == baselines.fingerprint(finding(other, "联系"), other)


def test_the_file_gives_nothing_away(repo: Path) -> None:
    head, *entries = lines(repo)
    assert head.startswith("# kefulint baseline 1 salt ") and entries == sorted(entries)
    assert [entry.split()[0] for entry in entries] == ["insult", "invoice-refused", "off-platform-contact"]
    assert all(len(entry.split()) == 4 for entry in entries)
    assert not any(word in "\n".join(entries) for word in ("微信", "a.txt", "便宜"))


def test_known_findings_are_counted_and_not_listed(repo: Path) -> None:
    result = run("check", ".")
    assert (result.exit_code, result.stdout) == (0, "") and "基线里已有 3 处" in result.stderr
    assert "基线  早就有的" in run("check", ".", "--show-suppressed").stdout
    assert json.loads(run("check", ".", "-f", "json").stdout)["known"] == 3
    assert run("check", ".", "--no-baseline").exit_code == 1
    sarif = json.loads(run("check", ".", "-f", "sarif").stdout)["runs"][0]["results"]
    assert {(r["baselineState"], r["suppressions"][0]["kind"]) for r in sarif} == {("unchanged", "external")}


def test_moves_and_edits_around_do_not_matter(repo: Path) -> None:
    (repo / "a.txt").unlink()
    (repo / "新").mkdir()
    say(repo / "新", "您好", "在的", f"- {RUDE}", f"{WORSE}。欢迎再来", name="话术 一.md")
    say(repo, BAD, name="c.csv")
    before = lines(repo)
    result = run("check", ".")
    assert result.exit_code == 0 and lines(repo) == before


def test_one_more_of_the_same_is_new(repo: Path) -> None:
    say(repo, BAD, WORSE, RUDE, RUDE)
    result = run("check", ".")
    assert result.exit_code == 1 and result.stdout.startswith("a.txt:4:1") and len(lines(repo)) == 4
    run("baseline", "update")
    assert [line.split()[2] for line in lines(repo)[1:]] == ["2", "1", "1"]
    say(repo, BAD, WORSE, RUDE)
    assert run("check", ".").exit_code == 0
    assert [line.split()[2] for line in lines(repo)[1:]] == ["1", "1", "1"]


def test_it_shrinks_by_itself_and_never_grows(repo: Path) -> None:
    say(repo, BAD, "您好", "百分百不掉色")
    result = run("check", ".", "--fail-on", "warning")
    assert result.exit_code == 1 and f"基线少了 2 处：{FILE}" in result.stderr
    assert [line.split()[0] for line in lines(repo)[1:]] == ["off-platform-contact"]


KEEPS = [
    ("on CI", ["."], True, "基线可以少 3 处"),
    ("when told", [".", "--no-update-baseline"], False, ""),
    ("without it", [".", "--no-baseline"], False, ""),
    ("one file", ["a.txt"], False, ""),
    ("one rule", [".", "-r", "insult"], False, ""),
    ("another platform", [".", "-p", "jd"], False, ""),
    ("something unread", [".", "b.json"], False, ""),
]


@pytest.mark.parametrize(("args", "ci", "said"), [row[1:] for row in KEEPS], ids=[row[0] for row in KEEPS])
def test_it_does_not_shrink(args: list[str], ci: bool, said: str, repo: Path) -> None:
    say(repo, "您好")
    (repo / "b.json").write_text("{" if "b.json" in args else "{}", encoding="utf-8")
    before = lines(repo)
    assert said in run("check", *args, ci=ci).stderr and lines(repo) == before


def test_it_shrinks_on_ci_when_asked(repo: Path) -> None:
    say(repo, "您好")
    run("check", ".", "--prune-baseline", ci=True)
    assert len(lines(repo)) == 1


def test_an_update_of_one_file_leaves_the_rest_alone(repo: Path) -> None:
    say(repo, "发票开不了的", name="b.txt")
    assert f"{FILE}: 3 -> 4 findings" in run("baseline", "update", "b.txt").stderr
    assert run("check", ".").exit_code == 0
    say(repo, "您好", name="b.txt")
    assert "4 -> 3 findings" in run("baseline", "update").stderr


def test_what_is_allowed_is_not_taken_in(repo: Path) -> None:
    say(repo, f"# kefulint: allow insult -- 反例\n{RUDE}", BAD)
    run("baseline", "update")
    assert [line.split()[0] for line in lines(repo)[1:]] == ["off-platform-contact"]


WRONG = [
    ("nothing there", None, ":1: cannot be read (No such file or directory), expected a baseline: `kefulint baseline create`"),
    ("no salt", "insult 00000000000000000000000000000000 1 -\n", ":1: 0 salts, expected one"),
    ("two salts", f"# kefulint baseline 1 salt {'0' * 32}\n# kefulint baseline 1 salt {'1' * 32}\n", ":2: 2 salts, expected one"),
    ("a conflict", f"# kefulint baseline 1 salt {'0' * 32}\n<<<<<<< HEAD\n", ":2: '<<<<<<< HEAD' is no entry, expected RULE HASH"),
]  # fmt: skip


@pytest.mark.parametrize(("text", "problem"), [row[1:] for row in WRONG], ids=[row[0] for row in WRONG])
def test_a_broken_file_is_an_error(text: str | None, problem: str, repo: Path) -> None:
    (repo / FILE).unlink()
    if text is not None:
        (repo / FILE).write_text(text, encoding="utf-8")
    result = run("check", ".")
    assert result.exit_code == 2 and f"kefulint: {FILE}{problem}" in result.stderr


def test_create_does_not_overwrite(repo: Path) -> None:
    result = run("baseline", "create")
    assert result.exit_code == 2 and "expected kefulint baseline update" in result.stderr


# --- merging ---------------------------------------------------------------------------------------------------------


def git(folder: Path, *args: str) -> None:
    own = {"GIT_CONFIG_GLOBAL": os.devnull, "GIT_CONFIG_SYSTEM": os.devnull}
    names = {f"GIT_{who}_{what}": "a@example.org" for who in ("AUTHOR", "COMMITTER") for what in ("NAME", "EMAIL")}
    done = subprocess.run(["git", *args], cwd=folder, env=os.environ | own | names, capture_output=True, text=True)
    assert done.returncode == 0, done.stdout + done.stderr


def commit(folder: Path, text: str) -> None:
    git(folder, "add", "-A")
    git(folder, "commit", "-qm", text)


def test_two_branches_merge(repo: Path) -> None:
    (repo / ".gitattributes").write_text(f"{FILE} merge=union\n", encoding="utf-8")
    git(repo, "init", "-q", "-b", "main")
    commit(repo, "start")
    git(repo, "switch", "-qc", "one")
    say(repo, "加V信领券", "加我微信领券", name="one.txt")
    run("baseline", "update")
    commit(repo, "one")
    git(repo, "switch", "-q", "main")
    git(repo, "switch", "-qc", "two")
    say(repo, BAD, RUDE)  # one is gone
    say(repo, "加我微信送礼物", "加我微信领券", name="two.txt")
    run("baseline", "update")
    commit(repo, "two")
    git(repo, "merge", "-q", "one", "-m", "merge")
    known = baselines.load(repo / FILE)
    assert known.salt == lines(repo)[0].split()[-1]
    result = run("check", ".")  # "加我微信领券" is there twice now, and each branch knew of one
    assert result.stdout.count("错误 off-platform-contact") == 1 and "加我微信领券" in result.stdout
    run("baseline", "update")
    assert run("check", ".").exit_code == 0 and lines(repo)[1:] == sorted(lines(repo)[1:])


def test_lines_left_twice_by_a_merge_are_one(tmp_path: Path) -> None:
    path = tmp_path / FILE
    key = "0" * 31 + "1"
    entries = [f"insult {key} 1 -", f"insult {key} 2 -", f"insult {key} 1 false"]
    path.write_text("\n".join([f"# kefulint baseline 1 salt {'a' * 32}", *entries]) + "\n", encoding="utf-8")
    known = baselines.load(path)
    assert known.entries == {("insult", key): Entry(2, "false")}
    known.write()
    assert path.read_text(encoding="utf-8").splitlines()[1:] == [f"insult {key} 2 false"]


def test_a_merge_that_kept_both_labels_keeps_the_finding(tmp_path: Path) -> None:
    key = "0" * 32
    (tmp_path / FILE).write_text(
        f"# kefulint baseline 1 salt {'a' * 32}\ninsult {key} 1 true\ninsult {key} 1 false\n", encoding="utf-8"
    )
    assert baselines.load(tmp_path / FILE).entries["insult", key].label == "true"


def test_a_half_written_file_never_replaces_the_old_one(repo: Path) -> None:
    before = lines(repo)
    known = baselines.load(repo / FILE)
    (repo / "ro").mkdir()
    known.path = repo / "ro" / "missing" / FILE
    with pytest.raises(OSError):
        known.write()
    assert lines(repo) == before and [p.name for p in repo.iterdir() if p.suffix == ".new"] == []


# --- the audit -------------------------------------------------------------------------------------------------------


def test_the_audit_asks_one_by_one_and_goes_on_where_it_stopped(repo: Path) -> None:
    pexpect = pytest.importorskip("pexpect")
    command = [sys.executable, "-m", "linter", "baseline", "audit"]
    env = os.environ | {"PYTHONPATH": str(Path(__file__).parent.parent), "TERM": "xterm"}
    first = pexpect.spawn(
        command[0], command[1:], cwd=str(repo), env=env, encoding="utf-8", timeout=30, dimensions=(50, 160)
    )
    first.expect(r"\[1/3\]")
    first.expect("加我微信便宜10块")
    first.expect("q 结束 > ")
    first.send("x")  # no such answer: asked again
    first.expect("q 结束 > ")
    first.send("y")
    first.expect(r"\[2/3\]")
    first.send("n")
    first.expect(r"\[3/3\]")
    first.send("q")
    first.expect(pexpect.EOF)
    assert [line.split()[::3] for line in lines(repo)[1:]] == [
        ["insult", "-"], ["invoice-refused", "false"], ["off-platform-contact", "true"],
    ]  # fmt: skip
    second = pexpect.spawn(
        command[0], command[1:], cwd=str(repo), env=env, encoding="utf-8", timeout=30, dimensions=(50, 160)
    )
    second.expect(r"\[1/1\]")
    second.send("s")
    second.expect("准确率")
    second.expect(pexpect.EOF)
    second.close()
    assert second.exitstatus == 0
    counts = json.loads(run("baseline", "show", "-f", "json").stdout)
    assert {row["rule"]: (row["true"], row["false"]) for row in counts} == {
        "insult": (0, 0), "invoice-refused": (0, 1), "off-platform-contact": (1, 0),
    }  # fmt: skip
    assert "100%" in run("baseline", "show").stdout
    say(repo, BAD, WORSE)
    run("check", ".")
    assert [line.split()[3] for line in lines(repo)[1:]] == ["false", "true"]  # labels outlive a shrinking


def test_the_audit_needs_a_terminal(repo: Path) -> None:
    assert run("baseline", "audit").exit_code == 2


def test_a_broken_configuration_stops_the_baseline(repo: Path) -> None:
    say(repo, "# kefulint: allow insult")
    before = lines(repo)
    assert run("baseline", "update").exit_code == 2 and lines(repo) == before


def test_errors_are_ours(tmp_path: Path) -> None:
    with pytest.raises(KefulintError, match="cannot be read"):
        baselines.load(tmp_path / "none")
