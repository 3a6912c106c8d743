"""Whether Apple's Metal can be used."""

from __future__ import annotations


def is_available() -> bool:
    """Return False: tensorgrad computes on the CPU only."""
    return False


def is_built() -> bool:
    """Return False: tensorgrad computes on the CPU only."""
    return False
