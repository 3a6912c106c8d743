"""Module: the base class of layers and models."""

from __future__ import annotations

from collections.abc import Callable, Container
from typing import Any, Self

import numpy as np

from tensorgrad.base.context import CONTEXT, Context, Scope, context
from tensorgrad.base.mime import HTML, TEXT, wanted
from tensorgrad.engine.tensor import wrap

from .callhooks import hooked
from .conversion import Convertible
from .outline import outline
from .paths import Addressed
from .statedict import Stateful


class Module(Addressed, Convertible, Stateful):
    """Base class of everything with parameters. Subclasses assign attributes in ``__init__`` and define ``forward``.

    >>> import tensorgrad as tg
    >>> from tensorgrad import nn
    >>> class Net(nn.Module):
    ...     def __init__(self):
    ...         super().__init__()
    ...         self.fc = nn.Linear(3, 2)
    ...     def forward(self, x):
    ...         return self.fc(x).relu()
    >>> net = Net()
    >>> [name for name, _ in net.named_parameters()]
    ['fc.weight', 'fc.bias']
    >>> net(tg.ones(5, 3)).shape
    tensorgrad.Size([5, 2])
    """

    training: bool

    def __init__(self) -> None:
        super().__init__()
        self.__dict__["_hooks"] = None
        self.__dict__["training"] = True

    def forward(self, *args: Any, **kwargs: Any) -> Any:
        """Return the output of the module; subclasses define it."""
        raise NotImplementedError(f'Module [{type(self).__name__}] is missing the required "forward" function')

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        """Return ``forward(...)``, whose operations are recorded in the scope of this module."""
        outer = context()
        token = CONTEXT.set(Context(outer.grad, outer.special, Scope(self, outer.scope), outer.flags))
        try:
            return self.forward(*args, **kwargs) if self._hooks is None else hooked(self, self._hooks, args, kwargs)
        finally:
            CONTEXT.reset(token)

    def train(self, mode: bool = True) -> Self:
        """Set training mode here and below, and return the module."""
        if not isinstance(mode, bool):
            raise ValueError(f"training mode is expected to be boolean, found {mode!r}")  # noqa: TRY004 - PyTorch's class
        self.training = mode
        for module in self.children():
            module.train(mode)
        return self

    def eval(self) -> Self:
        """Set evaluation mode here and below, and return the module."""
        return self.train(False)

    def requires_grad_(self, requires_grad: bool = True) -> Self:
        """Set `requires_grad` of every parameter and return the module."""
        for p in self.parameters():
            p.requires_grad = requires_grad
        return self

    def zero_grad(self, set_to_none: bool = True) -> None:
        """Forget every parameter's gradient, or fill it with zeros."""
        for p in self.parameters():
            p.grad = None if set_to_none or p.grad is None else wrap(np.zeros_like(p.grad.array))

    def apply(self, fn: Callable[[Module], Any]) -> Self:
        """Call `fn` on every module below, then on this one, and return the module."""
        for module in self.children():
            module.apply(fn)
        fn(self)
        return self

    def __copy__(self) -> Self:
        """Return a module with names of its own for the same parameters, buffers and modules."""
        twin = type(self).__new__(type(self))
        for name, value in self.__dict__.items():
            own = isinstance(value, dict | set) and name.startswith("_")
            twin.__dict__[name] = value.copy() if own else value
        twin.__dict__["_paths"] = None
        return twin

    def extra_repr(self) -> str:
        """Return what stands in the brackets of the repr; subclasses define it."""
        return ""

    def __repr__(self) -> str:
        return self._text([f"({name}): {module!r}" for name, module in self._modules.items()])

    def _repr_mimebundle_(
        self, include: Container[str] | None = None, exclude: Container[str] | None = None
    ) -> dict[str, str]:
        makers = {HTML: outline, TEXT: repr}
        return {kind: makers[kind](self) for kind in wanted(makers, include, exclude)}

    def _text(self, children: list[str]) -> str:
        extra = self.extra_repr().split("\n") if self.extra_repr() else []
        if not children and len(extra) <= 1:
            return f"{type(self).__name__}({''.join(extra)})"
        body = "\n  ".join([*extra, *(child.replace("\n", "\n  ") for child in children)])
        return f"{type(self).__name__}(\n  {body}\n)"
