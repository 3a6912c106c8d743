"""Primitives and whole graphs in sixty digits: arrays of mpmath's numbers, for `test_bounds*`."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np
from mpmath import mp

from tensorgrad.base.numerics import normalized
from tensorgrad.bounds import Interval
from tensorgrad.engine.numpycalls import called
from tensorgrad.engine.primitive import PRIMITIVES
from tensorgrad.engine.reads import Read
from tensorgrad.engine.tensor import Constant
from tensorgrad.engine.traces import DETACH, LEAF
from tensorgrad.graph import GraphNode
from tensorgrad.ops.selection import MISSING

DIGITS = 60


def lifted(x: Any) -> np.ndarray:
    """An array of floats as mpmath's numbers; booleans and whole numbers as they are."""
    x = np.asarray(x)
    return each(mp.mpf)(x.astype(np.float64)) if x.dtype.kind == "f" else x


def each(function: Callable[..., Any]) -> Callable[..., Any]:
    def called(*args: Any) -> np.ndarray:
        made = np.frompyfunc(function, len(args), 1)(*args)
        return np.asarray(made, object)

    return called


def forward(name: str) -> Callable[..., Any]:
    return PRIMITIVES[name].forward


def _number(v: Any) -> Any:
    return mp.mpf(v) if isinstance(v, float) else v


def _numbers(f: Callable[..., Any]) -> Callable[..., Any]:
    """A function of mpmath's numbers also of whole numbers and booleans."""
    return lambda *args: f(*[mp.mpf(int(a)) if isinstance(a, bool | int | np.bool_ | np.integer) else a for a in args])


def _round(x: Any, decimals: int) -> Any:
    scaled = x * mp.mpf(10) ** decimals
    low = mp.floor(scaled)
    rest = scaled - low
    up = rest > 0.5 or (rest == 0.5 and int(low) % 2 == 1)
    return (low + int(up)) / mp.mpf(10) ** decimals


def _total(x: Any, axis: Any = None, keepdims: bool = False) -> np.ndarray:
    x = x.astype(object) if x.dtype != object else x
    total = np.sum(x, axis=normalized(axis, x.ndim), keepdims=keepdims)
    return np.asarray(np.asarray(total, object) + mp.mpf(0), object)


def _sum_to(x: Any, *, shape: Any) -> Any:
    lead = x.ndim - len(shape)
    axes = (*range(lead), *(i + lead for i, n in enumerate(shape) if n == 1 and x.shape[i + lead] != 1))
    return _total(x, axes, keepdims=True).reshape(shape)


def _scatter(x: Any, *, index: Any, shape: Any) -> Any:
    y = np.full(shape, mp.mpf(0), object)
    places = np.arange(math.prod(shape)).reshape(shape)[index]
    for place, value in zip(np.ravel(places), np.ravel(x), strict=True):
        y.reshape(-1)[place] += value
    return y


def _fold(x: Any, *, shape: Any, stride: Any, dilation: Any) -> Any:
    n = len(shape)
    y = np.full((*x.shape[: -2 * n], *shape), mp.mpf(0), object)
    for place in np.ndindex(x.shape[-2 * n :]):
        to = tuple(p * s + k * d for k, p, s, d in zip(place[:n], place[n:], stride, dilation, strict=True))
        y[(..., *to)] += x[(..., *place)]
    return y


def _embedded(x: Any, *, offset: Any, shape: Any) -> Any:
    y = np.full((*x.shape[:-1], *shape), mp.mpf(0), object)
    for k in range(x.shape[-1]):
        y[..., k + max(-offset, 0), k + max(offset, 0)] = x[..., k]
    return y


def _product(a: Any, b: Any) -> Any:
    a, b = a.astype(object), b.astype(object)
    lead = np.broadcast_shapes(a.shape[:-2], b.shape[:-2])
    a = np.broadcast_to(a, (*lead, *a.shape[-2:]))
    b = np.broadcast_to(b, (*lead, *b.shape[-2:]))
    return (a[..., :, :, None] * b[..., None, :, :]).sum(-2) + mp.mpf(0)


def _linear(a: Any, b: Any) -> Any:
    made = _product(a.reshape(-1, a.shape[-1]), b.T)
    return made.reshape(*a.shape[:-1], len(b))


def _taken(index: int, sign: int) -> Callable[..., Any]:
    function = np.max if sign > 0 else np.min
    return lambda x, *, axis=None, keepdims=False: np.asarray(function(x, axis=axis, keepdims=keepdims), object)


def _ties(x: Any, y: Any, *, axis: Any = None, keepdims: bool = False) -> Any:
    top = np.max(x, axis=axis, keepdims=True) if x.size else x
    if x.size and not keepdims:
        y = np.asarray(y, object).reshape(np.shape(top))
    equal = np.asarray(x == y, object) * 1
    return each(lambda e, n: mp.mpf(e) / n)(equal, equal.sum(axis=axis, keepdims=True))


def _place(sign: int) -> Callable[..., Any]:
    function = np.argmax if sign > 0 else np.argmin
    return lambda x, *, axis=None, keepdims=False: function(x, axis=axis, keepdims=keepdims)


def _matrices(function: Callable[[Any], Any], *, matrix: bool = True) -> Callable[..., Any]:
    """A function of one matrix of mpmath's, of each of an array."""

    def called(*xs: Any) -> Any:
        lead = np.broadcast_shapes(*(x.shape[:-2] for x in xs))
        wide = [np.broadcast_to(x, (*lead, *x.shape[-2:])) for x in xs]
        found = [function(*[mp.matrix(x[place].tolist()) for x in wide]) for place in np.ndindex(*lead)]
        inner = xs[-1].shape[-2:] if matrix else ()
        y = np.empty((*lead, *inner), object)
        for place, value in zip(np.ndindex(*lead), found, strict=True):
            y[place] = np.array(value.tolist(), object) if inner else value
        return y

    return called


def _held(x: Any, triangle: Any = None) -> Any:
    return (x + np.swapaxes(x, -1, -2)) / 2


def _norm(x: Any, *, p: Any = 2, axis: Any = None, keepdims: bool = False) -> Any:
    powers = each(lambda v: abs(v) ** mp.mpf(p))(x)
    return each(lambda v: v ** (1 / mp.mpf(p)))(_total(powers, axis, keepdims))


def _power(a: Any, b: Any) -> Any:
    return a ** int(b) if b == int(b) else a**b


def _bessel(x: Any, n: int, scaled: bool) -> Any:
    found = mp.besseli(n, x) / x**n if x else mp.mpf(1) / (mp.mpf(2) ** n * mp.factorial(n))
    return found * mp.exp(-abs(x)) if scaled else found


ELEMENTWISE: dict[str, Callable[..., Any]] = {
    "add": lambda a, b: a + b, "sub": lambda a, b: a - b, "neg": lambda x: -x, "contiguous": lambda x: x,
    "conj": lambda x: x, "mul": lambda a, b: a * b, "div": lambda a, b: a / b,
    "remainder": lambda a, b: a - mp.floor(a / b) * b, "floor_divide": lambda a, b: mp.floor(a / b),
    "fmod": lambda a, b: a - (mp.floor(a / b) if a / b > 0 else mp.ceil(a / b)) * b, "sign": mp.sign,
    "floor": mp.floor, "ceil": mp.ceil, "trunc": lambda x: mp.floor(x) if x > 0 else mp.ceil(x),
    "where": lambda c, a, b: a if c else b, "maximum": max, "minimum": min, "abs": abs, "relu": lambda x: max(x, 0),
    "direction": lambda a, b: a / b if b else mp.mpf(0), "hypot": mp.hypot, "pow": _power, "exp": mp.exp,
    "expm1": mp.expm1, "exp2": lambda x: mp.mpf(2) ** x, "log": mp.log, "log1p": mp.log1p,
    "log2": lambda x: mp.log(x, 2), "log10": mp.log10, "sqrt": mp.sqrt, "sin": mp.sin, "cos": mp.cos, "tan": mp.tan,
    "asin": mp.asin, "acos": mp.acos, "atan": mp.atan, "sinh": mp.sinh, "cosh": mp.cosh, "tanh": mp.tanh,
    "asinh": mp.asinh, "acosh": mp.acosh, "atanh": mp.atanh, "sigmoid": lambda x: 1 / (1 + mp.exp(-x)),
    "atan2": mp.atan2, "logaddexp": lambda a, b: mp.log(mp.exp(a) + mp.exp(b)),
    "logaddexp2": lambda a, b: mp.log(mp.mpf(2) ** a + mp.mpf(2) ** b, 2), "erf": mp.erf, "erfc": mp.erfc,
    "erfinv": mp.erfinv, "ndtr": mp.ncdf, "log_ndtr": lambda x: mp.log(mp.ncdf(x)),
    "ndtri": lambda x: mp.sqrt(2) * mp.erfinv(2 * x - 1), "entr": lambda x: -x * mp.log(x) if x else mp.mpf(0),
    "lgamma": lambda x: mp.log(abs(mp.gamma(x))), "digamma": mp.digamma, "i0": lambda x: mp.besseli(0, x),
    "i1": lambda x: mp.besseli(1, x), "i0e": lambda x: mp.exp(-abs(x)) * mp.besseli(0, x),
    "i1e": lambda x: mp.exp(-abs(x)) * mp.besseli(1, x), "eq": lambda a, b: a == b, "ne": lambda a, b: a != b,
    "lt": lambda a, b: a < b, "le": lambda a, b: a <= b, "gt": lambda a, b: a > b, "ge": lambda a, b: a >= b,
    "logical_not": lambda x: not x, "step": lambda x: x > 0, "bitwise_not": lambda x: not x,
    "share": lambda a, b: mp.mpf(a > b) + mp.mpf(a == b) / 2, "bitwise_and": lambda a, b: bool(a) and bool(b),
    "bitwise_or": lambda a, b: bool(a) or bool(b), "bitwise_xor": lambda a, b: bool(a) != bool(b),
}  # fmt: skip

WITH_PARAMETERS: dict[str, Callable[..., Any]] = {
    "clip": lambda x, *, low=None, high=None: each(
        lambda v: max(min(v, mp.inf if high is None else high), -mp.inf if low is None else low)
    )(x),
    "inside": lambda x, *, low, high: each(
        lambda v: (low is None or v >= low) and (high is None or v <= high)
    )(x),
    "round": lambda x, *, decimals=0: each(lambda v: _round(v, decimals))(x),
    "even_power": lambda x, *, p=3.0: each(lambda v: abs(v) ** mp.mpf(p))(x),
    "odd_power": lambda x, *, p=3.0: each(lambda v: mp.sign(v) * abs(v) ** mp.mpf(p) if v else mp.mpf(0))(x),
    "erfcx": lambda x, *, n=0: each(lambda v: mp.diff(lambda t: mp.exp(t * t) * mp.erfc(t), v, n))(x),
    "polygamma": lambda x, *, n=1: each(lambda v: mp.polygamma(n, v))(x),
    "bessel": lambda x, *, n=1, scaled=False: each(lambda v: _bessel(v, n, scaled))(x),
    "sinc": lambda x, *, n=0: each(lambda v: mp.diff(lambda t: mp.sinc(mp.pi * t), v, n))(x),
    "sum": lambda x, *, axis=None, keepdims=False: _total(x, axis, keepdims),
    "mean": lambda x, *, axis=None, keepdims=False, refined=False: _total(x, axis, keepdims)
    / max(1, x.size // max(1, _total(x, axis, keepdims).size)),
    "sum_to": _sum_to, "scatter": _scatter, "fold": _fold, "embedded": _embedded, "matmul": _product, "linear": _linear,
    "affine": lambda a, b, c: _linear(a, b) + c, "amax": _taken(0, 1), "amin": _taken(0, -1), "ties": _ties,
    "argmax": _place(1), "argmin": _place(-1), "length": _norm,
    "cumsum": lambda x, *, axis, reverse: np.flip(np.cumsum(np.flip(x, axis), axis), axis)
    if reverse
    else np.cumsum(x, axis),
    "astype": lambda x, *, dtype: x
    if np.dtype(dtype).kind == "f"
    else each(bool if np.dtype(dtype).kind == "b" else int)(x).astype(dtype),
    "inv": _matrices(lambda a: a**-1), "solve": _matrices(lambda a, b: a**-1 * b),
    "det": _matrices(mp.det, matrix=False),
    "logabsdet": _matrices(lambda a: mp.log(abs(mp.det(a))), matrix=False),
    "cholesky": lambda x, *, triangle=None: _matrices(mp.cholesky)(_held(x, triangle)),
    "assign": lambda a, b, *, index: _assign(a, b, index),
    "concatenate": lambda *xs, axis: np.concatenate([x.astype(object) for x in xs], axis),
    "diagonal": lambda x, *, offset=0: np.diagonal(x, offset, -2, -1),
    "windowed": lambda x, *, size, step: np.lib.stride_tricks.sliding_window_view(x, size, -1)[..., ::step, :],
    "unfold": lambda x, **params: _through(x, "unfold", params),
    "getitem": lambda x, **params: _through(x, "getitem", params),
    "broadcast_to": lambda x, **params: _through(x, "broadcast_to", params),
    "reshape": lambda x, **params: _through(x, "reshape", params),
    "transpose": lambda x, **params: _through(x, "transpose", params),
}  # fmt: skip


def _assign(a: Any, b: Any, index: Any) -> Any:
    y = a.astype(object)
    y[index] = b
    return y


def _through(x: Any, name: str, params: Mapping[str, Any]) -> Any:
    """What moves elements: by where it moves their places."""
    x = np.asarray(x, object)
    places = forward(name)(np.arange(x.size, dtype=np.float64).reshape(x.shape), **params)
    flat = x.reshape(-1)
    return flat[np.asarray(places, np.intp)] if x.size else np.empty(np.shape(places), object)


def exact(name: str, args: Sequence[Any], params: Mapping[str, Any]) -> np.ndarray:
    """The value of a primitive in the digits that mpmath works with."""
    if name in ELEMENTWISE:
        return each(_numbers(ELEMENTWISE[name]))(*args)
    return np.asarray(WITH_PARAMETERS[name](*args, **params), object)


def holds(found: Interval, truth: Any) -> bool:
    """Whether each element of `truth` lies inside, compared without rounding; NaN and complex ones are no value."""
    truth = np.asarray(truth, object)
    assert truth.shape == found.shape
    for low, high, value in zip(found.low.ravel().tolist(), found.high.ravel().tolist(), truth.ravel(), strict=True):
        if isinstance(value, mp.mpc | complex) or (isinstance(value, mp.mpf) and not mp.isfinite(value)):
            continue
        if not low <= value <= high:
            return False
    return True


def values_of(nodes: Sequence[GraphNode]) -> list[np.ndarray]:
    """The exact value of every node."""
    found: list[Any] = []
    for node in nodes:
        if node.primitive is None:
            found.append(lifted(node.value))
            continue
        own = [
            found[o.source]
            if o.source is not None
            else np.asarray(_number(float(o.constant) if isinstance(o.constant, Constant) else o.constant), object)
            for o in node.operands
            if not o.parameter
        ]
        if node.primitive in (LEAF, DETACH):
            found.append(own[-1])
        elif node.primitive is MISSING:
            found.append(each(lambda c, x: mp.nan if c else x)(*own))
        elif node.primitive.kind == "numpy":
            found.append(_numpys(node, own))
        else:
            made = exact(node.op, own, _params(node.params, found))
            found.append(np.broadcast_to(made, node.shape))
    return found


def _numpys(node: GraphNode, own: Sequence[Any]) -> Any:
    """What NumPy computed of arrays: a number of mpmath's is finite, and moves as any other."""
    assert node.primitive is not None
    if node.op == "isfinite":
        return np.full(node.shape, True)
    if node.op in ("isposinf", "isnan", "isneginf", "isinf"):
        return np.full(node.shape, False)
    if node.op == "asarray":
        return own[0]
    if node.op == "astype":
        return WITH_PARAMETERS["astype"](own[0], dtype=node.dtype)
    if node.op in ELEMENTWISE:
        return exact(node.op, own, {})
    return called(node.primitive, [np.asarray(own[0], object)], dict(node.params))


def _params(params: Any, found: Sequence[Any]) -> Any:
    if type(params) is Read and params.index is not None:
        return np.asarray(found[params.index]).astype(np.asarray(params).dtype)
    if type(params) in (tuple, list):
        return type(params)(_params(p, found) for p in params)
    if type(params) is dict:
        return {k: _params(v, found) for k, v in params.items()}
    return params
