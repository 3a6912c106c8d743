"""Modules, parameters and buffers by their dotted names."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from tensorgrad.engine.tensor import Tensor

from .parameter import Parameter
from .registry import Registry

if TYPE_CHECKING:
    from .module import Module


class Addressed(Registry):
    """The part of Module that finds what stands under a dotted name, and the name of what it holds."""

    def get_submodule(self, target: str) -> Module:
        """Return the module under the dotted name `target`, this one for ""; AttributeError if there is none.

        >>> from tensorgrad import nn
        >>> nn.Sequential(nn.Sequential(nn.ReLU(), nn.Tanh())).get_submodule("0.1")
        Tanh()
        """
        module: Any = self
        for name in target.split(".") if target else ():
            if not hasattr(module, name):
                raise AttributeError(f"{type(module).__name__} has no attribute `{name}`")
            module = getattr(module, name)
            if not isinstance(module, Registry):
                raise AttributeError(f"`{name}` is not an nn.Module")  # noqa: TRY004 - PyTorch's class
        found: Module = module
        return found

    def _get(self, target: str) -> tuple[Module, str, Any]:
        """Return the module that holds what the dotted name `target` names, its name there, and the thing itself."""
        path, _, name = target.rpartition(".")
        module = self.get_submodule(path)
        if not hasattr(module, name):
            raise AttributeError(f"{type(module).__name__} has no attribute `{name}`")
        return module, name, getattr(module, name)

    def get_parameter(self, target: str) -> Parameter:
        """Return the parameter under the dotted name `target`; AttributeError if there is none."""
        _, name, found = self._get(target)
        if not isinstance(found, Parameter):
            raise AttributeError(f"`{name}` is not an nn.Parameter")  # noqa: TRY004 - PyTorch's class
        return found

    def get_buffer(self, target: str) -> Tensor:
        """Return the buffer under the dotted name `target`; AttributeError if there is none."""
        module, name, found = self._get(target)
        if name not in module._buffers:
            raise AttributeError(f"`{name}` is not a buffer")
        buffer: Tensor = found
        return buffer

    def set_submodule(self, target: str, module: Module, strict: bool = False) -> None:
        """Put `module` under the dotted name `target`; under a new one only if not `strict`.

        AttributeError where the path leads nowhere, and for a name that is no module's.
        """
        if not target:
            raise ValueError("Cannot set the submodule without a target name!")
        if not isinstance(module, Registry):
            raise ValueError(f"`module` is not an nn.Module, found {type(module)}")  # noqa: TRY004 - PyTorch's class
        path, _, name = target.rpartition(".")
        parent = self.get_submodule(path)
        if strict and not hasattr(parent, name):
            raise AttributeError(f"{type(parent).__name__} has no attribute `{name}`")
        if hasattr(parent, name) and not isinstance(getattr(parent, name), Registry):
            raise AttributeError(f"`{name}` is not an nn.Module")
        setattr(parent, name, module)

    def path_of(self, other: Module) -> str | None:
        """Return the dotted name of `other` within this module, or None; found once, as modules seldom change."""
        known = self._paths.get(id(other)) if self._paths is not None else None
        if known is None or self._at(known[1]) is not other:
            paths = {id(m): (m, name) for name, m in self.named_modules() if m is not self}
            object.__setattr__(self, "_paths", paths)
            known = paths.get(id(other))
        return None if known is None else known[1]

    def _at(self, path: str) -> Any:
        module: Any = self
        for name in path.split("."):
            module = None if module is None else module._modules.get(name)
        return module
