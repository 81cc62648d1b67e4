"""The server as its clients meet it: a process of its own, HTTP and WebSocket, load, kills, and hostile input."""

from __future__ import annotations

import asyncio
import contextlib
import json
import logging
import os
import signal
import socket
import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import httpx
import jsonschema
import psutil
import pytest
from click.testing import CliRunner
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from openapi_spec_validator import validate
from websockets.exceptions import ConnectionClosed, InvalidStatus
from websockets.sync.client import connect

from linter import Linter, Message, Turn
from linter.answer import answer, considered
from linter.cli import main
from linter.lexicon import load_lexicon
from linter.model import PLATFORMS, KefulintError
from linter.server.access import Door, new_token, read_tokens
from linter.server.errors import log_place
from linter.store import Store, Wanted, queries
from tests.serving import Served, drop_database, new_database, postgres, served

__all__ = ["postgres"]
LEXICON = load_lexicon()
SECRET = "加我微信秘密暗号zz98765"
RULE = """\
title: 试验
verdict: error
status: stable
since: 0.1.0
why: 因为
message: 「{text}」
find: [%s]
violates: ["[[%s]]", "[[%s]]啊", "好[[%s]]", "[[%s]]了"]
passes: [别的, 您好, 在的, 谢谢]
"""


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    """A server without tokens, shared by the tests that change nothing of it."""
    with served(tmp_path_factory.mktemp("server"), "-p", "tmall") as made:
        yield made


@pytest.fixture(scope="module")
def http(server: Served) -> Iterator[httpx.Client]:
    with httpx.Client(base_url=server.url, timeout=30) as client:
        yield client


def live(url: str) -> str:
    return url.replace("http", "ws", 1) + "/v1/live"


# --- what is said ----------------------------------------------------------------------------------------------------

ASKS: list[dict[str, Any]] = [
    {"text": "您好，今天下午发货"},
    {"text": "加我微信，特价不开票的哦", "platforms": ["pinduoduo", "tmall"]},
    {"text": "这个没有呢", "context": [{"role": "buyer", "text": "能开发票吗"}], "platforms": ["tmall"]},
    {"text": "全网最低价 正品", "channel": "listing.title", "platforms": list(PLATFORMS)},
    {"text": ""},
    {"text": "百分百不掉色"},
    {"text": "加我V❤：abc12345\U0001f600", "agent": "小王", "shop": "店", "session": "s1"},
]


@pytest.mark.parametrize("ask", ASKS, ids=[ask["text"][:6] or "empty" for ask in ASKS])
def test_the_answer_is_the_librarys(http: httpx.Client, ask: dict[str, Any]) -> None:
    platforms = sorted(ask.get("platforms", ["tmall"]), key=PLATFORMS.index)
    linter = Linter(platforms, lexicon=LEXICON)
    context = [Turn(turn["role"], turn["text"]) for turn in ask.get("context", ())]
    message = Message(ask["text"], ask.get("channel", "chat"), context)
    findings, better = considered(linter, message)
    expected = answer(findings, ask["text"], linter.version, rewritten=better)
    reply = http.post("/v1/check", json=ask)
    assert reply.status_code == 200
    said = reply.json()
    assert {p: v["verdict"] for p, v in said.pop("platforms").items()} == {
        p: answer(Linter(p, lexicon=LEXICON).check(ask["text"], ask.get("channel", "chat"), context), "", "")["verdict"]
        for p in platforms
    }
    assert said == expected


def test_html_in_what_was_said_before_is_read_as_text(http: httpx.Client) -> None:
    ask = {
        "text": "开不了的呢",
        "platforms": ["tmall"],
        "context": [{"role": "buyer", "text": "能开<b>发票</b>吗&nbsp;"}],
    }
    reply = http.post("/v1/check", json=ask)
    assert reply.status_code == 200 and "invoice-refused" in reply.text


def test_a_batch_answers_in_order(http: httpx.Client) -> None:
    said = http.post("/v1/check/batch", json={"messages": ASKS}).json()["answers"]
    assert said == [http.post("/v1/check", json=ask).json() for ask in ASKS]


def test_rules_and_meta(http: httpx.Client) -> None:
    listed = http.get("/v1/rules").json()["rules"]
    assert "invoice-refused" in [rule["id"] for rule in listed]
    rule = http.get("/v1/rules/invoice-refused").json()
    assert rule["verdicts"]["tmall"] == "error" and any(c["platform"] == "tmall" for c in rule["clauses"])
    assert http.get("/v1/rules/nope").status_code == 404
    meta = http.get("/v1/meta").json()
    assert [p["id"] for p in meta["platforms"]] == list(PLATFORMS)
    assert (meta["tokens"], meta["default_platforms"], meta["lexicon"]) == (False, ["tmall"], rule["lexicon"])


def test_the_description_is_valid_and_kept(http: httpx.Client) -> None:
    described = http.get("/openapi.json").json()
    validate(described)
    calls = [
        ("/v1/check", "post", http.post("/v1/check", json=ASKS[1])),
        ("/v1/check", "post", http.post("/v1/check", json={})),
        ("/v1/check/batch", "post", http.post("/v1/check/batch", json={"messages": ASKS[:2]})),
        ("/v1/rules", "get", http.get("/v1/rules")),
        ("/v1/rules/{id}", "get", http.get("/v1/rules/overpromise")),
        ("/v1/rules/{id}", "get", http.get("/v1/rules/nope")),
        ("/v1/meta", "get", http.get("/v1/meta")),
        ("/healthz", "get", http.get("/healthz")),
        ("/readyz", "get", http.get("/readyz")),
        ("/v1/decisions", "post", http.post("/v1/decisions", json=ASKS[1] | {"decision": "withheld"})),
        ("/v1/decisions", "get", http.get("/v1/decisions", params={"limit": 1})),
        ("/v1/decisions", "get", http.get("/v1/decisions", params={"limit": "many"})),
        ("/v1/findings/{id}/reviews", "post", http.post("/v1/findings/1/reviews", json={"review": "appealed"})),
        ("/v1/findings/{id}/reviews", "post", http.post("/v1/findings/x/reviews", json={"review": "appealed"})),
        ("/v1/reviews/precision", "get", http.get("/v1/reviews/precision")),
        ("/v1/reviews/proposals", "get", http.get("/v1/reviews/proposals")),
        ("/v1/stats", "get", http.get("/v1/stats", params={"by": "rule"})),
        ("/v1/reload", "post", http.post("/v1/reload")),
    ]
    for path, method, reply in calls:
        answers = described["paths"][path][method]["responses"]
        assert str(reply.status_code) in answers, (path, reply.text)
        schema = answers[str(reply.status_code)]["content"]["application/json"]["schema"]
        jsonschema.validate(reply.json(), schema | {"components": described["components"]})
    page = http.get("/docs")
    assert page.status_code == 200 and "/v1/check" in page.text
    assert "<script" not in page.text and "https://" not in page.text


def test_metrics_count_and_name_nobody(http: httpx.Client) -> None:
    http.post("/v1/check", json=ASKS[1] | {"agent": "无名氏"})
    text = http.get("/metrics").text
    assert 'kefulint_requests_total{path="/v1/check",status="200"}' in text
    assert 'kefulint_answers_total{decision="block"}' in text and "kefulint_engine_seconds_total" in text
    assert 'kefulint_findings_total{rule="invoice-refused",verdict="error"}' in text
    assert "无名氏" not in text and "微信" not in text


# --- what is refused -------------------------------------------------------------------------------------------------

REFUSED = [
    ("no JSON", b"text", 422), ("no object", b"[]", 422), ("nothing", b"", 422), ("no text", b"{}", 422),
    ("wrong kind", b'{"text": 1}', 422), ("unknown field", b'{"text": "x", "platform": "tmall"}', 422),
    ("unknown platform", b'{"text": "x", "platforms": ["ebay"]}', 422), ("unknown role", b'{"text":"x","context":[{"role":"bot","text":""}]}', 422),
    ("not UTF-8", b'{"text": "\xff"}', 422), ("broken escape", b'{"text": "\\ud8"}', 422), ("cut off", b'{"text": "\\ud800', 422),
    ("deep", b"[" * 50_000, 422), ("deep in a pair", b'{"text": "\\ud800", "x": ' + b"[" * 50_000, 422),
    ("too long", json.dumps({"text": "长" * 100_001}).encode(), 422),
    ("too many turns", json.dumps({"text": "", "context": [{"role": "buyer", "text": ""}] * 51}).encode(), 422),
    ("too large", b'{"text": "' + b"x" * 1_048_576 + b'"}', 413), ("far too large", b"x" * 10_000_000, 413),
]  # fmt: skip


@pytest.mark.parametrize(("body", "status"), [r[1:] for r in REFUSED], ids=[r[0] for r in REFUSED])
def test_a_body_that_does_not_fit_is_refused(http: httpx.Client, body: bytes, status: int) -> None:
    for content in (body, iter([body[:7], body[7:]])):  # with its length announced, and in chunks
        reply = http.post("/v1/check", content=content)
        assert reply.status_code == status
        assert reply.json()["error"]["message"]


@pytest.mark.parametrize(
    ("method", "path", "status"),
    [
        ("GET", "/v1/check", 405), ("GET", "/v1/nope", 404), ("DELETE", "/v1/rules", 405), ("GET", "/static/nope.js", 404),
        ("POST", "/static/app.js", 405), ("GET", "/static/", 404), ("GET", "/static/%00", 404), ("GET", "/static/..%2fapi.py", 404),
        ("GET", "/static/" + "x" * 5_000, 404),
    ],
)  # fmt: skip
def test_other_paths_and_methods(http: httpx.Client, server: Served, method: str, path: str, status: int) -> None:
    reply = http.request(method, path)
    assert reply.status_code == status and reply.json()["error"]["code"]
    assert reply.headers["x-content-type-options"] == "nosniff" and "Traceback" not in server.log()


@pytest.mark.parametrize(
    "path", ["/", "/static/app.js", "/v1/meta", "/v1/rules", "/healthz", "/metrics", "/docs", "/openapi.json", "/no"]
)
def test_nothing_is_taken_for_what_it_is_not(http: httpx.Client, path: str) -> None:
    assert http.get(path).headers["x-content-type-options"] == "nosniff"


def test_a_socket_is_for_checks_alone(server: Served) -> None:
    with pytest.raises(InvalidStatus), connect(live(server.url).replace("/v1/live", "/static/app.js")):
        pass
    assert "Traceback" not in server.log()


HOSTILE = [
    ("markup", "<script>alert(1)</script>加我微信<img src=x onerror=alert(1)>", "block"),
    ("bidi", "\u202e加我微信\u2066", "block"),
    ("half a pair", "加我微信\ud800", "block"),
    ("the other half", "\udc00加我微信", "block"),
    ("NUL", "加我\0微信", "block"),
    ("zero width", "加\u200b我\u200b微\u200b信", "block"),
    ("100,000 characters", "亲，今天下午发货，" * 11_000 + "加我微信", "block"),
    ("100,000 of one", "v" * 100_000, "send"),
    ("combining", "e\u0301" * 40_000, "send"),
]


@pytest.mark.parametrize(("text", "decision"), [r[1:] for r in HOSTILE], ids=[r[0] for r in HOSTILE])
def test_hostile_text_is_judged(http: httpx.Client, text: str, decision: str) -> None:
    reply = http.post("/v1/check", content=json.dumps({"text": text}).encode())
    assert reply.status_code == 200
    said = reply.json()
    assert said["decision"] == decision
    shown = "".join("\ufffd" if "\ud800" <= char <= "\udfff" else char for char in text)
    assert all(f["text"] == shown[f["start"] : f["end"]] for f in said["findings"])


_ANY = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
    max_leaves=6,
)
_TEXTS = st.text(st.characters(), max_size=60) | st.sampled_from(["加我微信", "特价不开票", "\ud83d", "ab\0"])
_NEARLY = st.fixed_dictionaries(
    {"text": _TEXTS},
    optional={
        "channel": st.sampled_from(["chat", "listing.title", "listing.detail", "x"]),
        "platforms": st.lists(st.sampled_from([*PLATFORMS, "x"]), max_size=7) | _ANY,
        "context": st.lists(
            st.fixed_dictionaries({"role": st.sampled_from(["buyer", "agent"]), "text": _TEXTS}), max_size=4
        )
        | _ANY,
        "agent": _TEXTS | _ANY,
        "decision": _ANY,
    },
)


@settings(
    max_examples=100, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow]
)
@given(body=_NEARLY | _ANY)
def test_no_body_is_an_error_of_the_server(http: httpx.Client, body: Any) -> None:
    reply = http.post("/v1/check", content=json.dumps(body).encode())
    assert reply.status_code in (200, 422), reply.text


OUTSIDERS = [
    ("a page elsewhere", {"Origin": "http://evil.example"}, 403),
    ("a file", {"Origin": "null"}, 403),
    ("a name that points here", {"Host": "evil.example"}, 403),
    ("a broken name", {"Host": "[::"}, 403),
    ("through a proxy", {"X-Forwarded-For": "203.0.113.9"}, 403),
    ("through another", {"Forwarded": "for=203.0.113.9"}, 403),
    ("through one that says little", {"Via": "1.1 proxy"}, 403),
    ("through one that says less", {"X-Real-IP": "127.0.0.1"}, 403),
    ("through one with TLS", {"X-Forwarded-Proto": "https"}, 403),
    ("itself", {"Origin": "http://localhost:1", "Host": "localhost:1"}, 200),
    ("IPv6", {"Host": "[::1]:8717"}, 200),
]


@pytest.mark.parametrize(("headers", "status"), [r[1:] for r in OUTSIDERS], ids=[r[0] for r in OUTSIDERS])
def test_without_tokens_only_this_machine_is_served(http: httpx.Client, headers: dict[str, str], status: int) -> None:
    assert http.post("/v1/check", json={"text": "x"}, headers=headers).status_code == status


def test_without_tokens_no_other_address_is_bound() -> None:
    result = CliRunner().invoke(main, ["serve", "--host", "0.0.0.0", "--port", "0"])
    assert result.exit_code == 2 and "expected --tokens FILE or a loopback address" in result.output


def test_a_foreign_page_gets_no_socket(server: Served) -> None:
    with pytest.raises(InvalidStatus) as refused, connect(live(server.url), origin="http://evil.example"):  # type: ignore[arg-type]
        pass
    assert refused.value.response.status_code == 403


# --- as it is typed --------------------------------------------------------------------------------------------------


def test_the_newest_text_wins(server: Served) -> None:
    with connect(live(server.url)) as socket:
        for number in range(200):
            socket.send(json.dumps({"seq": number, "text": "加我微信" + "啊" * number}))
        seen = []
        while not seen or seen[-1]["seq"] != 199:
            seen.append(json.loads(socket.recv(10)))
    numbers = [one["seq"] for one in seen]
    assert numbers == sorted(numbers) and all(one["decision"] == "block" for one in seen)


def test_the_socket_says_what_is_wrong_and_goes_on(server: Served, http: httpx.Client) -> None:
    with connect(live(server.url)) as socket:
        for wrong in ('{"seq": 1}', "nonsense", '{"seq": 3, "text": "x", "platforms": ["ebay"]}'):
            socket.send(wrong)
            assert json.loads(socket.recv(10))["error"]["code"] == "invalid"
        socket.send(json.dumps({"seq": 4, **ASKS[2]}))
        assert json.loads(socket.recv(10)) == {"seq": 4, **http.post("/v1/check", json=ASKS[2]).json()}
        for wrong in ('{"seq":' + "[" * 50_000, '{"seq": NaN}', "[1]", '{"seq": 5, "text": ' + "[" * 50_000):
            socket.send(wrong)
            assert json.loads(socket.recv(10))["error"]["code"] == "invalid"
        socket.send("x" * 1_100_000)
        with pytest.raises(ConnectionClosed):
            socket.recv(10)


# --- before a word is said -------------------------------------------------------------------------------------------


def dialled(url: str, data: bytes = b"") -> socket.socket:
    """Return a connection over which some bytes went."""
    host, port = url.removeprefix("http://").split(":")
    made = socket.create_connection((host, int(port)), timeout=30)
    made.sendall(data)
    return made


def is_over(one: socket.socket) -> bool:
    """Does the server end the connection?"""
    with contextlib.suppress(ConnectionError):
        while one.recv(4_096):
            pass
    return True


HEADS = [
    ("many lines", b"".join(b"X%d: %s\r\n" % (n, b"a" * 1_000) for n in range(2_000))), ("one line", b"X: " + b"a" * 2_000_000),
    ("a name", b"a" * 2_000_000), ("an address", b""),
]  # fmt: skip


@pytest.mark.parametrize("head", [head for _, head in HEADS], ids=[name for name, _ in HEADS])
def test_a_head_has_a_bound(server: Served, head: bytes) -> None:
    began = b"GET /healthz HTTP/1.1\r\nHost: localhost\r\n" + head if head else b"GET /" + b"a" * 2_000_000
    with contextlib.suppress(ConnectionError), dialled(server.url) as one:
        one.sendall(began)
        assert is_over(one)
    before = psutil.Process(server.process.pid).memory_info().rss
    assert httpx.get(server.url + "/healthz", headers={"X": "a" * 60_000}).status_code == 200
    assert psutil.Process(server.process.pid).memory_info().rss < before + 20_000_000


def test_a_head_that_never_ends_is_not_waited_for(server: Served) -> None:
    heads = [b"", b"GET /hea", b"GET /healthz HTTP/1.1\r\nHost: localhost\r\nX: "]
    began = time.monotonic()
    with contextlib.ExitStack() as stack:
        slow = [stack.enter_context(dialled(server.url, head)) for head in heads]
        kept = stack.enter_context(httpx.Client(base_url=server.url))
        assert kept.get("/healthz").status_code == 200
        assert all(map(is_over, slow)) and time.monotonic() - began < 20
        assert kept.get("/healthz").status_code == 200


def test_slow_bodies_hold_no_place(tmp_path: Path) -> None:
    head = b"POST /v1/check HTTP/1.1\r\nHost: localhost\r\nContent-Length: 1000\r\n\r\n{"
    with served(tmp_path, "--running", "4") as server, contextlib.ExitStack() as stack:
        for _ in range(40):
            stack.enter_context(dialled(server.url, head))
        time.sleep(0.3)
        assert {httpx.post(server.url + "/v1/check", json={"text": "x"}).status_code for _ in range(5)} == {200}


def test_sockets_without_a_token_shut_nobody_out(guarded: tuple[Served, dict[str, str]]) -> None:
    server, tokens = guarded
    shake = (
        b"GET /v1/live HTTP/1.1\r\nHost: localhost\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
        b"Sec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA==\r\nSec-WebSocket-Version: 13\r\n\r\n"
    )
    with contextlib.ExitStack() as stack:
        strangers = [stack.enter_context(dialled(server.url, shake)) for _ in range(300)]
        with connect(live(server.url)) as one:
            one.send(json.dumps({"token": tokens["agent"]}))
            one.send('{"seq": 1, "text": "加我微信"}')
            assert json.loads(one.recv(10))["decision"] == "block"
        assert is_over(strangers[0])  # the oldest had to go
        text = httpx.get(server.url + "/metrics", headers={"Authorization": f"Bearer {tokens['agent']}"}).text
        assert "kefulint_live_connections 0.0" in text


# --- tokens ----------------------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def guarded(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Served, dict[str, str]]]:
    """A server with a token of each role, one foreign page allowed, few requests a second."""
    folder = tmp_path_factory.mktemp("guarded")
    made = {role: new_token(role, role) for role in ("agent", "supervisor", "admin", "busy")[:3]}
    made["busy"] = new_token("busy", "agent")
    lines = [{"name": line.name, "role": line.role, "sha256": line.sha256} for _, line in made.values()]
    (folder / "tokens.json").write_text(json.dumps(lines), encoding="utf-8")
    options = (
        "--tokens",
        str(folder / "tokens.json"),
        "--cors",
        "https://desk.example",
        "--rate",
        "40",
        "--host",
        "0.0.0.0",
    )
    with served(folder, *options) as server:
        yield server, {role: token for role, (token, _) in made.items()}


ALLOWED = [
    ("POST", "/v1/check", {"text": "x"}, "agent"), ("POST", "/v1/decisions", {"text": "x", "decision": "withheld"}, "agent"),
    ("GET", "/v1/rules", None, "agent"), ("GET", "/metrics", None, "agent"), ("GET", "/v1/decisions", None, "supervisor"),
    ("GET", "/v1/stats", None, "supervisor"), ("GET", "/v1/reviews/precision", None, "supervisor"),
    ("GET", "/v1/reviews/cases.jsonl", None, "supervisor"), ("GET", "/v1/reviews/proposals", None, "supervisor"),
    ("POST", "/v1/reload", None, "admin"), ("GET", "/healthz", None, ""), ("GET", "/readyz", None, ""),
    ("GET", "/v1/meta", None, ""), ("GET", "/docs", None, ""), ("GET", "/openapi.json", None, ""),
]  # fmt: skip


@pytest.mark.parametrize(("method", "path", "body", "least"), ALLOWED, ids=[f"{r[0]} {r[1]}" for r in ALLOWED])
def test_roles(guarded: tuple[Served, dict[str, str]], method: str, path: str, body: Any, least: str) -> None:
    server, tokens = guarded
    ranks = ("", "agent", "supervisor", "admin")
    for role in ranks:
        headers = {"Authorization": f"Bearer {tokens[role]}"} if role else {}
        status = httpx.request(method, server.url + path, json=body, headers=headers, timeout=30).status_code
        expected = (200, 201) if ranks.index(role) >= ranks.index(least) else (403,) if role else (401,)
        assert status in expected, (role, status)


def test_tokens_that_do_not_fit(guarded: tuple[Served, dict[str, str]]) -> None:
    server, tokens = guarded
    for given_ in (
        "Bearer",
        "Bearer nonsense",
        f"Basic {tokens['admin']}",
        f"Bearer {tokens['admin']}x",
        "Bearer \xff",
    ):
        reply = httpx.post(
            server.url + "/v1/check", json={"text": "x"}, headers={"Authorization": given_.encode("latin-1")}
        )  # type: ignore[dict-item]
        assert (reply.status_code, reply.headers["www-authenticate"]) == (401, "Bearer")


def test_an_agent_may_appeal_and_a_supervisor_rules(guarded: tuple[Served, dict[str, str]]) -> None:
    server, tokens = guarded

    def client(role: str) -> httpx.Client:
        return httpx.Client(base_url=server.url, headers={"Authorization": f"Bearer {tokens[role]}"}, timeout=30)

    with client("agent") as agent, client("supervisor") as supervisor:
        body = {"text": "加我微信", "decision": "sent", "reason": "老客户", "client_id": "one"}
        first = agent.post("/v1/decisions", json=body)
        again = agent.post("/v1/decisions", json=body)
        assert (first.status_code, again.status_code, first.json()) == (201, 200, again.json())
        assert agent.post("/v1/decisions", json=body | {"text": "加我QQ"}).status_code == 409
        assert agent.post("/v1/decisions", json={"text": "加我微信", "decision": "sent"}).status_code == 422
        path = f"/v1/findings/{first.json()['findings'][0]}/reviews"
        assert agent.post(path, json={"review": "confirmed"}).status_code == 403
        assert agent.post(path, json={"review": "appealed", "note": "不是"}).status_code == 201
        assert supervisor.post(path, json={"review": "rejected", "note": "好的"}).status_code == 201
        (row,) = supervisor.get("/v1/decisions", params={"status": "rejected"}).json()["decisions"]
        said = row["findings"][0]["reviews"]
        assert [(r["review"], r["reviewer"]) for r in said] == [("appealed", "agent"), ("rejected", "supervisor")]
        assert row["recorded_by"] == "agent"
        case = json.loads(supervisor.get("/v1/reviews/cases.jsonl").text.splitlines()[0])
        assert (case["text"], case["expect"], case["platform"]) == ("加我微信", [], "taobao")


def test_only_pages_on_the_list_may_ask(guarded: tuple[Served, dict[str, str]]) -> None:
    server, tokens = guarded
    asks = {"Access-Control-Request-Method": "POST", "Access-Control-Request-Headers": "authorization,content-type"}
    for origin, status in (("https://desk.example", 200), ("https://evil.example", 400)):
        reply = httpx.options(server.url + "/v1/check", headers={"Origin": origin, **asks})
        assert reply.status_code == status
        assert reply.headers.get("access-control-allow-origin") == (origin if status == 200 else None)
        headers = {"Origin": origin, "Authorization": f"Bearer {tokens['agent']}"}
        reply = httpx.post(server.url + "/v1/check", json={"text": "x"}, headers=headers)
        assert reply.status_code == (200 if status == 200 else 403)


def test_the_socket_asks_for_a_token(guarded: tuple[Served, dict[str, str]]) -> None:
    server, tokens = guarded
    for hello, known in (
        ('{"token": "nonsense"}', False),
        ("{}", False),
        (json.dumps({"token": tokens["agent"]}), True),
    ):
        with connect(live(server.url)) as socket:
            socket.send(hello)
            if known:
                socket.send('{"seq": 1, "text": "加我微信"}')
                assert json.loads(socket.recv(10))["decision"] == "block"
                continue
            with pytest.raises(ConnectionClosed) as closed:
                socket.recv(10)
            assert closed.value.rcvd and closed.value.rcvd.code == 4401


def test_a_busy_caller_is_slowed_and_nobody_else(guarded: tuple[Served, dict[str, str]]) -> None:
    server, tokens = guarded
    with httpx.Client(base_url=server.url) as client:
        headers = {"Authorization": f"Bearer {tokens['busy']}"}
        replies = [client.post("/v1/check", json={"text": "x"}, headers=headers) for _ in range(300)]
        other = client.post("/v1/check", json={"text": "x"}, headers={"Authorization": f"Bearer {tokens['admin']}"})
    slowed = [reply for reply in replies if reply.status_code == 429]
    assert slowed and all(reply.headers["retry-after"] == "1" for reply in slowed)
    assert other.status_code == 200 and replies[0].status_code == 200


BROKEN_TOKENS = [
    ("no list", "name: x", "expected a list of name, role and sha256"), ("empty", "", "no tokens"),
    ("no YAML", "- {", ":1: cannot be read"), ("a token itself", "- {name: a, role: agent, token: x}", "token 1: expected name, role and sha256"),
    ("role", "- {name: a, role: boss, sha256: %s}" % ("0" * 64), "unknown role, expected one of agent, supervisor, admin"),
    ("hash", "- {name: a, role: agent, sha256: abc}", "expected the 64 hex digits"),
    ("twice", "- {name: a, role: agent, sha256: %s}\n" % ("a" * 64) * 2, "two tokens are called 'a'"),
]  # fmt: skip


@pytest.mark.parametrize(("text", "problem"), [r[1:] for r in BROKEN_TOKENS], ids=[r[0] for r in BROKEN_TOKENS])
def test_a_broken_tokens_file_is_explained(tmp_path: Path, text: str, problem: str) -> None:
    (tmp_path / "tokens.yaml").write_text(text, encoding="utf-8")
    with pytest.raises(KefulintError) as caught:
        read_tokens(tmp_path / "tokens.yaml")
    assert problem in str(caught.value)


def test_the_token_command_makes_what_the_server_reads(tmp_path: Path) -> None:
    result = CliRunner().invoke(main, ["serve", "token", "小王", "--role", "supervisor"])
    assert result.exit_code == 0
    token = next(word for word in result.stderr.split() if word.startswith("kefu_"))
    (tmp_path / "tokens.yaml").write_text(result.stdout, encoding="utf-8")
    assert token not in result.stdout
    caller = Door(read_tokens(tmp_path / "tokens.yaml")).known(token)
    assert (caller.name, caller.role) == ("小王", "supervisor")


# --- load ------------------------------------------------------------------------------------------------------------


class Load:
    """Clients that ask without a pause until they are told to stop, each on a connection of its own."""

    def __init__(self, url: str, clients: int, ask: Callable[[httpx.Client, int], httpx.Response]) -> None:
        self.replies: list[httpx.Response] = []
        self.errors: list[Exception] = []
        self._stop = threading.Event()
        self._threads = [threading.Thread(target=self._run, args=(url, number, ask)) for number in range(clients)]

    def _run(self, url: str, number: int, ask: Callable[[httpx.Client, int], httpx.Response]) -> None:
        with httpx.Client(base_url=url, timeout=30) as client:
            count = number * 1_000_000
            while not self._stop.is_set():
                count += 1
                try:
                    reply = ask(client, count)
                except httpx.HTTPError as error:
                    self.errors.append(error)
                    return
                self.replies.append(reply)
                if reply.headers.get("connection") == "close":
                    return  # the server asks its clients to go

    def __enter__(self) -> Load:
        for thread in self._threads:
            thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._stop.set()
        for thread in self._threads:
            thread.join(60)


def check(client: httpx.Client, number: int) -> httpx.Response:
    return client.post("/v1/check", json={"text": f"加我微信{number}"})


def until(is_so: Callable[[], bool], seconds: float = 30) -> None:
    deadline = time.monotonic() + seconds
    while not is_so():
        assert time.monotonic() < deadline, "it did not happen"
        time.sleep(0.05)


def test_a_full_server_says_so_at_once(tmp_path: Path) -> None:
    long = {"text": "加我微信便宜，不开票，" * 1_000}
    with served(tmp_path, "--running", "4", "--waiting", "1", "--timeout", "60") as server:

        async def ask() -> list[tuple[int, float, str]]:
            limits = httpx.Limits(max_connections=40)
            async with httpx.AsyncClient(base_url=server.url, timeout=60, limits=limits) as client:

                async def one() -> tuple[int, float, str]:
                    began = time.monotonic()
                    reply = await client.post("/v1/check", json=long)
                    return reply.status_code, time.monotonic() - began, reply.headers.get("retry-after", "")

                return await asyncio.gather(*(one() for _ in range(24)))

        answers = asyncio.run(ask())
        assert httpx.post(server.url + "/v1/check", json={"text": "x"}).status_code == 200
        text = httpx.get(server.url + "/metrics").text
    judged = [seconds for status, seconds, _ in answers if status == 200]
    refused = [(seconds, after) for status, seconds, after in answers if status == 503]
    assert len(judged) + len(refused) == 24 and 1 <= len(judged) <= 8
    assert {after for _, after in refused} == {"1"}
    assert sorted(seconds for seconds, _ in refused)[len(refused) // 2] < max(judged)
    assert 'kefulint_refused_total{reason="overloaded"}' in text


def test_what_takes_too_long_is_ended(tmp_path: Path) -> None:
    with served(tmp_path, "--timeout", "0.2") as server:
        reply = httpx.post(server.url + "/v1/check", json={"text": "加我微信便宜，不开票，" * 2_500}, timeout=30)
        assert (reply.status_code, reply.headers["retry-after"]) == (503, "1")
        host, port = server.url.removeprefix("http://").split(":")
        with socket.create_connection((host, int(port)), timeout=30) as slow:  # a body that never comes
            slow.sendall(b"POST /v1/check HTTP/1.1\r\nHost: localhost\r\nContent-Length: 100\r\n\r\n{")
            assert slow.recv(99).startswith(b"HTTP/1.1 503 ")
        assert httpx.post(server.url + "/v1/check", json={"text": "x"}, timeout=30).status_code == 200


def test_what_is_dear_to_rewrite_holds_nobody_up(tmp_path: Path) -> None:
    dense = "加我微信便宜10元，五星好评返2元，特价不开票的哦。" * 80
    batch = {"messages": [{"text": dense[:2_000]}] * 150}
    with served(tmp_path, "--timeout", "2") as server, httpx.Client(base_url=server.url, timeout=30) as client:
        with ThreadPoolExecutor(2) as pool:
            batches = list(
                pool.map(lambda _: httpx.post(server.url + "/v1/check/batch", json=batch, timeout=30), range(2))
            )
        assert [reply.status_code for reply in batches] == [503, 503]
        assert client.post("/v1/check", json={"text": "在的亲" * 200}).status_code == 200  # the threads are free again
        with Load(server.url, 4, lambda client, _: client.post("/v1/check", json={"text": dense[:400]})):
            waits = []
            for _ in range(12):
                began = time.monotonic()
                assert client.post("/v1/check", json={"text": "在的亲"}).status_code == 200
                waits.append(time.monotonic() - began)
                time.sleep(0.05)
        assert sorted(waits)[6] < 0.3  # a check of that text takes some 30 ms, rewriting it half a second
        with ThreadPoolExecutor(2) as pool:
            for _ in range(2):
                pool.submit(httpx.post, server.url + "/v1/check/batch", json=batch, timeout=30)
            time.sleep(0.5)
            server.process.send_signal(signal.SIGTERM)
            assert server.process.wait(15) == 0


def test_a_stop_finishes_what_was_accepted(tmp_path: Path) -> None:
    with served(tmp_path) as server:
        with httpx.Client(base_url=server.url) as watcher, Load(server.url, 6, check) as load:
            until(lambda: len(load.replies) > 50)
            server.process.send_signal(signal.SIGTERM)
            until(lambda: watcher.get("/readyz").status_code == 503)
            for thread in load._threads:
                thread.join(30)
        assert server.process.wait(30) == 0
    assert load.errors == []
    assert {reply.status_code for reply in load.replies} == {200}
    assert sum(reply.headers.get("connection") == "close" for reply in load.replies) == 6


def test_lexicons_are_replaced_under_load(tmp_path: Path) -> None:
    shop = tmp_path / "shop" / "rules" / "own"
    shop.mkdir(parents=True)
    rule = shop / "own-rule.yaml"
    rule.write_text(RULE.replace("%s", "蓝鲸计划"), encoding="utf-8")
    with (
        served(tmp_path, "--watch", "-l", str(tmp_path / "shop")) as server,
        httpx.Client(base_url=server.url, timeout=60) as client,
    ):

        def found(text: str) -> bool:
            return client.post("/v1/check", json={"text": text}).json()["decision"] == "block"

        def version() -> str:
            return str(client.get("/v1/meta").json()["lexicon"])

        with Load(server.url, 4, check) as load:
            before = version()
            assert found("蓝鲸计划") and not found("红象计划")
            rule.write_text(RULE.replace("%s", "红象计划"), encoding="utf-8")  # seen by --watch
            until(lambda: version() != before)
            assert found("红象计划") and not found("蓝鲸计划")
            rule.write_text("title: 试验\n", encoding="utf-8")  # broken
            until(lambda: client.get("/readyz").json()["reload"] == "refused")
            refused = client.post("/v1/reload")
            assert refused.status_code == 422
            assert any("own-rule.yaml:1: " in line for line in refused.json()["error"]["problems"])
            assert client.get("/readyz").json()["problems"] == refused.json()["error"]["problems"]
            assert found("红象计划")
            rule.write_text(RULE.replace("%s", "白鹤计划"), encoding="utf-8")
            server.process.send_signal(signal.SIGHUP)
            until(lambda: found("白鹤计划"))
            assert client.post("/v1/reload").json()["lexicon"] == version()
        assert "own-rule.yaml:1: " in server.log()
    assert load.errors == []
    assert {reply.status_code for reply in load.replies} == {200}
    assert len({reply.json()["lexicon"] for reply in load.replies}) >= 3
    for reply in load.replies:  # every answer is of one set, through and through
        assert {f["version"] for f in reply.json()["findings"]} == {reply.json()["lexicon"]}


def decide(client: httpx.Client, number: int) -> httpx.Response:
    what = {"text": f"加我微信{number}", "decision": "withheld", "client_id": str(number), "agent": "小王"}
    return client.post("/v1/decisions", json=what)


@pytest.mark.parametrize("kind", ["sqlite", "postgresql"])
def test_nothing_acknowledged_is_lost(request: pytest.FixtureRequest, tmp_path: Path, kind: str) -> None:
    url = f"sqlite:///{tmp_path / 'd.sqlite'}"
    if kind == "postgresql":
        url = new_database(request.getfixturevalue("postgres"), "killed")
    acknowledged: dict[int, int] = {}
    for _ in range(2):
        with served(tmp_path, database=url) as server:
            with Load(server.url, 8, decide) as load:
                until(lambda load=load: len(load.replies) > 200)  # type: ignore[misc]
                os.kill(server.process.pid, signal.SIGKILL)
                server.process.wait(30)
            assert load.errors  # they were in the middle of it
            assert {reply.status_code for reply in load.replies} <= {200, 201}
            for reply in load.replies:
                acknowledged[reply.json()["id"]] = reply.json()["findings"][0]
    with served(tmp_path, database=url) as server:  # a client that retries after the crash doubles nothing
        again = httpx.post(server.url + "/v1/decisions", json=json.loads(load.replies[0].request.content), timeout=30)
        assert (again.status_code, again.json()) == (200, load.replies[0].json())
    store = Store(url)
    stored: dict[int, list[int]] = {}
    before = None
    while True:
        page = store.read(queries.queue, Wanted(), 200, before)
        stored |= {row["id"]: [f["id"] for f in row["findings"]] for row in page["decisions"]}
        if page["next"] is None:
            break
        before = int(page["next"])
    store.close()
    assert len(acknowledged) > 200
    assert {number: findings for number, findings in acknowledged.items() if stored.get(number) != [findings]} == {}


def test_a_database_that_goes_away_stops_no_check(postgres: str, tmp_path: Path) -> None:
    url = new_database(postgres, "gone")
    with served(tmp_path, database=url) as server, httpx.Client(base_url=server.url, timeout=30) as client:
        assert decide(client, 1).status_code == 201
        drop_database(postgres, "gone")
        refused = decide(client, 2)
        assert (refused.status_code, refused.headers["retry-after"]) == (503, "5")
        assert client.get("/v1/decisions").status_code == 503
        assert check(client, 3).status_code == 200
        assert "加我微信" not in server.log() and "OperationalError at" in server.log()


# --- traces ----------------------------------------------------------------------------------------------------------


def test_no_message_is_logged(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    with served(tmp_path) as server, httpx.Client(base_url=server.url, timeout=30) as client:
        for path in ("/v1/check", "/v1/decisions", f"/v1/{SECRET}", "/v1/check/batch"):
            for body in (
                {"text": SECRET},
                {"text": SECRET, "decision": "withheld"},
                {SECRET: 1},
                {"text": 1, "x": SECRET},
            ):
                client.post(path, json=body)
        with connect(live(server.url)) as socket_:
            socket_.send(SECRET)
            socket_.recv(10)
    assert "秘密" not in server.log() and "zz98765" not in server.log()
    stored = b"".join(path.read_bytes() for path in tmp_path.glob("decisions.sqlite*"))
    assert "加我微信".encode() in stored and b"zz98765" not in stored
    with caplog.at_level(logging.ERROR):
        try:
            raise ValueError(SECRET)
        except ValueError as error:
            log_place(error)
    assert "ValueError at test_server.py:" in caplog.text and "秘密" not in caplog.text
