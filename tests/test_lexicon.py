"""Broken lexicon files: every problem at once, each with its place and what was expected."""

from __future__ import annotations

from pathlib import Path

import pytest

from linter.lexicon import load_lexicon, unmark, version
from linter.model import LexiconError

RULE = """\
title: 试验
verdict: error
status: draft
why: 因为
message: 「{text}」
find: [试验词]
violates: ["[[试验词]]"]
passes: [别的]
"""

BROKEN = [
    ("unknown key", "rules/x/my-rule.yaml", RULE + "colour: red\n", "my-rule.yaml:9: unknown key 'colour'"),
    ("key twice", "rules/x/my-rule.yaml", RULE + "why: 又\n", "my-rule.yaml:9: key 'why' stands twice"),
    ("missing key", "rules/x/my-rule.yaml", RULE.replace("why: 因为\n", ""), "has no 'why', expected one"),
    ("wrong verdict", "rules/x/my-rule.yaml", RULE.replace("error", "fatal"), "verdict is 'fatal', expected one of"),
    ("unknown concept", "rules/x/my-rule.yaml", RULE.replace("[试验词]", "[no-such]"), "unknown concept 'no-such'"),
    ("unknown shape", "rules/x/my-rule.yaml", RULE.replace("[试验词]", "['@fax']"), "unknown concept '@fax'"),
    ("bad pattern", "rules/x/my-rule.yaml", RULE.replace("[试验词]", "[A_B]"), "'A_B' is neither a concept's name"),
    ("no marks", "rules/x/my-rule.yaml", RULE.replace('"[[试验词]]"', "试验词"), "marks no words"),
    ("bad file name", "rules/x/My_Rule.yaml", RULE, "the file is named 'My_Rule'"),
    ("too few examples", "rules/x/my-rule.yaml", RULE.replace("draft", "stable"), "expected at least 4"),
    ("no find", "rules/x/my-rule.yaml", RULE.replace("find: [试验词]\n", ""), "neither 'find' nor 'measure'"),
    ("a list, not text", "rules/x/my-rule.yaml", RULE.replace("why: 因为", "why: [因, 为]"), "expected text"),
    ("spelling twice", "concepts/tea.yaml", "title: 茶\nstrong: [茶, 茶]\n", "tea.yaml:2: '茶' stands twice in strong"),
    ("empty spelling", "concepts/tea.yaml", 'title: 茶\nstrong: [""]\n', "an entry of strong is empty"),
    ("no strong", "concepts/tea.yaml", "title: 茶\n", "has no 'strong', expected one"),
    (
        "wrong flag",
        "concepts/tea.yaml",
        "title: 茶\nstrong: [茶]\nword: maybe\n",
        "word is 'maybe', expected one of yes, no",
    ),
    ("broken YAML", "concepts/tea.yaml", "title: [茶\n", "tea.yaml:2:"),
    ("empty file", "concepts/tea.yaml", "", "tea.yaml:1: the file is empty"),
    ("not UTF-8", "concepts/tea.yaml", b"\xb2\xe8", "expected a UTF-8 file"),
]


@pytest.mark.parametrize(("name", "body", "problem"), [r[1:] for r in BROKEN], ids=[r[0] for r in BROKEN])
def test_problem_is_named_with_its_place(tmp_path: Path, name: str, body: str | bytes, problem: str) -> None:
    path = tmp_path / name
    path.parent.mkdir(parents=True)
    path.write_bytes(body if isinstance(body, bytes) else body.encode())
    with pytest.raises(LexiconError) as caught:
        load_lexicon([tmp_path])
    assert any(problem in line for line in caught.value.problems), caught.value.problems


def test_all_problems_at_once(tmp_path: Path) -> None:
    for name in ("one", "two"):
        path = tmp_path / "concepts" / f"{name}.yaml"
        path.parent.mkdir(exist_ok=True)
        path.write_text("title: 茶\ncolour: red\n", encoding="utf-8")
    with pytest.raises(LexiconError) as caught:
        load_lexicon([tmp_path])
    assert len(caught.value.problems) == 4  # an unknown and a missing key in each


def test_missing_folder_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(LexiconError, match="no such folder"):
        load_lexicon([tmp_path / "nowhere"])


def test_texts_stay_texts(tmp_path: Path) -> None:
    path = tmp_path / "concepts" / "odd.yaml"
    path.parent.mkdir()
    path.write_text("title: 怪\nstrong: [no, 12:30, 0755, 2024-01-01, 1e3]\n", encoding="utf-8")
    assert load_lexicon([tmp_path]).concepts["odd"].strong == ("no", "12:30", "0755", "2024-01-01", "1e3")


def test_a_shops_own_concept_replaces_the_shipped_one(tmp_path: Path) -> None:
    path = tmp_path / "concepts" / "wechat.yaml"
    path.parent.mkdir()
    path.write_text("title: 自家\nstrong: [某聊]\n", encoding="utf-8")
    assert load_lexicon([tmp_path]).concepts["wechat"].strong == ("某聊",)


def test_version_changes_with_any_byte(tmp_path: Path) -> None:
    path = tmp_path / "a.yaml"
    path.write_text("a", encoding="utf-8")
    before = version([tmp_path])
    path.write_text("b", encoding="utf-8")
    assert version([tmp_path]) != before


@pytest.mark.parametrize(
    ("marked", "text", "spans"),
    [
        ("加[[微信]]吧", "加微信吧", ((1, 3),)),
        ("没有", "没有", ()),
        ("[[a]]b[[c]]", "abc", ((0, 1), (2, 3))),
        ("[[两\n行]]", "两\n行", ((0, 3),)),
    ],
)
def test_unmark(marked: str, text: str, spans: tuple[tuple[int, int], ...]) -> None:
    assert unmark(marked) == (text, spans)
