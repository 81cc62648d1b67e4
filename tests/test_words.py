"""Words: the same as jieba's, on every text; and jieba itself is not needed where they were kept before."""

from __future__ import annotations

import random
import subprocess
import sys
from pathlib import Path
from typing import Any

import jieba
import pytest

from linter.words import words

JIEBA: Any = jieba.Tokenizer()
ODD = [
    "加V信abc12345",
    "微 信\r\n号\n\n是a1",
    "T恤3.5折T",
    "%50&A+B#c_d-e",
    "𠮷野家的㐂",
    "　全角ＡＢ，。！",
    "AA制",
    "卡拉OK",
    "",
    " ",
    "x",
]


@pytest.fixture(scope="module", autouse=True)
def woken() -> None:
    jieba.setLogLevel(60)
    JIEBA.FREQ, JIEBA.total = JIEBA.gen_pfdict(JIEBA.get_dict_file())
    JIEBA.initialized = True


def _same(text: str) -> None:
    assert list(words().cut(text)) == JIEBA.lcut(text, HMM=False), text


@pytest.mark.parametrize("text", ODD)
def test_odd_texts_are_cut_like_jieba_cuts_them(text: str) -> None:
    _same(text)


def test_random_texts_are_cut_like_jieba_cuts_them() -> None:
    chance = random.Random(7)
    known = list(JIEBA.FREQ)
    signs = "abcXYZ0189 +#&._%-，。！\r\n\t𠮷㐂é"
    for _ in range(1500):
        parts = [
            chance.choice(known) if chance.random() < 0.7 else chance.choice(signs) for _ in range(chance.randint(1, 9))
        ]
        text = "".join(part[: chance.randint(1, len(part))] for part in parts)
        _same(text)


def test_every_word_counts_as_in_jieba() -> None:
    known = words()
    assert all(known.knows(word) == (count > 0) for word, count in JIEBA.FREQ.items())
    assert not known.knows("没有这样一个词")


def test_jieba_is_asked_once(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("KEFULINT_CACHE", str(tmp_path))
    monkeypatch.delenv("KEFULINT_NO_CACHE", raising=False)
    code = "import sys; from linter.words import words; print(list(words().cut('今天发货')), 'jieba' in sys.modules)"
    command = [sys.executable, "-c", code]
    shown = [subprocess.run(command, capture_output=True, text=True, check=True).stdout for _ in range(2)]
    assert shown == ["['今天', '发货'] True\n", "['今天', '发货'] False\n"]
