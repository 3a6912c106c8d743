"""How warm each vertex is: by the norm of its gradient, its time, the memory that it keeps, or its digits lost."""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Mapping
from dataclasses import replace

from tensorgrad.errors import TensorgradError
from tensorgrad.graph import Graph
from tensorgrad.graph.recomputing import again, plainly, values

from .model import Picture
from .summaries import norm
from .text import shown_bytes

_RUNS = 3  # of every operation, of which the fastest counts
_SPAN = 1e6  # from the largest number down: what is smaller is cold

_ALL_DIGITS = 16.0  # of a double: more cannot be lost

Measured = Mapping[str, float]
"""A number for each vertex that has one, by its id."""


def with_heat(picture: Picture, graph: Graph, by: str) -> Picture:
    """Return `picture` with `Vertex.heat` from 0 to 1, on a scale of logarithms, its number, and the scale's caption.

    Raises:
        TensorgradError: `by` is nothing that is measured.
    """
    if by not in MEASURES:
        raise TensorgradError(f"draw(heat={by!r}) is not known: use one of {', '.join(map(repr, MEASURES))}")
    measure, what, unit = MEASURES[by]
    found = {id: number for id, number in measure(picture, graph).items() if 0 < number < math.inf}
    if not found:
        return picture.captioned(f"heat: no {what} is known")
    most = max(found.values())
    least = max(min(found.values()), most / _SPAN)
    whole = math.log(most / least) or 1.0
    warm = {id: min(1.0, max(0.0, math.log(number / least) / whole)) for id, number in found.items()}
    if most == least:
        warm = dict.fromkeys(warm, 1.0)
    told = f"heat: {what}, {unit(least)} (pale) to {unit(most)}"
    texts = {id: unit(number) for id, number in found.items()}
    vertices = [replace(v, heat=warm.get(v.id), measured=texts.get(v.id, "")) for v in picture.vertices]
    return replace(picture, vertices=vertices).captioned(told)


def _gradients(picture: Picture, _: Graph) -> Measured:
    """Return the norms of the gradients; a box has that of what leaves it."""
    found = {v.id: norm(v.gradient) for v in picture.vertices if v.gradient is not None and not v.noise}
    boxes = {v.id for v in picture.vertices if v.kind == "box"}
    for edge in picture.edges:
        if edge.tail in boxes and edge.gradient is not None and not edge.noise:
            found[edge.tail] = math.hypot(found.get(edge.tail, 0.0), norm(edge.gradient))
    return found


def _memory(picture: Picture, _: Graph) -> Measured:
    return {v.id: float(v.kept) for v in picture.vertices}


def _times(picture: Picture, graph: Graph) -> Measured:
    """Return the seconds of every operation, run again on the values that it had."""
    known, taken = values(graph), [0.0] * len(graph.nodes)
    with plainly():
        for node in graph.nodes:
            runs = []
            for _ in range(_RUNS):
                start = time.perf_counter()
                done = again(node, known) is not None
                runs += [time.perf_counter() - start] * done
            taken[node.index] = min(runs, default=0.0)
    return {v.id: sum(taken[index] for index in v.members) for v in picture.vertices}


def _digits(picture: Picture, graph: Graph) -> Measured:
    """Return how many times the rounding of its dtype each value may be off, by bounds that are proved."""
    bounds = graph.bounds()
    made = {v.id: [i for i in v.members if not graph.nodes[i].is_leaf] for v in picture.vertices}
    lost = {id: max(map(bounds.digits_lost, members)) for id, members in made.items() if members}
    return {id: 10 ** min(digits, _ALL_DIGITS) for id, digits in lost.items()}


def _plain(number: float) -> str:
    return f"{number:.3g}"


def _seconds(number: float) -> str:
    return f"{number * 1e6:.3g} µs" if number < 1e-3 else f"{number * 1e3:.3g} ms"


MEASURES: Mapping[str, tuple[Callable[[Picture, Graph], Measured], str, Callable[[float], str]]] = {
    "gradient": (_gradients, "norm of the gradient", _plain),
    "time": (_times, "time forward", _seconds),
    "digits": (_digits, "digits lost to rounding, at most", lambda number: f"{math.log10(number):.1f}"),
    "memory": (_memory, "memory kept for the backward pass", shown_bytes),
}
