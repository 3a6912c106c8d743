"""What nobody reads may still be an error or a warning; and what NumPy makes of its own accord may be written."""

from __future__ import annotations

import warnings
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

import tensorgrad as tg
from tensorgrad.compiled.toolchain import compiler
from tensorgrad.errors import CompileError, DivisionError, InPlaceError

BACKENDS = pytest.mark.parametrize(
    "backend",
    ["numpy", pytest.param("c", marks=pytest.mark.skipif(compiler() is None, reason="no C compiler here"))],
)


@BACKENDS
@pytest.mark.parametrize(
    ("call", "good", "bad", "error"),
    [
        (lambda y, i: y[i], [0, 1], [0, 9], IndexError),
        (lambda y, i: y.gather(0, i), [0, 1], [0, 9], IndexError),
        (lambda y, i: (y * 4).long() // i, [2, 1], [2, 0], DivisionError),
    ],
    ids=["index", "gather", "floor_divide"],
)
def test_an_error_of_what_nobody_reads_is_raised(backend: str, call: Any, good: Any, bad: Any, error: Any) -> None:
    def function(y: tg.Tensor, i: tg.Tensor) -> tg.Tensor:
        call(y, i)
        return y * 1

    compiled: Any = tg.compile(function, backend=backend)
    for _ in range(5):
        compiled(tg.ones(2), tg.tensor(good))
    assert compiled.runs == 3
    with pytest.raises(error):
        compiled(tg.ones(2), tg.tensor(bad))


@BACKENDS
@pytest.mark.parametrize(
    ("call", "bad"),
    [
        (lambda y: y.log(), -1.0),
        (lambda y: 1 / (y - 1), 1.0),
        (lambda y: y * 1e38, 3e38),
        (lambda y: (y * 1).log_(), -1.0),
        (lambda y: (y - 2).sqrt().sum(), 1.0),
        (lambda y: y.long(), np.nan),
    ],
    ids=["log", "division", "overflow", "in place", "summed", "cast"],
)
def test_a_warning_about_what_nobody_reads_is_given(backend: str, call: Callable[[Any], Any], bad: float) -> None:
    def function(y: tg.Tensor) -> tg.Tensor:
        call(y)
        return y + 1

    compiled: Any = tg.compile(function, backend=backend)
    for _ in range(5):
        compiled(tg.full((2,), 3.0))
    assert compiled.runs == 3
    told = []
    for f in (function, compiled):
        with warnings.catch_warnings(record=True) as found:
            warnings.simplefilter("always")
            f(tg.full((2,), bad))
        told.append([str(w.message) for w in found])
    assert told[0] == told[1] != []


def doubled(x: tg.Tensor, mask: tg.Tensor) -> Any:
    x[mask] *= 2
    return x.sum()


def chosen(x: tg.Tensor, mask: tg.Tensor) -> Any:
    y = x[mask]
    y *= 2
    return y.sum()


def chosen_part(x: tg.Tensor, mask: tg.Tensor) -> Any:
    y = x[mask]
    z = y[1:]
    z *= 3
    return y.sum() + z.sum()


def element(x: tg.Tensor, mask: tg.Tensor) -> Any:
    y = x[mask]
    y[0] = 5
    return y * 2


def selected(x: tg.Tensor, mask: tg.Tensor) -> Any:
    return tg.masked_select(x, mask).mul_(2) + 1


def unique(x: tg.Tensor, mask: tg.Tensor) -> Any:
    return (x * mask).unique().mul_(2) + 1


def places(x: tg.Tensor, mask: tg.Tensor) -> Any:
    return (x * mask).nonzero().mul_(2) + 1


def bounded(x: tg.Tensor, mask: tg.Tensor) -> Any:
    return x[mask].clamp_(0, 0.5).tanh()


def ordered(x: tg.Tensor, mask: tg.Tensor) -> Any:
    y, order = x.sort()
    y *= 2
    y[mask] = 0
    return y, order + 1


@BACKENDS
@pytest.mark.parametrize(
    "function", [doubled, chosen, chosen_part, element, selected, unique, places, bounded, ordered]
)
def test_what_numpy_makes_may_be_written(backend: str, function: Callable[..., Any]) -> None:
    compiled: Any = tg.compile(function, backend=backend)
    for k in range(6):
        x, mask = tg.tensor([-2.0, 1.0, 3.0]) * (1 + k), tg.tensor([True, False, True])
        mine = x.clone()
        right, found = function(x, mask), compiled(mine, mask)
        pairs = zip((right, x), (found, mine), strict=True)
        for a, b in (
            (p, q) for r, f in pairs for p, q in (zip(r, f, strict=True) if isinstance(r, tuple) else [(r, f)])
        ):
            np.testing.assert_allclose(b.numpy(), a.numpy(), rtol=1e-6, equal_nan=False)
    assert compiled.runs == 4


@BACKENDS
def test_gradients_that_would_be_refused_and_are_not_asked_for(backend: str) -> None:
    w = tg.ones(4, requires_grad=True)

    def function(x: tg.Tensor) -> tg.Tensor:
        z = w * x
        q = z * z
        z.add_(1)
        return q.sum()

    compiled: Any = tg.compile(function, backend=backend)
    assert [compiled(tg.full((4,), 2.0)).item() for _ in range(4)] == [16.0] * 4
    assert "InPlaceError" in next(iter(compiled.reasons.values()))
    with pytest.raises(InPlaceError):
        compiled(tg.ones(4)).backward()
    with pytest.raises(CompileError, match="InPlaceError"):
        tg.compile(function, backend=backend, fullgraph=True)(tg.ones(4))


def ones_on_the_diagonal(x: tg.Tensor) -> tg.Tensor:
    y = x * 1
    y.diagonal().fill_(1.0)
    return y + 1


def twice_the_diagonal(x: tg.Tensor) -> tg.Tensor:
    y = x * 1
    y.diagonal().mul_(2.0)
    y.diagonal(1)[0] = 7.0
    return y


def diagonal_of_what_is_given(x: tg.Tensor) -> tg.Tensor:
    x.diagonal().add_(1.0)
    return x * 2


def by_an_index(x: tg.Tensor) -> tg.Tensor:
    y = x * 1
    y.expand(1, 3, 3)[0, 1] = 5.0
    return y.unfold(0, 2, 2)


@BACKENDS
@pytest.mark.parametrize("function", [ones_on_the_diagonal, twice_the_diagonal, diagonal_of_what_is_given, by_an_index])
def test_a_view_may_be_written_as_without_a_plan(backend: str, function: Callable[[tg.Tensor], tg.Tensor]) -> None:
    compiled: Any = tg.compile(function, backend=backend)
    for k in range(6):
        x = tg.arange(9.0).reshape(3, 3) * (k + 1)
        before = x.clone()
        assert compiled(x).tolist() == function(before).tolist()
        assert x.tolist() == before.tolist()
    assert compiled.runs == 4


@BACKENDS
def test_a_view_that_is_returned_may_be_written_where_it_may_without_a_plan(backend: str) -> None:
    diagonal: Any = tg.compile(lambda x: (x * 1).diagonal(), backend=backend)
    windows: Any = tg.compile(lambda x: (x * 1).flatten().unfold(0, 2, 1), backend=backend)
    for _ in range(4):
        assert diagonal(tg.ones(2, 2)).fill_(3.0).tolist() == [3.0, 3.0]
        with pytest.raises(InPlaceError, match="read-only"):
            windows(tg.ones(2, 2)).fill_(3.0)
    assert diagonal.runs == windows.runs == 2
