"""The same numbers in other places: how arrays lie in memory, kept and varied."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from tensorgrad.base.dtypes import Array

WIDEST = 8  # times the elements: an array with larger gaps is copied without them


def copied(array: Array) -> Array:
    """Return a copy that lies as `array` does, in memory of its own: with its gaps, backwards, expanded.

    >>> copied(np.broadcast_to(np.ones(2), (3, 2))).strides, copied(np.arange(6.0)[::-2]).strides
    ((0, 8), (-16,))
    """
    return _placed(array, array)


def like(values: Array, array: Array) -> Array:
    """Return a copy of `values` that lies as `array`, of the same shape, does; apart where that is expanded.

    >>> like(np.zeros((2, 3), np.float32), np.ones((3, 2)).T).strides
    (4, 8)
    """
    return np.array(values, order="K") if _is_expanded(array) else _placed(values, array)


def _is_expanded(array: Array) -> bool:
    return any(s == 0 and n > 1 for s, n in zip(array.strides, array.shape, strict=True))


def _placed(values: Array, template: Array) -> Array:
    """Return `values` with the strides of `template`, counted in elements."""
    size = template.dtype.itemsize
    reaches = [s // size * (n - 1) for s, n in zip(template.strides, template.shape, strict=True)]
    below, above = -sum(r for r in reaches if r < 0), sum(r for r in reaches if r > 0)
    odd = any(s % size for s in template.strides) or below + above >= WIDEST * max(template.size, 1)
    if not template.size or odd:
        return np.array(values, order="K")
    memory = np.zeros(below + above + 1, values.dtype)
    strides = [s // size * memory.itemsize for s in template.strides]
    placed: Array = np.lib.stride_tricks.as_strided(memory[below:], template.shape, strides)
    placed[...] = values
    return placed


def others(shape: tuple[int, ...]) -> Iterator[str]:
    """Yield the names of layouts in which an array of `shape` can be told from one that lies row by row."""
    if sum(n > 1 for n in shape) > 1:
        yield "column by column"
    if any(n > 1 for n in shape):
        yield "backwards with gaps"


def laid(values: Array, name: str) -> Array:
    """Return `values` in the layout `name`, one of `others`.

    >>> laid(np.zeros((2, 3)), "backwards with gaps").strides
    (-48, -16)
    """
    if name == "column by column":
        return np.array(values, order="F")
    if not values.ndim:
        return values.copy()
    wide = np.full((*values.shape[:-1], 2 * values.shape[-1]), np.nan, values.dtype)
    backwards: Array = wide[(slice(None, None, -1),) * (values.ndim - 1) + (slice(None, None, -2),)]
    backwards[...] = values
    return backwards
