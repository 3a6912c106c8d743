"""The lines that random programs are made of: for each operation, its text where its operands allow it.

A row looks at the values of its operands (the program so far has been run) and answers with the text of an expression,
or with None where the operation would leave its domain, come close to a kink, or not fit the shapes. The texts mean the
same in tensorgrad and in PyTorch.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np

from tensorgrad.base.dtypes import Array

MARGIN = 0.02  # distance from a kink: a numerical derivative needs some room
LIMIT = 16.0  # largest absolute value
SIZE, NDIM = 24, 4  # largest number of elements and of axes


@dataclass(frozen=True)
class Operand:
    """A value of the program so far: its name, its elements, and whether it requires a gradient."""

    name: str
    array: Array
    tracked: bool


Text = str | None
Row = Callable[[Operand, Operand, Operand, int, int], Text]
"""Three operands and two free numbers -> the text of an expression, None where it does not apply."""


def _always(text: str) -> Row:
    return lambda a, b, c, p, q: text.format(a=a.name)


def _where(text: str, holds: Callable[[Array], Any]) -> Row:
    return lambda a, b, c, p, q: text.format(a=a.name) if bool(np.all(holds(a.array))) else None


def _pair(text: str, holds: Callable[[Array, Array], Any] = lambda a, b: True) -> Row:
    def row(a: Operand, b: Operand, c: Operand, p: int, q: int) -> Text:
        fits = _broadcast(a.array, b.array) and bool(np.all(holds(a.array, b.array)))
        return text.format(a=a.name, b=b.name) if fits else None

    return row


def _axis(text: str, holds: Callable[[Array, int], Any] = lambda x, axis: True) -> Row:
    def row(a: Operand, b: Operand, c: Operand, p: int, q: int) -> Text:
        if not a.array.ndim:
            return None
        axis = p % a.array.ndim
        return text.format(a=a.name, axis=axis - a.array.ndim * (q % 2)) if holds(a.array, axis) else None

    return row


def _broadcast(*arrays: Array) -> bool:
    try:
        return len(np.broadcast_shapes(*(a.shape for a in arrays))) <= NDIM
    except ValueError:
        return False


def _gap(x: Array, axis: int) -> bool:
    """Whether the largest element along `axis` is well above the next."""
    ordered = np.sort(x, axis=axis)
    return bool((np.diff(ordered, axis=axis).take([-1], axis=axis) > MARGIN).all()) if x.shape[axis] > 1 else True


def _choose(a: Operand, b: Operand, c: Operand, p: int, q: int) -> Text:
    fits = _broadcast(a.array, b.array, c.array) and bool((np.abs(a.array) > MARGIN).all())
    return f"xp.where({a.name} > 0, {b.name}, {c.name})" if fits else None


def _product(a: Operand, b: Operand, c: Operand, p: int, q: int) -> Text:
    x, y = a.array, b.array
    if not x.ndim or not y.ndim or x.shape[-1] != y.shape[-2 if y.ndim > 1 else -1]:
        return None
    return f"{a.name} @ {b.name}" if x.ndim < 3 or y.ndim < 3 or _broadcast(x[..., 0, 0], y[..., 0, 0]) else None


def _join(a: Operand, b: Operand, c: Operand, p: int, q: int) -> Text:
    x, y = a.array, b.array
    if not x.ndim or x.ndim != y.ndim:
        return None
    axis = p % x.ndim
    fits = all(m == n for i, (m, n) in enumerate(zip(x.shape, y.shape, strict=True)) if i != axis)
    return f"xp.cat([{a.name}, {b.name}], dim={axis})" if fits else None


def _stack(a: Operand, b: Operand, c: Operand, p: int, q: int) -> Text:
    return f"xp.stack([{a.name}, {b.name}], dim={p % (a.array.ndim + 1)})" if a.array.shape == b.array.shape else None


def _reshape(a: Operand, b: Operand, c: Operand, p: int, q: int) -> Text:
    n = a.array.size
    first = [k for k in range(1, n + 1) if n % k == 0][p % sum(n % k == 0 for k in range(1, n + 1))]
    shape = [(first, n // first), (n,), (1, n), (n // first, 1, first)][q % 4]
    # a copy in any case: whether it were a view, and a write to it a write to `a`, would hang on the memory's layout
    return f"{a.name}.reshape({', '.join(map(str, shape))}).clone()"


def _expand(a: Operand, b: Operand, c: Operand, p: int, q: int) -> Text:
    shape = [n if n > 1 else 1 + (q + i) % 3 for i, n in enumerate(a.array.shape)]
    return f"{a.name}.expand({', '.join(map(str, [1 + p % 3, *shape]))})"


def _transpose(a: Operand, b: Operand, c: Operand, p: int, q: int) -> Text:
    n = a.array.ndim
    return f"{a.name}.transpose({p % n}, {q % n})" if n > 1 else None


def _index(a: Operand, b: Operand, c: Operand, p: int, q: int) -> Text:
    """Every kind of index that both libraries read alike."""
    if not a.array.ndim:
        return f"{a.name}[None]"
    n = a.array.shape[0]
    i, j = sorted((p % n, q % n))
    last = a.array.shape[-1]
    mask = (a.array > np.median(a.array)) | (np.arange(last) == q % last)
    forms = [
        f"{i}", f"{i}:{j + 1}", f"::{1 + q % 2}", f"..., {p % last}", f"[{i}, {j}, {i}]", "..., None", f"{-1 - i}:",
        f"xp.tensor({mask.tolist()})",
    ]  # fmt: skip
    return f"{a.name}[{forms[(p // 7) % len(forms)]}]"


def _gradient(a: Operand, b: Operand, c: Operand, p: int, q: int) -> Text:
    """A derivative inside the program: a double backward once the program is differentiated itself."""
    if not a.tracked or not c.tracked or a.name == c.name:
        return None
    return f"xp.autograd.grad(({a.name} * {a.name}).sum(), {c.name}, create_graph=True, materialize_grads=True)[0]"


# From simple to complicated: a failing program shrinks towards the first rows.
ROWS: dict[str, Row] = {
    "mul": _pair("{a} * {b}"),
    "add": _pair("{a} + {b}"),
    "sub": _pair("{a} - {b}"),
    "neg": _always("-{a}"),
    "half": _always("{a} * 0.5"),
    "sin": _always("xp.sin({a})"),
    "exp": _where("xp.exp({a})", lambda x: x < 2),
    "tanh": _always("xp.tanh({a})"),
    "sigmoid": _always("xp.sigmoid({a})"),
    "log": _where("xp.log({a})", lambda x: x > 0.1),
    "sqrt": _where("xp.sqrt({a})", lambda x: x > 0.1),
    "reciprocal": _where("1 / {a}", lambda x: np.abs(x) > 0.3),
    "square": _where("{a} ** 2", lambda x: np.abs(x) < 3),
    "div": _pair("{a} / {b}", lambda a, b: np.abs(b) > 0.3),
    "logaddexp": _pair("xp.logaddexp({a}, {b})"),
    "relu": _where("xp.relu({a})", lambda x: np.abs(x) > MARGIN),
    "abs": _where("xp.abs({a})", lambda x: np.abs(x) > MARGIN),
    "clamp": _where("xp.clamp({a}, -1.0, 1.0)", lambda x: np.abs(np.abs(x) - 1) > MARGIN),
    "maximum": _pair("xp.maximum({a}, {b})", lambda a, b: np.abs(a - b) > MARGIN),
    "minimum": _pair("xp.minimum({a}, {b})", lambda a, b: np.abs(a - b) > MARGIN),
    "where": _choose,
    "sum": _always("{a}.sum()"),
    "sum over an axis": _axis("{a}.sum(dim={axis})"),
    "mean": _axis("{a}.mean(dim={axis}, keepdim=True)"),
    "amax": _axis("{a}.amax(dim={axis})", _gap),
    "var": _axis("{a}.var(dim={axis})", lambda x, axis: x.shape[axis] > 1),
    "softmax": _axis("xp.softmax({a}, dim={axis})"),
    "logsumexp": _axis("xp.logsumexp({a}, dim={axis})"),
    "matmul": _product,
    "reshape": _reshape,
    "transpose": _transpose,
    "expand": _expand,
    "getitem": _index,
    "unsqueeze": _always("{a}.unsqueeze(0)"),
    "cat": _join,
    "stack": _stack,
    "grad": _gradient,
}

# Their results are constants of the program, whatever they were computed from.
CUTS: dict[str, Row] = {
    "detach": _always("{a}.detach()"),
    "no_grad": _pair("{a} * {b}"),
}


def _assign(a: Operand, b: Operand, c: Operand, p: int, q: int) -> Text:
    if not a.array.ndim:
        return None
    place = f"{p % a.array.shape[0]}" if q % 2 else f"..., {p % a.array.shape[-1]}"
    part = a.array[p % a.array.shape[0]] if q % 2 else a.array[..., p % a.array.shape[-1]]
    fits = _broadcast(part, b.array) and np.broadcast_shapes(part.shape, b.array.shape) == part.shape
    return f"{a.name}[{place}] = {b.name}" if fits else None


def _augmented(sign: str) -> Row:
    def row(a: Operand, b: Operand, c: Operand, p: int, q: int) -> Text:
        fits = _broadcast(a.array, b.array) and np.broadcast_shapes(a.array.shape, b.array.shape) == a.array.shape
        return f"{a.name} {sign} {b.name}" if fits else None

    return row


# Statements that write into the memory of their first operand.
WRITES: dict[str, Row] = {
    "setitem": _assign,
    "iadd": _augmented("+="),
    "imul": _augmented("*="),
    "mul_": _always("{a}.mul_(0.5)"),
}


def acceptable(x: Array) -> bool:
    """Return whether a value may stay in a program: finite, not large, not too many elements or axes."""
    small = 0 < x.size <= SIZE and x.ndim <= NDIM
    return bool(small and np.isfinite(x).all() and math.sqrt(float(np.max(np.abs(x) ** 2))) <= LIMIT)
