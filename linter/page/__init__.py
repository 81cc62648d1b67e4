"""A summary in, one HTML file out: what QA leads open, search, print and send on. No network, no build step.

Everything that comes from a log is escaped by the template and has its hidden characters spelled out; the only script and
style are the two files beside this one, and the page's own policy allows no others. Charts are tables with drawn bars: a
chart library would be a hundred times the page, and a table can be read aloud. The decision to question: a page holds the
gravest findings of each rule and not all, so that it opens on a phone after a million messages too.
"""

from __future__ import annotations

import json
from base64 import b64encode
from collections.abc import Mapping, Sequence
from functools import lru_cache
from hashlib import sha256
from pathlib import Path
from typing import TYPE_CHECKING, Any

from linter import compare, reports, service
from linter.lexicon import Lexicon
from linter.page import views
from linter.summary import Summary, owner_name
from linter.troubles import in_chinese

if TYPE_CHECKING:
    import jinja2

_HERE = Path(__file__).parent
_MOST_OWNERS = 300  # rows of a table of agents or shops


def render(
    summary: Summary,
    lexicon: Lexicon,
    measured: Sequence[service.Result] = (),
    *,
    title: str = "客服用语检查报告",
    shown: bool = False,
    comparison: compare.Comparison | None = None,
) -> str:
    """Return the report. Without `shown` contacts are masked, also in a summary that was counted with them."""
    mask = str if shown else reports.redact
    data = summary.as_dict(lexicon)
    style, script = (_HERE / "report.css").read_text("utf-8"), (_HERE / "report.js").read_text("utf-8")
    rows = views.finding_rows(summary, lexicon, mask)
    by = data["by"]
    return _template().render(
        title=title, policy=_policy(style, script), style=_trusted(style), script=_trusted(script),
        data=data, lexicon=lexicon, verdicts=reports.VERDICT_NAMES, platforms=reports.PLATFORM_NAMES,
        charts=views.charts(data, lexicon), days=views.days(by["day"]), heat=views.heat(by["hour"]),
        owners={kind: by[kind][:_MOST_OWNERS] for kind in ("agent", "shop", "platform")},
        messages={row["name"]: row["messages"] for row in by["platform"]},
        lessons=list(views.lessons(data, lexicon, summary.as_of, mask)), talks=views.talks(summary, mask), rows=len(rows),
        json=_trusted(_json({"rows": rows, "verdicts": reports.VERDICT_NAMES, "platforms": reports.PLATFORM_NAMES,
                             "rules": {rule: lexicon.rules[rule].title for rule in sorted(summary.rows)}})),
        measures=service.lines(measured), measure_head=service.HEAD, comparison=comparison,
        troubles=[in_chinese(line, mask) for line in summary.shown_troubles], shown=shown or summary.shown,
    )  # fmt: skip


@lru_cache(maxsize=1)
def _template() -> jinja2.Template:
    """Return the template; whatever it prints is made visible and escaped."""
    import jinja2

    made = jinja2.Environment(
        loader=jinja2.FileSystemLoader(_HERE), autoescape=True, undefined=jinja2.StrictUndefined, finalize=_visible,
        trim_blocks=True, lstrip_blocks=True,
    )  # fmt: skip
    made.filters |= {
        "count": lambda number: f"{number:,}", "permille": views.permille, "stake": views.stake, "owner": owner_name,
        "pieces": views.pieces, "cost": reports.cost, "rate": compare.rate, "most": views.most, "lengths": views.lengths,
    }  # fmt: skip
    made.globals |= {
        "CONFIDENCES": reports.CONFIDENCE_NAMES, "CHANGES": compare.CHANGES, "rule_name": compare.rule_name,
        "compare_note": compare.NOTE, "lexicon_note": compare.other_lexicon_note, "sums": views.sums,
    }  # fmt: skip
    return made.get_template("report.html")


def _visible(value: Any) -> Any:
    return views.visible(value) if isinstance(value, str) and not hasattr(value, "__html__") else value


def _trusted(text: str) -> Any:
    import markupsafe

    return markupsafe.Markup(text)


def _json(data: Mapping[str, Any]) -> str:
    """Return JSON that cannot end the element it stands in."""
    text = json.dumps(data, ensure_ascii=False, separators=(",", ":"))
    for char in "<>&\u2028\u2029":
        text = text.replace(char, f"\\u{ord(char):04x}")
    return text


def _policy(style: str, script: str) -> str:
    """Return the page's policy: our one script and one style, nothing from anywhere."""
    return (
        f"default-src 'none'; script-src '{_digest(script)}'; style-src '{_digest(style)}'; "
        "img-src data:; base-uri 'none'; form-action 'none'"
    )


def _digest(text: str) -> str:
    return "sha256-" + b64encode(sha256(text.encode()).digest()).decode()
