"""AdaGrad."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import numpy as np

from tensorgrad.dtypes import Array
from tensorgrad.tensor import Tensor

from .optimizer import Optimizer, check, decayed


class Adagrad(Optimizer):
    """``h += g * g; w -= lr / (1 + (t - 1) * lr_decay) * g / (sqrt(h) + eps)`` (equations 6.5, 6.6).

    Source: Duchi, Hazan and Singer 2011. Each element's learning rate falls with the squares of its own gradients.
    """

    def __init__(
        self,
        params: Iterable[Any],
        lr: float = 1e-2,
        lr_decay: float = 0,
        weight_decay: float = 0,
        initial_accumulator_value: float = 0,
        eps: float = 1e-10,
    ) -> None:
        settings = {"lr_decay": lr_decay, "weight_decay": weight_decay, "eps": eps}
        check("learning rate", lr)
        check("initial_accumulator_value value", initial_accumulator_value)
        for name, value in (("lr_decay", lr_decay), ("weight_decay", weight_decay), ("epsilon", eps)):
            check(f"{name} value", value)
        super().__init__(params, {"lr": lr, "initial_accumulator_value": initial_accumulator_value, **settings})

    def initial_state(self, p: Tensor, group: dict[str, Any]) -> dict[str, Any]:
        """Return the step count and the sum of squares."""
        return {"step": 0, "sum": np.full_like(p.array, group["initial_accumulator_value"])}

    def update(self, w: Array, g: Array, state: dict[str, Any], group: dict[str, Any]) -> None:
        """Move each element of `w` by its own learning rate."""
        state["step"] += 1
        g = decayed(w, g, group["weight_decay"])
        state["sum"] += g * g
        w -= group["lr"] / (1 + (state["step"] - 1) * group["lr_decay"]) * g / (np.sqrt(state["sum"]) + group["eps"])
