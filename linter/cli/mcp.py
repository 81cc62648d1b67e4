"""`kefulint mcp`: the tools for language-model agents, over standard input and output or HTTP on this machine."""

from __future__ import annotations

import click

from linter.cli.options import options
from linter.model import KefulintError


@click.command(short_help="Serve the checks to language models, by MCP.")
@click.option("--http", "port", type=click.IntRange(1, 65535), metavar="PORT",
              help="Serve streamable HTTP on 127.0.0.1:PORT/mcp instead of standard input and output.")  # fmt: skip
@options("platform", "lexicon")
def mcp(port: int | None, platforms: tuple[str, ...], lexicons: tuple[str, ...]) -> None:
    """Serve check, rewrite, explain and list_rules to agents by the Model Context Protocol."""
    try:
        from linter.mcp import server
    except ModuleNotFoundError as error:
        raise KefulintError(f"no module '{error.name}', expected `pip install 'kefulint[mcp]'`") from None
    from linter.cli import settle

    made = server(platforms or ("taobao",), lexicons)
    settle()
    if port is None:
        made.run("stdio")
    else:  # one machine, no tokens: it binds to the loopback only, and the SDK refuses foreign hosts and origins
        made.run("streamable-http", host="127.0.0.1", port=port, stateless_http=True, json_response=True)
