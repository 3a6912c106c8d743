"""Optimisers: fifty steps against PyTorch and against the formulas written out here, groups, state, arguments."""

from __future__ import annotations

import inspect
import itertools
import math
from collections.abc import Callable, Iterator
from typing import Any

import numpy as np
import pytest

import tensorgrad as tg
from tensorgrad import optim
from tensorgrad.errors import ArgumentError, InPlaceError
from tests.optimisers import FORMULAS, torch_in_double
from tests.peer import close, torch_

STEPS = 50
RNG = np.random.default_rng

Array = np.ndarray

SETTINGS: list[tuple[str, dict[str, Any]]] = [
    ("SGD", {"lr": 0.05}),
    ("SGD", {"lr": 0.05, "momentum": 0.9}),
    ("SGD", {"lr": 0.05, "momentum": 0.9, "dampening": 0.3}),
    ("SGD", {"lr": 0.05, "momentum": 0.9, "nesterov": True}),
    ("SGD", {"lr": 0.05, "weight_decay": 0.1}),
    ("SGD", {"lr": 0.05, "momentum": 0.8, "dampening": 0.5, "weight_decay": 0.2}),
    ("SGD", {"lr": 0.05, "momentum": 0.8, "nesterov": True, "weight_decay": 0.2}),
    ("Adagrad", {"lr": 0.3}),
    ("Adagrad", {}),
    ("Adagrad", {"lr": 0.3, "lr_decay": 0.1}),
    ("Adagrad", {"lr": 0.3, "weight_decay": 0.2}),
    ("Adagrad", {"lr": 0.3, "initial_accumulator_value": 0.5, "eps": 1e-3}),
    ("Adadelta", {}),
    ("Adadelta", {"lr": 0.5, "rho": 0.8, "eps": 1e-3, "weight_decay": 0.2}),
    ("RMSprop", {}),
    ("RMSprop", {"centered": True, "alpha": 0.9}),
    ("RMSprop", {"momentum": 0.9, "eps": 1e-3}),
    ("RMSprop", {"momentum": 0.5, "centered": True, "weight_decay": 0.2}),
    ("Adam", {"lr": 0.1}),
    ("Adam", {}),
    ("Adam", {"lr": 0.1, "betas": (0.5, 0.9)}),
    ("Adam", {"lr": 0.1, "eps": 1e-2}),
    ("Adam", {"lr": 0.1, "weight_decay": 0.2}),
    ("Adam", {"lr": 0.1, "betas": (0.0, 0.0)}),
    ("Adam", {"lr": 0.1, "betas": (0.5, 0.6), "amsgrad": True}),
    ("Adam", {"lr": 0.1, "weight_decay": 0.2, "decoupled_weight_decay": True}),
    ("AdamW", {}),
    ("AdamW", {"lr": 0.1, "weight_decay": 0.3, "amsgrad": True}),
    ("NAdam", {"lr": 0.1}),
    ("NAdam", {"lr": 0.02, "betas": (0.5, 0.9), "weight_decay": 0.2, "momentum_decay": 0.1}),
    ("NAdam", {"lr": 0.1, "weight_decay": 0.2, "decoupled_weight_decay": True}),
    ("RAdam", {"lr": 0.1}),
    ("RAdam", {"lr": 0.1, "betas": (0.5, 0.9), "weight_decay": 0.2}),
    ("RAdam", {"lr": 0.1, "weight_decay": 0.2, "decoupled_weight_decay": True}),
    ("Adamax", {"lr": 0.1}),
    ("Adamax", {"lr": 0.02, "betas": (0.5, 0.6), "eps": 1e-3, "weight_decay": 0.2}),
    ("ASGD", {"lr": 0.05}),
    ("ASGD", {"lr": 0.05, "lambd": 0.1, "alpha": 0.5, "t0": 10, "weight_decay": 0.2}),
    ("Rprop", {"lr": 0.1}),
    ("Rprop", {"lr": 0.1, "etas": (0.3, 1.5), "step_sizes": (0.01, 0.2)}),
]
OPTIMIZERS = list(dict.fromkeys(name for name, _ in SETTINGS))


START = RNG(1).normal(size=4)


def loss_of(w: Any, k: int) -> Any:
    """A bowl whose centre moves, for tensors of any library; its slope is written out in `slopes`."""
    return (w @ w) * 0.5 - (w * (k / 10)).sum() + (w**4).sum() * 0.01


def slopes() -> Iterator[Callable[[Array], Array]]:
    for k in range(STEPS):
        yield lambda w, k=k: w - k / 10 + 0.04 * w**3


def names(settings: tuple[str, dict[str, Any]]) -> str:
    return settings[0] + ",".join(f"{k}={v}" for k, v in settings[1].items())


def trained(name: str, settings: dict[str, Any], **more: Any) -> tuple[Array, Any]:
    w = tg.tensor(START, requires_grad=True)
    optimizer = getattr(optim, name)([w], **settings, **more)
    for k in range(STEPS):
        optimizer.zero_grad()
        loss_of(w, k).backward()
        optimizer.step()
    return w.detach().numpy(), optimizer


@pytest.mark.parametrize("settings", SETTINGS, ids=names)
def test_fifty_steps_are_the_formulas(settings: tuple[str, dict[str, Any]]) -> None:
    name, values = settings
    found, _ = trained(name, values)
    wanted = FORMULAS[name](START.copy(), slopes(), **values)
    assert np.isfinite(found).all()
    assert not np.allclose(found, START, atol=1e-3)
    np.testing.assert_allclose(found, wanted, rtol=1e-12, atol=1e-13, equal_nan=False)


ARRAYS = [RNG(i).normal(size=shape) for i, shape in enumerate([(3, 2), (4,), (), (2,)])]


def side_by_side(lib: Any, name: str, settings: dict[str, Any]) -> tuple[list[Any], Any]:
    """Four parameters of other shapes after the steps; the last has no gradient at every third, and at the first."""
    params = [lib.tensor(a, requires_grad=True) for a in ARRAYS]
    optimizer = getattr(lib.optim, name)(params, **settings)
    for k in range(STEPS):
        optimizer.zero_grad()
        sum(loss_of(p.reshape(-1), k) for p in params[: None if k % 3 else -1]).backward()
        optimizer.step()
    return params, optimizer


@pytest.mark.parametrize("maximize", [False, True])
@pytest.mark.parametrize("settings", SETTINGS, ids=names)
def test_fifty_steps_are_pytorchs(settings: tuple[str, dict[str, Any]], maximize: bool) -> None:
    name, values = settings
    if maximize:
        values = {**values, "maximize": True, "lr": 1e-3}  # uphill, in small steps: the bowl has no top
    ours, optimizer = side_by_side(tg, name, values)
    with torch_in_double() as torch:
        theirs, other = side_by_side(torch, name, values)
    for p, q in zip(ours, theirs, strict=True):
        close(p, q, 1e-12, 1e-13)
    assert repr(optimizer) == repr(other)
    found, wanted = optimizer.state_dict(), other.state_dict()
    assert {k: set(v) for k, v in found["state"].items()} == {k: set(v) for k, v in wanted["state"].items()}
    assert found["param_groups"] == wanted["param_groups"]
    for p, q in zip(ours, theirs, strict=True):
        for key, value in other.state[q].items():
            close(optimizer.state[p][key], value, 1e-11, 1e-13)


@pytest.mark.parametrize("name", [*OPTIMIZERS, "LBFGS"])
def test_the_signature_is_pytorchs(name: str) -> None:
    found = inspect.signature(getattr(optim, name)).parameters
    wanted = inspect.signature(getattr(torch_().optim, name)).parameters
    assert [k for k in found if k != "convention"] == list(wanted)
    assert {k: (found[k].default, found[k].kind) for k in wanted} == {k: (p.default, p.kind) for k, p in wanted.items()}


VALLEYS: list[Callable[..., Any]] = [
    lambda w, b: 100 * (w[1] - w[0] ** 2) ** 2 + (1 - w[0]) ** 2 + ((b - 2) ** 2).sum() + (b[0, 0] * w[0] - 1) ** 2,
    lambda w, b: (w**4).sum() * 0.1 + ((w - 1) ** 2).sum() + ((b * w.sum() - 1) ** 2).sum(),
]


@pytest.mark.parametrize("valley", VALLEYS)
@pytest.mark.parametrize(
    "settings",
    [
        {"lr": 0.1},
        {"lr": 0.5, "max_iter": 7, "history_size": 3},
        {"line_search_fn": "strong_wolfe"},
        {"line_search_fn": "strong_wolfe", "history_size": 2, "max_iter": 5},
        {"line_search_fn": "strong_wolfe", "max_eval": 6, "lr": 0.3},
        {"line_search_fn": "strong_wolfe", "lr": 1e-3, "tolerance_change": 1e-4},
        {"line_search_fn": "strong_wolfe", "lr": 30.0, "tolerance_grad": 1e-2},
    ],
    ids=str,
)
def test_lbfgs_takes_pytorchs_way(settings: dict[str, Any], valley: Callable[..., Any]) -> None:
    def run(lib: Any) -> tuple[Any, ...]:
        w = lib.tensor(np.array([-1.2, 1.0]), requires_grad=True)
        b = lib.tensor(np.array([[0.3]]), requires_grad=True)
        optimizer = lib.optim.LBFGS([w, b], **settings)

        def closure() -> Any:
            optimizer.zero_grad()
            loss = valley(w, b)
            loss.backward()
            return loss

        losses = [optimizer.step(closure).item() for _ in range(4)]
        state = optimizer.state_dict()["state"][0]
        return w, b, losses, (state["n_iter"], state["func_evals"])

    with torch_in_double() as torch:
        theirs = run(torch)
    ours = run(tg)
    assert ours[3] == theirs[3]
    for found, wanted in zip(ours[:3], theirs[:3], strict=True):
        close(found, wanted, 1e-9, 1e-10)
    assert ours[2][-1] < ours[2][0]


def test_lbfgs_solves_a_quadratic_in_one_step() -> None:
    a = RNG(5).normal(size=(4, 4))
    matrix = tg.tensor(a @ a.T + np.eye(4))
    w = tg.tensor(RNG(6).normal(size=4), requires_grad=True)
    optimizer = optim.LBFGS([w], line_search_fn="strong_wolfe", tolerance_grad=1e-12, tolerance_change=0, max_iter=30)

    def closure() -> tg.Tensor:
        optimizer.zero_grad()
        loss = 0.5 * (w @ matrix @ w) - w.sum()
        loss.backward()
        return loss

    optimizer.step(closure)
    wanted = np.linalg.solve(matrix.numpy(), np.ones(4))
    np.testing.assert_allclose(w.detach().numpy(), wanted, rtol=1e-7)  # about the root of the loss's last bit


def test_lbfgs_needs_a_closure_and_one_group() -> None:
    w, v = tg.ones(1, requires_grad=True), tg.ones(1, requires_grad=True)
    with pytest.raises(ArgumentError, match="closure"):
        optim.LBFGS([w]).step()
    with pytest.raises(ValueError, match="doesn't support per-parameter options"):
        optim.LBFGS([{"params": [w]}, {"params": [v]}])
    with pytest.raises(ArgumentError, match="only 'strong_wolfe' is supported"):
        optim.LBFGS([w], line_search_fn="armijo")


@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("name", OPTIMIZERS)
def test_parameters_keep_their_memory_dtype_and_identity(name: str, dtype: str) -> None:
    w = tg.tensor(START, dtype=dtype, requires_grad=True)
    memory = w.detach().numpy()
    before = memory.copy()
    optimizer = getattr(optim, name)([w], lr=0.1)
    (w * w).sum().backward()
    gradient = w.grad.numpy().copy()
    optimizer.step()
    assert np.shares_memory(w.array, memory)
    assert (w.dtype, w.requires_grad, w.is_leaf) == (np.dtype(dtype), True, True)
    assert not np.array_equal(memory, before)
    np.testing.assert_array_equal(w.grad.numpy(), gradient)


def test_every_group_has_its_own_settings() -> None:
    a, b, c = (tg.tensor([1.0], dtype=tg.float64, requires_grad=True) for _ in range(3))
    optimizer = optim.SGD([{"params": [a]}, {"params": b, "lr": 0.5, "momentum": 0.9}], lr=0.1)
    optimizer.add_param_group({"params": [c], "weight_decay": 1.0})
    assert [g["lr"] for g in optimizer.param_groups] == [0.1, 0.5, 0.1]
    for _ in range(2):
        optimizer.zero_grad()
        (a + b + c).sum().backward()
        optimizer.step()
    wanted = [1 - 0.2, 1 - 0.5 - 0.5 * 1.9, (1 - 0.1 * 2) - 0.1 * (1 + 0.8)]
    np.testing.assert_allclose([p.item() for p in (a, b, c)], wanted, rtol=1e-14, equal_nan=False)


def test_a_learning_rate_changed_between_steps_counts_at_once() -> None:
    w = tg.tensor([1.0], dtype=tg.float64, requires_grad=True)
    optimizer = optim.SGD([w], lr=0.1)
    for lr in (0.1, 0.01):
        optimizer.param_groups[0]["lr"] = lr
        w.grad = tg.ones(1, dtype=tg.float64)
        optimizer.step()
    assert w.item() == pytest.approx(0.89, rel=1e-14)


@pytest.mark.parametrize("name", ["Adam", "Adagrad"])
def test_a_parameter_without_gradient_is_skipped_and_keeps_its_own_step_count(name: str) -> None:
    a, b = tg.tensor(START, requires_grad=True), tg.tensor(START, requires_grad=True)
    settings = {"lr": 0.1, "lr_decay": 0.5} if name == "Adagrad" else {"lr": 0.1, "weight_decay": 0.1}
    optimizer = getattr(optim, name)([a, b], **settings)
    for k in range(10):
        optimizer.zero_grad()
        (loss_of(a, 0) + loss_of(b, 0) if k >= 7 else loss_of(a, 0)).backward()
        if k < 7:
            assert b.grad is None
        optimizer.step()
        if k < 7:
            np.testing.assert_array_equal(b.detach().numpy(), START)
    alone = tg.tensor(START, requires_grad=True)
    other = getattr(optim, name)([alone], **settings)
    for _ in range(3):
        other.zero_grad()
        loss_of(alone, 0).backward()
        other.step()
    np.testing.assert_array_equal(b.detach().numpy(), alone.detach().numpy())
    assert (optimizer.state[a]["step"], optimizer.state[b]["step"]) == (10, 3)


def test_momentum_starts_at_the_first_gradient_of_each_parameter() -> None:
    w = tg.tensor([1.0], dtype=tg.float64, requires_grad=True)
    optimizer = optim.SGD([w], lr=1.0, momentum=0.5, dampening=0.5)
    optimizer.step()
    assert w.item() == 1.0
    for _ in range(2):
        w.grad = tg.ones(1, dtype=tg.float64)
        optimizer.step()
    assert w.item() == pytest.approx(1 - 1 - (0.5 + 0.5))


def test_zero_grad_forgets_or_fills_with_zeros() -> None:
    w, v = tg.ones(2, requires_grad=True), tg.ones(2, requires_grad=True)
    optimizer = optim.SGD([w, v], lr=0.1)
    (w * 3).sum().backward()
    optimizer.zero_grad(set_to_none=False)
    assert w.grad.tolist() == [0.0, 0.0]
    assert v.grad is None
    optimizer.zero_grad()
    assert w.grad is None


def test_a_closure_is_evaluated_with_gradients_and_its_loss_returned() -> None:
    w = tg.tensor([2.0], requires_grad=True)
    optimizer = optim.SGD([w], lr=0.25)

    def closure() -> tg.Tensor:
        optimizer.zero_grad()
        loss = (w * w).sum()
        loss.backward()
        return loss

    with tg.no_grad():
        loss = optimizer.step(closure)
    assert loss.item() == 4.0
    assert w.item() == 1.0
    assert optimizer.step() is None


BAD: list[tuple[str, dict[str, Any], str]] = [
    ("SGD", {"lr": -0.1}, "Invalid learning rate: -0.1"),
    ("SGD", {"lr": math.nan}, "Invalid learning rate: nan"),
    ("SGD", {"momentum": -1}, "Invalid momentum value: -1"),
    ("SGD", {"weight_decay": -1}, "Invalid weight_decay value: -1"),
    ("SGD", {"nesterov": True}, "Nesterov momentum requires a momentum and zero dampening"),
    ("SGD", {"nesterov": True, "momentum": 0.9, "dampening": 0.1}, "Nesterov momentum requires"),
    ("Adagrad", {"lr": -1}, "Invalid learning rate: -1"),
    ("Adagrad", {"lr_decay": -1}, "Invalid lr_decay value: -1"),
    ("Adagrad", {"weight_decay": -1}, "Invalid weight_decay value: -1"),
    ("Adagrad", {"initial_accumulator_value": -1}, "Invalid initial_accumulator_value value: -1"),
    ("Adagrad", {"eps": -1}, "Invalid epsilon value: -1"),
    ("Adam", {"lr": -1}, "Invalid learning rate: -1"),
    ("Adam", {"eps": -1}, "Invalid epsilon value: -1"),
    ("Adam", {"betas": (1.0, 0.9)}, "Invalid beta parameter at index 0: 1.0"),
    ("Adam", {"betas": (0.9, -0.1)}, "Invalid beta parameter at index 1: -0.1"),
    ("Adam", {"weight_decay": -1}, "Invalid weight_decay value: -1"),
    ("AdamW", {"betas": (0.9, 1.5)}, "Invalid beta parameter at index 1: 1.5"),
    ("Adadelta", {"rho": 1.5}, "Invalid rho value: 1.5"),
    ("Adadelta", {"rho": -0.5}, "Invalid rho value: -0.5"),
    ("Adadelta", {"eps": -1}, "Invalid epsilon value: -1"),
    ("RMSprop", {"alpha": -1}, "Invalid alpha value: -1"),
    ("RMSprop", {"momentum": -1}, "Invalid momentum value: -1"),
    ("NAdam", {"momentum_decay": -1}, "Invalid momentum_decay value: -1"),
    ("RAdam", {"betas": (-1, 0.9)}, "Invalid beta parameter at index 0: -1"),
    ("Adamax", {"eps": -1}, "Invalid epsilon value: -1"),
    ("ASGD", {"weight_decay": -1}, "Invalid weight_decay value: -1"),
    ("Rprop", {"etas": (1.5, 1.2)}, "Invalid eta values: 1.5, 1.2"),
    ("Rprop", {"etas": (0.5, 0.9)}, "Invalid eta values: 0.5, 0.9"),
    ("LBFGS", {"lr": -1}, "Invalid learning rate: -1"),
]


@pytest.mark.parametrize(("name", "arguments", "message"), BAD)
def test_bad_arguments_are_value_errors_in_pytorchs_words(name: str, arguments: dict[str, Any], message: str) -> None:
    with pytest.raises(ValueError, match=r"Invalid|Nesterov") as caught:
        getattr(optim, name)([tg.ones(1, requires_grad=True)], **arguments)
    assert message in str(caught.value)


@pytest.mark.parametrize(("name", "arguments", "message"), [case for case in BAD if "nan" not in case[2]])
def test_the_words_are_pytorchs(name: str, arguments: dict[str, Any], message: str) -> None:
    torch = torch_()
    with pytest.raises(ValueError, match=r"Invalid|Nesterov") as caught:
        getattr(torch.optim, name)([torch.ones(1, requires_grad=True)], **arguments)
    assert message in str(caught.value)


@pytest.mark.parametrize("name", OPTIMIZERS)
def test_what_cannot_be_optimised_is_refused(name: str) -> None:
    make, w = getattr(optim, name), tg.ones(2, requires_grad=True)
    with pytest.raises(ValueError, match="empty parameter list"):
        make([])
    with pytest.raises(ValueError, match="empty parameter list"):
        make(itertools.chain())
    with pytest.raises(ValueError, match="non-leaf"):
        make([w * 2])
    with pytest.raises(ValueError, match="more than one parameter group"):
        make([{"params": [w]}, {"params": [w]}])
    with pytest.raises(TypeError, match=r"only optimize Tensors.*ndarray"):
        make([np.ones(2)])


def test_a_single_tensor_in_place_of_a_list_is_refused_as_by_pytorch() -> None:
    with pytest.raises(TypeError):
        optim.SGD(tg.ones(2, requires_grad=True), lr=0.1)


def test_named_parameters_and_generators_are_accepted() -> None:
    layer = tg.nn.Linear(2, 1)
    for params in (layer.parameters(), layer.named_parameters(), list(layer.parameters())):
        optimizer = optim.SGD(params, lr=0.1)
        assert [p is q for p, q in zip(optimizer.param_groups[0]["params"], layer.parameters(), strict=True)] == [
            True
        ] * 2


def test_a_step_between_forward_and_backward_is_noticed() -> None:
    w = tg.ones(2, requires_grad=True)
    loss = (w * w).sum()
    w.grad = tg.ones(2)
    optim.SGD([w], lr=0.1).step()
    with pytest.raises(InPlaceError):
        loss.backward()


def test_a_step_is_not_recorded_and_works_with_gradients_that_have_a_graph() -> None:
    w = tg.tensor([2.0], requires_grad=True)
    (w**3).sum().backward(create_graph=True)
    optim.Adam([w], lr=0.5).step()
    assert w.is_leaf
    assert w.item() == pytest.approx(1.5)


def test_a_subclass_needs_only_an_update() -> None:
    class Signs(optim.Optimizer):
        def __init__(self, params: Any, lr: float = 0.1) -> None:
            super().__init__(params, {"lr": lr})

        def update(self, w: Array, g: Array, state: dict[str, Any], group: dict[str, Any]) -> None:
            assert state == {}
            w -= group["lr"] * np.sign(g)

    w = tg.tensor([1.0, -1.0], requires_grad=True)
    optimizer = Signs([w])
    (w * w).sum().backward()
    optimizer.step()
    np.testing.assert_allclose(w.detach().numpy(), [0.9, -0.9], rtol=1e-6, equal_nan=False)
    with pytest.raises(NotImplementedError):
        optim.Optimizer([w], {}).step()


def test_the_text_of_an_optimiser_lists_its_groups() -> None:
    text = repr(optim.SGD([tg.ones(1, requires_grad=True)], lr=0.5, momentum=0.25))
    assert text.startswith("SGD (\nParameter Group 0\n")
    assert "    lr: 0.5\n" in text
    assert "    momentum: 0.25\n" in text


def test_training_is_the_same_bit_for_bit_with_the_same_seed() -> None:
    def run() -> list[Any]:
        tg.manual_seed(11)
        net = tg.nn.Sequential(tg.nn.Linear(4, 8), tg.nn.ReLU(), tg.nn.Dropout(0.3), tg.nn.Linear(8, 2))
        optimizer = optim.Adam(net.parameters(), lr=0.01)
        x, target = tg.randn(16, 4), tg.randint(2, (16,))
        for _ in range(20):
            optimizer.zero_grad()
            tg.nn.functional.cross_entropy(net(x), target).backward()
            optimizer.step()
        return [p.tolist() for p in net.parameters()]

    assert run() == run()


@pytest.mark.parametrize(
    ("name", "settings"), [("SGD", {"lr": 0.1, "momentum": 0.5}), ("Adagrad", {"lr": 0.5}), ("Adam", {"lr": 0.1})]
)
def test_every_optimiser_finds_the_minimum_of_a_bowl(name: str, settings: dict[str, Any]) -> None:
    w = tg.tensor([-2.0, 2.0], dtype=tg.float64, requires_grad=True)
    optimizer = getattr(optim, name)([w], **settings)
    for _ in range(400):
        optimizer.zero_grad()
        (w[0] ** 2 / 2 + (w[1] - 1) ** 2).backward()
        optimizer.step()
    np.testing.assert_allclose(w.detach().numpy(), [0.0, 1.0], atol=0.02, equal_nan=False)
