"""Grad modes, anomaly detection, hooks on tensors and modules, checkpointing."""

from __future__ import annotations

import asyncio
import gc
import threading
import weakref
from collections.abc import Iterator
from typing import Any

import numpy as np
import pytest

import tensorgrad as tg
from tensorgrad import nn
from tensorgrad.errors import AnomalyError, AutogradError, InPlaceError
from tensorgrad.utils.checkpoint import checkpoint


def leaf(*values: float) -> tg.Tensor:
    return tg.tensor(list(values), dtype=tg.float64, requires_grad=True)


# --- modes ------------------------------------------------------------------------------------------------------------


def test_set_grad_enabled_switches_at_once_and_restores_as_a_context() -> None:
    tg.set_grad_enabled(False)
    try:
        assert not tg.is_grad_enabled()
        with tg.set_grad_enabled(True):
            assert tg.is_grad_enabled()
        assert not tg.is_grad_enabled()
    finally:
        tg.set_grad_enabled(True)

    @tg.set_grad_enabled(False)
    def inside() -> bool:
        return tg.is_grad_enabled()

    assert tg.is_grad_enabled()
    assert not inside()
    assert not inside()
    assert tg.is_grad_enabled()


@pytest.mark.parametrize("decorate", [tg.no_grad, tg.no_grad(), tg.inference_mode, tg.inference_mode()])
def test_decorators_work_with_and_without_brackets(decorate: Any) -> None:
    @decorate
    def inside(x: tg.Tensor, *, scale: float) -> tg.Tensor:
        """Documented."""
        return x * scale

    assert not inside(leaf(1.0), scale=2.0).requires_grad
    assert inside.__doc__ == "Documented."
    assert tg.is_grad_enabled()


def test_inference_mode_says_so_and_can_be_off() -> None:
    with tg.inference_mode():
        assert tg.is_inference_mode_enabled()
        assert not (leaf(1.0) * 2).requires_grad
    with tg.inference_mode(False):
        assert (leaf(1.0) * 2).requires_grad
    assert not tg.is_inference_mode_enabled()


def test_a_decorated_generator_keeps_its_mode_to_itself() -> None:
    @tg.no_grad()
    def numbers() -> Iterator[bool]:
        yield tg.is_grad_enabled()
        with tg.enable_grad():
            yield tg.is_grad_enabled()
            yield tg.is_grad_enabled()
        sent = yield tg.is_grad_enabled()
        yield sent

    source = numbers()
    seen = []
    for _ in range(4):
        seen.append(next(source))
        assert tg.is_grad_enabled()
    assert seen == [False, True, True, False]
    assert source.send("sent") == "sent"
    with pytest.raises(StopIteration):
        next(source)


def test_errors_thrown_into_a_decorated_generator_arrive() -> None:
    caught: list[str] = []

    @tg.no_grad()
    def careful() -> Iterator[int]:
        try:
            yield 1
        except KeyError as error:
            caught.append(str(error))
            yield 2
        finally:
            caught.append("closed")

    source = careful()
    next(source)
    assert source.throw(KeyError("thrown")) == 2
    source.close()
    assert caught == ["'thrown'", "closed"]


def test_threads_and_tasks_have_modes_of_their_own() -> None:
    seen: list[bool] = []
    with tg.no_grad():
        thread = threading.Thread(target=lambda: seen.append(tg.is_grad_enabled()))
        thread.start()
        thread.join()
    assert seen == [True]

    async def task(enabled: bool) -> bool:
        with tg.set_grad_enabled(enabled):
            await asyncio.sleep(0)
            return tg.is_grad_enabled()

    async def both() -> list[bool]:
        return await asyncio.gather(task(True), task(False), task(True))

    assert asyncio.run(both()) == [True, False, True]


# --- anomaly detection ------------------------------------------------------------------------------------------------


def test_anomaly_detection_stops_at_the_first_value_that_is_not_finite() -> None:
    x = leaf(1.0, -1.0)
    with np.errstate(all="ignore"), tg.autograd.detect_anomaly():
        with pytest.raises(
            AnomalyError, match=r"'log' returned nan values in its forward pass at test_modes_and_hooks"
        ):
            x.log()
        with pytest.raises(AnomalyError, match="'div' returned infinite values"):
            (x * 1) / (x - x)
        assert tg.autograd.is_anomaly_enabled()
    assert not tg.autograd.is_anomaly_enabled()


def test_anomaly_detection_names_the_backward_of_the_operation_and_its_line() -> None:
    x = leaf(0.0, 4.0)
    with np.errstate(all="ignore"), tg.autograd.detect_anomaly():
        y = x.sqrt()  # the line to name
        with pytest.raises(
            AnomalyError, match=r"'sqrtBackward' returned infinite .* test_modes_and_hooks.*the line to name"
        ):
            y.sum().backward()
        tg.where(x > 0, x.sqrt(), 0.0).sum().backward()
    assert x.grad.tolist() == [0.0, 0.25]


def test_set_detect_anomaly_is_a_switch() -> None:
    tg.autograd.set_detect_anomaly(True)
    try:
        with np.errstate(all="ignore"), pytest.raises(AnomalyError):
            tg.zeros(1).log()
    finally:
        tg.autograd.set_detect_anomaly(False)
    with np.errstate(all="ignore"):
        tg.zeros(1).log()


def test_a_second_backward_says_where_the_graph_was_freed() -> None:
    x = leaf(1.0)
    y = (x * x).exp()
    y.backward()  # freed here
    with pytest.raises(AutogradError, match=r"freed by the backward pass at test_modes_and_hooks.*freed here"):
        y.backward()


def test_what_pytorch_calls_autograds_own_is_found_there() -> None:
    from tensorgrad.autograd import gradcheck, gradgradcheck
    from tensorgrad.autograd.functional import jacobian

    assert gradcheck(lambda v: v.sin(), leaf(0.5))
    assert gradgradcheck(lambda v: v.sin(), leaf(0.5))
    assert jacobian(lambda v: v * v, leaf(2.0)).tolist() == [[4.0]]
    assert tg.autograd.function.once_differentiable
    with pytest.raises(AttributeError, match=r"nearest: .*gradcheck"):
        tg.autograd.gradchek  # noqa: B018 - the look-up is the test


# --- hooks ------------------------------------------------------------------------------------------------------------


def test_a_hook_sees_the_whole_gradient_and_may_replace_it() -> None:
    x = leaf(1.0, 2.0)
    y = x * 3
    seen: list[Any] = []
    handle = y.register_hook(lambda g: seen.append(g.tolist()))
    y.register_hook(lambda g: g * 10)
    (y * y + y).sum().backward()
    assert seen == [[7.0, 13.0]]
    assert x.grad.tolist() == [210.0, 390.0]
    handle.remove()
    handle.remove()
    (x * 1).sum().backward()
    assert len(seen) == 1


def test_hooks_of_a_leaf_stay_when_its_data_or_its_requires_grad_change() -> None:
    x = leaf(1.0)
    seen: list[Any] = []
    x.register_hook(lambda g: seen.append(g.item()))
    x.data = tg.tensor([5.0], dtype=tg.float64)
    (x * x).backward()
    x.requires_grad = False
    x.requires_grad = True
    (x * x).backward()
    assert seen == [10.0, 10.0]


def test_a_hook_is_called_in_grad_and_differentiated_with_create_graph() -> None:
    x = leaf(2.0)
    y = x * x
    y.register_hook(lambda g: g * x)
    (g,) = tg.autograd.grad(y, x, create_graph=True)
    assert g.item() == 8.0  # 2 x * x
    (h,) = tg.autograd.grad(g, x)
    assert h.item() == 8.0  # d(2 x^2)/dx


def test_after_accumulation_hooks_see_the_leaf_with_its_gradient() -> None:
    x = leaf(1.0, 2.0)
    seen: list[Any] = []
    handle = x.register_post_accumulate_grad_hook(lambda p: seen.append(p.grad.tolist()))
    (x * 2).sum().backward()
    (x * 2).sum().backward()
    assert seen == [[2.0, 2.0], [4.0, 4.0]]
    handle.remove()
    with pytest.raises(AutogradError, match="non-leaf"):
        (x * 2).register_post_accumulate_grad_hook(print)
    with pytest.raises(AutogradError, match="doesn't require gradient"):
        tg.ones(1).register_hook(print)


def test_forward_hooks_may_change_arguments_and_output() -> None:
    layer = nn.ReLU()
    layer.register_forward_pre_hook(lambda m, args: args[0] - 1)
    layer.register_forward_hook(lambda m, args, output: output * 10)
    first = layer.register_forward_pre_hook(lambda m, args: (args[0] * 2,), prepend=True)
    assert layer(tg.tensor([1.0, 3.0])).tolist() == [10.0, 50.0]
    first.remove()
    assert layer(tg.tensor([1.0, 3.0])).tolist() == [0.0, 20.0]


def test_hooks_with_keyword_arguments() -> None:
    class Scaled(nn.Module):
        def forward(self, x: Any, *, by: float = 1.0) -> Any:
            return x * by

    layer = Scaled()
    seen: list[Any] = []
    layer.register_forward_pre_hook(lambda m, args, kwargs: (args, {"by": kwargs["by"] + 1}), with_kwargs=True)
    layer.register_forward_hook(lambda m, args, kwargs, out: seen.append(kwargs), with_kwargs=True)
    assert layer(tg.ones(1), by=2.0).tolist() == [3.0]
    assert seen == [{"by": 3.0}]


@pytest.mark.parametrize("t", ["tensorgrad", "torch"])
def test_full_backward_hooks_see_and_replace_gradients_as_in_pytorch(t: str) -> None:
    lib: Any = tg if t == "tensorgrad" else pytest.importorskip("torch", reason="the comparison needs PyTorch")
    layer = lib.nn.Linear(2, 2, bias=False)
    with lib.no_grad():
        layer.weight.copy_(lib.tensor([[1.0, 2.0], [3.0, 4.0]]))
    seen: list[Any] = []
    layer.register_full_backward_hook(
        lambda m, gi, go: (seen.append((gi[0].tolist(), go[0].tolist())), (gi[0] * 100,))[1]
    )
    layer.register_full_backward_pre_hook(lambda m, go: (go[0] * 2,))
    x = lib.tensor([[1.0, -1.0]], requires_grad=True)
    layer(x).sum().backward()
    assert seen == [([[8.0, 12.0]], [[2.0, 2.0]])]
    assert x.grad.tolist() == [[800.0, 1200.0]]
    assert layer.weight.grad.tolist() == [[2.0, -2.0], [2.0, -2.0]]


def test_a_backward_hook_without_differentiable_arguments_is_called_with_none() -> None:
    layer = nn.Linear(2, 1)
    seen: list[Any] = []
    layer.register_full_backward_hook(lambda m, gi, go: seen.append((gi, go[0].tolist())))
    layer(tg.ones(1, 2)).sum().backward()
    assert seen == [((None,), [[1.0]])]


# --- checkpoint -------------------------------------------------------------------------------------------------------


def network() -> nn.Sequential:
    tg.manual_seed(0)
    return nn.Sequential(
        nn.Linear(4, 8), nn.BatchNorm1d(8), nn.Tanh(), nn.Dropout(0.4), nn.Linear(8, 3), nn.Sigmoid()
    ).double()


def test_a_checkpoint_gives_the_same_numbers_updates_statistics_once_and_repeats_the_mask() -> None:
    x = tg.randn(6, 4, dtype=tg.float64)
    results = []
    for run in (
        lambda net, v: net(v),
        lambda net, v: checkpoint(net, v),
        lambda net, v: checkpoint(net, v, use_reentrant=False),
    ):
        net, v = network(), x.clone().requires_grad_()
        tg.manual_seed(7)
        y = run(net, v)
        (y * y).sum().backward()
        after = tg.rand(3).tolist()
        results.append([y.tolist(), v.grad.tolist(), [p.grad.tolist() for p in net.parameters()],
                        net[1].running_mean.tolist(), net[1].num_batches_tracked.item(), after])  # fmt: skip
    assert results[0] == results[1] == results[2]


def test_a_checkpoint_keeps_only_its_inputs() -> None:
    inner: list[Any] = []

    def f(v: tg.Tensor) -> tg.Tensor:
        h = v.exp()
        inner.append(weakref.ref(h.array))
        return h.sin() * v

    x = leaf(1.0, 2.0)
    y = checkpoint(f, x)
    assert inner[0]() is None
    y.sum().backward()
    assert len(inner) == 2
    z = leaf(1.0, 2.0)
    f(z).sum().backward()
    assert x.grad.tolist() == z.grad.tolist()


def test_second_derivatives_through_a_checkpoint_are_right() -> None:
    w = leaf(0.5, -1.5)

    def f(v: tg.Tensor) -> Any:
        return (v * w).sin() * v, (v + w).exp()

    for function in (f, lambda v: checkpoint(f, v)):
        x = leaf(0.3, 0.7)
        a, b = function(x * 1)
        (g,) = tg.autograd.grad((a * b).sum(), x, create_graph=True)
        second = tg.autograd.grad((g * g).sum(), [x, w])
        if function is f:
            expected = [g.tolist(), *[s.tolist() for s in second]]
        else:
            np.testing.assert_allclose([g.tolist(), *[s.tolist() for s in second]], expected, rtol=1e-12)


def test_a_checkpoint_in_a_checkpoint_and_a_parameter_used_inside_and_outside() -> None:
    w, v = leaf(2.0), leaf(2.0)

    def inner(x: Any, p: Any) -> Any:
        return (x * p).sin()

    def outer(x: Any, p: Any, run: Any) -> Any:
        return run(lambda z: inner(z, p) * p, x * p) + p

    y = checkpoint(lambda z: outer(z, w, checkpoint), w * 3) * w
    y.backward()
    (outer(v * 3, v, lambda f, *a: f(*a)) * v).backward()
    np.testing.assert_allclose(w.grad.tolist(), v.grad.tolist(), rtol=1e-14)


def test_a_checkpoint_of_changed_inputs_or_functions_is_refused() -> None:
    x = leaf(1.0, 2.0)
    y = x * 1
    z = checkpoint(lambda v: v.exp(), y)
    y.zero_()
    with pytest.raises(InPlaceError):
        z.sum().backward()
    calls: list[int] = []

    def unsteady(v: Any) -> Any:
        calls.append(1)
        return v.exp() if len(calls) == 1 else v.exp()[:1]

    with pytest.raises(AutogradError, match="other results when it was run again"):
        checkpoint(unsteady, x).sum().backward()


def test_without_grad_mode_a_checkpoint_is_the_function() -> None:
    with tg.no_grad():
        assert not checkpoint(lambda v: v * 2, leaf(1.0)).requires_grad
    assert checkpoint(lambda v: v * 2, tg.ones(2)).tolist() == [2.0, 2.0]


def test_a_checkpoint_leaves_no_cycle() -> None:
    net = network()
    gc.collect()
    gc.disable()
    try:
        y = checkpoint(net, tg.randn(5, 4, dtype=tg.float64, requires_grad=True))
        node = weakref.ref(y.grad_fn)
        y.sum().backward()
        del y
        assert node() is None
    finally:
        gc.enable()
