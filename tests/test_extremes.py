"""Far out and near 0: values and slopes that the format can hold are there, in float32 and float64.

What is compared with is the same function of mpmath's numbers; a slope is a difference of these, of 60 digits and more.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import mpmath as mp
import numpy as np
import pytest

import tensorgrad as tg
from tensorgrad import nn
from tensorgrad.autograd import grad
from tensorgrad.nn import functional as F  # noqa: N812 - as everybody calls it
from tests.values import RNG, close, leaf

inf, nan = float("inf"), float("nan")
BOTH = pytest.mark.parametrize("dtype", [tg.float32, tg.float64])
POWERS = {
    tg.float32: [-30, -20, -10, -5, -2, 0, 1, 1.6, 2, 10, 20, 30],
    tg.float64: [-300, -200, -100, -10, -5, -2, 0, 1, 1.6, 2, 100, 200, 300],
}


def _share(x: Any) -> Any:
    return 1 / (1 + mp.exp(-x))


def _positive(x: Any) -> Any:
    return x if x > 10_000 else mp.log1p(mp.exp(x))


FUNCTIONS: dict[str, tuple[Callable[[tg.Tensor], tg.Tensor], Callable[[Any], Any]]] = {
    "sigmoid": (tg.sigmoid, _share),
    "logsigmoid": (F.logsigmoid, lambda x: -_positive(-x)),
    "silu": (F.silu, lambda x: x * _share(x)),
    "gelu": (F.gelu, lambda x: x * mp.erfc(-x / mp.sqrt(2)) / 2 if abs(x) < 1e6 else max(x, mp.mpf(0))),
    "gelu by tanh": (
        lambda x: F.gelu(x, approximate="tanh"),
        lambda x: x * _share(2 * mp.sqrt(2 / mp.pi) * (x + mp.mpf(0.044715) * x**3)),
    ),
    "mish": (F.mish, lambda x: x * mp.tanh(_positive(x))),
    "elu": (F.elu, lambda x: x if x > 0 else mp.expm1(x)),
    "softsign": (F.softsign, lambda x: x / (1 + abs(x))),
    "log1p": (tg.log1p, mp.log1p),
    "expm1": (tg.expm1, mp.expm1),
    "asinh": (tg.asinh, mp.asinh),
    "acosh": (tg.acosh, mp.acosh),
    "hypot": (lambda x: tg.hypot(x, tg.ones_like(x)), lambda x: mp.sqrt(x * x + 1)),
    "angle of y": (lambda x: tg.atan2(x, tg.ones_like(x)), mp.atan),
    "angle of x": (lambda x: tg.atan2(tg.ones_like(x), x), lambda x: mp.atan2(1, x)),
    "logaddexp": (lambda x: tg.logaddexp(x, tg.zeros_like(x)), _positive),
    "logaddexp2": (
        lambda x: tg.logaddexp2(x, tg.zeros_like(x)),
        lambda x: x if x > 10_000 else mp.log1p(mp.power(2, x)) / mp.log(2),
    ),
    "logits of yes": (
        lambda x: F.binary_cross_entropy_with_logits(x, tg.ones_like(x), reduction="none"),
        lambda x: _positive(-x),
    ),
    "logits of no": (
        lambda x: F.binary_cross_entropy_with_logits(x, tg.zeros_like(x), reduction="none"),
        _positive,
    ),
}


def _slope(function: Callable[[Any], Any], x: Any) -> Any:
    with mp.workdps(900):
        step = mp.mpf(10) ** -60 * (abs(x) if abs(x) < 1 or abs(x) > 1e6 else 1)
        return (function(x + step) - function(x - step)) / (2 * step)


@BOTH
@pytest.mark.parametrize("name", FUNCTIONS)
def test_values_and_slopes_far_out_and_near_zero(name: str, dtype: Any) -> None:
    function, exact = FUNCTIONS[name]
    limits = np.finfo(dtype)
    points = [sign * 3.3 * 10.0**k for k in POWERS[dtype] for sign in (1, -1)]
    points = [p for p in points if not (name == "acosh" and p < 1) and not (name == "log1p" and p < -1)]
    x = leaf(points, dtype)
    with np.errstate(all="ignore"):
        y = function(x)
        (slopes,) = grad(y.sum(), x)
    for p, value, slope in zip(x.detach().tolist(), y.tolist(), slopes.tolist(), strict=True):
        with mp.workdps(700):
            wanted = exact(mp.mpf(p)), _slope(exact, mp.mpf(p))
        for found, truth in zip((value, slope), wanted, strict=True):
            if abs(truth) < limits.max:
                assert abs(found - truth) <= 200 * limits.eps * abs(truth) + 2 * limits.tiny, (p, found, truth)


@BOTH
@pytest.mark.parametrize("p", [0.5, 1, 2, 3, inf])
def test_norms_scale(p: float, dtype: Any) -> None:
    far, eps = (1e25, 1e-6) if dtype == tg.float32 else (1e200, 1e-13)
    for scale in (far, 1 / far):
        x = leaf([[3.0, -4.0], [1.0, 2.0]], dtype)
        z = leaf((x.detach() * scale).tolist(), dtype)
        for axis in (None, 0, 1):
            plain, scaled = (v.norm(p=p, dim=axis) for v in (x, z))
            close(scaled.double() / scale, plain.double(), 10 * eps)
            close(grad(scaled.sum(), z)[0].double(), grad(plain.sum(), x)[0].double(), 10 * eps)
        close(grad(tg.dist(z, tg.zeros_like(z), p), z)[0].double(), grad(x.norm(p=p), x)[0].double(), 10 * eps)
    tiny = leaf([1e-30], dtype)
    close(grad(tiny.norm(p=p), tiny)[0].double(), [1.0], eps)


@BOTH
def test_deviations_scale(dtype: Any) -> None:
    far, eps = (1e25, 1e-6) if dtype == tg.float32 else (1e200, 1e-13)
    for scale in (far, 1 / far):
        x = leaf([3.0, -4.0, 1.0, 2.0], dtype)
        z = leaf((x.detach() * scale).tolist(), dtype)
        close(z.std().double() / scale, x.std().double(), 10 * eps)
        close(grad(z.std(), z)[0].double(), grad(x.std(), x)[0].double(), 100 * eps)


def _affine(x: tg.Tensor) -> tuple[tg.Tensor, tg.Tensor]:
    return tg.ones(x.shape[-1], dtype=x.dtype), tg.zeros(x.shape[-1], dtype=x.dtype)


LEAST = 1e-300  # positive, as a batch must have it, and nothing beside any variance

OF_ROWS: dict[str, Callable[[tg.Tensor], tg.Tensor]] = {
    "layer": lambda x: F.layer_norm(x, [4], *_affine(x), eps=0),
    "group": lambda x: F.group_norm(x[:, None], 1, eps=0),
    "instance": lambda x: F.instance_norm(x[None], eps=LEAST),
    "batch": lambda x: F.batch_norm(x.T, None, None, training=True, eps=LEAST).T,
    "batch, fused": lambda x: F.batch_norm(x.T, None, None, *_affine(x.T), training=True, eps=LEAST).T,
    "batch of images": lambda x: F.batch_norm(x.T[..., None], None, None, training=True, eps=LEAST).T,
    "root of mean squares": lambda x: F.rms_norm(x, [4], _affine(x)[0], eps=0),
    "length": F.normalize,
    "length of roots": lambda x: F.normalize(x, 0.5),
    "cosine": lambda x: F.cosine_similarity(x, tg.arange(1, 5, dtype=x.dtype) / 4),
    "cosine embedding": lambda x: F.cosine_embedding_loss(
        x, tg.ones_like(x) * tg.arange(1, 5, dtype=x.dtype), tg.ones(len(x)), reduction="none"
    ),
    "local response": lambda x: F.local_response_norm(x[..., None], 3, beta=0.5, k=0),
}


@BOTH
@pytest.mark.parametrize("name", OF_ROWS)
def test_what_is_normalised_has_no_size(name: str, dtype: Any) -> None:
    largest, eps = float(np.finfo(dtype).max), 200 * np.finfo(dtype).eps
    sizes = np.array([[largest / 8], [largest**0.7], [1.0]])
    row = np.array([3.0, -4.0, 1.0, 2.0])
    found = []
    for x in (leaf(np.tile(row, (3, 1)), dtype), leaf(row * sizes, dtype)):
        with np.errstate(over="ignore", invalid="ignore"):  # of the sums that are too large, before a unit is taken
            y = OF_ROWS[name](x)
        (slope,) = grad((y**3 + y[..., :1] * y).sum(), x)
        found.append((y.detach().double().numpy(), slope.double().numpy()))
    (value, slope), (of_sizes, slope_of_sizes) = found
    np.testing.assert_allclose(of_sizes, value, eps, eps)
    np.testing.assert_allclose(slope_of_sizes * sizes, slope, 0, 10 * eps * max(1, np.abs(slope).max()))


@BOTH
@pytest.mark.parametrize("power", [0.99, 0.6, -0.6, -0.9])
def test_correlations_have_no_size(power: float, dtype: Any) -> None:
    size = 2.0 ** round(power * np.finfo(dtype).maxexp)
    rows = np.array([[1.0, 2.0, -3.0, 0.5], [1.0, 5.0, 2.0, 0.0]])
    x, y = leaf(rows, dtype), leaf(rows / 4 * [[size], [1.0]], dtype)
    np.testing.assert_array_equal(tg.corrcoef(x).detach().numpy(), tg.corrcoef(y).detach().numpy())
    (slope,), (of_sizes,) = (grad(tg.corrcoef(a)[0, 1], a) for a in (x, y))
    np.testing.assert_allclose(of_sizes[1].numpy() / 4, slope[1].numpy(), 10 * np.finfo(dtype).eps)


@pytest.mark.parametrize("beta", [0.5, 0.75, 1.0])
def test_a_response_that_fits_the_dtype_is_found_beside_powers_that_do_not(beta: float) -> None:
    row = np.array([1e32, 2.0, 3e33, 1e20, 1.0])[None, :, None]
    single, double = (F.local_response_norm(tg.tensor(row, dtype=d), 2, beta=beta) for d in (tg.float32, tg.float64))
    np.testing.assert_allclose(single.numpy(), double.numpy(), 1e-5, np.finfo(np.float32).tiny)


def test_beside_a_large_row_a_tiny_one_has_its_eps() -> None:
    x = tg.tensor([[1e38, -2e38], [1e-40, -2e-40]])
    close(F.normalize(x)[1], [1e-28, -2e-28], 1e-4)
    close(F.layer_norm(x, [2])[1] / 1e-38, [1.5e-2 / 1e-5**0.5, -1.5e-2 / 1e-5**0.5], 1e-4)


def test_running_statistics_of_large_numbers_are_the_mean_and_an_infinite_variance() -> None:
    mean, var = tg.zeros(1), tg.ones(1)
    y = F.batch_norm(tg.tensor([[1e25], [3e25]]), mean, var, training=True)
    close(y, [[-1], [1]], 1e-6)
    close(mean, [2e24], 1e-6)
    assert var.tolist() == [inf]


@pytest.mark.parametrize("dtype", [tg.float16, tg.float32, tg.float64])
@pytest.mark.parametrize("number", [1e6 / 3, 1e8, 0.1, 1 / 3, 1e-3])
@pytest.mark.parametrize("n", [3, 7, 100, 513, 5000])
def test_equal_numbers_do_not_deviate(n: int, number: float, dtype: Any) -> None:
    x = tg.full((n, 2), number if dtype != tg.float16 else min(number, 6e4), dtype=dtype)
    rows, images = x.T.contiguous(), x.T.reshape(1, 2, n)
    assert x.var(0).tolist() == x.std(0).tolist() == [0, 0]
    assert float(x.var()) == float(tg.cov(rows).abs().max()) == 0
    scale, shift = tg.ones(2, dtype=dtype), tg.zeros(2, dtype=dtype)
    for y in (
        F.layer_norm(rows, [n]),
        F.group_norm(images, 1),
        F.instance_norm(images),
        F.batch_norm(x, None, None, training=True),
        F.batch_norm(x, None, None, scale, shift, training=True),
        F.batch_norm(images, None, None, scale, shift, training=True),
    ):
        assert float(y.abs().max()) == 0


def test_a_variance_is_that_of_the_numbers_as_they_are() -> None:
    assert float(tg.tensor([1e8, 1e8 + 8]).var()) == 32  # the mean is no number of float32


@pytest.mark.parametrize("dtype", [tg.float32, tg.float64])
@pytest.mark.parametrize("mean", [10.0**k for k in range(-1, 8)])
def test_a_variance_beside_any_mean_is_right_to_the_last_digits(mean: float, dtype: Any) -> None:
    x = tg.tensor(mean + RNG(0).normal(size=(700, 3)), dtype=dtype)
    exact = x.numpy().astype(np.longdouble)
    wanted = ((exact - exact.mean(0)) ** 2).sum(0) / 699
    for found in (x.var(0), x.std(0) ** 2):
        np.testing.assert_allclose(found.numpy(), wanted.astype(found.dtype), rtol=5 * tg.finfo(dtype).eps)


def test_a_variance_over_nothing_is_infinite_or_not_known() -> None:
    x = tg.tensor([[1.0, 2.0], [3.0, 3.0]])
    for correction in (2, 3):
        for y in (x.var(1, correction=correction), x.std(1, correction=correction)):
            np.testing.assert_array_equal(y.numpy(), [inf, nan])
    z = leaf([1.0, 2.0])
    z.var(correction=2).backward()
    assert z.grad is not None
    assert z.grad.isnan().all()


@pytest.mark.parametrize("function", [tg.logaddexp, tg.logaddexp2])
@BOTH
def test_shares_of_equal_numbers_are_halves(function: Any, dtype: Any) -> None:
    for number in (1e4, -1e6, 1e8, 1e20, 1e-20):
        a, b = leaf([number], dtype), leaf([number], dtype)
        assert [g.tolist() for g in grad(function(a, b).sum(), (a, b))] == [[0.5], [0.5]]
    a, b = leaf([inf, 1.0, -inf, 2.0], dtype), leaf([1.0, inf, 3.0, -inf], dtype)
    assert [g.tolist() for g in grad(function(a, b).sum(), (a, b))] == [[1, 0, 0, 1], [0, 1, 1, 0]]


def test_logaddexp2_of_integers_and_doubles_is_one_of_doubles() -> None:
    y = tg.logaddexp2(tg.tensor([1]), tg.tensor([0.0], dtype=tg.float64))
    assert y.tolist() == [float(np.logaddexp2(1.0, 0.0))]


@BOTH
def test_what_is_flat_or_straight_far_away_bends_nowhere(dtype: Any) -> None:
    x = leaf([-1e35, -1e20, -1e5, 1e5, 1e20, 1e35], dtype)
    for function in (lambda x: F.gelu(x, approximate="tanh"), F.gelu, F.silu, F.elu, F.selu, F.softplus, F.logsigmoid):
        with np.errstate(over="ignore"):
            (g,) = grad(function(x).sum(), x, create_graph=True)
            (h,) = grad(g.sum(), x)
        assert h.tolist() == [0] * 6


def test_at_infinity_a_slope_is_its_limit() -> None:
    x = leaf([-inf, inf])
    assert grad(F.logsigmoid(x).sum(), x)[0].tolist() == [1, 0]
    assert grad(F.softplus(x).sum(), x)[0].tolist() == [0, 1]
    assert grad(tg.sigmoid(x).sum(), x)[0].tolist() == [0, 0]
    with np.errstate(invalid="ignore"):
        loss = F.binary_cross_entropy_with_logits(x, tg.tensor([0.0, 1.0], dtype=tg.float64), reduction="sum")
    assert grad(loss, x)[0].tolist() == [0, 0]


@pytest.mark.parametrize(
    ("logit", "target", "value", "slope"),
    [(-inf, 0.0, 0.0, 0.0), (inf, 1.0, 0.0, 0.0), (inf, 0.0, inf, 1.0), (-inf, 1.0, inf, -1.0), (inf, 0.5, inf, 0.5)],
)
def test_an_infinite_logit_is_right_or_loses_all(logit: float, target: float, value: float, slope: float) -> None:
    x, t = leaf([[logit]]), tg.tensor([[target]], dtype=tg.float64)
    for loss in (F.binary_cross_entropy_with_logits, F.multilabel_soft_margin_loss):
        y = loss(x, t, reduction="sum")
        assert (y.item(), grad(y, x)[0].item()) == (value, slope)


WINDOWS: dict[str, tuple[Callable[[tg.Tensor], tg.Tensor], list[int]]] = {
    "pairs": (lambda x: F.avg_pool1d(x, 2, 2), [1]),
    "steps of one": (lambda x: F.avg_pool1d(x, 3, 1, padding=1), [1, 2, 3]),
    "images": (lambda x: F.avg_pool2d(tg.cat([x, x], 1), 2)[:, 0], [1]),
    "even shares": (lambda x: F.adaptive_avg_pool1d(x, 4), [1]),
    "uneven shares": (lambda x: F.adaptive_avg_pool1d(x, 3), [0, 1]),
    "shares that overlap": (lambda x: F.adaptive_avg_pool2d(x[None], (1, 5))[0], [1]),
    "area": (lambda x: F.interpolate(x, size=4, mode="area"), [1]),
    "the same length": (lambda x: F.interpolate(x, size=8, mode="linear"), [2]),
    "corners kept": (lambda x: F.interpolate(x, size=15, mode="linear", align_corners=True), [3, 4, 5]),
    "fewer": (lambda x: F.interpolate(x, size=4, mode="linear"), [1]),
}


@pytest.mark.parametrize("value", [inf, -inf, nan])
@pytest.mark.parametrize("name", WINDOWS)
def test_what_is_not_finite_stays_in_its_windows(name: str, value: float) -> None:
    function, holding = WINDOWS[name]
    row = np.arange(1.0, 9.0)
    x, plain = leaf(np.where(np.arange(8) == 2, value, row)[None, None]), leaf(row[None, None])
    y, wanted = function(x), function(plain)
    slope = grad(wanted.sum(), plain)[0]
    wanted = wanted.detach().numpy()
    wanted[..., holding] = value
    np.testing.assert_allclose(y.detach().numpy(), wanted, 1e-12)
    close(grad(y.sum(), x)[0], slope)


@pytest.mark.parametrize("how", ["linear", "midpoint", "lower", "higher", "nearest"])
def test_quantiles_beside_infinities(how: str) -> None:
    x = leaf([1.0, 1.0, 1.0, -inf, 2.0])
    y = tg.quantile(x, [0.0, 0.1, 0.25, 0.5, 1.0], interpolation=how)
    between = {"higher": 1.0}.get(how, -inf)
    assert y.tolist() == [-inf, between, 1, 1, 2]
    assert tg.quantile(tg.tensor([inf, inf, 1.0]), 0.9).item() == inf
    assert tg.quantile(tg.tensor([inf, -inf]), 0.5).isnan()


@BOTH
@pytest.mark.parametrize("p", [1.5, 2, 3])
def test_a_norm_that_leaves_the_dtype_has_its_slopes(p: float, dtype: Any) -> None:
    largest, eps = float(np.finfo(dtype).max), 100 * float(np.finfo(dtype).eps)
    x, plain = leaf([largest, -largest / 2, largest / 4], dtype), leaf([4.0, -2.0, 1.0], dtype)
    with np.errstate(over="ignore"):
        y = x.norm(p)
    assert y.item() == inf
    close(grad(y, x)[0].double(), grad(plain.norm(p), plain)[0].double(), eps)


@BOTH
def test_a_length_that_leaves_the_dtype_has_its_slopes(dtype: Any) -> None:
    largest = float(np.finfo(dtype).max)
    a, b = leaf([largest, 1e-40, inf], dtype), leaf([-largest, 1e-40, 1.0], dtype)
    with np.errstate(over="ignore"):
        y = tg.hypot(a, b)
    by_a, by_b = grad(y.sum(), (a, b))
    np.testing.assert_allclose(by_a.tolist(), [0.5**0.5, 0.5**0.5, nan], 1e-3)
    np.testing.assert_allclose(by_b.tolist(), [-(0.5**0.5), 0.5**0.5, 0], 1e-3)


@BOTH
def test_a_norm_of_roots_has_slopes_that_are_right_or_infinite(dtype: Any) -> None:
    largest = float(np.finfo(dtype).max)
    x = leaf([largest, -largest / 2], dtype)
    with np.errstate(over="ignore"):
        y = x.norm(0.5)
    assert y.item() == inf
    assert grad(y, x)[0].tolist() == [inf, -inf]
    far = leaf([1e-30, 1e20], dtype)
    close(grad(far.norm(0.5), far)[0].double(), [1e25, 1.0], 1e-5)


def test_the_right_tail_of_a_sigmoid() -> None:
    x = leaf([20.0], tg.float32)
    (g,) = grad(tg.sigmoid(x).sum(), x, create_graph=True)
    (h,) = grad(g.sum(), x)
    close(g.detach().double(), [2.0611536e-9], 1e-6)
    close(h.double(), [-2.0611536e-9], 1e-6)


def test_near_the_origin_an_angle_has_its_slopes() -> None:
    x, y = leaf([1e-30], tg.float32), leaf([0.0], tg.float32)
    by_y, by_x = grad(tg.atan2(y, x).sum(), (y, x))
    close(by_y.double(), [1e30], 1e-6)
    assert by_x.tolist() == [0]


def test_a_power_has_the_same_slope_with_a_number_and_with_a_tensor() -> None:
    bases = [0.0, -0.0, inf, -inf, -2.0, 0.5, 1e-200, 1e200]
    for exponent in (-2.0, -1.0, -0.5, 0.0, 0.5, 1.0, 2.0, 3.0, 2.5, inf, -inf):
        x = leaf(bases)
        with np.errstate(all="ignore"):
            powers = x**exponent, x ** tg.full((len(bases),), exponent, dtype=tg.float64)
            slopes = [grad(y.sum(), x)[0].numpy() for y in powers]
        np.testing.assert_array_equal(*slopes)


def test_the_mixed_slope_of_a_power_at_exponent_zero() -> None:
    a, b = leaf([2.0]), leaf([0.0])
    (by_a,) = grad((a**b).sum(), a, create_graph=True)
    assert grad(by_a.sum(), b)[0].tolist() == [0.5]


@pytest.mark.parametrize("dtype", [tg.complex64, tg.complex128])
def test_log1p_of_small_complex_numbers_keeps_both_parts(dtype: Any) -> None:
    sizes = [1e-30, 1e-8, 1e-3, 0.3, 0.49, 0.7, 2.0, 1e15]
    points = [complex(a * s, b * s) for s in sizes for a in (1, -0.3, 0) for b in (1, -0.2, 0)]
    x = tg.tensor(points, dtype=dtype)
    y = tg.log1p(x).numpy()
    with mp.workdps(80):
        exact = [mp.log(1 + mp.mpc(z.real, z.imag)) for z in x.tolist()]
    eps = 4 * float(np.finfo(y.dtype).eps)
    real, least = np.array([float(z.real) for z in exact]), float(np.finfo(y.dtype).smallest_subnormal)
    assert (np.abs(y.real - real) <= least + eps * (np.abs(real) + np.minimum(np.abs(points), 1) ** 2)).all()
    np.testing.assert_allclose(y.imag, [float(z.imag) for z in exact], eps, 0)
    assert [tg.log1p(z).item() for z in x] == y.tolist()


@BOTH
def test_a_difference_that_leaves_the_dtype_has_the_slopes_of_its_length(dtype: Any) -> None:
    unit = float(tg.finfo(dtype).max) * 0.9
    a, b = leaf([unit, unit / 3], dtype), tg.tensor([-unit, -unit / 3], dtype=dtype)
    wanted = np.array([3, 1]) / np.sqrt(10)
    rows: dict[str, Callable[[], tg.Tensor]] = {
        "dist": lambda: tg.dist(a, b),
        "cdist": lambda: tg.cdist(a[None], b[None]),
        "pairwise": lambda: F.pairwise_distance(a[None], b[None]),
        "pdist": lambda: F.pdist(tg.stack([a, b])),
    }
    for name, function in rows.items():
        with np.errstate(over="ignore"):
            (slope,) = grad(function().sum(), a)
        assert slope.dtype == dtype
        assert np.allclose(slope.numpy(), wanted), name
    with np.errstate(over="ignore"):
        z = tg.complex(leaf([unit], dtype), leaf([unit], dtype)).detach().requires_grad_()
        (slope,) = grad(z.abs().sum(), z)
        lengths = grad(tg.hypot(a, a).sum(), a)[0]
    assert np.allclose(slope.numpy(), (1 + 1j) / np.sqrt(2))
    assert lengths.dtype == dtype
    assert np.allclose(lengths.numpy(), np.sqrt(2))


@pytest.mark.filterwarnings("ignore:overflow")
@pytest.mark.parametrize("size", [1e-30, 1e-22, 1.0, 1e25, 3e38])
def test_what_is_made_of_directions_has_no_size(size: float) -> None:
    x = tg.tensor([[1.0, -1.0, 0.5, 0.25]]) * size
    usual = tg.tensor([[1.0, -1.0, 0.5, 0.25]])
    for target, loss in ((1.0, 0.0), (-1.0, 1.0)) if size >= 1 else ():
        assert abs(float(F.cosine_embedding_loss(x, x, tg.tensor([target]))) - loss) < 1e-6
    for normed in (
        lambda x: F.layer_norm(x, [4], eps=0.0), lambda x: F.rms_norm(x, [4], eps=0.0),
        lambda x: F.group_norm(x, 1, eps=0.0), lambda x: F.layer_norm(tg.cat([x, usual * 1e30]), [4], eps=0.0)[:1],
    ):  # fmt: skip
        assert tg.allclose(normed(x), normed(usual), rtol=1e-5)
    direction = nn.utils.parametrizations.weight_norm(nn.Linear(4, 1)).parametrizations.weight[0]
    assert tg.allclose(direction(tg.ones(1, 1), x / 4), direction(tg.ones(1, 1), usual), rtol=1e-5)
    if size > 1:
        table = (x / 4).clone()
        assert tg.allclose(F.embedding(tg.tensor([0]), table, max_norm=1.0), direction(tg.ones(1, 1), usual), rtol=1e-5)


@pytest.mark.parametrize("target", [-1e20, -1e5, -0.5, 0.0, 0.3, 1.0, 2.0, 1e5, 1e20])
@pytest.mark.parametrize("logit", [-30.0, 0.0, 1e-3, 2.0, 40.0])
def test_a_target_beyond_its_range_costs_what_it_costs(target: float, logit: float) -> None:
    x, t = leaf([logit], tg.float64), leaf([target], tg.float64)
    y = F.binary_cross_entropy_with_logits(x, t)
    with mp.workdps(60):
        loss = float(_positive(mp.mpf(logit)) - mp.mpf(target) * mp.mpf(logit))
        slope = float(_share(mp.mpf(logit)) - mp.mpf(target))
    by_x, by_t = grad(y, [x, t])
    assert np.isclose(float(y), loss, rtol=1e-12, atol=0)
    assert np.isclose(float(by_x), slope, rtol=1e-12, atol=1e-30)
    assert np.isclose(float(by_t), -logit)
