"""The text of a tensor, in PyTorch's format: ``tensor([2., 4.], grad_fn=<MulBackward>)``."""

from __future__ import annotations

from typing import Any

import numpy as np

from tensorgrad.dtypes import Array, get_default_dtype

PRECISION = 4
THRESHOLD = 1000
EDGE_ITEMS = 3


def numbers(array: Array, prefix: str = "") -> str:
    """Return the elements of `array`: whole ones as ``2.``, others with four places, or exponents.

    >>> numbers(np.array([0.25, 10.0])), numbers(np.array([1e-9, 1.0]))
    ('[ 0.2500, 10.0000]', '[1.0000e-09, 1.0000e+00]')
    """
    options: dict[str, Any] = {
        "separator": ", ", "prefix": prefix, "threshold": THRESHOLD, "edgeitems": EDGE_ITEMS, "max_line_width": 80,
    }  # fmt: skip
    if array.dtype.kind == "f":
        values = np.abs(array[np.isfinite(array) & (array != 0)]).astype(np.float64)
        whole = bool((values == np.floor(values)).all()) and bool((values < 1e8).all())
        wide = values.size and (values.max() >= 1e8 or values.max() / values.min() > 1e3 or values.min() < 1e-4)
        if whole:
            options |= {"precision": 0, "floatmode": "fixed", "suppress_small": True}
        elif wide:
            options["formatter"] = {"float_kind": lambda x: f"{x:.{PRECISION}e}"}
        else:
            options |= {"precision": PRECISION, "floatmode": "fixed", "suppress_small": True}
        if not array.ndim:
            shown = f"{float(array):.0f}." if whole else f"{float(array):.{PRECISION}{'e' if wide else 'f'}}"
            return shown if np.isfinite(array) else str(float(array))
    elif not array.ndim:
        return str(array.item())
    return np.array2string(array, **options)


def shown(array: Array, requires_grad: bool, grad_fn: object) -> str:
    """Return the text of a tensor, with what is not default about it."""
    body = numbers(array, "tensor(") if array.size else "[]"
    parts = [f"tensor({body}"]
    if not array.size and array.shape != (0,):
        parts.append(f"size={array.shape}")
    if array.dtype not in (get_default_dtype(), np.dtype(np.int64), np.dtype(np.bool_)):
        parts.append(f"dtype={array.dtype}")
    if grad_fn is not None:
        parts.append(f"grad_fn={grad_fn!r}")
    elif requires_grad:
        parts.append("requires_grad=True")
    return ", ".join(parts) + ")"
