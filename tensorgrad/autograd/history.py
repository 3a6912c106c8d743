"""Writing to the memory of a tensor, and what that does to the history of all who share it.

A write changes a value, never a recorded operation. The written tensor gets a new place in the graph: its old value
with the new part assigned to it. Where it is a view, that goes for its base first, and every living view of the base is
taken from the base anew. What recorded operations had saved from that memory is refused by the sweeps (see `writes`).
"""

from __future__ import annotations

from typing import Any

import numpy as np

from tensorgrad import ops
from tensorgrad.base.context import context
from tensorgrad.base.dtypes import Array
from tensorgrad.engine.dispatch import apply
from tensorgrad.engine.subscripts import distinct
from tensorgrad.engine.tensor import Node, Tensor, linked, node_of, wrap
from tensorgrad.engine.tracedtensors import operand
from tensorgrad.engine.traces import running
from tensorgrad.engine.views import Position, Step, function_between, position_of, relatives
from tensorgrad.engine.writes import before_write, note
from tensorgrad.errors import ComplexError, DTypeError, InPlaceError, ShapeError

Change = tuple[Tensor, Node]
"""A tensor, and the node that it stands for after the write."""


def is_recorded(x: Tensor, operands: Any) -> bool:
    """Return whether writing something made of `operands` to `x` must be recorded."""
    return context().grad and (x.tracked or any(isinstance(a, Tensor) and a.tracked for a in operands))


def check_writable(x: Tensor, recorded: bool, op: str) -> None:
    """Raise InPlaceError where `x` cannot be written, or where the history of a write would have no place to go."""
    if not x.array.flags.writeable:
        raise InPlaceError(
            f"{op}: the memory of this tensor of shape {list(x.array.shape)} is read-only (more than one element of an "
            f"expanded tensor, or of overlapping windows, refers to a single memory location; or it came from a "
            f"read-only array): write to a .clone()"
        )
    position = position_of(x)
    if position is not None and position.without_history and context().grad:
        raise InPlaceError(
            f"A view was created in no_grad mode and is being modified inplace with grad mode enabled ({op}): make the "
            f"view with grad mode on, or write under no_grad() as well"
        )
    if not recorded:
        return
    if x.tracked and x.is_leaf:
        raise InPlaceError(
            f"a leaf Variable that requires grad is being used in an in-place operation ({op}): "
            f"update it under tensorgrad.no_grad(), or make a new tensor"
        )
    base = _base_node(x, position) if position is not None and position.chain else None
    if base is not None and base.tracked and base.primitive is None:
        raise InPlaceError(
            f"a view of a leaf Variable that requires grad is being used in an in-place operation ({op}): "
            f"update it under tensorgrad.no_grad(), or make a new tensor"
        )


def check_alone(x: Tensor, part: Array, op: str) -> None:
    """Raise InPlaceError where writing `part` of `x` in grad mode changes a value on the other side of a Function.

    What it computes is known to it alone: the value behind it would change, and its history could not.
    """
    name = function_between(x, part) if context().grad else None
    if name is not None:
        raise InPlaceError(
            f"{op}: {name}.forward returned its input, a view of it, or one memory twice, and both tensors still "
            f"exist: this write would change both, and the gradient of {name} would not know: return a .clone() from "
            f"{name}.forward, or write to a .clone()"
        )


def write(x: Tensor, index: Any, value: Any, op: str, result_of: tuple[Any, ...] = ()) -> Tensor:
    """Write `value` (a tensor, an array or a number) at `index` of `x` and return `x`; refused before it is begun.

    Args:
        x: the tensor whose memory is written.
        index: NumPy's, as `subscripts.for_numpy` makes it; ``...`` for all of it.
        value: broadcast to the shape of ``x[index]``.
        op: what the user called, for messages.
        result_of: where `value` is a result made for this write: the tensors that it was made of.

    Raises:
        InPlaceError: see `check_writable` and `check_alone`.
        ShapeError, DTypeError: `value` does not fit.
    """
    value = wrap(value) if isinstance(value, np.ndarray) else value
    before_write(x, op, value)
    recorded = is_recorded(x, (*result_of, value))
    check_writable(x, recorded, op)
    if running() is not None:
        operand(x)  # its array is traced from now on, and so is the write
    source = value.array if isinstance(value, Tensor) else value
    target: Any = ops.getitem(x.array, index=index)
    part = target if np.may_share_memory(target, x.array) else None
    check_alone(x, x.array if part is None else part, op)
    _check_fit(x, target.shape, source, op, bool(result_of))
    if part is not None and isinstance(value, Tensor) and _stands_there(value, x, index):
        return x
    if np.ndim(source) > target.ndim:
        source = source.reshape(source.shape[source.ndim - target.ndim :])
    changes: list[Change] = []
    if recorded:
        made = bool(result_of) and value.tracked and value.array.shape == target.shape
        changes = _changes(x, _converted(value, x) if made else _assigned(x, index, value, target.shape))
    x.array[index] = source
    note(x, op, part)
    _move(changes)
    return x


def _stands_there(value: Tensor, x: Tensor, index: Any) -> bool:
    """Return whether `value` is the view ``x[index]``, which Python assigns after ``x[index] += y`` has written it."""
    position, whole = position_of(value), position_of(x)
    if position is None or not position.chain or position.without_history:
        return False
    if whole is None or position.base is not whole.base:
        return False
    *above, (primitive, params) = position.chain
    return above == [*whole.chain] and primitive.name == "getitem" and params["index"] == index


def _check_fit(x: Tensor, shape: tuple[int, ...], source: Any, op: str, whole: bool) -> None:
    """Raise unless `source` can be written to a part of `x` of `shape`, or as the new value of the `whole`."""
    given = np.shape(source)
    kind = source.dtype.kind if hasattr(source, "dtype") else np.asarray(source).dtype.kind
    if kind == "c" and x.array.dtype.kind != "c":
        raise ComplexError(
            f"{op}: complex numbers do not fit into a tensor of dtype {x.array.dtype}: write their .real, or convert "
            f"the tensor first, for instance with .cfloat()"
        )
    if kind in "fc" and x.array.dtype.kind not in "fc" and (given or hasattr(source, "dtype")):
        raise DTypeError(
            f"{op}: result type {source.dtype} can't be cast to the desired output type {x.array.dtype}: convert the "
            f"tensor first, for instance with .float()"
        )
    lead = len(given) - len(shape)
    fits = (
        (not whole or lead <= 0)
        and all(n == 1 for n in given[: max(lead, 0)])
        and all(m in (1, n) for m, n in zip(given[::-1], shape[::-1], strict=False))
    )
    if not fits:
        raise ShapeError(
            f"output with shape {list(shape)} doesn't match the broadcast shape {list(given)}: {op} cannot change the "
            f"shape of what it writes to"
        )


def before(x: Tensor, array: Array) -> Tensor:
    """Return the value of `x` that `array` holds, where it stands in the graph now."""
    return linked(array, node_of(x)) if x.tracked else wrap(array)


def _converted(value: Tensor, x: Tensor) -> Tensor:
    return value if value.array.dtype == x.array.dtype else ops.astype(value, dtype=x.array.dtype)


def _assigned(x: Tensor, index: Any, value: Any, shape: tuple[int, ...]) -> Tensor:
    """Return `x` after `value` has been written at `index`, of `shape`, as a recorded value."""
    if isinstance(value, Tensor):
        if value.array.ndim > len(shape):
            value = ops.reshape(value, shape=value.array.shape[value.array.ndim - len(shape) :])
        index, value = distinct(x.array.shape, index, _converted(value, x), shape)
    return ops.assign(before(x, x.array), value, index=index)


def _changes(x: Tensor, after: Tensor) -> list[Change]:
    """Return who stands where in the graph when the value of `x` is `after`."""
    position = position_of(x)
    if position is None:
        return [(x, node_of(after))]
    owner = position.base.ref()
    root = _assigned_to_base(x, position, after) if position.chain else after
    changes = [] if owner is None else [(owner, node_of(root))]
    for y in (x, *relatives(x)):
        place = position_of(y)
        if place is not None and place.chain:
            changes.append((y, node_of(_replayed(place.chain, linked(root.array, node_of(root))))))
    return changes


def adopt(x: Tensor, after: Tensor) -> None:
    """Let `x`, whose memory has been written already, and its relatives stand where `after` says."""
    _move(_changes(x, after))


def _base_node(x: Tensor, position: Position) -> Node | None:
    """Return where the base of the view `x` stands in the graph; None if it is a constant."""
    owner = position.base.ref()
    if owner is not None:
        return node_of(owner) if owner.tracked else None
    node: Any = x.node if x.tracked else None
    for _ in position.chain if node is not None else ():
        node = node.inputs[0]
    return node if isinstance(node, Node) else None


def _assigned_to_base(x: Tensor, position: Position, after: Tensor) -> Tensor:
    """Return the base of the view `x` with `after` in the place of the view."""
    array = position.base.array
    if array.dtype != x.array.dtype:
        raise InPlaceError(
            f"a part of complex numbers cannot be written where a gradient is recorded, found a view of {array.dtype} "
            f"as {x.array.dtype}: make the numbers anew, with tg.complex(real, imag)"
        )
    node = _base_node(x, position)
    (first, params), *more = position.chain
    if first.name == "getitem" and not more:
        index = params["index"]
    elif not array.ndim:
        index, after = (), ops.reshape(after, shape=())
    else:
        numbered = np.arange(array.size).reshape(array.shape)
        index = np.unravel_index(_replayed(position.chain, numbered), array.shape)
    return ops.assign(wrap(array) if node is None else linked(array, node), after, index=index)


def _replayed(chain: tuple[Step, ...], x: Any) -> Any:
    """Return the view that `chain` makes of `x`, a tensor or an array."""
    for primitive, params in chain:
        x = apply(primitive, (x,), params)
    return x


def _move(changes: list[Change]) -> None:
    """Let each tensor stand for its node; where its gradient was to be retained, it still is."""
    for x, node in changes:
        old = x.node
        if old is not None and old.primitive is not None and old.owner is not None:
            node.owner, old.owner = old.owner, None
        x.node, x.tracked = node, node.tracked
