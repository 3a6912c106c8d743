"""What of a gradient is rounding alone: what remains where terms cancel that exact arithmetic makes zero.

A reverse sweep is linear in its seed, and its rounding is not: a seed that is 0.7310585786300049 times as large rounds
everywhere otherwise. As far as its gradients are not so many times as large, they are noise.
"""

from __future__ import annotations

import itertools
import math
from collections.abc import Hashable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TypeVar

import numpy as np

from tensorgrad.base.dtypes import Array
from tensorgrad.graph import Gradients, Graph

from .summaries import JOINED, rounding

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
    def of(cls, graph: Graph, seeds: Sequence[Array | None], found: Gradients) -> Noise:
        """Return the errors of `found`, which is what `seeds`, one for every output, give, by a second sweep.

        >>> import tensorgrad as tg
        >>> graph = Graph.trace(lambda x: (x - x.mean()).sum(), tg.tensor([0.1, 0.7], requires_grad=True))
        >>> max(Noise.of(graph, [np.float32(1)], graph.gradients()).edges.values()) < 1e-6
        True
        """
        ends = [graph.nodes[index].dtype for index in graph.outputs]
        others = [None if seed is None else np.asarray(seed * _OTHER, dtype)
                  for seed, dtype in zip(seeds, ends, strict=True)]  # fmt: skip
        other = graph.gradients(others)
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


def is_noise(gradient: Array | None, error: float) -> bool:
    """Return whether a gradient is its rounding error, and nothing else can be seen in it.

    >>> is_noise(np.array([1e-8, -2e-8]), 1.5e-8), is_noise(np.array([1.0]), 1e-8)
    (True, False)
    """
    if gradient is None or not error > 0:
        return False
    seen = abs(gradient.item(0)) * _MOST  # most often the first number tells that it is none
    return not error <= seen < math.inf and largest(gradient) * _MOST < error


def may_be_noisy(graph: Graph, found: Gradients) -> bool:
    """Return whether any gradient is so small beside what it is computed of that rounding may be all there is."""
    return any(0 < size < whole for size, whole in _beside(graph, found))


def _beside(graph: Graph, found: Gradients) -> Iterator[tuple[float, float]]:
    """Yield the size of every gradient, and the size below which it would be small."""
    parts: dict[int, float] = {}
    for (target, slot), gradient in found.edges.items():
        if gradient.dtype.kind not in "fc" or target not in found.nodes:
            continue
        size, unit = largest(gradient), _SMALL * rounding(gradient.dtype)
        yield size, largest(found.nodes[target]) * unit
        source = graph.nodes[target].operands[slot].source
        if source is not None:
            parts[source] = max(parts.get(source, 0.0), size * unit)
    yield from ((largest(found.nodes[node]), small) for node, small in parts.items() if node in found.nodes)


def largest(value: Array) -> float:
    """Return the size of the largest finite number; 0 where there are none.

    >>> largest(np.array([1.0, -3.0, np.inf])), largest(np.array([1, -3]))
    (3.0, 3.0)
    """
    if value.dtype.kind not in "fciub" or not value.size:
        return 0.0
    if value.dtype.kind == "f":  # most often all are finite: no copy is made of a large array
        size = max(float(value.max()), -float(value.min()))
        if math.isfinite(size):
            return size
    with np.errstate(all="ignore"):
        sizes = np.abs(value if value.dtype.kind in "fc" else value.astype(np.float64))
    return float(sizes[np.isfinite(sizes)].max(initial=0.0))
