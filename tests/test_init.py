"""Initial values: the spread of every scheme against its formula, and where the random numbers come from."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

import tensorgrad as tg
from tensorgrad.nn import init

WITHOUT_TORCH = "PyTorch is not installed: a comparison with it, side by side, is left out"

OUT, IN = 300, 500
GAIN = {
    "linear": 1.0,
    "sigmoid": 1.0,
    "tanh": 5 / 3,
    "relu": math.sqrt(2),
    "leaky_relu": math.sqrt(2 / (1 + 0.01**2)),
    "selu": 0.75,
}

SCHEMES: dict[str, tuple[Callable[..., Any], float]] = {
    "xavier_normal": (init.xavier_normal_, math.sqrt(2 / (IN + OUT))),
    "xavier_uniform": (init.xavier_uniform_, math.sqrt(2 / (IN + OUT))),
    "xavier_normal_tanh": (lambda w, **k: init.xavier_normal_(w, 5 / 3, **k), 5 / 3 * math.sqrt(2 / (IN + OUT))),
    "xavier_uniform_tanh": (lambda w, **k: init.xavier_uniform_(w, gain=2, **k), 2 * math.sqrt(2 / (IN + OUT))),
    "kaiming_normal": (init.kaiming_normal_, math.sqrt(2 / IN)),
    "kaiming_uniform": (init.kaiming_uniform_, math.sqrt(2 / IN)),
    "he_normal": (init.he_normal_, math.sqrt(2 / IN)),
    "he_uniform": (init.he_uniform_, math.sqrt(2 / IN)),
    "kaiming_normal_fan_out": (lambda w, **k: init.kaiming_normal_(w, mode="fan_out", **k), math.sqrt(2 / OUT)),
    "kaiming_uniform_relu": (lambda w, **k: init.kaiming_uniform_(w, nonlinearity="relu", **k), math.sqrt(2 / IN)),
    "kaiming_normal_leaky": (lambda w, **k: init.kaiming_normal_(w, 0.5, **k), math.sqrt(2 / 1.25 / IN)),
    "kaiming_uniform_sqrt5": (lambda w, **k: init.kaiming_uniform_(w, math.sqrt(5), **k), math.sqrt(1 / 3 / IN)),
    "kaiming_normal_linear": (lambda w, **k: init.kaiming_normal_(w, nonlinearity="linear", **k), math.sqrt(1 / IN)),
    "normal": (lambda w, **k: init.normal_(w, 0.0, 0.01, **k), 0.01),
    "uniform": (lambda w, **k: init.uniform_(w, -1, 1, **k), 1 / math.sqrt(3)),
}


@pytest.mark.parametrize("dtype", [tg.float32, tg.float64])
@pytest.mark.parametrize("name", SCHEMES)
def test_the_spread_is_the_formulas(name: str, dtype: Any) -> None:
    fill, std = SCHEMES[name]
    w = tg.nn.Parameter(tg.zeros(OUT, IN, dtype=dtype))
    assert fill(w, generator=tg.Generator().manual_seed(1)) is w
    values = w.detach().numpy()
    assert np.isfinite(values).all()
    assert values.dtype == dtype
    n = values.size
    # the standard error of a sample's deviation is std / sqrt(2 n) for normal numbers, less for uniform ones
    assert abs(values.astype(np.float64).std() / std - 1) < 4 / math.sqrt(2 * n)
    assert abs(values.astype(np.float64).mean()) < 4 * std / math.sqrt(n)
    if "uniform" in name:
        bound = std * math.sqrt(3)
        assert np.abs(values).max() <= bound * (1 + 1e-6)
        assert np.abs(values).max() > 0.999 * bound
    else:
        assert 4 * std < np.abs(values).max() < 6.5 * std
        inside = np.mean(np.abs(values) < std)
        assert abs(inside - math.erf(1 / math.sqrt(2))) < 0.01
    assert (w.requires_grad, w.is_leaf, w.grad_fn) == (True, True, None)


@pytest.mark.parametrize("name", SCHEMES)
def test_the_same_seed_gives_the_same_numbers_whatever_numpys_global_state(name: str) -> None:
    fill, _ = SCHEMES[name]

    def drawn(**source: Any) -> np.ndarray:
        return fill(tg.zeros(20, 30), **source).numpy()

    first = drawn(generator=tg.Generator().manual_seed(3))
    np.random.seed(12345)  # noqa: NPY002 - the point: NumPy's global generator has no say
    state = np.random.get_state()[1].copy()  # noqa: NPY002
    np.testing.assert_array_equal(drawn(generator=tg.Generator().manual_seed(3)), first)
    tg.manual_seed(3)
    np.testing.assert_array_equal(drawn(), first)
    np.testing.assert_array_equal(np.random.get_state()[1], state)  # noqa: NPY002
    assert not np.array_equal(drawn(), first)
    assert not np.array_equal(drawn(generator=tg.Generator().manual_seed(4)), first)


def test_an_explicit_generator_leaves_the_default_one_alone() -> None:
    tg.manual_seed(0)
    plain = tg.rand(3).tolist()
    tg.manual_seed(0)
    init.xavier_normal_(tg.zeros(3, 3), generator=tg.Generator().manual_seed(9))
    tg.nn.Linear(3, 3, generator=tg.Generator().manual_seed(9))
    assert tg.rand(3).tolist() == plain


def test_a_generator_goes_on_where_it_stopped() -> None:
    one, two = tg.Generator().manual_seed(5), tg.Generator().manual_seed(5)
    first, second = (init.normal_(tg.zeros(2, 2), generator=one).tolist() for _ in range(2))
    assert first != second
    assert [init.normal_(tg.zeros(2, 2), generator=two).tolist() for _ in range(2)] == [first, second]
    assert one.initial_seed() == 5
    assert one.seed() == one.initial_seed() != 5


def test_the_spread_counts_the_field_of_a_convolution() -> None:
    w = tg.zeros(64, 32, 3, 3)
    assert init.fans(w) == (32 * 9, 64 * 9)
    init.kaiming_normal_(w, generator=tg.Generator().manual_seed(0))
    assert w.std().item() == pytest.approx(math.sqrt(2 / (32 * 9)), rel=0.02)


@pytest.mark.parametrize("shape", [(), (5,)])
@pytest.mark.parametrize(
    "fill", [init.xavier_normal_, init.xavier_uniform_, init.kaiming_normal_, init.kaiming_uniform_]
)
def test_a_weight_without_two_axes_has_no_fans(fill: Any, shape: Any) -> None:
    w = tg.ones(*shape)
    with pytest.raises(ValueError, match="fewer than 2 dimensions"):
        fill(w)
    assert (w.numpy() == 1).all()


@pytest.mark.parametrize("name", GAIN)
def test_the_gain_is_the_formulas(name: str) -> None:
    assert init.calculate_gain(name) == pytest.approx(GAIN[name], rel=1e-15)


def test_the_gain_of_a_leaky_relu_depends_on_its_slope_and_unknown_names_raise() -> None:
    assert init.calculate_gain("leaky_relu", 0.2) == pytest.approx(math.sqrt(2 / 1.04))
    assert init.calculate_gain("leaky_relu", 0) == pytest.approx(math.sqrt(2))
    with pytest.raises(ValueError, match="Unsupported nonlinearity mystery"):
        init.calculate_gain("mystery")
    with pytest.raises(ValueError, match="mystery"):
        init.kaiming_normal_(tg.zeros(2, 2), nonlinearity="mystery")
    with pytest.raises(ValueError, match="Mode fan_up not supported"):
        init.kaiming_normal_(tg.zeros(2, 2), mode="fan_up")


def test_gains_and_standard_deviations_are_pytorchs() -> None:
    torch = pytest.importorskip("torch", reason=WITHOUT_TORCH)
    for name in GAIN:
        assert init.calculate_gain(name) == torch.nn.init.calculate_gain(name)
    pairs = [
        ("xavier_normal_", {"gain": 1.5}),
        ("xavier_uniform_", {}),
        ("kaiming_normal_", {"mode": "fan_out", "nonlinearity": "relu"}),
        ("kaiming_uniform_", {"a": math.sqrt(5)}),
    ]
    for name, settings in pairs:
        ours, theirs = tg.zeros(OUT, IN), torch.zeros(OUT, IN)
        getattr(init, name)(ours, **settings, generator=tg.Generator().manual_seed(0))
        getattr(torch.nn.init, name)(theirs, **settings, generator=torch.Generator().manual_seed(0))
        assert ours.std().item() == pytest.approx(theirs.std().item(), rel=0.015)


def test_constants_fill_in_place_without_being_recorded() -> None:
    w = tg.nn.Parameter(tg.zeros(2, 3))
    memory = w.detach().numpy()
    for fill, value in (
        (init.zeros_, 0.0), (init.ones_, 1.0), (lambda v: init.constant_(v, 2.5), 2.5),
    ):  # fmt: skip
        assert fill(w) is w
        assert (memory == value).all()
        assert w.is_leaf
        assert w.requires_grad
    with tg.enable_grad():
        init.normal_(w)
    assert tg.is_grad_enabled()


def test_filling_a_weight_that_a_graph_still_needs_is_noticed() -> None:
    w = tg.nn.Parameter(tg.ones(2, 2))
    loss = (w * w).sum()
    init.xavier_normal_(w)
    with pytest.raises(RuntimeError, match="inplace"):
        loss.backward()


def test_a_linear_layer_starts_uniform_as_pytorchs_does() -> None:
    layer = tg.nn.Linear(400, 300, generator=tg.Generator().manual_seed(2))
    for p in layer.parameters():
        values = p.detach().numpy()
        assert np.abs(values).max() <= 0.05 + 1e-9
        assert abs(values.std() / (0.05 / math.sqrt(3)) - 1) < 0.1
    again = tg.nn.Linear(400, 300, generator=tg.Generator().manual_seed(2))
    for p, q in zip(layer.parameters(), again.parameters(), strict=True):
        np.testing.assert_array_equal(p.detach().numpy(), q.detach().numpy())
    layer.reset_parameters(tg.Generator().manual_seed(3))
    assert not np.array_equal(layer.weight.detach().numpy(), again.weight.detach().numpy())
