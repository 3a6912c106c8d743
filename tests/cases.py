"""From the record of a primitive to arguments: `samples`, plain data, becomes shapes, values and parameters.

Every choice goes through `Chooser`, so that Hypothesis can make (and shrink) it, or a random generator where a test
needs many cases quickly. Values are the points of a shuffled grid: distinct, away from ties and from the kink at 0.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Protocol

import numpy as np
from hypothesis import strategies as st

from tensorgrad.engine.primitive import PRIMITIVES, Primitive

OF_REALS = {name: record for name, record in PRIMITIVES.items() if record.samples not in ("complex", "parts")}
"""The primitives that take real numbers and give real ones; `test_complex` tests the others."""


class Chooser(Protocol):
    def integer(self, low: int, high: int) -> int: ...


class Drawn:
    """Choices made by Hypothesis."""

    def __init__(self, data: st.DataObject) -> None:
        self.data = data

    def integer(self, low: int, high: int) -> int:
        return self.data.draw(st.integers(low, high))


class Rolled:
    """Choices made by a seeded generator."""

    def __init__(self, seed: int) -> None:
        self.rng = np.random.default_rng(seed)

    def integer(self, low: int, high: int) -> int:
        return int(self.rng.integers(low, high + 1))


def one_of(choose: Chooser, options: Sequence[Any]) -> Any:
    return options[choose.integer(0, len(options) - 1)]


def shape(
    choose: Chooser, min_ndim: int = 0, max_ndim: int = 3, sizes: Sequence[int] = (2, 3, 1, 0)
) -> tuple[int, ...]:
    return tuple(one_of(choose, sizes) for _ in range(choose.integer(min_ndim, max_ndim)))


def part(choose: Chooser, full: tuple[int, ...]) -> tuple[int, ...]:
    """A shape that broadcasts to `full`: leading axes missing, others of length 1."""
    kept = full[choose.integer(0, len(full)) :]
    return tuple(1 if choose.integer(0, 2) == 2 else n for n in kept)


def laid_out(choose: Chooser, x: np.ndarray) -> np.ndarray:
    """The same values in another memory layout, and write-protected: an op must not care, and must not write."""
    how = choose.integer(0, 3)
    if how == 1 and x.ndim:  # asfortranarray makes a 0-d array 1-d
        x = np.asfortranarray(x)
    elif how == 2 and x.ndim:
        wide = np.full((*x.shape[:-1], 2 * x.shape[-1]), np.nan, x.dtype)
        wide[..., ::2] = x
        x = wide[..., ::2]
    elif how == 3 and x.ndim:
        x = x[::-1].copy()[::-1]
    x.flags.writeable = False
    return x


def values(choose: Chooser, shapes: Sequence[tuple[int, ...]], domains: Sequence[Any], dtype: Any) -> list[np.ndarray]:
    rng = np.random.default_rng(choose.integer(0, 2**32 - 1))
    sizes = [int(np.prod(s)) for s in shapes]
    n = max(sum(sizes), 1)
    grid = np.split(rng.permutation(n), np.cumsum(sizes)[:-1]) if len(sizes) > 1 else [rng.permutation(n)[: sizes[0]]]
    out = []
    for points, s, domain in zip(grid, shapes, domains, strict=True):
        if domain == "mask":
            x = (points[: int(np.prod(s))] % 2 == 0).reshape(s)
        else:
            low, high = domain
            # 0.37: no point falls on 0, whatever the number of points
            x = (low + (high - low) * (points[: int(np.prod(s))] + 0.37) / n).reshape(s).astype(dtype)
        out.append(laid_out(choose, x))
    return out


REAL = (-2.0, 2.0)


def case(primitive: Primitive, choose: Chooser, dtype: Any = np.float64) -> tuple[list[np.ndarray], dict[str, Any]]:
    """Arguments and parameters for `primitive`."""
    samples = primitive.samples
    if isinstance(samples, list):
        full = shape(choose)
        if samples == ["clip"]:
            low, high = one_of(choose, [(-0.5001, 0.7), (None, 0.3), (-0.3, None)])
            return values(choose, [full], [REAL], dtype), {"low": low, "high": high}
        which = choose.integer(0, len(samples) - 1)
        shapes = [full if i == which else part(choose, full) for i in range(len(samples))]
        if not primitive.differentiable and primitive.name == "inside":
            return values(choose, shapes, samples, dtype), {"low": -0.5, "high": 0.7}
        return values(choose, shapes, samples, dtype), {}
    shapes, params = FAMILIES[samples](choose)
    args = values(choose, shapes, [REAL] * len(shapes), dtype)
    if samples == "ties":
        args = [args[0], np.max(args[0], **params)]
    if samples in DOMINANT:
        args[0] = args[0] + (15 * np.eye(*args[0].shape[-2:]) * np.arange(1, args[0].shape[-1] + 1)).astype(dtype)
    return args, params


def _broadcast(choose: Chooser) -> Any:
    full = shape(choose)
    return [part(choose, full)], {"shape": full}


def _sum_to(choose: Chooser) -> Any:
    full = shape(choose)
    return [full], {"shape": part(choose, full)}


def _reshape(choose: Chooser) -> Any:
    return one_of(choose, [([(2, 6)], {"shape": (3, 4)}), ([()], {"shape": (1, 1)}), ([(0, 3)], {"shape": (0,)}),
                           ([(4, 3)], {"shape": (12,)}), ([(2, 3)], {"shape": (2, 3)})])  # fmt: skip


def _permutation(choose: Chooser) -> Any:
    full = shape(choose, 0, 4, (2, 3, 1))
    axes = list(range(len(full)))
    order = tuple(axes.pop(choose.integer(0, len(axes) - 1)) for _ in full)
    return [full], {"axes": order}


def _axes(choose: Chooser, ndim: int) -> Any:
    options: list[Any] = [None, *range(-ndim, ndim)]
    options += [(i, j) for i in range(ndim) for j in range(ndim) if i < j] + [()]
    return one_of(choose, options)


def _reduction(choose: Chooser) -> Any:
    full = shape(choose, 0, 3, (2, 3, 1))
    return [full], {"axis": _axes(choose, len(full)), "keepdims": bool(choose.integer(0, 1))}


def _extremum(choose: Chooser) -> Any:
    return _reduction(choose)


def _argument(choose: Chooser) -> Any:
    full = shape(choose, 1, 3, (2, 3, 1))
    return [full], {"axis": one_of(choose, [None, *range(len(full))]), "keepdims": bool(choose.integer(0, 1))}


INDICES: list[Any] = [
    0, -1, slice(None, None, 2), slice(3, 0, -2), (slice(1, 3), None, 0), (Ellipsis, 1), np.array([0, 2, 2]),
    np.array([[1, 0], [3, 3]]), (np.array([0, 1, 1]), np.array([2, 2, 2])), (slice(None), np.array([1, 1])),
    np.array([True, False, True, True]), (np.array([0, 3]), slice(1, None)), (), np.array([], dtype=np.int64),
]  # fmt: skip


def _rows(choose: Chooser) -> Any:
    full = shape(choose, 1, 3)
    axis = choose.integer(-len(full), len(full) - 1)
    return [full], {"axis": axis, "counts": (full[axis],)}  # of a group of one


def _index(choose: Chooser) -> Any:
    return [(4, 3)], {"index": one_of(choose, INDICES)}


def _scatter(choose: Chooser) -> Any:
    index = one_of(choose, INDICES)
    return [np.empty((4, 3))[index].shape], {"index": index, "shape": (4, 3)}


def _assign(choose: Chooser) -> Any:
    x = np.empty((4, 3))
    index = one_of(choose, [i for i in INDICES if len(np.unique(_places(i))) == _places(i).size])
    return [x.shape, part(choose, x[index].shape)], {"index": index}


def _places(index: Any) -> np.ndarray:
    return np.ravel(np.arange(12).reshape(4, 3)[index])


def _concatenate(choose: Chooser) -> Any:
    ndim = choose.integer(1, 3)
    axis = choose.integer(-ndim, ndim - 1)
    base = [one_of(choose, (2, 3, 1)) for _ in range(ndim)]
    shapes = []
    for _ in range(choose.integer(1, 3)):
        base[axis] = one_of(choose, (2, 1, 0, 3))
        shapes.append(tuple(base))
    return shapes, {"axis": axis}


def _batches(choose: Chooser) -> tuple[tuple[int, ...], tuple[int, ...]]:
    full = shape(choose, 0, 2, (2, 3, 1))
    return (full, part(choose, full)) if choose.integer(0, 1) else (part(choose, full), full)


def _matmul(choose: Chooser) -> Any:
    n, k, m = (choose.integer(1, 3) for _ in range(3))
    first, second = _batches(choose)
    return [(*first, n, k), (*second, k, m)], {}


def _linear(choose: Chooser) -> Any:
    k, m = choose.integer(1, 3), choose.integer(1, 3)
    return [(*shape(choose, 1, 3, (2, 3, 1)), k), (m, k)], {}


def _cumulative(choose: Chooser) -> Any:
    full = shape(choose, 1, 3)
    return [full], {"axis": choose.integer(-len(full), len(full) - 1), "reverse": bool(choose.integer(0, 1))}


def _diagonal(choose: Chooser) -> Any:
    return [(*shape(choose, 0, 1), *shape(choose, 2, 2))], {"offset": choose.integer(-1, 1)}


def _embedded(choose: Chooser) -> Any:
    (full,), params = _diagonal(choose)
    return [np.diagonal(np.empty(full), params["offset"], -2, -1).shape], {**params, "shape": full[-2:]}


def _unfold(choose: Chooser) -> Any:
    n = choose.integer(1, 2)
    size, stride, dilation = (tuple(choose.integer(1, 2) for _ in range(n)) for _ in range(3))
    spans = [d * (k - 1) + 1 for k, d in zip(size, dilation, strict=True)]
    spatial = tuple(span + choose.integer(0, 2) for span in spans)
    return [(*shape(choose, 0, 1), *spatial)], {"size": size, "stride": stride, "dilation": dilation}


def _windowed(choose: Chooser) -> Any:
    size = choose.integer(1, 3)
    length = size + choose.integer(0, 4)
    return [(*shape(choose, 0, 2), length)], {"size": size, "step": choose.integer(1, 3)}


def _fold(choose: Chooser) -> Any:
    (full,), params = _unfold(choose)
    spatial = full[-len(params["size"]) :]
    places = zip(spatial, params["size"], params["stride"], params["dilation"], strict=True)
    positions = tuple((n - d * (k - 1) - 1) // s + 1 for n, k, s, d in places)
    lead = full[: len(full) - len(spatial)]
    rest = {"shape": spatial, "stride": params["stride"], "dilation": params["dilation"]}
    return [(*lead, *params["size"], *positions)], rest


def _square(choose: Chooser) -> Any:
    n = choose.integer(1, 3)
    return [(*shape(choose, 0, 1), n, n)], {}


def _matrix(choose: Chooser) -> Any:
    return [(*shape(choose, 0, 1), choose.integer(1, 3), choose.integer(1, 3))], {}


def _tall(choose: Chooser) -> Any:
    n = choose.integer(1, 2)
    return [(*shape(choose, 0, 1), n + choose.integer(0, 2), n)], {}


def _solve(choose: Chooser) -> Any:
    n = choose.integer(1, 3)
    first, second = _batches(choose)
    return [(*first, n, n), (*second, n, choose.integer(1, 2))], {}


def _affine(choose: Chooser) -> Any:
    (first, second), params = _linear(choose)
    return [first, second, second[:1]], params


# The first argument gets a large diagonal of different values: invertible, of full rank, its symmetric part positive
# definite, eigenvalues and singular values apart.
DOMINANT = {"square", "matrix", "tall", "solve", "pinv"}

FAMILIES = {
    "cumulative": _cumulative,
    "diagonal": _diagonal,
    "embedded": _embedded,
    "unfold": _unfold,
    "windowed": _windowed,
    "fold": _fold,
    "square": _square,
    "matrix": _matrix,
    "tall": _tall,
    "solve": _solve,
    "pinv": lambda choose: (_matrix(choose)[0], {"rtol": 1e-12}),
    "broadcast": _broadcast,
    "sum_to": _sum_to,
    "reshape": _reshape,
    "rows": _rows,
    "shared": lambda choose: ([shape(choose)], {}),
    "permutation": _permutation,
    "dtype": lambda choose: ([shape(choose)], {"dtype": np.dtype(np.float64)}),
    "index": _index,
    "scatter": _scatter,
    "assign": _assign,
    "concatenate": _concatenate,
    "reduction": _reduction,
    "extremum": _extremum,
    "ties": _reduction,
    "argument": _argument,
    "(n,k),(k,m)->(n,m)": _matmul,
    "(n,k),(m,k)->(n,m)": _linear,
    "(n,k),(m,k),(m)->(n,m)": _affine,
}
