"""What the operations of the table are in ONNX."""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np

from tensorgrad.base.numerics import normalized
from tensorgrad.engine.primitive import PRIMITIVES
from tensorgrad.graph import GraphNode

from .onarrays import on_arrays
from .places import PLACED
from .writer import Equivalent, Value, Writer, refused

_OF_ONE = {
    "neg": "Neg", "sign": "Sign", "floor": "Floor", "ceil": "Ceil", "abs": "Abs", "relu": "Relu", "exp": "Exp",
    "log": "Log", "sqrt": "Sqrt", "sin": "Sin", "cos": "Cos", "tan": "Tan", "asin": "Asin", "acos": "Acos",
    "atan": "Atan", "sinh": "Sinh", "cosh": "Cosh", "tanh": "Tanh", "asinh": "Asinh", "acosh": "Acosh",
    "atanh": "Atanh", "sigmoid": "Sigmoid", "erf": "Erf", "contiguous": "Identity", "detach": "Identity",
    "leaf": "Identity",
}  # fmt: skip
_OF_TWO = {
    "add": "Add", "sub": "Sub", "mul": "Mul", "div": "Div", "pow": "Pow", "maximum": "Max", "minimum": "Min",
    "eq": "Equal", "lt": "Less", "le": "LessOrEqual", "gt": "Greater", "ge": "GreaterOrEqual",
}  # fmt: skip
_OF_TRUTHS = {"Add": "Or", "Mul": "And", "Max": "Or", "Min": "And"}
_OF_ORDER = ("Less", "LessOrEqual", "Greater", "GreaterOrEqual")
_OF_BITS = {"and": "And", "or": "Or", "xor": "Xor"}
_REDUCING = {"sum": "ReduceSum", "mean": "ReduceMean", "amax": "ReduceMax", "amin": "ReduceMin"}


def met(w: Writer, node: GraphNode, xs: Sequence[Value]) -> list[Value]:
    """Return operands in the dtype in which they are computed with: that of the result, or where they meet."""
    dtype = node.dtype if node.dtype.kind != "b" else np.result_type(*[x.dtype for x in xs])
    return [w.cast(x, dtype) for x in xs]


def _one(kind: str) -> Equivalent:
    return lambda w, node, xs: w.like(kind, *met(w, node, xs))


def _two(kind: str) -> Equivalent:
    def written(w: Writer, node: GraphNode, xs: list[Value]) -> Value:
        a, b = met(w, node, xs)
        if a.dtype == b.dtype == bool and kind in _OF_ORDER:
            a, b = w.cast(a, np.uint8), w.cast(b, np.uint8)
        asked = _OF_TRUTHS.get(kind, kind) if a.dtype == bool else kind
        return w.op(asked, a.name, b.name, shape=node.shape, dtype=node.dtype)

    return written


def _bits(kind: str) -> Equivalent:
    def written(w: Writer, node: GraphNode, xs: list[Value]) -> Value:
        a, b = met(w, node, xs)
        of_numbers = "" if node.dtype.kind == "b" else "Bitwise"
        return w.op(f"{of_numbers}{kind}", a.name, b.name, shape=node.shape, dtype=node.dtype)

    return written


def _not(w: Writer, node: GraphNode, xs: list[Value]) -> Value:
    truths = node.op == "logical_not" or xs[0].dtype.kind == "b"
    return w.like("Not", w.cast(xs[0], bool)) if truths else w.like("BitwiseNot", xs[0])


def _different(w: Writer, node: GraphNode, xs: list[Value]) -> Value:
    return w.like("Not", _two("Equal")(w, node, xs))


def _reduced(kind: str) -> Equivalent:
    def written(w: Writer, node: GraphNode, xs: list[Value]) -> Value:
        x, axis = w.cast(xs[0], node.dtype), node.params.get("axis")
        axes = range(len(x.shape)) if axis is None else normalized(axis, len(x.shape))
        if not len(axes):
            return w.like("Identity", x)
        return w.op(kind, x.name, w.lengths(tuple(axes)), shape=node.shape, dtype=node.dtype,
                    keepdims=int(bool(node.params.get("keepdims"))))  # fmt: skip

    return written


def _position(kind: str) -> Equivalent:
    def written(w: Writer, node: GraphNode, xs: list[Value]) -> Value:
        axis = node.params.get("axis")
        x = w.cast(xs[0], np.uint8) if xs[0].dtype == bool else xs[0]
        x, along = (w.flat(x), 0) if axis is None else (x, normalized(axis, len(x.shape))[0])
        found = w.op(kind, x.name, shape=node.shape, dtype=np.int64, axis=along,
                     keepdims=int(bool(node.params.get("keepdims")) and axis is not None))  # fmt: skip
        return w.reshape(found, node.shape)

    return written


def _cumsum(w: Writer, node: GraphNode, xs: list[Value]) -> Value:
    x = w.cast(xs[0], node.dtype)
    axis = w.constant(np.int64(normalized(node.params["axis"], len(x.shape))[0]))
    return w.like("CumSum", x, axis, reverse=int(bool(node.params["reverse"])))


def _product(w: Writer, node: GraphNode, xs: list[Value]) -> Value:
    a, b = met(w, node, xs)
    return w.op("MatMul", a.name, b.name, shape=node.shape, dtype=node.dtype)


def _linear(w: Writer, node: GraphNode, xs: list[Value]) -> Value:
    x, weight, *bias = met(w, node, xs)
    if len(x.shape) == 2:
        names = [v.name for v in (x, weight, *bias)]
        return w.op("Gemm", *names, shape=node.shape, dtype=node.dtype, transB=1)
    y = w.op("MatMul", x.name, w.permuted(weight, (1, 0)).name, shape=node.shape, dtype=node.dtype)
    return w.like("Add", y, *bias) if bias else y


def _where(w: Writer, node: GraphNode, xs: list[Value]) -> Value:
    condition, a, b = w.cast(xs[0], bool), w.cast(xs[1], node.dtype), w.cast(xs[2], node.dtype)
    return w.op("Where", condition.name, a.name, b.name, shape=node.shape, dtype=node.dtype)


def _clip(w: Writer, node: GraphNode, xs: list[Value]) -> Value:
    x = w.cast(xs[0], node.dtype)
    ends = [node.params.get(name) for name in ("low", "high")]
    if any(np.ndim(end) for end in ends if end is not None):
        raise refused(node, "with bounds that are arrays is not written: use minimum and maximum")
    return w.op("Clip", x.name, *("" if end is None else w.constant(end, node.dtype).name for end in ends),
                shape=node.shape, dtype=node.dtype)  # fmt: skip


def _rounded(w: Writer, node: GraphNode, xs: list[Value]) -> Value:
    if node.params.get("decimals"):
        raise refused(node, "to decimals is not written: multiply, round, divide")
    return w.like("Round", w.cast(xs[0], node.dtype))


def _quotient(w: Writer, node: GraphNode, xs: list[Value]) -> Value:
    """Write ``floor_divide`` and ``remainder``, which has the sign of the divisor."""
    a, b = met(w, node, xs)
    shape, dtype = node.shape, node.dtype
    rest = _rest(w, a, b, shape) if dtype.kind == "f" else w.op("Mod", a.name, b.name, shape=shape, dtype=dtype)
    if node.op == "remainder":
        return rest
    whole = w.op("Sub", a.name, rest.name, shape=shape, dtype=dtype)
    found = w.op("Div", whole.name, b.name, shape=shape, dtype=dtype)
    if dtype.kind != "f":
        return found
    by_zero = w.op("Equal", b.name, w.constant(0, dtype).name, shape=b.shape, dtype=bool)
    plain = w.op("Div", a.name, b.name, shape=shape, dtype=dtype)
    return w.op("Where", by_zero.name, plain.name, w.like("Round", found).name, shape=shape, dtype=dtype)


def _rest(w: Writer, a: Value, b: Value, shape: tuple[int, ...]) -> Value:
    """Write what remains of floats, exactly: that of C, and one divisor more where the signs differ."""
    zero = w.constant(0, a.dtype)
    rest = w.op("Mod", a.name, b.name, shape=shape, dtype=a.dtype, fmod=1)
    negative = [w.op("Less", x.name, zero.name, shape=x.shape, dtype=bool) for x in (rest, b)]
    crossed = w.op("Xor", *(x.name for x in negative), shape=shape, dtype=bool)
    there = w.like("Not", w.op("Equal", rest.name, zero.name, shape=shape, dtype=bool))
    moved = w.op("Add", rest.name, b.name, shape=shape, dtype=a.dtype)
    return w.op("Where", w.like("And", crossed, there).name, moved.name, rest.name, shape=shape, dtype=a.dtype)


def _fmod(w: Writer, node: GraphNode, xs: list[Value]) -> Value:
    a, b = met(w, node, xs)
    return w.op("Mod", a.name, b.name, shape=node.shape, dtype=node.dtype, fmod=1)


def _trunc(w: Writer, node: GraphNode, xs: list[Value]) -> Value:
    x = w.cast(xs[0], node.dtype)
    return w.like("Mul", w.like("Sign", x), w.like("Floor", w.like("Abs", x)))


def scaled(w: Writer, x: Value, factor: float) -> Value:
    """Write a product with a number."""
    return w.like("Mul", x, w.constant(factor, x.dtype))


def _expm1(w: Writer, node: GraphNode, xs: list[Value]) -> Value:
    """Write ``exp(x) - 1``; near 0, where that cancels, by tanh of the half: ``2 t / (1 - t)``."""
    x = w.cast(xs[0], node.dtype)
    one, half = w.constant(1.0, x.dtype), w.like("Tanh", scaled(w, x, 0.5))
    near = w.like("Div", scaled(w, half, 2.0), w.like("Sub", w.op("Expand", one.name, w.lengths(x.shape), shape=x.shape,
                                                                  dtype=x.dtype), half))  # fmt: skip
    small = w.op("Less", w.like("Abs", x).name, w.constant(0.5, x.dtype).name, shape=x.shape, dtype=bool)
    far = w.like("Sub", w.like("Exp", x), one)
    return w.op("Where", small.name, near.name, far.name, shape=x.shape, dtype=x.dtype)


def log1p(w: Writer, x: Value) -> Value:
    """Write ``log(1 + x)``; below 1, where that rounds ``x``, with the error of the sum put back: Kahan."""
    one = w.constant(1.0, x.dtype)
    u = w.like("Add", x, one)
    logarithm = w.like("Log", u)
    is_one = w.op("Equal", u.name, one.name, shape=x.shape, dtype=bool)
    above = w.op("Greater", x.name, one.name, shape=x.shape, dtype=bool)
    lost = w.like("Sub", u, one)
    divisor = w.op("Where", is_one.name, one.name, lost.name, shape=x.shape, dtype=x.dtype)
    near = w.like("Mul", logarithm, w.like("Div", x, divisor))
    below = w.op("Where", is_one.name, x.name, near.name, shape=x.shape, dtype=x.dtype)
    return w.op("Where", above.name, logarithm.name, below.name, shape=x.shape, dtype=x.dtype)


def _logaddexp(w: Writer, node: GraphNode, xs: list[Value]) -> Value:
    a, b = met(w, node, xs)
    shape, dtype = node.shape, node.dtype
    larger = w.op("Max", a.name, b.name, shape=shape, dtype=dtype)
    apart = w.like("Abs", w.op("Sub", a.name, b.name, shape=shape, dtype=dtype))
    same = w.op("Equal", a.name, b.name, shape=shape, dtype=bool)
    gap = w.op("Where", same.name, w.constant(0.0, dtype).name, apart.name, shape=shape, dtype=dtype)
    return w.like("Add", larger, log1p(w, w.like("Exp", w.like("Neg", gap))))


def _atan2(w: Writer, node: GraphNode, xs: list[Value]) -> Value:
    """Write the angle in the first quarter, and where it lies by the signs: a zero has one, too."""
    y, x = met(w, node, xs)
    shape, dtype = node.shape, node.dtype
    high, wide = w.like("Abs", y), w.like("Abs", x)
    same = w.op("Equal", high.name, wide.name, shape=shape, dtype=bool)  # both may be 0, or infinite
    ratio = w.op("Div", high.name, wide.name, shape=shape, dtype=dtype)
    angle = w.like("Atan", w.op("Where", same.name, w.like("Sign", high).name, ratio.name, shape=shape, dtype=dtype))
    behind = w.op("Sub", w.constant(math.pi, dtype).name, angle.name, shape=shape, dtype=dtype)
    turned = w.op("Where", _is_negative(w, x), behind.name, angle.name, shape=shape, dtype=dtype)
    return w.op("Where", _is_negative(w, y), w.like("Neg", turned).name, turned.name, shape=shape, dtype=dtype)


def _is_negative(w: Writer, x: Value) -> str:
    """Write whether a number, also a zero, has the sign: 1 / -0 is minus infinity."""
    zero, one = w.constant(0.0, x.dtype), w.constant(1.0, x.dtype)
    inverse = w.op("Div", one.name, x.name, shape=x.shape, dtype=x.dtype)
    below = [w.op("Less", v.name, zero.name, shape=x.shape, dtype=bool).name for v in (x, inverse)]
    return w.op("Or", *below, shape=x.shape, dtype=bool).name


def _unit(w: Writer, largest: Value) -> Value:
    """Write the unit in which powers of numbers up to `largest` stay in the dtype: 1 where that is 0 or infinite."""
    one, zero = w.constant(1.0, largest.dtype), w.constant(0.0, largest.dtype)
    none = w.op("Equal", largest.name, zero.name, shape=largest.shape, dtype=bool)
    without = w.like("Or", none, _is_infinite(w, largest))
    return w.op("Where", without.name, one.name, largest.name, shape=largest.shape, dtype=largest.dtype)


def _hypot(w: Writer, node: GraphNode, xs: list[Value]) -> Value:
    sizes = [w.like("Abs", x) for x in met(w, node, xs)]
    unit = _unit(w, w.op("Max", *(v.name for v in sizes), shape=node.shape, dtype=node.dtype))
    parts = [w.op("Div", v.name, unit.name, shape=node.shape, dtype=node.dtype) for v in sizes]
    found = w.like("Mul", unit, w.like("Sqrt", w.like("Add", *[w.like("Mul", part, part) for part in parts])))
    endless = w.op("Or", *(_is_infinite(w, v).name for v in sizes), shape=node.shape, dtype=bool)  # also beside NaN
    infinity = w.constant(math.inf, node.dtype)
    return w.op("Where", endless.name, infinity.name, found.name, shape=node.shape, dtype=node.dtype)


def _length(w: Writer, node: GraphNode, xs: list[Value]) -> Value:
    """Write a norm in units of its greatest element, whose powers stay in the dtype."""
    p, axis, shape = node.params.get("p", 2), node.params.get("axis"), node.shape
    if p == 1:
        return _reduced("ReduceL1")(w, node, xs)
    if p <= 0:
        raise refused(node, "is not written for p <= 0")
    x = w.cast(xs[0], node.dtype)
    axes = tuple(range(len(x.shape))) if axis is None else tuple(normalized(axis, len(x.shape)))
    kept = [1 if i in axes else n for i, n in enumerate(x.shape)]
    size = w.like("Abs", x)
    if not axes:
        return size
    unit = _unit(w, w.op("ReduceMax", size.name, w.lengths(axes), shape=kept, dtype=x.dtype))
    part = w.like("Div", size, unit)
    if p == 2:
        found = w.op("ReduceL2", part.name, w.lengths(axes), shape=kept, dtype=x.dtype)
    else:
        power, root = w.constant(p, x.dtype), w.constant(1 / p, x.dtype)
        total = w.op("ReduceSum", w.like("Pow", part, power).name, w.lengths(axes), shape=kept, dtype=x.dtype)
        found = w.like("Pow", total, root)
    return w.reshape(w.like("Mul", found, unit), shape)


def _over(base: float) -> Equivalent:
    return lambda w, node, xs: scaled(w, w.like("Log", w.cast(xs[0], node.dtype)), 1 / math.log(base))


def _exp2(w: Writer, node: GraphNode, xs: list[Value]) -> Value:
    x = w.cast(xs[0], node.dtype)
    return w.op("Pow", w.constant(2.0, x.dtype).name, x.name, shape=x.shape, dtype=x.dtype)


def _erfc(w: Writer, node: GraphNode, xs: list[Value]) -> Value:
    """Write ``1 - erf(x)``, right to rounding of 1: ONNX has no function that is right in the far tail."""
    x = w.cast(xs[0], node.dtype)
    return w.op("Sub", w.constant(1.0, x.dtype).name, w.like("Erf", x).name, shape=x.shape, dtype=x.dtype)


def _finite(w: Writer, node: GraphNode, xs: list[Value]) -> Value:
    (x,) = xs
    return w.like("Not", w.like("Or", _is_infinite(w, x), w.op("IsNaN", x.name, shape=x.shape, dtype=bool)))


def _infinite(**signs: int) -> Equivalent:
    return lambda w, node, xs: _is_infinite(w, xs[0], **signs)


def _is_infinite(w: Writer, x: Value, **signs: int) -> Value:
    x = w.cast(x, np.float32) if x.dtype == np.float16 else x  # which ONNX takes from opset 20 on
    return w.op("IsInf", x.name, shape=x.shape, dtype=bool, **signs)


EQUIVALENTS: dict[str, Equivalent] = {
    **{name: _one(kind) for name, kind in _OF_ONE.items()},
    **{name: _two(kind) for name, kind in _OF_TWO.items()},
    **{f"bitwise_{name}": _bits(kind) for name, kind in _OF_BITS.items()},
    **{name: _reduced(kind) for name, kind in _REDUCING.items()},
    "bitwise_not": _not, "logical_not": _not, "ne": _different, "argmax": _position("ArgMax"),
    "argmin": _position("ArgMin"), "cumsum": _cumsum, "matmul": _product, "linear": _linear, "affine": _linear,
    "where": _where, "clip": _clip, "round": _rounded, "floor_divide": _quotient, "remainder": _quotient, "fmod": _fmod,
    "trunc": _trunc, "expm1": _expm1, "log1p": lambda w, node, xs: log1p(w, w.cast(xs[0], node.dtype)),
    "log2": _over(2.0), "log10": _over(10.0), "exp2": _exp2, "logaddexp": _logaddexp, "atan2": _atan2, "hypot": _hypot,
    "length": _length, "erfc": _erfc, "isfinite": _finite,
    "isinf": _infinite(), "isposinf": _infinite(detect_negative=0), "isneginf": _infinite(detect_positive=0),
    "isnan": lambda w, node, xs: w.op("IsNaN", xs[0].name, shape=node.shape, dtype=bool),
    "det": lambda w, node, xs: w.op("Det", xs[0].name, shape=node.shape, dtype=node.dtype),
    **PLACED,
}  # fmt: skip
"""How each operation is written; what is not here has no counterpart."""

NOTED = frozenset({
    *_OF_ONE, *_OF_TWO, *(f"bitwise_{name}" for name in (*_OF_BITS, "not")), "asarray", "assign", "astype",
    "isfinite", "isinf", "isnan", "isneginf", "isposinf", "where", "ne", "logical_not", "floor_divide", "remainder",
    "fmod", "trunc", "expm1", "log1p", "log2", "log10", "exp2", "logaddexp", "atan2", "hypot",
})  # fmt: skip
"""What NumPy computes of a traced value outside of the table, and is written as the operation of that name."""

ON_ARRAYS = on_arrays(EQUIVALENTS, _position)
"""And what has settings of its own there, or is no operation of the table."""


def equivalent_of(node: GraphNode) -> Equivalent:
    """Return how an operation is written.

    Raises:
        ExportError: it has no counterpart.
    """
    ours = node.primitive is PRIMITIVES.get(node.op) or node.op in ("detach", "leaf")
    if not ours and "where" in node.params:
        raise refused(node, "is not written where= a mask says: use where()")
    found = EQUIVALENTS.get(node.op) if ours or node.op in NOTED else ON_ARRAYS.get(node.op)
    if found is None:
        raise refused(node, "has no counterpart in ONNX here: compute it outside of what is exported")
    return found
