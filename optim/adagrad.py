"""AdaGrad."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import numpy as np

from tensorgrad.base.dtypes import Array
from tensorgrad.engine.tensor import Tensor, wrap

from .groups import book_eps, checked
from .optimizer import Optimizer

EPS = 1e-10


class Adagrad(Optimizer):
    """``h += g * g; w -= lr / (1 + (t - 1) * lr_decay) * g / (sqrt(h) + eps)`` (equations 6.5, 6.6).

    Source: Duchi, Hazan and Singer 2011. Each element's learning rate falls with the squares of its own gradients.
    ``convention="book"`` has 1e-7 for `eps` where none is given.

    Raises:
        ValueError: a setting out of its range, or no parameter at all.
        ArgumentError: ``differentiable=True``, `foreach` and `fused` at once, or an unknown `convention`.
    """

    elementwise = True
    numbers = ("step",)
    kept = ("sum",)  # the sum of squares

    def __init__(
        self,
        params: Iterable[Any],
        lr: float | Tensor = 1e-2,
        lr_decay: float = 0,
        weight_decay: float = 0,
        initial_accumulator_value: float = 0,
        eps: float = EPS,
        foreach: bool | None = None,
        *,
        maximize: bool = False,
        differentiable: bool = False,
        fused: bool | None = None,
        convention: str = "pytorch",
    ) -> None:
        super().__init__(
            params,
            checked(
                lr=lr,
                lr_decay=lr_decay,
                weight_decay=weight_decay,
                initial_accumulator_value=initial_accumulator_value,
                eps=book_eps(convention, eps, EPS),
                foreach=foreach,
                maximize=maximize,
                differentiable=differentiable,
                fused=fused,
            ),
        )
        for group in self.param_groups:  # PyTorch's has its state from the start
            for p in group["params"]:
                self.state[p] = self.initial_state(p, group)

    def initial_state(self, p: Tensor, group: dict[str, Any]) -> dict[str, Any]:
        """Return the step count and the sum of squares."""
        return {"step": 0, "sum": wrap(np.full_like(p.array, group["initial_accumulator_value"]))}

    def update(self, w: Array, g: Array, state: dict[str, Any], group: dict[str, Any]) -> None:
        """Move each element of `w` by its own learning rate."""
        g = self.counted(w, g, state, group)
        room = self.room(w)
        state["sum"] += np.multiply(g, g, out=room)
        root = np.sqrt(state["sum"], out=room)
        root += group["eps"]
        w -= group["lr"] / (1 + (state["step"] - 1) * group["lr_decay"]) * g / root
