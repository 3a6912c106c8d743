"""Schedules: sixty epochs beside PyTorch's, closed forms, state, composition, warnings and refusals."""

from __future__ import annotations

import copy
import math
import warnings
import weakref
from collections.abc import Callable
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest

import tensorgrad as tg
from tensorgrad import optim
from tensorgrad.optim.lr_scheduler import LRScheduler

WITHOUT_TORCH = "PyTorch is not installed: a comparison with it, side by side, is left out"
EPOCHS = 60
S = optim.lr_scheduler


class Warm:
    """A function with a state of its own."""

    def __init__(self, pace: float) -> None:
        self.pace = pace

    def __call__(self, epoch: int) -> float:
        return min(1.0, (epoch + 1) * self.pace)


Make = Callable[[Any, Any], Any]
SCHEDULES: dict[str, Make] = {
    "lambda": lambda s, o: s.LambdaLR(o, lambda e: 0.95**e),
    "lambda_each": lambda s, o: s.LambdaLR(o, [lambda e: 1 / (1 + e), lambda e: math.cos(e / 50)]),
    "lambda_object": lambda s, o: s.LambdaLR(o, Warm(0.04)),
    "multiplicative": lambda s, o: s.MultiplicativeLR(o, lambda e: 1 - 0.5 / e),
    "multiplicative_each": lambda s, o: s.MultiplicativeLR(o, (lambda e: 0.9, lambda e: 1.01)),
    "step": lambda s, o: s.StepLR(o, 7),
    "step_gamma": lambda s, o: s.StepLR(o, step_size=1, gamma=0.93),
    "multistep": lambda s, o: s.MultiStepLR(o, [3, 30, 30, 59], gamma=0.3),
    "multistep_unsorted": lambda s, o: s.MultiStepLR(o, (40, 2), 0.5),
    "constant": lambda s, o: s.ConstantLR(o),
    "constant_long": lambda s, o: s.ConstantLR(o, factor=0.25, total_iters=50),
    "constant_none": lambda s, o: s.ConstantLR(o, factor=1, total_iters=0),
    "linear": lambda s, o: s.LinearLR(o),
    "linear_down": lambda s, o: s.LinearLR(o, start_factor=1.0, end_factor=0.1, total_iters=40),
    "linear_to_nothing": lambda s, o: s.LinearLR(o, 1.0, 0.0, 20),
    "exponential": lambda s, o: s.ExponentialLR(o, 0.97),
    "polynomial": lambda s, o: s.PolynomialLR(o),
    "polynomial_power": lambda s, o: s.PolynomialLR(o, total_iters=50, power=2.5),
    "cosine": lambda s, o: s.CosineAnnealingLR(o, 60),
    "cosine_floor": lambda s, o: s.CosineAnnealingLR(o, T_max=13, eta_min=1e-3),
    "cosine_again": lambda s, o: s.CosineAnnealingLR(o, T_max=1, eta_min=0.01),
    "restarts": lambda s, o: s.CosineAnnealingWarmRestarts(o, 10),
    "restarts_longer": lambda s, o: s.CosineAnnealingWarmRestarts(o, T_0=3, T_mult=2, eta_min=1e-4),
    "cyclic": lambda s, o: s.CyclicLR(o, 0.01, 0.1, step_size_up=5),
    "cyclic_uneven": lambda s, o: s.CyclicLR(o, 0.01, 0.1, step_size_up=4, step_size_down=9, mode="triangular2"),
    "cyclic_falling": lambda s, o: s.CyclicLR(o, 0.01, 0.1, step_size_up=6, mode="exp_range", gamma=0.97),
    "cyclic_each": lambda s, o: s.CyclicLR(
        o, [0.01, 0.02], [0.1, 0.5], step_size_up=6, base_momentum=[0.7, 0.6], max_momentum=[0.8, 0.99]
    ),
    "cyclic_function": lambda s, o: s.CyclicLR(o, 0.01, 0.1, 5, scale_fn=lambda x: 1 / x, cycle_momentum=False),
    "cyclic_function_of_steps": lambda s, o: s.CyclicLR(
        o, 0.01, 0.1, 5, scale_fn=lambda x: 1 / (5 + x), scale_mode="iterations"
    ),
    "one_cycle": lambda s, o: s.OneCycleLR(o, 0.1, total_steps=61),
    "one_cycle_linear": lambda s, o: s.OneCycleLR(o, 0.1, epochs=6, steps_per_epoch=11, anneal_strategy="linear"),
    "one_cycle_three": lambda s, o: s.OneCycleLR(o, 0.1, 70, three_phase=True, pct_start=0.2),
    "one_cycle_each": lambda s, o: s.OneCycleLR(
        o, [0.1, 0.3], 80, pct_start=0.45, base_momentum=[0.8, 0.7], max_momentum=0.9, div_factor=10, final_div_factor=2
    ),
    "one_cycle_rate_alone": lambda s, o: s.OneCycleLR(o, 0.1, 60, cycle_momentum=False, pct_start=0.0),
    "warm_up": lambda s, o: s.SequentialLR(
        o, [s.LinearLR(o, 0.1, total_iters=10), s.CosineAnnealingLR(o, 50, eta_min=1e-3)], [10]
    ),
    "sequence": lambda s, o: s.SequentialLR(
        o, [s.ConstantLR(o, 0.5, 4), s.ExponentialLR(o, 0.9), s.LambdaLR(o, Warm(0.1)), s.StepLR(o, 5)], [5, 20, 33]
    ),
    "sequence_of_cycles": lambda s, o: s.SequentialLR(
        o,
        [s.CosineAnnealingWarmRestarts(o, 4, 2), s.MultiplicativeLR(o, lambda e: 0.9), s.PolynomialLR(o, 9)],
        [20, 40],
    ),
    "sequence_of_one": lambda s, o: s.SequentialLR(o, [s.StepLR(o, 9)], []),
    "chain": lambda s, o: s.ChainedScheduler([s.ConstantLR(o, 0.1, 20), s.ExponentialLR(o, 0.95)], o),
    "chain_of_three": lambda s, o: s.ChainedScheduler(
        [s.LinearLR(o), s.MultiStepLR(o, [10, 20]), s.CosineAnnealingLR(o, 31)]
    ),
    "chain_in_sequence": lambda s, o: s.SequentialLR(
        o, [s.ChainedScheduler([s.LinearLR(o), s.StepLR(o, 3)]), s.ExponentialLR(o, 0.9)], [15]
    ),
}  # fmt: skip

PLATEAUS: dict[str, dict[str, Any]] = {
    "default": {},
    "max": {"mode": "max", "patience": 2, "factor": 0.5},
    "absolute": {"threshold_mode": "abs", "threshold": 0.05, "patience": 1, "factor": 0.7},
    "max_absolute": {"mode": "max", "threshold_mode": "abs", "threshold": 0.1, "patience": 0, "factor": 0.9},
    "cooldown": {"cooldown": 4, "patience": 3, "factor": 0.3, "min_lr": 1e-4},
    "floors": {"min_lr": [0.01, 0.001], "patience": 0, "factor": 0.5},
    "eps": {"patience": 0, "factor": 0.5, "eps": 1e-2},
}
METRICS = [round(1 / (1 + k) + 0.3 * math.sin(k * 1.7), 3) for k in range(EPOCHS)]


def optimizer_of(lib: Any, kind: str = "SGD") -> Any:
    """An optimiser of two groups with learning rates of their own."""
    groups = [{"params": [lib.zeros(2, requires_grad=True)]}, {"params": [lib.ones(3, requires_grad=True)], "lr": 0.02}]
    return lib.optim.SGD(groups, lr=0.1, momentum=0.9) if kind == "SGD" else lib.optim.Adam(groups, lr=0.1)


def seen(scheduler: Any, optimizer: Any) -> list[Any]:
    """All that a schedule sets: learning rates, momenta, betas, and what it says that it set."""
    groups = [[v for k in ("lr", "momentum", "betas") for v in np.ravel(g.get(k, []))] for g in optimizer.param_groups]
    return [x for group in groups for x in group] + list(scheduler.get_last_lr())


def run(
    make: Make, lib: Any, kind: str = "SGD", epochs: int = EPOCHS, metrics: list[float] | None = None
) -> tuple[np.ndarray, Any, Any]:
    optimizer = optimizer_of(lib, kind)
    scheduler = make(lib.optim.lr_scheduler, optimizer)
    rows = [seen(scheduler, optimizer)]
    for k in range(epochs):
        optimizer.step()
        scheduler.step(*([] if metrics is None else [metrics[k]]))
        rows.append(seen(scheduler, optimizer))
    return np.array(rows), scheduler, optimizer


def same_state(found: Any, wanted: Any) -> None:
    assert type(found) is type(wanted) or {type(found), type(wanted)} == {int, float}
    if isinstance(wanted, dict):
        assert set(found) == set(wanted)
        for key in wanted:
            same_state(found[key], wanted[key])
    elif isinstance(wanted, list):
        assert len(found) == len(wanted)
        for a, b in zip(found, wanted, strict=True):
            same_state(a, b)
    elif isinstance(wanted, float):
        assert found == pytest.approx(wanted, rel=1e-12, abs=1e-14)
    else:
        assert found == wanted


@pytest.mark.parametrize("kind", ["SGD", "Adam"])
@pytest.mark.parametrize("name", SCHEDULES)
def test_a_schedule_is_pytorchs_over_sixty_epochs_momentum_and_state_included(name: str, kind: str) -> None:
    torch = pytest.importorskip("torch", reason=WITHOUT_TORCH)
    found, ours, _ = run(SCHEDULES[name], tg, kind)
    nested = name == "chain_in_sequence"  # there PyTorch warns of its own step, and counts it in the state
    with warnings.catch_warnings():
        warnings.simplefilter("ignore" if nested else "error")
        wanted, theirs, _ = run(SCHEDULES[name], torch, kind)
    assert np.isfinite(found).all()
    np.testing.assert_allclose(found, wanted, rtol=1e-12, atol=1e-14)
    if not nested:
        same_state(ours.state_dict(), theirs.state_dict())


@pytest.mark.parametrize("name", PLATEAUS)
def test_the_plateau_schedule_is_pytorchs_over_sixty_epochs(name: str) -> None:
    torch = pytest.importorskip("torch", reason=WITHOUT_TORCH)

    def make(s: Any, o: Any) -> Any:
        return s.ReduceLROnPlateau(o, **PLATEAUS[name])

    found, ours, _ = run(make, tg, metrics=METRICS)
    wanted, theirs, _ = run(make, torch, metrics=METRICS)
    np.testing.assert_allclose(found, wanted, rtol=1e-12, atol=0)
    assert len(set(wanted[:, 0])) > 1, "nothing was reduced: the case says nothing"
    same_state(ours.state_dict(), theirs.state_dict())


@pytest.mark.parametrize("name", SCHEDULES)
def test_the_signature_is_pytorchs(name: str) -> None:
    import inspect

    torch = pytest.importorskip("torch", reason=WITHOUT_TORCH)
    kind = type(SCHEDULES[name](S, optimizer_of(tg))).__name__
    ours, theirs = (inspect.signature(getattr(s, kind)) for s in (S, torch.optim.lr_scheduler))
    assert [(p.name, p.default) for p in ours.parameters.values()] == [
        (p.name, p.default) for p in theirs.parameters.values()
    ]


# Settings under which a schedule is made a second time, on the optimiser of a run of some epochs.
RESUMED: dict[str, dict[str, Any]] = {
    "LambdaLR": {"lr_lambda": lambda e: 0.95**e},
    "MultiplicativeLR": {"lr_lambda": lambda e: 0.9},
    "StepLR": {"step_size": 4},
    "MultiStepLR": {"milestones": [10, 14, 14]},
    "ConstantLR": {"factor": 0.5, "total_iters": 14},
    "LinearLR": {"total_iters": 15},
    "ExponentialLR": {"gamma": 0.9},
    "PolynomialLR": {"total_iters": 20, "power": 2},
    "CosineAnnealingLR": {"T_max": 17, "eta_min": 1e-3},
    "CosineAnnealingWarmRestarts": {"T_0": 7},
    "CyclicLR": {"base_lr": 0.01, "max_lr": 0.2, "step_size_up": 6},
    "OneCycleLR": {"max_lr": 0.2, "total_steps": 40},
}


@pytest.mark.parametrize("done", [0, 9, 13])
@pytest.mark.parametrize("name", RESUMED)
def test_a_schedule_made_with_the_last_epoch_goes_on_as_pytorchs_does(name: str, done: int) -> None:
    torch = pytest.importorskip("torch", reason=WITHOUT_TORCH)

    def rows(lib: Any) -> list[Any]:
        optimizer = optimizer_of(lib)
        make = getattr(lib.optim.lr_scheduler, name)
        found = []
        for last_epoch, epochs in ((-1, done), (done, 20)):
            scheduler = make(optimizer, last_epoch=last_epoch, **RESUMED[name])
            for _ in range(epochs):
                optimizer.step()
                scheduler.step()
                found.append(seen(scheduler, optimizer))
        return found

    np.testing.assert_allclose(rows(tg), rows(torch), rtol=1e-12, atol=1e-14)


@pytest.mark.parametrize("name", [name for name in RESUMED if name not in ("LambdaLR", "MultiplicativeLR")])
def test_an_epoch_is_gone_to_by_the_closed_form_which_is_pytorchs(name: str) -> None:
    torch = pytest.importorskip("torch", reason=WITHOUT_TORCH)
    for epoch in (0, 1, 6, 14, 15, 39):
        rates = []
        for lib in (tg, torch):
            optimizer = optimizer_of(lib)
            scheduler = getattr(lib.optim.lr_scheduler, name)(optimizer, **RESUMED[name])
            optimizer.step()
            with warnings.catch_warnings():
                warnings.simplefilter("ignore", UserWarning)
                scheduler.step(epoch)
            rates.append(seen(scheduler, optimizer))
        np.testing.assert_allclose(rates[0], rates[1], rtol=1e-12, atol=1e-14)


# --- without PyTorch --------------------------------------------------------------------------------------------------

CLOSED: dict[str, Callable[[int], float]] = {
    "lambda": lambda e: 0.95**e,
    "step": lambda e: 0.1 ** (e // 7),
    "multistep_unsorted": lambda e: 0.5 ** ((e >= 2) + (e >= 40)),
    "constant": lambda e: 1 / 3 if e < 5 else 1,
    "linear": lambda e: min(1, 1 / 3 + 2 / 3 * e / 5),
    "linear_to_nothing": lambda e: max(0, 1 - e / 20),
    "exponential": lambda e: 0.97**e,
    "polynomial_power": lambda e: max(0, 1 - e / 50) ** 2.5,
    "cosine": lambda e: (1 + math.cos(math.pi * e / 60)) / 2,
    "restarts": lambda e: (1 + math.cos(math.pi * (e % 10) / 10)) / 2,
    "chain": lambda e: (0.1 if e < 20 else 1) * 0.95**e,
    "warm_up": lambda e: 0.1 + 0.9 * e / 10 if e < 10 else 0.01 + 0.99 * (1 + math.cos(math.pi * (e - 10) / 50)) / 2,
    "one_cycle": lambda e: (
        1 - 0.96 * (1 + math.cos(math.pi * e / 17.3)) / 2
        if e <= 17.3
        else 4e-6 + (1 - 4e-6) * (1 + math.cos(math.pi * (e - 17.3) / (60 - 17.3))) / 2
    ),
    "cyclic": lambda e: 0.1 + 0.9 * (1 - abs(e % 10 - 5) / 5),
}


@pytest.mark.parametrize("name", CLOSED)
def test_the_steps_of_a_schedule_add_up_to_its_closed_form(name: str) -> None:
    found = run(SCHEDULES[name], tg)[0][:, 0]
    np.testing.assert_allclose(found, [0.1 * CLOSED[name](e) for e in range(EPOCHS + 1)], rtol=1e-12, atol=1e-15)


def test_the_momentum_moves_against_the_learning_rate() -> None:
    rates = run(lambda s, o: s.CyclicLR(o, 0.0, 1.0, 5), tg)[0]
    np.testing.assert_allclose(rates[:, 1], 0.9 - 0.1 * rates[:, 0], rtol=1e-12)
    adam = optimizer_of(tg, "Adam")
    S.OneCycleLR(adam, 0.1, 10)
    assert adam.param_groups[0]["betas"] == (0.95, 0.999)


def test_chained_schedules_multiply_and_leave_one_anothers_factors_alone() -> None:
    both = run(SCHEDULES["chain"], tg)[0][:, 0]
    first = run(lambda s, o: s.ConstantLR(o, 0.1, 20), tg)[0][:, 0]
    second = run(lambda s, o: s.ExponentialLR(o, 0.95), tg)[0][:, 0]
    np.testing.assert_allclose(both, first * second / 0.1, rtol=1e-12)


def test_compositions_start_anew_wherever_they_stand_in_a_sequence() -> None:
    def make(s: Any, o: Any) -> Any:
        chain = s.ChainedScheduler([s.ExponentialLR(o, 0.5), s.LinearLR(o, 0.5, total_iters=1)])
        inner = s.SequentialLR(o, [s.ConstantLR(o, 0.25, 9), chain], [2])
        return s.SequentialLR(o, [s.ChainedScheduler([s.ExponentialLR(o, 0.5), s.StepLR(o, 2)]), inner], [3])

    rates = run(make, tg, epochs=8)[0][:, 0]
    wanted = [1, 0.5, 0.025, 0.25, 0.25, 0.5, 0.5, 0.25, 0.125]
    np.testing.assert_allclose(rates, 0.1 * np.array(wanted), rtol=1e-12)
    found, same = resumed(make, 6)
    assert found.tolist() == same.tolist()


def test_a_constant_factor_of_zero_ends_too() -> None:
    rates = run(lambda s, o: s.ConstantLR(o, 0.0, 3), tg, epochs=5)[0][:, 0]
    assert rates.tolist() == [0.0, 0.0, 0.0, 0.1, 0.1, 0.1]


def test_warm_restarts_go_to_fractions_of_epochs_and_restart_exactly() -> None:
    optimizer = optimizer_of(tg)
    scheduler = S.CosineAnnealingWarmRestarts(optimizer, 1, 3)
    for epoch in (0.25, 0.5, 1, 2.5, 4, 13, 40, 121, 364, 20.5):
        scheduler.step(epoch)
        start = max(s for s in (0, 1, 4, 13, 40, 121, 364) if s <= epoch)
        length = 2 * start + 1
        assert (scheduler.T_cur, scheduler.T_i) == (epoch - start, length)
        wanted = 0.1 * (1 + math.cos(math.pi * (epoch - start) / length)) / 2
        assert optimizer.param_groups[0]["lr"] == pytest.approx(wanted, rel=1e-12)
    scheduler.step()
    assert (scheduler.last_epoch, scheduler.T_cur) == (21, 8.5)


def test_fractions_of_epochs_are_pytorchs() -> None:
    torch = pytest.importorskip("torch", reason=WITHOUT_TORCH)
    for multiple in (1, 2):
        ours, theirs = (
            lib.optim.lr_scheduler.CosineAnnealingWarmRestarts(optimizer_of(lib), 5, multiple) for lib in (tg, torch)
        )
        for k in range(EPOCHS):
            ours.step(k / 3)
            theirs.step(k / 3)
            assert ours.get_last_lr() == pytest.approx(theirs.get_last_lr(), rel=1e-12, abs=1e-15)


def test_a_users_schedule_needs_get_lr_only() -> None:
    class Square(LRScheduler):
        def __init__(self, optimizer: Any, scale: float, last_epoch: int = -1) -> None:
            self.scale = scale
            super().__init__(optimizer, last_epoch)

        def get_lr(self) -> list[float]:
            return [base * self.scale / (1 + self.last_epoch) ** 2 for base in self.base_lrs]

    rates, scheduler, optimizer = run(lambda s, o: Square(o, 2.0), tg, epochs=3)
    assert rates[:, 0].tolist() == [0.2, 0.05, 0.2 / 9, 0.0125]
    assert scheduler.base_lrs == [0.1, 0.02]
    assert [g["initial_lr"] for g in optimizer.param_groups] == [0.1, 0.02]
    assert S._LRScheduler is LRScheduler
    with pytest.raises(NotImplementedError):
        LRScheduler(optimizer)


def test_the_next_step_of_the_optimizer_uses_the_new_rate() -> None:
    w = tg.tensor([1.0], dtype=tg.float64, requires_grad=True)
    optimizer = optim.SGD([w], lr=0.5)
    scheduler = S.StepLR(optimizer, 1, gamma=0.5)
    steps = []
    for _ in range(3):
        before = w.item()
        w.grad = tg.ones(1, dtype=tg.float64)
        optimizer.step()
        scheduler.step()
        steps.append(before - w.item())
    assert steps == [0.5, 0.25, 0.125]


# --- state ------------------------------------------------------------------------------------------------------------


def resumed(make: Make, at: int, metrics: list[float] | None = None) -> tuple[np.ndarray, np.ndarray]:
    """The rows of an uninterrupted run from epoch `at` on, and of a new pair that was given the state of then."""
    _, scheduler, optimizer = run(make, tg, epochs=at, metrics=metrics)
    state = copy.deepcopy(scheduler.state_dict())
    groups = [{k: v for k, v in g.items() if k != "params"} for g in optimizer.param_groups]
    other = optimizer_of(tg)
    again = make(S, other)
    for group, values in zip(other.param_groups, copy.deepcopy(groups), strict=True):
        group.update(values)
    again.load_state_dict(state)
    rows: tuple[list[Any], list[Any]] = ([], [])
    for k in range(at, EPOCHS):
        for row, s, o in ((rows[0], scheduler, optimizer), (rows[1], again, other)):
            o.step()
            s.step(*([] if metrics is None else [metrics[k]]))
            row.append(seen(s, o))
    return np.array(rows[0]), np.array(rows[1])


@pytest.mark.parametrize("at", [1, 23])
@pytest.mark.parametrize("name", SCHEDULES)
def test_a_schedule_goes_on_from_its_state_exactly(name: str, at: int) -> None:
    wanted, found = resumed(SCHEDULES[name], at)
    assert wanted.tolist() == found.tolist()


@pytest.mark.parametrize("name", PLATEAUS)
def test_the_plateau_schedule_goes_on_from_its_state_exactly(name: str) -> None:
    wanted, found = resumed(lambda s, o: s.ReduceLROnPlateau(o, **PLATEAUS[name]), 17, METRICS)
    assert wanted.tolist() == found.tolist()


def test_a_schedule_goes_on_from_the_last_epoch_that_it_is_given() -> None:
    whole = run(SCHEDULES["cosine_floor"], tg, epochs=20)[0][:, 0]
    optimizer = optimizer_of(tg)
    for group in optimizer.param_groups:
        group["initial_lr"] = group["lr"]
    optimizer.param_groups[0]["lr"] = whole[8]
    scheduler = S.CosineAnnealingLR(optimizer, 13, 1e-3, last_epoch=7)
    for wanted in whole[9:]:
        optimizer.step()
        scheduler.step()
        assert optimizer.param_groups[0]["lr"] == pytest.approx(wanted, rel=1e-12)


def test_a_state_is_not_changed_by_loading_it_and_holds_no_functions() -> None:
    for make in (SCHEDULES["lambda_object"], SCHEDULES["cyclic_function"], SCHEDULES["sequence"]):
        state = run(make, tg, epochs=3)[1].state_dict()
        before = copy.deepcopy(state)
        run(make, tg, epochs=1)[1].load_state_dict(state)
        assert state == before
    warm = Warm(0.1)
    scheduler = S.LambdaLR(optimizer_of(tg), warm)
    assert scheduler.state_dict()["lr_lambdas"] == [{"pace": 0.1}] * 2
    scheduler.load_state_dict({**scheduler.state_dict(), "lr_lambdas": [{"pace": 0.3}, None]})
    assert warm.pace == 0.3
    cyclic = S.CyclicLR(optimizer_of(tg), 0.1, 0.2, scale_fn=warm)
    cyclic.load_state_dict({**cyclic.state_dict(), "_scale_fn_custom": {"pace": 0.7}})
    assert warm.pace == 0.7


# --- warnings and refusals --------------------------------------------------------------------------------------------


def heard(lib: Any, act: Callable[[Any, Any], Any]) -> list[str]:
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        act(lib.optim.lr_scheduler, optimizer_of(lib))
    return [str(w.message).split(".")[0] for w in caught if issubclass(w.category, UserWarning)]


def with_epoch(s: Any, o: Any) -> None:
    scheduler = s.StepLR(o, 3)
    o.step()
    scheduler.step(7)
    assert o.param_groups[0]["lr"] == pytest.approx(0.001, rel=1e-12)


def plateau_with_epoch(s: Any, o: Any) -> None:
    scheduler = s.ReduceLROnPlateau(o)
    scheduler.step(1.0, 7)
    assert scheduler.last_epoch == 7


WARNED: dict[str, tuple[Callable[[Any, Any], Any], list[str]]] = {
    "epoch": (with_epoch, ["The epoch parameter in `scheduler"]),
    "plateau_epoch": (plateau_with_epoch, ["The epoch parameter in `scheduler"]),
    "get_lr": (lambda s, o: s.ExponentialLR(o, 0.9).get_lr(), ["To get the last learning rate computed by the"]),
    "get_last_lr": (lambda s, o: s.ExponentialLR(o, 0.9).get_last_lr(), []),
    "plateau": (lambda s, o: s.ReduceLROnPlateau(o).step(1.0), []),
}


@pytest.mark.parametrize("name", WARNED)
def test_a_doubtful_call_is_warned_of_as_pytorch_does(name: str) -> None:
    act, wanted = WARNED[name]
    found = heard(tg, act)
    assert [text[: len(start)] for text, start in zip(found, wanted, strict=True)] == wanted
    torch = pytest.importorskip("torch", reason=WITHOUT_TORCH)
    assert [text[:30] for text in heard(torch, act)] == [text[:30] for text in found]


class Own(optim.Optimizer):
    """A user's optimiser, with a step of its own."""

    def __init__(self, params: Any, lr: float) -> None:
        super().__init__(params, {"lr": lr})

    def step(self, closure: Any = None) -> None:
        pass


@pytest.mark.parametrize("kind", [optim.SGD, optim.Adam, Own])
def test_a_step_before_that_of_the_optimizer_is_warned_of_once(kind: Any) -> None:
    optimizer = kind([tg.zeros(1, requires_grad=True)], lr=0.1)
    scheduler = S.StepLR(optimizer, 3)
    with pytest.warns(UserWarning, match=r"^Detected call of `lr_scheduler\.step\(\)` before `optimizer\.step\(\)`"):
        scheduler.step()
    scheduler.step()
    second = kind([tg.zeros(1, requires_grad=True)], lr=0.1)
    scheduler = S.StepLR(second, 3)
    second.step()
    scheduler.step()
    S.ExponentialLR(second, 0.9).step()
    assert not second._after, "the hook that waits for the first step goes with it"


def test_several_schedules_may_be_made_before_the_first_step() -> None:
    optimizer = optimizer_of(tg)
    S.SequentialLR(optimizer, [S.LinearLR(optimizer), S.StepLR(optimizer, 3)], [2])
    assert len(optimizer._after) == 1


def test_waiting_for_a_step_keeps_no_optimizer_alive() -> None:
    optimizer = optimizer_of(tg)
    scheduler = S.StepLR(optimizer, 3)
    gone = weakref.ref(optimizer)
    del optimizer, scheduler
    assert gone() is None


def parts_of_two(s: Any, o: Any) -> list[Any]:
    other = type(o)(
        [{"params": [p.detach().clone().requires_grad_()]} for g in o.param_groups for p in g["params"]], 0.1
    )
    return [s.StepLR(o, 2), s.StepLR(other, 2)]


REFUSED: dict[str, tuple[Make, type[Exception], str]] = {
    "no_optimizer": (lambda s, o: s.StepLR(3, 1), TypeError, "int is not an Optimizer"),
    "no_optimizer_to_cycle": (lambda s, o: s.CyclicLR(None, 1, 2), TypeError, "NoneType is not an Optimizer"),
    "no_optimizer_for_one_cycle": (lambda s, o: s.OneCycleLR([], 1, 2), TypeError, "list is not an Optimizer"),
    "no_optimizer_for_plateaus": (lambda s, o: s.ReduceLROnPlateau("o"), TypeError, "str is not an Optimizer"),
    "resume": (lambda s, o: s.StepLR(o, 1, last_epoch=4), KeyError, "'initial_lr' is not specified in param_groups[0]"),
    "lambdas": (lambda s, o: s.LambdaLR(o, [abs]), ValueError, "Expected 2 lr_lambdas, but got 1"),
    "multiplicative": (lambda s, o: s.MultiplicativeLR(o, [abs] * 3), ValueError, "Expected 2 lr_lambdas, but got 3"),
    "no_function": (lambda s, o: s.MultiplicativeLR(o, 0.9), TypeError, "should be a function, but got float"),
    "constant": (lambda s, o: s.ConstantLR(o, 1.5), ValueError, "Constant multiplicative factor expected"),
    "linear_start": (lambda s, o: s.LinearLR(o, 0), ValueError, "Starting multiplicative factor expected"),
    "linear_end": (lambda s, o: s.LinearLR(o, 1, -0.1), ValueError, "Ending multiplicative factor expected"),
    "restarts": (lambda s, o: s.CosineAnnealingWarmRestarts(o, 0), ValueError, "Expected positive integer T_0"),
    "restarts_half": (lambda s, o: s.CosineAnnealingWarmRestarts(o, 2.5), ValueError, "Expected positive integer T_0"),
    "multiple": (lambda s, o: s.CosineAnnealingWarmRestarts(o, 2, 0), ValueError, "Expected integer T_mult >= 1, but"),
    "floor": (lambda s, o: s.CosineAnnealingWarmRestarts(o, 2, 1, "0"), ValueError, "Expected float or int eta_min"),
    "negative": (
        lambda s, o: s.CosineAnnealingWarmRestarts(o, 2).step(-1), ValueError, "Expected non-negative epoch, but got -1"
    ),
    "cyclic_mode": (lambda s, o: s.CyclicLR(o, 1, 2, mode="square"), ValueError, "mode is invalid and scale_fn is"),
    "cyclic_lengths": (lambda s, o: s.CyclicLR(o, [1], 2), ValueError, "base_lr must have the same length as"),
    "cyclic_largest": (lambda s, o: s.CyclicLR(o, 1, [2] * 3), ValueError, "max_lr has 3 values, param_groups has 2"),
    "steps": (lambda s, o: s.OneCycleLR(o, 1), ValueError, "You must define either total_steps OR (epochs AND"),
    "no_steps": (lambda s, o: s.OneCycleLR(o, 1, 0), ValueError, "Expected positive integer total_steps, but got 0"),
    "epochs": (lambda s, o: s.OneCycleLR(o, 1, None, 0, 2), ValueError, "Expected positive integer epochs, but got 0"),
    "per_epoch": (lambda s, o: s.OneCycleLR(o, 1, None, 2, -1), ValueError, "Expected positive integer steps_per"),
    "part": (lambda s, o: s.OneCycleLR(o, 1, 9, pct_start=1.5), ValueError, "Expected float between 0 and 1 pct"),
    "strategy": (lambda s, o: s.OneCycleLR(o, 1, 9, anneal_strategy="x"), ValueError, "must be one of 'cos' or"),
    "sequence_empty": (lambda s, o: s.SequentialLR(o, [], []), ValueError, "expects at least one scheduler"),
    "sequence_type": (lambda s, o: s.SequentialLR(o, [3], []), TypeError, "at index 0 should have `optimizer` as its"),
    "sequence_milestones": (
        lambda s, o: s.SequentialLR(o, [s.StepLR(o, 2)], [3]), ValueError, "one more than the number of milestone"
    ),
    "sequence_plateau": (
        lambda s, o: s.SequentialLR(o, [s.ReduceLROnPlateau(o)], []), ValueError, "does not support `ReduceLROnPlateau`"
    ),
    "sequence_of_two": (
        lambda s, o: s.SequentialLR(o, parts_of_two(s, o), [3]), ValueError, "to belong to the same optimizer, but got"
    ),
    "chain_empty": (lambda s, o: s.ChainedScheduler([]), ValueError, "ChainedScheduler expects at least one scheduler"),
    "chain_plateau": (
        lambda s, o: s.ChainedScheduler([s.ReduceLROnPlateau(o)], o), ValueError, "does not support `ReduceLROnPlateau`"
    ),
    "chain_of_two": (
        lambda s, o: s.ChainedScheduler(parts_of_two(s, o)), ValueError, "to belong to the same optimizer, but got"
    ),
    "plateau_factor": (lambda s, o: s.ReduceLROnPlateau(o, factor=1.0), ValueError, "Factor should be < 1.0"),
    "plateau_mode": (lambda s, o: s.ReduceLROnPlateau(o, "mean"), ValueError, "mode mean is unknown!"),
    "plateau_threshold": (
        lambda s, o: s.ReduceLROnPlateau(o, threshold_mode="x"), ValueError, "threshold mode x is unknown!"
    ),
    "plateau_floors": (lambda s, o: s.ReduceLROnPlateau(o, min_lr=[0]), ValueError, "expected 2 min_lrs, got 1"),
}  # fmt: skip


@pytest.mark.parametrize("name", REFUSED)
def test_a_wrong_setting_is_refused_in_pytorchs_words(name: str) -> None:
    make, error, text = REFUSED[name]
    with pytest.raises(error) as caught:
        make(S, optimizer_of(tg))
    assert text in str(caught.value)


@pytest.mark.parametrize("name", REFUSED)
def test_pytorch_refuses_it_too_with_the_same_class_and_words(name: str) -> None:
    torch = pytest.importorskip("torch", reason=WITHOUT_TORCH)
    make, error, text = REFUSED[name]
    with pytest.raises(error) as caught:
        make(torch.optim.lr_scheduler, optimizer_of(torch))
    assert text in str(caught.value)


def test_more_steps_than_a_cycle_has_are_refused() -> None:
    optimizer = optimizer_of(tg)
    scheduler = S.OneCycleLR(optimizer, 0.1, total_steps=2)
    for _ in range(2):
        optimizer.step()
        scheduler.step()
    with pytest.raises(ValueError, match=r"Tried to step 3 times\. The specified number of total steps is 2"):
        scheduler.step()


def test_momentum_is_cycled_only_where_there_is_one() -> None:
    plain_one = optim.Adagrad([tg.zeros(1, requires_grad=True)])
    for make in (lambda: S.CyclicLR(plain_one, 0.1, 0.2), lambda: S.OneCycleLR(plain_one, 0.1, 10)):
        with pytest.raises(ValueError, match="optimizer must support momentum or beta1 with `cycle_momentum` option"):
            make()
    S.OneCycleLR(plain_one, 0.1, 10, cycle_momentum=False)


def test_a_group_that_came_later_has_the_common_floor_or_is_refused() -> None:
    def late(**settings: Any) -> tuple[Any, Any]:
        optimizer = optimizer_of(tg)
        scheduler = S.ReduceLROnPlateau(optimizer, patience=0, factor=0.5, **settings)
        optimizer.add_param_group({"params": [tg.zeros(1, requires_grad=True)], "lr": 1.0})
        scheduler.step(1.0)
        return optimizer, scheduler

    optimizer, scheduler = late()
    scheduler.step(1.0)
    assert [g["lr"] for g in optimizer.param_groups] == [0.05, 0.01, 0.5]
    _, scheduler = late(min_lr=[0.0, 0.0])
    with pytest.raises(RuntimeError, match="modify the `min_lrs` field to match the length"):
        scheduler.step(1.0)


def test_the_metric_may_be_a_tensor_and_a_nan_is_no_progress() -> None:
    optimizer = optimizer_of(tg)
    scheduler = S.ReduceLROnPlateau(optimizer, patience=0, factor=0.5)
    scheduler.step(tg.tensor(2.0, requires_grad=True))
    assert scheduler.best == 2.0
    scheduler.step(tg.tensor(math.nan))
    assert (scheduler.best, optimizer.param_groups[0]["lr"]) == (2.0, 0.05)


def test_a_state_stays_as_it_was_when_the_schedule_goes_on() -> None:
    for name in ("sequence", "one_cycle", "multistep"):
        _, scheduler, optimizer = run(SCHEDULES[name], tg, epochs=3)
        state = scheduler.state_dict()
        before = copy.deepcopy(state)
        optimizer.step()
        scheduler.step()
        assert state == before
        assert scheduler.state_dict() != before


def test_a_cycle_without_a_first_phase_starts_at_its_top() -> None:
    rates = run(lambda s, o: s.OneCycleLR(o, 0.1, 10, pct_start=0.1), tg, epochs=2)[0][:, 0]
    assert rates[0] == 0.1
    assert rates[2] < rates[1] < rates[0]


@pytest.mark.parametrize("name", ["warm_up", "sequence", "sequence_of_cycles", "chain_in_sequence"])
@pytest.mark.parametrize("epoch", [0, 4, 15, 25])
def test_a_sequence_resumed_at_an_epoch_goes_on_like_one_that_never_stopped(name: str, epoch: int) -> None:
    optimizer = optimizer_of(tg)
    schedule = SCHEDULES[name](S, optimizer)
    for _ in range(epoch):
        optimizer.step()
        schedule.step()
    again = optimizer_of(tg)

    class Resumed(S.SequentialLR):
        def __init__(self, *args: Any) -> None:
            super().__init__(*args, last_epoch=epoch)

    names = SimpleNamespace(**{**vars(S), "SequentialLR": Resumed})
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        resumed = SCHEDULES[name](names, again)
    for _ in range(8):
        assert resumed.last_epoch == schedule.last_epoch
        assert resumed.get_last_lr() == schedule.get_last_lr()
        assert [g["lr"] for g in again.param_groups] == [g["lr"] for g in optimizer.param_groups]
        for o, s in ((optimizer, schedule), (again, resumed)):
            o.step()
            s.step()
