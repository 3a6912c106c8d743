"""Spatial axes: sizes for each, more elements around them, and windows over them with PyTorch's layout (im2col)."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from operator import index as whole_number
from typing import Literal

import numpy as np

from tensorgrad import ops
from tensorgrad.engine.tensor import Tensor, wrap
from tensorgrad.errors import ArgumentError, ShapeError
from tensorgrad.functions import composed
from tensorgrad.functions.common import fitting

Sizes = int | Sequence[int]


def per_axis(value: Sizes, n: int, name: str) -> tuple[int, ...]:
    """Return `value` as one integer for each of `n` axes."""
    if isinstance(value, int):
        return (value,) * n
    values = tuple([whole_number(v) for v in value]) * (n if len(value) == 1 else 1)
    if len(values) != n:
        raise ArgumentError(
            f"expected {name} to be a single integer value or a list of {n} values, one for each spatial dimension, "
            f"but got {name}={value}"
        )
    return values


def batched(input: Tensor, n: int, name: str) -> tuple[Tensor, bool]:
    """Return `input` as (N, C, ...) with `n` spatial axes, and whether it had the batch axis."""
    shape = input.array.shape
    if len(shape) == n + 2:
        return input, True
    if len(shape) == n + 1:
        return ops.reshape(input, shape=(1, *shape)), False
    raise ShapeError(
        f"Expected {n + 1}D (unbatched) or {n + 2}D (batched) input to {name}, but got input of size: {list(shape)}"
    )


def unbatched(y: Tensor, batch: bool) -> Tensor:
    """Return `y` without the batch axis that `batched` added."""
    return y if batch else ops.reshape(y, shape=y.array.shape[1:])


def grown(x: Tensor, before: Sequence[int], after: Sequence[int]) -> Tensor:
    """Return `x` with zeros before and after its last axes; negative numbers cut."""
    n, shape = len(before), x.array.shape
    if not any(before) and not any(after):
        return x
    lead, spatial = shape[: len(shape) - n], shape[len(shape) - n :]
    pairs = list(zip(spatial, before, after, strict=True))
    kept = tuple(slice(max(-a, 0), m - max(-b, 0)) for m, a, b in pairs)
    placed = tuple(slice(max(a, 0), max(a, 0) + s.stop - s.start) for s, (_, a, _) in zip(kept, pairs, strict=True))
    inner = x if min(*before, *after) >= 0 else ops.getitem(x, index=(..., *kept))
    whole = (*lead, *(m + a + b for m, a, b in pairs))
    return ops.scatter(inner, index=(..., *placed), shape=whole) if max(*before, *after) > 0 else inner


def places(n: int, size: int, stride: int, padding: int, dilation: int) -> int:
    """Return how many windows fit on an axis of length `n`."""
    return (n + 2 * padding - dilation * (size - 1) - 1) // stride + 1


def _each(function: str, **settings: Sizes) -> Iterator[tuple[int, ...]]:
    """Yield the settings of `unfold` and `fold` as integers for both of their axes: windows and steps are positive."""
    for name, value in settings.items():
        sizes = per_axis(value, 2, name)
        if name in ("kernel_size", "stride", "dilation") and min(sizes) < 1:
            raise ArgumentError(f"{function}(): {name} should be greater than zero, but got {value}")
        yield sizes


def unfold(input: Tensor, kernel_size: Sizes, dilation: Sizes = 1, padding: Sizes = 0, stride: Sizes = 1) -> Tensor:
    """Return the windows of (N, C, H, W) as the columns of (N, C * kernel elements, positions): im2col.

    At stride 1 the result is as many times larger than the input as a window has elements.

    Raises:
        ArgumentError: `padding` is negative.
        ShapeError: a window is larger than the input.

    >>> import tensorgrad as tg
    >>> unfold(tg.arange(9.0).reshape(1, 1, 3, 3), 2)[0].tolist()
    [[0.0, 1.0, 3.0, 4.0], [1.0, 2.0, 4.0, 5.0], [3.0, 4.0, 6.0, 7.0], [4.0, 5.0, 7.0, 8.0]]
    """
    x, batch = batched(input, 2, "unfold")
    size, step, pad, apart = _each("unfold", kernel_size=kernel_size, stride=stride, padding=padding, dilation=dilation)
    if min(pad) < 0:
        raise ArgumentError(f"unfold: padding should be non-negative, but got padding={pad}")
    spatial = x.array.shape[2:]
    found = [places(*case) for case in zip(spatial, size, step, pad, apart, strict=True)]
    if min(found) < 1:
        raise ShapeError(
            f"Given input with spatial size {spatial}, kernel_size={size}, dilation={apart}, padding={pad}, calculated "
            f"shape of the array of sliding blocks as {tuple(found)}, but its components must be at least one."
        )
    windows = ops.unfold(grown(x, pad, pad), size=size, stride=step, dilation=apart)
    n, channels = x.array.shape[:2]
    return unbatched(ops.reshape(windows, shape=(n, channels * math.prod(size), math.prod(found))), batch)


def fold(
    input: Tensor,
    output_size: Sizes,
    kernel_size: Sizes,
    dilation: Sizes = 1,
    padding: Sizes = 0,
    stride: Sizes = 1,
) -> Tensor:
    """Return (N, C, *output_size), columns (N, C * kernel elements, positions) added up: the adjoint of `unfold`.

    Raises:
        ShapeError: the columns do not fit the windows.
    """
    spatial, size, step, pad, apart = _each(
        "fold", output_size=output_size, kernel_size=kernel_size, stride=stride, padding=padding, dilation=dilation
    )
    x, batch = batched(input, 1, "fold")
    found = [places(*case) for case in zip(spatial, size, step, pad, apart, strict=True)]
    n, rows, columns = x.array.shape
    if rows % math.prod(size):
        raise ShapeError(
            "Expected size of input's dimension 1 to be divisible by the product of kernel_size, but got "
            f"input.size(1)={rows} and kernel_size={size}."
        )
    if min(found) < 1 or columns != math.prod(found):
        raise ShapeError(
            f"Given output_size={spatial}, kernel_size={size}, dilation={apart}, padding={pad}, stride={step}, "
            f"expected size of input's dimension 2 to match the calculated number of sliding blocks "
            f"{' * '.join(map(str, found))} = {math.prod(found)}, but got input.size(2)={columns}."
        )
    windows = ops.reshape(x, shape=(n, rows // math.prod(size), *size, *found))
    full = tuple(m + 2 * p for m, p in zip(spatial, pad, strict=True))
    cut = [-p for p in pad]
    return unbatched(grown(ops.fold(windows, shape=full, stride=step, dilation=apart), cut, cut), batch)


MODES: dict[str, Literal["reflect", "edge", "wrap"]] = {"reflect": "reflect", "replicate": "edge", "circular": "wrap"}


def pad(input: Tensor, pad: Sequence[int], mode: str = "constant", value: float | None = None) -> Tensor:
    """Return `input` with elements before and after its last axes: `pad` is (left, right, top, bottom, ...).

    The pairs begin with the last axis; a negative number cuts. `mode` is "constant" (`value`, 0 by default), "reflect",
    "replicate" or "circular", which take any number of axes.

    Raises:
        ShapeError: `pad` has an odd length, is for more axes than there are, or cuts more than there is.
        ArgumentError: `mode` is another word, or takes no `value`.

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
        return composed.unshared(_repeated(input, before, after, mode), input)
    y = grown(input, before, after)
    if not value:
        return composed.unshared(y, input)
    return ops.where(grown(wrap(np.ones(shape, bool)), before, after), y, fitting(value, input))


def _repeated(x: Tensor, before: Sequence[int], after: Sequence[int], mode: str) -> Tensor:
    for axis, (a, b) in enumerate(zip(before, after, strict=True), x.array.ndim - len(before)):
        n = x.array.shape[axis]
        cut = slice(max(-a, 0), n - max(-b, 0))  # leaves before a ring closes, but after a mirror image is taken
        limit = {"reflect": n - 1, "circular": cut.stop - cut.start}.get(mode)
        if n == 0 or (limit is not None and max(a, b) > limit):
            raise ShapeError(
                f"Padding size should be less than the corresponding input dimension, but got: padding ({a}, {b}) at "
                f"dimension {axis} of input {list(x.array.shape)} in mode {mode}"
            )
        if a or b:
            added = max(a, 0), max(b, 0)
            if mode == "circular":
                places = np.pad(np.arange(n)[cut], added, MODES[mode])
            else:
                places = np.pad(np.arange(n), added, MODES[mode])[cut.start : n + sum(added) - max(-b, 0)]
            x = ops.getitem(x, index=(slice(None),) * axis + (places,))
    return x
