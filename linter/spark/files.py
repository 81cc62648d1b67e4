"""Files of chat in, PARSED rows out: JSON lines, CSV, TSV and Parquet, on any file system that Spark reads.

Spark finds and splits the files and reads their bytes; the lines are parsed as the local engine parses them, so that rows,
numbers and troubles are the same. JSON lines are cut into splits, and how many lines stand before a split is counted
beforehand. The decision to question: a CSV file is one task. A quoted cell may hold line breaks, and nobody who begins in
the middle of a file can tell them from the end of a row.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from linter import logs
from linter.lines import PACKED, encoding_of
from linter.model import KefulintError, SourceError
from linter.sources import expanded
from linter.spark.frames import parsed
from linter.spark.parsing import PATH, ROW, File, key_of, line_parser
from linter.spark.rows import PARSED, ddl

if TYPE_CHECKING:
    from pyspark.sql import DataFrame, SparkSession

_WHOLE = str(1 << 60)  # bytes: no split is as large as this
_HEAD = 1 << 16  # bytes that tell the encoding
_PACKED = 6  # times as large as its file is what a packed one holds, about
_UNPACKED = ("", ".gz", ".bz2")  # what Hadoop reads everywhere without native libraries


@dataclass(frozen=True, slots=True)
class Log:
    """The rows of some files as PARSED, and how many bytes of them there are."""

    rows: DataFrame
    size: int


def read(session: SparkSession, paths: Sequence[str], options: logs.Options) -> Log:
    """Return the rows of files, folders and globs, with `file` numbered in the order of `paths`.

    Paths are local, or addresses such as hdfs://, s3a://. Raises KefulintError for what is not there or not read by Spark.
    """
    files = _files(session, paths, options)
    frames = []
    for kinds, reader in ((("jsonl",), _split), (("csv", "tsv"), _whole), (("parquet",), _parquet)):
        chosen = {uri: file for uri, file in files.items() if file.kind in kinds}
        if chosen:
            frames.append(reader(session, chosen, options))
    found = frames[0]
    for frame in frames[1:]:
        found = found.unionByName(frame)
    return Log(found, sum(file.size for file in files.values()))


def _files(session: SparkSession, paths: Sequence[str], options: logs.Options) -> dict[str, File]:
    """Return the files to read by address, in order."""
    found: list[tuple[str, str]] = []  # address, name in reports
    for path in paths:
        if "://" in path:
            found += [(uri, uri) for uri in _listed(session, path)]
        else:
            found += [(_address(name), name) for name in expanded([path])]
    files, problems = {}, []
    for number, (uri, name) in enumerate(dict(found).items()):
        kind = logs.format_of(name, options)
        if kind not in ("jsonl", "csv", "tsv", "parquet") or not _is_readable(name, kind):
            problems.append(
                f"{name}:1: not read by Spark, expected .jsonl, .csv or .tsv (plain, .gz, .bz2) or .parquet"
            )
            continue
        size, head = _looked_at(session, uri, name)
        encoding = options.encoding or encoding_of(head)
        if encoding == "utf-16" and kind != "parquet":
            problems.append(f"{name}:1: UTF-16 is not read by Spark, expected UTF-8 or GB18030")
        files[uri] = File(number, name, kind, encoding, size)
    if problems:
        raise KefulintError(problems)
    if not files:
        raise SourceError(f"{paths[0]}:1: nothing to read, expected files of chat")
    return files


def _is_readable(name: str, kind: str) -> bool:
    suffix = Path(name).suffix.lower()
    return (suffix if suffix in PACKED else "") in (("",) if kind == "parquet" else _UNPACKED)


def _address(path: str) -> str:
    found = Path(path).resolve()
    if not found.is_file():
        raise SourceError(f"{path}:1: cannot be opened, expected a readable file")
    return found.as_uri()


def _listed(session: SparkSession, address: str) -> list[str]:
    from pyspark.errors import PySparkException

    try:
        reader = session.read.option("recursiveFileLookup", "true").format("binaryFile")
        return sorted(reader.load(address).inputFiles())
    except PySparkException as error:
        raise SourceError(f"{address}:1: {_reason(error)}, expected files that Spark can list") from error


def _reason(error: Exception) -> str:
    return str(error).splitlines()[0][:200]


def _looked_at(session: SparkSession, uri: str, name: str) -> tuple[int, bytes]:
    """Return the size of a file and its first bytes, unpacked, through the file system it lies on."""
    jvm: Any = session._jvm
    hadoop = session._jsc.hadoopConfiguration()
    path = jvm.org.apache.hadoop.fs.Path(jvm.java.net.URI(uri))
    try:
        system = path.getFileSystem(hadoop)
        codec = jvm.org.apache.hadoop.io.compress.CompressionCodecFactory(hadoop).getCodec(path)
        stream = system.open(path)
        try:
            head = bytes((codec.createInputStream(stream) if codec else stream).readNBytes(_HEAD))
        finally:
            stream.close()
        return system.getFileStatus(path).getLen() * (_PACKED if codec else 1), head
    except Exception as error:  # py4j raises its own kind for whatever Java throws
        raise SourceError(f"{name}:1: cannot be read ({_reason(error)}), expected a readable file") from error


# --- lines -----------------------------------------------------------------------------------------------------------


def _split(session: SparkSession, files: Mapping[str, File], options: logs.Options) -> DataFrame:
    """Read JSON lines in splits, each knowing what stands before it."""
    lines = _lines(session, files)
    counts = {(row.uri, row.start): row["count"] for row in lines.groupBy("uri", "start").count().collect()}
    before: dict[tuple[str, int], int] = {}
    so_far: Counter[str] = Counter()
    for uri, start in sorted(counts):
        before[uri, start] = so_far[uri]
        so_far[uri] += counts[uri, start]
    return _parsed(lines, files, options, before)


def _whole(session: SparkSession, files: Mapping[str, File], options: logs.Options) -> DataFrame:
    """Read each file in one task. A session of its own carries the setting, so that the caller's stays as it is."""
    own = session.newSession()
    own.conf.set("spark.sql.files.maxPartitionBytes", _WHOLE)
    own.conf.set("spark.sql.files.openCostInBytes", _WHOLE)
    return _parsed(_lines(own, files), files, options, {})


def _lines(session: SparkSession, files: Iterable[str]) -> DataFrame:
    """Return the lines of files as bytes, with their file's address and the place of their split."""
    from pyspark.sql import functions as F

    # One line break only: the others (\r, \r\n) would be counted otherwise than an editor does.
    text = session.read.option("lineSep", "\n").text([_plain(uri) for uri in files])
    place = (F.col("_metadata.file_path").alias("uri"), F.col("_metadata.file_block_start").alias("start"))
    return text.select(*place, F.col("value").cast("binary").alias("line"))


def _plain(uri: str) -> str:
    """Return an address as Spark's readers want it: plain, but for signs that they would take for a pattern."""
    return re.sub(r"([\\*?\[\]{}])", r"\\\1", key_of(uri))


def _parsed(
    lines: DataFrame, files: Mapping[str, File], options: logs.Options, before: Mapping[tuple[str, int], int]
) -> DataFrame:
    from pyspark.sql import functions as F

    known = {key_of(uri): file for uri, file in files.items()}
    found = lines.mapInArrow(line_parser(options, known, dict(before)), ddl(PARSED))
    return found.withColumn("came", F.lit(0).cast("bigint"))


# --- Parquet ---------------------------------------------------------------------------------------------------------


def _parquet(session: SparkSession, files: Mapping[str, File], options: logs.Options) -> DataFrame:
    """Read Parquet files, which name their columns alike, with the number of every row."""
    from pyspark.sql import functions as F

    df = session.read.option("mergeSchema", "true").parquet(*(_plain(uri) for uri in files))
    rows = df.select("*", F.col("_metadata.file_path").alias(PATH), (F.col("_metadata.row_index") + 1).alias(ROW))
    known = {key_of(uri): file for uri, file in files.items()}
    return parsed(rows, replace(options, columns={**options.columns, "path": PATH, "row": ROW}), known)
