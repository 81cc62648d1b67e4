"""What an audit counted in, the reports that people read out: summary.txt, summary.json and report.html in its folder.

The files of findings are the audit's own matter: they are written while it runs. Files appear whole or not at all.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from linter import compare, page, reports, service
from linter.lexicon import Lexicon
from linter.summary import Summary, as_text

REPORTS = ("summary.txt", "summary.json", "report.html")


def finish_reports(
    folder: Path,
    summary: Summary,
    lexicon: Lexicon,
    measured: Sequence[service.Result] = (),
    *,
    title: str = "客服用语检查报告",
    shown: bool = False,
    earlier: Mapping[str, Any] | None = None,
) -> str:
    """Write REPORTS into the folder of an audit; return the text for the screen.

    `earlier` is the summary of an earlier audit to compare with, as `compare.read_earlier` gives it.
    """
    data = summary.as_dict(lexicon)
    data.pop("seconds")  # nothing in the files tells of the run: going on with a stopped one ends with the same bytes
    data |= {"measures": [measure_data(result) for result in measured]}
    comparison = compare.compare(earlier, data) if earlier else None
    text = as_text(summary, lexicon, measured)
    if comparison:
        data["compare"] = comparison.as_dict()
        text += "\n\n" + compare.as_text(comparison, lexicon)
    html = page.render(summary, lexicon, measured, title=title, shown=shown, comparison=comparison)
    folder.mkdir(parents=True, exist_ok=True)
    for name, content in zip(REPORTS, (text, reports.dump(data, indent=2), html), strict=True):
        _write(folder / name, content + "\n")
    return text


def _write(path: Path, text: str) -> None:
    part = path.with_name(path.name + ".part")
    part.write_text(text, encoding="utf-8", errors="replace")
    part.replace(path)


def measure_data(result: service.Result) -> dict[str, Any]:
    """Return a measure of reply times as plain data."""
    one = result.measure
    return {
        "id": one.id, "title": one.title, "rule": one.rule, "platform": one.platform, "shop": result.shop,
        "day": result.day, "asked": result.asked, "value": reports.number(result.value),
        "at_least": reports.number(one.at_least), "at_most": reports.number(one.at_most), "short": result.short,
        "exempt": result.exempt,
    }  # fmt: skip
