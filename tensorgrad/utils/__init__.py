"""What stands beside the engine: `checkpoint` and `data`, under PyTorch's names, `resume`, `progress`, `einops`."""

from typing import TYPE_CHECKING

from tensorgrad.base.unknown import load_later as _load_later

if TYPE_CHECKING:
    from . import checkpoint, data, einops, progress, resume

__all__ = ["checkpoint", "data", "einops", "progress", "resume"]

_load_later(__name__, {name: f"{__name__}.{name}" for name in __all__})
