"""One run of a function under a watch: what it returns, and the program that does the same on other data.

The run is an ordinary one, with its results and its effects. What it did that no program repeats is told as a *reason*:
a value that Python read, something outside that it changed, a call of which nothing is known.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any, NamedTuple

from tensorgrad.base.context import context
from tensorgrad.base.dtypes import get_default_dtype
from tensorgrad.base.watched import unseen, unwatched, watched_by
from tensorgrad.engine.tensor import Tensor
from tensorgrad.program.contents import Program

from .arrivals import Arrived, arrivals
from .capture import Capture
from .reach import Reached
from .results import Structure, containers_of, outline, structure_of, tensors_of
from .returned import Returned, Written, returned, written
from .secondpart import Asked, Second, second_part
from .signature import Call
from .watchdog import effects_noted


class Captured(NamedTuple):
    """What a run has shown: why no program repeats it, or else the program, when it holds, and how results are made.

    Of the numbers of the run only constants are kept.

    Attributes:
        outline: what the result is but for its tensors.
        tensors: those that the function reaches, but for those that it was given and for gradients; and whether they
            had no gradient at first.
        holds: tells whether all else that it reaches is what it was.
        disturbed: another thread has used the same tensors meanwhile, perhaps for the function.
        arrived: which gradients have been asked for of the result of this run.
    """

    reasons: list[str]
    program: Program
    outline: Any
    structure: Structure | None
    outputs: list[Returned]
    second: Second | None
    written: list[Written]
    tensors: dict[int, tuple[Tensor, bool]]
    holds: Callable[[], bool]
    own: dict[int, Tensor]  # what is reached without being given, by id
    given_own: list[bool]  # of what is given, whether it is reached anyway
    disturbed: bool
    arrived: Arrived

    def asked(self) -> Asked | None:
        """Return which gradients were asked for of the result; None for none."""
        strides = self.arrived.strides
        return tuple(map(strides.get, range(len(self.second.asked)))) if self.second and strides else None


def reached_by(call: Call) -> Reached:
    """Return what a call reaches."""
    reached = Reached(call.function)
    reached.add(call.function)
    reached.own = {id(x): x for x in reached.tensors}
    reached.add_given(call.args)
    reached.add_given(call.kwargs)
    return reached


def captured(call: Call, reached: Reached, strict: bool, asked: Asked | None) -> tuple[Any, Captured]:
    """Run a function that reaches this under a watch; return its result, and what that has shown.

    `asked` tells through which results gradients will flow back, if that is known.

    Raises:
        CompileError: there can be no program, and `strict` asks for one.
    """
    holds = reached.guard()
    capture = Capture(reached, call.given, strict)
    effects: list[str] = []
    result: Any = None
    capture.begin()
    before, mode = unseen[0], (context().grad, context().flags, get_default_dtype())
    try:
        with watched_by(capture), effects_noted(effects, reached.streams):
            result = call.run()
            capture.tell()
            found = list(tensors_of(result))
            outputs = returned(found, capture)
            capture.program.results = [o.number for o in outputs if o.number is not None]
            changed = written(capture)
            second = second_part(found, outputs, capture, asked)
            capture.check_constants()
        disturbed = unseen[0] != before
        if (context().grad, context().flags, get_default_dtype()) != mode:
            capture.unfit("the grad mode or the default dtype is another one afterwards")
        changes = () if capture.breaks else _changes(capture)  # numpy() lends out memory
        for why in (*effects, *reached.foreign, *changes):
            capture.unfit(why)
        if not (holds() and reached.is_given_unchanged()):
            capture.unfit(
                f"it changes {reached.changed()}, which no plan does: change it outside, or keep it in a tensor"
            )
    finally:
        capture.end(tensors_of(result))
        capture.close()
    structure = _structure(result, capture)
    apart = {*map(id, call.given), *capture.fillings}
    tensors = {i: (x, filled is None) for i, (x, filled, *_) in capture.before.items() if i not in apart}
    capture.program.forget()
    arrived = arrivals([x for x, output in zip(found, outputs, strict=True) if output.live and not capture.breaks])
    return result, Captured(
        capture.breaks, capture.program, outline(result), structure, outputs, second, changed, tensors, holds,
        reached.own, [id(x) in reached.own for x in call.given], disturbed, arrived,
    )  # fmt: skip


def _structure(result: Any, capture: Capture) -> Structure | None:
    structure = structure_of(result)
    if structure is None:
        capture.unfit(f"the result holds more than tensors and numbers: {type(result).__name__}")
    if any(map(capture.reached.has, containers_of(result))):
        capture.unfit("a list or a dict that was there before is returned")
    return structure


def _changes(capture: Capture) -> Iterator[str]:
    """Yield what a run has changed of the tensors that were there, other than their elements and gradients."""
    for x, _, node, tracked in capture.before.values():
        if unwatched(x.array) is not capture.arrays[id(x)]:
            yield "a tensor that was there before has got other memory"
        if x.tracked != tracked:
            yield "requires_grad of a tensor that was there before has been changed"
        if x.tracked and x.node is not node and x.node is not None and x.node.primitive is not None:
            yield "a tensor that was there before has got a history"
