"""Pictures have a shape of use: no staircases, no towers, no strips that are wider than they must be."""

from __future__ import annotations

import statistics
import sys
from collections.abc import Callable
from types import FrameType
from typing import Any

import pytest

import tensorgrad as tg
from tensorgrad import nn, viz
from tensorgrad.viz.layout import ears
from tests.measuring import Measures, bordered, measured, seen, sharpest
from tests.pictured import NETWORKS, Residual, given, pictured
from tests.test_viz_measures import BEND, Summed, high, told

Terms = Callable[[int], viz.Drawing]


def of_own(count: int, **options: Any) -> viz.Drawing:
    """Draw the losses of so many inputs, added up as a loop does it."""

    def function(*values: tg.Tensor) -> tg.Tensor:
        loss = tg.zeros(())
        for value in values:
            loss = loss + (value**2).mean().sqrt()
        return loss

    return viz.draw(function, *(given(3) for _ in range(count)), **options)


def of_one(count: int, **options: Any) -> viz.Drawing:
    """Draw the sum of so many functions of one input."""
    return viz.draw(lambda x: sum(((x * (i + 1)) ** 2).mean() for i in range(count)), given(3), **options)


def of_pairs(count: int, **options: Any) -> viz.Drawing:
    """Draw the sum of the distances of so many pairs."""

    def function(*values: tg.Tensor) -> tg.Tensor:
        loss = tg.zeros(())
        for x, y in zip(values[::2], values[1::2], strict=True):
            loss = loss + ((x - y) ** 2).mean()
        return loss

    inputs = [given(3) if i % 2 == 0 else tg.ones(3) for i in range(2 * count)]
    return viz.draw(function, *inputs, **options)


def of_products(count: int, **options: Any) -> viz.Drawing:
    """Draw the sum of so many products with one input."""
    return viz.draw(lambda x, *w: sum((x * v).tanh() for v in w), *(given() for _ in range(count + 1)), **options)


SUMS = [of_own, of_one, of_pairs, of_products]


def faults(drawing: viz.Drawing) -> tuple[object, ...]:
    """Return what is wrong with a drawing."""
    parts = seen(drawing.svg)
    return measured(drawing.svg, told(drawing)), bordered(parts), sharpest(parts) >= BEND


@pytest.mark.parametrize("options", [{}, {"labels": "values"}, {"rankdir": "TB"}], ids=str)
@pytest.mark.parametrize("terms", SUMS, ids=lambda terms: terms.__name__)
def test_the_terms_of_a_sum_hang_at_a_straight_way(terms: Terms, options: dict[str, Any]) -> None:
    """Each stood in a row of its own before: a staircase, as high as it was long."""
    across, sizes = options.get("rankdir") != "TB", {}
    for count in (8, 20):
        drawing = terms(count, wrap=False, **options)
        assert faults(drawing) == (Measures(0, 0, 0, 0), [], False)
        sums = [o.center[across] for o in drawing.scene.outlines if o.vertex.label in ("+", "0+x")]
        assert len(sums) in (count, count - 1)
        assert len({round(at, 3) for at in sums}) == 1
        left, _, right, _ = drawing.scene.bounds()
        sizes[count] = high(drawing) if across else right - left
    assert sizes[20] < 1.15 * sizes[8]


@pytest.mark.parametrize("labels", ["names", "values"])
def test_what_taps_alone_lead_away_from_is_no_higher_than_its_text(labels: str) -> None:
    """Room was kept for the arrows that are drawn as taps: a value with eight uses was a tower."""

    def function(x: tg.Tensor) -> tg.Tensor:
        return x * x + x.sin() + x.exp() + x.cos() + x.tanh() + x.abs() + x**3

    for drawing in (
        viz.draw(f, given(), labels=labels) for f in (function, lambda x: (x + x) * (x + x) * (x + x) * (x + x))
    ):
        assert max(2 * outline.half[1] for outline in drawing.scene.outlines) <= 62
        assert faults(drawing) == (Measures(0, 0, 0, 0), [], False)


def expert() -> nn.Module:
    """Return two layers."""
    return nn.Sequential(nn.Linear(4, 8), nn.ReLU(), nn.Linear(8, 4))


class Mixture(nn.Module):
    """Eight of them, weighed by a layer."""

    def __init__(self) -> None:
        super().__init__()
        self.gate, self.experts = nn.Linear(4, 8), nn.ModuleList([expert() for _ in range(8)])

    def forward(self, x: tg.Tensor) -> tg.Tensor:
        """Return (N, 4)."""
        weights = nn.functional.softmax(self.gate(x), -1)
        return sum(weights[:, i : i + 1] * expert(x) for i, expert in enumerate(self.experts))


@pytest.mark.parametrize("make", [Mixture, lambda: Summed([expert() for _ in range(8)])], ids=["weighed", "added"])
def test_wide_branches_of_a_sum_stand_below_each_other(make: Callable[[], nn.Module]) -> None:
    """Each stood before what adds it: 8,258 points wide, and 1,322 high."""
    drawing = viz.draw(make(), tg.ones(3, 4, requires_grad=True), repeats=False)
    frames = [frame for frame in drawing.scene.frames if frame.module.label.endswith("Sequential")]
    assert len(frames) == 8
    starts = [frame.corners[0][0] for frame in frames]
    assert max(starts) - min(starts) < 3
    left, _, right, _ = drawing.scene.bounds()
    assert right - left < 2_700
    assert faults(drawing) == (Measures(0, 0, 0, 0), [], False)


@pytest.mark.parametrize("count", [2, 3])
def test_blocks_on_paper_have_layers_as_single_boxes_and_stand_in_few_rows(count: int) -> None:
    """Six rows of three blocks were 1,899 points high, with every weight in them."""
    net, x = nn.Sequential(*[Residual() for _ in range(count)]), tg.ones(2, 4, requires_grad=True)
    drawing = viz.draw(net, x, width="12cm")
    assert high(drawing) < 240 * count
    assert drawing.scene.smallest_text() >= 8 - 1e-9
    assert {"0.fc1: Linear(4, 4)\n20 parameters", "+"} <= {vertex.label for vertex in drawing.picture.vertices}
    assert bordered(seen(drawing.svg)) == []
    for asked in ({"wrap": True}, {"unfold": True}, {"depth": 9}):
        opened = viz.draw(net, x, width="12cm", **asked)
        assert sum(vertex.label == "W" for vertex in opened.picture.vertices) == 2 * count
    assert "W" in {vertex.label for vertex in viz.draw(net[0], x, width="12cm").picture.vertices}


def paper(drawing: viz.Drawing) -> float:
    """Return how much paper a drawing takes for each node of the graph that it shows, in squares around a circle."""
    left, bottom, right, top = drawing.scene.bounds()
    count = sum(max(1, len(o.vertex.members)) for o in drawing.scene.outlines if o.vertex.kind != "output")
    return (right - left) * (top - bottom) / (count * 62.0**2)


def test_networks_take_little_paper() -> None:
    """They took 14.2 squares before what only arranges for an operation was drawn inside it; figure 6-17 takes 9."""
    taken = {name: paper(pictured(name)) for name in NETWORKS}
    assert statistics.mean(taken.values()) < 13.9
    assert taken["twenty branches"] < 7
    assert sorted(taken, key=taken.__getitem__)[-3:] == ["translator", "lstm, ten steps", "descent"]
    assert max(taken.values()) < 35


def calls_of_layout(count: int) -> int:
    """Return how many functions run in finding the rows of so many operands of one operation."""
    found = 0

    def seen(frame: FrameType, event: str, argument: object) -> None:
        nonlocal found
        found += event == "call" and frame.f_code.co_filename == ears.__file__

    def stacked(*xs: tg.Tensor) -> tg.Tensor:
        return tg.stack([x.tanh() for x in xs])

    drawing = viz.draw(stacked, *[given(2) for _ in range(count)], max_nodes=1000, title=f"{count} operands")
    before = sys.getprofile()
    sys.setprofile(seen)
    try:
        _ = drawing.scene
    finally:
        sys.setprofile(before)
    return found


def test_many_operands_side_by_side_take_each_row_once() -> None:
    fewer, more = calls_of_layout(48), calls_of_layout(96)
    assert 100 < fewer < more < 5 * fewer  # each in each row: four times as many
