"""Lazy modules: parameters without a shape, the first call, states."""

from __future__ import annotations

import copy
from typing import Any

import numpy as np
import pytest

import tensorgrad as tg
from tensorgrad import nn
from tensorgrad.graph import Graph
from tensorgrad.graph.nodes import modules
from tests.peer import close, torch_

RNG = np.random.default_rng


def net(lib: Any) -> Any:
    return lib.Sequential(lib.LazyLinear(4), lib.ReLU(), lib.LazyLinear(2, bias=False))


def test_the_first_call_gives_a_lazy_linear_its_shape_and_its_class() -> None:
    layer = nn.LazyLinear(3)
    weight = layer.weight
    assert isinstance(weight, nn.UninitializedParameter)
    assert repr(weight) == "<UninitializedParameter>"
    y = layer(tg.ones(5, 2))
    assert type(layer) is nn.Linear
    assert y.shape == (5, 3)
    assert layer.weight is weight
    assert type(weight) is nn.Parameter
    assert (weight.shape, layer.bias.shape, layer.in_features) == ((3, 2), (3,), 2)
    bound = 1 / np.sqrt(2)
    assert np.abs(weight.detach().numpy()).max() <= bound
    assert set(vars(layer)) == set(vars(nn.Linear(2, 3)))
    with pytest.raises(RuntimeError, match="mat1 and mat2 shapes cannot be multiplied"):
        layer(tg.ones(5, 3))


def test_a_lazy_layer_starts_as_a_linear_of_the_same_generator_does() -> None:
    lazy = nn.LazyLinear(3, generator=tg.Generator().manual_seed(1))
    lazy(tg.ones(1, 4))
    other = nn.Linear(4, 3, generator=tg.Generator().manual_seed(1))
    for name, value in other.state_dict().items():
        np.testing.assert_array_equal(lazy.state_dict()[name].numpy(), value.numpy())


def test_an_optimiser_made_before_the_first_call_trains_the_parameters() -> None:
    model = net(nn)
    optimiser = tg.optim.SGD(model.parameters(), lr=0.1)
    model(tg.ones(5, 3)).sum().backward()
    before = [p.detach().numpy().copy() for p in model.parameters()]
    optimiser.step()
    assert [tuple(p.shape) for p in model.parameters()] == [(4, 3), (4,), (2, 4)]
    assert any((p.detach().numpy() != b).any() for p, b in zip(model.parameters(), before, strict=True))


@pytest.mark.parametrize(
    "use",
    [
        lambda p: p + 1, lambda p: p.numel(), lambda p: p.detach(), lambda p: nn.init.zeros_(p),
        lambda p: sum(q.numel() for q in [p]), lambda p: tg.nn.functional.linear(tg.ones(1, 1), p),
    ],
)  # fmt: skip
def test_a_parameter_without_shape_cannot_be_used(use: Any) -> None:
    for p in (nn.UninitializedParameter(), nn.UninitializedBuffer()):
        with pytest.raises(ValueError, match=r"Attempted to use an uninitialized parameter.*Call the module"):
            use(p)
        with pytest.raises(RuntimeError, match="Can't access the shape of an uninitialized parameter"):
            _ = p.shape


def test_a_parameter_without_shape_has_a_dtype_and_is_copied_as_such() -> None:
    model = net(nn).double()
    twin = copy.deepcopy(model)
    assert [p.dtype for p in twin.parameters()] == [tg.float64] * 3
    assert not {id(p) for p in twin.parameters()} & {id(p) for p in model.parameters()}
    twin(tg.ones(1, 7, dtype=tg.float64))
    assert {p.dtype for p in twin.parameters()} == {tg.float64}
    assert [p.requires_grad for p in twin.parameters()] == [True] * 3
    assert model[0].has_uninitialized_params()
    buffer = copy.deepcopy(nn.UninitializedBuffer(persistent=False))
    buffer.materialize((2,), dtype=tg.float64)
    assert (type(buffer), buffer.persistent, buffer.dtype, buffer.shape) == (nn.Buffer, False, tg.float64, (2,))


def test_a_state_gives_a_lazy_module_its_shapes_and_stays_at_the_first_call() -> None:
    model, source = net(nn), net(nn)
    source(tg.ones(1, 3))
    assert model.load_state_dict(source.state_dict()) == ([], [])
    assert type(model[0]) is nn.LazyLinear
    x = tg.randn(4, 3)
    close(model(x), source(x))
    assert repr(model) == repr(source)
    empty = net(nn).state_dict()
    assert list(empty) == ["0.weight", "0.bias", "2.weight"]
    assert net(nn).load_state_dict(empty) == ([], [])
    with pytest.raises(RuntimeError, match="uninitialized parameter"):
        source.load_state_dict(empty)


def test_a_lazy_module_that_leaves_a_parameter_without_shape_is_refused() -> None:
    class Forgetful(nn.LazyModuleMixin, nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.w = nn.UninitializedParameter()

        def initialize_parameters(self, *args: Any) -> None:
            pass

    with pytest.raises(RuntimeError, match="module Forgetful has not been fully initialized"):
        Forgetful()(1)
    with pytest.raises(NotImplementedError, match="initialize_parameters is not implemented for LazyModuleMixin"):
        nn.LazyModuleMixin()(1)
    with pytest.raises(ValueError, match=r"shape \(\.\.\., in_features\)"):
        nn.LazyLinear(2)(tg.tensor(1.0))


def test_a_lazy_module_of_the_user_keeps_its_class_without_another() -> None:
    class Scale(nn.LazyModuleMixin, nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.w = nn.UninitializedParameter()
            self.register_buffer("seen", nn.UninitializedBuffer())

        def initialize_parameters(self, x: tg.Tensor) -> None:
            for held in (self.w, self.seen):
                held.materialize(x.shape[-1:])
            nn.init.ones_(self.w)

        def forward(self, x: tg.Tensor) -> tg.Tensor:
            return x * self.w

    layer = Scale()
    assert layer(tg.ones(2, 3)).tolist() == [[1.0] * 3] * 2
    assert type(layer) is Scale
    assert type(layer.seen) is nn.Buffer
    assert layer(tg.ones(2, 3)).shape == (2, 3)


def test_the_first_call_is_drawn_as_the_layer_that_the_module_has_become() -> None:
    model = net(nn)
    kinds = [modules(n.scope)[-1].kind for n in Graph.trace(model, tg.ones(2, 3)).nodes if n.scope is not None]
    assert set(kinds) == {"Linear", "ReLU"}


@pytest.mark.filterwarnings("ignore:Lazy modules are a new feature")
def test_lazy_modules_look_as_pytorchs_do_before_and_after() -> None:
    torch = torch_()
    ours, theirs = net(nn), net(torch.nn)
    for shape in (None, (5, 3), (5, 3)):
        if shape:
            ours(tg.ones(*shape))
            theirs(torch.ones(*shape))
        assert repr(ours) == repr(theirs)
        assert list(ours.state_dict()) == list(theirs.state_dict())
        assert [type(p).__name__ for p in ours.parameters()] == [type(p).__name__ for p in theirs.parameters()]
    a = RNG(1).normal(size=(4, 3))
    theirs.double().load_state_dict({k: torch.tensor(v.numpy()) for k, v in ours.double().state_dict().items()})
    close(ours(tg.tensor(a)), theirs(torch.tensor(a)))
