"""A naive engine for the state machine and the fuzz: no tape of rules, only the program, and NumPy to run it again.

A derivative is a replay of the whole program on complex numbers, in which one element of one variable is moved by an
imaginary step: the imaginary part of the result is the derivative, to rounding. Views are NumPy's own views, in the
replay too, so a write to a shared buffer is seen by every view of it; that is all that in-place operations need.
What is not followed (detach, no_grad, a leaf that required no gradient) is the real part, a constant of the replay.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np

STEP = 1e-150  # so small that no product of steps is seen, whatever the depth; no difference is taken, nothing cancels

Function = Callable[..., Any]


@dataclass(frozen=True)
class Step:
    """``variable = function(*inputs)``; only the inputs in `followed` carry a derivative."""

    function: Function
    inputs: tuple[int, ...]
    followed: tuple[bool, ...]
    writes: bool = False  # the first input is the memory that the function writes; the variable is that memory


class Naive:
    """The program so far, the value of every variable, and who depends on whom."""

    def __init__(self) -> None:
        self.steps: list[Step] = []
        self.values: list[np.ndarray] = []
        self.ancestors: list[frozenset[int]] = []
        self.tracked: list[bool] = []
        self.base: list[int] = []  # the variable whose memory this one shares

    def leaf(self, value: np.ndarray, requires_grad: bool) -> int:
        """A variable of its own memory; returns its number, as all that follow do."""
        start = value.copy()
        number = self._added(Step(lambda: start.copy(), (), ()), frozenset())
        self.tracked[number] = requires_grad
        return number

    def apply(self, function: Function, *inputs: int, recorded: bool = True, view: bool = False) -> int:
        """The result of `function`; what it depends on is followed if `recorded`."""
        followed = tuple(recorded and self.tracked[i] for i in inputs)
        own = len(self.steps)
        parts = (self.ancestors[i] | {i, own} for i, f in zip(inputs, followed, strict=True) if f)
        number = self._added(Step(function, inputs, followed), frozenset().union(*parts))
        self.tracked[number] = any(followed)
        if view and np.may_share_memory(self.values[number], self.values[inputs[0]]):
            self.base[number] = self.base[inputs[0]]
        return number

    def write(self, target: int, function: Function, *inputs: int) -> int:
        """``function(memory of target, *inputs)`` writes there; every view of that memory depends on it from now on."""
        followed = (True, *(self.tracked[i] for i in inputs))
        own = len(self.steps)
        number = self._added(Step(function, (target, *inputs), followed, writes=True), frozenset())
        self.base[number] = self.base[target]
        sharing = [i for i in range(own) if self.base[i] == self.base[target] and self.tracked[i]]
        depends = {own}.union(*(self.ancestors[i] | {i} for i in (*sharing, *inputs) if self.tracked[i]))
        for i in (*sharing, number):
            self.ancestors[i], self.tracked[i] = frozenset(depends), True
        return number

    def derivative(self, y: int, x: int, direction: np.ndarray) -> np.ndarray:
        """The derivative of the variable `y` as `x`, at the time it was made, moves in `direction`."""
        return self._replayed(x, direction)[y].imag / STEP

    def gradient(self, y: int, g: np.ndarray, x: int) -> np.ndarray:
        """The derivative of ``sum(g * y)`` by every element of `x`."""
        shape = self.values[x].shape
        directions = (row.reshape(shape) for row in np.eye(self.values[x].size))
        return np.array([np.sum(g * self.derivative(y, x, d)) for d in directions]).reshape(shape)

    def _added(self, step: Step, ancestors: frozenset[int]) -> int:
        number = len(self.steps)
        self.steps.append(step)
        self.values.append(_run(step, self.values))
        self.ancestors.append(ancestors)
        self.tracked.append(False)
        self.base.append(number)
        return number

    def _replayed(self, x: int, direction: np.ndarray) -> list[np.ndarray]:
        values: list[np.ndarray] = []
        for number, step in enumerate(self.steps):
            value = _run(step, values)
            if not step.inputs and value.dtype.kind == "f":
                value = value.astype(complex)
            if number == x:
                value += 1j * STEP * direction
            values.append(value)
        return values


def _run(step: Step, values: list[np.ndarray]) -> np.ndarray:
    inputs = [values[i] if f else values[i].real for i, f in zip(step.inputs, step.followed, strict=True)]
    result = step.function(*inputs)
    return inputs[0] if step.writes else np.asarray(result)
