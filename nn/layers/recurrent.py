"""Recurrent layers over sequences: Elman's network, LSTM, GRU, in several layers and both directions."""

from __future__ import annotations

from typing import Any

from tensorgrad.create.random import Generator
from tensorgrad.engine.tensor import Tensor
from tensorgrad.errors import ArgumentError
from tensorgrad.nn.functional.recurrence import Step, Weights, gru_step, lstm_step, rnn_step

from .cells import ACTIVATIONS
from .recurrence import Recurrent


class RNN(Recurrent):
    """Elman's network: ``h' = tanh(W_ih x + b_ih + W_hh h + b_hh)`` along a sequence, or relu.

    From (L, N, input_size) to the outputs (L, N, hidden_size) and the last states (layers, N, hidden_size); the axis N
    may be missing; twice as many features and states if `bidirectional`. Source: Elman 1990.

    >>> import tensorgrad as tg
    >>> outputs, last = RNN(3, 4)(tg.ones(5, 2, 3))
    >>> outputs.shape, last.shape
    (tensorgrad.Size([5, 2, 4]), tensorgrad.Size([1, 2, 4]))
    """

    def __init__(
        self,
        input_size: int,
        hidden_size: int,
        num_layers: int = 1,
        nonlinearity: str = "tanh",
        bias: bool = True,
        batch_first: bool = False,
        dropout: float = 0.0,
        bidirectional: bool = False,
        device: Any = None,
        dtype: Any = None,
        *,
        generator: Generator | None = None,
    ) -> None:
        if nonlinearity not in ACTIVATIONS:
            raise ArgumentError(f"Unknown nonlinearity '{nonlinearity}'. Select from 'tanh' or 'relu'.")
        super().__init__(
            input_size, hidden_size, num_layers, bias, batch_first, dropout, bidirectional, 0, device, dtype,
            generator=generator,
        )  # fmt: skip
        self.nonlinearity = nonlinearity

    def _step(self, weights: Weights) -> Step:
        return rnn_step(weights, ACTIVATIONS[self.nonlinearity])

    def forward(self, input: Tensor, hx: Tensor | None = None) -> tuple[Tensor, Tensor]:
        """Return the outputs at every place, and the last state of every layer and direction."""
        outputs, (last,) = self._run(input, None if hx is None else (hx,))
        return outputs, last


class GRU(Recurrent):
    """Gated recurrent units along a sequence; shapes as for `RNN`, equations at `functional.recurrence.gru_step`."""

    gates = 3

    def __init__(
        self,
        input_size: int,
        hidden_size: int,
        num_layers: int = 1,
        bias: bool = True,
        batch_first: bool = False,
        dropout: float = 0.0,
        bidirectional: bool = False,
        device: Any = None,
        dtype: Any = None,
        *,
        generator: Generator | None = None,
    ) -> None:
        super().__init__(
            input_size, hidden_size, num_layers, bias, batch_first, dropout, bidirectional, 0, device, dtype,
            generator=generator,
        )  # fmt: skip

    def _step(self, weights: Weights) -> Step:
        return gru_step(weights)

    def forward(self, input: Tensor, hx: Tensor | None = None) -> tuple[Tensor, Tensor]:
        """Return the outputs at every place, and the last state of every layer and direction."""
        outputs, (last,) = self._run(input, None if hx is None else (hx,))
        return outputs, last


class LSTM(Recurrent):
    """Long short-term memory along a sequence; equations at `functional.recurrence.lstm_step`.

    From (L, N, input_size) to the outputs (L, N, hidden_size) and the last states h and c (layers, N, hidden_size); the
    axis N may be missing. With `proj_size`, outputs and h have that many features.

    >>> import tensorgrad as tg
    >>> outputs, (h, c) = LSTM(3, 4, num_layers=2, batch_first=True)(tg.ones(2, 5, 3))
    >>> outputs.shape, h.shape, c.shape
    (tensorgrad.Size([2, 5, 4]), tensorgrad.Size([2, 2, 4]), tensorgrad.Size([2, 2, 4]))
    """

    gates = 4
    states = 2

    def _step(self, weights: Weights) -> Step:
        return lstm_step(weights)

    def forward(self, input: Tensor, hx: tuple[Tensor, Tensor] | None = None) -> tuple[Tensor, tuple[Tensor, Tensor]]:
        """Return the outputs at every place, and the last states (h, c) of every layer and direction."""
        outputs, (h, c) = self._run(input, hx)
        return outputs, (h, c)
