"""RMSprop."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import numpy as np

from tensorgrad.base.dtypes import Array
from tensorgrad.engine.tensor import Tensor

from .groups import book_eps, checked
from .optimizer import Optimizer

EPS = 1e-8


class RMSprop(Optimizer):
    """``h = alpha * h + (1 - alpha) * g * g; w -= lr * g / (sqrt(h) + eps)``.

    `centered` takes the variance in the place of h: it subtracts the square of the average gradient (Graves 2013).
    With `momentum`, w moves along ``v = momentum * v + g / (sqrt(h) + eps)``. ``convention="book"`` has 1e-7 for `eps`
    where none is given.

    Source: Tieleman and Hinton 2012, lecture 6.5.

    Raises:
        ValueError: a setting out of its range, or no parameter at all.
        ArgumentError: ``differentiable=True``, or another `convention` than "pytorch" and "book".
    """

    elementwise = True
    numbers = ("step",)

    def __init__(
        self,
        params: Iterable[Any],
        lr: float | Tensor = 1e-2,
        alpha: float = 0.99,
        eps: float = EPS,
        weight_decay: float = 0,
        momentum: float = 0,
        centered: bool = False,
        capturable: bool = False,
        foreach: bool | None = None,
        maximize: bool = False,
        differentiable: bool = False,
        *,
        convention: str = "pytorch",
    ) -> None:
        super().__init__(
            params,
            checked(
                lr=lr,
                eps=book_eps(convention, eps, EPS),
                momentum=momentum,
                weight_decay=weight_decay,
                alpha=alpha,
                centered=centered,
                foreach=foreach,
                maximize=maximize,
                capturable=capturable,
                differentiable=differentiable,
            ),
        )

    def arrays(self, group: dict[str, Any]) -> tuple[str, ...]:
        """Return the average square, and what momentum and centring need."""
        momentum, centered = ("momentum_buffer",) * (group["momentum"] > 0), ("grad_avg",) * bool(group["centered"])
        return ("square_avg", *momentum, *centered)

    def update(self, w: Array, g: Array, state: dict[str, Any], group: dict[str, Any]) -> None:
        """Move `w` by the gradient in units of its root mean square."""
        g, room, alpha = self.counted(w, g, state, group), self.room(w), group["alpha"]
        h = state["square_avg"]
        h *= alpha
        square = np.multiply(g, 1 - alpha, out=room)
        square *= g
        h += square
        if group["centered"]:
            mean = state["grad_avg"]
            mean *= alpha
            mean += np.multiply(g, 1 - alpha, out=room)
            root = np.multiply(mean, mean, out=room)
            root = np.sqrt(np.subtract(h, root, out=root), out=root)
        else:
            root = np.sqrt(h, out=room)
        root += group["eps"]
        if group["momentum"] > 0:
            v = state["momentum_buffer"]
            v *= group["momentum"]
            v += np.divide(g, root, out=root)
            w -= np.multiply(v, group["lr"], out=room)
        else:
            w -= group["lr"] * g / root
