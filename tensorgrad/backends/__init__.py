"""PyTorch's switches of libraries that tensorgrad does not use: they can be asked and set, and change nothing."""

from tensorgrad.base.answers import complete as _complete

from . import cuda, cudnn, mps

__all__ = ["cuda", "cudnn", "mps"]

_complete(__name__)
