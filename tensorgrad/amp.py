"""Mixed precision under PyTorch's names: every operation computes in the dtype of its operands.

>>> import tensorgrad as tg
>>> with tg.amp.autocast("cpu"):
...     tg.ones(2).dtype
tensorgrad.float32
"""

from tensorgrad.base.answers import complete as _complete
from tensorgrad.idle.mixedprecision import (
    GradScaler,
    autocast,
    is_autocast_available,
    unchanged as custom_bwd,
    unchanged as custom_fwd,
)

__all__ = ["GradScaler", "autocast", "custom_bwd", "custom_fwd", "is_autocast_available"]

_complete(__name__)
