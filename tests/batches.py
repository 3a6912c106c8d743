"""What tests of batches need: the loop over examples, which defines `vmap`, and batches of arguments from the table."""

from __future__ import annotations

import contextlib
import warnings
from collections.abc import Callable, Iterator
from typing import Any

import numpy as np

import tensorgrad as tg
from tensorgrad.engine.dispatch import apply
from tensorgrad.engine.primitive import PRIMITIVES, Primitive
from tensorgrad.func import batching
from tests.cases import Chooser, case


@contextlib.contextmanager
def looping(monkeypatch: Any) -> Iterator[None]:
    """Inside, `vmap` runs the examples one after the other, without a warning."""
    with monkeypatch.context() as patch:
        patch.setattr(batching._Run, "of", batching._Run.of_each)
        yield


@contextlib.contextmanager
def at_once() -> Iterator[None]:
    """Inside, it is an error that `vmap` runs the examples one after the other."""
    with warnings.catch_warnings():
        warnings.filterwarnings("error", message=".*one after the other")
        yield


def both(monkeypatch: Any, run: Callable[[], Any]) -> tuple[Any, Any]:
    """What `run` gives by rule, and by the loop."""
    with at_once():
        found = run()
    with looping(monkeypatch):
        return found, run()


def equal(found: Any, wanted: Any, rtol: float = 1e-9, atol: float = 1e-11) -> None:
    """Two trees have the same structure, dtypes, shapes and values, NaN where NaN is."""
    if isinstance(wanted, tuple | list):
        assert len(found) == len(wanted)
        for f, w in zip(found, wanted, strict=True):
            equal(f, w, rtol, atol)
    elif isinstance(wanted, dict):
        equal([found[k] for k in wanted], list(wanted.values()), rtol, atol)
    elif isinstance(wanted, tg.Tensor):
        assert type(found.array) is np.ndarray
        assert (found.dtype, found.shape) == (wanted.dtype, wanted.shape)
        np.testing.assert_allclose(found.array, wanted.array, rtol=rtol, atol=atol, equal_nan=True)
    else:
        assert found == wanted


def batches(primitive: Primitive, choose: Chooser, size: int = 3) -> tuple[list[Any], dict[str, Any], list[Any]]:
    """Arguments for `primitive`, some of them batches of `size` examples, its parameters, and the axes of examples."""
    args, params = case(primitive, choose)
    which = choose.integer(1, 2 ** len(args) - 1)
    found: list[Any] = []
    dims: list[Any] = []
    for i, x in enumerate(args):
        if not which >> i & 1:
            found.append(x)
            dims.append(None)
            continue
        dim = choose.integer(0, x.ndim)
        found.append(np.stack(examples(x, size), dim))
        dims.append(dim)
    return found, params, dims


def examples(x: np.ndarray, size: int) -> list[np.ndarray]:
    """`x` and others like it, in the same domain."""
    return [np.roll(x, j) if x.dtype == bool else (x * (1 - 0.05 * j)).astype(x.dtype) for j in range(size)]


def operation(name: str, params: dict[str, Any]) -> Callable[..., Any]:
    """The primitive `name` as a function of its tensors."""
    return lambda *xs: apply(PRIMITIVES[name], xs, params)
