"""What hovering over an arrow tells: whole where the viewer runs, its name where no script does."""

from __future__ import annotations

import itertools
import re

import pytest

import tensorgrad as tg
from tensorgrad import nn
from tensorgrad.viz import Drawing, draw
from tensorgrad.viz.output.browser import resource
from tensorgrad.viz.picture import tooltips
from tests.browser import drawings

TOLD = "return [...document.querySelectorAll('.node,.edge')].map(g => [g.id, g.firstChild.textContent])"


def named() -> Drawing:
    """Names and dimensions that look like what arrows tell, on values that are real, complex and alone."""
    x, y = tg.tensor([1.0, 2.0], requires_grad=True), tg.tensor([2.0, 3.0], requires_grad=True)
    x.name, y.name = "a (2,) float32, min 1", "$& norm 3, (2,) float64\n"
    z = x * y * tg.tensor([1j, 2.0])
    return draw((z * z.conj()).real.sum() * x.sum(), dims={2: "(b) float32, value 3"})


def freed() -> Drawing:
    """A graph whose gradients are not known."""
    y = tg.tensor([1.0, 2.0], requires_grad=True).exp()
    total = (y * y).sum()
    total.backward()
    return draw(total)


def closed() -> Drawing:
    """Arrows that come from boxes, which tell nothing of a value."""
    return draw(nn.Sequential(nn.Linear(4, 3), nn.Sequential(nn.Linear(3, 3), nn.Tanh())), tg.ones(5, 4), depth=1)


DRAWINGS = [*drawings().values(), named(), freed(), closed()]


@pytest.mark.parametrize("drawing", DRAWINGS, ids=["figure-6-17", "network", "named", "freed", "closed"])
@pytest.mark.parametrize("scripts", [True, False], ids=["viewer", "still"])
def test_an_arrow_tells_all_that_is_known_of_it_and_without_scripts_begins_alike(browser, drawing, scripts):
    browser.scripts(on=scripts)
    browser.open(drawing.svg, ".svg")
    told, whole = dict(browser.run(TOLD)), drawing._told(drawing.picture)
    assert {f"f{edge.id}" for edge in drawing.edges} < told.keys()
    if scripts:
        assert told == {id: whole[id] for id in told}
    for edge in drawing.edges:
        assert told[f"f{edge.id}"].startswith(edge.forward)


def test_what_a_vertex_tells_of_its_value_and_a_line_for_many_stand_in_the_file_once():
    figure = DRAWINGS[0]
    told = re.findall(r'<g id="f[^>]*><title>([^<]*)<', figure.svg)
    assert sorted(told) == sorted(f"{edge.forward}\n" for edge in figure.edges)
    assert all(edge.value is not None for edge in figure.edges)
    places = re.findall(r"[^\s,]+\.py:\d+(?=<)", figure.svg)
    assert places
    assert all(one != other for one, other in itertools.pairwise(places))


def test_the_viewer_finds_what_the_file_leaves_out_by_the_same_pattern():
    script = resource("viewer.js", frozenset())
    assert f"/{tooltips._VALUE.pattern}/" in script
    assert "/" + tooltips._PLACE.pattern.replace("\\ufeff", "").replace("[0-9]", r"\d") + "/" in script
