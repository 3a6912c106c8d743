"""The dtypes as scripts see them: ``tg.float32`` and what ``x.dtype`` answers.

NumPy's own cannot be asked ``x.dtype.is_floating_point``, as PyTorch's can, and take no attributes. These stand for
them: equal to them, and taken by NumPy wherever it takes one of its own. Inside the library there are NumPy's alone.
"""

from __future__ import annotations

from typing import Any, Self, final

from . import dtypes
from .dtypes import NAMES, DType, as_dtype


@final
class dtype:  # noqa: N801 - PyTorch's name
    """A kind of number and its size; made of its name, a Python type or a NumPy dtype, always the same object for one.

    Raises:
        DTypeError: no tensor can hold it.

    >>> import numpy as np
    >>> dtype("float32"), dtype(float) is dtype(np.float64), dtype("int8") == np.int8
    (tensorgrad.float32, True, True)
    >>> dtype("complex64").is_complex, np.zeros(2, dtype("int16")).dtype
    (True, dtype('int16'))
    """

    __slots__ = ("__numpy_dtype__",)
    __numpy_dtype__: DType

    def __new__(cls, dtype: Any, align: bool = False, copy: bool = False) -> Self:  # noqa: ARG004 - NumPy's parameters
        """Return the one of `dtype`."""
        return DTYPES[as_dtype(dtype)]

    @property
    def dtype(self) -> DType:
        """NumPy's, which older versions of it ask for under this name."""
        return self.__numpy_dtype__

    @property
    def name(self) -> str:
        """The name, ``"float32"``."""
        return self.__numpy_dtype__.name

    @property
    def kind(self) -> str:
        """NumPy's letter: b, u, i, f or c for booleans, unsigned and signed integers, floats and complex numbers."""
        return self.__numpy_dtype__.kind

    @property
    def itemsize(self) -> int:
        """The size of a number in bytes."""
        return self.__numpy_dtype__.itemsize

    @property
    def type(self) -> Any:
        """NumPy's class of one such number."""
        return self.__numpy_dtype__.type

    @property
    def is_floating_point(self) -> bool:
        """Whether the numbers are floats."""
        return self.kind == "f"

    @property
    def is_complex(self) -> bool:
        """Whether the numbers are complex."""
        return self.kind == "c"

    @property
    def is_signed(self) -> bool:
        """Whether there are negative ones."""
        return self.kind not in "bu"

    def __eq__(self, other: object) -> bool:
        return bool(self.__numpy_dtype__ == (other.__numpy_dtype__ if isinstance(other, dtype) else other))

    def __hash__(self) -> int:
        return hash(self.__numpy_dtype__)

    def __repr__(self) -> str:
        return f"tensorgrad.{self.name}"

    def __str__(self) -> str:
        return self.name

    def __reduce__(self) -> tuple[Any, ...]:
        return dtype, (self.name,)


def _made(of: DType) -> dtype:
    self = object.__new__(dtype)
    self.__numpy_dtype__ = of
    return self


DTYPES = {of: _made(of) for of in map(as_dtype, NAMES)}
"""All of them, by NumPy's."""

(
    bool_, uint8, uint16, uint32, uint64, int8, int16, int32, int64, float16, float32, float64,
    complex64, complex128,
) = DTYPES.values()  # fmt: skip


def get_default_dtype() -> dtype:
    """Return the dtype that Python floats get.

    >>> get_default_dtype()
    tensorgrad.float32
    """
    return dtype(dtypes.get_default_dtype())


def promote_types(type1: Any, type2: Any) -> dtype:
    """Return the smallest dtype that is not lower than either (PyTorch's table: int64 and float16 meet in float16).

    >>> promote_types("int64", "float16")
    tensorgrad.float16
    """
    return dtype(dtypes.met([as_dtype(type1), as_dtype(type2)]))


def result_type(tensor1: Any, tensor2: Any) -> dtype:
    """Return the dtype in which two operands meet, tensors, arrays or Python numbers.

    >>> import numpy as np
    >>> result_type(np.ones(3, np.int8), 1.0)
    tensorgrad.float32
    """
    return dtype(dtypes.promoted([getattr(x, "array", x) for x in (tensor1, tensor2)]))
