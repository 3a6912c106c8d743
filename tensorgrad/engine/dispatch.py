"""Running a primitive: on arrays, on tensors, recorded or not.

`apply` is the definition; `fastpath` holds what does the same in fewer steps.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from tensorgrad.base.callsite import here, told
from tensorgrad.base.context import ANOMALY, BATCHING, SHAKING, STRONG, TRACING, Context, context
from tensorgrad.base.dtypes import (
    aligned,
    bool_,
    check_real,
    default_complex,
    get_default_dtype,
    int64,
    is_complex,
    promoted,
)
from tensorgrad.base.misfits import WrongTypeError, unfit
from tensorgrad.base.numerics import owner_of
from tensorgrad.errors import AnomalyError, DTypeError

from .batched import array_of, batched_in, begun, call
from .explanations import described, explained
from .primitive import PRIMITIVES, Primitive
from .shared_memory import adopted, like, plain, still_exposed
from .snapshots import copied, read_of
from .tensor import Node, Tensor, node_of, recorded, wrap
from .tracedarrays import Traced, delivered, read, record_primitive, tell_of_error, tell_of_masks
from .tracedtensors import follow_result, noted_number, operand
from .tracedvalues import plain_of
from .traces import running
from .views import link_view

NUMBERS = (bool, int, float, complex, np.generic)
_EXACT_IN_HALF: tuple[Any, ...] = (np.float16, np.bool_)

Apply = Callable[[Primitive, tuple[Any, ...], dict[str, Any]], Any]


def apply(primitive: Primitive, args: tuple[Any, ...], params: dict[str, Any]) -> Any:
    """Return the value of `primitive`: an array if no argument is a Tensor (no graph), a Tensor otherwise."""
    if len(params) < len(primitive.signature.parameters):
        params = {**primitive.signature.defaults, **params}
    if True not in [isinstance(a, Tensor) for a in args]:
        for i, a in enumerate(args):
            # NumPy would take a list of tensors for an array, without their graph
            if _check_operand(primitive, a, i):
                return record_primitive(primitive, args, params)
        if not primitive.complex:
            check_real(primitive.name, *args)
        return computed(primitive, list(args), params)
    if (primitive.widens or primitive.computes) and _in_half(primitive, args):
        return _widened(primitive, args, params)
    return CAREFUL[0](primitive, args, params) if context().special & STRONG else on_tensors(primitive, args, params)


def computed(primitive: Primitive, values: list[Any], params: dict[str, Any]) -> Any:
    """Return what `primitive` gives of arrays and numbers, for all examples at once where some differ by example."""
    if begun[0] and batched_in(values, params):
        return call(primitive.forward, primitive.batch, values, params)
    return primitive.forward(*values, **params)


def _in_half(primitive: Primitive, args: tuple[Any, ...]) -> bool:
    """Return whether `args` meet in half precision, where `primitive` computes what lies between in single.

    Numbers and tensors without axes meet a tensor in its precision, but are not rounded to it before they are used.
    """
    values = [a.array if isinstance(a, Tensor) else a for a in args]
    dtypes = [v.dtype for v in values if isinstance(v, np.ndarray)]
    if "e" not in [dtype.char for dtype in dtypes]:
        return False
    unlike = len(dtypes) < len(args) or any(dtype not in _EXACT_IN_HALF for dtype in dtypes)
    return (primitive.widens or unlike) and promoted(values) == np.float16


def _widened(primitive: Primitive, args: tuple[Any, ...], params: dict[str, Any]) -> Any:
    """Return the value of `primitive` in half precision, computed in single with its slopes, and rounded once.

    Booleans stay what they are: masks, whose zeros are exact.
    """
    convert = PRIMITIVES["astype"]
    numeric = [isinstance(a, Tensor | np.ndarray) and a.dtype != bool_ for a in args]
    wide = [apply(convert, (a,), {"dtype": np.float32}) if n else a for a, n in zip(args, numeric, strict=True)]
    return apply(convert, (apply(primitive, tuple(wide), params),), {"dtype": np.float16})


def on_tensors(primitive: Primitive, args: tuple[Any, ...], params: dict[str, Any]) -> Tensor:
    """Return the value of `primitive` as a Tensor, recorded where a gradient may be asked for or all is traced."""
    mode = context()
    if mode.special & TRACING:
        return _traced(primitive, args, params, mode)
    if len(args) > 1:
        args = tuple([a if isinstance(a, Tensor) else _operand(primitive, a, i) for i, a in enumerate(args)])
    first = args[0]
    if mode.special & BATCHING and mode.grad:
        args = tuple([INSIDE[0](a) if isinstance(a, Tensor) and a.tracked else a for a in args])
    tracked, exposed, values = [], [], []
    for a in args:
        known = isinstance(a, Tensor)
        whole = known and a.array.__class__ is np.ndarray  # nearly always: nothing else is asked
        tracked.append(known and a.tracked)
        exposed.append(known and not whole and still_exposed(a))
        values.append(a.array if whole else plain(a.array) if known else _number(a))
    values, out = _answered(primitive, values, params, mode)
    if mode.grad and True in tracked and primitive.differentiable and out.dtype.kind in "fc":
        y = _recorded(primitive, args, params, (out, *values), (False, *exposed), tuple(tracked))
        assert y.node is not None
        y.node.scope, y.node.place = mode.scope, here(2)
    else:
        y = wrap(out)
    if out.base is not None and isinstance(first, Tensor):
        if exposed[0] and owner_of(out) is owner_of(first.array):
            y.array = like(out, first.array)
        link_view(y, first, primitive, params)
    return y


def _answered(primitive: Primitive, values: list[Any], params: dict[str, Any], mode: Context) -> tuple[list[Any], Any]:
    """Return what `_evaluate` does, with errors that tell the operation."""
    try:
        values, out = _evaluate(primitive, values, params)
    except DTypeError:
        raise  # by what knows more than NumPy does
    except (ValueError, TypeError, IndexError, OverflowError, FloatingPointError) as error:
        raise explained(primitive, values, error) from error
    if mode.special & SHAKING:
        out = SHAKEN[0](primitive, values, params, out)
    if mode.special & ANOMALY:
        check_finite(primitive, values, array_of(out))
    return values, out


def _traced(primitive: Primitive, args: tuple[Any, ...], params: dict[str, Any], mode: Context) -> Tensor:
    """Return what `on_tensors` does, recorded with all its operands and values, whatever is written afterwards."""
    known = [a if isinstance(a, Tensor) else _operand_of_trace(primitive, a, i) for i, a in enumerate(args)]
    inputs = tuple([operand(a) if isinstance(a, Tensor) else noted_number(a) for a in known])
    values = [plain(a.array) if isinstance(a, Tensor) else _number(plain_of(a)) for a in known]
    try:
        values, out = _answered(primitive, values, plain_of(params), mode)
    except Exception as error:
        tell_of_error(primitive.name, error)
        raise
    tracked = True in [isinstance(a, Tensor) and a.tracked for a in known]
    wanted = mode.grad and tracked and primitive.differentiable and out.dtype.kind in "fc"
    if primitive.complex and any(map(is_complex, (out, *values))):
        primitive = primitive.on_complex
    kept = read(params)
    if primitive.name == "getitem":
        tell_of_masks(params["index"])
    trace = running()
    if trace is not None and trace.alone:
        saved = (out, *[v if _is_new(i, trace.start) else read_of(v, i) for v, i in zip(values, inputs, strict=True)])
    else:
        saved = (copied(out), *map(read_of, values, inputs))
    y = recorded(out, primitive, inputs, kept, saved, None)
    node = y.node
    assert node is not None
    node.tracked = y.tracked = wanted
    node.scope = mode.scope
    if trace is not None:
        trace.settle(node)
    else:
        node.place = here(2)
    follow_result(y, delivered(out, node, known[0].array if len(known) == 1 else None, (primitive, (), kept)))
    if out.base is not None and isinstance(known[0], Tensor):
        link_view(y, known[0], primitive, params)
    return y


def _is_new(source: Any, start: int) -> bool:
    """Return whether a value was computed since: nobody has written it, where the library is alone."""
    return source.__class__ is Node and source.serial > start and source.primitive is not None


def _operand_of_trace(primitive: Primitive, value: Any, place: int) -> Any:
    """Return an operand that is no Tensor, as `_operand` does; a traced array as a Tensor, a traced number as it is."""
    if type(value) is Traced:
        whole: Any = value
        return wrap(whole) if isinstance(value.value, np.ndarray) else value
    found = _operand(primitive, value, place)
    return wrap(plain(found.array)) if isinstance(found, Tensor) else found


CAREFUL: list[Apply] = [on_tensors]
"""What runs a primitive inside a careful sweep: `autograd.strongzeros` puts in its place what knows exact zeros."""

INSIDE: list[Callable[[Tensor], Tensor]] = [lambda x: x]
"""What a tensor from outside is while a function runs for all examples of a batch: `crossings` puts it there."""

SHAKEN: list[Callable[[Primitive, list[Any], dict[str, Any], Any], Any]] = [lambda primitive, values, params, out: out]
"""What rounds a value otherwise: `testing.shaking` puts it there."""


def check_finite(primitive: Primitive, values: list[Any], out: Any) -> None:
    """Raise AnomalyError if `out` holds a NaN or an infinity."""
    if out.dtype.kind in "fc" and not np.isfinite(out).all():
        kind = "nan" if np.isnan(out).any() else "infinite"
        raise AnomalyError(
            f"Function '{primitive.name}' returned {kind} values in its forward pass at {told(here(2))}: from "
            f"{described(values)}"
        )


def _operand(primitive: Primitive, value: Any, place: int) -> Any:
    """Return an operand that is no Tensor: a Python number as it is, an array as a constant Tensor."""
    _check_operand(primitive, value, place)
    return value if isinstance(value, NUMBERS) else adopted(value) if isinstance(value, np.ndarray) else wrap(value)


def _check_operand(primitive: Primitive, value: Any, place: int) -> bool:
    """Return whether `value` is traced; TypeError unless it, no Tensor, is an array of numbers, or a number."""
    if value.__class__ is not float and (what := unfit(value)):
        name = public_names(primitive)[place if not primitive.signature.variadic else 0]
        raise WrongTypeError(
            f"{primitive.name}(): argument '{name}' must be a Tensor, an array or a number, not {what}"
        )
    return type(value) is Traced


def public_names(primitive: Primitive) -> tuple[str, ...]:
    """Return what users call the arguments of `primitive`."""
    names = primitive.signature.arguments
    return ("input", "other")[: len(names)] if len(names) <= 2 else names


def _number(operand: Any) -> Any:
    """Return the plain Python number that NumPy computes with (a subclass of float is not weak)."""
    if isinstance(operand, np.generic):
        return operand.item()
    return float(operand) if isinstance(operand, float) else operand


def _evaluate(primitive: Primitive, values: list[Any], params: dict[str, Any]) -> tuple[list[Any], Any]:
    """Return the arguments in the dtype in which they meet, and the output, for which the forward runs once."""
    if not primitive.complex:
        check_real(primitive.name, *values, *params.values())
    conditions = primitive.conditions
    head, rest = values[:conditions], values[conditions:]
    dtypes = [v.dtype for v in rest if isinstance(v, np.ndarray)]
    if len(dtypes) > 1 and dtypes.count(dtypes[0]) < len(dtypes):
        rest = aligned(rest)
        dtypes = [v.dtype for v in rest if isinstance(v, np.ndarray)]
    inexact = True in [d.kind in "fc" for d in dtypes]
    dtype = None
    if not inexact and primitive.arithmetic:  # what is chosen is put in as it is, and has a place there or is refused
        dtype = promoted(rest) if head else dtype_of_whole(primitive, [*rest, *params.values()])
    if dtype is not None:
        rest = [v.astype(dtype, copy=False) if isinstance(v, np.ndarray) else np.asarray(v, dtype) for v in rest]
    values = [*head, *rest]
    whole = primitive.arithmetic and not inexact and (dtype is None or dtype.kind in "biu")
    if whole:
        with np.errstate(divide="raise"):  # NumPy answers 0 where there is no quotient
            out = computed(primitive, values, params)
    else:
        out = computed(primitive, values, params) if begun[0] else primitive.forward(*values, **params)
    if not isinstance(out, np.ndarray):
        out = np.asarray(out)  # NumPy gives scalars for 0-d results; a tensor's memory must be writable
    if dtype is None and not inexact and primitive.kind in ("elementwise", "constant"):
        out = _as_whole(out, values, primitive.arithmetic)
    return values, out


def _as_whole(out: Any, values: list[Any], arithmetic: bool) -> Any:
    """Return what NumPy computed of integers and booleans: floats in the default dtype, booleans as booleans."""
    if out.dtype.kind in "fc":
        return out.astype(default_complex() if out.dtype.kind == "c" else get_default_dtype(), copy=False)
    if arithmetic and out.dtype.kind == "i" and all(getattr(v, "dtype", bool_) == bool_ for v in values):
        return out.astype(bool_)  # it has no powers of booleans, and takes them for int8
    return out


def dtype_of_whole(primitive: Primitive, operands: list[Any]) -> Any:
    """Return the dtype in which `primitive` computes with integers and these numbers; None for that of the integers.

    NumPy answers integers in float64 (int8 even in float16), PyTorch in the default dtype.
    """
    kinds = {v.dtype.kind for v in operands if hasattr(v, "dtype")}
    if "c" in kinds or any(isinstance(v, complex) for v in operands):
        return default_complex()
    inexact = primitive.floating or "f" in kinds or any(isinstance(v, float) for v in operands)
    if not inexact and kinds == {"b"} and any(type(v) is int for v in operands):
        return int64
    return get_default_dtype() if inexact else None


def _recorded(
    primitive: Primitive,
    args: tuple[Any, ...],
    params: dict[str, Any],
    values: tuple[Any, ...],
    exposed: tuple[bool, ...],
    tracked: tuple[bool, ...],
) -> Tensor:
    if primitive.complex and any(map(is_complex, values)):
        primitive = primitive.on_complex
    keep = primitive.keeps(tracked)
    saved = keep((*values, None)) if keep else ()
    if saved and True in exposed:  # nobody would tell of a write from outside: the record keeps copies of its own
        saved = tuple([v.copy() if e and v is not None else v for v, e in zip(saved, exposed, strict=True)])
    inputs = tuple([node_of(a) if isinstance(a, Tensor) else a for a in args])
    return recorded(values[0], primitive, inputs, params, saved, None)  # the caller says where


def general(primitive: Primitive) -> Callable[..., Any]:
    """Return `apply` for `primitive`."""

    def op(*args: Any, **params: Any) -> Any:
        return apply(primitive, args, params)

    return op
