"""A call of NumPy that no table holds, as the record of a primitive: what a trace keeps of code on raw arrays.

Such a record has no derivative and converts no dtype: it is what the code said. Its parameter ``*`` holds the
positional arguments from the first on that is neither an array nor a number.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Any

import numpy as np

from tensorgrad.base.arraycalls import ByParts
from tensorgrad.base.caching import remembered

from .batched import getitem
from .primitive import PRIMITIVES, Primitive, Signature

REST = "*"
"""The parameter that holds the further positional arguments."""

_TOLD_AS = {"max": "amax", "min": "amin", "T": "transpose", "invert": "bitwise_not", "round": "round"}


class Part(ByParts):
    """One of several results: ``np.nonzero(x)[0]``."""

    __slots__ = ("call", "index")

    def __init__(self, call: Callable[..., Any], index: int) -> None:
        super().__init__(call, index)
        self.call, self.index = call, index

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        """Call the function, and return this part."""
        return self.call(*args, **kwargs)[self.index]


class Written(ByParts):
    """The value of the first argument after a function has written to it: ``np.put(x, index, value)``."""

    __slots__ = ("call",)

    def __init__(self, call: Callable[..., Any]) -> None:
        super().__init__(call)
        self.call = call

    def __call__(self, x: Any, *args: Any, **kwargs: Any) -> Any:
        """Return what `x` would be after the call, which runs on a copy."""
        return after(self.call, x, *args, **kwargs)


class Draw(ByParts):
    """A draw from the generator number `stream` of a trace: by its method of that name, or by a function of it."""

    __slots__ = ("call", "stream")

    def __init__(self, call: Callable[..., Any] | str, stream: int) -> None:
        super().__init__(call, stream)
        self.call, self.stream = call, stream

    def __call__(self, generator: Any, *args: Any, **kwargs: Any) -> Any:
        """Draw."""
        drawn = getattr(generator, self.call) if isinstance(self.call, str) else partial(self.call, generator)
        return drawn(*args, **kwargs)


def after(function: Any, x: Any, *args: Any, **kwargs: Any) -> Any:
    """Return a copy of an array to which a function has written."""
    y = x.copy()
    function(y, *args, **kwargs)
    return y


ITEM = getitem


def name_of(function: Any) -> str:
    """Return what a call of `function` is called in a drawing.

    >>> from tensorgrad.base.arraycalls import Method
    >>> name_of(Method("sum")), name_of(Part(divmod, 1))
    ('sum', 'divmod')
    """
    if isinstance(function, Part | Written | Draw):
        return name_of(function.call)
    name = function if isinstance(function, str) else str(getattr(function, "name", None) or function.__name__)
    name = name.lstrip("_")
    ufunc = getattr(function, "__self__", None)  # np.add.reduce
    owner = ufunc.__name__ if isinstance(ufunc, np.ufunc) else ""
    return f"{owner}.{name}" if owner else name


@remembered()
def record_of(function: Any) -> Primitive:
    """Return the record of a call of `function`, under the name and symbol that the table has for it, if it does."""
    known = by_forward().get(function)
    name = name_of(function)
    known = known or PRIMITIVES.get(_TOLD_AS.get(name, name))
    return Primitive(
        name if known is None else known.name,
        "numpy",
        function,
        Signature((), True, {}),
        (),
        (),
        lambda i: frozenset(),
        name if known is None else known.symbol,
        (),
    )


@remembered()
def by_forward() -> dict[Any, Primitive]:
    """Return the table of primitives by their forward functions."""
    return {record.forward: record for record in PRIMITIVES.values()}


@remembered()
def on_arrays(primitive: Primitive) -> Primitive:
    """Return the record of `primitive` run on raw arrays: what it computes, without the dtypes of tensors."""
    return primitive.changed(kind="numpy", vjps=(), jvps=(), composed=None)


def called(record: Primitive, operands: Any, params: dict[str, Any]) -> Any:
    """Return what `record` computes of plain operands and parameters."""
    rest = {key: value for key, value in params.items() if key != REST}
    return record.forward(*operands, *params.get(REST, ()), **rest)
