"""What tests of tensorgrad.func need: tensors in double precision, and that trees of them are equal."""

from __future__ import annotations

from typing import Any

import numpy as np

import tensorgrad as tg


def values(x: Any) -> np.ndarray:
    """The array of a tensor, or of what makes one."""
    return np.asarray(x.detach() if hasattr(x, "detach") else x)


def close(found: Any, wanted: Any, rtol: float = 1e-10, atol: float = 1e-12) -> None:
    """The two have the same shape and the same finite values."""
    found, wanted = values(found), values(wanted)
    assert found.shape == wanted.shape
    assert np.isfinite(wanted).all(), "the reference is not finite, it proves nothing"
    np.testing.assert_allclose(found, wanted, rtol=rtol, atol=atol, equal_nan=False)


def double(data: Any, requires_grad: bool = False) -> tg.Tensor:
    """A tensor in double precision."""
    return tg.tensor(np.asarray(data, np.float64), requires_grad=requires_grad)
