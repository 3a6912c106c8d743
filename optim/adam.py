"""Adam."""

from __future__ import annotations

import math
from collections.abc import Iterable
from typing import Any

import numpy as np

from tensorgrad.dtypes import Array
from tensorgrad.tensor import Tensor

from .optimizer import Optimizer, check, decayed


class Adam(Optimizer):
    """``m += (1 - b1) * (g - m); v += (1 - b2) * (g * g - v); w -= lr * m' / (sqrt(v') + eps)``.

    ``m' = m / (1 - b1 ** t)`` and ``v' = v / (1 - b2 ** t)`` correct the start from 0.

    Source: Kingma and Ba 2015, algorithm 1.
    """

    def __init__(
        self,
        params: Iterable[Any],
        lr: float = 1e-3,
        betas: tuple[float, float] = (0.9, 0.999),
        eps: float = 1e-8,
        weight_decay: float = 0,
    ) -> None:
        check("learning rate", lr)
        check("epsilon value", eps)
        check("weight_decay value", weight_decay)
        for i, beta in enumerate(betas):
            if not 0 <= beta < 1:
                raise ValueError(f"Invalid beta parameter at index {i}: {beta}")
        super().__init__(params, {"lr": lr, "betas": betas, "eps": eps, "weight_decay": weight_decay})

    def initial_state(self, p: Tensor, group: dict[str, Any]) -> dict[str, Any]:
        """Return the step count and the two moving averages, and room for one intermediate result."""
        zeros = np.zeros_like(p.array)
        return {"step": 0, "exp_avg": zeros, "exp_avg_sq": zeros.copy()}

    def update(self, w: Array, g: Array, state: dict[str, Any], group: dict[str, Any]) -> None:
        """Move `w` by the corrected ratio of the averages."""
        state["step"] += 1
        t, (b1, b2), m, v = state["step"], group["betas"], state["exp_avg"], state["exp_avg_sq"]
        g = decayed(w, g, group["weight_decay"])
        room = self.room(w)
        m *= b1
        m += np.multiply(g, 1 - b1, out=room)
        v *= b2
        square = np.multiply(g, g, out=room)
        square *= 1 - b2
        v += square
        root = np.sqrt(v, out=square)
        root /= math.sqrt(1 - b2**t)
        root += group["eps"]
        step = np.divide(m, root, out=root)
        step *= group["lr"] / (1 - b1**t)
        w -= step
