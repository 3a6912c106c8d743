"""Lists and dictionaries of parameters, and of what else belongs to them."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, KeysView
from operator import index
from typing import Any, Self

from tensorgrad.engine.tensor import Tensor
from tensorgrad.errors import RangeError
from tensorgrad.tensor.tensortypes import typename

from .containers import pairs_of, taken
from .module import Module
from .parameter import Parameter, is_lazy


def _registered(value: Any) -> Any:
    """Return a tensor as a parameter on its memory, and anything else as it is."""
    return Parameter(value) if isinstance(value, Tensor) and not isinstance(value, Parameter) else value


def _line(name: Any, value: Any, kind: str) -> str:
    if is_lazy(value) or not isinstance(value, Tensor):
        text = repr(value) if is_lazy(value) else f"Object of type: {type(value).__name__}"
    else:
        text = f"Parameter containing: [{kind} of size {'x'.join(map(str, value.shape))}]"
    return f"  ({name}): {text}"


class ParameterList(Module):
    """A list whose tensors are parameters, registered under their positions; it holds other things too.

    >>> import tensorgrad as tg
    >>> weights = ParameterList([tg.ones(2), tg.zeros(2, 3)])
    >>> [name for name, _ in weights.named_parameters()]
    ['0', '1']
    """

    def __init__(self, values: Iterable[Any] | None = None) -> None:
        super().__init__()
        self._size = 0
        if values is not None:
            self.extend(values)

    def _name_at(self, position: Any) -> str:
        i = index(position)
        if not -len(self) <= i < len(self):
            raise RangeError(f"index {i} is out of range: the list has {len(self)} elements")
        return str(i % len(self))

    def __getitem__(self, position: Any) -> Any:
        if isinstance(position, slice):
            return type(self)([self[i] for i in range(len(self))[position]])
        return getattr(self, self._name_at(position))

    def __setitem__(self, position: int, value: Any) -> None:
        setattr(self, self._name_at(position), _registered(value))

    def __len__(self) -> int:
        return self._size

    def __iter__(self) -> Iterator[Any]:
        return iter([self[i] for i in range(len(self))])

    def append(self, value: Any) -> Self:
        """Add `value` at the end, a tensor as a parameter on its memory, and return the list."""
        self._size += 1
        self[self._size - 1] = value
        return self

    def extend(self, values: Iterable[Any]) -> Self:
        """Add `values` at the end and return the list."""
        if isinstance(values, Tensor) or not isinstance(values, Iterable):
            raise TypeError(f"ParameterList.extend should be called with an iterable, but got {type(values).__name__}")
        for value in list(values):
            self.append(value)
        return self

    __iadd__ = extend

    def forward(self, *args: Any, **kwargs: Any) -> Any:  # noqa: ARG002 - whatever it is called with
        """Raise RuntimeError: a list of parameters computes nothing."""
        raise RuntimeError("ParameterList should not be called.")

    def extra_repr(self) -> str:
        """Return a line for each element."""
        return "\n".join(_line(i, x, "" if is_lazy(x) else str(getattr(x, "dtype", ""))) for i, x in enumerate(self))


class ParameterDict(Module):
    """A dictionary whose tensors are parameters, registered under their keys, which are strings.

    A plain dict is taken in the order of its sorted keys, as PyTorch does; any other mapping, or pairs, in their own.

    Raises:
        ValueError: `parameters` is neither a mapping nor pairs.

    >>> import tensorgrad as tg
    >>> list(ParameterDict({"w": tg.ones(2), "b": tg.zeros(1)}).keys())
    ['b', 'w']
    """

    def __init__(self, parameters: Any = None) -> None:
        super().__init__()
        self._keys: dict[str, None] = {}
        if parameters is not None:
            self.update(parameters)

    def __getitem__(self, key: str) -> Any:
        return getattr(self, _checked(key))

    def __setitem__(self, key: str, value: Any) -> None:
        setattr(self, _checked(key), _registered(value))
        self._keys[key] = None

    def __delitem__(self, key: str) -> None:
        del self._keys[key]
        delattr(self, _checked(key))

    def __len__(self) -> int:
        return len(self._keys)

    def __iter__(self) -> Iterator[str]:
        return iter(self._keys)

    def __reversed__(self) -> Iterator[str]:
        return reversed(self._keys)

    def __contains__(self, key: str) -> bool:
        return key in self._keys

    def keys(self) -> KeysView[str]:
        """Return the keys."""
        return self._keys.keys()

    def values(self) -> Iterator[Any]:
        """Yield the values."""
        return (self[key] for key in self._keys)

    def items(self) -> Iterator[tuple[str, Any]]:
        """Yield keys and values."""
        return ((key, self[key]) for key in self._keys)

    def get(self, key: str, default: Any = None) -> Any:
        """Return the value under `key`, or `default`."""
        return self[key] if key in self._keys else default

    def setdefault(self, key: str, default: Any = None) -> Any:
        """Return the value under `key`, which is `default` from now on if there is none."""
        if key not in self:
            self[key] = default
        return self[key]

    def pop(self, key: str) -> Any:
        """Take the value under `key` out and return it."""
        return taken(self, key)

    def popitem(self) -> tuple[str, Any]:
        """Take the last item out and return it."""
        key, _ = self._keys.popitem()
        self._keys[key] = None
        return key, self.pop(key)

    def clear(self) -> None:
        """Take everything out."""
        for key in list(self._keys):
            del self[key]

    def copy(self) -> ParameterDict:
        """Return a dictionary with the same parameters."""
        return ParameterDict(list(self.items()))

    def fromkeys(self, keys: Iterable[str], default: Any = None) -> ParameterDict:
        """Return a dictionary with `default` under each of `keys`."""
        return ParameterDict([(key, default) for key in keys])

    def update(self, parameters: Any) -> None:
        """Add the values of a mapping or of (key, value) pairs; those of a plain dict by their sorted keys."""
        pairs = pairs_of("ParameterDict", parameters)
        for key, value in sorted(pairs, key=lambda pair: pair[0]) if type(parameters) is dict else pairs:
            self[key] = value

    def __or__(self, other: Any) -> ParameterDict:
        return ParameterDict([*self.items(), *other.items()])

    def __ror__(self, other: Any) -> ParameterDict:
        return ParameterDict([*other.items(), *self.items()])

    def __ior__(self, other: Any) -> Self:
        self.update(other)
        return self

    def forward(self, *args: Any, **kwargs: Any) -> Any:  # noqa: ARG002 - whatever it is called with
        """Raise RuntimeError: a dictionary of parameters computes nothing."""
        raise RuntimeError("ParameterDict should not be called.")

    def extra_repr(self) -> str:
        """Return a line for each value."""
        return "\n".join(_line(k, x, "" if is_lazy(x) else typename(x)) for k, x in self.items())


def _checked(key: Any) -> str:
    if not isinstance(key, str):
        raise TypeError(
            f"Index given to ParameterDict cannot be used as a key as it is not a string (type is "
            f"'{type(key).__name__}')"
        )
    return key
