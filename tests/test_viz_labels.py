"""Whatever the options, every label has its place, free of everything else."""

from __future__ import annotations

import pytest

from tensorgrad import viz
from tests.measuring import Measures, bordered, measured, seen
from tests.pictured import pictured
from tests.test_viz_measures import told

HUNG = ["shared", "rnn, both ways", "twins", "adversaries", "tied words"]  # what is read stands beside its readers


def again(name: str, **options: str) -> viz.Drawing:
    """Return a network's picture as it is set by other options of the page."""
    drawing = pictured(name)
    return viz.Drawing(drawing.picture, None, **{**vars(drawing.page), **options})


@pytest.mark.parametrize("labels", ["names", "shapes", "values"])
@pytest.mark.parametrize("name", HUNG)
def test_level_arrows_from_top_to_bottom_are_as_long_as_their_labels(name: str, labels: str) -> None:
    drawing = again(name, labels=labels, rankdir="TB")
    assert measured(drawing.svg, told(drawing)) == Measures(0, 0, 0, 0)
    assert bordered(seen(drawing.svg)) == []
