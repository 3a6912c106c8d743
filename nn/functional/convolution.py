"""Convolutions and their transposes for any number of spatial axes: windows, then one product of matrices.

The windows are copied side by side before the product (im2col), so the memory of a convolution with a kernel of k
elements is about k times its input's at stride 1.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence

from tensorgrad import ops
from tensorgrad.engine.tensor import Tensor
from tensorgrad.errors import ArgumentError, ShapeError
from tensorgrad.functions import composed
from tensorgrad.functions.precision import wide

from .windows import Sizes, batched, grown, per_axis, places, unbatched


def _steps(n: int, stride: Sizes, dilation: Sizes, padding: Sizes | str) -> tuple[tuple[int, ...], tuple[int, ...]]:
    """Return stride and dilation per axis, all three settings checked."""
    step, apart = per_axis(stride, n, "stride"), per_axis(dilation, n, "dilation")
    if min(step) <= 0:
        raise ArgumentError(f"non-positive stride is not supported, but got stride={stride}")
    if min(apart) <= 0:
        raise ArgumentError(f"dilation should be greater than zero, but got dilation={dilation}")
    if not isinstance(padding, str) and min(per_axis(padding, n, "padding")) < 0:
        raise ArgumentError(f"negative padding is not supported, but got padding={padding}: functional.pad cuts")
    return step, apart


def margins(padding: Sizes | str, size: tuple[int, ...], step: tuple[int, ...], apart: tuple[int, ...]) -> list[int]:
    """Return the zeros before each axis, then those after; "same" puts the odd one behind. ArgumentError otherwise."""
    n = len(size)
    if not isinstance(padding, str):
        return [*per_axis(padding, n, "padding")] * 2
    if padding == "valid":
        return [0] * (2 * n)
    if padding != "same":
        raise ArgumentError(f"Invalid padding string: '{padding}', should be one of 'valid', 'same'")
    if max(step) > 1:
        raise ArgumentError("padding='same' is not supported for strided convolutions")
    totals = [d * (k - 1) for d, k in zip(apart, size, strict=True)]
    return [*(t // 2 for t in totals), *(t - t // 2 for t in totals)]


def _check(x: Tensor, weight: Tensor, bias: Tensor | None, groups: int, transposed: bool) -> None:
    shape, kernel = x.array.shape, weight.array.shape
    if groups <= 0:
        raise ArgumentError(f"non-positive groups is not supported, but got groups={groups}")
    if len(kernel) != len(shape):
        raise ShapeError(
            f"Expected {len(shape)}-dimensional weight for {len(shape)}-dimensional input {list(shape)}, but got "
            f"weight of size {list(kernel)} instead"
        )
    if min(kernel[2:], default=1) < 1:
        raise ShapeError(f"kernel size should be greater than zero, but got weight of size {list(kernel)}")
    if kernel[0] % groups:
        raise ShapeError(
            f"Given groups={groups}, expected weight to be divisible by {groups} at dimension 0, but got weight of "
            f"size {list(kernel)} instead"
        )
    wanted = kernel[0] if transposed else kernel[1] * groups
    if shape[1] != wanted:
        raise ShapeError(
            f"Given {'transposed=1, ' if transposed else f'groups={groups}, '}weight of size {list(kernel)}, expected "
            f"input{list(shape)} to have {wanted} channels, but got {shape[1]} channels instead"
        )
    outputs = kernel[1] * groups if transposed else kernel[0]
    if bias is not None and bias.array.shape != (outputs,):
        raise ShapeError(
            f"Given weight of size {list(kernel)}, expected bias to be 1-dimensional with {outputs} elements, but got "
            f"bias of size {list(bias.array.shape)} instead"
        )


def _check_output(spatial: Sequence[int], found: Sequence[int]) -> None:
    if min(found) < 1:
        raise ShapeError(
            f"Given input size per channel: ({' x '.join(map(str, spatial))}). Calculated output size per channel: "
            f"({' x '.join(map(str, found))}). Output size is too small"
        )


def _product(rows: Tensor, columns: Tensor, groups: int, transposed: bool) -> Tensor:
    """Return for each group its matrix, or the transposed one, times its columns (N, groups * k, positions)."""
    matrix = ops.transpose(rows, axes=(0, 2, 1)) if transposed else rows
    n, k, length = columns.array.shape
    if groups == 1:
        return ops.matmul(ops.reshape(matrix, shape=matrix.array.shape[1:]), columns)
    y = ops.matmul(matrix, ops.reshape(columns, shape=(n, groups, k // groups, length)))
    return ops.reshape(y, shape=(n, groups * y.array.shape[2], length))


def _shifted(y: Tensor, bias: Tensor | None) -> Tensor:
    return y if bias is None else y + ops.reshape(bias, shape=(-1, *(1,) * (y.array.ndim - 2)))


_CONVOLUTION = """Return the cross-correlation of (N, C, ...) or (C, ...) with weight (out, C / groups, ...).

There are {n} spatial axes. `padding` is a number, one for each axis, "same" or "valid".

Returns:
    (N, out, ...) or (out, ...), an axis of length L as (L + 2 padding - dilation (k - 1) - 1) // stride + 1.

Raises:
    ShapeError: `input`, `weight`, `bias` and `groups` do not fit each other, or the window is longer than an axis.
    ArgumentError: `stride`, `dilation` or `groups` is not positive; `padding` is negative, another word, or "same"
        beside a stride; there are not as many numbers as axes.
"""
_TRANSPOSED = """Return the adjoint of conv{n}d applied to (N, C, ...) or (C, ...), weight (C, out / groups, ...).

Returns:
    (N, out, ...) or (out, ...), an axis of length L as
    (L - 1) stride - 2 padding + dilation (k - 1) + output_padding + 1.

Raises:
    ShapeError: `input`, `weight`, `bias` and `groups` do not fit each other, or an axis would have no element.
    ArgumentError: `stride`, `dilation` or `groups` is not positive; `padding` is negative; `output_padding` is negative
        or not smaller than the larger of `stride` and `dilation`; there are not as many numbers as axes.
"""


def _convolution(n: int) -> Callable[..., Tensor]:
    def conv(
        input: Tensor,
        weight: Tensor,
        bias: Tensor | None = None,
        stride: Sizes = 1,
        padding: Sizes | str = 0,
        dilation: Sizes = 1,
        groups: int = 1,
    ) -> Tensor:
        x, batch = batched(input, n, f"conv{n}d")
        _check(x, weight, bias, groups, False)
        outputs, size = weight.array.shape[0], weight.array.shape[2:]
        step, apart = _steps(n, stride, dilation, padding)
        around = margins(padding, size, step, apart)
        x = grown(x, around[:n], around[n:])
        spatial = x.array.shape[2:]
        if any(m < d * (k - 1) + 1 for m, k, d in zip(spatial, size, apart, strict=True)):
            raise ShapeError(
                f"Calculated padded input size per channel: ({' x '.join(map(str, spatial))}). Kernel size: "
                f"({' x '.join(str(d * (k - 1) + 1) for k, d in zip(size, apart, strict=True))}). Kernel size can't be "
                "greater than actual input size"
            )
        positions = [places(m, k, s, 0, d) for m, k, s, d in zip(spatial, size, step, apart, strict=True)]
        single = math.prod(size) == 1 and max(step) == 1  # a kernel of one element needs no windows
        columns = x if single else ops.unfold(x, size=size, stride=step, dilation=apart)
        batchsize, channels = x.array.shape[:2]
        columns = ops.reshape(columns, shape=(batchsize, channels * math.prod(size), math.prod(positions)))
        rows = ops.reshape(weight, shape=(groups, outputs // groups, math.prod(weight.array.shape[1:])))
        y = ops.reshape(_product(rows, columns, groups, False), shape=(batchsize, outputs, *positions))
        return unbatched(_shifted(y, bias), batch)

    conv.__name__ = conv.__qualname__ = f"conv{n}d"
    conv.__code__ = conv.__code__.replace(co_name=f"conv{n}d")  # by which a traced call is known
    conv.__doc__ = _CONVOLUTION.format(n=n)
    return wide(conv)


def _transposed(n: int) -> Callable[..., Tensor]:
    def conv_transpose(
        input: Tensor,
        weight: Tensor,
        bias: Tensor | None = None,
        stride: Sizes = 1,
        padding: Sizes = 0,
        output_padding: Sizes = 0,
        groups: int = 1,
        dilation: Sizes = 1,
    ) -> Tensor:
        x, batch = batched(input, n, f"conv_transpose{n}d")
        _check(x, weight, bias, groups, True)
        step, apart = _steps(n, stride, dilation, padding)
        size, pad = weight.array.shape[2:], per_axis(padding, n, "padding")
        more = per_axis(output_padding, n, "output_padding")
        if any(not 0 <= m < max(s, d) for m, s, d in zip(more, step, apart, strict=True)):
            raise ArgumentError(
                f"output padding must be smaller than either stride or dilation, but got output_padding={more}, "
                f"stride={step}, dilation={apart}"
            )
        batchsize, channels, *spatial = x.array.shape
        outputs, elements = weight.array.shape[1] * groups, math.prod(size)
        rows = ops.reshape(weight, shape=(groups, channels // groups, weight.array.shape[1] * elements))
        x = ops.reshape(x, shape=(batchsize, channels, math.prod(spatial)))
        windows = ops.reshape(_product(rows, x, groups, True), shape=(batchsize, outputs, *size, *spatial))
        case = zip(spatial, size, step, apart, more, strict=True)
        full = tuple((m - 1) * s + d * (k - 1) + 1 + o for m, k, s, d, o in case)
        _check_output(spatial, [m - 2 * p for m, p in zip(full, pad, strict=True)])
        cut = [-p for p in pad]
        y = grown(ops.fold(windows, shape=full, stride=step, dilation=apart), cut, cut)
        return unbatched(_shifted(composed.row_major(y), bias), batch)

    conv_transpose.__name__ = conv_transpose.__qualname__ = f"conv_transpose{n}d"
    conv_transpose.__code__ = conv_transpose.__code__.replace(co_name=f"conv_transpose{n}d")
    conv_transpose.__doc__ = _TRANSPOSED.format(n=n)
    return wide(conv_transpose)


conv1d, conv2d, conv3d = map(_convolution, (1, 2, 3))
conv_transpose1d, conv_transpose2d, conv_transpose3d = map(_transposed, (1, 2, 3))
