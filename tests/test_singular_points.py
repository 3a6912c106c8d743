"""Singular points inside functions that are smooth there: right, or NaN, or an error; never a finite wrong number.

Each is composed with functions that may make the whole smooth, and differentiated three times in both modes along a
direction. The truth is mpmath's: the derivatives beside the point, from both sides, where they approach one limit.
"""

from __future__ import annotations

import functools
from collections.abc import Callable
from typing import Any

import mpmath as mp
import numpy as np
import pytest

import tensorgrad as tg
from tensorgrad.engine.primitive import PRIMITIVES, TIES, Kink
from tensorgrad.reference.kinks import KINKS, SINGULAR
from tensorgrad.reference.parts import table

OPS = {name: op for named in table().values() for name, op in named.items()}
ORDERS = (1, 2, 3)


def _norm(x: Any, p: Any = 2) -> Any:
    return mp.mpf(max(map(abs, x))) if p == np.inf else mp.fsum(abs(v) ** p for v in x) ** (mp.mpf(1) / p)


# What each operation of the table with such a point computes, of numbers or of lists of them.
TRUTH: dict[str, Callable[..., Any]] = {
    "div": lambda a, b: a / b,
    "pow": lambda a, b: a**b,
    "log": mp.log,
    "log1p": lambda x: mp.log(1 + x),
    "log2": lambda x: mp.log(x, 2),
    "log10": mp.log10,
    "sqrt": mp.sqrt,
    "asin": mp.asin,
    "acos": mp.acos,
    "acosh": mp.acosh,
    "atanh": mp.atanh,
    "atan2": mp.atan2,
    "erfinv": mp.erfinv,
    "ndtri": lambda x: mp.sqrt(2) * mp.erfinv(2 * x - 1),
    "entr": lambda x: -x * mp.log(x),
    "lgamma": lambda x: mp.log(abs(mp.gamma(x))),
    "digamma": mp.digamma,
    "polygamma": lambda x, n: mp.psi(n, x),
    "hypot": lambda a, b: mp.sqrt(a * a + b * b),
    "length": _norm,
    "even_power": lambda x, p: abs(x) ** p,
    "odd_power": lambda x, p: mp.sign(x) * abs(x) ** p,
    "prod": lambda x: mp.fprod(x),
    "cumprod": lambda x, dim: [mp.fprod(x[: i + 1]) for i in range(len(x))],
    "norm": _norm,
    "reciprocal": lambda x: 1 / x,
    "rsqrt": lambda x: 1 / mp.sqrt(x),
    "std": lambda x: mp.sqrt(mp.fsum((v - mp.fsum(x) / len(x)) ** 2 for v in x) / (len(x) - 1)),
}

# Outer functions: of the library, and of mpmath. Even ones make lengths smooth, whole powers roots.
OUTER: dict[str, tuple[Callable[[Any], Any], Callable[[Any], Any]]] = {
    "itself": (lambda y: y * 1, lambda y: y),
    "square": (lambda y: y**2, lambda y: y**2),
    "cube": (lambda y: y * y * y, lambda y: y**3),
    "fourth_power": (lambda y: y**4, lambda y: y**4),
    "bell": (lambda y: (-(y**2)).exp(), lambda y: mp.exp(-(y**2))),
    "cosine": (lambda y: y.cos(), mp.cos),
    "inverse": (lambda y: (1 + y**2).reciprocal(), lambda y: 1 / (1 + y**2)),
}

# No finite value beside the point, or in `direction` no function of its own: a part of the slope of norms and hypot.
APART = {"direction", "var", "logsumexp", "logaddexp", "softmax", "log_softmax"}

POINTS = [
    pytest.param(name, kink, id=f"{name}-{kink.at}-{dict(kink.params)}")
    for name, kinks in (*((p.name, p.kinks) for p in PRIMITIVES.values()), *KINKS.items())
    for kink in kinks
    if kink.beyond != TIES and name not in APART and not np.isnan(np.ravel(kink.slopes[0])).all()
]
MORE = [
    pytest.param("norm", Kink(((0.0, 0.0),), (), "", {"p": p}), id=f"norm-{p}-at-zero") for p in (1.5, 3.0, 4.0)
] + [pytest.param("norm", Kink(((0.0, 2.0),), (), "", {"p": p}), id=f"norm-{p}-one-zero") for p in (1.5, 2.5, 3.0, 4.0)]
MORE += [pytest.param("pow", Kink((0.0, b), (), ""), id=f"pow-of-zero-{b}") for b in (1.5, 2.0, 2.5, 3.0, 4.5)]


def directions(kink: Kink) -> list[list[np.ndarray]]:
    """By each argument alone, and by all together."""
    full = [np.cos(1.0 + np.arange(np.size(a))).reshape(np.shape(a)) + 0.2 for a in kink.at]
    alone = [[v if i == j else np.zeros(v.shape) for j, v in enumerate(full)] for i in range(len(full))]
    return [*alone, full] if len(full) > 1 else alone


def by_reverse(y: Any, xs: list[Any], ts: list[Any], order: int) -> float:
    for _ in range(order):
        gs = tg.autograd.grad(y.sum(), xs, create_graph=True, allow_unused=True, materialize_grads=True)
        y = sum((g * t).sum() for g, t in zip(gs, ts, strict=True))
    return y.item()


def by_forward(y: Any, xs: list[Any], ts: list[Any], order: int) -> float:
    y = y.sum()
    for _ in range(order):
        (y,) = tg.autograd.jvp(y, xs, ts, create_graph=True)
    return y.item()


def by_both(y: Any, xs: list[Any], ts: list[Any], order: int) -> float:
    gs = tg.autograd.grad(y.sum(), xs, create_graph=True, allow_unused=True, materialize_grads=True)
    return by_forward(sum((g * t).sum() for g, t in zip(gs, ts, strict=True)), xs, ts, order - 1)


WAYS = {"reverse": by_reverse, "forward": by_forward, "forward over reverse": by_both}


def limit(f: Callable[[Any], Any], order: int) -> float | None:
    """The limit of the derivative of `f` at 0 from the sides where it is real; None if there is none."""
    found = []
    with mp.workdps(160):
        for side in (1, -1):
            near = []
            for distance in ("1e-20", "1e-24"):
                try:
                    value = mp.diff(f, side * mp.mpf(distance), order, h=mp.mpf("1e-50"))
                except (ValueError, ZeroDivisionError):
                    break
                if mp.im(value) != 0:
                    break
                near.append(mp.re(value))
            if len(near) == 2:
                found.append(near)
    flat = [v for near in found for v in near]
    if not flat or not all(map(mp.isfinite, flat)) or max(map(abs, flat)) > 1e8 or max(flat) - min(flat) > 1e-6:
        return None
    return float(flat[-1])


def judged(found: float, truth: float | None, order: int, convention: bool) -> str:
    """What is wrong with a derivative, nothing if it is right or honest."""
    if not np.isfinite(found):
        return ""
    if truth is None:  # a first derivative may be a convention
        return "" if order == 1 and convention else f"order {order}: {found}, where there is none"
    return "" if np.isclose(found, truth, rtol=1e-6, atol=1e-6) else f"order {order}: {found}, but it is {truth}"


def derivatives(f: Callable[..., Any], at: list[np.ndarray], ts: list[np.ndarray]) -> Any:
    for way, derivative in WAYS.items():
        for order in ORDERS:
            xs = [tg.tensor(a, requires_grad=True) for a in at]
            try:
                with np.errstate(all="ignore"):
                    y = f(*xs)
                    if np.isfinite(y.detach().numpy()).all():  # otherwise the value itself shows it
                        yield way, order, derivative(y, xs, [tg.tensor(t) for t in ts], order)
            except tg.errors.TensorgradError:  # names its cause
                continue


@pytest.mark.parametrize("outer", OUTER)
@pytest.mark.parametrize(("name", "kink"), [*POINTS, *MORE])
def test_a_singular_point_of_the_table_inside_another_function(name: str, kink: Kink, outer: str) -> None:
    ours, theirs = OUTER[outer]
    op = OPS.get(name) or getattr(tg.Tensor, name)
    at = [np.asarray(a, np.float64) for a in kink.at]
    wrong = []
    for ts in directions(kink):

        def path(s: Any, ts: list[np.ndarray] = ts) -> Any:
            moved = [_numbers(a, t, s) for a, t in zip(at, ts, strict=True)]
            y = TRUTH[name](*moved, **kink.params)
            return mp.fsum(map(theirs, y)) if isinstance(y, list) else theirs(y)

        truths = {order: limit(path, order) for order in ORDERS}
        found = derivatives(lambda *xs: ours(op(*xs, **kink.params)), at, ts)
        wrong += [f"{way}: {bad}" for way, order, value in found if (bad := judged(value, truths[order], order, True))]
    assert not wrong, wrong


def _numbers(a: np.ndarray, t: np.ndarray, s: Any) -> Any:
    if a.ndim == 0:
        return mp.mpf(a.item()) + s * mp.mpf(t.item())
    return [mp.mpf(v.item()) + s * mp.mpf(w.item()) for v, w in zip(a, t, strict=True)]


def test_every_point_of_the_table_is_among_them() -> None:
    assert {p.values[0] for p in POINTS} <= TRUTH.keys()


WEIGHTS = np.array([[1.0, 2.0, 0.5], [2.0, -1.0, 3.0], [0.5, 3.0, 1.5]])


def _weighted(y: Any) -> Any:
    n, m = y.shape[-2:]
    return (y * tg.tensor(WEIGHTS[:n, :m])).sum()


def _rebuilt(function: Callable[[Any], Any]) -> Callable[[Any], Any]:
    def of(x: Any) -> Any:
        w, v = tg.linalg.eigh(x)
        return _weighted((v * function(w)) @ v.mT)

    return of


def _rebuilt_from_svd(x: Any) -> Any:
    u, s, vh = tg.linalg.svd(x)
    return _weighted((u * s) @ vh)


def _nuclear_squared(x: Any) -> Any:
    return mp.fsum(mp.svd_r(x, compute_uv=False)) ** 2


def _weighted_truth(function: Callable[[Any], Any]) -> Callable[[Any], Any]:
    return lambda x: mp.fsum(WEIGHTS[i, j].item() * function(x)[i, j] for i in range(x.rows) for j in range(x.cols))


def _squares(x: Any) -> Any:
    return mp.fsum(v * v for v in x)


def _product(*factors: Any) -> Any:
    return functools.reduce(lambda a, b: a @ b, factors)


# Of each function of matrices: what may be smooth, by the library and by mpmath.
COMPOSED: dict[str, dict[str, tuple[Callable[[Any], Any], Callable[[Any], Any]]]] = {
    "linalg.eigh": {
        "itself": (_rebuilt(lambda w: w), _weighted_truth(lambda x: x)),
        "square": (_rebuilt(lambda w: w * w), _weighted_truth(lambda x: x * x)),
        "less_one": (_rebuilt(lambda w: w - 1), _weighted_truth(lambda x: x - mp.eye(x.rows))),
        "inverse": (_rebuilt(lambda w: 1 / w), _weighted_truth(lambda x: x**-1)),
        "values_squared": (lambda x: (tg.linalg.eigvalsh(x) ** 2).sum(), _squares),
        "trace": (lambda x: tg.linalg.eigvalsh(x).sum(), lambda x: mp.fsum(x[i, i] for i in range(x.rows))),
    },
    "linalg.svd": {
        "itself": (_rebuilt_from_svd, _weighted_truth(lambda x: x)),
        "values_squared": (lambda x: (tg.linalg.svdvals(x) ** 2).sum(), _squares),
        "nuclear_squared": (lambda x: tg.linalg.matrix_norm(x, "nuc") ** 2, _nuclear_squared),
    },
    "linalg.qr": {
        "itself": (lambda x: _weighted(_product(*tg.linalg.qr(x))), _weighted_truth(lambda x: x)),
        "gram": (lambda x: _weighted(tg.linalg.qr(x).R.mT @ tg.linalg.qr(x).R), _weighted_truth(lambda x: x.T * x)),
    },
    "linalg.det": {
        "itself": (tg.linalg.det, mp.det),
        "square": (lambda x: tg.linalg.det(x) ** 2, lambda x: mp.det(x) ** 2),
    },
    "linalg.slogdet": {
        "square_of_det": (lambda x: (2 * tg.linalg.slogdet(x).logabsdet).exp(), lambda x: mp.det(x) ** 2),
    },
    "linalg.matrix_norm": {
        "square": (lambda x: tg.linalg.matrix_norm(x) ** 2, _squares),
        "bell": (lambda x: (-(tg.linalg.matrix_norm(x) ** 2)).exp(), lambda x: mp.exp(-_squares(x))),
    },
}  # fmt: skip

OF_MATRICES = [
    pytest.param(name, at, smooth, id=f"{name}-{at}-{smooth}")
    for name, points in SINGULAR.items()
    for at, _ in points
    for smooth in COMPOSED.get(name, ["nothing"])
]


@pytest.mark.parametrize(("name", "at", "smooth"), OF_MATRICES)
def test_a_singular_matrix_inside_a_smooth_function(name: str, at: Any, smooth: str) -> None:
    ours, theirs = COMPOSED[name][smooth]
    matrix, t = np.array(at), WEIGHTS[: len(at), : len(at)] + 0.3
    truths = {
        order: limit(lambda s: theirs(mp.matrix(matrix.tolist()) + s * mp.matrix(t.tolist())), order)
        for order in ORDERS
    }
    wrong = [
        f"{way}: {bad}"
        for way, order, value in derivatives(ours, [matrix], [t])
        if (bad := judged(value, truths[order], order, False))
    ]
    assert not wrong, wrong


DISTANCES: dict[str, Callable[[Any], Any]] = {
    "pairwise_distance": lambda x: tg.nn.functional.pairwise_distance(x[None], 0 * x[None], eps=0.0),
    "cdist": lambda x: tg.cdist(x[None], tg.zeros(1, 2, dtype=tg.float64)),
    "dist": lambda x: tg.dist(x, tg.zeros(2, dtype=tg.float64)),
    "pdist": lambda x: tg.nn.functional.pdist(tg.stack([x, -x])) / 2,
    "linalg.norm": lambda x: tg.linalg.norm(x[None], dim=1),
    "hypot": lambda x: tg.hypot(x[0], x[1]),
    "norm of a row": lambda x: tg.stack([x, x * 0 + 1]).norm(dim=1)[0],
}


@pytest.mark.parametrize("name", DISTANCES)
def test_the_square_of_a_distance_bends_by_two_at_zero_or_by_nan(name: str) -> None:
    found = derivatives(lambda x: DISTANCES[name](x) ** 2, [np.zeros(2)], [np.array([0.6, 0.8])])
    for _way, order, value in found:
        assert np.isnan(value) or value == pytest.approx({1: 0.0, 2: 2.0, 3: 0.0}[order])


def test_rows_that_are_zero_leave_the_others_alone() -> None:
    x = tg.tensor([[0.0, 0.0], [3.0, 4.0]], dtype=tg.float64)
    h = tg.func.hessian(lambda x: (x.norm(dim=1) ** 2).sum())(x).numpy()
    np.testing.assert_allclose(h[1, :, 1, :], 2 * np.eye(2), atol=1e-12)
    assert np.isnan(h[0, :, 0, :]).all()
    assert (h[0, :, 1, :] == 0).all()


def test_a_singular_matrix_leaves_the_others_of_its_batch_alone() -> None:
    x = tg.tensor(np.array([[[1.0, 2], [2, 4]], [[2.0, 0], [0, 4]]]), requires_grad=True)
    tg.linalg.slogdet(x).logabsdet.sum().backward()
    assert np.isnan(x.grad.numpy()[0]).all()
    np.testing.assert_allclose(x.grad.numpy()[1], [[0.5, 0], [0, 0.25]])


def test_a_determinant_shows_nan_where_it_matters() -> None:
    x = tg.tensor(np.array([[[np.nan, 2.0], [2, 4]], [[1.0, 2], [3, 4]], [[0.0, 0], [0, 0]]]), requires_grad=True)
    tg.linalg.det(x).sum().backward()
    np.testing.assert_allclose(x.grad.numpy(), [[[4, -2], [-2, np.nan]], [[4, -3], [-2, 1]], [[0, 0], [0, 0]]])


@pytest.mark.parametrize("name", ["eigh", "eigvalsh", "cholesky"])
def test_one_triangle_is_read_and_the_gradient_is_symmetric(name: str) -> None:
    symmetric, noise = np.array([[2.0, 1.0], [1.0, 3.0]]), np.array([[0.0, np.inf], [0.0, 0.0]])
    for lower in (True, False):
        word = {"upper": not lower} if name == "cholesky" else {"UPLO": "L" if lower else "U"}
        given = [tg.tensor(a, requires_grad=True) for a in (symmetric, symmetric + (noise if lower else noise.T))]
        ys = [getattr(tg.linalg, name)(x, **word) for x in given]
        ys = [y.eigenvalues if name == "eigh" else y for y in ys]
        for y in ys:
            (y**3).sum().backward()
        np.testing.assert_array_equal(ys[0].detach().numpy(), ys[1].detach().numpy())
        np.testing.assert_array_equal(given[0].grad.numpy(), given[1].grad.numpy())
        np.testing.assert_array_equal(given[0].grad.numpy(), given[0].grad.numpy().T)


def test_values_alone_have_their_gradient_at_first_order() -> None:
    for at, _ in SINGULAR["linalg.eigh"]:
        x = tg.tensor(np.array(at), requires_grad=True)
        (tg.linalg.eigvalsh(x) ** 2).sum().backward()
        np.testing.assert_allclose(x.grad.numpy(), 2 * np.array(at), rtol=1e-12)


def test_a_determinant_has_its_derivatives_where_it_is_zero() -> None:
    ones = tg.tensor(np.array(WEIGHTS[:2, :2]))
    for at, _ in SINGULAR["linalg.det"]:
        for _way, order, value in derivatives(tg.linalg.det, [np.array(at)], [ones.numpy()]):
            assert np.isfinite(value)
            assert order < 2 or value == pytest.approx(-10.0 if order == 2 else 0.0, abs=1e-9)


def test_a_pseudo_inverse_is_differentiated_along_matrices_of_its_rank() -> None:
    u = tg.tensor(np.array([1.0, 2.0]), requires_grad=True)
    tg.linalg.pinv(tg.outer(u, u)).sum().backward()  # u uᵀ / |u|⁴, which sums to (u1 + u2)² / |u|⁴ = 9 / 25
    np.testing.assert_allclose(u.grad.numpy(), 6 / 25 - 4 * 9 / 125 * np.array([1.0, 2.0]))


@pytest.mark.parametrize("p", [2, 3, 1.5])
@pytest.mark.parametrize(
    ("size", "dtype"), [(1e30, "float32"), (1e-30, "float32"), (1e200, "float64"), (6e3, "float16")]
)
def test_a_norm_fits_where_its_squares_do_not(size: float, dtype: str, p: float) -> None:
    x = tg.tensor(np.array([[3.0, 4.0], [0.0, 0.0]]) * size, dtype=getattr(tg, dtype), requires_grad=True)
    y = x.norm(p, dim=1)
    y.sum().backward()
    lengths = np.array([3.0, 4.0]) / np.linalg.norm([3.0, 4.0], p)
    np.testing.assert_allclose(y.detach().numpy() / size, [np.linalg.norm([3.0, 4.0], p), 0], rtol=1e-3)
    np.testing.assert_allclose(x.grad.numpy(), [lengths ** (p - 1), [0, 0]], rtol=2e-3)


INFINITE = np.array([[[np.inf, 1.0], [1.0, 2.0]], [[2.0, 1.0], [1.0, 3.0]], [[np.nan, 0.0], [0.0, 1.0]]])


@pytest.mark.parametrize("name", ["svdvals", "eigvalsh", "pinv", "cond", "matrix_norm"])
def test_of_a_batch_the_matrices_that_are_not_finite_have_nan_for_factors(name: str) -> None:
    function = (lambda x: tg.linalg.matrix_norm(x, "nuc")) if name == "matrix_norm" else getattr(tg.linalg, name)
    x = tg.tensor(INFINITE)
    found, alone = function(x), function(x[1])
    assert np.isnan(found[0].numpy()).all()
    assert np.isnan(found[2].numpy()).all()
    np.testing.assert_allclose(found[1].numpy(), alone.numpy(), rtol=1e-12, equal_nan=False)
