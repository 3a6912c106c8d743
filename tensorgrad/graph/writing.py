"""The graph as a file: `Graph.to_python` gives its text, `to_c` and `to_js` follow it."""

from __future__ import annotations

from collections.abc import Callable
from copy import copy
from typing import TYPE_CHECKING, TypeVar

from tensorgrad.base.caching import altered
from tensorgrad.base.callsite import told
from tensorgrad.errors import AutogradError, CompileError

from .gradients import Seed
from .python import PythonFile
from .unrecorded import rewritten

if TYPE_CHECKING:
    from .graph import Graph

T = TypeVar("T")


def python_file(graph: Graph, seed: Seed = None, kind: type[PythonFile] = PythonFile) -> PythonFile:
    """Return the file, of the `kind` that is asked for.

    Raises:
        AutogradError: a value that it needs was written where nothing records it.
    """
    graph = with_checks(graph)
    if (node := next(rewritten(graph._recorded, graph._stale), None)) is not None and node.primitive is not None:
        raise AutogradError(
            f"{node.primitive.name} at {told(node.place)} read or made a value that had been written without a "
            f"record, through .detach() or under no_grad(): the file would compute something else"
        )
    given = [node for node in graph._leaves(seed) if node.primitive is None]
    passes = altered(graph._passes(given, seed), checks=graph._checks)
    arguments = [(argument, graph._index.get(argument.node)) for argument in graph._arguments]
    return kind(passes, len(graph.nodes), graph.outputs, arguments)


def with_checks(graph: Graph) -> Graph:
    """Return `graph` with the conditions of what is assumed among its nodes, which no picture shows."""
    conditions = [*graph._assumed, *graph._passed]
    if not conditions:
        return graph
    found = graph._and(node for node, _, _ in conditions)
    for node, assumed, held in conditions:
        where, inside = (text.partition(" (")[0] for text in (told(assumed.place), assumed.inside))
        other = f"these inputs take another way than those of the trace at {where}"
        error = ", ".join(filter(None, (inside, f"{other}: trace the function on inputs like these")))
        found._checks[found._index[node]] = held, error
    return found


def formed(graph: Graph, make: Callable[[Graph], T]) -> T:
    """Return what `make` makes of a graph, without the checks that only raise errors where these have no form."""
    try:
        return make(graph)
    except CompileError:
        if not graph._passed:
            raise
    unchecked = copy(graph)
    unchecked._passed = ()
    return make(unchecked)


def text_of(graph: Graph, make: Callable[[PythonFile], str]) -> str:
    """Return the text that `make` makes of the file, which says what it does not look for."""

    def text(one: Graph) -> str:
        told = "" if one is graph else "// Not looked for: numbers that the function refuses by an error.\n"
        return told + make(python_file(one))

    return formed(graph, text)
