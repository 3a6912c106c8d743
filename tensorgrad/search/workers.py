"""Several workers on one storage: who runs which trial, who is alive, and what a dead one has left behind.

The n trials of a search are its slots 0 to n - 1. What a trial draws depends on the seed and its slot alone, so that it
is the same whoever runs it, and when. A trial that no one finished leaves its slot to another trial with the same
parameters. Everything that workers tell one another stands in the storage; their clocks are not compared.
"""

from __future__ import annotations

import os
import socket
import sys
import threading
import time
import uuid
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import wraps
from typing import Any, ParamSpec, TypeVar

from tensorgrad.errors import TensorgradError

SLOT, RETRY, OWNER, BEAT, NAN, SURPLUS, NOTES = "slot", "retry", "owner", "beat", "nan", "surplus", "notes"
"""The attributes of trials that workers tell one another by."""

BEATS = 4  # as many as must fail to appear before a worker counts as dead

MACHINE = f"{socket.gethostname()}-{uuid.getnode():x}"
_HERE: set[str] = set()
"""The workers in this process that are at work now."""


@contextmanager
def at_work() -> Iterator[str]:
    """Context manager: a name that tells a worker from all others, those in the same process too, while it works."""
    owner = f"{MACHINE}:{os.getpid()}:{uuid.uuid4().hex}"
    _HERE.add(owner)
    try:
        yield owner
    finally:
        _HERE.remove(owner)


P = ParamSpec("P")
R = TypeVar("R")


def broken() -> tuple[type[Exception], ...]:
    """Return what Optuna raises where a database or a server does not answer, or cannot be written."""
    found = [OSError]
    if "optuna" in sys.modules:
        found.append(sys.modules["optuna"].exceptions.StorageInternalError)
    if "grpc" in sys.modules:
        found.append(sys.modules["grpc"].RpcError)
    return tuple(found)


def reaching(call: Callable[P, R]) -> Callable[P, R]:
    """Return `call`, which says of a storage that it does not reach what that means; errors about files say it."""

    @wraps(call)
    def told(*args: P.args, **kwargs: P.kwargs) -> R:
        try:
            return call(*args, **kwargs)
        except broken() as error:
            if isinstance(error, OSError):
                raise
            cause: Any = error.__cause__ or error
            why = str(cause.details() if hasattr(cause, "details") else cause).partition("\n")[0]
            raise TensorgradError(
                f"the storage of the search does not answer, or cannot be written: {why}; what was finished before is "
                "kept, and the search goes on when it is run again"
            ) from error

    return told


def slot_of(study: Any, trial: Any) -> int:
    """Return the slot of a trial: how many have come before it, not counting those that repeat one or were too many."""
    given = trial.user_attrs.get(SLOT)
    if given is not None:
        return int(given)
    before = [other for other in study.get_trials(deepcopy=False) if other.number < trial.number]
    return sum(not (RETRY in other.user_attrs or SURPLUS in other.user_attrs) for other in before)


@reaching
def done(study: Any) -> dict[int, Any]:
    """Return the finished trials by slot; of several in one slot the first."""
    found: dict[int, Any] = {}
    for trial in study.get_trials(deepcopy=False):
        no_number = trial.state.name == "FAIL" and NAN in trial.user_attrs
        if no_number or trial.state.name in {"COMPLETE", "PRUNED"}:
            found.setdefault(trial.user_attrs[SLOT], trial)
    return found


def again(study: Any, trial: Any, owner: str) -> None:
    """Put a trial that no one finished into the queue, with its slot and its parameters."""
    told = {SLOT: slot_of(study, trial), RETRY: trial.number, OWNER: owner}
    study.enqueue_trial(dict(trial.params), user_attrs=told)


@reaching
def ask(study: Any, space: Any, owner: str) -> Any:
    """Return the trial that has waited longest, or a new one, which has an owner from its first moment.

    Who cannot write on, or is killed, while its parameters are drawn, leaves a trial of which all know whose it was.
    """
    if not any(trial.state.name == "WAITING" for trial in study.get_trials(deepcopy=False)):
        study.enqueue_trial({}, user_attrs={OWNER: owner})
    asked = study.ask(space)
    if asked.user_attrs.get(OWNER) != owner:
        asked.set_user_attr(OWNER, owner)
    return asked


class Watch:
    """One worker's view of the others.

    Args:
        owner: this worker; see `at_work`.
        patience: seconds without a beat after which a trial counts as lost. A trial of a process of this machine that
            has ended is lost at once, and so is one that this process was at when a search ended with an error.
    """

    def __init__(self, owner: str, patience: float) -> None:
        self._owner, self._patience = owner, patience
        self._seen: dict[int, tuple[Any, float]] = {}

    @reaching
    def rescue(self, study: Any) -> None:
        """Put every lost trial into the queue: those whose worker is dead, and those that ended with an error."""
        trials = study.get_trials(deepcopy=False)
        repeated = {trial.user_attrs.get(RETRY) for trial in trials}
        for trial in trials:
            state, told = trial.state.name, trial.user_attrs
            if state == "RUNNING" and self._lost(trial):
                state = "FAIL" if _fail(study, trial.number) else state
            if state == "FAIL" and NAN not in told and SURPLUS not in told and trial.number not in repeated:
                again(study, trial, self._owner)

    def _lost(self, trial: Any) -> bool:
        owner = str(trial.user_attrs.get(OWNER, ""))
        machine, _, rest = owner.partition(":")
        if machine == MACHINE:
            process = int(rest.partition(":")[0])
            if not _runs(process) or (process == os.getpid() and owner not in _HERE):
                return True
        beat, now = trial.user_attrs.get(BEAT), time.monotonic()
        last, since = self._seen.get(trial.number, (None, now))
        if trial.number not in self._seen or beat != last:
            self._seen[trial.number] = beat, now
            return False
        return now - since > self._patience


def _fail(study: Any, number: int) -> bool:
    """End a running trial, and return whether no one else has ended it."""
    from optuna.exceptions import UpdateFinishedTrialError
    from optuna.trial import TrialState

    try:
        study.tell(number, state=TrialState.FAIL)
    except (UpdateFinishedTrialError, ValueError):  # the two ways in which Optuna says that it has ended
        return False
    return True


def _runs(process: int) -> bool:
    """Return whether a process of this machine runs; True where the system cannot be asked."""
    if os.name != "posix":
        return True
    try:
        os.kill(process, 0)  # signal 0 asks and does nothing
    except ProcessLookupError:
        return False
    except PermissionError:
        return True
    return True


@contextmanager
def alive(trial: Any, interval: float) -> Iterator[None]:
    """Context manager: tell every `interval` seconds that `trial` is at work; not at all if `interval` is 0."""
    if not interval:
        yield
        return
    stop = threading.Event()
    thread = threading.Thread(target=_beat, args=(trial, interval, stop), daemon=True)
    thread.start()
    try:
        yield
    finally:
        stop.set()
        thread.join()


def _beat(trial: Any, interval: float, stop: threading.Event) -> None:
    from optuna.exceptions import UpdateFinishedTrialError

    count = 0
    while not stop.wait(interval):
        count += 1
        try:
            trial.set_user_attr(BEAT, count)
        except UpdateFinishedTrialError:  # given up for lost by another worker: there is no one left to tell
            return
        except broken():  # a full disk, a connection: it may come back before the trial ends
            continue
