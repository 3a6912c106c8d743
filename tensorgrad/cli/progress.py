"""How the demo tells where it is: a bar in a terminal, a line for each epoch anywhere else."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from tensorgrad.errors import MissingDependencyError

from .training import History, Progress


class Lines:
    """One plain line for each epoch, written at once: a log can be followed."""

    def __init__(self, epochs: int) -> None:
        self._epochs = epochs

    def batch(self, epoch: int, loss: float) -> None:
        """Say nothing: a line for each batch would be too many."""

    def epoch(self, epoch: int, history: History) -> None:
        """Print epoch, loss and accuracy."""
        print(f"epoch {epoch:3}/{self._epochs}  {measured(history)}", flush=True)


class Bar:
    """A bar of the library rich that moves with each batch."""

    def __init__(self, bar: Any, task: Any, epochs: int) -> None:
        self._bar, self._task, self._epochs = bar, task, epochs
        self._last = ""

    def batch(self, epoch: int, loss: float) -> None:
        """Move the bar and show the loss of the batch."""
        text = f"epoch {epoch}/{self._epochs}  loss {loss:.4f}{self._last}"
        self._bar.update(self._task, advance=1, description=text)

    def epoch(self, epoch: int, history: History) -> None:
        """Show the accuracies from here on."""
        self._last = f"  test accuracy {history.accuracy['test'][-1]:.2%}"
        self._bar.update(self._task, description=f"epoch {epoch}/{self._epochs}  {measured(history)}")


def measured(history: History) -> str:
    """Return the last loss and accuracies as text."""
    loss, accuracy = history.loss["training"][-1], history.accuracy
    return f"loss {loss:.4f}  accuracy {accuracy['training'][-1]:.2%} training, {accuracy['test'][-1]:.2%} test"


@contextmanager
def progress(epochs: int, steps: int) -> Iterator[Progress]:
    """Yield a bar of `steps` batches if standard output is a terminal, else what prints lines.

    Raises:
        MissingDependencyError: a terminal without the library rich.
    """
    if not sys.stdout.isatty():
        yield Lines(epochs)
        return
    try:
        from rich import progress as rich
    except ImportError as error:
        raise MissingDependencyError.of("the progress bar", "rich", "cli") from error
    columns = (rich.TextColumn("{task.description}"), rich.BarColumn(), rich.TimeRemainingColumn(compact=True))
    with rich.Progress(*columns) as bar:
        yield Bar(bar, bar.add_task("starting", total=steps), epochs)
