"""A profiler's marks, a subject of its own: what a script names for a profiler runs as it is."""

from __future__ import annotations

from contextlib import ContextDecorator
from typing import Self


class record_function(ContextDecorator):  # noqa: N801 - PyTorch's name
    """A context, and a decorator, that gives what runs inside a name for a profiler.

    Args:
        name: any text.
        args: another.

    >>> import tensorgrad as tg
    >>> with tg.profiler.record_function("forward"):
    ...     tg.ones(3).sum()
    tensor(3.)
    """

    def __init__(self, name: str, args: str | None = None) -> None:
        self.name, self.args = name, args

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *error: object) -> None:
        return
