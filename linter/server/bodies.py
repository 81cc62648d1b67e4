"""What comes in over HTTP and what goes out, as models: they check the requests and describe the API.

The limits stand here and nowhere else, so that the description of the API names them. Fields nobody knows are refused:
a misspelled field that is ignored would switch a check off without a word.
"""

from __future__ import annotations

import json
import re
from functools import cache
from typing import Annotated, Any, Literal, TypeVar, cast

import msgspec
from msgspec import Meta, Struct

from linter.server.errors import Refused

TEXT = 100_000  # code points of a message
TURN = 10_000  # code points of one turn of the context
TURNS = 50
MESSAGES = 200  # of a batch
NAME = 200  # of an agent, a shop, a session
NOTE = 2_000  # of a reason or a note

Channel = Literal["chat", "listing.title", "listing.detail"]
Platform = Literal["tmall", "taobao", "pinduoduo", "douyin", "kuaishou", "jd"]
Verdict = Literal["none", "info", "warning", "error"]
Name = Annotated[str, Meta(max_length=NAME)]
Day = Annotated[str, Meta(pattern=r"^[0-9]{4}-[0-9]{2}-[0-9]{2}$", description="A day such as 2026-01-31, inclusive.")]
ClientId = Annotated[
    str,
    Meta(min_length=1, max_length=NAME, description="Of the client's making; a retry with it writes nothing twice."),
]
Status = Literal["open", "confirmed", "rejected", "appealed"]


class Body(Struct, kw_only=True, frozen=True, forbid_unknown_fields=True):
    """A request's body: no field is guessed, none is ignored."""


class TurnBody(Body, kw_only=True, frozen=True):
    """One earlier utterance of the conversation."""

    role: Literal["agent", "buyer"]
    text: Annotated[str, Meta(max_length=TURN)]
    time: Annotated[str, Meta(max_length=40, description="ISO 8601")] | None = None


class Check(Body, kw_only=True, frozen=True):
    """One message to judge."""

    text: Annotated[str, Meta(max_length=TEXT, description="What is about to be sent.", examples=["特价不开票的哦"])]
    channel: Channel = "chat"
    platforms: Annotated[
        list[Platform], Meta(max_length=6, description="Judged side by side; empty: the server's own.")
    ] = []
    context: Annotated[list[TurnBody], Meta(max_length=TURNS, description="Earlier turns, the oldest first.")] = []
    agent: Name | None = None
    shop: Name | None = None
    session: Name | None = None


class Batch(Body, kw_only=True, frozen=True):
    """Several messages to judge."""

    messages: Annotated[list[Check], Meta(max_length=MESSAGES)]


class Live(Check, kw_only=True, frozen=True):
    """One message to judge as it is typed; the answer carries the same number."""

    seq: Annotated[int, Meta(ge=0, le=2**53)]


class Hello(Body, kw_only=True, frozen=True):
    """The first message of a WebSocket where tokens are needed."""

    token: Annotated[str, Meta(max_length=200)]


class DecisionBody(Check, kw_only=True, frozen=True):
    """What was done with a message that was judged."""

    decision: Literal["withheld", "sent", "replaced"]
    reason: Annotated[str, Meta(max_length=NOTE, description="Needed for sent: why all the same.")] | None = None
    sent_text: Annotated[str, Meta(max_length=TEXT, description="What went out instead.")] | None = None
    client_id: ClientId | None = None


class ReviewBody(Body, kw_only=True, frozen=True):
    """What somebody says of a finding."""

    review: Annotated[
        Literal["confirmed", "rejected", "appealed"],
        Meta(description="Everybody may appeal; the rest is a supervisor's."),
    ]
    note: Annotated[str, Meta(max_length=NOTE)] | None = None
    reviewer: Annotated[Name | None, Meta(description="Default: the token's holder.")] = None


class Query(Body, kw_only=True, frozen=True):
    """A query string: every value in it is text, and read as what the field is."""

    rule: Name | None = None
    agent: Name | None = None
    shop: Name | None = None
    since: Day | None = None
    until: Day | None = None


class Queue(Query, kw_only=True, frozen=True):
    """Which decisions to read."""

    status: Annotated[Status | None, Meta(description="Of one of its findings.")] = None
    limit: Annotated[int, Meta(ge=1, le=200)] = 50
    cursor: Annotated[str, Meta(pattern=r"^[0-9]{1,18}$", description="`next` of the page before.")] | None = None


class StatsQuery(Query, kw_only=True, frozen=True):
    """What to count by."""

    by: Literal["day", "rule", "agent", "shop"] = "day"


B = TypeVar("B", bound=Body)


_ESCAPED = re.compile(rb"\\u[dD][89a-fA-F]")
_LONE = re.compile("[\ud800-\udfff]")


@cache
def _decoder(model: type[B]) -> msgspec.json.Decoder[Any]:
    return msgspec.json.Decoder(model)


def read(model: type[B], raw: bytes) -> B:
    """Return a body as its model; raise Refused (422) that names the field that is wrong.

    JSON may carry half of a surrogate pair, and a message must not slip past the judge because of one: such a half is read
    as U+FFFD, which takes its place in the count of code points.
    """
    try:
        return cast(B, _decoder(model).decode(raw))
    except msgspec.ValidationError as error:
        raise _refused(error) from None
    except (ValueError, RecursionError) as error:  # no JSON, not UTF-8, or too deep
        if not _ESCAPED.search(raw):
            raise _refused(error) from None
    try:
        return cast(B, _decoder(model).decode(_LONE.sub("\ufffd", json.dumps(json.loads(raw), ensure_ascii=False))))
    except (ValueError, RecursionError) as error:
        raise _refused(error) from None


def read_query(model: type[B], given: dict[str, str]) -> B:
    """Return a query string as its model; raise Refused (422)."""
    try:
        return msgspec.convert(given, model, strict=False)
    except msgspec.ValidationError as error:
        raise _refused(error) from None


def _refused(error: Exception) -> Refused:
    said = str(error) if isinstance(error, msgspec.MsgspecError) else "the body is no JSON in UTF-8"
    return Refused(422, "invalid", f"{said}, see /docs")


class PlatformAnswer(Struct, kw_only=True):
    """What is said of a message on one platform."""

    decision: Literal["send", "confirm", "block"]
    verdict: Verdict


class Answered(Struct, kw_only=True):
    """What is said of a message; the same JSON as that of the library's other edges."""

    schema: int
    decision: Literal["send", "confirm", "block"]
    verdict: Verdict
    findings: list[dict[str, Any]]
    rewritten: str | None
    lexicon: str
    platforms: dict[str, PlatformAnswer]


class AnsweredBatch(Struct, kw_only=True):
    """Answers in the order of the messages."""

    answers: list[Answered]


class RuleLine(Struct, kw_only=True):
    """A rule in the list."""

    id: str
    group: str
    title: str
    verdict: Verdict
    channels: list[Channel]


class RuleList(Struct, kw_only=True):
    """The rules that judge."""

    rules: list[RuleLine]
    lexicon: str


class RuleAnswer(Struct, kw_only=True):
    """A rule explained."""

    rule: str
    title: str
    why: str
    suggestion: str
    verdicts: dict[Platform, Verdict]
    clauses: list[dict[str, Any]]
    lexicon: str


class PlatformName(Struct, kw_only=True):
    """A platform and what it is called."""

    id: Platform
    name: str


class About(Struct, kw_only=True):
    """What the server is and knows."""

    name: str
    version: str
    lexicon: str
    platforms: list[PlatformName]
    default_platforms: list[Platform]
    channels: list[Channel]
    verdicts: dict[Verdict, str]
    tokens: bool


class Health(Struct, kw_only=True):
    """The process is alive."""

    alive: bool


class Ready(Struct, kw_only=True):
    """Whether requests are welcome, and how the last reload went."""

    ready: bool
    lexicon: str
    reload: Literal["ok", "refused"]
    problems: list[str] = []


class Reloaded(Struct, kw_only=True):
    """The lexicons that judge from now on."""

    lexicon: str
    rules: int


class RecordedBody(Struct, kw_only=True):
    """Where the decision stands; status 200 instead of 201 where an earlier request wrote it."""

    id: int
    findings: list[int]


class ReviewedBody(Struct, kw_only=True):
    """What the finding's latest review says now."""

    finding: int
    status: Status


class ReviewLine(Struct, kw_only=True):
    """One review, the oldest first."""

    review: Status
    note: str
    reviewer: str
    time: str


class FindingOnRecord(Struct, kw_only=True):
    """A finding of a decision; `start` and `end` are code points of the stored text."""

    id: int
    rule: str
    verdict: Verdict
    start: int
    end: int
    words: str
    message: str
    suggestion: str
    verdicts: dict[Platform, Verdict]
    clauses: list[str]
    status: Status
    reviews: list[ReviewLine]


class DecisionOnRecord(Struct, kw_only=True):
    """A decision; contacts in its texts are masked where `redacted` is true."""

    id: int
    recorded_by: str
    time: Annotated[str, Meta(description="UTC")]
    day: str
    decision: Literal["withheld", "sent", "replaced"]
    reason: str
    agent: str
    shop: str
    session: str
    channel: Channel
    platforms: list[Platform]
    verdict: Verdict
    text: str
    context: list[dict[str, str]]
    sent_text: str | None
    redacted: bool
    lexicon: str
    findings: list[FindingOnRecord]


class DecisionPage(Struct, kw_only=True):
    """A page of decisions; `next` is the cursor of the page after, or null."""

    decisions: list[DecisionOnRecord]
    next: str | None


class Statuses(Struct, kw_only=True):
    """Findings by what their latest review says."""

    open: int
    confirmed: int
    rejected: int
    appealed: int


class PrecisionLine(Statuses, kw_only=True):
    """Confirmed of those ruled on, with Wilson's 95 % interval; null where nobody ruled yet."""

    rule: str
    precision: float | None
    low: float | None
    high: float | None


class Precision(Struct, kw_only=True):
    """Precision by rule, the most reviewed first."""

    rules: list[PrecisionLine]


class Proposal(Struct, kw_only=True):
    """Words that reviewers rejected; `passes` is a snippet of YAML for the rule's file."""

    rule: str
    words: str
    rejected: int
    confirmed: Annotated[int, Meta(description="How often the same words were confirmed: the context decides.")]
    texts: list[str]
    passes: str


class Proposals(Struct, kw_only=True):
    """Proposals, the most frequent first."""

    proposals: list[Proposal]


class StatsLine(Statuses, kw_only=True):
    """One day, rule, agent or shop."""

    key: str
    decisions: int
    withheld: int
    sent: int
    replaced: int
    findings: int


class Stats(Struct, kw_only=True):
    """Counts in the order of their keys."""

    by: Literal["day", "rule", "agent", "shop"]
    rows: list[StatsLine]


class Trouble(Struct, kw_only=True):
    """What went wrong: a code for programs, a message for people."""

    code: str
    message: str
    problems: list[str] = []


class Failure(Struct, kw_only=True):
    """The body of every answer with a status of 400 or above."""

    error: Trouble
