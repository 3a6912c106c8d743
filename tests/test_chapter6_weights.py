"""The chapter's experiments on initial weights and BatchNorm: numbers, figures, and verdicts that can fail."""

from __future__ import annotations

import json
from functools import partial
from unittest.mock import MagicMock

import numpy as np
import pytest

import tensorgrad as tg
from tensorgrad import nn, viz
from tensorgrad.chapter6 import (
    activations,
    batchnorm,
    batchnorm_graph,
    initial_values,
    relu_activations,
    xavier,
)
from tensorgrad.chapter6.network import MultiLayerNet
from tensorgrad.chapter6.run import Run, Settings, perform

pytest.importorskip("matplotlib", reason="the chapter's figures are drawn where matplotlib is installed")

FIGURES = {
    activations: ["6-10", "6-11", "6-13", "6-10-gradients"],
    xavier: ["6-12", "6-12-definitions"],
    relu_activations: ["6-14", "6-14-spread"],
    batchnorm_graph: ["6-16", "6-17", "6-17-live", "6-17-values"],
    initial_values: ["6-15"],
    batchnorm: ["6-18", "6-19"],
}
FEW_SCALES = np.logspace(0, -4, 16)[[4, 6, 8, 10, 12]]


def name_of(module) -> str:
    return module.__name__.rpartition(".")[2]


def run_of(module, folder, **settings):
    return perform(name_of(module), module.experiment, Settings(**settings), folder)


def failed(run) -> list[str]:
    return [verdict.statement.en for verdict in run.verdicts if not verdict.passed]


@pytest.fixture
def few_steps(monkeypatch) -> None:
    monkeypatch.setattr(initial_values, "STEPS", 600)
    monkeypatch.setattr(batchnorm, "SCALES", FEW_SCALES)
    monkeypatch.setattr(batchnorm, "EPOCHS", 5)


@pytest.fixture
def without_figures(monkeypatch) -> None:
    """Leave out what takes most of the time."""
    for plot in ("plot_activations", "plot_curves"):
        monkeypatch.setattr(viz, plot, MagicMock())
    monkeypatch.setattr(batchnorm, "panels", MagicMock())
    monkeypatch.setattr(Run, "figure", MagicMock())


@pytest.mark.parametrize("module", FIGURES, ids=name_of)
def test_the_conclusions_hold_on_the_digits_with_all_figures(module, few_steps, tmp_path) -> None:
    run = run_of(module, tmp_path)
    assert run.verdicts
    assert not failed(run)
    assert [figure.number for figure in run.figures] == FIGURES[module]
    written = {path.name for path in tmp_path.iterdir()}
    assert written == {"result.json", *(file for figure in run.figures for file in figure.files)}
    result = json.loads((tmp_path / "result.json").read_text("utf-8"))
    assert result["passed"]
    assert result["numbers"]


@pytest.mark.parametrize("module", [activations, xavier, relu_activations, batchnorm], ids=name_of)
def test_the_conclusions_hold_from_another_seed(module, few_steps, without_figures, tmp_path) -> None:
    assert not failed(run_of(module, tmp_path, seed=1))


@pytest.mark.parametrize("module", [initial_values, batchnorm], ids=name_of)
def test_the_conclusions_hold_on_mnist(module, few_steps, without_figures, mnist_dir, tmp_path) -> None:
    assert not failed(run_of(module, tmp_path, data="mnist", mnist_dir=str(mnist_dir)))


def test_the_same_seed_gives_the_same_numbers_and_another_seed_others(without_figures, tmp_path) -> None:
    first, again, other = (run_of(activations, tmp_path / str(i), seed=s).numbers for i, s in enumerate([0, 0, 1]))
    assert first == again
    assert first != other


@pytest.mark.parametrize("std", [1.0, 0.01, 0.1])
def test_activations_and_gradients_are_those_of_the_formulas(std) -> None:
    tg.manual_seed(3)
    x, dout = tg.randn(50, 100, dtype=tg.float64), tg.randn(50, 100, dtype=tg.float64)
    tg.manual_seed(4)
    found = activations.there_and_back(x, dout, std)
    tg.manual_seed(4)
    weights = [(tg.randn(100, 100) * std).numpy().astype(np.float64) for _ in range(activations.LAYERS)]
    y, layers = x.numpy(), []
    for w in weights:
        y = 1 / (1 + np.exp(-(y @ w)))
        layers.append(y)
    gradients = [dout.numpy()]
    for y, w in zip(layers[:0:-1], weights[:0:-1], strict=True):
        gradients.insert(0, (gradients[0] * y * (1 - y)) @ w.T)
    for got, want in ((found.activations, layers), (found.gradients, gradients)):
        for one, other in zip(got.values(), want, strict=True):
            np.testing.assert_allclose(one, other, rtol=1e-9, atol=1e-12 * abs(other).max())


def test_the_std_of_the_relu_layers_is_recorded_with_their_histograms(without_figures, tmp_path) -> None:
    numbers = run_of(relu_activations, tmp_path).numbers
    for name in ("std 0.01", "Xavier", "He"):
        assert len(numbers["std"][name]) == relu_activations.LAYERS
        assert all(len(counts) == 30 and sum(counts) <= 100_000 for counts in numbers["histograms"][name])


@pytest.mark.parametrize(
    ("module", "name", "value", "lost"),
    [
        (activations, "STDS", {"std 1": 0.1, "std 0.01": 0.01, "Xavier": 0.1}, "std 1: the activations"),
        (activations, "STDS", {"std 1": 1.0, "std 0.01": 0.3, "Xavier": 0.1}, "std 0.01: the activations"),
        (activations, "STDS", {"std 1": 1.0, "std 0.01": 0.01, "Xavier": 0.01}, "Xavier: spread"),
        (activations, "STDS", {"std 1": 0.1, "std 0.01": 0.01, "Xavier": 0.1}, "std 1: most units"),
        (activations, "STDS", {"std 1": 1.0, "std 0.01": 0.1, "Xavier": 0.1}, "Beyond the book"),
        (xavier, "DEFINITIONS", {"a": "pytorch", "b": "pytorch"}, "Beyond the book"),
        (relu_activations, "STDS", {"std 0.01": 0.01, "Xavier": 0.1, "He": 0.1}, "He keeps"),
        (relu_activations, "STDS", {"std 0.01": 0.1, "Xavier": 0.1, "He": 0.14}, "std 0.01 collapses"),
        (relu_activations, "STDS", {"std 0.01": 0.01, "Xavier": 0.14, "He": 0.14}, "Xavier loses"),
    ],
)
def test_a_verdict_fails_where_the_weights_are_others(
    module, name, value, lost, without_figures, monkeypatch, tmp_path
) -> None:
    monkeypatch.setattr(module, name, value)
    assert any(statement.startswith(lost) for statement in failed(run_of(module, tmp_path)))


def test_sums_under_other_weights_do_not_keep_their_spread(without_figures, monkeypatch, tmp_path) -> None:
    monkeypatch.setattr(xavier.nn.init, "xavier_normal_", lambda w, convention: w.normal_(0, 0.05))
    assert any(statement.startswith("Weights of std") for statement in failed(run_of(xavier, tmp_path)))


def test_each_verdict_on_learning_fails_where_the_weights_are_others(
    few_steps, without_figures, monkeypatch, tmp_path
) -> None:
    monkeypatch.setattr(initial_values, "STDS", {"std 0.01": "he", "Xavier": "he", "He": 0.01})
    assert len(failed(run_of(initial_values, tmp_path))) == 3


def test_nobody_is_ahead_where_nobody_learns(few_steps, without_figures, monkeypatch, tmp_path) -> None:
    monkeypatch.setattr(batchnorm, "LR", 0.0)
    assert len(failed(run_of(batchnorm, tmp_path))) == 2


def test_the_books_batchnorm_which_divides_by_the_root_has_another_graph(monkeypatch, tmp_path) -> None:
    monkeypatch.setattr(nn, "BatchNorm1d", partial(nn.BatchNorm1d, convention="book"))
    (told,) = [v for v in run_of(batchnorm_graph, tmp_path).verdicts if not v.passed]
    assert told.measured == "11 nodes, 13 + 13 edges"


class Behind(MultiLayerNet):
    """The network with each BatchNorm behind the activation."""

    def __init__(self, *args, **settings) -> None:
        super().__init__(*args, **settings)
        layers = list(self.layers)
        for i in range(1, len(layers) - 1, 3):
            layers[i], layers[i + 1] = layers[i + 1], layers[i]
        self.layers = nn.Sequential(*layers)


def test_a_batchnorm_behind_the_activation_is_told_apart(monkeypatch, tmp_path) -> None:
    monkeypatch.setattr(batchnorm_graph, "MultiLayerNet", Behind)
    assert any(statement.startswith("BatchNorm stands") for statement in failed(run_of(batchnorm_graph, tmp_path)))


def test_what_diverges_gives_no_warning(without_figures, monkeypatch, tmp_path) -> None:
    monkeypatch.setattr(batchnorm, "SCALES", np.array([5.0]))
    monkeypatch.setattr(batchnorm, "SHOWN", 0)
    monkeypatch.setattr(batchnorm, "EPOCHS", 5)
    (pair,) = run_of(batchnorm, tmp_path).numbers["curves"].values()  # a warning is an error here
    assert max(pair["without"][1:]) < 0.2
