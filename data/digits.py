"""The bundled digits: 1,797 handwritten digits of 8 by 8 pixels, here without a download.

Source: the test part of "Optical Recognition of Handwritten Digits", Alpaydin and Kaynak 1998,
DOI 10.24432/C50P49, CC BY 4.0; ATTRIBUTION.md beside this file says how the copy was made.
"""

from __future__ import annotations

import hashlib
import io
from pathlib import Path

import numpy as np

from tensorgrad.data.split import Labelled
from tensorgrad.errors import DataError

_PATH = Path(__file__).with_name("digits.npz")
_SHA256 = "b2dab7b501728c22e9119ad76740b2e17c77a231e42d1e592380d90886f1a05e"


def digits() -> Labelled[np.uint8]:
    """Return the 1,797 bundled digits, new arrays on every call.

    Returns:
        images: uint8 of shape (1797, 8, 8), 0 (paper) to 16 (ink): divide by 16 for the range 0 to 1.
        labels: int64 of shape (1797,), 0 to 9.

    Raises:
        DataError: the file that came with the package is missing or damaged.

    >>> images, labels = digits()
    >>> images.shape, images.dtype, int(images.max())
    ((1797, 8, 8), dtype('uint8'), 16)
    >>> labels[:10].tolist()
    [0, 1, 2, 3, 4, 5, 6, 7, 8, 9]
    """
    with np.load(io.BytesIO(_intact(_PATH)), allow_pickle=False) as archive:
        return Labelled(archive["images"], archive["labels"].astype(np.int64))


def _intact(path: Path) -> bytes:
    """Return the bytes of the bundled file.

    One checksum stands for every check of counts, types and ranges, and for the eight kinds of error that numpy.load
    was seen to raise on damaged archives.
    """
    try:
        content = path.read_bytes()
    except OSError as error:
        reason = error.strerror or type(error).__name__
        raise DataError(f"{path}: expected the bundled digits, found: {reason}; reinstall tensorgrad") from error
    found = hashlib.sha256(content).hexdigest()
    if found != _SHA256:
        raise DataError(
            f"{path}: expected the bundled digits with SHA-256 {_SHA256[:12]}..., found {found[:12]}... "
            f"({len(content)} bytes): the file is damaged; reinstall tensorgrad"
        )
    return content
