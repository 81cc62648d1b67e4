"""Configuration files in, the settings of one file out, each value with the place it came from.

The nearest `kefulint.toml` (or `pyproject.toml` with `[tool.kefulint]`) above a file holds for it alone: nothing is merged
upwards unless the file says `extend`. A later value replaces an earlier one whole; only the tables `verdicts`, `columns` and
`roles` are merged key by key, since each of their keys is a setting of its own. The decision to question: the TOML parser knows no
lines, so lines of keys come from a small scan of the text; a key the scan misses is shown on its table's line.
"""

from __future__ import annotations

import os
import re
import sys
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, NamedTuple

from linter.entries import shipped_folder
from linter.model import CHANNELS, PLATFORMS, KefulintError

NAMES = ("kefulint.toml", "pyproject.toml")
FAIL_ON = ("error", "warning", "info", "never")
SPEAKERS = ("agent", "buyer", "system")
OVERRIDES = ("error", "warning", "info")


class Key(NamedTuple):
    """One key of the configuration: what kind of value it takes, and whether it may stand under `[[paths]]`."""

    name: str
    kind: str
    says: str
    scoped: bool = True


KEYS = (
    Key("platforms", "platforms", "Platforms to judge on. Unset: a row's own platform, or taobao."),
    Key("select", "rules", "Only these rules run: ids, or groups such as `invoice`."),
    Key("ignore", "rules", "Rules that do not run: ids or groups. Wins over `select`."),
    Key("verdicts", "verdicts", "The shop's own verdict for a rule: `error`, `warning` or `info`."),
    Key("lexicons", "folders", "Folders with the shop's own concepts, rules and rulebooks; they are not checked."),
    Key("channel", "channel", "What the texts are: `chat`, `listing.title` or `listing.detail`."),
    Key("fail-on", "fail-on", "Least verdict that makes the exit status 1: `error`, `warning`, `info` or `never`."),
    Key("fields", "texts", "Path expressions that say which fields of a structured file are replies."),
    Key("columns", "columns", "What the columns of a table are called: `{ text = \"内容\" }`."),
    Key("roles", "roles", "Whose names stand for which role: `{ \"小美\" = \"agent\" }`; `*` is every row that says nothing."),
    Key("read-as", "format", "Format of the files, where the suffix does not say it."),
    Key("encoding", "text", "Encoding of the files; unset: detected."),
    Key("skip", "flag", "Do not check these files."),
    Key("exclude", "patterns", "Files and folders that are not checked, also when they are named on the command line.", False),
    Key("baseline", "file", "The baseline file.", False),
    Key("suppressions", "file", "The side file of suppressions. Unset: the nearest `.kefulint-allow.yaml` above the file.", False),
    Key("strict-suppressions", "flag", "Unused and expired suppressions make the exit status 1.", False),
    Key("strict-input", "flag", "What is guessed about a file is an error: the exit status is 2.", False),
    Key("allow-broken", "flag", "Files and rows that could not be judged do not make the exit status 2.", False),
    Key("gitignore", "flag", "Leave out what git ignores when a folder is searched. Default: true.", False),
)  # fmt: skip
_BY_NAME = {key.name: key for key in KEYS}
_TOP = (*_BY_NAME.keys() - {"skip"}, "extend", "paths")
_SCOPED = (*(key.name for key in KEYS if key.scoped), "match")
_FORMATS = ("text", "markdown", "csv", "tsv", "xlsx", "json", "jsonc", "jsonl", "yaml", "po", "jinja", "transcript")


@dataclass(frozen=True, slots=True)
class Value:
    """A value and the place that says so: `kefulint.toml:3`, `--platform`, or `default`."""

    value: Any
    place: str


@dataclass(frozen=True, slots=True)
class Pattern:
    """A pattern for paths, the folder it starts from and the place that says it.

    `**` is any folders, `*` and `?` stay within a name. Without a slash it names a file or folder anywhere below; a folder
    stands for all that is in it.
    """

    text: str
    root: Path
    place: str

    def covers(self, path: str | Path) -> bool:
        """Does the pattern cover a file or folder?"""
        full = full_path(path)
        if not full.is_relative_to(self.root):
            return False
        return _compiled(self.text).fullmatch(full.relative_to(self.root).as_posix()) is not None


class Scope(NamedTuple):
    """One `[[paths]]` entry: settings for the files its patterns cover."""

    match: tuple[Pattern, ...]
    values: Mapping[str, Value]


@dataclass(frozen=True, slots=True)
class Config:
    """A configuration file, checked. `path` is None where there is none; `root` is the folder its patterns start from."""

    root: Path
    path: Path | None = None
    values: Mapping[str, Value] = field(default_factory=dict)
    scopes: tuple[Scope, ...] = ()

    def settings(self, path: str | Path, given: Mapping[str, Value] | None = None) -> Settings:
        """Return what holds for a file; `given` are the options of the command line, which win."""
        values: dict[str, Value] = dict(self.values)
        for scope in self.scopes:
            if any(pattern.covers(path) for pattern in scope.match):
                values = _merged(values, scope.values)
        return Settings(_merged(values, given or {}))

    @property
    def exclude(self) -> tuple[Pattern, ...]:
        """The patterns of files and folders that are left out."""
        return tuple(self.values["exclude"].value) if "exclude" in self.values else ()

    @property
    def patterns(self) -> tuple[Pattern, ...]:
        """Every pattern that this file, and not one it extends, says."""
        every = (*self.exclude, *(pattern for scope in self.scopes for pattern in scope.match))
        return tuple(pattern for pattern in every if pattern.root == self.root)


@dataclass(frozen=True, slots=True)
class Settings:
    """What holds for one file. `values` has an entry for every key that was set anywhere."""

    values: Mapping[str, Value]

    def get(self, name: str, default: Any = None) -> Any:
        """Return the value of a key, or the default where nobody set it."""
        found = self.values.get(name)
        if found is None:
            return default
        return {key: one.value for key, one in found.value.items()} if isinstance(found.value, dict) else found.value

    def place(self, name: str) -> str:
        """Return where the value of a key came from."""
        return self.values[name].place if name in self.values else "default"


def _merged(first: Mapping[str, Value], second: Mapping[str, Value]) -> dict[str, Value]:
    both = {**first, **second}
    for name in ("verdicts", "columns", "roles"):
        if name in first and name in second:
            both[name] = Value({**first[name].value, **second[name].value}, second[name].place)
    return both


# --- finding the file ------------------------------------------------------------------------------------------------


class Finder:
    """Finds the configuration of a file and keeps what it read. `fixed`: one file for everything; `off`: none at all."""

    def __init__(self, fixed: str | Path | None = None, *, off: bool = False) -> None:
        self.off = off
        self._fixed = load(Path(fixed)) if fixed is not None and not off else None
        self._known: dict[Path, Config] = {}

    def of(self, path: str | Path) -> Config:
        """Return the configuration that holds for a file or folder; raise KefulintError where it is wrong."""
        if self._fixed is not None:
            return self._fixed
        start = full_path(path)
        folder = start if start.is_dir() else start.parent
        return Config(folder) if self.off else self._nearest(folder)

    def _nearest(self, folder: Path) -> Config:
        if folder not in self._known:
            file = config_in(folder)
            if file is not None:
                self._known[folder] = load(file)
            else:
                self._known[folder] = Config(folder) if folder.parent == folder else self._nearest(folder.parent)
        return self._known[folder]


def config_in(folder: Path) -> Path | None:
    """Return the configuration file of a folder; settings in both files are an error, for one would do nothing."""
    own, project = (folder / name for name in NAMES)
    has_table = project.is_file() and b"tool.kefulint" in project.read_bytes()
    if not own.is_file():
        return project if has_table else None
    if has_table:
        line = _Lines(project.read_text(encoding="utf-8")).of(("tool", "kefulint"))
        raise KefulintError(
            f"{shown(project)}:{line}: kefulint.toml stands beside [tool.kefulint], expected one of them"
        )
    return own


def full_path(path: str | Path) -> Path:
    """Return a path from the root, `..` taken out and links left as they are: however it is spelt, it is one."""
    return Path(os.path.abspath(path))  # noqa: PTH100 -- Path.absolute keeps `..`, Path.resolve follows links


def shown(path: Path) -> str:
    """Return a path as a reader here would write it: relative to the working folder where it lies below."""
    here = Path.cwd()
    full = full_path(path)
    return full.relative_to(here).as_posix() if full.is_relative_to(here) else str(path)


# --- patterns --------------------------------------------------------------------------------------------------------


_KNOWN: dict[str, re.Pattern[str]] = {}
_SIGNS = {"**/": "(?:.*/)?", "**": ".*", "*": "[^/]*", "?": "[^/]"}


def _compiled(pattern: str) -> re.Pattern[str]:
    if pattern not in _KNOWN:
        body = pattern.strip("/")
        parts = re.split(r"(\*\*/|\*\*|\*|\?)", body)
        inner = "".join(_SIGNS.get(part) or re.escape(part) for part in parts)
        anywhere = "" if "/" in pattern.rstrip("/") else "(?:.*/)?"
        _KNOWN[pattern] = re.compile(f"{anywhere}{inner}(?:/.*)?", re.DOTALL)
    return _KNOWN[pattern]


# --- reading ---------------------------------------------------------------------------------------------------------


def load(path: Path, extending: tuple[Path, ...] = ()) -> Config:
    """Read and check one configuration file; raise KefulintError with everything that is wrong in it."""
    path = full_path(path)
    try:
        text = path.read_text(encoding="utf-8-sig")
    except (OSError, UnicodeDecodeError) as error:
        raise KefulintError(f"{shown(path)}:1: cannot be read ({error}), expected a UTF-8 file") from error
    table, prefix = _table(path, text)
    return _Reader(path, _Lines(text), prefix, extending).config(table)


def _table(path: Path, text: str) -> tuple[dict[str, Any], tuple[str, ...]]:
    if sys.version_info >= (3, 11):
        import tomllib
    else:
        import tomli as tomllib
    try:
        data = tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        line = re.search(r"at line (\d+)", str(error))
        raise KefulintError(
            f"{shown(path)}:{line[1] if line else 1}: broken TOML ({error}), expected valid TOML"
        ) from error
    if path.name != "pyproject.toml":
        return data, ()
    table = data.get("tool", {}).get("kefulint")
    if not isinstance(table, dict):
        raise KefulintError(f"{shown(path)}:1: no table [tool.kefulint], expected one")
    return table, ("tool", "kefulint")


class _Lines:
    """The lines on which the keys of a TOML text stand."""

    def __init__(self, text: str) -> None:
        self._lines = text.splitlines()
        self._found: dict[tuple[str | int, ...], int] = {}
        self._counts: Counter[tuple[str, ...]] = Counter()
        header: tuple[str | int, ...] = ()
        for number, line in enumerate(self._lines, 1):
            table = re.match(r"\s*(\[\[?)([^\[\]=]+)\]", line)
            key = re.match(r"\s*([\w.-]+|\"[^\"]*\"|'[^']*')\s*=", line)
            if table:
                header = self._header(table[2], table[1] == "[[")
                self._found.setdefault(header, number)
            elif key:
                self._found.setdefault((*header, *_dotted(key[1])), number)

    def _header(self, text: str, repeated: bool) -> tuple[str | int, ...]:
        """Name a table header; the tables of an array are numbered, and their subtables belong to the last of them."""
        names = _dotted(text)
        if repeated:
            self._counts[names] += 1
        array = next((names[:n] for n in range(len(names), 0, -1) if names[:n] in self._counts), None)
        return names if array is None else (*array, self._counts[array] - 1, *names[len(array) :])

    def of(self, path: tuple[str | int, ...], word: str = "") -> int:
        """Return the line of a key, or of the table it stands in; with a word, the first line from there that has it."""
        for length in range(len(path), 0, -1):
            line = self._found.get(path[:length]) or self._found.get((*path[:length], 0))
            if line is not None:
                return self._with(line, word) if word else line
        return 1

    def _with(self, line: int, word: str) -> int:
        return next((n for n in range(line, min(line + 200, len(self._lines) + 1)) if word in self._lines[n - 1]), line)


def _dotted(text: str) -> tuple[str, ...]:
    return tuple(part.strip().strip("\"'") for part in re.findall(r"\"[^\"]*\"|'[^']*'|[^.]+", text.strip()))


class _Reader:
    """Turns one TOML table into a Config and gathers the problems."""

    def __init__(self, path: Path, lines: _Lines, prefix: tuple[str, ...], extending: tuple[Path, ...]) -> None:
        self.path = path
        self.root = path.parent
        self.lines = lines
        self.prefix = prefix
        self.extending = (*extending, path)
        self.problems: list[str] = []
        self.rules: frozenset[str] = frozenset()

    def config(self, table: dict[str, Any]) -> Config:
        base = self._base(table)
        entries = self._entries(table)
        self.rules = rule_names(
            [*_folders(base), *(self.root / f for t in (table, *entries) for f in _texts(t.get("lexicons")))]
        )
        values = self._values(table, (), _TOP, "the configuration")
        scopes = tuple(self._scope(entry, index) for index, entry in enumerate(entries))
        if self.problems:
            raise KefulintError(self.problems)
        return Config(self.root, self.path, _merged(base.values, values), (*base.scopes, *scopes))

    def _base(self, table: dict[str, Any]) -> Config:
        name = table.get("extend")
        if name is None:
            return Config(self.root)
        if not isinstance(name, str):
            self._wrong(("extend",), name, "the path of another configuration file")
            return Config(self.root)
        path = (self.root / name).resolve()
        if path in self.extending:
            self._problem(
                ("extend",), f"extend '{name}' comes back to this file", "files that do not extend each other"
            )
        elif not path.is_file():
            self._problem(
                ("extend",), f"extend names '{name}', which is no file", "the path of another configuration file"
            )
        else:
            return replace(load(path, self.extending), root=self.root)
        return Config(self.root)

    def _entries(self, table: dict[str, Any]) -> list[dict[str, Any]]:
        entries = table.get("paths", [])
        if isinstance(entries, list) and all(isinstance(entry, dict) for entry in entries):
            return entries
        self._wrong(("paths",), entries, "tables [[paths]] with match = […] and settings")
        return []

    def _scope(self, entry: dict[str, Any], index: int) -> Scope:
        place: tuple[str | int, ...] = ("paths", index)
        match = self._patterns(entry.get("match"), (*place, "match"))
        if not match:
            self._problem(place, "a [[paths]] entry has no 'match'", 'patterns such as match = ["faq/**"]')
        values = self._values(entry, place, _SCOPED, "[[paths]]")
        if match and not values and not self.problems:
            self._problem(place, "a [[paths]] entry sets nothing", f"one of {', '.join(_SCOPED[:-1])}")
        return Scope(match, values)

    def _values(
        self, table: dict[str, Any], at: tuple[str | int, ...], known: Sequence[str], where: str
    ) -> dict[str, Value]:
        found = {}
        for name, value in table.items():
            path = (*at, name)
            if name not in known:
                expected = ", ".join(sorted(known))
                self._problem(path, f"unknown key '{name}' in {where}", f"one of {expected}")
            elif name in _BY_NAME:
                read = _READERS[_BY_NAME[name].kind](self, value, path)
                found[name] = Value(read, self._place(path))
        return found

    # --- one kind of value each

    def _list(self, value: Any, path: tuple[str | int, ...]) -> tuple[str, ...]:
        if isinstance(value, list) and all(isinstance(item, str) for item in value):
            return tuple(value)
        self._wrong(path, value, "a list of texts")
        return ()

    def _chosen(self, value: Any, path: tuple[str | int, ...], known: Iterable[str], what: str) -> str:
        if isinstance(value, str) and value in known:
            return value
        named = f"'{value}'" if isinstance(value, str) else _kind(value)
        word = value if isinstance(value, str) else ""
        self.problems.append(
            f"{self._place(path, word)}: {what} is {named}, expected one of {', '.join(sorted(known))}"
        )
        return ""

    def _platforms(self, value: Any, path: tuple[str | int, ...]) -> tuple[str, ...]:
        names = self._list(value, path)
        if isinstance(value, list) and not value:
            self._problem(path, "platforms is empty", f"at least one of {', '.join(PLATFORMS)}")
        return tuple(self._chosen(name, path, PLATFORMS, "a platform") for name in names)

    def _rules(self, value: Any, path: tuple[str | int, ...]) -> tuple[str, ...]:
        return tuple(self._rule(name, path) for name in self._list(value, path))

    def _rule(self, name: str, path: tuple[str | int, ...]) -> str:
        if name not in self.rules:
            self._problem(path, f"unknown rule '{name}'", unknown_rule(name, self.rules), name)
        return name

    def _verdicts(self, value: Any, path: tuple[str | int, ...]) -> dict[str, Value]:
        found = {}
        for name, verdict in self._mapping(value, path, "rules and verdicts").items():
            self._rule(name, (*path, name))
            chosen = self._chosen(verdict, (*path, name), OVERRIDES, f"the verdict of {name}")
            found[name] = Value(chosen, self._place((*path, name), name))
        return found

    def _columns(self, value: Any, path: tuple[str | int, ...]) -> dict[str, Value]:
        found = {}
        for name, column in self._mapping(value, path, "fields and column names").items():
            self._chosen(name, (*path, name), _fields(), "a field of columns")
            if not isinstance(column, str):
                self._wrong((*path, name), column, "the name of a column")
            found[name] = Value(column, self._place((*path, name), name))
        return found

    def _roles(self, value: Any, path: tuple[str | int, ...]) -> dict[str, Value]:
        found = {}
        for name, role in self._mapping(value, path, "names and roles").items():
            chosen = self._chosen(role, (*path, name), SPEAKERS, f"the role of {name}")
            found[name.strip().lower()] = Value(chosen, self._place((*path, name), name))
        return found

    def _mapping(self, value: Any, path: tuple[str | int, ...], what: str) -> dict[str, Any]:
        if isinstance(value, dict):
            return value
        self._wrong(path, value, f"a table of {what}")
        return {}

    def _folders_of(self, value: Any, path: tuple[str | int, ...]) -> tuple[str, ...]:
        folders = self._list(value, path)
        for folder in folders:
            if not (self.root / folder).is_dir():
                self._problem(path, f"'{folder}' is no folder", "one with concepts/, rules/ or rulebooks/", folder)
        return tuple(os.path.normpath(self.root / folder) for folder in folders)

    def _patterns(self, value: Any, path: tuple[str | int, ...]) -> tuple[Pattern, ...]:
        if value is None:
            return ()
        return tuple(Pattern(item, self.root, self._place(path, item)) for item in self._list(value, path))

    def _text(self, value: Any, path: tuple[str | int, ...]) -> str:
        if isinstance(value, str) and value:
            return value
        self._wrong(path, value, "a text")
        return ""

    def _encoding(self, value: Any, path: tuple[str | int, ...]) -> str:
        import codecs

        name = self._text(value, path)
        try:
            codecs.lookup(name or "utf-8")
        except LookupError:
            self._problem(path, f"unknown encoding '{name}'", "a name such as utf-8 or gb18030")
        return name

    def _file(self, value: Any, path: tuple[str | int, ...]) -> str:
        return str(self.root / self._text(value, path))

    def _flag(self, value: Any, path: tuple[str | int, ...]) -> bool:
        if not isinstance(value, bool):
            self._wrong(path, value, "true or false")
        return value is True

    # --- problems

    def _place(self, path: tuple[str | int, ...], word: str = "") -> str:
        return f"{shown(self.path)}:{self.lines.of((*self.prefix, *path), word)}"

    def _problem(self, path: tuple[str | int, ...], what: str, expected: str, word: str = "") -> None:
        self.problems.append(f"{self._place(path, word)}: {what}, expected {expected}")

    def _wrong(self, path: tuple[str | int, ...], value: Any, expected: str) -> None:
        self._problem(path, f"{path[-1]} is {_kind(value)}", expected)


_READERS: dict[str, Callable[[_Reader, Any, tuple[str | int, ...]], Any]] = {
    "platforms": _Reader._platforms,
    "rules": _Reader._rules,
    "verdicts": _Reader._verdicts,
    "folders": _Reader._folders_of,
    "channel": lambda reader, value, path: reader._chosen(value, path, CHANNELS, "channel"),
    "fail-on": lambda reader, value, path: reader._chosen(value, path, FAIL_ON, "fail-on"),
    "texts": _Reader._list,
    "columns": _Reader._columns,
    "roles": _Reader._roles,
    "format": lambda reader, value, path: reader._chosen(value, path, _FORMATS, "read-as"),
    "text": _Reader._encoding,
    "flag": _Reader._flag,
    "patterns": _Reader._patterns,
    "file": _Reader._file,
}


def _kind(value: Any) -> str:
    names = {bool: "true or false", str: "a text", int: "a number", float: "a number", list: "a list", dict: "a table"}
    return names.get(type(value), f"a {type(value).__name__}")


def _texts(value: Any) -> Iterator[str]:
    """Yield the texts of a list that was not checked yet."""
    if isinstance(value, list):
        yield from (item for item in value if isinstance(item, str))


def _folders(config: Config) -> Iterator[Path]:
    for values in (config.values, *(scope.values for scope in config.scopes)):
        if "lexicons" in values:
            yield from (Path(folder) for folder in values["lexicons"].value)


def _fields() -> tuple[str, ...]:
    """Return what a column of a table can be."""
    from linter.columns import COLUMNS, LISTING_COLUMNS

    return tuple(dict.fromkeys([*COLUMNS, *LISTING_COLUMNS]))


def rule_names(folders: Iterable[Path] = ()) -> frozenset[str]:
    """Return the ids and groups of the rules in the shipped lexicons and some folders, by their file names alone."""
    paths = [path for folder in (shipped_folder(), *folders) for path in (folder / "rules").rglob("*.yaml")]
    return frozenset(path.stem for path in paths) | frozenset(path.parent.name for path in paths)


def unknown_rule(name: str, known: Iterable[str]) -> str:
    """Return what would have been expected instead of an unknown rule."""
    import difflib

    near = difflib.get_close_matches(name, sorted(known), 3)
    return f"a rule such as {' or '.join(near)}" if near else "one that kefulint rules list shows"


# --- the schema ------------------------------------------------------------------------------------------------------


def schema() -> dict[str, Any]:
    """Return the JSON Schema of kefulint.toml, for editors."""
    scoped = {key.name: _shape(key) for key in KEYS if key.scoped}
    match = {
        "type": "array",
        "items": {"type": "string"},
        "minItems": 1,
        "description": "Patterns from this file's folder.",
    }
    entry = {
        "type": "object",
        "additionalProperties": False,
        "required": ["match"],
        "properties": {"match": match, **scoped},
    }
    top = {key.name: _shape(key) for key in KEYS if key.name != "skip"}
    return {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "title": "kefulint.toml",
        "type": "object",
        "additionalProperties": False,
        "properties": {
            **top,
            "extend": {"type": "string", "description": "Another configuration file whose settings hold where this one says nothing."},
            "paths": {"type": "array", "items": entry, "description": "Settings for some files only."},
        },
    }  # fmt: skip


def _shape(key: Key) -> dict[str, Any]:
    texts: dict[str, Any] = {"type": "array", "items": {"type": "string"}}
    shapes: dict[str, dict[str, Any]] = {
        "platforms": {"type": "array", "items": {"enum": list(PLATFORMS)}, "minItems": 1},
        "verdicts": {"type": "object", "additionalProperties": {"enum": list(OVERRIDES)}},
        "channel": {"enum": list(CHANNELS)},
        "fail-on": {"enum": list(FAIL_ON)},
        "format": {"enum": list(_FORMATS)},
        "roles": {"type": "object", "additionalProperties": {"enum": list(SPEAKERS)}},
        "columns": {"type": "object", "additionalProperties": {"type": "string"}, "propertyNames": {"enum": list(_fields())}},
        "text": {"type": "string"},
        "file": {"type": "string"},
        "flag": {"type": "boolean"},
    }  # fmt: skip
    return {**shapes.get(key.kind, texts), "description": key.says}
