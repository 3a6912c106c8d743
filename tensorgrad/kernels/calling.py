"""Calling compiled forms: what is asked of each call, and what it is handed over to NumPy for.

The plain form is `Kernel.plain`. It answers for arrays that are small, that do not lie row by row, or are followed by a
watch; where there is no code; and wherever the processor tells of numbers of which NumPy may warn: so it does, or not.
"""

from __future__ import annotations

import ctypes
import logging
import os
import threading
import warnings
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from tensorgrad.base.dtypes import Array
from tensorgrad.base.numerics import address
from tensorgrad.base.switches import Kernel
from tensorgrad.compiled.toolchain import NO_COMPILER, build, compiler, folder
from tensorgrad.errors import CompileError

from .following import NAME, CForm, printed
from .sample import Kind, NoFormError, Slot, filled, slotted

log = logging.getLogger("tensorgrad.kernels")

LEAST = 2048
"""Elements of the first argument from which on a call of C, 5 microseconds, is less than those of NumPy."""

MOST = 32
"""Forms of one function: from then on, new ones are left to NumPy."""

Call = Callable[[Sequence[Array], Sequence[int]], Any]
"""A compiled form, given arrays and sizes: what the function returns, or `MISSED`."""
MISSED = object()
_building = threading.Lock()
_builder: list[int] = []  # the thread that has the lock


def _forked() -> None:
    """Let a child have a lock of its own: the one of its parent may be held by a thread that it does not have."""
    global _building  # noqa: PLW0603 - it is one for the process
    _building = threading.Lock()
    _builder.clear()


if hasattr(os, "register_at_fork"):  # not on Windows
    os.register_at_fork(after_in_child=_forked)


def check() -> None:
    """Raise unless code can be compiled here.

    Raises:
        CompileError: there is no compiler, or no safe folder for what it makes.
    """
    if compiler() is None:
        raise CompileError(f"kernels in C need a C compiler: {NO_COMPILER}; set_kernels('numpy') does without")
    folder()


def compiled(kernel: Kernel) -> Callable[..., Any]:
    """Return what computes as `kernel` does, by code where there is some."""
    return (_Each if kernel.each else _Whole)(kernel.plain)


class _Forms:
    """The compiled forms of a function, by what its code depends on; None where there is none."""

    def __init__(self, plain: Callable[..., Any]) -> None:
        self.plain = plain
        self.known: dict[Any, Call | None] = {}

    def made(self, key: Any, args: Any, params: dict[str, Any], kinds: Sequence[Kind]) -> Call | None:
        """Return the form for arguments with slots for arrays of these kinds, which has to be made.

        None where a signal or the garbage collector has interrupted the making of one, and where a setting has had
        too many values: each would be compiled for itself.
        """
        if _builder == [threading.get_ident()] or len(self.known) >= MOST:
            return self.known.get(key)
        with _building:
            _builder.append(threading.get_ident())
            try:
                if key not in self.known:
                    self.known[key] = self._new(args, params, kinds)
            finally:
                _builder.clear()
        return self.known[key]

    def _new(self, args: Any, params: dict[str, Any], kinds: Sequence[Kind]) -> Call | None:
        name = getattr(self.plain, "__qualname__", self.plain)
        try:
            return _built(printed(self.plain, args, params, kinds))
        except NoFormError as error:
            log.info("%s stays with NumPy: %s", name, error)
        except (CompileError, OSError) as error:
            warnings.warn(f"the kernel {name} stays with NumPy: {error}", stacklevel=2)
        return None


class _Each(_Forms):
    """Those of a function of each element of its first argument; the others are no arrays."""

    def __call__(self, x: Any, *args: Any, **params: Any) -> Any:
        if type(x) is not np.ndarray or x.size < LEAST or not x.flags.c_contiguous:
            return self.plain(x, *args, **params)
        if x.dtype.char not in "fd":
            return self.plain(x, *args, **params)
        try:
            key = x.dtype.char, args, _static(params)
        except NoFormError:
            return self.plain(x, *args, **params)
        form = self.known[key] if key in self.known else self._made(key, args, params)
        found: Any = MISSED if form is None else form((x.reshape(-1),), (x.size,))
        if found is MISSED:
            return self.plain(x, *args, **params)
        return tuple([_shaped(y, x.shape) if type(y) is np.ndarray else y for y in found])

    def _made(self, key: Any, args: Any, params: dict[str, Any]) -> Call | None:
        return self.made(key, (Slot(0), *args), params, [Kind(key[0], (0,), False)])


class _Whole(_Forms):
    """Those of any function, by the types, layouts and axes of its arguments, and by which of these are equal."""

    def __call__(self, *args: Any, **params: Any) -> Any:
        first = args[0]
        if type(first) is not np.ndarray or first.size < LEAST:
            return self.plain(*args, **params)
        arrays: list[Array] = []
        sizes: dict[int, int] = {}
        try:
            template = slotted(args, arrays)
            kinds = _kinds(arrays, sizes)
            key = template, _static(params), *kinds
        except NoFormError:
            return self.plain(*args, **params)
        form = self.known[key] if key in self.known else self.made(key, template, params, kinds)
        found = MISSED if form is None else form(arrays, tuple(sizes))
        return self.plain(*args, **params) if found is MISSED else found


def _static(params: dict[str, Any]) -> str:
    """Return parameters as a text, by which 0.0 and -0.0 differ, too."""
    arrays: list[Array] = []
    slotted(tuple(params.values()), arrays)
    if arrays:
        raise NoFormError("an array among the parameters")
    return repr(params)


def _kinds(arrays: Sequence[Array], sizes: dict[int, int]) -> list[Kind]:
    """Return of which kinds arrays are; `sizes` gets the number of each size."""
    kinds = []
    for a in arrays:
        whole = a.flags.c_contiguous
        if a.dtype.char not in "fd" or not a.size or not (whole or not any(a.strides)):
            raise NoFormError("arrays that do not lie row by row, or are not of floats")
        dims = tuple([None if n == 1 else sizes.setdefault(n, len(sizes)) for n in a.shape])
        kinds.append(Kind(a.dtype.char, dims, not whole))
    return kinds


def _built(form: CForm) -> Call:
    """Return what calls the code."""
    function = getattr(build(form.text), NAME)
    function.argtypes = (*[ctypes.c_int64] * form.sizes, *[ctypes.c_void_p] * (form.given + len(form.rooms)))
    function.restype = ctypes.c_int

    def call(arrays: Sequence[Array], sizes: Sequence[int]) -> Any:
        made = [np.empty(_shape(room.axes, sizes), room.dtype) for room in form.rooms]
        every = [*arrays, *made]
        if function(*sizes, *map(address, every)):
            return MISSED
        # one object for what is one: what a fused form saves beside its value is found by that
        shaped = {r: _shaped(every[r.number], _shape(r.axes, sizes)) for r in form.results}
        return filled(form.returned, [shaped[r] for r in form.results])

    return call


def _shaped(array: Array, shape: tuple[int, ...]) -> Array:
    return array if array.shape == shape else array.reshape(shape)


def _shape(axes: Sequence[tuple[int | None, ...]], sizes: Sequence[int]) -> tuple[int, ...]:
    shape = []
    for axis in axes:
        n = 1
        for d in axis:
            n *= 1 if d is None else sizes[d]
        shape.append(n)
    return tuple(shape)
