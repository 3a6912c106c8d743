"""What `why` answers: where something went wrong, of what, in which rows, and what helps."""

from __future__ import annotations

import importlib
import itertools
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, replace
from typing import Any, NamedTuple

from tensorgrad.graph import Graph
from tensorgrad.graph.nodes import LEAVES

MOST_LINKS = 12  # of a chain that are printed


class Link(NamedTuple):
    """One value between where it was made and where it was asked about: its name, what made it, where, and how it is.

    `node` is its index in the graph.
    """

    name: str
    operation: str
    place: str
    holds: str
    node: int

    def __str__(self) -> str:
        """Return the link in a few words."""
        where = f" at {self.place}" if self.place else ""
        return f"{self.name} = {self.operation}{where}: {self.holds}"


@dataclass(frozen=True)
class Reason:
    """Where something that was found began, and why: false in a condition where nothing is wrong.

    `kind` is what was found, "NaN", "infinite" or "zero" of a value, or one of these with "gradient", or "vanishing
    gradient", "exploding gradient", "no gradient", "unused"; empty where nothing was. `about` are the names of what it
    was found of, `operation` is what made it first ("input", "parameter", "constant" where it was there before
    anything was computed), in a call of the library's `function` where that is made of several, in the module `layer`,
    at `place`, a file and a line. `rows` are the indices of the first axis at which it was made, `units` those of the
    last one of several. `cause` and `cure` are empty where nothing is known. `chain` leads from there to what was asked
    about. `unknown` says what the record does not tell. `earlier` is why an operand was as it was, where that is the
    cause, and `more` is what else was found.

    >>> import tensorgrad as tg
    >>> found = tg.debug.why(lambda x: x.log().sum(), tg.tensor([1.0, -2.0]))
    >>> found.kind, found.operation, found.rows
    ('NaN', 'log', (1,))
    >>> found.cause, found.cure
    ('log of a negative number: -2', 'keep it above 0: clamp(min=eps), or log(x + eps) where x cannot be negative')
    """

    kind: str
    about: tuple[str, ...] = ()
    operation: str = ""
    place: str = ""
    line: str = ""
    rows: tuple[int, ...] = ()
    units: tuple[int, ...] = ()
    cause: str = ""
    cure: str = ""
    function: str = ""
    layer: str = ""
    chain: tuple[Link, ...] = ()
    unknown: str = ""
    earlier: Reason | None = None
    more: tuple[Reason, ...] = ()
    index: int | None = None
    graph: Graph | None = field(default=None, repr=False, compare=False)

    def __bool__(self) -> bool:
        return bool(self.kind)

    def draw(self, **options: Any) -> Any:
        """Return the drawing of the graph with the place where it began, and what lies between, marked.

        Args:
            options: those of `viz.draw`.

        Raises:
            TensorgradError: as `viz.draw`.

        >>> import tensorgrad as tg
        >>> tg.debug.why(lambda x: x.log().sum(), tg.tensor([1.0, 0.0])).draw().caption.split(";")[0]
        'infinite: log of 0'
        """
        # what draws stands above this file, and loads when it is asked for
        return importlib.import_module("tensorgrad.viz.output.drawing").draw(self, **options)

    def __str__(self) -> str:
        """Return everything in words, one line for each part."""
        return "\n".join(self._lines())

    def _lines(self) -> Iterator[str]:
        if not self.kind:
            yield f"nothing is wrong: {self.cause}" if self.cause else f"nothing is found; not known: {self.unknown}"
            if self.cure:
                yield f"  cure: {self.cure}"
            return
        yield f"{self.kind}: {', '.join(self.about)}, {self.where}"
        yield f"  cause: {self.cause or 'not known'}"
        if self.cure:
            yield f"  cure: {self.cure}"
        if self.unknown:
            yield f"  not known: {self.unknown}"
        if len(self.chain) > 1:
            yield "  on the way:"
            yield from (f"    {text}" for text in _shortened(self.chain))
        if self.earlier is not None:
            yield "  before that:"
            yield from (f"    {line}" for line in self.earlier._lines())
        for other in self.more:
            yield from ("", *other._lines())

    @property
    def where(self) -> str:
        """Which operation made it, in what, at which line, in which rows."""
        call = f" in {self.function}" if self.function else ""
        call += f" in layer {self.layer}" if self.layer else ""
        line = f" ({self.line})" if self.line else ""
        at = f" at {self.place}{line}" if self.place else ""
        parts = [f"row{'s' * (len(self.rows) != 1)} {spans(self.rows)}"] if self.rows else []
        parts += [f"unit{'s' * (len(self.units) != 1)} {spans(self.units)}"] if self.units else []
        made = f"made by {self.operation}" if self.operation else "not made by anything that is recorded"
        if self.operation in LEAVES and not self.kind.endswith("gradient"):
            made, at = f"of the {self.operation} itself", at.replace(" at ", ", read first at ", 1)
        return ", ".join([f"{made}{call}{at}", *parts])

    def with_more(self, others: Sequence[Reason]) -> Reason:
        """Return it with what else was found."""
        return replace(self, more=(*self.more, *others))


def spans(numbers: Sequence[int]) -> str:
    """Return numbers in their order, those that follow one another as spans.

    >>> spans([0, 1, 2, 5, 7, 8])
    '0 to 2, 5, 7 to 8'
    """
    groups = itertools.groupby(enumerate(numbers), lambda pair: pair[1] - pair[0])
    ends = [[n for _, n in group] for _, group in groups]
    told = [f"{g[0]} to {g[-1]}" if len(g) > 1 else str(g[0]) for g in ends]
    return ", ".join([*told[:8], *([f"and {len(numbers)} in all"] if len(told) > 8 else [])])


def _shortened(chain: Sequence[Link]) -> list[str]:
    if len(chain) <= MOST_LINKS:
        return [*map(str, chain)]
    half = MOST_LINKS // 2
    left = len(chain) - 2 * half
    return [*map(str, chain[:half]), f"... {left} more ...", *map(str, chain[-half:])]
