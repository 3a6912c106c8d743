"""Saving and loading: tensors and what holds them, as one safetensors file whose metadata tells the structure in JSON.

Nothing is ever unpickled: a file is data, and cannot run anything. That of a whole module names classes of the program.
"""

from __future__ import annotations

import io
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO, Any, Literal

from tensorgrad.base.answers import guard as _guard
from tensorgrad.base.devices import check_device, device
from tensorgrad.base.hints import short
from tensorgrad.errors import ArgumentError, DataError
from tensorgrad.files.atomic import write_whole
from tensorgrad.files.container import pack, unpack
from tensorgrad.files.ptfile import read_pt
from tensorgrad.files.structure import decode, encode

__all__ = ["load", "save"]

File = str | os.PathLike[str] | IO[bytes]


def save(obj: Any, f: File) -> None:
    """Write `obj` to the file `f`, so that `load` gives it back bit for bit.

    Args:
        obj: a tensor, or dicts, lists, tuples and sets of tensors, NumPy arrays and scalars, numbers, strings, bytes,
            dtypes, devices and None, nested up to 100 levels: state_dicts and checkpoints of them; and modules
            that hold nothing but such data, modules, and functions of the library.
        f: a path, or a file opened for writing bytes. A path has its old content until all of the new one is on disk;
            where saving fails or is interrupted it keeps it.

    Raises:
        TypeError: something else, with the place where it stands.
        ArgumentError: nested too deeply, as a list that contains itself is, or too much that is no tensor.

    A dict of tensors is a plain safetensors file under the same names, which other programs read. Tensors that share
    memory, views among them, are saved each for itself and do not share it when loaded.

    >>> import io
    >>> import tensorgrad as tg
    >>> file = io.BytesIO()
    >>> save({"weight": tg.ones(2), "step": 3, "shape": (2, 1)}, file)
    >>> _ = file.seek(0)
    >>> load(file)
    {'weight': tensor([1., 1.]), 'step': 3, 'shape': (2, 1)}
    """
    parts = pack(*encode(obj))
    if hasattr(f, "write"):
        for part in parts:
            f.write(part)
    else:
        write_whole(_path(f), *parts)


def load(
    f: File,
    map_location: Any = None,
    *,
    weights_only: bool | None = True,
    mmap: bool | None = None,
    format: Literal["safetensors", "pt"] = "safetensors",
) -> Any:
    """Return what `save` wrote to the file `f`; of any other safetensors file, the dict of its tensors.

    Tensors are leaves that require a gradient if the saved ones did; a Parameter is loaded as a tensor.

    Args:
        f: a path, or a file opened for reading bytes.
        map_location: as in PyTorch; every device that it names must be the CPU. A function is not called.
        weights_only: False also makes whole modules, of classes that the program has imported, without running anything
            of them.
        mmap: without effect: the file is read.
        format: "pt" for a file that PyTorch wrote of tensors in dicts, lists and the like: it is followed as data, and
            nothing that it names is imported or called. Tensors that shared memory do so again.

    Raises:
        DataError: the file is damaged, not of the format, or holds modules of classes that are not imported.
            Pickles, and what holds them (PyTorch's files, NumPy's object arrays), are recognised and never opened; the
            message says how to convert them.
        FileNotFoundError: there is no such file.
        DeviceError: `map_location` is not the CPU.
    """
    if format not in ("safetensors", "pt"):
        raise ArgumentError(f"load: expected format to be 'safetensors' or 'pt', found {short(format)}")
    for place in map_location.values() if isinstance(map_location, dict) else [map_location]:
        if isinstance(place, str | device):
            check_device(place)
    with _opened(f) as (file, size, where):
        if format == "pt":
            return read_pt(file, size, where)
        sums: dict[str, tuple[str, int]] = {}
        structure, arrays = unpack(file, size, where, sums)
    return decode(structure, arrays, where, weights_only is not False, sums)


@contextmanager
def _opened(f: File) -> Iterator[tuple[IO[bytes], int, str]]:
    """Give the file open for reading, how many bytes it has, and what messages call it."""
    if hasattr(f, "read"):
        content = f.read()
        if not isinstance(content, bytes | bytearray | memoryview):
            raise TypeError(f"load: read() gave {type(content).__name__}, not bytes: open the file in mode 'rb'")
        yield io.BytesIO(content), len(content), str(getattr(f, "name", "the file object"))
        return
    path = _path(f)
    if path.exists() and not path.is_file():  # reading a named pipe may wait for ever
        raise DataError(f"{path}: expected a file, found a folder or a device; check the path")
    with path.open("rb") as file:
        yield file, os.fstat(file.fileno()).st_size, str(path)


def _path(f: Any) -> Path:
    if not isinstance(f, str | os.PathLike):
        raise TypeError(
            f"expected 'f' to be string, path, or a file-like object with a 'read' or 'write' attribute, found "
            f"{type(f).__name__}"
        )
    return Path(f)


_guard(__name__)
