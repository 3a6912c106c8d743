"""What stands beside the engine: `checkpoint` and `data`, under PyTorch's names, `resume`, `progress`, `einops`."""

from . import checkpoint, data, einops, progress, resume

__all__ = ["checkpoint", "data", "einops", "progress", "resume"]
