"""`kefulint check`: files of replies, or standard input, judged."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterable, Iterator
from typing import TYPE_CHECKING, Any

import click

from linter.cli.options import fails, files, linter_of, options, reading
from linter.model import CHANNELS, Finding, Message

if TYPE_CHECKING:
    from linter.engine import Linter
    from linter.sources import Options, Trouble

_REPORTS = ("text", "json", "jsonl", "csv", "github", "junit", "sarif")


@click.command()
@click.argument("paths", nargs=-1)
@click.option("-t", "--text", "texts", multiple=True, help="Judge this text instead of files, repeatable.")
@click.option("--buyer", "said", multiple=True, help="What the buyer said before --text, repeatable.")
@click.option("--channel", type=click.Choice(CHANNELS), default="chat", show_default=True, help="What the texts are.")
@click.option("-f", "--format", "kind", type=click.Choice(_REPORTS), default="text", show_default=True, help="Report.")
@click.option("-q", "--quiet", is_flag=True, help="No count at the end.")
@options("platform", "lexicon", "rule", "as-of", "fail-on", "reading", "encoding", "column", "contacts", "drafts")
def check(paths: tuple[str, ...], texts: tuple[str, ...], said: tuple[str, ...], channel: str, kind: str, quiet: bool,
          platforms: tuple[str, ...], lexicons: tuple[str, ...], rules: tuple[str, ...], as_of: str | None, fail_on: str,
          read_as: str | None, encoding: str | None, columns: tuple[str, ...], show_contacts: bool, drafts: bool) -> None:  # fmt: skip
    """Judge files of replies, or standard input (-).

    Reads text (a message a line), Markdown, CSV, JSON, JSON lines and YAML; folders are searched for these.
    """
    from linter import reports

    if not paths and not texts:
        if sys.stdin.isatty():
            raise click.UsageError("nothing to judge, expected files, - or --text")
        paths = ("-",)
    linter = linter_of(platforms, lexicons, rules, as_of, drafts)
    options = reading(read_as, encoding, columns, channel)
    other = (lambda name: linter_of((name,), lexicons, rules, as_of, drafts)) if not platforms else None
    checker = _Checker(linter, options, other)
    found = [*checker.texts(texts, said, channel), *checker.files(files(paths))]
    found = [(finding, text) for finding, text in found if kind != "text" or finding.verdict != "none"]
    if found or kind not in ("text", "github"):
        click.echo(reports.render(found, kind, colour=sys.stdout.isatty(), shown=show_contacts or bool(texts)))
    for trouble in checker.troubles:
        click.echo(f"kefulint: {trouble}", err=True)
    if not quiet:
        click.echo(_count(checker, [finding for finding, _ in found]), err=True)
    if checker.troubles and not checker.messages:
        sys.exit(2)
    sys.exit(1 if fails((finding for finding, _ in found), fail_on) else 0)


class _Checker:
    """Judges items one by one and keeps the troubles and the count. `other` makes the linter for a row's own platform."""

    def __init__(self, linter: Linter, options: Options, other: Callable[[str], Linter] | None) -> None:
        self.linter = linter
        self.options = options
        self.other = other
        self.others: dict[str, Linter] = {}
        self.troubles: list[Trouble] = []
        self.messages = 0

    def texts(self, texts: tuple[str, ...], said: tuple[str, ...], channel: str) -> Iterator[tuple[Finding, str]]:
        from linter.model import Turn

        context = [Turn("buyer", text) for text in said]
        for text in texts:
            self.messages += 1
            yield from ((f, text) for f in self.linter.check(text, channel, context))

    def of(self, platform: str | None) -> Linter:
        if platform is None or self.other is None:
            return self.linter
        if platform not in self.others:
            self.others[platform] = self.other(platform)
        return self.others[platform]

    def files(self, paths: Iterable[str]) -> Iterator[tuple[Finding, str]]:
        from dataclasses import replace

        from linter.sources import Trouble, read

        records = []
        for path in paths:
            for item in read(path, self.options):
                if isinstance(item, Trouble):
                    self.troubles.append(item)
                    continue
                self.messages += 1
                if isinstance(item, Message):
                    yield from ((finding, item.text) for finding in self.of(item.origin.platform).check_message(item))
                    continue
                records.append(item)
                for finding in self.of(item.origin.platform).check_listing(item.record):
                    yield replace(finding, origin=item.origin), str(item.record.get(finding.field or "title", ""))
        yield from self._sets(records)

    def _sets(self, records: list[Any]) -> Iterator[tuple[Finding, str]]:
        from dataclasses import replace

        if len(records) < 2 or not any(self.linter.lexicon.rules[r].needs == "set" for r in self.linter.rules):
            return
        places = {str(item.record.get("id")): item.origin for item in records}
        for finding in self.linter.check_listings(item.record for item in records):
            origin = places.get(finding.ids[0]) if finding.ids else None
            yield (replace(finding, origin=origin) if origin else finding), finding.text


def _count(checker: _Checker, findings: list[Finding]) -> str:
    from linter.reports import VERDICT_NAMES

    counts = "，".join(
        f"{VERDICT_NAMES[v]} {sum(f.verdict == v for f in findings)}" for v in ("error", "warning", "info")
    )
    bad = f"；{len(checker.troubles)} 处没能判" if checker.troubles else ""
    return f"检查了 {checker.messages} 条：{counts}{bad}"
