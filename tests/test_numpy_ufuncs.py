"""NumPy's functions of each element, all of them, of tensors: their graph is kept, or they are refused."""

from __future__ import annotations

import itertools
import operator
import re
import warnings
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

import tensorgrad as tg
from tensorgrad.arrays import ufuncs
from tensorgrad.errors import AutogradError, LostGraphError, TensorgradError
from tensorgrad.testing import gradcheck

UFUNCS = {u.__name__: u for u in vars(np).values() if isinstance(u, np.ufunc)}
FLOATS, INTEGERS, TRUTHS = np.array([0.3, 0.7, 0.9]), np.array([1, 2, 3]), np.array([True, False, True])
SQUARE = np.array([[0.3, 0.7], [0.9, 0.2]])
WHOLE = {
    "bitwise_and", "bitwise_or", "bitwise_xor", "bitwise_count", "invert", "left_shift", "right_shift", "gcd", "lcm",
}  # fmt: skip
ABOVE_ONE = {"arccosh"}
STEPS = {
    "ceil", "floor", "rint", "trunc", "sign", "heaviside", "floor_divide", "isfinite", "isinf", "isnan", "signbit",
    "equal", "not_equal", "less", "less_equal", "greater", "greater_equal", "logical_and", "logical_or", "logical_not",
    "logical_xor",
}  # fmt: skip
WITHOUT_SLOPE = {"cbrt", "frexp", "ldexp", "nextafter", "spacing", "isnat"}


def operands(name: str) -> list[np.ndarray[Any, Any]]:
    """Return arrays that the function takes."""
    if name in ("matmul", "vecdot", "matvec", "vecmat"):
        first, second = (SQUARE, SQUARE) if name in ("matmul", "vecdot") else (SQUARE, SQUARE[0])
        return [second, first] if name == "vecmat" else [first, second]
    if name == "ldexp":
        return [FLOATS, INTEGERS]
    x = INTEGERS if name in WHOLE else FLOATS + 1 if name in ABOVE_ONE else FLOATS
    return [x, x[::-1] + (1 if name in WHOLE else 0.05)][: UFUNCS[name].nin]


def parts(result: Any) -> tuple[Any, ...]:
    return result if isinstance(result, tuple) else (result,)


def same(result: Any, expected: Any) -> None:
    """Assert that tensors hold what NumPy computes."""
    assert len(parts(result)) == len(parts(expected))
    for y, known in zip(parts(result), parts(expected), strict=True):
        assert type(y) is tg.Tensor
        assert y.array.dtype != object
        np.testing.assert_allclose(y.detach().numpy(), known, rtol=1e-12, atol=1e-12, equal_nan=False)


def kinds(arrays: list[np.ndarray[Any, Any]]) -> list[list[Any]]:
    """Return operands of which one or all are tensors."""
    alone = [[tg.tensor(a) if i == k else a for k, a in enumerate(arrays)] for i in range(len(arrays))]
    return [[tg.tensor(a) for a in arrays], *alone]


@pytest.mark.parametrize("name", UFUNCS)
def test_values_are_numpys_wherever_a_tensor_stands(name: str) -> None:
    arrays = operands(name)
    if name == "isnat":
        with pytest.raises((TypeError, TensorgradError)):
            np.isnat(tg.ones(2))
        return
    for given in kinds(arrays):
        same(UFUNCS[name](*given), UFUNCS[name](*arrays))


@pytest.mark.parametrize("name", sorted(UFUNCS.keys() - WHOLE))
def test_a_gradient_is_right_or_there_is_none_and_that_is_said(name: str) -> None:
    ufunc, arrays = UFUNCS[name], operands(name)
    floats = [i for i, a in enumerate(arrays) if a.dtype.kind == "f"]
    for i in floats:
        x = tg.tensor(arrays[i], requires_grad=True)
        given = [x if k == i else a for k, a in enumerate(arrays)]
        if name in WITHOUT_SLOPE:
            with pytest.raises((AutogradError, TypeError), match=r"requires grad|isnat"):
                ufunc(*given)
            continue
        if name in STEPS:
            y = ufunc(*given)
            assert not y.requires_grad or not tg.autograd.grad(y.sum(), x)[0].any()
            continue
        recorded = any(y.requires_grad for y in parts(ufunc(*given)))
        assert recorded != ((name, i) == ("copysign", 1))  # of which the sign alone is read
        for part in range(len(parts(ufunc(*given)))) if recorded else ():
            gradcheck(
                lambda x, part=part, i=i: parts(ufunc(*[x if k == i else a for k, a in enumerate(arrays)]))[part], (x,)
            )
    if len(floats) > 1 and name not in STEPS | WITHOUT_SLOPE:
        gradcheck(lambda *xs: parts(ufunc(*xs))[-1], [tg.tensor(a, requires_grad=True) for a in arrays])


METHODS: dict[str, Callable[[Any, Any], Any]] = {
    "reduce": lambda u, x: u.reduce(x),
    "reduce last axis": lambda u, x: u.reduce(x, axis=-1),
    "reduce all": lambda u, x: u.reduce(x, axis=None),
    "reduce both, kept": lambda u, x: u.reduce(x, axis=(0, 1), keepdims=True),
    "reduce no axis": lambda u, x: u.reduce(x, axis=()),
    "reduce in float64": lambda u, x: u.reduce(x, dtype=np.float64),
    "reduce with a start": lambda u, x: u.reduce(x, initial=1),
    "reduce where": lambda u, x: u.reduce(x, where=np.eye(2) > 0, initial=1),
    "accumulate": lambda u, x: u.accumulate(x),
    "accumulate last axis": lambda u, x: u.accumulate(x, axis=1),
    "reduceat": lambda u, x: u.reduceat(x, [0, 1]),
    "outer": lambda u, x: u.outer(x, 1 + x[0]) if x.dtype.kind == "i" else u.outer(x, 0.55 * x[0]),
    "outer in float64": lambda u, x: u.outer(x, 0.55 * x, dtype=np.float64),
}


def followed(name: str, how: str) -> bool:
    """Return whether a method of a function has a gradient, or is known to have none."""
    rules = {"outer": ufuncs.CALLED, "reduce": ufuncs.REDUCED, "accumulate": ufuncs.ACCUMULATED}
    return UFUNCS[name] in rules[how.partition(" ")[0]] and how not in ("reduce with a start", "reduce where")


@pytest.mark.parametrize("how", METHODS)
@pytest.mark.parametrize("name", sorted(name for name, u in UFUNCS.items() if u.nin == 2 and u.nout == 1))
def test_methods_are_numpys_with_their_gradient_or_refused(name: str, how: str) -> None:
    array = np.array([[1, 2], [3, 4]]) if name in WHOLE else SQUARE + 0.1
    call = METHODS[how]
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            expected = call(UFUNCS[name], array)
    except (TypeError, ValueError, RuntimeError) as error:
        pytest.skip(f"NumPy refuses it: {error}")
    same(call(UFUNCS[name], tg.tensor(array)), expected)
    if name in WHOLE:
        return
    x = tg.tensor(array, requires_grad=True)
    if how.partition(" ")[0] in ("outer", "reduce", "accumulate") and followed(name, how):
        y = call(UFUNCS[name], x)
        same(y, expected)
        assert y.requires_grad or name in STEPS
        if name not in STEPS:
            gradcheck(lambda x: call(UFUNCS[name], x), (x,))
    else:
        with pytest.raises(AutogradError, match="has no derivative here"):
            call(UFUNCS[name], x)


def test_operators_with_arrays_and_numbers_of_numpys_are_those_of_tensors() -> None:
    x = tg.tensor([0.5, 2.0], requires_grad=True)
    for op in (operator.add, operator.sub, operator.mul, operator.truediv, operator.pow, operator.mod, operator.lt):
        for other in (np.float32(1.5), np.float64(1.5), np.int64(2), np.array([1.5, 3.0], np.float32), 1.5, 2):
            for pair, plain in (((other, x), (tg.tensor(other), x)), ((x, other), (x, tg.tensor(other)))):
                y, known = op(*pair), op(*plain)
                assert type(y) is tg.Tensor
                assert y.requires_grad == known.requires_grad
                np.testing.assert_array_equal(y.detach().numpy(), known.detach().numpy().astype(y.array.dtype))
    assert (np.ones(2) * tg.ones(2)).dtype == tg.float64
    assert (np.float64(2) * tg.ones(2)).dtype == tg.float32


def test_out_is_written_with_its_gradient_and_an_array_holds_none() -> None:
    x = tg.tensor([1.0, 2.0], requires_grad=True)
    out = tg.zeros(2)
    assert np.exp(x, out=out) is out
    out.sum().backward()
    np.testing.assert_allclose(x.grad.numpy(), np.exp([1.0, 2.0]), rtol=1e-6, equal_nan=False)
    array = np.zeros(2)
    with pytest.raises(AutogradError, match="array, which has no history"):
        np.exp(x, out=array)
    with pytest.raises(AutogradError, match="x = x \\+ y for x \\+= y"):
        array += x
    array += x.detach()
    assert array.tolist() == [1.0, 2.0]
    np.multiply(x.detach(), 2, out=array, where=np.array([True, False]))
    assert array.tolist() == [2.0, 2.0]
    whole = np.zeros(2, int)
    with pytest.raises(TypeError, match="cannot hold float32"):
        np.exp(x.detach(), out=whole)
    assert np.exp(x.detach(), out=whole, casting="unsafe").tolist() == [2, 7]
    both = (tg.zeros(2), None)
    quotient, rest = np.divmod(x.detach(), 2, out=both)
    assert quotient is both[0]
    assert (quotient.tolist(), rest.tolist()) == ([0.0, 1.0], [1.0, 0.0])


def test_where_needs_out_whose_other_elements_keep_their_gradient() -> None:
    x, before = tg.tensor([4.0, -1.0], requires_grad=True), tg.tensor([5.0, 6.0], requires_grad=True)
    with pytest.raises(TensorgradError, match=r"use np.where\(condition, np.sqrt\(x\), other\)"):
        np.sqrt(x, where=np.array([True, False]))
    out = before.clone()
    np.sqrt(x, out=out, where=tg.tensor([True, False]))
    out.sum().backward()
    assert out.tolist() == [2.0, 6.0]
    assert (x.grad.tolist(), before.grad.tolist()) == ([0.25, 0.0], [0.0, 1.0])


def test_what_is_given_besides_has_its_gradient_or_is_refused_and_nothing_is_an_object() -> None:
    x, out = tg.tensor([1.0, 2.0], requires_grad=True), tg.zeros(2)
    assert np.sin(np.array([0.0, 0.0]), out=out) is out
    with pytest.raises(AutogradError, match="has no derivative here"):
        np.add.reduce(x.detach(), initial=x[0])
    with pytest.raises(TypeError, match="gives object: call it with"):
        np.frompyfunc(lambda value: [value], 1, 1)(x.detach())


def test_dtype_says_what_is_computed_and_of_a_comparison_what_comes_out() -> None:
    x = tg.tensor([1.2, float("nan")], requires_grad=True)
    assert np.less(x, 1.5, dtype=bool).tolist() == [True, False]
    assert np.isnan(x, dtype=bool).tolist() == [False, True]
    assert np.less.outer(x, np.array([1.5]), dtype=bool).tolist() == [[True], [False]]
    assert np.add.reduce(tg.ones(2, dtype=tg.bool), dtype=bool).item() is True
    assert np.add.accumulate(tg.ones(2), dtype=bool).dtype == tg.bool
    assert np.sin(x, dtype=np.float64).dtype == tg.float64
    for call in (
        lambda: np.true_divide(tg.tensor([3.7]), 2.5, dtype=int),
        lambda: np.add(np.array([1.7]), tg.tensor([1.6]), dtype=int),
        lambda: np.sin(x, dtype=int),
        lambda: np.add(tg.tensor([1.2]), 1.5, dtype="U3"),
    ):
        with pytest.raises(TypeError):
            call()


def test_numbers_and_lists_beside_tensors_are_as_beside_operators() -> None:
    x = tg.tensor([1.0, 2.0])
    assert np.add.outer(2.5, x).dtype == np.add.outer(x, 2.5).dtype == tg.float32
    assert np.add([1, 2], x).tolist() == [2.0, 4.0]
    assert np.maximum((1, 9), x).tolist() == [1.0, 9.0]
    assert np.modf(tg.tensor([np.inf, -1.5]))[0].tolist() == [0.0, -0.5]
    assert np.ldexp(tg.tensor([1e-30]), 200).item() == pytest.approx(1.6069380e30)


@pytest.mark.parametrize(
    "own", [np.positive, np.conj, lambda x: np.add.reduce(x, axis=()), lambda x: np.maximum.reduce(x[0])]
)
def test_results_have_memory_of_their_own(own: Callable[[tg.Tensor], tg.Tensor]) -> None:
    x = tg.tensor([1.0, 2.0])
    y = own(x)
    y += 10
    assert x.tolist() == [1.0, 2.0]


def test_where_of_numpys_keeps_the_graph() -> None:
    x = tg.tensor([4.0, -1.0], requires_grad=True)
    y = np.where(x.detach() > 0, np.sqrt(abs(x)), 0.0)
    z = np.where(np.array([True, False]), x, np.zeros(2, np.float32))
    (y.sum() + z.sum()).backward()
    assert (y.tolist(), z.tolist()) == ([2.0, 0.0], [4.0, 0.0])
    assert x.grad.tolist() == [1.25, 0.0]


def test_add_at_adds_as_often_as_an_element_is_named() -> None:
    x, total = tg.tensor([1.0, 2.0, 4.0], requires_grad=True), tg.zeros(3)
    np.add.at(total, [0, 2, 0], x)
    (total * tg.tensor([1.0, 1.0, 10.0])).sum().backward()
    assert total.tolist() == [5.0, 0.0, 2.0]
    assert x.grad.tolist() == [1.0, 10.0, 1.0]
    array = np.zeros(3)
    np.add.at(array, [0, 0], x.detach()[:2])
    assert array.tolist() == [3.0, 0.0, 0.0]
    np.add.at(array, tg.tensor([0, 0]), 1.0)
    np.add.at(array, (tg.tensor([1]),), tg.ones(1))
    np.add.at(total, [], 1.0)
    assert array.tolist() == [5.0, 1.0, 0.0]
    with pytest.raises(AutogradError, match="let the array be a tensor"):
        np.add.at(array, [0, 2, 0], x)
    with pytest.raises(LostGraphError, match="where no element is named twice"):
        np.multiply.at(total, [0], 2.0)


def test_they_are_followed_by_traces_batches_and_compiled_functions() -> None:
    x, array = tg.tensor([0.3, 0.7], requires_grad=True), np.array([2.0, 3.0], np.float32)

    def f(x: tg.Tensor) -> tg.Tensor:
        return (np.add(array, np.sin(x)) * array / np.hypot(x, 1.0)).sum()

    graph = tg.graph.Graph.trace(f, x)
    assert not graph.breaks
    assert [node.op for node in graph.nodes if not node.is_leaf] == ["sin", "add", "mul", "hypot", "div", "sum"]
    many = tg.tensor([[0.3, 0.7], [0.1, 0.2]])
    expected = [f(row) for row in many]
    np.testing.assert_allclose(tg.vmap(f)(many).numpy(), [y.item() for y in expected], rtol=1e-6, equal_nan=False)
    fast = tg.compile(f)
    for _ in range(3):
        np.testing.assert_allclose(fast(x).item(), f(x).item(), rtol=1e-6, equal_nan=False)

    def of_arrays(x: tg.Tensor) -> tg.Tensor:
        return np.multiply(x.detach().numpy(), x) + x.detach().numpy() * x

    followed = tg.graph.Graph.trace(of_arrays, x)
    assert not followed.breaks
    assert followed.nodes[-1].requires_grad


@pytest.mark.parametrize("dtype", [np.float16, np.float32, np.complex64, np.int8, np.bool_])
def test_other_dtypes_are_computed_as_the_package_does(dtype: Any) -> None:
    x = tg.tensor(np.array([1, 0]).astype(dtype))
    for theirs, ours in itertools.product((np.exp, np.negative, np.square), (tg.exp, tg.neg, tg.square)):
        if theirs.__name__ in (ours.__name__, {"neg": "negative"}.get(ours.__name__)) and x.dtype != tg.bool:
            y, known = theirs(x), ours(x)
            assert y.dtype == known.dtype
            np.testing.assert_array_equal(y.numpy(), known.numpy())


AT = [
    ("maximum", [0], [5.0]), ("multiply", [0, 0], 2.0), ("subtract", [0, 0, 2], [1.0, 2.0, 3.0]), ("negative", [0, 0]),
    ("add", slice(0, 2), [1.0, 2.0]), ("multiply", slice(None, None, 2), 3.0), ("add", ..., 1.0), ("exp", 1),
    ("add", [0, 0], [1.0, 2.0]), ("power", (slice(1, 3),), 2.0), ("add", np.array([True, False, True]), 1.0),
]  # fmt: skip


@pytest.mark.parametrize("recorded", [False, True])
@pytest.mark.parametrize(("name", "places", "values"), [(*case[:2], case[2:]) for case in AT], ids=str)
def test_elements_are_written_as_by_numpy_or_refused(name: str, places: Any, values: Any, recorded: bool) -> None:
    leaf, array = tg.tensor([3.0, 1.5, 2.0], dtype=tg.float64, requires_grad=recorded), np.array([3.0, 1.5, 2.0])
    x = leaf * 1.0
    getattr(np, name).at(array, places, *map(np.array, values))
    if recorded and isinstance(places, list) and name != "add":
        with pytest.raises(LostGraphError, match=rf"x\[indices\] = np\.{name}\(x\[indices\]"):
            getattr(np, name).at(x, places, *values)
        return
    getattr(np, name).at(x, places, *values)
    np.testing.assert_allclose(x.detach().numpy(), array)
    if recorded:

        def written(a: Any) -> Any:
            y = 1.0 * a
            getattr(np, name).at(y, places, *values)
            return y

        assert tg.testing.gradcheck(written, leaf)


def test_what_is_written_has_room_and_refusals_of_where_are_type_errors() -> None:
    with pytest.raises(TypeError, match="cannot hold float64"):
        np.add.at(tg.arange(3), slice(0, 2), 0.5)
    with pytest.raises(TypeError, match=r"np\.where\(condition, np\.sin"):
        np.sin(tg.ones(2), where=[True, False])


INSTEAD: dict[str, tuple[Callable[[Any], Any], Callable[[Any], Any]]] = {
    "np.sign(x) * np.abs(x) ** (1 / 3)": (np.cbrt, lambda x: np.sign(x) * np.abs(x) ** (1 / 3)),
    "x * 2.0 ** n": (lambda x: np.ldexp(x, 2), lambda x: x * 2.0**2),
    "np.sum, which takes where= and initial=": (
        lambda x: np.add.reduce(x, where=[True, False, True], initial=1.0),
        lambda x: np.sum(x, where=[True, False, True], initial=1.0),
    ),
    "x[0] - np.sum(x[1:], axis=0)": (np.subtract.reduce, lambda x: x[0] - np.sum(x[1:], axis=0)),
    "x[0] / np.prod(x[1:], axis=0)": (np.divide.reduce, lambda x: x[0] / np.prod(x[1:], axis=0)),
    "np.linalg.norm": (np.hypot.reduce, np.linalg.norm),
    "np.log(x) / np.log(n)": (lambda x: np.emath.logn(3, x), lambda x: np.log(x) / np.log(3)),
    "the function of np itself, of x + 0j": (np.emath.sqrt, lambda x: np.real(np.sqrt(x + 0j))),
    "x.to(dtype) of the result": (
        lambda x: np.concatenate([x, x], dtype=np.float32), lambda x: np.concatenate([x, x]).to(tg.float32),
    ),
    "method= linear": (lambda x: np.quantile(x, 0.5, method="hazen"), lambda x: np.quantile(x, 0.5, method="linear")),
}  # fmt: skip


@pytest.mark.parametrize("way", INSTEAD)
def test_the_way_out_that_is_told_is_there_and_gives_the_same(way: str) -> None:
    refused, instead = INSTEAD[way]
    x = tg.tensor([0.5, 2.0, 3.0], dtype=tg.float64, requires_grad=True)
    with pytest.raises(LostGraphError, match=re.escape(way)) as caught:
        refused(x)
    assert "x.detach()" in str(caught.value)
    assert "use functions of tensorgrad" not in str(caught.value)
    found = instead(x)
    assert found.requires_grad
    np.testing.assert_allclose(found.detach().numpy(), refused(x.detach().numpy()), rtol=1e-6)


def test_scipys_functions_are_told_by_their_name_here() -> None:
    special = pytest.importorskip("scipy.special", reason="SciPy is not installed: its functions are not there to call")
    x = tg.tensor([0.5, 0.2], requires_grad=True)
    with pytest.raises(LostGraphError, match=r"^expit of .*use tensorgrad\.special\.expit, or x\.detach"):
        special.expit(x)
    for name in ufuncs._SPECIAL:
        assert callable(getattr(tg.special, name))
        assert isinstance(getattr(special, name), np.ufunc)


def test_out_is_taken_by_its_place_as_by_its_name() -> None:
    x, out = tg.tensor([0.5, 2.0], requires_grad=True), tg.zeros(2)
    assert np.clip(x, 0, 1, out) is out
    assert out.requires_grad
    assert out.tolist() == [0.5, 1.0]
    assert np.sum(x, 0, None, tg.zeros(())).requires_grad
    assert np.sum(x, 0, None, None, True).shape == (1,)
