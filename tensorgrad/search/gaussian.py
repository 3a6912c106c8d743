"""Regression by a Gaussian process, and the expected improvement: both are differentiated by this library's engine.

Sources: Rasmussen and Williams 2006, "Gaussian Processes for Machine Learning", algorithm 2.1 and equation 5.8; Snoek,
Larochelle and Adams 2012, "Practical Bayesian optimization of machine learning algorithms", sections 2 and 3.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Self

import numpy as np

from tensorgrad import no_grad, ops
from tensorgrad.base.dtypes import Array
from tensorgrad.create.creation import as_tensor, eye, tensor
from tensorgrad.engine.tensor import Tensor, wrap
from tensorgrad.errors import ArgumentError, ShapeError
from tensorgrad.functions.linalg import cholesky, solve_triangular
from tensorgrad.optim import LBFGS

KERNELS = ("matern52", "rbf")

_TINY = 1e-12  # under the root of a squared distance, whose slope at 0 were infinite
_LENGTHS, _SCALE, _NOISE = (0.03, 30.0), (0.05, 20.0), (1e-6, 1.0)
"""Bounds within which every covariance matrix has a Cholesky factor: the noise is at least a 2e7th of the scale."""


def squared_distances(a: Tensor, b: Tensor) -> Tensor:
    """Return the squared distances (n, m) of the rows of `a` (n, d) and `b` (m, d)."""
    difference = a.unsqueeze(1) - b.unsqueeze(0)
    return (difference * difference).sum(2)


def covariance(kernel: str, a: Tensor, b: Tensor) -> Tensor:
    """Return the covariances (n, m) of unit scale and length between the rows of `a` (n, d) and `b` (m, d)."""
    square = squared_distances(a, b)
    if kernel == "rbf":
        return (-0.5 * square).exp()
    r = (5.0 * square + _TINY).sqrt()
    return (1.0 + r + r * r / 3.0) * (-r).exp()


class GaussianProcess:
    """A Gaussian process with a length for each coordinate, whose hyper-parameters are the most probable ones.

    The logarithms of lengths, scale and noise are found by L-BFGS on the marginal likelihood, with wide normal priors,
    from `starts` places; bounds keep every matrix positive definite, whatever the data, equal rows included.

    Args:
        kernel: "matern52" or "rbf".
        starts: how many places to start from.
        seed: of the places after the first.

    Attributes:
        lengths: shape (d,), how far one has to go along each coordinate for the values to differ.
        scale: the variance of the values.
        noise: the variance of what is measured around them.

    Raises:
        ArgumentError: an unknown kernel.
    """

    def __init__(self, kernel: str = "matern52", starts: int = 2, seed: int = 0) -> None:
        if kernel not in KERNELS:
            raise ArgumentError(f"GaussianProcess: kernel {kernel!r}: there are {', '.join(KERNELS)}")
        self.kernel, self._starts, self._rng = kernel, starts, np.random.default_rng(seed)

    def fit(self, x: Array, y: Array) -> Self:
        """Fit to values `y` (n,) measured at `x` (n, d), coordinates around 0 to 1; return the process itself.

        Raises:
            ShapeError: other shapes, or no rows.
            ArgumentError: values that are not finite.
        """
        if x.ndim != 2 or y.shape != x.shape[:1] or not len(x):
            raise ShapeError(f"GaussianProcess.fit: expected (n, d) and (n,), n at least 1: found {x.shape}, {y.shape}")
        if not (np.isfinite(x).all() and np.isfinite(y).all()):
            raise ArgumentError("GaussianProcess.fit: values that are not finite")
        self._mean = float(y.mean())
        self._unit = float(y.std()) or 1.0
        self._x = wrap(x.astype(np.float64))
        self._y = wrap((y.astype(np.float64) - self._mean) / self._unit)
        places = [np.zeros(x.shape[1] + 2), *self._rng.normal(0.0, 0.5, (self._starts - 1, x.shape[1] + 2))]
        found = min((self._ascended(place) for place in places), key=lambda pair: pair[0])
        with no_grad():
            self.lengths, self.scale, self.noise = _unpacked(wrap(found[1]))
            self._factor, self._weights = self._solved(self.lengths, self.scale, self.noise)
        return self

    def predict(self, x: Tensor) -> tuple[Tensor, Tensor]:
        """Return the mean and the standard deviation (m,) of the values at `x` (m, d), differentiable by `x`."""
        across = self.scale * covariance(self.kernel, self._x / self.lengths, x / self.lengths)
        v = solve_triangular(self._factor, across, upper=False)
        variance = (self.scale - (v * v).sum(0)).clamp(min=_TINY)
        return (v * self._weights).sum(0) * self._unit + self._mean, variance.sqrt() * self._unit

    def _solved(self, lengths: Tensor, scale: Tensor, noise: Tensor) -> tuple[Tensor, Tensor]:
        """Return the Cholesky factor L of the covariance of the data, and the solution (n, 1) of ``L w = y``."""
        at = self._x / lengths
        factor = cholesky(scale * covariance(self.kernel, at, at) + noise * eye(len(self._x), dtype=self._x.dtype))
        return factor, solve_triangular(factor, self._y.unsqueeze(1), upper=False)

    def loss(self, place: Tensor) -> Tensor:
        """Return the negative log of likelihood times priors, but for constants, at raw hyper-parameters (d + 2,)."""
        factor, weights = self._solved(*_unpacked(place))
        return 0.5 * (weights * weights).sum() + factor.diagonal().log().sum() + 0.5 * (place * place).sum()

    def _ascended(self, start: Array) -> tuple[float, Array]:
        place = tensor(start, dtype=self._x.dtype, requires_grad=True)
        _descend(place, lambda: self.loss(place), 40)
        with no_grad():
            return self.loss(place).item(), place.detach().numpy()


def _unpacked(place: Tensor) -> tuple[Tensor, Tensor, Tensor]:
    """Return lengths, scale and noise at raw hyper-parameters, where 0 is likely and 1 is one standard deviation."""
    lengths = _within(_LENGTHS, math.log(0.5) + 1.0 * place[:-2])
    return lengths, _within(_SCALE, 1.0 * place[-2]), _within(_NOISE, math.log(1e-3) + 2.0 * place[-1])


def _within(ends: tuple[float, float], logarithm: Tensor) -> Tensor:
    """Return ``exp(logarithm)``, bent smoothly to stay between `ends`."""
    low, high = math.log(ends[0]), math.log(ends[1])
    middle, half = (low + high) / 2, (high - low) / 2
    return (middle + half * ((logarithm - middle) / half).tanh()).exp()


def _descend(place: Tensor, loss_of: Callable[[], Tensor], steps: int) -> None:
    """Move the leaf `place` to where the loss at it is least, by at most `steps` iterations of L-BFGS."""
    optimizer = LBFGS([place], max_iter=steps, line_search_fn="strong_wolfe", tolerance_change=1e-6)

    def closure() -> Tensor:
        optimizer.zero_grad()
        loss = loss_of()
        loss.backward()
        return loss

    optimizer.step(closure)


_FAR = -6.0


def log_expected_improvement(mean: Tensor, deviation: Tensor, best: float) -> Tensor:
    """Return the log of ``E[max(best - f, 0)]`` where f is normal; by its asymptotic series where it is tiny."""
    z = (best - mean) / deviation
    near, far = z.clamp(min=_FAR), z.clamp(max=_FAR)
    density = (-0.5 * near * near).exp() / math.sqrt(2 * math.pi)
    below = 0.5 * (-near / math.sqrt(2)).erfc()
    inverse = 1.0 / (far * far)
    series = 1.0 - inverse * (3.0 - inverse * (15.0 - 105.0 * inverse))
    tail = -0.5 * far * far - 0.5 * math.log(2 * math.pi) + (inverse * series).log()
    return deviation.log() + ops.where(z > _FAR, (density + near * below).log(), tail)


def most_promising(process: GaussianProcess, best: float, candidates: Array, climbers: int = 4) -> Array:
    """Return where in the unit cube, of shape (d,), the expected improvement on `best` is largest.

    L-BFGS climbs from the best `climbers` of the `candidates` (n, d), inside the cube by ``x = (1 + sin u) / 2``.
    """
    with no_grad():
        promise = log_expected_improvement(*process.predict(as_tensor(candidates)), best).numpy()
    chosen = candidates[np.argsort(-promise, kind="stable")[:climbers]]
    u = tensor(np.arcsin(2 * chosen - 1), dtype=process.lengths.dtype, requires_grad=True)

    def promises() -> Tensor:
        return log_expected_improvement(*process.predict((1 + u.sin()) / 2), best)

    _descend(u, lambda: -promises().sum(), 30)
    with no_grad():
        return np.asarray(((1 + u.sin()) / 2).numpy()[int(np.argmax(promises().numpy()))])
