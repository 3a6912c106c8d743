"""MNIST from its four IDX files, fetched if asked for, and checked before it is handed out."""

from __future__ import annotations

import os
from pathlib import Path

import numpy as np
import numpy.typing as npt

from tensorgrad.data.download import Remote, cache, fetch
from tensorgrad.data.idx import read_idx
from tensorgrad.data.split import Labelled, Split
from tensorgrad.errors import DataError

MIRRORS = (
    "https://ossci-datasets.s3.amazonaws.com/mnist/",
    "https://storage.googleapis.com/cvdf-datasets/mnist/",
    "http://yann.lecun.com/exdb/mnist/",
)
FILES = [
    Remote("train-images-idx3-ubyte.gz", "440fcabf73cc546fa21475e81ea370265605f56be210a4024d2ca8f203523609", 9_912_422),
    Remote("train-labels-idx1-ubyte.gz", "3552534a0a558bbed6aed32b30c495cca23d567ec52cac8be1a0730e8010255c", 28_881),
    Remote("t10k-images-idx3-ubyte.gz", "8d422c7b0a1c1c79245a5bcf07fe86e33eeafee792b84584aec276f5a2dbc4e6", 1_648_877),
    Remote("t10k-labels-idx1-ubyte.gz", "f7ae60f92e00ec6debd23a6088c31dbd2371eca3ffa0defaefb259924204aec6", 4_542),
]
COUNTS = {"train": 60_000, "t10k": 10_000}
_SIDE = 28


def mnist(root: str | os.PathLike[str] | None = None, download: bool = False) -> Split[np.uint8]:
    """Return MNIST's training and test set, read from the four IDX files in the folder `root`.

    Args:
        root: folder with train-images-idx3-ubyte, train-labels-idx1-ubyte, t10k-images-idx3-ubyte and
            t10k-labels-idx1-ubyte, each with or without ``.gz``; where both are there the plain file is read. If not
            given: ``mnist`` in the folder that the environment variable TENSORGRAD_DATA names, or else in the user's
            cache.
        download: fetch the files that are missing or damaged, 11.6 MB in all, from the first of several mirrors that
            gives them; needs pooch (``pip install pooch``).

    Returns:
        ``(x_train, t_train), (x_test, t_test)``: images uint8 of shapes (60000, 28, 28) and (10000, 28, 28), 0 (paper)
        to 255 (ink); labels int64 of shapes (60000,) and (10000,), 0 to 9.

    Raises:
        DataError: a file is missing, damaged, or holds another number of items or other values than MNIST; or it
            cannot be fetched.
        MissingDependencyError: a download, or the user's cache, without pooch.

    >>> mnist("no-such-folder")
    Traceback (most recent call last):
    tensorgrad.errors.DataError: no-such-folder: expected train-labels-idx1-ubyte or \
train-labels-idx1-ubyte.gz, found neither; put MNIST's four IDX files into this folder, or fetch them with download=True
    """
    return Split(read_set(root, "train", download), read_set(root, "t10k", download))


def read_set(root: str | os.PathLike[str] | None, name: str, download: bool) -> Labelled[np.uint8]:
    """Return one of the two sets; the labels come first because a wrong folder then fails without 47 MB read."""
    folder = cache("mnist") if root is None else Path(root)
    labels = _obtained(folder, f"{name}-labels-idx1-ubyte", (COUNTS[name],), download)
    images = _obtained(folder, f"{name}-images-idx3-ubyte", (COUNTS[name], _SIDE, _SIDE), download)
    return Labelled(images, labels.astype(np.int64))


def _obtained(folder: Path, name: str, shape: tuple[int, ...], download: bool) -> npt.NDArray[np.uint8]:
    """Return the array of the file `name`, fetched if it is not there in good order."""
    try:
        return _read(_find(folder, name), shape)
    except DataError:
        if not download:
            raise
    file = next(file for file in FILES if file.name == f"{name}.gz")
    return _read(fetch(file, folder, MIRRORS), shape)


def _find(folder: Path, name: str) -> Path:
    for path in (folder / name, folder / f"{name}.gz"):
        if path.is_file():
            return path
    raise DataError(
        f"{folder}: expected {name} or {name}.gz, found neither; put MNIST's four IDX files into this folder, or "
        f"fetch them with download=True"
    )


def _read(path: Path, shape: tuple[int, ...]) -> npt.NDArray[np.uint8]:
    """Return the uint8 array of `path`, which must have exactly this shape: images and labels then agree as well."""
    array = read_idx(path)
    if array.dtype != np.uint8 or array.shape != shape:
        raise DataError(
            f"{path}: expected uint8 of shape {shape}, found {array.dtype} of shape {array.shape}; "
            "fetch the file again, or check that no two files changed names"
        )
    if array.ndim == 1 and array.max() > 9:
        place = int(array.argmax())
        raise DataError(f"{path}: expected labels 0 to 9, found {array[place]} at {place}; fetch the file again")
    return array
