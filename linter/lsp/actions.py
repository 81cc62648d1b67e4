"""Results in, changes to the text out: fixes, and suppressions in the syntax of the format.

A change is made on the document and the texts before and after are compared, so that an editor gets the format's own
quoting. Whether a comment works is tried out, not known: the text with the comment is read again, and the comment must
speak of the reply while all replies stay what they were. Where none does, the side file takes the suppression. The reason
is left open on purpose: it is an error until somebody writes one.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Sequence
from pathlib import Path

from lsprotocol.types import (
    CodeAction,
    CodeActionKind,
    CreateFile,
    CreateFileOptions,
    OptionalVersionedTextDocumentIdentifier,
    Position,
    Range,
    TextDocumentEdit,
    TextEdit,
    WorkspaceEdit,
)
from pygls.uris import from_fs_path

from linter import suppress
from linter.checking import side_path
from linter.fixing import fixed_file
from linter.formats import Document
from linter.lsp.checked import Checked, units
from linter.lsp.shown import diagnostic
from linter.model import KefulintError, Message, Place
from linter.results import Result

FIX_ALL = f"{CodeActionKind.SourceFixAll.value}.kefulint"
COMMENTS = {
    "text": "# {}", "yaml": "# {}", "po": "# {}", "jsonc": "// {}", "markdown": "<!-- {} -->", "jinja": "{{# {} #}}",
}  # fmt: skip
_ABOVE = 4  # lines above a reply where its comment may stand
_INDENT = re.compile(r"[ \t]*")


class Actions:
    """The changes offered for one version of a text at one address. `versioned`, `creating`: what the client can do."""

    def __init__(self, uri: str, checked: Checked, *, versioned: bool, creating: bool) -> None:
        self.uri, self.checked, self.versioned, self.creating = uri, checked, versioned, creating

    def for_results(self, results: Sequence[Result]) -> Iterator[CodeAction]:
        """Yield the quick fixes of some results: better wordings first, suppressions last."""
        for result in results:
            yield from self._fix(result)
        for result in results:
            yield from self._allow(result)

    def fix_all(self) -> Iterator[CodeAction]:
        """Yield one action that makes every safe fix of the text, round by round like the command does."""
        checked, document = self.checked, self.checked.document
        if checked.checker is None or checked.file is None or document is None:
            return
        fixed = fixed_file(checked.checker, checked.file, checked.results)
        if fixed.changed:
            edit = self._replaced(document, document.reread(fixed.after))
            yield CodeAction("改好所有可以放心改的地方", FIX_ALL, edit=edit)

    def _fix(self, result: Result) -> Iterator[CodeAction]:
        reply, fix = self.checked.reply(result), result.finding.fix
        document = self.checked.document
        if reply is None or fix is None or document is None or not document.edits_allowed:
            return
        try:
            after = document.reread(document.edited([(reply, fix)]))
        except KefulintError:  # the format cannot hold the words there
            return
        says = "改为" if fix.safe else "改为（请核对）"
        yield CodeAction(
            f"{says}：{fix.replacement}" if fix.replacement else "删去这几个字", CodeActionKind.QuickFix,
            [diagnostic(self.checked, result)], is_preferred=fix.safe or None, edit=self._replaced(document, after),
        )  # fmt: skip

    def _replaced(self, before: Document, after: Document) -> WorkspaceEdit:
        place, words = difference(before, after.source.text)
        return self._here(TextEdit(self.checked.range(place), words))

    def _allow(self, result: Result) -> Iterator[CodeAction]:
        rule, document = result.finding.rule, self.checked.document
        if document is None:
            return
        edit = self._comment(document, result) or self._side_file(result)
        if edit is not None:
            title = f"允许 {rule}（kefulint: allow，原因写在 -- 后面）"
            yield CodeAction(title, CodeActionKind.QuickFix, [diagnostic(self.checked, result)], edit=edit)

    def _comment(self, document: Document, result: Result) -> WorkspaceEdit | None:
        reply, form = self.checked.reply(result), COMMENTS.get(document.format)
        if reply is None or form is None or reply.origin.line is None:
            return None
        index = next(number for number, one in enumerate(document.replies) if one is reply)
        comment = form.format(f"kefulint: allow {result.finding.rule} --")
        for offset, words in _positions(document, reply, comment):
            text = document.source.text
            after = text[:offset] + words + text[offset:]
            if _works(document, document.reread(after.encode("utf-8", "surrogatepass")), index):
                start = self.checked.position(*document.source.position(offset))
                return self._here(TextEdit(Range(start, start), words))
        return None

    def _side_file(self, result: Result) -> WorkspaceEdit | None:
        """Return an edit that adds an entry to the nearest side file, or to a new one beside the text."""
        known = side_path(self.checked.path, self.checked.file.settings) if self.checked.file else None
        path = (known or Path(self.checked.path).parent / suppress.SIDE_FILE).absolute()
        exists = path.is_file()
        if not (exists or self.creating) or not Path(self.checked.path).absolute().is_relative_to(path.parent):
            return None
        text = path.read_text(encoding="utf-8") if exists else ""
        entry = {
            "path": Path(self.checked.path).absolute().relative_to(path.parent).as_posix(),
            "rule": result.finding.rule, "words": result.finding.text, "reason": "",
        }  # fmt: skip
        lines = [f"{key}: {json.dumps(value, ensure_ascii=False)}" for key, value in entry.items()]
        words = ("" if not text or text.endswith("\n") else "\n") + "- " + "\n  ".join(lines) + "\n"
        end = Position(text.count("\n"), units(text[text.rfind("\n") + 1 :], self.checked.encoding))
        uri = from_fs_path(str(path)) or ""
        added = TextEdit(Range(end, end), words)
        create = [] if exists else [CreateFile(uri, options=CreateFileOptions(ignore_if_exists=True))]
        if not self.versioned:
            return WorkspaceEdit({uri: [added]})
        changed = TextDocumentEdit(OptionalVersionedTextDocumentIdentifier(uri), [added])
        return WorkspaceEdit(document_changes=[*create, changed])

    def _here(self, edit: TextEdit) -> WorkspaceEdit:
        if not self.versioned:
            return WorkspaceEdit({self.uri: [edit]})
        this = OptionalVersionedTextDocumentIdentifier(self.uri, self.checked.version)
        return WorkspaceEdit(document_changes=[TextDocumentEdit(this, [edit])])


def difference(document: Document, after: str) -> tuple[Place, str]:
    """Return the one stretch in which a document's text and another differ, and what the other has there."""
    before = document.source.text
    start = _alike(before, after)
    end = _alike(before[start:][::-1], after[start:][::-1])
    last = len(before) - end
    return Place(*document.source.position(start), *document.source.position(last)), after[start : len(after) - end]


def _alike(one: str, other: str) -> int:
    """Return how many characters two texts share at their start."""
    pairs = enumerate(zip(one, other, strict=False))
    return next((index for index, (a, b) in pairs if a != b), min(len(one), len(other)))


def _positions(document: Document, reply: Message, comment: str) -> Iterator[tuple[int, str]]:
    """Yield where a comment may stand: on a line of its own above the reply's, or above its key's, or at the line's end."""
    source, line = document.source, reply.origin.line or 1
    text = source.text
    newline = "\r\n" if "\r\n" in text else "\n"
    for above in range(line, max(0, line - _ABOVE), -1):
        start = source.lines[above - 1]
        indent = _INDENT.match(text, start)
        yield start, f"{indent[0] if indent else ''}{comment}{newline}"
    yield list(source.spans())[line - 1][1], f" {comment}"


def _works(before: Document, after: Document, index: int) -> bool:
    """Does the new comment speak of the reply, and is everything else as it was?"""
    same = [reply.text for reply in before.replies] == [reply.text for reply in after.replies]
    fresh = len(after.comments) == len(before.comments) + 1 and len(after.troubles) == len(before.troubles)
    if not same or not fresh:
        return False
    said = [comment for comment in after.comments if comment.text.endswith("--")]
    return any(reply is after.replies[index] for comment in said for reply in after.covered(comment))
