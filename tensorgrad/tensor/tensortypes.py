"""PyTorch's tensor types by name (FloatTensor, ...), and questions about what kind of tensor something is."""

from __future__ import annotations

from typing import Any

from tensorgrad import ops
from tensorgrad.base.answers import guard
from tensorgrad.base.devices import check_device
from tensorgrad.base.dtypes import (
    DType,
    bool_,
    complex64,
    complex128,
    float16,
    float32,
    float64,
    int8,
    int16,
    int32,
    int64,
    set_default_dtype,
    uint8,
)
from tensorgrad.base.literals import constructed
from tensorgrad.engine.tensor import Tensor, wrap
from tensorgrad.errors import DTypeError, ShapeError
from tensorgrad.functions.common import checked

__all__ = ["set_default_tensor_type", "typename"]


class _TensorType(type):
    """The type of FloatTensor and its siblings: calling one makes a Tensor, isinstance asks for the dtype."""

    dtype: DType

    def __call__(cls, *data: Any, device: Any = None) -> Tensor:
        check_device(device)
        return wrap(constructed(data, cls.dtype))

    def __instancecheck__(cls, x: object) -> bool:
        return isinstance(x, Tensor) and bool(x.array.dtype == cls.dtype)

    def __repr__(cls) -> str:
        return f"<class 'tensorgrad.{cls.__name__}'>"


def _type(name: str, dtype: DType) -> _TensorType:
    doc = (
        f"Return a {dtype} tensor of a sequence, or of the given lengths with whatever the memory held.\n\n"
        f"Raises:\n    DeviceError: `device` is not the CPU."
    )
    return _TensorType(name, (), {"dtype": dtype, "__doc__": doc, "__module__": "tensorgrad"})


(
    FloatTensor, DoubleTensor, HalfTensor, LongTensor, IntTensor, ShortTensor, CharTensor, ByteTensor, BoolTensor,
    ComplexFloatTensor, ComplexDoubleTensor,
) = _TYPES = (
    _type("FloatTensor", float32), _type("DoubleTensor", float64), _type("HalfTensor", float16),
    _type("LongTensor", int64), _type("IntTensor", int32), _type("ShortTensor", int16),
    _type("CharTensor", int8), _type("ByteTensor", uint8), _type("BoolTensor", bool_),
    _type("ComplexFloatTensor", complex64), _type("ComplexDoubleTensor", complex128),
)  # fmt: skip
_BY_NAME = {t.__name__: t for t in _TYPES}


def type_name(x: Tensor) -> str:
    """Return the name of a tensor's type, as ``x.type()`` does.

    >>> import tensorgrad as tg
    >>> type_name(tg.ones(2))
    'tensorgrad.FloatTensor'
    """
    return f"tensorgrad.{next((t.__name__ for t in _TYPES if t.dtype == x.array.dtype), x.array.dtype)}"


def dtype_of_type(wanted: Any) -> Any:
    """Return what ``x.type(wanted)`` converts to: `wanted` is a dtype, FloatTensor, or "torch.FloatTensor"."""
    if isinstance(wanted, _TensorType):
        return wanted.dtype
    if isinstance(wanted, str) and wanted.endswith("Tensor"):
        package, _, name = wanted.rpartition(".")
        if package not in ("torch", "tensorgrad") or name not in _BY_NAME:
            raise DTypeError(
                f"invalid type: '{wanted}': there are {', '.join(_BY_NAME)}, after 'torch.' or 'tensorgrad.'"
            )
        return _BY_NAME[name].dtype
    return wanted


def set_default_tensor_type(t: Any) -> None:
    """Make the dtype of `t`, FloatTensor, DoubleTensor or their names, the default one."""
    set_default_dtype(dtype_of_type(t))


def typename(obj: Any) -> str:
    """Return the name of the type of `obj`: a tensor's with its dtype, another's with its module.

    >>> typename([]), typename(LongTensor([1]))
    ('list', 'tensorgrad.LongTensor')
    """
    if isinstance(obj, Tensor):
        return type_name(obj)
    kind = type(obj)
    return kind.__name__ if kind.__module__ == "builtins" else f"{kind.__module__}.{kind.__qualname__}"


def is_tensor(obj: Any) -> bool:
    """Return whether `obj` is a Tensor."""
    return isinstance(obj, Tensor)


def is_floating_point(input: Tensor) -> bool:
    """Return whether the dtype is one of floats."""
    return bool(checked("is_floating_point", input).array.dtype.kind == "f")


def is_complex(input: Tensor) -> bool:
    """Return whether the dtype is complex."""
    return bool(checked("is_complex", input).array.dtype.kind == "c")


def is_nonzero(input: Tensor) -> bool:
    """Return whether the only element of a tensor is not zero; ShapeError for any other number of elements."""
    return bool(checked("is_nonzero", input))


def view_as_real(input: Tensor) -> Tensor:
    """Return the real and imaginary parts of a complex tensor in a new last axis of length 2: a view of its memory.

    What is made for real numbers alone, as an optimiser is, takes complex ones so.

    Raises:
        DTypeError: `input` is not complex.

    >>> import tensorgrad as tg
    >>> tg.view_as_real(tg.tensor([1 + 2j]))
    tensor([[1., 2.]])
    """
    dtype = checked("view_as_real", input).array.dtype
    if dtype.kind != "c":
        raise DTypeError(f"view_as_real is only supported for complex tensors, found {dtype}")
    return ops.view_as_real(input)


def view_as_complex(input: Tensor) -> Tensor:
    """Return the complex numbers whose parts stand in the last axis, of length 2: a view where memory allows.

    Raises:
        DTypeError: `input` is neither float32 nor float64.
        ShapeError: the last axis is not of length 2.

    >>> import tensorgrad as tg
    >>> tg.view_as_complex(tg.tensor([[1.0, 2.0]]))
    tensor([1.+2.j])
    """
    x = checked("view_as_complex", input).array
    if x.dtype not in (float32, float64):
        raise DTypeError(f"view_as_complex is only supported for float32 and float64 tensors, found {x.dtype}")
    if x.shape[-1:] != (2,):
        raise ShapeError(f"Tensor must have a last dimension of size 2, found shape {list(x.shape)}")
    return ops.view_as_complex(input)


def real(input: Tensor) -> Tensor:
    """Return `input` itself, or the real part of a complex tensor, on the same memory.

    Each element by itself, in the shape of `input`.
    """
    return checked("real", input).real


def imag(input: Tensor) -> Tensor:
    """Return the imaginary part of a complex tensor, on the same memory; DTypeError for any other.

    Each element by itself, in the shape of `input`.
    """
    return checked("imag", input).imag


guard(__name__)
