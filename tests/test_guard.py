"""The guard as bots use it: a real server, one that is slow, cut off or killed, and judging in the bot's own process."""

from __future__ import annotations

import asyncio
import contextlib
import logging
import re
import socket
import subprocess
import sys
import threading
import time
from collections.abc import AsyncIterator, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

httpx = pytest.importorskip("httpx")
pytest.importorskip("starlette")

from linter.guard import Answer, Blocked, Guard, guarded, turns  # noqa: E402
from linter.model import KefulintError, Turn  # noqa: E402

BAD, WARNED, GOOD = "亲😊加我微信便宜10块", "百分百不掉色", "在的亲，今天下午发货"
ASKED = [Turn("buyer", "能开发票吗")]


class Server:
    """A real `kefulint serve` in a process of its own."""

    def __init__(self, folder: Path, *options: str, port: int = 0) -> None:
        command = [sys.executable, "-m", "linter", "serve", "-p", "tmall", "--port", str(port), *options]
        self.process = subprocess.Popen(
            [*command, "--database", f"sqlite:///{folder / 'decisions.db'}"],
            stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True,
        )  # fmt: skip
        assert self.process.stdout is not None
        line = self.process.stdout.readline()
        found = re.search(r"http://127\.0\.0\.1:(\d+)", line)
        assert found, line
        self.url, self.port = found[0], int(found[1])

    def kill(self) -> None:
        self.process.kill()
        self.process.wait()
        if self.process.stdout:
            self.process.stdout.close()


class Proxy:
    """Stands before the server: holds answers back for `delay` seconds, loses the next `swallow` of them with their
    connections, and cuts the first `cut` connections off."""

    def __init__(self, port: int) -> None:
        self.delay, self.cut, self.swallow, self.connections = 0.0, 0, 0, 0
        self._to = port
        self._listening = socket.create_server(("127.0.0.1", 0))
        self.url = f"http://127.0.0.1:{self._listening.getsockname()[1]}"
        threading.Thread(target=self._accept, daemon=True).start()

    def _accept(self) -> None:
        with contextlib.suppress(OSError):
            while True:
                client, _ = self._listening.accept()
                self.connections += 1
                if self.connections <= self.cut:
                    client.close()
                    continue
                server = socket.create_connection(("127.0.0.1", self._to))
                threading.Thread(target=self._pipe, args=(client, server, False), daemon=True).start()
                threading.Thread(target=self._pipe, args=(server, client, True), daemon=True).start()

    def _pipe(self, source: socket.socket, sink: socket.socket, hold: bool) -> None:
        with contextlib.suppress(OSError), source, sink:
            while data := source.recv(65536):
                if hold and self.swallow:
                    self.swallow -= 1
                    break
                time.sleep(self.delay if hold else 0)
                sink.sendall(data)
            for end in (source, sink):
                end.shutdown(socket.SHUT_RDWR)

    def close(self) -> None:
        with contextlib.suppress(OSError):
            self._listening.shutdown(socket.SHUT_RDWR)  # closing alone would let the waiting accept take one more
        self._listening.close()


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    made = Server(tmp_path_factory.mktemp("server"))
    yield made
    made.kill()


@pytest.fixture
def proxy(server: Server) -> Iterator[Proxy]:
    made = Proxy(server.port)
    yield made
    made.close()


@pytest.fixture(scope="module")
def local() -> Guard:
    guard = Guard("tmall")
    guard.warm()
    return guard


CHECKS = [
    ("clean", GOOD, [], "send", ()),
    ("error", BAD, [], "block", ("off-platform-contact",)),
    ("warning", WARNED, [], "confirm", ("overpromise",)),
    ("nothing asked", "这款开不了的呢", [], "send", ()),
    ("asked before", "这款开不了的呢", ASKED, "block", ("invoice-refused",)),
    ("asked before, as a chat API says it", "这款开不了的呢", [{"role": "user", "content": "能开发票吗"}], "block", ("invoice-refused",)),
]  # fmt: skip


@pytest.mark.parametrize(("text", "context", "decision", "rules"), [r[1:] for r in CHECKS], ids=[r[0] for r in CHECKS])
def test_the_server_and_the_own_process_answer_alike(
    server: Server, local: Guard, text: str, context: list[Any], decision: str, rules: tuple[str, ...]
) -> None:
    with Guard("tmall", server.url, timeout=5) as remote:
        far, near = remote.check_now(text, context), local.check_now(text, context)
        assert far == asyncio.run(remote.check(text, context))
    assert (far.judged, near.judged) == ("server", "local")
    assert far.decision == near.decision == decision and far.text == text
    assert tuple(finding["rule"] for finding in far.findings) == rules
    ours, theirs = (replace(found, judged="nobody") for found in (near, far))
    assert ours == theirs and (near.rewritten is not None) == (decision == "confirm")


SLOW = [
    ("open", {"on_slow": "open"}, "send", "nobody"),
    ("closed", {"on_slow": "closed"}, "block", "nobody"),
    ("local", {"on_slow": "closed", "fallback": "local"}, "block", "local"),
]


@pytest.mark.parametrize(("options", "decision", "judged"), [row[1:] for row in SLOW], ids=[row[0] for row in SLOW])
def test_a_slow_server_costs_no_more_than_the_timeout(
    proxy: Proxy, caplog: pytest.LogCaptureFixture, options: dict[str, Any], decision: str, judged: str
) -> None:
    proxy.delay = 3.0
    with Guard("tmall", proxy.url, timeout=0.3, **options) as guard, caplog.at_level(logging.DEBUG):
        guard.warm()
        started = time.perf_counter()
        found = guard.check_now(BAD)
        assert 0.3 <= time.perf_counter() - started < 1.0
        assert (found.decision, found.judged) == (decision, judged)
        assert (found.why == "没能检查这条回复") == (judged == "nobody")
        proxy.delay = 0.0
        assert guard.check_now(BAD).judged == "server"
    assert "no answer from the server within 0.3 s" in caplog.text
    assert "微信" not in caplog.text and "%E5%BE%AE" not in caplog.text


def test_a_server_killed_and_started_again(tmp_path: Path) -> None:
    first = Server(tmp_path)
    with Guard("tmall", first.url, on_slow="closed", timeout=3) as guard:
        assert guard.check_now(GOOD).decision == "send"
        first.kill()
        started = time.perf_counter()
        assert guard.check_now(GOOD) == Answer(GOOD, "block")
        assert time.perf_counter() - started < 1.0  # refused at once, not waited for
        second = Server(tmp_path, port=first.port)
        assert guard.check_now(GOOD).judged == "server"
        second.kill()


def test_a_connection_cut_off_is_tried_once_more(proxy: Proxy) -> None:
    proxy.cut = 1
    with Guard("tmall", proxy.url, timeout=5) as guard:
        assert guard.check_now(BAD).judged == "server" and proxy.connections == 2


def test_requests_beyond_the_bound_wait_their_turn_or_count_as_slow(proxy: Proxy) -> None:
    async def many(guard: Guard) -> list[Answer]:
        return await asyncio.gather(*(guard.check(BAD) for _ in range(20)))

    with Guard("tmall", proxy.url, timeout=5, most=3) as guard:
        assert {found.judged for found in asyncio.run(many(guard))} == {"server"}
        assert proxy.connections <= 3
        proxy.delay, guard.timeout = 1.0, 0.4
        started = time.perf_counter()
        assert {found.judged for found in asyncio.run(many(guard))} == {"nobody"}
        assert time.perf_counter() - started < 1.5


def test_threads_and_event_loops_share_a_guard(server: Server) -> None:
    found: list[Answer] = []

    def work(guard: Guard) -> None:
        found.append(guard.check_now(BAD))
        found.append(asyncio.run(guard.check(BAD)))

    with Guard("tmall", server.url, timeout=5) as guard:
        threads = [threading.Thread(target=work, args=(guard,)) for _ in range(12)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
    assert [(one.judged, one.decision) for one in found] == [("server", "block")] * 24


def test_a_forked_worker_asks_for_itself(server: Server) -> None:
    code = (
        "import os, sys; from linter.guard import Guard\n"
        f"guard = Guard('tmall', {server.url!r}, timeout=5); guard.check_now('在的')\n"
        "child = os.fork()\n"
        "if not child: os._exit(0 if guard.check_now('加我微信').judged == 'server' else 1)\n"
        "sys.exit(os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) or guard.check_now('在的').judged != 'server')"
    )
    assert subprocess.run([sys.executable, "-W", "ignore", "-c", code], timeout=30).returncode == 0


def test_a_wrong_token_is_a_wrong_set_up_and_not_a_slow_server(tmp_path: Path) -> None:
    made = subprocess.run(
        [sys.executable, "-m", "linter", "serve", "token", "bot"], capture_output=True, text=True, check=True
    )
    (tmp_path / "tokens.yaml").write_text(made.stdout, encoding="utf-8")
    token = made.stderr.split()[-1]
    with_tokens = Server(tmp_path, "--tokens", str(tmp_path / "tokens.yaml"))
    with Guard("tmall", with_tokens.url, timeout=5, token=token) as guard:
        assert guard.check_now(BAD).judged == "server"
    for wrong in (None, "kefu_wrong"):
        with Guard("tmall", with_tokens.url, timeout=5, token=wrong, fallback="local") as guard:
            with pytest.raises(KefulintError, match="answers 401") as raised:
                guard.check_now(BAD)
            assert "kefu_wrong" not in str(raised.value)
    with_tokens.kill()


WRONG = [
    ({"platform": "ebay"}, "platform is 'ebay'"),
    ({"on_slow": "shut"}, "on_slow is 'shut'"),
    ({"fallback": "remote"}, "fallback is 'remote'"),
    ({"server": "127.0.0.1:8717"}, "server is '127.0.0.1:8717'"),
]


@pytest.mark.parametrize(("options", "said"), WRONG, ids=[row[1] for row in WRONG])
def test_a_wrong_set_up_raises_at_once(options: dict[str, Any], said: str) -> None:
    with pytest.raises(KefulintError, match=said):
        Guard(**options)


def test_without_httpx_a_guard_judges_here_and_says_what_a_server_needs() -> None:
    code = (
        "import sys; sys.modules['httpx'] = None\n"
        "from linter.guard import Guard; print(Guard('tmall').check_now('加我微信').decision)\n"
        "Guard('tmall', 'http://127.0.0.1:1')"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    assert done.stdout.strip() == "block" and "pip install 'kefulint[guard]'" in done.stderr


def test_turns_of_a_chat_api() -> None:
    history = [
        {"role": "system", "content": "你是客服"}, {"role": "user", "content": "在吗"}, {"role": "assistant", "content": "在的"},
        {"role": "tool", "content": "{}"}, {"role": "user", "content": [{"type": "image"}]}, Turn("buyer", "能开发票吗"),
    ]  # fmt: skip
    assert turns(history) == (Turn("buyer", "在吗"), Turn("agent", "在的"), Turn("buyer", "能开发票吗"))
    with pytest.raises(KefulintError, match="a turn's role is 'stranger'"):
        turns([{"role": "stranger", "text": "在吗"}])


# --- the record --------------------------------------------------------------------------------------------------------


def _recorded(url: str) -> list[dict[str, Any]]:
    """Return the decisions on the server's record, oldest first."""
    return list(reversed(httpx.get(f"{url}/v1/decisions", params={"limit": "50"}).json()["decisions"]))


def test_what_became_of_a_reply_is_on_record(tmp_path: Path) -> None:
    server = Server(tmp_path)
    with Guard("tmall", server.url, timeout=5, agent="小助手", shop="山野茶铺") as guard:
        with pytest.raises(Blocked):
            guarded(guard, context=lambda: ASKED)(lambda: "这款开不了的呢")()
        assert guarded(guard, "replace:亲，这边不加微信的")(lambda: BAD)() == "亲，这边不加微信的"
        assert guarded(guard)(lambda: WARNED)() == WARNED
        assert guarded(guard)(lambda: GOOD)() == GOOD
        guard.record(guard.check_now(WARNED), "sent", reason="买家要求原话", session="s1")
        guard.close()
        found = _recorded(server.url)
        shown = sorted((one["decision"], one["reason"], one["sent_text"], one["findings"][0]["rule"]) for one in found)
        assert shown == [
            ("replaced", "", "亲，这边不加微信的", "off-platform-contact"),
            ("sent", "买家要求原话", None, "overpromise"),
            ("sent", "机器人：只有警告，按设置放行", None, "overpromise"),
            ("withheld", "", None, "invoice-refused"),
        ]
        assert {(one["agent"], one["shop"]) for one in found} == {("小助手", "山野茶铺")}
        [refused] = [one for one in found if one["decision"] == "withheld"]
        assert refused["context"] == [{"role": "buyer", "text": "能开发票吗"}]
    server.kill()


def test_a_decision_is_recorded_once_however_often_it_is_sent(tmp_path: Path) -> None:
    server = Server(tmp_path)
    proxy = Proxy(server.port)
    with Guard("tmall", proxy.url, timeout=5) as guard:
        found = guard.check_now(BAD)
        proxy.swallow = 1  # the server gets the decision, and its answer never arrives
        guard.record(found, "withheld")
        guard.close(timeout=10)
    assert len(_recorded(server.url)) == 1 and proxy.swallow == 0
    proxy.close()
    server.kill()


def test_decisions_made_while_the_server_was_away_follow(tmp_path: Path) -> None:
    first = Server(tmp_path)
    guard = Guard("tmall", first.url, on_slow="open")
    first.kill()
    assert guarded(guard)(lambda: BAD)() == BAD
    second = Server(tmp_path, port=first.port)
    guard.close(timeout=15)
    [late] = _recorded(second.url)
    assert (late["decision"], late["reason"]) == ("sent", "机器人：没能检查，按设置放行")
    assert [finding["rule"] for finding in late["findings"]] == ["off-platform-contact"]  # judged by the server now
    second.kill()


def test_a_decision_that_cannot_be_delivered_is_logged_without_its_text(
    proxy: Proxy, caplog: pytest.LogCaptureFixture
) -> None:
    proxy.close()
    guard = Guard("tmall", proxy.url)
    guard.record(Answer(BAD, "block"), "withheld")
    guard.close(timeout=0.2)
    assert "1 decisions are lost" in caplog.text and "微信" not in caplog.text


def test_a_script_that_ends_at_once_still_delivers(tmp_path: Path) -> None:
    server = Server(tmp_path)
    code = (
        "from linter.guard import Guard\n"
        f"guard = Guard('tmall', {server.url!r}, timeout=5)\n"
        "guard.record(guard.check_now('加我微信'), 'withheld')"
    )
    subprocess.run([sys.executable, "-c", code], check=True, timeout=30)
    assert [one["decision"] for one in _recorded(server.url)] == ["withheld"]
    server.kill()


# --- the decorator -----------------------------------------------------------------------------------------------------


async def _politer(found: Answer) -> str:
    return "亲，有问题在这里跟我说就好"


def _worse(found: Answer) -> str:
    return "那加我QQ吧"


ON_BLOCK = [
    ("raise", "raise", Blocked),
    ("rewrite without a wording", "rewrite", Blocked),
    ("replace", "replace:亲，我帮您转人工", "亲，我帮您转人工"),
    ("callable", lambda found: f"{found.findings[0]['rule']}？", "off-platform-contact？"),
    ("callable whose reply breaks a rule too", _worse, Blocked),
]


def _kinds(guard: Guard, on_block: Any, said: str, **options: Any) -> Iterator[Any]:
    """Yield a call for a function, a coroutine, a generator and an asynchronous generator that reply the same."""
    half = len(said) // 2

    @guarded(guard, on_block, **options)
    def plain() -> str:
        return said

    @guarded(guard, on_block, **options)
    async def coroutine() -> str:
        return said

    @guarded(guard, on_block, **options)
    def chunks() -> Iterator[str]:
        yield from (said[:half], said[half:])

    @guarded(guard, on_block, **options)
    async def stream() -> AsyncIterator[str]:
        for chunk in (said[:half], said[half:]):
            yield chunk

    async def read() -> str:
        return "".join([chunk async for chunk in stream()])

    yield from (plain, lambda: asyncio.run(coroutine()), lambda: "".join(chunks()), lambda: asyncio.run(read()))


@pytest.mark.parametrize(("on_block", "expected"), [row[1:] for row in ON_BLOCK], ids=[row[0] for row in ON_BLOCK])
def test_what_happens_to_a_blocked_reply(local: Guard, on_block: Any, expected: Any) -> None:
    for call in _kinds(local, on_block, "亲😊加我微信便宜10块"):
        if expected is Blocked:
            with pytest.raises(Blocked, match="reply blocked: ") as raised:
                call()
            assert "微信" not in str(raised.value)
        else:
            assert call() == expected
    for call in _kinds(local, on_block, GOOD):
        assert call() == GOOD


def test_warnings_go_out_unless_they_are_to_stop(local: Guard) -> None:
    for call in _kinds(local, "raise", WARNED):
        assert call() == WARNED
    for call in _kinds(local, "rewrite", WARNED, stop_at="warning"):
        assert call() == "一般不会掉色"
    for call in _kinds(local, "replace:好的", WARNED, stop_at="warning"):
        assert call() == "好的"


def test_a_coroutine_may_make_the_other_reply(local: Guard) -> None:
    @guarded(local, _politer)
    async def reply() -> str:
        return BAD

    assert asyncio.run(reply()) == "亲，有问题在这里跟我说就好"
    with pytest.raises(KefulintError, match="expected a plain one"):
        guarded(local, _politer)(lambda: BAD)


def test_the_function_keeps_its_face_and_gives_the_context(local: Guard) -> None:
    @guarded(local, "replace:可以开的", context=lambda history, **_: history)
    def reply(history: list[Turn], *, said: str) -> str:
        """Reply."""
        return said

    assert reply.__name__ == "reply" and reply.__doc__ == "Reply."
    assert reply([], said="这款开不了的呢") == "这款开不了的呢"
    assert reply(ASKED, said="这款开不了的呢") == "可以开的"


def test_a_stream_that_may_go_out_keeps_its_chunks(local: Guard) -> None:
    @guarded(local)
    def chunks() -> Iterator[str]:
        yield from ("在的亲", "，", "今天发货")

    assert list(chunks()) == ["在的亲", "，", "今天发货"]


def test_no_reply_is_no_reply_and_other_things_are_an_error(local: Guard) -> None:
    assert guarded(local)(lambda: None)() is None and guarded(local)(lambda: "")() == ""
    with pytest.raises(TypeError, match="returned int"):
        guarded(local)(lambda: 3)()
    with pytest.raises(KefulintError, match="on_block is 'ignore'"):
        guarded(local, "ignore")


def test_nobody_could_judge(proxy: Proxy) -> None:
    proxy.close()
    down = f"http://127.0.0.1:{proxy.url.rpartition(':')[2]}"
    with Guard("tmall", down) as open_:
        assert guarded(open_)(lambda: BAD)() == BAD
        open_.close(0)
    with Guard("tmall", down, on_slow="closed") as closed:
        assert guarded(closed, "replace:请稍等")(lambda: GOOD)() == "请稍等"
        with pytest.raises(Blocked, match="nobody could judge it"):
            guarded(closed, "rewrite")(lambda: GOOD)()
        closed.close(0)


def test_the_examples_of_the_page_run() -> None:
    page = (Path(__file__).parent.parent / "docs" / "bots.md").read_text(encoding="utf-8")
    blocks = re.findall(r"```python\n(.*?)```", page, re.DOTALL)
    assert len(blocks) == 2
    exec("\n".join(blocks), {})
