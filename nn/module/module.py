"""Module: the base class of layers and models; below it stand `registry`, `callhooks` and `statedict`."""

from __future__ import annotations

import copy
import importlib
from collections.abc import Callable, Container, Iterator
from typing import Any, ParamSpec, Protocol, Self, TypeVar

import numpy as np

from tensorgrad.base.answers import INTERNAL, settle
from tensorgrad.base.context import CONTEXT, Context, Described, Scope, context
from tensorgrad.base.devices import check_memory, no_device, target_dtype
from tensorgrad.base.dtypes import DType, as_dtype, float16, float32, float64
from tensorgrad.base.mime import HTML, TEXT, wanted
from tensorgrad.engine.tensor import Tensor, wrap
from tensorgrad.errors import DTypeError
from tensorgrad.tensor.tensortypes import dtype_of_type

from .callhooks import Hooks, hooked
from .outline import outline
from .parameter import Parameter, is_lazy
from .statedict import Stateful

P = ParamSpec("P")
R_co = TypeVar("R_co", covariant=True)


class _Computing(Described, Protocol[P, R_co]):
    """What a type checker reads from a module that is called: the call has the parameters and result of `forward`."""

    _hooks: Hooks | None

    def forward(self, *args: P.args, **kwargs: P.kwargs) -> R_co:
        """Return the output."""
        ...


class Module(Stateful):
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
    _modules: dict[str, Module | None]
    _paths: dict[int, tuple[Module, str]] | None

    def __init__(self) -> None:
        super().__init__()
        state = self.__dict__
        state["_hooks"], state["training"], state["_paths"] = None, True, None

    def forward(self, *args: Any, **kwargs: Any) -> Any:
        """Return the output of the module; subclasses define it."""
        raise NotImplementedError(f'Module [{type(self).__name__}] is missing the required "forward" function')

    def __call__(self: _Computing[P, R_co], *args: P.args, **kwargs: P.kwargs) -> R_co:
        """Return ``forward(...)``, whose operations are recorded in the scope of this module."""
        outer = context()
        scope = Scope(self, outer.scope)  # in which a picture of an error finds what failed
        token = CONTEXT.set(Context(outer.grad, outer.special, scope, outer.flags))
        try:
            return self.forward(*args, **kwargs) if self._hooks is None else hooked(self, self._hooks, args, kwargs)
        except INTERNAL as error:
            settle(self.forward, type(self).__name__, args, kwargs, error, stands=True)
            raise
        finally:
            CONTEXT.reset(token)

    # --- walks through the modules below ------------------------------------------------------------------------------

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
            pending += reversed(below)

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

    # --- dotted names -------------------------------------------------------------------------------------------------

    def get_submodule(self, target: str) -> Module:
        """Return the module under the dotted name `target`, this one for "".

        Raises:
            AttributeError: there is none.

        >>> from tensorgrad import nn
        >>> nn.Sequential(nn.Sequential(nn.ReLU(), nn.Tanh())).get_submodule("0.1")
        Tanh()
        """
        module: Module = self
        for name in target.split(".") if target else ():
            if not hasattr(module, name):
                raise AttributeError(f"{type(module).__name__} has no attribute `{name}`")
            found = getattr(module, name)
            if not isinstance(found, Module):
                raise AttributeError(f"`{name}` is not an nn.Module")  # noqa: TRY004 - PyTorch's class
            module = found
        return module

    def _get(self, target: str) -> tuple[Module, str, Any]:
        """Return the module that holds what the dotted name `target` names, its name there, and the thing itself."""
        path, _, name = target.rpartition(".")
        module = self.get_submodule(path)
        if not hasattr(module, name):
            raise AttributeError(f"{type(module).__name__} has no attribute `{name}`")
        return module, name, getattr(module, name)

    def get_parameter(self, target: str) -> Parameter:
        """Return the parameter under the dotted name `target`.

        Raises:
            AttributeError: there is none.
        """
        _, name, found = self._get(target)
        if not isinstance(found, Parameter):
            raise AttributeError(f"`{name}` is not an nn.Parameter")  # noqa: TRY004 - PyTorch's class
        return found

    def get_buffer(self, target: str) -> Tensor:
        """Return the buffer under the dotted name `target`.

        Raises:
            AttributeError: there is none.
        """
        module, name, found = self._get(target)
        if name not in module._buffers:
            raise AttributeError(f"`{name}` is not a buffer")
        return found  # type: ignore[no-any-return]

    def set_submodule(self, target: str, module: Module, strict: bool = False) -> None:
        """Put `module` under the dotted name `target`; under a new one only if not `strict`.

        Raises:
            AttributeError: the path leads nowhere, or to what is no module.
        """
        if not target:
            raise ValueError("Cannot set the submodule without a target name!")
        if not isinstance(module, Module):
            raise ValueError(f"`module` is not an nn.Module, found {type(module)}")  # noqa: TRY004 - PyTorch's class
        path, _, name = target.rpartition(".")
        parent = self.get_submodule(path)
        if strict and not hasattr(parent, name):
            raise AttributeError(f"{type(parent).__name__} has no attribute `{name}`")
        if hasattr(parent, name) and not isinstance(getattr(parent, name), Module):
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

    # --- modes and gradients ------------------------------------------------------------------------------------------

    def train(self, mode: bool = True) -> Self:
        """Set training mode here and below, and return the module.

        Raises:
            ValueError: `mode` is no truth value.
        """
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

    # --- dtype: in place, every parameter keeps its identity and gets new memory --------------------------------------

    def to(
        self,
        target: Any = None,
        dtype: Any = None,
        non_blocking: bool = False,  # noqa: ARG002 - PyTorch's keyword, which means nothing on a CPU
        *,
        device: Any = None,
        memory_format: Any = None,
    ) -> Self:
        """Convert floating point parameters and buffers to a dtype, and return the module.

        ``to(dtype)``, ``to(device)``, ``to(device, dtype)`` and ``to(tensor)``, whose dtype is taken.

        Raises:
            DeviceError: a device that is not the CPU.
            DTypeError: a dtype that is not one of floats.
        """
        check_memory(memory_format=memory_format)
        named = target_dtype(target.dtype if isinstance(target, Tensor) else target, device)
        wanted = named if dtype is None or isinstance(dtype, bool) else as_dtype(dtype)
        if wanted is None:
            return self
        if wanted.kind != "f":
            raise DTypeError(
                f"nn.Module.to only accepts floating point or complex dtypes, but got desired dtype={wanted}"
                + ("; gradients through complex numbers are not there" if wanted.kind == "c" else "")
            )
        return self._converted(wanted, "f")

    def _converted(self, dtype: DType, kinds: str) -> Self:
        for x in (*self.parameters(), *self.buffers()):
            if x.dtype.kind in kinds and x.dtype != dtype:
                if is_lazy(x):
                    x.array = np.empty(0, dtype)
                    continue
                x.data = x.array.astype(dtype)
                if x.grad is not None:
                    x.grad = wrap(x.grad.array.astype(dtype))
        return self

    def type(self, dst_type: Any) -> Self:
        """Convert all parameters and buffers, also those of integers, to a dtype, and return the module."""
        return self._converted(as_dtype(dtype_of_type(dst_type)), "fiub")

    def half(self) -> Self:
        """Convert floating point parameters and buffers to float16, and return the module."""
        return self._converted(float16, "f")

    def float(self) -> Self:
        """Convert floating point parameters and buffers to float32, and return the module."""
        return self._converted(float32, "f")

    def double(self) -> Self:
        """Convert floating point parameters and buffers to float64, and return the module."""
        return self._converted(float64, "f")

    def cpu(self) -> Self:
        """Return the module, which is there already."""
        return self

    def share_memory(self) -> Self:
        """Return the module, whose memory threads share as it is."""
        return self

    def to_empty(self, *, device: Any = None, recurse: bool = True) -> Self:  # noqa: ARG002 - there is one memory
        """Return the module, with values that are about to be loaded; DeviceError for another device."""
        return self.to(device=device)

    def cuda(self, device: Any = None) -> Self:
        """Refuse: tensorgrad computes on the CPU only.

        Raises:
            DeviceError: always.
        """
        raise no_device("cuda" if device is None else device)

    # --- plans --------------------------------------------------------------------------------------------------------

    def compile(self, *args: Any, **kwargs: Any) -> None:
        """Let `forward` of this module run as a plan, in place; the arguments are those of `tensorgrad.compile`.

        >>> import tensorgrad as tg
        >>> from tensorgrad import nn
        >>> net = nn.Sequential(nn.Linear(3, 2), nn.ReLU())
        >>> net.compile()
        >>> outputs = [net(tg.ones(5, 3)) for _ in range(4)]
        >>> net.forward.runs
        2
        """
        # what makes plans stands above this file and loads when it is asked for, as the subpackages of `tensorgrad` do
        forward = getattr(self.forward, "compiled_function", self.forward)
        self.__dict__["forward"] = importlib.import_module("tensorgrad").compile(forward, *args, **kwargs)

    # --- copy and text ------------------------------------------------------------------------------------------------

    def __copy__(self) -> Self:
        """Return a module with names of its own for the same parameters, buffers and modules."""
        twin = type(self).__new__(type(self))
        for name, value in self.__dict__.items():
            own = isinstance(value, dict | set) and name.startswith("_")
            twin.__dict__[name] = value.copy() if own else value
        twin.__dict__["_paths"] = None
        forward = self.__dict__.get("forward")
        if getattr(forward, "__self__", None) is self:
            twin.__dict__["forward"] = copy.deepcopy(forward, {id(self): twin})
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
