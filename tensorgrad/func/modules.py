"""Modules as functions of their parameters: functional_call, stack_module_state."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from tensorgrad.engine.tensor import Tensor
from tensorgrad.errors import AutogradError
from tensorgrad.functions.joining import stack

Slot = tuple[dict[str, Any], str]
"""Where a module keeps a parameter or buffer: the registry and the key in it."""


def functional_call(
    module: Any,
    parameter_and_buffer_dicts: Mapping[str, Tensor] | Sequence[Mapping[str, Tensor]],
    args: Any = None,
    kwargs: Mapping[str, Any] | None = None,
    *,
    tie_weights: bool = True,
    strict: bool = False,
) -> Any:
    """Return ``module(*args, **kwargs)`` with other tensors in the place of its parameters and buffers.

    Args:
        module: a Module, which is the same again afterwards, whatever happens.
        parameter_and_buffer_dicts: dotted names to tensors, as in `named_parameters`; or several such dicts. What is
            not named keeps its own tensor.
        args: the argument, or a tuple of arguments.
        kwargs: the keyword arguments.
        tie_weights: a tensor that the module has under several names is replaced under all of them.
        strict: every parameter and buffer must be named.

    Raises:
        AutogradError: a name that the module does not have, or twice; with `strict`, one that is missing; two tensors
            for one that is tied.

    >>> import tensorgrad as tg
    >>> layer = tg.nn.Linear(2, 1)
    >>> weights = {"weight": tg.tensor([[1.0, 2.0]]), "bias": tg.tensor([0.5])}
    >>> x = tg.tensor([3.0, 4.0])
    >>> tg.func.functional_call(layer, weights, x)
    tensor([11.5000])
    >>> tg.func.grad(lambda w: tg.func.functional_call(layer, w, x).sum())(weights)
    {'weight': tensor([[3., 4.]]), 'bias': tensor([1.])}
    """
    given = _merged(parameter_and_buffer_dicts)
    slots = _slots(module)
    unexpected = [name for name in given if name not in slots]
    missing = [name for name in slots if name not in given] if strict else []
    if unexpected or missing:
        raise AutogradError(
            f"Error(s) in functional_call for {type(module).__name__}: Unexpected key(s): {unexpected}. "
            f"Missing key(s): {missing}."
        )
    before = {name: registry[key] for name, (registry, key) in slots.items()}
    replaced = _tied(given, before) if tie_weights else given
    positional = () if args is None else args if isinstance(args, tuple) else (args,)
    try:
        for name, value in replaced.items():
            registry, key = slots[name]
            registry[key] = value
        return module(*positional, **(kwargs or {}))
    finally:
        for name in replaced:
            registry, key = slots[name]
            registry[key] = before[name]


def _merged(dicts: Any) -> dict[str, Tensor]:
    given: dict[str, Tensor] = {}
    for part in [dicts] if isinstance(dicts, Mapping) else dicts:
        for name, value in part.items():
            if name in given:
                raise AutogradError(
                    f"{name!r} appears in multiple dictionaries; behavior of functional call is ambiguous"
                )
            given[name] = value
    return given


def _slots(module: Any) -> dict[str, Slot]:
    """Return the slot of every parameter and buffer under each of its names."""
    return {
        f"{path}.{key}" if path else key: (registry, key)
        for path, part in module.named_modules(remove_duplicate=False)
        for registry in (part._parameters, part._buffers)
        for key, value in registry.items()
        if value is not None
    }


def _tied(given: dict[str, Tensor], before: dict[str, Tensor]) -> dict[str, Tensor]:
    """Return `given` with every other name of a tensor that it replaces."""
    by_tensor: dict[int, Tensor] = {}
    for name, value in given.items():
        if by_tensor.setdefault(id(before[name]), value) is not value:
            raise AutogradError(
                f"functional_call got values for tied weights that are different tensors: {name!r} is the same tensor "
                f"as another name that was given; give it once, or pass tie_weights=False"
            )
    return {name: by_tensor[id(tensor)] for name, tensor in before.items() if id(tensor) in by_tensor}


def stack_module_state(models: Sequence[Any]) -> tuple[dict[str, Tensor], dict[str, Tensor]]:
    """Return the pair (parameters, buffers) of an ensemble: by name, those of all `models` stacked along a new axis 0.

    The stacked tensors are new leaves, which require a gradient where the models' own do: with `vmap` over them and
    `functional_call`, an ensemble is one function.

    Raises:
        AutogradError: no model, models of different classes or modes, or a parameter that only some of them train.

    >>> import tensorgrad as tg
    >>> models = [tg.nn.Linear(2, 1) for _ in range(3)]
    >>> params, buffers = tg.func.stack_module_state(models)
    >>> run = tg.func.vmap(lambda p, x: tg.func.functional_call(models[0], p, x), in_dims=(0, None))
    >>> run(params, tg.ones(5, 2)).shape
    tensorgrad.Size([3, 5, 1])
    """
    if not models:
        raise AutogradError("stack_module_state: Expected at least one model, got 0.")
    if len({type(model) for model in models}) > 1:
        raise AutogradError("stack_module_state: Expected all models to be of the same class.")
    if len({model.training for model in models}) > 1:
        raise AutogradError("stack_module_state: Expected all models to have the same training/eval mode.")
    parameters, buffers = (
        {name: _stacked_leaf(name, [part[name] for part in parts]) for name in parts[0]}
        for parts in (
            [dict(model.named_parameters()) for model in models],
            [dict(model.named_buffers()) for model in models],
        )
    )
    return parameters, buffers


def _stacked_leaf(name: str, tensors: list[Tensor]) -> Tensor:
    tracked = {x.tracked for x in tensors}
    if len(tracked) > 1:
        raise AutogradError(f"Expected {name} from each model to have the same .requires_grad")
    result = stack([x.detach() for x in tensors])
    result.requires_grad = tracked.pop()
    return result
