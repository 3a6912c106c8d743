"""Every call of the table on both libraries: value, dtype, shape, gradient, second derivative."""

from __future__ import annotations

import warnings
from typing import Any

import numpy as np
import pytest

import tensorgrad as tg
from tensorgrad.engine.tensor import Tensor
from tests.surface import BETTER, CALLS, CONSTANT, Call, Library, array_of, named

torch = pytest.importorskip("torch", reason="PyTorch is the reference here; without it the NumPy tests remain")


def both(call: Call, dtype: str) -> tuple[Library, list[Any], Library, list[Any]]:
    ours, theirs = Library(tg, Tensor), Library(torch, torch.Tensor)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # PyTorch announces changes of its own
        expected = theirs.run(call, dtype)
    return ours, ours.run(call, dtype), theirs, expected


@pytest.mark.parametrize("dtype", ["float64", "float32"])
@pytest.mark.parametrize("call", [*CALLS, *BETTER], ids=named)
def test_a_call_has_pytorchs_value_shape_and_dtype(call: Call, dtype: str) -> None:
    _, found, _, expected = both(call, dtype)
    assert len(found) == len(expected)
    for y, w in zip(found, expected, strict=True):
        a, b = array_of(y), array_of(w)
        assert a.shape == b.shape
        assert isinstance(y, Tensor) == isinstance(w, torch.Tensor)
        assert not isinstance(w, torch.Tensor) or f"torch.{a.dtype}" == str(w.dtype)
        tolerance = 1e-12 if dtype == "float64" else 2e-5
        np.testing.assert_allclose(a, b, rtol=tolerance, atol=tolerance)  # NaN where PyTorch has NaN


@pytest.mark.parametrize("order", [1, 2])
@pytest.mark.parametrize("call", CALLS, ids=named)
def test_a_call_has_pytorchs_derivatives(call: Call, order: int) -> None:
    ours, found, theirs, expected = both(call, "float64")
    mine = ours.gradients(found, order)
    if not mine:
        assert not ours.leaves or call[0] in CONSTANT, "the graph was lost"
        return
    try:
        wanted = theirs.gradients(expected, order)
    except (RuntimeError, NotImplementedError) as error:
        pytest.skip(f"PyTorch has no derivative of order {order} here: {str(error)[:80]}")
    for x, g, w in zip(ours.leaves, mine, wanted, strict=True):
        a, b = array_of(g), array_of(w)
        assert a.shape == x.shape
        assert np.isfinite(a).all()
        np.testing.assert_allclose(a, b, rtol=1e-9, atol=1e-10, equal_nan=False)
