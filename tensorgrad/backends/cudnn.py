"""The switches of cuDNN, which scripts set for reproducible runs; every result here is deterministic anyway."""

from __future__ import annotations

deterministic = False
benchmark = False
enabled = False
allow_tf32 = False


def is_available() -> bool:
    """Return False: there is no cuDNN."""
    return False


def version() -> None:
    """Return None: there is no cuDNN."""
