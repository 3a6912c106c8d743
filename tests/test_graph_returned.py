"""What a traced function returns: every tensor, array and number of NumPy's is an output, or the trace is refused."""

from __future__ import annotations

from collections import OrderedDict, deque
from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np
import pytest

import tensorgrad as tg
from tensorgrad import nn, viz
from tensorgrad.errors import ArgumentError
from tensorgrad.graph import Graph


@dataclass
class Answer:
    """What a user returns the results of a step in."""

    loss: Any
    parts: Any = None


class Slots:
    """The same, with slots."""

    __slots__ = ("loss", "parts")

    def __init__(self, loss, parts=None) -> None:
        self.loss, self.parts = loss, parts


class Pair(NamedTuple):
    """The same, as a tuple."""

    loss: Any
    parts: Any = None


class Computing:
    """What computes, and holds a tensor."""

    def __init__(self, x) -> None:
        self.x = x

    def __call__(self):
        return self.x


def given() -> tg.Tensor:
    return tg.tensor([[1.0, -2.0], [3.0, 4.0]], requires_grad=True)


def forward_of(function, *inputs):
    graph = Graph.trace(function, *inputs)
    assert graph.breaks == ()
    names: dict = {}
    exec(graph.to_python(), names)
    return graph, (lambda *arrays: names["forward"](*arrays)[0] if "backward" in names else names["forward"](*arrays))


@pytest.mark.parametrize(
    "kind",
    [
        lambda *parts: parts,
        lambda *parts: [*parts],
        lambda loss, parts: {"loss": loss, "parts": parts},
        lambda loss, parts: OrderedDict(loss=loss, parts=parts),
        lambda *parts: deque(parts),
        lambda loss, parts: [{"a": (loss,)}, [Answer(parts)]],
        Answer,
        Slots,
        Pair,
    ],
)
def test_tensors_and_arrays_in_whatever_holds_them_are_outputs(kind) -> None:
    graph, forward = forward_of(lambda x: kind((x * x).sum(), x.detach().numpy() + 1), given())
    assert [graph.nodes[i].shape for i in graph.outputs] == [(), (2, 2)]
    assert [graph.nodes[i].requires_grad for i in graph.outputs] == [True, False]
    loss, parts = forward(np.full((2, 2), 3, np.float32))
    assert (float(loss), parts.tolist()) == (36.0, [[4.0, 4.0], [4.0, 4.0]])


ARRAYS = {
    "an array": lambda a: a * 2,
    "the array itself": lambda a: a,
    "a view": lambda a: a[0],
    "a number": lambda a: a.max(),
    "a sum of numbers": lambda a: sum(v for v in a[0]),
    "a choice": lambda a: a > 0,
    "a choice of numbers": lambda a: a.max() > 2,
    "an index": lambda a: a.argmax(),
    "what was written": lambda a: np.put(b := a.copy(), 0, a.sum()) or b,
}


@pytest.mark.parametrize("name", ARRAYS)
def test_what_numpy_computes_is_an_output(name) -> None:
    graph, forward = forward_of(lambda x: ARRAYS[name](x.detach().numpy()), given())
    other = np.array([[0.5, 7.0], [-1.0, 0.0]], np.float32)
    found, wanted = forward(other.copy()), ARRAYS[name](other.copy())
    assert np.array_equal(found, wanted)
    assert np.asarray(found).dtype == np.asarray(wanted).dtype == graph.nodes[graph.outputs[0]].dtype


def test_the_gradient_is_that_of_the_first_output_also_among_arrays() -> None:
    graph = Graph.trace(lambda x: ((x * x).sum(), x.detach().numpy()), given())
    assert graph.backward().nodes[-1].shape == (2, 2)


def test_what_depends_on_nothing_is_a_constant_output() -> None:
    graph, forward = forward_of(lambda x: (x * 2, np.arange(3), np.float64(0.5)), given())
    _, places, half = forward(np.ones((2, 2), np.float32))
    assert (places.tolist(), float(half)) == ([0, 1, 2], 0.5)
    assert [graph.nodes[i].op for i in graph.outputs] == ["mul", "constant", "constant"]


def test_numbers_texts_and_what_holds_no_tensor_are_no_outputs() -> None:
    graph = Graph.trace(lambda x: (x * 2, 3, "text", None, len, nn.ReLU(), np.array(["text"]), {1}), given())
    assert len(graph.outputs) == 1


def test_what_is_read_and_returned_is_a_break() -> None:
    assert Graph.trace(lambda x: (x * 2, x.max().item()), given()).breaks


def test_what_holds_itself_is_looked_into_once() -> None:
    def function(x):
        answer = Answer(x * 2)
        answer.parts = [answer, x * 3]
        return answer

    assert len(Graph.trace(function, given()).outputs) == 2

    def of(answer):
        return answer.loss * 2

    whole = Answer(given())
    whole.parts = whole
    assert len(Graph.trace(of, whole).nodes) == 2


def _boxed(x) -> np.ndarray:
    boxes = np.empty(2, object)
    boxes[1] = x
    return boxes


LOST = {
    "a set": lambda x: {x},
    "a generator": lambda x: (x * i for i in range(2)),
    "an iterator": lambda x: iter([x]),
    "a map": lambda x: map(abs, [x]),
    "the values of a dict": lambda x: {"x": x}.values(),
    "a function that holds one": lambda x: lambda: x,
    "an object that computes": Computing,
    "a module": lambda x: nn.Linear(2, 2),
    "an array of objects": lambda x: _boxed(x),
    "an optimiser": lambda x: tg.optim.SGD([x]),
}


@pytest.mark.parametrize("name", LOST)
def test_what_a_graph_would_lose_is_refused(name) -> None:
    for function in (LOST[name], lambda x: (x * 2, {"also": LOST[name](x)})):
        with pytest.raises(ArgumentError, match=r"give a list|return the tensors"):
            Graph.trace(function, given())


@pytest.mark.parametrize(
    "name", ["a set", "a generator", "an iterator", "a map", "the values of a dict", "an array of objects"]
)
def test_what_is_given_so_is_refused_as_well(name) -> None:
    with pytest.raises(ArgumentError, match="give a list"):
        Graph.trace(lambda xs: sum(xs), LOST[name](given()))


def test_arrays_that_are_returned_are_plain_afterwards() -> None:
    kept = []

    def function(x):
        y = x * 2
        kept.append(y)
        return y, y.detach().numpy()

    Graph.trace(function, given())
    assert type(kept[0].array) is np.ndarray


def test_an_array_is_drawn_as_a_result() -> None:
    assert "argmax" in viz.draw(lambda x: x.detach().numpy().argmax(), given()).dot
