"""Every call of the table against its own values: both derivatives by differences, without PyTorch."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

import tensorgrad as tg
from tensorgrad.engine.tensor import Tensor
from tests.checks import difference
from tests.surface import CALLS, CONSTANT, TIES, Call, Library, array_of, named

# Sharply bent, or with a kink at the very point of the sample: a difference across it is no derivative.
KINKED = {"cummax", "cummin", "mode", "heaviside"}

SMOOTH = [c for c in CALLS if c[0] not in KINKED and not any(c is tie for tie in TIES)]


# Read one triangle of a symmetric matrix, and have the symmetric gradient: right along symmetric directions only.
SYMMETRIC = {"cholesky", "linalg.cholesky", "linalg.eigvalsh"}


def direction(name: str, shape: tuple[int, ...], place: int) -> np.ndarray:
    found = np.cos(1.0 + np.arange(np.prod(shape, dtype=int)) + place).reshape(shape)
    return found + np.swapaxes(found, -1, -2) if name in SYMMETRIC else found


class Moved(Library):
    """The library with every leaf moved by `step` along a direction that depends on its place only."""

    def __init__(self, name: str, step: float) -> None:
        super().__init__(tg, Tensor)
        self.name, self.step = name, step

    def tensor(self, value: Any, dtype: str) -> Any:
        x = super().tensor(value, dtype)
        if isinstance(x, Tensor) and x.requires_grad:
            x.data = x.array + self.step * direction(self.name, x.shape, len(self.leaves))
        return x


def slope(call: Call, step: float, order: int) -> float:
    """The weighted sum of the outputs (order 0), or the norm of its gradient (order 1), at a moved point."""
    library = Moved(call[0], step)
    outputs = library.run(call, "float64")
    if order == 0:
        return float(sum(part.item() for part in library.parts([y for y in outputs if library.recorded(y)])))
    return float(sum((array_of(g) ** 2).sum() for g in library.gradients(outputs, 1)))


@pytest.mark.parametrize("order", [1, 2])
@pytest.mark.parametrize("call", SMOOTH, ids=named)
def test_a_derivative_is_the_limit_of_differences(call: Call, order: int) -> None:
    library = Moved(call[0], 0.0)
    gradients = library.gradients(library.run(call, "float64"), order)
    if not gradients:
        assert not library.leaves or call[0] in CONSTANT, "the graph was lost"
        return
    found = 0.0
    for place, (x, g) in enumerate(zip(library.leaves, gradients, strict=True), 1):
        found += float((array_of(g) * direction(call[0], x.shape, place)).sum())
    expected = float(difference(lambda s: slope(call, s, order - 1), 1e-4))
    assert np.isfinite(expected)
    assert found == pytest.approx(expected, rel=2e-6, abs=1e-6)
