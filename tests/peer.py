"""Side by side with PyTorch: the same call, or the same module, on the same numbers, in value and two derivatives."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
import pytest

import tensorgrad as tg

WITHOUT_TORCH = "PyTorch is not installed: a comparison with it, side by side, is left out"


def torch_() -> Any:
    return pytest.importorskip("torch", reason=WITHOUT_TORCH)


def array(x: Any) -> np.ndarray:
    return np.asarray(x.detach().numpy() if hasattr(x, "detach") else x)


def close(found: Any, wanted: Any, rtol: float = 1e-10, atol: float = 1e-12) -> None:
    """The values are finite, and equal; the shapes are too."""
    found, wanted = array(found), array(wanted)
    assert found.shape == wanted.shape
    assert np.isfinite(found).all()
    np.testing.assert_allclose(found, wanted, rtol=rtol, atol=atol, equal_nan=False)


def directions(xs: Sequence[Any], lib: Any) -> list[Any]:
    """A fixed direction for each tensor, the same in both libraries."""
    return [lib.tensor(np.random.default_rng(50 + i).normal(size=tuple(x.shape))) for i, x in enumerate(xs)]


def derivatives(y: Any, xs: Sequence[Any], lib: Any, order: int = 2) -> list[Any]:
    """The gradients of the scalar `y`, and for order 2 those of their sum along fixed directions."""
    options = {"allow_unused": True, "materialize_grads": True}
    first = lib.autograd.grad(y, xs, create_graph=order > 1, **options)
    if order == 1:
        return list(first)
    along = sum((g * d).sum() for g, d in zip(first, directions(xs, lib), strict=True))
    second = lib.autograd.grad(along, xs, **options) if along.requires_grad else [x * 0 for x in xs]
    return [*first, *second]


def scalar(y: Any, lib: Any) -> Any:
    """A number that depends on every element of every floating point output, and not linearly."""
    outputs = [v for v in flat(y) if v.is_floating_point()]
    return sum(((v + v**2) * d).sum() for v, d in zip(outputs, directions(outputs, lib), strict=True))


def flat(y: Any) -> list[Any]:
    """The tensors in nested tuples and lists, in order; None is left out."""
    if isinstance(y, tuple | list):
        return [v for item in y for v in flat(item)]
    return [] if y is None else [y]


def leaves(arrays: Sequence[Any], lib: Any) -> list[Any]:
    """Tensors of the arrays, those of floating point requiring a gradient; what is no array stays as it is."""
    return [lib.tensor(a, requires_grad=a.dtype.kind == "f") if isinstance(a, np.ndarray) else a for a in arrays]


def run(
    function: Callable[..., Any], arrays: Sequence[Any], lib: Any, parameters: Sequence[Any] = (), order: int = 2
) -> list[Any]:
    """The outputs of `function`, then its derivatives up to `order` for float arrays and parameters."""
    inputs = leaves(arrays, lib)
    outputs = flat(function(*inputs))
    xs = [x for x in [*inputs, *parameters] if getattr(x, "requires_grad", False)]
    y = scalar(outputs, lib)
    return [*outputs, *(derivatives(y, xs, lib, order) if xs and y.requires_grad else [])]


def same_call(call: Callable[..., Any], *arrays: Any, rtol: float = 1e-10, atol: float = 1e-11, order: int = 2) -> None:
    """``call(lib, *tensors)`` gives the same in `tensorgrad` and `torch`: values, dtypes, derivatives up to `order`."""
    torch = torch_()
    found = run(lambda *xs: call(tg, *xs), arrays, tg, order=order)
    wanted = run(lambda *xs: call(torch, *xs), arrays, torch, order=order)
    assert len(found) == len(wanted)
    for a, b in zip(found, wanted, strict=True):
        assert str(a.dtype).removeprefix("tensorgrad.") == str(b.dtype).removeprefix("torch.")
        close(a, b, rtol, atol)


def same_module(
    make: Callable[[Any], Any],
    *arrays: Any,
    training: bool = True,
    rtol: float = 1e-10,
    atol: float = 1e-11,
    order: int = 2,
) -> None:
    """``make(nn)`` gives the same module in both libraries: text, state, outputs, derivatives, state afterwards."""
    torch = torch_()
    ours, theirs = make(tg.nn).double().train(training), make(torch.nn).double().train(training)
    assert repr(ours) == repr(theirs)
    assert list(ours.state_dict()) == list(theirs.state_dict())
    theirs.load_state_dict({k: torch.tensor(v.numpy()) for k, v in ours.state_dict().items()})
    found = run(ours, arrays, tg, list(ours.parameters()), order)
    wanted = run(theirs, arrays, torch, list(theirs.parameters()), order)
    assert len(found) == len(wanted)
    for a, b in zip(found, wanted, strict=True):
        close(a, b, rtol, atol)
    for name, value in theirs.state_dict().items():
        close(ours.state_dict()[name], value, rtol, atol)
