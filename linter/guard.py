"""A bot's reply in, an answer out before it is sent: send, confirm or block, from a kefulint server or in this process.

    guard = Guard("tmall", "http://127.0.0.1:8717", fallback="local")

    @guarded(guard, on_block="rewrite", context=lambda history: history)
    async def reply(history): ...

A server that is slow, busy or away never hangs a bot: after `timeout` seconds the fallback judges in this process, and
without one `on_slow` decides, "open" (send, unjudged) or "closed" (block). A server that refuses us (a wrong token, a wrong
address) is not away but set up wrongly, and raises. The decision a reader may question: one private thread runs all
requests of a guard. Callers may be coroutines of any event loop or plain threads; they share connections and one bound.
"""

from __future__ import annotations

import asyncio
import atexit
import functools
import inspect
import logging
import os
import threading
import uuid
from collections.abc import AsyncIterator, Awaitable, Callable, Coroutine, Iterable, Iterator, Mapping, Sequence
from concurrent.futures import Future, wait
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal, TypeVar, cast

from linter.answer import answer, considered
from linter.columns import ROLE_NAMES
from linter.model import PLATFORMS, KefulintError, Message, Turn

if TYPE_CHECKING:
    from types import TracebackType

    from linter.engine import Linter

_LOG = logging.getLogger(__name__)  # never a text: reasons and counts only
_ROLES = {name: role for role, names in ROLE_NAMES.items() for name in names}
_NO_TURNS = ("system", "developer", "tool", "function")  # what these say in a chat API is not part of the conversation
_SET_UP = (401, 403, 404, 405)  # the server is there and does not know us: no policy helps
_RETRIES = (0.0, 0.2, 1.0, 5.0, 15.0)  # seconds before each try to record a decision
_RECORDING = 10.0  # seconds one try may take
_BACKLOG = 1000  # decisions waiting to be recorded
_TURNS, _TURN = 50, 10_000  # what the server takes: turns, and characters of one
_T = TypeVar("_T")
_F = TypeVar("_F", bound=Callable[..., Any])

Earlier = Turn | Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Answer:
    """What may become of a reply. `judged` says by whom: "server", "local", or "nobody" where the policy decided."""

    text: str
    decision: str  # send, confirm, block
    verdict: str = "none"
    findings: tuple[Mapping[str, Any], ...] = ()
    rewritten: str | None = None  # the whole reply in a wording that is safe to send
    lexicon: str = ""
    judged: Literal["server", "local", "nobody"] = "nobody"

    @property
    def why(self) -> str:
        """The findings in one line, in Chinese."""
        if self.judged == "nobody":
            return "没能检查这条回复"
        return "；".join(str(finding["message"]) for finding in self.findings)


class Blocked(Exception):
    """A guarded reply was not sent. `answer` says why; the words of the exception hold none of the reply."""

    def __init__(self, found: Answer) -> None:
        self.answer = found
        rules = ", ".join(dict.fromkeys(str(finding["rule"]) for finding in found.findings))
        super().__init__(f"reply blocked: {rules or 'nobody could judge it'}")


class Guard:
    """Asks before a bot sends. Safe to share between threads and event loops; nothing starts before the first question.

    `server` is the address of `kefulint serve` (None: judge in this process), `token` its bearer token. `on_slow` and
    `fallback` say what happens without an answer within `timeout` seconds. `agent` and `shop` go on record with decisions.
    `most` bounds the requests under way; one that waits longer than the timeout for its turn counts as slow.
    """

    def __init__(
        self, platform: str | Sequence[str] = "taobao", server: str | None = None, *, token: str | None = None,
        on_slow: Literal["open", "closed"] = "open", timeout: float = 0.8, fallback: Literal["local"] | None = None,
        lexicons: Sequence[str] = (), agent: str | None = None, shop: str | None = None, most: int = 32,
    ) -> None:  # fmt: skip
        if on_slow not in ("open", "closed"):
            raise KefulintError(f"on_slow is '{on_slow}', expected open or closed")
        if fallback not in ("local", None):
            raise KefulintError(f"fallback is '{fallback}', expected local or None")
        self.platforms = (platform,) if isinstance(platform, str) else tuple(platform)
        if not self.platforms or not set(self.platforms) <= set(PLATFORMS):
            raise KefulintError(f"platform is {platform!r}, expected one or several of {', '.join(PLATFORMS)}")
        self.on_slow, self.timeout, self.fallback = on_slow, timeout, fallback
        self._who = {name: value for name, value in (("agent", agent), ("shop", shop)) if value is not None}
        self._remote = _Remote(server, token, most) if server is not None else None
        self._lexicons = tuple(lexicons)
        self._loading = threading.Lock()
        self._loaded: Linter | None = None

    def __enter__(self) -> Guard:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        self.close()

    async def check(self, text: str, context: Iterable[Earlier] = (), *, channel: str = "chat") -> Answer:
        """Judge one whole reply in the light of the turns before it. Raises KefulintError only for a wrong set-up."""
        message = Message(text, channel, turns(context))
        if self._remote is None:
            return await asyncio.to_thread(self._here, message)
        return await asyncio.wrap_future(self._remote.start(self._ask(self._remote, message)))

    def check_now(self, text: str, context: Iterable[Earlier] = (), *, channel: str = "chat") -> Answer:
        """Judge like `check`, from code that is not a coroutine: the calling thread waits."""
        message = Message(text, channel, turns(context))
        if self._remote is None:
            return self._here(message)
        return self._remote.start(self._ask(self._remote, message)).result()

    def record(
        self, found: Answer, decision: Literal["withheld", "sent", "replaced"], context: Iterable[Earlier] = (), *,
        channel: str = "chat", reason: str | None = None, sent_text: str | None = None, session: str | None = None,
    ) -> None:  # fmt: skip
        """Put on the server's record what became of a reply. Returns at once; `close` waits for what is under way.

        Without a server there is no record. A decision that cannot be delivered is logged, never raised.
        """
        if self._remote is None:
            return
        body = _body(Message(found.text, channel, turns(context)), self.platforms) | self._who
        more = {
            "decision": decision,
            "reason": reason,
            "sent_text": sent_text,
            "session": session,
            "client_id": uuid.uuid4().hex,
        }
        self._remote.deliver(body | {name: value for name, value in more.items() if value is not None})

    def warm(self) -> None:
        """Load the lexicons for judging in this process now, so that the first reply in need does not wait for them."""
        self._linter()

    def close(self, timeout: float = 5.0) -> None:
        """Wait for decisions that are being recorded and let the connections go. Runs by itself when Python exits."""
        if self._remote is not None:
            self._remote.stop(timeout)

    async def _ask(self, remote: _Remote, message: Message) -> Answer:
        try:
            data = await asyncio.wait_for(remote.ask("/v1/check", _body(message, self.platforms)), self.timeout)
            return _answer(message.text, data, "server")
        except asyncio.TimeoutError:
            _LOG.warning("no answer from the server within %s s", self.timeout)
        except _NoAnswer as error:
            _LOG.warning("no answer from the server: %s", error)
        if self.fallback == "local":
            return await asyncio.to_thread(self._here, message)
        return Answer(message.text, "send" if self.on_slow == "open" else "block")

    def _here(self, message: Message) -> Answer:
        linter = self._linter()
        findings, better = considered(linter, message)
        return _answer(message.text, answer(findings, message.text, linter.version, rewritten=better), "local")

    def _linter(self) -> Linter:
        from linter.engine import Linter

        with self._loading:
            if self._loaded is None:
                self._loaded = Linter(self.platforms, self._lexicons)
            return self._loaded


def turns(context: Iterable[Earlier]) -> tuple[Turn, ...]:
    """Return the last turns of a conversation; mappings may be a chat API's: role user or assistant, text in content."""
    found = []
    for turn in context:
        if isinstance(turn, Turn):
            found.append(turn)
            continue
        name = str(turn.get("role", "")).lower()
        role, text = _ROLES.get(name, name), turn.get("text", turn.get("content"))
        if role not in ("agent", "buyer", *_NO_TURNS):
            raise KefulintError(f"a turn's role is '{role}', expected agent, buyer or another name for one of them")
        if role not in _NO_TURNS and isinstance(text, str):
            found.append(Turn(role, text, turn.get("time")))
    return tuple(found[-_TURNS:])


def _body(message: Message, platforms: tuple[str, ...]) -> dict[str, Any]:
    earlier = [{"role": turn.role, "text": turn.text[:_TURN]} for turn in message.context]
    return {"text": message.text, "channel": message.channel, "platforms": list(platforms), "context": earlier}


def _answer(text: str, data: Mapping[str, Any], judged: Literal["server", "local"]) -> Answer:
    try:
        decision, verdict, findings = data["decision"], data["verdict"], tuple(data["findings"])
        return Answer(text, decision, verdict, findings, data["rewritten"], data["lexicon"], judged)
    except (KeyError, TypeError) as error:
        raise KefulintError(f"the server's answer lacks {error}, expected that of a kefulint server") from error


# --- the server ------------------------------------------------------------------------------------------------------


class _NoAnswer(Exception):
    """The server is away, busy or broken. `again`: asking once more may help."""

    def __init__(self, why: str, again: bool = True) -> None:
        super().__init__(why)
        self.again = again


class _Remote:
    """One server, asked from a private thread over a bounded number of connections."""

    def __init__(self, server: str, token: str | None, most: int) -> None:
        try:
            import httpx
        except ImportError:
            raise KefulintError("a guard with a server needs httpx, expected `pip install 'kefulint[guard]'`") from None
        if not server.startswith(("http://", "https://")):
            raise KefulintError(f"server is '{server}', expected an address such as http://127.0.0.1:8717")
        self._httpx = httpx
        self._server, self._token, self._most = server, token, most
        self._starting = threading.Lock()
        self._loop: asyncio.AbstractEventLoop | None = None
        self._pid = 0
        self._recording: set[Future[None]] = set()

    def start(self, work: Coroutine[Any, Any, _T]) -> Future[_T]:
        """Run a coroutine on the private thread, which starts with the first one, and anew in a forked child."""
        with self._starting:
            loop = self._loop if self._loop is not None and self._pid == os.getpid() else self._open()
            return asyncio.run_coroutine_threadsafe(work, loop)

    def _open(self) -> asyncio.AbstractEventLoop:
        headers = {"Authorization": f"Bearer {self._token}"} if self._token else {}
        limits = self._httpx.Limits(max_connections=self._most)
        self._client = self._httpx.AsyncClient(base_url=self._server, headers=headers, limits=limits, timeout=None)
        self._loop, self._pid, self._recording = asyncio.new_event_loop(), os.getpid(), set()
        self._thread = threading.Thread(target=self._loop.run_forever, name="kefulint-guard", daemon=True)
        self._thread.start()
        atexit.register(self.stop, 5.0)
        return self._loop

    async def ask(self, path: str, body: Mapping[str, Any]) -> Any:
        """Ask, and once more where that may help (a restarting server, a connection gone stale). The caller bounds the time."""
        try:
            return await self._once(path, body)
        except _NoAnswer as error:
            if not error.again:
                raise
        await asyncio.sleep(0.05)
        return await self._once(path, body)

    async def _once(self, path: str, body: Mapping[str, Any]) -> Any:
        try:
            response = await self._client.post(path, json=body)
            if response.status_code in _SET_UP:
                raise KefulintError(
                    f"the server answers {response.status_code}, expected its address and a token it knows"
                )
            if response.is_success:
                return response.json()
        except (self._httpx.TransportError, ValueError) as error:
            raise _NoAnswer(type(error).__name__) from None
        raise _NoAnswer(f"status {response.status_code}", again=response.status_code in (408, 429, 500, 502, 503, 504))

    def deliver(self, decision: Mapping[str, Any]) -> None:
        """Record a decision in the background, trying for a while; the server knows a second try by its `client_id`."""
        if len(self._recording) >= _BACKLOG:
            _LOG.error("a decision is lost: %s others wait to be recorded", _BACKLOG)
            return
        under_way = self.start(self._record(decision))
        self._recording.add(under_way)
        under_way.add_done_callback(self._recording.discard)

    async def _record(self, decision: Mapping[str, Any]) -> None:
        why: object = ""
        for pause in _RETRIES:
            await asyncio.sleep(pause)
            try:
                await asyncio.wait_for(self._once("/v1/decisions", decision), _RECORDING)
                return
            except asyncio.TimeoutError:
                why = "no answer"
            except (_NoAnswer, KefulintError) as error:
                why = error
                if isinstance(error, KefulintError) or not error.again:
                    break
        _LOG.error("a decision is lost: %s", why)

    def stop(self, timeout: float) -> None:
        """Wait for the decisions under way, then end the thread. A later question starts a new one."""
        with self._starting:
            loop, self._loop = self._loop, None
            if loop is None or self._pid != os.getpid():
                return
            client, thread = self._client, self._thread
        atexit.unregister(self.stop)
        late = wait(self._recording, timeout).not_done
        for future in late:
            future.cancel()
        if late:
            _LOG.error("%s decisions are lost: the server did not take them", len(late))
        asyncio.run_coroutine_threadsafe(client.aclose(), loop).result(5.0)
        loop.call_soon_threadsafe(loop.stop)
        thread.join(5.0)
        loop.close()


# --- the decorator ---------------------------------------------------------------------------------------------------

OnBlock = str | Callable[[Answer], str | Awaitable[str]]


def guarded(
    guard: Guard, on_block: OnBlock = "raise", *, stop_at: Literal["error", "warning"] = "error",
    context: Callable[..., Iterable[Earlier]] | None = None,
) -> Callable[[_F], _F]:  # fmt: skip
    """Judge what a function, a coroutine or a generator of chunks replies, before anybody sees it.

    `on_block` says what happens to a reply that must not go out: "rewrite" (the safe wording; where there is none, raise),
    "raise" (Blocked), "replace:…" (this text instead) or a callable that makes another reply of the Answer; what it makes
    is judged too. `context` is called with the function's arguments and returns the turns before the reply. `stop_at`
    "warning" also stops what a human would be asked about. Chunks are held back until the whole reply was judged.
    """
    if isinstance(on_block, str) and on_block not in ("rewrite", "raise") and not on_block.startswith("replace:"):
        raise KefulintError(f"on_block is '{on_block}', expected rewrite, raise, replace:TEXT or a callable")
    gate = _Gate(guard, on_block, stop_at, context or (lambda *args, **kwargs: ()))

    def decorate(function: _F) -> _F:
        for kind, wrapped in _KINDS:
            if kind(function):
                return cast(_F, functools.wraps(function)(wrapped(gate, function)))
        if inspect.iscoroutinefunction(on_block):
            raise KefulintError("on_block is a coroutine function, expected a plain one for a plain function")
        return cast(_F, functools.wraps(function)(_plain(gate, function)))

    return decorate


@dataclass(frozen=True, slots=True)
class _Gate:
    """What a decorator was told, and the one place where a reply is let out, replaced or held back."""

    guard: Guard
    on_block: OnBlock
    stop_at: str
    context: Callable[..., Iterable[Earlier]]

    async def later(self, reply: str, earlier: tuple[Turn, ...]) -> str:
        found = await self.guard.check(reply, earlier)
        if not self._stops(found):
            return self._sent(found, earlier)
        other = self._instead(found, earlier)
        if callable(self.on_block):
            other = await other if inspect.isawaitable(other) else other
            self._again(found, await self.guard.check(other, earlier), earlier)
        return self._replaced(found, cast(str, other), earlier)

    def now(self, reply: str, earlier: tuple[Turn, ...]) -> str:
        found = self.guard.check_now(reply, earlier)
        if not self._stops(found):
            return self._sent(found, earlier)
        other = cast(str, self._instead(found, earlier))
        if callable(self.on_block):
            self._again(found, self.guard.check_now(other, earlier), earlier)
        return self._replaced(found, other, earlier)

    def _stops(self, found: Answer) -> bool:
        return found.decision == "block" or (self.stop_at == "warning" and found.decision == "confirm")

    def _sent(self, found: Answer, earlier: tuple[Turn, ...]) -> str:
        if found.judged == "nobody":
            self.guard.record(found, "sent", earlier, reason="机器人：没能检查，按设置放行")
        elif found.decision == "confirm":
            self.guard.record(found, "sent", earlier, reason="机器人：只有警告，按设置放行")
        return found.text

    def _instead(self, found: Answer, earlier: tuple[Turn, ...]) -> str | Awaitable[str]:
        if callable(self.on_block):
            return self.on_block(found)
        if self.on_block == "rewrite" and found.rewritten is not None:
            return found.rewritten
        if self.on_block.startswith("replace:"):
            return self.on_block.removeprefix("replace:")
        self.guard.record(found, "withheld", earlier)
        raise Blocked(found)

    def _again(self, found: Answer, second: Answer, earlier: tuple[Turn, ...]) -> None:
        """Hold back a replacement that breaks a rule too. One that nobody could judge is the bot author's word."""
        if self._stops(second) and second.judged != "nobody":
            self.guard.record(found, "withheld", earlier)
            raise Blocked(second)

    def _replaced(self, found: Answer, other: str, earlier: tuple[Turn, ...]) -> str:
        self.guard.record(found, "replaced", earlier, sent_text=other)
        return other


def _reply(reply: Any) -> str | None:
    """Return the text of a reply, or None where there is nothing to judge."""
    if reply is not None and not isinstance(reply, str):
        raise TypeError(f"a guarded function returned {type(reply).__name__}, expected the text of a reply or None")
    return reply or None


def _plain(gate: _Gate, function: Callable[..., Any]) -> Callable[..., Any]:
    def reply(*args: Any, **kwargs: Any) -> Any:
        text = _reply(made := function(*args, **kwargs))
        return gate.now(text, turns(gate.context(*args, **kwargs))) if text else made

    return reply


def _coroutine(gate: _Gate, function: Callable[..., Any]) -> Callable[..., Any]:
    async def reply(*args: Any, **kwargs: Any) -> Any:
        text = _reply(made := await function(*args, **kwargs))
        return await gate.later(text, turns(gate.context(*args, **kwargs))) if text else made

    return reply


def _generator(gate: _Gate, function: Callable[..., Any]) -> Callable[..., Any]:
    def reply(*args: Any, **kwargs: Any) -> Iterator[str]:
        chunks = list(function(*args, **kwargs))
        text = _reply("".join(chunks))
        sent = gate.now(text, turns(gate.context(*args, **kwargs))) if text else text
        yield from chunks if sent == text else [cast(str, sent)]

    return reply


def _stream(gate: _Gate, function: Callable[..., Any]) -> Callable[..., Any]:
    async def reply(*args: Any, **kwargs: Any) -> AsyncIterator[str]:
        chunks = [chunk async for chunk in function(*args, **kwargs)]
        text = _reply("".join(chunks))
        sent = await gate.later(text, turns(gate.context(*args, **kwargs))) if text else text
        for chunk in chunks if sent == text else [cast(str, sent)]:
            yield chunk

    return reply


_KINDS = (
    (inspect.iscoroutinefunction, _coroutine),
    (inspect.isasyncgenfunction, _stream),
    (inspect.isgeneratorfunction, _generator),
)
