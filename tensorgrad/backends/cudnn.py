"""The switches of cuDNN, which scripts set for reproducible runs; every result here is deterministic anyway."""

from tensorgrad.base.hardware import is_available, version

__all__ = ["allow_tf32", "benchmark", "deterministic", "enabled", "is_available", "version"]

deterministic = benchmark = enabled = allow_tf32 = False
