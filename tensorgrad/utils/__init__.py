"""What stands beside the engine: `checkpoint` and `data`, under PyTorch's names, `resume` and `progress`."""

from . import checkpoint, data, progress, resume

__all__ = ["checkpoint", "data", "progress", "resume"]
