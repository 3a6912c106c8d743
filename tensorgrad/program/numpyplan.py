"""A program as calls of NumPy on memory that is laid out once: the same calls as in the run that was recorded.

They have the same arguments in the same layouts, so their results have the same bits.
"""

from __future__ import annotations

import keyword
import math
import operator
from collections import Counter
from collections.abc import Callable, Sequence
from importlib import import_module
from typing import Any

import numpy as np

from tensorgrad.base.arraycalls import Attribute
from tensorgrad.base.dtypes import Array
from tensorgrad.base.numerics import aligned, reach
from tensorgrad.engine.numpycalls import Part

from .contents import WARNED, Given, Program, Ref, Step, Value, refs_in, replaced
from .forms import takes_out_last
from .liveness import lifetimes, needed, placed
from .rooms import Rooms


class Deviation(Exception):  # noqa: N818 - no error: the program goes another way than when it was recorded
    """A check did not come out as it did when the program was recorded."""


def warnings(loud: bool) -> None:
    """Let what NumPy would warn of be a deviation, or nothing: who runs the function itself is warned at its line."""
    np.seterr(**(_LOUD if loud else _QUIET))


def deviate(kind: str, flag: int) -> None:
    """Raise Deviation: what NumPy calls in place of a warning."""
    raise Deviation(kind, flag)


_LOUD: dict[str, Any] = dict.fromkeys(WARNED, "call")
_QUIET: dict[str, Any] = dict.fromkeys(_LOUD, "ignore")
_WORDS = {"Deviation": Deviation, "warnings": warnings}


class NumpyPlan:
    """A program laid out in memory, and the function that runs it.

    Attributes:
        run: takes what the fetching steps are given, and a journal; returns the results, new arrays at each run. Of a
            program in two parts it is a generator: it yields the results, and then, for all that it is sent, the later
            ones.
        text: the source of `run`.
        size: the bytes of the plan's own memory.
    """

    def __init__(self, program: Program) -> None:
        self._prepare(program)
        self.size = self._lay_out()
        self._say_all()
        self.text, self.run = self._compiled()

    def __str__(self) -> str:
        """What runs, and on how much memory."""
        made = Counter(step.kind for step in self.steps)
        counts = ", ".join(f"{n} {kind}" for kind, n in made.most_common())
        kinds: dict[str, list[str]] = {}
        for name, thing in self._names.items():
            if isinstance(thing, np.ndarray):
                kinds.setdefault(f"{thing.dtype}{list(thing.shape)}", []).append(name)
        arrays = [f"# {', '.join(names)}: {kind}" for kind, names in kinds.items()]
        lines = [line if line.startswith(("def", "    ")) else f"    {line}" for line in self.text.splitlines()[1:]]
        return "\n".join([f"# {counts}; {self.size:,} bytes of its own", *arrays, "def run(given, journal):", *lines])

    def draw(self, **options: Any) -> Any:
        """Return its drawing, as `viz.draw` does, which stands above this file."""
        return import_module("tensorgrad.viz").draw(self, **options)

    def another(self) -> NumpyPlan:
        """Return the same plan with memory of its own."""
        return NumpyPlan(self.program)

    def _prepare(self, program: Program) -> None:
        """Find out what is needed, and what is there."""
        self.program = program
        self.first, self.later = needed(program)
        self.steps = [*self.first, *self.later]
        self._fresh = program.handed_out(self.steps)
        self.arrays = {
            v.number: program.arrays[v.number] for v in program.values if v.kind == "constant" and v.source is None
        }
        self.lines: list[str] = []
        self._names: dict[str, Any] = {}
        self._known: dict[int, str] = {}
        self._things: list[Any] = []  # so that no id is given twice
        self._loud = False
        self._fetched: set[int] = set()
        self._ready: set[int] = set()  # values whose memory the line of rooms has made
        self._called: set[int | None] = set()  # calls of which steps take parts
        self._gone: set[int] = set()
        self._kept: set[Any] = set()  # blocks and generators whose state the journal has

    def _say_all(self) -> None:
        """Add the lines of all steps."""
        last = max((i for i, step in enumerate(self.steps) if self._may_fail(step)), default=-1)
        self._say_rooms(self._given_away(self.first))
        for i, step in enumerate(self.steps):
            if i <= last:  # the last one, too: NumPy warns of what it has written
                self._keep(step)
            if i == last + 1:
                self.lines.append("journal.settle()")
            if i == len(self.first) and self.program.part is not None:
                self._begin_second()
                self._say_rooms(self._given_away(self.later))
            if step.kind == "call" and step.loud is not self._loud:
                self._loud = step.loud
                self.lines.append(f"warnings({step.loud})")
            if step.kind == "outside":
                self._let_go(i)
            self._say(step)
        if not self.later and self.program.part is not None:
            self._begin_second()

    def _given_away(self, steps: list[Step]) -> list[Value]:
        """Return what `steps` make in memory that goes to those outside."""
        outs = [self.program.values[step.out] for step in steps if step.kind == "call" and step.out is not None]
        return [v for v in outs if v.kind == "own" and v.block in self._fresh and v.number not in self.arrays]

    def _say_rooms(self, values: list[Value], table: Array | None = None, first: int = 0) -> None:
        """Add the line that has the memory ready that goes to those outside."""
        if values:
            self._ready.update(v.number for v in values)
            rooms = self._name(Rooms(values, table, first), "r")
            self.lines.append(f"{''.join(f'v{v.number}, ' for v in values)}= {rooms}()")

    def _lay_out(self) -> int:
        """Make the arrays of the program's own, and return how many bytes they take."""
        lives = lifetimes(self.program, self.first, self.later, self._fresh)
        owners = {v.block: v for v in self.program.values if v.kind == "own" and v.source is None}
        return self._place(owners, lives)

    def _place(self, owners: dict[int, Value], lives: dict[int, tuple[int, int]]) -> int:
        """Make the array of each block that `lives`, laid out as its owner, and return how many bytes they take."""
        places, size = placed({block: extent(owners[block]) for block in lives}, lives)
        room = aligned(size)
        for block, at in places.items():
            v = owners[block]
            self.arrays[v.number] = np.ndarray(v.shape, v.dtype, room, at, v.strides)
        return size

    def _may_fail(self, step: Step) -> bool:
        """Return whether a run may end at a step, or go on otherwise than it was recorded."""
        if step.kind == "call":
            made = step.out is not None and self.program.values[step.out].kind == "made"
            return step.loud or made or not (isinstance(step.function, np.ufunc) or step.out is not None)
        return step.kind in ("check", "exchange")

    def _keep(self, step: Step) -> None:
        """Have kept what a step is going to change."""
        values = self.program.values
        for block in self.program.blocks_of(step.writes) - self._kept:
            self._keep_memory([v for v in values if v.block == block and v.number in self._fetched])
            self._kept.add(block)
        if step.kind in ("publish", "outside", "draw") and step.function not in self._kept:
            parts = step.args if step.kind == "outside" else tuple(a for a in step.args if type(a) is Given)
            given = self._arguments(parts, {})
            self.lines.append(f"journal.steps.append({self._name(step.function.undo, 'f')}({', '.join(given)}))")
            self._kept.add(step.function)

    def _keep_memory(self, values: Sequence[Value]) -> None:
        """Have kept the elements of some values that were fetched."""
        if values:
            names = "".join(f"v{v.number}, " for v in values)
            rooms = self._name(tuple(np.empty(v.shape, v.dtype) for v in values), "c")
            self.lines.append(f"journal.memory(({names}), {rooms})")

    def _let_go(self, index: int) -> None:
        """Forget the variables that no step from that index on reads: who is called asks who else holds its arrays."""
        program = self.program
        read = {n for step in self.steps[index:] for n in program.reads(step)} | {*program.results, *program.later}
        outs = [step.out for step in self.steps[:index] if step.out is not None]
        gone = [f"v{n}" for n in outs if n not in self.arrays and n not in read | self._gone]
        self._gone.update(n for n in outs if n not in read)
        if gone:
            self.lines.append(f"{' = '.join(gone)} = None")

    def _say(self, step: Step) -> None:
        """Add the line of a step; a view of memory that stays where it is is made now."""
        function, out = step.function, step.out
        refs = list(refs_in((step.args, step.kwargs)))
        if step.kind == "view" and len(refs) == 1 and refs[0] in self.arrays:
            assert out is not None
            args, kwargs = (replaced(part, self.arrays.__getitem__) for part in (step.args, step.kwargs))
            self.arrays[out] = function(*args, **kwargs)
            return
        if step.kind == "fetch":
            self.lines.append(f"v{out} = {self._found(step)}")
            return
        if step.once is not None and isinstance(function, Part):
            self._say_parts(step, function)
            return
        if isinstance(function, Attribute):
            self.lines.append(f"v{out} = {self._arguments(step.args, {})[0]}.{function.name}")
            return
        texts = self._arguments(step.args, step.kwargs)
        call = f"{self._name(function, 'f')}({', '.join(texts)})"
        if step.kind == "check":
            condition = texts[0] if function is operator.truth else call
            self.lines.append(f"if {'not ' if step.expected else ''}{condition}: raise Deviation")
        elif step.kind == "exchange":
            self.lines.append(f"v{out} = journal.exchanged({', '.join([self._name(function, 'f'), *texts])})")
        elif out is None:
            self.lines.append(self._in_place(step) or call)
        elif step.kind == "call" and self.program.values[out].kind == "own":
            self.lines.append(self._into(step, self.program.values[out]))
        else:
            whole = self.program.values[out].scalar
            self.lines.append(f"v{out} = {self._name(np.asarray, 'f')}({call})" if whole else f"v{out} = {call}")
            self._check_shape(step)

    def _found(self, step: Step) -> str:
        """Return the source of what a step fetches."""
        assert step.out is not None
        self._fetched.add(step.out)
        thing, path = step.args
        if isinstance(thing, int):
            return f"{self._name(step.function, 'f')}(given[{thing}].{path})"
        return f"{self._name(thing, 't')}.{path}"

    def _check_shape(self, step: Step) -> None:
        """Add the line that asks for the shape of what NumPy has made: it may depend on values."""
        if step.kind == "call" and step.out is not None:
            self.lines.append(f"if v{step.out}.shape != {self.program.values[step.out].shape}: raise Deviation")

    def _say_parts(self, step: Step, part: Part) -> None:
        """Add the line of a call that returns several arrays, for all steps that take one, and what checks this one."""
        if step.once not in self._called:
            self._called.add(step.once)
            together = [other for other in self.steps if other.once == step.once]
            names = ", ".join(f"v{other.out}" for other in together)
            taken = self._name(operator.itemgetter(*(other.function.index for other in together)), "f")
            texts = self._arguments(step.args, step.kwargs)
            self.lines.append(f"{names} = {taken}({self._name(part.call, 'f')}({', '.join(texts)}))")
        if step.out is not None and self.program.values[step.out].scalar:
            self.lines.append(f"v{step.out} = {self._name(np.asarray, 'f')}(v{step.out})")
        self._check_shape(step)

    def _in_place(self, step: Step) -> str | None:
        """Return the line of a ufunc whose result goes to one array, which is given by place: that is quicker."""
        if not takes_out_last(step.function) or list(step.kwargs) != ["out"] or len(step.writes) != 1:
            return None
        return f"{self._name(step.function, 'f')}({', '.join(self._arguments((*step.args, Ref(step.writes[0])), {}))})"

    def _into(self, step: Step, out: Value) -> str:
        """Return the line of a call whose result goes to memory that is there, or is made for it."""
        made = self.arrays.get(out.number)
        name = f"v{out.number}" if made is None else self._name(made, "a")
        if made is None and out.number not in self._ready:
            self.lines.append(f"{name} = {self._room(out)}")
        keywords = self._arguments((), step.kwargs)
        if takes_out_last(step.function):
            texts = [*self._arguments(step.args, {}), name, *keywords]
        else:
            texts = [*self._arguments(step.args, {}), *keywords, f"out={name}"]
        return f"{self._name(step.function, 'f')}({', '.join(texts)})"

    def _room(self, value: Value) -> str:
        """Return the source of a new array."""
        plain = np.empty(value.shape, value.dtype).strides == value.strides
        strides = "" if plain else f", strides={value.strides}"
        return f"{self._name(np.ndarray, 'f')}({value.shape}, {self._name(value.dtype, 'f')}{strides})"

    def _arguments(self, args: tuple[Any, ...], kwargs: dict[str, Any]) -> list[str]:
        """Return the sources of arguments."""
        return [*map(self._text, args), *(f"{key}={self._text(value)}" for key, value in kwargs.items())]

    def _text(self, value: Any) -> str:
        """Return the source of an argument."""
        if type(value) is Given:
            return f"given[{value.number}]"
        numbers = list(refs_in(value))
        if any(n not in self.arrays for n in numbers):
            if type(value) in (tuple, list):
                parts = "".join(f"{self._text(part)}, " for part in value)
                return f"({parts})" if type(value) is tuple else f"[{parts}]"
            if type(value) is slice:
                return f"slice({self._text(value.start)}, {self._text(value.stop)}, {self._text(value.step)})"
            return f"v{numbers[0]}"
        plain = replaced(value, self.arrays.__getitem__)
        if _is_told_by_its_text(plain):
            return repr(plain)
        known = isinstance(plain, np.dtype) and plain.isbuiltin
        return self._name(plain, "f" if known else "a" if isinstance(plain, np.ndarray) else "c")

    def _name(self, thing: Any, letter: str) -> str:
        """Return the name of something that the source refers to."""
        known = self._known.get(id(thing))
        if known is None:
            self._things.append(thing)
            known = _word(thing) if letter == "f" else f"{letter}{len(self._names)}"
            if known in self._names or known in _WORDS:
                known = f"{known}_{len(self._names)}"
            self._known[id(thing)] = known
            self._names[known] = thing
        return known

    def _begin_second(self) -> None:
        """Let the lines so far be the first part, and those to come the second one."""
        self.lines.append(f"given = yield ({self._returned(self.program.results)})")
        self._first_lines = self.lines
        self.lines = ["journal.begin_second()"] if any(step.kind == "exchange" for step in self.later) else []
        self._loud = False

    def _returned(self, numbers: list[int]) -> str:
        return "".join(f"{self._text_of(n)}, " for n in numbers)

    def _compiled(self) -> tuple[str, Callable[..., Any]]:
        lines = self.lines
        if self.program.part is None:
            lines.append(f"return ({self._returned(self.program.results)})")
        else:
            again = [*lines, f"given = yield ({self._returned(self.program.later)})"]
            lines = [*self._first_lines, "while True:", *(f"    {line}" for line in again)]
        names = ", ".join(f"{name}={name}" for name in [*self._names, *_WORDS])
        body = "\n    ".join(lines)
        text = f"def run(given, journal, *, {names}):\n    {body}\n"
        space: dict[str, Any] = {**self._names, **_WORDS}
        exec(compile(text, "<plan>", "exec"), space)  # noqa: S102 - the text is made of this module's own names
        return text, space["run"]

    def _text_of(self, number: int) -> str:
        return self._name(self.arrays[number], "a") if number in self.arrays else f"v{number}"


def _is_told_by_its_text(value: Any) -> bool:
    if type(value) is tuple:
        return all(map(_is_told_by_its_text, value))
    finite = type(value) is float and math.isfinite(value)
    return finite or value is None or type(value) in (bool, int, str)


def _word(function: Any) -> str:
    """Return what a function is called in the source.

    >>> from tensorgrad.base.arraycalls import Method
    >>> _word(np.add), _word(np.add.reduce), _word(Method("sum"))
    ('add', 'add_reduce', 'sum')
    """
    name = str(getattr(function, "__name__", None) or getattr(function, "name", None) or type(function).__name__)
    owner = getattr(function, "__self__", None)
    name = f"{owner.__name__}_{name}" if isinstance(owner, np.ufunc) else name
    return name.lower() if name.isidentifier() and not keyword.iskeyword(name) else "call"


def extent(value: Value) -> int:
    """Return how many bytes an array of this layout covers."""
    low, high = reach(value.shape, value.strides, value.dtype.itemsize)
    return high - low
