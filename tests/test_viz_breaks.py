"""A value that Python read is a mark in the picture, with its line; and what has no gradient is drawn in black."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest

import tensorgrad as tg
from tensorgrad import nn
from tensorgrad.graph import Graph
from tensorgrad.viz import draw

F = nn.functional


def x(*shape):
    return tg.tensor(np.random.default_rng(1).normal(size=shape), requires_grad=True)


def marks(drawing):
    """The first lines of all marks, after a look at their second ones: this file, and a line that reads."""
    found = []
    for vertex in drawing.picture.vertices:
        if vertex.kind == "break":
            what, place = vertex.label.split("\n")
            file, line = place.split(":")
            assert file == Path(__file__).name
            assert "# reads" in Path(__file__).read_text("utf-8").splitlines()[int(line) - 1]
            assert place in drawing.caption
            found.append(what)
    return found


def item(x):
    return x * x.sum().item()  # reads


def to_float(x):
    return x * float(x.max())  # reads


def to_int(x):
    return x * int(x.argmax())  # reads


def choice(x):
    if x[0] > -9:  # reads
        x = x * 2
    return x


def loop(x):
    while x.sum() > 1:  # reads
        x = x / 2
    return x


def mask(x):
    return x[x > 0]  # reads


def listed(x):
    return x * x.tolist()[0]  # reads


def array(x):
    return x * tg.tensor(np.array(x.detach().numpy(), dtype="U9") == "a")  # reads


def index(x):
    return [x * 1, x * 2, x * 3, x * 4][x.argmin()]  # reads


def text(x):
    return x * len(str(x.detach()))  # reads


READING = {
    item: ".item()", to_float: ".item()", to_int: ".item()", choice: "if", loop: "if", mask: "a mask",
    listed: ".tolist()", array: "NumPy", index: ".item()", text: "",
}  # fmt: skip


@pytest.mark.parametrize("function", READING, ids=lambda function: function.__name__)
def test_a_value_that_python_read_has_a_mark_with_its_line(function):
    drawing = draw(function, x(4))
    told = marks(drawing)
    assert told
    assert all(what.partition(" →")[0] == READING[function] for what in told if READING[function])
    arrows = [edge for edge in drawing.edges if edge.head.startswith("break")]
    assert len(arrows) == len(told)
    assert all(edge.backward is None for edge in arrows)
    often = sum(found.times for found in Graph.trace(function, x(4)).breaks)
    assert drawing.caption.startswith(f"Python read {often} value")


def test_no_break_of_the_trace_is_silent():
    for function in READING:
        breaks, drawing = Graph.trace(function, x(4)).breaks, draw(function, x(4))
        assert f"Python read {sum(found.times for found in breaks)} value" in drawing.caption


def test_what_is_read_by_nothing_else_is_drawn_and_the_numbers_way_back_is_dashed():
    drawing = draw(item, x(4))
    ends = {(edge.source.partition(" ")[0], edge.target.partition(" ")[0]) for edge in drawing.edges}
    read = x(4).sum().item()
    label = f"x*{read:.4g}".replace("-", "−")
    assert ends == {("x", label), ("x", "Σ"), (label, "out"), ("Σ", ".item()"), (".item()", label)}
    outside = drawing.edges[-1]
    assert outside.outside
    assert [a.pen.dash for a in drawing.scene.arrows if a.edge is outside] == ["dashed"]
    assert drawing.svg.count('class="node break"') == 1


def test_a_number_of_few_digits_may_be_anyones():
    drawing = draw(lambda x: x * 2 * x.sum().item(), tg.tensor([1.0, 1.0], requires_grad=True))
    assert not any(edge.outside for edge in drawing.edges)


def test_a_mark_stands_in_the_frame_that_reads_and_at_the_box_that_is_closed():
    class Inner(nn.Module):
        def __init__(self):
            super().__init__()
            self.layer = nn.Linear(3, 3)

        def forward(self, x):
            h = self.layer(x)
            return h * h.max().item()  # reads

    net = nn.Sequential(Inner(), nn.Linear(3, 1))
    data = x(2, 3).float()
    (mark,) = (v for v in draw(net, data).picture.vertices if v.kind == "break")
    assert [module.label for module in mark.around] == ["0: Inner"]
    closed = draw(net, data, depth=1)
    (into,) = (edge for edge in closed.edges if edge.head == "break0")
    assert into.source.startswith("0: Inner")
    assert marks(closed)


@pytest.mark.parametrize("options", [{}, {"rankdir": "TB"}, {"labels": "values"}, {"labels": "formulas"},
                                     {"heat": "gradient"}, {"names": "variables"}, {"width": "200pt"}])  # fmt: skip
def test_every_format_and_option_takes_marks(options):
    drawing = draw(item, x(4), **options)
    kinds = [node["kind"] for node in json.loads(drawing.json)["nodes"]]
    assert kinds.count("break") == 1
    assert all(".item()" in text for text in (drawing.svg, drawing.tex, drawing.dot, drawing.positioned))
    assert "item" in drawing.mmd


def test_marks_can_be_hidden_and_the_caption_tells_them_still():
    drawing = draw(item, x(4), hide="break")
    assert marks(drawing) == []
    assert "Python read 1 value" in drawing.caption


def test_what_reads_nothing_has_no_mark():
    def checked(x):
        if x.sum() > 1e9:
            raise ValueError("too large")
        return x.exp()

    assert draw(checked, x(4)).caption == ""
    assert draw(x(4).exp()).caption == ""


WITHOUT_GRADIENT = {
    "comparison": (lambda x, y: tg.where(x > y, x, y), ">"),
    "argmax": (lambda x, y: x[x.argmax()] + y, "argmax"),
    "an index along an axis": (lambda x, y: x.max(0).values + y, "argmaxᵢ"),
    "mask": (lambda x, y: x.masked_fill(x < 0, 0) * y, "x<0"),
    "not": (lambda x, y: x.masked_fill(~(x == y), 0), "~"),
    "equality": (lambda x, y: (x == y) * x, "=="),
    "detached": (lambda x, y: x.detach().exp() * y, "exp"),
    "sign": (lambda x, y: (x.detach().sign() > 0) * y, "x>0"),
}


@pytest.mark.parametrize("name", WITHOUT_GRADIENT)
def test_an_operation_without_gradient_is_shown_and_black(name):
    function, label = WITHOUT_GRADIENT[name]
    drawing = draw(function, x(4), x(4))
    around = [edge for edge in drawing.edges if label in (edge.source, edge.target)]
    assert len(around) >= 2, [v.label for v in drawing.picture.vertices]
    assert all(edge.backward is None for edge in around if edge.source == label)
    if name != "detached":
        assert all(edge.backward is None for edge in around)


def test_a_line_that_reads_in_a_loop_says_how_often() -> None:
    def scaled(x: tg.Tensor) -> tg.Tensor:
        for v in x:
            x = x * v.item()
        return x

    drawing = draw(scaled, tg.tensor([1.5, 2.5, 3.25], requires_grad=True))
    assert "Python read 3 values" in drawing.caption
    assert "×3" in drawing.svg
    (found,) = Graph.trace(scaled, tg.tensor([1.5, 2.5, 3.25])).breaks
    assert (found.times, found.value) == (3, "1.5")
    assert found.text.endswith("gave 1.5, the first of 3 times")


def test_two_modules_of_one_class_have_a_mark_each() -> None:
    class Deciding(nn.Module):
        def forward(self, x: tg.Tensor) -> tg.Tensor:
            return x * 2 if x.sum() > 0 else x

    drawing = draw(nn.Sequential(Deciding(), Deciding()), tg.ones(2, requires_grad=True))
    assert "Python read 2 values" in drawing.caption


def test_a_text_is_one_break_and_no_operation() -> None:
    def told(x: tg.Tensor) -> tg.Tensor:
        str(x)
        return x * 2

    graph = Graph.trace(told, tg.tensor([1.5, 2.5], requires_grad=True))
    assert [found.what for found in graph.breaks] == ["its text"]
    assert [node.op for node in graph.nodes] == ["input", "mul"]


@pytest.mark.parametrize("name", ["zeros_like", "ones_like", "full_like"])
def test_what_is_made_in_the_shape_of_a_value_reads_none_of_it(name: str) -> None:
    def added(x: tg.Tensor) -> tg.Tensor:
        return x + getattr(tg, name)(x, *[2.0] * (name == "full_like"))

    drawing = draw(added, tg.ones(2, 3, requires_grad=True))
    assert not drawing.caption
    assert [vertex.kind for vertex in drawing.picture.vertices] == ["input", "constant", "op", "output"]


def test_what_is_filled_with_a_value_reads_it() -> None:
    def added(x: tg.Tensor) -> tg.Tensor:
        array = x.detach().numpy()
        return x + tg.tensor(np.full_like(array, array.max()))

    graph = Graph.trace(added, tg.tensor([1.0, 3.0], requires_grad=True))
    assert {"amax", "full_like"} <= {node.op for node in graph.nodes}
