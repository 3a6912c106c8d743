"""`apply` in fewer steps, for the cases that matter for speed: plain arrays, and tensors of one dtype with axes.

Each function here builds, for one primitive, what does the same as `dispatch.apply` and leaves every other case to it.
`unary` and `binary` make their node in line, where the others call `recorded`: a call is a tenth of their time.
The tests hold the two equal; `benchmarks` (chain10, bn) shows what it buys.
"""

from __future__ import annotations

import sys
from collections.abc import Callable
from typing import Any

import numpy as np

from tensorgrad.base.callsite import Place, here, is_users
from tensorgrad.base.context import Context, context

from .dispatch import apply
from .primitive import Primitive
from .tensor import Node, Tensor, leaf, tick
from .views import link_view

_new_tensor = Tensor.__new__
_new_node = Node.__new__
_ndarray = np.ndarray
_frame = sys._getframe
_NO_PARAMS: dict[str, Any] = {}


def _inside(mode: Context) -> Place:
    """Return the place of an operation that the library called itself: who called the outermost module, or it."""
    return mode.scope.place if mode.scope else here(2)


def unary(primitive: Primitive) -> Callable[[Any], Any]:
    """Return `apply` for one argument and no parameters, in one frame."""
    forward = primitive.forward
    keep = primitive.keeps((True,))
    keep_y, keep_x = keep or (False, False)

    def op(x: Any) -> Any:
        try:
            a = x.array
            out = forward(a)
        except (AttributeError, ValueError, TypeError):
            return apply(primitive, (x,), {})
        dtype = out.dtype
        mode = context()
        if dtype is not a.dtype or out.__class__ is not _ndarray or mode.special:
            return apply(primitive, (x,), {})
        y = _new_tensor(Tensor)
        y.array = out
        y.grad = None
        if not (x.tracked and mode.grad):
            y.tracked, y.node = False, None
            return y
        y.tracked = True
        y.node = node = _new_node(Node)
        node.inputs = (x.node or leaf(x),)
        node.serial = tick()
        node.primitive = primitive
        node.params = _NO_PARAMS
        node.saved = (out if keep_y else None, a if keep_x else None) if keep else ()
        node.shape = out.shape
        node.dtype = dtype
        node.tracked = True
        node.scope = mode.scope
        node.name = node.owner = None
        f = _frame(1)
        node.place = (f.f_code, f.f_lasti) if is_users(f.f_code.co_filename) else _inside(mode)
        return y

    return op


def binary(primitive: Primitive) -> Callable[[Any, Any], Any]:
    """Return `apply` for two tensors and no parameters, in one frame."""
    forward = primitive.forward
    first, second, both = map(primitive.keeps, ((True, False), (False, True), (True, True)))
    with_number = _with_number(primitive)

    def op(a: Any, b: Any) -> Any:
        try:
            u = a.array
            v = b.array
            out = forward(u, v)
        except (AttributeError, ValueError, TypeError):
            return with_number(a, b)
        dtype = out.dtype
        mode = context()
        if dtype is not u.dtype or dtype is not v.dtype or out.__class__ is not _ndarray or mode.special:
            return apply(primitive, (a, b), {})
        y = _new_tensor(Tensor)
        y.array = out
        y.grad = None
        keep = (both if b.tracked else first) if a.tracked else second if b.tracked else None
        if keep is None or not mode.grad:
            y.tracked, y.node = False, None
            return y
        y.tracked = True
        y.node = node = _new_node(Node)
        node.inputs = (a.node or leaf(a), b.node or leaf(b))
        node.serial = tick()
        node.primitive = primitive
        node.params = _NO_PARAMS
        node.saved = (out if keep[0] else None, u if keep[1] else None, v if keep[2] else None) if keep else ()
        node.shape = out.shape
        node.dtype = dtype
        node.tracked = True
        node.scope = mode.scope
        node.name = node.owner = None
        f = _frame(1)
        node.place = (f.f_code, f.f_lasti) if is_users(f.f_code.co_filename) else _inside(mode)
        return y

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
        if u.dtype.kind != "f" or not u.ndim or mode.special:
            return apply(primitive, (a, b), {})
        out = forward(u, number) if right else forward(number, u)
        if out.dtype is not u.dtype or out.__class__ is not _ndarray:
            return apply(primitive, (a, b), {})
        if not (x.tracked and mode.grad):
            return _plain(out)
        node_x = x.node or leaf(x)
        keep = first if right else second
        if right:
            saved = (out if keep[0] else None, u if keep[1] else None, number if keep[2] else None) if keep else ()
            return recorded(out, primitive, (node_x, number), _NO_PARAMS, saved, mode)
        saved = (out if keep[0] else None, number if keep[1] else None, u if keep[2] else None) if keep else ()
        return recorded(out, primitive, (number, node_x), _NO_PARAMS, saved, mode)

    return op


def mapping(primitive: Primitive) -> Callable[..., Any]:
    """Return `apply` for one argument and keyword parameters."""
    forward, defaults, wanted = primitive.forward, primitive.signature.defaults, len(primitive.signature.parameters)
    keep = primitive.keeps((True,)) if primitive.differentiable else ()
    keep_y, keep_x = keep or (False, False)
    same_dtype = primitive.kind == "elementwise"

    def op(x: Any, **params: Any) -> Any:
        if x.__class__ is _ndarray:
            return forward(x, **params)
        mode = context()
        try:
            a = x.array
            out = forward(a, **params)
        except (AttributeError, ValueError, TypeError, IndexError):
            return apply(primitive, (x,), params)
        if out.__class__ is not _ndarray or mode.special or (same_dtype and out.dtype is not a.dtype):
            return apply(primitive, (x,), params)
        if len(params) < wanted:
            params = {**defaults, **params}
        if x.tracked and mode.grad and out.dtype.kind == "f":
            saved = (out if keep_y else None, a if keep_x else None) if keep else ()
            y = recorded(out, primitive, (x.node or leaf(x),), params, saved, mode)
        else:
            y = _plain(out)
        if out.base is not None:
            link_view(y, x, primitive, params)
        return y

    return op


def pairing(primitive: Primitive) -> Callable[[Any, Any], Any]:
    """Return `apply` for two arguments that rules often call with plain arrays: products of matrices."""
    forward, on_tensors = primitive.forward, binary(primitive)

    def op(a: Any, b: Any) -> Any:
        return forward(a, b) if a.__class__ is _ndarray and b.__class__ is _ndarray else on_tensors(a, b)

    return op


def several(primitive: Primitive) -> Callable[..., Any]:
    """Return `apply` for any number of tensors and no parameters."""
    forward = primitive.forward

    def op(*args: Any) -> Any:
        mode = context()
        try:
            arrays = [a.array for a in args]
            for a in arrays:
                if a.__class__ is not _ndarray:
                    return apply(primitive, args, {})
            out = forward(*arrays)
        except (AttributeError, ValueError, TypeError):
            return apply(primitive, args, {})
        dtype = out.dtype
        for a in arrays:
            if a.dtype is not dtype:
                return apply(primitive, args, {})
        if mode.special:
            return apply(primitive, args, {})
        tracked = tuple([a.tracked for a in args])
        if not (mode.grad and True in tracked):
            return _plain(out)
        inputs = tuple([a.node or leaf(a) for a in args])
        keep = primitive.keeps(tracked)
        saved = tuple([v if k else None for v, k in zip((out, *arrays), keep, strict=True)]) if keep else ()
        return recorded(out, primitive, inputs, _NO_PARAMS, saved, mode)

    return op


def _plain(out: Any) -> Tensor:
    y = _new_tensor(Tensor)
    y.array = out
    y.grad = None
    y.tracked = False
    y.node = None
    return y


def recorded(
    out: Any,
    primitive: Primitive,
    inputs: tuple[Any, ...],
    params: dict[str, Any],
    saved: tuple[Any, ...],
    mode: Context,
) -> Tensor:
    """Return the tensor of `out` with a node of its own: what the fast paths end with."""
    y = _new_tensor(Tensor)
    y.array = out
    y.grad = None
    y.tracked = True
    y.node = node = _new_node(Node)
    node.inputs = inputs
    node.serial = tick()
    node.primitive = primitive
    node.params = params
    node.saved = saved
    node.shape = out.shape
    node.dtype = out.dtype
    node.tracked = True
    node.scope = mode.scope
    node.name = node.owner = None
    f = _frame(2)
    node.place = (f.f_code, f.f_lasti) if is_users(f.f_code.co_filename) else _inside(mode)
    return y
