"""Half precision: each function against itself in float64, of the same numbers, where sums or squares overflow.

The bound is in steps of float16, of the size of the element and a thousandth of that of the largest.
"""

from __future__ import annotations

import functools
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

import tensorgrad as tg
from tensorgrad import linalg, ops
from tensorgrad.engine.primitive import PRIMITIVES
from tensorgrad.nn import functional as F  # noqa: N812 - as everybody calls it
from tests.values import RNG

STEP = float(np.finfo(np.float16).eps)
SMALLEST = float(np.finfo(np.float16).smallest_subnormal)
LARGEST = float(np.finfo(np.float16).max)

_DRAWN = RNG(0)
DATA = {
    "300 fifties": 50 + _DRAWN.normal(size=(300, 4)),
    "5,000 tiny": _DRAWN.uniform(1e-4, 3e-4, (5000, 2)),
    "40 large": 2e4 * _DRAWN.normal(size=(40, 4)),
    "30 near one": _DRAWN.normal(size=(30, 4)),
    "3,000 thirds": np.full((3000, 2), 1 / 3),
    "6,000 tens": 10 * _DRAWN.normal(size=(6000, 2)),
}

Function = Callable[[tg.Tensor], tg.Tensor]


def like(x: tg.Tensor, values: Any) -> tg.Tensor:
    """A constant beside `x`, of numbers that float16 has."""
    return tg.tensor(np.asarray(values).astype(np.float16)).to(x.dtype)


def other(x: tg.Tensor) -> tg.Tensor:
    """The rows of `x` in another order, and a little larger."""
    return like(x, x.detach().numpy()[::-1].astype(np.float64) * 1.01)


def shares(x: tg.Tensor) -> tg.Tensor:
    """Numbers between 0 and 1."""
    return like(x, np.linspace(0, 1, x.numel()).reshape(x.shape))


def signs(x: tg.Tensor) -> tg.Tensor:
    """1 and -1 by turns."""
    return like(x, np.where(np.arange(x.numel()) % 3, 1, -1).reshape(x.shape))


def weights(x: tg.Tensor) -> tg.Tensor:
    """A number for each column."""
    return like(x, np.linspace(0.5, 2, x.shape[1]))


def classes(x: tg.Tensor) -> tg.Tensor:
    """A column for each row."""
    return tg.tensor(np.arange(len(x)) % x.shape[1])


def channels(x: tg.Tensor) -> tg.Tensor:
    """The columns as channels of one example."""
    return x.T.reshape(1, x.shape[1], len(x))


def _names(names: str, make: Callable[..., Function]) -> dict[str, Function]:
    return {name: make(name) for name in names.split()}


def _of_columns(name: str) -> Function:
    return lambda x: getattr(tg, name)(x, 0)


def _of_rows(name: str) -> Function:
    return lambda x: getattr(tg, name)(x, 1)


def _activation(name: str) -> Function:
    return lambda x: getattr(F, name)(x)


def _loss(targets: Callable[[tg.Tensor], tg.Tensor], reduction: str) -> Callable[[str], Function]:
    return lambda name: lambda x: getattr(F, name)(x, targets(x), reduction=reduction)


REDUCTIONS = "sum mean var std norm nansum nanmean amax amin prod logsumexp softmax log_softmax cumsum cumprod"

FUNCTIONS: dict[str, Function] = {
    **_names(REDUCTIONS + " logcumsumexp", _of_columns),
    **{f"{name} of rows": f for name, f in _names(REDUCTIONS, _of_rows).items()},
    **_names(
        "elu celu selu gelu silu mish softplus logsigmoid softsign tanhshrink hardsigmoid hardswish glu", _activation
    ),
    **{
        f"{name}, {reduction}": f
        for reduction in ("mean", "sum", "none")
        for targets, names in (
            (other, "l1_loss mse_loss smooth_l1_loss huber_loss"),
            (shares, "poisson_nll_loss binary_cross_entropy_with_logits kl_div"),
            (signs, "multilabel_soft_margin_loss soft_margin_loss hinge_embedding_loss"),
            (classes, "cross_entropy nll_loss multi_margin_loss"),
        )
        for name, f in _names(names, _loss(targets, reduction)).items()
    },
    "weighted cross entropy": lambda x: F.cross_entropy(x, classes(x), weights(x), label_smoothing=0.1),
    "weighted nll": lambda x: F.nll_loss(x, classes(x), weights(x)),
    "binary cross entropy": lambda x: F.binary_cross_entropy(x.abs().clamp(0, 1), shares(x), reduction="none"),
    "gaussian nll": lambda x: F.gaussian_nll_loss(x, other(x), shares(x) + 0.5),
    "gelu by tanh": lambda x: F.gelu(x, approximate="tanh"),
    **{f"{p}-norm": lambda x, p=p: linalg.vector_norm(x, p, 0) for p in (0, 1, 3, float("inf"))},
    **{f"matrix norm {p}": lambda x, p=p: linalg.matrix_norm(x, p) for p in ("fro", 1, -1, float("inf"))},
    "normalize": lambda x: F.normalize(x, dim=0),
    "normalized rows": lambda x: F.normalize(x, dim=1),
    "cosine similarity": lambda x: F.cosine_similarity(x, other(x), 0),
    "cosine embedding": lambda x: F.cosine_embedding_loss(x, other(x), signs(x)[:, 0]),
    "dist": lambda x: tg.dist(x, other(x)),
    "cdist": lambda x: tg.cdist(x[:20], other(x)[:15]),
    "pdist": lambda x: F.pdist(x[:20]),
    "pairwise distance": lambda x: F.pairwise_distance(x, other(x)),
    "distance to itself": lambda x: F.pairwise_distance(x, x.detach()),
    "triplet margin": lambda x: F.triplet_margin_loss(x, other(x), shares(x)),
    "cov": lambda x: tg.cov(x.T),
    "corrcoef": lambda x: tg.corrcoef(x.T),
    "layer norm": lambda x: F.layer_norm(x.T, [len(x)]),
    "rms norm": lambda x: F.rms_norm(x.T, [len(x)], eps=1e-6),
    "batch norm": lambda x: F.batch_norm(x, None, None, weights(x), weights(x), training=True),
    "group norm": lambda x: F.group_norm(channels(x), 1),
    "instance norm": lambda x: F.instance_norm(channels(x)),
    "average pooling": lambda x: F.avg_pool1d(channels(x), 30),
    "adaptive average pooling": lambda x: F.adaptive_avg_pool1d(channels(x), 3),
    "interpolation": lambda x: F.interpolate(channels(x), size=7, mode="linear"),
    "embedding bag": lambda x: F.embedding_bag(tg.arange(len(x)).reshape(1, -1), x, mode="mean"),
    "scattered mean": lambda x: tg.zeros(1, x.shape[1], dtype=x.dtype).scatter_reduce(
        0, tg.zeros(x.shape, dtype=tg.int64), x, "mean", include_self=False
    ),
    "index_add": lambda x: tg.zeros(1, x.shape[1], dtype=x.dtype).index_add(0, tg.zeros(len(x), dtype=tg.int64), x),
    "the same row again": lambda x: x[tg.zeros(3000, dtype=tg.int64)],
    "product": lambda x: x.T @ other(x),
    "vecdot": lambda x: linalg.vecdot(x, other(x), dim=0),
    "convolution": lambda x: F.conv1d(channels(x), channels(other(x)[:25])),
    "attention": lambda x: F.scaled_dot_product_attention(x[:30], other(x)[:30], shares(x)[:30]),
    "logaddexp": lambda x: tg.logaddexp(x, other(x)),
    "rounded to a tenth": lambda x: tg.round(x, decimals=1),
    "logit": lambda x: tg.logit(x, 1e-3),
    "lerp": lambda x: tg.lerp(x, other(x), 0.3),
    "trapezoid": lambda x: tg.trapezoid(x, dim=1),
}


def value_and_slope(function: Function, values: np.ndarray, dtype: Any) -> list[np.ndarray]:
    x = tg.tensor(values.astype(np.float16).astype(dtype), requires_grad=True)
    y = function(x)
    found = [y.detach().numpy()]
    if y.requires_grad:
        y.backward(like(y, RNG(1).uniform(0.5, 1.5, tuple(y.shape))))
        assert x.grad is not None
        found.append(x.grad.numpy())
    return found


def far(found: np.ndarray, truth: np.ndarray) -> np.ndarray:
    """Where `found` is not `truth` rounded to float16; on the way, what is above its range may be infinite or NaN."""
    size = np.where(np.isfinite(truth), np.abs(truth), 0)
    error = np.abs(found.astype(np.float64) - truth)
    bound = 3.5 * STEP * (size + size.max(initial=0) * 1e-3) + 3 * SMALLEST
    beyond = ~(np.abs(truth) < LARGEST / 2)
    return ~(error <= bound) & ~beyond & (found != truth)


@pytest.mark.parametrize("name", FUNCTIONS)
@pytest.mark.parametrize("data", DATA)
@pytest.mark.filterwarnings("ignore")
def test_half_precision_is_that_of_float64_rounded(data: str, name: str) -> None:
    values, function = DATA[data], FUNCTIONS[name]
    found, truth = (value_and_slope(function, values, dtype) for dtype in (np.float16, np.float64))
    assert len(found) == len(truth)
    for what, got, wanted in zip(("value", "slope"), found, truth, strict=False):
        assert got.dtype == np.float16
        wrong = far(got, wanted)
        assert not wrong.any(), (what, got[wrong][:3], wanted[wrong][:3])


def test_many_equals_share_one_slope() -> None:
    x = tg.ones(70_000, dtype=tg.float16, requires_grad=True)
    for extreme in (tg.amax, tg.amin, tg.max):
        x.grad = None
        extreme(x).backward()
        assert x.grad is not None
        assert abs(float(x.grad.double().sum()) - 1) < 0.01


def test_a_dtype_that_is_asked_for_is_given() -> None:
    x = tg.full((3,), 300.0, dtype=tg.float16)
    assert x.prod(dtype=tg.float64).dtype == tg.nanmean(x, dtype=tg.float64).dtype == tg.float64
    assert linalg.vector_norm(x, dtype=tg.float32).dtype == tg.float32
    assert F.mse_loss(x, x.float()).dtype == tg.float32


_HALVES = np.arange(0, 0x7C00, 97, dtype=np.uint16).view(np.float16)
OF_ALL_SIZES = np.concatenate([_HALVES, -_HALVES])
OF_EACH_ELEMENT = {
    **{p.name: p for p in PRIMITIVES.values() if p.kind == "elementwise" and not p.conditions},
    **dict.fromkeys(("reciprocal", "rsqrt", "square", "logit")),
}


def _value_and_slopes(function: Any, arrays: list[np.ndarray], dtype: Any) -> list[Any]:
    args = [tg.tensor(a, dtype=dtype, requires_grad=True) for a in arrays]
    with np.errstate(all="ignore"):
        y = function(*args)
    found = [y.detach(), *tg.autograd.grad(y, args, tg.ones_like(y), allow_unused=True)]
    return [None if x is None else x.numpy().astype(np.float64) for x in found]


@pytest.mark.parametrize("name", OF_EACH_ELEMENT)
def test_what_half_precision_can_hold_is_there(name: str) -> None:
    primitive = OF_EACH_ELEMENT[name]
    function = getattr(tg if primitive is None else ops, name)
    if name == "clip":
        function = functools.partial(function, low=-1.0, high=1.0)
    arrays = [OF_ALL_SIZES]
    if primitive is not None and len(primitive.signature.arguments) == 2:
        few = OF_ALL_SIZES[::5]
        arrays = [np.repeat(few, len(few)), np.tile(few, len(few))]
    in_half, in_double = (_value_and_slopes(function, arrays, dtype) for dtype in (tg.float16, tg.float64))
    for found, exact in zip(in_half, in_double, strict=True):
        if found is None:
            continue
        with np.errstate(all="ignore"):
            rounded = exact.astype(np.float16)
            step = np.spacing(np.abs(rounded)).astype(np.float64)
        fits = np.isfinite(rounded)
        assert (np.abs(found[fits] - exact[fits]) <= 4 * step[fits]).all()


def test_a_quotient_of_tiny_halves_has_its_slopes() -> None:
    a, b = (tg.tensor([v], dtype=tg.float16, requires_grad=True) for v in (1e-7, 1e-5))
    (a / b).backward()
    exact = -float(a) / float(b) ** 2
    assert abs(b.grad.item() - exact) <= 2e-3 * abs(exact)


OPERATORS = {
    "times": lambda x, n: x * n,
    "times, the number first": lambda x, n: n * x,
    "plus": lambda x, n: x + n,
    "minus": lambda x, n: n - x,
    "over": lambda x, n: x / n,
    "under": lambda x, n: n / x,
    "in steps": lambda x, n: tg.add(x, x.detach(), alpha=n) if isinstance(n, float) else x + x.detach() * n,
    "leaky relu": lambda x, n: F.leaky_relu(-x, n) if isinstance(n, float) else -x * n,
}


@pytest.mark.filterwarnings("ignore:overflow")
@pytest.mark.parametrize("number", [1e-8, 3e-7, 0.1, 70_000.0, 1e5])
@pytest.mark.parametrize("name", OPERATORS)
def test_a_number_meets_half_precision_before_it_is_rounded(name: str, number: float) -> None:
    values = np.array([0.1, 60_000.0, 1e-3, 2.0], np.float16)
    for given in (number, tg.tensor(number), tg.tensor(number, dtype=tg.float64)):
        x, exact = (tg.tensor(values, dtype=d, requires_grad=True) for d in (tg.float16, tg.float64))
        y, wanted = (OPERATORS[name](v, given) for v in (x, exact))
        slopes = [tg.autograd.grad(out.sum(dtype=tg.float64), v)[0] for out, v in ((y, x), (wanted, exact))]
        assert y.dtype == slopes[0].dtype == tg.float16
        for found, truth in ((y, wanted), (slopes[0], slopes[1])):
            with np.errstate(all="ignore"):
                rounded = truth.detach().numpy().astype(np.float16)
            step = np.spacing(np.abs(np.where(np.isfinite(rounded), rounded, 1)))
            with np.errstate(all="ignore"):
                off = np.abs(found.detach().numpy().astype(np.float64) - rounded)
            assert ((off <= step) | (found.detach().numpy() == rounded)).all(), (found, rounded)


def test_a_number_that_requires_grad_meets_half_precision() -> None:
    x, s = tg.tensor([0.1, 60_000.0], dtype=tg.float16), tg.tensor(1e-5, requires_grad=True)
    (x * s).sum().backward()
    assert s.grad is not None
    assert abs(s.grad.item() - x.double().sum().item()) < 1
    assert (x * True).dtype == (x * tg.tensor(True)).dtype == tg.float16
    assert (x * tg.tensor([1.0])).dtype == tg.float32
