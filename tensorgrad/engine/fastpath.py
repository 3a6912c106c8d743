"""`dispatch.apply` in fewer steps, for the cases that matter for speed: plain arrays, and tensors of one float dtype.

Each function here builds, for one primitive, what does the same as `apply` and leaves every other case to it: what is
special about the mode or the operands is looked at before the forward function runs, so that it runs once. The tests
hold the two equal; `benchmarks` (chain10, bn) shows what it buys.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from tensorgrad.base.context import context

from .dispatch import apply
from .explanations import explained
from .primitive import Primitive
from .tensor import Tensor, leaf, recorded, wrap
from .views import link_view

_ndarray, _asarray = np.ndarray, np.asarray
_SINGLE, _DOUBLE = np.dtype(np.float32), np.dtype(np.float64)  # NumPy has one object for each
_DIVISIONS = {np.floor_divide, np.remainder, np.fmod}
_ERRORS = (ValueError, TypeError, IndexError, OverflowError)
_NO_PARAMS: dict[str, Any] = {}


def unary(primitive: Primitive) -> Callable[[Any], Any]:
    """Return `apply` for one argument and no parameters, in one frame."""
    kernel = primitive.kernel
    keep = primitive.keeps((True,))

    def op(x: Any) -> Any:
        try:
            a = x.array
        except AttributeError:
            return apply(primitive, (x,), {})
        mode = context()
        dtype = a.dtype
        if (dtype is not _SINGLE and dtype is not _DOUBLE) or a.__class__ is not _ndarray or mode.special:
            return apply(primitive, (x,), {})
        try:
            out = kernel.run(a)
        except _ERRORS as error:
            raise explained(primitive, [a], error) from error
        if out.__class__ is not _ndarray:
            out = _asarray(out)  # NumPy answers arrays without axes with scalars
        if not (x.tracked and mode.grad):
            return wrap(out)
        return recorded(out, primitive, (x.node or leaf(x),), _NO_PARAMS, keep((out, a, None)) if keep else (), mode)

    return op


def binary(primitive: Primitive) -> Callable[[Any, Any], Any]:
    """Return `apply` for two tensors and no parameters, in one frame."""
    forward = primitive.forward
    first, second, both = map(primitive.keeps, ((True, False), (False, True), (True, True)))
    with_number = _with_number(primitive)
    # integers stay integers where NumPy has a loop for them; `apply` looks whether they are divided by 0
    kinds = "iu" if isinstance(forward, np.ufunc) and not primitive.floating and forward not in _DIVISIONS else ""

    def op(a: Any, b: Any) -> Any:
        try:
            u = a.array
            v = b.array
        except AttributeError:
            return with_number(a, b)
        mode = context()
        dtype = u.dtype
        if (
            dtype is not v.dtype
            or (dtype is not _SINGLE and dtype is not _DOUBLE and dtype.kind not in kinds)
            or u.__class__ is not _ndarray
            or v.__class__ is not _ndarray
            or mode.special
        ):
            return apply(primitive, (a, b), {})
        try:
            out = forward(u, v)
        except _ERRORS as error:
            raise explained(primitive, [u, v], error) from error
        if out.__class__ is not _ndarray:
            out = _asarray(out)
        keep = (both if b.tracked else first) if a.tracked else second if b.tracked else None
        if keep is None or not mode.grad:
            return wrap(out)
        inputs = a.node or leaf(a), b.node or leaf(b)
        return recorded(out, primitive, inputs, _NO_PARAMS, keep((out, u, v, None)) if keep else (), mode)

    return op


def _with_number(primitive: Primitive) -> Callable[[Any, Any], Any]:
    """Return `apply` for two arguments of which one may be a Python number."""
    forward = primitive.forward
    first, second = primitive.keeps((True, False)), primitive.keeps((False, True))

    def op(a: Any, b: Any) -> Any:
        right = b.__class__ is float or b.__class__ is int
        x, number = (a, b) if right else (b, a)
        if not isinstance(x, Tensor) or not (right or number.__class__ is float or number.__class__ is int):
            return apply(primitive, (a, b), {})
        u = x.array
        mode = context()
        dtype = u.dtype
        if (dtype is not _SINGLE and dtype is not _DOUBLE) or u.__class__ is not _ndarray or mode.special:
            return apply(primitive, (a, b), {})
        try:
            out = forward(u, number) if right else forward(number, u)
        except _ERRORS as error:
            raise explained(primitive, [u, number] if right else [number, u], error) from error
        if out.__class__ is not _ndarray:
            out = _asarray(out)
        if not (x.tracked and mode.grad):
            return wrap(out)
        node = x.node or leaf(x)
        if right:
            saved = first((out, u, number, None)) if first else ()
            return recorded(out, primitive, (node, number), _NO_PARAMS, saved, mode)
        saved = second((out, number, u, None)) if second else ()
        return recorded(out, primitive, (number, node), _NO_PARAMS, saved, mode)

    return op


def mapping(primitive: Primitive) -> Callable[..., Any]:
    """Return `apply` for one argument and keyword parameters."""
    kernel, defaults, wanted = primitive.kernel, primitive.signature.defaults, len(primitive.signature.parameters)
    keep = primitive.keeps((True,))
    kinds = "f" if primitive.kind == "elementwise" else "fiub"  # of numbers; what is of others is left to `apply`
    takes_complex = primitive.complex

    def op(x: Any, **params: Any) -> Any:
        if x.__class__ is _ndarray and (takes_complex or x.dtype.kind != "c"):
            return kernel.run(x, **params)
        mode = context()
        try:
            a = x.array
        except AttributeError:
            if isinstance(x, np.generic) and (takes_complex or x.dtype.kind != "c"):
                return kernel.run(x, **params)  # NumPy answers products of arrays without axes with numbers
            return apply(primitive, (x,), params)
        if a.__class__ is not _ndarray or mode.special or a.dtype.kind not in kinds:
            return apply(primitive, (x,), params)
        if len(params) < wanted:
            params = {**defaults, **params}
        try:
            out = kernel.run(a, **params)
        except _ERRORS as error:
            raise explained(primitive, [a], error) from error
        if out.__class__ is not _ndarray:
            out = _asarray(out)
        if x.tracked and mode.grad and (kind := out.dtype.kind) in "fc":
            record = primitive if kind == "f" else primitive.on_complex
            y = recorded(out, record, (x.node or leaf(x),), params, keep((out, a, None)) if keep else (), mode)
        else:
            y = wrap(out)
        if out.base is not None:
            link_view(y, x, primitive, params)
        return y

    return op


def picking(primitive: Primitive) -> Callable[[Tensor, int], Tensor]:
    """Return `apply` for one index, of a tensor with several axes: what loops over rows ask for."""

    def op(x: Tensor, index: int) -> Tensor:
        a, mode = x.array, context()
        if a.__class__ is not _ndarray or mode.special or a.ndim < 2:
            return apply(primitive, (x,), {"index": index})  # type: ignore[no-any-return]
        try:
            out = a[index]
        except IndexError as error:
            raise explained(primitive, [a], error) from error
        params = {"index": index}
        if x.tracked and mode.grad and (kind := out.dtype.kind) in "fc":
            record = primitive if kind == "f" else primitive.on_complex
            y = recorded(out, record, (x.node or leaf(x),), params, (), mode)
        else:
            y = wrap(out)
        link_view(y, x, primitive, params)
        return y

    return op


def pairing(primitive: Primitive) -> Callable[[Any, Any], Any]:
    """Return `apply` for two arguments that rules often call with plain arrays: products of matrices."""
    forward, on_tensors = primitive.forward, binary(primitive)

    def op(a: Any, b: Any) -> Any:
        return forward(a, b) if a.__class__ is _ndarray and b.__class__ is _ndarray else on_tensors(a, b)

    return op


def slopes(primitive: Primitive) -> Callable[..., Any]:
    """Return `apply` for what rules call with plain arrays, and has no rule itself."""
    forward, takes_complex = primitive.forward, primitive.complex

    def op(*args: Any, **params: Any) -> Any:
        for a in args:
            if a.__class__ is not _ndarray or (a.dtype.kind == "c" and not takes_complex):
                return apply(primitive, args, params)
        return forward(*args, **params)

    return op


def several(primitive: Primitive) -> Callable[..., Any]:
    """Return `apply` for any number of tensors and all parameters, of what makes no view."""
    forward, wanted = primitive.forward, len(primitive.signature.parameters)

    def op(*args: Any, **params: Any) -> Any:
        mode = context()
        try:
            arrays = [a.array for a in args]
        except AttributeError:
            return apply(primitive, args, params)
        if mode.special or not arrays or len(params) < wanted:
            return apply(primitive, args, params)
        dtype = arrays[0].dtype
        if dtype is not _SINGLE and dtype is not _DOUBLE:
            return apply(primitive, args, params)
        for a in arrays:
            if a.dtype is not dtype or a.__class__ is not _ndarray:
                return apply(primitive, args, params)
        try:
            out = forward(*arrays, **params)
        except _ERRORS as error:
            raise explained(primitive, arrays, error) from error
        tracked = tuple([a.tracked for a in args])
        if not (mode.grad and True in tracked):
            return wrap(out)
        inputs, keep = tuple([a.node or leaf(a) for a in args]), primitive.keeps(tracked)
        return recorded(out, primitive, inputs, params, keep((out, *arrays, None)) if keep else (), mode)

    return op
