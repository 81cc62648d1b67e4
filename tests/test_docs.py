"""What the pages promise is so: files that they name are there, commands and options exist, ports and extras are ours."""

from __future__ import annotations

import re
import shlex
from collections.abc import Iterator
from itertools import groupby
from pathlib import Path
from typing import Any

import click
import pytest
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

from linter.cli import main
from linter.server.settings import Settings

try:
    import tomllib
except ImportError:
    import tomli as tomllib

ROOT = Path(__file__).parent.parent
PAGES = sorted([*ROOT.glob("*.md"), *ROOT.glob("docs/**/*.md"), *ROOT.glob("examples/**/*.md")])
SOURCES = sorted([*PAGES, *ROOT.glob("linter/**/*.py"), *ROOT.glob("linter/web/*"), *ROOT.glob("examples/**/*.[hjy]*")])
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))["project"]
EXTRAS = PROJECT["optional-dependencies"]
OTHER_PORTS = {"8018", "8718"}  # of the example of an agents' tool, and of the example of a server for language models


def name_of(path: Path) -> str:
    return path.relative_to(ROOT).as_posix()


@pytest.mark.parametrize("page", PAGES, ids=name_of)
def test_what_a_page_links_to_is_there(page: Path) -> None:
    text = page.read_text("utf-8")
    linked = re.findall(r"\]\((?!https?:|#|mailto:)([^)#\s]+)", text)
    named = re.findall(r"(?<![\w/.-])([\w-]+(?:\.zh-CN)?\.md)\b", text) if page.parent.name == "docs" else []
    missing = [name for name in linked if not (page.parent / name).exists()]
    missing += [name for name in named if not [*ROOT.glob(name), *ROOT.glob(f"docs/**/{name}")]]
    assert missing == []


def commands(text: str) -> list[list[str]]:
    """Return the words of the commands that a page shows: at a prompt, and in running text."""
    text = re.sub(r" \\\n\s*", " ", text)
    lines = [*re.findall(r"^\$ (.*)", text, re.MULTILINE), *re.findall(r"`(kefulint [a-z][^`<…\n]*)`", text)]
    return [words for line in lines for words in split(line.replace("…", "x")) if words[:1] == ["kefulint"]]


def split(line: str) -> Iterator[list[str]]:
    """Yield the words of each command of a line of the shell; a text that goes on below ends with the line."""
    closed = line + "".join(mark for mark in "\"'" if line.count(mark) % 2)
    lexer = shlex.shlex(closed, posix=True, punctuation_chars="|<>;&")
    lexer.whitespace_split = True
    for stops, words in groupby(lexer, lambda word: word in ("|", ";", "&", "&&", ">", ">>", "<")):
        if not stops:
            yield list(words)


SHOWN = [(name_of(page), words[1:]) for page in PAGES for words in commands(page.read_text("utf-8"))]


def known(words: list[str]) -> list[str]:
    """Return what in a command is neither a command nor an option of it."""
    command: click.Command = main
    context = click.Context(main)
    while isinstance(command, click.Group) and words and not words[0].startswith("-"):
        found = command.get_command(context, words[0])
        if found is None:
            return [words[0]]
        command, words = found, words[1:]
    options = {name for parameter in command.params for name in (*parameter.opts, *parameter.secondary_opts)}
    options |= {"--help", "-h", "--version"}
    asked = [word.partition("=")[0] for word in words if re.match(r"--?[a-z]", word)]
    return [option for option in asked if option not in options]


@pytest.mark.parametrize(
    ("page", "words"), SHOWN, ids=lambda value: value if isinstance(value, str) else " ".join(value)
)
def test_commands_that_a_page_shows_exist(page: str, words: list[str]) -> None:
    assert known(words) == []


def test_commands_are_looked_at() -> None:
    assert len(SHOWN) > 60
    assert known(["check", "--nope"]) == ["--nope"] and known(["rules", "nope"]) == ["nope"]


@pytest.mark.parametrize("page", SOURCES, ids=name_of)
def test_addresses_are_those_of_the_server(page: Path) -> None:
    ports = set(re.findall(r"(?:127\.0\.0\.1|localhost):(\d{4})", page.read_text("utf-8", "replace")))
    assert ports <= {str(Settings().port), *OTHER_PORTS}


def installs(text: str) -> list[str]:
    """Return what is said to be installed under the project's own name."""
    return re.findall(r"pip install [^`\n#]*?(?<![\w/.$'-])'?(kefulint\b(?!-\*)\S*)", text)


@pytest.mark.parametrize("page", PAGES, ids=name_of)
def test_no_page_installs_from_an_index_that_does_not_have_it(page: Path) -> None:
    assert installs(page.read_text("utf-8")) == []


def test_extras_that_errors_ask_for_exist() -> None:
    asked: set[Any] = set()
    for path in SOURCES:
        text = path.read_text("utf-8", "replace")
        asked |= {name for names in re.findall(r"(?:kefulint|'\.)\[([a-z,]+)\]", text) for name in names.split(",")}
    assert {"xlsx", "audit", "server", "lsp", "mcp"} <= asked <= set(EXTRAS)


# --- what deployments install ----------------------------------------------------------------------------------------

PINNED = [("server", ("server", "postgres")), ("audit", ("audit", "xlsx", "guard", "mcp", "lsp"))]


def required(extras: tuple[str, ...]) -> list[Requirement]:
    lines = [*PROJECT["dependencies"], *(line for extra in extras for line in EXTRAS[extra])]
    return [one for one in map(Requirement, lines) if one.name != PROJECT["name"]]


@pytest.mark.parametrize(("name", "extras"), PINNED)
def test_deployments_get_what_is_asked_for_with_hashes(name: str, extras: tuple[str, ...]) -> None:
    text = (ROOT / "constraints" / f"{name}.txt").read_text("utf-8").replace(" \\\n", " ")
    lines = [line for line in text.splitlines() if line and not line.startswith("#")]
    assert all(" --hash=sha256:" in line for line in lines)
    pinned = [Requirement(line.partition(" --hash")[0]) for line in lines]
    for one in required(extras):
        versions = [
            str(p.specifier).removeprefix("==")
            for p in pinned
            if canonicalize_name(p.name) == canonicalize_name(one.name)
        ]
        assert versions and all(one.specifier.contains(version) for version in versions), one


HOLES = {  # a version of each that is known to have a hole
    "jinja2": "3.1.5", "starlette": "0.49.0", "pyarrow": "14.0.0", "tqdm": "4.66.2", "pyyaml": "5.3",
}  # fmt: skip


@pytest.mark.parametrize(("name", "version"), HOLES.items())
def test_no_floor_admits_a_version_with_a_known_hole(name: str, version: str) -> None:
    floors = [one.specifier for one in required(tuple(EXTRAS)) if canonicalize_name(one.name) == name]
    assert floors and not any(floor.contains(version) for floor in floors)
