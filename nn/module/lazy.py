"""Modules whose parameters get their shapes from the first input."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, ClassVar

from tensorgrad.errors import AutogradError

from .module import Module
from .parameter import is_lazy


class LazyModuleMixin(Module):
    """Base class, before that of the layer itself, of layers that learn sizes from their first input.

    A subclass assigns `UninitializedParameter` and `UninitializedBuffer` in ``__init__`` and gives them a shape in
    `initialize_parameters`, which the first call of the module runs. After it the module is of the class
    `cls_to_become`. A parameter keeps its identity: an optimiser may be made before.

    >>> import tensorgrad as tg
    >>> from tensorgrad import nn
    >>> layer = nn.LazyLinear(2)
    >>> layer
    LazyLinear(in_features=0, out_features=2, bias=True)
    >>> layer(tg.ones(5, 3)).shape
    tensorgrad.Size([5, 2])
    >>> layer
    Linear(in_features=3, out_features=2, bias=True)
    """

    cls_to_become: ClassVar[type[Module] | None] = None

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self._initialize_hook = self.register_forward_pre_hook(_initialize, with_kwargs=True)

    def initialize_parameters(self, *args: Any, **kwargs: Any) -> None:
        """Give the parameters their shapes and values, from the arguments of the first call; subclasses define it."""
        raise NotImplementedError(f"initialize_parameters is not implemented for {type(self).__name__}")

    def has_uninitialized_params(self) -> bool:
        """Return whether a parameter or buffer of this module has no shape yet."""
        return any(is_lazy(x) for x in (*self._parameters.values(), *self._buffers.values()))


def _initialize(module: Any, args: tuple[Any, ...], kwargs: Mapping[str, Any]) -> None:
    """Before the first forward: initialise `module` and let it be of its final class."""
    module.initialize_parameters(*args, **kwargs)
    if module.has_uninitialized_params():
        raise AutogradError(
            f"module {type(module).__name__} has not been fully initialized: initialize_parameters left a parameter "
            f"without shape"
        )
    module._initialize_hook.remove()
    del module._initialize_hook
    module.forget_hooks_if_none()
    if module.cls_to_become is not None:
        module.__class__ = module.cls_to_become
