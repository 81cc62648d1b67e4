"""`kefulint serve`: the HTTP API, the pages and the tokens for them."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import click

from linter.cli.options import options
from linter.model import KefulintError

_ROLES = ("agent", "supervisor", "admin")
_FILE = click.Path(exists=True, dir_okay=False, path_type=Path)


@click.group(invoke_without_command=True, short_help="Serve checks over HTTP, a workbench page and the record.")
@click.option("--host", default="127.0.0.1", show_default=True, help="Address; others than loopback need --tokens.")
@click.option(
    "--port", type=click.IntRange(0, 65535), default=8717, show_default=True, help="0: any free one, printed."
)
@click.option("--tokens", type=_FILE, help="File of names, roles and token hashes.")
@click.option("--cors", "origins", multiple=True, metavar="ORIGIN", help="Origin whose pages may ask, repeatable.")
@click.option(
    "--database", default="", metavar="URL", help="sqlite:///… or postgresql://…; default: SQLite of your own."
)
@click.option("--keep-text", is_flag=True, help="Store messages as they are; default: contacts masked.")
@click.option("--watch", is_flag=True, help="Reload when a file of the lexicons changes.")
@click.option("--body", type=click.IntRange(1024), default=1_048_576, show_default=True, help="Most bytes of a body.")
@click.option(
    "--timeout", type=click.FloatRange(0.05), default=10.0, show_default=True, help="Seconds a request may take."
)
@click.option("--running", type=click.IntRange(1), default=256, show_default=True, help="Most requests at a time.")
@click.option("--waiting", type=click.IntRange(0), default=16, show_default=True, help="Most long texts that wait.")
@click.option("--live", type=click.IntRange(0), default=1000, show_default=True, help="Most WebSockets.")
@click.option(
    "--rate", type=click.IntRange(0), default=0, show_default=True, help="Requests a second of one caller; 0: any."
)
@options("platform", "lexicon")
@click.pass_context
def serve(ctx: click.Context, /, platforms: tuple[str, ...], **given: Any) -> None:
    """Serve checks over HTTP and WebSocket, a workbench page, and the record of decisions.

    Without --tokens only this machine is served. SIGHUP reloads lexicons and tokens, SIGTERM stops when all is answered.
    """
    if ctx.invoked_subcommand:
        return
    with _needs("server"):
        from linter.server.running import serve as run
        from linter.server.settings import Settings
    run(Settings(platforms=platforms or ("taobao",), **given))


@contextmanager
def _needs(extra: str) -> Iterator[None]:
    try:
        yield
    except ImportError as error:
        raise KefulintError(f"'{error.name}' is not installed, expected: pip install 'kefulint[{extra}]'") from None


@serve.command(short_help="Make a token for NAME.")
@click.argument("name")
@click.option("--role", type=click.Choice(_ROLES), default="agent", show_default=True, help="What its holder may do.")
def token(name: str, role: str) -> None:
    """Make a token for NAME: it is shown once; its line goes into the file of --tokens."""
    import json

    from linter.server.access import new_token

    made, line = new_token(name, role)
    click.echo(f"token, shown only now:  {made}", err=True)
    click.echo("- " + json.dumps({"name": line.name, "role": line.role, "sha256": line.sha256}, ensure_ascii=False))


@serve.command(short_help="Show where the record is and its revision.")
@click.option("--database", default="", metavar="URL", help="As of serve.")
def database(database: str) -> None:
    """Show where the record is and how far it was upgraded; `serve` upgrades it at its start."""
    with _needs("server"):
        from linter.store.database import default_url, reachable, state
    engine = reachable(database or default_url())
    for name, value in state(engine).items():
        click.echo(f"{name:<10}{value or '-'}")
