"""Closed modules in a row that did the same are one box that says so; what is not the same stays apart."""

from __future__ import annotations

import numpy as np
import pytest

import tensorgrad as tg
from tensorgrad import nn
from tensorgrad.viz import draw


def x(*shape, requires_grad=True):
    return tg.tensor(np.random.default_rng(1).normal(size=shape), dtype=tg.float32, requires_grad=requires_grad)


class Applied(nn.Module):
    """A network that computes what `function` says of its layers."""

    def __init__(self, function, *layers):
        super().__init__()
        self.function = function
        self.layers = nn.ModuleList(layers)

    def forward(self, x):
        return self.function(x, *self.layers)


def boxes(drawing):
    return [vertex.label.split("\n") for vertex in drawing.picture.vertices if vertex.kind == "box"]


def thrice(x, fc):
    return fc(fc(fc(x)))


def in_a_row(x, *layers):
    for layer in layers:
        x = layer(x)
    return x


def linears(count, n=3):
    return [nn.Linear(n, n) for _ in range(count)]


def test_one_module_called_again_and_again_is_one_box():
    drawing = draw(Applied(thrice, nn.Linear(3, 3)), x(2, 3), collapse="Linear")
    assert boxes(drawing) == [["layers.0: Linear(3, 3)", "×3, same parameters", "12 parameters [+]"]]
    assert [(e.forward, e.backward) for e in drawing.edges] == [("x", "dx"), ("out", "dout")]
    (box,) = (v for v in drawing.picture.vertices if v.kind == "box")
    assert "called 3 times in a row with the same parameters" in box.tooltip
    assert "×3, same parameters" in drawing.svg


def test_several_modules_of_one_kind_are_one_box_with_the_parameters_of_all():
    drawing = draw(Applied(in_a_row, *linears(4)), x(2, 3), collapse="Linear")
    assert boxes(drawing) == [["layers.0–3: Linear(3, 3)", "+3 more like it", "48 parameters [+]"]]
    (box,) = (v for v in drawing.picture.vertices if v.kind == "box")
    assert box.tooltip.startswith(
        "layers.0, layers.1, layers.2, layers.3: 4 modules in a row, each Linear(in_features=3"
    )


def test_modules_that_stand_in_no_list_are_named_by_the_first_and_the_last():
    class Net(nn.Module):
        def __init__(self):
            super().__init__()
            self.one, self.two, self.head = linears(3)

        def forward(self, x):
            return self.head(self.two(self.one(x)))

    assert boxes(draw(Net(), x(2, 3), depth=1))[0][:2] == ["one … head: Linear(3, 3)", "+2 more like it"]


def test_the_layers_of_a_transformer_are_one_box():
    net = nn.TransformerEncoder(nn.TransformerEncoderLayer(8, 2, 16), 3)
    (label,) = boxes(draw(net, x(4, 2, 8), depth=1))
    assert label[:2] == ["layers.0–2: TransformerEncoderLayer", "+2 more like it"]
    assert label[2] == f"{sum(p.array.size for p in net.parameters()):,} parameters [+]"


def test_the_option_draws_each_alone():
    drawing = draw(Applied(thrice, nn.Linear(3, 3)), x(2, 3), collapse="Linear", repeats=False)
    assert boxes(drawing) == [["layers.0: Linear(3, 3)", "12 parameters [+]"]] * 3
    assert len(drawing.edges) == 4


@pytest.mark.parametrize(("function", "layers"), [(thrice, 1), (in_a_row, 3)])
def test_the_gradients_are_those_of_the_open_drawing(function, layers):
    net, data = Applied(function, *linears(layers)), x(2, 3)
    seed = np.random.default_rng(2).normal(size=(2, 3)).astype(np.float32)
    closed = draw(net, data, collapse="Linear", seed=seed)
    opened = draw(net, data, seed=seed)
    assert len(closed.edges) == 2
    for edge in closed.edges:
        (twin,) = (e for e in opened.edges if e.backward == edge.backward)
        assert np.abs(edge.gradient).max() > 1e-6
        assert np.array_equal(edge.gradient, twin.gradient)
    net(data).backward(tg.tensor(seed))
    np.testing.assert_allclose(closed.edges[0].gradient, data.grad.numpy(), rtol=1e-5, equal_nan=False)


def test_what_comes_before_and_after_stays():
    net = nn.Sequential(nn.Linear(4, 3), *linears(2), nn.ReLU(), *linears(3), nn.Linear(3, 2))
    found = boxes(draw(net, x(2, 4), depth=1))
    assert [label[0] for label in found] == [
        "0: Linear(4, 3)", "1–2: Linear(3, 3)", "3: ReLU", "4–6: Linear(3, 3)", "7: Linear(3, 2)",
    ]  # fmt: skip
    drawing = draw(net, x(2, 4), depth=1)
    ends = [(e.source.split(":")[0], e.target.split(":")[0]) for e in drawing.edges]
    assert ends == [("x", "0"), ("0", "1–2"), ("1–2", "3"), ("3", "4–6"), ("4–6", "7"), ("7", "out")]


def skip(x, a, b):
    y = a(x)
    return b(y) + y


def read_twice(x, a, b):
    return b(a(x) + a(x))


def both_out(x, a, b):
    y = a(x)
    return b(y), y


def two_inputs(x, a, b):
    return a(x) + b(x)


@pytest.mark.parametrize("function", [skip, both_out, two_inputs, lambda x, a, b: b(a(x).relu())])
def test_modules_that_form_no_chain_stay_apart(function):
    assert len(boxes(draw(Applied(function, *linears(2)), x(2, 3), collapse="Linear"))) == 2


class Scaled(nn.Module):
    """Its settings do not say what it multiplies by."""

    def __init__(self, factor, times=1):
        super().__init__()
        self.factor, self.times = factor, times

    def forward(self, x):
        for _ in range(self.times):
            x = x * self.factor
        return x


def frozen(layer):
    layer.weight.requires_grad = False
    return layer


@pytest.mark.parametrize(
    "layers",
    [
        [nn.Linear(3, 3), nn.Linear(3, 3, bias=False)],
        [nn.Linear(3, 3), frozen(nn.Linear(3, 3))],
        [nn.Linear(3, 3), nn.Linear(3, 2)],
        [Scaled(2), Scaled(3)],
        [Scaled(2), Scaled(2, times=2)],
        [nn.Dropout(0.5), nn.Dropout(0.25)],
        [nn.ReLU(), nn.Tanh()],
    ],
)
def test_modules_that_are_not_alike_stay_apart(layers):
    assert len(boxes(draw(Applied(in_a_row, *layers), x(2, 3), depth=1))) == 2
    twice = [layers[0], layers[0]]
    assert len(boxes(draw(Applied(in_a_row, *twice), x(2, 3), depth=1))) == 1


def test_the_same_module_and_others_of_its_kind_are_told_apart():
    a, b = linears(2)
    found = boxes(draw(Applied(in_a_row, a, a, b), x(2, 3), collapse="Linear"))
    assert [label[1] for label in found] == ["×2, same parameters", "12 parameters [+]"]
    found = boxes(draw(Applied(in_a_row, a, b, a), x(2, 3), collapse="Linear"))
    assert [label[1] for label in found] == ["+1 more like it", "12 parameters [+]"]


def test_a_cell_called_step_by_step_reads_more_than_the_step_before():
    def steps(x, cell):
        h = x[0]
        for part in x:
            h = cell(part, h)
        return h

    drawing = draw(Applied(steps, nn.RNNCell(4, 4)), x(3, 2, 4), collapse="RNNCell")
    assert len(boxes(drawing)) == 3
    assert drawing.svg


def test_a_parameter_that_two_modules_share_counts_once():
    a, b = linears(2)
    b.weight = a.weight
    (label,) = boxes(draw(Applied(in_a_row, a, b), x(2, 3), collapse="Linear"))
    assert label[2] == "15 parameters [+]"


def test_many_blocks_alike_need_no_operation_left_out():
    net = nn.Sequential(*[nn.Sequential(nn.Linear(3, 3), nn.Tanh()) for _ in range(400)])
    drawing = draw(net, x(2, 3))
    assert boxes(drawing) == [["0–399: Sequential", "+399 more like it", "4,800 parameters"]]
    assert "400 modules are closed" in drawing.caption or "1200 modules are closed" in drawing.caption
    assert "left out" not in drawing.caption


def test_without_the_modules_nothing_is_known_of_them():
    y = Applied(in_a_row, *linears(2))(x(2, 3))
    assert draw(y.sum(), depth=1).svg


@pytest.mark.filterwarnings("ignore:invalid value")
def test_a_bad_number_inside_shows_on_the_box_of_all():
    class Log(nn.Module):
        def forward(self, x):
            return x.log()

    drawing = draw(Applied(in_a_row, Log(), Log(), Log()), tg.tensor([0.5, 2.0], requires_grad=True), depth=1)
    (box,) = (v for v in drawing.picture.vertices if v.kind == "box")
    assert box.fault.first
    assert "first NaN here" in drawing.svg


def test_parameters_stay_in_their_module_when_they_have_been_written_or_handed_out():
    net = nn.Sequential(nn.Linear(3, 4), nn.Tanh(), nn.Linear(4, 2))
    view = net[0].weight.detach().numpy()
    data = x(5, 3)
    loss = net(data).sum()
    for drawing in (draw(net, data, depth=1), draw(loss, depth=1)):
        assert [label[0] for label in boxes(drawing)] == ["0: Linear(3, 4)", "1: Tanh", "2: Linear(4, 2)"]
        assert "W" not in {v.label for v in drawing.picture.vertices}
    with tg.no_grad():
        for parameter in net.parameters():
            parameter.mul_(0.5)
    assert "W" not in {v.label for v in draw(loss, depth=1).picture.vertices}
    assert view.shape == (4, 3)
