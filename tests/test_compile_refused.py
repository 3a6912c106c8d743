"""What no plan repeats: it runs as it is, and the log says why, once, with the line."""

from __future__ import annotations

import logging
from collections import deque
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

import tensorgrad as tg
from tensorgrad.compiled.compiler import MOST_KINDS, MOST_TRIES
from tensorgrad.errors import CompileError
from tests.compile_networks import bits
from tests.test_compile_functions import alike, normal, one

FACTOR = 2.0
TABLE = np.ones(4, np.float32)
WEIGHT = tg.ones(4)


def printing(x: tg.Tensor) -> tg.Tensor:
    print("sum", x.shape)
    return x * 2


def number(x: tg.Tensor) -> tg.Tensor:
    return x * x.sum().item()


def listed(x: tg.Tensor) -> list[float]:
    return (x * 2).tolist()


def positive(x: tg.Tensor) -> tg.Tensor:
    return x[x > 0] * 2


def by_numpy(x: tg.Tensor) -> tg.Tensor:
    return tg.from_numpy(np.sort(x.numpy(), axis=1)) * 2


def by_random(x: tg.Tensor) -> tg.Tensor:
    return x * float(np.random.normal())  # noqa: NPY002 - as scripts do


def told(x: tg.Tensor) -> str:
    return f"{x.sum():.3f}"


def looped(x: tg.Tensor) -> tg.Tensor:
    for value in x.sum(1).tolist():
        x = x + value
    return x


REFUSED: dict[str, Callable[[tg.Tensor], Any]] = {
    f.__name__: f for f in (printing, number, listed, by_numpy, by_random, told, looped)
}


@pytest.mark.parametrize("name", REFUSED)
def test_what_is_refused_runs_as_it_is(backend: str, name: str, caplog: pytest.LogCaptureFixture, capsys: Any) -> None:
    function = REFUSED[name]
    alike(backend, lambda: (np.random.seed(0), one(function)())[1], captures=None)  # noqa: NPY002
    (line,) = [r.getMessage() for r in caplog.records if r.levelno == logging.WARNING]
    assert line.startswith(f"{function.__qualname__} runs as it is, not as a plan: ")
    assert ("test_compile_refused.py:" in line) != (name == "by_random"), line
    out = capsys.readouterr().out
    assert out == "sum tensorgrad.Size([3, 4])\n" * 14 * (name == "printing")
    with pytest.raises(CompileError, match="fullgraph=True"):
        tg.compile(function, backend=backend, fullgraph=True)(normal(0, 3, 4))


def test_how_many_elements_are_chosen_may_differ(backend: str) -> None:
    compiled = tg.compile(positive, backend=backend)
    for k in range(30):
        assert bits(compiled(normal(k % 7, 2, 2))) == bits(positive(normal(k % 7, 2, 2)))


def test_calls_that_never_do_the_same_are_an_error_where_a_plan_is_insisted_on(backend: str) -> None:
    scaled = tg.compile(lambda x, k: x * k, backend=backend, fullgraph=True)
    for k in range(MOST_KINDS):
        assert bits(scaled(tg.ones(2), k + 0.5)) == bits(tg.ones(2) * (k + 0.5))
    with pytest.raises(CompileError, match=r"fullgraph=True.*32 calls in turn had no plan"):
        scaled(tg.ones(2), 0.1)

    chosen = tg.compile(positive, backend=backend, fullgraph=True)
    for k in range(MOST_TRIES):
        assert chosen(tg.arange(9.0) - k).shape == (8 - k,)
    with pytest.raises(CompileError, match=r"fullgraph=True"):
        chosen(tg.arange(9.0))


def branching(x: tg.Tensor) -> tg.Tensor:
    if x.sum() > 0:
        return x * 2
    return x.exp() - tg.randn(4)


def test_a_branch_on_a_value_has_a_plan_for_each_way(backend: str) -> None:
    compiled = tg.compile(branching, backend=backend, fullgraph=True)
    tg.manual_seed(1)
    expected = [bits(branching(normal(k, 3, 4))) for k in range(30)]
    tg.manual_seed(1)
    assert [bits(compiled(normal(k, 3, 4))) for k in range(30)] == expected
    assert compiled.captures == 4
    assert compiled.runs == 26


def test_in_place_before_a_branch_is_undone_where_it_comes_out_otherwise(backend: str) -> None:
    weight = tg.ones(4)

    def f(x: tg.Tensor) -> tg.Tensor:
        noise = tg.randn(4)
        weight.add_(noise)
        x.mul_(2)
        if x.sum() > 0:
            weight.mul_(0.5)
        return x + weight

    def run(function: Any) -> list[Any]:
        tg.manual_seed(0)
        weight.fill_(1)
        found = []
        for k in range(30):
            x = normal(k, 3, 4)
            found.append((bits(function(x)), bits(x), bits(weight), bits(tg.get_rng_state())))
        return found

    assert run(tg.compile(f, backend=backend, fullgraph=True)) == run(f)


class Holder:
    def __init__(self) -> None:
        self.factor = 1.0
        self.flag = True
        self.kept: list[tg.Tensor] = []
        self.table = np.ones(4, np.float32)
        self.queue: deque[tg.Tensor] = deque([tg.ones(4)])
        self.settings = {"scale": 2.0}
        self.array = tg.ones(4)

    def scaled(self, x: tg.Tensor) -> tg.Tensor:
        return x * self.factor if self.flag else x * self.settings["scale"]

    def appending(self, x: tg.Tensor) -> tg.Tensor:
        self.kept.append(x * 2)
        return x + 1

    def keeping(self, x: tg.Tensor) -> tg.Tensor:
        self.array = x * 2
        return x + 1

    def counting(self, x: tg.Tensor) -> tg.Tensor:
        self.factor += 1
        return x * self.factor

    def with_table(self, x: tg.Tensor) -> tg.Tensor:
        return x * tg.from_numpy(self.table)

    def table_summed(self, x: tg.Tensor) -> tg.Tensor:
        return x * float(self.table.sum())

    def from_queue(self, x: tg.Tensor) -> tg.Tensor:
        return x * self.queue[-1]


def changing(backend: str, change: Callable[[Holder, int], None], method: str) -> Any:
    """Assert that calls of a method are the same compiled, where something changes in between; return the Compiled."""

    def run(compiled: bool) -> tuple[Any, Any]:
        holder = Holder()
        function = getattr(holder, method)
        function = tg.compile(function, backend=backend) if compiled else function
        found = []
        for k in range(12):
            change(holder, k)
            found.append(bits(function(normal(k, 3, 4))))
            found.append(bits([holder.kept, holder.factor, holder.array]))
        assert all(type(x.array) is np.ndarray for x in (*holder.kept, holder.array))
        return found, function

    (expected, _), (found, compiled) = run(False), run(True)
    assert found == expected
    return compiled


def test_settings_that_change_are_seen(backend: str) -> None:
    def change(holder: Holder, k: int) -> None:
        holder.factor = 1.0 + k // 4
        holder.flag = k % 4 != 3
        holder.settings["scale"] = 3.0 if k > 8 else 2.0

    assert changing(backend, change, "scaled").runs > 0


def test_arrays_of_numpy_that_change_are_seen(backend: str) -> None:
    def change(holder: Holder, k: int) -> None:
        if k in (5, 9):
            holder.table[k % 4] = k

    assert changing(backend, change, "with_table").runs > 0
    assert changing(backend, change, "table_summed").runs > 0


def test_a_deque_is_looked_into(backend: str) -> None:
    def change(holder: Holder, k: int) -> None:
        if k % 4 == 0:
            holder.queue.append(normal(k, 4))
        elif k % 4 == 2:
            holder.queue[-1].mul_(2)

    changing(backend, change, "from_queue")


@pytest.mark.parametrize("method", ["appending", "keeping", "counting"])
def test_what_a_function_changes_outside_is_changed_each_time(backend: str, method: str) -> None:
    assert not changing(backend, lambda holder, k: None, method).runs


def test_a_global_number_is_seen(backend: str) -> None:
    global FACTOR  # noqa: PLW0603 - this is what is tried

    def f(x: tg.Tensor) -> tg.Tensor:
        return x * FACTOR + WEIGHT

    compiled = tg.compile(f, backend=backend, fullgraph=True)
    try:
        for k in range(9):
            FACTOR = 2.0 + k // 4
            WEIGHT.add_(1)
            assert bits(compiled(normal(k, 3, 4))) == bits(f(normal(k, 3, 4)))
    finally:
        FACTOR = 2.0
        WEIGHT.fill_(1)
    assert compiled.runs > 2


def test_a_list_that_is_given_is_appended_to_each_time(backend: str) -> None:
    def f(x: tg.Tensor, found: list[tg.Tensor]) -> tg.Tensor:
        found.append(x * 2)
        return x + 1

    compiled = tg.compile(f, backend=backend)
    for k in range(6):
        mine: list[tg.Tensor] = []
        theirs: list[tg.Tensor] = []
        assert bits(compiled(normal(k, 3), mine)) == bits(f(normal(k, 3), theirs))
        assert bits(mine) == bits(theirs)


def test_a_list_that_is_given_may_hold_others_each_time(backend: str) -> None:
    batch = [normal(0, 3), normal(1, 3)]
    compiled = tg.compile(lambda pair: pair[0] * pair[1], backend=backend, fullgraph=True)
    for k in range(8):
        batch[0] = normal(k, 3)
        assert bits(compiled(batch)) == bits(batch[0] * batch[1])
    assert compiled.runs == 6


def test_arrays_of_numpy_that_are_made_and_written_inside(backend: str) -> None:
    def f(x: tg.Tensor) -> tuple[tg.Tensor, tg.Tensor]:
        buffer = np.zeros(4, np.float32)
        first = x * tg.from_numpy(buffer)
        buffer[0] = 1
        return first, x * tg.from_numpy(buffer)

    def g(x: tg.Tensor) -> tuple[tg.Tensor, tg.Tensor]:
        y = tg.zeros(4)
        first = x + y
        y.add_(1)
        return first, x + y

    for function in (f, g):
        compiled = tg.compile(function, backend=backend)
        for k in range(6):
            assert bits(compiled(normal(k, 4))) == bits(function(normal(k, 4)))


def test_memory_of_numpy_that_is_written_afterwards(backend: str) -> None:
    a = np.ones(4, np.float32)
    x, w = tg.from_numpy(a), tg.ones(4, requires_grad=True)

    def run(f: Any) -> list[Any]:
        found = []
        for k in range(8):
            a[:] = k + 1
            w.grad = None
            y = f(x)
            a[:] = -5
            y.sum().backward()
            found.append((bits(y), bits(w.grad)))
        return found

    def f(x: tg.Tensor) -> tg.Tensor:
        return x * w * w

    assert run(tg.compile(f, backend=backend)) == run(f)


class Saving:
    """What a compiled function saves, and what writes to it before it is asked for a gradient."""

    def __init__(self) -> None:
        self.weight = tg.tensor([1.0, 2.0, 3.0], requires_grad=True)
        self.scale = tg.ones(3)

    def outputs(self, x: tg.Tensor) -> tuple[tg.Tensor, tg.Tensor]:
        y = (x * self.weight * self.scale).exp()
        return y, y.detach()


WRITES: dict[str, Callable[[Saving, tg.Tensor, tg.Tensor, tg.Tensor], Any]] = {
    "nothing": lambda s, x, y, z: None,
    "argument": lambda s, x, y, z: x.add_(1),
    "result": lambda s, x, y, z: y.detach().mul_(2),
    "detached": lambda s, x, y, z: z.mul_(2),
    "buffer": lambda s, x, y, z: s.scale.mul_(2),
    "parameter": lambda s, x, y, z: without_history(s.weight),
    "mark": lambda s, x, y, z: x.numpy().__setitem__(0, 5),
}


def without_history(x: tg.Tensor) -> None:
    with tg.no_grad():
        x.mul_(2)


@pytest.mark.parametrize("what", WRITES)
def test_what_is_written_before_the_gradient_is_asked_for(backend: str, what: str) -> None:
    def run(compiled: bool) -> list[Any]:
        found = []
        saving = Saving()
        function = tg.compile(saving.outputs, backend=backend, fullgraph=True) if compiled else saving.outputs
        for k in range(6):
            saving.weight.grad = None
            x = normal(k, 3)
            y, z = function(x)
            WRITES[what](saving, x, y, z)
            try:
                y.sum().backward()
                found.append(bits(saving.weight.grad))
            except tg.errors.InPlaceError:
                found.append("refused")
        return found

    assert run(True) == run(False)
    assert ("refused" in run(True)) == (what not in ("nothing", "parameter"))  # whose own gradient needs it not
