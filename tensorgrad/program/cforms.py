"""What NumPy's functions and methods are in C, beside ufuncs and their folds: said by maps, folds, walks, products.

A form is for whoever asks, at lowering; where it does not hold for the call at hand it raises `Unspoken`.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from tensorgrad.base.arraycalls import Attribute, Method
from tensorgrad.base.dtypes import Array
from tensorgrad.engine.numpycalls import Part

from .cindexing import FORMS as INDEXING, add_at
from .cmatrices import product
from .contents import Ref, Step
from .cops import Fold, Map, Op, Walk
from .cspelling import fold, in_type, spelled
from .cvalues import Access, Number, Unspoken, check_converts, short, spread, thin

if TYPE_CHECKING:
    from .clowering import Lowering

Form = Callable[["Lowering", Step], list[Op]]


def form(step: Step) -> Form:
    """Return what makes the C of a call.

    Raises:
        Unspoken: there is nothing.
    """
    function = step.function
    if isinstance(function, Method | Attribute):
        found = _METHODS.get(function.name)
    elif isinstance(function, Part):
        found = _exponent if function.call is np.frexp else None
    elif isinstance(getattr(function, "__self__", None), np.ufunc):
        found = _OF_UFUNCS.get((function.__self__, function.__name__))
    elif hasattr(function, "in_c") or (step.args and callable(step.args[0]) and hasattr(step.args[0], "in_c")):
        found = _each
    else:
        found = _FUNCTIONS.get(function)
    if found is None:
        raise Unspoken
    return found


def _given(step: Step, *names: str, **defaults: Any) -> dict[str, Any]:
    """Return the arguments of a call by name, of which only those with a default may be missing.

    Raises:
        Unspoken: there is another one.
    """
    known = (*names, *defaults)
    found = dict(zip(known, step.args, strict=False))
    if len(step.args) > len(known) or not set(step.kwargs) <= {*known, "out"}:
        raise Unspoken
    return defaults | found | {k: v for k, v in step.kwargs.items() if k != "out"}


def _source(given: Mapping[str, Any], name: str = "a") -> int:
    """Return the number of the value that a call is about."""
    x = given.get(name)
    if not isinstance(x, Ref):
        raise Unspoken
    return x.number


def _arranged(lowering: Lowering, step: Step) -> list[Op]:
    """Return the copy that a call makes which only arranges what it is given in another shape, row by row."""
    if step.kwargs.get("order", "C") not in ("C", None) or "C" in step.args[1:] or step.out is None:
        raise Unspoken
    number = _source({"a": step.args[0]})
    source, whole = lowering.memory.array(number), lowering.memory.array(step.out)
    if not whole.flags.c_contiguous or source.dtype != whole.dtype or source.size != whole.size:
        raise Unspoken
    target = lowering.memory.access(step.out, source.shape, whole.reshape(source.shape))
    return lowering.moved(lowering.memory.access(number, source.shape), target, source.shape)


def _joined(lowering: Lowering, step: Step) -> list[Op]:
    """Return what ``np.concatenate`` and ``np.stack`` are: copies to the parts of the result."""
    given = _given(step, "a", axis=0)
    out, stacks = lowering.target(step), step.function is np.stack
    whole, axis = lowering.memory.array(out), given["axis"]
    if axis is None or type(given["a"]) not in (list, tuple):
        raise Unspoken
    ops: list[Op] = []
    start, axis = 0, axis % whole.ndim
    for x in given["a"]:
        array = lowering.memory.array(_source({"a": x}))
        size = 1 if stacks else array.shape[axis]
        place: tuple[Any, ...] = (*[slice(None)] * axis, start if stacks else slice(start, start + size), ...)
        start += size
        if array.size:
            part = whole[place]
            target = lowering.memory.access(out, part.shape, part)
            ops += lowering.moved(lowering.operand(x, part.shape), target, part.shape)
    return ops


def _axes(axis: Any, ndim: int) -> list[bool]:
    axes = range(ndim) if axis is None else (axis,) if isinstance(axis, int) else axis
    return [i in {a % ndim for a in axes} for i in range(ndim)]


def _mean(lowering: Lowering, step: Step) -> list[Op]:
    """Return ``np.mean``: a sum, and its division."""
    given = _given(step, "a", axis=None, dtype=None, keepdims=False)
    out, number = lowering.target(step), _source(given)
    shape, dtype = lowering.program.values[number].shape, lowering.program.values[out].dtype
    folded = _axes(given["axis"], len(shape))
    if given["dtype"] not in (None, dtype) or dtype.kind != "f":
        raise Unspoken
    count = math.prod(n for n, f in zip(shape, folded, strict=True) if f)
    return [
        *lowering.folded("add", number, out, folded, bool(given["keepdims"])),
        *lowering.computed(out, "{0} / {1}", (Ref(out), dtype.type(count)), short(dtype)),
    ]


def _spread(lowering: Lowering, step: Step) -> list[Op]:
    """Return ``np.var`` and ``np.std``: the mean of the squares of what differs from the mean."""
    given = _given(step, "a", axis=None, dtype=None, ddof=0, keepdims=False)
    out, number = lowering.target(step), _source(given)
    v, result = lowering.program.values[number], lowering.program.values[out]
    dtype, folded = short(result.dtype), _axes(given["axis"], len(v.shape))
    if given["dtype"] is not None or result.dtype.kind != "f" or v.dtype.kind == "f" != v.dtype == result.dtype:
        raise Unspoken
    count = math.prod(n for n, f in zip(v.shape, folded, strict=True) if f)
    kept = tuple(1 if f else n for n, f in zip(v.shape, folded, strict=True))
    domain, small = thin(v.shape), thin(kept)
    alone = tuple(f for f, n in zip(folded, v.shape, strict=True) if n != 1)
    mean, square = lowering.made(kept, result.dtype), lowering.made(v.shape, result.dtype)
    wide = Access(mean.root, dtype, 0, spread(kept, v.shape))
    source = lowering.memory.access(number, v.shape)
    differs, divided = "({0} - {1}) * ({0} - {1})", "{0} / {1}"
    ops: list[Op] = [
        Fold(domain, wide, "add", source, alone),
        Map(small, mean, divided, (mean, Number(count, dtype)), (dtype, dtype), dtype),
        Map(domain, square, differs, (source, wide), (dtype, dtype), dtype),
    ]
    whole = lowering.memory.array(out).reshape(kept)
    target = lowering.memory.access(out, v.shape, whole)
    rest = Number(max(count - given["ddof"], 0), dtype)
    root = "sqrt" if getattr(step.function, "name", getattr(step.function, "__name__", "")) == "std" else ""
    text = spelled("sqrt", dtype).format(divided) if root else divided
    ops.append(Fold(domain, target, "add", square, alone))
    return [*ops, *lowering.computed(out, text, (Ref(out), Number(rest.value, dtype)), dtype)]


def _walked(lowering: Lowering, out: int, array: Array, name: str, number: int, source: Array, axis: int) -> list[Op]:
    """Return the walk along an axis of `source`, from a value to another, both moved so that the axis is the last."""
    moved, target = np.moveaxis(source, axis, -1), np.moveaxis(array, axis, -1)
    shape = moved.shape
    if 0 in shape:
        raise Unspoken
    length = shape[-1]
    operand = lowering.memory.access(number, shape, moved)
    access = lowering.memory.access(out, shape, np.broadcast_to(target, shape))
    to, of = (x if length != 1 else Access(x.root, x.dtype, x.offset, (*x.strides, 0)) for x in (access, operand))
    domain = (*thin(shape[:-1]), length)
    if lowering.overlap(to, of, domain, domain):
        raise Unspoken
    check_converts(operand, access.dtype if name not in ("argmax", "argmin") else operand.dtype)
    return [Walk(domain, to, name, of)]


def _accumulated(lowering: Lowering, step: Step) -> list[Op]:
    """Return ``np.cumsum`` and ``np.cumprod``, and the methods of ufuncs that these are."""
    of_ufunc = isinstance(getattr(step.function, "__self__", None), np.ufunc)
    given = _given(step, "a", axis=0, dtype=None) if of_ufunc else _given(step, "a", axis=None, dtype=None)
    out, number = lowering.target(step), _source(given)
    name = getattr(step.function, "name", getattr(step.function, "__name__", ""))
    name = step.function.__self__.__name__ if of_ufunc else {"cumsum": "add", "cumprod": "multiply"}[name]
    whole, source = lowering.memory.array(out), lowering.memory.array(number)
    fold(name, short(whole.dtype))
    axis = given["axis"]
    if axis is None:
        if source.ndim != 1 and not source.flags.c_contiguous:
            raise Unspoken
        source, axis = source.reshape(-1), 0
    return _walked(lowering, out, whole, name, number, source, axis)


def _extremum(lowering: Lowering, step: Step) -> list[Op]:
    """Return ``np.argmax`` and ``np.argmin``."""
    given = _given(step, "a", axis=None, keepdims=False)
    out, number = lowering.target(step), _source(given)
    whole, source, axis = lowering.memory.array(out), lowering.memory.array(number), given["axis"]
    name = getattr(step.function, "name", getattr(step.function, "__name__", ""))
    if axis is None:
        if not source.flags.c_contiguous:
            raise Unspoken
        source, axis, whole = source.reshape(-1), 0, whole.reshape(1)
    elif not given["keepdims"]:
        whole = np.expand_dims(whole, axis)
    return _walked(lowering, out, whole, name, number, source, axis)


def _outer(lowering: Lowering, step: Step) -> list[Op]:
    """Return ``np.outer``."""
    given = _given(step, "a", "b")
    out = lowering.target(step)
    first, second = (lowering.memory.array(_source(given, name)) for name in "ab")
    dtype = lowering.program.values[out].dtype
    if {first.dtype, second.dtype} != {dtype} or first.ndim != 1 or second.ndim != 1 or dtype.kind != "f":
        raise Unspoken
    shape = (first.size, second.size)
    operands = (
        lowering.operand(given["a"], shape, first[:, None]), lowering.operand(given["b"], shape, second[None])
    )  # fmt: skip
    return lowering.computed(out, "{0} * {1}", operands, short(dtype))


def _trace(lowering: Lowering, step: Step) -> list[Op]:
    """Return ``np.trace`` of a matrix."""
    given = _given(step, "a", offset=0)
    out, number = lowering.target(step), _source(given)
    source = lowering.memory.array(number)
    if source.ndim != 2 or not (diagonal := source.diagonal(given["offset"])).size:
        raise Unspoken
    domain = thin(diagonal.shape)
    operand = lowering.memory.access(number, diagonal.shape, diagonal)
    target = lowering.memory.access(out, diagonal.shape)
    fold("add", target.dtype)
    check_converts(operand, target.dtype)
    return [Fold(domain, target, "add", operand, (True,) * len(domain))]


def _infinite(lowering: Lowering, step: Step) -> list[Op]:
    """Return ``np.isposinf`` and ``np.isneginf``."""
    number = _source(_given(step, "a"))
    dtype = short(lowering.program.values[number].dtype)
    if dtype[0] != "f" or step.out is None:
        raise Unspoken
    end = "INFINITY" if step.function is np.isposinf else "-INFINITY"
    return lowering.mapped(step.out, f"{{0}} == {end}", (Ref(number),), (dtype, "b1"))


def cast(lowering: Lowering, source: Access, target: Access, shape: tuple[int, ...], loud: bool) -> list[Op]:
    """Return the copy of floats as whole numbers: of those that are none, what the processor makes of them.

    Raises:
        Unspoken: NumPy may warn of them, or the type has another width than the processor knows.
    """
    dtype = target.dtype
    if loud or dtype not in ("i4", "i8"):
        raise Unspoken
    bits = 31 if dtype == "i4" else 63
    text = f"{{0}} >= -0x1p{bits} && {{0}} < 0x1p{bits} ? (int{bits + 1}_t){{0}} : INT{bits + 1}_MIN"
    return lowering.mapped_to(target, thin(shape), text, [source], (source.dtype, dtype))


def _each(lowering: Lowering, step: Step) -> list[Op]:
    """Return what is computed of each element by a function that says itself how C does it (`in_c`)."""
    function, *args = (step.function, *step.args) if hasattr(step.function, "in_c") else step.args
    if step.out is None or step.kwargs or not all(isinstance(x, Ref) for x in args):
        raise Unspoken
    dtype = short(lowering.program.values[step.out].dtype)
    return lowering.computed(step.out, in_type(function.in_c, dtype), args, dtype)


def _exponent(lowering: Lowering, step: Step) -> list[Op]:
    """Return the second part of ``np.frexp``."""
    number = _source({"a": step.args[0]})
    dtype = short(lowering.program.values[number].dtype)
    if step.function.index != 1 or step.out is None or dtype[0] != "f" or step.kwargs or len(step.args) != 1:
        raise Unspoken
    text = in_type("{0} == 0 || {0} != {0} || fabs@({0}) == INFINITY ? 0 : ilogb@({0}) + 1", dtype)
    return lowering.mapped(step.out, text, (Ref(number),), (dtype, "i4"))


def _scaled(lowering: Lowering, step: Step) -> list[Op]:
    """Return ``np.ldexp``."""
    given = _given(step, "a", "b")
    out, (number, power) = lowering.target(step), (_source(given, name) for name in "ab")
    dtype, whole = (short(lowering.program.values[n].dtype) for n in (out, power))
    if short(lowering.program.values[number].dtype) != dtype or dtype[0] != "f" or whole != "i4":
        raise Unspoken
    return lowering.mapped(out, in_type("ldexp@({0}, {1})", dtype), (Ref(number), Ref(power)), (dtype, whole, dtype))


def _rounded(lowering: Lowering, step: Step) -> list[Op]:
    """Return ``np.round`` to whole numbers."""
    given = _given(step, "a", decimals=0)
    out, number = lowering.target(step), _source(given)
    dtype = short(lowering.program.values[out].dtype)
    if given["decimals"] != 0 or lowering.program.values[number].dtype != lowering.program.values[out].dtype:
        raise Unspoken
    return lowering.computed(out, in_type("rint@({0})", dtype) if dtype[0] == "f" else "{0}", (Ref(number),), dtype)


_ARRANGING: Sequence[str] = ("reshape", "ravel", "flatten", "squeeze", "expand_dims", "broadcast_to", "T")
_METHODS: dict[str, Form] = {
    **dict.fromkeys(_ARRANGING, _arranged), "mean": _mean, "var": _spread, "std": _spread, "cumsum": _accumulated,
    "cumprod": _accumulated, "argmax": _extremum, "argmin": _extremum, "trace": _trace, "take": INDEXING["take"],
    "dot": product, "round": _rounded,
}  # fmt: skip
_OF_UFUNCS: dict[tuple[Any, str], Form] = {
    (np.add, "accumulate"): _accumulated, (np.multiply, "accumulate"): _accumulated, (np.add, "at"): add_at,
}  # fmt: skip
_FUNCTIONS: dict[Any, Form] = {
    **{getattr(np, name): _arranged for name in _ARRANGING if hasattr(np, name)}, np.asarray: _arranged, **INDEXING,
    np.concatenate: _joined, np.stack: _joined, np.mean: _mean, np.var: _spread, np.std: _spread,
    np.cumsum: _accumulated, np.cumprod: _accumulated, np.argmax: _extremum, np.argmin: _extremum,
    np.outer: _outer, np.trace: _trace, np.isposinf: _infinite, np.isneginf: _infinite,
    np.matmul: product, np.dot: product, np.round: _rounded, np.ldexp: _scaled,
}  # fmt: skip
