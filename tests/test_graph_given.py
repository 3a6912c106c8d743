"""What a traced function is given: every tensor and array is an argument of the file, or refused, or told."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pytest

import tensorgrad as tg
from tensorgrad import nn
from tensorgrad.errors import ArgumentError
from tensorgrad.graph import Graph
from tests.test_graph_promise import started


class Moving(nn.Module):
    """A module that assigns a new tensor to its buffer."""

    def __init__(self) -> None:
        super().__init__()
        self.register_buffer("ema", tg.ones(4, 4))

    def forward(self, x):
        self.ema = 0.9 * self.ema + 0.1 * x.detach()
        return x * self.ema


@dataclass
class Batch:
    """What a user keeps the tensors of a step in."""

    x: tg.Tensor
    y: object


class Slots:
    """The same, with slots."""

    __slots__ = ("x", "y")

    def __init__(self, x, y) -> None:
        self.x, self.y = x, y


def arguments(function, *inputs):
    graph = Graph.trace(function, *inputs)
    assert graph.breaks == ()
    names: dict = {}
    exec(graph.to_python(), names)
    return names["forward"]


def test_what_is_given_twice_is_two_arguments() -> None:
    x, a = started(0), np.ones((4, 4), np.float32)
    one, two = np.full((4, 4), 3, np.float32), np.full((4, 4), 5, np.float32)
    for given in ((x, x), (a, a)):
        forward = arguments(lambda p, q: tg.as_tensor(p * 2) - q, *given)
        assert forward(one, two).tolist() == (one * 2 - two).tolist()
    forward = arguments(lambda pair: pair[0] * 2 - pair[1], [x, x])
    assert forward(one, two).tolist() == (one * 2 - two).tolist()


@pytest.mark.parametrize("kind", [Batch, Slots, lambda x, y: [x, {"k": y}], lambda x, y: (x, y)])
def test_tensors_in_containers_and_objects_are_arguments(kind) -> None:
    def function(given):
        x, y = (given.x, given.y) if hasattr(given, "x") else (given[0], given[1])
        return x * 2 - (y["k"] if isinstance(y, dict) else y)

    one, two = np.full((4, 4), 3, np.float32), np.full((4, 4), 5, np.float32)
    assert arguments(function, kind(started(0), started(1)))(one, two).tolist() == (one * 2 - two).tolist()


def test_arrays_in_containers_are_arguments_and_in_objects_refused() -> None:
    one, two = np.full((4, 4), 3, np.float32), np.full((4, 4), 5, np.float32)
    forward = arguments(lambda g: g[0] * 2 - tg.tensor(g[1]["k"]), [started(0), {"k": one.copy()}])
    assert forward(one, two).tolist() == (one * 2 - two).tolist()
    with pytest.raises(ArgumentError, match=r"Batch\.y holds an array"):
        Graph.trace(lambda b: b.x * tg.tensor(b.y), Batch(started(0), one))
    with pytest.raises(ArgumentError, match="a set of tensors has no order"):
        Graph.trace(lambda b: sum(b), {started(0)})


def test_a_write_to_an_input_that_another_one_overlaps_is_told() -> None:
    def function(x, y):
        x.add_(1)
        return y * 2

    x = started(0)
    assert Graph.trace(function, x, x[0]).breaks
    assert Graph.trace(function, x, x).breaks


def test_a_buffer_that_is_reassigned_is_read_as_a_buffer() -> None:
    module = Moving()
    source = Graph.trace(module, started(0)).to_python()
    assert "def forward(x, ema)" in source


def test_a_module_that_changes_its_mode_is_traced_anew() -> None:
    layer = nn.BatchNorm1d(4)
    Graph.trace(layer, started(0))
    graph = Graph.trace(layer.eval(), started(0))
    assert graph.breaks == ()
    assert [node.op for node in graph.nodes if node.is_leaf].count("buffer") == 2


def test_a_trace_in_a_trace_is_refused() -> None:
    with pytest.raises(ArgumentError, match="cannot trace another"):
        Graph.trace(lambda x: Graph.trace(lambda y: y * 2, x) and x, started(0))
