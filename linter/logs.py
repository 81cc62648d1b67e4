"""Chat logs in, tables out: every format becomes the same columns, some thousand rows at a time.

JSON lines, CSV and TSV, XLSX, Parquet, Arrow, text exports of conversations and database queries. A log of any size is
read in constant memory, and the nth table of a file is always the same, so that work on it can be cut there and taken
up again. The decision to question: columns and not records, because a million messages are a million of everything that
is done for each.
"""

from __future__ import annotations

import csv
import json
import re
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, fields, replace
from datetime import date, datetime
from functools import partial
from itertools import chain, compress, islice
from pathlib import Path
from typing import Any, TypeVar

from linter import conversations, workbooks
from linter import times as clock
from linter.columns import (
    COLUMNS,
    Profile,
    columns_of,
    listing_columns,
    platform_named,
    profile_named,
    profile_of,
    role_column_by_values,
    role_of,
    role_of_sender,
    says_yes_or_no,
)  # fmt: skip
from linter.inputs import LOG_FORMATS, LOG_SUFFIXES, MOST_LINES, NO_TEXT, UNCLOSED, is_swallowed, worth
from linter.inputs import Listing as Listing  # a name of this module too, as are its options
from linter.inputs import Options as Options
from linter.lines import PACKED, Block, Lines, Trouble, clean, opened
from linter.markup import mask_html
from linter.model import CHANNELS, Message, Origin, SourceError, Turn
from linter.taken import Seen, Taken, platform_said

ROWS = 8192  # of a table, at most
CONTEXT = 6  # earlier turns that count
SESSIONS = 20_000  # open sessions whose last turns are kept; a log with more open at once loses the oldest contexts
SAMPLE = 500  # rows that are looked at to tell what a column holds
HEADER_ROWS = 6  # rows among which the header is looked for: exports often begin with a title


Values = list[str | None]
_Value = TypeVar("_Value")


@dataclass(slots=True)
class Table:
    """Some rows of a log by column; a list that is None has no column. `read` counts the bytes of the file so far."""

    path: str
    texts: list[str] = field(default_factory=list)
    roles: list[str] = field(default_factory=list)
    lines: Sequence[int] = ()
    rows: Sequence[int] = ()
    sessions: Values | None = None
    times: Values | None = None
    agents: Values | None = None
    shops: Values | None = None
    platforms: Values | None = None
    ids: Values | None = None
    turns: list[int | None] | None = None
    channels: list[str] | None = None
    contexts: list[Any] | None = None  # a row's own context, where it brings one
    questions: Values | None = None  # what the buyer asked, in the same row
    troubles: list[Trouble] = field(default_factory=list)
    listings: list[Listing] = field(default_factory=list)
    channel: str = "chat"
    read: int = 0
    sheet: str | None = None  # of a workbook
    untimed: list[tuple[int, str]] = field(default_factory=list)  # rows with times that could not be read
    unmarked: int = 0  # rows without a role, taken for the agent's
    told: bool = False  # does the log tell who speaks?
    taken: Taken | None = None  # how the file was read, in its first table

    def origin(self, at: int) -> Origin:
        """Return where a row came from."""
        ids, sessions, turns = _cell(self.ids, at), _cell(self.sessions, at), _cell(self.turns, at)
        agent, shop, platform = _cell(self.agents, at), _cell(self.shops, at), _cell(self.platforms, at)
        time = _cell(self.times, at)
        return Origin(
            self.path,
            self.lines[at],
            None,
            self.rows[at],
            ids,
            sessions,
            turns,
            agent,
            shop,
            platform,
            time,
            self.sheet,
        )

    def keep(self, wanted: Sequence[bool]) -> None:
        """Drop the rows that are not wanted."""
        for name in _BY_ROW:
            values = getattr(self, name)
            if values is not None:
                setattr(self, name, list(compress(values, wanted)))


def _cell(values: Sequence[_Value] | None, at: int) -> _Value | None:
    return values[at] if values else None


_BY_ROW = tuple(
    f.name
    for f in fields(Table)
    if f.name
    not in ("path", "troubles", "listings", "channel", "read", "sheet", "untimed", "unmarked", "told", "taken")
)


# --- tables to messages ----------------------------------------------------------------------------------------------


@dataclass
class Sessions:
    """The last turns of the sessions that are open, the one that spoke last at the end."""

    open: dict[str, tuple[Turn, ...]] = field(default_factory=dict)

    def advance(self, table: Table, *, every: bool = True) -> list[tuple[Turn, ...]]:
        """Take in a table; return the context of every row, or that of the buyers' left empty."""
        if table.contexts is not None or table.questions is not None:
            return self._advance_given(table)
        if table.sessions is None:
            return [()] * len(table.texts)
        known = self.open
        contexts: list[tuple[Turn, ...]] = []
        current: str | None = None  # the session of the rows before: most have the same, and it is put back once
        turns: list[Turn] = []
        for session, turn in zip(table.sessions, _turns(table), strict=True):
            if session is None:
                contexts.append(())
                continue
            if session != current:
                if current is not None:
                    known[current] = tuple(turns)
                current, turns = session, list(known.pop(session, ()))
            contexts.append(tuple(turns) if every or turn.role == "agent" else ())
            if turn.role != "system":
                turns.append(turn)
                if len(turns) > CONTEXT:
                    del turns[0]
        if current is not None:
            known[current] = tuple(turns)
        self._forget()
        return contexts

    def _advance_given(self, table: Table) -> list[tuple[Turn, ...]]:
        """The same for rows that bring a context or a question of their own."""
        found = []
        count = len(table.texts)
        rows = zip(
            table.sessions or [None] * count, table.roles, table.texts, _times(table),
            table.contexts or [None] * count, table.questions or [None] * count, strict=True,
        )  # fmt: skip
        for session, role, text, time, given, question in rows:
            turns = self.open.pop(session, ()) if session else ()
            if question:
                turns = (*turns[1 - CONTEXT :], Turn("buyer", question, time))
            found.append(_given(given) if isinstance(given, list) else turns)
            if session:
                self.open[session] = (*turns[1 - CONTEXT :], Turn(role, text, time)) if role != "system" else turns
        self._forget()
        return found

    def _forget(self) -> None:
        for session in list(islice(self.open, max(0, len(self.open) - SESSIONS))):
            del self.open[session]

    def state(self, only: Iterable[str | None] | None = None) -> dict[str, list[tuple[str, str, str | None]]]:
        """Return the turns as plain data: of all sessions, or of those named."""
        names = self.open if only is None else dict.fromkeys(name for name in only if name in self.open)
        return {name: [(t.role, t.text, t.time) for t in self.open[name]] for name in names if name is not None}

    @classmethod
    def of_state(cls, data: Mapping[str, Any]) -> Sessions:
        return cls({name: tuple(Turn(*turn) for turn in turns) for name, turns in data.items()})


def _times(table: Table) -> Values:
    return table.times if table.times is not None else [None] * len(table.texts)


def _turns(table: Table) -> list[Turn]:
    """Return every row as a turn, without a Python call for each."""
    return list(map(partial(tuple.__new__, Turn), zip(table.roles, _shown(table.texts), _times(table), strict=True)))


def _shown(texts: list[str]) -> list[str]:
    """Return what was seen of texts that may be HTML. They are joined because most tables hold none at all."""
    together = "".join(texts)
    return list(map(mask_html, texts)) if "<" in together or "&" in together else texts


def _given(turns: list[Any]) -> tuple[Turn, ...]:
    """Return the context that a row brings, its keys and roles named in any way a log may name them."""
    return tuple(_given_turn(turn) for turn in turns[-CONTEXT:] if isinstance(turn, dict))


def _given_turn(turn: Mapping[str, Any]) -> Turn:
    found = columns_of(turn, {})
    role = role_of(str(turn[found["role"]]), found["role"], {}) if "role" in found else ""
    return Turn(role or "buyer", mask_html(clean(str(turn.get(found.get("text", "text"), "")))))


class AgentRow:
    """An agent's row of a table, judged like a Message. Its origin is made when it is asked for: few rows have findings."""

    __slots__ = ("_at", "_origin", "_table", "channel", "context", "role", "text")

    def __init__(self, table: Table, at: int, text: str, channel: str, context: tuple[Turn, ...]) -> None:
        self._table = table
        self._at = at
        self._origin: Origin | None = None
        self.text = text
        self.channel = channel
        self.context = context
        self.role = "agent"

    @property
    def origin(self) -> Origin:
        if self._origin is None:
            self._origin = self._table.origin(self._at)
        return self._origin


def agents_rows(table: Table, sessions: Sessions) -> list[AgentRow]:
    """Return what the agents say in a table, with their contexts."""
    contexts = sessions.advance(table, every=False)
    channel, channels = table.channel, table.channels
    return [
        AgentRow(table, at, text, channels[at] if channels else channel, context)
        for at, (role, text, context) in enumerate(zip(table.roles, table.texts, contexts, strict=True))
        if role == "agent"
    ]


def messages(table: Table, sessions: Sessions) -> list[Message]:
    """Return the messages of a table with their contexts."""
    contexts, channels = sessions.advance(table), table.channels or [table.channel] * len(table.texts)
    return [
        Message(text, channel, context, role, table.origin(at))
        for at, (text, channel, context, role) in enumerate(
            zip(table.texts, channels, contexts, table.roles, strict=True)
        )
    ]


# --- raw columns to a table ------------------------------------------------------------------------------------------

_ALIKE = frozenset({str})
_TRUTHS = {True: "true", False: "false"}


def words(values: Iterable[Any]) -> Values:
    """Return cells as texts, None for empty ones; a list of texts as it is."""
    known = values if isinstance(values, list) else list(values)
    for value in known:
        if type(value) is not str or not value:
            return [cell if type(cell) is str and cell else _word(cell) for cell in known]
    return known


def _word(value: Any) -> str | None:
    if value is None or value == "":
        return None
    if isinstance(value, bool):
        return _TRUTHS[value]
    if isinstance(value, datetime | date):
        return value.isoformat(" ", "seconds") if isinstance(value, datetime) else value.isoformat()
    return clean(str(value))


def _told(times: Values, lines: Sequence[int], untimed: list[tuple[int, str]]) -> Values:
    """Return times as ISO texts; those that are none stay as they are and are noted."""
    found = list(times)
    for at, time in enumerate(times):
        if time is None or (len(time) == 19 and time[4] == "-" and time[13] == ":"):
            continue
        written = clock.written(time)
        if written is None:
            untimed.append((lines[at], time))
        else:
            found[at] = written
    return found


def _joined(days: Values, times: Values) -> Values:
    """Return times with the days that stand in a column of their own, where they have none."""
    return [
        time if not day or (time and clock.written(time)) else f"{day[:10] if time else day} {time or ''}".strip()
        for day, time in zip(days, times, strict=True)
    ]


def _whole(value: Any) -> int | None:
    try:
        return int(value)
    except (TypeError, ValueError, OverflowError):
        return None


_LIKE_A_ROLE = re.compile(
    r"角色|方向|身份|发送|发言|说话|是否|role|direction|speaker|sender|author|^(?:is|from)", re.IGNORECASE
)


def _is_words(value: Any) -> bool:
    return isinstance(value, str) and len(value) > 4 and worth(value)


class Shape:
    """Which column of a file holds which field, who speaks, and how raw columns become a table.

    `sample` is some of the rows, by which a column of roles is found that is not called like one.
    """

    def __init__(
        self, path: str, names: Iterable[str], options: Options, sample: Sequence[Mapping[str, Any]] = ()
    ) -> None:
        self.path = path
        self.options = options
        self.names = names = list(names)
        self.profile: Profile | None = profile_named(options.profile) if options.profile else profile_of(names)
        self.found = self.fields_of(names)
        by_values = None
        if "role" not in self.found and not (self.profile and "role" in self.profile.columns):
            by_values = role_column_by_values([n for n in names if n not in self.found.values()], sample)
        if by_values:
            self.found["role"] = by_values
        self.guessed_role = by_values
        self.others = [name for name in names if name not in self.found.values()]
        self.left = [name for name in self.others if any(_is_words(row.get(name)) for row in sample)]
        self.refused = self._refused()
        self._said_refused = False
        self._roles: dict[Any, str] = {}
        self._platforms: dict[Any, str | None] = {}

    def fields_of(self, names: Iterable[str]) -> dict[str, str]:
        return columns_of(names, self.options.columns, self.profile)

    @property
    def told(self) -> bool:
        """Do the rows tell who speaks?"""
        return "role" in self.found or "sender" in self.found

    def _refused(self) -> Trouble | None:
        """A log of conversations that does not say who speaks is not read: every guess would judge the buyer."""
        found = self.found
        if self.told or "*" in self.options.roles or found.keys() & {"question", "context"} or "text" not in found:
            return None
        likely = (
            next((name for name in self.others if _LIKE_A_ROLE.search(name)), None) if self.options.need_text else None
        )
        if likely is None and not found.keys() & {"session", "buyer", "receiver"}:
            return None
        named = f"--column role={likely}" if likely else "--column role=NAME or --column sender=NAME"
        what = f"no column is known to say who speaks, among {', '.join(map(str, self.names))}"
        return Trouble(self.path, 1, what, f"{named}, or --role '*=agent' where all of it is the shop's")

    def taken(self, kind: str, encoding: str = "") -> Taken:
        """Say how the file was read, and what of that was guessed."""
        if "text" not in self.found:
            return self._taken_listings(kind, encoding)
        made = Taken(self.path, kind, encoding, self.found, left=self.left)
        made.doubt_encoding(self.options.encoding)
        made.said.append(self._who())
        made.said += [f"按{self.profile.title}的导出格式读（{self.profile.name}）"] if self.profile else []
        if "time" not in self.found and self.told:
            made.said.append("没有时间列")
        profile = self.profile.title if self.profile and self.profile.platform and not self.options.platform else None
        given = self.options.platform or (self.profile.platform if self.profile else None)
        if self.told or given or "platform" in self.found:
            made.said.append(platform_said(self.found.get("platform"), profile, given, self.options.default_platform))
        self._guesses(made)
        return made

    def _taken_listings(self, kind: str, encoding: str) -> Taken:
        columns = listing_columns(self.names, self.options.columns)
        left = [name for name in self.left if name not in columns.values()]
        made = Taken(self.path, kind, encoding, columns, ["商品表"] if columns else [], left)
        made.doubt_encoding(self.options.encoding)
        made.guess_left()
        return made

    def _who(self) -> str:
        found = self.found
        if "role" in found:
            how = "是不是客服" if says_yes_or_no(found["role"]) else "是谁说的"
            return f"「{found['role']}」列说{how}" + ("（看这一列里的词猜的）" if self.guessed_role else "")
        if "sender" in found:
            return f"是谁说的按「{found['sender']}」列的名字猜"
        if "question" in found:
            return f"「{found['question']}」列算买家问的，内容算客服答的"
        return "全部算店铺说的"

    def _guesses(self, made: Taken) -> None:
        if self.guessed_role:
            made.guess(
                f"column '{self.guessed_role}' was taken for the role by its values",
                f"--column role={self.guessed_role}",
            )
        if "sender" in self.found and "role" not in self.found and not self.options.roles:
            made.guess(
                f"who speaks is guessed from the names in '{self.found['sender']}'",
                "a column of roles, or --role NAME=ROLE",
            )
        if self.profile and not self.options.profile:
            made.guess(f"read as an export of {self.profile.name}", f"--profile {self.profile.name}")
        if self.told and not (
            self.options.platform or "platform" in self.found or (self.profile and self.profile.platform)
        ):
            made.guess(f"no platform is named, {self.options.default_platform} was taken", "--platform NAME")
        made.guess_left()

    def table(self, columns: Mapping[str, list[Any]], lines: Sequence[int], rows: Sequence[int]) -> Table:
        """Return raw columns as a table; a row without a text or with an unknown role becomes a trouble."""
        if self.refused:
            refused, self._said_refused = [] if self._said_refused else [self.refused], True
            return Table(self.path, troubles=refused)
        made = Table(self.path, columns["text"], [], lines, rows, channel=self.options.channel, told=self.told)
        for name in ("sessions", "times", "agents", "shops", "ids"):
            if name[:-1] in columns:
                setattr(made, name, words(columns[name[:-1]]))
        if made.times is not None:
            times = _joined(words(columns["date"]), made.times) if "date" in columns else made.times
            made.times = _told(times, lines, made.untimed)
        if "turn" in columns:
            numbers = columns["turn"]
            made.turns = numbers if frozenset(map(type, numbers)) <= {int} else [_whole(number) for number in numbers]
        if "channel" in columns:
            made.channels = [c if c in CHANNELS else self.options.channel for c in words(columns["channel"])]
        if any(isinstance(value, list) for value in columns.get("context", ())):
            made.contexts = columns["context"]
        if "question" in columns:
            made.questions = words(columns["question"])
        made.platforms = self._of_platform(columns, len(made.texts))
        made.roles = self._of_role(columns, made)
        self._without_bad_rows(made, columns)
        return made

    def _of_platform(self, columns: Mapping[str, list[Any]], count: int) -> Values | None:
        default = self.options.platform or (self.profile.platform if self.profile else None)
        if "platform" not in columns:
            return [default] * count if default else None
        known = self._platforms
        for value in set(words(columns["platform"])) - known.keys():
            known[value] = platform_named(value) or default
        return [known[value] for value in words(columns["platform"])]

    def _of_role(self, columns: Mapping[str, list[Any]], made: Table) -> list[str]:
        """Return the roles, '' for unknown ones; a table that says nothing about it is all the shop's own words."""
        if "role" in columns:
            raw = words(columns["role"])
            for value in set(raw) - self._roles.keys():
                self._roles[value] = self._role(value)
            roles = [self._roles[value] for value in raw]
            if not says_yes_or_no(self.found["role"]):
                made.unmarked = raw.count(None)
        elif "sender" in columns:
            roles = self._of_sender(columns, made)
        else:
            roles = [self.options.roles.get("*", "agent")] * len(made.texts)
        self._of_people(columns, made, roles)
        return roles

    def _role(self, value: str | None) -> str:
        own = {**(self.profile.roles if self.profile else {}), **self.options.roles}
        return role_of(value or "", self.found["role"], own)

    def _of_sender(self, columns: Mapping[str, list[Any]], made: Table) -> list[str]:
        given = self.options.roles
        none: Values = [None] * len(made.texts)
        people = zip(
            words(columns["sender"]), made.agents or none, words(columns.get("buyer", none)), made.shops or none, strict=True
        )  # fmt: skip
        return [
            given.get((sender or "").strip().lower()) or role_of_sender((sender or "").strip(), agent or "", buyer or "", shop or "")
            for sender, agent, buyer, shop in people
        ]  # fmt: skip

    def _of_people(self, columns: Mapping[str, list[Any]], made: Table, roles: list[str]) -> None:
        """Fill in what the names of those who speak tell: the agent, the shop of `shop:sub-account`, the session."""
        if "sender" in columns:
            senders = words(columns["sender"])
            if made.agents is None:
                made.agents = [s if role == "agent" else None for s, role in zip(senders, roles, strict=True)]
            if made.shops is None and any(s and ":" in s for s in senders):
                made.shops = [s.partition(":")[0] if s and ":" in s else None for s in senders]
        if made.sessions is None and ("buyer" in columns or "receiver" in columns):
            made.sessions = self._of_session(columns, made, roles)

    def _of_session(self, columns: Mapping[str, list[Any]], made: Table, roles: list[str]) -> Values:
        """Without a session column all that passes between a shop and a buyer is one session."""
        none: Values = [None] * len(made.texts)
        buyers = words(columns["buyer"]) if "buyer" in columns else none
        if "buyer" not in columns and "sender" in columns:
            pairs = zip(words(columns["sender"]), words(columns["receiver"]), roles, strict=True)
            buyers = [sender if role == "buyer" else receiver for sender, receiver, role in pairs]
        if "shop" not in columns:
            return buyers
        return [
            f"{shop}/{buyer}" if shop and buyer else buyer
            for shop, buyer in zip(made.shops or none, buyers, strict=True)
        ]

    def _without_bad_rows(self, made: Table, columns: Mapping[str, list[Any]]) -> None:
        texts: list[Any] = made.texts
        wanted = [True] * len(texts)
        if frozenset(map(type, texts)) - _ALIKE:
            for at, text in enumerate(texts):
                if not isinstance(text, str):
                    wanted[at] = False
                    what = "no text" if text is None else f"the text is a {type(text).__name__}"
                    expected = "a text in " + (self.found.get("text") or "one of text, content, 内容 …")
                    made.troubles.append(Trouble(self.path, made.lines[at], what, expected))
        if "" in made.roles:
            for at, role in enumerate(made.roles):
                if not role and wanted[at]:
                    wanted[at] = False
                    value = str(columns["role"][at])[:20]
                    expected = f"agent, buyer, 客服, 买家 or a known name: --role '{value}=ROLE'"
                    made.troubles.append(Trouble(self.path, made.lines[at], f"unknown role '{value}'", expected))
        if not all(wanted):
            made.keep(wanted)


# --- records: JSON lines and lists -----------------------------------------------------------------------------------


class Records:
    """Turns records (mappings) into tables. Records need not have the same keys: optional ones come and go."""

    def __init__(self, path: str, options: Options, kind: str = "json", encoding: str = "") -> None:
        self.path = path
        self.options = options
        self._kind = kind, encoding
        self._shape: Shape | None = None
        self._by_keys: dict[tuple[str, ...], dict[str, str]] = {}
        self._names: dict[str, list[str]] = {}

    def table(
        self,
        records: list[dict[str, Any]],
        lines: Sequence[int],
        rows: Sequence[int] | None = None,
        *,
        unclean: bool = True,
    ) -> Table:
        """Return records as a table, listings apart; a record that holds a conversation becomes a row a turn."""
        rows = rows or lines
        if any(map(conversations.list_in, records[:SAMPLE])):
            records, lines, rows = self._spread(records, lines, rows)
        keys = [tuple(record) for record in records]
        first = self._shape is None
        shape = self._learn(set(keys), records)
        columns = {
            kind: [record.get(names[0]) for record in records]
            if len(names) == 1
            else [record.get(self._by_keys[key].get(kind, "")) for key, record in zip(keys, records, strict=True)]
            for kind, names in self._names.items()
        }
        if "text" not in columns:
            columns["text"] = [None] * len(records)
        listings = self._listings(records, columns["text"], lines, rows)
        if listings:
            wanted = [at not in listings for at in range(len(records))]
            columns = {kind: list(compress(values, wanted)) for kind, values in columns.items()}
            lines, rows = list(compress(lines, wanted)), list(compress(rows, wanted))
        if unclean:
            columns = {kind: [clean(v) if type(v) is str else v for v in values] for kind, values in columns.items()}
        made = shape.table(columns, lines, rows)
        made.listings = list(listings.values())
        made.taken = shape.taken(*self._kind) if first and made.texts else None
        return made

    def _spread(
        self, records: list[dict[str, Any]], lines: Sequence[int], rows: Sequence[int]
    ) -> tuple[list[dict[str, Any]], list[int], list[int]]:
        found = [
            (said, line, row)
            for record, line, row in zip(records, lines, rows, strict=True)
            for said in _said_in(record, row)
        ]
        return [said for said, _, _ in found], [line for _, line, _ in found], [row for _, _, row in found]

    def _learn(self, keys: set[tuple[str, ...]], records: list[dict[str, Any]]) -> Shape:
        if self._shape is None:
            names = dict.fromkeys(name for key in sorted(keys) for name in key)
            self._shape = Shape(self.path, names, self.options, records[:SAMPLE])
        guessed = self._shape.guessed_role
        for key in sorted(keys - self._by_keys.keys()):
            found = self._by_keys[key] = self._shape.fields_of(key)
            if guessed in key:
                found["role"] = str(guessed)
            self._shape.found = {**found, **self._shape.found}
            for kind, name in found.items():
                known = self._names.setdefault(kind, [])
                if name not in known:
                    known.append(name)
        return self._shape

    def _listings(
        self, records: list[dict[str, Any]], texts: list[Any], lines: Sequence[int], rows: Sequence[int]
    ) -> dict[int, Listing]:
        found = {}
        for at, text in enumerate(texts):
            columns = listing_columns(records[at], self.options.columns) if text is None else {}
            if columns:
                found[at] = listing(records[at], columns, self.path, lines[at], rows[at], self.options)
        return found


def _said_in(record: dict[str, Any], number: int) -> list[dict[str, Any]]:
    name = conversations.list_in(record)
    return [said.record for said in conversations.turns(record, name, number)] if name else [record]


class Rows:
    """Turns records into messages and listings one by one, for documents that hold few."""

    def __init__(self, path: str, options: Options, seen: Seen) -> None:
        self._path = path
        self._options = options
        self._seen = seen
        self._records: dict[tuple[str, ...], Records] = {}
        self._sessions = Sessions()

    def item(
        self, record: Mapping[str, Any], found: Mapping[str, str], line: int, row: int
    ) -> Iterator[Message | Listing | Trouble]:
        key = tuple(found.values())
        if key not in self._records:
            given = {**found, **self._options.columns}
            self._records[key] = Records(self._path, replace(self._options, columns=given))
        table = self._records[key].table([dict(record)], [line], [row])
        see(table, self._seen)
        yield from table.troubles
        yield from table.listings
        yield from messages(table, self._sessions)


def see(table: Table, seen: Seen) -> None:
    """Count a table among what its file says."""
    seen.unmarked += table.unmarked if table.told or not seen.told else len(table.texts)
    seen.told |= table.told
    seen.days += sum(time is not None and len(time) == 10 for time in table.times or ())
    seen.add(table.roles, table.texts, table.untimed)


def listing(record: Mapping[str, Any], columns: Mapping[str, str], path: str, line: int, row: int, options: Options) -> Listing:  # fmt: skip
    """Return a record with the fields of a listing."""
    found = {kind: record.get(name) for kind, name in columns.items()}
    platform = platform_named(found.get("platform")) or options.platform
    origin = Origin(path, line, None, row, id=_word(found.get("id")), shop=_word(found.get("shop")), platform=platform)
    return Listing(found, origin)


def _jsonl(lines: Lines, options: Options, skip: int) -> Iterator[tuple[int, Table]]:
    records = Records(lines.path, options, "jsonl", lines.encoding)
    number = -1
    for block in lines.blocks(skip):
        found, numbers, troubles = _objects(block, lines.path, options)
        unclean = any("\\ud" in line or "\\uD" in line for line in block.lines)  # lone surrogates come only by escapes
        table = records.table(found, numbers, unclean=unclean) if found else Table(lines.path)
        table.troubles = sorted(lines.drained() + troubles + table.troubles, key=lambda trouble: trouble.row)
        number = block.number
        yield number, table
    if left := lines.drained():
        yield number + 1, Table(lines.path, troubles=left)


def _objects(block: Block, path: str, options: Options) -> tuple[list[dict[str, Any]], Sequence[int], list[Trouble]]:
    """Parse a block of lines; return the objects with their line numbers, and what was none."""
    troubles: list[Trouble] = []
    numbers: Sequence[int] = range(block.first, block.first + len(block.lines))
    lines = block.lines
    if not all(lines):
        numbers = [number for number, line in zip(numbers, lines, strict=True) if line and not line.isspace()]
        lines = [line for line in lines if line and not line.isspace()]
    found = _together(lines)
    if found is None:
        found, numbers = _one_by_one(lines, numbers, path, troubles)
    if frozenset(map(type, found)) - {dict}:
        texts = options.columns.get("text", "text")
        found = [{texts: value} if type(value) is str else value for value in found]
        for value, number in zip(found, numbers, strict=True):
            if type(value) is not dict:
                troubles.append(Trouble(path, number, f"a {type(value).__name__}", "a JSON object with a text"))
        numbers = [number for value, number in zip(found, numbers, strict=True) if type(value) is dict]
        found = [value for value in found if type(value) is dict]
    return found, numbers, troubles


def _together(lines: list[str]) -> list[Any] | None:
    """Parse many lines with one call, which is twice as fast; None where a line is broken.

    A line break stands between them, which no JSON string can hold, so that a broken string never swallows the next line.
    """
    try:
        found = json.loads("[" + ",\n".join(lines) + "]")
    except (ValueError, RecursionError):
        return None
    return found if len(found) == len(lines) else None


def _one_by_one(
    lines: list[str], numbers: Sequence[int], path: str, troubles: list[Trouble]
) -> tuple[list[Any], list[int]]:
    found, kept = [], []
    for line, number in zip(lines, numbers, strict=True):
        try:
            found.append(json.loads(line))
        except (ValueError, RecursionError) as error:
            what = f"broken JSON ({getattr(error, 'msg', error)})"
            troubles.append(Trouble(path, number, what, "one JSON object a line"))
            continue
        kept.append(number)
    return found, kept


# --- tables of cells: CSV, TSV, XLSX ---------------------------------------------------------------------------------


def _csv(lines: Lines, options: Options, skip: int, delimiter: str = ",") -> Iterator[tuple[int, Table]]:
    csv.field_size_limit(1 << 28)
    yield from _cells(_CsvRows(lines, delimiter), lines.path, options, skip)


def _tsv(lines: Lines, options: Options, skip: int) -> Iterator[tuple[int, Table]]:
    return _csv(lines, options, skip, "\t")


class _CsvRows:
    """Gives out the rows of a CSV file with their line and record numbers; what is no row becomes a trouble."""

    sheet: str | None = None

    def __init__(self, lines: Lines, delimiter: str) -> None:
        self.lines = lines
        self.kind = "tsv" if delimiter == "\t" else "csv"
        self.encoding = lines.encoding
        self.record = 0
        self.broken: list[Trouble] = []
        self._delimiter = delimiter
        self._feed = _Feed(line.replace("\0", " ").replace("\r", " ") for line in lines)

    def __iter__(self) -> Iterator[tuple[list[str], int, int]]:
        feed = self._feed
        reader = csv.reader(feed, delimiter=self._delimiter)
        while True:
            line = feed.begin()
            try:
                cells = next(reader)
            except StopIteration:
                return
            except csv.Error as error:
                self.broken.append(Trouble(self.lines.path, line, str(error), "a CSV row"))
                continue
            if feed.ended or (len(feed.taken) > 1 and is_swallowed("".join(feed.taken), self._delimiter)):
                cells = self._unclosed(line)
                reader = csv.reader(feed, delimiter=self._delimiter)
            self.record += 1
            if cells:
                yield cells, line, self.record

    def _unclosed(self, line: int) -> list[str]:
        """Name a quote that is not closed; read its line alone, and those it swallowed again."""
        first = self._feed.back()
        self.broken.append(Trouble(self.lines.path, line, *UNCLOSED))
        return [
            cell.removeprefix('"')
            for cell in next(csv.reader([first], delimiter=self._delimiter, quoting=csv.QUOTE_NONE))
        ]

    def drained(self) -> list[Trouble]:
        found, self.broken = self.lines.drained() + self.broken, []
        return found


class _Feed:
    """Lines for a CSV reader, which can be taken back: a quote that is not closed must not swallow the rest of a file."""

    def __init__(self, lines: Iterable[str]) -> None:
        self.number = 0
        self.taken: list[str] = []  # by the row that is read
        self.ended = False  # did that row ask for more than there is, or than a row may have?
        self._lines = iter(lines)
        self._back: list[str] = []  # the last first

    def __iter__(self) -> Iterator[str]:
        return self

    def __next__(self) -> str:
        line = self._back.pop() if self._back else next(self._lines, None)
        if line is None or len(self.taken) >= MOST_LINES:
            self._back += [line] if line is not None else []
            self.ended = True
            raise StopIteration
        self.taken.append(line)
        return line

    def begin(self) -> int:
        """Begin a row; return the number of its first line."""
        self.number += len(self.taken)
        self.taken, self.ended = [], False
        return self.number + 1

    def back(self) -> str:
        """Take back all lines of the row but the first, which is returned."""
        first, *others = self.taken
        self._back += reversed(others)
        self.taken = [first]
        return first


class _SheetRows:
    """The same for a sheet of a workbook."""

    kind, encoding = "xlsx", ""

    def __init__(self, rows: Iterable[Sequence[Any]], sheet: str) -> None:
        self.rows = rows
        self.sheet = sheet

    def __iter__(self) -> Iterator[tuple[list[str], int, int]]:
        for number, row in enumerate(self.rows, 1):
            cells = [workbooks.cell_text(value) for value in row]
            if any(cells):
                yield cells, number, number

    def drained(self) -> list[Trouble]:
        return []


_Part = list[tuple[list[str], int, int]]


def _cells(source: _CsvRows | _SheetRows, path: str, options: Options, skip: int) -> Iterator[tuple[int, Table]]:
    rows = iter(source)
    top = list(islice(rows, HEADER_ROWS))
    if not top:
        yield 0, Table(path, troubles=source.drained())
        return
    at = next((at for at, (cells, _, _) in enumerate(top) if is_header(cells, options)), None)
    if at is None:
        yield from _without_header(chain(top, rows), source, path, options)
        return
    header = top[at][0]
    rest = chain(top[at + 1 :], rows)
    shape: Shape | None = None
    number = 0
    while True:
        part = list(islice(rest, ROWS))
        shape = shape or Shape(path, header, options, _sample(part, header))
        troubles = source.drained()
        if number >= skip and (part or troubles or not number):
            table = _of_cells(part, header, shape)
            table.troubles = sorted(troubles + table.troubles, key=lambda trouble: trouble.row)
            table.sheet = source.sheet
            if not number and not shape.refused:
                table.taken = _taken_of_cells(shape, header, source, top[at][1])
            yield number, table
        if len(part) < ROWS:
            return
        number += 1


def _sample(part: _Part, header: list[str]) -> list[dict[str, Any]]:
    return [dict(zip(header, cells, strict=False)) for cells, _, _ in part[:SAMPLE]]


def _taken_of_cells(shape: Shape, header: list[str], source: _CsvRows | _SheetRows, line: int) -> Taken:
    taken = shape.taken(source.kind, source.encoding)
    if line > 1 and source.sheet is None:
        taken.guess(f"the header was found in line {line}", "it in the first line", line)
    return taken


def is_header(cells: list[str], options: Options) -> bool:
    profile = profile_named(options.profile) if options.profile else profile_of(cells)
    return "text" in columns_of(cells, options.columns, profile) or bool(listing_columns(cells, options.columns))


def _of_cells(part: _Part, header: list[str], shape: Shape) -> Table:
    """Return rows of cells as a table. A row that is too short is named, and read as far as it goes."""
    text = shape.found.get("text")
    if text is None:
        columns = listing_columns(header, shape.options.columns)
        records = [(dict(zip(header, cells, strict=False)), line, row) for cells, line, row in part]
        found = [listing(record, columns, shape.path, line, row, shape.options) for record, line, row in records]
        return Table(shape.path, listings=found, troubles=_short(part, header, shape))
    troubles = _short(part, header, shape)
    if troubles:
        least, width = header.index(text) + 1, len(header)
        part = [(cells + [""] * (width - len(cells)), line, row) for cells, line, row in part if len(cells) >= least]
    places = {kind: header.index(name) for kind, name in shape.found.items()}
    columns_here = {kind: [cells[at] for cells, _, _ in part] for kind, at in places.items()}
    table = shape.table(columns_here, [line for _, line, _ in part], [row for _, _, row in part])
    table.troubles += troubles
    return table


def _short(part: _Part, header: list[str], shape: Shape) -> list[Trouble]:
    width = len(header)
    least = (
        max(
            map(header.index, (name for kind, name in shape.found.items() if kind in ("text", "role", "sender"))),
            default=0,
        )
        + 1
    )
    return [
        Trouble(shape.path, line, f"{len(cells)} cells", f"{width} as in the header", judged=len(cells) >= least)
        for cells, line, _ in part
        if len(cells) < width
    ]


def _without_header(rows: Iterator[tuple[list[str], int, int]], source: _CsvRows | _SheetRows, path: str, options: Options) -> Iterator[tuple[int, Table]]:  # fmt: skip
    first = next(rows)
    if options.need_text or isinstance(source, _SheetRows):
        what = f"no text column among {', '.join(first[0]) or 'nothing'}"
        expected = f"one named {', '.join(COLUMNS['text'][:4])}, {COLUMNS['text'][7]} … or --column text=NAME"
        yield 0, Table(path, troubles=[*source.drained(), Trouble(path, first[1], what, expected)])
        return
    found = [(cell, line) for cells, line, _ in chain([first], rows) for cell in cells if worth(cell)]
    numbers = [line for _, line in found]
    shape = Shape(path, (), options)
    table = shape.table({"text": [clean(cell) for cell, _ in found]}, numbers, numbers)
    table.troubles += source.drained()
    yield 0, table


def _xlsx(lines: Lines, options: Options, skip: int) -> Iterator[tuple[int, Table]]:
    """Every sheet of a workbook, like a CSV; raises SourceError where the extra `xlsx` is not installed."""
    number = 0
    try:
        for name, rows in workbooks.sheets(lines.bytes(), lines.path):
            for at, table in _cells(_SheetRows(rows, name), f"{lines.path}[{name}]", options, 0):
                table.path = lines.path
                table.listings = [
                    replace(one, origin=replace(one.origin, path=lines.path, sheet=name)) for one in table.listings
                ]
                yield number + at, table
            number += at + 1
    except workbooks.NotAWorkbook as error:
        yield number, Table(lines.path, troubles=[Trouble(lines.path, 1, str(error), workbooks.EXPECTED)])


# --- Parquet and Arrow -----------------------------------------------------------------------------------------------


def _parquet(lines: Lines, options: Options, skip: int) -> Iterator[tuple[int, Table]]:
    pq = _pyarrow(lines.path, "parquet")
    return _arrow_tables(lambda source: _parquet_batches(pq, source), lines, options, skip, "parquet")


def _parquet_batches(pq: Any, source: Any) -> tuple[list[str], int, Callable[[list[str]], Iterator[Any]]]:
    file = pq.ParquetFile(source, pre_buffer=False)
    return (
        file.schema_arrow.names,
        file.metadata.num_rows,
        lambda names: file.iter_batches(ROWS, columns=names, use_threads=False),
    )


def _arrow(lines: Lines, options: Options, skip: int) -> Iterator[tuple[int, Table]]:
    ipc = _pyarrow(lines.path, "ipc")
    return _arrow_tables(lambda source: _ipc_batches(ipc, source), lines, options, skip, "arrow")


def _ipc_batches(ipc: Any, source: Any) -> tuple[list[str], int, Callable[[list[str]], Iterator[Any]]]:
    """Of a file the batches are read one by one, of a stream as they come; both are cut to our size."""
    magic = source.read(6)
    source.seek(0)
    if magic == b"ARROW1":
        file = ipc.open_file(source)
        batches = (file.get_batch(at) for at in range(file.num_record_batches))
    else:
        file = batches = ipc.open_stream(source)
    cut = (batch.slice(at, ROWS) for batch in batches for at in range(0, batch.num_rows, ROWS))
    return file.schema.names, 0, lambda names: (batch.select(names) for batch in cut)


def _pyarrow(path: str, module: str) -> Any:
    try:
        import importlib

        return importlib.import_module(f"pyarrow.{module}")
    except ImportError as error:
        raise SourceError(f"{path}:1: needs a library, expected: pip install 'kefulint[audit]'") from error


def _arrow_tables(
    open_: Callable[[Any], Any], lines: Lines, options: Options, skip: int, kind: str
) -> Iterator[tuple[int, Table]]:
    import pyarrow as pa

    path = lines.path
    packed = Path(path).suffix.lower() in PACKED or path == "-"
    try:
        source = pa.BufferReader(lines.bytes()) if packed else pa.memory_map(path)
        names, total, batches = open_(source)
    except (pa.ArrowInvalid, OSError) as error:
        yield (
            0,
            Table(path, troubles=[Trouble(path, 1, f"cannot be read ({str(error)[:80]})", "a whole file of its kind")]),
        )
        return
    shape = Shape(path, names, options)
    if "text" not in shape.found:
        what = f"no text column among {', '.join(names) or 'nothing'}"
        yield 0, Table(path, troubles=[Trouble(path, 1, what, "one named text, content, 内容 … or --column text=NAME")])
        return
    wanted = list(dict.fromkeys(shape.found.values()))
    first = 1
    try:
        for number, batch in enumerate(batches(wanted)):
            if number >= skip:
                table = _of_batch(batch, shape, range(first, first + batch.num_rows), number, kind)
                table.read = source.size() * (first + batch.num_rows) // total if total else 0
                yield number, table
            first += batch.num_rows
    except (pa.ArrowInvalid, OSError) as error:
        what = f"the file breaks off ({str(error)[:80]})"
        yield number + 1, Table(path, troubles=[Trouble(path, first, what, "a whole file")])


# columns whose texts come again and again
FEW_VALUES = ("session", "role", "sender", "agent", "buyer", "receiver", "shop", "platform", "channel")


def _of_batch(batch: Any, shape: Shape, numbers: range, number: int, kind: str) -> Table:
    columns = {kind: of_arrow(batch.column(name), few=kind in FEW_VALUES) for kind, name in shape.found.items()}
    table = shape.table(columns, numbers, numbers)
    table.taken = shape.taken(kind) if not number and not shape.refused else None
    return table


def of_arrow(column: Any, *, few: bool = False) -> list[Any]:
    """Return an Arrow column as a list, times as the platforms' clocks show them.

    Of a column with `few` values every text is made once, which is also what makes it quick to look up.
    """
    import pyarrow as pa

    if few and (pa.types.is_string(column.type) or pa.types.is_large_string(column.type)):
        column = column.dictionary_encode()
    if pa.types.is_dictionary(column.type):
        known = of_arrow(column.dictionary)
        if column.indices.null_count:
            return [None if at is None else known[at] for at in column.indices.to_pylist()]
        return list(map(known.__getitem__, _numbers(column.indices.cast(pa.int32()))))
    if pa.types.is_timestamp(column.type):
        column = _local(column)
    listed: list[Any] = column.to_pylist()
    return listed


def _numbers(column: Any) -> list[int]:
    """Return a column of 32 bits without nulls as a list."""
    first = column.offset
    return memoryview(column.buffers()[1]).cast("i")[first : first + len(column)].tolist()


def _local(column: Any) -> Any:
    """Return timestamps as text to the second; those with a zone are shifted to UTC+8, the clock of the platforms."""
    import pyarrow as pa
    import pyarrow.compute as pc

    zoned = column.type.tz is not None
    seconds = column.cast(pa.timestamp("us")).cast(pa.timestamp("s"), safe=False)
    if zoned:
        seconds = pc.add(seconds, pa.scalar(8 * 3600, pa.duration("s")))
    return seconds.cast(pa.string())


# --- databases -------------------------------------------------------------------------------------------------------


def query(database: str, statement: str, options: Options, skip: int = 0) -> Iterator[tuple[int, Table]]:
    """Yield the rows of a query on a database (SQLAlchemy URL), fetched as they are needed. Nothing is written to it."""
    try:
        import sqlalchemy
    except ImportError as error:
        raise SourceError(f"{database}:1: databases need a library, expected: pip install 'kefulint[audit]'") from error
    try:
        engine = sqlalchemy.create_engine(database)
    except (sqlalchemy.exc.ArgumentError, ImportError) as error:
        raise SourceError(f"--database: {error}, expected a URL of SQLAlchemy and its driver installed") from error
    path = engine.url.render_as_string(hide_password=True)
    try:
        with engine.connect() as connection:
            # the query goes to the driver as it is: no `:name` and no `%` in it stands for a parameter
            streamed = connection.execution_options(stream_results=True, yield_per=ROWS, no_parameters=True)
            found = streamed.exec_driver_sql(statement)
            yield from _of_rows(path, list(found.keys()), found.partitions(ROWS), options, skip)
    except sqlalchemy.exc.SQLAlchemyError as error:
        reason = str(getattr(error, "orig", None) or error).splitlines()[0]
        raise SourceError(f"{path}:1: {reason}, expected a query that the database answers") from error
    finally:
        engine.dispose()


def _of_rows(path: str, names: list[str], parts: Iterable[Sequence[Any]], options: Options, skip: int) -> Iterator[tuple[int, Table]]:  # fmt: skip
    shape = Shape(path, names, options)
    if "text" not in shape.found:
        what = f"no text column among {', '.join(names)}"
        yield 0, Table(path, troubles=[Trouble(path, 1, what, "one named text, content, 内容 … or --column text=NAME")])
        return
    first = 1
    for number, part in enumerate(parts):
        if number >= skip:
            cells = list(zip(*part, strict=True))
            columns = {kind: list(cells[names.index(name)]) for kind, name in shape.found.items()}
            numbers = range(first, first + len(part))
            table = shape.table(columns, numbers, numbers)
            table.taken = shape.taken("database") if not number else None
            yield number, table
        first += len(part)


# --- the way in ------------------------------------------------------------------------------------------------------


_READERS: dict[str, Callable[[Lines, Options, int], Iterator[tuple[int, Table]]]] = {
    "jsonl": _jsonl, "csv": _csv, "tsv": _tsv, "xlsx": _xlsx, "parquet": _parquet, "arrow": _arrow,
}  # fmt: skip


def tables_of(lines: Lines, kind: str, options: Options, skip: int = 0) -> Iterator[tuple[int, Table]]:
    """Yield the tables of lines that somebody else opened, each with its number."""
    if lines.other and kind in ("jsonl", "csv", "tsv"):
        return iter([(0, Table(lines.path, troubles=[Trouble(lines.path, 1, lines.other, NO_TEXT)]))])
    return _READERS[kind](lines, options, skip)


def format_of(path: str, options: Options) -> str | None:
    """Return the format of a log by option or suffix, or None where it is none of ours."""
    if options.format:
        return options.format if options.format in LOG_FORMATS else None
    name = Path(path)
    return LOG_SUFFIXES.get((Path(name.stem) if name.suffix.lower() in PACKED else name).suffix.lower())


def tables(path: str | Path, options: Options | None = None, skip: int = 0) -> Iterator[Table]:
    """Yield the tables of a log (`-`: standard input) from the nth on; raise SourceError where it cannot be read."""
    options = options or Options()
    kind = format_of(str(path), options)
    if kind is None:
        raise SourceError(f"{path}:1: unknown format, expected one of {', '.join(LOG_FORMATS)}")
    stream, raw = opened(str(path))
    with raw:
        for number, table in tables_of(Lines(stream, str(path), options.encoding), kind, options, skip):
            if number >= skip:
                table.read = table.read or (raw.tell() if raw.seekable() else 0)
                yield table
