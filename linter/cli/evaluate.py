"""`kefulint eval`: precision and recall on labelled cases."""

from __future__ import annotations

from pathlib import Path

import click

from linter import evaluate, reports
from linter.cli.options import known, lexicon_of, options


@click.command("eval", short_help="Score labelled CASES: precision and recall.")
@click.argument("cases", nargs=-1, required=True, type=click.Path(exists=True))
@click.option("-f", "--format", "kind", type=click.Choice(("text", "json")), default="text", show_default=True)
@click.option("-v", "--verbose", is_flag=True, help="List every disagreement.")
@click.option("--by-writer", is_flag=True, help="One row a writer instead of rules and tags.")
@click.option(
    "--reader", type=click.Path(exists=True, dir_okay=False), help="Weights of a reader that decides, on trial."
)
@options("lexicon", "rule")
def eval_(cases: tuple[str, ...], kind: str, verbose: bool, by_writer: bool, reader: str | None,
          lexicons: tuple[str, ...], rules: tuple[str, ...]) -> None:  # fmt: skip
    """Score labelled CASES: precision and recall, by rule and by tag. JSON lines, a judged sheet, or writers' files."""
    lexicon = lexicon_of(lexicons)
    for name in rules:
        known(lexicon, name)
    read = list(evaluate.all_cases([Path(path) for path in cases], lexicon))
    if by_writer:
        scores = evaluate.by_writer(read, lexicon, rules, reader)
        shown = {writer: score.as_dict() for writer, score in scores.items()}
        click.echo(reports.dump(shown, indent=2) if kind == "json" else evaluate.render_writers(scores))
        return
    score = evaluate.evaluate(read, lexicon, rules, reader)
    click.echo(reports.dump(score.as_dict(), indent=2) if kind == "json" else
               evaluate.render(score, "all" if verbose else ""))  # fmt: skip
