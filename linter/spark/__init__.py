"""The same audit on Apache Spark: a DataFrame or files in, findings, counts and reports out.

`findings`, `summary` and `judged` take a DataFrame; `SparkRun` takes files; `session` starts Spark. Findings are those of
`kefulint audit` on one machine, ids included. Nothing of Spark is imported before a function is called.
"""

from linter.spark.frames import Judged, findings, judged, summary
from linter.spark.jvm import session
from linter.spark.run import SparkRun

__all__ = ["Judged", "SparkRun", "findings", "judged", "session", "summary"]
