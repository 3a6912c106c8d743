"""NumPy's functions of tensors of other dtypes and shapes, with wrong options, and written to: as of arrays."""

from __future__ import annotations

import warnings
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

import tensorgrad as tg
from tensorgrad.errors import LostGraphError
from tests.numpycalls import ARRAYS, CALLS, computed, leaves, letters, placements
from tests.test_numpy_functions import floats, plain

KINDS: dict[str, Callable[[Any], Any]] = {
    "float32": lambda a: a.astype({"f": np.float32, "c": np.complex64}.get(a.dtype.kind, a.dtype)),
    "int64": lambda a: np.rint(3 * a).astype(np.int64) if a.dtype.kind == "f" and not np.isnan(a).any() else a,
    "uint8": lambda a: np.abs(np.rint(3 * a)).astype(np.uint8) if a.dtype.kind == "f" and not np.isnan(a).any() else a,
    "bool": lambda a: a > 0.3 if a.dtype.kind == "f" and not np.isnan(a).any() else a,
    "complex": lambda a: a * (1 + 0.3j) if a.dtype.kind == "f" else a,
    "no rows": lambda a: a[:0] if a.ndim else a,
    "no columns": lambda a: a[..., :0] if a.ndim else a,
    "one row": lambda a: a[:1] if a.ndim else a,
    "strided": lambda a: np.repeat(a[..., ::-1], 2, -1)[..., ::-2] if a.ndim else a,
}
WRITING = ("copyto", "fill_diagonal", "place", "put", "put_along_axis", "putmask", "piecewise", "round", "around")
"""Those of which every option is tried elsewhere: functions of the package write, and round what is no float."""


def elsewhere(call: str, kind: str) -> bool:
    """Return whether a call gives no order, or asks for one of complex numbers, or NumPy asks no tensor about it.

    NumPy's `irfft` of nothing tells what stood in memory.
    """
    of_order = any(part in call for part in ("<", ">", "astype"))
    of_nothing = call in ("poly(v)", "fft.irfft(c, 5)") and kind.startswith("no")
    return "unique_values" in call or (of_order and kind == "complex") or of_nothing


def outcome(call: str, given: dict[str, Any]) -> Any:
    """Return what a call gives, or the error that it raises."""
    try:
        return computed(call, given)
    except Exception as error:  # noqa: BLE001 - which one, NumPy and the package are asked alike
        return error


def differs(found: Any, expected: Any) -> str:
    """Return how the result of tensors differs from that of arrays; an empty text if it does not."""
    if isinstance(expected, Exception) or isinstance(found, Exception):
        both = isinstance(expected, Exception) and isinstance(found, Exception)
        return "" if both else f"{found!r} for {expected!r}"
    pairs = zip(leaves(found), leaves(expected), strict=True)
    for a, b in ((np.asarray(plain(a)), b) for a, b in pairs if isinstance(b, np.ndarray | np.generic)):
        if (a.dtype, a.shape) != (b.dtype, b.shape):
            return f"{a.dtype}{a.shape} for {b.dtype}{b.shape}"
        if b.dtype.kind in "fc" and not np.allclose(a, b, rtol=2e-3, atol=2e-3, equal_nan=True):
            return f"{a} for {b}"
    return ""


@pytest.mark.parametrize("kind", KINDS)
def test_other_dtypes_and_shapes_give_what_arrays_do_and_are_refused_where_they_are(kind: str) -> None:
    arrays = {name: KINDS[kind](array) for name, array in ARRAYS.items()}
    wrong = []
    with warnings.catch_warnings(), np.errstate(all="ignore"):
        warnings.simplefilter("ignore")
        for call in (call for call in CALLS if not call.startswith(WRITING) and "lambda" not in call):
            expected = outcome(call, arrays)
            for place in placements(call):
                given = {name: tg.tensor(arrays[name]) for name in place}
                told = differs(outcome(call, {**arrays, **given}), expected)
                if told and not elsewhere(call, kind):
                    wrong.append((call, place, told))
    assert not wrong


def test_with_a_gradient_results_have_numpys_dtypes_and_wrong_calls_are_refused() -> None:
    arrays = {name: KINDS["float32"](array) for name, array in ARRAYS.items()}
    wrong = []
    for call in (call for call in CALLS if not call.startswith(WRITING)):
        expected = outcome(call, arrays)
        for place in placements(call):
            named = [name for name in place if arrays[name].dtype.kind in "fc"]
            given = {name: tg.tensor(arrays[name], requires_grad=name in named) for name in place}
            found = outcome(call, {**arrays, **given})
            told = "" if isinstance(found, LostGraphError) else differs(found, expected)
            if named and told:
                wrong.append((call, place, told))
    assert not wrong


@pytest.mark.parametrize(
    "call",
    [
        "tensordot(M, N.reshape(3, 2), axes=2)", "vdot(v, w[:1])", "vdot(v, s)", "cov(T)", "polyder(u, -1)",
        "polyfit(u, u, -1)", "gradient(v, u)", "var(M, ddof=1, correction=1)", "average(v, weights=[1.0, -1.0, 0.0])",
        "average(v, weights=v[:1])", "average(M, axis=1, weights=w[:1])", "percentile(v, 101)", "nanquantile(g, 1.2)",
        "bincount(i, s)", "bincount(i - 1, v)", "bincount(i, c[:3])", "bincount(i, v, -1)", "sort(s)",
        "mean(s, axis=0)",
        "pad(v, 1, 'edge', constant_values=3.0)", "pad(v, 1, stat_length=3)", "trim_zeros(v, 'x')",
        "broadcast_to(v, (-1, 3))", "fft.fft(v, norm='orth')", "fft.irfft(c, norm='x')", "fft.hfft(c, norm='x')",
        "linalg.solve(np.array([[[2.0, 1.0], [1.0, 3.0]]] * 3) * s, M.T)", "linalg.outer(M, v)", "array_split(v, 0)",
    ],
)  # fmt: skip
def test_what_numpy_refuses_is_refused_where_a_gradient_is_asked_for(call: str) -> None:
    if not isinstance(outcome(call, {}), Exception):
        pytest.skip(f"NumPy {np.__version__} does not refuse it")
    for name in floats(tuple(letters(call))):
        with pytest.raises((ValueError, TypeError, IndexError, ZeroDivisionError, RuntimeError)):
            computed(call, {name: tg.tensor(ARRAYS[name], requires_grad=True)})


VIEWS: dict[str, Callable[[Any], Any]] = {
    "split": lambda x: np.split(x, 3, axis=1)[1],
    "array_split": lambda x: np.array_split(x, 2, axis=1)[0],
    "hsplit": lambda x: np.hsplit(x, [2])[1],
    "vsplit": lambda x: np.vsplit(x, 2)[1],
    "dsplit": lambda x: np.dsplit(x[None], 3)[2],
    "flip": lambda x: np.flip(x)[0],
    "fliplr": lambda x: np.fliplr(x)[:, 0],
    "flipud": lambda x: np.flipud(x)[0],
    "rot90": lambda x: np.rot90(x)[0],
    "rot90 twice": lambda x: np.rot90(x, 2)[0],
    "rot90 back": lambda x: np.rot90(x, -1)[0],
    "ravel": lambda x: np.ravel(x)[1:3],
    "transpose": lambda x: np.transpose(x)[2],
    "trim_zeros": lambda x: np.trim_zeros(x[0]),
    "unstack": lambda x: x[1:2],
}


@pytest.mark.parametrize("recorded", [True, False])
@pytest.mark.parametrize("name", VIEWS)
def test_what_is_written_to_a_view_is_written_to_the_tensor(name: str, recorded: bool) -> None:
    array = np.arange(1.0, 7.0).reshape(2, 3)
    leaf = tg.tensor(array, requires_grad=recorded)
    x, expected, kept = leaf * 1, array.copy(), np.ones((2, 3))
    VIEWS[name](x)[...] = 9.0
    VIEWS[name](expected)[...] = 9.0
    VIEWS[name](kept)[...] = 0.0
    assert x.tolist() == expected.tolist()
    if recorded:
        x.sum().backward()
        assert leaf.grad is not None
        assert leaf.grad.tolist() == kept.tolist()


def test_the_deviation_of_equal_numbers_has_a_slope_of_zero_and_spoils_no_other() -> None:
    x = tg.tensor([[1.0, 2.0], [3.0, 5.0]], dtype=tg.float64, requires_grad=True)
    np.std(x, axis=0, where=np.array([[True, True], [True, False]])).sum().backward()
    assert x.grad is not None
    assert x.grad.tolist() == [[-0.5, 0.0], [0.5, 0.0]]


def test_rows_that_are_unique_are_refused_for_which_of_the_equal_ones_is_meant_is_not_known() -> None:
    x = tg.tensor([[1.0, 2.0], [1.0, 3.0]], requires_grad=True)
    with pytest.raises(LostGraphError, match=r"np\.unique of .* with axis"):
        np.unique(x, axis=0)
    assert np.unique(x.detach(), axis=0).tolist() == [[1, 2], [1, 3]]


def test_piecewise_takes_one_condition_as_it_stands() -> None:
    x = tg.tensor([0.25, 0.65], dtype=tg.float64, requires_grad=True)
    y: Any = np.piecewise(x, x < 0.5, [lambda t: 3 * t, lambda t: t**2])  # type: ignore[call-overload, unused-ignore]
    np.testing.assert_allclose(plain(y), [0.75, 0.4225])
    y.sum().backward()
    assert x.grad is not None
    np.testing.assert_allclose(plain(x.grad), [3, 1.3])


def test_a_batch_of_a_tensor_whose_array_somebody_holds_is_computed_at_once() -> None:
    x = tg.tensor([[1.0, 2.0], [3.0, 4.0]], requires_grad=True)
    array = x.detach().numpy()
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        y = tg.vmap(lambda row: row * row)(x)
    array[:] = 0.0
    y.sum().backward()
    assert x.grad is not None
    assert x.grad.tolist() == [[2, 4], [6, 8]]


def test_an_array_that_a_compiled_function_computes_is_taken_as_an_operand() -> None:
    counted = tg.compile(lambda x: np.nanmean(np.where(x > 0, x, np.nan)))
    assert [counted(tg.tensor(x)).item() for x in ([1.0, 3.0, -1.0], [1.0, 3.0, 5.0])] == [2, 3]


def test_the_namespace_makes_tensors_between_tensors_with_their_graph() -> None:
    x = tg.tensor(0.5, dtype=tg.float64, requires_grad=True)
    xp: Any = x.__array_namespace__()
    xp.linspace(x, 2.0, 3).sum().backward()
    assert x.grad is not None
    assert x.grad.item() == 1.5


def test_an_objective_finds_slopes_under_no_grad_and_refuses_a_parameter_twice() -> None:
    with tg.no_grad():
        objective = tg.optim.Objective(lambda x: (x * x).sum())
        assert objective(np.array([1.0, 3.0]))[1].tolist() == [2, 6]
        assert objective.hessp(np.array([1.0, 3.0]), np.array([1.0, 0.0])).tolist() == [2, 0]
    w = tg.ones(2, requires_grad=True)
    with pytest.raises(tg.errors.ArgumentError, match="twice"):
        tg.optim.Objective(lambda: (w * w).sum(), [w, w])


@pytest.mark.parametrize("name", ["fmax", "fmin", "maximum", "minimum", "add", "remainder", "fmod"])
@pytest.mark.parametrize("number", [-1, 300])
def test_a_number_that_has_no_place_in_whole_numbers_is_refused(name: str, number: int) -> None:
    with pytest.raises((OverflowError, TypeError), match=r"out of bounds|must be Tensor"):
        getattr(np, name)(tg.tensor([3, 200], dtype=tg.uint8), number)
    assert tg.fmin(tg.tensor([3, 200]), tg.tensor(-1)).tolist() == [-1, -1]
    assert tg.fmax(tg.tensor([3, 200]), tg.tensor(7)).tolist() == [7, 200]


ENDLESS = (
    "median(z)", "median(-z)", "nanmedian(z)", "quantile(z, [0, 0.25, 1])", "nanquantile(z, [0, 1])",
    "percentile(z, [0, 50, 90])", "interp([-1.0, 0.0, 0.5, 1.0, 1.7, 2.0, 9.0], [0, 1, 2], z)",
    "interp([0.0, 0.3, 1.0, 1.5], [0, 1, 2], -z)", "interp(z, [0, 1, 2], [1, 2, 4])", "i0(z)", "linspace(1.0, z, 3)",
    "cumsum(z)", "trapezoid(z)", "sinc(z)", "nan_to_num(z)", "clip(z, 0, 3)", "average(z, weights=[1, 1, 0])",
    "convolve(z, [1, 0])", "polyval(z, 2.0)", "outer(z, [0, 1])", "ptp(z)", "var(z)", "unwrap(z)", "gradient(z)",
)  # fmt: skip


@pytest.mark.parametrize("call", [*ENDLESS, "linspace(z, 1.0, 3)", "geomspace(1.0, z, 3)", "interp([1.2], z[::-1], z)"])
def test_infinite_numbers_have_numpys_values_where_a_gradient_is_asked_for_or_are_refused(call: str) -> None:
    z = np.array([1.0, 2.0, np.inf])
    with np.errstate(all="ignore"), warnings.catch_warnings():
        warnings.simplefilter("ignore")
        expected = eval(f"np.{call}", {"np": np, "z": z})
        leaf = tg.tensor(z, requires_grad=True)
        try:
            found = eval(f"np.{call}", {"np": np, "z": leaf})
        except LostGraphError:
            assert call not in ENDLESS
            return
        np.testing.assert_allclose(found.detach().numpy(), expected, atol=1e-12)
        slopes = tg.autograd.grad(found[found.isfinite()].sum(), leaf)[0]
    assert slopes.isfinite().all()


def test_the_middle_beside_an_infinite_number_has_a_slope() -> None:
    z = tg.tensor([1.0, 2.0, np.inf, 4.0], requires_grad=True)
    assert tg.autograd.grad(np.median(z), z)[0].tolist() == [0, 0.5, 0, 0.5]
    assert tg.autograd.grad(np.interp([0.25], [0, 1, 2, 3], z)[0], z)[0].tolist() == [0.75, 0.25, 0, 0]
    assert tg.autograd.grad(np.interp([1.0], [0, 1, 2, 3], z)[0], z)[0].tolist() == [0, 1, 0, 0]


@pytest.mark.parametrize("shape", [(2, 3), (3, 2), (2, 4), (3, 1), (2, 2, 3)])
def test_singular_vectors_beyond_the_shorter_side_move_with_the_matrix(shape: tuple[int, ...]) -> None:
    a = tg.tensor(np.random.default_rng(1).normal(size=shape), requires_grad=True)

    def beyond(a: Any) -> Any:
        u, _, vh = np.linalg.svd(a)
        k = min(shape[-2:])
        return vh[..., k:, :] if shape[-1] > shape[-2] else u[..., k:].mT

    def certain(a: Any) -> Any:
        rows = beyond(a)
        return rows**4 if rows.shape[-2] == 1 else rows.mT @ rows  # what does not change when they turn

    assert tg.testing.gradcheck(certain, a)
    assert tg.testing.gradgradcheck(certain, a)
    u, s, vh = np.linalg.svd(a)
    for found, known in zip((u, s, vh), np.linalg.svd(a.detach().numpy()), strict=True):
        np.testing.assert_allclose(found.detach().numpy(), known, atol=1e-12)
