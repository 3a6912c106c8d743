"""Heat: circles coloured by gradient, time or memory, the same in every format; and what is kept for backward."""

from __future__ import annotations

import json
import math
import re

import numpy as np
import pytest

import tensorgrad as tg
from tensorgrad import nn
from tensorgrad.errors import TensorgradError
from tensorgrad.graph import Graph
from tensorgrad.viz import draw
from tensorgrad.viz.layout.themes import themed
from tensorgrad.viz.picture.edgetexts import with_numbers
from tensorgrad.viz.picture.text import width


def network(**options):
    tg.manual_seed(0)
    net = nn.Sequential(nn.Linear(64, 30), nn.Tanh(), nn.Linear(30, 3))
    return draw(net, tg.randn(80, 64), seed=tg.randn(80, 3), **options)


def test_the_warmth_of_a_gradient_is_its_norm_on_a_scale_of_logarithms():
    found = network(heat="gradient").picture.vertices
    norms = {v.id: np.linalg.norm(v.gradient) for v in found if v.gradient is not None}
    low, high = min(norms.values()), max(norms.values())
    for vertex in found:
        if vertex.id in norms:
            assert vertex.heat == pytest.approx(math.log(norms[vertex.id] / low) / math.log(high / low), abs=1e-5)
        else:
            assert vertex.heat is None
    assert "heat: norm of the gradient, " in network(heat="gradient").caption


def test_memory_is_what_the_rules_read_of_what_is_computed():
    x, w = tg.randn(10, 4), tg.randn(4, 5, requires_grad=True)

    def f(x, w):
        h = x @ w  # reads leaves alone
        y = h.tanh()  # reads its output, 10 x 5 float32
        return (y * y + h.exp()).sum()  # y is kept already; exp reads its output

    graph = Graph.trace(f, x, w)
    kept = {node.op: node.kept for node in graph.nodes if node.kept}
    assert kept == {"tanh": 200, "exp": 200}
    found = draw(graph, heat="memory")
    assert "400 B are kept for the backward pass" in found.description
    assert "keeps 200 B for backward" in found.svg
    assert {v.label for v in found.picture.vertices if v.heat is not None} == {"tanh", "exp"}


@pytest.mark.parametrize(
    ("heat", "unit"),
    [("memory", r"[\d.]+ k?B"), ("gradient", r"[\d.]+"), ("time", r"[\d.]+ [mµ]s"), ("digits", r"[\d.]+")],
)
def test_a_warm_circle_has_its_number_in_it(heat, unit):
    found = network(heat=heat)
    warm = [outline for outline in found.scene.outlines if outline.vertex.heat is not None]
    assert warm
    for outline in warm:
        label, number = (text for text, _ in outline.lines)
        assert (label, number) == (outline.vertex.label, outline.vertex.measured)
        assert re.fullmatch(unit, number)
        assert max(width(text, outline.size) for text in (label, number)) <= 2 * outline.half[0]
    if heat == "memory":
        assert [(o.vertex.label, o.vertex.measured) for o in warm] == [("tanh", "9.6 kB")]  # 80 x 30 float32
    values = network(heat=heat, labels="values").picture
    assert all(" " in v.numbers for v in with_numbers(values).vertices if v.heat is not None)


def test_a_view_is_kept_once():
    x = tg.randn(6, 2, requires_grad=True)

    def f(x):
        y = x.exp()
        return (y.reshape(12) * y.reshape(12).sin()).sum()

    graph = Graph.trace(f, x)
    assert sum(node.kept for node in graph.nodes) == 2 * 12 * 4  # exp with its views, and the sine


def test_nothing_is_kept_where_nothing_is_tracked():
    graph = Graph.trace(lambda x: x.exp().tanh(), tg.randn(3))
    assert not any(node.kept for node in graph.nodes)
    assert "kept" not in draw(graph).description


def test_time_is_that_of_the_operations_and_the_long_one_is_hot():
    x = tg.randn(300, 300)
    found = draw(lambda x: (x @ x @ x + 1).sum(), x, heat="time").picture.vertices
    heats = {v.label: v.heat for v in found if v.heat is not None}
    assert max(heats, key=heats.get) == "@"
    assert all(v.heat is None for v in found if v.leaf)


def test_the_digits_that_cancel_are_hot():
    x = tg.tensor(1e-8, dtype=tg.float64, requires_grad=True)
    found = draw(lambda x: (1 - x.cos()) / (x * x), x, heat="digits").picture.vertices
    told = {v.label: v.measured for v in found if v.measured}
    assert told["cos"] == "0.9"
    assert {told["1−x"], told["/"]} == {"16.0"}


def test_boxes_have_the_heat_of_what_they_hold():
    assert any(v.kind == "box" and v.heat for v in network(heat="memory", depth=1).picture.vertices)
    assert any(v.kind == "box" and v.heat for v in network(heat="gradient", depth=1).picture.vertices)


def test_heat_has_its_colour_in_every_format():
    found = network(heat="gradient")
    warm = {v.id: themed(None, {}).filling(v.heat) for v in found.picture.vertices if v.heat is not None}
    for id, colour in warm.items():
        assert re.search(rf'<g id="{id}".*?fill:{colour}', found.svg, re.DOTALL)
        assert re.search(rf'\b{id} \[[^]]*fillcolor="{colour}"', found.positioned)
        assert f"style {id} fill:{colour}" in found.mmd
    assert found.tex.count("{rgb,255:red,") == len(warm)
    heats = {node["id"]: node["heat"] for node in json.loads(found.json)["nodes"] if node["heat"] is not None}
    assert heats.keys() == warm.keys()


def test_without_numbers_there_is_no_heat_and_the_caption_says_so():
    found = draw(lambda x: x.exp(), tg.ones(2), heat="gradient")
    assert found.caption == "heat: no norm of the gradient is known"
    assert all(v.heat is None for v in found.picture.vertices)


def test_another_heat_is_refused():
    with pytest.raises(TensorgradError, match=r"heat='colour'.*'gradient', 'time', 'digits', 'memory'"):
        network(heat="colour")
