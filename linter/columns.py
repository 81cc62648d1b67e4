"""Column names in, fields out: what logs and tables call the text, who speaks, which session, when.

`profile_of` tells the export of an agent's workbench by its columns; `columns_of` finds the fields of any table. The
profiles go by the names such exports commonly show, not by a published format: a name given with `--column` always wins.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import lru_cache
from typing import Any

from linter.model import LISTING_FIELDS, PLATFORMS, KefulintError

# What the columns of logs and canned-reply tables are called; the first name that a file has wins.
COLUMNS: dict[str, tuple[str, ...]] = {
    "text": (
        "text", "content", "message", "msg", "reply", "answer", "body", "内容", "消息内容", "聊天内容", "消息", "话术",
        "话术内容", "回复", "回复内容", "答案", "文本", "正文", "utterance", "message_content", "msg_content", "聊天文本",
        "发言内容", "对话内容", "消息正文", "消息文本",
    ),
    # who speaks, by name alone: a nickname tells a role only with the rules of `role_of_sender`
    "sender": (
        "sender", "sender_name", "sender_nick", "from_name", "from_nick", "发送者", "发送人", "发言人", "发送者昵称",
        "发送人昵称", "发言人昵称", "昵称",
    ),
    "receiver": ("receiver", "receiver_name", "to_name", "to_nick", "接收者", "接收人", "接收方"),
    "role": (
        "role", "sender_role", "sender_type", "from", "角色", "发送方", "发送人类型", "消息来源", "身份", "direction",
        "message_direction", "消息方向", "方向", "发送者类型", "发送者角色", "发送人角色", "发送方类型", "发送方角色", "发言角色", "说话人角色",
    ),
    "session": (
        "session", "session_id", "conversation", "conversation_id", "chat_id", "会话", "会话id", "会话编号", "会话号", "会话标识",
        "dialog_id", "dialogue_id", "thread_id", "对话id", "对话编号", "咨询id",
    ),
    "time": (
        "time", "timestamp", "datetime", "sent_at", "created_at", "时间", "发送时间", "消息时间", "聊天时间", "发言时间", "创建时间",
        "消息发送时间", "send_time", "sent_time", "create_time", "created_time", "message_time", "msg_time",
    ),
    "date": ("date", "day", "日期", "发送日期", "消息日期", "聊天日期", "会话日期"),  # beside a time that has no day
    "agent": ("agent", "agent_id", "staff", "operator", "客服", "客服账号", "客服昵称", "接待客服", "子账号"),
    "buyer": ("buyer", "buyer_nick", "customer", "买家", "买家昵称", "顾客", "顾客昵称", "用户昵称", "用户id"),
    "shop": ("shop", "shop_id", "store", "seller", "店铺", "店铺名称", "店铺id", "商家"),
    "platform": ("platform", "channel_name", "平台", "渠道"),
    "channel": ("channel", "field"),
    "id": ("id", "message_id", "msg_id", "编号", "消息id"),
    "turn": ("turn", "seq", "index", "序号"),
    "question": ("question", "ask", "买家问题", "用户问题", "问题"),  # what a buyer asked, beside the answer in one row
    "context": ("context",),
}  # fmt: skip
# What the columns of listing tables are called. A table with a title and one of the others is one of listings.
LISTING_COLUMNS: dict[str, tuple[str, ...]] = {
    "title": ("title", "name", "标题", "商品标题", "商品名称", "宝贝标题", "宝贝名称", "名称"),
    "detail": ("detail", "description", "desc", "html", "详情", "商品详情", "描述", "宝贝描述", "商品描述", "图文详情"),
    "subtitle": ("subtitle", "sub_title", "副标题", "商品副标题", "宝贝副标题", "短标题", "商品短标题", "导购标题"),
    "selling_point": (
        "selling_point",
        "selling_points",
        "sell_point",
        "卖点",
        "商品卖点",
        "宝贝卖点",
        "卖点描述",
        "推荐语",
        "推荐理由",
    ),
    "brief": (
        "brief",
        "intro",
        "introduction",
        "goods_intro",
        "简介",
        "商品简介",
        "摘要",
        "summary",
        "一句话介绍",
        "short_description",
    ),
    "promotion": (
        "promotion",
        "promotion_title",
        "promo",
        "slogan",
        "促销语",
        "促销信息",
        "促销文案",
        "广告语",
        "活动文案",
        "宣传语",
    ),
    "category": ("category", "类目", "分类", "商品类目", "宝贝类目"),
    "brand": ("brand", "品牌", "品牌名称"),
    "price": ("price", "价格", "售价", "一口价", "销售价", "单价", "retail_price", "sale_price", "selling_price"),
    "freight": ("freight", "postage", "shipping_fee", "运费", "邮费", "快递费"),
    "free_shipping": ("free_shipping", "包邮", "是否包邮", "免运费"),
    "regions": ("regions", "包邮地区", "配送地区", "地区", "销售区域"),
    "id": ("id", "item_id", "sku", "编号", "商品id", "宝贝id", "商品编码"),
    "shop": ("shop", "shop_id", "store", "店铺", "店铺名称"),
    "platform": ("platform", "平台"),
}
# What holds no text to judge where its name says so: the columns of logs, and what documents call such things.
NOT_TEXT = frozenset(
    name for kind, names in COLUMNS.items() if kind not in ("text", "question", "context") for name in names
) | {"url", "link", "image", "type", "lang", "tags", "title", "key", "name", "category", "分类", "标签", "快捷短语编码"}  # fmt: skip
ROLE_NAMES = {
    "agent": (
        "agent", "seller", "service", "kefu", "staff", "shop", "bot", "robot", "assistant", "merchant", "客服", "商家", "卖家",
        "店小二", "机器人", "人工客服", "掌柜", "商家客服", "坐席", "座席", "人工坐席", "人工座席", "人工", "卖方", "商户", "店家", "店主", "店员",
        "店铺", "导购", "售前客服", "售后客服", "智能客服", "智能助手", "客服人员", "接待人员", "我方", "outgoing", "outbound", "sent", "operator",
        "waiter", "support", "gpt", "model", "ai", "商家发送", "客服发送", "卖家发送", "坐席发送", "发出", "已发送",
    ),
    "buyer": (
        "buyer", "customer", "user", "client", "guest", "consumer", "买家", "顾客", "客户", "消费者", "用户", "客人", "访客", "买方",
        "会员", "游客", "粉丝", "咨询者", "incoming", "inbound", "received", "visitor", "contact", "human", "enduser", "end_user",
        "shopper", "买家发送", "用户发送", "客户发送", "顾客发送", "访客发送", "收到", "已接收",
    ),
    "system": ("system", "platform", "notice", "系统", "平台", "系统消息", "通知", "系统提示", "tool", "function", "developer", "event"),
}  # fmt: skip
# Columns of yes and no that say who speaks, their names without signs between: the first for agents, the second for buyers.
_SAYS_YES = (
    re.compile(
        r"(?:是否为?|是不是|is|from|isfrom|by|sentby)(?:客服|坐席|座席|商家|卖家|员工|店铺|我方|本店|机器人|agent|staff|seller|kefu|service|merchant|me|self|bot|operator|outgoing|send|sent)(?:发送|发出|发言|消息|回复)?的?"
    ),
    re.compile(
        r"(?:是否为?|是不是|is|from|isfrom|by|sentby)(?:买家|客户|顾客|用户|访客|消费者|buyer|customer|user|visitor|client|incoming|received)(?:发送|发出|发言|消息|提问)?的?"
    ),
)
_YES = frozenset(("是", "1", "true", "yes", "y", "t", "√", "✓", "对"))
_NO = frozenset(("否", "0", "false", "no", "n", "f", "×", "✗", "不是", ""))
PLATFORM_NAMES = {
    "天猫": "tmall", "淘宝": "taobao", "拼多多": "pinduoduo", "pdd": "pinduoduo", "抖音": "douyin", "抖店": "douyin",
    "快手": "kuaishou", "京东": "jd", "jingdong": "jd",
}  # fmt: skip
ROLES = {name: role for role, names in ROLE_NAMES.items() for name in names}
_SHOP_NICKS = (
    "客服",
    "旗舰店",
    "专卖店",
    "专营店",
    "自营",
    "小店",
    "店铺",
    "机器人",
    "小蜜",
)  # what only a shop's own accounts are called


@dataclass(frozen=True, slots=True)
class Profile:
    """The export of one workbench. `needs` are columns that tell it apart; `roles` what its role column says."""

    name: str
    title: str
    needs: tuple[str, ...]
    columns: Mapping[str, tuple[str, ...]]
    platform: str | None = None
    roles: Mapping[str, str] = field(default_factory=dict)


# The first profile whose `needs` a table has is taken, so the telling ones stand first.
PROFILES = (
    Profile(
        "dongdong", "京东咚咚", ("waiter", "customer", "content"),
        {"text": ("content",), "role": ("waiterSend", "waiter_send"), "agent": ("waiter",), "buyer": ("customer",),
         "session": ("sid",), "time": ("time", "created")},
        "jd", {"true": "agent", "1": "agent", "false": "buyer", "0": "buyer"},
    ),
    Profile(
        "dongdong-table", "京东咚咚（表格）", ("咚咚客服", "消息内容"),
        {"text": ("消息内容",), "sender": ("发送人", "发送方"), "agent": ("咚咚客服",), "buyer": ("顾客", "顾客账号", "客户账号"),
         "session": ("会话ID", "会话编号"), "time": ("发送时间", "消息时间")},
        "jd",
    ),
    Profile(
        "feige", "抖店飞鸽", ("用户昵称", "客服昵称", "消息内容"),
        {"text": ("消息内容",), "role": ("发送人角色", "发送方角色"), "sender": ("发送人", "发送方"), "agent": ("客服昵称",),
         "buyer": ("用户昵称", "用户ID"), "session": ("会话ID",), "time": ("发送时间", "消息时间"), "shop": ("店铺名称",)},
        "douyin",
    ),
    Profile(
        "kuaishou", "快手小店客服", ("用户ID", "客服名称", "消息内容"),
        {"text": ("消息内容",), "role": ("发送者类型", "消息发送方"), "sender": ("发送者",), "agent": ("客服名称",),
         "buyer": ("用户ID", "用户昵称"), "session": ("会话ID",), "time": ("消息时间", "发送时间"), "shop": ("店铺名称",)},
        "kuaishou",
    ),
    Profile(
        "pinduoduo", "拼多多商家后台", ("客服账号", "买家昵称", "消息内容"),
        {"text": ("消息内容",), "role": ("发送方", "消息方向"), "agent": ("客服账号",), "buyer": ("买家昵称", "买家ID"),
         "session": ("会话ID", "会话编号"), "time": ("发送时间", "消息时间"), "shop": ("店铺名称",)},
        "pinduoduo", {"商家发送": "agent", "买家发送": "buyer", "用户发送": "buyer"},
    ),
    Profile(
        "qianniu", "千牛（淘宝、天猫）", ("发送者", "接收者", "消息内容"),
        {"text": ("消息内容",), "sender": ("发送者",), "receiver": ("接收者",), "time": ("发送时间", "消息时间"),
         "shop": ("店铺名称",)},
        "taobao",
    ),
    Profile(
        "qianniu-peer", "千牛（客服与买家各一列）", ("客服昵称", "买家昵称", "消息内容"),
        {"text": ("消息内容",), "sender": ("发送者", "发送人"), "role": ("消息方向", "方向"), "agent": ("客服昵称",),
         "buyer": ("买家昵称",), "session": ("会话ID",), "time": ("发送时间", "消息时间"), "shop": ("店铺名称",)},
        "taobao", {"发送": "agent", "接收": "buyer", "0": "agent", "1": "buyer"},
    ),
    Profile(
        "bot", "机器人问答记录", ("买家问题", "机器人回复"),
        {"text": ("机器人回复",), "question": ("买家问题",), "session": ("会话ID", "会话编号"), "time": ("时间", "回复时间"),
         "agent": ("机器人名称", "机器人"), "shop": ("店铺", "店铺名称"), "buyer": ("买家昵称",)},
    ),
)  # fmt: skip


def profile_named(name: str) -> Profile:
    """Return a profile by its name; raise KefulintError for an unknown one."""
    for profile in PROFILES:
        if profile.name == name:
            return profile
    raise KefulintError(f"unknown profile '{name}', expected one of {', '.join(p.name for p in PROFILES)}")


def profile_of(names: Iterable[str]) -> Profile | None:
    """Return the profile whose telling columns are all there, or None."""
    here = {plain(name) for name in names}
    return next((p for p in PROFILES if all(plain(need) in here for need in p.needs)), None)


def columns_of(names: Iterable[str], given: Mapping[str, str], profile: Profile | None = None) -> dict[str, str]:
    """Find which column holds which field: by the names given, by the profile's, then by the known ones.

    A profile says all there is to say about who speaks: where it has a column for the sender, no other is taken for a role.
    """
    names = list(names)
    by_name = _by_name(names)
    own = profile.columns if profile else {}
    found: dict[str, str] = {}
    for kind, known in COLUMNS.items():
        if kind in given:
            wanted: tuple[str, ...] = (given[kind],)
        elif kind in own or (profile and kind in ("role", "sender")):
            wanted = own.get(kind, ())
        else:
            wanted = known
        here = next((by_name[plain(name)] for name in wanted if plain(name) in by_name), None)
        if here is not None:
            found[kind] = here
    if "role" not in found and not profile and "role" not in given:
        told = next((name for name in names if _SAYS_YES[0].fullmatch(plain(name))), None)
        told = told or next((name for name in names if _SAYS_YES[1].fullmatch(plain(name))), None)
        if told is not None:
            found["role"] = told
    if "date" in found and "time" not in found:
        found["time"] = found.pop("date")
    return found


@lru_cache(maxsize=4096)
def plain(name: str) -> str:
    """Return a column's name as names are compared: sessionId, Session ID and session_id are one."""
    return re.sub(r"[\s_\-]", "", str(name)).lower()


def _by_name(names: Iterable[str]) -> dict[str, str]:
    found: dict[str, str] = {}
    for name in names:
        found.setdefault(plain(name), name)
    return found


def says_yes_or_no(name: str) -> bool:
    """Does a column say of every row whether it is one side's?"""
    return any(pattern.fullmatch(plain(name)) for pattern in _SAYS_YES)


def role_of(value: str, column: str, own: Mapping[str, str]) -> str:
    """Return the role that a cell of a role column says, '' for an unknown one. `own` are names with their roles."""
    name = value.strip().lower()
    if name in own:
        return own[name]
    for yes, no, pattern in (("agent", "buyer", _SAYS_YES[0]), ("buyer", "agent", _SAYS_YES[1])):
        if pattern.fullmatch(plain(column)) and name in _YES | _NO:
            return yes if name in _YES else no
    return ROLES.get(name, "") if name else "agent"


def role_column_by_values(names: Iterable[str], rows: Sequence[Mapping[str, Any]]) -> str | None:
    """Return the column in whose cells, of those rows, nothing but roles stands, agents' and buyers' among them."""
    for name in names:
        values = {str(row[name]).strip().lower() for row in rows if row.get(name) not in (None, "")}
        if {"agent", "buyer"} <= {ROLES.get(value, "") for value in values} <= {"agent", "buyer", "system"}:
            return name
    return None


def listing_columns(names: Iterable[str], given: Mapping[str, str]) -> dict[str, str]:
    """Find which column holds which field of a listing, or {} where the columns are not those of listings."""
    by_name = _by_name(names)
    found: dict[str, str] = {}
    for kind, known in LISTING_COLUMNS.items():
        wanted = (given[kind],) if kind in given else known
        here = [by_name[plain(name)] for name in wanted if plain(name) in by_name]
        if here:
            found[kind] = here[0]
    telling = found.keys() & {"detail", "price", "freight", "category", "free_shipping", *LISTING_FIELDS} - {"title"}
    return found if "title" in found and telling else {}


@lru_cache(maxsize=4096)
def role_of_sender(sender: str, agent: str, buyer: str, shop: str) -> str:
    """Tell who speaks by the name alone: `shop:sub-account` and a shop's own names are agents, the rest are buyers."""
    known = ROLES.get(sender.lower())
    if known:
        return known
    if buyer and sender == buyer:
        return "buyer"
    ours = sender == agent or ":" in sender or "：" in sender or (shop and sender.startswith(shop))
    return "agent" if sender and (ours or any(word in sender for word in _SHOP_NICKS)) else "buyer"


def platform_named(value: Any) -> str | None:
    """Return the platform a cell names, or None."""
    name = str(value or "").strip().lower()
    return name if name in PLATFORMS else PLATFORM_NAMES.get(name)


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


def parse_roles(given: Iterable[str]) -> dict[str, str]:
    """Read options like `小美=agent`; raise KefulintError for a role that is none."""
    found = {}
    for pair in given:
        name, sign, role = pair.rpartition("=")
        if not sign or role not in ROLE_NAMES:
            raise KefulintError(f"role '{pair}', expected NAME=ROLE with a ROLE of {', '.join(ROLE_NAMES)}")
        found[name.strip().lower()] = role
    return found
