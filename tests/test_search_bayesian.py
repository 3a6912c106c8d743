"""Bayesian optimisation: the process against its formulas, its gradients, hard data, and what the sampler finds."""

from __future__ import annotations

import math

import numpy as np
import pytest

import tensorgrad as tg
from tensorgrad import search
from tensorgrad.errors import ArgumentError, ShapeError
from tensorgrad.search.bayesian import tamed
from tensorgrad.search.gaussian import KERNELS, covariance, log_expected_improvement, most_promising
from tensorgrad.testing import gradcheck

optuna = pytest.importorskip("optuna", reason="optuna is not installed: pip install optuna")

RNG = np.random.default_rng(0)
X = RNG.random((12, 2))
Y = np.sin(5 * X[:, 0]) + 0.01 * RNG.normal(size=12)


def double(array):
    return tg.tensor(array, dtype=tg.float64)


@pytest.mark.parametrize(
    ("kernel", "formula"),
    [
        ("rbf", lambda r: math.exp(-(r**2) / 2)),
        ("matern52", lambda r: (1 + math.sqrt(5) * r + 5 * r * r / 3) * math.exp(-math.sqrt(5) * r)),
    ],
)
def test_the_kernel_is_its_formula(kernel: str, formula) -> None:
    found = covariance(kernel, double(X), double(X)).numpy()
    expected = [[formula(float(np.linalg.norm(a - b))) for b in X] for a in X]
    np.testing.assert_allclose(found, expected, atol=1e-11)


@pytest.mark.parametrize("kernel", KERNELS)
def test_prediction_and_likelihood_are_those_of_the_normal_distribution(kernel: str) -> None:
    process = search.GaussianProcess(kernel).fit(X, Y)
    at = RNG.random((5, 2))
    mean, deviation = process.predict(double(at))
    lengths, scale, noise = process.lengths.numpy(), process.scale.item(), process.noise.item()

    def k(a, b):
        return scale * covariance(kernel, double(a / lengths), double(b / lengths)).numpy()

    among, across = k(X, X) + noise * np.eye(12), k(X, at)
    y = (Y - Y.mean()) / Y.std()
    np.testing.assert_allclose(mean.numpy(), across.T @ np.linalg.solve(among, y) * Y.std() + Y.mean(), rtol=1e-8)
    left = scale - np.sum(across * np.linalg.solve(among, across), 0)
    np.testing.assert_allclose(deviation.numpy(), np.sqrt(left) * Y.std(), rtol=1e-6)

    here, there = (process.loss(double(place)).item() for place in (np.zeros(4), np.full(4, 0.1)))
    assert math.isfinite(here)
    assert here != there


@pytest.mark.parametrize("kernel", KERNELS)
def test_likelihood_and_improvement_have_the_right_gradients(kernel: str) -> None:
    process = search.GaussianProcess(kernel).fit(X, Y)
    place = double(RNG.normal(size=4)).requires_grad_()
    assert gradcheck(process.loss, (place,))
    at = double(RNG.random((3, 2))).requires_grad_()
    assert gradcheck(lambda x: log_expected_improvement(*process.predict(x), -0.9), (at,))


def test_the_fit_is_at_a_top_of_the_likelihood() -> None:
    process = search.GaussianProcess(starts=1)
    process.fit(X, Y)
    loss, place = process._ascended(np.zeros(4))
    w = double(place).requires_grad_()
    process.loss(w).backward()
    assert float(w.grad.abs().max()) < 1e-2
    assert loss < process.loss(double(np.zeros(4))).item()


def test_a_coordinate_that_does_not_matter_gets_a_great_length() -> None:
    lengths = search.GaussianProcess().fit(X, Y).lengths
    assert lengths[1].item() > 3 * lengths[0].item()


def test_the_expected_improvement_is_that_of_samples_and_its_tail_is_smooth() -> None:
    draws = np.random.default_rng(1).normal(size=400_000)
    for mean, deviation in ((0.0, 1.0), (1.0, 0.5), (-0.5, 2.0)):
        expected = np.maximum(0.3 - (mean + deviation * draws), 0).mean()
        found = log_expected_improvement(double([mean]), double([deviation]), 0.3).exp().item()
        assert found == pytest.approx(expected, rel=0.01)
    z = double(np.linspace(-40, 3, 2000))
    told = log_expected_improvement(-z, tg.ones_like(z), 0.0).numpy()
    steps = np.diff(told)
    assert np.isfinite(told).all()
    assert (steps > 0).all()
    assert np.abs(np.diff(steps)).max() < 1e-3  # no jump where the series takes over


HARD = {
    "one row": (np.zeros((1, 2)), np.zeros(1)),
    "the same value": (X, np.full(12, 3.0)),
    "the same place": (np.tile(X[:1], (12, 1)), Y),
    "the same twice": (np.concatenate([X, X]), np.concatenate([Y, Y])),
    "great values": (X, 1e12 * Y),
    "tiny differences": (X, 1.0 + 1e-14 * Y),
    "an outlier": (X, np.where(np.arange(12) == 3, 1e6, Y)),
    "many": (np.random.default_rng(2).random((150, 2)) * 0.01, np.random.default_rng(3).normal(size=150)),
}


@pytest.mark.parametrize("kernel", KERNELS)
@pytest.mark.parametrize("data", HARD.values(), ids=HARD)
def test_hard_data_give_finite_predictions_and_a_place_in_the_cube(data, kernel: str) -> None:
    x, y = data
    process = search.GaussianProcess(kernel).fit(x, y)
    mean, deviation = process.predict(double(X))
    assert np.isfinite(mean.numpy()).all()
    assert (deviation.numpy() >= 0).all()
    place = most_promising(process, float(y.min()), np.concatenate([X, [[0.0, 1.0]]]))
    assert ((place >= 0) & (place <= 1)).all()


def test_losses_without_a_number_count_as_the_worst_and_running_trials_as_the_mean() -> None:
    losses = np.array([1.0, 2.0, math.nan, math.inf, 1e9, 1.5, math.nan])
    y = tamed(losses, np.array([False] * 6 + [True]))
    assert np.isfinite(y).all()
    assert y[0] == y.min() == 1.0
    assert y[2] == y[3] == y[4] == y.max()
    assert y[6] == pytest.approx(y[:6].mean())


def objective(trial, train, valid):
    p = trial.params
    if p["lr"] > 0.05:  # training diverges
        return math.nan
    return (math.log10(p["lr"]) + 2.3) ** 2 + 0.1 * (p["layers"] - 4) ** 2 + (p["kind"] != "relu")


SPACE = {
    "lr": search.log_uniform(1e-6, 1e-1),
    "layers": search.integers(1, 8),
    "kind": search.choice("relu", "tanh", "sigmoid"),
}


def test_it_finds_more_than_random_search_in_as_many_trials() -> None:
    data = (np.arange(10.0),)
    found = {}
    for sampler in ("random", "gp"):
        runs = [
            search.Search(objective, SPACE, data, direction="minimize", sampler=sampler, seed=seed) for seed in range(3)
        ]
        found[sampler] = [run.run(24, progress=False) for run in runs]
    best = {sampler: np.median([run[0].value for run in runs]) for sampler, runs in found.items()}
    assert best["gp"] < 0.05
    assert best["gp"] < best["random"] / 3
    again = search.Search(objective, SPACE, data, direction="minimize", sampler="gp", seed=0).run(12, progress=False)
    params = {o.slot: o.params for o in found["gp"][0]}
    assert all(o.params == params[o.slot] for o in again)


def test_the_sampler_serves_a_study_of_optunas() -> None:
    optuna.logging.set_verbosity(optuna.logging.WARNING)
    study = optuna.create_study(
        sampler=search.GPSampler({"x": search.uniform(-3, 3)}, 0, startup=4), direction="maximize"
    )
    study.optimize(lambda trial: -((trial.suggest_float("x", -3.0, 3.0) - 1) ** 2), n_trials=15)
    assert abs(study.best_params["x"] - 1) < 0.05


def test_wrong_data_and_kernels_are_told() -> None:
    with pytest.raises(ArgumentError, match="there are matern52, rbf"):
        search.GaussianProcess("linear")
    with pytest.raises(ShapeError, match="expected"):
        search.GaussianProcess().fit(X, Y[1:])
    with pytest.raises(ArgumentError, match="not finite"):
        search.GaussianProcess().fit(X, np.where(Y[0] == Y, np.nan, Y))
