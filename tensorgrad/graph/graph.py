"""The recorded graph: read off from tensors or traced from a function, and differentiated."""

from __future__ import annotations

import importlib
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from contextlib import nullcontext, suppress
from copy import copy
from functools import cached_property
from typing import Any

import numpy as np

from tensorgrad.autograd.careful import Contributions, reverse
from tensorgrad.base.callsite import users_variables
from tensorgrad.base.context import Scope
from tensorgrad.bounds import Interval
from tensorgrad.engine.tensor import ANY_HOOK, Node, Tensor, linked, node_of, tick, wrap
from tensorgrad.engine.traces import LEAF, Break, running
from tensorgrad.errors import ArgumentError, AutogradError, TensorgradError

from .enclosing import Bounds, bounds_of
from .given import Argument, followed, given_to, outputs_of
from .gradients import Seed, Swept, contributions, gradient_names, seeds_of
from .held import Variables, all_named, named_in, names_held
from .listing import listing
from .nodes import Edge, Gradients, Passes, behind, described, is_shown, taken
from .passing import flowed_to, pictured, shown, takes_a_value
from .tracing import Names, argument_names, module_names, names_given, telling_of_draws, tracing, watching
from .unrecorded import untold
from .writing import python_file, text_of


class Graph:
    """What was recorded on the way to some outputs.

    `nodes` are in topological order (a node's index is its place), `outputs` the indices of the results, `assumptions`
    what the library took for granted because it held, and a file checks, `keys` what the function returned each under
    ("" for what has a place alone). What led to the tensors `also` is among the nodes as well. `along` is filled where
    this is the graph of a backward pass: for every edge ``(target, slot)`` of the graph before, the index here of the
    contribution that flows back along it.
    """

    along: Mapping[tuple[int, int], int]
    assumptions: tuple[Break, ...]
    keys: Sequence[str]

    def __init__(
        self,
        outputs: Sequence[Tensor],
        inputs: Mapping[Node, str] | None = None,
        names: Mapping[Node, str] | None = None,
        orders: Mapping[Node, int] | None = None,
        also: Sequence[Tensor] = (),
        buffers: Mapping[Node, str] | None = None,
        made: Mapping[Node, str] | None = None,
        variables: Variables = (),
    ) -> None:
        self._outputs, self._ends = list(outputs), [node_of(y) for y in outputs]
        ends = [*self._ends, *map(node_of, also)]
        # A trace has its leaves in the order of its arguments.
        found = behind(ends, as_read=inputs is None and not also)
        recorded = [node for node in found if is_shown(node, ends)]
        held, self.words = names_held(recorded, variables)
        self._also, self._own_names, self.held = list(also), held | dict(names or {}), frozenset(held)
        self._inputs, self._orders = dict(inputs or {}), dict(orders or {})
        self._buffers, self._made = dict(buffers or {}), dict(made or {})
        self._names = self._made | argument_names(recorded) | self._buffers | module_names(recorded) | self._own_names
        self._describe(recorded)
        self.along, self.assumptions, self.keys = {}, (), [""] * len(outputs)
        self._met: Sequence[Break] = ()
        self._assumed: Sequence[tuple[Node, Break, bool]] = ()
        self._passed: Sequence[tuple[Node, Break, bool]] = ()
        self._checks: dict[int, tuple[bool, str]] = {}
        self._arguments: Sequence[Argument] = ()
        self._for: Collection[Node] = ()
        self._stale: Sequence[Node] = ()
        self._made_up: Mapping[Node, str] = {}

    def _describe(self, recorded: Sequence[Node]) -> None:
        self._recorded, self._index = list(recorded), {node: i for i, node in enumerate(recorded)}
        self._both: Passes | None = None  # with the way back, whose recording takes longer than the bounds of it
        outputs = (*self._outputs, *self._also)
        self.nodes = described(self._recorded, outputs, self._inputs, self._names, self._orders, self._buffers)
        reads = ((o.source, node.index, slot) for node in self.nodes for slot, o in enumerate(node.operands))
        self._edges = [Edge(source, target, slot) for source, target, slot in reads if source is not None]
        self.outputs = tuple(self._index[shown(node, self._index)] for node in self._ends)

    def pictured(self) -> Graph:
        """Return this graph as texts and pictures show it: without what only says where a slope is not known.

        Files need that, for inputs that are not those of the recorded run.
        """
        known = {*self._inputs, *self._names}
        recorded = pictured(self._recorded, [*self._ends, *map(node_of, self._also)], known)
        if len(recorded) == len(self._recorded):
            return self
        found = copy(self)
        gone = self._index.keys() - recorded
        named = {shown(n, recorded): name for n, name in self._names.items() if n in gone and takes_a_value(n)}
        found._names = named | self._names
        found._describe(recorded)
        return found

    @classmethod
    def of(cls, *outputs: Tensor, names: Names = None) -> Graph:
        """Return the graph behind tensors that have been computed already.

        `names` gives names to values that have none: a mapping, or "variables" for the variables of the caller, which
        name leaves in any case.
        """
        return cls(outputs, names=names_given(names, around := users_variables()), variables=around.items())

    @classmethod
    def trace(
        cls, function: Callable[..., Any], *inputs: Any, names: Names = None, functions: Collection[str] = ()
    ) -> Graph:
        """Return the graph of ``function(*inputs)``: every operation, tracked or not, with every value.

        What NumPy computes of ``x.numpy()`` is recorded as well, without gradient, and so are draws of random numbers.
        What cannot be followed, a value that Python read (`item`, ``if x > 0``), stands in `breaks`. Where they have no
        name, inputs have that of the parameters of `function` (of `forward`, for a module), other leaves that of a
        variable around; with names="variables", every value of the first variable of the function, or of what it calls
        outside the library, that holds it. Calls of the user's own `functions` of these names are scopes, as those of
        modules are. The outputs are the tensors, arrays and numbers that it returns, also in lists and objects.

        Raises:
            ArgumentError: the function is given, or returns, tensors where they cannot be told apart, in a set, a
                generator, a module; it returns none; or a trace runs already.

        >>> import tensorgrad as tg
        >>> graph = Graph.trace(lambda x: x * x.max().item(), tg.tensor([1.0, 2.0]))
        >>> graph.breaks[0].what, graph.breaks[0].value
        ('.item', '2.0')
        """
        if running() is not None:
            raise ArgumentError("a function that is traced cannot trace another one: call it, and trace the whole")
        seen: dict[Node, str] = {}
        arguments = given_to(function, inputs)
        watched = watching(seen) if names == "variables" else nullcontext()
        with tracing(functions) as trace, telling_of_draws(trace):
            called_with = followed(function, inputs, arguments)
            with watched:
                returned = function(*called_with)
            found = outputs_of(returned)
            ends = [node_of(y) for _, y in found]
        outputs = [linked(y.array, node) for (_, y), node in zip(found, ends, strict=True)]
        if not outputs:
            raise ArgumentError(f"the traced function returned {type(returned).__name__}: there is no Tensor to draw")
        known = {argument.node: argument.name for argument in arguments}
        drawn = [linked(np.empty(node.shape), node) for node in trace.draws]
        called = seen if names == "variables" else names_given(names, {})
        around = (*named_in(function), *users_variables().items())
        graph = cls(outputs, known, called, None, drawn, trace.buffers, trace.made, around)
        graph._stale, graph._passed = trace.stale, trace.passed
        graph._assumed = [(*one, True) for one in trace.assumed]
        graph.assumptions = tuple(found for _, found in trace.assumed)
        graph._met, graph._arguments = trace.breaks, [a._replace(tensor=None) for a in arguments]
        graph.keys = tuple(key for key, _ in found)
        return graph

    @cached_property
    def breaks(self) -> tuple[Break, ...]:
        """What was read while tracing, and may be another on other inputs: what depends on it is of this run.

        The rules of derivatives may read something as well, so these are looked for where there is a backward pass.
        """
        met = self._met
        with suppress(TensorgradError):  # of what has been freed or written since there is no backward pass, nor a file
            met = self.backward()._met if self._leaves() else met
        return tuple(met)

    def reads(self) -> list[tuple[Break, int | None]]:
        """Return what Python read of the function, each with the node of the value where that is in the graph."""
        return [(found, self._index.get(node) if (node := taken(found.node)) else None) for found in self._met]

    def with_reads(self) -> Graph:
        """Return this graph with what Python read among its nodes, also where nothing else depends on that."""
        read = [node for found in self._met if (node := taken(found.node)) is not None]
        return self._and(read) if read else self

    @property
    def order(self) -> int:
        """How many backward passes it holds: 0 for a forward pass alone."""
        return max((node.order for node in self.nodes), default=0) if self._orders else 0

    def places_in(self, index: int, scope: Scope) -> tuple[int, ...]:
        """Return which arguments of the call `scope` the value of a node is, from 1 on; empty if it is none."""
        return scope.arguments.get(self._recorded[index], ())

    def is_held(self, index: int) -> bool:
        """Return whether a node has its name from a variable of the user's."""
        return self._recorded[index] in self.held

    def edges(self) -> list[Edge]:
        """Return every use of a value, in the order of the consumers and their operands."""
        return [*self._edges]

    def gradients(self, seed: Seed = None, among: Collection[int] | None = None) -> Gradients:
        """Return the gradient along every edge and at every node, from a reverse sweep that fills no `.grad`.

        `seed` is as in `backward`; `among` are the nodes that are wanted, with what flows into them, None for all.
        AutogradError if the graph has been freed by a backward pass.
        """
        record: Contributions = []
        seeds = seeds_of(seed, self._outputs, self._ends)
        targets = self._recorded if among is None else [self._recorded[index] for index in among]
        found = reverse(seeds, targets=targets, edges=record) if seeds else {}
        if among is not None:
            wanted = set(targets)
            record = [flow for flow in record if flow[1] in wanted]
        edges = {place: g for place, _, g in contributions(record, self._index)}
        return Gradients(edges, {self._index[node]: g for node, g in found.items()})

    def backward(self, seed: Seed = None) -> Graph:
        """Return the graph of the backward pass from the first output, with all that it reads of this one.

        Its outputs are the gradients of the inputs and parameters that require one, inputs first, and then of what the
        function itself has made require one; a gradient is named after its value, ``dx``, and where several add up,
        ``dx₁``, ``dx₂`` and so on in the order in which the sweep meets them. The backward pass of the result is that
        of its first output: second derivatives.

        Args:
            seed: the cotangent of the first output, of its shape; ones by default. Or a list of one for every output,
                None where nothing flows back.

        Raises:
            AutogradError: the output requires no gradient, or a backward pass has freed the graph.

        >>> import tensorgrad as tg
        >>> x = tg.tensor(3.0, requires_grad=True)
        >>> print(Graph.trace(lambda x: x * x, x).backward().text())
        x: float32[] = input
        # backward
        dout: float32[] = input
        dx1: float32[] = dout * x
        dx2: float32[] = dout * x
        dx: float32[] = dx1 + dx2
        return dx
        """
        return self._back_to(self._leaves(seed), seed)

    def _back_to(self, leaves: Sequence[Node], seed: Seed) -> Graph:
        back = self._swept(leaves, seed)
        graph = Graph(back.outputs, self._inputs | back.starts, back.names, back.orders, buffers=self._buffers)
        graph._for, graph._made_up, graph._met = frozenset(back.leaves), back.made_up, back.met
        graph.words = self.words
        graph.along = {place: graph._index[n] for place, _, y in back.parts if (n := node_of(y)) in graph._index}
        return graph

    def _swept(self, leaves: Sequence[Node], seed: Seed) -> Swept:
        if not (seeds := seeds_of(seed, self._outputs, self._ends)):
            which = "no output with a seed requires" if isinstance(seed, list) else "its first output does not require"
            raise AutogradError(f"this graph has no backward pass: {which} a gradient")
        names = dict(zip(self._recorded, self.names(), strict=True))
        own = {self._recorded[seen.index] for seen in self.nodes if seen.name or seen.index in self.outputs}
        before, order, given = tick(), self.order + 1, {start: wrap(g) for start, g in seeds.items()}
        for g in given.values():
            g.tracked = g.array.dtype.kind in "fc"
            node_of(g)
        record: Contributions = []
        with tracing(grad=True) as trace:
            trace.alone = not ANY_HOOK and all(n.primitive is None or n.primitive.kind != "function" for n in names)
            found = reverse(given, targets=self._recorded, create_graph=True, edges=record)
        parts = list(contributions(record, self._index))
        wanted = [node for node in leaves if node in found]
        if not wanted:
            raise AutogradError("this graph has no backward pass: none of its inputs requires a gradient")
        outputs = [found[node] for node in wanted]
        recorded = behind([node_of(y) for y in outputs])
        orders = self._orders | {node: order for node in recorded if node.serial > before}
        flowing = [*((shown(start, self._index), g) for start, g in given.items()), *(part[1:] for part in parts)]
        added, made_up = gradient_names(found, flowing, names, own, order)
        met = (*self._met, *trace.breaks, *(found for _, found in trace.assumed))
        named = {node: names[node] for node in own} | added
        starts = {node_of(g): added[node_of(g)] for g in given.values()}
        return Swept(wanted, outputs, [*given.values()], recorded, orders, parts, starts, named, names | made_up, met)

    def _leaves(self, seed: Seed = None) -> list[Node]:
        """Return the inputs, then the parameters, that a gradient comes to, then the leaves that the function made."""
        flows = set[Node]().union(*map(flowed_to, seeds_of(seed, self._outputs, self._ends)))
        places = {node: i for i, node in enumerate(self._inputs)}
        leaves = [node for node in self._recorded if node in flows and node.primitive in (None, LEAF)]
        return sorted(leaves, key=lambda node: (node.primitive is LEAF, places.get(node, len(places))))

    def names(self) -> list[str]:
        """Return a name for every value: its own, "out" for an output without one, "constant2" or "v3" for others."""
        given = [n.name or self._made_up.get(node) for n, node in zip(self.nodes, self._recorded, strict=True)]
        return all_named(self.nodes, given, self.outputs, self.keys)

    def with_backward(self, seed: Seed = None) -> Passes:
        """Return both passes under one numbering, in which the nodes of this graph keep theirs; as `backward`."""
        return self._with_back_to(self._leaves(seed), seed)

    def _with_back_to(self, wanted: Sequence[Node], seed: Seed = None) -> Passes:
        back = self._swept(wanted, seed)
        ends = [node_of(y) for y in back.outputs]
        new = [node for node in back.recorded if node not in self._index and is_shown(node, ends)]
        recorded, inputs = [*self._recorded, *new], self._inputs | back.starts
        called = argument_names(new) | self._buffers | module_names(new) | back.names
        nodes = described(recorded, back.outputs, inputs, called, back.orders, self._buffers, len(self._recorded))
        names = [n.name or back.made_up.get(node) or f"v{n.index}" for n, node in zip(nodes, new, strict=True)]
        index = {node: i for i, node in enumerate(recorded)}
        along = {place: index[n] for place, _, y in back.parts if (n := node_of(y)) in index}
        return Passes([*self.nodes, *nodes], [*self.names(), *names], [index[shown(n, index)] for n in ends], along,
                      [self._index[node] for node in back.leaves], back.met)  # fmt: skip

    def _passes(self, wanted: Sequence[Node], seed: Seed = None) -> Passes:
        return self._with_back_to(wanted, seed) if wanted else Passes(self.nodes, self.names(), [], {}, [], self._met)

    def bounds(self, seed: Seed = None, given: Mapping[int, Interval] | None = None) -> Bounds:
        """Return an interval for every value, and for every gradient from `seed`, that holds the exact one: `Bounds`.

        `given` has intervals for leaves, by their index: the bounds then hold for all numbers in these.

        >>> import tensorgrad as tg
        >>> x = tg.tensor([0.1, 0.2], requires_grad=True)
        >>> Graph.trace(lambda x: (x * x).sum(), x).bounds()["dx"].contains(2 * x.detach().double())
        True
        """
        passes = (self._both if seed is None else None) or self._passes(self._leaves(seed), seed)
        self._both = passes if seed is None else self._both
        return bounds_of(passes, self.outputs, given, *untold(self._recorded, self._stale))

    def _repr_mimebundle_(self, include: Any = None, exclude: Any = None) -> dict[str, str]:
        # what draws stands above this file and loads when a notebook asks, as the subpackages of `tensorgrad` do
        bundle: dict[str, str] = importlib.import_module("tensorgrad.viz.output.notebook").graph_bundle(
            self, include, exclude
        )
        return bundle

    def text(self) -> str:
        """Return the graph as a typed program: one line per value, under the modules and functions that computed it."""
        found = self.pictured()
        return listing(found.nodes, found.outputs, found.names())

    def to_python(self) -> str:
        """Return a Python file that computes the same with NumPy alone: ``forward`` and, step by step, ``backward``.

        ``forward`` takes the arguments of the traced function in their order, then parameters, buffers, and NumPy's
        generators of random numbers, and returns the output (several as a tuple) and a cache; ``backward`` takes the
        gradient of the first output and the cache, and returns the gradients of what requires one, in the order of the
        arguments. Shapes and dtypes are those of the recorded run, and so is what depends on a break, which a comment
        at the head tells. Elsewhere the file holds for all inputs, and on the same machine the results are equal to
        the last bit; but where a gradient is NaN because of a branch that was not taken, the library looks again
        (strong zeros), and the file does not. A buffer that moves is read, and not moved.

        Raises:
            AutogradError: a `Function` of the user's was recorded, whose source is not NumPy's; a value that the file
                needs has been freed, or was written through ``.detach()`` or under `no_grad`, which nothing records.
        """
        return python_file(self).text()

    def to_c(self) -> str:
        """Return one file of C99 that computes what that of `to_python` does, with libm alone.

        ``forward`` takes the same arguments in the same order, as pointers to arrays row by row, then a struct where it
        needs one, and the results; ``backward`` takes the gradient of the first output, the struct, and the gradients.
        The loops are those that `tensorgrad.compile` makes, each under the lines of the Python file that it is. What is
        drawn at random is an argument. Both answer 0; or 1, where an index is out of range, an assumption of the Python
        file does not hold, or numbers take another way than those of the trace did. Nothing is global, and no memory is
        asked for. Sums and products add up in another order than NumPy's, so that the last bits may differ.

        Raises:
            CompileError: C has no form for a call of NumPy's (`sort`, what `linalg` has, half precision).
            AutogradError: as `to_python`.

        >>> import tensorgrad as tg
        >>> source = Graph.trace(lambda x: x * x, tg.tensor([1.0, 2.0])).to_c()
        >>> "out[i] = x_i * x_i;" in source
        True
        """
        return text_of(self, importlib.import_module("tensorgrad.graph.cprogram").c_source)

    def to_js(self) -> str:
        """Return one module of JavaScript that computes what the file of `to_python` does.

        ``forward`` takes the same arguments in the same order, each an array of its numbers row by row, and answers
        with an array of the results; ``backward`` takes the gradient of the first output, after ``forward``. Both
        answer null where an index is out of range, an assumption of the Python file does not hold, or numbers take
        another way than those of the trace did. What is drawn at random is an argument. All is computed in doubles,
        and stored in the dtype that it has; whole numbers are exact up to 2**53.

        Raises:
            CompileError: JavaScript has no form for a call of NumPy's (`sort`, what `linalg` has, half precision).
            AutogradError: as `to_python`.

        >>> import tensorgrad as tg
        >>> "out[i] = x[i] * x[i];" in Graph.trace(lambda x: x * x, tg.tensor([1.0, 2.0])).to_js()
        True
        """
        return text_of(self, importlib.import_module("tensorgrad.javascript.jsfile").js_source)

    def _and(self, nodes: Iterable[Node]) -> Graph:
        """Return this graph with `nodes`, and what they are computed from, besides."""
        also = [*self._also, *(linked(np.empty(node.shape), node) for node in nodes)]
        graph = Graph(self._outputs, self._inputs, self._own_names, self._orders, also, self._buffers, self._made)
        graph._met, graph._arguments, graph._stale, graph.keys = self._met, self._arguments, self._stale, self.keys
        graph.words, graph.held = self.words, self.held
        return graph
