"""The arrays of a traced function: what runs on them is recorded, also where it is plain NumPy.

While a function is traced, `Tensor.array` is a `Traced`: it computes as the array inside it does, and records every
call, as an operation without gradient. It is no subclass of an array: NumPy would take what is one for an array of its
own, and write or index with it untold. What NumPy must convert, because it knows no way to ask, is a break.

What stands in the parameters of a recorded operation, an index or a target, is a `Read`: a copy of the value that
knows its node.
"""

from __future__ import annotations

import operator
import weakref
from collections.abc import Callable, Iterable, Iterator
from typing import Any

import numpy as np
from numpy.lib.mixins import NDArrayOperatorsMixin

from tensorgrad.base.arraycalls import Attribute, Method
from tensorgrad.base.dtypes import Array
from tensorgrad.base.numerics import owner_of
from tensorgrad.base.numpyfacts import COUNTED, FACTS, KNOWN_BY_SHAPE, NUMBERS, OPERATORS, READ, WRITE, WRITERS

from .numpycalls import ITEM, REST, Part, Written, on_arrays, record_of
from .primitive import PRIMITIVES, Primitive
from .reads import Read, Stand
from .snapshots import copied
from .tensor import Node, Tensor
from .tracedvalues import PLAIN, Followed, Step, broken, plain_of
from .traces import CHOICE, DETACH, Memory, noted, running


def _reading(what: str, function: Callable[..., Any]) -> Callable[..., Any]:
    """Return a special method that gives `function` of the value, which is a break: it is read."""
    return lambda self, *args: function(self.read_by(what), *args)


class Traced(Followed, NDArrayOperatorsMixin):
    """An array, or a number that NumPy made, that is asked as NumPy's are."""

    __slots__ = ()

    @property
    def shape(self) -> Any:
        """The lengths of its axes; this and the next three are asked for most often, and found sooner than others."""
        return self.value.shape

    @property
    def dtype(self) -> Any:
        """Its dtype."""
        return self.value.dtype

    @property
    def ndim(self) -> Any:
        """How many axes it has."""
        return self.value.ndim

    @property
    def size(self) -> Any:
        """How many elements it has."""
        return self.value.size

    @property  # type: ignore[misc]  # what isinstance asks
    def __class__(self) -> Any:
        return Stand if isinstance(self.value, np.ndarray) else type(self.value)

    @property
    def base(self) -> Any:
        """The array inside: whoever asks for the owner of the memory comes to it."""
        return self.value if isinstance(self.value, np.ndarray) else None

    def __array_ufunc__(self, ufunc: np.ufunc, method: str, *inputs: Any, **kwargs: Any) -> Any:
        if True in [type(x) is not Traced and isinstance(x, Tensor) for x in inputs]:
            return NotImplemented  # what it is told of, and answers
        out = kwargs.pop("out", None)
        if getattr(np, ufunc.__name__, None) is not ufunc:
            return _unknown(ufunc, inputs, kwargs)
        if method == "at":
            return _written(ufunc.at, inputs[0], inputs[1:], kwargs)
        where = kwargs.pop("where", True) if out is not None and method == "__call__" else True
        made = record_call(ufunc if method == "__call__" else getattr(ufunc, method), inputs, kwargs)
        if out is None:
            return made
        parts = made if isinstance(made, tuple) else (made,)
        stored = tuple(_stored(ufunc.__name__, *pair, where) for pair in zip(parts, out, strict=True))
        return stored[0] if len(stored) == 1 else stored

    def __array_function__(self, function: Any, types: Any, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
        if function in KNOWN_BY_SHAPE or (function is np.full_like and not traced_in((*args[1:], *kwargs.values()))):
            return function(*plain_of(args), **plain_of(kwargs))
        if function in WRITERS:
            return _written(function, args[0], args[1:], kwargs)
        out = kwargs.pop("out", None)
        if getattr(np, function.__name__, None) is not function and "linalg" not in function.__module__:
            return _unknown(function, args, kwargs)
        made = record_call(function, args, kwargs)
        return made if out is None else _stored(function.__name__, made, out)

    def __array__(self, dtype: Any = None, copy: bool | None = None) -> Array:
        return np.array(self.read_by("NumPy, which asked for a plain array,"), dtype, copy=copy)

    def __getattr__(self, name: str) -> Any:
        if name in FACTS:
            return getattr(self.value, name)
        found = None if name.startswith("__") else getattr(type(self.value), name, None)
        if found is None:
            raise AttributeError(f"'numpy.ndarray' object has no attribute '{name}'")
        if name in READ:
            return getattr(self.read_by(f".{name}"), name)
        if not callable(found):
            return record_call(Attribute(name), (self,), {})
        if name in WRITE:
            return lambda *args, **kwargs: _written(Method(name), self, args, kwargs)
        return lambda *args, **kwargs: self._answer(Method(name), args, **kwargs)

    def _answer(self, method: Method, args: tuple[Any, ...], *, out: Any = None, **kwargs: Any) -> Any:
        made = record_call(method, (self, *args), kwargs)
        return made if out is None else _stored(method.name, made, out)

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

    __bool__ = _reading(CHOICE, bool)
    __float__ = _reading("float()", float)
    __int__ = _reading("int()", int)
    __complex__ = _reading("complex()", complex)
    __index__ = _reading("the index", operator.index)
    __repr__ = _reading("the text (repr)", repr)
    __str__ = _reading("the text (str)", str)
    __format__ = _reading("the text (format)", format)

    def __contains__(self, value: Any) -> bool:
        return plain_of(value) in self.read_by("in")

    def __hash__(self) -> int:
        if isinstance(self.value, np.ndarray):
            raise TypeError("unhashable type: 'numpy.ndarray'")
        return hash(self.read_by("the hash"))

    def __copy__(self) -> Any:
        return self.copy()

    def __deepcopy__(self, memo: dict[int, Any]) -> Any:
        return self.copy()


_OPERANDS = (Traced, np.ndarray, np.generic, *NUMBERS)


def read(value: Any) -> Any:
    """Return `value` as the parameters of a record hold it: a `Read` for what is traced, a dtype for a type."""
    kind = type(value)
    if kind in PLAIN:
        return value
    if kind is Traced:
        found = copied(np.asarray(value.value)).view(Read)
        found.node = input_of(value)
        return found
    if isinstance(value, type) and issubclass(value, np.generic | bool | int | float | complex):
        return np.dtype(value)
    if kind is tuple or kind is list:
        return kind(map(read, value))
    return {k: read(v) for k, v in value.items()} if kind is dict else value


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


def tell_of_error(what: str, error: Exception) -> None:
    """Note an error of `what` as a break, for the function may catch it."""
    trace = running()
    if trace is not None:
        trace.note_error(what, error)


def tell_of_threads(values: Any, out: Any) -> None:
    """Note a break where one of `values` is of a trace that runs in another thread."""
    for value in values:
        kind = type(value)
        if kind is Traced and value.memory.trace not in (None, running()):
            value.memory.trace.note_break("another thread, of which a trace knows nothing,", out)
        elif kind is tuple or kind is list:
            tell_of_threads(value, out)


def tell_of_masks(index: Any) -> None:
    """Note a break where a traced mask says how many elements are taken."""
    for part in index if isinstance(index, tuple) else (index,):
        if varies(part) and part.dtype == np.bool_:
            broken("a mask, by which elements are taken, the number of them", int(np.count_nonzero(part.value)), part)


def _first(args: Iterable[Any]) -> Any:
    """Return the first traced array among `args`, None if there is none."""
    return next((value for value in args if type(value) is Traced), None)


def _unknown(function: Any, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
    out = function(*plain_of(args), **plain_of(kwargs))
    broken(f"{getattr(function, '__name__', 'a function')}, which is not NumPy's,", out, _first(args))
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
    name, plain, given = record_of(function).name, plain_of(args), (*args, *kwargs.values())
    try:
        out = function(*plain, **plain_of(kwargs))
    except Exception as error:
        tell_of_error(name, error)
        raise
    tell_of_threads(args, out)
    if function in OPERATORS and False not in [type(value) in NUMBERS for value in plain]:
        out = out.item()
    if running() is None or not traced_in(given):
        return out
    if not _told(given):
        broken(f"{name}, with arguments that no source can say,", out, _first(args))
        return out
    if name in COUNTED and any(map(varies, given)):
        broken(
            f"{name}, by the values of its arguments, the shape",
            np.shape(out[0] if isinstance(out, tuple) else out),
            _first(args),
        )
    if isinstance(out, tuple | list):
        parts = [recorded_result(Part(function, i), args, kwargs, part) for i, part in enumerate(out)]
        return type(out)(*parts) if hasattr(out, "_fields") else type(out)(parts)
    return recorded_result(function, args, kwargs, out)


def recorded_result(function: Any, args: tuple[Any, ...], kwargs: dict[str, Any], out: Any) -> Any:
    """Return the result `out` of a call on raw arrays, recorded."""
    if not isinstance(out, np.ndarray | np.generic) and function not in OPERATORS:
        broken(record_of(function).name, out, _first(args))
        return out
    operands = [isinstance(a, _OPERANDS) for a in args]
    count = operands.index(False) if False in operands else len(args)
    params = {key: read(value) for key, value in kwargs.items()}
    if args[count:]:
        params[REST] = read(args[count:])
    record = record_of(function)
    node = noted(record, tuple(map(input_of, args[:count])), params, out)
    numbers = args[1:count]
    first = args[0] if count and all(type(n) in NUMBERS for n in numbers) else None
    return delivered(out, node, first, (record, numbers, params))


def record_primitive(primitive: Primitive, args: tuple[Any, ...], params: dict[str, Any]) -> Any:
    """Return what a primitive of the table computes of raw arrays, some of them traced."""
    out = primitive.forward(*plain_of(args), **plain_of(params))
    if running() is None:
        return out
    record, kept = on_arrays(primitive), read(params)
    node = noted(record, tuple(map(input_of, args)), kept, out)
    return delivered(out, node, args[0] if len(args) == 1 else None, (record, (), kept))


def delivered(out: Any, node: Node, source: Any, step: Step) -> Traced:
    """Return the result `out` of an operation, a view of `source` where it shares its memory."""
    trace = running()
    if type(source) is Traced and source.memory.node is not None and _same_memory(out, source.value):
        chain = source.chain if out is source.value else (*source.chain, step)  # such as astype that keeps the dtype
        made = Traced(out, source.memory, chain, node)
        if trace is not None:
            trace.views.append(weakref.ref(made))
        return made
    return Traced(out, Memory(out, node))


def _same_memory(a: Any, b: Any) -> bool:
    return isinstance(a, np.ndarray) and isinstance(b, np.ndarray) and owner_of(a) is owner_of(b)


def _stored(name: str, made: Any, out: Any, where: Any = True) -> Any:
    """Return `out` after a result has been written to it, `where` that is true; NumPy's numbers are made anew."""
    if type(out) is Traced and not isinstance(out.value, np.ndarray):
        return made
    if type(out) is not Traced:
        broken(f"out= of {name}, an array that is not traced,", plain_of(made))
    out[...] = made if where is True else record_call(np.where, (where, made, out), {})
    return out


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
