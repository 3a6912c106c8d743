"""The parts of complex numbers, linear in the parts, but not in the complex number itself; and Fourier transforms.

The adjoints are written for the bilinear product ``Re(a b)``, as all rules are: between the conjugations of
`Primitive.on_complex` they become those of the convention, and the sweeps take the real part of what arrives at a real
value.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from tensorgrad.engine.batchrules import along_one, leading
from tensorgrad.engine.kinds import multilinear
from tensorgrad.ops.arithmetic import REAL


@multilinear(lambda g: view_as_complex(g).conj(), symbol="(x, y)", samples="complex", batch=leading)
def view_as_real(x: Any) -> Any:
    """Return the real and the imaginary parts of complex `x`, beside each other in a new last axis: a view."""
    return x[..., None].view(x.real.dtype)


@multilinear(lambda g: view_as_real(g.conj()), symbol="x + iy", samples="parts", batch=leading)
def view_as_complex(x: Any) -> Any:
    """Return the complex numbers whose parts stand in the last axis of `x`, of length 2: a view where memory allows."""
    together = x if x.strides[-1] == x.itemsize else x.copy()
    return together.view(np.result_type(x, np.complex64))[..., 0]


@multilinear(lambda g: g.conj(), symbol="x̄", samples=[REAL], batch=leading)
def conj(x: Any) -> Any:
    """Return the complex conjugate of `x`, a copy."""
    return np.conj(x)


@multilinear(
    lambda g, axis, inverse: dft(g, axis=axis, inverse=inverse), symbol="DFT", samples="complex", batch=along_one
)
def dft(x: Any, *, axis: Any = -1, inverse: Any = False) -> Any:
    """Return the sums over m of ``x[m] exp(-2πi k m / n)`` along `axis`; with `inverse`, of ``exp(2πi k m / n)``.

    The matrix is symmetric, so that it is its own adjoint.
    """
    return np.fft.ifft(x, axis=axis, norm="forward") if inverse else np.fft.fft(x, axis=axis)
