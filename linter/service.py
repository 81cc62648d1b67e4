"""Timed messages in, reply-time measures out: who answered in time, by each platform's own reckoning.

A question is a buyer's message after which it is the agent's turn; further messages of the buyer before the answer belong
to it. Only the part of the day that a measure names counts (a question asked outside it is not reckoned). Automatic
replies do not answer. What a measure does with one that was never answered: a rate counts it as late, a mean leaves it out.
"""

from __future__ import annotations

from collections import OrderedDict, defaultdict
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from decimal import Decimal

from linter import reports
from linter.measures import is_automatic as says_automatic
from linter.measures import parse_time
from linter.model import Message
from linter.rulebook import Measure

_OPEN = 50_000  # sessions waiting for an answer at once
AUTOMATIC = ("自动回复", "机器人", "bot", "robot", "auto")


@dataclass(frozen=True, slots=True)
class Wait:
    """One question: when it was asked, and the seconds until an agent answered (None: never)."""

    asked: datetime
    buyer: str
    seconds: float | None


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


@dataclass
class Clocks:
    """Follows the sessions of a log and notes every wait. Rows out of order within a session are noted, not guessed at."""

    waits: dict[tuple[str, str], list[Wait]] = field(default_factory=lambda: defaultdict(list))  # shop, platform
    disordered: int = 0
    untimed: int = 0
    _open: OrderedDict[str, tuple[datetime, str, str]] = field(default_factory=OrderedDict)  # asked, shop, platform
    _last: OrderedDict[str, datetime] = field(default_factory=OrderedDict)

    def see(self, message: Message, platform: str) -> None:
        """Take in one row of the log."""
        origin = message.origin
        if origin.session is None or message.role not in ("buyer", "agent"):
            return
        moment = parse_time(origin.time)
        if moment is None:
            self.untimed += 1
            return
        last = self._last.get(origin.session)
        if last is not None and moment < last:
            self.disordered += 1
            return
        self._last[origin.session] = moment
        if len(self._last) > _OPEN:
            self._last.popitem(last=False)
        if message.role == "buyer":
            owner = (origin.shop or "", origin.platform or platform)
            self._open.setdefault(origin.session, (moment, *owner))
            if len(self._open) > _OPEN:
                self._close(*self._open.popitem(last=False), None)
        elif not is_automatic(message) and origin.session in self._open:
            self._close(origin.session, self._open.pop(origin.session), moment)

    def _close(self, session: str, opened: tuple[datetime, str, str], answered: datetime | None) -> None:
        asked, shop, platform = opened
        seconds = None if answered is None else (answered - asked).total_seconds()
        self.waits[shop, platform].append(Wait(asked, session, seconds))

    def finish(self) -> dict[tuple[str, str], list[Wait]]:
        """Return every wait; questions still open were never answered."""
        for session, opened in self._open.items():
            self._close(session, opened, None)
        self._open.clear()
        return self.waits


def is_automatic(message: Message) -> bool:
    """Is it an automatic reply? Its sender or its text says so."""
    agent = (message.origin.agent or "").lower()
    return any(name in agent for name in AUTOMATIC) or says_automatic(message.text)


def measure(waits: Mapping[tuple[str, str], list[Wait]], measures: Iterable[Measure]) -> Iterator[Result]:
    """Yield every measure of every shop for the last day of its window, in order of shop."""
    known = list(measures)
    for (shop, platform), found in sorted(waits.items()):
        for one in known:
            if one.platform == platform:
                yield from _results(one, shop, found)


def _results(one: Measure, shop: str, waits: list[Wait]) -> Iterator[Result]:
    """Daily measures give a result a day; longer windows one, for the days up to the last."""
    counted = [wait for wait in waits if _inside(wait.asked, one.window)]
    if not counted:
        return
    if one.days == 1:
        days: dict[str, list[Wait]] = defaultdict(list)
        for wait in counted:
            days[wait.asked.date().isoformat()].append(wait)
        for day, of_day in sorted(days.items()):
            yield _result(one, shop, day, of_day)
        return
    last = max(wait.asked for wait in counted).date()
    first = last - timedelta(days=one.days - 1)
    yield _result(one, shop, last.isoformat(), [wait for wait in counted if first <= wait.asked.date()])


def _inside(moment: datetime, window: tuple[int, int]) -> bool:
    return window[0] <= moment.hour * 60 + moment.minute < window[1]


def _result(one: Measure, shop: str, day: str, waits: list[Wait]) -> Result:
    value = _value(one, waits)
    buyers = len({wait.buyer for wait in waits})
    exempt = buyers < one.from_buyers
    short = value is not None and (
        (one.at_least is not None and value < one.at_least) or (one.at_most is not None and value > one.at_most)
    )
    return Result(one, shop, day, len(waits), value, short and not exempt, exempt)


def _value(one: Measure, waits: list[Wait]) -> Decimal | None:
    answered = [wait.seconds for wait in waits if wait.seconds is not None]
    if one.kind == "mean-reply":
        return Decimal(round(sum(answered) / len(answered), 1)).quantize(Decimal("0.1")) if answered else None
    if one.kind == "unanswered":
        return _share(len(waits) - len(answered), len(waits))
    in_time = sum(1 for seconds in answered if one.within is None or seconds <= one.within)
    return _share(in_time, len(waits))


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
