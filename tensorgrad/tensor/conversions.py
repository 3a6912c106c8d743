"""The methods that turn a tensor into another dtype or make one of its dtype, and questions about its memory."""

from __future__ import annotations

from typing import Any, Unpack

import numpy as np

from tensorgrad import ops
from tensorgrad.base.devices import CPU, check_device, check_memory, device, layout, no_device, strided, target_dtype
from tensorgrad.base.dtypes import (
    Array,
    as_dtype,
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
    uint8,
)
from tensorgrad.base.literals import constructed
from tensorgrad.create import creation
from tensorgrad.create.factory import Options, SizedOptions
from tensorgrad.engine.tensor import Tensor, wrap
from tensorgrad.errors import DTypeError

from .tensortypes import dtype_of_type, is_complex, is_floating_point, type_name


def _converted(x: Tensor, dtype: Any, copy: bool = False) -> Tensor:
    """Return `x` in `dtype` (None: its own), itself if it has it already and no copy is wanted."""
    if not copy and (dtype is None or dtype == x.array.dtype):
        return x
    return ops.astype(x, dtype=x.array.dtype if dtype is None else dtype)


class Conversions:
    """The part of Tensor's methods that is about dtype, device and memory."""

    __slots__ = ()
    array: Array

    @property
    def device(self) -> device:
        """Where the memory is: always ``device("cpu")``."""
        return CPU

    @property
    def layout(self) -> layout:
        """How the elements lie in memory: always `strided`."""
        return strided

    @property
    def is_cuda(self) -> Any:
        """False."""
        return False

    is_mps = is_xpu = is_meta = is_sparse = is_quantized = is_nested = is_mkldnn = is_cuda

    @property
    def is_cpu(self) -> Any:
        """True."""
        return True

    @property
    def itemsize(self) -> Any:
        """The number of bytes of an element."""
        return self.array.itemsize

    @property
    def nbytes(self) -> Any:
        """The number of bytes of all elements."""
        return self.array.nbytes

    def new(self: Any, *data: Any, device: Any = None) -> Tensor:
        """Return a tensor of this dtype: of `data`, or of these lengths with whatever the memory held."""
        check_device(device)
        return wrap(constructed(data, self.array.dtype))

    def pin_memory(self: Any, device: Any = None) -> Tensor:
        """Return the tensor itself: there is no other device to copy to."""
        tensor: Tensor = self
        return tensor

    def get_device(self) -> Any:
        """Return -1, as for every tensor on the CPU."""
        return -1

    def element_size(self) -> Any:
        """Return the number of bytes of an element."""
        return self.array.itemsize

    def stride(self, dim: Any = None) -> Any:
        """Return by how many elements of memory neighbours along each axis, or along `dim`, are apart."""
        x = self.array if self.array.size else np.empty([max(n, 1) for n in self.array.shape], self.array.dtype)
        steps = tuple([s // x.itemsize for s in x.strides])
        return steps if dim is None else steps[dim]

    def storage_offset(self) -> Any:
        """Return at which element of the memory it shares with others the tensor starts."""
        owner = self.array
        while isinstance(owner.base, np.ndarray):
            owner = owner.base
        return (self.data_ptr() - int(owner.__array_interface__["data"][0])) // self.array.itemsize

    def data_ptr(self) -> Any:
        """Return the address of the first element."""
        return int(self.array.__array_interface__["data"][0])

    def is_contiguous(self, memory_format: Any = None) -> Any:
        """Return whether the elements lie in memory row by row, without gaps."""
        check_memory(memory_format=memory_format)
        return bool(self.array.flags.c_contiguous)

    def contiguous(self: Any, memory_format: Any = None) -> Tensor:
        """Return the tensor itself, or a copy in row-major order."""
        check_memory(memory_format=memory_format)
        tensor: Tensor = self
        return tensor if self.array.flags.c_contiguous else ops.contiguous(tensor)

    def is_floating_point(self: Any) -> Any:
        """Return whether the dtype is one of floats."""
        return is_floating_point(self)

    def is_signed(self: Any) -> Any:
        """Return whether the dtype can hold negative numbers."""
        return self.array.dtype.kind in "ifc"

    def is_complex(self: Any) -> Any:
        """Return whether the dtype is complex."""
        return is_complex(self)

    def cpu(self: Any, memory_format: Any = None) -> Tensor:
        """Return the tensor itself."""
        check_memory(memory_format=memory_format)
        tensor: Tensor = self
        return tensor

    def cuda(self, device: Any = None, non_blocking: Any = False, memory_format: Any = None) -> Tensor:
        """Raise DeviceError: tensorgrad computes on the CPU only."""
        raise no_device("cuda")

    def to(
        self: Any,
        target: Any = None,
        dtype: Any = None,
        non_blocking: Any = False,
        copy: Any = False,
        *,
        device: Any = None,
        memory_format: Any = None,
    ) -> Tensor:
        """Return the tensor in a dtype, given as such, by name or as another tensor; the tensor itself if it has it.

        ``to(dtype)``, ``to(device, dtype)`` and ``to(other)``, each followed by `non_blocking` and `copy`. DeviceError
        for a device that is not the CPU.
        """
        check_memory(memory_format=memory_format)
        named = target_dtype(target.array.dtype if isinstance(target, Tensor) else target, device)
        if isinstance(dtype, bool):  # to(dtype, non_blocking, copy): there is no device before it
            dtype, copy = None, copy or non_blocking
        return _converted(self, named if dtype is None else as_dtype(dtype), copy)

    def type(self: Any, dtype: Any = None, non_blocking: Any = False) -> Any:
        """Return the name of the tensor's type, or the tensor as `dtype`: a dtype, FloatTensor, "torch.FloatTensor"."""
        return type_name(self) if dtype is None else _converted(self, as_dtype(dtype_of_type(dtype)))

    def type_as(self: Any, other: Tensor) -> Tensor:
        """Return the tensor in the dtype of `other`."""
        return _converted(self, other.array.dtype)

    def half(self: Any) -> Tensor:
        """Return the tensor in float16."""
        return _converted(self, float16)

    def float(self: Any) -> Tensor:
        """Return the tensor in float32."""
        return _converted(self, float32)

    def double(self: Any) -> Tensor:
        """Return the tensor in float64."""
        return _converted(self, float64)

    def cfloat(self: Any) -> Tensor:
        """Return the tensor in complex64."""
        return _converted(self, complex64)

    def cdouble(self: Any) -> Tensor:
        """Return the tensor in complex128."""
        return _converted(self, complex128)

    def char(self: Any) -> Tensor:
        """Return the tensor in int8."""
        return _converted(self, int8)

    def byte(self: Any) -> Tensor:
        """Return the tensor in uint8."""
        return _converted(self, uint8)

    def short(self: Any) -> Tensor:
        """Return the tensor in int16."""
        return _converted(self, int16)

    def int(self: Any) -> Tensor:
        """Return the tensor in int32."""
        return _converted(self, int32)

    def long(self: Any) -> Tensor:
        """Return the tensor in int64."""
        return _converted(self, int64)

    def bool(self: Any) -> Tensor:
        """Return whether each element is not zero."""
        return _converted(self, bool_)

    @property
    def real(self: Any) -> Tensor:
        """The tensor itself, or the real part of a complex one, on the same memory."""
        tensor: Tensor = self
        return _part(tensor, "real") if self.array.dtype.kind == "c" else tensor

    @property
    def imag(self: Any) -> Tensor:
        """The imaginary part of a complex tensor, on the same memory; DTypeError for any other."""
        if self.array.dtype.kind != "c":
            raise DTypeError(f"imag is not implemented for tensors with non-complex dtypes, found {self.array.dtype}")
        return _part(self, "imag")

    def conj(self: Any) -> Tensor:
        """Return the tensor itself, or the conjugate of a complex one."""
        tensor: Tensor = self
        return _part(tensor, "conj") if self.array.dtype.kind == "c" else tensor

    def new_tensor(self: Any, data: Any, **options: Unpack[Options]) -> Tensor:
        """Return a tensor of `data` in the dtype of this one."""
        return creation.tensor(data, **{"dtype": self.array.dtype} | options)

    def new_zeros(self: Any, *lengths: Any, **options: Unpack[SizedOptions]) -> Tensor:
        """Return zeros of the given shape in the dtype of this tensor."""
        return creation.zeros(*lengths, **{"dtype": self.array.dtype} | options)

    def new_ones(self: Any, *lengths: Any, **options: Unpack[SizedOptions]) -> Tensor:
        """Return ones of the given shape in the dtype of this tensor."""
        return creation.ones(*lengths, **{"dtype": self.array.dtype} | options)

    def new_empty(self: Any, *lengths: Any, **options: Unpack[SizedOptions]) -> Tensor:
        """Return a tensor of the given shape in the dtype of this one, with whatever the memory held."""
        return creation.empty(*lengths, **{"dtype": self.array.dtype} | options)

    def new_full(self: Any, size: Any, fill_value: Any, **options: Unpack[Options]) -> Tensor:
        """Return a tensor of the shape `size` filled with `fill_value` in the dtype of this tensor."""
        return creation.full(size, fill_value, **{"dtype": self.array.dtype} | options)


def _part(x: Tensor, name: str) -> Tensor:
    if x.tracked:
        raise DTypeError(f"{name} of a complex tensor has no gradient: use .detach()")
    found = getattr(x.array, name)
    return wrap(found() if name == "conj" else found)
