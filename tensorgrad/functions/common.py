"""What the public functions share: operands, dimensions, indices, and the keyword arguments of every function.

`dim` and `axis`, `keepdim` and `keepdims` mean the same everywhere.
"""

from __future__ import annotations

import functools
import inspect
import re
from collections.abc import Callable, Sequence
from operator import index as whole_number
from types import CodeType, FunctionType
from typing import Any, NamedTuple, ParamSpec, TypeVar

import numpy as np

from tensorgrad import ops
from tensorgrad.autograd.history import check_alone
from tensorgrad.base.answers import INTERNAL, known_as_answering, settle
from tensorgrad.base.caching import unwrapped
from tensorgrad.base.context import context
from tensorgrad.base.dtypes import Array, DType, int64, promoted
from tensorgrad.base.hints import found
from tensorgrad.base.literals import filling
from tensorgrad.base.misfits import WrongTypeError, unfit, wrong_type
from tensorgrad.base.numerics import normalized, row_major
from tensorgrad.base.untracked import Untracked
from tensorgrad.engine.generalforms import asarray, own
from tensorgrad.engine.shared_memory import adopted
from tensorgrad.engine.tensor import Tensor, as_array, renew, wrap
from tensorgrad.engine.writes import note
from tensorgrad.errors import AutogradError, ComplexError, DTypeError, RangeError, ShapeError

from .composed import Axis

P = ParamSpec("P")
R = TypeVar("R")

Operand = Tensor | Array | complex | np.generic
"""What stands beside a tensor in an operation: another, an array, or a number."""

Lengths = int | Sequence[int]
"""One number, or several: functions take the lengths of a shape one by one or as a sequence."""

Dims = Lengths | None
"""One dimension, several, or all."""

_WORDS = {"axis": "dim", "keepdims": "keepdim"}
_more: dict[Any, tuple[Callable[..., Any], dict[str, str]]] = {}  # what takes NumPy's words: around which, for which


class Selection(NamedTuple):
    """Elements of a tensor, and their int64 positions along the dimension they were chosen from."""

    values: Tensor
    indices: Tensor


def keywords(function: Callable[P, R]) -> Callable[P, R]:
    """Return `function` so that it takes NumPy's words for PyTorch's, and, if it names `out`, writes into that tensor.

    The memory of `out` gets the result, by PyTorch's rules: nothing of it may be recorded, its dtype must be able to
    hold the result, and its shape must be that of the result (an empty tensor takes on the shape).
    """
    code: CodeType = unwrapped(function).__code__
    names = code.co_varnames[: code.co_argcount + code.co_kwonlyargcount + bool(code.co_flags & inspect.CO_VARARGS)]
    renamed = {theirs: ours for theirs, ours in _WORDS.items() if ours in names}
    writes, untracked = "out" in names, Untracked(function)
    first = untracked.first

    @functools.wraps(function)
    def call(*args: Any, **kwargs: Any) -> Any:
        nonlocal first
        for theirs, ours in renamed.items() if kwargs else ():
            if theirs in kwargs:
                kwargs[ours] = kwargs.pop(theirs)
        for word, given in kwargs.items() if kwargs else ():
            if given.__class__ is not bool and word in untracked:
                untracked.check(function.__name__, args, kwargs)
                break
        if len(args) > first:
            first = untracked.check(function.__name__, args, kwargs)
        out = kwargs.pop("out", None) if writes and kwargs else None
        if out is not None:
            _refuse_recording(function.__name__, (*args, *kwargs.values(), out))
        try:
            value = function(*args, **kwargs)
        except ComplexError as error:
            if re.search(rf"\b{function.__name__}\(\)", str(error)):
                raise
            raise ComplexError(f"{function.__name__}(): {error}") from error
        except INTERNAL as error:
            settle(function, function.__name__, args, kwargs, error)
            raise
        return value if out is None else _delivered(function.__name__, value, out)

    known_as_answering(call)
    if renamed:
        _more[call] = function, renamed
    return call


class Shown(inspect.Signature):
    """A signature that `make` tells when it is first looked at: `import` must not wait for those of hundreds.

    >>> def told() -> inspect.Signature:
    ...     print("told")
    ...     return inspect.signature(lambda x, y=2: 0)
    >>> shown = Shown.by(told)
    >>> str(shown), len(shown.parameters)
    told
    ('(x, y=2)', 2)
    """

    make: Callable[[], inspect.Signature]

    @classmethod
    def by(cls, make: Callable[[], inspect.Signature]) -> Shown:
        """Return the signature that `make` will tell."""
        shown = cls.__new__(cls)
        shown.make = make
        return shown

    def __getattr__(self, name: str) -> Any:
        # asked for what is not there: what a signature consists of, before it has been told
        if name not in inspect.Signature.__slots__:
            raise AttributeError(name)
        told = self.make()
        inspect.Signature.__init__(self, list(told.parameters.values()), return_annotation=told.return_annotation)
        return getattr(self, name)


def shows(function: Callable[..., Any], make: Callable[[], inspect.Signature]) -> None:
    """Let `function` have the parameters that `make` tells."""
    vars(function)["__signature__"] = Shown.by(make)


def published(function: Any, module: str) -> Any:
    """Return what `module` offers users for `function`: a twin, if it takes NumPy's words, whose signature shows them.

    The twin runs the same code in as many steps. `function` itself keeps the parameters that its source says.
    """
    if function not in _more:
        return function
    twin = FunctionType(function.__code__, function.__globals__, closure=function.__closure__)
    functools.update_wrapper(twin, function)
    twin.__module__ = module
    shows(twin, functools.partial(_with, *_more[function]))
    known_as_answering(twin)
    return twin


def _with(function: Callable[..., Any], renamed: dict[str, str]) -> inspect.Signature:
    """Return the signature of `function` with NumPy's words beside PyTorch's, where these need not be given."""
    shown = inspect.signature(function)
    more = [
        p.replace(name=theirs, kind=p.KEYWORD_ONLY)
        for theirs, ours in renamed.items()
        if (p := shown.parameters[ours]).default is not p.empty
    ]
    return shown.replace(parameters=[*shown.parameters.values(), *more])


def unary(op: Callable[[Any], Tensor], module: str = "tensorgrad") -> Callable[..., Tensor]:
    """Return what `module` offers users for a primitive of one argument: it asks for a tensor, and takes `out`."""

    def function(input: Tensor, *, out: Tensor | None = None) -> Tensor:
        return op(checked(op.__name__, input))

    return _like_op(op, function, module)


def binary(op: Callable[[Any, Any], Tensor], module: str = "tensorgrad") -> Callable[..., Tensor]:
    """Return the function of the package for a primitive of two arguments, of which either may be a number."""

    def function(input: Operand, other: Operand, *, out: Tensor | None = None) -> Tensor:
        return op(input if isinstance(other, Tensor) else operand(input), other)

    return _like_op(op, function, module)


def _like_op(op: Callable[..., Tensor], function: Callable[P, Tensor], module: str) -> Callable[P, Tensor]:
    function.__module__ = module  # where a pickle finds it
    function.__name__ = function.__qualname__ = op.__name__
    function.__doc__ = op.__doc__
    return keywords(function)


def _refuse_recording(name: str, values: tuple[Any, ...]) -> None:
    given = [x for v in values for x in (v if isinstance(v, list | tuple) else (v,))]
    if context().grad and any(isinstance(x, Tensor) and x.tracked for x in given):
        raise AutogradError(
            f"{name}(): functions with out=... arguments don't support automatic differentiation, but one of the "
            f"arguments requires grad: leave out= away, or compute under tensorgrad.no_grad()"
        )


def _delivered(name: str, value: Any, out: Any) -> Any:
    several = isinstance(value, tuple)
    kind: Any = list | tuple if several else Tensor
    if not isinstance(out, kind) or (several and len(out) != len(value)):
        wanted = f"{len(value)} Tensors" if several else "Tensor"
        raise TypeError(f"{name}(): argument 'out' must be {wanted}, not {found(out)}")
    if several:
        pairs = [_delivered(name, v, o) for v, o in zip(value, out, strict=True)]
        return type(value)(*pairs) if hasattr(value, "_fields") else tuple(pairs)
    source, target = operand(value).array, out.array
    if not np.can_cast(source.dtype, target.dtype, "same_kind"):
        raise DTypeError(f"result type {source.dtype} can't be cast to the desired output type {target.dtype}")
    if not target.size and source.size:
        out.array = source.astype(target.dtype)
        renew(out)  # a graph that has the empty tensor must not take this one for it
    elif source.shape != target.shape:
        raise ShapeError(
            f"output with shape {list(target.shape)} doesn't match the shape of the result {list(source.shape)}: out= "
            f"needs a tensor of that shape, or an empty one"
        )
    else:
        check_alone(out, target, "out=")
        np.copyto(target, source, casting="same_kind")
        note(out)
    return out


def checked(name: str, input: Any) -> Tensor:
    """Return `input`, the first argument of the function `name`; TypeError unless it is a Tensor."""
    if not isinstance(input, Tensor):
        raise TypeError(wrong_type(name, "input", 1, input, Tensor))
    return input


def operand(x: Any) -> Tensor:
    """Return `x` as a Tensor: itself, or a constant of an array's or number's value."""
    if isinstance(x, Tensor):
        return x
    if not isinstance(x, np.ndarray):
        return wrap(as_array(x))
    if what := unfit(x):
        raise WrongTypeError(f"an operand must be a Tensor, an array or a number, not {what}")
    return adopted(x)


def constant(array: Any) -> Tensor:
    """Return a tensor without history of what NumPy gave, which may be a scalar."""
    return wrap(row_major(asarray(array)))


def chosen(dim: Any) -> Axis:
    """Return `dim` in engine form; an empty list of dimensions means all."""
    if isinstance(dim, list | tuple):
        return tuple(map(whole_number, dim)) or None
    return None if dim is None else whole_number(dim)


def dimension(dim: int, ndim: int) -> int:
    """Return `dim` counted from the front; a 0-d tensor has one imaginary dimension."""
    axes = normalized(whole_number(dim), ndim)
    return axes[0] if axes else 0


def meeting(*operands: Any) -> DType:
    """Return the dtype in which tensors and numbers meet."""
    return promoted([v.array if isinstance(v, Tensor) else v for v in operands])


def in_dtype(x: Tensor, dtype: Any) -> Tensor:
    """Return `x` in `dtype` (None: its own): itself if it has it."""
    return x if dtype is None or x.array.dtype == dtype else ops.astype(x, dtype=np.dtype(dtype))


def fitting(value: Any, x: Tensor) -> Any:
    """Return `value`, which `x` is filled with in part: a number as its dtype holds it, DTypeError if that cannot.

    It stays a plain number: as a tensor it would be one of the values that a graph shows.
    """
    known = isinstance(value, bool | int | float) or (isinstance(value, complex) and x.array.dtype.kind == "c")
    return filling(value, x.array.dtype).item() if known else value


def lifted(x: Tensor) -> Tensor:
    """Return `x` with at least one axis."""
    return x if x.array.ndim else ops.reshape(x, shape=(1,))


def like(y: Tensor, x: Tensor) -> Tensor:
    """Return `y`, computed from a lifted `x`, without the axis that lifting added."""
    return y if x.array.ndim else ops.reshape(y, shape=())


def whole(y: Tensor, x: Tensor, keepdim: bool) -> Tensor:
    """Return `y`, what all of `x` was reduced to: without axes, or with one of length 1 for each of `x`."""
    return ops.reshape(y, shape=(1,) * x.array.ndim) if keepdim else y


def lengths(size: Sequence[Any]) -> tuple[Any, ...]:
    """Return the shape that was given as separate arguments or as one sequence."""
    return tuple(size[0] if len(size) == 1 and not isinstance(size[0], int | np.integer) else size)


def separate(tensors: Sequence[Any]) -> Sequence[Any]:
    """Return tensors that were given as separate arguments or as one sequence."""
    return tensors[0] if len(tensors) == 1 and isinstance(tensors[0], list | tuple) else tensors


def stretched(x: Tensor, shape: tuple[int, ...]) -> Tensor:
    """Return `x` repeated to `shape`: itself if it has it."""
    return x if x.array.shape == shape else ops.broadcast_to(x, shape=shape)


def along_axis(axis: int, item: Any) -> tuple[Any, ...]:
    """Return the index that applies `item` to the axis `axis`."""
    return (*(slice(None),) * axis, item)


def tensors_of(name: str, tensors: Any) -> list[Tensor]:
    """Return the elements of a list of tensors, of which there is one at least."""
    found = [operand(x) for x in tensors]
    if not found:
        raise ShapeError(f"{name}(): expected a non-empty list of Tensors ({name} expects a non-empty TensorList)")
    return found


def positions(name: str, index: Any, size: int, dim: int, backwards: bool = False) -> Array:
    """Return an integer index into the axis `dim`, of length `size`, as an array of its own, checked.

    With `backwards`, negative ones count from the end.
    """
    array = operand(index).array
    if array.dtype.kind not in "iu" and array.size:
        raise DTypeError(f"{name}(): Expected dtype int32/int64 for index, found {array.dtype}")
    found: Array = own(array, int64)
    if backwards:
        found = np.where(found < 0, found + size, found)
    wrong = (found < 0) | (found >= size)
    if wrong.any():
        first = found[wrong].flat[0]
        raise RangeError(
            f"index {first} is out of bounds for dimension {dim} with size {size}: index out of range in self, {name}()"
        )
    return found


def widened(x: Tensor, dtype: Any) -> Tensor:
    """Return `x` in `dtype`; where that is None, booleans and integers in int64: how sums and products are taken."""
    return in_dtype(x, int64 if dtype is None and x.array.dtype.kind in "bui" else dtype)
