"""What keeps a slope unknown where a value is NaN is not drawn, nor a copy that nobody asked for: nobody wrote it."""

from __future__ import annotations

import numpy as np
import pytest

import tensorgrad as tg
from tensorgrad import nn
from tensorgrad.graph import Graph
from tensorgrad.viz import draw
from tests.cases import OF_REALS, Rolled, case
from tests.test_nn_activations import FUNCTIONS, MODULES

F = nn.functional
GUARDS = {"unknown", "isnan"}


def given(*shape):
    values = np.random.default_rng(3).uniform(0.2, 0.9, shape)
    return tg.tensor(values, requires_grad=True)


def everything():
    """Every layer and function that activates, and every operation and method of a number, each on finite inputs."""
    yield from ((f"nn.{name}", make(nn), [given(2, 4, 6)]) for name, make in MODULES.items() if name != "RReLU")
    yield from ((f"F.{name}", lambda x, f=f: f(F, x, tg), [given(4, 6)]) for name, f in FUNCTIONS.items())
    names = ("relu6", "leaky_relu", "hardtanh", "hardsigmoid", "softshrink")
    yield from ((name, getattr(F, name), [given(4, 6)]) for name in names)
    yield "logdet", lambda x: (x @ x.mT + tg.eye(3, dtype=tg.float64)).logdet(), [given(3, 3)]
    yield "pnorm", lambda x: F.normalize(x, p=0.5), [given(4, 3)]
    for name, record in OF_REALS.items():
        arrays, params = case(record, Rolled(1))
        inputs = [tg.tensor(a, requires_grad=a.dtype.kind == "f") for a in arrays]
        yield f"ops.{name}", lambda *xs, name=name, params=params: getattr(tg.ops, name)(*xs, **params), inputs


CASES = {name: rest for name, *rest in everything()}


@pytest.mark.parametrize("name", CASES)
def test_a_healthy_picture_names_no_nan_and_shows_no_guard(name):
    function, inputs = CASES[name]
    graph = Graph.trace(function, *inputs)
    passes = [graph]
    if graph.nodes[graph.outputs[0]].requires_grad:
        passes.append(graph.backward())
    for part in passes:
        drawing, text = draw(part, unfold=True), part.text()
        assert "NaN" not in drawing.caption, drawing.caption
        shown = part.pictured()
        assert not GUARDS & {node.op for node in shown.nodes}
        assert "nan" not in text
        assert "unknown" not in text
        circles = {v.id for v in drawing.picture.vertices if v.kind == "op"}
        assert circles <= {f"n{node.index}" for node in shown.nodes}


def test_the_picture_of_a_rectifier_is_what_was_computed():
    layer, x = nn.LeakyReLU(0.2), given(3)
    drawing = draw(layer, x)
    assert [v.label for v in drawing.picture.vertices] == ["input", "x>0", "x*0.2", "where", "out"]
    arrows = {(e.source, e.target): e.gradient for e in drawing.edges if e.source == "input" and e.gradient is not None}
    np.testing.assert_allclose(sum(arrows.values()), np.ones(3))
    assert "NaN" not in draw(layer, x, labels="formulas").svg


def test_the_file_is_right_where_a_nan_comes_in_all_the_same():
    graph = Graph.trace(F.leaky_relu, given(3))
    space: dict = {}
    exec(graph.to_python(), space)
    x = np.array([1.0, np.nan, -1.0])
    y, cache = space["forward"](x)
    np.testing.assert_array_equal(y, [1.0, np.nan, -0.01])
    np.testing.assert_array_equal(space["backward"](np.ones(3), cache), [1.0, np.nan, 0.01])


def test_a_picture_of_a_nan_that_came_in_tells_where():
    drawing = draw(nn.LeakyReLU(0.2), tg.tensor([1.0, np.nan], requires_grad=True))
    assert drawing.caption.startswith("first NaN: input = input")
    assert "isnan" not in drawing.text()


# --- copies that the library makes for the sake of memory


def _cubed(x):
    return (x**3).sum()


def _penalised(x):
    y = (x**3).sum()
    (g,) = tg.autograd.grad(y, x, create_graph=True)
    return y + (g**2).sum()


def _bent(x):
    (g,) = tg.autograd.grad((x * x).sin().sum(), x, create_graph=True)
    (h,) = tg.autograd.grad(g.sum(), x, create_graph=True)
    return h.sum()


def _named(x):
    g = tg.func.grad(_cubed)(x)
    padded = F.pad(g.reshape(1, 1, -1), (1, 1), "circular")
    return (padded * 2).sum()


TRANSFORMED = {
    "jvp": lambda x: tg.func.jvp(lambda y: (y * y).sin(), (x,), (tg.ones(3, dtype=tg.float64),))[1].sum(),
    "grad": lambda x: tg.func.grad(_cubed)(x).sum(),
    "grad of grad": lambda x: tg.func.grad(lambda y: tg.func.grad(_cubed)(y).sum())(x).sum(),
    "vjp": lambda x: tg.func.vjp(lambda y: y.exp(), x)[1](tg.ones(3, dtype=tg.float64))[0].sum(),
    "hessian": lambda x: tg.func.hessian(_cubed)(x).sum(),
    "jacrev": lambda x: tg.func.jacrev(lambda y: y.tanh())(x).sum(),
    "vmap": lambda x: tg.func.vmap(lambda y: y * y)(x).sum(),
    "functional": lambda x: tg.autograd.functional.hvp(_cubed, x, tg.ones(3, dtype=tg.float64))[1].sum(),
    "create_graph": _penalised,
    "create_graph twice": _bent,
    "named": _named,
}


def _copies(nodes):
    return [n.op for n in nodes if n.op == "contiguous" or n.symbol == "clone"]


@pytest.mark.parametrize("order", [0, 1])
@pytest.mark.parametrize("name", TRANSFORMED)
def test_copies_that_nobody_asked_for_are_not_drawn_and_no_arrow_is_lost(name, order):
    graph = Graph.trace(TRANSFORMED[name], given(3))
    if order and not graph.nodes[graph.outputs[0]].requires_grad:
        pytest.skip("it has no history")
    drawing = draw(graph, order=order)
    assert _copies(graph.pictured().nodes) == []
    assert not {"clone", "copy"} & {v.label for v in drawing.picture.vertices}
    assert "clone" not in drawing.text()
    assert "contiguous" not in drawing.text()
    ids = {v.id for v in drawing.picture.vertices}
    assert all(edge.tail in ids and edge.head in ids for edge in drawing.edges)
    read = {edge.head for edge in drawing.edges}
    assert all(v.id in read for v in drawing.picture.vertices if v.kind == "op")
    assert all(edge.value is not None for edge in drawing.edges)
    if order == 0 and graph.nodes[graph.outputs[0]].requires_grad:
        (wanted,) = tg.autograd.grad(TRANSFORMED[name](x := given(3)), x)
        found = sum(edge.gradient for edge in drawing.edges if edge.source == "x" and edge.gradient is not None)
        np.testing.assert_allclose(found, wanted.numpy(), rtol=1e-9)


def test_a_recorded_history_has_no_copies_that_nobody_asked_for_and_its_values_are_known():
    x = given(3)
    drawing = draw(_penalised(x))
    assert not {"clone", "copy"} & {v.label for v in drawing.picture.vertices}
    turned = F.pad(x.reshape(1, 1, 3), (1, 1), "circular")
    drawing = draw((turned * turned).sum())
    assert not {"clone", "copy"} & {v.label for v in drawing.picture.vertices}
    assert [e.value.size for e in drawing.edges if e.target == "*"] == [5, 5]


@pytest.mark.parametrize("within", [lambda f: f, lambda f: tg.func.grad(f), lambda f: tg.func.vmap(lambda y: f(y))])
def test_a_copy_that_is_asked_for_is_drawn(within):
    def function(x):
        return (x.clone() * x.reshape(2, -1).mT.contiguous().sum()).sum()

    labels = [v.label for v in draw(lambda x: within(function)(x).sum(), given(3, 4)).picture.vertices]
    assert labels.count("clone") >= 1
    assert labels.count("copy") >= 1


def test_a_variable_that_holds_a_copy_names_what_it_copies():
    edges = draw(_named, given(3), names="variables").edges
    assert {"g", "padded"} <= {edge.forward for edge in edges}
