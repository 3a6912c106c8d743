"""MNIST from its four IDX files, checked before it is handed out."""

from __future__ import annotations

import os
from pathlib import Path

import numpy as np
import numpy.typing as npt

from tensorgrad.data.idx import read_idx
from tensorgrad.data.split import Labelled, Split
from tensorgrad.errors import DataError

_SIDE = 28


def mnist(root: str | os.PathLike[str]) -> Split[np.uint8]:
    """Return MNIST's training and test set, read from the four IDX files in the folder `root`.

    Args:
        root: folder with train-images-idx3-ubyte, train-labels-idx1-ubyte, t10k-images-idx3-ubyte and
            t10k-labels-idx1-ubyte, each with or without ``.gz``; where both are there the plain file is read.

    Returns:
        ``(x_train, t_train), (x_test, t_test)``: images uint8 of shapes (60000, 28, 28) and (10000, 28, 28), 0 (paper)
        to 255 (ink); labels int64 of shapes (60000,) and (10000,), 0 to 9.

    Raises:
        DataError: a file is missing, damaged, or holds another number of items or other values than MNIST.

    >>> mnist("no-such-folder")
    Traceback (most recent call last):
    tensorgrad.errors.DataError: no-such-folder: expected train-labels-idx1-ubyte or \
train-labels-idx1-ubyte.gz, found neither; put MNIST's four IDX files into this folder
    """
    folder = Path(root)
    return Split(_read_set(folder, "train", 60_000), _read_set(folder, "t10k", 10_000))


def _read_set(folder: Path, name: str, count: int) -> Labelled[np.uint8]:
    """Return one of the two sets; the labels come first because a wrong folder then fails without 47 MB read."""
    path = _find(folder, f"{name}-labels-idx1-ubyte")
    labels = _read(path, (count,))
    if labels.max() > 9:
        place = int(labels.argmax())
        raise DataError(f"{path}: expected labels 0 to 9, found {labels[place]} at {place}; fetch the file again")
    images = _read(_find(folder, f"{name}-images-idx3-ubyte"), (count, _SIDE, _SIDE))
    return Labelled(images, labels.astype(np.int64))


def _find(folder: Path, name: str) -> Path:
    for path in (folder / name, folder / f"{name}.gz"):
        if path.is_file():
            return path
    message = f"{folder}: expected {name} or {name}.gz, found neither; put MNIST's four IDX files into this folder"
    raise DataError(message)


def _read(path: Path, shape: tuple[int, ...]) -> npt.NDArray[np.uint8]:
    """Return the uint8 array of `path`, which must have exactly this shape: images and labels then agree as well."""
    array = read_idx(path)
    if array.dtype != np.uint8 or array.shape != shape:
        message = (
            f"{path}: expected uint8 of shape {shape}, found {array.dtype} of shape {array.shape}; "
            "fetch the file again, or check that no two files changed names"
        )
        raise DataError(message)
    return array
