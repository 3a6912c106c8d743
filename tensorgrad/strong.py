"""Products in which an exact zero wins, also over infinity and NaN: what a sweep uses when the plain product gave NaN.

``where(x > 0, sqrt(x), 0)`` at 0 has the derivative 0: the branch that was not taken contributes nothing. But the chain
rule multiplies what arrives from there, 0, with the slope of the root, infinity. The cotangent 0 says that nothing
depends on the value; a factor cannot change that. So a product is 0 where one factor is exactly 0 and the other one is
not finite, for both factors alike, which keeps the two sweeps adjoint to each other. A NaN that the result does depend
on still shows.

The compositions are recorded like any other, so derivatives of higher order see the same rule.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import numpy as np

from tensorgrad.context import CONTEXT, STRONG, context
from tensorgrad.dispatch import STRONG_FORMS
from tensorgrad.ops import affine, linear, matmul, mul, reshape, sum, where
from tensorgrad.ops.contractions import swapped
from tensorgrad.tensor import Tensor, wrap


def _product(a: Any, b: Any) -> Any:
    """Return ``a * b``, 0 where the plain product is NaN although one factor is 0."""
    y = mul(a, b)
    zero = np.isnan(y.array) & ((_array(a) == 0) | (_array(b) == 0))
    if not zero.any():
        return y
    kept = wrap(np.asarray(~zero))
    return mul(where(kept, a, 0.0), where(kept, b, 0.0))


def _matmul(a: Any, b: Any) -> Any:
    """Return ``a @ b`` as sums of such products, where the plain one holds a NaN."""
    y = matmul(a, b)
    if not np.isnan(y.array).any():
        return y
    left = reshape(a, shape=(*a.shape, 1))
    right = reshape(b, shape=(*b.shape[:-2], 1, *b.shape[-2:]))
    return sum(_product(left, right), axis=-2)


def _linear(a: Any, b: Any) -> Any:
    y = linear(a, b)
    return _matmul(a, swapped(b)) if np.isnan(y.array).any() else y


def _affine(a: Any, b: Any, c: Any) -> Any:
    y = affine(a, b, c)
    return _linear(a, b) + c if np.isnan(y.array).any() else y


def _array(x: Any) -> Any:
    return x.array if isinstance(x, Tensor) else x


def _by_itself(form: Callable[..., Any]) -> Callable[..., Any]:
    """Return `form` with the plain products inside: its own operations are not to be replaced by itself."""

    def run(*args: Any) -> Any:
        token = CONTEXT.set(replace(context(), special=context().special & ~STRONG))
        try:
            return form(*args)
        finally:
            CONTEXT.reset(token)

    return run


_FORMS: dict[str, Callable[..., Any]] = {"mul": _product, "matmul": _matmul, "linear": _linear, "affine": _affine}
STRONG_FORMS.update({name: _by_itself(form) for name, form in _FORMS.items()})
