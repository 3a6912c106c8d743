"""The numbers on a drawing: value and total gradient in every circle, few in full, and no rounding as a gradient."""

from __future__ import annotations

import re

import numpy as np
import pytest

import tensorgrad as tg
from tensorgrad import nn
from tensorgrad.viz import draw
from tensorgrad.viz.picture.summaries import Numbers, brief


def faces(drawing) -> dict[str, str]:
    return {o.vertex.label: o.vertex.numbers for o in drawing.scene.outlines if o.vertex.kind != "output"}


def lecture(**options):
    """The expression of the lectures: two products, a sum, a tanh."""
    a, b, c = (tg.tensor(v, requires_grad=True) for v in (2.0, -3.0, 7.0))
    return draw(lambda a, b, c: (a * b + c).tanh(), a, b, c, labels="values", **options)


def test_every_circle_holds_its_value_and_the_total_of_its_gradient():
    slope = 1 - np.tanh(1.0) ** 2
    want = {"a": (2, -3 * slope), "b": (-3, 2 * slope), "c": (7, slope), "*": (-6, slope), "+": (1, slope),
            "tanh": (np.tanh(1), 1)}  # fmt: skip
    assert faces(lecture()) == {name: f"{value:.4g} | {gradient:.4g}" for name, (value, gradient) in want.items()}
    assert ">-6 | 0.42<" in lecture().svg


def test_no_number_stands_in_a_circle_and_on_its_arrow_as_well():
    drawing = lecture()
    for arrow in drawing.scene.arrows:
        number = faces(drawing)[arrow.edge.source].split(" | ")[arrow.kind == "bwd"]
        assert number not in arrow.label
        assert arrow.label
    assert sum(not arrow.edge.named for arrow in drawing.scene.arrows) > 2


def test_the_total_is_the_sum_of_the_parts_on_its_arrows():
    x = tg.tensor(3.0, requires_grad=True)
    found = draw(lambda x: x * x + x, x, labels="values")
    assert faces(found)["x"] == "3 | 7"
    texts = [arrow.label for arrow in found.scene.arrows if arrow.kind == "bwd" and arrow.edge.source == "x"]
    assert sorted(texts) == ["dx₁ = 1", "dx₂ = 3", "dx₃ = 3"]
    assert found.picture.vertex["n0"].gradient.item() == sum(e.gradient.item() for e in found.edges if e.source == "x")


def test_a_part_that_is_the_total_has_its_number_as_the_others_have():
    x = tg.tensor([1.0, 2.0], requires_grad=True)
    found = draw(lambda x: (x * 0.0).sum() + x.sum(), x, labels="values")
    texts = [arrow.label for arrow in found.scene.arrows if arrow.kind == "bwd" and arrow.edge.source == "x"]
    assert sorted(texts) == ["dx₁ = [1, 1]", "dx₂ = [0, 0]"]


@pytest.mark.parametrize("labels", ["values", "shapes", "formulas"])
def test_a_tap_tells_its_part_as_an_arrow_does(labels):
    tg.manual_seed(0)
    found = draw(nn.RNN(1, 1), tg.randn(5, 1, 1, requires_grad=True), labels=labels, wrap=False)
    texts = dict(zip((edge.id for edge in found.edges), found.page.shortened(found.picture)[0], strict=True))
    at = {outline.vertex.id: outline for outline in found.scene.outlines}
    red = [(arrow, at[arrow.edge.tail]) for arrow in found.scene.arrows if arrow.kind == "bwd" and arrow.label]
    far = [np.hypot(*np.subtract(arrow.pieces[-1][-1], o.center)) > max(o.half) + 4 for arrow, o in red]
    taps = [arrow for (arrow, _), is_tap in zip(red, far, strict=True) if is_tap]
    named = [arrow for arrow in taps if arrow.edge.named]
    assert len(taps) > len(named) > 0
    assert all(arrow.label == texts[arrow.edge.id][1] for arrow in named)
    if labels == "values":
        assert all(" = " in arrow.label for arrow in taps)


@pytest.mark.parametrize(("value", "text"), [
    ([1.0, 2.5, -3.0], "[1, 2.5, -3]"), ([[1.0, 2.0], [3.0, 4.0]], "[[1, 2], [3, 4]]"), (0.125, "0.125"), ([], ""),
    ([1e-5 / 3] * 6, "3.33e-06 ± 0"), (list(range(7)), "3 ± 2"), ([True, False], "[1, 0]"),
])  # fmt: skip
def test_few_numbers_stand_in_full(value, text):
    assert brief(np.array(value)) == text


def test_without_gradients_there_are_values_alone():
    assert faces(lecture(grads=False))["*"] == "-6"
    assert all(not o.vertex.numbers for o in draw(lambda x: x.exp(), tg.ones(1)).scene.outlines)


def normalised(dtype, bias: bool = True):
    rng = np.random.default_rng(5)
    net = nn.Sequential(nn.Linear(4, 3), nn.BatchNorm1d(3)).to(dtype)
    if not bias:
        net[0].bias.requires_grad_(False)
    x, seed = (tg.tensor(rng.normal(size=s), dtype=dtype) for s in ((8, 4), (8, 3)))
    return draw(net, x, seed=seed, labels="values")


@pytest.mark.parametrize("dtype", [tg.float32, tg.float64])
def test_the_bias_before_a_normalisation_has_no_gradient_to_be_seen(dtype):
    found = normalised(dtype)
    assert [edge.backward for edge in found.edges if edge.noise] == ["db"]
    edge = next(edge for edge in found.edges if edge.noise)
    assert 0 < np.abs(edge.gradient).max() < 1e-5  # the numbers stay what they are
    assert faces(found)["b"].endswith(" | ≈ 0")
    (arrow,) = (arrow for arrow in found.scene.arrows if arrow.id == f"b{edge.id}")
    assert arrow.pen.dash == "dashed"
    plain = draw(nn.BatchNorm1d(3), tg.tensor(np.random.default_rng(5).normal(size=(7, 3)), requires_grad=True))
    assert any(edge.noise for edge in plain.edges)
    assert all(
        arrow.pen.dash == "solid" for arrow in plain.scene.arrows
    )  # without numbers it is an arrow as all others
    assert "rounding alone" in found.svg


@pytest.mark.parametrize("scale", [1e-12, 1.0, 1e12])
@pytest.mark.parametrize("seed", range(5))
def test_a_true_gradient_is_never_taken_for_rounding_however_small(seed, scale):
    rng = np.random.default_rng(seed)
    x, w = (tg.tensor(rng.normal(size=s), requires_grad=True) for s in ((6, 4), (4, 3)))
    found = draw(lambda x, w: ((x @ w).tanh() * scale).sum() + (x * 1e-9).sum(), x, w)
    assert not any(edge.noise for edge in found.edges)
    assert not any(vertex.noise for vertex in found.picture.vertices)


def test_parts_that_cancel_to_rounding_are_seen_in_the_total():
    x = tg.tensor([0.3, 0.7, 1.1], requires_grad=True)
    found = draw(lambda x: (x * 0.1).sum() + (x * 0.2).sum() - (x * 0.3).sum(), x, labels="values")
    total = found.picture.vertex["n0"]
    assert 0 < np.abs(total.gradient).max() < 1e-7
    assert total.noise
    assert faces(found)["x"].endswith("| ≈ 0")


def test_the_replay_tells_the_number_of_each_step(browser):
    told, noted = [], []
    for drawing, found in ((lecture(), told), (normalised(tg.float64), noted)):
        browser.open(drawing.html)
        for _ in range(2 * len(drawing.picture.vertices)):
            browser.press("ArrowRight")
            found.append(browser.run("return document.querySelector('.told').textContent"))
    slope = 1 - np.tanh(1.0) ** 2
    wanted = [("forward 1 / 6: input a", "2"), ("forward 5 / 6: ", "1"), ("forward 6 / 6: out", f"{np.tanh(1):.4g}"),
              ("backward 6 / 6: dout", "1"), ("backward 5 / 6: d", f"{slope:.4g}"),
              ("backward 1 / 6: da", f"{-3 * slope:.4g}")]  # fmt: skip
    for begun, number in wanted:
        (text,) = {text for text in told if text.startswith(begun)}
        assert text.endswith(f" = {number}")
    assert any(text.endswith(": db ≈ 0") for text in noted)


def test_a_sum_of_parts_is_told_with_the_total(browser):
    x = tg.tensor(3.0, requires_grad=True)
    browser.open(draw(lambda x: x * x + x, x, labels="values").html)
    browser.press("End")
    assert browser.run("return document.querySelector('.told').textContent") == "backward 1 / 3: dx₁ + dx₂ + dx₃ = 7"
    browser.open(draw(lambda x: x * x, x).html)
    browser.press("End")
    assert browser.run("return document.querySelector('.told').textContent") == "backward 1 / 2: dx₁ + dx₂"


@pytest.mark.parametrize("value", [-0.0, [-0.0, 1.0], [[-0.0], [-1.0]]])
def test_zero_has_no_sign(value):
    assert "-0" not in re.sub(r"-0?\.\d", "", brief(np.array(value)))
    x, zero = tg.tensor(value, requires_grad=True), tg.tensor(-0.0)
    drawing = draw(lambda x, zero: (x * zero).sum(), x, zero, labels="values")
    assert not re.search(r"[>\[ |]-0[<,\] |]", drawing.svg)


def test_numbers_that_are_summed_together_are_told_as_each_alone():
    rng = np.random.default_rng(0)
    shapes = (1,), (7,), (3, 4), (50, 90)
    arrays = [rng.normal(size=shape).astype(dtype) for shape in shapes for dtype in ("f2", "f4", "f8")]
    arrays += [rng.integers(-5, 5, 6), rng.normal(size=5) > 0, np.array([np.nan, 1]), np.array([np.inf, 2.0, -np.inf])]
    arrays += [np.zeros(3), np.ones((2, 0)), rng.normal(size=(4, 6)).T, np.array([0.1, 0.2, -0.3]), np.array([3, 4j])]
    joined = Numbers(arrays)
    for array in arrays:
        assert joined.statistics(array) == Numbers().statistics(array)
        assert joined.norm(array) == Numbers().norm(array)
