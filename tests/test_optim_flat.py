"""Small parameters share a flat array, and nobody can tell: the numbers, the memory, the refusals are as without."""

from __future__ import annotations

import copy
import gc
import weakref
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from hypothesis import given, strategies as st

import tensorgrad as tg
from tensorgrad import nn, optim
from tensorgrad.errors import InPlaceError
from tensorgrad.optim import flat as flat_memory

RNG = np.random.default_rng
CHOICES: list[tuple[str, dict[str, Any]]] = [
    ("SGD", {"lr": 0.1}),
    ("SGD", {"lr": 0.1, "momentum": 0.9, "nesterov": True, "weight_decay": 0.1}),
    ("SGD", {"lr": 0.1, "momentum": 0.9, "dampening": 0.5, "maximize": True}),
    ("SGD", {"lr": 0.1, "momentum": 0.9, "convention": "book"}),
    ("Adagrad", {"lr": 0.1, "lr_decay": 0.1}),
    ("Adadelta", {"weight_decay": 0.1}),
    ("RMSprop", {"momentum": 0.9, "centered": True}),
    ("Adam", {"lr": 0.1, "amsgrad": True, "weight_decay": 0.1}),
    ("Adam", {"lr": 0.1, "convention": "book"}),
    ("AdamW", {"lr": 0.1, "maximize": True}),
    ("NAdam", {"lr": 0.1}),
    ("RAdam", {"lr": 0.1, "betas": (0.9, 0.9)}),
    ("Adamax", {"lr": 0.1}),
    ("ASGD", {"lr": 0.1, "t0": 2}),
    ("Rprop", {"lr": 0.1}),
]
SHAPES = st.lists(st.lists(st.integers(0, 3), max_size=3).map(tuple), min_size=1, max_size=5)


def parameters(shapes: Any, dtype: str = "float64") -> list[tg.Tensor]:
    return [tg.tensor(RNG(i).normal(size=s), dtype=dtype, requires_grad=True) for i, s in enumerate(shapes)]


def flats(optimizer: Any) -> list[flat_memory.Flat]:
    return [flat for plan in optimizer._plans.values() for flat in plan.flats]


def give_gradients(params: list[tg.Tensor], present: list[bool], seed: int) -> None:
    for i, (p, here) in enumerate(zip(params, present, strict=True)):
        g = RNG((seed, i)).normal(size=p.shape)
        p.grad = tg.tensor(g, dtype=p.dtype) if here else None


@pytest.fixture
def apart(monkeypatch: pytest.MonkeyPatch) -> Callable[[], None]:
    """A switch that forbids flat arrays."""
    return lambda: monkeypatch.setattr(flat_memory, "SMALL", -1)


@pytest.mark.parametrize("choice", CHOICES, ids=str)
@given(data=st.data())
def test_together_is_one_by_one_bit_for_bit(choice: tuple[str, dict[str, Any]], data: st.DataObject) -> None:
    name, settings = choice
    shapes = data.draw(SHAPES)
    dtype = data.draw(st.sampled_from(["float64", "float32"]))
    present = st.lists(st.booleans(), min_size=len(shapes), max_size=len(shapes))
    pattern = data.draw(st.lists(st.just([True] * len(shapes)) | present, min_size=1, max_size=9))
    together, alone = parameters(shapes, dtype), parameters(shapes, dtype)
    first = getattr(optim, name)(together, **settings)
    others = [getattr(optim, name)([p], **settings) for p in alone]
    for k, here in enumerate(pattern):
        give_gradients(together, here, k)
        give_gradients(alone, here, k)
        first.step()
        for other in others:
            other.step()
    if len(shapes) > 1 and all(map(all, pattern)):
        assert [len(flat.members) for flat in flats(first)] == [len(shapes)]
    assert not any(flats(other) for other in others)
    for p, q, other in zip(together, alone, others, strict=True):
        np.testing.assert_array_equal(p.detach().numpy(), q.detach().numpy(), strict=True)
        assert first.state[p].keys() == other.state[q].keys()
        for key, value in other.state[q].items():
            found = first.state[p][key]
            np.testing.assert_array_equal(getattr(found, "array", found), getattr(value, "array", value))


@pytest.mark.parametrize("choice", [c for c in CHOICES if "maximize" not in c[1]], ids=str)
@given(seed=st.integers(0, 100), shapes=SHAPES)
def test_maximize_is_a_negated_gradient(choice: tuple[str, dict[str, Any]], seed: int, shapes: Any) -> None:
    name, settings = choice
    ends = []
    for sign in (1, -1):
        params = parameters(shapes)
        optimizer = getattr(optim, name)(params, **settings, maximize=sign < 0)
        for k in range(4):
            give_gradients(params, [True] * len(shapes), seed + k)
            for p in params:
                p.grad = p.grad * sign
            optimizer.step()
        ends.append([p.tolist() for p in params])
    assert ends[0] == ends[1]


@given(shapes=SHAPES, momentum=st.sampled_from([0, 0.9]))
def test_a_zero_gradient_moves_nothing(shapes: Any, momentum: float) -> None:
    params = parameters(shapes)
    before = [p.tolist() for p in params]
    optimizer = optim.SGD(params, lr=0.5, momentum=momentum)
    for _ in range(3):
        for p in params:
            p.grad = tg.zeros_like(p)
        optimizer.step()
    assert [p.tolist() for p in params] == before


def trained(steps: int = 3, **settings: Any) -> tuple[nn.Sequential, Any]:
    tg.manual_seed(3)
    net = nn.Sequential(nn.Linear(3, 4), nn.Tanh(), nn.Linear(4, 2))
    optimizer = optim.Adam(net.parameters(), lr=0.1, **settings)
    for _ in range(steps):
        train(net, optimizer)
    return net, optimizer


def train(net: Any, optimizer: Any, x: float = 1.0) -> float:
    optimizer.zero_grad()
    loss = (net(tg.full((5, 3), x)) ** 2).sum()
    loss.backward()
    optimizer.step()
    return loss.item()


def test_a_network_trains_the_same_with_its_memory_moved(apart: Any) -> None:
    net, optimizer = trained()
    assert [len(flat.members) for flat in flats(optimizer)] == [4]
    losses = [train(net, optimizer) for _ in range(5)]
    apart()
    net, optimizer = trained()
    assert not flats(optimizer)
    assert [train(net, optimizer) for _ in range(5)] == losses


def test_a_moved_parameter_is_what_it_was() -> None:
    net, optimizer = trained(0)
    before = {k: (id(p), p.shape, p.stride(), p.is_contiguous(), p.requires_grad) for k, p in net.named_parameters()}
    train(net, optimizer)
    exp_avg = optimizer.state[net[0].weight]["exp_avg"]
    train(net, optimizer)
    assert flats(optimizer)
    after = {k: (id(p), p.shape, p.stride(), p.is_contiguous(), p.requires_grad) for k, p in net.named_parameters()}
    assert before == after
    assert optimizer.state[net[0].weight]["exp_avg"] is exp_avg
    twin = copy.deepcopy(net)
    saved = {k: v.tolist() for k, v in net.state_dict().items()}
    train(net, optimizer)
    assert {k: v.tolist() for k, v in twin.state_dict().items()} == saved
    assert {k: v.tolist() for k, v in net.state_dict().items()} != saved


def test_memory_that_somebody_else_holds_stays_where_it_is() -> None:
    net, optimizer = trained(0)
    held = net[0].weight.data
    view = net[2].weight.detach()[0]
    outside = net[0].bias.detach().numpy()
    for _ in range(5):
        train(net, optimizer)
    assert not any(p is q for flat in flats(optimizer) for p in flat.members for q in (net[0].weight, net[2].weight))
    assert held.tolist() == net[0].weight.tolist()
    assert view.tolist() == net[2].weight[0].tolist()
    assert outside.tolist() == net[0].bias.tolist()


def test_an_alias_made_later_follows_every_step() -> None:
    net, optimizer = trained()
    assert flats(optimizer)
    alias, outside = net[0].weight.data, net[0].bias.detach().numpy()
    for _ in range(6):
        train(net, optimizer)
        assert alias.tolist() == net[0].weight.tolist()
        assert outside.tolist() == net[0].bias.tolist()
    outside[...] = 7
    assert net[0].bias.tolist() == [7.0] * 4


def test_looking_at_a_parameter_once_does_not_keep_it_apart() -> None:
    net, optimizer = trained(0)
    net.load_state_dict(net.state_dict())
    for p in net.parameters():
        p.detach().numpy().sum()
    for _ in range(4):
        train(net, optimizer)
    assert [len(flat.members) for flat in flats(optimizer)] == [4]


def test_assigned_data_is_trained_where_it_is(apart: Any) -> None:
    def scenario() -> tuple[Any, ...]:
        net, optimizer = trained()
        net[0].weight.data = tg.full((4, 3), 0.5)
        losses = [train(net, optimizer) for _ in range(9)]
        members = [len(flat.members) for flat in flats(optimizer)]
        net[0].weight.data = net[0].weight.data.double()
        for p in net.parameters():
            p.grad = tg.ones_like(p)
        optimizer.step()
        assert net[0].weight.dtype == tg.float64
        return (losses, *(p.tolist() for p in net.parameters())), members

    together, members = scenario()
    assert members == [4]  # taken in again by then
    apart()
    alone, members = scenario()
    assert not members
    assert together == alone


def test_state_that_the_user_changes_counts(apart: Any) -> None:
    def scenario() -> Any:
        net, optimizer = trained()
        optimizer.state[net[0].weight]["exp_avg"] = tg.ones(4, 3)
        optimizer.state[net[0].bias]["step"] = 100
        del optimizer.state[net[2].bias]
        train(net, optimizer)
        assert [optimizer.state[p]["step"] for p in net.parameters()] == [4, 101, 4, 1]
        return [p.tolist() for p in net.parameters()], [train(net, optimizer) for _ in range(9)]

    together = scenario()
    apart()
    assert scenario() == together


def test_a_replaced_parameter_takes_its_place() -> None:
    net, optimizer = trained()
    fresh = nn.Parameter(tg.ones(4, 3))
    old, ended = net[0].weight, net[0].weight.tolist()
    net[0].weight = optimizer.param_groups[0]["params"][0] = fresh
    train(net, optimizer)
    assert fresh.tolist() != tg.ones(4, 3).tolist()
    assert old.tolist() == ended


@pytest.mark.parametrize("name", ["SGD", "Adam"])
def test_a_step_before_backward_is_refused_for_every_moved_parameter(name: str) -> None:
    for i in range(3):
        params = parameters([(2,), (2,), (2,)])
        optimizer = getattr(optim, name)(params, lr=0.1)
        for k in range(3):
            give_gradients(params, [True] * 3, k)
            optimizer.step()
        assert flats(optimizer)
        loss = (params[i] ** 2).sum()
        optimizer.step()
        with pytest.raises(InPlaceError):
            loss.backward()
        loss = (params[i] ** 2).sum()
        params[(i + 1) % 3].detach().zero_()
        loss.backward()  # a neighbour's memory is another memory


def test_a_step_before_backward_is_refused_for_moved_state() -> None:
    params = parameters([(2,), (2,)])
    optimizer = optim.Adam(params, lr=0.1)
    for k in range(3):
        give_gradients(params, [True] * 2, k)
        optimizer.step()
    x = tg.ones(2, dtype=tg.float64, requires_grad=True)
    y = (x * optimizer.state[params[0]]["exp_avg"]).sum()
    optimizer.step()
    with pytest.raises(InPlaceError):
        y.backward()


def test_a_neighbours_array_outside_refuses_nothing() -> None:
    params = parameters([(2,), (2,)])
    optimizer = optim.Adam(params, lr=0.1)
    for k in range(3):
        give_gradients(params, [True] * 2, k)
        optimizer.step()
    assert flats(optimizer)
    loss = (params[0] ** 2).sum()
    params[1].detach().numpy()[...] = 0
    loss.backward()
    assert params[1].tolist() == [0.0, 0.0]


def test_memory_is_freed_with_the_model_and_the_optimiser() -> None:
    net, optimizer = trained()
    flat = weakref.ref(flats(optimizer)[0].w)
    gc.disable()
    try:
        del optimizer
        assert flat() is None
        memory_of = weakref.ref(net[0].weight.array.base.obj.base)
        assert memory_of() is not None
        del net
        assert memory_of() is None
    finally:
        gc.enable()


def test_two_optimisers_may_take_turns_on_the_same_parameters(apart: Any) -> None:
    def scenario() -> list[float]:
        net, adam = trained()
        sgd = optim.SGD(net.parameters(), lr=0.01, momentum=0.9)
        return [train(net, optimizer) for _ in range(6) for optimizer in (adam, sgd)]

    together = scenario()
    apart()
    assert scenario() == together


def test_a_parameter_given_twice_is_updated_twice_as_by_pytorch() -> None:
    w, v = parameters([(2,), (2,)])
    with pytest.warns(UserWarning, match="duplicate parameters"):
        optimizer = optim.SGD([w, w, v], lr=0.5)
    before = w.detach().numpy().copy()
    for _ in range(3):
        give_gradients([w, v], [True, True], 0)
        optimizer.step()
    np.testing.assert_allclose(w.detach().numpy(), before - 6 * 0.5 * w.grad.numpy(), rtol=1e-12)


def test_momentum_that_is_switched_on_later_is_kept() -> None:
    params = parameters([(2,), (3,)])
    optimizer = optim.SGD(params, lr=0.1)
    for k in range(6):
        optimizer.param_groups[0]["momentum"] = 0.9 * (k >= 3)
        for p in params:
            p.grad = tg.ones_like(p)
        optimizer.step()
    assert optimizer.state[params[0]]["momentum_buffer"].tolist() == pytest.approx([1 + 0.9 * 1.9] * 2)


def test_an_update_that_says_nothing_is_called_for_each_parameter() -> None:
    class Normalised(optim.Adam):
        def update(self, w: Any, g: Any, state: Any, group: Any) -> None:
            super().update(w, g / np.linalg.norm(g), state, group)

    params = parameters([(2,), (3,)])
    optimizer = Normalised(params)
    for k in range(4):
        give_gradients(params, [True, True], k)
        optimizer.step()
    assert not flats(optimizer)


def test_a_part_of_an_update_that_is_replaced_is_called_for_each_parameter() -> None:
    class Centred(optim.SGD):
        def update_one(self, p: tg.Tensor, g: Any, group: Any) -> None:
            super().update_one(p, g - g.mean(), group)

    class OfMatrices(optim.SGD):
        def decayed(self, w: Any, g: Any, group: Any) -> Any:
            return super().decayed(w, g, group) if w.ndim > 1 else g

    for kind, decay in ((Centred, 0.0), (OfMatrices, 0.1)):
        params = [tg.ones(2, 2, requires_grad=True), tg.ones(3, requires_grad=True)]
        optimizer = kind(params, lr=0.5, weight_decay=decay)
        for _ in range(6):
            for p in params:
                p.grad = tg.zeros_like(p) if decay else tg.ones_like(p)
            optimizer.step()
        assert params[1].tolist() == [1.0] * 3
        assert params[0].tolist() == [pytest.approx([(1 - 0.5 * decay) ** 6] * 2)] * 2


def test_large_and_strided_parameters_are_not_moved() -> None:
    large = tg.zeros(flat_memory.SMALL + 1, requires_grad=True)
    strided = tg.tensor(np.zeros((3, 2)))
    strided.data = tg.zeros(2, 3, dtype=tg.float64).T
    strided.requires_grad = True
    small = parameters([(2,), (2,)])
    params = [large, strided, *small]
    optimizer = optim.Adam(params, lr=0.1)
    for k in range(3):
        give_gradients(params, [True] * 4, k)
        optimizer.step()
    assert [len(flat.members) for flat in flats(optimizer)] == [2]
    assert strided.stride() == (1, 3)
    assert np.isfinite(strided.detach().numpy()).all()
    assert large.abs().max().item() > 0.05
