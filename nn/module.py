"""Module: parameters, buffers and modules under names, in the order of their assignment."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable, Iterator, Mapping
from typing import Any, NamedTuple, Self, TypeVar

import numpy as np

from tensorgrad.context import CONTEXT, Context, Scope, context
from tensorgrad.devices import target_dtype
from tensorgrad.tensor import Tensor, as_array, wrap
from tensorgrad.writes import note

from .hooks import Hookable, hooked
from .parameter import Parameter

M = TypeVar("M", bound="Module")


class IncompatibleKeys(NamedTuple):
    """What `load_state_dict` found missing and unexpected."""

    missing_keys: list[str]
    unexpected_keys: list[str]


class Module(Hookable):
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
    _parameters: dict[str, Parameter | None]
    _buffers: dict[str, Tensor | None]
    _modules: dict[str, Module | None]
    _paths: dict[int, tuple[Module, str]] | None

    def __init__(self) -> None:  # the registries come before __setattr__ can use them
        for name in ("_parameters", "_buffers", "_modules"):
            object.__setattr__(self, name, {})
        object.__setattr__(self, "_paths", None)
        object.__setattr__(self, "_hooks", None)
        self.training = True

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

    def path_of(self, other: Module) -> str | None:
        """Return the dotted name of `other` within this module, or None; found once, as modules seldom change."""
        known = self._paths.get(id(other)) if self._paths is not None else None
        if known is None or known[0] is not other:
            object.__setattr__(self, "_paths", {id(m): (m, name) for name, m in self.named_modules() if m is not self})
            assert self._paths is not None
            known = self._paths.get(id(other))
        return None if known is None else known[1]

    def __setattr__(self, name: str, value: Any) -> None:
        registries: list[dict[str, Any]] = [self.__dict__.get(k, {}) for k in ("_parameters", "_modules", "_buffers")]
        if isinstance(value, Parameter | Module):
            if "_parameters" not in self.__dict__:
                raise AttributeError(
                    f"cannot assign {type(value).__name__.lower()}s before Module.__init__() call: "
                    f"call super().__init__() first in {type(self).__name__}.__init__"
                )
            for holder in (self.__dict__, *registries):
                holder.pop(name, None)
            kind: dict[str, Any] = self._parameters if isinstance(value, Parameter) else self._modules
            kind[name] = value
            object.__setattr__(self, "_paths", None)
            return
        for registry in registries:
            if name in registry:
                if value is not None and not (registry is self._buffers and isinstance(value, Tensor)):
                    raise TypeError(
                        f"cannot assign '{type(value).__name__}' as '{name}': it is registered in the module"
                    )
                registry[name] = value
                return
        object.__setattr__(self, name, value)

    def __getattr__(self, name: str) -> Any:
        for kind in ("_parameters", "_buffers", "_modules"):
            registry = self.__dict__.get(kind, {})
            if name in registry:
                return registry[name]
        raise AttributeError(f"'{type(self).__name__}' object has no attribute '{name}'")

    def __delattr__(self, name: str) -> None:
        registries: tuple[dict[str, Any], ...] = (self._parameters, self._buffers, self._modules)
        for registry in registries:
            if name in registry:
                del registry[name]
                return
        object.__delattr__(self, name)

    def register_buffer(self, name: str, tensor: Tensor | None) -> None:
        """Register a tensor that belongs to the state but is not trained, such as a running mean."""
        self._buffers[name] = tensor

    def register_parameter(self, name: str, param: Parameter | None) -> None:
        """Register a parameter, or None for an optional one that this module does not have."""
        self._parameters[name] = param

    def add_module(self, name: str, module: Module | None) -> None:
        """Register `module` under `name`."""
        self._modules[name] = module
        object.__setattr__(self, "_paths", None)

    def named_modules(self, prefix: str = "", remove_duplicate: bool = True) -> Iterator[tuple[str, Module]]:
        """Yield this module and all below it with dotted names, once each unless `remove_duplicate` is false."""
        seen: set[int] = set()
        pending: list[tuple[str, Module]] = [(prefix, self)]
        while pending:
            name, module = pending.pop()
            if remove_duplicate and id(module) in seen:
                continue
            seen.add(id(module))
            yield name, module
            below = [(f"{name}.{k}" if name else k, m) for k, m in module._modules.items() if m is not None]
            pending.extend(reversed(below))

    def modules(self) -> Iterator[Module]:
        """Yield this module and all below it, once each."""
        return (module for _, module in self.named_modules())

    def named_children(self) -> Iterator[tuple[str, Module]]:
        """Yield the modules directly below this one, with their names."""
        return ((name, m) for name, m in self._modules.items() if m is not None)

    def children(self) -> Iterator[Module]:
        """Yield the modules directly below this one."""
        return (module for _, module in self.named_children())

    def _named(self, kind: str, prefix: str) -> Iterator[tuple[str, Any]]:
        seen: set[int] = set()
        for path, module in self.named_modules(prefix):
            for name, value in getattr(module, kind).items():
                if value is not None and id(value) not in seen:
                    seen.add(id(value))
                    yield (f"{path}.{name}" if path else name), value

    def named_parameters(self, prefix: str = "") -> Iterator[tuple[str, Parameter]]:
        """Yield every parameter once, in the order of registration, with its dotted name."""
        return self._named("_parameters", prefix)

    def parameters(self) -> Iterator[Parameter]:
        """Yield every parameter once, in the order of registration."""
        return (p for _, p in self.named_parameters())

    def named_buffers(self, prefix: str = "") -> Iterator[tuple[str, Tensor]]:
        """Yield every buffer once, with its dotted name."""
        return self._named("_buffers", prefix)

    def buffers(self) -> Iterator[Tensor]:
        """Yield every buffer once."""
        return (b for _, b in self.named_buffers())

    def train(self, mode: bool = True) -> Self:
        """Set training mode here and below, and return the module."""
        for module in self.modules():
            module.training = mode
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
            p.grad = None if set_to_none or p.grad is None else wrap(np.zeros_like(p.array))

    def apply(self, function: Callable[[Module], Any]) -> Self:
        """Call `function` on every module below, then on this one, and return the module."""
        for module in self.children():
            module.apply(function)
        function(self)
        return self

    def to(self, target: Any = None, dtype: Any = None, *, device: Any = None) -> Self:
        """Convert floating point parameters and buffers to a dtype, in place, and return the module.

        DeviceError for a device that is not the CPU.
        """
        wanted = target_dtype(target, device)
        wanted = wanted if dtype is None else np.dtype(dtype)
        if wanted is not None:
            for x in (*self.parameters(), *self.buffers()):
                if x.array.dtype.kind == "f":
                    x.data = x.array.astype(wanted)
                    x.grad = None
        return self

    def float(self) -> Self:
        """Convert to float32."""
        return self.to(np.float32)

    def double(self) -> Self:
        """Convert to float64."""
        return self.to(np.float64)

    def state_dict(self) -> OrderedDict[str, Tensor]:
        """Return parameters and buffers by dotted name, on the module's own memory."""
        state: OrderedDict[str, Tensor] = OrderedDict()
        for path, module in self.named_modules(remove_duplicate=False):
            for name, value in (*module._parameters.items(), *module._buffers.items()):
                if value is not None:
                    state[f"{path}.{name}" if path else name] = value.detach()
        return state

    def load_state_dict(self, state_dict: Mapping[str, Any], strict: bool = True) -> IncompatibleKeys:
        """Copy the values of `state_dict` into parameters and buffers; nothing is written if anything does not fit.

        Raises RuntimeError that lists missing keys, unexpected keys (both only if `strict`) and wrong shapes.
        """
        own = self.state_dict()
        missing = [k for k in own if k not in state_dict]
        unexpected = [k for k in state_dict if k not in own]
        values = {k: as_array(state_dict[k]) for k in own if k in state_dict}
        problems = []
        if strict and unexpected:
            problems.append(f"Unexpected key(s) in state_dict: {', '.join(map(repr, unexpected))}.")
        if strict and missing:
            problems.append(f"Missing key(s) in state_dict: {', '.join(map(repr, missing))}.")
        problems += [
            f"size mismatch for {k}: copying a param with shape {v.shape} from checkpoint, "
            f"the shape in current model is {own[k].array.shape}."
            for k, v in values.items()
            if v.shape != own[k].shape
        ]
        if problems:
            text = "\n\t".join(problems)
            raise RuntimeError(f"Error(s) in loading state_dict for {type(self).__name__}:\n\t{text}")
        for k, v in values.items():
            own[k].array[...] = v
            note(own[k])
        return IncompatibleKeys(missing, unexpected)

    def extra_repr(self) -> str:
        """Return what stands in the brackets of the repr; subclasses define it."""
        return ""

    def __repr__(self) -> str:
        lines = [f"({name}): {module!r}".replace("\n", "\n  ") for name, module in self._modules.items()]
        if not lines:
            return f"{type(self).__name__}({self.extra_repr()})"
        body = "\n  ".join([self.extra_repr(), *lines] if self.extra_repr() else lines)
        return f"{type(self).__name__}(\n  {body}\n)"
