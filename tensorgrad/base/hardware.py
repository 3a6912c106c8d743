"""What scripts ask about hardware and its libraries, with the answers of a machine that has none of them.

`tensorgrad.cuda`, `mps`, `xpu`, `accelerator` and `tensorgrad.backends` give the answers out under PyTorch's names.
"""

from __future__ import annotations

from typing import Any, NoReturn

from .devices import no_device


def is_available() -> bool:
    """Return False: tensorgrad computes on the CPU only."""
    return False


def is_built() -> bool:
    """Return False: tensorgrad computes on the CPU only."""
    return False


def is_initialized() -> bool:
    """Return False."""
    return False


def device_count() -> int:
    """Return 0."""
    return 0


def version() -> None:
    """Return None: the library is not there."""


def current_accelerator(check_available: bool = False) -> None:
    """Return None, the device that there is not."""


def manual_seed(seed: int) -> None:
    """Do nothing: there is no generator on a device; `tensorgrad.manual_seed` seeds the one there is."""


def manual_seed_all(seed: int) -> None:
    """Do nothing: there is no generator on a device; `tensorgrad.manual_seed` seeds the one there is."""


def empty_cache() -> None:
    """Do nothing: nothing is cached."""


def current_device() -> NoReturn:
    """Refuse: there is no such device.

    Raises:
        DeviceError: always.
    """
    raise no_device("cuda")


def get_device_name(device: Any = None) -> NoReturn:
    """Refuse: there is no such device.

    Raises:
        DeviceError: always.
    """
    raise no_device("cuda")


def synchronize(device: Any = None) -> NoReturn:
    """Refuse: there is nothing to wait for, ask `is_available` first.

    Raises:
        DeviceError: always.
    """
    raise no_device("cuda")
