"""What a program consists of for C: maps and folds over a domain, products, looking up, checks, and calls of NumPy.

A `loud` part is one of whose numbers NumPy would warn.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field

from .contents import Step
from .cvalues import Access, Domain, Operand

Touch = tuple[Access, Domain]
"""What is reached of a value's memory."""


@dataclass(eq=False, slots=True)
class Map:
    """For each place of a domain: `out` gets `text` of the operands, which are converted to `types` before."""

    domain: Domain
    out: Access
    text: str
    operands: tuple[Operand, ...]
    types: tuple[str, ...]
    result: str  # the type that is computed
    loud: bool = False

    def reads(self) -> Iterator[Touch]:
        """Yield what is read."""
        return ((x, self.domain) for x in self.operands if isinstance(x, Access))

    def writes(self) -> Iterator[Touch]:
        """Yield what is written."""
        yield self.out, self.domain


@dataclass(eq=False, slots=True)
class Fold:
    """For each place of a domain: `operand` is folded into `out`, whose strides are 0 along what is folded."""

    domain: Domain
    out: Access
    name: str  # of the ufunc
    operand: Access
    folded: tuple[bool, ...]  # for each axis of the domain
    loud: bool = False

    def reads(self) -> Iterator[Touch]:
        """Yield what is read."""
        yield self.operand, self.domain

    def writes(self) -> Iterator[Touch]:
        """Yield what is written."""
        yield self.out, self.domain


Loop = Map | Fold


@dataclass(eq=False, slots=True)
class Matrix:
    """A matrix as BLAS knows it: transposed or not, with the distance of its rows; one for each place of a `batch`.

    The strides of the access are those along the batch, down and along the matrix.
    """

    access: Access
    shape: tuple[int, int]
    transposed: bool
    distance: int
    batch: Domain = ()

    @property
    def whole(self) -> Domain:
        """The domain of all its elements."""
        return (*self.batch, *self.shape)

    def touch(self) -> Touch:
        """Return what is reached."""
        return self.access, self.whole


@dataclass(eq=False, slots=True)
class Product:
    """``out = a @ b``, all of them matrices whose rows are of one piece, or their transposes, with the same batch."""

    out: Matrix
    a: Matrix
    b: Matrix
    loud: bool = False

    def reads(self) -> Iterator[Touch]:
        """Yield what is read."""
        yield self.a.touch()
        yield self.b.touch()

    def writes(self) -> Iterator[Touch]:
        """Yield what is written."""
        yield self.out.touch()


@dataclass(eq=False, slots=True)
class Lookup:
    """For each place of a domain: an element that is found by `indices`; it "gets" out, or is what "sets" or "adds" do.

    `table` reaches what is looked up in, from the first element of the axes that are indexed: `lengths` and `steps` are
    theirs.
    """

    domain: Domain
    way: str
    value: Operand
    table: Access
    indices: tuple[Operand, ...]
    lengths: tuple[int, ...]
    steps: tuple[int, ...]
    loud: bool = False

    def _table(self) -> Touch:
        strides = (*self.table.strides, *self.steps)
        return Access(self.table.root, self.table.dtype, self.table.offset, strides), (*self.domain, *self.lengths)

    def reads(self) -> Iterator[Touch]:
        """Yield what is read."""
        yield from ((x, self.domain) for x in self.indices if isinstance(x, Access))
        if self.way != "sets":
            yield self._table()
        if self.way != "gets" and isinstance(self.value, Access):
            yield self.value, self.domain

    def writes(self) -> Iterator[Touch]:
        """Yield what is written."""
        if self.way != "gets":
            yield self._table()
        elif isinstance(self.value, Access):
            yield self.value, self.domain


@dataclass(eq=False, slots=True)
class Walk:
    """For each place of a domain but its last axis: `operand` is gone along, from one element to the next.

    A ufunc writes to `out` what it has of all elements so far; "argmax" and "argmin" write where the first extremum is.
    """

    domain: Domain
    out: Access
    name: str
    operand: Access
    loud: bool = False

    def reads(self) -> Iterator[Touch]:
        """Yield what is read."""
        yield self.operand, self.domain

    def writes(self) -> Iterator[Touch]:
        """Yield what is written."""
        yield self.out, self.domain


@dataclass(eq=False, slots=True)
class Check:
    """The truth of one element has to be `expected`."""

    value: Access
    expected: bool
    loud: bool = False

    def reads(self) -> Iterator[Touch]:
        """Yield what is read."""
        yield self.value, ()

    def writes(self) -> Iterator[Touch]:
        """Yield what is written: nothing."""
        return iter(())


@dataclass(eq=False, slots=True)
class Call:
    """A step that stays as it is."""

    step: Step


COp = Map | Fold | Product | Lookup | Walk | Check
Op = COp | Call


@dataclass(eq=False, slots=True)
class Group:
    """Loops over one domain that run as one: each result stands in a register until the place is done."""

    domain: Domain
    loops: list[Loop] = field(default_factory=list)
    stored: set[int] = field(default_factory=set)  # the ids of maps whose result others read

    @property
    def loud(self) -> bool:
        """Whether one of the loops is."""
        return any(loop.loud for loop in self.loops)
