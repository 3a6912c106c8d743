"""nn.utils: clipped gradients, parameters as a vector, padded sequences."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import pytest
from hypothesis import given, strategies as st

import tensorgrad as tg
from tensorgrad import nn
from tensorgrad.nn import utils
from tests.peer import close, same_call, torch_

RNG = np.random.default_rng
SHAPES = [(3, 2), (4,), (), (0, 2)]


def parameters(lib: Any, factor: float = 1.0) -> list[Any]:
    """Parameters with gradients, and one without."""
    held = [lib.nn.Parameter(lib.tensor(RNG(i).normal(size=shape))) for i, shape in enumerate(SHAPES)]
    for i, p in enumerate(held):
        p.grad = lib.tensor(RNG(10 + i).normal(size=SHAPES[i]) * factor)
    return [*held, lib.nn.Parameter(lib.ones(2))]


@pytest.mark.parametrize("norm_type", [2.0, 1.0, 3.5, math.inf, -math.inf, 0.0, "inf"])
@pytest.mark.parametrize("max_norm", [0.5, 100.0])
def test_gradients_are_clipped_to_a_norm_as_pytorchs_are(norm_type: Any, max_norm: float) -> None:
    torch = torch_()
    ours, theirs = parameters(tg)[:3], parameters(torch)[:3]
    found = utils.clip_grad_norm_(ours, max_norm, norm_type=norm_type)
    close(found, torch.nn.utils.clip_grad_norm_(theirs, max_norm, norm_type=norm_type))
    for p, q in zip(ours, theirs, strict=True):
        close(p.grad, q.grad)


@given(st.floats(0.01, 10), st.sampled_from([1.0, 2.0, math.inf]))
def test_the_clipped_norm_is_the_bound_or_what_it_was(bound: float, norm_type: float) -> None:
    held = parameters(tg)
    before = [p.grad.numpy().copy() for p in held[:-1]]
    total = utils.clip_grad_norm_(iter(held), bound, norm_type).item()
    close(np.array(total), np.linalg.norm(np.concatenate([g.ravel() for g in before]), norm_type))
    after = utils.get_total_norm([p.grad for p in held[:-1]], norm_type).item()
    assert after <= bound
    assert abs(after - min(bound, total)) < 1e-5
    if total < bound:
        for p, g in zip(held, before, strict=False):
            np.testing.assert_array_equal(p.grad.numpy(), g)
    assert held[-1].grad is None


def test_a_norm_that_is_not_finite_is_refused_where_that_is_asked_for() -> None:
    p = tg.ones(2, requires_grad=True)
    p.grad = tg.tensor([1.0, math.inf])
    with pytest.raises(
        RuntimeError, match=r"The total norm of order 2.0 for gradients from `parameters` is non-finite"
    ):
        utils.clip_grad_norm_(p, 1.0, error_if_nonfinite=True)
    assert p.grad.tolist() == [1.0, math.inf]
    assert utils.clip_grad_norm_(p, 1.0).item() == math.inf


def test_a_norm_whose_squares_overflow_is_right() -> None:
    big = tg.tensor([3e30, 4e30])
    assert utils.get_total_norm([big]).dtype == tg.float32
    assert abs(utils.get_total_norm([big]).item() / 5e30 - 1) < 1e-6
    assert utils.get_total_norm([]).item() == 0.0
    assert utils.clip_grad_norm_([], 1.0).item() == 0.0


def test_gradients_are_clipped_to_a_range() -> None:
    held = parameters(tg)
    wanted = [np.clip(p.grad.numpy(), -0.3, 0.3) for p in held[:-1]]
    utils.clip_grad_value_(held, 0.3)
    for p, g in zip(held, wanted, strict=False):
        close(p.grad, g)
    single = tg.ones(2, requires_grad=True)
    single.grad = tg.tensor([3.0, -4.0])
    utils.clip_grad_value_(single, 1)
    assert single.grad.tolist() == [1.0, -1.0]


def test_parameters_go_to_a_vector_and_back() -> None:
    source, target = nn.Linear(3, 2), nn.Linear(3, 2)
    vector = utils.parameters_to_vector(source.parameters())
    assert vector.shape == (8,)
    (vector * tg.arange(8.0)).sum().backward()
    assert source.bias.grad.tolist() == [6.0, 7.0]
    before = list(target.parameters())
    utils.vector_to_parameters(vector.detach(), target.parameters())
    for p, q, known in zip(source.parameters(), target.parameters(), before, strict=True):
        assert q is known
        assert q.requires_grad
        np.testing.assert_array_equal(p.detach().numpy(), q.detach().numpy())
    close(target(tg.ones(1, 3)), source(tg.ones(1, 3)))


def test_a_vector_that_is_too_short_changes_nothing() -> None:
    layer = nn.Linear(2, 2)
    before = layer.weight.tolist()
    with pytest.raises(RuntimeError, match=r"shape '\[6\]' is invalid for input of size 5"):
        utils.vector_to_parameters(tg.zeros(5), layer.parameters())
    with pytest.raises(TypeError, match="expected Tensor, but got: list"):
        utils.vector_to_parameters([1.0], layer.parameters())
    assert layer.weight.tolist() == before


@pytest.mark.parametrize("batch_first", [True, False])
@pytest.mark.parametrize("side", ["right", "left"])
@pytest.mark.parametrize("after", [(), (2,)])
def test_padded_sequences_are_pytorchs(batch_first: bool, side: str, after: tuple[int, ...]) -> None:
    arrays = [RNG(i).normal(size=(n, *after)) for i, n in enumerate([3, 1, 4])]
    same_call(
        lambda lib, *xs: lib.nn.utils.rnn.pad_sequence(list(xs), batch_first, padding_value=-1.0, padding_side=side),
        *arrays,
    )


@given(st.lists(st.integers(1, 4), min_size=1, max_size=4), st.booleans())
def test_unpadding_gives_the_sequences_back(lengths: list[int], batch_first: bool) -> None:
    sequences = [tg.tensor(RNG(i).normal(size=(n, 2))) for i, n in enumerate(lengths)]
    padded = utils.rnn.pad_sequence(sequences, batch_first)
    for x, y in zip(utils.rnn.unpad_sequence(padded, tg.tensor(lengths), batch_first), sequences, strict=True):
        np.testing.assert_array_equal(x.numpy(), y.numpy())


def test_sequences_that_cannot_be_padded_are_refused() -> None:
    with pytest.raises(RuntimeError, match="Expected iterable for input sequences"):
        utils.rnn.pad_sequence(3)
    with pytest.raises(RuntimeError, match="padding_side should be one of 'right' or 'left'"):
        utils.rnn.pad_sequence([tg.ones(1)], padding_side="top")
    with pytest.raises(RuntimeError, match="empty list of sequences"):
        utils.rnn.pad_sequence([])
    with pytest.raises(RuntimeError, match="may differ in their first axis only"):
        utils.rnn.pad_sequence([tg.ones(2, 3), tg.ones(2, 4)])


@pytest.mark.parametrize(
    "clip",
    [
        lambda p: utils.clip_grad_norm_(p, 1.0),
        lambda p: utils.clip_grad_value_(p, 1.0),
        lambda p: utils.clip_grads_with_norm_(p, 1.0, tg.tensor(2.0)),
    ],
)
def test_parameters_that_were_gone_through_already_are_not_clipped_in_silence(clip: Any) -> None:
    module = tg.nn.Linear(2, 1)
    module(tg.ones(1, 2)).sum().backward()
    spent = module.parameters()
    list(spent)
    with pytest.warns(UserWarning, match="no gradient clipping will occur") as told:
        clip(spent)
    assert told[0].filename == __file__
    clip([])
    clip(module.parameters())
