"""What a compiled function changes or reads beside tensors: settings of optimisers, generators, modes, modules."""

from __future__ import annotations

import cProfile
import sys
import types
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

import tensorgrad as tg
from tensorgrad import nn, optim

Compile = Callable[[Any], Any]


def _trained(c: Compile, step: Callable[[Any, Any, Any], Any], between: Callable[[int, Any, Any], Any]) -> Any:
    net = nn.Sequential(nn.Linear(3, 3), nn.Linear(3, 2))
    optimizer = optim.SGD(net[1].parameters(), lr=0.1, momentum=0.9)
    found = []
    compiled = c(lambda x: step(net, optimizer, x))
    for k in range(10):
        between(k, net, optimizer)
        compiled(tg.ones(4, 3) * (k + 1) / 10)
        found.append([net[1].weight.tolist(), net[0].weight.grad.tolist(), optimizer.param_groups[0]["lr"]])
    return found


def _step(net: Any, optimizer: Any, x: Any) -> None:
    optimizer.zero_grad()
    net(x).pow(2).mean().backward()
    optimizer.step()


def rate_changed_inside(c: Compile) -> Any:
    def step(net: Any, optimizer: Any, x: Any) -> None:
        for group in optimizer.param_groups:
            group["lr"] *= 0.9
        _step(net, optimizer, x)

    return _trained(c, step, lambda *_: None)


def state_cleared_inside(c: Compile) -> Any:
    def step(net: Any, optimizer: Any, x: Any) -> None:
        optimizer.state.clear()
        _step(net, optimizer, x)

    return _trained(c, step, lambda *_: None)


def rate_read_inside(c: Compile) -> Any:
    def step(net: Any, optimizer: Any, x: Any) -> None:
        _step(net, optimizer, x * optimizer.param_groups[0]["lr"])

    def between(k: int, net: Any, optimizer: Any) -> None:
        if k == 5:
            optimizer.param_groups[0]["lr"] = 0.7

    return _trained(c, step, between)


def group_added(c: Compile) -> Any:
    def between(k: int, net: Any, optimizer: Any) -> None:
        if k == 5:
            optimizer.add_param_group({"params": list(net[0].parameters()), "lr": 0.01})

    return _trained(c, _step, between)


def parameter_taken_out(c: Compile) -> Any:
    def between(k: int, net: Any, optimizer: Any) -> None:
        if k == 5:
            del optimizer.param_groups[0]["params"][0]

    return _trained(c, _step, between)


def seeded_inside(c: Compile) -> Any:
    def f(x: Any) -> Any:
        tg.manual_seed(3)
        return x + tg.rand(())

    compiled = c(f)
    return [compiled(tg.zeros(())).item() for _ in range(6)]


def stream_put_back_inside(c: Compile) -> Any:
    def f(x: Any) -> Any:
        state = tg.get_rng_state()
        y = x + tg.rand(())
        tg.set_rng_state(state)
        return y

    compiled = c(f)
    return [compiled(tg.zeros(())).item() for _ in range(6)], tg.rand(()).item()


def mode_left_changed(c: Compile) -> Any:
    def f(x: Any) -> Any:
        tg.set_grad_enabled(False)
        return x * 2

    compiled, found = c(f), []
    for _ in range(6):
        with tg.enable_grad():
            compiled(tg.ones(1))
            found.append(tg.is_grad_enabled())
    return found


def told_by_identity(c: Compile) -> Any:
    a = tg.ones(2)
    compiled = c(lambda x: x * (2 if x is a else 3))
    return [compiled(tg.ones(2)).tolist() for _ in range(4)], compiled(a).tolist()


def module_imported_inside(c: Compile) -> Any:
    module: Any = types.ModuleType("settings_of_a_test")
    module.scale, module.__file__ = 1.0, __file__
    sys.modules["settings_of_a_test"] = module

    def f(x: Any) -> Any:
        import settings_of_a_test  # type: ignore[import-not-found]  # made by this test

        return x * settings_of_a_test.scale

    compiled = c(f)
    try:
        found = [compiled(tg.ones(1)).tolist() for _ in range(5)]
        module.scale = 4.0
        return found, compiled(tg.ones(1)).tolist()
    finally:
        del sys.modules["settings_of_a_test"]


def tensor_exchanged(c: Compile) -> Any:
    held = {"s": tg.ones(3)}
    compiled, found = c(lambda x: x * held["s"]), []
    for k in range(8):
        held["s"] = tg.full((3,), float(k))
        found.append(compiled(tg.ones(3)).tolist())
    return found


def odd_attributes(c: Compile) -> Any:
    class Settings(dict[str, float]):
        def __getattr__(self, name: str) -> float:
            return self[name]

    settings = Settings(s=1.0)
    compiled = c(lambda x: x * settings.s)
    found = [compiled(tg.ones(1)).tolist() for _ in range(4)]
    settings["s"] = 3.0
    return found, compiled(tg.ones(1)).tolist()


def address_read(c: Compile) -> Any:
    compiled = c(lambda x: x * float(x.data_ptr() > 0))
    return [compiled(tg.ones(1)).tolist() for _ in range(4)]


def lent_to_numpy(c: Compile) -> Any:
    norm = nn.BatchNorm1d(3)
    compiled = c(lambda x: norm(x).pow(2).mean().backward())
    for k in range(6):
        if k == 4:
            norm.bias.detach().numpy()
        compiled(tg.randn(4, 3))
    return norm.running_mean.tolist()


def one_behind_the_other(c: Compile) -> Any:
    encoder, decoder = nn.Linear(3, 4), nn.Linear(4, 3)
    first, second = c(encoder), c(decoder)
    for _ in range(6):
        second(first(tg.randn(2, 3)).relu()).sum().backward()
    return encoder.weight.grad.tolist()


def several_kinds_in_one_loss(c: Compile) -> Any:
    w = tg.randn(3, requires_grad=True)
    compiled, total = c(lambda x: (x * w) ** 2), tg.zeros(())
    for n in (8, 8, 5, 8, 5, 8, 5):
        total = total + compiled(tg.randn(n, 3)).sum()
    total.backward()
    return w.grad.tolist()


@pytest.mark.parametrize(
    "case",
    [
        rate_changed_inside, state_cleared_inside, rate_read_inside, group_added, parameter_taken_out, seeded_inside,
        stream_put_back_inside, mode_left_changed, told_by_identity, module_imported_inside, tensor_exchanged,
        odd_attributes, address_read, lent_to_numpy, one_behind_the_other, several_kinds_in_one_loss,
    ],
    ids=lambda case: case.__name__,
)  # fmt: skip
def test_the_same_as_without_a_plan(case: Callable[[Compile], Any]) -> None:
    found = []
    for c in (lambda f: f, lambda f: tg.compile(f, backend="numpy")):
        tg.manual_seed(0)
        found.append(case(c))
    assert found[0] == found[1]


def test_a_profiler_goes_on_when_a_call_has_been_watched() -> None:
    def after() -> None:
        pass

    compiled = tg.compile(lambda x: x * 2 + 1, backend="numpy")
    profile = cProfile.Profile()
    with profile:
        for _ in range(4):
            compiled(tg.ones(3))
        after()
    assert any(code.co_name == "after" for entry in profile.getstats() if hasattr(code := entry.code, "co_name"))
    assert compiled.runs == 2

    seen: list[str] = []
    sys.setprofile(lambda frame, event, _: seen.append(frame.f_code.co_name) if event == "call" else None)
    try:
        compiled(tg.ones(2))
        after()
    finally:
        sys.setprofile(None)
    assert "after" in seen


@pytest.mark.parametrize("given", [True, False], ids=["given", "reached"])
@pytest.mark.parametrize("layer", [nn.Linear, nn.BatchNorm1d, nn.LayerNorm], ids=lambda layer: layer.__name__)
def test_data_whose_arrays_the_script_holds_is_captured(layer: Any, given: bool) -> None:
    rng = np.random.default_rng(0)
    data, labels = rng.random((6, 4)).astype("f"), rng.integers(0, 3, 6)
    found = []
    for c in (lambda f: f, lambda f: tg.compile(f, backend="numpy", fullgraph=True)):
        tg.manual_seed(0)
        x, y = tg.from_numpy(data.copy()), tg.from_numpy(labels)
        held = x.numpy()
        net = nn.Sequential(layer(4, 4) if layer is nn.Linear else layer(4), nn.ReLU(), nn.Linear(4, 3))
        optimizer = optim.Adam(net.parameters(), lr=0.01)

        def step(x: Any, y: Any, net: Any = net, optimizer: Any = optimizer) -> Any:
            optimizer.zero_grad()
            loss = nn.functional.cross_entropy(net(x), y)
            loss.backward()
            optimizer.step()
            return loss

        compiled = c(step if given else lambda x=x, y=y, step=step: step(x, y))
        losses = []
        for k in range(6):
            held[:] = data + k  # what the script writes to its own array is what the next step reads
            losses.append(compiled(*[x, y] * given).item())
        found.append((losses, [p.tolist() for p in net.parameters()]))
    assert found[0] == found[1]
    assert compiled.runs == 4, compiled.reasons
