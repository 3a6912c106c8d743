"""The one place that completes the class Tensor, and makes the functions of the package, from the table in `names`.

Everything becomes a plain attribute of the class, and a primitive is bound as it is: a look-up costs what it costs in
any class. A method of the table becomes one when it is first asked for: `import` waits for none of their files. What a
factory makes says its parameters: `help` and `inspect.signature` show them, the stubs print them.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from inspect import Parameter, Signature, signature
from threading import Lock
from types import FunctionType
from typing import Any

from tensorgrad.arrays.mixed import FUNCTIONS
from tensorgrad.base.answers import answering, is_for_users, known_as_answering
from tensorgrad.base.caching import loaded
from tensorgrad.engine.primitive import PRIMITIVES, Primitive
from tensorgrad.engine.tensor import Tensor
from tensorgrad.functions.common import binary, checked, published, shows, unary

from .conversions import Conversions
from .names import METHODS_AS_FUNCTIONS, ROWS, WRITING, inplace
from .operators import BINARY, OTHERS, Operators, reflected
from .protocols import Protocols
from .row import Row

AnyFunction = Callable[..., Any]

NAMES: dict[str, Row | None] = {name: row for row in ROWS for name in row.functions} | dict.fromkeys(
    METHODS_AS_FUNCTIONS
)
"""Their names, each with its row; None: it is a method that is no operation."""

_rows: dict[str, tuple[AnyFunction, AnyFunction]] = {}
_LOCK = Lock()


def named(function: AnyFunction, name: str, shown: Callable[[], Signature]) -> AnyFunction:
    """Return `function`, which a factory made, under the `name` and with the parameters that users see."""
    function.__name__ = function.__qualname__ = name
    shows(function, shown)
    return function


def describe(op: AnyFunction) -> None:
    """Let `op`, if it is a primitive, say its parameters: the arguments, given by their places, then the keywords."""
    if is_primitive(op):
        named(op, op.__name__, partial(_of_primitive, PRIMITIVES[op.__name__]))


def _of_primitive(primitive: Primitive) -> Signature:
    given = primitive.signature
    arguments = [
        Parameter(name, Parameter.POSITIONAL_ONLY, annotation="Operand" if place else "Tensor")
        for place, name in enumerate(given.arguments)
    ]
    keywords = [
        Parameter(name, Parameter.KEYWORD_ONLY, default=value, annotation=type(value).__name__)
        for name, value in given.defaults.items()
    ]
    return Signature([*arguments, *keywords], return_annotation="Tensor")


def is_primitive(function: AnyFunction) -> bool:
    """Return whether `function` is an op of the table of primitives, not a function around it."""
    return "primitive" in vars(function)


def with_out(op: AnyFunction) -> AnyFunction:
    """Return the function of the package for a primitive."""
    return (unary if len(PRIMITIVES[op.__name__].signature.arguments) == 1 else binary)(op)


def in_place(operation: AnyFunction, name: str, reshapes: bool = False) -> AnyFunction:
    """Return the method `name` that does what `operation` does, and changes the tensor; it takes no `out`."""

    def without_out() -> Signature:
        shown = signature(operation)
        return shown.replace(parameters=[p for p in shown.parameters.values() if p.name != "out"])

    return named((inplace.reshaped if reshapes else inplace.written)(name, operation), name, without_out)


def offered(name: str) -> AnyFunction:
    """Return the function of the package whose first argument is the tensor that the method `name` is called on."""

    def function(input: Tensor, *args: Any, **kwargs: Any) -> Any:
        return getattr(checked(name, input), name)(*args, **kwargs)

    def with_input() -> Signature:
        input = Parameter("input", Parameter.POSITIONAL_OR_KEYWORD, annotation="Tensor")
        shown = signature(method)
        return shown.replace(parameters=[input, *list(shown.parameters.values())[1:]])

    method = getattr(Tensor, name)
    function.__doc__ = method.__doc__.replace("the tensor itself", "`input` itself")
    return named(function, name, with_input)


class _Nothing(Tensor):
    __slots__ = ()


def attach_classes() -> None:
    """Give Tensor the methods that are no operations."""
    for part in (Protocols, Conversions, Operators):
        for name, member in vars(part).items():
            if name not in vars(_Nothing):
                setattr(Tensor, name, _as_of_tensor(name, member))
    for name in WRITING:
        setattr(Tensor, name, Waiting(name, _writing, inplace.InPlace))


def _as_of_tensor(name: str, member: Any) -> Any:
    if isinstance(member, FunctionType):
        member.__qualname__ = f"Tensor.{name}"
    return answering(member) if is_for_users(name, member) else member


def _writing(name: str, part: Any) -> Any:
    return _as_of_tensor(name, vars(loaded(part))[name])


def _function_and_method(row: Row) -> tuple[AnyFunction, AnyFunction]:
    """Return what a row of the table gives the package, and what it gives Tensor."""
    function = published(loaded(row.function), "tensorgrad")
    if not is_primitive(function):
        function = answering(function)
    operation = loaded(row.method) or function
    describe(operation)
    return with_out(function) if is_primitive(function) else function, operation


def _made(row: Row) -> tuple[AnyFunction, AnyFunction]:
    if row.names not in _rows:
        _rows.setdefault(row.names, _function_and_method(row))  # another thread may have been quicker
    return _rows[row.names]


def function_of(name: str) -> AnyFunction:
    """Return the function of the package of that name, one of `NAMES`."""
    row = NAMES[name]
    return answering(offered(name)) if row is None or name.endswith("_") else _made(row)[0]


def _method_of(name: str, row: Row) -> AnyFunction:
    operation = _made(row)[1]
    method = in_place(operation, name, row.reshapes) if name.endswith("_") else operation
    known_as_answering(method)  # a primitive explains its errors itself, what writes is around what answers
    return method


class Waiting:
    """A method that Tensor gets when it is first asked for: what `make` gives of the name and its row of a table."""

    __slots__ = ("make", "name", "row")

    def __init__(self, name: str, make: Callable[[str, Any], AnyFunction], row: Any) -> None:
        self.name, self.make, self.row = name, make, row

    def __get__(self, instance: Any, owner: type) -> Any:
        method: Any = self.make(self.name, self.row)
        with _LOCK:  # of several threads the first one gives it
            if vars(Tensor)[self.name] is self:
                setattr(Tensor, self.name, method)
        return vars(Tensor)[self.name].__get__(instance, owner)


def attach_rows() -> None:
    """Give Tensor the methods of the table, which wait until they are asked for."""
    for row in ROWS:
        for name in row.methods:
            setattr(Tensor, name, Waiting(name, _method_of, row))


def attach_operators() -> None:
    """Give Tensor what Python calls for its signs."""
    for name, function, written in BINARY:
        setattr(Tensor, f"__{name}__", Waiting(f"__{name}__", _operator, function))
        setattr(Tensor, f"__r{name}__", reflected(f"__r{name}__", function))
        if written:
            setattr(Tensor, f"__i{name}__", Waiting(f"__i{name}__", _in_place, (function, written)))
    for name, other in OTHERS.items():
        setattr(Tensor, f"__{name}__", Waiting(f"__{name}__", _operator, other))


def _operator(name: str, function: AnyFunction) -> AnyFunction:
    describe(found := loaded(function))
    return found


def _in_place(name: str, row: tuple[AnyFunction, str]) -> AnyFunction:
    return in_place(loaded(row[0]), row[1])


FUNCTIONS.make = function_of
attach_classes()
attach_rows()
attach_operators()
