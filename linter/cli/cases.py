"""`kefulint cases`: the labelled cases, checked, counted, shown, read twice and scored at first sight."""

from __future__ import annotations

import sys
from datetime import date
from pathlib import Path

import click

from linter import __version__
from linter.authoring import agreement as twice
from linter.authoring import corpus
from linter.cases import Case, digest, line_of, read, to_json, writers
from linter.cli.options import known, lexicon_of, options
from linter.entries import shipped_folder
from linter.evaluate import evaluate
from linter.model import KefulintError, SourceError
from linter.reports import dump

_FIRST_SIGHT = ("writer", "date", "engine", "cases", "block P", "block R", "all P", "all R", "seen")


@click.group()
def cases() -> None:
    """Check, count and show labelled cases."""


def _folder(paths: tuple[str, ...]) -> list[Path]:
    """Return the files and folders named, or the cases of this checkout."""
    if paths:
        return [Path(path) for path in paths]
    own = shipped_folder() / "cases"
    if not own.is_dir():
        raise KefulintError("no cases are installed with the program, expected a file or folder of cases to be named")
    return [own]


_PATHS = click.argument("paths", nargs=-1, type=click.Path(exists=True))
_FORMAT = click.option("-f", "--format", "kind", type=click.Choice(("text", "json")), default="text", show_default=True)


@cases.command("check", short_help="Name broken lines, lines that stand there twice, near-duplicates.")
@_PATHS
@options("lexicon")
def cases_check(paths: tuple[str, ...], lexicons: tuple[str, ...]) -> None:
    """Read cases and name every broken line, every line that stands there twice, and those that say nearly the same."""
    lexicon = lexicon_of(lexicons)
    problems: list[str] = []
    found: list[Case] = []
    places: dict[str, Path] = {}
    for path in writers(_folder(paths)):
        places[path.stem] = path
        try:
            found += read([path], lexicon)
        except SourceError as error:
            problems += error.problems
    problems += [_twice(places, alike, "stands there twice") for alike in corpus.repeated(found)]
    problems += [_twice(places, alike, f"says nearly the same ({alike.share:.2f})") for alike in corpus.alike(found)]
    for problem in dict.fromkeys(problems):
        click.echo(problem, err=True)
    click.echo(f"{len(found)} cases of {len(places)} writers, {len(problems)} problems")
    sys.exit(2 if problems else 0)


def _twice(places: dict[str, Path], alike: corpus.Alike, what: str) -> str:
    one, other = alike.one, alike.other
    return f"{places[other.writer]}:{other.line}: {what} as {places[one.writer]}:{one.line}, expected new wording in every line"


@cases.command("stats", short_help="Count rules, near misses, platforms, tags, lengths, writers.")
@_PATHS
@_FORMAT
@options("lexicon")
def cases_stats(paths: tuple[str, ...], kind: str, lexicons: tuple[str, ...]) -> None:
    """Count cases: rules, near misses, platforms, tags, lengths, writers."""
    found = corpus.stats(read(_folder(paths), lexicon_of(lexicons)))
    click.echo(dump(found.as_dict(), indent=2) if kind == "json" else corpus.render(found))


@cases.command("show")
@click.argument("rule")
@_PATHS
@click.option("--near", is_flag=True, help="The harmless lines that come near to the rule, instead of its breaches.")
@_FORMAT
@options("lexicon")
def cases_show(rule: str, paths: tuple[str, ...], near: bool, kind: str, lexicons: tuple[str, ...]) -> None:
    """Show the cases of one RULE."""
    lexicon = lexicon_of(lexicons)
    known(lexicon, rule)
    every = read(_folder(paths), lexicon)
    told = corpus.near_rules(every) if near else {}
    for case in every:
        shown = rule in (case.near or told.get(case.id, ())) if near else any(e.rule == rule for e in case.expect)
        if shown:
            click.echo(dump(to_json(case)) if kind == "json" else f"{case.id}\t{line_of(case, lexicon)}")


@cases.command("blind", short_help="Draw lines for a second reader, without marks.")
@click.argument("path", type=click.Path(exists=True, dir_okay=False))
@click.argument("sheet", type=click.Path(dir_okay=False))
@click.option(
    "--share", type=click.FloatRange(0, 1), default=twice.SHARE, show_default=True, help="Share of the lines."
)
@click.option("--seed", type=int, default=0, show_default=True)
@options("lexicon")
def cases_blind(path: str, sheet: str, share: float, seed: int, lexicons: tuple[str, ...]) -> None:
    """Draw lines of a writer's file PATH into SHEET: platform, channel, context, text, and a column for the second reader.

    The second reader writes `rule-id` (or `rule-id!verdict`) into it, several parted by commas, `-` for nothing.
    """
    lexicon = lexicon_of(lexicons)
    lines = []
    for case in twice.drawn(read([Path(path)], lexicon), share, seed):
        bare = line_of(case._replace(expect=(), allow=(), near=(), tags=()), lexicon).split("\t")
        lines.append("\t".join([digest(case), *bare[:4], ""]))
    Path(sheet).write_text("\n".join(lines) + "\n", encoding="utf-8")
    click.echo(f"{len(lines)} lines in {sheet}")


@cases.command("second", short_help="Take a filled-in SHEET in as second readings.")
@click.argument("path", type=click.Path(exists=True, dir_okay=False))
@click.argument("sheet", type=click.Path(exists=True, dir_okay=False))
@options("lexicon")
def cases_second(path: str, sheet: str, lexicons: tuple[str, ...]) -> None:
    """Take a filled-in SHEET of `cases blind` in beside the writer's file PATH, as second/WRITER.tsv."""
    lexicon = lexicon_of(lexicons)
    by_digest = {digest(case): case for case in read([Path(path)], lexicon)}
    readings, problems = twice.of_sheet(Path(sheet), by_digest, lexicon)
    if problems:
        raise SourceError(problems)
    target = Path(path).parent / "second" / Path(path).name
    target.parent.mkdir(exist_ok=True)
    target.write_text("".join(twice.line_of(one) + "\n" for one in readings), encoding="utf-8")
    click.echo(f"{len(readings)} second readings in {target}")


@cases.command("agreement", short_help="Show how far second readers agree with the writers.")
@_PATHS
@click.option("-v", "--verbose", is_flag=True, help="List the lines on which the two readers are not settled.")
@_FORMAT
@options("lexicon")
def cases_agreement(paths: tuple[str, ...], verbose: bool, kind: str, lexicons: tuple[str, ...]) -> None:
    """Show how far the second readers agree with the writers, per writer and per rule."""
    lexicon = lexicon_of(lexicons)
    found: dict[str, twice.Agreement] = {}
    for path in writers(_folder(paths)):
        second = path.parent / "second" / path.name
        if second.is_file():
            found[path.stem] = twice.agreement(read([path], lexicon), twice.read(second))
    if not found:
        raise KefulintError("nothing was read twice, expected second/WRITER.tsv beside a writer's file")
    click.echo(dump(twice.as_dict(found), indent=2) if kind == "json" else twice.render(found))
    for one in found.values() if verbose else ():
        for case in one.open:
            click.echo(f"open: {case}")


@cases.command("first-sight", short_help="Score new writers and put them on record.")
@_PATHS
@click.option("--seen", is_flag=True, help="The engine was tuned on these lines: say so in the table.")
@options("lexicon")
def cases_first_sight(paths: tuple[str, ...], seen: bool, lexicons: tuple[str, ...]) -> None:
    """Score each writer that second/first-sight.tsv beside the cases does not name yet with the engine of this moment.

    Run it before anything is tuned or trained with a new writer's lines: afterwards it would be no first sight.
    """
    lexicon = lexicon_of(lexicons)
    for path in writers(_folder(paths)):
        table = path.parent / "second" / "first-sight.tsv"
        table.parent.mkdir(exist_ok=True)
        rows = table.read_text(encoding="utf-8").splitlines() if table.is_file() else ["\t".join(_FIRST_SIGHT)]
        if any(row.split("\t")[0] == path.stem for row in rows):
            continue
        lines = read([path], lexicon)
        score = evaluate(map(to_json, lines), lexicon)
        numbers = (score.block.precision, score.block.recall, score.all.precision, score.all.recall)
        figures = [f"{number or 0:.3f}" for number in numbers]
        engine = f"{__version__}+{lexicon.version}"
        rows.append(
            "\t".join([path.stem, date.today().isoformat(), engine, str(len(lines)), *figures, "yes" if seen else "no"])
        )
        table.write_text("\n".join(rows) + "\n", encoding="utf-8")
        click.echo(rows[-1])
