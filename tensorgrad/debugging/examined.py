"""A graph whose values and gradients are looked at, with what is asked of it again and again."""

from __future__ import annotations

import linecache
from collections import defaultdict
from collections.abc import Iterable, Mapping
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np

from tensorgrad.base.callsite import Place, line_of
from tensorgrad.base.context import FunctionScope, module_around, outward
from tensorgrad.base.dtypes import Array
from tensorgrad.engine.tensor import HOOKS, Node, Tensor, node_of
from tensorgrad.engine.traces import DETACH, LEAF
from tensorgrad.errors import AutogradError, InPlaceError
from tensorgrad.graph import Gradients, Graph, GraphNode
from tensorgrad.graph.gradients import Seed
from tensorgrad.graph.passing import takes_a_value
from tensorgrad.graph.recomputing import plainly, values
from tensorgrad.graph.tracing import paths_by_id

from .reasons import Link

Mask = Array
"""Which elements of a value are meant."""

_OTHER = 0.7310585786300049  # no power of 2: every product is rounded otherwise
_MOST = 0.05  # of a gradient's largest number, what rounding may be before nothing else is in it


class Examined(Graph):
    """A graph, its values as far as they are known, and the gradients that flow back from `seed`."""

    def __init__(self, graph: Graph, *, traced: bool, seed: Seed = None, sweeps: bool = False) -> None:
        vars(self).update(vars(graph))
        self.traced, self.seed, self.sweeps = traced, seed, sweeps  # whether the function has swept back itself

    def shown_in(self, drawn: Graph, index: int) -> int | None:
        """Return which node of a graph that is drawn stands for a node of this one."""
        node = self._recorded[index]
        while node not in drawn._index and takes_a_value(node):
            node = node.inputs[-1]
        return drawn._index.get(node)

    @cached_property
    def seeds(self) -> list[Array | None]:
        """The gradient of every output, None where nothing flows back: ones, if nothing was said."""
        ends = [self.nodes[i] for i in self.outputs]
        if self.seed is None:
            return [np.ones(n.shape, n.dtype) if n.requires_grad else None for n in ends]
        several = isinstance(self.seed, list | tuple)
        given: list[Any] = [*self.seed] if several else [self.seed, *[None] * (len(ends) - 1)]
        return [x.array if isinstance(x, Tensor) else x for x in given]

    def is_rounding(self, index: int) -> bool:
        """Return whether a gradient is its rounding error alone.

        A sweep is linear in its seed, and its rounding is not: what is not as much smaller as the seed is rounding.
        """
        assert self.flows is not None
        others = [None if g is None else np.asarray(g * _OTHER, g.dtype) for g in self.seeds]
        with plainly():
            other = self.gradients(others).nodes[index] / _OTHER
        g = self.flows.nodes[index]
        return bool(np.abs(other - g).max() > _MOST * np.abs(g).max())

    @cached_property
    def known(self) -> list[Array | None]:
        """The value of every node; None where it is gone, and cannot be computed again."""
        return values(self)

    @cached_property
    def flows(self) -> Gradients | None:
        """The gradient along every edge and at every node; None where the graph has been freed or written to."""
        try:
            with plainly():
                return self.gradients(self.seeds)
        except (AutogradError, InPlaceError):
            return None

    def untold(self) -> str:
        """Return what the record of values that are computed already does not tell of the outputs; empty if all."""
        if self.traced:
            return ""
        bare = [self.called[i] for i in self.outputs if self.nodes[i].op == "constant"]
        if bare:
            return f"how {', '.join(bare)} was computed: nothing on the way required a gradient, or it is a gradient"
        if self.flows is None:
            return "the gradients: a backward pass has freed the record, or a value has been written since"
        return ""

    @cached_property
    def called(self) -> list[str]:
        """A name for every value: of a parameter its path in the outermost module that reads it."""
        names, known = self.names(), dict[int, dict[int, str]]()
        for node in self.nodes:
            around = [*outward(node.scope)][-1:]
            paths = paths_by_id(around[0].module, known) if around and around[0].module is not None else {}
            for i in (o.source for o in node.operands):
                if i is not None and self.nodes[i].owner is not None:
                    names[i] = paths.get(id(self.nodes[i].owner), names[i])
        return names

    @cached_property
    def readers(self) -> Mapping[int, list[tuple[int, int]]]:
        """Who reads each value: the node, and as which operand."""
        found = defaultdict(list)
        for edge in self.edges():
            found[edge.source].append((edge.target, edge.slot))
        return found

    def given_leaves(self) -> dict[int, str]:
        """Return the names of the arguments that require a gradient, by the id of their tensors."""
        owners = ((a.name, a.node.owner and a.node.owner()) for a in self._arguments if a.node.tracked)
        return {id(x): name for name, x in owners if x is not None}

    def before(self, index: int) -> set[int]:
        """Return the nodes that a value was computed from, and itself."""
        found, pending = {index}, [index]
        for i in pending:
            new = {o.source for o in self.nodes[i].operands if o.source is not None} - found
            found |= new
            pending.extend(new)
        return found

    def index_of(self, x: Tensor) -> int | None:
        """Return the node of a tensor, if it is here."""
        own = [n.index for n in self.nodes if n.owner is x]
        return own[-1] if own else self._index.get(node_of(x))

    def detached_at(self, target: int, slot: int) -> Place | None:
        """Return where an operand was taken out of the graph."""
        node: Any = self._recorded[target].inputs[slot]
        while isinstance(node, Node) and node not in self._index:
            if node.primitive is DETACH:
                return node.place
            node = node.inputs[-1]
        return None

    def hooks_at(self, index: int) -> str:
        """Return which hooks hang on a value, each with the place of its code; empty if there are none."""
        hooks = HOOKS.get(self._recorded[index], {}).values()
        codes = [(getattr(hook, "__name__", "a hook"), getattr(hook, "__code__", None)) for hook in hooks]
        return " and ".join(
            name if code is None else f"{name} at {Path(code.co_filename).name}:{code.co_firstlineno}"
            for name, code in codes
        )

    def before_hooks(self, index: int) -> Array:
        """Return the gradient of a value as its hooks were given it: what readers and the seed add up to."""
        assert self.flows is not None
        parts = [self.flows.edges[at] for at in self.readers[index] if at in self.flows.edges]
        parts += [g for i, g in zip(self.outputs, self.seeds, strict=True) if i == index and g is not None]
        return np.asarray(sum(parts, np.zeros_like(self.flows.nodes[index])))

    def rule_of(self, target: int, slot: int) -> bool:
        """Return whether an operation has a derivative by one of its operands."""
        primitive = self.nodes[target].primitive
        if primitive is None or primitive is LEAF:
            return False
        if primitive.kind == "function" or primitive.together or primitive.signature.variadic:
            return True
        return slot < len(primitive.vjps) and primitive.vjps[slot] is not None

    def place_of(self, index: int) -> str:
        """Return the file and line where a value was made; of a leaf, where it is read first."""
        return placed(self._place(index))

    def line_of(self, index: int) -> str:
        """Return the text of that line."""
        return text_of(self._place(index))

    def _place(self, index: int) -> Place | None:
        node = self.nodes[index]
        if node.place is None and node.is_leaf:
            return next((self.nodes[t].place for t, _ in self.readers[index]), None)
        return node.place

    def layer_of(self, index: int) -> str:
        """Return the path of the module in which a value was made."""
        around = module_around(self.nodes[index].scope)
        return (around.path or around.kind) if around is not None else ""

    def function_of(self, index: int) -> str:
        """Return the outermost function of the library, made of several operations, in which a value was made."""
        calls = [s.kind for s in outward(self.nodes[index].scope) if isinstance(s, FunctionScope)]
        return calls[-1] if calls and calls[-1] != self.nodes[index].op else ""

    def told(self, index: int) -> dict[str, Any]:
        """Return the fields of a Reason that tell an operation and its place."""
        return {
            "operation": self.nodes[index].op,
            "place": self.place_of(index),
            "line": self.line_of(index),
            "function": self.function_of(index),
            "layer": self.layer_of(index),
            "index": index,
            "graph": self,
        }

    def link(self, index: int, value: Array | None, mark: str = "") -> Link:
        """Return the link of a chain that a value is, or, with the mark "d" before its name, its gradient."""
        return Link(mark + self.called[index], self.nodes[index].op, self.place_of(index), summary(value), index)

    def operands(self, node: GraphNode) -> list[Any]:
        """Return what an operation read: arrays and numbers, None for what is not known."""
        return [o.constant if o.source is None else self.known[o.source] for o in node.operands]


def placed(place: Place | None) -> str:
    """Return the file, without its folder, and the line of a place; empty if it is not known."""
    return "" if place is None else f"{Path(place[0].co_filename).name}:{line_of(place)}"


def text_of(place: Place | None) -> str:
    """Return the text of the line of a place; empty if it is not known."""
    return "" if place is None else linecache.getline(place[0].co_filename, line_of(place)).strip()


def summary(value: Array | None) -> str:
    """Return what an array holds, in few words.

    >>> summary(np.array([1.0, np.nan, 3.0])), summary(np.zeros((2, 3)))
    ('1 NaN of 3', 'all 0')
    """
    if value is None:
        return "not known"
    if value.dtype.kind not in "fc":
        return f"{value.dtype}"
    nan, inf = int(np.isnan(value).sum()), int(np.isinf(value).sum())
    if nan or inf:
        return " and ".join([f"{n} {what}" for n, what in ((nan, "NaN"), (inf, "Inf")) if n]) + f" of {value.size}"
    if value.size and not value.any():
        return "all 0"
    size = np.abs(value)
    return f"up to {number(size.max())}" if value.size else "empty"


def number(value: Any) -> str:
    """Return a number in few digits.

    >>> number(np.float32(-2)), number(1e30)
    ('-2', '1e+30')
    """
    return f"{value:.4g}"


def places(mask: Mask) -> dict[str, Any]:
    """Return the fields of a Reason that tell where elements are: indices of the first axis, and of the last one.

    The last one is left out where all of it is concerned.
    """
    if not mask.ndim or not mask.any():
        return {}
    found = np.nonzero(mask)
    last = np.unique(found[-1]) if mask.ndim > 1 else ()
    units = () if len(last) == mask.shape[-1] else _ints(last)
    return {"rows": _ints(np.unique(found[0])), "units": units}


def _ints(numbers: Iterable[Any]) -> tuple[int, ...]:
    return tuple(int(n) for n in numbers)


def spread(value: Any, shape: tuple[int, ...]) -> Array | None:
    """Return an operand laid over a result of this shape; None where that cannot be done."""
    try:
        return np.broadcast_to(np.asarray(value), shape)
    except ValueError:
        return None


def gathered(mask: Mask, shape: tuple[int, ...]) -> Mask:
    """Return which elements of an operand of this shape were laid over the elements of a mask."""
    extra = mask.ndim - len(shape)
    mask = np.asarray(mask.any(axis=tuple(range(extra)))) if extra else mask
    axes = tuple(i for i, n in enumerate(shape) if n == 1 and mask.shape[i] != 1)
    return np.asarray(mask.any(axis=axes, keepdims=True)) if axes else mask
