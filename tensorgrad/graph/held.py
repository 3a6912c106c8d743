"""What leaves and modules are called that have no name of their own: by the user's variables, or by what they are."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from contextlib import suppress
from types import CodeType
from typing import Any

import numpy as np

from tensorgrad.base.context import Scope, outward
from tensorgrad.base.dtypes import Array
from tensorgrad.base.numerics import owner_of
from tensorgrad.engine.tensor import Node, Tensor
from tensorgrad.errors import TensorgradError

from .nodes import GraphNode

Variables = Iterable[tuple[str, Any]]
"""Names and what they hold; of several names the first counts."""

_COMPARED = 4096  # numbers, above which an array is not known again


def named_in(function: Any) -> Variables:
    """Yield the variables that a function of the user's reads from around it: those of other functions, and global.

    >>> weight = np.ones(3)
    >>> ("weight", weight) in named_in(lambda x: x * weight)
    True
    """
    code, cells = getattr(function, "__code__", None), getattr(function, "__closure__", None) or ()
    if not isinstance(code, CodeType):
        return
    for name, cell in zip(code.co_freevars, cells, strict=True):
        with suppress(ValueError):  # not filled yet
            yield name, cell.cell_contents
    around = function.__globals__
    yield from ((name, around[name]) for name in code.co_names if name in around)


def names_held(recorded: Collection[Node], variables: Variables) -> tuple[dict[Node, str], dict[Scope, str]]:
    """Return what `variables` call the nameless leaves among `recorded`, and the outermost modules called.

    An array is known by its numbers, which a trace copies, where no other variable holds the same; all of a tensor in
    another shape by its memory. Of two variables that hold a tensor or a module the first counts, and private ones name
    nothing.
    """
    known: dict[int, str] = {}
    arrays: list[tuple[str, Array]] = []
    memory: dict[int, tuple[str, int]] = {}
    for name, value in variables:
        if name == "self" or name.startswith("_") or not name.isidentifier() or id(value) in known:
            continue
        known[id(value)] = name
        if isinstance(value, np.ndarray) and 1 < value.size <= _COMPARED:
            arrays.append((name, value))
        if isinstance(value, Tensor):
            with suppress(TensorgradError):  # a parameter whose shape is not known yet
                memory.setdefault(id(owner_of(value.array)), (name, value.array.size))
    read = {x: array for node in recorded for x, array in zip(node.inputs, (node.saved or ())[1:], strict=False)}
    leaves: dict[Node, str] = {}
    for node in [node for node in recorded if node.primitive is None and node.called is None]:
        owner = None if node.owner is None else node.owner()
        value = node.saved[0] if node.saved else read.get(node)
        found = _same(value, arrays) if owner is None else known.get(id(owner))
        found = found or _reshaped(value, memory)
        leaves |= {node: found} if found else {}
    innermost = dict.fromkeys(node.scope for node in recorded)
    outermost = dict.fromkeys([*outward(scope)][-1] for scope in innermost if scope is not None)
    return leaves, {scope: known[id(scope.module)] for scope in outermost if id(scope.module) in known}


def _reshaped(array: Any, memory: Mapping[int, tuple[str, int]]) -> str | None:
    """Return what is called so whose whole memory an array shows, as ``images.flatten(1)``; None where nothing is."""
    if not isinstance(array, np.ndarray):
        return None
    name, size = memory.get(id(owner_of(array)), ("", -1))
    return name if array.size == size else None


def _same(value: Any, arrays: Sequence[tuple[str, Array]]) -> str | None:
    """Return the name of the one array that has the numbers of a constant; None where it is none, or one of several."""
    alike = [
        name
        for name, array in arrays
        if isinstance(value, np.ndarray) and array.shape == value.shape and array.dtype == value.dtype
        and np.array_equal(array, value)
    ]  # fmt: skip
    return alike[0] if len(alike) == 1 else None


def made_up(nodes: Sequence[GraphNode], marked: Callable[[str, int], str] = "{}{}".format) -> dict[int, str]:
    """Return words for the leaves without a name: what they are and, where several are that, `marked` by a number."""
    words = {node.index: _kind(node) for node in nodes if node.is_leaf and not node.name}
    counts, met = Counter(words.values()), Counter[str]()
    for index, word in words.items():
        met[word] += 1
        words[index] = marked(word, met[word]) if counts[word] > 1 else word
    return words


def all_named(
    nodes: Sequence[GraphNode], given: Sequence[str | None], outputs: Sequence[int], keys: Sequence[str]
) -> list[str]:
    """Return a name for every value: the `given` one, "out" for an output without one, or one that is made up.

    Outputs that the function returned under a key have that; where something else is "out", they are the "result".
    """
    words = made_up(nodes)
    names = [name or words.get(node.index, f"v{node.index}") for node, name in zip(nodes, given, strict=True)]
    word = "result" if "out" in names else "out"
    for i, (index, key) in enumerate(zip(outputs, keys, strict=True), 1):
        if nodes[index].name is None and not nodes[index].is_leaf:
            names[index] = key or (word if len(outputs) == 1 else f"{word}{i}")
    return names


def _kind(node: GraphNode) -> str:
    if node.op != "parameter":
        return node.op
    return "tensor" if node.owner is None else type(node.owner).__name__.lower()
