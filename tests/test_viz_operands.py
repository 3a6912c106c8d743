"""Which operand is which: the same operands in another order make another picture, wherever the order matters."""

from __future__ import annotations

import itertools
import re
from collections.abc import Callable
from typing import Any

import pytest

import tensorgrad as tg
from tensorgrad import nn, viz
from tensorgrad.errors import TensorgradError
from tests.measuring import Measures, measured
from tests.smallgraphs import small
from tests.test_viz_measures import told as labelled

F = nn.functional
NAMES = ("a", "b", "c")
ORDERS = [*itertools.permutations(NAMES)]
TWICE = [("a", "b", "b"), ("b", "a", "b"), ("b", "b", "a")]


class Steered(tg.autograd.Function):
    """An operation of the user's, of three tensors."""

    @staticmethod
    def forward(ctx, x, y, z):
        ctx.factors = 1, 2, 3
        return x + 2 * y + 3 * z

    @staticmethod
    def backward(ctx, g):
        return tuple(factor * g for factor in ctx.factors)


class Mixed(nn.Module):
    """A module of three inputs, which it reads in another order."""

    def forward(self, query, key, value):
        return (value * 2 + query).exp() @ key


OPERATIONS = {
    "where": lambda x, y, z: tg.where(x, y, z),
    "cat": lambda x, y, z: tg.cat([x, y, z]),
    "function": lambda x, y, z: Steered.apply(x, y, z),
    "weight": lambda x, y, z: F.linear(x, y, z[0]),
}
BOXES = {
    "stack": lambda x, y, z: tg.stack([x, y, z]).sum(0),
    "lerp": lambda x, y, z: tg.lerp(x, y, z),
    "addcmul": lambda x, y, z: tg.addcmul(x, y, z),
    "addcdiv": lambda x, y, z: tg.addcdiv(x, y, z),
    "addmm": lambda x, y, z: tg.addmm(x, y, z),
    "scaled_dot_product_attention": lambda x, y, z: F.scaled_dot_product_attention(x, y, z),
}


def inputs(kind: str) -> dict[str, tg.Tensor]:
    tg.manual_seed(0)
    return {name: tg.randn(2, 2, requires_grad=True) > 0 if kind == "where" else tg.randn(2, 2, requires_grad=True)
            for name in NAMES}  # fmt: skip


def told(drawing: viz.Drawing, head: str) -> list[str]:
    """Return the operands of a vertex as one reads them: by the numbers at its arrows, or else from above."""
    arrows = [arrow for arrow in drawing.scene.arrows if arrow.kind == "fwd" and arrow.edge.head == head]
    numbers = {note.id: note.text for note in drawing.scene.notes if note.kind == "slot"}
    arrows.sort(key=lambda arrow: -arrow.pieces[-1][-1][1])
    shown = [numbers.get(f"slot_{arrow.edge.id}", "") for arrow in arrows]
    if all(shown):
        found = {int(n): arrow.edge.source for arrow, text in zip(arrows, shown, strict=True) for n in text.split(", ")}
        return [found[n] for n in sorted(found)]
    if any(shown):  # the other way round
        assert [text for text in shown if text] == [shown[0], shown[-1]] == [str(len(arrows)), "1"]
        arrows.reverse()
    return [arrow.edge.source for arrow in arrows]


def of(
    function: Callable[..., tg.Tensor], order: tuple[str, ...], given: dict[str, tg.Tensor], **options
) -> viz.Drawing:
    def drawn(a, b, c):
        known = {"a": a, "b": b, "c": c}
        return function(*(known[name] for name in order)).exp()

    return viz.draw(drawn, *given.values(), **options)


@pytest.mark.parametrize(("kind", "order"), [
    (kind, order) for kind in OPERATIONS for order in ORDERS + TWICE if kind != "weight" or order[2] == "c"
])  # fmt: skip
def test_the_order_of_three_operands_is_told(kind: str, order: tuple[str, ...]) -> None:
    drawing = of(OPERATIONS[kind], order, inputs(kind))
    (head,) = (v.id for v in drawing.picture.vertices if v.asymmetric)
    assert told(drawing, head)[: 2 if kind == "weight" else 3] == [*order][: 2 if kind == "weight" else 3]


@pytest.mark.parametrize("kind", BOXES)
@pytest.mark.parametrize("order", ORDERS + TWICE)
def test_the_arguments_of_a_closed_function_are_told(kind: str, order: tuple[str, ...]) -> None:
    drawing = of(BOXES[kind], order, inputs(kind), unfold=False)
    (head,) = (v.id for v in drawing.picture.vertices if v.kind == "box" or v.label == kind)
    assert told(drawing, head) == [*order]


@pytest.mark.parametrize("named", [False, True])
@pytest.mark.parametrize("order", ORDERS)
def test_the_arguments_of_a_closed_module_are_told_as_its_forward_takes_them(
    order: tuple[str, ...], named: bool
) -> None:
    module = Mixed()
    call = (lambda x, y, z: module(value=z, key=y, query=x)) if named else module
    drawing = of(call, order, inputs("module"), depth=0)
    (head,) = (v.id for v in drawing.picture.vertices if v.kind == "box")
    assert told(drawing, head) == [*order]


def test_what_may_be_exchanged_has_no_numbers():
    a, b = tg.randn(3), tg.randn(3)
    for function in (tg.add, tg.mul, tg.maximum, tg.logaddexp, tg.logaddexp2, tg.eq):
        assert not any(v.asymmetric for v in viz.draw(function, a, b).picture.vertices)


def test_a_layer_has_none_for_its_weight_is_known():
    drawing = viz.draw(nn.Linear(3, 3), tg.randn(3, 3))
    assert not [note for note in drawing.scene.notes if note.kind == "slot"]


def test_the_index_of_several_arrays_is_told_in_its_order():
    i, j = tg.tensor([0, 1]), tg.tensor([1, 1])
    for order, function in ((["x", "i", "j"], lambda x, i, j: x[i, j]), (["x", "j", "i"], lambda x, i, j: x[j, i])):
        drawing = viz.draw(function, tg.randn(3, 3, requires_grad=True), i, j)
        (head,) = (v.id for v in drawing.picture.vertices if v.asymmetric)
        assert told(drawing, head) == order


def test_a_number_among_three_operands_stands_in_its_place():
    c, x = tg.tensor([True, False]), tg.tensor([1.0, 2.0], requires_grad=True)
    for label, function in (
        ("where\n·, ·, 0", lambda c, x: tg.where(c, x, 0.0)),
        ("where\n·, 0, ·", lambda c, x: tg.where(c, 0.0, x)),
        ("where\n·, 1, −2", lambda c, x: tg.where(c, 1.0, -2.0) * x),
    ):
        assert label in {v.label for v in viz.draw(function, c, x).picture.vertices}


def test_the_order_of_what_failed_is_told():
    a, b = tg.randn(2, 3), tg.randn(2, 3)
    with pytest.raises(TensorgradError) as caught:
        viz.draw(lambda a, b: a.exp() @ b.exp(), a, b)
    assert next(v for v in viz.draw(caught.value).picture.vertices if v.kind == "failed").asymmetric


def test_the_text_for_graphviz_has_the_numbers():
    pytest.importorskip("graphviz")
    drawing = viz.draw(lambda a, b, c: tg.where(c, a, b), *inputs("where").values())
    assert [drawing.dot.count(f"headlabel={n}") for n in (1, 2, 3)] == [1, 1, 1]


def test_the_text_for_mermaid_has_the_numbers():
    a, b = (tg.ones(2, requires_grad=True) for _ in range(2))
    lines = viz.draw(lambda a, b: (a - b) + (b / a), a, b).mmd
    assert sorted(re.findall(r'-->\|"([12]: [ab])"\|', lines)) == ["1: a", "1: b", "2: a", "2: b"]
    assert not re.search(r'"[12]: ', viz.draw(lambda a, b: a * b + a, a, b).mmd)


@pytest.mark.parametrize("leaf", [False, True])
def test_a_layer_that_failed_has_no_numbers_either_but_what_was_given_has(leaf: bool) -> None:
    with pytest.raises(TensorgradError) as caught:
        nn.Sequential(nn.Linear(4, 3), nn.Linear(4, 2))(tg.randn(5, 4, requires_grad=leaf))
    assert not [note for note in viz.draw(caught.value).scene.notes if note.kind == "slot"]
    x, w, b = (tg.randn(*shape, requires_grad=True) for shape in ((5, 4), (3, 2), (3,)))
    with pytest.raises(TensorgradError) as caught:
        nn.functional.linear(x, w, b)
    assert next(v for v in viz.draw(caught.value).picture.vertices if v.kind == "failed").asymmetric


@pytest.mark.parametrize("rankdir", ["LR", "TB"])
@pytest.mark.parametrize("join", [tg.stack, tg.cat, lambda parts: tg.cat([p * 2 for p in parts])])
@pytest.mark.parametrize("count", [3, 4, 8])
def test_many_operands_that_are_alike_stand_in_their_order(count: int, join: Any, rankdir: str) -> None:
    steps = [lambda x: x * 1, tg.exp, tg.sin, tg.cos, tg.tanh, tg.abs, tg.sqrt, lambda x: x * x][:count]
    drawing = viz.draw(lambda x: join([step(x) for step in steps]).sum(), tg.rand(3), rankdir=rankdir, unfold=True)
    centers = {outline.vertex.id: outline.center for outline in drawing.scene.outlines}
    entering = [edge for edge in drawing.edges if edge.target in {"concat", "stack"}]
    assert len(entering) == count
    found = [centers[edge.tail] for edge in sorted(entering, key=lambda edge: edge.places)]
    down = [-y if rankdir == "LR" else x for x, y in found]
    assert down == sorted(down)
    assert len(set(down)) == count
    assert not [note for note in drawing.scene.notes if note.kind == "slot"]
    assert measured(drawing.svg, labelled(drawing)) == Measures(0, 0, 0, 0)


@pytest.mark.parametrize("function", [
    lambda a, b: a - b, lambda a, b: b - a, lambda a, b: a / b.exp(), lambda a, b: a.exp() / b,
    lambda a, b: b @ a.tanh(), lambda a, b: a - b.exp().sin(),
])  # fmt: skip
@pytest.mark.parametrize("rankdir", ["LR", "TB"])
def test_the_first_of_two_operands_stands_first_where_mirroring_does_it(function: Any, rankdir: str) -> None:
    drawing = viz.draw(function, tg.randn(2, 2), tg.randn(2, 2), rankdir=rankdir)
    assert any(v.asymmetric for v in drawing.picture.vertices)
    assert not [note for note in drawing.scene.notes if note.kind == "slot"]


def test_few_pairs_of_operands_have_numbers() -> None:
    """Six of ten had them, as the operand off the main way always stood below."""
    drawings = [small(seed) for seed in range(25)]
    assert sum(v.asymmetric for drawing in drawings for v in drawing.picture.vertices) >= 10
    assert sum(note.kind == "slot" for drawing in drawings for note in drawing.scene.notes) <= 4
