"""Pictures have a shape of use: no staircases, no towers, no strips that are wider than they must be."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

import tensorgrad as tg
from tensorgrad import viz
from tests.measuring import Measures, bordered, measured, seen, sharpest
from tests.pictured import given
from tests.test_viz_measures import BEND, high, told

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
        drawing = terms(count, **options)
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
