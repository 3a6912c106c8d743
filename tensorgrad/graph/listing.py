"""The graph as text: a typed program, one line per value, under the modules and functions that computed it."""

from __future__ import annotations

import ast
from collections.abc import Sequence
from typing import Any

import numpy as np

from tensorgrad.base.context import FunctionScope, Scope
from tensorgrad.engine.numpycalls import REST
from tensorgrad.engine.reads import Read
from tensorgrad.engine.tensor import Constant

from .identifiers import on_one_line, unique_names
from .nodes import GraphNode, common, compound, upward
from .notation import with_operator

_LONGEST = 60  # characters of a parameter's value


def listing(nodes: Sequence[GraphNode], outputs: Sequence[int], names: Sequence[str]) -> str:
    """Return the program of `nodes`; `names` are made into identifiers that no two values share."""
    words = unique_names(names)
    lines: list[str] = []
    around: list[Scope] = []
    headed = compound(nodes)
    order = 0
    for node in nodes:
        if node.order != order:
            order = node.order
            lines.append("# backward" if order == 1 else f"# backward, order {order}")
        scopes = (
            [] if node.is_leaf else [s for s in upward(node.scope) if s in headed or not isinstance(s, FunctionScope)]
        )
        if not node.is_leaf:
            shared = len(common([around, scopes]))
            lines += [f"{'  ' * i}# {_title(scopes[i])}" for i in range(shared, len(scopes))]
            around = scopes
        typed = f"{words[node.index]}: {_described(node.dtype, node.shape)}"
        lines.append(f"{'  ' * len(scopes)}{typed} = {_computed(node, words)}")
    return "\n".join([*lines, f"return {', '.join(words[i] for i in outputs)}"])


def _title(scope: Scope) -> str:
    if isinstance(scope, FunctionScope):
        return scope.kind
    path = f"{scope.path}: " if scope.path else ""
    return on_one_line(f"{path}{scope.kind}({scope.detail if scope.size or scope.path else ''})")


def _described(dtype: Any, shape: tuple[int, ...]) -> str:
    return f"{dtype}[{','.join(map(str, shape))}]"


def _computed(node: GraphNode, words: Sequence[str]) -> str:
    """Return the right side of a line: ``x0 * x0``, ``sum(v1, axis=0)``, ``parameter``."""
    if node.is_leaf:
        number = node.value if node.op == "constant" else None
        return node.op if number is None or number.size != 1 else f"constant {number.item()!r}"
    own = [o for o in node.operands if not o.parameter]
    operands = [words[o.source] if o.source is not None else _number(o.constant) for o in own]
    signed = with_operator(node.op, [ast.Name(word) for word in operands])
    settings = [_set(key, value, words) for key, value in given(node).items()]
    return f"{node.op}({', '.join(operands + settings)})" if signed is None else ast.unparse(signed)


def given(node: GraphNode) -> dict[str, Any]:
    """Return the parameters of `node` that are not the defaults of its operation."""
    defaults = node.primitive.signature.defaults if node.primitive else {}
    return {k: v for k, v in node.params.items() if not (k in defaults and v is defaults[k])}


def _number(value: Any) -> str:
    return value.name if isinstance(value, Constant) else repr(value)


def _set(key: str, value: Any, words: Sequence[str]) -> str:
    if key == REST:
        return ", ".join(_setting(part, words) for part in value)
    return f"{key}={_setting(value, words)}"


def _setting(value: Any, words: Sequence[str]) -> str:
    if type(value) is Read and value.index is not None:
        return words[value.index]
    if isinstance(value, np.ndarray):
        return _described(value.dtype, value.shape)
    if isinstance(value, slice):
        parts = (value.start, value.stop, value.step)[: 2 if value.step is None else 3]
        return ":".join("" if v is None else str(v) for v in parts)
    if isinstance(value, tuple):
        inner = ", ".join(_setting(part, words) for part in value)
        return f"({inner},)" if len(value) == 1 else f"({inner})"
    text = "..." if value is ... else str(value) if isinstance(value, np.dtype) else repr(value)
    return text if len(text) <= _LONGEST else f"{text[: _LONGEST - 3]}..."
