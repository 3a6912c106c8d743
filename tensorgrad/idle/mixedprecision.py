"""Mixed precision: every operation computes in the dtype of its operands, so `autocast` changes nothing.

PyTorch's changes nothing either where it is switched off, or made for a device that is not there. A `GradScaler` for
the CPU scales; for another device it warns and is switched off, as PyTorch's is.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from contextlib import ContextDecorator
from typing import Any, Self, TypeVar

import numpy as np

from tensorgrad.autograd import no_grad
from tensorgrad.base.callsite import warn
from tensorgrad.base.devices import device
from tensorgrad.engine.tensor import Tensor
from tensorgrad.errors import ArgumentError, AutogradError

F = TypeVar("F", bound=Callable[..., Any])


class autocast(ContextDecorator):  # noqa: N801 - PyTorch's name
    """A context, and a decorator, in which every operation computes in the dtype of its operands, as everywhere.

    Args:
        device_type: any device's name; one that is not there is warned of, unless it is switched off.
        dtype: what PyTorch would compute in; not looked at.
        enabled: not looked at either.
        cache_enabled: nor this.

    >>> import tensorgrad as tg
    >>> with tg.autocast("cpu", enabled=False):
    ...     tg.ones(2).sum().dtype
    tensorgrad.float32
    """

    def __init__(
        self, device_type: str, dtype: Any = None, enabled: bool = True, cache_enabled: bool | None = None
    ) -> None:
        self.device = device(device_type).type
        self.fast_dtype, self.cache_enabled = dtype, cache_enabled
        if enabled and self.device != "cpu":
            warn(f"User provided device_type of '{self.device}', but it is not available. Disabling")

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *error: object) -> None:
        return


def is_autocast_enabled(device_type: str = "cpu") -> bool:
    """Return False."""
    return False


def is_autocast_available(device_type: str) -> bool:
    """Return whether it may be asked for: for the CPU."""
    return device(device_type).type == "cpu"


def unchanged(function: F | None = None, **options: Any) -> Any:
    """Return `function` itself: of an ``autograd.Function``, a pass in which autocast has nothing to change."""
    return (lambda given: given) if function is None and options else function


class GradScaler:
    """Scales a loss, so that gradients in half precision are not too small to be numbers, and the gradients back.

    A step whose gradients are not finite is left out, and the scale is made smaller; after `growth_interval` steps
    that were not it is made larger. For a device that is not there it warns and is switched off: then it scales by
    nothing.

    Args:
        device: "cpu", or another.
        init_scale: the first scale.
        growth_factor: the larger scale, by the one before, above 1.
        backoff_factor: the smaller scale, by the one before, below 1.
        growth_interval: after how many steps.
        enabled: whether it scales.

    Raises:
        ArgumentError: a factor is on the wrong side of 1.

    >>> import tensorgrad as tg
    >>> w = tg.ones(1, requires_grad=True)
    >>> scaler, sgd = tg.amp.GradScaler("cpu"), tg.optim.SGD([w], lr=0.1)
    >>> scaler.scale((3 * w).sum()).backward()
    >>> scaler.step(sgd)
    >>> scaler.update()
    >>> w.detach(), w.grad
    (tensor([0.7000]), tensor([3.]))
    """

    def __init__(
        self,
        device: str = "cuda",
        init_scale: float = 2.0**16,
        growth_factor: float = 2.0,
        backoff_factor: float = 0.5,
        growth_interval: int = 2000,
        enabled: bool = True,
    ) -> None:
        if enabled and device != "cpu":
            warn(f"GradScaler is enabled, but {device} is not available. Disabling.")
        self._enabled = enabled and device == "cpu"
        if not growth_factor > 1.0 > backoff_factor:
            raise ArgumentError(
                f"The growth factor must be > 1.0 and the backoff factor < 1.0, found {growth_factor}, {backoff_factor}"
            )
        self._scale, self._growth_factor, self._backoff_factor = float(init_scale), growth_factor, backoff_factor
        self._growth_interval, self._growth_tracker = growth_interval, 0
        self._scaled = False  # whether anything was, ever
        # By optimiser, since the last update: whether each gradient was finite when it was unscaled; and who stepped.
        self._finite: dict[int, list[bool]] = {}
        self._stepped: set[int] = set()

    def scale(self, outputs: Any) -> Any:
        """Return a tensor, or each in a list or tuple, times the scale."""
        if not self._enabled:
            return outputs
        self._scaled = True
        if isinstance(outputs, Tensor):
            return outputs * self._scale
        return type(outputs)(map(self.scale, outputs))

    def unscale_(self, optimizer: Any) -> None:
        """Divide the gradients of what `optimizer` updates by the scale, for instance to clip them before the step.

        Raises:
            AutogradError: it, or the step, has been done since the last update; or nothing was ever scaled.
        """
        if not self._enabled:
            return
        self._after_scale("unscale_")
        if id(optimizer) in self._stepped:
            raise AutogradError("unscale_() is being called after step(): call it before, and update() after the step.")
        if id(optimizer) in self._finite:
            raise AutogradError("unscale_() has already been called on this optimizer since the last update().")
        slopes = [p.grad for group in optimizer.param_groups for p in group["params"] if p.grad is not None]
        with no_grad():
            for slope in slopes:
                slope.mul_(1 / self._scale)
        self._finite[id(optimizer)] = [bool(np.isfinite(slope.array).all()) for slope in slopes]

    def step(self, optimizer: Any, *args: Any, **kwargs: Any) -> Any:
        """Unscale the gradients, unless that is done, and return ``optimizer.step()``; None if they are not finite.

        Raises:
            AutogradError: it has been done since the last update; nothing was ever scaled, or no parameter has a
                gradient; or there is a closure, whose gradients would stay scaled.
        """
        if not self._enabled:
            return optimizer.step(*args, **kwargs)
        if "closure" in kwargs:
            raise AutogradError("Closure use is not currently supported if GradScaler is enabled.")
        self._after_scale("step")
        if id(optimizer) in self._stepped:
            raise AutogradError("step() has already been called since the last update(): call update() after each.")
        if id(optimizer) not in self._finite:
            self.unscale_(optimizer)
        if not self._finite[id(optimizer)]:
            raise AutogradError(
                "No inf checks were recorded for this optimizer: none of its parameters has a gradient."
            )
        self._stepped.add(id(optimizer))
        return optimizer.step(*args, **kwargs) if all(self._finite[id(optimizer)]) else None

    def _after_scale(self, name: str) -> None:
        if not self._scaled:
            raise AutogradError(
                f"Attempted {name}, but nothing was scaled before: call scaler.scale(loss).backward() earlier in the "
                "iteration."
            )

    def update(self, new_scale: float | Tensor | None = None) -> None:
        """Set the scale for the next step.

        Raises:
            AutogradError: no step was made since the last update; or nothing was ever scaled.
        """
        if not self._enabled:
            return
        self._after_scale("update")
        finite = [each for found in self._finite.values() for each in found]
        if not finite and new_scale is None:
            raise AutogradError("No inf checks were recorded prior to update.")
        if new_scale is not None:
            self._scale = float(new_scale)
        elif not all(finite):
            self._scale, self._growth_tracker = self._scale * self._backoff_factor, 0
        else:
            self._growth_tracker += 1
            if self._growth_tracker == self._growth_interval:
                grown = self._scale * self._growth_factor
                self._scale, self._growth_tracker = grown if math.isfinite(grown) else self._scale, 0
        self._finite.clear()
        self._stepped.clear()

    def get_scale(self) -> float:
        """Return the scale; 1 where it is switched off."""
        return self._scale if self._enabled else 1.0

    def is_enabled(self) -> bool:
        """Return whether it scales."""
        return self._enabled

    def state_dict(self) -> dict[str, Any]:
        """Return the scale, its rules, and for how many steps it has stood; nothing where it is switched off."""
        names = ("scale", "growth_factor", "backoff_factor", "growth_interval", "_growth_tracker")
        return {name: vars(self)[f"_{name.lstrip('_')}"] for name in names} if self._enabled else {}

    def load_state_dict(self, state_dict: dict[str, Any]) -> None:
        """Go on from what `state_dict` returned.

        Raises:
            ArgumentError: it is empty, as of one that was switched off, and this one is not.
        """
        if self._enabled and not state_dict:
            raise ArgumentError(
                "The source state dict is empty, possibly because it was saved from a disabled GradScaler"
            )
        for name, value in state_dict.items() if self._enabled else ():
            vars(self)[f"_{name.lstrip('_')}"] = value
