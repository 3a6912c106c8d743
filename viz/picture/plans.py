"""A plan as a picture: its steps in order, what each reads of whom, and how many bytes flow."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from typing import Any

import numpy as np

from tensorgrad.base.callsite import Place
from tensorgrad.engine.numpycalls import Part
from tensorgrad.engine.tensor import Tensor
from tensorgrad.program.contents import Program, Step, Value
from tensorgrad.program.cops import Call
from tensorgrad.program.cplan import CPlan
from tensorgrad.program.numpyplan import NumpyPlan

from .model import EdgeRecord, Picture, Vertex
from .text import clean
from .tooltips import script_line

_NAMES = {"copied": "copy", "chosen": "where", "filled": "full", "getitem": "[ ]", "setitem": "[ ]="}


def picture_of(plan: NumpyPlan) -> Picture:
    """Return the picture of a plan: a circle for each step but views, which cost nothing; boxes are calls outside."""
    builder = _Builder(plan)
    for number, step in enumerate(plan.steps):
        builder.add(number, step)
    builder.finish()
    return Picture(builder.vertices, builder.edges, builder.caption())


class _Builder:
    """The picture so far; `writers` tells for each block of memory who has written it last."""

    def __init__(self, plan: NumpyPlan) -> None:
        self.plan = plan
        self.program: Program = plan.program
        self.vertices: list[Vertex] = []
        self.edges: list[EdgeRecord] = []
        self.writers: dict[int, Vertex] = {}
        items = [item for part in getattr(plan, "parts", ()) for stage in part.stages for item in stage]
        self.called = {id(item.step) for item in items if isinstance(item, Call)} if isinstance(plan, CPlan) else None

    def add(self, number: int, step: Step) -> None:
        """Add the circle of a step, and arrows from who has written what it reads."""
        if step.kind == "view":
            return
        read = {n: self.program.values[n] for n in self.program.reads(step)}
        for value in read.values():
            if value.kind == "constant" and value.block not in self.writers:
                self.writers[value.block] = self.new(f"c{value.number}", "constant", "const", value, "a constant", None)
        out = None if step.out is None else self.program.values[step.out]
        kind = {"fetch": "input", "publish": "output", "outside": "box"}.get(step.kind, "op")
        mine = self.new(f"n{number}", kind, self.label(step), out, self.told(step, out), step.place)
        slots: dict[int, int] = {}
        for value in read.values():
            source = self.writers.get(value.block)
            if source is not None and value.block not in slots:
                slots[value.block] = len(slots)
                self.arrow(source, mine, slots[value.block], value)
        for n in [*step.writes, *([] if step.out is None else [step.out])]:
            self.writers[self.program.values[n].block] = mine

    def finish(self) -> None:
        """Add what is returned, of both parts."""
        for i, n in enumerate([*self.program.results, *self.program.later]):
            value = self.program.values[n]
            label = "out" if i < len(self.program.results) else "gradient"
            source = self.writers.get(value.block)
            end = self.new(f"out{i}", "output", label, value, "returned", None)
            if source is not None:
                self.arrow(source, end, 0, value)

    def new(self, id: str, kind: str, label: str, value: Value | None, told: str, place: Place | None) -> Vertex:
        """Return a circle, which is added."""
        text = clean(", ".join(filter(None, (told, _layout(value), script_line(place)))), 300)
        made = Vertex(id, kind, label, None if value is None else value.shape, (), text)
        self.vertices.append(made)
        return made

    def arrow(self, source: Vertex, target: Vertex, slot: int, value: Value) -> None:
        """Add an arrow for a value."""
        self.edges.append(
            EdgeRecord(source.label, target.label, slot, _layout(value), value.shape, None, None, source.id, target.id,
                       None, str(value.dtype), True, f"{target.id}_{slot}")
        )  # fmt: skip

    def label(self, step: Step) -> str:
        """Return what stands in the circle of a step."""
        if step.kind == "fetch":
            thing, path = step.args
            kind = type(thing).__name__.lower() if isinstance(thing, Tensor) else "held"
            name = f"given {thing}" if isinstance(thing, int) else kind
            return f"{name}.grad" if path == "filled.array" else name
        if step.kind == "publish":
            return ".grad"
        return "check" if step.kind == "check" else _name(step.function)

    def told(self, step: Step, out: Value | None) -> str:
        """Return what hovering over the circle of a step tells, but for layout and line."""
        named = step.kind in ("call", "draw", "exchange", "outside")
        what = f"{step.kind} {_name(step.function)}" if named else step.kind
        where = "" if self.called is None or step.kind in ("fetch", "publish") else "in C"
        where = "a call of NumPy" if where and self.called is not None and id(step) in self.called else where
        return ", ".join(filter(None, (what, where, "" if out is None else f"memory: {out.kind}")))

    def caption(self) -> str:
        """Return how many steps of each kind there are, and how much memory."""
        made = Counter(step.kind for step in self.plan.steps)
        counts = ", ".join(f"{n} {kind}" for kind, n in made.most_common())
        return f"{counts}; {self.plan.size:,} bytes of its own"


def _layout(value: Value | None) -> str:
    """Return dtype, shape and bytes of a value."""
    if value is None:
        return ""
    count = 1
    for n in value.shape:
        count *= n
    return f"{value.dtype}{list(value.shape)} {count * value.dtype.itemsize:,} B"


def _name(function: Any) -> str:
    """Return what is called."""
    function = function.call if isinstance(function, Part) else function
    owner: Any = getattr(function, "__self__", None)
    words: Iterator[str] = (
        str(found) for key in ("__name__", "name", "__qualname__") if (found := getattr(function, key, None))
    )
    name = next(words, type(function).__name__)
    name = f"{owner.__name__}.{name}" if isinstance(owner, np.ufunc) else name
    return _NAMES.get(name, name.lstrip("_"))
