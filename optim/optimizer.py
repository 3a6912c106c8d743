"""What optimisers share: parameter groups, state, zero_grad, and the loop over parameters that have a gradient."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import numpy as np

from tensorgrad.autograd import enable_grad
from tensorgrad.dtypes import Array
from tensorgrad.tensor import Tensor, wrap
from tensorgrad.writes import note

LARGE = 1 << 14  # elements


class Optimizer:
    """Base class: subclasses define `update`, which changes one parameter's array in place.

    Args:
        params: tensors, (name, tensor) pairs, or dicts with "params" and settings of their own.
        defaults: the settings of groups that do not give their own.

    Raises:
        ValueError: no parameter at all.
    """

    def __init__(self, params: Iterable[Any], defaults: dict[str, Any]) -> None:
        self.defaults = defaults
        self.state: dict[Tensor, dict[str, Any]] = {}
        self._room: dict[tuple[Any, ...], Array] = {}
        self.param_groups: list[dict[str, Any]] = []
        if isinstance(params, Tensor):
            raise TypeError(
                "params argument given to the optimizer should be an iterable of Tensors or dicts, but got Tensor"
            )
        given = list(params)
        if not given:
            raise ValueError("optimizer got an empty parameter list")
        for group in given if isinstance(given[0], dict) else [{"params": given}]:
            self.add_param_group(group)

    def add_param_group(self, group: dict[str, Any]) -> None:
        """Add a group of parameters with settings of its own."""
        members = [group["params"]] if isinstance(group["params"], Tensor) else list(group["params"])
        tensors = [p[1] if isinstance(p, tuple) else p for p in members]
        known = {id(p) for g in self.param_groups for p in g["params"]}
        for p in tensors:
            if not isinstance(p, Tensor):
                raise TypeError(f"optimizer can only optimize Tensors, but one of the params is {type(p).__name__}")
            if not p.is_leaf:
                raise ValueError("can't optimize a non-leaf Tensor")
            if id(p) in known:
                raise ValueError("some parameters appear in more than one parameter group")
            known.add(id(p))
        self.param_groups.append({**self.defaults, **group, "params": tensors})

    def zero_grad(self, set_to_none: bool = True) -> None:
        """Forget every gradient, or fill it with zeros."""
        for group in self.param_groups:
            for p in group["params"]:
                p.grad = None if set_to_none or p.grad is None else wrap(np.zeros_like(p.array))

    def step(self, closure: Any = None) -> Any:
        """Update every parameter that has a gradient; with `closure`, evaluate it first and return its loss."""
        loss = None
        if closure is not None:
            with enable_grad():
                loss = closure()
        update, known = self.update, self.state.get
        for group in self.param_groups:
            for p in group["params"]:
                grad = p.grad
                if grad is not None:
                    state = known(p)
                    if state is None:
                        state = self.state[p] = self.initial_state(p, group)
                    update(p.array, grad.array, state, group)
                    note(p)
        return loss

    def room(self, w: Array) -> Array | None:
        """Return where an intermediate result like `w` goes: one array for all large parameters of a shape and dtype.

        Made anew for each step, it would be given back to the system each time, and made of new pages by the next. None
        for small ones, which come out of memory that the process holds anyway.
        """
        if w.size < LARGE:
            return None
        key = (w.shape, w.dtype)
        found = self._room.get(key)
        if found is None:
            found = self._room[key] = np.empty(w.shape, w.dtype)
        return found

    def initial_state(self, p: Tensor, group: dict[str, Any]) -> dict[str, Any]:
        """Return the state of a parameter before its first step."""
        return {}

    def update(self, w: Array, g: Array, state: dict[str, Any], group: dict[str, Any]) -> None:
        """Change `w` in place by the gradient `g`."""
        raise NotImplementedError

    def __repr__(self) -> str:
        lines = [type(self).__name__ + " ("]
        for i, group in enumerate(self.param_groups):
            lines.append(f"Parameter Group {i}")
            lines += [f"    {k}: {v}" for k, v in sorted(group.items()) if k != "params"]
        return "\n".join([*lines, ")"])


def check(name: str, value: float, low: float = 0.0) -> None:
    """Raise ValueError unless ``value >= low``."""
    if not value >= low:
        raise ValueError(f"Invalid {name}: {value}")


def decayed(w: Array, g: Array, decay: float) -> Array:
    """Return the gradient with that of the penalty ``decay / 2 * sum(w ** 2)`` added."""
    return g + decay * w if decay else g
