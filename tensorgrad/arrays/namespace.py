"""The array API standard for tensors: what ``x.__array_namespace__()`` gives, for code that is written for any array.

Its functions are NumPy's own, which have the standard's names and keep the graph of a tensor; those that make arrays
make tensors here.

>>> import tensorgrad as tg
>>> x = tg.tensor([3.0, 4.0], requires_grad=True)
>>> xp = x.__array_namespace__()
>>> xp.linalg.vector_norm(xp.concat([x, xp.zeros(2)])).requires_grad
True
"""

from __future__ import annotations

import sys
from collections.abc import Callable
from typing import Any

import numpy as np

from tensorgrad.base.devices import CPU, check_device, device
from tensorgrad.base.numbertypes import DTYPES
from tensorgrad.engine.tensor import Tensor
from tensorgrad.errors import ArgumentError

from .mixed import F, tensor, values

__all__ = [
    "VERSIONS", "argsort", "asarray", "finfo", "iinfo", "isdtype", "of_version", "reshape", "result_type", "sort",
    "vecdot",
]  # fmt: skip

VERSIONS = ("2021.12", "2022.12", "2023.12", "2024.12")
"""The versions of the standard whose functions NumPy has, the newest ones in its newest release."""

_MAKING = (
    "arange", "empty", "empty_like", "eye", "from_dlpack", "full", "full_like", "linspace", "ones", "ones_like", "tri",
    "zeros", "zeros_like",
)  # fmt: skip
__array_api_version__: str = getattr(np, "__array_api_version__", "2022.12")


def asarray(obj: Any, /, *, dtype: Any = None, device: Any = None, copy: bool | None = None) -> Tensor:
    """Return what `obj`, a tensor, an array, numbers or lists of these, holds, as a tensor; a tensor keeps its graph.

    Raises:
        ArgumentError: `copy` is False, and a dtype asks for one.
        DeviceError: `device` is not the CPU.
    """
    check_device(device)
    found = tensor(obj)
    wanted = values(found).dtype if dtype is None else np.dtype(dtype)
    if wanted != values(found).dtype:
        if copy is False:
            raise ArgumentError(
                f"asarray(copy=False) of {values(found).dtype} as {wanted} needs a copy: leave copy out"
            )
        return found.to(wanted)
    return found.clone() if copy else found


def _making(made: Callable[..., Any]) -> Callable[..., Tensor]:
    def make(*args: Any, device: Any = None, **options: Any) -> Tensor:
        check_device(device)
        return tensor(made(*args, **options))  # which is one already where it lies between tensors

    make.__name__ = make.__qualname__ = made.__name__
    make.__doc__ = f"Return what NumPy's `{made.__name__}` makes as a tensor."
    return make


def sort(x: Any, /, *, axis: int = -1, descending: bool = False, stable: bool = True) -> Tensor:
    """Return `x` sorted along `axis`; what is equal stays in its order."""
    return F.sort(tensor(x), axis, descending, stable=True).values  # type: ignore[no-any-return]


def argsort(x: Any, /, *, axis: int = -1, descending: bool = False, stable: bool = True) -> Tensor:
    """Return the indices that sort `x` along `axis`; what is equal stays in its order."""
    return F.sort(tensor(x), axis, descending, stable=True).indices  # type: ignore[no-any-return]


def reshape(x: Any, /, shape: tuple[int, ...], *, copy: bool | None = None) -> Tensor:
    """Return the elements of `x` in another `shape`: of its memory, where they can be; of their own for `copy`.

    Raises:
        ArgumentError: `copy` is False, and the elements do not lie in that order.
    """
    found = F.reshape(tensor(x), shape)
    if copy is False and not np.shares_memory(values(found), values(tensor(x))) and found.array.size:
        raise ArgumentError("reshape(copy=False) of elements that do not lie in that order: leave copy out")
    return found.clone() if copy else found  # type: ignore[no-any-return]


def vecdot(x1: Any, x2: Any, /, *, axis: int = -1) -> Tensor:
    """Return the dot products of the vectors along `axis`, those of `x1` conjugated."""
    product: Any = np.vecdot(F.movedim(tensor(x1), axis, -1), F.movedim(tensor(x2), axis, -1))
    return tensor(product)


def finfo(type: Any, /) -> Any:
    """Return the limits of a floating point dtype, or of that of a tensor."""
    return np.finfo(_dtype(type))


def iinfo(type: Any, /) -> Any:
    """Return the limits of a dtype of whole numbers, or of that of a tensor."""
    return np.iinfo(_dtype(type))


def result_type(*given: Any) -> Any:
    """Return the dtype in which tensors, dtypes and numbers meet."""
    return DTYPES[np.result_type(*[x if x.__class__ in (bool, int, float, complex) else _dtype(x) for x in given])]


def _dtype(x: Any) -> Any:
    return np.dtype(values(x).dtype if isinstance(x, Tensor) else x)


class _Info:
    """What the namespace tells of itself: NumPy's answers, in the dtypes of tensors."""

    def __init__(self) -> None:
        self._told: Any = np.__array_namespace_info__()  # type: ignore[attr-defined, unused-ignore]

    def capabilities(self) -> dict[str, Any]:
        """Return what can be done with tensors."""
        return dict(self._told.capabilities())

    def default_device(self) -> device:
        """Return where tensors are made: the CPU."""
        return CPU

    def devices(self) -> list[device]:
        """Return where tensors may be: the CPU."""
        return [CPU]

    def default_dtypes(self, *, device: Any = None) -> dict[str, Any]:
        """Return the dtypes of what is made without one."""
        check_device(device)
        return {kind: DTYPES[found] for kind, found in self._told.default_dtypes().items()}

    def dtypes(self, *, device: Any = None, kind: Any = None) -> dict[str, Any]:
        """Return the dtypes of a kind by name; all of them for None."""
        check_device(device)
        return {name: DTYPES[found] for name, found in self._told.dtypes(kind=kind).items() if found in DTYPES}


def _frequencies(name: str) -> Callable[..., Tensor]:
    def make(n: int, /, *, d: float = 1.0, dtype: Any = None, device: Any = None) -> Tensor:
        check_device(device)
        return tensor(getattr(np.fft, name)(n, d).astype(np.dtype(dtype)))  # None is double precision, as NumPy's

    make.__name__ = make.__qualname__ = name
    make.__doc__ = f"Return what NumPy's `{name}` makes as a tensor of a dtype."
    return make


class _Fourier:
    """NumPy's ``fft``, whose frequencies are tensors."""

    def __getattr__(self, name: str) -> Any:
        return _frequencies(name) if name in ("fftfreq", "rfftfreq") else getattr(np.fft, name)


fft, __array_namespace_info__ = _Fourier(), _Info


def isdtype(dtype: Any, kind: Any) -> bool:
    """Return whether a dtype is of a `kind`, which is named or is one."""
    kinds = kind if isinstance(kind, tuple) else (kind,)
    return bool(np.isdtype(np.dtype(dtype), tuple(k if isinstance(k, str) else np.dtype(k) for k in kinds)))


def of_version(version: str | None) -> Any:
    """Return this module, which is the namespace; ArgumentError for a `version` of the standard that is not known."""
    if version is not None and version not in VERSIONS:
        raise ArgumentError(
            f"the array API of version {version!r} is not known here: ask for one of {', '.join(VERSIONS)}"
        )
    return sys.modules[__name__]


def __getattr__(name: str) -> Any:
    if name.startswith("__"):
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    found = getattr(np, name)  # NumPy's AttributeError names what it has
    if name in _MAKING:
        return _making(found)
    if (isinstance(found, type) and issubclass(found, np.generic)) or name == "bool":
        return DTYPES[np.dtype(found)]
    return found
