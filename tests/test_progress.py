"""The progress of training: lines for a log, a table for a terminal, and everything that was told kept."""

from __future__ import annotations

import io
import math
import sys
import threading
from contextlib import suppress

import pytest

import tensorgrad as tg
from tensorgrad import viz
from tensorgrad.errors import ArgumentError, TensorgradError
from tensorgrad.utils import progress as module
from tensorgrad.utils.progress import Progress
from tensorgrad.utils.progresstable import best, course, written
from tests.waiting import joined

WITHOUT_RICH = "rich is not installed: there is no table"
HIDE, SHOW = "\x1b[?25l", "\x1b[?25h"  # the cursor


@pytest.fixture
def terminal(monkeypatch):
    """A terminal of 100 columns, as the text that was written to it."""
    rich = pytest.importorskip("rich.console", reason=WITHOUT_RICH)
    written_to = io.StringIO()
    console = rich.Console(file=written_to, force_terminal=True, width=100, legacy_windows=False, _environ={})
    monkeypatch.setattr(module, "_console", lambda: console)
    return written_to


def last_frame(text: str) -> str:
    return text.rpartition("\x1b[2K")[2]


def train(progress: Progress, epochs: int = 3, steps: int = 4) -> None:
    for epoch in range(epochs):
        for step in range(steps):
            progress.step(loss=1 / (1 + epoch + step))
        progress.epoch(test_loss=tg.tensor(1 / (1 + epoch)), test_accuracy=0.5 + epoch / 8)


# --- what is kept -----------------------------------------------------------------------------------------------------


def test_what_was_told_is_kept_and_steps_are_averaged(capsys) -> None:
    with Progress(3, 4) as progress:
        train(progress)
    assert list(progress.history) == ["loss", "test_loss", "test_accuracy"]
    means = [sum(1 / (1 + epoch + step) for step in range(4)) / 4 for epoch in range(3)]
    assert progress.history["loss"] == pytest.approx(means)
    assert progress.history["test_loss"] == pytest.approx([1, 1 / 2, 1 / 3])
    assert progress.history["test_accuracy"] == [0.5, 0.625, 0.75]
    assert progress.step_history["loss"] == [1 / (1 + epoch + step) for epoch in range(3) for step in range(4)]


def test_a_metric_that_is_not_told_each_time_stays_in_line_with_the_others(capsys) -> None:
    with Progress(3) as progress:
        progress.epoch(a=1)
        progress.epoch(b=2)
        progress.step(c=5)
        progress.step(d=6)
        progress.epoch(a=3, c=7)
    assert progress.history == {"a": [1, None, 3], "b": [None, 2, None], "c": [None, None, 7], "d": [None, None, 6]}
    assert progress.step_history == {"c": [5, None], "d": [None, 6]}


def test_the_history_is_what_plot_curves_takes(capsys) -> None:
    pytest.importorskip("matplotlib", reason="matplotlib is not installed: there is nothing to draw with")
    with Progress(3) as progress:
        train(progress)
    losses, accuracy = viz.plot_curves(progress.history).axes
    assert list(losses.get_lines()[0].get_ydata()) == progress.history["loss"]
    assert list(accuracy.get_lines()[0].get_ydata()) == progress.history["test_accuracy"]
    (steps,) = viz.plot_curves(progress.step_history, unit="step").axes
    assert list(steps.get_lines()[0].get_ydata()) == progress.step_history["loss"]


@pytest.mark.parametrize("stop", [KeyboardInterrupt, ValueError])
def test_what_was_told_before_an_exception_is_kept(capsys, stop) -> None:
    progress = Progress(5)
    with suppress(stop), progress:
        train(progress, 2)
        progress.step(loss=9.0)
        raise stop
    assert len(progress.history["loss"]) == 2
    assert progress.step_history["loss"][-1] == 9.0


# --- lines ------------------------------------------------------------------------------------------------------------


def test_a_log_gets_one_line_for_each_epoch(capsys) -> None:
    with Progress(10, 4) as progress:
        train(progress, 2)
    assert capsys.readouterr().out.splitlines() == [
        "epoch  1/10  loss 0.5208  test loss 1.0000  test accuracy 50.00%",
        "epoch  2/10  loss 0.3208  test loss 0.5000  test accuracy 62.50%",
    ]


def test_a_line_tells_where_the_first_bad_number_was(capsys) -> None:
    with Progress(2) as progress:
        for loss in (1.0, math.nan, math.inf):
            progress.step(loss=loss)
        progress.epoch()
        progress.epoch(test_loss=-math.inf)
    first, second = capsys.readouterr().out.splitlines()
    assert first == "epoch 1/2  loss nan  ! loss was nan in epoch 1, step 2"
    assert second.endswith("test loss -inf  ! loss was nan in epoch 1, step 2  ! test loss was -inf after epoch 2")


def test_a_log_needs_no_library(capsys, monkeypatch) -> None:
    monkeypatch.setitem(sys.modules, "rich", None)
    with Progress(1) as progress:
        progress.epoch(loss=0.5)
    assert capsys.readouterr().out == "epoch 1/1  loss 0.5000\n"


@pytest.mark.parametrize("term", ["dumb", "unknown"])
def test_a_terminal_that_cannot_redraw_gets_lines(capsys, monkeypatch, term) -> None:
    pytest.importorskip("rich", reason=WITHOUT_RICH)
    monkeypatch.setenv("TERM", term)
    monkeypatch.setattr(sys.stdout, "isatty", lambda: True)
    with Progress(1) as progress:
        progress.epoch(loss=0.5)
    assert capsys.readouterr().out == "epoch 1/1  loss 0.5000\n"


# --- the table --------------------------------------------------------------------------------------------------------


def test_the_table_shows_last_and_best_values_and_the_place(terminal) -> None:
    with Progress(4, 4) as progress:
        train(progress)
        progress.step(loss=2.0)
    frame = last_frame(terminal.getvalue())
    rows = [line.split() for line in frame.splitlines()]
    assert rows[0][:4] == ["epoch", "4/4", "step", "1/4"]
    assert "left" in frame
    means = progress.history["loss"]
    assert ["loss", "2.0000", f"{means[2]:.4f}", "3", course(means)] in rows
    assert ["test", "loss", "0.3333", "0.3333", "3", course([1, 1 / 2, 1 / 3])] in rows
    assert ["test", "accuracy", "75.00%", "75.00%", "3", "▁▅█"] in rows


def test_the_steps_of_an_epoch_are_learned_from_the_first(terminal) -> None:
    with Progress(2) as progress:
        progress.step(loss=1.0)
        progress.step(loss=1.0)
        progress.epoch()
        progress.step(loss=1.0)
    assert "epoch 2/2  step 1/2" in last_frame(terminal.getvalue()).replace("\x1b[0m", "")


def test_a_bad_number_is_told_in_red(terminal) -> None:
    with Progress(1) as progress:
        progress.step(loss=math.nan)
    frame = last_frame(terminal.getvalue())
    assert "\x1b[1;37;41m" in frame
    assert "! loss was nan in epoch 1, step 1" in frame


@pytest.mark.parametrize("stop", [None, KeyboardInterrupt, ValueError])
def test_the_terminal_is_given_back_however_the_block_ends(terminal, stop) -> None:
    threads, stdout = set(threading.enumerate()), sys.stdout
    with suppress(KeyboardInterrupt, ValueError), Progress(2, 4) as progress:
        train(progress, 1)
        if stop:
            raise stop
    text = terminal.getvalue()
    assert text.count(HIDE) == text.count(SHOW) == 1
    assert text.rstrip().endswith(SHOW)
    assert "test accuracy" in last_frame(text)
    assert sys.stdout is stdout
    for thread in set(threading.enumerate()) - threads:
        joined(thread)


def test_a_table_of_ascii_is_drawn_where_nothing_else_can_be(terminal, monkeypatch) -> None:
    from rich.console import Console

    plain = io.TextIOWrapper(io.BytesIO(), encoding="ascii")
    console = Console(file=plain, force_terminal=True, width=100, _environ={})
    monkeypatch.setattr(module, "_console", lambda: console)
    with Progress(1) as progress:
        progress.epoch(loss=0.5)
    plain.flush()
    assert b"loss" in plain.buffer.getvalue()


def test_metrics_that_appear_while_the_table_is_drawn_do_no_harm(terminal) -> None:
    with Progress(1, 2000) as progress:
        for i in range(2000):
            progress.step(**{f"metric_{i % 50}": i})
        progress.epoch()
    assert len(progress.history) == 50
    assert "Traceback" not in terminal.getvalue()


# --- words ------------------------------------------------------------------------------------------------------------


def test_the_best_is_the_lowest_loss_and_the_highest_accuracy() -> None:
    values = [0.5, None, math.nan, 0.25, 0.75, 0.25]
    assert best("validation loss", values) == (0.25, 4)
    assert best("accuracy", values) == (0.75, 5)
    assert best("temperature", values) is None
    assert best("loss", [math.nan, None]) is None


def test_values_are_written_short_and_tell_their_size() -> None:
    names = {"accuracy": [0.5, 1.5, math.nan], "loss": [0.0, 123.456, -1e-7, 1e9, math.inf]}
    shown = [written(name, value) for name, values in names.items() for value in values]
    assert shown == ["50.00%", "1.5000", "nan", "0.0000", "123.4560", "-1.000e-07", "1.000e+09", "inf"]


def test_a_course_goes_from_the_lowest_to_the_highest_bar() -> None:
    assert course([0, 1, 2, 3, 4, 5, 6, 7]) == "▁▂▃▄▅▆▇█"
    assert course([5.0, 5.0]) == "▁▁"
    assert course([]) == ""
    assert course(list(range(100)), 3) == "▁▅█"


@pytest.mark.parametrize(("settings", "words"), [({"epochs": 0}, "epochs=0"), ({"epochs": 1, "steps": 0}, "steps=0")])
def test_counts_below_one_are_refused(settings, words) -> None:
    with pytest.raises(ArgumentError, match=words):
        Progress(**settings)


def test_what_is_no_number_is_refused_and_nothing_is_kept(capsys) -> None:
    with Progress(1) as progress:
        for bad in ("low", None, tg.ones(2), [1.0]):
            with pytest.raises(ArgumentError, match="loss is no number"):
                progress.step(accuracy=1.0, loss=bad)
    assert progress.step_history == {}


def test_outside_its_block_nothing_can_be_told() -> None:
    progress = Progress(1)
    with pytest.raises(TensorgradError, match="inside `with Progress"):
        progress.step(loss=1.0)
    with pytest.raises(TensorgradError, match="inside `with Progress"):
        progress.epoch()
