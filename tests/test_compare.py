"""Two audits compared: what is called better or worse, and what is too small to be called anything."""

from __future__ import annotations

import json
import random
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner

from linter import compare
from linter.cli import main
from linter.lexicon import load_lexicon
from linter.model import SourceError

ROOT = Path(__file__).parent.parent
LEXICON = load_lexicon()


def _data(
    rules: dict[str, int], agents: dict[str, tuple[int, int]], messages: int, version: str = "v1"
) -> dict[str, Any]:
    """Return a summary of one platform as `summary.json` holds it."""
    return {
        "schema": 1, "lexicon": version, "messages": messages,
        "rules": [{"rule": r, "verdict": "error", "platform": "tmall", "findings": n} for r, n in rules.items()],
        "by": {"platform": [{"name": "tmall", "messages": messages}] if messages else [],
               "agent": [{"name": a, "messages": of, "errors": n, "warnings": 0} for a, (n, of) in agents.items()]},
    }  # fmt: skip


CHANGES = [  # findings and messages before, findings and messages now
    ("clearly more", (20, 10_000), (80, 10_000), "worse"),
    ("clearly fewer", (80, 10_000), (20, 10_000), "better"),
    ("more, but so are the messages", (20, 10_000), (80, 40_000), "unclear"),
    ("a little more", (50, 10_000), (60, 10_000), "unclear"),
    ("twice nearly nothing", (1, 10_000), (4, 10_000), "few"),
    ("one in a handful of messages", (1, 10), (9, 1_000), "few"),
    ("never before", (0, 10_000), (40, 10_000), "new"),
    ("never again", (40, 10_000), (0, 10_000), "gone"),
    ("the same share of all messages", (50, 50), (70, 70), "unclear"),
    ("more findings than messages", (90, 50), (20, 50), "better"),
]  # fmt: skip


@pytest.mark.parametrize(("before", "now", "change"), [row[1:] for row in CHANGES], ids=[row[0] for row in CHANGES])
def test_what_a_change_is_called(before: tuple[int, int], now: tuple[int, int], change: str) -> None:
    found = compare.compare(
        _data({"insult": before[0]}, {"小芸": before}, before[1]), _data({"insult": now[0]}, {"小芸": now}, now[1])
    )
    assert [row.change for row in (*found.rules, *found.agents)] == [change, change]


def test_who_was_away_is_neither_better_nor_worse() -> None:
    found = compare.compare(_data({}, {"小芸": (90, 1000)}, 1000), _data({}, {"阿岩": (90, 1000)}, 1000))
    assert [(row.name, row.change) for row in found.agents] == [("阿岩", "joined"), ("小芸", "left")]


def test_a_rule_is_measured_against_the_messages_of_its_platform() -> None:
    before, now = _data({"insult": 40}, {}, 10_000), _data({"insult": 40}, {}, 10_000)
    now["by"]["platform"].append({"name": "jd", "messages": 90_000})
    now["rules"].append({"rule": "insult", "verdict": "error", "platform": "jd", "findings": 900})
    now["messages"] = 100_000
    found = {row.platform: row for row in compare.compare(before, now).rules}
    assert (found["tmall"].change, found["tmall"].now_rate, found["jd"].change) == ("unclear", 4.0, "joined")


def test_infos_are_left_out() -> None:
    one = _data({}, {}, 100)
    one["rules"] = [{"rule": "cold-reply", "verdict": "info", "platform": "tmall", "findings": 50}]
    assert compare.compare(one, one).rules == ()


def test_luck_alone_is_hardly_ever_called_a_change() -> None:
    """A hundred agents who did not change, fifty times: the table as a whole errs in about one audit of twenty."""
    rnd = random.Random(11)
    wrong = 0
    for _ in range(50):
        before, now = (
            {f"a{n}": (sum(rnd.random() < 0.02 for _ in range(600)), 600) for n in range(100)} for _ in range(2)
        )
        found = compare.compare(_data({}, before, 60_000), _data({}, now, 60_000))
        wrong += any(row.change in ("better", "worse", "new", "gone") for row in found.agents)
    assert wrong <= 6


def test_chance_is_that_of_the_tables() -> None:
    """Against values worked out with a table of the normal distribution: z = 1.952 and z = 2.578."""
    assert compare.chance(200, 10_000, 241, 10_000) == pytest.approx(0.0509, abs=0.0002)
    assert compare.chance(200, 10_000, 255, 10_000) == pytest.approx(0.0099, abs=0.0001)
    assert compare.chance(50, 50, 70, 70) == compare.chance(0, 50, 0, 70) == 1.0


def test_the_screen() -> None:
    found = compare.compare(
        _data({"insult": 20, "threat": 1}, {"小芸": (20, 4000), "木木": (2, 90)}, 10_000, "v0"),
        _data({"insult": 80, "retired-rule": 30}, {"小芸": (80, 4000), "木木": (1, 90)}, 10_000),
    )
    assert compare.as_text(found, LEXICON).splitlines() == [
        "和上次比（上次 10,000 条，这次 10,000 条；每千条消息的错误和警告）",
        "",
        "注意：上次用的规则版本是 v0，和这次不同，变化可能来自规则而不是人。",
        "",
        "变化    规则                  上次‰  这次‰  上次  这次",
        "变差    辱骂买家（天猫）       2.00   8.00    20    80",
        "新出现  retired-rule（天猫）   0.00   3.00     0    30",
        "太少    威胁买家（天猫）       0.10   0.00     1     0",
        "",
        "变化  客服  上次‰  这次‰  上次  这次",
        "变差  小芸   5.00  20.00    20    80",
        "太少  木木  22.22  11.11     2     1",
        "",
        "（只有偶然解释不了的才叫变好变差：双侧检验，每张表合计 5%；单凭偶然也该有 5 处才比，不到的算太少）",
    ]


def test_the_command_compares_and_may_write_over_the_earlier_audit(tmp_path: Path) -> None:
    run = CliRunner().invoke
    log, out = str(ROOT / "examples" / "chat.jsonl"), str(tmp_path / "out")
    assert "和上次比" not in run(main, ["audit", log, "--out", out]).output
    result = run(main, ["audit", log, "--out", out, "--compare", out])
    assert "和上次比（上次 27 条，这次 27 条" in result.output
    data = json.loads((tmp_path / "out" / "summary.json").read_text(encoding="utf-8"))
    assert (data["compare"]["earlier_messages"], data["compare"]["earlier_lexicon"]) == (27, None)
    assert {row["change"] for row in data["compare"]["rules"]} == {"few"}
    assert '<section id="changes">' in (tmp_path / "out" / "report.html").read_text(encoding="utf-8")


BROKEN = [
    ("nothing there", None, r"summary\.json:1: cannot be read"),
    ("no JSON", "{", r"summary\.json:1: not a summary"),
    ("another file", '{"schema": 1}', r"summary\.json:1: not a summary \(KeyError"),
    ("another schema", '{"schema": 2}', r"summary\.json:1: schema 2, expected 1"),
]


@pytest.mark.parametrize(("text", "error"), [row[1:] for row in BROKEN], ids=[row[0] for row in BROKEN])
def test_what_is_no_earlier_audit_is_named(tmp_path: Path, text: str | None, error: str) -> None:
    if text is not None:
        (tmp_path / "summary.json").write_text(text, encoding="utf-8")
    with pytest.raises(SourceError, match=error):
        compare.read_earlier(tmp_path)
