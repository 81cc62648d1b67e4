"""`kefulint ledger`: balances, nodes, what the next offence would cost."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click

from linter.cli.options import day_of, lexicon_of, options

if TYPE_CHECKING:
    pass


@click.command(short_help="Add up findings to balances, nodes and what comes next.")
@click.argument("paths", nargs=-1, required=True, type=click.Path(exists=True, dir_okay=False))
@click.option(
    "--decisions",
    type=click.Path(exists=True, dir_okay=False),
    help="The judged findings.xlsx, or JSON lines or CSV: id, decision (confirmed, rejected, appealed).",
)
@click.option("--warnings", is_flag=True, help="Count warnings too, not only errors.")
@click.option(
    "-f",
    "--format",
    "kind",
    type=click.Choice(("text", "json", "csv", "xlsx", "svg")),
    default="text",
    show_default=True,
)
@click.option("-o", "--out", type=click.Path(dir_okay=False), help="File to write; needed for xlsx.")
@options("lexicon", "as-of")
def ledger(paths: tuple[str, ...], decisions: str | None, warnings: bool, kind: str, out: str | None,
           lexicons: tuple[str, ...], as_of: str | None) -> None:  # fmt: skip
    """Add up findings (findings.jsonl of an audit) to balances, nodes and what the next offence would cost."""
    from linter import ledger as books
    from linter import statement

    lexicon = lexicon_of(lexicons)
    verdicts = ("error", "warning") if warnings else ("error",)
    offences = [o for path in paths for o in books.read_offences(Path(path), verdicts)]
    decided = books.read_decisions(Path(decisions)) if decisions else None
    risk = books.at_stake(offences, lexicon.rulebooks, decided, day_of(as_of))
    fallen = books.charged(offences, lexicon.rulebooks, decided, day_of(as_of)) if decided is not None else None
    if kind == "xlsx":
        if out is None:
            raise click.UsageError("--format xlsx needs --out FILE.xlsx")
        statement.write_xlsx(Path(out), risk, fallen)
        return
    shown = statement.render(risk, fallen, lexicon.rulebooks, kind)
    if out is None:
        click.echo(shown)
    else:
        Path(out).write_text(shown + "\n", encoding="utf-8")
