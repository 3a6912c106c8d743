"""Ctrl-C in the middle of a plan: it comes before anything stands, or when all does."""

from __future__ import annotations

import signal
import threading
from threading import get_ident
from typing import Any

_fast: Any = getattr(signal, "_signal", signal)  # the functions of C themselves, in a twentieth of the time
_get, _set, _SIGINT = _fast.getsignal, _fast.signal, int(signal.SIGINT)
_main = threading.main_thread().ident


class Interrupts:
    """Ctrl-C, which is held back while what a run does is not undone any more, or is just being undone.

    The second one comes at once: what is called meanwhile may be the user's code, and may never end. A handler of the
    user's own is left alone.
    """

    __slots__ = ("came", "held")

    def __init__(self) -> None:
        self.came = self.held = False

    def hold(self) -> None:
        """Hold it back from now on; other threads than the main one are never interrupted."""
        if get_ident() == _main and not self.held and _get(_SIGINT) is signal.default_int_handler:
            self.held = True
            _set(_SIGINT, self._note)

    def _note(self, number: int, frame: Any) -> None:
        if self.came:
            signal.default_int_handler(number, frame)
        self.came = True

    def release(self) -> None:
        """Let it come.

        Raises:
            KeyboardInterrupt: it has come since.
        """
        if self.held:
            self.held = False
            if _get(_SIGINT) == self._note:  # nobody else has set another one
                _set(_SIGINT, signal.default_int_handler)
            if self.came:
                raise KeyboardInterrupt
