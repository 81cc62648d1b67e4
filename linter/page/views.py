"""A summary in, what the page shows out: days and hours as heights and shades, talks, lessons, rows of findings.

Plain values only; the template writes the markup.
"""

from __future__ import annotations

import unicodedata
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from datetime import date, timedelta
from decimal import Decimal
from itertools import pairwise
from typing import Any

from linter.lexicon import Lexicon
from linter.model import VERDICTS, Clause
from linter.summary import Summary, figure, owner_name

Mask = Callable[[str], str]
_MOST_DAYS = 120  # beyond, months are shown
_MOST_TALKS = 30
_FIRST_OF_RULE = 3  # talks of a rule before those of all others get a place
_SHADES = 5
_WEEK = ("周一", "周二", "周三", "周四", "周五", "周六", "周日")
_SEEN = "\n\t\ufe0f\u20e3"  # control and combining marks that show, or only choose a glyph


def visible(text: str) -> str:
    """Spell out characters that hide or turn what stands beside them: controls, bidi marks, zero widths, surrogates."""
    if text.isascii() and text.isprintable():
        return text
    return "".join(
        f"⟨U+{ord(char):04X}⟩" if unicodedata.category(char) in ("Cc", "Cf", "Cs", "Co", "Zl", "Zp") and char not in _SEEN
        else char for char in text
    )  # fmt: skip


def permille(part: int, whole: int) -> str:
    """Return a share in thousandths, small ones more exactly."""
    if not whole:
        return "—"
    share = 1000 * part / whole
    return f"{share:,.1f}" if share >= 10 or not part else f"{share:.2f}"


def pieces(text: str, spans: Sequence[Sequence[Any]]) -> list[tuple[str, str, str]]:
    """Cut a text at its spans: (text, verdict, rule), both '' outside. Where spans overlap the graver one counts."""
    cuts = sorted({0, len(text), *(at for span in spans for at in span[:2] if 0 < at < len(text))})
    found = []
    for start, end in pairwise(cuts):
        over = [span for span in spans if span[0] <= start and end <= span[1]]
        worst = max(over, key=lambda span: VERDICTS.index(span[3]), default=(0, 0, "", ""))
        found.append((text[start:end], worst[3], worst[2]))
    return found


# --- what is at stake --------------------------------------------------------------------------------------------------


def stake(row: Mapping[str, Any], name: str) -> str:
    """Return the points or the amount of a row in groups of thousands, or that nobody states them."""
    text = figure(row, name)
    return text if text == "未知" else f"{Decimal(text):,f}"


def sums(stakes: Sequence[Mapping[str, Any]], verdict: str) -> dict[str, Any]:
    """Return the sums of one verdict over all platforms and accounts."""
    rows = [row for row in stakes if row["verdict"] == verdict]
    return {
        "points": f"{sum((Decimal(row['points']) for row in rows), Decimal(0)):,f}",
        "amount": f"{sum((Decimal(row['amount']) for row in rows), Decimal(0)):,f}",
        **{name: sum(row[name] for row in rows) for name in ("findings", "points_unknown", "amount_unknown", "contradicted")},
    }  # fmt: skip


# --- bars ---------------------------------------------------------------------------------------------------------------

_MOST_BARS = 10


def charts(data: Mapping[str, Any], lexicon: Lexicon) -> dict[str, Any]:
    """Return the longest bars of rules, agents and shops: (name, errors, warnings, link)."""
    rules: dict[str, Counter[str]] = {}
    for row in data["rules"]:
        rules.setdefault(row["rule"], Counter())[row["verdict"]] += row["findings"]
    bars = {"rule": [(lexicon.rules[r].title, n["error"], n["warning"], f"#rule-{r}") for r, n in rules.items()]}
    for kind in ("agent", "shop"):
        named = [row for row in data["by"][kind] if not row.get("rest")]
        bars[kind] = [(owner_name(row), row["errors"], row["warnings"], "") for row in named]
    return {kind: _bars([bar for bar in found if bar[1] + bar[2]]) for kind, found in bars.items()}


def _bars(found: list[tuple[str, int, int, str]]) -> dict[str, Any]:
    found.sort(key=lambda bar: (-bar[1], -bar[2], bar[0]))
    kept = found[:_MOST_BARS]
    return {"rows": kept, "total": len(found), "most": max((bar[1] + bar[2] for bar in kept), default=0)}


def most(rows: Sequence[Mapping[str, Any]]) -> int:
    """Return the findings of the row that has most."""
    return max((int(row["errors"] + row["warnings"]) for row in rows if not row.get("rest")), default=0)


def lengths(parts: Sequence[tuple[str, int]], longest: int) -> list[tuple[str, float, float]]:
    """Return the parts of a bar as (verdict, x, width) in percent of the longest bar."""
    found, x = [], 0
    for verdict, times in parts:
        if times:
            found.append((verdict, _share(x, longest), _share(times, longest)))
        x += times
    return found


# --- days and hours ----------------------------------------------------------------------------------------------------


def days(rows: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
    """Return the days of a log as columns with heights in percent; of a long log the months."""
    named = [row for row in rows if not row.get("rest")]
    if not named:
        return {"columns": [], "unit": "天"}
    first, last = date.fromisoformat(named[0]["name"]), date.fromisoformat(named[-1]["name"])
    by_month = (last - first).days >= _MOST_DAYS
    sums_: dict[str, Counter[str]] = {}
    if not by_month:
        sums_ = {(first + timedelta(n)).isoformat(): Counter() for n in range((last - first).days + 1)}
    for row in named:
        kept = sums_.setdefault(row["name"][:7] if by_month else row["name"], Counter())
        kept.update({name: row[name] for name in ("messages", "errors", "warnings")})
    peak = max(counts["errors"] + counts["warnings"] for counts in sums_.values())
    busiest = max(counts["messages"] for counts in sums_.values())
    columns = [
        {"name": name, **{key: counts[key] for key in ("messages", "errors", "warnings")},
         "error_height": _share(counts["errors"], peak), "warning_height": _share(counts["warnings"], peak),
         "message_height": _share(counts["messages"], busiest)}
        for name, counts in sums_.items()
    ]  # fmt: skip
    return {"columns": columns, "unit": "月" if by_month else "天", "most": peak, "busiest": busiest}


def _share(part: int, whole: int) -> float:
    return round(100 * part / whole, 2) if whole else 0.0


def heat(rows: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
    """Return findings by weekday and hour with a shade from 0 to 5."""
    known = {row["name"]: row for row in rows}
    peak = most(rows)
    table = []
    for number, weekday in enumerate(_WEEK, 1):
        cells = []
        for hour in range(24):
            row = known.get(f"{number} {hour:02d}", {"messages": 0, "errors": 0, "warnings": 0})
            found = row["errors"] + row["warnings"]
            shade = -(-found * _SHADES // peak) if peak else 0
            cells.append({"hour": hour, "messages": row["messages"], "found": found, "shade": shade})
        table.append((weekday, cells))
    return {"rows": table if rows else [], "most": peak, "dated": sum(row["messages"] for row in rows)}


# --- talks -------------------------------------------------------------------------------------------------------------


def talks(summary: Summary, mask: Mask) -> list[dict[str, Any]]:
    """Return the worst conversations with what was said before; every rule gets a place before one gets many."""
    ranked = []
    for kept in summary.worst.values():
        for place, (worth, (_, entry)) in enumerate(zip(kept.scores, kept.entries, strict=True)):
            ranked.append((place // _FIRST_OF_RULE, worth, entry["n"], entry))
    ranked.sort(key=lambda item: item[:3])
    grouped: dict[tuple[Any, ...], list[Any]] = {}
    for _, worth, n, entry in ranked[:_MOST_TALKS]:
        alone = n if entry.get("session") is None else None
        grouped.setdefault((entry["platform"], entry.get("shop"), entry.get("session"), alone), []).append(
            (worth, n, entry)
        )
    worst_first = sorted(grouped.values(), key=lambda found: (min(f[0] for f in found), found[0][1]))
    return [_talk([entry for _, _, entry in sorted(found, key=lambda f: f[1])], mask) for found in worst_first]


def _talk(entries: Sequence[Mapping[str, Any]], mask: Mask) -> dict[str, Any]:
    lines: list[dict[str, Any]] = []
    for entry in entries:
        turns = [{"role": role, "text": mask(text), "time": time, "spans": []} for role, text, time in entry["turns"]]
        new = turns[_overlap(lines, turns) :]
        if lines and len(new) == len(turns) and turns:
            lines.append({"role": "gap", "text": "……", "time": None, "spans": []})
        own = {"role": "agent", "text": mask(entry["text"]), "time": entry.get("time"), "spans": entry["spans"]}
        lines += [*new, own]
    first = entries[0]
    return {
        "lines": lines, "platform": first["platform"], "rules": list(dict.fromkeys(s[2] for e in entries for s in e["spans"])),
        **{name: first.get(name) for name in ("shop", "agent", "session", "time", "path", "row")},
    }  # fmt: skip


def _overlap(lines: Sequence[Mapping[str, Any]], turns: Sequence[Mapping[str, Any]]) -> int:
    """Return how many of the turns are the last lines already."""
    said = [(line["role"], line["text"]) for line in lines]
    next_ = [(turn["role"], turn["text"]) for turn in turns]
    return next((k for k in range(min(len(said), len(next_)), 0, -1) if said[-k:] == next_[:k]), 0)


# --- lessons -----------------------------------------------------------------------------------------------------------


def lessons(data: Mapping[str, Any], lexicon: Lexicon, as_of: str | None, mask: Mask) -> Iterator[dict[str, Any]]:
    """Yield what to teach, a rule at a time: how it was said, what to say instead, which clauses stand behind it."""
    counts: Counter[str] = Counter()
    verdict: dict[str, str] = {}
    where: dict[str, list[str]] = {}
    for row in data["rules"]:  # the gravest and most frequent first
        counts[row["rule"]] += row["findings"]
        verdict.setdefault(row["rule"], row["verdict"])
        platforms = where.setdefault(row["rule"], [])
        if row["platform"] not in platforms:
            platforms.append(row["platform"])
    for name in counts:
        clauses: dict[str, Clause] = {}
        for platform in where[name]:
            for clause in lexicon.rulebooks.clauses(name, platform, "chat", as_of):
                clauses.setdefault(clause.id, clause)
        words = data["wordings"].get(name, {"top": [], "different": 0, "beyond": 0})
        yield {
            "rule": lexicon.rules[name], "verdict": verdict[name], "findings": counts[name], "platforms": where[name],
            "clauses": sorted(clauses.values(), key=lambda clause: clause.platform in ("any", "law")),
            "wordings": [(mask(text), times) for text, times in words["top"]], "different": words["different"],
            "beyond": words["beyond"],
        }  # fmt: skip


# --- rows of findings --------------------------------------------------------------------------------------------------


def finding_rows(summary: Summary, lexicon: Lexicon, mask: Mask) -> list[list[Any]]:
    """Return the gravest findings of every rule, the gravest first, as the page's script takes them."""
    found = [
        (worth, entry["n"], entry)
        for kept in summary.rows.values()
        for worth, (_, entry) in zip(kept.scores, kept.entries, strict=True)
    ]
    return [_row(entry, mask) for _, _, entry in sorted(found, key=lambda item: (item[0], item[1], item[2]["spans"]))]


def _row(entry: Mapping[str, Any], mask: Mask) -> list[Any]:
    start, end, rule, verdict = entry["spans"][0]
    text = mask(entry["text"])
    cut = [visible(part) for part in (text[:start], text[start:end], text[end:])]
    place = f"{entry['path']}:{entry['row']}" if "path" in entry and "row" in entry else ""
    names = [visible(str(entry.get(name) or "")) for name in ("agent", "shop")]
    rest = [visible(str(value)) for value in (entry.get("time") or "", entry.get("session") or "", place)]
    return [verdict, rule, *cut, *names, entry["platform"], *rest]
