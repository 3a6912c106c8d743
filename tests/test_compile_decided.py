"""What a step makes of a number that it has computed: it is returned, or decides what comes next."""

from __future__ import annotations

from typing import Any

import pytest

import tensorgrad as tg
from tensorgrad import nn, optim
from tensorgrad.nn.functional import cross_entropy
from tests import compile_networks as nets
from tests.compile_networks import Run, batches, compare


def norm(net: nn.Module) -> tg.Tensor:
    return nn.utils.clip_grad_norm_(net.parameters(), 0.05)


def returned(net: nn.Module, loss: tg.Tensor) -> Any:
    return loss, norm(net)


def returned_anew(net: nn.Module, loss: tg.Tensor) -> Any:
    total = norm(net)
    return {"twice": total * 2, "same": total, "again": total, "loss": loss.detach() + total}


def deciding(net: nn.Module, loss: tg.Tensor) -> Any:
    return None if norm(net) > 0.6 else loss


def deciding_by_item(net: nn.Module, loss: tg.Tensor) -> Any:
    return None if (norm(net) * 2 > 1.2).item() else loss


def finite(net: nn.Module, loss: tg.Tensor) -> Any:
    if not tg.isfinite(norm(net)):
        raise ValueError("the gradients are not finite")
    return loss


def total_apart(net: nn.Module, loss: tg.Tensor) -> Any:
    total = nn.utils.get_total_norm([p.grad for p in net.parameters() if p.grad is not None], error_if_nonfinite=True)
    nn.utils.clip_grads_with_norm_(net.parameters(), 0.05, total)
    return loss, total


DECIDED = {f.__name__: f for f in (returned, returned_anew, deciding, deciding_by_item, finite, total_apart)}


@pytest.mark.parametrize("name", DECIDED)
def test_the_norm_of_clipped_gradients(backend: str, name: str) -> None:
    def build() -> Run:
        net = nets.mlp()
        optimizer = optim.Adam(net.parameters(), lr=1e-2)

        def step(x: tg.Tensor, y: tg.Tensor) -> Any:
            optimizer.zero_grad()
            loss = cross_entropy(net(x), y)
            loss.backward()
            found = DECIDED[name](net, loss)
            if found is not None:
                optimizer.step()
            return found

        return Run(step, batches(16, 12, classes=4), [net], [optimizer])

    compiled = compare(backend, build)
    assert not compiled.reasons
    assert compiled.runs == 20 - compiled.captures >= 14


def test_a_norm_that_is_not_finite_is_told_by_the_step_itself(backend: str) -> None:
    def run(compiled: bool) -> list[Any]:
        w = tg.ones(3, requires_grad=True)

        def step(x: tg.Tensor) -> tg.Tensor:
            w.grad = None
            (w * x).sum().backward()
            total = nn.utils.clip_grad_norm_([w], 1.0, error_if_nonfinite=True)
            with tg.no_grad():
                w.sub_(w.grad)
            return total

        function = tg.compile(step, backend=backend, fullgraph=True) if compiled else step
        found: list[Any] = []
        for k in range(9):
            x = tg.tensor([1.0, float("inf") if k % 4 == 3 else k, 2.0])
            try:
                found.append(nets.bits(function(x)))
            except RuntimeError as error:
                found.append(str(error))
            found += [nets.bits(w), nets.bits(w.grad)]
        return found

    assert run(True) == run(False)
