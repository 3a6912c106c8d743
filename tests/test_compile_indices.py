"""Places that are computed, in arrays and gradients that are the same in every run: a plan follows them, too."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

import tensorgrad as tg
from tensorgrad.nn import functional as F  # noqa: N812 - as everybody calls it

N = 4

Places = tg.Tensor
"""Of shape (4,): a permutation of 0 to 3."""


def column(y: Places) -> tg.Tensor:
    return y[:, None]


def zeros() -> tg.Tensor:
    return tg.zeros(N, 6)


def ones() -> tg.Tensor:
    return tg.ones(N, 6)


def assigned(y: Places) -> tg.Tensor:
    z = zeros()
    z[y] = 1.0
    z[tg.arange(N), y] += 2
    return z


def assigned_by_mask(y: Places) -> tg.Tensor:
    z = tg.zeros(N)
    z[y > 1] = 1.0
    return z


def gradient(function: Callable[[tg.Tensor, Places], tg.Tensor]) -> Callable[[Places], Any]:
    """Return the gradient of the sum of what a function of a constant gives, whose cotangent is constant, too."""

    def run(y: Places) -> Any:
        w = tg.arange(6.0 * N).reshape(N, 6).requires_grad_()
        function(w, y).sum().backward()
        return w.grad

    return run


FUNCTIONS: dict[str, Callable[[Places], Any]] = {
    "scatter": lambda y: zeros().scatter(1, column(y), 1.0),
    "scatter tensors": lambda y: zeros().scatter(1, column(y), tg.ones(N, 1)),
    "scatter in place": lambda y: zeros().scatter_(1, column(y), 1.0),
    "scatter_add": lambda y: zeros().scatter_add(1, column(y), tg.ones(N, 1)),
    "amax": lambda y: zeros().scatter_reduce(1, column(y), tg.ones(N, 1), "amax"),
    "mean": lambda y: zeros().scatter_reduce(1, column(y), tg.ones(N, 1), "mean", include_self=False),
    "index_add": lambda y: zeros().index_add(0, y, ones()),
    "index_copy": lambda y: zeros().index_copy(0, y, ones()),
    "index_fill": lambda y: zeros().index_fill(0, y[:2], 2.0),
    "index_put": lambda y: zeros().index_put((y,), tg.arange(6.0)),
    "index_put added": lambda y: tg.zeros(N).index_put((y,), tg.ones(N), accumulate=True),
    "index": lambda y: tg.arange(10)[y].cumsum(0),
    "gather": lambda y: ones().gather(1, column(y)),
    "take": lambda y: tg.arange(10.0).take(y),
    "take_along_dim": lambda y: tg.take_along_dim(ones(), column(y), 1),
    "index_select": lambda y: ones().index_select(1, y),
    "assigned": assigned,
    "assigned by a mask": assigned_by_mask,
    "mask": lambda y: tg.ones(N)[y > -1],
    "masked_fill": lambda y: tg.zeros(N).masked_fill(y > 1, 1.0),
    "where": lambda y: tg.where(y > 1, tg.ones(N), tg.zeros(N)),
    "bincount": lambda y: tg.bincount(y, minlength=N),
    "one_hot": lambda y: F.one_hot(y, N),
    "embedding": lambda y: F.embedding(y, tg.arange(12.0).reshape(N, 3)),
    "embedding_bag": lambda y: F.embedding_bag(y[None], tg.arange(12.0).reshape(N, 3)),
    "searchsorted": lambda y: tg.searchsorted(tg.arange(N), y),
    "isin": lambda y: tg.isin(tg.arange(6), y[:2]),
    "nll_loss": lambda y: F.nll_loss(tg.arange(24.0).reshape(N, 6), y),
    "multi_margin_loss": lambda y: F.multi_margin_loss(zeros(), y),
    "gradient of an index": gradient(lambda w, y: w[y[:2]]),
    "gradient of columns": gradient(lambda w, y: w[:, y]),
    "gradient of pairs": gradient(lambda w, y: w[tg.arange(N), y]),
    "gradient of gather": gradient(lambda w, y: w.gather(1, column(y))),
    "gradient of take": gradient(lambda w, y: w.take(y)),
    "gradient of index_select": gradient(lambda w, y: w.index_select(1, y[:2])),
    "gradient of a mask": gradient(lambda w, y: w[y > -1]),
    "gradient of masked_fill": gradient(lambda w, y: w.masked_fill(column(y) > 1, 0.0)),
    "gradient of where": gradient(lambda w, y: tg.where(column(y) > 1, w, 0.0)),
    "gradient of scatter": gradient(lambda w, y: w.scatter(1, column(y), 1.0)),
    "gradient of what is scattered": gradient(lambda w, y: zeros().scatter_add(1, column(y), w)),
    "gradient of what is put": gradient(lambda w, y: zeros().index_put((y,), w)),
    "gradient of nll_loss": gradient(lambda w, y: F.nll_loss(w, y)),
}


@pytest.mark.parametrize("name", FUNCTIONS)
def test_computed_places_in_what_is_constant(name: str) -> None:
    function = FUNCTIONS[name]
    compiled: Any = tg.compile(function, backend="numpy", fullgraph=True)
    for k in range(5):
        y = tg.randperm(N, generator=tg.Generator().manual_seed(k))
        found, right = compiled(y), function(y)
        assert found.dtype == right.dtype
        assert found.tolist() == right.tolist()
    assert compiled.runs == 3
