"""Recording for a graph: every operation and every value, with the names that the user's variables give."""

from __future__ import annotations

import math
import random
import sys
import threading
from collections import Counter
from collections.abc import Collection, Iterable, Iterator, Mapping
from contextlib import contextmanager
from types import FrameType
from typing import Any

import numpy as np

from tensorgrad.base.callsite import is_users_code, readable
from tensorgrad.base.context import TRACING, FunctionScope, Scope, context, outward, within
from tensorgrad.engine.reads import nodes_in
from tensorgrad.engine.tensor import Node, Tensor, node_of
from tensorgrad.engine.tracedtensors import operand
from tensorgrad.engine.traces import Trace, new_trace, running
from tensorgrad.errors import ArgumentError

Names = Mapping[str, Tensor] | str | None
"""Names for values: a mapping as ``dict(model.named_parameters())``, "variables" for the user's variables, or None."""

_ONE_AT_A_TIME = threading.RLock()
_PATIENCE = 60.0
_VAGUE = frozenset({"input", "other", "self", "tensor", "tensors", "x", "y", "a", "b"})  # parameters that tell nothing


@contextmanager
def tracing(functions: Collection[str] = (), **changes: Any) -> Iterator[Trace]:
    """Context manager: record every operation and keep every value; `changes` are those of the context besides.

    Calls of the user's own `functions` of these names are scopes.

    While it runs, the tensors that are reached have arrays that record, so threads take turns.
    """
    if not _ONE_AT_A_TIME.acquire(timeout=_PATIENCE):
        raise ArgumentError(
            f"another thread has been tracing for {_PATIENCE} seconds, and only one can at a time: trace before "
            f"threads are started, and not in threads that a traced function waits for"
        )
    try:
        with within(special=context().special | TRACING, **changes), new_trace(Trace(functions)) as trace:
            yield trace
    finally:
        _ONE_AT_A_TIME.release()


@contextmanager
def telling_of_draws(trace: Trace) -> Iterator[None]:
    """Context manager: note a break where Python's or NumPy's own generator has moved, of which a trace is not told."""
    before = _states()
    yield
    for name, after in _states().items():
        if before[name] != after:
            trace.note_break(f"{name}, which drew random numbers somewhere in the function,", "those of this run")


def _states() -> dict[str, Any]:
    kind, keys, *rest = np.random.get_state(legacy=True)  # noqa: NPY002 - the one that the function may have moved
    return {"random": random.getstate(), "np.random": (kind, np.asarray(keys).tobytes(), *rest)}


def tensors_in(result: Any, depth: float = math.inf) -> Iterator[Tensor]:
    """Yield the tensors in what a function returned: in tuples, lists and mappings, so many levels deep."""
    if isinstance(result, Tensor):
        yield result
    elif depth and isinstance(result, tuple | list | Mapping):
        for part in result.values() if isinstance(result, Mapping) else result:
            yield from tensors_in(part, depth - 1)


def variables(namespace: Mapping[str, Any]) -> dict[Node, str]:
    """Return the names under which `namespace` holds tensors, the first of each; private ones name nothing."""
    found: dict[Node, str] = {}
    for name, value in namespace.items():
        if isinstance(value, Tensor) and not name.startswith("_"):
            found.setdefault(node_of(value) if running() is None else operand(value), name)
    return found


def names_given(names: Names, caller: Mapping[str, Any]) -> dict[Node, str]:
    """Return the names of nodes that `names` gives, where `caller` has the variables.

    Raises:
        ArgumentError: a word that is not "variables".
    """
    if isinstance(names, str) and names != "variables":
        raise ArgumentError(f"names={names!r} is not known: give a mapping of names to tensors, or 'variables'")
    return variables(caller if isinstance(names, str) else names or {})


def module_names(recorded: Iterable[Node]) -> dict[Node, str]:
    """Return what the innermost module that reads a parameter or buffer, and has it, calls it: the end of its path."""
    return names_read(
        (x, node.scope) for node in recorded if node.scope for x in (*node.inputs, *nodes_in(node.params))
    )


def names_read(read: Iterable[tuple[Any, Scope | None]]) -> dict[Node, str]:
    """Return what `module_names` does of the nodes that are read in a scope each."""
    known: dict[int, dict[int, str]] = {}
    found: dict[Node, str] = {}
    for leaf, inside in read:
        if isinstance(leaf, Node) and leaf.primitive is None and leaf.owner is not None and leaf not in found:
            around = (paths_by_id(scope.module, known) for scope in outward(inside))
            path = next((paths[id(leaf.owner())] for paths in around if id(leaf.owner()) in paths), "")
            name = path.rpartition(".")[2]
            if name and not name.isdigit():  # a place in a list names nothing
                found[leaf] = name
    return found


def argument_names(recorded: Iterable[Node]) -> dict[Node, str]:
    """Return what the outermost function that was given a leaf calls it; names that say nothing name nothing."""
    scopes = dict.fromkeys(scope for node in recorded for scope in outward(node.scope))
    found: dict[Node, str] = {}
    for scope in scopes:
        if isinstance(scope, FunctionScope):
            told = ((leaf, name) for leaf, name in scope.given.items() if name not in _VAGUE)
            found = {leaf: name for leaf, name in told if math.prod(leaf.shape) != 1} | found
    return found


def paths_by_id(module: Any, known: dict[int, dict[int, str]]) -> dict[int, str]:
    """Return the paths of a module's parameters and buffers by their id; asked once, as there may be thousands."""
    if id(module) not in known:
        held = (*module.named_parameters(), *module.named_buffers()) if hasattr(module, "named_buffers") else ()
        known[id(module)] = {id(x): path for path, x in held}
    return known[id(module)]


@contextmanager
def watching(found: dict[Node, str]) -> Iterator[None]:
    """Context manager: add to `found` every value that a variable of the user's functions holds, under its name.

    What has had a name keeps it; the second value that a variable ``h`` holds is named ``h.2``. Python then reports
    every line of those functions, which makes them slow; a debugger or coverage that listens as well is told nothing.
    """

    def at_line(frame: FrameType, event: str, argument: Any) -> Any:
        for node, name in variables(readable(frame)).items():
            if node not in found:
                held[name] += 1
                found[node] = name if held[name] == 1 else f"{name}.{held[name]}"
        return at_line

    def at_call(frame: FrameType, event: str, argument: Any) -> Any:
        return at_line if is_users_code(frame) else None

    held: Counter[str] = Counter()
    before = sys.gettrace()
    sys.settrace(at_call)
    try:
        yield
    finally:
        sys.settrace(before)
