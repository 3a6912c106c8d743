"""NumPy's `reduce`, `accumulate`, `reduceat` and `outer` of tensors of every dtype."""

from __future__ import annotations

import warnings
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

import tensorgrad as tg
from tensorgrad.arrays import ufuncs
from tensorgrad.base.numbertypes import DTYPES

UFUNCS = {u.__name__: u for u in vars(np).values() if isinstance(u, np.ufunc) and u.nin == 2}
METHODS: dict[str, Callable[[Any, Any], Any]] = {
    "reduce": lambda u, x: u.reduce(x),
    "reduce last axis": lambda u, x: u.reduce(x, axis=-1),
    "reduce all": lambda u, x: u.reduce(x, axis=None),
    "reduce no axis": lambda u, x: u.reduce(x, axis=()),
    "reduce kept": lambda u, x: u.reduce(x, axis=0, keepdims=True),
    "reduce a number": lambda u, x: u.reduce(x[0, 0]),
    "accumulate": lambda u, x: u.accumulate(x),
    "accumulate last axis": lambda u, x: u.accumulate(x, axis=1),
    "reduceat": lambda u, x: u.reduceat(x, [0, 1]),
}


def computed(call: Callable[[], Any]) -> Any:
    """Return what a call gives, without its warnings; None where it is a TypeError."""
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            return call()
    except TypeError:
        return None


@pytest.mark.parametrize("how", METHODS)
@pytest.mark.parametrize("name", sorted(UFUNCS))
def test_every_dtype_is_reduced_as_by_numpy_or_refused(name: str, how: str) -> None:
    for dtype in map(np.dtype, DTYPES):
        array = np.array([[1, 2], [0, 3]]).astype(dtype)
        try:
            expected = computed(lambda array=array: METHODS[how](UFUNCS[name], array))
        except (ValueError, RuntimeError):  # of functions that are never reduced
            return
        for recorded in (False, True)[: 1 + (dtype.kind in "fc")]:
            x = tg.tensor(array, requires_grad=recorded)
            found = computed(lambda x=x: METHODS[how](UFUNCS[name], x))
            if found is None:  # where NumPy computes it, a gradient would be lost, or complex numbers have no order
                assert expected is None or recorded or (dtype.kind == "c" and name in ("maximum", "minimum"))
                continue
            assert expected is not None, f"{dtype}: NumPy refuses it"
            assert found.array.dtype == expected.dtype, dtype
            tolerance = 4 * np.finfo(expected.dtype).eps if expected.dtype.kind in "fc" else 0
            np.testing.assert_allclose(found.array, expected, rtol=tolerance, err_msg=str(dtype))


@pytest.mark.parametrize("name", sorted(name for name, u in UFUNCS.items() if not u.signature))
def test_outer_is_the_function_of_each_pair_in_its_dtype(name: str) -> None:
    for dtype in map(np.dtype, DTYPES):
        x = tg.tensor(np.array([1, 2]).astype(dtype))
        numbers = (2,) if UFUNCS[name] in ufuncs.CALLED else ()  # of which NumPy's own make an array of int64
        for y in (x, tg.tensor([0.5, 2.0]), *numbers):
            pair = (lambda y=y, x=x: UFUNCS[name](x.reshape(2, 1), y)), lambda y=y, x=x: UFUNCS[name].outer(x, y)
            known, found = (
                computed(lambda call=call: np.stack(call()) if name == "divmod" else call()) for call in pair
            )
            if known is None:
                assert found is None, dtype
            else:
                assert found.dtype == known.dtype, dtype
                np.testing.assert_array_equal(found.array.squeeze(), known.array.squeeze(), str(dtype))


def test_a_list_of_numbers_says_where_with_a_gradient_and_without() -> None:
    x = tg.tensor([0.3, 1.2], requires_grad=True)
    for call in (np.sum, np.prod, np.mean, np.var, np.std, lambda x, where: np.max(x, where=where, initial=0.0)):
        assert call(x, where=[1, 0]).item() == call(x.detach(), where=[1, 0]).item()
