"""Who may ask: tokens and roles, loopback only without them, and pages of foreign origins kept out.

Without tokens everybody who reaches the server may do everything. So it then listens on loopback only, and looks at the
peer, the Host header (a foreign page can point its own name at 127.0.0.1), the Origin header (a foreign page can post
without reading) and forwarding headers (a proxy on the same machine would let the world in). A token's holder needs none
of that: a foreign page does not know the token.
"""

from __future__ import annotations

import hashlib
import hmac
import ipaddress
import secrets
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from linter.model import KefulintError
from linter.server.errors import Refused

_PROXIED = frozenset(
    (b"forwarded", b"via", b"x-forwarded-for", b"x-forwarded-host", b"x-forwarded-proto", b"x-real-ip", b"x-client-ip")
)
ROLES = ("agent", "supervisor", "admin")  # each may do what those before it may


@dataclass(frozen=True, slots=True)
class Token:
    """One line of the tokens' file: whose, what they may do, and the hash of the token. The token itself is nowhere."""

    name: str
    role: str
    sha256: str


@dataclass(frozen=True, slots=True)
class Caller:
    """Who asks."""

    name: str
    role: str

    def may(self, role: str) -> bool:
        return ROLES.index(self.role) >= ROLES.index(role)


ANYBODY = Caller("", "admin")  # on loopback, where no tokens are set


def new_token(name: str, role: str) -> tuple[str, Token]:
    """Return a random token, to be shown once, and its line for the tokens' file."""
    token = "kefu_" + secrets.token_urlsafe(32)
    return token, Token(name, role, digest(token))


def digest(token: str) -> str:
    """Hash a token. Plain SHA-256 is enough: a token is 256 random bits, and nothing shorter is made."""
    return hashlib.sha256(token.encode("utf-8", "replace")).hexdigest()


def read_tokens(path: Path) -> tuple[Token, ...]:
    """Read the tokens' file (YAML or JSON: a list of name, role, sha256); raise KefulintError with every problem."""
    import yaml

    try:
        text = path.read_text(encoding="utf-8")
        listed = yaml.safe_load(text)
    except (OSError, UnicodeDecodeError, yaml.YAMLError) as error:
        place = getattr(getattr(error, "problem_mark", None), "line", 0) + 1
        raise KefulintError(f"{path}:{place}: cannot be read ({type(error).__name__}), expected a YAML list") from None
    if not isinstance(listed, list) or not listed:
        raise KefulintError(f"{path}:1: no tokens, expected a list of name, role and sha256")
    problems = [f"{path}:1: token {n}: {what}" for n, one in enumerate(listed, 1) for what in _problems(one)]
    names = [one.get("name") for one in listed if isinstance(one, dict)]
    problems += [
        f"{path}:1: two tokens are called '{name}'" for name in sorted({str(n) for n in names if names.count(n) > 1})
    ]
    if problems:
        raise KefulintError(problems)
    return tuple(Token(one["name"], one["role"], one["sha256"]) for one in listed)


def _problems(one: Any) -> Iterable[str]:
    if not isinstance(one, dict) or set(one) != {"name", "role", "sha256"}:
        yield "expected name, role and sha256, and nothing else"
        return
    if not isinstance(one["name"], str) or not one["name"]:
        yield "name is no text, expected whose token it is"
    if one["role"] not in ROLES:
        yield f"unknown role, expected one of {', '.join(ROLES)}"
    if not isinstance(one["sha256"], str) or len(one["sha256"]) != 64 or set(one["sha256"]) - set("0123456789abcdef"):
        yield "sha256 is no hash, expected the 64 hex digits that `kefulint serve token` prints"


def is_loopback(host: str) -> bool:
    """Is an address or name this machine's own loopback?"""
    if host in ("localhost", "localhost."):
        return True
    try:
        return ipaddress.ip_address(host.strip("[]").partition("%")[0]).is_loopback
    except ValueError:
        return False


class Door:
    """Decides who comes in. Immutable but for the tokens, which a reload replaces at once."""

    def __init__(self, tokens: tuple[Token, ...], origins: Iterable[str] = ()) -> None:
        self.tokens = tokens
        self.origins = frozenset(origins)
        self._local: dict[str, bool] = {}

    def caller(self, scope: Any, token: str | None = None) -> Caller | None:
        """Return who asks; None where a token is needed and none is given. Raise Refused for who may not ask at all."""
        headers = dict(scope["headers"])
        origin = headers.get(b"origin")
        if origin is not None:
            self._check_origin(origin.decode("latin-1"), headers.get(b"host", b"").decode("latin-1"))
        if not self.tokens:
            self._check_local(scope, headers)
            return ANYBODY
        if token is None:
            kind, _, token = headers.get(b"authorization", b"").decode("latin-1").partition(" ")
            if not token or kind.lower() != "bearer":
                return None
        return self.known(token.strip())

    def known(self, token: str) -> Caller:
        """Return a token's holder. Every entry is compared, in constant time, whichever fits."""
        given = digest(token)
        found: Token | None = None
        for one in self.tokens:
            if hmac.compare_digest(one.sha256, given):
                found = one
        if found is None:
            raise Refused(401, "unauthorized", "the token is not known, expected one that the server's operator made")
        return Caller(found.name, found.role)

    def _check_origin(self, origin: str, host: str) -> None:
        if origin in self.origins or (host and urlsplit(origin).netloc == host):
            return
        raise Refused(
            403, "origin", "pages of this origin may not ask, expected one of the server's own or of its --cors list"
        )

    def _check_local(self, scope: Any, headers: dict[bytes, bytes]) -> None:
        client = scope.get("client")
        if not client or not self._is_local(client[0]):
            raise Refused(
                403, "loopback-only", "without tokens only this machine is served, expected a server with --tokens"
            )
        if not _PROXIED.isdisjoint(headers):
            raise Refused(
                403, "proxied", "the request comes through a proxy, expected a server with --tokens behind it"
            )
        if not self._is_local(headers.get(b"host", b"").decode("latin-1"), named=True):
            raise Refused(
                403, "host", "the Host header names another machine, expected localhost or a loopback address"
            )

    def _is_local(self, address: str, *, named: bool = False) -> bool:
        """Tell whether an address, or the name in a Host header, is this machine; the answers are remembered."""
        known = self._local.get(address)
        if known is None:
            if len(self._local) > 1000:
                self._local.clear()
            known = self._local[address] = is_loopback(_host_name(address) if named else address)
        return known


def _host_name(header: str) -> str:
    try:
        return urlsplit("//" + header).hostname or ""
    except ValueError:
        return ""
