"""Why a function runs as it is, in words for who wrote it: what it was, the line in their script, what to do."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

import tensorgrad as tg
from tensorgrad import optim
from tests.compile_networks import bits, told
from tests.test_compile_functions import normal

STREAM = np.random.default_rng(0)
OLD_STREAM = np.random.RandomState(0)
COUNT = 0
FOUND: list[Any] = []


class Counter:
    def __init__(self) -> None:
        self.calls = 0
        self.stream = np.random.default_rng(0)


COUNTER = Counter()
WEIGHT = tg.ones(3, requires_grad=True)
OPTIMIZER = optim.SGD([WEIGHT], lr=0.1)


def attribute(x: tg.Tensor) -> tg.Tensor:
    COUNTER.calls += 1
    return x * 2


def variable(x: tg.Tensor) -> tg.Tensor:
    global COUNT  # noqa: PLW0603 - this is what is tried
    COUNT += 1
    return x * 2


def appended(x: tg.Tensor) -> tg.Tensor:
    FOUND.append(1)
    return x * 2


def item(x: tg.Tensor) -> tg.Tensor:
    return x * x.sum().item()


def numpy(x: tg.Tensor) -> tg.Tensor:
    return tg.from_numpy(np.sort(x.numpy()))


def text(x: tg.Tensor) -> str:
    return f"{x}"


def closure(x: tg.Tensor) -> tg.Tensor:
    OPTIMIZER.step(lambda: None)
    return x


def drawn(x: tg.Tensor) -> tg.Tensor:
    return x * tg.tensor([float(STREAM.integers(2)), 1.0, 2.0])


def drawn_of_old(x: tg.Tensor) -> tg.Tensor:
    return x * tg.tensor([float(OLD_STREAM.randint(2)), 1.0, 2.0])


def drawn_of_attribute(x: tg.Tensor) -> tg.Tensor:
    return x * tg.tensor([float(COUNTER.stream.integers(2)), 1.0, 2.0])


def drawn_of_its_own(x: tg.Tensor) -> tg.Tensor:
    return x * float(np.random.default_rng().integers(2))


def made_inside(x: tg.Tensor) -> None:
    optimizer = optim.SGD([WEIGHT], lr=0.1)
    optimizer.zero_grad()
    (WEIGHT * x).sum().backward()
    optimizer.step()


def retained(x: tg.Tensor) -> tg.Tensor:
    y = x * WEIGHT
    y.retain_grad()
    y.square().sum().backward()
    return y


def warned(x: tg.Tensor) -> tg.Tensor:
    return (x * 1e30 * 1e30).square()


READ = "and what is made of it is not followed: compute it with tensors, or read it outside"
REASONS: dict[Callable[[tg.Tensor], Any], tuple[str, ...]] = {
    attribute: ("it changes the attribute calls of a Counter, which no plan does: change it outside, or",),
    variable: ("it changes the global variable COUNT,",),
    appended: ("it changes a list,",),
    item: ("test_compile_reasons.py:", "(return x * x.sum().item()): .item() gave ", READ),
    numpy: ("test_compile_reasons.py:", "(return tg.from_numpy(np.sort(x.numpy()))): numpy() gave [", READ),
    text: ("test_compile_reasons.py:", READ),
    closure: ("test_compile_reasons.py:", "step was given a function: call backward() before it",),
    drawn: ("numbers were drawn from Python's or NumPy's own generator, which no plan knows: use tg.rand",),
    drawn_of_old: ("NumPy's own generator",),
    drawn_of_attribute: ("NumPy's own generator",),
    drawn_of_its_own: ("urandom() was called",),
    made_inside: ("test_compile_reasons.py:", "was called of another SGD than in the call before: make it once,"),
    retained: ("a tensor that is returned keeps a gradient of its own (retain_grad): return its .grad in its place",),
    warned: ("NumPy warns of its numbers at each call (an overflow,",),
}  # fmt: skip


@pytest.mark.filterwarnings("ignore:overflow")
@pytest.mark.parametrize("function", REASONS)
def test_the_log_tells_cause_and_cure(backend: str, function: Any, caplog: pytest.LogCaptureFixture) -> None:
    compiled = tg.compile(function, backend=backend)
    for k in range(12):
        compiled(normal(k, 3))
    assert not compiled.runs
    (line,) = told(caplog)
    assert line.startswith(f"{function.__name__} runs as it is, not as a plan: ")
    for part in REASONS[function]:
        assert part in line, line
    assert line.count(READ) <= 2


def addressed(x: tg.Tensor) -> tg.Tensor:
    return x + float(id(x))


def tabled(x: tg.Tensor) -> tg.Tensor:
    return x + tg.tensor([float(id(x) % 9973), 1.0, 2.0])


DIFFERENT = {
    addressed: ("(return x + float(id(x)))", "add was given ", "give what changes from call to call as a tensor"),
    tabled: (
        "(return x + tg.tensor([float(id(x) % 9973), 1.0, 2.0]))",
        "a copy met other numbers than in the call before",
    ),
}


@pytest.mark.parametrize("function", DIFFERENT)
def test_what_two_calls_did_otherwise_is_told_with_its_line(
    backend: str, function: Any, caplog: pytest.LogCaptureFixture
) -> None:
    given = [normal(k, 3) for k in range(12)]
    compiled = tg.compile(function, backend=backend)
    for x in given:
        assert bits(compiled(x)) == bits(function(x))
    (line,) = told(caplog)
    for part in ("test_compile_reasons.py:", "two calls of one kind did not do the same", *DIFFERENT[function]):
        assert part in line, line


def test_numbers_that_change_at_each_call(backend: str, caplog: pytest.LogCaptureFixture) -> None:
    def scaled(x: tg.Tensor, rate: float) -> tg.Tensor:
        return x * rate

    compiled = tg.compile(scaled, backend=backend)
    for k in range(60):
        assert bits(compiled(normal(k, 3), k / 7)) == bits(scaled(normal(k, 3), k / 7))
    (line,) = told(caplog)
    assert line.endswith("argument 'rate' is another number each time: give it as a tensor")
    assert compiled.captures == 32


def test_shapes_that_change_at_each_call(backend: str, caplog: pytest.LogCaptureFixture) -> None:
    compiled = tg.compile(lambda x, *, scale: x * scale, backend=backend)
    for k in range(40):
        compiled(normal(k, 3), scale=normal(k, k + 1, 1))
    (line,) = told(caplog)
    assert line.endswith("argument 'scale' is a tensor of another shape each time")


def test_a_plan_that_has_not_run_for_long_makes_room(backend: str, caplog: pytest.LogCaptureFixture) -> None:
    compiled = tg.compile(lambda x, rate: x * rate, backend=backend)
    x = normal(0, 3)
    for epoch in range(15):
        for _ in range(60):
            assert bits(compiled(x, epoch / 7)) == bits(x * (epoch / 7))
    assert compiled.captures == 30
    assert len(compiled.plans) == 8
    assert not told(caplog)
