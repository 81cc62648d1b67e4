"""What no pattern can say: sameness, counts and amounts. Messages, records and sets in, spans and groups out.

A rule file names one of these with `measure:` and sets its numbers under `settings:`; the words that matter (what is
padding, what is a gift, what is a greeting) are concepts like all others. The question a reader may ask: why are
near-duplicates not decided by a similarity score? Because 小米14 and 小米14Pro are more alike than the same goods with
and without a gift. What differs decides: a title is stripped of all that may differ, and what is left must be the same.
"""

from __future__ import annotations

import re
import unicodedata
from collections import Counter, defaultdict
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from functools import lru_cache
from typing import TYPE_CHECKING, Any

from linter import times
from linter.compiled import Reading
from linter.confirm import tokens_around
from linter.model import Turn, Utterance
from linter.text import Sounds

if TYPE_CHECKING:
    from decimal import Decimal

MEASURES = ("repeated-text", "repeated-words", "freight", "near-duplicates", "reply-time", "reply-rate")
Settings = Mapping[str, str]  # of a rule file, concepts' names and numbers as text


# --- times -------------------------------------------------------------------------------------------------------------


def parse_time(text: str | None) -> datetime | None:
    """Read a time as logs write it (`times`), by the clock of the platforms. None where it is none."""
    if not text:
        return None
    if len(text) == 19 and text[4] == "-" and text[13] == text[16] == ":":  # the usual form, without detours
        try:
            return datetime.fromisoformat(text)
        except ValueError:
            pass
    return times.moment(text)


def waits(turns: Sequence[Turn]) -> Iterator[tuple[int, float]]:
    """Yield the agent's turns that answer a buyer, with the seconds since the buyer asked first."""
    asked: datetime | None = None
    for index, turn in enumerate(turns):
        moment = parse_time(turn.time)
        if moment is None:
            continue
        if turn.role == "buyer":
            asked = asked or moment
        elif asked is not None and not is_automatic(turn.text):
            yield index, (moment - asked).total_seconds()
            asked = None


def is_automatic(text: str) -> bool:
    """Does a reply say of itself that nobody wrote it?"""
    return text[:1] in "[【(（ 自" and text.lstrip("[【(（ ").startswith("自动回复")


# --- freight ---------------------------------------------------------------------------------------------------------


_NO = ("否", "不", "不包邮", "no", "false", "0", "n", "收费", "买家承担")


def charged_freight(record: Mapping[str, Any], excepted: Sequence[str]) -> Decimal | None:
    """Return the freight a listing charges in CNY, or None where it charges none, an excepted sum, or says nothing.

    Without a sum, a flag `free_shipping` that says no is a charge of an unknown sum (1), unless `regions` are named.
    """
    from decimal import Decimal, InvalidOperation

    try:
        amount = Decimal(re.sub(r"[^\d.]", "", str(record.get("freight", "") or "")))
    except InvalidOperation:
        refused = str(record.get("free_shipping", "") or "").strip().lower() in _NO
        return Decimal(1) if refused and not record.get("regions") else None
    return amount if amount > 0 and amount not in {Decimal(text) for text in excepted} else None


# --- repeated text in a conversation ---------------------------------------------------------------------------------


def repeated_text(message: Utterance, reading: Reading, settings: Settings) -> tuple[int, int] | None:
    """Return the plain span of a message that the agent says for the nth time (`times`), or None.

    A buyer who speaks in between may have asked again: then only promotion (concept `promotion`) counts. Greetings and
    acknowledgements (shorter than `shortest` between the fillers, or concept `greeting`) never do.
    """
    if reading.end - reading.start < int(settings.get("shortest", "4")) or settings.get("greeting", "") in reading.hits:
        return None
    minutes = float(settings.get("minutes", "inf"))
    count, answered = _times_said(message, float(settings.get("similarity", "0.9")), minutes * 60)
    if count < int(settings.get("times", "3")) or (answered and settings.get("promotion", "") not in reading.hits):
        return None
    return 0, len(reading.folded.plain)


def may_repeat(message: Utterance, given: Sequence[tuple[str, str]]) -> bool:
    """Has the agent said nearly this often enough, whatever its words? Lengths are compared first: it is asked of all."""
    context = message.context
    if len(context) < 2:
        return False
    length = len(message.text)
    alike = 1
    for turn in context:
        if turn.role != "buyer" and length <= 2 * len(turn.text) <= 4 * length:
            alike += 1
    wanted, similarity = _repeating(tuple(given))
    return alike >= wanted and _times_said(message, similarity, float("inf"))[0] >= wanted


@lru_cache(maxsize=8)
def _repeating(given: tuple[tuple[str, str], ...]) -> tuple[int, float]:
    settings = dict(given)
    return int(settings.get("times", "3")), float(settings.get("similarity", "0.9"))


def _times_said(message: Utterance, similarity: float, seconds: float) -> tuple[int, bool]:
    """Count how often the agent has said nearly this within so many seconds, and tell whether the buyer spoke between.

    Where the log has no times, every turn of the context counts.
    """
    now = parse_time(message.origin.time) if seconds < float("inf") else None
    said, count, answered, between = _bare(message.text), 1, False, False
    for turn in reversed(message.context):
        if turn.role == "buyer":
            between = True
        elif _is_recent(now, turn, seconds) and _nearly(said, _bare(turn.text), similarity):
            count += 1
            answered, between = answered or between, False
    return count, answered


def _is_recent(now: datetime | None, turn: Turn, seconds: float) -> bool:
    said = parse_time(turn.time) if now else None
    return now is None or said is None or (now - said).total_seconds() <= seconds


@lru_cache(maxsize=4096)
def _bare(text: str) -> str:
    """Return a text without spaces, punctuation and symbols, for comparing."""
    return "".join(c for c in unicodedata.normalize("NFKC", text).lower() if c.isalnum())


def _nearly(one: str, other: str, similarity: float) -> bool:
    if one == other:
        return True
    if min(len(one), len(other)) < 6 or max(len(one), len(other)) > 500:
        return False
    if min(len(one), len(other)) * 2 < similarity * (len(one) + len(other)):
        return False  # even if all of the shorter one stood in the longer
    if 2 * sum(map(set(other).__contains__, one)) < similarity * (len(one) + len(other)):
        return False  # too many characters have no counterpart
    from difflib import SequenceMatcher  # most runs never compare

    matcher = SequenceMatcher(None, one, other, autojunk=False)
    return matcher.quick_ratio() >= similarity and matcher.ratio() >= similarity


# --- repeated words in a title ---------------------------------------------------------------------------------------


def repeated_words(reading: Reading, settings: Settings) -> tuple[int, int] | None:
    """Return the plain span over a word that stands by itself `times` times or more, or None.

    Words of the concept `spare` are let through: accessories name the brand they fit again and again.
    A word stands by itself before the end, a break, itself, or an attribute (concept `attribute`: 女, 夏, 新款 …).
    """
    folded = reading.folded
    times = int(settings.get("times", "3"))
    pairs = Counter(folded.plain[i : i + 2] for i in range(len(folded.plain) - 1))
    if not any(count >= times and not pair.isascii() for pair, count in pairs.items()):
        return None
    tokens = tokens_around(folded, 0, len(folded.plain))
    attributes = {hit.start for hit in reading.hits.get(settings.get("attribute", "?"))}
    spared = {hit.start for hit in reading.hits.get(settings.get("spare", "?"))}
    starts = {start: token for start, _, token in tokens}

    def stands_alone(token: str, end: int) -> bool:
        at_break = end >= len(folded.plain) or folded.gaps[end] > 0
        return at_break or end in attributes or starts.get(end) == token or folded.plain[end].isascii()

    places: dict[str, list[tuple[int, int]]] = defaultdict(list)
    for start, end, token in tokens:
        if len(token) >= 2 and not token.isascii() and start not in spared and stands_alone(token, end):
            places[token].append((start, end))
    return min(((spans[0][0], spans[-1][1]) for spans in places.values() if len(spans) >= times), default=None)


# --- near-duplicates in a set of listings ----------------------------------------------------------------------------

_QUANTITY = re.compile(
    r"(?:\d{1,5}|[一二两三四五六七八九十百单双]{1,3})"
    r"(?:支|包|件|双|盒|袋|只|个|片|套|条|瓶|罐|卷|张|枚|本|把|块|粒|颗|听|桶|箱|提|对|枝|根|副|组|串|朵|份|抽|节)(?:装|入|起|组)?"
)


@dataclass(frozen=True, slots=True)
class Title:
    """A title taken apart: what it offers (`core`, in reading order), and what may differ (`soft`)."""

    id: str
    text: str
    price: str
    core: str
    soft: frozenset[str]


@dataclass(frozen=True, slots=True)
class Group:
    """Listings of one shop that offer the same goods, and what differs between them."""

    ids: tuple[str, ...]
    titles: tuple[str, ...]
    differences: tuple[str, ...]


def take_apart(record: Mapping[str, Any], read: Callable[[str], Reading], settings: Settings) -> Title:
    """Take a listing's title apart: quantities and the concepts named by `soft` may differ, the rest is the goods."""
    text = str(record.get("title") or "")
    reading = read(text)
    plain = reading.folded.plain
    spans = [_after_break(reading, *match.span()) for match in _QUANTITY.finditer(plain)]
    for name in settings.get("soft", "").split():
        spans += [(hit.start, hit.end) for hit in reading.hits.get(name)]
    spans += [(hit.start, _phrase_end(reading, hit.end)) for hit in reading.hits.get(settings.get("gift", "?"))]
    covered = bytearray(len(plain))
    for start, end in spans:
        covered[start:end] = b"\x01" * (end - start)
    core = "".join(char for char, soft in zip(plain, covered, strict=True) if not soft)
    shown = frozenset(plain[start:end] for start, end in spans)
    return Title(str(record.get("id") or ""), text, str(record.get("price") or ""), core, shown)


def _after_break(reading: Reading, start: int, end: int) -> tuple[int, int]:
    """Begin a quantity after the last break inside it: A13 5条装 is no 135条装."""
    gaps = reading.folded.gaps
    return max((i for i in range(start + 1, end) if gaps[i]), default=start), end


def _phrase_end(reading: Reading, start: int) -> int:
    """Return where a gift's name ends: at the next break, at most eight characters on."""
    end = start
    while end < len(reading.folded.plain) and end - start < 8 and (end == start or not reading.folded.gaps[end]):
        end += 1
    return end


def near_duplicates(titles: Sequence[Title], sounds: Sounds) -> list[Group]:
    """Group titles of one shop whose goods are the same, in any word order, homophones counted as the same character.

    One pass over a hash of each core: time grows linearly, memory with the number of titles.
    """
    groups: dict[str, list[Title]] = defaultdict(list)
    for title in titles:
        if len(title.core) >= 2:
            groups["".join(sorted(title.core.translate(sounds.table)))].append(title)
    return [_group(members) for members in groups.values() if len(members) > 1]


def _group(members: list[Title]) -> Group:
    shared = frozenset.intersection(*(title.soft for title in members))
    differs = sorted({word for title in members for word in title.soft - shared})
    prices = sorted({title.price for title in members if title.price})
    if len(prices) > 1:
        differs.append(f"价格 {'、'.join(prices)}")
    if len({title.core for title in members}) > 1:
        differs.append("词序或用字")
    return Group(tuple(title.id for title in members), tuple(title.text for title in members), tuple(differs))
