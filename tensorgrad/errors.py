"""The error classes: every message names the cause, the place and the cure.

Each class also derives from the built-in that PyTorch raises in the same situation, and from the one that NumPy
raises, so that ``except RuntimeError`` in a PyTorch-like script and ``except ValueError`` in a NumPy one both work.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

import numpy as np

__all__ = [
    "AnomalyError",
    "ArgumentError",
    "AutogradError",
    "ComplexError",
    "DataError",
    "DeviceError",
    "DistributedError",
    "DTypeError",
    "ExportError",
    "InPlaceError",
    "LinAlgError",
    "LostGraphError",
    "MissingDependencyError",
    "RangeError",
    "ShapeError",
    "TensorgradError",
]


class TensorgradError(Exception):
    """What every error of this library derives from."""


class ShapeError(TensorgradError, ValueError, RuntimeError):
    """Shapes that an operation cannot combine."""


class ArgumentError(TensorgradError, ValueError, RuntimeError):
    """An argument that is none of the values an operation knows."""


class RangeError(TensorgradError, IndexError, RuntimeError):
    """An index or a dimension that is not there."""


class LinAlgError(TensorgradError, np.linalg.LinAlgError, RuntimeError):
    """A matrix that has no inverse, or not the factorization that was asked for."""


class DTypeError(TensorgradError, TypeError, RuntimeError):
    """A dtype that an operation, or a gradient, cannot have."""


class ComplexError(DTypeError):
    """Complex numbers, given to what takes only real ones."""


class ExportError(TensorgradError, RuntimeError):
    """An operation, or a read of a value, that a file for other programs cannot hold."""


class DivisionError(TensorgradError, ZeroDivisionError, RuntimeError):
    """Whole numbers divided by 0, which have no quotient."""


class AutogradError(TensorgradError, RuntimeError):
    """A gradient that was asked for and cannot be given."""


class LostGraphError(AutogradError, TypeError):
    """A tensor that asks for a gradient, given to what would make an array without history of it."""


class InPlaceError(TensorgradError, RuntimeError):
    """A write that would make a gradient wrong."""


class AnomalyError(TensorgradError, RuntimeError):
    """A value that is not finite, found by anomaly detection."""


class CompileError(TensorgradError, RuntimeError):
    """A function that was to run as a plan as a whole, and cannot."""


class DeviceError(TensorgradError, RuntimeError):
    """A device other than the CPU."""


class DistributedError(TensorgradError, RuntimeError):
    """Ranks that do not do the same, or a group that is not there."""


class DataError(TensorgradError, ValueError):
    """A data file that is missing, damaged or not what it says it is."""


class MissingDependencyError(TensorgradError, ImportError):
    """An optional library that is not installed; the message says how to install it."""

    @classmethod
    def of(cls, feature: str, *libraries: str, otherwise: str = "") -> MissingDependencyError:
        """Return the error for `feature`, which needs `libraries`, named as pip knows them, or `otherwise`.

        >>> print(MissingDependencyError.of("plots", "matplotlib"))
        plots needs matplotlib: pip install matplotlib
        """
        cure = f"pip install {' '.join(libraries)}" + (f", or {otherwise}" if otherwise else "")
        return cls(f"{feature} needs {' and '.join(libraries)}: {cure}")


@contextmanager
def needing(feature: str, library: str) -> Iterator[None]:
    """Return a context in which `library`, named as pip knows it, is imported for `feature`.

    Raises:
        MissingDependencyError: it is not installed.

    >>> with needing("knitting", "wool"):
    ...     import wool
    Traceback (most recent call last):
    tensorgrad.errors.MissingDependencyError: knitting needs wool: pip install wool
    """
    try:
        yield
    except ImportError as error:
        raise MissingDependencyError.of(feature, library) from error
