"""What tests of tensors and sweeps need: random numbers, leaves, and that values and gradients are right."""

from __future__ import annotations

from typing import Any

import numpy as np

import tensorgrad as tg

RNG = np.random.default_rng


def close(found: Any, wanted: Any, rtol: float = 1e-12, atol: float = 0.0) -> None:
    """The values are finite, and equal; the shapes are too."""
    found, wanted = (np.asarray(v.detach() if isinstance(v, tg.Tensor) else v) for v in (found, wanted))
    assert found.shape == wanted.shape
    assert np.isfinite(found).all()
    np.testing.assert_allclose(found, wanted, rtol=rtol, atol=atol, equal_nan=False)


def leaf(data: Any, dtype: Any = tg.float64) -> tg.Tensor:
    """A tensor that requires a gradient."""
    return tg.tensor(data, dtype=dtype, requires_grad=True)


def grad_of(x: tg.Tensor) -> np.ndarray:
    """The gradient of `x`, which is there, and in its shape and dtype."""
    assert x.grad is not None
    assert x.grad.shape == x.shape
    assert x.grad.dtype == x.dtype
    return x.grad.detach().numpy()
