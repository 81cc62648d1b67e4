"""The quick ways give the answers of the slow one: on real chat, on our own, and on random text.

The slow way reads every message in Python; the quick ones ask the compiled part first, for one message or for many.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from linter import Finding, Linter, Message, Turn
from linter.lexicon import load_lexicon

pytest.importorskip("linter._native", reason="the compiled part was not built here")


def _quick(platform: str) -> Linter:
    linter = Linter(platform)
    list(linter.check_many(["在的"] * 1100))  # from so many on the compiled part is asked, and then for few as well
    assert linter._prefilters
    return linter


def _slow(platform: str) -> Linter:
    linter = Linter(platform, lexicon=load_lexicon())  # of its own: others share what they made
    linter._asked = -(10**9)
    return linter


LINTER, SLOW = _quick("taobao"), _slow("taobao")
EXAMPLES = [e for r in load_lexicon().rules.values() for e in (*r.violates, *r.passes) if e.channel == "chat"]
PIECES = [
    "加", "我", "微信", "薇❤", "v", "wei xin", "w x", "发票", "fapiao", "不开", "好评", "返", "3元", "13800001111", "的", "亲",
    "，", "。", " ", "\n", "qq", "QQ群", "退", "七天", "30天后发货", "包邮", "\\/", "℡", "㊙", "\ud800", "\u200b", "\U0001f427",
    "垃圾", "嗯", "哦", "http://t.cn/x", "5%", "最", "全网最低", "保证", "100%", "您", "好的", "可以", "有的", "没有",
    "2-3天", "两个月", "星期", "发", "才发货", "V2", "5V", "abc_1", "丶com", "发票店", "收到", "扣", "运费", "七天无理由", "不", "能",
    "开", "芯", "威", "伽", "ＱＱ", "12345", "一二三四五六七八", "wxh", "jia", "是的", "?", "！", "晕", "傻", "你",
]  # fmt: skip
TEXTS = st.lists(st.sampled_from(PIECES), max_size=9).map("".join)
TURNS = st.lists(st.builds(Turn, st.sampled_from(["buyer", "agent"]), TEXTS), max_size=5)
MESSAGES = st.builds(lambda text, turns: Message(text, context=turns), TEXTS, TURNS)


def _shown(findings: list[Finding]) -> list[tuple[Any, ...]]:
    return [(f.rule, f.verdict, f.start, f.end, f.verdicts, f.spelled, f.message) for f in findings]


def _alike(messages: list[Message], linter: Linter = LINTER, slow: Linter = SLOW) -> int:
    """Check that all ways agree; return how many findings there were."""
    found = 0
    for message, many in zip(messages, linter.check_many(messages), strict=True):
        wanted = _shown(slow.check_message(message))
        assert _shown(many) == wanted, message
        assert _shown(linter.check_message(message)) == wanted, message
        found += len(wanted)
    return found


@pytest.mark.parametrize("platform", ["taobao", "pinduoduo"])
def test_examples_of_the_rules(platform: str) -> None:
    messages = [Message(e.text, e.channel, e.context) for e in EXAMPLES]
    assert _alike(messages * 2, _quick(platform), _slow(platform)) > 200


def test_examples_without_their_context() -> None:
    texts = [e.text for e in EXAMPLES]
    for text, many in zip(texts, LINTER.check_many(texts), strict=True):
        assert _shown(many) == _shown(SLOW.check(text)), text


def test_listings_of_both_fields() -> None:
    examples = [e for r in load_lexicon().rules.values() for e in (*r.violates, *r.passes) if e.channel != "chat"]
    assert _alike([Message(e.text, e.channel) for e in examples]) > 15


@settings(deadline=None, max_examples=150)
@given(st.lists(MESSAGES, max_size=12))
def test_random_conversations(messages: list[Message]) -> None:
    _alike(messages)


@settings(deadline=None, max_examples=100)
@given(st.lists(st.text(max_size=30), max_size=12))
def test_any_text(texts: list[str]) -> None:
    _alike([Message(text) for text in texts])


def test_what_was_let_go_is_explained_however_many_were_judged_before() -> None:
    """A quick way that finds no match would have nothing to say about the near ones."""
    messages = [Message(e.text, e.channel, e.context) for e in EXAMPLES]
    let_go = 0
    for message in messages:
        quick, slow = LINTER.explain(message), SLOW.explain(message)
        assert quick.rejections == slow.rejections and _shown(quick.findings) == _shown(slow.findings), message
        let_go += len(slow.rejections)
    assert let_go > 50


def test_threads_share_a_linter() -> None:
    texts = [e.text for e in EXAMPLES] * 4
    with ThreadPoolExecutor(4) as pool:
        found = list(pool.map(lambda text: _shown(LINTER.check(text)), texts))
    assert found == [_shown(LINTER.check(text)) for text in texts]


def test_what_the_compiled_part_cannot_hold_is_read_in_python() -> None:
    texts = [
        "加" * 1100,
        "微信" * 590,
        "3天" * 580,
        "发票店" * 390,
        "加\n" * 590,
        "\ud800" * 900,
        "wei" * 390,
        "，" * 1100,
        "v1" * 580,
    ]
    texts += [text[:9] + "加我微信" for text in texts]
    for text in texts:
        assert _shown(LINTER.check(text)) == _shown(SLOW.check(text)), text[:9]


def test_fragments_before_a_message() -> None:
    texts = ["嗯是的", "嗯嗯", "好的 没", "的", "哦", "我微信", "信"]
    talk = [
        Message(text, context=[Turn("agent", said)]) for said in ("加", "好的", "嗯", "没有", "我微") for text in texts
    ]
    assert _alike(talk) > 5


def test_without_the_compiled_part() -> None:
    code = "from linter import Linter; from linter.scan import native; print(native, *[f.rule for f in Linter().check('加我微信')])"
    shown = subprocess.run(
        [sys.executable, "-c", code],
        env={**os.environ, "KEFULINT_PURE": "1"},
        capture_output=True,
        text=True,
        check=True,
    )
    assert shown.stdout.split() == ["None", "off-platform-contact"]


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
