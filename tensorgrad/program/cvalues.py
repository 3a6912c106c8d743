"""How C reaches the elements of values, and how numbers and types are spelled in it."""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, NamedTuple, final

import numpy as np

from tensorgrad.base.dtypes import Array
from tensorgrad.base.numerics import address, byte_bounds

from .contents import Program

TYPES: dict[str, str] = {
    "f4": "float", "f8": "double", "i8": "int64_t", "u8": "uint64_t", "i4": "int32_t", "u4": "uint32_t",
    "i2": "int16_t", "u2": "uint16_t", "i1": "int8_t", "u1": "uint8_t", "b1": "uint8_t",
}  # fmt: skip
"""The types of elements that C code is made for, by NumPy's short names."""

Domain = tuple[int, ...]


@dataclass(frozen=True, slots=True)
class Access:
    """Elements of one value's memory: element `offset` and, for a place in a domain, `strides` from it.

    `root` is the number of the value whose pointer is given; offset and strides count elements.
    """

    root: int
    dtype: str
    offset: int
    strides: tuple[int, ...]

    def extent(self, domain: Domain) -> tuple[int, int]:
        """Return the first element that may be touched, and one past the last."""
        steps = [(n - 1) * s for n, s in zip(domain, self.strides, strict=True)]
        return self.offset + sum(s for s in steps if s < 0), self.offset + sum(s for s in steps if s > 0) + 1


class Number(NamedTuple):
    """A number that stands in the code."""

    value: Any
    dtype: str


Operand = Access | Number


@final
class OpenSize(int):
    """A size that is known when the code runs: `text` says it, and the number is that of the recorded run."""

    text: str

    @classmethod
    def named(cls, size: int, text: str) -> OpenSize:
        """Return the size that C calls `text`."""
        self = cls(size)
        self.text = text
        return self

    def __mul__(self, other: int) -> OpenSize:
        """Return the product, which is open as well.

        >>> f"{OpenSize.named(7, 'n0') * 3}, {3 * OpenSize.named(7, 'n0')}, {int(OpenSize.named(7, 'n0') * 3)}"
        'n0 * 3, 3 * n0, 21'
        """
        return OpenSize.named(int(self) * int(other), self.text if other == 1 else f"{self} * {other}")

    def __rmul__(self, other: int) -> OpenSize:
        return OpenSize.named(int(self) * int(other), self.text if other == 1 else f"{other} * {self}")

    def __str__(self) -> str:
        return self.text

    def __format__(self, form: str) -> str:
        return format(self.text, form)


class OpenNumber(NamedTuple):
    """A number that is computed of open sizes: as in C, in double, and as it was in the recorded run."""

    text: str
    value: float


class Unspoken(Exception):  # noqa: N818 - no error: the step stays a call of NumPy
    """C is not made for this step."""


def short(dtype: Any) -> str:
    """Return NumPy's short name of a dtype that C code is made for.

    Raises:
        Unspoken: there is none.
    """
    found = np.dtype(dtype)
    name = f"{found.kind}{found.itemsize}"
    if name not in TYPES or not found.isnative:
        raise Unspoken
    return name


def thin(shape: tuple[int, ...]) -> Domain:
    """Return a shape without its axes of length one.

    >>> thin((3, 1, 2))
    (3, 2)
    """
    return tuple(n for n in shape if n != 1)


def spread(kept: tuple[int, ...], shape: tuple[int, ...]) -> tuple[int, ...]:
    """Return the strides over the axes of `shape` but those of length one, of elements row by row that it repeats.

    >>> spread((2, 1), (2, 5)), spread((1, 4), (3, 4))
    ((1, 0), (0, 1))
    """
    strides = np.broadcast_to(np.empty(kept, np.int8), shape).strides
    return tuple(s for s, n in zip(strides, shape, strict=True) if n != 1)


class Memory:
    """Where the values of a program lie: each as a part of the memory of its root.

    A view whose place depends on more than its source (an index that is computed) is a root of its own.

    Attributes:
        roots: the number of the root of each value.
        sources: what each view is made of.
    """

    def __init__(self, program: Program) -> None:
        self.program = program
        views = [step for step in program.steps if step.kind == "view"]
        self.sources = {step.out: tuple(dict.fromkeys(program.reads(step))) for step in views}
        self.roots: dict[int, int] = {}
        for v in program.values:
            of = self.sources.get(v.number, ())
            self.roots[v.number] = self.roots[of[0]] if len(of) == 1 else v.number

    def under(self, number: int) -> Iterator[int]:
        """Yield the roots that a value stands in, and what those are made of."""
        root = self.roots[number]
        yield root
        for source in self.sources.get(root, ()):
            yield from self.under(source)

    def array(self, number: int) -> Array:
        """Return the array that a value was in the run that was recorded."""
        found: Array = self.program.arrays[number]
        return found

    def access(self, number: int, shape: tuple[int, ...], array: Array | None = None) -> Access:
        """Return how a value, or `array`, a part of it, is reached in a domain of this shape, to which it is broadcast.

        Raises:
            Unspoken: its elements are of no type for C, or do not stand in whole steps.
        """
        found = self.array(number) if array is None else array
        if 0 in found.shape:
            raise Unspoken
        dtype = short(found.dtype)
        root = self.roots[number]
        (low, high), (start, end) = byte_bounds(self.array(root)), byte_bounds(found)
        assert low <= start, "a part of a value stands in its memory"
        assert end <= high, "a part of a value stands in its memory"
        if self.array(root).dtype.itemsize != found.dtype.itemsize:
            raise Unspoken
        extra = max(found.ndim - len(shape), 0)  # axes of length one that NumPy leaves out when it assigns
        wide = np.broadcast_to(found.reshape(found.shape[extra:]) if extra else found, shape)
        size = found.dtype.itemsize
        shift = address(found) - address(self.array(root))
        if shift % size or any(s % size for s in wide.strides):
            raise Unspoken
        strides = tuple(s // size for s, n in zip(wide.strides, shape, strict=True) if n != 1)
        return Access(root, dtype, shift // size, strides)


def literal(value: Any, dtype: str) -> str:
    """Return a number in C, exactly: in decimals where a few are all that it has.

    >>> literal(0.1, "f4"), literal(-0.5, "f4"), literal(3, "i8"), literal(float("-inf"), "f8"), literal(True, "b1")
    ('0x1.99999ap-4f', '(-0.5f)', '3', '-INFINITY', '1')
    """
    if isinstance(value, OpenNumber):
        return f"({TYPES[dtype]})({value.text})"
    with np.errstate(over="ignore"):  # of what is no float32 NumPy makes infinity, too
        number = np.dtype(dtype).type(value)
    if dtype[0] != "f":
        text = str(int(number))
        return f"({int(number) + 1} - 1)" if int(number) == -(2**63) else text + "u" * (dtype[0] == "u")
    exact = float(number)
    if math.isnan(exact):
        return "NAN"
    if math.isinf(exact):
        return "INFINITY" if exact > 0 else "-INFINITY"
    whole, _, power = exact.hex().partition("p")
    few = abs(exact) < 1e6 and (exact * 8).is_integer()
    text = (repr(exact) if few else f"{whole.rstrip('0').rstrip('.')}p{power}") + "f" * (dtype == "f4")
    return f"({text})" if text[0] == "-" else text


def check_converts(operand: Operand, dtype: str) -> None:
    """Raise unless C makes of an operand, in another type, what NumPy makes of it.

    Raises:
        Unspoken: it is a float that is made an integer, or a number that the type does not hold.
    """
    if operand.dtype[0] == "f" and dtype[0] in "iu":
        raise Unspoken
    if isinstance(operand, Number):
        try:
            literal(operand.value, dtype)
        except OverflowError:
            raise Unspoken from None
