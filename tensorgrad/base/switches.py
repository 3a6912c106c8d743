"""Settings that scripts make at their start: threads, determinism, the precision of products; and which kernels.

Of what PyTorch knows, everything here is always deterministic, and always in full precision: what a script asks for is
checked and remembered. Kernels are the functions of arrays inside fused forms and operations. They are NumPy's, or what
`tensorgrad.kernels` compiles of the same functions.
"""

from __future__ import annotations

import functools
import importlib.util
import os
import threading
from collections.abc import Callable
from typing import Any, Final, ParamSpec, TypeVar

from tensorgrad.errors import ArgumentError

from .callsite import warn

_deterministic = [False, False]  # asked for, and whether only to warn
_precision = ["highest"]


def get_num_threads() -> int:
    """Return how many threads matrix products may use: of NumPy's library where threadpoolctl is installed."""
    if importlib.util.find_spec("threadpoolctl"):
        import threadpoolctl  # type: ignore[import-untyped, import-not-found, unused-ignore]

        return max((pool["num_threads"] for pool in threadpoolctl.threadpool_info()), default=1)
    return int(os.environ.get("OMP_NUM_THREADS") or os.cpu_count() or 1)


def set_num_threads(num: int) -> None:
    """Let matrix products use `num` threads, through threadpoolctl; a warning where that is not installed.

    Raises:
        ArgumentError: `num` is no positive integer.
    """
    if num < 1 or num % 1:
        raise ArgumentError(f"set_num_threads expects a positive integer, found {num}")
    if importlib.util.find_spec("threadpoolctl"):
        import threadpoolctl

        threadpoolctl.threadpool_limits(num)
    elif num != get_num_threads():
        warn(
            f"set_num_threads({num}) has no effect without threadpoolctl: pip install threadpoolctl, or start Python "
            f"with OMP_NUM_THREADS={num}",
        )


def use_deterministic_algorithms(mode: bool, *, warn_only: bool = False) -> None:
    """Remember what was asked for; every operation is deterministic anyway."""
    _deterministic[:] = [bool(mode), bool(warn_only)]


def are_deterministic_algorithms_enabled() -> bool:
    """Return what `use_deterministic_algorithms` was last told, False at the start."""
    return _deterministic[0]


def is_deterministic_algorithms_warn_only_enabled() -> bool:
    """Return the `warn_only` that `use_deterministic_algorithms` was last told, False at the start."""
    return _deterministic[1]


def set_float32_matmul_precision(precision: str) -> None:
    """Remember "highest", "high" or "medium": what is asked for; products of float32 are always in full.

    Raises:
        ArgumentError: `precision` is another word.
    """
    if precision not in ("highest", "high", "medium"):
        raise ArgumentError(f"precision must be 'highest', 'high' or 'medium', found {precision!r}")
    _precision[0] = precision


def get_float32_matmul_precision() -> str:
    """Return what `set_float32_matmul_precision` was last told, "highest" at the start."""
    return _precision[0]


P = ParamSpec("P")
R = TypeVar("R")

KERNELS = ("numpy", "c")
VARIABLE = "TENSORGRAD_KERNELS"

ArrayFunction = Callable[..., Any]
COMPILER: list[Callable[[], Any]] = []
"""What gives the module whose `compiled` makes compiled forms, and whose `check` says whether it can: filled above."""

_chosen: list[str] = []
_settled: list[str] = []
_kernels: list[Kernel] = []
_settling = threading.RLock()


class Kernel:
    """A function of arrays of which there may be a compiled form.

    `run` is what this process computes with: `plain` itself where kernels are NumPy's, so that nothing stands between.
    It is known from the first call of any kernel on.

    Attributes:
        plain: the function, which the compiled form must equal within a few last places.
        each: whether it is one of each element of its first argument, whatever the shape of that is.
        sized: whether a form is for arguments of certain sizes; else it is for all.

    Without `compiles` there is none for it.
    """

    def __init__(self, plain: ArrayFunction, *, each: bool = False, sized: bool = False, compiles: bool = True) -> None:
        self.plain: Final = plain
        self.each: Final = each
        self.sized: Final = sized
        self.run: ArrayFunction = self._first if compiles else plain
        if not compiles:
            return
        with _settling:
            _kernels.append(self)
            if _settled:
                self.settle(_settled[0])

    def _first(self, *args: Any, **params: Any) -> Any:
        _settle()
        return self.run(*args, **params)

    def settle(self, kernels: str) -> None:
        """Let `run` be what the process computes with."""
        self.run = self.plain if kernels == "numpy" else COMPILER[0]().compiled(self)


def compilable(*, sized: bool = False) -> Callable[[Callable[P, R]], Callable[P, R]]:
    """Return a decorator for a function of arrays, the plain form, so that it computes by the kernel that it is."""

    def decorate(function: Callable[P, R]) -> Callable[P, R]:
        kernel = Kernel(function, sized=sized)

        @functools.wraps(function)
        def run(*args: P.args, **params: P.kwargs) -> R:
            found: R = kernel.run(*args, **params)
            return found

        return run

    return decorate


def registered() -> tuple[Kernel, ...]:
    """Return all kernels that may have a compiled form."""
    return tuple(_kernels)


def set_kernels(kernels: str) -> None:
    """Let eager operations compute by "numpy", which they do unless something is said, or by compiled code, "c".

    Compiled forms are made of the same functions of arrays, when they are first needed, for arrays that are large
    enough to pay; everything else, and what has no such form, stays as it is. Results differ in the last places. What
    is recorded, traced, drawn and captured is the same. The environment variable TENSORGRAD_KERNELS says it for a
    process from its start.

    Args:
        kernels: "numpy" or "c".

    Raises:
        ArgumentError: it is neither, or operations of this process have run with the other one.
        CompileError: there is no C compiler, or no safe folder for what it makes.

    >>> import tensorgrad as tg
    >>> tg.set_kernels("fortran")
    Traceback (most recent call last):
    tensorgrad.errors.ArgumentError: kernels must be 'numpy' or 'c', found 'fortran'
    """
    _check(kernels, "kernels")
    with _settling:
        if _settled and [kernels] != _settled:
            raise ArgumentError(
                f"kernels are {_settled[0]!r} in this process since its first operation: call set_kernels({kernels!r}) "
                f"before that, or start Python with {VARIABLE}={kernels}"
            )
        if kernels == "c":
            COMPILER[0]().check()
        _chosen[:] = [kernels]


def get_kernels() -> str:
    """Return what eager operations compute by, or will: "numpy" or "c".

    >>> import tensorgrad as tg
    >>> tg.get_kernels() in ("numpy", "c")
    True
    """
    if _settled or _chosen:
        return (_settled or _chosen)[0]
    return _check(from_environment(), f"the environment variable {VARIABLE}")


def from_environment() -> str:
    """Return what the environment asks for, unchecked; "numpy" where it is silent."""
    return os.environ.get(VARIABLE) or "numpy"


def _check(kernels: str, what: str) -> str:
    if kernels not in KERNELS:
        raise ArgumentError(f"{what} must be 'numpy' or 'c', found {kernels!r}")
    return kernels


def _settle() -> None:
    """Fix what kernels are, and let each have what it runs."""
    with _settling:
        if _settled:
            return
        kernels = get_kernels()
        if kernels == "c":
            COMPILER[0]().check()
        for kernel in _kernels:
            kernel.settle(kernels)
        _settled[:] = [kernels]  # now that all are: an interruption finds nothing half done


def _forked() -> None:
    """Let a child have a lock of its own: the one of its parent may be held by a thread that it does not have."""
    global _settling  # noqa: PLW0603 - it is one for the process
    _settling = threading.RLock()


if hasattr(os, "register_at_fork"):  # not on Windows
    os.register_at_fork(after_in_child=_forked)
