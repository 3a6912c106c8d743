"""A function of tensors as one of a flat vector, with its gradient: what optimisers of other libraries take."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any

import numpy as np

from tensorgrad.autograd import enable_grad, grad, no_grad
from tensorgrad.base.dtypes import Array
from tensorgrad.create.creation import from_numpy
from tensorgrad.engine.tensor import Tensor
from tensorgrad.errors import ArgumentError, AutogradError, ShapeError

__all__ = ["Objective"]


class Objective:
    """A scalar function of a vector: called with an array of float64 it returns the value and the gradient.

    That is what ``scipy.optimize.minimize(objective, objective.x0, jac=True)`` takes. The vector is the argument of
    `function` or, where `params` are given, all of these one after the other; then `function` takes no argument, and
    the parameters hold what was computed with last.

    Args:
        function: returns a tensor of one element.
        params: leaves that require grad, of any shapes and floating dtypes.

    Raises:
        ArgumentError: no parameters, one that is none, or one twice.
        AutogradError: the value does not depend on the vector.
        ShapeError: the value is not one number, or the vector has not as many as the parameters.

    >>> import numpy as np, tensorgrad as tg
    >>> objective = tg.optim.Objective(lambda x: ((x - 3) ** 2).sum())
    >>> value, gradient = objective(np.array([1.0, 5.0]))
    >>> value, gradient.tolist()
    (8.0, [-4.0, 4.0])
    """

    def __init__(self, function: Callable[..., Tensor], params: Iterable[Any] | None = None) -> None:
        self._function = function
        self._params = None if params is None else list(params)
        if self._params is not None and not self._params:
            raise ArgumentError("Objective(): params is empty: give the parameters, or a function of one vector")
        if len({id(p) for p in self._params or ()}) < len(self._params or ()):
            raise ArgumentError("Objective(): a parameter is given twice: it has one place in the vector")
        for p in self._params or ():
            if not isinstance(p, Tensor) or not p.is_leaf or not p.requires_grad:
                raise ArgumentError(
                    "Objective(): params must be leaves that require grad, as Module.parameters() gives"
                )

    @property
    def x0(self) -> Array:
        """The vector of the parameters as they are, in float64: where to begin.

        Raises:
            ArgumentError: of a function of a vector, which begins where its user says.
        """
        if self._params is None:
            raise ArgumentError(
                "Objective.x0: a function of a vector has no parameters: begin with a vector of your own"
            )
        return _joined([p.detach().numpy() for p in self._params])

    def __call__(self, x: Array) -> tuple[float, Array]:
        """Return the value at `x`, and the gradient there, of its shape."""
        value, leaves = self._at(x)
        with enable_grad():
            slopes = grad(value, leaves, allow_unused=True)
        return value.item(), self._flat(slopes, leaves)

    def hessp(self, x: Array, p: Array) -> Array:
        """Return the Hessian at `x` times `p`, exactly: the ``hessp`` of methods such as "trust-ncg"."""
        value, leaves = self._at(x)
        with enable_grad():
            slopes = grad(value, leaves, create_graph=True, allow_unused=True)
            parts = zip(slopes, self._cut(np.asarray(p, np.float64), leaves), strict=True)
            terms = [(slope * part).sum() for slope, part in parts if slope is not None and slope.requires_grad]
        if not terms:
            return np.zeros(np.shape(x))
        return self._flat(grad(sum(terms[1:], terms[0]), leaves, allow_unused=True), leaves)

    def _at(self, x: Array) -> tuple[Tensor, list[Tensor]]:
        """Return the value at `x`, recorded, and the leaves that it is a function of."""
        vector = np.array(x, np.float64)
        if self._params is None:
            leaves = [from_numpy(vector).requires_grad_()]
        else:
            leaves = self._params
            with no_grad():
                for p, part in zip(leaves, self._cut(vector, leaves), strict=True):
                    p.copy_(part)
        with enable_grad():
            value = self._function(*leaves) if self._params is None else self._function()
        if not _is_one(value):
            told = f"shape {list(value.shape)}" if hasattr(value, "shape") else type(value).__name__
            raise ShapeError(f"Objective(): the function must return a tensor of one element, not {told}")
        if not value.requires_grad:
            raise AutogradError("Objective(): the value does not depend on the vector: compute it with tensors")
        with enable_grad():
            return value.reshape(()), leaves

    @staticmethod
    def _cut(vector: Array, leaves: list[Tensor]) -> list[Tensor]:
        ends = np.cumsum([leaf.numel() for leaf in leaves])
        if vector.size != ends[-1]:
            raise ShapeError(f"Objective(): a vector of {vector.size} numbers for parameters of {ends[-1]}")
        parts = np.split(vector.reshape(-1), ends[:-1])
        return [from_numpy(part.reshape(leaf.shape)).to(leaf.dtype) for part, leaf in zip(parts, leaves, strict=True)]

    def _flat(self, gradients: Any, leaves: list[Tensor]) -> Array:
        parts = [
            np.zeros(leaf.shape) if g is None else g.detach().numpy() for g, leaf in zip(gradients, leaves, strict=True)
        ]
        if self._params is None:
            return np.asarray(parts[0], np.float64)
        return _joined(parts)


def _joined(parts: list[Array]) -> Array:
    """Return the numbers of some arrays, one after the other, in float64."""
    return np.concatenate([part.astype(np.float64).reshape(-1) for part in parts])


def _is_one(value: Any) -> bool:
    return isinstance(value, Tensor) and value.numel() == 1
