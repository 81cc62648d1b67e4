"""Options that several commands share, and what they stand for: linters, readers, days, files."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from linter.model import PLATFORMS, Finding, KefulintError

if TYPE_CHECKING:
    from linter.engine import Linter
    from linter.lexicon import Lexicon
    from linter.sources import Options

_FAIL_ON = ("error", "warning", "info", "never")
_READABLE = ("text", "markdown", "csv", "tsv", "xlsx", "json", "jsonl", "yaml", "parquet", "arrow", "transcript")


def options(*names: str) -> Callable[[Callable[..., None]], Callable[..., None]]:
    known: dict[str, Any] = {
        "platform": click.option(
            "-p", "--platform", "platforms", multiple=True, type=click.Choice(PLATFORMS), metavar="NAME",
            help=f"Platform to judge on, repeatable: {', '.join(PLATFORMS)}. Default: taobao.",
        ),
        "lexicon": click.option(
            "-l", "--lexicon", "lexicons", multiple=True, type=click.Path(exists=True, file_okay=False),
            help="Folder with a shop's own concepts, rules and rulebooks, repeatable.",
        ),
        "rule": click.option("-r", "--rule", "rules", multiple=True, metavar="ID", help="Only this rule, repeatable."),
        "as-of": click.option("--as-of", metavar="DATE", help="Price by the figures of this day (2023-01-31)."),
        "fail-on": click.option(
            "--fail-on", type=click.Choice(_FAIL_ON), default="error", show_default=True,
            help="Least verdict that makes the exit status 1.",
        ),
        "reading": click.option(
            "--read-as", type=click.Choice(_READABLE), help="Format of the input; default: by the file's suffix."
        ),
        "encoding": click.option("--encoding", help="Encoding of the input; default: UTF-8 or GB18030, detected."),
        "column": click.option(
            "--column", "columns", multiple=True, metavar="FIELD=NAME",
            help="What a column is called, e.g. text=内容. Fields: text, role, session, time, agent, "
            "shop, platform, id; of listings title, detail, category, brand, price, freight, free_shipping.",
        ),
        "contacts": click.option("--show-contacts", is_flag=True, help="Do not mask phone numbers and ids."),
        "drafts": click.option("--drafts", is_flag=True, help="Run rules that are still drafts too."),
    }  # fmt: skip

    def decorate(command: Callable[..., None]) -> Callable[..., None]:
        for name in reversed(names):
            command = known[name](command)
        return command

    return decorate


def linter_of(
    platforms: tuple[str, ...], lexicons: tuple[str, ...], rules: tuple[str, ...] = (), as_of: str | None = None,
    drafts: bool = False,
) -> Linter:  # fmt: skip
    from linter.engine import Linter

    return Linter(platforms or "taobao", lexicons, rules=rules, as_of=day_of(as_of), drafts=drafts)


def day_of(text: str | None) -> str | None:
    if text is None:
        return None
    from datetime import date

    try:
        return date.fromisoformat(text).isoformat()
    except ValueError:
        raise click.UsageError(f"--as-of is '{text}', expected a date such as 2023-01-31") from None


def reading(
    read_as: str | None, encoding: str | None, columns: tuple[str, ...], channel: str = "chat", platform: str | None = None,
    need_text: bool = False,
) -> Options:  # fmt: skip
    import codecs

    from linter.sources import Options, parse_columns

    if encoding is not None:
        try:
            codecs.lookup(encoding)
        except LookupError:
            raise click.UsageError(f"unknown encoding '{encoding}', expected a name such as utf-8 or gb18030") from None
    return Options(read_as, encoding, channel, platform, parse_columns(columns), need_text)


def lexicon_of(lexicons: tuple[str, ...]) -> Lexicon:
    from linter.lexicon import load_lexicon

    return load_lexicon(lexicons)


def fails(findings: Iterable[Finding], fail_on: str) -> bool:
    from linter.model import VERDICTS

    if fail_on == "never":
        return False
    return any(VERDICTS.index(finding.verdict) >= VERDICTS.index(fail_on) for finding in findings)


def files(paths: tuple[str, ...]) -> Iterator[str]:
    """Yield the files named, and of folders every file of a format we read."""
    from linter.sources import SUFFIXES

    for path in paths:
        if path != "-" and Path(path).is_dir():
            inside = sorted(p for p in Path(path).rglob("*") if p.is_file() and p.suffix.lower() in SUFFIXES)
            yield from (
                str(p) for p in inside if not any(part.startswith(".") for part in p.parts[:-1] if part != "..")
            )
        else:
            yield path


def known(lexicon: Lexicon, rule: str) -> Any:
    if rule not in lexicon.rules:
        raise KefulintError(f"unknown rule '{rule}', expected one of {', '.join(sorted(lexicon.rules))}")
    return lexicon.rules[rule]
