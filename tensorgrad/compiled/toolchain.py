"""The C compiler, and the libraries that it made: in a folder of the user's own, each found by what it is made of."""

from __future__ import annotations

import ctypes
import hashlib
import importlib.util
import logging
import os
import platform
import shlex
import shutil
import stat
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any, NamedTuple

from tensorgrad.base.caching import remembered
from tensorgrad.errors import CompileError

log = logging.getLogger("tensorgrad.compile")

FLAGS = (
    *("-O3", "-march=native", "-std=c99", "-fPIC", "-shared", "-fwrapv", "-fno-strict-aliasing"),
    *("-ffp-contract=off", "-fno-math-errno", "-fno-trapping-math"),
)
"""No reassociation, no contraction: what is computed is what stands in the source."""
SUFFIX = ".dll" if os.name == "nt" else ".so"
PATIENCE = 120  # seconds
NO_COMPILER = "install gcc or clang, or pip install ziglang, or let CC name one"
"""What to do without a compiler."""


class Compiler(NamedTuple):
    """How a C compiler is called, and what it says it is."""

    command: tuple[str, ...]
    version: str


@remembered()
def compiler() -> Compiler | None:
    """Return the first C compiler that answers: CC, cc, gcc, clang, or the one of ziglang; None without any."""
    candidates = [tuple(shlex.split(os.environ.get("CC", ""))), ("cc",), ("gcc",), ("clang",)]
    if importlib.util.find_spec("ziglang"):
        candidates.append((sys.executable, "-P", "-m", "ziglang", "cc"))  # -P: not the one of the folder one is in
    for command in candidates:
        if command and shutil.which(command[0]):
            try:
                done = _ran([*command, "--version"])
            except (OSError, subprocess.TimeoutExpired):
                continue
            if done.returncode == 0:
                return Compiler(command, done.stdout.strip())
    return None


def _ran(command: list[str]) -> subprocess.CompletedProcess[str]:
    """Run the compiler.

    Raises:
        OSError, TimeoutExpired: it does not start, or does not end.
    """
    # the whole path: Python looks for a name under other filters of warnings, after which each is shown once more
    command = [shutil.which(command[0]) or command[0], *command[1:]]
    return subprocess.run(command, capture_output=True, text=True, check=False, timeout=PATIENCE)  # noqa: S603


@remembered()
def processor() -> str:
    """Return what the machine's processor is, and can: code that was made for another one may not run on it."""
    info = Path("/proc/cpuinfo")
    lines = info.read_text().splitlines() if info.exists() else []
    told = sorted({line for line in lines if line.startswith(("flags", "Features", "model name", "CPU part"))})
    return "\n".join([platform.system(), platform.machine(), *(told or [platform.processor()])])


def folder() -> Path:
    """Return the folder of compiled libraries, which only the user may write.

    Raises:
        CompileError: it cannot be made, belongs to somebody else, or others may write it.
    """
    base = Path(os.environ.get("XDG_CACHE_HOME") or os.environ.get("LOCALAPPDATA") or "")
    if not base.is_absolute():
        base = Path.home() / ("Library/Caches" if sys.platform == "darwin" else ".cache")
    path = base / "tensorgrad" / "compiled"
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        path.mkdir(mode=0o700, exist_ok=True)
    except OSError as error:
        raise CompileError(
            f"the folder of compiled code cannot be made ({error}): let XDG_CACHE_HOME name a place that can be written"
        ) from None
    if os.name != "nt":
        state = path.lstat()
        if not stat.S_ISDIR(state.st_mode) or state.st_uid != os.getuid() or state.st_mode & 0o022:
            raise CompileError(
                f"{path} is no folder that only this user may write, so no compiled code is loaded from it: "
                f"remove it, or chmod 700 it, or let XDG_CACHE_HOME name another place"
            )
    return path


def key(source: str, found: Compiler) -> str:
    """Return what a library is named by: all that it is made of and for."""
    parts = [source, *found.command, found.version, *FLAGS, processor()]
    return hashlib.sha256("\0".join(parts).encode()).hexdigest()[:32]


@remembered()
def build(source: str) -> Any:
    """Return the loaded library of a C source; it is compiled unless that was done before.

    Raises:
        CompileError: there is no compiler, or it refused, or the folder for what it makes is not safe.
    """
    found = compiler()
    if found is None:
        raise CompileError(f"no C compiler: {NO_COMPILER}")
    path = folder() / f"{key(source, found)}{SUFFIX}"
    if not _is_whole(path):
        _put(found, source, path)
    try:
        return ctypes.CDLL(str(path))
    except OSError:
        log.warning("%s cannot be loaded, and is compiled again", path)
        _put(found, source, path)
    try:
        return ctypes.CDLL(str(path))
    except OSError as error:
        raise CompileError(f"what {shlex.join(found.command)} made cannot be loaded: {error}") from None


def _sum_of(path: Path) -> Path:
    return path.with_suffix(".sha256")


def _digest(path: Path) -> str:
    return hashlib.sha256(path.read_bytes()).hexdigest()


def _is_whole(path: Path) -> bool:
    """Return whether a library is there, and is what was written."""
    try:
        return _sum_of(path).read_text() == _digest(path)
    except (OSError, UnicodeDecodeError):
        return False


def _put(found: Compiler, source: str, path: Path) -> None:
    """Compile a source to `path`.

    Raises:
        CompileError: the compiler refused, or the folder cannot be written, for it is full perhaps.
    """
    try:
        _make(found, source, path)
    except OSError as error:
        raise CompileError(f"compiled code cannot be written to {path.parent}: {error}") from None


def _make(found: Compiler, source: str, path: Path) -> None:
    """Compile a source beside `path`, and put the library there in one go, after its sum.

    Raises:
        CompileError: the compiler refused.
    """
    with tempfile.TemporaryDirectory(dir=path.parent) as name:
        text, made, told = (Path(name) / part for part in ("source.c", f"made{SUFFIX}", "sum"))
        text.write_text(source)
        command = [*found.command, *FLAGS, "-o", str(made), str(text), *([] if os.name == "nt" else ["-lm"])]
        try:
            done = _ran(command)
        except (OSError, subprocess.TimeoutExpired) as error:
            raise CompileError(f"{shlex.join(found.command)} did not compile a plan: {error}") from None
        if done.returncode:
            raise CompileError(
                f"{shlex.join(found.command)} refused the source of a plan:\n{done.stderr.strip()[:2000]}"
            )
        told.write_text(_digest(made))
        told.replace(_sum_of(path))
        made.replace(path)
