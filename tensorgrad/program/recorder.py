"""Recording a program: what a run of Python code does to watched arrays, call by call."""

from __future__ import annotations

import operator
from collections.abc import Callable
from typing import Any

import numpy as np

from tensorgrad.base.callsite import told, users_line
from tensorgrad.base.numerics import owner_of
from tensorgrad.base.watched import Watched, answered, unwatched, watched_by
from tensorgrad.engine.numpycalls import Part
from tensorgrad.engine.tensor import Node, tick

from .asifthere import as_there
from .contents import WARNED, Program, Ref, Step, Value, same_bits
from .forms import form_of, takes_out_last

_NOT_FOLLOWED = "and what is made of it is not followed: compute it with tensors, or read it outside"


class Draws:
    """A draw from a generator of the library: by a method of NumPy's generator behind it, or by a function of that."""

    def __init__(self, generator: Any, call: Callable[..., Any] | str) -> None:
        self.generator = generator
        self.call = call

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Draws) and other.generator is self.generator and other.call == self.call

    def __hash__(self) -> int:
        return hash((id(self.generator), self.call))

    def undo(self) -> Callable[[], Any]:
        """Return what puts the generator back to where it is now."""
        return _to_state(self.generator)

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        """Draw."""
        source = self.generator.numpy
        if isinstance(self.call, str):
            return getattr(source, self.call)(*args, **kwargs)
        return self.call(source, *args, **kwargs)


def _to_state(generator: Any) -> Callable[[], Any]:
    source, state = generator.numpy, generator.numpy.bit_generator.state

    def back() -> Callable[[], Any]:
        again = _to_state(generator)
        source.bit_generator.state = state
        return again

    return back


class Recording:
    """A watch that makes a program of what it is told; `breaks` tells what no program can say, and where."""

    one_way = False

    def __init__(self) -> None:
        self.program = Program()
        self.breaks: list[str] = []
        self.watched: list[Watched] = []  # by number
        self.known: dict[int, Watched] = {}  # by the id of a plain array
        self.blocks: dict[int, int] = {}  # by the id of the array that owns the memory
        self.began = tick()
        self.loud = False  # all that is recorded
        self.constants: dict[int, tuple[Any, Any]] = {}  # by block: an array, and its elements when it was first seen

    def root(self, array: Any, kind: str) -> Watched:
        """Return `array`, which was there before, watched from now on."""
        found = self.known.get(id(array))
        return self._new(array, kind) if found is None else found

    def fetched(self, array: Any, thing: Any, path: str, plain: Callable[[Any], Any]) -> Watched:
        """Return `array`, which stands at `path` of a thing outside, or of the one given with that number, watched."""
        watched = self._new(plain(array), "fetched")
        self.note(Step("fetch", plain, (thing, path), out=watched.number))
        return watched

    def _new(self, array: Any, kind: str, block: int | None = None, source: int | None = None) -> Watched:
        program = self.program
        number = len(program.values)
        whole = array if isinstance(array, np.ndarray) else np.asarray(array)
        if block is None:
            block = self.blocks.setdefault(id(owner_of(whole)), len(self.blocks))
        scalar = not isinstance(array, np.ndarray)
        program.values.append(Value(number, kind, block, whole.shape, whole.dtype, whole.strides, source, scalar))
        program.arrays.append(whole)
        if kind == "constant":
            self.constants.setdefault(block, (whole, whole.copy()))
        made = Watched(whole, number, scalar)
        self.watched.append(made)
        self.known[id(whole)] = made
        return made

    def is_mine(self, x: Any) -> bool:
        """Return whether `x` is an array that is watched here, and not one that an earlier watch has left behind."""
        return type(x) is Watched and x.number < len(self.watched) and self.watched[x.number] is x

    def check_constants(self) -> None:
        """Note if what was taken for constants has been written since, unseen."""
        for array, before in self.constants.values():
            if not same_bits(array, before):
                self.unfit("NumPy code has written to an array between two uses of it: write to a tensor")

    def argument(self, value: Any) -> Any:
        """Return `value` as it stands among the arguments of a step."""
        kind = type(value)
        if kind is Watched:
            return Ref(value.number) if self.is_mine(value) else self.argument(value.inner)
        if isinstance(value, np.ndarray):
            if id(value) not in self.known and self.blocks.get(id(owner_of(value)), -1) not in (-1, *self.constants):
                self.broke("NumPy code that is not followed", value)
            return Ref(self.root(value, "constant").number)
        if kind is list or isinstance(value, tuple):
            return (list if kind is list else tuple)(map(self.argument, value))
        if kind is slice:
            return slice(self.argument(value.start), self.argument(value.stop), self.argument(value.step))
        return {k: self.argument(v) for k, v in value.items()} if kind is dict else value

    def called(
        self, function: Callable[..., Any], args: tuple[Any, ...], kwargs: dict[str, Any], out: tuple[Any, ...] | None
    ) -> Any:
        """Run a call, and note it."""
        plain, rest = unwatched(args), unwatched(kwargs)
        if out is not None and any(o is not None for o in out):
            return self._into(function, args, kwargs, out)
        with watched_by(None):  # what is told as one call may consist of others that are
            result = as_there(function, plain, rest)
        if isinstance(result, tuple | list):
            first = len(self.program.steps)
            parts = [self._result(Part(function, i), args, kwargs, r, plain) for i, r in enumerate(result)]
            for step in self.program.steps[first:]:
                step.once = first
            return type(result)(*parts) if hasattr(result, "_fields") else type(result)(parts)
        return self._result(function, args, kwargs, result, plain)

    def _result(self, function: Any, args: Any, kwargs: Any, result: Any, plain: Any) -> Any:
        if isinstance(result, bool):
            self.note(Step("check", function, self.argument(args), self.argument(kwargs), expected=result))
            return result
        if not isinstance(result, np.ndarray | np.generic):
            self.broke(f"{getattr(function, '__name__', function)}", result)
            return result
        source = _source(result, plain)
        if source is not None:
            root = self.root(source, "constant")
            if result is source:
                return root
            of = self.program.values[root.number]
            made = self._new(result, of.kind, of.block, of.number)
            self.note(Step("view", function, self.argument(args), self.argument(kwargs), made.number))
            return made
        form = form_of(function, args, kwargs)
        told_, kind = (function, args, kwargs), "made"
        if form is not None and _gives(form, result):
            told_, kind = form, "own"
        made = self._new(result, kind)
        self.note(Step("call", told_[0], self.argument(told_[1]), self.argument(told_[2]), made.number))
        return made

    def _into(self, function: Any, args: Any, kwargs: Any, out: tuple[Any, ...]) -> Any:
        """Run a call whose result goes to `out`."""
        if not all(map(self.is_mine, out)):
            self.broke(f"{getattr(function, '__name__', function)}, which wrote to an array of NumPy's,", out[0])
        targets = unwatched(out)
        arguments = self.argument(args), self.argument(kwargs)
        rest = {**unwatched(kwargs), "out": targets if isinstance(function, np.ufunc) else targets[0]}
        as_there(function, unwatched(args), rest)
        numbers = tuple(o.number for o in out if self.is_mine(o))
        keywords = {
            **arguments[1],
            "out": tuple(map(Ref, numbers)) if isinstance(function, np.ufunc) else Ref(numbers[0]),
        }
        self.note(Step("call", function, arguments[0], keywords, writes=numbers))
        return out[0] if len(out) == 1 else out

    def wrote(self, function: Callable[..., Any], args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
        """Run a call that writes to the first of its arguments, and note it."""
        target = args[0]
        if not self.is_mine(target):
            self.broke(f"{getattr(function, '__name__', function)}, which wrote to an array of NumPy's,", target)
            return function(*unwatched(args), **unwatched(kwargs))
        arguments = self.argument(args), self.argument(kwargs)
        result = as_there(function, unwatched(args), unwatched(kwargs))
        self.note(Step("call", function, *arguments, writes=(target.number,)))
        return target if result is target.inner else result

    def drew(
        self, generator: Any, call: Callable[..., Any] | str, args: tuple[Any, ...], kwargs: dict[str, Any]
    ) -> Any:
        """Draw from a generator, and note it."""
        function = Draws(generator, call)
        result = function(*unwatched(args), **unwatched(kwargs))
        if not isinstance(result, np.ndarray | np.generic | float | int):
            self.broke(f"{call} of a generator", result)
            return result
        made = self._new(result, "made")
        self.note(Step("draw", function, self.argument(args), self.argument(kwargs), made.number))
        return made

    def exchanged(self, function: Callable[..., Any], args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
        """Exchange an array with other processes, and note it."""
        with watched_by(None):
            result = answered(function, unwatched(args), unwatched(kwargs))
        made = self._new(result, "made")
        self.note(Step("exchange", function, self.argument(args), self.argument(kwargs), made.number))
        return made

    def outside(self, function: Callable[..., Any], args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
        """Note that there is a call of which nothing is known here."""
        self.unfit(f"{getattr(function, '__qualname__', function)} was called")
        return function(*args, **kwargs)

    def checked(self, x: Watched) -> None:
        """Note that the truth value of `x` was asked for."""
        self.note(Step("check", operator.truth, (self.argument(x),), {}, expected=bool(x.inner)))

    def broke(self, how: str, value: Any) -> None:
        """Note that `value` was read."""
        where = f"{told(users_line())}: "
        text = f"gave {_shortened(unwatched(value))}, {_NOT_FOLLOWED}"
        for why in self.breaks:  # of many numbers that a text is made of the first, and what is read in two ways once
            if why.startswith(where) and (why.startswith(f"{where}{how} gave ") or why.endswith(f" {text}")):
                return
        self.unfit(f"{where}{how} {text}")

    def swept(self, nodes: list[Node]) -> None:
        """Note if derivatives are computed through what was recorded before: its values would be constants."""
        old = next((n for n in nodes if n.primitive is not None and n.serial < self.began), None)
        if old is not None and old.primitive is not None:
            self.unfit(
                f"{told(users_line())}: the backward pass goes through {old.primitive.name}, which was computed before"
            )

    def unfit(self, why: str) -> None:
        """Note why no program does what is recorded."""
        if why not in self.breaks:
            self.breaks.append(why)

    def note(self, step: Step) -> None:
        """Add a step; it is loud where NumPy may warn of what it computes."""
        step.place = users_line()
        step.loud = step.kind == "call" and (self.loud or any(map("ignore".__ne__, map(np.geterr().get, WARNED))))
        self.program.steps.append(step)


def _shortened(value: Any) -> str:
    text = " ".join(str(value).split())
    return text if len(text) <= 60 else f"{text[:57]}..."


def _source(result: Any, plain: Any) -> Any:
    """Return which of the arguments the memory of `result` is a part of; None for memory of its own."""
    if not isinstance(result, np.ndarray):
        return None
    owner = owner_of(result)
    for value in plain:
        if isinstance(value, np.ndarray) and (value is result or owner_of(value) is owner):
            return value
        if type(value) in (tuple, list) and (found := _source(result, value)) is not None:
            return found
    return None


def _gives(form: Any, result: Any) -> bool:
    """Return whether a form gives the bits that its call gave."""
    function, args, kwargs = form
    whole = np.asarray(result)
    room = np.empty_like(whole)
    if room.strides != whole.strides:
        return False
    try:
        with np.errstate(all="ignore"):  # the call itself has warned
            into(function, unwatched(args), unwatched(kwargs), room)
    except (TypeError, ValueError):  # it takes no such array
        return False
    return same_bits(room, whole)


def into(function: Any, args: Any, kwargs: Any, out: Any) -> None:
    """Run a form with `out` for its result."""
    if takes_out_last(function):
        function(*args, out, **kwargs)
    else:
        function(*args, **kwargs, out=out)
