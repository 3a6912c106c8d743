"""What scripts ask about CUDA, with the answers of a machine that has none.

>>> import tensorgrad as tg
>>> "cuda" if tg.cuda.is_available() else "cpu"
'cpu'
"""

from __future__ import annotations

from typing import Any, NoReturn

from tensorgrad.base.devices import no_device
from tensorgrad.base.unknown import answer_unknown_names

__all__ = [
    "current_device", "device_count", "empty_cache", "get_device_name", "is_available", "is_initialized",
    "manual_seed", "manual_seed_all", "synchronize",
]  # fmt: skip


def is_available() -> bool:
    """Return False: tensorgrad computes on the CPU only."""
    return False


def is_initialized() -> bool:
    """Return False."""
    return False


def device_count() -> int:
    """Return 0."""
    return 0


def manual_seed(seed: int) -> None:
    """Do nothing: there is no generator on a device; `tensorgrad.manual_seed` seeds the one there is."""


def manual_seed_all(seed: int) -> None:
    """Do nothing: there is no generator on a device; `tensorgrad.manual_seed` seeds the one there is."""


def empty_cache() -> None:
    """Do nothing: nothing is cached."""


def current_device() -> NoReturn:
    """Raise DeviceError."""
    raise no_device("cuda")


def get_device_name(device: Any = None) -> NoReturn:
    """Raise DeviceError."""
    raise no_device("cuda")


def synchronize(device: Any = None) -> NoReturn:
    """Raise DeviceError: there is nothing to wait for, ask `is_available` first."""
    raise no_device("cuda")


answer_unknown_names(__name__)
