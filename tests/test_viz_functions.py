"""Functions of the library are frames of a picture: one box where it is large, open where asked."""

from __future__ import annotations

import inspect
from pathlib import Path

import numpy as np
import pytest

import tensorgrad as tg
from tensorgrad import nn
from tensorgrad.base.answers import PUBLIC
from tensorgrad.errors import TensorgradError
from tensorgrad.graph import Graph
from tensorgrad.viz import draw
from tensorgrad.viz.picture.closing import MANY

F = nn.functional
TARGET = tg.tensor([0, 2])


class Net(nn.Module):
    """Two layers with functions between them and behind."""

    def __init__(self):
        super().__init__()
        self.a, self.b = nn.Linear(4, 4), nn.Linear(4, 3)

    def forward(self, x, t):
        return F.cross_entropy(self.b(F.gelu(F.layer_norm(self.a(x), (4,)))), t)


def x(*shape):
    return tg.tensor(np.random.default_rng(1).normal(size=shape), dtype=tg.float32, requires_grad=True)


def circles(drawing):
    return [vertex for vertex in drawing.picture.vertices if vertex.kind != "output"]


def boxes(drawing):
    return [vertex.label.partition("\n")[0] for vertex in drawing.picture.vertices if vertex.kind == "box"]


def frames(drawing):
    return {module.label for vertex in drawing.picture.vertices for module in vertex.around}


def leaves(drawing):
    return {vertex.label for vertex in drawing.picture.vertices if vertex.leaf}


def softened(count):
    def function(x):
        for _ in range(count):
            x = x.tanh()
        return F.softmax(x, -1)

    return function


def test_a_function_is_one_box_where_the_picture_is_large_and_its_operations_where_it_is_small():
    small = draw(softened(MANY - 6), x(2, 3))
    assert len(circles(small)) == MANY
    assert boxes(small) == []
    assert frames(small) == set()
    large = draw(softened(MANY - 5), x(2, 3))
    assert boxes(large) == ["softmax"]
    assert f"more than {MANY} circles and" in inspect.unwrap(draw).__doc__


def test_all_that_is_given_is_shown_and_what_has_no_gradient_is_black():
    drawing = draw(Net(), x(2, 4), TARGET)
    assert boxes(drawing) == ["layer_norm", "gelu", "cross_entropy"]
    assert leaves(drawing) == {"x", "W", "b", "t"}
    assert [edge.backward for edge in drawing.edges if edge.source == "t"] == [None]
    (entering,) = [edge for edge in drawing.edges if edge.target.startswith("gelu")]
    assert entering.backward is not None


@pytest.mark.parametrize(
    "function",
    [
        lambda x: F.cross_entropy(x * 2, TARGET, weight=tg.ones(3)),  # from outside, and made by the script inside
        lambda x: F.cross_entropy(x * 2, tg.tensor([0, 2]) + TARGET * 0, weight=tg.ones(3)),
    ],
)
def test_a_tensor_that_the_script_hands_over_is_shown_though_it_is_no_argument(function):
    drawing = draw(function, x(2, 3), unfold=False)
    assert boxes(drawing) == ["cross_entropy"]
    into = [edge.source for edge in drawing.edges if edge.target.startswith("cross_entropy")]
    assert len(into) == 3
    assert "weight" in into
    assert all(vertex.around == () for vertex in drawing.picture.vertices)


def test_what_the_library_makes_for_itself_stays_inside():
    def function(x):
        return F.interpolate(x, scale_factor=2, mode="bilinear") * 2

    assert leaves(draw(function, x(1, 1, 3, 3), unfold=False)) == {"x"}
    assert len(leaves(draw(function, x(1, 1, 3, 3)))) == 5  # the weights of the corners, in a small picture


UNFOLDED = [
    (True, [], {"layer_norm", "gelu", "cross_entropy"}),
    (False, ["layer_norm", "gelu", "cross_entropy"], set()),
    ("gelu", ["layer_norm", "cross_entropy"], {"gelu"}),
    (["gelu", "layer_norm"], ["cross_entropy"], {"gelu", "layer_norm"}),
    (lambda call: call.kind == "cross_entropy", ["layer_norm", "gelu"], {"cross_entropy"}),
]


@pytest.mark.parametrize(("unfold", "closed", "opened"), UNFOLDED)
def test_unfold_says_what_is_open(unfold, closed, opened):
    drawing = draw(Net(), x(2, 4), TARGET, unfold=unfold)
    assert boxes(drawing) == closed
    assert frames(drawing) == {"a: Linear(4, 4)", "b: Linear(4, 3)"} | opened
    assert drawing.svg


def test_a_box_opens_in_the_viewer():
    picture = draw(Net(), x(2, 4), TARGET).picture
    assert picture.inside is not None
    assert set(picture.inside.folded) == {vertex.id for vertex in picture.vertices if vertex.kind == "box"}
    opened = {module.label for vertex in picture.inside.vertices for module in vertex.around}
    assert {"layer_norm", "gelu", "cross_entropy"} <= opened


@pytest.mark.parametrize("unfold", [True, ["gelu"]])
def test_what_is_open_has_the_gradients_of_what_is_closed(unfold):
    net, data = Net(), x(2, 4)
    drawings = [draw(net, data, TARGET, unfold=unfold), draw(net, data, TARGET, unfold=False)]
    parts = [[e.gradient for e in d.edges if e.source == "x"] for d in drawings]
    np.testing.assert_array_equal(*[np.sum(part, axis=0) for part in parts])
    assert np.abs(parts[0][0]).max() > 1e-6


def test_an_unknown_name_is_told_with_those_there_are():
    with pytest.raises(TensorgradError, match=r"unfold='soft' is no function.*its functions: linear, layer_norm, gelu"):
        draw(Net(), x(2, 4), TARGET, unfold="soft")


def test_what_is_all_there_is_stays_open():
    assert boxes(draw(F.cross_entropy, x(2, 3), TARGET, unfold=False)) == []
    assert boxes(draw(nn.Sequential(nn.Linear(3, 3), nn.LayerNorm(3), nn.GELU()), x(2, 3), unfold=False)) == []


GUARDED = {
    "std": lambda x: x.std(),
    "var": lambda x: x.var(0),
    "median": lambda x: x.median(),
    "topk": lambda x: x.topk(2)[0],
    "prod": lambda x: x.prod(),
    "roll": lambda x: x.roll(1),
    "logsumexp": lambda x: x.logsumexp(0),
    "nanmean": tg.nanmean,
    "gelu": F.gelu,
}


@pytest.mark.parametrize("name", GUARDED)
@pytest.mark.parametrize("around", [lambda f: f, lambda f: lambda x: (f(x * 2) + 1).sin()], ids=["alone", "inside"])
def test_what_the_library_does_to_be_right_at_the_limits_is_no_circle_of_the_users(name, around):
    function = around(GUARDED[name])
    drawing = draw(function, x(4))
    assert boxes(drawing) == [name]
    assert len(circles(drawing)) < 6
    assert name in {module.label for vertex in drawing.picture.inside.vertices for module in vertex.around}
    assert boxes(draw(function, x(4), unfold=True)) == []
    assert name not in boxes(draw(function, x(4), order=1))


def test_a_function_that_is_what_it_is_known_as_is_drawn_by_its_operations():
    for function in (lambda x: F.softmax(x, 0), lambda x: F.mse_loss(x, x * 2), lambda x: x.max(0)[0].sin()):
        assert boxes(draw(function, x(4))) == []


def test_what_only_takes_its_argument_apart_is_no_box():
    assert boxes(draw(lambda x: sum(x.unbind(0)), x(25, 3))) == []


def test_one_operation_is_no_box():
    assert boxes(draw(lambda x: F.linear(x, x).sum(1, keepdim=True), x(3, 3), unfold=False)) == []


def test_the_inner_function_of_an_open_one_stays_closed():
    def loss(x):
        return F.triplet_margin_with_distance_loss(
            x, x + 1, x * 2, distance_function=lambda a, b: (a - b).softmax(1).std(1)
        )

    drawing = draw(loss, x(4, 3), unfold="triplet_margin_with_distance_loss")
    assert set(boxes(drawing)) == {"softmax", "std"}
    assert "triplet_margin_with_distance_loss" in frames(drawing)


def test_a_box_says_what_the_function_was_called_with_but_for_its_defaults():
    def function(x):
        return F.max_pool2d(F.softmax(x, dim=-1).std(1, keepdim=True), 2)

    told = [v.label for v in draw(function, x(1, 2, 4, 4), unfold=False).picture.vertices if v.kind == "box"]
    assert told == ["softmax\ndim=-1 [+]", "std\ndim=1, keepdim=True [+]", "max_pool2d\nkernel_size=2 [+]"]


def test_a_backward_pass_shows_the_operations_that_it_reads():
    assert boxes(draw(Net(), x(2, 4), TARGET, order=1)) == []


def test_depth_closes_modules_and_no_functions():
    drawing = draw(Net(), x(2, 4), TARGET, depth=1, unfold=True)
    assert boxes(drawing) == ["a: Linear(4, 4)", "b: Linear(4, 3)"]
    assert frames(drawing) == {"layer_norm", "gelu", "cross_entropy"}


def test_too_many_circles_close_what_was_unfolded_too():
    drawing = draw(Net(), x(2, 4), TARGET, unfold=True, max_nodes=10)
    assert len(circles(drawing)) <= 10
    assert "max_nodes=10" in drawing.caption


def test_every_public_function_of_several_operations_reaches_a_trace():
    """Functions that a factory made would share one code, by which a call is known."""
    missing = {
        name
        for name in F.__all__
        if inspect.isfunction(function := inspect.unwrap(getattr(F, name)))
        and Path(function.__code__.co_filename).parent.name in ("functions", "functional")
        and function.__code__ not in PUBLIC
    }
    assert missing == {"sigmoid", "tanh"}  # one operation each
    graph = Graph.trace(lambda x: F.conv2d(x, tg.ones(2, 1, 3, 3)), x(1, 1, 5, 5))
    assert {node.scope.kind for node in graph.nodes if not node.is_leaf and node.scope} == {"conv2d"}


def test_what_an_argument_is_only_compared_with_is_not_told():
    arguments = (4, 2, tg.randn(12, 4), tg.randn(12), None, None, False, 0.25, tg.randn(4, 4), tg.randn(4))

    def attend(q, k, v):
        return F.multi_head_attention_forward(q, k, v, *arguments, need_weights=False)[0].exp()

    drawing = draw(attend, *[tg.randn(3, 2, 4) for _ in range(3)], unfold=False)
    (box,) = (v.label for v in drawing.picture.vertices if v.kind == "box")
    assert box == "multi_head_attention_forward\nnum_heads=2 [+]"
    drawing = draw(attend, *[tg.randn(3, 2, 4) for _ in range(3)], unfold=True)
    frames = {m.told for v in drawing.picture.vertices for m in v.around}
    assert "multi_head_attention_forward(num_heads=2, dropout_p=0.25)" in frames
