"""`kefulint check`: files of replies, or standard input, judged."""

from __future__ import annotations

import os
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import click

from linter.cli.options import day_of, given_settings, options
from linter.model import CHANNELS

if TYPE_CHECKING:
    from linter.checking import Checker
    from linter.results import Report, View

_FORMATS = ("text", "grouped", "json", "jsonl", "sarif", "junit", "github", "gitlab", "csv")
_SCREEN = ("text", "grouped")


@click.command()
@click.argument("paths", nargs=-1)
@click.option("-t", "--text", "texts", multiple=True, help="Judge this text instead of files, repeatable.")
@click.option("--buyer", "said", multiple=True, help="What the buyer said before --text, repeatable.")
@click.option("--channel", type=click.Choice(CHANNELS), help="What the texts are. Default: chat.")
@click.option("-f", "--format", "kind", type=click.Choice(_FORMATS), default="text", show_default=True, help="Report.")
@click.option("-o", "--output-file", "out", type=click.Path(dir_okay=False), help="Write the report there.")
@click.option("--report", "extra", multiple=True, metavar="FORMAT=FILE", help="Write one more report, repeatable.")
@click.option("--statistics", is_flag=True, help="Count the findings of each rule instead of listing them.")
@click.option("--show-suppressed", "every", is_flag=True, help="List what was allowed, and what the baseline knows.")
@click.option("--strict-suppressions", "strict", is_flag=True, help="Idle and expired suppressions: exit status 1.")
@click.option("--color", "colour", type=click.Choice(("auto", "always", "never")), default="auto", show_default=True)
@click.option("-q", "--quiet", is_flag=True, help="No count at the end.")
@click.option(
    "--stdin-filename", "name", metavar="PATH", help="What standard input is called, for its format and settings."
)
@options("fixes", "configuration", "baseline", "platform", "lexicon", "rule", "as-of", "reading", "encoding", "column", "input", "contacts",
         "drafts")  # fmt: skip
@click.option("--fail-on", type=click.Choice(("error", "warning", "info", "never")),
              help="Least verdict that makes the exit status 1. Default: error.")  # fmt: skip
def check(paths: tuple[str, ...], texts: tuple[str, ...], said: tuple[str, ...], kind: str, out: str | None,
          extra: tuple[str, ...], statistics: bool, every: bool, colour: str, quiet: bool, name: str | None,
          fix: bool, unsafe: bool, only_diff: bool, config: str | None, no_config: bool, no_baseline: bool,
          keep_baseline: bool, prune: bool, rules: tuple[str, ...], as_of: str | None, show_contacts: bool, drafts: bool,
          **settings: object) -> None:  # fmt: skip
    """Judge files of replies, or standard input (-).

    Reads text (a message a line), Markdown, CSV, XLSX, JSON, JSON lines, YAML, PO files and Jinja templates; folders are
    searched for these. The nearest kefulint.toml, or [tool.kefulint] in pyproject.toml, holds for a file.
    """
    from linter.checking import Checker, Given
    from linter.config import Finder
    from linter.results import View
    from linter.taken import lines_of

    if not paths and not texts:
        if sys.stdin is None or sys.stdin.isatty():
            raise click.UsageError("nothing to judge, expected files, - or --text")
        paths = ("-",)
    if statistics and kind not in (*_SCREEN, "json"):
        raise click.UsageError("--statistics goes with --format text, grouped or json")
    reports = [(kind, out, _coloured(colour, out)), *((*_pair(pair), False) for pair in extra)]
    given = Given(
        given_settings(settings), rules, day_of(as_of), drafts, baseline=not no_baseline, name=name,
        changes=any(report[0] == "sarif" for report in reports),
    )  # fmt: skip
    checker = Checker(Finder(config, off=no_config), given)
    if fix or unsafe or only_diff:
        if texts:
            raise click.UsageError("--fix and --diff go with files or standard input, not with --text")
        status = _fix(checker, paths, unsafe, only_diff, quiet)
        if only_diff or "-" in paths:
            _say(checker, checker.report(), quiet=True)
            sys.exit(status)
        checker = checker.again()
    checker.check_texts(texts, said)
    report = checker.check_paths(paths)
    if not quiet:
        for line in lines_of(checker.taken):
            click.echo(f"kefulint: {line}", err=True)
    for form, path, coloured in reports:
        view = View(coloured, show_contacts or bool(texts), every)
        _write(_rendered(report, form, view, statistics and form == kind), form, path, coloured)
    _shrink(checker, prune, keep_baseline or no_baseline)
    _say(checker, report, quiet)
    sys.exit(_status(checker, report))


def _fix(checker: Checker, paths: tuple[str, ...], unsafe: bool, only_diff: bool, quiet: bool) -> int:
    """Fix files, or show how; return the exit status. Of standard input the fixed text goes to standard output."""
    from linter import fixing

    report = checker.check_paths(paths)
    fixed = list(fixing.fixed_files(checker, unsafe=unsafe))
    for file in fixed:
        if only_diff:
            click.echo(fixing.diff(file), nl=False)
        elif "-" in paths:
            sys.stdout.buffer.write(file.after)
        else:
            fixing.write(file)
    for line in (line for file in fixed for line in file.declined):
        click.echo(f"kefulint: {line}", err=True)
    if not quiet:
        click.echo(fixing.summary(fixed, written=not only_diff), err=True)
    if checker.problems or report.broken:
        return 2
    return (
        1 if any(r.fails for file in fixed for r in file.left) or (only_diff and any(f.changed for f in fixed)) else 0
    )


def _pair(pair: str) -> tuple[str, str]:
    kind, _, path = pair.partition("=")
    if kind not in _FORMATS or not path:
        raise click.UsageError(f"--report is '{pair}', expected FORMAT=FILE with a FORMAT of {', '.join(_FORMATS)}")
    return kind, path


def _coloured(colour: str, out: str | None) -> bool:
    """Is the report coloured? NO_COLOR and FORCE_COLOR speak where the option does not."""
    if colour != "auto":
        return colour == "always"
    if out is not None or os.environ.get("NO_COLOR"):
        return False
    return bool(os.environ.get("FORCE_COLOR")) or (sys.stdout.isatty() and os.environ.get("TERM") != "dumb")


def _rendered(report: Report, kind: str, view: View, statistics: bool) -> str:
    if kind == "text" and not report.results:
        return ""
    from linter import outputs
    from linter.reports import dump

    if not statistics:
        return outputs.render(report, kind, view)
    return dump(outputs.statistics(report), indent=2) if kind == "json" else outputs.statistics_text(report)


def _write(text: str, kind: str, path: str | None, coloured: bool) -> None:
    if path is not None:
        Path(path).write_text(text + "\n" if text else "", encoding="utf-8")
    elif text or kind not in (*_SCREEN, "github", "jsonl"):
        click.echo(text, color=coloured)


def _shrink(checker: Checker, prune: bool, keep: bool) -> None:
    """Take out of the baselines what is gone; on CI only when asked to, for there nobody commits the file."""
    for baseline in checker.complete():
        gone = baseline.vanished()
        if not gone or keep:
            continue
        if os.environ.get("CI") and not prune:
            click.echo(f"基线可以少 {gone} 处：{baseline.path.name}（--prune-baseline）", err=True)
            continue
        baseline.shrunk().write()
        click.echo(f"基线少了 {gone} 处：{baseline.path.name}", err=True)


def _say(checker: Checker, report: Report, quiet: bool) -> None:
    from linter.results import summary

    for line in dict.fromkeys((*report.troubles, *checker.problems)):
        click.echo(f"kefulint: {line}", err=True)
    for line in (*report.doubts, *report.notes):
        click.echo(f"kefulint: warning: {line}", err=True)
    if not quiet:
        click.echo(summary(report), err=True)


def _status(checker: Checker, report: Report) -> int:
    if checker.problems or report.broken:
        return 2
    strict = any(file.settings.get("strict-suppressions") for file in checker.files)
    return 1 if report.failed or (strict and report.notes) else 0
