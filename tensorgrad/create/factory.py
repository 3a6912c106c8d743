"""What every function that makes a tensor has in common: its keywords, the lengths it takes, and `out`."""

from __future__ import annotations

from collections.abc import Callable
from operator import index
from typing import Any, TypedDict

from tensorgrad.autograd.history import check_alone
from tensorgrad.base.devices import check_device, check_memory
from tensorgrad.base.dtypes import Array, DType, DTypeLike, as_dtype, check_differentiable, get_default_dtype
from tensorgrad.base.watched import anew
from tensorgrad.engine.tensor import Tensor, wrap
from tensorgrad.engine.traces import running
from tensorgrad.engine.writes import note
from tensorgrad.errors import AutogradError, DTypeError, ShapeError


class Options(TypedDict, total=False):
    """The keywords of every such function; `device`, `layout` and `pin_memory` are checked, as there is one of each."""

    dtype: DTypeLike
    device: Any
    layout: Any
    pin_memory: bool
    requires_grad: bool


class SizedOptions(Options, total=False):
    """Those of the functions whose first arguments are lengths: ``zeros(2, 3)`` and ``zeros(size=(2, 3))``."""

    size: Any


class LikeOptions(Options, total=False):
    """Those of the functions that follow another tensor."""

    memory_format: Any


_TOLD = {"zeros": "0", "zeros_like": "0", "ones": "1", "ones_like": "1"}
_FILLED = ("full", "full_like")
_TOLD |= {name: name for name in ("eye", "arange", "range", "linspace", "logspace")}
_KEYWORDS = frozenset(("dtype", "device", "layout", "pin_memory", "requires_grad", "memory_format"))


def made(
    name: str,
    make: Callable[[DType], Array],
    options: Any,
    *,
    default: DType | None = None,
    out: Tensor | None = None,
) -> Tensor:
    """Return ``make(dtype)`` as a tensor with the keywords `options` of the function `name`.

    The dtype is the one asked for, else that of `out`, else `default`, else the default dtype.
    """
    unknown = options.keys() - _KEYWORDS
    if unknown:
        raise TypeError(f"{name}() got an unexpected keyword argument '{min(unknown)}'")
    check_device(options.get("device"))
    check_memory(options.get("layout"), options.get("pin_memory", False), options.get("memory_format"))
    asked = options.get("dtype")
    dtype = default or get_default_dtype()
    if out is not None:
        dtype = out.array.dtype
        if asked is not None and as_dtype(asked) != dtype:
            raise DTypeError(f"dtype {as_dtype(asked)} does not match dtype of out parameter ({dtype})")
    elif asked is not None:
        dtype = as_dtype(asked)
    requires_grad = bool(options.get("requires_grad", False))
    if requires_grad:
        check_differentiable(dtype)
    x = wrap(anew(make(dtype))) if out is None else delivered(name, make(dtype), out)
    if requires_grad:
        x.requires_grad = True
    if out is None and (trace := running()) is not None:
        filled = name in _FILLED and x.array.size and x.array.dtype.kind in "fiu"
        trace.note_maker(x, f"{x.array.flat[0]:g}" if filled else _TOLD.get(name))
    return x


def sized(
    name: str,
    make: Callable[[tuple[int, ...], DType], Array],
    lengths: tuple[Any, ...],
    options: Any,
    *,
    default: DType | None = None,
    out: Tensor | None = None,
) -> Tensor:
    """Return ``make(shape, dtype)`` as a tensor of the shape given by `lengths`, or as `size` in `options`."""
    shape = shape_from(name, lengths, options)
    return made(name, lambda dtype: make(shape, dtype), options, default=default, out=out)


def delivered(name: str, array: Array, out: Tensor) -> Tensor:
    """Return `out` with the elements of `array` in its memory; an empty `out` gets the memory of `array`."""
    if out.tracked:
        raise AutogradError(
            f"{name}(): functions with out=... arguments don't support automatic differentiation, but one of the "
            f"arguments requires grad"
        )
    if out.array.shape == array.shape:
        check_alone(out, out.array, name)
        out.array[...] = array
        note(out)
    elif out.array.size:
        raise ShapeError(
            f"{name}(): out has shape {list(out.array.shape)}, the result {list(array.shape)}: an out with elements is "
            f"not resized"
        )
    else:
        out.array = array.astype(out.array.dtype)
    return out


def shape_from(name: str, size: tuple[Any, ...], options: Any = None) -> tuple[int, ...]:
    """Return the lengths of the axes that `size`, or the keyword `size` taken out of `options`, means.

    >>> shape_from("zeros", (2, 3)), shape_from("zeros", ([2, 3],)), shape_from("zeros", ())
    ((2, 3), (2, 3), ())
    """
    if options and "size" in options:
        if size:
            raise TypeError(f"{name}() got multiple values for argument 'size'")
        size = (options.pop("size"),)
        if hasattr(size[0], "__index__"):
            raise TypeError(f"{name}(): argument 'size' must be tuple of ints, not {type(size[0]).__name__}")
    if size and isinstance(size[0], list | tuple):
        if len(size) > 1:
            raise TypeError(f"{name}() takes 1 positional argument but {len(size)} were given: one tuple, or lengths")
        size = tuple(size[0])
    for place, n in enumerate(size, 1):
        if not hasattr(n, "__index__"):
            raise TypeError(
                f"{name}(): argument 'size' failed to unpack the object at pos {place}: must be tuple of ints, "
                f"found {type(n).__name__}"
            )
    found = tuple(map(index, size))
    negative = [n for n in found if n < 0]
    if negative:
        raise ShapeError(f"{name}(): Trying to create tensor with negative dimension {negative[0]}: {list(found)}")
    return found
