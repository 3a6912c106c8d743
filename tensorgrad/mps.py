"""What scripts ask about MPS devices, with the answers of a machine that has none."""

from __future__ import annotations

from tensorgrad.base.unknown import answer_unknown_names

__all__ = ["device_count", "empty_cache", "is_available", "manual_seed"]


def is_available() -> bool:
    """Return False: tensorgrad computes on the CPU only."""
    return False


def device_count() -> int:
    """Return 0."""
    return 0


def manual_seed(seed: int) -> None:
    """Do nothing: there is no generator on a device; `tensorgrad.manual_seed` seeds the one there is."""


def empty_cache() -> None:
    """Do nothing: nothing is cached."""


answer_unknown_names(__name__)
