"""The language server as editors use it: the library's own client and a real process, over standard input and output."""

from __future__ import annotations

import asyncio
import contextlib
import sys
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

lsp = pytest.importorskip("lsprotocol.types")
client_module = pytest.importorskip("pygls.lsp.client")

Session = Callable[["Editor"], Awaitable[None]]
Run = Callable[[Session], None]
BAD = "亲😊加我微信便宜10块"
CAPABILITIES: dict[str, Any] = {
    "workspace": lsp.WorkspaceClientCapabilities(
        workspace_edit=lsp.WorkspaceEditClientCapabilities(
            document_changes=True, resource_operations=[lsp.ResourceOperationKind.Create]
        ),
        did_change_watched_files=lsp.DidChangeWatchedFilesClientCapabilities(dynamic_registration=True),
    )
}


@dataclass
class Editor:
    """An editor with a folder open: its texts, and every set of marks it was sent."""

    folder: Path
    client: Any
    sent: list[Any] = field(default_factory=list)
    watched: list[str] = field(default_factory=list)
    errors: list[str] = field(default_factory=list)
    encoding: str = ""
    versions: dict[str, int] = field(default_factory=dict)

    def uri(self, name: str) -> str:
        return (self.folder / name).as_uri()

    def open(self, name: str, text: str, *, on_disk: bool = True) -> None:
        if on_disk:
            (self.folder / name).write_bytes(text.encode())
        self.versions[name] = 1
        item = lsp.TextDocumentItem(self.uri(name), "plaintext", 1, text)
        self.client.text_document_did_open(lsp.DidOpenTextDocumentParams(item))

    def type(self, name: str, text: str) -> None:
        self.versions[name] += 1
        this = lsp.VersionedTextDocumentIdentifier(self.versions[name], self.uri(name))
        change = lsp.TextDocumentContentChangeWholeDocument(text)
        self.client.text_document_did_change(lsp.DidChangeTextDocumentParams(this, [change]))

    def close(self, name: str) -> None:
        this = lsp.TextDocumentIdentifier(self.uri(name))
        self.client.text_document_did_close(lsp.DidCloseTextDocumentParams(this))
        del self.versions[name]

    async def marks(self, name: str, version: int | None = None) -> list[Any]:
        """Wait for the marks of a version of a text (default: the newest) and return them."""
        version = version or self.versions[name]
        for _ in range(200):
            for sent in reversed(self.sent):
                if sent.uri == self.uri(name) and sent.version == version:
                    return list(sent.diagnostics)
            await asyncio.sleep(0.05)
        raise AssertionError(f"no marks of version {version} of {name}, got {self.sent}")

    async def hover(self, name: str, line: int, character: int) -> Any:
        this = lsp.TextDocumentIdentifier(self.uri(name))
        return await self.client.text_document_hover_async(lsp.HoverParams(this, lsp.Position(line, character)))

    async def actions(self, name: str, marked: Any, only: list[str] | None = None) -> list[Any]:
        this = lsp.TextDocumentIdentifier(self.uri(name))
        context = lsp.CodeActionContext([], [lsp.CodeActionKind(kind) for kind in only] if only else None)
        return await self.client.text_document_code_action_async(lsp.CodeActionParams(this, marked, context)) or []

    def applied(self, name: str, text: str, action: Any) -> str:
        """Return a text with an action's edits to it made, as an editor counting UTF-16 makes them."""
        change = next(c for c in action.edit.document_changes if getattr(c, "text_document", None))
        assert change.text_document.uri == self.uri(name) and change.text_document.version == self.versions[name]
        lines = text.replace("\r\n", "\n").replace("\r", "\n").split("\n")
        starts, position = [], 0
        for line in lines:
            starts.append(position)
            position += len(line)
            position += 2 if text.startswith("\r\n", position) else 1
        for edit in sorted(change.edits, key=lambda e: (e.range.start.line, e.range.start.character), reverse=True):
            first, last = (
                starts[p.line] + _points(lines[p.line], p.character) for p in (edit.range.start, edit.range.end)
            )
            text = text[:first] + edit.new_text + text[last:]
        return text


def _points(line: str, units: int) -> int:
    return len(line.encode("utf-16-le")[: units * 2].decode("utf-16-le"))


@contextlib.asynccontextmanager
async def editing(
    folder: Path, *options: str, encodings: list[str] | None = None, **capabilities: Any
) -> AsyncIterator[Editor]:
    """Open a folder in an editor, and close it politely."""
    client = client_module.LanguageClient("test-editor", "1")
    editor = Editor(folder, client)
    client.feature("textDocument/publishDiagnostics")(lambda params: editor.sent.append(params))
    client.feature("window/showMessage")(lambda params: editor.errors.append(params.message))
    client.feature("client/registerCapability")(
        lambda params: editor.watched.extend(
            w["globPattern"] for r in params.registrations for w in r.register_options["watchers"]
        )
    )
    await client.start_io(sys.executable, "-m", "linter", "lsp", "-p", "tmall", "--pause", "0.1", *options)
    general = lsp.GeneralClientCapabilities(position_encodings=encodings) if encodings else None
    known = lsp.ClientCapabilities(general=general, **(CAPABILITIES | capabilities))
    started = await client.initialize_async(lsp.InitializeParams(known, root_uri=folder.as_uri()))
    editor.encoding = started.capabilities.position_encoding
    client.initialized(lsp.InitializedParams())
    try:
        yield editor
        assert editor.errors == []
    finally:
        await client.shutdown_async(None)
        client.exit(None)
        await asyncio.wait_for(client._server.wait(), 10)
        assert client._server.returncode == 0
        await client.stop()


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Editor, asyncio.AbstractEventLoop]]:
    """One editor for all tests that need nothing special of it: its server loads the lexicons once."""
    loop = asyncio.new_event_loop()
    opening = editing(tmp_path_factory.mktemp("home"))
    yield loop.run_until_complete(opening.__aenter__()), loop
    loop.run_until_complete(opening.__aexit__(None, None, None))
    loop.close()


@pytest.fixture
def in_the_editor(home: tuple[Editor, asyncio.AbstractEventLoop], tmp_path: Path) -> Iterator[Run]:
    """Run a session in the editor at home, in a folder of its own."""
    editor, loop = home
    editor.folder, editor.sent, editor.versions = tmp_path, [], {}
    yield lambda session: loop.run_until_complete(asyncio.wait_for(session(editor), 60))
    for name in list(editor.versions):
        editor.close(name)


def in_an_editor(folder: Path, **known: Any) -> Run:
    """Run a session in an editor of its own."""

    async def whole(session: Session) -> None:
        async with editing(folder, **known) as editor:
            await asyncio.wait_for(session(editor), 60)

    return lambda session: asyncio.run(whole(session))


def span(mark: Any) -> tuple[int, int, int, int]:
    start, end = mark.range.start, mark.range.end
    return start.line, start.character, end.line, end.character


ENCODINGS = [
    ("not said", None, "utf-16", 3), ("utf-8", ["utf-8"], "utf-8", 7),
    ("utf-32", ["utf-32", "utf-16"], "utf-32", 2),
]  # fmt: skip


@pytest.mark.parametrize(
    ("asked", "chosen", "column"), [row[1:] for row in ENCODINGS], ids=[row[0] for row in ENCODINGS]
)
def test_columns_are_counted_as_the_editor_counts(tmp_path: Path, asked: Any, chosen: str, column: int) -> None:
    @in_an_editor(tmp_path, encodings=asked)
    async def session(editor: Editor) -> None:
        assert editor.encoding == chosen
        editor.open("a.txt", f"您好\r\n在的😀\r\n{BAD}\r\n")
        [mark] = await editor.marks("a.txt")
        width = 12 if chosen == "utf-8" else 4
        assert span(mark) == (2, column, 2, column + width)


TEXTS = {  # name -> text, marks in UTF-16
    "a.txt": (f"您好\n{BAD}\n", [(1, 3, 1, 7)]),
    "r.txt": ("您好\r加我微信\r在的", [(1, 0, 1, 4)]),  # the old line end counts too
    "other breaks.txt": ("\u2028\x0c\x85加我微信", [(0, 3, 0, 7)]),  # and these do not
    "话术.md": (f"# 活动\n\n- 😊 {BAD}\n", [(2, 8, 2, 12)]),
    "t.csv": (f'分类,回复\n活动,"{BAD}"\n', [(1, 7, 1, 11)]),
    "j.json": ('{"活动": ["您好", "加我\\u5fae信便宜"]}\n', [(0, 15, 0, 24)]),
    "y.yaml": ("活动:\n  - |\n    您好\n    加我微信便宜\n", [(3, 4, 3, 8)]),
    "code.py": ("reply = '加我微信'\n", []),
    "clean.txt": ("您好\n", []),
    "empty.txt": ("", []),
}


def test_every_format_is_marked_where_it_says_so(in_the_editor: Run, tmp_path: Path) -> None:
    @in_the_editor
    async def session(editor: Editor) -> None:
        for name, (text, _) in TEXTS.items():
            editor.open(name, text)
        for name, (_, spans) in TEXTS.items():
            marks = await editor.marks(name)
            assert [span(mark) for mark in marks] == spans, name
            assert all((m.code, m.source, m.severity) == ("off-platform-contact", "kefulint", 1) for m in marks), name


def test_typing(in_the_editor: Run, tmp_path: Path) -> None:
    @in_the_editor
    async def session(editor: Editor) -> None:
        editor.open("a.txt", "您好", on_disk=False)
        assert await editor.marks("a.txt") == []
        for end in range(1, len("加我微信便宜")):
            editor.type("a.txt", "加我微信便宜"[:end])
        last = editor.versions["a.txt"]
        assert len(await editor.marks("a.txt")) == 1
        await asyncio.sleep(0.3)
        versions = [sent.version for sent in editor.sent if sent.uri == editor.uri("a.txt")]
        assert versions[0] == 1 and versions[-1] == last and len(versions) <= 3  # what was typed over was never checked
        editor.type("a.txt", "您好")
        assert await editor.marks("a.txt") == []
        editor.close("a.txt")
        while editor.sent[-1].version is not None:
            await asyncio.sleep(0.02)
        assert not editor.sent[-1].diagnostics


def test_hover(in_the_editor: Run, tmp_path: Path) -> None:
    @in_the_editor
    async def session(editor: Editor) -> None:
        editor.open("a.txt", "您好\n<b>特价不开票</b>的哦\n")
        [mark] = await editor.marks("a.txt")
        assert "（天猫扣分 6（A 类））" in mark.message
        said = await editor.hover("a.txt", 1, mark.range.start.character + 1)
        assert said.contents.kind == lsp.MarkupKind.Markdown and said.range == mark.range
        for words in ("**错误** `invoice-refused`", "扣分 6", "转述条文", "说法不一：", "**可以这样说**", "萌萌客专题"):
            assert words in said.contents.value, said.contents.value
        assert "<" not in said.contents.value.replace("\\<", "")
        assert await editor.hover("a.txt", 0, 0) is None
        editor.type("a.txt", "加我微信")
        assert "off-platform-contact" in (await editor.hover("a.txt", 0, 1)).contents.value  # not the text before


def test_hover_without_markdown(tmp_path: Path) -> None:
    plain = lsp.TextDocumentClientCapabilities(
        hover=lsp.HoverClientCapabilities(content_format=[lsp.MarkupKind.PlainText])
    )

    @in_an_editor(tmp_path, text_document=plain)
    async def session(editor: Editor) -> None:
        editor.open("a.txt", BAD)
        await editor.marks("a.txt")
        said = await editor.hover("a.txt", 0, 4)
        assert said.contents.kind == lsp.MarkupKind.PlainText and "条款  天猫" in said.contents.value


FIXES = {  # name -> text, better by the preferred fix of the first mark, better by all safe fixes
    "a.txt": (
        "😊百分百不掉色\r\n给个五星好评吧\r\n",
        "😊一般不会掉色\r\n给个五星好评吧\r\n",
        "😊一般不会掉色\r\n如实评价一下吧\r\n",
    ),
    "t.csv": ('a,回复\n1,"😊百分百不掉色"\n', 'a,回复\n1,"😊一般不会掉色"\n', 'a,回复\n1,"😊一般不会掉色"\n'),
    "j.json": ('["\\u767e分百不掉色"]', '["一般不会掉色"]', '["一般不会掉色"]'),
}


def test_safe_fixes_one_by_one_and_all_at_once(in_the_editor: Run) -> None:
    @in_the_editor
    async def session(editor: Editor) -> None:
        for name, (text, one, every) in FIXES.items():
            editor.open(name, text)
            mark = (await editor.marks(name))[0]
            offered = await editor.actions(name, mark.range, [lsp.CodeActionKind.QuickFix])
            assert [action.is_preferred for action in offered] == [True, None], name
            assert offered[0].title.startswith("改为：") and list(offered[0].diagnostics) == [mark]
            assert editor.applied(name, text, offered[0]) == one
            [whole] = await editor.actions(name, mark.range, [lsp.CodeActionKind.SourceFixAll])
            assert whole.kind == "source.fixAll.kefulint" and editor.applied(name, text, whole) == every
            editor.type(name, every)
            assert await editor.marks(name) == [], name
            assert await editor.actions(name, mark.range) == []


def test_a_fix_to_be_looked_at_is_not_preferred_and_not_among_all(in_the_editor: Run) -> None:
    @in_the_editor
    async def session(editor: Editor) -> None:
        editor.open("a.txt", "您好\n亲，加我微信便宜\n")
        [mark] = await editor.marks("a.txt")
        fix, allow = await editor.actions("a.txt", mark.range)
        assert fix.title.startswith("改为（请核对）：") and fix.is_preferred is None
        assert "微信" not in editor.applied("a.txt", "您好\n亲，加我微信便宜\n", fix)
        assert allow.title.startswith("允许")
        assert await editor.actions("a.txt", lsp.Range(lsp.Position(0, 0), lsp.Position(0, 2))) == []


COMMENTED = {
    "a.txt": (
        "您好\r\n  加我微信便宜\r\n",
        "您好\r\n  # kefulint: allow off-platform-contact --\r\n  加我微信便宜\r\n",
    ),
    "m.md": ("- 您好\n- 加我微信便宜\n", "- 您好\n<!-- kefulint: allow off-platform-contact -- -->\n- 加我微信便宜\n"),
    "table.md": (
        "| 回复 |\n|---|\n| 加我微信便宜 |\n",
        "| 回复 |\n|---|\n<!-- kefulint: allow off-platform-contact -- -->\n| 加我微信便宜 |\n",
    ),
    "y.yaml": ("a: 您好\nb: 加我微信便宜\n", "a: 您好\n# kefulint: allow off-platform-contact --\nb: 加我微信便宜\n"),
    "block.yaml": (
        "a: |\n  您好\n  加我微信便宜\nb: 在的\n",
        "# kefulint: allow off-platform-contact --\na: |\n  您好\n  加我微信便宜\nb: 在的\n",
    ),
    "p.po": (
        'msgid "a"\nmsgstr "加我微信便宜"\n',
        '# kefulint: allow off-platform-contact --\nmsgid "a"\nmsgstr "加我微信便宜"\n',
    ),
}


def test_a_suppression_in_the_syntax_of_the_format(in_the_editor: Run, tmp_path: Path) -> None:
    @in_the_editor
    async def session(editor: Editor) -> None:
        for name, (text, expected) in COMMENTED.items():
            editor.open(name, text)
            [mark] = await editor.marks(name)
            offered = await editor.actions(name, mark.range)
            [allow] = [action for action in offered if action.title.startswith("允许 off-platform-contact")]
            assert allow.kind == lsp.CodeActionKind.QuickFix and list(allow.diagnostics) == [mark]
            changed = editor.applied(name, text, allow)
            assert changed == expected, name
            editor.type(name, changed)
            codes = [(mark.code, "gives no reason" in mark.message) for mark in await editor.marks(name)]
            assert sorted(codes, key=str) == [("off-platform-contact", False), (None, True)], name
            editor.type(
                name, changed.replace("allow off-platform-contact --", "allow off-platform-contact -- 老客户已备案")
            )
            assert await editor.marks(name) == [], name


def test_formats_without_comments_get_a_side_file(in_the_editor: Run, tmp_path: Path) -> None:
    @in_the_editor
    async def session(editor: Editor) -> None:
        text = '["加我微信便宜"]\n'
        editor.open("j.json", text)
        [mark] = await editor.marks("j.json")
        allow = (await editor.actions("j.json", mark.range))[-1]
        create, change = allow.edit.document_changes
        side = tmp_path / ".kefulint-allow.yaml"
        assert create.uri == change.text_document.uri == side.as_uri() and create.options.ignore_if_exists
        [edit] = change.edits
        side.write_text(edit.new_text.replace('reason: ""', "reason: 老客户已备案"), encoding="utf-8")
        touched = [lsp.FileEvent(side.as_uri(), lsp.FileChangeType.Created)]
        before = len(editor.sent)
        editor.client.workspace_did_change_watched_files(lsp.DidChangeWatchedFilesParams(touched))
        while len(editor.sent) == before:
            await asyncio.sleep(0.02)
        assert not editor.sent[-1].diagnostics
        editor.open("k.json", '["加我QQ便宜"]')
        [mark] = await editor.marks("k.json")
        allow = (await editor.actions("k.json", mark.range))[-1]
        [change] = allow.edit.document_changes  # there is one already
        assert change.edits[0].range.start == lsp.Position(side.read_text(encoding="utf-8").count("\n"), 0)


def test_an_idle_suppression_is_shown_as_such(in_the_editor: Run, tmp_path: Path) -> None:
    @in_the_editor
    async def session(editor: Editor) -> None:
        editor.open("a.txt", "# kefulint: allow off-platform-contact -- 老客户\n您好\n")
        [mark] = await editor.marks("a.txt")
        assert "allows nothing" in mark.message and mark.range.start.line == 0
        assert mark.severity == lsp.DiagnosticSeverity.Hint and list(mark.tags) == [lsp.DiagnosticTag.Unnecessary]


RULE = (
    (Path(__file__).parent / "test_precommit.py").read_text(encoding="utf-8").split('RULE = """\\\n')[1].split('"""')[0]
)


def test_configuration_and_lexicons_are_followed(in_the_editor: Run, tmp_path: Path) -> None:
    @in_the_editor
    async def session(editor: Editor) -> None:
        async def after(name: str, text: str) -> list[Any]:
            (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
            (tmp_path / name).write_text(text, encoding="utf-8")
            editor.sent.clear()
            event = lsp.FileEvent((tmp_path / name).as_uri(), lsp.FileChangeType.Changed)
            editor.client.workspace_did_change_watched_files(lsp.DidChangeWatchedFilesParams([event]))
            return await editor.marks("a.txt")

        editor.open("a.txt", "加我微信\n送您贴纸一张\n")
        assert [mark.code for mark in await editor.marks("a.txt")] == ["off-platform-contact"]
        assert "**/kefulint.toml" in editor.watched
        [mark] = await after("kefulint.toml", 'platform = ["tmall"]\n')
        assert "kefulint.toml:1: unknown key 'platform'" in mark.message
        assert await after("kefulint.toml", 'ignore = ["off-platform-contact"]\n') == []
        [mark] = await after("kefulint.toml", '[verdicts]\noff-platform-contact = "warning"\n')
        assert mark.severity == lsp.DiagnosticSeverity.Warning
        assert "判定按店铺的设置改过" in (await editor.hover("a.txt", 0, 1)).contents.value
        (tmp_path / "shop/concepts").mkdir(parents=True)
        (tmp_path / "shop/concepts/sticker.yaml").write_text("title: 贴纸\nstrong: [贴纸]\n", encoding="utf-8")
        (tmp_path / "shop/rules/gift").mkdir(parents=True)
        rule = RULE.replace("status: draft", "status: stable").replace(
            "violates:\n", "violates:\n  - 下单就[[送贴纸]]\n  - 这单[[送您贴纸]]\n  - 都[[给贴纸]]\n"
        )
        (tmp_path / "shop/rules/gift/sticker-promised.yaml").write_text(
            rule.replace("passes:\n", "passes:\n  - 我们不送贴纸的\n  - 有贴纸卖\n  - 贴纸多少钱\n"), encoding="utf-8"
        )
        marks = await after("kefulint.toml", 'lexicons = ["shop"]\n')
        assert [mark.code for mark in marks] == ["off-platform-contact", "sticker-promised"]
        marks = await after("shop/concepts/sticker.yaml", "title: 贴纸\nstrong: [贴画]\n")
        assert [mark.code for mark in marks] == ["off-platform-contact"]
        marks = await after("shop/concepts/sticker.yaml", "titel: 贴纸\n")
        assert all(mark.range.start == lsp.Position(0, 0) for mark in marks)
        assert any("sticker.yaml:1: unknown key 'titel'" in mark.message for mark in marks), marks
