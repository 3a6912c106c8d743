"""PyTorch's files: what `torch.save` writes of tensors and what holds them, read as data.

Such a file is a zip archive of a pickle, ``data.pkl``, and of one member for each storage. The pickle is followed by
`opcodes`, which calls nothing; the names below are all that it may say. Storages are read once their length is known to
be the member's, and tensors lie in them as they did: those that shared memory do so again.
"""

from __future__ import annotations

import math
import struct
import sys
from collections import Counter, OrderedDict
from collections.abc import Callable
from typing import IO, Any

import numpy as np

from tensorgrad.base.devices import device
from tensorgrad.base.dtypes import NAMES, Array, DType
from tensorgrad.base.hints import short
from tensorgrad.base.numbertypes import DTYPES, dtype
from tensorgrad.base.size import Size
from tensorgrad.engine.tensor import Tensor, wrap
from tensorgrad.engine.views import link_alias
from tensorgrad.errors import DataError, TensorgradError
from tensorgrad.files.archive import Member, PackedError, content, members
from tensorgrad.files.opcodes import Named, NoData, RefusedError, interpreted, key

_LEGACY = b"\x80\x02\x8a\x0al\xfc\x9cF\xf9 j\xa8P\x19."  # the number that old files begin with
_MOST_AXES = 64
_STORAGES: dict[str, str] = {
    "BoolStorage": "bool", "ByteStorage": "uint8", "CharStorage": "int8", "ShortStorage": "int16",
    "IntStorage": "int32", "LongStorage": "int64", "HalfStorage": "float16", "FloatStorage": "float32",
    "DoubleStorage": "float64", "ComplexFloatStorage": "complex64", "ComplexDoubleStorage": "complex128",
}  # fmt: skip
_UNTYPED = "UntypedStorage"
_WORDS = {
    "bfloat16": "numbers of a dtype that NumPy does not have: convert them, x.float()",
    "BFloat16Storage": "numbers of a dtype that NumPy does not have: convert them, x.float()",
    "_rebuild_sparse_tensor": "a sparse tensor: save x.to_dense()",
    "_rebuild_qtensor": "a quantized tensor: save x.dequantize()",
    "_reconstruct": "an array of NumPy: save torch.from_numpy(x)",
    "_frombuffer": "an array of NumPy: save torch.from_numpy(x)",
    "_rebuild_meta_tensor_no_storage": "a tensor of the device 'meta', which has no numbers",
}


class _Storage(NoData):
    """The memory of one member, as bytes, and the tensors in it."""

    def __init__(self, memory: Array, dtype: DType | None) -> None:
        super().__init__("a storage")
        self.memory = memory
        self.dtype = dtype  # None: the tensor says it
        self.tensors: list[Tensor] = []


def read_pt(file: IO[bytes], size: int, where: str) -> Any:
    """Return what `torch.save` wrote to `file`, of `size` bytes; DataError for anything that is not data."""
    try:
        return _Contents(file, size).value()
    except PackedError as error:
        what = "a TorchScript program" if "/code/" in error.name else f"{short(error.name)} compressed or encrypted"
        raise DataError(
            f"{where}: expected what torch.save wrote, found {what}: save the state_dict() of it"
        ) from error
    except RefusedError as error:
        raise DataError(f"{where}: expected tensors in dicts and lists, found {error}") from error
    except (ValueError, TypeError, LookupError, OverflowError, struct.error, TensorgradError) as error:
        raise DataError(
            f"{where}: expected a whole file of torch.save, found damage: {type(error).__name__}: {error}; fetch or "
            f"save the file again"
        ) from error


class _Contents:
    """A file that is being read: its members, and the storages that have been."""

    def __init__(self, file: IO[bytes], size: int) -> None:
        file.seek(0)
        start = file.read(len(_LEGACY))
        if start == _LEGACY:
            raise RefusedError("a file in the form before PyTorch 1.6: load and save it again with a newer one")
        if start[:2] != b"PK":
            raise RefusedError(f"no archive of torch.save, but bytes that begin with {start[:8].hex(' ')}")
        self.file = file
        self.members = members(file, size)
        pickles = [name for name in self.members if name.endswith("/data.pkl")]
        if len(pickles) != 1:
            raise RefusedError("a zip archive without the one data.pkl of torch.save")
        self.folder = pickles[0][: -len("data.pkl")]
        if self.folder + "constants.pkl" in self.members:
            raise RefusedError("a TorchScript program: save the state_dict() of the model")
        order = self._content("byteorder") if self.folder + "byteorder" in self.members else b"little"
        if order not in (b"little", b"big"):
            raise ValueError(f"the order of bytes {short(order)}")
        self.swapped = order.decode() != sys.byteorder
        self.storages: dict[str, _Storage] = {}

    def _content(self, name: str) -> bytes:
        return content(self.file, self.members[self.folder + name])

    def value(self) -> Any:
        """Return what the file holds."""
        return interpreted(self._content("data.pkl"), _named, self._stored)

    def _stored(self, told: Any) -> _Storage:
        """Return the storage that a persistent id tells: ``("storage", kind, key, place, count)``."""
        mark, kind, name, place, count = told
        if mark != "storage" or not isinstance(kind, Named) or type(name) is not str or type(place) is not str:
            raise ValueError("an id that tells no storage")
        if kind.name != _UNTYPED and kind.name not in _STORAGES:
            raise ValueError(f"a storage of kind {short(kind.name)}")
        of = None if kind.name == _UNTYPED else np.dtype(_STORAGES[kind.name])
        if name not in self.storages:
            self.storages[name] = _Storage(self._memory(self.members[f"{self.folder}data/{name}"], of), of)
        found = self.storages[name]
        width = 1 if of is None else of.itemsize
        if found.dtype != of or type(count) is not int or count * width != found.memory.nbytes:
            raise ValueError(f"a storage of {short(count)} elements in {found.memory.nbytes:,} bytes")
        return found

    def _memory(self, member: Member, of: DType | None) -> Array:
        if self.swapped and of is None and member.size:
            raise RefusedError(
                "a storage without a dtype from a machine with the other order of bytes; save it again here"
            )
        memory = np.empty(member.size, np.uint8)
        self.file.seek(member.start)
        if self.file.readinto(memory.data) != member.size:  # type: ignore[attr-defined] # files that are opened here have it
            raise ValueError("a member that ends too early")
        member.checked(memory.data)
        if of is not None and of.kind == "b" and memory.size and memory.max() > 1:
            raise ValueError("a bool that is neither 0 nor 1")
        if self.swapped and of is not None:
            memory.view(f"u{of.itemsize // (2 if of.kind == 'c' else 1)}").byteswap(inplace=True)
        return memory


def _lengths(value: Any) -> tuple[int, ...]:
    if type(value) not in (tuple, Size) or len(value) > _MOST_AXES:
        raise ValueError("lengths or strides that are no tuple")
    if not all(type(n) is int and 0 <= n < 1 << 63 for n in value):
        raise ValueError(f"lengths or strides {short(tuple(value))}")
    return tuple(value)


def _array(storage: _Storage, kind: DType, start: Any, shape: tuple[int, ...], strides: tuple[int, ...]) -> Array:
    """Return the array of `shape` in `storage`, which must hold all of it; `start` and `strides` count elements."""
    if type(start) is not int or start < 0 or len(shape) != len(strides):
        raise ValueError(f"a tensor of shape {short(shape)} at {short(start)} with strides {short(strides)}")
    if 0 in shape:
        return np.empty(shape, kind)
    if math.prod(shape) >= 1 << 62:
        raise ValueError(f"a tensor of shape {short(shape)}")
    end = start + sum((n - 1) * step for n, step in zip(shape, strides, strict=True)) + 1
    if end * kind.itemsize > storage.memory.nbytes:
        raise ValueError(f"a tensor up to element {short(end)} of a storage of {storage.memory.nbytes:,} bytes")
    steps = tuple(step * kind.itemsize if n > 1 else kind.itemsize for n, step in zip(shape, strides, strict=True))
    array: Array = np.ndarray(shape, kind, storage.memory, start * kind.itemsize, steps)
    reach = 1
    for step, n in sorted((step, n) for step, n in zip(strides, shape, strict=True) if n > 1):
        if step < reach:  # elements may share a place, as those of `expand`: nobody may write to them
            array.flags.writeable = False
        reach += (n - 1) * step
    return array


def _in_place(storage: _Storage, array: Array, tracked: Any) -> Tensor:
    x = wrap(array)
    if storage.tensors:
        link_alias(x, storage.tensors[0])
    storage.tensors.append(x)
    if type(tracked) is not bool:
        raise ValueError("a tensor that does not say whether it requires a gradient")
    return x.requires_grad_(tracked)


def _tensor(storage: Any, start: Any, shape: Any, strides: Any, tracked: Any, hooks: Any, *more: Any) -> Tensor:
    """PyTorch's ``_rebuild_tensor_v2`` and, with a dtype among `more`, ``_rebuild_tensor_v3``."""
    if not isinstance(storage, _Storage):
        raise ValueError("a tensor without a storage")  # noqa: TRY004 - damage
    if hooks:
        raise RefusedError("hooks of a tensor: remove them before it is saved")
    kind = storage.dtype
    if more and isinstance(more[0], dtype):
        kind, more = np.dtype(more[0].name), more[1:]
    if kind is None:
        raise ValueError("a tensor without a dtype")
    if any(more):
        raise RefusedError(f"a tensor with {short(more[0])}: save x.resolve_conj().resolve_neg()")
    return _in_place(storage, _array(storage, kind, start, _lengths(shape), _lengths(strides)), tracked)


def _parameter(data: Any, tracked: Any, hooks: Any, *state: Any) -> Tensor:
    """PyTorch's ``_rebuild_parameter``: a tensor on the memory of `data`."""
    if not isinstance(data, Tensor) or type(tracked) is not bool:
        raise ValueError("a parameter that is made of no tensor")
    if hooks or state:
        raise RefusedError("a parameter with hooks or attributes: save the state_dict() of its model")
    x = wrap(data.array)
    link_alias(x, data)
    return x.requires_grad_(tracked)


def _bytes(text: str, coding: str) -> bytes:
    """Bytes, as protocol 2 tells them."""
    if coding != "latin1":
        raise ValueError(f"bytes in {short(coding)}")
    return text.encode("latin1")


def _complex(real: Any, imag: Any) -> complex:
    if type(real) is not float or type(imag) is not float:
        raise ValueError("a complex number of no floats")
    return complex(real, imag)


def _bytearray(data: Any = b"") -> bytearray:
    if type(data) is not bytes:
        raise ValueError("a bytearray of no bytes")
    return bytearray(data)


def _counter(counts: Any) -> Any:
    if type(counts) is not dict:  # it would count what is no key
        raise ValueError("a Counter of no dict")
    return Counter(counts)


def _numpy_dtype(code: Any, align: Any, copied: Any) -> Any:
    """NumPy's dtype, of the kinds that tensors have."""
    known = {np.dtype(name).str[1:]: np.dtype(name) for name in NAMES}
    if type(code) is not str or code not in known or align is not False or copied is not True:
        raise RefusedError(f"the dtype {short(code)} of NumPy: save x.item(), or text")
    return known[code]


def _scalar(kind: Any, data: Any) -> Any:
    """A number of NumPy."""
    if not isinstance(kind, np.dtype) or type(data) is not bytes or len(data) != kind.itemsize:
        raise ValueError("a number of NumPy in too few or too many bytes")
    if kind.kind == "b" and data[0] > 1:
        raise ValueError("a bool that is neither 0 nor 1")
    return np.frombuffer(data, kind)[0]


def _place(kind: Any, index: Any = None) -> device:
    if type(kind) is not str or type(index) not in (int, type(None)):
        raise ValueError("a device that is no text")
    try:
        return device(kind) if index is None else device(kind, index)
    except TensorgradError as error:
        raise RefusedError(f"a device: {error}; save its name") from error


_CALLS: dict[tuple[str, str], Callable[..., Any]] = {
    ("torch._utils", "_rebuild_tensor_v2"): _tensor,
    ("torch._utils", "_rebuild_tensor_v3"): _tensor,
    ("torch._utils", "_rebuild_parameter"): _parameter,
    ("collections", "OrderedDict"): lambda: OrderedDict(),
    ("torch", "Size"): lambda lengths: Size(_lengths(lengths)),
    ("torch", "device"): _place,
    ("_codecs", "encode"): _bytes,
    ("collections", "Counter"): _counter,
    ("numpy", "dtype"): _numpy_dtype,
    ("numpy.core.multiarray", "scalar"): _scalar,
    ("numpy._core.multiarray", "scalar"): _scalar,
}
for _builtins in ("builtins", "__builtin__"):
    _CALLS[_builtins, "set"] = lambda items=(): set(map(key, items))
    _CALLS[_builtins, "frozenset"] = lambda items=(): frozenset(map(key, items))
    _CALLS[_builtins, "complex"] = _complex
    _CALLS[_builtins, "bytes"] = lambda: b""
    _CALLS[_builtins, "bytearray"] = _bytearray
_NAMED: dict[tuple[str, str], Any] = {
    **{where: Named(".".join(where), call) for where, call in _CALLS.items()},
    **{("torch", name): Named(name) for name in _STORAGES},
    ("torch.storage", _UNTYPED): Named(_UNTYPED),
    **{("torch", name): DTYPES[np.dtype(name)] for name in NAMES},
}


def _named(module: Any, name: Any) -> Any:
    """Return what stands for a name in a pickle."""
    if type(module) is not str or type(name) is not str:
        raise ValueError("a name that is no text")
    if (module, name) not in _NAMED:
        raise RefusedError(
            _WORDS.get(name)
            or f"{short(f'{module}.{name}')}, which is no data: save the state_dict() of it, or lists and dicts"
        )
    return _NAMED[module, name]
