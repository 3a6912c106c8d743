"""Figure 6-17 from the trace of a batch normalisation, nothing typed in by hand: nodes, edges, names and gradients."""

from __future__ import annotations

from collections import Counter

import numpy as np
import pytest

import tensorgrad as tg
from tensorgrad import nn
from tensorgrad.viz import Drawing, draw

N, D = 7, 3
MEAN = "1/N Σxᵢ"
CIRCLES = ["x", MEAN, "−", "**2", MEAN, "√(x+ε)", "1/x", "*", "*", "+", "γ", "β"]
FORWARD_AND_BACK = {
    ("x", "−", "x", "dx₁"),
    ("x", MEAN, "x", "dx₂"),
    (MEAN, "−", "μ", "dμ"),
    ("−", "*", "xμ", "dxμ₁"),
    ("−", "**2", "xμ", "dxμ₂"),
    ("**2", MEAN, "sq", "dsq"),
    (MEAN, "√(x+ε)", "var", "dvar"),
    ("√(x+ε)", "1/x", "sqrtvar", "dsqrtvar"),
    ("1/x", "*", "ivar", "divar"),
    ("*", "*", "x̂", "dx̂"),
    ("γ", "*", "γ", "dγ"),
    ("*", "+", "γx̂", "dγx̂"),
    ("β", "+", "β", "dβ"),
    ("+", "out", "out", "dout"),
}


@pytest.fixture(scope="module")
def arrays():
    rng = np.random.default_rng(617)
    return {name: rng.normal(size=s) for name, s in {"x": (N, D), "γ": (D,), "β": (D,), "dout": (N, D)}.items()}


@pytest.fixture(scope="module")
def layer(arrays):
    bn = nn.BatchNorm1d(D).double()
    for parameter, name in ((bn.weight, "γ"), (bn.bias, "β")):
        parameter.array[...] = arrays[name]
        parameter.name = name
    return bn


@pytest.fixture(scope="module")
def drawing(arrays, layer) -> Drawing:
    x = tg.tensor(arrays["x"], requires_grad=True)
    return draw(layer, x, seed=arrays["dout"], dims={N: "N", D: "D"})


def test_there_are_exactly_the_twelve_circles(drawing):
    circles = [vertex.label for vertex in drawing.picture.vertices if vertex.kind != "output"]
    assert Counter(circles) == Counter(CIRCLES)


def test_there_are_exactly_the_fourteen_pairs_of_edges(drawing):
    assert len(drawing.edges) == 14
    assert {(e.source, e.target, e.forward, e.backward) for e in drawing.edges} == FORWARD_AND_BACK


def test_the_svg_holds_fourteen_black_and_fourteen_red_edges_and_twelve_circles(drawing):
    assert drawing.svg.count('class="edge fwd"') == 14
    assert drawing.svg.count('class="edge bwd"') == 14
    assert drawing.svg.count("<circle") == 12


def test_every_gradient_is_the_one_of_the_formulas(drawing, arrays):
    x, gamma, dout = arrays["x"], arrays["γ"], arrays["dout"]
    eps = 1e-5
    xmu = x - x.mean(0)
    var = (xmu**2).mean(0)
    sqrtvar = np.sqrt(var + eps)
    ivar = 1 / sqrtvar
    xhat = xmu * ivar
    want = {"dout": dout, "dβ": dout.sum(0), "dγx̂": dout, "dγ": (dout * xhat).sum(0), "dx̂": dout * gamma}
    want["divar"] = (want["dx̂"] * xmu).sum(0)
    want["dsqrtvar"] = -want["divar"] / sqrtvar**2
    want["dvar"] = 0.5 / sqrtvar * want["dsqrtvar"]
    want["dsq"] = np.ones((N, D)) / N * want["dvar"]
    want["dxμ₁"] = want["dx̂"] * ivar
    want["dxμ₂"] = 2 * xmu * want["dsq"]
    want["dμ"] = -(want["dxμ₁"] + want["dxμ₂"]).sum(0)
    want["dx₁"] = want["dxμ₁"] + want["dxμ₂"]
    want["dx₂"] = np.ones((N, D)) / N * want["dμ"]
    got = {edge.backward: edge for edge in drawing.edges}
    assert got.keys() == want.keys()
    for name, expected in want.items():
        gradient = got[name].gradient
        assert gradient.shape == expected.shape == got[name].shape, name
        assert gradient.dtype == np.float64
        np.testing.assert_allclose(gradient, expected, rtol=1e-12, atol=1e-12, equal_nan=False, err_msg=name)
        assert np.abs(gradient).max() > 1e-9, f"{name} is zero, so the comparison says nothing"


def test_the_contributions_along_the_edges_add_up_to_what_backward_gives(drawing, arrays, layer):
    x = tg.tensor(arrays["x"], requires_grad=True)
    layer(x).backward(tg.tensor(arrays["dout"]))
    parts = {e.backward: e.gradient for e in drawing.edges}
    np.testing.assert_allclose(parts["dx₁"] + parts["dx₂"], x.grad.numpy(), rtol=1e-12, atol=1e-12, equal_nan=False)


def test_drawing_leaves_no_gradient_behind(arrays):
    x = tg.tensor(arrays["x"], requires_grad=True)
    bn = nn.BatchNorm1d(D).double()
    assert draw(bn, x).edges[0].gradient is not None
    assert x.grad is None
    assert bn.weight.grad is None
    assert bn.bias.grad is None


def texts(drawing: Drawing) -> Counter[str]:
    return Counter(part.split("<")[0] for part in drawing.svg.split(">") if part.endswith("</text"))


def test_the_ends_are_named_and_the_shapes_stand_above(drawing):
    found = texts(drawing)
    # x: circle, text at the left, two edges; γ: circle, text, one edge; out: text and edge; dx: text alone
    want = {"x": 4, "dx": 1, "γ": 3, "dγ": 2, "β": 3, "dβ": 2, "out": 2, "dout": 2, "(N, D)": 2, "(D,)": 2}
    assert {name: found[name] for name in want} == want


def test_shapes_are_numbers_without_dims(arrays, layer):
    found = texts(draw(layer, tg.tensor(arrays["x"], requires_grad=True)))
    assert (found["(7, 3)"], found["(3,)"]) == (2, 2)


def test_without_gradients_there_are_fourteen_black_edges_and_no_red_one(arrays, layer):
    black = draw(layer, tg.tensor(arrays["x"], requires_grad=True), grads=False)
    assert {e[:3] for e in FORWARD_AND_BACK} == {(e.source, e.target, e.forward) for e in black.edges}
    assert all(e.backward is None and e.gradient is None for e in black.edges)
    assert black.svg.count('class="edge fwd"') == 14
    assert 'class="edge bwd' not in black.svg
    assert ">dout<" not in black.svg


def test_an_input_without_gradient_has_no_red_edge(arrays, layer):
    edges = draw(layer, tg.tensor(arrays["x"])).edges
    black = {(e.source, e.target) for e in edges if e.backward is None}
    assert {("x", "−"), ("x", MEAN), (MEAN, "−"), ("−", "**2")} <= black
    assert {e.backward for e in edges} - {None} == {"dout", "dγ", "dβ", "dγx̂"}


def test_tooltips_tell_shape_dtype_and_numbers(drawing):
    told = "\n".join(drawing._told(drawing.picture).values())  # as the viewer completes it: `test_viz_told`
    assert "dxμ₁ (N, D) float64, norm " in told
    assert "μ (D,) float64, min " in told
    assert "xμ = x − μ" in drawing.svg
    assert "sqrtvar = √(var + ε)" in drawing.svg


def test_values_and_shapes_as_labels(arrays, layer):
    x = tg.tensor(arrays["x"], requires_grad=True)
    assert texts(draw(layer, x, labels="shapes"))["sq (7, 3)"] == 1
    shown = texts(draw(layer, x, labels="values", seed=arrays["dout"]))
    assert any(text.count("±") == 2 and " | " in text for text in shown)  # of xμ and its gradient, in its circle
    assert any(text.startswith("dxμ₁ = ") and "±" in text for text in shown)  # one of two parts of that gradient
    assert texts(draw(layer, x, labels="none"))["sq"] == 0
