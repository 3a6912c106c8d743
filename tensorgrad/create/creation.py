"""Functions that make tensors, with PyTorch's names and defaults. The random ones stand in `sampling`.

All take ``dtype``, ``device``, ``layout``, ``pin_memory`` and ``requires_grad`` (see `factory.Options`).
"""

from __future__ import annotations

import math
from numbers import Number
from typing import Any, Unpack

import numpy as np

from tensorgrad import ops
from tensorgrad.base.callsite import warn
from tensorgrad.base.devices import check_device, contiguous_format
from tensorgrad.base.dtypes import Array, DType, DTypeLike, int64, promoted
from tensorgrad.base.hints import found
from tensorgrad.base.literals import filling, forgotten, held, tracked, unboxed
from tensorgrad.engine.shared_memory import adopted
from tensorgrad.engine.tensor import Tensor, as_array, wrap
from tensorgrad.engine.traces import running
from tensorgrad.errors import ArgumentError, DTypeError, ShapeError
from tensorgrad.functions.common import Operand, checked

from .factory import LikeOptions, Options, SizedOptions, made, sized


def tensor(data: Any, **options: Unpack[Options]) -> Tensor:
    """Return a tensor with a copy of `data`: nested lists of numbers, an array or tensors.

    Python floats become float32, integers int64; arrays and tensors keep their dtype. DTypeError for what is no number
    and for integers that the dtype cannot hold, ShapeError for rows of unequal length. The copy of a tensor has no
    history, which is warned of where that loses a gradient.

    >>> tensor([[1, 2], [3, 4]])
    tensor([[1, 2],
            [3, 4]])
    >>> tensor(2.5, requires_grad=True)
    tensor(2.5000, requires_grad=True)
    """
    if tracked(data):
        warn(
            "To copy construct from a tensor, it is recommended to use sourceTensor.detach().clone() (or .clone() to "
            "keep the gradient), of several tensorgrad.stack(): tensor() makes a copy without history",
        )
        data = data if isinstance(data, Tensor) else unboxed(data)
    array = as_array(data, options.pop("dtype", None), copy=True)
    return made("tensor", lambda _: array, options | {"dtype": array.dtype})


def as_tensor(data: Any, dtype: DTypeLike = None, device: Any = None) -> Tensor:
    """Return `data` as a tensor: itself if it is one of that dtype, on the same memory if it is such an array.

    Raises:
        DeviceError: a device that is not the CPU.
    """
    check_device(device)
    if isinstance(data, Tensor):
        return data.to(data.array.dtype if dtype is None else dtype)
    array = as_array(data, dtype, who="as_tensor(): argument 'data'")
    return adopted(array) if array is data else wrap(array)


def asarray(
    obj: Any,
    *,
    dtype: DTypeLike = None,
    device: Any = None,
    copy: bool | None = None,
    requires_grad: bool | None = None,
) -> Tensor:
    """Return `obj` as a tensor, on the same memory where that can be, unless `copy` is True.

    A tensor keeps its history, unless `requires_grad` is False.

    >>> asarray(tensor(2.0, requires_grad=True)).requires_grad
    True

    Raises:
        ValueError: `copy` is False and the memory cannot be shared.
        TypeError: `obj` is a list that holds a tensor with a history.
    """
    check_device(device)
    tracks = obj if isinstance(obj, Tensor) and obj.tracked and requires_grad is not False else None
    source = obj.array if isinstance(obj, Tensor) else obj
    array = as_array(source, dtype, copy=bool(copy) and tracks is None, who="asarray(): argument 'obj'")
    if copy is False and not (isinstance(source, np.ndarray) and np.may_share_memory(array, source)):
        raise ValueError(f"can't alias {type(obj).__name__} of another dtype or kind: leave out copy=False")
    if tracks is not None:
        return tracks.to(array.dtype, copy=bool(copy))
    if isinstance(obj, Tensor) and array is source:
        x = obj.detach() if obj.tracked or requires_grad else obj
    else:
        x = adopted(array) if array is source else wrap(array)
    if requires_grad:
        x.requires_grad = True
    return x


def from_numpy(array: Array) -> Tensor:
    """Return a tensor on the memory of `array`.

    Raises:
        TypeError: `array` is no array of NumPy's.
    """
    if not isinstance(array, np.ndarray):
        raise TypeError(f"expected np.ndarray (got {type(array).__name__})")
    return adopted(as_array(array))


def from_dlpack(ext_tensor: Any) -> Tensor:
    """Return a tensor on the memory of `ext_tensor`, an array or tensor of any library that speaks DLPack."""
    return adopted(np.from_dlpack(ext_tensor))


def scalar_tensor(s: float, **options: Unpack[Options]) -> Tensor:
    """Return a tensor without axes, in the default dtype even of an integer."""
    return made("scalar_tensor", lambda dtype: as_array(forgotten(s, "scalar_tensor(): argument 's'"), dtype), options)


def zeros(*lengths: Any, out: Tensor | None = None, **options: Unpack[SizedOptions]) -> Tensor:
    """Return zeros of the shape given as lengths, as one tuple or as `size`; float32 by default."""
    return sized("zeros", np.zeros, lengths, options, out=out)


def ones(*lengths: Any, out: Tensor | None = None, **options: Unpack[SizedOptions]) -> Tensor:
    """Return ones of the shape given as lengths, as one tuple or as `size`; float32 by default.

    >>> ones(2, 3).shape
    tensorgrad.Size([2, 3])
    """
    return sized("ones", np.ones, lengths, options, out=out)


def empty(*lengths: Any, out: Tensor | None = None, **options: Unpack[SizedOptions]) -> Tensor:
    """Return a tensor of the given shape whose elements are whatever the memory held."""
    return sized("empty", np.empty if running() is None else np.zeros, lengths, options, out=out)


def full(size: Any, fill_value: Operand, *, out: Tensor | None = None, **options: Unpack[Options]) -> Tensor:
    """Return a tensor of the shape `size` filled with the number `fill_value`, in the dtype of that number.

    Raises:
        TypeError: `size` is no tuple or list.
    """
    if not isinstance(size, list | tuple):
        raise TypeError(f"full(): argument 'size' (position 1) must be tuple of ints, not {type(size).__name__}")
    return sized("full", lambda shape, dtype: np.full(shape, _filling(fill_value, dtype)), (size,), options, out=out,
                 default=_filling(fill_value).dtype)  # fmt: skip


def _filling(value: Any, dtype: DType | None = None, name: str = "full") -> Array:
    with np.errstate(over="ignore"):  # of a number that is not rounded to the default dtype in the end
        array = as_array(forgotten(value, f"{name}(): argument 'fill_value'"))
    if array.ndim:
        raise DTypeError(f"argument 'fill_value' must be Number, not {type(value).__name__} of shape {array.shape}")
    number = value if isinstance(value, Number) else array.item()
    return filling(number, dtype or array.dtype)


def eye(n: int, m: int | None = None, *, out: Tensor | None = None, **options: Unpack[Options]) -> Tensor:
    """Return the (n, m) matrix with ones on the diagonal.

    Raises:
        ShapeError: a length is negative.
    """
    for name, length in (("n", n), ("m", m)):
        if length is not None and length < 0:
            raise ShapeError(f"{name} must be greater or equal to 0, got {length}")
    return made("eye", lambda dtype: np.eye(n, m, dtype=dtype), options, out=out)


def _numbers(function: str, **given: Any) -> list[Any]:
    """Return arguments of `function` as plain numbers; TypeError for one that is none."""
    values = [forgotten(x, f"{function}(): argument '{name}'") for name, x in given.items()]
    numbers = [x.item() if isinstance(x, Tensor) else x for x in values]
    for name, x in zip(given, numbers, strict=True):
        if not isinstance(x, Number):
            raise TypeError(f"{function}(): argument '{name}' must be a number, not {found(x)}")
    return numbers


def arange(
    start: Any = 0, end: Any = None, step: Any = 1, *, out: Tensor | None = None, **options: Unpack[Options]
) -> Tensor:
    """Return the numbers from `start` (0 if it is the only argument) below `end` in steps of `step`.

    int64 if all three are integers, else the default dtype.

    Raises:
        ArgumentError: a bound is not finite, or `step` leads away from `end`.

    >>> arange(3), arange(1.0, 2.0, 0.5)
    (tensor([0, 1, 2]), tensor([1.0000, 1.5000]))
    """
    start, end = (0, start) if end is None else (start, end)
    start, end, step = _numbers("arange", start=start, end=end, step=step)
    if not math.isfinite(start) or not math.isfinite(end):
        raise ArgumentError(f"unsupported range: {start} -> {end}")
    if (end - start) * step < 0:
        raise ArgumentError(f"upper bound and lower bound inconsistent with step sign: from {start} to {end} by {step}")
    kind = promoted([start, end, step])
    return made("arange", lambda dtype: _counted(start, end, step, dtype), options, out=out,
                default=int64 if kind.kind in "biu" else kind)  # fmt: skip


def _counted(start: Any, end: Any, step: Any, dtype: DType) -> Array:
    if dtype.kind in "biu":  # as PyTorch: the bounds are cut to integers before it counts
        start, end, step = map(int, (start, end, step))
    if step == 0:
        raise ArgumentError("step must be nonzero")
    return held(np.arange(start, end, step), dtype)


def range(start: Any = 0, end: Any = None, step: Any = 1, **options: Unpack[Options]) -> Tensor:
    """Return the numbers from `start` to `end`, which is included where a step hits it; in the default dtype.

    Raises:
        ArgumentError: `step` is 0.
    """
    start, end, step = _numbers("range", start=start, end=end, step=step)
    if step == 0:
        raise ArgumentError("range(): step must be nonzero")
    count = math.floor((end - start) / step) + 1
    return made("range", lambda dtype: held(start + np.arange(count) * step, dtype), options)


def linspace(start: Any, end: Any, steps: int, *, out: Tensor | None = None, **options: Unpack[Options]) -> Tensor:
    """Return `steps` numbers from `start` to `end`, both included, at equal distances."""
    first, last = _ends("linspace", start, end, steps)
    return made("linspace", lambda dtype: held(np.linspace(first, last, steps), dtype), options, out=out,
                default=promoted([first, last, 0.0]))  # fmt: skip


def logspace(
    start: Any, end: Any, steps: int, base: float = 10.0, *, out: Tensor | None = None, **options: Unpack[Options]
) -> Tensor:
    """Return `steps` numbers from ``base ** start`` to ``base ** end``, whose exponents are at equal distances.

    >>> logspace(0, 2, 3)
    tensor([  1.,  10., 100.])
    """
    first, last = _ends("logspace", start, end, steps)
    return made("logspace", lambda dtype: (base ** np.linspace(first, last, steps)).astype(dtype), options, out=out,
                default=promoted([first, last, 0.0]))  # fmt: skip


def _ends(function: str, start: Any, end: Any, steps: int) -> list[Any]:
    if steps < 0:
        raise ShapeError(f"number of steps must be non-negative, found {steps}")
    return _numbers(function, start=start, end=end)


def complex(real: Tensor, imag: Tensor) -> Tensor:
    """Return the complex tensor with these parts, which broadcast.

    Raises:
        DTypeError: the parts are no floating point numbers of one dtype.
    """
    if real.array.dtype != imag.array.dtype or real.array.dtype.kind != "f":
        raise DTypeError(
            f"Expected both inputs to be Float or Double tensors of one dtype but got {real.array.dtype} and "
            f"{imag.array.dtype}"
        )
    dtype, shape = np.result_type(real.array, np.float32), np.broadcast_shapes(real.array.shape, imag.array.shape)
    parts = [ops.broadcast_to(ops.astype(x, dtype=dtype), shape=shape) for x in (real, imag)]
    together = ops.concatenate(*[ops.reshape(x, shape=(*shape, 1)) for x in parts], axis=-1)
    return ops.view_as_complex(together)


def _like(name: str, input: Tensor, make: Any, options: Any) -> Tensor:
    x = checked(name, input).array
    order = "C" if options.get("memory_format") is contiguous_format else "K"
    return made(name, lambda dtype: make(x, dtype=dtype, order=order), options, default=x.dtype)


def zeros_like(input: Tensor, **options: Unpack[LikeOptions]) -> Tensor:
    """Return zeros of the shape and dtype of `input`."""
    return _like("zeros_like", input, np.zeros_like, options)


def ones_like(input: Tensor, **options: Unpack[LikeOptions]) -> Tensor:
    """Return ones of the shape and dtype of `input`."""
    return _like("ones_like", input, np.ones_like, options)


def empty_like(input: Tensor, **options: Unpack[LikeOptions]) -> Tensor:
    """Return a tensor of the shape and dtype of `input` whose elements are whatever the memory held."""
    return _like("empty_like", input, np.empty_like if running() is None else np.zeros_like, options)


def full_like(input: Tensor, fill_value: Operand, **options: Unpack[LikeOptions]) -> Tensor:
    """Return a tensor of the shape and dtype of `input` filled with `fill_value`."""
    return _like(
        "full_like",
        input,
        lambda x, dtype, order: np.full_like(x, _filling(fill_value, dtype, "full_like"), dtype, order),
        options,
    )
