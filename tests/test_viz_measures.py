"""What is wrong with the drawings of some sixty networks, counted in the SVG: nothing may be.

No text is missing or struck, no arrow runs through a title or a foreign node, and no two cross.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import pytest

import tensorgrad as tg
from tensorgrad import nn, viz
from tests.measuring import Measures, bordered, measured, seen, sharpest, smallest
from tests.pictured import NETWORKS, pictured
from tests.smallgraphs import layered, small

LEAST = 8.0  # points
BEND = 60.0  # degrees within three points


def told(drawing: viz.Drawing) -> set[str]:
    """Return the arrows that have something to say."""
    texts = drawing.page.texts(drawing.page.shown(drawing.picture))
    pairs = list(zip(drawing.edges, texts, strict=True))
    found = {f"f{edge.id}" for edge, (text, _) in pairs if text}
    return found | {f"b{edge.id}" for edge, (_, text) in pairs if text and edge.backward is not None}


@pytest.mark.parametrize("name", NETWORKS)
def test_nothing_is_wrong(name: str) -> None:
    drawing = pictured(name)
    assert measured(drawing.svg, told(drawing)) == Measures(0, 0, 0, 0)
    assert sharpest(seen(drawing.svg)) < BEND
    assert bordered(seen(drawing.svg)) == []


WITHOUT_PAIRS = {"values of scalars", "backward of batchnorm", "backward of an mlp", "twice backward"}  # at circles


@pytest.mark.parametrize("name", NETWORKS)
def test_both_lines_of_a_pair_end_on_the_circles_that_they_join(name: str) -> None:
    scene, joined = pictured(name).scene, 0
    circles = {o.vertex.id: o for o in scene.outlines if o.round and o.vertex.kind != "output"}
    for arrow in scene.arrows:
        for id, point in zip(arrow.ends, (arrow.pieces[0][0], arrow.pieces[-1][-1]), strict=True):
            if arrow.edge.backward is not None and id in circles:
                far, radius = math.dist(point, circles[id].center), circles[id].half[0]
                assert far == pytest.approx(radius) or far > 2 * radius  # at a tap
                joined += far < 2 * radius
    assert joined > len(scene.arrows) // 4 or name in WITHOUT_PAIRS


DOWNWARDS = ["mlp", "residual", "dense", "highway", "branches", "autoencoder", "shared", "experts", "twins", "pyramid",
          "lstm cell", "rnn, two steps", "attention, two heads", "transformer"]  # fmt: skip


@pytest.mark.parametrize("name", DOWNWARDS)
def test_nothing_is_wrong_from_top_to_bottom(name: str) -> None:
    across = pictured(name)
    drawing = viz.Drawing(across.picture, None, **{**vars(across.page), "rankdir": "TB"})
    assert measured(drawing.svg, told(drawing)) == Measures(0, 0, 0, 0)
    assert bordered(seen(drawing.svg)) == []


@pytest.mark.parametrize("options", [{}, {"labels": "shapes"}, {"rankdir": "TB"}], ids=str)
def test_no_text_stands_on_the_border_of_a_frame(options: dict[str, Any]) -> None:
    """As "db = Σ of 2" did where a layer is used twice, and the shapes of large filters."""
    drawings = {seed: layered(seed, **options) for seed in range(12)}
    assert any(" = Σ of 3" in drawing.svg for drawing in drawings.values())
    assert {seed: found for seed, drawing in drawings.items() if (found := bordered(seen(drawing.svg)))} == {}


@pytest.mark.parametrize("options", [
    {}, {"labels": "values"}, {"labels": "values", "heat": "memory"}, {"labels": "shapes"},
    {"rankdir": "TB"}, {"order": 1}, {"order": 2, "max_nodes": 100}, {"heat": "memory"},
], ids=str)  # fmt: skip
def test_nothing_is_wrong_with_small_graphs(options: dict[str, Any]) -> None:
    wrong = {}
    for seed in range(25):
        drawing = small(seed, **options)
        found = measured(drawing.svg, told(drawing)), sharpest(seen(drawing.svg)) >= BEND
        if found != (Measures(0, 0, 0, 0), False):
            wrong[seed] = found
    assert wrong == {}


def test_an_arrow_around_another_one_has_no_cusp() -> None:
    x = tg.tensor(2.0, requires_grad=True)
    for depth in range(1, 4):
        drawing = viz.draw(lambda x, depth=depth: sum((x + x) * (x + i) for i in range(depth)) / (x * x + 1), x)
        assert sharpest(seen(drawing.svg)) < BEND


def test_the_measures_see_a_cusp() -> None:
    svg = '<svg xmlns="http://www.w3.org/2000/svg" font-size="13">{}</svg>'
    assert sharpest(seen(svg.format(arrow("f1", STRAIGHT)))) == 0
    assert sharpest(seen(svg.format(arrow("f1", "M0,0C10,0 20,0 30,0C30,10 0,10 0,10")))) > BEND


@pytest.mark.parametrize("name", NETWORKS)
def test_every_text_can_be_read(name: str) -> None:
    assert smallest(pictured(name).svg) >= LEAST


def test_the_networks_are_many_and_large() -> None:
    assert len(NETWORKS) >= 40
    assert sum(len(pictured(name).picture.vertices) > 100 for name in NETWORKS) >= 10


def taps(drawing: viz.Drawing) -> set[str]:
    """Return the names of what is joined by taps: a tap's arrow starts at no vertex."""
    at = {outline.vertex.id: outline for outline in drawing.scene.outlines}
    black = [arrow for arrow in drawing.scene.arrows if arrow.kind == "fwd"]
    return {
        a.edge.source
        for a in black
        if math.dist(a.pieces[0][0], at[a.edge.tail].center) > max(at[a.edge.tail].half) + 4
    }


def test_a_small_picture_has_arrows_where_they_cross_nothing() -> None:
    assert taps(pictured("four uses")) == set()
    assert taps(pictured("quotient")) == {"y"}
    assert taps(pictured("rnn, ten steps")) > {"input"}


def test_the_main_way_goes_from_the_input_to_the_farthest_output() -> None:
    drawing = viz.draw(
        lambda x, w: (x @ w, ((x @ w) ** 2).sum().log()), tg.ones(2, 3, requires_grad=True), tg.ones(3, 3)
    )
    heights = {outline.vertex.label: outline.center[1] for outline in drawing.scene.outlines}
    assert heights["x"] == heights["**2"] == heights["log"] != heights["w"]


def test_what_taps_alone_lead_to_stands_beside_its_readers() -> None:
    drawing = pictured("euler")
    at = {outline.vertex.id: outline.center[0] for outline in drawing.scene.outlines}
    assert all(at[edge.tail] <= at[edge.head] for edge in drawing.edges)


def part(kind: str, id: str, inside: str, more: str = "") -> str:
    return f'<g id="{id}" class="{kind}" {more}>{inside}</g>'


def arrow(id: str, d: str, ends: str = "", inside: str = "") -> str:
    return part("edge", id, f'<path d="{d}"/>{inside}', ends)


def text(shown: str, x: float, y: float) -> str:
    return f'<text x="{x}" y="{y}" font-size="10">{shown}</text>'


STRAIGHT, CROSSWISE = "M0,0C30,0 60,0 90,0", "M44,-9C44,-4 44,3 44,8"
CIRCLE = part("node", "n1", '<circle cx="45" cy="0" r="20"/>')


@pytest.mark.parametrize(
    ("inside", "told", "expected"),
    [
        (arrow("f1", STRAIGHT, inside=text("a", 45, -5)), {"f1"}, (0, 0, 0, 0)),
        (arrow("f1", STRAIGHT), {"f1"}, (1, 0, 0, 0)),
        (arrow("f1", STRAIGHT, inside=text("a", 45, 5)), {"f1"}, (0, 1, 0, 0)),
        (arrow("f1", STRAIGHT) + arrow("f2", CROSSWISE), set(), (0, 0, 0, 1)),
        (arrow("f1", STRAIGHT) + CIRCLE, set(), (0, 0, 1, 0)),
        (arrow("f1", STRAIGHT, 'data-ends="n0 n1"') + CIRCLE, set(), (0, 0, 0, 0)),
        (arrow("f1", STRAIGHT) + part("cluster", "m1", text("fc1", 45, 5)), set(), (0, 0, 1, 0)),
        (CIRCLE + part("note", "s1", text("1", 45, 19)), set(), (0, 1, 0, 0)),
        (part("note", "s1", text("1", 0, 0)) + part("note", "s2", text("2", 2, 0)), set(), (0, 2, 0, 0)),
    ],
)
def test_the_measures_count_what_is_wrong(inside: str, told: set[str], expected: tuple[int, ...]) -> None:
    svg = f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 100 100" font-size="13">{inside}</svg>'
    assert measured(svg, told) == expected


def test_the_measures_see_a_text_on_a_border() -> None:
    frame = part("cluster", "m1", '<rect x="0" y="0" width="90" height="60"/>')
    svg = '<svg xmlns="http://www.w3.org/2000/svg" font-size="13">{}</svg>'
    for at, found in (((45, 30), []), ((88, 30), ["a"]), ((45, 3), ["a"]), ((99, 30), []), ((45, 90), [])):
        assert bordered(seen(svg.format(frame + part("note", "s1", text("a", *at))))) == found


def _of(v: list[tg.Tensor], lines: str) -> viz.Drawing:
    for line in lines.split():
        a, sign, b = int(line[0]), line[1], int(line[2])
        v.append({"+": v[a] + v[b], "-": v[a] - v[b], "*": v[a] * v[b]}[sign])
    return viz.draw(v[-1])


@pytest.mark.parametrize(
    ("leaves", "lines"),
    [
        (1, "0*0 0+1 1+0 3*0 0*1 4*5 1+1 2-4 4+8"),
        (2, "1+1 1+0 3*0 3-1 4-2 1-3 5-2 5+8"),
        (2, "1*0 1*2 1+1 2-4 5*5 3*2 1+5 2*8"),
    ],
)
def test_a_tap_that_finds_no_free_way_has_an_arrow_nevertheless(leaves: int, lines: str) -> None:
    drawing = _of([tg.tensor([1.1], requires_grad=True) for _ in range(leaves)], lines)
    assert len(drawing.scene.arrows) >= len(drawing.edges)
    assert drawing.svg


class Summed(nn.Module):
    """The sum of layers on one input, which Python's sum adds up one after the other."""

    def __init__(self, layers: list[nn.Module]) -> None:
        super().__init__()
        self.layers = nn.ModuleList(layers)

    def forward(self, x: tg.Tensor) -> tg.Tensor:
        """Return the sum."""
        total: tg.Tensor = sum(layer(x) for layer in self.layers)
        return total


def high(drawing: viz.Drawing) -> float:
    """Return the height of a picture, in points."""
    _, bottom, _, top = drawing.scene.bounds()
    return top - bottom


WHOLE: dict[str, Any] = {"repeats": False, "collapse": (), "wrap": False}


@pytest.mark.parametrize("layer", [lambda: nn.Linear(3, 3), lambda: nn.Sequential(nn.Linear(3, 3), nn.ReLU())])
def test_a_sum_of_many_layers_is_a_row_of_them_along_a_straight_way(layer: Callable[[], nn.Module]) -> None:
    """A triangle before: each layer stood in the first column, or one row above its neighbour."""
    heights = {}
    for count in (8, 20):
        drawing = viz.draw(Summed([layer() for _ in range(count)]), tg.ones(2, 3), max_nodes=400, **WHOLE)
        assert measured(drawing.svg, told(drawing)) == Measures(0, 0, 0, 0)
        ways = {o.center[1] for o in drawing.scene.outlines if o.vertex.label.endswith("+") or "0+" in o.vertex.label}
        assert len(ways) == 1
        heights[count] = high(drawing)
    assert heights[20] < heights[8] + 1


@pytest.mark.parametrize("count", [9, 16, 25])
@pytest.mark.parametrize("computed", [False, True], ids=["input", "value"])
def test_what_is_used_many_times_side_by_side_is_a_tap_at_each(count: int, computed: bool) -> None:
    """Arrows from one place to 25 rows crossed the names of all."""

    def function(x: tg.Tensor) -> tuple[tg.Tensor, ...]:
        y = x.sin() if computed else x
        return tuple(y * i for i in range(count))

    drawing = viz.draw(function, tg.ones(3, requires_grad=True))
    assert measured(drawing.svg, told(drawing)) == Measures(0, 0, 0, 0)
    longest = max(abs(a.pieces[0][0][1] - a.pieces[-1][-1][1]) for a in drawing.scene.arrows)
    assert longest < 120


WHOLE: dict[str, Any] = {"repeats": False, "collapse": (), "wrap": False}


@pytest.mark.parametrize("layer", [lambda: nn.Linear(3, 3), lambda: nn.Sequential(nn.Linear(3, 3), nn.Tanh())])
@pytest.mark.parametrize("depth", [None, 2])
def test_the_main_way_goes_through_layers_and_not_around_them_open_or_closed(
    layer: Callable[[], nn.Module], depth: int | None
) -> None:
    class Skip(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.a, self.b = layer(), layer()

        def forward(self, x: tg.Tensor) -> tg.Tensor:
            return (x + self.b(self.a(x))).relu()

    drawing = viz.draw(nn.Sequential(Skip(), Skip()), tg.ones(2, 3, requires_grad=True), depth=depth, repeats=False)
    on_it = [o for o in drawing.scene.outlines if not o.vertex.leaf and o.vertex.kind != "output"]
    assert len({round(o.center[1], 3) for o in on_it}) == 1
