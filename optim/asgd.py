"""Averaged stochastic gradient descent."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from tensorgrad.base.dtypes import Array
from tensorgrad.engine.tensor import Tensor

from .groups import checked
from .optimizer import Optimizer


class ASGD(Optimizer):
    """``w = (1 - lambd * eta) * w - eta * g``, and ``state[p]["ax"]``, the average of w since step `t0`.

    ``eta = lr / (1 + lambd * lr * t) ** alpha`` after t steps. PyTorch rounds it to its default dtype; here it is a
    Python number, of double precision.

    Source: Polyak and Juditsky 1992.

    Raises:
        ValueError: a setting out of its range, or no parameter at all.
        ArgumentError: ``differentiable=True``: a step is not recorded.
    """

    elementwise = True
    numbers = ("step", "eta", "mu")
    kept = ("ax",)  # the average of the parameter

    def __init__(
        self,
        params: Iterable[Any],
        lr: float | Tensor = 1e-2,
        lambd: float = 1e-4,
        alpha: float = 0.75,
        t0: float = 1e6,
        weight_decay: float = 0,
        foreach: bool | None = None,
        maximize: bool = False,
        differentiable: bool = False,
        capturable: bool = False,
    ) -> None:
        modes = {"foreach": foreach, "maximize": maximize, "capturable": capturable, "differentiable": differentiable}
        own = {"lambd": lambd, "alpha": alpha, "t0": t0}  # of which PyTorch checks none
        super().__init__(params, {**checked(lr=lr, weight_decay=weight_decay, **modes), **own})

    def initial_state(self, p: Tensor, group: dict[str, Any]) -> dict[str, Any]:
        """Return the rate of the first step, and an average that it will replace."""
        return {**super().initial_state(p, group), "eta": group["lr"], "mu": 1.0}

    def update(self, w: Array, g: Array, state: dict[str, Any], group: dict[str, Any]) -> None:
        """Move `w` against the gradient, and the average towards `w`."""
        g = self.counted(w, g, state, group)
        t, lr, lambd, average = state["step"], group["lr"], group["lambd"], state["ax"]
        w *= 1 - lambd * state["eta"]
        w -= state["eta"] * g
        if state["mu"] == 1:
            average[...] = w
        else:
            average += (w - average) * state["mu"]
        state["eta"] = lr / (1 + lambd * lr * t) ** group["alpha"]
        state["mu"] = 1 / max(1, t - group["t0"])
