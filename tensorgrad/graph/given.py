"""What a traced function is given, returns, and reaches besides: inputs, outputs, tensors of modules and closures."""

from __future__ import annotations

import copy
import functools
import inspect
import re
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence, Set as AbstractSet, ValuesView
from types import FunctionType, GeneratorType, MethodType
from typing import Any, NamedTuple

import numpy as np

from tensorgrad.base.callsite import is_outside
from tensorgrad.base.sources import names_in
from tensorgrad.engine.shared_memory import plain
from tensorgrad.engine.snapshots import copied
from tensorgrad.engine.tensor import Node, Tensor, leaf, node_of, wrap
from tensorgrad.engine.tracedarrays import input_of, is_traced
from tensorgrad.engine.tracedtensors import follow, leaf_now, result, stand_for
from tensorgrad.engine.tracedvalues import plain_of
from tensorgrad.engine.traces import running
from tensorgrad.errors import ArgumentError, TensorgradError

_KNOWN: dict[type, Callable[[Any], tuple[Any, ...]]] = {
    MethodType: lambda method: (method.__self__, method.__func__),
    functools.partial: lambda partial: (partial.func, *partial.args, *partial.keywords.values()),
}
_TEXTS = (str, bytes, bytearray, memoryview, range)
_ONCE: tuple[type, ...] = (GeneratorType, map, filter, zip, enumerate, reversed, type(iter([])), type(iter(())))
_EMPTY = frozenset({type(None), bool, int, float, str})  # what holds nothing
_MOST = 10_000  # objects that are looked through for tensors


class Argument(NamedTuple):
    """A tensor that a traced function is given: its name, its node, and until the trace is over the tensor."""

    name: str
    node: Node
    tensor: Tensor | None


def given_to(function: Callable[..., Any], inputs: Sequence[Any]) -> list[Argument]:
    """Return the tensors and arrays among `inputs`, also those in what holds others, named after the parameters.

    Raises:
        ArgumentError: an input holds tensors in an order that no file can tell, as a set does.

    >>> import tensorgrad as tg
    >>> [argument.name for argument in given_to(lambda x, *more: x, (tg.ones(1), [tg.ones(1)], tg.ones(1)))]
    ['x', 'more[0][0]', 'more[1]']
    """
    found: list[Argument] = []
    for name, value in zip(parameter_names(function, len(inputs)), inputs, strict=False):
        for where, part in _parts(name, value):
            if not isinstance(part, Tensor) and not _is_array(part):
                continue
            x = part if isinstance(part, Tensor) else wrap(part)
            known = any(x is argument.tensor for argument in found)
            found.append(_alias(where, x) if known else Argument(x.name or where, _leaf_of(x), x))
    return found


def outputs_of(returned: Any) -> list[tuple[str, Tensor]]:
    """Return what a traced function returned as tensors, itself or what it holds, with the key or attribute of each.

    An array of NumPy's, and a number of its kind, is an output without gradient; a number of Python's, which told of a
    break when it was read, is none.

    Raises:
        ArgumentError: something holds tensors, and is nothing that is looked into: a set, a generator, a module.

    >>> import tensorgrad as tg
    >>> found = outputs_of({"loss": tg.ones(()), "means": [np.ones(2), np.float32(3.0)], "step": 3})
    >>> [(name, y.tolist()) for name, y in found]
    [('loss', 1.0), ('means[0]', [1.0, 1.0]), ('means[1]', 3.0)]
    """
    found = []
    for path, part in _parts("", returned):
        if is_traced(part):
            y = wrap(copied(np.asarray(plain_of(part))))
            y.node = input_of(part)
        elif isinstance(part, Tensor) or _is_array(part) or isinstance(part, np.generic):
            y = part if isinstance(part, Tensor) else wrap(copied(np.asarray(part)))
            y.node = result(y)
        elif any(isinstance(x, Tensor) or is_traced(x) for x in _walked(part, ())):
            raise ArgumentError(
                f"the result{path} of the traced function, {type(part).__name__}, holds tensors, and a graph would "
                f"lose them: return the tensors, by themselves or in a list, a mapping, or an object that holds data"
            )
        else:
            continue
        found.append((_key(path), y))
    return found


def _key(path: str) -> str:
    """Return the name that a path into the result gives, none where it starts with a number: a place names nothing.

    >>> _key("[loss]"), _key(".state[h][0]"), _key("[0]"), _key("")
    ('loss', 'state[h][0]', '', '')
    """
    name = re.sub(r"^\[(.*?)\]|^\.", r"\1", path)
    return "" if re.match(r"\[\d+\]", path) else name


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


def _parts(name: str, value: Any, around: frozenset[int] = frozenset()) -> Iterator[tuple[str, Any]]:
    """Yield `value`, or what it holds, each under the words that lead to it; what holds itself is not entered again."""
    held = _held(value)
    if held is None:
        yield name, value
    elif id(value) not in around:
        for key, part in held.items():
            yield from _parts(f"{name}{key}", part, around | {id(value)})


def _held(value: Any) -> Mapping[str, Any] | None:
    """Return what a sequence, a mapping or an object that only holds data holds, by how that is read; None for others.

    ArgumentError for what holds tensors in no order, or gives them once.
    """
    if isinstance(value, _ONCE):
        raise ArgumentError(f"a trace cannot see what a {type(value).__name__} gives, and when: give a list of it")
    if isinstance(value, AbstractSet | ValuesView) and any(isinstance(part, Tensor | np.ndarray) for part in value):
        raise ArgumentError(
            f"a {type(value).__name__} of tensors has no order in which a file could take them: give a list"
        )
    if isinstance(value, np.ndarray) and (
        value.dtype.kind == "V" or (value.dtype.kind == "O" and any(isinstance(x, Tensor) for x in value.flat))
    ):
        raise ArgumentError(f"an array of dtype {value.dtype} holds what no file can say: give a list of what it holds")
    if callable(value):
        return None
    if isinstance(value, Mapping):
        return {f"[{key}]": part for key, part in value.items()}
    if isinstance(value, Sequence) and not isinstance(value, _TEXTS):
        return {f"[{i}]": part for i, part in enumerate(value)}
    return {f".{name}": part for name, part in _fields(value).items()} or None


def _is_array(value: Any) -> bool:
    return isinstance(value, np.ndarray) and value.dtype.kind in "biufc"


def _fields(value: Any) -> Mapping[str, Any]:
    """Return the attributes of an object of the user's that only holds data."""
    kind = type(value)
    source = getattr(inspect.getmodule(kind), "__file__", None)
    if source is None or not is_outside(source):
        return {}
    slots = [name for base in kind.__mro__ for name in _slots(base) if hasattr(value, name)]
    return {**{name: getattr(value, name) for name in slots}, **getattr(value, "__dict__", {})}


def _slots(kind: type) -> Sequence[str]:
    names = vars(kind).get("__slots__", ())
    return (names,) if isinstance(names, str) else [n for n in names if n not in ("__dict__", "__weakref__")]


def _called_with(value: Any, given: Iterator[Argument], around: frozenset[int] = frozenset()) -> Any:
    """Return an input as the function gets it: with the traced array, or the alias, of every argument in it."""
    if isinstance(value, Tensor):
        return next(given).tensor
    if _is_array(value):
        x = next(given).tensor
        return None if x is None else x.array
    if id(value) in around or _held(value) is None:
        return value
    inside = around | {id(value)}
    if isinstance(value, Sequence | Mapping):
        return _refilled(value, given, inside)
    for key, part in _fields(value).items():
        if _called_with(part, given, inside) is not part:
            raise ArgumentError(
                f"{type(value).__name__}.{key} holds an array, or a tensor that is given twice, which a trace cannot "
                f"replace in the object: give it as an argument of its own, or a tensor"
            )
    return value


def _refilled(value: Any, given: Iterator[Argument], around: frozenset[int]) -> Any:
    """Return a sequence or mapping of inputs; itself where nothing in it is another object."""
    keys = list(value) if isinstance(value, Mapping) else range(len(value))
    parts = [_called_with(value[key], given, around) for key in keys]
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
    seen = set[int]()
    for thing in things:
        if trace is None or isinstance(thing, type) or not hasattr(type(thing), "named_buffers") or id(thing) in seen:
            continue
        seen.update(map(id, getattr(thing, "modules", tuple)()))  # whose buffers are among its own
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
        if type(thing) in _EMPTY or id(thing) in found or len(found) > _MOST:
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
    names = names_in(function.__code__)
    return [*cells, *(v for k, v in function.__globals__.items() if k in names), *(function.__defaults__ or ()),
            *(function.__kwdefaults__ or {}).values()]  # fmt: skip
