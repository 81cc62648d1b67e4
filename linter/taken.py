"""How a file was read, said in one line before anything else, and what of it was guessed.

The line is Chinese, for it is the shop's staff who know whether 「昵称」 is the agent's name; guesses and doubts are troubles
with a place, as everything a command line complains of. With `--strict-input` they are errors.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, fields
from typing import Any

from linter.inputs import Trouble
from linter.model import PLATFORM_NAMES
from linter.times import EXPECTED

KIND_NAMES = {
    "text": "内容", "sender": "发送者", "receiver": "接收者", "role": "角色", "session": "会话", "time": "时间", "date": "日期",
    "agent": "客服", "buyer": "买家", "shop": "店铺", "platform": "平台", "channel": "渠道", "id": "编号", "turn": "序号",
    "question": "买家问题", "context": "上文", "title": "标题", "detail": "详情", "subtitle": "副标题", "selling_point": "卖点",
    "brief": "简介", "promotion": "促销语", "category": "类目", "brand": "品牌", "price": "价格", "freight": "运费",
    "free_shipping": "包邮", "regions": "地区",
}  # fmt: skip
FORMAT_NAMES = {
    "text": "文本", "markdown": "Markdown", "transcript": "聊天记录文本", "arrow": "Arrow", "parquet": "Parquet", "jinja": "Jinja 模板",
    "database": "数据库查询", "xlsx": "工作簿",
}  # fmt: skip
_FEW = 5  # agents' messages at least before what they have in common is worth a word
_SHOWN = 5  # values that a doubt names


@dataclass(slots=True)
class Taken:
    """How one file, or one sheet of a workbook, was read."""

    path: str
    format: str
    encoding: str = ""
    columns: Mapping[str, str] = field(default_factory=dict)
    said: list[str] = field(default_factory=list)  # who speaks, times, platform, in words
    left: Sequence[str] = ()  # columns of text that are not judged
    guesses: list[Trouble] = field(default_factory=list)

    @property
    def how(self) -> str:
        """Say it without the path, so that files read alike can be told of together."""
        name = FORMAT_NAMES.get(self.format, self.format.upper())
        columns = [f"{KIND_NAMES.get(kind, kind)}={name}" for kind, name in self.columns.items()]
        parts = [name + (f"（{self.encoding}）" if self.encoding else "")]
        parts += ["列：" + "、".join(columns)] if columns else []
        parts += [*self.said, *(["没有判的列：" + "、".join(self.left)] if self.left else [])]
        return "；".join(parts)

    def guess(self, what: str, expected: str, row: int = 1) -> None:
        self.guesses.append(Trouble(self.path, row, what, expected, judged=True))

    def guess_left(self) -> None:
        if self.left:
            self.guess(f"columns with text are not judged: {', '.join(self.left)}", "--column FIELD=NAME for them")

    def doubt_encoding(self, asked: str | None) -> None:
        """GB18030 is told by what the bytes could be, not by a mark."""
        if self.encoding.lower() not in ("", "utf-8") and not self.encoding.startswith("utf-16") and not asked:
            self.guess(f"the encoding was guessed to be {self.encoding}", f"UTF-8, or --encoding {self.encoding}")


def lines_of(taken: Iterable[Taken]) -> list[str]:
    """Return a line a file; many files that were read alike share one."""
    by_how: dict[str, list[str]] = {}
    for one in taken:
        by_how.setdefault(one.how, []).append(one.path)
    lines = []
    for how, paths in by_how.items():
        shown = paths if len(paths) <= _SHOWN else [f"{paths[0]} 等 {len(paths)} 个文件"]
        lines += [f"读入 {path}：{how}" for path in shown]
    return lines


def platform_said(column: str | None, profile: str | None, given: str | None, default: str) -> str:
    """Say how the platform of a log's rows is told."""
    name = PLATFORM_NAMES.get(given or default, given or default)
    if column:
        return f"平台看「{column}」列" + (f"，没写的算{name}" if name else "")
    return f"平台：{name}" + ("" if given and not profile else f"（{profile or '没有说，用默认的'}）")


@dataclass
class Seen:
    """What the rows of one file said, counted: who spoke, which times could not be read, whether agents only ask."""

    path: str
    roles: Counter[str] = field(default_factory=Counter)
    unmarked: int = 0  # rows without a role, taken for the agent's
    untimed: int = 0
    days: int = 0  # times without a time of day
    examples: list[tuple[int, str]] = field(default_factory=list)  # of times that could not be read
    said: int = 0  # agents' messages looked at
    asked: int = 0
    told: bool = False  # does the file tell who speaks?

    def state(self) -> dict[str, Any]:
        """Return the counts as plain data."""
        return {one.name: getattr(self, one.name) for one in fields(self)} | {"roles": dict(self.roles)}

    @classmethod
    def of_state(cls, data: Mapping[str, Any]) -> Seen:
        examples = [(row, value) for row, value in data["examples"]]
        return cls(**{**data, "roles": Counter(data["roles"]), "examples": examples})

    def add(self, roles: Sequence[str], texts: Sequence[str], untimed: Sequence[tuple[int, str]]) -> None:
        """Count rows; of a long file, what agents say is looked at in the first part only."""
        self.roles.update({role: roles.count(role) for role in ("agent", "buyer", "system")})
        self.untimed += len(untimed)
        self.examples += untimed[: max(0, _SHOWN - len(self.examples))]
        if self.said < 1000:
            agents = [text for text, role in zip(texts, roles, strict=True) if role == "agent"]
            self.said += len(agents)
            self.asked += sum(map(_asks, agents))

    def doubts(self) -> list[Trouble]:
        """Return what is odd about the file as a whole."""
        found = []
        if self.untimed:
            row, value = self.examples[0]
            others = "、".join(str(row) for row, _ in self.examples[1:])
            more = f" (also rows {others}{' …' if self.untimed > len(self.examples) else ''})" if others else ""
            found.append((row, f"time '{value[:30]}' is not understood, {self.untimed} rows like it{more}", EXPECTED))
        if self.days:
            found.append((1, f"{self.days} times are days without a time of day", "times, for reply times to be told"))
        if self.unmarked:
            found.append((1, f"{self.unmarked} rows without a role were taken for the agent's", "a role in every row"))
        return [
            Trouble(self.path, row, what, expected, judged=True) for row, what, expected in [*found, *self._of_roles()]
        ]

    def _of_roles(self) -> Iterable[tuple[int, str, str]]:
        count = self.roles
        spoken = count["agent"] + count["buyer"]
        if self.told and spoken > 1 and not (count["agent"] and count["buyer"]):
            only, none = ("buyer", "agent") if count["buyer"] else ("agent", "buyer")
            a = "an" if none == "agent" else "a"
            yield (
                1,
                f"all {spoken} rows are the {only}'s, none is {a} {none}'s",
                f"both: --role NAME={none}, or --column role=NAME",
            )
        if self.told and self.said >= _FEW and self.asked > self.said * 0.8:
            yield (
                1,
                f"{self.asked} of {self.said} messages of agents ask questions",
                "answers: are the roles the wrong way round?",
            )


def _asks(text: str) -> bool:
    return text.rstrip().rstrip("亲哦啊呀的 ~～。！!").endswith(("?", "？", "吗", "么", "呢"))
