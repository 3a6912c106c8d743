"""The checker is held to both sides: right rules pass wherever the numbers lie, wrong ones never do."""

from __future__ import annotations

import math

import numpy as np
import pytest

import tensorgrad as tg
from tensorgrad import nn
from tensorgrad.errors import AutogradError, DTypeError, ShapeError
from tensorgrad.testing import GradcheckError, check_gradients, gradcheck, slope


def leaf(values) -> tg.Tensor:
    return tg.tensor(np.asarray(values, dtype=np.float64), requires_grad=True)


def random(*shape, seed=0) -> tg.Tensor:
    return leaf(np.random.default_rng(seed).normal(size=shape))


def with_gradient_times(fn, factor):
    """The function `fn` whose value is right and whose gradient is wrong by `factor`."""

    def wrong(*xs):
        return fn(*xs) * factor + fn(*xs).detach() * (1 - factor)

    return wrong


def batch_norm(x, weight, bias):
    return nn.functional.batch_norm(x, weight, bias, 1e-5)[0]


RIGHT = {
    "exp": (tg.exp, [random(3, 4)]),
    "matmul": (tg.matmul, [random(3, 4), random(4, 2, seed=1)]),
    "batch_norm": (batch_norm, [random(7, 3), random(3, seed=1), random(3, seed=2)]),
    "batch_norm far from 0": (batch_norm, [leaf(random(7, 3).array + 1e4), random(3, seed=1), random(3, seed=2)]),
    "identity at 1e12": (lambda x: x * 1.0, [leaf([1e12, -3.3e12])]),
    "log at 1e-6": (tg.log, [leaf([1e-6, 1.5e-6, 1.0])]),
    "sqrt at 1e-7": (tg.sqrt, [leaf([1e-7])]),
    "cube at 1e-12": (lambda x: x**3, [leaf([1e-12])]),
    "slope of 1e-7": (lambda x: x * 1e-7, [random(3)]),
    "beside a large constant": (lambda x: 1e8 + tg.sin(x), [leaf([1.0])]),
    "through cancellation": (lambda x: tg.sin((x + 1e6) - 1e6), [leaf([1.0, 0.3])]),
    "softmax that is nearly certain": (lambda x: tg.softmax(x, -1), [leaf(40 * random(4, 5).array)]),
    "relu beside its kink": (tg.relu, [leaf([1e-9, -1e-9, 1.0])]),
    "no axis": (tg.exp, [leaf(0.5)]),
    "no element": (tg.exp, [leaf(np.zeros((0, 3)))]),
    "an input twice": (lambda x, y: x * y + x, [random(3), random(3)]),
    "an input that is not used": (lambda x, y: x * 2, [random(3), random(3)]),
    "several outputs": (lambda x: (x * 2, tg.exp(x)), [random(3)]),
    "other arguments": (lambda x, n: x**n, [leaf([0.7, 1.3]), 3]),
    "more elements than are tried": (tg.tanh, [random(30, 20)]),
}


@pytest.mark.parametrize("name", RIGHT)
def test_a_right_gradient_passes(name) -> None:
    fn, inputs = RIGHT[name]
    assert gradcheck(fn, inputs)


def test_a_single_tensor_needs_no_list() -> None:
    assert gradcheck(tg.exp, random(3))


@pytest.mark.parametrize("scale", [1e-9, 1e-6, 1.0, 1e9])
@pytest.mark.parametrize("factor", [1 + 1e-6, 1 - 1e-6, 1.5, 2.0, 3.0, -1.0, 0.0])
@pytest.mark.parametrize("fn", [tg.exp, tg.sin, lambda x: x @ x.T, lambda x: x * x], ids=["exp", "sin", "xxT", "xx"])
def test_a_wrong_gradient_is_rejected_at_every_scale(fn, factor, scale) -> None:
    with pytest.raises(GradcheckError, match=r"input 0 at .* is wrong: analytic .*, numeric .* ±"):
        gradcheck(with_gradient_times(lambda x: fn(x) * scale, factor), random(3, 3))


def test_one_wrong_coordinate_of_many_is_found_and_named() -> None:
    def wrong(a, x):
        factor = np.ones(x.shape)
        factor[2, 1] = 1 + 1e-6
        return a.sum() + (tg.exp(x) * factor + tg.exp(x).detach() * (1 - factor)).sum()

    with pytest.raises(GradcheckError) as caught:
        gradcheck(wrong, [random(2), random(4, 3)])
    error = caught.value
    assert (error.input, error.index) == (1, (2, 1))
    assert error.analytic == pytest.approx(error.numeric * (1 + 1e-6), rel=1e-9)
    assert error.estimate < 1e-8 * abs(error.numeric)


def test_a_wrong_coordinate_outside_the_sample_is_found_by_the_directions() -> None:
    def wrong(x):
        factor = np.ones(x.shape)
        factor[777] = 1.01
        return tg.exp(x) * factor + tg.exp(x).detach() * (1 - factor)

    with pytest.raises(GradcheckError, match="along a random direction"):
        gradcheck(wrong, random(1000), max_coordinates=5)


@pytest.mark.parametrize(
    ("fn", "x"), [(tg.log, -1.0), (lambda x: 1 / x, 0.0), (tg.sqrt, 0.0), (lambda x: x * math.nan, 1.0)]
)
def test_what_is_not_finite_is_rejected(fn, x) -> None:
    with pytest.raises(GradcheckError, match="not finite"):
        gradcheck(fn, leaf([x]))


@pytest.mark.parametrize(
    ("fn", "x"),
    [(tg.relu, [0.0]), (abs, [0.0]), (lambda x: x.max(), [1.0, 1.0]), (lambda x: x * tg.floor(x), [2.0])],
)
def test_a_kink_or_a_jump_is_told_and_never_passes(fn, x) -> None:
    with pytest.raises(GradcheckError, match="cannot be checked"):
        gradcheck(fn, leaf(x))


def test_a_function_that_is_not_repeatable_is_told() -> None:
    with pytest.raises(GradcheckError, match="other values when it is called again"):
        gradcheck(lambda x: nn.functional.dropout(x, 0.5), random(50))


def test_what_cannot_be_checked_at_all_is_refused() -> None:
    with pytest.raises(DTypeError, match=r"input 0 is float32.*\.double\(\)"):
        gradcheck(tg.exp, tg.ones(2, requires_grad=True))
    with pytest.raises(AutogradError, match="no input requires a gradient"):
        gradcheck(tg.exp, tg.ones(2))
    with pytest.raises(AutogradError, match="leaves the graph"):
        gradcheck(lambda x: x.detach(), random(2))


def test_the_inputs_are_as_they_were() -> None:
    x = random(3)
    before = x.array.copy()
    gradcheck(tg.exp, x)
    assert x.grad is None
    assert np.array_equal(x.array, before)


def test_right_gradients_are_never_rejected_by_chance() -> None:
    functions = [tg.exp, tg.sin, tg.tanh, tg.sigmoid, lambda x: tg.logsumexp(x, -1), lambda x: x.std(0)]
    for seed in range(8):
        scale = 10 ** np.random.default_rng(seed).uniform(-3, 1.5)
        for fn in functions:
            gradcheck(fn, leaf(random(4, 5, seed=seed).array * scale), seed=seed)


def test_the_error_estimate_of_a_slope_covers_its_error() -> None:
    for x in np.linspace(-3, 3, 61):
        found = slope(lambda t, x=x: (t, np.exp(np.array([x + t]))), np.ones(1))
        assert found.converged
        assert abs(found.value - math.exp(x)) <= 10 * found.error <= 1e-8 * math.exp(x)


class Net(nn.Module):
    def __init__(self, factor: float = 1.0) -> None:
        super().__init__()
        self.factor = factor
        self.fc1, self.bn1 = nn.Linear(5, 8), nn.BatchNorm1d(8)
        self.fc2 = nn.Linear(8, 3)

    def forward(self, x):
        x = tg.relu(self.bn1(self.fc1(x)))
        hidden = x * self.factor + x.detach() * (1 - self.factor)
        return self.fc2(hidden)


def loss_of(net, x, y):
    return lambda: nn.functional.cross_entropy(net(x), y)


@pytest.fixture
def problem():
    tg.manual_seed(0)
    x, y = random(6, 5).detach(), tg.tensor([0, 1, 2, 0, 1, 2])
    return x, y


def test_the_gradients_of_a_network_pass_and_nothing_is_changed(problem) -> None:
    net = Net().double()
    before = {name: p.array.copy() for name, p in net.named_parameters()}
    report = check_gradients(loss_of(net, *problem), net.named_parameters(), coordinates=4)
    assert report
    assert report.verdict == "passed"
    assert report.largest_error < 1e-7
    assert [p.name for p in report.parameters] == list(before)
    assert all((p.directions, p.coordinates) == (2, min(4, math.prod(p.shape))) for p in report.parameters)
    assert not report.problems
    report.raise_if_not_passed()
    for name, p in net.named_parameters():
        assert np.array_equal(p.array, before[name])
        assert p.grad is None
    assert str(report).startswith("passed: 6 parameters, 12 directions, ")


def test_a_wrong_gradient_in_a_network_fails_and_is_named(problem) -> None:
    net = Net(factor=1 + 1e-5).double()
    report = check_gradients(loss_of(net, *problem), net.named_parameters())
    verdicts = {p.name: p.verdict for p in report.parameters}
    assert not report
    assert report.verdict == "failed"
    assert verdicts["bn1.weight"] == verdicts["fc1.weight"] == "failed"
    assert verdicts["fc2.weight"] == verdicts["fc2.bias"] == "passed"
    assert any("bn1.weight" in problem for problem in report.problems)
    with pytest.raises(GradcheckError, match=r"fc1.weight|bn1"):
        report.raise_if_not_passed()


def test_nan_in_a_network_fails(problem) -> None:
    net = Net().double()
    net.fc2.weight.array[0, 0] = math.nan
    report = check_gradients(loss_of(net, *problem), net.named_parameters())
    assert report.verdict == "failed"
    assert report.largest_error == math.inf


def test_a_kink_leaves_the_verdict_open() -> None:
    w = leaf([0.0, 1.0])
    report = check_gradients(lambda: tg.relu(w).sum(), {"w": w})
    assert not report
    assert report.verdict == "undecided"
    assert report.parameters[0].kinks == 3  # both directions and one of the two coordinates
    assert "3 on kinks" in str(report)
    assert "cannot be checked" in report.problems[0]


def test_check_gradients_refuses_what_it_cannot_check(problem) -> None:
    net = Net()
    with pytest.raises(DTypeError, match=r"fc1\.weight is float32"):
        check_gradients(loss_of(net, *problem), net.named_parameters())
    w = leaf([1.0, 2.0])
    with pytest.raises(ShapeError, match="reduce it"):
        check_gradients(lambda: w * 2, {"w": w})
    with pytest.raises(AutogradError, match="no parameters"):
        check_gradients(lambda: w.sum(), {})
    with pytest.raises(GradcheckError, match="other values"):
        check_gradients(lambda: nn.functional.dropout(w * tg.ones(50, 2), 0.5).sum(), {"w": w})
    assert w.array.tolist() == [1.0, 2.0]


def test_the_same_seed_gives_the_same_report(problem) -> None:
    net = Net().double()
    first, second = (check_gradients(loss_of(net, *problem), net.named_parameters(), seed=3) for _ in range(2))
    assert first == second
