"""Stochastic gradient descent, with momentum."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import numpy as np

from tensorgrad.base.convention import check_convention
from tensorgrad.base.dtypes import Array
from tensorgrad.engine.tensor import Tensor

from .groups import checked
from .optimizer import Optimizer


class SGD(Optimizer):
    """``v = momentum * v + (1 - dampening) * g; w -= lr * v`` (equation 6.1; Polyak 1964 with momentum).

    `nesterov` uses ``g + momentum * v`` in place of v; `weight_decay` adds its multiple of w to g. The learning rate is
    outside v, as in PyTorch. ``convention="book"`` has it inside (equations 6.3 and 6.4, and the book's code of
    Nesterov's method with the old v)::

        v = momentum * v - lr * g; w += v
        w += momentum * momentum * v; w -= (1 + momentum) * lr * g; v = momentum * v - lr * g

    Raises:
        ValueError: a setting out of its range, `nesterov` without a momentum or with dampening, or no parameter at all.
        ArgumentError: ``differentiable=True``, `foreach` and `fused` at once, or an unknown `convention`.

    >>> import tensorgrad as tg
    >>> w = tg.tensor([1.0], requires_grad=True)
    >>> (w * 3).sum().backward()
    >>> SGD([w], lr=0.1).step()
    >>> w.detach()
    tensor([0.7000])
    """

    elementwise = True

    def __init__(
        self,
        params: Iterable[Any],
        lr: float | Tensor = 1e-3,
        momentum: float = 0,
        dampening: float = 0,
        weight_decay: float | Tensor = 0,
        nesterov: bool = False,
        *,
        maximize: bool = False,
        foreach: bool | None = None,
        differentiable: bool = False,
        fused: bool | None = None,
        convention: str = "pytorch",
    ) -> None:
        self.book = check_convention(convention)
        settings = checked(
            lr=lr,
            momentum=momentum,
            weight_decay=weight_decay,
            dampening=dampening,
            nesterov=nesterov,
            foreach=foreach,
            maximize=maximize,
            differentiable=differentiable,
            fused=fused,
        )
        if nesterov and (momentum <= 0 or dampening != 0):
            raise ValueError("Nesterov momentum requires a momentum and zero dampening")
        super().__init__(params, settings)

    def arrays(self, group: dict[str, Any]) -> tuple[str, ...]:
        """Return the velocity, if there is one."""
        return ("momentum_buffer",) if group["momentum"] else ()

    def initial_state(self, p: Any, group: dict[str, Any]) -> dict[str, Any]:
        """Return nothing in PyTorch's convention, whose first velocity is the first gradient."""
        return super().initial_state(p, group) if self.book else {}

    def update(self, w: Array, g: Array, state: dict[str, Any], group: dict[str, Any]) -> None:
        """Move `w` against the gradient, or along the velocity."""
        if group["weight_decay"]:
            g = self.decayed(w, g, group)
        momentum = group["momentum"]
        if momentum and self.book:
            self.update_as_in_the_book(w, g, state["momentum_buffer"], group)
            return
        room = self.room(w)
        if momentum:
            v = state.get("momentum_buffer")
            if v is None:
                v = state["momentum_buffer"] = g.copy()
            else:
                v *= momentum
                v += np.multiply(g, 1 - group["dampening"], out=room) if group["dampening"] else g
            g = np.add(g, np.multiply(v, momentum, out=room), out=room) if group["nesterov"] else v
        w -= group["lr"] * g if room is None else np.multiply(g, group["lr"], out=room)

    def update_as_in_the_book(self, w: Array, g: Array, v: Array, group: dict[str, Any]) -> None:
        """Move `w` along the velocity `v`, which holds the learning rate."""
        momentum, room = group["momentum"], self.room(w)
        if group["nesterov"]:
            w += np.multiply(v, momentum * momentum, out=room)
            w -= np.multiply(g, (1 + momentum) * group["lr"], out=room)
        v *= momentum
        v -= np.multiply(g, group["lr"], out=room)
        if not group["nesterov"]:
            w += v
