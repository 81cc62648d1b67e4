"""Files in, messages out: text, Markdown, CSV, JSON, JSON lines and YAML, canned replies and chat logs alike.

Nothing a file holds is lost silently: a row that cannot be judged becomes a Trouble with its place and what was expected,
and the rows after it are still read. Logs are streamed; a session's earlier turns become the context of the next.
The one decision to question: a JSON or YAML file of unknown shape is read string by string, because canned-reply files
have no common shape and a reply overlooked is worse than a label judged.
"""

from __future__ import annotations

import csv
import io
import json
import re
import sys
from collections import OrderedDict
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from itertools import chain
from pathlib import Path
from typing import IO, Any

from linter.model import CHANNELS, PLATFORMS, KefulintError, Message, Origin, SourceError, Turn
from linter.nodes import Node, Problems, parse_yaml

FORMATS = ("text", "markdown", "csv", "tsv", "xlsx", "json", "jsonl", "yaml")
SUFFIXES = {
    ".txt": "text", ".md": "markdown", ".markdown": "markdown", ".csv": "csv", ".tsv": "tsv", ".xlsx": "xlsx", ".json": "json",
    ".jsonl": "jsonl", ".ndjson": "jsonl", ".yaml": "yaml", ".yml": "yaml",
}  # fmt: skip

# What the columns of logs and canned-reply tables are called; the first name that a file has wins.
COLUMNS: dict[str, tuple[str, ...]] = {
    "text": (
        "text", "content", "message", "msg", "reply", "answer", "body", "内容", "消息内容", "聊天内容", "消息", "话术",
        "话术内容", "回复", "回复内容", "答案", "文本", "正文",
    ),
    "role": ("role", "sender_role", "sender_type", "from", "角色", "发送方", "发送人类型", "消息来源", "身份"),
    "session": ("session", "session_id", "conversation", "conversation_id", "chat_id", "会话", "会话id", "会话编号"),
    "time": ("time", "timestamp", "datetime", "sent_at", "created_at", "date", "时间", "发送时间", "消息时间", "日期"),
    "agent": ("agent", "agent_id", "staff", "operator", "客服", "客服账号", "客服昵称", "接待客服", "子账号"),
    "shop": ("shop", "shop_id", "store", "seller", "店铺", "店铺名称", "店铺id", "商家"),
    "platform": ("platform", "channel_name", "平台", "渠道"),
    "channel": ("channel", "field"),
    "id": ("id", "message_id", "msg_id", "编号", "消息id"),
    "turn": ("turn", "seq", "index", "序号"),
}  # fmt: skip
# What the columns of listing tables are called. A table with a title and one of the others is one of listings.
LISTING_COLUMNS: dict[str, tuple[str, ...]] = {
    "title": ("title", "name", "标题", "商品标题", "商品名称", "宝贝标题", "宝贝名称", "名称"),
    "detail": ("detail", "description", "desc", "html", "详情", "商品详情", "描述", "宝贝描述", "商品描述", "图文详情"),
    "category": ("category", "类目", "分类", "商品类目", "宝贝类目"),
    "brand": ("brand", "品牌", "品牌名称"),
    "price": ("price", "价格", "售价", "一口价", "销售价", "单价"),
    "freight": ("freight", "postage", "shipping_fee", "运费", "邮费", "快递费"),
    "free_shipping": ("free_shipping", "包邮", "是否包邮", "免运费"),
    "regions": ("regions", "包邮地区", "配送地区", "地区", "销售区域"),
    "id": ("id", "item_id", "sku", "编号", "商品id", "宝贝id", "商品编码"),
    "shop": ("shop", "shop_id", "store", "店铺", "店铺名称"),
    "platform": ("platform", "平台"),
}
ROLE_NAMES = {
    "agent": ("agent", "seller", "service", "kefu", "staff", "shop", "bot", "robot", "assistant", "merchant", "客服",
              "商家", "卖家", "店小二", "机器人", "人工客服", "掌柜", "商家客服"),
    "buyer": ("buyer", "customer", "user", "client", "guest", "consumer", "买家", "顾客", "客户", "消费者", "用户", "客人"),
    "system": ("system", "platform", "notice", "系统", "平台", "系统消息", "通知"),
}  # fmt: skip
PLATFORM_NAMES = {
    "天猫": "tmall", "淘宝": "taobao", "拼多多": "pinduoduo", "pdd": "pinduoduo", "抖音": "douyin", "抖店": "douyin",
    "快手": "kuaishou", "京东": "jd", "jingdong": "jd",
}  # fmt: skip
_ROLES = {name: role for role, names in ROLE_NAMES.items() for name in names}
_NOT_TEXT = frozenset(
    name for field_, names in COLUMNS.items() if field_ not in ("text",) for name in names
) | {"url", "link", "image", "type", "lang", "tags", "title", "key", "name", "category", "分类", "标签", "快捷短语编码"}  # fmt: skip
_SESSIONS = 20_000  # open sessions whose last turns are kept; a log with more open at once loses the oldest contexts
_CONTEXT = 6
_SURROGATES = re.compile("[\ud800-\udfff]")


@dataclass(frozen=True, slots=True)
class Trouble:
    """Something that could not be judged. `row` is the line or record number, `expected` what would have been right."""

    path: str
    row: int
    what: str
    expected: str

    def __str__(self) -> str:
        return f"{self.path}:{self.row}: {self.what}, expected {self.expected}"


@dataclass(frozen=True, slots=True)
class Listing:
    """A listing record (title, detail, freight …) and where it stood."""

    record: Mapping[str, Any]
    origin: Origin


Item = Message | Listing | Trouble


@dataclass(frozen=True)
class Options:
    """How to read. `columns` maps our field names to a file's column names; unset ones are detected."""

    format: str | None = None
    encoding: str | None = None
    channel: str = "chat"
    platform: str | None = None
    columns: Mapping[str, str] = field(default_factory=dict)
    need_text: bool = False  # a table without a text column is an error (logs) and not read cell by cell
    fields: tuple[str, ...] = ()  # path expressions that say which texts of a document are replies (`formats`)
    placeholders: bool = True  # {{name}}, {name}, %s … of a document are not judged


@dataclass
class _Sessions:
    """The last turns of the sessions that are open."""

    open: OrderedDict[str, list[Turn]] = field(default_factory=OrderedDict)

    def context(self, session: str) -> tuple[Turn, ...]:
        return tuple(self.open.get(session, ()))

    def add(self, session: str, turn: Turn) -> None:
        turns = self.open.setdefault(session, [])
        self.open.move_to_end(session)
        turns.append(turn)
        del turns[:-_CONTEXT]
        if len(self.open) > _SESSIONS:
            self.open.popitem(last=False)


def read(path: str | Path, options: Options | None = None) -> Iterator[Item]:
    """Yield the messages, listings and troubles of a file (`-`: standard input), in order.

    Raises SourceError where the file cannot be opened or its format is unknown.
    """
    options = options or Options()
    name = str(path)
    kind = options.format or ("text" if name == "-" else SUFFIXES.get(Path(name).suffix.lower(), "text"))
    if kind not in FORMATS:
        raise SourceError(f"{name}:1: unknown format '{kind}', expected one of {', '.join(FORMATS)}")
    try:
        stream: IO[bytes] = sys.stdin.buffer if name == "-" else Path(name).open("rb")  # noqa: SIM115
    except OSError as error:
        raise SourceError(f"{name}:1: cannot be opened ({error.strerror}), expected a readable file") from error
    with stream:
        yield from _READERS[kind](_Lines(stream, name, options.encoding), options)


# --- bytes to lines --------------------------------------------------------------------------------------------------


class _Lines:
    """The lines of a stream as text. UTF-8 with or without BOM, UTF-16 with BOM and GB18030 are told apart."""

    def __init__(self, stream: IO[bytes], path: str, encoding: str | None) -> None:
        self.path = path
        self._stream = stream
        self._head = stream.read(1 << 16)
        self.encoding = encoding or _encoding(self._head)
        self.troubles: list[Trouble] = []

    def __iter__(self) -> Iterator[str]:
        if self.encoding.startswith("utf-16"):  # a line break is not one byte there: read it whole
            yield from io.StringIO((self._head + self._stream.read()).decode(self.encoding, "replace"), newline=None)
            return
        lines = self._byte_lines()
        for number, line in enumerate(lines, 1):
            if number == 1 and line.startswith(b"\xef\xbb\xbf"):
                line = line[3:]
            yield self._decoded(line, number)

    def _byte_lines(self) -> Iterator[bytes]:
        rest = self._head
        while True:
            *whole, rest = rest.split(b"\n")
            yield from (line.removesuffix(b"\r") + b"\n" for line in whole)
            block = self._stream.read(1 << 20)
            if not block:
                break
            rest += block
        if rest:
            yield rest

    def _decoded(self, line: bytes, number: int) -> str:
        try:
            return line.decode(self.encoding)
        except UnicodeDecodeError as error:
            try:
                text = line.decode("gb18030" if self.encoding == "utf-8" else "utf-8")
            except UnicodeDecodeError:
                text = line.decode(self.encoding, "replace")
            self.troubles.append(
                Trouble(self.path, number, f"bytes at {error.start} are not {self.encoding}", f"{self.encoding} text")
            )
            return text

    def whole(self) -> str:
        return "".join(self)

    def bytes(self) -> bytes:
        """Return everything as it is, for formats that are not text."""
        return self._head + self._stream.read()


def _encoding(head: bytes) -> str:
    if head.startswith((b"\xff\xfe", b"\xfe\xff")):
        return "utf-16"
    cut = head[: head.rfind(b"\n") + 1] or head
    try:
        cut.decode("utf-8")
    except UnicodeDecodeError as error:
        if error.start >= len(cut) - 3 and cut is head:
            return "utf-8"  # only cut in the middle of a character
        try:
            cut.decode("gb18030")
        except UnicodeDecodeError:
            return "utf-8"
        return "gb18030"
    return "utf-8"


def clean(text: str) -> str:
    """Replace lone surrogates, which no output can carry; the length stays the same."""
    return _SURROGATES.sub("\ufffd", text)


# --- text and Markdown -----------------------------------------------------------------------------------------------

_MARKS = re.compile(r"[ \t]*(?:(?:>|[-*+]|\d{1,3}[.)]|#{1,6})[ \t]+){0,4}")


def _read_text(lines: _Lines, options: Options) -> Iterator[Item]:
    for number, line in enumerate(lines, 1):
        yield from _drain(lines)
        text = line.rstrip("\n")
        if text.strip():
            yield Message(
                clean(text), options.channel, origin=Origin(lines.path, number, 1, number, platform=options.platform)
            )


def _read_markdown(lines: _Lines, options: Options) -> Iterator[Item]:
    """Prose lines without their list, quote and heading marks; code fences, comments and front matter are not prose."""
    fence = ""
    for number, line in enumerate(lines, 1):
        yield from _drain(lines)
        text = line.rstrip("\n")
        stripped = text.strip()
        if fence:
            fence = "" if stripped.startswith(fence) else fence
            continue
        opened = _fence(stripped, number)
        if opened:
            fence = opened
            continue
        start = len(_MARKS.match(text).group())  # type: ignore[union-attr]
        if text[start:].strip():
            origin = Origin(lines.path, number, start + 1, number, platform=options.platform)
            yield Message(clean(text[start:]), options.channel, origin=origin)


def _fence(line: str, number: int) -> str:
    if line.startswith(("```", "~~~")):
        return line[:3]
    if line.startswith("<!--") and "-->" not in line:
        return "-->"
    return "---" if line == "---" and number == 1 else ""


def _drain(lines: _Lines) -> Iterator[Trouble]:
    if lines.troubles:
        yield from lines.troubles
        lines.troubles.clear()


# --- tables and JSON lines: logs -------------------------------------------------------------------------------------


def _read_csv(lines: _Lines, options: Options, delimiter: str = ",") -> Iterator[Item]:
    csv.field_size_limit(1 << 28)
    reader = csv.reader((line.replace("\0", " ").replace("\r", " ") for line in lines), delimiter=delimiter)
    header = next(reader, None)
    if header is None:
        return
    found = columns_of(header, options.columns)
    if "text" not in found and not listing_columns(header, options.columns):
        yield from _without_header(reader, header, lines, options)
        return
    rows = _Rows(lines.path, options)
    record = 1
    while True:
        line = reader.line_num + 1
        try:
            cells = next(reader)
        except StopIteration:
            break
        except csv.Error as error:
            yield Trouble(lines.path, line, str(error), "a CSV row")
            continue
        record += 1
        yield from _drain(lines)
        if not cells:
            continue
        if len(cells) < len(header):
            yield Trouble(lines.path, line, f"{len(cells)} cells", f"{len(header)} as in the header")
            if found.get("text") not in header[: len(cells)]:
                continue
        yield from rows.item(dict(zip(header, cells, strict=False)), found, line, record)


def _without_header(reader: Any, header: list[str], lines: _Lines, options: Options) -> Iterator[Item]:
    if options.need_text:
        yield Trouble(
            lines.path, 1, f"no text column among {', '.join(header) or 'nothing'}",
            f"one named {', '.join(COLUMNS['text'][:4])}, {COLUMNS['text'][7]} … or --column text=NAME",
        )  # fmt: skip
        return
    line = reader.line_num
    for cells in chain([header], reader):
        for cell in cells:
            if _worth(cell):
                origin = Origin(lines.path, line, None, line, platform=options.platform)
                yield Message(clean(cell), options.channel, origin=origin)
        line = reader.line_num + 1


def _read_jsonl(lines: _Lines, options: Options) -> Iterator[Item]:
    rows = _Rows(lines.path, options)
    found: dict[str, str] = {}
    known: tuple[str, ...] = ()
    for number, line in enumerate(lines, 1):
        yield from _drain(lines)
        if not line.strip():
            continue
        try:
            record = json.loads(line)
        except (ValueError, RecursionError) as error:
            yield Trouble(lines.path, number, f"broken JSON ({getattr(error, 'msg', error)})", "one JSON object a line")
            continue
        if isinstance(record, str):
            yield Message(clean(record), options.channel, origin=Origin(lines.path, number, 1, number))
            continue
        if not isinstance(record, dict):
            yield Trouble(lines.path, number, f"a {type(record).__name__}", "a JSON object with a text")
            continue
        if tuple(record) != known:
            known, found = tuple(record), columns_of(record, options.columns)
        yield from rows.item(record, found, number, number)


def columns_of(names: Iterable[str], given: Mapping[str, str]) -> dict[str, str]:
    """Find which column holds which field, by the names given and then by the known ones."""
    by_name = {str(name).strip().lower(): name for name in names}
    found: dict[str, str] = {}
    for kind, known in COLUMNS.items():
        wanted = (given[kind],) if kind in given else known
        known_here = [by_name[name.lower()] for name in wanted if name.lower() in by_name]
        if known_here:
            found[kind] = known_here[0]
    return found


def listing_columns(names: Iterable[str], given: Mapping[str, str]) -> dict[str, str]:
    """Find which column holds which field of a listing, or {} where the columns are not those of listings."""
    by_name = {str(name).strip().lower(): name for name in names}
    found: dict[str, str] = {}
    for kind, known in LISTING_COLUMNS.items():
        wanted = (given[kind],) if kind in given else known
        here = [by_name[name.lower()] for name in wanted if name.lower() in by_name]
        if here:
            found[kind] = here[0]
    telling = found.keys() & {"detail", "price", "freight", "category", "free_shipping"}
    return found if "title" in found and telling else {}


class _Rows:
    """Turns records of a log into messages with their sessions' context."""

    def __init__(self, path: str, options: Options) -> None:
        self.path = path
        self.options = options
        self.sessions = _Sessions()

    def item(self, record: Mapping[str, Any], found: Mapping[str, str], line: int, row: int) -> Iterator[Item]:
        values = {kind: record.get(name) for kind, name in found.items()}
        text = values.get("text")
        listing = listing_columns(record, self.options.columns) if text is None else {}
        if listing:
            fields = {kind: record.get(name) for kind, name in listing.items()}
            origin = Origin(
                self.path, line, None, row, id=_word(fields.get("id")), shop=_word(fields.get("shop")),
                platform=self._platform(fields.get("platform")),
            )  # fmt: skip
            yield Listing(fields, origin)
            return
        if not isinstance(text, str):
            what = "no text" if text is None else f"the text is a {type(text).__name__}"
            yield Trouble(self.path, line, what, "a text in " + (found.get("text") or "one of text, content, 内容 …"))
            return
        role = _ROLES.get(str(values.get("role") or "agent").strip().lower(), "")
        if not role:
            yield Trouble(
                self.path,
                line,
                f"unknown role '{str(values['role'])[:20]}'",
                "agent, buyer, 客服, 买家 or a known name",
            )
            return
        channel = str(values.get("channel") or self.options.channel)
        session = _word(values.get("session"))
        message = Message(
            clean(text),
            channel if channel in CHANNELS else self.options.channel,
            self._context(record, session),
            role,
            Origin(
                self.path, line, None, row, _word(values.get("id")), session, _whole(values.get("turn")),
                _word(values.get("agent")), _word(values.get("shop")), self._platform(values.get("platform")),
                _word(values.get("time")),
            ),
        )  # fmt: skip
        if session and role != "system":
            self.sessions.add(session, Turn(role, message.text, message.origin.time))
        yield message

    def _context(self, record: Mapping[str, Any], session: str | None) -> tuple[Turn, ...]:
        given = record.get("context")
        if isinstance(given, list):
            return tuple(
                Turn(_ROLES.get(str(turn.get("role")), "buyer"), clean(str(turn.get("text", ""))))
                for turn in given[-_CONTEXT:]
                if isinstance(turn, dict)
            )
        return self.sessions.context(session) if session else ()

    def _platform(self, value: Any) -> str | None:
        name = str(value or "").strip().lower()
        if name in PLATFORMS:
            return name
        return PLATFORM_NAMES.get(name) or self.options.platform


def _word(value: Any) -> str | None:
    return None if value is None or value == "" else clean(str(value))


def _whole(value: Any) -> int | None:
    try:
        return int(value)
    except (TypeError, ValueError):
        return None


# --- JSON and YAML: canned replies of any shape ----------------------------------------------------------------------


def _read_json(lines: _Lines, options: Options) -> Iterator[Item]:
    text = lines.whole()
    yield from _drain(lines)
    if not text.strip():
        return
    try:
        value = json.loads(text)
    except (ValueError, RecursionError) as error:
        row = getattr(error, "lineno", 1)
        yield Trouble(lines.path, row, f"broken JSON ({getattr(error, 'msg', error)})", "valid JSON")
        return
    place = _Places(text)
    rows = _Rows(lines.path, options)
    if isinstance(value, list) and value and all(isinstance(item, dict) for item in value):
        found = columns_of(value[0], options.columns)
        listing = listing_columns(value[0], options.columns)
        if listing or "text" in found:
            for row, record in enumerate(value, 1):
                words = str(record.get(found.get("text") or listing["title"], ""))
                yield from rows.item(record, found, place.line(words), row)
            return
    for words in _strings(value, ""):
        yield Message(clean(words), options.channel, origin=Origin(lines.path, place.line(words), None, None))


class _Places:
    """Finds the lines of a JSON file's strings, which come in the order of the file."""

    def __init__(self, text: str) -> None:
        self.text = text
        self.position = 0
        self.number = 1

    def line(self, words: str) -> int:
        for ascii_only in (False, True):
            at = self.text.find(json.dumps(words, ensure_ascii=ascii_only)[1:-1], self.position)
            if at >= 0:
                self.number += self.text.count("\n", self.position, at)
                self.position = at
                break
        return self.number


def _strings(value: Any, key: str) -> Iterator[str]:
    if isinstance(value, str):
        if key.lower() not in _NOT_TEXT and _worth(value):
            yield value
    elif isinstance(value, dict):
        for name, child in value.items():
            yield from _strings(child, str(name))
    elif isinstance(value, list):
        for child in value:
            yield from _strings(child, key)


def _worth(text: str) -> bool:
    """Is a cell or scalar more than a number or a code?"""
    return any(not char.isascii() and char.isalpha() for char in text) or " " in text.strip()


def _read_yaml(lines: _Lines, options: Options) -> Iterator[Item]:
    problems = Problems()
    text = lines.whole()
    yield from _drain(lines)
    node = parse_yaml(text, lines.path, problems) if text.strip() else None
    for problem in problems.lines:
        if "is empty" in problem:
            continue
        place, _, what = problem.partition(": ")
        yield Trouble(lines.path, int(place.rpartition(":")[2] or 1), *_halves(what))
    if node:
        yield from _scalars(node, "", lines.path, options)


def _halves(what: str) -> tuple[str, str]:
    found, _, expected = what.rpartition(", expected ")
    return (found or what, expected or "valid YAML")


def _scalars(node: Node, key: str, path: str, options: Options, seen: set[int] | None = None) -> Iterator[Message]:
    """Yield the texts of a tree; an aliased part once, so that nested aliases cannot blow up."""
    seen = set() if seen is None else seen
    if id(node) in seen:
        return
    seen.add(id(node))
    if isinstance(node.value, str):
        if key.lower() not in _NOT_TEXT and _worth(node.value):
            origin = Origin(path, node.line, None, None, platform=options.platform)
            yield Message(clean(node.value.rstrip("\n")), options.channel, origin=origin)
    elif isinstance(node.value, list):
        for child in node.value:
            yield from _scalars(child, key, path, options, seen)
    else:
        for name, child in node.value.items():
            yield from _scalars(child, name, path, options, seen)


def _read_xlsx(lines: _Lines, options: Options) -> Iterator[Item]:
    """The first sheet that has rows, like a CSV; raises SourceError where the extra `xlsx` is not installed."""
    try:
        from python_calamine import CalamineWorkbook
    except ImportError as error:
        raise SourceError(f"{lines.path}:1: xlsx needs a library, expected: pip install 'kefulint[xlsx]'") from error
    try:
        book = CalamineWorkbook.from_filelike(io.BytesIO(lines.bytes()))
        sheets = [book.get_sheet_by_name(name).to_python(skip_empty_area=False) for name in book.sheet_names]
    except Exception as error:  # the library raises its own kinds for every way a file can be broken
        yield Trouble(lines.path, 1, f"not a workbook ({error})", "an XLSX file")
        return
    table = [[_cell(value) for value in row] for row in next((sheet for sheet in sheets if sheet), [])]
    if not table:
        return
    header, rows = table[0], _Rows(lines.path, options)
    found = columns_of(header, options.columns)
    if "text" not in found and not listing_columns(header, options.columns):
        yield Trouble(
            lines.path, 1, f"no text column among {', '.join(header)}", "one named text, content, 内容 … or --column"
        )
        return
    for number, cells in enumerate(table[1:], 2):
        if any(cells):
            yield from rows.item(dict(zip(header, cells, strict=False)), found, number, number)


def _cell(value: Any) -> str:
    return str(int(value)) if isinstance(value, float) and value.is_integer() else str(value)


def _read_tsv(lines: _Lines, options: Options) -> Iterator[Item]:
    return _read_csv(lines, options, "\t")


_READERS: dict[str, Callable[[_Lines, Options], Iterator[Item]]] = {
    "text": _read_text, "markdown": _read_markdown, "csv": _read_csv, "tsv": _read_tsv, "xlsx": _read_xlsx, "json": _read_json,
    "jsonl": _read_jsonl, "yaml": _read_yaml,
}  # fmt: skip


def with_platform(message: Message, platform: str) -> Message:
    """Return the message as of a platform."""
    return replace(message, origin=replace(message.origin, platform=platform))


def parse_columns(given: Iterable[str]) -> dict[str, str]:
    """Read options like `text=内容`; raise KefulintError for an unknown field."""
    found = {}
    for pair in given:
        kind, sign, name = pair.partition("=")
        known = dict.fromkeys([*COLUMNS, *LISTING_COLUMNS])
        if not sign or kind not in known:
            raise KefulintError(f"column '{pair}', expected FIELD=NAME with a FIELD of {', '.join(known)}")
        found[kind] = name
    return found
