"""The gradients of one function by two runs: in another dtype, on another library. No step, and no numerical one."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from tensorgrad.autograd import grad
from tensorgrad.base.dtypes import Array
from tensorgrad.engine.tensor import Tensor, wrap
from tensorgrad.testing.comparison import Comparison
from tensorgrad.testing.report import GradcheckError
from tensorgrad.testing.subject import tensors_of

Swept = tuple[list[Array], list[Array | None]]


def swept(fn: Callable[..., Any], xs: Sequence[Tensor]) -> Swept:
    """Return the outputs of `fn` that require a gradient, and the gradient of each input; None of one without.

    What is differentiated is the sum of the outputs, with a weight for each element that is always the same.
    """
    with np.errstate(all="ignore"):
        ys = [y for y in tensors_of(fn(*xs)) if y.requires_grad]
        weights = [np.cos(np.arange(y.array.size)).reshape(y.shape).astype(y.dtype) for y in ys]
        wanted = [x for x in xs if x.requires_grad]
        found = iter(grad(ys, wanted, [wrap(w) for w in weights], materialize_grads=True))
    return [y.array for y in ys], [next(found).array if x.requires_grad else None for x in xs]


def require_alike(
    found: Swept,
    wanted: Swept,
    names: Sequence[str],
    here: str,
    there: str,
    share: float,
    reach: Sequence[Array | None] | None,
) -> None:
    """Raise if two runs differ by more than `share` of the largest number, and ten times `reach`, of the gradients.

    Raises:
        GradcheckError: about the element that differs most.
    """
    for k, (y, z) in enumerate(zip(found[0], wanted[0], strict=False)):
        _require(y, z, f"output {k}", "value", here, there, share, None)
    for i, (name, g, h) in enumerate(zip(names, found[1], wanted[1], strict=True)):
        if g is not None and h is not None:
            _require(g, h, name, "gradient", here, there, share, None if reach is None else reach[i])


def _require(
    a: Array, b: Array, name: str, what: str, here: str, there: str, share: float, reach: Array | None
) -> None:
    if a.shape != b.shape:
        raise _different(name, None, f"the {what} of {name} has shape {a.shape} {here} and {b.shape} {there}")
    with np.errstate(all="ignore"):
        size = max(1.0, float(np.max(np.abs(b), initial=0.0)))
        room = share * size + (0.0 if reach is None else 10 * reach)
        off = ~(np.abs(a.astype(np.float64) - b) <= room) & np.isfinite(b)
    if off.any():
        index = tuple(map(int, np.argwhere(off)[0]))
        numbers = f"{float(a[index]):.9g} {here} and {float(b[index]):.9g} {there}"
        raise _different(name, index, f"the {what} of {name} at {index} is {numbers}")


def _different(name: str, index: tuple[int, ...] | None, text: str) -> GradcheckError:
    nowhere = Comparison(name, index, "call", math.nan, math.nan, math.inf, 1.0, "disagrees", "sweep", detail=text)
    return GradcheckError(f"gradients: {text}: one of them is wrong", nowhere)
