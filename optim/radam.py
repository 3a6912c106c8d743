"""RAdam: Adam that waits until the variance of its step is known."""

from __future__ import annotations

import math
from collections.abc import Iterable
from typing import Any

import numpy as np

from tensorgrad.base.dtypes import Array
from tensorgrad.engine.tensor import Tensor

from .groups import checked
from .optimizer import Optimizer


class RAdam(Optimizer):
    """Adam with a step scaled by how well v is known: ``w -= lr * r_t * m' * sqrt(1 - b2 ** t) / (sqrt(v) + eps)``.

    ``rho_t = R - 2 * t * b2 ** t / (1 - b2 ** t)``, with ``R = 2 / (1 - b2) - 1``, is the length of the average;
    ``r_t = sqrt((rho_t - 4) * (rho_t - 2) * R / ((R - 4) * (R - 2) * rho_t))``. Up to ``rho_t = 5`` the step is
    ``lr * m'``.

    Source: Liu et al. 2020, algorithm 2.

    Raises:
        ValueError: a setting out of its range, or no parameter at all.
        ArgumentError: ``differentiable=True``: a step is not recorded.
    """

    elementwise = True
    numbers = ("step",)
    kept = ("exp_avg", "exp_avg_sq")  # the two moving averages

    def __init__(
        self,
        params: Iterable[Any],
        lr: float | Tensor = 1e-3,
        betas: tuple[float, float] = (0.9, 0.999),
        eps: float = 1e-8,
        weight_decay: float = 0,
        decoupled_weight_decay: bool = False,
        *,
        foreach: bool | None = None,
        maximize: bool = False,
        capturable: bool = False,
        differentiable: bool = False,
    ) -> None:
        super().__init__(
            params,
            checked(
                lr=lr,
                eps=eps,
                betas=betas,
                weight_decay=weight_decay,
                decoupled_weight_decay=decoupled_weight_decay,
                foreach=foreach,
                maximize=maximize,
                capturable=capturable,
                differentiable=differentiable,
            ),
        )

    def update(self, w: Array, g: Array, state: dict[str, Any], group: dict[str, Any]) -> None:
        """Move `w` by the average gradient, in units of the root of the second average as soon as that is known."""
        g = self.counted(w, g, state, group)
        t, (b1, b2), m, v = state["step"], group["betas"], state["exp_avg"], state["exp_avg_sq"]
        m += (1 - b1) * (g - m)
        v *= b2
        v += (1 - b2) * g * g
        rate = group["lr"] / (1 - b1**t)
        longest = 2 / (1 - b2) - 1
        length = longest - 2 * t * b2**t / (1 - b2**t)
        if length > 5:
            known = (length - 4) * (length - 2) * longest / ((longest - 4) * (longest - 2) * length)
            w -= rate * math.sqrt(known) * math.sqrt(1 - b2**t) * m / (np.sqrt(v) + group["eps"])
        else:
            w -= rate * m
