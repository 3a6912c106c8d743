"""The activation functions that write their result into their input, as PyTorch's of the same names do."""

from __future__ import annotations

import functools
from collections.abc import Callable
from typing import Any

from tensorgrad.engine.tensor import Tensor

from .activations import celu, elu, hardtanh, leaky_relu, relu, rrelu, selu, threshold


def _written(function: Callable[..., Tensor]) -> Callable[..., Tensor]:
    @functools.wraps(function)
    def write(input: Tensor, *args: Any, **kwargs: Any) -> Tensor:
        return input.copy_(function(input, *args, **kwargs))

    write.__name__ = write.__qualname__ = f"{function.__name__}_"
    write.__doc__ = f"Return `input` with its elements replaced by those of `{function.__name__}`; it is recorded."
    return write


celu_ = _written(celu)
elu_ = _written(elu)
hardtanh_ = _written(hardtanh)
leaky_relu_ = _written(leaky_relu)
relu_ = _written(relu)
rrelu_ = _written(rrelu)
selu_ = _written(selu)
threshold_ = _written(threshold)
