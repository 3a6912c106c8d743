"""Every text of a drawing: cleaned names, short numbers, shapes, subscripts, and how wide a text will be."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from tensorgrad.base.caching import remembered
from tensorgrad.engine.tensor import Constant

LONGEST, WHOLE = 40, 1000  # letters of a name, and of a formula
_NARROW = frozenset("iljI|.,:;'!()[]/ ft r-ᵢⱼₗ₁₂₃₄₅₆₇₈₉₀⁰¹²³⁴⁵⁶⁷⁸⁹⁻")
_WIDE = frozenset("mwMW@%ΣμΩ—−+=<>√")
_NONE = "".join(chr(plane << 16 | 0xFFFE + last) for plane in range(17) for last in (0, 1))  # which are no characters
_UNSEEN = re.compile(f"[\0-\x1f\x7f-\x9f\u2028\u2029\ud800-\udfff{_NONE}]")


def clean(text: str, longest: int = LONGEST) -> str:
    """Return `text` as XML can hold it and a drawing show it: control characters as their pictures, cut to `longest`.

    >>> clean("a" + chr(7) + "b")
    'a␇b'
    """
    shown = text if text.isprintable() else _UNSEEN.sub(_picture, text)  # of what is printable, all is seen
    return shown if len(shown) <= longest else shown[: longest - 1] + "…"


def _picture(found: re.Match[str]) -> str:
    code = ord(found[0])
    return chr(0x2400 + code) if code < 0x20 else "\N{REPLACEMENT CHARACTER}"


def number(value: Any) -> str:
    """Return a scalar constant as a label shows it: its name, or a few digits; what is no number by its class.

    >>> number(2.0), number(0.5), number(1e-5), number(Constant(1e-5, "ε"))
    ('2', '0.5', '1e-05', 'ε')
    >>> number(-1j), number(2 - 3j)
    ('−1j', '(2−3j)')
    """
    if isinstance(value, Constant):
        return clean(value.name)
    if isinstance(value, bool | np.bool_):
        return str(bool(value))
    if not isinstance(value, int | float | complex | np.number):
        return clean(repr(value)) if isinstance(value, str) else type(value).__name__
    if isinstance(value, complex | np.complexfloating):
        return _complex(complex(value))
    return f"{float(value):.4g}".replace("-", "−", 1) if value < 0 else f"{float(value):.4g}"


def _complex(value: complex) -> str:
    """Return a complex number as one term: its real or its imaginary part alone, or both in brackets."""
    real, imaginary = number(value.real), number(value.imag)
    if not value.imag:
        return real
    return f"({real}{'' if imaginary[0] == '−' else '+'}{imaginary}j)" if value.real else f"{imaginary}j"


def shaped(shape: tuple[int, ...], dims: Mapping[int, str]) -> str:
    """Return a shape, with the letters that `dims` gives to lengths.

    >>> shaped((7, 3), {}), shaped((3,), {3: "D"}), shaped((), {})
    ('(7, 3)', '(D,)', '()')
    """
    if dims:
        return _bracketed(tuple([clean(dims[n], 12) if n in dims else n for n in shape]))
    return _bracketed(shape)


@remembered(1024)
def _bracketed(sizes: tuple[str | int, ...]) -> str:
    return f"({sizes[0]},)" if len(sizes) == 1 else f"({', '.join(map(str, sizes))})"


def width(text: str, size: float) -> float:
    """Return about how wide the widest line of `text` is at font size `size`, in points.

    Made for DejaVu, the widest of the fonts a viewer may have: a text that fits by this fits with the others.

    >>> width("x̂", 10) == width("x", 10)
    True
    """
    return _widest(text) * size


@remembered(4096)
def _widest(text: str) -> float:
    return max(sum(map(_ems, line)) for line in text.split("\n"))


@remembered(1024)
def _ems(c: str) -> float:
    if unicodedata.combining(c):
        return 0.0
    if unicodedata.east_asian_width(c) in "WF":
        return 1.05
    return 0.38 if c in _NARROW else 0.88 if c in _WIDE else 0.72 if c.isupper() else 0.64


def shown_bytes(number: float) -> str:
    """Return a number of bytes in few digits.

    >>> shown_bytes(28), shown_bytes(2_100), shown_bytes(3_500_000)
    ('28 B', '2.1 kB', '3.5 MB')
    """
    for size, unit in ((1e9, "GB"), (1e6, "MB"), (1e3, "kB")):
        if number >= size:
            return f"{number / size:.3g} {unit}"
    return f"{number:.0f} B"


@remembered(256)
def leading_sizes(detail: str) -> str:
    """Return the leading numbers of a module's settings, which say its size; the rest stays in the tooltip.

    >>> leading_sizes("in_features=64, out_features=100, bias=True"), leading_sizes("100, eps=1e-05, momentum=0.1")
    ('64, 100', '100')
    """
    kept: list[str] = []
    keyword = False
    for entry in detail.split(", "):
        name, equals, value = entry.rpartition("=")
        try:
            float(value)
        except ValueError:
            break
        if kept and bool(equals) != keyword:
            break
        keyword = bool(equals)
        kept.append(value if name or not equals else entry)
    return ", ".join(kept)


def sizes_text(sizes: Sequence[int], strides: Sequence[int]) -> str:
    """Return the sizes of windows, and how far apart they are where that is not one.

    >>> sizes_text((3, 3), (1, 1)), sizes_text((3, 3), (2, 2)), sizes_text((5, 1), (2, 1))
    ('3×3', '3×3, /2', '5×1, /2×1')
    """
    told = "×".join(map(str, sizes))
    if set(strides) == {1}:
        return told
    return f"{told}, /{'×'.join(map(str, strides)) if len(set(strides)) > 1 else strides[0]}"


@remembered(256)
def window_text(kind: str, detail: str) -> str:
    """Return the windows that a module of this class takes, by its settings; empty if it takes none.

    >>> window_text("Conv2d", "1, 2, kernel_size=(3, 3), stride=(2, 2)"), window_text("Linear", "3, 2")
    ('3×3, /2', '')
    >>> window_text("MaxPool2d", "kernel_size=2, stride=2, padding=0"), window_text("AvgPool1d", "kernel_size=(3,)")
    ('2×2', '3')
    """
    found = dict(re.findall(r"(kernel_size|stride)=(\d+|\([\d, ]*\))", detail))
    if "kernel_size" not in found:
        return ""
    numbers = {name: [int(n) for n in re.findall(r"\d+", text)] for name, text in found.items()}
    axes = int(kind[-2]) if kind[-2:] in ("2d", "3d") else 1
    size, stride = (n * axes if len(n) == 1 else n for n in (numbers["kernel_size"], numbers.get("stride", [1])))
    beside = "Pool" in kind and stride == size  # as windows of a pooling lie where nothing else is said
    return sizes_text(size, [1] if beside else stride)
