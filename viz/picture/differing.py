"""Where two graphs part: the first operation, value or gradient that is not the same in both."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from difflib import SequenceMatcher
from typing import Any

import numpy as np

from tensorgrad.base.dtypes import Array
from tensorgrad.engine.tensor import Tensor
from tensorgrad.errors import TensorgradError
from tensorgrad.graph import Graph
from tensorgrad.graph.gradients import Seed

from .alike import Side, classes, same_leaves
from .summaries import largest
from .tooltips import script_line

_ROUNDINGS = 64  # so many units in the last place of an array's largest number may be rounding
_NOISE = 8.0  # so many times the rounding error that another seed shows


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
    seed: Seed = None,
    rtol: float | None = None,
) -> Difference | None:
    """Return the first operation, value or gradient in which two graphs differ; None if they agree.

    The graphs are gone through in the order of computation, then back in that of the gradients. What is rounding alone
    is no difference. Inputs of traced functions are the same by their place among the arguments, other leaves where
    they are the same tensor, and all else by the order in which it is read.

    Args:
        a: a graph, a tensor (the graph behind it), or a function or module, which is traced on `inputs`.
        b: the same, to be compared with it.
        inputs: the arguments of both.
        seed: the gradient of the output, or a list of one for each, None for none; ones by default.
        rtol: how far numbers may be apart, relative to the largest of their array; some roundings by default, 0 for
            the same bits.

    Raises:
        TensorgradError: an argument that is none of the above; a graph whose gradients cannot be computed any more.

    >>> import tensorgrad as tg
    >>> x = tg.tensor([1.0, 2.0], requires_grad=True)
    >>> diff(lambda x: (x * 3).exp(), lambda x: (x * 3).tanh().exp(), x).second
    'v2 = tanh(v1)'
    >>> print(diff(lambda x: x * 3, lambda x: x * 3, x))
    None
    """
    if inputs and not (_is_traced(a) or _is_traced(b)):
        raise TensorgradError("diff of what is computed already takes no inputs: leave them out, or give functions")
    sides = _Sides(Side(_graph(a, inputs), seed), Side(_graph(b, inputs), seed))
    one, other = sides.both
    for at in sides.beside():
        found = sides.unlike(at, numbers=True)
        if found:
            return found
        i, j = at
        apart = _apart(one.values[i], other.values[j], rtol, one.terms(one.graph.nodes[i]))
        if apart:
            return sides.found("value", at, "of", apart)
    return sides.ended() or _gradients(sides, rtol)


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
    sides = _Sides(Side(a, None), Side(b, None))
    found = (sides.unlike(at, numbers=False) for at in sides.beside())
    return next(filter(None, found), None) or sides.ended()


def _is_traced(target: Any) -> bool:
    return callable(target) and not isinstance(target, Graph | Tensor)


def _graph(target: Graph | Tensor | Callable[..., Any], inputs: tuple[Any, ...]) -> Graph:
    if isinstance(target, Graph):
        return target
    if isinstance(target, Tensor):
        return Graph.of(target)
    if not callable(target):
        raise TensorgradError(
            f"diff compares graphs, tensors and functions, and {type(target).__name__} is none: of a drawing, give "
            f"what was drawn, as viz.diff(f, g, x) or viz.diff(loss, other_loss)"
        )
    return Graph.trace(target, *inputs)


class _Sides:
    """Both graphs, and which of their nodes are in the same place."""

    def __init__(self, one: Side, other: Side) -> None:
        self.both = one, other
        self.leaf = same_leaves(one, other)
        known: tuple[dict[int, Any], dict[int, Any]] = ({}, {})
        for places, side in zip(known, self.both, strict=True):
            places |= {index: ("alone", id(side), index) for index in side.leaves}
            places |= {index: k for k, index in enumerate(side.steps)}
        for k, (i, j) in enumerate(self.leaf.items()):
            known[0][i] = known[1][j] = ("leaf", k)
        self.places = known

    def beside(self) -> Iterator[tuple[int, int]]:
        """Yield the nodes that are in the same place: operations, each after the leaves that it reads first."""
        left = dict(self.leaf)
        for i, j in self.steps():
            sources = [o.source for o in self.both[0].graph.nodes[i].operands]
            yield from ((source, left.pop(source)) for source in sources if source in left)
            yield i, j
        yield from left.items()

    def steps(self) -> list[tuple[int, int]]:
        """Return the operations that are in the same place."""
        return list(zip(*(side.steps for side in self.both), strict=False))

    def unlike(self, at: tuple[int, int], *, numbers: bool) -> Difference | None:
        """Return how the nodes in one place differ in what they compute, of what; with or without its `numbers`."""
        one, other = (
            side.about(side.graph.nodes[i], places, numbers=numbers)
            for side, i, places in zip(self.both, at, self.places, strict=True)
        )
        for aspect, told in one.items():
            if told[0] != other[aspect][0]:
                told_apart = self.found("node", at, f"{aspect} of", (told[1], other[aspect][1]))
                leaf = self.both[0].graph.nodes[at[0]].is_leaf
                return told_apart if leaf else self.surplus(at) or self.swapped(at) or told_apart
        return None

    def swapped(self, at: tuple[int, int]) -> Difference | None:
        """Return the first operation from `at` on of which both graphs compute the same operands, in another order."""
        alike = classes(*self.both, self.places)
        for i, j in self.steps()[self.places[0][at[0]] :]:
            a, b = self.both[0].graph.nodes[i], self.both[1].graph.nodes[j]
            one, other = (
                [str(known.get(o.source, o.constant)) for o in node.operands]
                for node, known in zip((a, b), alike, strict=True)
            )
            if a.op == b.op and one != other and sorted(one) == sorted(other):
                told = self.both[0].operands(a), self.both[1].operands(b)
                return self.found("node", (i, j), "the operands of", told)
        return None

    def surplus(self, at: tuple[int, int]) -> Difference | None:
        """Return the operations from `at` on that one graph has and the other has not; None where none is too many."""
        rest = [side.steps[self.places[0][at[0]] :] for side in self.both]
        if len(rest[0]) == len(rest[1]):
            return None
        ops = [[side.graph.nodes[i].op for i in found] for side, found in zip(self.both, rest, strict=True)]
        longer = int(len(rest[1]) > len(rest[0]))
        if ops[longer][len(ops[longer]) - len(ops[1 - longer]) :] == ops[1 - longer]:
            return self.alone(longer, rest[longer][0], before=at[1 - longer])
        tag, i, _, j, _ = SequenceMatcher(None, ops[0], ops[1], autojunk=False).get_opcodes()[0]
        if tag not in ("insert", "delete"):
            return None
        side = int(tag == "insert")
        return self.alone(side, rest[side][(i, j)[side]], before=at[1 - side])

    def alone(self, side: int, index: int, before: int | None) -> Difference:
        """Return that one graph has an operation which the other has not, there `before` some node or at the end."""
        here, there = self.both[side], self.both[1 - side]
        where = "at the end" if before is None else f"before {there.formula(before)}"
        told = ("nothing", here.formula(index)) if side else (here.formula(index), "nothing")
        what = f"which the {('second', 'first')[side]} has not, {where}"
        line = script_line(here.graph.nodes[index].place)
        return Difference("node", here.names[index], *told, what, ("", line) if side else (line, ""))

    def ended(self) -> Difference | None:
        """Return that one graph goes on where the other ends, or gives something else."""
        lengths = [len(side.steps) for side in self.both]
        if lengths[0] != lengths[1]:
            longer = int(lengths[1] > lengths[0])
            return self.alone(longer, self.both[longer].steps[min(lengths)], before=None)
        given = [[places[i] for i in side.graph.outputs] for side, places in zip(self.both, self.places, strict=True)]
        if given[0] == given[1]:
            return None
        names = [[side.names[i] for i in side.graph.outputs] for side in self.both]
        one, other = (f"{len(found)} output{'s' * (len(found) != 1)}, {', '.join(found)}" for found in names)
        return Difference("outputs", "", one, other, "of the whole")

    def found(
        self, kind: str, at: tuple[int, int], what: str, told: tuple[str, str], about: int | None = None
    ) -> Difference:
        """Return a difference at a place, `about` a node of the first graph."""
        one, other = (side.graph.nodes[i] for side, i in zip(self.both, at, strict=True))
        first = self.both[0]
        name = first.names[at[0] if about is None else about]
        lines = script_line(one.place), script_line(other.place)
        return Difference(kind, name, *told, f"{what} {first.formula(at[0])}", lines)


def _gradients(sides: _Sides, rtol: float | None) -> Difference | None:
    """Return the first gradient that differs, in the order in which the reverse sweep comes by."""
    (one, errors), (other, more_errors) = (side.gradients() for side in sides.both)
    nodes = [side.graph.nodes for side in sides.both]
    for i, j in reversed(sides.steps()):
        for slot, (mine, theirs) in enumerate(zip(nodes[0][i].operands, nodes[1][j].operands, strict=True)):
            a, b = one.edges.get((i, slot)), other.edges.get((j, slot))
            if (a is None and b is None) or mine.source is None or theirs.source is None:
                continue
            error = max(errors.edges.get((i, slot), 0.0), more_errors.edges.get((j, slot), 0.0))
            told = (*("none" if g is None else "one" for g in (a, b)),)
            apart = told if a is None or b is None else _apart(a, b, rtol, 0.0, error)
            if apart:
                into = f"of {sides.both[0].names[mine.source]}, as"
                return sides.found("gradient", (i, j), into, (apart[0], apart[1]), mine.source)
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
