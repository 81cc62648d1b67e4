"""Findings of an audit in (JSON lines), its other outputs out: CSV, Parquet, a sheet for the shop's staff, the reports.

They are all made of findings.jsonl and the summary when everything was judged, so that there is one file to keep safe
while an audit runs. Nothing in them tells of the run: no clock, no duration, no number of processes.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal
from itertools import islice
from pathlib import Path
from typing import Any

from linter import reporting, reports, service, sheet
from linter import summary as summing
from linter.lexicon import Lexicon
from linter.model import KefulintError

_GROUP = 20_000  # findings in a row group


@dataclass(frozen=True, slots=True)
class Outcome:
    """What an audit came to. `findings` is the whole findings.jsonl."""

    findings: Path
    summary: summing.Summary
    measured: Sequence[service.Result]
    lexicon: Lexicon

    def rows(self) -> Iterator[dict[str, Any]]:
        with self.findings.open(encoding="utf-8") as stream:
            yield from sheet.read(stream)


def finish(
    folder: Path, outcome: Outcome, formats: Sequence[str], earlier: Mapping[str, Any] | None = None
) -> list[str]:
    """Write the outputs asked for and the reports into a folder beside findings.jsonl; return the names of all outputs."""
    names = ["findings.jsonl"]
    for kind in formats:
        name, write = WRITERS[kind]
        if write:
            write(folder / name, outcome)
            names.append(name)
    summary, lexicon, measured = outcome.summary, outcome.lexicon, outcome.measured
    reporting.finish_reports(folder, summary, lexicon, measured, shown=summary.shown, earlier=earlier)
    return [*names, *reporting.REPORTS]


def _write_csv(path: Path, outcome: Outcome) -> None:
    with path.open("w", encoding="utf-8", newline="") as stream:
        reports.write_csv(stream, reports.CSV_HEAD, map(reports.csv_cells, outcome.rows()))


_TEXTS = ("path", "id", "session", "time", "shop", "agent", "platform")
_FIGURES = ("points", "points_max", "amount", "amount_max")


def _write_parquet(path: Path, outcome: Outcome) -> None:
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
    rows = outcome.rows()
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


def _write_xlsx(path: Path, outcome: Outcome) -> None:
    sheet.write(path, outcome.rows(), outcome.summary, outcome.lexicon)


# format -> file name and how it is written
WRITERS: dict[str, tuple[str, Callable[[Path, Outcome], None] | None]] = {
    "jsonl": ("findings.jsonl", None),  # is there already
    "csv": ("findings.csv", _write_csv),
    "parquet": ("findings.parquet", _write_parquet),
    "xlsx": ("findings.xlsx", _write_xlsx),
}
NAMES = (*reporting.REPORTS, *(name for name, _ in WRITERS.values()))  # all that an audit may write
