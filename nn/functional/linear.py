"""The affine map, and weights of several maps that stand below one another."""

from __future__ import annotations

from tensorgrad import ops
from tensorgrad.engine.tensor import Tensor
from tensorgrad.errors import ShapeError
from tensorgrad.functions.einsum import einsum


def linear(input: Tensor, weight: Tensor, bias: Tensor | None = None) -> Tensor:
    """Return ``input @ weight.T + bias``, shape (..., out), from (..., in), (out, in) and (out,).

    Of a weight of shape (in,) and a bias of shape (), the result has shape (...).

    Raises:
        ShapeError: the last axes of `input` and `weight` have different lengths.
    """
    if not (input.array.ndim and weight.array.ndim):
        raise ShapeError(
            f"both arguments to linear need to be at least 1D, but they are {input.array.ndim}D and "
            f"{weight.array.ndim}D"
        )
    if input.array.shape[-1:] != weight.array.shape[-1:]:
        shapes = "x".join(map(str, input.array.shape)), "x".join(map(str, weight.array.shape[::-1]))
        raise ShapeError(
            f"mat1 and mat2 shapes cannot be multiplied ({shapes[0]} and {shapes[1]}): "
            f"the layer takes {weight.array.shape[-1]} features, the input has shape {input.array.shape}"
        )
    if weight.array.ndim == 1:
        y = input @ weight
        return y if bias is None else y + bias
    return ops.linear(input, weight) if bias is None else ops.affine(input, weight, bias)


def bilinear(input1: Tensor, input2: Tensor, weight: Tensor, bias: Tensor | None = None) -> Tensor:
    """Return ``x1 @ weight[o] @ x2 + bias[o]`` for each o: (..., out) from (..., a), (..., b) and (out, a, b).

    Raises:
        ShapeError: the inputs differ in their batch, or do not fit the weight.
    """
    (batch1, a), (batch2, b) = ((x.array.shape[:-1], x.array.shape[-1]) for x in (input1, input2))
    for i, (first, second) in enumerate(zip(batch1, batch2, strict=False)):
        if first != second:
            raise ShapeError(f"bilinear(): input batch dimensions do not match at dim {i}: got {first} and {second}")
    if len(batch1) != len(batch2):
        raise ShapeError(
            f"bilinear(): input dimensions do not match: got {len(batch1) + 1} and {len(batch2) + 1}, shapes "
            f"{list(input1.array.shape)} and {list(input2.array.shape)}"
        )
    for i, (found, wanted) in enumerate(zip((a, b), weight.array.shape[1:], strict=True), 1):
        if found != wanted:
            raise ShapeError(f"bilinear(): input{i} size does not match weight size: got {found} but expected {wanted}")
    y = einsum("...a,oab,...b->...o", input1, weight, input2)
    return y if bias is None else y + bias


def parts(x: Tensor, count: int) -> list[Tensor]:
    """Return `x` cut in `count` along its first axis: what belongs to each of the maps."""
    size = len(x.array) // count
    return [ops.getitem(x, index=slice(i * size, (i + 1) * size)) for i in range(count)]


def parts_or_none(x: Tensor | None, count: int) -> list[Tensor | None]:
    """Return the parts of `x`, or as many None."""
    return [None] * count if x is None else [*parts(x, count)]
