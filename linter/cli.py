"""The command `kefulint`: options in, the other modules' answers out. No rule logic lives here.

Exit status: 0 clean, 1 findings at `--fail-on` or above, 2 wrong usage or data that could not be judged at all. The
engine is imported inside the commands, so that `kefulint --help` starts quickly.
"""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from linter import __version__
from linter.model import CHANNELS, PLATFORMS, Finding, KefulintError, Message

if TYPE_CHECKING:
    from linter.engine import Linter
    from linter.lexicon import Lexicon
    from linter.sources import Options, Trouble

_FAIL_ON = ("error", "warning", "info", "never")
_READABLE = ("text", "markdown", "csv", "tsv", "xlsx", "json", "jsonl", "yaml")
_REPORTS = ("text", "json", "jsonl", "csv", "github", "junit", "sarif")


class _Group(click.Group):
    """Turns our errors into their lines on standard error and exit status 2."""

    def invoke(self, ctx: click.Context) -> Any:
        try:
            return super().invoke(ctx)
        except KefulintError as error:
            for problem in error.problems:
                click.echo(f"kefulint: {problem}", err=True)
            sys.exit(2)
        except BrokenPipeError:
            sys.stderr.close()
            sys.exit(1)


@click.group(cls=_Group, context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(__version__, prog_name="kefulint")
def main() -> None:
    """The linter for what online shops say to buyers.

    Finds wording in chat messages, canned replies and listings that breaks a platform's rules, and says which clause it
    breaks, what that costs and what to say instead.
    """
    for stream in (sys.stdout, sys.stderr):
        if hasattr(stream, "reconfigure"):
            stream.reconfigure(encoding="utf-8", errors="backslashreplace")


# --- options that several commands share -----------------------------------------------------------------------------


def _options(*names: str) -> Callable[[Callable[..., None]], Callable[..., None]]:
    known: dict[str, Any] = {
        "platform": click.option(
            "-p", "--platform", "platforms", multiple=True, type=click.Choice(PLATFORMS), metavar="NAME",
            help=f"Platform to judge on, repeatable: {', '.join(PLATFORMS)}. Default: taobao.",
        ),
        "lexicon": click.option(
            "-l", "--lexicon", "lexicons", multiple=True, type=click.Path(exists=True, file_okay=False),
            help="Folder with a shop's own concepts, rules and rulebooks, repeatable.",
        ),
        "rule": click.option("-r", "--rule", "rules", multiple=True, metavar="ID", help="Only this rule, repeatable."),
        "as-of": click.option("--as-of", metavar="DATE", help="Price by the figures of this day (2023-01-31)."),
        "fail-on": click.option(
            "--fail-on", type=click.Choice(_FAIL_ON), default="error", show_default=True,
            help="Least verdict that makes the exit status 1.",
        ),
        "reading": click.option(
            "--read-as", type=click.Choice(_READABLE), help="Format of the input; default: by the file's suffix."
        ),
        "encoding": click.option("--encoding", help="Encoding of the input; default: UTF-8 or GB18030, detected."),
        "column": click.option(
            "--column", "columns", multiple=True, metavar="FIELD=NAME",
            help="What a column is called, e.g. text=内容. Fields: text, role, session, time, agent, "
            "shop, platform, id; of listings title, detail, category, brand, price, freight, free_shipping.",
        ),
        "contacts": click.option("--show-contacts", is_flag=True, help="Do not mask phone numbers and ids."),
        "drafts": click.option("--drafts", is_flag=True, help="Run rules that are still drafts too."),
    }  # fmt: skip

    def decorate(command: Callable[..., None]) -> Callable[..., None]:
        for name in reversed(names):
            command = known[name](command)
        return command

    return decorate


def _linter(
    platforms: tuple[str, ...], lexicons: tuple[str, ...], rules: tuple[str, ...] = (), as_of: str | None = None,
    drafts: bool = False,
) -> Linter:  # fmt: skip
    from linter.engine import Linter

    return Linter(platforms or "taobao", lexicons, rules=rules, as_of=_day(as_of), drafts=drafts)


def _day(text: str | None) -> str | None:
    if text is None:
        return None
    from datetime import date

    try:
        return date.fromisoformat(text).isoformat()
    except ValueError:
        raise click.UsageError(f"--as-of is '{text}', expected a date such as 2023-01-31") from None


def _reading(
    read_as: str | None, encoding: str | None, columns: tuple[str, ...], channel: str = "chat", platform: str | None = None,
    need_text: bool = False,
) -> Options:  # fmt: skip
    import codecs

    from linter.sources import Options, parse_columns

    if encoding is not None:
        try:
            codecs.lookup(encoding)
        except LookupError:
            raise click.UsageError(f"unknown encoding '{encoding}', expected a name such as utf-8 or gb18030") from None
    return Options(read_as, encoding, channel, platform, parse_columns(columns), need_text)


def _lexicon(lexicons: tuple[str, ...]) -> Lexicon:
    from linter.lexicon import load_lexicon

    return load_lexicon(lexicons)


def _fails(findings: Iterable[Finding], fail_on: str) -> bool:
    from linter.model import VERDICTS

    if fail_on == "never":
        return False
    return any(VERDICTS.index(finding.verdict) >= VERDICTS.index(fail_on) for finding in findings)


def _files(paths: tuple[str, ...]) -> Iterator[str]:
    """Yield the files named, and of folders every file of a format we read."""
    from linter.sources import SUFFIXES

    for path in paths:
        if path != "-" and Path(path).is_dir():
            inside = sorted(p for p in Path(path).rglob("*") if p.is_file() and p.suffix.lower() in SUFFIXES)
            yield from (
                str(p) for p in inside if not any(part.startswith(".") for part in p.parts[:-1] if part != "..")
            )
        else:
            yield path


# --- check -----------------------------------------------------------------------------------------------------------


@main.command()
@click.argument("paths", nargs=-1)
@click.option("-t", "--text", "texts", multiple=True, help="Judge this text instead of files, repeatable.")
@click.option("--buyer", "said", multiple=True, help="What the buyer said before --text, repeatable.")
@click.option("--channel", type=click.Choice(CHANNELS), default="chat", show_default=True, help="What the texts are.")
@click.option("-f", "--format", "kind", type=click.Choice(_REPORTS), default="text", show_default=True, help="Report.")
@click.option("-q", "--quiet", is_flag=True, help="No count at the end.")
@_options("platform", "lexicon", "rule", "as-of", "fail-on", "reading", "encoding", "column", "contacts", "drafts")
def check(paths: tuple[str, ...], texts: tuple[str, ...], said: tuple[str, ...], channel: str, kind: str, quiet: bool,
          platforms: tuple[str, ...], lexicons: tuple[str, ...], rules: tuple[str, ...], as_of: str | None, fail_on: str,
          read_as: str | None, encoding: str | None, columns: tuple[str, ...], show_contacts: bool, drafts: bool) -> None:  # fmt: skip
    """Judge files of replies, or standard input (-).

    Reads text (a message a line), Markdown, CSV, JSON, JSON lines and YAML; folders are searched for these.
    """
    from linter import reports

    if not paths and not texts:
        if sys.stdin.isatty():
            raise click.UsageError("nothing to judge, expected files, - or --text")
        paths = ("-",)
    linter = _linter(platforms, lexicons, rules, as_of, drafts)
    options = _reading(read_as, encoding, columns, channel)
    other = (lambda name: _linter((name,), lexicons, rules, as_of, drafts)) if not platforms else None
    checker = _Checker(linter, options, other)
    found = [*checker.texts(texts, said, channel), *checker.files(_files(paths))]
    found = [(finding, text) for finding, text in found if kind != "text" or finding.verdict != "none"]
    if found or kind not in ("text", "github"):
        click.echo(reports.render(found, kind, colour=sys.stdout.isatty(), shown=show_contacts or bool(texts)))
    for trouble in checker.troubles:
        click.echo(f"kefulint: {trouble}", err=True)
    if not quiet:
        click.echo(_count(checker, [finding for finding, _ in found]), err=True)
    if checker.troubles and not checker.messages:
        sys.exit(2)
    sys.exit(1 if _fails((finding for finding, _ in found), fail_on) else 0)


class _Checker:
    """Judges items one by one and keeps the troubles and the count. `other` makes the linter for a row's own platform."""

    def __init__(self, linter: Linter, options: Options, other: Callable[[str], Linter] | None) -> None:
        self.linter = linter
        self.options = options
        self.other = other
        self.others: dict[str, Linter] = {}
        self.troubles: list[Trouble] = []
        self.messages = 0

    def texts(self, texts: tuple[str, ...], said: tuple[str, ...], channel: str) -> Iterator[tuple[Finding, str]]:
        from linter.model import Turn

        context = [Turn("buyer", text) for text in said]
        for text in texts:
            self.messages += 1
            yield from ((f, text) for f in self.linter.check(text, channel, context))

    def of(self, platform: str | None) -> Linter:
        if platform is None or self.other is None:
            return self.linter
        if platform not in self.others:
            self.others[platform] = self.other(platform)
        return self.others[platform]

    def files(self, paths: Iterable[str]) -> Iterator[tuple[Finding, str]]:
        from dataclasses import replace

        from linter.sources import Trouble, read

        records = []
        for path in paths:
            for item in read(path, self.options):
                if isinstance(item, Trouble):
                    self.troubles.append(item)
                    continue
                self.messages += 1
                if isinstance(item, Message):
                    yield from ((finding, item.text) for finding in self.of(item.origin.platform).check_message(item))
                    continue
                records.append(item)
                for finding in self.of(item.origin.platform).check_listing(item.record):
                    yield replace(finding, origin=item.origin), str(item.record.get(finding.field or "title", ""))
        yield from self._sets(records)

    def _sets(self, records: list[Any]) -> Iterator[tuple[Finding, str]]:
        from dataclasses import replace

        if len(records) < 2 or not any(self.linter.lexicon.rules[r].needs == "set" for r in self.linter.rules):
            return
        places = {str(item.record.get("id")): item.origin for item in records}
        for finding in self.linter.check_listings(item.record for item in records):
            origin = places.get(finding.ids[0]) if finding.ids else None
            yield (replace(finding, origin=origin) if origin else finding), finding.text


def _count(checker: _Checker, findings: list[Finding]) -> str:
    from linter.reports import VERDICT_NAMES

    counts = "，".join(
        f"{VERDICT_NAMES[v]} {sum(f.verdict == v for f in findings)}" for v in ("error", "warning", "info")
    )
    bad = f"；{len(checker.troubles)} 处没能判" if checker.troubles else ""
    return f"检查了 {checker.messages} 条：{counts}{bad}"


# --- audit -----------------------------------------------------------------------------------------------------------


@main.command()
@click.argument("paths", nargs=-1, required=True)
@click.option(
    "--out", type=click.Path(file_okay=False), default="kefulint-audit", show_default=True, help="Folder for reports."
)
@click.option("--no-measures", is_flag=True, help="Leave out reply-time measures.")
@_options("platform", "lexicon", "rule", "as-of", "fail-on", "reading", "encoding", "column", "contacts", "drafts")
def audit(paths: tuple[str, ...], out: str, no_measures: bool, platforms: tuple[str, ...], lexicons: tuple[str, ...],
          rules: tuple[str, ...], as_of: str | None, fail_on: str, read_as: str | None, encoding: str | None,
          columns: tuple[str, ...], show_contacts: bool, drafts: bool) -> None:  # fmt: skip
    """Judge chat logs (JSON lines, CSV) of any size and sum up by rule, agent, shop and platform.

    Writes findings.jsonl, findings.csv, summary.json and summary.txt to --out. A row's own platform wins over --platform.
    """
    from linter import audit as auditing
    from linter import reports, service
    from linter.engine import Linter

    lexicon = _lexicon(lexicons)
    day = _day(as_of)
    linters = auditing.Linters(
        lambda name: Linter(name, lexicon=lexicon, rules=rules, as_of=day, drafts=drafts), (platforms or ("taobao",))[0]
    )
    summary = auditing.Summary()
    clocks = service.Clocks()
    options = _reading(read_as, encoding, columns, need_text=True)
    folder = Path(out)
    worst = False
    with _progress(summary) as advance:
        found = auditing.judged(_files(paths), options, linters, summary, clocks)
        for finding in auditing.write(found, folder, shown=show_contacts):
            worst = worst or _fails([finding], fail_on)
            advance()
    measured = [] if no_measures else list(service.measure(clocks.finish(), lexicon.rulebooks.measures.values()))
    text = auditing.as_text(summary, lexicon, measured)
    data = summary.as_dict(lexicon) | {"measures": [_measure_data(result) for result in measured]}
    (folder / "summary.txt").write_text(text + "\n", encoding="utf-8")
    (folder / "summary.json").write_text(reports.dump(data, indent=2) + "\n", encoding="utf-8")
    click.echo(text)
    click.echo(f"\n报告：{folder}/findings.jsonl  {folder}/findings.csv  {folder}/summary.json  {folder}/summary.txt")
    if not summary.messages and not summary.buyers:
        click.echo(f"kefulint: {paths[0]}:1: nothing could be judged, expected rows with a text and a role", err=True)
        sys.exit(2)
    sys.exit(1 if worst else 0)


def _measure_data(result: Any) -> dict[str, Any]:
    from linter.reports import number

    one = result.measure
    return {
        "id": one.id, "title": one.title, "rule": one.rule, "platform": one.platform, "shop": result.shop,
        "day": result.day, "asked": result.asked, "value": number(result.value), "at_least": number(one.at_least),
        "at_most": number(one.at_most), "short": result.short, "exempt": result.exempt,
    }  # fmt: skip


class _progress:
    """Shows a running count on a terminal, once a second; nothing elsewhere."""

    def __init__(self, summary: Any) -> None:
        self.summary = summary
        self.shown = sys.stderr.isatty()
        self.last = 0.0

    def __enter__(self) -> Callable[[], None]:
        return self.advance

    def advance(self) -> None:
        if self.shown and self.summary.seconds - self.last > 1:
            self.last = self.summary.seconds
            click.echo(
                f"\r{self.summary.messages:,} 条，{sum(self.summary.verdicts.values()):,} 处", nl=False, err=True
            )

    def __exit__(self, *_: object) -> None:
        if self.shown and self.last:
            click.echo("\r" + " " * 60 + "\r", nl=False, err=True)


# --- explain ---------------------------------------------------------------------------------------------------------


@main.command()
@click.argument("rule", required=False)
@click.option("-t", "--text", help="Explain what is found in this text, on every platform side by side.")
@click.option("--buyer", "said", multiple=True, help="What the buyer said before, repeatable.")
@click.option("--channel", type=click.Choice(CHANNELS), default="chat", show_default=True, help="What the text is.")
@click.option("-f", "--format", "kind", type=click.Choice(("text", "json")), default="text", show_default=True)
@_options("platform", "lexicon", "as-of", "drafts")
def explain(rule: str | None, text: str | None, said: tuple[str, ...], channel: str, kind: str,
            platforms: tuple[str, ...], lexicons: tuple[str, ...], as_of: str | None, drafts: bool) -> None:  # fmt: skip
    """Explain a RULE (its clauses on every platform), or a --text (findings, and what was let go and why)."""
    from linter import explaining

    if (rule is None) == (text is None):
        raise click.UsageError("expected a RULE or --text")
    linter = _linter(platforms or PLATFORMS, lexicons, (), as_of, drafts)
    if rule is not None:
        if rule not in linter.lexicon.rules:
            known = ", ".join(sorted(linter.lexicon.rules))
            raise KefulintError(f"unknown rule '{rule}', expected one of {known}")
        click.echo(explaining.rule(linter, rule, kind))
        return
    from linter.model import Turn

    message = Message(text or "", channel, [Turn("buyer", words) for words in said])
    click.echo(explaining.text(linter, message, kind))


# --- rules -----------------------------------------------------------------------------------------------------------


@main.group("rules")
def rules_group() -> None:
    """List, show, check and document the rules."""


@rules_group.command("list")
@click.option("-f", "--format", "kind", type=click.Choice(("text", "json")), default="text", show_default=True)
@_options("lexicon")
def rules_list(lexicons: tuple[str, ...], kind: str) -> None:
    """List every rule with its default verdict and where it applies."""
    from linter import reports

    known = sorted(_lexicon(lexicons).rules.values(), key=lambda rule: (rule.group, rule.id))
    if kind == "json":
        click.echo(reports.dump([
            {"rule": r.id, "group": r.group, "title": r.title, "verdict": r.verdict, "status": r.status,
             "needs": r.needs, "channels": list(r.channels)} for r in known
        ], indent=2))  # fmt: skip
        return
    rows = [(r.group, r.id, r.title, reports.VERDICT_NAMES[r.verdict], r.status, r.needs) for r in known]
    click.echo(reports.table(("类别", "规则", "名称", "默认判定", "状态", "需要"), rows))


@rules_group.command("show")
@click.argument("rule")
@_options("lexicon")
def rules_show(rule: str, lexicons: tuple[str, ...]) -> None:
    """Show a rule's page: why, clauses, examples, what to say instead."""
    from linter import bench

    lexicon = _lexicon(lexicons)
    click.echo(bench.doc(_known(lexicon, rule), lexicon))


def _known(lexicon: Lexicon, rule: str) -> Any:
    if rule not in lexicon.rules:
        raise KefulintError(f"unknown rule '{rule}', expected one of {', '.join(sorted(lexicon.rules))}")
    return lexicon.rules[rule]


@rules_group.command("check")
@click.argument("only", nargs=-1, metavar="[RULE]...")
@_options("lexicon")
def rules_check(only: tuple[str, ...], lexicons: tuple[str, ...]) -> None:
    """Run every example of the rules and look for spellings, concepts and clauses that cannot work."""
    from linter import bench

    lexicon = _lexicon(lexicons)
    for name in only:
        _known(lexicon, name)
    problems = bench.check(lexicon, only)
    for problem in problems:
        click.echo(problem, err=True)
    checked = [lexicon.rules[name] for name in only or lexicon.rules]
    examples = sum(len(rule.violates) + len(rule.passes) for rule in checked)
    click.echo(f"{len(checked)} rules, {examples} examples, {len(problems)} problems")
    sys.exit(2 if problems else 0)


@rules_group.command("doc")
@click.argument("folder", type=click.Path(file_okay=False))
@_options("lexicon")
def rules_doc(folder: str, lexicons: tuple[str, ...]) -> None:
    """Write one Markdown page a rule, an index and the coverage table to FOLDER."""
    from linter import bench

    lexicon = _lexicon(lexicons)
    out = Path(folder)
    out.mkdir(parents=True, exist_ok=True)
    for rule in lexicon.rules.values():
        (out / f"{rule.id}.md").write_text(bench.doc(rule, lexicon), encoding="utf-8")
    (out / "index.md").write_text(bench.index(lexicon), encoding="utf-8")
    (out / "coverage.md").write_text(bench.coverage(lexicon), encoding="utf-8")
    click.echo(f"{len(lexicon.rules)} pages in {out}")


@rules_group.command("coverage")
@click.option(
    "-f", "--format", "kind", type=click.Choice(("text", "markdown", "json")), default="text", show_default=True
)
@_options("lexicon")
def rules_coverage(kind: str, lexicons: tuple[str, ...]) -> None:
    """Show every norm of the rulebooks and what covers it."""
    from linter import bench, reports

    lexicon = _lexicon(lexicons)
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


@rules_group.command("schema")
@click.argument("kind", type=click.Choice(("concept", "rule", "rulebook")))
def rules_schema(kind: str) -> None:
    """Print the JSON Schema of a kind of file, for editors."""
    from linter import bench, reports

    click.echo(reports.dump(bench.schema(kind), indent=2))


@rules_group.command("try")
@click.argument("rule")
@click.argument("paths", nargs=-1, required=True)
@click.option("-n", "most", type=int, default=50, show_default=True, help="Messages to show.")
@_options("platform", "lexicon", "reading", "encoding", "column")
def rules_try(rule: str, paths: tuple[str, ...], most: int, platforms: tuple[str, ...], lexicons: tuple[str, ...],
              read_as: str | None, encoding: str | None, columns: tuple[str, ...]) -> None:  # fmt: skip
    """Show what one RULE would hit in logs, drafts included, and what it lets go and why."""
    from linter import bench, explaining
    from linter.sources import read

    linter = _linter(platforms, lexicons, drafts=True)
    _known(linter.lexicon, rule)
    options = _reading(read_as, encoding, columns)
    messages = (item for path in _files(paths) for item in read(path, options) if isinstance(item, Message))
    hits = passes = 0
    for trial in bench.try_rule(rule, messages, linter):
        hits += bool(trial.findings)
        passes += not trial.findings
        if hits + passes <= most:
            click.echo(explaining.trial(trial))
    click.echo(f"{rule}: {hits} messages hit, {passes} let go")


# --- eval and ledger -------------------------------------------------------------------------------------------------


@main.command("eval")
@click.argument("cases", nargs=-1, required=True, type=click.Path(exists=True, dir_okay=False))
@click.option("-f", "--format", "kind", type=click.Choice(("text", "json")), default="text", show_default=True)
@click.option("-v", "--verbose", is_flag=True, help="List every disagreement.")
@_options("lexicon", "rule")
def eval_(cases: tuple[str, ...], kind: str, verbose: bool, lexicons: tuple[str, ...], rules: tuple[str, ...]) -> None:
    """Score labelled CASES: precision and recall, by rule and by tag."""
    from linter import evaluate, reports

    lexicon = _lexicon(lexicons)
    for name in rules:
        _known(lexicon, name)
    read = [case for path in cases for case in evaluate.read_cases(Path(path))]
    score = evaluate.evaluate(read, lexicon, rules)
    click.echo(reports.dump(score.as_dict(), indent=2) if kind == "json" else
               evaluate.render(score, "all" if verbose else ""))  # fmt: skip


@main.command()
@click.argument("paths", nargs=-1, required=True, type=click.Path(exists=True, dir_okay=False))
@click.option(
    "--decisions",
    type=click.Path(exists=True, dir_okay=False),
    help="JSON lines or CSV: id, decision (confirmed, rejected).",
)
@click.option("--warnings", is_flag=True, help="Count warnings too, not only errors.")
@click.option(
    "-f",
    "--format",
    "kind",
    type=click.Choice(("text", "json", "csv", "xlsx", "svg")),
    default="text",
    show_default=True,
)
@click.option("-o", "--out", type=click.Path(dir_okay=False), help="File to write; needed for xlsx.")
@_options("lexicon", "as-of")
def ledger(paths: tuple[str, ...], decisions: str | None, warnings: bool, kind: str, out: str | None,
           lexicons: tuple[str, ...], as_of: str | None) -> None:  # fmt: skip
    """Add up findings (findings.jsonl of an audit) to balances, nodes and what the next offence would cost."""
    from linter import ledger as books
    from linter import statement

    lexicon = _lexicon(lexicons)
    verdicts = ("error", "warning") if warnings else ("error",)
    offences = [o for path in paths for o in books.read_offences(Path(path), verdicts)]
    decided = books.read_decisions(Path(decisions)) if decisions else None
    risk = books.at_stake(offences, lexicon.rulebooks, decided, _day(as_of))
    fallen = books.charged(offences, lexicon.rulebooks, decided, _day(as_of)) if decided is not None else None
    if kind == "xlsx":
        if out is None:
            raise click.UsageError("--format xlsx needs --out FILE.xlsx")
        statement.write_xlsx(Path(out), risk, fallen)
        return
    shown = statement.render(risk, fallen, lexicon.rulebooks, kind)
    if out is None:
        click.echo(shown)
    else:
        Path(out).write_text(shown + "\n", encoding="utf-8")
