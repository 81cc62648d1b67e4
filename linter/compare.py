"""Two summaries in, what got better or worse out: by rule and by agent, in findings per 1,000 messages.

A change is called one only when chance does not explain it: a two-sided z-test of two rates at 5 % shared by the rows of a table
(Bonferroni), so that of a hundred agents not five are praised or blamed by luck. Where chance would give one side fewer than
five findings nothing is said: the test does not hold there. It takes findings for independent; a canned reply sent a thousand times is not, so a jump in one
wording deserves a look at the wordings before it is called a trend.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass
from math import erfc, sqrt
from pathlib import Path
from typing import Any

from linter import reports
from linter.lexicon import Lexicon
from linter.model import SourceError

CHANGES = {
    "worse": "变差", "better": "变好", "new": "新出现", "gone": "不再出现", "unclear": "看不出变化", "few": "太少", "joined": "上次没有",
    "left": "这次没有", "same": "没有",
}  # fmt: skip
_LEAST = 5  # findings that chance must give each side
_LEVEL = 0.05
_ORDER = ("worse", "new", "better", "gone", "unclear", "few", "joined", "left", "same")


@dataclass(frozen=True, slots=True)
class Change:
    """One row: findings of the earlier and of this audit among their messages. `p` is what chance gives."""

    name: str
    platform: str | None
    before: int
    before_of: int
    now: int
    now_of: int
    p: float | None = None
    change: str = "unclear"

    @property
    def before_rate(self) -> float | None:
        return 1000 * self.before / self.before_of if self.before_of else None

    @property
    def now_rate(self) -> float | None:
        return 1000 * self.now / self.now_of if self.now_of else None


@dataclass(frozen=True, slots=True)
class Comparison:
    """What changed since an earlier audit. `rules` and `agents` hold every row, the worst first."""

    before_of: int
    now_of: int
    rules: tuple[Change, ...]
    agents: tuple[Change, ...]
    other_lexicon: str | None = None  # the version that judged the earlier audit, where it was another one

    def as_dict(self) -> dict[str, Any]:
        """Return the comparison as plain data."""
        return {
            "earlier_messages": self.before_of, "messages": self.now_of, "earlier_lexicon": self.other_lexicon,
            "rules": [asdict(row) for row in self.rules], "agents": [asdict(row) for row in self.agents],
        }  # fmt: skip


def read_earlier(folder: Path) -> dict[str, Any]:
    """Return the summary of an earlier audit; raise SourceError where there is none."""
    path = folder / "summary.json" if folder.is_dir() else folder
    try:
        data = json.loads(path.read_text(encoding="utf-8"))
        if data["schema"] != 1:
            raise SourceError(f"{path}:1: schema {data['schema']}, expected 1: audit the earlier log again")
        _rates(data), _agents(data)
    except OSError as error:
        raise SourceError(
            f"{path}:1: cannot be read ({error.strerror}), expected the folder of an earlier audit"
        ) from error
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        raise SourceError(f"{path}:1: not a summary ({error!r}), expected the summary.json of an audit") from error
    assert isinstance(data, dict)
    return data


def compare(earlier: Mapping[str, Any], now: Mapping[str, Any]) -> Comparison:
    """Compare two summaries as `Summary.as_dict` gives them."""
    other = str(earlier["lexicon"]) if earlier["lexicon"] != now["lexicon"] else None
    return Comparison(
        earlier["messages"], now["messages"], _judged(_rates(earlier), _rates(now)), _judged(_agents(earlier), _agents(now)),
        other,
    )  # fmt: skip


_Counts = dict[tuple[str, str | None], tuple[int, int]]  # name and platform -> findings, messages


def _rates(data: Mapping[str, Any]) -> _Counts:
    """Return errors and warnings by rule and platform, among the messages of the platform."""
    messages = {row["name"]: row["messages"] for row in data["by"]["platform"]}
    counts: _Counts = {}
    for row in data["rules"]:
        if row["verdict"] != "info":
            key = (row["rule"], row["platform"])
            counts[key] = (counts.get(key, (0, 0))[0] + row["findings"], messages[row["platform"]])
    return counts | {
        ("", name): (0, times) for name, times in messages.items()
    }  # a platform without a finding counts too


def _agents(data: Mapping[str, Any]) -> _Counts:
    return {
        (row["name"], None): (row["errors"] + row["warnings"], row["messages"])
        for row in data["by"]["agent"] if not row.get("rest")
    }  # fmt: skip


def _judged(before: _Counts, now: _Counts) -> tuple[Change, ...]:
    """Pair the rows. A rule that one side never found still has that side's messages; an agent who was away has none."""
    rows = []
    for name, platform in sorted({key for key in before | now if key[0]}, key=str):
        was, is_ = (side.get((name, platform)) or (0, side.get(("", platform), (0, 0))[1]) for side in (before, now))
        rows.append(Change(name, platform, *was, *is_))
    level = _LEVEL / max(sum(_testable(row) for row in rows), 1)
    done = [_verdict(row, level) for row in rows]
    return tuple(sorted(done, key=lambda row: (_ORDER.index(row.change), -abs(row.now - row.before), row.name)))


def _testable(row: Change) -> bool:
    return (row.before + row.now) * min(row.before_of, row.now_of) >= _LEAST * (row.before_of + row.now_of) > 0


def _verdict(row: Change, level: float) -> Change:
    counts = (row.name, row.platform, row.before, row.before_of, row.now, row.now_of)
    if not row.before_of or not row.now_of:
        return Change(*counts, None, "joined" if row.now_of else "left")
    if not _testable(row):
        return Change(*counts, None, "few" if row.before + row.now else "same")
    p = chance(row.before, row.before_of, row.now, row.now_of)
    if p > level:
        return Change(*counts, p, "unclear")
    if not row.before or not row.now:
        return Change(*counts, p, "new" if row.now else "gone")
    return Change(*counts, p, "worse" if row.now * row.before_of > row.before * row.now_of else "better")


def chance(before: int, before_of: int, now: int, now_of: int) -> float:
    """Return how often chance alone sets two rates this far apart.

    The spread is that of counts and not of shares: a message may hold several findings.
    """
    pooled = (before + now) / (before_of + now_of)
    spread = sqrt(pooled * (1 / before_of + 1 / now_of))
    return erfc(abs(now / now_of - before / before_of) / spread / sqrt(2)) if spread else 1.0


# --- on a screen -----------------------------------------------------------------------------------------------------

_SHOWN = 15


def as_text(found: Comparison, lexicon: Lexicon) -> str:
    """Return the comparison for a screen, in Chinese."""
    lines = [f"和上次比（上次 {found.before_of:,} 条，这次 {found.now_of:,} 条；每千条消息的错误和警告）"]
    if found.other_lexicon:
        lines.append(other_lexicon_note(found))
    lines.append(_table(found.rules, "规则", lambda row: rule_name(row, lexicon)))
    lines.append(_table(found.agents, "客服", lambda row: row.name))
    lines.append(NOTE)
    return "\n\n".join(line for line in lines if line)


NOTE = "（只有偶然解释不了的才叫变好变差：双侧检验，每张表合计 5%；单凭偶然也该有 5 处才比，不到的算太少）"


def other_lexicon_note(found: Comparison) -> str:
    return f"注意：上次用的规则版本是 {found.other_lexicon}，和这次不同，变化可能来自规则而不是人。"


def rule_name(row: Change, lexicon: Lexicon) -> str:
    """Return a rule's title with its platform; a rule that is no longer there keeps its id."""
    rule = lexicon.rules.get(row.name)
    where = reports.PLATFORM_NAMES.get(row.platform or "", row.platform or "")
    return f"{rule.title if rule else row.name}（{where}）"


def _table(rows: Sequence[Change], title: str, name: Any) -> str:
    told = [row for row in rows if row.change != "same"]
    if not told:
        return ""
    cells = [
        (CHANGES[row.change], name(row), rate(row.before_rate), rate(row.now_rate), f"{row.before:,}", f"{row.now:,}")
        for row in _first(told)
    ]
    more = f"\n…… 另有 {len(told) - len(cells):,} 行，见 summary.json" if len(told) > len(cells) else ""
    return reports.table(("变化", title, "上次‰", "这次‰", "上次", "这次"), cells, right=(2, 3, 4, 5)) + more


def _first(rows: Iterable[Change]) -> list[Change]:
    return list(rows)[:_SHOWN]


def rate(value: float | None) -> str:
    """Return a rate per 1,000, or a dash where there were no messages."""
    return "—" if value is None else f"{value:.2f}"
