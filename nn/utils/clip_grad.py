"""Gradients that are too large, made smaller in place."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

import numpy as np

from tensorgrad.autograd import no_grad
from tensorgrad.base.callsite import warn
from tensorgrad.base.dtypes import Array, check_real, get_default_dtype
from tensorgrad.base.watched import as_one, outside
from tensorgrad.engine.tensor import Tensor, wrap
from tensorgrad.errors import ArgumentError

Tensors = Tensor | Iterable[Tensor]


def _gradients(parameters: list[Tensor]) -> list[Tensor]:
    return [p.grad for p in parameters if p.grad is not None]


def _held(parameters: Tensors) -> list[Tensor]:
    held = [parameters] if isinstance(parameters, Tensor) else list(parameters)
    if not held and isinstance(parameters, Iterator):
        warn(
            "`parameters` is an empty generator, no gradient clipping will occur: it can be gone through once; ask for "
            "model.parameters() again",
        )
    return held


def get_total_norm(
    tensors: Tensors,
    norm_type: float | str = 2.0,
    error_if_nonfinite: bool = False,
    foreach: bool | None = None,  # noqa: ARG001 - PyTorch's keyword: there is one way to compute it
) -> Tensor:
    """Return the norm of all elements of `tensors` as of one vector; 0 for none.

    Args:
        tensors: one, or any number.
        norm_type: the p of the norm, also infinity.
        error_if_nonfinite: a norm that is infinite or not a number is an error.
        foreach: accepted.

    Raises:
        RuntimeError: it is, and `error_if_nonfinite` is true.
        ComplexError: complex numbers.

    >>> import tensorgrad as tg
    >>> get_total_norm([tg.tensor([3.0]), tg.tensor([[4.0]])])
    tensor(5.)
    """
    arrays = [t.array for t in ([tensors] if isinstance(tensors, Tensor) else tensors)]
    check_real("get_total_norm", *arrays)
    p = float(norm_type)
    total = _total(arrays, p)
    if error_if_nonfinite and not np.isfinite(total):
        raise ArgumentError(
            f"The total norm of order {p} for gradients from `parameters` is non-finite, so it cannot be clipped. To "
            f"disable this error and scale the gradients by the non-finite norm anyway, set `error_if_nonfinite=False`"
        )
    dtype = np.result_type(*[a.dtype for a in arrays]) if arrays else get_default_dtype()
    with np.errstate(over="ignore"):
        return wrap(total.astype(dtype))


@as_one
def _total(arrays: list[Array], p: float) -> Array:
    """Return the norm, in float64: squares of large float32 numbers overflow, and sums of many lose digits."""
    norms = [np.linalg.norm(a.astype(np.float64).ravel(), p) for a in arrays if a.size]
    return np.asarray(np.linalg.norm(norms, p) if norms else 0.0)


def clip_grads_with_norm_(
    parameters: Tensors,
    max_norm: float,
    total_norm: Tensor,
    foreach: bool | None = None,  # noqa: ARG001 - PyTorch's keyword
) -> None:
    """Multiply the gradients of `parameters` by ``max_norm / (total_norm + 1e-6)`` if that is less than 1."""
    held = _held(parameters)
    factor = _factor(total_norm.array, float(max_norm))
    if not factor >= 1:  # also where it is not a number, as in PyTorch
        with no_grad(), np.errstate(invalid="ignore"):  # an infinite element times zero is not a number, as in PyTorch
            for g in _gradients(held):
                g.mul_(wrap(factor.astype(g.array.dtype)))


@as_one
def _factor(total: Array, max_norm: float) -> Array:
    return np.asarray(max_norm / (float(total) + 1e-6))


def clip_grad_norm_(
    parameters: Tensors,
    max_norm: float,
    norm_type: float | str = 2.0,
    error_if_nonfinite: bool = False,
    foreach: bool | None = None,  # noqa: ARG001 - PyTorch's keyword
) -> Tensor:
    """Scale all gradients so that their norm, as of one vector, is at most `max_norm`; return what it was.

    See `get_total_norm` for `norm_type` and `error_if_nonfinite`.

    Raises:
        TypeError: `parameters` holds something that is no tensor.

    >>> import tensorgrad as tg
    >>> p = tg.ones(2, requires_grad=True)
    >>> p.grad = tg.tensor([3.0, 4.0])
    >>> clip_grad_norm_([p], 1.0), p.grad
    (tensor(5.), tensor([0.6000, 0.8000]))
    """
    return _clipped(_held(parameters), max_norm, norm_type, error_if_nonfinite)


def clip_grad_norm(
    parameters: Tensors, max_norm: float, norm_type: float | str = 2.0, error_if_nonfinite: bool = False
) -> Tensor:
    """Do what `clip_grad_norm_` does, which is its name now: return the norm, a scalar; told in a warning."""
    warn("`nn.utils.clip_grad_norm` is deprecated. Use `nn.utils.clip_grad_norm_` instead.")
    return clip_grad_norm_(parameters, max_norm, norm_type, error_if_nonfinite)


@outside
def _clipped(held: list[Tensor], max_norm: float, norm_type: float | str, error_if_nonfinite: bool) -> Tensor:
    total = get_total_norm(_gradients(held), norm_type, error_if_nonfinite)
    clip_grads_with_norm_(held, max_norm, total)
    return total


def clip_grad_value_(
    parameters: Tensors,
    clip_value: float,
    foreach: bool | None = None,  # noqa: ARG001 - PyTorch's keyword
) -> None:
    """Bring every element of every gradient to within ±`clip_value`."""
    with no_grad():
        for g in _gradients(_held(parameters)):
            g.clamp_(-float(clip_value), float(clip_value))
