"""vmap: its axes, what it refuses, and its gradients; the rules for batches have tests of their own."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import pytest

import tensorgrad as tg
from tensorgrad.autograd.careful import reverse
from tensorgrad.errors import AutogradError
from tensorgrad.func import vmap
from tests.doubles import close, double, values


def test_vmap_without_an_axis_takes_the_argument_as_it_is():
    xs = double([[1.0, 2.0], [3.0, 4.0]])
    found = vmap(lambda x, c, *, flag: (x * c["k"], c["n"] if flag else None), (0, None), (0, None))(
        xs, {"k": double([1.0, 10.0]), "n": 7}, flag=True
    )
    close(found[0], [[1.0, 20.0], [3.0, 40.0]])
    assert found[1] == 7


def test_vmap_counts_axes_from_the_end_too():
    xs = double([[1.0, 2.0, 3.0], [4.0, 5.0, 6.0]])
    close(vmap(lambda x: x[0] - x, -1, -1)(xs), [[0.0, 0.0, 0.0], [-3.0, -3.0, -3.0]])


@pytest.mark.filterwarnings("ignore:.*one after the other")
def test_vmap_takes_branches_that_depend_on_the_data():
    found = vmap(lambda x: x.exp() if x > 0 else x)(double([1.0, -1.0]))
    close(found, [math.e, -1.0])


@pytest.mark.filterwarnings("ignore:.*one after the other")
def test_vmap_works_on_copies_of_the_examples():
    xs = double([[1.0, 2.0], [3.0, 4.0]])
    close(vmap(lambda x: x.mul_(2))(xs), [[2.0, 4.0], [6.0, 8.0]])
    close(xs, [[1.0, 2.0], [3.0, 4.0]])


def test_vmap_records_or_not_as_the_mode_says():
    xs = double([[1.0, 2.0]], requires_grad=True)
    with tg.no_grad():
        assert not vmap(lambda x: x * 2)(xs).requires_grad
    vmap(lambda x: x * x)(xs).sum().backward()
    close(xs.grad, [[2.0, 4.0]])


def test_the_cost_of_taking_a_batch_apart_grows_little_faster_than_the_batch():
    def elements_filled(n: int) -> int:
        xs = tg.zeros(n, 4, requires_grad=True)
        ys = vmap(lambda x: x * 2)(xs)
        edges: list[Any] = []
        reverse({ys.node: np.ones(ys.shape, np.float32)}, edges=edges)
        return sum(np.size(g) for _, _, g in edges)

    assert elements_filled(256) < 8 * 2 * elements_filled(32)  # linear would be 8; one full array per example 64


def test_randomness_is_refused_shared_or_independent():
    xs = tg.zeros(3)

    def noisy(x: tg.Tensor) -> tg.Tensor:
        return x + tg.randn(1)[0]

    with pytest.raises(AutogradError, match="called random operation while in randomness error mode"):
        vmap(noisy)(xs)
    close(vmap(lambda x: x * 2)(xs), np.zeros(3, np.float32))
    tg.manual_seed(5)
    same = values(vmap(noisy, randomness="same")(xs))
    after = tg.randn(1).item()
    tg.manual_seed(5)
    first, second, third = tg.randn(1).item(), tg.randn(1).item(), tg.randn(1).item()
    assert same.tolist() == [np.float32(first)] * 3
    assert after == second, "the generator goes on as after one example"
    tg.manual_seed(5)
    assert values(vmap(noisy, randomness="different")(xs)).tolist() == [first, second, third]
