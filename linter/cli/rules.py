"""`kefulint rules`: the rule author's bench."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING

import click

from linter.cli.options import files, known, lexicon_of, linter_of, options, reading
from linter.model import Message

if TYPE_CHECKING:
    pass


@click.group()
def rules() -> None:
    """List, show, check and document the rules."""


@rules.command("list")
@click.option("-f", "--format", "kind", type=click.Choice(("text", "json")), default="text", show_default=True)
@options("lexicon")
def rules_list(lexicons: tuple[str, ...], kind: str) -> None:
    """List every rule with its default verdict and where it applies."""
    from linter import reports

    known = sorted(lexicon_of(lexicons).rules.values(), key=lambda rule: (rule.group, rule.id))
    if kind == "json":
        click.echo(reports.dump([
            {"rule": r.id, "group": r.group, "title": r.title, "verdict": r.verdict, "status": r.status,
             "needs": r.needs, "channels": list(r.channels)} for r in known
        ], indent=2))  # fmt: skip
        return
    rows = [(r.group, r.id, r.title, reports.VERDICT_NAMES[r.verdict], r.status, r.needs) for r in known]
    click.echo(reports.table(("类别", "规则", "名称", "默认判定", "状态", "需要"), rows))


@rules.command("show")
@click.argument("rule")
@options("lexicon")
def rules_show(rule: str, lexicons: tuple[str, ...]) -> None:
    """Show a rule's page: why, clauses, examples, what to say instead."""
    from linter import bench

    lexicon = lexicon_of(lexicons)
    click.echo(bench.doc(known(lexicon, rule), lexicon))


@rules.command("check", short_help="Run every example and look for what cannot work.")
@click.argument("only", nargs=-1, metavar="[RULE]...")
@options("lexicon")
def rules_check(only: tuple[str, ...], lexicons: tuple[str, ...]) -> None:
    """Run every example of the rules and look for spellings, concepts and clauses that cannot work."""
    from linter import bench

    lexicon = lexicon_of(lexicons)
    for name in only:
        known(lexicon, name)
    problems = bench.check(lexicon, only)
    for problem in problems:
        click.echo(problem, err=True)
    checked = [lexicon.rules[name] for name in only or lexicon.rules]
    examples = sum(len(r.violates) + len(r.passes) + (len(r.fix.examples) if r.fix else 0) for r in checked)
    click.echo(f"{len(checked)} rules, {examples} examples, {len(problems)} problems")
    sys.exit(2 if problems else 0)


@rules.command("doc", short_help="Write one Markdown page a rule to FOLDER.")
@click.argument("folder", type=click.Path(file_okay=False))
@options("lexicon")
def rules_doc(folder: str, lexicons: tuple[str, ...]) -> None:
    """Write one Markdown page a rule, an index and the coverage table to FOLDER."""
    from linter import bench

    lexicon = lexicon_of(lexicons)
    out = Path(folder)
    out.mkdir(parents=True, exist_ok=True)
    for rule in lexicon.rules.values():
        (out / f"{rule.id}.md").write_text(bench.doc(rule, lexicon), encoding="utf-8")
    (out / "index.md").write_text(bench.index(lexicon), encoding="utf-8")
    (out / "coverage.md").write_text(bench.coverage(lexicon), encoding="utf-8")
    click.echo(f"{len(lexicon.rules)} pages in {out}")


@rules.command("coverage")
@click.option(
    "-f", "--format", "kind", type=click.Choice(("text", "markdown", "json")), default="text", show_default=True
)
@options("lexicon")
def rules_coverage(kind: str, lexicons: tuple[str, ...]) -> None:
    """Show every norm of the rulebooks and what covers it."""
    from linter import bench, reports

    lexicon = lexicon_of(lexicons)
    entries = lexicon.rulebooks.coverage()
    if kind == "markdown":
        click.echo(bench.coverage(lexicon))
    elif kind == "json":
        click.echo(reports.dump([
            {"id": e.id, "platform": e.platform, "kind": e.kind, "title": e.title, "covered_by": list(e.covered_by)}
            for e in entries
        ], indent=2))  # fmt: skip
    else:
        rows = bench.coverage_rows(lexicon)
        click.echo(reports.table(("条目", "平台", "类型", "由什么覆盖"), rows))
        click.echo(bench.coverage_counts(lexicon))


@rules.command("schema")
@click.argument("kind", type=click.Choice(("concept", "rule", "rulebook")))
def rules_schema(kind: str) -> None:
    """Print the JSON Schema of a kind of file, for editors."""
    from linter import bench, reports

    click.echo(reports.dump(bench.schema(kind), indent=2))


@rules.command("try", short_help="Show what one RULE would hit in logs, and let go.")
@click.argument("rule")
@click.argument("paths", nargs=-1, required=True)
@click.option("-n", "most", type=int, default=50, show_default=True, help="Messages to show.")
@options("platform", "lexicon", "reading", "encoding", "column")
def rules_try(rule: str, paths: tuple[str, ...], most: int, platforms: tuple[str, ...], lexicons: tuple[str, ...],
              read_as: str | None, encoding: str | None, columns: tuple[str, ...]) -> None:  # fmt: skip
    """Show what one RULE would hit in logs, drafts included, and what it lets go and why."""
    from linter import bench, explaining
    from linter.sources import read

    linter = linter_of(platforms, lexicons, drafts=True)
    known(linter.lexicon, rule)
    options = reading(read_as, encoding, columns)
    messages = (item for path in files(paths) for item in read(path, options) if isinstance(item, Message))
    hits = passes = 0
    for trial in bench.try_rule(rule, messages, linter):
        hits += bool(trial.findings)
        passes += not trial.findings
        if hits + passes <= most:
            click.echo(explaining.trial(trial))
    click.echo(f"{rule}: {hits} messages hit, {passes} let go")
