"""The graph as a Python file that needs NumPy alone: a forward and a backward function, one step a line."""

from __future__ import annotations

import ast
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from contextlib import suppress
from functools import partial
from typing import Any

import numpy as np

from tensorgrad.base.arraycalls import Method
from tensorgrad.base.dtypes import Array, DType, promoted
from tensorgrad.base.numpyfacts import NUMBERS, OPERATORS
from tensorgrad.engine.dispatch import dtype_of_whole
from tensorgrad.engine.numpycalls import Draw
from tensorgrad.engine.reads import Read
from tensorgrad.engine.tensor import Constant, Node
from tensorgrad.engine.tracedvalues import plain_of
from tensorgrad.errors import AutogradError

from .given import Argument
from .identifiers import on_one_line, unique_names
from .nodes import GraphNode, Operand, Passes
from .numpysource import NumPySource
from .spelling import SMALL, UNPACKED, array_literal, literal, unparsed

_GIVEN = ("input", "parameter", "buffer")
_WIDTH = 100  # of a line into which an unnamed value is still drawn
_RESERVED = ("np", "forward", "backward", "cache", "unpacked", "zlib", "base64", "functools", "itertools", "math")


def _hoisted(constants: dict[str, Array], words: Sequence[str], computed: set[int], value: Array) -> ast.expr:
    """Return how an array in a parameter is written: the name of its value, or that of a constant of the file."""
    index = value.index if type(value) is Read else None
    if index in computed:
        return ast.Name(words[index] if words else "_")
    if value.size <= SMALL:
        return array_literal(value)
    name = next((n for n, known in constants.items() if known is value), f"_index_{len(constants)}")
    name = name if index is None else f"_constant_{index}"
    constants[name] = value
    return ast.Name(name)


class PythonFile:
    """The file, see `Graph.to_python`; nodes of the backward pass count on from `forward`, where the others end.

    `arguments` are those of the traced function, with the node of each in the graph, None where nothing reads it.

    Attributes:
        words: the name of the value of each node.
        arguments: what `forward` takes: names, and the nodes of what has no generator for its value.
        seeds: what `backward` takes.
        along: of each edge (target, slot) the node of the gradient that flows back along it.
    """

    def __init__(
        self, passes: Passes, forward: int, outputs: Sequence[int], arguments: Sequence[tuple[Argument, int | None]]
    ) -> None:
        self.nodes, self.gradients, self.leaves = passes.nodes, passes.gradients, passes.leaves
        self.along = passes.along
        self.forward, self.outputs = forward, outputs
        self.results = (*outputs, *passes.gradients)
        self.breaks, self.checks = passes.breaks, passes.checks
        self.checked = {o.source for index in self.checks for o in self.nodes[index].operands}
        self.constants: dict[str, Array] = {}
        self.words: list[str] = []
        computed = {node.index for node in self.nodes if node.op != "constant"}
        self.source = NumPySource(
            partial(_hoisted, self.constants, self.words, computed)
        )  # not a method: that would be a cycle
        self.expressions: dict[int, ast.expr] = {}
        self.uses = Counter(o.source for node in self.nodes for o in node.operands if o.source is not None)
        self.uses.update(self.results)
        self.named = {o.source for node in self.nodes for o in node.operands if o.parameter}
        for node in self.nodes:  # the functions of the file first: their names are taken
            if node.primitive is not None:
                self.source.call(node.primitive, [ast.Name("_")] * len(_own(node)), node.params, node.shape)
        unread = [a.name for a, index in arguments if index is None]
        taken = [*_RESERVED, *self.source.functions, *self.constants, *self.source.generators]
        (*words,) = unique_names([*passes.names[:forward], *unread], taken)
        gradients = {
            g: f"d{words[leaf]}" for g, leaf in zip(passes.gradients, passes.leaves, strict=True) if g >= forward
        }
        later = unique_names(passes.names[forward:], [*taken, *words, *gradients.values()])
        self.words += [*words[:forward], *(gradients.get(i, word) for i, word in enumerate(later, forward))]
        self.arguments = self._in_order(arguments, words[forward:])
        self.seeds = {self.words[n.index]: n for n in self.nodes[forward:] if n.op == "input"}
        across = {o.source for n in self.nodes[self.forward :] for o in n.operands if o.source is not None}
        across |= {*self.gradients}
        self.kept = sorted(i for i in across if i < self.forward and self.nodes[i].op != "constant")

    def _in_order(
        self, arguments: Sequence[tuple[Argument, int | None]], unread: Sequence[str]
    ) -> dict[str, GraphNode | Node | None]:
        """Return what `forward` takes: the function's arguments, parameters, buffers, generators (None)."""
        leaves = [n for n in self.nodes[: self.forward] if n.op in _GIVEN]
        names = iter(unread)
        found: dict[str, GraphNode | Node | None] = {}
        for argument, index in arguments:
            if index is None:
                found[next(names)] = argument.node
            else:
                found[self.words[index]] = self.nodes[index]
        leaves.sort(key=lambda n: _GIVEN.index(n.op))
        return found | {self.words[n.index]: n for n in leaves} | dict.fromkeys(self.source.generators)

    def text(self) -> str:
        """Return the whole text."""
        parts = [self._function("forward", self.arguments, self.nodes[: self.forward])]
        if self.gradients:
            parts.append(self._function("backward", self.seeds, self.nodes[self.forward :]))
        helpers = [unparsed(function) for function in self.source.functions.values()]
        constants = [f"{name} = {unparsed(array_literal(value))}" for name, value in self.constants.items()]
        packed = any("unpacked(" in text for text in (*constants, *parts))
        modules = self.source.modules | ({"zlib", "base64"} if packed else set())
        imports = [f"import {m}" for m in sorted(modules - {"numpy"})] + ["", "import numpy as np"]
        told = ": forward, and the gradients step by step" if self.gradients else ""
        head = [f'"""The recorded computation as NumPy source{told}."""', "", *self._broken(), *imports]
        parts = [*parts, *helpers, *([UNPACKED.strip()] if packed else []), *(["\n".join(constants)] * bool(constants))]
        return "\n".join(head).replace("\n\n\n", "\n\n") + "".join(f"\n\n\n{part}" for part in parts) + "\n"

    def told_breaks(self) -> list[str]:
        """Return what holds for the recorded run alone, line by line."""
        told = "Read while tracing, and not followed: what depends on it is that of the recorded run."
        return [told, *(on_one_line(found.text) for found in self.breaks)] if self.breaks else []

    def _broken(self) -> list[str]:
        return [*(f"# {line}" for line in self.told_breaks()), ""] if self.breaks else []

    def _function(self, name: str, arguments: Mapping[str, Any], nodes: Sequence[GraphNode]) -> str:
        given = [*arguments] + ["cache"] * (name == "backward")
        lines = [f"def {name}({', '.join(given)}):", f'    """{self._document(name, arguments)}"""']
        cache = self._row(self.kept) + "," * (len(self.kept) == 1)
        if name == "backward" and self.kept:
            lines.append(f"    {cache} = cache")
        module = ""
        for node in (n for n in nodes if not n.is_leaf):
            self.expressions[node.index] = self._expression(node)
            if self._inlined(node):
                continue
            path = "" if node.scope is None or node.index >= self.forward else on_one_line(node.scope.path)
            if path != module:
                lines += ["", f"    # {path}"] if path else [""]
                module = path
            lines += self._step(node)
        results = self.outputs if name == "forward" else self.gradients
        returned = self._row(results)
        if name == "forward" and self.gradients:
            returned = f"{returned if len(results) == 1 else f'({returned})'}, ({cache})"
        return "\n".join([*lines, f"    return {returned}"])

    def _step(self, node: GraphNode) -> list[str]:
        """Return the line that computes a value, and those that check it."""
        expression = ast.unparse(self.expressions[node.index])
        line = f"    {self.words[node.index]} = {expression}  # {_typed(node)}"
        if node.index not in self.checks:
            return [line]
        held, error = self.checks[node.index]
        check = [f"    if {'not ' if held else ''}{expression}:", f"        raise ValueError({on_one_line(error)!r})"]
        return check if self.uses[node.index] == 0 else [line, *check]

    def _document(self, name: str, arguments: Mapping[str, Any]) -> str:
        told = [f"{word} {'np.random.Generator' if n is None else _typed(n)}" for word, n in arguments.items()]
        what = "the result" if len(self.outputs) == 1 else "the results"
        if name == "backward":
            return f"Return the gradients {self._row(self.gradients)}, from that of the output: {', '.join(told)}."
        return f"Return {what}{' and what the backward pass reads' if self.gradients else ''} for {', '.join(told)}."

    def _row(self, indices: Iterable[int]) -> str:
        """Return values as they are written beside each other."""
        return ", ".join(ast.unparse(self._reference(i)) for i in indices)

    def _inlined(self, node: GraphNode) -> bool:
        """Whether `node` is written where it is read: unnamed, read once and in the same pass, and short."""
        alone = node.name is None and self.uses[node.index] == 1 and node.index not in self.named
        alone = alone and node.index not in (*self.results, *self.kept)
        drawn = node.primitive is not None and isinstance(node.primitive.forward, Draw)  # in the order of the lines
        fits = node.shape != () or node.index in self.checked
        return alone and not drawn and fits and len(ast.unparse(self.expressions[node.index])) <= _WIDTH // 2

    def _expression(self, node: GraphNode) -> ast.expr:
        operands = [self._operand(*pair) for pair in self._converted(node)]
        assert node.primitive is not None
        made = self.source.call(node.primitive, operands, node.params, node.shape)
        if node.primitive.kind in ("elementwise", "constant") and self._answers_in(node) != node.dtype:
            made = ast.Call(ast.Attribute(made, "astype"), [literal(node.dtype)], [])
        if node.shape == () and node.index not in self.results and node.primitive.kind != "numpy":
            # NumPy answers with a number, whose arithmetic may differ in the last bit from an array's
            made = ast.Call(ast.Attribute(ast.Name("np"), "asarray"), [made], [])
        return made

    def _operand(self, operand: Operand, dtype: np.dtype[np.generic] | None) -> ast.expr:
        if operand.source is None:
            value = operand.constant
            return literal(float(value) if isinstance(value, Constant) else value, self.source.hoist)
        inlined = operand.source in self.expressions and self._inlined(self.nodes[operand.source])
        found = self.expressions[operand.source] if inlined else self._reference(operand.source)
        return found if dtype is None else ast.Call(ast.Attribute(found, "astype"), [literal(dtype)], [])

    def _reference(self, index: int) -> ast.expr:
        if self.nodes[index].op != "constant":
            return ast.Name(self.words[index])
        value = self.nodes[index].value
        if value is None:
            raise AutogradError(
                f"the constant {self.words[index]} of shape {self.nodes[index].shape} is not known any more: trace the "
                f"function with Graph.trace, or keep the tensor"
            )
        if value.size <= 1:
            return literal(np.asarray(value))
        self.constants[self.words[index]] = value
        return ast.Name(self.words[index])

    def _converted(self, node: GraphNode) -> list[tuple[Operand, np.dtype[np.generic] | None]]:
        """Return the operands, each with the dtype that the engine converts it to before it computes, or None."""
        primitive, own = node.primitive, _own(node)
        assert primitive is not None
        if primitive.kind == "numpy":
            return [(o, None) for o in own]
        dtypes = [None if o.source is None or self._is_number(o) else self.nodes[o.source].dtype for o in own]
        known = {d for d in dtypes[primitive.conditions :] if d is not None}
        common = None
        if len(known) > 1:
            common = promoted([self._sample(o) for o in own[primitive.conditions :]])
            known = {common}
        whole = primitive.kind in ("elementwise", "constant") and known and all(d.kind in "biu" for d in known)
        if whole and primitive.arithmetic:
            common = dtype_of_whole(primitive, [self._sample(o) for o in own]) or common
        elif whole and node.dtype.kind in "fc":
            common = node.dtype
        return [
            (o, common if i >= primitive.conditions and d is not None and common not in (None, d) else None)
            for i, (o, d) in enumerate(zip(own, dtypes, strict=True))
        ]

    def _answers_in(self, node: GraphNode) -> DType:
        """Return the dtype of what NumPy computes of whole numbers and Python's, where the engine may say otherwise."""
        primitive = node.primitive
        assert primitive is not None
        pairs = self._converted(node)
        samples = [self._sample(o) if d is None else np.ones((), d) for o, d in pairs]
        arrays = [np.ones((1,) * s.ndim, s.dtype) if isinstance(s, np.ndarray) else s for s in samples]
        if any(isinstance(a, np.ndarray) and a.dtype.kind not in "biu" for a in arrays[primitive.conditions :]):
            return node.dtype
        with np.errstate(all="ignore"), suppress(ValueError):  # what is refused here, a power of 1, is refused there
            return np.asarray(primitive.forward(*arrays, **plain_of(dict(node.params)))).dtype
        return node.dtype

    def _is_number(self, operand: Operand) -> bool:
        """Return whether an operand is a number of Python's, which has no dtype."""
        node = None if operand.source is None else self.nodes[operand.source]
        if node is None or node.primitive is None:
            return False
        known = all(self._is_number(o) if o.constant is None else type(o.constant) in NUMBERS for o in _own(node))
        return node.primitive.forward == Method("item") or (node.primitive.forward in OPERATORS and known)

    def _sample(self, operand: Operand) -> object:
        """Return something that NumPy promotes as the operand."""
        node = None if operand.source is None else self.nodes[operand.source]
        if self._is_number(operand):
            return 1.0
        return operand.constant if node is None else np.broadcast_to(np.empty((), node.dtype), node.shape)


def _own(node: GraphNode) -> list[Operand]:
    """Return the operands that are no part of a parameter."""
    return [o for o in node.operands if not o.parameter]


def _typed(node: GraphNode | Node) -> str:
    return f"{node.dtype} {node.shape}"
