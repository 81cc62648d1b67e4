"""The command `kefulint`: options in, the other modules' answers out. No rule logic lives here.

Exit status: 0 clean, 1 findings at `--fail-on` or above, 2 wrong usage, data that could not be judged at all, or results
that could not be written; 130 and 141 as of any program that was stopped or whose reader has gone. A command's module is
imported when the command is asked for, and the engine inside the commands: starting is cheap.
"""

from __future__ import annotations

import gc
import importlib
import os
import sys
from typing import Any, TextIO

import click

from linter import __version__
from linter.model import KefulintError

COMMANDS = {  # command -> module:function
    "check": "check:check",
    "audit": "audit:audit",
    "explain": "explain:explain",
    "rules": "rules:rules",
    "eval": "evaluate:eval_",
    "cases": "cases:cases",
    "ledger": "ledger:ledger",
    "config": "config:config",
    "baseline": "baseline:baseline",
    "serve": "serve:serve",
    "reviews": "reviews:reviews",
    "lsp": "lsp:lsp",
    "mcp": "mcp:mcp",
}


class _Group(click.Group):
    """Finds commands by name, and turns our errors into their lines on standard error and exit status 2."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        return list(COMMANDS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        if cmd_name not in COMMANDS:
            return None
        module, _, function = COMMANDS[cmd_name].partition(":")
        command = getattr(importlib.import_module(f"linter.cli.{module}"), function)
        assert isinstance(command, click.Command)
        return command

    def invoke(self, ctx: click.Context) -> Any:
        try:
            return super().invoke(ctx)
        except KefulintError as error:
            for problem in error.problems:
                click.echo(f"kefulint: {problem}", err=True)
            sys.exit(2)
        except KeyboardInterrupt:  # click's own status for it, 1, is ours for findings
            click.echo("\nkefulint: stopped", err=True)
            sys.exit(130)
        except OSError as error:
            sys.exit(_lost(error))


@click.group(cls=_Group, context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(__version__, prog_name="kefulint")
def main() -> None:
    """The linter for what online shops say to buyers.

    Finds wording in chat messages, canned replies and listings that breaks a platform's rules, and says which clause it
    breaks, what that costs and what to say instead.
    """
    for stream in (sys.stdout, sys.stderr):
        if hasattr(stream, "reconfigure"):
            stream.reconfigure(encoding="utf-8", errors="backslashreplace")


def run() -> None:
    """The installed command: `main`, without the costs of a long life.

    Collecting cycles while tables are loaded, and taking everything apart at the end, would be a quarter of a short run.
    """
    gc.disable()
    _open_streams()
    try:
        main()
    except SystemExit as stop:
        code = stop.code if isinstance(stop.code, int) else int(stop.code is not None)
        if isinstance(stop.code, str):
            sys.stderr.write(stop.code + "\n")
        code = _flushed(code)
        if "multiprocessing.resource_tracker" in sys.modules:
            sys.exit(code)  # what was shared with other processes is given back at an ordinary end
        os._exit(code)


def _open_streams() -> None:
    """Put something where a standard stream is closed, before a file of ours gets its number.

    What is written is lost, as whoever closed it wants; reading is an error, for nothing must pass unread.
    """
    for number, name in enumerate(("stdin", "stdout", "stderr")):
        if getattr(sys, name) is None:
            handle = os.open(os.devnull, os.O_WRONLY)
            setattr(sys, name, os.fdopen(handle, "w" if number else "r", encoding="utf-8", closefd=False))


def _lost(error: OSError) -> int:
    """Say in one line what could not be read or written; return the exit status."""
    if isinstance(error, BrokenPipeError):  # whoever read has seen enough
        return 141
    what = error.filename or "<standard streams>"
    click.echo(f"kefulint: {what}:1: {error.strerror or error}, expected a place to read or write", err=True)
    return 2


def _flushed(code: int) -> int:
    """Write what is still held back; return the exit status, another one where that fails."""
    return max(code, *map(_flush, (sys.stdout, sys.stderr)))


def _flush(stream: TextIO) -> int:
    try:
        stream.flush()
    except OSError as error:
        os.dup2(os.open(os.devnull, os.O_WRONLY), stream.fileno())  # nothing tries again
        return _lost(error)
    return 0


def settle() -> None:
    """Collect cycles again, but not among what was loaded: for commands that go on for long."""
    gc.enable()
    gc.freeze()
