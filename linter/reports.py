"""Findings in, reports out: text for a screen, JSON, JSON lines and CSV for programs and tables.

Findings speak Chinese: their readers are shop staff. Chat text is personal data, so contacts in it are masked unless
the caller says otherwise; masking keeps the length, so that spans still hold. CSV cells that a spreadsheet would run as
formulas are defused.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from functools import lru_cache
from typing import IO, TYPE_CHECKING, Any

from linter.model import PLATFORM_NAMES as PLATFORM_NAMES
from linter.model import VERDICT_NAMES as VERDICT_NAMES
from linter.model import Clause, Finding

if TYPE_CHECKING:
    from decimal import Decimal

    import regex

CONFIDENCE_NAMES = {"official": "官方原文", "quoted": "转述条文", "secondary": "二手资料"}
_COLOURS = {"error": "31", "warning": "33", "info": "36"}
_MOST_CLAUSES = 3  # on a screen; the rest is counted
_SHOWN = 60  # columns of text around a finding

# Contacts: e-mail; digits of any script, Chinese numerals among them, seven or more with little between them; ids that hold
# a digit or an underscore; any id behind a word that announces one. No nested repeats: linear time.
_DIGIT = "[\\p{N}零〇一二三四五六七八九幺壹贰叁肆伍陆柒捌玖]"
_ANNOUNCED = "微信|薇信|威信|卫星|[vV]信|微|薇|[wWvV][xX]|[vV]|(?i:wechat|weixin)|[qQ]{2}|企鹅|扣扣"
_CONTACT = (
    r"(?<![A-Za-z0-9._%+-])[A-Za-z0-9._%+-]++ ?[@＠] ?[A-Za-z0-9.-]{3,64}|"
    rf"\+?{_DIGIT}(?:[ \u3000.·_–—\-\p{{Cf}}\ufe0f\u20e3]{{0,3}}{_DIGIT}){{6,}}|"
    r"(?<![A-Za-zＡ-Ｚａ-ｚ0-9])(?=[A-Za-zＡ-Ｚａ-ｚ-]{0,18}[\d_])[A-Za-zＡ-Ｚａ-ｚ][A-Za-zＡ-Ｚａ-ｚ\d_-]{5,}|"
    rf"(?=[A-Za-z0-9])(?<=(?:{_ANNOUNCED})[号是]?[ :：]{{0,3}})[A-Za-z0-9_-]{{5,}}"
)


@lru_cache(maxsize=2048)  # a message is shown in several places, and in the contexts of those after it
def redact(text: str) -> str:
    """Mask contacts in a text, keeping its length: the first and last two characters stay, of short ones one."""
    return str(_contacts().sub(lambda found: _masked(found.group()), text))


@lru_cache(maxsize=1)
def _contacts() -> regex.Pattern[str]:
    import regex

    return regex.compile(_CONTACT)


def _masked(text: str) -> str:
    stay = 2 if len(text) > 7 else 1
    return text[:stay] + "*" * (len(text) - 2 * stay) + text[-stay:]


# --- plain data ------------------------------------------------------------------------------------------------------


def finding_data(finding: Finding, text: str = "", *, shown: bool = False) -> dict[str, Any]:
    """Return a finding as plain data, the same for every edge. `text` is the message; `shown` leaves contacts in."""
    mask = str if shown else redact
    origin = {name: value for name in finding.origin.__slots__ if (value := getattr(finding.origin, name)) is not None}
    words = mask(text)[finding.start : finding.end] if text else mask(finding.text)
    data: dict[str, Any] = {
        "rule": finding.rule, "verdict": finding.verdict, "start": finding.start, "end": finding.end, "text": words,
        "message": mask(finding.message.replace(finding.text, words)), "suggestion": finding.suggestion,
        "verdicts": dict(finding.verdicts), "spelled": list(finding.spelled),
        "clauses": [clause_data(clause) for clause in finding.clauses], "version": finding.version,
    }  # fmt: skip
    if finding.field:
        data["field"] = finding.field
    if finding.ids:
        data["ids"] = list(finding.ids)
    if finding.place is not None:
        data["place"] = {name: getattr(finding.place, name) for name in finding.place.__slots__}
    if finding.fix is not None:
        data["fix"] = {name: getattr(finding.fix, name) for name in finding.fix.__slots__}
    if finding.suppressed is not None:
        data["suppressed"] = finding.suppressed
    return data | ({"origin": origin} if origin else {})


def clause_data(clause: Clause) -> dict[str, Any]:
    """Return a clause as plain data; numbers are exact text, unknown ones null."""
    return {
        "id": clause.id, "platform": clause.platform, "title": clause.title, "says": clause.says,
        "points": number(clause.points), "points_max": number(clause.points_max), "scale": clause.scale,
        "amount": number(clause.amount), "amount_max": number(clause.amount_max), "amount_what": clause.amount_what,
        "per": clause.per, "also": clause.also, "as_of": clause.as_of, "confidence": clause.confidence,
        "sources": [{"name": s.name, "url": s.url, "date": s.date, "confidence": s.confidence} for s in clause.sources],
        "contradiction": clause.contradiction, "overridden": clause.overridden,
    }  # fmt: skip


def number(value: Decimal | None) -> str | None:
    """Return an exact number as text, or None."""
    return None if value is None else f"{value:f}"


# --- text ------------------------------------------------------------------------------------------------------------


def place(finding: Finding, text: str) -> str:
    """Return `path:line:column` of a finding, as far as its origin says."""
    origin = finding.origin
    if finding.place is not None:
        return f"{origin.file or '<text>'}:{finding.place.line}:{finding.place.column}"
    before = text[: finding.start]
    breaks = before.count("\n")
    column = (origin.column or 1) + finding.start if not breaks else len(before) - before.rfind("\n")
    parts = [origin.file or "<text>"]
    if origin.line is not None:
        parts.append(str(origin.line + breaks))
        if origin.column is not None:
            parts.append(str(column))
    return ":".join(parts)


def as_text(finding: Finding, text: str, *, colour: bool = False, shown: bool = False, full: bool = False) -> str:
    """Return a finding for a screen: the place, the words underlined, the clauses, what to say instead."""
    mask = str if shown else redact
    verdict = VERDICT_NAMES[finding.verdict]
    if colour:
        verdict = painted(verdict, finding.verdict)
    field = f" [{finding.field}]" if finding.field else ""
    written = mask(text)
    message = mask(finding.message.replace(finding.text, written[finding.start : finding.end] or finding.text))
    lines = [f"{place(finding, text)}: {verdict} {finding.rule}{field}  {message}"]
    lines += _underlined(written, finding.start, finding.end)
    clauses = finding.clauses if full else finding.clauses[:_MOST_CLAUSES]
    lines += [f"  条款  {clause_line(clause)}" for clause in clauses]
    if len(clauses) < len(finding.clauses):
        lines.append(f"        另有 {len(finding.clauses) - len(clauses)} 条（kefulint explain {finding.rule}）")
    if len(finding.verdicts) > 1:
        lines.append("  平台  " + "  ".join(f"{PLATFORM_NAMES[p]} {VERDICT_NAMES[v]}" for p, v in finding.verdicts))
    if finding.spelled:
        lines.append(f"  写法  {'、'.join(finding.spelled)}")
    if finding.suggestion:
        lines.append(f"  建议  {finding.suggestion}")
    return "\n".join(lines)


def painted(words: str, verdict: str) -> str:
    """Return words in the colour of a verdict."""
    return f"\x1b[{_COLOURS[verdict]}m{words}\x1b[0m"


def clause_line(clause: Clause) -> str:
    """Return a clause in one line: whose, what, what it costs, who says so."""
    source = clause.sources[0].name if clause.sources else "未知"
    when = clause.as_of or "日期未知"
    trust = CONFIDENCE_NAMES[clause.confidence]
    own = "，店铺自定" if clause.overridden else ""
    doubt = "，各处说法不一" if clause.contradiction else ""
    return f"{PLATFORM_NAMES[clause.platform]}｜{clause.title}｜{cost(clause)}（{source}，{when}，{trust}{doubt}{own}）"


def cost(clause: Clause) -> str:
    """Return what a clause costs in words; unknown figures are said to be unknown."""
    parts = []
    if clause.platform not in ("law", "any"):
        points = span(clause.points, clause.points_max)
        scale = f"（{clause.scale} 类）" if clause.scale else ""
        parts.append(f"扣分 {points}{scale if points != '未知' else ''}")
    if clause.amount is not None or clause.amount_max is not None:
        most = clause.amount_max if clause.amount is not None else None
        figure = span(clause.amount, most) if clause.amount is not None else f"至多 {money(clause.amount_max)}"
        parts.append(f"{clause.amount_what or '金额'} {figure} 元")
    return "，".join(parts) or "金额未知"


def span(least: Decimal | None, most: Decimal | None) -> str:
    """Return `6`, `2–12` or 未知."""
    if least is None:
        return "未知"
    return money(least) if most is None or most == least else f"{money(least)}–{money(most)}"


def money(value: Decimal | None) -> str:
    """Return an exact number without needless noughts."""
    if value is None:
        return "未知"
    text = f"{value:f}"
    return text.rstrip("0").rstrip(".") if "." in text else text


def _underlined(text: str, start: int, end: int) -> list[str]:
    """Return the line the span starts in, cut to what a screen takes, and marks below the words."""
    first = text.rfind("\n", 0, start) + 1
    stop = text.find("\n", start)
    line = text[first : stop if stop >= 0 else len(text)]
    begin, finish = start - first, min(end - first, len(line))
    left = max(0, begin - _SHOWN // 2)
    right = min(len(line), max(finish, left + _SHOWN))
    shown = ("…" if left else "") + line[left:right] + ("…" if right < len(line) else "")
    before = ("…" if left else "") + line[left:begin]
    marks = " " * width(visible(before)) + "^" * max(1, width(visible(line[begin:finish])))
    return [f"    {visible(shown)}", f"    {marks}"]


def visible(text: str) -> str:
    """Replace control and zero-width characters by a dot, so that nothing hidden stays hidden and columns align."""
    from wcwidth import wcwidth

    return "".join("·" if wcwidth(char) < 1 and char not in "\ufe0f\u20e3" else char for char in text)


def width(text: str) -> int:
    """Return the columns a text takes on a terminal."""
    from wcwidth import wcswidth

    columns = wcswidth(text)
    return columns if columns >= 0 else len(text)


def table(head: Sequence[str], rows: Iterable[Sequence[str]], right: Sequence[int] = ()) -> str:
    """Return a table with aligned columns; those of the numbers in `right` are flush right."""
    body = [list(head), *(list(row) for row in rows)]
    wide = [max(width(row[i]) for row in body) for i in range(len(head))]
    lines = []
    for row in body:
        cells = [
            " " * (wide[i] - width(cell)) + cell if i in right else cell + " " * (wide[i] - width(cell))
            for i, cell in enumerate(row)
        ]
        lines.append("  ".join(cells).rstrip())
    return "\n".join(lines)


# --- tables and machine formats --------------------------------------------------------------------------------------

CSV_HEAD = (
    "path", "sheet", "line", "row", "session", "turn", "time", "shop", "agent", "platform", "rule", "verdict", "start", "end",
    "text", "message", "clause", "points", "points_max", "scale", "amount", "amount_max", "suggestion",
)  # fmt: skip


def csv_row(finding: Finding, text: str = "", *, shown: bool = False) -> list[Any]:
    """Return a finding as the cells under CSV_HEAD."""
    return csv_cells(finding_data(finding, text, shown=shown))


def csv_cells(data: Mapping[str, Any]) -> list[Any]:
    """Return the plain data of a finding as the cells under CSV_HEAD."""
    origin = data.get("origin", {})
    first: dict[str, Any] = data["clauses"][0] if data["clauses"] else {}
    return [
        *(origin.get(name) for name in CSV_HEAD[:10]),
        *(data[name] for name in ("rule", "verdict", "start", "end", "text", "message")), first.get("title"),
        *(first.get(name) for name in ("points", "points_max", "scale", "amount", "amount_max")), data["suggestion"],
    ]  # fmt: skip


def write_csv(stream: IO[str], head: Sequence[str], rows: Iterable[Iterable[Any]]) -> None:
    """Write a table with a BOM, so that spreadsheets read the Chinese, its cells defused."""
    import csv

    stream.write("\ufeff")
    writer = csv.writer(stream, lineterminator="\n")
    writer.writerow(head)
    writer.writerows(map(defused, row) for row in rows)


def defused(value: Any) -> str:
    """Return a cell that no spreadsheet runs as a formula, and that ends no row: a bare CR would, and is not quoted."""
    text = "" if value is None else str(value).replace("\r\n", "\n").replace("\r", "\n")
    return "'" + text if _FORMULA.match(text) and not _is_number(text) else text


# What begins a formula, also where a spreadsheet first drops what cannot be seen or makes full-width signs narrow.
_FORMULA = re.compile(r"[\t\n]|[\s\x00-\x1f\u200b-\u200f\u2060\ufeff]*[=+\-@＝＋－＠﹢﹣﹦﹫]")


def _is_number(text: str) -> bool:
    try:
        float(text)
    except ValueError:
        return False
    return True


def dump(data: Any, *, indent: int | None = None) -> str:
    """Return data as JSON with the Chinese readable."""
    import json

    return json.dumps(data, ensure_ascii=False, indent=indent)
