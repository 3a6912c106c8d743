"""What is asked of a function's gradients at one point: both modes, two orders, kinks, dtypes, the other library."""

from __future__ import annotations

import zlib
from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import Any

import numpy as np

from tensorgrad.base.dtypes import Array
from tensorgrad.engine.tensor import Tensor, wrap
from tensorgrad.errors import AutogradError
from tensorgrad.testing.checking import check
from tensorgrad.testing.gradcheck import gradgradcheck
from tensorgrad.testing.layouts import like
from tensorgrad.testing.report import GradcheckError, Report, failing, refused
from tensorgrad.testing.subject import tensors_of

from .beside import require_alike, swept
from .foreign import GradientDTypeError
from .fromtorch import FromTorch, Gradient
from .kinked import require_possible, require_steep
from .point import Point
from .tested import Tested

SINGLE = 4  # elements of an input that are moved alone, where a larger one also moves along one direction
TOGETHER = 16  # elements of all inputs that are, at most, but one of each: a module may have a hundred parameters
ON_KINKS = 16  # the same where there are kinks, which a direction finds one at a time
FEW = 2  # elements of all inputs together: what fails shrinks to these
CHECK = "gradients"
UNSEEN: dict[str, Any] = {"rtol": 1e-9, "atol": 1e-12}
"""What is forgiven a function of another library, whose rounding on the way nobody sees: less than float32 takes."""
_DETACHED = (
    "the second derivative, as backward leaves the graph without a word (mark it with once_differentiable, or make it "
    "of differentiable operations),"
)


class ElsewhereError(Exception):
    """The function has no finite value here: nothing can be said of its gradient."""


def is_small(test: Tested, point: Point) -> bool:
    """Return whether `point` is one that a failure shrinks to."""
    return sum(x.array.size for x in test.tensors(point).values()) <= FEW


def judged(test: Tested, point: Point, other: Tested | None = None, *, whole: bool = True) -> Report:
    """Return the report on the gradients of `test` at `point`, in the names of its parameters.

    Args:
        test: the function.
        point: its arguments.
        other: the same function on another library, which must give the same.
        whole: check second derivatives in full; otherwise at some points, by lot.

    Raises:
        GradcheckError: a gradient is wrong, or cannot be computed.
        ElsewhereError: the function has no finite value here, or refuses arrays without elements.
    """
    named = test.tensors(point)
    names, given = list(named), list(named.values())
    exact = [_exact(x) for x in given]
    forgiven: dict[str, Any] = {} if test.foreign is None else UNSEEN

    def fn(*xs: Tensor) -> Any:
        return test.run(point, xs)

    _require_values(fn, exact)
    try:
        if infinite := require_steep(fn, exact, names):
            return Report((), (f"{infinite}: the slope is infinite there, and no other was checked",))
        single = max(1, min(SINGLE, TOGETHER // max(len(exact), 1)))
        found = check(fn, exact, max_coordinates=single, directions=1, **forgiven)
        _require(found, names, test)
        if found.kinks:
            found = check(fn, exact, max_coordinates=ON_KINKS, **forgiven)
            _require(found, names, test)
            require_possible(fn, exact, names, found.kinks)
        else:
            found += _second(test, point, fn, exact, whole)
            _require(found, names, test)
            _require_dtypes(fn, exact, given, names)
            if other is not None:
                found += _compared(other, point, fn, exact, names)
    except GradcheckError:
        raise
    except GradientDTypeError as error:
        raise refused(CHECK, 0, str(error)) from error
    except Exception as error:
        raise failing(CHECK, 0, "the gradient", error) from error
    return found


def _exact(x: Tensor) -> Tensor:
    """Return `x` in float64, if it is of floats."""
    return _with(x, x.array.astype(np.float64)) if x.dtype.kind == "f" else x


def _with(x: Tensor, values: Array) -> Tensor:
    """Return a leaf of `values` in the place of `x`, which lies in memory as that does."""
    return wrap(like(values, x.array)).requires_grad_(x.requires_grad)


def _require_values(fn: Callable[..., Any], xs: Sequence[Tensor]) -> None:
    try:
        with np.errstate(all="ignore"):
            outputs = tensors_of(fn(*xs))
    except Exception as error:
        if any(not x.array.size for x in xs):
            raise ElsewhereError(f"it refuses an array without elements: {error}") from error
        raise
    if not all(np.isfinite(y.array).all() for y in outputs if y.dtype.kind in "fc"):
        raise ElsewhereError("its value is not finite")


def _require(report: Report, names: Sequence[str], test: Tested) -> None:
    """Raise about the first failure of `report`, which calls inputs by their names, and lines of the user's."""
    told = replace(
        report,
        comparisons=tuple(
            replace(c, input=names[c.input]) if isinstance(c.input, int) and c.input < len(names) else c
            for c in report.comparisons
            if c.verdict != "kink"
        ),
        through=report.through if test.has_lines else (),
        allow_undecided=True,
    )
    told.raise_if_not_passed()


def _second(test: Tested, point: Point, fn: Callable[..., Any], xs: list[Tensor], whole: bool) -> Report:
    """Return the report on second derivatives; on none, which says why, where there are none."""
    if test.foreign is None:
        over_reverse, over_forward = (None, None) if whole else _drawn_by_lot(xs)
        if over_reverse is over_forward is False:
            return Report(())
        how: dict[str, Any] = {
            "raise_exception": False,
            "atol": UNSEEN["atol"],  # a rule of the user's need not know complex numbers, which alone see so little
            "check_rev_over_rev": over_reverse is None,
            "check_fwd_over_rev": over_reverse,
            "check_over_fwd": over_forward,
        }
        report = gradgradcheck(fn, xs, fast_mode=True, **how)
        if report.failures:  # element by element they tell what they look like
            each = gradgradcheck(fn, xs, **how)
            report = each if each.failures else report
        if any(c.mode == "call" and "cannot be computed" in c.detail for c in report.comparisons):
            return Report((), (f"second derivatives: {report.comparisons[0].detail}",))
        return report
    if isinstance(test.foreign, FromTorch):
        return _second_of_torch(test.foreign, point, fn, xs)
    return Report((), ("second derivatives: a gradient in NumPy has none",))


def _second_of_torch(foreign: FromTorch, point: Point, fn: Callable[..., Any], xs: list[Tensor]) -> Report:
    random = np.random.default_rng(0)
    outputs = [y for y in tensors_of(fn(*xs)) if y.requires_grad]
    gs = [wrap(np.asarray(random.standard_normal(y.shape))).requires_grad_() for y in outputs]
    gradient = Gradient(foreign.call, len(xs))

    def derivative(*given: Tensor) -> Any:
        return gradient(point, given)

    try:
        found = check(derivative, [*xs, *gs], max_coordinates=0, check_forward=False, **UNSEEN)
        if found.failures:
            gradient.require_differentiable(point, [x.array for x in xs], [g.array for g in gs])
            each = check(derivative, [*xs, *gs], check_forward=False, **UNSEEN)
            found = each if each.failures else found
    except AutogradError as error:
        raise failing(CHECK, 0, _DETACHED, error) from error
    except RuntimeError as error:  # as once_differentiable and operations without a second derivative say it
        return Report((), (f"second derivatives: {error}",))
    named = [replace(c, mode="reverse over reverse" if c.mode == "reverse" else c.mode) for c in found.comparisons]
    return replace(found, comparisons=tuple(named))


def _drawn_by_lot(xs: Sequence[Tensor]) -> tuple[bool | None, bool | None]:
    """Return whether the derivatives of gradients, and those of tangents, are checked at `xs`: None is yes.

    They take most of the time. The numbers themselves are the lot, so that a point that failed fails again.
    """
    lot = zlib.crc32(b"".join(x.array.tobytes() for x in xs)) % 3
    return (None if lot == 0 else False), (None if lot == 1 else False)


def _require_dtypes(
    fn: Callable[..., Any], exact: Sequence[Tensor], given: Sequence[Tensor], names: Sequence[str]
) -> None:
    """Raise if the gradients in float32, or in the dtype that was drawn, are not those in float64."""
    narrow = [_with(x, x.array.astype(np.float32)) if x.dtype == np.float64 else x for x in given]
    try:
        with np.errstate(all="ignore"):
            outputs = tensors_of(fn(*narrow))
    except Exception:  # noqa: BLE001 - a function that was never meant for float32 may say so in any way
        return
    if not all(np.isfinite(y.array).all() for y in outputs if y.dtype.kind in "fc"):
        return
    wide = [_exact(x) for x in narrow]  # rounded, as what it is compared with
    moved = [_with(x, np.asarray(x.array * (1 + 1e-6))) if x.dtype.kind == "f" else x for x in wide]
    reach = [
        None if a is None or b is None else np.abs(a - b)
        for a, b in zip(swept(fn, wide)[1], swept(fn, moved)[1], strict=True)
    ]
    kind = min((x.dtype for x in narrow if x.dtype.kind == "f"), key=lambda d: d.itemsize)
    require_alike(
        swept(fn, narrow), swept(fn, wide), names, f"in {kind}", "in float64", 1e4 * float(np.finfo(kind).eps), reach
    )


def _compared(
    other: Tested, point: Point, fn: Callable[..., Any], xs: Sequence[Tensor], names: Sequence[str]
) -> Report:
    """Raise if the gradients on the other library are others; say so where it does not run there."""
    try:
        found = swept(lambda *given: other.run(point, given), xs)
    except Exception as error:  # noqa: BLE001 - it was not written for that library
        return Report((), (f"beside {other.library}: {type(error).__name__}: {error}",))
    require_alike(swept(fn, xs), found, names, "here", f"on {other.library}", 1e-6, None)
    return Report(())
