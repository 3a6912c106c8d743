"""What bounds do not know, they say: memory written behind the record, hooks, numbers that have no bounds.

The exact value lies inside, or there is the whole line, and no gradient is proved to be right or wrong by it.
"""

from __future__ import annotations

import copy
import pickle
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from hypothesis import given, strategies as st

import tensorgrad as tg
from tensorgrad.autograd import Function
from tensorgrad.errors import ArgumentError
from tensorgrad.testing import Interval, enclose, gradcheck


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


def uncertain(t: tg.Tensor) -> tg.Tensor:
    """Which of 0 and 1 it is, is hidden by rounding; in the run it is 0, of a positive number it is 1."""
    return ((t + 1 - 1) > 0).long()


def chosen(x: tg.Tensor) -> tg.Tensor:
    return tg.where(tg.isfinite(x.exp()), x, -x)


BRANCHES: dict[str, tuple[Callable[[tg.Tensor], tg.Tensor], list[float], list[float], list[float]]] = {
    "~": (lambda x: ~(x + 1 > 1) * x, [1e-9], [0.0], [0.0]),
    "sum": (lambda x: (x + 1 > 1).sum() * x, [1e-9, 2.0], [2e-9, 4.0], [2.0, 2.0]),
    "long": (lambda x: (x + 1 > 1).long() * x, [1e-9, 2.0], [1e-9, 2.0], [1.0, 1.0]),
    "&": (lambda x: ((x + 1 > 1) & (x > 0)) * x, [1e-9, 2.0], [1e-9, 2.0], [1.0, 1.0]),
    "isfinite": (chosen, [100.0], [100.0], [1.0]),
    "isinf": (lambda x: x.masked_fill(tg.isinf(x.exp()), 0.0), [100.0], [100.0], [1.0]),
    "any": (lambda x: (x + 1 > 1).any() * x, [1e-9], [1e-9], [1.0]),
}


@pytest.mark.parametrize("name", BRANCHES)
def test_whole_numbers_and_booleans_are_those_of_exact_arithmetic_and_not_of_the_run(name: str) -> None:
    f, at, value, gradient = BRANCHES[name]
    with np.errstate(over="ignore"):
        found = enclose(f, leaf(*at, dtype=tg.float32))
    assert found.gradients[0] is not None
    assert near(found.values[0], value)
    assert near(found.gradients[0], gradient)


def near(found: Interval, exact: list[float]) -> bool:
    """Whether an interval holds numbers, but for what float32 has made of the arguments."""
    size = 1e-6 * np.abs(exact)
    return bool((found.low <= exact + size).all() and (found.high >= exact - size).all())


WHERE = {
    "scatter": lambda x, t: tg.zeros(2, dtype=tg.float64).scatter(0, uncertain(t), x),
    "scatter_add": lambda x, t: tg.zeros(2, dtype=tg.float64).scatter_add(0, uncertain(t), x),
    "index_put": lambda x, t: tg.zeros(2, dtype=tg.float64).index_put((uncertain(t),), x),
    "index_fill": lambda x, t: (x * 1).index_fill(0, uncertain(t), 7.0),
    "index_copy": lambda x, t: (x * 1).index_copy(0, uncertain(t), x * 5),
    "y[i] = v": lambda x, t: assigned(x, t),
    "any": lambda x, t: (t + 1 - 1).any() * x,
    "all": lambda x, t: (t + 1 - 1).all() * x,
    "&": lambda x, t: ((uncertain(t) + 3) & 3) * x,
    "|": lambda x, t: ((uncertain(t) + 3) | 8) * x,
    "^": lambda x, t: (uncertain(t) ^ 1) * x,
    "~": lambda x, t: ~uncertain(t) * x,
    "uint8": lambda x, t: (uncertain(t).to(tg.uint8) * 200 + 100) * x,
    "-uint8": lambda x, t: (-uncertain(t).to(tg.uint8)) * x,
    "bool + bool": lambda x, t: ((t + 1 - 1 > 0) + (x > 0)) * x,
    "argmax": lambda x, t: uncertain(t).argmax() * x,
    "cumsum": lambda x, t: uncertain(t).cumsum(0) * x,
    "sort": lambda x, t: uncertain(t).sort()[0] * x,
}


def assigned(x: tg.Tensor, t: tg.Tensor) -> tg.Tensor:
    y = tg.zeros(2, dtype=tg.float64)
    y[uncertain(t)] = x
    return y


@pytest.mark.parametrize("name", WHERE)
@pytest.mark.parametrize("first", [0.0, 1.0])
@pytest.mark.parametrize("second", [0.0, 1.0])
def test_what_rounding_hides_may_be_either(name: str, first: float, second: float) -> None:
    f, x = WHERE[name], leaf(2.0, 3.0)
    found = enclose(f, x, leaf(*[1e-20] * 2))
    y = f(x, tg.tensor([first, second], dtype=tg.float64))
    assert found.values[0].contains(y.detach().numpy()) or (name == "any" and not first + second)
    (g,) = tg.autograd.grad(y.sum(), x)
    assert found.gradients[0] is not None
    assert found.gradients[0].contains(g.numpy()) or (name == "any" and not first + second)


def test_any_is_certain_where_one_element_is_not_zero() -> None:
    found = enclose(lambda x: (x.any() * 1.0, x.all() * 1.0), Interval([-1.0, 1.0], [1.0, 2.0]))
    assert (found.values[0].low, found.values[0].high) == (1.0, 1.0)
    assert (found.values[1].low, found.values[1].high) == (0.0, 1.0)
    assert enclose(lambda x: x.any() * 1.0, Interval([-1.0], [1.0])).values[0].contains(Interval(0.0, 1.0))


WHOLE: list[tuple[Callable[[tg.Tensor], tg.Tensor], float, float]] = [
    (lambda x: ~x.long() * x, 0.0, 1.0),
    (lambda x: (x.long() & 3) * x, 0.0, 5.0),
    (lambda x: (x.long() ^ 1) * x, -3.0, 5.0),
    (lambda x: (x.to(tg.int8) * 2) * x, 0.0, 100.0),
    (lambda x: (x * 100).to(tg.uint8) * x, 0.0, 1.0),
    (lambda x: ((x > 0.2) + (x > 0.4)) * x, 0.0, 1.0),
    (lambda x: x.argmax() * x, 0.0, 1.0),
    (lambda x: tg.zeros(3, dtype=tg.float64).scatter(0, (x > 0.3).long(), x), 0.0, 1.0),
    (lambda x: x.long() // 2 * x, -3.0, 5.0),
    (lambda x: x.long() % 3 * x, -3.0, 5.0),
]


@pytest.mark.parametrize("place", range(len(WHOLE)))
@given(parts=st.lists(st.floats(0, 1), min_size=3, max_size=3))
def test_whole_numbers_over_an_interval_hold_those_of_every_number_inside(place: int, parts: list[float]) -> None:
    f, low, high = WHOLE[place]
    found = enclose(f, Interval([low] * 3, [high] * 3))
    inner = np.clip(low + np.array(parts) * (high - low), low, high)
    x = leaf(*inner)
    y = f(x)
    (g,) = tg.autograd.grad(y.sum(), x)
    assert found.gradients[0] is not None
    assert found.values[0].contains(y.detach().numpy())
    assert found.gradients[0].contains(g.numpy())


def test_a_number_below_those_of_its_dtype_has_no_place_there() -> None:
    assert not enclose(lambda x: (x * 100).to(tg.uint8) * 1.0, Interval([-1.0], [1.0])).values[0].finite.any()


@pytest.mark.parametrize("copied", [copy.deepcopy, lambda x: pickle.loads(pickle.dumps(x))])
def test_a_copy_that_is_a_constant_is_refused_over_an_interval(copied: Any) -> None:
    with pytest.raises(ArgumentError, match="one way through the function"):
        enclose(lambda x: copied(x.detach()) * x, Interval([0.0], [1.0]))


def test_values_without_a_gradient_have_none() -> None:
    found = enclose(lambda x: (x.argmax(), x * x), leaf(1.0, 2.0))
    assert (found.gradients, found.values[1].contains([1.0, 4.0])) == ((None,), True)


@pytest.mark.parametrize("f", [tg.linalg.inv, lambda x: tg.linalg.matrix_power(x, -2)])
def test_a_matrix_that_is_singular_in_the_middle_is_not_bounded(f: Any) -> None:
    found = enclose(f, Interval(-np.ones((3, 3)), np.ones((3, 3))))
    assert not found.values[0].finite.any()
    with pytest.raises(np.linalg.LinAlgError):
        enclose(f, np.ones((3, 3)))


def test_sharp_bounds_hold_what_is_too_small_for_a_double() -> None:
    found = enclose(lambda x: x.cumprod(0), leaf(1e-300, 1e-200, 1e-150), sharp=True)
    assert (found.values[0].low[1:] <= 0).all()
    assert (found.values[0].high > 0).all()


def rule(forward: Any, backward: Any) -> Any:
    """A function with the derivative that is given."""

    class Own(Function):
        @staticmethod
        def forward(ctx: Any, x: tg.Tensor) -> Any:
            ctx.save_for_backward(x)
            return forward(x)

        @staticmethod
        def backward(ctx: Any, g: tg.Tensor) -> Any:
            return backward(g, *ctx.saved_tensors)

    return Own.apply


@pytest.mark.parametrize(
    "f",
    [
        rule(lambda x: x * 1e-10, lambda g, x: g * 2e-10),
        rule(lambda x: x.sin() * 1e-12, lambda g, x: g * 0),
        rule(lambda x: x * tg.ones(1, dtype=tg.float16), lambda g, x: g * 1.2),
        lambda x: rule(lambda x: x * 1, lambda g, x: g * 1.2)(x) * (x > 0).half(),
    ],
)
def test_what_is_wrong_by_little_or_beside_half_precision_is_not_proved_right(f: Any) -> None:
    report = gradcheck(f, leaf(0.5, 2.0), raise_exception=False)
    assert report.verdict == "failed"
    assert report.proofs[0].right == 0


def test_a_tiny_gradient_that_is_right_is_proved_to_be() -> None:
    report = gradcheck(rule(lambda x: x.sin() * 1e-12, lambda g, x: g * x.cos() * 1e-12), leaf(0.5, 2.0))
    assert (report.proofs[0].right, report.proofs[0].wrong) == (2, ())


@pytest.mark.parametrize(
    "forward",
    [
        lambda x: tg.tensor(np.sin(x.detach().numpy())),
        lambda x: tg.tensor(np.sin(x.numpy())),
        lambda x: x.detach().sin(),
        lambda x: x.sin() + 0 * x.detach(),
    ],
)
def test_of_a_function_whose_forward_leaves_the_record_nothing_is_known(forward: Any) -> None:
    own = rule(forward, lambda g, x: g * x.cos())
    for f in (own, lambda x: own(x) * x, lambda x: own(x * 2)):
        found = enclose(f, leaf(0.3, 0.7))
        assert found.values[0].contains(f(leaf(0.3, 0.7)).detach().numpy())
        assert found.gradients[0] is not None
        assert not found.gradients[0].finite.any()
        assert any("a Function of the user's" in why for why in found.bounds.unknown.values())
        (proof,) = gradcheck(f, leaf(0.3, 0.7)).proofs
        assert (proof.right, proof.wrong) == (0, ())


SORTED: list[Callable[[tg.Tensor], tg.Tensor]] = [
    lambda x: x.sort(1)[0],
    lambda x: x.sort(1, descending=True)[0],
    lambda x: x.topk(2, 1)[0],
    lambda x: x.max(1)[0],
    lambda x: x.min(1)[0],
    lambda x: x.median(1)[0],
    lambda x: x.kthvalue(2, 1)[0],
    lambda x: x.quantile(0.3, 1),
    lambda x: x.msort(),
    lambda x: x.gather(1, x.argsort(1)),
]


@pytest.mark.parametrize("place", range(len(SORTED)))
@given(values=st.lists(st.sampled_from([-1.5, 0.0, 0.1, 0.3, 2.0, 7.0]), min_size=6, max_size=6))
def test_what_sorts_is_bounded_where_the_numbers_are_distinct(place: int, values: list[float]) -> None:
    def f(x: tg.Tensor) -> tg.Tensor:
        return SORTED[place]((x * 1.1).reshape(2, 3))

    x = leaf(*values)
    found, y = enclose(f, x), f(x)
    (g,) = tg.autograd.grad(y.sum(), x)
    assert found.gradients[0] is not None
    apart = found.values[0].finite.all()
    assert apart or len({*values[:3]}) < 3 or len({*values[3:]}) < 3 or place == 8
    assert not apart or near(found.values[0], y.detach().numpy())
    if len({*values}) == 6:
        assert near(found.gradients[0], g.numpy())
