"""Parametrised tensors: names, values, derivatives, assignment, removal; weight and spectral normalisation."""

from __future__ import annotations

import copy
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

import tensorgrad as tg
from tensorgrad import nn
from tensorgrad.graph import Graph
from tensorgrad.nn.utils import parametrizations, parametrize
from tensorgrad.testing import gradcheck, gradgradcheck
from tests.peer import close, same_call, same_module, torch_

RNG = np.random.default_rng
Change = Callable[[Any, Any], Any]  # of a module, with the library that it comes from


def symmetric(lib: Any) -> Any:
    class Symmetric(lib.Module):
        def forward(self, x: Any) -> Any:
            return x.triu() + x.triu(1).mT

        def right_inverse(self, x: Any) -> Any:
            return x.triu()

    return Symmetric()


def doubled(lib: Any) -> Any:
    class Doubled(lib.Module):
        def forward(self, x: Any) -> Any:
            return 2 * x

    return Doubled()


def layer(lib: Any, *makers: Any) -> Any:
    made = lib.Linear(3, 3)
    for make in makers:
        lib.utils.parametrize.register_parametrization(made, "weight", make(lib))
    return made


@pytest.mark.parametrize("makers", [(symmetric,), (doubled,), (symmetric, doubled), (doubled, symmetric, doubled)])
def test_a_parametrised_layer_is_pytorchs_to_1e_10(makers: Any) -> None:
    same_module(lambda lib: layer(lib, *makers), RNG(1).normal(size=(4, 3)))


@pytest.mark.parametrize("dim", [None, -1])
def test_weight_norm_over_all_axes_is_pytorchs_to_1e_10(dim: Any) -> None:
    same_module(
        lambda lib: lib.utils.parametrizations.weight_norm(lib.Linear(3, 4), dim=dim), RNG(1).normal(size=(5, 3))
    )


@pytest.mark.parametrize("dim", [0, 1])
def test_weight_norm_of_each_output_is_that_of_the_formula_in_pytorch(dim: int) -> None:
    # PyTorch's own fused operation has a wrong second derivative
    def call(lib: Any, g: Any, v: Any) -> Any:
        if lib is tg:
            return parametrizations.weight_norm(nn.Linear(3, 4), dim=dim).parametrizations.weight[0](g, v)
        return v * (g / lib.linalg.vector_norm(v, dim=1 - dim, keepdim=True))

    same_call(call, RNG(1).normal(size=(4, 1) if dim == 0 else (1, 3)), RNG(2).normal(size=(4, 3)))
    torch = torch_()
    shapes = [
        {
            k: tuple(v.shape)
            for k, v in lib.utils.parametrizations.weight_norm(lib.Linear(3, 4), dim=dim).state_dict().items()
        }
        for lib in (nn, torch.nn)
    ]
    assert shapes[0] == shapes[1]


@pytest.mark.parametrize("training", [True, False])
@pytest.mark.parametrize("steps", [1, 3])
def test_spectral_norm_is_pytorchs_to_1e_10(training: bool, steps: int) -> None:
    same_module(
        lambda lib: lib.utils.parametrizations.spectral_norm(lib.Linear(3, 4), n_power_iterations=steps),
        RNG(1).normal(size=(5, 3)),
        training=training,
    )


def test_weight_norm_starts_at_the_weight_and_keeps_its_gradient() -> None:
    plain = nn.Linear(3, 4, dtype=tg.float64)
    normed = parametrizations.weight_norm(copy.deepcopy(plain))
    x = tg.tensor(RNG(2).normal(size=(5, 3)))
    close(normed(x), plain(x))
    close(normed.weight, plain.weight)
    g, v = (normed.parametrizations.weight.original0, normed.parametrizations.weight.original1)
    assert (g.shape, v.shape) == ((4, 1), (4, 3))
    with tg.no_grad():
        v.mul_(7.0)
        g.mul_(2.0)
    close(normed.weight, 2 * plain.weight.detach().numpy())

    def forward(g: tg.Tensor, v: tg.Tensor) -> tg.Tensor:
        return x @ normed.parametrizations.weight[0](g, v).T

    assert gradcheck(forward, (g, v))
    assert gradgradcheck(forward, (g, v))


def test_spectral_norm_has_the_largest_singular_value_one() -> None:
    made = parametrizations.spectral_norm(
        nn.Linear(6, 4), n_power_iterations=200, generator=tg.Generator().manual_seed(1)
    )
    assert abs(np.linalg.svd(made.weight.detach().numpy())[1].max() - 1) < 1e-5
    assert set(dict(made.named_buffers())) == {"parametrizations.weight.0._u", "parametrizations.weight.0._v"}
    with pytest.raises(ValueError, match="Expected n_power_iterations to be positive"):
        parametrizations.spectral_norm(nn.Linear(2, 2), n_power_iterations=0)


def test_a_parametrised_layer_trains_its_original_and_any_layer_reads_the_result() -> None:
    made = layer(nn, symmetric)
    assert made.state_dict().keys() == {"bias", "parametrizations.weight.original"}
    optimiser = tg.optim.SGD(made.parameters(), lr=0.1)
    x = tg.randn(5, 3)
    for _ in range(3):
        optimiser.zero_grad()
        made(x).square().sum().backward()
        optimiser.step()
    weight = made.weight.detach()
    assert tg.equal(weight, weight.T)
    close(made(x), x.numpy() @ weight.numpy().T + made.bias.detach().numpy(), 1e-5, 1e-6)
    norm = parametrize.register_parametrization(nn.BatchNorm1d(3), "weight", doubled(nn))
    close(norm(x), 2 * nn.BatchNorm1d(3)(x).detach().numpy(), 1e-5, 1e-6)


def test_a_copy_of_a_parametrised_module_is_its_own() -> None:
    made = layer(nn, doubled)
    twin, shallow = copy.deepcopy(made), copy.copy(made)
    with tg.no_grad():
        made.parametrizations.weight.original.fill_(1.0)
    assert made.weight.tolist() == [[2.0] * 3] * 3 == shallow.weight.tolist()
    assert twin.weight.tolist() != made.weight.tolist()
    close(twin(tg.ones(1, 3)), twin.weight.detach().numpy().sum(1)[None] + twin.bias.detach().numpy(), 1e-6)
    parametrize.remove_parametrizations(made, "weight")
    assert type(twin).__name__ == "ParametrizedLinear"
    assert twin.weight.shape == (3, 3)


def assign(module: Any, value: Any) -> Any:
    module.weight = value
    return module.parametrizations.weight.original.tolist()


OPERATIONS: dict[str, Callable[[Any, Any], Any]] = {
    "text": lambda lib, p: layer(lib, symmetric, doubled),
    "names": lambda lib, p: [name for name, _ in layer(lib, symmetric).named_parameters()],
    "state": lambda lib, p: list(layer(lib, symmetric).state_dict()),
    "class": lambda lib, p: type(layer(lib, symmetric)).__name__,
    "class before": lambda lib, p: p.type_before_parametrizations(layer(lib, symmetric)).__name__,
    "is": lambda lib, p: [p.is_parametrized(layer(lib, symmetric), name) for name in (None, "weight", "bias")],
    "is not": lambda lib, p: p.is_parametrized(lib.Linear(2, 2)),
    "list": lambda lib, p: layer(lib, symmetric).parametrizations.weight,
    "item": lambda lib, p: layer(lib, symmetric).parametrizations["weight"][0],
    "removed": lambda lib, p: p.remove_parametrizations(layer(lib, symmetric), "weight"),
    "removed names": lambda lib, p: [
        name for name, _ in p.remove_parametrizations(layer(lib, symmetric), "weight").named_parameters()
    ],
    "removed class": lambda lib, p: type(p.remove_parametrizations(layer(lib, symmetric), "weight")).__name__,
    "not there to remove": lambda lib, p: p.remove_parametrizations(lib.Linear(2, 2), "weight"),
    "no such tensor": lambda lib, p: p.register_parametrization(lib.Linear(2, 2), "wait", symmetric(lib)),
    "another shape": lambda lib, p: p.register_parametrization(lib.Linear(2, 3), "weight", lib.Flatten(0)),
    "another shape, unsafe": lambda lib, p: p.register_parametrization(
        lib.Linear(2, 3), "weight", lib.Flatten(0), unsafe=True
    ),
    "parameter over it": lambda lib, p: assign(layer(lib, symmetric), layer(lib).weight),
    "sequence left": lambda lib, p: p.remove_parametrizations(
        lib.utils.parametrizations.weight_norm(lib.Linear(2, 2)), "weight", leave_parametrized=False
    ),
    "sequence removed": lambda lib, p: [
        name
        for name, _ in p.remove_parametrizations(
            lib.utils.parametrizations.weight_norm(lib.Linear(2, 2)), "weight"
        ).named_parameters()
    ],
    "weight_norm of nothing": lambda lib, p: lib.utils.parametrizations.weight_norm(lib.Linear(2, 2), "wait"),
}  # fmt: skip


def outcome(operation: Callable[[Any, Any], Any], lib: Any) -> tuple[type, str]:
    try:
        return object, repr(operation(lib, lib.utils.parametrize))
    except Exception as error:  # noqa: BLE001 - whichever it is, it is compared
        return type(error), " ".join(str(error).split()[:6])


@pytest.mark.parametrize("name", OPERATIONS)
def test_an_operation_has_pytorchs_result_or_error(name: str) -> None:
    (found, text), (wanted, expected) = outcome(OPERATIONS[name], nn), outcome(OPERATIONS[name], torch_().nn)
    assert text == expected
    assert issubclass(found, wanted)


def test_assignment_goes_through_the_right_inverse() -> None:
    made = layer(nn, symmetric)
    made.weight = tg.tensor([[1.0, 2.0, 3.0], [2.0, 4.0, 5.0], [3.0, 5.0, 6.0]])
    assert made.weight.tolist() == [[1.0, 2.0, 3.0], [2.0, 4.0, 5.0], [3.0, 5.0, 6.0]]
    assert made.parametrizations.weight.original.tolist() == [[1.0, 2.0, 3.0], [0.0, 4.0, 5.0], [0.0, 0.0, 6.0]]


def test_removal_leaves_the_value_or_the_original_in_the_same_parameter() -> None:
    for leave in (True, False):
        made = layer(nn, doubled)
        original = made.parametrizations.weight.original
        wanted = made.weight.tolist() if leave else original.tolist()
        parametrize.remove_parametrizations(made, "weight", leave_parametrized=leave)
        assert made.weight is original
        assert made.weight.tolist() == wanted
        assert "parametrizations" not in dict(made.named_modules())
        assert type(made._parameters) is dict


def test_two_tensors_of_a_module_are_parametrised_apart() -> None:
    made = layer(nn, doubled)
    parametrize.register_parametrization(made, "bias", doubled(nn))
    close(made.bias, 2 * made.parametrizations.bias.original.detach().numpy())
    parametrize.remove_parametrizations(made, "weight")
    assert isinstance(made.weight, nn.Parameter)
    assert parametrize.is_parametrized(made, "bias")
    assert made(tg.ones(1, 3)).shape == (1, 3)
    assert [name for name, _ in made.named_parameters()] == ["weight", "parametrizations.bias.original"]


def test_a_buffer_can_be_parametrised() -> None:
    made = nn.Module()
    made.register_buffer("b", tg.ones(2))
    parametrize.register_parametrization(made, "b", doubled(nn))
    assert made.b.tolist() == [2.0, 2.0]
    assert list(made.state_dict()) == ["parametrizations.b.original"]
    assert parametrize.remove_parametrizations(made, "b").b.tolist() == [2.0, 2.0]
    assert "b" in dict(made.named_buffers())


def test_inside_cached_a_tensor_is_computed_once() -> None:
    calls = []
    made = layer(nn, doubled)
    made.parametrizations.weight[0].register_forward_hook(lambda *rest: calls.append(1))
    with parametrize.cached():
        first = made.weight
        with parametrize.cached():
            assert made.weight is first
        assert made(tg.ones(1, 3)).shape == (1, 3)
        assert len(calls) == 1
    assert made.weight is not first
    assert len(calls) == 2
    first.sum().backward()
    assert made.parametrizations.weight.original.grad.tolist() == [[2.0] * 3] * 3


def test_the_norms_of_a_spectral_norm_are_no_choices_of_the_script() -> None:
    graph = Graph.trace(parametrizations.spectral_norm(nn.Linear(4, 3)), tg.ones(2, 4))
    assert graph.breaks == ()
    assert [node.op for node in graph.nodes].count("length") == 2
