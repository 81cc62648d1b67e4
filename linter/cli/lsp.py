"""`kefulint lsp`: the language server for editors, over standard input and output."""

from __future__ import annotations

import os
import sys

import click

from linter.cli.options import given_settings, options
from linter.model import KefulintError


@click.command(short_help="Check files of replies in an editor, by LSP.")
@click.option(
    "--config",
    type=click.Path(exists=True, dir_okay=False),
    help="Configuration for all files, instead of the nearest.",
)
@click.option(
    "--pause",
    type=click.FloatRange(0, 10),
    default=0.25,
    show_default=True,
    help="Seconds without typing before a check.",
)
@click.option("--stdio", is_flag=True, help="Accepted, for editors that pass it; there is no other way.")
@options("platform", "lexicon")
def lsp(config: str | None, pause: float, stdio: bool, **settings: object) -> None:
    """Check files of replies in an editor, by the Language Server Protocol."""
    try:
        from linter.lsp.checked import Desk
        from linter.lsp.server import server
    except ModuleNotFoundError as error:
        raise KefulintError(f"no module '{error.name}', expected `pip install 'kefulint[lsp]'`") from None
    from linter.checking import Given
    from linter.cli import settle

    settle()
    own = os.fdopen(os.dup(sys.stdout.fileno()), "wb")  # the library closes what it writes to
    server(Desk(config, Given(given_settings(settings))), pause).start_io(stdout=own)
