"""The first experiments of the chapter: the gradient field, the paths beside the formulas, and what is concluded."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from importlib.util import find_spec

import numpy as np
import pytest

from tensorgrad import optim
from tensorgrad.chapter6 import optimizers, paths, surface, weight_decay
from tensorgrad.chapter6.page import Outcome, page
from tensorgrad.chapter6.run import Run, Settings, perform

plots = pytest.mark.skipif(not find_spec("matplotlib"), reason="matplotlib is not installed: no figure")
Step = Callable[[np.ndarray, np.ndarray, dict], None]


def sgd(w: np.ndarray, g: np.ndarray, s: dict) -> None:
    w -= 0.95 * g


def momentum(w: np.ndarray, g: np.ndarray, s: dict) -> None:
    s["v"] = 0.9 * s.get("v", 0.0) - 0.1 * g
    w += s["v"]


def adagrad(w: np.ndarray, g: np.ndarray, s: dict) -> None:
    s["h"] = s.get("h", 0.0) + g * g
    w -= 1.5 * g / (np.sqrt(s["h"]) + 1e-7)


def adam(w: np.ndarray, g: np.ndarray, s: dict) -> None:
    s["t"] = s.get("t", 0) + 1
    s["m"] = s.get("m", np.zeros(2)) + (1 - 0.9) * (g - s.get("m", np.zeros(2)))
    s["v"] = s.get("v", np.zeros(2)) + (1 - 0.999) * (g**2 - s.get("v", np.zeros(2)))
    w -= 0.3 * np.sqrt(1.0 - 0.999 ** s["t"]) / (1.0 - 0.9 ** s["t"]) * s["m"] / (np.sqrt(s["v"]) + 1e-7)


def nesterov(w: np.ndarray, g: np.ndarray, s: dict) -> None:
    v = s.get("v", np.zeros(2))
    w += 0.9 * 0.9 * v
    w -= (1 + 0.9) * 0.1 * g
    s["v"] = 0.9 * v - 0.1 * g


def rmsprop(w: np.ndarray, g: np.ndarray, s: dict) -> None:
    s["h"] = 0.99 * s.get("h", np.zeros(2)) + (1 - 0.99) * g * g
    w -= 0.3 * g / (np.sqrt(s["h"]) + 1e-7)


FORMULAS: dict[str, Step] = {
    "SGD": sgd,
    "Momentum": momentum,
    "AdaGrad": adagrad,
    "Adam": adam,
    "Nesterov": nesterov,
    "RMSprop": rmsprop,
}
OTHERS = {  # which the book's code has and its figures leave out
    "Nesterov": lambda p: optim.SGD(p, lr=0.1, momentum=0.9, nesterov=True, convention="book"),
    "RMSprop": lambda p: optim.RMSprop(p, lr=0.3, convention="book"),
}


@pytest.mark.parametrize("name", FORMULAS)
def test_a_path_is_that_of_the_formula_bit_for_bit(name) -> None:
    w, state, expected = np.array(paths.START), {}, []
    for _ in range(paths.STEPS):
        expected.append(w.copy())
        g = np.array([1 / 20 * (2 * w[0]), 2 * w[1]])  # the chain rule of x²/20; x/10 is rounded otherwise
        FORMULAS[name](w, g, state)
    assert np.array_equal(paths.path_of((paths.OPTIMIZERS | OTHERS)[name]), np.array(expected))


def result(experiment, folder, **settings) -> dict:
    perform("tested", experiment, Settings(**settings), folder)
    return json.loads((folder / "result.json").read_text("utf-8"))


@plots
def test_the_paths_have_the_lengths_turns_and_ends_of_the_book(tmp_path) -> None:
    found = result(paths.experiment, tmp_path)
    numbers = found["numbers"]
    assert found["passed"]
    assert numbers["sign_changes_of_y"] == {"SGD": 29, "Momentum": 4, "AdaGrad": 0, "Adam": 2}
    lengths = {name: round(value, 1) for name, value in numbers["lengths"].items()}
    assert lengths == {"SGD": 36.8, "Momentum": 12.6, "AdaGrad": 7.6, "Adam": 8.2}
    last = {name: round(value, 4) for name, value in numbers["last_value"].items()}
    assert last == {"SGD": 0.0164, "Momentum": 0.1076, "AdaGrad": 0.0009, "Adam": 0.1037}
    assert [figure["number"] for figure in found["figures"]] == ["6-3", "6-5", "6-6", "6-7", "6-8"]
    assert all((tmp_path / file).is_file() for figure in found["figures"] for file in figure["files"])
    for language, target in (("en", ""), ("zh", "#zh")):
        shown = page([Outcome("paths", (), "", found, None)], language)
        assert re.findall('iframe src="(.*?)"', shown) == [
            f"paths/figure-{figure['number']}.html{target}" for figure in found["figures"]
        ]


@plots
def test_the_gradient_field_is_that_of_the_function(tmp_path) -> None:
    numbers = result(surface.experiment, tmp_path)["numbers"]
    x, y = np.meshgrid(numbers["grid"], numbers["grid"])
    arrows = np.array(numbers["arrows"])
    np.testing.assert_allclose(arrows[..., 0], -x / 10, rtol=1e-15, equal_nan=False)
    np.testing.assert_allclose(arrows[..., 1], -2 * y, rtol=1e-15, equal_nan=False)


def test_the_angle_between_arrows_is_measured_in_degrees() -> None:
    a, b = np.array([[1.0, 0], [1, 0], [2, 2], [1, 0], [0, 0]]), np.array([[3.0, 0], [0, 5], [1, 0], [-2, 0], [1, 0]])
    np.testing.assert_allclose(surface.between(a, b), [0, 90, 45, 180, np.nan], rtol=1e-12)


@plots
def test_in_a_round_bowl_every_arrow_points_at_the_minimum_and_the_conclusion_fails(tmp_path, monkeypatch) -> None:
    monkeypatch.setattr(surface, "f", lambda x, y: x**2 + y**2)
    found = result(surface.experiment, tmp_path)
    assert found["numbers"]["share_that_misses"] == 0
    assert not found["passed"]


@plots
@pytest.mark.slow
@pytest.mark.parametrize("seed", [0, 1])
def test_sgd_is_the_slowest_of_the_four(tmp_path, seed, monkeypatch) -> None:
    monkeypatch.setattr(optimizers, "ITERATIONS", 400)
    assert result(optimizers.experiment, tmp_path, seed=seed)["passed"]


def test_how_much_slower_sgd_is_is_told_by_the_slowest_of_the_others() -> None:
    assert optimizers.slowest_by({"SGD": 3.0, "Momentum": 2.0, "AdaGrad": 0.5, "Adam": 0.1}) == 1.5


@plots
@pytest.mark.slow
def test_without_a_slow_one_the_conclusions_of_figure_6_9_fail(tmp_path, monkeypatch) -> None:
    monkeypatch.setattr(optimizers, "ITERATIONS", 200)
    monkeypatch.setitem(optimizers.OPTIMIZERS, "SGD", optimizers.OPTIMIZERS["Adam"])
    assert [verdict["passed"] for verdict in result(optimizers.experiment, tmp_path)["verdicts"]] == [False, False]


@plots
def test_a_conclusion_that_does_not_hold_fails(tmp_path, monkeypatch) -> None:
    monkeypatch.setitem(paths.OPTIMIZERS, "SGD", paths.OPTIMIZERS["AdaGrad"])
    found = result(paths.experiment, tmp_path)
    assert not found["passed"]
    assert not found["verdicts"][0]["passed"]


@plots
@pytest.mark.slow
def test_decay_narrows_the_gap(tmp_path, mnist_dir) -> None:
    found = result(weight_decay.experiment, tmp_path, data="mnist", mnist_dir=str(mnist_dir))
    assert [verdict["passed"] for verdict in found["verdicts"]] == [True] * 3
    courses = found["numbers"]
    assert weight_decay.gap(courses["with_decay"]) < weight_decay.gap(courses["without"])


def test_the_seed_decides_everything(tmp_path) -> None:
    def drawn(seed: int) -> list[float]:
        run = Run("tested", Settings(seed=seed), tmp_path)
        return run.images(20)[0].x.sum(1).tolist()

    assert drawn(1) == drawn(1) != drawn(2)
