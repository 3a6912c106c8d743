"""What holds for all layers: derivatives in both modes, training, scopes, no derivative written by hand."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import tensorgrad as tg
from tensorgrad import nn
from tensorgrad.autograd import grad, jvp
from tensorgrad.errors import ShapeError
from tensorgrad.graph import Graph
from tensorgrad.graph.nodes import modules
from tests.nets import Net
from tests.peer import close, same_module, torch_

RNG = np.random.default_rng


@pytest.mark.parametrize(
    "layer",
    [nn.BatchNorm1d(4).double(), nn.BatchNorm1d(4).double().eval(), nn.Linear(4, 3).double(), nn.Dropout(0.5)],
    ids=["batchnorm", "batchnorm_eval", "linear", "dropout"],
)
def test_the_tangent_through_a_layer_is_the_adjoint_of_its_gradient(layer: nn.Module) -> None:
    x = tg.tensor(RNG(25).normal(size=(6, 4)), requires_grad=True)
    y = layer(x)
    tangent, cotangent = tg.tensor(RNG(26).normal(size=(6, 4))), tg.tensor(RNG(27).normal(size=y.shape))
    (forward,) = jvp(y, x, tangent)
    (backward,) = grad(y, x, cotangent)
    close((forward * cotangent).sum(), (backward * tangent).sum(), 1e-11)


@pytest.mark.parametrize("name", ["batchnorm", "batchnorm_eval", "cross_entropy", "mse", "linear", "tanh"])
def test_a_retained_graph_gives_every_seed_its_own_gradient(name: str) -> None:
    x = tg.tensor(RNG(28).normal(size=(5, 4)), requires_grad=True)
    y = {
        "batchnorm": lambda: nn.BatchNorm1d(4).double()(x),
        "batchnorm_eval": lambda: nn.BatchNorm1d(4).double().eval()(x),
        "cross_entropy": lambda: nn.CrossEntropyLoss()(x, tg.tensor([0, 1, 2, 3, 0])),
        "mse": lambda: nn.MSELoss()(x, tg.zeros(5, 4, dtype=tg.float64)),
        "linear": lambda: nn.Linear(4, 3).double()(x),
        "tanh": lambda: nn.Tanh()(x),
    }[name]()
    seeds = [RNG(k).normal(size=y.shape) for k in (29, 30)]
    one, two, both = (
        grad(y, x, tg.tensor(seed), retain_graph=True)[0].numpy() for seed in (seeds[0], seeds[1], seeds[0] + seeds[1])
    )
    assert not np.allclose(one, two)
    close(one + two, both)
    buffer = tg.tensor(seeds[0])
    (first,) = grad(y, x, buffer, retain_graph=True)
    buffer.copy_(seeds[1])
    (second,) = grad(y, x, buffer, retain_graph=True)
    close(first, one)
    close(second, two)
    (third,) = grad(y, x, tg.tensor(seeds[0]), create_graph=True)
    close(third, one)


@pytest.mark.parametrize("name", ["ReLU", "Sigmoid", "Tanh"])
def test_activations_are_pytorchs_to_1e_10_in_value_and_two_derivatives(name: str) -> None:
    same_module(lambda lib: getattr(lib, name)(), RNG(15).normal(size=(5, 4)) * 3)


def test_a_whole_model_trains_as_pytorchs_does() -> None:
    torch = torch_()

    def build(lib: Any) -> Any:
        return lib.Sequential(
            lib.Linear(4, 8), lib.BatchNorm1d(8), lib.ReLU(), lib.Linear(8, 8), lib.Tanh(), lib.Linear(8, 3)
        )

    ours, theirs = build(nn).double(), build(torch.nn).double()
    theirs.load_state_dict({k: torch.tensor(v.numpy()) for k, v in ours.state_dict().items()})
    a, target = RNG(16).normal(size=(20, 4)), RNG(17).integers(0, 3, 20)
    mine, other = tg.optim.Adam(ours.parameters(), lr=0.02), torch.optim.Adam(theirs.parameters(), lr=0.02)
    for _ in range(30):
        mine.zero_grad()
        other.zero_grad()
        loss = nn.CrossEntropyLoss()(ours(tg.tensor(a)), tg.tensor(target))
        wanted = torch.nn.CrossEntropyLoss()(theirs(torch.tensor(a)), torch.tensor(target))
        loss.backward()
        wanted.backward()
        mine.step()
        other.step()
    close(loss, wanted, 1e-8)
    for (name, v), w in zip(ours.state_dict().items(), theirs.state_dict().values(), strict=True):
        # a bias before batch normalisation has no gradient but rounding, which Adam blows up to full steps
        if name not in {"0.bias", "1.running_mean"}:
            close(v, w, 1e-6, 1e-8)


def test_recorded_nodes_carry_the_dotted_path_of_their_module() -> None:
    net = Net()
    graph = Graph.trace(net, tg.randn(4, 3))
    paths = [n.scope.path for n in graph.nodes if n.scope is not None]
    called = [modules(n.scope)[-1] for n in graph.nodes if n.scope is not None]
    assert [scope.path for scope in called] == paths
    assert set(paths) == {"fc1", "bn1", "inner.0", "inner.1.1", ""}
    assert list(dict.fromkeys(paths)) == ["fc1", "bn1", "inner.0", "inner.1.1", ""]
    kinds = {scope.path: scope.kind for scope in called}
    assert kinds == {"fc1": "Linear", "bn1": "BatchNorm1d", "inner.0": "ReLU", "inner.1.1": "Linear", "": "Net"}
    linear = next(scope for scope in called if scope.path == "inner.1.1")
    assert [scope.path for scope in modules(linear)] == ["", "inner", "inner.1", "inner.1.1"]
    assert linear.detail == "in_features=4, out_features=2, bias=True"
    assert linear.size == 4 * 2 + 2


def test_a_nested_sequential_is_named_by_its_positions() -> None:
    net = nn.Sequential(nn.Sequential(nn.Linear(2, 2), nn.ReLU()), nn.Tanh())
    called = [modules(n.scope)[-1] for n in Graph.trace(net, tg.randn(3, 2)).nodes if n.scope is not None]
    paths = {scope.kind: scope.path for scope in called}
    assert paths == {"Linear": "0.0", "ReLU": "0.1", "Tanh": "1"}


def test_scopes_are_recorded_in_training_too_and_end_with_an_exception() -> None:
    net = Net()
    y = net(tg.randn(4, 3))
    paths = {n.scope.path for n in Graph.of(y).nodes if n.scope is not None}
    assert {"fc1", "bn1", "inner.0", "inner.1.1", ""} <= paths
    with pytest.raises(ShapeError):
        net(tg.randn(4, 5))
    outside = tg.ones(2, requires_grad=True) * 2
    assert outside.grad_fn.scope is None


def test_two_calls_of_one_module_are_two_scopes() -> None:
    layer = nn.Linear(2, 2)
    net = nn.Sequential(layer, layer)
    graph = Graph.trace(net, tg.randn(3, 2))
    scopes = {scope for n in graph.nodes for scope in modules(n.scope) if scope.kind == "Linear"}
    assert len(scopes) == 2
    assert {scope.module for scope in scopes} == {layer}


HAND_WRITTEN = re.compile(
    r"\bdef\s+(backward|vjp|jvp)\b|\bautograd\.Function\b|\b(primitive|multilinear|elementwise)\s*\(|save_for_backward"
    r"|\.grad\s*\+=|ctx\b"
)


def derivatives_by_hand(text: str) -> list[str]:
    return [line for line in text.splitlines() if HAND_WRITTEN.search(line)]


def test_no_layer_has_a_derivative_written_by_hand() -> None:
    files = sorted(Path(nn.__file__).parent.rglob("*.py"))
    assert {"batchnorm.py", "normalization.py", "losses.py", "linear.py"} <= {f.name for f in files}
    files = [f for f in files if f.name != "callhooks.py"]  # which passes gradients to the functions of users
    found = {f.name: lines for f in files if (lines := derivatives_by_hand(f.read_text("utf-8")))}
    assert found == {}


@pytest.mark.parametrize(
    "text",
    [
        "    def backward(self, dout):",
        "@primitive((f,), (g,))",
        "def vjp(g):",
        "class F(autograd.Function):",
        "w.grad += dW",
    ],
)
def test_the_rule_finds_a_derivative_written_by_hand(text: str) -> None:
    assert derivatives_by_hand(text)
    assert not derivatives_by_hand("the backward pass of a primitive follows from its composition; p.grad = None")
