"""What bounds do not know, they say: memory written behind the record, hooks, numbers that have no bounds.

The exact value lies inside, or there is the whole line, and no gradient is proved to be right or wrong by it.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

import tensorgrad as tg
from tensorgrad.autograd import Function
from tensorgrad.testing import enclose, gradcheck


def leaf(*values: float, dtype: Any = tg.float64) -> tg.Tensor:
    return tg.tensor(values, dtype=dtype, requires_grad=True)


def adds(y: tg.Tensor) -> None:
    with tg.no_grad():
        y += 1


def sets(y: tg.Tensor) -> None:
    with tg.no_grad():
        y[0] = 5.0


def in_numpy(y: tg.Tensor) -> None:
    y.detach().numpy()[0] = 7.0


WRITES: dict[str, Callable[[tg.Tensor], Any]] = {
    "no_grad": adds, "an element": sets, ".data": lambda y: y.data.add_(1), ".detach()": lambda y: y.detach().mul_(3),
    "NumPy": in_numpy,
}  # fmt: skip
READS: list[Callable[[tg.Tensor, tg.Tensor], tg.Tensor]] = [
    lambda y, x: y**2,
    lambda y, x: y * x,
    lambda y, x: y,
    lambda y, x: y.sum(),
    lambda y, x: y.reshape(2, 1) * x,
    lambda y, x: y.double() * x,
    lambda y, x: y * tg.ones(2, dtype=tg.float64),
]


@pytest.mark.parametrize("write", WRITES.values(), ids=WRITES)
@pytest.mark.parametrize("read", READS)
@pytest.mark.parametrize("dtype", [tg.float64, tg.float32])
def test_of_memory_that_was_written_without_a_record_nothing_is_known(write: Any, read: Any, dtype: Any) -> None:
    def f(x: tg.Tensor) -> Any:
        y = 2 * x.to(dtype)
        write(y)
        return read(y, x).double()

    x = leaf(1.0, 2.0)
    for sharp in (False, True):
        found = enclose(f, x, sharp=sharp)
        assert found.values[0].contains(f(x).detach().numpy())
        assert found.gradients[0] is not None
        assert not found.gradients[0].finite.any()
        assert any("without a record" in why for why in found.bounds.unknown.values())
    (proof,) = gradcheck(f, x, raise_exception=False).proofs
    assert (proof.right, proof.wrong, "without a record" in proof.why) == (0, (), True)


class WritesInside(Function):
    @staticmethod
    def forward(ctx: Any, x: tg.Tensor) -> tg.Tensor:  # noqa: ARG004
        y = x.clone()
        y.data.mul_(2)
        return y

    @staticmethod
    def backward(ctx: Any, g: tg.Tensor) -> tg.Tensor:  # noqa: ARG004
        return g * 2


def test_a_function_that_writes_without_a_record_is_not_proved_wrong() -> None:
    report = gradcheck(WritesInside.apply, leaf(1.0, 2.0))
    assert not report.proofs[0].wrong
    assert not report.proofs[0].right


def test_what_is_written_when_everything_has_read_it_changes_nothing() -> None:
    def f(x: tg.Tensor) -> tg.Tensor:
        y = x.exp()
        z = y.sum()
        y.data.mul_(2)
        return z * 3

    found = enclose(f, leaf(0.0, 1.0))
    assert found.gradients[0] is not None
    assert found.gradients[0].finite.all()
    assert (np.abs(found.gradients[0].middle - 3 * np.exp([0, 1])) < 1e-12).all()


def test_a_gradient_that_a_hook_is_given_is_not_known() -> None:
    def f(x: tg.Tensor) -> tg.Tensor:
        y = x * 2
        y.register_hook(lambda g: g * 2)
        return y * y

    found = enclose(f, leaf(1.0, 2.0))
    assert found.values[0].contains([4.0, 16.0])
    assert found.gradients[0] is not None
    assert not found.gradients[0].finite.any()
    assert any("hook" in why for why in found.bounds.unknown.values())
    report = gradcheck(f, leaf(1.0, 2.0), raise_exception=False)
    assert (report.verdict, report.proofs[0].right, report.proofs[0].wrong) == ("failed", 0, ())
