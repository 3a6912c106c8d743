"""IDX, the format of MNIST's files: a magic number, the sizes, then the values, all big-endian.

=======  =====================================================================
bytes    meaning
=======  =====================================================================
0, 1     zero
2        the type of the values: 08 uint8, 09 int8, 0B int16, 0C int32,
         0D float32, 0E float64
3        the number of dimensions, D
4 D      the sizes, D unsigned 32-bit integers
rest     the values, the last index running fastest
=======  =====================================================================

A header may lie, by damage or by malice, and its sizes can claim 2**40 bytes in a file of twenty. Memory is therefore
taken as the values arrive and never on the word of the header.
"""

from __future__ import annotations

import gzip
import io
import math
import os
import sys
import zlib
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from tensorgrad.errors import DataError

_DTYPES = {0x08: ">u1", 0x09: ">i1", 0x0B: ">i2", 0x0C: ">i4", 0x0D: ">f4", 0x0E: ">f8"}
_GZIP_MAGIC = b"\x1f\x8b"
_MAX_DIMENSIONS = 64  # NumPy's own limit
_CHUNK = 1 << 20


def read_idx(path: str | os.PathLike[str]) -> npt.NDArray[Any]:
    """Return the array in an IDX file, plain or gzip (told by content, not by name).

    Args:
        path: the file.

    Returns:
        A new, writable array of the shape and the type that the header declares, in native byte order.

    Raises:
        DataError: the file is missing or unreadable, its gzip is damaged, its magic number is not one of IDX, or it
            holds fewer or more bytes than its header declares.

    >>> import pathlib, tempfile
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     path = pathlib.Path(folder, "two-by-three")
    ...     _ = path.write_bytes(bytes([0, 0, 8, 2, 0, 0, 0, 2, 0, 0, 0, 3, *range(6)]))
    ...     read_idx(path)
    array([[0, 1, 2],
           [3, 4, 5]], dtype=uint8)
    """
    path = Path(path)
    # Opening something that is no file, such as a named pipe, may wait for ever.
    if not path.is_file():
        found = "something that is no file" if path.exists() else "nothing"
        raise DataError(f"{path}: expected an IDX file, found {found}; check the path or fetch the file")
    try:
        with path.open("rb") as file:
            zipped = file.read(len(_GZIP_MAGIC)) == _GZIP_MAGIC
            file.seek(0)
            if not zipped:
                return _read(path, file)
            with gzip.open(file) as content:
                return _read(path, content)
    except (EOFError, zlib.error, gzip.BadGzipFile) as error:
        raise DataError(f"{path}: expected whole gzip data, found damage ({error}); fetch the file again") from error
    except OSError as error:
        reason = error.strerror or type(error).__name__
        raise DataError(f"{path}: expected a readable IDX file, found: {reason}; check its permissions") from error


def _read(path: Path, file: io.BufferedIOBase) -> npt.NDArray[Any]:
    dtype, shape = _read_header(path, file)
    declared = math.prod(shape) * dtype.itemsize
    # One byte more than declared tells a file that is too long; it also makes gzip compare its checksum at the end.
    content = _take(file, declared + 1)
    if len(content) != declared:
        found = "more" if len(content) > declared else str(len(content))
        raise DataError(
            f"{path}: expected {declared} bytes of values, as its header declares shape {shape} of {dtype.name}, "
            f"found {found}; fetch the file again"
        )
    # A bytearray keeps the array writable without a copy.
    return np.frombuffer(content, dtype=dtype).reshape(shape).astype(dtype.newbyteorder("="), copy=False)


def _read_header(path: Path, file: io.BufferedIOBase) -> tuple[np.dtype[Any], tuple[int, ...]]:
    magic = bytes(_take(file, 4))
    if not (len(magic) == 4 and magic[:2] == b"\0\0" and magic[2] in _DTYPES and 1 <= magic[3] <= _MAX_DIMENSIONS):
        raise DataError(
            f"{path}: expected an IDX magic number such as 00 00 08 03, found {magic.hex(' ') or 'an empty file'}; "
            "check that this is an IDX file"
        )
    sizes = _take(file, 4 * magic[3])
    if len(sizes) != 4 * magic[3]:
        raise DataError(
            f"{path}: expected {magic[3]} sizes of 4 bytes after the magic number, found {len(sizes)} bytes; "
            "fetch the file again"
        )
    dtype = np.dtype(_DTYPES[magic[2]])
    shape = tuple(int.from_bytes(sizes[start : start + 4], "big") for start in range(0, len(sizes), 4))
    # NumPy refuses such a shape even where another size is zero and nothing has to be held.
    if math.prod(max(size, 1) for size in shape) * dtype.itemsize > sys.maxsize:
        raise DataError(f"{path}: expected a shape that memory can address, found {shape}; fetch the file again")
    return dtype, shape


def _take(file: io.BufferedIOBase, size: int) -> bytearray:
    """Return the next `size` bytes, fewer at the end of the file; holds no more than the file really gives."""
    content = bytearray()
    while chunk := file.read(min(_CHUNK, size - len(content))):
        content += chunk
    return content
