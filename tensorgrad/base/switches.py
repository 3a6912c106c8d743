"""Settings that PyTorch scripts make at their start: threads, determinism, the precision of products.

Everything here is computed by NumPy: always deterministic, always in full precision. What a script asks for is checked
and remembered.
"""

from __future__ import annotations

import importlib.util
import os

from tensorgrad.errors import ArgumentError

from .callsite import warn

_deterministic = [False, False]  # asked for, and whether only to warn
_precision = ["highest"]


def get_num_threads() -> int:
    """Return how many threads matrix products may use: of NumPy's library where threadpoolctl is installed."""
    if importlib.util.find_spec("threadpoolctl"):
        import threadpoolctl  # type: ignore[import-untyped, import-not-found, unused-ignore]

        return max((pool["num_threads"] for pool in threadpoolctl.threadpool_info()), default=1)
    return int(os.environ.get("OMP_NUM_THREADS") or os.cpu_count() or 1)


def set_num_threads(num: int) -> None:
    """Let matrix products use `num` threads, through threadpoolctl; a warning where that is not installed."""
    if num < 1 or num % 1:
        raise ArgumentError(f"set_num_threads expects a positive integer, found {num}")
    if importlib.util.find_spec("threadpoolctl"):
        import threadpoolctl

        threadpoolctl.threadpool_limits(num)
    elif num != get_num_threads():
        warn(
            f"set_num_threads({num}) has no effect without threadpoolctl: pip install threadpoolctl, or start Python "
            f"with OMP_NUM_THREADS={num}",
        )


def use_deterministic_algorithms(mode: bool, *, warn_only: bool = False) -> None:
    """Remember what was asked for; every operation is deterministic anyway."""
    _deterministic[:] = [bool(mode), bool(warn_only)]


def are_deterministic_algorithms_enabled() -> bool:
    """Return what `use_deterministic_algorithms` was last told, False at the start."""
    return _deterministic[0]


def is_deterministic_algorithms_warn_only_enabled() -> bool:
    """Return the `warn_only` that `use_deterministic_algorithms` was last told, False at the start."""
    return _deterministic[1]


def set_float32_matmul_precision(precision: str) -> None:
    """Remember "highest", "high" or "medium": what is asked for; products of float32 are always in full."""
    if precision not in ("highest", "high", "medium"):
        raise ArgumentError(f"precision must be 'highest', 'high' or 'medium', found {precision!r}")
    _precision[0] = precision


def get_float32_matmul_precision() -> str:
    """Return what `set_float32_matmul_precision` was last told, "highest" at the start."""
    return _precision[0]
