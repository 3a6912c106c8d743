"""One step of each recurrent layer, what cells do once; and their runs along a sequence, what layers do.

A maker takes the weights and returns the step; what is the same at all places is computed here, once. The products
with the input and with the state are one product with the two side by side. Each gate has its own: a slice of a common
product would send back a whole array of zeros for every gate.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import NamedTuple

from tensorgrad import ops
from tensorgrad.engine.fused import fused_several
from tensorgrad.engine.primitive import PRIMITIVES
from tensorgrad.engine.tensor import Tensor
from tensorgrad.functions import composed
from tensorgrad.functions.joining import unbind

from . import sequences
from .linear import parts, parts_or_none
from .sequences import Order

State = tuple[Tensor, ...]
Step = Callable[[Tensor, State], State]
"""From the input (N, input) and the state, to the new state, whose first tensor is the output (N, hidden)."""


class Weights(NamedTuple):
    """Of one layer in one direction: (gates * hidden, input), (gates * hidden, output), biases, (output, hidden)."""

    ih: Tensor
    hh: Tensor
    bias_ih: Tensor | None = None
    bias_hh: Tensor | None = None
    hr: Tensor | None = None


def affine(x: Tensor, weight: Tensor, bias: Tensor | None) -> Tensor:
    """Return ``x @ weight.T + bias``."""
    return ops.linear(x, weight) if bias is None else ops.affine(x, weight, bias)


def _beside(a: Tensor, b: Tensor) -> Tensor:
    return ops.concatenate(a, b, axis=1)


def _joint(weights: Weights, count: int) -> list[tuple[Tensor, Tensor | None]]:
    """Return for each gate the weight of input and state side by side, and the sum of the biases."""
    bias = None if weights.bias_ih is None or weights.bias_hh is None else weights.bias_ih + weights.bias_hh
    return list(zip(parts(_beside(weights.ih, weights.hh), count), parts_or_none(bias, count), strict=True))


def rnn_step(weights: Weights, activation: Callable[[Tensor], Tensor]) -> Step:
    """Return ``h' = activation(W_ih x + b_ih + W_hh h + b_hh)``, the network of Elman 1990."""
    ((weight, bias),) = _joint(weights, 1)

    def step(x: Tensor, state: State) -> State:
        return (activation(affine(_beside(x, state[0]), weight, bias)),)

    return step


def lstm_step(weights: Weights) -> Step:
    """Return the step of Hochreiter and Schmidhuber 1997, with the forget gate of Gers et al. 2000.

    ``i, f, o = sigmoid(...)``, ``g = tanh(...)``, ``c' = f c + i g``, ``h' = o tanh(c')``, each ... being
    ``W_ih x + b_ih + W_hh h + b_hh`` with the gate's rows, in the order i, f, g, o. With `hr`, ``h' = W_hr o tanh(c')``
    (Sak et al. 2014).
    """
    i, f, g, o = _joint(weights, 4)

    def step(x: Tensor, state: State) -> State:
        h, c = state
        both = _beside(x, h)
        kept = ops.mul(ops.sigmoid(affine(both, *f)), c)
        c = kept + ops.mul(ops.sigmoid(affine(both, *i)), ops.tanh(affine(both, *g)))
        h = ops.mul(ops.sigmoid(affine(both, *o)), ops.tanh(c))
        return (h if weights.hr is None else ops.linear(h, weights.hr)), c

    return step


def gru_step(weights: Weights) -> Step:
    """Return the step of Cho et al. 2014, with the reset gate behind the product as in PyTorch.

    ``r, z = sigmoid(W_ih x + b_ih + W_hh h + b_hh)``, ``n = tanh(W_in x + b_in + r (W_hn h + b_hn))``,
    ``h' = (1 - z) n + z h``; the rows are in the order r, z, n.
    """
    r, z, _ = _joint(weights, 3)
    new_x, new_h = parts(weights.ih, 3)[2], parts(weights.hh, 3)[2]
    bias_x, bias_h = parts_or_none(weights.bias_ih, 3)[2], parts_or_none(weights.bias_hh, 3)[2]

    def step(x: Tensor, state: State) -> State:
        h = state[0]
        both = _beside(x, h)
        reset = ops.mul(ops.sigmoid(affine(both, *r)), affine(h, new_h, bias_h))
        new = ops.tanh(affine(x, new_x, bias_x) + reset)
        return (new + ops.mul(ops.sigmoid(affine(both, *z)), h - new),)

    return step


def run(step: Step, places: Sequence[Tensor], state: State, order: Order) -> tuple[list[Tensor], State]:
    """Return the output at every place of a sequence, and the state after the last step."""
    outputs = []
    for x in reversed(places) if order.backwards else places:
        state = step(x, state)
        outputs.append(state[0])
    return (outputs[::-1] if order.backwards else outputs), state


def _joined(step: Step, x: Tensor, state: State, order: Order) -> State:
    """Return the outputs at all places as one tensor, and the state after the last step, (1, N, hidden)."""
    outputs, last = run(step, unbind(x, order.axis), state, order)
    return composed.stack(outputs, order.axis), *(composed.expanded(h, 0) for h in last)


def _rnn(x: Tensor, h: Tensor, *weights: Tensor, order: Order, rectifies: bool) -> State:
    step = rnn_step(Weights(*weights), ops.relu if rectifies else ops.tanh)
    return _joined(step, x, (h,), order)


def _lstm(x: Tensor, h: Tensor, c: Tensor, *weights: Tensor, order: Order) -> State:
    return _joined(lstm_step(Weights(*weights)), x, (h, c), order)


def _gru(x: Tensor, h: Tensor, *weights: Tensor, order: Order) -> State:
    return _joined(gru_step(Weights(*weights)), x, (h,), order)


rnn = fused_several("rnn", _rnn, sequences.rnn, sequences.rnn_adjoint)
rectified_rnn = fused_several("rnn", _rnn, sequences.rnn, sequences.rnn_adjoint, hides=PRIMITIVES["relu"].hides)
lstm = fused_several("lstm", _lstm, sequences.lstm, sequences.lstm_adjoint)
gru = fused_several("gru", _gru, sequences.gru, sequences.gru_adjoint)
