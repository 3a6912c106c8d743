"""What scripts ask about the accelerator of a machine, which tensorgrad does not use.

>>> import tensorgrad as tg
>>> tg.accelerator.current_accelerator().type if tg.accelerator.is_available() else "cpu"
'cpu'
"""

from __future__ import annotations

from tensorgrad.base.unknown import answer_unknown_names

__all__ = ["current_accelerator", "device_count", "is_available"]


def is_available() -> bool:
    """Return False: tensorgrad computes on the CPU only."""
    return False


def device_count() -> int:
    """Return 0."""
    return 0


def current_accelerator(check_available: bool = False) -> None:
    """Return None, the device that there is not."""


answer_unknown_names(__name__)
