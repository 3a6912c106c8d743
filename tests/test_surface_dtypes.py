"""The dtype of every result beside PyTorch's: each function of one or two tensors, of every dtype, pair and number."""

from __future__ import annotations

import inspect
import math
import warnings
from collections.abc import Callable, Iterator
from typing import Any

import numpy as np
import pytest

import tensorgrad as tg
from tensorgrad.errors import DTypeError
from tests.peer import torch_

DTYPES = ["bool", "uint8", "int8", "int32", "int64", "float16", "float32", "float64"]
NUMBERS: list[Any] = [True, 0, 2, 0.5]
WHERE: dict[str, Callable[[Any], Any]] = {
    "": lambda lib: lib, "linalg.": lambda lib: lib.linalg, "F.": lambda lib: lib.nn.functional,
    ".": lambda lib: lib.Tensor,
}  # fmt: skip
NAN, INF = math.nan, math.inf

# What has another dtype than PyTorch's, or is refused where PyTorch answers, and why.
OTHERWISE = {
    **dict.fromkeys(
        ("F.huber_loss", "F.soft_margin_loss", "F.binary_cross_entropy_with_logits"),
        "floats meet in the wider dtype, as everywhere; PyTorch's kernel takes that of one argument",
    ),
    "F.poisson_nll_loss": "of booleans or integers and halves: rounded to halves, as all that is computed of these",
    "F.multilabel_soft_margin_loss": "targets are tensors",
    "complex": "NumPy has no complex32",
    "view_as_complex": "NumPy has no complex32",
    **dict.fromkeys(
        ("F.dropout", "F.dropout1d", "F.dropout2d", "F.dropout3d"),
        "what is dropped entirely is a float too; and a vector has no channels",
    ),
    "F.adaptive_max_pool1d": "no pools of size 0",
    **dict.fromkeys((".storage", ".untyped_storage"), "one class of storages, whose repr says the dtype"),
    "F.gumbel_softmax": "a temperature is a number",
    "F.embedding_bag": "a table of weights and indices in the places of each other are refused",
    "linalg.matrix_rank": "tolerances are given by their names",
    "linalg.pinv": "tolerances are given by their names",
    **dict.fromkeys(("histogram", ".histogram"), "the number of bins is asked for"),
    "F.hardtanh_": "a lower limit above the upper one is refused",
    ".to": "what is neither dtype, device nor tensor is refused",
}

# What PyTorch refuses and would lose something: kinds of number that do not fit where they are written, and the like.
REFUSED = (
    "can't be cast to the desired output type", "different dtypes", "expects p to be in", "lambda > 0",
    "continuous probability", "could not infer output dtype",
)  # fmt: skip

LEFT_OUT = {
    *("manual_seed", "seed", "initial_seed", "save", "load", "vmap", "typename", "result_type", ".backward", ".type"),
}


def callables(inside: Any) -> Iterator[str]:
    for name in dir(inside):
        function = getattr(inside, name)
        if not name.startswith(("_", "set_", "use_")) and callable(function) and not inspect.isclass(function):
            yield name


NAMES = [where + name for where, find in WHERE.items() for name in callables(find(tg)) if where + name not in LEFT_OUT]


def arguments() -> Iterator[tuple[Any, ...]]:
    square = np.array([[1, 1], [0, 1]])
    for d in DTYPES:
        a = square.astype(d)
        yield from ((a,), (a[0],), (a[0], 0))
        yield from ((a, v) for v in NUMBERS)
        yield from ((v, a) for v in NUMBERS)
        yield from ((a, square.astype(e)) for e in DTYPES)


def described(y: Any) -> Any:
    """The dtype of a result, or those of several; the type of what is no tensor."""
    if isinstance(y, tuple | list):
        return tuple(map(described, y))
    dtype = getattr(y, "dtype", None)
    return type(y).__name__ if dtype is None else str(dtype).removeprefix("torch.")


def outcome(lib: Any, function: Callable[..., Any], given: tuple[Any, ...]) -> tuple[Any, str]:
    """What the results are, or None and why there is none."""
    try:
        return described(function(*(lib.tensor(v) if isinstance(v, np.ndarray) else v for v in given))), ""
    except Exception as error:  # noqa: BLE001 - whatever the library says
        return None, str(error)


def shown(given: tuple[Any, ...]) -> str:
    return ", ".join(f"{v.dtype}{list(v.shape)}" if isinstance(v, np.ndarray) else repr(v) for v in given)


def test_there_are_many_functions() -> None:
    assert len(NAMES) > 600
    assert set(OTHERWISE) <= set(NAMES)


@pytest.mark.parametrize("name", NAMES)
def test_a_result_has_pytorchs_dtype(name: str) -> None:
    torch = torch_()
    where = max((w for w in WHERE if name.startswith(w)), key=len)
    ours, theirs = (getattr(WHERE[where](lib), name.removeprefix(where), None) for lib in (tg, torch))
    if theirs is None or not callable(theirs):
        pytest.skip("PyTorch has no such function")
    wrong = []
    for given in arguments():
        if where == "." and not isinstance(given[0], np.ndarray):
            continue
        with warnings.catch_warnings(), np.errstate(all="ignore"):
            warnings.simplefilter("ignore")
            wanted, why = outcome(torch, theirs, given)
            found, error = outcome(tg, ours, given)
        if wanted is None and found is not None and any(text in why for text in REFUSED) and name[-1] == "_":
            wrong.append(f"{name}({shown(given)}): {found}, PyTorch refuses: {why[:80]}")
        flag = "must be bool, not" in error  # of which PyTorch takes a number for many
        if wanted is not None and found != wanted and not flag and name not in OTHERWISE:
            wrong.append(f"{name}({shown(given)}): {found or error[:80]}, PyTorch {wanted}")
    assert not wrong, "\n".join(wrong)


WHOLE = [[3, 1, 2], [250, 0, 2]]


@pytest.mark.parametrize("dtype", ["uint8", "int16", "int64"])
@pytest.mark.parametrize("name", NAMES)
def test_floats_of_whole_numbers_are_those_of_the_same_floats(name: str, dtype: str) -> None:
    """Nothing on the way is computed in whole numbers, of which uint8 has none below 0."""
    where = max((w for w in WHERE if name.startswith(w)), key=len)
    function = getattr(WHERE[where](tg), name.removeprefix(where))
    if "rand" in name or name in {"empty_like", ".new_empty", ".bernoulli", "F.dropout", "F.hardshrink"}:
        pytest.skip("not the same twice, or no function of two tensors")
    for values, more in ((WHOLE, ()), (WHOLE, (1,)), (WHOLE, (WHOLE[::-1],)), (WHOLE[0], ())):
        with warnings.catch_warnings(), np.errstate(all="ignore"):
            warnings.simplefilter("ignore")
            try:
                found, wanted = (
                    function(*(tg.tensor(v, dtype=d) if isinstance(v, list) else v for v in (values, *more)))
                    for d in (dtype, "float32")
                )
            except Exception:  # noqa: BLE001 - one of the two is refused
                continue
        if not isinstance(found, tg.Tensor) or found.dtype != np.float32:
            continue
        np.testing.assert_allclose(found.numpy(), wanted.numpy(), rtol=1e-5, atol=1e-6)


@pytest.mark.parametrize("name", NAMES)
def test_whole_numbers_beside_float64_lose_no_digits(name: str) -> None:
    where = max((w for w in WHERE if name.startswith(w)), key=len)
    function = getattr(WHERE[where](tg), name.removeprefix(where))
    if "normal" in name or name in {"F.gumbel_softmax", ".view"}:
        pytest.skip("not the same twice, or of the bits")
    floats, whole = np.array([[0.3, 0.7, 0.1], [0.9, 0.2, 0.6]]), np.array([[1, 3, 5], [2, 1, 3]])
    for position in (0, 1):
        found, wanted = (
            answered(function, (x, floats) if position == 0 else (floats, x)) for x in (whole, whole.astype(np.float64))
        )
        if all(isinstance(y, tg.Tensor) and y.dtype == np.float64 for y in (found, wanted)):
            np.testing.assert_allclose(found.numpy(), wanted.numpy(), rtol=1e-12, err_msg=str(position))


def answered(function: Any, given: tuple[np.ndarray, ...]) -> Any:
    with warnings.catch_warnings(), np.errstate(all="ignore"):
        warnings.simplefilter("ignore")
        try:
            return function(*map(tg.tensor, given))
        except Exception:  # noqa: BLE001 - it takes no two tensors, or none of whole numbers
            return None


@pytest.mark.parametrize(
    ("call", "wanted"),
    [
        (lambda: tg.tensor([True, False]) ** 2, ("int64", [1, 0])),
        (lambda: tg.tensor([True, False]) ** tg.tensor([False, True]), ("bool", [True, False])),
        (lambda: tg.tensor([True]).square(), ("int64", [1])),
        (lambda: tg.add(tg.tensor([True]), tg.tensor([False]), alpha=2), ("bool", [True])),
        (lambda: tg.add(tg.tensor([1], dtype=tg.int8), tg.tensor([True]), alpha=2), ("int8", [3])),
        (lambda: tg.sign(tg.tensor([True, False])), ("bool", [True, False])),
        (lambda: tg.copysign(tg.tensor([1, 2]), -1), ("float32", [-1.0, -2.0])),
        (lambda: tg.logsumexp(tg.tensor([0, 250], dtype=tg.uint8), 0), ("float32", 250.0)),
        (lambda: tg.vander(tg.tensor([2, 100], dtype=tg.int8), 3), ("int64", [[4, 2, 1], [10000, 100, 1]])),
        (lambda: tg.tensor([[1, 1], [0, 1]]).matrix_power(3), ("int64", [[1, 3], [0, 1]])),
        (lambda: tg.tensor([[200], [100]], dtype=tg.uint8).sum_to_size(1), ("int64", [300])),
        (lambda: tg.all(tg.tensor([1, 2], dtype=tg.uint8)), ("uint8", 1)),
        (lambda: tg.round(tg.tensor([10000.0, 1.5], dtype=tg.float16), decimals=1), ("float16", [10000.0, 1.5])),
        (lambda: tg.tensor([10000.0], dtype=tg.float16).round(decimals=1), ("float16", [10000.0])),
        (lambda: tg.logaddexp2(tg.tensor([3]), tg.tensor([0.1], dtype=tg.float64)), ("float64", [3.181384614204733])),
    ],
)  # fmt: skip
def test_whole_numbers_and_booleans_without_pytorch(call: Any, wanted: Any) -> None:
    y = call()
    assert (str(y.dtype), y.tolist()) == wanted


def test_what_does_not_fit_is_not_written() -> None:
    flags, numbers = tg.tensor([True, False]), tg.tensor([1, 2])
    for write in (
        lambda: flags.add_(2), lambda: flags.mul_(numbers), lambda: flags.square_(), lambda: flags.clamp_(0),
        lambda: numbers.copysign_(-1), lambda: numbers.normal_(), lambda: flags.uniform_(),
        lambda: numbers.exponential_(),
    ):  # fmt: skip
        with pytest.raises(TypeError):
            write()
    assert (flags.tolist(), numbers.tolist()) == ([True, False], [1, 2])
    with pytest.raises(ValueError, match=r"in \[0, 1\], but got p=2"):
        tg.zeros(2).bernoulli_(2)
    assert tg.zeros(2).bernoulli_(tg.tensor([0.0, 1.0])).tolist() == [0, 1]


# --- ties and NaN -----------------------------------------------------------------------------------------------------

TIES = {
    "one value three times": [3.0, 1.0, 1.0, 1.0, 2.0], "NaN beside a pair": [NAN, 1.0, 1.0, NAN],
    "only NaN": [NAN, NAN], "infinities": [INF, INF, -INF], "one": [2.0],
}  # fmt: skip


@pytest.mark.parametrize("dim", [(), (0,)])
@pytest.mark.parametrize("name", ["median", "nanmedian"])
@pytest.mark.parametrize("values", TIES.values(), ids=list(TIES))
def test_equal_elements_share_the_slope_of_a_median_as_pytorchs_do(values: Any, name: str, dim: Any) -> None:
    slopes = []
    for lib in (tg, torch_()):
        x = lib.tensor(values, requires_grad=True)
        y = getattr(lib, name)(x, *dim)
        (y[0] if dim else y).backward()
        slopes.append([(y[0] if dim else y).item(), *x.grad.tolist()])
    np.testing.assert_allclose(slopes[0], slopes[1])


def test_the_median_of_no_whole_numbers_is_refused() -> None:
    assert math.isnan(tg.median(tg.zeros(0)).item())
    with pytest.raises(IndexError, match="no NaN in int64"):
        tg.median(tg.zeros(0, dtype=tg.int64))


ROWS = [[1.0, 2.0, NAN, NAN], [1.0, NAN, 3.0, 4.0], [NAN], [1.0, 2.0, 3.0, 3.0, 5.0], []]
SOUGHT = [0.0, 1.0, 3.0, 3.5, 9.0, INF, -INF, NAN]


@pytest.mark.parametrize("right", [False, True])
@pytest.mark.parametrize("row", ROWS, ids=str)
def test_places_beside_nan_are_pytorchs(row: list[float], right: bool) -> None:
    for sought in (SOUGHT, SOUGHT[:5], [SOUGHT, SOUGHT]):
        found, wanted = (
            lib.searchsorted(lib.tensor(row), lib.tensor(sought), right=right).tolist() for lib in (tg, torch_())
        )
        assert found == wanted
        found, wanted = (
            lib.bucketize(lib.tensor(sought), lib.tensor(row), right=right).tolist() for lib in (tg, torch_())
        )
        assert found == wanted


@pytest.mark.parametrize(
    "values", [[NAN, 1.0, NAN, 1.0, NAN], [NAN], [0.0, -0.0, 1.0], [[NAN, 1.0], [1.0, NAN]]], ids=str
)
def test_every_nan_is_a_value_of_its_own(values: Any) -> None:
    found, wanted = (
        [v.tolist() for v in lib.unique(lib.tensor(values), return_inverse=True, return_counts=True)]
        for lib in (tg, torch_())
    )
    np.testing.assert_equal(found, wanted)
    assert len(tg.unique(tg.tensor([[NAN, 1.0], [NAN, 1.0], [0.0, 1.0], [0.0, 1.0]]), dim=0)) == 3


@pytest.mark.parametrize("values", [[NAN, NAN], [1.0, NAN, 2.0, 2.0], [3.0, 1.0]], ids=str)
def test_the_commonest_beside_nan_is_pytorchs(values: Any) -> None:
    found, wanted = ([v.tolist() for v in lib.mode(lib.tensor(values))] for lib in (tg, torch_()))
    np.testing.assert_equal(found, wanted)


@pytest.mark.parametrize("ord", ["fro", "nuc", 2, -2, 1, -1, INF, -INF])
@pytest.mark.parametrize("shape", [(0, 3), (3, 0), (0, 0), (2, 0, 3), (0, 2, 2)])
def test_norms_of_matrices_of_nothing_are_pytorchs(shape: Any, ord: Any) -> None:
    outcomes = []
    for lib in (tg, torch_()):
        try:
            outcomes.append(lib.linalg.matrix_norm(lib.zeros(*shape), ord).tolist())
        except (IndexError, RuntimeError):
            outcomes.append("refused")
    assert outcomes[0] == outcomes[1]


def test_a_tensor_of_a_recorded_tensor_would_lose_its_history() -> None:
    x = tg.ones(2, requires_grad=True)
    for given in (x, x * 2):
        with pytest.raises(RuntimeError, match="would leave its history behind"):
            tg.Tensor(given)
    with tg.no_grad():
        assert not tg.Tensor(x).requires_grad
    y = tg.ones(2)
    alias, w = tg.Tensor(y), tg.ones(2, requires_grad=True)
    loss = (w * y).sum()
    alias[0] = 5.0
    assert y.tolist() == [5, 1]
    with pytest.raises(RuntimeError, match="modified by an inplace operation"):
        loss.backward()


@pytest.mark.parametrize(
    "pair", [(1, -1), (True, 2), (1, 0), (True, False), (1, 2.0), (1, 2j), (np.int64(1), np.int8(0))]
)
def test_two_numbers_to_choose_from_meet_in_a_dtype_of_their_own(pair: Any) -> None:
    mask = tg.tensor([True, False])
    chosen = tg.where(mask, *pair)
    assert chosen.tolist() == list(pair)
    dtypes = [tg.tensor(np.asarray(n).item()).dtype for n in pair]
    assert chosen.dtype == tg.promote_types(*dtypes)


FILLED: dict[str, Callable[[tg.Tensor, Any], Any]] = {
    "fill_": lambda x, n: x.fill_(n),
    "full_like": lambda x, n: tg.full_like(x, n),
    "full": lambda x, n: tg.full((2,), n, dtype=x.dtype),
    "masked_fill": lambda x, n: x.masked_fill(x == 1, n),
    "masked_fill_": lambda x, n: x.masked_fill_(x == 1, n),
    "index_fill": lambda x, n: x.index_fill(0, tg.tensor([0]), n),
    "scatter": lambda x, n: x.scatter(0, tg.tensor([0]), n),
    "pad": lambda x, n: tg.nn.functional.pad(x, (1, 0), value=n),
    "fill_diagonal_": lambda x, n: x.reshape(2, 1).fill_diagonal_(n),
    "linspace": lambda x, n: tg.linspace(0, n, 2, dtype=x.dtype),
    "arange": lambda x, n: tg.arange(0, 2 * n, n, dtype=x.dtype),
}


@pytest.mark.parametrize("dtype", [tg.uint8, tg.int32, tg.float16, tg.float32])
@pytest.mark.parametrize("name", FILLED)
def test_a_number_without_a_place_in_the_dtype_is_refused(name: str, dtype: Any) -> None:
    limits = tg.finfo(dtype) if dtype.is_floating_point else tg.iinfo(dtype)
    for number in (limits.max, limits.max // 2):
        assert float(FILLED[name](tg.ones(2, dtype=dtype), number).max()) in (
            number,
            float(tg.tensor(number, dtype=dtype)),
        )
    with pytest.raises(DTypeError, match="without overflow"):
        FILLED[name](tg.ones(2, dtype=dtype), 3 * limits.max)


def test_a_whole_number_that_is_chosen_is_not_wrapped() -> None:
    mask, small = tg.tensor([True, False]), tg.tensor([1, 2], dtype=tg.uint8)
    for call in (lambda: tg.where(mask, 300, small), lambda: tg.nn.functional.threshold(small, 3, 300)):
        with pytest.raises(DTypeError, match="out of bounds for uint8"):
            call()
    assert tg.where(mask, 200, small).tolist() == [200, 2]


def test_whole_numbers_are_drawn_that_the_dtype_has() -> None:
    for dtype in (tg.float16, tg.uint8):
        with pytest.raises(DTypeError, match="out of bounds"):
            tg.randint(0, 100_000, (5,), dtype=dtype)
        with pytest.raises(DTypeError, match="out of bounds"):
            tg.empty(5, dtype=dtype).random_(0, 100_000)
        drawn = tg.empty(500, dtype=dtype).random_().double()
        assert tg.isfinite(drawn).all()
        assert 0 <= float(drawn.min()) < float(drawn.max())
    with pytest.raises(DTypeError, match="without overflow"):
        tg.randperm(300, dtype=tg.uint8)
    half = tg.empty(20_000, dtype=tg.float16).uniform_()
    assert 0 <= float(half.min()) < float(half.max()) < 1


@pytest.mark.parametrize("own", [True, False])
@pytest.mark.parametrize("reduce", ["sum", "prod", "mean", "amax", "amin"])
def test_scattered_whole_numbers_stay_whole(reduce: str, own: bool) -> None:
    x, places, source = [-7, 2, 3], [0, 0, 1], [4, -6, 5]
    reduced = {"sum": sum, "prod": math.prod, "mean": lambda v: sum(v) // len(v), "amax": max, "amin": min}[reduce]
    wanted = [reduced([*([-7] if own else []), 4, -6]), reduced([*([2] if own else []), 5]), 3]
    y = tg.tensor(x).scatter_reduce(0, tg.tensor(places), tg.tensor(source), reduce, include_self=own)
    assert (y.tolist(), y.dtype) == (wanted, tg.int64)


def test_a_sum_has_the_dtype_that_is_asked_for() -> None:
    for dtype in (tg.uint8, tg.int8, tg.int32, tg.float64):
        assert tg.ones(3, dtype=tg.int64).sum(dtype=dtype).dtype == dtype
        assert tg.ones(3, dtype=tg.int64).cumsum(0, dtype=dtype).dtype == dtype
        assert tg.ones(3, dtype=tg.int64).prod(dtype=dtype).dtype == dtype


def test_indices_that_are_filled_may_count_from_the_end() -> None:
    assert tg.zeros(3).index_fill(0, tg.tensor([-1, 0]), 5.0).tolist() == [5.0, 0.0, 5.0]
    with pytest.raises(IndexError, match="out of bounds"):
        tg.zeros(3).index_fill(0, tg.tensor([-4]), 5.0)
