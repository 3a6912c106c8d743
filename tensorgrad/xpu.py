"""What scripts ask about XPU devices, with the answers of a machine that has none."""

from tensorgrad.base.answers import complete as _complete
from tensorgrad.base.hardware import device_count, empty_cache, is_available, manual_seed

__all__ = ["device_count", "empty_cache", "is_available", "manual_seed"]

_complete(__name__)
