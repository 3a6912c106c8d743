"""Initial values: the spread of every scheme against its formula, and where the random numbers come from."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

import tensorgrad as tg
from tensorgrad.errors import ArgumentError
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


# --- truncated normal numbers -----------------------------------------------------------------------------------------


def distance(values: np.ndarray, below: Callable[[float], float]) -> float:
    """The largest difference between the part of `values` below a number and `below` of it (Kolmogorov)."""
    ordered = np.sort(values, axis=None)
    wanted = np.array([below(v) for v in ordered])
    n = ordered.size
    return float(max((np.arange(1, n + 1) / n - wanted).max(), (wanted - np.arange(n) / n).max()))


def upper(z: float) -> float:
    return math.erfc(z / math.sqrt(2)) / 2


BOUNDS = [
    (0.0, 1.0, -2.0, 2.0),
    (0.0, 0.02, -2.0, 2.0),
    (1.0, 2.0, -1.0, 1.5),
    (0.0, 1.0, 5.0, 6.0),
    (0.0, 1.0, 30.0, 31.0),
    (0.0, 1.0, -31.0, -30.0),
    (0.0, 1.0, -math.inf, math.inf),
    (-3.0, 1.0, 0.0, math.inf),
]


@pytest.mark.parametrize("settings", BOUNDS)
@pytest.mark.filterwarnings("ignore:mean is more than 2 std")
def test_truncated_normal_numbers_have_their_distribution_however_far_out(settings: tuple[float, ...]) -> None:
    mean, std, a, b = settings
    w = tg.zeros(100, 100, dtype=tg.float64)
    assert init.trunc_normal_(w, mean, std, a, b, generator=tg.Generator().manual_seed(1)) is w
    values = w.numpy()
    assert values.min() >= a
    assert values.max() <= b
    sign = 1 if (a + b) / 2 > mean or b == math.inf else -1  # the tail in which probabilities are small
    low, high = sorted((sign * (a - mean) / std, sign * (b - mean) / std))
    part = upper(low) - upper(high)

    def below(v: float) -> float:
        beyond = (upper(low) - upper(sign * (v - mean) / std)) / part
        return beyond if sign == 1 else 1 - beyond

    assert distance(values, below) < 1.63 / math.sqrt(values.size)  # the 1 % bound of Kolmogorov and Smirnov


def test_truncated_normal_numbers_follow_their_generator_and_keep_the_dtype() -> None:
    for dtype in (tg.float16, tg.float32, tg.float64):
        first, second = (
            init.trunc_normal_(tg.zeros(30, dtype=dtype), generator=tg.Generator().manual_seed(2)) for _ in range(2)
        )
        assert first.dtype == dtype
        assert np.abs(first.numpy()).max() <= 2
        np.testing.assert_array_equal(first.numpy(), second.numpy())
    tg.manual_seed(2)
    np.testing.assert_array_equal(init.trunc_normal_(tg.zeros(30, dtype=tg.float64)).numpy(), second.numpy())


def test_a_truncation_that_leaves_little_is_warned_of_and_none_refused() -> None:
    with pytest.warns(UserWarning, match=r"mean is more than 2 std from \[a, b\]"):
        init.trunc_normal_(tg.zeros(3), 0.0, 1.0, 3.0, 4.0)
    for bad in ((0.0, 1.0, 1.0, -1.0), (0.0, 0.0), (0.0, -1.0), (0.0, math.nan)):
        with pytest.raises(ArgumentError, match=r"trunc_normal_ expects|'std' must be float, not nan"):
            init.trunc_normal_(tg.zeros(3), *bad)
    assert init.trunc_normal_(tg.zeros(0, 3)).shape == (0, 3)


@pytest.mark.parametrize(
    ("fill", "below"),
    [
        (lambda w, g: init.normal_(w, 1.0, 2.0, g), lambda v: 1 - upper((v - 1) / 2)),
        (lambda w, g: init.uniform_(w, -1.0, 3.0, g), lambda v: (v + 1) / 4),
        (lambda w, g: init.kaiming_uniform_(w, generator=g), lambda v: (v / math.sqrt(6 / 100) + 1) / 2),
        (lambda w, g: init.xavier_normal_(w, generator=g), lambda v: 1 - upper(v / math.sqrt(2 / 200))),
    ],
    ids=["normal", "uniform", "kaiming_uniform", "xavier_normal"],
)
def test_random_fillings_have_their_distribution(fill: Any, below: Any) -> None:
    w = fill(tg.zeros(100, 100, dtype=tg.float64), tg.Generator().manual_seed(3))
    assert distance(w.numpy(), below) < 1.63 / 100


# --- structure --------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("shape", [(5, 5), (3, 7), (7, 3), (4, 3, 2), (2, 3, 2, 2), (1, 1)])
@pytest.mark.parametrize(("dtype", "error"), [(tg.float32, 1e-6), (tg.float64, 1e-14)])
def test_an_orthogonal_weight_has_orthonormal_rows_or_columns(shape: Any, dtype: Any, error: float) -> None:
    w = tg.zeros(shape, dtype=dtype)
    assert init.orthogonal_(w, gain=2.0, generator=tg.Generator().manual_seed(4)) is w
    m = w.numpy().reshape(shape[0], -1).astype(np.float64)
    product = m @ m.T if m.shape[0] <= m.shape[1] else m.T @ m
    np.testing.assert_allclose(product, 4 * np.eye(len(product)), atol=16 * error)


def test_orthogonal_weights_prefer_no_direction_and_no_sign() -> None:
    source = tg.Generator().manual_seed(5)
    drawn = np.array(
        [init.orthogonal_(tg.zeros(3, 3, dtype=tg.float64), generator=source).numpy() for _ in range(4000)]
    )
    np.testing.assert_allclose(drawn.mean(0), 0, atol=4 / math.sqrt(3 * 4000))
    np.testing.assert_allclose((drawn**2).mean(0), 1 / 3, atol=4 * 0.3 / math.sqrt(4000))
    assert abs(np.mean(np.linalg.det(drawn) > 0) - 0.5) < 2 / math.sqrt(4000)


@pytest.mark.parametrize("sparsity", [0.0, 0.3, 0.5, 1.0, 1.3])
def test_a_sparse_weight_has_its_part_of_zeros_in_every_column(sparsity: float) -> None:
    w = tg.ones(11, 400, dtype=tg.float64)
    assert init.sparse_(w, sparsity, 0.5, generator=tg.Generator().manual_seed(6)) is w
    zeros = w.numpy() == 0
    assert (zeros.sum(0) == min(11, math.ceil(sparsity * 11))).all()
    if 0 < sparsity < 1:
        assert np.abs(zeros.mean(1) - zeros.mean()).max() < 4 * 0.5 / math.sqrt(400)
        assert w.numpy()[~zeros].std() == pytest.approx(0.5, rel=0.05)


@pytest.mark.parametrize(
    ("name", "shape", "settings"),
    [
        ("eye_", (3, 3), {}), ("eye_", (2, 4), {}), ("eye_", (0, 3), {}), ("dirac_", (4, 1, 3), {"groups": 2}),
        ("dirac_", (2, 3, 2), {}), ("dirac_", (3, 2, 3, 3), {}), ("dirac_", (4, 2, 3, 2, 1), {"groups": 2}),
        ("constant_", (2, 2), {"val": 0.3}), ("ones_", (2,), {}), ("zeros_", (), {}),
    ],
)  # fmt: skip
def test_what_is_not_random_is_pytorchs(name: str, shape: Any, settings: Any) -> None:
    torch = pytest.importorskip("torch", reason=WITHOUT_TORCH)
    ours = getattr(init, name)(tg.full(shape, 7.0), **settings)
    theirs = getattr(torch.nn.init, name)(torch.full(shape, 7.0), **settings)
    np.testing.assert_array_equal(ours.numpy(), theirs.numpy())


def test_a_dirac_weight_lets_channels_pass() -> None:
    w = init.dirac_(tg.ones(3, 2, 5)).numpy()
    x = np.random.default_rng(7).normal(size=(2, 9))
    y = np.array([sum(np.convolve(x[i], w[o, i][::-1], "same") for i in range(2)) for o in range(3)])
    np.testing.assert_array_equal(y[:2], x)
    assert not y[2].any()


# --- refusals and warnings --------------------------------------------------------------------------------------------

REFUSED = [
    (lambda: init.eye_(tg.zeros(3)), "Only tensors with 2 dimensions are supported"),
    (lambda: init.sparse_(tg.zeros(3), 0.5), "Only tensors with 2 dimensions are supported"),
    (lambda: init.sparse_(tg.zeros(3, 3), 0.5, -1.0), "normal expects std >= 0.0"),
    (lambda: init.dirac_(tg.zeros(3, 3)), "Only tensors with 3, 4, or 5 dimensions are supported"),
    (lambda: init.dirac_(tg.zeros(3, 3, 3), 2), "dim 0 must be divisible by groups"),
    (lambda: init.orthogonal_(tg.zeros(3)), "Only tensors with 2 or more dimensions are supported"),
    (lambda: init.normal_(tg.zeros(3), 0, -1), "normal expects std >= 0.0, but found std -1"),
    (lambda: init.uniform_(tg.zeros(3), 1, 0), "uniform_ expects to return a"),
    (lambda: init.calculate_gain("leaky_relu", True), "negative_slope True not a valid number"),
]


@pytest.mark.parametrize("case", REFUSED, ids=lambda case: case[1])
def test_what_makes_no_sense_is_refused_in_pytorchs_words(case: Any) -> None:
    call, text = case
    with pytest.raises(ValueError, match=text):
        call()


@pytest.mark.parametrize("shape", [(0, 3), (3, 0), (0, 0)])
@pytest.mark.parametrize("name", ["xavier_normal_", "xavier_uniform_", "kaiming_normal_", "kaiming_uniform_"])
def test_a_weight_without_elements_stays_as_it_is_with_a_warning(name: str, shape: Any) -> None:
    w = tg.zeros(shape)
    with pytest.warns(UserWarning, match="Initializing zero-element tensors is a no-op") as caught:
        assert getattr(init, name)(w) is w
    assert caught[0].filename == __file__
    assert init.orthogonal_(w) is w


@pytest.mark.parametrize(
    "name",
    ["uniform", "normal", "constant", "eye", "dirac", "xavier_uniform", "xavier_normal", "kaiming_uniform",
     "kaiming_normal", "orthogonal", "sparse"],
)  # fmt: skip
def test_an_old_name_warns_and_fills(name: str) -> None:
    shape, more = ((3, 3, 3) if name == "dirac" else (3, 3)), {"constant": (2.0,), "sparse": (0.3,)}.get(name, ())
    text = f"`nn.init.{name}` is now deprecated in favor of `nn.init.{name}_`."
    tg.manual_seed(8)
    with pytest.warns(FutureWarning, match=text) as caught:
        old = getattr(init, name)(tg.zeros(shape), *more)
    assert caught[0].filename == __file__
    tg.manual_seed(8)
    np.testing.assert_array_equal(old.numpy(), getattr(init, f"{name}_")(tg.zeros(shape), *more).numpy())


def test_gains_of_convolutions_and_modes_in_capitals_are_known() -> None:
    assert init.calculate_gain("conv_transpose3d") == init.calculate_gain("conv1d") == 1
    w = init.kaiming_normal_(tg.zeros(20, 30), mode="FAN_OUT", generator=tg.Generator().manual_seed(9))
    v = init.kaiming_normal_(tg.zeros(20, 30), mode="fan_out", generator=tg.Generator().manual_seed(9))
    np.testing.assert_array_equal(w.numpy(), v.numpy())
    assert init._calculate_fan_in_and_fan_out(tg.zeros(4, 3, 2)) == (6, 8)


@pytest.mark.parametrize("name", ["orthogonal_", "trunc_normal_", "eye_", "sparse_"])
def test_filling_in_place_is_not_recorded_and_is_noticed_by_a_graph(name: str) -> None:
    w = tg.nn.Parameter(tg.ones(2, 2))
    loss = (w * w).sum()
    getattr(init, name)(w, *((0.5,) if name == "sparse_" else ()))
    assert w.is_leaf
    assert w.requires_grad
    with pytest.raises(RuntimeError, match="inplace"):
        loss.backward()
