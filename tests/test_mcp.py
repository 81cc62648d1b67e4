"""The MCP server as agents use it: the SDK's own client against a real subprocess, over stdio and over HTTP."""

from __future__ import annotations

import asyncio
import contextlib
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from linter.model import CHANNELS, PLATFORMS, Message

mcp = pytest.importorskip("mcp")
httpx = pytest.importorskip("httpx")

COMMAND = [sys.executable, "-m", "linter", "mcp", "-p", "tmall"]
BUYER = [{"role": "buyer", "text": "能开发票吗"}]
CALLS: dict[str, tuple[str, dict[str, Any]]] = {
    "clean": ("check", {"text": "在的亲，今天下午发货"}),
    "blocked": ("check", {"text": "亲😊加我微信便宜10块"}),
    "without context": ("check", {"text": "这款开不了的呢"}),
    "in context": ("check", {"text": "这款开不了的呢", "context": BUYER}),
    "side by side": ("check", {"text": "百分百不掉色", "platforms": ["jd", "tmall"]}),
    "title": ("check", {"text": "全网最低价 包邮", "channel": "listing.title"}),
    "rewrite clean": ("rewrite", {"text": "在的亲"}),
    "rewrite": ("rewrite", {"text": "亲，这个百分百不掉色的"}),
    "rewrite, to be looked at": ("rewrite", {"text": "五星好评返2元"}),
    "rewrite without a wording": ("rewrite", {"text": "我们家刷单的"}),
    "explain rule": ("explain", {"rule": "off-platform-contact"}),
    "explain text": ("explain", {"text": "不支持五星好评返现"}),
    "rules": ("list_rules", {}),
    "title rules": ("list_rules", {"channel": "listing.title", "platforms": ["jd"]}),
    "unknown rule": ("explain", {"rule": "nope"}),
    "neither": ("explain", {}),
    "both": ("explain", {"rule": "off-platform-contact", "text": "在的"}),
    "unknown platform": ("check", {"text": "在的", "platforms": ["ebay"]}),
    "empty": ("check", {"text": ""}),
    "too long": ("check", {"text": "亲" * 100_001}),
    "long and hostile": ("check", {"text": "<script>\u202e加我薇❤" * 5000}),
}


@pytest.fixture(scope="module")
def answers() -> dict[str, Any]:
    """Every call of the table in one session, and what the server lists."""

    async def session() -> dict[str, Any]:
        parameters = mcp.StdioServerParameters(command=COMMAND[0], args=COMMAND[1:], cwd=Path(__file__).parent.parent)
        async with mcp.Client(parameters) as client:
            found = {name: await client.call_tool(tool, arguments) for name, (tool, arguments) in CALLS.items()}
            found["tools"] = (await client.list_tools()).tools
            found["resources"] = (await client.list_resources()).resources
            for uri in ("kefulint://rules", "kefulint://rules/invoice-refused"):
                found[uri] = (await client.read_resource(uri)).contents[0]
            found["instructions"] = client.instructions
        return found

    return asyncio.run(session())


DECISIONS = [
    ("clean", "send"), ("blocked", "block"), ("without context", "send"), ("in context", "block"), ("title", "block"),
    ("side by side", "confirm"), ("long and hostile", "block"), ("rewrite clean", "send"), ("rewrite", "confirm"),
    ("rewrite, to be looked at", "block"), ("rewrite without a wording", "block"),
]  # fmt: skip


@pytest.mark.parametrize(("name", "decision"), DECISIONS, ids=[row[0] for row in DECISIONS])
def test_decisions(answers: dict[str, Any], name: str, decision: str) -> None:
    result = answers[name]
    assert not result.is_error, result.content
    assert result.structured_content["decision"] == decision
    assert bool(result.structured_content["findings"]) == (decision != "send")


def test_the_text_of_a_result_is_for_reading_and_the_data_for_programs(answers: dict[str, Any]) -> None:
    text, data = answers["blocked"].content[0].text, answers["blocked"].structured_content
    assert text.startswith("不能发送") and "off-platform-contact" in text and "建议" in text
    assert data["findings"][0]["text"] == "加我微信" == "亲😊加我微信便宜10块"[slice(2, 6)]
    assert (data["findings"][0]["start"], data["findings"][0]["end"]) == (2, 6)
    assert data["findings"][0]["clauses"][0]["sources"]
    assert answers["clean"].content[0].text == "可以发送，没有发现问题"
    assert list(answers["side by side"].structured_content["findings"][0]["verdicts"]) == ["tmall", "jd"]


def test_the_same_answer_as_the_library(answers: dict[str, Any]) -> None:
    from linter import Linter
    from linter.answer import answer, considered

    linter, text = Linter("tmall"), CALLS["blocked"][1]["text"]
    found, better = considered(linter, Message(text))
    assert answers["blocked"].structured_content == answer(found, text, linter.version, rewritten=better)


REWRITTEN = [
    ("rewrite", "亲，这个一般不会掉色的", None, "亲，这个一般不会掉色的"),
    ("rewrite, to be looked at", None, "使用感受欢迎您如实评价", "可以参考，发之前请核对说的是不是事实：使用感受"),
    ("rewrite without a wording", None, None, "没有可以直接套用的整条说法，请按建议重写，再检查一遍。\n「"),
    ("rewrite clean", None, None, "不用改，没有发现问题"),
]


@pytest.mark.parametrize(("name", "safe", "draft", "said"), REWRITTEN, ids=[row[0] for row in REWRITTEN])
def test_rewriting(answers: dict[str, Any], name: str, safe: str | None, draft: str | None, said: str) -> None:
    data = answers[name].structured_content
    assert (data["rewritten"], data["draft"]) == (safe, draft)
    assert answers[name].content[0].text.startswith(said)


def test_explaining(answers: dict[str, Any]) -> None:
    assert (
        "来源：" in answers["explain rule"].content[0].text and "判定  天猫" in answers["explain rule"].content[0].text
    )
    assert "没有发现问题" in answers["explain text"].content[0].text
    assert "看过又放行的" in answers["explain text"].content[0].text


def test_listing_rules(answers: dict[str, Any]) -> None:
    every, titles = (answers[name].structured_content["rules"] for name in ("rules", "title rules"))
    assert {rule["rule"] for rule in titles} < {rule["rule"] for rule in every}
    assert all("listing.title" in rule["channels"] and list(rule["verdicts"]) == ["jd"] for rule in titles)


WRONG = [
    ("unknown rule", "没有规则「nope」"), ("neither", "只能写一个"), ("both", "只能写一个"), ("unknown platform", "ebay"),
    ("empty", "at least 1 character"), ("too long", "at most 100000 characters"),
]  # fmt: skip


@pytest.mark.parametrize(("name", "said"), WRONG, ids=[row[0] for row in WRONG])
def test_wrong_calls_are_told_so(answers: dict[str, Any], name: str, said: str) -> None:
    assert answers[name].is_error and said in answers[name].content[0].text


def test_tools_declare_what_goes_in_and_out(answers: dict[str, Any]) -> None:
    tools = {tool.name: tool for tool in answers["tools"]}
    assert set(tools) == {"check", "rewrite", "explain", "list_rules"}
    assert all(tool.annotations.read_only_hint and tool.output_schema and tool.title for tool in tools.values())
    assert tools["check"].input_schema["required"] == ["text"]
    assert tools["check"].output_schema["properties"]["decision"]["enum"] == ["send", "confirm", "block"]
    properties = tools["check"].input_schema["properties"]
    assert properties["platforms"]["anyOf"][0]["items"]["enum"] == list(PLATFORMS)
    assert properties["channel"]["enum"] == list(CHANNELS)
    assert "check" in answers["instructions"]


def test_every_rule_has_a_page(answers: dict[str, Any]) -> None:
    named = {str(one.uri) for one in answers["resources"]}
    assert {f"kefulint://rules/{rule['rule']}" for rule in answers["rules"].structured_content["rules"]} < named
    page = answers["kefulint://rules/invoice-refused"]
    assert page.mime_type == "text/markdown" and "## 各平台条款" in page.text
    assert "invoice-refused" in answers["kefulint://rules"].text


# --- over HTTP ---------------------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def address() -> Iterator[str]:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    process = subprocess.Popen([*COMMAND, "--http", str(port)], stderr=subprocess.DEVNULL)
    for _ in range(150):
        with contextlib.suppress(OSError), socket.create_connection(("127.0.0.1", port), 1):
            break
        time.sleep(0.1)
    yield f"http://127.0.0.1:{port}/mcp"
    process.terminate()
    process.wait(10)


def test_streamable_http(address: str) -> None:
    async def session() -> Any:
        async with mcp.Client(address) as client:
            return await client.call_tool("check", {"text": "这款开不了的呢", "context": BUYER})

    assert asyncio.run(session()).structured_content["decision"] == "block"


@pytest.mark.parametrize(
    "headers", [{"Host": "evil.example"}, {"Origin": "http://evil.example"}], ids=["host", "origin"]
)
def test_web_pages_of_strangers_cannot_ask(address: str, headers: dict[str, str]) -> None:
    body = {"jsonrpc": "2.0", "id": 1, "method": "tools/list"}
    accept = {"Accept": "application/json, text/event-stream"}
    assert httpx.post(address, json=body, headers=headers | accept).status_code in (403, 421)


def test_broken_lexicons_do_not_start(tmp_path: Path) -> None:
    (tmp_path / "concepts").mkdir()
    (tmp_path / "concepts" / "sticker.yaml").write_text("titel: 贴纸\n", encoding="utf-8")
    done = subprocess.run([*COMMAND, "-l", str(tmp_path)], stdin=subprocess.DEVNULL, capture_output=True, text=True)
    assert done.returncode == 2 and "sticker.yaml:1:" in done.stderr and "Traceback" not in done.stderr
