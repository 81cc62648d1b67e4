"""`kefulint audit`: chat logs of any size, judged and summed up."""

from __future__ import annotations

import sys
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from linter.cli.options import day_of, fails, files, lexicon_of, options, reading

if TYPE_CHECKING:
    pass


@click.command()
@click.argument("paths", nargs=-1, required=True)
@click.option(
    "--out", type=click.Path(file_okay=False), default="kefulint-audit", show_default=True, help="Folder for reports."
)
@click.option("--no-measures", is_flag=True, help="Leave out reply-time measures.")
@click.option(
    "--compare",
    "earlier",
    type=click.Path(exists=True),
    help="Folder of an earlier audit: what got better or worse since.",
)
@options("platform", "lexicon", "rule", "as-of", "fail-on", "reading", "encoding", "column", "contacts", "drafts")
def audit(paths: tuple[str, ...], out: str, no_measures: bool, earlier: str | None, platforms: tuple[str, ...], lexicons: tuple[str, ...],
          rules: tuple[str, ...], as_of: str | None, fail_on: str, read_as: str | None, encoding: str | None,
          columns: tuple[str, ...], show_contacts: bool, drafts: bool) -> None:  # fmt: skip
    """Judge chat logs (JSON lines, CSV) of any size and sum up by rule, agent, shop and platform.

    Writes findings.jsonl, findings.csv, summary.json, summary.txt and report.html to --out. A row's own platform wins over --platform.
    """
    from linter import audit as auditing
    from linter import compare, reporting, service
    from linter import summary as summing
    from linter.engine import Linter

    lexicon = lexicon_of(lexicons)
    before = compare.read_earlier(Path(earlier)) if earlier else None  # first: it may stand in --out
    day = day_of(as_of)
    linters = auditing.Linters(
        lambda name: Linter(name, lexicon=lexicon, rules=rules, as_of=day, drafts=drafts), (platforms or ("taobao",))[0]
    )
    summary = summing.Summary(shown=show_contacts, as_of=day)
    clocks = service.Clocks()
    options = reading(read_as, encoding, columns, need_text=True)
    folder = Path(out)
    worst = False
    with _progress(summary) as advance:
        found = auditing.judged(files(paths), options, linters, summary, clocks)
        for finding in auditing.write(found, folder, shown=show_contacts):
            worst = worst or fails([finding], fail_on)
            advance()
    measured = [] if no_measures else list(service.measure(clocks.finish(), lexicon.rulebooks.measures.values()))
    text = reporting.finish_reports(folder, summary, lexicon, measured, shown=show_contacts, earlier=before)
    click.echo(text)
    click.echo(
        f"\n报告：{folder}/findings.jsonl  {folder}/findings.csv  {folder}/summary.json  {folder}/summary.txt  {folder}/report.html"
    )
    if not summary.messages and not summary.buyers:
        click.echo(f"kefulint: {paths[0]}:1: nothing could be judged, expected rows with a text and a role", err=True)
        sys.exit(2)
    sys.exit(1 if worst else 0)


class _progress:
    """Shows a running count on a terminal, once a second; nothing elsewhere."""

    def __init__(self, summary: Any) -> None:
        self.summary = summary
        self.shown = sys.stderr.isatty()
        self.last = 0.0

    def __enter__(self) -> Callable[[], None]:
        return self.advance

    def advance(self) -> None:
        if self.shown and self.summary.seconds - self.last > 1:
            self.last = self.summary.seconds
            click.echo(
                f"\r{self.summary.messages:,} 条，{sum(self.summary.verdicts.values()):,} 处", nl=False, err=True
            )

    def __exit__(self, *_: object) -> None:
        if self.shown and self.last:
            click.echo("\r" + " " * 60 + "\r", nl=False, err=True)
