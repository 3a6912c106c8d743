"""The dtype and the device of a module's parameters and buffers."""

from __future__ import annotations

from typing import Any, Self

import numpy as np

from tensorgrad.base.devices import check_memory, no_device, target_dtype
from tensorgrad.base.dtypes import DType, as_dtype, float16, float32, float64
from tensorgrad.engine.tensor import Tensor, wrap
from tensorgrad.errors import DTypeError
from tensorgrad.tensor.tensortypes import dtype_of_type

from .parameter import is_lazy
from .registry import Registry


class Convertible(Registry):
    """The part of Module that changes dtypes, in place: every parameter keeps its identity, and gets new memory."""

    def to(
        self,
        target: Any = None,
        dtype: Any = None,
        non_blocking: bool = False,  # noqa: ARG002 - PyTorch's keyword, which means nothing on a CPU
        *,
        device: Any = None,
        memory_format: Any = None,
    ) -> Self:
        """Convert floating point parameters and buffers to a dtype, and return the module.

        ``to(dtype)``, ``to(device)``, ``to(device, dtype)`` and ``to(tensor)``, whose dtype is taken. DeviceError for a
        device that is not the CPU, DTypeError for a dtype that is not one of floats.
        """
        check_memory(memory_format=memory_format)
        named = target_dtype(target.dtype if isinstance(target, Tensor) else target, device)
        wanted = named if dtype is None or isinstance(dtype, bool) else as_dtype(dtype)
        if wanted is None:
            return self
        if wanted.kind != "f":
            raise DTypeError(
                f"nn.Module.to only accepts floating point or complex dtypes, but got desired dtype={wanted}"
                + ("; gradients through complex numbers are not there" if wanted.kind == "c" else "")
            )
        return self._converted(wanted, "f")

    def _converted(self, dtype: DType, kinds: str) -> Self:
        for x in (*self.parameters(), *self.buffers()):
            if x.dtype.kind in kinds and x.dtype != dtype:
                if is_lazy(x):
                    x.array = np.empty(0, dtype)
                    continue
                x.data = x.array.astype(dtype)
                if x.grad is not None:
                    x.grad = wrap(x.grad.array.astype(dtype))
        return self

    def type(self, dst_type: Any) -> Self:
        """Convert all parameters and buffers, also those of integers, to a dtype, and return the module."""
        return self._converted(as_dtype(dtype_of_type(dst_type)), "fiub")

    def half(self) -> Self:
        """Convert floating point parameters and buffers to float16, and return the module."""
        return self._converted(float16, "f")

    def float(self) -> Self:
        """Convert floating point parameters and buffers to float32, and return the module."""
        return self._converted(float32, "f")

    def double(self) -> Self:
        """Convert floating point parameters and buffers to float64, and return the module."""
        return self._converted(float64, "f")

    def cpu(self) -> Self:
        """Return the module, which is there already."""
        return self

    def cuda(self, device: Any = None) -> Self:
        """Raise DeviceError: tensorgrad computes on the CPU only."""
        raise no_device("cuda" if device is None else device)
