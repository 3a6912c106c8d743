"""Resilient backpropagation."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import numpy as np

from tensorgrad.base.dtypes import Array
from tensorgrad.engine.tensor import Tensor, wrap

from .groups import checked
from .optimizer import Optimizer


class Rprop(Optimizer):
    """``w -= s * sign(g)``, where the step s of each element grows while its gradient keeps its sign.

    It is multiplied by ``etas[1]`` where the sign is that of the step before, and by ``etas[0]`` where it is not,
    within `step_sizes`; where the sign has changed, w stays for this once. For gradients of all data, not of batches.

    Source: Riedmiller and Braun 1993.

    Raises:
        ValueError: a setting out of its range, or no parameter at all.
        ArgumentError: ``differentiable=True``: a step is not recorded.
    """

    elementwise = True
    numbers = ("step",)
    kept = ("prev", "step_size")  # the gradient before, and the steps

    def __init__(
        self,
        params: Iterable[Any],
        lr: float | Tensor = 1e-2,
        etas: tuple[float, float] = (0.5, 1.2),
        step_sizes: tuple[float, float] = (1e-6, 50),
        *,
        capturable: bool = False,
        foreach: bool | None = None,
        maximize: bool = False,
        differentiable: bool = False,
    ) -> None:
        super().__init__(
            params,
            checked(
                lr=lr,
                etas=etas,
                step_sizes=step_sizes,
                foreach=foreach,
                maximize=maximize,
                capturable=capturable,
                differentiable=differentiable,
            ),
        )

    def initial_state(self, p: Tensor, group: dict[str, Any]) -> dict[str, Any]:
        """Return no gradient, and the learning rate as the first step of every element."""
        return {**super().initial_state(p, group), "step_size": wrap(np.full_like(p.array, group["lr"]))}

    def update(self, w: Array, g: Array, state: dict[str, Any], group: dict[str, Any]) -> None:
        """Move every element of `w` by its step."""
        state["step"] += 1
        before, size, (less, more) = state["prev"], state["step_size"], group["etas"]
        agreement = np.sign(g * before)
        size *= np.where(agreement > 0, more, np.where(agreement < 0, less, 1.0)).astype(size.dtype)
        np.clip(size, *group["step_sizes"], out=size)
        before[...] = np.where(agreement < 0, 0, g)
        w -= np.sign(before) * size
