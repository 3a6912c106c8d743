"""What passes through a module, recorded layer by layer and without a trace, and the gradients of its parameters.

Modules are known by their methods alone: whatever has `named_modules` and `register_forward_hook` will do.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping
from contextlib import ExitStack, contextmanager
from typing import Any, NamedTuple

from tensorgrad.autograd import no_grad
from tensorgrad.base.dtypes import Array
from tensorgrad.create.random import Generator, default_generator
from tensorgrad.engine.tensor import Tensor
from tensorgrad.errors import ArgumentError, AutogradError
from tensorgrad.graph.tracing import tensors_in


class Layer(NamedTuple):
    """The output of one call of a layer: its path and class, the class alone, and the values."""

    name: str
    kind: str
    values: Array


def activations(module: Any, inputs: tuple[Any, ...], wanted: Collection[str]) -> list[Layer]:
    """Return what each layer puts out when ``module(*inputs)`` is called, in the order of the calls.

    A layer is a module without modules inside; called more than once, it is numbered. `wanted`: paths and classes, all
    if empty. Of several outputs the first tensor counts.

    Raises:
        ArgumentError: no layer ran, or a word in `wanted` fits none that did.
    """
    layers = {name: layer for name, layer in module.named_modules() if not any(True for _ in layer.children())}
    seen: list[Layer] = []
    calls: dict[str, int] = {}

    def watch(name: str, layer: Any) -> Any:
        def hook(_module: Any, _inputs: Any, output: Any) -> None:
            tensor = next(tensors_in(output), None)
            if tensor is not None:
                calls[name] = calls.get(name, 0) + 1
                again = f" #{calls[name]}" if calls[name] > 1 else ""
                kind = type(layer).__name__
                seen.append(Layer(f"{name}: {kind}{again}" if name else kind, kind, tensor.array.copy()))

        return layer.register_forward_hook(hook)

    with ExitStack() as undo:
        undo.enter_context(no_grad())
        undo.enter_context(_unmoved(module))
        for name, layer in layers.items():
            if _is_wanted(name, layer, wanted):
                undo.callback(watch(name, layer).remove)
        module(*inputs)
    return _checked(seen, layers, wanted)


def _checked(seen: list[Layer], layers: Mapping[str, Any], wanted: Collection[str]) -> list[Layer]:
    names = ", ".join(f"{name or '(itself)'}: {type(layer).__name__}" for name, layer in layers.items())
    for word in wanted:
        if not any(_is_wanted(name, layer, [word]) for name, layer in layers.items()):
            raise ArgumentError(f"layers: {word!r} is no layer of this module; its layers are {names}")
    if not seen:
        raise ArgumentError(
            f"the module ran none of its layers ({names}): call them as modules, `self.fc(x)`, or give a mapping from "
            f"names to activations"
        )
    return seen


def _is_wanted(name: str, layer: Any, wanted: Collection[str]) -> bool:
    return not wanted or name in wanted or type(layer).__name__ in wanted


@contextmanager
def _unmoved(module: Any) -> Iterator[None]:
    """Put back, at the end of the block, the running statistics of `module` and the states of its generators."""
    buffers = [(name, buffer, buffer.array.copy()) for name, buffer in module.named_buffers()]
    own = (getattr(layer, "generator", None) for layer in module.modules())
    generators = [default_generator, *(g for g in own if isinstance(g, Generator))]
    states = [generator.get_state() for generator in generators]
    try:
        yield
    finally:
        now = dict(module.named_buffers())
        for name, buffer, before in buffers:
            buffer.array[...] = before
            if now.get(name) is not buffer:  # forward has assigned another tensor
                owner, _, own_name = name.rpartition(".")
                setattr(module.get_submodule(owner), own_name, buffer)
        for generator, state in zip(generators, states, strict=True):
            generator.set_state(state)


def gradients(source: Any) -> dict[str, Any]:
    """Return the gradients of a module's parameters, or of a mapping's values, by name; None where there is none.

    A leaf that requires a gradient stands for its `.grad`; any other value is a gradient itself.

    Raises:
        AutogradError: nothing has a gradient yet.
        ArgumentError: nothing to ask, or neither module nor mapping.
    """
    if hasattr(source, "named_parameters"):
        source = dict(source.named_parameters())
    elif not isinstance(source, Mapping):
        raise ArgumentError(f"plot_gradients: expected a module or a mapping, found {type(source).__name__}")
    if not source:
        raise ArgumentError("plot_gradients: there is no parameter, and so no gradient")
    leaf = {name for name, x in source.items() if isinstance(x, Tensor) and x.requires_grad and x.is_leaf}
    found = {name: value.grad if name in leaf else value for name, value in source.items()}
    if all(value is None for value in found.values()):
        raise AutogradError("plot_gradients: no parameter has a gradient yet: call backward() first")
    return found
