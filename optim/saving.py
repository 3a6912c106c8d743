"""The state of an optimiser as plain data, in PyTorch's layout, and back.

``{"state": {key: {name: value}}, "param_groups": [{..., "params": [key, ...]}]}``, where the key of a parameter is its
place among all parameters, or its name if all have one.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Mapping
from copy import deepcopy
from typing import Any

import numpy as np

from tensorgrad.base.dtypes import DType
from tensorgrad.engine.tensor import Tensor, as_array, wrap
from tensorgrad.errors import ArgumentError, ShapeError

from .groups import names_of

State = dict[str, Any]
Groups = list[dict[str, Any]]


def saved(state: Mapping[Any, State], groups: Groups) -> dict[str, Any]:
    """Return the data that stands for `state` and `groups`; it refers to the same tensors."""
    params = [p for group in groups for p in group["params"]]
    keys: list[Any] = list(names_of(groups) or range(len(params)))
    key_of = {id(p): key for p, key in zip(params, keys, strict=True)}
    return {
        "state": {key_of.get(id(p), p): entries for p, entries in state.items() if entries},
        "param_groups": [
            {k: v for k, v in group.items() if k != "params"} | {"params": [key_of[id(p)] for p in group["params"]]}
            for group in groups
        ],
    }


def loaded(data: Mapping[str, Any], groups: Groups, numbers: tuple[str, ...]) -> tuple[defaultdict[Any, State], Groups]:
    """Return the state and the groups that `data` stands for, for the parameters of `groups`; nothing is shared.

    `numbers` are the entries of a state that are Python numbers; PyTorch saves them as tensors.

    Raises:
        ArgumentError: another number of groups, or of parameters in a group.
        ShapeError: an array of another shape than its parameter's.
    """
    given: Groups = list(data["param_groups"])
    if len(given) != len(groups):
        raise ArgumentError(
            f"loaded state dict has a different number of parameter groups: expected {len(groups)}, found {len(given)}"
        )
    for i, (theirs, ours) in enumerate(zip(given, groups, strict=True)):
        if len(theirs["params"]) != len(ours["params"]):
            raise ArgumentError(
                f"loaded state dict contains a parameter group that doesn't match the size of optimizer's group: group "
                f"{i} has {len(ours['params'])} parameters, found {len(theirs['params'])}"
            )
    param_of = _matched(given, groups)
    state: defaultdict[Any, State] = defaultdict(dict)
    for key, entries in data["state"].items():
        p = param_of.get(key)
        if p is None:
            state[key] = _copied(entries, lambda _name, array: array.copy())
        else:
            state[p] = _restored(key, p, entries, numbers)
    settings = ({k: deepcopy(v) for k, v in theirs.items() if k != "param_names"} for theirs in given)
    return state, [{**ours, **new, "params": ours["params"]} for ours, new in zip(groups, settings, strict=True)]


def _matched(given: Groups, groups: Groups) -> dict[Any, Tensor]:
    """Return the parameter that each key of the saved groups means."""
    keys = [key for group in given for key in group["params"]]
    params = [p for group in groups for p in group["params"]]
    ours, theirs = names_of(groups), names_of(given)
    if ours is None or theirs is None or set(ours) != set(theirs):
        return dict(zip(keys, params, strict=True))
    named = dict(zip(ours, params, strict=True))
    return {key: named[name] for key, name in zip(keys, theirs, strict=True)}


def _restored(key: Any, p: Tensor, entries: State, numbers: tuple[str, ...]) -> State:
    """Return the state of `p` as it was saved under `key`."""

    def fitted(name: str, array: Any) -> Any:
        if array.ndim and numbers and array.shape != p.array.shape:
            raise ShapeError(
                f"loaded state dict: {name!r} of parameter {key!r} has shape {list(array.shape)}, expected that of the "
                f"parameter, {list(p.array.shape)}"
            )
        return array.astype(_dtype(name, array.dtype, p), order="C", copy=True)

    state = _copied(entries, fitted)
    for name in numbers:
        value = state.get(name)
        if isinstance(value, Tensor):
            value = value.array.item()
            state[name] = int(value) if name == "step" else value
    return {name: value for name, value in state.items() if value is not None or not numbers}


def _dtype(name: str, dtype: DType, p: Tensor) -> DType:
    """Return the dtype of an array of the state of `p`: that of `p`, but a count keeps its own, as in PyTorch."""
    return p.array.dtype if dtype.kind == "f" and name != "step" else dtype


def _copied(value: Any, copy: Callable[[str, Any], Any], name: str = "") -> Any:
    """Return a copy of nested data, its arrays made by ``copy(name, array)``."""
    if isinstance(value, Tensor | np.ndarray):
        return wrap(np.asarray(copy(name, as_array(value))))
    if isinstance(value, Mapping):
        return {k: _copied(v, copy, name or str(k)) for k, v in value.items()}
    return type(value)(_copied(v, copy, name) for v in value) if isinstance(value, list | tuple) else deepcopy(value)
