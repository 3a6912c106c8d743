"""Bounds of functions: over intervals of inputs, sharpened by the adjoints, and as proofs of `gradcheck`."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings, strategies as st
from mpmath import mp

import tensorgrad as tg
from tensorgrad import nn
from tensorgrad.autograd import Function
from tensorgrad.errors import ArgumentError
from tensorgrad.graph import Graph
from tensorgrad.proving.sharpening import run_of, sharpened
from tensorgrad.testing import GradcheckError, Interval, enclose, gradcheck
from tensorgrad.testing.programs import programs
from tests.exactly import DIGITS, holds, values_of


def network(layers: int, width: int) -> tuple[Any, tg.Tensor]:
    rng = np.random.default_rng(layers)
    weights = [tg.tensor(rng.normal(size=(width, width)) / width**0.5) for _ in range(layers)]

    def f(x: tg.Tensor) -> tg.Tensor:
        for w in weights:
            x = (x @ w).tanh()
        return (x * x.cos()).sum()

    return f, tg.tensor(rng.normal(size=(2, width)), requires_grad=True)


@pytest.mark.parametrize("layers", [1, 3, 6])
def test_the_exact_gradient_of_a_network_is_inside_and_sharp_bounds_are_narrower(layers: int) -> None:
    f, x = network(layers, 12)
    plain, sharp = enclose(f, x), enclose(f, x, sharp=True)
    nodes = plain.bounds.nodes
    with mp.workdps(DIGITS):
        truth = values_of(nodes)
        (leaf,) = [i for i in plain.bounds.gradients if nodes[i].argument == 0]
        exact = truth[plain.bounds.gradients[leaf]]
        value = truth[plain.bounds.outputs[0]]
        for found in (plain, sharp):
            assert found.gradients[0] is not None
            assert holds(found.gradients[0], exact)
            assert holds(found.values[0], value)
    a, b = plain.gradients[0], sharp.gradients[0]
    assert a is not None
    assert b is not None
    assert (b.width <= a.width).all()
    if layers == 6:
        assert b.width.max() * 20 < a.width.max()


@settings(max_examples=15)
@given(program=programs(3, 12, in_place=False))
def test_sharp_bounds_of_a_program_hold_the_exact_value(program: Any) -> None:
    xs = [tg.tensor(x, requires_grad=True) for x in program.leaves]
    graph = Graph.trace(lambda *xs: tg.cat([y.reshape(-1) for y in program.run("tensorgrad", *xs)]), *xs)
    run = run_of(graph)
    if run is None:
        return
    with mp.workdps(DIGITS):
        exact = values_of(graph.nodes)[graph.outputs[0]]
        for (element,), value in np.ndenumerate(exact):
            found = sharpened(run, 0, (element,))
            assert found is None or found.low <= value <= found.high


@given(
    centre=st.lists(st.floats(-2, 2), min_size=3, max_size=3),
    reach=st.sampled_from([1e-9, 1e-2, 0.5]),
    places=st.lists(st.floats(-1, 1), min_size=3, max_size=3),
)
def test_gradients_over_an_interval_hold_those_of_every_number_inside(centre, reach, places) -> None:
    def f(x: tg.Tensor) -> tg.Tensor:
        return (x.sin() * x.exp()).sum() + (x * x).mean().sqrt() * x.tanh().sum()

    low, high = np.array(centre) - reach, np.array(centre) + reach
    found = enclose(f, Interval(low, high))
    inner = np.clip(np.array(centre) + reach * np.array(places), low, high)
    exact = enclose(f, inner)
    for wide, narrow in ((found.values[0], exact.values[0]), (found.gradients[0], exact.gradients[0])):
        assert wide is not None
        assert narrow is not None
        assert (np.maximum(wide.low, narrow.low) <= np.minimum(wide.high, narrow.high)).all()  # the truth is in both
        assert wide.finite.all() or np.abs(centre).min() < 2 * reach


def test_one_interval_for_two_inputs_is_two_numbers() -> None:
    wide = Interval(1.0, 2.0)
    found = enclose(lambda x, y: x - y, wide, wide)
    assert found.values[0].contains(Interval(-1.0, 1.0))


def test_a_function_that_reads_a_value_is_refused_over_an_interval() -> None:
    def f(x: tg.Tensor) -> tg.Tensor:
        return x if x.sum() > 0 else -x

    with pytest.raises(ArgumentError, match="for one way through the function"):
        enclose(f, Interval([0.0], [1.0]))
    assert enclose(f, [0.5]).bounds.breaks


def test_what_is_not_enclosed_says_why() -> None:
    found = enclose(lambda x: tg.linalg.svd(x)[1].sum(), np.eye(2) + 0.1)
    assert not found.values[0].finite.any()
    assert any("singular vectors" in why for why in found.bounds.unknown.values())


class Cube(Function):
    factor = 3.0

    @staticmethod
    def forward(ctx: Any, x: tg.Tensor) -> tg.Tensor:
        ctx.save_for_backward(x)
        return x * x * x

    @classmethod
    def backward(cls, ctx: Any, g: tg.Tensor) -> tg.Tensor:
        (x,) = ctx.saved_tensors
        return g * cls.factor * x * x


class WrongCube(Cube):
    factor = 3.0 + 3e-6


class NumPyCube(Function):
    @staticmethod
    def forward(ctx: Any, x: tg.Tensor) -> tg.Tensor:
        ctx.save_for_backward(x)
        return tg.tensor(x.numpy() ** 3)

    @staticmethod
    def backward(ctx: Any, g: tg.Tensor) -> tg.Tensor:
        (x,) = ctx.saved_tensors
        return g * 3 * x * x


def test_gradcheck_proves_what_is_right_and_what_is_wrong() -> None:
    x = tg.tensor([0.5, -1.5], dtype=tg.float64, requires_grad=True)
    (right,) = gradcheck(Cube.apply, x).proofs
    assert (right.right, right.wrong, right.open) == (2, (), 0)
    assert "2 elements proved right" in str(right)
    report = gradcheck(WrongCube.apply, x, raise_exception=False)
    (wrong,) = report.proofs
    assert (wrong.right, len(wrong.wrong), wrong.open) == (0, 2, 0)
    assert "proved to be wrong" in str(report)
    with pytest.raises(GradcheckError):
        gradcheck(WrongCube.apply, x)
    (unknown,) = gradcheck(NumPyCube.apply, x).proofs
    assert (unknown.right, unknown.wrong, unknown.open) == (0, (), 2)
    assert unknown.why
    assert gradcheck(Cube.apply, x, prove=False).proofs == ()


def test_half_and_single_precision_are_bounded_by_the_numbers_that_they_are() -> None:
    x = tg.tensor([0.1, 0.7], dtype=tg.float32, requires_grad=True)
    bounds = Graph.trace(lambda x: (x.exp() / 3).sum(), x).bounds()
    exact = sum(np.exp(np.float64(v)) / 3 for v in x.tolist())
    assert bounds["out"].distance(exact) < 1e-14
    assert 0 < bounds.error("out") < 1e-6
    assert bounds.digits_lost("out") < 1


def test_digits_are_lost_where_numbers_cancel() -> None:
    x = tg.tensor(1e-8, dtype=tg.float64, requires_grad=True)
    bounds = Graph.trace(lambda x: (1 - x.cos()) / (x * x), x).bounds()
    assert bounds.digits_lost("out") > 14
    assert "digits lost" in bounds.text()


def test_a_batch_norm_is_bounded_near_its_true_error() -> None:
    rng = np.random.default_rng(0)
    bn = nn.BatchNorm1d(10).double()
    x, w = tg.tensor(rng.normal(size=(64, 10)) + 3, requires_grad=True), tg.tensor(rng.normal(size=(64, 10)))
    bounds = Graph.trace(lambda x: (bn(x) * w).sum(), x).bounds()
    with mp.workdps(DIGITS):
        truth = values_of(bounds.nodes)
        for index in bounds.gradients.values():
            value = bounds.nodes[index].value
            assert value is not None
            assert holds(bounds[index], truth[index])
            error = max(abs(mp.mpf(float(v)) - t) for v, t in zip(value.ravel(), truth[index].ravel(), strict=True))
            assert bounds.error(index) < 1e4 * error
