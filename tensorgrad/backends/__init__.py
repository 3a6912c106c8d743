"""PyTorch's switches of libraries that tensorgrad does not use: they can be asked and set, and change nothing."""

from tensorgrad.base.unknown import answer_unknown_names

from . import cuda, cudnn, mps

__all__ = ["cuda", "cudnn", "mps"]

answer_unknown_names(__name__)
