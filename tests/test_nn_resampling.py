"""Padding, interpolation, shuffles and lazy convolutions: PyTorch's in value and two derivatives, and by definition."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

import tensorgrad as tg
from tensorgrad import nn
from tensorgrad.errors import ArgumentError, DTypeError, ShapeError
from tensorgrad.nn import functional
from tensorgrad.testing import gradcheck
from tests.peer import close, same_call, same_module, torch_

R = np.random.default_rng(11)
LINE, IMAGE, VOLUME = R.normal(size=(2, 3, 5)), R.normal(size=(2, 3, 4, 5)), R.normal(size=(1, 2, 3, 4, 3))

MODULES: list[tuple[Callable[[Any], Any], np.ndarray]] = [
    (lambda lib: lib.ZeroPad1d(2), LINE),
    (lambda lib: lib.ZeroPad2d((1, 2, 0, 3)), IMAGE),
    (lambda lib: lib.ZeroPad2d((-1, 2, 0, -1)), IMAGE),
    (lambda lib: lib.ZeroPad3d(1), VOLUME),
    (lambda lib: lib.ConstantPad1d((1, 2), 3.5), LINE),
    (lambda lib: lib.ConstantPad2d(1, -2.0), IMAGE),
    (lambda lib: lib.ConstantPad3d(1, 2.0), VOLUME),
    (lambda lib: lib.ReflectionPad1d((2, 1)), LINE),
    (lambda lib: lib.ReflectionPad2d((2, 1, 0, 3)), IMAGE),
    (lambda lib: lib.ReplicationPad1d((2, 7)), LINE),
    (lambda lib: lib.ReplicationPad2d(3), IMAGE),
    (lambda lib: lib.CircularPad1d((2, 3)), LINE),
    (lambda lib: lib.CircularPad1d((1, -2)), LINE),
    (lambda lib: lib.CircularPad1d((-2, 3)), LINE),
    (lambda lib: lib.CircularPad2d((-1, 2, 1, -2)), IMAGE),
    (lambda lib: lib.ReflectionPad1d((3, -2)), LINE),
    (lambda lib: lib.ReplicationPad1d((-2, 3)), LINE),
    (lambda lib: lib.CircularPad2d(2), IMAGE),
    (lambda lib: lib.Upsample(scale_factor=2), IMAGE),
    (lambda lib: lib.Upsample((3, 7), mode="bilinear"), IMAGE),
    (lambda lib: lib.UpsamplingNearest2d(scale_factor=3), IMAGE),
    (lambda lib: lib.UpsamplingBilinear2d((8, 3)), IMAGE),
    (lambda lib: lib.PixelShuffle(2), R.normal(size=(2, 8, 3, 2))),
    (lambda lib: lib.PixelUnshuffle(2), R.normal(size=(3, 2, 4, 6))),
    (lambda lib: lib.ChannelShuffle(2), R.normal(size=(2, 6, 3))),
]  # fmt: skip


@pytest.mark.parametrize("case", MODULES, ids=lambda case: repr(case[0](nn)))
def test_a_module_is_pytorchs_in_text_value_and_two_derivatives(case: Any) -> None:
    make, x = case
    same_module(make, x)


@pytest.mark.parametrize(
    ("x", "settings"),
    [
        (LINE, {"size": 8}), (LINE, {"size": 3}), (LINE, {"scale_factor": 2.5}), (LINE, {"scale_factor": 0.6}),
        (LINE, {"size": 7, "mode": "nearest-exact"}), (LINE, {"size": 7, "mode": "linear"}),
        (LINE, {"size": 7, "mode": "linear", "align_corners": True}), (LINE, {"size": 1, "mode": "linear"}),
        (LINE, {"size": 1, "mode": "linear", "align_corners": True}), (LINE, {"size": 3, "mode": "area"}),
        (IMAGE, {"size": (7, 3)}), (IMAGE, {"scale_factor": (1.7, 0.5)}),
        (IMAGE, {"scale_factor": 2, "mode": "bilinear"}),
        (IMAGE, {"scale_factor": 1.7, "mode": "bilinear"}), (IMAGE, {"size": (2, 3), "mode": "area"}),
        (IMAGE, {"scale_factor": 1.7, "mode": "bilinear", "recompute_scale_factor": True}),
        (IMAGE, {"size": (2, 9), "mode": "bilinear", "align_corners": True}),
        (VOLUME, {"scale_factor": 2}), (VOLUME, {"size": (2, 5, 4), "mode": "trilinear"}),
        (VOLUME, {"size": (2, 1, 2), "mode": "area"}),
    ],
)  # fmt: skip
def test_interpolation_is_pytorchs_in_value_and_two_derivatives(x: Any, settings: dict[str, Any]) -> None:
    same_call(lambda lib, x: lib.nn.functional.interpolate(x, **settings), x)


def test_interpolation_of_a_line_is_the_line_and_corners_stay() -> None:
    line = tg.arange(5, dtype=tg.float64).reshape(1, 1, 5)
    finer = functional.interpolate(line, size=9, mode="linear", align_corners=True)
    close(finer[0, 0], np.linspace(0, 4, 9))
    close(functional.interpolate(line, scale_factor=3)[0, 0], np.repeat(np.arange(5.0), 3))
    x = tg.tensor(IMAGE, requires_grad=True)
    assert gradcheck(lambda x: functional.interpolate(x, (3, 7), mode="bilinear"), [x])


def test_shuffles_have_their_inverses() -> None:
    x = tg.tensor(R.normal(size=(2, 8, 3, 2)))
    close(functional.pixel_unshuffle(functional.pixel_shuffle(x, 2), 2), x)
    close(functional.channel_shuffle(functional.channel_shuffle(x, 2), 4), x)


LAZY: list[tuple[str, dict[str, Any], np.ndarray]] = [
    ("LazyConv1d", {}, LINE), ("LazyConv2d", {"padding": 1, "bias": False}, IMAGE), ("LazyConv3d", {}, VOLUME),
    ("LazyConvTranspose1d", {"stride": 2}, LINE), ("LazyConvTranspose2d", {}, IMAGE[0]),
    ("LazyConvTranspose3d", {"bias": False}, VOLUME),
]  # fmt: skip


@pytest.mark.parametrize(("name", "settings", "x"), LAZY, ids=[name for name, _, _ in LAZY])
def test_a_lazy_convolution_becomes_the_layer_of_its_first_input(name: str, settings: Any, x: np.ndarray) -> None:
    layer = getattr(nn, name)(4, 2, **settings)
    optimizer = tg.optim.SGD(layer.parameters(), lr=0.1)
    assert layer.has_uninitialized_params()
    y = layer(tg.tensor(x).float())
    made = getattr(nn, name.removeprefix("Lazy"))
    assert type(layer) is made
    close(y, functional_of(layer, x), 1e-5, 1e-6)
    y.sum().backward()
    before = layer.weight.detach().clone()
    optimizer.step()
    assert not tg.equal(layer.weight, before)
    other = getattr(nn, name)(4, 2, **settings)
    other.load_state_dict(layer.state_dict())
    close(other(tg.tensor(x).float()), layer(tg.tensor(x).float()), 1e-6)


def functional_of(layer: Any, x: np.ndarray) -> Any:
    """The same convolution by a layer that knew its channels."""
    channels = x.shape[-layer.ndim - 1]
    settings = {"stride": layer.stride, "padding": layer.padding, "bias": layer.bias is not None}
    known = type(layer)(channels, 4, 2, **settings)
    known.load_state_dict(layer.state_dict())
    return known(tg.tensor(x).float())


@pytest.mark.parametrize(("name", "settings", "x"), LAZY, ids=[name for name, _, _ in LAZY])
def test_the_text_of_a_lazy_convolution_is_pytorchs_before_and_after(name: str, settings: Any, x: np.ndarray) -> None:
    torch = torch_()
    ours, theirs = getattr(nn, name)(4, 2, **settings), getattr(torch.nn, name)(4, 2, **settings)
    assert repr(ours) == repr(theirs)
    ours(tg.tensor(x).float())
    theirs(torch.tensor(x).float())
    assert repr(ours) == repr(theirs)
    assert {k: tuple(v.shape) for k, v in ours.state_dict().items()} == {
        k: tuple(v.shape) for k, v in theirs.state_dict().items()
    }


ERRORS: list[tuple[Callable[[], Any], type[Exception], str]] = [
    (lambda: functional.interpolate(tg.ones(1, 1, 2)), ValueError, "either size or scale_factor should be defined"),
    (lambda: functional.interpolate(tg.ones(1, 1, 2), 2, 2.0), ValueError, "only one of size or scale_factor"),
    (lambda: functional.interpolate(tg.ones(1, 1, 2), (2, 3)), ValueError, "same number of spatial dimensions"),
    (lambda: functional.interpolate(tg.ones(1, 1, 2), 3, align_corners=True), ValueError, "align_corners option can"),
    (lambda: functional.interpolate(tg.ones(1, 1, 2), 3, mode="bilinear"), ShapeError, "Got 3D input, but bilinear"),
    (lambda: functional.interpolate(tg.ones(1, 2), 3), ShapeError, "Got 2D input"),
    (lambda: functional.interpolate(tg.ones(1, 1, 2), 0), ShapeError, "should be greater than 0"),
    (lambda: functional.interpolate(tg.ones(1, 1, 2, 2), 3, mode="bicubic"), ArgumentError, "found mode 'bicubic'"),
    (lambda: functional.interpolate(tg.ones(1, 1, 2, 2, 2, 2), 2, mode="area"), ShapeError, "one to three spatial"),
    (lambda: functional.pixel_shuffle(tg.ones(3, 2, 2), 2), ShapeError, "is not divisible by 4"),
    (lambda: functional.pixel_shuffle(tg.ones(2, 2), 2), ShapeError, "at least 3 dimensions"),
    (lambda: functional.pixel_unshuffle(tg.ones(3, 3, 2), 2), ShapeError, r"input.size\(-2\)=3"),
    (lambda: functional.channel_shuffle(tg.ones(1, 3, 2), 2), ShapeError, "Got 3 channels and 2 groups"),
    (lambda: nn.LazyConv2d(4, 2)(tg.ones(3, 2)), ShapeError, r"Expected 3D \(unbatched\) or 4D \(batched\) input"),
    (lambda: nn.LazyConv2d(4, 2, groups=2)(tg.ones(3, 5, 5)), ValueError, "in_channels must be divisible by groups"),
]  # fmt: skip


@pytest.mark.parametrize("case", ERRORS, ids=lambda case: case[2])
def test_what_does_not_fit_is_refused_in_pytorchs_words(case: Any) -> None:
    call, error, text = case
    with pytest.raises(error, match=text):
        call()


@pytest.mark.parametrize("mode", ["linear", "bilinear", "trilinear", "area"])
def test_whole_numbers_are_not_mixed(mode: str) -> None:
    x = tg.ones((1, 1, *(4,) * {"bilinear": 2, "trilinear": 3}.get(mode, 1)), dtype=tg.int64)
    with pytest.raises(DTypeError, match="between whole numbers"):
        functional.interpolate(x, scale_factor=2, mode=mode)
    assert functional.interpolate(x, scale_factor=2).dtype == tg.int64
