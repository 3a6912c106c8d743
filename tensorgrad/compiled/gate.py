"""Who may run a plan, and who may watch a function: no plan runs in one thread while tensors are watched in another.

A watch puts arrays of its own into the tensors that a function reaches, for as long as it runs. To ordinary code of
other threads these are what they were, but a plan looks for memory. Nobody waits for long: who may not watch, or run a
plan, can always call the function as it is, and what a function waits for may be another thread.
"""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from threading import get_ident

PATIENCE = 1.0
"""Seconds that who wants to watch waits for plans of other threads to come to their ends."""


class Gate:
    """Counts the plans that run, by thread, and knows the thread that watches."""

    def __init__(self) -> None:
        self._changed = threading.Condition()
        self._running: dict[int, int] = {}
        self._watching: int | None = None
        self._depth = 0

    def enter(self) -> bool:
        """Return whether a plan may run in this thread: `leave` has to be called then."""
        me = get_ident()
        with self._changed:
            if self._watching is not None and self._watching != me:
                return False
            self._running[me] = self._running.get(me, 0) + 1
            return True

    def leave(self) -> None:
        """Note that the plan has come to its end."""
        me = get_ident()
        with self._changed:
            left = self._running.pop(me) - 1
            if left:
                self._running[me] = left
            elif self._watching is not None:
                self._changed.notify_all()

    @contextmanager
    def watched(self) -> Iterator[bool]:
        """Context manager: give whether this thread may watch inside."""
        may = self._begin()
        try:
            yield may
        finally:
            if may:
                with self._changed:
                    self._depth -= 1
                    if not self._depth:
                        self._watching = None

    def _begin(self) -> bool:
        me = get_ident()
        with self._changed:
            if self._watching not in (None, me):
                return False
            self._watching = me  # from now on no plan begins elsewhere
            if self._depth or self._changed.wait_for(lambda: self._running.keys() <= {me}, PATIENCE):
                self._depth += 1
                return True
            self._watching = None
            return False


GATE = Gate()
