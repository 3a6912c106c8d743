"""What a program consists of: values, which are places in memory, and steps, which are calls of NumPy on them."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from typing import Any, NamedTuple

import numpy as np

from tensorgrad.base.callsite import Place
from tensorgrad.base.dtypes import Array, DType
from tensorgrad.base.numerics import address, byte_bounds

WARNED = ("divide", "over", "invalid")
"""What NumPy warns of if nothing is said."""


class Ref(NamedTuple):
    """A value among the arguments of a step, by its number."""

    number: int


class Given(NamedTuple):
    """What is given to a run with that number, itself among the arguments of a step."""

    number: int


@dataclass(slots=True)
class Value:
    """One array of a program: where it stands in memory, and how.

    `kind` says whose memory it is: "fetched" from outside at each run, a "constant", the program's "own", or "made" by
    a step anew at each run, because NumPy offers no way to say where. `block` numbers the memory; a view, which has a
    `source`, has that of what it is a view of.
    A `scalar` is what NumPy answers as a number; here it is an array without axes, as it is in a tensor.
    """

    number: int
    kind: str
    block: int
    shape: tuple[int, ...]
    dtype: DType
    strides: tuple[int, ...]
    source: int | None = None
    scalar: bool = False


@dataclass(slots=True)
class Step:
    """One call: ``function(*args, **kwargs)``, whose result is the value `out`; it changes those of `writes`.

    `kind` is one of

    * "call" of NumPy, "view" where it makes no numbers, "draw" from a generator of random numbers,
      "exchange" with other processes;
    * "fetch" of an array from outside: `args` are a thing, or the number of one that is given, and the path of
      attributes to the array, of which `function` makes a plain one; "publish" of one by ``function(array)``;
    * "check" of a truth value that has to be `expected`, or what follows is another program;
    * "outside": a call of what looks after its arrays itself, between two parts of the program.

    Steps that take parts of what one call returns have the same number `once`: the call need not be made for each.
    A `loud` one is told where NumPy warns of its numbers, as the function that was recorded was.
    """

    kind: str
    function: Any
    args: tuple[Any, ...] = ()
    kwargs: dict[str, Any] = field(default_factory=dict)
    out: int | None = None
    writes: tuple[int, ...] = ()
    expected: bool | None = None
    place: Place | None = None
    loud: bool = False
    once: int | None = None


@dataclass
class Program:
    """Steps in order, and the values that they are about.

    `arrays` holds the array of each value in the run that was recorded, or one that lies as it did, and `results` the
    numbers of what is returned. A program may have a second `part`, which begins with the step of that index and
    returns the `later` values: it can be run several times, each time given other things.
    """

    values: list[Value] = field(default_factory=list)
    steps: list[Step] = field(default_factory=list)
    arrays: list[Any] = field(default_factory=list)
    results: list[int] = field(default_factory=list)
    part: int | None = None
    later: list[int] = field(default_factory=list)

    def reads(self, step: Step) -> Iterator[int]:
        """Yield the numbers of the values that `step` reads."""
        yield from refs_in(step.args)
        yield from refs_in(step.kwargs)

    def touches(self, step: Step) -> Iterator[int]:
        """Yield the numbers of the values that `step` reads, writes and makes, in this order."""
        yield from self.reads(step)
        yield from step.writes
        if step.out is not None:
            yield step.out

    def outside(self) -> set[int]:
        """Return the blocks that are memory outside."""
        return {v.block for v in self.values if v.kind == "fetched"}

    def handed_out(self, steps: Iterable[Step]) -> set[int]:
        """Return the blocks that go to those outside: of the results, and of what `steps` publish."""
        published = (n for step in steps if step.kind == "publish" for n in self.reads(step))
        return self.blocks_of([*self.results, *self.later, *published])

    def written(self, steps: Iterable[Step]) -> set[int]:
        """Return the blocks that `steps` write to."""
        return self.blocks_of(n for step in steps for n in step.writes)

    def forget(self) -> None:
        """Let go of all numbers but constants: of the other arrays it stays how each lies in its memory."""
        others = [v for v in self.values if v.kind != "constant" and not v.dtype.hasobject]
        bounds = {v.number: byte_bounds(self.arrays[v.number]) for v in others}
        starts: dict[int, int] = {}
        for v in others:
            starts[v.block] = min(bounds[v.number][0], starts.get(v.block, bounds[v.number][0]))
        room = np.zeros(max((bounds[v.number][1] - starts[v.block] for v in others), default=0), np.uint8)
        for v in others:
            shift = address(self.arrays[v.number]) - starts[v.block]
            self.arrays[v.number] = np.ndarray(v.shape, v.dtype, room, shift, v.strides)

    def blocks_of(self, numbers: Iterable[int]) -> set[int]:
        """Return the memory that values stand in."""
        return {self.values[n].block for n in numbers}


def refs_in(value: Any) -> Iterator[int]:
    """Yield the numbers of the values in arguments, in order."""
    kind = type(value)
    if kind is Ref:
        yield value.number
    elif kind is tuple or kind is list:
        for part in value:
            yield from refs_in(part)
    elif kind is slice:
        yield from refs_in((value.start, value.stop, value.step))
    elif kind is dict:
        for part in value.values():
            yield from refs_in(part)


def replaced(value: Any, of: Callable[[int], Any]) -> Any:
    """Return arguments with what `of` gives for the number of each value in them."""
    kind = type(value)
    if kind is Ref:
        return of(value.number)
    if kind is tuple or kind is list:
        return kind(replaced(part, of) for part in value)
    if kind is slice:
        return slice(replaced(value.start, of), replaced(value.stop, of), replaced(value.step, of))
    return {k: replaced(v, of) for k, v in value.items()} if kind is dict else value


def same_bits(a: Any, b: Any) -> bool:
    """Return whether two arrays are equal to the last bit, NaN and signs of zeros included."""
    a, b = np.asarray(a), np.asarray(b)
    return a.shape == b.shape and a.dtype == b.dtype and _bytes(a) == _bytes(b)


def _bytes(a: Array) -> bytes:
    return np.ascontiguousarray(a).tobytes()
