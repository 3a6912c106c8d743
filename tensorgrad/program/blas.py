"""Where the products of matrices stand that NumPy itself calls: the functions of its BLAS, by address."""

from __future__ import annotations

import ctypes
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from tensorgrad.base.caching import remembered

_NAMES = ("scipy_cblas_{}gemm64_", "cblas_{}gemm64_", "scipy_cblas_{}gemm", "cblas_{}gemm")


class Products(NamedTuple):
    """The addresses of ``cblas_sgemm`` and ``cblas_dgemm``, and the type of their whole numbers in C."""

    addresses: dict[str, int]
    integer: str


@remembered()
def products() -> Products | None:
    """Return the products of NumPy's BLAS; None where they are not found, or do not multiply as they should."""
    for path in _libraries():
        try:
            library = ctypes.CDLL(str(path))
        except OSError:
            continue
        for name in _NAMES:
            if hasattr(library, name.format("s")) and hasattr(library, name.format("d")):
                integer = "int64_t" if "64_" in name or _is_wide(library) else "int"
                functions = {"f4": getattr(library, name.format("s")), "f8": getattr(library, name.format("d"))}
                if all(_multiplies(f, dtype, integer) for dtype, f in functions.items()):
                    found = {dtype: ctypes.cast(f, ctypes.c_void_p).value or 0 for dtype, f in functions.items()}
                    return Products(found, integer)
    return None


def _libraries() -> Iterator[Path]:
    """Yield the files that may be NumPy's BLAS: those that came with it, and those that are loaded."""
    package = Path(np.__file__).parent
    for folder in (package.parent / "numpy.libs", package / ".dylibs"):
        yield from sorted(folder.glob("*openblas*"))
    maps = Path("/proc/self/maps")
    if maps.exists():
        loaded = {line.split(maxsplit=5)[-1].strip() for line in maps.read_text().splitlines() if "blas" in line}
        yield from sorted(Path(name) for name in loaded if name.startswith("/"))


def _is_wide(library: Any) -> bool:
    """Return whether an OpenBLAS says that its whole numbers have 64 bits."""
    for name in ("scipy_openblas_get_config", "openblas_get_config"):
        if hasattr(library, name):
            config = getattr(library, name)
            config.restype = ctypes.c_char_p
            return b"USE64BITINT" in config()
    return False


def _multiplies(function: Any, dtype: str, integer: str) -> bool:
    """Return whether a function multiplies two small matrices."""
    whole: Any = ctypes.c_int64 if integer == "int64_t" else ctypes.c_int
    real: Any = ctypes.c_float if dtype == "f4" else ctypes.c_double
    a, b, out = (np.arange(n, dtype=dtype).reshape(shape) for n, shape in ((6, (2, 3)), (12, (4, 3)), (8, (2, 4))))
    call = ctypes.CFUNCTYPE(
        None, *[ctypes.c_int] * 3, *[whole] * 3, real, *[ctypes.c_void_p, whole] * 2, real, ctypes.c_void_p, whole
    )(ctypes.cast(function, ctypes.c_void_p).value or 0)
    call(101, 111, 112, 2, 4, 3, 1, a.ctypes.data, 3, b.ctypes.data, 3, 0, out.ctypes.data, 4)
    return bool((out == a @ b.T).all())
