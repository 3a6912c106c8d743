"""Hypothesis strategies for shapes, axes, indices, arrays and tensors, as tests of numerical code need them.

Arrays come in every memory layout (row- and column-major, with gaps, reversed, read-only), and on request with distinct
values that keep away from kinks: Hypothesis likes to repeat values, which is right for a test of ties and wrong for a
numerical derivative. `inside` draws tensors from the domain in which an operation of the table is differentiable.

>>> from hypothesis import find
>>> find(shapes(min_dims=2), lambda shape: True)
(0, 0)
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from tensorgrad.base.dtypes import Array, DType, DTypeLike, as_dtype
from tensorgrad.engine.primitive import PRIMITIVES
from tensorgrad.engine.tensor import Tensor, wrap
from tensorgrad.errors import ArgumentError, needing

from .asked import verifying

with needing("tensorgrad.testing.strategies", "hypothesis"):
    from hypothesis import strategies as st
    from hypothesis.extra import numpy as hnp

Shape = tuple[int, ...]
Domain = tuple[float, float]
Strategy = st.SearchStrategy

REAL: Domain = (-3.0, 3.0)
COARSEST = 32  # points of the grid from which distinct values are taken
LAYOUTS = ("C", "F", "gaps", "reversed", "read-only")


@verifying
def shapes(min_dims: int = 0, max_dims: int = 3, min_side: int = 0, max_side: int = 4) -> Strategy[Shape]:
    """Return a strategy for shapes, with no axis, and axes of length 1 and 0 (unless `min_side` is more)."""
    return hnp.array_shapes(min_dims=min_dims, max_dims=max_dims, min_side=min_side, max_side=max_side)


@verifying
def broadcastable_shapes(n: int = 2, max_dims: int = 3, min_side: int = 0, max_side: int = 4) -> Strategy[list[Shape]]:
    """Return a strategy for `n` shapes that broadcast to one.

    >>> from hypothesis import find
    >>> find(broadcastable_shapes(2), lambda shapes: True)
    [(), ()]
    """
    found = hnp.mutually_broadcastable_shapes(num_shapes=n, max_dims=max_dims, min_side=min_side, max_side=max_side)
    return found.map(lambda drawn: list(drawn.input_shapes))


@verifying
def axes(ndim: int) -> Strategy[int | tuple[int, ...] | None]:
    """Return a strategy for what a reduction of `ndim` axes takes: None, one axis, or several, also from the end."""
    if not ndim:
        return st.none()
    one = st.integers(-ndim, ndim - 1)
    return st.one_of(st.none(), one, st.lists(one, unique_by=lambda i: i % ndim, max_size=ndim).map(tuple))


@verifying
@st.composite
def indices(draw: Any, shape: Shape, arrays: bool = True) -> Any:
    """Return a strategy for whatever may stand between brackets: ``x[index]`` for an `x` of `shape`.

    Integers, slices with steps of both signs, Ellipsis, None and, unless `arrays` is False, integer arrays with
    repeated entries and boolean masks. Integers and arrays never meet in one index: there NumPy and PyTorch order axes
    differently.
    """
    if not arrays or not shape or not draw(st.booleans()):
        whole = draw(hnp.basic_indices(shape, allow_newaxis=True, allow_ellipsis=True))
        parts = whole if isinstance(whole, tuple) else (whole,)
        cut = draw(st.integers(0, 5))
        if not any(part is Ellipsis for part in parts[: max(cut - 1, 0)]):  # behind one, axes count from the other end
            parts = parts[:cut]
        return parts[0] if len(parts) == 1 and draw(st.booleans()) else parts
    axis = draw(st.integers(0, len(shape) - 1))
    n = shape[axis]
    if draw(st.booleans()) or not n:
        picked = draw(hnp.arrays(np.bool_, n, elements=st.booleans()))
    else:
        picked = draw(hnp.arrays(np.int64, shapes(0, 2, 0, 3), elements=st.integers(-n, n - 1)))
    before = [draw(st.slices(k)) for k in shape[:axis]]
    return (*before, picked) if axis else draw(st.sampled_from([picked, (picked,), (picked, Ellipsis)]))


@verifying
def dtypes(kinds: str = "f") -> Strategy[DType]:
    """Return a strategy for the dtypes whose NumPy kind is in `kinds`: "f" floating, "i", "u" integers, "b" booleans.

    Raises:
        ArgumentError: no letter of `kinds` is one of these.

    >>> from hypothesis import find
    >>> find(dtypes("iu"), lambda dtype: True)
    dtype('int64')
    """
    names = ("float64", "float32", "float16", "int64", "int32", "int16", "int8", "uint8", "bool")
    found = [d for d in map(np.dtype, names) if d.kind in kinds]
    if not found:
        raise ArgumentError(f"dtypes(): argument 'kinds' must hold letters of 'fiub', found {kinds!r}")
    return st.sampled_from(found)


@verifying
@st.composite
def arrays(
    draw: Any,
    shape: Shape | Strategy[Shape] | None = None,
    dtype: DTypeLike | Strategy[DType] = np.float64,
    domain: Domain = REAL,
    *,
    distinct: bool = False,
    away_from: Sequence[float] = (0.0,),
    layouts: Sequence[str] = LAYOUTS,
) -> Array:
    """Return a strategy for arrays of finite numbers, in any layout of memory.

    Args:
        shape: a shape or a strategy for shapes; default: `shapes()`.
        dtype: a dtype or a strategy for dtypes.
        domain: the lowest and highest value.
        distinct: no value twice, and none close to a number in `away_from`: what a numerical derivative of a function
            with kinks needs. The values are points of a grid of 32 points or more.
        away_from: where the kinks are.
        layouts: the layouts to choose from: "C" row-major, "F" column-major, "gaps" every second element of the memory,
            "reversed" backwards along the first axis, "read-only".
    """
    if not layouts or not set(layouts) <= set(LAYOUTS):
        raise ArgumentError(f"arrays(): argument 'layouts' must hold some of {LAYOUTS}, found {layouts!r}")
    size = draw(shape) if isinstance(shape, Strategy) else draw(shapes()) if shape is None else tuple(shape)
    kind = as_dtype(draw(dtype) if isinstance(dtype, Strategy) else dtype)
    if distinct:
        n = math.prod(size)
        values = _between(_grid(draw, n), n, domain, away_from).reshape(size)
    else:
        values = _repeating(draw, size, kind, domain)
    return laid_out(values.astype(kind), draw(st.sampled_from(tuple(layouts))))


@verifying
def tensors(
    shape: Shape | Strategy[Shape] | None = None,
    dtype: DTypeLike | Strategy[DType] = np.float64,
    domain: Domain = REAL,
    requires_grad: bool = True,
    **options: Any,
) -> Strategy[Tensor]:
    """Return a strategy for tensors on the memory of `arrays`, which describes the arguments.

    >>> from hypothesis import find
    >>> find(tensors(shape=(2,)), lambda x: True)
    tensor([0., 0.], dtype=float64, requires_grad=True)
    """
    drawn = arrays(shape, dtype, domain, **options)
    return drawn.map(lambda array: wrap(array).requires_grad_(requires_grad and array.dtype.kind in "fc"))


@verifying
@st.composite
def inside(draw: Any, op: str | Callable[..., Any], requires_grad: bool = True) -> list[Tensor]:
    """Return a strategy for the arguments of an elementwise operation of the table, inside its domain.

    Shapes broadcast, values are distinct and away from kinks; conditions are boolean. The domain is the one that the
    record of the operation states as its `samples`; the argument of clip keeps away from -0.5 and 0.5 as well.

    Args:
        op: the operation or its name, for instance ``tg.log``.
        requires_grad: of the arguments that are not conditions.

    Raises:
        KeyError: there is no such operation, or it is not elementwise: its arguments are not independent numbers.

    >>> from hypothesis import find
    >>> (x,) = find(inside("log"), lambda xs: True)
    >>> bool((x > 0.3).all())
    True
    """
    name = op if isinstance(op, str) else op.__name__
    samples = PRIMITIVES[name].samples if name in PRIMITIVES else None
    if not isinstance(samples, list):
        raise KeyError(f"{name!r} is no elementwise operation of the table: those have one domain for each argument")
    shapes_drawn = draw(broadcastable_shapes(len(samples)))
    sizes = list(map(math.prod, shapes_drawn))
    found = []
    for domain, shape, part in zip(
        samples, shapes_drawn, np.split(_grid(draw, sum(sizes)), np.cumsum(sizes)[:-1]), strict=True
    ):
        if domain == "mask":
            values = part < 0.5
        elif domain == "clip":
            values = _between(part, sum(sizes), REAL, (-0.5, 0.0, 0.5))
        else:
            values = _between(part, sum(sizes), domain, (0.0,))
        x = wrap(laid_out(values.reshape(shape), draw(st.sampled_from(LAYOUTS))))
        found.append(x.requires_grad_(requires_grad and values.dtype.kind == "f"))
    return found


def laid_out(x: Array, layout: str) -> Array:
    """Return the values of `x` in another layout of memory, one of LAYOUTS; arrays without axes have only two."""
    if layout == "F" and x.ndim:
        return np.asfortranarray(x)
    if layout == "gaps" and x.ndim:
        wide = np.zeros((*x.shape[:-1], 2 * x.shape[-1]), x.dtype)
        wide[..., ::2] = x
        return wide[..., ::2]
    if layout == "reversed" and x.ndim:
        return x[::-1].copy()[::-1]
    y: Array = np.array(x, order="C")
    y.flags.writeable = layout != "read-only"
    return y


def _repeating(draw: Any, shape: Shape, dtype: DType, domain: Domain) -> Array:
    low, high = domain
    if dtype.kind == "b":
        return np.asarray(draw(hnp.arrays(dtype, shape)))
    if dtype.kind in "iu":
        bottom = 0 if dtype.kind == "u" else math.ceil(low)
        return np.asarray(draw(hnp.arrays(dtype, shape, elements=st.integers(bottom, math.floor(high)))))
    elements = st.floats(low, high, width=32).map(lambda v: min(max(v, low), high))
    return np.asarray(draw(hnp.arrays(np.float64, shape, elements=elements)))


def _grid(draw: Any, size: int) -> Array:
    """Return different numbers between 0 and 1, points of a grid that is never coarse, in a drawn order."""
    n = max(size, COARSEST)
    order = np.random.default_rng(draw(st.integers(0, 2**16))).permutation(n)[:size]
    return (order + 0.5) / n


def _between(points: Array, size: int, domain: Domain, away_from: Sequence[float]) -> Array:
    """Return `points` of a grid for `size` stretched to `domain`, those close to a kink moved away from it."""
    low, high = domain
    values: Array = low + (high - low) * points
    step = (high - low) / max(size, COARSEST)
    for kink in away_from:
        near = np.abs(values - kink) < step / 3
        values = np.where(near, values + np.where(values >= kink, step, -step) / 3, values)
    return values
