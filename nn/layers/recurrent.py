"""Recurrent layers over sequences: Elman's network, LSTM, GRU, in several layers and both directions."""

from __future__ import annotations

from collections.abc import Callable
from itertools import chain
from typing import TYPE_CHECKING, Any, overload

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
from tensorgrad.nn.functional.packing import PackedSequence, in_order, stretches
from tensorgrad.nn.functional.recurrence import State, Weights, run
from tensorgrad.nn.functional.sequences import Order
from tensorgrad.nn.module.parameter import Parameter
from tensorgrad.nn.module.settings import changed

from .cells import ACTIVATIONS, Elman, Gated, GatedUnits, LongShortTerm, zero_state
from .linear import begin

Pair = tuple[Tensor, Tensor]
Along = Callable[[list[Tensor], Weights, State, Order], tuple[list[Tensor], State]]
"""From what there is at each place, in one tensor or in many, to the outputs in the same form, and the last state."""


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
        """Make the weights.

        Raises:
            ValueError: a size is not positive, or `dropout` is not within [0, 1].
        """
        _check_settings(input_size, hidden_size, num_layers, dropout, proj_size)
        super().__init__()
        self.input_size, self.hidden_size, self.proj_size = input_size, hidden_size, proj_size
        self.num_layers, self.bidirectional = num_layers, bidirectional
        self.bias, self.batch_first = bias, batch_first
        self.dropout, self.generator = float(dropout), generator
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

    def _run_any(self, input: Tensor | PackedSequence, hx: State | None) -> tuple[Any, State]:
        return self._run_packed(input, hx) if isinstance(input, PackedSequence) else self._run(input, hx)

    def _run(self, input: Tensor, hx: State | None) -> tuple[Tensor, State]:
        """Return the outputs of the last layer, and the last state of every layer and direction."""
        batched = self._check_input(input, (2, 3))
        axis = 1 if self.batch_first else 0
        x = input if batched else composed.expanded(input, 1 - axis)
        if not x.array.shape[axis]:
            raise ShapeError(f"Expected sequence length to be larger than 0 in {type(self).__name__}")
        initial = self._initial(x, hx, x.array.shape[1 - axis], batched)
        whole = self._whole_fits(x, initial)
        (parts,), finals = self._up([[x] if whole else list(unbind(x, axis))], initial, axis, whole)
        outputs = [y if batched else composed.squeezed(y, 1 - axis if whole else 0) for y in parts]
        y = outputs[0] if whole else composed.stack(outputs, axis if batched else 0)
        final = tuple(
            named(name, h if batched else composed.squeezed(h, 1))
            for name, h in zip(("h_n", "c_n"), finals, strict=False)
        )
        return named("output", y), final

    def _run_packed(self, sequence: PackedSequence, hx: State | None) -> tuple[PackedSequence, State]:
        """Return what `_run` does of each sequence by itself, packed as they are, the states in the caller's order."""
        self._check_input(sequence.data, (2,))
        found = stretches(sequence)
        given = None if hx is None else in_order(hx, sequence.sorted_indices)
        initial = self._initial(sequence.data, given, found[0].width, batched=True)
        whole = self._whole_fits(sequence.data, initial)
        pieces = [stretch.of(sequence.data) for stretch in found]
        runs, finals = self._up([[x] if whole else list(unbind(x, 0)) for x in pieces], initial, 0, whole)
        rows = [composed.flattened(y, 0, 1) if whole else y for parts in runs for y in parts]
        last = in_order(finals, sequence.unsorted_indices)
        final = tuple(named(name, h) for name, h in zip(("h_n", "c_n"), last, strict=False))
        return PackedSequence(named("output", ops.concatenate(*rows, axis=0)), *sequence[1:]), final

    def _whole_fits(self, x: Tensor, initial: list[State]) -> bool:
        """Return whether a layer runs along a sequence as one operation."""
        weights = chain(*[self._weights(name) for _, name in self._names])
        return not self.proj_size and fusible(x, *chain(*initial), *(w for w in weights if w is not None))

    def _up(
        self, pieces: list[list[Tensor]], initial: list[State], axis: int, whole: bool
    ) -> tuple[list[list[Tensor]], State]:
        """Return the outputs of the last layer, in the pieces of the sequence, and the last states of all layers.

        A piece is one tensor if `whole`, or else one for each place; a later one may have fewer rows.
        """
        along = self._as_one if whole else self._by_step
        last: list[State] = []
        for layer in range(self.num_layers):
            directions = []
            for number, (at, name) in enumerate(self._names):
                if at == layer:
                    order = Order(axis, "_reverse" in name)
                    runs, state = _through(along, pieces, self._weights(name), initial[number], order)
                    directions.append(runs)
                    last.append(state)
            pieces = directions[0]
            if self.bidirectional:
                pieces = [[_beside(*pair) for pair in zip(*two, strict=True)] for two in zip(*directions, strict=True)]
            if self.dropout and layer < self.num_layers - 1:
                pieces = [[self._thinned(y) for y in parts] for parts in pieces]
        return pieces, tuple(
            hs[0] if whole and len(hs) == 1 else ops.concatenate(*hs, axis=0) for hs in zip(*last, strict=True)
        )

    def _thinned(self, y: Tensor) -> Tensor:
        return functional.dropout(y, self.dropout, self.training, generator=self.generator)

    def _by_step(self, parts: list[Tensor], weights: Weights, state: State, order: Order) -> tuple[list[Tensor], State]:
        """Return the output at every place of the sequence, and the state after the last step, (1, N, hidden_size)."""
        outputs, last = run(self._step(weights), parts, state, order)
        return outputs, tuple(composed.expanded(h, 0) for h in last)

    def _as_one(self, parts: list[Tensor], weights: Weights, state: State, order: Order) -> tuple[list[Tensor], State]:
        """Return what `_by_step` does, of a sequence in one piece."""
        outputs, *last = self._whole(*parts, *state, *(w for w in weights if w is not None), order=order)
        return [outputs], tuple(last)

    def _check_input(self, x: Tensor, ndims: tuple[int, ...]) -> bool:
        """Return whether the input has the axis N."""
        name, shape = type(self).__name__, x.array.shape
        if len(shape) not in ndims:
            wanted = " or ".join(f"{n}D" for n in ndims)
            raise ValueError(f"{name}: Expected input to be {wanted}, got {len(shape)}D instead")
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

    def _initial(self, x: Tensor, hx: State | None, n: int, batched: bool) -> list[State]:
        """Return the state before the first place of `n` sequences, for every layer and direction."""
        count = len(self._names)
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


def _through(
    along: Along, pieces: list[list[Tensor]], weights: Weights, start: State, order: Order
) -> tuple[list[list[Tensor]], State]:
    """Return the outputs and the last state of one layer in one direction, through all pieces of a sequence.

    Forwards, sequences that have ended leave their last state behind; backwards, they begin later with the first one.
    """
    if len(pieces) == 1:  # as nearly always
        outputs, last = along(pieces[0], weights, start, order)
        return [outputs], last
    runs, ended = [], []
    state, had = start, 0 if order.backwards else start[0].array.shape[0]
    for parts in reversed(pieces) if order.backwards else pieces:
        width = parts[0].array.shape[-2]
        if width > had:
            begun = _rows(start, had, width)
            state = tuple(ops.concatenate(*hs, axis=0) for hs in zip(state, begun, strict=True)) if had else begun
        elif width < had:
            ended.append(_rows(state, width, had))
            state = _rows(state, 0, width)
        outputs, last = along(parts, weights, state, order)
        state, had = tuple(composed.squeezed(h, 0) for h in last), width
        runs.append(outputs)
    finals = [ops.concatenate(*hs, axis=0) for hs in zip(state, *reversed(ended), strict=True)]
    return runs[:: -1 if order.backwards else 1], tuple(composed.expanded(h, 0) for h in finals)


def _rows(state: State, start: int, end: int) -> State:
    return tuple(ops.getitem(h, index=(slice(start, end),)) for h in state)


def _beside(a: Tensor, b: Tensor) -> Tensor:
    return ops.concatenate(a, b, axis=a.array.ndim - 1)


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
    @overload
    def forward(self, input: Tensor, hx: Tensor | None = None) -> tuple[Tensor, Tensor]: ...

    @overload
    def forward(self, input: PackedSequence, hx: Tensor | None = None) -> tuple[PackedSequence, Tensor]: ...

    def forward(self, input: Tensor | PackedSequence, hx: Tensor | None = None) -> tuple[Any, Tensor]:
        """Return the outputs at every place, packed if `input` is, and the last state of every layer and direction."""
        given = None if hx is None else (hx,)
        outputs, (last,) = self._run_any(input, given)
        return outputs, last

    if TYPE_CHECKING:  # the call that modules inherit knows the first form of `forward` only

        @overload
        def __call__(self, input: Tensor, hx: Tensor | None = None) -> tuple[Tensor, Tensor]: ...

        @overload
        def __call__(self, input: PackedSequence, hx: Tensor | None = None) -> tuple[PackedSequence, Tensor]: ...

        def __call__(self, input: Any, hx: Any = None) -> Any: ...


class RNN(Elman, _OneState):
    """Elman's network: ``h' = tanh(W_ih x + b_ih + W_hh h + b_hh)`` along a sequence, or relu.

    From (L, N, input_size) to the outputs (L, N, hidden_size) and the last states (layers, N, hidden_size); the axis N
    may be missing; twice as many features and states if `bidirectional`. Source: Elman 1990.

    Raises:
        ValueError: another `nonlinearity`, a size that is not positive, a `dropout` outside of [0, 1].

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

    @overload
    def forward(self, input: Tensor, hx: Pair | None = None) -> tuple[Tensor, Pair]: ...

    @overload
    def forward(self, input: PackedSequence, hx: Pair | None = None) -> tuple[PackedSequence, Pair]: ...

    def forward(self, input: Tensor | PackedSequence, hx: Pair | None = None) -> tuple[Any, Pair]:
        """Return the outputs at every place, packed if `input` is, and the last (h, c) of all layers and directions."""
        outputs, (h, c) = self._run_any(input, hx)
        return outputs, (h, c)

    if TYPE_CHECKING:  # the call that modules inherit knows the first form of `forward` only

        @overload
        def __call__(self, input: Tensor, hx: Pair | None = None) -> tuple[Tensor, Pair]: ...

        @overload
        def __call__(self, input: PackedSequence, hx: Pair | None = None) -> tuple[PackedSequence, Pair]: ...

        def __call__(self, input: Any, hx: Any = None) -> Any: ...  # noqa: D102
