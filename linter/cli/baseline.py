"""`kefulint baseline`: take note of what is there already, keep it small, and look through it one by one."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING

import click

from linter.cli.options import given_settings, options
from linter.model import KefulintError

if TYPE_CHECKING:
    from linter.baseline import Baseline, Key
    from linter.checking import Checker
    from linter.results import Report, Result

_KEYS = {"y": "true", "n": "false"}


@click.group()
def baseline() -> None:
    """Findings that are known already and not reported again."""


@baseline.command("create", short_help="Write a baseline of everything that is found.")
@click.argument("paths", nargs=-1)
@click.option("--baseline", "file", type=click.Path(dir_okay=False), help="The file. Default: the configuration's.")
@options("configuration")
def create(paths: tuple[str, ...], file: str | None, config: str | None, no_config: bool) -> None:
    """Write a baseline of everything that is found in PATHS (default: this folder)."""
    from linter import baseline as baselines
    from linter.config import shown

    path = _file(file, config, no_config)
    if path.exists():
        raise KefulintError(f"{shown(path)}:1: the baseline exists, expected kefulint baseline update")
    checker, report = _checked(paths, config, no_config)
    made = _seen(baselines.new(path), report).grown()
    made.write()
    click.echo(f"{shown(path)}: {made.size} findings", err=True)
    if checker.finder.of(".").settings(".").get("baseline") is None:
        click.echo(f'to use it, say baseline = "{path.name}" in kefulint.toml', err=True)
    click.echo(f"so that branches merge, say {path.name} merge=union in .gitattributes", err=True)


@baseline.command("update", short_help="Take in what is found now; labels stay.")
@click.argument("paths", nargs=-1)
@click.option("--baseline", "file", type=click.Path(dir_okay=False), help="The file. Default: the configuration's.")
@options("configuration")
def update(paths: tuple[str, ...], file: str | None, config: str | None, no_config: bool) -> None:
    """Take what is found in PATHS (default: this folder) into the baseline; labels stay.

    What is gone is taken out where the whole folder of the baseline was looked at.
    """
    from linter import baseline as baselines
    from linter.config import shown

    known = baselines.load(_file(file, config, no_config))
    checker, report = _checked(paths, config, no_config)
    made = _seen(known, report).grown(whole=checker.covered(known.path))
    made.write()
    click.echo(f"{shown(known.path)}: {known.size} -> {made.size} findings", err=True)


@baseline.command("show", short_help="Count the known findings of each rule.")
@click.option("--baseline", "file", type=click.Path(dir_okay=False), help="The file. Default: the configuration's.")
@click.option("-f", "--format", "kind", type=click.Choice(("text", "json")), default="text", show_default=True)
@options("configuration")
def show(file: str | None, kind: str, config: str | None, no_config: bool) -> None:
    """Count the known findings of each rule, and what the audit said of them."""
    from linter import baseline as baselines
    from linter import reports

    counts = baselines.load(_file(file, config, no_config)).counts()
    if kind == "json":
        names = ("rule", "findings", "true", "false")
        click.echo(reports.dump([dict(zip(names, row, strict=True)) for row in counts], indent=2))
        return
    click.echo(_counts(counts))


@baseline.command("audit", short_help="Say of the known findings, one by one, which are real.")
@click.argument("paths", nargs=-1)
@click.option("--baseline", "file", type=click.Path(dir_okay=False), help="The file. Default: the configuration's.")
@click.option("--again", is_flag=True, help="Ask about those that have a label too.")
@options("rule", "configuration", "contacts")
def audit(paths: tuple[str, ...], file: str | None, again: bool, rules: tuple[str, ...], config: str | None,
          no_config: bool, show_contacts: bool) -> None:  # fmt: skip
    """Look through the known findings of PATHS (default: this folder) one by one and say which are real.

    Each answer is written at once: stop whenever you like, the next audit goes on where this one ended.
    """
    from linter import baseline as baselines

    if not sys.stdin.isatty():
        raise click.UsageError("an audit asks questions, expected a terminal")
    known = baselines.load(_file(file, config, no_config))
    _, report = _checked(paths, config, no_config)
    asked: dict[Key, Result] = {}
    for result in report.results:
        key = known.key(result.finding, result.text)
        entry = known.entries.get(key)
        if entry and (again or not entry.label) and (not rules or result.finding.rule in rules):
            asked.setdefault(key, result)
    known = _ask(known, asked, show_contacts)
    click.echo("\n" + _counts(known.counts()))


def _ask(known: Baseline, asked: dict[Key, Result], shown: bool) -> Baseline:
    """Ask about the findings one by one and write every answer."""
    from linter.outputs import block
    from linter.results import View

    for number, (key, result) in enumerate(asked.items(), 1):
        click.echo(f"\n[{number}/{len(asked)}]\n{block(result, View(colour=True, shown=shown))}\n")
        answer = _answer()
        if answer == "q":
            break
        if answer in _KEYS:
            known = known.labelled(key, _KEYS[answer])
            known.write()
    return known


def _answer() -> str:
    """Return one of the keys y, n, s, q; other keys are asked again."""
    while True:
        click.echo("确实违规？ y 是  n 误报  s 跳过  q 结束 > ", nl=False)
        try:
            key = click.getchar().lower()
        except (KeyboardInterrupt, EOFError):
            key = "q"
        click.echo(key if key.isprintable() else "")
        if key in (*_KEYS, "s", "q"):
            return key


def _counts(counts: list[tuple[str, int, int, int]]) -> str:
    from linter import reports

    rows = [
        (rule, str(count), str(true), str(false), f"{true / (true + false):.0%}" if true + false else "—")
        for rule, count, true, false in counts
    ]
    return reports.table(("规则", "处数", "确实", "误报", "准确率"), rows, right=(1, 2, 3, 4))


def _file(given: str | None, config: str | None, no_config: bool) -> Path:
    """Return the baseline file: the one given, the configuration's, or the usual name."""
    from linter.baseline import FILE
    from linter.config import Finder

    return Path(given or Finder(config, off=no_config).of(".").settings(".").get("baseline") or FILE)


def _checked(paths: tuple[str, ...], config: str | None, no_config: bool) -> tuple[Checker, Report]:
    """Check without the baseline."""
    from linter.checking import Checker, Given
    from linter.config import Finder

    checker = Checker(Finder(config, off=no_config), Given(given_settings({}), baseline=False))
    report = checker.check_paths(paths or (".",))
    problems = [*report.troubles, *checker.problems]
    if problems:
        raise KefulintError([*problems, "the baseline stays as it is, expected everything above to be put right first"])
    return checker, report


def _seen(known: Baseline, report: Report) -> Baseline:
    """Count what was found and not allowed."""
    for result in report.results:
        if result.open:
            known.knows(result.finding, result.text)
    return known
