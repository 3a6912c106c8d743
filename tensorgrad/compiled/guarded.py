"""A plan for one kind of call: when it holds, and what it returns and leaves behind."""

from __future__ import annotations

import threading
import weakref
from operator import attrgetter, call, is_
from typing import Any

import numpy as np

from tensorgrad.base.watched import AGAIN
from tensorgrad.engine.tensor import Tensor, wrap
from tensorgrad.engine.writes import note_all
from tensorgrad.program.contents import Step
from tensorgrad.program.fetches import nothing
from tensorgrad.program.numpyplan import Deviation, NumpyPlan, deviate

from .backends import planned
from .captured import Captured
from .interrupts import Interrupts
from .later import Later
from .planned import planned_tensors
from .returned import delivered
from .secondpart import Asked
from .signature import Call
from .undo import Journal

_tracked, _array_of, _gradient_of = attrgetter("tracked"), attrgetter("array"), attrgetter("kept_grad")
_kind_of = attrgetter("__class__", "shape", "dtype", "strides")


class Version:
    """What was captured, as a plan; it holds while all that it depends on is as it was.

    A plan has memory of its own, and serves one run at a time: while a run waits for its second part, the next one
    takes another plan.
    """

    def __init__(self, captured: Captured, before: Captured, backend: str) -> None:
        assert captured.structure is not None
        self.structure, self.outputs, self.second = captured.structure, captured.outputs, captured.second
        self.unchanged, self.written = captured.holds, captured.written
        self.own, self.given_own = captured.own, captured.given_own
        self.tensors = [x for x, _ in captured.tensors.values()]
        self.tracked = list(map(_tracked, self.tensors))
        self.kinds = [_kind_of(x.array) for x in self.tensors]
        self.arrays: list[Any] = [nothing] * len(self.tensors)  # weak references to those of which that is known
        both = {i: (x, none) for i, (x, none) in captured.tensors.items() if i in before.tensors}
        alike = [(x, none) for i, (x, none) in both.items() if before.tensors[i][1] == none]
        self.filling = [x for x, _ in alike]  # a gradient that was there then, and not now, made no difference
        self.filled = [none for _, none in alike]
        self.program = captured.program
        self.plan = planned(self.program, backend)
        self.free = [self.plan]
        self.lock = threading.Lock()
        self.runs = self.deviations = self.last = 0
        self.stopped = ""  # why the last run that did not come to its end did not, if no check tells
        things = [one.thing for one in self.written if not one.gradient]  # whose memory the journal has
        self.noted = [thing for thing in things if isinstance(thing, Tensor)]
        self.read = [x for x in self.tensors if not any(x is thing for thing in things)]
        self.numbers = {thing for thing in things if isinstance(thing, int)}
        self.noted_too = [one for one in self.written if one.gradient or isinstance(one.thing, int)]
        first = self.plan.first
        self.gradients = any(map(_is_of_gradients, first))
        self.acts = bool(self.written) or any(step.kind in ("publish", "outside", "draw", "exchange") for step in first)
        self.arrived = [captured.arrived, before.arrived]
        self.asked = None if self.second is None else self.second.asked  # what is asked for by now

    def holds(self, given: list[Tensor]) -> bool:
        """Return whether the plan does now what the function would do; `given` are the tensors that it is given."""
        return (
            [id(x) in self.own for x in given] == self.given_own
            and self.fits()
            and [g is None for g in map(_gradient_of, self.filling)] == self.filled
        )

    def fits(self) -> bool:
        """Return whether all is as it was, but for gradients."""
        return list(map(_tracked, self.tensors)) == self.tracked and self._lie_alike() and self.unchanged()

    def _lie_alike(self) -> bool:
        """Return whether the arrays lie as they did; those that have once still do, for nobody lays an array out anew.

        Equal to asking each time: ``list(map(_kind_of, arrays)) == self.kinds``.
        """
        arrays = list(map(_array_of, self.tensors))
        if all(map(is_, arrays, map(call, self.arrays))):
            return True
        if list(map(_kind_of, arrays)) != self.kinds:
            return False
        self.arrays = list(map(weakref.ref, arrays))
        return True

    def asked_anew(self) -> bool:
        """Return whether other gradients have been asked for than the plan gives."""
        return self.second is not None and self.asked != self.second.asked

    def asked_again(self) -> bool:
        """Return whether derivatives have been asked for that no plan gives: of gradients, or in forward mode."""
        one, other = self.arrived
        return one.again or other.again

    def take(self) -> NumpyPlan:
        """Return a plan that nobody uses."""
        with self.lock:
            if self.free:
                return self.free.pop()
        return self.plan.another()

    def run(self, call: Call) -> Any:
        """Return what the function would return, and leave behind what it would; NOT_RUN where it has to run itself."""
        if not self.acts:
            return self._run(call, Interrupts())
        interrupts = Interrupts()
        try:
            return self._run(call, interrupts)
        finally:
            interrupts.release()

    def _run(self, call: Call, interrupts: Interrupts) -> Any:
        plan = self.take()
        journal = Journal(self.second is not None, interrupts.hold if self.acts else None)
        run = None
        try:
            with np.errstate(all="ignore", call=deviate):
                run = plan.run(call.given, journal)
                arrays = run if self.second is None else next(run)
        except BaseException as error:
            if journal.settled and isinstance(error, Exception):
                raise
            interrupts.hold()
            journal.undo()
            if not isinstance(error, Exception):
                AGAIN.clear()  # there is no run anew
                raise
            self.deviations += isinstance(error, Deviation)
            self.stopped = _stopped(error)
            return NOT_RUN
        finally:
            if self.second is None or run is None:
                self.free.append(plan)
        self.note(call.given)
        live = [] if self.second is None else self._tensors(plan, run, journal, call, arrays)
        return self.structure(delivered(self.outputs, call.given, arrays, live))

    def note(self, given: list[Tensor]) -> None:
        """Note what has been written: cheap when the run, which held all arrays, is over."""
        note_all([*self.noted, *(x for one in self.noted_too if (x := one.tensor(given)) is not None)])

    def _tensors(self, plan: NumpyPlan, run: Any, journal: Journal, call: Call, arrays: Any) -> list[Tensor]:
        """Return the results that gradients can be asked for through; the plan is free when nobody can any more."""
        assert self.second is not None
        given = call.given
        later = Later(run, journal, call, self.outputs, self.second, self._ask)
        weakref.finalize(later, self.free.append, plan)
        apart = [x for i, x in enumerate(given) if i not in self.numbers]
        later.depend_on([*self.read, *apart], lambda: self._does_again(call))
        things = self.second.targets, self.second.kept
        targets, kept = ([given[t] if isinstance(t, int) else t for t in part] for part in things)
        kept += [wrap(arrays[i]) for i in self.second.results]
        new = [output for output in self.outputs if output.number is not None]
        live = [a for a, output in zip(arrays, new, strict=True) if output.live]
        return planned_tensors(later, live, kept, targets)

    def _ask(self, asked: Asked | None) -> None:
        """Note for which gradients the plan was not made; a check inside, or other ones; None for second ones."""
        if asked is None:
            self.arrived[0].again = True
        else:
            self.deviations += 1
            self.asked = asked

    def _does_again(self, call: Call) -> bool:
        """Return whether the function would do again what it did."""
        if self.gradients:
            return self.holds(call.given) and call.is_unchanged(gradients=True)
        return self.fits() and call.is_unchanged(gradients=False)


NOT_RUN = object()


def _stopped(error: Exception) -> str:
    """Return in words why a run did not come to its end, where the function itself did the same as ever."""
    if isinstance(error, Deviation):
        return "NumPy warns of its numbers at each call (an overflow, a division by zero, a value that is not valid)"
    return f"its plan cannot go on ({type(error).__name__}: {error})"


def _is_of_gradients(step: Step) -> bool:
    """Return whether a step depends on what stands in `grad`, or changes it."""
    return step.kind in ("publish", "outside") or (step.kind == "fetch" and step.args[1] == "kept_grad.array")
