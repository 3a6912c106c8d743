"""What puts back what a plan has changed, where it cannot go on: memory outside, gradients, generators, optimisers."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from tensorgrad.base.dtypes import Array
from tensorgrad.base.watched import AGAIN
from tensorgrad.engine.tensor import Tensor
from tensorgrad.optim.lr_scheduler import LRScheduler
from tensorgrad.optim.optimizer import Optimizer

Undo = Callable[[], Any]
"""What puts something back to where it was, and returns what does the opposite."""


class Journal:
    """What has to be undone if a run does not come to its end; nothing any more from where it cannot but do so.

    One that `lasts` is kept to undo the first part of a run whenever the second one does not come to its end. `before`
    is called before what has been done stands.
    """

    def __init__(self, lasts: bool = False, before: Callable[[], Any] | None = None) -> None:
        self.before = before
        self.steps: list[Callable[[], Callable[[], Any]]] = []  # each returns what does it again
        self.lasts = lasts
        self.settled = False
        self.answers: list[Array] = []  # what others have given to the exchanges of the run
        self._first: int | None = None  # how many of them are of its first part, once that is over

    def exchanged(self, function: Callable[..., Array], *args: Any, **kwargs: Any) -> Array:
        """Return what an exchange gives, and keep it for a run anew: others will not exchange it twice."""
        y = function(*args, **kwargs)
        self.answers.append(y.copy())
        return y

    def begin_second(self) -> None:
        """Note that the second part begins, which it may do several times."""
        if self._first is None:
            self._first = len(self.answers)
        del self.answers[self._first :]

    def memory(self, arrays: Sequence[Array], rooms: Sequence[Array]) -> None:
        """Keep the elements of each of `arrays` in one of `rooms`."""
        for array, room in zip(arrays, rooms, strict=True):
            np.copyto(room, array)

        def back() -> Callable[[], Any]:
            now = [array.copy() for array in arrays]
            deque(map(np.copyto, arrays, rooms), 0)
            return lambda: deque(map(np.copyto, arrays, now), 0)

        self.steps.append(back)

    def settle(self) -> None:
        """Let what has been done stand."""
        if self.before is not None:
            self.before()
        if not self.lasts:
            self.steps.clear()
        self.settled = True

    def undo(self) -> list[Callable[[], Any]]:
        """Undo all that has been done, the last thing first; return what does it again, to be called in order."""
        AGAIN.extend(self.answers)
        again = [step() for step in reversed(self.steps)]
        return again[::-1]


class Outside:
    """A call of what looks after its arrays itself."""

    def __init__(self, function: Callable[..., Any]) -> None:
        self.function = function
        self.__qualname__ = function.__qualname__

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Outside) and other.function is self.function

    def __hash__(self) -> int:
        return hash(self.function)

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        """Call it; of a tensor that it returns, a plan goes on with the array."""
        result = self.function(*args, **kwargs)
        return result.array if isinstance(result, Tensor) else result

    def undo(self, *args: Any) -> Undo:
        """Return what puts back what the call may change: optimisers, schedules, gradients of tensors."""
        return changed_by(args)


def changed_by(things: Any) -> Undo:
    """Return what puts back what may be changed of optimisers, schedules and gradients of tensors."""
    undone = [u for thing in things for u in _of(thing)]

    def back() -> Undo:
        again = changed_by(things)
        for one in undone:
            one()
        return again

    return back


def _of(thing: Any) -> list[Callable[[], Any]]:
    if isinstance(thing, Optimizer):
        return _of_optimizer(thing)
    if isinstance(thing, LRScheduler):
        before = dict(vars(thing))
        return [lambda: vars(thing).update(before), *_of(thing.optimizer)]
    if isinstance(thing, Tensor):
        return [] if thing.kept_grad is None else [_elements(thing.kept_grad)]
    return [u for part in thing for u in _of(part)] if isinstance(thing, list | tuple) else []


def _of_optimizer(optimizer: Optimizer) -> list[Callable[[], Any]]:
    groups = [(group, dict(group)) for group in optimizer.param_groups]
    states = {p: (state, dict(state)) for p, state in optimizer.state.items()}
    kept = [x for _, state in states.values() for x in state.values() if isinstance(x, Tensor)]

    def undo() -> None:
        for p in set(optimizer.state) - set(states):
            del optimizer.state[p]
        for mapping, before in (*groups, *states.values()):
            mapping.clear()
            mapping.update(before)

    return [undo, *map(_elements, kept), *(_elements(p) for group, _ in groups for p in group["params"])]


def _elements(x: Tensor) -> Callable[[], Any]:
    before = x.array.copy()

    def undo() -> None:
        x.array[...] = before

    return undo
