"""What of a gradient is rounding alone: what remains where terms cancel that exact arithmetic makes zero.

A reverse sweep is linear in its seed, and its rounding is not: a seed that is 0.7310585786300049 times as large rounds
everywhere otherwise. As far as its gradients are not so many times as large, they are noise.
"""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from tensorgrad.base.dtypes import Array
from tensorgrad.engine.tensor import Tensor
from tensorgrad.graph import Gradients, Graph

_OTHER = 0.7310585786300049
_MOST = 0.05  # of a gradient's largest number, what noise may be before nothing else is in it


def noise(graph: Graph, seed: Tensor | Array | None, found: Gradients) -> dict[tuple[int, int], float]:
    """Return the largest rounding error of the gradient along every edge, about; `found` is what `seed` gives.

    >>> import tensorgrad as tg
    >>> graph = Graph.trace(lambda x: (x - x.mean()).sum(), tg.tensor([0.1, 0.7], requires_grad=True))
    >>> found = graph.gradients()
    >>> is_noise(np.array([1e-8, -2e-8]), 1.5e-8), is_noise(np.array([1.0]), 1e-8)
    (True, False)
    >>> max(noise(graph, None, found).values()) < 1e-6
    True
    """
    first = graph.nodes[graph.outputs[0]]
    array = np.ones(first.shape, first.dtype) if seed is None else seed.array if isinstance(seed, Tensor) else seed
    other = graph.gradients(np.asarray(array * _OTHER, first.dtype)).edges
    return {place: _error(gradient, other, place) for place, gradient in found.edges.items()}


def _error(gradient: Array, other: Mapping[tuple[int, int], Array], place: tuple[int, int]) -> float:
    if place not in other or gradient.dtype.kind not in "fc" or not gradient.size:
        return 0.0
    with np.errstate(all="ignore"):
        error = np.abs(other[place].astype(np.complex128) / _OTHER - gradient.astype(np.complex128))
    return float(error[np.isfinite(error)].max(initial=0.0))


def is_noise(gradient: Array | None, error: float) -> bool:
    """Return whether a gradient is its rounding error, and nothing else can be seen in it."""
    if gradient is None or not gradient.size or not error:
        return False
    with np.errstate(all="ignore"):
        return bool(np.abs(gradient).max() * _MOST < error)
