"""Rows that could not be judged are named in Chinese in what the shop's staff reads."""

from __future__ import annotations

import gzip
import json
from collections.abc import Callable
from pathlib import Path

import pytest

from linter import page, reports
from linter.audit import Audit, Run
from linter.inputs import Options
from linter.lexicon import load_lexicon
from linter.summary import as_text
from linter.troubles import in_chinese

LEXICON = load_lexicon()
GOOD = json.dumps({"session": "s", "role": "agent", "text": "您好，在的"}, ensure_ascii=False)

# file name, what it holds, what the report says behind the number of the row
BAD: list[tuple[str, bytes, list[str]]] = [
    ("a.jsonl", f"{GOOD}\n{{\n".encode(), ["2 行：JSON 写坏了（Expecting property name enclosed in double quotes）"]),
    ("a.jsonl", f"{GOOD}\n[1]\n7\n".encode(), ["2 行：这一行是列表，不是带消息内容的 JSON 对象", "3 行：这一行是数字，不是带消息内容的 JSON 对象"]),
    ("a.jsonl", f'{GOOD}\n{{"session": "s", "role": "agent"}}\n'.encode(), ["2 行：没有消息内容"]),
    ("a.jsonl", f'{GOOD}\n{{"session": "s", "role": "agent", "text": 7}}\n'.encode(), ["2 行：消息内容不是文字，是数字"]),
    ("a.jsonl", f'{GOOD}\n{{"session": "s", "role": "老王13800001234", "text": "x"}}\n'.encode(), ["2 行：看不出「老王13*******34」是客服还是买家"]),
    ("a.jsonl", f"{GOOD}\n".encode() + b'{"text": "\xff\xff\xff"}', ["2 行：第 10 个字节起不是 utf-8 编码，读出来可能有乱码"]),
    ("a.csv", "text,role\n您好,agent\n在的\n".encode(), ["3 行：这一行有 1 格，表头有 2 格", "3 行：看不出「」是客服还是买家"][:1]),
    ("a.csv", "甲,乙\n您好,agent\n".encode(), ["1 行：表头里没有消息内容这一列（只有：甲, 乙），请用 --column text=列名 指明"]),
    ("a.jsonl.gz", gzip.compress(f"{GOOD}\n".encode() * 5000)[:-40],
     ["行：JSON 写坏了（Unterminated string starting at）", "行：文件到这里断了，后面没有读到（Compressed file ended before"]),
    ("a.xlsx", b"PK nothing", ["1 行：不是能读的 Excel 文件（"]),
    ("a.parquet", b"PAR1 nothing", ["1 行：文件读不了（"]),
    ("a.txt", "\n\n\n\n\n说明\n2026-03-02 09:00:00 小芸：您好\n2026-03-02 09:01:00 小芸：好\n".encode(), ["6 行：第一个时间和昵称之前的文字，不知道是谁说的"]),
    ("a.yaml", b"a: [1", ["行：YAML 写坏了（"]),
    ("a.json", b"[1", ["1 行：JSON 写坏了（"]),
    ("b.csv", "会话,谁说的,内容\n1,甲,好\n".encode(), ["1 行：看不出哪一列说的是谁在说话（会话, 谁说的, 内容）"]),
    ("c.csv", '内容,n\n"好,1\n在,2\n'.encode(), ["2 行：引号没有合上"]),
    ("b.txt", b"\x89PNG\r\n\x1a\n", ["1 行：不是文本文件，也不是工作簿（a picture）"]),
]  # fmt: skip


@pytest.mark.parametrize(("name", "content", "said"), BAD, ids=[f"{name} {said[0][-12:]}" for name, _, said in BAD])
def test_reports_name_bad_rows_in_chinese(name: str, content: bytes, said: list[str], tmp_path: Path) -> None:
    path = tmp_path / "会话20260302.d" / name
    path.parent.mkdir()
    path.write_bytes(content)
    run = Run(Audit((str(path),), Options(need_text=True)), tmp_path / "out")
    run.start()
    lines = as_text(run.summary, LEXICON).partition("没能判的行")[2].splitlines()[1:]
    assert run.summary.troubles == len(lines) == len(said)
    for line, words in zip(lines, said, strict=True):
        assert words in line and line.strip().startswith(f"{path} 第 ") and ", expected " not in line
    shown = page.render(run.summary, LEXICON)
    assert all(f"<bdi>{_escaped(line.strip())}</bdi>" in shown for line in lines)


def _escaped(text: str) -> str:
    return (
        text.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;").replace('"', "&#34;").replace("'", "&#39;")
    )


OTHERS: list[tuple[str, Callable[[str], str], str]] = [
    ("C:\\log 3.csv:12: 2 cells, expected 3 as in the header", str, "C:\\log 3.csv 第 12 行：这一行有 2 格，表头有 3 格"),
    ("a.yaml:4: key 'x' stands twice, expected it once (first on line 2)", str, "a.yaml 第 4 行：键「x」写了两次"),
    ("a20260302.csv:1: 说13800001234, expected words", reports.redact, "a20260302.csv 第 1 行：说13*******34，应为 words"),
    ("nothing like a trouble", str, "nothing like a trouble"),
    ("13800001234", reports.redact, "13*******34"),
]  # fmt: skip


@pytest.mark.parametrize(("line", "mask", "said"), OTHERS)
def test_lines_in_chinese(line: str, mask: Callable[[str], str], said: str) -> None:
    assert in_chinese(line, mask) == said
