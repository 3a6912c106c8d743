"""The program of a picture that computes itself anew: every value and every gradient of a run, in JavaScript."""

from __future__ import annotations

import ast
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from math import prod
from typing import Any

import numpy as np

from tensorgrad.base.caching import altered
from tensorgrad.base.callsite import told
from tensorgrad.base.dtypes import Array
from tensorgrad.engine.tensor import Constant
from tensorgrad.errors import CompileError
from tensorgrad.graph import Graph
from tensorgrad.graph.identifiers import unique_names
from tensorgrad.graph.nodes import GraphNode, Operand
from tensorgrad.graph.python import PythonFile
from tensorgrad.graph.writing import python_file, with_checks

from .jsfile import JSFile, js_program
from .jsloops import joined

_ADDS = ("add", "sub")
"""Operations whose derivatives do not depend on a number that stands in them."""


class WholeFile(PythonFile):
    """A file with a line for every value, in which numbers that have a name, as ε, are arguments.

    Attributes:
        moving: these arguments, with what they were and the paths of their modules.
    """

    def __init__(self, *given: Any) -> None:
        super().__init__(*given)
        self.moving: dict[str, tuple[Array, str]] = {}
        self._words: dict[int, str] = {}  # by the id of an operand
        found = [(n, o) for n in self.nodes[: self.forward] if n.op in _ADDS for o in n.operands
                 if isinstance(o.constant, Constant)]  # fmt: skip
        taken = [*self.words, *self.arguments, *self.source.functions, *self.constants, *self.source.generators, "np"]
        for (node, operand), word in zip(found, unique_names([o.constant.name for _, o in found], taken), strict=True):
            self._words[id(operand)] = word
            path = "" if node.scope is None else node.scope.path
            self.moving[word] = np.asarray(float(operand.constant), node.dtype), path
            self.arguments[word] = _moving(node, self.moving[word][0])

    def _inlined(self, node: GraphNode) -> bool:  # noqa: ARG002 - see there
        return False

    def _operand(self, operand: Operand, dtype: np.dtype[np.generic] | None) -> ast.expr:
        word = self._words.get(id(operand))
        return super()._operand(operand, dtype) if word is None else ast.Name(word)


def _moving(node: GraphNode, value: Array) -> GraphNode:
    """Return a node that stands for an argument which is no value of the graph."""
    return altered(node, shape=(), value=value, dtype=value.dtype)


def _agree(total: Array, wanted: Array, parts: Sequence[Array]) -> bool:
    """Return whether a sum of parts is what is wanted, but for the rounding of the parts."""
    if wanted.dtype.kind != "f":
        return np.array_equal(total, wanted)
    finite = [np.abs(part[np.isfinite(part)]) for part in parts]
    most = max((float(np.max(part, initial=0.0)) for part in finite), default=0.0)
    # NaN that comes of the parts is NaN in the gradient that is wanted
    return total.shape == wanted.shape and np.allclose(total, wanted, 1e-5, 1e-6 * most, equal_nan=True)


@dataclass(frozen=True)
class Moved:
    """An argument that can be changed: its name, the node of its value (None for a number of an operation), an array.

    `place` is the path of the module that the number belongs to.
    """

    name: str
    node: int | None
    array: str
    value: Array
    place: str = ""


class LiveProgram:
    """A graph whose values and gradients follow its arguments, as text of JavaScript.

    Nodes are told by their indices in `drawn`, the same graph as pictures show it, and places by the numbers of views.

    Attributes:
        views: each view that was asked for, as text: an array, where it begins there, its shape and strides.

    Raises:
        CompileError: something in it cannot follow: Python read a value, or JavaScript has no form for a call.
    """

    def __init__(self, graph: Graph, drawn: Graph, seeds: Sequence[Array | None]) -> None:
        for found in graph.breaks:
            raise CompileError(
                f"draw(live=True) cannot follow {told(found.place)}: {found.what} read a value there, and what depends "
                f"on it would stay as it is; compute it with tensors, as where(x > 0, a, b)"
            )
        graph = with_checks(graph)
        self._index = [graph._index[node] for node in drawn._recorded]
        self.file: WholeFile = python_file(graph, list(seeds) or None, WholeFile)  # type: ignore[assignment]
        source = js_program(self.file, "draw(live=True)")
        self.numbers = source.numbers
        program = source.program
        first = len(program.steps) if program.part is None else program.part
        later = {step.out for step in program.steps[first:]}
        program.results = [n for n in source.numbers.values() if n not in later]
        program.later = [n for n in source.numbers.values() if n in later]
        self.js = JSFile(source, numbered=True)
        self._drawn = drawn
        self._seeds = self._entering(drawn, seeds)
        given = [n.number for part in source.given for n in part]
        self.given = {n: np.asarray(program.arrays[n]) for n in given}
        self.views: dict[str, int] = {}

    def _entering(self, drawn: Graph, seeds: Sequence[Array | None]) -> dict[int, list[int]]:
        """Return the nodes of the gradients that enter at outputs, by the nodes of these."""
        starts = [i for i, part in zip(drawn.outputs, seeds, strict=False) if part is not None]
        nodes = [node.index for node in self.file.seeds.values()]
        return {start: [node] for start, node in zip(dict.fromkeys(starts), nodes, strict=False)}

    def moved(self) -> Iterator[Moved]:
        """Yield what can be changed: inputs, parameters, numbers with a name."""
        for named in self.js.source.given[0]:
            array, value = self.js.name(named.number), self.js.program.arrays[named.number]
            if named.word in self.file.moving:
                yield Moved(named.word, None, array, value, self.file.moving[named.word][1])
                continue
            node = self.file.arguments.get(named.word)
            shown = isinstance(node, GraphNode) and node.op in ("input", "parameter") and node.index in self._index
            if isinstance(node, GraphNode) and shown and value.dtype.kind in "fiu":
                yield Moved(named.word, self._index.index(node.index), array, value)

    def value(self, node: int, wanted: Array) -> str | None:
        """Return the view where the value of a node stands, which is `wanted`; None for what never changes.

        Raises:
            CompileError: it is another one.
        """
        number = self._number(self._index[node])
        if number is not None and not _agree(self.js.program.arrays[number], wanted, [wanted]):
            raise CompileError("draw(live=True) cannot follow a value: the program has another one")
        return self._place(self._index[node])

    def along(self, uses: Sequence[tuple[int, int]], wanted: Array | None) -> list[str]:
        """Return the views where the gradients along some edges (target, slot) stand, which are `wanted` in sum.

        Raises:
            CompileError: they are not all there.
        """
        known = self.file.along
        places = [(self._index[target], slot) for target, slot in uses]
        return self._summed([known[place] for place in places if place in known], wanted, [])

    def gradient(self, node: int, wanted: Array | None) -> list[str]:
        """Return the views where the parts of the gradient at a node stand: along all edges from it, and from outside.

        Raises:
            CompileError: they are not all there.
        """
        known = self.file.along
        uses = [(self._index[use.target], use.slot) for use in self._drawn.edges() if use.source == node]
        return self._summed([known[use] for use in uses if use in known], wanted, self._seeds.get(node, []))

    def _summed(self, parts: Sequence[int], wanted: Array | None, more: Sequence[int]) -> list[str]:
        indices = [*parts, *more]
        numbers = [self._number(index) for index in indices]
        arrays = [self.js.program.arrays[n] for n in numbers if n is not None]
        total = sum(arrays, np.zeros(()))
        if wanted is not None and (len(arrays) < len(numbers) or not _agree(total, wanted, arrays)):
            raise CompileError("draw(live=True) cannot follow a gradient: what flows there is not in the program")
        return [text for index in indices if (text := self._place(index)) is not None]

    def _number(self, index: int) -> int | None:
        return self.numbers.get((int(index >= self.file.forward), self.file.words[index]))

    def _place(self, index: int) -> str | None:
        found = self._number(index)
        if found is None:
            return None
        name, offset, strides = self.js.place(found)
        return self.view(name, offset, self.js.values[found].shape, strides)

    def view(self, name: str, offset: int = 0, shape: Sequence[int] = (), strides: Sequence[int] = ()) -> str:
        """Return the number of a view, whose strides are left out where its elements stand row by row."""
        rows = [prod(shape[axis + 1 :]) for axis in range(len(shape))]
        dense = all(n == s or size == 1 for n, s, size in zip(strides, rows, shape, strict=True))
        parts = [name, offset, list(shape), list(strides)][: (3 if offset or shape else 1) if dense else 4]
        text = f"[{','.join(map(str, parts))}]".replace(" ", "")
        return str(self.views.setdefault(text, len(self.views)))

    def text(self) -> str:
        """Return the declarations and the functions: `forward` and `backward` answer 0, or 1 for another way."""
        parts = []
        for name, lines in zip(("forward", "backward"), self.js.functions, strict=False):
            body = "".join(f"{one}\n" for one in joined([one.strip() for _, found in lines for one in found]))
            parts.append(f"const {name} = () => {{\n{body}return 0 }};")
        parts += ["const backward = () => 0;"] * (len(parts) == 1)
        arrays = ", ".join(f"{name} = {made}" for name, made, _ in self.js.arrays(self.given))
        doubles = arrays.replace("new Float64Array", "f8")  # most are of these
        return "\n".join([self.js.helpers(parts), "const f8 = n => new Float64Array(n);", f"const {doubles};", *parts])
