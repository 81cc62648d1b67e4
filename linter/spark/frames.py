"""A Spark DataFrame of chat in, DataFrames of findings, counts and troubles out.

Rows are parsed where they lie, then those of a conversation are brought to one partition and put in order there (one
shuffle), then they stream through the linter in Arrow batches. The decision to question: no grouping by key
(`applyInPandas`, `cogroup`). A group is handed over whole, so that one endless session would have to fit into memory; a
sorted stream does not care.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from linter.logs import Options, Shape
from linter.model import KefulintError
from linter.spark.parsing import FRAME, PATH, ROW, File, frame_parser
from linter.spark.rows import FINDING, JUDGED, PARSED, WHERE, ddl, names
from linter.spark.worker import Settings, judge, packed

if TYPE_CHECKING:
    from pyspark.sql import Column, DataFrame

_CLAUSES = (
    "clauses array<struct<id string, platform string, title string, says string, points string, points_max string, "
    "scale string, amount string, amount_max string, amount_what string, per string, also string, as_of string, "
    "confidence string, sources array<struct<name string, url string, date string, confidence string>>, "
    "contradiction string, overridden boolean>>"
)


@dataclass(frozen=True, slots=True)
class Judged:
    """What came of judging a DataFrame. Nothing runs before Spark is asked for rows.

    `rows` holds everything of one pass. Each of the others reads it: `persist()` it, or write it and read it back, where
    more than one of them is wanted, else Spark judges again for each.
    """

    rows: DataFrame

    @property
    def findings(self) -> DataFrame:
        """One row a finding: what it is, whose message it was, and its clauses with points and amounts as exact texts."""
        from pyspark.sql import functions as F

        clauses = F.from_json("data", _CLAUSES).getField("clauses").alias("clauses")
        return self.rows.where("kind = 'finding'").select(*names(FINDING), *names(WHERE), clauses)

    @property
    def summary(self) -> DataFrame:
        """Messages and findings by platform, shop, agent, day, role, rule and verdict.

        A row without a rule counts messages, one with a rule counts its findings.
        """
        from pyspark.sql import functions as F

        by = ("platform", "shop", "agent", "day", "role", "rule", "verdict")
        sums = (F.coalesce(F.sum(name), F.lit(0)).alias(name) for name in ("messages", "findings"))
        return self.rows.where("kind = 'count'").groupBy(*by).agg(*sums)

    @property
    def troubles(self) -> DataFrame:
        """One row for each row that could not be judged: where it stood, what it was and what was expected."""
        return self.rows.where("kind = 'trouble'").select("path", "line", "what", "expected")

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

    Columns are found by their usual names or given: {"text": "正文"}; `path` and `row` may be given too, and tell rows
    apart that have neither session nor id. A row's own platform wins over `platform`. The turns of a session are taken in
    order of `turn`, then `time`, then as they came. `partitions` is their number after the shuffle; unset, Spark chooses.
    Raises KefulintError for an unknown platform, rule or column and for a DataFrame without a text column.
    """
    how = settings(platform, lexicons, rules=rules, as_of=as_of, drafts=drafts, shown=show_contacts)
    rows = parsed(df, Options(channel=channel, columns=columns or {}))
    return Judged(judge_rows(rows, turn_order(), how, partitions))


def findings(df: DataFrame, **how: Any) -> DataFrame:
    """Return the findings of a DataFrame; options as of `judged`."""
    return judged(df, **how).findings


def summary(df: DataFrame, **how: Any) -> DataFrame:
    """Return the counts of a DataFrame; options as of `judged`."""
    return judged(df, **how).summary


def settings(
    platform: str | Sequence[str], lexicons: Sequence[str | Path] = (), *, rules: Sequence[str] = (),
    as_of: str | None = None, drafts: bool = False, shown: bool = False, reports: bool = False,
) -> Settings:  # fmt: skip
    """Check how to judge on the driver, where an error is one line, and pack it for the workers."""
    from linter.engine import Linter
    from linter.lexicon import load_lexicon

    platforms = (platform,) if isinstance(platform, str) else tuple(platform)
    lexicon = load_lexicon(lexicons)
    Linter(platforms, lexicon=lexicon, rules=rules, as_of=as_of, drafts=drafts)
    folders = tuple(packed(Path(folder)) for folder in lexicons)
    return Settings(platforms, lexicon.version, folders, tuple(rules), as_of, drafts, shown, reports)


def parsed(df: DataFrame, options: Options, files: Mapping[str, File] | None = None) -> DataFrame:
    """Return the rows of a DataFrame as PARSED, each with the place it came in as `came`."""
    from pyspark.sql import functions as F

    given = dict(options.columns)
    place = {PATH: given.pop("path", None), ROW: given.pop("row", None)}
    options = Options(channel=options.channel, platform=options.platform, columns=given, profile=options.profile, roles=options.roles)  # fmt: skip
    shape = Shape(FRAME, df.columns, options)
    unknown = [name for name in (*given.values(), *place.values()) if name and name not in df.columns]
    if unknown or "text" not in shape.found:
        raise KefulintError(
            f"{FRAME}:1: no column {', '.join(unknown) or 'of texts'} among {', '.join(df.columns)}, "
            "expected one named text, content, 内容 … or columns={'text': NAME}"
        )
    wanted = [_quoted(name) for name in dict.fromkeys(shape.found.values())]
    kinds = {PATH: "string", ROW: "bigint"}
    where = [(_quoted(name) if name else F.lit(None)).cast(kinds[as_]).alias(as_) for as_, name in place.items()]
    rows = df.select(*wanted, *where)
    found = rows.mapInArrow(frame_parser(df.columns, options, dict(files or {})), ddl(PARSED))
    return found.withColumn("came", F.monotonically_increasing_id())


def _quoted(name: str) -> Column:
    from pyspark.sql import functions as F

    return F.col(f"`{name.replace('`', '``')}`")


def turn_order() -> list[Column]:
    """Return what orders the turns of a session that come from no file."""
    from pyspark.sql import functions as F

    moment = F.expr("try_cast(replace(`time`, '/', '-') AS timestamp)")
    return [F.col("turn"), moment, F.col("time"), F.col("came")]


def judge_rows(
    rows: DataFrame, order: Sequence[Column | str], how: Settings, partitions: int | None = None
) -> DataFrame:
    """Bring the rows of each conversation to one partition, in order, and judge them. Rows without a session go anywhere."""
    from pyspark.sql import functions as F

    alone = F.when(F.col("session").isNull(), F.xxhash64("text", "line", "time"))
    keys = (F.col("session"), alone)
    spread = rows.repartition(partitions, *keys) if partitions else rows.repartition(*keys)
    ordered = spread.sortWithinPartitions("session", "file", *order)
    return ordered.select(*names(PARSED)).mapInArrow(judge(how), ddl(JUDGED))
