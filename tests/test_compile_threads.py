"""Compiled functions in several threads: each computes what it would alone, whatever the others do with its tensors."""

from __future__ import annotations

import sys
import threading
from collections.abc import Callable, Iterator
from typing import Any

import numpy as np
import pytest

import tensorgrad as tg
from tensorgrad import nn, optim
from tensorgrad.compiled.gate import Gate
from tests.compile_networks import bits
from tests.test_compile_functions import normal
from tests.waiting import joined


@pytest.fixture(autouse=True)
def quickly() -> Iterator[None]:
    """Let threads take turns as often as they can."""
    before = sys.getswitchinterval()
    sys.setswitchinterval(1e-6)
    yield
    sys.setswitchinterval(before)


def together(*functions: Callable[[], Any]) -> list[Any]:
    """Return what functions return that run at the same time, each in a thread."""
    found: list[Any] = [None] * len(functions)
    start = threading.Barrier(len(functions))

    def run(i: int) -> None:
        start.wait()
        try:
            found[i] = functions[i]()
        except Exception as error:  # noqa: BLE001 - it is raised in the thread of the test
            found[i] = error

    threads = [threading.Thread(target=run, args=(i,)) for i in range(len(functions))]
    for thread in threads:
        thread.start()
    joined(*threads)
    for value in found:
        if isinstance(value, Exception):
            raise value
    return found


def training(seed: int, compiled: bool) -> Callable[[], list[Any]]:
    """Return a training of a network of its own."""
    tg.manual_seed(seed)
    model = nn.Sequential(nn.Linear(6, 8), nn.BatchNorm1d(8), nn.ReLU(), nn.Linear(8, 3))
    optimizer = optim.Adam(model.parameters(), lr=1e-2)

    def step(x: tg.Tensor) -> tg.Tensor:
        optimizer.zero_grad()
        loss = (model(x) ** 2).sum()
        loss.backward()
        optimizer.step()
        return loss.detach()

    f = tg.compile(step, backend="numpy") if compiled else step
    return lambda: [(bits(f(normal(k, 5, 6))), [bits(p) for p in model.parameters()]) for k in range(30)]


def test_a_network_in_each_thread() -> None:
    expected = [training(seed, compiled=False)() for seed in range(3)]
    assert together(*[training(seed, compiled=True) for seed in range(3)]) == expected


def weights() -> Any:
    tg.manual_seed(0)
    return nn.Sequential(nn.Linear(6, 8), nn.Tanh(), nn.Linear(8, 3))


def test_one_compiled_function_in_all_threads() -> None:
    model = weights()

    def slopes(f: Any, thread: int) -> list[Any]:
        found = []
        for k in range(40):
            x = normal(100 * thread + k, 5, 6).requires_grad_()
            y = f(x)
            found.append((bits(y), bits(tg.autograd.grad(y.sin().sum(), [x, *model.parameters()]))))
        return found

    expected = [slopes(model, i) for i in range(3)]
    f = tg.compile(model, backend="numpy")
    for _ in range(3):
        assert together(*[lambda i=i: slopes(f, i) for i in range(3)]) == expected
    # whose turn it was when decides whether a capture was ever left alone
    assert f._compiled.runs or f._compiled.reasons


def test_other_threads_use_tensors_that_are_watched() -> None:
    model = weights()

    def plain() -> list[Any]:
        found = []
        for k in range(60):
            x = normal(k, 5, 6).requires_grad_()
            y = model(x)
            gradients = tg.autograd.grad((y * y).sum(), [x, *model.parameters()])
            found.append(bits([y, *gradients, model[0].weight.detach().numpy().sum(), model[0].weight.tolist()]))
        return found

    def planned() -> list[Any]:
        found = []
        for k in range(0, 60, 4):
            f = tg.compile(lambda x: (model(x) ** 2).sum(), backend="numpy")
            found += [bits(f(normal(k + i, 5, 6))) for i in range(4)]
        return found

    expected = [plain(), plain(), [bits((model(normal(k, 5, 6)) ** 2).sum()) for k in range(60)]]
    for _ in range(3):
        assert together(plain, plain, planned) == expected
    assert all(type(p.array) is np.ndarray for p in model.parameters())


def test_what_other_threads_compute_for_a_function_is_no_constant() -> None:
    def f(x: tg.Tensor) -> tg.Tensor:
        found: list[tg.Tensor] = []
        thread = threading.Thread(target=lambda: found.append(x * 2))
        thread.start()
        thread.join()
        return found[0] + 1

    compiled = tg.compile(f, backend="numpy")
    for k in range(8):
        x = normal(k // 4, 3)
        assert bits(compiled(x)) == bits(x * 2 + 1)
    assert not compiled.runs
    assert compiled.reasons


def test_the_gate() -> None:
    gate = Gate()
    with gate.watched() as may, gate.watched() as again:
        assert may
        assert again
        assert gate.enter()
        assert together(gate.enter, lambda: gate.watched().__enter__()) == [False, False]
        gate.leave()
    assert together(gate.enter) == [True]  # and does not leave
    before = threading.active_count()
    from tensorgrad.compiled import gate as module

    patience, module.PATIENCE = module.PATIENCE, 0.01
    try:
        with gate.watched() as may:
            assert not may
    finally:
        module.PATIENCE = patience
    assert threading.active_count() == before
