"""What a user is told when NumPy refuses to run a primitive: PyTorch's words, the operation, and the operands."""

from __future__ import annotations

import re
from typing import Any

import numpy as np

from tensorgrad.base.numerics import axis_error
from tensorgrad.errors import DivisionError, DTypeError, LinAlgError, ShapeError

from .primitive import Primitive


def explained(primitive: Primitive, values: list[Any], error: Exception) -> Exception:
    """Return the error with PyTorch's wording first, the op, and the shapes and dtypes that met."""
    where = f"(in {primitive.name} of {described(values)})"
    if isinstance(error, np.exceptions.AxisError) and error.axis is not None and error.ndim is not None:
        return axis_error(error.axis, error.ndim)
    if isinstance(error, np.linalg.LinAlgError):
        return LinAlgError(f"{error} {where}")
    if isinstance(error, IndexError):
        return IndexError(f"{_of_index(str(error))} {where}")
    if isinstance(error, FloatingPointError):
        return DivisionError(f"ZeroDivisionError: whole numbers are divided by 0 {where}")
    if isinstance(error, TypeError | OverflowError):
        return DTypeError(f"{primitive.name}() cannot take {described(values)}: {error}")
    return ShapeError(f"{_of_shapes(primitive, values, str(error)) or error} {where}")


def _of_index(text: str) -> str:
    """Return what NumPy says of a wrong index in PyTorch's words, with the cure for what old scripts write."""
    if text.startswith("too many indices for array: array is 0-dim"):
        return "invalid index of a 0-dim tensor. Use `tensor.item()` to convert a 0-dim tensor to a number"
    text = re.sub(r"for array: array is (\d+)-dimensional.*", r"for tensor of dimension \1", text)
    return text.replace(" for axis ", " for dimension ")


def _of_shapes(primitive: Primitive, values: list[Any], said: str) -> str:
    """Return in PyTorch's words why operands do not broadcast, or have no element to choose; empty otherwise."""
    product = primitive.name == "matmul"  # of which the batches broadcast
    if "zero-size" in said or "empty sequence" in said:
        return f"{primitive.name}(): Expected reduction dim to have non-zero size: nothing has no extreme element"
    shapes = [v.shape[:-2] if product else v.shape for v in values if isinstance(v, np.ndarray)]
    if len(shapes) > 1 and (product or primitive.kind in ("elementwise", "constant")):
        ndim = max(map(len, shapes))
        for k in range(1, ndim + 1):
            sizes = list(dict.fromkeys(s[-k] for s in shapes if len(s) >= k and s[-k] != 1))
            if len(sizes) > 1:
                return (
                    f"The size of tensor a ({sizes[0]}) must match the size of tensor b ({sizes[1]}) at non-singleton "
                    f"dimension {ndim - k}"
                )
    return ""


def described(values: list[Any]) -> str:
    """Return the dtypes and shapes of arrays, and numbers as they are."""
    return ", ".join(f"{v.dtype}{list(v.shape)}" if isinstance(v, np.ndarray) else repr(v) for v in values)
