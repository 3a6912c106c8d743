"""Each operation as C on the values that are special: what NumPy has, or as near as is said here."""

from __future__ import annotations

import itertools
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

from tensorgrad.compiled import toolchain
from tensorgrad.compiled.undo import Journal
from tensorgrad.program import cspelling
from tensorgrad.program.blas import products
from tensorgrad.program.cplan import CPlan
from tensorgrad.program.cvalues import TYPES, Unspoken
from tensorgrad.program.numpyplan import Deviation

from .randomcalls import Held, recorded

pytestmark = pytest.mark.skipif(toolchain.compiler() is None, reason="no C compiler here")

NAMES = sorted({*cspelling._FLOATING, *cspelling._WHOLE, *cspelling._TRUTHS})
ROUNDED = {
    "exp", "exp2", "expm1", "log", "log2", "log10", "log1p", "cbrt", "sin", "cos", "tan", "arcsin", "arccos", "arctan",
    "arctan2", "hypot", "sinh", "cosh", "tanh", "arcsinh", "arccosh", "arctanh", "power", "float_power",
    "logaddexp", "logaddexp2",
}  # fmt: skip
"""Whose last bits are nobody's: NumPy's own differ between processors."""
ULPS = 4  # of NumPy's result, which is itself so near as that
ZEROS = {"fmax", "fmin"}  # which zero of two NumPy returns depends on where they stand


def special(dtype: str) -> Any:
    """Return values of a dtype at which something may go wrong."""
    kind = np.dtype(dtype)
    if kind.kind == "b":
        return np.array([True, False, True])
    if kind.kind in "iu":
        info = np.iinfo(kind)
        found = {
            info.min,
            info.min + 1,
            info.max,
            info.max - 1,
            0,
            1,
            2,
            3,
            7,
            100,
            *(() if info.min == 0 else (-1, -5)),
        }
        return np.array(sorted(found), kind)
    limits = np.finfo(kind)
    some = [0.0, 1.0, 0.5, 1.5, 2.5, 3.0, 0.1, 1e-3, 1e10, 88.0, 89.0, 104.0, 709.0, 746.0, 2.0**23, 2.0**52, np.inf]
    some += [float(limits.smallest_subnormal), float(limits.tiny), float(limits.max), float(limits.eps), 1 - 2.0**-24]
    with np.errstate(all="ignore"):
        return np.array([np.nan, *some, *(-x for x in some)], kind)


def numbers(x: Any, dtype: Any) -> Any:
    """Return floats as integers in their order, so that neighbours differ by one."""
    whole = np.asarray(x, dtype).view(f"i{np.dtype(dtype).itemsize}").astype(object)
    least = -(2 ** (8 * np.dtype(dtype).itemsize - 1))
    return np.where(whole < 0, least - whole, whole)


def check(name: str, found: Any, right: Any, ulps: int = 0) -> None:
    """Assert that an array is another one: NaN where that is, the same zeros, or so many neighbours away."""
    assert (found.shape, found.dtype) == (right.shape, right.dtype), name
    if right.dtype.kind != "f":
        assert (found == right).all(), (name, found, right)
        return
    nan = np.isnan(right)
    assert (np.isnan(found) == nan).all(), (name, found, right)
    if name in ZEROS:
        assert (found[~nan] == right[~nan]).all(), (name, found, right)
        return
    away = np.abs(numbers(found[~nan], right.dtype) - numbers(right[~nan], right.dtype))
    assert away.max(initial=0) <= ulps, (name, right.dtype, away.max(), found[~nan][away.argmax()])


def both(function: Callable[..., Any], arrays: list[Any], again: list[Any] | None = None) -> tuple[Any, Any, CPlan]:
    """Return what a function gives as C and as it is, of `again`, and the plan, which was recorded of `arrays`."""
    plan = CPlan(recorded(function, [a.copy() for a in arrays]), toolchain.build, products())
    mine, theirs = ([a.copy() for a in again or arrays] for _ in range(2))
    with np.errstate(all="ignore"):
        found, right = plan.run([Held(a) for a in mine], Journal()), function(*theirs)
    return found, right, plan


def deviates(plan: CPlan, arrays: list[Any]) -> None:
    """Assert that a run is given up, while all can still be undone, and leaves its arrays as they are."""
    journal, mine = Journal(), [a.copy() if a.flags.aligned else a for a in arrays]
    for a, m in zip(arrays, mine, strict=True):
        m.flags.writeable = a.flags.writeable
    with pytest.raises(Deviation), np.errstate(all="ignore"):
        plan.run([Held(m) for m in mine], journal)
    assert not journal.settled
    journal.undo()
    assert all(a.tobytes() == m.tobytes() for a, m in zip(arrays, mine, strict=True))


def spoken(dtype: str) -> list[Any]:
    """Return the ufuncs that are C for a dtype, and `clip`, which is one inside of NumPy."""
    found = []
    for name in NAMES:
        try:
            cspelling.spelled(name, dtype)
        except Unspoken:
            continue
        found.append(getattr(np, name))
    return found


def given(ufunc: Any, x: Any) -> list[Any]:
    """Return arguments for a ufunc: each value with each other one."""
    if ufunc is np.clip:
        return [x[:, None, None], x[:, None], x]
    return [x[:, None], x][: ufunc.nin] if ufunc.nin == 2 else [x[::-1]]


@pytest.mark.parametrize("dtype", TYPES)
def test_every_ufunc(dtype: str) -> None:
    ufuncs = spoken(dtype)

    def all_of(x: Any) -> list[Any]:
        found = []
        for ufunc in ufuncs:
            try:
                found.append(ufunc(*given(ufunc, x)))
            except TypeError:
                assert dtype[0] != "f"
                found.append(np.zeros(1) + 0)
        return found

    x = special(dtype)
    found, right, plan = both(all_of, [x])
    for ufunc, a, b in zip(ufuncs, found, right, strict=True):
        check(ufunc.__name__, a, b, ULPS if ufunc.__name__ in ROUNDED else 0)
    if dtype[0] == "f":
        assert not [u for u in ufuncs if f" {u.__name__}(" in plan.text], plan.text


@pytest.mark.parametrize("dtype", TYPES)
def test_numbers_of_python_and_of_numpy(dtype: str) -> None:
    def all_of(x: Any) -> list[Any]:
        found = [
            np.equal(x, 2),
            np.where(x > 1, x, 0),
            x * np.float32(0.1),
            x < np.float64(1.5),
            x == 300,
            x > -(2**40),
        ]
        return found if dtype == "b1" else [*found, x + 1, np.maximum(x, 1), x * True]

    found, right, _ = both(all_of, [special(dtype)])
    for i, (a, b) in enumerate(zip(found, right, strict=True)):
        check(str(i), a, b)


@pytest.mark.parametrize(("a", "b"), list(itertools.combinations(["f4", "f8", "i8", "u8", "i4", "u4", "i1", "b1"], 2)))
def test_two_dtypes(a: str, b: str) -> None:
    def all_of(x: Any, y: Any) -> list[Any]:
        x, y = x[:, None], y[::-1]
        named = np.less, np.equal, np.add, np.multiply, np.maximum, np.divide, np.logical_and
        return [*(f(x, y) for f in named), np.where(y > 0, x, y)]

    found, right, _ = both(all_of, [special(a), special(b)])
    for i, (one, other) in enumerate(zip(found, right, strict=True)):
        check(str(i), one, other)


@pytest.mark.parametrize("dtype", TYPES)
def test_casts(dtype: str) -> None:
    def all_of(x: Any) -> list[Any]:
        found = [x.astype(t) for t in TYPES]
        for made in found[:]:
            into = made.copy()
            into[::2] = x[:1]
            into[1::2] = True
            found.append(into)
        return found

    found, right, _ = both(all_of, [special(dtype)])
    for a, b in zip(found, right, strict=True):
        check(f"{dtype} to {b.dtype}", a, b)


FOLDS: list[np.ufunc] = [np.add, np.multiply, np.maximum, np.minimum, np.logical_or, np.logical_and]


@pytest.mark.parametrize("dtype", ["f4", "f8", "i8", "i1", "u4", "b1"])
def test_every_fold(dtype: str) -> None:
    def all_of(x: Any) -> list[Any]:
        axes = [None, 0, (0, 2), (1, 2), ()]
        return [
            f.reduce(part, axis=axis, keepdims=part is x) for f in FOLDS for part in (x, x[:, ::-2].T) for axis in axes
        ]

    values = special(dtype)
    rng = np.random.default_rng(0)
    whole = values[rng.integers(len(values), size=(5, 3, 600))]
    if dtype[0] == "f":
        whole[:, 1] = rng.standard_normal((5, 600))
        whole[0, 0] = np.where(np.isnan(whole[0, 0]), 1, whole[0, 0])
    found, right, _ = both(all_of, [whole])
    for a, b in zip(found, right, strict=True):
        if b.dtype.kind == "f":
            finite = np.isfinite(b) & (np.abs(b) < 1e30)
            np.testing.assert_allclose(a[finite], b[finite], rtol=1e-5, atol=1e-3)
        else:
            check("fold", a, b)


def test_the_greatest_and_the_least_are_nan_where_one_is() -> None:
    x = np.zeros((4, 300), np.float32)
    x[1, 7], x[2, 299], x[3] = np.nan, -np.inf, np.nan
    found, right, _ = both(lambda x: [x.max(1), x.min(1), x.max(0), x.min(0), x.max(), x[2].min()], [x])
    for a, b in zip(found, right, strict=True):
        check("max", a, b)


@pytest.mark.parametrize("shape", [(), (0,), (3, 0), (1, 1)])
def test_small_shapes(shape: tuple[int, ...]) -> None:
    def all_of(x: Any) -> list[Any]:
        y = np.exp(x * 2 + x) + 1
        return [y, y.sum(), y.sum(axis=-1) if y.ndim else y + 0, np.where(y > 1, y, 0), np.float32(3) * y.any()]

    found, right, _ = both(all_of, [np.ones(shape, np.float32)])
    for a, b in zip(found, right, strict=True):
        check(str(shape), a, np.asarray(b), 1)


def test_views_that_overlap_are_written_as_numpy_writes_them() -> None:
    def all_of(x: Any) -> list[Any]:
        x[1:] = x[:-1] * 2
        x[:-1] = x[1:]
        x += x[::-1]
        np.multiply(x[:4], x[2:6], out=x[1:5])
        x.reshape(4, 2).T[...] = x.reshape(2, 4)
        return [x * 1]

    x = np.arange(8, dtype=np.float32)
    found, right, _ = both(all_of, [x])
    check("overlapping", found[0], right[0])


def test_an_index_out_of_range_is_a_deviation_and_changes_nothing() -> None:
    def get(x: Any, i: Any) -> list[Any]:
        return [x[i, i]]

    def put(x: Any, i: Any) -> list[Any]:
        x[i, i] = 7
        return [x * 2]

    x = np.arange(12, dtype=np.float32).reshape(3, 4)
    good = np.array([0, -3, 2, 2])
    for function in (get, put):
        found, right, plan = both(function, [x, good], [x, good[::-1]])
        check("found", found[0], right[0])
        for bad in (3, -4, 2**62, -(2**63)):
            deviates(plan, [x, np.array([0, 1, 2, bad])])


def test_a_check_that_comes_out_otherwise_is_a_deviation() -> None:
    def function(x: Any) -> list[Any]:
        return [x * 2 if (x > 0).all() else x * 3]

    x = np.ones(5, np.float32)
    _, _, plan = both(function, [x])
    deviates(plan, [-x])


def doubled(x: Any) -> list[Any]:
    x *= 2
    return [x + 1]


def test_memory_that_c_cannot_reach_or_may_not_write_is_a_deviation() -> None:
    x = np.ones(4, np.float32)
    plan = both(doubled, [x])[2]
    crooked = np.zeros(17, np.uint8)[1:].view(np.float32)
    fixed = x.copy()
    fixed.flags.writeable = False
    for bad in (crooked, fixed):
        deviates(plan, [bad])


def divided(x: Any, y: Any) -> list[Any]:
    y += 1
    with np.errstate(all="warn"):
        found = [x / y, np.exp(x), x == y, np.isfinite(x), np.isfinite(y), np.isnan(y)]
    y += 1
    return found


def test_what_numpy_would_warn_of_is_a_deviation() -> None:
    x = np.ones(4, np.float32)
    plan = both(divided, [x, x])[2]
    plan.run([Held(x), Held(x * np.nan)], Journal())
    deviates(plan, [x, -x])
    deviates(plan, [x * 1000, x])
    deviates(plan, [x * np.inf, x * np.inf])
