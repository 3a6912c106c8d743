"""Large pictures fit a few screens: modules close by themselves, the deepest first, and open by a click."""

from __future__ import annotations

import pytest

import tensorgrad as tg
from tensorgrad import nn, viz
from tests.measuring import Measures, measured
from tests.pictured import Pyramid, encoder, given, mlp, orbit

WIDE = 4500.0  # points

LARGE = {
    "layers": lambda **options: viz.draw(mlp(*[3] * 21, more=lambda n: [nn.Dropout(0.1)]), given(3, 3), **options),
    "transformer": lambda **options: viz.draw(encoder(3), given(5, 2, 8), **options),
    "pyramid": lambda **options: viz.draw(Pyramid(), given(1, 1, 8, 8), **options),
    "two networks": lambda **options: viz.draw(
        lambda x, y: (encoder(1)(x) * encoder(1)(y)).sum(), given(5, 2, 8), given(5, 2, 8), **options
    ),
}


def boxes(drawing: viz.Drawing) -> int:
    return sum(vertex.kind == "box" for vertex in drawing.picture.vertices)


@pytest.mark.parametrize("name", LARGE)
def test_a_large_picture_is_no_wider_than_a_few_screens(name):
    drawing = LARGE[name]()
    assert drawing.scene.wide < WIDE < LARGE[name](collapse=(), wrap=False).scene.wide
    assert ("modules are closed: collapse=() draws all" in drawing.caption) == bool(boxes(drawing))


def test_what_closed_by_itself_opens():
    drawing = LARGE["transformer"]()
    assert not drawing.scene.wrapped
    assert drawing.picture.inside is not None  # packed in the file
    assert all("[+]" in v.label for v in drawing.picture.vertices if v.kind == "box")
    assert any(v.label.startswith("0–2: ") for v in drawing.picture.vertices)


def test_no_more_is_closed_than_has_to_be():
    model = nn.Sequential(encoder(1), encoder(1))
    labels = {v.label.partition(":")[0] for v in viz.draw(model, given(5, 2, 8)).picture.vertices if v.kind == "box"}
    assert {"0.0.self_attn", "1.0.linear1"} <= labels  # in frames that stay open


def test_a_long_chain_stands_in_rows_and_says_of_no_box_that_it_opens():
    drawing = viz.draw(mlp(*[3] * 19, more=lambda n: [nn.BatchNorm1d(n)]), given(4, 3))
    assert drawing.scene.wrapped
    assert boxes(drawing) > 50
    assert not any("[+]" in v.label for v in drawing.picture.vertices)
    assert measured(drawing.svg, set()) == Measures(0, 0, 0, 0)


def test_rows_are_left_out_where_they_are_not_wanted():
    drawing = viz.draw(orbit, given(3), given(3))
    assert drawing.scene.wrapped
    assert drawing.scene.wide < WIDE
    for options in ({"wrap": False}, {"rankdir": "TB"}, {"fontsize": 9.0}):
        assert not viz.draw(orbit, given(3), given(3), **options).scene.wrapped


@pytest.mark.parametrize("options", [{"collapse": ()}, {"unfold": False}, {"depth": 9}, {"order": 1}], ids=str)
def test_what_is_asked_for_is_done_alone(options):
    drawing = LARGE["layers"](**options)
    assert boxes(drawing) == 0
    assert "closed" not in drawing.caption


def test_a_small_picture_has_all_its_modules_open():
    assert boxes(viz.draw(mlp(4, 5, 5, 2), given(3, 4))) == 0


def test_modules_stay_open_where_what_is_large_is_not_in_them():
    layer = nn.Linear(3, 3)
    drawing = viz.draw(lambda y, k: layer(orbit(y, k) * y), given(3), given(3))
    assert boxes(drawing) == 0
    assert drawing.caption == ""
    assert drawing.scene.wrapped


def test_the_caption_of_max_nodes_stands_alone():
    drawing = LARGE["layers"](max_nodes=20)
    assert drawing.caption.count("modules are closed") == 1
    assert "more than max_nodes=20" in drawing.caption


def test_a_picture_in_rows_shows_all_of_it():
    drawing = viz.draw(encoder(2), given(5, 2, 8), wrap=6)
    assert boxes(drawing) == boxes(viz.draw(encoder(2), given(5, 2, 8), wrap=6, collapse=()))


def test_a_loop_over_one_layer_becomes_one_box_that_counts():
    layer = nn.Sequential(nn.Linear(3, 3), nn.LayerNorm(3), nn.Tanh())

    def run(x: tg.Tensor) -> tg.Tensor:
        for _ in range(12):
            x = layer(x)
        return x

    drawing = viz.draw(run, given(2, 3))
    assert any("×12, same parameters" in v.label for v in drawing.picture.vertices)
    assert len(drawing.picture.vertices) < 8
