"""The ten minutes of CONTRIBUTING.md, run as written."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from click.testing import CliRunner

from linter.cli import main

ROOT = Path(__file__).parent.parent
PAGE = (ROOT / "CONTRIBUTING.md").read_text(encoding="utf-8")


@pytest.fixture
def shop(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Write the files of the page where it says, in an empty folder with a chat log."""
    monkeypatch.chdir(tmp_path)
    for name, body in re.findall(r"`(shop/[\w/-]+\.yaml)`.*?```yaml\n(.*?)```", PAGE, re.DOTALL):
        path = tmp_path / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(re.sub(r"^   ", "", body, flags=re.MULTILINE), encoding="utf-8")
    (tmp_path / "chat.jsonl").write_text('{"text": "下单就送贴纸哦"}\n{"text": "我们不送贴纸的"}\n', encoding="utf-8")
    return tmp_path


COMMANDS = re.findall(r"\$ kefulint (.*)", PAGE)


def test_the_page_has_the_three_files_and_commands(shop: Path) -> None:
    assert len(list(shop.rglob("*.yaml"))) == 3 and len(COMMANDS) == 3


@pytest.mark.parametrize("command", COMMANDS)
def test_a_newcomers_rule_works(command: str, shop: Path) -> None:
    result = CliRunner().invoke(main, command.split())
    assert result.exit_code == 0, result.output
    expected = {"check": "0 problems", "try": "1 messages hit, 1 let go", "show": "本店规定·赠品"}
    assert expected[command.split()[1]] in result.output


def test_without_the_clause_the_bench_says_so(shop: Path) -> None:
    (shop / "shop" / "rulebooks" / "own.yaml").unlink()
    result = CliRunner().invoke(main, ["rules", "check", "-l", "shop"])
    assert result.exit_code == 2 and "no rulebook has a clause for 'sticker-promised'" in result.output


def test_a_broken_example_does_not_pass(shop: Path) -> None:
    path = shop / "shop" / "rules" / "gift" / "sticker-promised.yaml"
    path.write_text(path.read_text(encoding="utf-8").replace("贴纸机有现货", "送贴纸了"), encoding="utf-8")
    result = CliRunner().invoke(main, ["rules", "check", "sticker-promised", "-l", "shop"])
    assert result.exit_code == 2 and "sticker-promised.yaml:" in result.output


def test_our_schemas_describe_our_files() -> None:
    import yaml
    from jsonschema import Draft202012Validator

    from linter.bench import schema

    for kind, folder in (("concept", "concepts"), ("rule", "rules")):
        validator = Draft202012Validator(schema(kind))
        for path in sorted((ROOT / "lexicons" / folder).rglob("*.yaml")):
            data = yaml.load(path.read_text(encoding="utf-8"), yaml.BaseLoader)
            assert [f"{path.name}: {e.message}" for e in validator.iter_errors(data)] == []
