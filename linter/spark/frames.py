"""A Spark DataFrame of chat in, DataFrames of findings, counts and troubles out.

The rows of a conversation are brought to one partition and put in order there (one shuffle), then stream through the
Python workers in Arrow batches. The decision to question: no grouping by key (`applyInPandas`, `cogroup`). A group is
handed over whole, so that one endless session would have to fit into memory; a sorted stream does not care.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from linter.model import KefulintError
from linter.sources import columns_of
from linter.spark.worker import FINDING, JUDGED, ROWS, WHERE, Settings, ddl, judge, packed

if TYPE_CHECKING:
    from pyspark.sql import Column, DataFrame

_CLAUSES = (
    "clauses array<struct<id string, platform string, title string, says string, points string, points_max string, "
    "scale string, amount string, amount_max string, amount_what string, per string, also string, as_of string, "
    "confidence string, sources array<struct<name string, url string, date string, confidence string>>, "
    "contradiction string, overridden boolean>>"
)
_PLACE = tuple(name for name, _ in WHERE)


@dataclass(frozen=True, slots=True)
class Judged:
    """What came of judging a DataFrame. Nothing runs before Spark is asked for rows.

    `rows` holds everything of one pass. Each of the others reads it: `persist()` it, or write it and read it back, where
    more than one of them is wanted, else Spark judges again for each.
    """

    rows: DataFrame

    @property
    def findings(self) -> DataFrame:
        """One row a finding: what it is, its clauses, and whose message it was."""
        from pyspark.sql import functions as F

        typed = [name for name, _ in FINDING if name not in ("data", "verdicts", "spelled", "field", "version")]
        clauses = F.from_json("data", _CLAUSES).getField("clauses").alias("clauses")
        return self.rows.where("kind = 'finding'").select(
            *typed, clauses, "verdicts", "spelled", "field", "version", *_PLACE
        )

    @property
    def summary(self) -> DataFrame:
        """Messages and findings by platform, shop, agent, day, role; and by rule and verdict, null where messages are counted."""
        from pyspark.sql import functions as F

        by = ("platform", "shop", "agent", "day", "role", "rule", "verdict")
        sums = (F.coalesce(F.sum(name), F.lit(0)).alias(name) for name in ("messages", "findings"))
        return self.rows.where("kind = 'count'").groupBy(*by).agg(*sums)

    @property
    def troubles(self) -> DataFrame:
        """One row for each row that could not be judged: where it stood, what it was and what was expected."""
        return self.rows.where("kind = 'trouble'").select(*_PLACE, "what", "expected")

    def persist(self) -> Judged:
        """Keep the rows of the pass, so that they are judged once."""
        return Judged(self.rows.persist())


def judged(
    df: DataFrame,
    *,
    platform: str | Sequence[str] = "taobao",
    lexicons: Sequence[str | Path] = (),
    columns: Mapping[str, str] | None = None,
    rules: Sequence[str] = (),
    as_of: str | None = None,
    drafts: bool = False,
    channel: str = "chat",
    show_contacts: bool = False,
    partitions: int | None = None,
) -> Judged:
    """Judge the rows of a DataFrame, one utterance a row; return findings, counts and troubles, all lazy.

    Columns are found by their usual names (`sources.COLUMNS`) or given: {"text": "正文"}; `path` and `row` can be given
    too. A row's own platform wins over `platform`. Turns of a session are taken in order of `turn`, then `time`, then as
    they came. `partitions` is the number of partitions after the shuffle; unset, Spark chooses.
    Raises KefulintError for an unknown platform or rule and for a DataFrame without a text column.
    """
    how = settings(platform, lexicons, rules=rules, as_of=as_of, drafts=drafts, channel=channel, shown=show_contacts)
    rows, order = _rows(df, columns or {})
    return Judged(_judged(kept_together(rows, order, partitions), how))


def findings(df: DataFrame, **how: Any) -> DataFrame:
    """Return the findings of a DataFrame; options as of `judged`."""
    return judged(df, **how).findings


def summary(df: DataFrame, **how: Any) -> DataFrame:
    """Return the counts of a DataFrame; options as of `judged`."""
    return judged(df, **how).summary


def settings(
    platform: str | Sequence[str], lexicons: Sequence[str | Path] = (), *, rules: Sequence[str] = (),
    as_of: str | None = None, drafts: bool = False, channel: str = "chat", shown: bool = False,
) -> Settings:  # fmt: skip
    """Check how to judge on the driver, where an error is one line, and pack it for the workers."""
    from linter.engine import Linter
    from linter.lexicon import load_lexicon

    platforms = (platform,) if isinstance(platform, str) else tuple(platform)
    lexicon = load_lexicon(lexicons)
    Linter(platforms, lexicon=lexicon, rules=rules, as_of=as_of, drafts=drafts)
    folders = tuple(packed(Path(folder)) for folder in lexicons)
    return Settings(platforms, lexicon.version, folders, tuple(rules), as_of, drafts, channel, shown)


def kept_together(rows: DataFrame, order: Sequence[Column], partitions: int | None = None) -> DataFrame:
    """Bring the rows of each conversation to one partition, in order; rows without a session go anywhere."""
    from pyspark.sql import functions as F

    alone = F.when(F.col("session").isNull(), F.monotonically_increasing_id())
    keys = (F.col("path"), F.col("session"), alone)
    spread = rows.repartition(partitions, *keys) if partitions else rows.repartition(*keys)
    return spread.sortWithinPartitions("path", "session", *order)


def _judged(rows: DataFrame, how: Settings) -> DataFrame:
    return rows.select(*(name for name, _ in ROWS)).mapInArrow(judge(how), ddl(JUDGED))


def _rows(df: DataFrame, given: Mapping[str, str]) -> tuple[DataFrame, list[Column]]:
    """Return the rows as the workers read them, and what orders the turns of a session."""
    from pyspark.sql import functions as F

    own = {name: given[name] for name in ("path", "row") if name in given}
    found = columns_of(df.columns, {kind: name for kind, name in given.items() if kind not in own}) | own
    missing = [name for name in (*given.values(), *own.values()) if name not in df.columns]
    if "text" not in found or missing:
        raise KefulintError(
            f"<DataFrame>:1: no column {', '.join(missing) or 'of texts'} among {', '.join(df.columns)}, "
            "expected one named text, content, 内容 … or columns={'text': NAME}"
        )
    cells = {kind: _cell(df, name, kind) for kind, name in found.items()} | {"message_id": F.lit(None)}
    if "id" in found:
        cells["message_id"] = cells.pop("id")
    if "context" in df.columns:
        cells["context"] = _context(df)
    rows = df.select(
        *(cells.get(name, F.lit(None)).cast(kind).alias(name) for name, kind in ROWS),
        F.monotonically_increasing_id().alias("came"),
    )
    moment = F.expr("try_cast(replace(`time`, '/', '-') AS timestamp)")
    return rows, [F.col("turn"), moment, F.col("time"), F.col("came")]


def _cell(df: DataFrame, name: str, kind: str) -> Column:
    """Return a column as text, the empty one as none; numbers where numbers are meant."""
    from pyspark.sql import functions as F

    if kind in ("turn", "row"):
        return F.expr(f"try_cast(`{name}` AS bigint)")
    text = F.col(f"`{name}`").cast("string")
    return text if kind == "text" else F.when(text != "", text)


def _context(df: DataFrame) -> Column:
    from pyspark.sql import functions as F
    from pyspark.sql.types import StringType

    return F.col("context") if isinstance(df.schema["context"].dataType, StringType) else F.to_json("context")
