"""A compiled function: which plan a call takes, when one is captured, and when the function runs as it is."""

from __future__ import annotations

import copy
import functools
import logging
import sys
import threading
import types
from collections.abc import Callable
from operator import itemgetter
from typing import Any

from tensorgrad.base.context import TRANSFORMED, context
from tensorgrad.base.watched import AGAIN, watching
from tensorgrad.engine.traces import running
from tensorgrad.errors import CompileError
from tensorgrad.nn.module.parameter import is_lazy
from tensorgrad.program.numpyplan import NumpyPlan

from .captured import Captured, captured, reached_by
from .difference import difference
from .gate import GATE
from .guarded import NOT_RUN, Version
from .secondpart import Asked
from .signature import Call, changed

log = logging.getLogger("tensorgrad.compile")

MOST_VERSIONS = 8
"""Kinds of calls of one function that have a plan; what else is called runs as it is."""

STALE = 256
"""Runs of other plans after which one makes room for a plan of another kind of call, where there are too many."""

MOST_TRIES = 6
"""Captures in turn of one kind of call that gave no plan: it has to do the same twice in turn."""

MOST_KINDS = 32
"""Captures in turn that gave no plan, of whatever kind: who calls with ever other arguments is not watched for ever.

So many wait, too, for another one that has done the same.
"""

MOST_TURNS = 4
"""Plans of one kind of call that are let go because other gradients are asked for than they were made for."""

MOST_DEVIATIONS = 16
"""Runs of a plan that had to be given up: then it is, unless it more often did not."""

MOST_TOLD = 2
"""Reasons of one call that are told, the first ones."""

_ALONE = "no call of this kind waits for another one"
_FULL = f"there are {MOST_VERSIONS} plans for other kinds of calls"
_AGAIN = (
    "what it returned was differentiated twice (create_graph=True), in forward mode, or drawn, for which it is run "
    "again: compile the whole step, in which that is done"
)


class Compiled:
    """A function that runs as a plan where that does the same.

    Attributes:
        function: the function as it is.
        runs: how many calls a plan has answered.
        captures: how many have been watched.
        reasons: why calls run as they are, in words, by the kind of call.

    All other attributes are those of the function.
    """

    __slots__ = (
        *(
            "__dict__",
            "__weakref__",
            "asked",
            "backend",
            "begun",
            "captures",
            "ended",
            "failures",
            "fullgraph",
            "function",
            "latest",
            "lock",
        ),
        *("reasons", "runs", "tries", "turns", "versions", "waiting"),
    )

    def __init__(self, function: Callable[..., Any], fullgraph: bool = False, backend: str = "auto") -> None:
        self.function = function
        self.fullgraph = fullgraph
        self.backend = backend
        self.versions: dict[Any, tuple[Version, ...]] = {}  # by the kind of call, the one that was right last first
        self.waiting: list[tuple[Any, Captured]] = []
        self.asked: dict[Any, Asked | None] = {}  # by the kind of call: which gradients were asked for last
        self.turns: dict[Any, int] = {}
        self.tries: dict[Any, int] = {}
        self.latest: list[Any] = []  # the last two kinds of calls that were watched
        self.failures = 0
        self.reasons: dict[Any, str] = {}
        self.runs = self.captures = 0
        self.begun = self.ended = 0  # calls that ran as they are, because another thread watched
        self.lock = threading.Lock()
        functools.update_wrapper(self, function, updated=())

    def __getattr__(self, name: str) -> Any:
        return getattr(self.function, name)

    def __setattr__(self, name: str, value: Any) -> None:
        if name in Compiled.__slots__ or name.startswith("__"):
            object.__setattr__(self, name, value)
        else:
            setattr(self.function, name, value)

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        """Call it."""
        mode = context()
        if watching() is not None or running() is not None or mode.special or mode.flags & TRANSFORMED:
            return self.function(*args, **kwargs)
        call = Call.of(self.function, args, kwargs)
        deviated: list[Version] = []
        if not GATE.enter():
            return self._beside(call)
        try:
            result = self._planned(call, deviated)
        finally:
            GATE.leave()
        if result is not NOT_RUN:
            return result
        try:
            return self._as_it_is(call, deviated)
        finally:
            AGAIN.clear()

    def _as_it_is(self, call: Call, deviated: list[Version]) -> Any:
        """Return what the function returns, run without a plan."""
        if call.key in self.reasons or self.failures >= MOST_KINDS:
            return self._run_as_it_is(call)
        with GATE.watched() as may:
            return self._capture(call, deviated) if may else self._beside(call)

    def _beside(self, call: Call) -> Any:
        """Return what the function returns, while another thread watches, or runs a plan of, a function."""
        with self.lock:
            self.begun += 1
        try:
            return call.run()
        finally:
            with self.lock:
                self.ended += 1

    def _run_as_it_is(self, call: Call) -> Any:
        """Return what the function returns, for which there will be no plan.

        Raises:
            CompileError: with `fullgraph`; but what is asked of results later is no fault of the function's.
        """
        why = self.reasons.get(call.key, f"{MOST_KINDS} calls in turn had no plan")
        if self.fullgraph and why is not _AGAIN:
            raise CompileError(f"compile(fullgraph=True): {why}")
        return call.run()

    def _planned(self, call: Call, deviated: list[Version]) -> Any:
        """Return what a plan does, NOT_RUN if there is none; those that could not go on are added to `deviated`."""
        for version in self.versions.get(call.key, ()):
            if version.asked_again():
                self._drop(call.key)
                return NOT_RUN
            if version.asked_anew() and self._turn(call.key, version):
                continue
            if version.holds(call.given):
                result = version.run(call)
                if result is not NOT_RUN:
                    self._answered(call.key, version)
                    return result
                deviated.append(version)
        for version in deviated:
            self._reconsider(call.key, version)
        return NOT_RUN

    def _answered(self, key: Any, version: Version) -> None:
        with self.lock:
            self.runs += 1
            version.runs += 1
            version.last = self.runs
            versions = self.versions[key]
            if versions[0] is not version:  # what a value decided once it often decides again
                self.versions[key] = (version, *(v for v in versions if v is not version))

    def _turn(self, key: Any, version: Version) -> bool:
        """Let a plan go whose gradients are asked for otherwise, so that there will be one for that."""
        with self.lock:
            self.turns[key] = self.turns.get(key, 0) + 1
            if self.turns[key] > MOST_TURNS:
                return False
            self.asked[key] = version.asked
            self.versions[key] = tuple(v for v in self.versions[key] if v is not version)
        return True

    def _reconsider(self, key: Any, version: Version) -> None:
        """Give a plan up that is mostly begun in vain."""
        if version.deviations > max(MOST_DEVIATIONS, version.runs):
            with self.lock:
                self._give_up(
                    key, "its course depends on values, which too often were others than when it was captured"
                )
                self.versions[key] = tuple(v for v in self.versions[key] if v is not version)

    def _drop(self, key: Any) -> None:
        """Let a kind of call run as it is, of whose results more is asked than a plan can answer."""
        with self.lock:
            self.versions.pop(key, None)
            self._give_up(key, _AGAIN)

    def _capture(self, call: Call, deviated: list[Version]) -> Any:
        """Run the function as it is; when it has done the same twice in turn, and what no plan does, there is one."""
        key = call.key
        if any(before.arrived.again for k, before in self.waiting if k == key):
            self._drop(key)
            return call.run()
        reached = reached_by(call)
        if any(map(is_lazy, reached.tensors)):
            return call.run()  # which gives them their shapes
        ended = self.ended
        result, found = captured(call, reached, self.fullgraph, self._asked(key))
        if found.disturbed and not found.reasons and self.begun != ended:
            return result  # by another call in another thread: no fault of the function's, which is watched again
        with self.lock:
            self.captures += 1
            self.latest = [*(k for k in self.latest if k != key), key][-2:]
            self.failures += 1
            tries = self.tries[key] = self.tries.get(key, 0) + 1
            why = _told(found.reasons) or ("another thread used the same tensors" if found.disturbed else "")
            refused = bool(why)
            why = why or self._why_not(key, deviated, found)
            if not why:
                self.tries[key] = self.failures = 0
            elif why == _FULL:
                self._give_up(key, f"{_FULL}, and {changed(self.function, *self.latest)}")
            elif why != _ALONE and (tries >= MOST_TRIES or (found.reasons and tries > 1)):
                self._give_up(key, why)
            elif self.failures >= MOST_KINDS:
                last = changed(self.function, *self.latest) if why == _ALONE else why
                self._give_up(key, f"{MOST_KINDS} calls in turn had no plan: {last}")
                self.waiting = []  # nothing is watched any more
            elif not refused:
                self.waiting = [*self.waiting, (key, found)][-MOST_KINDS:]
        return result

    def _asked(self, key: Any) -> Asked | None:
        """Return which gradients were asked for of what the last call of this kind returned, if that is known."""
        known = [asked for k, before in self.waiting if k == key and (asked := before.asked()) is not None]
        return known[-1] if known else self.asked.get(key)

    def _why_not(self, key: Any, deviated: list[Version], found: Captured) -> str:
        """Make a plan of what an earlier call has done as well; return why there is none."""
        for version in deviated:
            if not difference(found.program, version.program):
                return version.stopped
        why = _ALONE
        for before in [waiting for k, waiting in self.waiting if k == key]:
            why = difference(found.program, before.program)
            if not why and before.outline != found.outline:
                why = "what is returned beside tensors is another thing at each call: return tensors"
            if not why and not self._has_room():
                return _FULL
            if not why:
                version = Version(found, before, self.backend)
                version.last = self.runs
                self.versions[key] = (version, *self.versions.get(key, ()))
                self.waiting = [one for one in self.waiting if one[1] is not before]
                return ""
        return why

    def _has_room(self) -> bool:
        """Return whether there is room for one more plan; one that has not run for a long time makes room for it."""
        held = [(version.last, key, version) for key, versions in self.versions.items() for version in versions]
        if len(held) < MOST_VERSIONS:
            return True
        last, key, version = min(held, key=itemgetter(0))
        if self.runs - last >= STALE:
            self.versions[key] = tuple(v for v in self.versions[key] if v is not version)
            return True
        return False

    def _give_up(self, key: Any, why: str) -> None:
        """Let this kind of call run as it is from now on, and say why, once for each reason."""
        if why not in self.reasons.values():
            name = getattr(self.function, "__qualname__", type(self.function).__name__)
            log.warning("%s runs as it is, not as a plan: %s", name, why)
        self.reasons[key] = why
        self.waiting = [one for one in self.waiting if one[0] != key]

    @property
    def plans(self) -> list[NumpyPlan]:
        """The plans that there are; printed, one shows what runs."""
        return [version.plan for versions in self.versions.values() for version in versions]

    @property
    def compiled_function(self) -> Callable[..., Any]:
        """The function as it is, by a name that nothing else has."""
        return self.function

    def __get__(self, instance: Any, owner: Any = None) -> Any:
        binds = instance is not None and isinstance(self.function, types.FunctionType | Compiled)
        return types.MethodType(self, instance) if binds else self

    def __deepcopy__(self, memo: dict[int, Any]) -> Compiled:
        return Compiled(copy.deepcopy(self.function, memo), self.fullgraph, self.backend)

    def __reduce__(self) -> Any:
        found: Any = sys.modules.get(self.__module__)
        for name in getattr(self, "__qualname__", "").split("."):
            found = getattr(found, name, None)
        if found is self:  # what a decorator made: its name leads here, and no more to the function
            return self.__qualname__
        return Compiled, (self.function, self.fullgraph, self.backend)


def _told(reasons: list[str]) -> str:
    """Return the reasons as one text: there may be many of one cause."""
    more = f"; and {len(reasons) - MOST_TOLD} more" if len(reasons) > MOST_TOLD else ""
    return "; ".join(reasons[:MOST_TOLD]) + more
