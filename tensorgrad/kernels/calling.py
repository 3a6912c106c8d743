"""Calling compiled forms: what is asked of each call, and what it is handed over to NumPy for.

The plain form is `Kernel.plain`. It answers for arrays that are small, that do not lie row by row, or are followed by a
watch; where there is no code; and wherever the processor tells of numbers of which NumPy may warn: so it does, or not.
"""

from __future__ import annotations

import ctypes
import logging
import math
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
from .sample import FLOATS, STATIC, Kind, NoFormError, Slot, filled, slotted

log = logging.getLogger("tensorgrad.kernels")

LEAST = 2048
"""Elements of the first argument from which on a call of C, 5 microseconds, is less than those of NumPy."""

MOST = 32
"""Forms of one function: from then on, new ones are left to NumPy."""

PLANS = 512
"""Calls that are remembered of one function, by the shapes of their arguments: then they are forgotten."""

_TYPES = {*FLOATS, np.dtype(np.int64)}

Plan = Callable[[Sequence[Array]], Any]
"""What computes by code, of arrays of the shapes that it was made for: what the function returns, or `MISSED`."""
MISSED = object()
_UNKNOWN: Any = object()  # of a call that no plan has been made for
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
    return (_Each if kernel.each else _Sized if kernel.sized else _Whole)(kernel.plain)


class _Forms:
    """The compiled forms of a function, by what its code depends on, None where there is none; and plans, by shapes."""

    def __init__(self, plain: Callable[..., Any]) -> None:
        self.plain = plain
        self.known: dict[Any, Code | None] = {}
        self.plans: dict[Any, Plan | None] = {}

    def made(
        self, key: Any, args: Any, params: dict[str, Any], kinds: Sequence[Kind], only: tuple[int, ...] = ()
    ) -> Code | None:
        """Return the form for arguments with slots for arrays of these kinds, which has to be made.

        It is for all sizes, or `only` for some.

        None where a signal or the garbage collector has interrupted the making of one, and where a setting has had
        too many values: each would be compiled for itself.
        """
        if key in self.known or _builder == [threading.get_ident()] or len(self.known) >= MOST:
            return self.known.get(key)
        with _building:
            _builder.append(threading.get_ident())
            try:
                if key not in self.known:
                    self.known[key] = self._new(args, params, kinds, only)
            finally:
                _builder.clear()
        return self.known[key]

    def _new(self, args: Any, params: dict[str, Any], kinds: Sequence[Kind], only: tuple[int, ...]) -> Code | None:
        name = getattr(self.plain, "__qualname__", self.plain)
        try:
            return Code(printed(self.plain, args, params, kinds, only))
        except NoFormError as error:
            log.info("%s stays with NumPy: %s", name, error)
        except (CompileError, OSError) as error:
            warnings.warn(f"the kernel {name} stays with NumPy: {error}", stacklevel=2)
        return None

    def remembered(self, shapes: Any, key: Any, plan: Plan | None) -> Plan | None:
        """Return a plan, for the arguments of all shapes in `shapes`; it is kept where `key` has been decided."""
        return self.kept(shapes, plan) if key in self.known else plan

    def kept(self, shapes: Any, plan: Plan | None) -> Plan | None:
        """Return a plan, which is kept."""
        if len(self.plans) >= PLANS:
            self.plans.clear()
        self.plans[shapes] = plan
        return plan


class _Each(_Forms):
    """Those of a function of each element of its first argument; the others are no arrays."""

    def __call__(self, x: Any, *args: Any, **params: Any) -> Any:
        if type(x) is not np.ndarray or x.size < LEAST or not x.flags.c_contiguous:
            return self.plain(x, *args, **params)
        try:
            shapes = x.shape, x.dtype, args, *(_static(params) if params else ())
            plan = self.plans.get(shapes, _UNKNOWN)
            if plan is _UNKNOWN:
                plan = self._planned(shapes, x, args, params)
        except NoFormError:
            return self.plain(x, *args, **params)
        found = MISSED if plan is None else plan((x,))
        return self.plain(x, *args, **params) if found is MISSED else found

    def _planned(self, shapes: Any, x: Array, args: Any, params: dict[str, Any]) -> Plan | None:
        if x.dtype not in FLOATS:
            return None
        key, kind = shapes[1:], Kind(x.dtype.char, (0,), False)
        code = self.made(key, (Slot(0), *args), params, [kind])
        return self.remembered(shapes, key, None if code is None else code.plan((x.size,), x.shape))


class _Whole(_Forms):
    """Those of any function, by the types, layouts and axes of its arguments, and by which of these are equal."""

    sized = False

    def __call__(self, *args: Any, **params: Any) -> Any:
        first = args[0]
        if type(first) is not np.ndarray or first.size < LEAST:
            return self.plain(*args, **params)
        arrays: list[Array] = []
        noted: list[Any] = []
        try:
            _note(args, arrays, noted)
            if params:
                noted += _static(params)
            shapes = tuple(noted)
            plan = self.plans.get(shapes, _UNKNOWN)
            if plan is _UNKNOWN:
                plan = self._planned(shapes, args, params)
        except NoFormError:
            return self.plain(*args, **params)
        found = MISSED if plan is None else plan(arrays)
        return self.plain(*args, **params) if found is MISSED else found

    def _planned(self, shapes: Any, args: Any, params: dict[str, Any]) -> Plan | None:
        arrays: list[Array] = []
        sizes: dict[int, int] = {}
        template = slotted(args, arrays)
        try:
            kinds = _kinds(arrays, sizes)
        except NoFormError:
            return self.kept(shapes, None)
        only = tuple(sizes) if self.sized else ()
        key = template, only, *_static(params), *kinds
        code = self.made(key, template, params, kinds, only)
        return self.remembered(shapes, key, None if code is None else code.plan(() if only else tuple(sizes)))


class _Sized(_Whole):
    """Those of a function whose code is for certain sizes: for these that are met a second time."""

    sized = True

    def __init__(self, plain: Callable[..., Any]) -> None:
        super().__init__(plain)
        self.met: set[Any] = set()

    def _planned(self, shapes: Any, args: Any, params: dict[str, Any]) -> Plan | None:
        if shapes in self.met:
            return super()._planned(shapes, args, params)
        if len(self.met) < PLANS:
            self.met.add(shapes)
        return None


def _note(args: tuple[Any, ...], arrays: list[Array], noted: list[Any]) -> None:
    """Add all arrays among arguments to `arrays`, and what a plan depends on to `noted`, in order.

    Raises:
        NoFormError: there is something that code cannot depend on.
    """
    for x in args:
        kind = type(x)
        if kind is np.ndarray:
            arrays.append(x)
            noted += (x.dtype, x.shape, x.strides)
        elif kind is tuple:
            noted.append(len(x))
            _note(x, arrays, noted)
        elif kind in STATIC:
            noted += (kind, repr(x) if kind is float else x)  # by which 0.0 and -0.0 differ
        else:
            raise NoFormError(f"arguments of type {kind.__name__}")


def _static(params: dict[str, Any]) -> list[Any]:
    """Return what a plan depends on of parameters.

    Raises:
        NoFormError: there is an array among them, or something else that code cannot depend on.
    """
    arrays: list[Array] = []
    noted: list[Any] = [*params]
    _note(tuple(params.values()), arrays, noted)
    if arrays:
        raise NoFormError("an array among the parameters")
    return noted


def _kinds(arrays: Sequence[Array], sizes: dict[int, int]) -> list[Kind]:
    """Return of which kinds arrays are; `sizes` gets the number of each size."""
    kinds = []
    for a in arrays:
        whole = a.flags.c_contiguous
        if a.dtype not in _TYPES or not a.size or not (whole or not any(a.strides)):
            raise NoFormError("arrays that do not lie row by row, or are neither of floats nor positions")
        dims = tuple([None if n == 1 else sizes.setdefault(n, len(sizes)) for n in a.shape])
        kinds.append(Kind(a.dtype.char, dims, not whole))
    return kinds


class Code:
    """A form that is compiled and loaded."""

    def __init__(self, form: CForm) -> None:
        self.form = form
        self.function = getattr(build(form.text), NAME)
        pointers = form.given + len(form.rooms)
        self.function.argtypes = (*[ctypes.c_int64] * form.sizes, *[ctypes.c_void_p] * pointers)
        self.function.restype = ctypes.c_int

    def plan(self, sizes: Sequence[int], shape: tuple[int, ...] | None = None) -> Plan:
        """Return what calls it with these sizes; with `shape`, all that is made has this one."""
        form, function, empty = self.form, self.function, np.empty
        rooms = [(_shape(room.axes, sizes) if shape is None else shape, np.dtype(room.dtype)) for room in form.rooms]
        # one object for what is one: what a fused form saves beside its value is found by that
        distinct = list(dict.fromkeys(form.results))
        returned = _giving(filled(form.returned, [Slot(distinct.index(r)) for r in form.results]))
        ways = [(r.number, r.scalar, _shape(r.axes, sizes) if shape is None else shape) for r in distinct]

        def plan(arrays: Sequence[Array]) -> Any:
            every = [*arrays, *[empty(*room) for room in rooms]]
            if function(*sizes, *_addresses(every)):
                return MISSED
            found = []
            for number, scalar, lengths in ways:
                y = every[number]
                found.append(y[()] if scalar else y if y.shape == lengths else y.reshape(lengths))
            return returned(found)

        return plan


def _giving(value: Any) -> Callable[[Sequence[Any]], Any]:
    """Return what `filled` does with a value, as one function made of it: a call of it has no loops."""
    numbers: list[Any] = []

    def text(part: Any) -> str:
        if type(part) is Slot:
            return f"found[{part.number}]"
        if type(part) is tuple:
            return f"({''.join(f'{text(x)}, ' for x in part)})"
        numbers.append(part)
        return f"numbers[{len(numbers) - 1}]"

    made: Callable[[Sequence[Any]], Any] = eval(f"lambda found: {text(value)}", {"numbers": numbers})  # noqa: S307 - made of this module's own names
    return made


def _addresses(arrays: Sequence[Any]) -> list[int]:
    """Return where arrays begin: what `address` finds, without a call or an error for each."""
    try:
        return [
            ctypes.addressof(ctypes.c_char.from_buffer(a)) if a.flags.writeable else a.__array_interface__["data"][0]
            for a in arrays
        ]
    except (TypeError, ValueError, BufferError):  # of nothing, or of one element in all places
        return [address(a) for a in arrays]


def _shape(axes: Sequence[tuple[int | None, ...]], sizes: Sequence[int]) -> tuple[int, ...]:
    """Return a shape; where there are no sizes, the axes say themselves how long they are."""
    return tuple([math.prod([1 if d is None else sizes[d] if sizes else d for d in axis]) for axis in axes])
