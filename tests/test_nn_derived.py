"""Weights computed from others: by hooks, as older scripts do, and orthogonal ones; layers folded into one."""

from __future__ import annotations

import copy
import warnings
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings, strategies as st

import tensorgrad as tg
from tensorgrad import nn
from tensorgrad.errors import ArgumentError, ShapeError
from tensorgrad.nn import utils
from tensorgrad.testing import gradgradcheck
from tests.peer import close, derivatives, scalar, torch_

R = np.random.default_rng(17)
MAKE: list[Any] = [
    (lambda lib: lib.nn.Linear(3, 4), (2, 3)), (lambda lib: lib.nn.Conv2d(2, 3, 2), (1, 2, 4, 4)),
    (lambda lib: lib.nn.ConvTranspose1d(2, 3, 2), (1, 2, 4)), (lambda lib: lib.nn.GRU(3, 2), (4, 1, 3)),
]  # fmt: skip


def name_of(layer: Any) -> str:
    return "weight" if hasattr(layer, "weight") else "weight_hh_l0"


def both(function: str, make: Any, **options: Any) -> list[Any]:
    """A layer with a computed weight in both libraries, with one state."""
    torch, layers = torch_(), []
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", FutureWarning)  # PyTorch's, of the newer form
        for lib in (tg, torch):
            layer = make(lib).double()
            layers.append(getattr(lib.nn.utils, function)(layer, name_of(layer), **options))
    state = {k: torch.tensor(v.numpy()) for k, v in layers[0].state_dict().items()}
    assert list(layers[1].state_dict()) == list(state)
    layers[1].load_state_dict(state)
    return layers


def outcome(lib: Any, layer: Any, x: np.ndarray, order: int) -> list[Any]:
    given_x = lib.tensor(x, requires_grad=True)
    y = layer(given_x)
    outputs = list(y) if isinstance(y, tuple) else [y]
    return [*outputs, *derivatives(scalar(outputs, lib), [given_x, *layer.parameters()], lib, order)]


@pytest.mark.parametrize("function", ["weight_norm", "spectral_norm"])
@pytest.mark.parametrize(("make", "shape"), MAKE)
def test_a_computed_weight_is_pytorchs_in_value_state_and_derivatives(function: str, make: Any, shape: Any) -> None:
    """In two derivatives; in the first only of `weight_norm`, whose second one fails PyTorch's own gradgradcheck."""
    layers, order = both(function, make), 1 if function == "weight_norm" else 2
    assert [n for n, _ in layers[0].named_parameters()] == [n for n, _ in layers[1].named_parameters()]
    x = R.normal(size=shape)
    for training in (True, False, True):
        found, wanted = (
            outcome(lib, layer.train(training), x, order) for lib, layer in zip((tg, torch_()), layers, strict=True)
        )
        for a, b in zip(found, wanted, strict=True):
            close(a, b, 1e-9, 1e-10)
        for a, b in zip(layers[0].state_dict().values(), layers[1].state_dict().values(), strict=True):
            close(a, b)
    remove = f"remove_{function}"
    plain = [
        getattr(lib.nn.utils, remove)(layer, name_of_removed(layer))
        for lib, layer in zip((tg, torch_()), layers, strict=True)
    ]
    assert set(plain[0].state_dict()) == set(plain[1].state_dict())
    for k, v in plain[0].state_dict().items():
        close(v, plain[1].state_dict()[k])


def name_of_removed(layer: Any) -> str:
    return "weight_hh_l0" if hasattr(layer, "weight_ih_l0") else "weight"


@pytest.mark.parametrize("function", ["weight_norm", "spectral_norm"])
def test_the_second_derivative_of_a_computed_weight(function: str) -> None:
    layer = getattr(utils, function)(nn.Linear(2, 2, bias=False).double()).eval()
    names = [name for name, _ in layer.named_parameters()]

    def f(*weights: tg.Tensor) -> tg.Tensor:
        return tg.func.functional_call(layer, dict(zip(names, weights, strict=True)), (x,))

    x = tg.tensor(R.normal(size=(1, 2)))
    assert gradgradcheck(f, tuple(p.detach().requires_grad_() for p in layer.parameters()))


@pytest.mark.parametrize("dim", [None, -1, 1])
def test_the_length_over_other_axes_is_pytorchs(dim: Any) -> None:
    found, wanted = both("weight_norm", lambda lib: lib.nn.Linear(3, 4), dim=dim)
    for a, b in zip(found.state_dict().values(), wanted.state_dict().values(), strict=True):
        close(a, b)
    x = R.normal(size=(2, 3))
    close(found(tg.tensor(x)), wanted(torch_().tensor(x)))


@pytest.mark.parametrize("function", ["weight_norm", "spectral_norm"])
def test_a_layer_with_a_computed_weight_is_trained_copied_saved_and_made_plain(function: str) -> None:
    layer = getattr(utils, function)(nn.Linear(3, 3)).eval()
    x = tg.ones(1, 3)
    twin = copy.deepcopy(layer)
    other = getattr(utils, function)(nn.Linear(3, 3)).eval()
    other.load_state_dict(layer.state_dict())
    assert other(x).tolist() == twin(x).tolist() == layer(x).tolist()
    before = twin(x).tolist()
    sgd = tg.optim.SGD(layer.parameters(), lr=0.1)
    layer(x).sum().backward()
    sgd.step()
    after = layer(x)
    assert after.tolist() != before
    assert twin(x).tolist() == before
    plain = getattr(utils, f"remove_{function}")(layer)
    assert set(dict(plain.named_parameters())) == {"weight", "bias"}
    np.testing.assert_allclose(plain(x).detach().numpy(), after.detach().numpy(), rtol=1e-6, equal_nan=False)
    assert plain._hooks is None


def test_what_cannot_be_computed_is_refused() -> None:
    layer = utils.weight_norm(nn.Linear(2, 2))
    with pytest.raises(ArgumentError, match="two weight_norm hooks on the same parameter weight"):
        utils.weight_norm(layer)
    with pytest.raises(ArgumentError, match="weight_norm of 'bias' not found"):
        utils.remove_weight_norm(layer, "bias")
    with pytest.raises(ArgumentError, match="parameter `bias` is None"):
        utils.spectral_norm(nn.Linear(2, 2, bias=False), "bias")
    with pytest.raises(ArgumentError, match="has no shape yet"):
        utils.weight_norm(nn.LazyLinear(2))
    with pytest.raises(ArgumentError, match="is parametrized"):
        utils.weight_norm(utils.parametrizations.weight_norm(nn.Linear(2, 2)), "bias")
    with pytest.raises(ValueError, match="n_power_iterations to be positive"):
        utils.spectral_norm(nn.Linear(2, 2), n_power_iterations=0)


# --- orthogonal matrices


SHAPES = [(3, 3), (5, 3), (3, 5), (2, 4, 3)]


@pytest.mark.parametrize("trivialized", [True, False])
@pytest.mark.parametrize("mapped", ["matrix_exp", "cayley", "householder"])
@pytest.mark.parametrize("shape", SHAPES)
def test_an_orthogonal_matrix_is_pytorchs_in_value_and_two_derivatives(
    shape: tuple[int, ...], mapped: str, trivialized: bool
) -> None:
    torch, start, step, held = torch_(), R.normal(size=shape), R.normal(size=shape) * 0.5, []
    if mapped == "householder":  # the diagonal holds signs
        step = np.tril(step, -1) if shape[-2] >= shape[-1] else np.triu(step, 1)
    for lib in (tg, torch):
        module = lib.nn.Module()
        module.weight = lib.nn.Parameter(lib.tensor(start))
        lib.nn.utils.parametrizations.orthogonal(module, "weight", mapped, use_trivialization=trivialized)
        held.append(module.parametrizations.weight)
    if trivialized:
        held[1][0].base = torch.tensor(held[0][0].base.numpy())  # which was completed by random numbers
    close(held[0](), held[1](), atol=1e-10)
    found, wanted = (outcome_of_step(lib, chain, step) for lib, chain in zip((tg, torch), held, strict=True))
    for a, b in zip(found, wanted, strict=True):
        close(a, b, 1e-9, 1e-9)


def outcome_of_step(lib: Any, chain: Any, step: np.ndarray) -> list[Any]:
    with lib.no_grad():
        chain.original.add_(lib.tensor(step))
    y = chain()
    return [y, *derivatives(scalar([y], lib), [chain.original], lib)]


@settings(deadline=None, max_examples=25)
@given(
    st.integers(1, 5), st.integers(1, 5), st.sampled_from(["matrix_exp", "cayley", "householder", None]), st.booleans()
)
def test_columns_or_rows_stay_orthonormal(m: int, n: int, mapped: Any, trivialized: bool) -> None:
    layer = nn.Linear(n, m, bias=False).double()
    utils.parametrizations.orthogonal(layer, orthogonal_map=mapped, use_trivialization=trivialized)
    sgd = tg.optim.SGD(layer.parameters(), lr=0.3)
    for _ in range(3):
        w = layer.weight
        small = w @ w.mT if m < n else w.mT @ w
        np.testing.assert_allclose(small.detach().numpy(), np.eye(min(m, n)), atol=1e-12, equal_nan=False)
        sgd.zero_grad()
        (w**3).sum().backward()
        sgd.step()


def test_an_orthogonal_weight_is_kept_and_can_be_assigned() -> None:
    layer = nn.Linear(3, 3).double()
    nn.init.orthogonal_(layer.weight)
    before = layer.weight.detach().clone()
    utils.parametrizations.orthogonal(layer)
    close(layer.weight, before, atol=1e-14)
    q = np.linalg.qr(R.normal(size=(3, 3)))[0]
    with tg.no_grad():
        layer.weight = tg.tensor(q)
    close(layer.weight, q, atol=1e-14)
    with pytest.raises(ShapeError, match=r"of shape \(3, 3\)"):
        layer.weight = tg.ones(2, 3)
    with pytest.raises(ArgumentError, match="one of"):
        utils.parametrizations.orthogonal(nn.Linear(2, 2), orthogonal_map="qr")
    with pytest.raises(ArgumentError, match="1 dimensions"):
        utils.parametrizations.orthogonal(nn.Linear(2, 2), "bias")
    with pytest.raises(ArgumentError, match="no parameter or buffer"):
        utils.parametrizations.orthogonal(nn.ReLU())


# --- one layer out of two


@pytest.mark.parametrize("bias", [True, False])
@pytest.mark.parametrize("affine", [True, False])
def test_a_layer_takes_the_normalisation_behind_it_in(bias: bool, affine: bool) -> None:
    cases: list[tuple[Any, Any, Any, tuple[int, ...]]] = [
        (nn.Conv2d(2, 3, 2, bias=bias), nn.BatchNorm2d(3, affine=affine), utils.fuse_conv_bn_eval, (2, 2, 4, 4)),
        (nn.Linear(2, 3, bias=bias), nn.BatchNorm1d(3, affine=affine), utils.fuse_linear_bn_eval, (5, 2)),
        (
            nn.ConvTranspose1d(2, 3, 2, bias=bias), nn.BatchNorm1d(3, affine=affine),
            lambda conv, bn: utils.fuse_conv_bn_eval(conv, bn, transpose=True), (2, 2, 4),
        ),
    ]  # fmt: skip
    for layer, bn, fuse, shape in cases:
        bn.double()
        bn.running_mean.copy_(tg.tensor(R.normal(size=3)))
        bn.running_var.copy_(tg.tensor(R.uniform(0.5, 2, size=3)))
        if affine:
            bn.weight.data = tg.tensor(R.normal(size=3))
        x = tg.tensor(R.normal(size=shape))
        layer.double().eval()
        with pytest.raises(ArgumentError, match="only for eval"):
            fuse(layer, bn)
        bn.eval()
        fused = fuse(layer, bn)
        close(fused(x), bn(layer(x)))
        assert (layer.bias is None) != bias
    with pytest.raises(ShapeError, match=r"linear.out_features=3 and bn.num_features=2"):
        utils.fuse_linear_bn_eval(nn.Linear(2, 3).eval(), nn.BatchNorm1d(2).eval())
    with pytest.raises(ArgumentError, match="must not be None"):
        utils.fuse_linear_bn_eval(nn.Linear(2, 3).eval(), nn.BatchNorm1d(3, track_running_stats=False).eval())


def test_a_layer_without_initial_values() -> None:
    layer = utils.skip_init(nn.Linear, 3, 2, bias=False, dtype=tg.float64)
    assert (type(layer), layer.weight.shape, layer.weight.dtype) == (nn.Linear, (2, 3), tg.float64)
    with pytest.raises(ArgumentError, match="Expected a Module"):
        utils.skip_init(dict)
    with pytest.raises(ArgumentError, match="'device' arg"):
        utils.skip_init(nn.ReLU)


def test_a_module_in_parallel_is_the_module() -> None:
    torch = torch_()
    net = nn.Sequential(nn.Linear(3, 2), nn.Tanh())
    parallel, theirs = (
        nn.DataParallel(net),
        torch.nn.DataParallel(torch.nn.Sequential(torch.nn.Linear(3, 2), torch.nn.Tanh())),
    )
    assert repr(parallel) == repr(theirs)
    assert list(parallel.state_dict()) == list(theirs.state_dict())
    x = tg.ones(4, 3)
    assert nn.DataParallel(net[0])(input=x).tolist() == net[0](x).tolist()
    assert parallel(x).tolist() == net(x).tolist()
    assert not parallel.eval().module.training


def test_a_weight_without_shape_may_be_filled_to_no_effect() -> None:
    layer = nn.LazyLinear(2)
    layer.weight.data.normal_(0, 0.01)
    layer.bias.data.fill_(7)
    assert layer.weight.data.shape == (0,)
    assert layer(tg.ones(1, 3)).shape == (1, 2)
    assert (layer.bias.abs() < 1).all()
    with pytest.raises(ArgumentError, match=r"call .materialize\(shape\) first"):
        nn.LazyLinear(2).weight.data = tg.ones(2, 3)


def test_names_of_older_scripts() -> None:
    """What has another name now is what it was, with a warning; a module is in shared memory as it is."""
    x = tg.tensor(R.normal(size=(1, 1, 2, 2)))
    with pytest.warns(UserWarning, match="Use `nn.functional.interpolate` instead"):
        found = nn.functional.upsample(x, scale_factor=2, mode="bilinear", align_corners=True)
    wanted = nn.functional.interpolate(x, scale_factor=2, mode="bilinear", align_corners=True)
    assert found.tolist() == wanted.tolist()
    p = tg.ones(2, requires_grad=True)
    p.grad = tg.tensor([3.0, 4.0])
    with pytest.warns(UserWarning, match="Use `nn.utils.clip_grad_norm_` instead"):
        assert utils.clip_grad_norm([p], 1.0).item() == 5
    assert abs(p.grad.norm().item() - 1) < 1e-5
    net = nn.Linear(2, 2)
    assert net.share_memory() is net.to_empty(device="cpu") is net
    assert isinstance(nn.LSTM(1, 1), nn.RNNBase)
