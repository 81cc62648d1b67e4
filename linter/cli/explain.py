"""`kefulint explain`: a rule's clauses, or why a text is or is not a finding."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from linter.cli.options import linter_of, options
from linter.model import CHANNELS, PLATFORMS, KefulintError, Message

if TYPE_CHECKING:
    pass


@click.command(short_help="Explain a RULE, or what is found in a --text and why.")
@click.argument("rule", required=False)
@click.option("-t", "--text", help="Explain what is found in this text, on every platform side by side.")
@click.option("--buyer", "said", multiple=True, help="What the buyer said before, repeatable.")
@click.option("--channel", type=click.Choice(CHANNELS), default="chat", show_default=True, help="What the text is.")
@click.option("-f", "--format", "kind", type=click.Choice(("text", "json")), default="text", show_default=True)
@options("platform", "lexicon", "as-of", "drafts")
def explain(rule: str | None, text: str | None, said: tuple[str, ...], channel: str, kind: str,
            platforms: tuple[str, ...], lexicons: tuple[str, ...], as_of: str | None, drafts: bool) -> None:  # fmt: skip
    """Explain a RULE (its clauses on every platform), or a --text (findings, and what was let go and why)."""
    from linter import explaining

    if (rule is None) == (text is None):
        raise click.UsageError("expected a RULE or --text")
    linter = linter_of(platforms or PLATFORMS, lexicons, (), as_of, drafts)
    if rule is not None:
        if rule not in linter.lexicon.rules:
            known = ", ".join(sorted(linter.lexicon.rules))
            raise KefulintError(f"unknown rule '{rule}', expected one of {known}")
        click.echo(explaining.rule(linter, rule, kind))
        return
    from linter.model import Turn

    message = Message(text or "", channel, [Turn("buyer", words) for words in said])
    click.echo(explaining.text(linter, message, kind))
