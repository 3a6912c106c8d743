"""Recurrent cells: one step, for loops of one's own."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import numpy as np

from tensorgrad import ops
from tensorgrad.base.dtypes import DType
from tensorgrad.create.random import Generator
from tensorgrad.engine.tensor import Tensor, wrap
from tensorgrad.errors import ArgumentError, ShapeError
from tensorgrad.functions import composed
from tensorgrad.nn import init
from tensorgrad.nn.functional import recurrence
from tensorgrad.nn.functional.naming import named
from tensorgrad.nn.functional.recurrence import State, Step, Weights, gru_step, lstm_step, rnn_step
from tensorgrad.nn.functional.sequences import Order
from tensorgrad.nn.module.module import Module

from .linear import begin, register_weights

ACTIVATIONS = {"tanh": ops.tanh, "relu": ops.relu}


def zero_state(n: int, widths: Sequence[int], dtype: DType) -> State:
    """Return the zeros (n, width) that a recurrence starts from, named h_0, and c_0 with a second width."""
    return tuple(
        named(name, wrap(np.zeros((n, width), dtype))) for name, width in zip(("h_0", "c_0"), widths, strict=False)
    )


class Gated(Module):
    """What recurrent cells and layers share: how many gates there are, the step, and the initial values."""

    gates = 1
    hidden_size: int

    def reset_parameters(self, generator: Generator | None = None) -> None:
        """Draw the initial values anew, uniform in ±1/sqrt(hidden_size)."""
        bound = 1 / math.sqrt(self.hidden_size) if self.hidden_size else 0.0
        for parameter in self.parameters():
            init.uniform_(parameter, -bound, bound, generator)

    def _step(self, weights: Weights) -> Step:
        raise NotImplementedError

    def _whole(self, *tensors: Tensor, order: Order) -> State:
        """Return the outputs along a sequence and the last state, computed by one operation.

        `tensors` are the sequence, the state before, the weights and the biases.
        """
        raise NotImplementedError


class Elman(Gated):
    """Steps of Elman's network, with `nonlinearity`; see `functional.recurrence.rnn_step`."""

    nonlinearity: str

    def _step(self, weights: Weights) -> Step:
        return rnn_step(weights, ACTIVATIONS[self.nonlinearity])

    def _whole(self, *tensors: Tensor, order: Order) -> State:
        rectifies = self.nonlinearity == "relu"
        along = recurrence.rectified_rnn if rectifies else recurrence.rnn
        return along(*tensors, order=order, rectifies=rectifies)


class LongShortTerm(Gated):
    """Steps of long short-term memory; see `functional.recurrence.lstm_step`."""

    gates = 4

    def _step(self, weights: Weights) -> Step:
        return lstm_step(weights)

    def _whole(self, *tensors: Tensor, order: Order) -> State:
        return recurrence.lstm(*tensors, order=order)


class GatedUnits(Gated):
    """Steps of gated recurrent units; see `functional.recurrence.gru_step`."""

    gates = 3

    def _step(self, weights: Weights) -> Step:
        return gru_step(weights)

    def _whole(self, *tensors: Tensor, order: Order) -> State:
        return recurrence.gru(*tensors, order=order)


class _Cell(Gated):
    """What the cells share: weights, checks, and inputs (N, input) or (input,)."""

    def __init__(
        self,
        input_size: int,
        hidden_size: int,
        bias: bool = True,
        device: Any = None,
        dtype: Any = None,
        *,
        generator: Generator | None = None,
    ) -> None:
        super().__init__()
        self.input_size = input_size
        self.hidden_size = hidden_size
        self.bias = bias
        rows = self.gates * hidden_size
        shapes = {"weight_ih": (rows, input_size), "weight_hh": (rows, hidden_size)}
        register_weights(self, {**shapes, "bias_ih": (rows,), "bias_hh": (rows,)}, bias, device, dtype)
        begin(self, generator)

    def _next(self, input: Tensor, state: State | None, count: int = 1) -> State:
        """Return the state after `input`, `count` tensors (N, hidden_size), or (hidden_size,) without a batch."""
        name, ndim = type(self).__name__, input.array.ndim
        if ndim not in (1, 2):
            raise ValueError(f"{name}: Expected input to be 1D or 2D, got {ndim}D instead")
        if input.array.shape[-1] != self.input_size:
            raise ShapeError(
                f"input has inconsistent input_size: got {input.array.shape[-1]} expected {self.input_size}, in {name}"
            )
        x = input if ndim == 2 else composed.expanded(input, 0)
        n = x.array.shape[0]
        if state is None:
            state = zero_state(n, [self.hidden_size] * count, x.array.dtype)
        elif ndim == 1:
            state = tuple(composed.expanded(h, 0) for h in state)
        for h in state:
            if h.array.shape != (n, self.hidden_size):
                raise ShapeError(
                    f"{name}: Expected hidden of shape {(n, self.hidden_size)} for {n} inputs, got {h.array.shape}"
                )
        new = self._step(Weights(self.weight_ih, self.weight_hh, self.bias_ih, self.bias_hh))(x, state)
        return new if ndim == 2 else tuple(composed.squeezed(h, 0) for h in new)

    def extra_repr(self) -> str:
        """Return the sizes, and the settings that are not the default."""
        return f"{self.input_size}, {self.hidden_size}" + ("" if self.bias else f", bias={self.bias}")


class RNNCell(Elman, _Cell):
    """``h' = tanh(W_ih x + b_ih + W_hh h + b_hh)``, or relu: from (N, input_size) and (N, hidden_size) to the latter.

    Inputs without the axis N are taken as well; no state stands for zeros.

    Raises:
        ArgumentError: `nonlinearity` is another word than "tanh" and "relu".
    """

    def __init__(
        self,
        input_size: int,
        hidden_size: int,
        bias: bool = True,
        nonlinearity: str = "tanh",
        device: Any = None,
        dtype: Any = None,
        *,
        generator: Generator | None = None,
    ) -> None:
        if nonlinearity not in ACTIVATIONS:
            raise ArgumentError(f"Unknown nonlinearity: {nonlinearity}; it is tanh or relu")
        super().__init__(input_size, hidden_size, bias, device, dtype, generator=generator)
        self.nonlinearity = nonlinearity

    def forward(self, input: Tensor, hx: Tensor | None = None) -> Tensor:
        """Return the new state."""
        return self._next(input, None if hx is None else (hx,))[0]

    def extra_repr(self) -> str:
        """Return the sizes, and the settings that are not the default."""
        return super().extra_repr() + ("" if self.nonlinearity == "tanh" else f", nonlinearity={self.nonlinearity}")


class LSTMCell(LongShortTerm, _Cell):
    """One step of long short-term memory: input (N, input_size) and state (h, c), both (N, hidden_size).

    The equations stand at `functional.recurrence.lstm_step`.

    Raises:
        ShapeError: `input_size` or `hidden_size` is negative.
    """

    def forward(self, input: Tensor, hx: tuple[Tensor, Tensor] | None = None) -> tuple[Tensor, Tensor]:
        """Return the new state (h, c)."""
        h, c = self._next(input, hx, 2)
        return h, c


class GRUCell(GatedUnits, _Cell):
    """One step of the gated recurrent unit: input (N, input_size) and state (N, hidden_size).

    The equations stand at `functional.recurrence.gru_step`.

    Raises:
        ShapeError: `input_size` or `hidden_size` is negative.
    """

    def forward(self, input: Tensor, hx: Tensor | None = None) -> Tensor:
        """Return the new state."""
        return self._next(input, None if hx is None else (hx,))[0]
