"""The C compiler, and the folder of what it made: nothing is loaded that somebody else could have put there."""

from __future__ import annotations

import logging
import os
import shlex
import stat
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

import tensorgrad as tg
from tensorgrad.compiled import backends, toolchain
from tensorgrad.errors import CompileError
from tests.waiting import CEILING

needs_compiler = pytest.mark.skipif(toolchain.compiler() is None, reason="no C compiler here")
needs_modes = pytest.mark.skipif(os.name == "nt", reason="no modes of files here")
SOURCE = "int answer(void) { return 42; }\n"


@pytest.fixture
def fresh(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Any:
    """An empty cache, and nothing remembered of compilers and of what has been loaded."""
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    monkeypatch.delenv("CC", raising=False)
    caches = toolchain.compiler, toolchain.build, backends._has_compiler
    for one in caches:
        one.cache_clear()
    yield tmp_path / "tensorgrad" / "compiled"
    for one in caches:
        one.cache_clear()


def made(folder: Path) -> list[Path]:
    return sorted(folder.glob(f"*{toolchain.SUFFIX}"))


@needs_compiler
def test_a_library_is_compiled_once(fresh: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    assert toolchain.build(SOURCE).answer() == 42
    (path,) = made(fresh)
    assert {p.suffix for p in fresh.iterdir()} == {toolchain.SUFFIX, ".sha256"}
    monkeypatch.setattr(toolchain, "_make", None)
    toolchain.build.cache_clear()
    assert toolchain.build(SOURCE).answer() == 42
    assert made(fresh) == [path]


@needs_compiler
@pytest.mark.parametrize("damage", ["cut", "other", "no sum", "wrong sum", "sum is no text"])
def test_what_is_damaged_is_compiled_again(fresh: Path, damage: str) -> None:
    found = toolchain.compiler()
    assert found is not None
    toolchain.folder()
    path = fresh / f"{toolchain.key(SOURCE, found)}{toolchain.SUFFIX}"
    toolchain._make(found, SOURCE, path)
    told = path.with_suffix(".sha256")
    if damage == "cut":
        path.write_bytes(path.read_bytes()[:100])
    elif damage == "other":
        path.write_bytes(path.read_bytes().replace(b"answer", b"nswera"))
    elif damage == "no sum":
        told.unlink()
    else:
        told.write_bytes(b"0" * 64 if damage == "wrong sum" else b"\xff\xfe")
    assert toolchain.build(SOURCE).answer() == 42


@needs_compiler
@needs_modes
@pytest.mark.parametrize("mode", [0o777, 0o720, 0o702])
def test_a_folder_that_others_may_write_is_refused(fresh: Path, mode: int) -> None:
    assert stat.S_IMODE(toolchain.folder().stat().st_mode) == 0o700
    fresh.chmod(mode)
    with pytest.raises(CompileError, match="chmod 700"):
        toolchain.build(SOURCE)
    assert not made(fresh)


@needs_compiler
@needs_modes
def test_a_link_to_a_folder_is_refused(fresh: Path, tmp_path: Path) -> None:
    fresh.parent.mkdir()
    (tmp_path / "other").mkdir(mode=0o700)
    fresh.symlink_to(tmp_path / "other")
    with pytest.raises(CompileError, match="no folder that only this user may write"):
        toolchain.build(SOURCE)


@needs_compiler
def test_the_compiler_that_cc_names_has_its_arguments(fresh: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    plain = toolchain.compiler()
    assert plain is not None
    monkeypatch.setenv("CC", f"{shlex.join(plain.command)} -DANSWER=43 '-DWORD=\"two words\"'")
    toolchain.compiler.cache_clear()
    assert toolchain.build("int answer(void) { return ANSWER + sizeof(WORD) - sizeof(WORD); }\n").answer() == 43


@needs_modes
@pytest.mark.parametrize("cc", ["/nothing/here", "false"])
def test_without_a_compiler_plans_are_of_numpy(
    fresh: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture, cc: str
) -> None:
    monkeypatch.setenv("CC", cc)
    monkeypatch.setenv("PATH", "/bin" if cc == "false" and Path("/bin/false").exists() else "")
    monkeypatch.setattr(toolchain.shutil, "which", lambda name: name if name == "false" else None)
    assert toolchain.compiler() is None
    with caplog.at_level(logging.INFO, "tensorgrad.compile"):
        f = tg.compile(lambda x: x * 2 + 1)
        for _ in range(4):
            assert f(tg.ones(3)).tolist() == [3.0, 3.0, 3.0]
    assert f.runs == 2
    assert [r.getMessage() for r in caplog.records] == ["no C compiler was found: plans are made of calls of NumPy"]
    g = tg.compile(lambda x: x * 2 + 1, backend="c")
    g(tg.ones(3))
    with pytest.raises(CompileError, match="no C compiler: install gcc or clang, or pip install ziglang"):
        g(tg.ones(3))


def test_a_folder_beside_the_script_is_not_taken_for_ziglang(
    fresh: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "ziglang").mkdir()
    (tmp_path / "ziglang" / "__main__.py").write_text("open('it-ran', 'w')\n")
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("PYTHONPATH", raising=False)  # which may name the folder one is in
    monkeypatch.setenv("PATH", "")
    monkeypatch.setattr(toolchain.importlib.util, "find_spec", lambda name: name)
    found = toolchain.compiler()
    assert found is None or found.version
    assert not (tmp_path / "it-ran").exists()


@pytest.mark.parametrize("off", ["backend", "environment"])
def test_without_c_nothing_is_called_or_written(fresh: Path, monkeypatch: pytest.MonkeyPatch, off: str) -> None:
    monkeypatch.setattr(toolchain, "_ran", None)
    if off == "environment":
        monkeypatch.setenv("TENSORGRAD_COMPILE", "0")
    f = tg.compile(lambda x: x * 2 + 1, backend="numpy" if off == "backend" else "auto")
    for _ in range(4):
        assert f(tg.ones(3)).tolist() == [3.0, 3.0, 3.0]
    assert not fresh.parent.exists()


@needs_compiler
@needs_modes
def test_a_compiler_that_refuses_leaves_plans_of_numpy(
    fresh: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(toolchain, "FLAGS", (*toolchain.FLAGS, "--no-such-flag"))
    f = tg.compile(lambda x: x * 2 + 1)
    for _ in range(4):
        assert f(tg.ones(3)).tolist() == [3.0, 3.0, 3.0]
    assert f.runs == 2
    assert "refused the source of a plan" in caplog.text
    assert not list(fresh.iterdir())


@needs_compiler
def test_processes_that_compile_the_same_at_once_all_get_it(fresh: Path) -> None:
    program = f"from tensorgrad.compiled import toolchain; assert toolchain.build({SOURCE!r}).answer() == 42"
    running = [subprocess.Popen([sys.executable, "-c", program]) for _ in range(3)]
    assert [one.wait(CEILING) for one in running] == [0, 0, 0]
    assert len(list(fresh.iterdir())) == 2


@needs_compiler
def test_where_nothing_can_be_written_plans_are_of_numpy(
    fresh: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
) -> None:
    file = tmp_path / "file"
    file.write_text("")
    monkeypatch.setenv("XDG_CACHE_HOME", str(file / "beneath"))
    doubled = tg.compile(lambda x: (x * 2).sum())
    assert [float(doubled(tg.ones(3))) for _ in range(4)] == [6.0] * 4
    assert doubled.runs == 2
    assert "XDG_CACHE_HOME" in caplog.text
    with pytest.raises(CompileError, match="cannot be made"):
        toolchain.build(SOURCE)
