"""The compiled form of the lexicons: used when it fits, never when it could be somebody else's, and always right."""

from __future__ import annotations

import os
import pickle
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from linter import Linter, cache, packed
from linter import folder as folder_
from linter.compiled import Compiled, compiled
from linter.lexicon import load_lexicon
from linter.model import KefulintError

TEXTS = ["加我V信abc12345", "亲特价不开票的哦", "五星好评返3元", "您好，今天下午发货"]


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Return an empty cache folder in use."""
    monkeypatch.setenv("KEFULINT_CACHE", str(tmp_path))
    monkeypatch.delenv("KEFULINT_NO_CACHE", raising=False)
    cache.forget()
    yield tmp_path / "kefulint"
    cache.forget()


@pytest.fixture(scope="module")
def compiled_once(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a file of the shipped lexicons' compiled form: compiling takes seconds, and once will do."""
    path = tmp_path_factory.mktemp("compiled") / "made.bin"
    folder_.keep(compiled(load_lexicon()), path)
    return path


@pytest.fixture
def filled(folder: Path, compiled_once: Path) -> Path:
    """Return a cache folder that holds the compiled form."""
    path = cache._path(cache.key_of(()))
    assert path is not None and path.parent == folder
    shutil.copyfile(compiled_once, path)
    path.chmod(0o600)
    return folder


def _file(folder: Path) -> Path:
    (found,) = folder.glob("lexicon-*.bin")
    return found


def _findings(linter: Linter) -> list[list[tuple[object, ...]]]:
    return [[(f.rule, f.start, f.end, f.clauses, f.version) for f in linter.check(text)] for text in TEXTS]


def test_the_same_findings_from_the_file(folder: Path) -> None:
    fresh = _findings(Linter("tmall", lexicon=load_lexicon()))
    Linter("tmall")
    assert _file(folder).stat().st_mode & 0o777 == 0o600
    assert folder.stat().st_mode & 0o777 == 0o700
    cache.forget()
    linter = Linter("tmall")
    assert _findings(linter) == fresh
    assert len(linter.lexicon.rules["insult"].violates) >= 4  # what was packed away is there when asked for
    assert "wechat" in linter.lexicon.concepts


def test_loading_imports_no_tables(filled: Path) -> None:
    code = (
        "import sys; from linter import Linter; Linter('tmall').check('您好，今天下午发货');"
        "print([m for m in ('yaml', 'opencc', 'pypinyin', 'jieba', 'regex', 'numpy') if m in sys.modules])"
    )
    shown = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout
    assert shown.strip() == "[]"


def test_other_lexicons_have_another_file(filled: Path, tmp_path: Path) -> None:
    shop = tmp_path / "shop" / "concepts"
    shop.mkdir(parents=True)
    names = {cache._path(cache.key_of(()))}
    for spelling in ("贴纸", "贴画"):
        (shop / "sticker.yaml").write_text(f"title: 贴纸\nstrong: [{spelling}]\n", encoding="utf-8")
        names.add(cache._path(cache.key_of((str(tmp_path / "shop"),))))
    assert len(names) == 3
    assert "贴画" in Linter("tmall", [tmp_path / "shop"]).lexicon.concepts["sticker"].strong
    assert len(list(filled.glob("lexicon-*.bin"))) == 2


@pytest.mark.parametrize("change", ["cut", "flipped", "empty", "writable", "link", "folder"])
def test_a_file_that_cannot_be_trusted_is_not_loaded(filled: Path, change: str) -> None:
    path = _file(filled)
    assert folder_.kept(path, Compiled) is not None
    data = path.read_bytes()
    if change == "cut":
        path.write_bytes(data[: len(data) // 2])
    elif change == "flipped":
        path.write_bytes(data[:5000] + bytes([data[5000] ^ 1]) + data[5001:])
    elif change == "empty":
        path.write_bytes(b"")
    elif change == "writable":
        path.chmod(0o666)
    elif change == "link":
        path.rename(filled / "elsewhere")
        path.symlink_to(filled / "elsewhere")
    else:
        path.unlink()
        path.mkdir()
    assert folder_.kept(path, Compiled) is None


def test_a_pickle_that_calls_something_is_refused(tmp_path: Path) -> None:
    class Evil:
        def __reduce__(self) -> tuple[object, ...]:
            return os.mkdir, (str(tmp_path / "made"),)

    with pytest.raises(pickle.UnpicklingError, match="not for us"):
        packed.unpack(pickle.dumps(Evil()))
    assert not (tmp_path / "made").exists()


def test_no_cache_when_it_is_not_wanted(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("KEFULINT_NO_CACHE", "1")
    assert cache._path(cache.key_of(())) is None


def test_old_files_are_removed(folder: Path, compiled_once: Path) -> None:
    folder.mkdir(parents=True)
    for number in range(12):
        (folder / f"lexicon-{number}.bin").write_bytes(b"old")
        os.utime(folder / f"lexicon-{number}.bin", (number, number))
    folder_._prune(folder, "lexicon")
    assert len(list(folder.glob("lexicon-*.bin"))) == 8


# --- nowhere to write ------------------------------------------------------------------------------------------------


@pytest.fixture
def nowhere(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Let the cache folder be one that cannot be made; return the temporary folder."""
    (tmp_path / "file").touch()
    monkeypatch.setenv("KEFULINT_CACHE", str(tmp_path / "file"))
    monkeypatch.delenv("KEFULINT_NO_CACHE", raising=False)
    (tmp_path / "tmp").mkdir()
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path / "tmp"))
    return tmp_path / "tmp"


def test_without_a_place_of_its_own_every_run_uses_the_same_one(nowhere: Path) -> None:
    assert folder_.private_folder() == folder_.private_folder()
    (made,) = nowhere.iterdir()
    assert made.stat().st_mode & 0o777 == 0o700


@pytest.mark.skipif(os.name != "posix", reason="needs links")
def test_a_link_in_the_temporary_folder_is_not_followed(nowhere: Path, tmp_path: Path) -> None:
    (tmp_path / "elsewhere").mkdir(mode=0o755)
    (nowhere / f"kefulint-{os.getuid()}").symlink_to(tmp_path / "elsewhere")
    with pytest.raises(KefulintError, match="belongs to somebody else"):
        folder_.private_folder()
    assert (tmp_path / "elsewhere").stat().st_mode & 0o777 == 0o755
    assert cache._path("x") is None
