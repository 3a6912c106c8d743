"""What the rules of NumPy's functions share: the package's functions by name, and tensors of what was given."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any

import numpy as np

from tensorgrad import ops
from tensorgrad.base.context import context
from tensorgrad.base.dtypes import as_dtype
from tensorgrad.base.misfits import WrongTypeError, unfit
from tensorgrad.engine.tensor import Tensor, wrap

AnyFunction = Callable[..., Any]


class Functions(dict[str, AnyFunction]):
    """The functions that have been asked for, by name; `make`, of `attach`, makes one where it is asked for first."""

    make: Callable[[str], AnyFunction]

    def __missing__(self, name: str) -> AnyFunction:
        return self.setdefault(name, self.make(name))  # another thread may have been quicker


FUNCTIONS = Functions()
"""The functions of the package, which `attach` makes from the table in `names`."""


class _Attributes:
    """The functions of the package as attributes, looked up when they are called."""

    def __getattr__(self, name: str) -> AnyFunction:
        if name.startswith("__"):  # which Python asks for
            raise AttributeError(name)
        return FUNCTIONS[name]


F: Any = _Attributes()


def tensor(x: Any) -> Tensor:
    """Return `x`, a tensor, an array, a number or a list of these, as a tensor."""
    if isinstance(x, Tensor):
        return x
    if isinstance(x, list | tuple) and has_tensors(x):
        parts = [tensor(part) for part in x]
        return F.stack(met(parts))  # type: ignore[no-any-return]
    array = np.asarray(x)
    if what := unfit(x if isinstance(x, np.ndarray) else array):
        raise WrongTypeError(f"a function of NumPy's takes Tensors, arrays and numbers beside a Tensor, not {what}")
    return wrap(array)


def tensors(xs: Iterable[Any]) -> list[Tensor]:
    """Return each of `xs` as a tensor; the rows of one tensor."""
    return [tensor(x) for x in xs]


def met(xs: Iterable[Any]) -> list[Tensor]:
    """Return operands as tensors of the dtype in which they meet, Python's numbers as NumPy takes them."""
    given = list(xs)
    dtype = np.result_type(*[x if type(x) in (int, float, complex) else values(tensor(x)).dtype for x in given])
    return [x if isinstance(x, Tensor) and x.array.dtype == dtype else converted(x, dtype) for x in given]


def floating(x: Any) -> Tensor:
    """Return `x` as a tensor, whole numbers in double precision, as NumPy divides them."""
    found = tensor(x)
    return found if found.array.dtype.kind in "fc" else converted(found, np.float64)


def converted(x: Any, dtype: Any) -> Any:
    """Return `x` in a dtype; as it is for None. DTypeError of what no tensor holds."""
    return x if dtype is None else ops.astype(tensor(x), dtype=as_dtype(dtype))


def between(first: Tensor, second: Tensor, part: Any) -> Any:
    """Return what stands a `part` of the way from one number to another; an infinite one is met only on the way."""
    x, y, at = values(first), values(second), np.broadcast_to(values(part), np.shape(values(first)))
    endless = np.isinf(x) | np.isinf(y)
    there = endless & ((at == 0) | (x == y))
    if not endless.any():
        return first + (second - first) * part
    along = first + (F.where(tensor(there), first, second) - first) * part
    return F.where(tensor(there), first, F.where(tensor(endless & (at == 1)), second, along))


def values(x: Any) -> Any:
    """Return the array of a tensor, in lists and tuples too; all else as it is."""
    if isinstance(x, Tensor):
        return x.array
    if isinstance(x, list | tuple) and has_tensors(x):
        return (list if isinstance(x, list) else tuple)(map(values, x))
    return x


def has_tensors(x: Any, when: Callable[[Tensor], bool] = lambda x: True) -> bool:
    """Return whether `x` is a tensor for which `when` holds, or a list, a tuple or a dict that has one."""
    if isinstance(x, Tensor):
        return when(x)
    if isinstance(x, dict):
        return any(has_tensors(part, when) for part in x.values())
    return isinstance(x, list | tuple) and any(has_tensors(part, when) for part in x)


def is_recorded(x: Any) -> bool:
    """Return whether a gradient of `x`, or of what it holds, would be lost if it became an array."""
    return context().grad and has_tensors(x, lambda x: x.tracked)
