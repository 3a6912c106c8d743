"""What keeps weights small: L1, L2 and L-infinity penalties, and a bound on the norm of each unit's weights.

One loop serves them all::

    loss = criterion(model(x), t) + regularizer.penalty(model.parameters())
    loss.backward()
    optimizer.step()
    regularizer.apply_(model.parameters(), lr)

A penalty R acts in one of two ways, never in both. Through its gradient: `penalty` is differentiable and `apply_` does
nothing. Or, with ``proximal=True``, through its proximal step ``w <- argmin_v (v - w)**2 / 2 + lr * R(v)``: `apply_`
makes it after the optimiser's step, and `penalty` is the value alone. Where R has an edge, at 0 or where several
weights are the largest, the gradient jumps to and fro while the proximal step comes to rest on it exactly.

Sources: the norms are those of chapter 6.4.2 of "Deep Learning from Scratch" (Saito 2016); the proximal steps are in
Parikh and Boyd 2014, "Proximal algorithms", sections 6.5.1 to 6.5.4; MaxNorm is in Srivastava et al. 2014, "Dropout",
section 5.1.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable

import numpy as np

from tensorgrad import ops
from tensorgrad.base.answers import complete as _complete
from tensorgrad.base.dtypes import Array
from tensorgrad.engine.tensor import Tensor, wrap
from tensorgrad.engine.writes import note

__all__ = ["L1", "L2", "LInf", "MaxNorm", "Regularizer", "is_weight"]


def is_weight(parameter: Tensor) -> bool:
    """Return whether `parameter` has two axes or more, as weights have, but not biases and scales."""
    return parameter.array.ndim >= 2


class Regularizer:
    """Base class: subclasses define `term` and `moved`.

    Args:
        select: which of the parameters are regularised; all that `is_weight` unless given.
        proximal: act by the proximal step and not by the gradient.
    """

    def __init__(self, *, select: Callable[[Tensor], bool] = is_weight, proximal: bool = False) -> None:
        self.select = select
        self.proximal = proximal

    def penalty(self, parameters: Tensor | Iterable[Tensor]) -> Tensor:
        """Return the sum of the terms of all selected parameters, of shape (); without history if proximal.

        Raises:
            ValueError: none is selected, as when an iterator of parameters is used up.
        """
        total: Tensor | None = None
        for w in self._selected(parameters):
            term = self.term(wrap(w.array) if self.proximal else w)
            total = term if total is None else ops.add(total, term)
        assert total is not None
        return total

    def apply_(self, parameters: Tensor | Iterable[Tensor], lr: float) -> None:
        """Make the proximal step of size `lr` on each selected parameter, in place; nothing unless proximal.

        Raises:
            ValueError: none is selected.
        """
        chosen = self._selected(parameters)
        for w in chosen if self.proximal else ():
            w.array[...] = self.moved(w.array, lr)
            note(w)

    def term(self, w: Tensor) -> Tensor:
        """Return the penalty of one parameter, of shape ()."""
        raise NotImplementedError

    def moved(self, w: Array, lr: float) -> Array:
        """Return where the proximal step of size `lr` leads from `w`."""
        raise NotImplementedError

    def _selected(self, parameters: Tensor | Iterable[Tensor]) -> list[Tensor]:
        given = [parameters] if isinstance(parameters, Tensor) else list(parameters)
        chosen = [w for w in given if self.select(w)]
        if not chosen:
            raise ValueError(
                f"{type(self).__name__}: none of {len(given)} parameters is selected: pass model.parameters() anew "
                f"each time, and select=lambda p: True if those of one axis count too"
            )
        return chosen


class _Weighted(Regularizer):
    """Base class: a norm times `lambd`."""

    def __init__(self, lambd: float, *, select: Callable[[Tensor], bool] = is_weight, proximal: bool = False) -> None:
        if not 0 <= lambd < math.inf:
            raise ValueError(f"Invalid lambd value: {lambd}: expected a number that is not negative")
        super().__init__(select=select, proximal=proximal)
        self.lambd = lambd

    def __repr__(self) -> str:
        return f"{type(self).__name__}(lambd={self.lambd}, proximal={self.proximal})"


class L1(_Weighted):
    """``lambd * sum(|W|)``. Its proximal step is the soft threshold, which makes small weights exactly 0.

    ``w <- sign(w) * max(|w| - lr * lambd, 0)``. Proximal unless ``proximal=False`` is given; the gradient is then
    ``lambd * sign(W)``, 0 at 0.

    Raises:
        ValueError: `lambd` is negative, or no number.

    >>> import tensorgrad as tg
    >>> w = tg.tensor([[3.0, -0.5]], requires_grad=True)
    >>> L1(2.0).apply_([w], lr=0.5)
    >>> w.detach()
    tensor([[2., 0.]])
    """

    def __init__(self, lambd: float, *, proximal: bool = True, select: Callable[[Tensor], bool] = is_weight) -> None:
        super().__init__(lambd, select=select, proximal=proximal)

    def term(self, w: Tensor) -> Tensor:
        """Return ``lambd * sum(|W|)``."""
        return ops.mul(self.lambd, ops.sum(ops.abs(w)))

    def moved(self, w: Array, lr: float) -> Array:
        """Return `w` nearer to 0 by ``lr * lambd``, at most all the way."""
        t = lr * self.lambd
        nearer: Array = w - np.clip(w, -t, t)
        return nearer


class L2(_Weighted):
    """``lambd / 2 * sum(W ** 2)``, whose gradient is ``lambd * W``: weight decay, on the weights and not on the biases.

    The proximal step is ``w <- w / (1 + lr * lambd)``.

    Raises:
        ValueError: `lambd` is negative, or no number.

    >>> import tensorgrad as tg
    >>> w = tg.tensor([[3.0, -0.5]], requires_grad=True)
    >>> L2(0.1).penalty([w]).backward()
    >>> w.grad
    tensor([[ 0.3000, -0.0500]])
    """

    def term(self, w: Tensor) -> Tensor:
        """Return ``lambd / 2 * sum(W ** 2)``."""
        return ops.mul(self.lambd / 2, ops.sum(ops.mul(w, w)))

    def moved(self, w: Array, lr: float) -> Array:
        """Return `w` divided by ``1 + lr * lambd``."""
        return w / (1 + lr * self.lambd)


class LInf(_Weighted):
    """``lambd * max(|W|)``, summed over the parameters. Weights that are the largest together share the gradient.

    The proximal step cuts all weights off at the level c at which ``sum(max(|w| - c, 0)) = lr * lambd``, or makes
    them 0 if their sum is less than that.

    Raises:
        ValueError: `lambd` is negative, or no number.

    >>> import tensorgrad as tg
    >>> w = tg.tensor([[3.0, -3.0, 1.0]], requires_grad=True)
    >>> LInf(1.0).penalty([w]).backward()
    >>> w.grad
    tensor([[ 0.5000, -0.5000,  0.0000]])
    """

    def term(self, w: Tensor) -> Tensor:
        """Return ``lambd * max(|W|)``."""
        return ops.mul(self.lambd, ops.amax(ops.abs(w)))

    def moved(self, w: Array, lr: float) -> Array:
        """Return `w` cut off at the level below which ``lr * lambd`` is taken away."""
        level = _level(np.abs(w).ravel(), lr * self.lambd)
        return np.clip(w, -level, level)


def _level(sizes: Array, amount: float) -> float:
    """Return c >= 0 with ``sum(max(sizes - c, 0)) == amount``; 0 if all of `sizes` together are less.

    Source: Duchi et al. 2008, "Efficient projections onto the l1-ball", figure 1. The k largest lie above c, for the
    last k at which the k-th of them does.
    """
    descending = np.sort(sizes)[::-1].astype(np.float64)
    with np.errstate(invalid="ignore"):  # the largest of weights among which is a NaN is NaN, and so is the level
        levels = (np.cumsum(descending) - amount) / np.arange(1, descending.size + 1)
        above = descending > levels
    last = int(np.flatnonzero(above)[-1]) if above.any() else 0
    return max(float(levels[last]), 0.0)


class MaxNorm(Regularizer):
    """A bound on the length of each unit's incoming weights, ``W[i]``: longer ones are scaled down to `max_norm`.

    A constraint: the penalty is 0, and the proximal step is the projection, whatever the learning rate.

    Raises:
        ValueError: `max_norm` is not a positive number.

    >>> import tensorgrad as tg
    >>> w = tg.tensor([[3.0, 4.0], [0.3, 0.4]], requires_grad=True)
    >>> MaxNorm(1.0).apply_([w])
    >>> w.detach()
    tensor([[0.6000, 0.8000],
            [0.3000, 0.4000]])
    """

    def __init__(self, max_norm: float, *, select: Callable[[Tensor], bool] = is_weight) -> None:
        if not 0 < max_norm < math.inf:
            raise ValueError(f"Invalid max_norm value: {max_norm}: expected a positive number")
        super().__init__(select=select, proximal=True)
        self.max_norm = max_norm

    def apply_(self, parameters: Tensor | Iterable[Tensor], lr: float = 0.0) -> None:
        """Scale down what is too long, in place; `lr` has no say. ValueError if no parameter is selected."""
        super().apply_(parameters, lr)

    def term(self, w: Tensor) -> Tensor:
        """Return 0."""
        return wrap(np.zeros((), w.array.dtype))

    def moved(self, w: Array, lr: float) -> Array:
        """Return `w` with every row that is too long scaled to the length `max_norm`."""
        rows = w.astype(np.float64)
        lengths = np.sqrt(np.sum(rows * rows, axis=tuple(range(1, w.ndim)), keepdims=True))
        scaled: Array = rows * (self.max_norm / np.maximum(lengths, self.max_norm))
        return scaled

    def __repr__(self) -> str:
        return f"MaxNorm({self.max_norm})"


_complete(__name__)
