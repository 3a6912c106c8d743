"""The affine map."""

from __future__ import annotations

from tensorgrad import ops
from tensorgrad.errors import ShapeError
from tensorgrad.tensor import Tensor


def linear(input: Tensor, weight: Tensor, bias: Tensor | None = None) -> Tensor:
    """Return ``input @ weight.T + bias``, shape (..., out), from (..., in), (out, in) and (out,)."""
    if input.array.shape[-1:] != weight.array.shape[1:]:
        shapes = "x".join(map(str, input.array.shape)), "x".join(map(str, weight.array.shape[::-1]))
        raise ShapeError(
            f"mat1 and mat2 shapes cannot be multiplied ({shapes[0]} and {shapes[1]}): "
            f"the layer takes {weight.array.shape[-1]} features, the input has shape {input.array.shape}"
        )
    return ops.linear(input, weight) if bias is None else ops.affine(input, weight, bias)
