"""What stands in circles, on taps and in titles: axes, indices, windows, and names that can be read one way only."""

from __future__ import annotations

import re
from pathlib import Path

import numpy as np
import pytest

import tensorgrad as tg
from tensorgrad import nn
from tensorgrad.engine.primitive import PRIMITIVES
from tensorgrad.viz import draw

F = nn.functional


def x(*shape):
    return tg.tensor(np.random.default_rng(1).normal(size=shape), dtype=tg.float32, requires_grad=True)


def circle(function, *inputs, **options):
    """The label of the last operation."""
    return [v.label for v in draw(function, *inputs, **options).picture.vertices if v.kind == "op"][-1]


@pytest.mark.parametrize(
    ("function", "label"),
    [
        (lambda x: x.sum(), "Σ"),
        (lambda x: x.sum(0), "Σᵢ"),
        (lambda x: x.sum(-1), "Σₖ"),
        (lambda x: x.sum((0, 2)), "Σᵢₖ"),
        (lambda x: x.sum((2, 1), keepdim=True), "Σⱼₖ"),
        (lambda x: x.mean(), "1/N Σxᵢ"),
        (lambda x: x.mean(1), "1/N Σxⱼ"),
        (lambda x: x.amax(1), "maxⱼ"),
        (lambda x: x.amin(), "min"),
        (lambda x: x.argmax(2), "argmaxₖ"),
        (lambda x: x[0], "[0]"),
        (lambda x: x[:, 0], "[:, 0]"),
        (lambda x: x[..., 1:3], "[…, 1:3]"),
        (lambda x: x[::2, None], "[::2, None]"),
        (lambda x: x[:, :, 3], "[:, :, 3]"),
        (lambda x: x[:, [0, 1]], "[:, ·]"),
        (lambda x: x[tg.tensor([0, 1])], "[ ]"),
        (lambda x: x.clone(), "clone"),
    ],
)
def test_axes_and_indices_stand_in_the_circle(function, label):
    assert circle(function, x(3, 4, 5)) == label


def filled(x):
    z = tg.zeros(3, 4)
    z[:, 0] = x
    return z


@pytest.mark.parametrize(
    ("function", "shape", "labels", "formula"),
    [
        (lambda x: (x * (2 - 3j)).abs(), (3,), ["|x*(2−3j)|"], "|x * (2−3j)|"),
        (lambda x: 1j * x, (3,), ["1j*x"], "1j * x"),
        (lambda x: x - (-1), (3,), ["x−(−1)"], "x − (−1)"),
        (lambda x: x + -1, (3,), ["x+(−1)"], "x − 1"),
        (lambda x: (-2.0) ** (x * 0), (3,), ["x*0", "(−2)**x"], "(−2) ** (x * 0)"),
        (lambda x: F.linear(x, tg.ones(4, 3)), (5, 3), ["@ᵀ"], None),
        (lambda x: F.pad(x, (2, 0)), (3,), ["pad (2, 0)"], None),
        (lambda x: F.pad(x, (0, 1, 2, 3)), (3, 4, 5), ["pad (0, 1, 2, 3)"], None),
        (lambda x: tg.zeros(5, 3).index_add(0, tg.tensor([1, 2]), x), (2, 3), ["index_add", "+"], None),
        (filled, (3,), ["[:, 0]="], None),
        (lambda x: F.interpolate(x, scale_factor=2), (1, 1, 3), ["interpolate"], None),
        (lambda x: x[:, np.array([0, 0])], (1, 3), ["[:, ·]"], None),
    ],
)
def test_a_circle_says_what_is_computed(function, shape, labels, formula):
    drawing = draw(function, x(*shape), labels="formulas")
    assert [v.label for v in drawing.picture.vertices if v.kind == "op"] == labels
    assert formula is None or drawing.edges[-1].formulas[0] == formula


def test_signs_that_only_this_library_uses_are_explained():
    page = (Path(__file__).parents[1] / "docs/drawing.md").read_text("utf-8")
    signs = {primitive.symbol for primitive in PRIMITIVES.values()} & {"⇑", "⇓", "⊞", "[ ]", "[ ]ᵀ"}
    assert {"⇑", "⇓"} <= signs
    assert not [sign for sign in signs if f"`{sign}" not in page and f"{sign.removeprefix('[ ')}`" not in page]


def test_the_gradient_of_a_slice_is_no_padding_that_somebody_asked_for():
    assert "[1:2]ᵀ" in [v.label for v in draw(lambda x: x[1:2], x(3), order=1).picture.vertices]


def test_mathematics_leaves_the_names_of_files_alone():
    namespace = {}
    exec(compile("def f(x):\n    return x * x.max().item()", "g29.py", "exec"), namespace)
    drawing = draw(namespace["f"], x(3), theme="book")
    labels = [v.label for v in drawing.page.shown(drawing.picture).vertices]
    assert [label for label in labels if label.endswith("g29.py:2")]


def test_a_long_index_is_written_in_full_and_a_failed_one_as_far_as_it_is_known():
    assert circle(lambda x: x[12345:12346], x(20_000)) == "[12345:12346]"
    with pytest.raises(IndexError) as caught:
        x(3)[7]
    assert [v.label for v in draw(caught.value).picture.vertices][-1] == "[7]"


def test_mathematics_writes_the_axis_once():
    assert "1/N Σⱼ" in draw(lambda x: x.mean(1), x(3, 4), math=True).svg.replace("\xa0", " ")


WINDOWS = [
    (nn.Conv2d(1, 2, 3), (1, 1, 9, 9), "0: Conv2d(1, 2, 3×3)", "⊞ 3×3"),
    (nn.Conv2d(1, 2, (3, 1), stride=2), (1, 1, 9, 9), "0: Conv2d(1, 2, 3×1, /2)", "⊞ 3×1, /2"),
    (nn.Conv1d(1, 2, 3, stride=2), (1, 1, 9), "0: Conv1d(1, 2, 3, /2)", "⊞ 3, /2"),
    (nn.MaxPool2d(2), (1, 1, 8, 8), "0: MaxPool2d(2×2)", None),
    (nn.MaxPool2d(3, stride=(2, 1)), (1, 1, 8, 8), "0: MaxPool2d(3×3, /2×1)", None),
    (nn.AvgPool2d(2), (1, 1, 8, 8), "0: AvgPool2d(2×2)", "⊞ 2×2, /2"),
]


@pytest.mark.parametrize(("layer", "shape", "title", "label"), WINDOWS)
def test_kernels_and_strides_stand_in_the_title_and_in_the_circle(layer, shape, title, label):
    drawing = draw(nn.Sequential(layer), x(*shape))
    assert {module.label for vertex in drawing.picture.vertices for module in vertex.around} == {title}
    assert label is None or label in [vertex.label for vertex in drawing.picture.vertices]


def two_of_one(x):
    y = x.exp()
    return x.tanh(), y, y * y


def test_no_number_runs_into_another_one():
    drawing = draw(two_of_one, x(3))
    backward = [edge.backward for edge in drawing.edges if edge.forward == "out₂"]
    assert sorted(backward) == ["dout₂,₁", "dout₂,₂", "dout₂,₃"]
    chain = draw(lambda x: x.exp().exp().exp() * x.exp().exp(), x(3))
    every = [text for edge in drawing.edges + chain.edges for text in (edge.forward, edge.backward or "")]
    assert not [text for text in every if re.search(r"[₀-₉]{2}", text)]


def test_what_has_no_name_is_called_after_its_operation_and_numbered_where_there_are_several():
    drawing = draw(lambda x: (x.tanh() * x.exp()).tanh().sum(), x(3))
    assert [edge.forward for edge in drawing.edges] == ["x", "x", "tanh₁", "exp", "mul", "tanh₂", "out"]
    told = [vertex.tooltip.partition(", ")[0] for vertex in drawing.picture.vertices]
    assert told[1:5] == ["tanh₁ = tanh(x)", "exp(x)", "tanh₁ * exp", "tanh₂ = tanh(mul)"]


@pytest.mark.parametrize("steps", [2, 10])
def test_a_tap_bears_a_name_that_stands_at_its_source_and_such_names_are_counted_without_gaps(steps):
    scene = draw(nn.LSTM(3, 4), x(steps, 2, 3)).scene
    at_taps = {arrow.label for arrow in scene.arrows if arrow.kind == "fwd" and re.fullmatch(r"v\d+", arrow.label)}
    assert at_taps == {f"v{n}" for n in range(1, len(at_taps) + 1)}
    at_sources = {note.text for note in scene.notes if note.kind == "name"}
    assert at_taps <= at_sources
    back = {arrow.label for arrow in scene.arrows if arrow.kind == "bwd" and re.match(r"dv\d", arrow.label)}
    assert {re.match(r"d(v\d+)", label)[1] for label in back} <= at_taps


def test_a_constant_is_called_what_the_function_that_it_is_given_to_calls_it():
    weight = tg.ones(3)

    def loss(x, t):
        return F.cross_entropy(x, t, weight=weight) + F.nll_loss(x.log_softmax(-1), t, tg.zeros(3) + weight)

    drawing = draw(loss, x(2, 3), tg.tensor([0, 2]))
    leaves = {vertex.label for vertex in drawing.picture.vertices if vertex.leaf}
    assert {"x", "t", "weight"} <= leaves
    assert not draw(lambda x: tg.where(x > 0, x, tg.tensor(7.0)), x(3)).svg.count("other")


def test_arguments_and_results_have_the_names_of_the_script():
    def function(*parts, scale):
        return {"total": sum(parts) * scale, "first": parts[0].exp()}

    drawing = draw(lambda *parts: function(*parts, scale=2), x(3), x(3))
    assert {v.label for v in drawing.picture.vertices if v.leaf} == {"parts[0]", "parts[1]"}
    assert [e.forward for e in drawing.edges if e.head.startswith("out")] == ["total", "first"]
    lstm = draw(nn.LSTM(3, 4), x(2, 2, 3))
    assert [e.forward for e in lstm.edges if e.head.startswith("out")] == ["output", "h_n", "c_n"]
    affine = draw(nn.Linear(3, 2), x(5, 3), labels="formulas")
    assert [e.formulas[1] for e in affine.edges if e.source == "input"] == ["dout @ W"]


def test_a_variable_of_the_users_goes_before_the_name_that_a_layer_gives():
    layer = tg.nn.BatchNorm1d(3, affine=False)

    def function(x):
        h = layer(x)
        return h.relu()

    names = [edge.forward for edge in draw(function, tg.randn(4, 3, requires_grad=True), names="variables").edges]
    assert {"h", "xμ"} <= {*names}
    assert not {"x̂", "xmu"} & {*names}
    h = layer(tg.randn(4, 3, requires_grad=True))
    assert "h" in [edge.forward for edge in draw(h.relu(), names="variables").edges]
    h.name = "mine"
    assert "mine" in [edge.forward for edge in draw(h.relu(), names="variables").edges]


def test_a_comparison_is_no_assignment():
    x = tg.tensor([1.0, 2.0])
    drawing = draw(lambda x: (x == 2) * x, x, labels="formulas")
    assert "x==2" in {vertex.label for vertex in drawing.picture.vertices}
    assert "(x == 2) * x" in drawing.edges[-1].formulas[0]


def test_hovering_tells_no_setting_that_only_says_how_the_same_is_computed():
    tips = [v.tooltip for v in draw(nn.BatchNorm1d(3), tg.ones(4, 3)).picture.vertices]
    assert any("mean(x), axis=0" in tip for tip in tips)
    assert not [tip for tip in tips if "refined" in tip]


@pytest.mark.parametrize("name", ["tril", "triu"])
def test_the_zeros_of_a_triangle_are_numbers(name: str) -> None:
    drawing = draw(lambda x: getattr(x, name)(), tg.ones(2, 3, requires_grad=True))
    assert "where\n·, ·, 0" in [vertex.label for vertex in drawing.picture.vertices]


def test_taps_of_two_weights_do_not_say_the_same() -> None:
    net = nn.Sequential(nn.Linear(1, 4), nn.Tanh(), nn.Linear(4, 1))

    def bend(x: tg.Tensor) -> tg.Tensor:
        y = net(x)
        (slope,) = tg.autograd.grad(y.sum(), x, create_graph=True)
        (change,) = tg.autograd.grad(slope.sum(), x, create_graph=True)
        return ((change + y) ** 2).mean()

    svg = draw(bend, tg.randn(4, 1, requires_grad=True)).svg
    said = re.findall(r">([^<>]*\bW[^<>]*)<", svg)
    assert {"0.W", "2.W"} <= {*said}
    assert any(text.startswith("d0.W") for text in said)
    assert any(text.startswith("d2.W") for text in said)
