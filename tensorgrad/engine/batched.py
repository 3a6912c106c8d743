"""Arrays that hold a value for every example of a batch, and pass for the value of one.

While `vmap` runs a function, the arrays of its tensors are `Batched`: they tell the shape of one example, and compute
for all of them at once, by the rule that each kind of operation states for batches (see `batchrules`). What is the same
for all examples is a plain array, as ever. Whatever has no such rule, or differs between examples where Python must
know one answer, is refused by `UnbatchableError`: `vmap` then runs the examples one by one.
"""

from __future__ import annotations

import math
import operator
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager
from contextvars import ContextVar
from typing import Any, NamedTuple, NoReturn

import numpy as np
from numpy.lib.mixins import NDArrayOperatorsMixin

from tensorgrad.base.arraycalls import Attribute, Method
from tensorgrad.base.context import holding
from tensorgrad.base.dtypes import Array
from tensorgrad.base.numpyfacts import KNOWN_BY_SHAPE
from tensorgrad.base.watched import HOLDERS
from tensorgrad.errors import AutogradError

from .reads import Stand
from .tensor import Tensor, tick


class UnbatchableError(AutogradError):
    """Why something is not computed for all examples of a batch at once; the run of `vmap` knows it, too."""

    def __init__(self, *args: Any) -> None:
        super().__init__(*args)
        for level in _RUNNING.get()[-1:]:
            level.refused = self


class RandomnessError(AutogradError):
    """A random number was drawn where `vmap` was told to refuse that."""


class Level:
    """One run of `vmap`: of how many examples, since when, and what was drawn, written and taken from outside in it."""

    __slots__ = ("gates", "randomness", "refused", "size", "start", "states", "written")

    def __init__(self, size: int, randomness: str = "error") -> None:
        self.size = size
        self.randomness = randomness
        self.start = tick()  # what is older stands outside
        self.gates: dict[Any, Any] = {}  # for the node of a tensor from outside: the one that stands for it inside
        self.refused: UnbatchableError | None = None  # a function may go on after an error
        self.states: dict[Any, Any] = {}  # for each generator that has drawn: its state before
        self.written: list[tuple[Array, Array]] = []  # what has been written, and what it was before
        begun[0] += 1

    def undo(self) -> None:
        """Put back what has been drawn and written."""
        for generator, state in self.states.items():
            generator.state = state
        for array, before in reversed(self.written):
            array[...] = before


Levels = tuple[Level, ...]
"""Those of a value, the outermost first: in this order their axes stand in front."""

begun = [0]
"""How many runs of `vmap` there have been: before the first one nobody asks further."""

_RUNNING: ContextVar[Levels] = ContextVar("levels", default=())
running_levels = _RUNNING.get
"""The runs of `vmap` around what is computed now, the outermost first."""

_start = operator.attrgetter("start")


def within_levels(levels: Levels) -> AbstractContextManager[None]:
    """Context manager: these runs of `vmap` are around what is computed inside."""
    return holding(_RUNNING, levels)


def rank_of(v: Any) -> int:
    """Return how many axes the value `v` has, or one example of it; what numpy.ndim says, which would ask `v`."""
    rank: int = getattr(v, "ndim", 0)
    return rank


class Batch(NamedTuple):
    """The levels that meet in an operation, and their lengths: the axes in front."""

    levels: Levels
    lead: tuple[int, ...]

    def aligned(self, values: list[Any]) -> list[Any]:
        """Return `values` with all axes in front (length 1 where a value is the same for all) and of equal rank."""
        rank = max(map(rank_of, values))
        return [self.placed(v, rank) if type(v) is Batched else v for v in values]

    def placed(self, v: Any, rank: int) -> Any:
        """Return `v` with an axis for every level in front, and `rank` axes behind."""
        if type(v) is not Batched:
            shape = np.shape(v)
            return np.reshape(v, (1,) * (len(self.lead) + rank - len(shape)) + shape)
        if v.levels == self.levels and v.ndim == rank:
            return v.inner
        lead = tuple([n if level in v.levels else 1 for level, n in zip(self.levels, self.lead, strict=True)])
        return v.inner.reshape(lead + (1,) * (rank - v.ndim) + v.shape)

    def full(self, v: Any, rank: int | None = None) -> Any:
        """Return `v` with all axes in front in their full length, and `rank` axes behind (None: its own)."""
        x = self.placed(v, rank_of(v) if rank is None else rank)
        shape = self.lead + x.shape[len(self.lead) :]
        return x if x.shape == shape else np.broadcast_to(x, shape)


BatchRule = Callable[[Callable[..., Any], Batch, list[Any], dict[str, Any]], Any]
"""How a function is called for all examples at once: (function, batch, values, params) -> its array, batch in front."""

FUNCTIONS: dict[Any, BatchRule] = {}
"""The rules of NumPy's functions, which the library calls with the arrays of tensors (see `batchrules`)."""


def _agreed(how: str, convert: Callable[[Any], Any]) -> Callable[[Any], Any]:
    """Return a special method that gives the number which is the same for all examples."""

    def read(self: Any) -> Any:
        return convert(self.agreed(how))

    return read


class Batched(NDArrayOperatorsMixin):
    """The values of an array for all examples: `inner` has an axis in front for each of `levels`."""

    __slots__ = ("__weakref__", "dtype", "inner", "levels", "ndim", "shape")
    vars()["__class__"] = Stand  # what isinstance asks, and often: no property; type checkers know another one

    def __init__(self, inner: Any, levels: Levels) -> None:
        if len(levels) > 1 and list(levels) != sorted(levels, key=_start):
            raise RuntimeError("the axes of a batch do not stand in the order in which its levels were begun")
        self.inner = inner
        self.levels = levels
        self.shape = shape = inner.shape[len(levels) :]
        self.ndim = len(shape)
        self.dtype = inner.dtype

    @property
    def base(self) -> Any:
        """The array inside: whoever asks for the owner of the memory comes to it."""
        return self.inner

    @property
    def size(self) -> int:
        """The number of elements of one example."""
        return math.prod(self.shape)

    def agreed(self, how: str) -> Any:
        """Return the only element, where it is the same for all examples; `how` it is asked for stands in the error."""
        flat = self.inner.reshape(-1)
        if self.size != 1 or not flat.size:
            return np.empty(self.shape).item()  # which raises what NumPy raises
        if not (flat == flat[0]).all():
            raise UnbatchableError(
                f"{how} of a batched tensor was asked for, which differs between the examples: branches and numbers "
                f"of Python are the same for all of them; tensorgrad.where chooses for each"
            )
        return flat[0].item()

    __bool__ = _agreed("the truth value", bool)
    __float__ = _agreed("float()", float)
    __int__ = _agreed("int()", int)
    __complex__ = _agreed("complex()", complex)

    def __index__(self) -> int:
        if self.ndim:  # NumPy would take it for a number, and drop an axis
            raise TypeError("only integer scalar arrays can be converted to a scalar index")
        return operator.index(self.agreed("an index"))

    def item(self, *args: Any) -> Any:
        """Return the only element as a number of Python's, where it is the same for all examples."""
        return self.agreed(".item()") if not args else _refuse(".item(index)")

    def __array_ufunc__(self, ufunc: np.ufunc, method: str, *inputs: Any, **kwargs: Any) -> Any:
        if any(isinstance(x, Tensor) for x in inputs):
            return NotImplemented
        if kwargs.get("out") is not None:
            _refuse(f"a write of {ufunc.__name__} in place")
        if method == "__call__":
            rule = FUNCTIONS.get(ufunc, FUNCTIONS[np.ufunc] if ufunc.signature is None else None)
            return call(ufunc, rule, list(inputs), kwargs)
        rule = {"reduce": FUNCTIONS[np.sum], "accumulate": FUNCTIONS[np.ufunc.accumulate]}.get(method)
        return call(getattr(ufunc, method), rule, list(inputs), {"axis": 0, **kwargs})

    def __array_function__(self, function: Any, types: Any, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
        if function in (np.may_share_memory, np.shares_memory):
            return function(*map(array_of, args), **kwargs)
        if function in KNOWN_BY_SHAPE or (function is np.full_like and type(args[1]) is not Batched):
            return function(*map(_of_shape, args), **kwargs)
        rule = FUNCTIONS.get(function)
        if rule is None or kwargs.get("out") is not None:
            _refuse(f"numpy.{function.__name__}")
        return call(function, rule, list(args), kwargs)

    def __array__(self, dtype: Any = None, copy: bool | None = None) -> Array:
        return _refuse("a plain array, for NumPy or for .numpy(),")

    def __getattr__(self, name: str) -> Any:
        if name == "strides":
            return self.inner.strides[len(self.levels) :]
        if name in ("flags", "itemsize"):
            return getattr(self.inner, name)
        if name.startswith("__") or not hasattr(np.ndarray, name):
            raise AttributeError(f"'numpy.ndarray' object has no attribute '{name}'")
        method = getattr(np.ndarray, name)
        rule = FUNCTIONS.get(method)
        if rule is None:
            _refuse(f".{name}")
        if not callable(method):
            return call(Attribute(name), rule, [self], {})
        return lambda *args, **kwargs: call(Method(name), rule, [self, *args], kwargs)

    def __getitem__(self, index: Any) -> Any:
        return call(getitem, FUNCTIONS[getitem], [self], {"index": index})

    def __setitem__(self, index: Any, value: Any) -> None:
        _refuse("a write in place")

    def __pow__(self, other: Any) -> Any:
        return call(
            operator.pow, FUNCTIONS[np.ufunc], [self, other], {}
        )  # which for an array is quicker than its ufunc

    def __iter__(self) -> Iterator[Any]:
        return (self[i] for i in range(len(self)))

    def __len__(self) -> int:
        if not self.shape:
            raise TypeError("len() of unsized object")
        return int(self.shape[0])

    def __hash__(self) -> NoReturn:
        raise TypeError("unhashable type: 'numpy.ndarray'")

    def __copy__(self) -> Any:
        return Batched(self.inner.copy(), self.levels)

    def __deepcopy__(self, memo: dict[int, Any]) -> Any:
        return self.__copy__()

    def __repr__(self) -> str:
        return f"Batched({self.inner!r}, {len(self.levels)} in front)"


def itself(function: Callable[..., Any], batch: Batch, values: list[Any], params: dict[str, Any]) -> Any:
    """The rule of what knows batches itself: it is called with the values as they are."""
    raise NotImplementedError(f"{function} is called by `call`, with {values}, {params} and no {batch}")


def getitem(x: Any, *, index: Any) -> Any:
    """Return ``x[index]``."""
    return x[index]


HOLDERS.add(Batched)


def _refuse(what: str) -> NoReturn:
    raise UnbatchableError(f"{what} has no form for all examples of a batch at once")


def _of_shape(x: Any) -> Any:
    """Return what tells the shape and the dtype of `x`."""
    return np.broadcast_to(np.empty((), x.dtype), x.shape) if type(x) is Batched else x


def call(function: Callable[..., Any], rule: BatchRule | None, values: list[Any], params: dict[str, Any]) -> Any:
    """Return what `function` gives for all examples at once, by its `rule`."""
    if rule is itself:
        return function(*values, **params)
    levels = _met([*values, *_indices(params)] if params else values)
    if rule is None or (params and Batched in [type(p) for k, p in params.items() if k != "index"]):
        _refuse(f"{getattr(function, '__name__', 'a function')}, or one of its parameters,")
    lead = (levels[0].size,) if len(levels) == 1 else tuple([level.size for level in levels])
    out = rule(function, Batch(levels, lead), values, params)
    if not isinstance(out, tuple):
        return Batched(out, levels) if out.shape[: len(lead)] == lead else _wrapped(out, levels, lead)
    return tuple([_wrapped(part, levels, lead) for part in out])


def _wrapped(out: Any, levels: Levels, lead: tuple[int, ...]) -> Batched:
    if out.shape[: len(lead)] != lead:  # a rule that is wrong must not give a number that is
        _refuse(f"a result of shape {out.shape} for batches of {lead}")
    return Batched(out, levels)


def _indices(params: dict[str, Any]) -> tuple[Any, ...]:
    index = params.get("index")
    return index if index.__class__ is tuple else (index,)


def _met(values: list[Any]) -> Levels:
    """Return the levels of all `values`."""
    found: Levels = ()
    for v in values:
        kind = type(v)
        if kind is Batched:
            if (levels := v.levels) is not found and levels != found:
                found = tuple(sorted({*found, *levels}, key=_start)) if found else levels
        elif kind is tuple or kind is list:  # as numpy.concatenate takes them
            found = tuple(sorted({*found, *_met(v)}, key=_start))
    return found


def batched_in(values: Any, params: dict[str, Any]) -> bool:
    """Return whether one of `values`, or of the indices in `params`, differs between examples."""
    return Batched in map(type, values) or ("index" in params and differs(params["index"]))


def is_batched(x: Any) -> bool:
    """Return whether the array `x` differs between examples."""
    return type(x) is Batched


def levels_of(x: Any) -> Levels:
    """Return the levels of an array, none where it is the same for all examples."""
    return x.levels if type(x) is Batched else ()


def differs(index: Any) -> bool:
    """Return whether an index differs between examples."""
    return Batched in map(type, index if index.__class__ is tuple else (index,))


def array_of(x: Any) -> Any:
    """Return the array itself of what a `Batched` holds for all examples; any other value as it is."""
    return x.inner if type(x) is Batched else x


def of_rows(function: Callable[..., Any], x: Any, *args: Any) -> Any:
    """Return ``function(x, *args)``, which treats the rows of `x` one by one: those of all examples at once."""
    if type(x) is not Batched:
        return function(x, *args)
    y = function(x.inner.reshape(-1, *x.shape[1:]), *args)
    return Batched(y.reshape(*x.inner.shape[: len(x.levels)], x.shape[0], *y.shape[1:]), x.levels)


def somewhere(mask: Any) -> bool:
    """Return whether `mask` holds for an element of any example."""
    return bool(array_of(mask).any())
