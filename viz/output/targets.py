"""What is drawn: the graph of what `draw` is given."""

from __future__ import annotations

from collections.abc import Collection
from typing import Any

from tensorgrad.base.callsite import users_variables
from tensorgrad.debugging.reasons import Reason
from tensorgrad.engine.tensor import Tensor
from tensorgrad.errors import TensorgradError
from tensorgrad.graph import Graph
from tensorgrad.graph.gradients import Seed
from tensorgrad.graph.tracing import Names
from tensorgrad.viz.picture.failures import NOTE, FailedGraph
from tensorgrad.viz.picture.flows import seeds_of
from tensorgrad.viz.picture.reasoned import graph_of


def graph_drawn(
    target: Any, inputs: tuple[Any, ...], names: Names, functions: Collection[str], order: int, seed: Seed
) -> tuple[Graph, Seed]:
    """Return the graph that `draw` shows, of the backward pass of that `order`, and what flows back into outputs."""
    names = users_variables() if isinstance(target, Tensor) and names == "variables" else names
    graph = _graph_of(target, inputs, names, functions)
    while graph.order < order:
        graph, seed = graph.backward(seeds_of(graph, seed)), None
    return graph, seed


def _graph_of(target: Any, inputs: tuple[Any, ...], names: Names, functions: Collection[str]) -> Graph:
    """Return the graph of a Graph, a Tensor, an exception, a reason, or what is called with `inputs`.

    Raises:
        TensorgradError: it is none of these, or was given what it does not take.
    """
    if isinstance(target, Graph | Tensor | BaseException | Reason):
        if inputs:
            raise TensorgradError(f"draw of a {type(target).__name__} takes no inputs: it is computed already")
        if isinstance(target, BaseException | Reason):
            return FailedGraph(target, names) if isinstance(target, BaseException) else graph_of(target)
        if isinstance(target, Tensor):
            return Graph.of(target, names=names)
        if names is not None:
            raise TensorgradError("draw of a Graph takes no names: give them to Graph.of or Graph.trace, which made it")
        return target
    if not callable(target):
        raise TensorgradError(
            f"cannot draw {type(target).__name__}: give a Tensor, a Graph, a function, a module or an exception"
        )
    try:
        return Graph.trace(target, *inputs, names=names, functions=functions)
    except Exception as error:
        error.add_note(NOTE)
        raise
