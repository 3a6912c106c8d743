"""Adam, and AdamW, whose weight decay is not part of the gradient."""

from __future__ import annotations

import math
from collections.abc import Iterable
from typing import Any

import numpy as np

from tensorgrad.base.convention import check_convention
from tensorgrad.base.dtypes import Array
from tensorgrad.engine.tensor import Tensor
from tensorgrad.errors import ArgumentError

from .groups import book_eps, checked
from .optimizer import Optimizer

EPS = 1e-8


class Adam(Optimizer):
    """``m += (1 - b1) * (g - m); v += (1 - b2) * (g * g - v); w -= lr * m' / (sqrt(v') + eps)``.

    ``m' = m / (1 - b1 ** t)`` and ``v' = v / (1 - b2 ** t)`` correct the start from 0. `amsgrad` takes the largest v so
    far (Reddi, Kale and Kumar 2018); `decoupled_weight_decay` first scales w by ``1 - lr * weight_decay``, instead of
    adding to the gradient (Loshchilov and Hutter 2019).

    ``convention="book"`` has epsilon, 1e-7 where none is given, beside the root of the uncorrected v::

        lr_t = lr * sqrt(1 - b2 ** t) / (1 - b1 ** t); w -= lr_t * m / (sqrt(v) + eps)

    Source: Kingma and Ba 2015, algorithm 1; the book's form is the one at the end of their section 2.

    Raises:
        ValueError: a setting out of its range, or no parameter at all.
        ArgumentError: ``differentiable=True``, `foreach` and `fused` at once, an unknown `convention`, or the book's
            with `amsgrad`.
    """

    elementwise = True
    numbers = ("step",)

    def __init__(
        self,
        params: Iterable[Any],
        lr: float | Tensor = 1e-3,
        betas: tuple[float | Tensor, float | Tensor] = (0.9, 0.999),
        eps: float = EPS,
        weight_decay: float = 0,
        amsgrad: bool = False,
        *,
        foreach: bool | None = None,
        maximize: bool = False,
        capturable: bool = False,
        differentiable: bool = False,
        fused: bool | None = None,
        decoupled_weight_decay: bool = False,
        convention: str = "pytorch",
    ) -> None:
        self.book = check_convention(convention)
        if self.book and amsgrad:
            raise ArgumentError("convention='book' has no amsgrad")
        super().__init__(
            params,
            checked(
                lr=lr,
                eps=book_eps(convention, eps, EPS),
                betas=betas,
                weight_decay=weight_decay,
                amsgrad=amsgrad,
                foreach=foreach,
                maximize=maximize,
                capturable=capturable,
                differentiable=differentiable,
                fused=fused,
                decoupled_weight_decay=decoupled_weight_decay,
            ),
        )

    def arrays(self, group: dict[str, Any]) -> tuple[str, ...]:
        """Return the two moving averages, and with `amsgrad` the largest value of the second."""
        return ("exp_avg", "exp_avg_sq") + ("max_exp_avg_sq",) * bool(group["amsgrad"])

    def update(self, w: Array, g: Array, state: dict[str, Any], group: dict[str, Any]) -> None:
        """Move `w` by the corrected ratio of the averages."""
        g = self.counted(w, g, state, group)
        if self.book:
            self.update_as_in_the_book(w, g, state, group)
            return
        t, (b1, b2), m, v = state["step"], group["betas"], state["exp_avg"], state["exp_avg_sq"]
        room = self.room(w)
        m *= b1
        m += np.multiply(g, 1 - b1, out=room)
        v *= b2
        square = np.multiply(g, math.sqrt(1 - b2), out=room)  # a number's product is quicker than another array's
        square *= square
        v += square
        if group["amsgrad"]:
            v = np.maximum(state["max_exp_avg_sq"], v, out=state["max_exp_avg_sq"])
        root = np.sqrt(v, out=room)
        correction = math.sqrt(1 - b2**t)
        root += group["eps"] * correction
        step = np.divide(m, root, out=root)
        step *= group["lr"] * correction / (1 - b1**t)
        w -= step

    def update_as_in_the_book(self, w: Array, g: Array, state: dict[str, Any], group: dict[str, Any]) -> None:
        """Move `w` with the order of operations, and so the rounding, of the book's code."""
        t, (b1, b2), m, v = state["step"], group["betas"], state["exp_avg"], state["exp_avg_sq"]
        m += (1 - b1) * (g - m)
        v += (1 - b2) * (g**2 - v)
        rate = group["lr"] * np.sqrt(1.0 - b2**t) / (1.0 - b1**t)
        w -= float(rate) * m / (np.sqrt(v) + group["eps"])


class AdamW(Adam):
    """Adam with decoupled weight decay: each step first scales w by ``1 - lr * weight_decay``.

    Source: Loshchilov and Hutter 2019, algorithm 2.

    Raises:
        ValueError: a setting out of its range, or no parameter at all.
        ArgumentError: ``differentiable=True``, or `foreach` and `fused` at once.
    """

    def __init__(
        self,
        params: Iterable[Any],
        lr: float | Tensor = 1e-3,
        betas: tuple[float | Tensor, float | Tensor] = (0.9, 0.999),
        eps: float = EPS,
        weight_decay: float = 1e-2,
        amsgrad: bool = False,
        *,
        maximize: bool = False,
        foreach: bool | None = None,
        capturable: bool = False,
        differentiable: bool = False,
        fused: bool | None = None,
    ) -> None:
        super().__init__(
            params,
            lr,
            betas,
            eps,
            weight_decay,
            amsgrad,
            maximize=maximize,
            foreach=foreach,
            capturable=capturable,
            differentiable=differentiable,
            fused=fused,
            decoupled_weight_decay=True,
        )
