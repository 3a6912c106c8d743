"""Adadelta."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import numpy as np

from tensorgrad.base.dtypes import Array
from tensorgrad.engine.tensor import Tensor

from .groups import checked
from .optimizer import Optimizer


class Adadelta(Optimizer):
    """``h = rho * h + (1 - rho) * g * g; d = sqrt(a + eps) / sqrt(h + eps) * g; w -= lr * d``.

    ``a = rho * a + (1 - rho) * d * d`` is the average square of the steps so far, which gives w's unit to the step.

    Source: Zeiler 2012, algorithm 1.

    Raises:
        ValueError: a setting out of its range, or no parameter at all.
        ArgumentError: ``differentiable=True``: a step is not recorded.
    """

    elementwise = True
    numbers = ("step",)
    kept = ("square_avg", "acc_delta")  # the average squares of the gradients and of the steps

    def __init__(
        self,
        params: Iterable[Any],
        lr: float | Tensor = 1.0,
        rho: float = 0.9,
        eps: float = 1e-6,
        weight_decay: float = 0,
        foreach: bool | None = None,
        *,
        capturable: bool = False,
        maximize: bool = False,
        differentiable: bool = False,
    ) -> None:
        super().__init__(
            params,
            checked(
                lr=lr,
                rho=rho,
                eps=eps,
                weight_decay=weight_decay,
                foreach=foreach,
                maximize=maximize,
                capturable=capturable,
                differentiable=differentiable,
            ),
        )

    def update(self, w: Array, g: Array, state: dict[str, Any], group: dict[str, Any]) -> None:
        """Move `w` by the gradient in units of the ratio of both averages."""
        g = self.counted(w, g, state, group)
        rho, eps, h, a = group["rho"], group["eps"], state["square_avg"], state["acc_delta"]
        h *= rho
        h += (1 - rho) * g * g
        d = np.sqrt(a + eps) / np.sqrt(h + eps) * g
        a *= rho
        a += (1 - rho) * d * d
        w -= group["lr"] * d
