"""What stands beside the engine under PyTorch's names: `checkpoint`, and `data`."""

from tensorgrad import data

from . import checkpoint

__all__ = ["checkpoint", "data"]
