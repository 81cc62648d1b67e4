"""A language model's draft in, the linter's answer out, over the Model Context Protocol: agents ask before they answer.

Tools: check, rewrite, explain, list_rules; every rule's page is a resource. A result is twofold: Chinese text to read, and
the same JSON as the server's and the library's, by the schema the tool declares. The decision a reader may question: the
lexicons are loaded before the first request is read. A server whose data is broken does not start, and says why.
"""

from __future__ import annotations

import functools
from collections.abc import Sequence
from typing import Annotated, Any, Literal

from mcp.server.mcpserver import MCPServer
from mcp.server.mcpserver.exceptions import ToolError
from mcp.server.mcpserver.resources import FunctionResource
from mcp.types import CallToolResult, TextContent, ToolAnnotations
from pydantic import BaseModel, Field
from typing_extensions import TypedDict

from linter import __version__, bench, explaining, reports
from linter.answer import answer, considered
from linter.engine import Linter
from linter.fixes import rewrite as rewritten
from linter.lexicon import Rule
from linter.model import PLATFORMS, Finding, Message, Turn

_MOST = 100_000  # characters of a text
_INSTRUCTIONS = """检查电商客服对买家说的话是否违反平台规则（天猫、淘宝、拼多多、抖音、快手、京东）。
每次回复买家之前，先用 check 检查整条回复，并在 context 里带上买家前面说的话。
decision 是 send 可以发送；confirm 要请人确认；block 不能发送：改用 rewritten，没有的话按建议重写，再检查一遍。"""
_DECISIONS = {"send": "可以发送", "confirm": "请人确认后再发", "block": "不能发送"}

Platform = Literal["tmall", "taobao", "pinduoduo", "douyin", "kuaishou", "jd"]
Channel = Literal["chat", "listing.title", "listing.detail"]


class Said(BaseModel):
    """An earlier turn of the conversation."""

    role: Literal["buyer", "agent"] = Field(description="谁说的：buyer 买家，agent 客服")
    text: str = Field(description="原话", max_length=_MOST)


Text = Annotated[str, Field(description="要发给买家的整条回复", min_length=1, max_length=_MOST)]
Context = Annotated[list[Said] | None, Field(description="这条回复之前的对话，从早到晚", max_length=50)]
Platforms = Annotated[list[Platform] | None, Field(description="在哪些平台上判；不写就用启动时选定的平台")]
Where = Annotated[Channel, Field(description="文字用在哪里：聊天、商品标题、商品详情")]


class Found(TypedDict):
    """A finding: what breaks which rule, and what to say instead."""

    rule: str
    verdict: str
    start: int
    end: int
    text: str
    message: str
    suggestion: str
    verdicts: dict[str, str]
    clauses: list[dict[str, Any]]


class Judged(TypedDict):
    """The answer about one reply."""

    decision: Literal["send", "confirm", "block"]
    verdict: Literal["none", "info", "warning", "error"]
    findings: list[Found]
    rewritten: str | None
    lexicon: str


class Rewritten(Judged):
    """The answer about one reply, with a wording that somebody has to look at where there is no safe one."""

    draft: str | None


class Listed(TypedDict):
    """A rule in a list."""

    rule: str
    group: str
    title: str
    verdicts: dict[str, str]
    channels: list[str]
    suggestion: str


class Rules(TypedDict):
    """The rules of the lexicons."""

    rules: list[Listed]
    lexicon: str


class Tools:
    """The tools over one set of lexicons; `platforms` holds where a question names none."""

    def __init__(self, platforms: Sequence[str], lexicons: Sequence[str]) -> None:
        self._linter = functools.cache(lambda names: Linter(names, lexicons))
        self._usual = tuple(platforms)
        self.lexicon = self._on(None).lexicon

    def _on(self, platforms: Sequence[str] | None) -> Linter:
        return self._linter(tuple(name for name in PLATFORMS if name in (platforms or self._usual)))

    def check(
        self, text: Text, context: Context = None, platforms: Platforms = None, channel: Where = "chat"
    ) -> Annotated[CallToolResult, Judged]:
        """发送之前检查一条客服回复：能不能发（send、confirm、block），违反哪条规则、哪个条款、扣几分，怎么改。"""
        found, data = self._judge(text, context, platforms, channel)
        lines = [_DECISIONS[data["decision"]] if found else "可以发送，没有发现问题"]
        lines += [reports.as_text(finding, text, shown=True) for finding in found]
        if data["rewritten"] is not None:
            lines.append(f"可以改为：{data['rewritten']}")
        return _result("\n\n".join(lines), data)

    def rewrite(
        self, text: Text, context: Context = None, platforms: Platforms = None, channel: Where = "chat"
    ) -> Annotated[CallToolResult, Rewritten]:
        """把不能发的回复改成可以发的说法。rewritten 可以直接发；只有 draft 时，先核对说的是不是事实；都没有就按建议重写。"""
        found, data = self._judge(text, context, platforms, channel)
        linter, message = self._on(platforms), _message(text, context, channel)
        data["draft"] = None if data["rewritten"] else rewritten(message, found, linter, unsafe=True)
        if not found:
            return _result("不用改，没有发现问题", data)
        if data["rewritten"] is not None:
            return _result(data["rewritten"], data)
        if data["draft"] is not None:
            return _result(f"可以参考，发之前请核对说的是不是事实：{data['draft']}", data)
        lines = [f"{finding.message}\n    可以这样说：{finding.suggestion or '没有现成的说法'}" for finding in found]
        return _result("\n".join(["没有可以直接套用的整条说法，请按建议重写，再检查一遍。", *lines]), data)

    def explain(
        self,
        rule: Annotated[str | None, Field(description="规则名，例如 off-platform-contact；和 text 二选一")] = None,
        text: Annotated[str | None, Field(description="要解释的回复；和 rule 二选一", max_length=_MOST)] = None,
        context: Context = None,
        channel: Where = "chat",
    ) -> str:
        """解释一条规则（各平台的条款、扣分、出处、可信度），或解释一条回复（查到什么，看过又放行了什么、为什么）。"""
        if (rule is None) == (text is None):
            raise ToolError("rule 和 text 要写一个，也只能写一个")
        if text is not None:
            return explaining.text(self._on(PLATFORMS), _message(text, context, channel), "text")
        if rule not in self.lexicon.rules:
            raise ToolError(f"没有规则「{rule}」，规则名可以用 list_rules 查")
        return explaining.rule(self._on(PLATFORMS), str(rule), "text")

    def list_rules(
        self, platforms: Platforms = None, channel: Annotated[Channel | None, Field(description="只列用在这里的规则")] = None
    ) -> Annotated[CallToolResult, Rules]:  # fmt: skip
        """列出规则：规则名、类别、标题、在所选平台上的判定、建议说法。"""
        linter = self._on(platforms)
        known = sorted(self.lexicon.rules.values(), key=lambda rule: (rule.group, rule.id))
        rows = [
            _listed(rule, linter)
            for rule in known
            if rule.id in linter.rules and (channel is None or channel in rule.channels)
        ]
        return _result(
            "\n".join(f"{row['rule']}  {row['title']}" for row in rows), Rules(rules=rows, lexicon=linter.version)
        )

    def _judge(
        self, text: str, context: list[Said] | None, platforms: Sequence[str] | None, channel: str
    ) -> tuple[list[Finding], dict[str, Any]]:
        linter, message = self._on(platforms), _message(text, context, channel)
        found, better = considered(linter, message)
        return found, answer(found, text, linter.version, rewritten=better)


def _message(text: str, context: list[Said] | None, channel: str) -> Message:
    return Message(text, channel, [Turn(turn.role, turn.text) for turn in context or ()])


def _listed(rule: Rule, linter: Linter) -> Listed:
    books = linter.lexicon.rulebooks
    verdicts = {name: books.verdict(rule.id, name, rule.channels[0]) or rule.verdict for name in linter.platforms}
    return Listed(
        rule=rule.id, group=rule.group, title=rule.title, verdicts=verdicts, channels=list(rule.channels),
        suggestion=rule.suggestion,
    )  # fmt: skip


def _result(text: str, data: Any) -> CallToolResult:
    return CallToolResult(content=[TextContent(type="text", text=text)], structured_content=data)


def server(platforms: Sequence[str], lexicons: Sequence[str] = ()) -> MCPServer[Any]:
    """Return the MCP server over the lexicons, loaded and compiled. Raises KefulintError for broken ones."""
    tools = Tools(platforms, lexicons)
    lexicon = tools.lexicon
    made: MCPServer[Any] = MCPServer(
        "kefulint", "客服话术检查", instructions=_INSTRUCTIONS, version=__version__, log_level="WARNING"
    )
    reading = ToolAnnotations(read_only_hint=True, idempotent_hint=True, open_world_hint=False)
    for title, tool in (
        ("检查回复", tools.check), ("改写回复", tools.rewrite), ("解释", tools.explain), ("列出规则", tools.list_rules),
    ):  # fmt: skip
        made.add_tool(tool, title=title, annotations=reading)
    _page(made, "kefulint://rules", "规则一览", functools.partial(bench.index, lexicon))
    for rule in lexicon.rules.values():
        _page(made, f"kefulint://rules/{rule.id}", rule.title, functools.partial(bench.doc, rule, lexicon))
    return made


def _page(made: MCPServer[Any], uri: str, title: str, page: functools.partial[str]) -> None:
    name = uri.rpartition("/")[2]
    made.add_resource(FunctionResource(uri=uri, name=name, title=title, mime_type="text/markdown", fn=page))
