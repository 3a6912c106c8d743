"""What a notebook shows of a graph: its drawing as HTML and SVG, its typed program as text.

Nothing here changes what is shown, as the gradients come from a sweep of their own, and nothing takes long, as `draw`
leaves out what is too much. It is a file of its own because `Graph`, which stands below, loads it by its name.
"""

from __future__ import annotations

from collections.abc import Container

from tensorgrad.base.mime import HTML, SVG, TEXT, shortened, wanted
from tensorgrad.graph import Graph

from .drawing import Drawing, draw


def graph_bundle(
    graph: Graph, include: Container[str] | None = None, exclude: Container[str] | None = None
) -> dict[str, str]:
    """Return the drawing of `graph` at default settings by MIME type; a failed sweep leaves out the gradients.

    >>> import tensorgrad as tg
    >>> print(graph_bundle(Graph.of(tg.ones(2)), include=["text/plain"])["text/plain"])
    constant: float32[2] = constant
    return constant
    """
    if wanted([HTML, SVG], include, exclude):
        return _drawn(graph)._repr_mimebundle_(include, exclude)
    return {kind: shortened(graph.text()) for kind in wanted([TEXT], include, exclude)}


def _drawn(graph: Graph) -> Drawing:
    try:
        return draw(graph)
    except Exception as error:  # noqa: BLE001 - a rule or a hook of the user's may raise anything; the title tells it
        reason = " ".join(str(error).split()) or type(error).__name__
        return draw(graph, grads=False, title=f"Values alone, without gradients: {reason}")
