"""The functions of `tensorgrad.special` beside 50 digits and beside PyTorch: values, slopes, ends, what is left out."""

from __future__ import annotations

import operator
import pickle
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from mpmath import mp

import tensorgrad as tg
from tensorgrad import special
from tensorgrad.errors import ArgumentError, ComplexError, TensorgradError
from tests.peer import torch_
from tests.test_slopes import missed

inf, nan = np.inf, np.nan


def _log_gamma(x: Any) -> Any:
    return mp.log(abs(mp.gamma(x)))


def _scaled(n: int) -> Callable[[Any], Any]:
    return lambda x: mp.exp(-abs(x)) * mp.besseli(n, x)


def _log_share(x: Any) -> Any:
    return mp.log1p(-mp.ncdf(-x)) if x > 0 else mp.log(mp.ncdf(x))


def _quantile(p: Any) -> Any:
    if p > 0.5:
        return -_quantile(1 - p)
    return mp.findroot(lambda z: mp.log(mp.ncdf(z)) - mp.log(p), -mp.sqrt(max(-2 * mp.log(p) - 1, 0)))


def _sinc(x: Any) -> Any:
    return mp.sinpi(x) / (mp.pi * x)


# By name: what it is, between which ends, and how many of its last places it may miss.
VALUES: dict[str, tuple[Callable[[Any], Any], float, float, float]] = {
    "gammaln": (_log_gamma, 1e-8, 1e3, 4),
    "psi": (mp.digamma, 1e-8, 1e3, 4),
    "i0": (lambda x: mp.besseli(0, x), -80.0, 80.0, 4),
    "i1": (lambda x: mp.besseli(1, x), -80.0, 80.0, 4),
    "i0e": (_scaled(0), -1e4, 1e4, 4),
    "i1e": (_scaled(1), -1e4, 1e4, 4),
    "sinc": (_sinc, -40.0, 40.0, 4),
    "erfcx": (lambda x: mp.exp(x * x) * mp.erfc(x), -9.0, 1e4, 4),
    "ndtr": (mp.ncdf, -12.0, 9.0, 4),
    "log_ndtr": (_log_share, -1e3, 9.0, 4),
    "ndtri": (_quantile, 1e-30, 1.0, 4),
    "entr": (lambda x: -x * mp.log(x), 1e-30, 1e3, 4),
    "expit": (lambda x: 1 / (1 + mp.exp(-x)), -80.0, 30.0, 2.5),
    "erf": (mp.erf, -6.0, 6.0, 4),
    "erfc": (mp.erfc, -5.0, 9.0, 4),
    "expm1": (mp.expm1, -20.0, 80.0, 4),
    "log1p": (mp.log1p, -0.99, 1e3, 4),
    "exp2": (lambda x: mp.mpf(2) ** x, -100.0, 100.0, 4),
}


def points(low: float, high: float, dtype: Any) -> np.ndarray:
    """Numbers everywhere between, near 0, near the ends, and where the functions have zeros."""
    r = np.random.default_rng(11)
    near = 10.0 ** r.uniform(-20, 0, 60)
    every = np.concatenate(
        [r.uniform(max(low, -4), min(high, 4), 200), r.uniform(low, high, 60), near, -near, 1 - near]
    )
    every = every.astype(dtype).astype(np.float64)
    return every[(every > low) & (every < high) & (every != 0)].astype(dtype)


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("name", VALUES)
def test_values_are_right_to_the_last_places(name: str, dtype: Any) -> None:
    exact, low, high, places = VALUES[name]
    x = points(low, high, dtype)
    assert len(x) > 150
    found = getattr(special, name)(tg.from_numpy(x)).numpy()
    assert found.dtype == dtype
    with mp.workdps(50):
        off = missed(found, exact, x)
        if name in ("gammaln", "psi"):  # beside a zero, of the places of 1
            zeros = (1.0, 2.0) if name == "gammaln" else (1.4616,)
            beside = np.min([np.abs(x - z) for z in zeros], axis=0) < 0.1
            off = np.where(beside, missed(found, exact, x, least=1.0), off)
    assert off.max() <= places, x[off.argmax()]


@pytest.mark.parametrize("name", ["gammaln", "psi"])
def test_left_of_zero_the_reflection_costs_the_places_of_its_larger_part(name: str) -> None:
    exact = VALUES[name][0]
    x = -np.random.default_rng(4).uniform(0, 30, 300)
    found = getattr(special, name)(tg.tensor(x)).numpy()
    right = np.abs(getattr(special, name)(tg.tensor(1 - x)).numpy())
    with mp.workdps(50):
        truth = np.array([float(exact(mp.mpf(v))) for v in x.tolist()])
    assert (np.abs(found - truth) <= 4 * np.spacing(np.maximum(np.maximum(right, np.abs(truth)), 1))).all()


@pytest.mark.parametrize(("name", "x"), [
    ("log_ndtr", -40.0), ("log_ndtr", 30.0), ("erfc", 10.0), ("expit", -80.0), ("entr", 1e-300), ("entr", 1 - 2**-53),
    ("ndtr", -37.0), ("ndtri", 1e-300), ("ndtri", 2.0**-1074), ("erfcx", 1e10), ("gammaln", 1e-300), ("psi", 1e-300),
])  # fmt: skip
def test_tails_keep_their_relative_accuracy(name: str, x: float) -> None:
    array = np.array([x])
    with mp.workdps(400 if name == "log_ndtr" else 50):
        assert missed(getattr(special, name)(tg.from_numpy(array)).numpy(), VALUES[name][0], array).max() <= 4


# What they are, to all digits of double, of numbers so large that only the first terms count.
FAR_OUT: dict[str, Callable[[Any], Any]] = {
    "gammaln": lambda x: (x - 0.5) * mp.log(x) - x + mp.log(2 * mp.pi) / 2,
    "psi": mp.log,
    "i0e": lambda x: 1 / mp.sqrt(2 * mp.pi * x),
    "i1e": lambda x: 1 / mp.sqrt(2 * mp.pi * x),
    "erfcx": lambda x: 1 / (x * mp.sqrt(mp.pi)),
    "log_ndtr": lambda x: mp.mpf(0),
    "entr": lambda x: -x * mp.log(x),
}


@pytest.mark.parametrize("name", FAR_OUT)
def test_the_largest_numbers_are_no_end_of_accuracy(name: str) -> None:
    x = np.array([10.0**k for k in range(20, 305, 4)])
    with mp.workdps(50):
        assert missed(getattr(special, name)(tg.from_numpy(x)).numpy(), FAR_OUT[name], x).max() <= 4
        if name == "log_ndtr":
            found = special.log_ndtr(tg.from_numpy(-x[x < 1e150])).numpy()
            assert missed(found, lambda x: -x * x / 2, x[x < 1e150]).max() <= 4
        if name == "i1e":
            assert missed(special.i1e(tg.from_numpy(-x)).numpy(), lambda x: -FAR_OUT[name](x), x).max() <= 4


@pytest.mark.parametrize("n", [1, 2, 3, 7, 20])
def test_polygamma_is_right_to_the_last_places(n: int) -> None:
    r = np.random.default_rng(n)
    x = np.concatenate([r.uniform(0.01, 5, 80), r.uniform(5, 300, 20), r.uniform(-0.4, -0.01, 20)])
    found = special.polygamma(n, tg.tensor(x)).numpy()
    with mp.workdps(50):
        assert missed(found, lambda v: mp.psi(n, v), x).max() <= 6
    assert special.polygamma(150, tg.tensor(100.0, dtype=tg.float64)).item() == pytest.approx(
        float(mp.psi(150, 100)), rel=1e-14
    )  # neither 150! nor 100 ** -151 stands beside it in double


DERIVATIVES: dict[str, tuple[Callable[[Any], Any], tuple[float, ...]]] = {
    "erfcx": (lambda x: mp.exp(x * x) * mp.erfc(x), (-2.0, 0.5, 1.5, 30.0, 2e3)),
    "log_ndtr": (_log_share, (-60.0, -1.0, 0.5, 3.0)),
    "sinc": (lambda x: mp.sinc(mp.pi * x), (1e-5, 0.3, 1.0, 7.7)),
    "i0": (lambda x: mp.besseli(0, x), (1e-5, 2.0, 20.0, -31.0)),
    "i1e": (_scaled(1), (1e-5, 2.0, 20.0, 31.0)),
    "gammaln": (_log_gamma, (-1.5, 0.3, 1.5, 40.0)),
}


@pytest.mark.parametrize("name", DERIVATIVES)
def test_slopes_of_four_orders_in_both_modes_are_right(name: str) -> None:
    """Also where a formula by the value would be a difference of large numbers, and beside 0."""
    exact, places = DERIVATIVES[name]
    function = getattr(special, name)
    for at in places:
        x = tg.tensor(at, dtype=tg.float64, requires_grad=True)
        y = z = function(x)
        for order in (1, 2, 3, 4):
            (y,) = tg.autograd.grad(y, x, create_graph=True)
            (z,) = tg.autograd.jvp(z, x, tg.ones_like(x), create_graph=True)
            with mp.workdps(120):
                truth = float(mp.diff(exact, mp.mpf(at), order, h=mp.mpf("1e-22")))
            assert y.item() == pytest.approx(truth, rel=1e-9, abs=1e-13), (at, order)
            assert z.item() == pytest.approx(truth, rel=1e-9, abs=1e-13), (at, order)


def test_at_zero_even_functions_have_all_their_slopes() -> None:
    for function, slopes in ((special.i0, (0, 0.5, 0, 3 / 8)), (special.sinc, (0, -(np.pi**2) / 3, 0, np.pi**4 / 5))):
        x = tg.tensor(0.0, dtype=tg.float64, requires_grad=True)
        y = function(x)
        for slope in slopes:
            (y,) = tg.autograd.grad(y, x, create_graph=True)
            assert y.item() == pytest.approx(slope, rel=1e-14)


OF_ONE = ["gammaln", "psi", "i0", "i1", "i0e", "i1e", "sinc", "entr", "ndtr", "log_ndtr", "ndtri", "erfcx"]
ENDS = np.array([0.0, -0.0, 1.0, -1.0, 2.0, -2.0, -0.5, inf, -inf, nan, 0.5])

# (function, value or slope, at): ours, where PyTorch has another answer.
OTHERWISE = {
    ("psi", 1, "-1.0"): inf, ("psi", 1, "-2.0"): inf,  # a pole; PyTorch squares a sine that is rounded
    ("i0", 0, "inf"): inf, ("i0", 0, "-inf"): inf, ("i0", 1, "inf"): inf, ("i0", 1, "-inf"): -inf,  # PyTorch: 0 * inf
    ("i1", 0, "inf"): inf, ("i1", 0, "-inf"): -inf, ("i1", 1, "nan"): nan, ("i1e", 1, "nan"): nan,
    ("log_ndtr", 1, "-inf"): inf, ("erfcx", 1, "inf"): -0.0,  # the limit
}  # fmt: skip


@pytest.mark.parametrize("name", OF_ONE)
def test_ends_poles_and_nan_are_pytorchs(name: str) -> None:
    torch = torch_()
    found = []
    for lib in (tg, torch):
        x = lib.tensor(ENDS, requires_grad=True)
        y = getattr(lib.special, name)(x)
        y.backward(lib.ones_like(y))
        found.append([y.detach().numpy(), x.grad.numpy()])
    for order in (0, 1):
        for at, ours, theirs in zip(ENDS.tolist(), *(values[order].tolist() for values in found), strict=True):
            expected = OTHERWISE.get((name, order, str(at)), theirs)
            close = 1e-9 if (name, order) == ("psi", 1) else 1e-13  # PyTorch's trigamma is right to nine digits
            np.testing.assert_allclose(
                ours, expected, rtol=close, atol=1e-16, equal_nan=True, err_msg=f"{at}, {order}"
            )  # NaN: what has no limit


@pytest.mark.parametrize("name", OF_ONE)
def test_values_and_two_slopes_are_pytorchs(name: str) -> None:
    torch = torch_()
    r = np.random.default_rng(2)
    array = r.uniform(0.05, 0.95, 40) if name in ("ndtri", "entr") else r.uniform(-4.9, 5, 40)
    found = []
    for lib in (tg, torch):
        x = lib.tensor(array, requires_grad=True)
        y = getattr(lib.special, name)(x)
        (g,) = lib.autograd.grad(y.sum(), x, create_graph=True)
        (h,) = lib.autograd.grad(g.sum(), x)
        found.append([v.detach().numpy() for v in (y, g, h)])
    close = {("gammaln", 2): 1e-8, ("psi", 1): 1e-8}
    for order, (ours, theirs) in enumerate(zip(*found, strict=True)):
        np.testing.assert_allclose(
            ours, theirs, rtol=close.get((name, order), 1e-10), atol=1e-12, equal_nan=False, err_msg=str(order)
        )


@pytest.mark.parametrize("name", [*OF_ONE, "polygamma", "multigammaln", "xlog1py", "xlogy"])
def test_both_modes_of_two_orders_agree_with_differences(name: str) -> None:
    x = tg.tensor(np.array([0.3, 0.55, 0.9]), requires_grad=True)
    function = {
        "polygamma": lambda x: special.polygamma(2, x),
        "multigammaln": lambda x: special.multigammaln(x + 1, 3),
        "xlog1py": lambda x: special.xlog1py(x, x * x),
        "xlogy": lambda x: special.xlogy(x, x * x),
    }.get(name, getattr(special, name))
    assert tg.testing.gradcheck(function, x, check_forward_ad=True)
    assert tg.testing.gradgradcheck(function, x)
    rows = tg.stack([x.detach(), x.detach() + 0.05])
    np.testing.assert_array_equal(tg.func.vmap(function)(rows).numpy(), function(rows).numpy())
    modes = tg.func.jacrev, tg.func.jacfwd
    hessians = [
        tg.func.vmap(outer(inner(lambda v: function(v).sum())))(rows).numpy() for outer in modes for inner in modes
    ]
    for hessian in hessians[1:]:
        np.testing.assert_allclose(hessian, hessians[0], rtol=1e-12, atol=1e-12, equal_nan=False)


def test_xlog1py_is_nothing_where_its_factor_is_nothing() -> None:
    x = tg.tensor([0.0, 0.0, 2.0, 0.0], dtype=tg.float64, requires_grad=True)
    y = tg.tensor([-1.0, 3.0, 1e-20, nan], dtype=tg.float64, requires_grad=True)
    found = special.xlog1py(x, y)
    assert found.tolist()[:3] == [0.0, 0.0, 2e-20]
    assert np.isnan(found.tolist()[3])
    by_x, by_y = tg.autograd.grad(found[:3].sum(), (x, y))
    assert by_y.tolist()[:3] == [0.0, 0.0, 2.0]
    assert by_x.tolist()[1] == pytest.approx(np.log(4))


@pytest.mark.parametrize("name", [*OF_ONE, "expit", "erf"])
def test_whole_numbers_half_precision_scalars_and_nothing(name: str) -> None:
    function = getattr(special, name)
    assert function(tg.tensor([1])).dtype == tg.float32
    assert function(tg.tensor(True)).dtype == tg.float32
    half = tg.tensor([0.3, 0.7], dtype=tg.float16)
    assert function(half).dtype == tg.float16
    np.testing.assert_array_equal(function(half).numpy(), function(half.double()).numpy().astype(np.float16))
    assert function(tg.tensor(0.5)).shape == ()
    assert function(tg.zeros(0, 3)).shape == (0, 3)
    wide = tg.tensor(np.full((4, 6), 0.5))[:, ::2].T
    np.testing.assert_array_equal(function(wide).numpy(), np.full((3, 4), function(tg.tensor(0.5).double()).item()))
    with pytest.raises(ComplexError, match=r"takes no complex numbers|complex"):
        function(tg.tensor([1j])) if name != "expit" else special.ndtr(tg.tensor([1j]))


def test_what_is_a_function_of_the_package_is_the_same_here() -> None:
    torch = torch_()
    shared = {"expit": "sigmoid", "gammaln": "lgamma", "multigammaln": "mvlgamma", "psi": "digamma"}
    own = {"entr", "erfcx", "i0e", "i1", "i1e", "log_ndtr", "ndtr", "ndtri", "xlog1py"}
    for name in special.__all__:
        assert hasattr(torch.special, name)
        assert pickle.loads(pickle.dumps(getattr(special, name))) is getattr(special, name)
        assert hasattr(tg, name) == hasattr(torch, name), name
        assert name in own or getattr(special, name) is getattr(tg, shared.get(name, name))
    assert pickle.loads(pickle.dumps(tg.hypot)) is tg.hypot


def test_names_that_are_left_out_say_what_to_do() -> None:
    torch = torch_()
    left_out = [n for n in dir(torch.special) if not n.startswith("_") and n not in special.__all__ and n.islower()]
    left_out = [n for n in left_out if n not in ("torch", "common_args", "multi_dim_common")]
    assert len(left_out) > 20
    for name in [*left_out, "igamma"]:
        with pytest.raises(
            AttributeError, match=r"has no attribute '\w+': (compute it outside|the recurrence|it is|of a whole)"
        ):
            operator.attrgetter(name)(special)
    x = tg.tensor([0.3, 4.0], dtype=tg.float64)
    np.testing.assert_allclose(  # what the answers say
        (-special.polygamma(2, x) / 2).numpy(), torch.special.zeta(torch.tensor(3.0), torch.tensor(x.numpy())).numpy()
    )
    np.testing.assert_allclose(
        special.sinc(x / np.pi).numpy(), torch.special.spherical_bessel_j0(torch.tensor(x.numpy())).numpy()
    )


def test_wrong_orders_and_dimensions_are_refused() -> None:
    x = tg.tensor([2.0])
    with pytest.raises(ArgumentError, match="n is the order of a derivative"):
        tg.polygamma(-1, x)
    with pytest.raises(ArgumentError, match="p is a number of dimensions"):
        x.mvlgamma(0)
    with pytest.raises((TensorgradError, TypeError), match="must be int"):
        tg.polygamma(0.5, x)
    below = tg.tensor([0.9, 1.1], dtype=tg.float64, requires_grad=True)
    y = special.multigammaln(below, 3)  # of three dimensions, from 1 on
    y.sum().backward()
    assert np.isnan(y.detach().numpy()).tolist() == np.isnan(below.grad.numpy()).tolist() == [True, False]


def test_in_place_as_a_drawing_and_compiled() -> None:
    x = tg.tensor([0.5, 2.5], dtype=tg.float64)
    for name in ("lgamma", "digamma", "sinc", "i0"):
        y = x.clone()
        assert getattr(y, f"{name}_")() is y
        np.testing.assert_array_equal(y.numpy(), getattr(tg, name)(x).numpy())
    assert x.clone().polygamma_(1).tolist() == tg.polygamma(1, x).tolist()
    assert x.clone().mvlgamma_(1).tolist() == tg.lgamma(x).tolist()

    def several(x: tg.Tensor) -> tg.Tensor:
        return special.gammaln(x) + special.log_ndtr(x) * special.i1e(x) + tg.polygamma(2, x)

    np.testing.assert_allclose(tg.compile(several)(x).numpy(), several(x).numpy(), rtol=1e-14)
    leaf = tg.tensor([0.5, 2.5], requires_grad=True)
    picture = tg.viz.draw(several(leaf)).svg
    assert all(symbol in picture for symbol in ("lnΓ", "logΦ", "i1e"))
