"""The arrays of a traced function: what runs on them is recorded, also where it is plain NumPy.

While a function is traced, `Tensor.array` is a `Traced`: it computes as the array inside it does, and records every
call, as an operation without gradient. It is no subclass of an array: NumPy would take what is one for an array of its
own, and write or index with it untold. What NumPy must convert, because it knows no way to ask, is a break.

What stands in the parameters of a recorded operation, an index or a target, is a `Read`: a copy of the value that
knows its node.
"""

from __future__ import annotations

import weakref
from collections.abc import Iterator
from typing import Any

import numpy as np
from numpy.lib.mixins import NDArrayOperatorsMixin

from tensorgrad.base.dtypes import Array

from .numpycalls import ITEM, REST, Attribute, Method, Part, Written, called, on_arrays, record_of
from .primitive import PRIMITIVES, Primitive
from .reads import Read, Stand
from .snapshots import copied
from .tensor import Node
from .traces import CHOICE, DETACH, Memory, noted, running

Step = tuple[Primitive, dict[str, Any]]
"""A record that gives a view, and its parameters."""

_FACTS = frozenset(("shape", "dtype", "ndim", "size", "strides", "itemsize", "nbytes", "flags"))
_READ = frozenset(("item", "tolist", "tobytes", "tofile", "dump", "dumps", "data", "ctypes", "flat"))
_WRITE = frozenset(("fill", "sort", "put", "partition", "resize"))
_COUNTED = frozenset(("nonzero", "argwhere", "flatnonzero", "unique", "compress", "extract", "repeat", "trim_zeros"))
_KNOWN_BY_SHAPE: frozenset[Any] = frozenset(
    (np.shape, np.ndim, np.size, np.result_type, np.can_cast, np.common_type, np.iscomplexobj, np.isrealobj,
     np.shares_memory, np.may_share_memory, np.broadcast_shapes, np.zeros_like, np.ones_like, np.empty_like)
)  # fmt: skip
_WRITERS: frozenset[Any] = frozenset((np.copyto, np.put, np.putmask, np.place, np.put_along_axis, np.fill_diagonal))
_NUMBERS = (bool, int, float, complex)


class Traced(NDArrayOperatorsMixin):
    """An array, or a number that NumPy made, with the node it is the value of.

    `chain` leads from the start of its memory to it; the node of a view is made anew where that has been written.
    """

    __slots__ = ("__weakref__", "_known", "_seen", "chain", "memory", "value")

    def __init__(self, value: Any, memory: Memory, chain: tuple[Step, ...] = (), known: Node | None = None) -> None:
        self.value = value
        self.memory = memory
        self.chain = chain
        self._known, self._seen = known, memory.writes

    @property
    def node(self) -> Node | None:
        """The node of the value as it is now; None once the trace is over."""
        memory = self.memory
        if memory.node is None or not self.chain:
            return memory.node
        if self._known is None or self._seen != memory.writes:
            node, array = memory.node, memory.array
            for primitive, params in self.chain:
                array = called(primitive, (array,), plain_of(params))
                node = noted(primitive, (node,), params, array)
            self._known, self._seen = node, memory.writes
        return self._known

    def _is_read(self, what: str) -> None:
        """Note a break, unless the value depends on nothing that is given."""
        trace = running()
        if trace is not None and self.node not in trace.constants:
            trace.note_break(what, self.value)

    def forget(self) -> None:
        """Let the array know no node of its own any more."""
        self._known = None

    def is_written(self, node: Node) -> None:
        """Let `node` be what made the value, which has just been written."""
        memory = self.memory
        self._known = node
        if self.chain:
            places = np.arange(memory.array.size).reshape(memory.array.shape)
            for primitive, params in self.chain:
                places = called(primitive, (places,), plain_of(params))
            index = np.unravel_index(places, memory.array.shape) if memory.array.ndim else ...
            if not memory.array.ndim:
                node = noted(record_of(Method("reshape")), (node,), {REST: ((),)}, memory.array)
            node = noted(on_arrays(PRIMITIVES["assign"]), (memory.node, node), {"index": index}, memory.array)
        memory.node = node
        memory.writes += 1
        self._seen = memory.writes

    @property  # type: ignore[misc]  # what isinstance asks
    def __class__(self) -> Any:
        return Stand if isinstance(self.value, np.ndarray) else np.generic

    @property
    def base(self) -> Any:
        """The array inside: whoever asks for the owner of the memory comes to it."""
        return self.value if isinstance(self.value, np.ndarray) else None

    def __array_ufunc__(self, ufunc: np.ufunc, method: str, *inputs: Any, **kwargs: Any) -> Any:
        out = kwargs.pop("out", None)
        if getattr(np, ufunc.__name__, None) is not ufunc:
            return _unknown(ufunc, inputs, kwargs)
        if method == "at":
            return _written(ufunc.at, inputs[0], inputs[1:], kwargs)
        made = record_call(ufunc if method == "__call__" else getattr(ufunc, method), inputs, kwargs)
        if out is None:
            return made
        for target, part in zip(out, made if isinstance(made, tuple) else (made,), strict=True):
            if not isinstance(target, Traced):
                broken(f"out= of np.{ufunc.__name__}, an array that is not traced,", plain_of(part))
            target[...] = part
        return out[0] if len(out) == 1 else out

    def __array_function__(self, function: Any, types: Any, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
        if function in _KNOWN_BY_SHAPE:
            return function(*plain_of(args), **plain_of(kwargs))
        if function in _WRITERS:
            return _written(function, args[0], args[1:], kwargs)
        out = kwargs.pop("out", None)
        if getattr(np, function.__name__, None) is not function and "linalg" not in function.__module__:
            return _unknown(function, args, kwargs)
        made = record_call(function, args, kwargs)
        if out is None:
            return made
        if not isinstance(out, Traced):
            broken(f"out= of np.{function.__name__}, an array that is not traced,", plain_of(made))
        out[...] = made
        return out

    def __array__(self, dtype: Any = None, copy: bool | None = None) -> Array:
        self._is_read("NumPy, which asked for a plain array,")
        return np.array(self.value, dtype, copy=copy)

    def __getattr__(self, name: str) -> Any:
        if name in _FACTS:
            return getattr(self.value, name)
        found = None if name.startswith("__") else getattr(np.ndarray, name, None)
        if found is None:
            raise AttributeError(f"'numpy.ndarray' object has no attribute '{name}'")
        if name in _READ:
            self._is_read(f".{name}")
            return getattr(self.value, name)
        if not callable(found):
            return record_call(Attribute(name), (self,), {})
        if name in _WRITE:
            return lambda *args, **kwargs: _written(Method(name), self, args, kwargs)
        return lambda *args, **kwargs: record_call(Method(name), (self, *args), kwargs)

    def __getitem__(self, index: Any) -> Any:
        tell_of_masks(index)
        return record_call(ITEM, (self,), {"index": index})

    def __setitem__(self, index: Any, value: Any) -> None:
        before = self.node
        self.value[plain_of(index)] = plain_of(value)
        if before is None or running() is None:
            return
        inputs = (
            before,
            input_of(value if isinstance(value, Traced | np.ndarray | int | float) else np.asarray(value)),
        )
        self.is_written(noted(on_arrays(PRIMITIVES["assign"]), inputs, {"index": read(index)}, self.value))

    def __iter__(self) -> Iterator[Any]:
        return (self[i] for i in range(len(self.value)))

    def __len__(self) -> int:
        return len(self.value)

    def __bool__(self) -> bool:
        self._is_read(CHOICE)
        return bool(self.value)

    def __float__(self) -> float:
        self._is_read("float()")
        return float(self.value)

    def __int__(self) -> int:
        self._is_read("int()")
        return int(self.value)

    def __complex__(self) -> complex:
        self._is_read("complex()")
        return complex(self.value)

    def __index__(self) -> int:
        self._is_read("the index")
        return int(self.value.__index__())

    def __contains__(self, value: Any) -> bool:
        self._is_read("in")
        return plain_of(value) in self.value

    def __repr__(self) -> str:
        self._is_read("the text (repr)")
        return repr(self.value)

    def __str__(self) -> str:
        self._is_read("the text (str)")
        return str(self.value)

    def __format__(self, spec: str) -> str:
        self._is_read("the text (format)")
        return format(self.value, spec)

    def __copy__(self) -> Any:
        return self.copy()

    def __deepcopy__(self, memo: dict[int, Any]) -> Any:
        return self.copy()


def broken(what: str, value: Any) -> None:
    """Note that `what` read `value`, which the trace cannot follow."""
    trace = running()
    if trace is not None:
        trace.note_break(what, value)


def plain_of(value: Any) -> Any:
    """Return `value`, and what it holds in tuples, lists, mappings and slices, with plain arrays for traced ones."""
    if type(value) is Traced:
        return value.value
    if type(value) is Read:
        return value.view(np.ndarray)
    if type(value) is slice and any(type(v) is Traced for v in (value.start, value.stop, value.step)):
        return slice(plain_of(value.start), plain_of(value.stop), plain_of(value.step))
    if type(value) in (tuple, list):
        return type(value)(map(plain_of, value))
    return {k: plain_of(v) for k, v in value.items()} if type(value) is dict else value


def read(value: Any) -> Any:
    """Return `value` as the parameters of a record hold it: a `Read` for what is traced, a dtype for a type."""
    if type(value) is Traced:
        found = copied(np.asarray(value.value)).view(Read)
        found.node = input_of(value)
        return found
    if isinstance(value, type) and issubclass(value, np.generic | bool | int | float | complex):
        return np.dtype(value)
    if type(value) in (tuple, list):
        return type(value)(map(read, value))
    return {k: read(v) for k, v in value.items()} if type(value) is dict else value


def is_traced(array: Any) -> bool:
    """Return whether an array is traced."""
    return type(array) is Traced


def traced_in(value: Any) -> bool:
    """Return whether `value` is a traced array, or holds one."""
    if type(value) in (tuple, list):
        return any(map(traced_in, value))
    return type(value) is Traced


def _told(value: Any) -> bool:
    """Return whether a source can say what `value` is."""
    if type(value) in (tuple, list):
        return all(map(_told, value))
    if isinstance(value, type):
        return issubclass(value, np.generic | bool | int | float | complex)
    if callable(value) and type(value) not in (Traced, Read):
        return getattr(np.linalg, getattr(value, "__name__", ""), None) is value
    plain = (Traced, Read, np.ndarray, np.generic, np.dtype, bool, int, float, complex, str, slice, type(...))
    return value is None or type(value) in plain or isinstance(value, np.generic | np.dtype)


def varies(x: Any) -> bool:
    """Return whether `x` is traced, and may be another on other inputs."""
    trace = running()
    return type(x) is Traced and trace is not None and x.node not in trace.constants


def tell_of_masks(index: Any) -> None:
    """Note a break where a traced mask says how many elements are taken."""
    for part in index if isinstance(index, tuple) else (index,):
        if varies(part) and part.dtype == np.bool_:
            broken("a mask, by which elements are taken, the number of them", int(np.count_nonzero(part.value)))


def _unknown(function: Any, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
    out = function(*plain_of(args), **plain_of(kwargs))
    broken(f"{getattr(function, '__name__', 'a function')}, which is not NumPy's,", out)
    return out


def input_of(value: Any) -> Any:
    """Return an operand of a record: a node, or a number."""
    if type(value) is Traced:
        node = value.node
        if node is not None and node.primitive is None and not node.saved:
            node.saved = (copied(value.value),)
        return node if node is None or not node.tracked else detached(value)
    return copied(value)


def record_call(function: Any, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
    """Return what `function` computes of arrays, some of them traced, as traced arrays."""
    out = function(*plain_of(args), **plain_of(kwargs))
    if running() is None or not (traced_in(args) or traced_in(list(kwargs.values()))):
        return out
    if not (_told(args) and _told(list(kwargs.values()))):
        broken(f"{record_of(function).name}, with arguments that no source can say,", out)
        return out
    if record_of(function).name in _COUNTED and any(map(varies, (*args, *kwargs.values()))):
        broken(
            f"{record_of(function).name}, by the values of its arguments, the shape",
            np.shape(out[0] if isinstance(out, tuple) else out),
        )
    if isinstance(out, tuple | list):
        parts = [recorded_result(Part(function, i), args, kwargs, part) for i, part in enumerate(out)]
        return type(out)(*parts) if hasattr(out, "_fields") else type(out)(parts)
    return recorded_result(function, args, kwargs, out)


def recorded_result(function: Any, args: tuple[Any, ...], kwargs: dict[str, Any], out: Any) -> Any:
    """Return the result `out` of a call on raw arrays, recorded."""
    if not isinstance(out, np.ndarray | np.generic):
        broken(record_of(function).name, out)
        return out
    count = next(
        (i for i, a in enumerate(args) if not isinstance(a, (Traced, np.ndarray, np.generic, *_NUMBERS))), len(args)
    )
    params = {key: read(value) for key, value in kwargs.items()}
    if args[count:]:
        params[REST] = read(args[count:])
    record = record_of(function)
    node = noted(record, tuple(map(input_of, args[:count])), params, out)
    first = args[0] if count == 1 and type(args[0]) is Traced else None
    return delivered(out, node, first, (record, params))


def record_primitive(primitive: Primitive, args: tuple[Any, ...], params: dict[str, Any]) -> Any:
    """Return what a primitive of the table computes of raw arrays, some of them traced."""
    out = primitive.forward(*plain_of(args), **plain_of(params))
    if running() is None:
        return out
    record, kept = on_arrays(primitive), read(params)
    node = noted(record, tuple(map(input_of, args)), kept, out)
    return delivered(out, node, args[0] if len(args) == 1 else None, (record, kept))


def delivered(out: Any, node: Node, source: Any, step: Step) -> Traced:
    """Return the result `out` of an operation, a view of `source` where it shares its memory."""
    trace = running()
    if type(source) is Traced and source.memory.node is not None and _same_memory(out, source.value):
        made = Traced(out, source.memory, (*source.chain, step), node)
        if trace is not None:
            trace.views.append(weakref.ref(made))
        return made
    memory = Memory(out, node)
    if trace is not None:
        trace.memories.add(memory)
    return Traced(out, memory)


def _same_memory(a: Any, b: Any) -> bool:
    return isinstance(a, np.ndarray) and isinstance(b, np.ndarray) and _owner(a) is _owner(b)


def _owner(array: Array) -> Array:
    while isinstance(array.base, np.ndarray):
        array = array.base
    return array


def _written(function: Any, target: Any, args: tuple[Any, ...], kwargs: dict[str, Any]) -> None:
    """Call a function that writes to `target`."""
    plain = (plain_of(target), *plain_of(args))
    before = target.node if type(target) is Traced else None
    function(*plain, **plain_of(kwargs))
    if before is None or not (_told(args) and _told(list(kwargs.values()))):
        broken(f"{record_of(function).name}, which wrote to an array that is not traced,", plain[0])
        return
    params = {key: read(value) for key, value in kwargs.items()} | {REST: read(args)}
    target.is_written(noted(record_of(Written(function)), (before,), params, plain[0]))


def detached(x: Traced) -> Node:
    """Return the node of `x` for those who read it without its gradient."""
    node = x.node
    assert node is not None
    trace = running()
    known = None if trace is None else trace.detached.get(node)
    if known is None:
        known = noted(DETACH, (node,), {}, x.value)
        if trace is not None:
            trace.detached[node] = known
    return known
