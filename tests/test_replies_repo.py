"""A repository of canned replies, as a shop would keep one: baseline, suppressions, fixes and the count of it all."""

from __future__ import annotations

import json
import shutil
from collections import Counter
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner, Result

from linter.cli import main

REPO = Path(__file__).parent.parent / "examples" / "replies-repo"
BASELINE = ".kefulint-baseline"


def run(*args: str) -> Result:
    return CliRunner().invoke(main, list(args), env={"CI": ""})


@pytest.fixture
def repo(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Return a copy of the repository that is the working folder."""
    shutil.copytree(REPO, tmp_path / "repo")
    monkeypatch.chdir(tmp_path / "repo")
    return tmp_path / "repo"


def report(*args: str) -> Any:
    return json.loads(run("check", *args, "-f", "json", "--show-suppressed").stdout)


def test_it_is_as_large_as_it_says(repo: Path) -> None:
    found = report(".")
    assert found["messages"] >= 300 and found["troubles"] == []
    assert {Path(f["origin"]["path"]).suffix for f in found["findings"]} == {
        ".yaml",
        ".csv",
        ".json",
        ".md",
        ".po",
        ".j2",
        ".txt",
    }
    counts = Counter(
        "known" if f.get("known") else "allowed" if "suppressed" in f else "open" for f in found["findings"]
    )
    assert counts == {"known": 17, "allowed": 4, "open": 12}
    assert len({f["rule"] for f in found["findings"]}) >= 20
    disguised = [f["text"] for f in found["findings"] if f["spelled"] and f["rule"] == "off-platform-contact"]
    assert {"➕薇", "加我威❤", "V信qingyou"} <= set(disguised)


def test_only_what_is_new_is_reported(repo: Path) -> None:
    result = run("check", ".", "-f", "grouped")
    assert result.exit_code == 1
    assert [line for line in result.stdout.splitlines() if line and not line.startswith(" ")] == [
        "机器人/菜单.json",
        "活动/短信.txt",
    ]
    assert "基线里已有 17 处" in result.stderr and "已允许 4 处" in result.stderr
    assert "邮件/通知.po:90: the suppression of off-platform-link ended on 2020-06-30" in result.stderr
    assert run("check", "售前", "售后", "邮件").exit_code == 0
    assert run("check", "售前", "售后", "邮件", "--strict-suppressions").exit_code == 1


def test_a_clean_reply_passes_and_a_bad_one_does_not(repo: Path) -> None:
    path = repo / "售前" / "咨询.yaml"
    path.write_text(path.read_text(encoding="utf-8") + "新增:\n  - 您好，灰色还有现货\n", encoding="utf-8")
    assert run("check", str(path)).exit_code == 0
    path.write_text(path.read_text(encoding="utf-8") + "  - 灰色没有了，加威信我帮您找\n", encoding="utf-8")
    result = run("check", str(path))
    assert result.exit_code == 1 and result.stdout.startswith(f"{path}:89:") and "off-platform-contact" in result.stdout


def test_a_reply_put_right_leaves_the_baseline(repo: Path) -> None:
    path = repo / "售后" / "退换.csv"
    path.write_text(
        path.read_text(encoding="utf-8").replace("差评删了给您补十块钱红包", "您的意见我们记下了"), encoding="utf-8"
    )
    assert f"基线少了 1 处：{BASELINE}" in run("check", ".").stderr
    assert len((repo / BASELINE).read_text(encoding="utf-8").splitlines()) == 17
    moved = repo / "售前" / "退换 二.csv"
    path.rename(moved)
    (repo / "kefulint.toml").write_text(
        (repo / "kefulint.toml").read_text(encoding="utf-8").replace("售后/*.csv", "售前/*.csv"), encoding="utf-8"
    )
    assert run("check", "售前").exit_code in (0, 1)
    assert "pickup" not in run("check", "售前", "--fail-on", "error").stdout


def test_the_audit_has_begun(repo: Path) -> None:
    rows = json.loads(run("baseline", "show", "-f", "json").stdout)
    assert sum(row["findings"] for row in rows) == 17
    assert (sum(row["true"] for row in rows), sum(row["false"] for row in rows)) == (3, 2)


def test_safe_fixes_are_made_and_the_rest_is_left(repo: Path) -> None:
    before = (repo / "活动" / "短信.txt").read_text(encoding="utf-8")
    diff = run("check", "活动", "--diff")
    assert "-青柚家居：新款四件套绝对不起球" in diff.stdout and "+青柚家居：新款四件套一般不会起球" in diff.stdout
    assert (repo / "活动" / "短信.txt").read_text(encoding="utf-8") == before
    run("check", ".", "--fix")
    after = (repo / "活动" / "短信.txt").read_text(encoding="utf-8")
    assert after == before.replace("小妹妹想", "亲想").replace("绝对不起球", "一般不会起球")


def test_unsafe_fixes_clear_what_they_can_and_keep_what_is_allowed(repo: Path) -> None:
    allowed = (repo / "活动" / "常见问题.md").read_text(encoding="utf-8")
    run("check", ".", "--unsafe-fixes")
    left = [f for f in report(".")["findings"] if "suppressed" not in f and not f.get("known")]
    assert 0 < len(left) < 5 and {f["rule"] for f in left} <= {"fake-order", "shipping-delay-agreed", "pickup-address"}
    assert (repo / "活动" / "常见问题.md").read_text(encoding="utf-8") == allowed
    assert json.loads((repo / "机器人" / "菜单.json").read_text(encoding="utf-8"))["version"] == "3"
