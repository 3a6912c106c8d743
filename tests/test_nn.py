"""Modules: registration, state, text; layers and losses against PyTorch, in value and two derivatives; scopes."""

from __future__ import annotations

import copy
import math
import re
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import tensorgrad as tg
from tensorgrad import nn
from tensorgrad.autograd import grad, jvp
from tensorgrad.errors import ShapeError
from tensorgrad.graph import Graph
from tensorgrad.nn import functional

WITHOUT_TORCH = "PyTorch is not installed: a comparison with it, side by side, is left out"
RNG = np.random.default_rng


def torch_() -> Any:
    return pytest.importorskip("torch", reason=WITHOUT_TORCH)


def array(x: Any) -> np.ndarray:
    return np.asarray(x.detach().numpy() if hasattr(x, "detach") else x)


def close(found: Any, wanted: Any, rtol: float = 1e-10, atol: float = 1e-12) -> None:
    """The values are finite, and equal; the shapes are too."""
    found, wanted = array(found), array(wanted)
    assert found.shape == wanted.shape
    assert np.isfinite(found).all()
    np.testing.assert_allclose(found, wanted, rtol=rtol, atol=atol, equal_nan=False)


class Net(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.fc1 = nn.Linear(3, 4)
        self.bn1 = nn.BatchNorm1d(4)
        self.inner = nn.Sequential(nn.ReLU(), nn.Sequential(nn.Dropout(0.0), nn.Linear(4, 2)))
        self.scale = nn.Parameter(tg.ones(1))
        self.register_buffer("offset", tg.zeros(1))

    def forward(self, x: tg.Tensor) -> tg.Tensor:
        return self.inner(self.bn1(self.fc1(x))) * self.scale + self.offset


NAMES = [
    "scale", "fc1.weight", "fc1.bias", "bn1.weight", "bn1.bias", "inner.1.1.weight", "inner.1.1.bias",
]  # fmt: skip
STATE = [
    "scale", "offset", "fc1.weight", "fc1.bias", "bn1.weight", "bn1.bias", "bn1.running_mean", "bn1.running_var",
    "bn1.num_batches_tracked", "inner.1.1.weight", "inner.1.1.bias",
]  # fmt: skip


# --- registration -----------------------------------------------------------------------------------------------------


def test_parameters_buffers_and_modules_are_found_in_order_under_dotted_names() -> None:
    net = Net()
    assert [name for name, _ in net.named_parameters()] == NAMES
    assert [id(p) for p in net.parameters()] == [id(p) for _, p in net.named_parameters()]
    assert [name for name, _ in net.named_buffers()] == [
        "offset", "bn1.running_mean", "bn1.running_var", "bn1.num_batches_tracked",
    ]  # fmt: skip
    assert [name for name, _ in net.named_modules()] == [
        "", "fc1", "bn1", "inner", "inner.0", "inner.1", "inner.1.0", "inner.1.1",
    ]  # fmt: skip
    assert [name for name, _ in net.named_children()] == ["fc1", "bn1", "inner"]
    assert list(net.state_dict()) == STATE
    assert [m for m in net.modules()][0] is net  # noqa: C416, RUF015 - the order is the point
    assert all(p.requires_grad for p in net.parameters())
    assert not any(b.requires_grad for b in net.buffers())


def test_the_names_and_their_order_are_pytorchs() -> None:
    torch = torch_()

    class Theirs(torch.nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.fc1 = torch.nn.Linear(3, 4)
            self.bn1 = torch.nn.BatchNorm1d(4)
            self.inner = torch.nn.Sequential(
                torch.nn.ReLU(), torch.nn.Sequential(torch.nn.Dropout(0.0), torch.nn.Linear(4, 2))
            )
            self.scale = torch.nn.Parameter(torch.ones(1))
            self.register_buffer("offset", torch.zeros(1))

    ours, theirs = Net(), Theirs()
    assert [n for n, _ in ours.named_parameters()] == [n for n, _ in theirs.named_parameters()]
    assert [n for n, _ in ours.named_buffers()] == [n for n, _ in theirs.named_buffers()]
    assert [n for n, _ in ours.named_modules()] == [n for n, _ in theirs.named_modules()]
    assert list(ours.state_dict()) == list(theirs.state_dict())
    assert [tuple(v.shape) for v in ours.state_dict().values()] == [
        tuple(v.shape) for v in theirs.state_dict().values()
    ]


def test_assignment_before_init_is_refused_with_the_cure() -> None:
    class Hasty(nn.Module):
        def __init__(self) -> None:
            self.fc = nn.Linear(1, 1)

    with pytest.raises(AttributeError, match=r"(?s)before Module.__init__\(\).*super\(\).__init__\(\)"):
        Hasty()


def test_a_registered_name_changes_hands_and_refuses_strangers() -> None:
    m = nn.Module()
    m.x = nn.Parameter(tg.ones(1))
    with pytest.raises(TypeError, match="cannot assign 'Tensor' as 'x'"):
        m.x = tg.ones(1)
    m.x = None
    assert m.x is None
    assert list(m.parameters()) == []
    m.x = nn.Linear(1, 1)
    assert [n for n, _ in m.named_parameters()] == ["x.weight", "x.bias"]
    del m.x
    assert not hasattr(m, "x")
    with pytest.raises(AttributeError, match="'Module' object has no attribute 'x'"):
        _ = m.x
    m.plain = 3
    assert m.plain == 3
    del m.plain
    m.register_buffer("b", tg.zeros(1))
    m.b = tg.ones(1)
    assert m.state_dict()["b"].tolist() == [1.0]
    m.tensor = tg.ones(2, requires_grad=True)
    assert "tensor" not in m.state_dict()


def test_a_shared_parameter_is_listed_once_and_gets_both_gradients() -> None:
    layer = nn.Linear(2, 2, bias=False)
    net = nn.Sequential(layer, nn.Tanh(), layer)
    assert len(list(net.parameters())) == 1
    x = tg.tensor(RNG(0).normal(size=(3, 2)), dtype=tg.float32)
    net(x).sum().backward()
    w = tg.tensor(layer.weight.detach(), requires_grad=True)
    ((x @ w.T).tanh() @ w.T).sum().backward()
    close(layer.weight.grad, w.grad, 1e-5)


def test_the_state_lists_a_shared_module_under_each_of_its_names() -> None:
    layer = nn.Linear(1, 1)
    assert list(nn.Sequential(layer, layer).state_dict()) == ["0.weight", "0.bias", "1.weight", "1.bias"]


def test_train_and_eval_reach_every_module_and_come_back() -> None:
    net = Net()
    assert all(m.training for m in net.modules())
    assert net.eval() is net
    assert not any(m.training for m in net.modules())
    assert net.train() is net
    assert all(m.training for m in net.modules())
    net.inner.eval()
    assert (net.training, net.inner.training, net.inner[1].training) == (True, False, False)


def test_apply_visits_children_before_parents() -> None:
    visited: list[str] = []
    net = Net()
    assert net.apply(lambda m: visited.append(type(m).__name__)) is net
    assert visited == ["Linear", "BatchNorm1d", "ReLU", "Dropout", "Linear", "Sequential", "Sequential", "Net"]


def test_zero_grad_and_requires_grad_reach_every_parameter() -> None:
    net = Net()
    net(tg.randn(4, 3)).sum().backward()
    assert all(p.grad is not None for p in net.parameters())
    net.zero_grad(set_to_none=False)
    assert all(not p.grad.numpy().any() for p in net.parameters())
    net.zero_grad()
    assert all(p.grad is None for p in net.parameters())
    assert not any(p.requires_grad for p in net.requires_grad_(False).parameters())
    assert not net(tg.randn(4, 3)).requires_grad


def test_conversion_to_double_converts_floats_only() -> None:
    net = Net().double()
    assert {p.dtype for p in net.parameters()} == {tg.float64}
    assert net.bn1.num_batches_tracked.dtype == tg.int64
    assert net.bn1.running_mean.dtype == tg.float64
    assert net(tg.randn(4, 3, dtype=tg.float64)).dtype == tg.float64
    assert all(p.is_leaf and p.requires_grad for p in net.parameters())
    assert {p.dtype for p in net.float().parameters()} == {tg.float32}


def test_a_deep_copy_of_a_module_is_independent_and_whole() -> None:
    net = Net()
    net(tg.randn(4, 3))
    twin = copy.deepcopy(net)
    assert [type(p) for p in twin.parameters()] == [nn.Parameter] * len(NAMES)
    assert list(twin.state_dict()) == STATE
    with tg.no_grad():
        twin.fc1.weight.fill_(0.0)
    assert net.fc1.weight.detach().numpy().any()
    x = tg.randn(4, 3)
    scopes = {n.scope.path for n in Graph.trace(twin, x).nodes if n.scope is not None}
    assert scopes >= {"fc1", "bn1", "inner.1.1"}


def test_a_module_without_forward_says_so() -> None:
    with pytest.raises(NotImplementedError, match=r"Module \[Module\] is missing the required \"forward\" function"):
        nn.Module()(1)


def test_a_sequential_is_a_list_of_modules() -> None:
    first, second = nn.Linear(1, 2), nn.ReLU()
    net = nn.Sequential(first, second)
    assert (len(net), net[0], net[-1], list(net)) == (2, first, second, [first, second])
    third = nn.Linear(2, 1)
    assert net.append(third) is net
    assert [n for n, _ in net.named_parameters()] == ["0.weight", "0.bias", "2.weight", "2.bias"]
    named = nn.Sequential({"hidden": first, "out": third})
    assert [n for n, _ in named.named_children()] == ["hidden", "out"]
    assert named(tg.ones(5, 1)).shape == (5, 1)


# --- state ------------------------------------------------------------------------------------------------------------


def test_a_state_goes_round_bit_for_bit() -> None:
    net, other = Net(), Net()
    net(tg.randn(5, 3))
    memory = {k: v.numpy() for k, v in other.state_dict().items()}
    result = other.load_state_dict(net.state_dict())
    assert (result.missing_keys, result.unexpected_keys) == ([], [])
    for k, v in net.state_dict().items():
        np.testing.assert_array_equal(other.state_dict()[k].numpy(), v.numpy())
        assert np.shares_memory(other.state_dict()[k].numpy(), memory[k])
        assert not np.shares_memory(v.numpy(), memory[k])
    x = tg.randn(5, 3)
    np.testing.assert_array_equal(net.eval()(x).detach().numpy(), other.eval()(x).detach().numpy())
    assert all(p.requires_grad and p.is_leaf for p in other.parameters())


@pytest.mark.parametrize("strict", [True, False])
def test_a_state_that_does_not_fit_is_refused_in_full_and_writes_nothing(strict: bool) -> None:
    net = Net()
    before = {k: v.numpy().copy() for k, v in net.state_dict().items()}
    state = dict(Net().state_dict())
    del state["fc1.bias"], state["inner.1.1.weight"]
    state |= {"extra": tg.zeros(1), "more.weight": tg.zeros(1), "fc1.weight": tg.zeros(4, 4), "scale": tg.zeros(2)}
    with pytest.raises(RuntimeError, match=r"Error\(s\) in loading state_dict for Net") as caught:
        net.load_state_dict(state, strict=strict)
    text = str(caught.value)
    for key, shapes in (("fc1.weight", ("(4, 4)", "(4, 3)")), ("scale", ("(2,)", "(1,)"))):
        assert f"size mismatch for {key}" in text
        assert all(shape in text for shape in shapes)
    for word in (
        "Missing key(s) in state_dict",
        "fc1.bias",
        "inner.1.1.weight",
        "Unexpected key(s)",
        "extra",
        "more.weight",
    ):
        assert (word in text) == strict
    for k, v in net.state_dict().items():
        np.testing.assert_array_equal(v.numpy(), before[k])


def test_without_strict_what_fits_is_loaded_and_the_rest_reported() -> None:
    net = Net()
    result = net.load_state_dict({"scale": np.full(1, 7.0), "extra": tg.zeros(1)}, strict=False)
    assert net.scale.item() == 7.0
    assert result.unexpected_keys == ["extra"]
    assert result.missing_keys == [k for k in STATE if k != "scale"]


def test_loading_while_a_graph_needs_the_old_values_is_noticed() -> None:
    net = nn.Linear(2, 2)
    x = tg.ones(3, 2, requires_grad=True)
    loss = net(x).sum()
    net.load_state_dict(nn.Linear(2, 2).state_dict())
    with pytest.raises(RuntimeError, match="inplace"):
        loss.backward()


# --- text -------------------------------------------------------------------------------------------------------------

GOLDEN = """\
Sequential(
  (0): Linear(in_features=4, out_features=3, bias=True)
  (1): BatchNorm1d(3, eps=1e-05, momentum=0.1, affine=True, bias=True, track_running_stats=True)
  (2): ReLU()
  (3): Dropout(p=0.5, inplace=False)
  (4): Sequential(
    (0): Linear(in_features=3, out_features=2, bias=False)
    (1): Sigmoid()
  )
  (5): Tanh()
)"""


def stacked(lib: Any) -> Any:
    return lib.Sequential(
        lib.Linear(4, 3), lib.BatchNorm1d(3), lib.ReLU(), lib.Dropout(0.5),
        lib.Sequential(lib.Linear(3, 2, bias=False), lib.Sigmoid()), lib.Tanh(),
    )  # fmt: skip


def test_the_text_of_a_model_is_the_golden_one() -> None:
    assert repr(stacked(nn)) == GOLDEN


def test_the_text_of_a_model_is_pytorchs() -> None:
    torch = torch_()
    assert repr(stacked(torch.nn)) == GOLDEN
    for make in (
        lambda lib: lib.Sequential(),
        lambda lib: lib.MSELoss(),
        lambda lib: lib.CrossEntropyLoss(),
        lambda lib: lib.BatchNorm1d(3, momentum=None, affine=False),
        lambda lib: lib.Module(),
    ):
        assert repr(make(nn)) == repr(make(torch.nn))


def test_the_text_of_a_user_module_and_a_parameter() -> None:
    assert repr(Net()).startswith(
        "Net(\n  (fc1): Linear(in_features=3, out_features=4, bias=True)\n  (bn1): BatchNorm1d(4"
    )
    assert repr(nn.Parameter(tg.ones(2))) == "Parameter containing:\ntensor([1., 1.], requires_grad=True)"


# --- layers and losses against PyTorch --------------------------------------------------------------------------------


def derivatives(y: Any, xs: list[Any], differentiate: Any, directions: list[Any]) -> list[Any]:
    """The gradient of `y` by every one of `xs`, and the product of the Hessian with the directions."""
    first = differentiate(y, xs, create_graph=True)
    along = sum((g * d).sum() for g, d in zip(first, directions, strict=True))
    second = differentiate(along, xs, allow_unused=True, materialize_grads=True)
    return [*first, *second]


def same_derivatives(ours: Any, our_inputs: list[tg.Tensor], theirs: Any, their_inputs: list[Any], torch: Any) -> None:
    directions = [RNG(50 + i).normal(size=x.shape) for i, x in enumerate(our_inputs)]
    mine = derivatives(ours, our_inputs, grad, [tg.tensor(d) for d in directions])
    other = derivatives(theirs, their_inputs, torch.autograd.grad, [torch.tensor(d) for d in directions])
    for g, h in zip(mine, other, strict=True):
        close(g, h)


@pytest.mark.parametrize("bias", [True, False])
@pytest.mark.parametrize("shape", [(5, 3), (3,), (2, 5, 3), (0, 3)])
def test_linear_is_pytorchs_to_1e_10(shape: Any, bias: bool) -> None:
    torch = torch_()
    ours, theirs = nn.Linear(3, 4, bias=bias).double(), torch.nn.Linear(3, 4, bias=bias).double()
    theirs.load_state_dict({k: torch.tensor(v.numpy()) for k, v in ours.state_dict().items()})
    a = RNG(1).normal(size=shape)
    x, z = tg.tensor(a, requires_grad=True), torch.tensor(a, requires_grad=True)
    y, w = ours(x), theirs(z)
    close(y, w)
    same_derivatives(
        (y**3).sum(), [x, *ours.parameters()], (w**3).sum(), [z, *theirs.parameters()], torch
    )  # fmt: skip


def test_linear_names_the_shapes_that_do_not_fit() -> None:
    with pytest.raises(ShapeError, match=r"mat1 and mat2 shapes cannot be multiplied \(5x2 and 3x4\)"):
        nn.Linear(3, 4)(tg.ones(5, 2))


def composed_batchnorm(x: Any, weight: Any, bias: Any, eps: float) -> Any:
    """Batch normalisation from single operations: PyTorch's fused one is wrong from order 3 on."""
    mu = x.mean(0)
    var = ((x - mu) ** 2).mean(0)
    y = (x - mu) / (var + eps).sqrt()
    return y if weight is None else y * weight + bias


def two_batchnorms(torch: Any, **settings: Any) -> tuple[Any, Any]:
    ours, theirs = nn.BatchNorm1d(4, **settings).double(), torch.nn.BatchNorm1d(4, **settings).double()
    if settings.get("affine", True):
        with tg.no_grad(), torch.no_grad():
            for p, q in zip(ours.parameters(), theirs.parameters(), strict=True):
                values = RNG(2).uniform(0.5, 2, 4)
                p.copy_(values)
                q.copy_(torch.tensor(values))
    return ours, theirs


@pytest.mark.parametrize("affine", [True, False])
@pytest.mark.parametrize("training", [True, False])
def test_batchnorm_is_pytorchs_to_1e_10_in_value_and_two_derivatives(affine: bool, training: bool) -> None:
    torch = torch_()
    ours, theirs = two_batchnorms(torch, affine=affine, eps=1e-3)
    a = RNG(3).normal(size=(6, 4)) * 2 + 1
    ours(tg.tensor(RNG(4).normal(size=(6, 4))))
    theirs(torch.tensor(RNG(4).normal(size=(6, 4))))
    ours.train(training)
    theirs.train(training)
    x, z = tg.tensor(a, requires_grad=True), torch.tensor(a, requires_grad=True)
    y, w = ours(x), theirs(z)
    close(y, w)
    factor = RNG(5).normal(size=(6, 4))
    # the fused operation is right in the value and the first derivative
    first = grad((y**3 * factor).sum(), [x, *ours.parameters()], retain_graph=True)
    other = torch.autograd.grad((w**3 * torch.tensor(factor)).sum(), [z, *theirs.parameters()], retain_graph=True)
    for g, h in zip(first, other, strict=True):
        close(g, h)
    if training:
        w = composed_batchnorm(z, theirs.weight, theirs.bias, theirs.eps)
    same_derivatives(
        (y**3 * factor).sum(),
        [x, *ours.parameters()],
        (w**3 * torch.tensor(factor)).sum(),
        [z, *theirs.parameters()],
        torch,
    )


@pytest.mark.parametrize("affine", [True, False])
@pytest.mark.parametrize("rows", [2, 6])
def test_batchnorm_is_exact_to_order_three_where_pytorchs_fused_one_is_not(affine: bool, rows: int) -> None:
    bn = nn.BatchNorm1d(4, affine=affine, eps=1e-2).double()
    if affine:
        nn.init.uniform_(bn.weight, 0.5, 2, tg.Generator().manual_seed(0))
        nn.init.uniform_(bn.bias, 0.5, 2, tg.Generator().manual_seed(1))
    a, factor = RNG(21).normal(size=(rows, 4)), tg.tensor(RNG(22).normal(size=(rows, 4)))
    directions = [tg.tensor(RNG(k).normal(size=(rows, 4))) for k in (23, 24)]
    results = []
    for layer in (bn, lambda x: composed_batchnorm(x, bn.weight, bn.bias, bn.eps)):
        x = tg.tensor(a, requires_grad=True)
        inputs, found = [x, *bn.parameters()], []
        y = (layer(x) ** 3 * factor).sum()
        for order in range(3):
            gradients = grad(y, inputs, create_graph=True, materialize_grads=True)
            found += [g.detach().numpy() for g in gradients]
            y = (gradients[0] * directions[order % 2]).sum()
        results.append(found)
    for mine, wanted in zip(*results, strict=True):
        close(mine, wanted, 1e-9, 1e-10)


@pytest.mark.parametrize(
    "layer",
    [nn.BatchNorm1d(4).double(), nn.BatchNorm1d(4).double().eval(), nn.Linear(4, 3).double(), nn.Dropout(0.5)],
    ids=["batchnorm", "batchnorm_eval", "linear", "dropout"],
)
def test_the_tangent_through_a_layer_is_the_adjoint_of_its_gradient(layer: nn.Module) -> None:
    x = tg.tensor(RNG(25).normal(size=(6, 4)), requires_grad=True)
    y = layer(x)
    tangent, cotangent = tg.tensor(RNG(26).normal(size=(6, 4))), tg.tensor(RNG(27).normal(size=y.shape))
    (forward,) = jvp(y, x, tangent)
    (backward,) = grad(y, x, cotangent)
    close((forward * cotangent).sum(), (backward * tangent).sum(), 1e-11)


@pytest.mark.parametrize("name", ["batchnorm", "batchnorm_eval", "cross_entropy", "mse", "linear", "tanh"])
def test_a_retained_graph_gives_every_seed_its_own_gradient(name: str) -> None:
    x = tg.tensor(RNG(28).normal(size=(5, 4)), requires_grad=True)
    y = {
        "batchnorm": lambda: nn.BatchNorm1d(4).double()(x),
        "batchnorm_eval": lambda: nn.BatchNorm1d(4).double().eval()(x),
        "cross_entropy": lambda: nn.CrossEntropyLoss()(x, tg.tensor([0, 1, 2, 3, 0])),
        "mse": lambda: nn.MSELoss()(x, tg.zeros(5, 4, dtype=tg.float64)),
        "linear": lambda: nn.Linear(4, 3).double()(x),
        "tanh": lambda: nn.Tanh()(x),
    }[name]()
    seeds = [RNG(k).normal(size=y.shape) for k in (29, 30)]
    one, two, both = (
        grad(y, x, tg.tensor(seed), retain_graph=True)[0].numpy() for seed in (seeds[0], seeds[1], seeds[0] + seeds[1])
    )
    assert not np.allclose(one, two)
    close(one + two, both)
    buffer = tg.tensor(seeds[0])
    (first,) = grad(y, x, buffer, retain_graph=True)
    buffer.copy_(seeds[1])
    (second,) = grad(y, x, buffer, retain_graph=True)
    close(first, one)
    close(second, two)
    (third,) = grad(y, x, tg.tensor(seeds[0]), create_graph=True)
    close(third, one)


@pytest.mark.parametrize("which", ["input", "weight", "output"])
def test_what_batchnorm_read_may_not_be_overwritten_and_its_output_may(which: str) -> None:
    bn = nn.BatchNorm1d(4).double()
    x = tg.tensor(RNG(31).normal(size=(5, 4)), requires_grad=True)
    factor = tg.tensor(RNG(32).normal(size=(5, 4)))
    (wanted,) = grad(bn(x), x, factor)
    y = bn(x)
    with tg.no_grad():
        {"input": x, "weight": bn.weight, "output": y}[which].mul_(2.0)
    if which == "output":
        close(grad(y, x, factor)[0], wanted)
    else:
        with pytest.raises(RuntimeError, match=r"inplace|in place"):
            grad(y, x, factor)
    assert x.grad is None


def test_a_failed_call_of_batchnorm_leaves_its_statistics_alone() -> None:
    bn = nn.BatchNorm1d(3)
    bn(tg.randn(4, 3))
    before = {k: v.numpy().copy() for k, v in bn.state_dict().items()}
    for bad in (tg.ones(1, 3), tg.ones(4, 2)):
        with pytest.raises(ValueError, match="xpected"):
            bn(bad)
    for k, v in bn.state_dict().items():
        np.testing.assert_array_equal(v.numpy(), before[k])


@pytest.mark.parametrize("momentum", [0.1, 0.3, None])
def test_running_statistics_are_pytorchs(momentum: Any) -> None:
    torch = torch_()
    ours, theirs = two_batchnorms(torch, momentum=momentum)
    for k in range(5):
        a = RNG(k).normal(size=(3 + k, 4)) * 3 + k
        ours(tg.tensor(a))
        theirs(torch.tensor(a))
        close(ours.running_mean, theirs.running_mean, 1e-13)
        close(ours.running_var, theirs.running_var, 1e-13)
    assert ours.num_batches_tracked.item() == theirs.num_batches_tracked.item() == 5
    before = ours.running_mean.numpy().copy()
    ours.eval()(tg.tensor(RNG(9).normal(size=(5, 4))))
    np.testing.assert_array_equal(ours.running_mean.numpy(), before)
    assert ours.num_batches_tracked.item() == 5


def test_running_statistics_follow_the_formula_without_pytorch() -> None:
    bn = nn.BatchNorm1d(2).double()
    mean, var = np.zeros(2), np.ones(2)
    for k in range(4):
        a = RNG(k).normal(size=(5, 2)) + k
        bn(tg.tensor(a))
        mean, var = 0.9 * mean + 0.1 * a.mean(0), 0.9 * var + 0.1 * a.var(0, ddof=1)
        close(bn.running_mean, mean)
        close(bn.running_var, var)
    a = RNG(9).normal(size=(3, 2))
    close(bn.eval()(tg.tensor(a)), (a - mean) / np.sqrt(var + 1e-5))


def test_batchnorm_uses_the_biased_variance_in_its_output() -> None:
    a = RNG(6).normal(size=(3, 2)) * 4
    close(nn.BatchNorm1d(2).double()(tg.tensor(a)), (a - a.mean(0)) / np.sqrt(a.var(0) + 1e-5))


def test_batchnorm_survives_a_large_offset_in_float32() -> None:
    a = RNG(7).normal(size=(256, 3))
    far = nn.BatchNorm1d(3)(tg.tensor(a + 1e4, dtype=tg.float32)).detach().numpy()
    wanted = (a - a.mean(0)) / np.sqrt(a.var(0) + 1e-5)
    assert np.abs(far - wanted).max() < 5e-3


def test_batchnorm_refuses_one_value_per_channel_in_training_only() -> None:
    bn = nn.BatchNorm1d(3)
    with pytest.raises(ValueError, match="Expected more than 1 value per channel when training"):
        bn(tg.ones(1, 3))
    assert bn.num_batches_tracked.item() == 0
    assert bn.running_mean.tolist() == [0.0] * 3
    close(bn.eval()(tg.ones(1, 3)), np.full((1, 3), 1 / math.sqrt(1 + 1e-5), np.float32), 1e-6)
    for shape in ((4, 2), (4,), ()):
        with pytest.raises(ValueError, match="expected 2D"):
            bn(tg.ones(*shape))


def test_batchnorm_without_running_statistics_uses_the_batch_in_evaluation() -> None:
    torch = torch_()
    ours, theirs = two_batchnorms(torch, track_running_stats=False)
    assert list(ours.state_dict()) == list(theirs.state_dict()) == ["weight", "bias"]
    a = RNG(8).normal(size=(5, 4))
    close(ours.eval()(tg.tensor(a)), theirs.eval()(torch.tensor(a)))


@pytest.mark.parametrize("reduction", ["mean", "sum", "none"])
@pytest.mark.parametrize("soft", [False, True])
def test_cross_entropy_is_pytorchs_to_1e_10_in_value_and_two_derivatives(reduction: str, soft: bool) -> None:
    torch = torch_()
    a = RNG(10).normal(size=(5, 4)) * 3
    target = RNG(11).dirichlet(np.ones(4), 5) if soft else np.array([0, 3, 1, 1, 2])
    x, z = tg.tensor(a, requires_grad=True), torch.tensor(a, requires_grad=True)
    y = nn.CrossEntropyLoss(reduction=reduction)(x, tg.tensor(target))
    w = torch.nn.CrossEntropyLoss(reduction=reduction)(z, torch.tensor(target))
    close(y, w)
    same_derivatives((y**2).sum(), [x], (w**2).sum(), [z], torch)


@pytest.mark.parametrize("reduction", ["mean", "sum", "none"])
def test_mse_is_pytorchs_to_1e_10_in_value_and_two_derivatives(reduction: str) -> None:
    torch = torch_()
    a, b = RNG(12).normal(size=(5, 4)), RNG(13).normal(size=(5, 4))
    x, t = (tg.tensor(v, requires_grad=True) for v in (a, b))
    z, u = (torch.tensor(v, requires_grad=True) for v in (a, b))
    y, w = nn.MSELoss(reduction=reduction)(x, t), torch.nn.MSELoss(reduction=reduction)(z, u)
    close(y, w)
    same_derivatives((y**2).sum(), [x, t], (w**2).sum(), [z, u], torch)


def test_losses_have_their_closed_forms_without_pytorch() -> None:
    a = RNG(14).normal(size=(4, 3))
    target = np.array([2, 0, 1, 1])
    x = tg.tensor(a, requires_grad=True)
    loss = nn.CrossEntropyLoss()(x, tg.tensor(target))
    p = np.exp(a) / np.exp(a).sum(1, keepdims=True)
    close(loss, -np.log(p[np.arange(4), target]).mean())
    loss.backward()
    close(x.grad, (p - np.eye(3)[target]) / 4)
    y = tg.tensor(a, requires_grad=True)
    nn.MSELoss()(y, tg.tensor(a * 0)).backward()
    close(y.grad, 2 * a / a.size)


def test_losses_refuse_what_does_not_fit() -> None:
    loss = nn.CrossEntropyLoss()
    with pytest.raises(ValueError, match=r"batch_size \(2\) to match target batch_size \(3\)"):
        loss(tg.ones(2, 4), tg.tensor([0, 1, 2]))
    with pytest.raises(IndexError, match="Target 4 is out of bounds"):
        loss(tg.ones(2, 4), tg.tensor([0, 4]))
    with pytest.raises(IndexError, match="Target -1 is out of bounds"):
        loss(tg.ones(2, 4), tg.tensor([0, -1]))
    for make in (nn.CrossEntropyLoss, nn.MSELoss):
        with pytest.raises(ValueError, match="average is not a valid value for reduction"):
            make(reduction="average")
    with pytest.raises(ValueError, match="median is not a valid value for reduction"):
        functional.mse_loss(tg.ones(2), tg.ones(2), reduction="median")
    with pytest.raises(ShapeError, match=r"\(3\).*\(4\)"):
        functional.mse_loss(tg.ones(3), tg.ones(4))


@pytest.mark.parametrize("name", ["ReLU", "Sigmoid", "Tanh"])
def test_activations_are_pytorchs_to_1e_10_in_value_and_two_derivatives(name: str) -> None:
    torch = torch_()
    a = RNG(15).normal(size=(5, 4)) * 3
    x, z = tg.tensor(a, requires_grad=True), torch.tensor(a, requires_grad=True)
    y, w = getattr(nn, name)()(x), getattr(torch.nn, name)()(z)
    close(y, w)
    same_derivatives((y**3).sum(), [x], (w**3).sum(), [z], torch)


def test_a_whole_model_trains_as_pytorchs_does() -> None:
    torch = torch_()

    def build(lib: Any) -> Any:
        return lib.Sequential(
            lib.Linear(4, 8), lib.BatchNorm1d(8), lib.ReLU(), lib.Linear(8, 8), lib.Tanh(), lib.Linear(8, 3)
        )

    ours, theirs = build(nn).double(), build(torch.nn).double()
    theirs.load_state_dict({k: torch.tensor(v.numpy()) for k, v in ours.state_dict().items()})
    a, target = RNG(16).normal(size=(20, 4)), RNG(17).integers(0, 3, 20)
    mine, other = tg.optim.Adam(ours.parameters(), lr=0.02), torch.optim.Adam(theirs.parameters(), lr=0.02)
    for _ in range(30):
        mine.zero_grad()
        other.zero_grad()
        loss = nn.CrossEntropyLoss()(ours(tg.tensor(a)), tg.tensor(target))
        wanted = torch.nn.CrossEntropyLoss()(theirs(torch.tensor(a)), torch.tensor(target))
        loss.backward()
        wanted.backward()
        mine.step()
        other.step()
    close(loss, wanted, 1e-8)
    for (name, v), w in zip(ours.state_dict().items(), theirs.state_dict().values(), strict=True):
        # a bias before batch normalisation has no gradient but rounding, which Adam blows up to full steps
        if name not in {"0.bias", "1.running_mean"}:
            close(v, w, 1e-6, 1e-8)


# --- dropout ----------------------------------------------------------------------------------------------------------


def test_dropout_keeps_everything_at_p_0_and_in_evaluation() -> None:
    x = tg.randn(50, requires_grad=True)
    for layer in (nn.Dropout(0.0), nn.Dropout(0.7).eval(), nn.Dropout(1.0).eval()):
        y = layer(x)
        np.testing.assert_array_equal(y.detach().numpy(), x.detach().numpy())
        (g,) = grad(y.sum(), x)
        close(g, np.ones(50))


def test_dropout_zeroes_everything_at_p_1() -> None:
    x = tg.randn(50, requires_grad=True)
    y = nn.Dropout(1.0)(x)
    assert not y.detach().numpy().any()
    y.sum().backward()
    close(x.grad, np.zeros(50))


@pytest.mark.parametrize("dtype", [tg.float32, tg.float64])
def test_dropout_uses_one_mask_for_both_passes(dtype: Any) -> None:
    tg.manual_seed(1)
    x = tg.ones(1000, dtype=dtype, requires_grad=True)
    y = nn.Dropout(0.4)(x)
    y.sum().backward()
    assert y.dtype == dtype
    values = y.detach().numpy()
    np.testing.assert_array_equal(x.grad.numpy(), values)
    assert set(np.unique(values)) == {0, dtype.type(1 / 0.6)}
    assert not np.array_equal(nn.Dropout(0.4)(x).detach().numpy(), values)


@pytest.mark.parametrize("p", [0.1, 0.5, 0.9])
def test_dropout_preserves_the_mean_and_drops_the_part_p(p: float) -> None:
    n = 200_000
    values = nn.Dropout(p, generator=tg.Generator().manual_seed(2))(tg.ones(n)).numpy()
    error = math.sqrt(p / (1 - p) / n)
    assert abs(values.mean() - 1) < 4 * error
    assert abs(np.mean(values == 0) - p) < 4 * math.sqrt(p * (1 - p) / n)


def test_dropout_follows_its_seed() -> None:
    def masks() -> list[Any]:
        layer = nn.Dropout(0.5)
        return [layer(tg.ones(20)).tolist() for _ in range(2)]

    tg.manual_seed(3)
    first = masks()
    tg.manual_seed(3)
    np.random.seed(0)  # noqa: NPY002 - the point: NumPy's global generator has no say
    assert masks() == first
    assert first[0] != first[1]
    one, two = (nn.Dropout(0.5, generator=tg.Generator().manual_seed(4)) for _ in range(2))
    assert one(tg.ones(30)).tolist() == two(tg.ones(30)).tolist()


@pytest.mark.parametrize("p", [-0.1, 1.1, math.nan])
def test_dropout_refuses_a_probability_outside_0_and_1(p: float) -> None:
    with pytest.raises(ValueError, match="dropout probability has to be between 0 and 1"):
        nn.Dropout(p)
    with pytest.raises(ValueError, match="dropout probability has to be between 0 and 1"):
        functional.dropout(tg.ones(2), p, training=False)


def test_the_second_derivative_through_dropout_uses_the_mask_twice() -> None:
    x = tg.tensor(RNG(18).normal(size=30), requires_grad=True)
    mask = functional.dropout(tg.ones(30, dtype=tg.float64), 0.5, generator=tg.Generator().manual_seed(5)).numpy()
    y = functional.dropout(x, 0.5, generator=tg.Generator().manual_seed(5))
    (first,) = grad((y**3).sum(), x, create_graph=True)
    (second,) = grad(first.sum(), x)
    v = x.detach().numpy()
    close(first, 3 * v**2 * mask**3)
    close(second, 6 * v * mask**3)


# --- what is recorded -------------------------------------------------------------------------------------------------


def test_recorded_nodes_carry_the_dotted_path_of_their_module() -> None:
    net = Net()
    graph = Graph.trace(net, tg.randn(4, 3))
    paths = [n.scope.path for n in graph.nodes if n.scope is not None]
    assert set(paths) == {"fc1", "bn1", "inner.0", "inner.1.1", ""}
    assert list(dict.fromkeys(paths)) == ["fc1", "bn1", "inner.0", "inner.1.1", ""]
    kinds = {n.scope.path: n.scope.kind for n in graph.nodes if n.scope is not None}
    assert kinds == {"fc1": "Linear", "bn1": "BatchNorm1d", "inner.0": "ReLU", "inner.1.1": "Linear", "": "Net"}
    linear = next(n for n in graph.nodes if n.scope is not None and n.scope.path == "inner.1.1")
    chain = []
    scope = linear.scope
    while scope is not None:
        chain.append(scope.path)
        scope = scope.parent
    assert chain == ["inner.1.1", "inner.1", "inner", ""]
    assert linear.scope.detail == "in_features=4, out_features=2, bias=True"
    assert linear.scope.size == 4 * 2 + 2


def test_a_nested_sequential_is_named_by_its_positions() -> None:
    net = nn.Sequential(nn.Sequential(nn.Linear(2, 2), nn.ReLU()), nn.Tanh())
    paths = {n.scope.kind: n.scope.path for n in Graph.trace(net, tg.randn(3, 2)).nodes if n.scope is not None}
    assert paths == {"Linear": "0.0", "ReLU": "0.1", "Tanh": "1"}


def test_scopes_are_recorded_in_training_too_and_end_with_an_exception() -> None:
    net = Net()
    y = net(tg.randn(4, 3))
    paths = {n.scope.path for n in Graph.of(y).nodes if n.scope is not None}
    assert {"fc1", "bn1", "inner.0", "inner.1.1", ""} <= paths
    with pytest.raises(ShapeError):
        net(tg.randn(4, 5))
    outside = tg.ones(2, requires_grad=True) * 2
    assert outside.grad_fn.scope is None


def test_two_calls_of_one_module_are_two_scopes() -> None:
    layer = nn.Linear(2, 2)
    net = nn.Sequential(layer, layer)
    graph = Graph.trace(net, tg.randn(3, 2))
    scopes = {n.scope for n in graph.nodes if n.scope is not None and n.scope.kind == "Linear"}
    assert len(scopes) == 2
    assert {scope.module for scope in scopes} == {layer}


def test_batchnorm_records_the_names_of_the_figure() -> None:
    bn = nn.BatchNorm1d(3)
    graph = Graph.trace(bn, tg.randn(4, 3))
    names = [n.name for n in graph.nodes if n.name]
    recorded = [n for n in names if n in {"μ", "xμ", "sq", "var", "sqrtvar", "ivar", "x̂", "γx̂"}]
    assert recorded == ["μ", "xμ", "sq", "var", "sqrtvar", "ivar", "x̂", "γx̂"]
    assert {"γ", "β"} <= set(names)
    ops = {n.name: n.op for n in graph.nodes}
    assert {k: ops[k] for k in recorded} == {
        "μ": "mean", "xμ": "sub", "sq": "pow", "var": "mean", "sqrtvar": "sqrt", "ivar": "div", "x̂": "mul", "γx̂": "mul",
    }  # fmt: skip
    values = {n.name: n.value for n in graph.nodes}
    x = values["xμ"] + values["μ"]
    close(values["var"], x.var(0), 1e-4)
    close(values["x̂"], (x - x.mean(0)) / np.sqrt(x.var(0) + 1e-5), 1e-3, 1e-5)
    epsilon = next(o.constant for n in graph.nodes if n.op == "add" for o in n.operands if o.source is None)
    assert (float(epsilon), epsilon.name) == (1e-5, "ε")


def test_the_gradients_along_every_edge_of_batchnorm_add_up() -> None:
    bn = nn.BatchNorm1d(3).double()
    x = tg.tensor(RNG(19).normal(size=(4, 3)), requires_grad=True)
    graph = Graph.trace(bn, x)
    seed = RNG(20).normal(size=(4, 3))
    found = graph.gradients(seed)
    (wanted,) = grad(bn(x), x, tg.tensor(seed))
    place = next(n.index for n in graph.nodes if n.op == "input")
    close(found.nodes[place], wanted)
    for index, total in found.nodes.items():
        parts = [
            found.edges[e.target, e.slot]
            for e in graph.edges()
            if e.source == index and (e.target, e.slot) in found.edges
        ]
        if parts:
            close(sum(parts), total)
    assert x.grad is None


# --- a rule of the house ----------------------------------------------------------------------------------------------

HAND_WRITTEN = re.compile(
    r"\bdef\s+(backward|vjp|jvp)\b|\bautograd\.Function\b|\b(primitive|multilinear|elementwise)\s*\(|save_for_backward"
    r"|\.grad\s*\+=|ctx\b"
)


def derivatives_by_hand(text: str) -> list[str]:
    return [line for line in text.splitlines() if HAND_WRITTEN.search(line)]


def test_no_layer_has_a_derivative_written_by_hand() -> None:
    files = sorted(Path(nn.__file__).parent.rglob("*.py"))
    assert {"batchnorm.py", "normalization.py", "losses.py", "linear.py"} <= {f.name for f in files}
    files = [f for f in files if f.name != "hooks.py"]  # which passes gradients to the functions of users
    found = {f.name: lines for f in files if (lines := derivatives_by_hand(f.read_text("utf-8")))}
    assert found == {}


@pytest.mark.parametrize(
    "text",
    [
        "    def backward(self, dout):",
        "@primitive((f,), (g,))",
        "def vjp(g):",
        "class F(autograd.Function):",
        "w.grad += dW",
    ],
)
def test_the_rule_finds_a_derivative_written_by_hand(text: str) -> None:
    assert derivatives_by_hand(text)
    assert not derivatives_by_hand("the backward pass of a primitive follows from its composition; p.grad = None")
