"""Findings of an audit in (JSON lines), its other outputs out: CSV, Parquet, the summary as data and as text.

They are all made of findings.jsonl and the summary when everything was judged, so that there is one file to keep safe
while an audit runs. Nothing in them tells of the run: no clock, no duration, no number of processes.
"""

from __future__ import annotations

import csv
import json
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from decimal import Decimal
from itertools import islice
from pathlib import Path
from typing import Any

from linter import reports, service
from linter import summary as summing
from linter.lexicon import Lexicon
from linter.model import KefulintError

_GROUP = 20_000  # findings in a row group


@dataclass(frozen=True, slots=True)
class Results:
    """What an audit came to. `findings` is the whole findings.jsonl."""

    findings: Path
    summary: summing.Summary
    measured: Sequence[service.Result]
    lexicon: Lexicon

    def rows(self) -> Iterator[dict[str, Any]]:
        with self.findings.open(encoding="utf-8") as stream:
            for line in stream:
                yield json.loads(line)


def finish(folder: Path, results: Results, formats: Sequence[str]) -> list[str]:
    """Write the outputs asked for into a folder beside findings.jsonl; return the names of all outputs."""
    names = ["findings.jsonl"]
    for kind in formats:
        name, write = WRITERS[kind]
        if write:
            write(folder / name, results)
            names.append(name)
    (folder / "summary.json").write_text(reports.dump(summary_data(results), indent=2) + "\n", encoding="utf-8")
    text = summing.as_text(results.summary, results.lexicon, results.measured)
    (folder / "summary.txt").write_text(text + "\n", encoding="utf-8")
    return [*names, "summary.txt", "summary.json"]


def summary_data(results: Results) -> dict[str, Any]:
    """Return the summary as plain data, without what tells of the run."""
    data = results.summary.as_dict(results.lexicon)
    data.pop("seconds", None)
    return data | {"measures": [_measure_data(result) for result in results.measured]}


def _measure_data(result: service.Result) -> dict[str, Any]:
    one = result.measure
    return {
        "id": one.id, "title": one.title, "rule": one.rule, "platform": one.platform, "shop": result.shop,
        "day": result.day, "asked": result.asked, "value": reports.number(result.value),
        "at_least": reports.number(one.at_least), "at_most": reports.number(one.at_most), "short": result.short,
        "exempt": result.exempt,
    }  # fmt: skip


def _write_csv(path: Path, results: Results) -> None:
    with path.open("w", encoding="utf-8-sig", newline="") as stream:
        rows = csv.writer(stream, lineterminator="\n")
        rows.writerow(reports.CSV_HEAD)
        rows.writerows(reports.csv_cells(row) for row in results.rows())


_TEXTS = ("path", "id", "session", "time", "shop", "agent", "platform")
_FIGURES = ("points", "points_max", "amount", "amount_max")


def _write_parquet(path: Path, results: Results) -> None:
    """Write a finding a row, its first clause beside it and all clauses by their ids; in groups, as they come."""
    try:
        import pyarrow as pa
        from pyarrow import parquet
    except ImportError as error:
        raise KefulintError("--format parquet needs a library, expected: pip install 'kefulint[audit]'") from error
    text, figure = pa.string(), pa.decimal128(18, 4)
    schema = pa.schema(
        [("id", text), ("rule", text), ("verdict", text), ("start", pa.int32()), ("end", pa.int32()), ("text", text),
         ("message", text), ("suggestion", text), ("field", text), ("path", text), ("line", pa.int64()),
         ("row", pa.int64()), ("message_id", text), ("session", text), ("turn", pa.int64()), ("time", text),
         ("shop", text), ("agent", text), ("platform", text), ("clause", text), ("scale", text),
         *((name, figure) for name in _FIGURES), ("clauses", pa.list_(text)), ("version", text)]
    )  # fmt: skip
    rows = results.rows()
    with parquet.ParquetWriter(path, schema, compression="zstd") as writer:
        while group := [_flat(row) for row in islice(rows, _GROUP)]:
            writer.write_table(pa.Table.from_pylist(group, schema=schema))


def _flat(row: dict[str, Any]) -> dict[str, Any]:
    origin = dict(row.get("origin", {}))
    origin["message_id"] = origin.pop("id", None)
    first: dict[str, Any] = row["clauses"][0] if row["clauses"] else {}
    figures = {name: None if first.get(name) is None else Decimal(first[name]) for name in _FIGURES}
    clauses = [clause["id"] for clause in row["clauses"]]
    return row | origin | figures | {"clause": first.get("title"), "scale": first.get("scale"), "clauses": clauses}


# format -> file name and how it is written; the sheet for the shop's staff and the page are entered here
WRITERS: dict[str, tuple[str, Callable[[Path, Results], None] | None]] = {
    "jsonl": ("findings.jsonl", None),  # is there already
    "csv": ("findings.csv", _write_csv),
    "parquet": ("findings.parquet", _write_parquet),
}
NAMES = ("summary.txt", "summary.json", *(name for name, _ in WRITERS.values()))  # all that an audit may write
