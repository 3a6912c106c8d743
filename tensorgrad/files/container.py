"""The file: arrays by name, and one line of text, in the format of safetensors.

The format is eight bytes with the length of a header, the header in JSON (of each array its dtype, shape, and where its
bytes begin and end), and the bytes of the arrays without gaps. All lengths are checked against one another and against
the file's before any memory is taken. Source: https://github.com/huggingface/safetensors, "Format"; the tests hold
what is written and read against its library.

The structure stands in the header's metadata as ``{"tensorgrad": "tensorgrad 3 <CRC-32> <JSON>"}``, and in it the
checksum of each array: a bit that has flipped anywhere is found.
"""

from __future__ import annotations

import math
import sys
import zlib
from collections.abc import Callable
from functools import partial
from typing import IO, Any

import numpy as np

from tensorgrad.base.dtypes import Array
from tensorgrad.base.hints import short
from tensorgrad.errors import ArgumentError, DataError

_KEY = "tensorgrad"
_VERSION = "3"
_READ = "1", "2", _VERSION  # the first had no folded checksums, the second those of whole arrays
METADATA = "__metadata__"
_MOST_HEADER = 100_000_000  # what safetensors reads
_MOST_AXES = 64  # NumPy's own limit
_WIDTH = 1 << 12  # numbers of eight bytes in a row: what is folded stays in the nearest cache
_PART = 8 * _WIDTH * (_WIDTH - 1)  # bytes, 134 million: only what is so far apart falls together in both folds
_PIECE = 1 << 19  # bytes that stay in the second cache between reading and both folds
_MUCH = 1 << 18  # bytes from which on folding takes less than a CRC-32
_DTYPES = {
    "BOOL": "bool", "U8": "uint8", "U16": "uint16", "U32": "uint32", "U64": "uint64", "I8": "int8", "I16": "int16",
    "I32": "int32", "I64": "int64", "F16": "float16", "F32": "float32", "F64": "float64", "C64": "complex64",
}  # fmt: skip
_NAMES = {dtype: name for name, dtype in _DTYPES.items()}


Fill = Callable[[memoryview], None]
"""What fills a piece of an array's memory just before it is looked at."""


def _full(piece: memoryview) -> None:
    """Fill nothing: it is there."""


def crc32(array: Array, fill: Fill = _full) -> int:
    """Return the CRC-32 of dtype, shape and bytes of an array that is contiguous."""
    fill(_bytes(array))
    return zlib.crc32(array.data, _named(array))


def folded(array: Array, width: int, most: int, fill: Fill = _full) -> int:
    """Return a checksum in the place of `crc32`, of two fifths of its time for a large array.

    The bytes, of parts of `most` of them, are put in rows of `width` numbers, these joined by "exclusive or", and once
    more in rows of one less. A flipped bit flips one of each fold, and two never the same one in both; what has changed
    places has done so in one of them.
    """
    found, data = _named(array), _bytes(array)
    for start in range(0, len(data), most):
        part = data[start : start + most]
        folds = [np.zeros(columns, np.uint64) for columns in (width, width - 1)]
        for end in range(_PIECE, len(part) + _PIECE, _PIECE):
            fill(part[end - _PIECE : end])
            for fold in folds:
                first, last = ((at // fold.nbytes) * fold.nbytes for at in (end - _PIECE, min(end, len(part))))
                rows = np.frombuffer(part[first:last], np.uint64).reshape(-1, fold.size)  # that end in this piece
                np.bitwise_xor(fold, np.bitwise_xor.reduce(rows, axis=0), fold)
        for fold in folds:
            found = zlib.crc32(part[len(part) // fold.nbytes * fold.nbytes :], zlib.crc32(fold.data, found))
    return found


CHECKSUMS: dict[str, Callable[..., int]] = {  # of an array, and perhaps of what fills it
    "crc32": crc32,
    "folded": partial(folded, width=1 << 16, most=1 << 62),  # of files of version 2: rows too long for the cache
    "folds": partial(folded, width=_WIDTH, most=_PART),
}


def checksum(array: Array, fill: Fill = _full) -> tuple[str, int]:
    """Return the name of the quicker checksum, and what it is, of an array that `fill` fills piece by piece."""
    name = "crc32" if array.nbytes < _MUCH else "folds"
    return name, CHECKSUMS[name](array, fill=fill)


def _named(array: Array) -> int:
    return zlib.crc32(f"{array.dtype.name} {array.shape}".encode())


def pack(structure: str, arrays: dict[str, Array]) -> list[bytes | memoryview]:
    """Return, part by part, the file with `structure`, of ASCII characters, and `arrays`.

    Each of these is contiguous and of a dtype in the table. ArgumentError if the header would be longer than can be
    read again.
    """
    import json

    header: dict[str, Any] = {METADATA: {_KEY: f"{_KEY} {_VERSION} {zlib.crc32(structure.encode()):08x} {structure}"}}
    parts, start = [], 0
    # the widest elements first: each then stands at a multiple of its width
    for name, array in sorted(arrays.items(), key=lambda item: -item[1].itemsize):
        end = start + array.nbytes
        header[name] = {"dtype": _NAMES[array.dtype.name], "shape": array.shape, "data_offsets": [start, end]}
        parts.append(_bytes(_little_endian(array)))
        start = end
    text = json.dumps(header, separators=(",", ":")).encode()
    text += b" " * (-len(text) % 8)
    if len(text) > _MOST_HEADER:
        raise ArgumentError(
            f"save: what is no tensor takes {len(structure):,} bytes, and the header of a safetensors file holds "
            f"{_MOST_HEADER:,}: hold long lists of numbers as tensors"
        )
    return [len(text).to_bytes(8, "little") + text, *parts]


def unpack(
    file: IO[bytes], size: int, where: str, sums: dict[str, tuple[str, int]] | None = None
) -> tuple[str | None, dict[str, Array]]:
    """Return the structure, None where other software wrote the file, and the arrays; DataError for all else.

    `file` stands at its beginning, and has `size` bytes in all. Of the arrays that a structure tells, the checksums are
    put into `sums`, if that is given, by names: taken while what was read still stands in the cache.
    """
    start = file.read(9)
    if start[8:] != b"{":
        raise DataError(f"{where}: expected a safetensors file, found {_kind(start + file.read())}")
    metadata, entries = _header(file, int.from_bytes(start[:8], "little"), size, where)
    structure = _structure(metadata, where)
    known = sums if structure is not None and sys.byteorder == "little" else None
    return structure, {name: _array(file, name, entry, where, known) for name, entry in entries.items()}


def _header(file: IO[bytes], length: int, size: int, where: str) -> tuple[dict[str, str], dict[str, Any]]:
    """Return the metadata, and what tells the arrays, in the order in which these fill the rest of the file."""
    import json

    if length > min(size - 8, _MOST_HEADER):
        raise _damaged(where, f"a header of {length:,} bytes in a file of {size:,}")
    try:
        header: dict[str, Any] = json.loads("{" + file.read(length - 1).decode(), object_pairs_hook=_each_once)
        metadata = header.pop(METADATA, {})
        if not isinstance(metadata, dict) or not all(isinstance(text, str) for text in metadata.values()):
            raise ValueError(f"metadata {short(metadata)}, not texts by name")
        arrays, end = dict(sorted(header.items(), key=lambda item: item[1]["data_offsets"])), 0
        for name, entry in arrays.items():
            end = _checked(name, entry, end)
        if end != size - 8 - length:
            raise ValueError(f"arrays of {end:,} bytes where there are {size - 8 - length:,}")
    except (ValueError, TypeError, KeyError, RecursionError) as error:
        raise _damaged(where, f"{type(error).__name__}: {error}") from error
    return metadata, arrays


def _each_once(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) < len(pairs):
        raise ValueError("a name that stands twice")
    return found


def _checked(name: str, entry: dict[str, Any], start: int) -> int:
    """Return where the array `name` ends, which must begin at `start`."""
    kind, shape, (begin, end) = entry["dtype"], entry["shape"], entry["data_offsets"]
    if len(shape) > _MOST_AXES or not all(type(n) is int and 0 <= n < 1 << 63 for n in [*shape, begin, end]):
        raise ValueError(f"{short(name)} has the shape {short(shape)}, from {begin!r} to {end!r}")
    fits = kind not in _DTYPES or math.prod(shape) * np.dtype(_DTYPES[kind]).itemsize == end - begin
    if begin != start or not fits:
        raise ValueError(
            f"{short(name)}, {short(kind)} of shape {short(shape)}, stands from {begin} to {end}, and not at {start}"
        )
    return int(end)


def _array(
    file: IO[bytes], name: str, entry: dict[str, Any], where: str, sums: dict[str, tuple[str, int]] | None
) -> Array:
    """Return the array that is next in the file, in memory of its own; its checksum goes into `sums`."""
    kind, shape, what = entry["dtype"], entry["shape"], f"{where}: {short(name)}"
    if kind not in _DTYPES:
        raise DataError(
            f"{what} is of dtype {short(kind)}, which NumPy does not have: convert it, for instance to float32, with "
            f"the program that wrote it"
        )
    try:
        array = np.empty(shape, _DTYPES[kind])
    except ValueError as error:
        raise _damaged(what, f"shape {short(shape)}: {error}") from error
    left = array.nbytes

    def fill(piece: memoryview) -> None:
        nonlocal left
        while piece:
            count = file.readinto(piece)  # type: ignore[attr-defined] # files that are opened here have it
            if not count:
                raise _damaged(what, f"it lacks {left:,} bytes")
            piece, left = piece[count:], left - count

    if sums is None:
        fill(_bytes(array))
    else:
        sums[name] = checksum(array, fill)
    if kind == "BOOL" and array.size and array.view(np.uint8).max() > 1:
        raise _damaged(what, "a bool that is neither 0 nor 1")
    return _little_endian(array)


def _bytes(array: Array) -> memoryview:
    flat: memoryview = array.reshape(-1).view(np.uint8).data
    return flat


def _little_endian(array: Array) -> Array:
    """Return `array` with the bytes of each number as the file has them, or from there as this machine has them."""
    return array if sys.byteorder == "little" else array.byteswap()


def _structure(metadata: dict[str, str], where: str) -> str | None:
    # key and value both say whose it is, so that damage to either does not turn the file into another program's
    ours = {key: text for key, text in metadata.items() if key == _KEY or text.startswith(f"{_KEY} ")}
    if not ours:
        return None
    mark, version, crc, structure = [*ours.get(_KEY, "").split(" ", 3), *[""] * 4][:4]
    if mark == _KEY and version.isdecimal() and version not in _READ:
        raise DataError(f"{where}: expected a file of version {_VERSION}, found version {version}; update tensorgrad")
    if mark != _KEY or version not in _READ or crc != f"{zlib.crc32(structure.encode('utf-8', 'replace')):08x}":
        raise _damaged(where, "the checksum of its structure is another")
    return structure


def _damaged(what: str, reason: str) -> DataError:
    return DataError(f"{what}: expected a whole safetensors file, found damage: {reason}; fetch or save the file again")


_NUMPY = "read it with numpy.load(path, allow_pickle=False), then tensorgrad.from_numpy"
_PICKLE = (
    "a pickle is never opened, because opening one can run any code; where PyTorch is installed, convert "
    "it: safetensors.torch.save_file(torch.load(path, weights_only=True), 'new.safetensors')"
)


def _kind(content: bytes) -> str:
    """Return what `content` is by its first bytes, and what to do with it."""
    if not content:
        return "an empty file; save it again"
    if content[:4] == b"PK\x03\x04":
        if b"data.pkl" in content:
            return f'a file of torch.save: tensors in dicts and lists are read by load(path, format="pt"); {_PICKLE}'
        return f"a zip archive such as numpy.savez writes; {_NUMPY}"
    if content[:6] == b"\x93NUMPY":
        return f"an array of numpy.save; {_NUMPY}"
    if content[:1] == b"\x80" and content[1:2] in (b"\x02", b"\x03", b"\x04", b"\x05"):
        return f"a file of torch.save or pickle.dump: {_PICKLE}"
    return f"bytes that begin with {content[:8].hex(' ')}; check the path, or fetch the file again"
