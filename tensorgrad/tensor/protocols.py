"""What a tensor tells of itself and turns into: shape, values, Python's protocols. The dtype's part: `conversions`.

The class has no instances. It is a Tensor so that its methods know what `self` is; `attach` gives them to Tensor.
"""

from __future__ import annotations

from collections.abc import Iterator
from sys import _getframe
from typing import Any

import numpy as np

from tensorgrad import ops
from tensorgrad.arrays import ufuncs, unasked
from tensorgrad.base.caching import Later
from tensorgrad.base.context import context
from tensorgrad.base.devices import check_memory, memory_format
from tensorgrad.base.dtypes import Array, DTypeLike
from tensorgrad.base.misfits import WrongCallError
from tensorgrad.base.numbertypes import DTYPES, dtype
from tensorgrad.base.numerics import normalized
from tensorgrad.base.size import Size
from tensorgrad.engine.batched import array_of, is_batched, levels_of
from tensorgrad.engine.shared_memory import expose_for_good, handed_out, plain
from tensorgrad.engine.tensor import Tensor, as_array, renew, wrap
from tensorgrad.engine.tracedarrays import is_traced
from tensorgrad.engine.tracedtensors import operand
from tensorgrad.engine.tracedvalues import broken, plain_of
from tensorgrad.engine.traces import running
from tensorgrad.engine.views import forget, link_alias
from tensorgrad.errors import AutogradError, DTypeError, ShapeError
from tensorgrad.functions import composed
from tensorgrad.functions.common import Operand

byrule = Later("tensorgrad.arrays.byrule")
copies = Later("tensorgrad.tensor.copies")
namespace = Later("tensorgrad.arrays.namespace")
printing = Later("tensorgrad.base.printing")


class Protocols(Tensor):
    """What a Tensor answers without computing."""

    __slots__ = ()

    @property
    def shape(self) -> Size:
        """The length of every axis."""
        return Size.of(self.array.shape)

    @property
    def dtype(self) -> dtype:
        """The kind of numbers and their size."""
        return DTYPES[self.array.dtype]

    @property
    def ndim(self) -> int:
        """The number of axes."""
        return self.array.ndim

    @property
    def T(self) -> Tensor:  # noqa: N802 - NumPy's and PyTorch's name
        """The view with all axes in reverse order."""
        return ops.transpose(self, axes=tuple(range(self.array.ndim))[::-1])

    @property
    def mT(self) -> Tensor:  # noqa: N802 - PyTorch's name
        """The view with the last two axes swapped."""
        return composed.exchanged(self, -1, -2)

    @property
    def mH(self) -> Tensor:  # noqa: N802 - PyTorch's name
        """The last two axes swapped, and a complex tensor conjugated."""
        return composed.exchanged(self, -1, -2).conj()

    @property
    def data(self) -> Tensor:
        """A tensor on the same memory, without history. Assignable: the tensor then has that memory."""
        return self.detach()

    @data.setter
    def data(self, value: Operand) -> None:
        array = as_array(value)
        if array.shape != self.array.shape and not self.is_leaf:
            raise AutogradError(f"data of shape {array.shape} for a recorded tensor of shape {self.array.shape}")
        other = (array.shape, array.dtype) != (self.array.shape, self.array.dtype)
        self.array = array
        forget(self)
        if isinstance(value, Tensor):
            link_alias(self, value)
        if self.is_leaf and other:
            renew(self)

    def size(self, dim: int | None = None) -> Any:
        """Return the shape, or the length of one axis."""
        if dim is None:
            return Size.of(self.array.shape)
        (axis,) = normalized(dim, self.array.ndim)
        return self.array.shape[axis]

    def dim(self) -> int:
        """Return the number of axes."""
        return self.array.ndim

    ndimension = dim

    def numel(self) -> int:
        """Return the number of elements."""
        return self.array.size

    nelement = numel

    def item(self) -> Any:
        """Return the value of a one-element tensor as a Python number.

        Raises:
            ShapeError: any other.
        """
        if self.array.size != 1:
            raise ShapeError(
                f"a Tensor with {self.array.size} elements cannot be converted to Scalar (shape {self.array.shape})"
            )
        return self.array.item()

    def tolist(self) -> Any:
        """Return the elements as nested lists of Python numbers."""
        return self.array.tolist()

    def numpy(self, *, force: bool = False) -> Array:
        """Return the array behind the tensor, on the same memory.

        Raises:
            AutogradError: it requires a gradient, which would be lost, unless that is what `force` is for; not under
                ``no_grad()``, where none is recorded.
        """
        if self.tracked and context().grad and not force:
            raise AutogradError("Can't call numpy() on Tensor that requires grad. Use tensor.detach().numpy() instead.")
        if running() is not None:
            operand(self)  # what is written there afterwards is part of the trace
        return self.array if is_traced(self.array) else handed_out(self)

    def __array__(self, dtype: DTypeLike = None, copy: bool | None = None) -> Array:
        unasked.check_array(self)
        return np.array(self.numpy(), dtype=dtype, copy=copy) if copy else np.asarray(self.numpy(), dtype=dtype)

    def __array_ufunc__(self, ufunc: Any, method: str, *inputs: Any, **options: Any) -> Any:
        if _getframe(1).f_globals.get("__name__") in unasked.EVALUATING:
            unasked.check_coefficients(_getframe(1))
        return ufuncs.called(ufunc, method, inputs, options)

    def __array_function__(self, function: Any, types: Any, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
        if _getframe(1).f_globals.get("__name__") in unasked.EVALUATING:
            unasked.check_coefficients(_getframe(1))
        return byrule.called(function, args, kwargs)

    def __array_namespace__(self, *, api_version: str | None = None) -> Any:
        return namespace.of_version(api_version)

    def __dlpack__(self, **options: Any) -> Any:
        if self.tracked:
            raise AutogradError("Can't export tensors that require gradient, use tensor.detach()")
        broken("__dlpack__", plain_of(self.array))
        expose_for_good(self)
        return plain(self.array).__dlpack__(**options)

    def __dlpack_device__(self) -> tuple[int, int]:
        return plain(self.array).__dlpack_device__()

    def detach(self) -> Tensor:
        """Return a tensor of the same shape on the same memory, without history."""
        alias = wrap(self.array)
        link_alias(alias, self)
        if is_traced(alias.array):
            operand(alias)  # noted here, at the line that detaches, and not at the one that reads it
        return alias

    def clone(self, *, memory_format: memory_format | None = None) -> Tensor:
        """Return a copy, of the same shape, that the gradient flows through.

        Raises:
            DeviceError: a memory format that is not there.
        """
        check_memory(memory_format=memory_format)
        return ops.astype(self, dtype=self.array.dtype)

    def __len__(self) -> int:
        if not self.array.ndim:
            raise TypeError("len() of a 0-d tensor")
        asking = _getframe(1)
        if asking.f_code.co_name == "shuffle" and asking.f_globals.get("__name__") == "random":
            raise WrongCallError(
                "random.shuffle() of a Tensor would lose elements: what it swaps are views of the same memory; use "
                "x[tensorgrad.randperm(len(x))]"
            )
        return len(self.array)

    def __iter__(self) -> Iterator[Tensor]:
        if not self.array.ndim:
            raise TypeError("iteration over a 0-d tensor")
        return (self[i] for i in range(len(self.array)))

    def __contains__(self, value: object) -> bool:
        if not isinstance(value, Tensor | int | float | complex | np.generic):
            raise DTypeError(
                f"Tensor.__contains__ only supports Tensor or scalar, but you passed in a {type(value)}: use =="
            )
        return bool((self.array == (value.array if isinstance(value, Tensor) else value)).any())

    def __bool__(self) -> bool:
        if self.array.size != 1:
            count = "more than one value" if self.array.size else "no values"
            raise ShapeError(
                f"Boolean value of Tensor with {count} is ambiguous: found shape {list(self.array.shape)}; reduce it "
                f"with .any() or .all(), or ask for .numel()"
            )
        asking = _getframe(1)
        if str(asking.f_globals.get("__name__"))[:5] == "numpy":
            unasked.check_truth(asking)
        return bool(self.array)

    def __float__(self) -> float:
        unasked.check_number(self)
        return float(self.item())

    def __int__(self) -> int:
        return int(self.item())

    def __complex__(self) -> complex:
        unasked.check_number(self)
        return complex(self.item())

    def __index__(self) -> int:
        if self.array.dtype.kind not in "iub":
            raise TypeError("only integer tensors of a single element can be converted to an index")
        return int(self.item())

    def __format__(self, spec: str) -> str:
        if not self.array.ndim:
            return format(self.array.item(), spec)  # as PyTorch: f"{x}" of a tensor without axes is that of its number
        if spec:
            raise TypeError(
                f"unsupported format string passed to Tensor.__format__: {spec!r} for a Tensor of shape "
                f"{list(self.array.shape)}; format its .item() or its .tolist()"
            )
        return str(self)

    def __repr__(self) -> str:
        if is_batched(self.array):
            value = printing.shown(array_of(self.array), False, None)
            return f"BatchedTensor(bdims={len(levels_of(self.array))}, value=\n{value})"
        array: Any = self.array
        if is_traced(array):  # one break, not one for each number
            array = array.read_by("its text")
        text: str = printing.shown(array, self.tracked, self.grad_fn)
        return text

    def __reduce__(self) -> tuple[Any, ...]:
        told: tuple[Any, ...] = copies.pickled(self)
        return told

    def __copy__(self) -> Tensor:
        copy = self.__class__.__new__(self.__class__)
        copy.array, copy.kept_grad, copy.node, copy.tracked = self.array, None, None, self.tracked
        return copy

    def __deepcopy__(self, memo: dict[Any, Any]) -> Tensor:
        copy: Tensor = copies.deep(self, memo)
        return copy
