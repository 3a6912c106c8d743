"""The watch over one run of a function: what it reaches is fetched where it is read, and told where it changes."""

from __future__ import annotations

import gc
import weakref
from collections.abc import Callable, Iterable, Iterator
from itertools import chain, compress, tee
from operator import attrgetter
from typing import Any

import numpy as np

from tensorgrad.base.callsite import told, users_line
from tensorgrad.base.watched import Watched, is_watched, unwatched, watched_by, watched_in
from tensorgrad.engine.fused import Saved
from tensorgrad.engine.shared_memory import plain
from tensorgrad.engine.tensor import Node, Tensor, wrap
from tensorgrad.engine.views import position_of
from tensorgrad.errors import CompileError
from tensorgrad.program.contents import WARNED, Given, Step
from tensorgrad.program.recorder import Recording

from .reach import Reached
from .results import tensors_of
from .undo import Outside

_state_of = attrgetter("kept_grad", "node", "tracked")


class Capture(Recording):
    """A recording of a function that reaches tensors: each is fetched where it is read, and told where it changes."""

    def __init__(self, reached: Reached, given: list[Tensor], strict: bool) -> None:
        super().__init__()
        self.strict = strict
        # whatever NumPy is told now: the next call may be told of what this one is not
        self.loud = any(map("warn".__ne__, map(np.geterr().get, WARNED)))
        self.reached = reached
        self.given = given
        self.tensors: list[Tensor] = []
        self.before: dict[int, tuple[Any, ...]] = {}  # by the id of a tensor: itself, and its state at first
        self.fillings: set[int] = set()  # the ids of what stands, or has stood, in `grad` of others
        self.arrays: dict[int, Any] = {}  # by the id of a tensor: its memory, as it was fetched last
        self.marked: dict[int, Any] = {}  # the same with the mark that others may write there, if it has one
        self.gradients: dict[int, Any] = {}  # of each tensor that was there: what stands in `grad`, as was told last

    def begin(self) -> None:
        """Let all that is reached be watched."""
        numbers = {id(x): i for i, x in enumerate(self.given)}
        filled = {id(x.kept_grad): x for x in self.reached.tensors if x.kept_grad is not None}
        self.fillings |= filled.keys()
        self.tensors = list(self.reached.tensors)
        for x in self.tensors:
            self.before.setdefault(id(x), (x, *_state_of(x)))
            self.arrays[id(x)], self.marked[id(x)] = plain(x.array), x.array
            held, path = (
                (filled[id(x)], "kept_grad.array") if id(x) in filled and id(x) not in numbers else (x, "array")
            )
            array: Any = self.fetched(x.array, numbers.get(id(held), held), path, plain)
            x.array = array
        self.gradients = {id(x): x.kept_grad for x in self.tensors}

    def end(self, found: Iterable[Tensor]) -> None:
        """Let nothing be watched any more."""
        for x in (*self.tensors, *found):
            self._unwatch(x)
            if x.kept_grad is not None:
                self._unwatch(x.kept_grad)

    def _unwatch(self, x: Tensor) -> None:
        if is_watched(x.array):
            watched, array, position = x.array, unwatched(x.array), position_of(x)
            same = array is self.arrays.get(id(x))
            x.array = self.marked[id(x)] if same else np.asarray(array)
            if position is not None and position.array is watched:
                position.array = x.array

    def close(self) -> None:
        """Let go of what has been watched; where some of it is still held, by what the function has kept, mend that."""
        living = [weakref.ref(x) for x in self.watched]
        self.watched.clear()
        self.known.clear()
        if all(ref() is None for ref in living):
            return
        for thing in _of_kinds({Node, *_with_subclasses(Tensor)}):
            if type(thing) is not Node:
                if is_watched(_array_of(thing)):
                    thing.array = np.asarray(unwatched(thing.array))
            elif getattr(thing, "primitive", None) is not None:
                if any(map(watched_in, thing.params.values())):
                    thing.params = unwatched(thing.params)
                if thing.saved:
                    thing.saved = mapped(unwatched, thing.saved)

    def thing(self, x: Tensor) -> Tensor | int:
        """Return the number that `x` was given with, or else itself."""
        return next((i for i, other in enumerate(self.given) if other is x), x)

    def copy(self, number: int) -> Watched:
        """Return a copy of a value, made whenever the program runs."""
        return self.called(np.copy, (self.watched[number],), {}, None)  # type: ignore[no-any-return]

    def swept(self, nodes: list[Node]) -> None:
        """Note if derivatives are computed through what was recorded before; the second part ends there."""
        if self.program.part is None:
            super().swept(nodes)

    def unfit(self, why: str) -> None:
        """Note why no program does what is recorded; raise CompileError where that is asked for."""
        super().unfit(why)
        if self.strict:
            raise CompileError(f"compile(fullgraph=True): {why}")

    def tell(self) -> None:
        """Note which tensors have another gradient than was told."""
        for x in self.tensors:
            g = x.kept_grad
            if g is self.gradients[id(x)]:
                continue
            self.gradients[id(x)] = g
            if g is not None and (g.node is not None and g.tracked):
                self.unfit("a gradient with a history of its own (create_graph=True) is left in .grad")
            array = None if g is None else self.argument(g.array)
            thing = self.thing(x)
            told_to = (Given(thing),) if isinstance(thing, int) else ()
            self.note(Step("publish", Told(thing), (array, *told_to)))

    def outside(self, function: Callable[..., Any], args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
        """Call what looks after its arrays itself; all that is reached is fetched anew after it."""
        name, advice = function.__qualname__, "call backward() before it, and step() without arguments"
        if any(is_watched(x.array) and id(x) not in self.gradients for x in tensors_of((args, kwargs))):
            self.unfit(f"{told(users_line())}: {name} was given a tensor that is computed here: {advice}")
        if any(callable(a) for a in (*args[1:], *kwargs.values())):
            self.unfit(f"{told(users_line())}: {name} was given a function: {advice}")
        self.tell()
        self.end(())
        with watched_by(None):
            result = function(*args, **kwargs)
        step = Step("outside", Outside(function), args, kwargs)
        self.note(step)
        self.reached = Reached()
        self.reached.add([*self.tensors, *(x.kept_grad for x in self.tensors)])
        self.begin()
        if isinstance(result, Tensor):
            made: Any = self._new(result.array, "made")
            step.out = made.number
            result.array = made
        elif result is not None:
            self.broke(name, result)
        return result


def _with_subclasses(cls: type) -> Iterator[type]:
    yield cls
    below: type
    for below in cls.__subclasses__():
        yield from _with_subclasses(below)


def _of_kinds(kinds: set[type]) -> list[Any]:
    """Return all objects of these classes, found in one call of C.

    So no other thread runs while all objects are held: Python takes it amiss if a tuple is that it is just filling. Nor
    does the collector, whose callbacks would let others run.
    """
    all_of_them, again = tee(chain.from_iterable(map(gc.get_objects, (None,))))
    collects = gc.isenabled()
    gc.disable()
    try:
        return list(compress(all_of_them, map(kinds.__contains__, map(type, again))))
    finally:
        if collects:
            gc.enable()


def _array_of(x: Tensor) -> Any:
    """Return the array of a tensor; None of one that is half made, or whose shape is not known yet."""
    try:
        return vars(Tensor)["array"].__get__(x)
    except AttributeError:
        return None


def mapped(change: Callable[[Any], Any], saved: tuple[Any, ...]) -> tuple[Any, ...]:
    """Return what a node saves, changed."""
    if type(saved) is tuple:
        return tuple([change(v) for v in saved])
    made = type(saved)([change(v) for v in saved])
    # what fused forms, functions of the user's and plans keep beside it
    vars(made).update(vars(saved))
    if isinstance(made, Saved):
        made.residuals = tuple([change(v) for v in made.residuals])
    return made


class Told:
    """What tells its gradient to a tensor, or to the one given with a number, which is then an argument."""

    def __init__(self, thing: Tensor | int) -> None:
        self.thing = thing
        self.key = thing if isinstance(thing, int) else id(thing)

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Told) and type(other.thing) is type(self.thing) and other.key == self.key

    def __hash__(self) -> int:
        return self.key

    def undo(self, given: Tensor | None = None) -> Callable[[], Any]:
        """Return what puts back the gradient of now."""
        x: Any = self.thing if given is None else given
        before = x.kept_grad

        def back() -> Callable[[], Any]:
            again = self.undo(given)
            x.kept_grad = before
            return again

        return back

    def __call__(self, array: Any, given: Tensor | None = None) -> None:
        """Let `array` be the gradient; None for none."""
        x: Any = self.thing if given is None else given
        x.kept_grad = None if array is None else wrap(array)
