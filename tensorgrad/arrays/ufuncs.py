"""NumPy's functions of each element, of tensors: ``np.sin(x)`` is ``tensorgrad.sin(x)``, and its graph is kept.

Which function of the package stands for which of NumPy's is one table. What is not in it has no derivative: NumPy
computes it of tensors that ask for none, and refuses the others, with what to do instead.
"""

from __future__ import annotations

from collections.abc import Callable
from contextlib import nullcontext
from types import EllipsisType, NoneType
from typing import Any

import numpy as np

from tensorgrad import ops
from tensorgrad.base.caching import Later
from tensorgrad.base.misfits import WrongCallError, WrongTypeError, unfit
from tensorgrad.base.numerics import normalized
from tensorgrad.engine.tensor import Tensor
from tensorgrad.errors import DTypeError, LostGraphError

from .mixed import FUNCTIONS, AnyFunction, converted, is_recorded, met, tensor, values

products = Later("tensorgrad.functions.products")


_SAME = (
    "abs", "bitwise_and", "bitwise_not", "bitwise_or", "bitwise_xor", "ceil", "copysign", "cos", "cosh",
    "deg2rad", "exp", "exp2", "expm1", "float_power", "floor", "fmax", "fmin", "fmod", "hypot", "isfinite", "isinf",
    "isnan", "log", "log10", "log1p", "log2", "logaddexp", "logaddexp2", "logical_and", "logical_not", "logical_or",
    "logical_xor", "maximum", "minimum", "rad2deg", "reciprocal", "sign", "signbit", "sin", "sinh", "sqrt",
    "square", "tan", "tanh", "trunc",
)  # fmt: skip
_OTHERS = {
    "negative": "neg", "rint": "round", "arccos": "acos", "arccosh": "acosh", "arcsin": "asin", "arcsinh": "asinh",
    "arctan": "atan", "arctan2": "atan2", "arctanh": "atanh", "left_shift": "bitwise_left_shift",
    "right_shift": "bitwise_right_shift",
}  # fmt: skip


def _named(name: str) -> AnyFunction:
    return lambda *operands: FUNCTIONS[name](*operands)


def _fraction(x: Tensor) -> Any:
    return x - FUNCTIONS["trunc"](x)


_PRODUCTS: dict[str, AnyFunction] = {  # which NumPy has had since 2.0 and 2.2
    "vecdot": lambda x, y: (FUNCTIONS["conj"](tensor(x)) * y).sum(-1),
    "matvec": lambda x, y: products.multiplied(x, y[..., None])[..., 0],
    "vecmat": lambda x, y: products.multiplied(FUNCTIONS["conj"](tensor(x))[..., None, :], y)[..., 0, :],
}

CALLED: dict[Any, AnyFunction] = {
    **{getattr(np, name): _named(name) for name in _SAME},
    **{getattr(np, theirs): _named(ours) for theirs, ours in _OTHERS.items()},
    np.add: ops.add,
    np.subtract: ops.sub,
    np.multiply: ops.mul,
    np.true_divide: ops.div,
    np.power: ops.pow,
    np.floor_divide: ops.floor_divide,
    np.remainder: ops.remainder,
    np.matmul: products.multiplied,
    np.equal: ops.eq,
    np.not_equal: ops.ne,
    np.less: ops.lt,
    np.less_equal: ops.le,
    np.greater: ops.gt,
    np.greater_equal: ops.ge,
    np.fabs: lambda x: FUNCTIONS["abs"](x),
    np.degrees: lambda x: FUNCTIONS["rad2deg"](x),
    np.radians: lambda x: FUNCTIONS["deg2rad"](x),
    np.divmod: lambda x, y: (FUNCTIONS["floor_divide"](x, y), FUNCTIONS["remainder"](x, y)),
    np.positive: lambda x: x.clone(),  # an array of its own, where the package's is the tensor itself
    np.conjugate: lambda x: FUNCTIONS["conj"](x) if x.array.dtype.kind == "c" else x.clone(),
    np.modf: lambda x: (_fraction(FUNCTIONS["where"](x.isinf(), 0.0, x)), FUNCTIONS["trunc"](x)),
    np.heaviside: lambda x, y: FUNCTIONS["heaviside"](*met([x, y])),
    **{getattr(np, name): rule for name, rule in _PRODUCTS.items() if hasattr(np, name)},
}
"""What a ufunc computes of tensors; of what a step has no slope, the values."""

REDUCED: dict[Any, AnyFunction] = {
    np.add: lambda x, axes, keepdim: x.sum(axes, keepdim) if axes else x.clone(),
    np.multiply: lambda x, axes, keepdim: _one_by_one(x, axes, keepdim, lambda x, i: x.prod(i, True)),
    np.maximum: lambda x, axes, keepdim: x.amax(axes, keepdim) if axes else x.clone(),
    np.minimum: lambda x, axes, keepdim: x.amin(axes, keepdim) if axes else x.clone(),
    np.logaddexp: lambda x, axes, keepdim: x.logsumexp(axes, keepdim) if axes else x.clone(),
    np.logical_and: lambda x, axes, keepdim: _one_by_one(x.bool(), axes, keepdim, lambda x, i: x.all(i, True)),
    np.logical_or: lambda x, axes, keepdim: _one_by_one(x.bool(), axes, keepdim, lambda x, i: x.any(i, True)),
}
"""What ``ufunc.reduce`` computes along some axes, which may be none."""

ACCUMULATED: dict[Any, AnyFunction] = {
    np.add: lambda x, axis: x.cumsum(axis),
    np.multiply: lambda x, axis: x.cumprod(axis),
    np.maximum: lambda x, axis: x.cummax(axis)[0],
    np.minimum: lambda x, axis: x.cummin(axis)[0],
    np.logaddexp: lambda x, axis: x.logcumsumexp(axis),
}
"""What ``ufunc.accumulate`` computes along an axis."""

_PLAIN = frozenset({Tensor, np.ndarray, np.float64, np.float32, int, float, bool, complex})
"""The classes of most operands, of which nothing more is asked."""
_HOW = {"casting", "order", "subok"}  # options that say nothing of the values
_TRUTHS = (bool, np.bool_, np.dtype(bool), "bool", "?")  # in which sums are truths: no gradient flows through them


def called(ufunc: np.ufunc, method: str, inputs: tuple[Any, ...], options: dict[str, Any]) -> Any:
    """Return what a `method` of a ufunc computes, "__call__" for the function itself, of which some are tensors.

    Args:
        options: as NumPy takes them. What ``out`` names is written, if ``where`` says so: a tensor with its gradient.

    Raises:
        TypeError: an operand is none, or has a meaning that a tensor would lose.
        LostGraphError: no derivative is known, or an array is to hold what asks for one.
        ArgumentError, TypeError: ``where`` without ``out``, which leaves elements without a value.
        DTypeError: ``out`` has no room for such numbers.
    """
    if method != "at" and not set(map(type, inputs)) <= _PLAIN:
        inputs = tuple([_operand(ufunc, x) for x in inputs])
    if method == "__call__" and not options and ufunc in CALLED:  # as Python's signs call it, and nothing more
        return CALLED[ufunc](*inputs)
    if method == "at":
        return _at(ufunc, inputs)
    out: tuple[Any, ...] = options.pop("out", (None,) * ufunc.nout)
    where = True if method == "reduce" else options.pop("where", True)
    if where is not True and any(target is None for target in out):
        raise WrongCallError(
            f"np.{ufunc.__name__}(where=...) without out= leaves elements without a value: use np.where(condition, "
            f"np.{ufunc.__name__}(x), other)"
        )
    rule = _rule(ufunc, method, options)
    with np.errstate(all="ignore") if where is not True else nullcontext():  # of what is not asked for
        made = _by_numpy(ufunc, method, inputs, options) if rule is None else _WAYS[method](rule, inputs, options)
    parts = made if isinstance(made, tuple) else (made,)
    casting = options.get("casting", "same_kind")
    given = tuple(stored(ufunc.__name__, *pair, where, casting) for pair in zip(parts, out, strict=True))
    return given if isinstance(made, tuple) else given[0]


def _operand(ufunc: np.ufunc, x: Any) -> Any:
    """Return an operand of another class than most: an array of a list; TypeError of what hides or means more."""
    found = np.asarray(x) if isinstance(x, list | tuple) else x
    if what := unfit(found):
        raise WrongTypeError(f"np.{ufunc.__name__} of a Tensor takes Tensors, arrays and numbers, not {what}")
    return found


def _rule(ufunc: np.ufunc, method: str, options: dict[str, Any]) -> AnyFunction | None:
    """Return what computes a `method` of a ufunc of tensors; None where NumPy has to."""
    if method not in _RULES or not options.keys() - _HOW <= _FOLLOWED[method]:
        return None
    truths = method in ("reduce", "accumulate") and options.get("dtype") in _TRUTHS
    rule = None if truths else _RULES[method].get(ufunc)
    if rule is None:
        return None
    if method in ("reduce", "accumulate"):
        return lambda x, *how: _in_numpys_dtype(getattr(ufunc, method), rule, options.get("dtype"), x, how)
    return lambda *inputs: rule(*_as_asked(ufunc, inputs, options))


def _in_numpys_dtype(method: AnyFunction, rule: AnyFunction, asked: Any, x: Tensor, how: tuple[Any, ...]) -> Tensor:
    """Return what a rule gives of `x` in the dtype in which NumPy reduces; TypeError of what it does not reduce."""
    dtype = method(np.ones(1, x.array.dtype), dtype=asked).dtype  # that of one element is that of all
    y: Tensor = rule(x if x.array.dtype == dtype else converted(x, dtype), *how)
    return y if y.array.dtype == dtype else converted(y, dtype)  # the package sums unsigned numbers as int64


def _as_asked(ufunc: np.ufunc, inputs: tuple[Any, ...], options: dict[str, Any]) -> tuple[Any, ...]:
    """Return operands in the dtypes in which NumPy computes with them, if one was asked for; TypeError if it cannot."""
    if not any(isinstance(x, Tensor) for x in inputs):  # but `out` alone
        inputs = tuple(map(tensor, inputs))
    if options.get("dtype") is None:
        return inputs
    given = [type(x) if type(x) in (int, float, complex) else np.asarray(values(x)).dtype for x in inputs]
    wanted = (*[None] * ufunc.nin, *[np.dtype(options["dtype"])] * ufunc.nout)
    found = ufunc.resolve_dtypes(  # type: ignore[attr-defined, unused-ignore]
        (*given, *[None] * ufunc.nout), signature=wanted, casting=options.get("casting", "same_kind")
    )
    if any(dtype.kind not in "biufc" for dtype in found):
        raise DTypeError(f"np.{ufunc.__name__}(dtype={options['dtype']!r}): a Tensor holds numbers")
    return tuple(converted(x, dtype) for x, dtype in zip(inputs, found, strict=False))


def _each(rule: AnyFunction, inputs: tuple[Any, ...], options: dict[str, Any]) -> Any:
    return rule(*inputs)


def _outer(rule: AnyFunction, inputs: tuple[Any, ...], options: dict[str, Any]) -> Any:
    x, y = inputs
    if not np.ndim(values(x)) or not np.ndim(values(y)):  # a number, which has no dtype of its own
        return rule(x, y)
    return rule(tensor(x).reshape(*x.shape, *[1] * y.ndim), y)


def _reduced(rule: AnyFunction, inputs: tuple[Any, ...], options: dict[str, Any]) -> Any:
    x, axis = tensor(inputs[0]), options.get("axis", 0)
    axes = tuple(range(x.ndim)) if axis is None else axis if isinstance(axis, tuple) else (axis,)
    return rule(x, axes if x.ndim else (), bool(options.get("keepdims", False)))


def _one_by_one(x: Tensor, axes: tuple[int, ...], keepdim: bool, along: Callable[[Tensor, int], Tensor]) -> Tensor:
    """Return `x` reduced along some axes by what takes one at a time, and keeps it."""
    places = normalized(axes, x.ndim)
    for axis in places:
        x = along(x, axis)
    return x if keepdim else x.reshape(*(n for i, n in enumerate(x.shape) if i not in places))


def _accumulated(rule: AnyFunction, inputs: tuple[Any, ...], options: dict[str, Any]) -> Any:
    x = tensor(inputs[0])
    if not x.ndim:
        raise TypeError("cannot accumulate on a scalar")  # as NumPy
    return rule(x, options.get("axis", 0))


_RULES = {"__call__": CALLED, "outer": CALLED, "reduce": REDUCED, "accumulate": ACCUMULATED}
_WAYS = {"__call__": _each, "outer": _outer, "reduce": _reduced, "accumulate": _accumulated}
_FOLLOWED = {"__call__": {"dtype"}, "outer": {"dtype"}, "reduce": {"axis", "dtype", "keepdims"},
             "accumulate": {"axis", "dtype"}}  # fmt: skip


def _by_numpy(ufunc: np.ufunc, method: str, inputs: tuple[Any, ...], options: dict[str, Any]) -> Any:
    """Return what NumPy computes of the values; LostGraphError where a gradient would be lost."""
    if any(map(is_recorded, (*inputs, *options.values()))):
        how = "" if method == "__call__" else f".{method}"
        told = f" with {', '.join(sorted(options))}" if options else ""
        raise LostGraphError(
            f"{_spelled(ufunc)}{how}{told} of a Tensor that requires grad has no derivative here: use "
            f"{_way_out(ufunc, method)}x.detach() for its values without history"
        )
    made = getattr(ufunc, method)(*map(values, inputs), **{name: values(x) for name, x in options.items()})
    for part in made if isinstance(made, tuple) else (made,):
        if unfit(np.asarray(part)):
            raise DTypeError(f"{ufunc.__name__} of a Tensor gives {np.asarray(part).dtype}: call it with x.numpy()")
    return tuple(map(tensor, made)) if isinstance(made, tuple) else tensor(made)


def _spelled(ufunc: np.ufunc) -> str:
    """Return a ufunc's name, with NumPy's where it is one of NumPy's."""
    return f"np.{ufunc.__name__}" if getattr(np, ufunc.__name__, None) is ufunc else ufunc.__name__


def _way_out(ufunc: np.ufunc, method: str) -> str:
    """Return what to do instead, and "or "; nothing where nothing is known."""
    name, told = ufunc.__name__, ""
    if method == "reduce":
        told = _REDUCED_INSTEAD.get(name, "")
    elif method == "__call__" and _spelled(ufunc) == name:  # SciPy's
        told = f"tensorgrad.special.{name}" if name in _SPECIAL else ""
    elif method == "__call__":
        told = _INSTEAD.get(name, "")
    elif method in ("accumulate", "reduceat"):
        told = f"np.stack of the results of np.{name}, part by part"
    return told and f"{told}, or "


_INSTEAD = {
    "cbrt": "np.sign(x) * np.abs(x) ** (1 / 3)",
    "ldexp": "x * 2.0 ** n",
}
_SPECIAL = frozenset({
    "digamma", "entr", "erf", "erfc", "erfcx", "erfinv", "exp2", "expit", "expm1", "gammaln", "i0", "i0e", "i1", "i1e",
    "log1p", "log_ndtr", "logit", "ndtr", "ndtri", "psi", "xlog1py", "xlogy",
})  # fmt: skip
"""SciPy's functions that the package has by the same name."""
_REDUCED_INSTEAD = {
    "add": "np.sum, which takes where= and initial=",
    "multiply": "np.prod, which takes where= and initial=",
    "maximum": "np.max, which takes where= and initial=",
    "minimum": "np.min, which takes where= and initial=",
    "subtract": "x[0] - np.sum(x[1:], axis=0)",
    "divide": "x[0] / np.prod(x[1:], axis=0)",
    "hypot": "np.linalg.norm",
}


def stored(name: str, made: Tensor, out: Any, where: Any, casting: str) -> Any:
    """Return `made` or, if there is one, the `out` to which it has been written `where` that is true."""
    if out is None:
        return made
    if not np.can_cast(made.array.dtype, values(out).dtype, casting):  # type: ignore[arg-type]
        raise DTypeError(f"np.{name}(out=...) of {values(out).dtype} cannot hold {made.array.dtype}: give one that can")
    if isinstance(out, Tensor):
        value = made if where is True else FUNCTIONS["where"](tensor(where), made, out)
        return out.copy_(value)
    if is_recorded(made):
        raise LostGraphError(
            f"np.{name} cannot write a Tensor that requires grad to an array, which has no history: leave "
            f"out= and write x = x + y for x += y, or use y.detach()"
        )
    np.copyto(out, made.array, casting=casting, where=values(where))  # type: ignore[arg-type]
    return out


def _at(ufunc: np.ufunc, inputs: tuple[Any, ...]) -> None:
    """Add to elements of a tensor, as often as each is named; do to an array what NumPy does."""
    target, places, *rest = inputs
    if not isinstance(target, Tensor):
        if any(map(is_recorded, rest)):
            raise LostGraphError(
                f"np.{ufunc.__name__}.at cannot write a Tensor that requires grad to an array, which has no history: "
                f"let the array be a tensor, or use x.detach()"
            )
        ufunc.at(target, tuple(map(values, places)) if isinstance(places, tuple) else values(places),
                 *map(values, rest))  # fmt: skip
        return
    indices = places if isinstance(places, tuple) else (places,)
    name = f"{ufunc.__name__}.at"
    if ufunc in CALLED and all(type(i) in (int, slice, EllipsisType, NoneType) for i in indices):  # none is named twice
        part = target[indices]
        stored(name, CALLED[ufunc](part.clone(), *map(tensor, rest)), part, True, "same_kind")  # what is read is kept
        return
    if ufunc is not np.add or any(isinstance(i, slice | EllipsisType | None) for i in indices):
        if any(map(is_recorded, (target, *rest))):
            raise LostGraphError(
                f"np.{name} of a Tensor that requires grad has no derivative here: where no element is named twice, "
                f"write x[indices] = np.{ufunc.__name__}(x[indices]{', values' * len(rest)})"
            )
        array = values(target).copy()
        ufunc.at(array, tuple(map(values, indices)), *map(values, rest))
        target.copy_(tensor(array))
        return
    found = [tensor(np.asarray(values(i), np.int64) if np.size(values(i)) == 0 else i) for i in indices]
    target.index_put_(tuple(found), tensor(rest[0]), accumulate=True)
