"""Public functions that are made of operations are scopes of a trace, as modules are; eager programs know none."""

from __future__ import annotations

import gc
import sys
import weakref

import numpy as np
import pytest

import tensorgrad as tg
from tensorgrad import nn, viz
from tensorgrad.base.callsite import here
from tensorgrad.engine.calls import Calls
from tensorgrad.graph import FunctionScope, Graph
from tensorgrad.graph.nodes import modules, upward
from tensorgrad.utils.checkpoint import checkpoint

F = nn.functional


def given() -> tg.Tensor:
    return tg.tensor([[1.0, -2.0, 0.5], [3.0, 4.0, -1.0]], requires_grad=True)


def chains(function, *inputs, backward: bool = False) -> list[str]:
    """Return the kinds of the scopes around each operation that `function` records, outermost first."""
    graph = Graph.trace(function, *(inputs or (given(),)))
    graph = graph.backward() if backward else graph
    return ["/".join(s.kind for s in upward(n.scope)) for n in graph.nodes if not n.is_leaf]


def calls(function, *inputs) -> list[str]:
    """Return the kind of every call of a function, in order."""
    scopes = [s for n in Graph.trace(function, *(inputs or (given(),))).nodes for s in upward(n.scope)]
    return [s.kind for s in dict.fromkeys(scopes) if isinstance(s, FunctionScope)]


FUNCTIONS = {
    "softmax": lambda x: tg.softmax(x, 1),
    "log_softmax": lambda x: F.log_softmax(x, 1),
    "cross_entropy": lambda x: F.cross_entropy(x, tg.tensor([0, 2])),
    "gelu": F.gelu,
    "std": lambda x: x.std(1),
    "logsumexp": lambda x: x.logsumexp(1),
    "layer_norm": lambda x: F.layer_norm(x, (3,)),
    "scaled_dot_product_attention": lambda x: F.scaled_dot_product_attention(x, x, x),
    "cov": tg.cov,
}


@pytest.mark.parametrize("name", FUNCTIONS)
def test_what_a_function_records_is_in_its_scope(name) -> None:
    found = chains(lambda x: FUNCTIONS[name](x * 2) + 1)
    assert found[0] == found[-1] == ""
    assert len(found) > 3
    assert {chain.partition("/")[0] for chain in found[1:-1]} == {name}
    assert Graph.trace(FUNCTIONS[name], given()).nodes[-1].scope.kind == name


def test_a_method_and_a_function_are_one_and_what_writes_is_it_too() -> None:
    assert chains(lambda x: x.softmax(0)) == chains(lambda x: tg.softmax(x, 0)) == chains(lambda x: F.softmax(x, 0))
    assert "square" in chains(lambda x: (x * 2).square_())


def test_every_call_is_a_scope_of_its_own() -> None:
    def function(x):
        for _ in range(2):
            x = x.softmax(0)
        return x.softmax(0) + x.softmax(1)

    assert calls(function) == ["softmax"] * 4
    assert calls(lambda x: tg.softmax(tg.softmax(x, 0), 0)) == ["softmax"] * 2


def test_a_function_in_a_function_is_a_scope_in_its_scope() -> None:
    loss = F.triplet_margin_with_distance_loss
    found = chains(lambda x: loss(x, x + 1, x * 2, distance_function=lambda a, b: (a - b).softmax(1).sum(1)))
    assert found.count("triplet_margin_with_distance_loss/softmax") == 2 * 5
    assert "triplet_margin_with_distance_loss/sum" in found
    assert "triplet_margin_with_distance_loss" in found


def test_functions_and_modules_hold_one_another() -> None:
    class Model(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.inner = nn.Softmax(1)

        def forward(self, x):
            return F.triplet_margin_with_distance_loss(x, x + 1, x * 2, distance_function=self.apart).std(0)

        def apart(self, a, b):
            return self.inner(a - b).softmax(0)

    model = Model()
    graph = Graph.trace(model, given())
    inner = next(s for n in graph.nodes for s in modules(n.scope) if s.kind == "Softmax")
    assert [s.kind for s in upward(inner)] == ["Model", "triplet_margin_with_distance_loss", "Softmax"]
    assert [s.kind for s in modules(inner)] == ["Model", "Softmax"]
    assert inner.path == "inner"
    around = next(s for s in upward(inner) if isinstance(s, FunctionScope))
    assert (around.path, around.module, around.size, around.detail) == ("", None, 0, "")
    assert graph.nodes[-1].scope.kind == "std"
    assert [s.kind for s in upward(graph.nodes[-1].scope)] == ["Model", "std"]
    assert "Model/triplet_margin_with_distance_loss/Softmax/softmax" in chains(model)
    assert "Model/triplet_margin_with_distance_loss/softmax" in chains(model)


def test_code_of_numpy_in_a_function_is_in_its_scope_and_that_of_the_user_in_none() -> None:
    graph = Graph.trace(lambda x: F.cross_entropy(x, tg.tensor([0, 2])), given())
    assert {n.scope.kind for n in graph.nodes if n.op == "amax"} == {"cross_entropy"}
    assert chains(lambda x: x.detach().numpy().max(0) + np.exp(np.linalg.norm(x.detach().numpy()))) == [""] * 4


def test_what_only_a_rule_calls_is_no_scope() -> None:
    def only_forward(x):
        (g,) = tg.autograd.grad(x.std(0).prod() + tg.cumprod(x, 1)[1, 2], x, create_graph=True)
        return g * 2

    found = chains(only_forward)
    assert {chain.partition("/")[0] for chain in found} == {"", "std", "prod", "cumprod"}
    back = Graph.trace(lambda x: F.cross_entropy(x.std(0, keepdim=True), tg.tensor([0])), given()).backward()
    assert {node.scope for node in back.nodes if node.order} == {None}


def test_what_the_users_own_rule_calls_is_one() -> None:
    x = given()

    def function(x):
        y = x * 2
        y.register_hook(lambda g: g.softmax(0))
        (g,) = tg.autograd.grad(y.sum(), x, create_graph=True)
        return g

    assert "softmax" in chains(function, x)


def test_what_runs_a_second_time_for_a_checkpoint_does_not_fail() -> None:
    layer = nn.Sequential(nn.Linear(3, 3), nn.Softmax(1))

    def function(x):
        (g,) = tg.autograd.grad(checkpoint(layer, x, use_reentrant=False).std(), x)
        return g

    assert Graph.trace(function, given()).nodes


def test_a_trace_in_a_module_ends_at_the_traced_function() -> None:
    class Outer(nn.Module):
        def forward(self, x):
            return Graph.trace(lambda x: x.softmax(0), x)

    found = {tuple(s.kind for s in upward(n.scope)) for n in Outer()(given()).nodes if not n.is_leaf}
    assert found == {("Outer", "softmax")}


def test_an_eager_program_has_no_scopes_of_functions() -> None:
    assert {node.scope for node in Graph.of(given().softmax(0).std()).nodes} == {None}


def test_a_trace_holds_no_frame_afterwards() -> None:
    class Kept:
        pass

    found = []

    def function(x):
        kept = Kept()
        found.append(weakref.ref(kept))
        return x.softmax(0)

    graph = Graph.trace(function, given())
    gc.collect()
    assert found[0]() is None
    assert graph.nodes[-1].scope.kind == "softmax"


def test_the_text_has_a_line_above_a_function_and_none_above_one_operation() -> None:
    text = Graph.trace(lambda x: x.softmax(1).mean(), given()).text().splitlines()
    assert [line for line in text if "#" in line] == ["# softmax"]
    assert text[2].startswith("  ")
    assert text[-2].startswith("out: float32[] = mean(")
    assert "# layer_norm" not in Graph.trace(nn.LayerNorm(3), given()).text()


def test_a_drawing_frames_modules() -> None:
    dot = viz.draw(nn.Sequential(nn.Linear(3, 3), nn.LayerNorm(3)), given()).dot
    assert "LayerNorm" in dot
    assert "layer_norm" not in dot


class Halved(nn.Module):
    def forward(self, x: tg.Tensor) -> tg.Tensor:
        y = x / 2
        return y.softmax(1)


def doubled(x: tg.Tensor) -> tg.Tensor:
    y = x + x
    return F.normalize(y) * 2


PLACES = {
    "lines of the user's": lambda x: (x * 2).exp(),
    "the library alone": nn.Sequential(nn.Linear(3, 4), nn.Sequential(nn.BatchNorm1d(4), nn.Softmax(1))),
    "a module of the user's in the library's": nn.Sequential(nn.Linear(3, 3), Halved(), nn.Softmax(1)),
    "a function called by its name": lambda x: doubled(doubled(x)) + F.gelu(x),
    "called by the library": lambda x: checkpoint(doubled, x) + tg.func.grad(lambda x: doubled(x).sum())(x),
    "a backward pass": lambda x: tg.autograd.grad(F.cross_entropy(doubled(x), tg.tensor([0, 2])), x, create_graph=True),
    "NumPy's": lambda x: (x * np.float32(2), np.sort(np.exp(x.detach().numpy()), axis=0)),
}


@pytest.mark.parametrize("functions", [(), ("doubled",)])
@pytest.mark.parametrize("name", PLACES)
def test_places_are_those_that_the_stack_has(name: str, functions: tuple[str, ...], monkeypatch) -> None:
    pairs, around = [], Calls.around

    def seen(self: Calls, scope):
        found = around(self, scope)
        pairs.append((found[1], here(frame=sys._getframe(1))))
        return found

    monkeypatch.setattr(Calls, "around", seen)
    Graph.trace(PLACES[name], given(), functions=functions)
    assert len(pairs) > 1
    assert all(found == there for found, there in pairs)
