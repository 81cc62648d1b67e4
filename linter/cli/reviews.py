"""`kefulint reviews`: what the reviews on record teach, without the server."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from linter.model import KefulintError

if TYPE_CHECKING:
    from linter.store import Store

_DATABASE = click.option("--database", default="", metavar="URL", help="As of serve; default: SQLite of your own.")


@click.group(short_help="Read the reviews on record: cases, precision, proposals.")
def reviews() -> None:
    """Read the reviews on record: cases for eval, precision by rule, proposals for rule files."""


@reviews.command(short_help="Print reviewed messages as cases for eval.")
@_DATABASE
def cases(database: str) -> None:
    """Print reviewed messages as cases for `kefulint eval`, one JSON line each."""
    from linter.reports import dump

    for case in _store(database).cases():
        click.echo(dump(case))


@reviews.command(short_help="Print how often reviewers confirmed each rule.")
@_DATABASE
def precision(database: str) -> None:
    """Print how often reviewers confirmed each rule, with the 95 % interval."""
    from linter.reports import table
    from linter.store import queries

    rows = [
        [row["rule"], *(str(row[name]) for name in ("confirmed", "rejected", "appealed", "open")),
         *("-" if row[name] is None else f"{row[name]:.3f}" for name in ("precision", "low", "high"))]
        for row in _store(database).read(queries.precision)
    ]  # fmt: skip
    click.echo(
        table(("rule", "confirmed", "rejected", "appealed", "open", "precision", "low", "high"), rows, range(1, 8))
    )


@reviews.command(short_help="Print rejected wordings for the rules' `passes`.")
@_DATABASE
def proposals(database: str) -> None:
    """Print rejected wordings as YAML for the rules' `passes`; a reader decides which to take."""
    from linter.store import queries

    for one in _store(database).read(queries.proposals):
        other = f", confirmed {one['confirmed']} times" if one["confirmed"] else ""
        click.echo(f"# {one['rule']}: rejected {one['rejected']} times{other}\n{one['passes']}")


def _store(database: str) -> Store:
    try:
        from linter.store import Store
    except ImportError as error:
        raise KefulintError(f"'{error.name}' is not installed, expected: pip install 'kefulint[server]'") from None
    return Store(database, upgrade=False)
