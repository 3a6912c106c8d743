"""The file: arrays by name, and one line of text, as safetensors writes and checks them.

The format is eight bytes with the length of a header, the header in JSON (of each array its dtype, shape, and where its
bytes begin and end), and the bytes of the arrays without gaps. Its library checks all lengths against one another
before it takes any memory. Source: https://github.com/huggingface/safetensors, "Format".

The structure stands in the header's metadata as ``{"tensorgrad": "tensorgrad 1 <CRC-32> <JSON>"}``, and in it the
CRC-32 of each array: a bit that has flipped anywhere is found.
"""

from __future__ import annotations

import zlib
from typing import Any

import numpy as np

from tensorgrad.base.dtypes import Array
from tensorgrad.base.hints import short
from tensorgrad.errors import ArgumentError, DataError, needing

_KEY = "tensorgrad"
_VERSION = "1"
_MOST_HEADER = 100_000_000  # the library's own limit when it reads
_DTYPES = {
    "BOOL": "bool", "U8": "uint8", "U16": "uint16", "U32": "uint32", "U64": "uint64", "I8": "int8", "I16": "int16",
    "I32": "int32", "I64": "int64", "F16": "float16", "F32": "float32", "F64": "float64", "C64": "complex64",
}  # fmt: skip


def library() -> Any:
    """Return safetensors; MissingDependencyError if it is not installed."""
    with needing("tensorgrad.save and tensorgrad.load", "safetensors"):
        import safetensors
        import safetensors.numpy
    return safetensors


def checksum(array: Array) -> int:
    """Return the CRC-32 of dtype, shape and bytes of an array that is contiguous."""
    return zlib.crc32(array.data, zlib.crc32(f"{array.dtype.name} {array.shape}".encode()))


def pack(structure: str, arrays: dict[str, Array]) -> bytes:
    """Return the file with `structure`, of ASCII characters, and `arrays`, each contiguous and of a dtype in the table.

    ArgumentError if the header would be longer than can be read again.
    """
    text = f"{_KEY} {_VERSION} {zlib.crc32(structure.encode()):08x} {structure}"
    content: bytes = library().numpy.save(arrays, {_KEY: text})
    if int.from_bytes(content[:8], "little") > _MOST_HEADER:
        raise ArgumentError(
            f"save: what is no tensor takes {len(structure):,} bytes, and the header of a safetensors file holds "
            f"{_MOST_HEADER:,}: hold long lists of numbers as tensors"
        )
    return content


def unpack(content: bytes, where: str) -> tuple[str | None, dict[str, Array]]:
    """Return the structure, None where other software wrote the file, and the arrays; DataError for all else."""
    if content[8:9] != b"{":
        raise DataError(f"{where}: expected a safetensors file, found {_kind(content)}")
    safetensors = library()
    try:
        found = safetensors.deserialize(content)
    except safetensors.SafetensorError as error:
        raise _damaged(where, str(error)) from error
    arrays = {}
    while found:  # each has memory of its own; what is copied is given back at once
        name, entry = found.pop()
        arrays[name] = _array(entry, f"{where}: {name!r}")
    return _structure(_metadata(content), where), arrays


def _metadata(content: bytes) -> dict[str, str]:
    import json

    header = json.loads(content[8 : 8 + int.from_bytes(content[:8], "little")])  # which the library has checked
    return header.get("__metadata__") or {}


def _structure(metadata: dict[str, str], where: str) -> str | None:
    # key and value both say whose it is, so that damage to either does not turn the file into another program's
    ours = {key: text for key, text in metadata.items() if key == _KEY or text.startswith(f"{_KEY} ")}
    if not ours:
        return None
    mark, version, crc, structure = [*ours.get(_KEY, "").split(" ", 3), *[""] * 4][:4]
    if mark == _KEY and version.isdecimal() and version != _VERSION:
        raise DataError(f"{where}: expected a file of version {_VERSION}, found version {version}; update tensorgrad")
    if (mark, version) != (_KEY, _VERSION) or crc != f"{zlib.crc32(structure.encode('utf-8', 'replace')):08x}":
        raise _damaged(where, "the checksum of its structure is another")
    return structure


def _array(entry: dict[str, Any], what: str) -> Array:
    name = entry["dtype"]
    if name not in _DTYPES:
        raise DataError(
            f"{what} is of dtype {name}, which NumPy does not have: convert it, for instance to float32, with the "
            f"program that wrote it"
        )
    try:
        array: Array = np.ndarray(tuple(entry["shape"]), _DTYPES[name], entry["data"])  # no view of another array
        if array.nbytes != len(entry["data"]):
            raise ValueError(f"{len(entry['data'])} bytes")
    except (ValueError, TypeError) as error:
        raise _damaged(what, f"shape {short(entry['shape'])}: {error}") from error
    if name == "BOOL" and array.size and array.view(np.uint8).max() > 1:
        raise _damaged(what, "a bool that is neither 0 nor 1")
    return array if array.flags.writeable else array.copy()  # some versions of the library give bytes


def _damaged(what: str, reason: str) -> DataError:
    return DataError(f"{what}: expected a whole safetensors file, found damage: {reason}; fetch or save the file again")


_NUMPY = "read it with numpy.load(path, allow_pickle=False), then tensorgrad.from_numpy"
_TORCH = (
    "which is a pickle and is never opened, because opening one can run any code; where PyTorch is installed, convert "
    "it: safetensors.torch.save_file(torch.load(path, weights_only=True), 'new.safetensors')"
)


def _kind(content: bytes) -> str:
    """Return what `content` is by its first bytes, and what to do with it."""
    if not content:
        return "an empty file; save it again"
    if content[:4] == b"PK\x03\x04":
        if b"data.pkl" in content:
            return f"a file of torch.save, {_TORCH}"
        return f"a zip archive such as numpy.savez writes; {_NUMPY}"
    if content[:6] == b"\x93NUMPY":
        return f"an array of numpy.save; {_NUMPY}"
    if content[:1] == b"\x80" and content[1:2] in (b"\x02", b"\x03", b"\x04", b"\x05"):
        return f"a file of torch.save or pickle.dump, {_TORCH}"
    return f"bytes that begin with {content[:8].hex(' ')}; check the path, or fetch the file again"
