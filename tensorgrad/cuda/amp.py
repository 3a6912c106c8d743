"""Mixed precision under the names that PyTorch had first: those of `amp`, a module of its own for no device."""

from typing import Any

from tensorgrad.base.answers import complete as _complete
from tensorgrad.idle.mixedprecision import (
    GradScaler as _GradScaler,
    autocast as _autocast,
    unchanged as custom_bwd,
    unchanged as custom_fwd,
)

__all__ = ["GradScaler", "autocast", "custom_bwd", "custom_fwd"]


class autocast(_autocast):  # noqa: N801 - PyTorch's name
    """``tensorgrad.amp.autocast("cuda", ...)``, which changes nothing."""

    def __init__(self, enabled: bool = True, dtype: Any = None, cache_enabled: bool = True) -> None:
        super().__init__("cuda", dtype, enabled, cache_enabled)


class GradScaler(_GradScaler):
    """``tensorgrad.amp.GradScaler("cuda", ...)``, which is switched off."""

    def __init__(
        self,
        init_scale: float = 2.0**16,
        growth_factor: float = 2.0,
        backoff_factor: float = 0.5,
        growth_interval: int = 2000,
        enabled: bool = True,
    ) -> None:
        super().__init__("cuda", init_scale, growth_factor, backoff_factor, growth_interval, enabled)


_complete(__name__)
