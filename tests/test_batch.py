"""Many messages at once give the same answers as one by one: on real chat, on our own, and on random text."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from linter import Finding, Linter, Message, Turn
from linter.lexicon import load_lexicon

pytest.importorskip("numpy", reason="batches need the extra `audit`")

LINTER = Linter("taobao")
list(LINTER.check_many(["在的"] * 600))  # from so many on a sieve is made, and then used for few as well
EXAMPLES = [e for r in load_lexicon().rules.values() for e in (*r.violates, *r.passes) if e.channel == "chat"]
PIECES = [
    "加", "我", "微信", "薇❤", "v", "wei xin", "w x", "发票", "fapiao", "不开", "好评", "返", "3元", "13800001111", "的", "亲",
    "，", "。", " ", "\n", "qq", "QQ群", "退", "七天", "30天后发货", "包邮", "\\/", "℡", "㊙", "\ud800", "\u200b", "\U0001f427",
    "垃圾", "嗯", "哦", "http://t.cn/x", "5%", "最", "全网最低", "保证", "100%", "您", "好的", "可以", "有的", "没有",
]  # fmt: skip
TEXTS = st.lists(st.sampled_from(PIECES), max_size=9).map("".join)
TURNS = st.lists(st.builds(Turn, st.sampled_from(["buyer", "agent"]), TEXTS), max_size=5)
MESSAGES = st.builds(lambda text, turns: Message(text, context=turns), TEXTS, TURNS)


def _shown(findings: list[Finding]) -> list[tuple[Any, ...]]:
    return [(f.rule, f.verdict, f.start, f.end, f.verdicts, f.spelled, f.message) for f in findings]


def _alike(messages: list[Message], linter: Linter = LINTER) -> int:
    """Check that both ways agree; return how many findings there were."""
    found = 0
    for message, many in zip(messages, linter.check_many(messages), strict=True):
        one = linter.check_message(message)
        assert _shown(many) == _shown(one), message
        found += len(one)
    return found


def test_examples_of_the_rules() -> None:
    messages = [Message(e.text, e.channel, e.context) for e in EXAMPLES]
    for platform in ("taobao", "pinduoduo"):
        assert _alike(messages * 2, Linter(platform)) > 200


@settings(deadline=None, max_examples=150)
@given(st.lists(MESSAGES, max_size=12))
def test_random_conversations(messages: list[Message]) -> None:
    _alike(messages)


@settings(deadline=None, max_examples=100)
@given(st.lists(st.text(max_size=30), max_size=12))
def test_any_text(texts: list[str]) -> None:
    _alike([Message(text) for text in texts])


def test_bare_texts_may_repeat() -> None:
    many = list(LINTER.check_many(["加我微信", "在的亲", "加我微信"]))
    assert [len(found) for found in many] == [1, 0, 1]
    assert many[0] is not many[2]


def test_channels_roles_and_lengths_in_one_batch() -> None:
    messages = [
        Message("加我微信", role="buyer"), Message(""), Message("全网最低 " * 3, "listing.title"),
        Message("好的亲" * 900 + "加我微信"), Message("销量第一", "listing.detail"), Message("加我微信"),
    ]  # fmt: skip
    assert _alike(messages) >= 4


def _conversations(path: Path) -> Iterator[Message]:
    session, turns = "", []
    for line in path.read_text(encoding="utf-8").splitlines():
        row = json.loads(line)
        if row["session"] != session:
            session, turns = row["session"], []
        if row["role"] == "agent":
            yield Message(row["text"], context=turns[-6:])
        turns.append(Turn(row["role"], row["text"]))


@pytest.mark.parametrize("source", ["ecd_taobao", "jddc_jd"])
def test_real_chat(source: str, measuring_data: Path) -> None:
    messages = list(_conversations(measuring_data / "data" / source / "turns.jsonl"))[:4000]
    assert _alike(messages) > 20
