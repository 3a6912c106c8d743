"""The text of a tensor, in PyTorch's format: ``tensor([2., 4.], grad_fn=<MulBackward0>)``."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

import numpy as np

from .answers import guard
from .dtypes import Array, default_complex, get_default_dtype

__all__ = ["set_printoptions"]


@dataclass(repr=False)
class Options:
    """How tensors are printed; see `set_printoptions`."""

    precision: int = 4
    threshold: float = 1000
    edgeitems: int = 3
    linewidth: int = 80
    sci_mode: bool | None = None


OPTIONS = Options()
_PROFILES = {
    "default": Options(),
    "short": Options(precision=2, edgeitems=2),
    "full": Options(threshold=math.inf),
}


_MOST = 1_000_000  # of anything; Python writes no number with more digits than fit in memory


def set_printoptions(
    precision: int | None = None,
    threshold: float | None = None,
    edgeitems: int | None = None,
    linewidth: int | None = None,
    profile: str | None = None,
    sci_mode: bool | None = None,
) -> None:
    """Set how tensors are printed; what is not given stays, but for `sci_mode`, which then is chosen by the numbers.

    Args:
        precision: digits after the point, 4 at the start.
        threshold: how many elements are printed in full, 1000 at the start; larger tensors are summarised.
        edgeitems: elements at each end of an axis in a summary, 3 at the start.
        linewidth: characters in a line, 80 at the start.
        profile: "default", "short" or "full", set before the others.
        sci_mode: exponents always (True) or never (False).

    Raises:
        ValueError: a profile of another name; a number of digits or elements that cannot be.

    >>> set_printoptions(precision=2)
    >>> numbers(np.array([0.123456]))
    '[0.12]'
    >>> set_printoptions(profile="default")
    """
    if profile is not None and profile not in _PROFILES:
        raise ValueError(f"profile must be one of {', '.join(_PROFILES)}, found {profile!r}")
    for name, count in {"precision": precision, "edgeitems": edgeitems}.items():
        if count is not None and (not 0 <= count <= _MOST or count % 1):
            raise ValueError(f"set_printoptions: {name} must be a whole number from 0 to {_MOST}, found {count!r}")
    start = OPTIONS if profile is None else _PROFILES[profile]
    asked = {"precision": precision, "threshold": threshold, "edgeitems": edgeitems, "linewidth": linewidth}
    given = {name: value for name, value in asked.items() if value is not None}
    vars(OPTIONS).update(vars(start) | given | {"sci_mode": sci_mode})


class _Writer:
    """How every element of an array is written: all with the same number of places, in the width of the widest."""

    def __init__(self, array: Array) -> None:
        self.kind = array.dtype.kind
        if self.kind != "f":
            self.width = max((len(str(x)) for x in array.ravel().tolist()), default=0)
            return
        finite = array[np.isfinite(array) & (array != 0)].astype(np.float64)
        sizes = np.abs(finite)
        self.whole = bool((sizes == np.ceil(sizes)).all())
        low, high = float(sizes.min(initial=np.inf)), float(sizes.max(initial=0.0))
        wide = high / low > 1000 or high > 1e8 or (not self.whole and low < 1e-4)
        self.scientific = bool(sizes.size) and (wide if OPTIONS.sci_mode is None else OPTIONS.sci_mode)
        self.width = max((len(self._written(x)) for x in finite.tolist()), default=1)

    def _written(self, x: float) -> str:
        if self.scientific:
            return f"{x:.{OPTIONS.precision}e}"
        if self.whole:
            return f"{x:.0f}." if math.isfinite(x) else f"{x:.0f}"
        return f"{x:.{OPTIONS.precision}f}"

    def __call__(self, x: Any) -> str:
        return (self._written(x) if self.kind == "f" else str(x)).rjust(self.width)


class _ComplexWriter:
    """Real and imaginary parts, each written as an array of its own would be."""

    def __init__(self, array: Array) -> None:
        self.real, self.imag = _Writer(array.real), _Writer(array.imag)
        self.width = self.real.width + self.imag.width + 1

    def __call__(self, x: complex) -> str:
        imag = (self.imag(x.imag) + "j").lstrip()
        return self.real(x.real) + (imag if imag[0] in "+-" else "+" + imag)


def _shown_part(array: Array) -> Array:
    """Return the elements that a summary shows, which decide how all are written."""
    edge = OPTIONS.edgeitems
    for axis, n in enumerate(array.shape):
        if n > 2 * edge:
            array = np.take(array, [*range(edge), *range(n - edge, n)], axis)
    return array


def numbers(array: Array, indent: int = 0) -> str:
    """Return the elements of `array` in nested brackets, with `indent` blanks before continuation lines.

    >>> numbers(np.array([0.25, 10.0])), numbers(np.array([1e-9, 1.0]))
    ('[ 0.2500, 10.0000]', '[1.0000e-09, 1.0000e+00]')
    """
    if not array.size:
        return "[]"
    summary = array.size > OPTIONS.threshold
    part = _shown_part(array) if summary else array
    write = _ComplexWriter(part) if part.dtype.kind == "c" else _Writer(part)
    return _nested(array, indent, summary, write) if array.ndim else write(array.item())


def _nested(array: Array, indent: int, summary: bool, write: _Writer | _ComplexWriter) -> str:
    edge, matrix = OPTIONS.edgeitems, array.ndim > 1
    cut = summary and len(array) > 2 * edge
    rows = [*array[:edge], *array[len(array) - edge :]] if cut else list(array)
    words = [_nested(row, indent + 1, summary, write) if matrix else write(row.item()) for row in rows]
    if cut:
        words.insert(edge, "..." if matrix or not edge else " ...")
    if matrix:
        return "[" + ("," + "\n" * (array.ndim - 1) + " " * (indent + 1)).join(words) + "]"
    per_line = max(1, (OPTIONS.linewidth - indent) // (write.width + 2))
    lines = [", ".join(words[i : i + per_line]) for i in range(0, len(words), per_line)]
    return "[" + (",\n" + " " * (indent + 1)).join(lines) + "]"


def shown(array: Array, requires_grad: bool, grad_fn: object) -> str:
    """Return the text of a tensor, with what is not default about it."""
    start = "tensor("
    text = start + numbers(array, len(start))
    notes = []
    if not array.size and array.ndim != 1:
        notes.append(f"size={array.shape}")
    usual = (get_default_dtype(), default_complex(), np.dtype(np.int64), np.dtype(np.bool_))
    if array.dtype not in (usual if array.size else usual[:1]):  # no element tells an empty tensor's dtype
        notes.append(f"dtype={array.dtype}")
    if grad_fn is not None:
        notes.append(f"grad_fn={grad_fn!r}")
    elif requires_grad:
        notes.append("requires_grad=True")
    last = len(text) - text.rfind("\n") + 1
    for note in notes:
        if last + len(note) + 2 > OPTIONS.linewidth:
            text += ",\n" + " " * len(start) + note
            last = len(start) + len(note)
        else:
            text += f", {note}"
            last += len(note) + 2
    return text + ")"


guard(__name__)
