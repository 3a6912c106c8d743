"""What a sweep asks for and gives: seeds, inputs, accumulation, cost, and an engine usable after a failure."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

import tensorgrad as tg
from tensorgrad.autograd import backward, grad, jvp
from tensorgrad.errors import AutogradError, InPlaceError, ShapeError
from tests.values import close, grad_of, leaf

# --- what a sweep asks ------------------------------------------------------------------------------------------------


def test_a_second_backward_raises_and_retain_graph_allows_it() -> None:
    x = leaf([1.0, 2.0])
    y = (x * x).sum()
    y.backward(retain_graph=True)
    y.backward()
    close(grad_of(x), [4.0, 8.0])
    with pytest.raises(
        AutogradError, match=r"(?s)Trying to backward through the graph a second time.*retain_graph=True"
    ):
        y.backward()
    with pytest.raises(RuntimeError):
        grad(y, x)
    with pytest.raises(RuntimeError):
        jvp(y, x, tg.ones(2, dtype=tg.float64))
    close(grad_of(x), [4.0, 8.0])


def test_a_second_backward_through_a_shared_part_raises() -> None:
    x = leaf([1.0])
    shared = x.exp()
    first, second = (shared * 2).sum(), (shared * 3).sum()
    first.backward()
    with pytest.raises(AutogradError, match="exp"):
        second.backward()


def test_backward_of_several_elements_needs_a_gradient_of_that_shape() -> None:
    x = leaf([1.0, 2.0])
    with pytest.raises(AutogradError, match=r"grad can be implicitly created only for scalar outputs.*\(2,\)"):
        (x * 2).backward()
    with pytest.raises(ShapeError, match=r"\(3,\).*\(2,\)"):
        (x * 2).backward(tg.ones(3))
    assert x.grad is None
    (x * 2).backward(tg.tensor([1.0, 10.0]))
    close(grad_of(x), [2.0, 20.0])
    (x * 2).backward(gradient=np.array([1.0, 1.0]))
    close(grad_of(x), [4.0, 22.0])
    y = leaf([[3.0]])
    (y * 2).backward()
    close(grad_of(y), [[2.0]])


def test_backward_of_a_constant_raises() -> None:
    for y in (tg.ones(1), tg.ones(1) * 2, leaf([1.0]).detach()):
        with pytest.raises(AutogradError, match="does not require grad and does not have a grad_fn"):
            y.backward()
    with tg.no_grad():
        y = leaf([1.0]) * 2
    with pytest.raises(AutogradError, match="no_grad"):
        y.backward()


def test_grad_of_an_unused_input_raises_or_gives_none_or_zeros() -> None:
    x, unused = leaf([1.0, 2.0]), leaf([[3.0]])
    with pytest.raises(AutogradError, match="allow_unused=True"):
        grad((x * x).sum(), (x, unused))
    g, nothing = grad((x * x).sum(), (x, unused), allow_unused=True)
    assert nothing is None
    close(g, [2.0, 4.0])
    g, zeros = grad((x * x).sum(), (x, unused), materialize_grads=True)
    close(zeros, [[0.0]])
    assert (x.grad, unused.grad) == (None, None)
    with pytest.raises(AutogradError, match="does not require grad"):
        grad((x * x).sum(), tg.ones(2))


def test_grad_by_an_intermediate_result_and_by_the_output_itself() -> None:
    x = leaf([1.0, 2.0])
    h = x * 3
    y = (h * h).sum()
    gx, gh, gy = grad(y, (x, h, y))
    close(gh, [6.0, 12.0])
    close(gx, [18.0, 36.0])
    close(gy, 1.0)


def test_grad_of_several_outputs_adds_them_up() -> None:
    x = leaf([1.0, 2.0])
    a, b = x * 2, (x * x).sum()
    (g,) = grad([a, b], x, grad_outputs=[tg.tensor([1.0, 1.0]), tg.tensor(10.0)])
    close(g, [22.0, 42.0])
    backward([(x * 2).sum(), (x * 3).sum()])
    close(grad_of(x), [5.0, 5.0])
    y = (x * x).sum()
    (twice,) = grad([y, y], x)
    close(twice, [4.0, 8.0])
    with pytest.raises(AutogradError, match="2 outputs and 1 gradients"):
        grad([x * 2, x * 3], x, grad_outputs=[tg.ones(2)])


def test_gradients_accumulate_until_they_are_forgotten() -> None:
    x = leaf([1.0, 2.0])
    for n in (1, 2, 3):
        (x * x).sum().backward()
        close(grad_of(x), [2.0 * n, 4.0 * n])
    x.grad = None
    (x * 5).sum().backward()
    close(grad_of(x), [5.0, 5.0])


def test_backward_with_inputs_fills_only_those() -> None:
    x, y = leaf([1.0]), leaf([2.0])
    (x * y).sum().backward(inputs=[x])
    close(grad_of(x), [2.0])
    assert y.grad is None


def test_backward_with_a_result_as_input_fills_its_gradient() -> None:
    x = leaf([1.0])
    y = x * 2
    (y * 3).sum().backward(inputs=[y])
    close(grad_of(y), [3.0])
    assert x.grad is None


def test_only_leaves_and_retained_results_get_a_gradient() -> None:
    x = leaf([1.0])
    y = x * 2
    z = y * 3
    z.retain_grad()
    (z * 5).sum().backward()
    close(grad_of(x), [30.0])
    close(grad_of(z), [5.0])
    assert y.grad is None
    with pytest.raises(AutogradError, match="retain_grad"):
        tg.ones(1).retain_grad()


def test_what_is_detached_or_a_constant_gets_no_gradient() -> None:
    x, c = leaf([2.0]), tg.tensor([3.0])
    (x * x.detach() * c).sum().backward()
    close(grad_of(x), [6.0])
    assert c.grad is None


def test_a_leaf_frozen_after_recording_receives_nothing_when_used_anew() -> None:
    x = tg.tensor([1.0])
    y = x * 2
    x.requires_grad = True
    z = (x * y).sum()
    z.backward()
    close(grad_of(x), np.array([2.0], np.float32))


# --- cost -------------------------------------------------------------------------------------------------------------


def test_a_repeated_operand_counts_each_time() -> None:
    x = leaf([3.0])
    (x * x).sum().backward()
    close(grad_of(x), [6.0])
    y = leaf([3.0])
    (y * y * y - y - y + y / y).sum().backward()
    close(grad_of(y), [25.0])
    (second,) = grad(grad((y * y).sum(), y, create_graph=True)[0].sum(), y)
    close(second, [2.0])


def test_a_leaf_used_ten_thousand_times_gets_every_contribution() -> None:
    x = leaf([1.0, 2.0])
    total = x * 0
    for k in range(10_000):
        total = total + x * (k % 2)
    total.sum().backward()
    close(grad_of(x), [5000.0, 5000.0])


def test_sixty_doublings_are_linear_work() -> None:
    x = leaf(1.0)
    y = x
    for _ in range(60):
        y = y + y
    y.backward(retain_graph=True)
    close(grad_of(x), 2.0**60)
    (tangent,) = jvp(y, x, tg.tensor(1.0))
    close(tangent, 2.0**60)


def test_a_product_repeated_sixty_times_is_linear_work() -> None:
    x = leaf(1.0)
    y = x
    for _ in range(60):
        y = y * y
    y.backward()
    close(grad_of(x), 2.0**60)


# --- failures leave the engine usable ---------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "fail",
    [
        lambda x: x + tg.ones(7),
        lambda x: x @ tg.ones(7),
        lambda x: x.reshape(5),
        lambda x: x[9],
        lambda x: (x * 2).backward(),
        lambda x: x.add_(1),
        lambda x: x.sum(3),
        lambda x: x + "a",
        lambda x: grad((x * x).sum(), leaf([1.0])),
        lambda x: tg.cat([x, tg.ones(1, 1)]),
        lambda x: [(x * x).sum()] * 2 and _twice((x * x).sum()),
    ],
)
def test_a_failed_call_leaves_the_engine_usable(fail: Callable[[tg.Tensor], Any]) -> None:
    x = leaf([1.0, 2.0, 3.0])
    with pytest.raises((ValueError, TypeError, RuntimeError, IndexError)):
        fail(x)
    x.grad = None
    assert tg.is_grad_enabled()
    assert x.tolist() == [1.0, 2.0, 3.0]
    (x * x).sum().backward()
    close(grad_of(x), [2.0, 4.0, 6.0])


def _twice(y: tg.Tensor) -> None:
    y.backward()
    y.backward()


def test_a_backward_that_fails_midway_fills_no_gradient() -> None:
    x, w = leaf([1.0]), leaf([2.0])
    h = x.exp()
    y = (h * w).sum()
    with tg.no_grad():
        h.mul_(2.0)
    with pytest.raises(InPlaceError):
        y.backward()
    assert (x.grad, w.grad) == (None, None)


def test_grad_takes_pytorchs_arguments_and_refuses_what_it_does_not_do() -> None:
    x = leaf([1.0])
    (g,) = grad(x * 2, x, only_inputs=True, allow_unused=None)
    assert g.tolist() == [2.0]
    for settings in ({"only_inputs": False}, {"is_grads_batched": True}):
        with pytest.raises(ValueError, match="only_inputs=True and is_grads_batched=False"):
            grad(x * 2, x, **settings)
