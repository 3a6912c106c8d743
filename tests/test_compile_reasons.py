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


def scaled_and_shifted(x: tg.Tensor) -> tg.Tensor:
    return x * 2 + 1


ORDERS: dict[str, Callable[[list[int], int], list[int]]] = {
    "in turn": lambda kinds, _: kinds,
    "mixed": lambda kinds, k: np.random.default_rng(k).permutation(kinds).tolist(),
    "all twice": lambda kinds, _: [n for n in kinds for _ in range(2)],
}


@pytest.mark.parametrize("order", ORDERS)
@pytest.mark.parametrize("kinds", [5, 8])
def test_eight_shapes_in_any_order_have_plans(
    backend: str, kinds: int, order: str, caplog: pytest.LogCaptureFixture
) -> None:
    compiled = tg.compile(scaled_and_shifted, backend=backend)
    calls = [n for k in range(5) for n in ORDERS[order](list(range(1, kinds + 1)), k)]
    for k, n in enumerate(calls):
        assert bits(compiled(normal(k, n))) == bits(scaled_and_shifted(normal(k, n)))
    assert compiled.captures == 2 * kinds
    assert compiled.runs == len(calls) - 2 * kinds
    assert not told(caplog)
    assert not compiled.waiting


def test_more_than_eight_shapes_in_turn(backend: str, caplog: pytest.LogCaptureFixture) -> None:
    compiled = tg.compile(scaled_and_shifted, backend=backend)
    for k in range(6):
        for n in range(1, 13):
            compiled(normal(k, n))
    (line,) = told(caplog)
    why = "there are 8 plans for other kinds of calls, and argument 'x' is a tensor of another shape each time"
    assert line.endswith(why)
    assert compiled.runs == 8 * 4
    assert compiled.captures == 24
    assert not compiled.waiting


def test_ever_other_shapes_do_not_wait_for_ever(backend: str) -> None:
    compiled = tg.compile(scaled_and_shifted, backend=backend)
    most = 0
    for k in range(1, 200):
        compiled(normal(k, k))
        most = max(most, len(compiled.waiting))
    assert compiled.captures == 32
    assert most < 32
    assert not compiled.waiting


@pytest.mark.parametrize("kinds", [1, 4, 8])
def test_kinds_in_turn_that_are_captured_in_vain_tell_the_difference(
    backend: str, kinds: int, caplog: pytest.LogCaptureFixture
) -> None:
    compiled = tg.compile(addressed, backend=backend)
    given = [normal(k, 1 + k % kinds) for k in range(50)]
    for x in given:
        compiled(x)
    assert compiled.captures <= 32
    assert told(caplog)
    for line in told(caplog):
        assert "two calls of one kind did not do the same" in line


def looked_up(x: tg.Tensor) -> tg.Tensor:
    return x + tg.arange(3.0)[np.arange(3)[x.long().array]]


def test_what_is_read_in_two_ways_is_told_once(backend: str, caplog: pytest.LogCaptureFixture) -> None:
    compiled = tg.compile(looked_up, backend=backend)
    for _ in range(4):
        compiled(tg.arange(3.0))
    (line,) = told(caplog)
    assert line.count(READ) == line.count("an index gave [0 1 2]") == 1
    assert "where it stands" not in line
