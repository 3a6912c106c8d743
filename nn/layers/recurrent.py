"""Recurrent layers over sequences: Elman's network, LSTM, GRU, in several layers and both directions."""

from __future__ import annotations

from itertools import chain
from typing import Any

from tensorgrad import ops
from tensorgrad.base.callsite import warn
from tensorgrad.create.creation import empty
from tensorgrad.create.random import Generator
from tensorgrad.engine.fused import fusible
from tensorgrad.engine.tensor import Tensor
from tensorgrad.errors import ArgumentError, DTypeError, ShapeError
from tensorgrad.functions import composed
from tensorgrad.functions.joining import unbind
from tensorgrad.nn import functional
from tensorgrad.nn.functional.naming import named
from tensorgrad.nn.functional.recurrence import State, Weights, run
from tensorgrad.nn.functional.sequences import Order
from tensorgrad.nn.module.parameter import Parameter
from tensorgrad.nn.module.settings import changed

from .cells import ACTIVATIONS, Elman, Gated, GatedUnits, LongShortTerm, zero_state
from .linear import begin


class Recurrent(Gated):
    """A stack of recurrent layers; subclasses define the step, and the numbers of gates and of tensors in a state.

    Each layer runs along the sequence as one operation, whose definition are its steps: a drawing shows them, and
    derivatives of higher order are computed through them. Half precision and projections go step by step.

    Args:
        input_size, hidden_size: features of the inputs and of the state.
        num_layers: layers on top of one another, each reading the outputs of the one below.
        bias: add biases.
        batch_first: inputs and outputs are (N, L, features) instead of (L, N, features).
        dropout: the probability with which outputs of every layer but the last are zeroed, in training.
        bidirectional: a second set of layers reads the sequence from its end; the outputs stand side by side.
        device, dtype: of the weights.
        generator: draws the weights, uniform in ±1/sqrt(hidden_size), and the masks.
    """

    states = 1

    def __init__(
        self,
        input_size: int,
        hidden_size: int,
        num_layers: int = 1,
        bias: bool = True,
        batch_first: bool = False,
        dropout: float = 0.0,
        bidirectional: bool = False,
        proj_size: int = 0,
        device: Any = None,
        dtype: Any = None,
        *,
        generator: Generator | None = None,
    ) -> None:
        _check_settings(input_size, hidden_size, num_layers, dropout, proj_size)
        super().__init__()
        self.input_size = input_size
        self.hidden_size = hidden_size
        self.num_layers = num_layers
        self.bias = bias
        self.batch_first = batch_first
        self.dropout = float(dropout)
        self.bidirectional = bidirectional
        self.proj_size = proj_size
        self.generator = generator
        self._names = [
            (layer, f"l{layer}{suffix}")
            for layer in range(num_layers)
            for suffix in ("", "_reverse")[: 1 + bidirectional]
        ]
        output, rows = proj_size or hidden_size, self.gates * hidden_size
        for layer, name in self._names:
            width = input_size if layer == 0 else output * (1 + bidirectional)
            shapes: dict[str, tuple[int, ...]] = {"weight_ih": (rows, width), "weight_hh": (rows, output)}
            shapes |= {"bias_ih": (rows,), "bias_hh": (rows,)} if bias else {}
            shapes |= {"weight_hr": (proj_size, hidden_size)} if proj_size else {}
            for kind, shape in shapes.items():
                setattr(self, f"{kind}_{name}", Parameter(empty(shape, device=device, dtype=dtype)))
        begin(self, generator)

    def flatten_parameters(self) -> None:
        """Do nothing: the weights need no other place in memory here."""

    def _weights(self, name: str) -> Weights:
        kinds = ("weight_ih", "weight_hh", "bias_ih", "bias_hh", "weight_hr")
        return Weights(*(getattr(self, f"{kind}_{name}", None) for kind in kinds))  # type: ignore[arg-type]  # two always

    def _run(self, input: Tensor, hx: State | None) -> tuple[Tensor, State]:
        """Return the outputs of the last layer, and the last state of every layer and direction."""
        batched = self._check_input(input)
        axis = 1 if self.batch_first else 0
        x = input if batched else composed.expanded(input, 1 - axis)
        if not x.array.shape[axis]:
            raise ShapeError(f"Expected sequence length to be larger than 0 in {type(self).__name__}")
        initial = self._initial(x, hx, batched)
        weights = [self._weights(name) for _, name in self._names]
        whole = not self.proj_size and fusible(x, *chain(*initial), *(w for w in chain(*weights) if w is not None))
        parts = [x] if whole else list(unbind(x, axis))  # the sequence, in one piece or place by place
        along = self._as_one if whole else self._by_step
        last: list[State] = []
        for layer in range(self.num_layers):
            directions = []
            for number, (at, name) in enumerate(self._names):
                if at == layer:
                    order = Order(axis, "_reverse" in name)
                    outputs, state = along(parts, weights[number], initial[number], order)
                    directions.append(outputs)
                    last.append(state)
            parts = directions[0]
            if self.bidirectional:
                parts = [ops.concatenate(a, b, axis=a.array.ndim - 1) for a, b in zip(*directions, strict=True)]
            if self.dropout and layer < self.num_layers - 1:
                parts = [functional.dropout(y, self.dropout, self.training, generator=self.generator) for y in parts]
        outputs = [y if batched else composed.squeezed(y, 1 - axis if whole else 0) for y in parts]
        y = outputs[0] if whole else composed.stack(outputs, axis if batched else 0)
        finals = [hs[0] if whole and len(hs) == 1 else ops.concatenate(*hs, axis=0) for hs in zip(*last, strict=True)]
        final = tuple(
            named(name, h if batched else composed.squeezed(h, 1))
            for name, h in zip(("h_n", "c_n"), finals, strict=False)
        )
        return named("output", y), final

    def _by_step(self, parts: list[Tensor], weights: Weights, state: State, order: Order) -> tuple[list[Tensor], State]:
        """Return the output at every place of the sequence, and the state after the last step, (1, N, hidden_size)."""
        outputs, last = run(self._step(weights), parts, state, order)
        return outputs, tuple(composed.expanded(h, 0) for h in last)

    def _as_one(self, parts: list[Tensor], weights: Weights, state: State, order: Order) -> tuple[list[Tensor], State]:
        """Return what `_by_step` does, of a sequence in one piece."""
        outputs, *last = self._whole(*parts, *state, *(w for w in weights if w is not None), order=order)
        return [outputs], tuple(last)

    def _check_input(self, x: Tensor) -> bool:
        """Return whether the input has the axis N."""
        name, shape = type(self).__name__, x.array.shape
        if len(shape) not in (2, 3):
            raise ValueError(f"{name}: Expected input to be 2D or 3D, got {len(shape)}D instead")
        if shape[-1] != self.input_size:
            raise ShapeError(
                f"input.size(-1) must be equal to input_size. Expected {self.input_size}, got {shape[-1]}, in {name}"
            )
        dtype = self.weight_ih_l0.array.dtype
        if x.array.dtype != dtype:
            raise DTypeError(
                f"{name} input dtype ({x.array.dtype}) does not match weight dtype ({dtype}). Convert input: "
                f"input.to(tensorgrad.{dtype}), or convert model: model.to(tensorgrad.{x.array.dtype})"
            )
        return len(shape) == 3

    def _initial(self, x: Tensor, hx: State | None, batched: bool) -> list[State]:
        """Return the state before the first place of the sequence `x`, for every layer and direction."""
        count, n = len(self._names), x.array.shape[0 if self.batch_first else 1]
        widths = [self.proj_size or self.hidden_size, self.hidden_size][: self.states]
        if hx is None:
            return [zero_state(n, widths, x.array.dtype)] * count
        for place, (h, width) in enumerate(zip(hx, widths, strict=True)):
            wanted = (count, n, width) if batched else (count, width)
            if h.array.ndim != len(wanted):
                raise ShapeError(
                    f"For {'batched 3-D' if batched else 'unbatched 2-D'} input, hx should also be {len(wanted)}-D but "
                    f"got {h.array.ndim}-D tensor"
                )
            if h.array.shape != wanted:
                raise ShapeError(
                    f"Expected hidden{f'[{place}]' if self.states > 1 else ''} size {wanted}, got {list(h.array.shape)}"
                )
        tensors = [h if batched else composed.expanded(h, 1) for h in hx]
        return [tuple(ops.getitem(h, index=(i,)) for h in tensors) for i in range(count)]

    def extra_repr(self) -> str:
        """Return the sizes, and the settings that are not the default."""
        usual = {"proj_size": 0, "num_layers": 1, "bias": True, "batch_first": False, "dropout": 0}
        return ", ".join([f"{self.input_size}, {self.hidden_size}", *changed(self, {**usual, "bidirectional": False})])


def _check_settings(input_size: int, hidden_size: int, num_layers: int, dropout: float, proj_size: int) -> None:
    for name, size in (("input_size", input_size), ("hidden_size", hidden_size), ("num_layers", num_layers)):
        if not isinstance(size, int):
            raise TypeError(f"{name} should be of type int, got: {type(size).__name__}")
        if size <= 0:
            raise ValueError(f"{name} must be greater than zero, found {size}")
    if isinstance(dropout, bool) or not 0 <= dropout <= 1:
        raise ValueError(
            "dropout should be a number in range [0, 1] representing the probability of an element being "
            f"zeroed, found {dropout}"
        )
    if dropout > 0 and num_layers == 1:
        warn(
            "dropout option adds dropout after all but last recurrent layer, so non-zero dropout expects num_layers "
            f"greater than 1, but got dropout={dropout} and num_layers={num_layers}",
        )
    if proj_size < 0:
        raise ValueError("proj_size should be a positive integer or zero to disable projections")
    if proj_size >= hidden_size:
        raise ValueError("proj_size has to be smaller than hidden_size")


class _OneState(Recurrent):
    def forward(self, input: Tensor, hx: Tensor | None = None) -> tuple[Tensor, Tensor]:
        """Return the outputs at every place, and the last state of every layer and direction."""
        outputs, (last,) = self._run(input, None if hx is None else (hx,))
        return outputs, last


class RNN(Elman, _OneState):
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


class GRU(GatedUnits, _OneState):
    """Gated recurrent units along a sequence; shapes as for `RNN`, equations at `functional.recurrence.gru_step`."""

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


class LSTM(LongShortTerm, Recurrent):
    """Long short-term memory along a sequence; equations at `functional.recurrence.lstm_step`.

    From (L, N, input_size) to the outputs (L, N, hidden_size) and the last states h and c (layers, N, hidden_size); the
    axis N may be missing. With `proj_size`, outputs and h have that many features.

    >>> import tensorgrad as tg
    >>> outputs, (h, c) = LSTM(3, 4, num_layers=2, batch_first=True)(tg.ones(2, 5, 3))
    >>> outputs.shape, h.shape, c.shape
    (tensorgrad.Size([2, 5, 4]), tensorgrad.Size([2, 2, 4]), tensorgrad.Size([2, 2, 4]))
    """

    states = 2

    def forward(self, input: Tensor, hx: tuple[Tensor, Tensor] | None = None) -> tuple[Tensor, tuple[Tensor, Tensor]]:
        """Return the outputs at every place, and the last states (h, c) of every layer and direction."""
        outputs, (h, c) = self._run(input, hx)
        return outputs, (h, c)
