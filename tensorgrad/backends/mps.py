"""Whether Apple's Metal can be used."""

from tensorgrad.base.hardware import is_available, is_built

__all__ = ["is_available", "is_built"]
