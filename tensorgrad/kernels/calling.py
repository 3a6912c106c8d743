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
from collections.abc import Callable, Iterable, Sequence
from typing import Any

import numpy as np

from tensorgrad.base.dtypes import Array
from tensorgrad.base.numerics import address
from tensorgrad.base.switches import Kernel
from tensorgrad.compiled.toolchain import NO_COMPILER, build, compiler, folder
from tensorgrad.errors import CompileError

from .following import HEAD, NAME, CForm, printed
from .sample import FLOATS, STATIC, Kind, NoFormError, Slot, filled, slotted

log = logging.getLogger("tensorgrad.kernels")

LEAST = 2048
"""Elements of the first argument from which on a call of C, 5 microseconds, is less than those of NumPy."""

MOST = 32
"""Forms of one function: from then on, new ones are left to NumPy."""

PLANS = 512
"""Calls that are remembered of one function, by the shapes of their arguments: then they are forgotten."""

_TYPES = {*FLOATS, np.dtype(np.int64)}

Plan = Callable[[tuple[Any, ...]], Any]
"""What computes by code, of arguments with arrays of the shapes that it was made for: what the function returns, or
`MISSED`."""
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
        CompileError: there is no compiler, or no safe folder for what it makes; or arrays are other objects here.
    """
    if compiler() is None:
        raise CompileError(f"kernels in C need a C compiler: {NO_COMPILER}; set_kernels('numpy') does without")
    folder()
    array = np.empty(1)
    if (ctypes.c_void_p * (HEAD + 1)).from_address(id(array))[HEAD] != address(array):
        raise CompileError("kernels in C need arrays as CPython has them: set_kernels('numpy') does without")


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
        return self.remembered(shapes, key, None if code is None else code.plan((Slot(0),), (x.size,), x.shape))


class _Whole(_Forms):
    """Those of any function, by the types, layouts and axes of its arguments, and by which of these are equal."""

    sized = False

    def __call__(self, *args: Any, **params: Any) -> Any:
        first = args[0]
        if type(first) is not np.ndarray or first.size < LEAST:
            return self.plain(*args, **params)
        noted: list[Any] = []
        try:
            for x in args:
                if type(x) is np.ndarray:
                    noted += (x.dtype, x.shape, x.strides)
                elif type(x) is tuple:
                    noted.append(len(x))
                    _note(x, noted)
                else:
                    _note((x,), noted)
            for word, x in params.items() if params else ():
                if x is None or x.__class__ is bool or x.__class__ is int:
                    noted += (word, x.__class__, x)
                else:
                    noted.append(word)
                    _note((x,), noted, arrays=False)
            shapes = tuple(noted)
            plan = self.plans.get(shapes, _UNKNOWN)
            if plan is _UNKNOWN:
                plan = self._planned(shapes, args, params)
        except NoFormError:
            return self.plain(*args, **params)
        found = MISSED if plan is None else plan(args)
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
        return self.remembered(shapes, key, None if code is None else code.plan(template, () if only else tuple(sizes)))


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


def _note(args: Iterable[Any], noted: list[Any], arrays: bool = True) -> None:
    """Add to `noted` what a plan depends on of arguments, in order.

    Raises:
        NoFormError: there is something that code cannot depend on, as it cannot where there may be no `arrays`.
    """
    for x in args:
        kind = type(x)
        if kind is np.ndarray and arrays:
            noted += (x.dtype, x.shape, x.strides)
        elif kind in STATIC:
            # by their texts 0.0 and -0.0 differ, and NaN is what it is
            noted += (kind, repr(x) if kind is float and (not x or x != x) else x)  # noqa: PLR0124
        elif kind is tuple:
            noted.append(len(x))
            _note(x, noted, arrays)
        else:
            raise NoFormError(f"arguments of type {kind.__name__}")


def _static(params: dict[str, Any]) -> list[Any]:
    """Return what a plan depends on of parameters, none of them an array.

    Raises:
        NoFormError: there is something that code cannot depend on.
    """
    noted: list[Any] = [*params]
    _note(params.values(), noted, arrays=False)
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

    def plan(self, template: Any, sizes: Sequence[int], shape: tuple[int, ...] | None = None) -> Plan:
        """Return what calls it with these sizes, for arguments as in `template`; with `shape`, results have this one.

        It is one expression, made of this module's own names: a call of it has no loops, and asks for nothing twice.
        """
        form = self.form
        shapes = [_shape(room.axes, sizes) if shape is None else shape for room in form.rooms]
        lengths = [_shape(r.axes, sizes) if shape is None else shape for r in form.results]
        names: dict[str, Any] = {"function": self.function, "empty": np.empty, "missed": MISSED, "shaped": _shaped}
        places = _places(template, "args")
        made, firsts = [], []
        for i, (room, size) in enumerate(zip(form.rooms, shapes, strict=True)):
            # of the shape in which it is given out
            first = next((n for r, n in zip(form.results, lengths, strict=True) if r.number == form.given + i), size)
            firsts.append(first)
            names |= {f"shape{i}": first, f"dtype{i}": np.dtype(room.dtype)}
            made.append(f"(room{i} := empty(shape{i}, dtype{i}))")
        arrays = [*places, *(f"room{i}" for i in range(len(made)))]
        # one object for what is one: what a fused form saves beside its value is found by that
        distinct = list(dict.fromkeys(form.results))
        results = []
        for i, result in enumerate(distinct):
            names[f"lengths{i}"] = length = lengths[form.results.index(result)]
            array, made_as = arrays[result.number], result.number - form.given
            fits = made_as >= 0 and firsts[made_as] == length
            shaped = array if fits else f"shaped({array}, lengths{i})"
            results.append(f"found{i} := " + (f"{array}[()]" if result.scalar else shaped))
        value = _written(filled(form.returned, [Slot(distinct.index(r)) for r in form.results]), names)
        called = ", ".join([*map(str, sizes), *(f"id({x})" for x in [*places, *made])])
        plan: Plan = eval(  # noqa: S307
            f"lambda args: missed if function({called}) else ({', '.join(results)}, {value})[-1]", names
        )
        return plan


def _places(value: Any, where: str) -> list[str]:
    """Return where the arrays of a template stand, by their numbers."""
    if type(value) is Slot:
        return [where]
    if type(value) is tuple:
        return [place for i, x in enumerate(value) for place in _places(x, f"{where}[{i}]")]
    return []


def _written(value: Any, names: dict[str, Any]) -> str:
    """Return an expression for a value with slots for what was found, and `names` for what else stands in it."""
    if type(value) is Slot:
        return f"found{value.number}"
    if type(value) is tuple:
        return f"({''.join(f'{_written(x, names)}, ' for x in value)})"
    names[f"constant{len(names)}"] = value
    return f"constant{len(names) - 1}"


def _shaped(array: Array, lengths: tuple[int, ...]) -> Array:
    """Return an array of these lengths: itself, if it has them."""
    return array if array.shape == lengths else array.reshape(lengths)


def _shape(axes: Sequence[tuple[int | None, ...]], sizes: Sequence[int]) -> tuple[int, ...]:
    """Return a shape; where there are no sizes, the axes say themselves how long they are."""
    return tuple([math.prod([1 if d is None else sizes[d] if sizes else d for d in axis]) for axis in axes])
