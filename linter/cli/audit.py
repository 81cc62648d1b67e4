"""`kefulint audit`: chat logs of any size, judged and summed up."""

from __future__ import annotations

import signal
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, NoReturn

import click

from linter.cli.options import day_of, options, reading
from linter.model import VERDICTS, KefulintError

if TYPE_CHECKING:
    from linter.audit import Audit, Chunk, Run

_FORMATS = ("jsonl", "csv", "parquet", "xlsx")
_BAR = "{percentage:3.0f}%|{bar}| {desc} 已用 {elapsed} 还要 {remaining}"


@click.command(short_help="Judge chat logs of any size and sum up what was found.")
@click.argument("paths", nargs=-1)
@click.option(
    "--out", type=click.Path(file_okay=False), default="kefulint-audit", show_default=True, help="Folder for reports."
)
@click.option(
    "-f", "--format", "formats", multiple=True, type=click.Choice(_FORMATS), default=("csv",), show_default=True,
    help="Output beside findings.jsonl and the reports, repeatable.",
)  # fmt: skip
@click.option(
    "--profile", metavar="NAME", help="Export of a workbench: qianniu, pinduoduo, feige, … Default: detected."
)
@click.option("--database", metavar="URL", help="Database to ask, as SQLAlchemy writes it; with --query.")
@click.option("--query", metavar="SQL", help="Query whose rows are the log, instead of files.")
@click.option(
    "-j",
    "--jobs",
    type=click.IntRange(0),
    default=1,
    show_default=True,
    help="Processes that judge; 0: one for every core.",
)
@click.option("--resume", is_flag=True, help="Go on with an audit that was stopped.")
@click.option(
    "--checkpoint", type=click.FloatRange(0), default=10, show_default=True, metavar="SECONDS",
    help="How often to note where to go on.",
)  # fmt: skip
@click.option(
    "--engine", type=click.Choice(("local", "spark")), default="local", show_default=True, help="What does the work."
)
@click.option(
    "--master", metavar="URL", help="With --engine spark: its master, such as local[4], yarn, spark://host:7077."
)
@click.option("--progress/--no-progress", default=None, help="Progress bar. Default: on a terminal.")
@click.option(
    "--compare", "earlier", type=click.Path(exists=True),
    help="Folder of an earlier audit: what got better or worse since.",
)  # fmt: skip
@click.option("--no-measures", is_flag=True, help="Leave out reply-time measures.")
@options(
    "platform", "lexicon", "rule", "as-of", "fail-on", "reading", "encoding", "column", "input", "contacts", "drafts"
)
def audit(out: str, formats: tuple[str, ...], jobs: int, resume: bool, checkpoint: float, progress: bool | None,
          earlier: str | None, fail_on: str, engine: str, master: str | None, strict_input: bool, allow_broken: bool, **given: Any) -> None:  # fmt: skip
    """Judge chat logs of any size and sum up by rule, agent, shop and platform.

    PATHS are files, folders and globs (`logs/**/*.csv.gz`): JSON lines, CSV, TSV, XLSX, Parquet, Arrow, text exports of
    conversations, packed (.gz, .bz2, .xz, .zst) or not; `-` is standard input. Or ask a database with --query.
    Writes findings.jsonl, summary.json, summary.txt, report.html and what --format says to --out, all at once when everything is
    judged. A row's own platform wins over --platform.
    """
    import os

    from linter import compare
    from linter.audit import Interrupted, Run

    folder = Path(out)
    before = compare.read_earlier(Path(earlier)) if earlier else None  # first: it may stand in --out
    run = Run(_audit_of(folder, **given), folder, formats, jobs or os.cpu_count() or 1, checkpoint, before)
    if engine == "spark":
        if strict_input:
            raise click.UsageError(
                "--strict-input needs --engine local, expected one of the two: on Spark nobody tells how a file was read"
            )
        click.echo("kefulint: Spark 上不逐个文件说怎样读入；要核对，请先用 --engine local 看一个样本文件", err=True)
        _on_spark(run, master, resume, fail_on, allow_broken)
    _say_what_is_there(folder, resume)
    with _shown(run, sys.stderr.isatty() if progress is None else progress, strict_input), _stopped_by_signals(run):
        try:
            run.start(resuming=resume)
        except Interrupted:
            click.echo(
                f"\nkefulint: stopped, what was judged is kept in {run.folder}/unfinished; the same command with --resume goes on",
                err=True,
            )
            sys.exit(130)
    _conclude(run, strict_input)
    sys.exit(_status(run, fail_on, strict_input, allow_broken))


def _on_spark(run: Run, master: str | None, resume: bool, fail_on: str, allow_broken: bool) -> NoReturn:
    from linter.spark import SparkRun

    run = SparkRun(run.audit, run.folder, run.formats, earlier=run.earlier, master=master)
    run.start(resuming=resume)
    _conclude(run)
    sys.exit(_status(run, fail_on, False, allow_broken))


def _audit_of(
    folder: Path, paths: tuple[str, ...], platforms: tuple[str, ...], lexicons: tuple[str, ...], rules: tuple[str, ...],
    as_of: str | None, read_as: str | None, encoding: str | None, columns: tuple[str, ...], show_contacts: bool,
    drafts: bool, no_measures: bool, profile: str | None, roles: tuple[str, ...], database: str | None, query: str | None,
) -> Audit:  # fmt: skip
    from linter.audit import Audit
    from linter.columns import parse_roles, profile_named
    from linter.sources import SUFFIXES, expanded

    if bool(database) != bool(query):
        raise click.UsageError("--query and --database belong together")
    if bool(paths) == bool(query):
        raise click.UsageError(
            "nothing to read, expected paths, or --query with --database"
            if not paths
            else "paths and --query, expected one of them"
        )
    if profile:
        profile_named(profile)
    how = reading(read_as, encoding, columns, platform=platforms[0] if platforms else None, need_text=True)
    how = replace(how, profile=profile, roles=parse_roles(roles))
    found = expanded(paths, folder)
    if paths and not found:
        raise KefulintError(f"{paths[0]}:1: no file that can be read, expected one of {', '.join(SUFFIXES)}")
    return Audit(
        tuple(found), how, (platforms or ("taobao",))[0], lexicons, rules, day_of(as_of), drafts, show_contacts,
        not no_measures, database, query,
    )  # fmt: skip


def _say_what_is_there(folder: Path, resuming: bool) -> None:
    there = (folder / "unfinished" / "checkpoint.json").is_file()
    if there and not resuming:
        click.echo(
            f"kefulint: {folder} holds an unfinished audit, which this one replaces (--resume would have gone on with it)",
            err=True,
        )
    if resuming and not there:
        click.echo(f"kefulint: nothing to go on with in {folder}: beginning anew", err=True)


def _conclude(run: Run, strict: bool = False) -> None:
    rate = (run.summary.messages + run.summary.buyers) / run.seconds
    click.echo((run.folder / "summary.txt").read_text("utf-8").rstrip("\n"))
    click.echo(
        f"\n用了 {run.seconds:,.1f} 秒，{rate:,.0f} 条/秒\n报告：" + "  ".join(str(path) for path in run.written())
    )
    for doubt in run.doubts:
        click.echo(f"kefulint: {'' if strict else 'warning: '}{doubt}", err=True)
    first = run.audit.paths[0] if run.audit.paths else "--query"
    if not run.summary.messages:
        what = "every row was taken for a buyer's" if run.summary.buyers else "nothing could be judged"
        how = "an agent's: name one with --role NAME=agent" if run.summary.buyers else "rows with a text and a role"
        click.echo(f"kefulint: {first}:1: {what}, expected {how}", err=True)


def _status(run: Run, fail_on: str, strict: bool, allow_broken: bool) -> int:
    """Nothing judged, or something that could not be, is 2 whatever was found: nobody may take it for a clean log."""
    if not run.summary.messages or (run.summary.troubles and not allow_broken) or (strict and run.doubts):
        return 2
    return 1 if _fails(run.summary, fail_on) else 0


def _fails(summary: Any, fail_on: str) -> bool:
    return fail_on != "never" and any(summary.verdicts[name] for name in VERDICTS[VERDICTS.index(fail_on) :])


@contextmanager
def _stopped_by_signals(run: Run) -> Iterator[None]:
    """Ctrl-C and a request to end let the chunk at hand be judged and kept; a second one ends at once."""

    def stop(number: int, frame: Any) -> None:
        if run.stop:
            raise KeyboardInterrupt
        run.stop = True

    before = {number: signal.signal(number, stop) for number in (signal.SIGINT, signal.SIGTERM)}
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


@contextmanager
def _shown(run: Run, wanted: bool, strict: bool) -> Iterator[None]:
    """Show how each file was read, and with `wanted` a bar with rate and time left; `strict`: a guess ends the run."""
    from linter.taken import lines_of

    bar = _bar(run) if wanted else None

    def advance(run: Run, chunk: Chunk) -> None:
        taken = chunk.table.taken
        if taken:
            click.echo(f"{chr(13) if bar else ''}kefulint: {lines_of([taken])[0]}", err=True)
        if taken and strict and taken.guesses:
            raise KefulintError([str(guess) for guess in taken.guesses])
        if bar is not None:
            rows, found = run.summary.messages + run.summary.buyers, sum(run.summary.verdicts.values())
            rate = (rows - bar.rows) / (bar.format_dict["elapsed"] or 1)
            bar.set_description_str(f"{rows:,} 条 {rate:,.0f} 条/秒 {found:,} 处", refresh=False)
            bar.update(run.read - bar.n)

    run.advance = advance
    try:
        yield
    finally:
        if bar is not None:
            bar.refresh()  # the last state, which a short run never drew
            bar.close()


def _bar(run: Run) -> Any:
    try:
        from tqdm import tqdm
    except ImportError:
        raise KefulintError("--progress needs a library, expected: pip install 'kefulint[audit]'") from None
    bar = tqdm(total=run.size or None, unit="B", bar_format=_BAR if run.size else None, file=sys.stderr, leave=False)
    bar.rows = 0
    return bar
