"""What a traced function is given, and what it reaches besides: the inputs, and the tensors of modules and closures."""

from __future__ import annotations

import functools
import inspect
from collections.abc import Callable, Iterator, Mapping, Sequence
from types import CodeType, FunctionType, MethodType
from typing import Any, NamedTuple

import numpy as np

from tensorgrad.base.callsite import is_outside
from tensorgrad.engine.tensor import Node, Tensor, leaf, node_of, wrap
from tensorgrad.engine.tracedarrays import is_traced
from tensorgrad.engine.tracedtensors import follow, stand_for
from tensorgrad.errors import TensorgradError

_KNOWN: dict[type, Callable[[Any], tuple[Any, ...]]] = {
    MethodType: lambda method: (method.__self__, method.__func__),
    functools.partial: lambda partial: (partial.func, *partial.args, *partial.keywords.values()),
}
_MOST = 10_000  # objects that are looked through for tensors


class Argument(NamedTuple):
    """A tensor that a traced function is given: its name, its node, and until the trace is over the tensor."""

    name: str
    node: Node
    tensor: Tensor | None


def given_to(function: Callable[..., Any], inputs: Sequence[Any]) -> list[Argument]:
    """Return the tensors and arrays among `inputs`, also those in lists and mappings, named after the parameters.

    >>> import tensorgrad as tg
    >>> [argument.name for argument in given_to(lambda x, *more: x, (tg.ones(1), [tg.ones(1)], tg.ones(1)))]
    ['x', 'more[0][0]', 'more[1]']
    """
    found: list[Argument] = []
    for name, value in zip(parameter_names(function, len(inputs)), inputs, strict=False):
        found += [Argument(x.name or where, _leaf_of(x), x) for where, x in _parts(name, value)]
    return found


def _leaf_of(x: Tensor) -> Node:
    """Return the node of an input: its own, or a new leaf for one with a history, of which a trace knows nothing."""
    if x.is_leaf:
        return node_of(x)
    y = wrap(x.array)
    y.tracked = x.tracked
    return leaf(y)


def parameter_names(function: Callable[..., Any], count: int) -> list[str]:
    """Return names for `count` positional arguments of a function, or of a module's `forward`."""
    try:
        parameters = list(inspect.signature(getattr(function, "forward", function)).parameters.values())
    except (ValueError, TypeError):  # a callable written in C tells no names
        parameters = []
    names = [p.name for p in parameters if p.kind in (p.POSITIONAL_ONLY, p.POSITIONAL_OR_KEYWORD)][:count]
    more = next((p.name for p in parameters if p.kind is p.VAR_POSITIONAL), None)
    rest = range(count - len(names))
    return names + ([f"input{len(names) + i}" for i in rest] if more is None else [f"{more}[{i}]" for i in rest])


def _parts(name: str, value: Any) -> Iterator[tuple[str, Tensor]]:
    if isinstance(value, Tensor):
        yield name, value
    elif isinstance(value, np.ndarray) and value.dtype.kind in "biufc":
        yield name, wrap(value)
    elif isinstance(value, list | tuple | Mapping):
        for key, part in value.items() if isinstance(value, Mapping) else enumerate(value):
            yield from _parts(f"{name}[{key}]", part)


def followed(function: Callable[..., Any], inputs: Sequence[Any], arguments: Sequence[Argument]) -> list[Any]:
    """Let the arrays of all tensors that `function` reaches be traced; return what it is to be called with."""
    arrays: dict[int, Any] = {}
    for argument in arguments:
        x = argument.tensor
        if x is not None and not is_traced(x.array):
            array = x.array
            follow(x, argument.node)
            stand_for(x, argument.node)
            arrays[id(array)] = x.array
    for x in reached(function, inputs):
        if not is_traced(x.array):
            follow(x, node_of(x))
    return [arrays.get(id(x), x) if isinstance(x, np.ndarray) else x for x in inputs]


def reached(function: Any, inputs: Sequence[Any] = ()) -> list[Tensor]:
    """Return the tensors that `function` can reach by itself: those of modules, closures, globals, and objects.

    >>> import tensorgrad as tg
    >>> w = tg.ones(3)
    >>> len(reached((lambda w: lambda x: x * w)(w))), len(reached(tg.nn.Linear(2, 3)))
    (1, 2)
    """
    found: dict[int, Tensor] = {}
    pending, seen = [function, *inputs], set[int]()
    for thing in pending:
        if id(thing) in seen or len(seen) > _MOST:
            continue
        seen.add(id(thing))
        if isinstance(thing, Tensor):
            if _has_values(thing):
                found[id(thing)] = thing
        else:
            pending.extend(_inside(thing))
    return list(found.values())


def _has_values(x: Tensor) -> bool:
    try:
        return x.array is not None
    except TensorgradError:  # a parameter whose shape is not known yet
        return False


def _inside(thing: Any) -> list[Any]:
    """Return what an object holds that may be, or lead to, a tensor."""
    if isinstance(thing, FunctionType):
        return _of_function(thing) if is_outside(thing.__code__.co_filename) else []
    if isinstance(thing, MethodType | functools.partial):
        return [*_KNOWN[type(thing)](thing)]
    if isinstance(thing, list | tuple | set | frozenset | Mapping):
        return list(thing.values() if isinstance(thing, Mapping) else thing)
    kind = type(thing)
    if isinstance(thing, type) or inspect.ismodule(thing) or kind.__module__ in ("builtins", "numpy"):
        return []
    return [*getattr(thing, "__dict__", {}).values(), *(v for v in vars(kind).values() if isinstance(v, FunctionType))]


def _of_function(function: FunctionType) -> list[Any]:
    cells = []
    for cell in function.__closure__ or ():
        try:
            cells.append(cell.cell_contents)
        except ValueError:  # not set yet
            continue
    names = set(_names_in(function.__code__))
    return [*cells, *(v for k, v in function.__globals__.items() if k in names), *(function.__defaults__ or ()),
            *(function.__kwdefaults__ or {}).values()]  # fmt: skip


def _names_in(code: CodeType) -> Iterator[str]:
    yield from code.co_names
    for constant in code.co_consts:
        if isinstance(constant, CodeType):
            yield from _names_in(constant)
