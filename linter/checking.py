"""Paths in, a report out: configuration, document, judgement, suppressions, baseline, in that order.

A `Checker` is the one way files of replies are checked, on the command line and in editors. The decision to question: what
is wrong with a configuration stops a check at once, what is wrong with a suppression does not; it is gathered, for the
findings of the other files are of use all the same.
"""

from __future__ import annotations

import os
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import date
from itertools import groupby
from pathlib import Path
from typing import TYPE_CHECKING, Any

from linter import cache, formats, suppress
from linter.config import Config, Finder, Pattern, Settings, Value, full_path
from linter.engine import Linter
from linter.formats import Document, Listing, Options
from linter.inputs import PACKED
from linter.model import VERDICTS, Finding, Message, SourceError, Turn
from linter.results import Report, Result
from linter.suppress import Allowances, Suppression
from linter.taken import Taken

if TYPE_CHECKING:  # what a clean file needs none of is imported where it is needed
    from linter.baseline import Baseline
    from linter.lexicon import Lexicon

Item = Message | Listing
_OWN_FILES = (suppress.SIDE_FILE,)
UNREAD = frozenset((".doc", ".docx", ".wps", ".pdf", ".rtf", ".ppt", ".pptx", ".html", ".htm", ".numbers", ".pages"))
_MANY = 2000  # replies of a file from which on it pays to set up a batch


@dataclass(frozen=True, slots=True)
class Given:
    """What the caller says beyond the configuration. `settings` win over it; `name` is what standard input is called."""

    settings: Mapping[str, Value] = field(default_factory=dict)
    rules: tuple[str, ...] = ()
    as_of: str | None = None
    drafts: bool = False
    baseline: bool = True
    changes: bool = False  # work out what each fix changes in the file
    name: str | None = None
    today: date = field(default_factory=date.today)

    @property
    def narrowed(self) -> bool:
        """Is less judged than the configuration asks for? Then what is missing says nothing."""
        return bool(self.rules or self.settings.keys() - {"fail-on", "strict-suppressions", "baseline"} or self.as_of)


@dataclass(frozen=True, slots=True, eq=False)
class File:
    """A file under check, with everything that holds for it."""

    path: str
    config: Config
    settings: Settings
    document: Document
    linter: Linter
    comments: Sequence[Suppression]
    allowances: Allowances
    baseline: Baseline | None
    numbers: Mapping[int, int]  # the replies' numbers in the file, by their identity


class Checker:
    """Checks files one after the other and remembers what only shows at the end."""

    def __init__(self, finder: Finder | None = None, given: Given | None = None) -> None:
        self.finder = finder or Finder()
        self.given = given or Given()
        self.results: list[Result] = []
        self.files: list[File] = []
        self.troubles: list[str] = []
        self.problems: list[str] = []  # what the user has to put right: suppressions, patterns
        self.notes: list[str] = []
        self.messages = 0
        self.excluded = 0
        self.ignored = 0  # files and folders that git ignores
        self.unread: Counter[str] = Counter()  # files of kinds that may hold replies and are not read, by their suffix
        self.taken: list[Taken] = []
        self.doubts: list[str] = []
        self.baselines: dict[str, Baseline] = {}
        self._folders: list[Path] = []
        self._left_out = False  # were folders left out by a configuration?
        self._lexicons: dict[tuple[str, ...], Lexicon] = {}
        self._linters: dict[tuple[Any, ...], Linter] = {}
        self._sides: dict[Path, list[Suppression]] = {}
        self._matched: set[Pattern] = set()

    # --- ways in

    def check_paths(self, paths: Iterable[str]) -> Report:
        """Check files and folders, and say what shows only when all are read."""
        for path in self._expanded(paths):
            self.check(path)
        for file, item, finding in self._sets():
            self.results.append(self._result(file, item, finding))
        self._finish()
        return self.report()

    def check(self, path: str, data: bytes | str | None = None) -> list[Result]:
        """Check one file (`-`: standard input), or the data an editor has for it; return what was found."""
        name = self.given.name or path if path == "-" else path
        config = self.finder.of("." if name == "-" else name)
        settings = config.settings(name, self.given.settings)
        self._note_patterns(config, name)
        left_out = settings.get("skip") or any(pattern.covers(name) for pattern in config.exclude)
        if left_out or _is_ours(Path(name), settings):
            self.excluded += 1
            return []
        try:
            file = self._opened(path, name, config, settings, data)
        except SourceError as error:  # the other files are checked all the same
            self.problems += error.problems
            return []
        self.files.append(file)
        self._told(file)
        judged = list(self._judged(file))
        found = [self._result(file, item, finding) for item, finding in judged]
        if self.given.changes:
            found = _with_changes(file.document, [item for item, _ in judged], found)
        found.sort(key=lambda r: (r.place.line, r.place.column) if r.place else (0, 0))
        self.results += found
        return found

    def _told(self, file: File) -> None:
        """Keep what a file says of itself: how it was read, what could not be judged, what may be wrong."""
        document = file.document
        guesses = [guess for taken in document.taken for guess in taken.guesses]
        self.taken += document.taken
        self.troubles += [str(trouble) for trouble in document.troubles]
        if file.settings.get("strict-input"):
            self.problems += [str(trouble) for trouble in (*document.doubts, *guesses)]
        else:
            self.doubts += [str(trouble) for trouble in document.doubts]

    def check_texts(self, texts: Iterable[str], said: Iterable[str] = ()) -> None:
        """Check texts that stand in no file, after what the buyer said."""
        settings = self.finder.of(".").settings("<text>", self.given.settings)
        linter = self._linter(settings)
        context = [Turn("buyer", text) for text in said]
        for text in texts:
            self.messages += 1
            message = Message(text, settings.get("channel", "chat"), context)
            found = linter.check_message(message)
            for finding in _with_fixes(linter, message, found) if found else ():
                self._keep(self._settled(finding, text, settings, linter))

    def again(self, given: Given | None = None, finder: Finder | None = None) -> Checker:
        """Return a checker that has checked nothing yet, with the linters of this one."""
        fresh = Checker(finder or self.finder, given or self.given)
        fresh._lexicons, fresh._linters = self._lexicons, self._linters
        return fresh

    def report(self) -> Report:
        """Return everything there is to say so far."""
        rules = {result.finding.rule for result in self.results}
        lexicons = {rule: lexicon for lexicon in self._lexicons.values() for rule in rules & lexicon.rules.keys()}
        return Report(
            tuple(self.results), tuple(file.path for file in self.files), self.messages, self.excluded,
            tuple(self.troubles), tuple(self.doubts), self.allow_broken, tuple(self.notes), self.ignored, dict(self.unread),
            sum(b.vanished() for b in self.complete()), lexicons,
        )  # fmt: skip

    @property
    def allow_broken(self) -> bool:
        """Did everything that could not be judged stand where that is allowed?"""
        return all(file.settings.get("allow-broken") for file in self.files if file.document.troubles)

    # --- files

    def _expanded(self, paths: Iterable[str]) -> Iterator[str]:
        """Yield the files named and those in the folders named, each once."""
        seen: set[Path] = set()
        for path in paths:
            is_folder = path != "-" and Path(path).is_dir()
            if is_folder:
                self._folders.append(full_path(path))
            inside = list(self._inside(path)) if is_folder else [path]
            if not inside and not self._left_out:
                self.problems.append(
                    f"{path}:1: no file that can be judged, expected one of {', '.join(formats.SUFFIXES)}"
                )
            for found in inside:
                full = full_path(found)
                if full not in seen:
                    seen.add(full)
                    yield found

    def _inside(self, top: str) -> Iterator[str]:
        """Yield the files of a folder that have a format we read; hidden, excluded and ignored folders are not entered."""
        from linter.ignored import Ignored

        ignored = Ignored(top)
        for folder, folders, names in os.walk(top):
            config = self.finder.of(folder)
            entered = sorted(name for name in folders if self._entered(config, Path(folder, name)))
            files = [name for name in sorted(names) if not name.startswith(".")]
            if config.settings(folder).get("gitignore", True):
                before = len(files)
                kept = [name for name in entered if not ignored.covers(Path(folder, name), is_folder=True)]
                files = [name for name in files if not ignored.covers(Path(folder, name), is_folder=False)]
                self.ignored += len(entered) - len(kept) + before - len(files)
                entered = kept
            folders[:] = entered
            for name in files:
                kind = Path(name).suffix.lower()
                if kind in formats.SUFFIXES or (
                    kind in PACKED and Path(Path(name).stem).suffix.lower() in formats.SUFFIXES
                ):
                    yield str(Path(folder, name))
                elif kind in UNREAD:
                    self.unread[kind] += 1

    def _entered(self, config: Config, folder: Path) -> bool:
        if folder.name.startswith(".") or _is_ours(folder, config.settings(folder)):
            return False
        covering = [pattern for pattern in config.exclude if pattern.covers(folder)]
        self._matched.update(covering)
        self._left_out |= bool(covering)
        return not covering

    def _opened(self, path: str, name: str, config: Config, settings: Settings, data: bytes | str | None) -> File:
        options = Options(
            settings.get("read-as"), settings.get("encoding"), settings.get("channel", "chat"),
            columns=settings.get("columns", {}), fields=tuple(settings.get("fields", ())), roles=settings.get("roles", {}),
        )  # fmt: skip
        document = formats.read_document(path if data is None else name, options, data=data)
        if name != path:
            document = formats.read_document(name, options, data=document.source.data)
        linter = self._linter(settings)
        known = frozenset(linter.lexicon.rules)
        numbers = {id(item): index for index, item in enumerate((*document.replies, *document.records))}
        by_reply, everywhere, idle = self._comments(document, numbers, known)
        side = [entry for entry in self._side(name, settings, known) if entry.pattern and entry.pattern.covers(name)]
        allowances = Allowances([*everywhere, *side], by_reply, self.given.today)
        comments = [*everywhere, *idle, *dict.fromkeys(entry for entries in by_reply.values() for entry in entries)]
        return File(name, config, settings, document, linter, comments, allowances, self._baseline(settings), numbers)

    def _comments(
        self, document: Document, numbers: Mapping[int, int], known: frozenset[str]
    ) -> tuple[dict[int, list[Suppression]], list[Suppression], list[Suppression]]:
        """Return the suppressions of a file's comments: of single replies, of the whole file, and of nothing at all."""
        of: dict[int, list[Suppression]] = {}
        everywhere: list[Suppression] = []
        idle: list[Suppression] = []
        for comment in document.comments:
            for entry in suppress.of_comment(comment.text, document.path, comment.line, known, self.problems):
                covered = () if entry.whole else document.covered(comment)
                if not covered:
                    (everywhere if entry.whole else idle).append(entry)
                for item in covered:
                    of.setdefault(numbers[id(item)], []).append(entry)
        return of, everywhere, idle

    def _side(self, name: str, settings: Settings, known: frozenset[str]) -> list[Suppression]:
        """Return the entries of the side file that holds for a file."""
        off = self.finder.off and not settings.get("suppressions")
        path = None if off else side_path(name, settings)
        if path is None:
            return []
        if path not in self._sides:
            self._sides[path] = suppress.side_file(path, known)
        return self._sides[path]

    def _baseline(self, settings: Settings) -> Baseline | None:
        path = settings.get("baseline") if self.given.baseline else None
        if path is None:
            return None
        if path not in self.baselines:
            from linter.baseline import load

            self.baselines[path] = load(Path(path))
        return self.baselines[path]

    # --- judging

    def _linter(self, settings: Settings, platform: str | None = None) -> Linter:
        """Return the linter of some settings; a row's own platform counts where nobody asked for others."""
        platforms = settings.get("platforms") or (platform or "taobao",)
        folders = tuple(settings.get("lexicons", ()))
        key = (platforms, folders, settings.get("select"), settings.get("ignore"))
        if key not in self._linters:
            if folders not in self._lexicons:
                self._lexicons[folders] = cache.ready(folders).lexicon
            lexicon = self._lexicons[folders]
            self._linters[key] = Linter(
                platforms, folders, rules=self.given.rules, ignore=_left_out(settings, lexicon),
                as_of=self.given.as_of, drafts=self.given.drafts,
            )  # fmt: skip
        return self._linters[key]

    def _judged(self, file: File) -> Iterator[tuple[Item, Finding]]:
        for platform, group in groupby(file.document.replies, key=lambda reply: reply.origin.platform):
            replies = list(group)
            self.messages += len(replies)
            linter = self._linter(file.settings, platform)
            found = linter.check_many(replies) if len(replies) >= _MANY else map(linter.check_message, replies)
            for reply, findings in zip(replies, found, strict=True):
                if findings:
                    findings = _with_fixes(linter, reply, findings, file.document.text_of(reply))
                yield from ((reply, finding) for finding in findings)
        for record in file.document.records:
            self.messages += 1
            linter = self._linter(file.settings, record.origin.platform)
            listed = linter.check_listing(record.record)
            if listed:
                listed = _with_fixes(linter, record, listed)
            yield from ((record, finding) for finding in listed)

    def _sets(self) -> Iterator[tuple[File, Item, Finding]]:
        """Yield what listings do together, of all files that are judged alike."""
        by_linter: dict[Linter, list[tuple[File, Listing]]] = {}
        for file in self.files:
            for record in file.document.records:
                by_linter.setdefault(file.linter, []).append((file, record))
        for linter, pairs in by_linter.items():
            if len(pairs) < 2 or not any(linter.lexicon.rules[rule].needs == "set" for rule in linter.rules):
                continue
            named = _named(pairs)
            for finding in linter.check_listings({**record.record, "id": name} for name, (_, record) in named.items()):
                yield *named[finding.ids[0]], finding

    def _result(self, file: File, item: Item, finding: Finding) -> Result:
        """Lay suppressions and the baseline onto a finding of a file."""
        document = file.document
        text = document.text_of(item, finding.field)
        result = self._settled(document.located(finding, item), text, file.settings, file.linter)
        allowed = file.allowances.allowing(result.finding, file.numbers.get(id(item)), result.fingerprint)
        if allowed is not None:
            finding = replace(result.finding, suppressed=allowed.reason)
            return replace(
                result, finding=finding, allowed_at=allowed.place, in_source=allowed.pattern is None, fails=False
            )
        if file.baseline is not None and file.baseline.knows(result.finding, text):
            return replace(result, known=True, fails=False)
        return result

    def _settled(self, finding: Finding, text: str, settings: Settings, linter: Linter) -> Result:
        """Give a finding the shop's own verdict; the one of the rulebooks is kept beside it."""
        from linter.baseline import fingerprint

        own = settings.get("verdicts", {})
        group = linter.lexicon.rules[finding.rule].group
        verdict = own.get(finding.rule) or own.get(group) or finding.verdict
        fail_on = settings.get("fail-on", "error")
        fails = fail_on != "never" and VERDICTS.index(verdict) >= VERDICTS.index(fail_on)
        return Result(
            replace(finding, verdict=verdict), text, fingerprint(finding, text), judged=finding.verdict, fails=fails
        )

    def _keep(self, result: Result) -> None:
        if result.finding.verdict != "none":
            self.results.append(result)

    # --- what shows at the end

    def _finish(self) -> None:
        self.results = [result for result in self.results if result.finding.verdict != "none"]
        self._finish_patterns()
        ran = frozenset() if self.given.narrowed else frozenset(r for file in self.files for r in file.linter.rules)
        used = frozenset(entry for file in self.files for entry in file.allowances.used)
        entries = [entry for file in self.files for entry in file.comments]
        self.notes += suppress.leftovers(entries, used, ran, self.given.today)
        for path, side in self._sides.items():
            self.notes += suppress.leftovers(side, used, ran if self.covered(path) else frozenset(), self.given.today)

    def _note_patterns(self, config: Config, path: str) -> None:
        self._matched.update(pattern for pattern in config.patterns if pattern.covers(path))

    def _finish_patterns(self) -> None:
        """A pattern or field expression of a configuration that was read in full and met nothing is a problem."""
        configs = {file.config.path: file.config for file in self.files if file.config.path}
        for path, config in configs.items():
            if self.covered(path):
                self.problems += [
                    f"{pattern.place}: '{pattern.text}' matches nothing, expected a pattern of files that are checked"
                    for pattern in config.patterns
                    if pattern not in self._matched
                ]
        self.problems += self._idle_fields()

    def _idle_fields(self) -> list[str]:
        wanted: dict[tuple[str, str], bool] = {}
        for file in self.files:
            if file.config.path and self.covered(file.config.path):
                for expression in file.settings.get("fields", ()):
                    key = (file.settings.place("fields"), expression)
                    wanted[key] = wanted.get(key, False) or expression in file.document.matched
        return [
            f"{place}: the field '{expression}' is in no file, expected a path expression that finds something"
            for (place, expression), met in wanted.items()
            if not met
        ]

    def covered(self, path: Path) -> bool:
        """Was the whole folder of a file checked?"""
        return any(full_path(path).is_relative_to(folder) for folder in self._folders)

    def complete(self) -> list[Baseline]:
        """Return the baselines whose folders were checked in full, so that what is missing has vanished."""
        if self.given.narrowed or self.troubles or self.problems:
            return []
        return [baseline for baseline in self.baselines.values() if self.covered(baseline.path)]


def _named(pairs: Sequence[tuple[File, Listing]]) -> dict[str, tuple[File, Listing]]:
    """Return listings by names that are theirs alone: the id, or where they stand when there is none or two have it."""
    ids = Counter(str(record.record.get("id") or "") for _, record in pairs)
    found: dict[str, tuple[File, Listing]] = {}
    for file, record in pairs:
        name, origin = str(record.record.get("id") or ""), record.origin
        if not name or ids[name] > 1:
            sheet = f"[{origin.sheet}]" if origin.sheet else ""
            name = (
                f"{name}（{file.path}{sheet} 第 {origin.row} 行）" if name else f"{file.path}{sheet} 第 {origin.row} 行"
            )
        found[name] = file, record
    return found


def _with_fixes(linter: Linter, item: Item, findings: list[Finding], original: str = "") -> list[Finding]:
    from linter import fixes

    if isinstance(item, Listing):
        return fixes.with_listing_fixes(linter, item.record, findings)
    return fixes.with_fixes(linter, item, findings, original)


def _with_changes(document: Document, items: Sequence[Item], results: Sequence[Result]) -> list[Result]:
    """Say of every open result with a fix what it changes in the file."""
    pairs = zip(items, results, strict=True)
    edits = [(item, r.finding.fix, r.finding.field) for item, r in pairs if r.open and r.finding.fix is not None]
    changes = iter(document.changes(edits))
    return [replace(r, change=next(changes)) if r.open and r.finding.fix is not None else r for r in results]


def _left_out(settings: Settings, lexicon: Lexicon) -> frozenset[str]:
    """Return the rules that `select` and `ignore` leave out; they name rules or groups."""
    select, ignore = settings.get("select"), settings.get("ignore", ())
    return frozenset(
        rule.id
        for rule in lexicon.rules.values()
        if (select is not None and not {rule.id, rule.group} & set(select)) or {rule.id, rule.group} & set(ignore)
    )


def _is_ours(path: Path, settings: Settings) -> bool:
    """Is a path one of what the checks are made with, and no reply: the side file, the shop's lexicons?"""
    full = full_path(path)
    return path.name in _OWN_FILES or any(full.is_relative_to(folder) for folder in settings.get("lexicons", ()))


def side_path(name: str, settings: Settings) -> Path | None:
    """Return the side file that holds for a file: the one its settings name, or the nearest above it."""
    given = settings.get("suppressions")
    if given:
        return Path(given)
    folder = full_path(name).parent
    candidates = (parent / suppress.SIDE_FILE for parent in (folder, *folder.parents))
    return next((path for path in candidates if path.is_file()), None)
