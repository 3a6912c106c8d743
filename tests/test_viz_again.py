"""A picture that is drawn again has the places that it would have if it were laid out anew, and its own numbers."""

from __future__ import annotations

import gc
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import numpy as np
import pytest

import tensorgrad as tg
from tensorgrad import nn, viz
from tensorgrad.viz.layout import again
from tests.pictured import NETWORKS, pictured


def anew(draw: Callable[[], viz.Drawing]) -> viz.Drawing:
    """Return a drawing for which nothing is remembered."""
    again._kept.clear()
    drawing = draw()
    _ = drawing.svg, drawing.json
    return drawing


@pytest.mark.parametrize("name", NETWORKS)
def test_every_network_stands_where_it_stood(name: str) -> None:
    first, second = anew(lambda: pictured(name)), pictured(name)
    assert (second.svg, second.json) == (first.svg, first.json)


def network(width: int = 4) -> nn.Module:
    tg.manual_seed(0)
    return nn.Sequential(nn.Linear(3, width), nn.BatchNorm1d(width), nn.ReLU(), nn.Linear(width, 2), nn.Softmax(1))


@pytest.mark.parametrize("labels", ["names", "shapes", "values", "formulas", "none"])
@pytest.mark.parametrize("options", [{}, {"rankdir": "TB"}, {"width": "9cm"}, {"depth": 1}, {"heat": "gradient"}])
def test_other_numbers_are_told_at_the_same_places(labels: str, options: dict[str, Any]) -> None:
    def draw(scale: float) -> viz.Drawing:
        x = tg.tensor(scale * np.sin(np.arange(15.0)).reshape(5, 3))
        return viz.draw(network().double(), x, labels=labels, **options)  # a new one, for running statistics move

    cold = anew(lambda: draw(100.0)).svg
    other = anew(lambda: draw(1.0)).svg
    assert draw(100.0).svg == cold != other


@pytest.mark.parametrize("labels", ["names", "shapes", "values"])
@pytest.mark.parametrize("options", [{}, {"rankdir": "TB"}, {"width": "9cm"}, {"depth": 1}, {"dims": {3: "D", 7: "N"}}])
def test_other_sizes_are_told_at_the_places_that_are_their_own(labels: str, options: dict[str, Any]) -> None:
    def draw(count: int) -> viz.Drawing:
        x = tg.tensor(np.sin(np.arange(3.0 * count)).reshape(count, 3), requires_grad=True)
        return viz.draw(network().double(), x, labels=labels, **options)

    counts = [5, 7, 12, 6, 123, 7, 5]
    cold = [(made.svg, made.json) for count in counts for made in [anew(lambda c=count: draw(c))]]
    again._kept.clear()
    assert [(made.svg, made.json) for made in map(draw, counts)] == cold
    assert len({svg for svg, _ in cold}) == len({*counts})


def test_a_batch_of_another_size_is_not_laid_out_again() -> None:
    again._kept.clear()
    drawn = [viz.draw(network(), tg.ones(count, 3)).svg for count in range(3, 10)]
    assert len(again._kept) == 1
    assert all(f"({count}, 3)" in svg for count, svg in enumerate(drawn, 3))


@pytest.mark.parametrize("rankdir", ["LR", "TB"])
def test_lines_are_those_of_its_own_numbers(rankdir: str) -> None:
    def draw(x: list[float], **options: Any) -> viz.Drawing:
        given = tg.tensor(x, requires_grad=True)
        return viz.draw(lambda x: (x.relu() * x.detach().exp()).sum(), given, rankdir=rankdir, **options)

    looks: list[dict[str, Any]] = [{}, {"theme": "dark"}, {"heat": "gradient"}, {"style": {"red": "#0000aa"}}, {}]
    numbers = [[1.0, 2.0], [-1.0, -2.0], [3.0, -1.0], [0.0, 0.0]]  # gradients that are zero have dashes
    cases = [(x, look) for look in looks for x in numbers]
    cold = [anew(lambda x=x, look=look: draw(x, **look)).svg for x, look in cases]
    again._kept.clear()
    assert [draw(x, **look).svg for x, look in cases] == cold
    assert [draw(x, **look).svg for x, look in cases[::-1]] == cold[::-1]
    assert len({svg.count("stroke-dasharray") for svg in cold}) > 1


def unlike() -> list[Callable[[], viz.Drawing]]:
    """Return drawings that differ in one thing that moves something."""
    net, x, named = network().eval(), tg.ones(5, 3), tg.ones(5, 3)
    named.name = "given"
    masked = tg.tensor(np.where(np.eye(5, 3), np.nan, 1.0))
    return [
        lambda: viz.draw(net, x),
        lambda: viz.draw(net, named),
        lambda: viz.draw(net, masked),
        lambda: viz.draw(network(400), x),
        lambda: viz.draw(net, x, title="A network"),
        lambda: viz.draw(net, x, dims={5: "batch", 3: "features"}),
        lambda: viz.draw(net, x, rankdir="TB"),
        lambda: viz.draw(net, x, grads=False),
        lambda: viz.draw(net, x, math=True),
        lambda: viz.draw(net, x, fontsize=12),
        lambda: viz.draw(net, x, depth=1),
        lambda: viz.draw(net, x, hide="relu"),
        lambda: viz.draw(net, x, heat="memory"),
        lambda: viz.draw(net[:3], x),
    ]


def test_what_moves_something_is_laid_out_for_itself() -> None:
    cold = [anew(draw).svg for draw in unlike()]
    again._kept.clear()
    assert [draw().svg for draw in unlike()] == cold
    assert [draw().svg for draw in reversed(unlike())] == cold[::-1]
    assert len(set(cold)) == len(cold)


def widened(width: int) -> viz.Drawing:
    return viz.draw(lambda x: (x * width).tanh().sum(), tg.ones(width, requires_grad=True))


def test_few_pictures_are_remembered_and_no_arrays() -> None:
    again._kept.clear()
    assert all(widened(width + 1).svg for width in range(again._MOST + 8))
    assert len(again._kept) == again._MOST
    held, pending = dict[int, Any](), list[Any]([again._kept])
    while pending:
        thing = pending.pop()
        if id(thing) not in held and not isinstance(thing, type):
            held[id(thing)] = thing
            pending += gc.get_referents(thing)
    assert len(held) > 1000
    assert not any(isinstance(thing, np.ndarray | tg.Tensor | nn.Module) for thing in held.values())


def test_threads_draw_the_same() -> None:
    cold = [anew(lambda w=width: widened(w)).svg for width in range(1, 13)]
    again._kept.clear()
    with ThreadPoolExecutor(4) as pool:
        drawn = list(pool.map(lambda width: widened(width).svg, [*range(1, 13)] * 3))
    assert drawn == cold * 3
