"""Ctrl-C at every line of a plan: the step has not been made, or it has."""

from __future__ import annotations

import signal
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from types import FrameType
from typing import Any

import pytest

import tensorgrad as tg
from tensorgrad import nn, optim
from tests import compile_networks as nets
from tests.compile_networks import Run, batches, classifier


@contextmanager
def interrupted(line: int) -> Iterator[list[int]]:
    """Send Ctrl-C at the line of that number among those of plans that are run inside; it gives how many there were."""
    lines: list[int] = []

    def seen(frame: FrameType, event: str, arg: Any) -> Any:
        if frame.f_code.co_filename != "<plan>":
            return None
        if event == "line":
            lines.append(frame.f_lineno)
            if len(lines) == line:
                signal.raise_signal(signal.SIGINT)
        return seen

    before = sys.gettrace()
    sys.settrace(seen)
    try:
        yield lines
    finally:
        sys.settrace(before)


def build() -> Run:
    return classifier(nets.mlp(), batches(16, 12, classes=4), lambda p: optim.Adam(p, lr=1e-2), clip=0.05)


@pytest.fixture(autouse=True)
def _default_handler() -> Iterator[None]:
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    yield
    signal.signal(signal.SIGINT, before)


def test_ctrl_c_at_each_line(backend: str) -> None:
    before = tg.get_default_dtype()
    tg.set_default_dtype(tg.float64)
    try:
        tg.manual_seed(0)
        run = build()
        states = [dict(run.state())]
        for k in range(60):
            run.step(*run.given(k))
            states.append(dict(run.state()))
        tg.manual_seed(0)
        run = build()
        step = tg.compile(run.step, backend=backend, fullgraph=True)
        for k in range(3):
            step(*run.given(k))
        assert step.runs == 1
        undone = done = line = 0
        k = 3
        while True:
            line += 1
            with interrupted(line) as lines:
                try:
                    step(*run.given(k))
                except KeyboardInterrupt:
                    assert signal.getsignal(signal.SIGINT) is signal.default_int_handler
                else:
                    assert len(lines) < line
                    break
            state = dict(run.state())
            if state == states[k]:
                undone += 1
            else:
                assert state == states[k + 1], f"line {line}"
                done, k = done + 1, k + 1
        assert undone > 3
        assert done > 3
        assert dict(run.state()) == states[k + 1]
        assert step.captures == 2
    finally:
        tg.set_default_dtype(before)


def test_the_second_ctrl_c_comes_at_once() -> None:
    net = nn.Linear(3, 3)
    optimizer = optim.SGD(net.parameters(), lr=0.1)
    presses = []

    def press(*_: Any) -> None:
        for _ in range(presses.pop() if presses else 0):
            signal.raise_signal(signal.SIGINT)
        reached.append(1)

    reached: list[int] = []
    optimizer.register_step_pre_hook(press)

    @tg.compile(backend="numpy", fullgraph=True)
    def step(x: tg.Tensor) -> None:
        optimizer.zero_grad()
        net(x).sum().backward()
        optimizer.step()

    for _ in range(4):
        step(tg.ones(2, 3))
    for count, runs in ((1, 1), (2, 0)):
        presses.append(count)
        reached.clear()
        with pytest.raises(KeyboardInterrupt):
            step(tg.ones(2, 3))
        assert len(reached) == runs
        assert signal.getsignal(signal.SIGINT) is signal.default_int_handler


def test_a_handler_of_the_users_is_left_alone(backend: str) -> None:
    found = []
    signal.signal(signal.SIGINT, lambda number, frame: found.append(number))
    w = tg.ones(3)
    step = tg.compile(lambda x: w.add_(x), backend=backend, fullgraph=True)
    for line in range(8):
        with interrupted(line):
            step(tg.ones(3))
    assert w.tolist() == [9, 9, 9]
    assert len(found) > 2
