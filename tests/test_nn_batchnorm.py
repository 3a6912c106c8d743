"""BatchNorm1d against PyTorch and by its formula; its statistics, its graph."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import pytest

import tensorgrad as tg
from tensorgrad import nn
from tensorgrad.autograd import grad
from tensorgrad.graph import Graph
from tests.peer import close, derivatives, torch_

RNG = np.random.default_rng


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
    ours_twice = derivatives((y**3 * factor).sum(), [x, *ours.parameters()], tg)
    theirs_twice = derivatives((w**3 * torch.tensor(factor)).sum(), [z, *theirs.parameters()], torch)
    for g, h in zip(ours_twice, theirs_twice, strict=True):
        close(g, h)


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
    a = (
        np.round(4 * RNG(7).normal(size=(256, 3))) / 4
    )  # whose sums are exact in float32, with the offset and in any order
    far = nn.BatchNorm1d(3)(tg.tensor(a + 1e4, dtype=tg.float32)).detach().numpy()
    wanted = (a - a.mean(0)) / np.sqrt(a.var(0) + 1e-5)
    assert np.abs(far - wanted).max() < 1e-5


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


@pytest.mark.parametrize("strict", [True, False])
def test_a_state_without_the_count_of_batches_is_taken(strict: bool) -> None:
    trained = nn.Sequential(nn.BatchNorm1d(2))
    trained(tg.tensor([[1.0, 2.0], [3.0, 5.0]]))
    state = {k: v for k, v in trained.state_dict().items() if not k.endswith("num_batches_tracked")}
    module = nn.Sequential(nn.BatchNorm1d(2))
    found = module.load_state_dict(state, strict=strict)
    assert (found.missing_keys, found.unexpected_keys) == ([], [])
    assert module[0].num_batches_tracked.item() == 0
    assert module[0].running_mean.tolist() == trained[0].running_mean.tolist()
    del state["0.running_mean"]
    with pytest.raises(RuntimeError, match="Missing key"):
        module.load_state_dict(state)
