"""Compiled forms of kernels: each equals the function that it was made of, in this process and in others."""

from __future__ import annotations

import inspect
import math
import multiprocessing
import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given, strategies as st

import tensorgrad as tg
from tensorgrad import kernels
from tensorgrad.base import switches
from tensorgrad.base.numerics import column_sums
from tensorgrad.base.switches import Kernel
from tensorgrad.compiled import toolchain
from tensorgrad.errors import ArgumentError, CompileError
from tensorgrad.kernels import calling
from tensorgrad.nn.functional import kernels as nn_kernels
from tensorgrad.ops import rowwise, special, windows  # noqa: F401 - the last two have kernels, and load when asked for

needs_compiler = pytest.mark.skipif(toolchain.compiler() is None, reason="no C compiler here")

# How far a compiled form may be from the function, in units of the last place of the largest of what is added in it:
# the value itself, or for a slope 1. NumPy's exponential alone is right to 2.5 of its last places.
LIMIT = 8
# The same of sums, in units of the last place of the largest result, or of 1, which the numbers that are added have.
SUMMED = 32

# The parameters of the functions of each element that have some.
PARAMETERS: dict[str, dict[str, float]] = {
    "leaky_relu": {"negative_slope": 0.01}, "elu": {"alpha": 1.5}, "softplus": {"threshold": 20.0},
}  # fmt: skip
EACH = [kernel for kernel in switches.registered() if kernel.each]
SLOPED = [kernel for kernel in EACH if "slope" in inspect.signature(kernel.plain).parameters]
SPECIAL = [
    *(0.0, -0.0, np.inf, -np.inf, np.nan, 1e-40, -1e-40, 1e-310, 1.0, -3.0, 3.0, 20.0, 88.0, -104.0, 710.0, -745.0),
    *(1e30, -1e30, 3.4e38, -3.4e38, 1.7e308, -1.7e308),
]


def name_of(kernel: Kernel) -> str:
    return str(kernel.plain.__name__)


@pytest.fixture(autouse=True)
def _however_small(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(calling, "LEAST", 0)


def test_the_functions_with_parameters_are_known() -> None:
    assert set(PARAMETERS) <= set(map(name_of, EACH))
    assert len(SLOPED) >= 9
    assert len(EACH) >= len(SLOPED) + 2


def assert_near(found: Any, wanted: Any, unit: float = 0.0) -> None:
    """Assert that arrays are equal to within the limit; where the function has no number, nor has the form."""
    assert found.shape == wanted.shape
    assert found.dtype == wanted.dtype
    known = np.isfinite(wanted)
    np.testing.assert_array_equal(found[~known], wanted[~known])
    limits = np.finfo(wanted.dtype)
    size = np.maximum(np.abs(wanted[known]), unit)
    assert (np.abs(found[known] - wanted[known]) <= LIMIT * (size * limits.eps + limits.smallest_subnormal)).all()


def numbers(dtype: str, count: int, seed: int = 0) -> Any:
    rng = np.random.default_rng(seed)
    return (rng.standard_normal(count) * 10 ** rng.uniform(-6, 1.3, count)).astype(dtype)


def results(function: Any, kernel: Kernel, x: Any, params: dict[str, float]) -> list[Any]:
    """Return the value, and the slope of what gives one, by `function`: the form, or the kernel itself."""
    return list(function(x, True, **params)) if kernel in SLOPED else [function(x, **params)]


def form_of(kernel: Kernel) -> tuple[Any, dict[str, float]]:
    return kernels.compiled(kernel), PARAMETERS.get(name_of(kernel), {})


@needs_compiler
@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("kernel", EACH, ids=name_of)
def test_a_function_of_each_element_has_a_form_that_equals_it(kernel: Kernel, dtype: str) -> None:
    form, params = form_of(kernel)
    for shape in ((4001,), (1,), (), (0,), (3, 0), (7, 11, 13)):
        x = numbers(dtype, int(np.prod(shape))).reshape(shape)
        found, wanted = (results(f, kernel, x, params) for f in (form, kernel.plain))
        for a, b, unit in zip(found, wanted, (0.0, 1.0), strict=False):
            assert_near(a, np.asarray(b), unit)
        assert len(found) == len(wanted)
        if kernel in SLOPED:
            alone, nothing = form(x, False, **params)
            assert_near(alone, np.asarray(wanted[0]))
            assert nothing is None
    assert set(map(type, form.known.values())) != {type(None)}, "nothing was compiled"


# NumPy 2.0 gives 0 for it.
MINUS_ZERO_STAYS = bool(np.signbit(np.clip(np.full(33, -0.0), 0.0, np.inf)).all())


@needs_compiler
@pytest.mark.filterwarnings("ignore::RuntimeWarning")
@pytest.mark.parametrize("kernel", EACH, ids=name_of)
def test_what_is_no_ordinary_number_has_the_value_that_the_function_gives(kernel: Kernel) -> None:
    form, params = form_of(kernel)
    for dtype in ("float32", "float64"):
        for value in SPECIAL:
            x = np.full(33, value).astype(dtype)
            both = (results(f, kernel, x, params) for f in (form, kernel.plain))
            for found, wanted in zip(*both, strict=True):
                assert_near(found, wanted, 1.0)
                if value != 0 or MINUS_ZERO_STAYS:
                    known = ~np.isnan(wanted)  # NaN has no sign
                    np.testing.assert_array_equal(np.signbit(found[known]), np.signbit(wanted[known]))


@needs_compiler
@pytest.mark.parametrize("kernel", EACH, ids=name_of)
def test_arrays_with_gaps_and_other_types_are_left_to_the_function(kernel: Kernel) -> None:
    form, params = form_of(kernel)
    whole = numbers("float32", 200).reshape(10, 20)
    for x in (whole[:, ::2], whole.T, np.broadcast_to(whole[0, 0], (4, 5))):
        both = (results(f, kernel, x, params) for f in (form, kernel.plain))
        for found, wanted in zip(*both, strict=True):
            np.testing.assert_array_equal(found, wanted)
    assert not form.known


@needs_compiler
@given(values=st.lists(st.floats(width=32), min_size=1, max_size=40))
@pytest.mark.filterwarnings("ignore::RuntimeWarning")
def test_any_floats_have_the_sigmoid_that_numpy_has(values: list[float]) -> None:
    x = np.array(values, np.float32)
    for found, wanted in zip(SIGMOID(x, True), LOGISTIC.plain(x, True), strict=True):
        assert_near(found, wanted)


LOGISTIC = next(kernel for kernel in EACH if name_of(kernel) == "logistic")
SIGMOID = kernels.compiled(LOGISTIC)


def test_a_number_of_which_numpy_warns_is_numpys_to_warn_of() -> None:
    kernel = Kernel(_logarithm, each=True)
    form = kernels.compiled(kernel)
    with pytest.warns(RuntimeWarning, match="divide by zero"):
        (y,) = form(np.zeros(5))
    assert (y == -np.inf).all()
    with np.errstate(all="raise"), pytest.raises(FloatingPointError):
        form(np.full(5, -1.0))


def _logarithm(x: Any) -> tuple[Any]:
    return (np.log(x),)


@needs_compiler
def test_one_code_is_for_all_sizes_and_shapes(monkeypatch: pytest.MonkeyPatch) -> None:
    form = kernels.compiled(LOGISTIC)
    form(np.ones(5, np.float32), True)
    monkeypatch.setattr(calling, "build", None)
    for shape in ((1,), (100, 3), (2, 3, 4, 5, 6)):
        assert form(np.ones(shape, np.float32), True)[0].shape == shape


@needs_compiler
def test_a_function_whose_code_depends_on_its_size_stays_with_numpy() -> None:
    form = kernels.compiled(Kernel(_halved))
    (found,) = form(np.arange(6.0))
    assert found.tolist() == [0.0, 1.0, 2.0]
    assert list(form.known.values()) == [None]


def _halved(x: Any) -> tuple[Any]:
    return (x[: len(x) // 2] * 1.0,)


# ---- functions that are not of each element


def rows(dtype: str, *shape: int) -> Any:
    return np.random.default_rng(len(shape)).standard_normal(shape).astype(dtype)


def normalized(dtype: str, *given: int, lead: tuple[int, ...] = (6,)) -> list[Any]:
    """Return the arguments of a layer norm of rows of 30, and those of its adjoint, with as many parameters."""
    inputs = rows(dtype, *lead, 30), *(rows(dtype, 30) for _ in given)
    params = {"axes": (len(lead),), "eps": 1e-5}
    residuals = nn_kernels.layer_norm(*inputs, **params)[1]
    g = rows(dtype, *lead, 30)[::-1].copy()
    wide = np.broadcast_to(np.ones((), dtype), g.shape)
    return [(inputs, params), *(((h, residuals, inputs), {}) for h in (g, wide))]


def normalizations(dtype: str) -> list[Any]:
    found = [normalized(dtype), normalized(dtype, 0), normalized(dtype, 0, 1), normalized(dtype, 0, 1, lead=(4, 5))]
    return [case for cases in found for case in cases]


def sums_so_far(dtype: str) -> list[Any]:
    found = [((rows(dtype, 7, 90), axis, back)) for axis in (0, 1) for back in (False, True)]
    found += [(rows(dtype, 3, 50, 70), 1, back) for back in (False, True)]
    found += [(np.broadcast_to(np.ones((), dtype), (300, 7)), 0, back) for back in (False, True)]
    return [((x,), {"axis": axis, "reverse": back}) for x, axis, back in found]


def additions(dtype: str) -> list[Any]:
    """Return numbers, where they are added, and zeros of the shape of the sum."""
    rng = np.random.default_rng(0)
    first, second = rng.integers(-8, 8, 300), rng.integers(-11, 11, 300)
    cases: list[tuple[Any, tuple[Any, ...], tuple[int, ...]]] = [
        (rows(dtype, 300, 5), (first,), (8, 5)),
        (np.broadcast_to(np.ones((), dtype), (300, 5)), (first,), (8, 5)),
        (rows(dtype, 300), (first, second), (8, 11)),
        (rows(dtype, 300, 3), (first, second), (8, 11, 3)),
        (rows(dtype, 8, 11), (np.arange(8)[:, None], rng.integers(0, 20, (8, 11))), (8, 20)),
        (rows(dtype, 30, 10, 4), (first.reshape(30, 10),), (8, 4)),
    ]
    return [((x, index, np.broadcast_to(np.zeros((), dtype), shape)), {}) for x, index, shape in cases]


def channels(dtype: str) -> list[Any]:
    """Return the arguments of normalisations of channels, and those of their adjoints."""
    found = []
    for shape in ((5, 4, 9), (6, 3, 2, 4), (5, 2, 3, 3)):
        inputs = rows(dtype, *shape), rows(dtype, shape[1]), rows(dtype, shape[1])
        residuals = nn_kernels.channel_norm(*inputs, eps=1e-5)[1]
        wide = np.broadcast_to(np.ones((), dtype), shape)
        found += [(inputs, {"eps": 1e-5}), *(((g, residuals, inputs), {}) for g in (inputs[0][::-1].copy(), wide))]
    return found


WINDOWS = [((7,), (3,), (1,), (1,)), ((9, 8), (3, 2), (2, 1), (1, 2)), ((5, 4, 6), (2, 2, 3), (1, 2, 1), (2, 1, 1))]


def positions(sizes: tuple[int, ...], window: tuple[int, ...], step: tuple[int, ...], apart: tuple[int, ...]) -> Any:
    return tuple((n - d * (k - 1) - 1) // s + 1 for n, k, s, d in zip(sizes, window, step, apart, strict=True))


def copies(dtype: str) -> list[Any]:
    return [
        (
            (rows(dtype, 3, 2, *sizes),),
            {"size": window, "stride": step, "dilation": apart, "positions": positions(sizes, window, step, apart)},
        )
        for sizes, window, step, apart in WINDOWS
    ]


def piles(dtype: str) -> list[Any]:
    return [
        (
            (rows(dtype, 3, 2, *window, *positions(sizes, window, step, apart)),),
            {"shape": sizes, "stride": step, "dilation": apart},
        )
        for sizes, window, step, apart in WINDOWS
    ]


WHOLE = {
    kernel.plain.__name__: kernel
    for kernel in switches.registered()
    if not kernel.each and kernel.plain.__module__ != __name__
}


def softmaxes(name: str, adjoint: bool) -> Any:
    """Return what makes the cases of a softmax, or of its adjoint: short rows, and long ones; cotangents, and 1."""

    def cases(dtype: str) -> list[Any]:
        found: list[Any] = []
        for x in (rows(dtype, 9, 30), rows(dtype, 3, 4, 70), rows(dtype, 3, 700)):
            params = {} if name == "shares" else {"axis": x.ndim - 1}
            residuals = getattr(rowwise, name)(x, **params)[1]
            wide = np.broadcast_to(np.ones((), dtype), x.shape)
            found += [((g, residuals, (None,)), {}) for g in (x, wide)] if adjoint else [((x,), params)]
        return found

    return cases


def slopes(dtype: str) -> list[Any]:
    """Return the cases of a cotangent times a slope."""
    g, y = rows(dtype, 9, 30), rows(dtype, 9, 30)[::-1].copy()
    return [((v, y), {}) for v in (g, np.broadcast_to(np.full((), 0.7, dtype), y.shape))]


def sums(dtype: str) -> list[Any]:
    """Return the cases of sums and means: of all, and of rows."""
    x = rows(dtype, 9, 300)
    params = [{"axis": None, "keepdims": False}, {"axis": None, "keepdims": True}, {"axis": -1, "keepdims": False}]
    return [((x,), p) for p in params] + [((x.reshape(-1),), params[0]), ((rows(dtype, 5, 5, 5),), params[0])]


CASES: dict[str, Callable[[str], list[Any]]] = {
    "softmax": softmaxes("softmax", adjoint=False),
    "log_softmax": softmaxes("log_softmax", adjoint=False),
    "shares": softmaxes("shares", adjoint=False),
    "softmax_adjoint": softmaxes("softmax", adjoint=True),
    "log_softmax_adjoint": softmaxes("log_softmax", adjoint=True),
    "relu_slope": slopes,
    "tanh_slope": slopes,
    "erf_slope": slopes,
    "total": sums,
    "average": sums,
    "layer_norm": lambda dtype: normalizations(dtype)[::3],
    "layer_norm_adjoint": lambda dtype: [case for i, case in enumerate(normalizations(dtype)) if i % 3],
    "channel_norm": lambda dtype: channels(dtype)[::3],
    "channel_norm_adjoint": lambda dtype: [case for i, case in enumerate(channels(dtype)) if i % 3],
    "_slope_of_rows": lambda dtype: [
        ((g, *residuals, inputs[1] if inputs[1:] else None), {})
        for (g, residuals, inputs), _ in CASES["layer_norm_adjoint"](dtype)
    ],
    "_copied": copies,
    "_piled_up": piles,
    "_sums_so_far": sums_so_far,
    "_added_at": additions,
}


def leaves(value: Any) -> list[Any]:
    return [leaf for part in value for leaf in leaves(part)] if isinstance(value, tuple) else [value]


def test_each_function_has_cases() -> None:
    assert set(CASES) == set(WHOLE)


@needs_compiler
@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("name", sorted(CASES))
def test_a_function_of_whole_arrays_has_a_form_that_equals_it(name: str, dtype: str) -> None:
    kernel = WHOLE[name]
    form = kernels.compiled(kernel)
    for args, params in CASES[name](dtype):
        form(*args, **params)  # what is for certain sizes is made when these are met again
        found, wanted = leaves(form(*args, **params)), leaves(kernel.plain(*args, **params))
        assert len(found) == len(wanted)
        for a, b in zip(found, wanted, strict=True):
            if not isinstance(b, np.ndarray | np.generic):
                assert a == b
                continue
            assert (type(a), a.shape, a.dtype) == (type(b), b.shape, b.dtype)
            assert np.isfinite(b).all()
            assert (np.abs(a - b) <= SUMMED * np.finfo(dtype).eps * max(1, np.abs(b).max())).all()
    assert any(form.known.values()), "nothing was compiled"


@needs_compiler
@pytest.mark.parametrize("count", [5, 255, 4096, 100_003, 3_000_000])
def test_sums_are_right_to_four_last_places_of_what_is_added_however_many(count: int) -> None:
    form = kernels.compiled(WHOLE["total"])
    for x in (np.full(count, 0.1, np.float32), rows("float32", count)):
        exact, added = math.fsum(x.tolist()), math.fsum(np.abs(x).tolist())
        found = float(form(x, axis=None))
        assert abs(found - exact) <= 4 * np.finfo(np.float32).eps * added
    assert all(form.known.values())


@needs_compiler
@pytest.mark.parametrize(
    "name",
    ["_added_at", "_copied", "_piled_up", "_slope_of_rows", "_sums_so_far", "channel_norm", "channel_norm_adjoint"],
)
def test_whatever_is_added_and_wherever_there_is_code_for_it(name: str) -> None:
    form = kernels.compiled(WHOLE[name])
    for dtype in ("float32", "float64"):
        for args, params in CASES[name](dtype) * 2:
            form(*args, **params)
    assert form.known
    assert all(form.known.values())


@needs_compiler
def test_extrema_of_rows_are_exact_and_know_nan() -> None:
    form = kernels.compiled(Kernel(_largest))
    for width in (1, 7, 16, 100, 255, 256, 300, 1000):
        x = rows("float32", 4, width)
        x[1, width // 2] = -np.inf
        np.testing.assert_array_equal(form(x), _largest(x))
        for place in (0, width // 2, width - 1):
            broken = x.copy()
            broken[2, place] = np.nan
            assert np.isnan(form(broken)[2])
            np.testing.assert_array_equal(form(broken)[[0, 1, 3]], _largest(x)[[0, 1, 3]])
    assert any(form.known.values())


def _largest(x: Any) -> Any:
    return np.max(x, axis=1)


@needs_compiler
def test_plans_are_forgotten_and_made_again(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(calling, "PLANS", 3)
    form = kernels.compiled(LOGISTIC)
    for size in (5, 6, 7, 8, 5, 6):
        x = numbers("float32", size)
        assert_near(form(x, False)[0], LOGISTIC.plain(x, False)[0])
        assert len(form.plans) <= 3
    assert len(form.known) == 1
    whole = kernels.compiled(WHOLE["softmax"])
    for size in (5, 6, 7, 8):  # of columns, which have no form
        whole(np.ones((size, 3)).T, axis=1)
        assert 0 < len(whole.plans) <= 3


@needs_compiler
def test_a_running_sum_keeps_the_sign_of_zero() -> None:
    form = kernels.compiled(WHOLE["_sums_so_far"])
    for shape in ((3000,), (60, 50)):
        x = np.full(shape, -0.0, np.float32)
        assert np.signbit(form(x, axis=0, reverse=False)).all()


@needs_compiler
def test_code_for_certain_sizes_is_made_when_they_are_met_again(monkeypatch: pytest.MonkeyPatch) -> None:
    form = kernels.compiled(WHOLE["_copied"])
    given = {"size": (2,), "stride": (1,), "dilation": (1,)}
    for n in range(2, 9):
        form(np.ones((3, n)), **given, positions=(n - 1,))
    assert not form.known
    form(np.ones((3, 4)), **given, positions=(3,))
    assert len(form.known) == 1
    monkeypatch.setattr(calling, "build", None)
    x = rows("float64", 3, 4)
    assert form(x, **given, positions=(3,)).tolist() == WHOLE["_copied"].plain(x, **given, positions=(3,)).tolist()
    monkeypatch.setattr(calling, "PLANS", 0)
    for _ in range(2):
        form(np.ones((3, 11)), **given, positions=(10,))
    assert len(form.known) == 1


@needs_compiler
def test_another_order_of_bytes_is_numpys() -> None:
    x = numbers("float32", 100)
    form, total = kernels.compiled(LOGISTIC), kernels.compiled(WHOLE["total"])
    np.testing.assert_array_equal(form(x.astype(">f4"), False)[0], LOGISTIC.plain(x.astype(">f4"), False)[0])
    assert total(x.astype(">f4"), axis=None) == WHOLE["total"].plain(x.astype(">f4"), axis=None)
    assert not any(form.known.values())


@needs_compiler
def test_a_place_that_there_is_not_is_told_by_numpy() -> None:
    form, zeros = kernels.compiled(WHOLE["_added_at"]), np.broadcast_to(np.zeros(()), (8, 3))
    for place in (-9, 8, 2**40):
        with pytest.raises(IndexError, match="is out of bounds"):
            form(np.ones((2, 3)), (np.array([1, place]),), zeros)
    assert all(form.known.values())


@needs_compiler
def test_sums_down_columns_are_numpys() -> None:
    form, tall = kernels.compiled(Kernel(_summed_down)), np.full((100_000, 3), 0.1, np.float32)
    np.testing.assert_array_equal(form(tall)[0], _summed_down(tall)[0])
    assert list(form.known.values()) == [None]


def _summed_down(x: Any) -> tuple[Any]:
    return (column_sums(x),)


@needs_compiler
def test_rows_whose_squares_leave_the_dtype_are_left_to_the_function() -> None:
    form, x = kernels.compiled(WHOLE["layer_norm"]), rows("float32", 3, 40)
    for scale in (np.float32(1e30), np.float32(np.inf)):
        with np.errstate(all="ignore"):
            for a, b in zip(
                leaves(form(x * scale, axes=(1,), eps=1e-5)),
                leaves(WHOLE["layer_norm"].plain(x * scale, axes=(1,), eps=1e-5)),
                strict=True,
            ):
                np.testing.assert_array_equal(a, b)


# ---- the choice, which is one for a process


def run(program: str, **environment: str) -> str:
    """Return what a program prints in a process of its own."""
    command = [sys.executable, "-W", "error", "-c", "import tensorgrad as tg, numpy as np\n" + program]
    kept = {k: v for k, v in os.environ.items() if k != switches.VARIABLE}
    done = subprocess.run(command, env=kept | environment, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    return done.stdout


def test_kernels_are_numpys_unless_something_is_said() -> None:
    assert run("print(tg.get_kernels()); tg.ones(3).sigmoid(); print(tg.get_kernels())").split() == ["numpy", "numpy"]


def test_another_word_is_refused() -> None:
    with pytest.raises(ArgumentError, match="kernels must be 'numpy' or 'c', found 'C'"):
        tg.set_kernels("C")
    program = "try: tg.ones(3).sigmoid()\nexcept ValueError as error: print(error)"
    assert "variable TENSORGRAD_KERNELS must be 'numpy' or 'c', found 'rust'" in run(program, TENSORGRAD_KERNELS="rust")


def test_after_the_first_operation_it_is_too_late() -> None:
    tg.ones(3).sigmoid()
    tg.set_kernels(tg.get_kernels())
    with pytest.raises(
        ArgumentError, match=r"since its first operation: call set_kernels\('c'\) before that, or start"
    ):
        tg.set_kernels("c")


@needs_compiler
def test_what_is_said_first_in_a_script_holds() -> None:
    program = """
tg.set_kernels("c"); tg.set_kernels("numpy"); tg.set_kernels("c")
x = tg.linspace(-3, 3, 5000).requires_grad_()
y = x.sigmoid(); y.sum().backward()
print(tg.get_kernels(), float((y * (1 - y) - x.grad).abs().max()) < 1e-6)
try: tg.set_kernels("numpy")
except ValueError as error: print(error)
"""
    first, second = run(program).splitlines()
    assert first == "c True"
    assert second.startswith("kernels are 'c' in this process since its first operation")


@needs_compiler
def test_arrays_that_are_other_objects_are_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    kernels.check()
    monkeypatch.setattr(calling, "HEAD", 1)  # where an object says of what type it is
    with pytest.raises(CompileError, match="kernels in C need arrays as CPython has them: set_kernels"):
        kernels.check()


@needs_compiler
@pytest.mark.parametrize("size", [1, 15, 1023, 1024, 1025, 2048, 5000])
def test_several_results_are_stored_block_by_block_whatever_the_size(size: int) -> None:
    kernel = kernel_named("silu")
    form = kernels.compiled(kernel)
    memory = numbers("float32", size + 16)
    for start in (0, 1, 5):  # anywhere in a line of the cache
        x = memory[start : start + size]
        for found, wanted in zip(form(x, True), kernel.plain(x, True), strict=True):
            assert_near(found, wanted, 1.0)
    (code,) = form.known.values()
    assert "memcpy" in code.form.text.split("KERNEL", 2)[2], "the results are not stored by blocks"


@needs_compiler
def test_a_sum_of_infinities_warns_as_that_of_numpy() -> None:
    form = kernels.compiled(kernel_named("total"))
    for dtype in ("float32", "float64"):
        x = numbers(dtype, 5000)
        x[7], x[4000] = np.inf, np.inf
        with np.errstate(all="raise", under="ignore"):
            assert form(x, axis=None, keepdims=False) == np.inf
        x[4000] = -np.inf
        with pytest.warns(RuntimeWarning, match="invalid value"):
            assert np.isnan(form(x, axis=None, keepdims=False))
    assert None not in form.known.values()


def test_without_a_compiler_it_says_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(calling, "compiler", lambda: None)
    with pytest.raises(CompileError, match="kernels in C need a C compiler: install gcc or clang, or pip install zig"):
        kernels.check()
    program = """
from tensorgrad.kernels import calling
calling.compiler = lambda: None
for _ in range(2):
    try: tg.ones(3).sigmoid()
    except RuntimeError as error: print(error)
try: tg.set_kernels("c")
except RuntimeError as error: print(error)
tg.set_kernels("numpy"); print(tg.ones(3).sigmoid().shape)
"""
    *errors, last = run(program, TENSORGRAD_KERNELS="c").splitlines()
    assert len(errors) == 3
    assert all("install gcc or clang" in error for error in errors)
    assert "3" in last


THREADS = """
import threading
x = tg.linspace(-3, 3, 100_000)
start, found = threading.Barrier(8), []
def work():
    start.wait()
    for _ in range(20): found.append(tg.nn.functional.gelu(x).array)
workers = [threading.Thread(target=work) for _ in range(8)]
for worker in workers: worker.start()
for worker in workers: worker.join()
print(len(found), all((y == found[0]).all() for y in found))
"""


@needs_compiler
def test_threads_may_call_at_once_for_the_first_time() -> None:
    assert run(THREADS, TENSORGRAD_KERNELS="c").split() == ["160", "True"]


FORKING = """
import multiprocessing, sys, threading
from tensorgrad.kernels import calling
def work(seed):
    x = tg.linspace(-seed, seed, 100_000).requires_grad_()
    y = tg.nn.functional.silu(x) + x.sigmoid()
    y.sum().backward()
    return float(x.grad.sum())
if __name__ == "__main__":
    wanted = [work(seed) for seed in range(1, 5)]
    with calling._building:  # as if another thread were compiling
        with multiprocessing.get_context(METHOD).Pool(2) as pool:
            found = pool.map(work, range(1, 5))
            print(found == wanted)
"""


@needs_compiler
@pytest.mark.skipif(not hasattr(os, "fork"), reason="no fork here")
def test_a_fork_after_use_goes_on_with_what_there_is() -> None:
    assert run(FORKING.replace("METHOD", "'fork'"), TENSORGRAD_KERNELS="c").split() == ["True"]


@needs_compiler
@pytest.mark.parametrize("method", ["forkserver", "spawn"])
def test_a_process_that_is_started_anew_does_what_its_environment_says(method: str, tmp_path: Path) -> None:
    if method not in multiprocessing.get_all_start_methods():
        pytest.skip(f"no {method} here")
    file = tmp_path / "script.py"
    file.write_text("import tensorgrad as tg\n" + FORKING.replace("METHOD", repr(method)))
    assert run(f"import runpy; runpy.run_path({str(file)!r}, run_name='__main__')", TENSORGRAD_KERNELS="c") == "True\n"


SAME = """
F = tg.nn.functional
rng = np.random.default_rng(0)
x = tg.tensor(rng.standard_normal((50, 60)), requires_grad=True)
for f in (F.gelu, tg.sigmoid, F.silu, F.softplus, F.elu, F.leaky_relu, F.hardswish, F.mish, F.logsigmoid):
    y = f(x)
    (first,) = tg.autograd.grad((y * y).sum(), x, create_graph=True)
    (second,) = tg.autograd.grad((first * x).sum(), x)
    print(tg.graph.Graph.trace(f, x.detach()).text())
    compiled = tg.compile(f, backend="numpy")(x.detach())
    for value in (y, first, second, compiled):
        print(" ".join(f"{v:.9e}" for v in value.detach().numpy().ravel()))
"""


@needs_compiler
def test_gradients_traces_and_plans_are_those_of_numpys_kernels() -> None:
    plain, other = (run(SAME, TENSORGRAD_KERNELS=kernels).splitlines() for kernels in ("numpy", "c"))
    assert len(plain) == len(other)
    for a, b in zip(plain, other, strict=True):
        if len(a.split()) == 3000:
            np.testing.assert_allclose(*(np.array(line.split(), float) for line in (b, a)), rtol=1e-8, atol=1e-13)
        else:
            assert a == b


def kernel_named(name: str) -> Kernel:
    return next(kernel for kernel in switches.registered() if name_of(kernel) == name)


@needs_compiler
def test_what_is_one_object_in_the_function_is_one_in_the_form() -> None:
    """By this a fused form knows that what it gave out is what it saved, and that a write to it matters."""
    form = kernels.compiled(kernel_named("layer_norm"))
    for shape, axes in (((3, 5), (1,)), ((2, 3, 5), (1, 2)), ((5,), (0,))):
        y, residuals = form(numbers("float64", 30)[: int(np.prod(shape))].reshape(shape), axes=axes, eps=1e-5)
        assert residuals[0] is y
    assert any(form.known.values())
    weighted, residuals = form(np.ones((3, 5)), np.full(5, 2.0), axes=(1,), eps=1e-5)
    assert residuals[0] is not weighted


@needs_compiler
@pytest.mark.parametrize("shape", [(4, 4, 4), (2, 2, 2, 2), (2, 2, 4, 4)], ids=str)
def test_many_axes_of_one_length_take_no_memory(shape: tuple[int, ...]) -> None:
    kernel = kernel_named("layer_norm")
    form, x = kernels.compiled(kernel), numbers("float32", int(np.prod(shape))).reshape(shape)
    y, _ = form(x, axes=(len(shape) - 1,), eps=1e-5)
    np.testing.assert_allclose(y, kernel.plain(x, axes=(len(shape) - 1,), eps=1e-5)[0], 1e-5, 1e-5)
    assert set(form.known.values()) == {None}


class Text(float):
    """A number that does not say which it is."""

    def __repr__(self) -> str:
        return "a number"


@needs_compiler
def test_settings_that_do_not_say_what_they_are_are_left_to_the_function() -> None:
    form, x = kernels.compiled(kernel_named("elu")), np.full(9, -1.0)
    for alpha in (Text(1.0), Text(2.0), np.array(1.23456789012), np.array(1.23456789013), np.float64(2.0)):
        np.testing.assert_array_equal(form(x, True, alpha=alpha)[0], kernel_named("elu").plain(x, True, alpha=alpha)[0])
    assert not form.known


@needs_compiler
def test_settings_without_end_are_left_to_the_function(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(calling, "MOST", 2)
    form, x = kernels.compiled(kernel_named("leaky_relu")), numbers("float32", 20)
    for slope in (0.1, 0.2, 0.3, 0.4):
        np.testing.assert_allclose(form(x, False, negative_slope=slope)[0], np.where(x > 0, x, slope * x), 1e-6)
    assert len(form.known) == 2


@needs_compiler
def test_what_interrupts_the_making_of_a_form_does_not_wait_for_it(monkeypatch: pytest.MonkeyPatch) -> None:
    inner, x, built = kernels.compiled(kernel_named("gelu")), numbers("float32", 20), calling.Code

    def interrupted(form: Any) -> Any:  # as a signal does, or the garbage collector
        np.testing.assert_array_equal(inner(x, False)[0], kernel_named("gelu").plain(x, False)[0])
        return built(form)

    monkeypatch.setattr(calling, "Code", interrupted)
    outer = kernels.compiled(kernel_named("mish"))
    outer(x, False)
    assert all(outer.known.values())
    assert not inner.known


def test_a_compiler_that_fails_is_told_once_and_numpy_computes(monkeypatch: pytest.MonkeyPatch) -> None:
    def fails(form: Any) -> Any:
        raise CompileError("the disk is full")

    monkeypatch.setattr(calling, "Code", fails)
    kernel, x = kernel_named("mish"), numbers("float32", 20)
    form = kernels.compiled(kernel)
    with pytest.warns(UserWarning, match="the kernel mish stays with NumPy: the disk is full"):
        form(x, True)
    np.testing.assert_array_equal(form(x, True)[0], kernel.plain(x, True)[0])  # and no warning, which would be an error


def test_an_interruption_finds_no_kernel_half_settled(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(switches, "_settled", [])
    monkeypatch.setattr(switches, "_chosen", ["numpy"])
    monkeypatch.setattr(switches, "_kernels", [])
    first, second = Kernel(np.negative), Kernel(np.positive)
    settle = Kernel.settle

    def interrupted(self: Kernel, kernels: str) -> None:
        if self is first and second.run.__self__ is second:  # type: ignore[attr-defined]
            monkeypatch.setattr(Kernel, "settle", settle)
            assert second.run(np.float64(2.0)) == 2.0
        settle(self, kernels)

    monkeypatch.setattr(Kernel, "settle", interrupted)
    assert first.run(np.float64(1.0)) == -1.0
    assert (first.run, second.run, switches._settled) == (np.negative, np.positive, ["numpy"])
