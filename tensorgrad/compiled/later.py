"""The second part of a run: what gives the gradients of what a function reads for those of what it has returned.

Where the plan cannot answer, because a check comes out otherwise or other gradients are given, the function is run
again from where it began, and differentiated as ever; so it is where the gradients are to be differentiated again, in
forward mode, and where a sweep has met a NaN behind a choice.
"""

from __future__ import annotations

import weakref
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from typing import Any

import numpy as np

from tensorgrad.autograd.careful import Contributions, reverse
from tensorgrad.base.context import STRONG, TRANSFORMED, context, within
from tensorgrad.base.dtypes import Array
from tensorgrad.base.watched import AGAIN
from tensorgrad.engine.fused import take_places
from tensorgrad.engine.shared_memory import plain, still_exposed
from tensorgrad.engine.tensor import Node, Tensor, node_of, tick, wrap
from tensorgrad.engine.writes import written_since
from tensorgrad.errors import AutogradError
from tensorgrad.program.numpyplan import Deviation, deviate

from .results import tensors_of
from .returned import Returned
from .secondpart import Asked, Second
from .signature import Call
from .undo import Journal


class Later:
    """The second part of a run, which may be asked several times.

    Args:
        run: the plan, which waits for the gradients of the outputs.
        told: is told what the plan was not made for: through which outputs gradients flow, and in which layouts; None
            where they are to be differentiated themselves.
    """

    def __init__(
        self, run: Any, journal: Journal, call: Call, outputs: list[Returned], second: Second,
        told: Callable[[Asked | None], None],
    ) -> None:  # fmt: skip
        self.run = run
        self.journal = journal
        self.call = call
        self.outputs = outputs
        self.second = second
        self.told = told
        self.read: list[tuple[Tensor, Any, Any]] = []  # with its array, and a copy where that is NumPy's
        self.holds: Callable[[], bool] = bool
        self.results: list[weakref.ref[Node]] = []  # the nodes of those that a gradient can be asked for through
        self.began = 0

    def depend_on(self, tensors: Iterable[Tensor], holds: Callable[[], bool]) -> None:
        """Note what has to be as it is now for the function to do the same again."""
        self.read = [(x, x.array, plain(x.array).copy() if still_exposed(x) else None) for x in tensors]
        self.holds = holds
        self.began = tick()

    def gradients(self, given: list[Array | None], nodes: tuple[Any, ...]) -> list[Any]:
        """Return what flows back to each of `nodes`, where `given` are the gradients of the outputs.

        Raises:
            AutogradError: the function has to be run again, and what it depends on has changed.
        """
        asked: Asked = tuple(None if g is None else g.strides for g in given)
        run, self.run = self.run, None  # one that raises is over
        if run is not None:
            right = wrap(np.array(asked == self.second.asked))
            try:
                with np.errstate(all="ignore", call=deviate):
                    arrays = run.send([*(None if g is None else wrap(g) for g in given), right])
            except Deviation:
                self.told(asked)
            except Exception:  # noqa: BLE001, S110 - what is wrong is raised by the function itself, at its line
                pass
            else:
                self.run = run
                return [None if i is None else arrays[i] for i in self.second.places]
        return self._anew(given, nodes)

    def _anew(self, given: list[Array | None], nodes: tuple[Node, ...]) -> list[Any]:
        """Return what flows back through the function itself, run again."""
        with self._again() as live:
            seeds = {node_of(y): g for y, g in zip(live, given, strict=True) if g is not None}
            edges: Contributions = []
            reverse(seeds, targets=set(nodes), closed=True, edges=edges)
        return _shared_out([(source, np.asarray(gx)) for _, source, gx in edges], nodes)

    def unfolded(self, node: Node) -> Tensor:
        """Return the result of `node` as the function itself records it; the nodes of all results become those.

        Where the sweep is not for a NaN, the function has no plan from then on: all of it is run twice.
        """
        if not context().special & STRONG:
            self.told(None)
        start = tick()
        with self._again() as live:
            own = [known() for known in self.results]
        first = min(mine.serial for mine in own if mine is not None)
        take_places([node_of(y) for y in live], own, start, first)
        return live[own.index(node)]

    @contextmanager
    def _again(self) -> Iterator[list[Tensor]]:
        """Context manager: give the results of the function run again; what it changes is left as it is now."""
        self._check()
        again = self.journal.undo()
        try:
            self._show(copies=True)
            mode = context()
            changes = {"grad": True, "special": mode.special & ~STRONG, "flags": mode.flags | TRANSFORMED}
            with within(**changes), np.errstate(all="ignore"):  # of what it warns of there was no plan
                made = list(tensors_of(self.call.run()))
                yield [x for x, output in zip(made, self.outputs, strict=True) if output.live]
        finally:
            AGAIN.clear()
            self._show(copies=False)
            for step in again:
                step()

    def _show(self, copies: bool) -> None:
        """Let the function read what NumPy's memory held, or else what it holds."""
        for x, array, copy in self.read:
            if copy is not None:
                x.array = copy if copies else array

    def _check(self) -> None:
        """Raise if the function would not do again what it did."""
        what = "" if self.holds() else "an argument, an attribute, a variable or a setting is another one now"
        for x, array, _ in self.read:
            if x.array is not array or written_since(array, self.began):
                what = what or f"a tensor of shape {list(array.shape)} that it reads has been written or replaced since"
        if what:
            name = getattr(self.call.function, "__qualname__", type(self.call.function).__name__)
            raise AutogradError(
                f"the gradient of what {name} has returned was asked for in a way its plan was not made for, and it "
                f"cannot be run again: {what}. Ask for the gradient before that, or compile the whole step, backward() "
                f"included"
            )


def _shared_out(flows: list[tuple[Node, Any]], nodes: tuple[Node, ...]) -> list[Any]:
    """Return for each of `nodes`, which may stand there several times, what flows to it, in the order in which it does.

    A sweep that has met a NaN takes a finer graph, in which more flows: the last place gets all of the rest.
    """
    rest = {node: [gx for source, gx in flows if source is node] for node in nodes}
    found: list[Any] = []
    for i, node in enumerate(nodes):
        mine = rest[node]
        gx = mine.pop(0) if mine else None
        while mine and node not in nodes[i + 1 :]:
            gx = gx + mine.pop(0)
        found.append(gx)
    return found
