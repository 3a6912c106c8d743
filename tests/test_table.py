"""The tests that the table writes: every registered primitive, inputs by Hypothesis."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given, strategies as st
from mpmath import mp
from numpy.lib.stride_tricks import sliding_window_view

import tensorgrad as tg
from tensorgrad import ops
from tensorgrad.base.numerics import normalized
from tensorgrad.engine.dispatch import apply
from tensorgrad.engine.primitive import PRIMITIVES
from tests.cases import OF_REALS, Drawn, case
from tests.checks import check, check_dtypes, check_reuse, check_value, leaves

DIFFERENTIABLE = [name for name, p in OF_REALS.items() if p.differentiable]


def _scatter(x, *, index, shape):
    out = np.zeros(shape)
    places = np.arange(math.prod(shape)).reshape(shape)[index]
    for place, value in zip(np.ravel(places), np.ravel(x), strict=True):
        out.reshape(-1)[place] += value
    return out


def _sum_to(x, *, shape):
    wanted = np.zeros(shape)
    for position in np.ndindex(x.shape):
        place = position[x.ndim - len(shape) :]
        wanted[tuple(0 if n == 1 else i for i, n in zip(place, shape, strict=True))] += x[position]
    return wanted


def _ties(x, y, *, axis, keepdims):
    equal = x == np.max(x, axis=axis, keepdims=True)
    return equal / equal.sum(axis=axis, keepdims=True)


def _linear(a, b):
    return np.einsum("...k,mk->...m", a, b)


def _running(x, *, axis, reverse):
    n = x.shape[axis]
    grid = np.tri(n).T if reverse else np.tri(n)
    return np.moveaxis(np.tensordot(grid, x, (1, axis)), 0, axis)


def _embedded(x, *, offset, shape):
    y = np.zeros((*x.shape[:-1], *shape))
    for k in range(x.shape[-1]):
        y[..., k + max(-offset, 0), k + max(offset, 0)] = x[..., k]
    return y


def _diagonal(x, *, offset):
    picked = [x[..., i, i + offset] for i in range(x.shape[-2]) if 0 <= i + offset < x.shape[-1]]
    return np.stack(picked, -1) if picked else np.zeros((*x.shape[:-2], 0))


def _unfold(x, *, size, stride, dilation):
    """Every element of every window, one by one."""
    n = len(size)
    windows = sliding_window_view(
        x, [d * (k - 1) + 1 for k, d in zip(size, dilation, strict=True)], tuple(range(-n, 0))
    )[(..., *(slice(None, None, s) for s in stride), *(slice(None, None, d) for d in dilation))]
    return np.moveaxis(windows, range(-n, 0), range(-2 * n, -n))


def _windowed(x, *, size, step):
    starts = range(0, x.shape[-1] - size + 1, step)
    return np.stack([x[..., start : start + size] for start in starts], -2)


def _fold(x, *, shape, stride, dilation):
    n = len(shape)
    y = np.zeros((*x.shape[: -2 * n], *shape))
    for place in np.ndindex(x.shape[-2 * n :]):
        to = tuple(p * s + k * d for k, p, s, d in zip(place[:n], place[n:], stride, dilation, strict=True))
        y[(..., *to)] += x[(..., *place)]
    return y


def _eigh(x):
    """Powers of the matrix would do as well: the general solver, sorted, with the sign that LAPACK chose."""
    x = (x + np.swapaxes(x, -1, -2)) / 2
    w, v = np.linalg.eig(x)
    order = np.argsort(w, -1)
    w, v = np.take_along_axis(w, order, -1), np.take_along_axis(v, order[..., None, :], -1)
    signs = np.sign((v * np.linalg.eigh(x)[1]).sum(-2, keepdims=True))
    return np.concatenate([v * signs, w[..., None, :]], -2)


def _svd(x):
    """From the eigenvectors of the smaller Gram matrix, with the signs that LAPACK chose."""
    m, n = x.shape[-2:]
    if n > m:
        y = _svd(np.swapaxes(x, -1, -2))
        u, s, v = y[..., n + 1 :, :], y[..., n : n + 1, :], y[..., :n, :]
    else:
        v = np.linalg.eigh(np.swapaxes(x, -1, -2) @ x)[1][..., ::-1]
        s = np.linalg.norm(x @ v, axis=-2, keepdims=True)
        u = x @ v / s
    signs = np.sign((v * np.swapaxes(np.linalg.svd(x, False)[2], -1, -2)).sum(-2, keepdims=True))
    return np.concatenate([u * signs, s, v * signs], -2)


def _qr(x):
    """By Cholesky's factor of the Gram matrix, with LAPACK's negative diagonal where it has one."""
    r = np.swapaxes(np.linalg.cholesky(np.swapaxes(x, -1, -2) @ x), -1, -2)
    r = r * np.sign(np.diagonal(np.linalg.qr(x)[1], 0, -2, -1))[..., None]
    return np.concatenate([x @ np.linalg.inv(r), np.swapaxes(r, -1, -2)], -2)


def _cholesky(x):
    lower = np.zeros_like(x)
    x = (x + np.swapaxes(x, -1, -2)) / 2
    for i in range(x.shape[-1]):
        for j in range(i + 1):
            rest = x[..., i, j] - (lower[..., i, :j] * lower[..., j, :j]).sum(-1)
            lower[..., i, j] = np.sqrt(rest) if i == j else rest / lower[..., j, j]
    return lower


def _pinv(x, *, rtol):
    """Of full rank: by the Gram matrix of the shorter side."""
    xt = np.swapaxes(x, -1, -2)
    if x.shape[-2] < x.shape[-1]:
        return xt @ np.linalg.inv(x @ xt)
    return np.linalg.inv(xt @ x) @ xt


def _series(x):
    """The Taylor series of erf: ``2 / sqrt(pi) * sum (-1)**n x**(2n+1) / (n! (2n+1))``, which converges everywhere."""
    terms = [(-1) ** n * x ** (2 * n + 1) / (math.factorial(n) * (2 * n + 1)) for n in range(80)]
    return 2 / math.sqrt(math.pi) * np.sum(terms, axis=0)


def _series_inverse(x):
    y = np.zeros_like(x)
    for _ in range(60):  # Newton's method, from 0
        y = y - (_series(y) - x) * math.sqrt(math.pi) / 2 * np.exp(y * y)
    return y


def _each(function, *first):
    """`function` of mpmath or of Python, of the elements of an array one by one."""
    return np.vectorize(lambda v: float(function(*first, v)), otypes=[float])


# What each primitive computes, said a second time with NumPy alone and, where it matters, another way.
REFERENCE = {
    **dict.fromkeys(("all_reduce", "all_gather", "reduce_scatter"), lambda x, **params: x),  # of a group of one
    "add": lambda a, b: a + b,
    "sub": lambda a, b: a - b,
    "neg": lambda x: 0 - x,
    "mul": lambda a, b: a * b,
    "div": lambda a, b: a / b,
    "remainder": lambda a, b: a - np.floor(a / b) * b,
    "floor_divide": lambda a, b: np.floor(a / b),
    "sign": lambda x: 1.0 * (x > 0) - 1.0 * (x < 0),
    "floor": lambda x: x - np.mod(x, 1),
    "ceil": lambda x: -np.floor(-x),
    "round": lambda x, *, decimals=0: np.rint(x * 10**decimals) / 10**decimals,
    "eq": lambda a, b: a == b,
    "ne": lambda a, b: a != b,
    "lt": lambda a, b: a < b,
    "le": lambda a, b: a <= b,
    "gt": lambda a, b: a > b,
    "ge": lambda a, b: a >= b,
    "bitwise_and": lambda a, b: a * b,
    "bitwise_or": lambda a, b: a + b,
    "bitwise_xor": lambda a, b: a != b,
    "bitwise_not": lambda x: x == False,  # noqa: E712 - elementwise
    "step": lambda x: np.sign(x) == 1,
    "share": lambda a, b: 0.5 * (1 + np.sign(a - b)),
    "inside": lambda x, *, low, high: (x >= low) & (x <= high),
    "logical_not": lambda x: x == 0,
    "where": lambda c, a, b: c * a + (1 - c) * b,
    "maximum": lambda a, b: 0.5 * (a + b + np.abs(a - b)),
    "minimum": lambda a, b: 0.5 * (a + b - np.abs(a - b)),
    "clip": lambda x, *, low, high: np.fmin(
        np.fmax(x, np.nan if low is None else low), np.nan if high is None else high
    ),
    "abs": lambda x: np.sqrt(x * x),
    "relu": lambda x: 0.5 * (x + np.abs(x)),
    "pow": lambda a, b: np.exp(b * np.log(a)),
    "exp": lambda x: 1 / np.exp(-x),
    "expm1": lambda x: np.exp(x) - 1,
    "exp2": lambda x: 2.0**x,
    "log": lambda x: np.log2(x) * math.log(2),
    "log1p": lambda x: np.log(1 + x),
    "log2": lambda x: np.log(x) / math.log(2),
    "log10": lambda x: np.log(x) / math.log(10),
    "sqrt": lambda x: x**0.5,
    "sin": lambda x: np.exp(1j * x).imag,
    "cos": lambda x: np.exp(1j * x).real,
    "tan": lambda x: np.sin(x) / np.cos(x),
    "asin": lambda x: np.arctan2(x, np.sqrt(1 - x * x)),
    "acos": lambda x: np.arctan2(np.sqrt(1 - x * x), x),
    "atan": lambda x: np.arctan2(x, 1),
    "sinh": lambda x: (np.exp(x) - np.exp(-x)) / 2,
    "cosh": lambda x: (np.exp(x) + np.exp(-x)) / 2,
    "tanh": lambda x: np.sinh(x) / np.cosh(x),
    "asinh": lambda x: np.log(x + np.sqrt(x * x + 1)),
    "acosh": lambda x: np.log(x + np.sqrt(x * x - 1)),
    "atanh": lambda x: 0.5 * np.log((1 + x) / (1 - x)),
    "sigmoid": lambda x: 1 / (1 + np.exp(-x)),
    "atan2": lambda a, b: np.angle(b + 1j * a),
    "logaddexp": lambda a, b: np.log(np.exp(a) + np.exp(b)),
    "logaddexp2": lambda a, b: np.log2(2**a + 2**b),
    "broadcast_to": lambda x, *, shape: x + np.zeros(shape),
    "sum_to": _sum_to,
    "reshape": lambda x, *, shape: np.array(x.ravel().tolist()).reshape(shape),
    "transpose": lambda x, *, axes: np.einsum(x, list(range(x.ndim)), list(axes)),
    "astype": lambda x, *, dtype: np.array(x, dtype),
    "contiguous": lambda x: np.array(x, order="C"),
    "conj": lambda x: x.real,
    "getitem": lambda x, *, index: x.ravel()[np.arange(x.size).reshape(x.shape)[index]],
    "scatter": _scatter,
    "assign": lambda a, b, *, index: np.where(
        _scatter(np.ones(a[index].shape), index=index, shape=a.shape) > 0,
        _scatter(b + np.zeros(a[index].shape), index=index, shape=a.shape),
        a,
    ),
    "concatenate": lambda *xs, axis: np.moveaxis(
        np.array([r for x in xs for r in np.moveaxis(x, axis, 0)]).reshape(-1, *np.moveaxis(xs[0], axis, 0).shape[1:]),
        0,
        axis,
    ),
    "sum": lambda x, *, axis, keepdims: np.sum(x, axis=axis, keepdims=keepdims),
    "mean": lambda x, *, axis, keepdims: np.mean(x, axis=axis, keepdims=keepdims),
    "ties": _ties,
    "amax": lambda x, *, axis, keepdims: -np.min(-x, axis=axis, keepdims=keepdims),
    "amin": lambda x, *, axis, keepdims: -np.max(-x, axis=axis, keepdims=keepdims),
    "argmax": lambda x, *, axis, keepdims: np.argmin(-x, axis=axis, keepdims=keepdims),
    "argmin": lambda x, *, axis, keepdims: np.argmax(-x, axis=axis, keepdims=keepdims),
    "matmul": lambda a, b: np.einsum("...nk,...km->...nm", a, b),
    "linear": _linear,
    "affine": lambda a, b, c: _linear(a, b) + c,
    "cumsum": _running,
    "diagonal": _diagonal,
    "embedded": _embedded,
    "unfold": _unfold,
    "windowed": _windowed,
    "fold": _fold,
    "erf": _series,
    "erfc": lambda x: 1 - _series(x),
    "erfinv": _series_inverse,
    "erfcx": _each(lambda v: mp.exp(v * v) * mp.erfc(v)),
    "ndtr": lambda x: 0.5 + 0.5 * _series(x / math.sqrt(2)),
    "log_ndtr": _each(lambda v: mp.log(mp.ncdf(v))),
    "ndtri": lambda x: math.sqrt(2) * _series_inverse(2 * x - 1),
    "entr": lambda x: x * np.log(1 / x),
    "lgamma": _each(math.lgamma),
    "digamma": _each(mp.digamma),
    "polygamma": _each(mp.polygamma, 1),
    "i0": np.i0,
    "i1": _each(mp.besseli, 1),
    "i0e": lambda x: np.exp(-np.abs(x)) * np.i0(x),
    "i1e": lambda x: np.exp(-np.abs(x)) * _each(mp.besseli, 1)(x),
    "bessel": lambda x, *, n=1, scaled=False: _each(mp.besseli, 1)(x) / x,
    "sinc": np.sinc,
    "hypot": lambda a, b: np.abs(a + 1j * b),
    "direction": lambda a, b: a * b**-1.0,
    "length": lambda x, *, p=2, axis=None, keepdims=False: np.sum(np.abs(x) ** p, axis, keepdims=keepdims) ** (1 / p),
    "even_power": lambda x, *, p=3.0: np.exp(np.log(np.abs(x)) * p),
    "odd_power": lambda x, *, p=3.0: x * np.exp(np.log(np.abs(x)) * (p - 1)),
    "trunc": lambda x: np.sign(x) * np.floor(np.abs(x)),
    "fmod": lambda a, b: np.sign(a) * (np.abs(a) % np.abs(b)),
    "inv": lambda x: np.linalg.solve(x, np.broadcast_to(np.eye(x.shape[-1]), x.shape)),
    "solve": lambda a, b: np.linalg.inv(a) @ b,
    "det": lambda x: np.prod(np.linalg.eigvals(x), -1).real,
    "logabsdet": lambda x: np.log(np.abs(np.linalg.det(x))),
    "pinv": _pinv,
    "cholesky": _cholesky,
    "eigh": _eigh,
    "svd": _svd,
    "qr": _qr,
}


def test_every_primitive_has_a_reference_and_no_other():
    assert set(REFERENCE) == set(OF_REALS)


@pytest.mark.parametrize("name", OF_REALS)
@given(data=st.data())
def test_the_value_is_numpys(name, data):
    primitive = PRIMITIVES[name]
    check_value(primitive, *case(primitive, Drawn(data)), REFERENCE[name])


@pytest.mark.parametrize("name", DIFFERENTIABLE)
@given(data=st.data())
def test_both_rules_are_right_to_second_order(name, data):
    primitive = PRIMITIVES[name]
    arrays, params = case(primitive, Drawn(data))
    before = [a.tobytes() for a in arrays]
    check(primitive, arrays, params)
    assert [a.tobytes() for a in arrays] == before


@pytest.mark.parametrize("name", DIFFERENTIABLE)
@given(data=st.data())
def test_shapes_and_dtypes_are_kept_in_float32(name, data):
    primitive = PRIMITIVES[name]
    check_dtypes(primitive, *case(primitive, Drawn(data), np.float32))


@pytest.mark.parametrize("name", DIFFERENTIABLE)
@given(data=st.data())
def test_what_is_used_twice_receives_the_sum(name, data):
    primitive = PRIMITIVES[name]
    check_reuse(primitive, *case(primitive, Drawn(data)))


@pytest.mark.parametrize("name", [n for n in DIFFERENTIABLE if PRIMITIVES[n].kind == "elementwise"])
def test_the_fast_path_is_the_general_one(name):
    """Values, what is saved, and gradients are the same whether `unary`/`binary` or `apply` made the node."""
    from tests.cases import Rolled

    op = getattr(tg.ops, name)
    for seed in range(10):
        arrays, params = case(PRIMITIVES[name], Rolled(seed))
        for tracked in ({0}, {len(arrays) - 1}, set(range(len(arrays)))):
            made = []
            for run in (op, lambda *xs, **params: apply(PRIMITIVES[name], xs, params)):
                xs = leaves(arrays)
                for i, x in enumerate(xs):
                    x.requires_grad = i in tracked and x.array.dtype.kind == "f"
                if not any(x.requires_grad for x in xs):
                    continue
                y = run(*xs, **params)
                gx = tg.autograd.grad(y, [x for x in xs if x.requires_grad], tg.ones_like(y), retain_graph=True)
                node = y.node
                made.append(
                    (y.array, [a.array for a in gx], node.saved, node.shape, node.dtype, node.tracked, y.tracked)
                )
            if made and hasattr(made[0][2], "residuals"):  # a fused form, equal to rounding
                np.testing.assert_allclose(made[0][1], made[1][1], rtol=1e-14, atol=0, equal_nan=False)
            elif made:
                np.testing.assert_equal(made[0], made[1])


@pytest.mark.parametrize("name", DIFFERENTIABLE)
def test_only_what_a_rule_names_is_kept(name):
    from tests.cases import Rolled

    primitive = PRIMITIVES[name]
    arrays, params = case(primitive, Rolled(1))
    xs = leaves(arrays)
    tracked = tuple(x.requires_grad for x in xs)
    y = apply(primitive, tuple(xs), params)
    wanted = set().union(*(primitive.reads(i) for i, needed in enumerate(tracked) if needed))
    kept = {i for i, value in enumerate(y.node.saved) if value is not None}
    assert kept == wanted


def test_an_axis_outside_the_array_is_refused():
    with pytest.raises(IndexError, match="axis 2 is out of bounds"):
        normalized(2, 2)
    with pytest.raises(ValueError, match="names an axis twice"):
        normalized((0, -2), 2)


def test_every_record_of_the_table_is_found_in_ops_under_its_name() -> None:
    PRIMITIVES.complete()
    files = [file for file in vars(ops).values() if getattr(file, "__name__", "").startswith("tensorgrad.ops.")]
    found = {name: op for file in files for name, op in vars(file).items() if hasattr(op, "primitive")}
    assert len(files) >= 13
    assert len(found) > 90
    for name, op in found.items():
        assert getattr(ops, name) is op
        assert op.primitive is PRIMITIVES[name]
