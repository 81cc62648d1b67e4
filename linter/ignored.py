"""Which files of a working tree git leaves out, so that vendored packages and build output are not searched.

Outside a working tree nothing is. The decision to question: what is named itself is always checked, and a folder that is
named and ignored is searched as if it were not; nobody names `dist/` to have nothing checked.
"""

from __future__ import annotations

import os
from pathlib import Path

from pathspec import GitIgnoreSpec


class Ignored:
    """What git ignores below one folder that is searched."""

    def __init__(self, top: str | Path) -> None:
        folder = Path(os.path.abspath(top))  # noqa: PTH100 -- Path.resolve would follow links, which a path's name does not
        self._root = next((one for one in (folder, *folder.parents) if (one / ".git").exists()), None)
        self._specs: dict[Path, GitIgnoreSpec] = {}
        if self._root is not None and any(self.covers(one, is_folder=True) for one in (folder, *folder.parents)):
            self._root = None

    def covers(self, path: str | Path, *, is_folder: bool) -> bool:
        """Is a path left out by the nearest file that says anything about it? Its folders are not asked again."""
        full = Path(os.path.abspath(path))  # noqa: PTH100
        root = self._root
        if root is None or full == root or not full.is_relative_to(root):
            return False
        for folder in (one for one in full.parents if one.is_relative_to(root)):
            said = self._spec(folder).check_file(full.relative_to(folder).as_posix() + "/" * is_folder).include
            if said is not None:
                return said
        return False

    def _spec(self, folder: Path) -> GitIgnoreSpec:
        if folder not in self._specs:
            files = [folder / ".gitignore"]
            if folder == self._root:
                files.insert(0, folder / ".git" / "info" / "exclude")
            lines = [
                line for file in files if file.is_file() for line in file.read_text("utf-8", "replace").splitlines()
            ]
            self._specs[folder] = GitIgnoreSpec.from_lines(lines)
        return self._specs[folder]
