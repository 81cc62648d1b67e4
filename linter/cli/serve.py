"""`kefulint serve`: the HTTP API, the pages and the tokens for them."""

from __future__ import annotations

from pathlib import Path

import click

from linter.cli.options import options
from linter.model import KefulintError

_ROLES = ("agent", "supervisor", "admin")


@click.group(invoke_without_command=True)
@click.option(
    "--host", default="127.0.0.1", show_default=True, help="Address to listen on; others than loopback need --tokens."
)
@click.option(
    "--port", type=click.IntRange(0, 65535), default=8717, show_default=True, help="0: any free port, printed."
)
@click.option(
    "--tokens",
    type=click.Path(exists=True, dir_okay=False, path_type=Path),
    help="File of names, roles and token hashes.",
)
@click.option("--cors", "origins", multiple=True, metavar="ORIGIN", help="Origin whose pages may ask, repeatable.")
@click.option(
    "--database", default="", metavar="URL", help="SQLAlchemy URL; default: SQLite in the private cache folder."
)
@click.option("--keep-text", is_flag=True, help="Store messages as they are; default: contacts masked.")
@click.option("--watch", is_flag=True, help="Reload when a file of the lexicons changes.")
@options("platform", "lexicon")
@click.pass_context
def serve(ctx: click.Context, host: str, port: int, tokens: Path | None, origins: tuple[str, ...], database: str, keep_text: bool,
          watch: bool, platforms: tuple[str, ...], lexicons: tuple[str, ...]) -> None:  # fmt: skip
    """Serve checks over HTTP and WebSocket, a workbench page, and the record of decisions.

    Without --tokens only this machine is served.
    """
    if ctx.invoked_subcommand:
        return
    try:
        from linter.server.running import serve as run
        from linter.server.settings import Settings
    except ImportError as error:
        raise KefulintError(f"the server needs '{error.name}', expected: pip install 'kefulint[server]'") from None
    run(Settings(
        host=host, port=port, platforms=platforms or ("taobao",), lexicons=lexicons, tokens=tokens, origins=origins,
        database=database, keep_text=keep_text, watch=watch,
    ))  # fmt: skip


@serve.command()
@click.argument("name")
@click.option("--role", type=click.Choice(_ROLES), default="agent", show_default=True, help="What its holder may do.")
def token(name: str, role: str) -> None:
    """Make a token for NAME: it is shown once; its line goes into the file of --tokens."""
    import json

    from linter.server.access import new_token

    made, line = new_token(name, role)
    click.echo(f"token, shown only now:  {made}", err=True)
    click.echo("- " + json.dumps({"name": line.name, "role": line.role, "sha256": line.sha256}, ensure_ascii=False))
