"""Checkpointing: a part of a network is run again in the backward pass instead of keeping what it computed.

The part becomes one node of the graph. Its inputs are whatever the part depends on, arguments, parameters and tensors
from outside alike, found by recording the first run; that record is dropped. Source: Griewank and Walther 2000,
"Algorithm 799: revolve"; Chen et al. 2016, arXiv:1604.06174.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from typing import Any

from tensorgrad.autograd.careful import reverse, tensor_of
from tensorgrad.autograd.userrules import Saved, joint, record_of, unpacked
from tensorgrad.base.context import CONTEXT, RECOMPUTING, context
from tensorgrad.create.random import states
from tensorgrad.engine.primitive import Rule, always
from tensorgrad.engine.tensor import Node, Tensor, linked, node_of, tick
from tensorgrad.errors import AutogradError


@dataclass(frozen=True, eq=False)
class _Segment:
    """What is needed to run a part again, and the rules of its node."""

    function: Callable[..., Any]
    args: tuple[Any, ...]
    kwargs: dict[str, Any]
    random: list[tuple[Any, Any]] | None

    def run(self) -> list[Tensor]:
        """Return the outputs that require a gradient, computed anew with the random numbers of the first run."""
        now = states()
        for generator, state in self.random or ():
            generator.set_state(state)
        mode = context()
        token = CONTEXT.set(replace(mode, grad=True, flags=mode.flags | RECOMPUTING))
        try:
            return _differentiable(self.function(*self.args, **self.kwargs))
        finally:
            CONTEXT.reset(token)
            for generator, state in now if self.random is not None else ():
                generator.set_state(state)

    def rules(self, g: Any, saved: Saved, node: Node) -> list[Rule | None]:
        """Return for each input a rule that knows its cotangent, from a sweep through the second run."""
        boxed = isinstance(g, Tensor)
        outputs = self.run()
        if [y.array.shape for y in outputs] != (saved.shapes or [node.shape]):
            raise AutogradError(
                "checkpoint: the function gave other results when it was run again: it must not depend on anything "
                "that changes between forward and backward"
            )
        parts = unpacked(tensor_of(g), saved.shapes)
        seeds: dict[Node, Any] = {}
        for y, part in zip(outputs, parts, strict=True):
            target = node_of(y)
            seeds[target] = seeds[target] + part if target in seeds else part
        recording = boxed and context().grad
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

    >>> import tensorgrad as tg
    >>> from tensorgrad.utils.checkpoint import checkpoint
    >>> x = tg.tensor([1.0, 2.0], requires_grad=True)
    >>> checkpoint(lambda x: (x * x).sin(), x).sum().backward()
    >>> tg.allclose(x.grad, 2 * x * (x * x).cos())
    True
    """
    if not context().grad:
        return function(*args, **kwargs)
    held = tuple([linked(a.array, node_of(a)) if isinstance(a, Tensor) and a.tracked else a for a in args])
    segment = _Segment(function, held, kwargs, states() if preserve_rng_state else None)
    start = tick()
    result = function(*args, **kwargs)
    outputs = _differentiable(result)
    if outputs:
        _replace(segment, outputs, _outside(outputs, start))
    return result


def _outside(outputs: list[Tensor], start: float) -> list[Node]:
    """Return the leaves, and the nodes older than `start`, that `outputs` depend on."""
    order = list(dict.fromkeys(node_of(y) for y in outputs))
    seen, found = set(order), []
    for node in order:  # grows while it is walked
        if node.primitive is None or node.serial < start:
            found.append(node)
            continue
        for parent in node.inputs:
            if isinstance(parent, Node) and parent.tracked and parent not in seen:
                seen.add(parent)
                order.append(parent)
    return found


def _replace(segment: _Segment, outputs: list[Tensor], inputs: list[Node]) -> None:
    """Let `outputs` be results of one node with `inputs`; what was recorded between them is dropped."""
    node, nodes, shapes = joint(record_of("checkpoint", segment.function, segment), tuple(inputs), outputs)
    owners = [i.owner() for i in inputs if i.owner is not None]
    arrays = [x.array for x in (*segment.args, *owners) if isinstance(x, Tensor)]
    node.saved = Saved.of(arrays, None, shapes)  # so that a write to an argument or a parameter before it is refused
    for y, part in zip(outputs, nodes, strict=True):
        y.node = part
