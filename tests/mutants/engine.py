"""Faults of the engine: a line of a sweep, or of what stands around it, replaced by a wrong one."""

from __future__ import annotations

import inspect
import textwrap
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from types import CodeType
from typing import Any

from tensorgrad.autograd import careful, order, quick, sweep
from tensorgrad.autograd.derivatives import _accumulate, _owned, _seeds


@dataclass(frozen=True)
class EngineFault:
    """In the source of `function`, `right` (which stands there once) becomes `wrong`."""

    name: str
    function: Callable[..., Any]
    right: str
    wrong: str

    def __str__(self) -> str:
        return f"{self.function.__module__}.{self.function.__qualname__}: {self.name}"


ENGINE_FAULTS = [
    EngineFault("a second contribution overwrites the first", sweep.reverse, "grads[parent] + gx if", "gx if"),
    EngineFault("a second contribution is dropped", sweep.reverse, "grads[parent] + gx if", "grads[parent] if"),
    EngineFault("the nodes are walked in the order of creation", sweep.reverse, "reversed(order)", "order"),
    EngineFault("quick: a second contribution overwrites the first", quick.reverse, "known + gx", "gx"),
    EngineFault("quick: a second contribution is dropped", quick.reverse, "known + gx", "known"),
    EngineFault("quick: the nodes are walked in the order of creation", quick.reverse, "reversed(order)", "order"),
    EngineFault("a cotangent is not summed down", sweep.fitted, "sum_to(gx, shape=parent.shape)", "gx"),
    EngineFault("a cotangent keeps its own dtype", sweep.fitted, "_converted(gx, parent.dtype)", "gx"),
    EngineFault(
        "with create_graph the sweep reads plain arrays",
        order.readable,
        "not boxed or node.primitive.together",
        "True",
    ),
    EngineFault("a saved output is detached", order._relinked, "linked(y, node)", "y"),
    EngineFault("a saved input is detached", order._relinked, "linked(x, i)", "x"),
    EngineFault("only targets count as leading to one", order.leading_to, "needed.add(node)", "pass"),
    EngineFault("a second tangent overwrites the first", sweep.forward, "total + ty", "ty"),
    EngineFault("a tangent is not broadcast up", sweep.repeated, "broadcast_to(ty, shape=node.shape)", "ty"),
    EngineFault("a tangent keeps its own dtype", sweep.repeated, "_converted(ty, node.dtype)", "ty"),
    EngineFault("an output named twice counts once", _seeds, "seeds[node] + value", "value"),
    EngineFault("a second backward overwrites .grad", _accumulate, "known.array, g, out", "g, 0, out"),
    EngineFault("a gradient may be somebody's memory", _owned, "asarray(array).copy()", "array"),
    EngineFault(
        "a recorded sweep is not recorded",
        careful._Reverse.sweep,
        "enable_grad() if boxed",
        "within(grad=False) if boxed",
    ),
]


@contextmanager
def injected(fault: EngineFault) -> Iterator[None]:
    """`fault` holds inside: everybody who has imported the function runs the wrong code."""
    function: Any = fault.function
    right: CodeType = function.__code__
    function.__code__ = wrong_code(fault)
    try:
        yield
    finally:
        function.__code__ = right


def wrong_code(fault: EngineFault) -> CodeType:
    source = textwrap.dedent(inspect.getsource(fault.function))
    found = source.count(fault.right)
    if found != 1:
        raise LookupError(
            f"{fault}: {fault.right!r} stands {found} times in it, not once: say in ENGINE_FAULTS what does"
        )
    wrong = source.replace(fault.right, fault.wrong)
    scope: dict[str, Any] = {}
    exec(compile(wrong, f"<{fault}>", "exec"), fault.function.__globals__, scope)
    code: CodeType = scope[fault.function.__name__].__code__
    return code
