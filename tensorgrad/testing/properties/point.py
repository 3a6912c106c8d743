"""The arguments of one call, as a test draws them: tensors among other values, and the text that makes them again."""

from __future__ import annotations

import enum
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from tensorgrad.base.dtypes import Array
from tensorgrad.engine.tensor import Tensor, wrap


@dataclass(frozen=True)
class Point:
    """The arguments of one call, by name; arrays have become tensors, which require a gradient where they can.

    Attributes:
        arguments: the values by the names of the parameters.
        call: how a script calls the test at this point, up to the arguments.
    """

    arguments: Mapping[str, Any]
    call: str = "at"

    @property
    def tensors(self) -> dict[str, Tensor]:
        """The tensors among the arguments and in lists among them, by name: ``x``, ``xs[1]``."""
        return dict(found for name, value in self.arguments.items() for found in _named(name, value))

    def replaced(self, tensors: Sequence[Tensor]) -> dict[str, Any]:
        """Return the arguments with `tensors`, in the order of those above, in their places."""
        given = iter(tensors)
        return {name: _replaced(value, given) for name, value in self.arguments.items()}

    def _repr_pretty_(self, printer: Any, cycle: bool) -> None:  # noqa: ARG002 - no point holds itself
        printer.text(repr(self))  # Hypothesis would take the fields apart

    def __repr__(self) -> str:
        return f"{self.call}({', '.join(f'{name}={spelled(value)}' for name, value in self.arguments.items())})"


def taken(value: Any) -> Any:
    """Return `value` with tensors in place of arrays; those of floats require a gradient."""
    if isinstance(value, np.ndarray):
        return wrap(value).requires_grad_(value.dtype.kind == "f")
    return type(value)(map(taken, value)) if type(value) in (list, tuple) else value


def _named(name: str, value: Any) -> Iterator[tuple[str, Tensor]]:
    if isinstance(value, Tensor):
        yield name, value
    elif isinstance(value, list | tuple):
        for i, part in enumerate(value):
            yield from _named(f"{name}[{i}]", part)


def _replaced(value: Any, given: Iterator[Tensor]) -> Any:
    if isinstance(value, Tensor):
        return next(given)
    return type(value)(_replaced(part, given) for part in value) if type(value) in (list, tuple) else value


def choices(value: Any) -> Iterator[type[enum.Enum]]:
    """Yield the classes of the members of enumerations in `value`, which a script imports."""
    if isinstance(value, enum.Enum):
        yield type(value)
    for part in value if type(value) in (list, tuple) else value.values() if type(value) is dict else ():
        yield from choices(part)


def spelled(value: Any) -> str:
    """Return the expression that makes `value` again, to the last bit, with its layout in memory.

    >>> spelled(np.array([[1.0, 2.0]])[:, ::-1]), spelled(np.zeros((0, 3)))
    ('np.array([[2.0, 1.0]])', 'np.zeros((0, 3))')
    >>> spelled(np.array([[1.0, 2.0], [3.0, 4.0]], order="F"))
    "np.array([[1.0, 2.0], [3.0, 4.0]], order='F')"
    """
    if isinstance(value, Tensor):
        fixed = value.dtype.kind == "f" and not value.requires_grad
        return f"tg.tensor({_array(value.array)})" if fixed else _array(value.array)
    if isinstance(value, np.ndarray):
        return _array(value)
    if type(value) in (list, tuple):
        inner = ", ".join(map(spelled, value))
        return f"[{inner}]" if isinstance(value, list) else f"({inner}{',' * (len(value) == 1)})"
    if type(value) is dict:
        return f"{{{', '.join(f'{spelled(k)}: {spelled(v)}' for k, v in value.items())}}}"
    return _other(value)


def _other(value: Any) -> str:
    """Return the expression for what is no array: its text is one mostly, with `np` and `torch` for their modules."""
    if isinstance(value, enum.Enum):
        return f"{type(value).__qualname__}.{value.name}"
    if isinstance(value, np.dtype):
        return f"np.dtype({value.str!r})"
    if isinstance(value, type):
        return f"np.{value.__name__}" if issubclass(value, np.generic) else value.__name__
    if type(value).__module__ == "torch" and hasattr(value, "tolist"):
        text = f"torch.tensor({_numbers(np.asarray(value.tolist()))}, dtype={value.dtype})"
        return text if value.numel() else f"{text}.reshape({tuple(value.shape)})"
    return repr(value)


def _array(x: Array) -> str:
    kind = "" if x.dtype in (np.float64, np.int64, np.bool_) else f", dtype=np.{x.dtype}"
    if not x.size:
        return f"np.zeros({x.shape}{kind or ('' if x.dtype == np.float64 else f', dtype=np.{x.dtype}')})"
    text = f"np.array({_numbers(x)}{kind})"
    if x.ndim > 1 and x.flags.f_contiguous and not x.flags.c_contiguous:
        return f"np.array({_numbers(x)}{kind}, order='F')"
    if x.ndim and x.strides[0] < 0 and x.shape[0] > 1:
        return f"np.array({_numbers(x[::-1])}{kind})[::-1]"
    if x.ndim and x.shape[-1] > 1 and x.strides[-1] == 2 * x.itemsize:
        return f"np.repeat({text}, 2, axis=-1)[..., ::2]"
    return text if x.flags.writeable else f"np.broadcast_to({text}, {x.shape})"


def _numbers(x: Array) -> str:
    """Return nested lists; numbers that are none have names of NumPy's."""
    text = repr(x.tolist())
    return text if np.isfinite(x).all() else text.replace("nan", "np.nan").replace("inf", "np.inf")
