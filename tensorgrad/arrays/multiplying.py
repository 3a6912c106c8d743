"""NumPy's products, of tensors: inner, outer, over any axes, convolutions, covariances, polynomials."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from tensorgrad.base.numerics import normalized
from tensorgrad.engine.tensor import Tensor
from tensorgrad.functions import linalg, products

from .mixed import F, floating, met, tensor, values
from .rearranging import concatenate

Rule = Callable[..., Any]


def dot(a: Any, b: Any, out: None = None) -> Any:
    """``np.dot``: over the last axis of one and the last but one of the other."""
    x, y = met([a, b])
    if not x.ndim or not y.ndim:
        return x * y
    return tensordot(x, y, ([-1], [-2 if y.ndim > 1 else -1]))


def inner(a: Any, b: Any, /) -> Any:
    """``np.inner``: over the last axes."""
    x, y = met([a, b])
    return tensordot(x, y, ([-1], [-1])) if x.ndim and y.ndim else x * y


def outer(a: Any, b: Any, out: None = None) -> Any:
    """``np.outer``."""
    x, y = met([a, b])
    return x.reshape(-1, 1) * y.reshape(1, -1)


def vdot(a: Any, b: Any, /) -> Any:
    """``np.vdot``: the first is conjugated."""
    x, y = met([a, b])
    x = F.conj(x) if values(x).dtype.kind == "c" else x
    return (x.reshape(-1) * y.reshape(-1)).sum()


def tensordot(a: Any, b: Any, axes: Any = 2) -> Any:
    """``np.tensordot``: a matrix product of what the axes make of both."""
    x, y = met([a, b])
    if isinstance(axes, int | np.integer):
        first, second = list(range(x.ndim - axes, x.ndim)), list(range(axes))
    else:
        first, second = (list(normalized(tuple(np.atleast_1d(part).tolist()), n)) for part, n in zip(
            axes, (x.ndim, y.ndim), strict=True))  # fmt: skip
    rest = [i for i in range(x.ndim) if i not in first], [i for i in range(y.ndim) if i not in second]
    shape = [x.array.shape[i] for i in rest[0]] + [y.array.shape[i] for i in rest[1]]
    length = int(np.prod([x.array.shape[i] for i in first], dtype=np.int64))
    rows = _ordered(x, [*rest[0], *first]).reshape(_size(x, rest[0]), length)
    columns = _ordered(y, [*second, *rest[1]]).reshape(length, _size(y, rest[1]))
    return products.multiplied(rows, columns).reshape(shape)


def _ordered(x: Tensor, axes: list[int]) -> Tensor:
    """Return `x` with its axes in this order; itself, of which a picture shows nothing, where they are."""
    return x if axes == sorted(axes) else x.permute(*axes)


def _size(x: Tensor, axes: list[int]) -> int:
    return int(np.prod([x.array.shape[i] for i in axes], dtype=np.int64))


def kron(a: Any, b: Any) -> Any:
    """``np.kron``."""
    return F.kron(*met([a, b]))


def einsum(*operands: Any, out: None = None, optimize: Any = False, dtype: Any = None, order: str = "K",
           casting: str = "safe") -> Any:  # fmt: skip
    """``np.einsum`` of a text and its operands."""
    if not isinstance(operands[0], str) or dtype is not None:
        return NotImplemented
    return F.einsum(operands[0], *met(operands[1:]))


def cross(a: Any, b: Any, axisa: int = -1, axisb: int = -1, axisc: int = -1, axis: Any = None) -> Any:
    """``np.cross`` of vectors of three numbers."""
    if axis is not None:
        axisa = axisb = axisc = axis
    x, y = met([a, b])
    x, y = F.movedim(x, axisa, -1), F.movedim(y, axisb, -1)
    if x.array.shape[-1] != 3 or y.array.shape[-1] != 3:
        return NotImplemented
    (x0, x1, x2), (y0, y1, y2) = ([v[..., i] for i in range(3)] for v in (x, y))
    found = F.stack([x1 * y2 - x2 * y1, x2 * y0 - x0 * y2, x0 * y1 - x1 * y0], -1)
    return F.movedim(found, -1, axisc)


def convolve(a: Any, v: Any, mode: str = "full") -> Any:
    """``np.convolve``: windows of the longer one, times the shorter one backwards."""
    x, y = met([a, v])
    if x.ndim > 1 or y.ndim > 1 or mode not in ("full", "same", "valid"):
        return NotImplemented
    x, y = x.reshape(-1), y.reshape(-1)
    x, y = (x, y) if x.array.size >= y.array.size else (y, x)
    n, m = x.array.size, y.array.size
    around = np.zeros(m - 1, values(x).dtype)
    full = products.multiplied(concatenate([around, x, around]).unfold(0, m, 1), F.flip(y, 0))
    start, length = {"full": (0, n + m - 1), "same": ((m - 1) // 2, n), "valid": (m - 1, n - m + 1)}[mode]
    return full[start : start + length]


def correlate(a: Any, v: Any, mode: str = "valid") -> Any:
    """``np.correlate``: a convolution with the second one conjugated and backwards."""
    x, y = met([a, v])
    if x.ndim != 1 or y.ndim != 1 or x.array.size < y.array.size:
        return NotImplemented
    y = F.conj(y) if values(y).dtype.kind == "c" else y
    return convolve(x, F.flip(y, 0), mode)


def cov(m: Any, y: Any = None, rowvar: bool = True, bias: bool = False, ddof: Any = None, fweights: Any = None,
        aweights: Any = None, *, dtype: Any = None) -> Any:  # fmt: skip
    """``np.cov``: of rows, or columns."""
    if fweights is not None or aweights is not None or dtype is not None:
        return NotImplemented
    rows = _rows(m, rowvar) if y is None else concatenate([_rows(m, rowvar), _rows(y, rowvar)])
    centred = rows - rows.mean(-1, True)
    less = (0 if bias else 1) if ddof is None else ddof
    other = F.conj(centred) if values(centred).dtype.kind == "c" else centred
    found = products.multiplied(centred, other.mT) / max(rows.array.shape[1] - less, 0.0)
    return found.reshape(()) if found.array.size == 1 else found


def _rows(m: Any, rowvar: bool) -> Tensor:
    x = F.atleast_2d(floating(m))
    return x if rowvar or x.array.shape[0] == 1 else x.mT  # type: ignore[no-any-return]


def corrcoef(x: Any, y: Any = None, rowvar: bool = True, *, dtype: Any = None) -> Any:
    """``np.corrcoef``: the covariances over the deviations."""
    found = cov(x, y, rowvar, dtype=dtype)
    if found is NotImplemented or not found.ndim or values(found).dtype.kind == "c":
        return NotImplemented
    deviations = F.sqrt(F.diagonal(found))
    return F.clamp(found / deviations[:, None] / deviations[None], -1, 1)


def vander(x: Any, N: Any = None, increasing: bool = False) -> Any:
    """``np.vander``: the powers of a vector."""
    return F.vander(tensor(x), N, increasing)


def polyval(p: Any, x: Any) -> Any:
    """``np.polyval``, by Horner."""
    parts, at = met([p, x])
    found = tensor(np.zeros(at.array.shape, values(at).dtype))
    for part in parts:
        found = found * at + part
    return found


def _polynomials(a1: Any, a2: Any) -> tuple[Tensor, Tensor]:
    xs = [F.atleast_1d(x) for x in met([a1, a2])]
    most = max(x.array.size for x in xs)
    first, second = (concatenate([np.zeros(most - x.array.size, values(x).dtype), x]) for x in xs)
    return first, second


def polyadd(a1: Any, a2: Any) -> Any:
    """``np.polyadd``."""
    first, second = _polynomials(a1, a2)
    return first + second


def polysub(a1: Any, a2: Any) -> Any:
    """``np.polysub``."""
    first, second = _polynomials(a1, a2)
    return first - second


def polymul(a1: Any, a2: Any) -> Any:
    """``np.polymul``."""
    first, second = met([a1, a2])
    return NotImplemented if _leads_with_zero(first, second) else convolve(first, second)


def _leads_with_zero(*xs: Tensor) -> bool:
    """Return whether a polynomial has zeros before its first coefficient, which NumPy leaves out."""
    return any(not x.array.size or values(x).reshape(-1)[0] == 0 for x in xs)


def polydiv(u: Any, v: Any) -> Any:
    """``np.polydiv``: quotient and remainder, by long division."""
    first, second = (F.atleast_1d(floating(x)) for x in met([u, v]))
    count, width = first.array.size - second.array.size + 1, second.array.size
    if count < 1 or _leads_with_zero(second):
        return NotImplemented
    quotient, rest = [], first
    for _ in range(count):
        quotient.append(rest[0] / second[0])
        rest = concatenate([rest[:width] - quotient[-1] * second, rest[width:]])[1:]
    while rest.array.size > 1 and np.allclose(values(rest)[0], 0, rtol=1e-14):
        rest = rest[1:]
    if not rest.array.size:
        rest = tensor(np.zeros(1, values(first).dtype))
    return F.stack(quotient), rest


def polyder(p: Any, m: int = 1) -> Any:
    """``np.polyder``."""
    x = tensor(p)
    for _ in range(m):
        x = x[:-1] * np.arange(x.array.size - 1, 0, -1)
    return x


def polyint(p: Any, m: int = 1, k: Any = None) -> Any:
    """``np.polyint``, with 0 as what is added."""
    if k is not None:
        return NotImplemented
    x = floating(p)
    for _ in range(m):
        x = concatenate([x / np.arange(x.array.size, 0, -1), np.zeros(1, values(x).dtype)])
    return x


def poly(seq_of_zeros: Any) -> Any:
    """``np.poly`` of zeros: the product of the differences from them."""
    zeros = floating(seq_of_zeros)
    if zeros.ndim != 1 or values(zeros).dtype.kind == "c":
        return NotImplemented
    found = tensor(np.ones(1, values(zeros).dtype))
    for i in range(zeros.array.size):
        found = convolve(found, concatenate([np.ones(1, values(zeros).dtype), -zeros[i : i + 1]]))
    return found


def polyfit(x: Any, y: Any, deg: int, rcond: Any = None, full: bool = False, w: Any = None, cov: bool = False) -> Any:
    """``np.polyfit``: least squares in powers, of one vector."""
    if rcond is not None or full or w is not None or cov:
        return NotImplemented
    powers = vander(floating(x) + 0.0, deg + 1)
    lengths = F.sqrt((powers * powers).sum(0))
    heights = floating(y)
    found = linalg.lstsq(powers / lengths, heights if heights.ndim > 1 else heights[:, None]).solution
    return found / lengths[:, None] if heights.ndim > 1 else found[:, 0] / lengths


FOLLOWED: dict[str, Rule] = {
    "convolve": convolve, "corrcoef": corrcoef, "correlate": correlate, "cov": cov, "cross": cross, "dot": dot,
    "einsum": einsum, "inner": inner, "kron": kron, "outer": outer, "poly": poly, "polyadd": polyadd,
    "polyder": polyder, "polydiv": polydiv, "polyfit": polyfit, "polyint": polyint, "polymul": polymul,
    "polysub": polysub,
    "polyval": polyval, "tensordot": tensordot, "vander": vander, "vdot": vdot,
    "trace": lambda a, offset=0, axis1=0, axis2=1, dtype=None, out=None: F.diagonal(
        tensor(a), offset, axis1, axis2).sum(-1),
}  # fmt: skip
"""What each of NumPy's functions computes of tensors."""
