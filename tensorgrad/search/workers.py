"""Several workers on one storage: who runs which trial, who is alive, and what a dead one has left behind.

The n trials of a search are its slots 0 to n - 1. What a trial draws depends on the seed and its slot alone, so that it
is the same whoever runs it, and when. A trial that no one finished leaves its slot to another trial with the same
parameters. Everything that workers tell one another stands in the storage; their clocks are not compared.
"""

from __future__ import annotations

import os
import socket
import threading
import time
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

SLOT, RETRY, OWNER, BEAT, NAN, SURPLUS, NOTES = "slot", "retry", "owner", "beat", "nan", "surplus", "notes"
"""The attributes of trials that workers tell one another by."""

BEATS = 4  # as many as must fail to appear before a worker counts as dead

MACHINE = f"{socket.gethostname()}-{uuid.getnode():x}"


def slot_of(study: Any, trial: Any) -> int:
    """Return the slot of a trial: how many have come before it, not counting those that repeat one or were too many."""
    given = trial.user_attrs.get(SLOT)
    if given is not None:
        return int(given)
    before = [other for other in study.get_trials(deepcopy=False) if other.number < trial.number]
    return sum(not (RETRY in other.user_attrs or SURPLUS in other.user_attrs) for other in before)


def done(study: Any) -> dict[int, Any]:
    """Return the finished trials by slot; of several in one slot the first."""
    found: dict[int, Any] = {}
    for trial in study.get_trials(deepcopy=False):
        no_number = trial.state.name == "FAIL" and NAN in trial.user_attrs
        if no_number or trial.state.name in {"COMPLETE", "PRUNED"}:
            found.setdefault(trial.user_attrs[SLOT], trial)
    return found


def again(study: Any, trial: Any) -> None:
    """Put a trial that no one finished into the queue, with its slot and its parameters."""
    study.enqueue_trial(dict(trial.params), user_attrs={SLOT: slot_of(study, trial), RETRY: trial.number})


class Watch:
    """One worker's view of the others.

    Args:
        patience: seconds without a beat after which a trial counts as lost; a trial of a process of this machine that
            has ended is lost at once.
    """

    def __init__(self, patience: float) -> None:
        self._patience = patience
        self._seen: dict[int, tuple[Any, float]] = {}

    def rescue(self, study: Any) -> None:
        """Put every lost trial into the queue: those whose worker is dead, and those that ended with an error."""
        trials = study.get_trials(deepcopy=False)
        repeated = {trial.user_attrs.get(RETRY) for trial in trials}
        for trial in trials:
            state, told = trial.state.name, trial.user_attrs
            if state == "RUNNING" and self._lost(trial):
                state = "FAIL" if _fail(study, trial.number) else state
            if state == "FAIL" and NAN not in told and SURPLUS not in told and trial.number not in repeated:
                again(study, trial)

    def _lost(self, trial: Any) -> bool:
        machine, _, process = str(trial.user_attrs.get(OWNER, "")).rpartition(":")
        if machine == MACHINE and not _runs(int(process)):
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
    from optuna.exceptions import StorageInternalError, UpdateFinishedTrialError

    count = 0
    while not stop.wait(interval):
        count += 1
        try:
            trial.set_user_attr(BEAT, count)
        except UpdateFinishedTrialError:  # given up for lost by another worker: there is no one left to tell
            return
        except (OSError, StorageInternalError):  # a full disk, a connection: it may come back before the trial ends
            continue
