"""A trace holds every operation with its operands: its file is right on other inputs, or says where it is not."""

from __future__ import annotations

import copy
import inspect
import warnings

import numpy as np
import pytest

import tensorgrad as tg
from tensorgrad import nn
from tensorgrad.create.random import generator_of
from tensorgrad.engine.tracedarrays import is_traced
from tensorgrad.graph import Graph
from tests.fuzz.elsewhere import elsewhere

F = nn.functional
PROGRAMS, PART = 200, 50
TOLD = "# Read while tracing, and not followed"


def forward_of(graph: Graph):
    names: dict = {}
    exec(compile(graph.to_python(), "generated.py", "exec"), names)
    return lambda *arrays: names["forward"](*arrays)[0] if "backward" in names else names["forward"](*arrays)


def follows(function, traced, other) -> str:
    """Assert that the file of `function`, traced on some inputs, is right on others and knows no break; return it."""
    graph = Graph.trace(function, *traced)
    assert graph.breaks == ()
    wanted = function(*other)
    np.testing.assert_allclose(forward_of(graph)(*[x.array for x in other]), wanted.array, rtol=1e-5)
    return graph.to_python()


@pytest.mark.parametrize("first", range(0, PROGRAMS, PART))
def test_random_programs_are_right_on_other_inputs_or_tell_of_a_break(first: int) -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        found = [elsewhere(0, number) for number in range(first, first + PART)]
    wrong = [outcome.text for outcome in found if outcome.kind == "wrong"]
    assert not wrong, wrong[0]
    assert sum(outcome.kind == "same" for outcome in found) > PART // 2


@pytest.mark.parametrize("number", [1144, 1462])
def test_a_sweep_that_looks_again_takes_the_values_of_leaves_for_values(number: int) -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        assert elsewhere(0, number).kind == "told"


# --- raw computations

RAW = {
    "maximum": lambda x: x - float32(x.detach().numpy().max(1, keepdims=True)),
    "where": lambda x: x * float32(np.where(x.detach().numpy() > 0, 2.0, -1.0)),
    "methods": lambda x: x + float32(x.detach().numpy().clip(-1, 1).T.reshape(3, 2).sum(0, keepdims=True).T[:1]),
    "arithmetic": lambda x: x * float32(1 / (1 + np.exp(-x.detach().numpy()))),
    "order": lambda x: x[:, tg.tensor(np.argsort(x.detach().numpy()[0]))],
    "concatenation": lambda x: x @ tg.tensor(np.concatenate([x.detach().numpy(), x.detach().numpy()[:1]])),
    "several results": lambda x: x * tg.tensor(np.linalg.svd(x.detach().numpy(), full_matrices=False)[1][0]),
    "reduce": lambda x: x * tg.tensor(np.add.reduce(x.detach().numpy(), axis=0)),
    "scalars": lambda x: x * x.detach().numpy().max(),
    "written": lambda x: x * _written(x.detach().numpy()),
    "a view written": lambda x: x * _row_written(x.detach().numpy()),
}


def float32(array):
    return tg.tensor(array).float()


def _written(array):
    y = array * 1
    y[0] = array[1]
    y += 1
    np.put(y, 5, 7.0)
    return tg.tensor(y)


def _row_written(array):
    y = array.copy()
    y[1][1:] *= 10
    return tg.tensor(y)


@pytest.mark.parametrize("name", RAW)
def test_raw_numpy_code_is_recorded(name) -> None:
    tg.manual_seed(0)
    follows(RAW[name], [tg.randn(2, 3, requires_grad=True)], [tg.randn(2, 3, requires_grad=True) * 3])


def test_the_file_spells_numpy_as_it_was_called() -> None:
    source = Graph.trace(RAW["where"], tg.randn(2, 3)).to_python()
    assert "np.where(x > 0, 2.0, -1.0)" in source
    assert "x.max(1, keepdims=True)" in Graph.trace(RAW["maximum"], tg.randn(2, 3)).to_python()


def test_an_array_given_is_an_input_as_a_tensor_is() -> None:
    graph = Graph.trace(lambda x, a: x * tg.tensor(np.sqrt(a)), tg.ones(2), np.array([4.0, 9.0], np.float32))
    assert forward_of(graph)(np.ones(2, np.float32), np.array([1.0, 16.0], np.float32)).tolist() == [1.0, 4.0]


# --- what breaks a trace

MAGNITUDE = np.frompyfunc(abs, 1, 1)
READS = {
    "item": lambda x: x * x.sum().item(),
    "if": lambda x: x * 2 if x.sum() > 0 else x,
    "float": lambda x: x * float(x.max()),
    "int": lambda x: x.reshape(-1)[: int(x.abs().max()) + 1],
    "tolist": lambda x: x * tg.tensor(x.tolist()),
    "list of numbers": lambda x: x * tg.tensor([x.detach().max(), 1.0, 2.0]),
    "text": lambda x: x * len(f"{x.sum():.1f}"),
    "contains": lambda x: x * (2 if 1.5 in x else 3),
    "asarray": lambda x: x * tg.tensor(np.asarray(x.detach())),
    "a write to an array outside": lambda x: x * tg.tensor(_into_zeros(x.detach().numpy())),
    "an index of an array outside": lambda x: x * tg.tensor(np.arange(3.0)[x.detach().numpy().astype(int) * 0]),
    "out=": lambda x: x * tg.tensor(np.exp(x.detach().numpy(), out=np.empty((2, 3), np.float32))),
    "a mask": lambda x: x[x > 0],
    "nonzero": lambda x: x.reshape(-1)[x.reshape(-1).nonzero()[:, 0]],
    "a function that is not NumPy's": lambda x: x * tg.tensor(MAGNITUDE(x.detach().numpy()).astype(float)),
    "equal": lambda x: x * (2 if np.array_equal(x.detach().numpy(), [0]) else 3),
    "python's functions": lambda x: x * tg.tensor(np.apply_along_axis(lambda row: row * 2, 1, x.detach().numpy())),
}


def _into_zeros(array):
    y = np.zeros((2, 3), np.float32)
    y[0] = array[0]
    return y


@pytest.mark.parametrize("name", READS)
def test_what_cannot_be_followed_is_told_with_its_line(name) -> None:
    x = tg.tensor([[1.0, -2.0, 0.5], [3.0, 1.5, -1.0]])
    graph = Graph.trace(READS[name], x)
    assert graph.breaks, graph.text()
    assert {found.place[0].co_filename for found in graph.breaks} == {__file__}
    source = graph.to_python()
    assert TOLD in source
    assert "# test_graph_traced.py:" in source


def test_the_value_that_was_read_is_told() -> None:
    graph = Graph.trace(lambda x: x * x.max().item(), tg.tensor([1.0, 2.5]))
    (found,) = graph.breaks
    assert (found.value, found.inside) == ("2.5", "")
    assert "gave 2.5" in graph.to_python()


def test_a_choice_of_the_library_is_told_with_its_function_and_condition() -> None:
    (found,) = Graph.trace(F.one_hot, tg.tensor([0, 2])).breaks
    assert found.inside == "in the library's one_hot (num_classes = int(classes.max()) + 1)"


def test_a_test_that_only_raises_is_no_break() -> None:
    def checked(x):
        if (x.detach().numpy() < 0).any():
            raise ValueError("negative")
        assert x.sum() > 0
        return x.sqrt()

    follows(checked, [tg.ones(3)], [tg.ones(3) * 4])


def test_shapes_and_dtypes_are_no_breaks() -> None:
    def function(x):
        a = x.detach().numpy()
        known = a.shape == (2, 3) and len(a) == 2 and a.dtype == np.float32 and np.ndim(a) == 2 and a.size == 6
        return x * 2 if known and np.result_type(a, 1.0) == np.float32 else x

    follows(function, [tg.ones(2, 3)], [tg.ones(2, 3) * 3])


# --- closures, modules, writes


def test_a_tensor_of_a_closure_is_a_named_constant_of_the_file_and_what_is_computed_of_it_is_not() -> None:
    weight = tg.tensor([1.0, -3.0, 2.0])
    source = Graph.trace(lambda x: x - weight.detach().numpy().max(), tg.ones(3)).to_python()
    assert ".max()" in source
    assert "np.array([1.0, -3.0, 2.0], dtype=np.float32)" in source


def test_parameters_and_buffers_are_arguments_after_the_inputs() -> None:
    graph = Graph.trace(nn.BatchNorm1d(3).eval(), tg.randn(4, 3, requires_grad=True))
    names: dict = {}
    exec(graph.to_python(), names)
    assert list(inspect.signature(names["forward"]).parameters) == ["x", "γ", "β", "running_mean", "running_var"]


def test_arguments_stand_in_the_order_of_the_function_and_those_without_use_too() -> None:
    names: dict = {}
    xs = [tg.tensor(v, requires_grad=True) for v in (1.0, 2.0, 3.0, 4.0)]
    exec(Graph.trace(lambda a, b, c, *more: more[0] * c + a, *xs).to_python(), names)
    assert list(inspect.signature(names["forward"]).parameters) == ["a", "b", "c", "more_0"]
    assert names["backward"](np.ones(()), names["forward"](*[x.array for x in xs])[1]) == (1.0, 4.0, 3.0)


def test_tensors_in_lists_and_mappings_are_inputs() -> None:
    graph = Graph.trace(lambda pair, more: pair[0] * more["k"] - pair[1], [tg.ones(2), tg.ones(2)], {"k": tg.ones(2)})
    names: dict = {}
    exec(graph.to_python(), names)
    assert list(inspect.signature(names["forward"]).parameters) == ["pair_0", "pair_1", "more_k"]


def test_an_input_with_a_history_is_a_leaf_of_the_graph_and_keeps_its_history() -> None:
    w = tg.tensor([2.0], requires_grad=True)
    x = w * 3
    graph = Graph.trace(lambda x: x * x, x)
    assert [node.op for node in graph.nodes] == ["input", "mul"]
    (x * x).sum().backward()
    assert w.grad.tolist() == [36.0]


def test_writes_are_recorded_also_those_to_views_and_to_what_needs_no_gradient() -> None:
    def function(x):
        z = tg.zeros(2, 3)
        z[0] = x.detach()[0]
        z.mT[2] = 5.0
        z.diagonal().add_(1.0)
        return z * x

    follows(function, [tg.randn(2, 3)], [tg.randn(2, 3)])


def test_a_detached_operand_is_a_property_of_its_edge() -> None:
    graph = Graph.trace(lambda x: x * x.detach(), tg.ones(2, requires_grad=True))
    assert [operand.detached for operand in graph.nodes[-1].operands] == [False, True]
    assert [node.op for node in graph.nodes] == ["input", "mul"]


def test_an_index_is_an_operand_of_what_it_indexes() -> None:
    graph = Graph.trace(lambda x, i: x[i], tg.ones(3, 2, requires_grad=True), tg.tensor([0, 2]))
    last = graph.nodes[-1]
    assert [(operand.detached, operand.parameter) for operand in last.operands] == [(False, False), (True, True)]
    assert "getitem(x, index=i)" in graph.text()


# --- random numbers


@pytest.mark.parametrize(
    "function",
    [
        lambda x: F.dropout(x, 0.25),
        lambda x: x + tg.randn(4) * tg.rand(4),
        lambda x: F.dropout(F.dropout(x, 0.5), 0.5) * tg.bernoulli(tg.full((4,), 0.5)),
        lambda x: (tg.rand(3), x * tg.rand(4))[1],
        lambda x: tg.normal(x, 0.5) + tg.randint(5, (4,)),
        lambda x: F.alpha_dropout(x, 0.5, training=True),
        lambda x: F.gumbel_softmax(x, dim=0),
        lambda x: x[tg.randperm(4)],
    ],
)
def test_draws_are_operations_on_a_generator_that_is_given(function) -> None:
    graph = Graph.trace(function, tg.ones(4))
    assert graph.breaks == ()
    stream, x = copy.deepcopy(generator_of(None)), tg.tensor([1.0, 2.0, 3.0, 4.0])
    np.testing.assert_allclose(forward_of(graph)(x.array, stream), function(x).array, rtol=1e-6)


# --- what is left behind


def test_all_arrays_are_plain_afterwards_also_when_the_function_fails() -> None:
    layer, x, kept = nn.BatchNorm1d(3), tg.randn(4, 3, requires_grad=True), []
    everything = [x, *layer.parameters(), *layer.buffers()]

    def function(x):
        kept.extend([layer(x), x.detach().numpy() * 2])
        raise KeyError("stopped")

    before = [id(y.array) for y in everything]
    with pytest.raises(KeyError):
        Graph.trace(function, x)
    assert [id(y.array) for y in everything] == before
    assert type(kept[0].array) is np.ndarray
    assert is_traced(kept[1])  # a variable of the user's, which computes on as an array does
    assert type(kept[1] + 1) is np.ndarray
    assert kept[1].node is None


def test_a_trace_changes_no_value() -> None:
    x = tg.randn(5, 4, requires_grad=True)
    net = nn.Sequential(nn.Linear(4, 3), nn.LayerNorm(3), nn.Softmax(-1))
    seen = []
    Graph.trace(lambda x: seen.append(net(x)) or seen[0].log(), x)
    np.testing.assert_allclose(seen[0].array, net(x).array, rtol=1e-5, equal_nan=False)  # which is of fused forms


# --- gradients inside, and what depends on nothing that is given


def test_a_gradient_that_the_function_computes_is_part_of_the_trace() -> None:
    def slopes(x):
        return tg.autograd.grad((x**3).sum(), x)[0]

    def filled(x):
        leaf = (x * 2).detach().requires_grad_()
        (leaf**3).sum().backward()
        leaf.pow(2).sum().backward()
        return leaf.grad * 1

    for function in (slopes, filled):
        follows(function, [tg.randn(3, requires_grad=True)], [tg.randn(3, requires_grad=True)])


def test_the_gradients_of_parameters_that_a_traced_step_fills_are_plain_and_right() -> None:
    layer, x = nn.Linear(3, 2), tg.randn(4, 3)

    def step(x):
        layer.zero_grad()
        layer(x).pow(2).sum().backward()
        return layer.weight.grad * 1

    graph = Graph.trace(step, x)
    assert graph.breaks == ()
    assert type(layer.weight.grad.array) is np.ndarray
    found = forward_of(graph)(x.array, layer.weight.array, layer.bias.array)
    np.testing.assert_allclose(found, step(x).array, rtol=1e-5)


def test_what_is_read_of_a_constant_is_no_break() -> None:
    follows(lambda x: x * tg.tensor([2.0, 3.0]).max().item(), [tg.ones(2)], [tg.ones(2) * 4])
    follows(lambda x: x[tg.tensor([True, False])], [tg.ones(2)], [tg.ones(2) * 4])
    assert Graph.trace(lambda x: x * tg.rand(2).max().item(), tg.ones(2)).breaks
