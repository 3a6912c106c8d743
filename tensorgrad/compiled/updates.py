"""The step of an optimiser in C, where its update treats every element alike: `Optimizer.step`, but for the last bits.

`update` is run once under a watch, on copies, for every parameter of a group: that is the program. The numbers in it (a
rate, a power of a beta) change from step to step. So at each step `update` is run again on a `Probe`, which stands for
an array and only notes which numbers meet it; they are put where the program reads them. As long as the probe meets the
same calls, the program is the same.
"""

from __future__ import annotations

import logging
from collections.abc import Callable
from inspect import unwrap
from operator import is_, itemgetter
from typing import Any

import numpy as np
from numpy.lib.mixins import NDArrayOperatorsMixin

from tensorgrad.base.watched import watched_by
from tensorgrad.engine.shared_memory import plain
from tensorgrad.engine.tensor import Tensor
from tensorgrad.engine.writes import note_all
from tensorgrad.errors import CompileError
from tensorgrad.optim.flat import same
from tensorgrad.optim.groups import in_numbers
from tensorgrad.optim.optimizer import Optimizer, with_axes
from tensorgrad.program.blas import products
from tensorgrad.program.contents import Program, Ref, Step
from tensorgrad.program.cplan import CPlan
from tensorgrad.program.forms import chosen
from tensorgrad.program.numpyplan import Deviation
from tensorgrad.program.recorder import Recording

from .toolchain import build
from .undo import Journal, Outside

log = logging.getLogger("tensorgrad.compile")


def _is_number(value: Any) -> bool:
    return value.__class__ is float or value.__class__ is int or isinstance(value, np.floating | np.integer)


class Probe(NDArrayOperatorsMixin):
    """What stands for an array of an update; all of one note in `calls` and `numbers` what meets which of them."""

    size = ndim = 1
    shape = (1,)

    def __init__(self, dtype: np.dtype[Any], calls: list[str | int], numbers: list[float], number: int) -> None:
        self.dtype = dtype
        self.calls = calls
        self.numbers = numbers
        self.number = number  # which of them it is

    @property  # type: ignore[misc]  # what isinstance asks
    def __class__(self) -> Any:
        return np.ndarray

    def __array_ufunc__(self, ufunc: np.ufunc, method: str, *inputs: Any, out: Any = None, **kwargs: Any) -> Any:
        if method != "__call__":
            raise Deviation
        return self._met(ufunc.__name__, inputs, kwargs, out[0] if out else None)

    def __array_function__(self, function: Any, types: Any, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
        rest = {k: v for k, v in kwargs.items() if k != "out"}
        return self._met(function.__name__, args, rest, kwargs.get("out"))

    def __pow__(self, exponent: Any) -> Any:
        return self._met(f"pow {exponent}", (self,))

    def copy(self) -> Probe:
        """Note that a copy is made."""
        return self._met("copy", (self,))

    def astype(self, dtype: Any) -> Probe:
        """Note a conversion."""
        return self._met(f"astype {dtype}", (self,))

    def __setitem__(self, index: Any, value: Any) -> None:
        self._met("set", (value,), None, self)

    def _met(
        self, name: str, args: tuple[Any, ...], rest: dict[str, Any] | None = None, into: Probe | None = None
    ) -> Probe:
        """Note a call, its arrays and numbers, and what else it is given, which is to stay the same."""
        calls = self.calls
        calls.append(name)
        for a in args:
            if type(a) is Probe:
                calls.append(a.number)
            elif _is_number(a):
                calls.append("a number")
                self.numbers.append(a)
            else:
                calls.append(repr(a))
        if rest:
            calls.append(repr(rest))
        if into is None:
            return Probe(self.dtype, calls, self.numbers, len(calls))
        calls += "into", into.number
        return into


def _direct(ufunc: str) -> dict[str, Callable[[Probe, Any], Probe]]:
    """Return by their prefixes the operators of a ufunc without the way through NumPy: most updates use these."""

    def met(self: Probe, other: Any) -> Probe:
        return self._met(ufunc, (self, other))

    def met_in_place(self: Probe, other: Any) -> Probe:
        return self._met(ufunc, (self, other), None, self)

    def turned(self: Probe, other: Any) -> Probe:
        return self._met(ufunc, (other, self))

    return {"": met, "i": met_in_place, "r": turned}


for _name, _ufunc in (("add", "add"), ("sub", "subtract"), ("mul", "multiply"), ("truediv", "divide")):
    for _prefix, _operator in _direct(_ufunc).items():
        setattr(Probe, f"__{_prefix}{_name}__", _operator)


class Slots:
    """Where the numbers of a step stand, each as the attribute of its place."""

    def __init__(self) -> None:
        self.rooms: list[Any] = []
        self.numbers: list[int] = []  # of the values in the program

    def add(self, number: float, dtype: np.dtype[Any], recording: Recording) -> None:
        """Make room for one more."""
        name = f"number_{len(self.rooms)}"
        self.rooms.append(np.array(number, dtype))
        setattr(self, name, self.rooms[-1])
        self.numbers.append(recording.fetched(self.rooms[-1], self, name, plain).number)


class Group:
    """The parameters of a group, and the plan that updates them; made under the settings of a first step."""

    def __init__(self, optimizer: Any, group: dict[str, Any], params: list[Tensor]) -> None:
        self.params = params
        self.states = [optimizer.state.get(p) for p in params]  # None of what keeps nothing
        first = self.states[0] or {}
        self.names = [k for k, v in first.items() if isinstance(v, Tensor)]
        self.numbers = [k for k in first if k not in self.names]
        self.held = [state for state in self.states if state is not None]
        self.counts = list(map(len, self.held))
        self.tensors = self._tensors()
        self.changed = [*params, *self.tensors]
        self.slots = Slots()
        self.expected: list[tuple[Tensor, Any]] = []  # what the first step has to give, which was run on copies
        recording = Recording()
        with np.errstate(all="ignore"), watched_by(recording):
            for p, state in zip(params, self.states, strict=True):
                self._record(recording, optimizer, p, state or {}, in_numbers(group))
        if recording.breaks:
            raise CompileError(recording.breaks[0])
        probe, _ = self.probed(optimizer, group)
        self.calls = probe.calls
        if [float(room.dtype.type(n)) for n, room in zip(probe.numbers, self.slots.rooms, strict=True)] != [
            float(room) for room in self.slots.rooms
        ]:
            raise CompileError("the numbers of an update are met in another order")
        self.plan = CPlan(recording.program, build, products())

    def _tensors(self) -> list[Tensor]:
        """Return the arrays of the states as they are now."""
        return [x for name in self.names for x in map(itemgetter(name), self.states)]

    def _record(self, recording: Recording, optimizer: Any, p: Tensor, state: dict[str, Any], settings: Any) -> None:
        """Add what updates one parameter."""

        def fetched(x: Tensor, path: str, array: Any) -> Any:
            copy = array.copy("K")
            if path == "array":
                self.expected.append((x, copy))
            watched: Any = recording.fetched(copy, x, path, plain)
            return with_axes(watched)

        assert p.kept_grad is not None
        w, g = fetched(p, "array", p.array), fetched(p, "kept_grad.array", p.kept_grad.array)
        values = {k: fetched(v, "array", v.array) if isinstance(v, Tensor) else v for k, v in state.items()}
        known = {id(v) for v in values.values()}
        start, first = len(recording.program.steps), not self.slots.rooms
        _update(optimizer, w, g, values, settings)
        if {id(v) for v in values.values() if type(v) is type(w)} - known:
            raise CompileError("an update makes a new state")
        self._let_numbers_vary(recording, recording.program.steps[start:], first)

    def _let_numbers_vary(self, recording: Recording, steps: list[Step], first: bool) -> None:
        """Let steps read their numbers from the slots, which the `first` parameter makes."""
        program, place = recording.program, 0
        for step in steps:
            beside = [program.values[a.number].dtype for a in step.args if type(a) is Ref]
            dtype = program.values[step.out].dtype if step.function is chosen and step.out is not None else beside[0]
            args = list(step.args)
            for i, a in enumerate(args):
                if _is_number(a) and step.kind == "call":
                    kind = a.dtype if isinstance(a, np.generic) else dtype
                    if first:
                        self.slots.add(a, kind, recording)
                    elif self.slots.rooms[place].dtype != kind:
                        raise CompileError("the parameters of a group have several dtypes, which round numbers apart")
                    args[i], place = Ref(self.slots.numbers[place]), place + 1
            step.args = tuple(args)
        _put_first(program)

    def probed(self, optimizer: Any, group: dict[str, Any]) -> tuple[Probe, dict[str, Any]]:
        """Return what a step under the settings of now calls, with which numbers, and the state's numbers after it."""
        dtype, calls, numbers = self.params[0].array.dtype, list[str | int](), list[float]()
        w, g, *others = (Probe(dtype, calls, numbers, -i) for i in range(2 + len(self.names)))
        state = {**(self.states[0] or {}), **dict(zip(self.names, others, strict=True))}
        _update(optimizer, w, g, state, in_numbers(group))
        return w, {k: v for k, v in state.items() if type(v) is not Probe}

    def fits(self, optimizer: Any, params: list[Tensor]) -> bool:
        """Return whether the parameters to be updated, and their states, are those of the plan."""
        if not same(params, self.params) or not all(map(is_, map(optimizer.state.get, params), self.states)):
            return False
        if list(map(len, self.held)) != self.counts:
            return False
        try:
            return same(self._tensors(), self.tensors) and _alike(self.states, self.numbers)
        except KeyError:  # something else stands in a state
            return False

    def step(self, numbers: list[float], state: dict[str, Any]) -> None:
        """Update the parameters, with these numbers, which leave the numbers of `state`."""
        for room, number in zip(self.slots.rooms, numbers, strict=True):
            room[...] = number
        self.plan.run([], Journal())
        for known in self.states if state else ():
            known.update(state)
        note_all(self.changed)
        self._compare()

    def _compare(self) -> None:
        """After the first step, compare what it gave with what it has to give.

        Raises:
            CompileError: it differs; what it has to give stands there now.
        """
        expected, self.expected = self.expected, []
        for x, copy in expected:
            size = float(np.abs(copy).max(initial=0.0))
            if not np.allclose(x.array, copy, 1e-5, 1e-5 * size, equal_nan=True):  # NaN where NumPy has it
                for y, array in expected:
                    y.array[...] = array
                raise CompileError("an update in C gave other numbers")


def _update(optimizer: Any, w: Any, g: Any, state: dict[str, Any], settings: dict[str, Any]) -> None:
    """Let `optimizer` update `w`, without room for what it computes in between, which is nothing to a program."""
    own = vars(optimizer)
    own["room"] = _no_room
    try:
        optimizer.update(w, -g if settings.get("maximize") else g, state, settings)
    finally:
        del own["room"]


def _no_room(*_: Any) -> None:
    """Stand for `Optimizer.room`."""


class CompiledStep(Outside):
    """`Optimizer.step` in C, where that can be."""

    def __init__(self, step: Outside) -> None:
        super().__init__(step.function)
        self.groups: dict[int, Group | None] = {}

    def __call__(self, optimizer: Any, *args: Any, **kwargs: Any) -> Any:
        """Make the step."""
        if not args and not kwargs and self._stepped(optimizer):
            return None
        # what is new expects to make the step for which it was made
        self.groups = {k: known for k, known in self.groups.items() if known is None or not known.expected}
        return self.function(optimizer, *args, **kwargs)

    def _stepped(self, optimizer: Any) -> bool:
        """Make the step in C if it can be made so, and return whether it has been."""
        if not optimizer.elementwise or optimizer._before or optimizer._after:
            return False
        steps = []
        for group in optimizer.param_groups:
            params = [p for p in group["params"] if p.kept_grad is not None]
            if not params:
                continue
            known = self._group(optimizer, group, params)
            if known is None:
                return False
            try:
                probe, state = known.probed(optimizer, group)
            except (Deviation, AttributeError, TypeError):
                return False
            if probe.calls != known.calls:
                self.groups.pop(id(group), None)
                return False
            steps.append((known, group, probe.numbers, state))
        for known, group, numbers, state in steps:
            try:
                known.step(numbers, state)
            except Deviation:  # memory that C does not write, of which nothing has been written
                optimizer.update_each(known.params, in_numbers(group))
            except CompileError as error:  # what it gave is right all the same
                log.warning("%s steps without C: %s", type(optimizer).__name__, error)
                self.groups[id(group)] = None
        return True

    def _group(self, optimizer: Any, group: dict[str, Any], params: list[Tensor]) -> Group | None:
        """Return the plan of a group; None where there can be none now."""
        known = self.groups.get(id(group))
        if known is not None and known.fits(optimizer, params):
            return known
        if id(group) in self.groups and known is None:
            return None
        states = [optimizer.state.get(p) for p in params]
        if not all(states) and optimizer.initial_state(params[0], group):
            return None  # the first step makes the states
        if not _alike(states, [k for k, v in (states[0] or {}).items() if not isinstance(v, Tensor)]):
            return None
        try:
            self.groups[id(group)] = Group(optimizer, group, params)
        except (CompileError, Deviation, AttributeError, KeyError, TypeError):
            if not optimizer.state:
                return None  # the first step makes the states
            self.groups[id(group)] = None
        return self.groups[id(group)]


def _alike(states: list[Any], names: list[str]) -> bool:
    """Return whether the numbers of these names are the same in all of some states."""
    for name in names:
        values = [None if state is None else state.get(name) for state in states]
        if len(set(map(type, values))) > 1 or values.count(values[0]) < len(values):
            return False
    return True


def _put_first(program: Program) -> None:
    """Let all fetches stand before what reads them."""
    program.steps.sort(key=lambda step: step.kind != "fetch")


def in_c(program: Program) -> None:
    """Let the optimisers that a program calls step in C."""
    for step in program.steps:
        if step.kind == "outside" and type(step.function) is Outside and step.args:
            optimizer = step.args[0]
            steps = unwrap(step.function.function) is unwrap(Optimizer.step)
            if steps and isinstance(optimizer, Optimizer):
                step.function = CompiledStep(step.function)
