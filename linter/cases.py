"""Labelled cases: files of lines in, checked values out, with every problem as `path:line: what, expected what`.

A writer's file is a table of tabs, one case a line, the breach marked where it stands: `亲这款[[开不了的]]{invoice-refused}哦`.
The question a reader may ask: why no JSON? Because a line is written, read and compared by people, and a mark in the text
cannot point beside it; `to_json` and `of_json` turn a case into the labelling guide's JSON form and back.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

from linter.model import CHANNELS, PLATFORMS, VERDICTS, SourceError, Turn

if TYPE_CHECKING:
    from linter.entries import Lexicon

COLUMNS = ("platform", "channel", "context", "text", "tags")
EVASIONS = (
    "width", "case", "space", "symbol", "zero-width", "emoji", "homophone", "pinyin", "glyph", "split", "digits", "traditional",
)  # fmt: skip
TAGS = (
    "plain", "negation", "mention", "quote", "boundary", "context", "platform", "number", "multi", "seed", "masked",
    *(f"evasion:{way}" for way in EVASIONS),
)  # fmt: skip
_MARK = re.compile(r"\[\[(.+?)\]\]\{([^{}]*)\}", re.DOTALL)
_ALLOW, _NEAR = "allow=", "near="
_ROLES = {"B:": "buyer", "A:": "agent"}
_LETTERS = {"buyer": "B", "agent": "A"}


class Expected(NamedTuple):
    """A breach that must be found: its rule, its verdict, and where it stands in the text."""

    rule: str
    verdict: str
    start: int
    end: int


class Case(NamedTuple):
    """One labelled message. `expect` is empty where the linter must stay silent.

    Rules of `allow` are neither right nor wrong; `near` names those that a harmless line was written to come near to.
    """

    writer: str
    line: int
    platform: str
    channel: str
    context: tuple[Turn, ...]
    text: str
    expect: tuple[Expected, ...]
    allow: tuple[str, ...]
    tags: tuple[str, ...]
    near: tuple[str, ...] = ()

    @property
    def id(self) -> str:
        return f"{self.writer}:{self.line}"

    @property
    def breaches(self) -> bool:
        """Is there anything to find at error or warning?"""
        return any(e.verdict in ("error", "warning") for e in self.expect)


def digest(case: Case) -> str:
    """Return 12 hex digits of what is judged: a label that changes, or a line that moves, leaves them alone."""
    parts = [case.platform, case.channel, *(f"{turn.role}:{turn.text}" for turn in case.context), case.text]
    return hashlib.sha256("\0".join(parts).encode("utf-8", "surrogatepass")).hexdigest()[:12]


def to_json(case: Case) -> dict[str, Any]:
    """Return a case in the labelling guide's JSON form."""
    found = [
        {"rule": e.rule, "verdict": e.verdict, "text": case.text[e.start : e.end], "start": e.start, "end": e.end}
        for e in case.expect
    ]
    context = [{"role": turn.role, "text": turn.text} for turn in case.context]
    made = {
        "id": case.id, "writer": case.writer, "platform": case.platform, "channel": case.channel, "context": context,
        "text": case.text, "expect": found, "tags": list(case.tags),
    }  # fmt: skip
    return made | {"allow": list(case.allow)} if case.allow else made


# --- reading ---------------------------------------------------------------------------------------------------------


class Reader:
    """Reads writers' files; what is wrong in them gathers in `problems`."""

    def __init__(self, lexicon: Lexicon) -> None:
        self.lexicon = lexicon
        self.problems: list[str] = []

    def file(self, path: Path) -> list[Case]:
        """Return the cases of a writer's file; its name is the writer's."""
        try:
            body = path.read_text(encoding="utf-8-sig")
        except (OSError, UnicodeDecodeError) as error:
            self.problems.append(f"{path}:1: cannot be read ({error}), expected a UTF-8 file of tab-separated lines")
            return []
        found: list[Case] = []
        for number, line in enumerate(body.split("\n"), 1):
            if not line.strip() or line.startswith("#"):
                continue
            before = len(self.problems)
            case = self._case(path, number, line.rstrip("\r"))
            if case and len(self.problems) == before:
                found.append(case)
        return found

    def _case(self, path: Path, number: int, line: str) -> Case | None:
        cells = line.split("\t")
        place = f"{path}:{number}"
        if len(cells) != len(COLUMNS):
            self._say(place, f"{len(cells)} columns", f"{len(COLUMNS)}: {', '.join(COLUMNS)}")
            return None
        platform, channel, context, text, tags = (
            cell if name == "text" else cell.strip() for name, cell in zip(COLUMNS, cells, strict=True)
        )
        self._choice(place, "platform", platform, PLATFORMS)
        self._choice(place, "channel", channel, CHANNELS)
        if platform not in PLATFORMS or channel not in CHANNELS:
            return None
        plain, expect = self._marks(place, unescape(text), platform, channel)
        allow, near, tagged = self._tags(place, tags)
        turns = self._context(place, context)
        return Case(path.stem, number, platform, channel, turns, plain, expect, allow, tagged, near)

    def _say(self, place: str, what: str, expected: str) -> None:
        self.problems.append(f"{place}: {what}, expected {expected}")

    def _choice(self, place: str, name: str, value: str, known: Iterable[str]) -> None:
        if value not in known:
            self._say(place, f"unknown {name} '{value}'", f"one of {', '.join(known)}")

    def _context(self, place: str, cell: str) -> tuple[Turn, ...]:
        if cell in ("-", ""):
            return ()
        turns: list[Turn] = []
        for said in map(str.strip, cell.split("||")):
            if said[:2] not in _ROLES:
                self._say(
                    place, f"the turn '{said[:20]}' has no speaker", "B: or A: before every turn, turns parted by ||"
                )
            else:
                turns.append(Turn(_ROLES[said[:2]], unescape(said[2:].strip())))
        return tuple(turns)

    def _marks(self, place: str, text: str, platform: str, channel: str) -> tuple[str, tuple[Expected, ...]]:
        """Take the marks out of a text; return it plain, with what they say."""
        plain, position = "", 0
        expect: list[Expected] = []
        for mark in _MARK.finditer(text):
            plain += text[position : mark.start()]
            start, position = len(plain), mark.end()
            plain += mark[1]
            rule, _, verdict = mark[2].partition("!")
            self._choice(place, "rule", rule, self.lexicon.rules)
            verdict = verdict or self.verdict(rule, platform, channel)
            self._choice(place, "verdict", verdict, VERDICTS)
            if verdict != "none":
                expect.append(Expected(rule, verdict, start, len(plain)))
        plain += text[position:]
        if "[[" in plain or "]]" in plain:
            self._say(place, "a mark is broken", "[[words]]{rule-id}")
        if not plain.strip():
            self._say(place, "no text", "what the agent or the listing says")
        return plain, tuple(expect)

    def verdict(self, rule: str, platform: str, channel: str) -> str:
        """Return the verdict of a rule on a platform where a mark names none."""
        known = self.lexicon.rules.get(rule)
        return (self.lexicon.rulebooks.verdict(rule, platform, channel) or known.verdict) if known else "none"

    def _tags(self, place: str, cell: str) -> tuple[tuple[str, ...], tuple[str, ...], tuple[str, ...]]:
        """Return the rules that are allowed, those that the line comes near to, and the tags."""
        named: dict[str, list[str]] = {_ALLOW: [], _NEAR: [], "": []}
        for tag in map(str.strip, cell.split(",")):
            kind = next((kind for kind in (_ALLOW, _NEAR) if tag.startswith(kind)), "")
            value = tag.removeprefix(kind)
            if kind:
                self._choice(place, "rule", value, self.lexicon.rules)
            elif value not in ("", "-"):
                self._choice(place, "tag", value, TAGS)
            if value not in ("", "-"):
                named[kind].append(value)
        return tuple(named[_ALLOW]), tuple(named[_NEAR]), tuple(named[""])


def unescape(cell: str) -> str:
    r"""Read `\n` and `\t` of a cell as what they stand for."""
    return cell.replace("\\n", "\n").replace("\\t", "\t") if "\\" in cell else cell


def escape(text: str) -> str:
    r"""Write a text into one cell: line breaks and tabs as `\n` and `\t`."""
    return text.replace("\t", "\\t").replace("\r", "").replace("\n", "\\n")


def read(paths: Sequence[Path], lexicon: Lexicon) -> list[Case]:
    """Return the cases of files and folders; raise SourceError with every broken line, and for a folder without any."""
    reader = Reader(lexicon)
    found = [case for path in writers(paths) for case in reader.file(path)]
    if reader.problems:
        raise SourceError(reader.problems)
    return found


def writers(paths: Sequence[Path]) -> Iterator[Path]:
    """Yield the writers' files: those named, and of folders every `*.tsv` in them."""
    for path in paths:
        if not path.is_dir():
            yield path
            continue
        inside = sorted(path.glob("*.tsv"), key=_natural)
        if not inside:
            raise SourceError(f"{path}:1: no cases in the folder, expected files WRITER.tsv")
        yield from inside


def _natural(path: Path) -> tuple[str, int, str]:
    """Sort w2 before w10."""
    number = re.search(r"\d+", path.stem)
    return (path.stem[: number.start()], int(number[0]), path.stem) if number else (path.stem, 0, "")


# --- writing ---------------------------------------------------------------------------------------------------------


def line_of(case: Case, lexicon: Lexicon) -> str:
    """Return a case as a line of a writer's file."""
    verdict = Reader(lexicon).verdict
    text, position = "", 0
    for entry in sorted(case.expect, key=lambda e: e.start):
        default = verdict(entry.rule, case.platform, case.channel)
        mark = entry.rule if entry.verdict == default else f"{entry.rule}!{entry.verdict}"
        text += f"{case.text[position : entry.start]}[[{case.text[entry.start : entry.end]}]]{{{mark}}}"
        position = entry.end
    text += case.text[position:]
    context = " || ".join(f"{_LETTERS[turn.role]}:{escape(turn.text)}" for turn in case.context) or "-"
    tags = ",".join([*case.tags, *(_ALLOW + rule for rule in case.allow), *(_NEAR + rule for rule in case.near)]) or "-"
    return "\t".join((case.platform, case.channel, context, escape(text), tags))


def of_json(row: Mapping[str, Any], writer: str, line: int = 0) -> Case:
    """Return a case of the guide's JSON form; words that do not stand in the text mark nothing."""
    text = row["text"]
    expect = []
    for entry in row["expect"]:
        start = entry.get("start", text.find(entry.get("text", "")))
        if start >= 0:
            expect.append(Expected(entry["rule"], entry["verdict"], start, start + len(entry.get("text", ""))))
    context = tuple(Turn(turn["role"], turn["text"]) for turn in row.get("context") or ())
    return Case(
        writer, line, row["platform"], row["channel"], context, text, tuple(expect), tuple(row.get("allow") or ()),
        tuple(row.get("tags") or ()),
    )  # fmt: skip
