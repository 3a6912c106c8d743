"""Bounds of what chooses among numbers: sorts, windows, searches; over intervals in which they change places."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from hypothesis import given, strategies as st

import tensorgrad as tg
from tensorgrad import nn
from tensorgrad.testing import Interval, enclose

LIMITS = tg.tensor([-1.0, 0.0, 1.0], dtype=tg.float64)
HALF = tg.tensor(0.5, dtype=tg.float64)

CHOOSING: dict[str, Any] = {
    "cummax": lambda x: x.cummax(1)[0],
    "cummin": lambda x: x.cummin(0)[0],
    "max_pool1d": lambda x: nn.functional.max_pool1d(x[None], 2),
    "max_pool1d, overlapping": lambda x: nn.functional.max_pool1d(x[None], 3, stride=1, padding=1),
    "max_pool2d": lambda x: nn.functional.max_pool2d(x[None, None], (2, 3), stride=(1, 2), padding=1),
    "adaptive_max_pool1d": lambda x: nn.functional.adaptive_max_pool1d(x[None], 3),
    "sort": lambda x: x.sort(1)[0],
    "sort, falling": lambda x: x.sort(0, descending=True)[0],
    "topk": lambda x: x.topk(2, 1)[0],
    "kthvalue": lambda x: x.kthvalue(2, 1)[0],
    "median": lambda x: x.median(),
    "median(dim)": lambda x: x.median(1)[0],
    "nanmedian": lambda x: x.nanmedian(),
    "max(dim)": lambda x: x.max(1)[0],
    "min(dim)": lambda x: x.min(0)[0],
}
PLACING: dict[str, Any] = {
    "quantile": lambda x: x.quantile(0.3, 1),
    "searchsorted": lambda x: tg.searchsorted(LIMITS, x).double() * x,
    "searchsorted of what moves": lambda x: tg.searchsorted(x.sort(1)[0], LIMITS.expand(2, 3)).double(),
    "bucketize": lambda x: tg.bucketize(x, LIMITS, right=True).double() * x,
    "heaviside": lambda x: tg.heaviside(x, HALF) * x,
    "argsort": lambda x: x.argsort(1).double() * x,
    "gather": lambda x: x.gather(1, x.argsort(1)),
    "argmax": lambda x: x.argmax(1).double() * x[:, 0],
    "a place beside the largest": lambda x: x.gather(1, (x[:, :3].argmax(1, keepdim=True) + 1)),
}


@pytest.mark.parametrize("name", [*CHOOSING, *PLACING])
@given(
    numbers=st.lists(st.sampled_from([-1.5, -1.0, 0.0, 0.1, 0.3, 1.0, 2.0]), min_size=8, max_size=8),
    reach=st.sampled_from([0.0, 1e-9, 0.05, 0.2, 1.0]),
    parts=st.lists(st.sampled_from([0.0, 0.3, 0.5, 0.5, 1.0]), min_size=8, max_size=8),
)
def test_what_is_chosen_of_numbers_inside_is_inside(
    name: str, numbers: list[float], reach: float, parts: list[float]
) -> None:
    f = {**CHOOSING, **PLACING}[name]
    low = np.reshape(numbers, (2, 4)) - reach
    high = np.reshape(numbers, (2, 4)) + reach
    found = enclose(f, Interval(low, high))
    inside = np.clip(low + (high - low) * np.reshape(parts, (2, 4)), low, high)
    x = tg.tensor(inside, requires_grad=True)
    y = f(x)
    assert found.values[0].contains(y.detach().numpy())
    assert found.values[0].finite.all()
    if not y.requires_grad:
        return
    assert found.gradients[0] is not None
    (g,) = tg.autograd.grad(y.sum(), x)
    assert found.gradients[0].contains(g.numpy())
    if name in CHOOSING:  # never falls in any element: the ends give the ends
        ends = [f(tg.tensor(v)).numpy() for v in (low, high)]
        assert np.array_equal(found.values[0].low, ends[0])
        assert np.array_equal(found.values[0].high, ends[1])


def test_the_commonest_number_is_known_where_all_are_and_says_why_elsewhere() -> None:
    def f(x: tg.Tensor) -> tg.Tensor:
        return x.mode(1)[0].sum()

    x = tg.tensor([[1.0, 2.0, 2.0]], dtype=tg.float64, requires_grad=True)
    known = enclose(f, x)
    assert known.values[0].contains(2.0)
    assert known.values[0].finite.all()
    assert known.gradients[0] is not None
    assert known.gradients[0].contains([[0.0, 0.0, 1.0]])
    found = enclose(f, Interval([[1.0, 2.0, 2.0]], [[1.0, 2.0, 2.1]]))
    assert not found.values[0].finite.any()
    assert any("which are equal" in why for why in found.bounds.unknown.values())


@pytest.mark.parametrize(
    ("f", "why"),
    [
        (lambda x: 1 / x, "div at"),
        (lambda x: x / (x * x - 1), "what it divides by may be 0"),
        (lambda x: x.log(), "log at"),
        (lambda x: x**-2, "0"),
        (lambda x: x.tan(), "pole"),
        (lambda x: (x * 300).exp(), "leave the doubles"),
        (lambda x: x.norm() / x.norm(), "may be 0"),
        (lambda x: tg.linalg.inv(x.expand(2, 2) + tg.eye(2, dtype=tg.float64)), "singular"),
        (lambda x: tg.linalg.cholesky(x * tg.eye(2, dtype=tg.float64)), "positive definite"),
    ],
)
def test_bounds_that_an_operation_loses_name_it_with_the_reason(f: Any, why: str) -> None:
    found = enclose(f, Interval([-2.0], [3.0]))
    assert not found.values[0].finite.all()
    assert any(why in told for told in found.bounds.unknown.values()), found.bounds.unknown
    assert any("the arguments go from" in told for told in found.bounds.unknown.values())
