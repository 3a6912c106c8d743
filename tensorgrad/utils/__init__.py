"""What stands beside the engine: `checkpoint` and `data`, under PyTorch's names, and `resume`."""

from tensorgrad import data

from . import checkpoint, resume

__all__ = ["checkpoint", "data", "resume"]
