"""What optimisers share: the step, which is a loop over parameters that have a gradient; groups, state, hooks.

What makes a step quick stands apart, in `flat`, and changes no bit of what is written here.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterable, Mapping
from functools import wraps
from inspect import unwrap
from typing import Any

import numpy as np

from tensorgrad.autograd import enable_grad
from tensorgrad.autograd.hooks import RemovableHandle
from tensorgrad.base.callsite import warn
from tensorgrad.base.dtypes import Array
from tensorgrad.base.watched import outside
from tensorgrad.engine.tensor import Tensor, wrap
from tensorgrad.engine.writes import note
from tensorgrad.errors import ArgumentError

from .flat import Plan, Rooms, same
from .groups import in_numbers, members, required
from .saving import loaded, saved

__all__ = ["Optimizer", "required"]

MAKE_UPDATES = frozenset(("update", "update_one", "update_each", "decayed", "counted"))
"""The methods that together update a parameter."""

Hook = Callable[..., Any]
State = dict[str, Any]


def _with_hooks(step: Callable[..., Any]) -> Callable[..., Any]:
    """Return the method `step` with the hooks of the optimiser before and after it."""

    @outside
    @wraps(step)
    def hooked(self: Optimizer, *args: Any, **kwargs: Any) -> Any:
        hooks = self._before or self._after
        if not hooks or unwrap(type(self).step) is not unwrap(step):  # called by that of a subclass, by super()
            return step(self, *args, **kwargs)
        given: tuple[tuple[Any, ...], dict[str, Any]] = (self, *args), kwargs
        for hook in list(self._before.values()):
            changed = hook(self, *given)
            if changed is not None:
                if not (isinstance(changed, tuple) and len(changed) == 2):
                    raise ArgumentError(
                        f"{hook} must return None or a tuple of (new_args, new_kwargs), but got {changed}."
                    )
                given = changed
        result = step(*given[0], **given[1])
        for hook in list(self._after.values()):
            hook(self, *given)
        return result

    return hooked


class Optimizer:
    """Base class of optimisers. A subclass defines `update`, as those here do, or `step`, as PyTorch's do.

    In `step`, loop over ``self.param_groups`` (dicts of "params" and settings) and keep what you need in
    ``self.state[p]``, a dict for each parameter, under ``no_grad()``. In `update`, change one array.

    Args:
        params: tensors, (name, tensor) pairs, or dicts with "params" and settings of their own.
        defaults: the settings of groups that do not give their own; `required` for those that they must.

    Attributes:
        elementwise: whether `update` treats every element alike, whatever the shape and the other elements; small
            parameters are then updated together (see `flat`). A class that defines `update`, or another of the methods
            that make one, has to say so itself.
        numbers: the entries of a parameter's state that are Python numbers.
        kept: those that are arrays of its shape, where the settings have no say; else a class defines `arrays`.

    Raises:
        ValueError: no parameter at all.
    """

    elementwise = False
    numbers: tuple[str, ...] = ()
    kept: tuple[str, ...] = ()

    def __init_subclass__(cls, **kwargs: Any) -> None:
        super().__init_subclass__(**kwargs)
        if "step" in vars(cls):
            cls.step = _with_hooks(vars(cls)["step"])  # type: ignore[method-assign]  # the same method, wrapped
        if vars(cls).keys() & MAKE_UPDATES and "elementwise" not in vars(cls):
            cls.elementwise = False

    def __init__(self, params: Iterable[Any], defaults: dict[str, Any]) -> None:
        if isinstance(params, Tensor):
            raise TypeError(
                "params argument given to the optimizer should be an iterable of Tensors or dicts, but got Tensor"
            )
        self.defaults = defaults
        self.__setstate__({"state": defaultdict(dict), "param_groups": []})
        given = list(params)
        if not given:
            raise ValueError("optimizer got an empty parameter list")
        for group in given if isinstance(given[0], dict) else [{"params": given}]:
            self.add_param_group(dict(group))

    def __getstate__(self) -> dict[str, Any]:
        return {k: v for k, v in vars(self).items() if k not in {"_plans", "_rooms", "_before", "_after"}}

    def __setstate__(self, state: dict[str, Any]) -> None:
        vars(self).update(state)
        self._plans: dict[int, Plan] = {}
        self._rooms = Rooms()
        self._before: dict[int, Hook] = {}
        self._after: dict[int, Hook] = {}

    state: defaultdict[Tensor, State]
    param_groups: list[dict[str, Any]]

    def add_param_group(self, param_group: dict[str, Any]) -> None:
        """Add a group of parameters with settings of its own.

        Raises:
            TypeError: no dict, a set of parameters, or what is no Tensor.
            ValueError: a parameter that belongs to a group already or that an operation made, names for some parameters
                alone, or a setting that every group must give is missing.
        ComplexError: a complex parameter.
        """
        if not isinstance(param_group, dict):
            raise TypeError(f"param_group must be a dict, but got {type(param_group)}")
        tensors, names = members(param_group["params"])
        known = {id(p) for g in self.param_groups for p in g["params"]}
        if any(id(p) in known for p in tensors):
            raise ValueError("some parameters appear in more than one parameter group")
        if len({id(p) for p in tensors}) != len(tensors):
            warn("optimizer contains a parameter group with duplicate parameters")
        if self.param_groups and ("param_names" in self.param_groups[0]) != (names is not None):
            raise ValueError(
                f"all optimizer param groups should be with/without names. cannot add param group "
                f"{'without' if names is None else 'with'} names to the optimizer"
            )
        group = {**param_group, "params": tensors} | ({} if names is None else {"param_names": names})
        for name, default in self.defaults.items():
            if group.setdefault(name, default) is required:
                raise ValueError(f"parameter group didn't specify a value of required optimization parameter {name}")
        self.param_groups.append(group)

    def zero_grad(self, set_to_none: bool = True) -> None:
        """Forget every gradient, or fill it with zeros."""
        for group in self.param_groups:
            for p in group["params"]:
                p.grad = None if set_to_none or p.grad is None else wrap(np.zeros_like(p.array))

    @_with_hooks
    def step(self, closure: Callable[[], Any] | None = None) -> Any:
        """Update every parameter that has a gradient; with `closure`, evaluate it first and return its loss."""
        loss = None
        if closure is not None:
            with enable_grad():
                loss = closure()
        for group in self.param_groups:
            settings, plan = in_numbers(group), self._plan(group)
            # many small ones the plan has updated at once; these are left, or all
            self.update_each(plan.update(self, settings), settings)
            plan.revise(self)
        return loss

    def update_each(self, params: Iterable[Tensor], group: dict[str, Any]) -> None:
        """Update those of `params` that have a gradient, one by one, under the settings of `group` as numbers."""
        for p in params:
            if p.grad is not None:
                g = p.grad.array
                self.update_one(p, np.negative(g) if group.get("maximize") else g, group)

    def update_one(self, p: Tensor, g: Array, group: dict[str, Any]) -> None:
        """Update the parameter `p` by the gradient `g`, and note that its memory and its state's were written."""
        state = self.state.get(p) or self.initial_state(p, group)
        values = {k: with_axes(v.array) if isinstance(v, Tensor) else v for k, v in state.items()}
        self.update(with_axes(p.array), with_axes(g), values, group)
        note(p)
        if values:
            self.state[p] = state
        while values:
            name, value = values.popitem()
            if not isinstance(value, np.ndarray):
                state[name] = value
            elif name in state:
                del value  # the note is cheap while nobody else holds what was written
                note(state[name])
            else:
                state[name] = wrap(value if p.array.ndim else value.reshape(()).copy())

    def _plan(self, group: dict[str, Any]) -> Plan:
        """Return who of `group` is updated with whom: the plan of the last step, if it had the same parameters."""
        plan = self._plans.get(id(group))
        if plan is None or not same(plan.params, group["params"]):
            plan = self._plans[id(group)] = Plan(group["params"])
        return plan

    def room(self, w: Array, number: int = 0) -> Array | None:
        """Return an array like `w` for an intermediate result, kept from step to step; None if `w` is small.

        An `update` gives it to NumPy as ``out``, for which None means a new array. Who needs several has numbers.
        """
        return self._rooms.like(w, number)

    def decayed(self, w: Array, g: Array, group: dict[str, Any]) -> Array:
        """Return the gradient with that of the penalty ``weight_decay / 2 * sum(w ** 2)`` added.

        Where the group's decay is decoupled, scale `w` by ``1 - lr * weight_decay``, and return `g` as it is.
        """
        decay = group["weight_decay"]
        if not decay:
            return g
        if group.get("decoupled_weight_decay"):
            w *= 1 - group["lr"] * decay
            return g
        penalty: Array = np.multiply(w, decay, out=self.room(w, 1))
        penalty += g
        return penalty

    def counted(self, w: Array, g: Array, state: State, group: dict[str, Any]) -> Array:
        """Count the step in `state`, and return the gradient as `decayed` does: how most updates begin."""
        state["step"] += 1
        return self.decayed(w, g, group)

    def initial_state(self, p: Tensor, group: dict[str, Any]) -> State:
        """Return the state of a parameter before its first step: its numbers are 0, its arrays zeros."""
        return dict.fromkeys(self.numbers, 0) | {name: wrap(np.zeros_like(p.array)) for name in self.arrays(group)}

    def arrays(self, group: dict[str, Any]) -> tuple[str, ...]:
        """Return which entries of a parameter's state are arrays of its shape under the settings of `group`."""
        return self.kept

    def update(self, w: Array, g: Array, state: State, group: dict[str, Any]) -> None:
        """Change `w` and `state`, its arrays in place, by the gradient `g`, which stays as it is."""
        raise NotImplementedError

    def state_dict(self) -> dict[str, Any]:
        """Return the state and the settings, with parameters as numbers, or as their names if those are known.

        The layout is PyTorch's, the tensors are the optimiser's own. Counts ("step") are Python integers, exact at any
        length, where PyTorch has a tensor of float32; each library loads what the other saved.
        """
        return saved(self.state, self.param_groups)

    def load_state_dict(self, state_dict: Mapping[str, Any]) -> None:
        """Take over a copy of what `state_dict` returned here or, with values converted to tensors, in PyTorch.

        Arrays get the dtype of their parameter. Parameters are matched by name where both sides name the same ones, by
        their order otherwise.

        Raises:
            ArgumentError: another number of groups, or of parameters in a group.
            ShapeError: an array of another shape than its parameter's.
        """
        self.state, self.param_groups = loaded(state_dict, self.param_groups, self.numbers)
        self._plans.clear()

    def register_step_pre_hook(self, hook: Hook) -> RemovableHandle:
        """Call ``hook(optimizer, args, kwargs)`` before each step; it may return new args and kwargs.

        `args` begins with the optimiser itself, as in PyTorch.
        """
        return RemovableHandle(self._before, hook)

    def register_step_post_hook(self, hook: Hook) -> RemovableHandle:
        """Call ``hook(optimizer, args, kwargs)`` after each step."""
        return RemovableHandle(self._after, hook)

    def __repr__(self) -> str:
        lines = [type(self).__name__ + " ("]
        for i, group in enumerate(self.param_groups):
            lines += [""] * (i > 0) + [f"Parameter Group {i}"]
            lines += [f"    {k}: {v}" for k, v in sorted(group.items()) if k != "params"]
        return "\n".join([*lines, ")"])


def with_axes(a: Array) -> Array:
    """Return `a`, an array without axes as one of length 1: what is computed from it is then an array too."""
    return a if a.ndim else a.reshape(1)
