"""NumPy as on another machine: every result that may round otherwise there is moved by its last bit, at random.

The order of a sum, and with it the last bit, depends on the processor in BLAS and in NumPy's loops; so does the last
bit of exp, log, tanh and their like. `python -m tests.lastbit SEED MODULE ...` runs a module with such a NumPy, from
before the library is imported, so that no function that it keeps is the old one. What holds here holds anywhere:

    python -m tests.lastbit 1 tests.gallery --check --still
    python -m tests.lastbit 1 pytest -q --doctest-modules tensorgrad

The four operations and their like (minimum, comparison, power by a small integer) are exact everywhere, and stay.
"""

from __future__ import annotations

import os
import runpy
import sys
from collections.abc import Callable
from typing import Any

import numpy as np

PRODUCTS = ("matmul", "dot", "vdot", "inner", "tensordot", "einsum", "convolve", "correlate")
SUMS = ("sum", "mean", "var", "std", "average", "prod", "cumsum", "cumprod", "trapezoid")
FUNCTIONS = (
    "exp", "exp2", "expm1", "log", "log2", "log10", "log1p", "logaddexp", "logaddexp2", "sqrt", "cbrt", "hypot",
    "power", "float_power", "reciprocal", "sin", "cos", "tan", "arcsin", "arccos", "arctan", "arctan2", "sinh", "cosh",
    "tanh", "arcsinh", "arccosh", "arctanh",
)  # fmt: skip
LINEAR_ALGEBRA = ("norm", "inv", "solve", "det", "pinv", "cholesky", "qr", "svd", "eigh", "slogdet")

moved: dict[str, int] = {}
"""How many results of each function have been moved."""


class _Ufunc:
    """A function of NumPy's with its attributes, whose results are moved."""

    def __init__(self, plain: Any, move: Callable[[str, Any], Any], *, call: bool = True) -> None:
        self._plain, self._move, self._call = plain, move, call

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        result = self._plain(*args, **kwargs)
        return self._move(self._plain.__name__, result) if self._call else result

    def __getattr__(self, name: str) -> Any:
        value = getattr(self._plain, name)
        if name in ("reduce", "reduceat", "accumulate"):
            return self._method(name, value)
        return value

    def _method(self, name: str, plain: Any) -> Callable[..., Any]:
        def method(*args: Any, **kwargs: Any) -> Any:
            return self._move(f"{self._plain.__name__}.{name}", plain(*args, **kwargs))

        method.__name__, method.__self__ = name, self._plain  # by which `to_python` knows it
        return method


def scatter(seed: int) -> None:
    """Replace NumPy's functions by ones whose results are off by up to an epsilon, each element up, down or not."""
    generator = np.random.default_rng(seed)
    within = False  # NumPy's functions call one another, and so does what moves them

    def move(name: str, result: Any) -> Any:
        nonlocal within
        if within:
            return result
        within = True
        try:
            return moved_by(name, result)
        finally:
            within = False

    def moved_by(name: str, result: Any) -> Any:
        if isinstance(result, tuple):
            moving = [moved_by(name, part) for part in result]
            return type(result)(*moving) if hasattr(result, "_fields") else tuple(moving)
        if getattr(result, "dtype", np.dtype(int)).kind not in "fc":
            return result
        moved[name] = moved.get(name, 0) + 1
        eps = np.finfo(result.dtype).eps
        factor = (1 + generator.integers(-1, 2, result.shape) * eps).astype(result.dtype)
        if isinstance(result, np.ndarray) and result.flags.writeable:
            result *= factor  # in place: it may be an `out` that was given, and keeps its memory order
            return result
        return result * factor

    plain_ones = np.ones
    for name in (*PRODUCTS, *SUMS, *FUNCTIONS):
        if hasattr(np, name):
            setattr(np, name, _Ufunc(getattr(np, name), move))
    for name in LINEAR_ALGEBRA:
        setattr(np.linalg, name, _Ufunc(getattr(np.linalg, name), move))
    for name in ("add", "multiply"):  # exact, but for the reductions
        setattr(np, name, _Ufunc(getattr(np, name), move, call=False))

    class Row(np.ndarray):
        """The ones with which the library adds rows, an operator that cannot be replaced otherwise."""

        def __matmul__(self, other: Any) -> Any:
            return move("ones @", np.asarray(self) @ other)

        def __rmatmul__(self, other: Any) -> Any:
            return move("@ ones", other @ np.asarray(self))

    def ones(*args: Any, **kwargs: Any) -> Any:
        found = plain_ones(*args, **kwargs)
        return found.view(Row) if sys._getframe(1).f_code.co_name == "ones_of" else found

    np.ones = ones


def take_for_numpys() -> None:
    """Let a trace take the replaced functions for NumPy's own, as those of another machine are: none is a break."""
    from tensorgrad.engine import tracedarrays  # which must see the replaced functions

    def unknown(function: Any, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
        return function(*tracedarrays.plain_of(args), **tracedarrays.plain_of(kwargs))

    tracedarrays._unknown = unknown


def main() -> None:
    """Run a module on another machine."""
    seed, module, *arguments = sys.argv[1:]
    scatter(int(seed))
    sys.argv = [module, *arguments]
    sys.modules["tests.lastbit"] = sys.modules["__main__"]  # who asks what was moved asks this one
    sys.path.insert(0, os.getcwd())  # noqa: PTH109 - as `python -m` does
    take_for_numpys()
    runpy.run_module(module, run_name="__main__", alter_sys=True)


if __name__ == "__main__":
    main()
