"""Stochastic gradient descent, with momentum."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import numpy as np

from tensorgrad.dtypes import Array

from .optimizer import LARGE, Optimizer, check, decayed


class SGD(Optimizer):
    """``v = momentum * v + (1 - dampening) * g; w -= lr * v`` (equation 6.1; Polyak 1964 with momentum).

    `nesterov` uses ``g + momentum * v`` in place of v; `weight_decay` adds its multiple of w to g. The learning rate is
    outside v, as in PyTorch.

    >>> import tensorgrad as tg
    >>> w = tg.tensor([1.0], requires_grad=True)
    >>> (w * 3).sum().backward()
    >>> SGD([w], lr=0.1).step()
    >>> w.detach()
    tensor([0.7000])
    """

    def __init__(
        self,
        params: Iterable[Any],
        lr: float = 1e-3,
        momentum: float = 0,
        dampening: float = 0,
        weight_decay: float = 0,
        nesterov: bool = False,
    ) -> None:
        check("learning rate", lr)
        check("momentum value", momentum)
        check("weight_decay value", weight_decay)
        if nesterov and (momentum <= 0 or dampening != 0):
            raise ValueError("Nesterov momentum requires a momentum and zero dampening")
        settings = {"momentum": momentum, "dampening": dampening, "weight_decay": weight_decay, "nesterov": nesterov}
        super().__init__(params, {"lr": lr, **settings})

    def update(self, w: Array, g: Array, state: dict[str, Any], group: dict[str, Any]) -> None:
        """Move `w` against the gradient, or along the velocity."""
        if group["weight_decay"]:
            g = decayed(w, g, group["weight_decay"])
        if momentum := group["momentum"]:
            v = state.get("momentum_buffer")
            if v is None:
                v = state["momentum_buffer"] = g.copy()
            else:
                v *= momentum
                v += (1 - group["dampening"]) * g if group["dampening"] else g
            g = g + momentum * v if group["nesterov"] else v
        if w.size < LARGE:
            w -= group["lr"] * g
        else:
            w -= np.multiply(g, group["lr"], out=self.room(w))
