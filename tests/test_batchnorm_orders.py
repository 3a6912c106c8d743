"""BatchNorm's derivatives of order 1 to 4 against 60-digit arithmetic, in every mode; and the fused forms' equality.

PyTorch's fused batch_norm is wrong from order 3 (reverse) and 2 (jvp of jvp). Here the composition is differentiated.
"""

from __future__ import annotations

import itertools

import mpmath as mp
import numpy as np
import pytest
from hypothesis import given, strategies as st

import tensorgrad as tg
from tensorgrad import nn
from tensorgrad.engine.fused import fused
from tensorgrad.graph import Graph
from tensorgrad.nn.functional import classification, kernels, normalization

ORDERS = 4
EPS = 1e-2
rng = np.random.default_rng(0)
X, V, W = (rng.standard_normal((6, 3)) for _ in range(3))
GAMMA, BETA = rng.standard_normal((2, 3))


def exact() -> list[float]:
    """d^k/dt^k of sum(W * BatchNorm(X + t V)) at t = 0, k = 0..4, by mpmath's numerical derivative with 60 digits."""
    with mp.workdps(60):

        def f(t):
            total = mp.mpf(0)
            for j in range(3):
                column = [mp.mpf(X[i, j]) + t * mp.mpf(V[i, j]) for i in range(6)]
                mean = sum(column) / 6
                var = sum((c - mean) ** 2 for c in column) / 6
                root = mp.sqrt(var + mp.mpf(EPS))
                total += sum(
                    ((c - mean) / root * mp.mpf(GAMMA[j]) + mp.mpf(BETA[j])) * mp.mpf(W[i, j])
                    for i, c in enumerate(column)
                )
            return total

        return [float(mp.diff(f, 0, k)) for k in range(ORDERS + 1)]


@pytest.fixture(scope="module")
def truth() -> list[float]:
    return exact()


def layer() -> nn.BatchNorm1d:
    bn = nn.BatchNorm1d(3, eps=EPS).double()
    bn.load_state_dict({**bn.state_dict(), "weight": GAMMA, "bias": BETA})
    return bn


def reverse(y: tg.Tensor, t: tg.Tensor) -> tg.Tensor:
    return tg.autograd.grad(y, t, create_graph=True)[0]


def forward(y: tg.Tensor, t: tg.Tensor) -> tg.Tensor:
    return tg.autograd.jvp(y, t, tg.tensor(1.0, dtype=tg.float64), create_graph=True)[0]


@pytest.mark.parametrize(
    "modes",
    list(itertools.product((reverse, forward), repeat=ORDERS)),
    ids=lambda modes: "".join(mode.__name__[0] for mode in modes),
)
def test_derivatives_of_order_one_to_four_are_exact_in_every_mixture_of_modes(modes, truth):
    t = tg.tensor(0.0, dtype=tg.float64, requires_grad=True)
    y = (layer()(tg.tensor(X) + t * tg.tensor(V)) * tg.tensor(W)).sum()
    assert y.item() == pytest.approx(truth[0], rel=1e-12)
    for k, mode in enumerate(modes, start=1):
        y = mode(y, t)
        assert np.isfinite(y.item())
        assert abs(y.item() - truth[k]) <= 1e-9 * abs(truth[k]), f"order {k}"


def test_first_order_by_the_fused_form_is_exact(truth):
    t = tg.tensor(0.0, dtype=tg.float64, requires_grad=True)
    y = (layer()(tg.tensor(X) + t * tg.tensor(V)) * tg.tensor(W)).sum()
    y.backward()
    assert abs(t.grad.item() - truth[1]) <= 1e-12 * abs(truth[1])


def both(quick, composed, inputs, seed):
    """Value and gradients by the fused form, and by its composition."""
    found = []
    for run in (quick, composed):
        xs = [tg.tensor(x, requires_grad=True) for x in inputs]
        y = run(*xs)
        found.append([y.array, *(g.array for g in tg.autograd.grad(y, xs, np.broadcast_to(seed, y.shape).copy()))])
    return found


def check_fused_batch_norm(fused_form, n, d, seed, scale=1.0):
    r = np.random.default_rng(seed)
    inputs = [scale * r.standard_normal((n, d)) + 5 * scale, r.standard_normal(d), r.standard_normal(d)]
    g = r.standard_normal((n, d))
    found, composed = both(
        lambda *xs: fused_form(*xs, 1e-5)[0], lambda *xs: normalization._batch_norm(*xs, eps=1e-5), inputs, g
    )
    for a, b in zip(found, composed, strict=True):
        assert np.isfinite(a).all()
        np.testing.assert_allclose(a, b, rtol=1e-9, atol=1e-9 * max(1, 1 / scale), equal_nan=False)


@given(
    n=st.integers(2, 8), d=st.integers(1, 5), seed=st.integers(0, 2**32 - 1), scale=st.sampled_from([1e-3, 1.0, 1e3])
)
def test_fused_batch_norm_equals_its_composition(n, d, seed, scale):
    check_fused_batch_norm(normalization.standardized, n, d, seed, scale)


@given(
    n=st.integers(1, 8), c=st.integers(1, 5), seed=st.integers(0, 2**32 - 1), scale=st.sampled_from([1.0, 30.0, 1e4])
)
def test_fused_cross_entropy_equals_its_composition(n, c, seed, scale):
    r = np.random.default_rng(seed)
    x, target = scale * r.standard_normal((n, c)), r.integers(0, c, n)
    found, composed = both(
        lambda x: classification.cross_entropy(x, tg.tensor(target)),
        lambda x: classification._mean_cross_entropy(x, target=target),
        [x],
        1.5,
    )
    for a, b in zip(found, composed, strict=True):
        assert np.isfinite(a).all()
        np.testing.assert_allclose(a, b, rtol=1e-11, atol=1e-12, equal_nan=False)


@pytest.mark.parametrize("index", range(3))
def test_a_wrong_fused_adjoint_is_rejected(index):
    def wrong(g, residuals, inputs):
        right = list(kernels.batch_norm_adjoint(g, residuals, inputs))
        right[index] = right[index] * 1.001
        return tuple(right)

    mutant = fused("mutant", normalization._batch_norm, kernels.batch_norm, wrong)
    with pytest.raises(AssertionError):
        check_fused_batch_norm(lambda x, w, b, eps: mutant(x, w, b, eps=eps), 5, 3, seed=1)


def test_a_fused_node_is_expanded_before_anything_but_first_order_sees_it():
    x = tg.tensor(X, requires_grad=True)
    y = layer()(x)
    assert y.node.primitive.name == "batch_norm"
    with tg.no_grad():
        before = y.array.copy()
    operations = [node.op for node in Graph.of(y).nodes if node.operands]
    assert operations == ["mean", "sub", "pow", "mean", "add", "sqrt", "div", "mul", "mul", "add"]
    assert y.node.primitive.name == "add"
    np.testing.assert_allclose(y.array, before)
    (g,) = tg.autograd.grad(y, x, tg.tensor(W))
    assert np.isfinite(g.array).all()


def test_expanding_leaves_the_rest_of_the_graph_in_order():
    """The nodes of a composition stand between the fused node and what was recorded before it."""
    model = nn.Sequential(nn.Linear(3, 4), nn.BatchNorm1d(4), nn.ReLU(), nn.Linear(4, 3), nn.BatchNorm1d(3)).double()
    x = tg.tensor(X, requires_grad=True)
    loss = nn.CrossEntropyLoss()(model(x), tg.tensor([0, 1, 2, 0, 1, 2]))
    first = tg.autograd.grad(loss, [x, *model.parameters()], retain_graph=True)
    again = tg.autograd.grad(loss, [x, *model.parameters()], create_graph=True)
    for a, b in zip(first, again, strict=True):
        np.testing.assert_allclose(a.array, b.array, rtol=1e-9, atol=1e-12, equal_nan=False)
    serials = {}
    for index, node in enumerate(Graph.of(loss).nodes):
        for operand in node.operands:
            assert operand.source is None or operand.source in serials
        serials[index] = node


def test_a_freed_or_overwritten_fused_node_is_refused():
    x = tg.tensor(X, requires_grad=True)
    y = layer()(x).sum()
    y.backward()
    with pytest.raises(tg.errors.AutogradError, match="second time"):
        y.backward()
    y = (layer()(x) ** 2).sum()
    with tg.no_grad():
        x += 1.0
    with pytest.raises(tg.errors.InPlaceError):
        y.backward()
    with pytest.raises(tg.errors.InPlaceError):
        tg.autograd.grad(y, x, create_graph=True)


def test_a_freed_graph_can_be_drawn_and_not_differentiated():
    x = tg.tensor(X, requires_grad=True)
    y = layer()(x).sum()
    y.backward()
    assert [node.op for node in Graph.of(y).nodes if node.operands] == ["batch_norm", "sum"]
    for create_graph in (False, True):
        with pytest.raises(tg.errors.AutogradError, match="second time"):
            tg.autograd.grad(y, x, create_graph=create_graph)
    with pytest.raises(tg.errors.AutogradError, match="second time"):
        tg.autograd.jvp(y, x, tg.tensor(V))
