"""An audit of files on Spark: the same outputs as on one machine, from the workers' rows.

The judged rows are kept where they were made, each partition once. Its counts are added up on the driver, which then takes
the findings in the order of the files, a partition at a time. The decision to question: the outputs are written by the
driver. They are those of the local engine to the byte, and findings are few beside messages; who has too many for one
machine takes `judged` and writes DataFrames.
"""

from __future__ import annotations

import time
from collections.abc import Iterator
from dataclasses import dataclass, replace
from itertools import islice
from typing import TYPE_CHECKING, Any

from linter import outcome, resume, service
from linter.audit import Run
from linter.lexicon import load_lexicon
from linter.lines import Trouble
from linter.model import KefulintError
from linter.spark.files import read
from linter.spark.frames import judge_rows, settings
from linter.spark.jvm import session
from linter.spark.worker import Settings, add_part, add_parts

if TYPE_CHECKING:
    from pyspark.sql import DataFrame

_TROUBLES = 20  # shown; all are counted
_PARTITION = 16 << 20  # bytes of input that are judged in one task
_PARTS = 8  # sums that reach the driver
_LINES = 5000  # findings that are written at once


@dataclass
class SparkRun(Run):
    """One run of an audit on Spark; `master` as Spark names it, None for the session that is there."""

    master: str | None = None

    def start(self, *, resuming: bool = False) -> outcome.Outcome:
        """Judge everything and write the results; they appear when all of them are whole."""
        from pyspark import StorageLevel
        from pyspark.errors import PySparkException

        if resuming:
            raise KefulintError(
                "--resume with --engine spark, expected one of them: Spark itself does again what failed"
            )
        if self.audit.query:
            raise KefulintError("--query with --engine spark, expected files: Spark has its own readers of databases")
        started = time.monotonic()
        what = self.audit
        how = settings(what.platform, what.lexicons, rules=what.rules, as_of=what.as_of, drafts=what.drafts,
                       shown=what.shown, reports=True)  # fmt: skip
        spark = session(self.master)
        try:
            log = read(spark, what.paths, what.options)
            partitions = max(spark.sparkContext.defaultParallelism, log.size // _PARTITION)
            rows = judge_rows(log.rows, ["line"], how, partitions).persist(StorageLevel.DISK_ONLY)
            found = self._written(rows, how)
            rows.unpersist()
        except PySparkException as error:
            raise KefulintError(_problems(error)) from error
        self.seconds = time.monotonic() - started
        return found

    def _written(self, rows: DataFrame, how: Settings) -> outcome.Outcome:
        lexicon = load_lexicon(self.audit.lexicons)
        known = list(lexicon.rulebooks.measures.values()) if self.audit.measures else []
        self.summary = self.audit.summary()
        clocks = service.Clocks(known)
        parts = rows.where("kind = 'part'").select("data").coalesce(_PARTS).mapInArrow(add_parts(how), "data string")
        for part in parts.collect():
            add_part(self.summary, clocks, part.data)
        first = rows.where("kind = 'trouble'").orderBy("file", "line").limit(_TROUBLES).collect()
        self.summary.shown_troubles = [str(Trouble(t.path, t.line, t.what, t.expected)) for t in first]
        measured = list(service.measure(clocks.finish(), known))
        with resume.writing(self.folder):
            return self._published(rows, outcome.Outcome(self.folder, self.summary, measured, lexicon))

    def _published(self, rows: DataFrame, found: outcome.Outcome) -> outcome.Outcome:
        journal = resume.Journal(self.folder, {"engine": "spark"})
        journal.begin(resume=False)
        try:
            for lines in _lines(rows):
                journal.write(lines)
            journal.checkpoint({})
            found = replace(found, findings=journal.findings)
            journal.publish(outcome.finish(journal.folder, found, self.formats, self.earlier), outcome.NAMES)
        finally:
            journal.close()
        return replace(found, findings=self.folder / journal.findings.name)


def _lines(rows: DataFrame) -> Iterator[bytes]:
    """Yield the lines of findings.jsonl in the order of the files."""
    ordered = rows.where("kind = 'finding'").orderBy("file", "line", "nth").select("data").toLocalIterator()
    while some := list(islice(ordered, _LINES)):
        yield "".join(row.data + "\n" for row in some).encode()


def _problems(error: Any) -> list[str]:
    """Return what went wrong in one line: of a worker's traceback the last."""
    lines = [line for line in str(error).splitlines() if line.strip()]
    own = [line for line in lines if line.startswith(("linter.model.", "KefulintError"))]
    return [f"<spark>:1: {(own or lines)[0].partition(': ')[2] if own else lines[0]}, expected Spark to get through"]
