"""Values as Python source: numbers, settings, and arrays of any size, to the bit."""

from __future__ import annotations

import ast
import base64
import math
import re
import zlib
from collections.abc import Callable
from typing import Any

import numpy as np

from tensorgrad.base.dtypes import Array
from tensorgrad.errors import AutogradError

SMALL = 16  # elements that stand in a file as numbers; more are packed
_COLUMNS = 100

UNPACKED = '''
def unpacked(text, dtype, shape):
    """Return the array whose compressed bytes `text` is."""
    return np.frombuffer(zlib.decompress(base64.b85decode("".join(text.split()))), dtype).reshape(shape)
'''


Hoist = Callable[[Array], ast.expr]
"""What puts a large array elsewhere and returns how to refer to it."""


def literal(value: Any, hoist: Hoist | None = None) -> ast.expr:
    """Return the expression of a number, a dtype, an index, an array, or a tuple or list of these.

    >>> ast.unparse(literal((slice(0, 3), None, np.dtype("float32"), float("inf"))))
    '(slice(0, 3, None), None, np.float32, np.inf)'
    """
    if isinstance(value, tuple | list):
        return (ast.Tuple if isinstance(value, tuple) else ast.List)([literal(v, hoist) for v in value])
    if isinstance(value, slice):
        return ast.Call(ast.Name("slice"), [literal(v, hoist) for v in (value.start, value.stop, value.step)], [])
    if isinstance(value, np.dtype):
        return _np(str(value) if value.kind != "b" else "bool_")
    if isinstance(value, np.ndarray):
        return array_literal(value) if hoist is None else hoist(value)
    if isinstance(value, np.generic):
        return ast.Call(literal(value.dtype), [literal(value.item())], [])
    return _scalar(value)


def _scalar(value: Any) -> ast.expr:
    if value is None or value is ... or isinstance(value, bool | int | str):
        return ast.Constant(value)
    name = getattr(value, "__name__", None)
    if name is not None and getattr(np.linalg, name, None) is value:
        return ast.Attribute(_np("linalg"), name)
    if isinstance(value, float):
        return _float(float(value))
    if isinstance(value, complex):
        return ast.Call(ast.Name("complex"), [_float(value.real), _float(value.imag)], [])
    raise AutogradError(f"{type(value).__name__} cannot be written as Python source: {str(value)[:80]}")


def _float(value: float) -> ast.expr:
    if math.isfinite(value):
        return ast.Constant(value) if math.copysign(1, value) > 0 else ast.UnaryOp(ast.USub(), ast.Constant(-value))
    return _np("nan") if math.isnan(value) else _np("inf") if value > 0 else ast.UnaryOp(ast.USub(), _np("inf"))


def _np(name: str) -> ast.expr:
    return ast.Attribute(ast.Name("np"), name)


def array_literal(value: Array) -> ast.expr:
    """Return the expression of an array of any size, with the memory order that `value` has: sums depend on it."""
    if not value.size:
        return ast.Call(_np("zeros"), [literal(value.shape), literal(value.dtype)], [])
    order = sorted(range(value.ndim), key=lambda axis: -abs(value.strides[axis]))
    arranged = value.transpose(order)
    inner = _written(arranged) if value.size <= SMALL else _packed(np.ascontiguousarray(arranged))
    if order == list(range(value.ndim)):
        return inner
    return ast.Call(_np("transpose"), [inner, literal(tuple(np.argsort(order).tolist()))], [])


def _written(value: Array) -> ast.expr:
    return ast.Call(_np("array"), [literal(value.tolist())], [ast.keyword("dtype", literal(value.dtype))])


def _packed(value: Array) -> ast.expr:
    text = base64.b85encode(zlib.compress(value.tobytes(), 9)).decode()
    lines = [text[i : i + _COLUMNS] for i in range(0, len(text), _COLUMNS)]
    return ast.Call(ast.Name("unpacked"), [*map(literal, ("\n".join(lines), value.dtype.str, value.shape))], [])


def unparsed(tree: ast.AST) -> str:
    """Return the text of `tree`, packed arrays over several lines.

    Statements need a line number for it. ``ast.fix_missing_locations`` would give them one, and leave a cycle for the
    garbage collector at every call.
    """
    for node in ast.walk(tree):
        if isinstance(node, ast.stmt) and not hasattr(node, "lineno"):
            node.lineno = 1
    text = ast.unparse(tree)
    return re.sub(r"unpacked\('([^']*)'", lambda m: 'unpacked("""\n' + m[1].replace("\\n", "\n") + '\n"""', text)
