"""Parametrisation: a parameter of a module computed from others, by modules, whenever it is read.

``register_parametrization(layer, "weight", f)`` lets ``layer.weight`` be ``f(original)``, where the parameter that is
trained is ``layer.parametrizations.weight.original``; every layer works as before, and gradients flow through `f`.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from contextvars import ContextVar
from typing import Any

from tensorgrad.autograd import no_grad
from tensorgrad.base.answers import complete as _complete
from tensorgrad.base.context import holding
from tensorgrad.engine.tensor import Tensor
from tensorgrad.errors import ArgumentError
from tensorgrad.nn.module.containers import ModuleDict, ModuleList
from tensorgrad.nn.module.module import Module
from tensorgrad.nn.module.parameter import Parameter


class ParametrizationList(ModuleList):
    """The modules through which one tensor is computed, in order, and what it is computed from.

    That is `original`, or `original0`, `original1`, ... where the first module takes several tensors.
    """

    def __init__(self, modules: Iterable[Module], original: Tensor, unsafe: bool = False) -> None:
        super().__init__(modules)
        self.unsafe = unsafe
        with no_grad():
            start = self._inverted(original)
            if isinstance(start, Tensor):
                original.data = start.detach()
                _register(self, "original", original)
            else:
                for i, tensor in enumerate(start):
                    part = tensor.detach().clone()
                    trained = isinstance(original, Parameter)
                    _register(self, f"original{i}", Parameter(part, original.requires_grad) if trained else part)
        self.count = None if isinstance(start, Tensor) else len(start)

    def _inverted(self, value: Tensor) -> Any:
        found: Any = value
        for module in reversed(list(self)):
            if hasattr(module, "right_inverse"):
                found = module.right_inverse(found)
        if not isinstance(found, Tensor) and not isinstance(found, Sequence):
            raise ArgumentError(
                f"'right_inverse' must return a Tensor or a Sequence of tensors (list, tuple...). Got "
                f"{type(found).__name__}"
            )
        return found

    def right_inverse(self, value: Tensor) -> None:
        """Write to the originals what gives `value`, by the `right_inverse` of the modules."""
        with no_grad():
            found = self._inverted(value)
            for own, tensor in zip(self.originals(), [found] if self.count is None else found, strict=True):
                own.copy_(tensor)

    def originals(self) -> list[Tensor]:
        """Return the tensors that the parametrised one is computed from."""
        names = ["original"] if self.count is None else [f"original{i}" for i in range(self.count)]
        return [getattr(self, name) for name in names]

    def forward(self) -> Any:
        """Return the parametrised tensor, of the shape that the last module gives it."""
        first, *others = list(self)
        value = first(*self.originals())
        for module in others:
            value = module(value)
        return value


_known: ContextVar[dict[Module, Any] | None] = ContextVar("parametrized", default=None)


@contextmanager
def cached() -> Iterator[None]:
    """Compute each parametrised tensor once inside the block, for a model that reads it often, as recurrent ones do.

    What is assigned to an original inside is seen after the block.
    """
    with holding(_known, {} if _known.get() is None else _known.get()):
        yield


def _value(chain: Module) -> Any:
    known = _known.get()
    if known is None:
        return chain()
    if chain not in known:
        known[chain] = chain()
    return known[chain]


class _Computed(dict[str, Any]):
    """The parameters of a module; one that is parametrised is no item, but reading it computes it."""

    def __init__(self, own: dict[str, Any], parametrizations: ModuleDict) -> None:
        super().__init__(own)
        self.parametrizations = parametrizations

    def __missing__(self, name: str) -> Any:
        return _value(self.parametrizations[name])

    def copy(self) -> _Computed:
        return _Computed(self, self.parametrizations)

    def __reduce__(self) -> Any:  # for deepcopy: the items follow as a state of their own
        return _Computed, (dict(self), self.parametrizations)


def _register(module: Module, name: str, tensor: Tensor) -> None:
    if isinstance(tensor, Parameter):
        module.register_parameter(name, tensor)
    else:
        module.register_buffer(name, tensor)


def _class_of(base: type[Module], names: tuple[str, ...]) -> type[Module]:
    """Return a subclass of `base` in which `names` are computed; it never changes, as copies of a module share it."""

    def computed(name: str) -> property:
        return property(
            lambda self: _value(self.parametrizations[name]),
            lambda self, value: self.parametrizations[name].right_inverse(value),
        )

    return type(f"Parametrized{base.__name__}", (base,), {name: computed(name) for name in names})


def is_parametrized(module: Module, tensor_name: str | None = None) -> bool:
    """Return whether any tensor of `module`, or the one of that name, is parametrised."""
    found = module._modules.get("parametrizations")
    return isinstance(found, ModuleDict) and (len(found) > 0 if tensor_name is None else tensor_name in found)


def type_before_parametrizations(module: Module) -> type[Module]:
    """Return the class that `module` had before any parametrisation."""
    kind = type(module)
    return kind.__bases__[0] if is_parametrized(module) else kind


def _check_same(before: Tensor, after: Any) -> None:
    """Raise ValueError where a parametrisation changes the shape or the dtype."""
    if not isinstance(after, Tensor):
        raise ArgumentError(f"A parametrization must return a tensor. Got {type(after).__name__}.")
    for what, old, new in (("dtype", before.dtype, after.dtype), ("shape", before.shape, after.shape)):
        if old != new:
            raise ArgumentError(
                f"Registering a parametrization may not change the {what} of the tensor, unless `unsafe` flag is "
                f"enabled.\nunparametrized {what}: {old}\nparametrized {what}: {new}"
            )


def register_parametrization(
    module: Module, tensor_name: str, parametrization: Module, *, unsafe: bool = False
) -> Module:
    """Let the parameter or buffer `tensor_name` of `module` be what `parametrization` gives of it; return `module`.

    Args:
        module: the layer.
        tensor_name: the name of its parameter or buffer; one that is parametrised already goes through one more.
        parametrization: a module, tensor -> tensor. Its method `right_inverse`, if it has one, tells which original
            gives a value: at the start, and when a tensor is assigned; it may return several tensors, which `forward`
            then takes.
        unsafe: allow another shape or dtype.

    Raises:
        ValueError: no such tensor, or a shape or dtype that changes.

    >>> import tensorgrad as tg
    >>> from tensorgrad import nn
    >>> class Symmetric(nn.Module):
    ...     def forward(self, x):
    ...         return x.triu() + x.triu(1).T
    >>> layer = register_parametrization(nn.Linear(3, 3), "weight", Symmetric())
    >>> tg.equal(layer.weight, layer.weight.T)
    True
    """
    parametrization.train(module.training)
    if is_parametrized(module, tensor_name):
        before = getattr(module, tensor_name)
        if not unsafe:
            _check_same(before, parametrization(before))
        known = module.get_submodule("parametrizations")._modules[tensor_name]
        assert isinstance(known, ParametrizationList)
        value = before.detach().clone()
        known.append(parametrization)
        if hasattr(parametrization, "right_inverse"):
            known.right_inverse(value)
        return module
    if tensor_name not in module._parameters and tensor_name not in module._buffers:
        raise ArgumentError(
            f"Module '{module}' does not have a parameter, a buffer, or a parametrized element with name "
            f"'{tensor_name}'"
        )
    original = getattr(module, tensor_name)
    if not unsafe:
        with no_grad():
            before = original.detach().clone()
    chain = ParametrizationList([parametrization], original, unsafe)
    if not unsafe:
        _check_same(before, chain())
    delattr(module, tensor_name)
    if not is_parametrized(module):
        module.add_module("parametrizations", ModuleDict())
    module.get_submodule("parametrizations").add_module(tensor_name, chain)
    _settle(module, type(module) if not isinstance(module._parameters, _Computed) else type(module).__bases__[0])
    return module


def _settle(module: Module, base: type[Module]) -> None:
    """Give `module` the class and the dictionary of parameters that go with its parametrisations."""
    found: Any = module._modules.get("parametrizations")
    if not found:
        module.__dict__["_parameters"] = dict(module._parameters)
        module.__class__ = base
        return
    module.__dict__["_parameters"] = _Computed(module._parameters, found)
    module.__class__ = _class_of(base, tuple(found.keys()))


def remove_parametrizations(module: Module, tensor_name: str, leave_parametrized: bool = True) -> Module:
    """Let the tensor be a plain one again, with the value it has now, or with its original's; return `module`.

    Raises:
        ValueError: it is not parametrised, or its original is several tensors and `leave_parametrized` is false.
    """
    if not is_parametrized(module, tensor_name):
        raise ArgumentError(f"Module {module} does not have a parametrization on {tensor_name}")
    holder = module.get_submodule("parametrizations")
    chain = holder._modules[tensor_name]
    assert isinstance(chain, ParametrizationList)
    if chain.count is not None and not leave_parametrized:
        raise ArgumentError(
            "Cannot leave unparametrized (`leave_parametrized=False`) a tensor that is parametrized in terms of a "
            "sequence of tensors."
        )
    originals = chain.originals()
    with no_grad():
        value = chain().detach().clone()
    base = type_before_parametrizations(module)
    if chain.count is None:
        tensor = originals[0]
        if leave_parametrized:
            tensor.data = value
    else:
        trained = isinstance(originals[0], Parameter)
        tensor = Parameter(value, any(x.requires_grad for x in originals)) if trained else value
    del holder._modules[tensor_name]
    if not holder._modules:
        del module._modules["parametrizations"]
    _settle(module, base)
    _register(module, tensor_name, tensor)
    return module


_complete(__name__)
