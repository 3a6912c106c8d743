"""PyTorch's indices in NumPy's terms."""

from __future__ import annotations

from typing import Any

import numpy as np

from .tensor import Tensor


def for_numpy(index: Any) -> Any:
    """Return `index` with tensors and lists as arrays of their own: a recorded index must not change afterwards."""
    if isinstance(index, Tensor):
        return index.array.copy()
    if isinstance(index, tuple):
        return tuple([for_numpy(i) for i in index])
    return np.array(index) if isinstance(index, list | np.ndarray) else index


def split(index: Any) -> tuple[Any, Any]:
    """Return `index` as integers to apply first and the rest, where NumPy would order the axes differently.

    PyTorch selects by integers before it indexes with arrays: ``x[0, :, [1, 1]]`` has the shape of ``x[0][:, [1, 1]]``.
    """
    parts = index if isinstance(index, tuple) else (index,)
    if not (any(isinstance(i, np.ndarray) for i in parts) and any(isinstance(i, int | np.integer) for i in parts)):
        return None, index
    first: list[Any] = []
    for i in parts:
        if isinstance(i, np.ndarray):
            first += [slice(None)] * (i.ndim if i.dtype.kind == "b" else 1)
        elif i is not None:
            first.append(slice(None) if isinstance(i, slice) else i)
    return tuple(first), tuple([i for i in parts if not isinstance(i, int | np.integer)])


def whole(shape: tuple[int, ...], index: Any) -> Any:
    """Return `index` for one assignment: as it is, or as positions where `split` would need two steps."""
    first, rest = split(index)
    if first is None:
        return index
    numbered = np.arange(int(np.prod(shape))).reshape(shape)
    return np.unravel_index(numbered[first][rest], shape)


def distinct(shape: tuple[int, ...], index: Any, value: Any, region: tuple[int, ...]) -> tuple[Any, Any]:
    """Return `index` and `value` without what a later one of repeated positions overwrites, as NumPy assigns them."""
    parts = index if isinstance(index, tuple) else (index,)
    if not any(isinstance(i, np.ndarray) and i.dtype.kind != "b" for i in parts):
        return index, value
    places = np.arange(int(np.prod(shape))).reshape(shape)[index].ravel()
    _, last = np.unique(places[::-1], return_index=True)
    if last.size == places.size:
        return index, value
    winners = np.sort(places.size - 1 - last)
    values = value if value.shape == region else value.expand(region)
    return np.unravel_index(places[winners], shape), values.reshape((-1,))[winners]
