"""vmap by rule: every primitive of the table, every place of an index, equal to the loop over examples."""

from __future__ import annotations

import functools
from typing import Any

import numpy as np
import pytest

import tensorgrad as tg
from tensorgrad.engine.primitive import PRIMITIVES
from tensorgrad.func import grad, jvp, vmap
from tests.batches import batches, both, equal, examples, operation
from tests.cases import OF_REALS, Rolled

SEEDS = range(8)


def norm(parts: Any) -> tg.Tensor:
    return sum((a * a).sum() for a in parts)


def outside(name: str, args: list[Any], params: dict[str, Any], dims: tuple[Any, ...]) -> list[Any]:
    """The value, and what sweeps around `vmap` give: tangents, first and second derivatives."""
    xs = [tg.tensor(a, requires_grad=a.dtype.kind == "f") for a in args]
    y = vmap(operation(name, params), dims, 0)(*xs)
    if not y.requires_grad:
        return [y]
    targets = [x for x in xs if x.requires_grad]
    tangents = tg.autograd.jvp(y, targets, [tg.tensor(np.sin(x.array + 1)) for x in targets])
    weights = tg.tensor(np.cos(np.arange(y.array.size)).reshape(y.shape))
    options: Any = {"allow_unused": True, "materialize_grads": True}
    first = tg.autograd.grad((y * weights).sum(), targets, create_graph=True, **options)
    squares = norm(first)
    second = tg.autograd.grad(squares, targets, **options) if squares.requires_grad else ()
    return [y.detach(), list(tangents), [g.detach() for g in first], list(second)]


def inside(name: str, args: list[Any], params: dict[str, Any], dims: tuple[Any, ...]) -> list[Any]:
    """First and second derivatives, and tangents, of each example."""
    f, wanted = operation(name, params), tuple(i for i, a in enumerate(args) if a.dtype.kind == "f")

    def first(*xs: tg.Tensor) -> Any:
        return grad(lambda *zs: norm([f(*zs)]), wanted)(*xs)

    def second(*xs: tg.Tensor) -> Any:
        return grad(lambda *zs: norm(first(*zs)), wanted)(*xs)

    def tangent(*xs: tg.Tensor) -> Any:
        return jvp(f, xs, tuple(x.sin() for x in xs))[1] if len(wanted) == len(xs) else ()

    return [vmap(g, dims)(*map(tg.tensor, args)) for g in (first, second, tangent)]


@pytest.mark.parametrize("name", OF_REALS)
def test_every_primitive_is_what_the_loop_is(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    record = PRIMITIVES[name]
    for seed in SEEDS:
        args, params, dims = batches(record, Rolled(seed))
        with np.errstate(all="ignore"):
            for run in (outside, inside) if record.differentiable else (outside,):
                given = functools.partial(run, name, args, params, tuple(dims))
                found, wanted = both(monkeypatch, given)
                equal(found, wanted, 1e-7, 1e-9)


@pytest.mark.parametrize("name", OF_REALS)
def test_batches_of_batches_are_what_the_loops_are(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Each argument has the axis of the outer batch, of the inner one, of both or of none."""
    record = PRIMITIVES[name]
    for seed in range(4):
        choose = Rolled(seed)
        args, params, dims = batches(record, choose)
        outer: list[Any] = [choose.integer(0, x.ndim) if choose.integer(0, 1) else None for x in args]
        if outer == [None] * len(args):
            outer[0] = 0
        given = [x if d is None else np.stack(examples(x, 3), d) for x, d in zip(args, outer, strict=True)]

        def run(given: Any = given, params: Any = params, dims: Any = dims, outer: Any = outer) -> Any:
            f = vmap(vmap(operation(name, params), tuple(dims)), tuple(outer))
            y = f(*map(tg.tensor, given))
            if not record.differentiable:
                return y
            xs = [tg.tensor(a, requires_grad=a.dtype.kind == "f") for a in given]
            targets = [x for x in xs if x.requires_grad]
            weighted = f(*xs) * tg.tensor(np.cos(np.arange(y.array.size)).reshape(y.shape))
            options: Any = {"allow_unused": True, "materialize_grads": True}
            return [y, list(tg.autograd.grad(weighted.sum(), targets, **options))]

        with np.errstate(all="ignore"):
            found, wanted = both(monkeypatch, run)
        equal(found, wanted, 1e-7, 1e-9)


def test_complex_numbers_have_the_same_rules(monkeypatch: pytest.MonkeyPatch) -> None:
    rng = np.random.default_rng(0)
    z = tg.tensor(rng.standard_normal((3, 2, 4)) + 1j * rng.standard_normal((3, 2, 4)))

    def f(z: tg.Tensor) -> Any:
        parts = tg.view_as_real(z * z.conj() + z[0].exp())
        return parts, tg.view_as_complex(parts), (z @ z.mT).abs().sum()

    def run() -> Any:
        return vmap(f)(z), vmap(grad(lambda z: f(z)[2]))(z)

    equal(*both(monkeypatch, run))


I, J, K = (tg.tensor(v) for v in ([2, 0, 1], [[1, 0], [2, 2], [0, 1]], [[[0], [2]], [[1], [1]], [[2], [0]]]))
PLACES: list[Any] = [
    lambda x, i, j, k: x[i],
    lambda x, i, j, k: x[:, i],
    lambda x, i, j, k: x[i, i],
    lambda x, i, j, k: x[i, :, i],
    lambda x, i, j, k: x[j],
    lambda x, i, j, k: x[:, j],
    lambda x, i, j, k: x[..., j],
    lambda x, i, j, k: x[j, :, j],
    lambda x, i, j, k: x[i, :, j],
    lambda x, i, j, k: x[:, i, j],
    lambda x, i, j, k: x[0, :, j],
    lambda x, i, j, k: x[None, j, ..., 1],
    lambda x, i, j, k: x[k, j],
    lambda x, i, j, k: x[k, :, j],
    lambda x, i, j, k: x[1:, j, None],
    lambda x, i, j, k: x[[0, 2], :, i],
    lambda x, i, j, k: x[[0, 2], :, [1, 0]],
    lambda x, i, j, k: x[tg.tensor([[True, False, True]] * 3)],
    lambda x, i, j, k: x[:, tg.tensor([True, False, True]), i],
    lambda x, i, j, k: x.gather(1, k.expand(2, 2, 2)),
    lambda x, i, j, k: x.index_select(2, j),
    lambda x, i, j, k: x.take(j),
    lambda x, i, j, k: tg.take_along_dim(x, k[:1] * 0 + i, 1),
    lambda x, i, j, k: x.index_add(0, j, x[:2] * 2),
    lambda x, i, j, k: tg.nn.functional.embedding(j, x[0]),
    lambda x, i, j, k: tg.nn.functional.one_hot(j, 4) * x[0, 0, 0],
]


@pytest.mark.parametrize("place", PLACES)
@pytest.mark.parametrize("which", [1, 2, 3])
def test_indices_that_differ_between_examples(place: Any, which: int, monkeypatch: pytest.MonkeyPatch) -> None:
    x = tg.tensor(
        np.random.default_rng(0).standard_normal((3, 3, 3, 3)) if which & 1 else np.arange(27.0).reshape(3, 3, 3)
    )
    given = (x, *((I, J, K) if which & 2 else (v[0] for v in (I, J, K))))
    dims = (0 if which & 1 else None, *[0 if which & 2 else None] * 3)

    def run() -> Any:
        first = grad(lambda x, *i: (place(x, *i) ** 3).sum())
        y = tg.tensor(x.array, requires_grad=True)
        (vmap(place, dims)(y, *given[1:]) ** 3).sum().backward()
        second = vmap(grad(lambda x, *i: (first(x, *i) ** 2).sum()), dims)
        return vmap(place, dims, -1)(*given), vmap(first, dims)(*given), second(*given), y.grad

    equal(*both(monkeypatch, run))
