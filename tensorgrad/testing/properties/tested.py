"""What `gradients` is given, whatever it is, as one thing: its name and place, its parameters, how it is run."""

from __future__ import annotations

import copy
import inspect
import os
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from types import FunctionType
from typing import Any

from tensorgrad.base.callsite import is_outside
from tensorgrad.base.dtypes import Array
from tensorgrad.engine.tensor import Tensor, wrap
from tensorgrad.errors import ArgumentError
from tensorgrad.func.modules import functional_call

from .foreign import Pair
from .fromtorch import FromTorch, as_argument, as_array, pytorch
from .libraries import is_of
from .point import Point


@dataclass(frozen=True)
class Tested:
    """A function under test.

    Attributes:
        function: what was given.
        name: what it is called.
        place: where its derivative, or else it, is written: ``file:line``; empty where no source is.
        parameters: those that are drawn, by name; None where nobody knows them.
        own: the arrays of a module's parameters, by name: they are not drawn.
        run: called with a point, and tensors for those in it and for `own` behind them.
        foreign: what runs it, of another library.
        library: whose tensors it takes.
    """

    function: Any
    name: str
    place: str
    parameters: Mapping[str, inspect.Parameter] | None
    run: Callable[[Point, Sequence[Tensor]], Any]
    library: str
    foreign: Pair | FromTorch | None = None
    own: Mapping[str, Array] = field(default_factory=dict)

    @property
    def has_lines(self) -> bool:
        """Whether it is of operations that stand in lines of the user's, which the record knows."""
        function = inspect.unwrap(self.function)
        own = isinstance(function, FunctionType) and is_outside(function.__code__.co_filename)
        return own and self.foreign is None

    def tensors(self, point: Point) -> dict[str, Tensor]:
        """Return all tensors that it is differentiated by, or may be, by name."""
        return {**point.tensors, **{f"self.{name}": wrap(x.copy()).requires_grad_() for name, x in self.own.items()}}


def tested(function: Any, gradient: Callable[..., Any] | None, library: str | None) -> Tested:
    """Return `function` as what it is: a pair with `gradient`, PyTorch's, or our own."""
    if not callable(function):
        raise ArgumentError(
            f"gradients(): the first argument must be a function, a module or a Function, found {function!r}"
        )
    if library not in (None, "tensorgrad", "torch"):
        raise ArgumentError(f"gradients(): argument 'library' must be 'tensorgrad' or 'torch', found {library!r}")
    called = _applied(function)
    name, parameters = _name(called), _parameters(function)
    if gradient is not None:
        pair = Pair(function, gradient, name)
        return Tested(function, name, place_of(gradient), parameters, pair, "numpy", pair)
    place = place_of(called)
    if library == "torch" or (library is None and is_of(function, "torch")):
        return _of_torch(function, called, name, place, parameters)
    if not hasattr(function, "named_parameters"):
        run = _called_by(_applying(called), parameters)
        return Tested(function, name, place, parameters, lambda point, xs: run(point.replaced(xs)), "tensorgrad")
    module = copy.deepcopy(function).double()
    own = {key: p.array for key, p in module.named_parameters()}

    def of_module(point: Point, xs: Sequence[Tensor]) -> Any:
        n = len(point.tensors)
        weights = dict(zip(own, xs[n:], strict=True))
        return functional_call(module, weights, (), point.replaced(xs[:n]))

    return Tested(function, name, place, parameters, of_module, "tensorgrad", None, own)


def _of_torch(
    function: Any, called: Any, name: str, place: str, parameters: Mapping[str, inspect.Parameter] | None
) -> Tested:
    own: dict[str, Array] = {}
    if hasattr(function, "named_parameters"):
        module = copy.deepcopy(function).double()
        own = {key: as_array(p) for key, p in module.named_parameters()}

        def call(point: Point, xs: Sequence[Any]) -> Any:
            n = len(point.tensors)
            weights = dict(zip(own, xs[n:], strict=True))
            return pytorch().func.functional_call(module, weights, (), _for_torch(point, xs[:n]))
    else:
        run = _called_by(_applying(called), parameters)

        def call(point: Point, xs: Sequence[Any]) -> Any:
            return run(_for_torch(point, xs))

    foreign = FromTorch(call)
    return Tested(function, name, place, parameters, foreign, "torch", foreign, own)


def _for_torch(point: Point, xs: Sequence[Any]) -> dict[str, Any]:
    given = iter(xs)
    return {name: as_argument(value, given) for name, value in point.arguments.items()}


def _applied(function: Any) -> Any:
    """Return the class of a Function, also where its ``apply`` was given."""
    owner = getattr(function, "__self__", None)
    return owner if isinstance(owner, type) and getattr(function, "__name__", "") == "apply" else function


def _applying(called: Any) -> Any:
    """Return what is to be called: of a Function its ``apply``, also where the class itself was given."""
    return called.apply if isinstance(called, type) and hasattr(called, "apply") else called


def _name(called: Any) -> str:
    if isinstance(called, type | FunctionType):
        return called.__qualname__.rpartition("<locals>.")[2]
    return str(getattr(called, "__name__", type(called).__name__))


def _parameters(function: Any) -> Mapping[str, inspect.Parameter] | None:
    """Return what a function, the forward of a module, or that of a Function is called with; None if nobody knows."""
    called = _applied(function)
    forward = getattr(called, "forward", None)
    if isinstance(called, type) and forward is not None:
        found = list(inspect.signature(forward).parameters.items())
        plain = "setup_context" in {name for base in called.__mro__[:1] for name in vars(base)}
        return dict(found if plain else found[1:])
    try:
        signature = inspect.signature(forward if hasattr(called, "named_parameters") and forward else called)
    except ValueError:  # of a function in C
        return None
    return dict(signature.parameters)


def _called_by(
    function: Callable[..., Any], parameters: Mapping[str, inspect.Parameter] | None
) -> Callable[[Mapping[str, Any]], Any]:
    """Return what calls `function` with arguments by name: by place, as far as nothing is left out before."""
    order = (
        None if parameters is None else [name for name, p in parameters.items() if p.kind <= p.POSITIONAL_OR_KEYWORD]
    )

    def call(arguments: Mapping[str, Any]) -> Any:
        if order is None:
            return function(*arguments.values())
        n = next((i for i, name in enumerate(order) if name not in arguments), len(order))
        first = [arguments[name] for name in order[:n]]
        return function(*first, **{name: v for name, v in arguments.items() if name not in order[:n]})

    return call


def place_of(called: Any) -> str:
    """Return where `called`, or the backward of it, is written, as ``file:line``; empty where no source is."""
    functions = (getattr(called, "backward", None), called, getattr(called, "forward", None))
    code = next((inspect.unwrap(f).__code__ for f in functions if isinstance(f, FunctionType)), None)
    if code is None:
        return ""
    path = Path(code.co_filename)
    near = os.path.relpath(path) if path.is_absolute() and path.is_relative_to(Path.cwd()) else path
    return f"{near}:{code.co_firstlineno}"
