"""The graph as data: its text, its backward pass as a graph of its own, names from variables, values as they were."""

from __future__ import annotations

import sys

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings

import tensorgrad as tg
from tensorgrad import nn
from tensorgrad.errors import ArgumentError, AutogradError
from tensorgrad.graph import Graph
from tensorgrad.graph.identifiers import unique_names
from tensorgrad.ops import where
from tensorgrad.testing.programs import programs

few = settings(
    max_examples=max(settings.default.max_examples // 4, 8), deadline=None, suppress_health_check=[HealthCheck.too_slow]
)


def ones(*shape, **options):
    return tg.ones(*shape, requires_grad=True, dtype=tg.float64, **options)


def test_the_text_is_a_typed_program_under_the_modules_that_compute_it() -> None:
    net = nn.Sequential(nn.Linear(4, 3), nn.Tanh())
    for name, p in net.named_parameters():
        p.name = name
    text = Graph.trace(net, tg.randn(5, 4)).text()
    lines = text.splitlines()
    assert [line for line in lines if line.lstrip().startswith("#")] == [
        "# Sequential()", "  # 0: Linear(in_features=4, out_features=3, bias=True)", "  # 1: Tanh()",
    ]  # fmt: skip
    assert "_0_weight: float32[3,4] = parameter" in lines
    assert lines[-2:] == ["    out: float32[5,3] = tanh(v3)", "return out"]


@pytest.mark.parametrize(
    ("function", "line"),
    [
        (lambda x: x.sum(1, keepdim=True), "out: float64[2,1] = sum(x, axis=1, keepdims=True)"),
        (lambda x: x[:, 1:], "out: float64[2,2] = getitem(x, index=(:, 1:))"),
        (lambda x: x[tg.tensor([0, 1, 1])], "out: float64[3,3] = getitem(x, index=int64[3])"),
        (lambda x: 2 - x, "out: float64[2,3] = 2 - x"),
        (lambda x: x >= 0, "out: bool[2,3] = x >= 0"),
        (lambda x: x.float(), "out: float32[2,3] = astype(x, dtype=float32)"),
        (lambda x: x + tg.Constant(1e-5, "ε"), "out: float64[2,3] = x + ε"),
    ],
)
def test_a_line_reads_as_it_would_be_written(function, line) -> None:
    assert Graph.trace(function, ones(2, 3)).text().splitlines()[-2] == line


def test_names_become_identifiers_that_no_two_values_share() -> None:
    assert unique_names(["a b", "a_b", "if", "1", "", "x₁", "x1"]) == ["a_b", "a_b_2", "if_", "_1", "_", "x1", "x1_2"]


def test_the_backward_graph_holds_the_gradients_under_their_names() -> None:
    x, w = ones(4, 3), ones(2, 3)
    graph = Graph.trace(lambda x, w: ((x @ w.T) * (x @ w.T)).sum(), x, w)
    back = graph.backward()
    names = back.names()
    assert [names[i] for i in back.outputs] == ["dx", "dw"]
    assert {"dout", "dx₁", "dx₂"} <= set(names)
    assert (graph.order, back.order, back.backward().order) == (0, 1, 2)
    expected = tg.autograd.grad(((x @ w.T) * (x @ w.T)).sum(), [x, w])
    for index, g in zip(back.outputs, expected, strict=True):
        assert np.array_equal(back.nodes[index].value, g.array)
    assert x.grad is None


def test_the_backward_graph_of_the_backward_graph_holds_the_second_derivative() -> None:
    x = tg.tensor([0.5, 2.0], dtype=tg.float64, requires_grad=True)
    first = Graph.trace(lambda x: (x**3).sum(), x).backward()
    np.testing.assert_allclose(first.nodes[first.outputs[0]].value, 3 * x.array**2, rtol=1e-15)
    second = first.backward()
    values = {name: node.value for name, node in zip(second.names(), second.nodes, strict=True)}
    np.testing.assert_allclose(values["d²x"], 6 * x.array, rtol=1e-15)
    assert [second.names()[i] for i in second.outputs] == ["d²x", "d²dout"]


@few
@given(programs())
def test_what_flows_along_the_edges_of_any_program_adds_up_to_the_gradients(program) -> None:
    leaves = [tg.tensor(x, requires_grad=True) for x in program.leaves]
    graph = Graph.trace(lambda *xs: sum((y.sum() for y in program.run(tg, *xs)), start=tg.zeros(())), *leaves)
    if not graph.nodes[graph.outputs[0]].requires_grad:
        return
    found = graph.gradients()
    sums: dict[int, np.ndarray] = {}
    for edge in graph.edges():
        part = found.edges.get((edge.target, edge.slot))
        if part is not None:
            assert np.isfinite(part).all()
            sums[edge.source] = sums.get(edge.source, 0) + part
    assert sums
    for index, total in sums.items():
        np.testing.assert_allclose(total, found.nodes[index], rtol=1e-12, atol=1e-12, equal_nan=False)


@few
@given(programs())
def test_the_backward_graph_of_any_program_knows_what_flows_along_every_edge(program) -> None:
    leaves = [tg.tensor(x, requires_grad=True) for x in program.leaves]
    graph = Graph.trace(lambda *xs: sum((y.sum() for y in program.run(tg, *xs)), start=tg.zeros(())), *leaves)
    if not graph.nodes[graph.outputs[0]].requires_grad:
        return
    back, found = graph.backward(), graph.gradients()
    assert set(back.along) <= set(found.edges)
    for place, index in back.along.items():
        assert np.array_equal(back.nodes[index].value, found.edges[place])


def test_a_graph_without_gradient_has_no_backward_pass() -> None:
    with pytest.raises(AutogradError, match="first output does not require a gradient"):
        Graph.trace(lambda x: x * 2, tg.ones(2)).backward()
    with pytest.raises(AutogradError, match=r"the seed has shape \(3,\), the output \(2,\)"):
        Graph.trace(lambda x: x * 2, ones(2)).backward(np.ones(3))


def rates(prices):
    ratio = prices[1:] / prices[:-1]
    growth = ratio.log()
    growth = growth - growth.mean()
    return growth.sum()


def test_names_are_taken_from_the_variables_of_the_users_functions() -> None:
    graph = Graph.trace(rates, ones(4), names="variables")
    assert [n.name for n in graph.nodes if n.name] == ["prices", "ratio", "growth", "growth.2"]
    assert [n.name for n in Graph.trace(rates, ones(4)).nodes if n.name] == ["prices"]


def test_watching_variables_leaves_the_debugger_as_it_was() -> None:
    def debugger(frame, event, argument):
        return None

    before = sys.gettrace()
    sys.settrace(debugger)
    try:
        Graph.trace(rates, ones(4), names="variables")
        assert sys.gettrace() is debugger
        with pytest.raises(TypeError):
            Graph.trace(rates, 3, names="variables")
        assert sys.gettrace() is debugger
    finally:
        sys.settrace(before)


def test_a_graph_of_tensors_takes_names_from_a_mapping_or_from_where_it_is_made() -> None:
    weight = ones(3)
    product = weight * 2
    result = product.sum()
    assert [n.name for n in Graph.of(result, names="variables").nodes] == ["weight", "product", "result"]
    assert [n.name for n in Graph.of(result, names={"w": weight}).nodes] == ["w", None, None]
    with pytest.raises(ArgumentError, match="names='locals' is not known: give a mapping"):
        Graph.of(result, names="locals")


def test_the_values_are_those_of_the_time_when_they_were_read() -> None:
    data = tg.ones(2)

    def function(x):
        y = x * data
        data.add_(1)
        z = y * data
        z.mul_(2)
        return z.sum()

    graph = Graph.trace(function, ones(2))
    data.zero_()
    assert [n.value.tolist() for n in graph.nodes if n.op in {"constant", "assign"}][:2] == [[1.0, 1.0], [2.0, 2.0]]
    assert graph.nodes[graph.outputs[0]].value == 8.0


def test_a_view_drawn_anew_after_a_write_has_the_value_written() -> None:
    def function(x):
        base = x * 1
        row = base[0]
        base.mul_(3)
        return row * row

    graph = Graph.trace(function, ones(2, 2))
    assert graph.nodes[graph.outputs[0]].value.tolist() == [9.0, 9.0]
    assert graph.gradients().nodes[0].tolist() == [[18.0, 18.0], [0.0, 0.0]]


def test_every_node_tells_the_line_that_made_it() -> None:
    graph = Graph.trace(rates, ones(4))
    lines = {n.place[0].co_name for n in graph.nodes if n.place is not None}
    assert lines == {"rates"}
    assert all(n.place is not None for n in graph.nodes if not n.is_leaf)


def test_a_contribution_belongs_to_the_operand_that_has_a_derivative() -> None:
    graph = Graph.trace(lambda x: where(x, x, 2.0), tg.tensor([0.0, 1.0], requires_grad=True))
    assert {place: g.tolist() for place, g in graph.gradients().edges.items()} == {(1, 1): [0.0, 1.0]}
