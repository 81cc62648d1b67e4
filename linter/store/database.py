"""A URL in, an engine out whose database is up to date, or a KefulintError that says what is wrong with it.

SQLite writes ahead and syncs at every commit: what was acknowledged survives a kill and a power cut. A writing
transaction takes the lock when it begins, so that it never fails half-way because another was faster.
"""

from __future__ import annotations

import json
import os
from contextlib import suppress
from functools import partial
from pathlib import Path
from typing import Any

import sqlalchemy as sa
from sqlalchemy.exc import ArgumentError, NoSuchModuleError, SQLAlchemyError

from linter.model import KefulintError

WRITES = {"writes": True}  # an execution option: the transaction is going to write
_MIGRATIONS = Path(__file__).parent / "migrations"
_LOCK = 7_205_733  # the advisory lock that upgrading takes on PostgreSQL


def default_url() -> str:
    """Return the URL of a database in a folder that only this user can read."""
    base = os.environ.get("KEFULINT_STATE") or os.environ.get("XDG_STATE_HOME")
    folder = Path(base) / "kefulint" if base else Path.home() / ".local" / "state" / "kefulint"
    try:
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        folder.chmod(0o700)
    except OSError as error:
        raise KefulintError(
            f"{folder}:1: cannot be made ({error.strerror}), expected a folder or --database URL"
        ) from None
    return f"sqlite:///{folder / 'decisions.sqlite'}"


def opened(url: str = "", *, upgrade: bool = True) -> sa.Engine:
    """Open a database, and bring it up to date where asked."""
    engine = reachable(url or default_url())
    try:
        if upgrade:
            _closed_to_others(engine)
            upgraded(engine)
        elif not _exists(engine) or state(engine)["revision"] != state(engine)["newest"]:
            raise KefulintError(
                f"{shown(engine)}: not the database of this version, expected one that `kefulint serve` upgraded"
            )
    except KefulintError:
        engine.dispose()
        raise
    except SQLAlchemyError as error:
        engine.dispose()
        cause = (str(getattr(error, "orig", None) or type(error).__name__).splitlines() or [""])[0][:200]
        raise KefulintError(f"{shown(engine)}: cannot be opened ({cause}), expected a database that is there") from None
    return engine


def _closed_to_others(engine: sa.Engine) -> None:
    """Make the file of a new SQLite database one that its user alone can read; what SQLite puts beside it follows."""
    name = engine.url.database
    if engine.dialect.name == "sqlite" and name and name != ":memory:" and not name.startswith("file:"):
        with suppress(OSError):  # opening it says what is wrong
            os.close(os.open(name, os.O_CREAT | os.O_RDWR, 0o600))


def _exists(engine: sa.Engine) -> bool:
    """Is there a file? Looking into SQLite would make one."""
    name = engine.url.database
    return engine.dialect.name != "sqlite" or bool(name and Path(name).is_file())


def shown(engine: sa.Engine) -> str:
    """Return the URL without its password."""
    return engine.url.render_as_string(hide_password=True)


def state(engine: sa.Engine) -> dict[str, Any]:
    """Return where the database is: its revision, and the newest there is."""
    from alembic.runtime.migration import MigrationContext

    revision = None
    if _exists(engine):
        with engine.connect() as connection:
            revision = MigrationContext.configure(connection).get_current_revision()
    return {"database": shown(engine), "revision": revision, "newest": _scripts().get_current_head()}


def reachable(url: str) -> sa.Engine:
    """Return an engine for a URL; it connects when it is first asked."""
    dump = partial(json.dumps, ensure_ascii=False)
    try:
        parsed = sa.make_url(url)
        if parsed.get_backend_name() == "postgresql" and "+" not in parsed.drivername:
            parsed = parsed.set(drivername="postgresql+psycopg")
        if parsed.get_backend_name() not in ("sqlite", "postgresql"):
            raise KefulintError(f"--database is of kind '{parsed.drivername}', expected sqlite or postgresql")
        limits: dict[str, Any] = {"connect_args": {"timeout": 10}}
        if parsed.get_backend_name() == "postgresql":
            limits = {"connect_args": {"connect_timeout": 5}, "pool_size": 6, "pool_timeout": 5}
        engine = sa.create_engine(parsed, hide_parameters=True, pool_pre_ping=True, json_serializer=dump, **limits)
    except (ArgumentError, NoSuchModuleError, ValueError):
        raise KefulintError("--database is no URL, expected sqlite:///path or postgresql://user@host/name") from None
    except ImportError:
        raise KefulintError("--database needs a driver, expected: pip install 'kefulint[postgres]'") from None
    if engine.dialect.name == "sqlite":
        sa.event.listen(engine, "connect", _connected)
        sa.event.listen(engine, "begin", _begun)
    return engine


def _connected(connection: Any, _: Any) -> None:
    connection.isolation_level = None  # the driver begins nothing by itself: see _begun
    for pragma in ("journal_mode=WAL", "synchronous=FULL", "foreign_keys=ON", "busy_timeout=10000"):
        connection.execute(f"PRAGMA {pragma}")


def _begun(connection: sa.Connection) -> None:
    connection.exec_driver_sql("BEGIN IMMEDIATE" if connection.get_execution_options().get("writes") else "BEGIN")


def _config() -> Any:
    from alembic.config import Config

    config = Config()
    config.set_main_option("script_location", str(_MIGRATIONS).replace("%", "%%"))
    return config


def _scripts() -> Any:
    from alembic.script import ScriptDirectory

    return ScriptDirectory.from_config(_config())


def upgraded(engine: sa.Engine, to: str = "head") -> None:
    """Run the migrations that are missing, all or none of them; two servers that start together do it once."""
    from alembic import command
    from alembic.runtime.migration import MigrationContext

    with engine.execution_options(**WRITES).begin() as connection:
        if engine.dialect.name == "postgresql":
            connection.execute(sa.text("SELECT pg_advisory_xact_lock(:key)"), {"key": _LOCK})
        revision = MigrationContext.configure(connection).get_current_revision()
        if revision is not None and revision not in {script.revision for script in _scripts().walk_revisions()}:
            raise KefulintError(f"{shown(engine)}: its revision {revision} is unknown here, expected a newer kefulint")
        config = _config()
        config.attributes["connection"] = connection
        command.upgrade(config, to)
