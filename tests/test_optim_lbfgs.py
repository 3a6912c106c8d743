"""L-BFGS with its line search against the same algorithm in 60 digits, where rounding decides nothing."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import mpmath
import numpy as np
import pytest

import tensorgrad as tg
from tensorgrad import optim
from tensorgrad.optim import wolfe

DIGITS, MOST, EVALUATIONS = 60, 20, 25
exactly = np.vectorize(mpmath.mpf, otypes=[object])


def problem(seed: int) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Return a matrix, the targets, of which each step has another, and where to begin."""
    rng = np.random.default_rng(seed)
    a = rng.normal(size=(4, 4))
    return a @ a.T + 0.1 * np.eye(4), 3 * rng.normal(size=(12, 4))[:3], rng.normal(size=4)


def ours(seed: int) -> list[tuple[np.ndarray, int]]:
    matrix, targets, start = problem(seed)
    a, w = tg.tensor(matrix), tg.tensor(start, requires_grad=True)
    optimizer = optim.LBFGS([w], line_search_fn="strong_wolfe")
    found = []
    for target in map(tg.tensor, targets):

        def closure(target: tg.Tensor = target) -> tg.Tensor:
            optimizer.zero_grad()
            d = w - target
            loss = (d * (a @ d)).sum() + (d**4).sum() * 0.1 + (d * 3).sin().sum()
            loss.backward()
            return loss

        optimizer.step(closure)
        found.append((w.detach().numpy().copy(), optimizer.state[w]["func_evals"]))
    return found


class Exact:
    """Algorithms 7.4 and 7.5 of Nocedal and Wright in as many digits as mpmath works with."""

    def __init__(self, seed: int) -> None:
        self.a, self.targets, self.w = map(exactly, problem(seed))
        self.past: list[tuple[Any, Any]] = []
        self.last: tuple[Any, Any] | None = None  # the step, and the gradient before it
        self.scale, self.evaluations = mpmath.mpf(1), 0

    def value(self, w: Any, target: Any) -> tuple[Any, Any]:
        self.evaluations += 1
        d, tenth = w - target, mpmath.mpf(0.1)
        sines, cosines = (np.array([f(3 * v) for v in d]) for f in (mpmath.sin, mpmath.cos))
        return d @ self.a @ d + tenth * sum(d**4) + sum(sines), 2 * self.a @ d + 4 * tenth * d**3 + 3 * cosines

    def direction(self, g: Any) -> Any:
        if self.last is not None:
            s, y = self.last[0], g - self.last[1]
            if y @ s > 1e-10:
                self.past.append((y, s))
                self.scale = (y @ s) / (y @ y)
        q, shares = -g, []
        for y, s in reversed(self.past):
            shares.append((s @ q) / (y @ s))
            q = q - shares[-1] * y
        q = q * self.scale
        for (y, s), share in zip(self.past, reversed(shares), strict=True):
            q = q + s * (share - (y @ q) / (y @ s))
        return q

    def step(self, target: Any) -> None:
        before = self.evaluations
        value, g = self.value(self.w, target)
        for i in range(MOST):
            if max(abs(g)) <= 1e-7 or (i and self.evaluations - before >= EVALUATIONS):
                return
            d, origin, old = self.direction(g), self.w, value
            t = mpmath.mpf(1) if self.last is not None else min(mpmath.mpf(1), 1 / sum(abs(g)))
            if g @ d > -1e-9:  # PyTorch's way out, which takes the step for made
                self.last = t * d, g
                return

            def along(t: Any, d: Any = d, origin: Any = origin) -> wolfe.Point:
                value, g = self.value(origin + t * d, target)
                return wolfe.Point(t, value, g, g @ d)

            start = wolfe.Point(mpmath.mpf(0), value, g, g @ d)
            most = EVALUATIONS - (self.evaluations - before)
            found = wolfe.strong_wolfe(along, start, t, max(abs(d)), most)
            self.w, self.last, value = origin + found.t * d, (found.t * d, g), found.value
            g = found.gradient
            if max(abs(found.t * d)) <= 1e-9 or abs(value - old) < 1e-9:
                return


@pytest.mark.parametrize("seed", [5, 14, 20])
def test_under_a_target_that_jumps_the_way_is_the_one_of_sixty_digits(
    seed: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    found = ours(seed)
    monkeypatch.setattr(wolfe, "math", SimpleNamespace(sqrt=mpmath.sqrt))
    with mpmath.workdps(DIGITS):
        exact = Exact(seed)
        for target, (w, evaluations) in zip(exact.targets, found, strict=True):
            exact.step(target)
            np.testing.assert_allclose(w, exact.w.astype(float), atol=1e-9, rtol=0, equal_nan=False)
            assert evaluations == exact.evaluations
