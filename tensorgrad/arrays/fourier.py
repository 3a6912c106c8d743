"""``numpy.fft`` of tensors, which is one linear operation along an axis, `ops.dft`, and its inverse."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from tensorgrad import ops
from tensorgrad.base.numerics import normalized
from tensorgrad.engine.tensor import Tensor

from .mixed import F, floating, tensor, values
from .rearranging import arranged, complexes

Rule = Callable[..., Any]


def _scale(n: int, norm: Any, inverse: bool) -> float:
    """Return by what the sum is divided."""
    if norm == "ortho":
        return float(np.sqrt(n))
    return float(n) if inverse == (norm in (None, "backward")) else 1.0


def fitted(x: Tensor, n: Any, axis: int) -> Tensor:
    """Return `x` of length `n` along an axis: cut, or with zeros behind it."""
    have = x.array.shape[axis]
    if n is None or n == have:
        return x
    if n < have:
        return F.narrow(x, axis, 0, n)  # type: ignore[no-any-return]
    shape = tuple(n if i == axis else m for i, m in enumerate(x.array.shape))
    index = tuple(slice(0, m) for m in x.array.shape)
    return ops.scatter(x, index=index, shape=shape)


def transformed(x: Tensor, n: Any, axis: int, norm: Any, inverse: bool) -> Tensor:
    """Return the discrete Fourier transform of `x` along an axis."""
    along = normalized(axis, x.ndim)[0]
    z = complexes(fitted(x, n, along))
    scale = _scale(z.array.shape[along], norm, inverse)
    y = ops.dft(z, axis=along, inverse=inverse)
    return y if scale == 1.0 else y / scale


def one(inverse: bool) -> Rule:
    """Return ``np.fft.fft`` or ``np.fft.ifft``."""
    return lambda a, n=None, axis=-1, norm=None, out=None: transformed(floating(a), n, axis, norm, inverse)


def several(inverse: bool, default: Any = None) -> Rule:
    """Return ``np.fft.fftn``, ``np.fft.fft2`` or an inverse."""

    def rule(a: Any, s: Any = None, axes: Any = default, norm: Any = None, out: None = None) -> Any:
        x = floating(a)
        lengths, places = _lengths(x, s, axes)
        for n, axis in zip(lengths[::-1], places[::-1], strict=True):
            x = transformed(x, n, axis, norm, inverse)
        return x

    return rule


def _lengths(x: Tensor, s: Any, axes: Any) -> tuple[list[Any], list[int]]:
    places = list(range(x.ndim)) if axes is None else list(normalized(tuple(axes), x.ndim))
    if s is None:
        return [None] * len(places), places
    places = places[-len(s) :] if axes is None else places
    return [None if n == -1 else n for n in s], places


def rfft(a: Any, n: Any = None, axis: int = -1, norm: Any = None, out: None = None) -> Any:
    """``np.fft.rfft``: the half of a transform that says all of a real array."""
    x = floating(a)
    if values(x).dtype.kind == "c":
        return NotImplemented
    along = normalized(axis, x.ndim)[0]
    y = transformed(x, n, along, norm, False)
    return F.narrow(y, along, 0, y.array.shape[along] // 2 + 1)


def irfft(a: Any, n: Any = None, axis: int = -1, norm: Any = None, out: None = None) -> Any:
    """``np.fft.irfft``: the real array whose half transform this is."""
    z = complexes(floating(a))
    along = normalized(axis, z.ndim)[0]
    length = 2 * (z.array.shape[along] - 1) if n is None else n
    half = fitted(z, length // 2 + 1, along)
    ends = [0, length // 2] if length % 2 == 0 else [0]
    shape = [1 if i != along else length // 2 + 1 for i in range(z.ndim)]
    is_end = np.isin(np.arange(length // 2 + 1), ends).reshape(shape)
    half = F.where(tensor(is_end), complexes(F.real(half)), half)  # of which NumPy takes the real parts alone
    rest = F.conj(F.flip(F.narrow(half, along, 1, (length - 1) // 2), along))
    y = transformed(F.cat([half, rest], along), None, along, norm, True)
    return F.real(y)


def hfft(a: Any, n: Any = None, axis: int = -1, norm: Any = None, out: None = None) -> Any:
    """``np.fft.hfft``."""
    return irfft(F.conj(complexes(floating(a))), n, axis, _turned(norm))


def ihfft(a: Any, n: Any = None, axis: int = -1, norm: Any = None, out: None = None) -> Any:
    """``np.fft.ihfft``."""
    return F.conj(rfft(a, n, axis, _turned(norm)))


def _turned(norm: Any) -> str:
    turned = {None: "forward", "backward": "forward", "forward": "backward", "ortho": "ortho"}
    return turned[norm]


def rfftn(default: Sequence[int] | None) -> Rule:
    """Return ``np.fft.rfftn`` or ``np.fft.rfft2``."""

    def rule(a: Any, s: Any = None, axes: Any = default, norm: Any = None, out: None = None) -> Any:
        x = floating(a)
        lengths, places = _lengths(x, s, axes)
        y = rfft(x, lengths[-1], places[-1], norm)
        return y if y is NotImplemented or len(places) == 1 else several(False)(
            y, None if s is None else lengths[:-1], places[:-1], norm)  # fmt: skip

    return rule


def irfftn(default: Sequence[int] | None) -> Rule:
    """Return ``np.fft.irfftn`` or ``np.fft.irfft2``."""

    def rule(a: Any, s: Any = None, axes: Any = default, norm: Any = None, out: None = None) -> Any:
        x = floating(a)
        lengths, places = _lengths(x, s, axes)
        for n, axis in zip(lengths[:-1], places[:-1], strict=True):
            x = transformed(x, n, axis, norm, True)
        return irfft(x, lengths[-1], places[-1], norm)

    return rule


FOLLOWED: dict[str, Rule] = {
    "fft": one(False), "ifft": one(True), "fft2": several(False, (-2, -1)), "ifft2": several(True, (-2, -1)),
    "fftn": several(False), "ifftn": several(True), "rfft": rfft, "irfft": irfft, "hfft": hfft, "ihfft": ihfft,
    "rfft2": rfftn((-2, -1)), "rfftn": rfftn(None), "irfft2": irfftn((-2, -1)), "irfftn": irfftn(None),
    "fftshift": arranged(np.fft.fftshift, "x"), "ifftshift": arranged(np.fft.ifftshift, "x"),
}  # fmt: skip
"""What each function of ``numpy.fft`` computes of tensors."""
