"""The checker is held to both sides: right rules pass wherever the numbers lie, wrong ones never do."""

from __future__ import annotations

import functools
import math

import numpy as np
import pytest

import tensorgrad as tg
from tensorgrad import nn
from tensorgrad.autograd.function import Function, once_differentiable
from tensorgrad.engine.dispatch import apply
from tensorgrad.engine.primitive import PRIMITIVES
from tensorgrad.errors import AutogradError, DTypeError, ShapeError
from tensorgrad.testing import GradcheckError, check, check_gradients, gradcheck, gradgradcheck, slope
from tensorgrad.testing.subject import Subject
from tests.verdicts.right import SINE


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
    return nn.functional.batch_norm(x, None, None, weight, bias, training=True)


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

    with pytest.raises(GradcheckError, match=r"input 0 at \(777,\) is wrong"):
        gradcheck(wrong, random(1000), max_coordinates=5)


@pytest.mark.parametrize(("fn", "x"), [(tg.log, -1.0), (lambda x: 1 / x, 0.0), (lambda x: x * math.nan, 1.0)])
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


@pytest.mark.parametrize(("fn", "x"), [(tg.sqrt, 0.0), (tg.acos, 1.0), (lambda x: (1e9 * x).sin(), 0.3)])
def test_what_does_not_converge_is_undecided_and_raises_only_if_asked(fn, x) -> None:
    report = gradcheck(fn, leaf([x]))
    assert report
    assert report.verdict == "undecided"
    assert not report.failures
    assert "is undecided" in str(report)
    assert not gradcheck(fn, leaf([x]), allow_undecided=False, raise_exception=False)
    with pytest.raises(GradcheckError, match="is undecided: the numerical derivative does not converge"):
        gradcheck(fn, leaf([x]), allow_undecided=False)


@pytest.mark.parametrize(("fn", "x"), [(tg.sqrt, [0.0, 1.0]), (tg.asin, [0.5, 1.0]), (tg.asin, [1.0, 0.5, 0.25])])
def test_an_infinite_slope_of_one_element_says_nothing_of_the_others(fn, x) -> None:
    report = check(fn, leaf(x))
    assert report.verdict == "undecided"
    assert {c.index for c in report.undecided} == {(x.index(float(fn is tg.asin)),)}


def test_second_derivatives_that_are_refused_are_said_to_be() -> None:
    class Once(Function):
        @staticmethod
        def forward(ctx, x):
            ctx.save_for_backward(x)
            return x * x

        @staticmethod
        @once_differentiable
        def backward(ctx, g):
            return 2 * ctx.saved_tensors[0] * g

    with pytest.raises(GradcheckError, match=r"cannot be computed: .* marked with @once_differentiable"):
        gradgradcheck(Once.apply, leaf([1.0, 2.0]))


def test_an_infinite_slope_is_wrong_where_both_sides_are_known() -> None:
    def wrong(x):
        return tg.relu(x) + 0 * tg.sqrt(abs(x)) + (tg.sqrt(abs(x)) - tg.sqrt(abs(x)).detach())

    for fn, x in ((wrong, 0.0), (lambda x: tg.exp(x) * math.inf, 1.0)):
        assert check(fn, leaf([x])).verdict == "failed"


@pytest.mark.parametrize("neighbour", [[], [0.5], [0.5, 100.5]])
@pytest.mark.parametrize("fn", [lambda x: x.floor() + 0 * x, lambda x: tg.where(x < 2, x, x + 1), lambda x: x.sign()])
def test_a_jump_is_seen_beside_any_neighbour(fn, neighbour) -> None:
    at = 0.0 if fn(tg.tensor([0.0]))[0] == 0 and fn(tg.tensor([1e-9]))[0] == 1 else 2.0
    report = check(fn, leaf([*neighbour, at]))
    assert report.verdict == "kink"
    assert {c.index for c in report.kinks} == {(len(neighbour),)}


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


@pytest.mark.slow
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
    assert report.verdict == "kink"
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


def wrong_by(factor, fn):
    """`fn` in either library, with a gradient that is wrong by `factor`."""
    return lambda lib, *xs: fn(lib, *xs) * factor + fn(lib, *xs).detach() * (1 - factor)


def exp(lib, x):
    return lib.exp(x)


def one_wrong_of_many(lib, x):
    factor = np.ones(x.shape)
    factor[777] = 1 + 1e-6
    return wrong_by(lib.from_numpy(factor), exp)(lib, x)


def square_with_detached_slope(lib, x):
    """The value and the gradient of x * x; the gradient does not know that it depends on x."""
    slope = (2 * x).detach()
    return slope * x - (slope * x).detach() + (x * x).detach()


MANY = np.random.default_rng(0).normal(size=1000)

# name: function of either library, inputs, verdict here, where (input, index), whether PyTorch's gradcheck passes it
DECISIONS = {
    "identity at 1e12": (lambda lib, x: x * 1.0, [[1e12]], "passed", None, False),
    "log at 1e-6": (lambda lib, x: lib.log(x), [[1e-6]], "passed", None, False),
    "log at 1.5e-6": (lambda lib, x: lib.log(x), [[1.5e-6]], "passed", None, False),
    "sqrt at 1e-7": (lambda lib, x: lib.sqrt(x), [[1e-7]], "passed", None, False),
    "relu 1e-9 beside 0": (lambda lib, x: lib.relu(x), [[1e-9, 1.0]], "passed", None, False),
    "relu away from 0": (lambda lib, x: lib.relu(x), [[-1.0, 1.0]], "passed", None, True),
    "relu at 0": (lambda lib, x: lib.relu(x), [[1.0, 0.0]], "kink", (0, (1,)), False),
    "abs at 0": (lambda lib, x: lib.abs(x), [[1.0, 0.0]], "kink", (0, (1,)), True),
    "max at a tie": (lambda lib, x: x.max(), [[1.0, 3.0, 3.0]], "kink", (0, (1,)), True),
    "amax at a tie": (lambda lib, x: lib.amax(x, 0), [[3.0, 1.0, 3.0]], "kink", (0, (0,)), True),
    "clamp at its bound": (lambda lib, x: lib.clamp(x, -1, 1), [[0.5, 1.0]], "kink", (0, (1,)), False),
    "maximum(a, a)": (lambda lib, a, b: lib.maximum(a, b), [[3.0, 2.0], [1.0, 2.0]], "kink", (0, (1,)), True),
    "relative error of 1e-6": (wrong_by(1 + 1e-6, exp), [[0.5, 1.0]], "failed", (0, (0,)), True),
    "relative error of 5e-4": (wrong_by(1 + 5e-4, exp), [[0.5, 1.0]], "failed", (0, (0,)), True),
    "factor 2 at 1e-6": (wrong_by(2, lambda lib, x: lib.exp(x) * 1e-6), [[0.5, 1.0]], "failed", (0, (0,)), True),
    "factor 3 at 1e-7": (wrong_by(3, lambda lib, x: lib.exp(x) * 1e-7), [[0.5, 1.0]], "failed", (0, (0,)), True),
    "one of 1000 by 1e-6": (one_wrong_of_many, [MANY], "failed", (0, (777,)), True),
    "a value of NaN": (lambda lib, x: lib.sqrt(x) * x, [[-1.0]], "failed", (0, (0,)), False),
    "a small output beside a large one": (
        lambda lib, x: (x * 1e9, wrong_by(1.01, exp)(lib, x) * 1e-5), [[0.5, 1.0]], "failed", (0, (0,)), True,
    ),
    "a slope that is detached": (square_with_detached_slope, [[1.0, 2.0]], "passed", None, True),
}  # fmt: skip


@pytest.mark.parametrize("name", DECISIONS)
def test_the_verdict_and_its_place(name) -> None:
    fn, values, verdict, place, _ = DECISIONS[name]
    report = check(lambda *xs: fn(tg, *xs), [leaf(v) for v in values])
    assert report.verdict == verdict
    found = [*report.failures, *report.kinks]
    assert (found[0].input, found[0].index) == place if place else not found
    assert bool(report) == (verdict == "passed")


@pytest.mark.parametrize("name", DECISIONS)
def test_the_verdict_of_pytorch_on_the_same_case(name) -> None:
    torch = pytest.importorskip("torch", reason="PyTorch's own checker is asked where it is installed")
    fn, values, _, _, passes = DECISIONS[name]
    xs = [torch.tensor(np.asarray(v, dtype=np.float64), requires_grad=True) for v in values]
    assert torch.autograd.gradcheck(lambda *xs: fn(torch, *xs), xs, raise_exception=False) == passes


def test_hips_accepts_a_factor_of_three_below_1e_7() -> None:
    pytest.importorskip("autograd", reason="HIPS autograd's checker is asked where it is installed")
    from autograd.extend import defvjp, primitive
    from autograd.test_util import check_grads

    tiny = primitive(lambda x: np.exp(x) * 3e-8)
    defvjp(tiny, lambda y, x: lambda g: 3 * g * y)
    check_grads(tiny, modes=["rev"], order=1)(np.array([0.5, 1.0]))


def broken(name, **rules):
    """The op `name` with other rules."""
    record = PRIMITIVES[name].changed(**rules, _keeps={})
    return lambda *xs, **params: apply(record, xs, params)


def scaled(rule, factor):
    return lambda v, s, n: rule(v, s, n) * factor


def detached(rule):
    return lambda v, s, n: rule(v, tuple(x.detach() if isinstance(x, tg.Tensor) else x for x in s), n)


EXP = PRIMITIVES["exp"].vjps[0]


def test_a_rule_that_is_right_in_reverse_and_wrong_forward_is_rejected_in_forward_mode() -> None:
    wrong = broken("exp", jvps=(scaled(EXP, 1 + 1e-6),))
    report = gradcheck(wrong, random(3), raise_exception=False)
    assert report.verdict == "failed"
    assert {c.mode for c in report.failures} == {"forward", "adjoint"}
    assert gradcheck(wrong, random(3), check_forward_ad=False)
    with pytest.raises(GradcheckError, match=r"forward derivative of input 0 at .* is wrong"):
        gradcheck(wrong, random(3))


def test_the_adjoint_identity_alone_rejects_a_forward_rule_on_a_kink() -> None:
    wrong = broken("relu", jvps=(scaled(PRIMITIVES["relu"].jvps[0], 2.0),))
    report = check(wrong, leaf([0.0, 0.0, 1.0]), max_coordinates=0, directions=1)
    assert any(c.mode == "adjoint" for c in report.failures)


def test_a_rule_that_gives_nan_is_rejected() -> None:
    wrong = broken("exp", vjps=(scaled(EXP, math.nan),))
    report = check(wrong, random(3))
    assert report.verdict == "failed"
    assert report.largest_error == math.inf


def test_a_wrong_coordinate_does_not_hide_behind_a_large_one() -> None:
    scale = np.array([1e12, 1e-6, 1.0])
    wrong = broken("mul", vjps=(lambda v, s, n: v * s[2] * np.array([1.0, 2.0, 1.0]), None))
    report = check(lambda x: wrong(x, scale), random(3))
    assert [c.index for c in report.failures if c.mode == "reverse"] == [(1,)]


@pytest.mark.parametrize("side", ["vjps", "jvps"])
def test_a_rule_that_hides_its_saved_value_is_right_once_and_wrong_twice(side) -> None:
    wrong = broken("exp", **{side: (detached(EXP),)})
    assert gradcheck(wrong, random(3))
    report = gradgradcheck(wrong, random(3), raise_exception=False)
    modes = {c.mode for c in report.failures}
    order = "reverse" if side == "vjps" else "forward"
    assert {f"reverse over {order}", f"forward over {order}"} <= modes
    with pytest.raises(GradcheckError, match=rf"reverse over {order} derivative of input 0 at \(0,\) is wrong"):
        gradgradcheck(wrong, random(3))


def test_pytorch_too_finds_the_detached_slope_in_second_order() -> None:
    torch = pytest.importorskip("torch", reason="PyTorch's own checker is asked where it is installed")
    x = torch.tensor([1.0, 2.0], dtype=torch.float64, requires_grad=True)
    assert not torch.autograd.gradgradcheck(lambda x: square_with_detached_slope(torch, x), x, raise_exception=False)
    assert not gradgradcheck(lambda x: square_with_detached_slope(tg, x), leaf([1.0, 2.0]), raise_exception=False)


NOT_TWICE = {
    "no element",
    "more elements than are tried",  # thousands
    "relu beside its kink",  # the slope jumps 1e-9 away
    "softmax that is nearly certain",  # its slopes are what rounding leaves of 1 - 1
    "batch_norm far from 0",  # its slopes are known to seven digits
}


@pytest.mark.parametrize("name", [n for n in RIGHT if n not in NOT_TWICE])
def test_right_second_derivatives_pass(name) -> None:
    fn, inputs = RIGHT[name]
    report = gradgradcheck(fn, inputs)
    assert {c.mode for c in report.comparisons} >= {"reverse over reverse", "forward over reverse"}
    assert {c.mode for c in report.comparisons} >= {"reverse over forward", "forward over forward"}


def test_second_derivatives_take_cotangents_and_name_the_wrong_one() -> None:
    assert gradgradcheck(tg.exp, random(3), tg.ones(3, dtype=tg.float64))
    assert gradgradcheck(lambda x: (x @ x, x), random(3, 3), gen_non_contig_grad_outputs=True)
    wrong = broken("mul", vjps=(lambda v, s, n: v * abs(v) * s[2], PRIMITIVES["mul"].vjps[1]))
    report = gradgradcheck(lambda x: wrong(x, 2.0), random(2), raise_exception=False)
    assert "grad_outputs[0]" not in {c.input for c in report.kinks}  # not linear in g, but differentiable


def test_a_complex_step_is_taken_where_the_function_is_analytic_and_only_there() -> None:
    def methods(fn, *inputs):
        return {c.method for c in check(fn, inputs).comparisons if c.mode == "reverse"}

    assert methods(tg.exp, random(3)) == {"complex step"}
    assert methods(lambda x: tg.softmax(x @ x, -1), random(3, 3)) == {"complex step"}
    assert methods(abs, random(3)) == {"differences"}
    assert methods(lambda x: x * x.array.real, random(3)) == {"differences"}  # wrong, and not by the complex step
    assert methods(lambda x: tg.tensor(x.array.astype(float)) + x * 2, random(3)) == {"differences"}


def test_a_gradient_wrong_by_1e_12_is_rejected_where_a_complex_step_is_possible() -> None:
    assert check(functools.partial(wrong_by(1 + 1e-12, exp), tg), random(3)).verdict == "failed"


def test_the_arguments_of_pytorch_mean_what_they_say() -> None:
    slightly = with_gradient_times(tg.exp, 1 + 1e-6)
    assert gradcheck(slightly, random(3), rtol=1e-5)
    assert gradcheck(slightly, random(3), atol=1e-4)
    assert gradcheck(tg.exp, random(3), eps=1e-6)
    assert not gradcheck(slightly, random(3), eps=1e-6, raise_exception=False)
    fast = gradcheck(tg.exp, random(5), fast_mode=True)
    assert all(c.index is None for c in fast.comparisons if c.method != "sweep")
    found = gradcheck(functools.partial(one_wrong_of_many, tg), leaf(MANY), fast_mode=True, raise_exception=False)
    assert found.failures[0].index == (777,)
    assert {c.mode for c in gradcheck(tg.exp, random(3), check_backward_ad=False).comparisons} == {"forward"}
    for name in ("check_batched_grad", "check_batched_forward_grad", "masked"):
        with pytest.raises(AutogradError, match=f"{name}=True has no meaning here"):
            gradcheck(tg.exp, random(3), **{name: True})
    with pytest.raises(ValueError, match=r"argument .eps. must be a number above 0 and at most 1, found"):
        gradcheck(tg.exp, random(3), eps=0.0)


def test_a_function_that_changes_a_little_is_told_unless_that_is_allowed() -> None:
    calls = iter(range(10**6))
    assert gradcheck(lambda x: x * (1 + 1e-17 * next(calls)), leaf([1.0]))

    def drifting(x):
        return x + 1e-9 * math.sin(next(calls))

    with pytest.raises(GradcheckError, match="other values when it is called again"):
        gradcheck(drifting, leaf([1.0]))
    assert check(drifting, leaf([1.0]), nondet_tol=1e-8).verdict != "failed"


def test_a_cotangent_that_is_left_out_must_mean_zeros(monkeypatch) -> None:
    def two(x):
        return tg.exp(x), tg.sin(x)

    assert "left out" in {c.mode for c in gradcheck(two, random(3)).comparisons}
    assert "left out" not in {c.mode for c in gradcheck(two, random(3), check_undefined_grad=False).comparisons}
    right = Subject.gradients

    def one_more(self, left_out=None, zero=None):
        return [g + (left_out is not None) for g in right(self, left_out, zero)]

    monkeypatch.setattr(Subject, "gradients", one_more)
    with pytest.raises(GradcheckError, match="take a cotangent that is None for zeros"):
        gradcheck(two, random(3))


def test_the_report_is_data_and_reads_as_text() -> None:
    report = check(lambda x: tg.relu(x).sum(), leaf([0.0, 2.0]))
    assert report.verdict == "kink"
    first = report.kinks[0]
    assert (first.input, first.index, first.sides, first.analytic) == (0, (0,), (0.0, 1.0), 0.0)
    assert str(report).startswith("kink: ")
    assert "at (0,) cannot be checked" in str(report)
    assert "slope 0 to the left, 1 to the right" in str(report)
    assert all("is right" in str(c) for c in report.comparisons if c.verdict == "agrees")
    many = check(functools.partial(wrong_by(2.0, exp), tg), random(30))
    lines = str(many).splitlines()
    assert lines[11].endswith("more")
    assert lines[12] == "  hint: it is 2 times too large"
    assert lines[13].startswith("  through exp at test_gradcheck.py:")
    assert repr(many).startswith("<Report failed")


def test_a_function_may_take_gradients_itself() -> None:
    def penalty(x):
        (g,) = tg.autograd.grad((x**3).sum(), x, create_graph=True)
        return (g * g).sum()

    assert gradcheck(penalty, random(3))


def test_an_output_in_float32_is_refused() -> None:
    with pytest.raises(DTypeError, match="output 0 is float32"):
        gradcheck(lambda x: x.float(), random(3))


def own(backward, name="Own", forward=lambda *xs: xs[0].sin()):
    """The application of a Function with that `backward` of the inputs and of g."""

    class Own(tg.autograd.Function):
        @staticmethod
        def forward(ctx, *xs):
            ctx.save_for_backward(*xs)
            return forward(*xs)

        @staticmethod
        def backward(ctx, g):
            return backward(*ctx.saved_tensors, g)

    Own.__name__ = name
    return Own.apply


def product(by):
    return own(by, forward=lambda x, y: x @ y)


@pytest.mark.parametrize(
    ("fn", "inputs", "hint"),
    [
        (own(lambda x, g: -g * x.cos()), [random(3)], "the sign is wrong"),
        (own(lambda x, g: 2 * g * x.cos()), [random(3)], "it is 2 times too large"),
        (own(lambda x, g: 0.5 * g * x.cos()), [random(3)], "it is 0.5 of what it should be"),
        (own(lambda x, g: 1.1 * g * x.cos()), [random(3)], "it is 1.1 times what it should be, everywhere"),
        (own(lambda x, g: (1 + 1e-7) * g * x.cos()), [random(3)], "it is 1e-07 of itself too large, everywhere"),
        (own(lambda x, g: g * (x + 1e-8).cos()), [random(3)], "its first digits are right"),
        (own(lambda x, g: 0 * g * x), [random(3)], "the gradient is 0"),
        (own(lambda x, g: x.cos()), [random(3)], "was g forgotten"),
        (own(lambda x, g: (g * x.cos()).T), [random(3, 3)], "it is transposed"),
        (own(lambda x, g: (g * x.cos()).flip(0)), [random(4)], "the right numbers in another order"),
        (own(lambda x, b, g: (g, g.sum(1)), forward=lambda x, b: x + b), [random(3, 3), random(3)], "the wrong axis"),
        (own(lambda x, g: g * x.cos() + 1), [random(3)], "was g forgotten"),
        (product(lambda x, y, g: (g @ y.T, x.T @ (g * g))), [random(2, 2), random(2, 2, seed=1)], ""),
    ],
)
def test_the_message_says_what_the_fault_looks_like_and_where(fn, inputs, hint) -> None:
    with pytest.raises(GradcheckError, match=r"goes through Own at test_gradcheck\.py:\d+") as caught:
        gradcheck(fn, inputs)
    assert hint in str(caught.value)


def test_what_was_not_checked_is_said() -> None:
    def outside(x, g):
        return tg.tensor(g.numpy() * np.cos(x.detach().numpy()))

    report = check(lambda x: (own(outside)(x), x.detach()), random(300))
    assert report
    texts = "\n".join(report.left_out)
    assert "output 1: it requires no gradient" in texts
    assert "input 0: 200 of 300 elements alone" in texts
    assert "forward mode of function Own is not known" in texts
    assert "not checked: input 0" in str(report)


def test_inputs_and_outputs_that_are_none_are_told() -> None:
    with pytest.raises(AutogradError, match=r"input 0 is a numpy.ndarray, not a Tensor"):
        gradcheck(tg.exp, np.ones(2))
    with pytest.raises(TypeError, match="an output is dict"):
        gradcheck(lambda x: {"y": x}, random(2))
    assert len([c for c in check(lambda x: (x, [x * 2, (x * 3,)]), random(1)).comparisons if c.mode == "left out"]) == 3


def evaluations(fn, n, normal=False, **how):
    count = [0]

    def counted(x):
        count[0] += 1
        return fn(x)

    values = np.random.default_rng(0).normal(size=n) if normal else np.linspace(0.1, 1, n)
    assert gradcheck(counted, leaf(values), **how)
    return count[0]


@pytest.mark.parametrize("fn", [lambda x: (x * x).sum(), lambda x: tg.exp(x).sum(), tg.sin, lambda x: x.relu().sum()])
@pytest.mark.parametrize("n", [10_000, 200_000])
def test_large_inputs_take_few_evaluations(fn, n) -> None:
    assert evaluations(fn, n, fast_mode=True) <= 25
    if n == 10_000:
        assert evaluations(fn, n) <= 500


@pytest.mark.parametrize("fn", [tg.sin, tg.exp, tg.tanh, lambda x: x.sin() * x, lambda x: tg.softmax(x, 0), SINE])
def test_slopes_near_nothing_take_no_more_evaluations(fn) -> None:
    assert evaluations(fn, 5000, normal=True, fast_mode=True) <= 25
    assert evaluations(fn, 5000, normal=True) <= 500


@pytest.mark.parametrize(
    "array",
    [
        np.arange(12.0).reshape(3, 4).T,
        np.broadcast_to(np.ones(3), (2, 3)),
        np.arange(12.0)[::-2],
        np.arange(24.0).reshape(4, 6)[::2, ::-3],
        np.zeros((0, 3)).T,
        np.arange(100.0)[::50],
        np.array(2.0),
    ],
)
def test_inputs_are_seen_as_they_lie_in_memory(array) -> None:
    strides = []

    def seen(x):
        strides.append(x.array.strides)
        return x.sin()

    x = tg.from_numpy(array.copy() if not array.ndim else array)
    x = tg.engine.tensor.wrap(array).requires_grad_() if array.ndim else x.requires_grad_()
    before = array.copy()
    assert gradcheck(seen, x)
    assert np.array_equal(array, before)
    near = array.size == 0 or array.strides == (-400,) or abs(array.strides[0] if array.ndim else 0) >= 400
    assert near or strides[0] == array.strides


@pytest.mark.parametrize(
    ("f", "at"),
    [
        (lambda x: 1 / x, (1e-4, 1.0, 1e4)),
        (tg.exp, (-40.0, 1.0)),
        (lambda x: x**3, (1e-8, 1.0, 1e4)),
        (lambda x: tg.exp(-x * x), (8.0, 0.1)),
        (tg.sigmoid, (-100.0, 1.0)),
    ],
    ids=["reciprocal", "exp", "cube", "gaussian", "sigmoid"],
)
def test_a_small_second_derivative_beside_large_ones_has_its_sign(f, at):
    assert gradgradcheck(f, tg.tensor(at, dtype=tg.float64, requires_grad=True)).verdict == "passed"
