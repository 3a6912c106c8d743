"""What stands beside the engine: `checkpoint` and `data`, under PyTorch's names, and `resume`."""

from . import checkpoint, data, resume

__all__ = ["checkpoint", "data", "resume"]
