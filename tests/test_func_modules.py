"""tensorgrad.func of modules: functional_call, and derivatives by parameters."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

import tensorgrad as tg
from tensorgrad import nn
from tensorgrad.errors import AutogradError, ShapeError
from tensorgrad.func import vmap
from tensorgrad.func.modules import functional_call, stack_module_state
from tests.doubles import close, values


class Tied(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.first = nn.Linear(2, 2, bias=False)
        self.second = nn.Linear(2, 2, bias=False)
        self.second.weight = self.first.weight

    def forward(self, x: tg.Tensor) -> tg.Tensor:
        return self.second(self.first(x))


def test_tied_weights_are_replaced_under_all_their_names():
    net, w, x = Tied(), tg.tensor([[0.0, 1.0], [2.0, 0.0]]), tg.tensor([1.0, 3.0])
    close(functional_call(net, {"first.weight": w}, x), values(w) @ (values(w) @ values(x)))
    own = values(net.first.weight)
    close(functional_call(net, {"first.weight": w}, x, tie_weights=False), own @ (values(w) @ values(x)), rtol=1e-6)
    with pytest.raises(AutogradError, match="tied weights that are different"):
        functional_call(net, {"first.weight": w, "second.weight": w * 2}, x)


def test_a_module_is_the_same_again_afterwards():
    net = nn.Sequential(nn.Linear(2, 2), nn.BatchNorm1d(2)).eval()
    before = dict(net.named_parameters()) | dict(net.named_buffers())
    with pytest.raises(ShapeError):
        functional_call(net, {"1.weight": tg.ones(2), "0.weight": tg.ones(2, 3)}, tg.ones(4, 2))
    functional_call(net, [{"1.weight": tg.ones(2) * 5}, {"1.running_mean": tg.ones(2)}], (tg.ones(4, 2),))
    after = dict(net.named_parameters()) | dict(net.named_buffers())
    assert list(before) == list(after)
    assert all(before[name] is after[name] for name in before)


def test_an_ensemble_is_the_stack_of_its_models():
    models = [nn.Sequential(nn.Linear(3, 4), nn.BatchNorm1d(4), nn.ReLU()).eval() for _ in range(3)]
    parameters, buffers = stack_module_state(models)
    assert all(p.requires_grad and p.is_leaf for p in parameters.values())
    assert not any(b.requires_grad for b in buffers.values())
    x = tg.randn(5, 3)

    def call(p: Any, b: Any, x: tg.Tensor) -> tg.Tensor:
        return functional_call(models[0], (p, b), x)

    found = vmap(call, in_dims=(0, 0, None))(parameters, buffers, x)
    close(found, np.stack([values(model(x)) for model in models]), rtol=1e-6, atol=1e-6)
    found.sum().backward()
    for name, p in parameters.items():
        for model in models:
            model.zero_grad()
            model(x).sum().backward()
        wanted = np.stack([values(dict(model.named_parameters())[name].grad) for model in models])
        close(p.grad, wanted, rtol=1e-5, atol=1e-6)
