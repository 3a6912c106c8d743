"""What is not to be seen: `hide` takes operations out, and leaves no arrow that says what is not so."""

from __future__ import annotations

import numpy as np
import pytest

import tensorgrad as tg
from tensorgrad import nn
from tensorgrad.errors import TensorgradError
from tensorgrad.viz import draw


def ends(drawing):
    return [(e.source, e.target, e.forward, e.backward) for e in drawing.edges]


def chained(**options):
    x = tg.tensor([[1.0, 2.0], [3.0, 4.0]], requires_grad=True)
    return draw(lambda x: x.exp().reshape(4).tanh().sum(), x, **options)


def test_an_operation_between_two_is_taken_out_and_its_operand_is_what_is_read():
    found = chained(hide=["reshape"])
    assert ("exp", "tanh") in [(e.source, e.target) for e in found.edges]
    assert "reshape" not in {v.label for v in found.picture.vertices}
    assert "1 hidden" in found.caption
    plain = {e.target: e for e in chained().edges}
    joined = next(e for e in found.edges if (e.source, e.target) == ("exp", "tanh"))
    np.testing.assert_array_equal(joined.gradient, plain["reshape"].gradient)
    assert joined.gradient.shape == joined.shape == joined.value.shape == (2, 2)
    assert found.svg
    assert found.json


def test_a_function_decides_and_a_chain_of_hidden_ones_is_one_arrow():
    found = chained(hide=lambda node: node.op in {"exp", "reshape", "tanh"})
    assert [(e.source, e.target) for e in found.edges] == [("x", "Σ"), ("Σ", "out")]
    np.testing.assert_array_equal(found.edges[0].gradient, chained().edges[0].gradient)


def test_leaves_go_with_their_arrows():
    found = draw(nn.Linear(3, 2), tg.ones(4, 3), hide="parameter")
    assert {v.kind for v in found.picture.vertices} == {"input", "op", "output"}
    assert [(e.source, e.target) for e in found.edges] == [("input", "Affine"), ("Affine", "out")]


def test_where_a_gradient_is_a_sum_over_hidden_readers_its_parts_are_not_told():
    x = tg.tensor([1.0, 2.0], requires_grad=True)

    def function(x):
        h = x * 3
        return h.exp() + h.tanh()

    found = draw(function, x, hide=["mul"])
    parts = [e for e in found.edges if e.source == "x"]
    assert [(e.target, e.backward, e.gradient) for e in parts] == [("exp", "", None), ("tanh", "", None)]
    assert found.svg.count('class="edge bwd"') == len(found.edges)


def test_operands_of_a_hidden_one_keep_their_own_gradients():
    x, w = tg.tensor([1.0, 2.0], requires_grad=True), tg.tensor([3.0, 5.0], requires_grad=True)
    x.name, w.name = "x", "w"
    found = draw((x * w).exp().sum(), hide=["mul"])
    plain = {e.forward: e.gradient for e in draw((x * w).exp().sum()).edges}
    for edge in found.edges[:2]:
        np.testing.assert_array_equal(edge.gradient, plain[edge.forward])
    assert ends(found)[:2] == [("x", "exp", "x", "dx"), ("w", "exp", "w", "dw")]


def test_an_unknown_operation_is_an_error_that_tells_those_there_are():
    with pytest.raises(TensorgradError, match="hide='relu' is no operation of this graph, which has: input, exp"):
        chained(hide=["relu"])


def test_formulas_and_labels_work_on():
    for labels in ("formulas", "values", "shapes", "none"):
        assert chained(hide=["reshape"], labels=labels).svg


def test_what_hides_all_is_refused() -> None:
    with pytest.raises(TensorgradError, match="hide= leaves nothing to draw of 4 circles"):
        draw(lambda x: x.exp() * 2, tg.ones(3, requires_grad=True), hide=lambda node: True)


def test_over_a_hidden_break_the_arrow_is_dashed_for_no_value_of_the_graph_goes_there() -> None:
    x = tg.tensor([0.123456, 0.7654321], requires_grad=True)
    drawing = draw(lambda x: (x - x.max().item()).exp(), x, hide="break")
    across = [arrow for arrow in drawing.scene.arrows if arrow.edge.source.startswith("max")]
    assert [arrow.pen.dash for arrow in across] == ["dashed"]
    assert "1 hidden" in drawing.caption
