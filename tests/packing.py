"""What tests of files need: an object as the bytes of a file and back, and whether two objects are the same."""

from __future__ import annotations

import io
import math
import struct
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import tensorgrad as tg

WITHOUT_TORCH = "PyTorch is not installed: a comparison with it, side by side, is left out"


def the_library() -> Any:
    """What wrote the format first."""
    return pytest.importorskip("safetensors.numpy", reason="safetensors is not installed: nothing to compare with")


def packed(obj: Any) -> bytes:
    file = io.BytesIO()
    tg.save(obj, file)
    return file.getvalue()


def loaded(content: bytes) -> Any:
    return tg.load(io.BytesIO(content))


def same(a: Any, b: Any) -> bool:
    """Of the same classes through and through, in the same order, and the same bits."""
    if type(a) is not type(b):
        return False
    if isinstance(a, tg.Tensor):
        return a.requires_grad == b.requires_grad and same(a.array, b.array)
    if isinstance(a, np.ndarray | np.generic):
        return (a.dtype, a.shape, a.tobytes()) == (b.dtype, b.shape, b.tobytes())
    if isinstance(a, float | complex):
        return struct.pack("<dd", a.real, a.imag) == struct.pack("<dd", b.real, b.imag)
    if isinstance(a, list | tuple | dict):
        pairs = (list(x.items() if isinstance(x, dict) else x) for x in (a, b))
        return len(a) == len(b) and all(map(same, *pairs))
    return bool(a == b)


class Payload:
    """Pickled, it makes a file when it is loaded."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def __reduce__(self) -> Any:
        return (Path.touch, (self.path,))


SAMPLE: dict[str, Any] = {
    "weight": tg.tensor([[1.5, -2.0]], requires_grad=True),
    "mask": tg.tensor([True, False, True]),
    "step": 3,
    "rate": 0.1,
    "more": ("text", tg.tensor(1j), math.inf, {7: None}),
}
