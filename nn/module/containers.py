"""Modules made of modules."""

from __future__ import annotations

from collections.abc import ItemsView, Iterable, Iterator, KeysView, Mapping, ValuesView
from operator import index
from typing import Any, Self, overload

from tensorgrad.errors import RangeError
from tensorgrad.tensor.tensortypes import typename

from .module import Module


def taken(held: Any, key: Any) -> Any:
    """Return what `held` has under `key`, which is taken out."""
    found = held[key]
    del held[key]
    return found


class _Listed(Module):
    """Modules at positions 0, 1, ..., which are also their names: what Sequential and ModuleList share."""

    def _name_at(self, position: Any) -> str:
        """Return the name of the module at a position, which may count from the end."""
        i = index(position)
        if not -len(self) <= i < len(self):
            raise RangeError(f"index {i} is out of range: there are {len(self)} modules")
        return list(self._modules)[i]

    def _rename(self, modules: Iterable[Module | None]) -> None:
        """Hold `modules`, each named by its position."""
        held = list(modules)
        self._modules.clear()
        self._modules.update({str(i): module for i, module in enumerate(held)})

    def __len__(self) -> int:
        return len(self._modules)

    def __iter__(self) -> Iterator[Any]:
        return iter(list(self._modules.values()))

    def _part(self, position: slice) -> Self:
        raise NotImplementedError

    @overload
    def __getitem__(self, position: int) -> Any: ...
    @overload
    def __getitem__(self, position: slice) -> Self: ...
    def __getitem__(self, position: int | slice) -> Any:
        return self._part(position) if isinstance(position, slice) else self._modules[self._name_at(position)]

    def __setitem__(self, position: int, module: Module) -> None:
        self.add_module(self._name_at(position), module)

    def __delitem__(self, position: int | slice) -> None:
        gone = list(self._modules)[position] if isinstance(position, slice) else [self._name_at(position)]
        self._rename([module for name, module in self._modules.items() if name not in gone])

    def pop(self, key: Any) -> Any:
        """Take the module at a position out and return it, or those of a slice; the others are named anew."""
        return taken(self, key)

    def append(self, module: Module) -> Self:
        """Add `module` at the end and return the container."""
        self.add_module(str(len(self)), module)
        return self

    def insert(self, index: int, module: Module) -> Any:
        """Insert `module` before position `index`; all modules are named by their positions then."""
        if not isinstance(module, Module):
            raise TypeError(f"{typename(module)} is not a Module subclass: module should be of type Module")
        if not -len(self) <= index <= len(self):
            raise RangeError(f"Index out of range: {index}, there are {len(self)} modules")
        held = list(self)
        held.insert(index, module)
        self._rename(held)

    def _extend(self, modules: Iterable[Any]) -> Self:
        for module in list(modules):
            self.append(module)
        return self


class Sequential(_Listed):
    """Modules called one after the other, each on the result of the one before; named by position or as in a dict.

    It is a list: ``len``, indices, slices, ``append``, ``insert``, ``pop``, ``+`` and ``*``, which repeats the modules
    themselves. Whatever moves modules names all of them by position.

    >>> import tensorgrad as tg
    >>> from tensorgrad import nn
    >>> nn.Sequential(nn.Linear(4, 3), nn.ReLU())
    Sequential(
      (0): Linear(in_features=4, out_features=3, bias=True)
      (1): ReLU()
    )
    """

    def __init__(self, *args: Any) -> None:
        super().__init__()
        named = args[0].items() if len(args) == 1 and isinstance(args[0], dict) else enumerate(args)
        for name, module in named:
            self.add_module(str(name), module)

    def forward(self, x: Any) -> Any:
        """Return the result of the last module, of the shape that this one gives it."""
        for module in self._modules.values():
            assert module is not None
            x = module(x)
        return x

    def _part(self, position: slice) -> Self:
        return type(self)(dict(list(self._modules.items())[position]))

    def insert(self, index: int, module: Module) -> Self:
        """Insert `module` before position `index` and return the container; all are named by their positions then."""
        super().insert(index, module)
        return self

    def extend(self, sequential: Iterable[Module]) -> Self:
        """Add the modules of `sequential` at the end and return the container."""
        return self._extend(sequential)

    def __add__(self, other: Sequential) -> Sequential:
        return Sequential(*self, *_sequential(other))

    def __iadd__(self, other: Sequential) -> Self:
        return self._extend(_sequential(other))

    def _times(self, factor: int) -> list[Any]:
        if not isinstance(factor, int):
            raise TypeError(f"unsupported operand type(s) for *: {type(self)} and {type(factor)}")
        if factor <= 0:
            raise ValueError(f"Non-positive multiplication factor {factor} for {type(self)}")
        return list(self) * factor

    def __mul__(self, other: int) -> Sequential:
        return Sequential(*self._times(other))

    __rmul__ = __mul__

    def __imul__(self, other: int) -> Self:
        return self._extend(self._times(other)[len(self) :])


def _sequential(other: Any) -> Sequential:
    if not isinstance(other, Sequential):
        raise ValueError(  # noqa: TRY004 - PyTorch's class
            f"add operator supports only objects of Sequential class, but {type(other)} is given."
        )
    return other


class ModuleList(_Listed):
    """A list of modules, which are registered in it; to be called one by one.

    >>> from tensorgrad import nn
    >>> nn.ModuleList([nn.Linear(2, 2) for _ in range(3)])
    ModuleList(
      (0-2): 3 x Linear(in_features=2, out_features=2, bias=True)
    )
    """

    def __init__(self, modules: Iterable[Module | None] | None = None) -> None:
        super().__init__()
        if modules is not None:
            self._extend(modules)

    def _part(self, position: slice) -> Self:
        return type(self)(list(self)[position])

    def extend(self, modules: Iterable[Module]) -> Self:
        """Add `modules` at the end and return the list."""
        if not isinstance(modules, Iterable):
            raise TypeError(f"ModuleList.extend should be called with an iterable, but got {type(modules).__name__}")
        return self._extend(modules)

    __iadd__ = extend

    def __add__(self, other: Iterable[Module]) -> ModuleList:
        return ModuleList([*self, *other])

    def __repr__(self) -> str:
        runs: list[tuple[int, int, str]] = []  # first and last position, text
        for i, module in enumerate(self):
            text = repr(module)
            if runs and runs[-1][2] == text:
                runs[-1] = (runs[-1][0], i, text)
            else:
                runs.append((i, i, text))
        return self._text(
            [f"({a}): {t}" if a == b else f"({a}-{b}): {b - a + 1} x {t}" for a, b, t in runs],
        )


class ModuleDict(Module):
    """A dictionary of modules, which are registered in it; in the order of insertion.

    Raises:
        ValueError: `modules` is neither a mapping nor pairs.

    >>> from tensorgrad import nn
    >>> list(nn.ModuleDict({"hidden": nn.Linear(2, 3), "act": nn.ReLU()}))
    ['hidden', 'act']
    """

    def __init__(self, modules: Any = None) -> None:
        super().__init__()
        if modules is not None:
            self.update(modules)

    def __getitem__(self, key: str) -> Any:
        return self._modules[key]

    def __setitem__(self, key: str, module: Module) -> None:
        self.add_module(key, module)

    def __delitem__(self, key: str) -> None:
        del self._modules[key]

    def __len__(self) -> int:
        return len(self._modules)

    def __iter__(self) -> Iterator[str]:
        return iter(self._modules)

    def __contains__(self, key: str) -> bool:
        return key in self._modules

    def clear(self) -> None:
        """Take all modules out."""
        self._modules.clear()

    def pop(self, key: str) -> Any:
        """Take the module under `key` out and return it."""
        return taken(self, key)

    def keys(self) -> KeysView[str]:
        """Return the names."""
        return self._modules.keys()

    def values(self) -> ValuesView[Module | None]:
        """Return the modules."""
        return self._modules.values()

    def items(self) -> ItemsView[str, Module | None]:
        """Return names and modules."""
        return self._modules.items()

    def update(self, modules: Any) -> None:
        """Add the modules of a mapping, or of (name, module) pairs, in their order."""
        for key, module in pairs_of("ModuleDict", modules):
            self[key] = module


def pairs_of(kind: str, given: Any) -> list[tuple[Any, Any]]:
    """Return the items of a mapping or of an iterable of pairs."""
    if not isinstance(given, Iterable):
        raise TypeError(
            f"{kind}.update should be called with an iterable of key/value pairs, but got {type(given).__name__}"
        )
    if isinstance(given, Mapping | ModuleDict) or hasattr(given, "items"):
        return list(given.items())
    found = [tuple(pair) for pair in given]
    for i, pair in enumerate(found):
        if len(pair) != 2:
            raise ValueError(f"{kind} update sequence element #{i} has length {len(pair)}; 2 is required")
    return found


class DataParallel(Module):
    """A module that calls `module`, as PyTorch's does where there are no devices to share the work among.

    The names of the state begin with ``module.``, so that weights trained in parallel are loaded, and the other way.

    Args:
        module: what is called.
        device_ids, output_device, dim: accepted, and of no meaning on one processor.

    >>> from tensorgrad import nn
    >>> list(DataParallel(nn.Linear(3, 2)).state_dict())
    ['module.weight', 'module.bias']
    """

    def __init__(
        self,
        module: Module,
        device_ids: Iterable[Any] | None = None,  # noqa: ARG002 - PyTorch's
        output_device: Any = None,  # noqa: ARG002 - PyTorch's
        dim: int = 0,
    ) -> None:
        super().__init__()
        self.dim = dim
        self.module = module
        self.device_ids: list[Any] = []

    def forward(self, *inputs: Any, **kwargs: Any) -> Any:
        """Return what the module returns."""
        return self.module(*inputs, **kwargs)
