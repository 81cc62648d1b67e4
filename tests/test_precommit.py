"""The hooks as teams use them: the real pre-commit, a real git repository, and the project installed by pre-commit's own pip.

The project under test is what lies on disk now, put into a repository of its own. Both environments (try-repo's and the
one a configuration gets) are built once and at the same time.
"""

from __future__ import annotations

import os
import re
import resource
import shutil
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent
REV = "v0.1.0"
PRE_COMMIT = Path(sys.executable).parent / "pre-commit"
BAD, GOOD = "亲，加我微信便宜10块\n", "您好，今天下午发货\n"
NO_REGISTRY = re.compile(r"No matching distribution|ConnectionError|NewConnectionError|Temporary failure|Max retries")
CONFIG = """\
repos:
  - repo: {url}
    rev: {rev}
    hooks:
      - id: kefulint
      - id: kefulint-fix
        stages: [manual]
      - id: kefulint-rules
        args: [--lexicon, shop]
"""


@dataclass(frozen=True)
class Team:
    """A team's repository with the hooks installed."""

    folder: Path
    environment: dict[str, str]
    tried: subprocess.CompletedProcess[str]

    def run(self, *command: str | Path) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            [str(part) for part in command], cwd=self.folder, env=self.environment, text=True, timeout=300,
            stdout=subprocess.PIPE, stderr=subprocess.STDOUT, encoding="utf-8",
        )  # fmt: skip

    def git(self, *arguments: str) -> str:
        done = self.run("git", *arguments)
        assert done.returncode == 0, done.stdout
        return done.stdout.strip()

    def commit(self, files: dict[str, str], *options: str) -> subprocess.CompletedProcess[str]:
        """Write and add the files, and try to commit them."""
        for name, text in files.items():
            (self.folder / name).parent.mkdir(parents=True, exist_ok=True)
            (self.folder / name).write_text(text, encoding="utf-8")
        self.git("add", *files)
        return self.run("git", "commit", "-m", "Replies", *options)

    @property
    def head(self) -> str:
        return self.git("rev-parse", "HEAD")


def _environment(home: Path) -> dict[str, str]:
    """Return an environment in which no configuration of this machine's user counts."""
    inherited = {name: value for name, value in os.environ.items() if not name.startswith(("GIT_", "PRE_COMMIT"))}
    who = {f"GIT_{role}_{what}": "shop@example.com" for role in ("AUTHOR", "COMMITTER") for what in ("NAME", "EMAIL")}
    return inherited | who | {
        "PRE_COMMIT_HOME": str(home / "pre-commit"), "GIT_CONFIG_GLOBAL": os.devnull, "GIT_CONFIG_NOSYSTEM": "1",
        "XDG_CACHE_HOME": str(home / "cache"), "PIP_DISABLE_PIP_VERSION_CHECK": "1",
    }  # fmt: skip


def _project(folder: Path, environment: dict[str, str]) -> None:
    """Put the project as it lies on disk into a repository with a tag."""
    listed = subprocess.run(["git", "ls-files", "-co", "--exclude-standard", "-z"], cwd=ROOT, capture_output=True)
    if listed.returncode:
        pytest.skip("the project is not in a git repository")
    for name in filter(None, listed.stdout.decode().split("\0")):
        if (ROOT / name).exists():
            (folder / name).parent.mkdir(parents=True, exist_ok=True)
            shutil.copy2(ROOT / name, folder / name, follow_symlinks=False)
    for arguments in (["init", "-q"], ["add", "-A"], ["commit", "-qm", "The project"], ["tag", REV]):
        subprocess.run(["git", *arguments], cwd=folder, env=environment, check=True, capture_output=True)


@pytest.fixture(scope="module")
def team(tmp_path_factory: pytest.TempPathFactory) -> Team:
    if not PRE_COMMIT.exists() or not shutil.which("git"):
        pytest.skip("pre-commit or git is missing (pip install 'kefulint[dev]')")
    base = tmp_path_factory.mktemp("hooks")
    environment = _environment(base)
    project, folder = base / "kefulint", base / "replies"
    project.mkdir()
    folder.mkdir()
    _project(project, environment)
    subprocess.run(["git", "init", "-q"], cwd=folder, check=True, env=environment)
    (folder / "欢迎.txt").write_text(GOOD, encoding="utf-8")
    (folder / "old replies.txt").write_text(BAD, encoding="utf-8")
    trying = subprocess.Popen(
        [PRE_COMMIT, "try-repo", project, "kefulint", "--files", "欢迎.txt", "old replies.txt"], cwd=folder, text=True,
        env=environment | {"PRE_COMMIT_HOME": str(base / "trying")}, stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
        encoding="utf-8",
    )  # fmt: skip
    made = Team(folder, environment, subprocess.CompletedProcess([], 0))
    (folder / ".pre-commit-config.yaml").write_text(CONFIG.format(url=project.as_uri(), rev=REV), encoding="utf-8")
    made.git("add", "-A")
    made.git("commit", "-qm", "From before there were hooks")
    installed = made.run(PRE_COMMIT, "install", "--install-hooks")
    tried, _ = trying.communicate(timeout=300)
    if installed.returncode and NO_REGISTRY.search(installed.stdout):
        pytest.skip("pip cannot reach a registry to install the project's dependencies")
    assert installed.returncode == 0, installed.stdout
    return Team(folder, environment, subprocess.CompletedProcess([], trying.returncode, tried))


def _found(said: str) -> str:
    """Return what a run found, without the lines that say how files were read."""
    return "\n".join(line for line in said.splitlines() if "读入" not in line)


def test_try_repo_shows_the_line(team: Team) -> None:
    assert team.tried.returncode == 1, team.tried.stdout
    assert "old replies.txt:1:3: 错误 off-platform-contact" in team.tried.stdout
    assert "检查了 2 条" in team.tried.stdout and "欢迎.txt" not in _found(team.tried.stdout)


@pytest.fixture(autouse=True)
def _as_it_was(team: Team) -> Iterator[None]:
    """Every test begins with what was committed before there were hooks."""
    start = team.head
    yield
    team.git("reset", "-q", "--hard", start)
    team.git("clean", "-qfd")


PLACES = {"faq.md": "1:3", "my replies.txt": "1:3", "话术/售后 回复.csv": "2:6", 'it\'s "new".txt': "1:3"}


@pytest.mark.parametrize("quoted", ["true", "false"], ids=["names quoted by git", "names not quoted"])
def test_a_violating_reply_stops_the_commit_and_a_clean_one_passes(team: Team, quoted: str) -> None:
    team.git("config", "core.quotepath", quoted)
    before = team.head

    def replies(reply: str) -> dict[str, str]:
        return {name: f"分类,回复\n活动,{reply}" if name.endswith(".csv") else reply for name in PLACES}

    stopped = team.commit(replies(BAD))
    assert stopped.returncode == 1 and team.head == before, stopped.stdout
    for name, place in PLACES.items():
        assert f"{name}:{place}" in stopped.stdout, stopped.stdout
    assert "加我微信" in stopped.stdout and "建议" in stopped.stdout and "检查了 4 条" in stopped.stdout
    passed = team.commit(replies(GOOD))
    assert passed.returncode == 0 and team.head != before, passed.stdout
    assert "检查了" not in passed.stdout  # what passes is silent


def test_only_changed_files_are_read(team: Team) -> None:
    assert (team.folder / "old replies.txt").read_text(encoding="utf-8") == BAD
    passed = team.commit({"new.txt": GOOD, "shop.py": "REPLY = '加我微信便宜10块'\n"})
    assert passed.returncode == 0, passed.stdout
    every = team.run(PRE_COMMIT, "run", "kefulint", "--all-files")
    assert every.returncode == 1 and "old replies.txt:1:3" in every.stdout and "shop.py" not in every.stdout


def test_the_nearest_configuration_holds(team: Team) -> None:
    settings = 'platforms = ["jd"]\n\n[[paths]]\nmatch = ["internal/"]\nignore = ["off-platform-contact"]\n'
    files = {"faq/a.txt": BAD, "internal/b.txt": BAD, "kefulint.toml": settings}
    stopped = team.commit(files)
    assert stopped.returncode == 1 and "faq/a.txt:1:3" in stopped.stdout, stopped.stdout
    assert "条款  京东" in stopped.stdout and "internal" not in _found(stopped.stdout)


def test_the_fixing_hook_changes_the_file_and_stops_until_it_is_added(team: Team) -> None:
    team.commit({"faq.md": "- 百分百不掉色\n"}, "--no-verify")
    fixed = team.run(PRE_COMMIT, "run", "kefulint-fix", "--hook-stage", "manual", "--files", "faq.md")
    assert fixed.returncode == 1 and "files were modified by this hook" in fixed.stdout, fixed.stdout
    assert (team.folder / "faq.md").read_text(encoding="utf-8") == "- 一般不会掉色\n"
    again = team.run(PRE_COMMIT, "run", "kefulint-fix", "--hook-stage", "manual", "--files", "faq.md")
    assert again.returncode == 0, again.stdout


RULE = """\
title: 许诺送贴纸
verdict: warning
status: draft
since: 0.1.0
channels: [chat]
why: 贴纸已经停产，答应了做不到。
message: 「{text}」答应了送贴纸
suggestion: 亲，这次没有赠品。
find:
  - 送|给 sticker
violates:
  - 亲，[[送您贴纸]]一张
passes:
  - 贴纸已经停产了
"""


def test_the_rules_of_a_shop_are_tested_before_they_are_committed(team: Team) -> None:
    concept, rule = "shop/concepts/sticker.yaml", "shop/rules/gift/sticker-promised.yaml"
    files = {concept: "title: 贴纸\nstrong: [贴纸]\n", rule: RULE.replace("亲，[[送您贴纸]]", "亲，[[赠您贴纸]]")}
    stopped = team.commit(files)
    assert stopped.returncode == 1 and f"{rule}:12" in stopped.stdout, stopped.stdout
    passed = team.commit({rule: RULE})
    assert passed.returncode == 0, passed.stdout


def test_the_hook_starts_fast(team: Team) -> None:
    """The time of the processors, all of pre-commit included: the clock of a busy machine says little."""
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    done = team.run(PRE_COMMIT, "run", "kefulint", "--files", "欢迎.txt")
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    spent = after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
    assert done.returncode == 0 and spent < 3.0, f"{spent:.2f} s"
