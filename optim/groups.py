"""Parameter groups: who belongs to one, and the checks of its settings."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import numpy as np

from tensorgrad.engine.tensor import Tensor
from tensorgrad.errors import ArgumentError


class _Required:
    def __repr__(self) -> str:
        return "<required parameter>"


required: Any = _Required()
"""The default of a setting that every group must give."""


def members(params: Any) -> tuple[list[Tensor], list[str] | None]:
    """Return the parameters that a group is made of, and their names if they came with names."""
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
    return tensors, [p[0] for p in given] if given and all(named) else None


def number(value: Any) -> Any:
    """Return a setting with numbers in the place of 0-d tensors and NumPy's scalars, whose dtype would spread."""
    if isinstance(value, Tensor | np.generic):
        return value.item()
    return tuple(map(number, value)) if isinstance(value, tuple) else value


_NUMBERS = {bool, float, int, list, str, type(None)}


def plain(group: dict[str, Any]) -> bool:
    """Return whether no setting of `group` needs `number`."""
    return set(map(type, group.values())) <= _NUMBERS


def check(name: str, value: Any, low: float = 0.0) -> None:
    """Raise ValueError unless ``value >= low``."""
    if not number(value) >= low:
        raise ValueError(f"Invalid {name}: {number(value)}")


def check_rate(lr: Any) -> None:
    """Raise ValueError unless `lr` is a number, or a tensor of one element, that is not negative."""
    if isinstance(lr, Tensor) and lr.array.size != 1:
        raise ValueError("Tensor lr must be 1-element")
    check("learning rate", lr)


def check_betas(betas: tuple[Any, Any]) -> None:
    """Raise ValueError unless both weights of the old averages are from 0 to below 1."""
    for i, beta in enumerate(betas):
        if not 0 <= number(beta) < 1:
            raise ValueError(f"Invalid beta parameter at index {i}: {number(beta)}")


def check_positive(**values: Any) -> None:
    """Raise ValueError for a setting that is negative, under PyTorch's name for it."""
    for name, value in values.items():
        check(f"{'epsilon' if name == 'eps' else name} value", value)


def switches(maximize: bool, differentiable: bool, **modes: bool | None) -> dict[str, Any]:
    """Return the settings that say how a step is computed; `modes` change nothing here.

    ArgumentError for `differentiable`: a step is not recorded. PyTorch's ``foreach`` and ``fused`` choose between
    implementations; here small parameters are always updated together.
    """
    if differentiable:
        raise ArgumentError("differentiable=True: the step of an optimiser is not recorded; write it with operations")
    if modes.get("fused") and modes.get("foreach"):
        raise ArgumentError("`fused` and `foreach` cannot be `True` together.")
    return {"maximize": maximize, "differentiable": differentiable, **modes}


def names_of(groups: Iterable[dict[str, Any]]) -> list[str] | None:
    """Return the names of all parameters of `groups` in order; None if they have none, or not each its own."""
    names = [name for group in groups for name in group.get("param_names", ())]
    count = sum(len(group["params"]) for group in groups)
    return names if names and len(set(names)) == count else None
