"""What had been recorded when an exception was raised, and the operation that raised it: found in the traceback."""

from __future__ import annotations

import itertools
import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from types import FrameType
from typing import Any, NamedTuple

from tensorgrad.base.answers import PUBLIC
from tensorgrad.base.callsite import Place, is_outside, users_variables, variables_of
from tensorgrad.base.context import Context, Scope
from tensorgrad.engine import dispatch, fastpath, fused
from tensorgrad.engine.primitive import Primitive
from tensorgrad.engine.tensor import Tensor, node_of
from tensorgrad.errors import TensorgradError
from tensorgrad.graph import Graph, GraphNode
from tensorgrad.graph.identifiers import unique_names
from tensorgrad.graph.nodes import ancestors, operands_of
from tensorgrad.graph.tracing import Names, names_given, names_read, tensors_in

from .text import clean, number

NOTE = "viz.draw(error) draws what was recorded before, and the operation that failed"
_DEEP = 3  # from the variables of a function into what they hold, and no further: a list may hold itself
_OPERATIONS = frozenset(module.__file__ for module in (dispatch, fastpath, fused))


class FailedGraph(Graph):
    """What had been recorded when `error` was raised. `failed` is the operation that raised it, `message` the error.

    The graph has no outputs, and keeps nothing of the traceback. Leaves are named by the variables of the script in it,
    and other values, too, with names="variables".

    Raises:
        TensorgradError: `error` was never raised, or no tensor is in any frame of its traceback.
    """

    def __init__(self, error: BaseException, names: Names = None) -> None:
        tracebacks = list(_tracebacks(error))
        if not tracebacks[0]:
            raise TensorgradError(f"cannot draw {type(error).__name__}: it has no traceback, as it was never raised")
        call = _operation(tracebacks) or _function(tracebacks) or _Call(type(error).__name__)
        call = call if call.scope else replace(call, scope=_module(tracebacks))
        operands = [a for a in call.arguments if isinstance(a, Tensor)]
        held = [step.variables for step in itertools.chain(*tracebacks) if is_outside(step.file)]
        held.append(users_variables())
        called = names_read((node_of(a), call.scope) for a in operands)
        for found in reversed(held):  # what the outermost function calls a value counts
            called |= names_given(names, found)
        also, named = [*operands, *_others(tracebacks, operands)], itertools.chain(*(found.items() for found in held))
        super().__init__((), also=also, names=called, variables=named)
        self._describe(self.pictured()._recorded)
        if not self.nodes:
            raise TensorgradError(
                f"cannot draw {type(error).__name__}: no recorded tensor is in the frames of its traceback; "
                f"viz.draw(function, ...) records every operation, and its error can be drawn"
            )
        self.message = clean(" ".join(filter(None, [f"{type(error).__name__}: {error}", _path(tracebacks)])), 250)
        self.failed = self._described(call, _place(tracebacks[0]))

    def _described(self, call: _Call, place: Place | None) -> GraphNode:
        operands = operands_of((node_of(a) if isinstance(a, Tensor) else a for a in call.arguments), self._index)
        return GraphNode(
            len(self.nodes), call.name, call.symbol or call.name, operands, call.params, (), self.nodes[0].dtype,
            call.scope, None, False, None, place, 0, None, None,
        )  # fmt: skip

    def text(self) -> str:
        """Return the graph as a typed program that ends with what failed."""
        names = unique_names(self.names())
        words = [names[o.source] if o.source is not None else number(o.constant) for o in self.failed.operands]
        recorded = super().text().rpartition("\nreturn")[0]
        return f"{recorded}\nfailed: {self.failed.op}({', '.join(words)})\n{self.message}"


@dataclass(frozen=True)
class _Call:
    """What failed, and with which arguments."""

    name: str
    arguments: tuple[Any, ...] = ()
    symbol: str = ""
    params: Mapping[str, Any] = field(default_factory=dict)
    scope: Scope | None = None


class _Step(NamedTuple):
    """One line of a traceback; the frame itself may be somewhere else by now."""

    frame: FrameType
    instruction: int

    @property
    def file(self) -> str:
        return self.frame.f_code.co_filename

    @property
    def variables(self) -> dict[str, Any]:
        """The variables of the function by name."""
        return variables_of(self.frame)

    @property
    def arguments(self) -> dict[str, Any]:
        """What the function was called with, as far as its variables still say."""
        code, known = self.frame.f_code, self.variables
        return {name: known[name] for name in code.co_varnames[: code.co_argcount] if name in known}


def _tracebacks(error: BaseException | None) -> Iterator[list[_Step]]:
    """Yield the traceback of `error`, outermost frame first, then those of what caused it."""
    seen: set[int] = set()
    while error is not None and id(error) not in seen:
        seen.add(id(error))
        steps, at = [], error.__traceback__
        while at is not None:
            steps.append(_Step(at.tb_frame, at.tb_lasti))
            at = at.tb_next
        yield steps
        error = error.__cause__ or (None if error.__suppress_context__ else error.__context__)


def _operation(tracebacks: Sequence[list[_Step]]) -> _Call | None:
    """Return the primitive that raised, with its arguments: the innermost frame that runs one."""
    for steps in tracebacks:
        for step in reversed(steps):
            runs = step.file in _OPERATIONS and step.frame.f_code.co_name in {"apply", "op"}
            known = step.variables if runs else {}
            primitive = known.get("primitive", known.get("record"))
            if isinstance(primitive, Primitive):
                arguments = known["args"] if "args" in known else tuple(step.arguments.values())
                mode = known.get("mode")
                scope = mode.scope if isinstance(mode, Context) else None
                operands = tuple(a for a in arguments if isinstance(a, Tensor) or not isinstance(a, Primitive | dict))
                return _Call(primitive.name, operands, primitive.symbol, dict(known.get("params") or {}), scope)
    return None


def _function(tracebacks: Sequence[list[_Step]]) -> _Call | None:
    """Return the function of the library that raised, with the tensors that it was given; None if it was no such.

    Of those that called one another it is the innermost that users know, if there is one.
    """
    for steps in tracebacks:
        calls = []
        for step in itertools.takewhile(lambda step: not is_outside(step.file), reversed(steps)):
            code, given = step.frame.f_code, tuple(tensors_in(step.arguments, _DEEP))
            if given and not code.co_name.startswith("_"):
                calls.append((code in PUBLIC, _Call(code.co_name, given)))
        if calls:
            return next((call for public, call in calls if public), calls[0][1])
    return None


def _module(tracebacks: Sequence[list[_Step]]) -> Scope | None:
    """Return the innermost call of a module that the error came out of; None if it was in none."""
    found = (step.variables.get("scope") for step in itertools.chain(*tracebacks) if not is_outside(step.file))
    return next((scope for scope in reversed([*found]) if type(scope) is Scope), None)


def every_node(graph: Graph) -> list[GraphNode]:
    """Return the nodes of a graph, and behind them the operation that failed."""
    return [*graph.nodes, *([graph.failed] if isinstance(graph, FailedGraph) else [])]


def _path(tracebacks: Sequence[list[_Step]]) -> str:
    """Return in which module that happened; empty if in none, or in the outermost one."""
    holders = [step.variables.get("self") for step in itertools.chain(*tracebacks)]
    modules: list[Any] = [holder for holder in holders if hasattr(holder, "path_of")]
    path = modules[0].path_of(modules[-1]) if modules else None
    return f"(in {path}: {type(modules[-1]).__name__})" if path else ""


def _others(tracebacks: Sequence[list[_Step]], operands: Sequence[Tensor]) -> list[Tensor]:
    """Return what else had been computed: the recorded tensors in the variables of the frames.

    Older ones than all that the operands were computed from are of another computation, such as the step before. If the
    operands are computed from nothing, only the innermost function of the script is asked.
    """
    made = (node.serial for node in ancestors(map(node_of, operands)) if node.primitive is not None)
    since = next(made, math.inf)  # the serial of the oldest operation
    steps = [step for step in itertools.chain(*tracebacks) if is_outside(step.file)]
    if since == math.inf:
        steps = steps[-1:]
    found = {id(x): x for step in steps for x in tensors_in(step.variables, _DEEP) if x.tracked or x.node}
    return [x for x in found.values() if since == math.inf or node_of(x).serial > since]


def _place(steps: list[_Step]) -> Place | None:
    """Return where the script stood: the innermost frame outside the library."""
    outside = [step for step in steps if is_outside(step.file)]
    return (outside[-1].frame.f_code, outside[-1].instruction) if outside else None
