"""Whatever the options, every label has its place, free of everything else."""

from __future__ import annotations

import xml.etree.ElementTree as ET
from typing import Any

import numpy as np
import pytest

import tensorgrad as tg
from tensorgrad import nn, viz
from tensorgrad.viz.picture.edgetexts import edge_texts
from tests.measuring import Measures, bordered, measured, seen
from tests.pictured import pictured
from tests.smallgraphs import fan, small
from tests.test_viz_measures import told

MODES = ["names", "shapes", "values", "formulas", "none"]
PAGES = [{}, {"rankdir": "TB"}, {"width": "12cm"}, {"wrap": 2}, {"math": True, "dims": {3: "D"}},
         {"rankdir": "TB", "width": "340pt", "theme": "book"}]  # fmt: skip
SEEDS = range(10)
HUNG = ["shared", "rnn, both ways", "twins", "adversaries", "tied words"]  # what is read stands beside its readers


def again(name: str, **options: str) -> viz.Drawing:
    """Return a network's picture as it is set by other options of the page."""
    drawing = pictured(name)
    return viz.Drawing(drawing.picture, None, **{**vars(drawing.page), **options})


def wrong(drawings: dict[int, viz.Drawing]) -> dict[int, Any]:
    """Return what is wrong with which of these drawings."""
    found = {n: (measured(drawing.svg, told(drawing)), bordered(seen(drawing.svg))) for n, drawing in drawings.items()}
    return {n: some for n, some in found.items() if some != (Measures(0, 0, 0, 0), [])}


@pytest.mark.parametrize("page", PAGES, ids=str)
@pytest.mark.parametrize("labels", MODES)
def test_every_label_has_its_place_whatever_the_options(labels: str, page: dict[str, Any]) -> None:
    assert wrong({seed: small(seed, labels=labels, **page) for seed in SEEDS}) == {}


@pytest.mark.parametrize("rankdir", ["LR", "TB"])
@pytest.mark.parametrize("labels", MODES)
def test_many_arrows_at_one_circle_have_their_labels(labels: str, rankdir: str) -> None:
    for seed in SEEDS:
        drawing = fan(seed, labels=labels, rankdir=rankdir)
        assert measured(drawing.svg, told(drawing))[:3] == (0, 0, 0), seed


@pytest.mark.parametrize("labels", ["names", "shapes", "values"])
@pytest.mark.parametrize("name", HUNG)
def test_level_arrows_from_top_to_bottom_are_as_long_as_their_labels(name: str, labels: str) -> None:
    drawing = again(name, labels=labels, rankdir="TB")
    assert measured(drawing.svg, told(drawing)) == Measures(0, 0, 0, 0)
    assert bordered(seen(drawing.svg)) == []


def hinge(x: tg.Tensor, w: tg.Tensor) -> tg.Tensor:
    """Return what has formulas of all lengths, one of them on two arrows."""
    margin = x * w * 0.25 + w.tanh() * 0.125 + 1.0625
    return (margin * margin.exp()).sum()


def hinged(**options: Any) -> viz.Drawing:
    """Return its drawing with formulas."""
    return viz.draw(hinge, tg.ones(3, requires_grad=True), tg.ones(3, requires_grad=True), labels="formulas", **options)


def legend_of(drawing: viz.Drawing, step: int = 0) -> list[str]:
    """Return the lines of its legend."""
    scene = drawing.scenes[step] if isinstance(drawing, viz.Film) else drawing.scene
    return [note.text for note in scene.notes if note.kind.startswith("legend")]


@pytest.mark.parametrize("options", [{}, {"rankdir": "TB"}, {"theme": "book"}], ids=str)
def test_what_is_too_long_for_an_arrow_stands_whole_below_the_picture(options: dict[str, Any]) -> None:
    drawing = hinged(**options)
    lines = legend_of(drawing)
    assert len(lines) >= 4
    assert "…" not in "".join(lines)
    assert "".join(lines).count("(") == "".join(lines).count(")")
    assert all(f">{line}</text>" in drawing.svg for line in lines)
    labels = {arrow.label for arrow in drawing.scene.arrows}
    keys = {key for key in labels if key[0] == "("}
    assert len(keys) > 4
    assert keys < {line.split(" ")[0] for line in lines}
    assert max(map(len, labels)) <= 36
    assert measured(drawing.svg, told(drawing)) == Measures(0, 0, 0, 0)


def test_a_legend_is_below_everything_as_wide_as_the_paper_black_and_red() -> None:
    scene = hinged(width="12cm").scene
    notes = [note for note in scene.notes if note.kind.startswith("legend")]
    lowest = min(y for arrow in scene.arrows for piece in arrow.pieces for _, y in piece)
    assert all(note.center[1] < lowest for note in notes)
    assert {note.role for note in notes} == {"ink", "red"}
    assert scene.wide <= 12 / 2.54 * 72 + 0.1
    assert max(len(arrow.label) for arrow in scene.arrows) <= 20


def test_what_several_arrows_tell_stands_below_once() -> None:
    drawing = hinged()
    labels = [arrow.label for arrow in drawing.scene.arrows if arrow.kind == "fwd"]
    number = next(label for label in labels if label.startswith("("))
    assert labels.count(number) == 2
    assert sum(line.startswith(f"{number} ") for line in legend_of(drawing)) == 1


@pytest.mark.parametrize("labels", ["names", "shapes", "values", "none"])
def test_a_picture_without_long_texts_has_none(labels: str) -> None:
    assert legend_of(again("batchnorm", labels=labels)) == []


def test_all_lines_of_a_title_are_shown() -> None:
    title = " ".join(f"word{i}" for i in range(20))
    svg = viz.draw(lambda x: x * 2 + 1, tg.ones(2, requires_grad=True), title=title, width="8cm").svg
    shown = ET.fromstring(svg).iter("{http://www.w3.org/2000/svg}text")
    assert " ".join(text.text for text in shown if (text.text or "").startswith("word")) == title


def test_a_film_has_the_legend_that_holds_for_all_of_its_steps() -> None:
    drawings = [hinged(), hinged()]
    assert [legend_of(viz.film(drawings), step) for step in (0, 1)] == [legend_of(drawing) for drawing in drawings]


def test_figure_6_17_has_its_formulas_on_its_arrows() -> None:
    drawing = viz.draw(nn.BatchNorm1d(3), tg.randn(7, 3, requires_grad=True), labels="formulas")
    assert legend_of(drawing) == []
    assert "dsqrtvar = −divar * ivar / sqrtvar" in {arrow.label for arrow in drawing.scene.arrows}


def test_a_number_stands_for_one_formula_and_a_name_of_two_words_for_none() -> None:
    x = tg.tensor([0.3, -0.2, 0.5], requires_grad=True)
    x.name = "x"

    def nested(x: Any) -> Any:
        a = x
        for _ in range(7):
            a = (a * 2 + 1).tanh() * a
        return (a.sin() * a.cos() * (a.sin() + a.cos())).sum()

    known: dict[str, Any] = {}
    for arrow in viz.draw(nested, x, labels="formulas").scene.arrows:
        if arrow.label.startswith("("):
            number = arrow.edge.gradient if arrow.kind.startswith("bwd") else arrow.edge.value
            assert np.array_equal(known.setdefault(arrow.label, number), number), arrow.label

    def named(x: Any) -> Any:
        h = (x * 2 + x.exp() * 3 - x.sin() * x.cos()) * x
        h.name = "hidden layer"
        return (h * h).sum()

    notes = [n.text for n in viz.draw(named, tg.ones(3, requires_grad=True), labels="formulas").scene.notes]
    assert any("hidden layer = " in text for text in notes)


class Shared(nn.Module):
    """Two layers and a value that has two readers, one of them closed."""

    def __init__(self) -> None:
        super().__init__()
        self.one, self.two = nn.Linear(3, 3), nn.Linear(3, 3)

    def forward(self, x: tg.Tensor) -> tg.Tensor:
        """Return a number."""
        h = self.one(x).relu()
        return (self.two(h) + self.two(h.exp()) * h).sum()


@pytest.mark.parametrize("names", [None, "variables"])
@pytest.mark.parametrize(
    "options", [{}, {"depth": 1}, {"depth": 0}, {"collapse": "Linear"}, {"collapse": "two"}, {"hide": "relu"}], ids=str
)
@pytest.mark.parametrize("labels", MODES)
def test_every_arrow_with_a_gradient_tells_it_as_its_mode_does(
    labels: str, options: dict[str, Any], names: str | None
) -> None:
    drawing = viz.draw(Shared(), tg.ones(2, 3, requires_grad=True), labels=labels, names=names, **options)
    told = {edge.id: edge_texts(edge, labels, {})[1] for edge in drawing.edges}
    flowing = [edge for edge in drawing.edges if edge.backward]
    assert len(flowing) >= 2
    wanted = {"none": [], "names": (named := [e for e in flowing if e.named]), "shapes": named}.get(labels, flowing)
    assert {id for id, text in told.items() if text} == {edge.id for edge in wanted}
    if labels == "formulas":
        assert all(edge_texts(edge, labels, {})[0] for edge in drawing.edges)
        for edge in flowing:
            assert told[edge.id].startswith(edge.backward) or told[edge.id] == edge.formulas[1]


def test_a_long_formula_goes_on_in_the_next_line_and_a_hopeless_one_keeps_its_outermost_parts() -> None:
    x = tg.full((2,), 0.001, requires_grad=True)

    def long(x: tg.Tensor) -> tg.Tensor:
        terms = [(x * (1000 + n)).tanh() * (x + n).exp() for n in range(10)]
        return sum(terms[1:], terms[0]).cos()

    notes = [n for n in viz.draw(long, x, labels="formulas", width="12cm").scene.notes if n.kind == "legend"]
    lines = [line for line in notes if line.id.partition("_")[0] == notes[-1].id.partition("_")[0]]
    text = " ".join(line.text for line in lines)
    assert text == f"out = cos({' + '.join(f'tanh(x * {1000 + n}) * exp(x + {n})' for n in range(10))})"
    assert len(text) > 240
    assert len(lines) > 3

    def deep(x: tg.Tensor) -> tg.Tensor:
        for _ in range(7):
            x = (x * 2 + 1).tanh() * x
        return x.sin().sum()

    for edge in viz.draw(deep, x, labels="formulas").edges:
        for formula in edge.formulas:
            assert len(formula) <= (240 if "…" in formula else 1000)
            assert formula.count("(") == formula.count(")")


def test_no_two_values_have_one_name_in_formulas() -> None:
    class Net(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.layers = nn.Sequential(*(nn.Sequential(nn.Linear(3, 3), nn.BatchNorm1d(3)) for _ in range(3)))

        def forward(self, x: tg.Tensor) -> tg.Tensor:
            return (self.layers(x) ** 2).mean()

    for options in ({}, {"depth": 1}, {"collapse": "BatchNorm1d"}):
        drawing = viz.draw(Net(), tg.randn(4, 3, requires_grad=True), labels="formulas", **options)
        for picture in filter(None, (drawing.picture, drawing.picture.inside)):
            values = {
                (e.tail, e.forward) if e.tail[0] == "n" else e.forward: e.forward for e in picture.edges if e.named
            }
            assert len(set(values.values())) == len(values)
            leaves = [v.label for v in picture.vertices if v.leaf]
            assert len(set(leaves)) == len(leaves)
            assert not {"W", "b", "γ", "β"} & set(leaves)
    drawing = viz.draw(Net(), tg.randn(4, 3, requires_grad=True), labels="formulas")
    told = {edge.forward: edge.formulas for edge in drawing.edges}
    assert told["γx̂₂"][0] == "x̂₂ * γ₂"
    assert told["ivar₃"] == ("1 / sqrtvar₃", "Σ(dx̂₃ * xμ₃)")
    assert all("W₂" in told[name][0] for name in ("μ₂", "xμ₂"))
    for labels in ("names", "shapes", "values"):  # frames tell whose they are
        assert "W" in {e.forward for e in viz.draw(Net(), tg.randn(4, 3), labels=labels, collapse=()).edges}


def test_layers_that_are_alike_are_one_box_with_formulas_too() -> None:
    net = nn.Sequential(*(nn.Linear(3, 3) for _ in range(4)))
    boxes = {
        labels: [
            v.label for v in viz.draw(net, tg.ones(2, 3), labels=labels, depth=1).picture.vertices if v.kind == "box"
        ]
        for labels in MODES
    }
    assert len(boxes["names"]) == 1
    assert all(found == boxes["names"] for found in boxes.values())


@pytest.mark.parametrize("seed", range(16, 32))
def test_any_end_has_formulas_and_a_backward_pass_to_draw(seed: int) -> None:
    """Also where the last value is a copy that nobody asked for, which no picture shows."""
    with np.errstate(all="ignore"):
        assert any(edge.formulas[0] for edge in small(seed, labels="formulas").edges)
        assert small(seed, order=1).edges
