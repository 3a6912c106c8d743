"""L-BFGS: a quasi-Newton method with limited memory."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any

import numpy as np

from tensorgrad.autograd import enable_grad
from tensorgrad.base.dtypes import Array
from tensorgrad.base.hints import fits, found
from tensorgrad.engine.tensor import Tensor, wrap
from tensorgrad.engine.writes import note
from tensorgrad.errors import ArgumentError

from .groups import checked, number
from .optimizer import Optimizer
from .wolfe import Point, strong_wolfe

LEAST_CURVATURE = 1e-10


class LBFGS(Optimizer):
    """Steps along ``-H g``, where H, the inverse of the Hessian, is built from the last changes of w and of g.

    One `step` is up to `max_iter` iterations, and calls the closure up to about `max_eval` times (None: 5 / 4 of
    `max_iter`). It ends early where no element of the gradient exceeds `tolerance_grad`, or where the step or the
    change of the loss is below `tolerance_change`. ``line_search_fn="strong_wolfe"`` searches for the length of each
    step; otherwise it is `lr` (shorter at the very first). All parameters are one vector, in one group.

    Source: Nocedal and Wright, Numerical Optimization (2006), algorithms 7.4 and 7.5.

    Raises:
        ValueError: a negative `lr`, no parameter at all, or several groups.
        ArgumentError: an unknown `line_search_fn`.

    >>> import tensorgrad as tg
    >>> w = tg.tensor([-1.0, 2.0], requires_grad=True)
    >>> optimizer = LBFGS([w], line_search_fn="strong_wolfe")
    >>> def closure():
    ...     optimizer.zero_grad()
    ...     loss = 100 * (w[1] - w[0] ** 2) ** 2 + (1 - w[0]) ** 2
    ...     loss.backward()
    ...     return loss
    >>> for _ in range(4):
    ...     _ = optimizer.step(closure)
    >>> w.detach()
    tensor([1.0000, 1.0000])
    """

    def __init__(
        self,
        params: Iterable[Any],
        lr: float | Tensor = 1,
        max_iter: int = 20,
        max_eval: int | None = None,
        tolerance_grad: float = 1e-7,
        tolerance_change: float = 1e-9,
        history_size: int = 100,
        line_search_fn: str | None = None,
    ) -> None:
        if line_search_fn not in {None, "strong_wolfe"}:
            raise ArgumentError(f"only 'strong_wolfe' is supported as line_search_fn, found {line_search_fn!r}")
        super().__init__(
            params,
            checked(
                lr=lr,
                max_iter=max_iter,
                max_eval=max_iter * 5 // 4 if max_eval is None else max_eval,
                tolerance_grad=tolerance_grad,
                tolerance_change=tolerance_change,
                history_size=history_size,
                line_search_fn=line_search_fn,
            ),
        )
        if len(self.param_groups) != 1:
            raise ValueError("LBFGS doesn't support per-parameter options (parameter groups)")

    def step(self, closure: Callable[[], Any] | None = None) -> Any:
        """Iterate, and return the loss at the start; `closure` computes the loss and its gradients.

        Raises:
            ArgumentError: no closure.
            TypeError: what the closure returns is no number.
        """
        if closure is None:
            raise ArgumentError(
                "LBFGS.step needs a closure that computes the loss, calls backward and returns the loss"
            )
        return _Step(self, closure).run()


class _Step:
    """What one call of `step` works with. The history lives in the state of the first parameter, as in PyTorch."""

    def __init__(self, optimizer: LBFGS, closure: Callable[[], Any]) -> None:
        self.group = optimizer.param_groups[0]
        self.params: list[Tensor] = self.group["params"]
        self.closure = closure
        self.state = optimizer.state[self.params[0]]
        self.state.update(
            {"func_evals": 0, "n_iter": 0, "old_dirs": [], "old_stps": [], "ro": [], "H_diag": 1.0} | self.state
        )
        self.loss: Any = None
        self.evaluations = 0

    def run(self) -> Any:
        """Iterate until there is a reason to stop, and return the loss at the start."""
        group = self.group
        value, g = self.evaluate()
        first = self.loss
        for iteration in range(1, group["max_iter"] + 1):
            if np.abs(g).max(initial=0) <= group["tolerance_grad"] or (
                iteration > 1 and self.evaluations >= group["max_eval"]
            ):
                break
            self.state["n_iter"] += 1
            d = self.direction(g)
            slope = float(g @ d)
            self.state |= {"d": wrap(d), "prev_flat_grad": wrap(g.copy()), "t": self.first_distance(g)}
            if slope > -group["tolerance_change"]:
                break
            before, last = value, iteration == group["max_iter"]
            value, g, t = self.moved(Point(0.0, value, g, slope), d, last)
            self.state["t"] = t
            shift = np.abs(d * t).max(initial=0)
            if shift <= group["tolerance_change"] or abs(value - before) < group["tolerance_change"]:
                break
        return first

    def evaluate(self) -> tuple[float, Array]:
        """Return the loss and the gradient of all parameters, one after the other."""
        with enable_grad():
            self.loss = self.closure()
        self.evaluations += 1
        self.state["func_evals"] += 1
        if not fits(self.loss, float):
            raise TypeError(f"LBFGS.step(): the closure must return the loss, a number, not {found(self.loss)}")
        parts = [np.zeros_like(p.array) if p.grad is None else p.grad.array for p in self.params]
        return float(self.loss), np.concatenate(parts, axis=None)

    def direction(self, g: Array) -> Array:
        """Return ``-H g`` by the two loops of algorithm 7.4, with what has changed since the last direction."""
        state = self.state
        dirs, steps, ro = state["old_dirs"], state["old_stps"], state["ro"]  # y and s: changes of g and w; 1 / (y @ s)
        if "d" in state:
            y, s = g - state["prev_flat_grad"].array, state["d"].array * float(state["t"])
            if (curvature := float(y @ s)) > LEAST_CURVATURE:
                if len(dirs) == self.group["history_size"]:
                    del dirs[0], steps[0], ro[0]
                dirs.append(wrap(y))
                steps.append(wrap(s))
                ro.append(1.0 / curvature)
                state["H_diag"] = curvature / float(y @ y)
        q, shares = -g, []
        past = [(y.array, s.array, float(r)) for y, s, r in zip(dirs, steps, ro, strict=True)]
        for y, s, r in reversed(past):
            shares.append(r * float(s @ q))
            q -= shares[-1] * y
        q *= float(state["H_diag"])
        for (y, s, r), share in zip(past, reversed(shares), strict=True):
            q += s * (share - r * float(y @ q))
        return q

    def first_distance(self, g: Array) -> float:
        """Return how far to go along a direction to begin with: `lr`, and less in the very first iteration."""
        rate = float(number(self.group["lr"]))
        return rate if self.state["n_iter"] > 1 else min(1.0, 1.0 / float(np.abs(g).sum())) * rate

    def moved(self, start: Point, d: Array, last: bool) -> tuple[float, Array, float]:
        """Move the parameters along `d`; return the loss, the gradient and the distance; `last`: nobody needs them."""
        t = self.state["t"]
        origin = [p.array.copy() for p in self.params]

        def move(t: float) -> None:
            for p, old, part in zip(self.params, origin, self.parts(d), strict=True):
                p.array[...] = old + t * part
                note(p)

        def evaluate(t: float) -> Point:
            move(t)
            value, g = self.evaluate()
            return Point(t, value, g, float(g @ d))

        if self.group["line_search_fn"] is None:
            if not last:
                found = evaluate(t)
                return found.value, found.gradient, t
            move(t)
            return start.value, start.gradient, t
        found = strong_wolfe(
            evaluate, start, t, float(np.abs(d).max(initial=0)), self.group["max_eval"] - self.evaluations
        )
        move(found.t)
        return found.value, found.gradient, found.t

    def parts(self, flat: Array) -> list[Array]:
        """Return `flat` cut into views of the shapes of the parameters."""
        ends = np.cumsum([p.array.size for p in self.params])
        return [x.reshape(p.array.shape) for x, p in zip(np.split(flat, ends[:-1]), self.params, strict=True)]
