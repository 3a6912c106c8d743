"""What scripts ask about MPS devices, with the answers of a machine that has none."""

from tensorgrad.base.hardware import device_count, empty_cache, is_available, manual_seed
from tensorgrad.base.unknown import answer_unknown_names

__all__ = ["device_count", "empty_cache", "is_available", "manual_seed"]

answer_unknown_names(__name__)
