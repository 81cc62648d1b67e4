"""A record that holds a whole conversation in, a record a turn out: `{"messages": [{"role": …, "content": …}]}`.

It is how chat interfaces, bots and training sets keep what was said. A turn keeps its own keys and gets what the record
says of all of them: whose conversation it is, which shop, which platform; never a time, for then nobody would have waited.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any, NamedTuple

from linter.columns import columns_of, plain

_LISTS = frozenset((
    "messages", "conversation", "conversations", "dialog", "dialogs", "dialogue", "dialogues", "turns", "history", "chat", "chats",
    "msgs", "messagelist", "对话", "对话内容", "聊天记录", "消息列表", "消息记录", "会话内容",
))  # fmt: skip
_OF_ALL = ("session", "agent", "buyer", "shop", "platform")
_TEXT = ("text", "value", "content")  # of turns, and of the parts that a turn's content may consist of
Path = tuple[str | int, ...]


class Said(NamedTuple):
    """One turn as a record of its own, and where in the record its text stands."""

    record: dict[str, Any]
    path: Path


def list_in(record: Mapping[str, Any]) -> str | None:
    """Return the key under which a record holds its turns; None where it is one message itself."""
    if "text" in columns_of([name for name, value in record.items() if isinstance(value, str)], {}):
        return None
    return next((name for name, value in record.items() if plain(name) in _LISTS and _are_turns(value)), None)


def _are_turns(value: Any) -> bool:
    if not isinstance(value, list) or not value or not all(isinstance(turn, dict) for turn in value):
        return False
    first: dict[str, Any] = value[0]
    return _text_key(first) is not None and bool(
        columns_of(first, {}).keys() & {"role", "sender"} or "speaker" in first
    )


def _text_key(turn: Mapping[str, Any]) -> str | None:
    found = columns_of(turn, {}).get("text")
    return found or next((name for name in _TEXT if name in turn), None)


def turns(record: Mapping[str, Any], name: str, number: int) -> Iterator[Said]:
    """Yield the turns of the nth record, whose list stands under `name`."""
    whole = columns_of([key for key, value in record.items() if key != name and not isinstance(value, dict | list)], {})
    of_all = {kind: record[whole[kind]] for kind in _OF_ALL if kind in whole}
    if of_all.get("session") in (None, ""):
        of_all["session"] = record[whole["id"]] if whole.get("id") else f"#{number}"
    for at, turn in enumerate(record[name]):
        key = _text_key(turn)
        said = {**of_all, **{"role" if k == "speaker" else k: v for k, v in turn.items() if k != key}, "turn": at}
        for path, text in _texts(turn.get(key or "text")):
            yield Said({**said, "text": text}, (name, at, key or "text", *path))


def _texts(content: Any) -> Iterator[tuple[Path, Any]]:
    """Yield the texts of a turn: one, or those among its parts; what is no text (a call of a tool) is none of its words."""
    if not isinstance(content, list):
        if content is not None:
            yield (), content
        return
    for at, part in enumerate(content):
        if isinstance(part, str):
            yield (at,), part
        elif isinstance(part, dict) and isinstance(part.get("text"), str):
            yield (at, "text"), part["text"]
