"""Times as logs write them in, moments of the platforms' clock (UTC+8) out.

ISO 8601, 2026/1/5 9:03, 2026.3.8, 2026年3月8日, 上午/下午, AM/PM, 20260308150500, years of two digits, seconds to nanoseconds
since 1970. The decision to question: what could be two moments is none. A day without a year, 03/08/2026 or 晚上12点 is named
as not understood, because a time that is guessed wrongly spoils reply times and days without anybody seeing it.
"""

from __future__ import annotations

import re
from datetime import datetime, timedelta
from functools import lru_cache

EXPECTED = "a day with its year and a time, such as 2026-03-08 15:05:00"
_FIRST_YEAR, _LAST_YEAR = 1990, 2100  # of a time that only digits tell
_HALF = r"上午|下午|凌晨|清晨|早上|早晨|中午|傍晚|晚上|[aApP]\.?[mM]\.?"
_DAY = r"(?P<year>\d{4}|(?<!\d)\d{2})(?P<sign>[-/.年])\s?(?P<month>\d{1,2})(?:(?P=sign)|月)\s?(?P<day>\d{1,2})日?"
_WEEKDAY = r"(?:\s*[(（]?(?:星期|周)[一二三四五六日天][)）]?)?"
_ZONE = r"(?:\s?(?P<zone>Z|z|UTC|[+-]\d{2}(?::?\d{2})?)(?:\[[\w/]+\])?)?"
_CLOCK = (
    rf"[\sT]*(?P<before>{_HALF})?\s*(?P<hour>\d{{1,2}})(?:[:：时点]\s?(?P<minute>\d{{1,2}})?)(?:[:：分]\s?(?P<second>\d{{1,2}})?)?"
    rf"(?:[.,](?P<part>\d{{1,9}}))?秒?(?:\s*(?P<after>{_HALF}))?{_ZONE}"
)
_WRITTEN = re.compile(f"{_DAY}{_WEEKDAY}(?:{_CLOCK})?")
TIME = f"{_DAY}{_WEEKDAY}{_CLOCK}"  # a day and a time, as a part of other patterns
_DIGITS = re.compile(r"(\d{4})(\d{2})(\d{2})(?:[ T_-]?(\d{2}):?(\d{2})(?::?(\d{2}))?(\d{3})?)?")
_SINCE = {10: 1, 13: 10**3, 16: 10**6, 19: 10**9}  # digits of a number -> parts of a second since 1970
_DAY_ALONE = re.compile(rf"{_DAY}{_WEEKDAY}|\d{{8}}")


def moment(text: str) -> datetime | None:
    """Return the moment a text tells, or None where it is none, or could be several."""
    return _moment(text.strip())


def written(text: str) -> str | None:
    """Return a time as ISO text to the second, a day without a time of day as the day alone, None where it is none."""
    found = moment(text)
    if found is None:
        return None
    is_day = ":" not in text and bool(_DAY_ALONE.fullmatch(text.strip()))
    return found.date().isoformat() if is_day else found.isoformat(" ", "seconds")


@lru_cache(maxsize=4096)
def _moment(text: str) -> datetime | None:
    if not text.isascii() and "年" not in text and not text[:2].isdecimal():
        return None
    try:
        return _of_number(text) if re.fullmatch(r"[0-9]+(?:\.[0-9]+)?", text) else _of_words(text)
    except (ValueError, OverflowError):
        return None


def _of_number(text: str) -> datetime | None:
    """Seconds and parts of them since 1970, or a day and a time written without signs."""
    whole = text.partition(".")[0]
    compact = _DIGITS.fullmatch(whole) if whole == text else None
    if compact and _FIRST_YEAR <= int(compact[1]) <= _LAST_YEAR:
        found = _compact(compact)
        if found is not None:
            return found
    if len(whole) not in _SINCE:
        return None
    seconds = float(text) if _SINCE[len(whole)] == 1 else int(whole) / _SINCE[len(whole)]
    found = datetime(1970, 1, 1) + timedelta(seconds=seconds, hours=8)
    return found if found.year <= _LAST_YEAR else None


def _compact(found: re.Match[str]) -> datetime | None:
    try:
        return datetime(*(int(part or 0) for part in found.groups()[:6]))  # type: ignore[arg-type]
    except ValueError:
        return None


def _of_words(text: str) -> datetime | None:
    compact = _DIGITS.fullmatch(text)
    if compact:
        return _compact(compact)
    found = _WRITTEN.fullmatch(text)
    if found is None:
        return None
    year = int(found["year"])
    if len(found["year"]) == 2:
        if year <= 12:  # could be a month as well
            return None
        year += 2000
    hour = _hour(int(found["hour"] or 0), (found["before"] or "") + (found["after"] or ""))
    if hour is None:
        return None
    clock = (hour, int(found["minute"] or 0), int(found["second"] or 0), int((found["part"] or "")[:6].ljust(6, "0")))
    return _at_the_platforms(datetime(year, int(found["month"]), int(found["day"]), *clock), found["zone"])


def _hour(hour: int, half: str) -> int | None:
    """Return the hour of the day: 下午 3 is 15, 上午 12 is 0; None where the words do not say which."""
    half = half.lower().replace(".", "")
    if not half:
        return hour
    if half in ("am", "上午", "早上", "早晨", "清晨", "凌晨"):
        return hour % 12 if hour <= 12 else None
    if half == "晚上" and hour == 12:
        return None
    if half == "中午":
        return hour + 12 if hour < 3 else hour
    return hour + 12 if hour < 12 else hour


def _at_the_platforms(found: datetime, zone: str | None) -> datetime:
    if zone is None:
        return found
    if zone in ("Z", "z", "UTC"):
        return found + timedelta(hours=8)
    away = timedelta(hours=int(zone[1:3]), minutes=int(zone[3:].lstrip(":") or 0))
    return found + timedelta(hours=8) - (away if zone[0] == "+" else -away)
