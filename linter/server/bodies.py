"""What comes in over HTTP and what goes out, as models: they check the requests and describe the API.

The limits stand here and nowhere else, so that the description of the API names them. Fields nobody knows are refused:
a misspelled field that is ignored would switch a check off without a word.
"""

from __future__ import annotations

import json
import re
from typing import Annotated, Any, Literal, TypeVar

from pydantic import BaseModel, ConfigDict, Field, ValidationError

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
Name = Annotated[str, Field(max_length=NAME)]
Day = Annotated[str, Field(pattern=r"^[0-9]{4}-[0-9]{2}-[0-9]{2}$", description="A day such as 2026-01-31, inclusive.")]
Status = Literal["open", "confirmed", "rejected", "appealed"]


class Body(BaseModel):
    """A request's body: no field is guessed, none is ignored."""

    model_config = ConfigDict(strict=True, extra="forbid")


class TurnBody(Body):
    """One earlier utterance of the conversation."""

    role: Literal["agent", "buyer"]
    text: Annotated[str, Field(max_length=TURN)]
    time: Annotated[str | None, Field(max_length=40, description="ISO 8601")] = None


class Check(Body):
    """One message to judge."""

    text: Annotated[str, Field(max_length=TEXT, description="What is about to be sent.", examples=["特价不开票的哦"])]
    channel: Channel = "chat"
    platforms: Annotated[
        list[Platform], Field(max_length=6, description="Judged side by side; empty: the server's own.")
    ] = []
    context: Annotated[list[TurnBody], Field(max_length=TURNS, description="Earlier turns, the oldest first.")] = []
    agent: Name | None = None
    shop: Name | None = None
    session: Name | None = None


class Batch(Body):
    """Several messages to judge."""

    messages: Annotated[list[Check], Field(max_length=MESSAGES)]


class Live(Check):
    """One message to judge as it is typed; the answer carries the same number."""

    seq: Annotated[int, Field(ge=0, le=2**53)]


class Hello(Body):
    """The first message of a WebSocket where tokens are needed."""

    token: Annotated[str, Field(max_length=200)]


class DecisionBody(Check):
    """What was done with a message that was judged."""

    decision: Literal["withheld", "sent", "replaced"]
    reason: Annotated[str | None, Field(max_length=NOTE, description="Needed for sent: why all the same.")] = None
    sent_text: Annotated[str | None, Field(max_length=TEXT, description="What went out instead.")] = None
    client_id: Annotated[
        str | None,
        Field(
            min_length=1, max_length=NAME, description="Of the client's making; a retry with it writes nothing twice."
        ),
    ] = None


class ReviewBody(Body):
    """What somebody says of a finding."""

    review: Annotated[
        Literal["confirmed", "rejected", "appealed"],
        Field(description="Everybody may appeal; the rest is a supervisor's."),
    ]
    note: Annotated[str | None, Field(max_length=NOTE)] = None
    reviewer: Annotated[Name | None, Field(description="Default: the token's holder.")] = None


class Query(Body):
    """A query string: every value in it is text, and read as what the field is."""

    model_config = ConfigDict(strict=False, extra="forbid")

    rule: Name | None = None
    agent: Name | None = None
    shop: Name | None = None
    since: Day | None = None
    until: Day | None = None


class Queue(Query):
    """Which decisions to read."""

    status: Annotated[Status | None, Field(description="Of one of its findings.")] = None
    limit: Annotated[int, Field(ge=1, le=200)] = 50
    cursor: Annotated[str | None, Field(pattern=r"^[0-9]{1,18}$", description="`next` of the page before.")] = None


class StatsQuery(Query):
    """What to count by."""

    by: Literal["day", "rule", "agent", "shop"] = "day"


B = TypeVar("B", bound=Body)
_ESCAPED = re.compile(rb"\\u[dD][89a-fA-F]")
_LONE = re.compile("[\ud800-\udfff]")


def read(model: type[B], raw: bytes) -> B:
    """Return a body as its model; raise Refused (422) naming every field that is wrong, never its value.

    JSON may carry half of a surrogate pair, and a message must not slip past the judge because of one: such a half is read
    as U+FFFD, which takes its place in the count of code points.
    """
    try:
        return model.model_validate_json(raw)
    except ValidationError as error:
        if not _ESCAPED.search(raw):
            raise _refused(error) from None
    try:
        return model.model_validate_json(_LONE.sub("\ufffd", json.dumps(json.loads(raw), ensure_ascii=False)))
    except ValidationError as error:
        raise _refused(error) from None
    except (ValueError, RecursionError):
        raise Refused(422, "invalid", "the body is no JSON, expected a JSON object") from None


def _refused(error: ValidationError) -> Refused:
    problems = []
    for one in error.errors(include_url=False, include_context=False, include_input=False)[:20]:
        place = ".".join(str(part)[:80] for part in one["loc"])
        problems.append(f"{place}: {one['msg']}" if place else one["msg"])
    return Refused(422, "invalid", "; ".join(problems), problems=problems)


class Answered(BaseModel):
    """What is said of a message; the same JSON as that of the library's other edges."""

    schema_: Annotated[int, Field(alias="schema")]
    decision: Literal["send", "confirm", "block"]
    verdict: Verdict
    findings: list[dict[str, Any]]
    rewritten: str | None
    lexicon: str
    platforms: dict[str, PlatformAnswer]


class PlatformAnswer(BaseModel):
    """What is said of a message on one platform."""

    decision: Literal["send", "confirm", "block"]
    verdict: Verdict


class AnsweredBatch(BaseModel):
    """Answers in the order of the messages."""

    answers: list[Answered]


class RuleLine(BaseModel):
    """A rule in the list."""

    id: str
    group: str
    title: str
    verdict: Verdict
    channels: list[Channel]


class RuleList(BaseModel):
    """The rules that judge."""

    rules: list[RuleLine]
    lexicon: str


class RuleAnswer(BaseModel):
    """A rule explained."""

    rule: str
    title: str
    why: str
    suggestion: str
    verdicts: dict[Platform, Verdict]
    clauses: list[dict[str, Any]]
    lexicon: str


class PlatformName(BaseModel):
    """A platform and what it is called."""

    id: Platform
    name: str


class Meta(BaseModel):
    """What the server is and knows."""

    name: str
    version: str
    lexicon: str
    platforms: list[PlatformName]
    default_platforms: list[Platform]
    channels: list[Channel]
    verdicts: dict[Verdict, str]
    tokens: bool


class Health(BaseModel):
    """The process is alive."""

    alive: bool


class Ready(BaseModel):
    """Whether requests are welcome, and how the last reload went."""

    ready: bool
    lexicon: str
    reload: Literal["ok", "refused"]
    problems: list[str] = []


class Reloaded(BaseModel):
    """The lexicons that judge from now on."""

    lexicon: str
    rules: int


class RecordedBody(BaseModel):
    """Where the decision stands; status 200 instead of 201 where an earlier request wrote it."""

    id: int
    findings: list[int]


class ReviewedBody(BaseModel):
    """What the finding's latest review says now."""

    finding: int
    status: Status


class ReviewLine(BaseModel):
    """One review, the oldest first."""

    review: Status
    note: str
    reviewer: str
    time: str


class FindingOnRecord(BaseModel):
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


class DecisionOnRecord(BaseModel):
    """A decision; contacts in its texts are masked where `redacted` is true."""

    id: int
    recorded_by: str
    time: Annotated[str, Field(description="UTC")]
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


class DecisionPage(BaseModel):
    """A page of decisions; `next` is the cursor of the page after, or null."""

    decisions: list[DecisionOnRecord]
    next: str | None


class Statuses(BaseModel):
    """Findings by what their latest review says."""

    open: int
    confirmed: int
    rejected: int
    appealed: int


class PrecisionLine(Statuses):
    """Confirmed of those ruled on, with Wilson's 95 % interval; null where nobody ruled yet."""

    rule: str
    precision: float | None
    low: float | None
    high: float | None


class Precision(BaseModel):
    """Precision by rule, the most reviewed first."""

    rules: list[PrecisionLine]


class Proposal(BaseModel):
    """Words that reviewers rejected; `passes` is a snippet of YAML for the rule's file."""

    rule: str
    words: str
    rejected: int
    confirmed: Annotated[int, Field(description="How often the same words were confirmed: the context decides.")]
    texts: list[str]
    passes: str


class Proposals(BaseModel):
    """Proposals, the most frequent first."""

    proposals: list[Proposal]


class StatsLine(Statuses):
    """One day, rule, agent or shop."""

    key: str
    decisions: int
    withheld: int
    sent: int
    replaced: int
    findings: int


class Stats(BaseModel):
    """Counts in the order of their keys."""

    by: Literal["day", "rule", "agent", "shop"]
    rows: list[StatsLine]


class Trouble(BaseModel):
    """What went wrong: a code for programs, a message for people."""

    code: str
    message: str
    problems: list[str] = []


class Failure(BaseModel):
    """The body of every answer with a status of 400 or above."""

    error: Trouble


Answered.model_rebuild()
