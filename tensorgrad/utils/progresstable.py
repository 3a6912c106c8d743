"""The live table of `progress`, drawn by the library rich."""

from __future__ import annotations

import math
import threading
from collections.abc import Sequence
from typing import Any, Protocol

from tensorgrad.viz.plots.series import HIGHER_IS_BETTER, LOWER_IS_BETTER, metric, share

_BARS = "▁▂▃▄▅▆▇█"
_COURSE = 24
"""Characters of the course of a metric."""


class State:
    """Where training is: what the table and the lines tell."""

    def __init__(self, epochs: int, steps: int | None, unit: str) -> None:
        self.unit = unit
        self.epochs = epochs
        self.steps = steps
        self.done = 0
        self.step = 0
        self.all_steps = 0
        self.sums: dict[str, tuple[float, int]] = {}
        self.bad: dict[str, str] = {}

    def stepped(self, values: dict[str, float]) -> None:
        """Count a step."""
        self.step += 1
        self.all_steps += 1
        for name, value in values.items():
            total, count = self.sums.get(name, (0.0, 0))
            self.sums[name] = total + value, count + 1
        self._watch(values, f"in {self.unit} {self.done + 1}, step {self.step}")

    def means(self) -> dict[str, float]:
        """Return the means over the epoch's steps so far."""
        return {name: total / count for name, (total, count) in self.sums.items()}

    def finished(self, values: dict[str, float]) -> None:
        """Count an epoch."""
        self.done += 1
        self.steps = self.steps or self.step or None
        self.step = 0
        self.sums = {}
        self._watch(values, f"after {self.unit} {self.done}")

    def _watch(self, values: dict[str, float], place: str) -> None:
        for name, value in values.items():
            if not math.isfinite(value):
                self.bad.setdefault(name, f"{name.replace('_', ' ')} was {value} {place}")


class Recorded(Protocol):
    """What was measured."""

    history: dict[str, list[float | None]]
    step_history: dict[str, list[float | None]]


def written(name: str, value: float) -> str:
    """Return a value of the metric `name` as text: shares in per cent, all else with four or five digits.

    >>> written("test_accuracy", 0.9625), written("loss", 0.25), written("lr", 1e-5)
    ('96.25%', '0.2500', '1.000e-05')
    """
    if math.isfinite(value) and share(name, [value]):
        return f"{value:.2%}"
    return f"{value:.4f}" if not math.isfinite(value) or value == 0 or 1e-3 <= abs(value) < 1e5 else f"{value:.3e}"


def best(name: str, values: Sequence[float | None]) -> tuple[float, int] | None:
    """Return the best finite value and its epoch, counted from 1; None if what is better is not known.

    >>> best("test_loss", [0.5, 0.3, None, 0.4]), best("temperature", [1.0])
    ((0.3, 2), None)
    """
    known = [(value, i) for i, value in enumerate(values, 1) if value is not None and math.isfinite(value)]
    if not known or metric(name) not in LOWER_IS_BETTER | HIGHER_IS_BETTER:
        return None
    sign = -1 if metric(name) in HIGHER_IS_BETTER else 1
    return min(known, key=lambda pair: (sign * pair[0], pair[1]))


def course(values: Sequence[float | None], length: int = _COURSE) -> str:
    """Return the last `length` values as bars from the lowest to the highest; × is not finite.

    >>> course([3.0, 2.0, None, 1.0, float("nan")])
    '█▅ ▁×'
    """
    last = values[-length:]
    finite = [value for value in last if value is not None and math.isfinite(value)]
    low, high = min(finite, default=0.0), max(finite, default=0.0)
    return "".join(_bar(value, low, high) for value in last)


def _bar(value: float | None, low: float, high: float) -> str:
    if value is None:
        return " "
    if not math.isfinite(value):
        return "×"
    part = (value - low) / (high - low) if high > low else 0.0
    return _BARS[round(part * (len(_BARS) - 1))]


class Table:
    """The table, redrawn a few times a second by rich from what has been recorded so far."""

    def __init__(self, recorded: Recorded, state: State, console: Any, lock: threading.Lock) -> None:
        from rich.live import Live
        from rich.progress import BarColumn, Progress, TextColumn, TimeElapsedColumn, TimeRemainingColumn

        self._recorded, self._state, self._lock = recorded, state, lock
        self._plain = console.options.ascii_only
        text = TextColumn("{task.description}")
        ends = (TimeElapsedColumn(), TextColumn("left"), TimeRemainingColumn(compact=True))
        self._bar = Progress(text, BarColumn(), *ends, console=console)
        self._task = self._bar.add_task("", total=None)
        self._live = Live(get_renderable=self._drawn, console=console, refresh_per_second=8)

    def start(self) -> None:
        """Show the table."""
        self._live.start(refresh=True)

    def stop(self) -> None:
        """Draw the table a last time, and give the terminal back."""
        self._bar.stop_task(self._task)
        self._live.stop()

    def _drawn(self) -> Any:
        from rich.console import Group
        from rich.text import Text

        with self._lock:
            self._move()
            parts = [self._bar, self._metrics()]
            parts += [Text(f"! {told}", style="bold red") for told in self._state.bad.values()]
        return Group(*parts)

    def _move(self) -> None:
        """Set the bar to the steps done, or to the epochs where their steps are not known."""
        state = self._state
        epoch = min(state.done + bool(state.step or not state.done), state.epochs)
        told = f"{state.unit} {epoch}/{state.epochs}"
        if state.step:
            told += f"  step {state.step}" + (f"/{state.steps}" if state.steps else "")
        per_epoch = state.steps or 1
        completed = state.done * per_epoch + (min(state.step, per_epoch) if state.steps else 0)
        self._bar.update(self._task, description=told, total=state.epochs * per_epoch, completed=completed)

    def _metrics(self) -> Any:
        from rich import box
        from rich.table import Table as RichTable

        table = RichTable(box=box.ASCII if self._plain else box.SIMPLE_HEAD, pad_edge=False)
        table.add_column("metric", no_wrap=True)
        for name in ("last", "best", self._state.unit):
            table.add_column(name, justify="right", no_wrap=True)
        if not self._plain:
            table.add_column("course", no_wrap=True)
        for row in self._rows():
            table.add_row(*(row[:-1] if self._plain else row))
        return table

    def _rows(self) -> list[tuple[Any, ...]]:
        from rich.text import Text

        history, means = self._recorded.history, self._state.means()
        rows = []
        for name in (*history, *(name for name in means if name not in history)):
            values = history.get(name, [])
            told = [value for value in values if value is not None]
            last = means[name] if name in means else told[-1]
            style = "" if math.isfinite(last) else "bold white on red"
            found = best(name, values)
            seen = values or self._recorded.step_history.get(name, [])
            rows.append(
                (
                    Text(name.replace("_", " ")),
                    Text(written(name, last), style=style),
                    Text("" if found is None else written(name, found[0])),
                    Text("" if found is None else str(found[1])),
                    Text(course(seen)),
                )
            )
        return rows
