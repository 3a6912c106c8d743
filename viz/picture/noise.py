"""What of a gradient is rounding alone: what remains where terms cancel that exact arithmetic makes zero.

A reverse sweep is linear in its seed, and its rounding is not: a seed that is 0.7310585786300049 times as large rounds
everywhere otherwise. As far as its gradients are not so many times as large, they are noise.
"""

from __future__ import annotations

import itertools
import math
from collections.abc import Collection, Hashable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TypeVar

import numpy as np

from tensorgrad.base.dtypes import Array
from tensorgrad.graph import Gradients, Graph

from .summaries import JOINED, Numbers, rounding

_OTHER = 0.7310585786300049
_MOST = 0.05  # of a gradient's largest number, what noise may be before nothing else is in it
_SMALL = 2e4  # roundings of the gradient that it comes of, below which one may be noise

_Key = TypeVar("_Key", bound=Hashable)


@dataclass(frozen=True)
class Noise:
    """The largest rounding error of the gradient along every edge and at every node, about."""

    edges: Mapping[tuple[int, int], float] = field(default_factory=dict)
    nodes: Mapping[int, float] = field(default_factory=dict)

    @classmethod
    def of(
        cls, graph: Graph, seeds: Sequence[Array | None], found: Gradients, among: Collection[int] | None = None
    ) -> Noise:
        """Return the errors of `found`, which is what `seeds`, one for every output, give, by a second sweep.

        Of the nodes `among`, where given, and of what flows into them.

        >>> import tensorgrad as tg
        >>> graph = Graph.trace(lambda x: (x - x.mean()).sum(), tg.tensor([0.1, 0.7], requires_grad=True))
        >>> max(Noise.of(graph, [np.float32(1)], graph.gradients()).edges.values()) < 1e-6
        True
        """
        ends = [graph.nodes[index].dtype for index in graph.outputs]
        others = [None if seed is None else np.asarray(seed * _OTHER, dtype)
                  for seed, dtype in zip(seeds, ends, strict=True)]  # fmt: skip
        other = graph.gradients(others, among)
        return cls(_errors(found.edges, other.edges), _errors(found.nodes, other.nodes))


def _errors(found: Mapping[_Key, Array], other: Mapping[_Key, Array]) -> dict[_Key, float]:
    """Return the largest error of every gradient that both hold: of all small ones, as most are, in one pass."""
    both = [key for key, g in found.items() if key in other and g.dtype.kind in "fc" and g.size]
    small = [key for key in both if found[key].size <= JOINED]
    errors = [zip(keys, _largest_errors(keys, found, other), strict=True)
              for keys in (small, *([key] for key in both if found[key].size > JOINED)) if keys]  # fmt: skip
    return dict(itertools.chain.from_iterable(errors))


def _largest_errors(keys: Sequence[_Key], found: Mapping[_Key, Array], other: Mapping[_Key, Array]) -> list[float]:
    dtype = np.result_type(np.float64, *{held[key].dtype for key in keys for held in (found, other)})
    ours, others = (np.concatenate([held[key].ravel() for key in keys], dtype=dtype) for held in (found, other))
    with np.errstate(all="ignore"):
        error = np.abs(others / _OTHER - ours)
    starts = np.cumsum([0, *(found[key].size for key in keys[:-1])])
    most: list[float] = np.maximum.reduceat(np.where(np.isfinite(error), error, 0.0), starts).tolist()
    return most


def is_noise(gradient: Array | None, error: float, numbers: Numbers) -> bool:
    """Return whether a gradient is its rounding error, and nothing else can be seen in it.

    >>> is_noise(np.array([1e-8, -2e-8]), 1.5e-8, Numbers()), is_noise(np.array([1.0]), 1e-8, Numbers())
    (True, False)
    """
    if gradient is None or not error > 0:
        return False
    seen = abs(gradient.item(0)) * _MOST  # most often the first number tells that it is none
    return not error <= seen < math.inf and numbers.largest(gradient) * _MOST < error


def suspects(graph: Graph, found: Gradients, numbers: Numbers) -> set[int]:
    """Return the nodes into which a gradient flows that may be rounding alone: so small beside what it is computed of.

    With all nodes behind them, to which that flows on.
    """
    small: set[int] = set()
    parts: dict[int, float] = {}
    largest = {node: numbers.largest(gradient) for node, gradient in found.nodes.items()}
    for (target, slot), gradient in found.edges.items():
        source = graph.nodes[target].operands[slot].source
        if gradient.dtype.kind not in "fc" or target not in largest or source is None:
            continue
        size, unit = numbers.largest(gradient), _SMALL * rounding(gradient.dtype)
        if 0 < size < largest[target] * unit:
            small.add(source)
        parts[source] = max(parts.get(source, 0.0), size * unit)
    small.update(node for node, whole in parts.items() if 0 < largest.get(node, 0.0) < whole)
    for node in reversed(graph.nodes) if small else ():
        if node.index in small:
            small.update(operand.source for operand in node.operands if operand.source is not None)
    return small
