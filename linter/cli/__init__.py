"""The command `kefulint`: options in, the other modules' answers out. No rule logic lives here.

Exit status: 0 clean, 1 findings at `--fail-on` or above, 2 wrong usage or data that could not be judged at all. A
command's module is imported when the command is asked for, and the engine inside the commands: starting is cheap.
"""

from __future__ import annotations

import gc
import importlib
import os
import sys
from typing import Any, NoReturn

import click

from linter import __version__
from linter.model import KefulintError

COMMANDS = {  # command -> module:function
    "check": "check:check",
    "audit": "audit:audit",
    "explain": "explain:explain",
    "rules": "rules:rules",
    "eval": "evaluate:eval_",
    "ledger": "ledger:ledger",
    "config": "config:config",
    "baseline": "baseline:baseline",
    "serve": "serve:serve",
    "reviews": "reviews:reviews",
    "lsp": "lsp:lsp",
    "mcp": "mcp:mcp",
}


_HUNG_UP = 141  # 128 and SIGPIPE: what a shell shows of a program that wrote to a closed pipe


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
        except BrokenPipeError:
            _hang_up()


def _hang_up() -> NoReturn:
    """End as programs do whose reader has gone: without a word, and not with the status of findings.

    What is still to be written goes nowhere, or Python would complain of it at the very end.
    """
    nowhere = os.open(os.devnull, os.O_WRONLY)
    for stream in (sys.stdout, sys.stderr):
        os.dup2(nowhere, stream.fileno())
    os._exit(_HUNG_UP)


def _open_standard_streams() -> None:
    """Give a process that was started with closed streams ones that hold and take nothing.

    Without them the next file that is opened would get their numbers, and be read or written in their place.
    """
    for number, name in enumerate(("stdin", "stdout", "stderr")):
        if getattr(sys, name) is not None:
            continue
        handle = os.open(os.devnull, os.O_RDWR)
        if handle != number:
            os.dup2(handle, number)
            os.close(handle)
        if number:  # nothing can be read from a closed input: who asks for it is told
            setattr(sys, name, os.fdopen(number, "w", encoding="utf-8"))


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
    _open_standard_streams()
    try:
        main()
    except SystemExit as stop:
        code = stop.code if isinstance(stop.code, int) else int(stop.code is not None)
        if isinstance(stop.code, str):
            sys.stderr.write(stop.code + "\n")
        try:
            sys.stdout.flush()
            sys.stderr.flush()
        except BrokenPipeError:
            _hang_up()
        if "multiprocessing.resource_tracker" in sys.modules:
            raise  # what was shared with other processes is given back at an ordinary end
        os._exit(code)


def settle() -> None:
    """Collect cycles again, but not among what was loaded: for commands that go on for long."""
    gc.enable()
    gc.freeze()
