"""Settings in, the ASGI application out: the routes of all operations, the pages, and what starts and stops with them."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Iterable
from pathlib import Path
from typing import Any

from starlette.exceptions import HTTPException
from starlette.middleware.cors import CORSMiddleware
from starlette.responses import FileResponse, HTMLResponse, JSONResponse
from starlette.routing import BaseRoute, Mount, Route, Router, WebSocketRoute
from starlette.staticfiles import StaticFiles

from linter.model import KefulintError
from linter.server import checks, openapi, records
from linter.server.access import Door, read_tokens
from linter.server.api import Endpoint, Operation, Surroundings
from linter.server.desk import Bench, Desk
from linter.server.live import LiveChecks
from linter.server.metrics import Metrics
from linter.server.rates import Rates
from linter.server.settings import Settings
from linter.store import Store

WEB = Path(__file__).parent.parent / "web"
PAGES = {"/": "index.html", "/supervise": "supervise.html", "/guard.js": "guard.js"}
_SAFE = {
    "content-security-policy": "default-src 'self'; img-src 'self' data:; style-src 'self' 'unsafe-inline'; object-src 'none'; "
    "base-uri 'none'; form-action 'self'; frame-ancestors 'none'",
    "x-content-type-options": "nosniff",
    "referrer-policy": "no-referrer",
    "cache-control": "no-cache",
}


class App:
    """The whole server as one ASGI application."""

    def __init__(self, settings: Settings) -> None:
        self.settings = settings
        door = Door(read_tokens(settings.tokens) if settings.tokens else (), settings.origins)
        self.desk = Desk(settings, Metrics())
        self.around = Surroundings(self.desk, door, Rates(settings.rate), self.reload)
        self.store = Store(settings.database, keep_text=settings.keep_text)
        self.operations = [*checks.operations(self.around), *records.operations(self.around, self.store)]
        described = openapi.document(self.operations, bool(door.tokens))
        routes: list[BaseRoute] = [
            *routed(self.operations, self.around),
            WebSocketRoute("/v1/live", LiveChecks(self.around)),
        ]
        exact = {route.path: route.app for route in routes if isinstance(route, Route) and "{" not in route.path}
        router = Router([*routes, *_described(described), *pages()], default=_unknown)
        self._app: Any = _Exact(exact, router)
        if settings.origins:
            self._app = CORSMiddleware(
                self._app, allow_origins=settings.origins, allow_methods=["GET", "POST"],
                allow_headers=["authorization", "content-type"], expose_headers=["retry-after"], max_age=3600,
            )  # fmt: skip

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        await self._app(scope, receive, send)

    async def reload(self) -> Bench:
        """Take the tokens and the lexicons that are on disk now; keep the old ones of either that are broken."""
        door = self.around.door
        if self.settings.tokens:
            try:
                door.tokens = read_tokens(self.settings.tokens)
            except KefulintError as error:
                self.desk.refuse(error)
                raise
        return await self.desk.reload()

    def close(self) -> None:
        """Write and finish what was accepted."""
        self.store.close()
        self.desk.close()


class _Exact:
    """Finds a path that is written out by looking it up, and leaves the others to the router."""

    def __init__(self, exact: dict[str, Any], other: Any) -> None:
        self.exact = exact
        self.other = other

    def __call__(self, scope: Any, receive: Any, send: Any) -> Any:
        found = self.exact.get(scope["path"]) if scope["type"] == "http" else None
        return (found or self.other)(scope, receive, send)


def routed(operations: Iterable[Operation], around: Surroundings) -> list[BaseRoute]:
    """Return one route a path."""
    paths: dict[str, list[Operation]] = {}
    for operation in operations:
        paths.setdefault(operation.path, []).append(operation)
    return [Route(path, Endpoint(path, found, around)) for path, found in paths.items()]


def _described(described: dict[str, Any]) -> list[BaseRoute]:
    """Return the routes of the API's description, for programs and for people."""
    shown = HTMLResponse(openapi.page(described), headers=_SAFE)
    return [Route("/openapi.json", JSONResponse(described, headers=_SAFE)), Route("/docs", shown)]


def pages() -> list[BaseRoute]:
    """Return the routes of the pages and their files."""
    found: list[BaseRoute] = [Route(path, _page(WEB / name)) for path, name in PAGES.items() if (WEB / name).is_file()]
    return [*found, Mount("/static", _Files(directory=WEB, check_dir=False))]


def _page(path: Path) -> Callable[[Any], Awaitable[FileResponse]]:
    async def page(_: Any) -> FileResponse:
        return FileResponse(path, headers=_SAFE | {"cross-origin-resource-policy": "cross-origin"})

    return page


class _Files(StaticFiles):
    """Files of the pages, with the headers that keep them harmless."""

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        if scope["type"] != "http":
            await _unknown(scope, receive, send)
            return
        try:
            await super().__call__(scope, receive, send)
        except HTTPException as error:
            await _refused(error.status_code)(scope, receive, send)

    def file_response(self, *given: Any, **named: Any) -> Any:
        response = super().file_response(*given, **named)
        response.headers.update(_SAFE)
        return response


async def _unknown(scope: Any, receive: Any, send: Any) -> None:
    if scope["type"] == "websocket":
        await send({"type": "websocket.close", "code": 1000})
        return
    await _refused(404)(scope, receive, send)


def _refused(status: int) -> JSONResponse:
    code, message = ("method", "expected GET") if status == 405 else ("not-found", "no such path, see /docs")
    return JSONResponse({"error": {"code": code, "message": message}}, status, headers=_SAFE)
