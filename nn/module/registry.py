"""What a module holds: parameters, buffers and modules under names, in the order of registration, and their tree."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

from tensorgrad.base.unknown import UnknownAttributeError
from tensorgrad.engine.tensor import Tensor
from tensorgrad.tensor.tensortypes import typename

from .parameter import Buffer, Parameter

if TYPE_CHECKING:
    from .module import Module

_EXPECTED = {
    "_parameters": "parameter '{}' (tensorgrad.nn.Parameter or None expected)",
    "_modules": "child module '{}' (tensorgrad.nn.Module or None expected)",
    "_buffers": "buffer '{}' (tensorgrad.nn.Buffer, tensorgrad.Tensor or None expected)",
}


class Registry:
    """The part of Module that knows names: attributes, registration, and the walk through all modules below."""

    _parameters: dict[str, Parameter | None]
    _buffers: dict[str, Tensor | None]
    _modules: dict[str, Module | None]
    _non_persistent_buffers_set: set[str]
    _paths: dict[int, tuple[Module, str]] | None

    def __init__(self) -> None:  # the registries come before __setattr__ can use them
        state = self.__dict__
        state["_parameters"], state["_buffers"], state["_modules"] = {}, {}, {}
        state["_non_persistent_buffers_set"] = set()
        state["_paths"] = None

    # --- attributes ---------------------------------------------------------------------------------------------------

    def __getattr__(self, name: str) -> Any:
        state = self.__dict__
        for kind in _EXPECTED:
            registry = state.get(kind)
            if registry is not None and name in registry:
                return registry[name]
        raise UnknownAttributeError(self, name)

    def __setattr__(self, name: str, value: Any) -> None:
        if isinstance(value, Parameter):
            self._make_room(name, "parameters", "_parameters")
            self.register_parameter(name, value)
        elif isinstance(value, Registry) and name not in self.__dict__.get("_parameters", ()):
            self._make_room(name, "module", "_modules")
            self.register_module(name, value)  # type: ignore[arg-type]  # there is no registry but in a module
        else:
            for kind, expected in _EXPECTED.items():
                if name in self.__dict__.get(kind, ()):
                    if not (value is None or (kind == "_buffers" and isinstance(value, Tensor))):
                        raise TypeError(f"cannot assign '{typename(value)}' as {expected.format(name)}")
                    self.__dict__[kind][name] = value
                    return
            if isinstance(value, Buffer):
                self._make_room(name, "buffer", "_buffers")
                self.register_buffer(name, value, value.persistent)
            else:
                object.__setattr__(self, name, value)

    def __delattr__(self, name: str) -> None:
        for kind in _EXPECTED:
            registry = self.__dict__.get(kind, {})
            if name in registry:
                del registry[name]
                self._non_persistent_buffers_set.discard(name)
                return
        object.__delattr__(self, name)

    def __dir__(self) -> list[str]:
        names = {*object.__dir__(self), *self._parameters, *self._buffers, *self._modules}
        return sorted(name for name in names if not name[:1].isdigit())

    def _make_room(self, name: str, what: str, kind: str) -> None:
        """Take `name` off everything but the registry `kind`, which it enters; at its place there, if it has one."""
        self._check_started(what)
        self.__dict__.pop(name, None)
        self._non_persistent_buffers_set.discard(name)
        for other in _EXPECTED:
            if other != kind:
                self.__dict__[other].pop(name, None)

    # --- registration -------------------------------------------------------------------------------------------------

    def _check_started(self, what: str) -> None:
        if "_modules" not in self.__dict__:
            raise AttributeError(
                f"cannot assign {what} before Module.__init__() call: call super().__init__() first in "
                f"{type(self).__name__}.__init__"
            )

    def _check_name(self, what: str, name: str, registry: dict[str, Any]) -> None:
        if not isinstance(name, str):
            raise TypeError(f"{what} name should be a string. Got {typename(name)}")
        if hasattr(self, name) and name not in registry:
            raise KeyError(f"attribute '{name}' already exists")
        if "." in name:
            raise KeyError(f'{what} name can\'t contain ".", got: {name}')
        if not name:
            raise KeyError(f'{what} name can\'t be empty string ""')

    def register_buffer(self, name: str, tensor: Tensor | None, persistent: bool = True) -> None:
        """Register a tensor that belongs to the state but is not trained, such as a running mean.

        One that is not `persistent` is converted with the others, but is no part of the `state_dict`. KeyError for a
        name that is taken, empty or has a dot in it.
        """
        self._check_started("buffer")
        self._check_name("buffer", name, self._buffers)
        if tensor is not None and not isinstance(tensor, Tensor):
            raise TypeError(f"cannot assign '{typename(tensor)}' object to buffer '{name}' (Tensor or None required)")
        self._buffers[name] = tensor
        change = self._non_persistent_buffers_set.discard if persistent else self._non_persistent_buffers_set.add
        change(name)

    def register_parameter(self, name: str, param: Parameter | None) -> None:
        """Register a parameter, or None for an optional one that this module does not have.

        KeyError for a name that is taken, empty or has a dot in it.
        """
        self._check_started("parameter")
        self._check_name("parameter", name, self._parameters)
        if param is not None and not isinstance(param, Parameter):
            raise TypeError(
                f"cannot assign '{typename(param)}' object to parameter '{name}' (nn.Parameter or None required)"
            )
        if param is not None and not param.is_leaf:
            raise ValueError(
                f"Cannot assign non-leaf Tensor to parameter '{name}'. Model parameters must be created explicitly. To "
                f"express '{name}' as a function of another Tensor, compute the value in the forward() method."
            )
        self._parameters[name] = param

    def add_module(self, name: str, module: Module | None) -> None:
        """Register `module` under `name`; KeyError for a name that is taken, empty or has a dot in it."""
        self._check_started("module")
        if module is not None and not isinstance(module, Registry):
            raise TypeError(f"{typename(module)} is not a Module subclass")
        self._check_name("module", name, self._modules)
        self._modules[name] = module

    def register_module(self, name: str, module: Module | None) -> None:
        """Do what `add_module` does."""
        self.add_module(name, module)

    # --- walks --------------------------------------------------------------------------------------------------------

    def named_modules(
        self, memo: set[Any] | None = None, prefix: str = "", remove_duplicate: bool = True
    ) -> Iterator[tuple[str, Module]]:
        """Yield this module and all below it with dotted names, once each unless `remove_duplicate` is false.

        Those in `memo` are left out; those found are added to it.
        """
        seen = set() if memo is None else memo
        pending: list[tuple[str, Any]] = [(prefix, self)]
        while pending:
            name, module = pending.pop()
            if remove_duplicate:
                if module in seen:
                    continue
                seen.add(module)
            yield name, module
            below = [(f"{name}.{k}" if name else k, m) for k, m in module._modules.items() if m is not None]
            pending.extend(reversed(below))

    def modules(self) -> Iterator[Module]:
        """Yield this module and all below it, once each."""
        return (module for _, module in self.named_modules())

    def named_children(self) -> Iterator[tuple[str, Module]]:
        """Yield the modules directly below this one, once each, with their names."""
        seen = set()
        for name, module in self._modules.items():
            if module is not None and module not in seen:
                seen.add(module)
                yield name, module

    def children(self) -> Iterator[Module]:
        """Yield the modules directly below this one, once each."""
        return (module for _, module in self.named_children())

    def _named(self, kind: str, prefix: str, recurse: bool, remove_duplicate: bool) -> Iterator[tuple[str, Any]]:
        seen: set[Tensor] = set()
        walk = self.named_modules(prefix=prefix, remove_duplicate=remove_duplicate) if recurse else [(prefix, self)]
        for path, module in walk:
            for name, value in module.__dict__[kind].items():
                if value is not None and value not in seen:
                    if remove_duplicate:
                        seen.add(value)
                    yield (f"{path}.{name}" if path else name), value

    def named_parameters(
        self, prefix: str = "", recurse: bool = True, remove_duplicate: bool = True
    ) -> Iterator[tuple[str, Parameter]]:
        """Yield every parameter with its dotted name, in the order of registration; `recurse`: those below too."""
        return self._named("_parameters", prefix, recurse, remove_duplicate)

    def parameters(self, recurse: bool = True) -> Iterator[Parameter]:
        """Yield every parameter once, in the order of registration; `recurse`: those of the modules below too."""
        return (p for _, p in self.named_parameters(recurse=recurse))

    def named_buffers(
        self, prefix: str = "", recurse: bool = True, remove_duplicate: bool = True
    ) -> Iterator[tuple[str, Tensor]]:
        """Yield every buffer with its dotted name, in the order of registration; `recurse`: those below too."""
        return self._named("_buffers", prefix, recurse, remove_duplicate)

    def buffers(self, recurse: bool = True) -> Iterator[Tensor]:
        """Yield every buffer once, in the order of registration; `recurse`: those of the modules below too."""
        return (b for _, b in self.named_buffers(recurse=recurse))
