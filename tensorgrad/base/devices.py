"""The one device there is, objects that name it and others, and PyTorch's words for how memory is laid out.

A script may name any device and compare it; only where a tensor would have to be there is it refused.
"""

from __future__ import annotations

from typing import Any, Self

from tensorgrad.errors import DeviceError, DTypeError

from .dtypes import DType, as_dtype

_TYPES = ("cpu", "cuda", "xpu", "mps", "hpu", "xla", "mtia", "meta")  # PyTorch's names


class device:  # noqa: N801 - PyTorch's name
    """The name of a device: ``device("cpu")``, ``device("cuda:0")``, ``device("cuda", 0)``, or a copy of another.

    As a context manager it makes the device the default one inside, which only the CPU can be.

    Raises:
        DeviceError: there is no such name of a device.

    >>> device("cuda:1"), str(device("cpu")), device("cpu") == device("cpu")
    (device(type='cuda', index=1), 'cpu', True)
    """

    __slots__ = ("index", "type")
    type: str
    index: int | None

    def __init__(self, type: Any, index: int | None = None) -> None:
        if isinstance(type, device):
            self.type, self.index = type.type, type.index
            return
        if not isinstance(type, str):
            raise DeviceError(
                f"device(): argument 'type' must be str, not {type!r}: there is no accelerator to be counted"
            )
        kind, colon, number = type.partition(":")
        if kind not in _TYPES:
            raise DeviceError(_unknown(type))
        if colon and (index is not None or not number.isdecimal()):
            raise DeviceError(f"Invalid device string: '{type}'")
        self.type, self.index = kind, int(number) if colon else index

    def __repr__(self) -> str:
        return f"device(type={self.type!r}{'' if self.index is None else f', index={self.index}'})"

    def __str__(self) -> str:
        return self.type if self.index is None else f"{self.type}:{self.index}"

    def __eq__(self, other: object) -> bool:
        return isinstance(other, device) and (self.type, self.index) == (other.type, other.index)

    def __hash__(self) -> int:
        return hash((self.type, self.index))

    def __enter__(self) -> Self:
        check_device(self)
        return self

    def __exit__(self, *exception: object) -> None:
        return


def _unknown(name: str) -> str:
    return f"Expected one of {', '.join(_TYPES)} device type at start of device string: {name}"


CPU = device("cpu")


def no_device(place: Any) -> DeviceError:
    """Return the error for a tensor that would have to be at `place`."""
    return DeviceError(
        f"not compiled with {device(place).type.upper()} enabled: there is no device '{place}', tensorgrad computes on "
        f"the CPU only; say device='cpu' or nothing, or let tensorgrad.cuda.is_available(), which is False, choose"
    )


def check_device(place: Any) -> None:
    """Raise DeviceError unless `place`, a device, its name or None, is the CPU."""
    if place is not None and device(place).type != "cpu":
        raise no_device(place)


def set_default_device(device: Any) -> None:
    """Accept the CPU as the device of new tensors, which it always is.

    Raises:
        DeviceError: any other.
    """
    check_device(device)


def get_default_device() -> device:
    """Return the device of new tensors, the CPU."""
    return CPU


def target_dtype(target: Any, place: Any = None) -> DType | None:
    """Return the dtype that the first argument of ``.to()`` asks for; None where it names only the device.

    >>> target_dtype("cpu"), target_dtype("float64")
    (None, dtype('float64'))
    """
    check_device(place)
    if target is None:
        return None
    if isinstance(target, device) or (isinstance(target, str) and target.partition(":")[0] in _TYPES):
        check_device(target)
        return None
    if isinstance(target, int):
        check_device(target)
    try:
        return as_dtype(target)
    except DTypeError as error:
        if not isinstance(target, str):
            raise
        raise DeviceError(f"{_unknown(target)}; and no dtype: {error}") from error


class _Word:
    __slots__ = ("name",)

    def __init__(self, name: str) -> None:
        self.name = name

    def __repr__(self) -> str:
        return f"tensorgrad.{self.name}"


class layout(_Word):  # noqa: N801 - PyTorch's name
    """How elements lie in memory; only `strided` exists."""

    __slots__ = ()


class memory_format(_Word):  # noqa: N801 - PyTorch's name
    """In which order elements lie in memory."""

    __slots__ = ()


strided = layout("strided")
contiguous_format = memory_format("contiguous_format")
preserve_format = memory_format("preserve_format")


def check_memory(layout: Any = None, pin_memory: bool = False, memory_format: Any = None) -> None:
    """Raise DeviceError for memory that is not there: another layout or order, or pages locked for an accelerator."""
    if layout not in (None, strided):
        raise DeviceError(f"layout {layout!r} is not there: tensorgrad holds NumPy arrays, layout=tensorgrad.strided")
    if pin_memory:
        raise DeviceError(
            "pin_memory=True requires a CUDA or other accelerator backend; tensorgrad computes on the CPU only: "
            "leave pin_memory out"
        )
    if memory_format not in (None, contiguous_format, preserve_format):
        raise DeviceError(
            f"memory_format {memory_format!r} is not there: there are tensorgrad.contiguous_format (row-major) and "
            f"tensorgrad.preserve_format"
        )
