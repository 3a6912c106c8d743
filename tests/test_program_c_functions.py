"""The functions that C plans compute without the math library: exact values, and the flags that the library raises."""

from __future__ import annotations

import ctypes
from functools import cache
from typing import Any

import mpmath
import numpy as np
import pytest

from tensorgrad.compiled import toolchain
from tensorgrad.program.cfunctions import as_vectors
from tensorgrad.program.cprint import HEAD

pytestmark = pytest.mark.skipif(toolchain.compiler() is None, reason="no C compiler here")

EXACT = {"exp": mpmath.exp, "expm1": mpmath.expm1, "tanh": mpmath.tanh, "erf": mpmath.erf, "erfc": mpmath.erfc}
NAMES = ["expf", "expm1f", "tanhf", "erff", "erfcf", "exp", "expm1", "tanh"]
ULPS = {"exp": 1.0, "expm1": 2.0, "tanh": 2.0}
"""How far doubles may be from the exact value; floats, which are computed as doubles: 0.51."""


def kinds(name: str) -> tuple[Any, Any, str]:
    """Return the type of a function's numbers, of their bits, and the function's name without it."""
    single = name.endswith("f") and name != "erf"
    return (np.float32, np.uint32, name[:-1]) if single else (np.float64, np.uint64, name)


@cache
def library() -> Any:
    """Return loops over each function, quick and as the library has it, and what asks for flags."""
    loops = "".join(
        f"void {{0}}_{n}(const {t} *restrict x, {t} *restrict y, int64_t n) {{{{\n"
        f"  for (int64_t i = 0; i < n; i++) y[i] = {n}(x[i]);\n}}}}\n"
        for n in NAMES
        for t in ["float" if kinds(n)[0] is np.float32 else "double"]
    )
    text, before = as_vectors(loops.format("vector"))
    flags = (
        "#include <fenv.h>\n"
        "int raised(void) { return fetestexcept(FE_DIVBYZERO | FE_OVERFLOW | FE_INVALID); }\n"
        "void clear(void) { feclearexcept(FE_ALL_EXCEPT); }\n"
    )
    return toolchain.build("\n".join([HEAD, flags, *before, text, loops.format("plain")]))


def computed(name: str, way: str, x: Any) -> tuple[Any, int]:
    """Return a function of an array, and the flags that were raised."""
    y = np.empty_like(x)
    library().clear()
    getattr(library(), f"{way}_{name}")(*(ctypes.c_void_p(a.ctypes.data) for a in (x, y)), ctypes.c_int64(x.size))
    return y, library().raised()


def numbers(name: str) -> Any:
    """Return finite numbers: of all exponents, and many where the function is not constant."""
    dtype, bits, base = kinds(name)
    rng = np.random.default_rng(0)
    largest = 2 ** (32 if dtype is np.float32 else 64)
    most = 110 if dtype is np.float32 else 750
    edge = {"exp": most, "expm1": most, "tanh": 22, "erf": 5, "erfc": 11}[base]
    parts = [
        rng.integers(0, largest, 400, dtype=bits).view(dtype), rng.uniform(-edge, edge, 1500),
        rng.uniform(-1.3, 1.3, 800), 10.0 ** rng.uniform(-20, 1, 300), -(10.0 ** rng.uniform(-20, 1, 300)),
    ]  # fmt: skip
    x = np.concatenate([np.asarray(part, dtype) for part in parts])
    return x[np.isfinite(x)]


@pytest.mark.parametrize("name", NAMES)
def test_how_far_from_the_exact_value(name: str) -> None:
    dtype, _, base = kinds(name)
    x = numbers(name)
    found, _ = computed(name, "vector", x)
    with mpmath.workprec(120), np.errstate(all="ignore"):
        for a, b in zip(x, found, strict=True):
            right = EXACT[base](mpmath.mpf(float(a)) if abs(a) < 1e4 else mpmath.mpf(10000 if a > 0 else -10000))
            nearest = dtype(float(right))
            if np.isinf(nearest):
                assert b == nearest
                continue
            ulp = mpmath.mpf(float(np.spacing(abs(nearest))))
            limit = 0.51 if dtype is np.float32 else ULPS[base]
            assert abs(mpmath.mpf(float(b)) - right) <= limit * ulp, (a, b, nearest)


@pytest.mark.parametrize("name", NAMES)
def test_special_numbers_are_those_of_the_library(name: str) -> None:
    dtype, _, _ = kinds(name)
    least = np.finfo(dtype).smallest_subnormal
    x = np.array([0.0, -0.0, np.inf, -np.inf, np.nan, least, -least, 1e5, -1e5, np.finfo(dtype).max], dtype)
    for count in (x.size, 1, 17):  # in vectors, and what is left of them
        for value in x if count != x.size else [x]:
            given = np.full(count, value) if count != x.size else x
            (mine, _), (right, _) = (computed(name, way, given) for way in ("vector", "plain"))
            np.testing.assert_array_equal(mine, right)
            assert (np.signbit(mine) == np.signbit(right))[~np.isnan(right)].all()


@pytest.mark.parametrize("name", NAMES)
def test_flags_are_those_of_the_library(name: str) -> None:
    dtype, _, _ = kinds(name)
    edges = [0, -0.0, 1, -1, 1e-42, 87.3, 88.72, 88.73, 89, 106, -87, -104, -110, 709.7, 709.79, 750, 1e5, -745.2, -750]
    for value in [*edges, -1e5, np.inf, -np.inf, np.nan, -np.nan, np.finfo(dtype).max, np.finfo(dtype).min]:
        for count in (1, 33):
            x = np.full(count, value, dtype)
            assert computed(name, "vector", x)[1] == computed(name, "plain", x)[1], value
