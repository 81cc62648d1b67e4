"""Real servers for the tests: `kefulint serve` as a process of its own, and a PostgreSQL made for the test run."""

from __future__ import annotations

import contextlib
import os
import re
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

ROOT = Path(__file__).parent.parent
_BINARIES = sorted(Path("/usr/lib/postgresql").glob("*/bin/postgres"))


@dataclass(frozen=True)
class Served:
    """A server that runs."""

    url: str
    process: subprocess.Popen[str]
    errors: Path

    def log(self) -> str:
        return self.errors.read_text(encoding="utf-8")


@contextmanager
def served(folder: Path, *options: str, database: str = "") -> Iterator[Served]:
    """Start a server on a free port; end it as an operator would, unless the test has."""
    errors = folder / "server.log"
    url = database or f"sqlite:///{folder / 'decisions.sqlite'}"
    command = [sys.executable, "-u", "-m", "linter", "serve", "--port", "0", "--database", url, *options]
    with errors.open("a", encoding="utf-8") as log:
        process = subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, stderr=log, text=True)
    assert process.stdout
    try:
        address = re.search(r"http://\S+:\d+", process.stdout.readline())
        assert address, errors.read_text(encoding="utf-8")
        yield Served(address.group(), process, errors)
    finally:
        if process.poll() is None:
            process.terminate()
        try:
            process.wait(30)
        finally:
            process.kill()
            process.stdout.close()


@pytest.fixture(scope="session")
def postgres() -> Iterator[str]:
    """Start a PostgreSQL of the system's packages on a socket of its own; give a URL without a database's name."""
    if not _BINARIES:
        pytest.skip("no PostgreSQL on this machine, expected /usr/lib/postgresql/*/bin")
    folder = Path(tempfile.mkdtemp(prefix="kefulint-pg-"))
    other: dict[str, Any] = {}
    if os.getuid() == 0:  # PostgreSQL refuses to run as root
        shutil.chown(folder, "postgres", "postgres")
        other = {"user": "postgres", "group": "postgres", "extra_groups": []}
    binaries, data = _BINARIES[-1].parent, folder / "data"
    quiet: dict[str, Any] = {"stdout": subprocess.DEVNULL, "stderr": subprocess.DEVNULL, "cwd": folder, **other}
    made = [str(binaries / "initdb"), "-D", str(data), "-A", "trust", "-U", "postgres", "-E", "UTF8", "--no-sync"]
    subprocess.run(made, check=True, **quiet)
    settings = ["-c", "listen_addresses=", "-c", f"unix_socket_directories={folder}", "-c", "fsync=off"]
    process = subprocess.Popen([str(binaries / "postgres"), "-D", str(data), *settings], **quiet)
    try:
        yield f"postgresql://postgres@/%s?host={folder}"
    finally:
        process.send_signal(3)  # SIGQUIT: at once, nothing of it is needed any more
        process.wait(30)
        shutil.rmtree(folder, ignore_errors=True)


def new_database(postgres: str, name: str) -> str:
    """Make an empty database; return its URL."""
    import psycopg

    for _ in range(300):
        with (
            contextlib.suppress(psycopg.OperationalError),
            psycopg.connect(postgres % "postgres", autocommit=True) as connection,
        ):
            connection.execute(f'CREATE DATABASE "{name}"')
            return postgres % name
        time.sleep(0.1)
    raise AssertionError("PostgreSQL does not answer")


def drop_database(postgres: str, name: str) -> None:
    """Take a database away, whoever uses it."""
    import psycopg

    with psycopg.connect(postgres % "postgres", autocommit=True) as connection:
        connection.execute(f'DROP DATABASE "{name}" WITH (FORCE)')
