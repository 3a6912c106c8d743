"""Labelled images as data sets for a DataLoader: the bundled digits and MNIST."""

from __future__ import annotations

import os
from collections.abc import Callable
from typing import Any

import numpy as np

from tensorgrad.data.dataset import Dataset
from tensorgrad.data.digits import digits
from tensorgrad.data.mnist import read_set
from tensorgrad.data.split import Labelled, holdout
from tensorgrad.engine.tensor import wrap

Transform = Callable[[Any], Any]


class _Images(Dataset[tuple[Any, Any]]):
    """Images `data`, uint8 (N, height, width), and their classes `targets`, int64 (N,)."""

    def __init__(
        self, part: Labelled[np.uint8], train: bool, transform: Transform | None, target_transform: Transform | None
    ) -> None:
        self.data = wrap(part.images)
        self.targets = wrap(part.labels)
        self.classes = [str(digit) for digit in range(10)]
        self.train = train
        self.transform, self.target_transform = transform, target_transform

    def __getitem__(self, index: int) -> tuple[Any, Any]:
        image: Any = self.data[index]
        target: Any = int(self.targets[index])
        if self.transform is not None:
            image = self.transform(image)
        if self.target_transform is not None:
            target = self.target_transform(target)
        return image, target

    def __len__(self) -> int:
        return len(self.data.array)


class Digits(_Images):
    """The bundled digits as a Dataset: 1,438 of the 1,797 images to train with, the other 359 to test with.

    Args:
        train: which of the two parts, which are always the same.
        transform: what is made of an image, a uint8 tensor (8, 8) with values 0 (paper) to 16 (ink).
        target_transform: what is made of its class, an integer.

    ``TensorDataset(part.data, part.targets)`` is the faster choice where nothing is done to each image.

    >>> part = Digits(train=False, transform=lambda image: image / 16)
    >>> image, target = part[0]
    >>> len(part), image.shape, image.dtype, part.data.shape
    (359, tensorgrad.Size([8, 8]), tensorgrad.float32, tensorgrad.Size([359, 8, 8]))
    """

    def __init__(
        self, train: bool = True, transform: Transform | None = None, target_transform: Transform | None = None
    ) -> None:
        split = holdout(*digits())
        super().__init__(split.train if train else split.test, train, transform, target_transform)


class MNIST(_Images):
    """MNIST as a Dataset: 60,000 images to train with or 10,000 to test with.

    Args:
        root: the folder of the IDX files; see `mnist`, which also says what can go wrong.
        train: which of the two parts.
        transform: what is made of an image, a uint8 tensor (28, 28) with values 0 (paper) to 255 (ink).
        target_transform: what is made of its class, an integer.
        download: fetch the files that are missing.

    ``TensorDataset(part.data, part.targets)`` is the faster choice where nothing is done to each image.
    """

    def __init__(
        self,
        root: str | os.PathLike[str] | None = None,
        train: bool = True,
        transform: Transform | None = None,
        target_transform: Transform | None = None,
        download: bool = False,
    ) -> None:
        super().__init__(read_set(root, "train" if train else "t10k", download), train, transform, target_transform)
