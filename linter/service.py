"""Timed messages in, reply-time measures out: who answered in time, by each platform's own reckoning.

A question is a buyer's message after which it is the agent's turn; further messages of the buyer before the answer belong
to it. Only the part of the day that a measure names counts (a question asked outside it is not reckoned). Automatic
replies do not answer. What a measure does with one that was never answered: a rate counts it as late, a mean leaves it out.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from decimal import Decimal
from itertools import islice
from typing import Any

from linter import reports
from linter.logs import Table
from linter.measures import is_automatic as says_automatic
from linter.measures import parse_time
from linter.rulebook import Measure

_OPEN = 50_000  # sessions that are followed at once; the one quiet for longest is let go, its question unanswered
_MICROS = 1_000_000
_NEVER = 1 << 62
_MICRO = timedelta(microseconds=1)
AUTOMATIC = ("自动回复", "机器人", "bot", "robot", "auto")


class Tally:
    """The questions of one shop's day, as one measure counts them. Everything is a sum, however many are asked."""

    __slots__ = ("answered", "asked", "buyers", "in_time", "micros")

    def __init__(
        self, asked: int = 0, answered: int = 0, in_time: int = 0, micros: int = 0, buyers: Iterable[str] = ()
    ) -> None:
        self.asked = asked
        self.answered = answered
        self.in_time = in_time
        self.micros = micros  # waited for the answers, in all
        self.buyers = set(buyers)  # who asked; no more than it takes for the measure to count

    def add(self, other: Tally) -> None:
        self.asked += other.asked
        self.answered += other.answered
        self.in_time += other.in_time
        self.micros += other.micros
        self.buyers |= other.buyers


Tallies = dict[tuple[str, str], dict[str, dict[str, Tally]]]  # shop and platform -> measure -> day


@dataclass(frozen=True, slots=True)
class Result:
    """A measure of one shop on one day, or one window of days ending on it."""

    measure: Measure
    shop: str
    day: str
    asked: int
    value: Decimal | None
    short: bool  # it falls short of the platform's line
    exempt: bool = False  # too few buyers asked for it to be counted


class Followed:
    """A session that is followed: its last row, its first unanswered question, and whose that is."""

    __slots__ = ("asked", "last", "platform", "shop")

    def __init__(self, last: datetime, asked: datetime | None = None, shop: str = "", platform: str = "") -> None:
        self.last = last
        self.asked = asked
        self.shop = shop
        self.platform = platform


_Counted = tuple[int, int, int, int, Tally]  # a window of minutes, microseconds in time, how many buyers are kept


class Clocks:
    """Follows the sessions of a log and counts every wait. Rows out of order within a session are noted, not guessed at."""

    def __init__(self, measures: Iterable[Measure]) -> None:
        self.tallies: Tallies = {}
        self.disordered = 0
        self.untimed = 0
        self._measures: dict[str, list[Measure]] = defaultdict(list)
        for one in measures:
            self._measures[one.platform].append(one)
        self._open: dict[str, Followed] = {}  # the one that spoke last at the end
        self._robots: dict[str | None, bool] = {}
        self._today: dict[tuple[str, str, int], list[_Counted]] = {}

    def see_table(self, table: Table, platform: str) -> None:
        """Take in many rows of a log. One loop without calls for what is usual: it runs for every row there is."""
        if table.sessions is None:
            return
        current: str | None = None  # the session of the row before: most have the same
        followed: Followed | None = None
        none: list[None] = [None] * len(table.texts)
        rows = zip(table.sessions, table.roles, table.times or none, range(len(none)), strict=True)
        for session, role, time, at in rows:
            if session is None or role == "system":
                continue
            moment = parse_time(time) if time is None or len(time) > 10 else None  # a day alone tells no wait
            if moment is None:
                self.untimed += 1
                continue
            if followed is None or session != current:
                current, followed = session, self._open.pop(session, None) or Followed(moment)
                self._open[session] = followed
            if moment < followed.last:
                self.disordered += 1
                continue
            followed.last = moment
            if role == "buyer":
                if followed.asked is None:
                    followed.asked = moment
                    followed.shop = (table.shops[at] if table.shops else "") or ""
                    followed.platform = (table.platforms[at] if table.platforms else "") or platform
            elif followed.asked is not None and not self._is_automatic(table, at):
                self._close(session, followed, moment)
        self._forget()

    def _is_automatic(self, table: Table, at: int) -> bool:
        """Is it an automatic reply? Its sender or its text says so."""
        agent = table.agents[at] if table.agents else ""
        known = self._robots.get(agent)
        if known is None:
            known = self._robots[agent] = _is_robot(agent or "")
        return known or says_automatic(table.texts[at])

    def _close(self, session: str, followed: Followed, answered: datetime | None) -> None:
        """Count the question of a session, if there is one."""
        asked, shop, platform = followed.asked, followed.shop, followed.platform
        if asked is None:
            return
        followed.asked = None
        key = (shop, platform, asked.toordinal())
        tallies = self._today.get(key)
        if tallies is None:
            tallies = self._today[key] = self._tallies(shop, platform, asked)
        minute = asked.hour * 60 + asked.minute
        waited = -1 if answered is None else (answered - asked) // _MICRO
        for first, end, within, most, tally in tallies:
            if first <= minute < end:
                tally.asked += 1
                if len(tally.buyers) < most:
                    tally.buyers.add(session)
                if waited >= 0:
                    tally.answered += 1
                    tally.micros += waited
                    if waited <= within:
                        tally.in_time += 1

    def _tallies(self, shop: str, platform: str, asked: datetime) -> list[_Counted]:
        """Return what a question asked that day is counted in, and how."""
        day, owner = asked.date().isoformat(), self.tallies.setdefault((shop, platform), {})
        return [
            (*one.window, _within(one), one.from_buyers, owner.setdefault(one.id, {}).setdefault(day, Tally()))
            for one in self._measures.get(platform, ())
        ]

    def _forget(self) -> None:
        for session in list(islice(self._open, max(0, len(self._open) - _OPEN))):
            self._close(session, self._open.pop(session), None)

    def finish(self) -> Tallies:
        """Return every tally; questions still open were never answered."""
        for session, followed in self._open.items():
            self._close(session, followed, None)
        self._open.clear()
        return self.tallies

    def add(self, other: Clocks) -> None:
        """Add the tallies of other sessions."""
        for owner, measures in other.finish().items():
            for one, days in measures.items():
                own = self.tallies.setdefault(owner, {}).setdefault(one, {})
                for day, tally in days.items():
                    own.setdefault(day, Tally()).add(tally)

    def state(self) -> dict[str, Any]:
        """Return everything as plain data that JSON can carry."""
        tallies = [
            [*owner, one, day, t.asked, t.answered, t.in_time, t.micros, sorted(t.buyers)]
            for owner, measures in self.tallies.items()
            for one, days in measures.items()
            for day, t in days.items()
        ]
        followed = [
            [session, one.last.isoformat(), one.asked and one.asked.isoformat(), one.shop, one.platform]
            for session, one in self._open.items()
        ]
        return {"tallies": tallies, "open": followed, "disordered": self.disordered, "untimed": self.untimed}

    @classmethod
    def of_state(cls, data: Mapping[str, Any], measures: Iterable[Measure]) -> Clocks:
        """Return the clocks that a state was taken of."""
        made = cls(measures)
        made.disordered, made.untimed = data["disordered"], data["untimed"]
        for shop, platform, one, day, asked, answered, in_time, micros, buyers in data["tallies"]:
            tally = Tally(asked, answered, in_time, micros, buyers)
            made.tallies.setdefault((shop, platform), {}).setdefault(one, {})[day] = tally
        for session, last, asked, shop, platform in data["open"]:
            began = datetime.fromisoformat(asked) if asked else None
            made._open[session] = Followed(datetime.fromisoformat(last), began, shop, platform)
        return made


def _is_robot(agent: str) -> bool:
    name = agent.lower()
    return any(word in name for word in AUTOMATIC)


def _within(one: Measure) -> int:
    """Return the microseconds in which an answer is in time."""
    return _NEVER if one.within is None else one.within * _MICROS


def measure(tallies: Tallies, measures: Iterable[Measure]) -> Iterator[Result]:
    """Yield every measure of every shop for the last day of its window, in order of shop."""
    known = list(measures)
    for (shop, platform), counted in sorted(tallies.items()):
        for one in known:
            if one.platform == platform and one.id in counted:
                yield from _results(one, shop, counted[one.id])


def _results(one: Measure, shop: str, days: Mapping[str, Tally]) -> Iterator[Result]:
    """Daily measures give a result a day; longer windows one, for the days up to the last."""
    days = {day: tally for day, tally in days.items() if tally.asked}
    if not days:
        return
    if one.days == 1:
        for day, tally in sorted(days.items()):
            yield _result(one, shop, day, tally)
        return
    last = max(days)
    first = (date.fromisoformat(last) - timedelta(days=one.days - 1)).isoformat()
    together = Tally()
    for day, tally in days.items():
        if first <= day:
            together.add(tally)
    yield _result(one, shop, last, together)


def _result(one: Measure, shop: str, day: str, tally: Tally) -> Result:
    value = _value(one, tally)
    exempt = len(tally.buyers) < one.from_buyers
    short = value is not None and (
        (one.at_least is not None and value < one.at_least) or (one.at_most is not None and value > one.at_most)
    )
    return Result(one, shop, day, tally.asked, value, short and not exempt, exempt)


def _value(one: Measure, tally: Tally) -> Decimal | None:
    if one.kind == "mean-reply":
        return _mean(tally.micros, tally.answered) if tally.answered else None
    if one.kind == "unanswered":
        return _share(tally.asked - tally.answered, tally.asked)
    return _share(tally.in_time, tally.asked)


def _mean(micros: int, count: int) -> Decimal:
    return (Decimal(micros) / count / _MICROS).quantize(Decimal("0.1"))


def _share(part: int, whole: int) -> Decimal:
    return (Decimal(part) / Decimal(whole)).quantize(Decimal("0.0001"))


HEAD = ("店铺", "平台", "服务指标", "天数", "不达标", "最差一天", "咨询", "实际", "要求", "后果")


def lines(results: Iterable[Result]) -> list[tuple[str, ...]]:
    """Return the cells under HEAD: one line a shop and measure, the worst day of daily ones."""
    grouped: dict[tuple[str, str], list[Result]] = defaultdict(list)
    for result in results:
        grouped[result.shop, result.measure.id].append(result)
    return [_line(found) for found in grouped.values()]


def as_text(results: Iterable[Result]) -> str:
    """Return the measures for a screen, in Chinese."""
    return reports.table(HEAD, lines(results), right=(3, 4, 6, 7, 8))


def _line(found: list[Result]) -> tuple[str, ...]:
    one = found[0].measure
    worst = max(found, key=lambda result: (result.short, not result.exempt, _badness(result)))
    line = one.at_least if one.at_least is not None else one.at_most
    sign = "≥" if one.at_least is not None else "≤"
    short = sum(result.short for result in found)
    state = "人数不足" if all(result.exempt for result in found) else "要求未知" if line is None else str(short)
    return (
        found[0].shop or "—", reports.PLATFORM_NAMES[one.platform], one.title,
        f"{len(found):,}" if one.days == 1 else f"近 {one.days}", state, worst.day, f"{worst.asked:,}",
        _shown(one, worst.value), f"{sign}{_shown(one, line)}" if line is not None else "未知",
        (one.also or "") if short else "",
    )  # fmt: skip


def _badness(result: Result) -> Decimal:
    """Rank values: a high mean or share of unanswered is bad, a low rate of answers is bad."""
    value = result.value if result.value is not None else Decimal(0)
    return value if result.measure.kind in ("mean-reply", "unanswered") else -value


def _shown(one: Measure, value: Decimal | None) -> str:
    if value is None:
        return "未知"
    return f"{value:.0f} 秒" if one.kind == "mean-reply" else f"{value * 100:.1f}%"
