"""What stands beside the engine under PyTorch's names: `checkpoint`, and `data`."""

from . import checkpoint, data

__all__ = ["checkpoint", "data"]
