"""Where two graphs part: the first operation, value or gradient that is not the same in both."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np

from tensorgrad.base.dtypes import Array
from tensorgrad.engine.tensor import Constant, Tensor
from tensorgrad.errors import AutogradError, InPlaceError, TensorgradError
from tensorgrad.graph import Gradients, Graph, GraphNode

from .expressions import Expressions
from .model import value_names
from .noise import Noise, largest
from .text import number
from .tooltips import argument, script_line
from .values import plainly, values

_ROUNDINGS = 64  # so many units in the last place of an array's largest number may be rounding
_NOISE = 8.0  # so many times the rounding error that another seed shows
_SUMS = frozenset({"add", "sub", "sum", "mean"})  # whose result may be small beside what they add


@dataclass(frozen=True)
class Difference:
    """The first difference: `kind` is "node", "value", "gradient" or "outputs", `name` the value that it is about.

    `first` and `second` say what each graph has there; the text of it tells everything.
    """

    kind: str
    name: str
    first: str
    second: str
    what: str
    lines: tuple[str, str] = ("", "")

    def __str__(self) -> str:
        """Return the difference in words."""
        lines = " against ".join(dict.fromkeys(filter(None, self.lines)))
        where = f" ({lines})" if lines else ""
        return f"first difference: {self.kind}, {self.what}: {self.first} against {self.second}{where}"


def diff(
    a: Graph | Tensor | Callable[..., Any],
    b: Graph | Tensor | Callable[..., Any],
    *inputs: Any,
    seed: Tensor | Array | None = None,
    rtol: float | None = None,
) -> Difference | None:
    """Return the first operation, value or gradient in which two graphs differ; None if they agree.

    The graphs are gone through in the order of computation, then back in that of the gradients. What is rounding alone
    is no difference.

    Args:
        a: a graph, a tensor (the graph behind it), or a function or module, which is traced on `inputs`.
        b: the same, to be compared with it.
        inputs: the arguments of both.
        seed: the gradient of the first output; ones by default.
        rtol: how far numbers may be apart, relative to the largest of their array; some roundings by default, 0 for
            the same bits.

    Raises:
        TensorgradError: an argument that is none of the above.

    >>> import tensorgrad as tg
    >>> x = tg.tensor([1.0, 2.0], requires_grad=True)
    >>> print(diff(lambda x: (x * 3).exp(), lambda x: (x * 3).tanh(), x).kind)
    node
    >>> print(diff(lambda x: x * 3, lambda x: x * 3, x))
    None
    """
    sides = _Side(_graph(a, inputs), seed), _Side(_graph(b, inputs), seed)
    for at in sides[0].beside(sides[1]):
        unlike = _unlike(sides, at, numbers=True)
        if unlike:
            return unlike
        i, j = at
        apart = _apart(sides[0].values[i], sides[1].values[j], rtol, sides[0].terms(sides[0].graph.nodes[i]))
        if apart:
            return _found("value", sides, at, "of", apart)
    return _counted(sides) or _gradients(sides, rtol)


def unlike(a: Graph, b: Graph) -> Difference | None:
    """Return the first difference in what is computed, whatever the numbers are; None if the same is.

    Numbers are values, constants of operations, and the elements of arrays that are given to operations.

    >>> import tensorgrad as tg
    >>> x = tg.tensor([1.0, 2.0])
    >>> one = Graph.trace(lambda x: (x * 3).exp(), x)
    >>> unlike(one, Graph.trace(lambda x: (x * 4).exp(), x + 1)) is None
    True
    >>> print(unlike(one, Graph.trace(lambda x: (x * 3).tanh(), x)).first)
    exp
    """
    sides = _Side(a, None), _Side(b, None)
    found = (_unlike(sides, at, numbers=False) for at in sides[0].beside(sides[1]))
    return next(filter(None, found), None) or _counted(sides)


def _graph(target: Graph | Tensor | Callable[..., Any], inputs: tuple[Any, ...]) -> Graph:
    if isinstance(target, Graph):
        return target
    if isinstance(target, Tensor):
        return Graph.of(target)
    if not callable(target):
        raise TensorgradError(f"diff compares graphs, tensors and functions, and {type(target).__name__} is none")
    return Graph.trace(target, *inputs)


class _Side:
    """One of the graphs, its nodes in an order that is not that of their creation: `order` has their indices."""

    def __init__(self, graph: Graph, seed: Tensor | Array | None) -> None:
        self.graph = graph.pictured()
        self.seed = seed
        self.order = _order(self.graph)
        self.place = {index: i for i, index in enumerate(self.order)}
        names = value_names(self.graph)
        self.names = names
        self.told = Expressions(self.graph.nodes, names, [True] * len(names))

    @cached_property
    def values(self) -> list[Array | None]:
        """The value of every node."""
        return values(self.graph)

    def beside(self, other: _Side) -> list[tuple[int, int]]:
        """Return the indices of the nodes that are at one place here and in `other`."""
        return list(zip(self.order, other.order, strict=False))

    def about(self, node: GraphNode, *, numbers: bool) -> dict[str, tuple[Any, str]]:
        """Return what is to be the same of a node: for each aspect what is compared, and its text."""
        operands = [(self.place.get(o.source, o.source) if o.source is not None else
                     _exact(o.constant) if numbers else np.shape(o.constant), o.detached)
                    for o in node.operands]  # fmt: skip
        words = [self.names[o.source] if o.source is not None else number(o.constant) for o in node.operands]
        cut = [word + " (detached)" * o.detached for word, o in zip(words, node.operands, strict=True)]
        params = {name: _exact(value, numbers=numbers) for name, value in node.params.items()}
        shown = ", ".join(f"{name}={argument(value)}" for name, value in node.params.items())
        return {
            "the operation": ("leaf" if node.is_leaf else node.op,) * 2,
            "the operands": (operands, ", ".join(cut)),
            "the arguments": (params, shown),
            "the shape": (node.shape, str(node.shape)),
            "the dtype": (str(node.dtype),) * 2,
            "whether it requires a gradient,": (node.requires_grad, str(node.requires_grad)),
        }

    def terms(self, node: GraphNode) -> float:
        """Return the largest number that a sum adds: what it is rounded by; 0 for all else."""
        if node.op not in _SUMS:
            return 0.0
        known = (self.values[o.source] for o in node.operands if o.source is not None)
        return max((largest(value) for value in known if value is not None), default=0.0)

    def gradients(self) -> tuple[Gradients, Noise]:
        """Return the gradients and how large their rounding errors are; none where values have been freed."""
        try:
            with plainly():
                found = self.graph.gradients(self.seed)
                return found, Noise.of(self.graph, self.seed, found) if found.edges else Noise()
        except (AutogradError, InPlaceError):
            return Gradients({}, {}), Noise()


def _order(graph: Graph) -> list[int]:
    """Return the nodes behind the outputs, operands before what reads them, in an order that the outputs alone give."""
    found: dict[int, None] = {}
    waiting = [(index, False) for index in reversed(graph.outputs)]
    while waiting:
        index, ready = waiting.pop()
        if index in found:
            continue
        if ready:
            found[index] = None
            continue
        waiting.append((index, True))
        sources = [o.source for o in graph.nodes[index].operands if o.source is not None]
        waiting += [(source, False) for source in reversed(sources) if source not in found]
    return list(found)


def _unlike(sides: tuple[_Side, _Side], at: tuple[int, int], *, numbers: bool) -> Difference | None:
    """Return how the nodes at one place differ in what they compute, of what; with or without its `numbers`."""
    one, other = (side.about(side.graph.nodes[i], numbers=numbers) for side, i in zip(sides, at, strict=True))
    for aspect, told in one.items():
        if told[0] != other[aspect][0]:
            return _found("node", sides, at, f"{aspect} of", (told[1], other[aspect][1]))
    return None


def _counted(sides: tuple[_Side, _Side]) -> Difference | None:
    """Return that one graph goes on where the other ends."""
    counts = [f"{len(side.order)} nodes and {len(side.graph.outputs)} outputs" for side in sides]
    return None if counts[0] == counts[1] else Difference("outputs", "", counts[0], counts[1], "of the whole")


def _exact(value: Any, *, numbers: bool = True) -> Any:
    """Return what tells a constant or a parameter from another one."""
    value = value.array if isinstance(value, Tensor) else value
    if isinstance(value, np.ndarray):
        return str(value.dtype), value.shape, value.tobytes() if numbers else b""
    if isinstance(value, tuple | list):
        return tuple(_exact(item, numbers=numbers) for item in value)
    if isinstance(value, float) and not numbers:
        return "a number"
    if isinstance(value, Constant | float | int | np.number):
        return repr(complex(value))
    return getattr(value, "__qualname__", argument(value))


def _gradients(sides: tuple[_Side, _Side], rtol: float | None) -> Difference | None:
    """Return the first gradient that differs, in the order in which the reverse sweep comes by."""
    (one, errors), (other, more_errors) = sides[0].gradients(), sides[1].gradients()
    for i, j in reversed(sides[0].beside(sides[1])):
        for slot in range(len(sides[0].graph.nodes[i].operands)):
            mine, theirs = one.edges.get((i, slot)), other.edges.get((j, slot))
            sources = (sides[0].graph.nodes[i].operands[slot].source, sides[1].graph.nodes[j].operands[slot].source)
            if (mine is None and theirs is None) or sources[0] is None or sources[1] is None:
                continue
            error = max(errors.edges.get((i, slot), 0.0), more_errors.edges.get((j, slot), 0.0))
            apart = _apart(mine, theirs, rtol, 0.0, error) if mine is not None and theirs is not None else (
                *("none" if g is None else "one" for g in (mine, theirs)),)  # fmt: skip
            if apart:
                into = f"of {sides[0].names[sources[0]]}, as"
                return _found("gradient", sides, (i, j), into, (apart[0], apart[1]), sources[0])
    return None


def _apart(
    a: Array | None, b: Array | None, rtol: float | None, terms: float, error: float = 0.0
) -> tuple[str, str] | None:
    """Return the first numbers that are further apart than rounding explains; None if there are none."""
    if a is None or b is None or not a.size:
        return None
    if a.shape != b.shape:
        return str(a.shape), str(b.shape)
    exact = a.dtype.kind not in "fc" or rtol == 0
    with np.errstate(all="ignore"):
        unequal = a != b
        if a.dtype.kind in "fc":
            unequal &= ~(np.isnan(a) & np.isnan(b))
        if not exact:
            scale = max(largest(a), largest(b), terms)
            bound = scale * (rtol if rtol is not None else _ROUNDINGS * float(np.finfo(a.dtype).eps))
            near = np.abs(a.astype(np.complex128) - b) <= bound + _NOISE * error
            unequal &= ~near
    places = np.argwhere(unequal)
    if not len(places):
        return None
    at = tuple(map(int, places[0]))
    where = f" at {list(at)}" if at else ""
    return f"{a[at]!s}{where}", f"{b[at]!s}{where}, as {len(places):,} of {a.size:,} numbers"


def _found(
    kind: str,
    sides: tuple[_Side, _Side],
    at: tuple[int, int],
    what: str,
    told: tuple[str, str],
    about: int | None = None,
) -> Difference:
    node, other = (side.graph.nodes[i] for side, i in zip(sides, at, strict=True))
    name = sides[0].names[at[0] if about is None else about]
    formula = sides[0].names[at[0]] if node.is_leaf else f"{sides[0].names[at[0]]} = {sides[0].told.told(node)}"
    return Difference(kind, name, *told, f"{what} {formula}", (script_line(node.place), script_line(other.place)))
