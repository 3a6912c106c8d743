"""Random masks."""

from __future__ import annotations

from tensorgrad.graph import named
from tensorgrad.random import Generator
from tensorgrad.sampling import rand
from tensorgrad.tensor import Tensor, wrap


def dropout(input: Tensor, p: float = 0.5, training: bool = True, generator: Generator | None = None) -> Tensor:
    """Return `input` with each element zeroed with probability `p` and the others divided by ``1 - p``.

    Source: Srivastava et al. 2014, in the inverted form, which leaves evaluation unchanged. ValueError for p outside
    [0, 1].
    """
    if not 0 <= p <= 1:
        raise ValueError(f"dropout probability has to be between 0 and 1, but got {p}")
    if not training or p == 0:
        return input
    if p == 1:
        return input * 0.0
    keep = rand(input.array.shape, dtype=input.array.dtype, generator=generator).array >= p
    scale = input.array.dtype.type(1 / (1 - p))
    return input * named("mask", wrap(keep * scale))
