"""Options that several commands share, and what they stand for: linters, readers, days, files."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from linter.model import PLATFORMS, Finding, KefulintError

if TYPE_CHECKING:
    from linter.config import Value
    from linter.engine import Linter
    from linter.lexicon import Lexicon
    from linter.sources import Options

_FAIL_ON = ("error", "warning", "info", "never")
_READABLE = (
    "text", "markdown", "csv", "tsv", "xlsx", "json", "jsonc", "jsonl", "yaml", "po", "jinja", "parquet", "arrow", "transcript",
)  # fmt: skip


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
        "input": _both(
            click.option(
                "--role", "roles", multiple=True, metavar="NAME=ROLE",
                help="Whose name NAME is: agent, buyer or system, repeatable; '*' is every row that says nothing.",
            ),
            click.option("--strict-input", is_flag=True, help="What is guessed about a file is an error: exit status 2."),
            click.option(
                "--allow-broken", is_flag=True, help="Files and rows that could not be judged do not make the exit status 2."
            ),
        ),
        "configuration": _both(
            click.option("--config", type=click.Path(exists=True, dir_okay=False), help="This configuration for every file."),
            click.option("--no-config", is_flag=True, help="No configuration and no side file at all."),
        ),
        "baseline": _both(
            click.option("--baseline", type=click.Path(dir_okay=False), help="File of the findings that are known already."),
            click.option("--no-baseline", is_flag=True, help="Treat known findings like new ones."),
            click.option("--no-update-baseline", "keep_baseline", is_flag=True, help="Do not shrink the baseline."),
            click.option("--prune-baseline", "prune", is_flag=True, help="Shrink the baseline, on CI too."),
        ),
        "fixes": _both(
            click.option("--fix", is_flag=True, help="Put the wordings right that have one reviewed, safe replacement."),
            click.option("--unsafe-fixes", "unsafe", is_flag=True, help="Make the other fixes too: look at them afterwards."),
            click.option("--diff", "only_diff", is_flag=True, help="Show what --fix would change and write nothing."),
        ),
        "contacts": click.option("--show-contacts", is_flag=True, help="Do not mask phone numbers and ids."),
        "drafts": click.option("--drafts", is_flag=True, help="Run rules that are still drafts too."),
    }  # fmt: skip

    def decorate(command: Callable[..., None]) -> Callable[..., None]:
        for name in reversed(names):
            command = known[name](command)
        return command

    return decorate


def _both(*several: Callable[..., Any]) -> Callable[..., Any]:
    """Join options that always come together."""

    def decorate(command: Callable[..., Any]) -> Callable[..., Any]:
        for one in reversed(several):
            command = one(command)
        return command

    return decorate


_SETTINGS = {  # parameter -> (key of the configuration, option)
    "platforms": ("platforms", "--platform"),
    "lexicons": ("lexicons", "--lexicon"),
    "channel": ("channel", "--channel"),
    "fail_on": ("fail-on", "--fail-on"),
    "read_as": ("read-as", "--read-as"),
    "encoding": ("encoding", "--encoding"),
    "columns": ("columns", "--column"),
    "baseline": ("baseline", "--baseline"),
    "strict": ("strict-suppressions", "--strict-suppressions"),
    "roles": ("roles", "--role"),
    "strict_input": ("strict-input", "--strict-input"),
    "allow_broken": ("allow-broken", "--allow-broken"),
}


def given_settings(parameters: dict[str, Any]) -> dict[str, Value]:
    """Return the settings that the command line gives, which win over the configuration."""
    from linter.config import Value

    found = {}
    for name, value in parameters.items():
        key, option = _SETTINGS[name]
        if value:
            found[key] = Value(value, option)
    if "encoding" in found:
        _checked_encoding(found["encoding"].value)
    if "columns" in found:
        from linter.sources import parse_columns

        columns = parse_columns(found["columns"].value)
        found["columns"] = Value({name: Value(column, "--column") for name, column in columns.items()}, "--column")
    if "roles" in found:
        from linter.columns import parse_roles

        roles = parse_roles(found["roles"].value)
        found["roles"] = Value({name: Value(role, "--role") for name, role in roles.items()}, "--role")
    return found


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
    from linter.sources import Options, parse_columns

    if encoding is not None:
        _checked_encoding(encoding)
    return Options(read_as, encoding, channel, platform, parse_columns(columns), need_text)


def _checked_encoding(name: str) -> None:
    import codecs

    try:
        codecs.lookup(name)
    except LookupError:
        raise click.UsageError(f"unknown encoding '{name}', expected a name such as utf-8 or gb18030") from None


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
