"""Images with their labels, and the shuffled split of them into a training and a test part."""

from __future__ import annotations

from types import GenericAlias
from typing import Any, Generic, NamedTuple, TypeVar

import numpy as np
import numpy.typing as npt

from tensorgrad.errors import ShapeError

Pixel = TypeVar("Pixel", bound=np.generic)


class Labelled(NamedTuple, Generic[Pixel]):
    """Images and their labels, in the same order.

    Attributes:
        images: shape (N, ...), one image per row.
        labels: int64 of shape (N,).
    """

    images: npt.NDArray[Pixel]
    labels: npt.NDArray[np.int64]

    @classmethod
    def __class_getitem__(cls, item: Any, /) -> GenericAlias:
        return GenericAlias(cls, item)  # as any tuple; Generic calls the parameter otherwise


class Split(NamedTuple, Generic[Pixel]):
    """A training part and a test part that have no row in common.

    Unpacks as ``(x_train, t_train), (x_test, t_test) = split``.
    """

    train: Labelled[Pixel]
    test: Labelled[Pixel]

    @classmethod
    def __class_getitem__(cls, item: Any, /) -> GenericAlias:
        return GenericAlias(cls, item)  # as any tuple; Generic calls the parameter otherwise


def holdout(
    images: npt.NDArray[Pixel],
    labels: npt.NDArray[np.int64],
    fraction: float = 0.2,
    seed: int | np.random.Generator = 0,
) -> Split[Pixel]:
    """Return the rows in random order, the last `fraction` of them held out as the test part.

    Args:
        images: shape (N, ...), any dtype.
        labels: shape (N,).
        fraction: share of the rows to hold out, between 0 and 1; round(N * fraction) rows, but at least one row stays
            on each side.
        seed: the same seed gives the same split; a Generator is advanced by one permutation.

    Returns:
        Split of copies: writing to them leaves `images` and `labels` as they were.

    Raises:
        ShapeError: there are not as many labels as images, or fewer than two rows.
        ValueError: `fraction` is not strictly between 0 and 1.

    >>> train, test = holdout(np.arange(10.0), np.arange(10), fraction=0.3)
    >>> train.images.shape, test.labels.shape
    ((7,), (3,))
    >>> bool((train.images == train.labels).all())
    True
    """
    if images.ndim < 1 or labels.shape != images.shape[:1]:
        raise ShapeError(
            f"holdout: images of shape {images.shape} need labels of shape {images.shape[:1]}, "
            f"found {labels.shape}; pass one label per image"
        )
    if len(images) < 2:
        raise ShapeError(f"holdout: {len(images)} rows cannot be split in two; pass at least 2")
    if not 0.0 < fraction < 1.0:
        raise ValueError(f"holdout: fraction must be between 0 and 1, found {fraction}; 0.2 holds out every fifth row")
    held = min(max(round(len(images) * fraction), 1), len(images) - 1)
    order = np.random.default_rng(seed).permutation(len(images))
    train, test = order[:-held], order[-held:]
    return Split(Labelled(images[train], labels[train]), Labelled(images[test], labels[test]))
