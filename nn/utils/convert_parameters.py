"""All parameters as one vector, and back; a module of its own because it has PyTorch's path."""

from __future__ import annotations

from collections.abc import Iterable

from tensorgrad.engine.tensor import Tensor
from tensorgrad.errors import ShapeError
from tensorgrad.functions.joining import cat
from tensorgrad.functions.shapes import reshape
from tensorgrad.tensor.tensortypes import typename


def parameters_to_vector(parameters: Iterable[Tensor]) -> Tensor:
    """Return the elements of `parameters`, one after the other, as one vector that gradients flow through.

    >>> from tensorgrad import nn
    >>> parameters_to_vector(nn.Linear(3, 2).parameters()).shape
    tensorgrad.Size([8])
    """
    return cat([reshape(p, -1) for p in parameters])


def vector_to_parameters(vec: Tensor, parameters: Iterable[Tensor]) -> None:
    """Let `parameters` have the elements of `vec`, on its memory.

    Raises:
        ShapeError: they are too few; nothing is changed.
    """
    if not isinstance(vec, Tensor):
        raise TypeError(f"expected Tensor, but got: {typename(vec)}: a tensor is needed")
    held = list(parameters)
    needed = sum(p.array.size for p in held)
    if vec.array.ndim != 1 or vec.array.size < needed:
        raise ShapeError(
            f"shape '[{needed}]' is invalid for input of size {vec.array.size}: the parameters have {needed} elements, "
            f"the vector has shape {list(vec.array.shape)}"
        )
    start, flat = 0, vec.detach()
    for p in held:
        end = start + p.array.size
        p.data = flat[start:end].view(p.array.shape)
        start = end
