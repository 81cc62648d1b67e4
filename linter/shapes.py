"""Things told by their shape: phone numbers, ids, links, amounts, spans of days. Folded text in, plain spans out.

Numbers are the hard part: an order number, a price and a mobile number are all digits. A shape only says "this could be
one"; whether it is *offered for contact* is the rules' question. Every pattern is linear: bounded repeats, no nesting.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING

from linter.text import Folded, Learned, western

if TYPE_CHECKING:
    import regex


class _Lazy:
    """A pattern of `regex`, compiled when first used: a clean message never needs one, and importing takes 10 ms."""

    def __init__(self, source: str) -> None:
        self._source = source
        self._compiled: regex.Pattern[str] | None = None

    def finditer(self, text: str) -> Iterator[regex.Match[str]]:
        """Yield the matches; raise TimeoutError after a second."""
        return self._pattern().finditer(text, timeout=1.0)

    def split(self, text: str) -> list[str]:
        return [part or "" for part in self._pattern().split(text, timeout=1.0)]

    def _pattern(self) -> regex.Pattern[str]:
        if self._compiled is None:
            import regex

            self._compiled = regex.compile(self._source)
        return self._compiled


_DIGIT_FORMS = ("〇零", "幺一壹", "二贰", "三叁", "四肆", "五伍", "六陆", "七柒", "八捌", "九玖")
_DIGITS = {ord(char): str(digit) for digit, forms in enumerate(_DIGIT_FORMS) for char in forms}

_MOBILE = _Lazy(r"(?<!\d)(?:86)?(1[3-9]\d{9})(?!\d)")
_LANDLINE = _Lazy(r"(?<!\d)(0\d{2,3}\d{7,8})(?!\d)")
_NUMBER = _Lazy(r"(?<!\d)\d{5,20}(?!\d)")
_ACCOUNT = _Lazy(
    r"(?<![a-z0-9])(?:[a-z][a-z0-9_\-]{4,19}|[0-9]{5,11}|[0-9]{2,8}[a-z_][a-z0-9_\-]{2,12}"
    r"|[0-9]{4,8}(?!ml|mm|cm|kg|mh|ma)[a-z]{2})(?![a-z0-9])"
)
_EMAIL = _Lazy(r"[a-z0-9][a-z0-9._\-]{0,60}@[a-z0-9\-]{1,60}(?:\.[a-z0-9\-]{1,30}){1,4}|\[邮箱x?\]")
_MONEY = _Lazy(
    r"[¥￥$]\d{1,6}(?:\.\d{1,2})?|(?:\d{1,6}(?:\.\d{1,2})?|[一二两三四五六七八九十百壹贰叁肆伍陆柒捌玖拾几半]{1,4})"
    r"(?:块钱|块|元钱|元|圆|毛|yuan|rmb|米(?![\d宽高长]))"
)
_DAYS_SOURCE = r"(\d{1,3}|[一二两三四五六七八九十半几]{1,3})(?:个)?(天|日(?=[内后])|周|星期|礼拜|个月|(?<=个)月|小时)"
_DAYS = _Lazy(_DAYS_SOURCE)
_GROUPS = _Lazy(r"[^0-9]+")
_PERCENT = _Lazy(r"\d{1,3}(?:\.\d)?%|百分之[\d一二三四五六七八九十]{1,3}")
_SEPARATED = _Lazy(r"[\s\-—_.·,，*~/|()（）]+")


def _spans(pattern: _Lazy, text: str, at: list[int]) -> Iterator[tuple[int, int]]:
    for match in pattern.finditer(text):
        yield at[match.start()], at[match.end() - 1] + 1


def _digit_view(folded: Folded) -> str:
    return folded.plain.translate(_DIGITS)


def mobiles(folded: Folded) -> Iterator[tuple[int, int]]:
    """Mobile numbers, however their digits are written or spaced."""
    view = _digit_view(folded)
    for match in _MOBILE.finditer(view):
        if not _is_measured(folded, *match.span(1)):
            yield match.span(1)


def _is_measured(folded: Folded, start: int, end: int) -> bool:
    """Are the digits several numbers (1800*700*1920)? A mobile is written 3-4-4, in small groups, or in one."""
    first, last = folded.original_span(start, end)
    groups = [len(group) for group in _GROUPS.split(folded.original[first:last]) if group]
    return len(groups) in (2, 3) and min(groups) >= 3 and groups != [3, 4, 4] and groups not in ([3, 8], [7, 4])


def landlines(folded: Folded) -> Iterator[tuple[int, int]]:
    """Landline numbers with an area code."""
    for match in _LANDLINE.finditer(_digit_view(folded)):
        yield match.span(1)


def numbers(folded: Folded) -> Iterator[tuple[int, int]]:
    """Runs of 5 to 20 digits, Chinese digits included."""
    for match in _NUMBER.finditer(_digit_view(folded)):
        yield match.span()


def accounts(folded: Folded) -> Iterator[tuple[int, int]]:
    """What could be an account name: letters first, or 5 to 11 digits; read in the original, where words end."""
    view = _light(folded.original)
    for match in _ACCOUNT.finditer(view):
        yield folded.plain_span(*match.span())
    for match in _NUMBER.finditer(_digit_view(folded)):
        if match.end() - match.start() <= 11:
            yield match.span()


def ids(folded: Folded) -> Iterator[tuple[int, int]]:
    """Account names that no word is: letters with a digit or an underscore."""
    for start, end in accounts(folded):
        text = folded.original[slice(*folded.original_span(start, end))]
        if any(c.isdigit() or c == "_" for c in text) and any(c.isalpha() for c in text):
            yield start, end


def emails(folded: Folded) -> Iterator[tuple[int, int]]:
    """E-mail addresses, and the mask that logs leave in their place."""
    for match in _EMAIL.finditer(_light(folded.original)):
        yield folded.plain_span(*match.span())


def money(folded: Folded) -> Iterator[tuple[int, int]]:
    """Amounts of money."""
    for match in _MONEY.finditer(folded.plain):
        yield match.span()


def percents(folded: Folded) -> Iterator[tuple[int, int]]:
    """Percentages."""
    for match in _PERCENT.finditer(folded.plain):
        yield match.span()


def days(folded: Folded) -> Iterator[tuple[int, int]]:
    """Spans of time longer than 72 hours (a hyphen lost in a log, 35天 for 3-5天, still reads as long)."""
    return _longer_than(folded, 72)


def over_two_days(folded: Folded) -> Iterator[tuple[int, int]]:
    """Spans of time longer than 48 hours."""
    return _longer_than(folded, 48)


def _longer_than(folded: Folded, hours: int) -> Iterator[tuple[int, int]]:
    for match in _DAYS.finditer(folded.plain):
        number = match.group(1)
        start, end = folded.original_span(*match.span(1))
        parts = _RANGE.split(folded.original[start:end])
        if len(parts) > 1 and parts[-1].strip().isdigit():  # 2 - 3天: the symbols between are no longer in `plain`
            number = parts[-1].strip()
        if _hours(number, match.group(2)) > hours:
            yield match.span()


_RANGE = _Lazy(r"[-~—–－～/、]+")


_CHINESE_NUMBERS = {c: n for n, c in enumerate("零一二三四五六七八九十")} | {"两": 2, "半": 0, "几": 4}


def _hours(number: str, unit: str) -> float:
    value = float(number) if number.isascii() else _chinese_number(number)
    return value * {"小时": 1, "天": 24, "日": 24, "周": 168, "星期": 168, "礼拜": 168}.get(unit, 720)


def _chinese_number(text: str) -> float:
    if "十" in text:
        tens, _, ones = text.partition("十")
        return 10.0 * _CHINESE_NUMBERS.get(tens[-1:] or "一", 1) + _CHINESE_NUMBERS.get(ones[:1], 0)
    return float(_CHINESE_NUMBERS.get(text[-1:], 1))


_LIGHT_FROM = "。．：／＠＿－"
_LIGHT = Learned(lambda code: western(chr(code)))
_LIGHT.update((code, chr(code - 0xFEE0).lower()) for code in range(0xFF10, 0xFF5B))
_LIGHT.update((ord(a), b) for a, b in zip(_LIGHT_FROM, "..:/@_-", strict=True))
_LIGHT.update((code, chr(code + 32)) for code in range(65, 91))


def _light(text: str) -> str:
    """Fold width and case character by character, so that offsets stay those of the original."""
    return text.translate(_LIGHT)


# Zero-width characters and single spaces between letters are taken out before a link is read.
_LINK = _Lazy(
    r"(?:h(?:tt|xx)ps?:?//|www\.)[a-z0-9\-._~:/?#@!$&'()*+,;=%]{3,300}"
    r"|(?<![a-z0-9@.])(?:[a-z0-9\-]{1,40}\.){1,4}(?:com|cn|net|cc|top|shop|xyz|vip|site|club|link|org|example)"
    r"(?![a-z0-9.])(?:/[a-z0-9\-._~/?=&%#]{0,200})?"
    r"|(?<![a-z0-9])[a-z0-9]{2,30}(?:点|丶|d|dot)(?:com|抗姆|康母|cn|net|坑姆)(?![a-z])"
)


def links(folded: Folded) -> Iterator[tuple[int, int]]:
    """Links and bare domains; spaced-out or broken by invisible characters too."""
    original = _light(folded.original)
    kept = [i for i, c in enumerate(original) if c.isprintable() and not ("\u200b" <= c <= "\u2064")]
    seen: set[tuple[int, int]] = set()
    for at in (kept, _unspaced(original, kept)):
        view = "".join(original[i] for i in at)
        for start, end in _spans(_LINK, view, at):
            if (start, end) not in seen:
                seen.add((start, end))
                yield folded.plain_span(start, end)


def _unspaced(text: str, kept: list[int]) -> list[int]:
    """Drop spaces that stand between single ASCII characters: h t t p s, t . c n."""

    def single(index: int) -> bool:
        left = index < 1 or text[index - 1] == " " or not text[index - 1].isascii()
        right = index + 1 >= len(text) or text[index + 1] == " " or not text[index + 1].isascii()
        return text[index].isascii() and left and right

    return [i for i in kept if text[i] != " " or not (i and (single(i - 1) or (i + 1 < len(text) and single(i + 1))))]


def link_text(folded: Folded, start: int, end: int) -> str:
    """Return a link found in plain[start:end] as written, width and case folded, without spaces."""
    first, last = folded.original_span(start, end)
    return "".join(c for c in _light(folded.original[first:last]) if not c.isspace() and c.isprintable())


SHAPES: dict[str, Callable[[Folded], Iterator[tuple[int, int]]]] = {
    "@mobile": mobiles,
    "@landline": landlines,
    "@number": numbers,
    "@account": accounts,
    "@id": ids,
    "@email": emails,
    "@link": links,
    "@money": money,
    "@percent": percents,
    "@days": days,
    "@over-two-days": over_two_days,
}

# --- gates: what must stand in `plain` for a shape to be worth looking for ------------------------------------------

DIGITS = ("0123456789", *_DIGIT_FORMS)
DIGITLIKE = f"0-9{''.join(_DIGIT_FORMS)}"
FIRST_MARK = 1 << 11  # of the bits for the shapes of MARKS; `characters` has those below
MARKS = {  # words of which one must be there
    "@email": ("@", "邮箱"),
    "@link": (
        "http", "hxxp", "www", "com", "cn", "net", "cc", "top", "shop", "xyz", "vip", "site", "club", "link", "org", "example",
        "抗姆", "康母", "坑姆",
    ),
    "@money": ("¥", "￥", "$", "块", "元", "圆", "毛", "米", "yuan", "rmb"),
    "@percent": ("%", "百分之"),
}  # fmt: skip


def _has(pattern: str) -> Callable[[str], bool]:
    return lambda plain: re.search(pattern, plain) is not None  # `re` keeps it compiled; most runs need few


def _has_longer_than(hours: int) -> Callable[[str], bool]:
    """A range reads as one number in `plain` (2-3 as 23), never as a smaller one than its last."""
    return lambda plain: any(_hours(m.group(1), m.group(2)) > hours for m in re.finditer(_DAYS_SOURCE, plain))


_has_account = _has(f"[a-z]|[{DIGITLIKE}]{{5}}")
GATES: dict[str, Callable[[str], bool]] = {
    "@mobile": _has(f"[{DIGITLIKE}]{{11}}"),
    "@landline": _has(f"[{DIGITLIKE}]{{10}}"),
    "@number": _has(f"[{DIGITLIKE}]{{5}}"),
    "@account": _has_account,
    "@id": _has_account,
    "@email": _has("|".join(map(re.escape, MARKS["@email"]))),
    "@link": _has("|".join(map(re.escape, MARKS["@link"]))),
    "@money": _has("|".join(map(re.escape, MARKS["@money"]))),
    "@percent": _has("|".join(map(re.escape, MARKS["@percent"]))),
    "@days": _has_longer_than(72),
    "@over-two-days": _has_longer_than(48),
}
