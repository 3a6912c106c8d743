"""The methods that turn a tensor into another dtype or make one of its dtype, and questions about its memory."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Unpack

import numpy as np

from tensorgrad import ops
from tensorgrad.base.caching import Later
from tensorgrad.base.devices import (
    CPU,
    check_device,
    check_memory,
    device,
    layout,
    memory_format,
    no_device,
    strided,
    target_dtype,
)
from tensorgrad.base.dtypes import DType, as_dtype
from tensorgrad.base.literals import constructed
from tensorgrad.base.numerics import address, owner_of
from tensorgrad.create import creation
from tensorgrad.create.factory import Options, SizedOptions
from tensorgrad.engine.shared_memory import plain
from tensorgrad.engine.tensor import Tensor, wrap
from tensorgrad.errors import DTypeError, RangeError

tensortypes = Later("tensorgrad.tensor.tensortypes")

DeviceLike = device | str | int | None
"""What PyTorch takes for a device."""


def _converted(x: Tensor, dtype: Any, copy: bool = False) -> Tensor:
    """Return `x` in `dtype` (None: its own), itself if it has it already and no copy is wanted."""
    if not copy and (dtype is None or dtype == x.array.dtype):
        return x
    return ops.astype(x, dtype=x.array.dtype if dtype is None else dtype)


def converter(name: str, dtype: DType, doc: str = "") -> Callable[[Tensor], Tensor]:
    """Return the method `name` that turns a tensor into `dtype`."""

    def method(self: Tensor) -> Tensor:
        return _converted(self, dtype)

    method.__name__ = method.__qualname__ = name
    method.__doc__ = doc or f"Return the tensor in {dtype}."
    return method


class Conversions(Tensor):
    """What a Tensor answers about dtype, device and memory; see `protocols` for why it is one."""

    __slots__ = ()

    @property
    def device(self) -> device:
        """Where the memory is: always ``device("cpu")``."""
        return CPU

    @property
    def layout(self) -> layout:
        """How the elements lie in memory: always `strided`."""
        return strided

    @property
    def is_cuda(self) -> bool:
        """False."""
        return False

    is_mps = is_xpu = is_meta = is_sparse = is_quantized = is_nested = is_mkldnn = is_cuda

    @property
    def is_cpu(self) -> bool:
        """True."""
        return True

    @property
    def itemsize(self) -> int:
        """The number of bytes of an element."""
        return self.array.itemsize

    @property
    def nbytes(self) -> int:
        """The number of bytes of all elements."""
        return self.array.nbytes

    def new(self, *data: Any, device: DeviceLike = None) -> Tensor:
        """Return a tensor of this dtype: of `data`, or of these lengths with whatever the memory held.

        Raises:
            DeviceError: a device that is not the CPU.
        """
        check_device(device)
        return wrap(constructed(data, self.array.dtype))

    def pin_memory(self, device: DeviceLike = None) -> Tensor:
        """Return the tensor itself: there is no other device to copy to."""
        return self

    def get_device(self) -> int:
        """Return -1, as for every tensor on the CPU."""
        return -1

    def element_size(self) -> int:
        """Return the number of bytes of an element."""
        return self.array.itemsize

    def stride(self, dim: int | None = None) -> Any:
        """Return by how many elements of memory neighbours along each axis, or along `dim`, are apart.

        Raises:
            RangeError: there is no axis `dim`.
        """
        x = self.array if self.array.size else np.empty([max(n, 1) for n in self.array.shape], self.array.dtype)
        steps = tuple([s // x.itemsize for s in x.strides])
        if dim is not None and not -len(steps) <= dim < len(steps):
            raise RangeError(f"stride(): argument 'dim' is {dim}, of a tensor with {len(steps)} dimensions")
        return steps if dim is None else steps[dim]

    def storage_offset(self) -> int:
        """Return at which element of the memory it shares with others the tensor starts."""
        start = address(owner_of(self.array))
        return (self.data_ptr() - start) // self.array.itemsize

    def share_memory_(self) -> Tensor:
        """Return the tensor itself: a process that is forked has its memory; what it writes is its own."""
        return self

    def data_ptr(self) -> int:
        """Return the address of the first element."""
        return address(plain(self.array))

    def is_contiguous(self, memory_format: memory_format | None = None) -> bool:
        """Return whether the elements lie in memory row by row, without gaps.

        Raises:
            DeviceError: a memory format that is not there.
        """
        check_memory(memory_format=memory_format)
        return bool(self.array.flags.c_contiguous)

    def contiguous(self, memory_format: memory_format | None = None) -> Tensor:
        """Return the tensor itself, or a copy in row-major order.

        Raises:
            DeviceError: a memory format that is not there.
        """
        check_memory(memory_format=memory_format)
        return self if self.array.flags.c_contiguous else ops.contiguous(self)

    def is_floating_point(self) -> bool:
        """Return whether the dtype is one of floats."""
        return self.array.dtype.kind == "f"

    def is_signed(self) -> bool:
        """Return whether the dtype can hold negative numbers."""
        return self.array.dtype.kind in "ifc"

    def is_complex(self) -> bool:
        """Return whether the dtype is complex."""
        return self.array.dtype.kind == "c"

    def cpu(self, memory_format: memory_format | None = None) -> Tensor:
        """Return the tensor itself.

        Raises:
            DeviceError: a memory format that is not there.
        """
        check_memory(memory_format=memory_format)
        return self

    def cuda(
        self, device: DeviceLike = None, non_blocking: bool = False, memory_format: memory_format | None = None
    ) -> Tensor:
        """Refuse: tensorgrad computes on the CPU only.

        Raises:
            DeviceError: always.
        """
        raise no_device("cuda")

    def to(
        self,
        target: Any = None,
        dtype: Any = None,
        non_blocking: bool = False,
        copy: bool = False,
        *,
        device: DeviceLike = None,
        memory_format: memory_format | None = None,
    ) -> Tensor:
        """Return the tensor in a dtype, given as such, by name or as another tensor; the tensor itself if it has it.

        ``to(dtype)``, ``to(device, dtype)`` and ``to(other)``, each followed by `non_blocking` and `copy`.

        Raises:
            DeviceError: a device that is not the CPU.
        """
        check_memory(memory_format=memory_format)
        named = target_dtype(target.array.dtype if isinstance(target, Tensor) else target, device)
        if isinstance(dtype, bool):  # to(dtype, non_blocking, copy): there is no device before it
            dtype, copy = None, copy or non_blocking
        return _converted(self, named if dtype is None else as_dtype(dtype), copy)

    def to_device(self, device: DeviceLike, /, *, stream: None = None) -> Tensor:
        """Return the tensor itself, as the array API asks for it; DeviceError for a device that is not the CPU."""
        return self.to(device=device)

    def type(self, dtype: Any = None, non_blocking: bool = False) -> Any:
        """Return the name of the tensor's type, or the tensor as `dtype`: a dtype, FloatTensor, "torch.FloatTensor"."""
        if dtype is None:
            return tensortypes.type_name(self)
        return _converted(self, as_dtype(tensortypes.dtype_of_type(dtype)))

    def type_as(self, other: Tensor) -> Tensor:
        """Return the tensor in the dtype of `other`.

        The result has the shape of `input`.
        """
        return _converted(self, other.array.dtype)

    @property
    def real(self) -> Tensor:
        """The tensor itself, or the real part of a complex one, on the same memory."""
        return _part(self, 0) if self.array.dtype.kind == "c" else self

    @property
    def imag(self) -> Tensor:
        """The imaginary part of a complex tensor, on the same memory; DTypeError for any other."""
        if self.array.dtype.kind != "c":
            raise DTypeError(f"imag is not implemented for tensors with non-complex dtypes, found {self.array.dtype}")
        return _part(self, 1)

    def conj(self) -> Tensor:
        """Return the tensor itself, or the conjugate of each element of a complex one."""
        return ops.conj(self) if self.array.dtype.kind == "c" else self

    def new_tensor(self, data: Any, **options: Unpack[Options]) -> Tensor:
        """Return a tensor of `data` in the dtype of this one."""
        return creation.tensor(data, **{"dtype": self.array.dtype} | options)

    def new_zeros(self, *lengths: Any, **options: Unpack[SizedOptions]) -> Tensor:
        """Return zeros of the given shape in the dtype of this tensor."""
        return creation.zeros(*lengths, **{"dtype": self.array.dtype} | options)

    def new_ones(self, *lengths: Any, **options: Unpack[SizedOptions]) -> Tensor:
        """Return ones of the given shape in the dtype of this tensor."""
        return creation.ones(*lengths, **{"dtype": self.array.dtype} | options)

    def new_empty(self, *lengths: Any, **options: Unpack[SizedOptions]) -> Tensor:
        """Return a tensor of the given shape in the dtype of this one, with whatever the memory held."""
        return creation.empty(*lengths, **{"dtype": self.array.dtype} | options)

    def new_full(self, size: Any, fill_value: Any, **options: Unpack[Options]) -> Tensor:
        """Return a tensor of the shape `size` filled with `fill_value` in the dtype of this tensor."""
        return creation.full(size, fill_value, **{"dtype": self.array.dtype} | options)


def _part(z: Tensor, which: int) -> Tensor:
    return ops.getitem(ops.view_as_real(z), index=(..., which))
