"""The nouns: what goes in (Message, Turn), what comes out (Finding, Clause), and the errors in between.

Everything here is a frozen value. Spans are half-open code points of the text as it was given; folded
offsets never leave the engine.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import TYPE_CHECKING, NamedTuple, Protocol

if TYPE_CHECKING:
    from decimal import Decimal

PLATFORMS = ("tmall", "taobao", "pinduoduo", "douyin", "kuaishou", "jd")
CHANNELS = ("chat", "listing.title", "listing.detail")
LISTING_FIELDS = {  # the texts of a listing, and how each is judged
    "title": "listing.title", "detail": "listing.detail", "subtitle": "listing.detail", "selling_point": "listing.detail",
    "brief": "listing.detail", "promotion": "listing.detail",
}  # fmt: skip
VERDICTS = ("none", "info", "warning", "error")  # from mild to grave: the index is the rank
_RANK = {verdict: rank for rank, verdict in enumerate(VERDICTS)}
VERDICT_NAMES = {"error": "错误", "warning": "警告", "info": "提示", "none": "不判"}
PLATFORM_NAMES = {
    "tmall": "天猫", "taobao": "淘宝", "pinduoduo": "拼多多", "douyin": "抖音", "kuaishou": "快手", "jd": "京东",
    "law": "法律", "any": "通用",
}  # fmt: skip
ROLES = ("agent", "buyer")


def graver(one: str, other: str) -> str:
    """Return the graver of two verdicts."""
    return other if _RANK[other] > _RANK[one] else one


def milder(one: str, other: str) -> str:
    """Return the milder of two verdicts."""
    return other if _RANK[other] < _RANK[one] else one


class Turn(NamedTuple):  # and no dataclass: a log has millions, and a tuple is made in half the time
    """One earlier utterance of the same conversation. `time` is ISO 8601 text, or None where the log has none."""

    role: str
    text: str
    time: str | None = None


@dataclass(frozen=True, slots=True)
class Origin:
    """Where a message came from: place in a file, and whose it is. All of it is optional, none of it is judged."""

    path: str | None = None
    line: int | None = None  # 1-based line of the first character in the file
    column: int | None = None  # 1-based column, in code points
    row: int | None = None  # 1-based record number in a table or log
    id: str | None = None
    session: str | None = None
    turn: int | None = None
    agent: str | None = None
    shop: str | None = None
    platform: str | None = None
    time: str | None = None
    sheet: str | None = None  # of a workbook; line and column are then the cell's

    @property
    def file(self) -> str | None:
        """The path, with the sheet of a workbook: two sheets have the same lines."""
        return f"{self.path}[{self.sheet}]" if self.path and self.sheet else self.path


_NOWHERE = Origin()


@dataclass(frozen=True, slots=True)
class Message:
    """One utterance or listing field to judge. Only the text of an agent is judged; a buyer's is context."""

    text: str
    channel: str = "chat"
    context: tuple[Turn, ...] = ()
    role: str = "agent"
    origin: Origin = Origin()

    def __init__(
        self,
        text: str,
        channel: str = "chat",
        context: Iterable[Turn] = (),
        role: str = "agent",
        origin: Origin | None = None,
    ) -> None:
        object.__setattr__(self, "text", text)
        object.__setattr__(self, "channel", channel)
        object.__setattr__(self, "context", tuple(context))
        object.__setattr__(self, "role", role)
        object.__setattr__(self, "origin", origin or _NOWHERE)


class Utterance(Protocol):
    """What can be judged: a Message, or a row of a log that looks like one."""

    @property
    def text(self) -> str: ...
    @property
    def channel(self) -> str: ...
    @property
    def context(self) -> tuple[Turn, ...]: ...
    @property
    def role(self) -> str: ...
    @property
    def origin(self) -> Origin: ...


@dataclass(frozen=True, slots=True)
class Source:
    """Who says so. `confidence` is official, quoted or secondary; `date` is ISO text or None where unknown."""

    name: str
    url: str | None = None
    date: str | None = None
    confidence: str = "secondary"


@dataclass(frozen=True, slots=True)
class Step:
    """What an offence costs from the nth of the same clause within a year on. Unset figures are unknown."""

    nth: int
    points: Decimal | None = None
    points_max: Decimal | None = None
    scale: str | None = None
    amount: Decimal | None = None
    also: str | None = None


@dataclass(frozen=True, slots=True)
class Clause:
    """The norm behind a finding on one platform. Points and amounts are None where no source states them."""

    id: str
    platform: str  # a platform, "any" for advice that names none, or "law" for Chinese law
    title: str
    says: str  # the clause in our own words
    points: Decimal | None = None  # per offence, the first in a year; the least where points_max is set
    points_max: Decimal | None = None
    scale: str | None = None  # which account the points fall on: "A" general, "B" severe, …
    amount: Decimal | None = None  # CNY per offence; see amount_what
    amount_max: Decimal | None = None
    amount_what: str | None = None  # fine, damages, deposit, compensation to the buyer …
    also: str | None = None  # what else follows
    per: str = "offence"  # what is counted: an offence, or a complaint that was upheld
    steps: tuple[Step, ...] = ()  # what repeats within a year cost
    as_of: str | None = None  # ISO date the figures were read or published
    confidence: str = "secondary"  # official, quoted, secondary: the best of its sources
    sources: tuple[Source, ...] = ()
    contradiction: str | None = None  # both figures and who says them; never averaged
    overridden: bool = False  # the figures come from the shop's own rulebook


@dataclass(frozen=True, slots=True)
class Place:
    """Where a finding stands in its file: 1-based lines and columns in code points, the end exclusive."""

    line: int
    column: int
    end_line: int
    end_column: int


@dataclass(frozen=True, slots=True)
class Fix:
    """A wording that does without the breach: text[start:end] of the message becomes `replacement`.

    `safe` fixes are reviewed wordings that keep what the message says; the others ask for a second look.
    """

    start: int
    end: int
    replacement: str
    safe: bool = False


@dataclass(frozen=True, slots=True)
class Finding:
    """A confirmed breach. `verdicts` holds (platform, verdict) for every platform asked for."""

    rule: str
    verdict: str  # the gravest of `verdicts`
    start: int
    end: int
    text: str
    message: str
    suggestion: str = ""
    clauses: tuple[Clause, ...] = ()
    verdicts: tuple[tuple[str, str], ...] = ()
    spelled: tuple[str, ...] = ()  # folding steps that were needed to read it: "homophone", "traditional", …
    field: str | None = None  # of a listing record: title, detail, …
    ids: tuple[str, ...] = ()  # of a set of listings
    origin: Origin = Origin()
    version: str = ""  # of the lexicons that judged
    fix: Fix | None = None
    place: Place | None = None  # in the file, where the format knows it exactly
    suppressed: str | None = None  # the reason why somebody allowed it


@dataclass(frozen=True, slots=True)
class Rejection:
    """A candidate that was looked at and let go, with the question that cleared it."""

    rule: str
    start: int
    end: int
    text: str
    reason: str


class KefulintError(Exception):
    """Something of the user's is wrong (data, file, option). `problems` are ready lines: `path:line: what, expected what`."""

    def __init__(self, problems: Iterable[str] | str) -> None:
        self.problems = [problems] if isinstance(problems, str) else list(problems)
        super().__init__("\n".join(self.problems))


class LexiconError(KefulintError):
    """The lexicons do not load."""


class SourceError(KefulintError):
    """An input cannot be read at all."""
