"""The second part of a program: the backward pass through what it has returned, captured beside the first."""

from __future__ import annotations

from collections import Counter
from typing import Any, NamedTuple

import numpy as np

from tensorgrad.autograd.careful import Contributions, reverse
from tensorgrad.autograd.order import reachable
from tensorgrad.base.dtypes import Array, DType
from tensorgrad.base.watched import Watched, is_watched
from tensorgrad.engine.shared_memory import Exposed
from tensorgrad.engine.tensor import Node, Tensor
from tensorgrad.errors import CompileError
from tensorgrad.ops.processes import others_stood_in_for
from tensorgrad.program.liveness import needed

from .capture import Capture, mapped
from .returned import Returned

Asked = tuple[tuple[int, ...] | None, ...]
"""For each live tensor of a result, the strides of the gradient that flows back through it; None for no gradient.

Sums may be rounded otherwise where their elements lie otherwise in memory.
"""


class Nature(NamedTuple):
    """What operations are to a sweep that looks for numbers that are not finite (see `Primitive`)."""

    hides: str
    singular: bool

    @classmethod
    def of(cls, nodes: list[Node]) -> Nature:
        """Return what all of them are together."""
        primitives = {node.primitive for node in nodes if node.primitive is not None}
        hides = {p.hides for p in primitives}
        return cls("any" if "any" in hides else "-inf" if "-inf" in hides else "", any(p.singular for p in primitives))


class Second(NamedTuple):
    """What the second part of a program is about; an integer stands for the tensor given with that number.

    Attributes:
        asked: through which of the live results gradients flow back, in which layout.
        targets: the tensors that gradients may flow to; each stands as often as something may be added to its
            gradient, so that the sweep outside adds in the order in which it would without a plan.
        places: for each of them, which of the values that the second part returns flows there; None for nothing.
        kept: the tensors whose memory it reads, which must not be written before.
        results: which of the new results it reads.
        nature: what of the graph a sweep asks that looks for numbers that are not finite.
    """

    asked: Asked
    targets: list[Tensor | int]
    places: list[int | None]
    kept: list[Tensor | int]
    results: list[int]
    nature: Nature


def second_part(found: list[Tensor], outputs: list[Returned], capture: Capture, asked: Asked | None) -> Second | None:
    """Let the program have a second part where a gradient can be asked for through what it returns.

    It is given the gradients of the outputs that are live and `asked`, and whether these are as it expects; here it is
    run once, with ones.
    """
    live = [x.node for x, output in zip(found, outputs, strict=True) if output.live and x.node is not None]
    if not live:
        return None
    if len(set(live)) < len(live):
        capture.unfit("two tensors that are returned are one to the graph")
    if asked is None or len(asked) != len(live):
        asked = tuple(np.empty(node.shape, node.dtype).strides for node in live)
    _save_copies(live, capture)
    program = capture.program
    program.part = len(program.steps)
    reached = {x.node: x for x in capture.tensors if x.tracked and x.node is not None}
    arrived = Counter(p for node in reachable(live) for p in node.inputs if isinstance(p, Node))
    nodes = [node for node in reached if node in arrived]
    if not nodes:
        capture.unfit("what is returned has a history, but of nothing that was there before")
    nature = Nature.of(reachable(live))
    try:
        edges = _swept(live, asked, set(reached), capture)
    except CompileError:
        raise
    except Exception as error:  # noqa: BLE001 - whatever it is: nobody has asked for these gradients yet
        capture.unfit(f"the backward pass of what is returned raises {type(error).__name__}: {error}")
        return None
    targets: list[Tensor | int] = []
    places: list[int | None] = []
    for node in nodes:
        flows = [gx for _, source, gx in edges if source is node]
        slots = max(arrived[node], len(flows))
        targets += [capture.thing(reached[node])] * slots
        places += [*range(len(program.later), len(program.later) + len(flows)), *[None] * (slots - len(flows))]
        program.later += [_number(gx, capture) for gx in flows]
    _check_pure(capture)
    return Second(asked, targets, places, *_read(capture), nature)


def _swept(live: list[Node], asked: Asked, targets: set[Node], capture: Capture) -> Contributions:
    """Return what flows back to the targets, and the edges that it flows along."""
    right = capture.fetched(np.array(True), len(live), "array", _itself)
    capture.checked(right)
    seeds: dict[Node, Any] = {}
    for i, (node, strides) in enumerate(zip(live, asked, strict=True)):
        if strides is not None:
            ones = laid_out(np.ones(node.shape), node.dtype, strides)
            seeds[node] = capture.fetched(ones, i, "array", _itself)
    edges: Contributions = []
    with others_stood_in_for():  # they are not asked for these gradients
        reverse(seeds, targets=targets, closed=True, edges=edges)
    return edges


def _check_pure(capture: Capture) -> None:
    """Note where the second part does more than to compute, as a hook may: it could not be done again otherwise."""
    program = capture.program
    outside = program.outside()
    for step in program.steps[program.part :]:
        if step.kind in ("draw", "publish", "outside") or program.blocks_of(step.writes) & outside:
            capture.unfit("the backward pass of what is returned draws numbers, or writes to what was there before")


def _number(gx: Any, capture: Capture) -> int:
    """Return the number of what flows back; of a constant, which whom it is given to may write, that of a copy."""
    number: int = capture.argument(gx).number
    return capture.copy(number).number if capture.program.values[number].kind == "constant" else number


def _read(capture: Capture) -> tuple[list[Tensor | int], list[int]]:
    """Return which tensors the second part reads, and which of the new results."""
    program = capture.program
    read = program.blocks_of(n for step in needed(program)[1] for n in program.reads(step))
    blocks = {id(x): program.values[capture.argument(x.array).number].block for x in capture.tensors}
    kept = [x for x in capture.tensors if blocks.get(id(x)) in read]
    if any(id(x) in capture.fillings for x in kept):
        capture.unfit("a gradient is read by the backward pass of what is returned")
    return list(map(capture.thing, kept)), [i for i, n in enumerate(program.results) if program.values[n].block in read]


def laid_out(elements: Array, dtype: DType, strides: tuple[int, ...]) -> Array:
    """Return an array of these elements that lies in memory as one of these strides does."""
    sizes = [(n - 1) * abs(s) for n, s in zip(elements.shape, strides, strict=True)]
    room = np.empty(0 if 0 in elements.shape else sum(sizes) + dtype.itemsize, np.uint8)
    whole: Array = np.ndarray(elements.shape, dtype, room, 0, tuple(map(abs, strides)))
    turned: tuple[Any, ...] = tuple(slice(None, None, -1 if s < 0 else 1) for s in strides)
    y: Array = whole[(*turned, ...)]
    y[...] = elements
    return y


def _save_copies(live: list[Node], capture: Capture) -> None:
    """Let copies be saved of memory that others may write without telling, as long as it is what was saved."""
    values = capture.program.values
    written = capture.program.written(capture.program.steps)
    tensors = [x for x in capture.tensors if isinstance(capture.marked[id(x)], Exposed) and is_watched(x.array)]
    marked: list[Any] = [x.array for x in tensors]
    apart = {values[array.number].block for array in marked} - written
    copies: dict[int, Watched] = {}

    def saved(value: Any) -> Any:
        if not capture.is_mine(value) or values[value.number].block not in apart:
            return value
        if value.number not in copies:
            copies[value.number] = capture.copy(value.number)
        return copies[value.number]

    for node in reachable(live) if apart else ():
        if node.primitive is not None and node.saved:
            node.saved = mapped(saved, node.saved)


def _itself(array: Any) -> Any:
    return array
