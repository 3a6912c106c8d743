"""Activation functions: PyTorch's in value and two derivatives, at kinks and far out; closed forms without it."""

from __future__ import annotations

import math
import warnings
from typing import Any

import numpy as np
import pytest
from hypothesis import given, strategies as st

import tensorgrad as tg
from tensorgrad import nn
from tensorgrad.autograd import grad
from tensorgrad.errors import ArgumentError, ShapeError
from tensorgrad.nn import functional
from tensorgrad.testing import gradcheck, gradgradcheck
from tensorgrad.utils.checkpoint import checkpoint
from tests.peer import close, same_call, same_module, torch_

SELU_SCALE, SELU_ALPHA = 1.0507009873554805, 1.6732632423543772


def normal(*shape: int, seed: int = 0) -> np.ndarray:
    return np.random.default_rng(seed).normal(size=shape) * 3


MODULES = {
    "ReLU": lambda lib: lib.ReLU(),
    "ReLU6": lambda lib: lib.ReLU6(),
    "LeakyReLU": lambda lib: lib.LeakyReLU(0.2),
    "LeakyReLU, default": lambda lib: lib.LeakyReLU(),
    "PReLU": lambda lib: lib.PReLU(),
    "PReLU by channel": lambda lib: lib.PReLU(4, 0.1),
    "RReLU": lambda lib: lib.RReLU(0.1, 0.3).eval(),
    "ELU": lambda lib: lib.ELU(0.7),
    "CELU": lambda lib: lib.CELU(0.5),
    "SELU": lambda lib: lib.SELU(),
    "GELU": lambda lib: lib.GELU(),
    "GELU by tanh": lambda lib: lib.GELU("tanh"),
    "SiLU": lambda lib: lib.SiLU(),
    "Mish": lambda lib: lib.Mish(),
    "Softplus": lambda lib: lib.Softplus(),
    "Softplus, low threshold": lambda lib: lib.Softplus(2.0, 3.0),
    "Softsign": lambda lib: lib.Softsign(),
    "Softshrink": lambda lib: lib.Softshrink(0.8),
    "Hardshrink": lambda lib: lib.Hardshrink(),
    "Tanhshrink": lambda lib: lib.Tanhshrink(),
    "Threshold": lambda lib: lib.Threshold(0.5, 20),
    "Hardtanh": lambda lib: lib.Hardtanh(-2, 1.5),
    "Hardswish": lambda lib: lib.Hardswish(),
    "Sigmoid": lambda lib: lib.Sigmoid(),
    "LogSigmoid": lambda lib: lib.LogSigmoid(),
    "Tanh": lambda lib: lib.Tanh(),
    "Softmax": lambda lib: lib.Softmax(1),
    "Softmin": lambda lib: lib.Softmin(-1),
    "LogSoftmax": lambda lib: lib.LogSoftmax(dim=0),
    "Softmax2d": lambda lib: lib.Softmax2d(),
    "GLU": lambda lib: lib.GLU(),
    "GLU of channels": lambda lib: lib.GLU(1),
}


@pytest.mark.parametrize("name", MODULES)
def test_a_module_is_pytorchs_in_text_state_and_two_derivatives(name: str) -> None:
    same_module(MODULES[name], normal(2, 4, 6), training=name != "RReLU")


IN_PLACE = [
    lambda lib: lib.ReLU(True), lambda lib: lib.ReLU6(True), lambda lib: lib.LeakyReLU(0.2, True),
    lambda lib: lib.RReLU(inplace=True), lambda lib: lib.ELU(2, True), lambda lib: lib.CELU(inplace=True),
    lambda lib: lib.SELU(True), lambda lib: lib.SiLU(True), lambda lib: lib.Mish(True),
    lambda lib: lib.Threshold(0.1, 20, True), lambda lib: lib.Hardtanh(-2, 2, True), lambda lib: lib.Hardsigmoid(True),
    lambda lib: lib.Hardswish(True),
]  # fmt: skip


def test_the_text_of_modules_in_place_is_pytorchs() -> None:
    torch = torch_()
    for make in IN_PLACE:
        assert repr(make(nn)) == repr(make(torch.nn))


def test_the_input_is_never_written_even_when_asked_to() -> None:
    for make in IN_PLACE:
        x = tg.tensor(normal(20))
        make(nn)(x)
        np.testing.assert_array_equal(x.numpy(), normal(20), err_msg=repr(make(nn)))


def test_hardsigmoid_is_pytorchs_which_has_no_second_derivative_of_it() -> None:
    torch = torch_()
    assert repr(nn.Hardsigmoid()) == repr(torch.nn.Hardsigmoid())
    x, z = tg.tensor(normal(30), requires_grad=True), torch.tensor(normal(30), requires_grad=True)
    y, w = nn.Hardsigmoid()(x), torch.nn.Hardsigmoid()(z)
    close(y, w)
    close(grad((y**2).sum(), x)[0], torch.autograd.grad((w**2).sum(), z)[0], 1e-7)  # whose 1/6 is in single precision


FUNCTIONS = {
    "softmax in a dtype": lambda f, x, lib: f.softmax(x, 1, dtype=lib.float64),
    "log_softmax in a dtype": lambda f, x, lib: f.log_softmax(x, dim=-1, dtype=lib.float64),
    "softmin": lambda f, x, lib: f.softmin(x, 0),
    "threshold": lambda f, x, lib: f.threshold(x, -1, 0.5),
    "softplus": lambda f, x, lib: f.softplus(x, 0.5, 2),
    "rrelu": lambda f, x, lib: f.rrelu(x),
    "hardshrink": lambda f, x, lib: f.hardshrink(x, 1.0),
    "glu": lambda f, x, lib: f.glu(x, -1),
    "relu": lambda f, x, lib: f.relu(x),
    "logsigmoid": lambda f, x, lib: f.logsigmoid(x),
    "gelu": lambda f, x, lib: f.gelu(x, approximate="tanh"),
    "prelu": lambda f, x, lib: f.prelu(x, lib.tensor(0.3, dtype=lib.float64)),
}


@pytest.mark.parametrize("name", FUNCTIONS)
def test_a_function_is_pytorchs(name: str) -> None:
    same_call(lambda lib, x: FUNCTIONS[name](lib.nn.functional, x, lib), normal(3, 4))


KINKS = {
    "relu": ({}, [0.0]),
    "relu6": ({}, [0.0, 6.0]),
    "leaky_relu": ({"negative_slope": 0.3}, [0.0]),
    "rrelu": ({}, [0.0]),
    "elu": ({"alpha": 2.0}, [0.0]),
    "celu": ({"alpha": 2.0}, [0.0]),
    "selu": ({}, [0.0]),
    "softplus": ({"threshold": 2}, [2.0, 2.0001]),
    "softsign": ({}, [0.0]),
    "softshrink": ({}, [-0.5, 0.0, 0.5]),
    "hardshrink": ({}, [-0.5, 0.0, 0.5]),
    "threshold": ({"threshold": 1.0, "value": 1.0}, [1.0]),
    "hardtanh": ({}, [-1.0, 1.0]),
    "hardsigmoid": ({}, [-3.0, 3.0]),
    "hardswish": ({}, [-3.0, 3.0]),
}
SLOPES = {
    "relu": [0.0],
    "relu6": [0.0, 0.0],
    "leaky_relu": [0.3],
    "rrelu": [11 / 48],
    "elu": [2.0],
    "celu": [1.0],
    "selu": [SELU_SCALE * SELU_ALPHA],
    "softplus": [1 / (1 + math.exp(-2)), 1.0],
    "softsign": [1.0],
    "softshrink": [0.0] * 3,
    "hardshrink": [0.0] * 3,
    "threshold": [0.0],
    "hardtanh": [0.0] * 2,
    "hardsigmoid": [0.0] * 2,
    "hardswish": [0.0, 1.0],
}


def slope(lib: Any, name: str) -> Any:
    settings, points = KINKS[name]
    x = lib.tensor(points, dtype=lib.float64, requires_grad=True)
    y = getattr(lib.nn.functional, name)(x, **settings)
    return lib.autograd.grad(y.sum(), x)[0]


@pytest.mark.parametrize("name", KINKS)
def test_the_derivative_at_a_kink_is_the_stated_one(name: str) -> None:
    close(slope(tg, name), SLOPES[name])


@pytest.mark.parametrize("name", KINKS)
def test_the_derivative_at_a_kink_is_pytorchs(name: str) -> None:
    close(slope(tg, name), slope(torch_(), name))


def test_the_slope_of_a_learned_rectifier_at_0_is_the_learned_one() -> None:
    x, w = tg.zeros(3, requires_grad=True), tg.tensor([0.25], requires_grad=True)
    by_x, by_w = grad(functional.prelu(x, w).sum(), [x, w])
    assert by_x.tolist() == [0.25] * 3
    assert by_w.tolist() == [0.0]


WRITING = {
    "relu_": (), "leaky_relu_": (0.2,), "elu_": (0.5,), "celu_": (0.5,), "selu_": (), "rrelu_": (),
    "threshold_": (0.1, 20.0), "hardtanh_": (-2, 1.5),
}  # fmt: skip


@pytest.mark.parametrize("name", WRITING)
def test_a_name_with_an_underscore_writes_into_its_input_and_is_recorded(name: str) -> None:
    plain = getattr(functional, name.removesuffix("_"))
    x, z = (tg.tensor(normal(20), requires_grad=True) for _ in range(2))
    written = x * 1
    memory = written.detach().numpy()
    assert getattr(functional, name)(written, *WRITING[name]) is written
    wanted = plain(z * 1, *WRITING[name])
    np.testing.assert_array_max_ulp(memory, wanted.detach().numpy(), 2)  # which may be that of a fused form
    close(grad((written**2).sum(), x)[0], grad((wanted**2).sum(), z)[0])
    with pytest.raises(RuntimeError, match="leaf"):
        getattr(functional, name)(x, *WRITING[name])


@pytest.mark.parametrize("name", WRITING)
def test_the_derivatives_of_what_is_written_are_pytorchs(name: str) -> None:
    same_call(lambda lib, x: getattr(lib.nn.functional, name)(x * 1, *WRITING[name]), normal(20))


# --- far out ----------------------------------------------------------------------------------------------------------

EVERYWHERE = [
    "relu", "relu6", "leaky_relu", "rrelu", "elu", "celu", "selu", "gelu", "silu", "mish", "softplus", "softsign",
    "softshrink", "hardshrink", "tanhshrink", "hardtanh", "hardsigmoid", "hardswish", "sigmoid", "logsigmoid", "tanh",
]  # fmt: skip
FAR: dict[str, Any] = {name: getattr(functional, name) for name in EVERYWHERE} | {
    "gelu by tanh": lambda x: functional.gelu(x, "tanh"),
    "softmax": lambda x: functional.softmax(x, 0),
    "log_softmax": lambda x: functional.log_softmax(x, 0),
    "glu": functional.glu,
    "threshold": lambda x: functional.threshold(x, 0.0, 1.0),
}
POINTS = [-1e4, -1e3, -104.0, -90.0, -20.0, -1.0, -1e-4, 0.0, 1e-4, 1.0, 20.0, 90.0, 104.0, 1e3, 1e4, 1e4]


@pytest.mark.parametrize("dtype", [tg.float32, tg.float64])
@pytest.mark.parametrize("name", FAR)
def test_value_and_two_derivatives_are_finite_and_right_up_to_1e4(name: str, dtype: Any) -> None:
    found = []
    for kind in (dtype, tg.float64):
        x = tg.tensor(POINTS, dtype=kind, requires_grad=True)
        with warnings.catch_warnings(), np.errstate(over="raise", invalid="raise", divide="raise"):
            warnings.simplefilter("error")
            y = FAR[name](x)
            weights = tg.tensor(np.linspace(1, 2, y.numel()), dtype=kind)
            (first,) = grad((y * weights).sum(), x, create_graph=True)
            (second,) = grad(first.sum(), x, materialize_grads=True) if first.requires_grad else [x * 0]
        assert y.dtype == first.dtype == kind
        found.append([v.detach().numpy() for v in (y, first, second)])
    for mine, wide in zip(*found, strict=True):
        assert np.isfinite(mine).all()
        # 1e4 is known to 5e-4 in single precision
        np.testing.assert_allclose(mine, wide, rtol=1e-5, atol=3e-4, equal_nan=False)


@pytest.mark.parametrize("name", [*EVERYWHERE, "gelu by tanh", "threshold"])
def test_nan_stays_nan(name: str) -> None:
    with np.errstate(invalid="ignore"):
        assert math.isnan(FAR[name](tg.tensor([math.nan])).item())


@pytest.mark.parametrize("name", [*EVERYWHERE, "gelu by tanh", "glu"])
def test_half_precision_is_right_as_far_as_it_goes(name: str) -> None:
    x = tg.tensor([-3e4, -1e3, -50.0, -1.0, 0.5, 2.0, 1e3, 6e4], dtype=tg.float16, requires_grad=True)
    z = tg.tensor(x.detach().double(), requires_grad=True)
    y, w = FAR[name](x), FAR[name](z)
    assert y.dtype == tg.float16
    close(y, w.detach().numpy(), 2e-3, 1e-3)
    close(grad(y, x, tg.ones_like(y))[0], grad(w, z, tg.ones_like(w))[0].numpy(), 4e-3, 4e-3)


# --- without PyTorch --------------------------------------------------------------------------------------------------

CLOSED = {
    "relu6": lambda x: np.minimum(np.maximum(x, 0), 6),
    "leaky_relu": lambda x: np.where(x > 0, x, 0.01 * x),
    "elu": lambda x: np.where(x > 0, x, np.exp(np.minimum(x, 0)) - 1),
    "celu": lambda x: np.where(x > 0, x, np.exp(np.minimum(x, 0)) - 1),
    "selu": lambda x: SELU_SCALE * np.where(x > 0, x, SELU_ALPHA * (np.exp(np.minimum(x, 0)) - 1)),
    "gelu": lambda x: x * np.array([0.5 * (1 + math.erf(v / math.sqrt(2))) for v in x]),
    "silu": lambda x: x / (1 + np.exp(-x)),
    "mish": lambda x: x * np.tanh(np.log(1 + np.exp(x))),
    "softplus": lambda x: np.log(1 + np.exp(x)),
    "softsign": lambda x: x / (1 + np.abs(x)),
    "softshrink": lambda x: np.sign(x) * np.maximum(np.abs(x) - 0.5, 0),
    "hardshrink": lambda x: np.where(np.abs(x) > 0.5, x, 0),
    "tanhshrink": lambda x: x - np.tanh(x),
    "hardtanh": lambda x: np.clip(x, -1, 1),
    "hardsigmoid": lambda x: np.clip(x / 6 + 0.5, 0, 1),
    "hardswish": lambda x: x * np.clip(x / 6 + 0.5, 0, 1),
    "logsigmoid": lambda x: -np.log(1 + np.exp(-x)),
    "gelu by tanh": lambda x: 0.5 * x * (1 + np.tanh(math.sqrt(2 / math.pi) * (x + 0.044715 * x**3))),
    "rrelu": lambda x: np.where(x > 0, x, x * 11 / 48),
}


@pytest.mark.parametrize("name", CLOSED)
def test_the_value_is_the_closed_form_and_the_gradients_agree_with_differences(name: str) -> None:
    a = np.random.default_rng(3).uniform(0.1, 0.4, 12) + np.arange(-6, 6)  # away from the kinks
    x = tg.tensor(a, requires_grad=True)
    close(FAR[name](x), CLOSED[name](a), 1e-12, 1e-14)
    assert gradcheck(FAR[name], [x])
    assert gradgradcheck(FAR[name], [x])


@given(x=st.floats(-30, 30), other=st.floats(-30, 30))
def test_smooth_activations_keep_their_symmetries(x: float, other: float) -> None:
    def at(name: str, v: float) -> float:
        return float(FAR[name](tg.tensor([v], dtype=tg.float64)).item())

    assert at("softplus", x) - at("softplus", -x) == pytest.approx(x, abs=1e-8)
    for name in ("silu", "gelu", "gelu by tanh", "hardswish"):
        assert at(name, x) - at(name, -x) == pytest.approx(x, abs=1e-9)
    row = functional.softmax(tg.tensor([x, other], dtype=tg.float64), 0).numpy()
    assert row.sum() == pytest.approx(1)
    assert row[0] == pytest.approx(at("sigmoid", x - other), abs=1e-12)


def test_gelu_keeps_its_relative_accuracy_far_to_the_left() -> None:
    assert functional.gelu(tg.tensor(-30.0, dtype=tg.float64)).item() == pytest.approx(
        -15 * math.erfc(30 / math.sqrt(2)), rel=1e-12
    )
    assert functional.gelu(tg.tensor(-5.0), "tanh").item() == pytest.approx(-2.2917961e-07, rel=1e-5)


# --- random slopes ----------------------------------------------------------------------------------------------------


def test_random_slopes_are_uniform_and_follow_their_generator() -> None:
    x = -tg.ones(20_000, dtype=tg.float64, requires_grad=True)
    module = nn.RReLU(0.2, 0.6, generator=tg.Generator().manual_seed(1))
    y = module(x)
    slopes = np.sort(-y.detach().numpy())
    assert slopes[0] >= 0.2
    assert slopes[-1] < 0.6
    steps = (np.arange(1, slopes.size + 1)) / slopes.size
    assert np.abs((slopes - 0.2) / 0.4 - steps).max() < 1.63 / math.sqrt(slopes.size)  # Kolmogorov and Smirnov, 1 %
    (g,) = grad(y.sum(), x)
    close(np.sort(g.numpy()), slopes)
    again = functional.rrelu(x, 0.2, 0.6, True, generator=tg.Generator().manual_seed(1))
    np.testing.assert_array_equal(again.detach().numpy(), y.detach().numpy())
    assert not np.array_equal(module(x).detach().numpy(), y.detach().numpy())
    close(module.eval()(x), np.full(20_000, -0.4), 1e-12)
    assert nn.RReLU()(tg.ones(5)).tolist() == [1.0] * 5


def test_a_checkpoint_repeats_the_random_slopes() -> None:
    module = nn.RReLU()
    x = -tg.ones(50, dtype=tg.float64, requires_grad=True)
    y = checkpoint(module, x, use_reentrant=False)
    (g,) = grad(y.sum(), x)
    np.testing.assert_array_equal(g.numpy(), -y.detach().numpy())


def test_a_gumbel_softmax_draws_corners_with_the_softmaxs_probabilities() -> None:
    p = np.array([0.1, 0.2, 0.7])
    logits = tg.tensor(np.log(p) * np.ones((20_000, 1)), requires_grad=True)
    source = tg.Generator().manual_seed(2)
    hard = functional.gumbel_softmax(logits, hard=True, generator=source)
    values = hard.detach().numpy()
    close(values.sum(1), np.ones(20_000))
    assert np.abs(values - values.round()).max() < 1e-12
    assert np.abs(values.mean(0) - p).max() < 4 * 0.5 / math.sqrt(20_000)
    soft = functional.gumbel_softmax(logits, tau=0.5, generator=tg.Generator().manual_seed(2))
    assert soft.detach().numpy().min() > 0
    hard = functional.gumbel_softmax(logits, tau=0.5, hard=True, generator=tg.Generator().manual_seed(2))
    np.testing.assert_array_equal(hard.detach().numpy().argmax(1), soft.detach().numpy().argmax(1))
    factor = tg.tensor(normal(20_000, 3))
    close(grad((hard * factor).sum(), logits)[0], grad((soft * factor).sum(), logits)[0])


# --- choices and refusals ---------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("shape", "axis"), [((), 0), ((4,), 0), ((4, 3), 1), ((2, 4, 3), 0), ((2, 2, 2, 2), 1)])
def test_without_a_dim_the_softmax_warns_and_takes_pytorchs(shape: Any, axis: int) -> None:
    x = tg.tensor(normal(*shape))
    for name, module in (("softmax", nn.Softmax()), ("softmin", nn.Softmin()), ("log_softmax", nn.LogSoftmax())):
        function = getattr(functional, name)
        for call in (function, module):
            with pytest.warns(UserWarning, match=f"Implicit dimension choice for {name} has been deprecated") as caught:
                found = call(x)
            assert caught[0].filename == __file__
            close(found, function(x, axis))


PIECES = [
    (lambda: functional.softshrink(tg.ones(2), -1), ArgumentError, "lambda must be"),
    (lambda: functional.celu(tg.ones(2), 0.0), ArgumentError, "alpha cannot be 0 for CELU"),
    (lambda: functional.hardtanh(tg.ones(2), 1, -1), ValueError, "min_val cannot be greater than max_val"),
    (lambda: nn.Hardtanh(1, -1), AssertionError, r"max_val \(-1\) must be greater than min_val \(1\)"),
    (lambda: functional.rrelu(tg.ones(2), 2, 1), RuntimeError, "Lower bound should be less than or equal to the upper"),
    (lambda: functional.gelu(tg.ones(2), "x"), RuntimeError, "approximate argument must be either none or tanh"),
    (lambda: functional.glu(tg.ones(3)), ShapeError, "Halving dimension must be even, but dimension 0 is size 3"),
    (lambda: functional.glu(tg.tensor(1.0)), ShapeError, "glu does not support scalars"),
    (lambda: nn.Softmax2d()(tg.ones(2, 2)), ShapeError, "Softmax2d: expected input to be 3D or 4D, got 2D instead"),
    (lambda: functional.prelu(tg.ones(2, 3), tg.ones(2)), ShapeError, "parameter numbers = 2 and channel size = 3"),
    (lambda: functional.prelu(tg.ones(3), tg.ones(3)), ShapeError, "parameter numbers = 3 and channel size = 1"),
    (lambda: functional.softmax(tg.ones(3), 2), IndexError, "Dimension out of range"),
]


@pytest.mark.parametrize("case", PIECES, ids=lambda case: case[2])
def test_what_makes_no_sense_is_refused_in_pytorchs_words(case: Any) -> None:
    call, kind, text = case
    with pytest.raises(kind, match=text):
        call()


def test_old_names_of_the_bounds_are_taken_with_a_warning() -> None:
    with pytest.warns(FutureWarning, match="keyword argument `min_value` is deprecated"):
        assert nn.Hardtanh(min_value=-3.0)(tg.tensor([-5.0])).item() == -3.0


def test_integers_pass_through_what_only_chooses() -> None:
    x = tg.tensor([-5, 20])
    assert functional.relu6(x).tolist() == [0, 6]
    assert functional.hardtanh(x).tolist() == [-1, 1]
    assert functional.threshold(x, 0, 1).tolist() == [1, 20]


def test_the_slopes_of_prelu_can_be_reset() -> None:
    module = nn.PReLU(3, 0.1, dtype=tg.float64)
    module.weight.data.fill_(2.0)
    module.reset_parameters()
    assert module.weight.tolist() == [0.1] * 3
    assert module.weight.requires_grad


@pytest.mark.filterwarnings("ignore:overflow")  # of the product with beta, which is compared with the threshold
@pytest.mark.parametrize("beta", [3.0, 1e10])
def test_softplus_beyond_its_threshold_is_the_input_itself(beta: float) -> None:
    x = tg.tensor([0.1 * 3, 7.1, 3e38, 20.0], requires_grad=True)
    y = functional.softplus(x, beta, 0.5)
    assert y.tolist() == x.tolist()
    assert grad(y.sum(), x)[0].tolist() == [1.0] * 4
