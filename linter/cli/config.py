"""`kefulint config`: what holds for a file, and why; the schema of the configuration."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import click

from linter.cli.options import options

if TYPE_CHECKING:
    from linter.config import Config, Value

_DEFAULTS = {
    "platforms": "each row's own, or taobao", "select": "every rule", "channel": "chat", "fail-on": "error",
    "fields": "by the format", "read-as": "by the suffix", "encoding": "detected", "skip": "false",
    "strict-suppressions": "false",
}  # fmt: skip


@click.group()
def config() -> None:
    """Show the settings of a file and where they come from."""


@config.command("show", short_help="Show what holds for a file, and where it is said.")
@click.argument("path", default=".")
@click.option("-f", "--format", "kind", type=click.Choice(("text", "json")), default="text", show_default=True)
@options("configuration")
def config_show(path: str, kind: str, config: str | None, no_config: bool) -> None:
    """Show what holds for the file PATH: every setting, its value and the place that says so."""
    from linter import config as settings
    from linter import reports

    found = settings.Finder(config, off=no_config).of(path)
    rows = _rows(found, path)
    if kind == "json":
        shown = [{"setting": name, "value": value, "place": place} for name, value, place in rows]
        where = settings.shown(found.path) if found.path else None
        click.echo(reports.dump({"path": path, "configuration": where, "settings": shown}, indent=2))
        return
    click.echo(f"{path}: {settings.shown(found.path) if found.path else 'no configuration file above it'}\n")
    click.echo(reports.table(("SETTING", "VALUE", "FROM"), rows))


@config.command("schema")
def config_schema() -> None:
    """Print the JSON Schema of kefulint.toml, for editors."""
    from linter import reports
    from linter.config import schema

    click.echo(reports.dump(schema(), indent=2))


def _rows(found: Config, path: str) -> list[tuple[str, str, str]]:
    from linter.config import KEYS

    values = found.settings(path).values
    rows: list[tuple[str, str, str]] = []
    for key in KEYS:
        if key.name == "exclude":
            covering = [pattern for pattern in found.exclude if pattern.covers(path)]
            rows += [("exclude", f"yes, by {pattern.text}", pattern.place) for pattern in covering] or [
                ("exclude", "no", "-")
            ]
        elif key.name not in values:
            rows.append((key.name, _DEFAULTS.get(key.name, "none"), "default"))
        else:
            rows += _shown(key.name, values[key.name])
    return rows


def _shown(name: str, value: Value) -> list[tuple[str, str, str]]:
    """Return a row for a value; for a table one for each of its keys, which may come from several places."""
    from pathlib import Path

    from linter.config import shown

    plain: Any = value.value
    if isinstance(plain, dict):
        return [(f"{name}.{key}", str(one.value), one.place) for key, one in plain.items()]
    if name in ("baseline", "suppressions"):
        plain = shown(Path(plain))
    elif name == "lexicons":
        plain = tuple(shown(Path(folder)) for folder in plain)
    text = ", ".join(plain) if isinstance(plain, tuple) else str(plain)
    return [(name, text.lower() if isinstance(plain, bool) else text, value.place)]
