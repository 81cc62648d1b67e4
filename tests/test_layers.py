"""Imports go down only, functions stay small, and starting is cheap."""

from __future__ import annotations

import ast
import subprocess
import sys
from pathlib import Path

import pytest

from linter.cache import MADE_BY

ROOT = Path(__file__).parent.parent / "linter"
LAYERS = [
    ["model", "nodes", "packed", "bounded"],
    ["inputs"],
    ["text", "pattern", "placeholders", "columns", "lines", "markup", "times"],
    ["shapes", "terms", "taken"],
    ["conversations", "workbooks", "transcripts"],
    ["logs"],
    ["spellings"],
    ["scan", "rulebook", "folder", "words"],
    ["confirm", "entries", "characters"],
    ["wordings"],
    ["lexicon", "cases"],
    ["compiled", "ledger", "decisions"],
    ["judge", "measures", "cache", "prefilter"],
    ["reading"],
    ["engine", "reports", "config", "suppress", "ignored", "baseline", "results", "fixes", "troubles"],
    ["evaluate", "bench", "service", "statement", "answer", "formats", "outputs", "sarif"],
    ["sources"],
    ["summary", "checking", "store", "guard", "fixing", "authoring"],
    ["explaining", "page", "compare", "resume", "sheet", "reporting"],
    ["outcome"],
    ["audit"],
    ["server", "lsp", "mcp", "spark"],
    ["cli"],
    ["__main__"],
]
RANK = {name: rank for rank, layer in enumerate(LAYERS) for name in layer}
FILES = sorted(path for path in ROOT.rglob("*.py") if path != ROOT / "__init__.py")


def _module(path: Path) -> str:
    """Return the name of the layer's module: a package counts as one."""
    return path.relative_to(ROOT).parts[0].removesuffix(".py")


def _name(path: Path) -> str:
    return str(path.relative_to(ROOT))


@pytest.mark.parametrize("path", FILES, ids=_name)
def test_imports_go_down(path: Path) -> None:
    name = _module(path)
    assert name in RANK, f"{name} has no layer yet"
    for other in _imported(path) - {name}:
        assert RANK[other] <= RANK[name], f"{name} imports {other}"
        back = {found for file in FILES if _module(file) == other for found in _imported(file)}
        assert name not in back, f"{name} <-> {other}"


def _imported(path: Path) -> set[str]:
    found: set[str] = set()
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.ImportFrom) and node.module and node.module.split(".")[0] == "linter":
            parts = node.module.split(".")
            found |= {parts[1]} if len(parts) > 1 else {alias.name for alias in node.names}
    return found & set(RANK)


@pytest.mark.parametrize("path", FILES, ids=_name)
def test_functions_are_small(path: Path) -> None:
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.FunctionDef) and node.end_lineno:
            assert node.end_lineno - node.lineno <= 60, (
                f"{_name(path)}: {node.name} has {node.end_lineno - node.lineno} lines"
            )


HEAVY = ("jieba", "opencc", "pypinyin", "ahocorasick", "yaml", "regex")


def test_help_imports_nothing_heavy() -> None:
    code = f"import sys, linter.cli; print([m for m in {HEAVY!r} if m in sys.modules])"
    assert (
        subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout.strip() == "[]"
    )


def test_a_clean_check_does_not_wake_the_tokenizer() -> None:
    code = "import sys; from linter import Linter; Linter('tmall').check('您好，今天下午发货'); print('jieba' in sys.modules)"
    assert (
        subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout.strip()
        == "False"
    )


NOT_FOR_A_CLEAN_FILE = (
    "jieba", "opencc", "pypinyin", "yaml", "regex", "numpy", "wcwidth", "csv", "json", "glob", "tempfile", "decimal",
    "linter.lexicon", "linter.rulebook", "linter.nodes", "linter.wordings", "linter.sources", "linter.logs",
    "linter.spellings", "linter.lines", "linter.columns", "linter.words", "linter.reports", "linter.outputs",
    "linter.batch", "linter.fixes", "linter.baseline", "linter.sarif", "linter.service", "linter.summary",
)  # fmt: skip


def test_a_clean_file_imports_what_it_needs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """What only findings, other formats and the first run need is not paid for by a hook on a clean file."""
    monkeypatch.delenv("KEFULINT_NO_CACHE", raising=False)
    path = tmp_path / "replies.txt"
    path.write_text("您好，今天下午发货\n", encoding="utf-8")
    code = f"""
import sys
from linter.cli import main
try:
    main(["check", "--quiet", sys.argv[1]])
except SystemExit as stop:
    assert not stop.code
print([m for m in {NOT_FOR_A_CLEAN_FILE!r} if m in sys.modules])
"""
    command = [sys.executable, "-c", code, str(path)]
    subprocess.run(command, capture_output=True, check=True)  # fills the cache
    assert subprocess.run(command, capture_output=True, text=True, check=True).stdout.strip() == "[]"


def test_the_key_of_the_compiled_form_knows_all_that_makes_it() -> None:
    made, left = {"cache"}, {"compiled", "folder", "lexicon"}
    while left:
        made |= left
        left = {name for one in left for name in _imported(ROOT / f"{one}.py")} - made
    assert sorted(f"{name}.py" for name in made - {"cache"}) == sorted(MADE_BY)
