"""Leaves that a traced function makes, or writes: where they stand, what they are afterwards, what a file does."""

from __future__ import annotations

import inspect
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

import tensorgrad as tg
from tensorgrad import nn, optim, viz
from tensorgrad.graph import Graph

OUTSIDE = tg.ones(3, requires_grad=True)


def _switched(x: tg.Tensor, w: tg.Tensor) -> tg.Tensor:
    return (x * w.requires_grad_()).sum()


def _assigned(x: tg.Tensor) -> tg.Tensor:
    w = tg.ones(3)
    w.requires_grad = True
    return (x * w).sum()


def _used_before(x: tg.Tensor) -> tg.Tensor:
    w = tg.ones(3)
    return (x * w * w.requires_grad_()).sum()


def _named(x: tg.Tensor) -> tg.Tensor:
    w = tg.ones(3, requires_grad=True)
    w.name = "w"
    return (x * w).sum()


def _nested(x: tg.Tensor) -> tg.Tensor:
    return nn.Sequential(nn.Linear(3, 2), nn.ReLU(), nn.Sequential(nn.Linear(2, 1)))(x).sum()


def _initialised(x: tg.Tensor) -> tg.Tensor:
    w = tg.empty(3, 3, requires_grad=True)
    nn.init.xavier_normal_(w)
    return (x @ w).sum()


def _stepped(x: tg.Tensor) -> tg.Tensor:
    w = nn.Parameter(tg.ones(3))
    optimiser = optim.SGD([w], lr=0.1)
    for _ in range(2):
        optimiser.zero_grad()
        (x.detach() * w).sum().backward()
        optimiser.step()
    return (x * w).sum()


def _descended(x: tg.Tensor) -> tg.Tensor:
    w = tg.ones(3, requires_grad=True)
    (g,) = tg.autograd.grad((x * w * w).sum(), w, create_graph=True)
    return (w - 0.1 * g).sum()


def _checkpointed(x: tg.Tensor) -> tg.Tensor:
    w = tg.ones(3, requires_grad=True)
    return tg.utils.checkpoint.checkpoint(lambda x: (x * w).sum(), x, use_reentrant=False)


MADE: dict[str, Callable[[tg.Tensor], tg.Tensor]] = {
    "ones": lambda x: (x * tg.ones(3, requires_grad=True)).sum(),
    "ones alone": lambda x: tg.ones(3, requires_grad=True).sum(),
    "ones that are returned": lambda x: tg.ones(3, requires_grad=True),
    "numbers of NumPy's": lambda x: (x * tg.tensor(np.arange(3.0, dtype="f"), requires_grad=True)).sum(),
    "random numbers": lambda x: (x * tg.randn(3, requires_grad=True)).sum(),
    "a parameter": lambda x: (x * nn.Parameter(tg.ones(3))).sum(),
    "parameters in a list": lambda x: sum((x * p).sum() for p in nn.ParameterList([tg.ones(3), tg.zeros(3)])),
    "a layer": lambda x: nn.Linear(3, 2)(x).sum(),
    "layers in layers": _nested,
    "requires_grad_": lambda x: _switched(x, tg.ones(3)),
    "requires_grad =": _assigned,
    "requires_grad_ after a use": _used_before,
    "of a view": lambda x: (x * tg.ones(2, 3, requires_grad=True)[1]).sum(),
    "with a name": _named,
    "detached": lambda x: _switched(x, (x * 2).detach()),
    "detached input": lambda x: _switched(x, x.detach()),
    "detached copy": lambda x: _switched(x, x.detach().clone()),
    "detached parameter": lambda x: _switched(x, OUTSIDE.detach()),
    "initialised": _initialised,
    "a step of an optimiser": _stepped,
    "a gradient inside": _descended,
    "in a checkpoint": _checkpointed,
}


@pytest.mark.parametrize("tracked", [False, True])
@pytest.mark.parametrize("way", MADE)
def test_a_leaf_that_is_made_inside_is_drawn_and_gets_its_gradient(way: str, tracked: bool) -> None:
    graph = Graph.trace(MADE[way], tg.arange(1.0, 4.0).requires_grad_(tracked))
    for node in graph.nodes:
        assert all(o.source < node.index for o in node.operands if o.source is not None), "not in topological order"
    assert "return" in graph.text()
    assert "# backward" in graph.backward().text() or "ones that" in way  # whose gradient is the seed
    for labels in ("names", "formulas"):
        drawing = viz.draw(graph, labels=labels)
        assert drawing.json
        assert drawing.svg
        leaves = [v for v in drawing.picture.vertices if v.kind == "parameter" or v.label == "leaf"]
        assert leaves
        assert any(v.gradient is not None for v in leaves)


@pytest.mark.parametrize("way", ["ones", "a parameter", "with a name", "requires_grad_", "requires_grad ="])
def test_the_numbers_of_a_leaf_that_is_made_inside_are_that_leaf(way: str) -> None:
    picture = viz.draw(MADE[way], tg.arange(1.0, 4.0)).picture
    assert [v.kind for v in picture.vertices if v.leaf] == ["input", "parameter"]
    (leaf,) = (v for v in picture.vertices if v.kind == "parameter")
    assert leaf.value is not None
    assert leaf.value.tolist() == [1.0, 1.0, 1.0]
    assert leaf.gradient is not None
    assert leaf.gradient.tolist() == [1.0, 2.0, 3.0]


@pytest.mark.parametrize("way", sorted(MADE.keys() - {"random numbers", "a layer", "layers in layers", "initialised"}))
def test_the_file_has_the_numbers_of_a_leaf_that_is_made_inside_and_returns_gradients_of_what_is_given(
    way: str,
) -> None:
    names: dict[str, Any] = {}
    exec(Graph.trace(MADE[way], tg.arange(1.0, 4.0).requires_grad_()).to_python(), names)
    parameters = list(inspect.signature(names["forward"]).parameters)
    assert parameters[0] == "x"
    assert len(parameters) == 1 + (way == "detached parameter")
    x = tg.tensor([3.0, -1.0, 2.0], requires_grad=True)
    y = MADE[way](x)
    given = [np.asarray(x.tolist(), "f"), np.ones(3, "f")][: len(parameters)]
    found = names["forward"](*given)
    np.testing.assert_allclose(found[0] if "backward" in names else found, y.detach().numpy(), rtol=1e-6)
    (wanted,) = tg.autograd.grad(y.sum(), x, allow_unused=True)
    assert (wanted is None) == ("backward" not in names)
    if wanted is not None:
        np.testing.assert_allclose(names["backward"](np.ones((), "f"), found[1]), wanted.numpy(), rtol=1e-6)


# --- parameters that are there before, and written inside


def _minus(w: tg.Tensor, x: tg.Tensor) -> None:
    with tg.no_grad():
        w -= 0.1 * x


def _data(w: tg.Tensor, x: tg.Tensor) -> None:
    w.data = w.data - 0.1 * x.detach()


def _turned(w: tg.Tensor, x: tg.Tensor) -> None:
    w.data = w.data.flip(0) * x.detach()


def _data_in_place(w: tg.Tensor, x: tg.Tensor) -> None:
    w.data -= 0.1 * x.detach()


def _element(w: tg.Tensor, x: tg.Tensor) -> None:
    with tg.no_grad():
        w[1] = x[0]


def _step(w: tg.Tensor, x: tg.Tensor) -> None:
    (w * x * w).sum().backward()
    optim.SGD([w], lr=0.1).step()
    w.grad = None


def _twice(w: tg.Tensor, x: tg.Tensor) -> None:
    _minus(w, w * x)
    _minus(w, w * x)


WRITES = [_minus, _data, _turned, _data_in_place, _element, _step, _twice]


@pytest.mark.parametrize("tracked", [False, True], ids=["constant", "tracked"])
@pytest.mark.parametrize("recorded", [False, True], ids=["new", "recorded"])
@pytest.mark.parametrize("write", WRITES)
def test_a_parameter_that_is_written_inside_is_followed_and_stays_a_leaf(
    write: Callable[[tg.Tensor, tg.Tensor], None], recorded: bool, tracked: bool
) -> None:
    def function(x: tg.Tensor) -> tg.Tensor:
        first = (held[0] * x).sum()
        write(held[0], x)
        return first * (held[0] * x).sum()

    w = tg.tensor([1.0, 2.0, -1.0], requires_grad=True)
    w.name, seen = "w", []
    w.register_hook(seen.append)
    before = (w * 2).sum() if recorded else None
    held, node = [w], w.node
    names: dict[str, Any] = {}
    exec(Graph.trace(function, tg.full((3,), 2.0).requires_grad_(tracked)).to_python(), names)

    assert (w.is_leaf, w.name, w.node) == (True, "w", node)
    seen.clear()
    ((w * 2).sum() if before is None else before).backward()
    assert (w.grad.tolist(), len(seen)) == ([2.0] * 3, 1)

    given = {"x": np.array([1.0, 5.0, 3.0], "f"), "w": np.array([1.0, 2.0, -1.0], "f")}
    found = names["forward"](*(given[name] for name in inspect.signature(names["forward"]).parameters))
    held[0] = tg.tensor(given["w"], requires_grad=True)
    wanted = function(tg.tensor(given["x"], requires_grad=tracked)).detach().numpy()
    np.testing.assert_allclose(found[0] if "backward" in names else found, wanted, rtol=1e-6)


def test_a_model_that_is_trained_while_it_is_traced_trains_on_afterwards() -> None:
    model = nn.Sequential(nn.Linear(3, 2), nn.Tanh(), nn.Linear(2, 1))
    optimiser = optim.Adam(model.parameters(), lr=0.1)

    def step(x: tg.Tensor) -> tg.Tensor:
        optimiser.zero_grad()
        loss = (model(x) ** 2).mean()
        loss.backward()
        optimiser.step()
        return (model(x) ** 2).mean()

    x = tg.randn(5, 3)
    assert viz.draw(step, x).edges
    assert all(p.is_leaf and p.grad_fn is None for p in model.parameters())
    losses = [step(x).item() for _ in range(30)]
    assert losses[-1] < losses[0]


WRITTEN: dict[str, Callable[[], tg.Tensor]] = {
    "through an array": lambda: _filled(tg.zeros(2)),
    "data in place": lambda: _scaled(tg.ones(2)),
    "data": lambda: _replaced(tg.ones(2)),
}


def _filled(a: tg.Tensor) -> tg.Tensor:
    a.detach().numpy()[:] = 5
    return a


def _scaled(a: tg.Tensor) -> tg.Tensor:
    a.data.mul_(5)
    return a


def _replaced(a: tg.Tensor) -> tg.Tensor:
    a.data = tg.tensor([5.0, 5.0])
    return a


@pytest.mark.parametrize("how", WRITTEN)
def test_a_constant_that_was_written_does_not_bear_what_made_it(how: str) -> None:
    drawing = viz.draw(lambda x: (x * WRITTEN[how]()).sum(), tg.ones(2, requires_grad=True))
    assert {"0", "1"}.isdisjoint(vertex.label for vertex in drawing.picture.vertices)
    assert any(v.value is not None and v.value.tolist() == [5.0, 5.0] for v in drawing.picture.vertices if v.leaf)
    plain = viz.draw(lambda x: (x * tg.ones(2)).sum(), tg.ones(2, requires_grad=True))
    assert [vertex.label for vertex in plain.picture.vertices] == ["x", "1", "*", "Σ", "out"]


def test_what_nothing_was_written_to_is_drawn_alike_each_time() -> None:
    def draw(before: float) -> str:
        tg.manual_seed(0)
        rests = [np.full((1, 2), before, np.float32) for _ in range(50)]  # what memory holds afterwards
        del rests
        return viz.draw(lambda x: nn.Linear(2, 1)(x).sum(), tg.ones(2)).svg

    assert draw(1.0) == draw(7.0)
