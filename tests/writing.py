"""What tests of writes in place share: a start, a leaf, and why a comparison is left out."""

from __future__ import annotations

from typing import Any

import numpy as np

import tensorgrad as tg

WITHOUT_TORCH = "the side-by-side comparison needs PyTorch"


X = np.array([[0.5, -1.25, 2.0], [1.5, 0.75, -0.5]])


def leaf(values: Any = (1.0, 2.0)) -> tg.Tensor:
    return tg.tensor(list(values), dtype=tg.float64, requires_grad=True)
