"""What keeps a slope unknown where a value is NaN is not drawn: nobody wrote it, and healthy numbers do not need it."""

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
