"""Every place of NumPy's functions given a number that requires grad, or a list of tensors: right, or refused.

Beside arrays NumPy asks no number what to do (``initial=``, ``left=``, ``ddof=``), and makes an array of a list itself.
"""

from __future__ import annotations

import functools
import inspect
import itertools
import math
import operator
import warnings
from collections.abc import Callable, Iterator
from typing import Any

import numpy as np
import pytest

import tensorgrad as tg
from tensorgrad.arrays import callers
from tensorgrad.errors import AutogradError, LostGraphError
from tests.numpycalls import ARRAYS, CALLS, computed, leaves, letters, taken_apart
from tests.test_numpy_functions import check_slopes

MORE = (
    "add.accumulate(v)", "add.outer(v, 0.5)", "multiply(v, 0.5)", "full((3,), 0.5)", "arange(0.0, 1.0, 0.3)", "eye(2)",
    "kaiser(4, 2.0)", "fromfunction(lambda i: i * 0.5, (3,))", "fft.fftfreq(4, 0.5)", "fft.rfftfreq(4, 0.5)",
    "array([0.5, 0.2])", "asarray([0.5, 0.2])", "tri(3)", "linspace(0.0, 1.0, 4, dtype=float)", "require(v)",
    "histogram(v, 3, range=(0.0, 1.0))", "interp(q, u, u ** 2, 0.1, 0.2)", "nan_to_num(g, True, 0.5, 0.6, 0.7)",
)  # fmt: skip
"""Of what takes no array, and of ufuncs, what takes numbers."""
OF_ANOTHER_KIND = ("dtype", "like", "out")
"""Places of what is no number, which NumPy asks for its dtype, or to make the array, or to be written to."""
VALUES = (0.7, 1.0, 2.0)  # of which functions know some by name: a norm's order
STEP = 1e-5


def places(call: str) -> Iterator[int | str]:
    """Yield each place of a call, and the name of each option that is not given there."""
    function, args, options = taken_apart(call)
    try:
        parameters = list(inspect.signature(function).parameters.values())
    except ValueError:  # of what is made in C
        parameters = []
    given = [p.name for p in parameters if p.kind is not p.KEYWORD_ONLY][: len(args)]
    named = [p.name for p in parameters if p.kind in (p.KEYWORD_ONLY, p.POSITIONAL_OR_KEYWORD) and p.name not in given]
    yield from range(len(args))
    yield from (name for name in dict.fromkeys([*options, *named]) if name not in OF_ANOTHER_KIND)


def outcome(call: str, place: int | str, value: Any) -> Any:
    """Return what a call gives with `value` at a place, or the error that it raises."""
    function, args, options = taken_apart(call)
    if isinstance(place, int):
        args[place] = value
    else:
        options[place] = value
    try:
        with warnings.catch_warnings(), np.errstate(all="ignore"):
            warnings.simplefilter("ignore")
            return function(*args, **options)
    except Exception as error:  # noqa: BLE001 - which one, NumPy and the package are asked alike
        return error


def weighed(result: Any) -> Any:
    """Return a sum of what is finite of a result, with weights of their own, as a tensor."""
    total: Any = tg.tensor(0.0, dtype=tg.float64)
    for part in leaves(result):
        y = part if isinstance(part, tg.Tensor) else np.asarray(part)
        if y.dtype in (tg.float64, tg.complex128, np.float64, np.complex128):
            x = tg.real(y if isinstance(y, tg.Tensor) else tg.tensor(y))
            weights = tg.tensor(np.cos(np.arange(x.numel())).reshape(x.shape))
            total = total + (tg.where(x.isfinite(), x, 0.0) * weights).sum()
    return total


def wrong(call: str, place: int | str, at: float) -> str:
    """Return what is wrong with a number that requires grad at a place; nothing if it is right, or refused."""
    expected = [outcome(call, place, np.float64(value)) for value in (at - STEP, at, at + STEP)]
    number = tg.tensor(at, dtype=tg.float64, requires_grad=True)
    found = outcome(call, place, number)
    if isinstance(found, Exception):
        lost = type(found) is AutogradError  # which is no TypeError
        return f"{found!r}" if lost and not isinstance(expected[1], Exception) else ""
    if any(isinstance(result, Exception) for result in expected):
        return ""
    low, middle, high = (float(weighed(result)) for result in expected)
    before, after = (middle - low) / STEP, (high - middle) / STEP
    if not abs(before - after) <= 1e-3 * (1 + abs(before)) or abs(before) > 1e4:
        return ""  # a kink, a jump, a pole
    total = weighed(found)
    slope = tg.autograd.grad(total, number, allow_unused=True)[0] if total.requires_grad else None
    got, wanted = 0.0 if slope is None else float(slope), (before + after) / 2
    return "" if abs(got - wanted) <= 1e-3 * (1 + abs(wanted)) else f"a slope of {got:.5g}, not {wanted:.5g}"


@pytest.mark.parametrize("call", [call for call in (*CALLS, *MORE) if call.endswith(")") and "astype" not in call])
def test_a_number_that_requires_grad_has_its_slope_at_every_place_or_is_refused(call: str) -> None:
    told = {(place, at): text for place in places(call) for at in VALUES if (text := wrong(call, place, at))}
    assert not told


def test_what_is_lost_would_be_seen() -> None:
    assert outcome("sum(M)", "initial", np.float64(0.7)) == ARRAYS["M"].sum() + 0.7
    assert float(weighed(outcome("sum(M)", "initial", np.float64(0.7)))) == ARRAYS["M"].sum() + 0.7
    assert {"initial", "axis", "where", 0} <= set(places("sum(M)"))
    assert sum(1 for call in CALLS if call.endswith(")") for _ in places(call)) > 1500


LISTS: dict[str, Callable[[Any], Any]] = {
    "a list": list,
    "a tuple": tuple,
    "numbers": lambda x: [list(row) for row in x] if x.ndim > 1 else list(x),
}


@pytest.mark.parametrize("kind", LISTS)
def test_lists_of_tensors_keep_their_graph_or_are_refused_with_a_type_error(kind: str) -> None:
    kept = 0
    for call in CALLS:
        for name in (n for n in letters(call) if ARRAYS[n].dtype.kind == "f" and ARRAYS[n].ndim in (1, 2)):
            leaf = tg.tensor(ARRAYS[name], requires_grad=True)
            try:
                result = computed(call, {name: LISTS[kind](1 * leaf)})
            except TypeError:
                continue
            except Exception:  # noqa: BLE001 - what NumPy says of such a list of numbers, too
                with pytest.raises(Exception):  # noqa: B017, PT011
                    computed(call, {name: ARRAYS[name].tolist()})
                continue
            check_slopes(call, {name: leaf}, result)
            kept += 1
    assert kept > 3


HELD: dict[str, Callable[[Any], Any]] = {
    "sum of a list": lambda t: np.sum([t, t]),
    "sin of a list": lambda t: np.sin([t, t]),
    "concatenate nested": lambda t: np.concatenate([[t, t], [t]]),
    "array": lambda t: np.array([t, t]),
    "full": lambda t: np.full(3, t),
    "histogram": lambda t: np.bincount([0, 1], weights=[t, t]),
    "mgrid": lambda t: np.mgrid[0:1:t],
    "r_": lambda t: np.r_[t, t],
}


@pytest.mark.parametrize("name", HELD)
def test_a_list_that_numpy_makes_an_array_of_is_refused_with_what_keeps_the_graph(name: str) -> None:
    t = tg.tensor(0.7, requires_grad=True)
    with pytest.raises(LostGraphError, match=r"tensorgrad\.stack|x\.detach\(\)") as caught:
        HELD[name](t)
    assert isinstance(caught.value, TypeError)
    assert isinstance(caught.value, RuntimeError)  # as PyTorch's
    with tg.no_grad():
        HELD[name](t)


def refused(call: Callable[[], Any]) -> bool:
    """Whether a call is refused by the package; NumPy tells it as the cause of an error of its own."""
    try:
        call()
    except (TypeError, ValueError) as error:
        return isinstance(error, LostGraphError) or isinstance(error.__cause__, LostGraphError)
    return False


def test_a_number_that_numpys_own_code_asks_for_is_refused_and_one_that_the_script_asks_for_is_not() -> None:
    t, a = tg.tensor(1.0, requires_grad=True), np.ones((2, 2))
    assert refused(lambda: np.sum(a, initial=t))
    assert refused(lambda: a.sum(initial=t))
    assert refused(lambda: np.add.reduce(a, initial=t))
    assert refused(lambda: np.fromiter([t, t], float))
    assert refused(lambda: a.fill(t))
    assert refused(lambda: np.var(a, ddof=t))
    assert refused(lambda: np.interp([9.0], [0.0, 1.0], [0.0, 1.0], right=t))
    assert refused(lambda: np.linalg.norm(a, axis=1, ord=t))
    assert refused(lambda: [float(t), np.fromiter([float(t), t], float)])
    assert not refused(lambda: [float(t), np.fromiter([float(t)], float), complex(t), f"{t:.1f}"])
    assert not refused(lambda: np.fromiter((float(number) for number in [t, t]), float))
    assert not refused(lambda: np.testing.assert_allclose(float(t), 1.0))
    assert not refused(lambda: np.fromiter([t.detach(), t.detach()], float))
    assert not refused(lambda: bool(t))


def test_a_number_is_refused_by_what_runs_and_not_by_what_the_script_calls_it(monkeypatch: Any) -> None:
    t, a, total, made = tg.tensor(1.0, requires_grad=True), np.ones(2), np.add.reduce, np.fromiter
    if callers.by_numpy() is None:
        pytest.skip("the C library of this machine does not read the stack")
    for call in (
        lambda: total(a, initial=t), lambda: functools.partial(np.multiply.reduce, a, initial=t)(),
        lambda: np.add.reduce(a, initial=t), lambda: made([t], float), lambda: list(map(a.fill, [t])),
        lambda: np.ones(2, complex).fill(t), lambda: np.array([(t, 1)], dtype="f8,i8"), lambda: a.max(initial=t),
    ):  # fmt: skip
        assert refused(call)
        with tg.no_grad():
            call()
    for call in (
        lambda: list(map(float, [t])), lambda: functools.partial(float, t)(), lambda: math.sin(t),
        lambda: operator.mod("%f", t),
        lambda: np.float64(t), lambda: np.vectorize(lambda i: i + float(t))(a),
        lambda: np.frompyfunc(lambda i: i + float(t), 1, 1)(a),
    ):  # fmt: skip
        assert not refused(call)
    a[0] = t
    a.flat[1] = 2 * t
    assert a.tolist() == [1.0, 2.0]
    monkeypatch.setattr(callers, "by_numpy", lambda: None)  # then by their names
    assert refused(lambda: np.add.reduce(a, initial=t))
    assert not refused(lambda: float(t))


POLYNOMIALS = [
    getattr(module, name)
    for module in (getattr(np.polynomial, name) for name in dir(np.polynomial))
    if inspect.ismodule(module)
    for name in dir(module)
    if name.endswith(("val", "grid2d", "val2d", "valfromroots"))
]


@pytest.mark.parametrize("recorded", [True, False])
@pytest.mark.parametrize("evaluate", POLYNOMIALS, ids=lambda f: f.__name__)
def test_polynomials_are_evaluated_as_of_arrays_or_refused(evaluate: Callable[..., Any], recorded: bool) -> None:
    kept = 0
    for count, x in itertools.product((1, 2), (np.array(0.3), np.array([0.3, 1.2]), np.array([[0.3, 1.2]]))):
        for c in (np.array([0.5, 2.0, -1.0]), np.array([[1.0, 2.0], [3.0, 4.0]]), np.arange(12.0).reshape(3, 2, 2)):
            for place in range(count):
                given = [x] * count
                given[place] = tg.tensor(x, requires_grad=recorded)
                try:
                    found = evaluate(*given, c)
                except (TypeError, ValueError):  # ShapeError, which roots and numbers meet before they are multiplied
                    continue
                np.testing.assert_allclose(np.asarray(getattr(found, "array", found)), evaluate(*[x] * count, c))
                assert not recorded or found.requires_grad
                kept += 1
    assert kept or evaluate.__name__.endswith("2d")


def test_what_is_refused_of_polynomials_says_how_the_graph_is_kept() -> None:
    x, c = tg.tensor([0.3, 1.2], requires_grad=True), np.array([[1.0, 2.0], [3.0, 4.0]])
    chebval = np.polynomial.chebyshev.chebval
    with pytest.raises(LostGraphError, match=r"tensorgrad\.stack\(\[chebval\(x, c\[:, i\]\) for i in range"):
        chebval(x, c)
    found = tg.stack([chebval(x, c[:, i]) for i in range(c.shape[1])])
    np.testing.assert_allclose(found.detach().numpy(), chebval(x.detach().numpy(), c), rtol=1e-6)
    with pytest.raises(LostGraphError, match="multiply x - r for each root r"):
        np.polynomial.polynomial.polyvalfromroots(x, [1.0, 2.0])


OPERATORS: dict[str, Callable[[Any, Any], Any]] = {
    "+": operator.add, "-": operator.sub, "*": operator.mul, "/": operator.truediv, "@": operator.matmul,
    "==": operator.eq, "<": operator.lt, "add": np.add, "maximum": np.maximum, "dot": np.dot,
    "concatenate": lambda x, y: np.concatenate([np.atleast_2d(x), np.atleast_2d(y)]),
    "where": lambda x, y: np.where([True, False], x, y),
    "compiled": tg.compile(operator.mul), "tg.where": lambda x, y: tg.where(tg.ones(2) > 0, x, y),
    "tg.dot": lambda x, y: tg.matmul(*map(tg.as_tensor, (x, y))),
}  # fmt: skip
NATURES = {
    "masked": np.ma.masked_array([1.0, 100.0], mask=[0, 1]),
    "matrix": np.array([[1.0, 2.0], [3.0, 4.0]]).view(np.matrix),  # whose constructor warns
    "wide": np.ones(2, "g"),
    "wide complex": np.ones(2, "G"),
    "a wide number": np.longdouble(2),
}


@pytest.mark.parametrize("name", OPERATORS)
@pytest.mark.parametrize("nature", [n for n, a in NATURES.items() if a.dtype.char in "dGg"])
def test_what_means_more_than_its_numbers_is_refused_on_either_side(nature: str, name: str) -> None:
    other, call = NATURES[nature], OPERATORS[name]
    if (isinstance(other, np.matrix | np.ma.MaskedArray) and name == "tg.dot") or (
        np.ndim(other) == 0 and name in ("concatenate", "@")
    ):
        pytest.skip("what is made a tensor is one; a number has no axis")
    if other.dtype.itemsize <= (16 if other.dtype.kind == "c" else 8) and other.dtype.char in "gG":
        pytest.skip("a double of this machine is as wide")
    x = tg.tensor(np.array([0.3, 1.2]), requires_grad=True)
    for pair in ((x, other), (other, x)):
        with pytest.raises(TypeError):
            call(*pair)


def test_a_masked_array_is_an_array_to_what_asks_for_its_numbers_and_where_it_hides_none() -> None:
    x, plain = tg.tensor([0.3, 1.2], requires_grad=True), np.ma.masked_array([1.0, 100.0])
    assert (x + plain).requires_grad
    for make in (tg.tensor, tg.as_tensor, tg.from_numpy, tg.Tensor):
        assert make(plain).tolist() == make(NATURES["masked"]).tolist() == [1.0, 100.0]
    assert np.sum(NATURES["masked"] + x.detach()) == pytest.approx(1.3)  # NumPy's own, of the mask


@pytest.mark.parametrize("recorded", [True, False])
@pytest.mark.parametrize("call", ["sum", "mean", "prod", "cumsum", "std", "trace", "ones_like", "full_like"])
def test_no_tensor_has_a_dtype_that_there_is_not(call: str, recorded: bool) -> None:
    if np.dtype("g").itemsize == 8:
        pytest.skip("a double of this machine is as wide")
    x = tg.tensor(np.eye(2), requires_grad=recorded)
    with pytest.raises(TypeError):
        getattr(np, call)(x, *[1.0][: call == "full_like"], dtype=np.longdouble)


def test_an_operand_that_is_none_says_what_makes_one_of_it() -> None:
    x = tg.ones(2, requires_grad=True)
    for other, way in (
        ([1, 2], r"tensorgrad\.tensor makes one"), ((x, x), r"tensorgrad\.stack of tensors"),
        (np.array([1, 2], object), r"of object: use x\.astype\('float64'\)"),
        (np.ones(2, "g"), r"use x\.astype\('float64'\)"), (type("Series", (), {})(), r"use series\.to_numpy\(\)"),
    ):  # fmt: skip
        with pytest.raises(TypeError, match=rf"must be a Tensor, an array or a number, not .*{way}"):
            x + other
