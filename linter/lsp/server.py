"""An editor's messages in, its marks and menus out: the server that `kefulint lsp` runs.

Checks wait until the typing pauses, one runs at a time, and one whose text has changed meanwhile is thrown away. The
decision to question: an editor sends the whole text with every change. Increments are cut at line ends, and the library
that applies them takes more characters for line ends than the protocol does, form feeds and U+2028 among them.
"""

from __future__ import annotations

import asyncio
from concurrent.futures import ThreadPoolExecutor
from typing import Any

from lsprotocol import types as lsp
from pygls.lsp.server import LanguageServer

from linter import __version__
from linter.lsp import shown
from linter.lsp.actions import FIX_ALL, Actions
from linter.lsp.checked import Checked, Desk
from linter.results import Result
from linter.suppress import SIDE_FILE

PAUSE = 0.25  # seconds without a change before a text is checked
_WATCHED = (
    "**/kefulint.toml", "**/pyproject.toml", f"**/{SIDE_FILE}", "**/.kefulint-baseline", "**/concepts/**/*.yaml",
    "**/rules/**/*.yaml", "**/rulebooks/**/*.yaml",
)  # fmt: skip


class EditorServer(LanguageServer):
    """Knows the open texts and what was found in them."""

    def __init__(self, desk: Desk, pause: float = PAUSE) -> None:
        super().__init__("kefulint", __version__, text_document_sync_kind=lsp.TextDocumentSyncKind.Full)
        self.desk, self.pause = desk, pause
        self.texts: set[str] = set()  # addresses as the editor writes them: the library's own keys are not
        self.checked: dict[str, Checked] = {}
        self._waiting: dict[str, asyncio.Task[None]] = {}
        self.checks = ThreadPoolExecutor(1, thread_name_prefix="check")

    def check_soon(self, uri: str, pause: float) -> None:
        """Check a text after a pause; an earlier check that still waits is not made."""
        if uri in self._waiting:
            self._waiting[uri].cancel()
        self._waiting[uri] = asyncio.get_running_loop().create_task(self._check(uri, pause))

    async def _check(self, uri: str, pause: float) -> None:
        await asyncio.sleep(pause)
        try:
            checked = await self.check(uri)
        except Exception as error:  # ours; without a word the editor would go on showing the marks of an older text
            said = f"kefulint: {type(error).__name__} in a check; the marks of this text are not up to date"
            self.window_show_message(lsp.ShowMessageParams(lsp.MessageType.Error, said))
            raise
        if checked is not None and checked.version == self._version(uri):
            found = shown.diagnostics(checked)
            self.text_document_publish_diagnostics(lsp.PublishDiagnosticsParams(uri, found, checked.version))

    async def check(self, uri: str) -> Checked | None:
        """Check a text as it is now; None where it was closed."""
        if uri not in self.texts or not uri.startswith("file:"):
            return None
        text = self.workspace.get_text_document(uri)
        encoding = _text(self.workspace.position_encoding)
        loop = asyncio.get_running_loop()
        made = await loop.run_in_executor(self.checks, self.desk.check, text.path, text.source, text.version, encoding)
        if made.version == self._version(uri):
            self.checked[uri] = made
        return made

    async def current(self, uri: str) -> Checked | None:
        """Return what was found in a text as it is now, checking it where it has changed."""
        known = self.checked.get(uri)
        return known if known is not None and known.version == self._version(uri) else await self.check(uri)

    def check_all(self) -> None:
        """Check every open text again: what holds for it may have changed."""
        for uri in self.texts:
            self.check_soon(uri, self.pause)

    def forget(self, uri: str) -> None:
        """A text was closed: its marks go."""
        self.texts.discard(uri)
        if uri in self._waiting:
            self._waiting.pop(uri).cancel()
        self.checked.pop(uri, None)
        self.text_document_publish_diagnostics(lsp.PublishDiagnosticsParams(uri, []))

    def _version(self, uri: str) -> int | None:
        return self.workspace.get_text_document(uri).version if uri in self.texts else None

    def can(self, *path: str) -> Any:
        """Return what the client says of itself, or None where it says nothing."""
        found: Any = self.client_capabilities
        for name in path:
            found = getattr(found, name, None)
        return found


def server(desk: Desk, pause: float = PAUSE) -> EditorServer:
    """Return the server with everything it answers."""
    made = EditorServer(desk, pause)
    _follow_texts(made)
    _answer(made)
    return made


def _follow_texts(made: EditorServer) -> None:
    @made.feature(lsp.INITIALIZED)
    def initialized(ls: EditorServer, params: lsp.InitializedParams) -> None:
        if ls.can("workspace", "did_change_watched_files", "dynamic_registration"):
            watchers = [lsp.FileSystemWatcher(pattern) for pattern in _WATCHED]
            options = lsp.DidChangeWatchedFilesRegistrationOptions(watchers)
            name = lsp.WORKSPACE_DID_CHANGE_WATCHED_FILES
            ls.client_register_capability(lsp.RegistrationParams([lsp.Registration("kefulint-files", name, options)]))

    @made.feature(lsp.TEXT_DOCUMENT_DID_OPEN)
    def opened(ls: EditorServer, params: lsp.DidOpenTextDocumentParams) -> None:
        ls.texts.add(params.text_document.uri)
        ls.check_soon(params.text_document.uri, 0)

    @made.feature(lsp.TEXT_DOCUMENT_DID_CHANGE)
    def changed(ls: EditorServer, params: lsp.DidChangeTextDocumentParams) -> None:
        ls.check_soon(params.text_document.uri, ls.pause)

    @made.feature(lsp.TEXT_DOCUMENT_DID_SAVE)
    def saved(ls: EditorServer, params: lsp.DidSaveTextDocumentParams) -> None:
        ls.check_soon(params.text_document.uri, 0)

    @made.feature(lsp.TEXT_DOCUMENT_DID_CLOSE)
    def closed(ls: EditorServer, params: lsp.DidCloseTextDocumentParams) -> None:
        ls.forget(params.text_document.uri)

    @made.feature(lsp.WORKSPACE_DID_CHANGE_WATCHED_FILES)
    def touched(ls: EditorServer, params: lsp.DidChangeWatchedFilesParams) -> None:
        ls.check_all()


def _answer(made: EditorServer) -> None:
    kinds = [lsp.CodeActionKind.QuickFix, FIX_ALL]

    @made.feature(lsp.TEXT_DOCUMENT_HOVER)
    async def hover(ls: EditorServer, params: lsp.HoverParams) -> lsp.Hover | None:
        checked = await ls.current(params.text_document.uri)
        known = ls.can("text_document", "hover", "content_format")
        markdown = known is None or lsp.MarkupKind.Markdown in known
        return shown.hover(checked, params.position, markdown) if checked else None

    @made.feature(lsp.TEXT_DOCUMENT_CODE_ACTION, lsp.CodeActionOptions(kinds))
    async def actions(ls: EditorServer, params: lsp.CodeActionParams) -> list[lsp.CodeAction]:
        checked = await ls.current(params.text_document.uri)
        if checked is None:
            return []
        creating = lsp.ResourceOperationKind.Create in (
            ls.can("workspace", "workspace_edit", "resource_operations") or ()
        )
        versioned = bool(ls.can("workspace", "workspace_edit", "document_changes"))
        offered = Actions(params.text_document.uri, checked, versioned=versioned, creating=creating and versioned)
        loop, only = asyncio.get_running_loop(), params.context.only
        return await loop.run_in_executor(ls.checks, _offered, offered, checked.at(params.range), only)


def _offered(offered: Actions, results: list[Result], only: Any) -> list[lsp.CodeAction]:
    quick = offered.for_results(results) if _wanted(lsp.CodeActionKind.QuickFix, only) else ()
    return [*quick, *(offered.fix_all() if _wanted(FIX_ALL, only) else ())]


def _wanted(kind: str, only: Any) -> bool:
    """Was a kind of action asked for? A kind stands for all below it."""
    return not only or any(kind == one or kind.startswith(f"{one}.") for one in map(_text, only))


def _text(kind: Any) -> str:
    return str(getattr(kind, "value", kind))
