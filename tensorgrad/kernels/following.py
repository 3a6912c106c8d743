"""A function of arrays as C: followed on examples, lowered, and printed with its sizes as arguments."""

from __future__ import annotations

import ctypes
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple, NoReturn

import numpy as np

from tensorgrad.base.watched import Watched, watched_by
from tensorgrad.program.clowering import Lowering
from tensorgrad.program.contents import Program
from tensorgrad.program.cops import Call
from tensorgrad.program.cschedule import Item, Schedule
from tensorgrad.program.csource import Source
from tensorgrad.program.liveness import needed
from tensorgrad.program.recorder import Recording

from .opening import Closed, Opening
from .sample import PRIMES, Dims, Kind, NoFormError, Slot, examples, filled
from .vectors import helpers

NAME = "form"
HEAD = object.__basicsize__ // ctypes.sizeof(ctypes.c_void_p)
"""Pointers that an object has before its own: where an array has, by NumPy's binary interface, that of its memory."""
MOST_LOOPS = 200
"""In one group: what lies between goes through memory otherwise, which costs more than registers that are too few."""


class Room(NamedTuple):
    """An array that the code writes: its type, and for each axis the sizes whose product it is as long as."""

    dtype: str
    axes: tuple[Dims, ...]


class Result(NamedTuple):
    """A result: the given array of that number, or a room, counted behind those; its axes; whether it is a number."""

    number: int
    axes: tuple[Dims, ...]
    scalar: bool


@dataclass(frozen=True)
class CForm:
    """The code of a function, what it writes, and what it returns: nested tuples, with slots for the results.

    It takes `sizes`, then the arrays that are `given`, and the rooms, as the objects that they are: to ask an array for
    the place of its memory takes longer than a short loop. It answers 0 if all went well.
    """

    text: str
    sizes: int
    given: int
    rooms: tuple[Room, ...]
    results: tuple[Result, ...]
    returned: Any


def printed(
    function: Callable[..., Any],
    args: Any,
    params: dict[str, Any],
    kinds: Sequence[Kind],
    sizes: Sequence[int] = (),
) -> CForm:
    """Return the C of ``function(*args, **params)``, where `args` has slots for arrays of these kinds.

    It is for all sizes, or for these.

    Raises:
        NoFormError: there is none.
    """
    if sizes:
        return _Run(function, args, params, kinds, sizes, Closed()).form()
    count = len({d for kind in kinds for d in kind.dims if d is not None})
    if count not in PRIMES:
        raise NoFormError(f"{count} sizes")
    dims = [kind.dims for kind in kinds]
    first, second = (
        _Run(function, args, params, kinds, primes, Opening(primes, dims)).form() for primes in PRIMES[count]
    )
    if first != second:
        raise NoFormError("another code for other sizes")
    return first


class _Followed(Recording):
    """A recording that ends where no code says what is done."""

    one_way = True

    def unfit(self, why: str) -> NoReturn:
        """Refuse what no program can say."""
        raise NoFormError(why)


class _Run:
    """A function that is followed once, with these sizes."""

    def __init__(
        self,
        function: Callable[..., Any],
        args: Any,
        params: dict[str, Any],
        kinds: Sequence[Kind],
        sizes: Sequence[int],
        opening: Opening,
    ) -> None:
        self.opening = opening
        recording = _Followed()
        # NumPy warns of numbers, and so does C, by the processor's flags: here of none
        with watched_by(recording), np.errstate(all="call", call=lambda *_: None):
            given = [recording.root(x, "fetched") for x in examples(kinds, sizes)]
            try:
                found = function(*filled(args, given), **params)
            except ValueError as error:  # two sizes may have to do with each other
                raise NoFormError(f"other sizes are refused: {error}") from None
        self.given = [x.number for x in given]
        self.program: Program = recording.program
        self.results: list[Result] = []
        self.rooms: dict[int, Room] = {}  # by root
        self.lowering = Lowering(self.program, products=False)
        self.returned = self._returned(found)
        self.program.results = list(self.rooms)

    def _returned(self, value: Any) -> Any:
        """Return what is returned with slots for arrays."""
        kind = type(value)
        if kind is Watched:
            self.results.append(self._result(value))
            return Slot(len(self.results) - 1)
        if kind is tuple:
            return tuple(map(self._returned, value))
        if kind in (int, float, bool, str, type(None)):
            return value
        raise NoFormError(f"results of type {kind.__name__}")

    def _result(self, value: Watched) -> Result:
        root = self.lowering.memory.roots[value.number]
        whole = self.program.values[root]
        array, memory = (self.program.arrays[n] for n in (value.number, root))
        if array.size != memory.size or array.dtype != memory.dtype:
            raise NoFormError("a result that is a part of an array")
        if not (array.flags.c_contiguous and memory.flags.c_contiguous) or whole.kind == "constant":
            raise NoFormError("a result that does not lie row by row, or does not change")
        axes = self.opening.dims(array.shape)
        if root in self.given:
            return Result(self.given.index(root), axes, value.scalar)
        self.rooms.setdefault(root, Room(memory.dtype.str, self.opening.dims(memory.shape)))
        return Result(len(self.given) + list(self.rooms).index(root), axes, value.scalar)

    def form(self) -> CForm:
        """Return the code, and what it returns."""
        if not self.rooms:
            raise NoFormError("nothing is computed")
        steps = [s for s in needed(self.program)[0] if s.kind != "view"]
        ops = self.lowering.ops(steps)
        calls = [op.step for op in ops if isinstance(op, Call)]
        if calls:
            raise NoFormError(f"C has nothing for {calls[0].function}")
        opened = [self.opening.opened(op) for op in ops]
        schedule = Schedule(self.program, self.lowering, opened, self.program.blocks_of(self.rooms), MOST_LOOPS)
        items: list[Item] = [x for stage in schedule.stages for x in stage if not isinstance(x, Call)]
        return CForm(
            self._text(items),
            len(self.opening.sizes),
            len(self.given),
            tuple(self.rooms.values()),
            tuple(self.results),
            self.returned,
        )

    def _text(self, items: list[Item]) -> str:
        names = [f"n{i}" for i in range(len(self.opening.sizes))]
        known = [*self.given, *self.rooms]
        source = Source(None, known, names)
        stage = source.function(items)
        between = {source.slots[root]: self._bytes(root) for root in source.slots if root not in known}
        pointers = [f"a{i}" for i in range(len(known))]
        parameters = ", ".join([*(f"int64_t {n}" for n in names), *(f"void **{a}" for a in pointers)])
        lines = [
            f"int {NAME}({parameters}) {{",
            f"  void *p[{len(source.slots)}] = {{{', '.join(f'{a}[{HEAD}]' for a in pointers)}}};",
            *(f"  p[{slot}] = malloc({size});" for slot, size in between.items()),
            f"  const int full = {' || '.join(f'!p[{slot}]' for slot in between) or '0'};",
            f"  const int found = full ? -1 : {stage}({', '.join([*names, 'p'])});",
            *(f"  free(p[{slot}]);" for slot in between),
            "  return found;",
            "}",
        ]
        return "\n".join(["#include <stdlib.h>", source.text([helpers()]), *lines, ""])

    def _bytes(self, root: int) -> str:
        """Return how many bytes what lies between takes, in C.

        Raises:
            NoFormError: it is not made by the code.
        """
        v = self.lowering.added.get(root) or self.program.values[root]
        if v.kind not in ("own", "made"):
            raise NoFormError("numbers that do not change")
        axes = self.opening.dims(v.shape)
        return " * ".join([str(v.dtype.itemsize), *(self.opening.text(dims) for dims in axes if dims)])
