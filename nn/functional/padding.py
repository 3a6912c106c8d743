"""More elements around the last axes."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Literal

import numpy as np

from tensorgrad import ops
from tensorgrad.engine.tensor import Tensor, wrap
from tensorgrad.errors import ArgumentError, ShapeError

from .windows import grown

MODES: dict[str, Literal["reflect", "edge", "wrap"]] = {"reflect": "reflect", "replicate": "edge", "circular": "wrap"}


def pad(input: Tensor, pad: Sequence[int], mode: str = "constant", value: float | None = None) -> Tensor:
    """Return `input` with elements before and after its last axes: `pad` is (left, right, top, bottom, ...).

    The pairs begin with the last axis; a negative number cuts. `mode` is "constant" (`value`, 0 by default), "reflect",
    "replicate" or "circular", which take any number of axes.

    >>> import tensorgrad as tg
    >>> pad(tg.tensor([[1.0, 2.0, 3.0]]), (2, 1), "reflect").tolist()
    [[3.0, 2.0, 1.0, 2.0, 3.0, 2.0]]
    """
    shape, n = input.array.shape, len(pad) // 2
    if len(pad) % 2:
        raise ShapeError(f"Padding length must be divisible by 2, but got {len(pad)} numbers")
    if n > len(shape):
        raise ShapeError(
            f"Padding length should be less than or equal to two times the input dimension but got padding length "
            f"{len(pad)} and input of dimension {len(shape)}"
        )
    before, after = tuple(pad[::2])[::-1], tuple(pad[1::2])[::-1]
    lengths = [m + a + b for m, a, b in zip(shape[len(shape) - n :], before, after, strict=True)]
    if min(lengths, default=0) < 0:
        raise ShapeError(f"padding {list(pad)} cuts more than there is of input {list(shape)}: lengths {lengths}")
    if mode != "constant" and mode not in MODES:
        raise ArgumentError(f"Unrecognised padding mode {mode}: one of constant, {', '.join(MODES)}")
    if mode != "constant":
        if value:
            raise ArgumentError(f'Padding mode "{mode}" doesn\'t take in value argument')
        return _repeated(input, before, after, mode)
    y = grown(input, before, after)
    if not value:
        return y
    inside = grown(wrap(np.ones(shape, bool)), before, after)
    return ops.where(inside, y, value)


def _repeated(x: Tensor, before: Sequence[int], after: Sequence[int], mode: str) -> Tensor:
    lead = x.array.ndim - len(before)
    for axis, (a, b) in enumerate(zip(before, after, strict=True), lead):
        n = x.array.shape[axis]
        limit = {"reflect": n - 1, "circular": n}.get(mode)
        if n == 0 or (limit is not None and max(a, b) > limit):
            raise ShapeError(
                f"Padding size should be less than the corresponding input dimension, but got: padding ({a}, {b}) at "
                f"dimension {axis} of input {list(x.array.shape)} in mode {mode}"
            )
        if a or b:
            places = np.pad(np.arange(n), (max(a, 0), max(b, 0)), MODES[mode])
            places = places[max(-a, 0) : len(places) - max(-b, 0)]
            x = ops.getitem(x, index=(slice(None),) * axis + (places,))
    return x
