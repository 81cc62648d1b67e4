"""Compiles what is asked for every message, where a C++ compiler is at hand; without one the package is built without it.

A wheel has the compiled part (`linter/_native.pyx`) and compiled twins of the modules that judge, with the types of their
`.pxd` files. An editable install has the compiled part alone: a twin would stand in front of the source one edits.
KEFULINT_BUILD=pure compiles nothing, KEFULINT_BUILD=compiled makes a failure an error.
"""

from __future__ import annotations

import os
import shutil
import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from hatchling.builders.hooks.plugin.interface import BuildHookInterface

_NATIVE = "_native.pyx"
_TWINS = (
    "text.py", "terms.py", "pattern.py", "words.py", "scan.py", "confirm.py", "judge.py", "compiled.py", "prefilter.py", "engine.py",
    "measures.py", "logs.py", "summary.py", "service.py", "audit.py",
)  # fmt: skip


class CompilingHook(BuildHookInterface):
    """Adds the compiled modules to a wheel, or puts them beside the sources for an editable install."""

    _folder: tempfile.TemporaryDirectory[str] | None = None

    def initialize(self, version: str, build_data: dict[str, Any]) -> None:
        wanted = os.environ.get("KEFULINT_BUILD", "")
        if wanted == "pure":
            return
        editable = version == "editable"
        if not editable:
            self._folder = tempfile.TemporaryDirectory(prefix="kefulint-")  # until the wheel is written
        target = Path(self.root, "linter") if editable else Path(self._folder.name)
        try:
            built = _compile(Path(self.root), [_NATIVE] if editable else [_NATIVE, *_TWINS], target)
        except Exception as error:  # no compiler, no headers: whatever it is, the package works without
            if wanted == "compiled":
                raise
            self.app.display_warning(f"built without its compiled part, which makes it slower: {error}")
            return
        if not editable:
            build_data["pure_python"] = False
            build_data["infer_tag"] = True
            build_data["force_include"] |= {str(path): f"linter/{path.name}" for path in built}

    def finalize(self, version: str, build_data: dict[str, Any], artifact_path: str) -> None:
        if self._folder is not None:
            self._folder.cleanup()


def _compile(root: Path, names: Sequence[str], target: Path) -> list[Path]:
    """Compile modules of the package; return where they lie in the target folder."""
    from Cython.Build import cythonize
    from setuptools import Distribution, Extension
    from setuptools.command.build_ext import build_ext

    before = Path.cwd()
    with tempfile.TemporaryDirectory(prefix="kefulint-") as folder:
        os.chdir(root)  # modules are named by their path from here
        try:
            options = [] if os.name == "nt" else ["-g0", "-O2"]  # what a debugger would need is ten times the rest
            modules = [
                Extension(f"linter.{Path(name).stem}", [f"linter/{name}"], extra_compile_args=options) for name in names
            ]
            made = cythonize(
                modules,
                build_dir=folder,
                quiet=True,
                force=True,
                show_all_warnings=False,
                compiler_directives={"language_level": 3, "annotation_typing": False, "show_performance_hints": False},
            )
            command = build_ext(Distribution({"ext_modules": made}))
            command.build_lib, command.build_temp = f"{folder}/lib", f"{folder}/temp"
            command.parallel = os.cpu_count()
            command.ensure_finalized()
            command.run()
        finally:
            os.chdir(before)
        return [_moved(Path(path), target) for path in command.get_outputs()]


def _moved(path: Path, target: Path) -> Path:
    """Put a file in a folder in one step: a process that runs keeps the file it has."""
    new = shutil.copy(path, target / f"{path.name}.new")
    return Path(new).replace(target / path.name)
