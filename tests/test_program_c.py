"""Programs as C: on random shapes, layouts and dtypes, they give what NumPy gives, but for the last bits of sums."""

from __future__ import annotations

import copy
from typing import Any

import numpy as np
import pytest

from tensorgrad.base.watched import watched_by
from tensorgrad.compiled import toolchain
from tensorgrad.compiled.undo import Journal
from tensorgrad.program.blas import products
from tensorgrad.program.contents import Value
from tensorgrad.program.cops import Map, Product
from tensorgrad.program.cplan import CPlan
from tensorgrad.program.fetches import Fetches
from tensorgrad.program.numpyplan import Deviation, NumpyPlan
from tensorgrad.program.recorder import Recording

from .randomcalls import Held, inputs, random_function, recorded

pytestmark = pytest.mark.skipif(toolchain.compiler() is None, reason="no C compiler here")


def close(found: Any, right: Any) -> bool:
    """Return whether an array is another one, but for what sums in another order make of it."""
    assert (found.shape, found.dtype, found.strides) == (right.shape, right.dtype, right.strides)
    if right.dtype.kind != "f":
        return bool((found == right).all())
    with np.errstate(all="ignore"):
        scale = np.max(np.abs(right[np.isfinite(right)]), initial=1)
        limit = 2e-5
        return bool(np.allclose(found, right, rtol=limit, atol=limit * scale, equal_nan=True))


@pytest.mark.parametrize("length", [1, 2, 3])
@pytest.mark.parametrize("step", [-2, -1, 1, 2])
def test_fetched_arrays_that_share_memory_now_are_a_deviation(length: int, step: int) -> None:
    memory, elsewhere = np.zeros(16, np.float32), np.ones(16, np.float32)
    part = slice(8, 8 + step * length, step)
    arrays = [memory[part], elsewhere[part]]
    values = [Value(i, "fetched", i, x.shape, x.dtype, x.strides) for i, x in enumerate(arrays)]
    fetches = Fetches(values, [0, 1], np.zeros(2, np.uint64), {0})
    for i, x in enumerate(arrays):
        fetches.one(i, x)
    again = memory[part]
    with pytest.raises(Deviation):
        fetches.one(1, again)


@pytest.mark.filterwarnings("ignore:Passing more than 2")
@pytest.mark.parametrize("seed", range(40))
@pytest.mark.parametrize("steps", [6, 25])
def test_random_programs(seed: int, steps: int) -> None:
    rng = np.random.default_rng(seed)
    arrays = inputs(rng)
    function = random_function(seed, steps)
    program = recorded(function, copy.deepcopy(arrays))
    plans = NumpyPlan(program), CPlan(program, toolchain.build, products() if seed % 2 else None)
    for factor in (1, 2, 0.5):
        given = [a if a.dtype.kind != "f" else (a * a.dtype.type(factor)) for a in arrays]
        given = [np.array(a, order="K", copy=True) for a in given]
        direct, *both = (copy.deepcopy(given) for _ in range(3))
        with np.errstate(all="ignore"):
            right = function(*direct)
            for plan, mine in zip(plans, both, strict=True):
                found = plan.run([Held(a) for a in mine], Journal())
                assert all(map(close, found, right)), (plan.text, getattr(plan, "source", ""))
                assert all(map(close, mine, direct))


@pytest.mark.parametrize("kind", ["in turn", "new", "one new", "overlapping", "read only", "other strides"])
def test_what_is_fetched_may_be_others_at_each_run(kind: str) -> None:
    """Two arrays of things and one that is given: those that have come before, new ones, and what no plan may take."""
    held = [Held(np.arange(6.0)), Held(np.ones(6))]
    other = Held(np.full(6, 2.0))
    memory = np.arange(12.0)

    def function(x: Any) -> Any:
        held[1].array += held[0].array * x
        return held[0].array - x

    recording = Recording()
    with watched_by(recording):
        kept = [h.array for h in held]
        for h in held:
            h.array = recording.fetched(h.array, h, "array", np.asarray)
        given = recording.fetched(other.array, 0, "array", np.asarray)
        out = function(given)
        for h, array in zip(held, kept, strict=True):
            h.array = array
    recording.program.results = [out.number]
    plan = CPlan(recording.program, toolchain.build)
    sets = [[np.full(6, k + 0.5), np.full(6, k + 1.5)] for k in range(2)]
    for k in range(9):
        x, refused = Held(np.full(6, float(k))), False
        if kind == "in turn":
            held[0].array, held[1].array = sets[k % 2]
        elif kind == "new":
            held[0].array, held[1].array = np.full(6, 3.0), np.full(6, 4.0)
        elif kind == "one new" and k % 3:
            held[k % 2].array = np.full(6, 3.0)
        elif kind == "overlapping" and k % 2:
            held[1].array, refused = memory[:6], k % 4 == 1
            x = Held(memory[5:11] if refused else memory[6:])
        elif kind == "read only":
            refused = k % 2 == 1
            held[1].array.flags.writeable = not refused
        elif kind == "other strides" and k % 2:
            held[0].array, refused = memory[::2], True
        elif kind == "other strides":
            held[0].array = sets[0][0]
        before = [h.array.copy() for h in held]
        if refused:
            with pytest.raises(Deviation):
                plan.run([x], Journal())
            assert all(map(np.array_equal, [h.array for h in held], before))
            continue
        (found,) = plan.run([x], Journal())
        assert np.array_equal(found, before[0] - x.array)
        assert np.array_equal(held[1].array, before[1] + before[0] * x.array)
        assert np.array_equal(held[0].array, before[0])


def test_a_matrix_that_products_take_transposed_is_copied_once_until_it_is_written() -> None:
    rng = np.random.default_rng(0)
    w, x = rng.standard_normal((5, 4)), rng.standard_normal((3, 4))

    def function(w: Any, x: Any) -> list[Any]:
        found = [np.matmul(x + k, w.T) for k in range(3)]
        w *= 2.0
        found += [np.matmul(x - k, w.T) for k in range(2)]
        w[1] = 0.0
        return [*found, np.matmul(x, w.T), np.matmul(w, x.T), np.matmul(x, w.T).sum()]

    program = recorded(function, [w.copy(), x.copy()])
    plan = CPlan(program, toolchain.build, products())
    ops = plan.parts[0].ops
    copies = [op for op in ops if isinstance(op, Map) and op.out.root in plan.lowering.added]
    assert len(copies) == 3 * (products() is not None)
    assert sum(isinstance(op, Product) and op.b.transposed for op in ops) == (products() is not None)
    for k in range(3):
        mine, right = (w + k, x - k), (w + k, x - k)
        found = plan.run([Held(a) for a in mine], Journal())
        assert all(map(close, found, function(*right)))
        assert np.array_equal(mine[0], right[0])
