"""What runs in Spark's Python workers: Arrow batches of rows in, Arrow batches of what was judged out.

Nothing here imports Spark. The rows of a conversation come one after the other, so that six turns are all a worker
remembers: its memory does not grow with a partition or a session. Findings, troubles and counts leave through one
stream of rows, told apart by `kind`. The decision to question: counts are rows and not accumulators. Spark may run a task
twice, and accumulators then count twice; rows of a task that failed are thrown away with it.
"""

from __future__ import annotations

import json
import tempfile
from collections import Counter, deque
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from functools import lru_cache
from itertools import chain
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

from linter import reports
from linter.audit import Linters
from linter.engine import Linter
from linter.ledger import identity
from linter.lexicon import load_lexicon
from linter.measures import parse_time
from linter.model import CHANNELS, PLATFORMS, Finding, KefulintError, Message, Origin, Turn
from linter.sources import PLATFORM_NAMES, ROLE_NAMES, clean

if TYPE_CHECKING:
    import pyarrow as pa

_CONTEXT = 6
_COUNTS = 50_000  # different counts held before they are handed on; they are sums, so parts of them do no harm
_ROLES = {name: role for role, names in ROLE_NAMES.items() for name in names}

# What a worker reads, and what it writes: names and Spark types, in order.
ROWS = (
    ("path", "string"), ("row", "bigint"), ("role", "string"), ("text", "string"), ("session", "string"), ("turn", "bigint"),
    ("time", "string"), ("message_id", "string"), ("agent", "string"), ("shop", "string"), ("platform", "string"),
    ("channel", "string"), ("context", "string"),
)  # fmt: skip
WHERE = (
    ("path", "string"), ("row", "bigint"), ("session", "string"), ("turn", "bigint"), ("time", "string"),
    ("message_id", "string"), ("agent", "string"), ("shop", "string"), ("platform", "string"),
)  # fmt: skip
FINDING = (
    ("id", "string"), ("rule", "string"), ("verdict", "string"), ("start", "int"), ("end", "int"), ("text", "string"),
    ("message", "string"), ("suggestion", "string"), ("verdicts", "map<string,string>"), ("spelled", "array<string>"),
    ("field", "string"), ("version", "string"), ("data", "string"),
)  # fmt: skip
JUDGED = (
    ("kind", "string"), *FINDING, *WHERE, ("what", "string"), ("expected", "string"),
    ("day", "string"), ("role", "string"), ("messages", "bigint"), ("findings", "bigint"),
)  # fmt: skip


class Row(NamedTuple):
    """One row of chat as it reaches a worker, fields as in ROWS."""

    path: str | None
    row: int | None
    role: str | None
    text: str | None
    session: str | None
    turn: int | None
    time: str | None
    message_id: str | None
    agent: str | None
    shop: str | None
    platform: str | None
    channel: str | None
    context: str | None


class Problem(NamedTuple):
    """Why a row cannot be judged."""

    what: str
    expected: str


@dataclass(frozen=True, slots=True)
class Settings:
    """How to judge, as it travels to the workers. A shop's own lexicons travel with their content."""

    platforms: tuple[str, ...]
    version: str  # of the lexicons on the driver: a worker that has others must not judge
    folders: tuple[tuple[tuple[str, bytes], ...], ...] = ()  # each a folder: (path inside it, content)
    rules: tuple[str, ...] = ()
    as_of: str | None = None
    drafts: bool = False
    channel: str = "chat"
    shown: bool = False


def packed(folder: Path) -> tuple[tuple[str, bytes], ...]:
    """Return the YAML files of a lexicon folder with their content."""
    files = sorted(path for path in folder.rglob("*.yaml"))
    return tuple((str(path.relative_to(folder)), path.read_bytes()) for path in files)


@lru_cache(maxsize=4)
def linters(settings: Settings) -> Linters:
    """Return this worker's linters: compiled once in the life of its process, whatever number of tasks it runs."""
    with tempfile.TemporaryDirectory(prefix="kefulint-") as own:
        lexicon = load_lexicon([_unpacked(Path(own) / str(n), files) for n, files in enumerate(settings.folders)])
    if lexicon.version != settings.version:
        raise KefulintError(
            f"<executor>:1: lexicons {lexicon.version}, expected {settings.version} as on the driver: "
            "install the same kefulint everywhere"
        )

    def make(name: str) -> Linter:
        own_platforms = settings.platforms if name == settings.platforms[0] else (name,)
        return Linter(
            own_platforms, lexicon=lexicon, rules=settings.rules, as_of=settings.as_of, drafts=settings.drafts
        )

    return Linters(make, settings.platforms[0])


def _unpacked(folder: Path, files: Iterable[tuple[str, bytes]]) -> Path:
    for name, content in files:
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content)
    folder.mkdir(exist_ok=True)
    return folder


def judge(settings: Settings) -> Callable[[Iterable[pa.RecordBatch]], Iterable[pa.RecordBatch]]:
    """Return the function for `mapInArrow`: batches of ROWS to batches of JUDGED."""

    def run(batches: Iterable[pa.RecordBatch]) -> Iterator[pa.RecordBatch]:
        part = Part(settings)
        for batch in batches:
            found = part.take(
                [Row._make(values) for values in zip(*(c.to_pylist() for c in batch.columns), strict=True)]
            )
            if found:
                yield as_batch(found, JUDGED)
        yield as_batch(part.counted(), JUDGED)

    return run


class Part:
    """One partition on its way through a worker: rows in their order in, judged rows out, counts at the end."""

    def __init__(self, settings: Settings) -> None:
        self.settings = settings
        self.linters = linters(settings)
        self.counts: Counter[tuple[str | None, ...]] = Counter()
        self._session: tuple[str | None, str] | None = None
        self._turns: deque[Turn] = deque(maxlen=_CONTEXT)

    def take(self, rows: Sequence[Row]) -> list[dict[str, Any]]:
        """Judge some rows and return what is worth a row."""
        items = [self._item(row) for row in rows]
        found = self._found(items)
        judged: list[dict[str, Any]] = []
        for index, (row, item) in enumerate(zip(rows, items, strict=True)):
            if isinstance(item, Problem):
                judged.append({"kind": "trouble", **_place(row), "what": item.what, "expected": item.expected})
            else:
                self._count(item, found.get(index, ()))
                judged += (self._judged(finding, item) for finding in found.get(index, ()))
        if len(self.counts) > _COUNTS:
            judged += self.counted()
        return judged

    def counted(self) -> list[dict[str, Any]]:
        """Return the counts so far and begin anew. A row without a rule counts messages."""
        names = ("platform", "shop", "agent", "day", "role", "rule", "verdict")
        rows = [
            {"kind": "count", **dict(zip(names, key, strict=True)), "findings" if key[-1] else "messages": times}
            for key, times in self.counts.items()
        ]
        self.counts.clear()
        return rows

    def _found(self, items: Sequence[Message | Problem]) -> dict[int, list[Finding]]:
        """Judge the agents' messages of a batch, those of a platform together; findings by the place in the batch."""
        asked: dict[str | None, list[int]] = {}
        for index, item in enumerate(items):
            if isinstance(item, Message) and item.role == "agent":
                asked.setdefault(item.origin.platform, []).append(index)
        found: dict[int, list[Finding]] = {}
        for platform, indexes in asked.items():
            messages = [item for index in indexes if isinstance(item := items[index], Message)]
            answers = self.linters.of(platform).check_many(messages)
            found.update((index, answer) for index, answer in zip(indexes, answers, strict=True) if answer)
        return found

    def _item(self, row: Row) -> Message | Problem:
        if row.text is None:
            return Problem("no text", "a text")
        role = _ROLES.get((row.role or "agent").strip().lower())
        if role is None:
            return Problem(f"unknown role '{str(row.role)[:20]}'", "agent, buyer, 客服, 买家 or a known name")
        before = self._before(row)
        message = Message(
            clean(row.text),
            row.channel if row.channel in CHANNELS else self.settings.channel,
            before if row.context is None else _given(row.context),
            role,
            Origin(
                row.path, row.row, None, row.row, row.message_id, row.session, row.turn, row.agent, row.shop,
                platform_of(row.platform), row.time,
            ),
        )  # fmt: skip
        if row.session is not None and role != "system":
            self._turns.append(Turn(role, message.text, row.time))
        return message

    def _before(self, row: Row) -> tuple[Turn, ...]:
        """Return the turns before this one in its session; a row without a session has none."""
        if row.session is None:
            return ()
        if self._session != (row.path, row.session):
            self._session = (row.path, row.session)
            self._turns.clear()
        return tuple(self._turns)

    def _count(self, message: Message, found: Iterable[Finding]) -> None:
        origin = message.origin
        day = _day(origin.time) if origin.time else None
        owner = (origin.platform or self.linters.platform, origin.shop, origin.agent, day, message.role)
        keys = [(*owner, None, None), *((*owner, finding.rule, finding.verdict) for finding in found)]
        for key in keys:
            self.counts[key] += 1

    def _judged(self, finding: Finding, message: Message) -> dict[str, Any]:
        data = {"id": identity(finding)} | reports.finding_data(finding, message.text, shown=self.settings.shown)
        typed = {name: data[name] for name, _ in FINDING if name in data}
        origin = finding.origin
        place = {name: getattr(origin, name, None) for name, _ in WHERE} | {"message_id": origin.id}
        return {"kind": "finding", **typed, "data": reports.dump(data), **place}


def _place(row: Row) -> dict[str, Any]:
    return {name: getattr(row, name) for name, _ in WHERE}


def _given(context: str) -> Iterator[Turn]:
    """Read a context that came with the row: JSON, a list of turns."""
    for turn in json.loads(context)[-_CONTEXT:]:
        if isinstance(turn, dict):
            yield Turn(_ROLES.get(str(turn.get("role")), "buyer"), clean(str(turn.get("text", ""))))


def platform_of(value: str | None) -> str | None:
    name = (value or "").strip().lower()
    return name if name in PLATFORMS else PLATFORM_NAMES.get(name)


def _day(time: str) -> str | None:
    """Return the day of a time as logs write it."""
    if len(time) >= 10 and time[4] == time[7] == "-":
        return time[:10]
    moment = parse_time(time)
    return None if moment is None else moment.date().isoformat()


# --- Arrow -----------------------------------------------------------------------------------------------------------


def as_batch(rows: Iterable[dict[str, Any]], columns: Sequence[tuple[str, str]]) -> pa.RecordBatch:
    import pyarrow as pa

    return pa.RecordBatch.from_pylist(list(rows), schema=_arrow_schema(tuple(columns)))


@lru_cache(maxsize=8)
def _arrow_schema(columns: tuple[tuple[str, str], ...]) -> pa.Schema:
    import pyarrow as pa

    kinds = {
        "string": pa.string(), "int": pa.int32(), "bigint": pa.int64(), "double": pa.float64(),
        "array<string>": pa.list_(pa.string()), "map<string,string>": pa.map_(pa.string(), pa.string()),
    }  # fmt: skip
    return pa.schema([pa.field(name, kinds[kind]) for name, kind in columns])


def ddl(columns: Iterable[tuple[str, str]]) -> str:
    """Return a schema as Spark writes it."""
    return ", ".join(f"`{name}` {kind}" for name, kind in chain(columns))
