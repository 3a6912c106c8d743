"""Adamax: Adam with the largest gradient in the place of the mean square."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import numpy as np

from tensorgrad.base.dtypes import Array
from tensorgrad.engine.tensor import Tensor

from .groups import checked
from .optimizer import Optimizer


class Adamax(Optimizer):
    """``m += (1 - b1) * (g - m); u = max(b2 * u, |g| + eps); w -= lr / (1 - b1 ** t) * m / u``.

    Source: Kingma and Ba 2015, algorithm 2.

    Raises:
        ValueError: a setting out of its range, or no parameter at all.
        ArgumentError: ``differentiable=True``: a step is not recorded.
    """

    elementwise = True
    numbers = ("step",)
    kept = ("exp_avg", "exp_inf")  # the average gradient, and the largest

    def __init__(
        self,
        params: Iterable[Any],
        lr: float | Tensor = 2e-3,
        betas: tuple[float, float] = (0.9, 0.999),
        eps: float = 1e-8,
        weight_decay: float = 0,
        foreach: bool | None = None,
        *,
        maximize: bool = False,
        differentiable: bool = False,
        capturable: bool = False,
    ) -> None:
        super().__init__(
            params,
            checked(
                lr=lr,
                eps=eps,
                betas=betas,
                weight_decay=weight_decay,
                foreach=foreach,
                maximize=maximize,
                capturable=capturable,
                differentiable=differentiable,
            ),
        )

    def update(self, w: Array, g: Array, state: dict[str, Any], group: dict[str, Any]) -> None:
        """Move `w` by the average gradient in units of the largest."""
        g = self.counted(w, g, state, group)
        (b1, b2), m, u = group["betas"], state["exp_avg"], state["exp_inf"]
        m += (1 - b1) * (g - m)
        u *= b2
        np.maximum(u, np.abs(g) + group["eps"], out=u)
        w -= group["lr"] / (1 - b1 ** state["step"]) * m / u
