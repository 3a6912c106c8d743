"""What an optimiser keeps: state_dict and back, in the middle of training and between libraries; hooks, subclasses."""

from __future__ import annotations

import copy
import math
from functools import partial
from typing import Any

import numpy as np
import pytest

import tensorgrad as tg
from tensorgrad import nn, optim
from tensorgrad.errors import ArgumentError, ShapeError
from tensorgrad.optim.optimizer import required
from tests.optimisers import torch_in_double
from tests.peer import close

RNG = np.random.default_rng
EVERY: list[tuple[str, dict[str, Any]]] = [
    ("SGD", {"lr": 0.1}),
    ("SGD", {"lr": 0.1, "momentum": 0.9, "nesterov": True}),
    ("SGD", {"lr": 0.1, "momentum": 0.9, "convention": "book"}),
    ("Adagrad", {"lr": 0.1, "initial_accumulator_value": 0.5}),
    ("Adadelta", {}),
    ("RMSprop", {"momentum": 0.9, "centered": True}),
    ("Adam", {"lr": 0.1, "amsgrad": True}),
    ("AdamW", {"lr": 0.1}),
    ("NAdam", {"lr": 0.1}),
    ("RAdam", {"lr": 0.1}),
    ("Adamax", {"lr": 0.1}),
    ("ASGD", {"lr": 0.1, "t0": 3}),
    ("Rprop", {"lr": 0.1}),
    ("LBFGS", {"lr": 0.1, "max_iter": 3, "history_size": 4}),
    ("LBFGS", {"max_iter": 3, "line_search_fn": "strong_wolfe"}),
]


def names(case: tuple[str, dict[str, Any]]) -> str:
    return case[0] + ",".join(f"{k}={v}" for k, v in case[1].items())


def parameters(dtype: str = "float64") -> list[tg.Tensor]:
    shapes = [(2, 3), (3,), (), (1,)]
    return [tg.tensor(RNG(i).normal(size=s), dtype=dtype, requires_grad=True) for i, s in enumerate(shapes)]


def train(optimizer: Any, params: Any, steps: range) -> list[float]:
    def closure(k: int) -> Any:
        optimizer.zero_grad()
        loss = sum(((p - math.sin(k)) ** 2).sum() + (p**4).sum() * 0.1 for p in params)
        loss.backward()
        return loss

    return [optimizer.step(partial(closure, k)).item() for k in steps]


def moved(params: list[tg.Tensor]) -> list[tg.Tensor]:
    return [p.detach().clone().requires_grad_() for p in params]


@pytest.mark.parametrize("named", [False, True])
@pytest.mark.parametrize("case", EVERY, ids=names)
def test_training_goes_on_bit_for_bit_after_a_round_trip(case: tuple[str, dict[str, Any]], named: bool) -> None:
    name, settings = case
    make = getattr(optim, name)
    params = parameters()
    given = list(zip("abcd", params, strict=True)) if named else params
    first = make(given, **settings)
    train(first, params, range(7))
    later = moved(params)
    second = make(list(zip("abcd", later, strict=True)) if named else later, **{**settings, "lr": 7.0})
    second.load_state_dict(copy.deepcopy(first.state_dict()))
    assert train(first, params, range(7, 15)) == train(second, later, range(7, 15))
    for p, q in zip(params, later, strict=True):
        assert np.isfinite(p.detach().numpy()).all()
        np.testing.assert_array_equal(p.detach().numpy(), q.detach().numpy(), strict=True)


@pytest.mark.parametrize("case", EVERY, ids=names)
def test_what_is_loaded_is_a_copy(case: tuple[str, dict[str, Any]]) -> None:
    name, settings = case
    params = parameters()
    first = getattr(optim, name)(params, **settings)
    train(first, params, range(4))
    before = copy.deepcopy(first.state_dict())
    later = moved(params)
    second = getattr(optim, name)(later, **settings)
    second.load_state_dict(first.state_dict())
    train(second, later, range(4, 9))
    assert_same(first.state_dict(), before)


def assert_same(found: Any, wanted: Any) -> None:
    if isinstance(wanted, dict):
        assert list(found) == list(wanted)
        found, wanted = list(found.values()), list(wanted.values())
    if isinstance(wanted, list | tuple):
        assert len(found) == len(wanted)
        for a, b in zip(found, wanted, strict=True):
            assert_same(a, b)
    elif isinstance(wanted, tg.Tensor):
        np.testing.assert_array_equal(found.numpy(), wanted.numpy(), strict=True)
    else:
        assert found == wanted


@pytest.mark.parametrize("forth", [True, False], ids=["from PyTorch", "to PyTorch"])
@pytest.mark.parametrize("case", [c for c in EVERY if "convention" not in c[1]], ids=names)
def test_each_library_goes_on_with_what_the_other_saved(case: tuple[str, dict[str, Any]], forth: bool) -> None:
    name, settings = case
    with torch_in_double() as torch:
        source, target = (torch, tg) if forth else (tg, torch)
        params = [source.tensor(p.detach().numpy().copy(), requires_grad=True) for p in parameters()]
        optimizer = getattr(source.optim, name)(params, **settings)
        train(optimizer, params, range(6))
        others = [target.tensor(p.detach().numpy().copy(), requires_grad=True) for p in params]
        other = getattr(target.optim, name)(others, **settings)
        other.load_state_dict(translated(optimizer.state_dict(), target))
        train(optimizer, params, range(6, 12))
        train(other, others, range(6, 12))
    for p, q in zip(params, others, strict=True):
        close(p, q, 1e-10, 1e-12)


def translated(data: Any, lib: Any) -> Any:
    if isinstance(data, dict):
        return {k: translated(v, lib) for k, v in data.items()}
    if isinstance(data, list):
        return [translated(v, lib) for v in data]
    return lib.tensor(data.numpy().copy()) if hasattr(data, "numpy") else data


def test_the_layout_is_pytorchs() -> None:
    params = parameters()
    optimizer = optim.Adam([{"params": params[:2]}, {"params": params[2:], "lr": 0.5}], lr=0.1)
    assert optimizer.state_dict()["state"] == {}
    train(optimizer, params, range(2))
    state = optimizer.state_dict()
    assert [g["params"] for g in state["param_groups"]] == [[0, 1], [2, 3]]
    assert [g["lr"] for g in state["param_groups"]] == [0.1, 0.5]
    assert list(state["state"]) == [0, 1, 2, 3]
    assert state["state"][0]["step"] == 2
    assert state["state"][0]["exp_avg"] is optimizer.state[params[0]]["exp_avg"]
    assert state["state"][2]["exp_avg"].shape == ()


def test_a_step_without_state_leaves_none() -> None:
    params = parameters()
    optimizer = optim.SGD(params, lr=0.1)
    train(optimizer, params, range(3))
    assert optimizer.state_dict()["state"] == {}


def test_named_parameters_are_keys_and_are_found_by_name_in_any_order() -> None:
    layer = nn.Linear(2, 1)
    optimizer = optim.Adam(layer.named_parameters(), lr=0.1)
    layer(tg.ones(3, 2)).sum().backward()
    optimizer.step()
    state = optimizer.state_dict()
    assert list(state["state"]) == ["weight", "bias"]
    assert state["param_groups"][0]["params"] == state["param_groups"][0]["param_names"] == ["weight", "bias"]
    other = optim.Adam([("bias", layer.bias), ("weight", layer.weight)], lr=0.2)
    other.load_state_dict(state)
    assert other.param_groups[0]["param_names"] == ["bias", "weight"]
    assert other.param_groups[0]["lr"] == 0.1
    assert other.state[layer.bias]["exp_avg"].tolist() == optimizer.state[layer.bias]["exp_avg"].tolist()
    numbered = optim.Adam(layer.parameters())
    numbered.load_state_dict(state)
    assert numbered.state[layer.weight]["exp_avg"].tolist() == optimizer.state[layer.weight]["exp_avg"].tolist()
    back = optim.Adam(layer.named_parameters())
    back.load_state_dict(numbered.state_dict())
    assert back.state[layer.bias]["step"] == 1


def test_names_must_be_complete_and_alike_in_all_groups() -> None:
    a, b = tg.ones(1, requires_grad=True), tg.ones(1, requires_grad=True)
    with pytest.raises(ValueError, match="Some param names are missing"):
        optim.SGD([("a", a), b])
    with pytest.raises(ValueError, match="cannot add param group with names"):
        optim.SGD([a]).add_param_group({"params": [("b", b)]})
    with pytest.raises(ValueError, match="cannot add param group without names"):
        optim.SGD([("a", a)]).add_param_group({"params": [b]})


def test_what_does_not_fit_is_refused_and_nothing_is_changed() -> None:
    params = parameters()
    optimizer = optim.Adam(params, lr=0.1)
    train(optimizer, params, range(2))
    before = copy.deepcopy(optimizer.state_dict())
    with pytest.raises(ArgumentError, match="doesn't match the size of optimizer's group"):
        optimizer.load_state_dict(optim.Adam(parameters()[:2]).state_dict())
    with pytest.raises(ArgumentError, match="different number of parameter groups"):
        optimizer.load_state_dict(optim.Adam([{"params": p} for p in parameters()]).state_dict())
    wrong = copy.deepcopy(before)
    wrong["state"][0]["exp_avg"] = tg.zeros(3, 2)
    with pytest.raises(ShapeError, match=r"'exp_avg' of parameter 0 has shape \[3, 2\].*\[2, 3\]"):
        optimizer.load_state_dict(wrong)
    assert_same(optimizer.state_dict(), before)


def test_arrays_get_the_dtype_of_their_parameter() -> None:
    params = parameters("float64")
    optimizer = optim.Adam(params, lr=0.1)
    train(optimizer, params, range(2))
    single = parameters("float32")
    other = optim.Adam(single, lr=0.1)
    other.load_state_dict(optimizer.state_dict())
    assert {other.state[p]["exp_avg"].dtype for p in single} == {tg.float32}
    assert other.state[single[0]]["step"] == 2
    train(other, single, range(2, 4))


def test_a_deep_copy_trains_on_its_own() -> None:
    params = parameters()
    optimizer = optim.Adam(params, lr=0.1)
    train(optimizer, params, range(3))
    ends = [p.tolist() for p in params]
    twins, twin = copy.deepcopy((params, optimizer))
    assert all(p is q for p, q in zip(twin.param_groups[0]["params"], twins, strict=True))
    losses = train(twin, twins, range(3, 6))
    assert [p.tolist() for p in params] == ends
    assert train(optimizer, params, range(3, 6)) == losses


def test_hooks_see_each_step_and_may_change_its_arguments() -> None:
    w = tg.ones(1, requires_grad=True)
    optimizer = optim.SGD([w], lr=0.1)
    seen: list[Any] = []

    def before(opt: Any, args: Any, kwargs: Any) -> Any:
        seen.append(("before", opt is optimizer, args[1:], kwargs, w.item()))
        return (opt, lambda: "given"), {}

    first = optimizer.register_step_pre_hook(before)
    last = optimizer.register_step_post_hook(lambda opt, args, kwargs: seen.append(("after", w.item())))
    w.grad = tg.ones(1)
    assert optimizer.step() == "given"
    assert [entry[0] for entry in seen] == ["before", "after"]
    assert seen[0] == ("before", True, (), {}, 1.0)
    assert seen[1][1] == pytest.approx(0.9)
    first.remove()
    last.remove()
    assert optimizer.step() is None
    assert len(seen) == 2
    optimizer.register_step_pre_hook(lambda *_: 3)
    with pytest.raises(ArgumentError, match="must return None or a tuple"):
        optimizer.step()


def test_hooks_are_called_once_where_a_step_calls_that_of_its_base() -> None:
    class Twice(optim.SGD):
        def step(self, closure: Any = None) -> None:
            super().step(closure)
            super().step()

    w = tg.ones(1, requires_grad=True)
    optimizer = Twice([w], lr=0.25)
    calls: list[int] = []
    optimizer.register_step_post_hook(lambda *_: calls.append(1))
    w.grad = tg.ones(1)
    optimizer.step()
    assert w.item() == 0.5
    assert len(calls) == 1


class Signs(optim.Optimizer):
    """As scripts write it for PyTorch."""

    def __init__(self, params: Any, lr: Any = required) -> None:
        super().__init__(params, {"lr": lr})

    @tg.no_grad()
    def step(self, closure: Any = None) -> None:
        assert closure is None
        for group in self.param_groups:
            for p in group["params"]:
                if p.grad is None:
                    continue
                state = self.state[p]
                if len(state) == 0:
                    state["step"] = tg.tensor(0.0)
                    state["sum"] = tg.zeros_like(p)
                state["step"] += 1
                state["sum"].add_(p.grad.sign())
                p.add_(state["sum"], alpha=-group["lr"])


def test_a_subclass_may_write_the_step_itself() -> None:
    w = tg.tensor([1.0, -1.0], requires_grad=True)
    optimizer = Signs([w], lr=0.5)
    calls: list[int] = []
    optimizer.register_step_post_hook(lambda *_: calls.append(1))
    for _ in range(2):
        w.grad = tg.tensor([2.0, 0.0])
        optimizer.step()
    assert w.tolist() == [-0.5, -1.0]
    assert len(calls) == 2
    state = optimizer.state_dict()
    other = Signs([w], lr=0.1)
    other.load_state_dict(state)
    assert other.state[w]["step"].item() == 2.0
    assert other.param_groups[0]["lr"] == 0.5
    assert not np.shares_memory(other.state[w]["sum"].array, optimizer.state[w]["sum"].array)


def test_a_setting_that_every_group_must_give_is_asked_for() -> None:
    with pytest.raises(ValueError, match="didn't specify a value of required optimization parameter lr"):
        Signs([tg.ones(1, requires_grad=True)])
    assert Signs([{"params": [tg.ones(1, requires_grad=True)], "lr": 0.1}]).param_groups[0]["lr"] == 0.1


def test_modes_of_computing_change_nothing_and_a_recorded_step_is_refused() -> None:
    ends = []
    for modes in ({}, {"foreach": True}, {"fused": True, "capturable": True}):
        params = parameters()
        train(optim.Adam(params, lr=0.1, **modes), params, range(5))
        ends.append([p.tolist() for p in params])
    assert ends[0] == ends[1] == ends[2]
    with pytest.raises(ArgumentError, match="differentiable"):
        optim.Adam(parameters(), differentiable=True)
    with pytest.raises(RuntimeError, match="cannot be `True` together"):
        optim.SGD(parameters(), foreach=True, fused=True)


@pytest.mark.parametrize("lr", [tg.tensor(0.1, dtype=tg.float64), np.float64(0.1), np.float32(0.1)], ids=repr)
def test_a_learning_rate_may_be_a_tensor_or_a_numpy_number(lr: Any) -> None:
    ends = []
    for rate in (lr, lr.item()):
        params = parameters("float32")
        optimizer = optim.Adam(params, lr=rate)
        train(optimizer, params, range(5))
        ends.append([p.tolist() for p in params])
        assert optimizer.param_groups[0]["lr"] is rate
    assert ends[0] == ends[1]
    with pytest.raises(ValueError, match="Tensor lr must be 1-element"):
        optim.SGD(parameters(), lr=tg.ones(2))
