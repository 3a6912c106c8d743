"""The progress of training: a live table in a terminal or notebook, one plain line for each epoch anywhere else.

>>> with Progress(epochs=2, steps=3) as progress:
...     for epoch in range(2):
...         for step in range(3):
...             progress.step(loss=1.0 / (1 + step + epoch))
...         progress.epoch(test_accuracy=[0.9, 0.95][epoch])
epoch 1/2  loss 0.6111  test accuracy 90.00%
epoch 2/2  loss 0.3611  test accuracy 95.00%
>>> progress.history["test_accuracy"]
[0.9, 0.95]
"""

from __future__ import annotations

import sys
import threading
from importlib.util import find_spec
from typing import Any, Self

from tensorgrad.errors import ArgumentError, MissingDependencyError, TensorgradError

from .progresstable import State, Table, written

__all__ = ["Progress"]


class Progress:
    """What a training loop tells its numbers to, in a ``with`` block.

    In a terminal, or in a notebook with ipywidgets, a table is kept up to date: the epoch, a bar with the time left,
    and for each metric the last value, the best one and its course. Elsewhere, as in a log file, each epoch is one
    line. Leaving the block, by Ctrl-C or an error, too, leaves the last table standing and the terminal as it was. A
    value that is not finite is shown in red, or with an exclamation mark, and with the place where it came first.

    Args:
        epochs: how many there will be, at least 1.
        steps: calls of `step` in an epoch; if not given, the first epoch shows how many.
        unit: what is shown for an epoch, as "trial".

    Attributes:
        history: the values after each epoch by metric, None where one was not told; `viz.plot_curves` draws it.
        step_history: the values after each step by metric, None where one was not told.

    Raises:
        ArgumentError: `epochs` or `steps` below 1.
        MissingDependencyError: standard output is a terminal, and the library rich is not installed.
    """

    def __init__(self, epochs: int, steps: int | None = None, unit: str = "epoch") -> None:
        for name, value in (("epochs", epochs), ("steps", steps)):
            if value is not None and value < 1:
                raise ArgumentError(f"Progress: {name}={value}: expected at least 1")
        self.epochs = epochs
        self.history: dict[str, list[float | None]] = {}
        self.step_history: dict[str, list[float | None]] = {}
        self._state = State(epochs, steps, unit)
        self._lock = threading.Lock()  # rich draws in a thread of its own
        console = _console()
        self._table = None if console is None else Table(self, self._state, console, self._lock)
        self._open = False

    def __enter__(self) -> Self:
        self._open = True
        if self._table is not None:
            self._table.start()
        return self

    def __exit__(self, *exception: object) -> None:
        self._open = False
        if self._table is not None:
            self._table.stop()

    def step(self, **metrics: Any) -> None:
        """Tell that a step is done, and numbers measured in it, as ``loss=loss``: numbers or tensors of one element.

        Raises:
            ArgumentError: what is no number.
            TensorgradError: called outside the ``with`` block.
        """
        values = self._told("step", metrics)
        with self._lock:
            _append(self.step_history, values, self._state.all_steps)
            self._state.stepped(values)

    def epoch(self, **metrics: Any) -> None:
        """Tell that an epoch is done, and numbers measured after it; the means of its steps' metrics are added.

        Raises:
            ArgumentError: what is no number.
            TensorgradError: called outside the ``with`` block.
        """
        values = self._told("epoch", metrics)
        with self._lock:
            values = {**self._state.means(), **values}
            _append(self.history, values, self._state.done)
            self._state.finished(values)
        if self._table is None:
            print(self._line(values), flush=True)

    def _told(self, method: str, metrics: dict[str, Any]) -> dict[str, float]:
        if not self._open:
            raise TensorgradError(f"Progress.{method}: call it inside `with Progress(...) as progress:`")
        values = {}
        for name, value in metrics.items():
            try:
                values[name] = float(value)
            except (TypeError, ValueError, RuntimeError) as error:
                raise ArgumentError(f"Progress.{method}: {name} is no number: {error}") from error
        return values

    def _line(self, values: dict[str, float]) -> str:
        """Return one epoch as a line of a log."""
        width = len(str(self.epochs))
        shown = [f"{self._state.unit} {self._state.done:{width}}/{self.epochs}"]
        shown += [f"{name.replace('_', ' ')} {written(name, value)}" for name, value in values.items()]
        shown += [f"! {told}" for told in self._state.bad.values()]
        return "  ".join(shown)


def _append(history: dict[str, list[float | None]], values: dict[str, float], before: int) -> None:
    """Add `values` to lists that hold `before` values each; None where a name has none, before or now."""
    for name in (*history, *(name for name in values if name not in history)):
        history.setdefault(name, [None] * before).append(values.get(name))


def _console() -> Any:
    """Return rich's console if it can redraw what it has written: a terminal or a notebook; else None."""
    try:
        from rich import console as rich
    except ImportError as error:
        if sys.stdout.isatty():
            raise MissingDependencyError.of("the progress table", "rich") from error
        return None
    console = rich.Console()
    if console.is_jupyter:  # where rich draws into a widget, and shows nothing at all without
        return console if find_spec("ipywidgets") else None
    return console if console.is_terminal and not console.is_dumb_terminal else None
