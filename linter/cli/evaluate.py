"""`kefulint eval`: precision and recall on labelled cases."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click

from linter.cli.options import known, lexicon_of, options

if TYPE_CHECKING:
    pass


@click.command("eval", short_help="Score labelled CASES: precision and recall.")
@click.argument("cases", nargs=-1, required=True, type=click.Path(exists=True, dir_okay=False))
@click.option("-f", "--format", "kind", type=click.Choice(("text", "json")), default="text", show_default=True)
@click.option("-v", "--verbose", is_flag=True, help="List every disagreement.")
@options("lexicon", "rule")
def eval_(cases: tuple[str, ...], kind: str, verbose: bool, lexicons: tuple[str, ...], rules: tuple[str, ...]) -> None:
    """Score labelled CASES: precision and recall, by rule and by tag."""
    from linter import evaluate, reports

    lexicon = lexicon_of(lexicons)
    for name in rules:
        known(lexicon, name)
    read = [case for path in cases for case in evaluate.read_cases(Path(path))]
    score = evaluate.evaluate(read, lexicon, rules)
    click.echo(reports.dump(score.as_dict(), indent=2) if kind == "json" else
               evaluate.render(score, "all" if verbose else ""))  # fmt: skip
