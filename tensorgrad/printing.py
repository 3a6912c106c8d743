"""The text of a tensor, in PyTorch's format: ``tensor([2., 4.], grad_fn=<MulBackward>)``."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from tensorgrad.dtypes import Array, get_default_dtype

PRECISION = 4
THRESHOLD = 1000
EDGE_ITEMS = 3
LINE_WIDTH = 80


def _written(array: Array) -> Callable[[Any], str]:
    """Return how every element of `array` is written: whole numbers as ``2.``, others with four places or exponents."""
    if array.dtype.kind == "b":
        return str
    if array.dtype.kind != "f":
        return lambda x: str(x.item())
    finite = array[np.isfinite(array) & (array != 0)].astype(np.float64)
    sizes = np.abs(finite)
    if (sizes == np.floor(sizes)).all():
        wide = bool(sizes.size) and (sizes.max() / sizes.min() > 1000 or sizes.max() > 1e8)
        plain: Callable[[Any], str] = lambda x: f"{x:.0f}."  # noqa: E731 - one of three ways to write a number
    else:
        wide = sizes.max() / sizes.min() > 1000 or sizes.max() > 1e8 or sizes.min() < 1e-4
        plain = lambda x: f"{x:.{PRECISION}f}"  # noqa: E731
    exponent: Callable[[Any], str] = lambda x: f"{x:.{PRECISION}e}"  # noqa: E731
    chosen = exponent if wide else plain
    return lambda x: chosen(x) if np.isfinite(x) else str(float(x))


def _shown_part(array: Array) -> Array:
    """Return the elements that a summary shows, which decide how all are written."""
    for axis, n in enumerate(array.shape):
        if n > 2 * EDGE_ITEMS:
            array = np.take(array, [*range(EDGE_ITEMS), *range(n - EDGE_ITEMS, n)], axis)
    return array


def numbers(array: Array, indent: int = 0) -> str:
    """Return the elements of `array` in nested brackets, with `indent` blanks before continuation lines.

    >>> numbers(np.array([0.25, 10.0])), numbers(np.array([1e-9, 1.0]))
    ('[ 0.2500, 10.0000]', '[1.0000e-09, 1.0000e+00]')
    """
    summary = array.size > THRESHOLD
    part = _shown_part(array) if summary else array
    write = _written(part)
    if not array.ndim:
        return write(array[()])
    counted = part[np.isfinite(part) & (part != 0)] if array.dtype.kind == "f" else part  # as PyTorch aligns
    width = max((len(write(x)) for x in counted.ravel()), default=0)
    return _nested(
        array, indent, summary, lambda x: write(x).rjust(width), max(1, (LINE_WIDTH - indent) // (width + 2))
    )


def _nested(array: Array, indent: int, summary: bool, write: Callable[[Any], str], per_line: int) -> str:
    cut = summary and len(array) > 2 * EDGE_ITEMS
    rows = [*array[:EDGE_ITEMS], *array[-EDGE_ITEMS:]] if cut else list(array)
    if array.ndim == 1:
        words = [write(x) for x in rows]
        if cut:
            words.insert(EDGE_ITEMS, " ...")
        lines = [", ".join(words[i : i + per_line]) for i in range(0, len(words), per_line)]
        return "[" + (",\n" + " " * (indent + 1)).join(lines) + "]"
    blocks = [_nested(row, indent + 1, summary, write, per_line) for row in rows]
    if cut:
        blocks.insert(EDGE_ITEMS, "...")
    return "[" + ("," + "\n" * (array.ndim - 1) + " " * (indent + 1)).join(blocks) + "]"


def shown(array: Array, requires_grad: bool, grad_fn: object) -> str:
    """Return the text of a tensor, with what is not default about it."""
    parts = ["tensor(" + (numbers(array, len("tensor(")) if array.size else "[]")]
    if not array.size and array.shape != (0,):
        parts.append(f"size={array.shape}")
    if array.dtype not in (get_default_dtype(), np.dtype(np.int64), np.dtype(np.bool_)):
        parts.append(f"dtype={array.dtype}")
    if grad_fn is not None:
        parts.append(f"grad_fn={grad_fn!r}")
    elif requires_grad:
        parts.append("requires_grad=True")
    return ", ".join(parts) + ")"
