"""Normalisations: PyTorch's in value and two derivatives, gradcheck to order three, statistics, refusals, precision."""

from __future__ import annotations

import warnings
from typing import Any

import numpy as np
import pytest
from hypothesis import given, strategies as st

import tensorgrad as tg
from tensorgrad import nn
from tensorgrad.errors import ArgumentError, ShapeError
from tensorgrad.graph import Graph
from tensorgrad.nn import functional
from tensorgrad.testing import gradcheck, gradgradcheck
from tensorgrad.utils.checkpoint import checkpoint
from tests.peer import close, same_call, same_module, torch_


def normal(*shape: int, seed: int = 0) -> np.ndarray:
    return np.random.default_rng(seed).normal(size=shape) * 2 + 0.5


def random_affine(make: Any) -> Any:
    """`make` with parameters drawn instead of ones and zeros."""

    def made(lib: Any) -> Any:
        module = make(lib)
        for i, p in enumerate(module.parameters()):
            values = np.random.default_rng(90 + i).uniform(0.5, 2, size=tuple(p.shape))
            p.data.copy_(values if lib is nn else torch_().tensor(values))
        return module

    return made


# --- side by side -----------------------------------------------------------------------------------------------------

MODULES = {
    "BatchNorm1d (N, C)": (lambda lib: lib.BatchNorm1d(3, eps=1e-3), (6, 3)),
    "BatchNorm1d (N, C, L)": (lambda lib: lib.BatchNorm1d(3), (4, 3, 5)),
    "BatchNorm1d of one example": (lambda lib: lib.BatchNorm1d(3), (1, 3, 4)),
    "BatchNorm1d, average of all": (lambda lib: lib.BatchNorm1d(3, momentum=None), (4, 3, 5)),
    "BatchNorm1d without bias": (lambda lib: lib.BatchNorm1d(3, bias=False), (6, 3)),
    "BatchNorm1d without parameters": (lambda lib: lib.BatchNorm1d(3, affine=False), (6, 3)),
    "BatchNorm1d without statistics": (lambda lib: lib.BatchNorm1d(3, track_running_stats=False), (6, 3, 2)),
    "BatchNorm1d, no statistics, average": (
        lambda lib: lib.BatchNorm1d(3, momentum=None, track_running_stats=False),
        (6, 3),
    ),
    "BatchNorm2d": (lambda lib: lib.BatchNorm2d(3, momentum=0.3), (2, 3, 4, 5)),
    "BatchNorm3d": (lambda lib: lib.BatchNorm3d(2, affine=False), (2, 2, 2, 3, 2)),
    "InstanceNorm1d": (lambda lib: lib.InstanceNorm1d(3), (2, 3, 5)),
    "InstanceNorm1d of one": (lambda lib: lib.InstanceNorm1d(3, affine=True), (3, 5)),
    "InstanceNorm1d with statistics": (lambda lib: lib.InstanceNorm1d(3, 1e-3, 0.2, True, True), (2, 3, 5)),
    "InstanceNorm2d": (lambda lib: lib.InstanceNorm2d(3, affine=True, track_running_stats=True), (2, 3, 4, 5)),
    "InstanceNorm2d without bias": (lambda lib: lib.InstanceNorm2d(3, affine=True, bias=False), (2, 3, 4, 5)),
    "InstanceNorm3d": (lambda lib: lib.InstanceNorm3d(2), (2, 2, 2, 3, 2)),
    "LayerNorm": (lambda lib: lib.LayerNorm(4), (3, 4)),
    "LayerNorm of a vector": (lambda lib: lib.LayerNorm(4), (4,)),
    "LayerNorm of two axes": (lambda lib: lib.LayerNorm((3, 4), eps=1e-3), (2, 5, 3, 4)),
    "LayerNorm without bias": (lambda lib: lib.LayerNorm([4], bias=False), (3, 4)),
    "LayerNorm without parameters": (lambda lib: lib.LayerNorm(4, elementwise_affine=False), (2, 3, 4)),
    "GroupNorm": (lambda lib: lib.GroupNorm(2, 4), (3, 4, 5)),
    "GroupNorm (N, C)": (lambda lib: lib.GroupNorm(2, 6), (3, 6)),
    "GroupNorm of images": (lambda lib: lib.GroupNorm(3, 6, eps=1e-3), (2, 6, 3, 2)),
    "GroupNorm without parameters": (lambda lib: lib.GroupNorm(2, 4, affine=False), (3, 4, 5)),
    "GroupNorm without bias": (lambda lib: lib.GroupNorm(2, 4, bias=False), (3, 4, 5)),
    "RMSNorm": (lambda lib: lib.RMSNorm(4), (3, 4)),
    "RMSNorm of two axes": (lambda lib: lib.RMSNorm((3, 4), eps=1e-3), (2, 3, 4)),
    "RMSNorm without parameters": (lambda lib: lib.RMSNorm(4, elementwise_affine=False), (3, 4)),
    "LocalResponseNorm": (lambda lib: lib.LocalResponseNorm(3, alpha=0.5), (2, 5, 4)),
    "LocalResponseNorm, even": (lambda lib: lib.LocalResponseNorm(2, alpha=0.5, beta=1.5, k=2.0), (2, 5, 4, 3)),
}


@pytest.mark.parametrize("training", [True, False], ids=["train", "eval"])
@pytest.mark.parametrize("name", MODULES)
def test_a_module_is_pytorchs_in_text_state_and_two_derivatives(name: str, training: bool) -> None:
    make, shape = MODULES[name]
    same_module(random_affine(make), normal(*shape), training=training, rtol=1e-9, atol=1e-10)


@pytest.mark.parametrize("name", ["BatchNorm1d (N, C)", "BatchNorm2d", "InstanceNorm2d", "BatchNorm1d, average of all"])
def test_running_statistics_are_pytorchs_after_several_batches_and_so_is_evaluation(name: str) -> None:
    torch = torch_()
    make, shape = MODULES[name]
    ours, theirs = make(nn).double(), make(torch.nn).double()
    for seed in range(4):
        a = normal(*shape, seed=seed) * (seed + 1)
        ours(tg.tensor(a))
        theirs(torch.tensor(a))
    for key, value in theirs.state_dict().items():
        close(ours.state_dict()[key], value, 1e-13)
    a = normal(*shape, seed=9)
    close(ours.eval()(tg.tensor(a)), theirs.eval()(torch.tensor(a)), 1e-12)


FUNCTIONS = {
    "batch_norm in training": (
        lambda f, x, w, b: f.batch_norm(x, None, None, w, b, True), normal(4, 3, 2), normal(3, seed=1), normal(3),
    ),
    "layer_norm": (lambda f, x, w, b: f.layer_norm(x, (2,), w, b), normal(4, 3, 2), normal(2), normal(2, seed=1)),
    "group_norm": (lambda f, x, w: f.group_norm(x, 1, w), normal(4, 3, 2), normal(3)),
    "rms_norm": (lambda f, x: f.rms_norm(x, [2]), normal(4, 3, 2)),
    "instance_norm": (
        lambda f, x, w, b: f.instance_norm(x, None, None, w, b), normal(4, 3, 5), normal(3), normal(3, seed=1),
    ),
    "local_response_norm": (lambda f, x: f.local_response_norm(x, 5), normal(2, 4, 3)),
}  # fmt: skip


@pytest.mark.parametrize("name", FUNCTIONS)
def test_a_function_is_pytorchs(name: str) -> None:
    call, *arrays = FUNCTIONS[name]
    same_call(lambda lib, *xs: call(lib.nn.functional, *xs), *arrays, rtol=1e-9, atol=1e-10)


@pytest.mark.parametrize("training", [True, False])
def test_the_function_moves_running_statistics_in_place_as_pytorchs_does(training: bool) -> None:
    torch = torch_()
    mean, var, a = normal(3), normal(3, seed=1) ** 2, normal(5, 3, 2, seed=2)
    found = [tg.tensor(mean), tg.tensor(var)]
    wanted = [torch.tensor(mean), torch.tensor(var)]
    memory = found[0].numpy()
    y = functional.batch_norm(tg.tensor(a), *found, training=training, momentum=0.2)
    w = torch.nn.functional.batch_norm(torch.tensor(a), *wanted, training=training, momentum=0.2)
    for ours, theirs in zip([y, *found], [w, *wanted], strict=True):
        close(ours, theirs, 1e-13)
    assert np.shares_memory(found[0].numpy(), memory)
    assert (memory == mean).all() != training


# --- without PyTorch --------------------------------------------------------------------------------------------------

CHECKED = {
    "batch_norm": (lambda x, w, b: functional.batch_norm(x, None, None, w, b, True, eps=0.1), [(3, 2, 2), (2,), (2,)]),
    "batch_norm, running": (
        lambda x, w: functional.batch_norm(x, tg.tensor([0.1, 0.2]), tg.tensor([1.0, 2.0]), w), [(2, 2, 2), (2,)],
    ),
    "instance_norm": (lambda x, w, b: functional.instance_norm(x, None, None, w, b, eps=0.1), [(1, 2, 3), (2,), (2,)]),
    "layer_norm": (lambda x, w, b: functional.layer_norm(x, (4,), w, b, eps=0.1), [(2, 4), (4,), (4,)]),
    "group_norm": (lambda x, w, b: functional.group_norm(x, 2, w, b, eps=0.1), [(1, 4, 2), (4,), (4,)]),
    "rms_norm": (lambda x, w: functional.rms_norm(x, (4,), w, eps=0.1), [(3, 4), (4,)]),
    "local_response_norm": (lambda x: functional.local_response_norm(x, 3, alpha=0.5), [(1, 4, 2)]),
    "batch_norm by the book": (
        lambda x, w, b: functional.normalization.book_batch_norm(x, None, None, w, b, True, 0.9, 0.1),
        [(4, 2), (2,), (2,)],
    ),
}  # fmt: skip


@pytest.mark.parametrize("name", CHECKED)
def test_gradients_of_order_one_to_three_agree_with_differences(name: str) -> None:
    function, shapes = CHECKED[name]
    inputs = [tg.tensor(normal(*s, seed=i), requires_grad=True) for i, s in enumerate(shapes)]
    assert gradcheck(function, inputs)
    factor = tg.tensor(normal(*shapes[0], seed=7))

    def slopes(*xs: tg.Tensor) -> tg.Tensor:
        return tg.autograd.grad((function(*xs) ** 2 * factor).sum(), xs[0], create_graph=True)[0]

    assert gradgradcheck(slopes, inputs)


@given(
    lengths=st.lists(st.integers(1, 4), min_size=2, max_size=5),
    seed=st.integers(0, 2**32 - 1),
    offset=st.sampled_from([0.0, 10.0]),
)
def test_batch_norm_gives_every_channel_mean_0_and_variance_1(lengths: list[int], seed: int, offset: float) -> None:
    a = np.random.default_rng(seed).normal(size=lengths) + offset
    others = (0, *range(2, a.ndim))
    if a.size // lengths[1] == 1:
        with pytest.raises(ValueError, match="Expected more than 1 value per channel when training, got input size"):
            functional.batch_norm(tg.tensor(a), None, None, training=True)
        return
    y = functional.batch_norm(tg.tensor(a), None, None, training=True, eps=1e-12).numpy()
    assert y.shape == a.shape
    np.testing.assert_allclose(y.mean(others), 0, atol=1e-9)
    np.testing.assert_allclose(y.var(others), a.var(others) / (a.var(others) + 1e-12), rtol=1e-6)


def test_norms_of_one_group_one_example_or_one_channel_agree() -> None:
    x = tg.tensor(normal(3, 4, 5))
    close(functional.group_norm(x, 4), functional.instance_norm(x))
    close(functional.group_norm(x, 1), functional.layer_norm(x, (4, 5)))
    one = tg.tensor(normal(1, 4, 5))
    close(functional.batch_norm(one, None, None, training=True), functional.instance_norm(one))
    centred = x - x.mean(-1, keepdim=True)
    close(functional.rms_norm(centred, [5], eps=1e-5), functional.layer_norm(x, [5]))


def test_a_drawing_of_images_has_the_names_of_the_figure() -> None:
    graph = Graph.trace(nn.BatchNorm2d(3), tg.randn(4, 3, 2, 2))
    names = [n.name for n in graph.nodes if n.name in {"μ", "xμ", "sq", "var", "sqrtvar", "ivar", "x̂", "γx̂"}]
    assert names == ["μ", "xμ", "sq", "var", "sqrtvar", "ivar", "x̂", "γx̂"]


# --- precision --------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("shape", [(500, 3), (100, 3, 7), (20, 3, 5, 7)])
def test_a_large_offset_costs_no_more_than_the_input_has_lost(shape: Any) -> None:
    a = (normal(*shape) + 1e4).astype(np.float32)
    others = (0, *range(2, a.ndim))
    wide = a.astype(np.float64)
    wanted = (wide - wide.mean(others, keepdims=True)) / np.sqrt(wide.var(others, keepdims=True) + 1e-5)
    found = functional.batch_norm(tg.tensor(a), None, None, training=True)
    assert found.dtype == tg.float32
    close(found, wanted, 0, 5e-3)


HALF = {
    "BatchNorm1d": (lambda lib: lib.BatchNorm1d(3), (6, 3)),
    "BatchNorm2d": (lambda lib: lib.BatchNorm2d(3), (2, 3, 4, 5)),
    "InstanceNorm1d": (lambda lib: lib.InstanceNorm1d(3, affine=True), (2, 3, 5)),
    "LayerNorm": (lambda lib: lib.LayerNorm(5), (2, 3, 5)),
    "GroupNorm": (lambda lib: lib.GroupNorm(2, 4), (3, 4, 5)),
    "RMSNorm": (lambda lib: lib.RMSNorm(5, 1e-5), (2, 3, 5)),
    "LocalResponseNorm": (lambda lib: lib.LocalResponseNorm(3), (2, 3, 5)),
}


@pytest.mark.parametrize("name", HALF)
def test_half_precision_is_normalised_in_single_where_squares_would_overflow(name: str) -> None:
    make, shape = HALF[name]
    a = (normal(*shape) * 80).astype(np.float16)
    x = tg.tensor(a, requires_grad=True)
    y = make(nn).to(tg.float16)(x)
    assert y.dtype == tg.float16
    close(y, make(nn).double()(tg.tensor(a.astype(np.float64))).detach().numpy(), 2e-3, 2e-3)
    y.sum().backward()
    assert x.grad is not None
    assert x.grad.dtype == tg.float16
    assert np.isfinite(x.grad.numpy()).all()


# --- statistics -------------------------------------------------------------------------------------------------------


def test_a_checkpoint_that_runs_the_layer_twice_counts_the_batch_once() -> None:
    for make, shape in (MODULES["BatchNorm1d (N, C)"], MODULES["BatchNorm2d"], MODULES["InstanceNorm2d"]):
        plain, twice = make(nn).double(), make(nn).double()
        x, z = (tg.tensor(normal(*shape), requires_grad=True) for _ in range(2))
        (plain(x) ** 3).sum().backward()
        (checkpoint(twice, z, use_reentrant=False) ** 3).sum().backward()
        close(z.grad, x.grad)
        for key, value in plain.state_dict().items():
            np.testing.assert_array_equal(twice.state_dict()[key].numpy(), value.numpy())


def test_reset_parameters_forgets_the_batches() -> None:
    for make, shape in MODULES.values():
        fresh, used = make(nn), random_affine(make)(nn)
        if not hasattr(used, "reset_parameters"):
            continue
        used(tg.tensor(normal(*shape)).float())
        used.reset_parameters()
        for key, value in fresh.state_dict().items():
            np.testing.assert_array_equal(used.state_dict()[key].numpy(), value.numpy())


def test_an_empty_batch_is_normalised_to_nothing_and_moves_nothing() -> None:
    bn = nn.BatchNorm1d(3)
    x = tg.zeros(0, 3, requires_grad=True)
    y = bn(x)
    assert y.shape == (0, 3)
    assert bn.running_mean.tolist() == [0.0] * 3
    assert bn.running_var.tolist() == [1.0] * 3
    assert nn.LayerNorm(3)(x).shape == (0, 3)
    assert nn.GroupNorm(1, 3)(x).shape == (0, 3)


def test_dtype_and_device_of_the_constructor_reach_parameters_and_statistics() -> None:
    for make in (nn.BatchNorm1d, nn.BatchNorm2d, nn.LayerNorm, nn.RMSNorm, lambda n, **k: nn.GroupNorm(1, n, **k)):
        module = make(3, dtype=tg.float64, device="cpu")
        kinds = {v.dtype for k, v in module.state_dict().items() if k != "num_batches_tracked"}
        assert kinds == {tg.float64}
    assert nn.BatchNorm1d(3, dtype=tg.float64).num_batches_tracked.dtype == tg.int64


# --- refusals ---------------------------------------------------------------------------------------------------------

X = tg.zeros(2, 3, 4)
REFUSED = [
    (lambda: nn.BatchNorm1d(3)(tg.zeros(1, 3)), ValueError, "Expected more than 1 value per channel when training"),
    (lambda: nn.BatchNorm1d(3)(tg.zeros(1, 3, 1)), ValueError, "Expected more than 1 value per channel when training"),
    (lambda: nn.BatchNorm1d(3, track_running_stats=False).eval()(tg.zeros(1, 3)), ValueError, "more than 1 value"),
    (lambda: nn.BatchNorm1d(3)(tg.zeros(3)), ShapeError, r"expected 2D or 3D input \(got 1D input\)"),
    (lambda: nn.BatchNorm2d(3)(X), ShapeError, r"expected 4D input \(got 3D input\)"),
    (lambda: nn.BatchNorm3d(3)(X), ShapeError, r"expected 5D input \(got 3D input\)"),
    (lambda: nn.BatchNorm1d(4)(X), ShapeError, "running_mean should contain 3 elements not 4"),
    (lambda: nn.BatchNorm1d(4, track_running_stats=False)(X), ShapeError, "weight should contain 3 elements not 4"),
    (lambda: functional.batch_norm(X, tg.zeros(3), tg.ones(3), tg.ones(4)), ShapeError, "weight should contain 3 elem"),
    (lambda: functional.batch_norm(X, None, None), ArgumentError, "running_mean must be defined in evaluation mode"),
    (lambda: functional.batch_norm(X, tg.zeros(3), None, training=True), ArgumentError, "must either both be None or"),
    (lambda: functional.batch_norm(tg.zeros(3), None, None, training=True), ShapeError, "expected at least 2D"),
    (lambda: nn.InstanceNorm1d(4, affine=True)(X), ValueError, r"size at dim=1 to match num_features \(4\)"),
    (lambda: nn.InstanceNorm1d(3)(tg.zeros(2, 3, 1)), ValueError, "Expected more than 1 spatial element when training"),
    (lambda: nn.InstanceNorm1d(3)(tg.zeros(2)), ShapeError, r"expected 2D or 3D input \(got 1D input\)"),
    (lambda: functional.instance_norm(X, use_input_stats=False), ArgumentError, "Expected running_mean and"),
    (lambda: nn.LayerNorm(3)(X), ShapeError, r"Given normalized_shape=\[3\], expected input with shape \[\*, 3\]"),
    (lambda: functional.layer_norm(X, (4,), tg.zeros(3)), ShapeError, "Expected weight to be of same shape as"),
    (lambda: functional.layer_norm(X, ()), ShapeError, "Expected normalized_shape to be at least 1-dimensional"),
    (lambda: nn.RMSNorm(3)(X), ShapeError, r"Given normalized_shape=\[3\]"),
    (lambda: nn.GroupNorm(3, 4), ValueError, r"num_channels \(4\) must be divisible by num_groups \(3\)"),
    (lambda: functional.group_norm(X, 2), ShapeError, "Expected number of channels in input to be divisible by"),
    (lambda: functional.group_norm(X, 3, tg.zeros(4)), ShapeError, "Expected weight to be a vector of size equal to"),
    (lambda: functional.group_norm(tg.zeros(1, 2), 2), ValueError, r"more than 1 value per channel .* \[1, 2\]"),
    (lambda: functional.group_norm(tg.zeros(2), 2), ShapeError, "Expected at least 2 dimensions"),
    (lambda: functional.local_response_norm(tg.zeros(2, 3), 2), ShapeError, "Expected 3D or higher dimensionality"),
]  # fmt: skip


@pytest.mark.parametrize("case", REFUSED, ids=lambda case: case[2])
def test_what_does_not_fit_is_refused_in_pytorchs_words(case: Any) -> None:
    call, kind, text = case
    with pytest.raises(kind, match=text):
        call()


def test_a_wrong_number_of_channels_is_a_warning_where_it_makes_no_difference() -> None:
    with pytest.warns(UserWarning, match="input's size at dim=1 does not match num_features") as caught:
        assert nn.InstanceNorm1d(4)(X).shape == X.shape
    assert caught[0].filename == __file__
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        nn.InstanceNorm1d(3)(X)


# --- lazy -------------------------------------------------------------------------------------------------------------

LAZY = {
    "BatchNorm1d": (4, 3, 5),
    "BatchNorm2d": (4, 3, 2, 2),
    "BatchNorm3d": (4, 3, 2, 2, 1),
    "InstanceNorm1d": (4, 3, 5),
    "InstanceNorm2d": (4, 3, 2, 2),
    "InstanceNorm3d": (3, 2, 2, 2),
}


@pytest.mark.parametrize("name", LAZY)
def test_the_first_input_gives_a_lazy_norm_its_channels_and_its_class(name: str) -> None:
    lazy, a = getattr(nn, f"Lazy{name}")(dtype=tg.float64), normal(*LAZY[name])
    plain = getattr(nn, name)(3, affine=True, track_running_stats=True, dtype=tg.float64)
    assert repr(lazy) == f"Lazy{repr(plain).replace('(3', '(0')}"
    weight = lazy.weight
    close(lazy(tg.tensor(a)), plain(tg.tensor(a)))
    assert type(lazy) is type(plain)
    assert repr(lazy) == repr(plain)
    assert lazy.weight is weight
    assert (lazy.weight.name, lazy.bias.name) == ("γ", "β")
    assert set(vars(lazy)) == set(vars(plain))
    for key, value in plain.state_dict().items():
        close(lazy.state_dict()[key], value)


@pytest.mark.parametrize("name", LAZY)
def test_the_text_of_a_lazy_norm_is_pytorchs(name: str) -> None:
    torch = torch_()
    for settings in ({}, {"affine": False}, {"bias": False, "track_running_stats": False, "eps": 0.1}):
        ours, theirs = (getattr(lib, f"Lazy{name}")(**settings) for lib in (nn, torch.nn))
        assert repr(ours) == repr(theirs)
        a = normal(2, *LAZY[name]) if name == "InstanceNorm3d" else normal(*LAZY[name])  # PyTorch needs a batch
        ours(tg.tensor(a).float())
        theirs(torch.tensor(a).float())
        assert repr(ours) == repr(theirs)
        assert list(ours.state_dict()) == list(theirs.state_dict())


def test_a_lazy_norm_takes_a_state_before_its_first_input() -> None:
    source = nn.BatchNorm1d(3)
    source(tg.randn(5, 3))
    lazy = nn.LazyBatchNorm1d()
    lazy.load_state_dict(source.state_dict())
    x = tg.randn(5, 3)
    close(lazy.eval()(x), source.eval()(x).detach().numpy())
    assert lazy.num_features == 3
    with pytest.raises(ShapeError, match="expected 2D or 3D input"):
        nn.LazyBatchNorm1d()(tg.ones(2))
