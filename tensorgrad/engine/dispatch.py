"""Running a primitive: on arrays, on tensors, recorded or not.

`apply` is the definition; `fastpath` holds what does the same in fewer steps.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any

import numpy as np

from tensorgrad.base.callsite import here, told
from tensorgrad.base.context import ANOMALY, STRONG, TRACING, Context, context
from tensorgrad.base.dtypes import aligned, check_real, default_complex, get_default_dtype, is_complex
from tensorgrad.base.numerics import axis_error
from tensorgrad.errors import AnomalyError, DTypeError, LinAlgError, ShapeError

from .primitive import Primitive
from .shared_memory import adopted, like, plain, still_exposed
from .tensor import Node, Tensor, node_of, recorded, wrap
from .views import link_view
from .writes import owner_of

NUMBERS = (bool, int, float, complex, np.generic)

Apply = Callable[[Primitive, tuple[Any, ...], dict[str, Any]], Any]


def apply(primitive: Primitive, args: tuple[Any, ...], params: dict[str, Any]) -> Any:
    """Return the value of `primitive`: an array if no argument is a Tensor (no graph), a Tensor otherwise."""
    if len(params) < len(primitive.signature.parameters):
        params = {**primitive.signature.defaults, **params}
    if not any(isinstance(a, Tensor) for a in args):
        for a in args:
            _check_operand(primitive, a)  # NumPy would take a list of tensors for an array, without their graph
        if not primitive.complex:
            check_real(primitive.name, *args)
        return primitive.forward(*args, **params)
    return CAREFUL[0](primitive, args, params) if context().special & STRONG else on_tensors(primitive, args, params)


def on_tensors(primitive: Primitive, args: tuple[Any, ...], params: dict[str, Any]) -> Tensor:
    """Return the value of `primitive` as a Tensor, recorded where a gradient may be asked for or all is traced."""
    mode = context()
    if len(args) > 1:
        args = tuple([a if isinstance(a, Tensor) else _operand(primitive, a) for a in args])
    tracked = tuple([isinstance(a, Tensor) and a.tracked for a in args])
    exposed = [isinstance(a, Tensor) and still_exposed(a) for a in args]
    values = [plain(a.array) if isinstance(a, Tensor) else _number(a) for a in args]
    try:
        values, out = _evaluate(primitive, values, params)
    except DTypeError:
        raise  # by what knows more than NumPy does
    except (ValueError, TypeError, IndexError, OverflowError) as error:
        raise explained(primitive, values, error) from error
    if mode.special & ANOMALY:
        check_finite(primitive, values, out)
    wanted = mode.grad and True in tracked and primitive.differentiable and out.dtype.kind in "fc"
    if wanted or mode.special & TRACING:
        y = _recorded(primitive, args, params, (out, *values), (False, *exposed), tracked, mode)
        assert y.node is not None
        y.node.tracked = y.tracked = wanted
        y.node.place = here(2)
    else:
        y = wrap(out)
    if out.base is not None and isinstance(args[0], Tensor):
        if exposed[0] and owner_of(out) is owner_of(args[0].array):
            y.array = like(out, args[0].array)
        link_view(y, args[0], primitive, params)
    return y


CAREFUL: list[Apply] = [on_tensors]
"""What runs a primitive inside a careful sweep: `autograd.strongzeros` puts in its place what knows exact zeros."""


def check_finite(primitive: Primitive, values: list[Any], out: Any) -> None:
    """Raise AnomalyError if `out` holds a NaN or an infinity."""
    if out.dtype.kind in "fc" and not np.isfinite(out).all():
        kind = "nan" if np.isnan(out).any() else "infinite"
        raise AnomalyError(
            f"Function '{primitive.name}' returned {kind} values in its forward pass at {told(here(2))}: from "
            f"{_found(values)}"
        )


def _operand(primitive: Primitive, value: Any) -> Any:
    """Return an operand that is no Tensor: a Python number as it is, an array as a constant Tensor."""
    _check_operand(primitive, value)
    if isinstance(value, NUMBERS):
        return value
    return adopted(value) if isinstance(value, np.ndarray) else wrap(value)


def _check_operand(primitive: Primitive, value: Any) -> None:
    """Raise TypeError unless `value`, which is no Tensor, is an array or a number."""
    if not (hasattr(value, "__array_function__") or isinstance(value, NUMBERS)):
        raise TypeError(
            f"{primitive.name}(): argument must be a Tensor, an array or a number, found {type(value).__name__}"
        )


def _number(operand: Any) -> Any:
    """Return the plain Python number that NumPy computes with (a subclass of float is not weak)."""
    if isinstance(operand, np.generic):
        return operand.item()
    return float(operand) if isinstance(operand, float) else operand


def _evaluate(primitive: Primitive, values: list[Any], params: dict[str, Any]) -> tuple[list[Any], Any]:
    """Return the arguments in the dtype in which they meet, and the output, for which the forward runs once."""
    if not primitive.complex:
        check_real(primitive.name, *values, *params.values())
    head, rest = values[: primitive.conditions], values[primitive.conditions :]
    if len(rest) > 1 and len({v.dtype for v in rest if isinstance(v, np.ndarray)}) > 1:
        rest = aligned(rest)
    inexact = any(v.dtype.kind in "fc" for v in rest if isinstance(v, np.ndarray))
    dtype = None if inexact or not primitive.arithmetic else _dtype_of_whole(primitive, [*rest, *params.values()])
    values = [*head, *(rest if dtype is None else [np.asarray(v, dtype) for v in rest])]
    out = primitive.forward(*values, **params)
    if not isinstance(out, np.ndarray):
        out = np.asarray(out)  # NumPy gives scalars for 0-d results; a tensor's memory must be writable
    if dtype is None and not inexact and primitive.kind in ("elementwise", "constant") and out.dtype.kind in "fc":
        out = out.astype(default_complex() if out.dtype.kind == "c" else get_default_dtype(), copy=False)
    return values, out


def _dtype_of_whole(primitive: Primitive, operands: list[Any]) -> Any:
    """Return the dtype in which `primitive` computes with integers and these numbers; None for that of the integers.

    NumPy answers integers in float64 (int8 even in float16), PyTorch in the default dtype.
    """
    kinds = {v.dtype.kind for v in operands if hasattr(v, "dtype")}
    if "c" in kinds or any(isinstance(v, complex) for v in operands):
        return default_complex()
    inexact = "f" in kinds or any(isinstance(v, float) for v in operands)
    return get_default_dtype() if primitive.floating or inexact else None


def _recorded(
    primitive: Primitive,
    args: tuple[Any, ...],
    params: dict[str, Any],
    saved: tuple[Any, ...],
    exposed: tuple[bool, ...],
    tracked: tuple[bool, ...],
    mode: Context,
) -> Tensor:
    tracing = bool(mode.special & TRACING)
    seen = _seen if tracing else node_of
    inputs = tuple([seen(a) if isinstance(a, Tensor) else a for a in args])
    if primitive.complex and any(map(is_complex, saved)):
        primitive = primitive.on_complex
    keep = (True,) * len(saved) if tracing else primitive.keeps(tracked)
    if tracing:  # for a picture: what was there, whatever is written afterwards
        kept = tuple([_copied(v) for v in saved])
    elif True in exposed:  # nobody would tell of a write from outside: the record keeps copies of its own
        kept = tuple([v.copy() if k and e else v for v, k, e in zip(saved, keep or exposed, exposed, strict=True)])
    else:
        kept = saved
    kept = tuple([v if k else None for v, k in zip(kept, keep, strict=True)]) if keep else ()
    return recorded(saved[0], primitive, inputs, params, kept, mode)


def _seen(a: Tensor) -> Node:
    """Return the node of an operand for a picture: leaves keep a copy, and what was written unrecorded is a new one."""
    node = node_of(a)
    if node.saved and not a.tracked and not np.array_equal(node.saved[0], a.array, equal_nan=True):
        a.node = None
        node = node_of(a)
    if node.primitive is None and not node.saved:
        node.saved = (_copied(a.array),)
    return node


def _copied(value: Any) -> Any:
    """Return a copy of an array in the same memory order; what is repeated stays repeated."""
    if not isinstance(value, np.ndarray):
        return value
    once = value[tuple([slice(0, 1) if stride == 0 else slice(None) for stride in value.strides])]
    copy = np.copy(plain(once), order="K")
    return copy if copy.shape == value.shape else np.broadcast_to(copy, value.shape)


def _index_reason(text: str) -> str:
    """Return what NumPy says of a wrong index in PyTorch's words, with the cure for what old scripts write."""
    if text.startswith("too many indices for array: array is 0-dim"):
        return "invalid index of a 0-dim tensor. Use `tensor.item()` to convert a 0-dim tensor to a number"
    text = re.sub(r"for array: array is (\d+)-dimensional.*", r"for tensor of dimension \1", text)
    return text.replace(" for axis ", " for dimension ")


def explained(primitive: Primitive, values: list[Any], error: Exception) -> Exception:
    """Return the error with PyTorch's wording first, the op, and the shapes and dtypes that met."""
    found = _found(values)
    if isinstance(error, np.exceptions.AxisError) and error.axis is not None and error.ndim is not None:
        return axis_error(error.axis, error.ndim)
    if isinstance(error, np.linalg.LinAlgError):
        return LinAlgError(f"{error} (in {primitive.name} of {found})")
    if isinstance(error, IndexError):
        return IndexError(f"{_index_reason(str(error))} (in {primitive.name} of {found})")
    if isinstance(error, TypeError | OverflowError):
        return DTypeError(f"{primitive.name}() cannot take {found}: {error}")
    reason = str(error)
    shapes = [v.shape for v in values if isinstance(v, np.ndarray)]
    if primitive.name == "matmul":
        shapes = [s[:-2] for s in shapes]  # the batches broadcast
    if (primitive.kind in ("elementwise", "constant") or primitive.name == "matmul") and len(shapes) > 1:
        for k in range(1, max(map(len, shapes)) + 1):
            sizes = list(dict.fromkeys(s[-k] for s in shapes if len(s) >= k and s[-k] != 1))
            if len(sizes) > 1:
                reason = (
                    f"The size of tensor a ({sizes[0]}) must match the size of tensor b ({sizes[1]}) at non-singleton "
                    f"dimension {max(map(len, shapes)) - k}"
                )
                break
    return ShapeError(f"{reason} (in {primitive.name} of {found})")


def _found(values: list[Any]) -> str:
    return ", ".join(f"{v.dtype}{list(v.shape)}" if isinstance(v, np.ndarray) else repr(v) for v in values)


def general(primitive: Primitive) -> Callable[..., Any]:
    """Return `apply` for `primitive`."""

    def op(*args: Any, **params: Any) -> Any:
        return apply(primitive, args, params)

    return op
