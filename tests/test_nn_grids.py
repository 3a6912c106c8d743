"""Images read at any places: PyTorch's in value and gradient, at the kinks too; a plain loop; what is refused."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings, strategies as st

import tensorgrad as tg
from tensorgrad.errors import ArgumentError, DTypeError, ShapeError
from tensorgrad.nn import functional
from tensorgrad.testing import gradcheck, gradgradcheck
from tests.peer import same_call

R = np.random.default_rng(11)
CASES = [(2, "bilinear"), (2, "nearest"), (2, "bicubic"), (3, "bilinear"), (3, "nearest")]
PADDING = ["zeros", "border", "reflection"]


@pytest.mark.parametrize("align_corners", [False, True])
@pytest.mark.parametrize("padding", PADDING)
@pytest.mark.parametrize(("ndim", "mode"), CASES, ids=str)
def test_value_and_gradient_are_pytorchs(ndim: int, mode: str, padding: str, align_corners: bool) -> None:
    image = R.normal(size=(2, 3, *(5, 4, 3)[:ndim]))
    grid = R.uniform(-2.7, 2.7, size=(2, *(3, 4, 2)[:ndim], ndim))
    same_call(lambda lib, x, u: lib.nn.functional.grid_sample(x, u, mode, padding, align_corners), image, grid, order=1)


@pytest.mark.parametrize("padding", PADDING)
@pytest.mark.parametrize("mode", ["bilinear", "nearest", "bicubic"])
@pytest.mark.parametrize("shape", [(5, 3), (1, 4), (1, 1)])
def test_the_identity_is_pytorchs_at_its_kinks(shape: tuple[int, int], mode: str, padding: str) -> None:
    """With corners aligned every place is a pixel, the outer ones on the border."""
    image = R.normal(size=(1, 2, *shape))
    grid = np.stack(np.meshgrid(*[np.linspace(-1, 1, n) for n in reversed(shape)]), -1)[None]
    same_call(lambda lib, x, u: lib.nn.functional.grid_sample(x, u, mode, padding, True), image, grid, order=1)
    theta = tg.tensor([[[1.0, 0, 0], [0, 1, 0]]], dtype=tg.float64)
    y = functional.grid_sample(
        tg.tensor(image), functional.affine_grid(theta, image.shape, True), mode, padding, align_corners=True
    )
    np.testing.assert_allclose(y.numpy(), image, rtol=1e-12, equal_nan=False)


@pytest.mark.filterwarnings("ignore:Since version 1.3.0")  # PyTorch's, of grids of one point
@pytest.mark.parametrize("align_corners", [False, True])
@pytest.mark.parametrize("size", [(2, 3, 4, 5), (2, 1, 1, 3), (2, 1, 3, 4, 5)])
def test_an_affine_grid_is_pytorchs_in_value_and_two_derivatives(size: tuple[int, ...], align_corners: bool) -> None:
    n = len(size) - 2
    theta = R.normal(size=(2, n, n + 1))
    same_call(lambda lib, theta: lib.nn.functional.affine_grid(theta, size, align_corners), theta)


def pixel(image: np.ndarray, y: int, x: int) -> float:
    inside = 0 <= y < image.shape[0] and 0 <= x < image.shape[1]
    return float(image[y, x]) if inside else 0.0


@settings(deadline=None, max_examples=50)
@given(st.floats(-1.6, 1.6), st.floats(-1.6, 1.6), st.booleans())
def test_a_place_is_the_mean_of_its_four_neighbours(u: float, v: float, align_corners: bool) -> None:
    image = np.random.default_rng(1).normal(size=(3, 4))
    x, y = ((u + 1) / 2 * 3, (v + 1) / 2 * 2) if align_corners else (((u + 1) * 4 - 1) / 2, ((v + 1) * 3 - 1) / 2)
    left, top = math.floor(x), math.floor(y)
    wanted = sum(
        (1 - abs(x - left - i)) * (1 - abs(y - top - j)) * pixel(image, top + j, left + i)
        for i in (0, 1)
        for j in (0, 1)
    )
    found = functional.grid_sample(
        tg.tensor(image[None, None]), tg.tensor([[[[u, v]]]], dtype=tg.float64), "bilinear", "zeros", align_corners
    )
    assert found.item() == pytest.approx(wanted, rel=1e-9, abs=1e-9)


@pytest.mark.parametrize(
    ("ndim", "mode", "padding"),
    [
        (2, "bilinear", "zeros"), (2, "bilinear", "border"), (2, "bilinear", "reflection"), (2, "bicubic", "zeros"),
        (3, "bilinear", "reflection"),
    ],
)  # fmt: skip
def test_first_and_second_derivatives(ndim: int, mode: str, padding: str) -> None:
    image = tg.tensor(R.normal(size=(1, 1, *(2, 2, 1)[:ndim])), requires_grad=True)
    grid = tg.tensor(R.uniform(-1.4, 1.4, size=(1, *(1,) * ndim, ndim)), requires_grad=True)

    def f(x: tg.Tensor, u: tg.Tensor) -> tg.Tensor:
        return functional.grid_sample(x, u, mode, padding)

    assert gradcheck(f, (image, grid))
    if mode == "bilinear" and ndim == 2:  # as there are many taps, the others are checked along the grid alone
        assert gradgradcheck(f, (image, grid))
    else:
        assert gradgradcheck(lambda u: f(image.detach(), u), grid)


@pytest.mark.parametrize("mode", ["bilinear", "nearest", "bicubic"])
def test_far_outside_and_unknown_places(mode: str) -> None:
    image = tg.tensor(R.normal(size=(1, 1, 3, 3)), requires_grad=True)
    grid = tg.tensor([[[[1e30, 0.0], [-math.inf, 0.0], [math.nan, 0.0], [0.0, 0.0]]]], dtype=tg.float64)
    y = functional.grid_sample(image, grid.requires_grad_(), mode)
    assert y[..., :2].tolist() == [[[[0.0, 0.0]]]]
    assert math.isnan(y[0, 0, 0, 2].item())
    first = tg.autograd.grad(y[..., [0, 1, 3]].sum(), (image, grid))
    assert np.isfinite(first[0].numpy()).all()
    assert np.isfinite(first[1].numpy()[..., [0, 1, 3], :]).all()


def test_a_pixel_outside_of_the_window_has_no_influence() -> None:
    image = tg.tensor([[[[math.inf, 1.0, 2.0]]]])
    y = functional.grid_sample(image, tg.tensor([[[[1.4, 0.0], [0.5, 0.0]]]]), align_corners=False)
    assert np.isfinite(y.numpy()).all()


@pytest.mark.parametrize(
    ("call", "error", "text"),
    [
        (
            lambda x, u: functional.grid_sample(x, u, "linear"),
            ValueError,
            "bilinear, nearest, bicubic, but got: 'linear'",
        ),
        (lambda x, u: functional.grid_sample(x, u, padding_mode="wrap"), ValueError, "zeros, border, reflection"),
        (lambda x, u: functional.grid_sample(x[0], u), ShapeError, "4D or 5D input"),
        (lambda x, u: functional.grid_sample(x, u[..., :1]), ShapeError, r"expected grid \(1, ..., 2\)"),
        (lambda x, u: functional.grid_sample(x[..., :0], u), ShapeError, "non-empty"),
        (lambda x, u: functional.grid_sample(x, u.double()), DTypeError, "float32 and grid has float64"),
        (
            lambda x, u: functional.grid_sample(x[None], tg.zeros(1, 1, 1, 1, 3), "bicubic"),
            ArgumentError,
            "only supports 4D",
        ),
        (lambda x, u: functional.affine_grid(u[0], (1, 1, 2, 2)), ShapeError, r"found theta \[1, 1, 2\]"),
        (lambda x, u: functional.affine_grid(tg.ones(1, 2, 3), (1, 1, 0, 2)), ShapeError, "positive"),
        (
            lambda x, u: functional.affine_grid(tg.ones(1, 2, 3, dtype=tg.int64), (1, 1, 2, 2)),
            DTypeError,
            "floating point",
        ),
    ],
)
def test_what_does_not_fit_is_refused(call: Any, error: type[Exception], text: str) -> None:
    with pytest.raises(error, match=text):
        call(tg.ones(1, 1, 2, 2), tg.zeros(1, 1, 1, 2))


def test_a_sampler_that_is_compiled_or_run_for_a_batch_reads_what_it_is_given() -> None:
    image = tg.tensor(R.normal(size=(1, 1, 4, 4)))
    grids = tg.tensor(R.uniform(-1.3, 1.3, size=(6, 1, 2, 2, 2)))
    for mode in ("bilinear", "nearest", "bicubic"):
        plain = tg.stack([functional.grid_sample(image, u, mode, "reflection") for u in grids])
        planned = tg.compile(lambda u, mode=mode: functional.grid_sample(image, u, mode, "reflection"))
        np.testing.assert_allclose(tg.stack([planned(u) for u in grids]).numpy(), plain.numpy(), equal_nan=False)
        at_once = tg.func.vmap(lambda u, mode=mode: functional.grid_sample(image, u, mode, "reflection"))(grids)
        np.testing.assert_allclose(at_once.numpy(), plain.numpy(), equal_nan=False)
