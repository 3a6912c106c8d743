"""NAdam: Adam with Nesterov's momentum."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import numpy as np

from tensorgrad.base.dtypes import Array
from tensorgrad.engine.tensor import Tensor

from .groups import checked
from .optimizer import Optimizer


class NAdam(Optimizer):
    """Adam whose step takes the gradient and the average that it will have next.

    With ``mu_t = b1 * (1 - 0.96 ** (t * momentum_decay) / 2)`` and ``M_t = mu_1 * ... * mu_t``::

        w -= lr * ((1 - mu_t) / (1 - M_t) * g + mu_(t+1) / (1 - M_(t+1)) * m) / (sqrt(v / (1 - b2 ** t)) + eps)

    PyTorch rounds M_t to its default dtype; here it is always a Python number, of double precision.

    Source: Dozat 2016, algorithm 2.

    Raises:
        ValueError: a setting out of its range, or no parameter at all.
        ArgumentError: ``differentiable=True``: a step is not recorded.
    """

    elementwise = True
    numbers = ("step", "mu_product")
    kept = ("exp_avg", "exp_avg_sq")  # the two moving averages

    def __init__(
        self,
        params: Iterable[Any],
        lr: float | Tensor = 2e-3,
        betas: tuple[float, float] = (0.9, 0.999),
        eps: float = 1e-8,
        weight_decay: float = 0,
        momentum_decay: float = 4e-3,
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
                momentum_decay=momentum_decay,
                weight_decay=weight_decay,
                decoupled_weight_decay=decoupled_weight_decay,
                foreach=foreach,
                maximize=maximize,
                capturable=capturable,
                differentiable=differentiable,
            ),
        )

    def initial_state(self, p: Tensor, group: dict[str, Any]) -> dict[str, Any]:
        """Return zeros, and the empty product."""
        return {**super().initial_state(p, group), "mu_product": 1.0}

    def update(self, w: Array, g: Array, state: dict[str, Any], group: dict[str, Any]) -> None:
        """Move `w` by the gradient and the next average, in units of the root of the second average."""
        g = self.counted(w, g, state, group)
        t, (b1, b2), lr, m, v = state["step"], group["betas"], group["lr"], state["exp_avg"], state["exp_avg_sq"]
        mu, after = (b1 * (1 - 0.5 * 0.96 ** (s * group["momentum_decay"])) for s in (t, t + 1))
        state["mu_product"] *= mu
        product = state["mu_product"]
        m += (1 - b1) * (g - m)
        v *= b2
        v += (1 - b2) * g * g
        root = np.sqrt(v / (1 - b2**t)) + group["eps"]
        w -= lr * (1 - mu) / (1 - product) * g / root
        w -= lr * after / (1 - product * after) * m / root
