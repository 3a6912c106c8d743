"""Each pass from a recorded program to a plan alone, on random programs: against running the steps one by one."""

from __future__ import annotations

import copy
from collections.abc import Iterable
from itertools import combinations, product
from typing import Any

import numpy as np
import pytest
from hypothesis import given, strategies as st

from tensorgrad.compiled import toolchain
from tensorgrad.compiled.undo import Journal
from tensorgrad.engine.numpycalls import Part
from tensorgrad.program import cschedule
from tensorgrad.program.clowering import Lowering
from tensorgrad.program.contents import Program, Step, replaced, same_bits
from tensorgrad.program.cops import Call, Group, Map, Op
from tensorgrad.program.cplan import CPlan
from tensorgrad.program.cschedule import Schedule
from tensorgrad.program.cvalues import Access, Domain
from tensorgrad.program.liveness import lifetimes, needed, placed

from .randomcalls import Held, inputs, random_function, recorded

pytestmark = pytest.mark.filterwarnings("ignore:Passing more than 2")
PROGRAMS = pytest.mark.parametrize(("seed", "steps"), [(seed, 4 + seed % 25) for seed in range(60)])


def made(seed: int, steps: int) -> tuple[Program, list[Any], list[Any], list[Any]]:
    """A random program, what it is given, and what its function then returns and makes of that."""
    arrays = inputs(np.random.default_rng(seed))
    function = random_function(seed, steps)
    program = recorded(function, copy.deepcopy(arrays))
    direct = copy.deepcopy(arrays)
    with np.errstate(all="ignore"):
        return program, arrays, function(*direct), direct


def interpreted(program: Program, steps: Iterable[Step], held: list[Held]) -> list[Any]:
    """What the steps, in order, give: each value in memory of its own. It is what a program means."""
    arrays: dict[int, Any] = {v.number: program.arrays[v.number] for v in program.values if v.kind == "constant"}

    for step in steps:
        if step.kind == "fetch":
            found = held[step.args[0]].array
        else:
            args, kwargs = (replaced(part, arrays.__getitem__) for part in (step.args, step.kwargs))
            v = None if step.out is None else program.values[step.out]
            if step.kind == "call" and v is not None and v.kind == "own":
                room = np.ndarray(v.shape, v.dtype, strides=v.strides) if v.strides else np.empty(v.shape, v.dtype)
                kwargs["out"] = found = room
                step.function(*args, **kwargs)
            else:
                found = step.function(*args, **kwargs)
        if step.out is not None:
            arrays[step.out] = found if isinstance(found, np.ndarray) else np.asarray(found)
    return [arrays[n] for n in program.results]


@PROGRAMS
def test_recording_and_dead_code(seed: int, steps: int) -> None:
    program, arrays, right, changed = made(seed, steps)
    first, later = needed(program)
    assert not later
    kept = iter(program.steps)
    assert all(step in kept for step in first)  # in order
    for some in (program.steps, first):
        held = [Held(a) for a in copy.deepcopy(arrays)]
        with np.errstate(all="ignore"):
            found = interpreted(program, some, held)
        assert all(map(same_bits, found, right))
        assert all(map(same_bits, (h.array for h in held), changed))


def test_what_nobody_reads_is_dead() -> None:
    def function(x: Any, y: Any) -> list[Any]:
        unread = np.exp(x)
        unread += 1
        y[:] = 2  # memory outside: somebody may look
        z = x * 2
        z[:] = 3  # so that the product is not read
        return [z + x]

    program = recorded(function, [np.ones(3), np.zeros(3)])
    names = [getattr(step.function, "__name__", "") for step in needed(program)[0] if step.kind == "call"]
    assert "exp" not in names
    assert names.count("add") == 1
    assert names.count("setitem") == 2


@PROGRAMS
def test_memory_is_shared_only_in_turn(seed: int, steps: int) -> None:
    program, *_ = made(seed, steps)
    first, later = needed(program)
    lives = lifetimes(program, first, later, ())
    own = {v.block for step in first for n in program.touches(step) if (v := program.values[n]).kind == "own"}
    assert lives.keys() == own
    for block, (start, end) in lives.items():
        found = [i for i, step in enumerate(first) if block in program.blocks_of(program.touches(step))]
        assert (start, end) == (found[0], found[-1])


@given(st.lists(st.tuples(st.integers(1, 500), st.integers(0, 20), st.integers(0, 6)), min_size=1, max_size=25))
def test_places(blocks: list[tuple[int, int, int]]) -> None:
    sizes = {i: size for i, (size, _, _) in enumerate(blocks)}
    lives = {i: (start, start + length) for i, (_, start, length) in enumerate(blocks)}
    places, total = placed(sizes, lives)
    assert places.keys() == sizes.keys()
    for i, at in places.items():
        assert 0 <= at <= total - sizes[i]
        for j, other in places.items():
            at_once = i != j and lives[i][0] <= lives[j][1] and lives[j][0] <= lives[i][1]
            assert not (at_once and at < other + sizes[j] and other < at + sizes[i])


def elements(access: Access, domain: Domain) -> dict[tuple[int, ...], int]:
    """For each place of a domain the element of the root that is reached."""
    return {
        place: access.offset + sum(i * s for i, s in zip(place, access.strides, strict=True))
        for place in product(*map(range, domain))
    }


def touched(lowering: Lowering, op: Op) -> list[tuple[int, int, dict[tuple[int, ...], int] | None, bool]]:
    """What an op touches: block, root, elements (None: any), and whether it writes."""
    if isinstance(op, Call):
        program = lowering.program
        written = {*op.step.writes, *(() if op.step.out is None else (op.step.out,))}
        return [(program.values[n].block, n, None, n in written) for n in program.touches(op.step)]
    return [
        (lowering.block(access.root), access.root, elements(access, domain), writes)
        for writes, touches in ((False, op.reads()), (True, op.writes()))
        for access, domain in touches
    ]


@PROGRAMS
def test_no_part_passes_another_that_it_depends_on(seed: int, steps: int) -> None:
    program, *_ = made(seed, 3 + steps // 3)
    lowering = Lowering(program, True)
    ops = lowering.ops([s for s in needed(program)[0] if s.kind != "view"])
    schedule = Schedule(program, lowering, ops, program.outside() | program.blocks_of(program.results))
    ranks = {
        id(op): rank
        for rank, item in enumerate(item for stage in schedule.stages for item in stage)
        for op in (item.loops if isinstance(item, Group) else [item])
    }
    assert all(isinstance(op, Map) for op in ops if id(op) not in ranks)  # whose result is overwritten in the loop
    ops = [op for op in ops if id(op) in ranks]
    all_touched = [touched(lowering, op) for op in ops]
    for i, j in combinations(range(len(ops)), 2):
        for (block, root, mine, writes), (other, its_root, its, wrote) in product(all_touched[i], all_touched[j]):
            if block != other or not (writes or wrote):
                continue
            known = mine is not None and its is not None and root == its_root
            if known and not {*mine.values()} & {*its.values()}:
                continue
            before, after = ranks[id(ops[i])], ranks[id(ops[j])]
            pointwise = known and mine == its and len({*mine.values()}) == len(mine)
            assert before < after or (before == after and pointwise), (ops[i], ops[j])


@pytest.mark.skipif(toolchain.compiler() is None, reason="no C compiler here")
@pytest.mark.parametrize("seed", range(12))
def test_loops_that_run_as_one_give_what_each_gives_alone(seed: int, monkeypatch: pytest.MonkeyPatch) -> None:
    program, arrays, _, changed = made(seed, 20)
    found = []
    for most in (cschedule.MOST_LOOPS, 1):
        monkeypatch.setattr(cschedule, "MOST_LOOPS", most)
        held = [Held(a) for a in copy.deepcopy(arrays)]
        with np.errstate(all="ignore"):
            results = CPlan(program, toolchain.build).run(held, Journal())
        found.append([*results, *(h.array for h in held)])
    assert len(found[0]) == len(changed) + len(program.results)
    for fused, alone in zip(*found, strict=True):
        np.testing.assert_allclose(fused, alone, rtol=1e-6, atol=1e-6)


def test_a_part_of_a_call_is_taken_as_it_is() -> None:
    program = recorded(lambda x: [a + 1 for a in np.divmod(x, 2)], [np.arange(4.0)])
    assert any(isinstance(step.function, Part) for step in program.steps)
    (quotient, rest) = interpreted(program, needed(program)[0], [Held(np.array([5.0, 6.0, 7.0, 8.0]))])
    assert quotient.tolist() == [3.0, 4.0, 4.0, 5.0]
    assert rest.tolist() == [2.0, 1.0, 2.0, 1.0]
