"""What scripts switch on where they may: mixed precision, TorchScript; and what they ask of memory and graphs."""

from __future__ import annotations

import copy
from typing import Any

import numpy as np
import pytest

import tensorgrad as tg
from tensorgrad import nn, optim
from tensorgrad.errors import ArgumentError, AutogradError, DTypeError, InPlaceError
from tensorgrad.optim import swa_utils
from tensorgrad.reference.leftout import left_out
from tensorgrad.utils.checkpoint import checkpoint_sequential
from tests.peer import torch_
from tests.test_docs import ROOT


@pytest.mark.parametrize(
    "block",
    [
        lambda: tg.autocast("cpu"), lambda: tg.amp.autocast("cuda", dtype=tg.float16, enabled=False),
        lambda: tg.cuda.amp.autocast(enabled=False), lambda: tg.profiler.record_function("step"),
    ],
)  # fmt: skip
def test_a_context_with_nothing_to_do_changes_no_number(block: Any) -> None:
    x = tg.ones(2, 2, requires_grad=True)
    with block():
        y = (x @ x).sum()
    assert y.dtype == tg.float32
    assert tg.equal(tg.autograd.grad(y, x)[0], tg.full((2, 2), 4.0))
    assert tg.equal(block()(lambda v: v * 2)(x), x * 2)


def test_a_device_that_is_not_there_is_warned_of() -> None:
    with pytest.warns(UserWarning, match="'cuda'.*not available"):
        tg.autocast("cuda")
    with pytest.warns(UserWarning, match="cuda is not available"):
        assert not tg.amp.GradScaler().is_enabled()
    with pytest.warns(UserWarning, match="cuda is not available"):
        assert tg.cuda.amp.GradScaler().state_dict() == {}


def scaled_steps(module: Any, values: list[float], interval: int) -> list[Any]:
    """The weight and the scale after steps whose gradients are the values."""
    w = module.ones(1, dtype=module.float64, requires_grad=True)
    sgd = module.optim.SGD([w], lr=0.1)
    scaler = module.amp.GradScaler("cpu", init_scale=8.0, growth_interval=interval)
    found = []
    for value in values:
        sgd.zero_grad()
        scaler.scale((w * value).sum()).backward()
        scaler.unscale_(sgd)
        scaler.step(sgd)
        scaler.update()
        found += [w.item(), scaler.get_scale()]
    return [*found, sorted(scaler.state_dict())]


def test_a_scaler_leaves_out_steps_that_are_not_finite_and_finds_its_scale() -> None:
    values = [1.0, float("inf"), 2.0, 3.0, float("nan"), 1.0]
    found = scaled_steps(tg, values, 2)
    assert found[1::2][:6] == [8.0, 4.0, 4.0, 8.0, 4.0, 4.0]
    assert found[0] == pytest.approx(0.9)
    assert found[2] == found[0]
    assert found == scaled_steps(torch_(), values, 2)


def test_a_scaler_says_what_was_forgotten_or_done_twice() -> None:
    w = tg.ones(1, requires_grad=True)
    sgd, scaler = optim.SGD([w], lr=0.1), tg.amp.GradScaler("cpu")
    for too_early in (scaler.update, lambda: scaler.step(sgd), lambda: scaler.unscale_(sgd)):
        with pytest.raises(AutogradError, match="nothing was scaled before"):
            too_early()
    loss = scaler.scale(w.sum())
    with pytest.raises(AutogradError, match="prior to update"):
        scaler.update()
    with pytest.raises(AutogradError, match="none of its parameters has a gradient"):
        scaler.step(sgd)
    scaler.update(8.0)
    loss.backward()
    with pytest.raises(AutogradError, match="Closure"):
        scaler.step(sgd, closure=w.sum)
    scaler.unscale_(sgd)
    with pytest.raises(AutogradError, match="already been called"):
        scaler.unscale_(sgd)
    scaler.step(sgd)
    for again in (scaler.step, scaler.unscale_):
        with pytest.raises(AutogradError, match=r"step\(\)"):
            again(sgd)
    assert w.item() == pytest.approx(1 - 0.1 * 2.0**16 / 8)  # once
    scaler.update()
    scaler.step(sgd)
    with pytest.raises(ArgumentError, match="growth factor"):
        tg.amp.GradScaler("cpu", growth_factor=0.5)
    other = tg.amp.GradScaler("cpu", init_scale=2.0)
    other.load_state_dict(scaler.state_dict())
    assert other.get_scale() == scaler.get_scale()
    with pytest.raises(ArgumentError, match="empty"):
        other.load_state_dict({})


def test_torchscript_gives_back_what_it_is_given() -> None:
    net = nn.Linear(2, 1)
    assert tg.jit.script(net) is net
    assert tg.jit.trace(net, tg.ones(1, 2)) is net
    assert tg.jit.ignore(net) is net
    assert tg.jit.unused(drop=True)(net) is net
    assert not tg.jit.is_scripting()
    with pytest.raises(AttributeError, match=r"save\(module.state_dict"):
        tg.jit.load("net.pt")


def test_the_page_of_what_is_left_out_is_the_table() -> None:
    assert (ROOT / "docs" / "left-out.md").read_text("utf-8") == left_out(), (
        "python -m tensorgrad.reference left-out > docs/left-out.md"
    )


def test_an_average_of_weights_is_pytorchs() -> None:
    def averaged(module: Any) -> list[Any]:
        utils = __import__(f"{module.__name__}.optim.swa_utils", fromlist=["_"])
        net = module.nn.Sequential(module.nn.Linear(2, 2), module.nn.BatchNorm1d(2)).double()
        models = [
            utils.AveragedModel(net), utils.AveragedModel(net, avg_fn=utils.get_ema_avg_fn(0.9)),
            utils.AveragedModel(net, multi_avg_fn=utils.get_ema_multi_avg_fn(0.5), use_buffers=True),
        ]  # fmt: skip
        for value in (1.0, 2.0, 6.0):
            with module.no_grad():
                for x in (*net.parameters(), net[1].running_mean):
                    x.fill_(value)
            for model in models:
                model.update_parameters(net)
        return [(name, np.asarray(x.tolist()).tolist()) for model in models for name, x in model.state_dict().items()]

    ours, theirs = averaged(tg), averaged(torch_())
    assert [name for name, _ in ours] == [name for name, _ in theirs]
    for (name, x), (_, y) in zip(ours, theirs, strict=True):
        np.testing.assert_allclose(x, y, rtol=1e-12, atol=0, equal_nan=False, err_msg=name)


@pytest.mark.parametrize("dtype", ["int64", "int32", "uint8", "bool", "float64", "complex128"])
@pytest.mark.parametrize(
    "kind",
    [
        lambda _: {}, lambda utils: {"avg_fn": utils.get_swa_avg_fn()},
        lambda utils: {"avg_fn": utils.get_ema_avg_fn(0.9)},
        lambda utils: {"multi_avg_fn": utils.get_ema_multi_avg_fn(0.9)},
    ],
    ids=["mean", "swa", "ema", "multi_ema"],
)  # fmt: skip
def test_an_average_of_buffers_of_any_numbers_is_pytorchs(kind: Any, dtype: str) -> None:
    def averaged(module: Any) -> list[Any]:
        utils = __import__(f"{module.__name__}.optim.swa_utils", fromlist=["_"])
        net, found = module.nn.Linear(1, 1), []
        net.register_buffer("kept", module.zeros(3, dtype=getattr(module, dtype)))
        model = utils.AveragedModel(net, use_buffers=True, **kind(utils))
        for step in range(4):
            net.kept.copy_(module.tensor([10 * step, 97 - 3 * step, 7 - step]))
            try:
                model.update_parameters(net)
            except RuntimeError:  # no difference of truth values, in both
                found.append("refused")
            found.append(model.module.kept.tolist())
        return found

    ours, theirs = averaged(tg), averaged(torch_())
    if dtype in {"float64", "complex128"}:
        np.testing.assert_allclose(ours, theirs, rtol=1e-12, atol=0, equal_nan=False)
    else:
        assert ours == theirs


@pytest.mark.parametrize("strategy", ["cos", "linear"])
@pytest.mark.parametrize("epochs", [0, 1, 4])
def test_the_schedule_to_an_average_is_pytorchs(strategy: Any, epochs: int) -> None:
    def rates(module: Any) -> list[float]:
        utils = __import__(f"{module.__name__}.optim.swa_utils", fromlist=["_"])
        sgd = module.optim.SGD([{"params": [module.zeros(1, requires_grad=True)], "lr": lr} for lr in (1.0, 0.1)], lr=1)
        schedule = utils.SWALR(sgd, swa_lr=[0.2, 0.3], anneal_epochs=epochs, anneal_strategy=strategy)
        found = []
        for _ in range(6):
            sgd.step()
            schedule.step()
            found += [group["lr"] for group in sgd.param_groups]
        return found

    assert rates(tg) == pytest.approx(rates(torch_()), rel=1e-12)


def test_what_cannot_be_averaged_is_refused() -> None:
    net = nn.Linear(1, 1)
    with pytest.raises(ArgumentError, match="only one of"):
        swa_utils.AveragedModel(net, avg_fn=swa_utils.get_swa_avg_fn(), multi_avg_fn=swa_utils.get_swa_multi_avg_fn())
    with pytest.raises(ArgumentError, match="decay"):
        swa_utils.get_ema_avg_fn(1.5)
    with pytest.raises(ArgumentError, match="other parameters"):
        swa_utils.AveragedModel(net).update_parameters(nn.Linear(2, 1))


def test_running_statistics_of_an_average_are_the_mean_of_all_batches() -> None:
    net = nn.Sequential(nn.BatchNorm1d(1, momentum=0.3)).eval()
    swa_utils.update_bn([(tg.tensor([[1.0], [3.0]]), 0), (tg.tensor([[5.0], [7.0]]), 0)], net)
    assert net[0].running_mean.tolist() == [4.0]
    assert net[0].momentum == 0.3
    assert not net.training


def test_a_storage_is_all_of_the_memory_and_a_write_to_it_is_seen() -> None:
    points = tg.tensor([[4.0, 1.0], [5.0, 3.0]])
    storage = points.t()[1].storage()
    assert (len(storage), storage.size(), storage.nbytes()) == (4, 4, 16)
    assert storage[1:3] == [1.0, 5.0]
    assert points.untyped_storage().nbytes() == 16
    weights = tg.ones(2, requires_grad=True)
    y = (weights * points[0]).sum()
    points.storage()[0] = 9.0
    assert points.tolist() == [[9.0, 1.0], [5.0, 3.0]]
    with pytest.raises(InPlaceError):
        y.backward()


def test_shifts_are_pytorchs_and_need_whole_numbers() -> None:
    def shifted(module: Any) -> list[Any]:
        x = module.tensor([1, -5, 8], dtype=module.int32)
        y = copy.deepcopy(x)
        y <<= 1
        found = [x << 2, x >> 1, 1 << module.tensor([0, 3]), y, module.bitwise_left_shift(x, module.tensor([1, 2, 3]))]
        return [(v.tolist(), str(v.dtype).rpartition(".")[2]) for v in found]

    assert shifted(tg) == shifted(torch_())
    with pytest.raises(DTypeError, match="bits of integers"):
        _ = tg.ones(1) << 1
    with pytest.raises(ArgumentError, match="negative"):
        _ = tg.tensor([1]) << -1


def test_a_walk_down_the_graph_is_pytorchs() -> None:
    def walked(module: Any) -> list[Any]:
        a, b = (module.tensor([0.5], requires_grad=True) for _ in range(2))
        found, pending = [], [(2 * (a.sin() * b) + 1).grad_fn]
        while pending:
            node = pending.pop(0)
            found.append((node.name().rpartition("::")[2], [f is None for f, _ in node.next_functions]))
            pending += [f for f, _ in node.next_functions if f is not None]
            if not node.next_functions:
                assert node.variable is a or node.variable is b
        return found

    assert walked(tg) == walked(torch_())
    with pytest.raises(AttributeError, match="only a leaf"):
        _ = tg.ones(1, requires_grad=True).exp().grad_fn.variable


@pytest.mark.parametrize("segments", [1, 2, 3, 5])
def test_a_sequence_in_segments_is_the_sequence(segments: int) -> None:
    net = nn.Sequential(nn.Linear(2, 3), nn.Tanh(), nn.Dropout(0.5), nn.Tanh(), nn.Linear(3, 1))
    x = tg.tensor([[1.0, -1.0]], requires_grad=True)
    slopes = []
    for run in (net, lambda v: checkpoint_sequential(net, segments, v)):
        tg.manual_seed(0)
        slopes.append(tg.autograd.grad(run(x).sum(), [x, *net.parameters()]))
    for a, b in zip(*slopes, strict=True):
        assert tg.allclose(a, b)
    with pytest.raises(ArgumentError, match="no 6 segments"):
        checkpoint_sequential(net, 6, x)


def test_tensors_of_one_element_in_a_list_are_numbers() -> None:
    found = tg.tensor([tg.tensor([1.0]), tg.tensor([[2.0]]), tg.tensor(3.0)])
    assert found.tolist() == [1, 2, 3]
    assert tg.tensor([tg.ones(2), tg.zeros(2)]).shape == (2, 2)


def test_histograms_have_a_hundred_bins_unless_asked() -> None:
    assert tg.histogram(tg.linspace(0, 4, 500)).hist.shape == (100,)
