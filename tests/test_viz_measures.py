"""What is wrong with the drawings of some fifty networks, counted in the SVG: it may only become less.

`BEFORE` has the crossings as they were when Graphviz placed everything. `NOW` is what is wrong today, to the number:
what becomes better is written down, so that it cannot become worse again unseen.
"""

from __future__ import annotations

import pytest

from tests.measuring import Measures, measured, smallest
from tests.pictured import NETWORKS, pictured

BEFORE = {
    "highway, ten layers": 95, "shared": 16, "variational": 4, "rnn, two steps": 15, "rnn, ten steps": 598,
    "rnn, twenty steps": 2407, "rnn, both ways": 111, "lstm cell": 79, "lstm, two steps": 259, "lstm, ten steps": 7714,
    "gru, two steps": 228, "gru, eight steps": 3832, "translator": 353, "attention, two heads": 11, "transformer": 31,
    "transformer, three layers": 114, "experts": 4, "twins": 8, "adversaries": 8, "scalars": 25,
    "values of scalars": 27, "descent": 378, "orbit": 118, "filter": 138, "backward of batchnorm": 11,
    "backward of an mlp": 4, "twice backward": 38,
}  # fmt: skip
"""Pairs of arrows that crossed; none in the networks that are not here."""

NOW: dict[str, Measures] = {
    "transformer, three layers": Measures(0, 2, 0, 0),
    "values of scalars": Measures(0, 1, 0, 0),
    "backward of an mlp": Measures(0, 0, 1, 0),
    "twice backward": Measures(0, 1, 0, 2),
}
"""What is wrong; nothing with the networks that are not here."""

LEAST = 8.0  # points


@pytest.mark.parametrize("name", NETWORKS)
def test_as_much_is_wrong_as_is_written_down(name: str) -> None:
    drawing = pictured(name)
    texts = drawing.page.texts(drawing.page.shown(drawing.picture))
    pairs = list(zip(drawing.edges, texts, strict=True))
    told = {f"f{edge.id}" for edge, (text, _) in pairs if text}
    told |= {f"b{edge.id}" for edge, (_, text) in pairs if text and edge.backward is not None}
    assert measured(drawing.svg, told) == NOW.get(name, Measures(0, 0, 0, 0))


def test_at_most_a_tenth_of_the_crossings_is_left() -> None:
    assert 10 * sum(measures.crossings for measures in NOW.values()) <= sum(BEFORE.values())


@pytest.mark.parametrize("name", NETWORKS)
def test_every_text_can_be_read(name: str) -> None:
    assert smallest(pictured(name).svg) >= LEAST


def test_the_networks_are_many_and_large() -> None:
    assert len(NETWORKS) >= 40
    assert sum(len(pictured(name).picture.vertices) > 100 for name in NETWORKS) >= 10


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
