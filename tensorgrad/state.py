"""What a tensor tells of itself and turns into: shape, dtype, conversions, Python's protocols."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np

from tensorgrad import composed, ops
from tensorgrad.dtypes import Array, DType, DTypeLike, bool_, float16, float32, float64, int32, int64, target_dtype
from tensorgrad.errors import AutogradError, ShapeError
from tensorgrad.printing import shown
from tensorgrad.tensor import Tensor, as_array, leaf, renew, wrap


class State:
    """The part of Tensor's methods that computes nothing."""

    __slots__ = ()
    array: Array

    @property
    def shape(self) -> tuple[int, ...]:
        """The length of every axis."""
        return self.array.shape

    @property
    def dtype(self) -> DType:
        """The NumPy dtype."""
        return self.array.dtype

    @property
    def ndim(self) -> int:
        """The number of axes."""
        return self.array.ndim

    @property
    def device(self) -> str:
        """Where the memory is: always "cpu"."""
        return "cpu"

    @property
    def T(self: Any) -> Tensor:  # noqa: N802 - NumPy's and PyTorch's name
        """The view with all axes in reverse order."""
        return ops.transpose(self, axes=tuple(range(self.array.ndim))[::-1])

    @property
    def mT(self: Any) -> Tensor:  # noqa: N802 - PyTorch's name
        """The view with the last two axes swapped."""
        return composed.exchanged(self, -1, -2)

    @property
    def data(self: Any) -> Tensor:
        """A tensor on the same memory, without history. Assignable: the tensor then has that memory."""
        return wrap(self.array)

    @data.setter
    def data(self: Any, value: Any) -> None:
        array = as_array(value)
        if array.shape != self.array.shape and not self.is_leaf:
            raise AutogradError(f"data of shape {array.shape} for a recorded tensor of shape {self.array.shape}")
        self.array = array
        if self.is_leaf:
            renew(self)

    def size(self, dim: int | None = None) -> Any:
        """Return the shape, or the length of one axis."""
        return self.array.shape if dim is None else self.array.shape[dim]

    def dim(self) -> int:
        """Return the number of axes."""
        return self.array.ndim

    def numel(self) -> int:
        """Return the number of elements."""
        return self.array.size

    def item(self) -> Any:
        """Return the value of a one-element tensor as a Python number; ShapeError for any other."""
        if self.array.size != 1:
            raise ShapeError(
                f"a Tensor with {self.array.size} elements cannot be converted to Scalar (shape {self.array.shape})"
            )
        return self.array.item()

    def tolist(self) -> Any:
        """Return the elements as nested lists of Python numbers."""
        return self.array.tolist()

    def numpy(self: Any) -> Array:
        """Return the array behind the tensor, on the same memory; AutogradError if it requires a gradient."""
        if self.tracked:
            raise AutogradError("Can't call numpy() on Tensor that requires grad. Use tensor.detach().numpy() instead.")
        array: Array = self.array
        return array

    def __array__(self: Any, dtype: DTypeLike = None, copy: bool | None = None) -> Array:
        array: Array = self.numpy()
        return np.array(array, dtype=dtype, copy=copy) if copy else np.asarray(array, dtype=dtype)

    def detach(self: Any) -> Tensor:
        """Return a tensor on the same memory, without history."""
        return wrap(self.array)

    def clone(self: Any) -> Tensor:
        """Return a copy that the gradient flows through."""
        return ops.astype(self, dtype=self.array.dtype)

    def cpu(self: Any) -> Tensor:
        """Return the tensor itself."""
        tensor: Tensor = self
        return tensor

    def contiguous(self: Any) -> Tensor:
        """Return the tensor itself, or a copy in row-major order."""
        tensor: Tensor = self
        return tensor if self.array.flags.c_contiguous else ops.astype(self, dtype=self.array.dtype)

    def to(self: Any, target: Any = None, dtype: Any = None, *, device: Any = None, copy: Any = False) -> Tensor:
        """Return the tensor in a dtype, given as such, by name or as another tensor; the tensor itself if it has it.

        DeviceError for a device that is not the CPU.
        """
        wanted = target_dtype(target.array.dtype if isinstance(target, Tensor) else target, device)
        wanted = wanted if dtype is None else np.dtype(dtype)
        if not copy and (wanted is None or wanted == self.array.dtype):
            tensor: Tensor = self
            return tensor
        return ops.astype(self, dtype=self.array.dtype if wanted is None else wanted)

    def type_as(self: Any, other: Tensor) -> Tensor:
        """Return the tensor in the dtype of `other`."""
        return State.to(self, other)

    def half(self) -> Tensor:
        """Return the tensor in float16."""
        return self.to(float16)

    def float(self) -> Tensor:
        """Return the tensor in float32."""
        return self.to(float32)

    def double(self) -> Tensor:
        """Return the tensor in float64."""
        return self.to(float64)

    def int(self) -> Tensor:
        """Return the tensor in int32."""
        return self.to(int32)

    def long(self) -> Tensor:
        """Return the tensor in int64."""
        return self.to(int64)

    def bool(self) -> Tensor:
        """Return whether each element is not zero."""
        return self.to(bool_)

    def __len__(self) -> Any:
        if not self.array.ndim:
            raise TypeError("len() of a 0-d tensor")
        return len(self.array)

    def __iter__(self: Any) -> Iterator[Tensor]:
        if not self.array.ndim:
            raise TypeError("iteration over a 0-d tensor")
        return (self[i] for i in range(len(self.array)))

    def __contains__(self, value: Any) -> Any:
        return bool((self.array == (value.array if isinstance(value, Tensor) else value)).any())

    def __bool__(self) -> Any:
        if self.array.size != 1:
            raise ShapeError(
                f"Boolean value of Tensor with {self.array.size} values is ambiguous: reduce it to one element first"
            )
        return bool(self.array.item())

    def __float__(self) -> Any:
        return float(self.item())

    def __int__(self) -> Any:
        return int(self.item())

    def __index__(self) -> Any:
        if self.array.dtype.kind not in "iub":
            raise TypeError("only integer tensors of a single element can be converted to an index")
        return int(self.item())

    def __format__(self, spec: Any) -> Any:
        if spec and self.array.size != 1:
            raise TypeError(f"unsupported format string {spec!r} for a Tensor of {self.array.size} elements")
        return format(self.item(), spec) if spec else str(self)

    def __repr__(self: Any) -> Any:
        return shown(self.array, self.tracked, self.grad_fn)

    def __reduce__(self) -> Any:
        raise TypeError("a Tensor is not pickled (loading a pickle can run any code): save .numpy() or a state_dict")

    def __deepcopy__(self: Any, memo: dict[Any, Any]) -> Tensor:
        if not self.is_leaf:
            raise AutogradError(
                "Only Tensors created explicitly by the user (graph leaves) support the deepcopy protocol"
            )
        copy: Tensor = self.__class__.__new__(self.__class__)  # a Parameter stays one
        copy.array, copy.node, copy.tracked = self.array.copy(), None, self.tracked
        copy.grad = None if self.grad is None else wrap(self.grad.array.copy())
        if self.node is not None:
            leaf(copy).name = self.node.name
        memo[id(self)] = copy
        return copy
