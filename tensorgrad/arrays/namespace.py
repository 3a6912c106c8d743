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

from tensorgrad.base.numbertypes import DTYPES
from tensorgrad.engine.tensor import Tensor
from tensorgrad.errors import ArgumentError

from .mixed import tensor, values

__all__ = ["VERSIONS", "asarray", "isdtype", "of_version"]

VERSIONS = ("2021.12", "2022.12", "2023.12", "2024.12")
"""The versions of the standard whose functions NumPy has, the newest ones in its newest release."""

_DTYPES = {"bool": DTYPES[np.dtype(bool)], **{known.name: ours for known, ours in DTYPES.items()}}
_MAKING = ("arange", "empty", "eye", "from_dlpack", "full", "linspace", "ones", "tri", "zeros")


def asarray(obj: Any, /, *, dtype: Any = None, device: Any = None, copy: bool | None = None) -> Tensor:
    """Return what `obj`, a tensor, an array, numbers or lists of these, holds, as a tensor; a tensor keeps its graph.

    Raises:
        ArgumentError: `copy` is False, and a dtype asks for one.
    """
    found = tensor(obj)
    wanted = values(found).dtype if dtype is None else np.dtype(dtype)
    if wanted != values(found).dtype:
        if copy is False:
            raise ArgumentError(
                f"asarray(copy=False) of {values(found).dtype} as {wanted} needs a copy: leave copy out"
            )
        return found.to(wanted)
    return found.clone() if copy else found


def _making(name: str) -> Callable[..., Tensor]:
    made = getattr(np, name)

    def make(*args: Any, device: Any = None, **options: Any) -> Tensor:
        return tensor(made(*args, **options))  # which is one already where it lies between tensors

    make.__name__ = make.__qualname__ = name
    make.__doc__ = f"Return ``np.{name}`` as a tensor."
    return make


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
    if name.startswith("__") and name != "__array_namespace_info__":
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    if name in _MAKING:
        return _making(name)
    found = getattr(np, name)  # NumPy's AttributeError names what it has
    if (isinstance(found, type) and issubclass(found, np.generic)) or name == "bool":
        return DTYPES[np.dtype(found)]
    return found
