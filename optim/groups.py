"""Parameter groups: who belongs to one, and its settings, which are checked here for all optimisers."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from functools import partial
from typing import Any

import numpy as np

from tensorgrad.base.convention import check_convention
from tensorgrad.engine.tensor import Tensor
from tensorgrad.errors import ArgumentError, ComplexError


class _Required:
    def __repr__(self) -> str:
        return "<required parameter>"


required: Any = _Required()
"""The default of a setting that every group must give."""


def members(params: Any) -> tuple[list[Tensor], list[str] | None]:
    """Return the parameters that a group is made of, and their names if they came with names.

    Raises:
        TypeError: a set, whose order is not the same in two runs, or what is no Tensor.
        ValueError: a tensor that an operation made, or names for some parameters alone.
        ComplexError: a complex tensor.
    """
    if isinstance(params, set):
        raise TypeError(
            "optimizer parameters need to be organized in ordered collections, but the ordering of tensors in sets "
            "will change between runs. Please use a list instead."
        )
    given: list[Any] = [params] if isinstance(params, Tensor) else list(params)
    named = [isinstance(p, tuple) for p in given]
    if any(named) and not all(named):
        raise ValueError("all optimizer params should be with/without names. Some param names are missing")
    tensors = [p[1] if isinstance(p, tuple) else p for p in given]
    for p in tensors:
        if not isinstance(p, Tensor):
            raise TypeError(f"optimizer can only optimize Tensors, but one of the params is {type(p).__name__}")
        if not p.is_leaf:
            raise ValueError("can't optimize a non-leaf Tensor")
        if p.dtype.kind == "c":  # what is lazy has a dtype, but no array yet
            raise ComplexError(
                f"optimizers take no complex parameters, found {p.dtype}: let the parameter hold the parts in a "
                f"last axis of length 2, and compute with tg.view_as_complex(parameter)"
            )
    return tensors, [p[0] for p in given] if given and all(named) else None


def number(value: Any) -> Any:
    """Return a setting with numbers in the place of 0-d tensors and NumPy's scalars, whose dtype would spread."""
    if isinstance(value, Tensor | np.generic):
        return value.item()
    return tuple(map(number, value)) if isinstance(value, tuple) else value


_NUMBERS = frozenset({bool, float, int, list, str, type(None)})


def in_numbers(group: dict[str, Any]) -> dict[str, Any]:
    """Return `group` with every setting a `number`: itself where that is so already, as it nearly always is."""
    for value in group.values():
        if type(value) not in _NUMBERS and not (type(value) is tuple and _NUMBERS.issuperset(map(type, value))):
            return {k: number(v) for k, v in group.items()}
    return group


def checked(**settings: Any) -> dict[str, Any]:
    """Return the settings of an optimiser, each by its name, once all are found to be possible.

    A setting that PyTorch does not check, though it checks one of that name elsewhere, is added to what this returns.

    Raises:
        ValueError: a setting out of its range, in PyTorch's words.
        ArgumentError: ``differentiable=True``: a step is not recorded. PyTorch's ``foreach`` and ``fused`` choose
            between implementations, and may not both be True; here small parameters are always updated together, and
            they change nothing.
    """
    for name, value in settings.items():
        if name in _CHECKS:
            _CHECKS[name](value)
    if settings.get("differentiable"):
        raise ArgumentError("differentiable=True: the step of an optimiser is not recorded; write it with operations")
    if settings.get("fused") and settings.get("foreach"):
        raise ArgumentError("`fused` and `foreach` cannot be `True` together.")
    return settings


def _check(name: str, value: Any) -> None:
    if not number(value) >= 0:
        raise ValueError(f"Invalid {name}: {number(value)}")


def _check_rate(lr: Any) -> None:
    if isinstance(lr, Tensor) and lr.array.size != 1:
        raise ValueError("Tensor lr must be 1-element")
    _check("learning rate", lr)


def _check_rho(rho: Any) -> None:
    if not 0 <= number(rho) <= 1:
        raise ValueError(f"Invalid rho value: {rho}")


def _check_betas(betas: tuple[Any, Any]) -> None:
    for i, beta in enumerate(betas):
        if not 0 <= number(beta) < 1:
            raise ValueError(f"Invalid beta parameter at index {i}: {number(beta)}")


def _check_etas(etas: tuple[float, float]) -> None:
    if not 0 < etas[0] < 1 < etas[1]:
        raise ValueError(f"Invalid eta values: {etas[0]}, {etas[1]}")


_NOT_NEGATIVE = ("alpha", "momentum", "weight_decay", "lr_decay", "initial_accumulator_value", "momentum_decay")
_CHECKS: dict[str, Callable[[Any], None]] = {
    "lr": _check_rate,
    "eps": partial(_check, "epsilon value"),
    "rho": _check_rho,
    "betas": _check_betas,
    "etas": _check_etas,
    **{name: partial(_check, f"{name} value") for name in _NOT_NEGATIVE},
}


def book_eps(convention: str, eps: float, default: float) -> float:
    """Return `eps`, or what the book has in its code where nobody gave one: the very object that is the default."""
    return 1e-7 if check_convention(convention) and eps is default else eps


def names_of(groups: Iterable[dict[str, Any]]) -> list[str] | None:
    """Return the names of all parameters of `groups` in order; None if they have none, or not each its own."""
    names = [name for group in groups for name in group.get("param_names", ())]
    return names if names and len(set(names)) == sum(len(group["params"]) for group in groups) else None
