"""A NaN that came in shows in the gradient; one that was not chosen has no influence. See docs/numerics.md."""

from __future__ import annotations

import itertools
import operator
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
import pytest

import tensorgrad as tg
from tensorgrad import nn
from tensorgrad.engine.dispatch import apply
from tensorgrad.engine.primitive import PRIMITIVES
from tests.cases import OF_REALS, Rolled, case

F = nn.functional
nan, inf = np.nan, np.inf

FACTORIZATIONS = {
    "cholesky",
    "eigh",
    "inv",
    "pinv",
    "qr",
    "solve",
    "svd",
}  # LAPACK says what NaN makes of them, or refuses

ELSEWHERE = (-1.7, -0.4, 0.3, 0.8, 2.3)
"""Values for an element that was NaN: a slope that is the same at all of these does not depend on the element."""

Function = Callable[..., Any]


def slopes(f: Function, arrays: Sequence[np.ndarray], i: int, chosen: np.ndarray) -> np.ndarray:
    """The gradient of the sum of the `chosen` outputs of `f` by the `i`-th argument; the sweep warns of nothing."""
    xs = [tg.tensor(a, requires_grad=a.dtype.kind == "f") for a in arrays]
    with np.errstate(all="ignore"):
        y = f(*xs)[tg.tensor(chosen)].sum()
    if not y.requires_grad:
        return np.zeros(arrays[i].shape)
    (g,) = tg.autograd.grad(y, xs[i], allow_unused=True, materialize_grads=True)
    return g.numpy()


def values(f: Function, arrays: Sequence[np.ndarray]) -> np.ndarray:
    with np.errstate(all="ignore"):
        return f(*map(tg.tensor, arrays)).numpy()


def replaced(arrays: Sequence[np.ndarray], i: int, at: Any, value: float) -> list[np.ndarray]:
    copies = [a.copy() for a in arrays]
    copies[i][at] = value
    return copies


def check(f: Function, arrays: Sequence[np.ndarray]) -> None:
    """Put NaN in the place of each element in turn; look at the gradients of the outputs that are NaN then, and not."""
    for i, a in enumerate(arrays):
        if a.dtype.kind != "f":
            continue
        for at in itertools.islice(np.ndindex(a.shape), 6):
            given = replaced(arrays, i, at, nan)
            missing = np.isnan(values(f, given))
            where = f"NaN at {at} of argument {i}"
            assert np.isfinite(slopes(f, given, i, ~missing)).all(), f"{where}: what does not depend on it"
            if missing.any():
                g = slopes(f, given, i, missing)[at]
                known = [slopes(f, replaced(arrays, i, at, v), i, missing)[at] for v in ELSEWHERE]
                assert np.isnan(g) or np.allclose(known, g), f"{where}: the slope {g}, elsewhere {known}"


@pytest.mark.parametrize(
    "name", [name for name, p in OF_REALS.items() if p.differentiable and name not in FACTORIZATIONS]
)
def test_of_a_primitive_nan_shows_or_has_no_influence(name: str) -> None:
    primitive = PRIMITIVES[name]
    for seed in range(3):
        arrays, params = case(primitive, Rolled(seed))
        check(lambda *xs, params=params: apply(primitive, xs, params), arrays)


RNG = np.random.default_rng(5)
V = np.array([-4.0, -1.0, -0.2, 0.4, 1.2, 7.0])
A, B, C = RNG.normal(size=(3, 3, 4))
SIGNS = tg.tensor([1.0, -1.0, 1.0])
P = np.abs(A) + 0.1
CLASSES = tg.tensor([0, 3, 1])
MASK = tg.tensor([[True, False, True], [True, True, False], [False, False, False]])

ACTIVATIONS = """relu relu6 hardtanh leaky_relu rrelu elu celu selu gelu silu mish softplus logsigmoid softsign
tanhshrink softshrink hardshrink hardsigmoid hardswish sigmoid tanh"""

OF_ONE: dict[str, Function] = {
    **{name: getattr(F, name) for name in ACTIVATIONS.split()},
    "gelu_tanh": lambda x: F.gelu(x, approximate="tanh"),
    "threshold": lambda x: F.threshold(x, 0.1, 0.5),
    "clamp": lambda x: x.clamp(-1, 1),
    "logit": lambda x: tg.logit(tg.sigmoid(x), 0.1),
    "nan_to_num": tg.nan_to_num,
    "nansum": tg.nansum,
    "nanmean": tg.nanmean,
    "logcumsumexp": lambda x: tg.logcumsumexp(x, 0),
    "logsumexp": lambda x: tg.logsumexp(x, 0),
    "quantile": lambda x: tg.quantile(x, 0.3),
    "scatter_amax": lambda x: tg.zeros(2).double().scatter_reduce(0, tg.tensor([0, 0, 0, 1, 1, 1]), x, "amax"),
    "scatter_amin": lambda x: x.scatter_reduce(0, tg.tensor([1, 1]), tg.ones(2).double(), "amin", include_self=False),
    "max": tg.max,
    "min": tg.min,
    "var": tg.var,
    "std": tg.std,
    **{f"norm_{p}": lambda x, p=p: tg.linalg.vector_norm(x, p) for p in (0.5, 1, 2, 3, inf, -inf)},
}

OF_SEVERAL: dict[str, tuple[Function, list[np.ndarray]]] = {
    **{
        name: (lambda a, b, name=name: getattr(F, name)(a, b, reduction="none"), [A, B])
        for name in ("l1_loss", "mse_loss", "smooth_l1_loss", "huber_loss", "poisson_nll_loss", "soft_margin_loss")
    },
    "huber_delta": (lambda a, b: F.huber_loss(a, b, delta=0.3), [A, B]),
    "kl_div": (lambda a, b: F.kl_div(a, b, reduction="sum"), [A, P]),
    "with_logits": (lambda a: F.binary_cross_entropy_with_logits(a, tg.tensor(P / 5), reduction="none"), [A]),
    "multilabel_soft_margin": (lambda a: F.multilabel_soft_margin_loss(a, tg.tensor(1.0 * (B > 0))), [A]),
    "gaussian_nll": (lambda a, b, c: F.gaussian_nll_loss(a, b, c.abs(), reduction="none"), [A, B, P]),
    "hinge_embedding": (lambda a: F.hinge_embedding_loss(a, SIGNS, reduction="none"), [V[:3]]),
    "cosine_embedding": (lambda a, b: F.cosine_embedding_loss(a, b, SIGNS, reduction="none"), [A, B]),
    "margin_ranking": (lambda a, b: F.margin_ranking_loss(a, b, SIGNS, reduction="none"), [V[:3], V[1:4]]),
    "triplet": (lambda a, b, c: F.triplet_margin_loss(a, b, c, reduction="none"), [A, B, C]),
    "triplet_swap": (lambda a, b, c: F.triplet_margin_loss(a, b, c, swap=True, reduction="none"), [A, B, C]),
    "cross_entropy": (lambda a: F.cross_entropy(a, CLASSES, reduction="none"), [A]),
    "cross_entropy_mean": (lambda a: F.cross_entropy(a, CLASSES), [A]),
    "cross_entropy_ignored": (lambda a: F.cross_entropy(a, CLASSES, ignore_index=3, reduction="none"), [A]),
    "cross_entropy_smooth": (lambda a: F.cross_entropy(a, CLASSES, label_smoothing=0.1), [A]),
    "nll": (lambda a: F.nll_loss(a, CLASSES, reduction="none"), [A]),
    "multi_margin": (lambda a: F.multi_margin_loss(a, CLASSES, reduction="none"), [A]),
    "multilabel_margin": (
        lambda a: F.multilabel_margin_loss(
            a, tg.tensor([[0, -1, 1, 1], [3, 2, 1, 0], [-1, 0, 0, 0]]), reduction="none"
        ),
        [A],
    ),
    "softmax": (lambda a: F.softmax(a, 1), [A]),
    "log_softmax": (lambda a: F.log_softmax(a, 1), [A]),
    "prelu": (F.prelu, [A, V[:1]]),
    "clamp_tensors": (tg.clamp, [A, V[:4] / 4 - 1, V[:4] / 4 + 1]),
    "where": (lambda a, b: tg.where(tg.tensor(C > 0), a, b), [A, B]),
    "cosine_similarity": (F.cosine_similarity, [A, B]),
    "pairwise_distance": (F.pairwise_distance, [A, B]),
    "normalize": (F.normalize, [A]),
    "pdist": (F.pdist, [A]),
    "layer_norm": (lambda a, w, b: F.layer_norm(a, (4,), w, b), [A, V[:4], V[1:5]]),
    "rms_norm": (lambda a, w: F.rms_norm(a, (4,), w), [A, V[:4]]),
    "group_norm": (lambda a, w, b: F.group_norm(a, 2, w, b), [A, V[:4], V[1:5]]),
    "batch_norm": (lambda a, w, b: F.batch_norm(a, None, None, w, b, training=True), [A, V[:4], V[1:5]]),
    "attention": (lambda q, k, v: F.scaled_dot_product_attention(q, k, v, MASK), [A, B, C]),
    "attention_causal": (lambda q, k, v: F.scaled_dot_product_attention(q, k, v, is_causal=True), [A, B, C]),
    "attention_added": (
        lambda q, k, v: F.scaled_dot_product_attention(q, k, v, tg.where(MASK, 0.25, -inf).double()),
        [A, B, C],
    ),
    "index": (lambda a, b: (a.sqrt() * b).relu()[1:], [A, B]),
}


@pytest.mark.parametrize("name", OF_ONE)
def test_of_a_function_nan_shows_or_has_no_influence(name: str) -> None:
    check(OF_ONE[name], [V])


@pytest.mark.parametrize("name", OF_SEVERAL)
def test_of_a_function_of_several_nan_shows_or_has_no_influence(name: str) -> None:
    f, arrays = OF_SEVERAL[name]
    check(f, arrays)


@pytest.mark.parametrize(
    "f",
    [
        lambda x: x.max(0).values,
        lambda x: x.sort().values[-1],
        lambda x: x.topk(1).values,
        lambda x: x.kthvalue(3).values,
        lambda x: x.median(),
        lambda x: F.max_pool1d(x[None], 3),
        lambda x: tg.fmax(x, x)[1],
    ],
)
def test_what_hands_on_an_element_hands_on_nan_with_the_slope_one(f: Function) -> None:
    x = tg.tensor([1.0, nan, 2.0], requires_grad=True)
    f(x).sum().backward()
    assert x.grad.tolist() == [0.0, 1.0, 0.0]


@pytest.mark.parametrize("value", [nan, inf, -inf])
@pytest.mark.parametrize("added", [False, True])
@pytest.mark.parametrize("shape", ["padding", "future"])
def test_what_a_mask_hides_from_attention_is_as_if_it_were_not_there(shape: str, added: bool, value: float) -> None:
    seen = np.tri(3, dtype=bool) if shape == "future" else np.array([True, True, False]) & np.ones((3, 1), bool)
    mask = tg.where(tg.tensor(seen), 0.0, -inf).double() if added else tg.tensor(seen)
    found = []
    for hidden in (0.5, value):
        q, k, v = (
            tg.tensor(a, requires_grad=True)
            for a in (A, replaced([B], 0, 2, hidden)[0], replaced([C], 0, 2, hidden)[0])
        )
        with np.errstate(all="ignore"):
            y = F.scaled_dot_product_attention(q, k, v, mask)[: 3 if shape == "padding" else 2]
        found.append([y.detach(), *tg.autograd.grad((y * y).sum(), (q, k, v))])
    for expected, with_value in zip(*found, strict=True):
        np.testing.assert_allclose(with_value.numpy(), expected.numpy(), rtol=1e-12, equal_nan=False)


@pytest.mark.parametrize("name", ["key_padding_mask", "attn_mask"])
@pytest.mark.parametrize("added", [False, True])
def test_what_a_mask_hides_from_several_heads_is_as_if_it_were_not_there(name: str, added: bool) -> None:
    layer = nn.MultiheadAttention(4, 2).double()
    hidden = np.zeros((1, 3) if name == "key_padding_mask" else (3, 3), bool)
    hidden[:, 2] = True
    mask = tg.where(tg.tensor(hidden), -inf, 0.0).double() if added else tg.tensor(hidden)
    found = []
    for value in (0.5, nan):
        x = tg.tensor(replaced([A], 0, 2, value)[0][:, None], requires_grad=True)
        with np.errstate(all="ignore"):
            y, weights = layer(tg.tensor(B[:, None]), x, x, **{name: mask})
        gradients = tg.autograd.grad((y * y).sum(), (x, *layer.parameters()))
        found.append([y.detach(), weights.detach(), *gradients])
    for expected, with_value in zip(*found, strict=True):
        np.testing.assert_allclose(with_value.numpy(), expected.numpy(), rtol=1e-12, atol=1e-15, equal_nan=False)


@pytest.mark.parametrize("name", ["key", "value", "key_padding_mask", "attn_mask"])
@pytest.mark.parametrize("added", [False, True])
def test_what_a_mask_hides_from_attention_may_have_an_infinite_slope(name: str, added: bool) -> None:
    layer = nn.MultiheadAttention(4, 2).double()
    seen = np.array([[True, True, False]] * 3)
    numbers = tg.where(tg.tensor(seen), 0.0, -inf).double()
    mask, hiding = (numbers, numbers) if added else (tg.tensor(seen), tg.tensor(~seen))
    x = tg.tensor(np.abs(A) * [[1.0], [1.0], [0.0]], requires_grad=True)
    root, fixed = x.sqrt(), tg.tensor(B)
    if name.endswith("mask"):
        masks = {name: hiding[:1] if name == "key_padding_mask" else hiding}
        y = layer(fixed[:, None], root[:, None], root[:, None], **masks)[0]
    else:
        y = F.scaled_dot_product_attention(fixed, *((root, fixed) if name == "key" else (fixed, root)), mask)
    for create_graph in (False, True):
        (slope,) = tg.autograd.grad(y.square().sum(), x, create_graph=create_graph, retain_graph=True)
        assert np.isfinite(slope.detach().numpy()).all()
        assert slope[2].tolist() == [0.0] * 4


@pytest.mark.parametrize("create_graph", [False, True])
@pytest.mark.parametrize("rows", [[[0.0, 0.5], [0.2, 0.3]], [[0.0, 0.0], [0.2, 0.3]]])
def test_the_slope_of_a_row_that_is_left_out_is_zero_in_a_recorded_sweep_too(rows: Any, create_graph: bool) -> None:
    p = tg.tensor(rows, dtype=tg.float64, requires_grad=True)
    with np.errstate(all="ignore"):
        logs = p.log()
        losses = [
            F.cross_entropy(logs, tg.tensor([-100, 1])),
            F.cross_entropy(logs, tg.tensor([-100, 1]), reduction="sum"),
            tg.where(tg.tensor([True, False]), 0.0, logs.log_softmax(-1)[:, 0]).sum(),
        ]
    for loss in losses:
        (slope,) = tg.autograd.grad(loss, p, create_graph=create_graph, retain_graph=True)
        assert slope[0].tolist() == [0.0, 0.0]
        assert np.isfinite(slope.detach().numpy()).all()


@pytest.mark.parametrize(
    ("f", "at", "value", "slope"),
    [
        (lambda x: tg.logsumexp(x, 0), [inf, 0.0, 1.0], inf, [1.0, 0.0, 0.0]),
        (lambda x: tg.logsumexp(x, 0), [inf, inf, 1.0], inf, [0.5, 0.5, 0.0]),
        (lambda x: tg.logsumexp(x, 0), [inf, nan, 1.0], nan, [nan, nan, nan]),
        (lambda x: tg.logsumexp(x, 0), [-inf, 1.0, 1.0], 1 + np.log(2), [0.0, 0.5, 0.5]),
        (lambda x: tg.logsumexp(x, 0), [-inf, -inf], -inf, [nan, nan]),
        (lambda x: tg.logaddexp(x[0], x[1]), [inf, 0.0], inf, [1.0, 0.0]),
        (lambda x: tg.logaddexp(x[0], x[1]), [-inf, 0.0], 0.0, [0.0, 1.0]),
        (lambda x: tg.log_softmax(x, 0)[0], [inf, 0.0, 1.0], nan, [nan, nan, nan]),
        (lambda x: tg.softmax(x, 0)[0], [inf, 0.0, 1.0], nan, [nan, nan, nan]),
        (lambda x: tg.softmax(x, 0)[1], [-inf, 0.0, 0.0], 0.5, [0.0, 0.25, -0.25]),
        (lambda x: F.cross_entropy(x[None], tg.tensor([0])), [inf, 0.0, 1.0], nan, [nan, nan, nan]),
        (lambda x: F.cross_entropy(x, tg.tensor(0)), [inf, 0.0, 1.0], nan, [nan, nan, nan]),
        (lambda x: F.cross_entropy(x[None], tg.tensor([1])), [-inf, 0.0, 0.0], np.log(2), [0.0, -0.5, 0.5]),
    ],
)
def test_at_infinities_value_and_slope_are_both_the_limit_or_both_nan(
    f: Function, at: Any, value: float, slope: Any
) -> None:
    x = tg.tensor(at, dtype=tg.float64, requires_grad=True)
    with np.errstate(all="ignore"):
        y = f(x)
    y.backward()
    np.testing.assert_allclose(y.item(), value)
    np.testing.assert_allclose(x.grad.numpy(), slope, atol=1e-15)


@pytest.mark.parametrize("create_graph", [False, True])
def test_a_sweep_warns_of_nothing(create_graph: bool) -> None:
    x = tg.tensor([0.0, 1.0], requires_grad=True)  # warnings are errors
    y = x.sqrt()[1:].sum()
    assert tg.autograd.grad(y, x, create_graph=create_graph, retain_graph=True)[0].tolist() == [0.0, 0.5]
    assert tg.autograd.jvp(y, x, tg.ones(2))[0].item() == 0.5
    assert tg.autograd.grad(x.sqrt().sum(), x)[0].tolist() == [np.inf, 0.5]


@pytest.mark.parametrize("f", [tg.maximum, tg.minimum])
def test_a_zero_of_a_choice_is_exact_beside_an_infinite_slope(f: Function) -> None:
    sign = 1 if f is tg.maximum else -1
    x = tg.tensor([2.0 * sign, 0.0, -1.0 * sign, nan], dtype=tg.float64, requires_grad=True)
    f(x, tg.zeros(4, dtype=tg.float64)).abs().sqrt()[[0, 2]].sum().backward()
    np.testing.assert_array_equal(x.grad.numpy(), [sign * 0.5 / np.sqrt(2), 0.0, 0.0, 0.0])


OF_MATRICES: dict[str, Callable[[tg.Tensor], Any]] = {
    "inv": tg.linalg.inv,
    "solve": lambda a: tg.linalg.solve(a, tg.eye(2, dtype=a.dtype)),
    "solve_triangular": lambda a: tg.linalg.solve_triangular(a, tg.eye(2, dtype=a.dtype), upper=True),
    "det": tg.linalg.det,
    "slogdet": tg.linalg.slogdet,
    "qr": tg.linalg.qr,
    "qr, complete": lambda a: tg.linalg.qr(a[:, :1], mode="complete"),
    "svdvals": tg.linalg.svdvals,
    "pinv": tg.linalg.pinv,
    "eigvalsh": lambda a: tg.linalg.eigvalsh(a + a.mT),
    "cond": tg.linalg.cond,
    "power": lambda a: tg.linalg.matrix_power(a, -2),
}


@pytest.mark.parametrize("value", [nan, inf])
@pytest.mark.parametrize("name", OF_MATRICES)
def test_of_a_matrix_nan_shows_or_has_no_influence_and_infinity_has_a_limit(name: str, value: float) -> None:
    def results(matrix: list[list[float]], i: int, j: int, element: float) -> np.ndarray:
        a = tg.tensor(matrix, dtype=tg.float64)
        a[i, j] = element
        found = OF_MATRICES[name](a)
        return np.concatenate([t.numpy().ravel() for t in (found if isinstance(found, tuple) else (found,))])

    for matrix in (
        [[2.0, 1.0], [1.0, 0.0]],
        [[1.0, 0.0], [0.0, 1.0]],
        [[0.0, 1.0], [1.0, 0.0]],
        [[1.0, 2.0], [3.0, 4.0]],
    ):
        for i, j in itertools.product(range(2), repeat=2):
            try:
                others = [results(matrix, i, j, x) for x in ((1.75, -2.25) if np.isnan(value) else (1e8,))]
            except tg.linalg.LinAlgError:
                continue
            found = results(matrix, i, j, value)
            for other in others:
                known = np.isfinite(found)
                np.testing.assert_allclose(found[known], other[known], atol=1e-6, err_msg=f"{matrix} at {i, j}")


def test_the_mode_counts_each_nan_for_itself() -> None:
    for row, expected in {(nan, nan, 1.0): 1.0, (nan, 2.0, nan, 2.0): 2.0, (nan,): nan, (2.0, 1.0, nan): 1.0}.items():
        np.testing.assert_equal(tg.tensor(row).mode().values.item(), expected)


def test_a_bound_that_is_nan_is_not_dropped() -> None:
    y = tg.clamp(tg.ones(2), tg.tensor([nan, 0.0]), tg.tensor([2.0, nan]))
    assert y.isnan().all()
    assert tg.clamp(tg.ones(2), nan, tg.ones(2)).isnan().all()


@pytest.mark.parametrize("loss", [F.huber_loss, F.smooth_l1_loss])
def test_a_loss_that_is_a_square_bends_also_where_it_is_zero(loss: Function) -> None:
    x = tg.ones(2, dtype=tg.float64, requires_grad=True)
    (g,) = tg.autograd.grad(loss(x, tg.ones(2, dtype=tg.float64), reduction="sum"), x, create_graph=True)
    assert tg.autograd.grad(g.sum(), x)[0].tolist() == [1.0, 1.0]


OUTSIDE = {
    "log": -1.0,
    "log1p": -2.0,
    "log2": -1.0,
    "log10": -1.0,
    "sqrt": -1.0,
    "rsqrt": -1.0,
    "asin": 2.0,
    "acos": -2.0,
    "acosh": 0.5,
    "atanh": 2.0,
    "erfinv": 2.0,
    "special.ndtri": 2.0,
    "logit": 2.0,
    "sin": inf,
    "cos": inf,
    "tan": inf,
}


@pytest.mark.parametrize("name", OUTSIDE)
def test_outside_of_its_domain_a_function_has_no_slope_of_any_order(name: str) -> None:
    inner = {"sin": 0.5, "cos": 0.5, "tan": 0.5, "acosh": 1.5}.get(name, 0.5)
    x = tg.tensor([OUTSIDE[name], inner], dtype=tg.float64, requires_grad=True)
    with np.errstate(all="ignore"):
        y = operator.attrgetter(name)(tg)(x)
        for _ in range(3):
            assert np.isnan(y.detach().numpy()).tolist() == [True, False]
            (y,) = tg.autograd.grad(y.sum(), x, create_graph=True)
        behind = tg.where(x == inner, operator.attrgetter(name)(tg)(x), 0.0).sum()
    assert np.isfinite(tg.autograd.grad(behind, x)[0].numpy()).all()
