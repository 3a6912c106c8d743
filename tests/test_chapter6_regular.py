"""The experiments on regularisation: what they measure, and that their verdicts can fail."""

from __future__ import annotations

import json
from importlib.util import find_spec

import numpy as np
import pytest

import tensorgrad as tg
from tensorgrad import nn
from tensorgrad.chapter6 import dropout, loss_surface, optimizers, weight_decay
from tensorgrad.chapter6.network import MultiLayerNet
from tensorgrad.chapter6.run import Images, Run, Settings, perform

plots = pytest.mark.skipif(find_spec("matplotlib") is None, reason="matplotlib is not installed: no figure")


def images(n: int = 20) -> Images:
    rng = np.random.default_rng(0)
    return Images(tg.tensor(rng.random((n, 64)), dtype=tg.float32), tg.tensor(rng.integers(0, 10, n)))


def test_every_unit_moves_as_far_as_its_weights_are_long_and_biases_stay() -> None:
    net = MultiLayerNet(64, 2)
    for p, d in zip(net.parameters(), loss_surface.direction(net), strict=True):
        if p.ndim == 2:
            lengths = [np.linalg.norm(a.detach().numpy(), axis=1) for a in (p, d)]
            np.testing.assert_allclose(*lengths, rtol=1e-5, equal_nan=False)
        else:
            assert not d.any()


def test_the_surface_has_the_loss_in_its_middle_and_leaves_the_network_as_it_was() -> None:
    net, data = MultiLayerNet(64, 2), images()
    before = [p.detach().clone() for p in net.parameters()]
    losses = loss_surface.surface(net, data)
    middle = loss_surface.POINTS // 2
    loss = nn.functional.cross_entropy(net(data.x), data.y).item()
    np.testing.assert_allclose(losses[middle, middle], loss, rtol=1e-5, equal_nan=False)
    assert np.ptp(losses) > 0.1
    assert all(np.array_equal(p.detach().numpy(), w.numpy()) for p, w in zip(net.parameters(), before, strict=True))


def course(train: float, test: float) -> dict[str, list[float]]:
    return {"train_accuracy": [0.1] * 50 + [train] * 20, "test_accuracy": [0.1] * 50 + [test] * 20}


@pytest.mark.parametrize(
    ("courses", "passed"),
    [
        (((1.0, 0.75), (0.9, 0.7), (0.7, 0.6)), [True, True, True, True]),
        (((0.9, 0.75), (0.9, 0.7), (0.7, 0.6)), [False, False, True, True]),
        (((1.0, 0.75), (0.9, 0.6), (0.95, 0.6)), [True, False, False, False]),
    ],
)
def test_the_verdicts_on_dropout_follow_from_the_accuracies(tmp_path, courses, passed) -> None:
    run = Run("dropout", Settings("mnist"), tmp_path)
    dropout.conclude(run, dict(zip(dropout.RATIOS, (course(*pair) for pair in courses), strict=True)))
    assert [verdict.passed for verdict in run.verdicts] == passed
    assert run.passed == all(passed)


def test_the_gap_is_that_of_the_last_epochs() -> None:
    assert weight_decay.final(course(0.9, 0.7)) == (pytest.approx(0.9), pytest.approx(0.7))
    assert weight_decay.gap(course(0.9, 0.7)) == pytest.approx(0.2)


@plots
def test_the_experiment_on_dropout_draws_the_mask_and_the_courses(tmp_path, monkeypatch) -> None:
    monkeypatch.setattr(dropout, "EPOCHS", 3)
    perform("dropout", dropout.experiment, Settings(), tmp_path)
    found = json.loads((tmp_path / "result.json").read_text("utf-8"))
    assert [figure["number"] for figure in found["figures"]] == ["6-22", "6-23"]
    assert {len(c["train_accuracy"]) for c in found["numbers"]["courses"].values()} == {3}
    assert "mask" in (tmp_path / "figure-6-22.svg").read_text("utf-8")


@plots
@pytest.mark.slow
def test_decay_and_batchnorm_make_the_bowl_flatter(tmp_path, monkeypatch) -> None:
    monkeypatch.setattr(loss_surface, "POINTS", 7)
    perform("loss_surface", loss_surface.experiment, Settings(), tmp_path)
    assert json.loads((tmp_path / "result.json").read_text("utf-8"))["passed"]


@plots
def test_what_is_compared_has_one_scale_and_its_lines_are_named_in_words(tmp_path, monkeypatch) -> None:
    drawn = {}
    monkeypatch.setattr(Run, "figure", lambda self, number, figure, *_: drawn.update({number: figure}))
    monkeypatch.setattr(optimizers, "ITERATIONS", 40)
    for module in (weight_decay, dropout):
        monkeypatch.setattr(module, "EPOCHS", 3)
    for module in (weight_decay, dropout, optimizers):
        perform("compared", module.experiment, Settings(), tmp_path)
    compared = [axes for number in ("6-20", "6-21", "6-23") for axes in drawn[number].axes]
    assert len(compared) == 5
    assert {axes.get_ylim() for axes in compared} == {(0, 1.02)}
    assert {(axes.get_xlabel(), axes.get_ylabel()) for axes in compared} == {("epoch", "accuracy")}
    (losses,) = drawn["6-9"].axes
    assert (losses.get_xlabel(), losses.get_ylabel(), losses.get_yscale()) == ("iteration", "loss", "log")
    named = {number: figure.legends[0].get_texts() for number, figure in drawn.items() if number != "6-22"}
    legends = {number: [text.get_text() for text in texts] for number, texts in named.items()}
    assert legends.pop("6-9") == ["SGD", "Momentum", "AdaGrad", "Adam", "pale: as measured"]
    assert set(map(tuple, legends.values())) == {("train", "test")}
