"""Products in which an exact zero wins, also over infinity and NaN: what a sweep uses when the plain product gave NaN.

``where(x > 0, sqrt(x), 0)`` at 0 has the derivative 0: the branch that was not taken contributes nothing. But the chain
rule multiplies what arrives from there, 0, with the slope of the root, infinity. A zero is exact if it stays zero
whatever the values are: a mask made it, or a constant, or an index that left the place out. Nothing depends on what it
is multiplied with; no slope can change that. The zero of ``2 * norm(x)`` at 0 is none: it is the value of a function,
and what becomes of its product with an unknown slope only the limit can tell, so NaN stays.

Where a zero comes from stands in the graph, so a careful sweep records itself, whether or not it is differentiated. The
compositions are recorded like any other, and derivatives of higher order see the same rule.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Self

import numpy as np

from tensorgrad.base.context import STRONG, context, within
from tensorgrad.engine.batched import somewhere
from tensorgrad.engine.dispatch import CAREFUL, on_tensors
from tensorgrad.engine.generalforms import asarray
from tensorgrad.engine.primitive import Primitive
from tensorgrad.engine.shared_memory import plain
from tensorgrad.engine.tensor import Tensor, leaf, wrap
from tensorgrad.ops import affine, linear, matmul, mul, reshape, sum, where
from tensorgrad.ops.contractions import swapped

from .exactzeros import exact_zeros


class Marked(Tensor):
    """What products in a careful sweep know by its class."""

    __slots__ = ()

    @classmethod
    def of(cls, x: Tensor) -> Self:
        """Return `x` marked so."""
        self = cls.__new__(cls)
        self.array, self.kept_grad, self.node, self.tracked = x.array, None, x.node, x.tracked
        return self


class Flow(Marked):
    """What a careful sweep carries along: products with it are those of this module."""

    __slots__ = ()


class Mask(Marked):
    """A slope that says what was chosen: its zeros are exact, whatever dtype holds them beside halves and NaN."""

    __slots__ = ()


class Cotangent(Flow):
    """Of a reverse sweep."""

    __slots__ = ()


class Tangent(Flow):
    """Of a forward sweep."""

    __slots__ = ()


def unmarked(x: Tensor) -> Tensor:
    """Return `x` as a sweep gives it out."""
    if not isinstance(x, Flow):
        return x
    y = wrap(x.array)
    y.node, y.tracked = x.node, x.tracked
    return y


def _product(a: Any, b: Any) -> Any:
    """Return ``a * b``, 0 where the plain product is NaN although nothing depends on it."""
    y = mul(a, b)
    spoilt = np.isnan(y.array)
    if not somewhere(spoilt):
        return y
    flow, factor = (a, b) if isinstance(a, Flow) else (b, a)
    zero = spoilt & _without_influence(flow, factor)
    if not somewhere(zero):
        return y
    kept = wrap(asarray(~zero))
    return mul(where(kept, a, 0.0), where(kept, b, 0.0))


def _without_influence(flow: Any, factor: Any) -> Any:
    """Return where the result does not depend on this product: a mask says it in both sweeps.

    A cotangent says it too, and so does a tangent of what has a slope; in the forward sweep a slope says it.
    """
    if isinstance(flow, Cotangent):
        return exact_zeros(flow) | (_is_mask(factor) and exact_zeros(factor))
    varies = isinstance(factor, Tensor) and factor.tracked
    return exact_zeros(factor) | (varies and exact_zeros(flow))


def _is_mask(factor: Any) -> bool:
    return isinstance(factor, Mask) or _values(factor).dtype.kind == "b"


def _matmul(a: Any, b: Any) -> Any:
    """Return ``a @ b`` as sums of such products, where the plain one holds a NaN."""
    y = matmul(a, b)
    if not somewhere(np.isnan(y.array)):
        return y
    left = _like(a, reshape(a, shape=(*a.shape, 1)))
    right = _like(b, reshape(b, shape=(*b.shape[:-2], 1, *b.shape[-2:])))
    return sum(_product(left, right), axis=-2)


def _linear(a: Any, b: Any) -> Any:
    y = linear(a, b)
    return _matmul(a, _like(b, swapped(b))) if somewhere(np.isnan(y.array)) else y


def _affine(a: Any, b: Any, c: Any) -> Any:
    y = affine(a, b, c)
    return _linear(a, b) + c if somewhere(np.isnan(y.array)) else y


def _unknown(c: Any, x: Any) -> Any:
    """Return `x`, linear as it is, as its product with a slope that is NaN where `c` holds."""
    one = x.array.dtype.type(1)
    return _product(x, where(c, one * np.nan, one))


def _like(x: Any, y: Tensor) -> Tensor:
    """Return `y`, linear in `x`, marked as `x` is."""
    return type(x).of(y) if isinstance(x, Flow) else y


def _values(x: Any) -> Any:
    return x.array if isinstance(x, Tensor) else asarray(x)


def run(primitive: Primitive, args: tuple[Any, ...], params: dict[str, Any]) -> Tensor:
    """Run `primitive` inside a careful sweep: a product with a flow by its form here, what is linear in one marked."""
    flow = next((type(a) for a in args if isinstance(a, Flow)), None)
    for a in args:
        if isinstance(a, Flow) and not a.tracked and not (a.node and a.node.saved):
            leaf(a).saved = (plain(a.array),)  # the operation may not save a constant, whose zeros are exact
    if flow is None or primitive.name not in FORMS:
        y = on_tensors(primitive, args, params)
        if primitive.name in MASKS:
            return Mask.of(y)
        return y if flow is None or primitive.kind != "multilinear" else flow.of(y)
    with within(special=context().special & ~STRONG):  # the form's own products are plain ones
        return flow.of(FORMS[primitive.name](*args))


MASKS = {"step", "share", "inside", "ties"}
FORMS: dict[str, Callable[..., Any]] = {
    "mul": _product, "matmul": _matmul, "linear": _linear, "affine": _affine, "unknown": _unknown,
}  # fmt: skip
CAREFUL[0] = run
