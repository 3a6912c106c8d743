"""The tensors of a traced function: which node each stands for, and that their arrays are traced while it runs."""

from __future__ import annotations

import weakref
from typing import Any

import numpy as np

from tensorgrad.base.arraycalls import Method

from .generalforms import asarray
from .numpycalls import REST, record_of
from .shared_memory import still_exposed
from .snapshots import copied
from .tensor import COPIES, RISING, Node, Tensor, node_of, renew, tick, wrap
from .tracedarrays import Traced, detached, input_of
from .tracedvalues import plain_of
from .traces import Memory, constant_node, noted, running


def operand(x: Tensor) -> Node:
    """Return the node of an operand while tracing; the array of one that was not met before is traced from now on."""
    array: Any = x.array
    if type(array) is Traced and array.memory.node is not None:
        return _named_as(_of_traced(x, array), x)
    node, plain = leaf_now(x), plain_of(array).view(np.ndarray)
    if node.primitive is None and not node.saved:
        node.saved = (copied(plain),)
    trace = running()
    if trace is not None and node.primitive is None and x.tracked and node.serial > trace.start:
        follow(x, constant_node(plain))  # what the function makes a parameter of, and may write
        return operand(x)
    follow(x, node)
    if trace is not None and node.primitive is None and not x.tracked:
        trace.constants.add(node)  # made inside, or nothing that is given: the file holds its value
        trace.note_made(x, node, plain_of(x.array))
    return node


def leaf_now(x: Tensor) -> Node:
    """Return the node of a tensor; of one without gradient that was written unrecorded a new one, of the same name."""
    node = x.node
    if node is not None and node.saved and not x.tracked:
        if np.array_equal(node.saved[0], plain_of(x.array), equal_nan=True):  # NaN that is still there was not written
            return node
        x.node = None
        node_of(x).called = node.called
    return node_of(x)


def result(y: Tensor) -> Node:
    """Return the node of what a traced function returns, noted as stale where it was written without a record."""
    node, array = operand(y), plain_of(y.array)
    trace = running()
    ours = node.primitive is None or node.primitive.kind != "function"  # which saves what its author likes
    kept = node.saved if y.tracked and ours else None
    # NaN that is still there was not written
    if trace is not None and kept and not np.array_equal(kept[0], array, equal_nan=True):
        trace.stale.append(node)
    return node


def _of_traced(x: Tensor, array: Traced) -> Node:
    if x.tracked:
        return _of_leaf(x, array)
    if isinstance(array.value, np.generic):
        array = x.array = asarray(array)
    node = array.node
    assert node is not None
    return detached(array) if node.tracked else node


def _of_leaf(x: Tensor, array: Traced) -> Node:
    """Return the node of what is tracked; of a leaf that the function has made of a value, it is noted which.

    One that has been written since, or given other memory, has a new node: what was read before had the value before.
    """
    node, trace = node_of(x), running()
    if trace is None or node.primitive is not None:
        return node
    value = array.node
    if trace.read_as.setdefault(node, node if node in trace.followed else value) is not value:
        given = trace.given.get(node, node if node in trace.followed else None)
        renew(x)
        node = node_of(x)
        trace.given[node], trace.read_as[node] = given, value
    if node not in trace.followed and node not in trace.origins:
        node.saved = (copied(np.asarray(array.value)),)
        trace.origins[node] = input_of(array)
        node.serial = tick()  # after what it is made of, which may have been noted now
    return node


def _named_as(node: Node, x: Tensor) -> Node:
    if x.node is not None and x.node is not node and x.node.called and not node.called:
        node.called = x.node.called
    return node


def follow(x: Tensor, node: Node) -> None:
    """Let the array of `x` be traced from now on, as the value of `node`."""
    trace = running()
    if trace is None:
        return
    exposed = still_exposed(x)
    before: Any = x.array
    plain = plain_of(before).view(np.ndarray)
    mine: Any = Traced(plain, Memory(plain, node, exposed))
    trace.changed.append((weakref.ref(x), mine, before))
    x.array = mine
    trace.followed.add(node)


def followed(x: Any) -> Any:
    """Return a saved value, as a sweep reads it, traced; one that was saved in another dtype as converted to it."""
    if not isinstance(x, Tensor) or x.node is None:
        return x
    value: Any = x.array
    if isinstance(value, float | int | complex):  # what a traced number was to Python
        return Traced(value, Memory(value, x.node))
    if x.array.dtype != x.node.dtype and not x.node.tracked:
        x.node = noted(record_of(Method("astype")), (x.node,), {REST: (x.array.dtype,)}, x.array)
    follow(x, x.node)
    return x


def stand_for(x: Tensor, node: Node) -> None:
    """Let an input, which has a history perhaps, stand for the leaf `node` until the trace is over."""
    trace = running()
    if trace is not None and x.node is not None and x.node is not node:
        trace.nodes.append((weakref.ref(x), x.node))
        x.node = node


def follow_result(y: Tensor, array: Traced) -> None:
    """Let `array` be that of `y`, which an operation has just made, until the trace is over."""
    trace = running()
    if trace is None:
        return
    mine: Any = array
    trace.changed.append((weakref.ref(y), mine, y.array))
    y.array = mine


def traced_tensor(array: Any) -> Tensor:
    """Return a tensor without history of a traced array, which has a plain one of its own when the trace is over."""
    y = wrap(copied(np.asarray(plain_of(array))))
    follow_result(y, array)
    return y


def unasked(y: Tensor) -> Tensor:
    """Return `y`, a copy that has been made for the sake of its memory alone, as one that no picture shows."""
    array: Any = y.array
    COPIES.update(node for node in (y.node, array.node if type(array) is Traced else None) if node is not None)
    return y


def rises_with(y: Tensor, x: Tensor) -> Tensor:
    """Return `y`, noted in a trace as what never falls when an element of `x` rises, as a sorted `x` does not."""
    if running() is not None:
        RISING[operand(y)] = operand(x)
    return y


def noted_number(value: Any) -> Any:
    """Return a number among the operands of a primitive as Python's; of a traced one the node of that."""
    if type(value) is not Traced:
        return value.item() if isinstance(value, np.generic) else value
    if not isinstance(value.value, np.generic):
        return value.node
    return noted(record_of(Method("item")), (input_of(value),), {}, value.value.item())
