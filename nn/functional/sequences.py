"""The arithmetic of recurrences along a whole sequence, on plain arrays; the steps it equals stand in `recurrence`.

All inputs are multiplied at once, and each step multiplies the state alone. What does not wait for the state is
computed for all steps together: the slopes of the gates, and the gradients of the weights. A gate is ``1 / (1 + e)``
with ``e`` the exponential of its negated sum, for which the weights are negated; its slope is ``e / (1 + e)²``. Both
are right to the last bits also where a gate is nearly shut or open, as half of a hyperbolic tangent would not be.

Arrays of all steps have the steps first, in the order in which they are read, then the gates, the batch, the features.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from tensorgrad.base.dtypes import Array
from tensorgrad.base.numerics import column_sums, room, row_major
from tensorgrad.engine.fused import cut
from tensorgrad.ops.slopes import rectified

Residuals = tuple[Any, ...]
Cotangents = tuple[Any, ...]


@dataclass(frozen=True)
class Order:
    """How a sequence is read: its places lie along `axis`, and the last one may be the first step."""

    axis: int
    backwards: bool

    def steps(self, x: Array) -> Array:
        """Return the view of `x` with the steps first, as they are read."""
        xs = x.swapaxes(0, self.axis)
        return xs[::-1] if self.backwards else xs

    def places(self, xs: Array) -> Array:
        """Return the view of `xs`, with the steps first, in which they lie where they were read."""
        return (xs[::-1] if self.backwards else xs).swapaxes(0, self.axis)


def rnn(
    x: Array, h: Array, weight: Array, recurrent: Array, *biases: Array, order: Order, rectifies: bool
) -> tuple[tuple[Array, Array], Residuals]:
    """Return the outputs, the last state, and what `rnn_adjoint` needs; see `recurrence.rnn_step`."""
    xs = row_major(order.steps(x))
    sums = _products(xs, weight, biases[0] + biases[1] if biases else None)
    hs, turned = _from_start(h, sums), row_major(recurrent.T)
    for t in range(len(xs)):
        total = hs[t] @ turned
        total += sums[t]
        if rectifies:
            hs[t + 1] = rectified(total)
        else:
            np.tanh(total, out=hs[t + 1])
    return (_outputs(hs, order), hs[-1:].copy()), (xs, hs, order, rectifies)


def rnn_adjoint(g: Array, residuals: Residuals, inputs: tuple[Array, ...]) -> Cotangents:
    """Return the cotangents of all arguments of `rnn`: ``d = (dy + U' d') f'(y)`` from the last step to the first."""
    xs, hs, order, rectifies = residuals
    dys, dh = _given(g, inputs[0], hs, order)
    slopes = np.sign(hs[1:]) if rectifies else _slopes_of_tanh(hs[1:])  # of NaN, too
    ds = room(np.empty, dys.shape, dys.dtype, g)
    for t in range(len(xs) - 1, -1, -1):
        np.multiply(dys[t] + dh, slopes[t], out=ds[t])
        dh = ds[t] @ inputs[3]
    return _cotangents(ds, ds, xs, hs, inputs, order, dh)


def lstm(
    x: Array, h: Array, c: Array, weight: Array, recurrent: Array, *biases: Array, order: Order
) -> tuple[tuple[Array, Array, Array], Residuals]:
    """Return the outputs, the last state h and c, and what `lstm_adjoint` needs; see `recurrence.lstm_step`.

    The gates stand in the order o, i, f.
    """
    n, size = h.shape
    xs = row_major(order.steps(x))
    sums = _products(xs, _lstm_rows(weight, size), _lstm_rows(biases[0] + biases[1], size) if biases else None)
    hs, cs, turned = _from_start(h, sums), _from_start(c, sums), row_major(_lstm_rows(recurrent, size).T)
    e, opened = (room(np.empty, (len(xs), 3, n, size), x.dtype, sums) for _ in range(2))
    new, seen = (room(np.empty, (len(xs), n, size), x.dtype, sums) for _ in range(2))
    with np.errstate(over="ignore"):  # a gate is shut
        for t in range(len(xs)):
            total = hs[t] @ turned
            total += sums[t]
            by_gate = total.reshape(n, 4, size).swapaxes(0, 1)
            _open(by_gate[:3], e[t], opened[t])
            o, i, f = opened[t]
            np.tanh(by_gate[3], out=new[t])
            cell = np.multiply(f, cs[t], out=cs[t + 1])
            cell += i * new[t]
            np.tanh(cell, out=seen[t])
            np.multiply(o, seen[t], out=hs[t + 1])
    results = _outputs(hs, order), hs[-1:].copy(), cs[-1:].copy()
    return results, (xs, hs, cs, e, opened, new, seen, order)


def lstm_adjoint(g: Array, residuals: Residuals, inputs: tuple[Array, ...]) -> Cotangents:
    """Return the cotangents of all arguments of `lstm`, from the last step to the first.

    ``dc += dh o tanh'(c)``; the sums of i, f and g get ``dc`` times their slopes, that of o gets ``dh`` times its own.
    """
    xs, hs, cs, e, opened, new, seen, order = residuals
    steps, _, n, size = e.shape
    dys, dh, dc = _given(g, inputs[0], hs, order, states=2)
    factors = _lstm_factors(cs, e, opened, new, seen)
    through = _slopes_of_tanh(seen)
    through *= opened[:, 0]
    ds = room(np.empty, (steps, n, 4 * size), g.dtype, g)
    by_gate = ds.reshape(steps, n, 4, size).swapaxes(1, 2)
    for t in range(steps - 1, -1, -1):
        dh = dys[t] + dh
        dc = dh * through[t] + dc
        np.multiply(factors[t, :3], dc, out=by_gate[t, :3])
        np.multiply(factors[t, 3], dh, out=by_gate[t, 3])
        dc *= opened[t, 2]
        dh = ds[t] @ inputs[4]
    return _cotangents(ds, ds, xs, hs, inputs, order, dh, dc)


def _lstm_factors(cs: Array, e: Array, opened: Array, new: Array, seen: Array) -> Array:
    """Return the slopes of c by the sums of i, f and g, and of h by that of o, at all steps."""
    steps, _, n, size = e.shape
    slopes = _slopes_of_gates(e, opened)
    factors = room(np.empty, (steps, 4, n, size), e.dtype, e)
    np.multiply(slopes[:, 1], new, out=factors[:, 0])
    np.multiply(slopes[:, 2], cs[:-1], out=factors[:, 1])
    np.multiply(_slopes_of_tanh(new), opened[:, 1], out=factors[:, 2])
    np.multiply(slopes[:, 0], seen, out=factors[:, 3])
    return factors


def gru(
    x: Array, h: Array, weight: Array, recurrent: Array, *biases: Array, order: Order
) -> tuple[tuple[Array, Array], Residuals]:
    """Return the outputs, the last state, and what `gru_adjoint` needs; see `recurrence.gru_step`."""
    n, size = h.shape
    xs = row_major(order.steps(x))
    bias, later = None, None
    if biases:
        later = biases[1][2 * size :]
        bias = _gru_rows(np.concatenate([biases[0][: 2 * size] + biases[1][: 2 * size], biases[0][2 * size :]]), size)
    sums = _products(xs, _gru_rows(weight, size), bias)
    hs, turned = _from_start(h, sums), row_major(_gru_rows(recurrent, size).T)
    e, opened = (room(np.empty, (len(xs), 2, n, size), x.dtype, sums) for _ in range(2))
    kept, new = (room(np.empty, (len(xs), n, size), x.dtype, sums) for _ in range(2))
    with np.errstate(over="ignore"):  # a gate is shut
        for t in range(len(xs)):
            total = hs[t] @ turned
            total[:, : 2 * size] += sums[t, :, : 2 * size]
            by_gate = total.reshape(n, 3, size).swapaxes(0, 1)
            _open(by_gate[:2], e[t], opened[t])
            r, z = opened[t]
            kept[t] = by_gate[2] if later is None else by_gate[2] + later
            np.tanh(sums[t, :, 2 * size :] + r * kept[t], out=new[t])
            state = np.subtract(hs[t], new[t], out=hs[t + 1])
            state *= z
            state += new[t]
    return (_outputs(hs, order), hs[-1:].copy()), (xs, hs, e, opened, kept, new, order)


def gru_adjoint(g: Array, residuals: Residuals, inputs: tuple[Array, ...]) -> Cotangents:
    """Return the cotangents of all arguments of `gru`, from the last step to the first.

    ``n``, which has ``dn = dh (1 - z) tanh'(n)``, is the sum of a product with the input and one with the state, and
    the gate r of the latter alone.
    """
    xs, hs, e, opened, kept, new, order = residuals
    steps, _, n, size = e.shape
    dys, dh = _given(g, inputs[0], hs, order)
    factors = _slopes_of_gates(e, opened)
    factors[:, 0] *= kept
    factors[:, 1] *= hs[:-1] - new
    through = _slopes_of_tanh(new)
    through *= 1 - opened[:, 1]
    dns = room(np.empty, new.shape, g.dtype, g)
    ds = room(np.empty, (steps, n, 3 * size), g.dtype, g)
    by_gate = ds.reshape(steps, n, 3, size).swapaxes(1, 2)
    for t in range(steps - 1, -1, -1):
        dh = dys[t] + dh
        dn = np.multiply(dh, through[t], out=dns[t])
        np.multiply(dn, factors[t, 0], out=by_gate[t, 0])
        np.multiply(dh, factors[t, 1], out=by_gate[t, 1])
        np.multiply(dn, opened[t, 0], out=by_gate[t, 2])
        dh *= opened[t, 1]
        dh += ds[t] @ inputs[3]
    of_inputs = np.concatenate([ds[:, :, : 2 * size], dns], axis=2)
    return _cotangents(of_inputs, ds, xs, hs, inputs, order, dh)


# --- what they share --------------------------------------------------------------------------------------------------


def _outputs(hs: Array, order: Order) -> Array:
    """Return a copy of the states behind each step, which others may write."""
    found: Array = order.places(hs[1:]).copy()
    return found


def _products(xs: Array, weight: Array, bias: Array | None) -> Array:
    """Return ``xs @ weight.T + bias``."""
    steps, n, width = xs.shape
    found = xs.reshape(steps * n, width) @ weight.T
    if bias is not None:
        found += bias
    return found.reshape(steps, n, len(weight))


def _from_start(state: Array, sums: Array) -> Array:
    """Return room for the states before and behind each step of `sums`, with the first one in it."""
    states = room(np.empty, (len(sums) + 1, *state.shape), state.dtype, state, sums)
    states[0] = state
    return states


def _lstm_rows(w: Array, size: int) -> Array:
    """Return the rows of i, f, g, o in the order o, i, f, g, those of the gates negated."""
    return np.concatenate([-w[3 * size :], -w[: 2 * size], w[2 * size : 3 * size]])


def _gru_rows(w: Array, size: int) -> Array:
    """Return the rows of r, z, n, those of the gates negated."""
    return np.concatenate([-w[: 2 * size], w[2 * size :]])


def _open(total: Array, e: Array, opened: Array) -> None:
    """Let `e` be the exponential of `total`, and `opened` the gates of it."""
    np.exp(total, out=e)
    np.add(e, 1, out=opened)
    np.reciprocal(opened, out=opened)


def _slopes_of_gates(e: Array, opened: Array) -> Array:
    """Return ``e / (1 + e)²``."""
    if not np.vdot(e, e) < np.inf:
        e = np.minimum(e, np.finfo(e.dtype).max)  # infinity times the 0 of a gate that is shut would be none
    found = e * opened
    found *= opened
    return found


def _slopes_of_tanh(y: Array) -> Array:
    found = y * y
    np.subtract(1, found, out=found)
    return found


def _given(g: Array, x: Array, hs: Array, order: Order, states: int = 1) -> list[Any]:
    """Return the cotangents of the outputs, step by step, and of the last `states`; `g` is that of all, flat."""
    dy, *last = cut(g, (*x.shape[:2], hs.shape[2]), *[hs.shape[1:]] * states)
    return [row_major(order.steps(dy)), *last]


def _cotangents(
    of_inputs: Array, of_states: Array, xs: Array, hs: Array, inputs: tuple[Array, ...], order: Order, *start: Array
) -> Cotangents:
    """Return the cotangents of the input, the state at the `start`, the weights and the biases.

    `of_inputs` and `of_states` are those of the products with all inputs and with all states. What costs a product is
    computed when it is asked for.
    """
    weight, biases = inputs[1 + len(start)], inputs[3 + len(start) :]
    a, b = (d.reshape(-1, d.shape[-1]) for d in (of_inputs, of_states))
    if biases:
        total = column_sums(a)
        biases = total, total.copy() if of_states is of_inputs else column_sums(b)
    return (
        lambda: row_major(order.places((a @ weight).reshape(xs.shape))),
        *start,
        lambda: a.T @ xs.reshape(-1, xs.shape[-1]),
        lambda: b.T @ hs[:-1].reshape(-1, hs.shape[-1]),
        *biases,
    )
