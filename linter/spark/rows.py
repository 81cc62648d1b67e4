"""The rows that pass between Spark and its Python workers: their columns, and tables of a log as Arrow batches and back.

Two shapes: PARSED is a log in columns, whatever it was read from, before the shuffle; JUDGED is what came of it. Both
carry troubles in the stream of rows, so that nothing is lost between the stages.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Sequence
from functools import lru_cache
from itertools import groupby
from typing import TYPE_CHECKING, Any

from linter import logs
from linter.lines import Trouble
from linter.model import Origin

if TYPE_CHECKING:
    import pyarrow as pa

Columns = tuple[tuple[str, str], ...]  # names and Spark types

WHERE: Columns = (
    ("path", "string"), ("line", "bigint"), ("row", "bigint"), ("session", "string"), ("turn", "bigint"), ("time", "string"),
    ("message_id", "string"), ("agent", "string"), ("shop", "string"), ("platform", "string"),
)  # fmt: skip
PARSED: Columns = (
    ("file", "int"), *WHERE, ("role", "string"), ("text", "string"), ("channel", "string"), ("context", "string"),
    ("question", "string"), ("listing", "string"), ("what", "string"), ("expected", "string"),
)  # fmt: skip
FINDING: Columns = (
    ("id", "string"), ("rule", "string"), ("verdict", "string"), ("start", "int"), ("end", "int"), ("text", "string"),
    ("message", "string"), ("suggestion", "string"), ("verdicts", "map<string,string>"), ("spelled", "array<string>"),
    ("field", "string"), ("version", "string"),
)  # fmt: skip
JUDGED: Columns = (
    ("kind", "string"), *FINDING, ("data", "string"), ("file", "int"), *WHERE, ("nth", "int"), ("what", "string"),
    ("expected", "string"), ("day", "string"), ("role", "string"), ("messages", "bigint"), ("findings", "bigint"),
)  # fmt: skip

# Of a table of a log: its lists, and what their columns are called here.
_LISTS = (
    ("line", "lines"), ("row", "rows"), ("session", "sessions"), ("turn", "turns"), ("time", "times"), ("message_id", "ids"),
    ("agent", "agents"), ("shop", "shops"), ("platform", "platforms"), ("role", "roles"), ("text", "texts"),
    ("channel", "channels"), ("question", "questions"),
)  # fmt: skip
_LARGEST = 1 << 63


def ddl(columns: Columns) -> str:
    """Return a schema as Spark writes it."""
    return ", ".join(f"`{name}` {kind}" for name, kind in columns)


def names(columns: Columns) -> list[str]:
    return [name for name, _ in columns]


@lru_cache(maxsize=8)
def schema(columns: Columns) -> pa.Schema:
    import pyarrow as pa

    kinds = {
        "string": pa.string(), "int": pa.int32(), "bigint": pa.int64(), "binary": pa.binary(),
        "array<string>": pa.list_(pa.string()), "map<string,string>": pa.map_(pa.string(), pa.string()),
    }  # fmt: skip
    return pa.schema([pa.field(name, kinds[kind]) for name, kind in columns])


def as_batch(rows: Iterable[dict[str, Any]], columns: Columns) -> pa.RecordBatch:
    import pyarrow as pa

    return pa.RecordBatch.from_pylist(list(rows), schema=schema(columns))


# --- tables of a log -------------------------------------------------------------------------------------------------


def of_table(table: logs.Table, file: int) -> pa.RecordBatch:
    """Return a table as PARSED: its rows, then its troubles and its listings."""
    import pyarrow as pa

    count = len(table.texts)
    lists: dict[str, Sequence[Any] | None] = {name: getattr(table, values) for name, values in _LISTS}
    lists["turn"] = table.turns and [turn if turn is None or abs(turn) < _LARGEST else None for turn in table.turns]
    lists["channel"] = table.channels or [table.channel] * count
    if table.contexts is not None:
        lists["context"] = [json.dumps(c, default=str) if isinstance(c, list) else None for c in table.contexts]
    broken = (trouble for trouble in table.troubles if not trouble.judged)
    others = [*map(_of_trouble, broken), *map(_of_listing, table.listings)]
    every = count + len(others)
    lists |= {"file": [file] * count, "path": [table.path] * count}
    others = [other | {"file": file, "path": table.path} for other in others]
    arrays = []
    for field in schema(PARSED):
        known = lists.get(field.name)
        values = [*(known if known is not None else [None] * count), *(other.get(field.name) for other in others)]
        arrays.append(pa.array(values, field.type, size=every))
    return pa.RecordBatch.from_arrays(arrays, schema=schema(PARSED))


def _of_trouble(trouble: Trouble) -> dict[str, Any]:
    return {"line": trouble.row, "what": trouble.what, "expected": trouble.expected}


def _of_listing(listing: logs.Listing) -> dict[str, Any]:
    origin = listing.origin
    return {
        "line": origin.line, "row": origin.row, "message_id": origin.id, "shop": origin.shop,
        "platform": origin.platform, "listing": json.dumps(dict(listing.record), default=str),
    }  # fmt: skip


def tables(batch: pa.RecordBatch) -> Iterator[tuple[int, logs.Table]]:
    """Yield the tables of a PARSED batch: rows of one file that follow each other, with the file's number."""
    columns = {name: logs.of_arrow(batch.column(name), few=name in logs.FEW_VALUES) for name in names(PARSED)}
    places = list(zip(columns["file"], columns["path"], strict=True))
    start = 0
    for (file, path), run in groupby(places):
        end = start + sum(1 for _ in run)
        yield file, _table(path, {name: values[start:end] for name, values in columns.items()})
        start = end


def _table(path: str, columns: dict[str, list[Any]]) -> logs.Table:
    table = logs.Table(path)
    for name, values in _LISTS:
        setattr(table, values, columns[name])
    if any(columns["context"]):
        table.contexts = [json.loads(given) if given else None for given in columns["context"]]
    if not any(columns["question"]):
        table.questions = None
    plain = [
        what is None and listing is None for what, listing in zip(columns["what"], columns["listing"], strict=True)
    ]
    if not all(plain):
        others = [{name: values[at] for name, values in columns.items()} for at, kept in enumerate(plain) if not kept]
        table.troubles = [Trouble(path, o["line"], o["what"], o["expected"]) for o in others if o["what"] is not None]
        table.listings = [_listing(path, other) for other in others if other["listing"] is not None]
        table.keep(plain)
    return table


def _listing(path: str, row: dict[str, Any]) -> logs.Listing:
    origin = Origin(
        path, row["line"], None, row["row"], id=row["message_id"], shop=row["shop"], platform=row["platform"]
    )
    return logs.Listing(json.loads(row["listing"]), origin)
