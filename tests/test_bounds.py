"""Intervals hold the exact value: of every primitive, of points and of wide arguments, and of whole random programs."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest
from hypothesis import given, settings, strategies as st
from mpmath import mp

import tensorgrad as tg
from tensorgrad.bounds import Interval
from tensorgrad.bounds.interval import between, point
from tensorgrad.bounds.table import UNENCLOSED, enclosure
from tensorgrad.engine.primitive import PRIMITIVES
from tensorgrad.graph import Graph
from tensorgrad.testing.programs import programs
from tests.cases import Drawn, case
from tests.exactly import DIGITS, ELEMENTWISE, WITH_PARAMETERS, exact, holds, lifted, values_of

PRIMITIVES.complete()
ENCLOSED = sorted(set(PRIMITIVES.data) - set(UNENCLOSED))


def of(name: str) -> Callable[..., Interval]:
    """The enclosure of a primitive, which leaves it to its callers to silence NumPy."""
    made = enclosure(PRIMITIVES[name])
    assert made is not None
    return np.errstate(all="ignore")(made)


def test_every_primitive_has_an_enclosure_or_a_reason_and_an_exact_value() -> None:
    assert all(enclosure(PRIMITIVES[name]) for name in ENCLOSED)
    assert not any(enclosure(PRIMITIVES[name]) for name in UNENCLOSED)
    assert set(ENCLOSED) == set(ELEMENTWISE) | set(WITH_PARAMETERS)


@pytest.mark.parametrize("name", ENCLOSED)
@given(data=st.data())
def test_the_exact_value_of_a_point_is_inside_and_bounded(name: str, data: st.DataObject) -> None:
    arrays, params = case(PRIMITIVES[name], Drawn(data))
    made = of(name)
    found = made(*map(point, arrays), **params)
    with mp.workdps(DIGITS):
        truth = exact(name, [lifted(a) for a in arrays], params)
        assert holds(found, truth)
    assert found.finite.all() or name == "mean"  # of nothing
    sizes = np.maximum(np.abs(found.low.astype(float)), 1)
    assert (found.width <= 1e-11 * sizes).all()


@pytest.mark.parametrize("name", ENCLOSED)
@given(data=st.data(), wide=st.sampled_from([1e-13, 1e-3, 0.3, 5.0]), seed=st.integers(0, 2**32 - 1))
def test_the_exact_value_of_what_is_inside_is_inside(name: str, data: st.DataObject, wide: float, seed: int) -> None:
    arrays, params = case(PRIMITIVES[name], Drawn(data))
    rng = np.random.default_rng(seed)
    given_, inner = [], []
    for a in arrays:
        if a.dtype.kind != "f":
            maybe = rng.random(a.shape) < 0.5
            given_.append(between(a & ~maybe, a | maybe))
            inner.append(np.where(maybe, rng.random(a.shape) < 0.5, a))
            continue
        low, high = (a + sign * wide * rng.random(a.shape) for sign in (-1, 1))
        given_.append(between(low, high))
        inner.append(np.clip(low + (high - low) * rng.choice([0.0, 1.0, rng.random()], a.shape), low, high))
    if name == "ties":
        top = np.max(inner[0], **params)
        given_[1] = between(np.minimum(given_[1].low, top), np.maximum(given_[1].high, top))
        inner[1] = top
    made = of(name)
    found = made(*given_, **params)
    with mp.workdps(DIGITS):
        try:
            truth = exact(name, [lifted(a) for a in inner], params)
        except (ZeroDivisionError, ValueError, OverflowError):
            return  # it has no value there
        assert holds(found, truth)


@settings(max_examples=40)
@given(program=programs(3, 25, in_place=False))
def test_every_value_and_gradient_of_a_program_is_inside(program) -> None:
    xs = [tg.tensor(x, requires_grad=True) for x in program.leaves]
    graph = Graph.trace(lambda *xs: tg.cat([y.reshape(-1) for y in program.run("tensorgrad", *xs)]), *xs)
    bounds = graph.bounds()
    with mp.workdps(DIGITS):
        for node, found, truth in zip(bounds.nodes, bounds, values_of(bounds.nodes), strict=True):
            assert holds(found, truth), node.op


@given(
    ends=st.lists(st.integers(-30, 30).map(lambda v: v / 10), min_size=2, max_size=2).map(sorted),
    part=st.floats(0, 1),
    n=st.integers(-4, 5),
)
def test_whole_powers_of_an_interval_with_either_sign(ends: list[float], part: float, n: int) -> None:
    made = of("pow")
    x = min(max(ends[0] + part * (ends[1] - ends[0]), ends[0]), ends[1])
    found = made(Interval(*ends), point(float(n)))
    with mp.workdps(DIGITS):
        assert (x == 0 and n < 0) or found.low <= mp.mpf(x) ** n <= found.high
    assert found.finite.all() == (n >= 0 or ends[0] > 0 or ends[1] < 0)


def test_a_number_that_has_no_place_among_whole_ones_is_not_bounded() -> None:
    made = of("astype")
    assert made(Interval(-1.5, 2.5), dtype=np.dtype(np.int64)).contains([-1])
    assert not made(Interval(0.0, 1e30), dtype=np.dtype(np.int64)).finite.any()


def test_equal_elements_share_a_gradient_as_exactly_as_there_is_a_number_for_it() -> None:
    x = tg.tensor([0.5, 0.5, 0.5, 0.25], dtype=tg.float64, requires_grad=True)
    bounds = Graph.trace(lambda x: x.amax(), x).bounds()
    with mp.workdps(DIGITS):
        assert all(holds(found, t) for found, t in zip(bounds, values_of(bounds.nodes), strict=True))
        assert not bounds["dx"].contains([1, 1, 1, 0])


def test_an_interval_says_what_it_is() -> None:
    x = Interval(tg.tensor([1.0, 2.0]), np.float32([1.5, 2.0]))
    assert (x.shape, x.low.dtype, x.is_point) == ((2,), np.float64, False)
    assert (Interval(3).contains(3), 2.9 in Interval(3)) == (True, False)
