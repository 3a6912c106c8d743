"""What scripts ask about CUDA, with the answers of a machine that has none.

>>> import tensorgrad as tg
>>> "cuda" if tg.cuda.is_available() else "cpu"
'cpu'
"""

from tensorgrad.base.answers import complete as _complete
from tensorgrad.base.hardware import (
    current_device,
    device_count,
    empty_cache,
    get_device_name,
    is_available,
    is_initialized,
    manual_seed,
    manual_seed_all,
    synchronize,
)

from . import amp

__all__ = [
    "amp", "current_device", "device_count", "empty_cache", "get_device_name", "is_available",
    "is_initialized", "manual_seed", "manual_seed_all", "synchronize",
]  # fmt: skip

_complete(__name__)
