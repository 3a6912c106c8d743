"""What a C file of a program consists of: functions, the order of their loops, and where every value stands.

The loops are those of a plan. Nothing is global, and no memory is asked for: what a function stores stands in a struct
that it is given. `cfiletext` prints it.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import NamedTuple

import numpy as np

from tensorgrad.base.callsite import Place, told
from tensorgrad.base.dtypes import Array
from tensorgrad.base.numerics import address, byte_bounds
from tensorgrad.engine.numpycalls import Part
from tensorgrad.errors import CompileError
from tensorgrad.program.clowering import Lowering
from tensorgrad.program.contents import Program, Step, Value
from tensorgrad.program.cops import Call, Group, Op
from tensorgrad.program.cprint import GroupPrinter
from tensorgrad.program.cschedule import Item, Schedule
from tensorgrad.program.cspelling import FOLDS
from tensorgrad.program.cvalues import TYPES, Access, Unspoken, short
from tensorgrad.program.liveness import needed

from .cnames import Words

_LOCAL = tuple(f"{stem}{n}" for stem in ("i", "n", "part", "one", "whole", "lanes") for n in range(40))
_OWN = (
    *"ijkl", *_LOCAL, "from", "upto", "at", "best", "forward", "backward", "cache", "work", "matmul_f4", "matmul_f8",
    "lanes_f4", "sum_of_lanes", *(f"{fold}_{dtype}" for fold in FOLDS for dtype in TYPES),
)  # fmt: skip
"""What the text itself uses."""


class Line(NamedTuple):
    """A line of the source: its text, the module that it belongs to, and where the user's script stood."""

    text: str
    module: str = ""
    place: Place | None = None


class Named(NamedTuple):
    """An array that is given or returned: its name, the number of its value, and what is said of it."""

    word: str
    number: int
    told: str


@dataclass
class CProgram:
    """What becomes a file: a program whose second part, if it has one, is the backward pass.

    `at` has the index of the line that each step comes from, -1 where it comes from none, `words` the names of values
    by number, and `numbers` the number of every name in each part. The given arrays and the results are those of each
    part; results are values that a step copies. Errors say that it is `by` what it is printed.
    """

    program: Program
    by: str
    lines: Sequence[Line]
    at: Sequence[int]
    words: Mapping[int, str]
    given: Sequence[Sequence[Named]]
    results: Sequence[Sequence[Named]]
    head: Sequence[str] = ()
    numbers: Mapping[tuple[int, str], int] = field(default_factory=dict)

    def line(self, index: int) -> Line:
        """Return the line of that index; of -1, what stands for none."""
        return self.lines[index] if index >= 0 else Line("what is returned")


@dataclass
class Routine:
    """One part: what it is given, what it does in order, and the roots that it touches."""

    name: str
    given: Sequence[Named]
    results: Sequence[Named]
    steps: Sequence[Step]
    items: list[Item] = field(default_factory=list)
    roots: dict[int, None] = field(default_factory=dict)


class CFile:
    """A file of C.

    Attributes:
        functions: `forward`, and `backward` if there is one.
        inputs: the names of the given arrays, by root.
        outputs: the names of the results, by the root that stands in them.
        parameters: the names of the results, by those in the source.
        members: the names of what stands in the struct.
        lent: the given arrays of `forward` that `backward` reads.
        constants: the names of arrays that the file holds.

    Raises:
        CompileError: C has no form for one of the steps.
    """

    def __init__(self, source: CProgram) -> None:
        self.source, self.program = source, source.program
        self.lowering = Lowering(self.program, products=True)
        self.values: dict[int, Value] = {v.number: v for v in self.program.values}
        self.line_of = {id(step): at for step, at in zip(self.program.steps, source.at, strict=True)}
        self.from_line: dict[int, int] = {}  # by the id of a part
        self.words = Words(_OWN)
        self.placed: dict[int, str] = {}  # by root: the result that it is written to
        parts = self._without_copies(*needed(self.program))
        made = zip(("forward", "backward"), source.given, source.results, parts, strict=False)
        self.functions = [Routine(*part) for part in made]
        self._schedule()
        self.constants: dict[int, str] = {}
        self.members: dict[int, str] = {}
        self._name()

    # ---- what runs, in which order, and on which memory

    def _without_copies(self, *parts: list[Step]) -> list[list[Step]]:
        """Return the steps without the copies of results that can be made where they go to."""
        found = []
        for i, (steps, results) in enumerate(zip(parts, self.source.results, strict=False)):
            later = {
                self.lowering.memory.roots[n] for part in parts[i + 1 :] for s in part for n in self.program.reads(s)
            }
            words = {r.number: r.word for r in results}
            kept = []
            for step in steps:
                word = None if step.out is None else words.get(step.out)
                root = self._stands_for(step, steps) if word is not None else None
                if word is None or root is None or root in later or root in self.placed:
                    kept.append(step)
                else:
                    self.placed[root] = word
                    del words[step.out or 0]
            self.placed |= words
            found.append(kept)
        return found

    def _stands_for(self, copy: Step, steps: Sequence[Step]) -> int | None:
        """Return the root that is copied, if it is made among `steps` and lies as the copy does."""
        numbers = list(self.program.reads(copy))
        if not numbers:
            return None
        root, v = self.lowering.memory.roots[numbers[0]], self.values[numbers[0]]
        whole = self.values[root]
        same = math.prod(v.shape) == math.prod(whole.shape) and v.dtype == whole.dtype and whole.kind in ("own", "made")
        plain = all(self.program.arrays[n].flags.c_contiguous for n in (root, numbers[0]))
        return root if same and plain and any(root == s.out for s in steps) else None

    def _schedule(self) -> None:
        """Put the parts of each function in order."""
        blocks = [{self.lowering.block(n) for s in f.steps for n in self.program.touches(s)} for f in self.functions]
        kept = {self.values[root].block for root in self.placed}
        for i, function in enumerate(self.functions):
            ops = [op for step in function.steps for op in self._ops(step)]
            schedule = Schedule(self.program, self.lowering, ops, kept.union(*blocks[i + 1 :]))
            function.items = [item for stage in schedule.stages for item in stage if not isinstance(item, Call)]
            for item in function.items:
                function.roots |= dict.fromkeys(_touched(item))
        self.values |= self.lowering.added

    def _ops(self, step: Step) -> Iterator[Op]:
        roots = self.lowering.memory.roots
        if step.kind == "view" and step.out is not None and roots[step.out] != step.out:
            return
        if any(0 in self.values[n].shape for n in (*step.writes, *(() if step.out is None else (step.out,)))):
            return  # nothing is computed
        for op in self.lowering.ops([step]):
            if isinstance(op, Call):
                raise CompileError(refusal(self.source, "C", step, self.line_of[id(step)]))
            self.from_line[id(op)] = self.line_of[id(step)]
            yield op

    def line(self, index: int) -> Line:
        """Return the line of the source that a step comes from."""
        return self.source.line(index)

    def lines_of(self, item: Item) -> list[Line]:
        """Return the lines that a part of a function comes from."""
        ops = item.loops if isinstance(item, Group) else [item]
        return [self.line(i) for i in sorted({self.from_line[id(op)] for op in ops})]

    # ---- names

    def _name(self) -> None:
        """Give every root its name, and say where it stands."""
        self.inputs = {n.number: self.words.free(n.word) for f in self.functions for n in f.given}
        self.parameters = {r.word: self.words.free(r.word) for f in self.functions for r in f.results}
        self.outputs = {root: self.parameters[word] for root, word in self.placed.items()}
        known: dict[tuple[str, bytes], str] = {}
        for root in (root for function in self.functions for root in function.roots):
            if root in self.inputs or root in self.outputs or root in self.members or root in self.constants:
                continue
            self._check(root)
            if self.values[root].kind == "constant":
                flat = flat_memory(self.program.arrays[root])
                key = flat.dtype.str, flat.tobytes()
                known[key] = known.get(key) or self._free(root, "c")
                self.constants[root] = known[key]
            else:
                self.members[root] = self._free(root, "t")
        for root in (*self.inputs, *(r.number for f in self.functions for r in f.results)):
            self._check(root)
        given = {n.number for n in self.functions[0].given}
        self.lent = [n for n in dict.fromkeys(n for f in self.functions[1:] for n in f.roots) if n in given]

    def _free(self, root: int, letter: str) -> str:
        """Return a name for a root: a letter and a number where it has none."""
        word = self.source.words.get(root)
        return self.words.numbered(letter) if word is None else self.words.free(word)

    def _check(self, root: int) -> None:
        dtype = self.values[root].dtype
        try:
            short(dtype)
        except Unspoken:
            raise CompileError(f"{self.source.by} has no C for {dtype}, the dtype of {self.word(root)}") from None

    def word(self, root: int) -> str:
        """Return the name that a root has in the source."""
        named = {n.number: n.word for part in (*self.source.given, *self.source.results) for n in part}
        return named.get(root) or self.source.words.get(root, "a value without name")

    @property
    def struct(self) -> str:
        """The name of what the functions store their values in; empty if there is none."""
        if not self.members and not self.lent:
            return ""
        return "cache" if len(self.functions) > 1 else "work"

    def element(self, function: Routine, access: Access) -> tuple[str, int]:
        """Return the array in which a function finds the elements of an access, and where in it its root begins.

        Raises:
            CompileError: they are read as another dtype.
        """
        root = access.root
        if short(self.values[root].dtype) != access.dtype:
            raise CompileError(f"{self.source.by} has no C for {self.word(root)} read as another dtype")
        if root in self.constants:
            return self.constants[root], shift_of(self.program.arrays[root])
        if root in self.members:
            return f"{self.struct}->{self.members[root]}", 0
        lent = root in self.inputs and not any(n.number == root for n in function.given)
        return f"cache->{self.inputs[root]}" if lent else self.inputs.get(root) or self.outputs[root], 0

    def register(self, access: Access) -> str:
        """Return what an element is called in a loop; empty if it has no name."""
        root = access.root
        for names in (self.inputs, self.outputs, self.members, self.constants):
            if root in names:
                return f"{names[root]}_i"
        return self.source.words.get(root, "")


def refusal(source: CProgram, language: str, step: Step, at: int) -> str:
    """Return that a `language` has no form for a step, which comes from the line of index `at`."""
    line = source.line(at)
    where = f" at {told(line.place)}" if line.place else ""
    of = ", ".join(f"{v.dtype} {v.shape}" for v in map(source.program.values.__getitem__, source.program.reads(step)))
    call = _told_call(step)
    return f"{source.by} has no {language} for the call {call} of {of}{where}; it stands in the line {line.text}"


def _told_call(step: Step) -> str:
    """Return the name of what is called: ``add.reduce``, ``sort``, ``svd`` where a function is handed to another."""
    function = step.function.call if isinstance(step.function, Part) else step.function
    function = next((x for x in step.args if callable(x)), function)
    owner = getattr(function, "__self__", None)
    name = getattr(function, "name", None) or getattr(function, "__name__", str(function))
    return f"{owner.__name__}.{name}" if isinstance(owner, np.ufunc) else str(name)


def _touched(item: Item) -> Iterator[int]:
    """Yield the roots whose memory a part touches."""
    if isinstance(item, Group):
        yield from (access.root for access, _ in GroupPrinter(item).nest.touched)
    else:
        for touches in (item.reads(), item.writes()):
            yield from (access.root for access, _ in touches)


def shift_of(array: Array) -> int:
    """Return which element of its memory the first one of an array is."""
    return (address(array) - byte_bounds(array)[0]) // array.itemsize


def flat_memory(array: Array) -> Array:
    """Return the memory of an array, element by element; what is in its gaps is 0.

    >>> flat_memory(np.array([[1, 2], [3, 4]])[::-1, ::2]).tolist()
    [1, 0, 3]
    """
    low, high = byte_bounds(array)
    flat = np.zeros((high - low) // array.itemsize, array.dtype)
    np.ndarray(array.shape, array.dtype, flat, shift_of(array) * array.itemsize, array.strides)[...] = array
    return flat
