"""Random masks: the values at the ends, the mask of both passes, channels, moments, seeds, checkpoints, refusals."""

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
from tensorgrad.errors import ArgumentError
from tensorgrad.nn import functional
from tensorgrad.testing import gradcheck
from tensorgrad.utils.checkpoint import checkpoint
from tests.peer import close, same_module, torch_

ALPHA = -1.7580993408473766
CHANNELS = {"Dropout1d": (40, 50, 3), "Dropout2d": (40, 50, 2, 3), "Dropout3d": (40, 50, 2, 1, 2)}
SHAPES = {"Dropout": (40, 50), **CHANNELS, "AlphaDropout": (40, 50), "FeatureAlphaDropout": (40, 50, 3)}
FUNCTIONS = {
    "Dropout": functional.dropout,
    "Dropout1d": functional.dropout1d,
    "Dropout2d": functional.dropout2d,
    "Dropout3d": functional.dropout3d,
    "AlphaDropout": functional.alpha_dropout,
    "FeatureAlphaDropout": functional.feature_alpha_dropout,
}


def layer(name: str, p: float = 0.5, seed: int | None = None) -> nn.Module:
    return getattr(nn, name)(p, **({} if seed is None else {"generator": tg.Generator().manual_seed(seed)}))


def ones(name: str, dtype: Any = tg.float64) -> tg.Tensor:
    return tg.ones(SHAPES[name], dtype=dtype, requires_grad=True)


@pytest.mark.parametrize("training", [True, False])
@pytest.mark.parametrize("name", SHAPES)
def test_the_ends_are_pytorchs_in_text_and_two_derivatives(name: str, training: bool) -> None:
    a = np.random.default_rng(0).normal(size=tuple(n if n < 9 else 3 for n in SHAPES[name]))
    same_module(lambda lib: getattr(lib, name)(0.0), a, training=training)
    same_module(lambda lib: getattr(lib, name)(1.0), a, training=training)
    if not training:
        same_module(lambda lib: getattr(lib, name)(0.3, inplace=True), a, training=False)


@pytest.mark.parametrize("name", SHAPES)
def test_nothing_is_dropped_at_0_and_in_evaluation_and_everything_at_1(name: str) -> None:
    x = ones(name)
    for module in (layer(name, 0.0), layer(name, 0.7).eval(), layer(name, 1.0).eval()):
        y = module(x)
        np.testing.assert_array_equal(y.detach().numpy(), 1)
        close(grad(y.sum(), x)[0], np.ones(x.shape))
    y = layer(name, 1.0)(x)
    assert not y.detach().numpy().any()
    close(grad(y.sum(), x)[0], np.zeros(x.shape))


@pytest.mark.parametrize("dtype", [tg.float16, tg.float32, tg.float64])
@pytest.mark.parametrize("name", SHAPES)
def test_both_passes_and_the_second_derivative_use_one_mask_in_the_inputs_dtype(name: str, dtype: Any) -> None:
    x = ones(name, dtype)
    y = layer(name, 0.4, seed=1)(x)
    (g,) = grad(y.sum(), x, retain_graph=True)
    assert y.dtype == g.dtype == dtype
    slopes, values = g.numpy(), y.detach().numpy()
    assert len(np.unique(slopes)) == 2
    assert slopes.min() == 0
    if "Alpha" in name:  # the values are two as well, the lower of them where the slope is 0
        assert values[slopes == 0].max() < values[slopes > 0].min()
        assert len(np.unique(values)) == 2
    else:
        np.testing.assert_array_equal(slopes, values)
        assert slopes.max() == dtype.type(1 / 0.6)
    unit = tg.ones_like(x)
    (first,) = grad(y**3, x, unit, create_graph=True)
    (second,) = grad(first, x, unit)
    wide = values.astype(np.float64)
    close(second, 6 * wide * slopes.astype(np.float64) ** 2, 1e-2 if dtype == tg.float16 else 1e-5, 1e-6)


@pytest.mark.parametrize("name", [*CHANNELS, "FeatureAlphaDropout"])
def test_whole_channels_are_dropped_independently(name: str) -> None:
    p = 0.3
    x = ones(name)
    (g,) = grad(layer(name, p, seed=2)(x).sum(), x)
    flat = g.numpy().reshape(40, 50, -1)
    assert (flat == flat[:, :, :1]).all()
    dropped = flat[:, :, 0] == 0
    assert abs(dropped.mean() - p) < 4 * math.sqrt(p * (1 - p) / 2000)
    # pairs of examples and pairs of channels agree as often as independent ones: p * p + (1 - p) ** 2
    for pairs in (dropped[1:] == dropped[:-1], dropped[:, 1:] == dropped[:, :-1]):
        assert abs(pairs.mean() - (p * p + (1 - p) ** 2)) < 0.07


def test_without_a_batch_the_first_axis_holds_the_channels() -> None:
    for function, shape in ((functional.dropout1d, (200, 5)), (functional.dropout3d, (200, 5, 2, 2))):
        values = function(tg.ones(shape), 0.5).numpy().reshape(200, -1)
        assert (values == values[:, :1]).all()
        assert 60 < (values[:, 0] == 0).sum() < 140


@pytest.mark.parametrize("p", [0.1, 0.5, 0.9])
def test_dropout_preserves_the_mean_and_drops_the_part_p(p: float) -> None:
    n = 200_000
    values = layer("Dropout", p, seed=2)(tg.ones(n)).numpy()
    assert abs(values.mean() - 1) < 4 * math.sqrt(p / (1 - p) / n)
    assert abs(np.mean(values == 0) - p) < 4 * math.sqrt(p * (1 - p) / n)


@pytest.mark.parametrize("p", [0.1, 0.5, 0.9])
@pytest.mark.parametrize("name", ["AlphaDropout", "FeatureAlphaDropout"])
def test_alpha_dropout_keeps_mean_0_and_variance_1(name: str, p: float) -> None:
    n = 200_000
    x = tg.randn(n // 10, 10, dtype=tg.float64, generator=tg.Generator().manual_seed(3))
    values = layer(name, p, seed=4)(x).numpy()
    assert abs(values.mean()) < 4 / math.sqrt(n)
    assert abs(values.var() - 1) < 4 * math.sqrt(10 / n)


@given(p=st.floats(0.01, 0.99), seed=st.integers(0, 2**32 - 1))
def test_alpha_dropout_is_the_formula_of_its_source(p: float, seed: int) -> None:
    a = np.random.default_rng(seed).normal(size=200)
    x = tg.tensor(a, requires_grad=True)
    y = functional.alpha_dropout(x, p, True, generator=tg.Generator().manual_seed(seed))
    kept = grad(y.sum(), x)[0].numpy() > 0
    scale = (1 - p + ALPHA**2 * p * (1 - p)) ** -0.5
    close(y, scale * (np.where(kept, a, ALPHA) - ALPHA * p), 1e-12, 1e-12)


def test_two_values_of_alpha_dropout_are_pytorchs() -> None:
    torch = torch_()
    for p in (0.2, 0.7):
        theirs = torch.nn.functional.alpha_dropout(torch.ones(500, dtype=torch.float64), p, True)
        ours = functional.alpha_dropout(tg.ones(500, dtype=tg.float64), p, True)
        close(np.unique(ours.numpy().round(12)), np.unique(theirs.numpy().round(12)), 1e-10)


@pytest.mark.parametrize("name", SHAPES)
def test_masks_follow_their_seed(name: str) -> None:
    x = ones(name).detach()

    def drawn() -> list[Any]:
        module = layer(name)
        return [module(x).tolist() for _ in range(2)]

    tg.manual_seed(3)
    first = drawn()
    tg.manual_seed(3)
    np.random.seed(0)  # noqa: NPY002 - the point: NumPy's global generator has no say
    assert drawn() == first
    assert first[0] != first[1]
    one = FUNCTIONS[name](x, 0.5, True, generator=tg.Generator().manual_seed(4))
    np.testing.assert_array_equal(one.numpy(), layer(name, seed=4)(x).numpy())


@pytest.mark.parametrize("own", [True, False], ids=["own generator", "default generator"])
@pytest.mark.parametrize("name", SHAPES)
def test_a_checkpoint_repeats_the_mask(name: str, own: bool) -> None:
    x = ones(name)
    module = layer(name, 0.5, seed=5 if own else None)
    y = checkpoint(module, x, use_reentrant=False)
    (g,) = grad(y.sum(), x)
    values = y.detach().numpy()
    np.testing.assert_array_equal(g.numpy() == 0, values == values.min())


@pytest.mark.parametrize("name", SHAPES)
def test_with_its_mask_fixed_the_gradient_agrees_with_differences(name: str) -> None:
    shape = tuple(min(n, 3) for n in SHAPES[name])
    x = tg.tensor(np.random.default_rng(6).normal(size=shape), requires_grad=True)
    assert gradcheck(lambda v: FUNCTIONS[name](v, 0.5, True, generator=tg.Generator().manual_seed(7)), [x])


@pytest.mark.parametrize("name", SHAPES)
@pytest.mark.parametrize("p", [-0.1, 1.1, math.nan])
def test_a_probability_outside_0_and_1_is_refused(name: str, p: float) -> None:
    with pytest.raises(ValueError, match="dropout probability has to be between 0 and 1"):
        layer(name, p)
    with pytest.raises(ValueError, match=r"dropout probability has to be between 0 and 1|'p' must be float, not nan"):
        FUNCTIONS[name](tg.ones(2, 2, 2, 2)[0 if name == "Dropout1d" else ...], p, False)


def test_other_numbers_of_axes_are_refused_or_warned_of_in_pytorchs_words() -> None:
    with pytest.raises(RuntimeError, match="dropout1d: Expected 2D or 3D input, but received a 4D input"):
        functional.dropout1d(tg.ones(2, 2, 2, 2))
    with pytest.warns(UserWarning, match="dropout2d: Received a 2-D input to dropout2d, which is deprecated") as caught:
        functional.dropout2d(tg.ones(2, 2))
    assert caught[0].filename == __file__
    with pytest.warns(UserWarning, match="dropout2d: Received a 3D input to dropout2d and assuming"):
        functional.dropout2d(tg.ones(2, 2, 2))
    with pytest.warns(UserWarning, match="dropout3d: Received a 3-D input"):
        functional.dropout3d(tg.ones(2, 2, 2))
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        functional.dropout2d(tg.ones(2, 2, 2, 2))
        functional.dropout3d(tg.ones(2, 2, 2, 2))
    with pytest.raises(RuntimeError, match="Feature dropout requires at least 2 dimensions in the input"):
        functional.feature_alpha_dropout(tg.ones(3), 0.5, True)


def test_a_convention_is_one_of_two_words() -> None:
    with pytest.raises(ArgumentError, match="convention must be 'pytorch' or 'book', found 'torch'"):
        nn.Dropout(0.5, convention="torch")
    with pytest.raises(ArgumentError, match="convention must be 'pytorch' or 'book'"):
        functional.dropout(tg.ones(2), convention="Book")
