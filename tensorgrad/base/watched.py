"""Arrays that are watched: the library computes with them as ever, and every call of NumPy is noted.

A `Watched` array says that it is a plain one, so the fast paths, the fused forms, the sweeps and the optimisers run as
they do without it, on the memory that they would have used; what reaches NumPy is told to the `Watch` that runs. What
Python reads of a value is told too: a truth value as a *check*, which must come out again when the calls are repeated;
a number as a *break*, for nobody can say what was made of it.

Plain arrays that are made in between hold nothing of what is watched, for there is no way from one to the other that is
not told: they are constants.
"""

from __future__ import annotations

import functools
import operator
from collections import deque
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager
from contextvars import ContextVar
from typing import Any, NoReturn, ParamSpec, Protocol, TypeVar

import numpy as np
from numpy.lib.mixins import NDArrayOperatorsMixin

from .arraycalls import Attribute, Method
from .context import holding
from .dtypes import Array
from .numpyfacts import FACTS, READ, WRITERS

P = ParamSpec("P")
R = TypeVar("R")

_SHAPES: frozenset[Any] = frozenset(
    (np.shape, np.ndim, np.size, np.result_type, np.can_cast, np.common_type, np.iscomplexobj, np.isrealobj,
     np.shares_memory, np.may_share_memory, np.broadcast_shapes)
)  # fmt: skip
_WRITING_METHODS = frozenset(("fill", "sort", "put", "partition", "resize", "setfield", "itemset"))


class Watch(Protocol):
    """Who is told what happens to watched arrays while it runs.

    One that has `one_way` has no use for a choice by the numbers at hand: where there is a way for all, it is taken.
    """

    one_way: bool

    def called(
        self, function: Callable[..., Any], args: tuple[Any, ...], kwargs: dict[str, Any], out: tuple[Any, ...] | None
    ) -> Any:
        """Return what `function` returns, watched; with `out`, it writes there."""

    def wrote(self, function: Callable[..., Any], args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
        """Return what `function` returns, which writes to the first of `args`."""

    def checked(self, x: Watched) -> None:
        """Note that the truth value of `x` was asked for."""

    def drew(self, generator: Any, call: Any, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
        """Return what is drawn from a generator of the library, watched."""

    def exchanged(self, function: Callable[..., Any], args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
        """Return what `function`, an exchange with other processes, returns, watched."""

    def outside(self, function: Callable[..., Any], args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
        """Return what `function` returns, which is called with plain arrays and not watched."""

    def broke(self, how: str, value: Any) -> None:
        """Note that `value` was read, by what is said in `how`."""

    def swept(self, nodes: list[Any]) -> None:
        """Note that derivatives are going to be computed through recorded operations, the oldest first."""


unseen = [0]
"""How often something was done with watched arrays where no watch runs: in another thread than its own."""

_WATCH: ContextVar[Watch | None] = ContextVar("watch", default=None)
watching = _WATCH.get
"""The watch that runs in this thread of control, or None."""


def watched_by(watch: Watch | None) -> AbstractContextManager[None]:
    """Context manager: tell `watch`, or nobody, of all that is done with watched arrays inside."""
    return holding(_WATCH, watch)


def _reading(how: str, function: Callable[..., Any]) -> Callable[..., Any]:
    """Return a special method that gives `function` of the array inside, and tells the watch that it is read."""
    return lambda self, *args: function(self._told(how), *args)


_TEXT = "its text (print, format)"
_PLAIN = np.ndarray.__array_ufunc__


class Watched(NDArrayOperatorsMixin):
    """An array that is watched; without a watch that runs, only what computes as the array inside does."""

    __slots__ = ("__weakref__", "inner", "number", "scalar")

    def __init__(self, array: Any, number: int, scalar: bool = False) -> None:
        self.inner = array
        self.number = number
        self.scalar = scalar  # what NumPy answers as a number, held in an array without axes

    @property  # type: ignore[misc]  # what isinstance asks
    def __class__(self) -> Any:
        return np.ndarray

    def __array_ufunc__(self, ufunc: np.ufunc, method: str, *inputs: Any, **kwargs: Any) -> Any:
        if not all(getattr(type(x), "__array_ufunc__", _PLAIN) in (_PLAIN, Watched.__array_ufunc__) for x in inputs):
            return NotImplemented  # a tensor among them, which answers
        out = kwargs.pop("out", None)
        function = ufunc if method == "__call__" else getattr(ufunc, method)
        if method == "at":
            return _wrote(function, inputs, kwargs)
        return _called(function, inputs, kwargs, out)

    def __array_function__(self, function: Any, types: Any, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
        if function in _SHAPES:
            return function(*unwatched(args), **unwatched(kwargs))
        if function in WRITERS:
            return _wrote(function, args, kwargs)
        kwargs = dict(kwargs)
        out = kwargs.pop("out", None)
        return _called(function, args, kwargs, None if out is None else (out,))

    def __array__(self, dtype: Any = None, copy: bool | None = None) -> Array:
        return np.array(self._told("NumPy, which asked for a plain array,"), dtype, copy=copy)

    def __getattr__(self, name: str) -> Any:
        if name in FACTS or name == "base":
            return getattr(self.inner, name)
        if name == "__array_interface__":
            return self._told("where it stands in memory").__array_interface__
        found = None if name.startswith("__") else getattr(type(self.inner), name, None)
        if found is None:
            raise AttributeError(f"'numpy.ndarray' object has no attribute '{name}'")
        if name in READ:
            return self._read(name)
        if not callable(found):
            return _called(Attribute(name), (self,), {}, None)
        if name in _WRITING_METHODS:
            return lambda *args, **kwargs: _wrote(Method(name), (self, *args), kwargs)
        return lambda *args, **kwargs: self._answer(Method(name), args, kwargs)

    def _read(self, name: str) -> Any:
        """Return what leads to a number; of the only truth value, the answer is known to the watch."""
        if name == "item" and self.inner.dtype == bool and self.inner.size == 1:
            bool(self)
        else:
            read_by(f".{name}{'()' if callable(getattr(np.ndarray, name)) else ''}", self.inner)
        return getattr(self.inner, name)

    def _answer(self, method: Method, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
        out = kwargs.pop("out", None)
        return _called(method, (self, *args), kwargs, None if out is None else (out,))

    def __getitem__(self, index: Any) -> Any:
        return _called(operator.getitem, (self, index), {}, None)

    def __setitem__(self, index: Any, value: Any) -> None:
        _wrote(operator.setitem, (self, index, value), {})

    def __pow__(self, other: Any) -> Any:
        return _called(operator.pow, (self, other), {}, None)  # which for an array is quicker than its ufunc

    def __ipow__(self, other: Any) -> Any:
        if self.scalar:
            return NotImplemented
        _wrote(operator.ipow, (self, other), {})
        return self

    def __iter__(self) -> Iterator[Any]:
        return (self[i] for i in range(len(self.inner)))

    def __len__(self) -> int:
        return len(self.inner)

    def __bool__(self) -> bool:
        watch = watching()
        if watch is not None:
            watch.checked(self)
        else:
            unseen[0] += 1
        return bool(self.inner)

    __float__ = _reading("float()", float)
    __int__ = _reading("int()", int)
    __complex__ = _reading("complex()", complex)
    __index__ = _reading("an index", operator.index)
    __repr__ = _reading(_TEXT, repr)
    __str__ = _reading(_TEXT, str)
    __format__ = _reading(_TEXT, format)
    __reduce_ex__ = _reading("pickle", np.ndarray.__reduce_ex__)

    def __contains__(self, value: Any) -> bool:
        return unwatched(value) in self._told("in")

    def _told(self, how: str) -> Any:
        """Return the array inside, which is read by `how`."""
        read_by(how, self.inner)
        return self.inner

    def __hash__(self) -> NoReturn:
        raise TypeError("unhashable type: 'numpy.ndarray'")

    def __copy__(self) -> Any:
        return self.copy()

    def __deepcopy__(self, memo: dict[int, Any]) -> Any:
        return self.copy()


def _unless_number(operator_: Callable[[Any, Any], Any]) -> Callable[[Any, Any], Any]:
    """Return an operator "in place" that makes another number of a number, as Python does where there is none."""
    return lambda self, other: NotImplemented if self.scalar else operator_(self, other)


for _name in ("add", "sub", "mul", "matmul", "truediv", "floordiv", "mod", "lshift", "rshift", "and", "xor", "or"):
    setattr(Watched, f"__i{_name}__", _unless_number(getattr(NDArrayOperatorsMixin, f"__i{_name}__")))


class WatchedStream:
    """A generator of random numbers whose draws a watch is told of."""

    def __init__(self, generator: Any, watch: Watch) -> None:
        self.generator = generator
        self.watch = watch

    def __getattr__(self, name: str) -> Any:
        found = getattr(self.generator.numpy, name)
        if callable(found):
            return functools.partial(self.draw, name)
        self.watch.broke(f"the {name} of a generator", name)
        return found

    def draw(self, call: Any, *args: Any, **kwargs: Any) -> Any:
        """Return what a method of the generator, or a function that is given it, draws."""
        return self.watch.drew(self.generator, call, args, kwargs)


def outside(function: Callable[P, R]) -> Callable[P, R]:
    """Return a function that looks after its arrays itself: a watch calls it each time, and does not look inside."""

    @functools.wraps(function)
    def run(*args: P.args, **kwargs: P.kwargs) -> R:
        watch = watching()
        return function(*args, **kwargs) if watch is None else watch.outside(function, args, kwargs)

    return run


def as_one(function: Callable[P, R]) -> Callable[P, R]:
    """Return a function of arrays that a watch is told of as one call, not of what it does inside."""

    @functools.wraps(function)
    def run(*args: P.args, **kwargs: P.kwargs) -> R:
        watch = watching()
        return function(*args, **kwargs) if watch is None else watch.called(function, args, kwargs, None)

    return run


AGAIN: deque[Array] = deque()
"""What others have answered to a run that was undone: they do not answer again, so the run anew is given it."""


def exchange(function: Callable[P, R]) -> Callable[P, R]:
    """Return a function of arrays that others have to call as well: it is called as often as they expect, in order."""

    @functools.wraps(function)
    def run(*args: P.args, **kwargs: P.kwargs) -> R:
        watch = watching()
        given: R = (answered if watch is None else watch.exchanged)(function, args, kwargs)
        return given

    return run


def answered(function: Callable[..., Any], args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
    """Return what others answer to an exchange, or have answered to it before the run that it belongs to was undone."""
    return AGAIN.popleft() if AGAIN else function(*args, **kwargs)


def in_c(text: str) -> Callable[[Callable[P, R]], Callable[P, R]]:
    """Return a decorator for a function of each element that C has, too: `text` is how it is written there."""

    def decorate(function: Callable[P, R]) -> Callable[P, R]:
        vars(function)["in_c"] = text
        return function

    return decorate


def anew(array: Array) -> Array:
    """Return an array that has just been made; under a watch, one that is made anew whenever the calls are repeated."""
    watch = watching()
    return array if watch is None or is_watched(array) else watch.called(np.copy, (array,), {}, None)


def is_watched(x: Any) -> bool:
    """Return whether `x` is a watched array."""
    return type(x) is Watched


def watched_in(value: Any) -> bool:
    """Return whether `value` is a watched array, or a tuple or list that holds one."""
    return any(map(watched_in, value)) if type(value) in (tuple, list) else type(value) is Watched


def watched_now(value: Any) -> bool:
    """Return whether a watch runs, and `value` is `watched_in`: the quicker question where there is mostly none."""
    return watching() is not None and watched_in(value)


def one_way(value: Any) -> bool:
    """Return whether what is computed of watched arrays has to hold for all numbers, or of a tuple or list of them."""
    watch = watching()
    return watch is not None and watch.one_way and watched_in(value)


HOLDERS: set[Any] = {Watched}
"""What holds an array, `inner`, that it is not itself."""


def memory_of(array: Any) -> Any:
    """Return the array itself whose memory `array` stands in."""
    return array.inner if type(array) in HOLDERS else array


def unwatched(value: Any) -> Any:
    """Return `value`, and what it holds in tuples, lists, mappings and slices, with plain arrays for watched ones."""
    kind = type(value)
    if kind is Watched:
        return value.inner
    if kind is list or isinstance(value, tuple):  # a named one, too
        plain = [unwatched(v) for v in value]  # a tuple that grows must not be seen by a thread that ends a capture
        return plain if kind is list else tuple(plain)
    if kind is slice and any(type(v) is Watched for v in (value.start, value.stop, value.step)):
        return slice(unwatched(value.start), unwatched(value.stop), unwatched(value.step))
    return {k: unwatched(v) for k, v in value.items()} if kind is dict else value


def call_watched(function: Any, *args: Any) -> Any:
    """Return what a function of arrays returns, as one call."""
    return _called(function, args, {}, None)


def _called(function: Any, args: tuple[Any, ...], kwargs: dict[str, Any], out: tuple[Any, ...] | None) -> Any:
    watch = watching()
    if watch is not None:
        return watch.called(function, args, kwargs, out)
    unseen[0] += 1
    plain, rest = unwatched(args), unwatched(kwargs)
    if out is None:
        return function(*plain, **rest)
    function(*plain, **rest, out=unwatched(out if isinstance(function, np.ufunc) else out[0]))
    return out[0] if len(out) == 1 else out


def _wrote(function: Any, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
    watch = watching()
    if watch is not None:
        return watch.wrote(function, args, kwargs)
    unseen[0] += 1
    return function(*unwatched(args), **unwatched(kwargs))


def read_by(how: str, value: Any) -> None:
    """Tell the watch that runs, if one does, that `value` was read: nobody can say what was made of it."""
    watch = watching()
    if watch is not None:
        watch.broke(how, value)
    else:
        unseen[0] += 1
