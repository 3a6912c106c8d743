"""Regularisers: penalties with their gradients, proximal steps against closed forms and against what they minimise."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from hypothesis import given, strategies as st
from hypothesis.extra import numpy as hnp

import tensorgrad as tg
from tensorgrad import nn, optim
from tensorgrad.errors import InPlaceError
from tensorgrad.optim.regularizers import L1, L2, LInf, MaxNorm, Regularizer
from tensorgrad.testing import gradcheck, gradgradcheck

WITHOUT_TORCH = "PyTorch is not installed: a comparison with it, side by side, is left out"
RNG = np.random.default_rng
Array = np.ndarray

VALUES: dict[type[Regularizer], Callable[[Array], float]] = {
    L1: lambda w: np.abs(w).sum(),
    L2: lambda w: (w**2).sum() / 2,
    LInf: lambda w: np.abs(w).max(),
}
KINDS = list(VALUES)
weights = hnp.arrays(np.float64, st.tuples(st.integers(1, 4), st.integers(1, 4)), elements=st.floats(-10, 10, width=32))


def leaf(values: Any, dtype: Any = tg.float64) -> tg.Tensor:
    return tg.tensor(values, dtype=dtype, requires_grad=True)


# --- penalties --------------------------------------------------------------------------------------------------------


@given(w=weights, v=weights, lambd=st.floats(0, 3))
@pytest.mark.parametrize("kind", KINDS)
def test_a_penalty_is_the_sum_of_the_norms_of_the_weights_and_leaves_biases_alone(
    kind: Any, w: Array, v: Array, lambd: float
) -> None:
    found = kind(lambd, proximal=False).penalty([leaf(w), leaf([1e6]), leaf(v)])
    assert found.shape == ()
    assert found.item() == pytest.approx(lambd * (VALUES[kind](w) + VALUES[kind](v)), rel=1e-12, abs=1e-300)


@pytest.mark.parametrize("kind", KINDS)
def test_the_gradient_of_a_penalty_is_right_to_second_order(kind: Any) -> None:
    w, v = (tg.tensor(RNG(i).permutation(12).reshape(3, 4) - 5.3, requires_grad=True) for i in (1, 2))
    regularizer = kind(0.3, proximal=False)
    assert gradcheck(lambda a, b: regularizer.penalty([a, b]), (w, v))
    assert gradgradcheck(lambda a, b: regularizer.penalty([a, b]) ** 2, (w, v))


def test_the_gradients_are_those_of_the_chapter() -> None:
    values = np.array([[3.0, -3.0], [0.0, 1.0]])
    wanted = {L1: np.sign(values), L2: values, LInf: np.array([[0.5, -0.5], [0.0, 0.0]])}
    for kind, slope in wanted.items():
        w = leaf(values)
        kind(0.1, proximal=False).penalty([w]).backward()
        np.testing.assert_allclose(w.grad.numpy(), 0.1 * slope, rtol=1e-15, equal_nan=False)


@pytest.mark.parametrize("kind", [L1, L2])
def test_the_gradient_is_pytorchs(kind: Any) -> None:
    torch = pytest.importorskip("torch", reason=WITHOUT_TORCH)
    values = RNG(3).normal(size=(4, 5))
    w, theirs = leaf(values), torch.tensor(values, requires_grad=True)
    kind(0.2, proximal=False).penalty([w]).backward()
    (0.2 * (theirs.abs().sum() if kind is L1 else theirs.square().sum() / 2)).backward()
    np.testing.assert_allclose(w.grad.numpy(), theirs.grad.numpy(), rtol=1e-14, equal_nan=False)


def test_the_l2_penalty_is_the_weight_decay_of_the_optimizer() -> None:
    ends = []
    for decay, penalty in ((0.1, 0.0), (0.0, 0.1)):
        w = leaf(RNG(4).normal(size=(2, 3)))
        optimizer = optim.SGD([w], lr=0.3, weight_decay=decay)
        for _ in range(5):
            optimizer.zero_grad()
            ((w - 1) ** 2).sum().add(L2(penalty).penalty([w])).backward()
            optimizer.step()
        ends.append(w.detach().numpy())
    np.testing.assert_allclose(ends[0], ends[1], rtol=1e-13, equal_nan=False)


def test_a_proximal_regularizer_reports_its_value_without_a_gradient() -> None:
    w = leaf([[2.0, -1.0]])
    for regularizer, value in ((L1(0.5), 1.5), (L2(1.0, proximal=True), 2.5), (MaxNorm(1.0), 0.0)):
        found = regularizer.penalty([w])
        assert (found.item(), found.requires_grad, found.dtype) == (value, False, tg.float64)
        before = w.grad
        (w.sum() + found).backward()
        assert w.grad.tolist() == (tg.ones(1, 2) if before is None else before + 0).tolist()
        w.grad = None


def test_a_penalty_by_gradient_makes_no_step() -> None:
    w = leaf([[2.0, -1.0]])
    for regularizer in (L1(0.5, proximal=False), L2(0.5), LInf(0.5)):
        regularizer.apply_([w], lr=1.0)
        assert w.tolist() == [[2.0, -1.0]]


# --- proximal steps ---------------------------------------------------------------------------------------------------


@given(w=weights, lambd=st.floats(0, 3), lr=st.floats(0, 3))
def test_the_soft_threshold_is_its_closed_form_and_makes_exact_zeros(w: Array, lambd: float, lr: float) -> None:
    x = leaf(w)
    L1(lambd).apply_([x], lr)
    found, t = x.detach().numpy(), lr * lambd
    np.testing.assert_allclose(found, np.sign(w) * np.maximum(np.abs(w) - t, 0), rtol=0, atol=1e-14)
    assert (found[np.abs(w) <= t] == 0).all()
    assert (found[np.abs(w) > t] != 0).all()


@given(w=weights, lambd=st.floats(0, 3), lr=st.floats(0, 3))
def test_the_proximal_step_of_l2_divides(w: Array, lambd: float, lr: float) -> None:
    x = leaf(w)
    L2(lambd, proximal=True).apply_([x], lr)
    np.testing.assert_allclose(x.detach().numpy(), w / (1 + lr * lambd), rtol=1e-15)


@given(w=weights, amount=st.floats(0, 30))
def test_the_proximal_step_of_linf_takes_off_the_tops(w: Array, amount: float) -> None:
    x = leaf(w)
    LInf(amount, proximal=True).apply_([x], 1.0)
    found = x.detach().numpy()
    level = np.abs(found).max()
    np.testing.assert_allclose(found, np.clip(w, -level, level), atol=1e-12)
    taken = (np.abs(w) - np.abs(found)).sum()
    if np.abs(w).sum() <= amount:
        assert level == pytest.approx(0, abs=1e-12)
    else:
        assert taken == pytest.approx(amount, rel=1e-9, abs=1e-9)


@given(w=weights, lambd=st.floats(0.01, 3), lr=st.floats(0.01, 3), seed=st.integers(0, 9))
@pytest.mark.parametrize("kind", KINDS)
def test_no_point_is_better_than_where_the_proximal_step_leads(
    kind: Any, w: Array, lambd: float, lr: float, seed: int
) -> None:
    x = leaf(w)
    kind(lambd, proximal=True).apply_([x], lr)

    def cost(v: Array) -> float:
        return float(((v - w) ** 2).sum() / 2 + lr * lambd * VALUES[kind](v))

    found = x.detach().numpy()
    lowest = cost(found)
    rng = RNG(seed)
    others = [found + rng.normal(size=w.shape) * scale for scale in (1e-6, 1e-3, 0.1, 1.0, 5.0)]
    others += [w, np.zeros_like(w), np.sign(w) * np.abs(found).max(), found * 0.9, found * 1.1]
    assert all(cost(v) >= lowest - 1e-11 * (1 + lowest) for v in others)


@given(w=weights, bound=st.floats(0.1, 5))
def test_max_norm_projects_each_row_on_the_ball(w: Array, bound: float) -> None:
    x = leaf(w)
    MaxNorm(bound).apply_([x])
    found = x.detach().numpy()
    lengths = np.linalg.norm(w, axis=1)
    assert (np.linalg.norm(found, axis=1) <= bound * (1 + 1e-14)).all()
    np.testing.assert_array_equal(found[lengths <= bound * (1 - 1e-14)], w[lengths <= bound * (1 - 1e-14)])
    np.testing.assert_allclose(
        found * lengths[:, None], w * np.minimum(lengths, bound)[:, None], rtol=1e-12, atol=1e-12
    )
    again = leaf(found)
    MaxNorm(bound).apply_([again])
    np.testing.assert_allclose(again.detach().numpy(), found, rtol=1e-14)


def test_max_norm_takes_everything_behind_the_first_axis_as_one_units_weights() -> None:
    torch = pytest.importorskip("torch", reason=WITHOUT_TORCH)
    values = RNG(5).normal(size=(4, 2, 3, 3))
    x = leaf(values)
    MaxNorm(1.5).apply_([x])
    np.testing.assert_allclose(x.detach().numpy(), torch.renorm(torch.tensor(values), 2, 0, 1.5).numpy(), rtol=1e-6)
    huge = tg.full((1, 2), 3e38, requires_grad=True)
    MaxNorm(1.0).apply_([huge])
    assert huge.tolist()[0] == pytest.approx([math.sqrt(0.5)] * 2, rel=1e-6)


@pytest.mark.parametrize("dtype", [tg.float16, tg.float32, tg.float64])
@pytest.mark.parametrize("make", [L1, *(lambda x, k=k: k(x, proximal=True) for k in (L2, LInf)), MaxNorm])
def test_a_step_keeps_dtype_shape_memory_and_what_is_not_finite(make: Any, dtype: Any) -> None:
    w = tg.tensor([[1.0, -2.0], [0.25, math.nan]], dtype=dtype, requires_grad=True)
    array = w.array
    make(0.5).apply_([w], 0.5)
    assert w.array is array
    assert (w.dtype, w.requires_grad, w.is_leaf) == (dtype, True, True)
    if make is L1:
        assert w.tolist()[0] == [0.75, -1.75]
        assert math.isnan(w.tolist()[1][1])


def test_a_step_on_a_saved_value_is_noticed_by_backward() -> None:
    w = leaf([[1.0, 2.0]])
    y = (w * w).sum()
    L1(0.5).apply_([w], 0.1)
    with pytest.raises(InPlaceError):
        y.backward()


# --- selection --------------------------------------------------------------------------------------------------------


def test_the_parameters_are_chosen_by_a_predicate() -> None:
    net = nn.Linear(2, 3).double()
    before = net.bias.tolist()
    L1(100.0).apply_(net.parameters(), 1.0)
    assert (net.weight.tolist(), net.bias.tolist()) == ([[0.0, 0.0]] * 3, before)
    L1(100.0, select=lambda p: p.ndim == 1).apply_(net.parameters(), 1.0)
    assert net.bias.tolist() == [0.0] * 3
    alone = leaf([[3.0]])
    assert L2(2.0).penalty(alone).item() == 9.0


def test_an_iterator_that_is_used_up_is_refused() -> None:
    parameters = nn.Linear(2, 3).parameters()
    L2(0.1).penalty(parameters)
    with pytest.raises(ValueError, match=r"^L2: none of 0 parameters is selected: pass model\.parameters\(\) anew"):
        L2(0.1).penalty(parameters)
    with pytest.raises(ValueError, match="MaxNorm: none of 1 parameters is selected"):
        MaxNorm(1.0).apply_([leaf([1.0])])


@pytest.mark.parametrize("value", [-1.0, math.inf, math.nan])
def test_a_wrong_setting_is_refused(value: float) -> None:
    for kind in KINDS:
        with pytest.raises(ValueError, match="Invalid lambd value"):
            kind(value)
    with pytest.raises(ValueError, match="Invalid max_norm value"):
        MaxNorm(value)
    with pytest.raises(ValueError, match="Invalid max_norm value: 0"):
        MaxNorm(0)


def test_a_users_regularizer_defines_its_term_and_its_step() -> None:
    class Box(Regularizer):
        def term(self, w: tg.Tensor) -> tg.Tensor:
            return (w.abs() - 1).relu().sum()

        def moved(self, w: Array, lr: float) -> Array:
            return np.clip(w, -1, 1) if lr else w

    w = leaf([[2.0, -0.5]])
    Box().penalty([w]).backward()
    assert w.grad.tolist() == [[1.0, 0.0]]
    Box(proximal=True).apply_([w], 0.1)
    assert w.tolist() == [[1.0, -0.5]]
    for call in (lambda r: r.penalty([w]), lambda r: r.apply_([w], 0.1)):
        with pytest.raises(NotImplementedError):
            call(Regularizer(proximal=True))


def test_the_text_names_the_settings() -> None:
    assert [repr(r) for r in (L1(0.1), L2(0.2), LInf(1), MaxNorm(3))] == [
        "L1(lambd=0.1, proximal=True)",
        "L2(lambd=0.2, proximal=False)",
        "LInf(lambd=1, proximal=False)",
        "MaxNorm(3)",
    ]


def test_proximal_training_ends_with_the_weights_that_do_not_matter_at_zero() -> None:
    rng = RNG(6)
    x = rng.normal(size=(100, 8))
    t = tg.tensor(x[:, :2] @ np.array([[2.0], [-3.0]]) + rng.normal(size=(100, 1)) * 0.1)
    w = leaf(np.full((8, 1), 0.5))
    optimizer = optim.SGD([w], lr=0.1)
    regularizer = L1(0.2)
    for _ in range(200):
        optimizer.zero_grad()
        (((tg.tensor(x) @ w - t) ** 2).mean() + regularizer.penalty([w])).backward()
        optimizer.step()
        regularizer.apply_([w], optimizer.param_groups[0]["lr"])
    assert (w.detach().numpy()[2:] == 0).all()
    assert abs(w.detach().numpy()[:2]).min() > 1
