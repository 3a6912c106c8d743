"""What a graph consists of: operations and leaves, and the uses of their values."""

from __future__ import annotations

import math
import threading
from collections import Counter
from collections.abc import Collection, Container, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, NamedTuple

import numpy as np

from tensorgrad.base.caching import soon_made
from tensorgrad.base.callsite import Place
from tensorgrad.base.context import FunctionScope, Scope, outward
from tensorgrad.base.dtypes import Array, DType
from tensorgrad.engine.fused import expand
from tensorgrad.engine.primitive import Primitive
from tensorgrad.engine.reads import Read, nodes_in
from tensorgrad.engine.tensor import Node, Suggested, Tensor, node_of
from tensorgrad.engine.traces import DETACH, LEAF, Break
from tensorgrad.engine.writes import written_since

from .passing import shown, takes_a_value

LEAVES = frozenset({"input", "parameter", "buffer", "constant"})
_VIEWS = frozenset({"reshape", "transpose", "broadcast_to", "diagonal", "unknown"})
_ONE_AT_A_TIME = threading.Lock()  # two threads that draw one graph would expand the same nodes


class Edge(NamedTuple):
    """One use of a value: the node that made it, the node that reads it, and as which operand."""

    source: int
    target: int
    slot: int


class Operand(NamedTuple):
    """An operand of a node: the index of the node that made it, or None and the scalar constant.

    No gradient flows to one that is `detached`. One that stands in a parameter, such as an index, comes after those of
    the operation itself.
    """

    source: int | None
    constant: Any
    detached: bool = False
    parameter: bool = False


@soon_made
@dataclass(frozen=True, eq=False)
class GraphNode:
    """One operation, or a leaf: `op` is a primitive's name, or "input", "parameter" or "constant".

    `value` is None where nobody kept it. `scope` is the innermost call of a module around it or, where a function is
    traced, of a public function that is made of operations. `owner` is the tensor that a leaf stands for, if it lives.
    `place` is where the user's script stood, and `order` tells which pass made the node: 0 for the forward pass, 1 for
    the backward pass, 2 for the backward pass through that. `kept` is how many bytes its rules keep for a backward
    pass, beside leaves and what an earlier node keeps. `argument` is which of a traced function's a leaf is, from 0.
    """

    index: int
    op: str
    symbol: str
    operands: tuple[Operand, ...]
    params: Mapping[str, Any]
    shape: tuple[int, ...]
    dtype: DType
    scope: Scope | None
    name: str | None
    requires_grad: bool
    value: Array | None
    place: Place | None
    order: int
    primitive: Primitive | None
    owner: Tensor | None
    kept: int = 0
    argument: int | None = None

    @property
    def is_leaf(self) -> bool:
        """Whether nothing computes it."""
        return self.op in LEAVES


@dataclass(frozen=True)
class Gradients:
    """The result of a reverse sweep: per edge ``(target, slot)`` the contribution, per node the sum of them."""

    edges: Mapping[tuple[int, int], Array]
    nodes: Mapping[int, Array]


@dataclass(frozen=True)
class Passes:
    """A graph and its backward pass: all nodes under one numbering, a name for each, and where the gradients are.

    `along` has the node whose value flows back along an edge ``(target, slot)`` of the forward pass, `leaves` the node
    that each of `gradients` is that of, and `breaks` what the traces could not follow. `checks` has the nodes that must
    be true, or false, with what is said where they are not.
    """

    nodes: Sequence[GraphNode]
    names: Sequence[str]
    gradients: Sequence[int]
    along: Mapping[tuple[int, int], int]
    leaves: Sequence[int] = ()
    breaks: Sequence[Break] = ()
    checks: Mapping[int, tuple[bool, str]] = field(default_factory=dict)


def modules(scope: Scope | None) -> list[Scope]:
    """Return the module calls around an operation of `scope`, outermost first."""
    return [call for call in upward(scope) if not isinstance(call, FunctionScope)]


def upward(scope: Scope | None) -> list[Scope]:
    """Return the calls of modules and functions around an operation of `scope`, outermost first."""
    found = []
    while scope is not None:  # as `outward`, in a third of the time
        found.append(scope)
        scope = scope.parent
    found.reverse()
    return found


def surroundings(nodes: Iterable[GraphNode]) -> dict[Scope | None, list[Scope]]:
    """Return for every scope of `nodes`, of which many have the same, what `upward` does."""
    return {scope: upward(scope) for scope in dict.fromkeys([node.scope for node in nodes])}


def compound(nodes: Iterable[GraphNode]) -> set[Scope]:
    """Return the calls of functions that are more than one operation, and not all that the call around them does.

    ``layer_norm`` in a LayerNorm is that layer.
    """
    held = Counter[Scope]()
    for innermost, count in Counter([node.scope for node in nodes if not node.is_leaf]).items():
        for scope in outward(innermost):
            held[scope] += count
    return {
        scope
        for scope, count in held.items()
        if isinstance(scope, FunctionScope) and count > 1 and (scope.parent is None or held[scope.parent] > count)
    }


def common(chains: Iterable[Sequence[Scope]]) -> list[Scope]:
    """Return the calls that all of `chains`, outermost first, have in common."""
    shared: list[Scope] | None = None
    for chain in chains:
        if shared is None:
            shared = [*chain]
        elif len(shared) > (count := _alike(shared, chain)):
            del shared[count:]
    return shared or []


def _alike(one: Sequence[Scope], other: Sequence[Scope]) -> int:
    """Return how many calls two chains begin with that are the same."""
    count = 0
    for a, b in zip(one, other, strict=False):
        if a is not b:
            break
        count += 1
    return count


def behind(roots: Collection[Node], *, as_read: bool = False) -> list[Node]:
    """Return the nodes behind `roots`, constants included, in the order of their creation; leaves `as_read`, if asked.

    Fused nodes are expanded, unless what they saved has been written since: they can be drawn, not differentiated.
    """
    with _ONE_AT_A_TIME:
        found = ancestors(roots)
        fused = (n for n in found if n.primitive is not None and n.primitive.composed is not None)
        intact = (n for n in fused if not any(written_since(value, n.serial) for value in n.saved or ()))
        found = ancestors(roots) if expand(intact) else found
    return _as_read(found) if as_read else found


def ancestors(roots: Iterable[Node]) -> list[Node]:
    """Return the nodes that `roots` were computed from, and these, in the order of their creation."""
    order = list(dict.fromkeys(roots))
    seen = set(order)
    for node in order:
        for parent in (*node.inputs, *nodes_in(node.params)):
            if isinstance(parent, Node) and parent not in seen:
                seen.add(parent)
                order.append(parent)
    return sorted(order, key=lambda node: node.serial)


def _as_read(found: Sequence[Node]) -> list[Node]:
    """Return nodes with every leaf before what reads it first.

    A leaf is recorded when it is first used: in a loop, once for all of its rounds. So the graphs of two rounds are
    alike.
    """
    first: dict[Node, tuple[float, int]] = {}
    for node in found:
        for slot, source in enumerate((*node.inputs, *nodes_in(node.params))):
            if isinstance(source, Node) and source.primitive is None:
                first.setdefault(source, (node.serial, slot))
    return sorted(found, key=lambda node: first.get(node, (node.serial, math.inf)))


def described(
    recorded: list[Node],
    outputs: Iterable[Tensor],
    inputs: Mapping[Node, str],
    names: Mapping[Node, str],
    orders: Mapping[Node, int],
    known: Collection[Node] = (),
    first: int = 0,
) -> list[GraphNode]:
    """Return the description of every node from the `first` on; `inputs` and `names` give names to those without one.

    The leaves in `known` were buffers of a module, which may have others by now.
    """
    index, arguments = ({node: i for i, node in enumerate(nodes)} for nodes in (recorded, inputs))
    later = recorded[first:]  # what holds the values of these, and reads the buffers among them
    values, buffers, kept = _values(later, outputs), _buffers(later, inputs).union(known), _kept(recorded)
    for node in [node for node in values if node not in index and takes_a_value(node)]:
        values.setdefault(shown(node, index), values[node])
    found = []
    for node in later:
        name, made = _named(node, inputs.get(node) or names.get(node)), _maker(node, index)
        read = nodes_in(node.params)
        leaf = "input" if node in inputs else "parameter" if node.tracked else "constant"
        leaf = "buffer" if leaf == "constant" and node in buffers else leaf
        found.append(
            GraphNode(
                index[node], made.name if made else leaf, _symbol(node) if made else name or "",
                operands_of(node.inputs if made else (), index, read),
                located(node.params, index) if read else node.params,
                node.shape, node.dtype, node.scope, name, node.tracked,
                values.get(node), node.place, orders.get(node, 0), made, None if made else _owner(node),
                kept.get(node, 0), arguments.get(node),
            )
        )  # fmt: skip
    return found


def _maker(node: Node, index: Container[Node]) -> Primitive | None:
    """Return the operation that makes a value; None for a leaf whose numbers have no place of their own in `index`."""
    source = node.inputs[0] if node.primitive is LEAF else None
    return node.primitive if source is None or source.primitive is not None or source in index else None


def _named(node: Node, other: str | None) -> str | None:
    """Return the name of a node: that which the user has given to it, an `other` one, or that of a layer."""
    return other if other and isinstance(node.called, Suggested) else node.called or other


def _kept(recorded: Iterable[Node]) -> dict[Node, int]:
    """Return the bytes that each node's rules read of what is computed, a value that several read at the first."""
    seen: set[Node] = set()
    found: dict[Node, int] = {}
    for node in recorded:
        if node.primitive is None or not node.tracked:
            continue
        around, reads = (node, *node.inputs), node.primitive.reads
        places = {place for i, x in enumerate(node.inputs) if isinstance(x, Node) and x.tracked for place in reads(i)}
        found[node] = 0
        read = [around[place] for place in places if place < len(around)]
        for x in [_viewed(held) for held in read if isinstance(held, Node)]:
            if x.primitive is not None and x not in seen:
                seen.add(x)
                found[node] += math.prod(x.shape) * x.dtype.itemsize
    return found


def _viewed(node: Node) -> Node:
    """Return the node whose memory `node` shows in another shape."""
    while node.primitive is not None and node.primitive.name in _VIEWS:
        node = node.inputs[-1 if node.primitive.name == "unknown" else 0]
    return node


def operands_of(inputs: Iterable[Any], index: Mapping[Node, int], read: Iterable[Node] = ()) -> tuple[Operand, ...]:
    """Return what an operation reads, nodes and constants, and nodes `read` in its parameters, as operands.

    `index` numbers the nodes.
    """
    own = [_operand(i, index) if isinstance(i, Node) else Operand(None, i) for i in inputs]
    return (*own, *[Operand(index[shown(i, index)], None, True, True) for i in read])


def _operand(source: Node, index: Mapping[Node, int]) -> Operand:
    detached, found = False, source
    while found not in index:
        detached, found = detached or found.primitive is DETACH, found.inputs[-1]
    return Operand(index[found], None, detached)


def taken(node: Node | None) -> Node | None:
    """Return the node whose value `node` takes out of the graph; itself where it takes none."""
    while node is not None and node.primitive is DETACH:
        node = node.inputs[0]
    return node


def is_shown(node: Node, ends: Collection[Node]) -> bool:
    """Return whether a graph has a place for `node`: to be detached is a property of an edge, unless it is the end."""
    return node.primitive is not DETACH or node in ends or node.called is not None


def located(params: Any, index: Mapping[Node, int]) -> Any:
    """Return the parameters of a node, with the place in the graph of what has a node of its own."""
    if type(params) is Read and params.node is not None:
        found = params.view(Read)
        found.node, found.index = params.node, index[shown(params.node, index)]
        return found
    if type(params) in (tuple, list):
        return type(params)(located(part, index) for part in params)
    return {key: located(part, index) for key, part in params.items()} if type(params) is dict else params


def _buffers(recorded: Iterable[Node], inputs: Container[Node]) -> set[Node]:
    """Return the leaves that are buffers of a module which reads them, and none of the `inputs`."""
    found = set[Node]()
    held: dict[int, set[int]] = {}
    possible = {n for n in recorded if n.primitive is None and n.owner and not n.tracked and n not in inputs}
    for node in recorded if possible else ():
        read = [x for x in (*node.inputs, *nodes_in(node.params)) if isinstance(x, Node)]
        leaves = [leaf for leaf in read if leaf in possible and leaf not in found]
        for scope in outward(node.scope) if leaves else ():
            module = scope.module
            if id(module) not in held:
                held[id(module)] = (
                    {id(x) for _, x in module.named_buffers()} if hasattr(module, "named_buffers") else set()
                )
            found.update(leaf for leaf in leaves if leaf.owner and id(leaf.owner()) in held[id(module)])
            if found.issuperset(leaves):  # most often the innermost one has them, and the others have many
                break
    return found


def _symbol(node: Node) -> str:
    """Return the sign of an operation; a conversion that converts nothing is a copy."""
    assert node.primitive is not None
    source = node.inputs[0] if node.inputs else None
    copies = node.primitive.name == "astype" and isinstance(source, Node) and source.dtype == node.dtype
    return "clone" if copies else node.primitive.symbol


def _owner(node: Node) -> Tensor | None:
    return node.owner() if node.owner is not None else None


def _values(recorded: list[Node], outputs: Iterable[Tensor]) -> dict[Node, Array]:
    """Return the values that are still held somewhere, without those that have been written since.

    An operation may hold a value in the dtype in which its operands met, which is all that it read of it.
    """
    found: dict[Node, Array] = {}
    converted: dict[Node, Array] = {}
    for node, value, since in _held(recorded, outputs):
        if node not in found and value.shape == node.shape and not written_since(value, since):
            (found if value.dtype == node.dtype else converted).setdefault(node, value)
    leaves = {n: v if n.dtype.kind == "c" else v.real for n, v in converted.items() if n.primitive is None}
    return {n: v.astype(n.dtype) for n, v in leaves.items()} | found


def _held(recorded: list[Node], outputs: Iterable[Tensor]) -> Iterator[tuple[Node, Array, float]]:
    """Yield nodes with their value, and since when that has been theirs.

    It is held by the node itself, by one that reads it, or by its tensor: that of an output or of a leaf.
    """
    for node in recorded:
        if node.primitive is None or node.primitive.kind != "function":  # which saves what its author likes
            for source, value in zip((node, *node.inputs), node.saved or (), strict=False):
                if isinstance(source, Node) and isinstance(value, np.ndarray):
                    yield source, value, node.serial
    first_read = {i: node.serial for node in reversed(recorded) for i in node.inputs if isinstance(i, Node)}
    tensors = [(node_of(y), y) for y in outputs]
    tensors += [(node, y) for node in recorded if (y := _owner(node)) is not None]
    for node, y in tensors:
        yield node, y.array, first_read.get(node, math.inf) if node.primitive is None else node.serial
