"""Checkpointing: a part of a network is run again in the backward pass instead of keeping what it computed.

The part becomes one node of the graph. Its inputs are whatever the part depends on, arguments, parameters and tensors
from outside alike, found by recording the first run; that record is dropped. Source: Griewank and Walther 2000,
"Algorithm 799: revolve"; Chen et al. 2016, arXiv:1604.06174.

What the second run gives must be what the first one gave: else the gradient would be that of another function. Of the
first results only weighted sums of each 64 numbers are kept: a copy would take the memory that is to be saved, and a
reference would be spoiled by a write to the result, which is allowed. Unlike plain sums they see where a number stands.
"""

from __future__ import annotations

import functools
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from tensorgrad.autograd.careful import reverse, tensor_of
from tensorgrad.autograd.order import ends
from tensorgrad.autograd.userrules import Saved, joint, record_of, unpacked
from tensorgrad.base.context import CONTEXT, RECOMPUTING, TRACING, within
from tensorgrad.base.dtypes import Array
from tensorgrad.base.misfits import wrong_type
from tensorgrad.create.random import states
from tensorgrad.engine.primitive import Rule, always
from tensorgrad.engine.shared_memory import lasting, plain
from tensorgrad.engine.tensor import Node, Tensor, linked, node_of, tick, wrap
from tensorgrad.errors import ArgumentError, AutogradError


class CheckpointError(AutogradError):
    """A checkpointed function that gave something else when it was run again."""


_WEIGHTS = {t: np.random.default_rng(0).uniform(0.5, 1.5, 64).astype(t) for t in map(np.dtype, "fd")}


def _sums(values: Array) -> Array:
    """Return the weighted sum of each 64 of the flat `values`, the last ones perhaps fewer."""
    weights, rest = _WEIGHTS[values.dtype], len(values) % 64
    sums: Array = values[: len(values) - rest].reshape(-1, 64) @ weights
    return np.append(sums, values[-rest:] @ weights[:rest]) if rest else sums


@dataclass(frozen=True, eq=False)
class _Print:
    """What is remembered of a result: shape, dtype, weighted sums, and where NaN and infinities stand."""

    shape: tuple[int, ...]
    dtype: np.dtype[Any]
    sums: Array
    strange: Array | None

    @classmethod
    def of(cls, array: Array) -> _Print:
        with np.errstate(all="ignore"):
            values = _flat(array)
            sums, strange = _sums(values), None
            if not np.isfinite(sums).all():  # numbers that are not finite, or a sum beyond its dtype
                kinds = np.select([np.isnan(values), values == np.inf, values == -np.inf], [1.0, 2.0, 3.0], 0.0)
                sums, strange = _sums(np.where(kinds == 0, values, 0).astype(np.float64)), _sums(kinds)
        return cls(array.shape, array.dtype, sums, strange)

    def difference(self, again: Array) -> str | None:
        """Return how the result `again` differs by more than rounding, or None.

        A sum may differ by ``sqrt(eps)`` of the largest number: threads that add in another order change the last
        digits, of some numbers more where large ones cancel.
        """
        if again.shape != self.shape:
            return f"shape {list(self.shape)} became {list(again.shape)}"
        if again.dtype != self.dtype:
            return f"dtype {self.dtype} became {again.dtype}"
        other = _Print.of(again)
        if self.strange is other.strange is None and (self.sums == other.sums).all():
            return None
        if (self.strange is None) != (other.strange is None) or not np.array_equal(
            0 if self.strange is None else self.strange, 0 if other.strange is None else other.strange
        ):
            return "NaN or infinities stand in other places"
        values = _flat(again)
        size = np.max(np.abs(values), where=np.isfinite(values), initial=0)
        with np.errstate(all="ignore"):
            same = np.abs(self.sums - other.sums) <= np.sqrt(np.finfo(again.dtype).eps) * float(size)
        return None if np.all(same | (self.sums == other.sums)) else "its values changed"


def _flat(array: Array) -> Array:
    """Return the real numbers of `array` in a row, in a dtype that sums can have."""
    flat = np.ascontiguousarray(plain(array)).reshape(-1)
    if flat.dtype.kind == "c":
        flat = flat.view(flat.real.dtype)
    return flat.astype(np.float32) if flat.dtype.itemsize < 4 else flat


@dataclass(frozen=True, eq=False)
class _Segment:
    """What is needed to run a part again, and the rules of its node."""

    function: Callable[..., Any]
    args: tuple[Any, ...]
    kwargs: dict[str, Any]
    random: list[tuple[Any, Any]] | None
    results: list[_Print]  # of the first run

    def run(self) -> list[Tensor]:
        """Return the outputs that require a gradient, computed anew with the random numbers of the first run."""
        now = states()
        for generator, state in self.random or ():
            generator.set_state(state)
        try:
            with within(grad=True, flags=CONTEXT.get().flags | RECOMPUTING):
                return _differentiable(self.function(*self.args, **self.kwargs))
        finally:
            for generator, state in now if self.random is not None else ():
                generator.set_state(state)

    def compare(self, outputs: list[Tensor]) -> None:
        """Raise CheckpointError unless the `outputs` of a second run are those of the first."""
        if len(outputs) != len(self.results):
            differs: str | None = f"{len(self.results)} outputs that require grad became {len(outputs)}"
        else:
            found = [(i, p.difference(y.array)) for i, (p, y) in enumerate(zip(self.results, outputs, strict=True))]
            differs = next((f"of output {i} {what}" for i, what in found if what), None)
        if differs:
            raise CheckpointError(
                f"checkpoint: the function gave other results when it was run again in backward: {differs}. It must "
                f"not depend on anything that changes between forward and backward: call train() or eval(), and change "
                f"what it reads, after backward(); give it copies of what must change earlier; and leave "
                f"preserve_rng_state on where it draws random numbers"
            )

    def rules(self, g: Any, saved: Saved, node: Node) -> list[Rule | None]:
        """Return for each input a rule that knows its cotangent, from a sweep through the second run."""
        boxed = isinstance(g, Tensor)
        outputs = self.run()
        self.compare(outputs)
        parts = unpacked(tensor_of(g), saved.shapes)
        seeds: dict[Node, Any] = {}
        for y, part in zip(outputs, parts, strict=True):
            target = node_of(y)
            seeds[target] = seeds[target] + part if target in seeds else part
        recording = boxed and CONTEXT.get().grad
        seeds = {n: p if recording else getattr(p, "array", p) for n, p in seeds.items()}
        inputs: list[Any] = list(node.inputs)
        found = reverse(seeds, targets=inputs, create_graph=recording, retain_graph=recording, closed=True)
        if boxed:
            found = {i: tensor_of(gx) for i, gx in found.items()}
        return [always(found[i]) if i in found else None for i in inputs]

    def __iter__(self) -> Iterator[Rule]:
        raise AutogradError("checkpoint: forward mode is not available through a checkpoint: call the function itself")


def _differentiable(result: Any) -> list[Tensor]:
    ys = result if isinstance(result, tuple | list) else [result]
    return [y for y in ys if isinstance(y, Tensor) and y.tracked]


def checkpoint(
    function: Callable[..., Any],
    *args: Any,
    use_reentrant: bool | None = None,
    preserve_rng_state: bool = True,
    **kwargs: Any,
) -> Any:
    """Return ``function(*args, **kwargs)``; what it computes inside is not kept but computed again in backward.

    Random numbers are the same in both runs (a Dropout mask is repeated), and running statistics are updated once.

    Args:
        function: gives a tensor or a tuple of them; must give the same when it is run again.
        use_reentrant: accepted as in PyTorch; parameters are found in any case.
        preserve_rng_state: False saves the look at the generators, for functions without random numbers.

    Raises:
        CheckpointError: in backward, where the second run gave other shapes, dtypes or values than the first.

    >>> import tensorgrad as tg
    >>> from tensorgrad.utils.checkpoint import checkpoint
    >>> x = tg.tensor([1.0, 2.0], requires_grad=True)
    >>> checkpoint(lambda x: (x * x).sin(), x).sum().backward()
    >>> tg.allclose(x.grad, 2 * x * (x * x).cos())
    True
    """
    if not callable(function):
        raise TypeError(wrong_type("checkpoint", "function", 1, function, Callable))
    if not CONTEXT.get().grad or CONTEXT.get().special & TRACING:  # a trace keeps all that is computed, to be read
        return function(*args, **kwargs)
    held = tuple([_held(a) for a in args])
    segment = _Segment(function, held, kwargs, states() if preserve_rng_state else None, [])
    start = tick()
    result = function(*args, **kwargs)
    outputs = _differentiable(result)
    if outputs:
        segment.results.extend(_Print.of(y.array) for y in outputs)
        _replace(segment, outputs, list(ends(map(node_of, outputs), start)))
    return result


def checkpoint_sequential(
    functions: Sequence[Callable[..., Any]] | Iterable[Any],
    segments: int,
    input: Any,
    use_reentrant: bool | None = None,
    preserve_rng_state: bool = True,
) -> Any:
    """Return what `functions` give one after the other; all but the last of `segments` equal parts are checkpointed.

    Args:
        functions: functions of one argument, or a Sequential.
        segments: how many parts, at least 1 and at most as many as functions.
        input: what the first is given.
        use_reentrant: as of `checkpoint`.
        preserve_rng_state: as of `checkpoint`.

    Raises:
        ArgumentError: that many parts cannot be made.

    >>> import tensorgrad as tg
    >>> net = tg.nn.Sequential(tg.nn.Linear(2, 3), tg.nn.Tanh(), tg.nn.Linear(3, 1))
    >>> tg.equal(checkpoint_sequential(net, 2, tg.ones(1, 2)), net(tg.ones(1, 2)))
    True
    """
    held = list(functions)
    if not 1 <= segments <= len(held):
        raise ArgumentError(f"checkpoint_sequential: {len(held)} functions are no {segments} segments")

    def part(first: int, end: int) -> Callable[[Any], Any]:
        return lambda value: functools.reduce(lambda found, function: function(found), held[first:end], value)

    length = len(held) // segments
    for first in range(0, length * (segments - 1), length):
        input = checkpoint(
            part(first, first + length), input, use_reentrant=use_reentrant, preserve_rng_state=preserve_rng_state
        )
    return part(length * (segments - 1), len(held))(input)


def _held(a: Any) -> Any:
    """Return the argument `a` as the second run is given it; of what code outside may write, a copy."""
    if not isinstance(a, Tensor):
        return a
    array = lasting(a)
    if a.tracked:
        return linked(array, node_of(a))
    return a if array is a.array else wrap(array)


def _replace(segment: _Segment, outputs: list[Tensor], inputs: list[Node]) -> None:
    """Let `outputs` be results of one node with `inputs`; what was recorded between them is dropped."""
    node, nodes, shapes = joint(record_of("checkpoint", segment.function, segment), tuple(inputs), outputs)
    owners = [i.owner() for i in inputs if i.owner is not None]
    arrays = [x.array for x in (*segment.args, *owners) if isinstance(x, Tensor)]
    node.saved = Saved.of(
        arrays, None, shapes, [True] * len(outputs)
    )  # so that a write to an argument or a parameter before it is refused
    for y, part in zip(outputs, nodes, strict=True):
        y.node = part
