"""Convolutions and windows: by definition, by adjointness, by finite differences, and beside PyTorch."""

import numpy as np
import pytest

import tensorgrad as tg
from tensorgrad.testing import gradcheck, gradgradcheck
from tests.peer import same_call, same_module, torch_

F = tg.nn.functional


def numbers(*shape, seed=0):
    return np.random.default_rng(seed).normal(size=shape)


def naive(x, w, stride, padding, dilation, groups):
    """The cross-correlation of images, one number at a time."""
    x = np.pad(x, ((0, 0), (0, 0), (padding,) * 2, (padding,) * 2))
    (n, _, h, v), (o, c, kh, kw) = x.shape, w.shape
    rows, columns = ((m - dilation * (k - 1) - 1) // stride + 1 for m, k in ((h, kh), (v, kw)))
    y = np.zeros((n, o, rows, columns))
    for b, f, i, j, q, r, s in np.ndindex(n, o, rows, columns, c, kh, kw):
        channel = f // (o // groups) * c + q
        y[b, f, i, j] += w[f, q, r, s] * x[b, channel, i * stride + r * dilation, j * stride + s * dilation]
    return y


@pytest.mark.parametrize(("stride", "padding", "dilation", "groups"), [(1, 0, 1, 1), (2, 1, 1, 2), (1, 2, 2, 1)])
def test_a_convolution_is_the_sum_of_its_definition(stride, padding, dilation, groups):
    x, w = numbers(2, 4, 6, 5), numbers(2, 4 // groups, 3, 2, seed=1)
    found = F.conv2d(tg.tensor(x), tg.tensor(w), None, stride, padding, dilation, groups)
    np.testing.assert_allclose(found.numpy(), naive(x, w, stride, padding, dilation, groups), rtol=1e-12, atol=1e-12)


@pytest.mark.parametrize("settings", [{}, {"stride": 2, "padding": 1}, {"dilation": 2, "groups": 2}])
def test_a_transposed_convolution_is_the_adjoint_of_the_convolution(settings):
    x, w = tg.tensor(numbers(2, 4, 7, 7)), tg.tensor(numbers(6, 4 // settings.get("groups", 1), 3, 3, seed=1))
    y = F.conv2d(x, w, **settings)
    g = tg.tensor(numbers(*y.shape, seed=2))
    back = F.conv_transpose2d(g, w, **settings)
    assert back.shape == x.shape
    np.testing.assert_allclose((y * g).sum().item(), (x * back).sum().item(), rtol=1e-12)


def test_fold_is_the_adjoint_of_unfold():
    x, settings = tg.tensor(numbers(2, 3, 6, 5)), {"kernel_size": (3, 2), "padding": 1, "stride": 2, "dilation": (1, 2)}
    y = F.unfold(x, **settings)
    g = tg.tensor(numbers(*y.shape, seed=2))
    np.testing.assert_allclose((y * g).sum().item(), (x * F.fold(g, (6, 5), **settings)).sum().item(), rtol=1e-12)


@pytest.mark.parametrize("function", [F.conv2d, F.conv_transpose2d])
def test_gradients_of_two_orders_agree_with_differences(function):
    inputs = [tg.tensor(numbers(*s), requires_grad=True) for s in ((1, 2, 4, 3), (2, 2, 2, 2), (2,))]
    assert gradcheck(lambda *xs: function(*xs, stride=2, padding=1), inputs)
    assert gradgradcheck(lambda *xs: function(*xs, stride=2, padding=1), inputs)


CONVOLUTIONS = [
    {}, {"stride": 2}, {"padding": 1}, {"padding": "same"}, {"padding": "valid", "dilation": 2}, {"groups": 2},
    {"stride": 2, "padding": 2, "dilation": 2, "groups": 2},
]  # fmt: skip


@pytest.mark.filterwarnings("ignore:Using padding='same' with even kernel lengths:UserWarning")
@pytest.mark.parametrize("settings", CONVOLUTIONS, ids=str)
@pytest.mark.parametrize("n", [1, 2, 3])
@pytest.mark.parametrize("lead", [(2,), ()], ids=["batch", "single"])
def test_convolutions_agree_with_pytorch(n, settings, lead):
    arrays = numbers(*lead, 4, *(7, 6, 5)[:n]), numbers(6, 4 // settings.get("groups", 1), *(3, 2, 1)[:n]), numbers(6)
    same_call(lambda lib, *xs: getattr(lib.nn.functional, f"conv{n}d")(*xs, **settings), *arrays)


TRANSPOSED = [{}, {"stride": 2, "output_padding": 1}, {"padding": 1, "dilation": 2}, {"groups": 2, "stride": 3}]


@pytest.mark.parametrize("settings", TRANSPOSED, ids=str)
@pytest.mark.parametrize("n", [1, 2, 3])
@pytest.mark.parametrize("lead", [(2,), ()], ids=["batch", "single"])
def test_transposed_convolutions_agree_with_pytorch(n, settings, lead):
    groups = settings.get("groups", 1)
    arrays = numbers(*lead, 4, *(4, 3, 2)[:n]), numbers(4, 6 // groups, *(3, 2, 2)[:n]), numbers(6)
    same_call(lambda lib, *xs: getattr(lib.nn.functional, f"conv_transpose{n}d")(*xs, **settings), *arrays)


def test_a_kernel_of_one_element_agrees_with_pytorch():
    same_call(lambda lib, *xs: lib.nn.functional.conv2d(*xs), numbers(2, 3, 4, 4), numbers(5, 3, 1, 1), numbers(5))


def test_unfold_and_fold_agree_with_pytorch():
    settings = {"kernel_size": (2, 3), "padding": 1, "stride": 2, "dilation": (2, 1)}
    same_call(lambda lib, x: lib.nn.functional.unfold(x, **settings), numbers(2, 3, 6, 7))
    columns = F.unfold(tg.tensor(numbers(2, 3, 6, 7)), **settings).numpy()
    same_call(lambda lib, x: lib.nn.functional.fold(x, (6, 7), **settings), columns)


MODULES = [
    (lambda nn: nn.Unfold((2, 3), padding=1, stride=2), (2, 3, 6, 7)),
    (lambda nn: nn.Fold((4, 5), 2), (2, 8, 12)),
    (lambda nn: nn.Conv1d(4, 6, 3, padding=1), (2, 4, 7)),
    (lambda nn: nn.Conv2d(4, 6, (3, 2), stride=2, groups=2, bias=False), (2, 4, 7, 6)),
    (lambda nn: nn.Conv2d(4, 2, 3, padding="same", padding_mode="circular"), (4, 7, 6)),
    (lambda nn: nn.Conv2d(2, 2, 3, padding=(1, 2), dilation=2, padding_mode="reflect"), (1, 2, 7, 6)),
    (lambda nn: nn.ConvTranspose1d(4, 6, 3, stride=2), (2, 4, 5)),
    (lambda nn: nn.ConvTranspose2d(4, 6, 3, stride=2, padding=1, output_padding=1), (2, 4, 3, 4)),
    (lambda nn: nn.Conv3d(4, 2, (3, 2, 1), padding=1, bias=False), (2, 4, 4, 3, 2)),
    (lambda nn: nn.ConvTranspose3d(4, 2, 2, stride=2, groups=2, bias=False), (4, 2, 3, 2)),
]


@pytest.mark.parametrize(("make", "shape"), MODULES)
def test_modules_agree_with_pytorch(make, shape):
    same_module(make, numbers(*shape))


@pytest.mark.parametrize("size", [(10, 12), [2, 6, 9, 11], (9, 12)], ids=str)
def test_a_transposed_convolution_gives_the_size_it_is_asked_for(size):
    layer = tg.nn.ConvTranspose2d(3, 6, 3, stride=2)
    assert layer(tg.ones(2, 3, 4, 5), output_size=size).shape == (2, 6, *size[-2:])
    arrays = numbers(2, 3, 4, 5), numbers(3, 6, 3, 3, seed=1)

    def call(lib, x, weight):
        layer = lib.nn.ConvTranspose2d(3, 6, 3, stride=2, bias=False)
        layer.weight.requires_grad_(False)
        return lib.func.functional_call(layer, {"weight": weight}, (x, size))

    same_call(call, *arrays)


LAZY = [
    ("Conv1d", (8, 3), {"padding": 1}, (2, 4, 7)),
    ("Conv2d", (8, 3), {"stride": 2, "groups": 2, "bias": False, "padding_mode": "reflect", "padding": 1}, (4, 7, 6)),
    ("Conv3d", (8, (1, 2, 3)), {"dilation": 2, "padding": "same"}, (2, 4, 5, 5, 5)),
    ("ConvTranspose1d", (8, 3), {"stride": 2, "output_padding": 1}, (2, 4, 5)),
    ("ConvTranspose2d", (8, 3), {"groups": 2, "dilation": 2}, (2, 4, 3, 4)),
    ("ConvTranspose3d", (8, 2), {"bias": False}, (4, 2, 3, 2)),
]


@pytest.mark.parametrize(("name", "sizes", "settings", "shape"), LAZY)
def test_a_lazy_convolution_becomes_the_one_of_its_first_input(name, sizes, settings, shape):
    x, generator = tg.tensor(numbers(*shape)).float(), tg.Generator()
    lazy = getattr(tg.nn, f"Lazy{name}")(*sizes, **settings, generator=generator.manual_seed(1))
    weight = lazy.weight
    y = lazy(x)
    direct = getattr(tg.nn, name)(4, *sizes, **settings, generator=generator.manual_seed(1))
    assert (type(lazy), repr(lazy), set(vars(lazy))) == (type(direct), repr(direct), set(vars(direct)))
    assert lazy.weight is weight
    assert list(lazy.state_dict()) == list(direct.state_dict())
    np.testing.assert_array_equal(y.detach().numpy(), direct(x).detach().numpy())


@pytest.mark.filterwarnings("ignore:Lazy modules are a new feature", "ignore:Using padding='same' with even kernel")
@pytest.mark.parametrize(("name", "sizes", "settings", "shape"), LAZY)
def test_lazy_convolutions_look_as_pytorchs_do_before_and_after(name, sizes, settings, shape):
    torch = torch_()
    ours, theirs = (getattr(lib.nn, f"Lazy{name}")(*sizes, **settings) for lib in (tg, torch))
    for first in (True, False):
        assert repr(ours) == repr(theirs)
        assert list(ours.state_dict()) == list(theirs.state_dict())
        if first:
            assert ours(tg.ones(*shape)).shape == tuple(theirs(torch.ones(*shape)).shape)
    assert [tuple(p.shape) for p in ours.parameters()] == [tuple(p.shape) for p in theirs.parameters()]


def test_a_state_gives_a_lazy_convolution_its_values():
    source, lazy = tg.nn.Conv2d(3, 4, 2), tg.nn.LazyConv2d(4, 2)
    lazy.load_state_dict(source.state_dict())
    x = tg.randn(2, 3, 5, 5)
    np.testing.assert_array_equal(lazy(x).detach().numpy(), source(x).detach().numpy())


def test_initial_values_are_uniform_below_the_root_of_the_fan_in():
    layer = tg.nn.Conv2d(4, 64, 3, generator=tg.Generator().manual_seed(0))
    bound = 1 / 6
    for p in (layer.weight, layer.bias):
        assert 0.9 * bound < abs(p.detach().numpy()).max() <= bound


ERRORS = [
    (lambda: F.conv2d(tg.ones(1, 3, 5, 5), tg.ones(2, 4, 3, 3)), "to have 4 channels, but got 3 channels instead"),
    (lambda: F.conv2d(tg.ones(1, 3, 2, 2), tg.ones(2, 3, 3, 3)), "Kernel size can't be greater than actual input size"),
    (lambda: F.conv2d(tg.ones(1, 4, 5, 5), tg.ones(3, 2, 3, 3), groups=2), "divisible by 2 at dimension 0"),
    (lambda: F.conv2d(tg.ones(5, 5), tg.ones(3, 2, 3, 3)), r"Expected 3D \(unbatched\) or 4D \(batched\) input"),
    (lambda: F.conv2d(tg.ones(1, 1, 5, 5), tg.ones(1, 1, 3, 3), stride=2, padding="same"), "not supported for strided"),
    (lambda: tg.nn.Conv2d(3, 4, 3, groups=2), "in_channels must be divisible by groups"),
    (lambda: tg.nn.Conv2d(4, 3, 3, groups=2), "out_channels must be divisible by groups"),
    (lambda: tg.nn.Conv2d(4, 4, 3, groups=0), "groups must be a positive integer"),
    (lambda: tg.nn.Conv2d(4, 4, 3, padding_mode="none"), "padding_mode must be one of"),
    (lambda: tg.nn.Conv2d(4, 4, 3, padding="none"), "Invalid padding string 'none', should be one of"),
    (lambda: tg.nn.LazyConv2d(4, 3, groups=2)(tg.ones(1, 3, 5, 5)), "in_channels must be divisible by groups"),
    (lambda: tg.nn.LazyConv2d(4, 3)(tg.ones(5, 5)), r"input to LazyConv2d, but got input of size: \[5, 5\]"),
    (lambda: F.conv2d(tg.ones(1, 1, 5, 5), tg.ones(1, 1, 3, 3), stride=0), "non-positive stride is not supported"),
    (lambda: F.conv2d(tg.ones(1, 1, 5, 5), tg.ones(1, 1, 3, 3), padding=-1), "negative padding is not supported"),
    (lambda: F.conv2d(tg.ones(1, 1, 5, 5), tg.ones(1, 1, 3, 3), dilation=0), "dilation should be greater than zero"),
    (lambda: F.conv2d(tg.ones(1, 1, 5, 5), tg.ones(1, 1, 3, 3), tg.ones(2)), "bias to be 1-dimensional with 1 elem"),
    (lambda: F.conv2d(tg.ones(1, 1, 5, 5), tg.ones(1, 1, 3, 3), stride=(1,) * 3), "expected stride to be a single int"),
    (lambda: F.conv_transpose2d(tg.ones(1, 1, 5, 5), tg.ones(1, 1, 3, 3), stride=0), "non-positive stride"),
    (lambda: F.conv_transpose1d(tg.ones(1, 1, 5), tg.ones(2, 1, 3)), "Given transposed=1, .* to have 2 channels"),
    (lambda: F.conv_transpose1d(tg.ones(1, 1, 5), tg.ones(1, 1, 3), padding=4), r"\(-1\). Output size is too small"),
    (lambda: F.conv_transpose1d(tg.ones(1, 1, 5), tg.ones(1, 1, 3), output_padding=1), "output padding must be small"),
    (
        lambda: tg.nn.ConvTranspose2d(3, 2, 3, stride=2)(tg.ones(1, 3, 4, 5), output_size=(4, 5)),
        r"requested an output size of \(4, 5\), but valid sizes range from \[9, 11\] to \[10, 12\]",
    ),
    (
        lambda: tg.nn.ConvTranspose2d(3, 2, 3)(tg.ones(1, 3, 4, 5), output_size=(6,)),
        r"for 4D input, output_size must have 2 or 4 elements \(got 1\)",
    ),
]  # fmt: skip


@pytest.mark.parametrize(("call", "words"), ERRORS)
def test_errors_speak_as_pytorch_does(call, words):
    with pytest.raises(RuntimeError, match=words):
        call()
