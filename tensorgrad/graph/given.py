"""What a traced function is given, and what it reaches besides: the inputs, and the tensors of modules and closures."""

from __future__ import annotations

import copy
import functools
import inspect
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from types import CodeType, FunctionType, MethodType
from typing import Any, NamedTuple

import numpy as np

from tensorgrad.base.callsite import is_outside
from tensorgrad.engine.shared_memory import plain
from tensorgrad.engine.tensor import Node, Tensor, leaf, node_of, wrap
from tensorgrad.engine.tracedarrays import is_traced
from tensorgrad.engine.tracedtensors import follow, leaf_now, stand_for
from tensorgrad.engine.traces import running
from tensorgrad.errors import ArgumentError, TensorgradError

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
        for where, x in _parts(name, value):
            known = any(x is argument.tensor for argument in found)
            found.append(_alias(where, x) if known else Argument(x.name or where, _leaf_of(x), x))
    return found


def _alias(name: str, x: Tensor) -> Argument:
    """Return the argument for a tensor that is given once more: on the same memory, with a leaf of its own."""
    y = wrap(plain(x.array))
    y.tracked = x.tracked
    return Argument(name, leaf(y), y)


def _leaf_of(x: Tensor) -> Node:
    """Return the node of an input: its own, or a new leaf for one with a history, of which a trace knows nothing."""
    if x.node is None or x.node.primitive is None:
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
    elif held := _fields(value):
        for key, part in held.items():
            yield from _parts(f"{name}.{key}", part)


def _fields(value: Any) -> Mapping[str, Any]:
    """Return the attributes of an object of the user's that only holds data; ArgumentError for a set of tensors."""
    if isinstance(value, set | frozenset) and any(isinstance(part, Tensor) for part in value):
        raise ArgumentError("a set of tensors has no order in which a file could take them: give a list")
    kind = type(value)
    source = getattr(inspect.getmodule(kind), "__file__", None)
    if callable(value) or isinstance(value, type) or source is None or not is_outside(source):
        return {}
    slots = [name for base in kind.__mro__ for name in _slots(base) if hasattr(value, name)]
    return {**{name: getattr(value, name) for name in slots}, **getattr(value, "__dict__", {})}


def _slots(kind: type) -> Sequence[str]:
    names = vars(kind).get("__slots__", ())
    return (names,) if isinstance(names, str) else [n for n in names if n not in ("__dict__", "__weakref__")]


def _called_with(value: Any, given: Iterator[Argument]) -> Any:
    """Return an input as the function gets it: with the traced array, or the alias, of every argument in it."""
    if isinstance(value, Tensor):
        return next(given).tensor
    if isinstance(value, np.ndarray) and value.dtype.kind in "biufc":
        x = next(given).tensor
        return None if x is None else x.array
    if isinstance(value, list | tuple | Mapping):
        return _refilled(value, given)
    for key, part in _fields(value).items():
        if _called_with(part, given) is not part:
            raise ArgumentError(
                f"{type(value).__name__}.{key} holds an array, or a tensor that is given twice, which a trace cannot "
                f"replace in the object: give it as an argument of its own, or a tensor"
            )
    return value


def _refilled(value: Any, given: Iterator[Argument]) -> Any:
    """Return a list, tuple or mapping of inputs; itself where nothing in it is another object."""
    keys = list(value) if isinstance(value, Mapping) else range(len(value))
    parts = [_called_with(value[key], given) for key in keys]
    if all(part is value[key] for key, part in zip(keys, parts, strict=True)):
        return value
    if isinstance(value, Mapping):
        made = copy.copy(value)
        for key, part in zip(keys, parts, strict=True):
            made[key] = part  # type: ignore[index]  # one that cannot be set says so
        return made
    return type(value)(*parts) if hasattr(value, "_fields") else type(value)(parts)


def followed(function: Callable[..., Any], inputs: Sequence[Any], arguments: Sequence[Argument]) -> list[Any]:
    """Let the arrays of all tensors that `function` reaches be traced; return what it is to be called with."""
    for argument in arguments:
        x = argument.tensor
        if x is not None and not is_traced(x.array):
            follow(x, argument.node)
            stand_for(x, argument.node)
    things = _walked(function, inputs)
    for x in _tensors_among(things):
        if not is_traced(x.array):
            follow(x, leaf_now(x))
    trace = running()
    for thing in things:
        if trace is not None and not isinstance(thing, type) and hasattr(type(thing), "named_buffers"):
            trace.buffers |= {x.node: path.rpartition(".")[2] for path, x in thing.named_buffers() if x.node}
    given = iter(arguments)
    return [_called_with(x, given) for x in inputs]


def reached(function: Any, inputs: Sequence[Any] = ()) -> list[Tensor]:
    """Return the tensors that `function` can reach by itself: those of modules, closures, globals, and objects.

    >>> import tensorgrad as tg
    >>> w = tg.ones(3)
    >>> len(reached((lambda w: lambda x: x * w)(w))), len(reached(tg.nn.Linear(2, 3)))
    (1, 2)
    """
    return _tensors_among(_walked(function, inputs))


def _tensors_among(things: Iterable[Any]) -> list[Tensor]:
    return [x for x in things if isinstance(x, Tensor) and _has_values(x)]


def _walked(function: Any, inputs: Sequence[Any]) -> list[Any]:
    """Return all objects that `function` can reach by itself, each once."""
    pending, found = [function, *inputs], dict[int, Any]()
    for thing in pending:
        if id(thing) in found or len(found) > _MOST:
            continue
        found[id(thing)] = thing
        if not isinstance(thing, Tensor):
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
