"""Functions of each element beside 50 digits: values and slopes to the last places, and the fused forms' equality."""

from __future__ import annotations

import itertools
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from mpmath import mp

import tensorgrad as tg
from tensorgrad.engine.fused import sloped
from tensorgrad.engine.primitive import PRIMITIVES
from tensorgrad.kinds import elementwise, primitive
from tensorgrad.nn import functional

mp.dps = 50


def normal(count: int) -> np.ndarray:
    return np.random.default_rng(3).standard_normal(count)


def quarter(x: tg.Tensor) -> tg.Tensor:
    return functional.leaky_relu(x, 0.25)


def _share(x: Any) -> Any:
    return 1 / (1 + mp.exp(-x))


def _plus(x: Any) -> Any:
    return mp.log1p(mp.exp(x))


def _straight(x: Any) -> Any:
    return 0 if x <= -3 else 1 if x >= 3 else x / 3 + mp.mpf(0.5)


# by name: the function, what it is, its slope, and how many of its last places the value may miss in single, in double
ACTIVATIONS: dict[str, tuple[Any, Any, Any, float, float]] = {
    "sigmoid": (tg.sigmoid, _share, lambda x: _share(x) * _share(-x), 2.5, 2.5),
    "silu": (functional.silu, lambda x: x * _share(x), lambda x: mp.diff(ACTIVATIONS["silu"][1], x), 3.5, 3.5),
    "softplus": (functional.softplus, _plus, _share, 4, 4),
    "logsigmoid": (functional.logsigmoid, lambda x: -_plus(-x), lambda x: _share(-x), 4, 4),
    "mish": (functional.mish, lambda x: x * mp.tanh(_plus(x)), lambda x: mp.diff(ACTIVATIONS["mish"][1], x), 4, 4),
    "elu": (functional.elu, lambda x: x if x > 0 else mp.expm1(x), lambda x: 1 if x > 0 else mp.exp(x), 3, 3),
    "leaky_relu": (quarter, lambda x: x if x > 0 else x / 4, lambda x: 1 if x > 0 else 0.25, 0, 0),
    "hardswish": (functional.hardswish, lambda x: x * min(max(x + 3, 0), 6) / 6, _straight, 2, 2),
    "gelu": (functional.gelu, lambda x: x * mp.ncdf(x), lambda x: mp.ncdf(x) + x * mp.npdf(x), 6, 6),
    "erf": (tg.erf, mp.erf, lambda x: 2 / mp.sqrt(mp.pi) * mp.exp(-x * x), 2.5, 4),
    "erfc": (tg.erfc, mp.erfc, lambda x: -2 / mp.sqrt(mp.pi) * mp.exp(-x * x), 2.5, 4),
}  # fmt: skip


def points(dtype: Any) -> np.ndarray:
    """Return numbers all over the place where the functions bend, and near 0."""
    r, far = np.random.default_rng(7), 13.0 if dtype == np.float32 else 37.0
    near = 10.0 ** r.uniform(-8, 0, 60)
    return np.concatenate([r.uniform(-4, 4, 300), r.uniform(-far, 19.9, 200), near, -near]).astype(dtype)


def missed(found: np.ndarray, exact: Callable[[Any], Any], x: np.ndarray, least: float = 0.0) -> np.ndarray:
    """Return how many last places, of the exact value or of `least`, each of `found` is away from it."""
    places = []
    for value, at in zip(found.tolist(), x.tolist(), strict=True):
        truth = exact(mp.mpf(at))
        unit = np.spacing(found.dtype.type(max(abs(float(truth)), least, float(np.finfo(found.dtype).tiny))))
        places.append(float(abs(mp.mpf(value) - truth) / mp.mpf(float(unit))))
    return np.array(places)


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("name", ACTIVATIONS)
def test_values_and_slopes_are_right_to_the_last_places(name: str, dtype: Any) -> None:
    function, exact, slope, single, double = ACTIVATIONS[name]
    array = points(dtype)
    if name == "erfc":
        array = array[array < (9 if dtype == np.float32 else 26)]
    x = tg.from_numpy(array).requires_grad_()
    y = function(x)
    assert missed(y.detach().numpy(), exact, array).max() <= (single if dtype == np.float32 else double)
    np.testing.assert_array_equal(function(x.detach()).numpy(), y.detach().numpy())  # where no slope is kept
    (g,) = tg.autograd.grad(y.sum(), x)
    assert missed(g.numpy(), slope, array, least=1e-2).max() <= 40  # of a slope that goes through 0


@pytest.mark.parametrize("name", [name for name in ACTIVATIONS if name not in ("erf", "erfc")])
def test_a_fused_form_equals_its_composition_at_every_order(name: str) -> None:
    function = ACTIVATIONS[name][0]
    x = tg.tensor(normal(40) * 3, requires_grad=True)
    assert function(x).grad_fn is not None
    quick = tg.autograd.grad(function(x).sum(), x)[0].numpy()
    y = function(x)
    slow = tg.autograd.grad(y.sum(), x, create_graph=True)[0]
    np.testing.assert_allclose(quick, slow.detach().numpy(), rtol=1e-13, atol=1e-15, equal_nan=False)
    assert tg.testing.gradcheck(function, x)
    assert tg.testing.gradgradcheck(function, x)


@pytest.mark.parametrize("name", ["sigmoid", "gelu", "softplus"])
def test_a_fused_form_that_is_unfolded_inside_of_a_batch_has_no_part_in_it(name: str) -> None:
    function = ACTIVATIONS[name][0]
    x = tg.tensor(normal(3))
    hessians = [
        outer(inner(lambda x: (function(x) ** 2).sum()))(x).numpy()
        for outer, inner in itertools.product((tg.func.jacrev, tg.func.jacfwd), repeat=2)
    ]
    for hessian in hessians[1:]:
        np.testing.assert_allclose(hessian, hessians[0], rtol=1e-12, atol=1e-13, equal_nan=False)


@pytest.mark.parametrize("name", ACTIVATIONS)
@pytest.mark.parametrize("dtype", [tg.float32, tg.float64])
def test_what_is_infinite_or_not_a_number(name: str, dtype: Any) -> None:
    """Values and slopes at the ends are limits where these are finite; NaN is never lost."""
    function = ACTIVATIONS[name][0]
    ends = {"sigmoid": (0, 1), "elu": (-1, np.inf), "gelu": (0, np.inf), "softplus": (0, np.inf), "erf": (-1, 1),
            "erfc": (2, 0), "logsigmoid": (-np.inf, 0)}  # fmt: skip
    x = tg.tensor([-np.inf, np.inf, np.nan, 0.0], dtype=dtype, requires_grad=True)
    with np.errstate(invalid="ignore"):
        y = function(x)
        (g,) = tg.autograd.grad(y.sum(), x)
    assert np.isnan(y.tolist()[2])
    assert np.isnan(g.tolist()[2])
    if name in ends:
        assert y.tolist()[:2] == list(ends[name])
        assert np.isfinite(g.tolist()[:2]).all()
    assert np.isfinite(y.tolist()[3])


def test_a_slope_that_is_wrong_is_found() -> None:
    half = sloped("sigmoid", tg.ops.sigmoid, lambda x, slope: (1 / (1 + np.exp(-x)), np.full_like(x, 0.25)))
    x = tg.tensor(normal(5), requires_grad=True)
    assert not np.allclose(
        tg.autograd.grad(half(x).sum(), x)[0].numpy(), tg.autograd.grad(tg.sigmoid(x).sum(), x)[0].numpy()
    )


def test_in_half_precision_and_of_whole_numbers() -> None:
    assert tg.erf(tg.tensor([0.5], dtype=tg.float16)).dtype == tg.float16
    assert tg.erf(tg.tensor([1])).tolist() == tg.erf(tg.tensor([1.0])).tolist()
    assert tg.sigmoid(tg.tensor([2])).dtype == tg.float32
    assert functional.gelu(tg.tensor([2.0], dtype=tg.float16)).dtype == tg.float16


@pytest.mark.parametrize("retained", [False, True])
@pytest.mark.parametrize("name", [*ACTIVATIONS, "exp", "tanh", "relu", "sqrt", "abs"])
def test_a_gradient_is_nobody_elses_memory(name: str, retained: bool) -> None:
    """Behind a sum the slope itself may be the gradient: writing into that changes neither values nor a second pass."""
    function = ACTIVATIONS[name][0] if name in ACTIVATIONS else getattr(tg, name)
    x = tg.from_numpy(np.abs(normal(20)) + 0.1).requires_grad_()
    y = function(x)
    before, given = y.tolist(), x.tolist()
    y.sum().backward(retain_graph=retained)
    assert x.grad is not None
    slopes = x.grad.tolist()
    x.grad.fill_(7.0)
    assert (y.tolist(), x.tolist()) == (before, given)
    x.grad = None
    (y if retained else function(x)).sum().backward()
    assert x.grad is not None
    assert x.grad.tolist() == slopes
    np.testing.assert_array_equal(slopes, tg.autograd.grad(function(x), x, tg.ones(20, dtype=tg.float64))[0].numpy())


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("shape", [(3,), (70_001,), (300, 301), (0, 4)])
def test_a_rectifier_of_any_size_keeps_what_is_not_a_number(shape: tuple[int, ...], dtype: Any) -> None:
    array = np.random.default_rng(5).standard_normal(shape).astype(dtype)
    array.reshape(-1)[:3] = np.array([np.nan, -np.inf, np.inf])[: array.size]
    for x in (array, array[::-1], array.T):
        found = tg.relu(tg.from_numpy(x)).numpy()
        np.testing.assert_array_equal(found, np.where(x < 0, 0, x))  # NaN where x is: arrays compare so
        assert found.dtype == dtype


def test_what_a_partial_of_the_users_holds_becomes_no_gradient() -> None:
    factor = np.array([2.0, 3.0])
    held = elementwise("held", lambda x: x * factor, lambda x: factor, samples=[(-3.0, 3.0)], doc="A held factor.")
    given = elementwise(
        "given", lambda x, *, k: x * k, lambda x, k: k, defaults={"k": 1.0}, samples=[(-3.0, 3.0)], doc="A given one."
    )
    try:
        for function in (held, lambda x: given(x, k=factor)):
            x = tg.tensor([1.0, 2.0], dtype=tg.float64, requires_grad=True)
            y = function(x).sum()
            for _ in range(2):
                x.grad = None
                y.backward(retain_graph=True)
                assert x.grad is not None
                assert x.grad.tolist() == [2.0, 3.0]
                x.grad.zero_()
            assert factor.tolist() == [2.0, 3.0]
    finally:
        del PRIMITIVES["held"], PRIMITIVES["given"]


@pytest.mark.parametrize("name", ["elu", "selu", "gelu", "relu6", "silu", "leaky_relu"])
def test_minus_zero_keeps_its_sign(name: str) -> None:
    found = getattr(functional, name)(tg.tensor([-0.0])).numpy()
    assert found.tolist() == [0.0]
    if name in ("elu", "selu", "gelu") and not np.signbit(np.clip(np.float32([-0.0]), 0.0, np.inf)).all():
        pytest.skip("this NumPy's own clip loses it")
    assert np.signbit(found).all() == (name != "relu6")


def test_settings_far_from_the_usual_ones_have_their_slopes() -> None:
    x = tg.tensor([1.0, -1.0], requires_grad=True)
    functional.elu(x, 1e8).sum().backward()
    assert x.grad is not None
    np.testing.assert_allclose(x.grad.numpy(), [1.0, 1e8 * np.exp(-1.0)], rtol=1e-6, equal_nan=False)
    for beta in (1.0, 2.0):
        x = tg.tensor([-1.0, -7.0], requires_grad=True)
        y = functional.softplus(x, beta, threshold=-5.0)
        y.sum().backward()
        assert x.grad is not None
        far = np.exp(-7.0 * beta)
        np.testing.assert_allclose(y.detach().numpy(), [-1.0, np.log1p(far) / beta], rtol=1e-6, equal_nan=False)
        np.testing.assert_allclose(x.grad.numpy(), [1.0, far / (1 + far)], rtol=1e-6, equal_nan=False)


def test_a_method_is_a_primitive_as_a_function_is() -> None:
    class Scaled:
        def cube_of_a_method(self, x: Any, *, k: int = 2) -> Any:
            return k * x**3

    rules = [(lambda g, x, k: 3 * g * k * x**2,), (lambda t, x, k: 3 * t * k * x**2,)]
    op = primitive(*rules, samples=[(0.1, 2.0)])(Scaled().cube_of_a_method)
    PRIMITIVES.pop("cube_of_a_method")  # the tests of the table go through all that are there
    x = tg.tensor([2.0], requires_grad=True)
    op(x, k=3).sum().backward()
    assert x.grad.tolist() == [36.0]
