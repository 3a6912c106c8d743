"""The one place that completes the class Tensor, and makes the functions of the package, from the table in `names`.

Everything becomes a plain attribute of the class, and a primitive is bound as it is: a look-up costs what it costs in
any class. What a factory makes says its parameters: `help` and `inspect.signature` show them, the stubs print them.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from inspect import Parameter, Signature, signature
from types import FunctionType
from typing import Any

from tensorgrad.base.answers import answering, is_for_users, known_as_answering
from tensorgrad.engine.primitive import PRIMITIVES, Primitive
from tensorgrad.engine.tensor import Tensor
from tensorgrad.functions.common import binary, checked, published, shows, unary

from . import ufuncs
from .conversions import Conversions
from .inplace import InPlace, reshaped, written
from .names import METHODS_AS_FUNCTIONS, ROWS
from .operators import BINARY, OTHERS, Operators, reflected
from .protocols import Protocols

AnyFunction = Callable[..., Any]

FUNCTIONS = ufuncs.FUNCTIONS
"""The functions of the package that the table names."""


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

    return named((reshaped if reshapes else written)(name, operation), name, without_out)


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
    for part in (Protocols, Conversions, Operators, InPlace):
        for name, member in vars(part).items():
            if name not in vars(_Nothing):
                if isinstance(member, FunctionType):
                    member.__qualname__ = f"Tensor.{name}"
                setattr(Tensor, name, answering(member) if is_for_users(name, member) else member)


def attach_rows() -> None:
    """Give Tensor the methods of the table, and collect its functions."""
    for row in ROWS:
        function = published(row.function, "tensorgrad")
        if not is_primitive(function):
            function = answering(function)
        operation = row.method or function
        describe(operation)
        made = with_out(function) if is_primitive(function) else function
        for name in row.methods:
            method = in_place(operation, name, row.reshapes) if name.endswith("_") else operation
            known_as_answering(method)  # a primitive explains its errors itself, what writes is around what answers
            setattr(Tensor, name, method)
        for name in row.functions:
            FUNCTIONS[name] = offered(name) if name.endswith("_") else made
    FUNCTIONS.update({name: offered(name) for name in METHODS_AS_FUNCTIONS})


def attach_operators() -> None:
    """Give Tensor what Python calls for its signs."""
    for name, function, inplace in BINARY:
        describe(function)
        setattr(Tensor, f"__{name}__", function)
        setattr(Tensor, f"__r{name}__", reflected(f"__r{name}__", function))
        if inplace:
            setattr(Tensor, f"__i{name}__", in_place(function, inplace))
    for name, function in OTHERS.items():
        setattr(Tensor, f"__{name}__", function)


attach_classes()
attach_rows()
attach_operators()
