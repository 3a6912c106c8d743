"""A program as C functions, with calls of NumPy between them for what C has nothing for."""

from __future__ import annotations

import ctypes
import functools
import itertools
from collections.abc import Callable, Iterator, Sequence
from typing import Any

import numpy as np

from tensorgrad.base.numerics import address

from .blas import Products
from .clowering import Lowering
from .contents import Program, Step, Value, refs_in
from .cops import Call, Check, Group, Lookup
from .cschedule import Item, Schedule, Stage
from .csource import Source
from .cturned import turned_once
from .fetches import Fetches, Together, place
from .numpyplan import NumpyPlan

Build = Callable[[str], Any]
"""What makes a loaded library of C source."""


class CPlan(NumpyPlan):
    """A program laid out in memory, and the function that runs it: stages of C, and of NumPy.

    `build` makes a library of C source; `products` says where BLAS's products of matrices stand; without them they are
    made by NumPy. What runs when is as in the plan `like`, if there is one: that needs the arrays of the recorded run.

    Attributes:
        source: the text of the C functions.
    """

    def __init__(
        self, program: Program, build: Build, products: Products | None = None, like: CPlan | None = None
    ) -> None:
        self._prepare(program)
        self.build, self.products = build, products
        self.lowering: Lowering = Lowering(program, products is not None) if like is None else like.lowering
        roots = self.lowering.memory.roots
        self._views = {s.out: s for s in self.steps if s.kind == "view" and s.out is not None and roots[s.out] != s.out}
        self.parts: list[Schedule] = self._scheduled() if like is None else like.parts
        self.values: dict[int, Value] = {v.number: v for v in program.values} | self.lowering.added
        self._touched: dict[int, tuple[int, ...]] = {}  # by the id of a part
        self._said: set[int] = set()  # views
        self._reached: set[int] = set()  # slots whose pointer is known, or will be when it is needed
        self._assigned: list[int] = []  # variables
        self.size = self._lay_out()
        self._build()
        self._say_all()
        assert self._reached == set(self.slots.values()), "C would be given a pointer to nothing"
        self.text, self.run = self._compiled()

    def another(self) -> CPlan:
        """Return the same plan with memory of its own."""
        return CPlan(self.program, self.build, self.products, self)

    # ---- what runs when, and where its memory is

    def _scheduled(self) -> list[Schedule]:
        """Return the order of the parts; views that need no call are made where they are needed."""
        program = self.program
        outside = program.outside()
        again = program.blocks_of(n for s in self.later for n in (*program.reads(s), *s.writes))
        both = ((self.first, self._fresh | outside | again), (self.later, self._fresh | outside))
        return [
            Schedule(program, self.lowering, turned_once(self.lowering, self.lowering.ops(ops)), kept)
            for ops, kept in (([s for s in steps if s.out not in self._views], kept) for steps, kept in both)
        ]

    def _lay_out(self) -> int:
        """Make the arrays of the program's own, and return how many bytes they take."""
        lives: dict[int, tuple[int, int]] = {}
        owners: dict[int, Value] = {}
        first = [item for stage in self.parts[0].stages for item in stage]
        items = [*first, *(item for stage in self.parts[1].stages for item in stage)]
        for index, item in enumerate(items):
            for number in self._roots(item):
                v, block = self.values[number], self.lowering.block(number)
                mine = v.kind == "own" or (v.kind == "made" and number in self._made_in_c)
                if v.source is None and mine and block not in self._fresh:
                    start = lives.get(block, (index, index))[0]
                    lives[block] = start, len(items) if start < len(first) <= index else index
                    owners[block] = v
        return self._place(owners, lives)

    @functools.cached_property
    def _written_in_c(self) -> set[int]:
        """The roots whose memory C functions write."""
        ops = (op for part in self.parts for op in part.ops if not isinstance(op, Call))
        return {access.root for op in ops for access, _ in op.writes()}

    @functools.cached_property
    def _made_in_c(self) -> set[int]:
        """The roots that C functions write and no call of NumPy returns."""
        return self._written_in_c - {op.step.out for part in self.parts for op in part.ops if isinstance(op, Call)}

    def _roots(self, item: Item | Call) -> tuple[int, ...]:
        """Return the roots of the memory that a part touches; of a view that moves, also that of its source."""
        if id(item) not in self._touched:
            touched = self.program.touches(item.step) if isinstance(item, Call) else ()
            of_call = itertools.chain.from_iterable(map(self.lowering.memory.under, touched))
            self._touched[id(item)] = tuple(of_call if isinstance(item, Call) else Source.roots(item))
        return self._touched[id(item)]

    def _build(self) -> None:
        """Build the C functions, and the table of pointers that they are given."""
        seen: set[int] = set()
        self.new = [[n for n in self._new(part, seen) if n not in self.arrays] for part in self.parts]
        code = Source(self.products, [n for numbers in self.new for n in numbers])
        self._stages: dict[int, str] = {}
        for part in self.parts:
            for stage in part.stages:
                if not isinstance(stage[0], Call):
                    self._stages[id(stage)] = code.function(_in_c(stage))
        self.source, self.slots = code.text(), code.slots
        self.table = np.zeros(len(code.slots) + len(code.fixed), np.uint64)
        for slot, where in code.fixed.items():
            self.table[slot] = where
        for number, slot in self.slots.items():
            if number in self.arrays:
                self.table[slot] = address(self.arrays[number])
                self._reached.add(slot)
        self._library = self.build(self.source) if self._stages else None
        self._pointers = _Table(address(self.table))
        self._pointers.memory = self.table, self.arrays
        self._fetches = self._outside()
        self._said_to_c = 0  # of what is fetched

    def _outside(self) -> Fetches:
        """Return where the arrays stand that C is to find outside, in the order in which they are fetched."""
        calls = [call.step for part in self.parts for stage in part.stages for call in stage if isinstance(call, Call)]
        values = [self.values[s.out] for s in calls if s.kind == "fetch" and s.out in self.slots]
        slots = [self.slots[v.number] for v in values]
        return Fetches(values, slots, self.table, self.program.written(self.steps))

    def _new(self, part: Schedule, seen: set[int]) -> Iterator[int]:
        """Yield the values for those outside that C is the first to touch; add to `seen` what is touched."""
        for stage in part.stages:
            for item in stage:
                for number in self._roots(item):
                    v = self.values[number]
                    if (
                        number not in seen
                        and not isinstance(item, Call)
                        and v.kind in ("own", "made")
                        and v.block in self._fresh
                    ):
                        yield number
                    seen.add(number)

    # ---- what is said of it in Python

    def _say_all(self) -> None:
        """Add the lines of all stages, and of what has to be kept until nothing can fail any more."""
        stages: list[Stage] = [stage for part in self.parts for stage in part.stages]
        last = max((i for i, stage in enumerate(stages) if any(map(self._fails, stage))), default=-1)
        second = len(self.parts[0].stages)
        self._say_new(0)
        for i, stage in enumerate(stages):
            if i == last + 1:
                self.lines.append("journal.settle()")
            if i == second:
                self._say_returned(0)
                self._say_new(1)
            calls: list[Call] = [x for x in stage if isinstance(x, Call)]
            if not calls:
                self._say_function(stage, i <= last)
            else:
                failing = [j for j, call in enumerate(calls) if self._fails(call)]
                self._say_calls(calls, len(calls) if i < last else failing[-1] + 1 if i == last else 0, stages[i + 1 :])
        if len(stages) == second:
            self._say_returned(0)
        self._say_returned(1)

    def _say_returned(self, part: int) -> None:
        """Add the lines of the views that a part returns; after the first one of two begins the second one."""
        for number in (self.program.results, self.program.later)[part]:
            self._say_view(number)
        if not part and self.program.part is not None:
            self._begin_second()

    def _fails(self, item: Item | Call) -> bool:
        """Return whether a run may end at a part, or go on otherwise than it was recorded."""
        if isinstance(item, Call):
            return item.step.kind == "fetch" or self._may_fail(item.step)
        return item.loud or isinstance(item, Check | Lookup)

    def _say_new(self, part: int) -> None:
        """Add the line that has the memory ready that C is the first to touch, and goes to those outside."""
        numbers = self.new[part]
        if numbers:
            self._reached.update(self.slots[n] for n in numbers)
            self._say_rooms([self.values[n] for n in numbers], self.table, self.slots[numbers[0]])

    def _say_function(self, stage: Stage, keeps: bool) -> None:
        """Add the line that calls a C function; before, those that keep what it will change of memory outside."""
        changed: list[Value] = []
        for number in sorted({a.root for item in _in_c(stage) for a, _ in _writes(item)} if keeps else ()):
            v = self.values[number]
            if v.kind == "fetched" and v.block not in self._kept:
                self._kept.add(v.block)
                changed.append(v)
        self._keep_memory(changed)
        function = getattr(self._library, self._stages[id(stage)])
        function.argtypes, function.restype = (ctypes.c_void_p,), ctypes.c_int
        self.lines.append(f"if {self._name(function, 'k')}({self._name(self._pointers, 'p')}): raise Deviation")

    def _say_calls(self, calls: Sequence[Call], kept: int, later: Sequence[Stage]) -> None:
        """Add the lines of calls of NumPy; for the first `kept`, what they change is kept."""
        done = 0
        for i, call in enumerate(calls):
            step = call.step
            if i < done:
                continue
            if self._is_fetched_for_c(step):
                together = list(itertools.takewhile(self._is_fetched_for_c, (c.step for c in calls[i:])))
                self._say_together(together)
                done = i + len(together)
                continue
            for number in refs_in((step.args, step.kwargs)):
                self._say_view(number)
            if i < kept:
                self._keep(step)
            if step.kind == "call" and step.loud is not self._loud:
                self._loud = step.loud
                self.lines.append(f"warnings({step.loud})")
            if step.kind == "outside":
                self._release([*calls[i:], *(item for stage in later for item in stage)])
            self._say(step)
            if step.out is not None and step.out not in self.arrays:
                self._assigned.append(step.out)
                if step.out in self.slots:
                    self._say_address(step)

    def _is_fetched_for_c(self, step: Step) -> bool:
        """Return whether a step fetches, from a thing that is always the same, what C is to find."""
        return step.kind == "fetch" and not isinstance(step.args[0], int) and step.out in self.slots

    def _say_together(self, steps: Sequence[Step]) -> None:
        """Add the line that fetches several arrays, and tells C where they stand."""
        outs = [step.out for step in steps if step.out is not None]
        start, self._said_to_c = self._said_to_c, self._said_to_c + len(outs)
        changed = [i for i, out in enumerate(outs) if out in self._written_in_c]
        together = self._name(Together(self._fetches, start, self._said_to_c, changed), "f")
        self._assigned += outs
        self._reached.update(self.slots[out] for out in outs)
        names = "".join(f"v{out}, " for out in outs)
        self.lines.append(f"{names}= {together}([{', '.join(map(self._found, steps))}])")

    def _release(self, later: Sequence[Any]) -> None:
        """Forget the variables that nothing later reads: who is called asks who else holds its arrays."""
        returned = {*self.program.results, *self.program.later}
        kept = {n for item in later for n in self._roots(item)} | {
            r for n in returned for r in self.lowering.memory.under(n)
        }
        gone = [n for n in self._assigned if n not in kept]
        self._assigned = [n for n in self._assigned if n in kept]
        if gone:
            self.lines.append(f"{' = '.join(f'v{n}' for n in gone)} = None")

    def _say_address(self, step: Step) -> None:
        """Add the line that tells C where a value stands; one that is given stands where it did if it is the same."""
        number = step.out
        assert number is not None
        slot = self.slots[number]
        self._reached.add(slot)
        if step.kind != "fetch":
            v = self.values[number]
            to = f"{self._name(self.table, 'a')}[{slot}]"
            self.lines.append(f"{to} = {self._name(place, 'f')}(v{number}, {self._name(v, 'l')})")
            return
        index, self._said_to_c = self._said_to_c, self._said_to_c + 1
        fetches, bound = self._name(self._fetches, "f"), self._name(self._fetches.bound, "b")
        self.lines.append(f"if v{number} is not {bound}[{index}](): {fetches}.one({index}, v{number})")
        if number in self._written_in_c:
            self.lines.append(f"if not v{number}.flags.writeable: raise Deviation")

    def _say_view(self, number: int) -> None:
        """Add the lines of a view that a call of NumPy needs."""
        if number in self._said or number not in self._views:
            return
        self._said.add(number)
        for source in self.lowering.memory.sources[number]:
            self._say_view(source)
        self._say(self._views[number])


class _Table(ctypes.c_void_p):
    """The address of a table of pointers, and the memory that these point to: `run` outlives its plan so."""

    memory: Any


def _in_c(stage: Stage) -> list[Item]:
    """Return the parts of a stage that are C."""
    return [item for item in stage if not isinstance(item, Call)]


def _writes(item: Item) -> Iterator[Any]:
    for part in item.loops if isinstance(item, Group) else (item,):
        yield from part.writes()
