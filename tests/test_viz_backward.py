"""The backward pass as formulas on the arrows and as a graph of its own; names from the user's variables."""

from __future__ import annotations

import random
import re

import numpy as np
import pytest

import tensorgrad as tg
from tensorgrad import nn
from tensorgrad.errors import TensorgradError
from tensorgrad.graph import Graph
from tensorgrad.viz import draw
from tests.smallgraphs import layered, small

# Figure 6-17, edge by edge, as the recorded backward pass computes it, where 1/N is 0.25.
FIGURE_6_17 = {
    ("x", "x"): "dxμ₁ + dxμ₂",
    ("x", "dx₂"): "dμ * 0.25",
    ("μ", "mean(x)"): "Σ(−(dxμ₁ + dxμ₂))",
    ("xμ", "dxμ₁"): "dx̂ * ivar",
    ("xμ", "dxμ₂"): "dsq * 2 * xμ",
    ("sq", "xμ ** 2"): "dvar * 0.25",
    ("var", "mean(sq)"): "dsqrtvar * 0.5 / sqrtvar",
    ("sqrtvar", "√(var + ε)"): "−divar * ivar / sqrtvar",
    ("ivar", "1 / sqrtvar"): "Σ(dx̂ * xμ)",
    ("x̂", "xμ * ivar"): "dγx̂ * γ",
    ("γ", "γ"): "Σ(dγx̂ * x̂)",
    ("γx̂", "x̂ * γ"): "dout",
    ("β", "β"): "Σ(dout)",
    ("out", "γx̂ + β"): "",
}


def normals(*shape, **options):
    return tg.tensor(np.random.default_rng(0).normal(size=shape), requires_grad=True, **options)


def test_the_formulas_are_those_of_figure_6_17() -> None:
    drawing = draw(nn.BatchNorm1d(3).double(), normals(4, 3), labels="formulas")
    found = {(edge.forward, edge.backward): edge.formulas for edge in drawing.edges}
    for (name, what), derived in FIGURE_6_17.items():
        key = next(k for k in found if k[0] == name and (k[1] == what or found[k] == (what, derived)))
        assert found[key][1] == derived
        if what != key[1]:
            assert found[key][0] == what
    assert len(found) == len(FIGURE_6_17) == 14


def test_formulas_stand_on_the_arrows_with_the_names_that_they_define() -> None:
    drawing = draw(nn.BatchNorm1d(3).double(), normals(4, 3), labels="formulas")
    for text in ("x̂ = xμ * ivar", "dxμ₁ = dx̂ * ivar", "dβ = Σ(dout)", "γ"):
        assert f">{text}</text>" in drawing.svg.replace("&#45;", "-")
    assert ">γ = γ<" not in drawing.svg


@pytest.mark.parametrize(
    ("function", "forward", "backward"),
    [
        (lambda x: (x - (x - 1)) / 2, "(x − (x − 1)) / 2", {"dout * 0.5", "−(dout * 0.5)"}),
        (lambda x: -(x**2), "−x ** 2", {"−dout * 2 * x", "−dout"}),
        (lambda x: (x + 1) ** 2, "(x + 1) ** 2", {"dout * 2 * (x + 1)"}),
        (lambda x: x.T @ x, "xᵀ @ x", {"(dout @ xᵀ)ᵀ", "dout @ xᵀ", "x @ dout"}),
        (lambda x: x * (x @ x), "x * (x @ x)", {"dout * (x @ x)", "dout * x", "dout * x @ xᵀ", "xᵀ @ (dout * x)"}),
        (lambda x: x.abs() % 2, "|x| mod 2", {"dout", "dout * sign(x)"}),
        (lambda x: x.reshape(9).exp(), "exp(x)", {"dout * out"}),
        (lambda x: x.sigmoid(), "sigmoid(x)", {"dout * out * sigmoid(−x)"}),
        (lambda x: 1 / (x * x), "1 / (x * x)", {"−dout * out / (x * x)", "−dout * out / (x * x) * x"}),
    ],
)
def test_a_formula_keeps_its_brackets_and_leaves_out_what_only_arranges(function, forward, backward) -> None:
    drawing = draw(function, normals(3, 3), labels="formulas")
    assert drawing.edges[-1].formulas[0] == forward
    assert {edge.formulas[1] for edge in drawing.edges[:-1]} == backward


def named(seed, **options):
    """A small graph at random in which every value has a name; sometimes one with two outputs."""
    rng, letters = random.Random(seed), iter("abcdefghijklm")

    def function(p, q):
        values = [p, q]
        for _ in range(rng.randint(3, 8)):
            one, other = rng.choice(values[-3:]), rng.choice(values)
            ways = [one + other, one - other, one * other, one.sin(), one.exp(), one + one, -one]
            values.append(rng.choice(ways))
            values[-1].name = next(letters)
        return (values[-1], values[-2]) if rng.random() < 0.4 else values[-1]

    return draw(function, normals(3), normals(3) / 2, labels="formulas", **options)


NAME = re.compile(r"\b(?!sin|cos|exp)[a-zα-ω]\w*(?:,?[₀-₉]+)*")


@pytest.mark.parametrize("options", [{}, {"rankdir": "TB"}], ids=str)
def test_a_gradient_comes_from_those_of_the_value_that_the_arrow_leads_to_and_is_computed_so(options):
    parts = 0
    for seed in range(60):
        drawing = named(seed, **options)
        numbers = {edge.forward: edge.value for edge in drawing.edges}
        numbers |= {edge.backward: edge.gradient for edge in drawing.edges if edge.gradient is not None}
        for edge in drawing.edges:
            told = edge.formulas[1]
            if edge.gradient is None or not told:
                continue
            read = {name for name in NAME.findall(told) if name not in {e.forward for e in drawing.edges}}
            assert read
            assert read <= {e.backward for e in drawing.edges if e.tail == edge.head}, (seed, edge.backward, told)
            parts += len(read) > 1
            source = NAME.sub(lambda found: f"numbers[{found[0]!r}]", told).replace("−", "-")
            value = eval(source, {"sin": np.sin, "cos": np.cos, "exp": np.exp, "numbers": numbers})
            np.testing.assert_allclose(value, edge.gradient, rtol=1e-9, atol=1e-12, err_msg=told)
    assert parts > 50


def test_a_gradient_has_in_formulas_the_name_that_it_has_on_its_arrow():
    def function(p, q):
        big = p + q
        return big - big @ big, big.sin()

    for seed in range(30):
        check_names(small(seed, labels="formulas"))
        check_names(layered(seed, labels="formulas", depth=seed % 2 or None))
    check_names(draw(function, normals(2, 2), normals(2, 2), names="variables", labels="formulas"))


def check_names(drawing):
    """Whatever a formula of a gradient names with an index is an arrow or a value of the picture."""
    for picture in filter(None, (drawing.picture, drawing.picture.inside)):
        known = {name for edge in picture.edges for name in (edge.forward, edge.backward)}
        known |= {vertex.label for vertex in picture.vertices}
        for edge in picture.edges:
            read = re.findall(r"[^\W\d]\w*[\d₀-₉](?:,?[₀-₉]+)*", edge.formulas[1])
            assert {*read} <= known, (edge.backward, edge.formulas[1])


def test_equal_gradients_keep_their_names_apart():
    def function(x, y):
        p, q = x.exp(), y.sin()
        return (p + q).tanh().sum()

    drawing = draw(function, normals(3), normals(3), names="variables", labels="formulas")
    assert [edge.formulas[1] for edge in drawing.edges][:2] == ["dp * p", "dq * cos(y)"]


def test_a_closed_module_is_called_by_its_class_and_hides_its_formulas() -> None:
    net = nn.Sequential(nn.Linear(3, 3), nn.Tanh())
    drawing = draw(net, normals(4, 3, dtype=tg.float32), labels="formulas", depth=1)
    assert [edge.formulas[0] for edge in drawing.edges] == ["x", "Linear(x)", "Tanh(Linear(x))"]


def test_formulas_without_numbers_where_the_graph_was_freed() -> None:
    x = normals(3)
    y = (x * x).sum()
    y.backward()
    drawing = draw(y, labels="formulas")
    assert [edge.formulas for edge in drawing.edges] == [("x", ""), ("x", ""), ("x * x", ""), ("Σ(x * x)", "")]


def hand_written(x, gamma):
    mu = x.mean(0)
    xmu = x - mu
    return gamma * xmu


def test_names_of_variables_stand_on_the_arrows() -> None:
    drawing = draw(hand_written, normals(4, 3), normals(3), names="variables")
    assert {edge.forward for edge in drawing.edges} == {"x", "mu", "xmu", "gamma", "out"}
    assert {edge.backward for edge in drawing.edges} >= {"dmu", "dxmu", "dgamma", "dx₁"}


def test_names_for_what_is_computed_already_come_from_the_caller_or_a_mapping() -> None:
    weight = normals(3)
    total = (weight * 2).sum()
    assert [edge.forward for edge in draw(total, names="variables").edges] == ["weight", "mul", "total"]
    net = nn.Linear(3, 2)
    drawing = draw(net(normals(4, 3, dtype=tg.float32)), names=dict(net.named_parameters()))
    assert {"W", "b"} <= {vertex.label for vertex in drawing.picture.vertices}  # the layer has named them
    drawing = draw(net(normals(4, 3, dtype=tg.float32)) * weight[:2].float(), names={"weight": weight})
    assert "weight" in {vertex.label for vertex in drawing.picture.vertices}
    with pytest.raises(TensorgradError, match=r"takes no names: give them to Graph\.of"):
        draw(Graph.of(total), names="variables")


def test_the_backward_pass_is_drawn_as_a_graph_of_its_own() -> None:
    drawing = draw(hand_written, normals(4, 3), normals(3), names="variables", order=1)
    orders = {vertex.label: vertex.order for vertex in drawing.picture.vertices}
    assert orders["x"] == 0
    assert orders["dout"] == orders["⇓"] == 1
    assert [edge.forward for edge in drawing.edges if edge.head.startswith("out")] == ["dx", "dgamma"]
    assert all(edge.backward is None for edge in drawing.edges)
    assert drawing.svg.count('class="node op d1"') == sum(v.order == 1 and v.kind == "op" for v in
                                                          drawing.picture.vertices)  # fmt: skip
    assert 'class="edge fwd d1"' in drawing.svg


def test_the_double_backward_pass_too_and_its_gradients_on_demand() -> None:
    x = tg.tensor([0.5, 2.0], dtype=tg.float64, requires_grad=True)
    drawing = draw(lambda x: (x**3).sum(), x, order=2)
    ends = {edge.forward: edge.value for edge in drawing.edges if edge.head.startswith("out")}
    np.testing.assert_allclose(ends["d²x"], 6 * x.array, rtol=1e-15, equal_nan=False)
    assert {v.order for v in drawing.picture.vertices if v.kind == "op"} == {1, 2}
    third = draw(lambda x: (x**3).sum(), x, order=2, grads=True)
    np.testing.assert_allclose(
        sum(edge.gradient for edge in third.edges if edge.forward == "x" and edge.gradient is not None), [6.0, 6.0],
        rtol=1e-15, equal_nan=False,
    )  # fmt: skip


def test_a_graph_drawn_after_it_was_differentiated_shows_what_the_sweep_made() -> None:
    x = normals(3)
    x.name = "x"
    (g,) = tg.autograd.grad((x**3).sum(), x, create_graph=True)
    assert draw(g).edges[-1].forward == "out"
    assert x.grad is None


def branches(p):
    doubled = p * 2
    return doubled - doubled**2, doubled.sin()


def on_the_way(p):
    doubled = p * 2
    return doubled.sin(), doubled, doubled.exp() * 3


def twice(p):
    doubled = p * 2
    return doubled, doubled, doubled.argmax()


def own_noise(p):
    return (p - p.mean()).sum(), p.exp()


SEVERAL = pytest.mark.parametrize("function", [branches, on_the_way, twice, own_noise])


def checked_sums(drawing, ends, seeds, data):
    """Assert that what is red is what flows back from `ends`, and has its numbers."""
    red = [edge for edge in drawing.edges if edge.backward is not None]
    assert red
    assert all(edge.gradient is not None for edge in red)
    for edge in drawing.edges:
        assert (edge.gradient is None) == (edge.backward is None)
    (expected,) = tg.autograd.grad(ends, data, seeds, retain_graph=True)
    total = sum(edge.gradient for edge in red if edge.source == "p")
    np.testing.assert_allclose(total, expected.numpy(), rtol=1e-12, equal_nan=False)
    (leaf,) = (vertex for vertex in drawing.picture.vertices if vertex.label == "p")
    np.testing.assert_allclose(leaf.gradient, expected.numpy(), rtol=1e-12, equal_nan=False)


@SEVERAL
def test_every_output_that_has_a_gradient_is_seeded(function) -> None:
    data = normals(3)
    ends = [y for y in function(data) if y.requires_grad]
    drawing = draw(function, data, labels="formulas")
    checked_sums(drawing, ends, [tg.ones_like(y) for y in ends], data)
    backward = draw(function, data, order=1)
    (slope,) = (v for v in backward.picture.vertices if v.id == backward.edges[-1].tail)
    (leaf,) = (vertex for vertex in drawing.picture.vertices if vertex.label == "p")
    np.testing.assert_allclose(slope.value, leaf.gradient, rtol=1e-12, equal_nan=False)


@SEVERAL
def test_a_list_of_seeds_says_what_flows_back_into_each_output(function) -> None:
    data = normals(3)
    ends = function(data)
    for place in range(2):
        seed = tg.full_like(ends[place], 7.0)
        seeds = [seed if i == place else None for i in range(len(ends))]
        checked_sums(draw(function, data, seed=seeds), [ends[place]], [seed], data)
    seed = normals(*ends[0].shape).detach()
    checked_sums(draw(function, data, seed=seed), [ends[0]], [seed], data)
    assert all(edge.backward is None for edge in draw(function, data, seed=[None] * len(ends)).edges)


def test_formulas_tell_from_which_output_a_gradient_comes() -> None:
    found = {e.backward: e.formulas[1] for e in draw(branches, normals(3), names="variables", labels="formulas").edges}
    assert found["ddoubled₁"] == "dout₂ * cos(doubled)"
    assert found["ddoubled₂"] == "dout₁"
    assert found["dp"] == "(ddoubled₁ + ddoubled₂ + ddoubled₃) * 2"
    once = {e.backward: e.formulas[1] for e in draw(on_the_way, normals(3), names="variables", labels="formulas").edges}
    assert once["dp"] == "(ddoubled₁ + ddoubled₂ + ddoubled₃) * 2"
    both = {e.backward: e.formulas[1] for e in draw(twice, normals(3), names="variables", labels="formulas").edges}
    assert both["dp"] == "(ddoubled₁ + ddoubled₂) * 2"


def test_seeds_that_do_not_fit_are_refused() -> None:
    data = normals(3)
    with pytest.raises(TensorgradError, match="1 seeds of a drawing with 2 outputs"):
        draw(branches, data, seed=[None])
    with pytest.raises(TensorgradError, match=r"an output, of shape \[3\], but it has shape \[2\]"):
        draw(branches, data, seed=[None, np.ones(2)])
    with pytest.raises(TensorgradError, match="no output with a seed requires a gradient"):
        draw(branches, data, seed=[None, None], order=1)
    with pytest.raises(TensorgradError, match="3 seeds for 2 outputs"):
        Graph.trace(branches, data).gradients([None] * 3)


GLOBAL = tg.tensor([0.5, 1.5, -2.0])


def differentiated(w):
    (g,) = tg.autograd.grad((tg.tanh(w * GLOBAL) ** 2).sum(), w, create_graph=True)
    return (g * w).sum()


def test_variables_are_those_of_the_script_global_ones_too() -> None:
    graph = Graph.trace(differentiated, normals(3, dtype=tg.float32), names="variables")
    assert {node.name for node in graph.nodes} - {None} == {"w", "GLOBAL", "g"}
    assert "GLOBAL" in {v.label for v in draw(differentiated, normals(3), names="variables").picture.vertices}
    outer = GLOBAL * normals(3)
    assert "GLOBAL" in {v.label for v in draw(outer, names="variables").picture.vertices}

    def shadowing(GLOBAL):
        return GLOBAL * 2

    assert draw(shadowing, normals(3), names="variables").picture.vertices[0].label == "GLOBAL"


def constants(x):
    made = x @ tg.eye(2) + tg.ones(2) * tg.linspace(0, 1, 2) - tg.zeros_like(x)
    named = tg.ones(2)
    written = tg.zeros(2)
    written[0] = 5.0
    return made * tg.full((2,), 2.5) + named.exp() + written + x.new_ones(2) + tg.arange(2.0) + tg.tensor([1.0, 4.0])


def test_constants_are_called_by_how_they_were_made() -> None:
    drawing = draw(constants, normals(3, 2, dtype=tg.float32))
    leaves = [vertex.label for vertex in drawing.picture.vertices if vertex.leaf]
    assert sorted(leaves[1:-1]) == sorted(["eye", "1", "linspace", "0", "2.5", "1", "0", "1", "arange"])
    assert leaves[-1].startswith("constant")  # of lists of numbers nothing is known
    found = draw(constants, normals(3, 2, dtype=tg.float32), names="variables", labels="formulas")
    labels = {vertex.label for vertex in found.picture.vertices if vertex.leaf}
    assert {"named", "written", "eye", "linspace"} <= labels
    assert "1 * linspace" in {edge.formulas[0] for edge in found.edges}
    x = normals(3, 2, dtype=tg.float32)
    space = {}
    exec(Graph.trace(constants, x).to_python(), space)
    np.testing.assert_array_equal(space["forward"](x.detach().numpy())[0], constants(x).detach().numpy())
