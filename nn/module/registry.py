"""What a module holds: parameters, buffers and modules under names, in the order of registration."""

from __future__ import annotations

from typing import Any

from tensorgrad.base.unknown import UnknownAttributeError
from tensorgrad.engine.tensor import Tensor
from tensorgrad.tensor.tensortypes import typename

from .parameter import Buffer, Parameter

_EXPECTED = {
    "_parameters": "parameter '{}' (tensorgrad.nn.Parameter or None expected)",
    "_modules": "child module '{}' (tensorgrad.nn.Module or None expected)",
    "_buffers": "buffer '{}' (tensorgrad.nn.Buffer, tensorgrad.Tensor or None expected)",
}


class Registry:
    """The part of Module that knows names: attributes and registration."""

    _parameters: dict[str, Parameter | None]
    _buffers: dict[str, Tensor | None]
    _modules: dict[str, Any]  # modules, which stand above
    _non_persistent_buffers_set: set[str]

    def __init__(self) -> None:  # the registries come before __setattr__ can use them
        state = self.__dict__
        state["_parameters"], state["_buffers"], state["_modules"] = {}, {}, {}
        state["_non_persistent_buffers_set"] = set()

    # --- attributes ---------------------------------------------------------------------------------------------------

    def __getattr__(self, name: str) -> Any:
        state = self.__dict__
        for kind in _EXPECTED:
            registry = state.get(kind)
            if registry is not None and name in registry:
                return registry[name]
        if not any(name in vars(cls) for cls in type(self).__mro__):
            raise UnknownAttributeError(self, name)
        try:  # Python comes here after an AttributeError inside a property, and forgets what it said
            return object.__getattribute__(self, name)
        except AttributeError as error:
            raise UnknownAttributeError(self, name) from error

    def __setattr__(self, name: str, value: Any) -> None:
        if isinstance(value, Parameter):
            self._make_room(name, "parameters", "_parameters")
            self.register_parameter(name, value)
        elif isinstance(value, Registry) and name not in self.__dict__.get("_parameters", ()):
            self._make_room(name, "module", "_modules")
            self.register_module(name, value)
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

        One that is not `persistent` is converted with the others, but is no part of the `state_dict`.

        Raises:
            KeyError: a name that is taken, empty or has a dot in it.
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

        Raises:
            KeyError: a name that is taken, empty or has a dot in it.
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

    def add_module(self, name: str, module: Registry | None) -> None:
        """Register `module` under `name`.

        Raises:
            KeyError: a name that is taken, empty or has a dot in it.
        """
        self._check_started("module")
        if module is not None and not isinstance(module, Registry):
            raise TypeError(f"{typename(module)} is not a Module subclass")
        self._check_name("module", name, self._modules)
        self._modules[name] = module

    def register_module(self, name: str, module: Registry | None) -> None:
        """Do what `add_module` does.

        Raises:
            KeyError: a `name` that is empty, has a dot, or is that of an attribute.
        """
        self.add_module(name, module)
