"""Pruning: PyTorch's masks, in one step and in several; what is masked is 0 and stays so."""

from __future__ import annotations

import copy
from typing import Any

import numpy as np
import pytest
from hypothesis import given, strategies as st

import tensorgrad as tg
from tensorgrad import nn
from tensorgrad.errors import ArgumentError, ShapeError
from tensorgrad.nn.utils import prune
from tests.peer import close, torch_

R = np.random.default_rng(19)
WEIGHT = R.normal(size=(4, 6))


def layer_of(lib: Any) -> Any:
    layer = lib.nn.Linear(6, 4).double()
    layer.weight.data, layer.bias.data = lib.tensor(WEIGHT), lib.tensor(WEIGHT[:, 0])
    return layer


def module_of(lib: Any) -> Any:
    return prune if lib is tg else pytest.importorskip("torch.nn.utils.prune", reason="PyTorch is not installed")


STEPS: dict[str, Any] = {
    "magnitudes": lambda p, lib, m: p.l1_unstructured(m, "weight", 0.3),
    "a number": lambda p, lib, m: p.l1_unstructured(m, "weight", 5),
    "scores": lambda p, lib, m: p.l1_unstructured(m, "weight", 3, importance_scores=lib.tensor(WEIGHT[::-1].copy())),
    "rows": lambda p, lib, m: p.ln_structured(m, "weight", 1, 2, 0),
    "columns": lambda p, lib, m: p.ln_structured(m, "weight", 0.3, float("inf"), -1),
    "mask": lambda p, lib, m: p.custom_from_mask(m, "weight", lib.tensor((WEIGHT > -0.5).astype(float))),
    "nothing": lambda p, lib, m: p.identity(m, "weight"),
}


@pytest.mark.parametrize("second", [None, *STEPS])
@pytest.mark.parametrize("first", STEPS)
def test_what_is_pruned_is_what_pytorch_prunes(first: str, second: str | None) -> None:
    held = []
    for lib in (tg, torch_()):
        layer = layer_of(lib)
        for step in (first, second):
            if step is not None:
                STEPS[step](module_of(lib), lib, layer)
        held.append(layer)
    ours, theirs = held
    assert list(ours.state_dict()) == list(theirs.state_dict())
    for name, value in theirs.state_dict().items():
        close(ours.state_dict()[name], value)
    close(ours.weight, theirs.weight)
    parameter = ours.weight_orig
    assert prune.is_pruned(nn.Sequential(ours))
    assert prune.remove(ours, "weight") is ours
    module_of(torch_()).remove(theirs, "weight")
    assert ours.weight is parameter
    assert not prune.is_pruned(ours)
    assert list(ours.state_dict()) == list(theirs.state_dict())
    close(ours.weight, theirs.weight)


@pytest.mark.parametrize("amount", [7, 0.4])
def test_several_layers_are_pruned_together_as_by_pytorch(amount: Any) -> None:
    results = []
    for lib in (tg, torch_()):
        layers = [layer_of(lib), layer_of(lib)]
        layers[1].weight.data = lib.tensor(WEIGHT[::-1] * 0.7)
        pairs = [(layer, "weight") for layer in layers]
        for _ in range(2):
            module_of(lib).global_unstructured(pairs, module_of(lib).L1Unstructured, amount=amount)
        results.append(layers)
    for a, b in zip(*results, strict=True):
        close(a.weight, b.weight)
    with pytest.raises(ArgumentError, match='Only "unstructured"'):
        prune.global_unstructured([(layer_of(tg), "weight")], prune.LnStructured, amount=1, n=2)


@given(st.integers(0, 24), st.integers(0, 5))
def test_as_many_are_pruned_as_are_asked_for(count: int, seed: int) -> None:
    tg.manual_seed(seed)
    for method in (prune.random_unstructured, prune.l1_unstructured):
        layer = method(layer_of(tg), "weight", count)
        assert int((layer.weight_mask == 0).sum().item()) == count
        assert ((layer.weight == 0) == (layer.weight_mask == 0)).all()
    layer = prune.random_structured(layer_of(tg), "weight", count % 5, 0)
    assert int((layer.weight_mask.sum(1) == 0).sum().item()) == count % 5


def test_what_is_pruned_stays_so_while_the_rest_is_trained() -> None:
    layer = prune.l1_unstructured(layer_of(tg), "weight", 0.5)
    sgd, mask = tg.optim.SGD(layer.parameters(), lr=0.1), layer.weight_mask.numpy() != 0
    twin = copy.deepcopy(layer)
    layer(tg.ones(2, 6, dtype=tg.float64)).sum().backward()
    assert ((layer.weight_orig.grad.numpy() != 0) == mask).all()
    sgd.step()
    layer(tg.ones(2, 6, dtype=tg.float64))
    assert ((layer.weight.detach().numpy() != 0) == mask).all()
    assert (layer.weight.detach().numpy()[mask] != WEIGHT[mask]).all()
    twin(tg.ones(2, 6, dtype=tg.float64))
    close(twin.weight, WEIGHT * mask)


def test_a_method_of_ones_own_and_a_tensor_without_a_module() -> None:
    class EveryOther(prune.BasePruningMethod):
        def compute_mask(self, t: tg.Tensor, default_mask: tg.Tensor) -> tg.Tensor:  # noqa: ARG002 - not asked for
            mask = default_mask.clone()
            mask.view(-1)[::2] = 0
            return mask

    layer = layer_of(tg)
    EveryOther.apply(layer, "weight")
    assert (layer.weight.view(-1)[::2] == 0).all()
    assert (layer.weight.view(-1)[1::2] != 0).all()
    assert prune.L1Unstructured(1).prune(tg.tensor([3.0, -1.0, 2.0])).tolist() == [3, 0, 2]
    with pytest.raises(NotImplementedError):
        prune.BasePruningMethod.apply(layer_of(tg), "weight")


def test_what_does_not_fit_is_refused() -> None:
    for amount in (-1, 1.5, -0.1):
        with pytest.raises(ValueError, match=r"range \[0.0, 1.0\]"):
            prune.l1_unstructured(layer_of(tg), "weight", amount)
    with pytest.raises(ValueError, match="amount=25 should be smaller"):
        prune.l1_unstructured(layer_of(tg), "weight", 25)
    with pytest.raises(ShapeError, match="same shape as parameter weight"):
        prune.l1_unstructured(layer_of(tg), "weight", 1, importance_scores=tg.ones(3))
    with pytest.raises(ShapeError, match="the mask has shape"):
        prune.custom_from_mask(layer_of(tg), "weight", tg.ones(3))
    with pytest.raises(ShapeError, match="two axes or more"):
        prune.ln_structured(layer_of(tg), "bias", 1, 2, 0)
    with pytest.raises(ArgumentError, match="has to be pruned before"):
        prune.remove(layer_of(tg), "weight")
