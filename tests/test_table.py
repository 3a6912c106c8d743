"""The tests that the table writes: every registered primitive, inputs by Hypothesis."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import tensorgrad as tg
from tensorgrad.dispatch import apply
from tensorgrad.numerics import normalized
from tensorgrad.primitive import PRIMITIVES
from tests.cases import Drawn, case
from tests.checks import check, check_dtypes, check_reuse, check_value, leaves

DIFFERENTIABLE = [name for name, p in PRIMITIVES.items() if p.differentiable]


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


# What each primitive computes, said a second time with NumPy alone and, where it matters, another way.
REFERENCE = {
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
    "broadcast_to": lambda x, *, shape: x + np.zeros(shape),
    "sum_to": _sum_to,
    "reshape": lambda x, *, shape: np.array(x.ravel().tolist()).reshape(shape),
    "transpose": lambda x, *, axes: np.einsum(x, list(range(x.ndim)), list(axes)),
    "astype": lambda x, *, dtype: np.array(x, dtype),
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
}


def test_every_primitive_has_a_reference_and_no_other():
    assert set(REFERENCE) == set(PRIMITIVES)


@pytest.mark.parametrize("name", PRIMITIVES)
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
            if made:
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
